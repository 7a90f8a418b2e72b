//! F007: a private key that others may read.

use super::files::{exposure, holds_private, who};
use super::remedy::{Command, Cure};
use super::{Check, Citation, Rule, Severity};
use crate::audit::{Answers, FileKind, Node, Scene};
use crate::disk::Attributes;
use crate::layout::Promise;

pub(super) static RULE: Rule = Rule {
    id: "F007",
    name: "key-mode",
    title: "A private key can be read or written by others",
    severity: Severity::High,
    citations: &[
        Citation::page(
            "kube-bench: CIS 1.1.21",
            "https://github.com/aquasecurity/kube-bench/blob/main/cfg/cis-1.12/master.yaml",
        ),
        Citation::page(
            "puppetlabs/puppetlabs-kubernetes#244",
            "https://github.com/puppetlabs/puppetlabs-kubernetes/issues/244",
        ),
    ],
    explanation: "Whoever reads a key is its holder from then on: every process of the node, every container that mounts the directory. Every \
                  file with a private key in it counts here, whatever its name. Kubeconfigs are M016's.",
    fix: "`chmod 600 FILE`; where somebody else may have read it, make a new key and issue the certificate again.",
    applies_to: "files with a private key in them, or named so",
    check: Check::Node(check),
};

fn check(scene: &Scene<'_>, answers: &mut Answers) {
    let node = scene.node;
    let mut wide: Vec<(usize, &Attributes, Severity)> = Vec::new();
    for (index, file) in node.files.iter().enumerate() {
        let named =
            file.promise() == Some(Promise::PrivateKey) && matches!(file.kind, FileKind::Regular(Err(_)));
        let holds = file.holds_private_key() || holds_private(file);
        if !(named || holds) || file.kubeconfig().is_some() {
            continue;
        }
        let Some(attributes) = &file.attributes else {
            answers.skip(index, "nothing is known of its permissions");
            continue;
        };
        answers.look();
        if let Some(severity) = exposure(attributes, 0o066, Severity::High) {
            wide.push((index, attributes, severity));
        }
    }
    if let (Some(mode), [(first, ..), _, _, ..]) = (mode_of_a_copy(node), wide.as_slice()) {
        let message = format!(
            "mode {mode:04o}, as every file here: {} private keys can be read by others in this copy, and what their modes are on the \
             node is not known",
            wide.len()
        );
        // Whoever keeps such a copy may have it for a moment only; that the node's keys are open is not said.
        let close =
            node.files.first().map(|top| Command::of("chmod").plain("-R go=").path(top.command_path()));
        let cure = Cure::words("Close the copy:")
            .run_if(close)
            .say("To judge the node's own modes, look there, or make an archive of it with tar, as root.");
        answers.fail(*first, message).severity(Severity::Medium).fix(cure);
        return;
    }
    for (index, attributes, severity) in wide {
        let verb = match (attributes.mode & 0o044 != 0, attributes.mode & 0o022 != 0) {
            (true, true) => "read and write",
            (false, _) => "write",
            _ => "read",
        };
        let who = who(attributes, 0o066);
        let message = format!("mode {:04o}: {who} may {verb} this private key", attributes.mode);
        let cure = Cure::default()
            .narrow(0o600)
            .say("Where somebody else may have read it, make a new key and issue the certificate again.");
        answers.fail(index, message).severity(severity).fix(cure);
    }
}

