//! K010: the kubelet's kubeconfig follows the rotation of its certificate.

use super::super::{Answers, Scene, Target};
use super::kubelet::{CLIENT, kubeconfig, target};
use super::remedy::{Command, Cure};
use super::{Check, Citation, Rule, Severity};
use crate::x509::Printable;

pub(super) static RULE: Rule = Rule {
    id: "K010",
    name: "kubelet-conf-embeds",
    title: "The kubelet's kubeconfig does not follow the rotation of its certificate",
    severity: Severity::High,
    citations: &[
        Citation::page("kubernetes/kubeadm#1753", "https://github.com/kubernetes/kubeadm/issues/1753"),
        Citation::page("kubernetes/kubeadm#1361", "https://github.com/kubernetes/kubeadm/issues/1361"),
        Citation::page("kubernetes/kubeadm#2185", "https://github.com/kubernetes/kubeadm/issues/2185"),
    ],
    explanation: "The kubelet renews its client certificate in /var/lib/kubelet/pki and leaves the kubeconfig as it is. Where that embeds \
                  the first certificate, the kubelet falls back to one that has ended when it starts anew, and the node is lost. \
                  Until the kubelet has run once, kubeadm and kpki can write nothing but an embedded certificate.",
    fix: "In FILE, put `client-certificate: /var/lib/kubelet/pki/kubelet-client-current.pem` and `client-key:` with the same path in the \
          place of client-certificate-data and client-key-data, and restart the kubelet.",
    applies_to: "kubelets' kubeconfigs",
    check: Check::Node(check),
};

fn check(scene: &Scene<'_>, answers: &mut Answers) {
    let node = scene.node;
    let Some(file) = kubeconfig(node) else { return };
    let Some(kubeconfig) = node.kubeconfig(file) else { return };
    let user = node.current_context(kubeconfig).2.or_else(|| kubeconfig.users.first());
    let Some(user) = user.filter(|user| user.certificate.embedded || user.certificate.file.is_some()) else {
        return;
    };
    answers.look();
    let current = target(node, CLIENT);
    let how = match &user.certificate.file {
        _ if user.certificate.embedded => "it embeds the client certificate".to_owned(),
        Some(path) if path == CLIENT => return,
        Some(path) => format!("it names {}", Printable(path)),
        None => return,
    };
    let field = format!("users[{}].client-certificate", user.name);
    let named = node.references.iter().find(|named| named.file == file && named.flag == field);
    match current {
        Target::File(_) if named.is_some_and(|named| named.target == current) => {}
        Target::File(_) => {
            let set = node.files.get(file).map(|conf| {
                Command::of("kubectl")
                    .plain("--kubeconfig")
                    .path(conf.command_path())
                    .plain("config set-credentials")
                    .arg(&user.name)
                    .plain(&format!("--client-certificate={CLIENT} --client-key={CLIENT}"))
            });
            answers
                .fail(file, format!("{how}, and the kubelet keeps the one that it renews in {CLIENT}"))
                .fix(Cure::words("Let it name that:").run_if(set).restart_kubelet());
        }
        // kubeadm init and kpki init write it so before the kubelet runs.
        Target::Missing if user.certificate.embedded => {
            let message = format!("{how}, as it is before the kubelet has run: there is no {CLIENT}");
            answers.fail(file, message).severity(Severity::Info);
        }
        _ if user.certificate.embedded => {
            let message = format!(
                "{how}; whether the kubelet renews another cannot be told without /var/lib/kubelet/pki"
            );
            answers.fail(file, message).severity(Severity::Info);
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::tree::Tree;
    use super::*;

    const CONF: &str = "etc/kubernetes/kubelet.conf";

    #[test]
    fn what_points_to_the_link_is_silent() {
        let mut tree = Tree::control_plane();
        assert_eq!(tree.findings("K010"), [""; 0]);
        // The link's own target does as well as the link, today.
        tree.replace(CONF, "kubelet-client-current.pem", "kubelet-client-2026-05-31-11-55-00.pem");
        assert_eq!(tree.findings("K010"), [""; 0]);
        assert!(Tree::empty().not_applicable(&RULE));
    }

    #[test]
    fn what_is_embedded_does_not_follow() {
        let mut tree = Tree::control_plane();
        tree.kubeconfig(CONF, "o=system:nodes cn=system:node:cp1.example.com eku=client");
        assert_eq!(
            tree.findings("K010"),
            [
                "high etc/kubernetes/kubelet.conf: it embeds the client certificate, and the kubelet keeps the one that it renews in \
              /var/lib/kubelet/pki/kubelet-client-current.pem"
            ]
        );
        tree.remove("var/lib/kubelet/pki/kubelet-client-current.pem");
        assert_eq!(
            tree.findings("K010"),
            [
                "info etc/kubernetes/kubelet.conf: it embeds the client certificate, as it is before the kubelet has run: there is no \
              /var/lib/kubelet/pki/kubelet-client-current.pem"
            ]
        );
        let mut named = Tree::worker();
        named.replace(
            CONF,
            "/var/lib/kubelet/pki/kubelet-client-current.pem",
            "/etc/kubernetes/pki/kubelet.pem",
        );
        assert_eq!(
            named.findings("K010"),
            [
                "high etc/kubernetes/kubelet.conf: it names /etc/kubernetes/pki/kubelet.pem, and the kubelet keeps the one that it renews in \
              /var/lib/kubelet/pki/kubelet-client-current.pem"
            ]
        );
    }
}
