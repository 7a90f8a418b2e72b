//! P021: certificates name their keys.

use super::{CertificateEvidence, Check, Citation, Fact, Outcome, Rule, Severity};

pub(super) static RULE: Rule = Rule {
    id: "P021",
    name: "key-identifiers",
    title: "A key identifier is missing",
    severity: Severity::Medium,
    citations: &[
        Citation::rfc("RFC 5280 section 4.2.1.1"),
        Citation::rfc("RFC 5280 section 4.2.1.2"),
        Citation::page(
            "Python 3.13: create_default_context sets VERIFY_X509_STRICT",
            "https://docs.python.org/3/whatsnew/3.13.html#ssl",
        ),
    ],
    explanation: "While a CA is replaced, two certificates bear its name, and only the identifiers tell which key has signed. \
                  A CA must have a subject key identifier, and what it issues must repeat it as the authority key identifier; \
                  strict verifiers, Python's since 3.13 among them, refuse a chain without.",
    fix: "Issue it again; kpki writes both on every certificate. With openssl: `subjectKeyIdentifier = hash` and \
          `authorityKeyIdentifier = keyid`.",
    applies_to: "certificates",
    check: Check::Certificate(check),
};

fn check(evidence: &CertificateEvidence<'_>) -> Outcome {
    let extensions = &evidence.tbs.extensions;
    let mut facts = Vec::new();
    if evidence.is_ca() && extensions.subject_key_identifier.as_ref().is_none_or(|id| id.value.is_empty()) {
        facts.push(Fact::new("it is a CA and has no subject key identifier"));
    }
    if !evidence.tbs.is_self_issued() {
        match &extensions.authority_key_identifier {
            None => facts.push(Fact::new("it has no authority key identifier")),
            Some(id) if id.value.key_identifier.as_ref().is_none_or(Vec::is_empty) => {
                facts.push(Fact::new("its authority key identifier names no key"));
            }
            Some(_) => {}
        }
    }
    facts.into()
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::Bench;
    use super::*;
    use crate::x509::{AuthorityKeyIdentifier, Marked};

    #[test]
    fn a_leaf_needs_its_issuers() {
        let mut bench = Bench::server();
        bench.tbs.extensions.subject_key_identifier = None;
        assert!(!bench.fires(&RULE), "a leaf needs none of its own");
        for key_identifier in [None, Some(vec![])] {
            bench.tbs.extensions.authority_key_identifier = Some(Marked {
                critical: false,
                value: AuthorityKeyIdentifier { key_identifier, names_certificate: true },
            });
            assert_eq!(bench.messages(&RULE), ["its authority key identifier names no key"]);
        }
        bench.tbs.extensions.authority_key_identifier = None;
        assert_eq!(bench.messages(&RULE), ["it has no authority key identifier"]);
    }

    #[test]
    fn a_ca_needs_its_own() {
        let mut bench = Bench::ca();
        bench.tbs.extensions.authority_key_identifier = None;
        assert!(!bench.fires(&RULE), "a root has no other issuer");
        bench.tbs.extensions.subject_key_identifier = None;
        assert_eq!(bench.messages(&RULE), ["it is a CA and has no subject key identifier"]);
    }
}
