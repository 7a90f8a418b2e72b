//! E003: etcd's members are reached under names that their certificates hold.

use super::super::{Answers, Scene};
use super::etcd::{Etcd, names};
use super::remedy::Reissue;
use super::{Check, Citation, Rule, Severity};

pub(super) static RULE: Rule = Rule {
    id: "E003",
    name: "peer-address",
    title: "The certificate of an etcd member lacks the address under which the others reach it",
    severity: Severity::Critical,
    citations: &[
        Citation::page(
            "etcd: transport security model",
            "https://etcd.io/docs/v3.6/op-guide/security/#notes-for-tls-authentication",
        ),
        Citation::page("etcd-io/etcd#8797", "https://github.com/etcd-io/etcd/issues/8797"),
    ],
    explanation: "The other members call the URL of --initial-advertise-peer-urls and compare its host with the alternative names \
                  of the certificate: an address with the addresses, a name with the names. Where it is not there every \
                  connection to the member fails, and it never joins the quorum.",
    fix: "Issue it again with that name: `kpki issue etcd-peer NAME --san ip:ADDRESS --out FILE --force`.",
    applies_to: "etcd that listens for peers over TLS",
    check: Check::Node(check),
};

fn check(scene: &Scene<'_>, answers: &mut Answers) {
    let Some(etcd) = Etcd::of(scene, answers) else { return };
    let urls = etcd.urls("initial-advertise-peer-urls");
    if !urls.iter().any(|url| url.tls) {
        return;
    }
    let Some(cert) = etcd.certificate("peer-cert-file", answers) else { return };
    for url in urls.iter().filter(|url| url.tls) {
        answers.look();
        if !url.host.is_held_by(cert.tbs()) {
            let message = format!(
                "it lacks {}, the host of --initial-advertise-peer-urls={}; it holds {}",
                url.host,
                url.text,
                names(cert.tbs())
            );
            answers.fail(cert, message).fix(Reissue::with(url.host.name().into_iter().collect()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::tree::{PKI, Tree};
    use super::*;

    fn tree(url: &str, sans: &str) -> Tree {
        let mut tree = Tree::control_plane();
        tree.flag("etcd", &format!("--initial-advertise-peer-urls={url}"));
        tree.certificate(&format!("{PKI}/etcd/peer.crt"), &format!("sans={sans}"));
        tree
    }

    #[test]
    fn a_host_must_be_among_the_names() {
        for (url, sans) in [
            ("https://10.0.0.10:2380", "ip:10.0.0.10"),
            ("https://10.0.0.10:2380,https://[2001:db8::1]:2380", "ip:10.0.0.10,ip:2001:db8::1"),
            ("https://cp1.example.com:2380", "dns:CP1.example.com"),
            ("https://cp1.example.com:2380", "dns:*.example.com"),
        ] {
            assert_eq!(tree(url, sans).findings("E003"), [""; 0], "{url} {sans}");
            assert!(!tree(url, sans).not_applicable(&RULE));
        }
        let place = "critical etc/kubernetes/pki/etcd/peer.crt:1";
        for (url, sans, message) in [
            (
                "https://10.0.0.11:2380",
                "dns:cp1.example.com,ip:10.0.0.10",
                "it lacks IP:10.0.0.11, the host of --initial-advertise-peer-urls=https://10.0.0.11:2380; it holds \
                 DNS:cp1.example.com, IP:10.0.0.10",
            ),
            (
                "https://a.b.example.com:2380",
                "dns:*.example.com",
                "it lacks DNS:a.b.example.com, the host of --initial-advertise-peer-urls=https://a.b.example.com:2380; it holds \
                 DNS:*.example.com",
            ),
            (
                "https://10.0.0.10:2380",
                "none",
                "it lacks IP:10.0.0.10, the host of --initial-advertise-peer-urls=https://10.0.0.10:2380; it holds no \
                 alternative name",
            ),
        ] {
            assert_eq!(tree(url, sans).findings("E003"), [format!("{place}: {message}")]);
        }
    }

    #[test]
    fn without_tls_or_without_files_there_is_nothing_to_compare() {
        assert!(tree("http://10.0.0.11:2380", "none").not_applicable(&RULE));
        assert!(Tree::worker().not_applicable(&RULE));
        let mut tree = tree("https://10.0.0.10:2380", "none");
        tree.remove(&format!("{PKI}/etcd/peer.crt"));
        assert_eq!(
            tree.skipped("E003"),
            [
                "etc/kubernetes/manifests/etcd.yaml: --peer-cert-file names /etc/kubernetes/pki/etcd/peer.crt, which is not there"
            ]
        );
    }

    #[test]
    fn an_environment_file_says_how_etcd_runs_too() {
        let mut tree = Tree::control_plane();
        tree.remove("etc/kubernetes/manifests/etcd.yaml");
        tree.file(
            "etc/etcd.env",
            0o600,
            "ETCD_INITIAL_ADVERTISE_PEER_URLS=https://10.0.0.12:2380\n\
             ETCD_PEER_CERT_FILE=/etc/kubernetes/pki/etcd/peer.crt\n",
        );
        assert_eq!(
            tree.findings("E003"),
            ["critical etc/kubernetes/pki/etcd/peer.crt:1: it lacks IP:10.0.0.12, the host of \
              --initial-advertise-peer-urls=https://10.0.0.12:2380; it holds DNS:cp1.example.com, DNS:localhost, \
              IP:10.0.0.10, IP:127.0.0.1, IP:::1"]
        );
    }
}
