//! E010: the revocation list that etcd is given is the one that it should have.

use std::collections::{HashMap, HashSet};

use super::super::{Answers, Cert, Place, Role, Scene, Target};
use super::distinct::{Certificates, Distinct, Use};
use super::etcd::{Etcd, Side, signer};
use super::remedy::Reissue;
use super::{Check, Citation, Rule, Severity};
use crate::inspect::Content;
use crate::x509::{Printable, RevocationList, SerialNumber};

pub(super) static RULE: Rule = Rule {
    id: "E010",
    name: "etcd-revocation-list",
    title: "etcd's revocation list is stale, another's, or refuses the wrong certificate",
    severity: Severity::High,
    citations: &[
        Citation::page(
            "etcd: client/pkg/transport/listener_tls.go",
            "https://github.com/etcd-io/etcd/blob/main/client/pkg/transport/listener_tls.go",
        ),
        Citation::rfc("RFC 5280 section 5.1.2.5"),
    ],
    explanation: "etcd looks at nothing in the list but the serial numbers: neither at its dates, nor at its signature, nor at \
                  its issuer. A list that is stale goes on to let in what was revoked since; one of another CA refuses \
                  certificates that only happen to have the same number, and lets in those that are revoked.",
    fix: "Put the newest list of etcd's own CA there, in DER, and renew it before its next update is due; issue a certificate \
          that shares a revoked number again.",
    applies_to: "etcd with a revocation list",
    check: Check::Node(check),
};

/// The most CAs of a name by whose keys a list is tried.
const MOST: usize = 16;

fn check(scene: &Scene<'_>, answers: &mut Answers) {
    let Some(etcd) = Etcd::of(scene, answers) else { return };
    for side in Side::BOTH {
        let Some(reference) = etcd.reference(side.list()) else { continue };
        // What is not there or cannot be read is E009's.
        let Target::File(file) = reference.target else { continue };
        let Some(found) = scene.node.files.get(file) else { continue };
        for (number, item) in found.items().iter().enumerate() {
            if let Content::RevocationList(list) = &item.content {
                answers.look();
                let place = Place::of_item(file, item);
                let listed = Listed { etcd: &etcd, side, list, number: (file, number), place };
                listed.dates(scene, answers);
                listed.signature(answers);
                listed.serials(answers);
            }
        }
    }
}

struct Listed<'a> {
    etcd: &'a Etcd<'a>,
    side: Side,
    list: &'a RevocationList,
    number: (usize, usize),
    place: Place,
}

impl Listed<'_> {
    fn dates(&self, scene: &Scene<'_>, answers: &mut Answers) {
        if let Some(next) = self.list.next_update.filter(|next| *next < scene.policy.at) {
            let message =
                format!("the next list was due on {}; what was revoked since is let in", next.date());
            answers.fail(self.place.clone(), message);
        }
    }

    fn signature(&self, answers: &mut Answers) {
        let flag = self.side.trusted_ca();
        let trusted = self.etcd.authorities(flag);
        if trusted.is_empty() {
            if self.etcd.reference(flag).is_some() {
                answers.skip(self.place.clone(), format!("the CAs of --{flag} were not read"));
            }
            return;
        }
        let issuer = &self.list.issuer;
        let mut named = trusted.iter().filter(|cert| cert.tbs().subject == *issuer).take(MOST).peekable();
        if named.peek().is_none() {
            let message = format!("it is the list of {issuer}, which is not among the CAs of --{flag}");
            answers.fail(self.place.clone(), message);
        } else if !named.any(|cert| self.etcd.node.list_is_signed_by(self.number, cert.tbs())) {
            let message = format!("it names {issuer}, and is not signed by the key of that CA in --{flag}");
            answers.fail(self.place.clone(), message);
        }
    }

    fn serials(&self, answers: &mut Answers) {
        let certificates = Certificates::of(self.etcd.node);
        let mut by_serial: HashMap<&SerialNumber, Vec<&Distinct<'_>>> = HashMap::new();
        for one in certificates.all.iter().filter(|one| one.usage != Use::Old) {
            by_serial.entry(&one.cert.tbs().serial).or_default().push(one);
        }
        let flag = self.side.trusted_ca();
        let trusted: HashSet<[u8; 32]> = self.etcd.authorities(flag).into_iter().map(Cert::spki).collect();
        let mut hit: Vec<&Distinct<'_>> = self
            .list
            .entries()
            .filter_map(|(_, serial, _)| by_serial.get(serial))
            .flatten()
            .copied()
            .collect();
        hit.sort_by_key(|one| one.cert.index);
        hit.dedup_by_key(|one| one.cert.index);
        for one in hit {
            let cert = one.cert;
            let serial = &cert.tbs().serial;
            let own = cert.tbs().issuer == self.list.issuer;
            let trusted = signer(cert).is_some_and(|key| trusted.contains(&key));
            let list = Printable(&self.etcd.node.location(&self.place).path).to_string();
            if !own {
                let message = format!(
                    "its serial number {serial} stands on {list}, the list of {}, and etcd compares nothing else",
                    self.list.issuer
                );
                let fact = answers.fail(cert, message);
                fact.fix(Reissue::default());
                // etcd refuses it for its CA already.
                if !trusted {
                    fact.severity(Severity::Low);
                }
            } else if one.roles.iter().any(|role| uses_etcd(*role)) {
                answers
                    .fail(
                        cert,
                        format!("it is in use and revoked: {serial} stands on {list}, and etcd refuses it"),
                    )
                    .fix(Reissue::default().with_new_key());
            }
        }
    }
}

