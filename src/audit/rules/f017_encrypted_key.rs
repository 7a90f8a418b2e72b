//! F017: a private key that no component can open.

use super::files::{left_over, referenced};
use super::remedy::Cure;
use super::{Check, Citation, Rule, Severity};
use crate::audit::{Answers, NodeKind, Place, Scene};
use crate::inspect::Content;
use crate::x509::Printable;

pub(super) static RULE: Rule = Rule {
    id: "F017",
    name: "encrypted-key",
    title: "A private key is encrypted, and nobody is asked for the passphrase",
    severity: Severity::High,
    citations: &[
        Citation::rfc("RFC 7468 section 11"),
        Citation::rfc("RFC 1421 section 4.6.1.1"),
        Citation::page("Go: tls.X509KeyPair", "https://pkg.go.dev/crypto/tls#X509KeyPair"),
    ],
    explanation: "Neither Kubernetes nor etcd asks for a passphrase: a component that is given this key does not start. Where a key is kept and \
                  not used, a CA's apart from its cluster for one, encryption is right, though not the old one of \
                  OpenSSL (`Proc-Type: 4,ENCRYPTED`), whose passphrase is guessed fast.",
    fix: "On a node: `openssl pkey -in FILE -out FILE.new` under umask 077, and put that in the place of FILE with mode 0600. Elsewhere, for the old \
          encryption: `openssl pkcs8 -topk8 -in FILE -out FILE.new`.",
    applies_to: "private keys",
    check: Check::Node(check),
};

fn check(scene: &Scene<'_>, answers: &mut Answers) {
    let node = scene.node;
    let referenced = referenced(node);
    for key in node.keys.iter().filter(|key| key.private) {
        let Some(file) = node.files.get(key.file) else { continue };
        let Some(item) = file.items().get(key.item) else { continue };
        let Content::PrivateKey(facts) = &item.content else { continue };
        answers.look();
        let Some(scheme) = &facts.encryption else { continue };
        let old = scheme.starts_with("legacy");
        // Nothing runs from a store, a left-over or a file of which nothing is known.
        let kept = node.kind == NodeKind::Store
            || left_over(node, file).is_some()
            || node.kind == NodeKind::Unknown && !referenced.contains(&key.file);
        let scheme = Printable(scheme);
        let place = Place::of_item(key.file, item);
        if !kept {
            answers
                .fail(place, format!("the key is encrypted ({scheme}): what is to load it does not start"))
                .fix(
                    Cure::words("Write it without a passphrase; openssl asks for the one that it has:")
                        .decrypted(),
                );
        } else if old {
            let message =
                format!("the key is encrypted in an old way ({scheme}), whose passphrase is guessed fast");
            let cure = Cure::words("Encrypt it anew; openssl asks for the passphrase, and for one to come:")
                .encrypted_anew();
            answers.fail(place, message).severity(Severity::Medium).fix(cure);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::tree::{PKI, Tree};
    use super::super::files::testing::ENCRYPTED;
    use super::*;

    const LEGACY: &str = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00FF\n\nAAAA\n\
                          -----END RSA PRIVATE KEY-----\n";

    #[test]
    fn keys_in_the_clear_are_silent() {
        assert_eq!(Tree::control_plane().findings("F017"), [""; 0]);
    }

    #[test]
    fn encrypted_keys_of_a_node_fire() {
        let mut tree = Tree::control_plane();
        tree.file(&format!("{PKI}/apiserver.key"), 0o600, ENCRYPTED);
        tree.file(&format!("{PKI}/ca.key"), 0o600, LEGACY);
        assert_eq!(
            tree.findings("F017"),
            [
                "high etc/kubernetes/pki/apiserver.key:1: the key is encrypted (PBES2: PBKDF2 with HMAC-SHA-256 and 1 iterations, \
                 AES-256-CBC): what is to load it does not start",
                "high etc/kubernetes/pki/ca.key:1: the key is encrypted (legacy PEM encryption, AES-128-CBC, key by MD5): what is to load it \
                 does not start",
            ]
        );
    }

    #[test]
    fn a_key_that_is_kept_may_be_encrypted_and_well() {
        let mut tree = Tree::empty();
        tree.file("ca.key", 0o600, ENCRYPTED);
        assert_eq!(tree.findings("F017"), [""; 0]);
        tree.file("ca.key", 0o600, LEGACY);
        let finding = "medium ca.key:1: the key is encrypted in an old way (legacy PEM encryption, AES-128-CBC, key by MD5), whose \
                       passphrase is guessed fast";
        assert_eq!(tree.findings("F017"), [finding]);
        assert_eq!(tree.into_store().findings("F017"), [finding]);
    }

    #[test]
    fn certificates_are_not_its_matter() {
        let mut tree = Tree::empty();
        tree.file("ca.crt", 0o644, Tree::control_plane().ca("ca").pem());
        assert!(tree.not_applicable(&RULE));
    }
}
