//! M002: a certificate and a key that flags name together belong together.

use super::files::certificate_file_beside;
use super::references::{hidden, said, shown, subject};
use super::remedy::{Cure, Edit, Reissue};
use super::{Answers, Check, Citation, Rule, Severity};
use crate::audit::{Cert, File, Holder, Node, Reference, Scene, Target, What};

pub(super) static RULE: Rule = Rule {
    id: "M002",
    name: "named-pair",
    title: "A certificate and the key that is named with it do not belong together",
    severity: Severity::Critical,
    citations: &[
        Citation::page("Go: crypto/tls LoadX509KeyPair", "https://pkg.go.dev/crypto/tls#LoadX509KeyPair"),
        Citation::page(
            "Kubernetes: PKI certificates and requirements",
            "https://kubernetes.io/docs/setup/best-practices/certificates/#certificate-paths",
        ),
    ],
    explanation: "The component reads both files, finds that the key is not that of the certificate (or that one of them was not \
                  named at all), and does not start.",
    fix: "Correct the flag in FILE so that it names the key that was made with the certificate; `kpki inspect` shows which belong together.",
    applies_to: "pairs of flags of static pods and of the kubelet",
    check: Check::Node(check),
};

/// Files that belong together by their names are F004's, kubeconfigs M013's, and the pairs with which the controller manager signs M009's:
/// this one says only what none of them says, that flags name two files which were never a pair, or only one.
fn check(scene: &Scene<'_>, answers: &mut Answers) {
    let node = scene.node;
    for (index, reference) in node.references.iter().enumerate() {
        if reference.holder == Holder::Kubeconfig {
            continue;
        }
        let is_alone = match reference.what {
            What::Certificate => node.pairs.iter().all(|pair| pair.certificate != index),
            What::Key => node.pairs.iter().all(|pair| pair.key != index),
            _ => false,
        };
        // Where not all flags are known, another one may name it.
        if is_alone
            && let Holder::Component(component) = reference.holder
            && node.whole_launch(component).is_none()
            && let (_, reason) = node.not_known(component)
        {
            answers.skip(reference, reason);
            continue;
        }
        match reference.what {
            What::Certificate => {
                if let Some(pair) = node.pairs.iter().find(|pair| pair.certificate == index) {
                    if let Some(key) = node.references.get(pair.key) {
                        judge(node, reference, key, answers);
                    }
                } else {
                    let fact =
                        answers.fail(reference, format!("{}, and nothing names its key", said(reference)));
                    if let Some(cure) = named_with(node, reference, What::Key) {
                        fact.fix(cure);
                    }
                }
            }
            What::Key if is_alone => {
                let fact = answers
                    .fail(reference, format!("{}, and nothing names its certificate", said(reference)));
                if let Some(cure) = named_with(node, reference, What::Certificate) {
                    fact.fix(cure);
                }
            }
            _ => {}
        }
    }
}

/// The other half of a pair is named as well, where it lies beside the one that is named.
fn named_with(node: &Node, reference: &Reference, wanted: What) -> Option<Cure> {
    let (Holder::Component(component), Target::File(file)) = (reference.holder, reference.target) else {
        return None;
    };
    let own = reference.flag.trim_start_matches('-');
    let flag = &other_half(own)?;
    let found = node.files.get(file)?;
    let beside = match wanted {
        What::Key => node.key_file_beside(found).map(|(index, _)| index),
        _ => certificate_file_beside(node, found).map(|(index, _)| index),
    }?;
    Some(Cure::default().flags([Edit::name(component, flag, beside)]))
}

/// The flag that goes with another: `tls-cert-file` and `tls-private-key-file`, `etcd-certfile` and `etcd-keyfile`.
fn other_half(flag: &str) -> Option<String> {
    const HALVES: [(&str, &str); 4] = [
        ("tls-cert-file", "tls-private-key-file"),
        ("client-certificate", "client-key"),
        ("certfile", "keyfile"),
        ("cert-file", "key-file"),
    ];
    HALVES.iter().find_map(|(certificate, key)| {
        let other = |one: &str, other: &str| flag.strip_suffix(one).map(|before| format!("{before}{other}"));
        other(certificate, key).or_else(|| other(key, certificate))
    })
}

