//! T007: a clock that cannot be right.

use time::Duration;
use time::macros::datetime;

use super::super::{Answers, Scene, Use};
use super::{Check, Citation, Place, Rule, Severity, dates};

/// A day that is over wherever the clock is right.
const PAST: time::OffsetDateTime = datetime!(2020-01-01 0:00 UTC);

pub(super) static RULE: Rule = Rule {
    id: "T007",
    name: "clock",
    title: "The clock cannot be right",
    severity: Severity::Medium,
    citations: &[Citation::page(
        "kubernetes/kubernetes#118922",
        "https://github.com/kubernetes/kubernetes/issues/118922",
    )],
    explanation: "Every date here is held against the clock of the machine that audits. Where that lies before the birth of what \
                  it reads, either it is wrong, and so is what is said of expiry, or that of the machine that issued is. A \
                  node without a battery begins in 1970 or on the day of its image.",
    fix: "Look at `timedatectl` on both machines, and let chrony or systemd-timesyncd set the clock; `kpki audit --at DATE` \
          judges another day.",
    applies_to: "the instant that is judged, against the newest certificate",
    check: Check::Node(check),
};

fn check(scene: &Scene<'_>, answers: &mut Answers) {
    let at = scene.policy.at;
    let Some(newest) = scene
        .node
        .certs()
        .filter(|cert| cert.found().usage != Use::Old)
        .max_by_key(|cert| cert.tbs().validity.not_before)
    else {
        return;
    };
    answers.look();
    let born = newest.tbs().validity.not_before;
    if born - at > Duration::DAY {
        let message = format!(
            "the instant that is judged, {}, lies {} before the newest certificate begins ({})",
            dates::shown(at),
            dates::span(born - at),
            dates::shown(born)
        );
        answers.fail(newest, message);
    } else if at < PAST {
        answers.fail(Place::nowhere(), format!("the instant that is judged is {}", dates::shown(at)));
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::tree::{PKI, Tree, in_days};
    use super::*;

    #[test]
    fn a_clock_before_the_newest_birth_fires() {
        let mut tree = Tree::control_plane();
        assert_eq!(tree.findings("T007"), [""; 0]);
        tree.certificate(&format!("{PKI}/apiserver.crt"), "from=+0s");
        tree.policy.at = in_days(-1);
        assert_eq!(tree.findings("T007"), [""; 0], "a day is forgiven");
        tree.policy.at = in_days(-3);
        assert_eq!(
            tree.findings("T007"),
            [
                "medium etc/kubernetes/pki/apiserver.crt:1: the instant that is judged, 2026-05-29 12:00 UTC, lies 3 days \
                 before the newest certificate begins (2026-06-01 12:00 UTC)"
            ]
        );
        assert!(Tree::empty().not_applicable(&RULE));
    }

    #[test]
    fn a_clock_of_1970_fires_whatever_was_issued() {
        let mut tree = Tree::empty();
        tree.put(
            &format!("{PKI}/x.crt"),
            crate::forge::self_signed_leaf("cn=a from=1970-01-01T00:00:00Z"),
            "",
        );
        assert_eq!(tree.findings("T007"), [""; 0]);
        tree.policy.at = datetime!(1970-01-02 0:00 UTC);
        assert_eq!(tree.findings("T007"), ["medium : the instant that is judged is 1970-01-02 00:00 UTC"]);
    }
}
