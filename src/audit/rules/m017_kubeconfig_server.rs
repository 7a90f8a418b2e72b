//! M017: a kubeconfig reaches the API server under one of its names.

use super::apiserver::names_with_sni;
use super::kubeconfigs::{all, is_own_cluster, line};
use super::m010_root_ca::serving;
use super::names::host_of;
use super::references::MOST_ANCHORS;
use super::remedy::{Reissue, name_of};
use super::{Answers, Check, Citation, Rule, Severity};
use crate::audit::{NodeKind, Scene};
use crate::x509::SubjectAltName;

/// The most names that are shown.
const MOST: usize = 12;

pub(super) static RULE: Rule = Rule {
    id: "M017",
    name: "kubeconfig-server",
    title: "A kubeconfig's server is not among the API server's names",
    severity: Severity::Medium,
    citations: &[
        Citation::page(
            "kubernetes-sigs/kubespray#4775",
            "https://github.com/kubernetes-sigs/kubespray/issues/4775",
        ),
        Citation::rfc("RFC 6125 section 6.4"),
    ],
    explanation: "The client compares the host of the URL (or `tls-server-name`) with the alternative names of the certificate, and refuses the server \
                  where it is not among them. A load balancer that was put before the API server later is the usual case.",
    fix: "Issue the API server's certificate again with the name among its alternative names, or name a host in FILE that is.",
    applies_to: "the clusters of kubeconfigs, beside an API server's certificate",
    check: Check::Node(check),
};

/// The server of the current context, where its CA is the API server's own, is K003's: that one speaks of what is in use.
fn check(scene: &Scene<'_>, answers: &mut Answers) {
    let node = scene.node;
    // Without the certificate M014 says that it was not given.
    if !matches!(node.kind, NodeKind::ControlPlane | NodeKind::Unknown) {
        return;
    }
    let Some(leaf) = serving(node) else { return };
    let names = names_with_sni(node, leaf);
    for (file, kubeconfig) in all(node) {
        let (_, current, _) = node.current_context(kubeconfig);
        for cluster in kubeconfig.clusters.iter().filter(|cluster| !cluster.insecure) {
            let is_current = current.is_some_and(|current| std::ptr::eq(current, cluster));
            let anchors = node.kubeconfig_authorities(file, cluster);
            // One that trusts another CA is another cluster's, or M014's.
            let is_own = if anchors.is_empty() {
                is_own_cluster(node, file, cluster, &names)
            } else {
                anchors.len() <= MOST_ANCHORS && leaf.leads_to(&anchors)
            };
            let host = cluster.tls_server_name.as_deref().or_else(|| host_of(cluster.server.as_deref()?));
            let (true, Some(host)) = (is_own, host) else { continue };
            answers.look();
            if names.cover(host) || is_current && !anchors.is_empty() {
                continue;
            }
            let message = format!(
                "the cluster {} is reached as {host}, and the API server's certificate is for {}",
                cluster.name,
                shown(leaf.tbs().extensions.names())
            );
            let cure = Reissue::with(name_of(host).into_iter().collect())
                .of(leaf)
                .first("Where that host is the API server's, let its certificate have the name; else correct the host here.");
            answers.fail(line(file, cluster.server_line), message).fix(cure);
        }
    }
}

fn shown(names: &[SubjectAltName]) -> String {
    if names.is_empty() {
        return "no name at all".to_owned();
    }
    let shown: Vec<String> = names.iter().take(MOST).map(ToString::to_string).collect();
    let more = names.len().saturating_sub(MOST);
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    format!("{}{more}", shown.join(", "))
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::tree::{PKI, Tree, kubeconfig, kubeconfig_of};
    use super::*;

    const ADMIN: &str = "etc/kubernetes/admin.conf";

    #[test]
    fn a_host_that_is_not_in_the_certificate_fires() {
        let mut tree = Tree::control_plane();
        assert_eq!((tree.findings(RULE.id), tree.not_applicable(&RULE)), (vec![], false));
        tree.certificate(&format!("{PKI}/apiserver.crt"), "sans=dns:cp1.example.com,ip:10.0.0.10");
        tree.replace(ADMIN, "https://10.0.0.10:6443", "https://LB.example.com:6443");
        assert_eq!(tree.findings(RULE.id), [""; 0], "K003 says so");
        tree.replace(ADMIN, "current-context: admin@demo", "current-context: ''");
        assert_eq!(
            tree.findings(RULE.id),
            [format!(
                "medium {ADMIN}:7: the cluster demo is reached as LB.example.com, and the API server's certificate is for \
                      DNS:cp1.example.com, IP:10.0.0.10"
            )]
        );
        tree.replace(ADMIN, "    server:", "    tls-server-name: cp1.example.com\n    server:");
        assert_eq!(tree.findings(RULE.id), [""; 0]);
    }

    #[test]
    fn where_no_ca_is_named_the_systems_are_taken() {
        let mut tree = Tree::control_plane();
        let text = kubeconfig("a", "namespace: x", &[]).replace("10.0.0.10", "lb.example.com");
        tree.file(ADMIN, 0o600, text);
        assert_eq!(tree.findings(RULE.id).len(), 1);
    }

    #[test]
    fn other_clusters_and_other_nodes_are_not_meant() {
        let mut tree = Tree::control_plane();
        let other = crate::forge::ca("cn=other");
        let text = kubeconfig_of(&other, &other.leaf("cn=a")).replace("10.0.0.10", "192.0.2.7");
        tree.file("root/.kube/config", 0o600, text);
        assert_eq!(tree.findings(RULE.id), [""; 0]);
        assert!(Tree::worker().not_applicable(&RULE));
    }
}
