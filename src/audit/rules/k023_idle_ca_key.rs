//! K023: a CA's key lies where somebody signs with it.

use std::collections::BTreeSet;

use super::super::{Answers, Role, Scene};
use super::remedy::{ASIDE, Cure};
use super::{Check, Citation, Rule, Severity};
use crate::manifest::Component;

pub(super) static RULE: Rule = Rule {
    id: "K023",
    name: "idle-ca-key",
    title: "A CA's private key lies on a control plane that signs nothing with it",
    severity: Severity::Medium,
    citations: &[
        Citation::page(
            "Kubernetes: certificate management with kubeadm, external CA mode",
            "https://kubernetes.io/docs/tasks/administer-cluster/kubeadm/kubeadm-certs/#external-ca-mode",
        ),
        Citation::page(
            "Kubernetes: PKI certificates and requirements",
            "https://kubernetes.io/docs/setup/best-practices/certificates/#single-root-ca",
        ),
    ],
    explanation: "The controller manager has no flags for signing, so nothing that runs here needs the key. Whoever reads it can be any user of \
                  the cluster, for as long as the CA lives.",
    fix: "Move FILE to where certificates are issued, and remove it here with `shred -u FILE`. Kubernetes runs without it (external CA).",
    applies_to: "control planes with a controller manager",
    check: Check::Node(check),
};

fn check(scene: &Scene<'_>, answers: &mut Answers) {
    let node = scene.node;
    let Some(flags) = node.flags(Component::ControllerManager) else { return };
    answers.look();
    let signs = |name: &str| name.starts_with("cluster-signing-") && name.ends_with("key-file");
    if flags.all().iter().any(|flag| signs(&flag.name) && !flag.value.is_empty()) {
        return;
    }
    let mut seen = BTreeSet::new();
    for role in [Role::KubernetesCa, Role::EtcdCa] {
        for cert in node.with_role(role).filter(|cert| cert.is_ca()) {
            let spki = cert.spki();
            // Of several certificates of one CA, the key is the same.
            if !seen.insert(spki) {
                continue;
            }
            for key in node.keys_with(&spki).filter(|key| key.private) {
                let message =
                    format!("it is the private key of the {role}, and the controller manager signs nothing");
                let cure = Cure::words("Kubernetes runs without it (external CA). Put it aside, and from there bring it to where certificates are issued:")
                    .aside()
                    .say(ASIDE);
                answers.fail(node.place_of_key(key), message).fix(cure);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::tree::{PKI, Tree};
    use super::*;

    #[test]
    fn a_key_that_nobody_signs_with_may_go() {
        let mut tree = Tree::control_plane();
        assert_eq!(tree.findings("K023"), [""; 0]);
        for flag in ["--cluster-signing-cert-file", "--cluster-signing-key-file"] {
            tree.no_flag("kube-controller-manager", flag);
        }
        let finding = |file: &str, role: &str| {
            format!(
                "medium {PKI}/{file}:1: it is the private key of the {role}, and the controller manager signs nothing"
            )
        };
        assert_eq!(
            tree.findings("K023"),
            [finding("ca.key", "kubernetes-ca"), finding("etcd/ca.key", "etcd-ca")]
        );
        tree.remove(&format!("{PKI}/ca.key"));
        tree.remove(&format!("{PKI}/etcd/ca.key"));
        assert_eq!(tree.findings("K023"), [""; 0]);
        tree.flag(
            "kube-controller-manager",
            "--cluster-signing-kubelet-client-key-file=/etc/kubernetes/pki/ca.key",
        );
        assert_eq!(tree.findings("K023"), [""; 0]);
        tree.remove("etc/kubernetes/manifests/kube-controller-manager.yaml");
        assert!(tree.not_applicable(&RULE));
    }
}
