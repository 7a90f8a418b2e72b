//! K015: super-admin.conf is kept off the nodes.

use std::collections::BTreeSet;

use super::super::{Answers, Estate, NodeKind, Place, Record, Role};
use super::remedy::{ASIDE, Cure};
use super::{Check, Citation, Rule, Severity};

pub(super) static RULE: Rule = Rule {
    id: "K015",
    name: "super-admin",
    title: "super-admin.conf lies on a node",
    severity: Severity::High,
    citations: &[
        Citation::page(
            "kubernetes/kubernetes#121305",
            "https://github.com/kubernetes/kubernetes/pull/121305",
        ),
        Citation::page("kubermatic/kubeone#3082", "https://github.com/kubermatic/kubeone/issues/3082"),
        Citation::page(
            "Kubernetes: PKI certificates and requirements",
            "https://kubernetes.io/docs/setup/best-practices/certificates/#configure-certificates-for-user-accounts",
        ),
    ],
    explanation: "Whoever reads it is the cluster's administrator, whom RBAC cannot bind and whom nothing revokes but a new CA. kubeadm \
                  writes it on the first control plane, for the day on which RBAC is broken; nothing that runs needs it. On several \
                  nodes somebody has copied it.",
    fix: "Move it off the node to a safe place: copy FILE there, check the copy with `kubectl --kubeconfig COPY auth whoami`, and remove \
          it with `shred -u FILE`.",
    applies_to: "super-admin.conf",
    check: Check::Estate(check),
};

fn check(estate: &Estate<'_>, answers: &mut Answers) {
    let mut found: Vec<(usize, usize)> = Vec::new();
    for (number, node) in estate.nodes.iter().enumerate() {
        // In the store beside the nodes it is where it should be.
        let is_node = node.kind != NodeKind::Store;
        for (record, _) in node.records.clone().zip(estate.of(node)).filter(|(_, record)| is_one(record)) {
            answers.look();
            if is_node {
                found.push((number, record));
            }
        }
    }
    let nodes: BTreeSet<usize> = found.iter().map(|(node, _)| *node).collect();
    for (_, record) in found {
        if nodes.len() > 1 {
            answers
                .fail(
                    Place::record(record),
                    format!("super-admin.conf lies here, and on {} nodes in all", nodes.len()),
                )
                .fix(cure());
        } else {
            // One of them is what kubeadm init itself leaves.
            answers
                .fail(Place::record(record), "super-admin.conf lies here")
                .severity(Severity::Medium)
                .fix(cure());
        }
    }
}

/// It goes off the node.
fn cure() -> Cure {
    Cure::words("Put it aside, and from there bring it off the node to a safe place, for the day on which RBAC is broken:")
        .aside()
        .say(ASIDE)
}

/// Whether it is the client certificate of a super-admin.conf. k3s keeps its own administrator elsewhere, and needs it.
fn is_one(record: &Record) -> bool {
    let name = record.location.path.rsplit('/').next().unwrap_or_default();
    record.certificate.as_ref().is_some_and(|certificate| certificate.position == 0)
        && record.roles.contains(&Role::SuperAdmin)
        && name.starts_with("super-admin")
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::tree::{Tree, findings};

    #[test]
    fn one_is_left_by_kubeadm_and_two_by_somebody() {
        let first = Tree::control_plane();
        let found = first.findings("K015");
        assert_eq!(found.len(), 1);
        assert!(found[0].starts_with("medium etc/kubernetes/super-admin.conf:"), "{found:?}");
        assert!(found[0].ends_with(": super-admin.conf lies here"), "{found:?}");
        let first = first.named("cp1");
        let second = Tree::control_plane().named("cp2");
        let found = findings(&[&first, &second], "K015");
        assert_eq!(found.len(), 2);
        for (found, node) in found.iter().zip(["cp1", "cp2"]) {
            assert!(found.starts_with(&format!("high {node} etc/kubernetes/super-admin.conf:")), "{found}");
            assert!(found.ends_with(": super-admin.conf lies here, and on 2 nodes in all"), "{found}");
        }
        let mut without = second;
        without.remove("etc/kubernetes/super-admin.conf");
        assert_eq!(findings(&[&first, &without], "K015").len(), 1);
        assert_eq!(findings(&[&without], "K015"), [""; 0]);
    }

    #[test]
    fn beside_the_nodes_it_is_in_its_place() {
        let store = Tree::control_plane().into_store().named("users");
        let mut node = Tree::control_plane().named("cp1");
        node.remove("etc/kubernetes/super-admin.conf");
        assert_eq!(findings(&[&store, &node], "K015"), [""; 0]);
    }
}
