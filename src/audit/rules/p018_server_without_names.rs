//! P018: a server's names stand in its subject alternative names.

use super::{CertificateEvidence, Check, Citation, Fact, Outcome, Rule, Severity};
use crate::x509::SubjectAltName;

pub(super) static RULE: Rule = Rule {
    id: "P018",
    name: "server-without-names",
    title: "A server certificate has no DNS name and no IP address",
    severity: Severity::High,
    citations: &[
        Citation::rfc("RFC 5280 section 4.2.1.6"),
        Citation::rfc("RFC 9525 appendix A"),
        Citation::page("Go 1.15 release notes", "https://go.dev/doc/go1.15#commonname"),
    ],
    explanation: "Clients compare the host with the subject alternative names alone; Go, and with it every component of \
                  Kubernetes, has not looked at the common name since 1.15. Nobody can connect to this server.",
    fix: "Issue it again with every name and address under which it is reached: `--san dns:NAME --san ip:ADDRESS`.",
    applies_to: "certificates",
    check: Check::Certificate(check),
};

fn check(evidence: &CertificateEvidence<'_>) -> Outcome {
    if !evidence.is_server() {
        return Outcome::NotApplicable("it is not a server");
    }
    let names = evidence.tbs.extensions.names();
    if names.iter().any(|name| matches!(name, SubjectAltName::Dns(_) | SubjectAltName::Ip(_))) {
        return Outcome::Pass;
    }
    // One that nobody is known to show, good for clients as well: that is what it will be.
    if evidence.expected.is_none() && evidence.is_client() {
        return Outcome::NotApplicable("it may be a client's as well, and nobody is known to serve with it");
    }
    Outcome::Fail(vec![Fact::new(if names.is_empty() {
        "it is a server and has no subject alternative name"
    } else {
        "it is a server and has no DNS name and no IP address among its subject alternative names"
    })])
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::Bench;
    use super::*;
    use crate::x509::{ExtendedKeyUsage, Marked};

    #[test]
    fn one_name_or_address_is_enough() {
        let none = "it is a server and has no subject alternative name";
        let others =
            "it is a server and has no DNS name and no IP address among its subject alternative names";
        for (names, messages) in [
            (Some(vec!["dns:a.example.com"]), vec![]),
            (Some(vec!["ip:192.0.2.1"]), vec![]),
            (Some(vec!["email:a@example.com"]), vec![others]),
            (Some(vec![]), vec![none]),
            (None, vec![none]),
        ] {
            let mut bench = Bench::server();
            bench.tbs.extensions.subject_alt_names = names.map(|names| Marked {
                critical: false,
                value: names.iter().map(|name| name.parse().unwrap()).collect(),
            });
            assert_eq!(bench.messages(&RULE), messages);
        }
        assert!(Bench::client().not_applicable(&RULE));
        let mut both = Bench::server();
        both.tbs.extensions.subject_alt_names = None;
        both.tbs.extensions.extended_key_usage = Some(Marked {
            critical: false,
            value: vec![ExtendedKeyUsage::ServerAuth, ExtendedKeyUsage::ClientAuth],
        });
        assert_eq!(both.messages(&RULE), [none]);
        both.expected = None;
        assert!(both.not_applicable(&RULE));
        assert!(Bench::ca().not_applicable(&RULE));
    }
}
