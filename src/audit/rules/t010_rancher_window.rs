//! T010: k3s or RKE2 would renew, and waits for a restart.

use time::Duration;

use super::super::{Answers, Scene};
use super::distinct::{Certificates, Use};
use super::remedy::{Command, Cure};
use super::{Check, Citation, Rule, Severity, dates};
use crate::profile::KubernetesVersion;

/// How long before the end a restart renews, since May 2025 (k3s-io/k3s#12232).
const WINDOW: Duration = Duration::days(120);
/// The same before.
const OLD_WINDOW: Duration = Duration::days(90);

/// The first releases with the longer one.
const SINCE: [KubernetesVersion; 4] = [
    KubernetesVersion::new(1, 30, 13),
    KubernetesVersion::new(1, 31, 9),
    KubernetesVersion::new(1, 32, 5),
    KubernetesVersion::new(1, 33, 1),
];

pub(super) static RULE: Rule = Rule {
    id: "T010",
    name: "rancher-window",
    title: "A restart of k3s or RKE2 would renew the certificate",
    severity: Severity::Medium,
    citations: &[
        Citation::page("k3s: certificate", "https://docs.k3s.io/cli/certificate"),
        Citation::page("k3s-io/k3s#12171", "https://github.com/k3s-io/k3s/issues/12171"),
    ],
    explanation: "k3s and RKE2 renew their leaves when the service starts, those that end within 120 days (90 days before \
                  v1.30.13, v1.31.9, v1.32.5 and v1.33.1), and at no other time. A service that runs on loses them all.",
    fix: "Restart the service on this node: `systemctl restart k3s`, or `rke2-server`; servers first, then agents.",
    applies_to: "leaves below /var/lib/rancher",
    check: Check::Node(check),
};

fn check(scene: &Scene<'_>, answers: &mut Answers) {
    let at = scene.policy.at;
    // Where the version is not known, what is certain in both.
    let window = if scene.node.version.as_ref().is_some_and(has_long_window) { WINDOW } else { OLD_WINDOW };
    for one in &Certificates::of(scene.node).all {
        let cert = one.cert;
        let is_rancher = cert.file().on_node.starts_with("/var/lib/rancher");
        if !is_rancher || one.usage == Use::Old || cert.is_ca() || cert.found().position > 0 {
            continue;
        }
        answers.look();
        let end = cert.tbs().validity.not_after;
        if end < at || end - at > window {
            continue;
        }
        let message = format!(
            "it ends on {}, {}, within the {} days in which a restart renews it",
            dates::shown(end),
            dates::distance(end, at),
            window.whole_days()
        );
        let service =
            if cert.file().on_node.starts_with("/var/lib/rancher/rke2") { "rke2-server" } else { "k3s" };
        let cure = Cure::words("Restart the service on this node, servers first, then agents:")
            .run(Command::written(format!("systemctl restart {service}")))
            .say(format!("On an agent it is {}-agent.", service.trim_end_matches("-server")));
        answers.fail(one, message).fix(cure);
    }
}

fn has_long_window(version: &KubernetesVersion) -> bool {
    match SINCE.iter().find(|since| since.minor() == version.minor()) {
        Some(since) => version >= since,
        None => version >= &KubernetesVersion::new(1, 34, 0),
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::tree::Tree;
    use super::*;

    const API: &str = "var/lib/rancher/k3s/server/tls/serving-kube-apiserver.crt";

    fn with(until: &str, version: Option<KubernetesVersion>) -> Vec<String> {
        let mut tree = Tree::empty();
        tree.policy.kubernetes_version = version;
        let ca = crate::forge::ca("cn=k3s-server-ca@1700000000");
        tree.file("var/lib/rancher/k3s/server/tls/server-ca.crt", 0o644, ca.pem());
        tree.put(API, ca.leaf(&format!("cn=kube-apiserver eku=server from=-300d until={until}")), "");
        tree.put(
            "var/lib/rancher/k3s/server/tls-1700000000/serving-kube-apiserver.crt",
            ca.leaf("cn=kube-apiserver eku=server from=-300d until=+5d"),
            "",
        );
        tree.findings("T010")
    }

    #[test]
    fn the_window_is_that_of_the_release() {
        let found = |rest: &str| vec![format!("medium {API}:1: it ends on {rest}")];
        let old = found("2026-08-30 12:00 UTC, in 90 days, within the 90 days in which a restart renews it");
        let new =
            found("2026-09-29 12:00 UTC, in 120 days, within the 120 days in which a restart renews it");
        assert_eq!(with("+91d", None), [""; 0]);
        assert_eq!(with("+90d", None), old);
        for (version, long) in [
            (KubernetesVersion::new(1, 33, 1), true),
            (KubernetesVersion::new(1, 33, 0), false),
            (KubernetesVersion::new(1, 30, 13), true),
            (KubernetesVersion::new(1, 34, 0), true),
            (KubernetesVersion::new(1, 29, 15), false),
        ] {
            assert_eq!(
                with("+120d", Some(version.clone())),
                if long { new.clone() } else { vec![] },
                "{version}"
            );
        }
        assert_eq!(with("-1d", None), [""; 0], "what is over is T001's");
        assert!(Tree::control_plane().not_applicable(&RULE));
    }
}
