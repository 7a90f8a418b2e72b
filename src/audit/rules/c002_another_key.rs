//! C002: the issuer's name is that of a CA at hand, and the signature is not by its key.

use super::super::{Answers, Gap, Location, Node, Scene, Signer, Signing};
use super::distinct::{Certificates, Distinct, Use, named};
use super::{Check, Citation, Rule, Severity};
use crate::x509::SignatureFault;

pub(super) static RULE: Rule = Rule {
    id: "C002",
    name: "another-key",
    title: "A CA of the issuer's name has another key",
    severity: Severity::Critical,
    citations: &[
        Citation::rfc("RFC 5280 section 6.1.3"),
        Citation::page("kubernetes/kubeadm#2027", "https://github.com/kubernetes/kubeadm/issues/2027"),
    ],
    explanation: "The CA was made anew under its old name, and this certificate is still from the old one: Go says `crypto/rsa: \
                  verification error while trying to verify candidate authority certificate \"kubernetes\"`. Or it comes \
                  from another cluster, whose CA has the same name: kubeadm calls every one `kubernetes`.",
    fix: "Issue it again under the CA that is there: `kubeadm certs renew NAME`, or `kpki sign csr NAME.csr --profile PROFILE --ca CA \
          --out FILE --force`; or put the old CA back, from a backup, with its key.",
    applies_to: "certificates",
    check: Check::Node(check),
};

fn check(scene: &Scene<'_>, answers: &mut Answers) {
    let node = scene.node;
    let certificates = Certificates::of(node);
    for one in &certificates.all {
        if one.usage == Use::Old {
            continue;
        }
        let issuer = named(&one.cert.tbs().issuer);
        match &one.cert.found().signing {
            Signing::SelfSigned | Signing::By(_) => answers.look(),
            // C001 has what nobody here could have signed.
            Signing::Absent => {}
            Signing::NotChecked => {
                answers.leave(
                    one,
                    Gap::TooMuch,
                    "there were too many signatures to verify them all; give fewer files",
                );
            }
            // Nobody verifies what a root says of itself.
            Signing::SelfIssued(fault) if cannot_tell(fault) && one.cert.is_ca() => answers.look(),
            Signing::AnotherKey(_, fault) | Signing::SelfIssued(fault) if cannot_tell(fault) => {
                answers.skip(one, format!("its signature cannot be verified: {fault}"));
            }
            Signing::AnotherKey(signer, fault) => {
                let place = place(&certificates, node, signer);
                let message = format!("{issuer}, which stands in {place}, did not sign it: {fault}");
                answers.fail(one, message).severity(severity(one));
            }
            Signing::SelfIssued(fault) => {
                let message =
                    format!("issuer and subject are both {issuer}, and its own key did not sign it: {fault}");
                answers.fail(one, message).severity(severity(one));
            }
        }
    }
}

/// Where a CA stands, on this node at its best place.
fn place<'a>(certificates: &Certificates<'a>, node: &'a Node, signer: &Signer) -> String {
    if let Signer::Here(index) = signer {
        let ca = node.certificate(*index).and_then(|cert| certificates.get(cert));
        return ca.map_or_else(|| "another file".to_owned(), |ca| ca.cert.file().shown.to_string());
    }
    match signer.location(node) {
        Some(Location { node: Some(node), path, .. }) => format!("{path} on {node}"),
        Some(Location { path, .. }) => path.to_string(),
        None => "another file".to_owned(),
    }
}

/// Whether the fault says nothing about who signed.
fn cannot_tell(fault: &SignatureFault) -> bool {
    matches!(fault, SignatureFault::Broken(_) | SignatureFault::Unsupported(_) | SignatureFault::Key(_))
}

fn severity(one: &Distinct<'_>) -> Severity {
    match one.usage {
        // What is trusted itself is not verified.
        _ if one.is_anchor() => Severity::Medium,
        Use::Used => Severity::Critical,
        _ => Severity::Medium,
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::tree::{PKI, Tree};
    use super::*;
    use crate::forge;

    #[test]
    fn a_ca_that_was_made_anew_fires() {
        let mut tree = Tree::control_plane();
        assert_eq!(tree.findings("C002"), [""; 0]);
        tree.file(&format!("{PKI}/front-proxy-ca.crt"), 0o644, tree.ca("front-proxy-ca").rekey("").pem());
        assert_eq!(
            tree.findings("C002"),
            ["critical etc/kubernetes/pki/front-proxy-client.crt:1: CN=front-proxy-ca, which stands in \
                 etc/kubernetes/pki/front-proxy-ca.crt, did not sign it: the signature does not verify with the issuer's key"]
        );
    }

    #[test]
    fn what_nobody_uses_and_anchors_are_milder() {
        let mut tree = Tree::control_plane();
        let old = tree.ca("ca").rekey("");
        tree.put(&format!("{PKI}/jane.crt"), old.leaf("cn=jane eku=client key=p256:jane"), "");
        tree.put("etc/kubernetes/old/jane.crt", old.leaf("cn=jane eku=client key=p256:joan"), "");
        let link = tree.ca("etcd/ca").rekey("").cross(tree.ca("etcd/ca"), "ku=keyCertSign");
        tree.file(&format!("{PKI}/etcd/ca.crt"), 0o644, link.pem());
        assert_eq!(
            tree.findings("C002"),
            [
                "medium etc/kubernetes/pki/etcd/ca.crt:1: issuer and subject are both CN=etcd-ca, and its own key did not \
                 sign it: the signature does not verify with the issuer's key",
                "medium etc/kubernetes/pki/jane.crt:1: CN=kubernetes, which stands in etc/kubernetes/pki/ca.crt, did not \
                 sign it: the signature does not verify with the issuer's key",
            ]
        );
    }

    #[test]
    fn a_signature_that_cannot_be_verified_is_skipped() {
        let mut tree = Tree::control_plane();
        tree.certificate(&format!("{PKI}/apiserver.crt"), "sig=sha1");
        assert_eq!(tree.findings("C002"), [""; 0]);
        assert_eq!(
            tree.skipped("C002"),
            [
                "etc/kubernetes/pki/apiserver.crt: its signature cannot be verified: ECDSA with SHA-1 proves nothing any more"
            ]
        );
        let mut root = Tree::empty();
        root.file(&format!("{PKI}/ca.crt"), 0o644, forge::ca("cn=kubernetes sig=sha1").pem());
        assert_eq!(root.skipped("C002"), [""; 0]);
        assert!(!root.not_applicable(&RULE));
        let mut alone = Tree::empty();
        alone.put(&format!("{PKI}/a.crt"), forge::ca("cn=b").leaf("cn=a"), "");
        assert!(alone.not_applicable(&RULE));
    }
}
