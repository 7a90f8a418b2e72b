//! C016: what stands in a trust bundle besides the CA that is needed.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use super::super::{Answers, Cert, Scene, Target, What};
use super::distinct::named;
use super::remedy::Cure;
use super::{Check, Citation, Rule, Severity, dates};
use crate::audit::evidence::Node;

pub(super) static RULE: Rule = Rule {
    id: "C016",
    name: "trust-bundle",
    title: "A trust bundle holds what does not belong there",
    severity: Severity::Medium,
    citations: &[
        Citation::page("CIS Kubernetes Benchmark 1.2.25", "https://www.cisecurity.org/benchmark/kubernetes"),
        Citation::page("cert-manager: trust-manager", "https://cert-manager.io/docs/trust/trust-manager/"),
    ],
    explanation: "Whoever holds the key of any certificate in a trust bundle is believed. An expired CA is a rotation that was not \
                  finished; a leaf there is trusted by itself, whoever signed it; a second copy says that nobody looks after \
                  the file. Several CAs in use are told for information: each of them lets its clients in.",
    fix: "Remove the block from FILE, and restart what reads it.",
    applies_to: "trust bundles with several certificates",
    check: Check::Node(check),
};

fn check(scene: &Scene<'_>, answers: &mut Answers) {
    for bundle in bundles(scene.node) {
        if bundle.len() < 2 {
            continue;
        }
        answers.look();
        let mut seen: HashSet<usize> = HashSet::new();
        let mut subjects: HashSet<&[u8]> = HashSet::new();
        for cert in &bundle {
            let tbs = cert.tbs();
            if !seen.insert(cert.found().same_as) {
                answers
                    .fail(*cert, "it stands in this bundle before")
                    .severity(Severity::Low)
                    .fix(taken_out());
            } else if !cert.is_ca() {
                answers
                    .fail(*cert, format!("{} is trusted here, and is no CA", named(&tbs.subject)))
                    .fix(taken_out());
            } else if tbs.validity.not_after < scene.policy.at {
                let (date, ago) = (
                    dates::shown(tbs.validity.not_after),
                    dates::distance(tbs.validity.not_after, scene.policy.at),
                );
                let subject = named(&tbs.subject);
                answers
                    .fail(*cert, format!("{subject} expired on {date}, {ago}, and is still trusted here"))
                    .fix(taken_out());
            } else {
                subjects.insert(tbs.subject.der());
            }
        }
        if let (true, Some(first)) = (subjects.len() > 1, bundle.first()) {
            let message = format!("{} CAs of different names are trusted here", subjects.len());
            let fix = "Look whether each is needed: `kpki inspect FILE`.";
            answers.fail(first.found().file, message).severity(Severity::Info).fix(fix);
        }
    }
}

fn taken_out() -> Cure {
    Cure::words("Take it out, and restart what reads the file:").without_block()
}

/// The certificates of every file and field that is there to be trusted for a part of the cluster.
fn bundles(node: &Node) -> Vec<Vec<Cert<'_>>> {
    let mut files: HashSet<usize> = node
        .references
        .iter()
        .filter(|reference| reference.what == What::Trust)
        .filter_map(|reference| match reference.target {
            Target::File(file) => Some(file),
            _ => None,
        })
        .collect();
    // In the place of a CA, without anybody who names it. A certificate that follows a CA there has its part as well.
    files.extend(
        node.certificates
            .iter()
            .filter(|found| found.position == 0 && found.roles.iter().any(|(role, _)| role.is_ca()))
            .map(|found| found.file),
    );
    let mut files: Vec<usize> = files.into_iter().collect();
    files.sort_unstable();
    let mut bundles = Vec::new();
    for file in files {
        let mut fields: BTreeMap<Option<Arc<str>>, Vec<Cert<'_>>> = BTreeMap::new();
        for cert in node.certs_in(file) {
            let field = cert.item().place.field.as_deref();
            if field.is_none_or(|field| field.ends_with("certificate-authority-data")) {
                fields.entry(field.map(Arc::from)).or_default().push(cert);
            }
        }
        bundles.extend(fields.into_values());
    }
    bundles
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::tree::{PKI, Tree};
    use super::*;
    use crate::forge;

    #[test]
    fn what_does_not_belong_is_told() {
        let mut tree = Tree::control_plane();
        assert!(tree.not_applicable(&RULE));
        let ca = tree.ca("ca").clone();
        let new = ca.rekey("");
        tree.file(&format!("{PKI}/ca.crt"), 0o644, ca.pem() + &new.pem());
        assert_eq!(tree.findings("C016"), [""; 0], "a rotation");
        assert!(!tree.not_applicable(&RULE));
        let old = forge::ca("cn=old until=-5d key=p256:old");
        let other = forge::ca("cn=other key=p256:other");
        let leaf = tree.of(&format!("{PKI}/apiserver.crt"));
        tree.file(&format!("{PKI}/ca.crt"), 0o644, forge::bundle([&ca, &old, &leaf, &ca, &other]));
        assert_eq!(
            tree.findings("C016"),
            [
                "medium etc/kubernetes/pki/ca.crt:12: CN=old expired on 2026-05-27 12:00 UTC, 5 days ago, and is still \
                 trusted here",
                "medium etc/kubernetes/pki/ca.crt:22: CN=kube-apiserver is trusted here, and is no CA",
                "low etc/kubernetes/pki/ca.crt:36: it stands in this bundle before",
                "info etc/kubernetes/pki/ca.crt: 2 CAs of different names are trusted here",
            ]
        );
    }
}