/// The one mode of all files, where the tree is a copy that has lost the modes (through git for one): it belongs to somebody else than root
/// from its top on, and the certificates are as open as the keys.
fn mode_of_a_copy(node: &Node) -> Option<u32> {
    if node.files.first()?.attributes.as_ref()?.uid == 0 {
        return None;
    }
    let mut modes = node
        .files
        .iter()
        .filter(|file| matches!(file.kind, FileKind::Regular(_)))
        .map(|file| file.attributes.as_ref().map(|attributes| attributes.mode & 0o777));
    let first = modes.next()??;
    modes.all(|mode| mode == Some(first)).then_some(first)
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::tree::{PKI, Tree};
    use super::*;

    #[test]
    fn the_modes_of_kubeadm_are_silent() {
        assert_eq!(Tree::control_plane().findings("F007"), [""; 0]);
    }

    #[test]
    fn wide_modes_fire_whatever_the_name() {
        let key = format!("{PKI}/apiserver.key");
        for (mode, gid, finding) in [
            (
                0o644,
                0,
                "high etc/kubernetes/pki/apiserver.key: mode 0644: every user may read this private key",
            ),
            (
                0o666,
                0,
                "high etc/kubernetes/pki/apiserver.key: mode 0666: every user may read and write this private key",
            ),
            (
                0o620,
                7,
                "high etc/kubernetes/pki/apiserver.key: mode 0620: group 7 may write this private key",
            ),
            (0o640, 7, "high etc/kubernetes/pki/apiserver.key: mode 0640: group 7 may read this private key"),
            (0o640, 0, "low etc/kubernetes/pki/apiserver.key: mode 0640: group 0 may read this private key"),
        ] {
            let mut tree = Tree::control_plane();
            tree.set_attributes(&key, |attributes| (attributes.mode, attributes.gid) = (mode, gid));
            assert_eq!(tree.findings("F007"), [finding]);
        }
        for mode in [0o600, 0o400, 0o000, 0o711] {
            let mut tree = Tree::control_plane();
            tree.mode(&key, mode);
            assert_eq!(tree.findings("F007"), [""; 0], "{mode:o}");
        }
        let mut tree = Tree::control_plane();
        let pair = tree.of(&format!("{PKI}/apiserver.crt"));
        tree.file("etc/kubernetes/notes.txt", 0o644, format!("for later\n{}", pair.key_pem()));
        assert_eq!(
            tree.findings("F007"),
            ["high etc/kubernetes/notes.txt: mode 0644: every user may read this private key"]
        );
    }

    #[test]
    fn what_may_not_be_read_is_judged_by_its_name() {
        let mut tree = Tree::control_plane();
        tree.unread(&format!("{PKI}/ca.key"), "it may not be read by this user");
        tree.mode(&format!("{PKI}/ca.key"), 0o660);
        tree.set_attributes(&format!("{PKI}/ca.key"), |attributes| attributes.gid = 12);
        assert_eq!(
            tree.findings("F007"),
            ["high etc/kubernetes/pki/ca.key: mode 0660: group 12 may read and write this private key"]
        );
    }

    #[test]
    fn a_copy_without_modes_is_one_finding() {
        let mut tree = Tree::empty();
        let good = Tree::control_plane();
        for name in ["ca.crt", "ca.key", "apiserver.key", "sa.key"] {
            tree.file(&format!("{PKI}/{name}"), 0o644, good.text(&format!("{PKI}/{name}")));
        }
        assert_eq!(tree.findings("F007").len(), 3, "on a node of root's");
        tree.owned_by(1000, 1000);
        assert_eq!(
            tree.findings("F007"),
            [
                "medium etc/kubernetes/pki/apiserver.key: mode 0644, as every file here: 3 private keys can be read by others in this copy, and \
              what their modes are on the node is not known"
            ]
        );
        tree.mode(&format!("{PKI}/sa.key"), 0o600);
        assert_eq!(tree.findings("F007").len(), 2, "the modes are kept");
    }

    #[test]
    fn kubeconfigs_and_certificates_are_not_its_matter() {
        let mut tree = Tree::control_plane();
        tree.mode("etc/kubernetes/admin.conf", 0o644);
        assert_eq!(tree.findings("F007"), [""; 0]);
        let mut tree = Tree::empty();
        tree.file("ca.crt", 0o666, Tree::control_plane().ca("ca").pem());
        assert!(tree.not_applicable(&RULE));
    }
}
