//! C006: a certificate ends before its issuer's.

use super::{CertificateEvidence, Check, Citation, Fact, Outcome, Rule, Severity};

pub(super) static RULE: Rule = Rule {
    id: "C006",
    name: "outlives-issuer",
    title: "The certificate outlives its issuer's",
    severity: Severity::High,
    citations: &[
        Citation::rfc("RFC 5280 section 6.1.3"),
        Citation::page("kubernetes/kubeadm#1784", "https://github.com/kubernetes/kubeadm/issues/1784"),
        Citation::page(
            "cert-manager/cert-manager#5864",
            "https://github.com/cert-manager/cert-manager/issues/5864",
        ),
    ],
    explanation: "From the day on which the issuer's certificate ends, no chain verifies, whatever the leaf says. Whoever \
                  watches the leaf's date alone is surprised by an outage.",
    fix: "Renew the issuer first, then issue this one again; kpki never writes an end past the issuer's.",
    applies_to: "certificates",
    check: Check::Certificate(check),
};

fn check(evidence: &CertificateEvidence<'_>) -> Outcome {
    let Some(issuer) = evidence.issuer else {
        return Outcome::NotApplicable("the issuer's certificate was not given");
    };
    let excess = evidence.tbs.validity.not_after - issuer.validity.not_after;
    if !excess.is_positive() {
        return Outcome::Pass;
    }
    let (days, rest) = (excess.whole_days(), excess.whole_seconds() % 86_400);
    Outcome::Fail(vec![Fact::new(format!(
        "it ends {days} days, {} hours and {} seconds after its issuer's",
        rest / 3600,
        rest % 3600
    ))])
}

#[cfg(test)]
mod tests {
    use time::Duration;

    use super::super::super::testing::Bench;
    use super::*;

    #[test]
    fn not_a_second_longer() {
        for (excess, message) in [
            (-1, None),
            (0, None),
            (1, Some("it ends 0 days, 0 hours and 1 seconds after its issuer's")),
            (90_001, Some("it ends 1 days, 1 hours and 1 seconds after its issuer's")),
        ] {
            let mut bench = Bench::server();
            bench.tbs.validity.not_after =
                bench.issuer.as_ref().unwrap().validity.not_after + Duration::seconds(excess);
            assert_eq!(bench.messages(&RULE), message.into_iter().collect::<Vec<_>>());
        }
        let mut bench = Bench::server();
        bench.issuer = None;
        assert!(bench.not_applicable(&RULE));
    }
}
