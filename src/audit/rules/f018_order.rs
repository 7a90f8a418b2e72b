//! F018: several certificates in another order than their readers take them in.

use std::collections::{HashMap, HashSet};

use super::files::{groups, left_over, referenced_for, subject};
use super::remedy::Cure;
use super::{Check, Citation, Rule, Severity};
use crate::audit::{Answers, Cert, Gap, Scene, Signing, Use, What};

pub(super) static RULE: Rule = Rule {
    id: "F018",
    name: "order",
    title: "The certificates of a file are not a chain, leaf first",
    severity: Severity::High,
    citations: &[
        Citation::rfc("RFC 8446 section 4.4.2"),
        Citation::rfc("RFC 5246 section 7.4.2"),
        Citation::page("kubernetes/kubeadm#1723", "https://github.com/kubernetes/kubeadm/issues/1723"),
    ],
    explanation: "A server and a client show the certificates of the file as they stand: the first is theirs, and each one after it signs the one \
                  before. Another first certificate is one without its key, so that nothing starts; a gap or a stranger in the chain is \
                  refused by verifiers that build no chain of their own. In a bundle of CAs that are trusted, the order is free.",
    fix: "Put the leaf first, then each signer behind what it signed, and leave out the rest: `kpki verify FILE --ca CA` says what fits.",
    applies_to: "files and fields with several certificates",
    check: Check::Node(check),
};

fn check(scene: &Scene<'_>, answers: &mut Answers) {
    let node = scene.node;
    let trusted = referenced_for(node, What::Trust);
    for group in groups(node).iter().filter(|group| group.len() > 1) {
        // A PKCS#7 message has no order (RFC 5652 section 5.1).
        if group.first().is_some_and(|cert| is_in_message(*cert)) {
            continue;
        }
        // What a change left behind is read by nobody (F021).
        if group.first().is_some_and(|cert| left_over(node, cert.file()).is_some()) {
            continue;
        }
        let group = &without_repetitions(group, answers);
        answers.look();
        let Some(first) = group.first() else { continue };
        // Where all may sign, they are a bundle of trust anchors, in which the order is free.
        let bundle = trusted.contains(&first.found().file)
            || group.iter().all(|cert| cert.is_ca() || cert.is_self_signed());
        if !bundle {
            chain(group, answers);
        }
    }
}

/// Whether a certificate stands in a message of PKCS#7, whose items are called so.
fn is_in_message(cert: Cert<'_>) -> bool {
    cert.item().place.field.as_deref().is_some_and(|field| field.split(": ").last() == Some("certificates"))
}

/// The certificates of a group, each once.
fn without_repetitions<'a>(group: &[Cert<'a>], answers: &mut Answers) -> Vec<Cert<'a>> {
    let mut seen: HashMap<usize, usize> = HashMap::new();
    let mut kept = Vec::new();
    for cert in group {
        let number = cert.found().position + 1;
        if let Some(first) = seen.get(&cert.found().same_as) {
            let message =
                format!("certificate {number} is the same as certificate {first} ({})", subject(*cert));
            let cure = Cure::words("Take it out:").without_block();
            answers.fail(cert.place(), message).severity(Severity::Low).fix(cure);
        } else {
            seen.insert(cert.found().same_as, number);
            kept.push(*cert);
        }
    }
    kept
}

