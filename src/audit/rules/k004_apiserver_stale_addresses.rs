//! K004: addresses in the API server's certificate that nothing on the node goes by.

use std::collections::HashSet;
use std::net::IpAddr;

use super::super::{Answers, Node, Scene};
use super::apiserver::{advertised, certificates, service_addresses};
use super::names::{Names, host_of};
use super::remedy::Reissue;
use super::{Check, Citation, Rule, Severity};
use crate::manifest::Component;
use crate::x509::SubjectAltName;

pub(super) static RULE: Rule = Rule {
    id: "K004",
    name: "apiserver-stale-addresses",
    title: "The API server's certificate is for addresses that are not this node's",
    severity: Severity::Medium,
    citations: &[Citation::page(
        "kubernetes/kubeadm#1321",
        "https://github.com/kubernetes/kubeadm/issues/1321",
    )],
    explanation: "A certificate that came from another node with a copied pki directory is for that node's addresses and not for \
                  this one's. An address that nobody uses any more may be given to another machine, which could then pass for \
                  the API server if it had the key. Load balancers and the other control planes are good reasons for an \
                  address that the node itself does not go by.",
    fix: "Where the addresses are another node's, issue a certificate of its own for this one: `kpki issue apiserver --san \
          NAME --out FILE --force`, one `--san` for each name and address of this node and of the service kubernetes, and \
          restart the API server.",
    applies_to: "API servers' certificates",
    check: Check::Node(check),
};

/// The most addresses that are named.
const MOST: usize = 8;

fn check(scene: &Scene<'_>, answers: &mut Answers) {
    let node = scene.node;
    let advertised = advertised(node).map(|(_, own)| (own, known(node, own)));
    for cert in certificates(node) {
        let Some((own, known)) = &advertised else {
            let reason = match node.whole_launch(Component::Apiserver) {
                Some(launch) => format!("the API server's {} gives no --advertise-address", launch.by.noun()),
                None => node.not_known(Component::Apiserver).1,
            };
            answers.skip(cert, reason);
            continue;
        };
        answers.look();
        let names = Names::of(cert.tbs().extensions.names());
        let strange: Vec<IpAddr> =
            names.addresses().into_iter().filter(|ip| !ip.is_loopback() && !known.contains(ip)).collect();
        if strange.is_empty() {
            continue;
        }
        let shown: Vec<String> = strange.iter().take(MOST).map(ToString::to_string).collect();
        let more =
            if strange.len() > MOST { format!(" and {} more", strange.len() - MOST) } else { String::new() };
        let shown = format!("{}{more}", shown.join(", "));
        // Only where its own address is missing is it clear that they are another's; else they may be a load balancer's.
        if names.cover_ip(*own) {
            answers
                .fail(cert, format!("it is for {shown}, by which nothing on this node calls it"))
                .severity(Severity::Info);
        } else {
            let cure = Reissue {
                names: vec![SubjectAltName::Ip(*own)],
                without: strange.into_iter().map(SubjectAltName::Ip).collect(),
                ..Reissue::default()
            };
            answers
                .fail(cert, format!("it is for {shown}, and not for {own}, which this node advertises"))
                .fix(cure);
        }
    }
}

/// The addresses that the node itself goes by, or calls the API server by.
fn known(node: &Node, own: IpAddr) -> HashSet<IpAddr> {
    let mut known = HashSet::from([own.to_canonical()]);
    known.extend(service_addresses(node).into_iter().flat_map(|(_, addresses)| addresses));
    let mut add = |host: &str| known.extend(host.trim().parse::<IpAddr>().map(|ip| ip.to_canonical()));
    for &file in &node.kubeconfigs {
        let clusters = node.kubeconfig(file).into_iter().flat_map(|kubeconfig| &kubeconfig.clusters);
        clusters.filter_map(|cluster| host_of(cluster.server.as_deref()?)).for_each(&mut add);
    }
    if let Some((_, flag)) = node.kubelet_flag("node-ip") {
        flag.value.split(',').for_each(&mut add);
    }
    for name in ["advertise-client-urls", "initial-advertise-peer-urls", "listen-client-urls"] {
        let urls = node.launch(Component::Etcd).map(|launch| launch.flags.list(name)).unwrap_or_default();
        urls.into_iter().filter_map(host_of).for_each(&mut add);
    }
    known
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::tree::{PKI, Tree};
    use super::*;

    #[test]
    fn the_nodes_own_addresses_are_silent() {
        let mut tree = Tree::control_plane();
        assert_eq!(tree.findings("K004"), [""; 0]);
        // A second address of the node, and a load balancer that a kubeconfig names.
        let sans = "sans=ip:10.0.0.10,ip:127.0.0.1,ip:10.96.0.1,ip:2001:db8::10,ip:192.0.2.10";
        tree.certificate(&format!("{PKI}/apiserver.crt"), sans);
        tree.replace("var/lib/kubelet/kubeadm-flags.env", "10.0.0.10", "10.0.0.10,2001:db8::10");
        tree.replace("etc/kubernetes/admin.conf", "10.0.0.10", "192.0.2.10");
        assert_eq!(tree.findings("K004"), [""; 0]);
    }

    #[test]
    fn others_are_named() {
        let mut tree = Tree::control_plane();
        tree.certificate(&format!("{PKI}/apiserver.crt"), "sans=ip:10.0.0.10,ip:10.0.0.12,ip:10.0.0.11");
        assert_eq!(
            tree.findings("K004"),
            [
                "info etc/kubernetes/pki/apiserver.crt:1: it is for 10.0.0.11, 10.0.0.12, by which nothing on this node calls it"
            ]
        );
        tree.certificate(&format!("{PKI}/apiserver.crt"), "sans=ip:10.0.0.11,ip:10.96.0.1");
        assert_eq!(
            tree.findings("K004"),
            [
                "medium etc/kubernetes/pki/apiserver.crt:1: it is for 10.0.0.11, and not for 10.0.0.10, which this node advertises"
            ]
        );
        tree.remove("etc/kubernetes/manifests/kube-apiserver.yaml");
        assert_eq!(tree.findings("K004"), [""; 0]);
        assert_eq!(tree.skipped("K004").len(), 1);
        assert!(Tree::worker().not_applicable(&RULE));
    }
}
