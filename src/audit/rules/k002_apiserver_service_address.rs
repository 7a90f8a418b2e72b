//! K002: the address by which the cluster calls the API server.

use super::super::{Answers, Scene};
use super::apiserver::{certificates, is_nameless, service_addresses};
use super::names::Names;
use super::remedy::Reissue;
use super::{Check, Citation, Rule, Severity};
use crate::x509::SubjectAltName;

pub(super) static RULE: Rule = Rule {
    id: "K002",
    name: "apiserver-service-address",
    title: "The API server's certificate lacks the address of the service kubernetes",
    severity: Severity::Critical,
    citations: &[
        Citation::page(
            "Kubernetes: PKI certificates and requirements",
            "https://kubernetes.io/docs/setup/best-practices/certificates/#all-certificates",
        ),
        Citation::page("kubernetes/website#5362", "https://github.com/kubernetes/website/issues/5362"),
    ],
    explanation: "The service kubernetes has the first address of the network of services, and pods are told that address alone \
                  (KUBERNETES_SERVICE_HOST). Where the certificate lacks it, every controller and every agent in the cluster \
                  fails. Of two networks of services, the service kubernetes has an address in the first only, and so kubeadm \
                  writes no other.",
    fix: "Issue it again with that address as well: `kpki issue apiserver --san NAME --out FILE --force`, one `--san` for \
          each name that it has now and each that is missing, and restart the API server.",
    applies_to: "API servers' certificates",
    check: Check::Node(check),
};

fn check(scene: &Scene<'_>, answers: &mut Answers) {
    let mut certs = certificates(scene.node).peekable();
    let Some(first) = certs.peek().copied() else { return };
    let addresses = match service_addresses(scene.node) {
        Ok((_, addresses)) => addresses,
        Err(reason) => return answers.skip(first, reason),
    };
    for cert in certs.filter(|cert| !is_nameless(*cert)) {
        answers.look();
        let names = Names::of(cert.tbs().extensions.names());
        for (number, ip) in addresses.iter().enumerate().filter(|(_, ip)| !names.cover_ip(**ip)) {
            let which =
                if number == 0 { "--service-cluster-ip-range" } else { "the second network of services" };
            let fact = answers.fail(cert, format!("it is not for {ip}, the first address of {which}"));
            fact.fix(Reissue::with(vec![SubjectAltName::Ip(*ip)]));
            if number > 0 {
                // kubeadm takes the first network's alone; the catalogue's severity would be on every dual-stack cluster of its.
                fact.severity(Severity::Low);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::tree::{PKI, Tree};
    use super::*;

    #[test]
    fn the_first_address_of_each_network_is_needed() {
        let mut tree = Tree::control_plane();
        assert_eq!(tree.findings("K002"), [""; 0]);
        assert_eq!(tree.skipped("K002"), [""; 0]);
        tree.flag("kube-apiserver", "--service-cluster-ip-range=10.96.0.0/12,fd00:10:96::/112");
        let second = "low etc/kubernetes/pki/apiserver.crt:1: it is not for fd00:10:96::1, the first address of the second network of \
                      services";
        assert_eq!(tree.findings("K002"), [second]);
        tree.flag("kube-apiserver", "--service-cluster-ip-range=fd00:10:96::/112,10.96.0.0/12");
        let first = "critical etc/kubernetes/pki/apiserver.crt:1: it is not for fd00:10:96::1, the first address of \
                     --service-cluster-ip-range";
        assert_eq!(tree.findings("K002"), [first]);
        tree.certificate(&format!("{PKI}/apiserver.crt"), "sans=ip:fd00:10:96::1,ip:10.96.0.1");
        assert_eq!(tree.findings("K002"), [""; 0]);
    }

    #[test]
    fn without_the_network_nothing_is_known() {
        let mut tree = Tree::control_plane();
        tree.remove("etc/kubernetes/manifests/kube-apiserver.yaml");
        // The controller manager is told it as well.
        assert_eq!(tree.skipped("K002"), [""; 0]);
        tree.remove("etc/kubernetes/manifests/kube-controller-manager.yaml");
        let reason = "etc/kubernetes/pki/apiserver.crt: how kube-apiserver runs is not known: give its manifest, or its unit and the files that this names; or / as a whole";
        assert_eq!(tree.skipped("K002"), [reason]);
        let mut tree = Tree::control_plane();
        tree.flag("kube-apiserver", "--service-cluster-ip-range=10.96.0.0/99");
        let reason = "etc/kubernetes/pki/apiserver.crt: --service-cluster-ip-range cannot be read as a list of networks";
        assert_eq!(tree.skipped("K002"), [reason]);
        assert!(Tree::worker().not_applicable(&RULE));
    }
}
