//! C001: a certificate of the cluster that none of its CAs signed.

use std::collections::HashMap;

use super::super::{Answers, NodeKind, Scene};
use super::distinct::{Certificates, Distinct, End, Use, ca_of, named};
use super::remedy::Reissue;
use super::{Check, Citation, Role, Rule, Severity};

/// CAs of one part that are compared with a certificate's.
const MOST_CAS: usize = 16;

pub(super) static RULE: Rule = Rule {
    id: "C001",
    name: "issuer-absent",
    title: "None of the cluster's CAs signed the certificate",
    severity: Severity::Critical,
    citations: &[
        Citation::rfc("RFC 5280 section 6.1"),
        Citation::page(
            "Kubernetes: PKI certificates and requirements",
            "https://kubernetes.io/docs/setup/best-practices/certificates/",
        ),
    ],
    explanation: "Whoever meets this certificate holds the CA of its part, and no chain leads there: `x509: certificate signed by \
                  unknown authority`. It was issued by another CA, of another cluster or of this one's past, or by the one \
                  of another part. Where the CA of its part was not given, it cannot be judged.",
    fix: "Issue it again under the right CA: `kubeadm certs renew NAME`, or `kpki sign csr NAME.csr --profile PROFILE --ca CA --out \
          FILE --force`; `kpki verify FILE --ca CA` shows what is missing.",
    applies_to: "certificates of leaves",
    check: Check::Node(check),
};

fn check(scene: &Scene<'_>, answers: &mut Answers) {
    let certificates = Certificates::of(scene.node);
    let mut cas: HashMap<Role, Vec<&Distinct<'_>>> = HashMap::new();
    for ca in certificates.all.iter().filter(|one| one.is_anchor()) {
        for role in ca.roles {
            let known = cas.entry(*role).or_default();
            if known.len() < MOST_CAS {
                known.push(ca);
            }
        }
    }
    for one in certificates.all.iter().filter(|one| one.usage != Use::Old && !one.is_anchor()) {
        // What follows a leaf is looked at on the way up from it.
        if one.roles.is_empty() && one.cert.found().position > 0 {
            continue;
        }
        let ca = one.role().and_then(ca_of);
        let expected = ca.and_then(|ca| cas.get(&ca)).map(Vec::as_slice).unwrap_or_default();
        match certificates.climb(one.cert) {
            // C005 and C002 have these.
            End::Root(root) if root.index == one.cert.index => {}
            End::AnotherKey(..) | End::NotChecked => {}
            End::Elsewhere => answers.look(),
            End::Anchor(top) | End::Root(top) => {
                answers.look();
                let reached = certificates.get(top);
                let is_right = expected.is_empty()
                    || expected.iter().any(|ca| ca.cert.spki() == top.spki())
                    || reached.is_some_and(|top| may_be_by(one, top));
                if let (false, Some(ca)) = (is_right, ca) {
                    let by = named(&top.tbs().subject);
                    if reached.is_some_and(|top| top.roles.contains(&ca)) {
                        // Known from kubeconfigs alone: they have kept it, and its file has not. What they hold themselves is M014's.
                        if let Some(right) = expected.first().filter(|_| in_file(one)) {
                            let message = format!(
                                "it is signed by another {by}, which stands in {}, and not by the {ca} in {}",
                                top.file().shown,
                                right.cert.file().shown
                            );
                            let first = format!(
                                "Where the CA in {} was replaced by mistake, bring back the old certificate with its key; otherwise everything \
                                 that the old one has signed is made anew, this as well:",
                                right.cert.file().shown
                            );
                            answers.fail(one, message).fix(Reissue::default().first(first));
                        }
                        continue;
                    }
                    let part =
                        reached.and_then(Distinct::role).map_or_else(String::new, |r| format!(" ({r})"));
                    answers.fail(one, format!("it is signed by {by}{part}, and not by the {ca}"));
                }
            }
            End::Absent(top) => {
                let issuer = named(&top.tbs().issuer);
                let own_ca = matches!(one.role(), Some(Role::KubeletServing));
                match severity(scene.node.kind, one.role()) {
                    Some(severity) if !expected.is_empty() && !own_ca => {
                        let message = if top.index == one.cert.index {
                            format!("its issuer, {issuer}, is none of the CAs that were given")
                        } else {
                            let last = named(&top.tbs().subject);
                            format!(
                                "its chain ends at {last}, whose issuer, {issuer}, is none of the CAs that were given"
                            )
                        };
                        answers.fail(one, message).severity(severity);
                    }
                    _ => answers.skip(one, format!("its issuer was not given: {issuer}")),
                }
            }
        }
    }
}

fn in_file(one: &Distinct<'_>) -> bool {
    one.places().any(|cert| cert.item().place.field.is_none())
}

/// Whether a CA other than that of its part may well have signed it.
fn may_be_by(one: &Distinct<'_>, ca: &Distinct<'_>) -> bool {
    match one.role() {
        // Nobody has to verify these by the cluster's CA.
        Some(Role::KubeletServing | Role::ControllerManagerServing | Role::SchedulerServing) => true,
        // That is C013's.
        Some(Role::EtcdServer | Role::EtcdPeer | Role::EtcdClient | Role::ApiserverEtcdClient) => {
            ca.roles.contains(&Role::KubernetesCa)
        }
        _ => false,
    }
}

