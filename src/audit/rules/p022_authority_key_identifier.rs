//! P022: the authority key identifier is the issuer's own.

use super::{CertificateEvidence, Check, Citation, Fact, Outcome, Rule, Severity};

pub(super) static RULE: Rule = Rule {
    id: "P022",
    name: "authority-key-identifier",
    title: "The authority key identifier is not the issuer's subject key identifier",
    severity: Severity::High,
    citations: &[
        Citation::rfc("RFC 5280 section 4.2.1.1"),
        Citation::page(
            "cert-manager/cert-manager#9076",
            "https://github.com/cert-manager/cert-manager/issues/9076",
        ),
    ],
    explanation: "Verifiers look for the issuer by this identifier: openssl does not find the chain where it differs. It comes \
                  from tools that compute the identifier anew (as a SHA-1 of the key) where the issuer's certificate has \
                  another one.",
    fix: "Issue it again with the issuer's identifier copied byte for byte, as kpki does.",
    applies_to: "certificates",
    check: Check::Certificate(check),
};

fn check(evidence: &CertificateEvidence<'_>) -> Outcome {
    let Some(issuer) = evidence.issuer else {
        return Outcome::NotApplicable("the issuer's certificate was not given");
    };
    let Some(theirs) = &issuer.extensions.subject_key_identifier else {
        return Outcome::NotApplicable("the issuer has no subject key identifier");
    };
    let authority = evidence.tbs.extensions.authority_key_identifier.as_ref();
    let Some(ours) = authority.and_then(|authority| authority.value.key_identifier.as_deref()) else {
        return Outcome::NotApplicable("it has no authority key identifier");
    };
    if ours == theirs.value {
        return Outcome::Pass;
    }
    Outcome::Fail(vec![Fact::new(format!(
        "the authority key identifier is {}, the issuer's subject key identifier {}",
        hex(ours),
        hex(&theirs.value)
    ))])
}

/// At most 32 bytes of an identifier; nobody writes longer ones in good faith.
fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().take(32).fold(String::new(), |mut text, byte| {
        // Writing into a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::Bench;
    use super::*;
    use crate::x509::{AuthorityKeyIdentifier, Marked};

    #[test]
    fn another_identifier_fires() {
        let mut bench = Bench::server();
        assert!(!bench.fires(&RULE));
        let value = AuthorityKeyIdentifier { key_identifier: Some(vec![1, 2]), names_certificate: false };
        bench.tbs.extensions.authority_key_identifier = Some(Marked { critical: false, value });
        let issuer = bench.issuer.as_mut().unwrap();
        issuer.extensions.subject_key_identifier = Some(Marked { critical: false, value: vec![0xab; 20] });
        let theirs = "ab".repeat(20);
        assert_eq!(
            bench.messages(&RULE),
            [format!("the authority key identifier is 0102, the issuer's subject key identifier {theirs}")]
        );
    }

    #[test]
    fn without_two_identifiers_there_is_nothing_to_compare() {
        let mut bench = Bench::server();
        bench.tbs.extensions.authority_key_identifier = None;
        assert!(bench.not_applicable(&RULE));
        let mut bench = Bench::server();
        bench.issuer.as_mut().unwrap().extensions.subject_key_identifier = None;
        assert!(bench.not_applicable(&RULE));
        bench.issuer = None;
        assert!(bench.not_applicable(&RULE));
    }
}
