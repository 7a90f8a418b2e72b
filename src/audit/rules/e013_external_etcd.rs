//! E013: the API server reaches an etcd that runs elsewhere, and knows it.

use super::super::{Answers, Node, NodeKind, Place, Role, Scene, Target};
use super::etcd::{Url, signer};
use super::references::{certificates, said};
use super::remedy::{Cure, Edit, Reissue};
use super::{Check, Citation, Rule, Severity};
use crate::manifest::Component;

pub(super) static RULE: Rule = Rule {
    id: "E013",
    name: "external-etcd",
    title: "The API server's files for an external etcd do not fit together",
    severity: Severity::Medium,
    citations: &[
        Citation::page(
            "Kubernetes: external etcd with kubeadm",
            "https://kubernetes.io/docs/setup/production-environment/tools/kubeadm/high-availability/#external-etcd-nodes",
        ),
        Citation::page(
            "Kubernetes: operating etcd clusters",
            "https://kubernetes.io/docs/tasks/administer-cluster/configure-upgrade-etcd/#securing-etcd-clusters",
        ),
    ],
    explanation: "For an etcd on other nodes the API server has three files that somebody copied there: the CA's certificate, its \
                  client certificate and the key. They are forgotten when etcd's CA is renewed, and no tool of the control \
                  plane renews them.",
    fix: "Copy etcd's ca.crt, and issue the client under the same CA: `kpki issue apiserver-etcd-client --ca DIR --out \
          /etc/kubernetes/pki/apiserver-etcd-client.crt --force`.",
    applies_to: "API servers with an external etcd, and that etcd",
    check: Check::Node(check),
};

fn check(scene: &Scene<'_>, answers: &mut Answers) {
    let node = scene.node;
    if node.kind == NodeKind::Etcd {
        return healthcheck(scene, answers);
    }
    let servers = node.flags(Component::Apiserver).map(|flags| flags.list("etcd-servers"));
    let servers: Vec<Url> = servers.unwrap_or_default().into_iter().filter_map(Url::read).collect();
    let external = servers.iter().any(|url| !url.host.is_loopback());
    if !external || node.flags_of(Component::Etcd).is_some() {
        return;
    }
    let place = node.flag(Component::Apiserver, "etcd-servers").map(|(place, _)| place).unwrap_or_default();
    answers.look();
    if let Some(url) = servers.iter().find(|url| !url.tls && !url.host.is_loopback()) {
        let message = format!(
            "the API server calls {} without TLS: what is stored crosses the network in clear",
            url.text
        );
        answers.fail(place.clone(), message);
    }
    if !servers.iter().any(|url| url.tls) {
        return;
    }
    let named = |flag| node.reference(Component::Apiserver, flag);
    for flag in ["etcd-cafile", "etcd-certfile", "etcd-keyfile"] {
        if named(flag).is_none() {
            let message = match flag {
                "etcd-cafile" => {
                    "--etcd-cafile is not given: any CA of the system's may vouch for etcd".to_owned()
                }
                flag => format!("--{flag} is not given: the API server shows etcd no certificate"),
            };
            let fact = answers.fail(place.clone(), message);
            if let Some(file) = file_for(node, flag) {
                fact.fix(Cure::default().flags([Edit::name(Component::Apiserver, flag, file)]));
            }
        }
    }
    let (Some(trust), Some(client)) = (named("etcd-cafile"), named("etcd-certfile")) else { return };
    let (Some(trusted), Some(clients)) =
        (certificates(node, trust, answers), certificates(node, client, answers))
    else {
        return;
    };
    let Some(cert) = clients.into_iter().next() else { return };
    let is_its = signer(cert).is_some_and(|key| trusted.iter().any(|authority| authority.spki() == key));
    if !is_its {
        let message = format!(
            "{}, and no CA in it signed this client: that of etcd's clients is usually the same",
            said(trust)
        );
        answers.fail(cert, message).fix(Reissue::default());
    }
}

/// The file that a flag should name, where one of its part is there.
fn file_for(node: &Node, flag: &str) -> Option<usize> {
    let role = if flag == "etcd-cafile" { Role::EtcdCa } else { Role::ApiserverEtcdClient };
    let cert = node.with_role(role).find(|cert| cert.item().place.field.is_none())?;
    match flag {
        "etcd-keyfile" => node.key_file_beside(cert.file()).map(|(file, _)| file),
        _ => Some(cert.found().file),
    }
}

