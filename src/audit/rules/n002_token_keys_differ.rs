//! N002: a token that one API server accepts, all accept.

use std::collections::{BTreeMap, BTreeSet};

use super::super::{Answers, Estate, NodeSummary, Place, RecordKind, Role};
use super::between::{control_planes, listed, name, short};
use super::remedy::Cure;
use super::{Check, Citation, Rule, Severity};

pub(super) static RULE: Rule = Rule {
    id: "N002",
    name: "token-keys-differ",
    title: "The control planes have different keys for service-account tokens",
    severity: Severity::Critical,
    citations: &[
        Citation::page("apprenda/kismatic#95", "https://github.com/apprenda/kismatic/issues/95"),
        Citation::page(
            "Kubernetes: PKI certificates and requirements",
            "https://kubernetes.io/docs/setup/best-practices/certificates/#certificate-paths",
        ),
    ],
    explanation: "Every pod shows a token that one API server or controller manager signed, to whichever API server answers. One \
                  that does not know the key says 401: pods fail now and then, and always on the control plane that is the odd one.",
    fix: "Copy sa.key and sa.pub of one control plane to the others. To change the key, first name both public keys with \
          --service-account-key-file on all of them.",
    applies_to: "the service-account keys of several control planes",
    check: Check::Estate(check),
};

/// The most signing keys that are compared: one is usual, two while they are changed.
const MOST: usize = 8;

/// What a control plane knows.
struct Keys<'a> {
    node: &'a NodeSummary,
    record: usize,
    signing: BTreeSet<[u8; 32]>,
    known: BTreeSet<[u8; 32]>,
}

fn check(estate: &Estate<'_>, answers: &mut Answers) {
    let all: Vec<Keys<'_>> = control_planes(estate).filter_map(|node| keys(estate, node)).collect();
    if all.len() < 2 {
        return;
    }
    answers.look();
    let mut signers: BTreeMap<[u8; 32], Vec<&str>> = BTreeMap::new();
    for keys in &all {
        for key in &keys.signing {
            signers.entry(*key).or_default().push(name(keys.node));
        }
    }
    // Those of most control planes first.
    let mut signers: Vec<_> = signers.into_iter().collect();
    signers.sort_by_key(|(_, nodes)| std::cmp::Reverse(nodes.len()));
    for keys in &all {
        for (key, nodes) in signers.iter().take(MOST).filter(|(key, _)| !keys.known.contains(key)) {
            let message = format!(
                "it does not know the key with which tokens are signed on {} ({})",
                listed(nodes),
                short(key)
            );
            let fact = answers.fail(Place::record(keys.record), message);
            let right = all.iter().find(|other| other.signing.contains(key));
            if let Some(cure) = right.and_then(|right| cure(estate, right.node, keys.node)) {
                fact.fix(cure);
            }
        }
    }
    // A key that nobody signs with any more may still be that of tokens that live.
    let known: BTreeMap<[u8; 32], &str> =
        all.iter().rev().flat_map(|keys| keys.known.iter().map(|key| (*key, name(keys.node)))).collect();
    let retired =
        known.iter().filter(|(key, _)| !signers.iter().any(|(signer, _)| signer == *key)).take(MOST);
    for (key, node) in retired {
        for keys in all.iter().filter(|keys| !keys.known.contains(key)) {
            let message = format!("it does not know a key by which {node} verifies tokens ({})", short(key));
            answers.fail(Place::record(keys.record), message).severity(Severity::Medium).fix(
                "While tokens of that key may live, let every API server verify by it: one `--service-account-key-file` for each public key.",
            );
        }
    }
}

fn keys<'a>(estate: &Estate<'_>, node: &'a NodeSummary) -> Option<Keys<'a>> {
    let mut own = estate
        .numbered(node)
        .filter(|(_, record)| record.roles.contains(&Role::ServiceAccount))
        .filter_map(|(number, record)| Some((number, record, record.key?)))
        .peekable();
    let (record, _, _) = *own.peek()?;
    let mut keys = Keys { node, record, signing: BTreeSet::new(), known: BTreeSet::new() };
    for (_, record, key) in own {
        keys.known.insert(key);
        if record.kind == RecordKind::PrivateKey {
            keys.signing.insert(key);
        }
    }
    Some(keys)
}

