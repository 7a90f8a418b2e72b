//! E001: etcd can call itself.

use super::super::{Answers, Role, Scene};
use super::etcd::{Etcd, Side, may_be};
use super::subjects::in_use;
use super::{Check, Citation, Rule, Severity};
use crate::x509::ExtendedKeyUsage;

pub(super) static RULE: Rule = Rule {
    id: "E001",
    name: "gateway-client",
    title: "etcd's certificate does not let etcd call itself",
    severity: Severity::High,
    citations: &[
        Citation::page("etcd-io/etcd#9785", "https://github.com/etcd-io/etcd/issues/9785"),
        Citation::page("kubernetes/kubeadm#910", "https://github.com/kubernetes/kubeadm/issues/910"),
    ],
    explanation: "etcd's gateway for HTTP calls etcd's own gRPC port as a client, with the certificate of --client-cert-file or, \
                  without one, with that of --cert-file. Where client certificates are asked for and this one lacks clientAuth, \
                  every call is refused: the log fills with `bad certificate`, and whoever uses the gateway (some probes and \
                  backup tools) gets no answer.",
    fix: "Issue it again with both purposes: `kpki issue etcd-server NAME --san ip:ADDRESS --out FILE --force` writes them.",
    applies_to: "etcd that asks for client certificates",
    check: Check::Node(check),
};

fn check(scene: &Scene<'_>, answers: &mut Answers) {
    let Some(etcd) = Etcd::of(scene, answers) else {
        unsaid(scene, answers);
        return;
    };
    // On unless it is switched off (etcd's --enable-grpc-gateway).
    let gateway = etcd.value("enable-grpc-gateway").is_none() || etcd.is_on("enable-grpc-gateway");
    if !gateway || !etcd.verifies(Side::Clients) {
        return;
    }
    let flag = if etcd.value("client-cert-file").is_some() { "client-cert-file" } else { "cert-file" };
    let Some(cert) = etcd.certificate(flag, answers) else { return };
    answers.look();
    if !may_be(cert.tbs(), &ExtendedKeyUsage::ClientAuth) {
        answers.fail(
            cert,
            format!(
                "etcd calls itself with the certificate of --{flag}, and it lacks the purpose clientAuth"
            ),
        );
    }
}

/// Where nothing says how etcd runs, it runs as it does unless told otherwise.
fn unsaid(scene: &Scene<'_>, answers: &mut Answers) {
    for cert in in_use(scene.node, Role::EtcdServer) {
        if !may_be(cert.tbs(), &ExtendedKeyUsage::ClientAuth) {
            answers.fail(
                cert,
                "it lacks the purpose clientAuth, and etcd calls itself with it unless --client-cert-file or \
                 --enable-grpc-gateway=false says otherwise",
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::tree::{PKI, Tree};
    use super::*;

    #[test]
    fn a_server_that_is_no_client_fires() {
        let mut tree = Tree::control_plane();
        assert_eq!(tree.findings("E001"), [""; 0]);
        tree.certificate(&format!("{PKI}/etcd/server.crt"), "eku=server");
        let message =
            "etcd calls itself with the certificate of --cert-file, and it lacks the purpose clientAuth";
        assert_eq!(tree.findings("E001"), [format!("high etc/kubernetes/pki/etcd/server.crt:1: {message}")]);
        tree.flag("etcd", "--client-cert-file=/etc/kubernetes/pki/etcd/healthcheck-client.crt");
        assert_eq!(tree.findings("E001"), [""; 0]);
        tree.no_flag("etcd", "--client-cert-file");
        tree.flag("etcd", "--enable-grpc-gateway=false");
        assert!(tree.not_applicable(&RULE));
    }

    #[test]
    fn no_extension_is_every_purpose() {
        let mut tree = Tree::control_plane();
        tree.certificate(&format!("{PKI}/etcd/server.crt"), "eku=none");
        assert_eq!(tree.findings("E001"), [""; 0]);
        assert!(!tree.not_applicable(&RULE));
    }

    #[test]
    fn without_a_manifest_it_is_skipped() {
        assert!(Tree::worker().not_applicable(&RULE));
        let mut tree = Tree::control_plane();
        tree.remove("etc/kubernetes/manifests/etcd.yaml");
        let skipped = tree.skipped("E001");
        assert_eq!(skipped.len(), 1, "{skipped:?}");
        assert!(skipped[0].contains("how etcd runs is not known: give"), "{skipped:?}");
        let mut tree = Tree::control_plane();
        tree.remove(&format!("{PKI}/etcd/server.crt"));
        assert_eq!(
            tree.skipped("E001"),
            [
                "etc/kubernetes/manifests/etcd.yaml: --cert-file names /etc/kubernetes/pki/etcd/server.crt, which is not there"
            ]
        );
        let mut tree = Tree::control_plane();
        tree.flag("etcd", "--config-file=/etc/etcd.yaml");
        assert_eq!(
            tree.skipped("E001"),
            [
                "etc/kubernetes/manifests/etcd.yaml: how etcd runs is not known for certain: --config-file names /etc/etcd.yaml, where its pod mounts nothing of the node"
            ]
        );
    }
}
