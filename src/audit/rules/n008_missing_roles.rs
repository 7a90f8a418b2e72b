//! N008: nodes of one kind have the same files.

use std::collections::{BTreeMap, BTreeSet};

use super::super::{Answers, Estate, NodeKind, NodeSummary, Place, RecordKind, Role, Use};
use super::between::{listed, name, nodes};
use super::{Check, Citation, Rule, Severity};

pub(super) static RULE: Rule = Rule {
    id: "N008",
    name: "missing-roles",
    title: "A node lacks what the others of its kind have",
    severity: Severity::Medium,
    citations: &[Citation::page(
        "Kubernetes: PKI certificates and requirements",
        "https://kubernetes.io/docs/setup/best-practices/certificates/#all-certificates",
    )],
    explanation: "Nodes of one kind run the same components with the same files. What only one of them lacks was lost there, or it \
                  was not given to this audit, and then nothing else was said about it.",
    fix: "Make it on that node (`kubeadm init phase certs`, `kubeadm init phase kubeconfig`, or `kpki issue`), or give it to the \
          audit as well.",
    applies_to: "nodes of the same kind",
    check: Check::Estate(check),
};

/// Nodes that should have the same: control planes with an etcd of their own, control planes without, nodes of etcd, workers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Stacked,
    External,
    Etcd,
    Worker,
}

/// A node with its number and the parts for which it has files.
type Own<'a> = (usize, &'a NodeSummary, BTreeSet<Role>);

fn check(estate: &Estate<'_>, answers: &mut Answers) {
    let mut kinds: BTreeMap<Kind, Vec<Own<'_>>> = BTreeMap::new();
    for (number, node) in nodes(estate) {
        let roles = roles(estate, node);
        let has_etcd = roles.contains(&Role::EtcdServer) || roles.contains(&Role::EtcdPeer);
        let kind = match node.kind {
            NodeKind::ControlPlane if has_etcd => Kind::Stacked,
            NodeKind::ControlPlane => Kind::External,
            NodeKind::Etcd => Kind::Etcd,
            NodeKind::Worker => Kind::Worker,
            NodeKind::Store | NodeKind::Unknown => continue,
        };
        kinds.entry(kind).or_default().push((number, node, roles));
    }
    for nodes in kinds.values().filter(|nodes| nodes.len() > 1) {
        answers.look();
        // What at least half of them have belongs there.
        let mut counts: BTreeMap<Role, (usize, &str)> = BTreeMap::new();
        for (_, node, roles) in nodes {
            for role in roles {
                counts.entry(*role).or_insert((0, name(node))).0 += 1;
            }
        }
        counts.retain(|_, (count, _)| *count * 2 >= nodes.len());
        for (number, _, roles) in nodes {
            let missing: Vec<(&str, &str)> = counts
                .iter()
                .filter(|(role, _)| !roles.contains(role))
                .map(|(role, (_, other))| (role.name(), *other))
                .collect();
            let Some((_, other)) = missing.first() else { continue };
            let missing: Vec<&str> = missing.iter().map(|(role, _)| *role).collect();
            let message = format!("it has no {}, and others of its kind have ({other})", listed(&missing));
            answers.fail(Place::node(*number), message);
        }
    }
}

/// The parts for which a node has a certificate, and the key for tokens.
fn roles(estate: &Estate<'_>, node: &NodeSummary) -> BTreeSet<Role> {
    let mut found = BTreeSet::new();
    for record in estate.of(node).iter().filter(|record| record.usage != Use::Old) {
        let own = record.roles.iter().filter(|role| match role {
            // One node has it, or none: the first one's, persons', and what kubelets and components make for themselves.
            Role::SuperAdmin
            | Role::Component
            | Role::User
            | Role::KubeletServing
            | Role::ControllerManagerServing
            | Role::SchedulerServing => false,
            Role::ServiceAccount => record.kind == RecordKind::PrivateKey,
            // A CA in a kubeconfig is not the file of the CA; its key may be on one node only, or on none.
            role => {
                record.kind == RecordKind::Certificate && !(role.is_ca() && record.location.field.is_some())
            }
        });
        found.extend(own);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::tree::{PKI, Tree, findings};

    fn found(trees: &[Tree]) -> Vec<String> {
        findings(&trees.iter().collect::<Vec<_>>(), "N008")
    }

    #[test]
    fn what_one_lacks_is_named() {
        let mut trees = Tree::control_planes();
        assert_eq!(found(&trees), [""; 0]);
        trees[2].remove(&format!("{PKI}/front-proxy-client.crt"));
        trees[2].remove(&format!("{PKI}/sa.key"));
        assert_eq!(
            found(&trees),
            ["medium cp3 : it has no front-proxy-client, service-account, and others of its kind have (cp1)"]
        );
    }

    #[test]
    fn keys_of_cas_may_be_on_one_node_only() {
        let mut trees = Tree::control_planes();
        for ca in ["ca", "front-proxy-ca", "etcd/ca"] {
            trees[1].remove(&format!("{PKI}/{ca}.key"));
        }
        assert_eq!(found(&trees), [""; 0]);
    }

    #[test]
    fn another_kind_is_not_compared() {
        let mut trees = Tree::control_planes();
        for file in ["server", "peer", "healthcheck-client"] {
            trees[2].remove(&format!("{PKI}/etcd/{file}.crt"));
        }
        let [first, second, third] = &trees;
        let worker = Tree::worker().named("w1");
        assert_eq!(findings(&[first, second, third, &worker], "N008"), [""; 0]);
        let mut without = Tree::control_planes();
        without[0].remove(&format!("{PKI}/front-proxy-client.crt"));
        let store = without[0].clone().named("ca").into_store();
        assert_eq!(findings(&[first, second, &store], "N008"), [""; 0]);
    }
}
