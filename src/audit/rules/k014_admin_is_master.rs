//! K014: since 1.29 the administrator is bound by RBAC.

use super::super::{Answers, Role, Scene};
use super::distinct::Certificates;
use super::subjects::{MASTERS, NO_VERSION, expected, is_in};
use super::{Check, Citation, Rule, Severity};

pub(super) static RULE: Rule = Rule {
    id: "K014",
    name: "admin-is-master",
    title: "admin.conf is in system:masters, which it should not be since 1.29",
    severity: Severity::High,
    citations: &[
        Citation::page("kubernetes/kubeadm#2414", "https://github.com/kubernetes/kubeadm/issues/2414"),
        Citation::page(
            "kubernetes/kubernetes#121305",
            "https://github.com/kubernetes/kubernetes/pull/121305",
        ),
    ],
    explanation: "Nothing stands in the way of system:masters: neither RBAC nor a webhook is asked, and Kubernetes cannot revoke a \
                  certificate. Since 1.29 kubeadm writes admin.conf with the group kubeadm:cluster-admins, from which RBAC can take \
                  its rights, and keeps a super-admin.conf for the day on which RBAC is broken.",
    fix: "Write it anew, `kpki issue admin --kubeconfig FILE --force`, and replace every copy. The old one stays good \
          until its end or until the CA is replaced.",
    applies_to: "administrators' kubeconfigs",
    check: Check::Node(check),
};

fn check(scene: &Scene<'_>, answers: &mut Answers) {
    // One that was put aside is as good as ever.
    for cert in Certificates::of(scene.node).with_role(Role::Admin).map(|one| one.cert) {
        if !is_in(&cert.tbs().subject, MASTERS) {
            answers.look();
            continue;
        }
        let Some(version) = &scene.node.version else {
            answers.skip(cert, format!("whether O=system:masters is right depends: {NO_VERSION}"));
            continue;
        };
        answers.look();
        if !expected(Role::Admin, version).is_some_and(|right| is_in(&right, MASTERS)) {
            answers.fail(
                cert,
                format!(
                    "it has O=system:masters, and in Kubernetes {version} O=kubeadm:cluster-admins is right"
                ),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::tree::Tree;
    use super::*;

    #[test]
    fn it_was_right_up_to_1_28() {
        let mut tree = Tree::control_plane();
        assert_eq!(tree.findings("K014"), [""; 0]);
        tree.kubeconfig("etc/kubernetes/admin.conf", "o=system:masters cn=kubernetes-admin eku=client");
        let found = tree.findings("K014");
        assert_eq!(found.len(), 1);
        assert!(found[0].starts_with("high etc/kubernetes/admin.conf:"), "{found:?}");
        assert!(
            found[0].ends_with(
                ": it has O=system:masters, and in Kubernetes v1.36.2 O=kubeadm:cluster-admins is right"
            ),
            "{found:?}"
        );
        tree.policy.kubernetes_version = Some("1.28.3".parse().unwrap());
        assert_eq!(tree.findings("K014"), [""; 0]);
        tree.policy.kubernetes_version = None;
        for name in ["kube-apiserver", "kube-controller-manager", "kube-scheduler"] {
            tree.remove(&format!("etc/kubernetes/manifests/{name}.yaml"));
        }
        assert_eq!(tree.findings("K014"), [""; 0]);
        assert_eq!(tree.skipped("K014").len(), 1);
        assert!(Tree::worker().not_applicable(&RULE));
    }
}
