//! P007: a signature that stands.

use super::signature::{self, Parameters, Trust};
use super::{CertificateEvidence, Check, Citation, Fact, Outcome, Rule, Severity};
use crate::x509::Printable;

pub(super) static RULE: Rule = Rule {
    id: "P007",
    name: "weak-signature",
    title: "The signature is of a broken or unsupported algorithm",
    severity: Severity::Critical,
    citations: &[
        Citation::page("golang/go#41682", "https://github.com/golang/go/issues/41682"),
        Citation::page("Go 1.18 release notes", "https://go.dev/doc/go1.18#sha1"),
        Citation::rfc("RFC 8446 section 4.4.2.4"),
    ],
    explanation: "Two certificates with the same MD5 or SHA-1 digest can be made at will, so such a signature proves \
                  nothing; Go has long refused MD5, and SHA-1 since 1.18, and with it every component of Kubernetes. \
                  Algorithms that Go does not verify (SHA-224, DSA, Ed448) fail in the same way. Nobody verifies the \
                  signature of a root, so there it is low.",
    fix: "Issue it again with SHA-256 or stronger; first give the CA a key of a supported algorithm if it has none.",
    applies_to: "certificates",
    check: Check::Certificate(check),
};

fn check(evidence: &CertificateEvidence<'_>) -> Outcome {
    let tbs = evidence.tbs;
    let known = signature::find(&tbs.signature_algorithm);
    let fact = match known {
        Some(algorithm) => match algorithm.trust {
            Trust::Sound if algorithm.parameters != Parameters::Pss => return Outcome::Pass,
            Trust::Sound if signature::pss_digest_is_sound(tbs) => return Outcome::Pass,
            Trust::Sound => Fact::new(format!("{} is used with SHA-1 or an unknown digest", algorithm.name)),
            Trust::Broken => Fact::new(format!("it is signed with {}", algorithm.name)),
            Trust::Unsupported => Fact::milder(
                Severity::High,
                format!("it is signed with {}, which Go does not verify", algorithm.name),
            ),
        },
        None => Fact::milder(
            Severity::High,
            format!("it is signed with the unknown algorithm {}", Printable(&tbs.signature_algorithm)),
        ),
    };
    let root = evidence.is_ca() && tbs.is_self_issued();
    Outcome::Fail(vec![if root { Fact { severity: Some(Severity::Low), ..fact } } else { fact }])
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::Bench;
    use super::*;

    #[test]
    fn algorithms_are_sound_broken_or_unknown() {
        for (oid, expected) in [
            ("1.2.840.10045.4.3.2", None),
            ("1.2.840.113549.1.1.13", None),
            ("1.3.101.112", None),
            ("1.2.840.113549.1.1.5", Some((Severity::Critical, "it is signed with sha1WithRSAEncryption"))),
            ("1.2.840.113549.1.1.4", Some((Severity::Critical, "it is signed with md5WithRSAEncryption"))),
            ("1.2.840.10045.4.1", Some((Severity::Critical, "it is signed with ecdsa-with-SHA1"))),
            ("1.3.101.113", Some((Severity::High, "it is signed with Ed448, which Go does not verify"))),
            ("1.2.3", Some((Severity::High, "it is signed with the unknown algorithm 1.2.3"))),
        ] {
            let mut bench = Bench::server();
            bench.tbs.signature_algorithm = oid.into();
            let expected: Vec<_> = expected.into_iter().map(|(s, m)| (s, m.to_owned())).collect();
            assert_eq!(bench.findings(&RULE), expected, "{oid}");
        }
    }

    #[test]
    fn the_digest_of_pss_is_looked_at() {
        // RSASSA-PSS-params with hashAlgorithm [0] SHA-256; the same with SHA-1; and empty, which means SHA-1.
        let sha256 = [0x30, 15, 0xa0, 13, 0x30, 11, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1];
        let sha1 = [0x30, 11, 0xa0, 9, 0x30, 7, 6, 5, 0x2b, 14, 3, 2, 26];
        for (parameters, fires) in
            [(Some(&sha256[..]), false), (Some(&sha1), true), (Some(&[0x30, 0]), true), (None, true)]
        {
            let mut bench = Bench::server();
            bench.tbs.signature_algorithm = "1.2.840.113549.1.1.10".into();
            bench.tbs.signature_parameters = parameters.map(<[u8]>::to_vec);
            assert_eq!(bench.fires(&RULE), fires, "{parameters:?}");
        }
    }

    #[test]
    fn on_a_root_it_is_low() {
        let mut bench = Bench::ca();
        bench.tbs.signature_algorithm = "1.2.840.113549.1.1.5".into();
        assert_eq!(
            bench.findings(&RULE),
            [(Severity::Low, "it is signed with sha1WithRSAEncryption".into())]
        );
    }
}
