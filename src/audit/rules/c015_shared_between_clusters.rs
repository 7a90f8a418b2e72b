//! C015: a CA that two clusters share.
//!
//! What is audited together is meant to be one cluster, so that two share a CA shows in one way: nodes whose Kubernetes CAs
//! have no key in common, and an etcd or front-proxy CA that has. The other way round, one Kubernetes CA and different ones
//! beside it, is how a single broken cluster looks, and N001's. A whole cluster copied with all of its CAs looks like one.

use std::collections::HashMap;

use super::super::{Answers, Estate, NodeKind, RecordKind, Use};
use super::{Check, Citation, Place, Role, Rule, Severity};

pub(super) static RULE: Rule = Rule {
    id: "C015",
    name: "shared-between-clusters",
    title: "Clusters share a CA",
    severity: Severity::High,
    citations: &[
        Citation::page(
            "Kubernetes: PKI certificates and requirements",
            "https://kubernetes.io/docs/setup/best-practices/certificates/",
        ),
        Citation::page(
            "Kubernetes: configure the aggregation layer",
            "https://kubernetes.io/docs/tasks/extend-kubernetes/configure-aggregation-layer/",
        ),
    ],
    explanation: "These nodes have different Kubernetes CAs, so they belong to two clusters, but their etcd or front proxy have one CA: \
                  a client certificate of one cluster's etcd opens the other's, and the front proxy of one is believed by \
                  the API server of the other. Or they are one cluster, and its Kubernetes CA differs between nodes: then \
                  N001 says so too.",
    fix: "Give each cluster CAs of its own: `kpki ca init --dir NEW`, and issue everything under them again.",
    applies_to: "several nodes with CAs of etcd or of the front proxy",
    check: Check::Estate(check),
};

/// The SHA-256 of a public key.
type Key = [u8; 32];

fn check(estate: &Estate<'_>, answers: &mut Answers) {
    // By part and key: the first node with that CA, and its Kubernetes CAs.
    let mut first: HashMap<(Role, Key), (&str, Vec<Key>)> = HashMap::new();
    for node in estate.nodes.iter().filter(|node| node.kind != NodeKind::Store) {
        let name = node.name.as_deref().unwrap_or("another node");
        let cas = |role: Role| {
            node.records.clone().zip(estate.of(node)).filter(move |(_, record)| {
                record.kind == RecordKind::Certificate
                    && record.usage != Use::Old
                    && record.roles.contains(&role)
            })
        };
        let mut own: Vec<Key> =
            cas(Role::KubernetesCa).filter_map(|(_, record)| record.key).take(64).collect();
        own.sort_unstable();
        own.dedup();
        if own.is_empty() {
            continue;
        }
        for (role, what) in [(Role::EtcdCa, "etcd"), (Role::FrontProxyCa, "the front proxy")] {
            let mut keys = Vec::new();
            for (number, key) in cas(role).filter_map(|(number, record)| Some((number, record.key?))).take(64)
            {
                if keys.contains(&key) {
                    continue;
                }
                keys.push(key);
                let (other, theirs) = first.entry((role, key)).or_insert_with(|| (name, own.clone()));
                if *other == name {
                    continue;
                }
                answers.look();
                if !theirs.iter().any(|key| own.contains(key)) {
                    let message =
                        format!("{other} has the same CA of {what}, and a Kubernetes CA with another key");
                    answers.fail(Place::record(number), message);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::tree::{PKI, Tree, findings};

    #[test]
    fn two_clusters_with_one_ca_of_etcd_fire() {
        let one = Tree::control_plane().named("a");
        let two = Tree::control_plane().named("b");
        assert_eq!(findings(&[&one, &two], "C015"), [""; 0]);
        let mut two = two;
        let other = two.ca("ca").rekey("");
        two.authority("ca", other);
        for file in ["admin.conf", "super-admin.conf", "controller-manager.conf", "scheduler.conf"] {
            two.kubeconfig(&format!("etc/kubernetes/{file}"), "cn=a eku=client");
        }
        two.remove("etc/kubernetes/kubelet.conf");
        assert_eq!(
            findings(&[&one, &two], "C015"),
            [
                "high b etc/kubernetes/pki/etcd/ca.crt:1: a has the same CA of etcd, and a Kubernetes CA with another key",
                "high b etc/kubernetes/pki/front-proxy-ca.crt:1: a has the same CA of the front proxy, and a Kubernetes CA \
                 with another key",
            ]
        );
        // While the Kubernetes CA is rotated, a node knows both.
        two.file(&format!("{PKI}/ca.crt"), 0o644, two.ca("ca").pem() + &one.ca("ca").pem());
        assert_eq!(findings(&[&one, &two], "C015"), [""; 0]);
        assert_eq!(findings(&[&one], "C015"), [""; 0]);
    }
}
