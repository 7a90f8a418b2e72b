//! F003: the public and the private half of a key pair under each other's name.

use super::files::{holds_certificate, holds_private, is_private, key_in_words, own};
use super::remedy::{Command, Cure};
use super::{Check, Citation, Rule, Severity};
use crate::audit::{Answers, File, Node, Place, Scene};
use crate::inspect::{Content, Item};
use crate::layout::Promise;
use crate::x509::shell_word;

pub(super) static RULE: Rule = Rule {
    id: "F003",
    name: "public-and-private",
    title: "A public and a private key have each other's name",
    severity: Severity::High,
    citations: &[
        Citation::page(
            "kubeadm: pathForPublicKey, NAME.pub",
            "https://github.com/kubernetes/kubernetes/blob/master/cmd/kubeadm/app/util/pkiutil/pki_helpers.go",
        ),
        Citation::page(
            "Kubernetes: PKI certificates and requirements, service account key pair",
            "https://kubernetes.io/docs/setup/best-practices/certificates/",
        ),
    ],
    explanation: "A file named `*.pub` is handed out: to verifiers of service-account tokens, for example. Whoever gets a private key in \
                  its place signs tokens for every account of the cluster, and the API server accepts it there without a word, since it \
                  derives the public key. A public key under the name of a private one keeps its component from starting.",
    fix: "Write the public half where it is promised, `openssl pkey -in KEY -pubout -out NAME.pub`, and keep the private one as `*.key` or \
          `*-key.pem` with mode 0600. Replace the pair if the private key was handed out.",
    applies_to: "files named `*.key`, `*-key.pem`, `*.pub` or `*.crt`",
    check: Check::Node(check),
};

fn check(scene: &Scene<'_>, answers: &mut Answers) {
    for (index, file) in scene.node.files.iter().enumerate() {
        if file.contents().is_none() {
            continue;
        }
        let private = own(file).find(|item| is_private(item));
        let public = own(file).find(|item| matches!(item.content, Content::PublicKey(_)));
        match file.promise() {
            Some(Promise::PublicKey) => {
                answers.look();
                if let Some(item) = private {
                    let message =
                        format!("the name promises a public key, and it holds {}", key_in_words(item));
                    answers.fail(Place::of_item(index, item), message).fix(cure(scene.node, index, file));
                } else if public.is_none() && holds_certificate(file) {
                    // Kubernetes reads public keys from certificates as well.
                    let message = "the name promises a public key, and it holds a certificate";
                    let fact = answers.fail(Place::file(index), message);
                    fact.severity(Severity::Low).fix(match other_key_beside(scene.node, index, file) {
                        Some(beside) => {
                            Cure::words("Let it hold the public half of the key beside it, which the certificate does not have:")
                                .public_of(beside, index)
                        }
                        None => Cure::words("Let it hold the public key alone:").public_half(),
                    });
                }
            }
            Some(Promise::PrivateKey) if private.is_some() || public.is_some() => {
                answers.look();
                if let Some(item) = public.filter(|_| private.is_none()) {
                    let message = format!(
                        "the name promises a private key, and it holds a public key ({})",
                        algorithm(item)
                    );
                    let fact = answers.fail(Place::of_item(index, item), message);
                    let beside = file.on_node.with_extension("pub");
                    let other = scene.node.entry_at(&beside).filter(|(other, _)| *other != index);
                    fact.fix(match other.filter(|(_, found)| holds_private(found)) {
                        Some((other, _)) => exchanged(index, other),
                        None => "Bring the private key back from a backup, or from a node that has it; where it is lost, make a new pair. \
                                 What it holds now belongs into a file of the public key's name."
                            .into(),
                    });
                }
            }
            Some(Promise::Certificate) => {
                if let Some(item) = public.filter(|_| private.is_none() && !holds_certificate(file)) {
                    let message = format!(
                        "the name promises a certificate, and it holds a public key ({})",
                        algorithm(item)
                    );
                    answers.fail(Place::of_item(index, item), message);
                }
            }
            _ => {}
        }
    }
}

