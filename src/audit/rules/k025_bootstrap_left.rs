//! K025: the credential for joining goes once the node has joined.

use super::super::{Answers, Holder, Scene, Target};
use super::kubelet::{CLIENT, target};
use super::remedy::{ASIDE, Cure};
use super::{Check, Citation, Rule, Severity};

pub(super) static RULE: Rule = Rule {
    id: "K025",
    name: "bootstrap-left",
    title: "The bootstrap kubeconfig was left after the node joined",
    severity: Severity::Medium,
    citations: &[
        Citation::page(
            "Kubernetes: TLS bootstrapping",
            "https://kubernetes.io/docs/reference/access-authn-authz/kubelet-tls-bootstrapping/",
        ),
        Citation::page("kubernetes/kubeadm#2054", "https://github.com/kubernetes/kubeadm/issues/2054"),
    ],
    explanation: "The token in it lets whoever reads it join a node, or several, until it ends; one without an end does so for ever. The \
                  kubelet does not need it once it has a certificate that it renews itself, and kubeadm removes it.",
    fix: "Remove it, `rm FILE`, and its token, `kubeadm token list` and `kubeadm token delete TOKEN`.",
    applies_to: "kubelets' bootstrap kubeconfigs",
    check: Check::Node(check),
};

fn check(scene: &Scene<'_>, answers: &mut Answers) {
    let node = scene.node;
    let named = node
        .references_of(Holder::KUBELET, "bootstrap-kubeconfig")
        .find_map(|named| if let Target::File(file) = named.target { Some(file) } else { None });
    let usual = || node.file_at("/etc/kubernetes/bootstrap-kubelet.conf").map(|(file, _)| file);
    let Some(file) = named.or_else(usual) else { return };
    match target(node, CLIENT) {
        Target::File(current) => {
            // With one that has ended, the kubelet comes back by this file or not at all.
            let at = scene.policy.at;
            if node.certs_in(current).next().is_none_or(|cert| cert.tbs().validity.not_after < at) {
                return answers.look();
            }
            let cure = Cure::words("Put it aside:")
                .aside()
                .say(ASIDE)
                .say("Then take its token out of the cluster: `kubeadm token list`, and `kubeadm token delete` with its first part.");
            answers.fail(file, format!("it is still here, though the kubelet has {CLIENT}")).fix(cure);
        }
        // The node has not joined yet.
        Target::Missing => answers.look(),
        Target::Outside | Target::Loop => answers
            .skip(file, "whether the node has joined cannot be told; give /var/lib/kubelet/pki as well"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::tree::{Tree, kubeconfig};
    use super::*;

    const FILE: &str = "etc/kubernetes/bootstrap-kubelet.conf";

    #[test]
    fn it_goes_once_the_node_has_joined() {
        let mut tree = Tree::worker();
        assert!(tree.not_applicable(&RULE));
        let text = kubeconfig(
            "tls-bootstrap-token-user",
            "certificate-authority: pki/ca.crt",
            &["token: x".to_owned()],
        );
        tree.file(FILE, 0o600, text.clone());
        let finding =
            "it is still here, though the kubelet has /var/lib/kubelet/pki/kubelet-client-current.pem";
        assert_eq!(tree.findings("K025"), [format!("medium {FILE}: {finding}")]);
        tree.remove("var/lib/kubelet/pki/kubelet-client-current.pem");
        assert_eq!(tree.findings("K025"), [""; 0]);
        assert!(!tree.not_applicable(&RULE));
        let mut alone = Tree::empty();
        alone.file("kubernetes/bootstrap-kubelet.conf", 0o600, text);
        assert_eq!(
            alone.skipped("K025"),
            [
                "kubernetes/bootstrap-kubelet.conf: whether the node has joined cannot be told; give /var/lib/kubelet/pki as well"
            ]
        );
    }
}
