//! E005: etcd is reached under names that its certificate holds.

use super::super::{Answers, Scene};
use super::etcd::{Etcd, Host, Url, names};
use super::remedy::Reissue;
use super::{Check, Citation, Rule, Severity};
use crate::manifest::Component;

pub(super) static RULE: Rule = Rule {
    id: "E005",
    name: "etcd-server-address",
    title: "etcd's certificate lacks an address under which clients reach it",
    severity: Severity::High,
    citations: &[
        Citation::page(
            "Kubernetes: PKI certificates and requirements",
            "https://kubernetes.io/docs/setup/best-practices/certificates/#all-certificates",
        ),
        Citation::page("etcd: transport security model", "https://etcd.io/docs/v3.6/op-guide/security/"),
    ],
    explanation: "Clients compare the host that they call with the alternative names: those of --advertise-client-urls, \
                  what the API server of the node calls (--etcd-servers), and on the node itself 127.0.0.1, which etcdctl calls, \
                  and in kubeadm's layout localhost. Where the host is missing, they refuse the connection. An address that etcd only listens on \
                  needs no name.",
    fix: "Issue it again with every one of them: `kpki issue etcd-server NAME --san ip:ADDRESS --san dns:localhost --san \
          ip:127.0.0.1 --out FILE --force`.",
    applies_to: "etcd that serves clients over TLS",
    check: Check::Node(check),
};

fn check(scene: &Scene<'_>, answers: &mut Answers) {
    let Some(etcd) = Etcd::of(scene, answers) else { return };
    let listen = etcd.urls("listen-client-urls");
    let mut wanted: Vec<(Host, String)> = Vec::new();
    let mut add = |flag: &str, url: Url| {
        if url.tls && !url.host.is_any() && !wanted.iter().any(|(host, _)| *host == url.host) {
            wanted.push((url.host, format!("--{flag}={}", url.text)));
        }
    };
    let advertised = etcd.urls("advertise-client-urls");
    // An address that it listens on is a name only where somebody dials it.
    let own = scene.node.launch(Component::Apiserver).map(|launch| launch.flags.list("etcd-servers"));
    let own: Vec<Url> = own.unwrap_or_default().into_iter().filter_map(Url::read).collect();
    let is_here =
        |host: &Host| host.is_loopback() || listen.iter().chain(&advertised).any(|url| url.host == *host);
    advertised.iter().cloned().for_each(|url| add("advertise-client-urls", url));
    own.into_iter().filter(|url| is_here(&url.host)).for_each(|url| add("etcd-servers", url));
    let here = listen.iter().any(|url| url.tls && (url.host.is_any() || url.host.is_loopback()));
    if wanted.is_empty() && !here {
        return;
    }
    let Some(cert) = etcd.certificate("cert-file", answers) else { return };
    answers.look();
    for (host, flag) in &wanted {
        if !host.is_held_by(cert.tbs()) {
            answers
                .fail(cert, format!("it lacks {host}, the host of {flag}; it holds {}", names(cert.tbs())))
                .fix(Reissue::with(host.name().into_iter().collect()));
        }
    }
    // etcdctl calls 127.0.0.1 unless told otherwise. Nobody has to say localhost: it is kubeadm's certificates that hold it, and what
    // is written for their clusters says it.
    let localhost = etcd.is_pod().then(|| Host::Name("localhost".to_owned()));
    for host in localhost.into_iter().chain([Host::Ip([127, 0, 0, 1].into())]) {
        if here && !host.is_held_by(cert.tbs()) && !wanted.iter().any(|(known, _)| *known == host) {
            answers
                .fail(cert, format!("it lacks {host}, under which etcd is reached on its own node"))
                .severity(Severity::Medium)
                .fix(Reissue::with(host.name().into_iter().collect()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::tree::{PKI, Tree};
    use super::*;

    fn findings(sans: &str) -> Vec<String> {
        let mut tree = Tree::control_plane();
        tree.certificate(&format!("{PKI}/etcd/server.crt"), &format!("sans={sans}"));
        let place = "etc/kubernetes/pki/etcd/server.crt:1: ";
        tree.findings("E005").iter().map(|finding| finding.replace(place, "")).collect()
    }

    #[test]
    fn every_address_must_be_held() {
        assert_eq!(findings("dns:localhost,ip:127.0.0.1,ip:10.0.0.10"), [""; 0]);
        assert_eq!(
            findings("dns:localhost,ip:127.0.0.1"),
            [
                "high it lacks IP:10.0.0.10, the host of --advertise-client-urls=https://10.0.0.10:2379; it holds \
              DNS:localhost, IP:127.0.0.1"
            ]
        );
        assert_eq!(
            findings("ip:10.0.0.10"),
            [
                "high it lacks IP:127.0.0.1, the host of --etcd-servers=https://127.0.0.1:2379; it holds IP:10.0.0.10",
                "medium it lacks DNS:localhost, under which etcd is reached on its own node"
            ]
        );
    }

    #[test]
    fn an_address_that_it_listens_on_is_no_name_unless_somebody_dials_it() {
        let mut tree = Tree::control_plane();
        tree.flag("etcd", "--listen-client-urls=https://192.0.2.7:2379");
        assert_eq!(tree.findings("E005"), [""; 0]);
        tree.flag("kube-apiserver", "--etcd-servers=https://192.0.2.7:2379");
        let found = tree.findings("E005");
        assert!(
            found.len() == 1 && found[0].contains("IP:192.0.2.7, the host of --etcd-servers="),
            "{found:?}"
        );
    }

    #[test]
    fn localhost_is_a_name_in_the_layout_of_kubeadm() {
        let mut tree = Tree::control_plane();
        tree.certificate(&format!("{PKI}/etcd/server.crt"), "sans=ip:10.0.0.10,ip:127.0.0.1");
        assert_eq!(tree.findings("E005").len(), 1);
        assert_eq!(tree.by_units().findings("E005"), [""; 0]);
        assert_eq!(tree.by_environment().findings("E005"), [""; 0]);
    }

    #[test]
    fn every_address_of_the_node_is_none_in_particular() {
        let mut tree = Tree::control_plane();
        tree.flag("etcd", "--listen-client-urls=https://0.0.0.0:2379");
        tree.flag("kube-apiserver", "--etcd-servers=https://localhost:2379");
        tree.certificate(&format!("{PKI}/etcd/server.crt"), "sans=ip:10.0.0.10");
        let place = "etc/kubernetes/pki/etcd/server.crt:1";
        assert_eq!(
            tree.findings("E005"),
            [
                format!(
                    "high {place}: it lacks DNS:localhost, the host of --etcd-servers=https://localhost:2379; it holds \
                     IP:10.0.0.10"
                ),
                format!("medium {place}: it lacks IP:127.0.0.1, under which etcd is reached on its own node")
            ]
        );
    }

    #[test]
    fn what_is_not_given_is_skipped() {
        assert!(Tree::worker().not_applicable(&RULE));
        let mut tree = Tree::control_plane();
        tree.remove("etc/kubernetes/manifests/etcd.yaml");
        assert_eq!(tree.skipped("E005").len(), 1);
        let mut tree = Tree::control_plane();
        for flag in ["--advertise-client-urls", "--listen-client-urls"] {
            tree.flag("etcd", &format!("{flag}=http://127.0.0.1:2379"));
        }
        tree.flag("kube-apiserver", "--etcd-servers=http://127.0.0.1:2379");
        assert!(tree.not_applicable(&RULE));
    }
}
