//! The places of CAs in which something else lies: then nothing is to be issued again, but the CA's certificate to come back.

use std::path::Path;

use super::super::super::evidence::of_file;
use super::super::super::{Cert, Node, Place, Role, Rule, Target, Use};
use super::super::distinct::ca_of;
use super::super::etcd::signer;
use super::super::files::{MOST_COPIES, holds_private};
use super::{Command, Cure, Desk};
use crate::layout::Promise;
use crate::remedy::{Remedy, backup, written_anew};
use crate::x509::shell_word;

/// The most leaves and files of one part that are looked at.
const MOST: usize = 64;

/// The rules about files by themselves: who may read one is the same whatever lies there. What a certificate says of itself (P) is too.
const OF_FILES: [&str; 13] =
    ["F001", "F003", "F005", "F006", "F007", "F008", "F009", "F010", "F011", "F012", "F013", "M016", "M021"];

/// The CA whose place a path is, whatever lies there; elsewhere than in kubeadm's layout `ca.crt` may be anybody's.
fn of_place(path: &Path) -> Option<Role> {
    match path.to_str()? {
        "/etc/kubernetes/pki/ca.crt" => Some(Role::KubernetesCa),
        "/etc/kubernetes/pki/etcd/ca.crt" => Some(Role::EtcdCa),
        _ => of_file(path).filter(|role| role.is_ca()),
    }
}

impl Desk<'_> {
    /// The remedy of a finding that comes of what lies in the place of a CA: one about that file, or about a flag that names it.
    pub(super) fn of_spoilt_place(&self, rule: &Rule, place: &Place) -> Option<Remedy> {
        let is_of_file = rule.id.starts_with('P') || OF_FILES.contains(&rule.id);
        let file = place.file.filter(|_| !is_of_file)?;
        let names = |spoilt: usize| {
            let mut references = self.node().references.iter().filter(|reference| reference.file == file);
            references.any(|named| {
                Some(named.line) == place.line.map(|line| line as u64) && named.target == Target::File(spoilt)
            })
        };
        let is_its_key = |spoilt: usize| {
            let beside = self.node().files.get(spoilt).and_then(|spoilt| self.node().key_file_beside(spoilt));
            rule.id == "F004" && beside.is_some_and(|(beside, _)| beside == file)
        };
        // The two seem to share one CA where it lies in both of their places.
        let seems_shared = |ca: Role| match rule.id {
            "C013" => ca != Role::FrontProxyCa,
            "C014" | "M008" => ca != Role::EtcdCa,
            _ => false,
        };
        let found = self.spoilt().iter().find(|(ca, spoilt)| {
            *spoilt == file || names(*spoilt) || is_its_key(*spoilt) || seems_shared(*ca)
        });
        found.map(|(_, spoilt)| self.brought_back(*spoilt))
    }

    /// The remedy of a leaf whose CA's place holds something else.
    pub(super) fn of_spoilt_authority(&self, role: Option<Role>) -> Option<Remedy> {
        let ca = ca_of(role?)?;
        let (_, spoilt) = self.spoilt().iter().find(|(role, _)| *role == ca)?;
        Some(self.brought_back(*spoilt))
    }

    fn spoilt(&self) -> &[(Role, usize)] {
        self.spoilt.get_or_init(|| {
            let cas = [Role::KubernetesCa, Role::EtcdCa, Role::FrontProxyCa];
            cas.into_iter().filter_map(|ca| Some((ca, self.spoilt_place(ca)?))).collect()
        })
    }

    fn spoilt_place(&self, ca: Role) -> Option<usize> {
        let node = self.node();
        let of_part = |leaf: &Cert<'_>| {
            !leaf.is_ca() && leaf.found().usage != Use::Old && leaf.role().and_then(ca_of) == Some(ca)
        };
        let leaves: Vec<_> = node.certs().filter(of_part).take(MOST).map(signer).collect();
        let mut files = node.files.iter().enumerate().filter(|(index, file)| {
            let by_name = file.promise() == Some(Promise::Certificate) && of_place(&file.on_node) == Some(ca);
            let has_role = || {
                let mut own = node.certs_in(*index).filter(|cert| cert.item().place.field.is_none());
                own.next().is_some_and(|cert| cert.place_role() == Some(ca))
            };
            // A kubeconfig's key stands in a field.
            file.contents().is_some() && !holds_private(file) && (by_name || has_role())
        });
        let is_spoilt = |index: usize| {
            let own: Vec<Cert<'_>> =
                node.certs_in(index).filter(|cert| cert.item().place.field.is_none()).take(MOST).collect();
            let has_signed = |cert: &Cert<'_>| cert.is_ca() && leaves.contains(&Some(cert.spki()));
            let Some(first) = own.first() else {
                return node.files.get(index).is_some_and(|file| file.kubeconfig().is_some());
            };
            if own.iter().any(has_signed) {
                return false;
            }
            let is_anothers = first.is_ca()
                && node.certs_with_key(&first.spki()).take(MOST).any(|other| {
                    let role = other.place_role().filter(|role| role.is_ca() && *role != ca);
                    other.found().same_as == first.found().same_as && role.is_some()
                });
            // A CA that was made badly has its own key beside it.
            let by_key_beside =
                key_beside(node, index).is_some_and(|key| key != first.spki() && leaves.contains(&Some(key)));
            first.is_plainly_a_leaf() || is_anothers || by_key_beside
        };
        let mut looked_at = files.by_ref().take(MOST).map(|(index, _)| index);
        (!leaves.is_empty()).then(|| looked_at.find(|index| is_spoilt(*index))).flatten()
    }

    fn brought_back(&self, file: usize) -> Remedy {
        self.composed(&authority_back(self.node(), file), &Place::file(file)).unwrap_or_default()
    }
}

