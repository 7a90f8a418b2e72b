//! F024: one private key behind several certificates.

use std::collections::BTreeMap;

use super::distinct::{Certificates, Distinct, Use};
use super::files::subject;
use super::{Check, Citation, Rule, Severity};
use crate::audit::{Answers, Node, Role, Scene};
use crate::chain::normal_form;

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
    let certificates = Certificates::of(node);
    let mut by_key: BTreeMap<[u8; 32], Vec<&Distinct<'_>>> = BTreeMap::new();
    for one in certificates.all.iter().filter(|one| one.usage != Use::Old) {
        by_key.entry(one.cert.spki()).or_default().push(one);
    }
    for (spki, mut all) in by_key {
        answers.look();
        all.sort_by_key(|one| (one.cert.item().place.field.is_some(), one.cert.index));
        all.truncate(MOST);
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

fn tell(all: &[&Distinct<'_>], answers: &mut Answers) {
    let ca = all.iter().find(|one| one.cert.is_ca() || one.is_authority());
    let leaf = all.iter().find(|one| !one.cert.is_ca() && !one.is_authority());
    if let (Some(ca), Some(leaf)) = (ca, leaf) {
        let message = format!(
            "the leaf ({}) has the key of the CA ({}) in {}",
            subject(leaf.cert),
            subject(ca.cert),
            ca.cert.file().shown
        );
        answers.fail(leaf.cert.place(), message);
        return;
    }
    let Some((first, rest)) = all.split_first() else { return };
    let others: Vec<&&Distinct<'_>> = rest.iter().filter(|other| !is_renewal(first, other)).collect();
    if others.is_empty() {
        return;
    }
    let mut named: Vec<String> = others
        .iter()
        .take(MOST_NAMED)
        .map(|one| format!("{} ({})", one.cert.file().shown, subject(one.cert)))
        .collect();
    if others.len() > MOST_NAMED {
        named.push(format!("{} more", others.len() - MOST_NAMED));
    }
    let message = format!("it ({}) has the same key as {}", subject(first.cert), named.join(", "));
    answers.fail(first.cert.place(), message).severity(Severity::Medium);
}

/// Whether two certificates are one holder's at different times: of the same name, and in no different parts. A CA's name may have been
/// written anew in other bytes (C017 tells what comes of that).
fn is_renewal(one: &Distinct<'_>, other: &Distinct<'_>) -> bool {
    let apart = match (one.role(), other.role()) {
        (Some(_), Some(_)) => !one.roles.iter().any(|role| other.roles.contains(role)),
        _ => false,
    };
    let (own, theirs) = (&one.cert.tbs().subject, &other.cert.tbs().subject);
    (own.der() == theirs.der() || normal_form(own) == normal_form(theirs)) && !apart
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
