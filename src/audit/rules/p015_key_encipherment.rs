//! P015: an elliptic-curve key enciphers nothing.

use super::{CertificateEvidence, Check, Citation, Fact, Outcome, Rule, Severity};
use crate::x509::{KeyUsage, PublicKeyKind};

pub(super) static RULE: Rule = Rule {
    id: "P015",
    name: "key-encipherment",
    title: "An elliptic-curve key claims to encipher",
    severity: Severity::Info,
    citations: &[Citation::rfc("RFC 8813 section 3"), Citation::rfc("RFC 8410 section 5")],
    explanation: "Only RSA keys encipher. The standard forbids keyEncipherment and dataEncipherment beside an elliptic-curve \
                  key; kubeadm writes the first one all the same, and no component minds.",
    fix: "Nothing has to be done; certificates that kpki issues do not have it.",
    applies_to: "certificates",
    check: Check::Certificate(check),
};

fn check(evidence: &CertificateEvidence<'_>) -> Outcome {
    if !matches!(evidence.tbs.public_key.kind(), PublicKeyKind::Ec(_) | PublicKeyKind::Ed25519) {
        return Outcome::NotApplicable("the key is not an elliptic-curve key");
    }
    let usage = evidence.key_usage();
    if !usage.intersects(KeyUsage::KEY_ENCIPHERMENT | KeyUsage::DATA_ENCIPHERMENT) {
        return Outcome::Pass;
    }
    Outcome::Fail(vec![Fact::new(format!(
        "its key, {}, is marked for {usage}",
        evidence.tbs.public_key.kind()
    ))])
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::{Bench, rsa_key};
    use super::*;
    use crate::x509::Marked;

    #[test]
    fn only_elliptic_curves_are_meant() {
        let mut bench = Bench::server();
        assert!(!bench.fires(&RULE));
        for usage in [KeyUsage::KEY_ENCIPHERMENT, KeyUsage::DATA_ENCIPHERMENT] {
            bench.tbs.extensions.key_usage =
                Some(Marked { critical: true, value: KeyUsage::DIGITAL_SIGNATURE | usage });
            assert_eq!(
                bench.messages(&RULE),
                [format!("its key, ECDSA-P256, is marked for digitalSignature, {usage}")]
            );
        }
        bench.tbs.public_key = rsa_key(2048, 65_537);
        assert!(bench.not_applicable(&RULE));
    }
}
