//! F009: somebody else than root owns the PKI.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;

use super::files::is_of_pki;
use super::remedy::{Command, Cure};
use super::{Check, Citation, Rule, Severity};
use crate::audit::{Answers, File, FileKind, Node, Place, Scene};
use crate::disk::Attributes;

pub(super) static RULE: Rule = Rule {
    id: "F009",
    name: "owner",
    title: "A file or directory of the PKI does not belong to root",
    severity: Severity::High,
    citations: &[
        Citation::page(
            "kube-bench: CIS 1.1.19 and 1.1.12",
            "https://github.com/aquasecurity/kube-bench/blob/main/cfg/cis-1.12/master.yaml",
        ),
        Citation::page(
            "Kubernetes: PKI certificates and requirements",
            "https://kubernetes.io/docs/setup/best-practices/certificates/",
        ),
    ],
    explanation: "The owner of a file may change its mode and replace what is in it, and the owner of a directory everything in it. etcd's \
                  own files may belong to its user, if all of them do. A tree that belongs to one user altogether, from its top on, is \
                  taken for a copy: owners are then not judged, and are on the node, or in an archive that root made there.",
    fix: "`chown root:root FILE`, on the node.",
    applies_to: "files of the PKI and the directories above them",
    check: Check::Node(check),
};

fn check(scene: &Scene<'_>, answers: &mut Answers) {
    let node = scene.node;
    let entries = entries(node);
    let Some(&top) = entries.iter().min_by_key(|index| depth(node, **index)) else { return };
    let owned: Vec<(usize, &File, &Attributes)> = entries
        .iter()
        .filter_map(|index| {
            let file = node.files.get(*index)?;
            Some((*index, file, file.attributes.as_ref()?))
        })
        .collect();
    if owned.is_empty() {
        answers.skip(Place::nowhere(), "nothing is known of the owners");
        return;
    }
    let top = owned.iter().find(|(index, ..)| *index == top).or(owned.first());
    if let Some((_, _, attributes)) = top.filter(|(_, _, attributes)| attributes.uid != 0) {
        let reason = format!(
            "the tree belongs to user {}, as a copy does: look on the node, or into an archive that root made there",
            attributes.uid
        );
        answers.skip(Place::nowhere(), reason);
        return;
    }
    let of_etcd: BTreeSet<u32> = owned
        .iter()
        .filter(|(_, file, attributes)| is_etcd_s(file) && attributes.uid != 0)
        .map(|(_, _, attributes)| attributes.uid)
        .collect();
    let mut told: HashMap<&Path, u32> = HashMap::new();
    for (index, file, attributes) in &owned {
        answers.look();
        let Attributes { uid, gid, .. } = **attributes;
        if is_etcd_s(file) && of_etcd.len() < 2 {
            continue;
        }
        // What lies in a directory of the same owner is told by that.
        let above = file.on_node.parent().and_then(|parent| told.get(parent)).copied();
        if uid != 0 {
            told.insert(&file.on_node, uid);
            if above != Some(uid) {
                let power = if file.is_directory() { "replace everything in it" } else { "replace it" };
                let chown = if file.is_directory() {
                    Command::of("chown").plain(&format!("-R --from={uid} root:root"))
                } else {
                    Command::of("chown").plain("root:root")
                };
                answers
                    .fail(*index, format!("it belongs to user {uid}, who can {power}"))
                    .fix(Cure::words("On the node:").run(chown.path(file.command_path())));
            }
        } else if gid != 0 && !file.is_directory() {
            let chgrp = Command::of("chgrp").plain("root").path(file.command_path());
            answers
                .fail(*index, format!("its group is {gid}, not root's"))
                .severity(Severity::Info)
                .fix(Cure::words("On the node:").run(chgrp));
        }
    }
}

/// The files of the PKI and every directory above one, by their numbers, in the order of their paths.
fn entries(node: &Node) -> BTreeSet<usize> {
    let mut entries = BTreeSet::new();
    for (index, file) in node.files.iter().enumerate() {
        if !matches!(file.kind, FileKind::Regular(_)) || !is_of_pki(file) {
            continue;
        }
        entries.insert(index);
        for directory in file.on_node.ancestors().skip(1) {
            let Some((number, _)) = node.entry_at(directory) else { break };
            if !entries.insert(number) {
                break;
            }
        }
    }
    entries
}

fn depth(node: &Node, index: usize) -> usize {
    node.files.get(index).map_or(usize::MAX, |file| file.on_node.components().count())
}

fn is_etcd_s(file: &File) -> bool {
    file.on_node.components().any(|part| part.as_os_str() == "etcd")
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::tree::{PKI, Tree};
    use super::*;

    #[test]
    fn what_root_owns_is_silent() {
        assert_eq!(Tree::control_plane().findings("F009"), [""; 0]);
        assert_eq!(Tree::control_plane().skipped("F009"), [""; 0]);
    }

    #[test]
    fn another_owner_fires() {
        let mut tree = Tree::control_plane();
        tree.set_attributes(&format!("{PKI}/ca.key"), |attributes| attributes.uid = 1000);
        assert_eq!(
            tree.findings("F009"),
            ["high etc/kubernetes/pki/ca.key: it belongs to user 1000, who can replace it"]
        );
        tree.set_attributes(PKI, |attributes| attributes.uid = 1000);
        assert_eq!(
            tree.findings("F009"),
            ["high etc/kubernetes/pki: it belongs to user 1000, who can replace everything in it"]
        );
        let mut tree = Tree::control_plane();
        tree.set_attributes(&format!("{PKI}/ca.key"), |attributes| attributes.gid = 12);
        assert_eq!(tree.findings("F009"), ["info etc/kubernetes/pki/ca.key: its group is 12, not root's"]);
    }

    #[test]
    fn etcd_may_own_its_own() {
        let mut tree = Tree::control_plane();
        for name in ["", "/ca.crt", "/ca.key", "/server.crt", "/server.key"] {
            tree.set_attributes(&format!("{PKI}/etcd{name}"), |attributes| {
                (attributes.uid, attributes.gid) = (107, 107);
            });
        }
        assert_eq!(tree.findings("F009"), [""; 0]);
        tree.set_attributes(&format!("{PKI}/etcd/peer.key"), |attributes| attributes.uid = 1000);
        assert_eq!(
            tree.findings("F009"),
            [
                "high etc/kubernetes/pki/etcd: it belongs to user 107, who can replace everything in it",
                "high etc/kubernetes/pki/etcd/peer.key: it belongs to user 1000, who can replace it",
            ]
        );
    }

    #[test]
    fn a_copy_is_not_judged() {
        let mut tree = Tree::control_plane();
        tree.owned_by(1000, 1000);
        assert_eq!(tree.findings("F009"), [""; 0]);
        assert_eq!(
            tree.skipped("F009"),
            [
                ": the tree belongs to user 1000, as a copy does: look on the node, or into an archive that root made there"
            ]
        );
        let mut tree = Tree::empty();
        tree.file("etc/hosts", 0o644, "127.0.0.1 localhost\n");
        tree.owned_by(1000, 1000);
        assert!(tree.not_applicable(&RULE));
    }
}
