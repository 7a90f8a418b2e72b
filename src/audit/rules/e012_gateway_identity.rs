//! E012: whoever comes through etcd's gateway does not come as etcd.

use super::super::{Answers, Scene};
use super::etcd::Etcd;
use super::remedy::{Cure, Edit};
use super::{Check, Citation, Rule, Severity};
use crate::manifest::Component;
use crate::x509::Printable;

pub(super) static RULE: Rule = Rule {
    id: "E012",
    name: "gateway-identity",
    title: "Who comes through etcd's gateway has the name of etcd's own certificate",
    severity: Severity::Medium,
    citations: &[
        Citation::page("CVE-2018-16886", "https://github.com/advisories/GHSA-h6xx-pmxh-3wgp"),
        Citation::page("etcd-io/etcd#10366", "https://github.com/etcd-io/etcd/pull/10366"),
    ],
    explanation: "Where users of etcd are told by the common name of their certificate, the gateway for HTTP stands between: it \
                  calls with etcd's own certificate. Before 3.2.26 and 3.3.11 everybody who came through it was the user of \
                  that name, up to root; since then the name is ignored there, and who comes through it is nobody.",
    fix: "Issue etcd's certificate without a common name, let users of the gateway log in with a password or token, or take \
          the gateway away with --enable-grpc-gateway=false; before 3.3.11, take a newer release.",
    applies_to: "etcd with users of its own",
    check: Check::Node(check),
};

// Whether users of etcd exist stands in its data, which nobody reads here. Kubernetes makes none: to fire on every cluster whose etcd has a
// common name (kubeadm's has) would say nothing. A release with the flaw, or a flag that is of use to such users only, tells.
fn check(scene: &Scene<'_>, answers: &mut Answers) {
    let Some(etcd) = Etcd::of(scene, answers) else { return };
    let gateway = etcd.value("enable-grpc-gateway").is_none() || etcd.is_on("enable-grpc-gateway");
    if !gateway || !etcd.is_on("client-cert-auth") {
        return;
    }
    let flawed = etcd
        .version()
        .is_some_and(|version| version < (3, 2, 26) || ((3, 3, 0)..(3, 3, 11)).contains(&version));
    if !flawed && etcd.value("auth-token").is_none() {
        return;
    }
    let flag = if etcd.value("client-cert-file").is_some() { "client-cert-file" } else { "cert-file" };
    let Some(cert) = etcd.certificate(flag, answers) else { return };
    answers.look();
    let Some(name) = cert.tbs().subject.common_name().filter(|name| !name.is_empty()) else { return };
    let name = Printable(name);
    if flawed {
        let first = "Take a newer release of etcd (3.3.11 or later); until then take the gateway away:";
        answers
            .fail(cert, format!("whoever comes through the gateway of this etcd is the user {name}"))
            .fix(without_gateway(first));
    } else {
        let message = format!(
            "its common name {name} is ignored where etcd's gateway calls: who comes through it is nobody"
        );
        let first = "Let users of the gateway log in with a password or a token, or take it away:";
        answers.fail(cert, message).fix(without_gateway(first));
    }
}

fn without_gateway(first: &str) -> Cure {
    Cure::words(first).flags([Edit::set(Component::Etcd, "enable-grpc-gateway", "false")])
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::tree::{PKI, Tree};
    use super::*;

    const CERTIFICATE: &str = "etc/kubernetes/pki/etcd/server.crt";

    #[test]
    fn a_name_in_the_gateway_s_certificate_fires_where_there_are_users() {
        let mut tree = Tree::control_plane();
        assert!(tree.not_applicable(&RULE));
        tree.flag("etcd", "--auth-token=jwt,pub-key=/x.pub");
        assert_eq!(
            tree.findings("E012"),
            [format!(
                "medium {CERTIFICATE}:1: its common name cp1.example.com is ignored where etcd's gateway calls: who comes through \
                 it is nobody"
            )]
        );
        tree.replace("etc/kubernetes/manifests/etcd.yaml", "etcd:3.6.8-0", "etcd:v3.3.10");
        assert_eq!(
            tree.findings("E012"),
            [format!(
                "medium {CERTIFICATE}:1: whoever comes through the gateway of this etcd is the user cp1.example.com"
            )]
        );
        let nameless = tree.ca("etcd/ca").leaf("subject=empty sans=ip:10.0.0.10");
        tree.put(&format!("{PKI}/etcd/server.crt"), nameless, "");
        assert_eq!(tree.findings("E012"), [""; 0]);
        assert!(!tree.not_applicable(&RULE));
    }

    #[test]
    fn without_the_gateway_there_is_nothing_between() {
        let mut tree = Tree::control_plane();
        tree.flag("etcd", "--auth-token=jwt");
        tree.flag("etcd", "--enable-grpc-gateway=false");
        assert!(tree.not_applicable(&RULE));
    }
}
