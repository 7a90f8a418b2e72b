//! E008: etcd lets in its clients, and nobody else whom its CA knows.

use std::collections::HashSet;

use super::super::{Answers, Cert, Node, Reference, Role, Scene, Target};
use super::distinct::{Certificates, Use};
use super::etcd::{Etcd, Side, signer};
use super::references::{hidden, said};
use super::remedy::{Cure, Edit, Reissue};
use super::{Check, Citation, Rule, Severity};
use crate::layout::Authority;
use crate::manifest::Component;
use crate::x509::Printable;

pub(super) static RULE: Rule = Rule {
    id: "E008",
    name: "etcd-admits-more",
    title: "etcd lets in more than its clients",
    severity: Severity::High,
    citations: &[
        Citation::page("CIS Kubernetes Benchmark 2.7", "https://www.cisecurity.org/benchmark/kubernetes"),
        Citation::page(
            "etcd: configuration options",
            "https://etcd.io/docs/v3.6/op-guide/configuration/#security",
        ),
    ],
    explanation: "etcd has no authorization in a cluster: every certificate that a CA of --trusted-ca-file signed reads and \
                  writes everything. Where that CA also signs users, kubelets or components, each of them is the cluster's \
                  administrator past the API server.",
    fix: "Let etcd trust a CA of its own, with nothing but etcd's certificates under it; or narrow who may come with \
          --client-cert-allowed-hostname and --peer-cert-allowed-hostname.",
    applies_to: "etcd that asks for certificates",
    check: Check::Node(check),
};

/// The most certificates of others that are told with their commands.
const MOST_REISSUED: usize = 8;

/// The flags that narrow who is let in.
const NARROWING: [(Side, &[&str]); 2] = [
    (Side::Clients, &["client-cert-allowed-hostname", "client-cert-allowed-cn"]),
    (Side::Peers, &["peer-cert-allowed-hostname", "peer-cert-allowed-cn"]),
];

