//! F004: a key that is not its certificate's.

use std::collections::HashMap;

use super::distinct::ca_of;
use super::etcd::signer;
use super::files::{MOST_COPIES, is_private, own, requests, subject};
use super::remedy::{Cure, Reissue, authority_back};
use super::{Check, Citation, Rule, Severity};
use crate::audit::{Answers, Cert, File, FileKind, FoundKey, Node, Place, Role, Scene, Target, What};
use crate::inspect::{Content, Item};
use crate::layout::Promise;
use crate::x509::sha256;

pub(super) static RULE: Rule = Rule {
    id: "F004",
    name: "key-of-the-pair",
    title: "A private key is not that of its certificate",
    severity: Severity::Critical,
    citations: &[
        Citation::rfc("RFC 5280 section 4.1.2.7"),
        Citation::page("Go: tls.X509KeyPair", "https://pkg.go.dev/crypto/tls#X509KeyPair"),
        Citation::page(
            "kubeadm: TryLoadCertAndKeyFromDisk",
            "https://github.com/kubernetes/kubernetes/blob/master/cmd/kubeadm/app/util/pkiutil/pki_helpers.go",
        ),
    ],
    explanation: "Nothing that loads the two together starts: \"tls: private key does not match public key\". What runs keeps the old pair \
                  in memory, so that the outage comes with the next restart. The public key within the certificate is compared, not \
                  names or dates.",
    fix: "Put the key back that belongs to the certificate, or make both anew: `kpki issue PROFILE` writes a pair that fits.",
    applies_to: "certificates (and public keys) with a private key in the same file, or in the one beside it by the names",
    check: Check::Node(check),
};

fn check(scene: &Scene<'_>, answers: &mut Answers) {
    let node = scene.node;
    let requests = requests(node);
    for (index, file) in node.files.iter().enumerate().filter(|(_, file)| file.contents().is_some()) {
        // Who loads a key passes over the certificates in its file.
        if file.promise() == Some(Promise::PrivateKey) && !is_named_as(node, index) {
            continue;
        }
        // What a certificate is first followed by is its chain.
        let Some(holder) =
            own(file).find(|item| matches!(item.content, Content::Certificate(_) | Content::PublicKey(_)))
        else {
            fields(node, index, file, answers);
            continue;
        };
        let pair = Pair { node, index, file, holder, requests: &requests };
        if own(file).any(is_private) {
            pair.compare(index, file, answers);
        } else if let Some((beside, key_file)) =
            node.key_file_beside(file).filter(|(beside, _)| *beside != index)
        {
            pair.compare(beside, key_file, answers);
        }
    }
}

fn exchanged(one: usize, other: usize) -> Cure {
    Cure::words("Two keys lie in each other's place. Give each its own:").exchange([(one, other)])
}

/// Whether somebody names a file as that of a certificate.
fn is_named_as(node: &Node, file: usize) -> bool {
    let mut named = node.references.iter().filter(|reference| reference.target == Target::File(file));
    named
        .any(|reference| matches!(reference.what, What::Certificate | What::Trust | What::SigningCertificate))
}

/// A certificate, or a public key, and the file that it stands in.
struct Pair<'a> {
    node: &'a Node,
    index: usize,
    file: &'a File,
    holder: &'a Item,
    /// The files of requests, by the SHA-256 of their keys.
    requests: &'a HashMap<[u8; 32], usize>,
}

