//! T003: a certificate that ends soon.

use time::Duration;

use super::super::{Answers, Expiring, Scene};
use super::distinct::{Certificates, Distinct, Use};
use super::remedy::Reissue;
use super::{Check, Citation, Role, Rule, Severity, dates};

/// A shorter life is judged by its share that is over, a longer one by the days that are left: two thirds of a year, which
/// is kubeadm's life of a leaf, are no reason to act.
const SHORT: Duration = Duration::days(90);

pub(super) static RULE: Rule = Rule {
    id: "T003",
    name: "expires-soon",
    title: "The certificate expires soon",
    severity: Severity::High,
    citations: &[
        Citation::page(
            "kubeadm: certificate management",
            "https://kubernetes.io/docs/tasks/administer-cluster/kubeadm/kubeadm-certs/",
        ),
        Citation::page(
            "Smallstep: step certificate needs-renewal",
            "https://smallstep.com/docs/step-cli/reference/certificate/needs-renewal/",
        ),
    ],
    explanation: "What is not renewed in time is an outage on a known day. A certificate that lives 90 days or longer is \
                  reported as high from 14 days before its end and as medium from 30; one with a shorter life as high once \
                  90 % of it are over and as medium from 66 %. `--expiring 30d` or `--expiring 66%` puts one step of \
                  severity high in their place. A kubelet's own certificates renew themselves from 70 % of their life on, \
                  at 90 % at the latest: only later is something wrong. CAs are T004's.",
    fix: "Renew it: `kubeadm certs renew all` on a control plane of kubeadm's.",
    applies_to: "certificates of leaves; those of CAs as well with `--expiring`",
    check: Check::Node(check),
};

fn check(scene: &Scene<'_>, answers: &mut Answers) {
    let at = scene.policy.at;
    for one in &Certificates::of(scene.node).all {
        let validity = one.cert.tbs().validity;
        // What is over, or has not begun, is T001's and T002's.
        if one.usage == Use::Old || !validity.contains(at) {
            continue;
        }
        let explicit = scene.policy.expiring;
        if explicit.is_none() && (one.cert.is_ca() || one.is_anchor()) {
            continue;
        }
        answers.look();
        let left = validity.not_after - at;
        let life = validity.not_after - validity.not_before;
        // The life of a certificate is longer than nothing here, for it contains an instant before its end or is one itself.
        let over = if life.is_positive() { 100.0 * ((life - left) / life) } else { 100.0 };
        let Some(severity) = step(explicit, one, left, life, over) else { continue };
        let (date, when) = (dates::shown(validity.not_after), dates::distance(validity.not_after, at));
        let share = match explicit {
            Some(Expiring::Past(_)) => true,
            Some(Expiring::Within(_)) => false,
            None => life < SHORT,
        };
        let share =
            if share { format!(", {:.0} % of its life are over", over.floor()) } else { String::new() };
        let fact = answers.fail(one, format!("it expires on {date}, {when}{share}{}", one.elsewhere()));
        fact.severity(severity).fix(Reissue::renewal());
    }
}