/// How bad it is that the chain of a part leads nowhere; none where there is no part.
fn severity(kind: NodeKind, role: Option<Role>) -> Option<Severity> {
    Some(match role? {
        Role::ServiceAccount => return None,
        Role::ControllerManagerServing | Role::SchedulerServing => Severity::Medium,
        // The CA that the kubelet trusts need not be the one by which it is known.
        Role::KubeletClient if kind != NodeKind::ControlPlane => Severity::High,
        _ => Severity::Critical,
    })
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::tree::{PKI, Tree, estate, findings};
    use super::*;
    use crate::forge;

    const API: &str = "etc/kubernetes/pki/apiserver.crt";
    const LEAF: &str = "cn=kube-apiserver eku=server key=p256:apiserver";

    #[test]
    fn a_ca_that_was_replaced_fires_though_kubeconfigs_kept_the_old_one() {
        let mut tree = Tree::control_plane();
        tree.file(&format!("{PKI}/ca.crt"), 0o644, forge::ca("cn=kubernetes key=p256:new-ca").pem());
        let found = tree.findings("C001");
        assert_eq!(found.len(), 3, "{found:?}");
        assert_eq!(
            found[1],
            "critical etc/kubernetes/pki/apiserver.crt:1: it is signed by another CN=kubernetes, which stands in \
             etc/kubernetes/admin.conf, and not by the kubernetes-ca in etc/kubernetes/pki/ca.crt"
        );
        assert_eq!((tree.findings("M014"), tree.findings("M010")), (vec![], vec![]));
        assert_eq!(tree.findings("C005"), [""; 0]);
    }

    #[test]
    fn a_foreign_ca_fires() {
        let mut tree = Tree::control_plane();
        assert_eq!(tree.findings("C001"), [""; 0]);
        tree.put(API, forge::ca("cn=other").leaf(LEAF), "");
        assert_eq!(
            tree.findings("C001"),
            [
                "critical etc/kubernetes/pki/apiserver.crt:1: its issuer, CN=other, is none of the CAs that were given"
            ]
        );
        // A served intermediate does not help while nobody knows its issuer.
        let middle = forge::ca("cn=other").ca("cn=middle key=p256:middle");
        let leaf = middle.leaf(LEAF);
        tree.file(API, 0o644, leaf.pem() + &middle.pem());
        assert_eq!(
            tree.findings("C001"),
            [
                "critical etc/kubernetes/pki/apiserver.crt:1: its chain ends at CN=middle, whose issuer, CN=other, is none of \
                 the CAs that were given"
            ]
        );
    }

    #[test]
    fn the_ca_of_another_part_fires() {
        let mut tree = Tree::control_plane();
        tree.put(API, tree.ca("etcd/ca").leaf(LEAF), "");
        assert_eq!(
            tree.findings("C001"),
            [
                "critical etc/kubernetes/pki/apiserver.crt:1: it is signed by CN=etcd-ca (etcd-ca), and not by the \
                 kubernetes-ca"
            ]
        );
        let etcd = tree.ca("ca").leaf("cn=a eku=server,client key=p256:etcd/server");
        let mut tree = Tree::control_plane();
        tree.put(&format!("{PKI}/etcd/server.crt"), etcd, "");
        assert_eq!(tree.findings("C001"), [""; 0], "C013 has that");
    }

    #[test]
    fn a_ca_may_be_an_intermediate_of_another_pki() {
        let mut tree = Tree::control_plane();
        let corporate = forge::ca("cn=corporate").ca("cn=kubernetes key=p256:ca");
        tree.file(&format!("{PKI}/ca.crt"), 0o644, corporate.pem());
        assert_eq!(tree.findings("C001"), [""; 0]);
        assert_eq!(tree.skipped("C001"), [""; 0]);
    }

    #[test]
    fn what_was_not_given_is_skipped() {
        let mut tree = Tree::empty();
        tree.put(API, forge::ca("cn=other").leaf(LEAF), "");
        assert_eq!(tree.findings("C001"), [""; 0]);
        assert_eq!(
            tree.skipped("C001"),
            ["etc/kubernetes/pki/apiserver.crt: its issuer was not given: CN=other"]
        );
        let mut worker = Tree::worker();
        worker.put(
            "var/lib/kubelet/pki/kubelet-client-2026-05-31-11-55-00.pem",
            forge::ca("cn=other").leaf("o=system:nodes cn=system:node:cp1.example.com eku=client"),
            "",
        );
        assert_eq!(
            worker.findings("C001"),
            [
                "high var/lib/kubelet/pki/kubelet-client-2026-05-31-11-55-00.pem:1: its issuer, CN=other, is none of the CAs \
                 that were given"
            ]
        );
        assert!(Tree::empty().not_applicable(&RULE));
    }

    #[test]
    fn the_cas_of_other_nodes_count() {
        let (one, mut two) = (Tree::control_plane().named("cp1"), Tree::worker().named("w1"));
        two.remove(&format!("{PKI}/ca.crt"));
        two.remove("etc/kubernetes/kubelet.conf");
        assert_eq!(findings(&[&one, &two], "C001"), [""; 0]);
        let skipped = estate(&[&one, &two]).skipped;
        assert!(!skipped.iter().any(|skipped| skipped.rule == Some(&RULE)), "{skipped:?}");
    }
}
