//! M001: a file that a flag, the kubelet or a kubeconfig names is there.

use std::collections::HashSet;
use std::path::Path;

use super::references::{outside, said, shown};
use super::{Answers, Check, Citation, Rule, Severity};
use crate::audit::{FileKind, Holder, Node, Reference, Scene, Target, What};

/// Where the kubelet keeps what it asks for itself. A tree without that directory says nothing of what is in it.
const KUBELETS_OWN: &str = "/var/lib/kubelet/pki";

pub(super) static RULE: Rule = Rule {
    id: "M001",
    name: "named-file-missing",
    title: "A file that a component names is not there",
    severity: Severity::Critical,
    citations: &[
        Citation::page(
            "Kubernetes: PKI certificates and requirements",
            "https://kubernetes.io/docs/setup/best-practices/certificates/#certificate-paths",
        ),
        Citation::page(
            "kube-apiserver reference",
            "https://kubernetes.io/docs/reference/command-line-tools-reference/kube-apiserver/",
        ),
    ],
    explanation: "A component that cannot read a certificate or key that it was given does not start, or does not serve what the \
                  file is for. A static pod sees only what is mounted into it: a file that lies on the node and outside of \
                  its mounts is not there for it.",
    fix: "Put the file in its place, correct the path in FILE, or add a hostPath volume and its volumeMount.",
    applies_to: "the flags of static pods, the kubelet's configuration and flags, and kubeconfigs",
    check: Check::Node(check),
};

fn check(scene: &Scene<'_>, answers: &mut Answers) {
    let node = scene.node;
    let mut seen: HashSet<(usize, &Path)> = HashSet::new();
    for reference in &node.references {
        // The controller manager names one kubeconfig three times.
        if !seen.insert((reference.file, &reference.path)) || is_excused(node, reference) {
            continue;
        }
        let said = said(reference);
        match reference.target {
            Target::File(file) => match node.files.get(file).map(|file| &file.kind) {
                Some(FileKind::Regular(Err(reason))) => {
                    answers.skip(reference, format!("{said}, which could not be read: {reason}"));
                }
                Some(FileKind::Directory(_)) => {
                    fail(answers, reference, format!("{said}, which is a directory"));
                }
                Some(FileKind::Special(what)) => fail(answers, reference, format!("{said}, which is {what}")),
                _ => answers.look(),
            },
            Target::Missing => fail(answers, reference, format!("{said}, which is not there")),
            Target::Loop => fail(answers, reference, format!("{said}, a link that leads round in a circle")),
            Target::Outside => not_mounted(node, reference, answers),
        }
    }
}

fn fail(answers: &mut Answers, reference: &Reference, message: String) {
    let cure = format!("Put it in its place, {}, or correct the path in FILE.", shown(&reference.path));
    fail_with(answers, reference, message, cure);
}

fn fail_with(answers: &mut Answers, reference: &Reference, message: String, cure: String) {
    let fact = answers.fail(reference, message).fix(cure);
    // Without the files to sign with a controller manager runs, and only its signers stand still; and a kubeconfig may be one that nobody uses.
    let is_milder = matches!(reference.what, What::SigningCertificate | What::SigningKey)
        || reference.holder == Holder::Kubeconfig;
    if is_milder {
        fact.severity(Severity::High);
    }
}

/// What is out of what was given, or out of what a pod sees of it.
fn not_mounted(node: &Node, reference: &Reference, answers: &mut Answers) {
    let said = said(reference);
    let (Holder::Component(_), None) = (reference.holder, &reference.on_node) else {
        answers.skip(reference, outside(node, reference));
        return;
    };
    if !reference.path.is_absolute() {
        answers
            .skip(reference, format!("{said}, a path relative to the directory in which the container runs"));
        return;
    }
    let launch = reference.launch.and_then(|number| node.launched.launches.get(number));
    let mounts = launch.and_then(|launch| launch.mounts.as_deref()).unwrap_or_default();
    let is_mounted = mounts.iter().any(|mount| reference.path.starts_with(&mount.path));
    if is_mounted {
        answers.skip(reference, format!("{said}, which lies in a volume that is none of the host's"));
    } else {
        let cure = format!(
            "Add a hostPath volume with its volumeMount for {} to FILE, or correct the path there.",
            shown(reference.path.parent().unwrap_or(&reference.path))
        );
        fail_with(answers, reference, format!("{said}, and the pod mounts nothing of the host there"), cure);
    }
}

