//! F024: one private key behind several certificates.

use std::collections::HashSet;

use super::files::{in_own_file, left_over, subject};
use super::{Check, Citation, Rule, Severity};
use crate::audit::{Answers, Cert, Node, Role, Scene};

pub(super) static RULE: Rule = Rule {
    id: "F024",
    name: "shared-key",
    title: "Several certificates have the same key",
    severity: Severity::Critical,
    citations: &[
        Citation::page("kubernetes/kops#2256", "https://github.com/kubernetes/kops/issues/2256"),
        Citation::page(
            "NIST SP 800-57 part 1 section 5.2: key usage",
            "https://nvlpubs.nist.gov/nistpubs/SpecialPublications/NIST.SP.800-57pt1r5.pdf",
        ),
    ],
    explanation: "A key that serves two parts is as exposed as the weaker of them, and must be replaced in both places at once. A leaf with its CA's \
                  key is the worst: every process that serves with it can issue certificates for anybody. A CA that was issued again with its \
                  key, and a leaf that was renewed with its own, are no finding; the key of service accounts is K020's.",
    fix: "Make a key for each: `kpki issue PROFILE` does so with every certificate. A CA whose key a leaf has used is to be replaced.",
    applies_to: "different certificates with one public key",
    check: Check::Node(check),
};

/// The most certificates of one key that are compared with each other, and named.
const MOST: usize = 50;
const MOST_NAMED: usize = 5;

fn check(scene: &Scene<'_>, answers: &mut Answers) {
    let node = scene.node;
    let mut seen: HashSet<[u8; 32]> = HashSet::new();
    for cert in node.distinct_certs() {
        let spki = cert.spki();
        if !seen.insert(spki) {
            continue;
        }
        let is_first = |other: &Cert<'_>| other.found().same_as == other.index;
        let mut all: Vec<Cert<'_>> = node
            .certs_with_key(&spki)
            .filter(|other| is_first(other) && left_over(node, other.file()).is_none())
            .take(MOST)
            .map(in_own_file)
            .collect();
        answers.look();
        all.sort_by_key(|cert| (cert.item().place.field.is_some(), cert.index));
        if all.len() < 2 || signs_tokens(node, &spki) {
            continue;
        }
        tell(&all, answers);
    }
}

/// Whether a key signs service-account tokens.
fn signs_tokens(node: &Node, spki: &[u8; 32]) -> bool {
    node.keys_with(spki).take(MOST).any(|key| key.roles.iter().any(|(role, _)| *role == Role::ServiceAccount))
}

fn tell(all: &[Cert<'_>], answers: &mut Answers) {
    let ca = all.iter().find(|cert| cert.is_ca());
    let leaf = all.iter().find(|cert| !cert.is_ca());
    if let (Some(ca), Some(leaf)) = (ca, leaf) {
        let message = format!(
            "the leaf ({}) has the key of the CA ({}) in {}",
            subject(*leaf),
            subject(*ca),
            ca.file().shown
        );
        answers.fail(leaf.place(), message);
        return;
    }
    let Some((first, rest)) = all.split_first() else { return };
    let others: Vec<&Cert<'_>> = rest.iter().filter(|other| !is_renewal(*first, **other)).collect();
    if others.is_empty() {
        return;
    }
    let mut named: Vec<String> = others
        .iter()
        .take(MOST_NAMED)
        .map(|cert| format!("{} ({})", cert.file().shown, subject(**cert)))
        .collect();
    if others.len() > MOST_NAMED {
        named.push(format!("{} more", others.len() - MOST_NAMED));
    }
    let message = format!("it ({}) has the same key as {}", subject(*first), named.join(", "));
    answers.fail(first.place(), message).severity(Severity::Medium);
}

/// Whether two certificates are one holder's at different times: of the same name, and in no different parts.
fn is_renewal(one: Cert<'_>, other: Cert<'_>) -> bool {
    let apart = match (one.role(), other.role()) {
        (Some(_), Some(_)) => !one.roles().any(|role| other.is(role)),
        _ => false,
    };
    one.tbs().subject == other.tbs().subject && !apart
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::tree::{PKI, Tree};
    use super::*;
    use crate::forge;

    #[test]
    fn what_kubeadm_writes_is_silent() {
        assert_eq!(Tree::control_plane().findings("F024"), [""; 0]);
    }

    #[test]
    fn a_leaf_with_the_key_of_its_ca_fires() {
        let mut tree = Tree::control_plane();
        tree.certificate(&format!("{PKI}/apiserver.crt"), "key=p256:ca");
        assert_eq!(
            tree.findings("F024"),
            [
                "critical etc/kubernetes/pki/apiserver.crt:1: the leaf (CN=kube-apiserver) has the key of the CA (CN=kubernetes) in \
              etc/kubernetes/pki/ca.crt"
            ]
        );
    }

    #[test]
    fn two_parts_with_one_key_fire() {
        let mut tree = Tree::control_plane();
        tree.certificate(&format!("{PKI}/etcd/peer.crt"), "key=p256:etcd/server");
        assert_eq!(
            tree.findings("F024"),
            ["medium etc/kubernetes/pki/etcd/peer.crt:1: it (CN=cp1.example.com) has the same key as \
              etc/kubernetes/pki/etcd/server.crt (CN=cp1.example.com)"]
        );
        let mut tree = Tree::control_plane();
        tree.authority("etcd/ca", forge::ca("cn=etcd-ca key=p256:ca"));
        assert_eq!(
            tree.findings("F024"),
            [
                "medium etc/kubernetes/pki/ca.crt:1: it (CN=kubernetes) has the same key as etc/kubernetes/pki/etcd/ca.crt (CN=etcd-ca)"
            ]
        );
    }

    #[test]
    fn renewals_with_the_same_key_are_silent() {
        let mut tree = Tree::control_plane();
        let (ca, leaf) = (tree.ca("ca").clone(), tree.of(&format!("{PKI}/apiserver.crt")));
        tree.file(&format!("{PKI}/ca.crt"), 0o644, ca.pem() + &ca.reissue("until=+19y").pem());
        tree.file("etc/kubernetes/apiserver-new.crt", 0o644, leaf.reissue("until=+100d").pem());
        assert_eq!(tree.findings("F024"), [""; 0]);
    }

    #[test]
    fn the_key_of_service_accounts_is_another_rule_s_and_keys_alone_none_s() {
        let mut tree = Tree::control_plane();
        tree.certificate(&format!("{PKI}/apiserver.crt"), "key=p256:sa");
        tree.certificate(&format!("{PKI}/etcd/peer.crt"), "key=p256:sa");
        assert_eq!(tree.findings("F024"), [""; 0]);
        let mut tree = Tree::empty();
        tree.file("a.key", 0o600, forge::ca("cn=a").key_pem());
        assert!(tree.not_applicable(&RULE));
    }
}
