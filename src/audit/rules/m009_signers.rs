//! M009: what the controller manager signs is taken by the API server.

use super::references::{certificates, hidden, shown, subject, subjects};
use super::remedy::{Cure, Edit};
use super::{Answers, Check, Citation, Rule, Severity};
use crate::audit::{Cert, FoundKey, Holder, Node, Reference, Scene, What};
use crate::manifest::Component;

/// The flags whose signer makes certificates for clients of the API server.
const CLIENTS: [&str; 3] = [
    "--cluster-signing-cert-file",
    "--cluster-signing-kubelet-client-cert-file",
    "--cluster-signing-kube-apiserver-client-cert-file",
];

pub(super) static RULE: Rule = Rule {
    id: "M009",
    name: "signers",
    title: "The controller manager signs with a CA that does not fit",
    severity: Severity::High,
    citations: &[
        Citation::page(
            "Kubernetes: certificate signing requests, signer control plane",
            "https://kubernetes.io/docs/reference/access-authn-authz/certificate-signing-requests/#signer-control-plane",
        ),
        Citation::page(
            "kube-controller-manager reference",
            "https://kubernetes.io/docs/reference/command-line-tools-reference/kube-controller-manager/",
        ),
    ],
    explanation: "The certificates of new nodes and of users who ask for one are signed with these two files. Where they do not belong together \
                  the signers do not start; where the API server does not trust the CA, everything that is signed is refused, and \
                  kubelets fall out of the cluster as they rotate.",
    fix: "Name a CA's certificate and its own key in FILE, and put the CA's certificate into the file of the API server's `--client-ca-file`.",
    applies_to: "the controller manager's flags",
    check: Check::Node(check),
};

fn check(scene: &Scene<'_>, answers: &mut Answers) {
    let node = scene.node;
    let is_signer = |reference: &&Reference| {
        reference.holder == Holder::Component(Component::ControllerManager)
            && reference.what == What::SigningCertificate
    };
    for reference in node.references.iter().filter(is_signer) {
        let Some(signers) = certificates(node, reference, answers) else { continue };
        let Some(signer) = signers.first().copied() else { continue };
        answers.look();
        if let Some(key) = key_of(node, reference) {
            pair(node, signer, key, answers);
        } else {
            let flag = &reference.flag;
            let fact = answers.fail(reference, format!("{flag} is given and the flag of its key is not"));
            if let Some((key, _)) = node.key_file_beside(signer.file()) {
                let flag = flag.trim_start_matches('-').replace("cert-file", "key-file");
                fact.fix(Cure::default().flags([Edit::name(Component::ControllerManager, &flag, key)]));
            }
        }
        if CLIENTS.contains(&reference.flag.as_str()) {
            trusted(node, reference, signer, answers);
        }
    }
}

/// The reference to the key that is named with a certificate.
fn key_of<'a>(node: &'a Node, certificate: &Reference) -> Option<&'a Reference> {
    node.pairs.iter().find_map(|pair| {
        let own = node.references.get(pair.certificate)?;
        (own.file == certificate.file && own.flag == certificate.flag)
            .then(|| node.references.get(pair.key))?
    })
}

fn pair(node: &Node, signer: Cert<'_>, key: &Reference, answers: &mut Answers) {
    if let Some(reason) = hidden(node, key) {
        answers.skip(key, reason);
        return;
    }
    // Two files of one name are F004's.
    let beside = node.key_file_beside(signer.file());
    if beside.is_some_and(|(beside, _)| key.target == crate::audit::Target::File(beside)) {
        return;
    }
    let crate::audit::Target::File(file) = key.target else { return };
    let keys: Vec<&FoundKey> = node.keys_in(file).filter(|key| key.private).collect();
    if keys.iter().any(|key| key.spki.is_none()) {
        answers
            .skip(key, format!("{} names {}, whose public key cannot be told", key.flag, shown(&key.path)));
    } else if !keys.is_empty() && !keys.iter().any(|key| key.spki == Some(signer.spki())) {
        let message =
            format!("{} is not the key of {}, with which it is named", shown(&key.path), subject(signer));
        let fact = answers.fail(key, message);
        if let Some(right) = signer.private_keys().first() {
            let edit = Edit::name(Component::ControllerManager, key.flag.trim_start_matches('-'), right.file);
            fact.fix(Cure::words("Name the key that was made with the certificate:").flags([edit]));
        }
    }
}

