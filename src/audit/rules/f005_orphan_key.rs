//! F005: a private key that belongs to nothing.

use super::files::{MOST_COPIES, left_over, own, referenced, requests};
use super::remedy::{ASIDE, Cure};
use super::{Check, Citation, Rule, Severity};
use crate::audit::{Answers, File, Node, NodeKind, Place, Role, Scene};
use crate::inspect::Content;

pub(super) static RULE: Rule = Rule {
    id: "F005",
    name: "orphan-key",
    title: "A private key belongs to nothing",
    severity: Severity::Medium,
    citations: &[Citation::page(
        "Kubernetes: PKI certificates and requirements, certificate paths",
        "https://kubernetes.io/docs/setup/best-practices/certificates/#certificate-paths",
    )],
    explanation: "No certificate, no request and no public key of this node goes with it, and nothing names its file. It may be the key of a \
                  certificate that was replaced, and is then still good for whoever finds it; or its certificate is lost, and the \
                  component that needs both will not start.",
    fix: "Find out what it was for (`kpki inspect FILE` shows its public key's digest), and put its certificate beside it; where nobody \
          knows, put it aside.",
    applies_to: "private keys in files of their own",
    check: Check::Node(check),
};

fn check(scene: &Scene<'_>, answers: &mut Answers) {
    let node = scene.node;
    // Of a few files it is not known what lies beside them.
    if node.kind == NodeKind::Unknown && !node.files.iter().any(File::is_directory) {
        return;
    }
    let (referenced, requests) = (referenced(node), requests(node));
    for (number, key) in node.keys.iter().enumerate().filter(|(_, key)| key.private) {
        let Some(file) = node.files.get(key.file) else { continue };
        let Some(item) = file.items().get(key.item).filter(|item| item.place.field.is_none()) else {
            continue;
        };
        if referenced.contains(&key.file)
            || key.roles.iter().any(|(role, _)| *role == Role::ServiceAccount)
            || left_over(node, file).is_some()
        {
            continue;
        }
        let place = Place::of_item(key.file, item);
        let Some(spki) = key.spki else {
            // A broken key is F025's.
            if item.faults.is_empty() {
                answers.skip(place, "what it belongs to is not known: its public key cannot be read, for one because it is encrypted");
            }
            continue;
        };
        let belongs = node.certs_with_key(&spki).next().is_some()
            || requests.contains_key(&spki)
            || node.keys_with(&spki).take(MOST_COPIES).any(|other| !other.private);
        if belongs {
            answers.look();
        } else if !has_a_partner_by_name(node, number) {
            let algorithm = match &item.content {
                Content::PrivateKey(facts) => facts.algorithm.clone().unwrap_or_default(),
                _ => String::new(),
            };
            let cure = match key.roles.iter().find(|(role, _)| role.is_ca()) {
                Some((role, _)) => Cure::words(format!(
                    "By its place it is the key of {role}, and not to be removed: bring that CA's certificate back beside it, from a backup or from \
                     another node."
                )),
                None => Cure::words(
                    "Find out what it was for, and put its certificate beside it; where nobody knows, put it aside:",
                )
                .aside()
                .say(ASIDE),
            };
            answers
                .fail(place, format!("no certificate, request or public key goes with this key ({algorithm}), and nothing names its file"))
                .fix(cure);
        }
    }
}

/// Whether a certificate or public key stands in the same file or beside it: F004 says that it is another's, or F025 that it is broken.
fn has_a_partner_by_name(node: &Node, number: usize) -> bool {
    let Some(file) = node.keys.get(number).and_then(|key| node.files.get(key.file)) else { return false };
    let holds = |file: &File| {
        own(file).any(|item| {
            matches!(item.content, Content::Certificate(_) | Content::PublicKey(_) | Content::Broken { .. })
        })
    };
    let public = file.on_node.with_extension("pub");
    holds(file)
        || super::files::certificate_file_beside(node, file).is_some_and(|(_, beside)| holds(beside))
        || node.entry_at(&public).is_some_and(|(_, beside)| holds(beside))
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::tree::{PKI, Tree};
    use super::*;
    use crate::forge;

    #[test]
    fn the_keys_of_kubeadm_have_their_certificates() {
        assert_eq!(Tree::control_plane().findings("F005"), [""; 0]);
        assert_eq!(Tree::worker().findings("F005"), [""; 0]);
        // The key of service accounts may stand alone.
        let mut tree = Tree::control_plane();
        tree.remove(&format!("{PKI}/sa.pub"));
        assert_eq!(tree.findings("F005"), [""; 0]);
    }

    #[test]
    fn a_key_alone_fires_until_something_goes_with_it() {
        let mut tree = Tree::control_plane();
        let pair = forge::self_signed_leaf("cn=old");
        tree.file(&format!("{PKI}/old.key"), 0o600, pair.key_pem());
        assert_eq!(
            tree.findings("F005"),
            [
                "medium etc/kubernetes/pki/old.key:1: no certificate, request or public key goes with this key (ECDSA-P256), and nothing \
              names its file"
            ]
        );
        let mut named = tree.clone();
        named.flag("kube-apiserver", "--service-account-signing-key-file=/etc/kubernetes/pki/old.key");
        assert_eq!(named.findings("F005"), [""; 0]);
        tree.file("etc/kubernetes/elsewhere.crt", 0o644, pair.pem());
        assert_eq!(tree.findings("F005"), [""; 0]);
    }

    #[test]
    fn what_f004_says_is_not_said_again() {
        let mut tree = Tree::control_plane();
        tree.certificate(&format!("{PKI}/apiserver.crt"), "key=p256:another");
        tree.no_flag("kube-apiserver", "--tls-private-key-file");
        assert_eq!(tree.findings("F004").len(), 1);
        assert_eq!(tree.findings("F005"), [""; 0]);
    }

    #[test]
    fn the_key_of_a_broken_certificate_is_no_orphan() {
        let mut tree = Tree::control_plane();
        let cut: String =
            tree.text(&format!("{PKI}/etcd/healthcheck-client.crt")).chars().take(200).collect();
        tree.file(&format!("{PKI}/etcd/healthcheck-client.crt"), 0o644, cut);
        assert_eq!(tree.findings("F005"), [""; 0]);
    }

    #[test]
    fn an_encrypted_key_is_skipped_and_a_single_file_not_looked_at() {
        let mut tree = Tree::control_plane();
        tree.file(&format!("{PKI}/old.key"), 0o600, super::super::files::testing::ENCRYPTED);
        assert_eq!(
            tree.skipped("F005"),
            [
                "etc/kubernetes/pki/old.key: what it belongs to is not known: its public key cannot be read, for one because it is encrypted"
            ]
        );
        let mut tree = Tree::empty();
        tree.file("old.key", 0o600, forge::self_signed_leaf("cn=old").key_pem());
        assert!(tree.not_applicable(&RULE));
    }
}