/// The private key that lies beside a file.
fn key_beside(node: &Node, file: usize) -> Option<[u8; 32]> {
    let (beside, _) = node.key_file_beside(node.files.get(file)?)?;
    node.keys_in(beside).find(|key| key.private)?.spki
}

/// The certificate of a CA comes back to its place, in which another lies: that of the key that lies beside the place.
pub(in super::super) fn authority_back(node: &Node, place: usize) -> Cure {
    let own = || {
        // The key may be the wrong one as well.
        let key = key_beside(node, place)?;
        let mut copies = node.certs_with_key(&key).take(MOST_COPIES).filter(|cert| cert.is_ca()).peekable();
        copies.peek()?;
        // Two CAs lie in each other's place.
        let first = node.certs_in(place).next().map(Cert::spki);
        let swapped = copies.find(|cert| {
            let file = cert.found().file;
            is_alone(*cert) && file != place && first.is_some() && key_beside(node, file) == first
        });
        if let Some(other) = swapped {
            let cure = Cure::words("Two CAs lie in each other's place. Give each its own:");
            return Some(cure.exchange([(place, other.found().file)]));
        }
        let cure = Cure::words("Put the CA's certificate there to which the key beside it belongs:");
        certificate_back(cure, node, place, &key)
    };
    let file = node.files.get(place);
    file.filter(|file| !holds_private(file)).and_then(|_| own()).unwrap_or_else(|| {
        let shown = file.map(|file| shell_word(file.command_path())).unwrap_or_default();
        Cure::words(format!(
            "Put the CA's certificate back into {shown}, from a backup or from another node: another's lies there. Its private key is not to be \
             touched, and what it has signed is good as it is."
        ))
    })
}

/// Whether a certificate is all that stands in its file.
fn is_alone(cert: Cert<'_>) -> bool {
    let is_file = cert.item().place.field.is_none() && !cert.file().holds_private_key();
    is_file && cert.node.certs_in(cert.found().file).count() == 1
}

/// The certificate of a key comes into a file, from another file or a kubeconfig that has it; none where nothing has.
pub(in super::super) fn certificate_back(cure: Cure, node: &Node, to: usize, key: &[u8; 32]) -> Option<Cure> {
    let file = node.files.get(to)?;
    let certs = || node.certs_with_key(key).take(MOST_COPIES).filter(|cert| cert.found().file != to);
    let path = file.command_path();
    if let Some(cert) = certs().find(|cert| is_alone(*cert)) {
        return Some(cure.put(cert.found().file, Some(to)));
    }
    let cert = certs().next()?;
    let number = node.certs_in(cert.found().file).take_while(|other| other.index != cert.index).count() + 1;
    // It keeps the keys back, and says so by its exit code.
    let read = format!(
        "(kpki inspect -o pem {} || :) | awk '/-----BEGIN /{{n++}} n=={number}; END{{exit n<{number}}}'",
        shell_word(cert.file().command_path())
    );
    let write = format!("{} && {}", backup(path), written_anew(&read, path));
    Some(cure.run(Command::written(write)))
}
