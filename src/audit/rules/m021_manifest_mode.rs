//! M021: only root reads and writes the static pods' manifests.

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

/// The catalogue's medium is for what others can read: kubeadm writes 600, and all benchmarks from 1.24 on want that. What everybody can
/// write is high. What a group can write stays medium: a copy that was made under a umask of 002 looks so.
fn check(scene: &Scene<'_>, answers: &mut Answers) {
    let node = scene.node;
    let directory = node.manifest_directory();
    for (index, file) in node.files.iter().enumerate() {
        if file.on_node.parent() != Some(&directory) || !matches!(file.kind, FileKind::Regular(_)) {
            continue;
        }
        let Some(attributes) = file.attributes else {
            answers.skip(index, "its mode is not known");
            continue;
        };
        answers.look();
        let mode = attributes.mode & 0o7777;
        if mode & 0o002 != 0 {
            answers.fail(
                index,
                format!("its mode is {mode:04o}: everybody can write it, and so run what he likes as root"),
            );
        } else if mode & 0o020 != 0 {
            answers
                .fail(index, format!("its mode is {mode:04o}: its group can write it"))
                .severity(Severity::Medium);
        } else if mode & 0o044 != 0 {
            answers
                .fail(index, format!("its mode is {mode:04o}: others can read it"))
                .severity(Severity::Medium);
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
            (0o644, Some("medium: its mode is 0644: others can read it")),
            (0o640, Some("medium: its mode is 0640: others can read it")),
            (0o664, Some("medium: its mode is 0664: its group can write it")),
            (0o666, Some("high: its mode is 0666: everybody can write it, and so run what he likes as root")),
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
