//! T008: the next date on which something ends.

use time::Duration;

use super::super::{Answers, Scene};
use super::distinct::{Certificates, Use};
use super::remedy::Reissue;
use super::{Check, Citation, Rule, Severity, dates};

pub(super) static RULE: Rule = Rule {
    id: "T008",
    name: "next-date",
    title: "The next certificate ends",
    severity: Severity::Info,
    citations: &[Citation::page(
        "kubeadm: certificate management",
        "https://kubernetes.io/docs/tasks/administer-cluster/kubeadm/kubeadm-certs/#automatic-certificate-renewal",
    )],
    explanation: "The day for the calendar. kubeadm renews every leaf when it upgrades a control plane, and at no other time by \
                  itself: a cluster that is not upgraded for a year loses them all. What a kubelet renews by itself is not \
                  counted.",
    fix: "Upgrade or renew before that day: `kubeadm certs renew all`, then restart the control plane's static pods.",
    applies_to: "what is in use on a node",
    check: Check::Node(check),
};

/// How long before its end a certificate may well be renewed.
const SEASON: Duration = Duration::days(90);

fn check(scene: &Scene<'_>, answers: &mut Answers) {
    let at = scene.policy.at;
    let certificates = Certificates::of(scene.node);
    let next = certificates
        .all
        .iter()
        .filter(|one| {
            one.usage == Use::Used && !one.renews_itself() && one.cert.tbs().validity.not_after >= at
        })
        .min_by_key(|one| one.cert.tbs().validity.not_after);
    let Some(next) = next else { return };
    let end = next.cert.tbs().validity.not_after;
    let what =
        next.role().map_or_else(|| "a certificate".to_owned(), |role| format!("the {role} certificate"));
    let message =
        format!("the next to end is {what}, on {}, {}", dates::shown(end), dates::distance(end, at));
    let fact = answers.fail(next, message);
    if end - at < SEASON {
        fact.fix(Reissue::renewal());
    } else {
        fact.fix("Nothing has to be done yet; let something watch, `kpki audit` in a timer, for example.");
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::tree::{PKI, Tree};
    use super::*;

    #[test]
    fn the_first_to_end_is_told() {
        let mut tree = Tree::control_plane();
        tree.certificate(&format!("{PKI}/front-proxy-client.crt"), "until=+200d");
        tree.certificate(&format!("{PKI}/apiserver.crt"), "from=-400d until=-1d");
        tree.leaf("etc/kubernetes/old/a.crt", "cn=a until=+1d key=p256:a");
        assert_eq!(
            tree.findings("T008"),
            [
                "info etc/kubernetes/pki/front-proxy-client.crt:1: the next to end is the front-proxy-client certificate, \
                 on 2026-12-18 12:00 UTC, in 200 days"
            ]
        );
        let worker = Tree::worker().findings("T008");
        assert_eq!(
            worker,
            [
                "info etc/kubernetes/pki/ca.crt:1: the next to end is the kubernetes-ca certificate, on 2035-05-30 12:00 \
                 UTC, in 3285 days"
            ]
        );
        assert!(Tree::empty().not_applicable(&RULE));
    }
}
