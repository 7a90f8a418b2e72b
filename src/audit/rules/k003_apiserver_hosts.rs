//! K003: the hosts by which nodes and people call the API server.

use std::collections::HashSet;

use super::super::{Answers, Cert, Node, Scene};
use super::apiserver::{advertised, certificates, is_nameless, sni_names};
use super::names::{Names, host_of};
use super::remedy::{Reissue, name_of};
use super::{Check, Citation, Rule, Severity};
use crate::manifest::{By, Component};
use crate::x509::{Printable, PublicKey, SubjectAltName};

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
/// The most names of a node that are asked for.
const MOST_NAMES: usize = 16;

/// A host by which the API server is called.
struct Called<'a> {
    host: String,
    /// Who calls it so.
    why: String,
    severity: Severity,
    /// The keys that the caller trusts; none where that is not the point.
    trusted: Option<HashSet<&'a PublicKey>>,
}

fn check(scene: &Scene<'_>, answers: &mut Answers) {
    let node = scene.node;
    let certs: Vec<Cert<'_>> = certificates(node).filter(|cert| !is_nameless(*cert)).collect();
    if certs.is_empty() {
        return;
    }
    let (others, called) = (sni_names(node), called(node));
    for cert in certs {
        if node.whole_launch(Component::Apiserver).is_none() {
            answers.skip(cert, node.not_known(Component::Apiserver).1);
        }
        let names = Names::of(cert.tbs().extensions.names());
        let signers = cert.signers();
        for called in &called {
            // A kubeconfig may be that of another cluster, or trust another CA: that is a matter of its own.
            let trusts =
                |keys: &HashSet<&PublicKey>| signers.iter().any(|own| keys.contains(&own.public_key));
            if called.trusted.as_ref().is_some_and(|keys| !trusts(keys)) {
                continue;
            }
            answers.look();
            if !names.cover(&called.host) && !others.cover(&called.host) {
                let message = format!("it is not for {}, {}", Printable(&called.host), called.why);
                let names = name_of(&called.host).into_iter().collect();
                answers.fail(cert, message).severity(called.severity).fix(Reissue::with(names));
            }
        }
    }
}

/// The names and addresses by which the API server of a node is called.
pub(super) fn names(node: &Node) -> Vec<SubjectAltName> {
    called(node).iter().filter_map(|called| name_of(&called.host)).collect()
}

/// The hosts by which the API server is called, each once.
fn called(node: &Node) -> Vec<Called<'_>> {
    let mut called: Vec<Called<'_>> = Vec::new();
    if let Some((_, ip)) = advertised(node) {
        let why = "the address that the API server advertises".to_owned();
        called.push(Called { host: ip.to_string(), why, severity: Severity::High, trusted: None });
    }
    for &file in node.kubeconfigs.iter().take(MOST_KUBECONFIGS) {
        let Some(kubeconfig) = node.kubeconfig(file) else { continue };
        let (_, Some(cluster), _) = node.current_context(kubeconfig) else { continue };
        let host = cluster.tls_server_name.as_deref().or_else(|| host_of(cluster.server.as_deref()?));
        let Some(host) = host.map(str::to_lowercase).filter(|_| !cluster.insecure) else { continue };
        let trusted = node.kubeconfig_authorities(file, cluster);
        let trusted: HashSet<_> = trusted.into_iter().map(|cert| &cert.tbs().public_key).collect();
        if called
            .iter()
            .any(|other| other.host == host && other.trusted.as_ref().is_none_or(|other| *other == trusted))
        {
            continue;
        }
        let why =
            format!("the server in {}", node.files.get(file).map(|file| &*file.shown).unwrap_or_default());
        called.push(Called { host, why, severity: Severity::High, trusted: Some(trusted) });
    }
    // Not high as in the catalogue: kubeadm puts the node's name in, but whoever calls a server by it has a kubeconfig that says so.
    // Others do not put it in.
    if node.launch(Component::Apiserver).is_some_and(|launch| launch.by != By::Pod) {
        return called;
    }
    for name in node.host_names().into_iter().take(MOST_NAMES) {
        let (host, why) = (name.to_lowercase(), "the node's name".to_owned());
        called.push(Called { host, why, severity: Severity::Medium, trusted: None });
    }
    called
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::tree::{PKI, Tree};
    use super::*;

    const AT: &str = "etc/kubernetes/pki/apiserver.crt:1: it is not for";

    #[test]
    fn a_loose_certificate_of_another_node_does_not_name_this_one() {
        let mut tree = Tree::control_plane();
        let other = tree.ca("ca").leaf("o=system:nodes cn=system:node:other eku=client");
        tree.put(&format!("{PKI}/other.crt"), other, "");
        assert_eq!(tree.findings("K003"), [""; 0]);
    }

    #[test]
    fn no_name_at_all_is_one_mistake() {
        let mut tree = Tree::control_plane();
        let bare = tree.ca("ca").leaf("cn=kube-apiserver eku=server key=p256:apiserver");
        tree.file(&format!("{PKI}/apiserver.crt"), 0o644, bare.pem());
        assert_eq!((tree.findings("K002"), tree.findings("K003")), (vec![], vec![]));
        let found = tree.findings("K001");
        assert!(found[0].contains(": it has no names at all: it is not for kubernetes, "), "{found:?}");
    }

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
        // Who writes units calls it by what its kubeconfigs say.
        assert_eq!(tree.by_units().findings("K003"), [""; 0]);
    }

    #[test]
    fn the_servers_of_kubeconfigs_are_needed() {
        let mut tree = Tree::control_plane();
        tree.replace("etc/kubernetes/admin.conf", "https://10.0.0.10:6443", "https://API.example.com:6443");
        let finding = format!("high {AT} api.example.com, the server in etc/kubernetes/admin.conf");
        assert_eq!(tree.findings("K003"), std::slice::from_ref(&finding));
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
                "etc/kubernetes/pki/apiserver.crt: how kube-apiserver runs is not known: give its manifest, or its unit and the files that this names; or / as a whole"
            ]
        );
        assert!(Tree::worker().not_applicable(&RULE));
    }
}
