//! P013: a CA may sign certificates and revocation lists.

use super::{CertificateEvidence, Check, Citation, Fact, Outcome, Rule, Severity};
use crate::x509::KeyUsage;

pub(super) static RULE: Rule = Rule {
    id: "P013",
    name: "ca-key-usage",
    title: "The key usage of a CA lacks keyCertSign or cRLSign",
    severity: Severity::High,
    citations: &[Citation::rfc("RFC 5280 section 4.2.1.3")],
    explanation: "Without keyCertSign verifiers refuse what the CA has signed. Without cRLSign they refuse its revocation \
                  lists; kubeadm's CAs lack it, which is reported as low, since Kubernetes itself reads no such lists \
                  (etcd does).",
    fix: "Issue the CA certificate again with the same key and `keyUsage = critical, digitalSignature, keyCertSign, cRLSign`.",
    applies_to: "certificates",
    check: Check::Certificate(check),
};

fn check(evidence: &CertificateEvidence<'_>) -> Outcome {
    if !evidence.is_ca() {
        return Outcome::NotApplicable("it is not a CA");
    }
    if evidence.tbs.extensions.key_usage.is_none() {
        return Outcome::NotApplicable("it has no key usage");
    }
    let mut facts = Vec::new();
    if !evidence.key_usage().contains(KeyUsage::KEY_CERT_SIGN) {
        facts.push(Fact::new("its key usage lacks keyCertSign"));
    }
    if !evidence.key_usage().contains(KeyUsage::CRL_SIGN) {
        facts.push(Fact::milder(Severity::Low, "its key usage lacks cRLSign"));
    }
    facts.into()
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::Bench;
    use super::*;
    use crate::x509::Marked;

    #[test]
    fn each_missing_bit_has_its_severity() {
        let cert = (Severity::High, "its key usage lacks keyCertSign".to_owned());
        let crl = (Severity::Low, "its key usage lacks cRLSign".to_owned());
        for (usage, expected) in [
            (KeyUsage::KEY_CERT_SIGN | KeyUsage::CRL_SIGN, vec![]),
            (KeyUsage::KEY_CERT_SIGN, vec![crl.clone()]),
            (KeyUsage::CRL_SIGN, vec![cert.clone()]),
            (KeyUsage::DIGITAL_SIGNATURE, vec![cert, crl]),
        ] {
            let mut bench = Bench::ca();
            bench.tbs.extensions.key_usage = Some(Marked { critical: true, value: usage });
            assert_eq!(bench.findings(&RULE), expected);
        }
        let mut bench = Bench::ca();
        bench.tbs.extensions.key_usage = None;
        assert!(bench.not_applicable(&RULE));
        assert!(Bench::server().not_applicable(&RULE));
    }
}
