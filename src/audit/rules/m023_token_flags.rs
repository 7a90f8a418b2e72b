//! M023: the flags for service-account tokens are given together.

use super::apiserver::domain;
use super::launches::whole;
use super::remedy::{Cure, Edit};
use super::{Answers, Check, Citation, Rule, Severity};
use crate::audit::{FoundKey, Node, Role, Scene};
use crate::manifest::Component;
use crate::profile::KubernetesVersion;

/// Since this release tokens are bound, and the API server signs them itself: it does not start without a key and an issuer.
const BOUND: KubernetesVersion = KubernetesVersion::new(1, 20, 0);

pub(super) static RULE: Rule = Rule {
    id: "M023",
    name: "token-flags",
    title: "The flags for service-account tokens do not fit together",
    severity: Severity::High,
    citations: &[
        Citation::page(
            "Kubernetes: configure service accounts for pods, launch a pod using service account token projection",
            "https://kubernetes.io/docs/tasks/configure-pod-container/configure-service-account/#launch-a-pod-using-service-account-token-projection",
        ),
        Citation::page(
            "kube-apiserver reference: --service-account-key-file",
            "https://kubernetes.io/docs/reference/command-line-tools-reference/kube-apiserver/",
        ),
    ],
    explanation: "The API server signs tokens with one key and verifies them with others. Without the key to sign or an issuer it does not start; \
                  without a key to verify it takes that of its own TLS certificate, and refuses every token that was signed with another.",
    fix: "Give the API server `--service-account-issuer`, `--service-account-signing-key-file` with the private key for tokens and `--service-account-key-file` with its public half, and the controller manager `--service-account-private-key-file` with the private one.",
    applies_to: "the flags of the API server and of the controller manager",
    check: Check::Node(check),
};

/// Whether the keys themselves belong together is K021's.
fn check(scene: &Scene<'_>, answers: &mut Answers) {
    let node = scene.node;
    let Some(launch) = whole(node, Component::Apiserver, answers) else { return };
    answers.look();
    let file = launch.file;
    let has = |flag: &str| launch.flags.value(flag).is_some();
    // An external signer (Kubernetes 1.32) knows all of it.
    if has("service-account-signing-endpoint") {
        return;
    }
    let is_old = node.version.as_ref().is_some_and(|version| *version < BOUND);
    let signs = has("service-account-signing-key-file");
    if !signs && !is_old {
        let fact =
            answers.fail(file, "kube-apiserver has no --service-account-signing-key-file: it does not start");
        if let Some(key) = key(node, true) {
            fact.fix(Cure::default().flags([Edit::name(
                Component::Apiserver,
                "service-account-signing-key-file",
                key,
            )]));
        }
    }
    if !has("service-account-issuer") && (signs || !is_old) {
        let issuer = format!("https://kubernetes.default.svc.{}", domain(node).unwrap_or("cluster.local"));
        answers
            .fail(file, "kube-apiserver has no --service-account-issuer: it does not start")
            .fix(Cure::default().flags([Edit::set(Component::Apiserver, "service-account-issuer", issuer)]));
    }
    if !has("service-account-key-file") {
        let fact = answers.fail(
            file,
            "kube-apiserver has no --service-account-key-file: it verifies tokens with its TLS key, and refuses those that another key signed",
        );
        if let Some(key) = key(node, false).or_else(|| key(node, true)) {
            fact.fix(Cure::default().flags([Edit::name(
                Component::Apiserver,
                "service-account-key-file",
                key,
            )]));
        }
    }
    if let Some((manager, flags)) = node.flags_of(Component::ControllerManager)
        && flags.value("service-account-private-key-file").is_none()
    {
        let message = "kube-controller-manager has no --service-account-private-key-file: Secrets of service accounts get no token";
        // Bound tokens come from the API server; hardly anybody asks for the others any more.
        let severity = if is_old { Severity::High } else { Severity::Low };
        let fact = answers.fail(manager, message);
        fact.severity(severity);
        if let Some(key) = key(node, true) {
            fact.fix(Cure::default().flags([Edit::name(
                Component::ControllerManager,
                "service-account-private-key-file",
                key,
            )]));
        }
    }
}

/// The file of the key for tokens, of its private or its public half.
fn key(node: &Node, private: bool) -> Option<usize> {
    let own = |key: &&FoundKey| {
        key.private == private && key.roles.iter().any(|(role, _)| *role == Role::ServiceAccount)
    };
    node.keys.iter().find(own).map(|key| key.file)
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::tree::Tree;
    use super::*;

    const APISERVER: &str = "etc/kubernetes/manifests/kube-apiserver.yaml";
    const MANAGER: &str = "etc/kubernetes/manifests/kube-controller-manager.yaml";

    #[test]
    fn every_flag_is_missed_by_the_version() {
        for (component, flag, version, finding) in [
            (
                "kube-apiserver",
                "signing-key-file",
                None,
                Some(format!(
                    "high {APISERVER}: kube-apiserver has no --service-account-signing-key-file: it does not start"
                )),
            ),
            ("kube-apiserver", "signing-key-file", Some("v1.19.0"), None),
            (
                "kube-apiserver",
                "issuer",
                Some("v1.19.0"),
                Some(format!(
                    "high {APISERVER}: kube-apiserver has no --service-account-issuer: it does not start"
                )),
            ),
            (
                "kube-apiserver",
                "key-file",
                None,
                Some(format!(
                    "high {APISERVER}: kube-apiserver has no --service-account-key-file: it verifies tokens with its TLS key, and refuses those that another key signed"
                )),
            ),
            (
                "kube-controller-manager",
                "private-key-file",
                None,
                Some(format!(
                    "low {MANAGER}: kube-controller-manager has no --service-account-private-key-file: Secrets of service accounts get no token"
                )),
            ),
            (
                "kube-controller-manager",
                "private-key-file",
                Some("v1.19.0"),
                Some(format!(
                    "high {MANAGER}: kube-controller-manager has no --service-account-private-key-file: Secrets of service accounts get no token"
                )),
            ),
        ] {
            let mut tree = Tree::control_plane();
            tree.policy.kubernetes_version = version.map(|version| version.parse().unwrap());
            assert_eq!((tree.findings(RULE.id), tree.not_applicable(&RULE)), (vec![], false));
            tree.no_flag(component, &format!("--service-account-{flag}"));
            assert_eq!(tree.findings(RULE.id), finding.into_iter().collect::<Vec<_>>());
        }
    }

    #[test]
    fn an_external_signer_needs_none_of_them_and_a_worker_neither() {
        let mut tree = Tree::control_plane();
        tree.no_flag("kube-apiserver", "--service-account-signing-key-file");
        tree.no_flag("kube-apiserver", "--service-account-key-file");
        tree.flag("kube-apiserver", "--service-account-signing-endpoint=/run/signer.sock");
        assert_eq!(tree.findings(RULE.id), [""; 0]);
        assert!(Tree::worker().not_applicable(&RULE));
    }
}
