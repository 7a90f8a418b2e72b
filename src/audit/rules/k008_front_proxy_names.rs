//! K008: whom the API server believes to be its front proxy.

use std::collections::HashSet;

use super::super::{Answers, Cert, Node, Role, Scene};
use super::references::has_one_authority;
use super::remedy::{Cure, Edit, Reissue};
use super::subjects::{common_name, in_use};
use super::{Check, Citation, Rule, Severity};
use crate::manifest::Component;
use crate::x509::Printable;

pub(super) static RULE: Rule = Rule {
    id: "K008",
    name: "front-proxy-names",
    title: "The names that the API server believes of a front proxy are wrong",
    severity: Severity::Critical,
    citations: &[Citation::page(
        "Kubernetes: configure the aggregation layer",
        "https://kubernetes.io/docs/tasks/extend-kubernetes/configure-aggregation-layer/#kubernetes-apiserver-client-authentication",
    )],
    explanation: "Whoever shows a certificate of the front proxy's CA with one of the names in --requestheader-allowed-names is believed \
                  whatever user it names. Without that flag every certificate of that CA is, and where that CA signs other \
                  clients too, each of them can be anybody. A front proxy whose own name is not in the list is refused, and with \
                  it every request to an aggregated API (metrics, for example).",
    fix: "Give the API server `--requestheader-allowed-names=front-proxy-client`, with the common name of the certificate in \
          --proxy-client-cert-file, and a CA of its own in --requestheader-client-ca-file.",
    applies_to: "API servers with an aggregation layer",
    check: Check::Node(check),
};

fn check(scene: &Scene<'_>, answers: &mut Answers) {
    let node = scene.node;
    let Some((file, flags)) = node.flags_of(Component::Apiserver) else {
        if let Some(cert) = in_use(node, Role::FrontProxyClient).first().copied() {
            answers.skip(cert, node.not_known(Component::Apiserver).1);
        }
        return;
    };
    // Without the CA, no front proxy is believed at all.
    let Some((ca_place, _)) = node.flag(Component::Apiserver, "requestheader-client-ca-file") else { return };
    answers.look();
    let allowed = flags.list("requestheader-allowed-names");
    if allowed.is_empty() {
        let place = node
            .flag(Component::Apiserver, "requestheader-allowed-names")
            .map_or(ca_place, |(place, _)| place);
        let shared = shared_authority(node);
        let how =
            if flags.value("requestheader-allowed-names").is_some() { "is empty" } else { "is not given" };
        let who = match shared {
            Some(true) => "every client certificate of the cluster",
            _ => "every certificate of the front proxy's CA",
        };
        let fact = answers.fail(
            if shared == Some(true) { super::super::Place::file(file) } else { place },
            format!("--requestheader-allowed-names {how}, so {who} is believed to be the front proxy"),
        );
        let own =
            in_use(node, Role::FrontProxyClient).first().and_then(|cert| cert.tbs().subject.common_name());
        let name = own.unwrap_or("front-proxy-client");
        fact.fix(Cure::default().flags([Edit::set(
            Component::Apiserver,
            "requestheader-allowed-names",
            name,
        )]));
        // With a CA of its own, which signs nothing else, little changes; the catalogue's severity is for a shared one. Installers that have
        // one CA for everything chose so.
        if shared != Some(true) || has_one_authority(node) {
            fact.severity(Severity::Medium);
        }
        return;
    }
    let shown: String = allowed.join(", ").chars().take(200).collect();
    let shown = Printable(&shown).to_string();
    let names: HashSet<&str> = allowed.iter().copied().collect();
    for cert in in_use(node, Role::FrontProxyClient) {
        let subject = &cert.tbs().subject;
        if !subject.common_name().is_some_and(|name| names.contains(name)) {
            answers
                .fail(
                    cert,
                    format!("it has {}, and --requestheader-allowed-names is {shown}", common_name(subject)),
                )
                .severity(Severity::High)
                .fix(match subject.common_name().filter(|_| !names.contains("front-proxy-client")) {
                    Some(name) => {
                        let names = format!("{},{name}", allowed.join(","));
                        Cure::default().flags([Edit::set(
                            Component::Apiserver,
                            "requestheader-allowed-names",
                            names,
                        )])
                    }
                    None => Reissue::default().into(),
                });
        }
    }
}

/// Whether one key signs clients and front proxies; none where the CAs are not at hand.
fn shared_authority(node: &Node) -> Option<bool> {
    let certs = |flag| node.reference(Component::Apiserver, flag).map(|named| node.referenced_certs(named));
    let front: Vec<Cert<'_>> = certs("requestheader-client-ca-file").filter(|certs| !certs.is_empty())?;
    let clients: Vec<Cert<'_>> = certs("client-ca-file").filter(|certs| !certs.is_empty())?;
    let keys: HashSet<[u8; 32]> = clients.iter().map(|cert| cert.spki()).collect();
    Some(front.iter().any(|cert| keys.contains(&cert.spki())))
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::tree::{PKI, Tree};
    use super::*;

    #[test]
    fn the_front_proxys_own_name_is_in_the_list() {
        let mut tree = Tree::control_plane();
        assert_eq!(tree.findings("K008"), [""; 0]);
        tree.flag("kube-apiserver", "--requestheader-allowed-names=aggregator,front-proxy-client");
        assert_eq!(tree.findings("K008"), [""; 0]);
        tree.certificate(&format!("{PKI}/front-proxy-client.crt"), "cn=front-proxy");
        assert_eq!(
            tree.findings("K008"),
            [
                "high etc/kubernetes/pki/front-proxy-client.crt:1: it has CN=front-proxy, and --requestheader-allowed-names is aggregator, \
              front-proxy-client"
            ]
        );
    }

    #[test]
    fn without_a_list_everybody_is_believed() {
        let mut tree = Tree::control_plane();
        tree.no_flag("kube-apiserver", "--requestheader-allowed-names");
        let found = tree.findings("K008");
        assert_eq!(found.len(), 1);
        assert!(found[0].starts_with("medium etc/kubernetes/manifests/kube-apiserver.yaml:"), "{found:?}");
        assert!(
            found[0].ends_with(
                ": --requestheader-allowed-names is not given, so every certificate of the front proxy's CA is believed to be the front \
                 proxy"
            ),
            "{found:?}"
        );
        tree.flag("kube-apiserver", "--requestheader-client-ca-file=/etc/kubernetes/pki/ca.crt");
        assert_eq!(
            tree.findings("K008"),
            [
                "critical etc/kubernetes/manifests/kube-apiserver.yaml: --requestheader-allowed-names is not given, so every client \
              certificate of the cluster is believed to be the front proxy"
            ]
        );
        tree.no_flag("kube-apiserver", "--requestheader-client-ca-file");
        assert!(tree.not_applicable(&RULE));
    }

    #[test]
    fn without_the_manifest_the_list_is_not_known() {
        let mut tree = Tree::control_plane();
        tree.remove("etc/kubernetes/manifests/kube-apiserver.yaml");
        assert_eq!(tree.skipped("K008").len(), 1);
        assert!(Tree::worker().not_applicable(&RULE));
    }
}
