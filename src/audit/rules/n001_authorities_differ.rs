//! N001: one cluster, one CA.

use std::collections::BTreeSet;

use super::super::{Answers, Estate, NodeKind, Place};
use super::between::{AUTHORITIES, Found, authorities, holders, name, short, usual};
use super::remedy::Cure;
use super::{Check, Citation, Rule, Severity};

pub(super) static RULE: Rule = Rule {
    id: "N001",
    name: "authorities-differ",
    title: "A node has another CA than the others",
    severity: Severity::Critical,
    citations: &[
        Citation::page("kubernetes/kubeadm#1453", "https://github.com/kubernetes/kubeadm/issues/1453"),
        Citation::page("k0sproject/k0smotron#467", "https://github.com/k0sproject/k0smotron/issues/467"),
        Citation::page(
            "Kubernetes: high availability with kubeadm, manual certificate distribution",
            "https://kubernetes.io/docs/setup/production-environment/tools/kubeadm/high-availability/#manual-certs",
        ),
    ],
    explanation: "The names are the same, the keys are not: what one control plane signs the other refuses, so that clients fail \
                  whenever the load balancer sends them to the wrong one, and members of etcd refuse each other. It comes from \
                  `kubeadm init` on a second node, or from a CA that was made anew on one of them.",
    fix: "Copy the CA's certificate and key of the others to this node, and issue its leaves again: `kubeadm certs renew all`, or \
          `kpki issue` for each.",
    applies_to: "the CAs of several nodes",
    check: Check::Estate(check),
};

fn check(estate: &Estate<'_>, answers: &mut Answers) {
    for role in AUTHORITIES {
        let found: Vec<_> = holders(estate, role)
            .map(|node| (node, authorities(estate, node, role)))
            .filter(|(_, found)| !found.is_empty())
            .collect();
        if found.len() < 2 {
            continue;
        }
        answers.look();
        // What the control planes have is right, where there are some.
        let has_control_plane = found.iter().any(|(node, _)| node.kind == NodeKind::ControlPlane);
        let deciding =
            found.iter().filter(|(node, _)| !has_control_plane || node.kind == NodeKind::ControlPlane);
        let Some(keys) = usual(deciding.map(|(_, found)| keys(found))) else { continue };
        let Some((other, theirs)) = found.iter().find(|(_, found)| self::keys(found) == keys) else {
            continue;
        };
        let fingerprints: BTreeSet<[u8; 32]> =
            theirs.iter().map(|found| found.certificate.fingerprint).collect();
        for (_, own) in &found {
            let Some(first) = own.first() else { continue };
            let has = |key: &[u8; 32]| keys.contains(key);
            let (subject, own_keys) = (&first.certificate.subject, self::keys(own));
            if !own_keys.iter().any(has) {
                let message = format!(
                    "its {role} ({subject}, key {}) is another than that of {} (key {})",
                    own_keys.first().map(short).unwrap_or_default(),
                    name(other),
                    keys.first().map(short).unwrap_or_default()
                );
                let fact = answers.fail(Place::record(first.number), message);
                if let Some(right) = theirs.first() {
                    let words = "If this node was made anew by mistake, give it the CA of the others, and issue its leaves under that:";
                    fact.fix(Cure::words(words).adopt(right.number, first.number, role));
                }
            } else if own_keys == keys
                && !own.iter().any(|found| fingerprints.contains(&found.certificate.fingerprint))
            {
                let names = |all: &[Found<'_>]| -> BTreeSet<Option<[u8; 32]>> {
                    all.iter().map(|found| found.certificate.name.as_deref().copied()).collect()
                };
                if names(own).is_disjoint(&names(theirs)) {
                    let message = format!(
                        "its {role} ({subject}) has the key of that of {}, and its name is written in other bytes: components, which compare \
                         bytes, refuse what was issued under the other",
                        name(other)
                    );
                    answers.fail(Place::record(first.number), message);
                    continue;
                }
                // Chains verify with either: the name and the key are the same.
                let message = format!(
                    "its {role} ({subject}) is another certificate of the same key than that of {}: until {} here, until {} there",
                    name(other),
                    first.certificate.not_after.date(),
                    theirs
                        .first()
                        .map(|found| found.certificate.not_after.date().to_string())
                        .unwrap_or_default()
                );
                let fact = answers.fail(Place::record(first.number), message);
                fact.severity(Severity::Medium);
                if let Some(right) = theirs.first() {
                    let words = "Give this node the certificate of the others:";
                    fact.fix(Cure::words(words).put(right.number, Some(first.number)));
                }
            }
        }
    }
}

