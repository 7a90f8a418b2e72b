//! P001: version 3.

use super::{CertificateEvidence, Check, Citation, Fact, Outcome, Rule, Severity};

pub(super) static RULE: Rule = Rule {
    id: "P001",
    name: "version",
    title: "The certificate is not of version 3",
    severity: Severity::High,
    citations: &[Citation::rfc("RFC 5280 section 4.1.2.1")],
    explanation: "Only version 3 has extensions. Without them a certificate cannot say for which names it stands, \
                  what its key may do, or that it is a CA; with them, an older version number contradicts itself \
                  and strict readers refuse the file.",
    fix: "Issue it again as version 3, for example with `kpki issue`; with openssl, pass the extensions with `-extfile`.",
    applies_to: "certificates",
    check: Check::Certificate(check),
};

fn check(evidence: &CertificateEvidence<'_>) -> Outcome {
    match evidence.tbs.version {
        3 => Outcome::Pass,
        version => Outcome::Fail(vec![Fact::new(format!(
            "it is of version {version} and has {} extensions",
            evidence.tbs.extensions.all.len()
        ))]),
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::Bench;
    use super::*;

    #[test]
    fn only_version_3_passes() {
        for (version, fires) in [(1, true), (2, true), (3, false), (4, true)] {
            let mut bench = Bench::server();
            bench.tbs.version = version;
            assert_eq!(bench.fires(&RULE), fires, "{version}");
        }
    }
}