fn trusted(node: &Node, reference: &Reference, signer: Cert<'_>, answers: &mut Answers) {
    let Some(clients) = node.reference(Component::Apiserver, "client-ca-file") else { return };
    let Some(anchors) = certificates(node, clients, answers) else { return };
    // A file without any CA is M003's.
    if !anchors.iter().any(|anchor| anchor.is_ca() || anchor.is_self_signed()) {
        return;
    }
    // An intermediate is sent along with what it signed, or it is not: only its own key, or that of the CA above it, is sure.
    if super::references::leads_to(signer, &anchors) == Some(false) {
        let message = format!(
            "{} signs with {}, which --client-ca-file of kube-apiserver does not trust ({})",
            reference.written(),
            subject(signer),
            subjects(&anchors)
        );
        let fact = answers.fail(reference, message);
        // A CA of the clients that can sign here.
        let key = |anchor: &Cert<'_>| node.key_file_beside(anchor.file()).map(|(key, _)| key);
        let able = anchors.iter().find(|anchor| !anchor.private_keys().is_empty() && key(anchor).is_some());
        if let Some((able, key)) = able.and_then(|able| Some((able, key(able)?))) {
            let flag = reference.flag.trim_start_matches('-');
            fact.fix(Cure::words("Let it sign with the CA of the clients:").flags([
                Edit::name(Component::ControllerManager, flag, able.found().file),
                Edit::name(Component::ControllerManager, &flag.replace("cert-file", "key-file"), key),
            ]));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::tree::{PKI, Tree};
    use super::*;

    const MANAGER: &str = "etc/kubernetes/manifests/kube-controller-manager.yaml";

    #[test]
    fn a_key_of_another_ca_fires() {
        let mut tree = Tree::control_plane();
        assert_eq!((tree.findings(RULE.id), tree.skipped(RULE.id)), (vec![], vec![]));
        tree.flag("kube-controller-manager", "--cluster-signing-key-file=/etc/kubernetes/pki/etcd/ca.key");
        assert_eq!(
            tree.findings(RULE.id),
            [format!(
                "high {MANAGER}:13: /etc/kubernetes/pki/etcd/ca.key is not the key of CN=kubernetes, with which it is named"
            )]
        );
        tree.no_flag("kube-controller-manager", "--cluster-signing-key-file");
        assert_eq!(
            tree.findings(RULE.id),
            [format!(
                "high {MANAGER}:20: --cluster-signing-cert-file is given and the flag of its key is not"
            )]
        );
    }

    #[test]
    fn a_ca_that_the_api_server_does_not_trust_fires() {
        let mut tree = Tree::control_plane();
        for (flag, file) in [("cert", "crt"), ("key", "key")] {
            tree.flag(
                "kube-controller-manager",
                &format!("--cluster-signing-{flag}-file=/etc/kubernetes/pki/front-proxy-ca.{file}"),
            );
        }
        assert_eq!(
            tree.findings(RULE.id),
            [format!(
                "high {MANAGER}:14: --cluster-signing-cert-file signs with CN=front-proxy-ca, which --client-ca-file of \
                      kube-apiserver does not trust (CN=kubernetes)"
            )]
        );
        let bundle = tree.text(&format!("{PKI}/ca.crt")) + &tree.text(&format!("{PKI}/front-proxy-ca.crt"));
        tree.file(&format!("{PKI}/bundle.crt"), 0o644, bundle);
        tree.flag("kube-apiserver", "--client-ca-file=/etc/kubernetes/pki/bundle.crt");
        assert_eq!(tree.findings(RULE.id), [""; 0]);
    }

    #[test]
    fn an_external_ca_signs_nothing_here() {
        let mut tree = Tree::control_plane();
        tree.flag("kube-controller-manager", "--cluster-signing-cert-file=");
        tree.flag("kube-controller-manager", "--cluster-signing-key-file=");
        assert!(tree.not_applicable(&RULE));
        let mut tree = Tree::control_plane();
        tree.remove(&format!("{PKI}/ca.key"));
        assert_eq!(
            tree.skipped(RULE.id),
            [format!(
                "{MANAGER}: --cluster-signing-key-file names /etc/kubernetes/pki/ca.key, which is not there"
            )]
        );
    }
}
