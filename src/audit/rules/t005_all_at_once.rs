//! T005: all certificates of a node end at once.

use time::Duration;

use super::super::{Answers, NodeKind, Scene};
use super::distinct::{Certificates, Use};
use super::{Check, Citation, Place, Rule, Severity, dates};

/// Fewer say nothing.
const SEVERAL: usize = 3;

pub(super) static RULE: Rule = Rule {
    id: "T005",
    name: "all-at-once",
    title: "All leaves of a control plane expire at once",
    // The catalogue says medium; but that is what kubeadm and `kpki init` write, and every renewal of all of them.
    severity: Severity::Info,
    citations: &[Citation::page(
        "kubeadm: certificate management",
        "https://kubernetes.io/docs/tasks/administer-cluster/kubeadm/kubeadm-certs/",
    )],
    explanation: "kubeadm issues and renews every leaf of a control plane in the same minute, so they also end in the same \
                  minute: a renewal that is forgotten takes the API server, etcd and every kubeconfig of the node down \
                  together. Where the control planes were made on one day, that is the whole cluster.",
    fix: "Renew on each control plane on another day, `kubeadm certs renew all`, and let something watch: `kpki audit` in a \
          timer, for example.",
    applies_to: "the leaves of a control plane",
    check: Check::Node(check),
};

fn check(scene: &Scene<'_>, answers: &mut Answers) {
    if scene.node.kind != NodeKind::ControlPlane {
        return;
    }
    let certificates = Certificates::of(scene.node);
    let ends: Vec<_> = certificates
        .all
        .iter()
        .filter(|one| one.usage == Use::Used && !one.roles.is_empty() && !one.cert.is_ca())
        .filter(|one| !one.renews_itself())
        .map(|one| one.cert.tbs().validity.not_after)
        .collect();
    let (Some(first), Some(last)) = (ends.iter().min(), ends.iter().max()) else { return };
    if ends.len() < SEVERAL {
        return;
    }
    answers.look();
    if *last - *first <= Duration::HOUR && *first >= scene.policy.at {
        let message = format!(
            "all {} leaves end within one hour, on {}, {}",
            ends.len(),
            dates::shown(*first),
            dates::distance(*first, scene.policy.at)
        );
        answers.fail(Place::nowhere(), message);
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::tree::{PKI, Tree};
    use super::*;

    #[test]
    fn what_is_made_in_one_minute_ends_in_one_minute() {
        let mut tree = Tree::control_plane();
        assert_eq!(
            tree.findings("T005"),
            ["info : all 11 leaves end within one hour, on 2027-05-31 12:00 UTC, in 364 days"]
        );
        tree.certificate(&format!("{PKI}/apiserver.crt"), "until=+363d");
        assert_eq!(tree.findings("T005"), [""; 0]);
        assert!(Tree::worker().not_applicable(&RULE));
    }
}
