//! F006: a certificate without its key.

use super::files::{has_private_key, is_named_as_certificate, left_over, referenced, subject};
use super::remedy::Reissue;
use super::{Check, Citation, Rule, Severity};
use crate::audit::evidence::is_read_by_kubeadms;
use crate::audit::{Answers, Cert, File, FileKind, Node, NodeKind, Role, Scene};
use crate::layout::key_beside;
use crate::manifest::Component;

pub(super) static RULE: Rule = Rule {
    id: "F006",
    name: "orphan-certificate",
    title: "A certificate has no private key",
    severity: Severity::Medium,
    citations: &[
        Citation::page(
            "kubeadm: external CA mode",
            "https://kubernetes.io/docs/tasks/administer-cluster/kubeadm/kubeadm-certs/#external-ca-mode",
        ),
        Citation::page(
            "Kubernetes: PKI certificates and requirements",
            "https://kubernetes.io/docs/setup/best-practices/certificates/",
        ),
    ],
    explanation: "A leaf without its key is of no use where it lies: the component that is to show it does not start. A CA without its key is \
                  an external one: that is a good design, and means that nothing on this node can renew what it signed.",
    fix: "Put the key beside it that it was issued for, issue a new pair (`kpki issue PROFILE`), or remove the certificate. For an \
          external CA: renew with `kpki sign csr` where the CA's key is.",
    applies_to: "certificates of leaves in files of their own, and CAs of control planes",
    check: Check::Node(check),
};

fn check(scene: &Scene<'_>, answers: &mut Answers) {
    let node = scene.node;
    // The keys of users stay with the users, and the store beside the nodes may hold certificates alone.
    if node.kind == NodeKind::Store {
        return;
    }
    let referenced = referenced(node);
    for cert in node.certs().filter(|cert| cert.found().position == 0 && cert.item().place.field.is_none()) {
        let (index, file) = (cert.found().file, cert.file());
        if !is_named_as_certificate(file) || left_over(node, file).is_some() {
            continue;
        }
        let has_key = has_private_key(node, &cert.spki());
        if cert.is_ca() {
            if has_key || is_external(node, cert) {
                answers.look();
            }
            if !has_key && is_external(node, cert) {
                let message = format!(
                    "no private key goes with this CA ({}): what it signed is renewed elsewhere",
                    subject(cert)
                );
                answers.fail(cert.place(), message).severity(Severity::Info).fix(
                    "Nothing has to be done where that is meant: what it signed is renewed with `kpki sign csr` where its key is.",
                );
            }
        } else if has_key {
            answers.look();
        } else if !referenced.contains(&index) {
            leaf(node, cert, file, answers);
        }
    }
}

/// Whether a CA's key would be here if it were anywhere: on a control plane, unless it is etcd's and etcd runs elsewhere.
fn is_external(node: &Node, cert: Cert<'_>) -> bool {
    let etcd_is_here = node.launch(Component::Etcd).is_some() || node.launch(Component::Apiserver).is_none();
    node.kind == NodeKind::ControlPlane
        && cert.roles().any(|role| role.is_ca() && (role != Role::EtcdCa || etcd_is_here))
}

fn leaf(node: &Node, cert: Cert<'_>, file: &File, answers: &mut Answers) {
    let place = cert.place();
    match node.key_file_beside(file) {
        Some((_, beside)) => {
            // Of a key that is another's, F004 tells; of a file that holds none, F002.
            if let FileKind::Regular(Err(reason)) = &beside.kind {
                answers.skip(place, format!("whether its key is in {} is not known: {reason}", beside.shown));
            }
        }
        None if file.on_node.parent().is_some_and(|directory| node.looked_through(directory)) => {
            let wanted = key_beside(&file.on_node);
            let wanted = wanted.file_name().unwrap_or_default().to_string_lossy();
            let message = format!(
                "no private key goes with this certificate ({}), and there is no {}",
                subject(cert),
                crate::x509::Printable(&wanted)
            );
            let first = "Put the key beside it that it was issued for; where that is lost, make both anew.";
            let fact = answers.fail(place, message);
            fact.fix(Reissue::default().with_new_key().first(first));
            // Whoever is to show it does not start.
            if node.kind == NodeKind::ControlPlane && is_read_by_kubeadms(&file.on_node) {
                fact.severity(Severity::High);
            }
        }
        None => answers.skip(place, "whether its key lies beside it is not known: give the whole directory"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::tree::{PKI, Tree};
    use super::*;

    #[test]
    fn what_kubeadm_writes_is_silent() {
        assert_eq!(Tree::control_plane().findings("F006"), [""; 0]);
        // A worker needs no CA's key.
        assert_eq!(Tree::worker().findings("F006"), [""; 0]);
    }

    #[test]
    fn a_leaf_without_its_key_fires() {
        let mut tree = Tree::control_plane();
        tree.leaf(&format!("{PKI}/web.crt"), "cn=web");
        assert_eq!(
            tree.findings("F006"),
            [
                "medium etc/kubernetes/pki/web.crt:1: no private key goes with this certificate (CN=web), and there is no web.key"
            ]
        );
        let key = tree.of(&format!("{PKI}/web.crt")).key_pem();
        tree.file(&format!("{PKI}/elsewhere.key"), 0o600, key);
        assert_eq!(tree.findings("F006"), [""; 0]);
    }

    #[test]
    fn in_its_place_it_keeps_its_component_from_starting() {
        let mut tree = Tree::control_plane();
        for manifest in ["kube-apiserver", "kube-controller-manager", "kube-scheduler", "etcd"] {
            tree.remove(&format!("etc/kubernetes/manifests/{manifest}.yaml"));
        }
        tree.remove(&format!("{PKI}/apiserver.key"));
        assert_eq!(
            tree.findings("F006"),
            [
                "high etc/kubernetes/pki/apiserver.crt:1: no private key goes with this certificate (CN=kube-apiserver), and there is no \
                 apiserver.key"
            ]
        );
    }

    #[test]
    fn an_external_ca_is_told() {
        let mut tree = Tree::control_plane();
        tree.remove(&format!("{PKI}/ca.key"));
        assert_eq!(
            tree.findings("F006"),
            [
                "info etc/kubernetes/pki/ca.crt:1: no private key goes with this CA (CN=kubernetes): what it signed is renewed elsewhere"
            ]
        );
    }

    #[test]
    fn etcd_s_ca_is_no_external_one_where_etcd_runs_elsewhere() {
        let mut tree = Tree::control_plane();
        tree.remove(&format!("{PKI}/etcd/ca.key"));
        assert_eq!(tree.findings("F006").len(), 1);
        tree.remove("etc/kubernetes/manifests/etcd.yaml");
        assert_eq!(tree.findings("F006"), [""; 0]);
    }

    #[test]
    fn what_lies_beside_must_have_been_looked_at() {
        let mut tree = Tree::control_plane();
        tree.leaf(&format!("{PKI}/web.crt"), "cn=web");
        tree.unread(&format!("{PKI}/web.key"), "it may not be read by this user");
        assert_eq!(tree.findings("F006"), [""; 0]);
        assert_eq!(
            tree.skipped("F006"),
            [
                "etc/kubernetes/pki/web.crt: whether its key is in etc/kubernetes/pki/web.key is not known: it may not be read by this user"
            ]
        );
        let mut alone = Tree::empty();
        alone.file("web.crt", 0o644, tree.of(&format!("{PKI}/web.crt")).pem());
        assert_eq!(
            alone.skipped("F006"),
            ["web.crt: whether its key lies beside it is not known: give the whole directory"]
        );
        assert!(alone.into_store().not_applicable(&RULE));
    }
}
