//! P005: one serial number for each certificate of a CA.

use std::collections::HashMap;

use super::{Answers, Check, Citation, Estate, Place, Rule, Severity};
use crate::audit::{CertificateRecord, Record};

pub(super) static RULE: Rule = Rule {
    id: "P005",
    name: "serial-repeated",
    title: "Two certificates of one CA have the same serial number",
    severity: Severity::High,
    citations: &[
        Citation::rfc("RFC 5280 section 4.1.2.2"),
        Citation::rfc("RFC 5280 section 5.3"),
        Citation::page(
            "Mozilla: sec_error_reused_issuer_and_serial",
            "https://support.mozilla.org/kb/Certificate-contains-the-same-serial-number-as-another-certificate",
        ),
    ],
    explanation: "A revocation list names certificates by their serial numbers alone: who revokes one of them revokes the other \
                  as well. Browsers refuse the second that they see. It is the sign of a CA whose counter was copied or set \
                  back, and which does not know what it signed.",
    fix: "Issue all but one of them again, with random serial numbers: kpki draws them and refuses one that its ledger holds.",
    applies_to: "certificates of all nodes",
    check: Check::Estate(check),
};

/// Whether two certificates with one issuer's name and one serial number come from one CA.
enum Same {
    Yes,
    /// Their issuers have one name and different keys: two CAs, which are another rule's matter.
    No,
    Unknown,
}

fn check(estate: &Estate<'_>, answers: &mut Answers) {
    let certificates = || {
        let all = estate.records.iter().enumerate();
        all.filter_map(|(index, record)| Some((index, record, record.certificate.as_deref()?)))
    };
    let keys: HashMap<[u8; 32], Option<[u8; 32]>> =
        certificates().map(|(_, record, certificate)| (certificate.fingerprint, record.key)).collect();
    let mut first: HashMap<(&str, &str), (usize, &Record, &CertificateRecord)> = HashMap::new();
    let mut reported: std::collections::HashSet<[u8; 32]> = std::collections::HashSet::new();
    for (index, record, certificate) in certificates() {
        answers.look();
        let identity = (&*certificate.issuer, &*certificate.serial);
        let (_, other_record, other) = *first.entry(identity).or_insert((index, record, certificate));
        if other.fingerprint == certificate.fingerprint || !reported.insert(certificate.fingerprint) {
            continue;
        }
        let signer =
            |of: &CertificateRecord| of.signer.and_then(|signer| keys.get(&signer).copied().flatten());
        let same = match (signer(certificate), signer(other)) {
            (Some(a), Some(b)) if a == b => Same::Yes,
            (Some(_), Some(_)) => Same::No,
            _ => Same::Unknown,
        };
        let place = Place::record(index);
        let where_else = {
            let location = &other_record.location;
            let node = location.node.as_deref().map(|node| format!("{node}: ")).unwrap_or_default();
            format!("{node}{}", location.path)
        };
        let message = format!(
            "{} has serial number {} of {}, and so has {} ({where_else})",
            certificate.subject, certificate.serial, certificate.issuer, other.subject
        );
        // A CA's own certificate that was issued again with its number confuses clients, but nothing is revoked by it.
        let is_own = certificate.signer == Some(certificate.fingerprint);
        match same {
            Same::Yes if is_own => {
                answers.fail(place, message).severity(Severity::Medium);
            }
            Same::Yes => {
                answers.fail(place, message);
            }
            Same::Unknown => {
                answers
                    .fail(
                        place,
                        format!("{message}; whether one CA signed both cannot be told, it was not given"),
                    )
                    .severity(Severity::Medium);
            }
            Same::No => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::tree::{PKI, Tree, findings};
    use super::*;

    fn with_serial(serial: &str) -> Tree {
        let mut tree = Tree::control_plane();
        tree.certificate(&format!("{PKI}/apiserver.crt"), &format!("serial={serial}"));
        tree
    }

    #[test]
    fn two_certificates_of_one_ca_fire() {
        let mut tree = with_serial("5a01");
        assert_eq!(tree.findings(RULE.id), [""; 0]);
        tree.certificate(&format!("{PKI}/apiserver-kubelet-client.crt"), "serial=5a01");
        assert_eq!(
            tree.findings(RULE.id),
            [
                "high etc/kubernetes/pki/apiserver.crt:1: CN=kube-apiserver has serial number 5a01 of CN=kubernetes, and so has \
              CN=kube-apiserver-kubelet-client (etc/kubernetes/pki/apiserver-kubelet-client.crt)"
            ]
        );
    }

    #[test]
    fn so_do_those_of_two_nodes() {
        let (one, mut two) = (with_serial("5a01").named("cp1"), with_serial("5a01").named("cp2"));
        assert_eq!(findings(&[&one, &two], RULE.id), [""; 0], "the same certificate twice");
        two.certificate(&format!("{PKI}/apiserver.crt"), "sans=dns:cp2");
        assert_eq!(
            findings(&[&one, &two], RULE.id),
            [
                "high cp2 etc/kubernetes/pki/apiserver.crt:1: CN=kube-apiserver has serial number 5a01 of CN=kubernetes, and so has \
              CN=kube-apiserver (cp1: etc/kubernetes/pki/apiserver.crt)"
            ]
        );
    }

    #[test]
    fn two_cas_of_one_name_count_for_themselves() {
        let (one, mut two) = (with_serial("5a01").named("a"), with_serial("5a01").named("b"));
        two.authority("ca", crate::forge::ca("cn=kubernetes key=p256:other"));
        two.certificate(&format!("{PKI}/apiserver.crt"), "serial=5a01");
        assert_eq!(findings(&[&one, &two], RULE.id), [""; 0]);
    }

    #[test]
    fn without_their_ca_it_is_not_sure() {
        let mut tree = Tree::control_plane();
        let elsewhere = crate::forge::ca("cn=elsewhere");
        for name in ["a", "b"] {
            let words = format!("cn={name} serial=07");
            tree.put(&format!("{PKI}/{name}.crt"), elsewhere.leaf(&words), &words);
        }
        assert_eq!(
            tree.findings(RULE.id),
            [
                "medium etc/kubernetes/pki/b.crt:1: CN=b has serial number 07 of CN=elsewhere, and so has CN=a \
              (etc/kubernetes/pki/a.crt); whether one CA signed both cannot be told, it was not given"
            ]
        );
    }

    #[test]
    fn a_ca_that_was_issued_again_with_its_number_is_milder() {
        let mut tree = Tree::control_plane();
        let words = "cn=kubernetes key=p256:ca serial=5b";
        tree.authority("ca", crate::forge::ca(words));
        tree.put(&format!("{PKI}/ca-old.crt"), crate::forge::ca(&format!("{words} until=+1y")), "");
        assert_eq!(
            tree.findings(RULE.id),
            [
                "medium etc/kubernetes/pki/ca.crt:1: CN=kubernetes has serial number 5b of CN=kubernetes, and so has CN=kubernetes \
              (etc/kubernetes/pki/ca-old.crt)"
            ]
        );
    }
}
