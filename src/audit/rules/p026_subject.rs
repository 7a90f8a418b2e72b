//! P026: a subject that can be named.

use super::{CertificateEvidence, Check, Citation, Fact, Outcome, Role, Rule, Severity};

pub(super) static RULE: Rule = Rule {
    id: "P026",
    name: "subject",
    title: "The subject is empty, or an attribute of it is empty or too long",
    severity: Severity::High,
    citations: &[
        Citation::rfc("RFC 5280 section 4.1.2.6"),
        Citation::rfc("RFC 5280 section 4.1.2.4"),
        Citation::rfc("RFC 5280 appendix A.1"),
    ],
    explanation: "Without a subject a certificate has its alternative names alone, which must then be critical; a CA without \
                  one can be nobody's issuer. Kubernetes takes the user from the common name and the groups from the \
                  organizations: an empty one is an empty group, or nobody at all, which is of severity high. Longer values than the standard admits (64 characters \
                  for CN, O and OU) are refused by openssl and others.",
    fix: "Issue it again with a subject; give a server whose name is longer than 64 characters that name as `--san` only.",
    applies_to: "certificates",
    check: Check::Certificate(check),
};

fn check(evidence: &CertificateEvidence<'_>) -> Outcome {
    let tbs = evidence.tbs;
    let mut facts = Vec::new();
    if tbs.subject.is_empty() {
        let names = tbs.extensions.subject_alt_names.as_ref();
        if evidence.is_ca() {
            facts.push(Fact::milder(Severity::Medium, "it is a CA and its subject is empty"));
        } else if names.is_none_or(|names| !names.critical || names.value.is_empty()) {
            facts.push(Fact::milder(
                Severity::Medium,
                "its subject is empty and it has no critical subject alternative name",
            ));
        }
    }
    let is_user = evidence.role.is_some_and(Role::is_api_client);
    if is_user && tbs.subject.common_name().is_none_or(str::is_empty) {
        facts.push(Fact::new(
            "it has no common name: the API server takes no user from it, and its holder is nobody",
        ));
    }
    if tbs.issuer.is_empty() {
        facts.push(Fact::milder(Severity::Medium, "its issuer is empty"));
    }
    for attribute in tbs.subject.attributes() {
        if attribute.value.is_empty() {
            facts.push(Fact::milder(
                Severity::Medium,
                format!("{} in its subject is empty", attribute.short_name()),
            ));
        }
        // A character has at least one byte, so what is short enough in bytes need not be counted.
        if let Some(bound) = attribute.upper_bound()
            && attribute.value.len() > bound
            && attribute.value.chars().count() > bound
        {
            facts.push(Fact::milder(
                Severity::Medium,
                format!(
                    "{} in its subject has {} characters, more than {bound}",
                    attribute.short_name(),
                    attribute.value.chars().count()
                ),
            ));
        }
    }
    facts.into()
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::{Bench, name};
    use super::*;
    use crate::x509::Name;

    #[test]
    fn empty_and_long_values_fire() {
        for (attributes, message) in [
            (vec![("CN", "a".repeat(64)), ("O", "ä".repeat(64))], None),
            (vec![("CN", "a".repeat(65))], Some("CN in its subject has 65 characters, more than 64")),
            (vec![("O", "ä".repeat(65))], Some("O in its subject has 65 characters, more than 64")),
            (vec![("C", "DEU".into())], Some("C in its subject has 3 characters, more than 2")),
            (vec![("CN", "a".into()), ("O", String::new())], Some("O in its subject is empty")),
        ] {
            let mut bench = Bench::server();
            bench.tbs.subject = name(&attributes);
            assert_eq!(bench.messages(&RULE), message.into_iter().collect::<Vec<_>>());
        }
    }

    #[test]
    fn an_empty_subject_needs_critical_names() {
        let empty = Name::new(None, &[""; 0]).unwrap();
        let mut bench = Bench::server();
        bench.tbs.subject = empty.clone();
        assert_eq!(
            bench.messages(&RULE),
            ["its subject is empty and it has no critical subject alternative name"]
        );
        bench.tbs.extensions.subject_alt_names.as_mut().unwrap().critical = true;
        assert!(!bench.fires(&RULE));
        bench.tbs.issuer = empty.clone();
        assert_eq!(bench.messages(&RULE), ["its issuer is empty"]);
        let mut bench = Bench::ca();
        bench.tbs.subject = empty;
        assert_eq!(bench.messages(&RULE), ["it is a CA and its subject is empty"]);
    }
}