fn step(
    explicit: Option<Expiring>,
    one: &Distinct<'_>,
    left: Duration,
    life: Duration,
    over: f64,
) -> Option<Severity> {
    let severity = match explicit {
        Some(Expiring::Within(limit)) => (left <= limit).then_some(Severity::High)?,
        Some(Expiring::Past(share)) => (over >= share).then_some(Severity::High)?,
        None if one.renews_itself() && over < 90.0 => return None,
        None if life < SHORT => match over {
            90.0.. => Severity::High,
            66.0.. => Severity::Medium,
            _ => return None,
        },
        None if left <= Duration::days(14) => Severity::High,
        None if left <= Duration::days(30) => Severity::Medium,
        None => return None,
    };
    Some(match (one.usage, one.role(), severity) {
        (_, Some(Role::ServiceAccount), _) => Severity::Info,
        // Nothing is known that would stop.
        (Use::Loose, _, Severity::High) => Severity::Medium,
        (Use::Loose, _, _) => Severity::Low,
        (_, _, severity) => severity,
    })
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::tree::{PKI, Tree, in_days};
    use super::*;

    fn with(words: &str) -> Vec<String> {
        let mut tree = Tree::control_plane();
        tree.certificate(&format!("{PKI}/apiserver.crt"), words);
        tree.findings("T003")
    }

    #[test]
    fn a_year_is_counted_in_days() {
        assert_eq!(with(""), [""; 0]);
        // Day 335 of a life of 365 days is 92 % of it.
        assert_eq!(with("from=-334d until=+31d"), [""; 0]);
        let found = |severity, rest| vec![format!("{severity} etc/kubernetes/pki/apiserver.crt:1: {rest}")];
        assert_eq!(
            with("from=-335d until=+30d"),
            found("medium", "it expires on 2026-07-01 12:00 UTC, in 30 days")
        );
        assert_eq!(
            with("from=-351d until=+14d"),
            found("high", "it expires on 2026-06-15 12:00 UTC, in 14 days")
        );
        assert_eq!(with("from=-400d until=-1d"), [""; 0], "what is over is T001's");
    }

    #[test]
    fn a_short_life_is_counted_in_shares() {
        let found = |severity, rest| vec![format!("{severity} etc/kubernetes/pki/apiserver.crt:1: {rest}")];
        assert_eq!(with("from=-65h until=+35h"), [""; 0]);
        assert_eq!(
            with("from=-66h until=+34h"),
            found("medium", "it expires on 2026-06-02 22:00 UTC, in 34 hours, 66 % of its life are over")
        );
        assert_eq!(
            with("from=-90h until=+10h"),
            found("high", "it expires on 2026-06-01 22:00 UTC, in 10 hours, 90 % of its life are over")
        );
    }

    #[test]
    fn who_asks_for_a_step_gets_that_one() {
        let mut tree = Tree::control_plane();
        tree.policy.expiring = Some(Expiring::Within(Duration::days(363)));
        assert_eq!(tree.findings("T003"), [""; 0]);
        tree.policy.at = in_days(1);
        // Seven leaves, four kubeconfigs, two certificates of the kubelet.
        assert_eq!(tree.findings("T003").len(), 13);
        tree.policy.expiring = Some(Expiring::Past(10.0));
        // The CAs live ten years, of which one is over.
        let found = tree.findings("T003");
        assert_eq!(found.len(), 3);
        assert_eq!(
            found[0],
            "high etc/kubernetes/pki/ca.crt:1: it expires on 2035-05-30 12:00 UTC, in 3284 days, 10 % of its life are over \
             (it stands in 5 more places)"
        );
    }

    #[test]
    fn kubelets_renew_themselves_and_the_unused_is_milder() {
        let mut tree = Tree::control_plane();
        let current = "var/lib/kubelet/pki/kubelet-client-2026-05-31-11-55-00.pem";
        tree.certificate(current, "from=-89h until=+11h");
        tree.leaf(
            "var/lib/kubelet/pki/kubelet-client-2025-05-31-11-55-00.pem",
            "cn=a from=-99h until=+1h key=p256:a",
        );
        assert_eq!(tree.findings("T003"), [""; 0]);
        tree.certificate(current, "from=-91h until=+9h");
        tree.leaf(&format!("{PKI}/somebody.crt"), "cn=somebody eku=client from=-300d until=+2d key=p256:s");
        assert_eq!(
            tree.findings("T003"),
            [
                format!(
                    "high {current}:1: it expires on 2026-06-01 21:00 UTC, in 9 hours, 91 % of its life are over"
                ),
                "medium etc/kubernetes/pki/somebody.crt:1: it expires on 2026-06-03 12:00 UTC, in 2 days"
                    .to_owned(),
            ]
        );
        assert!(Tree::empty().not_applicable(&RULE));
    }
}
