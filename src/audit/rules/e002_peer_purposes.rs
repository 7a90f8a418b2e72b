//! E002: etcd's members are each other's servers and clients.

use super::super::{Answers, Role, Scene};
use super::distinct::{Certificates, Use};
use super::etcd::may_be;
use super::{Check, Citation, Rule, Severity};
use crate::x509::ExtendedKeyUsage;

pub(super) static RULE: Rule = Rule {
    id: "E002",
    name: "peer-purposes",
    title: "The certificate of an etcd member does not serve both directions",
    severity: Severity::High,
    citations: &[
        Citation::page(
            "Kubernetes: PKI certificates and requirements",
            "https://kubernetes.io/docs/setup/best-practices/certificates/#all-certificates",
        ),
        Citation::page("etcd: transport security model", "https://etcd.io/docs/v3.6/op-guide/security/"),
    ],
    explanation: "With one and the same certificate a member answers the others and calls them. Without serverAuth the others \
                  refuse to call it, without clientAuth they refuse its calls: the member drops out of the quorum.",
    fix: "Issue it again with both purposes: `kpki issue etcd-peer NAME --san ip:ADDRESS --out FILE --force` writes them.",
    applies_to: "certificates of etcd's members",
    check: Check::Node(check),
};

fn check(scene: &Scene<'_>, answers: &mut Answers) {
    for one in Certificates::of(scene.node).with_role(Role::EtcdPeer).filter(|one| one.usage != Use::Old) {
        let cert = one.cert;
        answers.look();
        let lacks: Vec<&str> =
            [(ExtendedKeyUsage::ServerAuth, "serverAuth"), (ExtendedKeyUsage::ClientAuth, "clientAuth")]
                .into_iter()
                .filter(|(purpose, _)| !may_be(cert.tbs(), purpose))
                .map(|(_, name)| name)
                .collect();
        if !lacks.is_empty() {
            answers.fail(cert, format!("it lacks the purpose {}", lacks.join(" and the purpose ")));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::tree::{PKI, Tree};
    use super::*;

    #[test]
    fn an_etcd_outside_of_the_cluster_is_known_by_its_directory() {
        for path in ["etc/etcd/pki/peer.pem", "etc/ssl/etcd/ssl/member-node1.pem"] {
            let mut tree = Tree::empty();
            let leaf = crate::forge::ca("cn=etcd").leaf("cn=node1 eku=client");
            tree.file(path, 0o644, leaf.pem());
            assert_eq!(tree.findings("E002"), [format!("high {path}:1: it lacks the purpose serverAuth")]);
        }
    }

    #[test]
    fn one_direction_is_not_enough() {
        for (words, message) in [
            ("eku=server,client", None),
            ("eku=any", None),
            ("eku=none", None),
            ("eku=server", Some("it lacks the purpose clientAuth")),
            ("eku=client", Some("it lacks the purpose serverAuth")),
            ("eku=code", Some("it lacks the purpose serverAuth and the purpose clientAuth")),
        ] {
            let mut tree = Tree::control_plane();
            tree.certificate(&format!("{PKI}/etcd/peer.crt"), words);
            let expected: Vec<String> = message
                .into_iter()
                .map(|message| format!("high etc/kubernetes/pki/etcd/peer.crt:1: {message}"))
                .collect();
            assert_eq!(tree.findings("E002"), expected, "{words}");
            assert!(!tree.not_applicable(&RULE));
        }
        assert!(Tree::worker().not_applicable(&RULE));
    }
}