fn uses_etcd(role: Role) -> bool {
    matches!(role, Role::ApiserverEtcdClient | Role::EtcdServer | Role::EtcdPeer | Role::EtcdClient)
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::tree::{PKI, Tree};
    use super::*;

    fn tree(ca: &str, words: &str) -> Tree {
        let mut tree = Tree::control_plane();
        tree.flag("etcd", "--client-crl-file=/etc/kubernetes/pki/etcd/ca.crl");
        let list = tree.ca(ca).crl(words).der().to_vec();
        tree.file(&format!("{PKI}/etcd/ca.crl"), 0o644, list);
        tree
    }

    const LIST: &str = "etc/kubernetes/pki/etcd/ca.crl";

    #[test]
    fn a_good_list_is_silent() {
        assert_eq!(tree("etcd/ca", "revoked=0a0b0c").findings("E010"), [""; 0]);
        assert_eq!(tree("etcd/ca", "next=absent").findings("E010"), [""; 0]);
        assert!(!tree("etcd/ca", "").not_applicable(&RULE));
        assert!(Tree::control_plane().not_applicable(&RULE));
    }

    #[test]
    fn a_stale_list_and_another_s_fire() {
        assert_eq!(
            tree("etcd/ca", "this=-8d next=-1d").findings("E010"),
            [format!("high {LIST}: the next list was due on 2026-05-31; what was revoked since is let in")]
        );
        assert_eq!(
            tree("ca", "").findings("E010"),
            [format!(
                "high {LIST}: it is the list of CN=kubernetes, which is not among the CAs of --trusted-ca-file"
            )]
        );
        assert_eq!(
            tree("etcd/ca", "sig=broken").findings("E010"),
            [format!(
                "high {LIST}: it names CN=etcd-ca, and is not signed by the key of that CA in --trusted-ca-file"
            )]
        );
    }

    #[test]
    fn serial_numbers_are_compared_and_nothing_else() {
        let mut own = tree("etcd/ca", "");
        let serial = own.of(&format!("{PKI}/apiserver-etcd-client.crt")).serial_hex();
        let list = own.ca("etcd/ca").crl(&format!("revoked={serial}")).der().to_vec();
        own.file(LIST, 0o644, list);
        assert_eq!(
            own.findings("E010"),
            [format!(
                "high etc/kubernetes/pki/apiserver-etcd-client.crt:1: it is in use and revoked: {serial} stands on {LIST}, and \
                 etcd refuses it"
            )]
        );
        let mut other = tree("etcd/ca", "revoked=2a");
        other.certificate(&format!("{PKI}/apiserver-kubelet-client.crt"), "serial=2a");
        let message = format!(
            "its serial number 2a stands on {LIST}, the list of CN=etcd-ca, and etcd compares nothing else"
        );
        let place = "etc/kubernetes/pki/apiserver-kubelet-client.crt:1";
        assert_eq!(other.findings("E010"), [format!("low {place}: {message}")]);
        let both = other.text(&format!("{PKI}/etcd/ca.crt")) + &other.text(&format!("{PKI}/ca.crt"));
        other.file(&format!("{PKI}/etcd/ca.crt"), 0o644, both);
        assert_eq!(other.findings("E010"), [format!("high {place}: {message}")]);
    }

    #[test]
    fn without_the_ca_the_signature_is_skipped() {
        let mut tree = tree("etcd/ca", "");
        tree.remove(&format!("{PKI}/etcd/ca.crt"));
        assert_eq!(tree.skipped("E010"), [format!("{LIST}: the CAs of --trusted-ca-file were not read")]);
    }
}
