//! T002: a certificate whose life has not begun.

use super::super::{Answers, Scene};
use super::distinct::{Certificates, Use};
use super::remedy::Reissue;
use super::{Check, Citation, Rule, Severity, dates};

pub(super) static RULE: Rule = Rule {
    id: "T002",
    name: "not-yet-valid",
    title: "The certificate is not valid yet",
    severity: Severity::High,
    citations: &[
        Citation::rfc("RFC 5280 section 4.1.2.5"),
        Citation::page(
            "kubernetes/kubernetes#76714",
            "https://github.com/kubernetes/kubernetes/issues/76714",
        ),
    ],
    explanation: "It is refused until its notBefore. Nearly always a clock is wrong: that of the machine that issued it, or \
                  that of the one that reads it.",
    fix: "Compare the clocks (`timedatectl`, `chronyc tracking`) on this node and where it was issued; issue it again once \
          they agree.",
    applies_to: "certificates",
    check: Check::Node(check),
};

fn check(scene: &Scene<'_>, answers: &mut Answers) {
    let at = scene.policy.at;
    for one in &Certificates::of(scene.node).all {
        let begin = one.cert.tbs().validity.not_before;
        if begin <= at {
            answers.look();
            continue;
        }
        let (date, when) = (dates::shown(begin), dates::distance(begin, at));
        let fact = answers.fail(one, format!("it is valid from {date} on, {when}{}", one.elsewhere()));
        let first = "Compare the clocks first, here and where it was issued: `timedatectl` says `System clock synchronized: yes` of one that is \
                     right. Where this one is, the certificate is wrong.";
        fact.fix(Reissue::default().first(first));
        match one.usage {
            Use::Used => {}
            Use::Loose => _ = fact.severity(Severity::Medium),
            Use::Old => _ = fact.severity(Severity::Low),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::tree::{PKI, Tree};
    use super::*;

    #[test]
    fn a_life_that_begins_later_fires() {
        let mut tree = Tree::control_plane();
        assert_eq!(tree.findings("T002"), [""; 0]);
        tree.certificate(&format!("{PKI}/apiserver.crt"), "from=+2h");
        tree.leaf(&format!("{PKI}/somebody.crt"), "cn=somebody eku=client from=+3d key=p256:s");
        tree.leaf("etc/kubernetes/old/somebody.crt", "cn=somebody eku=client from=+3d key=p256:o");
        assert_eq!(
            tree.findings("T002"),
            [
                "high etc/kubernetes/pki/apiserver.crt:1: it is valid from 2026-06-01 14:00 UTC on, in 2 hours",
                "medium etc/kubernetes/pki/somebody.crt:1: it is valid from 2026-06-04 12:00 UTC on, in 3 days",
                "low etc/kubernetes/old/somebody.crt:1: it is valid from 2026-06-04 12:00 UTC on, in 3 days",
            ]
        );
        tree.certificate(&format!("{PKI}/apiserver.crt"), "from=+0s");
        assert_eq!(tree.findings("T002").len(), 2, "the first second counts");
        assert!(Tree::empty().not_applicable(&RULE));
    }
}
