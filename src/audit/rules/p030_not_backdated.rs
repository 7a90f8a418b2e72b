//! P030: a certificate that is younger than clocks are apart.

use time::Duration;

use super::{CertificateEvidence, Check, Citation, Fact, Outcome, Rule, Severity};

/// By how much the clocks of a cluster may differ: what kubeadm and Kubernetes' own signers backdate by.
const SKEW: Duration = Duration::minutes(5);

pub(super) static RULE: Rule = Rule {
    id: "P030",
    name: "not-backdated",
    title: "The certificate has only just begun",
    severity: Severity::Low,
    citations: &[
        Citation::page(
            "kubernetes/kubernetes#118922",
            "https://github.com/kubernetes/kubernetes/issues/118922",
        ),
        Citation::rfc("RFC 5280 section 4.1.2.5"),
    ],
    explanation: "A machine whose clock is a little behind refuses a certificate that begins at the very instant at which it was \
                  issued. Kubernetes' signers and kpki let it begin five minutes earlier.",
    fix: "Wait five minutes before it is used, or issue it again with a notBefore five minutes back, as kpki does.",
    applies_to: "certificates on the day on which they are issued",
    check: Check::Certificate(check),
};

fn check(evidence: &CertificateEvidence<'_>) -> Outcome {
    let Some(now) = evidence.now else {
        return Outcome::NotApplicable("nothing is signed yet");
    };
    let age = now - evidence.tbs.validity.not_before;
    // One that has not begun yet is another rule's matter.
    if age.is_negative() || age >= SKEW {
        return Outcome::Pass;
    }
    Outcome::Fail(vec![Fact::new(format!(
        "it began {} seconds ago; a clock that is further behind refuses it",
        age.whole_seconds()
    ))])
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::Bench;
    use super::super::super::testing::tree::{PKI, Tree};
    use super::*;

    #[test]
    fn the_first_five_minutes_fire() {
        for (from, message) in [
            ("+1s", None),
            (
                "+0s",
                Some(
                    "low etc/kubernetes/pki/apiserver.crt:1: it began 0 seconds ago; a clock that is further behind refuses it",
                ),
            ),
            (
                "-299s",
                Some(
                    "low etc/kubernetes/pki/apiserver.crt:1: it began 299 seconds ago; a clock that is further behind refuses it",
                ),
            ),
            ("-300s", None),
        ] {
            let mut tree = Tree::control_plane();
            tree.certificate(&format!("{PKI}/apiserver.crt"), &format!("from={from}"));
            assert_eq!(tree.findings(RULE.id), message.into_iter().collect::<Vec<_>>(), "{from}");
        }
        assert!(Bench::server().not_applicable(&RULE), "about to be sealed");
    }
}