fn keys(found: &[Found<'_>]) -> BTreeSet<[u8; 32]> {
    found.iter().filter_map(|found| found.record.key).collect()
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::tree::{PKI, Tree, findings};
    use crate::forge;

    fn found(trees: &[Tree]) -> Vec<String> {
        findings(&trees.iter().collect::<Vec<_>>(), "N001")
    }

    #[test]
    fn a_ca_that_was_made_anew_fires() {
        let mut trees = Tree::control_planes();
        assert_eq!(found(&trees), [""; 0]);
        let anew = trees[1].ca("ca").rekey("");
        trees[1].file(&format!("{PKI}/ca.crt"), 0o644, anew.pem());
        let findings = found(&trees);
        assert_eq!(findings.len(), 1, "{findings:?}");
        assert!(
            findings[0].starts_with(
                "critical cp2 etc/kubernetes/pki/ca.crt:1: its kubernetes-ca (CN=kubernetes, key SHA256:"
            ),
            "{findings:?}"
        );
        assert!(findings[0].contains(") is another than that of cp1 (key SHA256:"), "{findings:?}");
    }

    #[test]
    fn a_certificate_that_was_renewed_with_its_key_is_milder() {
        let mut trees = Tree::control_planes();
        let renewed = trees[2].ca("etcd/ca").reissue("until=+5000d");
        trees[2].file(&format!("{PKI}/etcd/ca.crt"), 0o644, renewed.pem());
        let findings = found(&trees);
        assert_eq!(findings.len(), 1, "{findings:?}");
        assert!(
            findings[0].starts_with(
                "medium cp3 etc/kubernetes/pki/etcd/ca.crt:1: its etcd-ca (CN=etcd-ca) is another certificate of the same key \
                 than that of cp1: until 2040-"
            ),
            "{findings:?}"
        );
    }

    #[test]
    fn workers_and_nodes_of_etcd_are_compared_with_control_planes() {
        let control_plane = Tree::control_plane().named("cp1");
        let mut workers = [Tree::worker().named("w1"), Tree::worker().named("w2")];
        for worker in &mut workers {
            let other = forge::ca("cn=kubernetes key=p256:other");
            worker.file(&format!("{PKI}/ca.crt"), 0o644, other.pem());
        }
        let [first, second] = &workers;
        let findings = findings(&[&control_plane, first, second], "N001");
        assert_eq!(findings.len(), 2, "{findings:?}");
        assert!(findings.iter().all(|finding| finding.contains(" w")), "{findings:?}");
    }

    #[test]
    fn one_node_is_alone_and_a_store_is_none() {
        let mut other = Tree::control_plane().named("ca").into_store();
        other.file(&format!("{PKI}/ca.crt"), 0o644, forge::ca("cn=kubernetes key=p256:x").pem());
        let one = Tree::control_plane().named("cp1");
        assert_eq!(findings(&[&one, &other], "N001"), [""; 0]);
        let mut one = one;
        one.policy.select = vec!["N".to_owned()];
        let outcomes = one.report().outcomes;
        assert_eq!((outcomes.passed, outcomes.failed, outcomes.skipped), (0, 0, 0));
        assert!(outcomes.not_applicable > 0);
    }
}
