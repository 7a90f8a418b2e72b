//! C017: issuer and subject are one name, written in two ways.

use std::collections::{HashMap, HashSet};

use super::super::{Answers, Cert, Gap, Scene, Signing};
use super::c018_refused::severity;
use super::distinct::{Certificates, Use, named};
use super::meetings::Meetings;
use super::{Check, Citation, Rule, Severity};
use crate::chain::normal_form;
use crate::x509::TbsCertificate;

/// Signatures that are verified for this on one node.
const MOST_SIGNATURES: usize = 64;

pub(super) static RULE: Rule = Rule {
    id: "C017",
    name: "names-written-otherwise",
    title: "The issuer's name is written otherwise than in the CA's certificate",
    severity: Severity::Critical,
    citations: &[
        Citation::rfc("RFC 5280 section 7.1"),
        Citation::page("golang/go#31440", "https://github.com/golang/go/issues/31440"),
    ],
    explanation: "Both names mean the same, and the CA did sign it; but one is a PrintableString and the other a UTF8String, or upper \
                  and lower case differ. OpenSSL and Java compare what names mean, Go their bytes: for every component of Kubernetes \
                  the issuer is unknown. `openssl req -x509 -subj` does so to a CA of kubeadm's that is made anew with its key: it writes \
                  UTF8String where kubeadm wrote PrintableString, and no component can log in. Where nobody is known to judge by that CA, \
                  it is of severity medium.",
    fix: "Issue it again with a tool that copies the CA's name byte for byte, as `kpki sign csr NAME.csr --profile PROFILE --ca CA --out \
          FILE --force` does.",
    applies_to: "certificates whose issuer's name is that of no CA",
    check: Check::Node(check),
};

fn check(scene: &Scene<'_>, answers: &mut Answers) {
    let certificates = Certificates::of(scene.node);
    let mut left = MOST_SIGNATURES;
    // The same is told once of each, though several judge by that CA.
    let mut told: HashSet<(usize, usize)> = HashSet::new();
    for meeting in Meetings::of(scene).iter().filter(|meeting| meeting.refusal().is_some()) {
        let Some(leaf) = meeting.leaf().and_then(|leaf| certificates.get(leaf)) else { continue };
        // Where the path breaks: it may be an intermediate's issuer.
        for below in meeting.shown() {
            let renamed = meeting
                .trusted()
                .chain(meeting.shown())
                .find(|ca| is_renamed(below.tbs(), ca.tbs()) && told_or_signed(&mut left, below, *ca));
            let Some(ca) = renamed.filter(|ca| told.insert((leaf.cert.index, ca.found().same_as))) else {
                continue;
            };
            let place = certificates.get(ca).map_or(ca, |known| known.cert);
            let message = format!(
                "{} in {} signed it, and its name is written there in other bytes: {} refuses it, as all that is written in Go, GnuTLS, NSS, \
                 wolfSSL and rustls do; OpenSSL and Java do not{}",
                named(&ca.tbs().subject),
                place.file().shown,
                meeting.by(),
                leaf.elsewhere()
            );
            answers.fail(leaf, message).severity(severity(meeting.role()));
        }
    }
    let absent: Vec<_> = certificates
        .all
        .iter()
        .filter(|one| one.usage != Use::Old && matches!(one.cert.found().signing, Signing::Absent))
        .filter(|one| !told.iter().any(|(leaf, _)| *leaf == one.cert.index))
        .collect();
    if absent.is_empty() {
        return;
    }
    let mut by_meaning: HashMap<Vec<u8>, Vec<Cert<'_>>> = HashMap::new();
    for one in certificates.all.iter().filter(|one| one.cert.is_ca()) {
        by_meaning.entry(normal_form(&one.cert.tbs().subject)).or_default().push(one.cert);
    }
    for one in absent {
        let Some(cas) = by_meaning.get(&normal_form(&one.cert.tbs().issuer)) else { continue };
        for ca in cas {
            if left == 0 {
                answers.leave(
                    one,
                    Gap::TooMuch,
                    "there were too many signatures to verify them all; give fewer files",
                );
                break;
            }
            left -= 1;
            if one.cert.is_signed_with_key_of(ca.tbs()) {
                let message = format!(
                    "{} in {} signed it, and its name is written there in other bytes",
                    named(&ca.tbs().subject),
                    ca.file().shown
                );
                answers.fail(one, message).severity(Severity::Medium);
                break;
            }
        }
        answers.look();
    }
}

/// Whether an issuer's name means that of a CA, and is written in other bytes.
fn is_renamed(below: &TbsCertificate, ca: &TbsCertificate) -> bool {
    below.issuer.der() != ca.subject.der() && normal_form(&below.issuer) == normal_form(&ca.subject)
}

fn told_or_signed(left: &mut usize, below: Cert<'_>, ca: Cert<'_>) -> bool {
    // A signer that is known has the key, or has it not.
    if let Some(signer) = below.issuer() {
        return signer.public_key == ca.tbs().public_key;
    }
    *left = left.saturating_sub(1);
    *left > 0 && below.is_signed_with_key_of(ca.tbs())
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::tree::{PKI, Tree};
    use super::*;
    use crate::forge;

    #[test]
    fn a_name_in_other_bytes_fires() {
        let mut tree = Tree::control_plane();
        assert!(tree.not_applicable(&RULE));
        let api = format!("{PKI}/apiserver.crt");
        tree.certificate(&api, "issuer=cn=KUBERNETES");
        assert_eq!(
            tree.findings("C017"),
            [
                "critical etc/kubernetes/pki/apiserver.crt:1: CN=kubernetes in etc/kubernetes/pki/ca.crt signed it, and its \
                 name is written there in other bytes: a pod by --root-ca-file refuses it, as all that is written in Go, GnuTLS, NSS, \
                 wolfSSL and rustls do; OpenSSL and Java do not"
            ]
        );
        // Who judges by it is not known.
        let mut loose = Tree::empty();
        let ca = forge::ca("cn=kubernetes");
        loose.file(&format!("{PKI}/web-ca.crt"), 0o644, ca.pem());
        loose.put(&format!("{PKI}/web.crt"), ca.leaf("cn=web issuer=cn=KUBERNETES"), "");
        assert_eq!(
            loose.findings("C017"),
            [
                "medium etc/kubernetes/pki/web.crt:1: CN=kubernetes in etc/kubernetes/pki/web-ca.crt signed it, and its name is \
                 written there in other bytes"
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