fn chain(group: &[Cert<'_>], answers: &mut Answers) {
    let Some(first) = group.first() else { return };
    if first.is_ca()
        && let Some(leaf) = group.iter().find(|cert| !cert.is_ca())
    {
        let message = format!(
            "a CA stands first ({}), and the leaf ({}) is certificate {}: the first is the one that is shown",
            subject(*first),
            subject(*leaf),
            leaf.found().position + 1
        );
        let cure = if first.is_self_signed() {
            Cure::words("Take it out:").without_block()
        } else {
            in_order(*first)
        };
        let fact = answers.fail(first.place(), message).fix(cure);
        if leaf.found().usage != Use::Used {
            fact.severity(Severity::Medium);
        }
        return;
    }
    // Whom the certificates of the group name and are signed by.
    let signers: HashSet<(&[u8], &[u8])> = group
        .iter()
        .filter(|cert| !cert.is_self_signed())
        .filter_map(|cert| cert.issuer())
        .map(|issuer| (issuer.subject.der(), issuer.public_key.der()))
        .collect();
    let mut told = false;
    for (before, cert) in group.iter().zip(group.iter().skip(1)) {
        if matches!(before.found().signing, Signing::NotChecked) {
            answers.leave(
                before.place(),
                Gap::TooMuch,
                "who signed it was not looked at: there was too much to verify",
            );
            continue;
        }
        let (tbs, number) = (cert.tbs(), cert.found().position + 1);
        let signed_the_one_before = before
            .issuer()
            .is_some_and(|issuer| issuer.subject == tbs.subject && issuer.public_key == tbs.public_key);
        if signed_the_one_before {
            continue;
        }
        if !signers.contains(&(tbs.subject.der(), tbs.public_key.der())) {
            let message = format!("certificate {number} ({}) signed none of the others", subject(*cert));
            let cure = Cure::words("Where nobody needs it there, take it out:").without_block();
            answers.fail(cert.place(), message).severity(Severity::Medium).fix(cure);
        } else if !told {
            told = true;
            let message = format!(
                "certificate {number} ({}) did not sign the one before it ({})",
                subject(*cert),
                subject(*before)
            );
            answers.fail(cert.place(), message).severity(Severity::Medium).fix(in_order(*cert));
        }
    }
}

/// Each certificate before the one that signed it.
fn in_order(cert: Cert<'_>) -> Cure {
    Cure::words("Put the leaf first, then each signer behind what it signed:").put_in_order(cert.found().file)
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::tree::{PKI, Tree};
    use super::*;
    use crate::forge::{self, Forged};

    fn found(certificates: &[&Forged]) -> Vec<String> {
        let mut tree = Tree::empty();
        tree.file(&format!("{PKI}/a.crt"), 0o644, forge::bundle(certificates.iter().copied()));
        let found = tree.findings("F018");
        found.into_iter().map(|found| found.replace("etc/kubernetes/pki/", "")).collect()
    }

    #[test]
    fn the_leaf_keeps_its_part_behind_a_ca() {
        let mut tree = Tree::control_plane();
        let text = tree.text(&format!("{PKI}/ca.crt")) + &tree.text(&format!("{PKI}/apiserver.crt"));
        tree.file(&format!("{PKI}/apiserver.crt"), 0o644, text);
        assert_eq!(tree.findings("F018").len(), 1);
        for rule in ["K001", "K002", "K003", "K005", "P012", "P017", "F023", "C016"] {
            assert_eq!(tree.findings(rule), [""; 0], "{rule}");
        }
        let found = tree.findings("F004");
        assert_eq!(found.len(), 1);
        assert!(found[0].ends_with("the first is the one that is shown"), "{found:?}");
    }

    #[test]
    fn a_chain_must_be_one() {
        let root = forge::ca("cn=root");
        let inter = root.ca("cn=inter");
        let leaf = inter.leaf("cn=leaf");
        let stranger = forge::ca("cn=stranger");
        let line = root.pem().lines().count() + 1;
        let inter_line = leaf.pem().lines().count() + 1;
        assert_eq!(found(&[&leaf, &inter]), [""; 0]);
        assert_eq!(found(&[&leaf, &inter, &root]), [""; 0]);
        assert_eq!(found(&[&root, &inter, &stranger]), [""; 0], "trust anchors");
        assert_eq!(
            found(&[&inter, &leaf]),
            [
                "medium a.crt:1: a CA stands first (CN=inter), and the leaf (CN=leaf) is certificate 2: the first is the one that is shown"
            ]
        );
        assert_eq!(
            found(&[&leaf, &root, &inter]),
            [format!(
                "medium a.crt:{inter_line}: certificate 2 (CN=root) did not sign the one before it (CN=leaf)"
            )]
        );
        assert_eq!(
            found(&[&leaf, &stranger]),
            [format!("medium a.crt:{inter_line}: certificate 2 (CN=stranger) signed none of the others")]
        );
        assert_eq!(
            found(&[&root, &root]),
            [format!("low a.crt:{line}: certificate 2 is the same as certificate 1 (CN=root)")]
        );
    }

    #[test]
    fn what_kubeadm_writes_is_silent_and_single_certificates_not_its_matter() {
        assert_eq!(Tree::control_plane().findings("F018"), [""; 0]);
        assert!(Tree::control_plane().not_applicable(&RULE));
    }
}
