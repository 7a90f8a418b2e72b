//! P027: a subject that grants what it seems to grant.

use super::{CertificateEvidence, Check, Citation, Fact, Outcome, Rule, Severity};
use crate::x509::{COMMON_NAME, Name, ORGANIZATION, ORGANIZATIONAL_UNIT, Printable, is_deceptive};

/// What the names of Kubernetes' own users and groups begin with: "system:" is reserved by RBAC,
/// "kubeadm:" is kubeadm's for the group that it binds to cluster-admin.
const RESERVED: [&str; 2] = ["system:", "kubeadm:"];

pub(super) static RULE: Rule = Rule {
    id: "P027",
    name: "groups",
    title: "The subject grants other rights than it seems to",
    severity: Severity::High,
    citations: &[
        Citation::page(
            "Kubernetes authentication with X.509 client certificates",
            "https://kubernetes.io/docs/reference/access-authn-authz/authentication/#x509-client-certificates",
        ),
        Citation::page(
            "Kubernetes RBAC: default roles and role bindings",
            "https://kubernetes.io/docs/reference/access-authn-authz/rbac/#default-roles-and-role-bindings",
        ),
        Citation::page("Unicode Technical Standard 39 section 4", "https://www.unicode.org/reports/tr39/"),
    ],
    explanation: "Kubernetes takes the user from the common name and one group from every organization, letter by letter. A group \
                  of the system beside others adds up: a node's certificate with system:masters is the cluster's \
                  administrator. A look-alike (another case, a space, a Cyrillic letter) grants nothing to its holder, but \
                  deceives whoever reads it. The organizational unit grants nothing at all. Of several common names Go takes \
                  the last, other readers the first.",
    fix: "Issue it again with one common name and with exactly the groups that it needs, each as `--group`.",
    applies_to: "certificates",
    check: Check::Certificate(check),
};

fn check(evidence: &CertificateEvidence<'_>) -> Outcome {
    let subject = &evidence.tbs.subject;
    let mut facts = Vec::new();
    if subject.values(COMMON_NAME).nth(1).is_some() {
        facts.push(Fact::new(format!("it has several common names: {}", shown(subject, COMMON_NAME))));
    }
    let groups = subject.values(ORGANIZATION).count();
    if groups > 1 && subject.values(ORGANIZATION).any(is_reserved) {
        facts.push(Fact::new(format!(
            "a group of the system stands among others: {}",
            shown(subject, ORGANIZATION)
        )));
    }
    for attribute in subject.attributes() {
        match attribute.oid.as_str() {
            COMMON_NAME | ORGANIZATION => {
                let kind = attribute.short_name();
                if attribute.value.chars().any(is_deceptive) {
                    let value = Printable(&attribute.value);
                    facts.push(Fact::new(format!("{kind}={value} holds characters that cannot be seen")));
                } else if is_look_alike(&attribute.value) {
                    let plain: String = skeleton(&attribute.value).collect();
                    let value = Printable(&attribute.value);
                    facts.push(Fact::new(format!(
                        "{kind}={value} looks like {}, and is not",
                        Printable(&plain)
                    )));
                }
            }
            ORGANIZATIONAL_UNIT if looks_reserved(&attribute.value) => facts.push(Fact::new(format!(
                "OU={} grants nothing: a group stands in O",
                Printable(&attribute.value)
            ))),
            ORGANIZATIONAL_UNIT if groups == 0 && evidence.is_client() => facts.push(Fact::milder(
                Severity::Info,
                format!("OU={} is no group, and there is no O", Printable(&attribute.value)),
            )),
            _ => {}
        }
    }
    facts.into()
}

/// The values of an attribute, at most eight of them.
fn shown(subject: &Name, oid: &str) -> String {
    let values: Vec<String> = subject.values(oid).take(8).map(|value| Printable(value).to_string()).collect();
    let rest = subject.values(oid).skip(8).count();
    let more = if rest == 0 { String::new() } else { format!(" and {rest} more") };
    format!("{}{more}", values.join(", "))
}

fn is_reserved(value: &str) -> bool {
    RESERVED.iter().any(|prefix| value.starts_with(prefix))
}

/// Whether a person would read a reserved name here.
fn looks_reserved(value: &str) -> bool {
    RESERVED.iter().any(|prefix| skeleton(value).take(prefix.len()).eq(prefix.chars()))
}

fn is_look_alike(value: &str) -> bool {
    looks_reserved(value) && !skeleton(value).eq(value.chars())
}

/// What a person reads: without spaces, in lower case, and each letter that looks like one of ASCII as that one.
fn skeleton(value: &str) -> impl Iterator<Item = char> {
    value.chars().filter(|c| !c.is_whitespace() && !is_deceptive(*c)).map(plain)
}

