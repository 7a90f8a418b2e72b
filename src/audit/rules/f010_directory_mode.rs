//! F010: a directory in which others may replace files of the PKI.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;

use super::files::{exposure, is_of_pki, who};
use super::remedy::{Command, Cure};
use super::{Check, Citation, Rule, Severity};
use crate::audit::{Answers, FileKind, Node, Scene};

pub(super) static RULE: Rule = Rule {
    id: "F010",
    name: "directory-mode",
    title: "Others may write into a directory of the PKI",
    severity: Severity::High,
    citations: &[
        Citation::page(
            "kube-bench: CIS 1.1.19",
            "https://github.com/aquasecurity/kube-bench/blob/main/cfg/cis-1.12/master.yaml",
        ),
        Citation::page(
            "Linux: inode(7), the sticky bit",
            "https://man7.org/linux/man-pages/man7/inode.7.html",
        ),
    ],
    explanation: "Who may write into a directory may rename and replace what is in it, whatever the modes of the files say, and the same \
                  holds for every directory above. Only the sticky bit keeps that from them.",
    fix: "`chmod go-w FILE`.",
    applies_to: "directories above files of the PKI, kubeconfigs and manifests",
    check: Check::Node(check),
};

fn check(scene: &Scene<'_>, answers: &mut Answers) {
    let node = scene.node;
    let mut told: HashMap<&Path, u32> = HashMap::new();
    for index in directories(node) {
        let Some(file) = node.files.get(index) else { continue };
        let Some(attributes) = &file.attributes else {
            answers.skip(index, "nothing is known of its permissions");
            continue;
        };
        answers.look();
        if attributes.mode & 0o1000 != 0 {
            continue;
        }
        let Some(severity) = exposure(attributes, 0o022, Severity::High) else { continue };
        let mode = attributes.mode & 0o777;
        told.insert(&file.on_node, mode);
        // One of the same mode above tells enough.
        if file.on_node.parent().and_then(|parent| told.get(parent)) != Some(&mode) {
            let message = format!("mode {mode:04o}: {} may replace what is in it", who(attributes, 0o022));
            let cure = Cure::default().run(Command::of("chmod").plain("go-w").path(file.command_path()));
            answers.fail(index, message).severity(severity).fix(cure);
        }
    }
}

/// The directories above files that matter, by their numbers, in the order of their paths.
fn directories(node: &Node) -> BTreeSet<usize> {
    let mut found = BTreeSet::new();
    for file in node.files.iter().filter(|file| matches!(file.kind, FileKind::Regular(_))) {
        let pod = file.contents().is_some_and(|contents| contents.pod().is_some());
        if !(is_of_pki(file) || file.kubeconfig().is_some() || pod) {
            continue;
        }
        for directory in file.on_node.ancestors().skip(1) {
            let Some((number, _)) = node.entry_at(directory) else { break };
            if !found.insert(number) {
                break;
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::tree::{PKI, Tree};
    use super::*;

    #[test]
    fn the_directories_of_kubeadm_are_silent() {
        assert_eq!(Tree::control_plane().findings("F010"), [""; 0]);
    }

    #[test]
    fn a_directory_that_others_may_write_into_fires() {
        for (path, mode, gid, finding) in [
            (PKI, 0o777, 0, "high etc/kubernetes/pki: mode 0777: every user may replace what is in it"),
            ("etc/kubernetes", 0o775, 7, "high etc/kubernetes: mode 0775: group 7 may replace what is in it"),
            ("etc/kubernetes", 0o775, 0, "low etc/kubernetes: mode 0775: group 0 may replace what is in it"),
            ("etc", 0o777, 0, "high etc: mode 0777: every user may replace what is in it"),
        ] {
            let mut tree = Tree::control_plane();
            tree.set_attributes(path, |attributes| (attributes.mode, attributes.gid) = (mode, gid));
            assert_eq!(tree.findings("F010"), [finding]);
            tree.mode(path, mode | 0o1000);
            assert_eq!(tree.findings("F010"), [""; 0], "the sticky bit");
        }
    }

    #[test]
    fn one_finding_tells_of_what_lies_below() {
        let mut tree = Tree::control_plane();
        tree.mode(PKI, 0o777);
        tree.mode(&format!("{PKI}/etcd"), 0o777);
        assert_eq!(
            tree.findings("F010"),
            ["high etc/kubernetes/pki: mode 0777: every user may replace what is in it"]
        );
    }

    #[test]
    fn directories_of_other_things_are_not_its_matter() {
        let mut tree = Tree::empty();
        tree.file("tmp/notes.txt", 0o644, "nothing\n");
        tree.mode("tmp", 0o777);
        assert!(tree.not_applicable(&RULE));
    }
}
