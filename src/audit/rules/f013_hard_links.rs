//! F013: a private key under several names.

use super::files::holds_private;
use super::{Check, Citation, Rule, Severity};
use crate::audit::{Answers, FileKind, Scene};
use crate::layout::Promise;

pub(super) static RULE: Rule = Rule {
    id: "F013",
    name: "hard-links",
    title: "A private key has several names",
    severity: Severity::Medium,
    citations: &[Citation::page("Linux: link(2)", "https://man7.org/linux/man-pages/man2/link.2.html")],
    explanation: "Another name of the same file may lie in a directory that others reach, and keeps the key alive when this one is removed: \
                  after a rotation somebody still has it.",
    fix: "`find / -xdev -samefile FILE` shows the other names; remove those that are not needed.",
    applies_to: "files with a private key in them, or named so",
    check: Check::Node(check),
};

fn check(scene: &Scene<'_>, answers: &mut Answers) {
    for (index, file) in scene.node.files.iter().enumerate() {
        let secret =
            holds_private(file) || file.holds_private_key() || file.promise() == Some(Promise::PrivateKey);
        if !matches!(file.kind, FileKind::Regular(_)) || !secret {
            continue;
        }
        let Some(attributes) = &file.attributes else { continue };
        answers.look();
        if attributes.links > 1 {
            let others = attributes.links - 1;
            let names = if others == 1 { "name" } else { "names" };
            answers.fail(index, format!("the file has {others} other {names} (hard links)"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::tree::{PKI, Tree};
    use super::*;

    #[test]
    fn a_second_name_of_a_key_fires() {
        let mut tree = Tree::control_plane();
        assert_eq!(tree.findings("F013"), [""; 0]);
        tree.set_attributes(&format!("{PKI}/ca.key"), |attributes| attributes.links = 2);
        tree.set_attributes(&format!("{PKI}/sa.key"), |attributes| attributes.links = 4);
        // Certificates may be linked.
        tree.set_attributes(&format!("{PKI}/ca.crt"), |attributes| attributes.links = 2);
        assert_eq!(
            tree.findings("F013"),
            [
                "medium etc/kubernetes/pki/ca.key: the file has 1 other name (hard links)",
                "medium etc/kubernetes/pki/sa.key: the file has 3 other names (hard links)",
            ]
        );
    }

    #[test]
    fn certificates_are_not_its_matter() {
        let mut tree = Tree::empty();
        tree.file("ca.crt", 0o644, Tree::control_plane().ca("ca").pem());
        assert!(tree.not_applicable(&RULE));
    }
}
