//! P016: key usage and extended key usage fit together.

use super::{CertificateEvidence, Check, Citation, Fact, Outcome, Rule, Severity};
use crate::x509::{ExtendedKeyUsage, KeyUsage};

pub(super) static RULE: Rule = Rule {
    id: "P016",
    name: "usages-disagree",
    title: "Key usage and extended key usage disagree",
    severity: Severity::Medium,
    citations: &[Citation::rfc("RFC 5280 section 4.2.1.12"), Citation::rfc("RFC 5280 section 4.2.1.3")],
    explanation: "A certificate may be used only for a purpose that both extensions allow. Where no bit of the key usage \
                  serves a purpose, the certificate is worthless for it, and a verifier that looks at both refuses it. \
                  encipherOnly and decipherOnly mean nothing without keyAgreement.",
    fix: "Issue it again with digitalSignature in the key usage, which serves every purpose here.",
    applies_to: "certificates",
    check: Check::Certificate(check),
};

fn check(evidence: &CertificateEvidence<'_>) -> Outcome {
    if evidence.is_ca() {
        return Outcome::NotApplicable(
            "the purposes of a CA limit the certificates below it, not its own key",
        );
    }
    let Some(usage) = evidence.tbs.extensions.key_usage.as_ref().map(|usage| usage.value) else {
        return Outcome::NotApplicable("it has no key usage");
    };
    let mut facts = Vec::new();
    for purpose in evidence.tbs.extensions.purposes() {
        if serving(purpose).is_some_and(|bits| !usage.intersects(bits)) {
            facts.push(Fact::new(format!(
                "it is for {purpose}, and no bit of its key usage ({usage}) serves that"
            )));
        }
    }
    if usage.intersects(KeyUsage::ENCIPHER_ONLY | KeyUsage::DECIPHER_ONLY)
        && !usage.contains(KeyUsage::KEY_AGREEMENT)
    {
        facts.push(Fact::new(format!(
            "its key usage ({usage}) lacks keyAgreement, without which that means nothing"
        )));
    }
    facts.into()
}

/// The bits of which a purpose needs one, by RFC 5280 section 4.2.1.12; none where it does not say.
fn serving(purpose: &ExtendedKeyUsage) -> Option<KeyUsage> {
    let signs = KeyUsage::DIGITAL_SIGNATURE;
    match purpose {
        ExtendedKeyUsage::ServerAuth => Some(signs | KeyUsage::KEY_ENCIPHERMENT | KeyUsage::KEY_AGREEMENT),
        ExtendedKeyUsage::ClientAuth => Some(signs | KeyUsage::KEY_AGREEMENT),
        ExtendedKeyUsage::CodeSigning => Some(signs),
        ExtendedKeyUsage::EmailProtection => {
            Some(signs | KeyUsage::CONTENT_COMMITMENT | KeyUsage::KEY_ENCIPHERMENT | KeyUsage::KEY_AGREEMENT)
        }
        ExtendedKeyUsage::TimeStamping | ExtendedKeyUsage::OcspSigning => {
            Some(signs | KeyUsage::CONTENT_COMMITMENT)
        }
        ExtendedKeyUsage::Any | ExtendedKeyUsage::Other(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::Bench;
    use super::*;
    use crate::x509::Marked;

    #[test]
    fn every_purpose_needs_a_bit() {
        let client = "it is for clientAuth, and no bit of its key usage (keyEncipherment) serves that";
        let alone = "its key usage (digitalSignature, decipherOnly) lacks keyAgreement, without which that means nothing";
        for (purpose, usage, messages) in [
            (ExtendedKeyUsage::ServerAuth, KeyUsage::KEY_ENCIPHERMENT, vec![]),
            (ExtendedKeyUsage::ClientAuth, KeyUsage::KEY_ENCIPHERMENT, vec![client]),
            (ExtendedKeyUsage::ClientAuth, KeyUsage::DIGITAL_SIGNATURE, vec![]),
            (ExtendedKeyUsage::Other("1.2.3".into()), KeyUsage::KEY_ENCIPHERMENT, vec![]),
            (ExtendedKeyUsage::TimeStamping, KeyUsage::CONTENT_COMMITMENT, vec![]),
            (
                ExtendedKeyUsage::ServerAuth,
                KeyUsage::DIGITAL_SIGNATURE | KeyUsage::DECIPHER_ONLY,
                vec![alone],
            ),
            (ExtendedKeyUsage::ServerAuth, KeyUsage::KEY_AGREEMENT | KeyUsage::DECIPHER_ONLY, vec![]),
        ] {
            let mut bench = Bench::server();
            bench.tbs.extensions.key_usage = Some(Marked { critical: true, value: usage });
            bench.tbs.extensions.extended_key_usage = Some(Marked { critical: false, value: vec![purpose] });
            assert_eq!(bench.messages(&RULE), messages);
        }
    }

    #[test]
    fn it_is_not_for_cas_or_without_key_usage() {
        assert!(Bench::ca().not_applicable(&RULE));
        let mut bench = Bench::server();
        bench.tbs.extensions.key_usage = None;
        assert!(bench.not_applicable(&RULE));
    }
}