// kubeadm narrows neither, and keeps a CA for etcd alone: high is only what comes of a CA that signs other things as well, the rest is
// worth knowing.
fn check(scene: &Scene<'_>, answers: &mut Answers) {
    let Some(etcd) = Etcd::of(scene, answers) else { return };
    let certificates = Certificates::of(scene.node);
    let keys = |side: Side| -> HashSet<[u8; 32]> {
        etcd.authorities(side.trusted_ca()).into_iter().map(Cert::spki).collect()
    };
    let of_clients = keys(Side::Clients);
    for (side, narrowing) in NARROWING {
        let Some(reference) = etcd.reference(side.trusted_ca()) else { continue };
        if narrowing.iter().any(|flag| etcd.value(flag).is_some()) {
            answers.look();
            continue;
        }
        let trusted = keys(side);
        if trusted.is_empty() {
            let reason = hidden(scene.node, reference);
            answers.skip(
                reference,
                reason.unwrap_or_else(|| format!("{}, which holds no certificate", said(reference))),
            );
            continue;
        }
        answers.look();
        let strangers: Vec<(Cert<'_>, Role)> = certificates
            .all
            .iter()
            .filter(|one| {
                one.usage != Use::Old
                    && !one.cert.is_ca()
                    && one.cert.may_be_client()
                    && signer(one.cert).is_some_and(|key| trusted.contains(&key))
            })
            .filter_map(|one| {
                // One that etcd uses in another place is etcd's.
                let of_etcd = |role: &Role| role.authority() == Some(Authority::Etcd);
                let role = one.role().filter(|_| !one.roles.iter().any(of_etcd))?;
                Some((one.cert, role))
            })
            .collect();
        let kubernetes = scene.node.with_role(Role::KubernetesCa).any(|cert| trusted.contains(&cert.spki()));
        // One CA that signs for etcd and Kubernetes is C013's.
        if kubernetes && signs_for_etcd(scene.node, &trusted) {
            continue;
        }
        let flag = side.trusted_ca();
        if let Some((first, role)) = strangers.first() {
            let name = Printable(first.tbs().subject.common_name().unwrap_or("no common name"));
            let more = match strangers.len() - 1 {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            let fact = answers.fail(
                reference,
                format!("the CA of --{flag} signed others than etcd's: {name} ({role}){more}"),
            );
            fact.fix(own_ca(scene.node, reference).unwrap_or_else(|| own_cas(&strangers)));
        } else if kubernetes {
            let fact =
                answers.fail(reference, format!("the CA of --{flag} is that of the API server's clients"));
            if let Some(cure) = own_ca(scene.node, reference) {
                fact.fix(cure);
            }
        } else if side == Side::Clients {
            let message = "whoever has a certificate of this CA reads and writes everything: \
                           --client-cert-allowed-hostname is not given";
            answers.fail(reference, message).severity(Severity::Info).fix(NARROWER);
        } else if trusted.iter().any(|key| of_clients.contains(key)) {
            let message = "whoever may be a client may be a member too, since one CA signs both: \
                           --peer-cert-allowed-hostname and --peer-cert-allowed-cn are not given";
            answers.fail(reference, message).severity(Severity::Info).fix(NARROWER);
        }
    }
}

/// What can be done, and need not be.
const NARROWER: &str = "Nothing has to be done while this CA signs for etcd alone; who wants to say who may come says so with \
                        `--client-cert-allowed-hostname` and `--peer-cert-allowed-hostname`.";

/// etcd trusts its own CA, where there is one.
fn own_ca(node: &Node, reference: &Reference) -> Option<Cure> {
    let own = node.certs().find(|cert| {
        cert.place_role() == Some(Role::EtcdCa)
            && cert.item().place.field.is_none()
            && reference.target != Target::File(cert.found().file)
    })?;
    let edit = Edit::name(Component::Etcd, reference.flag.trim_start_matches('-'), own.found().file);
    Some(Cure::words("Name etcd's own CA:").flags([edit]))
}

/// Each of those that etcd's own CA signed gets the CA of its part.
fn own_cas(strangers: &[(Cert<'_>, Role)]) -> Cure {
    let first = "This CA is etcd's, and others go under the CA of their own part.";
    let cure = strangers
        .iter()
        .take(MOST_REISSUED)
        .fold(Cure::words(first), |cure, (cert, _)| cure.reissue(Reissue::default().of(*cert)));
    cure.say(
        "What was signed here stays good for etcd until it ends: where it is in other hands, say who may come with `--client-cert-allowed-hostname`, \
         or replace etcd's CA.",
    )
}

/// Whether one of some keys signed the certificate of an etcd.
fn signs_for_etcd(node: &Node, keys: &HashSet<[u8; 32]>) -> bool {
    [Role::EtcdServer, Role::EtcdPeer]
        .into_iter()
        .flat_map(|role| node.with_role(role))
        .any(|leaf| signer(leaf).is_some_and(|key| keys.contains(&key)))
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::tree::{PKI, Tree};
    use super::*;

    const MANIFEST: &str = "etc/kubernetes/manifests/etcd.yaml";

    fn serious(tree: &Tree) -> Vec<String> {
        tree.findings("E008").into_iter().filter(|finding| !finding.starts_with("info")).collect()
    }

    #[test]
    fn what_kubeadm_writes_is_worth_knowing_only() {
        let mut tree = Tree::control_plane();
        assert_eq!(
            tree.findings("E008"),
            [
                format!(
                    "info {MANIFEST}:30: whoever may be a client may be a member too, since one CA signs both: \
                     --peer-cert-allowed-hostname and --peer-cert-allowed-cn are not given"
                ),
                format!(
                    "info {MANIFEST}:32: whoever has a certificate of this CA reads and writes everything: \
                     --client-cert-allowed-hostname is not given"
                ),
            ]
        );
        tree.flag("etcd", "--client-cert-allowed-hostname=a");
        tree.flag("etcd", "--peer-cert-allowed-cn=etcd");
        assert_eq!(tree.findings("E008"), [""; 0]);
        assert!(!tree.not_applicable(&RULE));
    }

    #[test]
    fn a_ca_that_signs_others_fires() {
        let mut tree = Tree::control_plane();
        let user = tree.ca("etcd/ca").leaf("o=system:nodes cn=system:node:cp1 eku=client");
        tree.put("var/lib/kubelet/pki/kubelet-client-2026-05-31-11-55-00.pem", user, "");
        assert_eq!(
            serious(&tree),
            [
                format!(
                    "high {MANIFEST}:30: the CA of --peer-trusted-ca-file signed others than etcd's: system:node:cp1 \
                     (kubelet-client)"
                ),
                format!(
                    "high {MANIFEST}:32: the CA of --trusted-ca-file signed others than etcd's: system:node:cp1 \
                     (kubelet-client)"
                )
            ]
        );
    }

    #[test]
    fn one_ca_for_everything_is_another_rule_s() {
        let mut tree = Tree::control_plane();
        let ca = tree.ca("ca");
        tree.put(&format!("{PKI}/etcd/server.crt"), ca.leaf("cn=cp1 eku=server,client"), "");
        tree.file(&format!("{PKI}/etcd/ca.crt"), 0o644, tree.ca("ca").pem());
        assert_eq!(serious(&tree), [""; 0]);
        assert!(!tree.findings("C013").is_empty());
    }

    #[test]
    fn a_server_s_certificate_is_let_in_nowhere() {
        let mut tree = Tree::control_plane();
        let leaf = tree.ca("etcd/ca").leaf("cn=kube-apiserver eku=server");
        tree.file(&format!("{PKI}/apiserver.crt"), 0o644, leaf.pem());
        assert_eq!(serious(&tree), [""; 0]);
    }

    #[test]
    fn the_cluster_s_own_ca_fires() {
        let mut tree = Tree::control_plane();
        tree.flag("etcd", "--trusted-ca-file=/etc/kubernetes/pki/etcd/clients.crt");
        tree.file(&format!("{PKI}/etcd/clients.crt"), 0o644, tree.ca("ca").pem());
        let findings = serious(&tree);
        assert_eq!(findings.len(), 1, "{findings:?}");
        assert!(
            findings[0].contains(
                "the CA of --trusted-ca-file signed others than etcd's: kubernetes-admin (admin) and 5 more"
            ),
            "{findings:?}"
        );
        let mut bare = Tree::empty();
        for path in [MANIFEST, &format!("{PKI}/ca.crt"), &format!("{PKI}/etcd/clients.crt")] {
            bare.file(path, 0o644, tree.text(path));
        }
        let findings = serious(&bare);
        assert_eq!(findings.len(), 1, "{findings:?}");
        assert!(
            findings[0].ends_with("the CA of --trusted-ca-file is that of the API server's clients"),
            "{findings:?}"
        );
        // The peers' CA was not given.
        assert_eq!(
            bare.skipped("E008"),
            [format!(
                "{MANIFEST}: --peer-trusted-ca-file names /etc/kubernetes/pki/etcd/ca.crt, which is not there"
            )]
        );
    }

    #[test]
    fn who_asks_nobody_is_another_s_business() {
        let mut tree = Tree::control_plane();
        tree.no_flag("etcd", "--trusted-ca-file");
        tree.no_flag("etcd", "--peer-trusted-ca-file");
        assert!(tree.not_applicable(&RULE));
    }
}
