//! M011: the API server and etcd verify each other.

use super::m010_root_ca::file_of_issuer;
use super::references::{certificates, leads_to, said, subject, subjects};
use super::remedy::{Cure, Edit, Reissue};
use super::{Answers, Check, Citation, Rule, Severity};
use crate::audit::{Cert, Node, Reference, Role, Scene};
use crate::layout::Authority;
use crate::manifest::Component;

pub(super) static RULE: Rule = Rule {
    id: "M011",
    name: "etcd-trust",
    title: "The API server and etcd do not verify each other",
    severity: Severity::High,
    citations: &[
        Citation::page(
            "Kubernetes: PKI certificates and requirements",
            "https://kubernetes.io/docs/setup/best-practices/certificates/#certificate-paths",
        ),
        Citation::page("etcd: transport security model", "https://etcd.io/docs/v3.6/op-guide/security/"),
    ],
    explanation: "Between the API server and etcd, and between etcd's members, both sides verify each other. Where the file of one side's CAs does \
                  not lead to the other's certificate, the connection fails, and the API server stands still with its storage.",
    fix: "Name the CA that signed the certificate in FILE; during a rotation name a file with the old and the new one.",
    applies_to: "the flags of the API server and of etcd",
    check: Check::Node(check),
};

fn check(scene: &Scene<'_>, answers: &mut Answers) {
    let node = scene.node;
    for (holder, trust, verified, flag, role) in [
        (Component::Apiserver, "etcd-cafile", Component::Etcd, "cert-file", Role::EtcdServer),
        (
            Component::Etcd,
            "trusted-ca-file",
            Component::Apiserver,
            "etcd-certfile",
            Role::ApiserverEtcdClient,
        ),
        // Every member is its own peer's likeness.
        (Component::Etcd, "peer-trusted-ca-file", Component::Etcd, "peer-cert-file", Role::EtcdPeer),
    ] {
        let Some(reference) = node.reference(holder, trust) else { continue };
        let Some(anchors) = certificates(node, reference, answers) else { continue };
        match leaf(node, verified, flag, role) {
            Some(leaf) => judge(reference, &anchors, (leaf, holder), answers),
            None => answers.skip(reference, format!("the certificate of {role} was not given")),
        }
    }
}

/// The certificate that a component's flag names, or the one in its place.
fn leaf<'a>(node: &'a Node, component: Component, flag: &str, role: Role) -> Option<Cert<'a>> {
    let named = node.reference(component, flag);
    let named = named.and_then(|reference| node.referenced_certs(reference).first().copied());
    named.or_else(|| node.with_role(role).find(|cert| cert.found().position == 0))
}

fn judge(
    reference: &Reference,
    anchors: &[Cert<'_>],
    (leaf, holder): (Cert<'_>, Component),
    answers: &mut Answers,
) {
    // M003 tells that it is the certificate of another part.
    let own = leaf.own_role().and_then(Role::authority);
    if own.is_some_and(|own| own != Authority::Etcd) {
        return;
    }
    answers.look();
    if leads_to(leaf, anchors) == Some(false) {
        let message = format!(
            "{} ({}), which does not verify {} ({})",
            said(reference),
            subjects(anchors),
            super::references::shown(&leaf.file().on_node),
            subject(leaf)
        );
        let fact = answers.fail(reference, message);
        // Where etcd's own CA has signed it, the flag is wrong, and otherwise the certificate.
        let issuer = leaf.issuer_here().filter(|issuer| issuer.place_role() == Some(Role::EtcdCa));
        match issuer.and_then(|_| file_of_issuer(leaf)) {
            Some(ca) => {
                let edit = Edit::name(holder, reference.flag.trim_start_matches('-'), ca);
                let first = "Name the CA that has signed it; during a rotation name a file with the old and the new one:";
                fact.fix(Cure::words(first).flags([edit]));
            }
            None => {
                fact.fix(Reissue::default().of(leaf));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::tree::{PKI, Tree};
    use super::*;

    #[test]
    fn a_ca_that_does_not_verify_the_other_side_fires() {
        let mut tree = Tree::control_plane();
        assert_eq!((tree.findings(RULE.id), tree.skipped(RULE.id)), (vec![], vec![]));
        for (component, flag) in
            [("kube-apiserver", "etcd-cafile"), ("etcd", "trusted-ca-file"), ("etcd", "peer-trusted-ca-file")]
        {
            tree.flag(component, &format!("--{flag}=/etc/kubernetes/pki/etcd/other.crt"));
        }
        tree.put(&format!("{PKI}/etcd/other.crt"), crate::forge::ca("cn=other"), "");
        let other =
            "names /etc/kubernetes/pki/etcd/other.crt (CN=other), which does not verify /etc/kubernetes/pki";
        assert_eq!(
            tree.findings(RULE.id),
            [
                format!(
                    "high etc/kubernetes/manifests/etcd.yaml:15: --peer-trusted-ca-file {other}/etcd/peer.crt (CN=cp1.example.com)"
                ),
                format!(
                    "high etc/kubernetes/manifests/etcd.yaml:16: --trusted-ca-file {other}/apiserver-etcd-client.crt (CN=kube-apiserver-etcd-client)"
                ),
                format!(
                    "high etc/kubernetes/manifests/kube-apiserver.yaml:15: --etcd-cafile {other}/etcd/server.crt (CN=cp1.example.com)"
                ),
            ]
        );
    }

    #[test]
    fn etcd_that_runs_elsewhere_is_skipped() {
        let mut tree = Tree::control_plane();
        tree.remove("etc/kubernetes/manifests/etcd.yaml");
        for name in ["server", "peer", "healthcheck-client"] {
            tree.remove(&format!("{PKI}/etcd/{name}.crt"));
        }
        assert_eq!(
            tree.skipped(RULE.id),
            ["etc/kubernetes/manifests/kube-apiserver.yaml: the certificate of etcd-server was not given"]
        );
        assert!(Tree::worker().not_applicable(&RULE));
    }
}
