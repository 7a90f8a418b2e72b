//! What can be asked of a certificate of a node.

use super::{Cert, File, FoundCertificate, FoundKey, Signer, Signing, roles};
use crate::audit::answers::Place;
use crate::audit::role::Role;
use crate::inspect::{CertificateFacts, Item, verification_cost};
use crate::x509::{ExtendedKeyUsage, TbsCertificate};

impl<'a> Cert<'a> {
    /// What it says, with how it is written.
    pub fn facts(self) -> &'a CertificateFacts {
        self.facts
    }

    /// What it says.
    pub fn tbs(self) -> &'a TbsCertificate {
        &self.facts.certificate.tbs
    }

    /// What is known of it.
    pub fn found(self) -> &'a FoundCertificate {
        self.found
    }

    /// Its file. A node's certificates always have one.
    pub fn file(self) -> &'a File {
        // The number is given out by the node itself.
        &self.node.files[self.found.file]
    }

    /// Its item, with the place and the oddities.
    pub fn item(self) -> &'a Item {
        &self.file().items()[self.found.item]
    }

    /// Where it stands.
    pub fn place(self) -> Place {
        Place::of_item(self.found.file, self.item())
    }

    /// Its parts, the surest first.
    pub fn roles(self) -> impl Iterator<Item = Role> + 'a {
        self.found.roles.iter().map(|(role, _)| *role)
    }

    /// Its surest part.
    pub fn role(self) -> Option<Role> {
        self.roles().next()
    }

    /// Whether it plays a part.
    pub fn is(self, role: Role) -> bool {
        self.roles().any(|own| own == role)
    }

    /// The part that its place promises, whoever names it.
    pub fn place_role(self) -> Option<Role> {
        self.found.place_role
    }

    /// The part that its place promises, or where it promises none the one that it says itself.
    pub fn own_role(self) -> Option<Role> {
        self.place_role().or_else(|| roles::by_content(self.tbs()))
    }

    /// Whether it may sign certificates, by its role or by its own word.
    pub fn is_ca(self) -> bool {
        self.tbs().extensions.is_ca()
    }

    /// Whether it is plainly a leaf: whatever lies in the place of a CA and is for servers or clients, is none and was signed by another, was
    /// put there by mistake. A CA that was made badly signs itself, or has no purposes.
    pub fn is_plainly_a_leaf(self) -> bool {
        let tbs = self.tbs();
        let purposes = tbs.extensions.purposes();
        let is_for_tls = purposes.contains(&ExtendedKeyUsage::ServerAuth)
            || purposes.contains(&ExtendedKeyUsage::ClientAuth);
        !self.is_ca() && !tbs.is_self_issued() && is_for_tls
    }

    /// Whether a TLS server takes it for a client's: by its purposes, or because it names none.
    pub fn may_be_client(self) -> bool {
        let purposes = self.tbs().extensions.purposes();
        purposes.is_empty()
            || purposes.contains(&ExtendedKeyUsage::ClientAuth)
            || purposes.contains(&ExtendedKeyUsage::Any)
    }

    /// Whether a kubelet signed it for itself: NODE@SECONDS, by NODE-ca@SECONDS.
    pub fn is_kubelets_own(self) -> bool {
        roles::is_kubelets_own(self.tbs())
    }

    /// The SHA-256 of its public key.
    pub fn spki(self) -> [u8; 32] {
        self.found.spki
    }

    /// The certificate that signed it, where it is at hand; of a self-signed one, itself.
    pub fn issuer(self) -> Option<&'a TbsCertificate> {
        match &self.found.signing {
            Signing::SelfSigned => Some(self.tbs()),
            Signing::By(signer) => signer.tbs(self.node),
            _ => None,
        }
    }

    /// The certificate of this node that signed it.
    pub fn issuer_here(self) -> Option<Self> {
        match &self.found.signing {
            Signing::SelfSigned => Some(self),
            Signing::By(Signer::Here(index)) => self.node.certificate(*index),
            _ => None,
        }
    }

    /// The certificates that signed it, one after the other, as far as they are at hand; eight at most.
    pub fn signers(self) -> Vec<&'a TbsCertificate> {
        let mut signers = Vec::new();
        let mut current = Some(self);
        while let Some(cert) = current.filter(|_| signers.len() < 8) {
            signers.extend(cert.issuer());
            current = cert.issuer_here().filter(|issuer| issuer.index != cert.index);
        }
        signers
    }

    /// Whether it signed itself.
    pub fn is_self_signed(self) -> bool {
        matches!(self.found.signing, Signing::SelfSigned)
    }

    /// Whether the key of `authority` signed it, in the name of `authority`.
    pub fn is_signed_by(self, authority: &TbsCertificate) -> bool {
        self.tbs().issuer.der() == authority.subject.der()
            && (self.issuer().is_some_and(|issuer| issuer.public_key == authority.public_key)
                || self.is_signed_with_key_of(authority))
    }

    /// Whether the key of `authority` signed it, whatever name stands there. The signature is verified, once for each key.
    pub fn is_signed_with_key_of(self, authority: &TbsCertificate) -> bool {
        let Some(contents) = self.file().contents() else { return false };
        // A tree may be laid out so that everybody is asked about everybody; no good one comes near to this.
        let enough = self.node.spend(verification_cost(&authority.public_key));
        enough && contents.verify(self.found.item, &authority.public_key).is_ok()
    }

    /// Whether a chain of signatures leads from it to one of some trusted certificates, by their keys and names. Nothing else is looked at:
    /// neither time nor constraints.
    pub fn leads_to(self, anchors: &[Self]) -> bool {
        let mut current = self;
        // No chain is longer, and no circle ends.
        for _ in 0..8 {
            let reached = |anchor: &Self| {
                anchor.tbs().public_key == current.tbs().public_key
                    && anchor.tbs().subject == current.tbs().subject
                    || current.is_signed_by(anchor.tbs())
            };
            if anchors.iter().any(reached) {
                return true;
            }
            match current.issuer_here() {
                Some(issuer) if issuer.index != current.index => current = issuer,
                _ => return false,
            }
        }
        false
    }

    /// The private keys on this node that belong to it.
    pub fn private_keys(self) -> Vec<&'a FoundKey> {
        self.node.keys_with(&self.spki()).filter(|key| key.private).collect()
    }
}
