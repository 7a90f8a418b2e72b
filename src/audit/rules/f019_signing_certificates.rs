//! F019: a controller manager that refuses its CA.

use super::files::own;
use super::remedy::Cure;
use super::{Check, Citation, Rule, Severity};
use crate::audit::{Answers, Cert, Holder, Node, Reference, Scene, Target, What};
use crate::inspect::Content;
use crate::manifest::Component;

pub(super) static RULE: Rule = Rule {
    id: "F019",
    name: "signing-certificates",
    title: "The controller manager's signing certificate file holds several certificates",
    severity: Severity::High,
    citations: &[
        Citation::page("kubernetes/kubeadm#1350", "https://github.com/kubernetes/kubeadm/issues/1350"),
        Citation::page("kubernetes/kops#3875", "https://github.com/kubernetes/kops/issues/3875"),
        Citation::page("kubernetes/website#23323", "https://github.com/kubernetes/website/issues/23323"),
    ],
    explanation: "The controller manager signs with one certificate and wants its file to hold that one alone; with an old and a new CA in \
                  `--cluster-signing-cert-file`, as in the midst of a rotation, it does not start its signers, and no kubelet gets a certificate. \
                  `--client-ca-file` and `--root-ca-file` may hold several.",
    fix: "Put the certificate that signs into a file of its own and name that in `--cluster-signing-cert-file`; keep the bundle for \
          `--client-ca-file` and `--root-ca-file`.",
    applies_to: "the controller manager's signing certificates",
    check: Check::Node(check),
};

fn check(scene: &Scene<'_>, answers: &mut Answers) {
    let node = scene.node;
    if node.launch(Component::ControllerManager).is_none() {
        // kubeadm's own place of it; a bundle there is a fault only if it is signed with.
        if let Some((index, file)) = node.file_at("/etc/kubernetes/pki/ca.crt")
            && node.kind == crate::audit::NodeKind::ControlPlane
            && count(node, index) > 1
        {
            let reason = format!(
                "whether the controller manager signs with {} is not known: give its manifest or its unit as well",
                file.shown
            );
            answers.skip(index, reason);
        }
        return;
    }
    let holder = Holder::Component(Component::ControllerManager);
    for reference in node.references.iter().filter(|reference| reference.holder == holder) {
        if reference.what != What::SigningCertificate {
            continue;
        }
        let Target::File(index) = reference.target else { continue };
        let Some(file) = node.files.get(index).filter(|file| file.contents().is_some()) else { continue };
        answers.look();
        let certificates = count(node, index);
        if certificates > 1 {
            let message = format!(
                "{} names {}, which holds {certificates} certificates, and must hold one",
                reference.written(),
                file.shown
            );
            let fact = answers.fail(reference, message);
            if let Some(signer) = signer(node, reference, index) {
                fact.fix(
                    Cure::words("Put the certificate that signs into a file of its own, and name that:")
                        .own_signing_file(signer, reference.flag.trim_start_matches('-')),
                );
            }
        }
    }
}

/// The certificate of a bundle whose key signs: that of the flag that goes with it.
fn signer<'a>(node: &'a Node, reference: &Reference, file: usize) -> Option<Cert<'a>> {
    let key = node.pairs.iter().find_map(|pair| {
        let own = node.references.get(pair.certificate)?;
        (own.file == reference.file && own.flag == reference.flag).then(|| node.references.get(pair.key))?
    })?;
    let Target::File(key) = key.target else { return None };
    let keys: Vec<_> = node.keys_in(key).filter(|key| key.private).filter_map(|key| key.spki).collect();
    node.certs_in(file).find(|cert| keys.contains(&cert.spki()))
}

fn count(node: &Node, index: usize) -> usize {
    let certificates = node.files.get(index).map(own).into_iter().flatten();
    certificates.filter(|item| matches!(item.content, Content::Certificate(_))).count()
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::tree::{PKI, Tree};
    use super::*;
    use crate::forge;

    #[test]
    fn one_certificate_is_silent() {
        assert_eq!(Tree::control_plane().findings("F019"), [""; 0]);
    }

    #[test]
    fn a_bundle_fires_where_it_is_signed_with() {
        let mut tree = Tree::control_plane();
        let bundle = tree.ca("ca").pem() + &forge::ca("cn=kubernetes").pem();
        tree.file(&format!("{PKI}/ca.crt"), 0o644, bundle);
        let found = tree.findings("F019");
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(
            found[0].starts_with("high etc/kubernetes/manifests/kube-controller-manager.yaml:")
                && found[0].ends_with(
                    ": --cluster-signing-cert-file names etc/kubernetes/pki/ca.crt, which holds 2 certificates, and must hold one"
                ),
            "{found:?}"
        );
        tree.remove("etc/kubernetes/manifests/kube-controller-manager.yaml");
        assert_eq!(tree.findings("F019"), [""; 0]);
        assert_eq!(
            tree.skipped("F019"),
            [
                "etc/kubernetes/pki/ca.crt: whether the controller manager signs with etc/kubernetes/pki/ca.crt is not known: give its \
              manifest or its unit as well"
            ]
        );
    }

    #[test]
    fn a_worker_signs_nothing() {
        assert!(Tree::worker().not_applicable(&RULE));
    }
}
