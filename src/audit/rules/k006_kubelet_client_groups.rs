//! K006: which rights the API server has towards kubelets.

use super::super::{Answers, Role, Scene};
use super::subjects::{MASTERS, NO_VERSION, expected, groups, in_use, is_in};
use super::{Check, Citation, Rule, Severity};

pub(super) static RULE: Rule = Rule {
    id: "K006",
    name: "kubelet-client-groups",
    title: "The API server's client certificate towards kubelets has other groups than it should",
    severity: Severity::High,
    citations: &[
        Citation::page(
            "kubernetes/kubernetes#121837",
            "https://github.com/kubernetes/kubernetes/pull/121837",
        ),
        Citation::page(
            "kubernetes/kubernetes#138957",
            "https://github.com/kubernetes/kubernetes/pull/138957",
        ),
        Citation::page("clastix/kamaji#1207", "https://github.com/clastix/kamaji/issues/1207"),
    ],
    explanation: "Up to 1.28 it was in system:masters; from 1.29 on in kubeadm:cluster-admins, whose rights can be taken away; and from \
                  1.35.5 and 1.36.1 on in no group, because the cluster binds its user to the one role that it needs. A renewal by \
                  kubeadm keeps the groups that it had. With too many, whoever reads the key on a control plane is the \
                  cluster's administrator; with too few, logs and exec fail unless the cluster grants the user that itself.",
    fix: "Issue it again for your version: `kpki issue apiserver-kubelet-client --kubernetes-version VERSION --out FILE \
          --force`, and restart the API server. Where no group is right, bind the user kube-apiserver-kubelet-client to \
          the role system:kubelet-api-admin first, unless kubeadm has done so.",
    applies_to: "API servers' client certificates towards kubelets",
    check: Check::Node(check),
};

fn check(scene: &Scene<'_>, answers: &mut Answers) {
    for cert in in_use(scene.node, Role::ApiserverKubeletClient) {
        let subject = &cert.tbs().subject;
        // k3s and RKE2 have a user of their own there, whose group nobody can choose; K016 names it.
        if subject.common_name() == Some("system:apiserver") {
            continue;
        }
        let Some(version) = &scene.node.version else {
            answers.skip(cert, format!("whether {} is right depends: {NO_VERSION}", groups(subject)));
            continue;
        };
        let Some(wanted) = expected(Role::ApiserverKubeletClient, version) else { continue };
        answers.look();
        let (mut own, mut right) = (subject.organizations(), wanted.organizations());
        own.sort_unstable();
        right.sort_unstable();
        if own == right {
            continue;
        }
        let fact = answers.fail(
            cert,
            format!("it has {}, and in Kubernetes {version} {} is right", groups(subject), groups(&wanted)),
        );
        // kubeadm leaves the group of 1.29 to 1.35 there when it upgrades and renews, and it is one that RBAC binds.
        if right.is_empty() && !is_in(subject, MASTERS) {
            fact.severity(Severity::Medium);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::tree::{PKI, Tree};
    use super::*;

    #[test]
    fn the_groups_follow_the_version() {
        let masters = "o=system:masters";
        let admins = "o=kubeadm:cluster-admins";
        for (version, own, finding) in [
            ("1.28.15", masters, None),
            ("1.28.15", "", Some("high: it has no O, and in Kubernetes v1.28.15 O=system:masters is right")),
            ("1.29.0", admins, None),
            (
                "1.29.0",
                masters,
                Some(
                    "high: it has O=system:masters, and in Kubernetes v1.29.0 O=kubeadm:cluster-admins is right",
                ),
            ),
            ("1.35.4", admins, None),
            ("1.35.5", "", None),
            ("1.36.0", admins, None),
            (
                "1.36.1",
                masters,
                Some("high: it has O=system:masters, and in Kubernetes v1.36.1 no O is right"),
            ),
            (
                "1.36.1",
                admins,
                Some("medium: it has O=kubeadm:cluster-admins, and in Kubernetes v1.36.1 no O is right"),
            ),
        ] {
            let mut tree = Tree::control_plane();
            tree.certificate(&format!("{PKI}/apiserver-kubelet-client.crt"), own);
            tree.policy.kubernetes_version = Some(version.parse().unwrap());
            let found: Vec<String> = tree
                .findings("K006")
                .iter()
                .map(|found| found.replace(" etc/kubernetes/pki/apiserver-kubelet-client.crt:1", ""))
                .collect();
            assert_eq!(found, finding.into_iter().collect::<Vec<_>>(), "{version} {own}");
        }
    }

    #[test]
    fn k3s_has_a_user_of_its_own() {
        let mut tree = Tree::control_plane();
        let words = "cn=system:apiserver o=system:masters";
        tree.certificate(&format!("{PKI}/apiserver-kubelet-client.crt"), words);
        assert!(tree.not_applicable(&RULE));
    }

    #[test]
    fn without_a_version_nothing_is_known() {
        let mut tree = Tree::control_plane();
        assert_eq!(tree.skipped("K006"), [""; 0]);
        for name in ["kube-apiserver", "kube-controller-manager", "kube-scheduler"] {
            tree.remove(&format!("etc/kubernetes/manifests/{name}.yaml"));
        }
        assert_eq!(
            tree.skipped("K006"),
            [
                "etc/kubernetes/pki/apiserver-kubelet-client.crt: whether no O is right depends: the version of Kubernetes is not known; \
              give the manifests as well, or --kubernetes-version"
            ]
        );
        assert!(Tree::worker().not_applicable(&RULE));
    }
}
