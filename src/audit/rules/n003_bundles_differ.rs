//! N003: all control planes trust the same CAs.

use std::collections::BTreeSet;

use super::super::{Answers, Estate, NodeKind, Place};
use super::between::{AUTHORITIES, authorities, holders, listed, name, usual};
use super::remedy::Cure;
use super::{Check, Citation, Rule, Severity};

pub(super) static RULE: Rule = Rule {
    id: "N003",
    name: "bundles-differ",
    title: "The control planes trust different CAs",
    severity: Severity::High,
    citations: &[
        Citation::page(
            "Kubernetes: configure the aggregation layer",
            "https://kubernetes.io/docs/tasks/extend-kubernetes/configure-aggregation-layer/",
        ),
        Citation::page(
            "Kubernetes: manual rotation of CA certificates",
            "https://kubernetes.io/docs/tasks/tls/manual-rotation-of-ca-certificates/",
        ),
    ],
    explanation: "A client whose CA stands in the bundle of one control plane only is let in by that one and refused by the others: \
                  it works now and then. API servers also share one config map of their CAs \
                  (extension-apiserver-authentication), which the last one that starts writes.",
    fix: "Put the same certificates, in the same order, into the file of every control plane.",
    applies_to: "bundles of CAs on several control planes",
    check: Check::Estate(check),
};

fn check(estate: &Estate<'_>, answers: &mut Answers) {
    for role in AUTHORITIES {
        let bundles: Vec<_> = holders(estate, role)
            .filter(|node| node.kind != NodeKind::Worker)
            .map(|node| {
                let mut seen = BTreeSet::new();
                let mut found = authorities(estate, node, role);
                found.retain(|found| seen.insert(found.certificate.fingerprint));
                (node, found)
            })
            .filter(|(_, found)| !found.is_empty())
            .collect();
        if bundles.len() < 2 {
            continue;
        }
        answers.look();
        let order = |found: &[super::between::Found<'_>]| -> Vec<[u8; 32]> {
            found.iter().map(|found| found.certificate.fingerprint).collect()
        };
        let Some(usual) = usual(bundles.iter().map(|(_, found)| order(found))) else { continue };
        let Some((other, theirs)) = bundles.iter().find(|(_, found)| order(found) == usual) else { continue };
        let set: BTreeSet<[u8; 32]> = usual.iter().copied().collect();
        for (_, own) in &bundles {
            let Some(first) = own.first() else { continue };
            let own_set: BTreeSet<[u8; 32]> = order(own).into_iter().collect();
            // None in common is N001's.
            if own_set.is_disjoint(&set) || order(own) == usual {
                continue;
            }
            let place = Place::record(first.number);
            if own_set == set {
                let message = format!("the CAs of its {role} stand in another order than on {}", name(other));
                let fact = answers.fail(place, message);
                fact.severity(Severity::Info);
                if let Some(right) = theirs.first() {
                    fact.fix(cure(name(other), right.number, first.number));
                }
                continue;
            }
            let subjects = |from: &[super::between::Found<'_>], without: &BTreeSet<[u8; 32]>| {
                let subjects: Vec<&str> = from
                    .iter()
                    .filter(|found| !without.contains(&found.certificate.fingerprint))
                    .map(|found| &*found.certificate.subject)
                    .collect();
                (!subjects.is_empty()).then(|| listed(&subjects))
            };
            let lacks = subjects(theirs, &own_set).map(|subjects| format!("lacks {subjects}"));
            let more = subjects(own, &set).map(|subjects| format!("has {subjects} more"));
            let parts: Vec<String> = [lacks, more].into_iter().flatten().collect();
            let fact = answers
                .fail(place, format!("beside that of {}, its {role} {}", name(other), parts.join(" and ")));
            if let Some(right) = theirs.first() {
                fact.fix(cure(name(other), right.number, first.number));
            }
        }
    }
}

/// The file of the others is put into this one.
fn cure(other: &str, from: usize, to: usize) -> Cure {
    Cure::words(format!(
        "Where what {other} trusts is right, put that here as well, and restart what reads it:"
    ))
    .put(from, Some(to))
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::tree::{PKI, Tree, findings};
    use crate::forge;

    fn found(trees: &[Tree]) -> Vec<String> {
        findings(&trees.iter().collect::<Vec<_>>(), "N003")
    }

    fn with_bundles(bundles: [&[usize]; 3]) -> [Tree; 3] {
        let mut trees = Tree::control_planes();
        let authorities =
            [trees[0].ca("front-proxy-ca").pem(), forge::ca("cn=front-proxy-ca-2 key=p256:second").pem()];
        for (tree, bundle) in trees.iter_mut().zip(bundles) {
            let text: String = bundle.iter().map(|number| authorities[*number].as_str()).collect();
            tree.file(&format!("{PKI}/front-proxy-ca.crt"), 0o644, text);
        }
        trees
    }

    #[test]
    fn a_bundle_of_another_content_fires() {
        let place = "etc/kubernetes/pki/front-proxy-ca.crt:1";
        assert_eq!(found(&with_bundles([&[0], &[0], &[0]])), [""; 0]);
        assert_eq!(found(&with_bundles([&[0, 1], &[0, 1], &[0, 1, 1]])), [""; 0]);
        assert_eq!(
            found(&with_bundles([&[0, 1], &[0, 1], &[0]])),
            [format!("high cp3 {place}: beside that of cp1, its front-proxy-ca lacks CN=front-proxy-ca-2")]
        );
        assert_eq!(
            found(&with_bundles([&[0], &[0, 1], &[0]])),
            [format!(
                "high cp2 {place}: beside that of cp1, its front-proxy-ca has CN=front-proxy-ca-2 more"
            )]
        );
        assert_eq!(
            found(&with_bundles([&[0, 1], &[0, 1], &[1, 0]])),
            [format!("info cp3 {place}: the CAs of its front-proxy-ca stand in another order than on cp1")]
        );
        // None in common: N001.
        assert_eq!(found(&with_bundles([&[0], &[0], &[1]])), [""; 0]);
    }
}
