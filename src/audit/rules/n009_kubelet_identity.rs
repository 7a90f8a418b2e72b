//! N009: each kubelet is itself.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use super::super::{Answers, Estate, Place, Role};
use super::between::{leaves, name, nodes};
use super::remedy::Reissue;
use super::{Check, Citation, Rule, Severity};

pub(super) static RULE: Rule = Rule {
    id: "N009",
    name: "kubelet-identity",
    title: "A kubelet has the identity of another node",
    severity: Severity::High,
    citations: &[
        Citation::page(
            "Kubernetes: using node authorization",
            "https://kubernetes.io/docs/reference/access-authn-authz/node/",
        ),
        Citation::page(
            "Kubernetes: PKI certificates and requirements",
            "https://kubernetes.io/docs/setup/best-practices/certificates/",
        ),
    ],
    explanation: "The API server gives a kubelet what belongs to the node that its certificate names: its pods, their Secrets, its \
                  own status. With another node's certificate it reads that node's Secrets and reports itself as that node; two \
                  of one name overwrite each other. It comes from images and disks that were cloned after a node had joined.",
    fix: "Remove the copy and let the node join again: `kubeadm reset`, then `kubeadm join`; or `kpki issue kubelet-client NODE \
          --kubeconfig /etc/kubernetes/kubelet.conf --force`.",
    applies_to: "the kubelets of several nodes",
    check: Check::Estate(check),
};

fn check(estate: &Estate<'_>, answers: &mut Answers) {
    // The nodes by the names of their trees, and the kubelets that say who they are: node, name there, record.
    let mut by_name: HashMap<String, &str> = HashMap::new();
    let mut said: Vec<(&str, String, usize)> = Vec::new();
    let mut holders: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for (_, node) in nodes(estate) {
        by_name.entry(first_label(name(node))).or_insert(name(node));
        let mut own: BTreeMap<String, usize> = BTreeMap::new();
        for (role, found) in leaves(estate, node) {
            let identity = identity(&found.certificate.subject)
                .filter(|_| matches!(role, Role::KubeletClient | Role::KubeletServing));
            if let Some(identity) = identity {
                own.entry(identity.to_owned()).or_insert(found.number);
            }
        }
        for (identity, record) in own {
            holders.entry(identity.clone()).or_default().push(name(node));
            said.push((name(node), identity, record));
        }
    }
    if nodes(estate).nth(1).is_none() || said.is_empty() {
        return;
    }
    answers.look();
    for (node, identity, record) in said {
        if first_label(node) == first_label(&identity) {
            continue;
        }
        let shared = holders.get(&identity).map(Vec::as_slice).unwrap_or_default();
        if let Some(other) = by_name.get(&first_label(&identity)) {
            let message = format!("its kubelet is system:node:{identity}, and {other} is another node");
            answers.fail(Place::record(record), message).fix(own(node));
        } else if let Some(other) = shared.first().filter(|other| **other != node) {
            let message = format!("its kubelet is system:node:{identity}, as that of {other} is");
            answers.fail(Place::record(record), message).fix(own(node));
        }
    }
}

/// The kubelet gets the identity of its own node.
fn own(node: &str) -> Reissue {
    let first = format!("Where the node is called {node} in the cluster, let its kubelet be that.");
    Reissue { called: Some(node.to_owned()), ..Reissue::default() }.first(first)
}

/// The node that a subject names, as it is shown: `CN=system:node:cp1,O=system:nodes`.
fn identity(subject: &str) -> Option<&str> {
    subject
        .split([',', '+'])
        .find_map(|part| part.trim().strip_prefix("CN=system:node:"))
        .filter(|name| !name.is_empty())
}

/// By what nodes are told apart: a tree is called cp1, and its node cp1.example.com. Addresses are not cut.
fn first_label(name: &str) -> String {
    if name.parse::<IpAddr>().is_ok() {
        return name.to_owned();
    }
    name.split('.').next().unwrap_or(name).to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::tree::{Tree, findings};
    use super::*;

    const CLIENT: &str = "var/lib/kubelet/pki/kubelet-client-2026-05-31-11-55-00.pem";

    fn worker(tree: &str, node: &str) -> Tree {
        let mut worker = Tree::worker().named(tree);
        worker.certificate(CLIENT, &format!("cn=system:node:{node} key=p256:{tree}"));
        let server = CLIENT.replace("client", "server");
        worker.certificate(&server, &format!("cn=system:node:{node} key=p256:{tree}-server"));
        worker
    }

    #[test]
    fn another_node_s_identity_fires() {
        let trees = [worker("w1", "w1.example.com"), worker("w2", "w1.example.com"), worker("w3", "W3")];
        assert_eq!(
            findings(&trees.iter().collect::<Vec<_>>(), "N009"),
            [format!(
                "high w2 {CLIENT}:1: its kubelet is system:node:w1.example.com, and w1 is another node"
            )]
        );
        let twins = [worker("a", "x"), worker("b", "x")];
        assert_eq!(
            findings(&twins.iter().collect::<Vec<_>>(), "N009"),
            [format!("high b {CLIENT}:1: its kubelet is system:node:x, as that of a is")]
        );
        let addresses = [worker("10.0.0.1", "10.0.0.1"), worker("10.0.0.2", "10.0.0.1")];
        assert_eq!(
            findings(&addresses.iter().collect::<Vec<_>>(), "N009"),
            [format!(
                "high 10.0.0.2 {CLIENT}:1: its kubelet is system:node:10.0.0.1, and 10.0.0.1 is another node"
            )]
        );
    }

    #[test]
    fn a_tree_may_be_called_anything() {
        let trees = [worker("first", "w1"), worker("second", "w2"), worker("10.0.0.2", "10.0.0.2")];
        assert_eq!(findings(&trees.iter().collect::<Vec<_>>(), "N009"), [""; 0]);
    }

    #[test]
    fn identities_are_read_from_subjects() {
        for (subject, name) in [
            ("CN=system:node:a.b,O=system:nodes", Some("a.b")),
            ("O=system:nodes,CN=system:node:a", Some("a")),
            ("O=system:nodes+CN=system:node:a", Some("a")),
            ("CN=system:node:", None),
            ("CN=a", None),
        ] {
            assert_eq!(identity(subject), name, "{subject}");
        }
    }
}
