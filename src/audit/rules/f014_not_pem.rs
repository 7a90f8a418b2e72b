//! F014: a form that no component reads.

use super::files::{is_thing_of_pki, left_over, own, referenced, referenced_for};
use super::remedy::Cure;
use super::{Check, Citation, Rule, Severity};
use crate::audit::{Answers, NodeKind, Place, Scene, What};
use crate::inspect::{Content, Encoding, Item};

pub(super) static RULE: Rule = Rule {
    id: "F014",
    name: "not-pem",
    title: "A file is not PEM, and its readers want PEM",
    severity: Severity::High,
    citations: &[
        Citation::page("Go: tls.LoadX509KeyPair", "https://pkg.go.dev/crypto/tls#LoadX509KeyPair"),
        Citation::rfc("RFC 7468"),
    ],
    explanation: "Kubernetes and etcd read certificates and keys as PEM and nothing else: of DER, of a PKCS#12 store or of base64 without its \
                  BEGIN line they say that no certificate or key is in the file, and do not start. Revocation lists are another matter: \
                  etcd wants those in DER, see E009.",
    fix: "`kpki inspect -o pem FILE > FILE.new` writes PEM (with `--private-keys` a key as well: under umask 077); put that in the place of \
          FILE. `openssl pkcs12 -in FILE` takes a store apart.",
    applies_to: "files named as certificates or keys, or named by a component",
    check: Check::Node(check),
};

fn check(scene: &Scene<'_>, answers: &mut Answers) {
    let node = scene.node;
    let referenced = referenced(node);
    let as_lists = referenced_for(node, What::RevocationList);
    for (index, file) in node.files.iter().enumerate() {
        let Some(contents) = file.contents() else { continue };
        let named = referenced.contains(&index);
        if !(named || file.promise().is_some()) || left_over(node, file).is_some() {
            continue;
        }
        let form = match contents.encoding {
            Encoding::Der => "DER",
            Encoding::Base64 => "base64 without a BEGIN line",
            Encoding::Binary => "",
            _ => {
                if own(file).any(is_thing_of_pki) {
                    answers.look();
                }
                continue;
            }
        };
        let Some(item) = own(file).find(|item| is_asked_for(item)) else { continue };
        answers.look();
        let lists = matches!(item.content, Content::RevocationList(_));
        if lists || as_lists.contains(&index) {
            continue;
        }
        let what = item.title();
        let message = match &item.content {
            Content::Named { .. } => format!("it is a {what}, and components read PEM"),
            _ => format!("the {what} is in {form}, and components read PEM"),
        };
        let fact = answers.fail(Place::file(index), message);
        if !matches!(item.content, Content::Named { .. }) {
            fact.fix(Cure::words("Write it as PEM:").rewritten_as_pem());
        }
        if !named && (node.kind == NodeKind::Unknown || super::files::has_extension(file.name(), "cer")) {
            // `.cer` is what Windows calls DER, and nobody is known to read this one.
            fact.severity(Severity::Low);
        }
    }
}

/// Whether an item is one that a component would ask for, or a store of such.
fn is_asked_for(item: &Item) -> bool {
    let store =
        |what: &str| ["PKCS#12", "Java key store", "PKCS#7"].iter().any(|known| what.starts_with(known));
    is_thing_of_pki(item) || matches!(&item.content, Content::Named { what, .. } if store(what))
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::prelude::BASE64_STANDARD;

    use super::super::super::testing::tree::{PKI, Tree};
    use super::*;

    #[test]
    fn pem_is_silent() {
        assert_eq!(Tree::control_plane().findings("F014"), [""; 0]);
    }

    #[test]
    fn other_forms_fire() {
        let good = Tree::control_plane();
        let der = good.ca("ca").der().to_vec();
        let key = crate::pem::parse(good.ca("ca").key_pem().as_bytes()).unwrap().remove(0).der.to_vec();
        for (name, bytes, finding) in [
            (
                "ca.crt",
                der.clone(),
                "high etc/kubernetes/pki/ca.crt: the certificate is in DER, and components read PEM",
            ),
            (
                "ca.key",
                key,
                "high etc/kubernetes/pki/ca.key: the private key is in DER, and components read PEM",
            ),
            (
                "web.pem",
                BASE64_STANDARD.encode(&der).into_bytes(),
                "high etc/kubernetes/pki/web.pem: the certificate is in base64 without a BEGIN line, and components read PEM",
            ),
            (
                "web.cer",
                der.clone(),
                "low etc/kubernetes/pki/web.cer: the certificate is in DER, and components read PEM",
            ),
            (
                "web.crt",
                b"\xfe\xed\xfe\xed\x00\x00\x00\x02".to_vec(),
                "high etc/kubernetes/pki/web.crt: it is a Java key store (JKS), and components read PEM",
            ),
        ] {
            let mut tree = good.clone();
            tree.file(&format!("{PKI}/{name}"), 0o600, bytes);
            assert_eq!(tree.findings("F014"), [finding]);
        }
    }

    #[test]
    fn a_file_that_a_component_names_counts_whatever_its_name() {
        let mut tree = Tree::control_plane();
        tree.file(&format!("{PKI}/trust"), 0o644, tree.ca("ca").der().to_vec());
        assert_eq!(tree.findings("F014"), [""; 0]);
        tree.flag("kube-apiserver", "--client-ca-file=/etc/kubernetes/pki/trust");
        assert_eq!(
            tree.findings("F014"),
            ["high etc/kubernetes/pki/trust: the certificate is in DER, and components read PEM"]
        );
    }

    #[test]
    fn revocation_lists_are_meant_to_be_der() {
        let mut tree = Tree::control_plane();
        tree.file(&format!("{PKI}/etcd/ca.crl.pem"), 0o644, tree.ca("etcd/ca").crl("").der().to_vec());
        tree.flag("etcd", "--client-crl-file=/etc/kubernetes/pki/etcd/ca.crl.pem");
        assert_eq!(tree.findings("F014"), [""; 0]);
        let mut tree = Tree::empty();
        tree.file("notes.txt", 0o644, Tree::control_plane().ca("ca").der().to_vec());
        assert!(tree.not_applicable(&RULE));
    }
}
