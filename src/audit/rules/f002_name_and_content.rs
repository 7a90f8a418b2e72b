//! F002: a certificate or a request where a private key is promised, or where a certificate is promised, something else.

use super::files::{certificate_file_beside, holds_certificate, holds_private, own};
use super::remedy::Cure;
use super::{Check, Citation, Rule, Severity};
use crate::audit::{Answers, File, Node, Place, Scene};
use crate::inspect::{Content, Item};
use crate::layout::Promise;

pub(super) static RULE: Rule = Rule {
    id: "F002",
    name: "name-and-content",
    title: "A file does not hold what its name promises",
    severity: Severity::High,
    citations: &[
        Citation::page(
            "Kubernetes: PKI certificates and requirements, certificate paths",
            "https://kubernetes.io/docs/setup/best-practices/certificates/#certificate-paths",
        ),
        Citation::page("Go: tls.LoadX509KeyPair", "https://pkg.go.dev/crypto/tls#LoadX509KeyPair"),
    ],
    explanation: "`*.key` and `*-key.pem` promise a private key, `*.crt`, `*.cert` and `*.cer` a certificate. A component that is given \
                  another thing does not start, and people who go by the name protect the wrong file.",
    fix: "See with `kpki inspect FILE` what it is, and give it the name that belongs to that; then put the right thing in its place.",
    applies_to: "files named as private keys or certificates",
    check: Check::Node(check),
};

fn check(scene: &Scene<'_>, answers: &mut Answers) {
    for (index, file) in scene.node.files.iter().enumerate() {
        let promised = match file.promise() {
            Some(Promise::PrivateKey) => "a private key",
            Some(Promise::Certificate) => "a certificate",
            _ => continue,
        };
        // What is empty, unreadable or nothing at all is F025's, a public key F003's, a key for a certificate F001's.
        if file.contents().is_none() || !own(file).any(is_something_else) {
            if holds_private(file) || holds_certificate(file) {
                answers.look();
            }
            continue;
        }
        answers.look();
        let kept = if promised == "a private key" {
            holds_private(file)
        } else {
            holds_certificate(file) || holds_private(file)
        };
        let Some(item) = own(file).find(|item| is_something_else(item)).filter(|_| !kept) else { continue };
        let what = described(scene.node, index, item);
        let message = match swapped_with(scene.node, file) {
            Some((_, other)) => format!(
                "the name promises {promised}, it holds {what}, and {} the key: the two were swapped",
                other.shown
            ),
            None => format!("the name promises {promised}, and it holds {what}"),
        };
        let fact = answers.fail(Place::of_item(index, item), message);
        if let Some((other, _)) = swapped_with(scene.node, file) {
            fact.fix(Cure::default().exchange([(index, other)]));
        }
    }
}

/// Whether an item is known, and neither a private nor a public key alone.
fn is_something_else(item: &Item) -> bool {
    matches!(
        item.content,
        Content::Certificate(_)
            | Content::Request(_)
            | Content::RevocationList(_)
            | Content::Kubeconfig(_)
            | Content::Object(_)
    ) || matches!(&item.content, Content::Named { what, .. } if what.starts_with("PKCS#7"))
}

fn described(node: &Node, file: usize, item: &Item) -> String {
    if matches!(item.content, Content::Certificate(_)) {
        let first = node.certs_in(file).next().map(super::files::subject).unwrap_or_default();
        return format!("a certificate ({first})");
    }
    format!("a {}", item.title())
}

fn swapped_with<'a>(node: &'a Node, file: &File) -> Option<(usize, &'a File)> {
    let (index, other) = certificate_file_beside(node, file)?;
    (holds_certificate(file) && holds_private(other) && !holds_certificate(other)).then_some((index, other))
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::tree::{PKI, Tree};
    use super::*;

    #[test]
    fn what_kubeadm_writes_is_silent() {
        assert_eq!(Tree::control_plane().findings("F002"), [""; 0]);
    }

    #[test]
    fn a_certificate_under_the_name_of_a_key_fires() {
        for name in ["apiserver.key", "apiserver-key.pem"] {
            let mut tree = Tree::control_plane();
            let pem = tree.of(&format!("{PKI}/apiserver.crt")).pem();
            tree.file(&format!("{PKI}/{name}"), 0o600, pem);
            assert_eq!(
                tree.findings("F002"),
                [format!(
                    "high etc/kubernetes/pki/{name}:1: the name promises a private key, and it holds a certificate (CN=kube-apiserver)"
                )]
            );
        }
    }

    #[test]
    fn a_swapped_pair_is_told_as_such() {
        let mut tree = Tree::control_plane();
        let pair = tree.of(&format!("{PKI}/apiserver.crt"));
        tree.file(&format!("{PKI}/apiserver.crt"), 0o644, pair.key_pem());
        tree.file(&format!("{PKI}/apiserver.key"), 0o600, pair.pem());
        assert_eq!(
            tree.findings("F002"),
            [
                "high etc/kubernetes/pki/apiserver.key:1: the name promises a private key, it holds a certificate (CN=kube-apiserver), and \
              etc/kubernetes/pki/apiserver.crt the key: the two were swapped"
            ]
        );
    }

    #[test]
    fn a_list_under_the_name_of_a_certificate_fires() {
        let mut tree = Tree::control_plane();
        let list = tree.ca("ca").crl("").pem();
        tree.file(&format!("{PKI}/revoked.crt"), 0o644, list.clone());
        // `.pem` and `.crl` promise less.
        tree.file(&format!("{PKI}/revoked.pem"), 0o644, list.clone());
        tree.file(&format!("{PKI}/revoked.crl"), 0o644, list);
        assert_eq!(
            tree.findings("F002"),
            [
                "high etc/kubernetes/pki/revoked.crt:1: the name promises a certificate, and it holds a certificate revocation list"
            ]
        );
    }

    #[test]
    fn other_names_are_not_its_matter() {
        let mut tree = Tree::empty();
        tree.file("ca.pem", 0o644, Tree::control_plane().ca("ca").pem());
        tree.file("empty.key", 0o600, "");
        assert!(tree.not_applicable(&RULE));
    }
}