/// The liveness probe's and etcdctl's certificate, which kubeadm's instructions have made on every node of an external etcd.
fn healthcheck(scene: &Scene<'_>, answers: &mut Answers) {
    const CLIENT: &str = "/etc/kubernetes/pki/etcd/healthcheck-client.crt";
    let node = scene.node;
    let Some((server, _)) = node.file_at("/etc/kubernetes/pki/etcd/server.crt") else { return };
    answers.look();
    let missing = node.resolve(std::path::Path::new(CLIENT)) == Target::Missing;
    if missing && node.with_role(Role::EtcdClient).next().is_none() {
        let message = format!("there is no {CLIENT}: probes and etcdctl have no certificate on this node");
        answers.fail(Place::file(server), message).severity(Severity::Info).fix(
            Cure::words("Make one:").issue_new(
                Role::EtcdClient,
                Vec::new(),
                server,
                "healthcheck-client.crt",
            ),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::tree::{PKI, Tree};
    use super::*;

    /// A control plane whose etcd runs elsewhere.
    fn tree() -> Tree {
        let mut tree = Tree::control_plane();
        tree.remove("etc/kubernetes/manifests/etcd.yaml");
        tree.flag("kube-apiserver", "--etcd-servers=https://10.0.0.21:2379,https://10.0.0.22:2379");
        tree
    }

    #[test]
    fn files_that_fit_are_silent() {
        assert_eq!(tree().findings("E013"), [""; 0]);
        assert!(!tree().not_applicable(&RULE));
        assert!(Tree::control_plane().not_applicable(&RULE));
        let mut local = Tree::control_plane();
        local.flag("kube-apiserver", "--etcd-servers=https://10.0.0.10:2379,https://10.0.0.11:2379");
        assert!(local.not_applicable(&RULE));
    }

    #[test]
    fn files_that_do_not_fit_fire() {
        let manifest = "etc/kubernetes/manifests/kube-apiserver.yaml";
        let mut other = tree();
        let client = other.ca("ca").leaf("cn=kube-apiserver-etcd-client eku=client");
        other.put(&format!("{PKI}/apiserver-etcd-client.crt"), client, "");
        assert_eq!(
            other.findings("E013"),
            [
                "medium etc/kubernetes/pki/apiserver-etcd-client.crt:1: --etcd-cafile names /etc/kubernetes/pki/etcd/ca.crt, \
              and no CA in it signed this client: that of etcd's clients is usually the same"
            ]
        );
        let mut without = tree();
        without.no_flag("kube-apiserver", "--etcd-cafile");
        without.no_flag("kube-apiserver", "--etcd-keyfile");
        assert_eq!(
            without.findings("E013"),
            [
                format!(
                    "medium {manifest}:15: --etcd-cafile is not given: any CA of the system's may vouch for etcd"
                ),
                format!(
                    "medium {manifest}:15: --etcd-keyfile is not given: the API server shows etcd no certificate"
                ),
            ]
        );
        let mut plain = tree();
        plain.flag("kube-apiserver", "--etcd-servers=http://10.0.0.21:2379");
        assert_eq!(
            plain.findings("E013"),
            [format!(
                "medium {manifest}:15: the API server calls http://10.0.0.21:2379 without TLS: what is stored crosses the network \
                 in clear"
            )]
        );
        let mut absent = tree();
        absent.remove(&format!("{PKI}/etcd/ca.crt"));
        assert_eq!(
            absent.skipped("E013"),
            [format!("{manifest}: --etcd-cafile names /etc/kubernetes/pki/etcd/ca.crt, which is not there")]
        );
    }

    #[test]
    fn an_etcd_node_has_a_client() {
        let mut node = Tree::empty();
        let whole = Tree::control_plane();
        for file in ["ca.crt", "server.crt", "peer.crt", "healthcheck-client.crt"] {
            let path = format!("{PKI}/etcd/{file}");
            node.file(&path, 0o644, whole.text(&path));
        }
        assert_eq!(node.node().kind, NodeKind::Etcd);
        assert_eq!(node.findings("E013"), [""; 0]);
        node.remove(&format!("{PKI}/etcd/healthcheck-client.crt"));
        assert_eq!(
            node.findings("E013"),
            [
                "info etc/kubernetes/pki/etcd/server.crt: there is no /etc/kubernetes/pki/etcd/healthcheck-client.crt: probes and \
              etcdctl have no certificate on this node"
            ]
        );
    }
}
