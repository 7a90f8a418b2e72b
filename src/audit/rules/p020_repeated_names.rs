//! P020: names once, and the host of the common name among them.

use std::net::IpAddr;

use super::{CertificateEvidence, Check, Citation, Fact, Outcome, Rule, Severity, repeated};
use crate::x509::{Printable, SubjectAltName, check_dns_name};

pub(super) static RULE: Rule = Rule {
    id: "P020",
    name: "repeated-names",
    title: "A name stands twice, or a server's common name is not among its names",
    severity: Severity::Low,
    citations: &[Citation::rfc("RFC 5280 section 4.2.1.6"), Citation::rfc("RFC 9525 appendix A")],
    explanation: "A name that stands twice comes from a list that was put together by hand or by two tools, and hides that \
                  another one is missing. A common name that is a host, but not among the subject alternative names, promises \
                  a host that no client accepts; a plain name such as kube-apiserver is no host and is left alone.",
    fix: "Issue it again with each name once, the common name's host among them.",
    applies_to: "certificates",
    check: Check::Certificate(check),
};

fn check(evidence: &CertificateEvidence<'_>) -> Outcome {
    let names = evidence.tbs.extensions.names();
    if names.is_empty() {
        return Outcome::NotApplicable("it has no subject alternative name");
    }
    let mut facts: Vec<Fact> = repeated(names.iter())
        .into_iter()
        .map(|name| Fact::new(format!("{name} stands there twice")))
        .collect();
    if evidence.is_server()
        && let Some(host) = evidence.tbs.subject.common_name().filter(|name| is_host(name))
        && !names.iter().any(|name| covers(name, host))
    {
        facts.push(Fact::new(format!(
            "the common name {} is a host that is not among the subject alternative names",
            Printable(host)
        )));
    }
    facts.into()
}

/// Whether a common name is meant as a host: an address, or a DNS name of two labels or more.
fn is_host(name: &str) -> bool {
    name.parse::<IpAddr>().is_ok() || name.contains('.') && check_dns_name(name).is_ok()
}

fn covers(name: &SubjectAltName, host: &str) -> bool {
    match name {
        SubjectAltName::Dns(dns) => {
            dns.eq_ignore_ascii_case(host)
                || dns.strip_prefix("*.").is_some_and(|domain| {
                    host.split_once('.').is_some_and(|(_, rest)| rest.eq_ignore_ascii_case(domain))
                })
        }
        SubjectAltName::Ip(ip) => host.parse() == Ok(*ip),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::Bench;
    use super::*;
    use crate::x509::{Marked, Name};

    #[test]
    fn repeated_names_and_strange_hosts_fire() {
        let strange =
            "the common name b.example.com is a host that is not among the subject alternative names";
        for (common_name, names, messages) in [
            ("a.example.com", vec!["a.example.com", "192.0.2.1"], vec![]),
            ("a.example.com", vec!["*.example.com"], vec![]),
            ("192.0.2.1", vec!["192.0.2.1"], vec![]),
            ("kube-apiserver", vec!["a.example.com"], vec![]),
            ("system:node:a.example.com", vec!["a.example.com"], vec![]),
            ("b.example.com", vec!["a.example.com", "*.b.example.com"], vec![strange]),
            (
                "a.example.com",
                vec!["a.example.com", "192.0.2.1", "a.example.com"],
                vec!["DNS:a.example.com stands there twice"],
            ),
        ] {
            let mut bench = Bench::server();
            bench.tbs.subject = Name::new(Some(common_name), &[""; 0]).unwrap();
            bench.tbs.extensions.subject_alt_names = Some(Marked {
                critical: false,
                value: names.iter().map(|name| name.parse().unwrap()).collect(),
            });
            assert_eq!(bench.messages(&RULE), messages);
        }
        assert!(Bench::client().not_applicable(&RULE));
    }
}
