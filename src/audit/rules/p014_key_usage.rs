//! P014: key usage is there, critical, and serves the handshake.

use super::{CertificateEvidence, Check, Citation, Fact, Outcome, Rule, Severity};
use crate::x509::KeyUsage;

pub(super) static RULE: Rule = Rule {
    id: "P014",
    name: "key-usage",
    title: "The key usage is missing, empty, not critical, or lacks digitalSignature on a leaf",
    severity: Severity::Medium,
    citations: &[Citation::rfc("RFC 5280 section 4.2.1.3"), Citation::rfc("RFC 8446 section 4.4.2.2")],
    explanation: "A key without a stated usage may be used for everything. TLS 1.3, and every TLS 1.2 handshake with forward \
                  secrecy, has the leaf sign: verifiers that check it refuse a leaf without digitalSignature. An extension \
                  that is not critical may be passed over.",
    fix: "Issue it again with `keyUsage = critical, digitalSignature` (a CA: keyCertSign, cRLSign and digitalSignature).",
    applies_to: "certificates",
    check: Check::Certificate(check),
};

fn check(evidence: &CertificateEvidence<'_>) -> Outcome {
    let Some(usage) = &evidence.tbs.extensions.key_usage else {
        return Outcome::Fail(vec![Fact::new("key usage is missing")]);
    };
    let mut facts = Vec::new();
    if !usage.critical {
        facts.push(Fact::new("key usage is not critical"));
    }
    if usage.value.is_empty() {
        facts.push(Fact::new("key usage is empty"));
    } else if !evidence.is_ca() && !usage.value.contains(KeyUsage::DIGITAL_SIGNATURE) {
        facts.push(Fact::new("its key usage lacks digitalSignature"));
    }
    facts.into()
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::Bench;
    use super::*;
    use crate::x509::Marked;

    #[test]
    fn missing_empty_not_critical_and_unfit() {
        let usage = |critical, value| Some(Marked { critical, value });
        let signs = KeyUsage::DIGITAL_SIGNATURE;
        for (usage, messages) in [
            (usage(true, signs), vec![]),
            (usage(false, signs), vec!["key usage is not critical"]),
            (usage(true, KeyUsage::KEY_ENCIPHERMENT), vec!["its key usage lacks digitalSignature"]),
            (usage(true, KeyUsage::default()), vec!["key usage is empty"]),
            (None, vec!["key usage is missing"]),
        ] {
            let mut bench = Bench::server();
            bench.tbs.extensions.key_usage = usage;
            assert_eq!(bench.messages(&RULE), messages);
        }
        let mut bench = Bench::ca();
        bench.tbs.extensions.key_usage = usage(true, KeyUsage::KEY_CERT_SIGN | KeyUsage::CRL_SIGN);
        assert!(!bench.fires(&RULE), "a CA needs no digitalSignature");
    }
}