/// The file of the private key beside the name of a public one, where that is another key than that of the certificate there.
fn other_key_beside(node: &Node, index: usize, file: &File) -> Option<usize> {
    let (beside, found) = node.entry_at(&file.on_node.with_extension("key"))?;
    let own = node.certs_in(index).next()?.spki();
    let key = node.keys_in(beside).find(|key| key.private)?.spki?;
    (holds_private(found) && key != own).then_some(beside)
}

const EXPOSED: &str = "Where the private key was handed out under the public one's name, make a new pair.";

fn exchanged(one: usize, other: usize) -> Cure {
    Cure::words("The two were exchanged:").exchange([(one, other)]).say(EXPOSED)
}

/// What becomes of a private key under the name of a public one: the private half has its own place, which holds the public one, or the
/// same key, or nothing.
fn cure(node: &Node, index: usize, file: &File) -> Cure {
    let names = [file.on_node.with_extension("key"), file.on_node.with_extension("pem")];
    let beside = names.iter().find_map(|path| node.entry_at(path)).filter(|(beside, _)| *beside != index);
    match beside {
        Some((other, found)) if !holds_private(found) => exchanged(index, other),
        Some((_, found)) if keys(found).any(|key| keys(file).any(|own| own == key)) => {
            Cure::words("Let it hold the public half; the private one stands beside it:")
                .public_half()
                .say(EXPOSED)
        }
        Some((_, found)) => {
            let (own, beside) = (file.command_path(), found.command_path());
            let public =
                Command::of("openssl").plain("pkey -in").path(beside).plain("-pubout -out").path(own);
            Cure::words(format!(
                "It is another key than that of {}. If that is the one which is used, put this one where no component reads it, and \
                 let FILE hold the public half of that:",
                shell_word(beside)
            ))
            .aside()
            .run(public)
            .say(EXPOSED)
        }
        None => {
            Cure::words("Keep the private key under its own name, and let this one hold the public half:")
                .copy_key()
                .public_half()
                .say(EXPOSED)
        }
    }
}

/// The public halves of the private keys in a file.
fn keys(file: &File) -> impl Iterator<Item = &[u8]> {
    own(file).filter(|item| is_private(item)).filter_map(Item::public_key)
}

fn algorithm(item: &Item) -> String {
    match &item.content {
        Content::PublicKey(facts) => crate::key::algorithm_name(facts.key.kind()),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::tree::{PKI, Tree};
    use super::*;

    #[test]
    fn the_pair_of_kubeadm_is_silent() {
        assert_eq!(Tree::control_plane().findings("F003"), [""; 0]);
    }

    #[test]
    fn halves_under_the_wrong_name_fire() {
        let good = Tree::control_plane();
        let (private, public) = (good.text(&format!("{PKI}/sa.key")), good.text(&format!("{PKI}/sa.pub")));
        let certificate = good.ca("ca").pem();
        for (name, text, message) in [
            (
                "sa.pub",
                &private,
                "high etc/kubernetes/pki/sa.pub:1: the name promises a public key, and it holds a private key (ECDSA-P256)",
            ),
            (
                "sa.key",
                &public,
                "high etc/kubernetes/pki/sa.key:1: the name promises a private key, and it holds a public key (ECDSA-P256)",
            ),
            (
                "web-key.pem",
                &public,
                "high etc/kubernetes/pki/web-key.pem:1: the name promises a private key, and it holds a public key (ECDSA-P256)",
            ),
            (
                "web.crt",
                &public,
                "high etc/kubernetes/pki/web.crt:1: the name promises a certificate, and it holds a public key (ECDSA-P256)",
            ),
            (
                "web.pub",
                &certificate,
                "low etc/kubernetes/pki/web.pub: the name promises a public key, and it holds a certificate",
            ),
        ] {
            let mut tree = good.clone();
            tree.file(&format!("{PKI}/{name}"), 0o600, text.clone());
            assert_eq!(tree.findings("F003"), [message]);
        }
    }

    #[test]
    fn certificates_are_not_its_matter() {
        let mut tree = Tree::empty();
        tree.file("ca.crt", 0o644, Tree::control_plane().ca("ca").pem());
        tree.file("sa.pem", 0o644, Tree::control_plane().text(&format!("{PKI}/sa.pub")));
        assert!(tree.not_applicable(&RULE));
    }
}
