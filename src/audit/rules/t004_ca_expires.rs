//! T004: a CA that ends before the leaves that it still has to sign.

use std::collections::HashMap;

use time::Duration;

use super::super::{Answers, Scene};
use super::distinct::{Certificates, Distinct, Use};
use super::remedy::Reissue;
use super::{Check, Citation, Rule, Severity, dates};

/// kubeadm's life of a leaf, and the longest that is reckoned with.
const YEAR: Duration = Duration::days(365);
/// The shortest: a rotation takes weeks, however short the leaves live.
const QUARTER: Duration = Duration::days(90);

pub(super) static RULE: Rule = Rule {
    id: "T004",
    name: "ca-expires",
    title: "The CA expires within the life of its leaves",
    severity: Severity::Critical,
    citations: &[
        Citation::page("kubernetes/kubeadm#1783", "https://github.com/kubernetes/kubeadm/issues/1783"),
        Citation::page(
            "Kubernetes: manual rotation of CA certificates",
            "https://kubernetes.io/docs/tasks/tls/manual-rotation-of-ca-certificates/",
        ),
    ],
    explanation: "When a CA ends, everything under it ends in the same second, and neither kubeadm nor anything else renews \
                  it: every node and every kubeconfig has to trust the new one first. Reported as critical 30 days before \
                  the end, as high within one life of its leaves (at most a year), as medium within two; for a CA that \
                  lives a few years or months itself, within a tenth, a third and a half of its life.",
    fix: "Make the new CA beside the old one (`kpki ca init --dir NEW`), let everybody trust both, then issue every leaf again: \
          https://kubernetes.io/docs/tasks/tls/manual-rotation-of-ca-certificates/ has the steps.",
    applies_to: "certificates of CAs",
    check: Check::Node(check),
};

fn check(scene: &Scene<'_>, answers: &mut Answers) {
    let at = scene.policy.at;
    let certificates = Certificates::of(scene.node);
    let leaves = longest_leaves(&certificates);
    for one in &certificates.all {
        let validity = one.cert.tbs().validity;
        // A chain behind a leaf ends with the leaf at the latest, or is C006's.
        let chain = one.roles.is_empty() && one.places().all(|cert| cert.found().position > 0);
        let is_ca = one.cert.is_ca() || one.is_anchor();
        if !is_ca || chain || one.usage == Use::Old || !validity.contains(at) {
            continue;
        }
        answers.look();
        let left = validity.not_after - at;
        let life = validity.not_after - validity.not_before;
        let leaf: Duration = leaves.get(&one.cert.spki()).copied().unwrap_or(YEAR).clamp(QUARTER, YEAR);
        let severity = if left <= Duration::days(30).min(life / 10) {
            Severity::Critical
        } else if left <= leaf.min(life / 3) {
            Severity::High
        } else if left <= (leaf + leaf).min(life / 2) {
            Severity::Medium
        } else {
            continue;
        };
        if has_later(&certificates, one) {
            continue;
        }
        let (date, when) = (dates::shown(validity.not_after), dates::distance(validity.not_after, at));
        let message =
            format!("this CA ends on {date}, {when}, and all that it signed with it{}", one.elsewhere());
        // Of a CA that nobody is known to use, nothing hangs.
        let severity = if one.usage == Use::Loose { severity.min(Severity::Medium) } else { severity };
        answers.fail(one, message).severity(severity).fix(Reissue::renewal());
    }
}

/// The longest life of a leaf under each CA of the node, by its key.
fn longest_leaves(certificates: &Certificates<'_>) -> HashMap<[u8; 32], Duration> {
    let mut longest: HashMap<[u8; 32], Duration> = HashMap::new();
    for one in certificates.all.iter().filter(|one| !one.cert.is_ca() && one.usage != Use::Old) {
        let Some(issuer) = one.cert.issuer_here() else { continue };
        let validity = one.cert.tbs().validity;
        let life = longest.entry(issuer.spki()).or_default();
        *life = (*life).max(validity.not_after - validity.not_before);
    }
    longest
}

/// Whether the same key has a certificate in use that ends later: then C004 has the older one.
fn has_later(certificates: &Certificates<'_>, one: &Distinct<'_>) -> bool {
    let tbs = one.cert.tbs();
    one.cert.node.certs_with_key(&one.cert.spki()).take(256).any(|other| {
        other.tbs().subject == tbs.subject
            && other.tbs().validity.not_after > tbs.validity.not_after
            && certificates.get(other).is_some_and(|other| other.usage == Use::Used)
    })
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::tree::{PKI, Tree, in_days};
    use super::*;
    use crate::forge;

    fn worker_with(words: &str) -> Vec<String> {
        let mut tree = Tree::worker();
        tree.file(&format!("{PKI}/ca.crt"), 0o644, forge::ca(&format!("cn=kubernetes {words}")).pem());
        tree.findings("T004")
    }

    fn found(severity: &str, rest: &str) -> Vec<String> {
        let end = "and all that it signed with it";
        vec![format!("{severity} etc/kubernetes/pki/ca.crt:1: this CA ends on {rest}, {end}")]
    }

    #[test]
    fn ten_years_are_silent_until_the_eighth_is_over() {
        assert_eq!(worker_with("from=-1d until=+3649d"), [""; 0]);
        assert_eq!(worker_with("from=-2919d until=+731d"), [""; 0]);
        assert_eq!(
            worker_with("from=-2920d until=+730d"),
            found("medium", "2028-05-31 12:00 UTC, in 730 days")
        );
        assert_eq!(
            worker_with("from=-3285d until=+365d"),
            found("high", "2027-06-01 12:00 UTC, in 365 days")
        );
        assert_eq!(worker_with("from=-3619d until=+31d"), found("high", "2026-07-02 12:00 UTC, in 31 days"));
        assert_eq!(
            worker_with("from=-3620d until=+30d"),
            found("critical", "2026-07-01 12:00 UTC, in 30 days")
        );
        assert_eq!(worker_with("from=-3660d until=-1d"), [""; 0], "what is over is T001's");
    }

    #[test]
    fn a_short_life_has_shorter_steps() {
        for (words, wanted) in [
            ("from=-44d until=+46d", vec![]),
            ("from=-45d until=+45d", found("medium", "2026-07-16 12:00 UTC, in 45 days")),
            ("from=-60d until=+30d", found("high", "2026-07-01 12:00 UTC, in 30 days")),
            ("from=-81d until=+9d", found("critical", "2026-06-10 12:00 UTC, in 9 days")),
        ] {
            assert_eq!(worker_with(words), wanted, "{words}");
        }
    }

    #[test]
    fn a_successor_with_the_same_key_is_what_counts() {
        let mut tree = Tree::control_plane();
        let old = tree.ca("ca").reissue("from=-3620d until=+30d");
        tree.file("etc/kubernetes/ca/ca.crt", 0o644, old.pem());
        assert_eq!(tree.findings("T004"), [""; 0]);
        let mut leaf = Tree::empty();
        leaf.put(&format!("{PKI}/somebody.crt"), forge::self_signed_leaf("cn=a"), "");
        assert!(leaf.not_applicable(&RULE));
        tree.policy.at = in_days(3000);
        let severities: Vec<_> =
            tree.findings("T004").iter().map(|found| found.split(' ').next().unwrap().to_owned()).collect();
        assert_eq!(severities, ["high", "high", "high"], "three CAs of a control plane at their end");
    }
}
