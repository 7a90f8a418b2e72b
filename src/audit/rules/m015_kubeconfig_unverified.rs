//! M015: a kubeconfig's server is verified.

use std::net::IpAddr;

use super::kubeconfigs::{all, line};
use super::m010_root_ca::{file_of_issuer, serving};
use super::names::host_of;
use super::remedy::{Command, Cure};
use super::{Answers, Check, Citation, Rule, Severity};
use crate::audit::{Node, Role, Scene};
use crate::x509::shell_word;

pub(super) static RULE: Rule = Rule {
    id: "M015",
    name: "kubeconfig-unverified",
    title: "A kubeconfig does not verify its API server",
    severity: Severity::High,
    citations: &[
        Citation::page(
            "Kubernetes: kubeconfig (v1)",
            "https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/",
        ),
        Citation::rfc("RFC 9110 section 4.3.4"),
    ],
    explanation: "With `insecure-skip-tls-verify` the client shows its certificate and sends its token to whoever answers; over http everything \
                  is in the clear as well. Whoever stands on the way acts with its rights.",
    fix: "Remove `insecure-skip-tls-verify` from FILE, write an https:// URL, and name the cluster's CA: `kubectl --kubeconfig FILE config set-cluster NAME --embed-certs --certificate-authority ca.crt`.",
    applies_to: "the clusters of kubeconfigs",
    check: Check::Node(check),
};

fn check(scene: &Scene<'_>, answers: &mut Answers) {
    for (file, kubeconfig) in all(scene.node) {
        for cluster in &kubeconfig.clusters {
            answers.look();
            if cluster.insecure {
                let message = format!(
                    "the cluster {} has insecure-skip-tls-verify: nobody's certificate is refused",
                    cluster.name
                );
                let fact = answers.fail(line(file, cluster.line), message);
                if let Some(cure) = cure(scene.node, file, &cluster.name) {
                    fact.fix(cure);
                }
            }
            let Some(server) = &cluster.server else { continue };
            if !server.get(..7).is_some_and(|scheme| scheme.eq_ignore_ascii_case("http://")) {
                continue;
            }
            let fact = answers.fail(
                line(file, cluster.server_line),
                format!(
                    "the server of the cluster {} is {server}: nothing is verified or encrypted",
                    cluster.name
                ),
            );
            // A proxy on the same machine, as `kubectl proxy` is one.
            let is_loopback = |host: &str| {
                host.eq_ignore_ascii_case("localhost")
                    || host.parse::<IpAddr>().is_ok_and(|ip| ip.to_canonical().is_loopback())
            };
            if host_of(server).is_some_and(is_loopback) {
                fact.severity(Severity::Medium);
            }
        }
    }
}

/// The server is verified by the cluster's CA, where that is at hand.
fn cure(node: &Node, file: usize, cluster: &str) -> Option<Cure> {
    let ca = serving(node).and_then(file_of_issuer).or_else(|| {
        let ca = node.with_role(Role::KubernetesCa).find(|ca| ca.item().place.field.is_none())?;
        Some(ca.found().file)
    })?;
    let (conf, ca) = (node.files.get(file)?.command_path(), node.files.get(ca)?.command_path());
    let verify = Command::of("kubectl")
        .plain("--kubeconfig")
        .path(conf)
        .plain("config set-cluster")
        .arg(cluster)
        .plain("--insecure-skip-tls-verify=false --embed-certs=true")
        .plain(&format!("--certificate-authority={}", shell_word(ca)));
    Some(Cure::words("Where it is this cluster's, let it verify the server by this CA:").run(verify))
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::tree::{Tree, kubeconfig};
    use super::*;

    const ADMIN: &str = "etc/kubernetes/admin.conf";

    #[test]
    fn what_is_not_verified_fires() {
        let mut tree = Tree::control_plane();
        assert_eq!((tree.findings(RULE.id), tree.not_applicable(&RULE)), (vec![], false));
        tree.file(ADMIN, 0o600, kubeconfig("a", "insecure-skip-tls-verify: true", &[]));
        assert_eq!(
            tree.findings(RULE.id),
            [format!(
                "high {ADMIN}:4: the cluster demo has insecure-skip-tls-verify: nobody's certificate is refused"
            )]
        );
        tree.file(ADMIN, 0o600, kubeconfig("a", "insecure-skip-tls-verify: false", &[]));
        assert_eq!(tree.findings(RULE.id), [""; 0]);
        for (server, severity) in [
            ("HTTP://10.0.0.10:8080", "high"),
            ("http://127.0.0.1:8001", "medium"),
            ("http://localhost", "medium"),
        ] {
            tree.file(ADMIN, 0o600, kubeconfig("a", "insecure-skip-tls-verify: false", &[]));
            tree.replace(ADMIN, "https://10.0.0.10:6443", server);
            assert_eq!(
                tree.findings(RULE.id),
                [format!(
                    "{severity} {ADMIN}:7: the server of the cluster demo is {server}: nothing is verified or encrypted"
                )]
            );
        }
    }

    #[test]
    fn without_kubeconfigs_there_is_nothing_to_verify() {
        let mut tree = Tree::empty();
        tree.authority("ca", crate::forge::ca("cn=kubernetes"));
        assert!(tree.not_applicable(&RULE));
    }
}