/// The files of a node that tokens need are put into those of another.
fn cure(estate: &Estate<'_>, right: &NodeSummary, wrong: &NodeSummary) -> Option<Cure> {
    let own = |node: &NodeSummary| {
        estate
            .numbered(node)
            .filter(|(_, record)| {
                record.roles.contains(&Role::ServiceAccount) && record.certificate.is_none()
            })
            .map(|(number, record)| (number, record.location.within().to_owned()))
            .collect::<Vec<_>>()
    };
    let theirs = own(right);
    let mut cure = Cure::words(
        "Give this node the pair of the others, and restart its API server and controller manager; tokens that this node has signed end with \
         that. To keep them, first name both public keys with --service-account-key-file on all nodes:",
    );
    let mut found = false;
    for (to, path) in own(wrong) {
        if let Some((from, _)) = theirs.iter().find(|(_, other)| *other == path) {
            cure = cure.put(*from, Some(to));
            found = true;
        }
    }
    found.then_some(cure)
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::tree::{PKI, Tree, findings};
    use crate::forge;

    fn public(label: &str) -> (String, String) {
        let pair = forge::self_signed_leaf(&format!("cn=sa key=p256:{label}"));
        (pair.key_pem(), crate::pem::encode("PUBLIC KEY", pair.spki_der()).to_string())
    }

    fn found(trees: &[Tree]) -> Vec<String> {
        findings(&trees.iter().collect::<Vec<_>>(), "N002")
    }

    #[test]
    fn a_pair_of_its_own_fires_on_either_side() {
        let mut trees = Tree::control_planes();
        assert_eq!(found(&trees), [""; 0]);
        let (private, public) = public("other");
        trees[2].file(&format!("{PKI}/sa.key"), 0o600, private);
        trees[2].file(&format!("{PKI}/sa.pub"), 0o600, public);
        let findings = found(&trees);
        let place = "etc/kubernetes/pki/sa.key:1: it does not know the key with which tokens are signed on";
        assert_eq!(findings.len(), 3, "{findings:?}");
        for (finding, start) in findings.iter().zip([
            format!("critical cp1 {place} cp3 (SHA256:"),
            format!("critical cp2 {place} cp3 (SHA256:"),
            format!("critical cp3 {place} cp1, cp2 (SHA256:"),
        ]) {
            assert!(finding.starts_with(&start), "{finding}");
        }
    }

    #[test]
    fn who_knows_all_keys_may_sign_with_another() {
        let mut trees = Tree::control_planes();
        let (private, other) = public("other");
        let both = trees[0].text(&format!("{PKI}/sa.pub")) + &other;
        for tree in &mut trees {
            tree.file(&format!("{PKI}/sa.pub"), 0o600, both.clone());
        }
        trees[2].file(&format!("{PKI}/sa.key"), 0o600, private);
        assert_eq!(found(&trees), [""; 0]);
    }

    #[test]
    fn a_retired_key_that_one_lacks_is_milder() {
        let mut trees = Tree::control_planes();
        let (_, other) = public("other");
        let both = trees[0].text(&format!("{PKI}/sa.pub")) + &other;
        for tree in &mut trees[..2] {
            tree.file(&format!("{PKI}/sa.pub"), 0o600, both.clone());
        }
        let findings = found(&trees);
        assert_eq!(findings.len(), 1, "{findings:?}");
        assert!(
            findings[0].starts_with(
                "medium cp3 etc/kubernetes/pki/sa.key:1: it does not know a key by which cp1 verifies tokens (SHA256:"
            ),
            "{findings:?}"
        );
    }

    #[test]
    fn a_control_plane_without_the_files_is_not_compared() {
        let mut trees = Tree::control_planes();
        for tree in &mut trees[1..] {
            tree.remove(&format!("{PKI}/sa.key"));
            tree.remove(&format!("{PKI}/sa.pub"));
        }
        assert_eq!(found(&trees), [""; 0]);
    }
}
