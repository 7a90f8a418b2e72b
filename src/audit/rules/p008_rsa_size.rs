//! P008: an RSA key of a size that is safe and that is read.

use super::{CertificateEvidence, Check, Citation, Fact, Outcome, Rule, Severity};
use crate::x509::PublicKeyKind;

pub(super) static RULE: Rule = Rule {
    id: "P008",
    name: "rsa-size",
    title: "The RSA key is too small or too large",
    severity: Severity::Critical,
    citations: &[
        Citation::page("NIST FIPS 186-5 section 5.1", "https://doi.org/10.6028/NIST.FIPS.186-5"),
        Citation::page("Go 1.24 release notes", "https://go.dev/doc/go1.24"),
        Citation::page("golang/go#61460 (CVE-2023-29409)", "https://github.com/golang/go/issues/61460"),
    ],
    explanation: "A modulus of fewer than 2048 bits is no longer acceptable, and one of fewer than 1024 can be factored \
                  by anybody and is refused by Go; above 8192 bits Go's TLS ends the handshake, since verifying costs too much.",
    fix: "Make a new key, ECDSA on P-256 or RSA of 2048 to 4096 bits, and issue the certificate again.",
    applies_to: "certificates",
    check: Check::Certificate(check),
};

fn check(evidence: &CertificateEvidence<'_>) -> Outcome {
    let &PublicKeyKind::Rsa { bits, .. } = evidence.tbs.public_key.kind() else {
        return Outcome::NotApplicable("the key is not an RSA key");
    };
    let fact = match bits {
        2048..=8192 => return Outcome::Pass,
        0..1024 => Fact::new(format!("the RSA key has {bits} bits; it can be factored")),
        1024..2048 => Fact::milder(Severity::High, format!("the RSA key has {bits} bits, fewer than 2048")),
        8193.. => Fact::milder(
            Severity::High,
            format!("the RSA key has {bits} bits, more than the 8192 that Go's TLS takes"),
        ),
    };
    Outcome::Fail(vec![fact])
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::{Bench, rsa_key};
    use super::*;

    #[test]
    fn sizes_between_2048_and_8192_pass() {
        for (bits, expected) in [
            (768, Some(Severity::Critical)),
            (1024, Some(Severity::High)),
            (2040, Some(Severity::High)),
            (2048, None),
            (4096, None),
            (8192, None),
            (8200, Some(Severity::High)),
        ] {
            let mut bench = Bench::server();
            bench.tbs.public_key = rsa_key(bits, 65_537);
            let found: Vec<_> = bench.findings(&RULE).into_iter().map(|(severity, _)| severity).collect();
            assert_eq!(found, expected.into_iter().collect::<Vec<_>>(), "{bits}");
        }
        assert!(Bench::server().not_applicable(&RULE), "an ECDSA key");
    }
}
