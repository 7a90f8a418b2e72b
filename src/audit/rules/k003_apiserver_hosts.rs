//! K003: the hosts by which nodes and people call the API server.

use std::collections::BTreeMap;

use super::super::{Answers, Cert, Node, Scene};
use super::apiserver::{NO_MANIFEST, advertised, certificates, names_with_sni};
use super::names::host_of;
use super::{Check, Citation, Rule, Severity};
use crate::manifest::Component;
use crate::x509::{Printable, TbsCertificate};

pub(super) static RULE: Rule = Rule {
    id: "K003",
    name: "apiserver-hosts",
    title: "The API server's certificate lacks a host by which it is called",
    severity: Severity::High,
    citations: &[
        Citation::page(
            "Kubernetes: PKI certificates and requirements",
            "https://kubernetes.io/docs/setup/best-practices/certificates/#all-certificates",
        ),
        Citation::page("kubernetes/kubeadm#1447", "https://github.com/kubernetes/kubeadm/issues/1447"),
        Citation::page(
            "kubernetes-sigs/kubespray#4775",
            "https://github.com/kubernetes-sigs/kubespray/issues/4775",
        ),
    ],
    explanation: "A client refuses a certificate that is not for the host in its URL: kubelets stop to report, and kubectl says \
                  that the certificate is valid for other names. That happens after the address of a node or the load \
                  balancer changed, and where a kubeconfig names an endpoint that the certificate was never made for.",
    fix: "Issue it again with that host as well: `kpki issue apiserver --san NAME --out FILE --force`, one `--san` for \
          each name that it has now and each that is missing, and restart the API server.",
    applies_to: "API servers' certificates",
    check: Check::Node(check),
};

/// The most kubeconfigs of a node that are asked for the API server's host.
const MOST_KUBECONFIGS: usize = 64;

fn check(scene: &Scene<'_>, answers: &mut Answers) {
    let node = scene.node;
    for cert in certificates(node) {
        if node.pod(Component::Apiserver).is_none() {
            answers.skip(cert, format!("the address that it advertises is not known: {NO_MANIFEST}"));
        }
        let hosts = hosts(node, cert);
        if hosts.is_empty() {
            continue;
        }
        answers.look();
        let names = names_with_sni(node, cert);
        for (host, (severity, why)) in hosts.iter().filter(|(host, _)| !names.cover(host)) {
            answers.fail(cert, format!("it is not for {}, {why}", Printable(host))).severity(*severity);
        }
    }
}

/// The hosts by which it is called, each with how bad it is where it is missing, and who calls it so.
fn hosts(node: &Node, cert: Cert<'_>) -> BTreeMap<String, (Severity, String)> {
    let mut hosts = BTreeMap::new();
    let signers = cert.signers();
    // Not high as in the catalogue: kubeadm puts the node's name in, but whoever calls a server by it has a kubeconfig that says so.
    for name in node.host_names() {
        hosts.insert(name.to_lowercase(), (Severity::Medium, "the node's name".to_owned()));
    }
    for &file in node.kubeconfigs.iter().take(MOST_KUBECONFIGS) {
        let Some(kubeconfig) = node.kubeconfig(file) else { continue };
        let (_, Some(cluster), _) = node.current_context(kubeconfig) else { continue };
        // It may be that of another cluster, or trust another CA: that is a matter of its own.
        let trusted = node.kubeconfig_authorities(file, cluster);
        let trusts =
            |signer: &&TbsCertificate| trusted.iter().any(|own| own.tbs().public_key == signer.public_key);
        if cluster.insecure || !signers.iter().any(trusts) {
            continue;
        }
        let host = cluster.tls_server_name.as_deref().or_else(|| host_of(cluster.server.as_deref()?));
        let Some(host) = host else { continue };
        let path = node.files.get(file).map(|file| &*file.shown).unwrap_or_default();
        hosts.insert(host.to_lowercase(), (Severity::High, format!("the server in {path}")));
    }
    if let Some((_, ip)) = advertised(node) {
        hosts.insert(
            ip.to_string(),
            (Severity::High, "the address that the API server advertises".to_owned()),
        );
    }
    hosts
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::tree::{PKI, Tree};
    use super::*;

    const AT: &str = "etc/kubernetes/pki/apiserver.crt:1: it is not for";

    #[test]
    fn the_address_and_the_name_of_the_node_are_needed() {
        let mut tree = Tree::control_plane();
        assert_eq!(tree.findings("K003"), [""; 0]);
        assert_eq!(tree.skipped("K003"), [""; 0]);
        tree.flag("kube-apiserver", "--advertise-address=10.0.0.20");
        assert_eq!(
            tree.findings("K003"),
            [format!("high {AT} 10.0.0.20, the address that the API server advertises")]
        );
        let mut tree = Tree::control_plane();
        tree.certificate(&format!("{PKI}/apiserver.crt"), "sans=ip:10.0.0.10,ip:10.96.0.1");
        assert_eq!(tree.findings("K003"), [format!("medium {AT} cp1.example.com, the node's name")]);
    }

    #[test]
    fn the_servers_of_kubeconfigs_are_needed() {
        let mut tree = Tree::control_plane();
        tree.replace("etc/kubernetes/admin.conf", "https://10.0.0.10:6443", "https://API.example.com:6443");
        let finding = format!("high {AT} api.example.com, the server in etc/kubernetes/admin.conf");
        assert_eq!(tree.findings("K003"), [finding.clone()]);
        // Another certificate may be shown for that name.
        let mut with_sni = tree.clone();
        with_sni.leaf(&format!("{PKI}/front.crt"), "cn=front sans=dns:api.example.com key=p256:front");
        with_sni.flag(
            "kube-apiserver",
            "--tls-sni-cert-key=/etc/kubernetes/pki/front.crt,/etc/kubernetes/pki/front.key",
        );
        assert_eq!(with_sni.findings("K003"), [""; 0]);
        // A kubeconfig of another cluster says nothing of this one.
        let other = Tree::control_plane().ca("front-proxy-ca").pem();
        tree.file("etc/kubernetes/other.crt", 0o644, other);
        let text = super::super::super::testing::tree::kubeconfig(
            "other",
            "certificate-authority: other.crt",
            &["token: x".to_owned()],
        );
        tree.file("etc/kubernetes/other.conf", 0o600, text.replace("10.0.0.10", "192.0.2.99"));
        assert_eq!(tree.findings("K003"), [finding]);
    }

    #[test]
    fn what_was_put_aside_is_not_judged() {
        let mut tree = Tree::control_plane();
        let words = "cn=kube-apiserver eku=server sans=ip:10.0.0.9 key=p256:before";
        tree.leaf("etc/kubernetes/pki.bak/apiserver.crt", words);
        assert_eq!(tree.findings("K003"), [""; 0]);
        // Nor what lies beside the one that the manifest names.
        tree.leaf("etc/kubernetes/other/apiserver.crt", words);
        assert_eq!(tree.findings("K003"), [""; 0]);
        tree.remove("etc/kubernetes/manifests/kube-apiserver.yaml");
        assert_eq!(tree.findings("K003").len(), 2);
    }

    #[test]
    fn without_the_manifest_the_address_is_not_known() {
        let mut tree = Tree::control_plane();
        tree.remove("etc/kubernetes/manifests/kube-apiserver.yaml");
        assert_eq!(
            tree.skipped("K003"),
            [
                "etc/kubernetes/pki/apiserver.crt: the address that it advertises is not known: the API server's manifest was not given, \
              or cannot be read; give /etc/kubernetes/manifests as well"
            ]
        );
        assert!(Tree::worker().not_applicable(&RULE));
    }
}
