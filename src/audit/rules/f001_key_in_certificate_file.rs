//! F001: a private key where a certificate is promised.

use super::files::{
    certificate_file_beside, holds_certificate, holds_private, is_combined_by_design,
    is_named_as_certificate, is_private, key_in_words, own,
};
use super::remedy::Cure;
use super::{Check, Citation, Rule, Severity};
use crate::audit::{Answers, File, Node, Place, Scene};
use crate::inspect::Content;

pub(super) static RULE: Rule = Rule {
    id: "F001",
    name: "key-in-certificate-file",
    title: "A private key stands in a file that is named as a certificate",
    severity: Severity::Critical,
    citations: &[
        Citation::page(
            "Kubernetes: PKI certificates and requirements, certificate paths",
            "https://kubernetes.io/docs/setup/best-practices/certificates/#certificate-paths",
        ),
        Citation::page(
            "kube-bench: CIS 1.1.20 and 1.1.21 look at names",
            "https://github.com/aquasecurity/kube-bench/blob/main/cfg/cis-1.12/master.yaml",
        ),
    ],
    explanation: "Certificates are public: they are readable by everybody, mailed, put into repositories and ConfigMaps. Whoever is \
                  given this file as a certificate has the private key as well, and every check that goes by names (`*.key`, \
                  `*-key.pem`) looks past it. The pairs that the kubelet writes in one file are no finding.",
    fix: "Write what is public into a file of its own, `kpki inspect -o pem FILE > FILE.new`, and the key into one named `*.key` or \
          `*-key.pem` with mode 0600; then put FILE.new in the place of FILE. Where others could read FILE, issue the certificate \
          again with a new key.",
    applies_to: "files named `*.crt`, `*.cert`, `*.cer`, or `*.pem` without `key`",
    check: Check::Node(check),
};

fn check(scene: &Scene<'_>, answers: &mut Answers) {
    for (index, file) in scene.node.files.iter().enumerate() {
        if file.contents().is_none() || !is_named_as_certificate(file) || is_combined_by_design(file) {
            continue;
        }
        answers.look();
        let Some(key) = own(file).find(|item| is_private(item)) else { continue };
        let what = key_in_words(key);
        let place = Place::of_item(index, key);
        let certified = holds_certificate(file);
        // Named after the key without keeping to the convention, `tlskey.pem`: nobody takes that for a certificate.
        if !certified && file.name().to_ascii_lowercase().contains("key") {
            continue;
        }
        let message = match swapped_with(scene.node, file) {
            Some((_, other)) => {
                format!("it holds {what}, and {} the certificate: the two were swapped", other.shown)
            }
            None if certified => {
                format!("{what} stands beside the certificate: whoever is given the certificate has the key")
            }
            None => format!("it holds {what} and no certificate"),
        };
        let fact = answers.fail(place, message);
        match swapped_with(scene.node, file) {
            Some((other, _)) => {
                fact.fix(Cure::default().exchange([(index, other)]).say(EXPOSED));
            }
            None if certified => {
                fact.fix(Cure::words("Part the two:").split_key().say(EXPOSED));
            }
            None => {}
        }
        if matches!(&key.content, Content::PrivateKey(facts) if facts.encryption.is_some()) {
            // Without the passphrase nobody can use it.
            fact.severity(Severity::High);
        }
    }
}

/// The file beside that is named as the key and holds the certificate, where this one holds the key alone.
fn swapped_with<'a>(node: &'a Node, file: &File) -> Option<(usize, &'a File)> {
    let (index, other) = node.key_file_beside(file)?;
    let back = certificate_file_beside(node, other).is_some_and(|(_, back)| back.on_node == file.on_node);
    (back && !holds_certificate(file) && holds_certificate(other) && !holds_private(other))
        .then_some((index, other))
}

/// What is to be thought of where others could read a key.
const EXPOSED: &str = "Where others could read the key, issue the certificate again with a new one.";

#[cfg(test)]
mod tests {
    use super::super::super::testing::tree::{PKI, Tree};
    use super::*;

    #[test]
    fn what_kubeadm_writes_and_what_the_kubelet_writes_is_silent() {
        assert_eq!(Tree::control_plane().findings("F001"), [""; 0]);
        let mut tree = Tree::control_plane();
        let pair = tree.of(&format!("{PKI}/apiserver.crt"));
        // A key by its name, if not by the convention's.
        tree.file("etc/kubernetes/pki/tlskey.pem", 0o600, pair.key_pem());
        tree.file("etc/kubernetes/pki/credentialbundle.pem", 0o600, pair.key_pem() + &pair.pem());
        assert_eq!(tree.findings("F001"), [""; 0]);
    }

    #[test]
    fn a_key_beside_its_certificate_fires() {
        for (name, line) in [("apiserver.crt", 11), ("haproxy.pem", 11), ("web.cert", 11), ("web.cer", 11)] {
            let mut tree = Tree::control_plane();
            let pair = tree.of(&format!("{PKI}/apiserver.crt"));
            let lines = pair.pem().lines().count() + 1;
            tree.file(&format!("{PKI}/{name}"), 0o644, pair.pem() + &pair.key_pem());
            assert_eq!(
                tree.findings("F001"),
                [format!(
                    "critical etc/kubernetes/pki/{name}:{lines}: a private key (ECDSA-P256) stands beside the certificate: whoever is \
                     given the certificate has the key"
                )],
                "{line}"
            );
        }
    }

    #[test]
    fn a_swapped_pair_is_told_as_such() {
        let mut tree = Tree::control_plane();
        let pair = tree.of(&format!("{PKI}/etcd/peer.crt"));
        tree.file(&format!("{PKI}/etcd/peer.crt"), 0o644, pair.key_pem());
        tree.file(&format!("{PKI}/etcd/peer.key"), 0o600, pair.pem());
        assert_eq!(
            tree.findings("F001"),
            ["critical etc/kubernetes/pki/etcd/peer.crt:1: it holds a private key (ECDSA-P256), and \
              etc/kubernetes/pki/etcd/peer.key the certificate: the two were swapped"]
        );
        tree.remove(&format!("{PKI}/etcd/peer.key"));
        assert_eq!(
            tree.findings("F001"),
            [
                "critical etc/kubernetes/pki/etcd/peer.crt:1: it holds a private key (ECDSA-P256) and no certificate"
            ]
        );
    }

    #[test]
    fn an_encrypted_key_is_less_bad() {
        let mut tree = Tree::empty();
        tree.file("a.crt", 0o644, super::super::files::testing::ENCRYPTED);
        assert_eq!(
            tree.findings("F001"),
            ["high a.crt:1: it holds an encrypted private key and no certificate"]
        );
    }

    #[test]
    fn other_names_are_not_its_matter() {
        let mut tree = Tree::empty();
        tree.file("a.key", 0o600, Tree::control_plane().of(&format!("{PKI}/apiserver.crt")).key_pem());
        assert!(tree.not_applicable(&RULE));
    }
}
