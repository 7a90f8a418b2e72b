//! C005: a leaf that signed itself.

use std::collections::HashSet;

use super::super::{Answers, Scene, Target, What};
use super::distinct::{Certificates, Use, named};
use super::meetings::Meetings;
use super::{Check, Citation, Role, Rule, Severity};

pub(super) static RULE: Rule = Rule {
    id: "C005",
    name: "self-signed-leaf",
    title: "A leaf is self-signed where a CA's signature is expected",
    severity: Severity::High,
    citations: &[
        Citation::page(
            "Kubernetes: PKI certificates and requirements",
            "https://kubernetes.io/docs/setup/best-practices/certificates/",
        ),
        Citation::page("kubernetes/kubeadm#1602", "https://github.com/kubernetes/kubeadm/issues/1602"),
        Citation::page("kubernetes/kubeadm#2244", "https://github.com/kubernetes/kubeadm/issues/2244"),
    ],
    explanation: "Issuer and subject are one, and the signature is by the key within: the CA of the cluster knows nothing of it, \
                  so whoever checks refuses it, and whoever accepts it does not check. Such a certificate is the usual work \
                  of `openssl req -x509`. What a kubelet signs for itself is K011's.",
    fix: "Let the CA sign one for the same key: `kpki csr new PROFILE NAME --key KEY`, then `kpki sign csr NAME.csr --profile PROFILE \
          --ca CA --out FILE --force`.",
    applies_to: "certificates of leaves",
    check: Check::Node(check),
};

fn check(scene: &Scene<'_>, answers: &mut Answers) {
    let trusted = trusted(scene);
    let meetings = Meetings::of(scene);
    for one in &Certificates::of(scene.node).all {
        let cert = one.cert;
        // A key pair for tokens stands in a certificate at most for convenience.
        let exempt = matches!(one.role(), Some(Role::ServiceAccount | Role::KubeletServing));
        let is_leaf = if one.roles.is_empty() { !cert.is_ca() } else { !one.is_authority() };
        if one.usage == Use::Old || exempt || !is_leaf {
            continue;
        }
        answers.look();
        if !cert.is_self_signed() {
            continue;
        }
        let severity = match one.role() {
            // They do so by themselves where nothing is given (K022).
            Some(Role::ControllerManagerServing | Role::SchedulerServing) => Severity::Medium,
            Some(_) => Severity::High,
            None if trusted.contains(&cert.found().file) => continue,
            None if one.usage == Use::Used => Severity::Medium,
            None => Severity::Low,
        };
        // Whoever judges by this very certificate takes it as it is.
        let own = meetings.iter().filter(|meeting| {
            meeting.leaf().is_some_and(|leaf| leaf.found().same_as == cert.found().same_as)
        });
        let mut own = own.peekable();
        let severity = if own.peek().is_some() && own.all(|meeting| meeting.path().is_some()) {
            severity.min(Severity::Medium)
        } else {
            severity
        };
        let what = match one.role() {
            Some(role) => format!("the {role} certificate is signed by itself"),
            None => "it is signed by itself".to_owned(),
        };
        let subject = named(&cert.tbs().subject);
        answers.fail(one, format!("{what}, and by no CA: {subject}{}", one.elsewhere())).severity(severity);
    }
}

/// The files that somebody trusts: a certificate that is trusted by itself needs no CA.
fn trusted(scene: &Scene<'_>) -> HashSet<usize> {
    let references = scene.node.references.iter().filter(|reference| reference.what == What::Trust);
    references
        .filter_map(|reference| match reference.target {
            Target::File(file) => Some(file),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::tree::{PKI, Tree};
    use super::*;
    use crate::forge;

    #[test]
    fn a_self_signed_leaf_in_the_place_of_a_signed_one_fires() {
        let mut tree = Tree::control_plane();
        assert_eq!(tree.findings("C005"), [""; 0]);
        let words = "cn=kube-apiserver eku=server key=p256:apiserver";
        let message = "high etc/kubernetes/pki/apiserver.crt:1: the apiserver certificate is signed by itself, and by no CA: \
                       CN=kube-apiserver";
        let api = format!("{PKI}/apiserver.crt");
        tree.put(&api, forge::self_signed_leaf(words), "");
        assert_eq!(tree.findings("C005"), [message]);
        // As `openssl req -x509` makes it.
        tree.put(&api, forge::ca("cn=kube-apiserver key=p256:apiserver"), "");
        assert_eq!(tree.findings("C005"), [message]);
    }

    #[test]
    fn a_stray_certificate_is_milder_and_a_kubelets_own_is_not_asked() {
        let mut tree = Tree::control_plane();
        tree.put(&format!("{PKI}/test.crt"), forge::self_signed_leaf("cn=test eku=server"), "");
        let own = forge::self_signed_leaf("cn=cp1@1700000000 eku=server key=p256:own");
        tree.put("var/lib/kubelet/pki/kubelet.crt", own, "");
        assert_eq!(
            tree.findings("C005"),
            ["low etc/kubernetes/pki/test.crt:1: it is signed by itself, and by no CA: CN=test"]
        );
        let mut alone = Tree::empty();
        alone.put(&format!("{PKI}/ca.crt"), forge::ca("cn=kubernetes"), "");
        assert!(alone.not_applicable(&RULE));
    }
}
