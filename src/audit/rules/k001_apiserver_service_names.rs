//! K001: the names by which the cluster calls the API server.

use super::super::{Answers, Scene};
use super::apiserver::{SERVICE, certificates, domain, is_nameless, sni_names};
use super::names::Names;
use super::remedy::{Reissue, name_of};
use super::{Check, Citation, Rule, Severity};
use crate::x509::Printable;

pub(super) static RULE: Rule = Rule {
    id: "K001",
    name: "apiserver-service-names",
    title: "The API server's certificate lacks a name of the service kubernetes",
    severity: Severity::Critical,
    citations: &[Citation::page(
        "Kubernetes: PKI certificates and requirements",
        "https://kubernetes.io/docs/setup/best-practices/certificates/#all-certificates",
    )],
    explanation: "What runs in the cluster calls the API server as kubernetes.default.svc, with the domain of the cluster or \
                  without. Where the certificate lacks the name, each of these calls fails, with a message about the \
                  certificate.",
    fix: "Issue it again with all of its names: `kpki issue apiserver --san NAME --out FILE --force`, one `--san` for each \
          name that it has now and each that is missing, and restart the API server.",
    applies_to: "API servers' certificates",
    check: Check::Node(check),
};

fn check(scene: &Scene<'_>, answers: &mut Answers) {
    let node = scene.node;
    let (others, domain) = (sni_names(node), domain(node));
    for cert in certificates(node) {
        answers.look();
        let names = Names::of(cert.tbs().extensions.names());
        let covered = |name: &str| names.cover(name) || others.cover(name);
        let mut missing: Vec<String> =
            SERVICE.iter().filter(|name| !covered(name)).map(|name| (*name).to_owned()).collect();
        // Where nobody tells the domain, the certificate is believed.
        let full = match domain {
            Some(domain) => Some(domain),
            None if names.below("kubernetes.default.svc").next().is_some() => None,
            None => Some("cluster.local"),
        };
        let full = full.map(|domain| format!("kubernetes.default.svc.{domain}"));
        missing.extend(full.filter(|name| !covered(name)));
        if !missing.is_empty() {
            let names = missing.iter().filter_map(|name| name_of(name)).collect();
            let missing = Printable(&missing.join(", ")).to_string();
            let nameless = if is_nameless(cert) { "it has no names at all: " } else { "" };
            answers.fail(cert, format!("{nameless}it is not for {missing}")).fix(Reissue::with(names));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::tree::{PKI, Tree};
    use super::*;

    #[test]
    fn each_name_is_needed() {
        let file = format!("{PKI}/apiserver.crt");
        let fires = |tree: &Tree, missing: &str| {
            assert_eq!(
                tree.findings("K001"),
                [format!("critical etc/kubernetes/pki/apiserver.crt:1: it is not for {missing}")]
            );
        };
        let mut tree = Tree::control_plane();
        assert_eq!(tree.findings("K001"), [""; 0]);
        tree.certificate(
            &file,
            "sans=dns:kubernetes,dns:kubernetes.default.svc,dns:*.default.svc.cluster.local",
        );
        fires(&tree, "kubernetes.default");
        tree.certificate(&file, "sans=ip:10.96.0.1");
        fires(
            &tree,
            "kubernetes, kubernetes.default, kubernetes.default.svc, kubernetes.default.svc.cluster.local",
        );
    }

    #[test]
    fn the_domain_is_the_clusters_own() {
        let file = format!("{PKI}/apiserver.crt");
        let short = "dns:kubernetes,dns:kubernetes.default,dns:kubernetes.default.svc";
        let mut tree = Tree::control_plane();
        tree.replace("var/lib/kubelet/config.yaml", "cluster.local", "k8s.example.");
        let finding =
            "critical etc/kubernetes/pki/apiserver.crt:1: it is not for kubernetes.default.svc.k8s.example";
        assert_eq!(tree.findings("K001"), [finding]);
        tree.certificate(&file, &format!("sans={short},dns:kubernetes.default.svc.k8s.example"));
        assert_eq!(tree.findings("K001"), [""; 0]);
        // Without the kubelet's word, the issuer of the tokens has it.
        tree.remove("var/lib/kubelet/config.yaml");
        tree.flag("kube-apiserver", "--service-account-issuer=https://kubernetes.default.svc.k8s.example");
        assert_eq!(tree.findings("K001"), [""; 0]);
        // Without either, the certificate's.
        tree.flag("kube-apiserver", "--service-account-issuer=https://issuer.example.com");
        assert_eq!(tree.findings("K001"), [""; 0]);
        tree.certificate(&file, &format!("sans={short}"));
        let finding =
            "critical etc/kubernetes/pki/apiserver.crt:1: it is not for kubernetes.default.svc.cluster.local";
        assert_eq!(tree.findings("K001"), [finding]);
    }

    #[test]
    fn a_worker_has_none() {
        assert!(Tree::worker().not_applicable(&RULE));
    }
}