impl Pair<'_> {
    fn compare(&self, key_index: usize, key_file: &File, answers: &mut Answers) {
        if let FileKind::Regular(Err(reason)) = &key_file.kind {
            answers.skip(
                key_index,
                format!("whether it is the key of {} is not known: {reason}", self.file.shown),
            );
            return;
        }
        let is_public = matches!(self.holder.content, Content::PublicKey(_))
            || self.file.promise() == Some(Promise::PublicKey);
        // The pair of service accounts has a rule of its own, K019.
        if is_public
            && self
                .node
                .keys_in(key_index)
                .any(|key| key.roles.iter().any(|(role, _)| *role == Role::ServiceAccount))
        {
            return;
        }
        let keys: Vec<&Item> =
            own(key_file).filter(|item| matches!(item.content, Content::PrivateKey(_))).collect();
        let Some(first) = keys.first() else { return };
        let wanted = self.holder.public_key();
        let right = keys.iter().position(|key| key.public_key().is_some() && key.public_key() == wanted);
        let place = Place::of_item(key_index, first);
        match right {
            Some(0) => {
                answers.look();
                return;
            }
            // Go takes the first private key of a file (crypto/tls, X509KeyPair).
            Some(right) => {
                let of = if is_public { "private half of the public key" } else { "key of the certificate" };
                let message = format!(
                    "the {of} in {} is key {} of this file, and the first is the one that is used",
                    self.file.shown,
                    right + 1
                );
                let fix = "Keep one private key in FILE, the right one, and put the other where it belongs.";
                answers.fail(place, message).fix(fix);
                return;
            }
            None => {}
        }
        if keys.iter().any(|key| key.public_key().is_none()) {
            let why = if is_encrypted(first) {
                "it is encrypted"
            } else {
                "its public key does not stand beside it"
            };
            answers.skip(place, format!("whether it is the key of {} is not known: {why}", self.file.shown));
            return;
        }
        let message = self.mismatch(key_index, first);
        let cure = self.cure(key_index, first);
        let fact = answers.fail(place, message);
        if let Some(cure) = cure {
            fact.fix(cure);
        }
    }

    /// The right key is put there, the certificates are put in order, or both are made anew.
    fn cure(&self, key_index: usize, key: &Item) -> Option<Cure> {
        let cert = self.node.certs_in(self.index).next().filter(|cert| cert.item().place.field.is_none());
        if self.is_order(key) {
            return Some(Cure::words("Put the certificates in order:").put_in_order(self.index));
        }
        if let Some((cert, role)) = cert.and_then(|cert| Some((cert, cert.place_role()?)))
            && role.is_ca()
        {
            return Some(self.cure_of_authority(key_index, key, cert, role));
        }
        if let Some(cure) = cert.and_then(super::f023_role::of_misplaced) {
            return Some(cure);
        }
        if let Some(right) = self.right_key(key_index).filter(|_| key_index != self.index) {
            if self.is_swapped_with(key, right.file) {
                return Some(exchanged(key_index, right.file));
            }
            return Some(
                Cure::words("Put the key there that belongs to it:").put(right.file, Some(key_index)),
            );
        }
        cert.map(|cert| {
            let first = "Put the key back that belongs to the certificate, from a backup; where there is none, make both anew.";
            Reissue::default().of(cert).with_new_key().first(first).into()
        })
    }

    /// A file in which the right key stands alone.
    fn right_key(&self, instead_of: usize) -> Option<&FoundKey> {
        let spki = sha256(self.holder.public_key()?);
        let mut keys = self.node.keys_with(&spki).take(MOST_COPIES).filter(|key| key.private);
        keys.find(|key| key.file != instead_of && self.node.keys_in(key.file).count() == 1)
    }

    /// Of a CA's certificate and key the one stays that has signed the leaves of that part, and all of them hang on it.
    fn cure_of_authority(&self, key_index: usize, key: &Item, cert: Cert<'_>, role: Role) -> Cure {
        let has_signed = |spki: [u8; 32]| {
            let of_part = |leaf: &Cert<'_>| !leaf.is_ca() && leaf.role().and_then(ca_of) == Some(role);
            self.node.certs().filter(of_part).any(|leaf| signer(leaf) == Some(spki))
        };
        let by_key = key.public_key().map(sha256).is_some_and(has_signed);
        let by_cert = has_signed(cert.spki());
        match self.right_key(key_index) {
            _ if by_key && !by_cert || cert.is_plainly_a_leaf() => authority_back(self.node, self.index),
            Some(right)
                if by_cert && !by_key && key_index != self.index && self.is_swapped_with(key, right.file) =>
            {
                exchanged(key_index, right.file)
            }
            Some(right) if by_cert && !by_key && key_index != self.index => {
                Cure::words("Put the CA's own key there:").put(right.file, Some(key_index))
            }
            _ if by_cert && !by_key => Cure::words(
                "Bring the CA's own key back into FILE, from a backup or from another node: its certificate is good as it is, and nothing can be issued \
                 under it without that key.",
            ),
            _ => Cure::words(
                "Find out which of the two is the CA's, by what it has signed (`kpki verify LEAF --ca CA`), and bring the other back from a backup or \
                 from another node. Replace neither before.",
            ),
        }
    }

    /// Whether the file of the right key lies beside a certificate to which this one belongs.
    fn is_swapped_with(&self, key: &Item, other: usize) -> bool {
        let own = key.public_key().map(sha256);
        let node = self.node;
        let mut belonging = own.iter().flat_map(|spki| node.certs_with_key(spki).take(MOST_COPIES));
        belonging.any(|cert| node.key_file_beside(cert.file()).is_some_and(|(beside, _)| beside == other))
    }

    /// Whether the certificates are in the wrong order, and the key is right.
    fn is_order(&self, key: &Item) -> bool {
        key.public_key().is_some_and(|own| {
            self.node.certs_in(self.index).take(MOST_COPIES).any(|cert| cert.tbs().public_key.der() == own)
        })
    }

    fn mismatch(&self, key_index: usize, key: &Item) -> String {
        let place = if key_index == self.index {
            "in the same file".to_owned()
        } else {
            format!("in {}", self.file.shown)
        };
        let mut message = match self
            .node
            .certs_in(self.index)
            .next()
            .filter(|_| !matches!(self.holder.content, Content::PublicKey(_)))
        {
            Some(cert) => format!("it is not the key of the certificate {place} ({})", subject(cert)),
            None => format!("it is not the private half of the public key {place}"),
        };
        let is_order = self.is_order(key);
        if let Some(own) = key.public_key() {
            let spki = sha256(own);
            // The renewal is under way where a request has the key.
            let requested = self.requests.get(&spki).and_then(|file| self.node.files.get(*file));
            if let Some(cert) = self.node.certs_with_key(&spki).next() {
                message = format!("{message}; it is that of {}", whose(self.index, cert));
            } else if let Some(request) = requested {
                message = format!(
                    "{message}; it is that of the request in {}, whose certificate is still to come",
                    request.shown
                );
            }
        }
        let stands_for_ca =
            |cert: Cert<'_>| cert.place_role().is_some_and(Role::is_ca) && cert.is_plainly_a_leaf();
        // Of what only lies in the place of a CA the key is not to come here.
        let is_misplaced = self.node.certs_in(self.index).next().is_some_and(stands_for_ca);
        let right = self.holder.public_key().map(sha256).filter(|_| !is_misplaced);
        if let Some(spki) = right
            && let Some(key) = self.node.keys_with(&spki).take(MOST_COPIES).find(|key| key.private)
            && let Some(file) = self.node.files.get(key.file)
            && !is_order
        {
            message = format!("{message}; the right key stands in {}", file.shown);
        }
        message
    }
}

