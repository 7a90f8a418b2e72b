//! M010: pods can verify the API server.

use super::launches::whole;
use super::references::{MOST_ANCHORS, certificates, leads_to, said, subject, subjects};
use super::remedy::{Cure, Edit};
use super::{Answers, Check, Citation, Rule, Severity};
use crate::audit::{Cert, Node, Role, Scene, Signer, Signing};
use crate::manifest::Component;

pub(super) static RULE: Rule = Rule {
    id: "M010",
    name: "root-ca",
    title: "The CA that pods are given does not verify the API server",
    severity: Severity::High,
    citations: &[
        Citation::page("CIS Kubernetes Benchmark 1.3.5", "https://www.cisecurity.org/benchmark/kubernetes"),
        Citation::page(
            "kube-controller-manager reference: --root-ca-file",
            "https://kubernetes.io/docs/reference/command-line-tools-reference/kube-controller-manager/",
        ),
    ],
    explanation: "The controller manager writes the file of `--root-ca-file` into the ConfigMap kube-root-ca.crt of every namespace, and every \
                  pod verifies the API server by it. With another CA in it, every client in the cluster fails at the next \
                  start, or turns verification off.",
    fix: "Name the CA of the API server's certificate in FILE as `--root-ca-file`; during a rotation name a file with the old and the new one.",
    applies_to: "the controller manager's flags",
    check: Check::Node(check),
};

fn check(scene: &Scene<'_>, answers: &mut Answers) {
    let node = scene.node;
    let Some(reference) = node.reference(Component::ControllerManager, "root-ca-file") else {
        if let Some(launch) = whole(node, Component::ControllerManager, answers) {
            let message = "kube-controller-manager has no --root-ca-file: pods are given no CA to verify the API server by";
            let fact = answers.fail(launch.file, message).severity(Severity::Medium);
            let ca = serving(node).and_then(|leaf| file_of_issuer(leaf)).or_else(|| {
                let ca = node.with_role(Role::KubernetesCa).find(|ca| ca.item().place.field.is_none())?;
                Some(ca.found().file)
            });
            if let Some(ca) = ca {
                fact.fix(Cure::default().flags([Edit::name(
                    Component::ControllerManager,
                    "root-ca-file",
                    ca,
                )]));
            }
        }
        return;
    };
    let Some(anchors) = certificates(node, reference, answers) else { return };
    let Some(leaf) = serving(node) else {
        answers.skip(reference, "the API server's certificate was not given");
        return;
    };
    if is_strangers(leaf) {
        return;
    }
    answers.look();
    if leads_to(leaf, &anchors) == Some(false) {
        let message =
            format!("{} ({}), which does not verify {}", said(reference), subjects(&anchors), subject(leaf));
        let fact = answers.fail(reference, message);
        if let Some(ca) = file_of_issuer(leaf) {
            let first = "Name the CA of the API server's certificate; during a rotation name a file with the old and the new one:";
            fact.fix(Cure::words(first).flags([Edit::name(
                Component::ControllerManager,
                "root-ca-file",
                ca,
            )]));
        }
    }
}

/// Whether a certificate comes from none of the cluster's CAs: whoever trusts those is right, and the rules of chains (C001, C002,
/// C005) tell what is wrong.
pub(super) fn is_strangers(leaf: Cert<'_>) -> bool {
    if matches!(leaf.found().signing, Signing::By(Signer::Elsewhere(_)) | Signing::NotChecked) {
        return false;
    }
    let anchors: Vec<Cert<'_>> = leaf
        .node
        .with_role(Role::KubernetesCa)
        .filter(|cert| cert.item().place.field.is_none())
        .take(MOST_ANCHORS)
        .collect();
    !anchors.is_empty() && leads_to(leaf, &anchors) == Some(false)
}

/// The file of the certificate's CA, where it has one of its own.
pub(super) fn file_of_issuer(leaf: Cert<'_>) -> Option<usize> {
    let issuer = leaf.issuer_here().filter(|issuer| issuer.index != leaf.index)?;
    let own = |ca: &Cert<'_>| ca.item().place.field.is_none() && ca.found().position == 0 && ca.is_ca();
    let same = leaf.node.certs_with_key(&issuer.found().spki).take(MOST_ANCHORS).find(own);
    Some(issuer).filter(own).or(same).map(|ca| ca.found().file)
}

/// The certificate with which the API server serves: the one that its flag names, or the one in its place.
pub(super) fn serving(node: &Node) -> Option<Cert<'_>> {
    let named = node.reference(Component::Apiserver, "tls-cert-file");
    let named = named.and_then(|reference| node.referenced_certs(reference).first().copied());
    named.or_else(|| node.with_role(Role::Apiserver).find(|cert| cert.found().position == 0))
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::tree::{PKI, Tree};
    use super::*;

    const MANAGER: &str = "etc/kubernetes/manifests/kube-controller-manager.yaml";

    #[test]
    fn another_ca_fires() {
        let mut tree = Tree::control_plane();
        assert_eq!((tree.findings(RULE.id), tree.skipped(RULE.id)), (vec![], vec![]));
        tree.flag("kube-controller-manager", "--root-ca-file=/etc/kubernetes/pki/etcd/ca.crt");
        assert_eq!(
            tree.findings(RULE.id),
            [format!(
                "high {MANAGER}:13: --root-ca-file names /etc/kubernetes/pki/etcd/ca.crt (CN=etcd-ca), which does not verify \
                      CN=kube-apiserver"
            )]
        );
        tree.no_flag("kube-controller-manager", "--root-ca-file");
        assert_eq!(
            tree.findings(RULE.id),
            [format!(
                "medium {MANAGER}: kube-controller-manager has no --root-ca-file: pods are given no CA to verify the API server by"
            )]
        );
    }

    #[test]
    fn a_new_ca_of_the_same_name_fires_and_both_together_do_not() {
        let mut tree = Tree::control_plane();
        let new = crate::forge::ca("cn=kubernetes key=p256:new");
        tree.put(&format!("{PKI}/new-ca.crt"), new, "");
        tree.flag("kube-controller-manager", "--root-ca-file=/etc/kubernetes/pki/new-ca.crt");
        assert_eq!(tree.findings(RULE.id).len(), 1);
        let both = tree.text(&format!("{PKI}/new-ca.crt")) + &tree.text(&format!("{PKI}/ca.crt"));
        tree.file(&format!("{PKI}/new-ca.crt"), 0o644, both);
        assert_eq!(tree.findings(RULE.id), [""; 0]);
    }

    #[test]
    fn without_the_api_servers_certificate_it_is_skipped() {
        let mut tree = Tree::control_plane();
        tree.remove(&format!("{PKI}/apiserver.crt"));
        assert_eq!(tree.skipped(RULE.id), [format!("{MANAGER}: the API server's certificate was not given")]);
        assert!(Tree::worker().not_applicable(&RULE));
    }
}