/// The letter of ASCII that a character looks like, after the confusables of Unicode Technical Standard 39:
/// the letters that the reserved names consist of, and the colon.
fn plain(c: char) -> char {
    match c {
        'A'..='Z' => c.to_ascii_lowercase(),
        // Full-width forms stand in the order of ASCII.
        '\u{ff01}'..='\u{ff5e}' => u8::try_from(u32::from(c) - 0xff01 + 0x21)
            .map_or(c, |ascii| char::from(ascii).to_ascii_lowercase()),
        'а' | 'А' | 'α' | 'Α' | 'ɑ' => 'a',
        'Ь' | 'Β' | 'В' => 'b',
        'с' | 'С' | 'ϲ' => 'c',
        'ԁ' => 'd',
        'е' | 'Е' | 'Ε' | 'ҽ' => 'e',
        'к' | 'К' | 'κ' | 'Κ' => 'k',
        'м' | 'М' | 'Μ' => 'm',
        'ո' | 'Ν' => 'n',
        'о' | 'О' | 'ο' | 'Ο' | 'օ' => 'o',
        'г' | 'ⲅ' => 'r',
        'ѕ' | 'Ѕ' | 'ꜱ' => 's',
        'т' | 'Т' | 'τ' | 'Τ' => 't',
        'у' | 'У' | 'γ' | 'Υ' | 'ү' => 'y',
        'υ' | 'ս' => 'u',
        '\u{a789}' | '\u{2236}' | '\u{2d0}' | '\u{5c3}' | '\u{fe55}' => ':',
        _ => c,
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::{Bench, name};
    use super::*;

    fn messages(subject: &[(&str, &str)]) -> Vec<String> {
        let mut bench = Bench::client();
        let attributes: Vec<_> = subject.iter().map(|(kind, value)| (*kind, (*value).to_owned())).collect();
        bench.tbs.subject = name(&attributes);
        bench.messages(&RULE)
    }

    #[test]
    fn what_kubernetes_itself_writes_is_silent() {
        for subject in [
            &[("O", "system:masters"), ("CN", "kubernetes-super-admin")][..],
            &[("O", "kubeadm:cluster-admins"), ("CN", "kubernetes-admin")],
            &[("O", "system:nodes"), ("CN", "system:node:cp1.example.com")],
            &[("CN", "system:kube-controller-manager")],
            &[("O", "dev"), ("O", "Ops Team"), ("CN", "Jane Müller")],
            &[("O", "Системы"), ("CN", "Иван")],
            &[("O", "system:masters"), ("OU", "Kubernetes"), ("CN", "admin")],
        ] {
            assert_eq!(messages(subject), [""; 0], "{subject:?}");
        }
    }

    #[test]
    fn rights_that_add_up_and_names_that_deceive_fire() {
        for (subject, message) in [
            (
                &[("O", "system:nodes"), ("O", "system:masters"), ("CN", "system:node:a")][..],
                "a group of the system stands among others: system:nodes, system:masters",
            ),
            (
                &[("O", "dev"), ("O", "kubeadm:cluster-admins"), ("CN", "a")],
                "a group of the system stands among others: dev, kubeadm:cluster-admins",
            ),
            (&[("CN", "a"), ("CN", "b")], "it has several common names: a, b"),
            (
                &[("O", "System:Masters"), ("CN", "a")],
                "O=System:Masters looks like system:masters, and is not",
            ),
            (
                &[("O", "system:masters "), ("CN", "a")],
                "O=system:masters  looks like system:masters, and is not",
            ),
            (
                &[("O", "ѕуѕtеm:mаѕtеrѕ"), ("CN", "a")],
                "O=ѕуѕtеm:mаѕtеrѕ looks like system:masters, and is not",
            ),
            (
                &[("O", "ｓｙｓｔｅｍ：ｎｏｄｅｓ"), ("CN", "a")],
                "O=ｓｙｓｔｅｍ：ｎｏｄｅｓ looks like system:nodes, and is not",
            ),
            (&[("CN", "system: node:a")], "CN=system: node:a looks like system:node:a, and is not"),
            (&[("O", "dev\u{200b}"), ("CN", "a")], "O=dev\\u{200b} holds characters that cannot be seen"),
            (
                &[("OU", "system:masters"), ("CN", "a")],
                "OU=system:masters grants nothing: a group stands in O",
            ),
            (&[("OU", "dev"), ("CN", "a")], "OU=dev is no group, and there is no O"),
        ] {
            assert_eq!(messages(subject), [message]);
        }
    }

    #[test]
    fn very_many_groups_are_counted() {
        let mut subject = vec![("O", "system:nodes")];
        subject.extend([("O", "a"); 9]);
        assert_eq!(
            messages(&subject),
            ["a group of the system stands among others: system:nodes, a, a, a, a, a, a, a and 2 more"]
        );
    }
}
