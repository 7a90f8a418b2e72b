//! The places of CAs in which something else lies: then nothing is to be issued again, but the CA's certificate to come back.

use std::path::Path;

use super::super::super::evidence::of_file;
use super::super::super::{Cert, Place, Role, Rule, Target, Use};
use super::super::distinct::ca_of;
use super::super::etcd::signer;
use super::super::files::holds_private;
use super::{Cure, Desk, certificate_back};
use crate::layout::Promise;
use crate::remedy::Remedy;
use crate::x509::shell_word;

/// The most leaves and files of one part that are looked at.
const MOST: usize = 64;

/// The rules about files by themselves: who may read one is the same whatever lies there.
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
        let file = place.file.filter(|_| !OF_FILES.contains(&rule.id))?;
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
        // Two parts seem to share one CA where it lies in both of their places.
        let is_of_place =
            |spoilt: usize| rule.id == "M008" || spoilt == file || names(spoilt) || is_its_key(spoilt);
        let found = self.spoilt().iter().find(|(_, spoilt)| is_of_place(*spoilt));
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
                self.key_beside(index).is_some_and(|key| key != first.spki() && leaves.contains(&Some(key)));
            first.is_plainly_a_leaf() || is_anothers || by_key_beside
        };
        let mut looked_at = files.by_ref().take(MOST).map(|(index, _)| index);
        (!leaves.is_empty()).then(|| looked_at.find(|index| is_spoilt(*index))).flatten()
    }

    /// The private key that lies beside a file.
    fn key_beside(&self, file: usize) -> Option<[u8; 32]> {
        let (beside, _) = self.node().key_file_beside(self.node().files.get(file)?)?;
        self.node().keys_in(beside).find(|key| key.private)?.spki
    }

    fn brought_back(&self, file: usize) -> Remedy {
        let node = self.node();
        let is_cas = |key: &[u8; 32]| node.certs_with_key(key).take(MOST).any(Cert::is_ca);
        let cure = Cure::words("Put the CA's certificate there to which the key beside it belongs:");
        let cure =
            self.key_beside(file).filter(is_cas).and_then(|key| certificate_back(cure, node, file, &key));
        let place = Place::file(file);
        cure.and_then(|cure| self.composed(&cure, &place)).unwrap_or_else(|| {
            let shown = node.files.get(file).map(|file| shell_word(file.command_path())).unwrap_or_default();
            Remedy::words(format!(
                "Put the CA's certificate back into {shown}, from a backup or from another node: another's lies there. Its private key is not to be \
                 touched, and what it has signed is good as it is."
            ))
        })
    }
}