/// What may be absent without harm.
pub(in super::super) fn is_excused(node: &Node, reference: &Reference) -> bool {
    if reference.target != Target::Missing {
        return false;
    }
    let kubelet = reference.holder == Holder::KUBELET && reference.what == What::Kubeconfig;
    // The bootstrap kubeconfig is needed until the node has joined and removed afterwards; the other one is written then.
    if kubelet
        && (reference.flag == "--bootstrap-kubeconfig"
            || node
                .references_of(Holder::KUBELET, "bootstrap-kubeconfig")
                .any(|bootstrap| matches!(bootstrap.target, Target::File(_))))
    {
        return true;
    }
    let is_own = reference.on_node.as_ref().is_some_and(|path| path.starts_with(KUBELETS_OWN));
    is_own && node.file_at(KUBELETS_OWN).is_none()
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::tree::{PKI, Tree};
    use super::*;

    const APISERVER: &str = "etc/kubernetes/manifests/kube-apiserver.yaml";

    #[test]
    fn a_file_that_is_not_there_fires() {
        let mut tree = Tree::control_plane();
        assert_eq!((tree.findings(RULE.id), tree.skipped(RULE.id)), (vec![], vec![]));
        tree.remove(&format!("{PKI}/etcd/ca.crt"));
        tree.remove("etc/kubernetes/scheduler.conf");
        tree.remove(&format!("{PKI}/ca.key"));
        assert_eq!(
            tree.findings(RULE.id),
            [
                "critical etc/kubernetes/manifests/etcd.yaml:32: --trusted-ca-file names /etc/kubernetes/pki/etcd/ca.crt, which is not there",
                "critical etc/kubernetes/manifests/kube-apiserver.yaml:21: --etcd-cafile names /etc/kubernetes/pki/etcd/ca.crt, which is not there",
                "critical etc/kubernetes/manifests/kube-scheduler.yaml:16: --kubeconfig names /etc/kubernetes/scheduler.conf, which is not there",
                "high etc/kubernetes/manifests/kube-controller-manager.yaml:21: --cluster-signing-key-file names /etc/kubernetes/pki/ca.key, which is not there",
            ]
        );
    }

    #[test]
    fn so_does_what_is_no_file_or_a_circle() {
        let mut tree = Tree::control_plane();
        tree.flag("kube-apiserver", "--client-ca-file=/etc/kubernetes/pki/etcd");
        tree.special(&format!("{PKI}/apiserver.key"), "a pipe");
        tree.link(&format!("{PKI}/sa.pub"), "sa.pub");
        assert_eq!(
            tree.findings(RULE.id),
            [
                format!(
                    "critical {APISERVER}:15: --client-ca-file names /etc/kubernetes/pki/etcd, which is a directory"
                ),
                format!(
                    "critical {APISERVER}:37: --service-account-key-file names /etc/kubernetes/pki/sa.pub, a link that leads round in a circle"
                ),
                format!(
                    "critical {APISERVER}:41: --tls-private-key-file names /etc/kubernetes/pki/apiserver.key, which is a pipe"
                ),
            ]
        );
    }

    #[test]
    fn what_the_pod_does_not_mount_is_not_there_for_it() {
        let mut tree = Tree::control_plane();
        tree.file("etc/kubernetes/tokens/known.csv", 0o600, "0123456789abcdef,a,1\n");
        tree.flag("kube-apiserver", "--token-auth-file=/etc/kubernetes/tokens/known.csv");
        assert_eq!(
            tree.findings(RULE.id),
            [format!(
                "critical {APISERVER}:15: --token-auth-file names /etc/kubernetes/tokens/known.csv, and the pod mounts nothing of the host there"
            )]
        );
        tree.replace(APISERVER, "/etc/ssl/certs", "/etc/kubernetes/tokens");
        assert_eq!(tree.findings(RULE.id), [""; 0]);
    }

    #[test]
    fn what_cannot_be_seen_is_skipped() {
        let mut tree = Tree::control_plane();
        tree.flag("kube-apiserver", "--client-ca-file=/etc/ssl/certs/ca.crt");
        tree.flag("kube-apiserver", "--etcd-cafile=pki/ca.crt");
        tree.unread(&format!("{PKI}/apiserver.key"), "permission denied");
        assert_eq!(tree.findings(RULE.id), [""; 0]);
        assert_eq!(
            tree.skipped(RULE.id),
            [
                format!(
                    "{APISERVER}: --etcd-cafile names pki/ca.crt, a path relative to the directory in which the container runs"
                ),
                format!(
                    "{APISERVER}: --client-ca-file names /etc/ssl/certs/ca.crt, which lies outside of what was given: give / or also /etc/ssl/certs"
                ),
                format!(
                    "{APISERVER}: --tls-private-key-file names /etc/kubernetes/pki/apiserver.key, which could not be read: permission denied"
                ),
            ]
        );
    }

    #[test]
    fn what_the_kubelet_needs_no_more_or_not_yet_is_excused() {
        let mut tree = Tree::control_plane();
        let flags = "var/lib/kubelet/kubeadm-flags.env";
        tree.file(
            flags,
            0o644,
            "KUBELET_KUBEADM_ARGS=\"--bootstrap-kubeconfig=/etc/kubernetes/bootstrap-kubelet.conf --kubeconfig=/etc/kubernetes/kubelet.conf\"\n",
        );
        assert_eq!(tree.findings(RULE.id), [""; 0], "the node has joined");
        tree.remove("etc/kubernetes/kubelet.conf");
        assert_eq!(
            tree.findings(RULE.id),
            [format!(
                "critical {flags}:1: --kubeconfig names /etc/kubernetes/kubelet.conf, which is not there"
            )]
        );
        tree.kubeconfig("etc/kubernetes/bootstrap-kubelet.conf", "cn=bootstrap");
        assert_eq!(tree.findings(RULE.id), [""; 0], "the node has not joined yet");
    }

    #[test]
    fn the_kubelets_own_certificate_is_missed_where_its_directory_was_given() {
        let mut tree = Tree::control_plane();
        tree.remove("var/lib/kubelet/pki/kubelet-client-current.pem");
        assert_eq!(
            tree.findings(RULE.id),
            ["high etc/kubernetes/kubelet.conf:17: users[default-auth].client-certificate names \
              /var/lib/kubelet/pki/kubelet-client-current.pem, which is not there"]
        );
        let mut tree = Tree::control_plane();
        for path in [
            "config.yaml",
            "kubeadm-flags.env",
            "pki/kubelet-client-current.pem",
            "pki/kubelet-server-current.pem",
            "pki/kubelet-client-2026-05-31-11-55-00.pem",
            "pki/kubelet-server-2026-05-31-11-55-00.pem",
            "pki",
        ] {
            tree.remove(&format!("var/lib/kubelet/{path}"));
        }
        assert_eq!(tree.findings(RULE.id), [""; 0]);
        tree.remove("var/lib/kubelet");
        assert_eq!(tree.findings(RULE.id), [""; 0]);
        assert_eq!(
            tree.skipped(RULE.id),
            ["etc/kubernetes/kubelet.conf: users[default-auth].client-certificate names \
              /var/lib/kubelet/pki/kubelet-client-current.pem, which lies outside of what was given: give / or also \
              /var/lib/kubelet/pki"]
        );
    }

    #[test]
    fn a_tree_in_which_nobody_names_a_file_has_nothing_to_miss() {
        let mut tree = Tree::empty();
        tree.authority("ca", crate::forge::ca("cn=kubernetes"));
        assert!(tree.not_applicable(&RULE));
    }
}
