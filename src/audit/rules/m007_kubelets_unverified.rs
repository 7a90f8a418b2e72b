//! M007: the API server knows to which kubelet it speaks.

use super::launches::whole;
use super::remedy::Cure;
use super::subjects::in_use;
use super::{Answers, Check, Citation, Rule, Severity};
use crate::audit::{Role, Scene};
use crate::manifest::Component;

pub(super) static RULE: Rule = Rule {
    id: "M007",
    name: "kubelets-unverified",
    title: "The API server does not verify the kubelets' certificates",
    severity: Severity::Medium,
    citations: &[
        Citation::page(
            "Kubernetes: control plane to node communication",
            "https://kubernetes.io/docs/concepts/architecture/control-plane-node-communication/#api-server-to-kubelet",
        ),
        Citation::page("CIS Kubernetes Benchmark 1.2.5", "https://www.cisecurity.org/benchmark/kubernetes"),
    ],
    explanation: "Without `--kubelet-certificate-authority` the API server takes any certificate from a kubelet. Whoever stands on the way \
                  between them reads logs, exec sessions and port forwards, and answers in a node's name. kubeadm leaves it out, \
                  because its kubelets sign their serving certificates themselves.",
    fix: "Let the kubelets ask for serving certificates (serverTLSBootstrap: true, and approve them), then name the CA that signs these in FILE as `--kubelet-certificate-authority`.",
    applies_to: "the API server's flags",
    check: Check::Node(check),
};

fn check(scene: &Scene<'_>, answers: &mut Answers) {
    let Some(launch) = whole(scene.node, Component::Apiserver, answers) else { return };
    answers.look();
    if launch.flags.value("kubelet-certificate-authority").is_none() {
        answers.fail(
            launch.file,
            "kube-apiserver has no --kubelet-certificate-authority: it takes any certificate from a kubelet",
        )
        .fix(cure(scene));
    }
}

/// First the kubelets need certificates that the flag does not refuse.
fn cure(scene: &Scene<'_>) -> Cure {
    let ca = in_use(scene.node, Role::KubernetesCa).into_iter().find(|ca| ca.item().place.field.is_none());
    let flag = "`--kubelet-certificate-authority";
    let given = match ca.map(|ca| ca.file().on_node.display().to_string()) {
        Some(path) => format!("{flag}={}`", crate::x509::Printable(&path)),
        None => format!("{flag}` with the path of that CA"),
    };
    Cure::words(format!(
        "First let every kubelet ask for a serving certificate of the cluster's CA (`serverTLSBootstrap: true` in its configuration, then \
         `kubectl certificate approve` for each): with the flag, the API server refuses one that a kubelet has signed itself. Then give \
         {given} in FILE."
    ))
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::tree::Tree;
    use super::*;

    #[test]
    fn the_flag_is_missed() {
        let mut tree = Tree::control_plane();
        assert_eq!(
            tree.findings(RULE.id),
            [
                "medium etc/kubernetes/manifests/kube-apiserver.yaml: kube-apiserver has no --kubelet-certificate-authority: it takes any \
              certificate from a kubelet"
            ]
        );
        tree.flag("kube-apiserver", "--kubelet-certificate-authority=/etc/kubernetes/pki/ca.crt");
        assert_eq!(tree.findings(RULE.id), [""; 0]);
        assert!(Tree::worker().not_applicable(&RULE));
    }
}
