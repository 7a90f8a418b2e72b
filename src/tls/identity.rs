//! What a party shows: a chain, and the key of its leaf.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use rustls::SignatureScheme;
use rustls::client::ResolvesClientCert;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::TlsError;
use crate::key::KeyPair;
use crate::x509::{Certificate, Name};

/// A chain of certificates, the leaf first, and the leaf's private key, ready for any number of handshakes.
#[derive(Clone)]
pub struct Identity {
    certified: Arc<CertifiedKey>,
    subject: String,
}

impl Identity {
    /// Takes a chain, the leaf first, and the key of the leaf. Everything after the leaf is sent as it stands.
    ///
    /// # Errors
    /// [`TlsError::NoCertificate`], [`TlsError::KeyMismatch`], and [`TlsError::UnusableKey`] for what ring does not take.
    pub fn new(chain: &[Certificate], key: &KeyPair) -> Result<Self, TlsError> {
        let leaf = chain.first().ok_or(TlsError::NoCertificate)?;
        let subject = leaf.tbs.subject.to_string();
        if leaf.tbs.public_key.der() != key.public_key_der() {
            return Err(TlsError::KeyMismatch { subject });
        }
        // Borrowed: this copy is wiped here; what ring keeps of it is ring's.
        let document = key.to_pkcs8_der()?;
        let der = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(document.as_slice()));
        let signer = rustls::crypto::ring::sign::any_supported_type(&der).map_err(|_| {
            TlsError::UnusableKey { reason: "it is of a kind or a size that is not used in TLS here".into() }
        })?;
        let chain = chain.iter().map(|one| CertificateDer::from(one.der().to_vec())).collect();
        Ok(Self { certified: Arc::new(CertifiedKey::new(chain, signer)), subject })
    }
}

#[cfg(test)]
impl Identity {
    /// The chain of another with this one's key: what somebody has who stole a certificate and not its key.
    pub(super) fn with_chain_of(&self, other: &Self) -> Self {
        let certified = CertifiedKey::new(other.certified.cert.clone(), self.certified.key.clone());
        Self { certified: Arc::new(certified), subject: other.subject.clone() }
    }
}

impl fmt::Debug for Identity {
    /// The subject, nothing else.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identity({})", self.subject)
    }
}

/// What a server shows to everybody, whatever name is dialled: as Go's servers do that have one certificate.
#[derive(Debug)]
pub(super) struct Shown(pub(super) Identity);

impl ResolvesServerCert for Shown {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.certified.clone())
    }
}

/// What a server said when it asked for a client certificate.
#[derive(Debug, Clone)]
pub(super) struct Request {
    /// The CAs that it named.
    pub(super) authorities: Vec<Name>,
    /// How many more it named that are no distinguished names.
    pub(super) unreadable: usize,
    /// Whether a certificate was given.
    pub(super) answered: bool,
}

/// What a client shows when it is asked; and what it was asked. It shows what it has, whichever CAs the server names,
/// as the clients of Kubernetes and etcd do: they set Go's `GetClientCertificate`, which leaves the choice to them.
#[derive(Debug)]
pub(super) struct Answer {
    identity: Option<Identity>,
    request: Mutex<Option<Request>>,
}

impl Answer {
    pub(super) fn new(identity: Option<Identity>) -> Self {
        Self { identity, request: Mutex::new(None) }
    }

    /// What the server asked for, if it did.
    pub(super) fn request(&self) -> Option<Request> {
        self.request.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The chain that was shown, if one was.
    pub(super) fn shown(&self) -> Vec<Vec<u8>> {
        let shown = self.identity.as_ref().filter(|_| self.request().is_some_and(|request| request.answered));
        shown.map(|identity| to_vecs(&identity.certified.cert)).unwrap_or_default()
    }
}

impl ResolvesClientCert for Answer {
    fn resolve(&self, authorities: &[&[u8]], schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        let certified = self.identity.as_ref().map(|identity| identity.certified.clone());
        // rustls gives none either when the key has no algorithm that the server takes.
        let certified = certified.filter(|certified| certified.key.choose_scheme(schemes).is_some());
        let read = |name: &&[u8]| Name::from_der(name).ok();
        let named: Vec<Name> = authorities.iter().filter_map(read).collect();
        let unreadable = authorities.len() - named.len();
        *self.request.lock().unwrap_or_else(PoisonError::into_inner) =
            Some(Request { authorities: named, unreadable, answered: certified.is_some() });
        certified
    }

    fn has_certs(&self) -> bool {
        // Always, so that it is asked and can write down what the server said.
        true
    }
}

/// A chain as bytes.
pub(super) fn to_vecs(chain: &[CertificateDer<'_>]) -> Vec<Vec<u8>> {
    chain.iter().map(|one| one.to_vec()).collect()
}