fn judge(node: &Node, certificate: &Reference, key: &Reference, answers: &mut Answers) {
    for reference in [certificate, key] {
        if let Some(reason) = hidden(node, reference) {
            answers.skip(reference, reason);
            return;
        }
    }
    let (Target::File(certificate_file), Target::File(key_file)) = (certificate.target, key.target) else {
        return;
    };
    let beside = node.files.get(certificate_file).and_then(|file| node.key_file_beside(file));
    let Some(leaf) = node.certs_in(certificate_file).next() else { return };
    let is_combined = node.files.get(certificate_file).is_some_and(File::holds_private_key);
    let is_beside = beside.is_some_and(|(beside, _)| beside == key_file) && !is_combined;
    if certificate_file == key_file || is_beside {
        answers.look();
        return;
    }
    let Some(keys) = keys(node, key_file) else {
        answers.skip(key, format!("{}, whose public key cannot be told", said(key)));
        return;
    };
    if keys.is_empty() {
        return;
    }
    answers.look();
    // Go takes the first private key of a file.
    if keys.first() != Some(&leaf.spki()) {
        let fact = answers.fail(key, mismatch(node, certificate, key, leaf, &keys));
        let right = leaf.private_keys().into_iter().find(|key| node.keys_in(key.file).count() == 1);
        if let (Some(right), Holder::Component(component)) = (right, key.holder) {
            let edit = Edit::name(component, key.flag.trim_start_matches('-'), right.file);
            fact.fix(Cure::words("Name the key that was made with the certificate:").flags([edit]));
        } else if let Target::File(_) = key.target {
            fact.fix(Reissue::default().of(leaf).with_new_key().first(
                "The key that was made with the certificate is not here; put it back, or make both anew.",
            ));
        }
    }
}

/// The public keys of a file's private keys; none where one is not known.
fn keys(node: &Node, file: usize) -> Option<Vec<[u8; 32]>> {
    node.keys_in(file).filter(|key| key.private).map(|key| key.spki).collect()
}

fn mismatch(
    node: &Node,
    certificate: &Reference,
    key: &Reference,
    leaf: Cert<'_>,
    keys: &[[u8; 32]],
) -> String {
    let belongs = keys.iter().find_map(|key| node.certs_with_key(key).next());
    let belongs = belongs.map(|cert| format!("; it is the key of {}", subject(cert))).unwrap_or_default();
    format!(
        "{} is not the key of {}, which {} names ({}){belongs}",
        shown(&key.path),
        shown(&certificate.path),
        certificate.flag,
        subject(leaf)
    )
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::tree::{PKI, Tree};
    use super::*;

    const APISERVER: &str = "etc/kubernetes/manifests/kube-apiserver.yaml";

    #[test]
    fn flags_that_name_files_of_two_pairs_fire() {
        let mut tree = Tree::control_plane();
        assert_eq!((tree.findings(RULE.id), tree.skipped(RULE.id)), (vec![], vec![]));
        tree.flag("kube-apiserver", "--tls-private-key-file=/etc/kubernetes/pki/front-proxy-client.key");
        assert_eq!(
            tree.findings(RULE.id),
            [format!(
                "critical {APISERVER}:15: /etc/kubernetes/pki/front-proxy-client.key is not the key of \
                      /etc/kubernetes/pki/apiserver.crt, which --tls-cert-file names (CN=kube-apiserver); it is the key of \
                      CN=front-proxy-client"
            )]
        );
    }

    #[test]
    fn a_flag_without_its_other_half_fires() {
        let mut tree = Tree::control_plane();
        tree.no_flag("kube-apiserver", "--etcd-keyfile");
        tree.no_flag("etcd", "--peer-cert-file");
        assert_eq!(
            tree.findings(RULE.id),
            [
                "critical etc/kubernetes/manifests/etcd.yaml:28: --peer-key-file names /etc/kubernetes/pki/etcd/peer.key, and nothing names its certificate".to_owned(),
                format!("critical {APISERVER}:22: --etcd-certfile names /etc/kubernetes/pki/apiserver-etcd-client.crt, and nothing names its key"),
            ]
        );
    }

    #[test]
    fn a_pair_of_one_name_is_not_said_twice() {
        let mut tree = Tree::control_plane();
        tree.certificate(&format!("{PKI}/apiserver.crt"), "key=p256:another");
        assert_eq!(tree.findings(RULE.id), [""; 0]);
    }

    #[test]
    fn what_was_not_given_is_skipped() {
        let mut tree = Tree::control_plane();
        tree.flag("kube-apiserver", "--tls-private-key-file=/etc/ssl/certs/a.key");
        assert_eq!(
            tree.skipped(RULE.id),
            [format!(
                "{APISERVER}: --tls-private-key-file names /etc/ssl/certs/a.key, which lies outside of what was given: give / \
                      or also /etc/ssl/certs"
            )]
        );
        let mut tree = Tree::empty();
        tree.authority("ca", crate::forge::ca("cn=kubernetes"));
        assert!(tree.not_applicable(&RULE));
    }
}
