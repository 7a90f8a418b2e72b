//! K012: the kubelet renews its certificates itself.

use super::super::{Answers, Node, Place, Role, Scene};
use super::remedy::{Command, Cure};
use super::{Check, Citation, Rule, Severity};
use crate::manifest::{By, Component, KubeletConfiguration};

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
    fix: "Set `rotateCertificates: true` and `serverTLSBootstrap: true` in the kubelet's configuration and restart the kubelet; requests \
          for serving certificates have to be approved with `kubectl certificate approve NAME`.",
    applies_to: "kubelets",
    check: Check::Node(check),
};

/// What is said where the configuration is not at hand.
const NOT_GIVEN: &str = "the kubelet's configuration was not given, or cannot be read; give the file that its --config names as well";

fn check(scene: &Scene<'_>, answers: &mut Answers) {
    let node = scene.node;
    let launch = node.launch(Component::Kubelet);
    // Who has it in himself renews its certificates too.
    if launch.is_some_and(|launch| launch.by == By::Bundle) {
        return;
    }
    let by_flags = node.whole_launch(Component::Kubelet).filter(|launch| {
        matches!(launch.by, By::Unit | By::Arguments) && launch.flags.value("config").is_none()
    });
    let configuration = node.kubelet();
    let Some(file) = configuration.map(|(file, _)| file).or(by_flags.map(|launch| launch.file)) else {
        let (doubt, reason) = node.not_known(Component::Kubelet);
        let launched = launch.map(|launch| Place::file(launch.file));
        let kubelets = || node.with_role(Role::KubeletClient).next().map(Place::from);
        if let Some(place) = doubt.clone().or(launched).or_else(kubelets) {
            let reason = if doubt.is_some() { reason } else { NOT_GIVEN.to_owned() };
            answers.skip(place, reason);
        }
        return;
    };
    answers.look();
    let kubelet = configuration.map(|(_, kubelet)| kubelet);
    let configured =
        |field: fn(&KubeletConfiguration) -> Option<bool>| kubelet.and_then(field).unwrap_or(false);
    if !flag(node, "rotate-certificates").unwrap_or_else(|| configured(|kubelet| kubelet.rotate_certificates))
    {
        let cure = Cure::default().kubelet_field("rotateCertificates", "true").restart_kubelet();
        answers
            .fail(file, "rotateCertificates is not true, so the client certificate ends without a new one")
            .fix(cure);
    }
    let given = kubelet.is_some_and(|kubelet| kubelet.tls_cert_file.is_some())
        || node.kubelet_flag("tls-cert-file").is_some();
    let asks = flag(node, "rotate-server-certificates");
    if !given && !asks.unwrap_or_else(|| configured(|kubelet| kubelet.server_tls_bootstrap)) {
        let cure = Cure::default()
            .kubelet_field("serverTLSBootstrap", "true")
            .restart_kubelet()
            .run(Command::written("kubectl get csr"))
            .say("`kubectl certificate approve NAME` approves the pending one of kubernetes.io/kubelet-serving, once its names are right.");
        answers
            .fail(file, "serverTLSBootstrap is not true, so the kubelet signs its serving certificate itself")
            .fix(cure);
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
    fn flags_alone_may_say_it() {
        let mut tree = Tree::worker();
        tree.remove(CONFIG);
        tree.remove("var/lib/kubelet/kubeadm-flags.env");
        let unit = "etc/systemd/system/kubelet.service";
        tree.file(
            unit,
            0o644,
            "[Service]\nExecStart=/usr/bin/kubelet --kubeconfig=/etc/kubernetes/kubelet.conf\n",
        );
        assert_eq!(tree.findings("K012").len(), 2);
        assert_eq!(tree.skipped("K012"), [""; 0]);
        let more = " --rotate-certificates --rotate-server-certificates=true\n";
        tree.replace(unit, "kubelet.conf\n", &format!("kubelet.conf{more}"));
        assert_eq!(tree.findings("K012"), [""; 0]);
        assert!(!tree.not_applicable(&RULE));
        // Its configuration is named and not here.
        tree.replace(unit, "kubelet.conf", "kubelet.conf --config=/var/lib/kubelet/config.yaml");
        assert_eq!(tree.skipped("K012").len(), 1);
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
