//! F020: a root that is shown with the chain.

use super::files::{groups, subject};
use super::remedy::{Cure, Maker};
use super::{Check, Citation, Rule, Severity};
use crate::audit::{Answers, Role, Scene};

pub(super) static RULE: Rule = Rule {
    id: "F020",
    name: "root-in-chain",
    title: "A root certificate stands in a leaf's chain",
    // Of severity low, not medium: nothing comes of it but bytes.
    severity: Severity::Low,
    citations: &[Citation::rfc("RFC 8446 section 4.4.2"), Citation::rfc("RFC 5246 section 7.4.2")],
    explanation: "Who verifies must have the root already and trusts its own copy alone. The one in the chain goes over the wire with every \
                  handshake and proves nothing.",
    fix: "Leave the last certificate of FILE out.",
    applies_to: "files and fields with a leaf and its chain",
    check: Check::Node(check),
};

fn check(scene: &Scene<'_>, answers: &mut Answers) {
    for group in groups(scene.node).iter().filter(|group| group.len() > 1) {
        let Some(first) = group.first().filter(|first| !first.is_ca()) else { continue };
        // k3s and RKE2 write all of their chains so, and would write them so again.
        if matches!(Maker::of(&first.file().on_node), Some(Maker::K3s | Maker::Rke2)) {
            continue;
        }
        // What a kubelet signs for itself has the CA behind it that it made up for that.
        if first.file().name() == "kubelet.crt" && first.is(Role::KubeletServing) {
            continue;
        }
        answers.look();
        let root = group
            .iter()
            .skip(1)
            .find(|cert| cert.is_self_signed() && cert.found().same_as != first.found().same_as);
        if let Some(root) = root {
            let number = root.found().position + 1;
            let message =
                format!("certificate {number} ({}) signed itself, and need not be shown", subject(*root));
            answers.fail(root.place(), message).fix(Cure::words("Take it out:").without_block());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::tree::{PKI, Tree};
    use super::*;
    use crate::forge;

    #[test]
    fn a_root_behind_a_leaf_fires() {
        let root = forge::ca("cn=root");
        let inter = root.ca("cn=inter");
        let leaf = inter.leaf("cn=leaf");
        let mut tree = Tree::empty();
        tree.file(&format!("{PKI}/a.crt"), 0o644, forge::bundle([&leaf, &inter]));
        assert_eq!(tree.findings("F020"), [""; 0]);
        let line = (leaf.pem() + &inter.pem()).lines().count() + 1;
        tree.file(&format!("{PKI}/a.crt"), 0o644, forge::bundle([&leaf, &inter, &root]));
        assert_eq!(
            tree.findings("F020"),
            [format!(
                "low etc/kubernetes/pki/a.crt:{line}: certificate 3 (CN=root) signed itself, and need not be shown"
            )]
        );
    }

    #[test]
    fn chains_of_distributions_are_as_those_write_them() {
        let root = forge::ca("cn=k3s-server-ca@1700000000");
        let leaf = root.leaf("cn=kube-apiserver eku=server");
        let mut tree = Tree::empty();
        let chain = forge::bundle([&leaf, &root]);
        tree.file("var/lib/rancher/k3s/server/tls/serving-kube-apiserver.crt", 0o644, chain.clone());
        assert_eq!(tree.findings("F020"), [""; 0]);
        tree.file("srv/own.crt", 0o644, chain);
        assert_eq!(tree.findings("F020").len(), 1);
    }

    #[test]
    fn bundles_and_single_certificates_are_not_its_matter() {
        let mut tree = Tree::control_plane();
        tree.file(
            &format!("{PKI}/trust.crt"),
            0o644,
            forge::bundle([&forge::ca("cn=a"), &forge::ca("cn=b")]),
        );
        assert!(tree.not_applicable(&RULE));
    }
}
