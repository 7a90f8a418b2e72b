//! F022: a CA's private key on a node that signs nothing.

use super::files::MOST_COPIES;
use super::remedy::{ASIDE, Cure};
use super::{Check, Citation, Rule, Severity};
use crate::audit::{Answers, FoundKey, Node, NodeKind, Role, Scene};

pub(super) static RULE: Rule = Rule {
    id: "F022",
    name: "needless-ca-key",
    title: "A CA's private key lies on a node that does not need it",
    severity: Severity::High,
    citations: &[
        Citation::page(
            "Kubernetes: PKI certificates and requirements, single root CA",
            "https://kubernetes.io/docs/setup/best-practices/certificates/#single-root-ca",
        ),
        Citation::page(
            "kubeadm: set up a high availability etcd cluster",
            "https://kubernetes.io/docs/setup/production-environment/tools/kubeadm/setup-ha-etcd-with-kubeadm/",
        ),
        Citation::page(
            "kubernetes/kubernetes#50832",
            "https://github.com/kubernetes/kubernetes/issues/50832",
        ),
    ],
    explanation: "Only control planes sign, and they only in the cluster's own way; a worker never does. Whoever takes over a worker with a CA's key \
                  is the administrator of the cluster for as long as that CA is trusted. kubeadm's way to an etcd cluster leaves etcd's CA key on \
                  each of its nodes, where it is needed for renewals alone.",
    fix: "Move the key off the node to where certificates are signed, unless it lies there already. If the node was in other hands, replace the CA.",
    applies_to: "private keys of workers and of nodes with etcd alone",
    check: Check::Node(check),
};

fn check(scene: &Scene<'_>, answers: &mut Answers) {
    let node = scene.node;
    let (here, etcd) = match node.kind {
        NodeKind::Worker if node.lacks_apiserver() => ("a worker", false),
        NodeKind::Etcd if node.lacks_apiserver() => ("a node with etcd alone", true),
        NodeKind::Worker | NodeKind::Etcd | NodeKind::ControlPlane | NodeKind::Store | NodeKind::Unknown => {
            return;
        }
    };
    for key in node.keys.iter().filter(|key| key.private) {
        answers.look();
        let Some((role, name)) = authority(node, key) else { continue };
        let fact =
            answers.fail(node.place_of_key(key), format!("the private key of a CA ({name}) lies on {here}"));
        fact.fix(
            Cure::words("Take it off the node. First put it aside:")
                .aside()
                .say("Bring it from there to where certificates are signed, unless it lies there already.")
                .say(ASIDE)
                .say("If the node was in other hands, replace the CA."),
        );
        if etcd && role == Some(Role::EtcdCa) {
            // kubeadm's own instructions leave it there.
            fact.severity(Severity::Medium);
        }
    }
}

/// The CA whose key it is: its role, and its name.
fn authority(node: &Node, key: &FoundKey) -> Option<(Option<Role>, String)> {
    let role = key.roles.iter().map(|(role, _)| *role).find(|role| role.is_ca());
    let cert =
        key.spki.and_then(|spki| node.certs_with_key(&spki).take(MOST_COPIES).find(|cert| cert.is_ca()));
    let role = role.or_else(|| cert.and_then(|cert| cert.roles().find(|role| role.is_ca())));
    match (cert, role) {
        (Some(cert), role) => Some((role, super::files::subject(cert))),
        // By its place alone: it is encrypted, or the certificate is not there. Another's key is F004's.
        (None, Some(role)) if key.spki.is_none_or(|spki| node.certs_with_key(&spki).next().is_none()) => {
            Some((Some(role), role.name().to_owned()))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::tree::{PKI, Tree};
    use super::*;

    #[test]
    fn a_worker_without_ca_keys_is_silent() {
        assert_eq!(Tree::worker().findings("F022"), [""; 0]);
    }

    #[test]
    fn a_ca_key_on_a_worker_fires_whatever_its_name() {
        for name in ["ca.key", "notes.txt"] {
            let mut tree = Tree::worker();
            tree.file(&format!("{PKI}/{name}"), 0o600, tree.ca("ca").key_pem());
            assert_eq!(
                tree.findings("F022"),
                [format!(
                    "high etc/kubernetes/pki/{name}:1: the private key of a CA (CN=kubernetes) lies on a worker"
                )]
            );
        }
        let mut tree = Tree::worker();
        tree.file(&format!("{PKI}/ca.key"), 0o600, super::super::files::testing::ENCRYPTED);
        assert_eq!(
            tree.findings("F022"),
            ["high etc/kubernetes/pki/ca.key:1: the private key of a CA (kubernetes-ca) lies on a worker"]
        );
    }

    #[test]
    fn etcd_s_own_is_less_bad_on_a_node_with_etcd_alone() {
        let good = Tree::control_plane();
        let mut tree = Tree::empty();
        for name in ["etcd/ca.crt", "etcd/ca.key", "etcd/server.crt", "etcd/server.key", "ca.crt", "ca.key"] {
            tree.file(&format!("{PKI}/{name}"), 0o600, good.text(&format!("{PKI}/{name}")));
        }
        tree.directory("etc/kubernetes/manifests");
        assert_eq!(tree.node().kind, NodeKind::Etcd);
        assert_eq!(
            tree.findings("F022"),
            [
                "high etc/kubernetes/pki/ca.key:1: the private key of a CA (CN=kubernetes) lies on a node with etcd alone",
                "medium etc/kubernetes/pki/etcd/ca.key:1: the private key of a CA (CN=etcd-ca) lies on a node with etcd alone",
            ]
        );
    }

    #[test]
    fn a_worker_is_known_by_what_is_seen() {
        let has_key = |change: fn(&mut Tree)| {
            let mut tree = Tree::worker();
            tree.file(&format!("{PKI}/ca.key"), 0o600, tree.ca("ca").key_pem());
            change(&mut tree);
            tree.findings("F022").len()
        };
        assert_eq!(has_key(|_| ()), 1);
        // Where only some files were given, the API server's may be among the others.
        assert_eq!(has_key(|tree| tree.remove("etc/kubernetes/manifests")), 0);
        // Workers have no administrators, and may have an API server that their units start.
        assert_eq!(
            has_key(|tree| tree
                .kubeconfig("etc/kubernetes/admin.conf", "cn=kubernetes-admin o=system:masters eku=client")),
            0
        );
        assert_eq!(
            has_key(|tree| tree.file(
                "etc/systemd/system/kube-apiserver.service",
                0o644,
                "[Service]\nExecStart=/opt/start\n"
            )),
            0
        );
    }

    #[test]
    fn control_planes_and_stores_need_theirs() {
        assert!(Tree::control_plane().not_applicable(&RULE));
        assert!(Tree::worker().into_store().not_applicable(&RULE));
    }
}
