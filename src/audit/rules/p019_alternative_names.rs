//! P019: subject alternative names that somebody can match.

use std::borrow::Cow;

use super::{CertificateEvidence, Check, Citation, Fact, Outcome, Rule, Severity};
use crate::x509::{SubjectAltName, check_dns_name};

pub(super) static RULE: Rule = Rule {
    id: "P019",
    name: "alternative-names",
    title: "A subject alternative name can match nothing, or more than it should",
    severity: Severity::Medium,
    citations: &[
        Citation::rfc("RFC 5280 section 4.2.1.6"),
        Citation::rfc("RFC 1123 section 2.1"),
        Citation::rfc("RFC 9525 section 6.3"),
    ],
    explanation: "An address written as a DNS name, a URL, a name with a port, a trailing dot or an underscore matches no host, \
                  or matches with one verifier and not with another; Go refuses a whole certificate over a name that it cannot \
                  read. A wildcard counts only as the whole left-most label, and directly under a top-level domain it is far \
                  too wide.",
    fix: "Issue it again with the host name alone, addresses as `--san ip:ADDRESS`.",
    applies_to: "certificates",
    check: Check::Certificate(check),
};

fn check(evidence: &CertificateEvidence<'_>) -> Outcome {
    let Some(names) = &evidence.tbs.extensions.subject_alt_names else {
        return Outcome::NotApplicable("it has no subject alternative name");
    };
    if names.value.is_empty() {
        return Outcome::Fail(vec![Fact::new("the list of subject alternative names is empty")]);
    }
    let mut facts = Vec::new();
    for name in &names.value {
        if let Err(problem) = check_name(name) {
            facts.push(Fact::new(format!("{name}: {problem}")));
        }
    }
    facts.into()
}

fn check_name(name: &SubjectAltName) -> Result<(), &'static str> {
    match name {
        SubjectAltName::Dns(name) => check_dns_name(&lower_case(name)),
        SubjectAltName::Email(address) => match address.split_once('@') {
            Some((mailbox, host)) if !mailbox.is_empty() && !host.is_empty() && is_visible(address) => Ok(()),
            _ => Err("it is not an e-mail address"),
        },
        SubjectAltName::Uri(uri) => match uri.split_once(':') {
            Some((scheme, rest)) if !scheme.is_empty() && !rest.is_empty() && is_visible(uri) => Ok(()),
            _ => Err("it is not an absolute URI"),
        },
        SubjectAltName::Other("unreadable", _) => Err("it is not a general name"),
        SubjectAltName::Other("iPAddress of a wrong length", _) => Err("an address has 4 or 16 bytes"),
        SubjectAltName::Ip(_) | SubjectAltName::Directory(_) | SubjectAltName::Other(..) => Ok(()),
    }
}

/// DNS names are compared without regard to case, so capitals are no fault.
fn lower_case(name: &str) -> Cow<'_, str> {
    if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(name.to_ascii_lowercase())
    } else {
        Cow::Borrowed(name)
    }
}

fn is_visible(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::Bench;
    use super::*;
    use crate::x509::Marked;

    #[test]
    fn every_kind_of_name_is_checked() {
        use SubjectAltName::{Dns, Email, Ip, Other, Uri};
        let long = format!("{}.example.com", "x".repeat(64));
        for (name, fires) in [
            (Dns("api.example.com".into()), false),
            (Dns("API.Example.com".into()), false),
            (Dns("localhost".into()), false),
            (Dns("*.example.com".into()), false),
            (Ip([192, 0, 2, 1].into()), false),
            (Email("a@example.com".into()), false),
            (Uri("spiffe://example.com/a".into()), false),
            (Other("otherName", "1.2.3".into()), false),
            (Dns("192.0.2.1".into()), true),
            (Dns("2001:db8::1".into()), true),
            (Dns("https://api.example.com".into()), true),
            (Dns("api.example.com:6443".into()), true),
            (Dns("api.example.com.".into()), true),
            (Dns("api_1.example.com".into()), true),
            (Dns("a.*.example.com".into()), true),
            (Dns("*.com".into()), true),
            (Dns("bücher.example".into()), true),
            (Dns(String::new()), true),
            (Dns(long), true),
            (Email("@example.com".into()), true),
            (Email("a b@example.com".into()), true),
            (Uri("relative".into()), true),
            (Other("unreadable", String::new()), true),
            (Other("iPAddress of a wrong length", "c0000201ffffff00".into()), true),
        ] {
            let mut bench = Bench::server();
            bench.tbs.extensions.subject_alt_names =
                Some(Marked { critical: false, value: vec![name.clone()] });
            assert_eq!(bench.fires(&RULE), fires, "{name}");
        }
    }

    #[test]
    fn an_empty_list_fires_and_none_does_not() {
        let mut bench = Bench::server();
        bench.tbs.extensions.subject_alt_names = Some(Marked { critical: false, value: vec![] });
        assert_eq!(bench.messages(&RULE), ["the list of subject alternative names is empty"]);
        bench.tbs.extensions.subject_alt_names = None;
        assert!(bench.not_applicable(&RULE));
    }

    #[test]
    fn a_hostile_name_is_shown_harmless() {
        let mut bench = Bench::server();
        bench.tbs.extensions.subject_alt_names =
            Some(Marked { critical: false, value: vec![SubjectAltName::Dns("a\u{1b}[2J".into())] });
        assert!(bench.messages(&RULE)[0].starts_with("DNS:a\\u{1b}[2J: "));
    }
}
