//! C017: issuer and subject are one name, written in two ways.

use std::collections::HashMap;

use super::super::{Answers, Cert, Gap, Scene, Signing};
use super::distinct::{Certificates, Use, named};
use super::{Check, Citation, Rule, Severity};
use crate::chain::normal_form;

/// Signatures that are verified for this on one node.
const MOST_SIGNATURES: usize = 64;

pub(super) static RULE: Rule = Rule {
    id: "C017",
    name: "names-written-otherwise",
    title: "The issuer's name is written otherwise than in the CA's certificate",
    severity: Severity::Medium,
    citations: &[
        Citation::rfc("RFC 5280 section 7.1"),
        Citation::page("golang/go#31440", "https://github.com/golang/go/issues/31440"),
    ],
    explanation: "Both names mean the same, and the CA did sign it; but one is a PrintableString and the other a UTF8String, or upper \
                  and lower case differ. OpenSSL compares what names mean, Go their bytes: for every component of Kubernetes \
                  the issuer is unknown.",
    fix: "Issue it again with a tool that copies the CA's name byte for byte, as `kpki sign csr NAME.csr --profile PROFILE --ca CA --out \
          FILE --force` does.",
    applies_to: "certificates whose issuer's name is that of no CA",
    check: Check::Node(check),
};

fn check(scene: &Scene<'_>, answers: &mut Answers) {
    let certificates = Certificates::of(scene.node);
    let absent = certificates
        .all
        .iter()
        .filter(|one| one.usage != Use::Old && matches!(one.cert.found().signing, Signing::Absent));
    let absent: Vec<_> = absent.collect();
    if absent.is_empty() {
        return;
    }
    let mut by_meaning: HashMap<Vec<u8>, Vec<Cert<'_>>> = HashMap::new();
    for one in certificates.all.iter().filter(|one| one.cert.is_ca()) {
        by_meaning.entry(normal_form(&one.cert.tbs().subject)).or_default().push(one.cert);
    }
    let mut left = MOST_SIGNATURES;
    for one in absent {
        let Some(cas) = by_meaning.get(&normal_form(&one.cert.tbs().issuer)) else { continue };
        for ca in cas {
            if left == 0 {
                answers.leave(one, Gap::TooMuch, "there were too many signatures to verify them all; give fewer files");
                break;
            }
            left -= 1;
            if one.cert.is_signed_with_key_of(ca.tbs()) {
                let message = format!(
                    "{} in {} signed it, and its name is written there in other bytes",
                    named(&ca.tbs().subject),
                    ca.file().shown
                );
                answers.fail(one, message);
                break;
            }
        }
        answers.look();
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::tree::{PKI, Tree};
    use super::*;

    #[test]
    fn a_name_in_other_bytes_fires() {
        let mut tree = Tree::control_plane();
        assert!(tree.not_applicable(&RULE));
        let api = format!("{PKI}/apiserver.crt");
        tree.certificate(&api, "issuer=cn=KUBERNETES");
        assert_eq!(
            tree.findings("C017"),
            [
                "medium etc/kubernetes/pki/apiserver.crt:1: CN=kubernetes in etc/kubernetes/pki/ca.crt signed it, and its \
                 name is written there in other bytes"
            ]
        );
        // The same meaning, but another's signature.
        tree.put(&api, tree.ca("ca").rekey("").leaf("cn=kube-apiserver issuer=cn=KUBERNETES"), "");
        assert_eq!(tree.findings("C017"), [""; 0]);
        tree.certificate(&api, "issuer=cn=somebody");
        assert_eq!(tree.findings("C017"), [""; 0]);
        assert!(tree.not_applicable(&RULE));
    }
}