fn whose(file: usize, cert: Cert<'_>) -> String {
    if cert.found().file == file {
        format!(
            "certificate {} of that file, and the first is the one that is shown",
            cert.found().position + 1
        )
    } else {
        format!("{} ({})", cert.file().shown, subject(cert))
    }
}

fn is_encrypted(item: &Item) -> bool {
    matches!(&item.content, Content::PrivateKey(facts) if facts.encryption.is_some())
}

/// The pairs within the Secrets of a file. Those of kubeconfigs are M013's.
fn fields(node: &Node, index: usize, file: &File, answers: &mut Answers) {
    const CERTIFICATE: &str = "[tls.crt]";
    let mut keys: HashMap<&str, &Item> = HashMap::new();
    for item in file
        .items()
        .iter()
        .filter(|item| matches!(item.content, Content::PrivateKey(_)) && item.public_key().is_some())
    {
        if let Some(object) = item.place.field.as_deref().and_then(|field| field.strip_suffix("[tls.key]")) {
            keys.insert(object, item);
        }
    }
    if keys.is_empty() {
        return;
    }
    for cert in node.certs_in(index).filter(|cert| cert.found().position == 0) {
        let object = cert.item().place.field.as_deref().and_then(|field| field.strip_suffix(CERTIFICATE));
        let Some(key) = object.and_then(|object| keys.get(object)) else { continue };
        answers.look();
        if key.public_key() != Some(cert.tbs().public_key.der()) {
            let message = format!("it is not the key of the certificate beside it ({})", subject(cert));
            answers.fail(Place::of_item(index, key), message).fix(Reissue::default().of(cert).with_new_key());
        }
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::prelude::BASE64_STANDARD;

    use super::super::super::testing::tree::{PKI, Tree};
    use super::*;
    use crate::forge;

    #[test]
    fn the_first_key_is_the_one_that_counts() {
        let mut tree = Tree::control_plane();
        let path = format!("{PKI}/apiserver.key");
        let (right, other) = (tree.text(&path), tree.text(&format!("{PKI}/sa.key")));
        tree.file(&path, 0o600, format!("{right}{other}"));
        assert_eq!(tree.findings("F004"), [""; 0]);
        tree.file(&path, 0o600, format!("{other}{right}"));
        assert_eq!(
            tree.findings("F004"),
            [
                "critical etc/kubernetes/pki/apiserver.key:1: the key of the certificate in etc/kubernetes/pki/apiserver.crt is \
                 key 2 of this file, and the first is the one that is used"
            ]
        );
    }

    #[test]
    fn pairs_that_fit_are_silent() {
        assert_eq!(Tree::control_plane().findings("F004"), [""; 0]);
        assert_eq!(Tree::control_plane().skipped("F004"), [""; 0]);
    }

    #[test]
    fn a_new_certificate_over_an_old_key_fires() {
        let mut tree = Tree::control_plane();
        tree.certificate(&format!("{PKI}/apiserver.crt"), "key=p256:another");
        assert_eq!(
            tree.findings("F004"),
            [
                "critical etc/kubernetes/pki/apiserver.key:1: it is not the key of the certificate in etc/kubernetes/pki/apiserver.crt \
              (CN=kube-apiserver)"
            ]
        );
    }

    #[test]
    fn swapped_keys_are_told_as_such() {
        let mut tree = Tree::control_plane();
        let keys = ["etcd/server", "etcd/peer"].map(|base| tree.of(&format!("{PKI}/{base}.crt")).key_pem());
        let [server, peer] = keys;
        tree.file(&format!("{PKI}/etcd/server.key"), 0o600, peer);
        tree.file(&format!("{PKI}/etcd/peer.key"), 0o600, server);
        let message = |own: &str, other: &str| {
            format!(
                "critical etc/kubernetes/pki/etcd/{own}.key:1: it is not the key of the certificate in etc/kubernetes/pki/etcd/{own}.crt \
                 (CN=cp1.example.com); it is that of etc/kubernetes/pki/etcd/{other}.crt (CN=cp1.example.com); the right key stands in \
                 etc/kubernetes/pki/etcd/{other}.key"
            )
        };
        assert_eq!(tree.findings("F004"), [message("peer", "server"), message("server", "peer")]);
    }

    #[test]
    fn the_names_of_the_other_convention_are_pairs_as_well() {
        let mut tree = Tree::empty();
        let (one, other) = (forge::self_signed_leaf("cn=one"), forge::self_signed_leaf("cn=other"));
        tree.file("etc/etcd/pki/etcd.pem", 0o644, one.pem());
        tree.file("etc/etcd/pki/etcd-key.pem", 0o600, other.key_pem());
        tree.file(
            "etc/etcd/pki/web.pub",
            0o644,
            crate::pem::encode("PUBLIC KEY", one.spki_der()).to_string(),
        );
        tree.file("etc/etcd/pki/web.key", 0o600, other.key_pem());
        assert_eq!(
            tree.findings("F004"),
            [
                "critical etc/etcd/pki/etcd-key.pem:1: it is not the key of the certificate in etc/etcd/pki/etcd.pem (CN=one)",
                "critical etc/etcd/pki/web.key:1: it is not the private half of the public key in etc/etcd/pki/web.pub",
            ]
        );
    }

    #[test]
    fn a_pair_in_one_file_is_looked_at() {
        let mut tree = Tree::worker();
        let file = "var/lib/kubelet/pki/kubelet-client-2026-05-31-11-55-00.pem";
        let (own, other) = (tree.of(file), forge::self_signed_leaf("cn=other"));
        tree.file(file, 0o600, own.pem() + &other.key_pem());
        let key = own.pem().lines().count() + 1;
        assert_eq!(
            tree.findings("F004"),
            [format!(
                "critical {file}:{key}: it is not the key of the certificate in the same file (O=system:nodes, CN=system:node:cp1.example.com)"
            )]
        );
    }

    #[test]
    fn the_key_of_a_later_certificate_is_told_as_such() {
        let mut tree = Tree::control_plane();
        let (leaf, ca) = (tree.of(&format!("{PKI}/apiserver.crt")), tree.ca("ca").pem());
        tree.file(&format!("{PKI}/apiserver.crt"), 0o644, ca + &leaf.pem());
        let found = tree.findings("F004");
        assert_eq!(found.len(), 1);
        assert!(
            found[0].contains("(CN=kubernetes); it is that of certificate 2 of that file, and the first is the one that is shown"),
            "{found:?}"
        );
    }

    #[test]
    fn a_secret_is_looked_into() {
        let (one, other) = (forge::self_signed_leaf("cn=one"), forge::self_signed_leaf("cn=other"));
        let base64 = |text: String| BASE64_STANDARD.encode(text);
        let secret = |key: &forge::Forged| {
            format!(
                "apiVersion: v1\nkind: Secret\nmetadata:\n  name: web\ntype: kubernetes.io/tls\ndata:\n  tls.crt: {}\n  tls.key: {}\n",
                base64(one.pem()),
                base64(key.key_pem())
            )
        };
        let mut tree = Tree::empty();
        tree.file("web.yaml", 0o600, secret(&one));
        assert_eq!(tree.findings("F004"), [""; 0]);
        tree.file("web.yaml", 0o600, secret(&other));
        assert_eq!(
            tree.findings("F004"),
            ["critical web.yaml:8: it is not the key of the certificate beside it (CN=one)"]
        );
    }

    #[test]
    fn what_cannot_be_compared_is_skipped() {
        let mut tree = Tree::control_plane();
        tree.file(&format!("{PKI}/ca.key"), 0o600, super::super::files::testing::ENCRYPTED);
        tree.unread(&format!("{PKI}/apiserver.key"), "it may not be read by this user");
        assert_eq!(tree.findings("F004"), [""; 0]);
        assert_eq!(
            tree.skipped("F004"),
            [
                "etc/kubernetes/pki/apiserver.key: whether it is the key of etc/kubernetes/pki/apiserver.crt is not known: it may not be \
                 read by this user",
                "etc/kubernetes/pki/ca.key: whether it is the key of etc/kubernetes/pki/ca.crt is not known: it is encrypted",
            ]
        );
    }

    #[test]
    fn what_has_no_partner_is_not_its_matter() {
        let mut tree = Tree::empty();
        tree.file("ca.crt", 0o644, Tree::control_plane().ca("ca").pem());
        tree.file("other.key", 0o600, Tree::control_plane().ca("ca").key_pem());
        assert!(tree.not_applicable(&RULE));
    }
}
