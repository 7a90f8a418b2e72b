//! C013: etcd trusts the CA of the whole cluster.

use std::collections::HashSet;

use super::super::{Answers, Cert, Scene};
use super::distinct::{Certificates, Distinct, Use};
use super::references::has_one_authority;
use super::remedy::{Reissue, own_authority};
use super::{Check, Citation, Role, Rule, Severity};
use crate::layout::Authority;

pub(super) static RULE: Rule = Rule {
    id: "C013",
    name: "etcd-under-kubernetes",
    title: "etcd and Kubernetes share a CA",
    severity: Severity::High,
    citations: &[
        Citation::page("CIS Kubernetes Benchmark 2.7", "https://www.cisecurity.org/benchmark/kubernetes"),
        Citation::page(
            "Kubernetes: PKI certificates and requirements",
            "https://kubernetes.io/docs/setup/best-practices/certificates/#single-root-ca",
        ),
    ],
    explanation: "etcd asks of its clients one thing: a certificate of its CA. Where that is the CA of Kubernetes, every user, every \
                  kubelet and every pod with a client certificate can read and write the whole state of the cluster, \
                  secrets included, past the API server.",
    fix: "Give etcd a CA of its own (`kpki ca init etcd --dir NEW`), issue its servers, peers and clients under that one, and name it \
          in `--trusted-ca-file`, `--peer-trusted-ca-file` and `--etcd-cafile`.",
    applies_to: "the CA of etcd, and its servers, peers and clients",
    check: Check::Node(check),
};

fn check(scene: &Scene<'_>, answers: &mut Answers) {
    let certificates = Certificates::of(scene.node);
    let in_use = |role| certificates.with_role(role).filter(|one| one.usage != Use::Old).take(64);
    let kubernetes: Vec<&Distinct<'_>> = in_use(Role::KubernetesCa).collect();
    let Some(first) = kubernetes.first() else { return };
    let of_kubernetes = |key: [u8; 32]| kubernetes.iter().any(|ca| ca.cert.spki() == key);
    let signers: HashSet<[u8; 32]> = [Role::EtcdServer, Role::EtcdPeer]
        .into_iter()
        .flat_map(in_use)
        .filter_map(|leaf| leaf.cert.issuer_here().map(Cert::spki))
        .collect();
    let mut shared = false;
    for ca in in_use(Role::EtcdCa) {
        answers.look();
        // A flag that names the wrong CA makes none of it (M011).
        let is_etcds = signers.is_empty() || signers.contains(&ca.cert.spki());
        if !of_kubernetes(ca.cert.spki()) || !is_etcds {
            continue;
        }
        shared = true;
        let message = if ca.roles.contains(&Role::KubernetesCa) {
            "it is the CA of etcd and of Kubernetes".to_owned()
        } else {
            format!("its key is that of the CA of Kubernetes, in {}", first.cert.file().shown)
        };
        let fact = answers.fail(ca, format!("{message}{}", ca.elsewhere()));
        if has_one_authority(scene.node) {
            fact.severity(Severity::Medium);
        }
        let leaves: Vec<Cert<'_>> =
            [Role::EtcdServer, Role::EtcdPeer, Role::EtcdClient, Role::ApiserverEtcdClient]
                .into_iter()
                .flat_map(in_use)
                .map(|leaf| leaf.cert)
                .collect();
        if let Some(cure) = own_authority(ca, Role::EtcdCa, "etcd", &leaves) {
            fact.fix(cure.say(
                "Then restart etcd and the API server. Where there are several members, first let all of them trust both CAs: \
                 https://kubernetes.io/docs/tasks/tls/manual-rotation-of-ca-certificates/ has the steps.",
            ));
        }
    }
    let roles = [Role::EtcdServer, Role::EtcdPeer, Role::EtcdClient, Role::ApiserverEtcdClient];
    for leaf in roles.into_iter().flat_map(in_use) {
        answers.look();
        let by_kubernetes = leaf.cert.issuer_here().is_some_and(|issuer| of_kubernetes(issuer.spki()));
        // One of another part that a flag names for etcd is M003's.
        let own = leaf.cert.own_role().and_then(Role::authority);
        let is_etcds = own.is_none_or(|own| own == Authority::Etcd);
        if by_kubernetes && !shared && is_etcds {
            let role = leaf.role().map_or_else(String::new, |role| format!("the {role} certificate "));
            let fact = answers
                .fail(leaf, format!("{role}is signed by the CA of Kubernetes{}", leaf.elsewhere()))
                .fix(Reissue::default());
            if has_one_authority(scene.node) {
                fact.severity(Severity::Medium);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::tree::{PKI, Tree};
    use super::*;

    #[test]
    fn one_ca_for_both_fires_once() {
        let mut tree = Tree::control_plane();
        assert_eq!(tree.findings("C013"), [""; 0]);
        tree.file(&format!("{PKI}/etcd/ca.crt"), 0o644, tree.ca("ca").pem());
        tree.put(
            &format!("{PKI}/etcd/server.crt"),
            tree.ca("ca").leaf("cn=a eku=server,client key=p256:etcd/server"),
            "",
        );
        let found = tree.findings("C013");
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(
            found[0].starts_with("high etc/kubernetes/pki/ca.crt:1: it is the CA of etcd and of Kubernetes"),
            "{found:?}"
        );
        let other = tree.ca("ca").reissue("cn=etcd-ca");
        tree.file(&format!("{PKI}/etcd/ca.crt"), 0o644, other.pem());
        assert_eq!(
            tree.findings("C013"),
            ["high etc/kubernetes/pki/etcd/ca.crt:1: its key is that of the CA of Kubernetes, in \
                 etc/kubernetes/pki/ca.crt"]
        );
    }

    #[test]
    fn a_leaf_of_etcd_under_the_other_ca_fires() {
        let mut tree = Tree::control_plane();
        let leaf = tree.ca("ca").leaf("cn=a eku=server,client key=p256:etcd/server");
        tree.put(&format!("{PKI}/etcd/server.crt"), leaf, "");
        assert_eq!(
            tree.findings("C013"),
            [
                "high etc/kubernetes/pki/etcd/server.crt:1: the etcd-server certificate is signed by the CA of Kubernetes"
            ]
        );
        assert!(Tree::worker().not_applicable(&RULE));
    }
}
