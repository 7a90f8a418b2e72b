//! M021: only root reads and writes the static pods' manifests.

use super::m016_kubeconfig_readable::widest;
use super::remedy::Cure;
use super::{Answers, Check, Citation, Rule, Severity};
use crate::audit::{FileKind, Scene};

pub(super) static RULE: Rule = Rule {
    id: "M021",
    name: "manifest-mode",
    title: "Others than its owner can reach a static pod's manifest",
    severity: Severity::High,
    citations: &[
        Citation::page(
            "CIS Kubernetes Benchmark 1.1.1, 1.1.3, 1.1.5 and 1.1.7",
            "https://www.cisecurity.org/benchmark/kubernetes",
        ),
        Citation::page(
            "Kubernetes: create static pods",
            "https://kubernetes.io/docs/tasks/configure-pod-container/static-pod/",
        ),
    ],
    explanation: "The kubelet runs whatever stands in its directory of manifests, with any privilege: whoever can write one of them is root on \
                  the node. Whoever can read them learns where keys lie and how the control plane is reached.",
    fix: "chmod 600 FILE.",
    applies_to: "the files in the kubelet's directory of manifests",
    check: Check::Node(check),
};

/// The catalogue's medium is for what others can read: kubeadm writes 600, and all benchmarks from 1.24 on want that. What others can write is
/// high.
fn check(scene: &Scene<'_>, answers: &mut Answers) {
    let node = scene.node;
    let directory = node.manifest_directory();
    for (index, file) in node.files.iter().enumerate() {
        if file.on_node.parent() != Some(&directory) || !matches!(file.kind, FileKind::Regular(_)) {
            continue;
        }
        let Some(attributes) = file.attributes else {
            answers.skip(index, "nothing is known of its permissions");
            continue;
        };
        answers.look();
        if let Some((severity, may)) = widest(&attributes, Severity::High, Severity::Medium, "it") {
            answers.fail(index, may).severity(severity).fix(Cure::default().narrow(0o600));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::tree::Tree;
    use super::*;

    #[test]
    fn modes_have_their_severities() {
        const ETCD: &str = "etc/kubernetes/manifests/etcd.yaml";
        for (mode, finding) in [
            (0o600, None),
            (0o400, None),
            (0o644, Some("medium: mode 0644: every user may read it")),
            (0o640, Some("low: mode 0640: group 0 may read it")),
            (0o664, Some("medium: mode 0664: every user may read it")),
            (0o666, Some("high: mode 0666: every user may write it")),
        ] {
            let mut tree = Tree::control_plane();
            tree.mode(ETCD, mode);
            let expected: Vec<String> = finding
                .and_then(|finding| finding.split_once(": "))
                .map(|(severity, message)| format!("{severity} {ETCD}: {message}"))
                .into_iter()
                .collect();
            assert_eq!(tree.findings(RULE.id), expected, "{mode:o}");
        }
        assert!(Tree::worker().not_applicable(&RULE));
    }
}
