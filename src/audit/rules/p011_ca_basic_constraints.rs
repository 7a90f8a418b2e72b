//! P011: a CA says that it is one.

use super::{CertificateEvidence, Check, Citation, Fact, Outcome, Rule, Severity};

pub(super) static RULE: Rule = Rule {
    id: "P011",
    name: "ca-basic-constraints",
    title: "A CA certificate does not say, or not critically, that it is a CA",
    severity: Severity::High,
    citations: &[Citation::rfc("RFC 5280 section 4.2.1.9")],
    explanation: "Without basicConstraints CA:TRUE every verifier refuses each certificate that the CA has signed. \
                  The extension must be critical, lest a reader that does not know it take a CA for a leaf, or a path \
                  for unlimited.",
    fix: "Issue the CA certificate again with the same key and `basicConstraints = critical, CA:TRUE`, and distribute it.",
    applies_to: "certificates",
    check: Check::Certificate(check),
};

fn check(evidence: &CertificateEvidence<'_>) -> Outcome {
    if !evidence.is_ca() {
        return Outcome::NotApplicable("it is not a CA");
    }
    match &evidence.tbs.extensions.basic_constraints {
        None => Outcome::Fail(vec![Fact::new("basicConstraints is missing")]),
        Some(constraints) if !constraints.value.ca => {
            Outcome::Fail(vec![Fact::new("basicConstraints says CA:FALSE")])
        }
        Some(constraints) if !constraints.critical => {
            Outcome::Fail(vec![Fact::milder(Severity::Medium, "basicConstraints is not critical")])
        }
        Some(_) => Outcome::Pass,
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::Bench;
    use super::*;
    use crate::x509::{BasicConstraints, Marked};

    #[test]
    fn absent_false_and_not_critical() {
        let said = |critical, ca| Some(Marked { critical, value: BasicConstraints { ca, path_len: None } });
        for (constraints, expected) in [
            (said(true, true), None),
            (said(false, true), Some((Severity::Medium, "basicConstraints is not critical"))),
            (said(true, false), Some((Severity::High, "basicConstraints says CA:FALSE"))),
            (None, Some((Severity::High, "basicConstraints is missing"))),
        ] {
            // Both as an intended CA and by its own word: a self-issued certificate that may sign others.
            for intended in [true, false] {
                let mut bench = Bench::ca();
                bench.expected = bench.expected.filter(|_| intended);
                bench.tbs.extensions.basic_constraints.clone_from(&constraints);
                let expected: Vec<_> = expected.into_iter().map(|(s, m)| (s, m.to_owned())).collect();
                assert_eq!(bench.findings(&RULE), expected, "{intended}");
            }
        }
        assert!(Bench::server().not_applicable(&RULE));
    }
}
