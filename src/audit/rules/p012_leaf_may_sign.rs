//! P012: a leaf signs no certificates.

use super::{CertificateEvidence, Check, Citation, Fact, Outcome, Rule, Severity};
use crate::x509::KeyUsage;

pub(super) static RULE: Rule = Rule {
    id: "P012",
    name: "leaf-may-sign",
    title: "A leaf may sign certificates",
    severity: Severity::Critical,
    citations: &[
        Citation::rfc("RFC 5280 section 4.2.1.9"),
        Citation::rfc("RFC 5280 section 4.2.1.3"),
        Citation::page(
            "Kubernetes signers: the CA bit is not allowed",
            "https://kubernetes.io/docs/reference/access-authn-authz/certificate-signing-requests/#kubernetes-signers",
        ),
    ],
    explanation: "Whoever holds the key of a leaf with CA:TRUE issues certificates that the whole cluster accepts, for any \
                  user and any group, system:masters among them. keyCertSign alone is enough for verifiers that do not look \
                  at basicConstraints. A path length on a leaf contradicts itself, and strict readers refuse it.",
    fix: "Revoke it, or replace the CA if it was in other hands; issue the leaf again with CA:FALSE and without keyCertSign.",
    applies_to: "certificates",
    check: Check::Certificate(check),
};

fn check(evidence: &CertificateEvidence<'_>) -> Outcome {
    if evidence.is_ca() {
        return Outcome::NotApplicable("it is a CA");
    }
    let mut facts = Vec::new();
    let constraints = evidence.tbs.extensions.basic_constraints.as_ref().map(|constraints| constraints.value);
    if constraints.is_some_and(|constraints| constraints.ca) {
        facts.push(Fact::new("basicConstraints says CA:TRUE"));
    } else if let Some(length) = constraints.and_then(|constraints| constraints.path_len) {
        facts.push(Fact::milder(
            Severity::Medium,
            format!("basicConstraints has the path length {length} without CA:TRUE"),
        ));
    }
    if evidence.key_usage().contains(KeyUsage::KEY_CERT_SIGN) {
        facts.push(Fact::new("its key usage has keyCertSign"));
    }
    facts.into()
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::Bench;
    use super::*;
    use crate::x509::{BasicConstraints, Marked};

    #[test]
    fn every_way_to_sign_fires() {
        let mut bench = Bench::server();
        assert!(!bench.fires(&RULE));
        bench.tbs.extensions.key_usage =
            Some(Marked { critical: true, value: KeyUsage::DIGITAL_SIGNATURE | KeyUsage::KEY_CERT_SIGN });
        assert_eq!(bench.findings(&RULE), [(Severity::Critical, "its key usage has keyCertSign".into())]);
        bench.tbs.extensions.basic_constraints =
            Some(Marked { critical: true, value: BasicConstraints { ca: true, path_len: Some(0) } });
        assert_eq!(bench.messages(&RULE), ["basicConstraints says CA:TRUE", "its key usage has keyCertSign"]);
        bench.expected = None;
        assert!(bench.not_applicable(&RULE), "by its own word it is a CA");
    }

    #[test]
    fn a_path_length_on_a_leaf_fires() {
        let mut bench = Bench::server();
        bench.tbs.extensions.basic_constraints =
            Some(Marked { critical: true, value: BasicConstraints { ca: false, path_len: Some(1) } });
        assert_eq!(
            bench.findings(&RULE),
            [(Severity::Medium, "basicConstraints has the path length 1 without CA:TRUE".into())]
        );
        assert!(Bench::ca().not_applicable(&RULE));
    }
}
