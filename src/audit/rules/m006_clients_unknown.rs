//! M006: the API server and the kubelet know who asks.

use super::launches::whole;
use super::remedy::{Command, Cure, Edit};
use super::subjects::in_use;
use super::{Answers, Check, Citation, Rule, Severity};
use crate::audit::{Role, Scene};
use crate::manifest::{By, Component};
use crate::x509::shell_word;

pub(super) static RULE: Rule = Rule {
    id: "M006",
    name: "clients-unknown",
    title: "Client certificates count for nothing, or nobody has to say who he is",
    severity: Severity::High,
    citations: &[
        Citation::page(
            "CIS Kubernetes Benchmark 1.2.1, 1.2.25 and 4.2.1",
            "https://www.cisecurity.org/benchmark/kubernetes",
        ),
        Citation::page(
            "Kubernetes authentication: anonymous requests",
            "https://kubernetes.io/docs/reference/access-authn-authz/authentication/#anonymous-requests",
        ),
    ],
    explanation: "Without `--client-ca-file` the API server takes no client certificate: administrators, kubelets and the control plane \
                  itself are refused. A request without credentials is served as system:anonymous unless that is turned off; what \
                  it may do is up to RBAC on the API server, and up to nobody on a kubelet that authorizes everything.",
    fix: "Name the clients' CA with `--client-ca-file`; for anonymous requests give `--anonymous-auth=false`, or an AuthenticationConfiguration that admits them to the health checks alone.",
    applies_to: "the API server's flags and the kubelet's configuration",
    check: Check::Node(check),
};

fn check(scene: &Scene<'_>, answers: &mut Answers) {
    let node = scene.node;
    if let Some(launch) = whole(node, Component::Apiserver, answers) {
        let (file, flags) = (launch.file, &launch.flags);
        answers.look();
        // A file of both can say more than the two flags.
        let is_configured = flags.value("authentication-config").is_some();
        if flags.value("client-ca-file").is_none() {
            let fact =
                answers.fail(file, "kube-apiserver has no --client-ca-file: no client certificate counts");
            let ca = in_use(node, Role::KubernetesCa).into_iter().find(|ca| ca.item().place.field.is_none());
            if let Some(ca) = ca {
                fact.fix(Cure::words("Name the clients' CA:").flags([Edit::name(
                    Component::Apiserver,
                    "client-ca-file",
                    ca.found().file,
                )]));
            }
        }
        // The health checks of kubeadm's own manifests need it: a note, and no more.
        if !is_configured && flags.switch("anonymous-auth") != Some(false) {
            let place = node
                .flag(Component::Apiserver, "anonymous-auth")
                .map_or_else(|| file.into(), |(place, _)| place);
            answers
                .fail(place, "kube-apiserver serves requests without credentials as system:anonymous (--anonymous-auth)")
                .severity(Severity::Info)
                .fix("An AuthenticationConfiguration can admit such requests to the health checks alone; the probes of kubeadm's manifests need those.");
        }
    }
    kubelet(scene, answers);
}

/// The kubelet: by its flag, or its configuration, or without either as it is by itself.
fn kubelet(scene: &Scene<'_>, answers: &mut Answers) {
    let node = scene.node;
    let flag = node.kubelet_flag("anonymous-auth");
    let alone = node.whole_launch(Component::Kubelet).filter(|launch| {
        matches!(launch.by, By::Unit | By::Arguments) && launch.flags.value("config").is_none()
    });
    match (flag, node.kubelet(), alone) {
        (Some((place, flag)), ..) => {
            answers.look();
            if flag.value != "false" {
                answers.fail(place, "the kubelet serves requests without credentials (--anonymous-auth)");
            }
        }
        (None, Some((file, kubelet)), _) => {
            answers.look();
            if kubelet.anonymous == Some(true) {
                let message =
                    "the kubelet serves requests without credentials (authentication.anonymous.enabled)";
                let path =
                    node.files.get(file).map(|file| shell_word(file.command_path())).unwrap_or_default();
                let close =
                    format!("sed -i '/^ *anonymous:/,/enabled:/s/enabled: true/enabled: false/' {path}");
                answers
                    .fail(file, message)
                    .fix(Cure::default().run(Command::written(close)).restart_kubelet());
            }
        }
        // The flag is true unless it is given; only a configuration turns that round.
        (None, None, Some(launch)) => {
            let message = "the kubelet serves requests without credentials: it has neither --anonymous-auth=false nor --config";
            answers.fail(launch.file, message);
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::tree::Tree;
    use super::*;

    const APISERVER: &str = "etc/kubernetes/manifests/kube-apiserver.yaml";
    const ANONYMOUS: &str =
        "kube-apiserver serves requests without credentials as system:anonymous (--anonymous-auth)";

    #[test]
    fn kubeadms_default_is_a_note() {
        let mut tree = Tree::control_plane();
        assert_eq!(tree.findings(RULE.id), [format!("info {APISERVER}: {ANONYMOUS}")]);
        tree.flag("kube-apiserver", "--anonymous-auth=true");
        assert_eq!(tree.findings(RULE.id), [format!("info {APISERVER}:15: {ANONYMOUS}")]);
        tree.flag("kube-apiserver", "--anonymous-auth=false");
        assert_eq!(tree.findings(RULE.id), [""; 0]);
        tree.flag("kube-apiserver", "--authentication-config=/etc/kubernetes/pki/authentication.yaml");
        tree.no_flag("kube-apiserver", "--anonymous-auth");
        assert_eq!(tree.findings(RULE.id), [""; 0]);
    }

    #[test]
    fn without_a_clients_ca_it_fires() {
        for change in ["--client-ca-file=", ""] {
            let mut tree = Tree::control_plane();
            tree.flag("kube-apiserver", "--anonymous-auth=false");
            tree.no_flag("kube-apiserver", "--client-ca-file");
            if !change.is_empty() {
                tree.flag("kube-apiserver", change);
            }
            assert_eq!(
                tree.findings(RULE.id),
                [format!(
                    "high {APISERVER}: kube-apiserver has no --client-ca-file: no client certificate counts"
                )]
            );
        }
    }

    #[test]
    fn a_kubelet_that_asks_nobody_fires() {
        let mut tree = Tree::worker();
        assert_eq!((tree.findings(RULE.id), tree.not_applicable(&RULE)), (vec![], false));
        tree.replace("var/lib/kubelet/config.yaml", "    enabled: false", "    enabled: true");
        assert_eq!(
            tree.findings(RULE.id),
            [
                "high var/lib/kubelet/config.yaml: the kubelet serves requests without credentials (authentication.anonymous.enabled)"
            ]
        );
        tree.remove("var/lib/kubelet/config.yaml");
        assert!(tree.not_applicable(&RULE));
        // By its flags alone it asks nobody unless told to.
        let unit = "etc/systemd/system/kubelet.service";
        tree.file(unit, 0o644, "[Service]\nExecStart=/usr/bin/kubelet --v=2\n");
        assert_eq!(
            tree.findings(RULE.id),
            [format!(
                "high {unit}: the kubelet serves requests without credentials: it has neither --anonymous-auth=false nor --config"
            )]
        );
        tree.replace(unit, "--v=2", "--anonymous-auth=false");
        assert_eq!((tree.findings(RULE.id), tree.not_applicable(&RULE)), (vec![], false));
    }
}
