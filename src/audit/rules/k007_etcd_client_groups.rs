//! K007: clients of etcd are in no group of Kubernetes.

use super::super::{Answers, Role, Scene};
use super::subjects::{MASTERS, NO_VERSION, client_authorities, expected, in_use, is_believed, is_in};
use super::{Check, Citation, Rule, Severity};

pub(super) static RULE: Rule = Rule {
    id: "K007",
    name: "etcd-client-groups",
    title: "A client certificate for etcd is in system:masters",
    severity: Severity::High,
    citations: &[
        Citation::page(
            "kubernetes/kubernetes: kubeadm's certlist.go",
            "https://github.com/kubernetes/kubernetes/blob/master/cmd/kubeadm/app/phases/certs/certlist.go",
        ),
        Citation::page(
            "Kubernetes: PKI certificates and requirements",
            "https://kubernetes.io/docs/setup/best-practices/certificates/#all-certificates",
        ),
    ],
    explanation: "etcd reads no groups. kubeadm wrote this one up to 1.28, and keeps it when it renews. As long as etcd has a CA of its \
                  own it grants nothing; where the API server trusts the same CA, whoever has the key is the cluster's \
                  administrator.",
    fix: "Issue it again without a group: `kpki issue apiserver-etcd-client --out FILE --force` (for the health check, \
          with the profile etcd-client).",
    applies_to: "clients of etcd",
    check: Check::Node(check),
};

fn check(scene: &Scene<'_>, answers: &mut Answers) {
    let node = scene.node;
    let authorities = client_authorities(node);
    for role in [Role::ApiserverEtcdClient, Role::EtcdClient] {
        for cert in in_use(node, role) {
            if !is_in(&cert.tbs().subject, MASTERS) {
                answers.look();
            } else if is_believed(cert, &authorities) == Some(true) {
                answers
                    .fail(cert, "it has O=system:masters, and the API server believes the CA that signed it");
            } else if let Some(version) = &node.version {
                answers.look();
                let right = expected(role, version).is_some_and(|wanted| is_in(&wanted, MASTERS));
                if !right {
                    // Medium as in the catalogue: it grants nothing, and old clusters that were upgraded have it by kubeadm.
                    answers
                        .fail(
                            cert,
                            format!(
                                "it has O=system:masters, which is of no use since 1.29 (this is {version})"
                            ),
                        )
                        .severity(Severity::Medium);
                }
            } else {
                answers.skip(cert, format!("whether O=system:masters is left over depends: {NO_VERSION}"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::tree::{PKI, Tree};
    use super::*;

    #[test]
    fn it_is_left_over_since_1_29() {
        let mut tree = Tree::control_plane();
        assert_eq!(tree.findings("K007"), [""; 0]);
        for name in ["apiserver-etcd-client", "etcd/healthcheck-client"] {
            tree.certificate(&format!("{PKI}/{name}.crt"), "o=system:masters");
        }
        let left_over = |file: &str| {
            format!(
                "medium {PKI}/{file}.crt:1: it has O=system:masters, which is of no use since 1.29 (this is v1.36.2)"
            )
        };
        assert_eq!(
            tree.findings("K007"),
            [left_over("apiserver-etcd-client"), left_over("etcd/healthcheck-client")]
        );
        tree.policy.kubernetes_version = Some("1.28.3".parse().unwrap());
        assert_eq!(tree.findings("K007"), [""; 0]);
        tree.policy.kubernetes_version = None;
        for name in ["kube-apiserver", "kube-controller-manager", "kube-scheduler"] {
            tree.remove(&format!("etc/kubernetes/manifests/{name}.yaml"));
        }
        assert_eq!(tree.skipped("K007").len(), 2);
        assert!(Tree::worker().not_applicable(&RULE));
    }

    #[test]
    fn with_one_ca_for_all_it_rules_the_cluster() {
        let mut tree = Tree::control_plane();
        tree.policy.kubernetes_version = Some("1.28.3".parse().unwrap());
        let leaf = tree.ca("ca").leaf("cn=kube-apiserver-etcd-client o=system:masters eku=client");
        tree.put(&format!("{PKI}/apiserver-etcd-client.crt"), leaf, "");
        assert_eq!(
            tree.findings("K007"),
            [
                "high etc/kubernetes/pki/apiserver-etcd-client.crt:1: it has O=system:masters, and the API server believes the CA that \
              signed it"
            ]
        );
    }
}
