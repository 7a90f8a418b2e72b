//! E004: etcd's members recognise one another without DNS.

use super::super::{Answers, Scene};
use super::etcd::{Etcd, Side, names};
use super::remedy::Reissue;
use super::{Check, Citation, Rule, Severity};
use crate::x509::SubjectAltName;

pub(super) static RULE: Rule = Rule {
    id: "E004",
    name: "peer-reverse-lookup",
    title: "An etcd member is recognised through DNS only",
    severity: Severity::Medium,
    citations: &[
        Citation::page(
            "etcd: transport security model",
            "https://etcd.io/docs/v3.6/op-guide/security/#notes-for-tls-authentication",
        ),
        Citation::page("etcd-io/etcd#12562", "https://github.com/etcd-io/etcd/issues/12562"),
        Citation::page("etcd-io/etcd#9276", "https://github.com/etcd-io/etcd/issues/9276"),
    ],
    explanation: "A member that is called compares the address of the caller with the caller's certificate. Where that holds no \
                  address, it asks DNS: a wildcard needs a reverse record (PTR) of every member's address, a plain name is \
                  looked up at every connection. When DNS is away, or lies, members refuse each other, and the cluster's \
                  quorum hangs on a service that may run in the cluster itself.",
    fix: "Issue it again with the member's address: `kpki issue etcd-peer NAME --san dns:NAME --san ip:ADDRESS --out FILE --force`.",
    applies_to: "etcd that verifies its peers",
    check: Check::Node(check),
};

fn check(scene: &Scene<'_>, answers: &mut Answers) {
    let Some(etcd) = Etcd::of(scene, answers) else { return };
    let urls = etcd.urls("initial-advertise-peer-urls");
    let others = urls.iter().any(|url| url.tls && !url.host.is_loopback());
    let skips = ["peer-skip-client-san-verification", "experimental-peer-skip-client-san-verification"];
    if !others || !etcd.verifies(Side::Peers) || skips.iter().any(|flag| etcd.is_on(flag)) {
        return;
    }
    let Some(cert) = etcd.certificate("peer-cert-file", answers) else { return };
    answers.look();
    let own = cert.tbs().extensions.names();
    let address =
        own.iter().any(|name| matches!(name, SubjectAltName::Ip(ip) if !ip.to_canonical().is_loopback()));
    let mut hosts = own.iter().filter_map(|name| match name {
        SubjectAltName::Dns(name) if !name.eq_ignore_ascii_case("localhost") => Some(name),
        _ => None,
    });
    // What holds no name at all is not compared (`checkCertSAN` in etcd's listener_tls.go); E003 sees it.
    let Some(first) = hosts.next().filter(|_| !address) else { return };
    let plain = std::iter::once(first).chain(hosts).any(|name| !name.starts_with("*."));
    let shown = names(cert.tbs());
    let flags =
        ["initial-advertise-peer-urls", "listen-peer-urls", "advertise-client-urls", "listen-client-urls"];
    let addresses = flags
        .into_iter()
        .flat_map(|flag| etcd.urls(flag))
        .filter(|url| !url.host.is_loopback() && !url.host.is_any());
    let mut addresses: Vec<SubjectAltName> = addresses
        .filter_map(|url| url.host.name())
        .filter(|name| matches!(name, SubjectAltName::Ip(_)))
        .collect();
    addresses.sort_by_key(ToString::to_string);
    addresses.dedup();
    let cure = if addresses.is_empty() {
        Reissue::default()
            .first("Find out the member's address, and add it to the command as `--san ip:ADDRESS`.")
    } else {
        Reissue::with(addresses)
    };
    if plain {
        // Milder: the names are looked up as well, which needs no reverse records.
        answers
            .fail(cert, format!("it holds no address of the member, so its names are looked up at every connection: {shown}"))
            .severity(Severity::Low)
            .fix(cure);
    } else {
        answers
            .fail(
                cert,
                format!(
                    "it holds wildcards only, which need a reverse record of the member's address: {shown}"
                ),
            )
            .fix(cure);
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::tree::{PKI, Tree};
    use super::*;

    fn tree(sans: &str) -> Tree {
        let mut tree = Tree::control_plane();
        tree.flag("etcd", "--initial-advertise-peer-urls=https://cp1.example.com:2380");
        tree.certificate(&format!("{PKI}/etcd/peer.crt"), &format!("sans={sans}"));
        tree
    }

    #[test]
    fn an_address_is_better_than_a_lookup() {
        for (sans, finding) in [
            ("dns:cp1.example.com,ip:10.0.0.10", None),
            ("dns:*.example.com,ip:10.0.0.10", None),
            ("none", None),
            (
                "dns:cp1.example.com,dns:localhost,ip:127.0.0.1",
                Some(
                    "low etc/kubernetes/pki/etcd/peer.crt:1: it holds no address of the member, so its names are looked up at \
                     every connection: DNS:cp1.example.com, DNS:localhost, IP:127.0.0.1",
                ),
            ),
            (
                "dns:*.example.com,dns:localhost",
                Some(
                    "medium etc/kubernetes/pki/etcd/peer.crt:1: it holds wildcards only, which need a reverse record of the \
                     member's address: DNS:*.example.com, DNS:localhost",
                ),
            ),
        ] {
            assert_eq!(tree(sans).findings("E004"), finding.into_iter().collect::<Vec<_>>(), "{sans}");
            assert!(!tree(sans).not_applicable(&RULE));
        }
    }

    #[test]
    fn who_does_not_compare_does_not_look_up() {
        let mut tree = tree("dns:*.example.com");
        tree.flag("etcd", "--experimental-peer-skip-client-san-verification=true");
        assert!(tree.not_applicable(&RULE));
        tree.remove("etc/kubernetes/manifests/etcd.yaml");
        assert_eq!(tree.findings("E004"), [""; 0]);
        assert_eq!(tree.skipped("E004").len(), 1);
    }
}
