//! F026: one role under the names of both layouts.

use super::files::subject;
use super::remedy::{ASIDE, Cure};
use super::{Check, Citation, Rule, Severity};
use crate::audit::{Answers, File, Node, Scene, Target};

pub(super) static RULE: Rule = Rule {
    id: "F026",
    name: "two-layouts",
    title: "A certificate or key lies there under the names of both layouts, with different contents",
    severity: Severity::Low,
    citations: &[
        Citation::page(
            "Kubernetes: PKI certificates and requirements, certificate paths",
            "https://kubernetes.io/docs/setup/best-practices/certificates/#certificate-paths",
        ),
        Citation::page("etcd: transport security model", "https://etcd.io/docs/v3.6/op-guide/security/"),
    ],
    explanation: "`NAME.crt` and `NAME.key` are kubeadm's names, `NAME.pem` and `NAME-key.pem` those of cfssl and of etcd's documents. Where both \
                  lie side by side, one of them is renewed and the other is not, and only the components' flags tell which.",
    fix: "Keep those that the manifests name, and remove the others.",
    applies_to: "certificates and keys with a namesake of the other layout",
    check: Check::Node(check),
};

fn check(scene: &Scene<'_>, answers: &mut Answers) {
    let node = scene.node;
    for (index, file) in node.files.iter().enumerate().filter(|(_, file)| file.contents().is_some()) {
        let name = file.name();
        if let Some(base) = name.strip_suffix(".crt") {
            let Some((other, beside)) = namesake(node, file, &format!("{base}.pem")) else { continue };
            let first = |index: usize| node.certs_in(index).find(|cert| cert.item().place.field.is_none());
            let (Some(one), Some(two)) = (first(index), first(other)) else { continue };
            answers.look();
            if one.found().same_as != two.found().same_as {
                let message = format!(
                    "it holds another certificate ({}) than {} ({})",
                    subject(one),
                    beside.shown,
                    subject(two)
                );
                let fact = answers.fail(one.place(), message);
                if let Some(cure) = cure(node, index, other) {
                    fact.fix(cure);
                }
            }
        } else if let Some(base) = name.strip_suffix(".key") {
            let Some((other, beside)) = namesake(node, file, &format!("{base}-key.pem")) else { continue };
            let first = |index: usize| node.keys_in(index).find(|key| key.private);
            let (Some(one), Some(two)) = (first(index), first(other)) else { continue };
            answers.look();
            if one.spki != two.spki {
                let message = format!("it holds another key than {}", beside.shown);
                let fact = answers.fail(node.place_of_key(one), message);
                if let Some(cure) = cure(node, index, other) {
                    fact.fix(cure);
                }
            }
        }
    }
}

/// The one that nobody names is put aside, where the other is named.
fn cure(node: &Node, one: usize, other: usize) -> Option<Cure> {
    let unnamed = match (node.is_referenced(one), node.is_referenced(other)) {
        (true, false) => other,
        (false, true) => one,
        _ => return None,
    };
    Some(Cure::words("Keep the one that is named, and put the other aside:").aside_file(unnamed).say(ASIDE))
}

/// The file with that name beside another.
fn namesake<'a>(node: &'a Node, file: &File, name: &str) -> Option<(usize, &'a File)> {
    match node.resolve(&file.on_node.with_file_name(name)) {
        Target::File(index) => node.files.get(index).map(|file| (index, file)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::tree::{PKI, Tree};
    use super::*;
    use crate::forge;

    #[test]
    fn namesakes_must_be_the_same() {
        let mut tree = Tree::control_plane();
        assert!(tree.not_applicable(&RULE));
        let pair = tree.of(&format!("{PKI}/apiserver.crt"));
        tree.file(&format!("{PKI}/apiserver.pem"), 0o644, pair.pem());
        tree.file(&format!("{PKI}/apiserver-key.pem"), 0o600, pair.key_pem());
        assert_eq!(tree.findings("F026"), [""; 0]);
        let other = forge::self_signed_leaf("cn=other");
        tree.file(&format!("{PKI}/apiserver.pem"), 0o644, other.pem());
        tree.file(&format!("{PKI}/apiserver-key.pem"), 0o600, other.key_pem());
        assert_eq!(
            tree.findings("F026"),
            [
                "low etc/kubernetes/pki/apiserver.crt:1: it holds another certificate (CN=kube-apiserver) than \
                 etc/kubernetes/pki/apiserver.pem (CN=other)",
                "low etc/kubernetes/pki/apiserver.key:1: it holds another key than etc/kubernetes/pki/apiserver-key.pem",
            ]
        );
    }
}
