//! F001: a private key where a certificate is promised.

use super::files::{
    certificate_file_beside, holds_certificate, holds_private, is_combined_by_design,
    is_named_as_certificate, is_private, key_in_words, own,
};
use super::remedy::{Command, Cure, certificate_back};
use super::{Check, Citation, Rule, Severity};
use crate::audit::{Answers, File, Node, Place, Scene, Target, What};
use crate::inspect::{Content, Item};
use crate::layout::key_beside;
use crate::x509::{sha256, shell_word};

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
    fix: "Bring the key into a file named `*.key` or `*-key.pem` with mode 0600, and leave the certificate in FILE alone. Where others \
          could read FILE, issue the certificate again with a new key.",
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
        let of_ca = scene.node.keys_in(index).any(|key| key.roles.iter().any(|(role, _)| role.is_ca()));
        let fact = answers.fail(place, message);
        match swapped_with(scene.node, file) {
            Some((other, _)) => {
                fact.fix(Cure::default().exchange([(index, other)]).say(exposed(of_ca)));
            }
            None if certified => {
                fact.fix(Cure::words("Part the two:").split_key().say(exposed(of_ca)));
            }
            None => _ = fact.fix(alone(scene.node, index, key).say(exposed(of_ca))),
        }
        if matches!(&key.content, Content::PrivateKey(facts) if facts.encryption.is_some()) {
            // Without the passphrase nobody can use it.
            fact.severity(Severity::High);
        }
    }
}

/// A key alone in the place of its certificate: it goes where it belongs, unless it is there, and the certificate comes back.
fn alone(node: &Node, index: usize, key: &Item) -> Cure {
    let back = "Bring the certificate back into FILE, from a backup or from another node";
    let Some(file) = node.files.get(index) else { return Cure::words(back) };
    let spki = key.public_key().map(sha256);
    match node.key_file_beside(file) {
        Some((beside, other))
            if spki.is_some() && node.keys_in(beside).any(|key| key.private && key.spki == spki) =>
        {
            let cure =
                Cure::words(format!("The same key stands in {}, so that it is not lost here:", other.shown));
            spki.and_then(|spki| certificate_back(cure, node, index, &spki)).unwrap_or_else(|| {
                Cure::words(format!(
                    "{back}: the same key stands in {}, so that it is not lost here.",
                    other.shown
                ))
            })
        }
        Some((_, other)) => Cure::words(format!(
            "Find out whose key it is (`kpki inspect FILE {}`), and bring it where it belongs. {back}.",
            shell_word(other.command_path())
        )),
        None if node.references.iter().any(|reference| {
            reference.target == Target::File(index) && matches!(reference.what, What::Key | What::SigningKey)
        }) =>
        {
            Cure::words("Give the key a file that is named as one, and let the flag name that.")
        }
        None => {
            let (path, own) = (shell_word(file.command_path()), shell_word(key_beside(file.command_path())));
            Cure::words("Give the key the name of one:")
                .run(Command::written(format!("mv {path} {own} && chmod 600 {own}")))
                .say(format!("{back}."))
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
fn exposed(of_ca: bool) -> &'static str {
    if of_ca {
        "Where others could read the key, replace the CA."
    } else {
        "Where others could read the key, issue the certificate again with a new one."
    }
}

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
