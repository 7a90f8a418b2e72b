//! K012: the kubelet renews its certificates itself.

use super::super::{Answers, Node, Place, Role, Scene};
use super::{Check, Citation, Rule, Severity};
use crate::manifest::Component;

pub(super) static RULE: Rule = Rule {
    id: "K012",
    name: "kubelet-rotation",
    title: "The kubelet does not renew its certificates itself",
    severity: Severity::Medium,
    citations: &[
        Citation::page(
            "Kubernetes: configure certificate rotation for the kubelet",
            "https://kubernetes.io/docs/tasks/tls/certificate-rotation/",
        ),
        Citation::page(
            "CIS Kubernetes Benchmark 4.2.10, 4.2.11",
            "https://www.cisecurity.org/benchmark/kubernetes",
        ),
    ],
    explanation: "Without rotateCertificates the node is lost on the day on which the kubelet's client certificate ends. Without \
                  serverTLSBootstrap, and without a serving certificate from elsewhere, the kubelet shows one that it signed \
                  itself and that nobody can verify.",
    fix: "Set `rotateCertificates: true` and `serverTLSBootstrap: true` in /var/lib/kubelet/config.yaml and restart the kubelet; requests \
          for serving certificates have to be approved with `kubectl certificate approve NAME`.",
    applies_to: "kubelets",
    check: Check::Node(check),
};

/// What is said where the configuration is not at hand.
const NOT_GIVEN: &str = "the kubelet's configuration was not given, or cannot be read; give the file that its --config names as well";

fn check(scene: &Scene<'_>, answers: &mut Answers) {
    let node = scene.node;
    let Some((file, kubelet)) = node.kubelet() else {
        let (doubt, reason) = node.not_known(Component::Kubelet);
        let launched = node.launch(Component::Kubelet).map(|launch| Place::file(launch.file));
        let kubelets = || node.with_role(Role::KubeletClient).next().map(Place::from);
        if let Some(place) = doubt.clone().or(launched).or_else(kubelets) {
            let reason = if doubt.is_some() { reason } else { NOT_GIVEN.to_owned() };
            answers.skip(place, reason);
        }
        return;
    };
    answers.look();
    if !flag(node, "rotate-certificates").or(kubelet.rotate_certificates).unwrap_or(false) {
        answers
            .fail(file, "rotateCertificates is not true, so the client certificate ends without a new one");
    }
    let given = kubelet.tls_cert_file.is_some() || node.kubelet_flag("tls-cert-file").is_some();
    let asks = flag(node, "rotate-server-certificates").or(kubelet.server_tls_bootstrap).unwrap_or(false);
    if !given && !asks {
        answers.fail(
            file,
            "serverTLSBootstrap is not true, so the kubelet signs its serving certificate itself",
        );
    }
}

/// A flag of the kubelet, which goes before its configuration.
fn flag(node: &Node, name: &str) -> Option<bool> {
    node.kubelet_flag(name).map(|(_, flag)| flag.value.eq_ignore_ascii_case("true") || flag.value == "1")
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::tree::Tree;
    use super::*;

    const CONFIG: &str = "var/lib/kubelet/config.yaml";

    #[test]
    fn both_are_renewed() {
        let mut tree = Tree::worker();
        assert_eq!(tree.findings("K012"), [""; 0]);
        tree.replace(CONFIG, "rotateCertificates: true\nserverTLSBootstrap: true\n", "");
        let client = format!(
            "medium {CONFIG}: rotateCertificates is not true, so the client certificate ends without a new one"
        );
        let server = format!(
            "medium {CONFIG}: serverTLSBootstrap is not true, so the kubelet signs its serving certificate itself"
        );
        assert_eq!(tree.findings("K012"), [client.clone(), server]);
        tree.replace(CONFIG, "clusterDomain", "tlsCertFile: /etc/kubernetes/kubelet.crt\nclusterDomain");
        assert_eq!(tree.findings("K012"), [client]);
        let flags = "var/lib/kubelet/kubeadm-flags.env";
        tree.replace(flags, "--node-ip", "--rotate-certificates=true --node-ip");
        assert_eq!(tree.findings("K012"), [""; 0]);
    }

    #[test]
    fn without_the_configuration_nothing_is_known() {
        let mut tree = Tree::worker();
        tree.file(CONFIG, 0o644, "kind: KubeletConfiguration\nrotateCertificates: [1]\n");
        assert_eq!(tree.skipped("K012").len(), 1);
        tree.remove(CONFIG);
        assert_eq!(tree.skipped("K012").len(), 1);
        assert!(Tree::empty().not_applicable(&RULE));
    }
}
