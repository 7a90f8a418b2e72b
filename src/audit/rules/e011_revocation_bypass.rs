//! E011: etcd looks at its revocation list on every port.

use super::super::{Answers, Scene};
use super::etcd::Etcd;
use super::remedy::{Cure, Edit};
use super::{Check, Citation, Rule, Severity};
use crate::manifest::Component;

pub(super) static RULE: Rule = Rule {
    id: "E011",
    name: "etcd-revocation-bypass",
    title: "This release of etcd lets revoked certificates in",
    severity: Severity::High,
    citations: &[
        Citation::page(
            "CVE-2026-59818",
            "https://github.com/etcd-io/etcd/security/advisories/GHSA-3wh4-j44w-pg92",
        ),
        Citation::page("etcd-io/etcd#22007", "https://github.com/etcd-io/etcd/pull/22007"),
    ],
    explanation: "Where --listen-client-http-urls gives the gateway a port of its own, etcd before 3.5.32 and 3.6.13 does not look \
                  at --client-crl-file on the port for gRPC: a revoked client reads and writes as before.",
    fix: "Take etcd 3.5.32, 3.6.13 or newer; until then, take --listen-client-http-urls away.",
    applies_to: "etcd with a revocation list and two ports for clients",
    check: Check::Node(check),
};

fn check(scene: &Scene<'_>, answers: &mut Answers) {
    let Some(etcd) = Etcd::of(scene, answers) else { return };
    if etcd.value("client-crl-file").is_none() || etcd.value("listen-client-http-urls").is_none() {
        return;
    }
    let place = etcd.place("listen-client-http-urls");
    let Some(version) = etcd.version() else {
        answers.skip(place, "the release of etcd is not known: its image has no version in its tag");
        return;
    };
    answers.look();
    if version < (3, 5, 32) || ((3, 6, 0)..(3, 6, 13)).contains(&version) {
        let (major, minor, patch) = version;
        answers
            .fail(
                place,
                format!(
                    "etcd {major}.{minor}.{patch} does not look at --client-crl-file on the port for gRPC"
                ),
            )
            .fix(
                Cure::words(
                    "Take etcd 3.5.32, 3.6.13 or newer; until then let it serve everything on one port:",
                )
                .flags([Edit::remove(Component::Etcd, "listen-client-http-urls")]),
            );
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::tree::Tree;
    use super::*;

    const MANIFEST: &str = "etc/kubernetes/manifests/etcd.yaml";

    fn tree(version: &str) -> Tree {
        let mut tree = Tree::control_plane();
        tree.flag("etcd", "--client-crl-file=/etc/kubernetes/pki/etcd/ca.crl");
        tree.flag("etcd", "--listen-client-http-urls=https://127.0.0.1:2382");
        tree.replace(MANIFEST, "etcd:3.6.8-0", version);
        tree
    }

    #[test]
    fn the_releases_that_are_mended_are_silent() {
        for (version, shown) in [
            ("etcd:3.5.31-0", Some("3.5.31")),
            ("etcd:3.5.32-0", None),
            ("etcd:v3.6.0", Some("3.6.0")),
            ("etcd:3.6.12-0", Some("3.6.12")),
            ("etcd:3.6.13-0", None),
            ("etcd:3.7.0-0", None),
            ("etcd:v3.4.30", Some("3.4.30")),
        ] {
            let expected: Vec<String> = shown
                .iter()
                .map(|shown| {
                    format!(
                        "high {MANIFEST}:15: etcd {shown} does not look at --client-crl-file on the port for gRPC"
                    )
                })
                .collect();
            assert_eq!(tree(version).findings("E011"), expected, "{version}");
            assert!(!tree(version).not_applicable(&RULE));
        }
        assert_eq!(
            tree("etcd:latest").skipped("E011"),
            [format!("{MANIFEST}: the release of etcd is not known: its image has no version in its tag")]
        );
    }

    #[test]
    fn one_port_is_looked_at() {
        let mut tree = tree("etcd:3.5.1");
        tree.no_flag("etcd", "--listen-client-http-urls");
        assert!(tree.not_applicable(&RULE));
    }
}
