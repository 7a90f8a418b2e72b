//! What rustls asks about the peer's certificate: written down, and passed on to the judge.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, OtherError, SignatureScheme,
};

use super::identity::to_vecs;
use super::{ClientAuth, PeerJudge, Protocol, Reason};
use crate::x509::{Certificate, DigestAlgorithm, Name, PublicKeyKind, SignatureAlgorithm};

/// The signatures of a handshake that are taken, the preferred first: those of Go's TLS, less SHA-1.
const SCHEMES: [SignatureScheme; 10] = [
    SignatureScheme::RSA_PSS_SHA256,
    SignatureScheme::ECDSA_NISTP256_SHA256,
    SignatureScheme::ED25519,
    SignatureScheme::RSA_PSS_SHA384,
    SignatureScheme::RSA_PSS_SHA512,
    SignatureScheme::RSA_PKCS1_SHA256,
    SignatureScheme::RSA_PKCS1_SHA384,
    SignatureScheme::RSA_PKCS1_SHA512,
    SignatureScheme::ECDSA_NISTP384_SHA384,
    SignatureScheme::ECDSA_NISTP521_SHA512,
];

/// Looks at one peer in one handshake.
pub(super) struct Watch {
    judge: Option<Arc<dyn PeerJudge>>,
    client_auth: ClientAuth,
    acceptable: Vec<DistinguishedName>,
    seen: Mutex<Seen>,
}

/// What a peer showed, and why it was refused, if it was.
#[derive(Debug, Clone, Default)]
pub(super) struct Seen {
    /// The chain in DER, the leaf first.
    pub(super) chain: Vec<Vec<u8>>,
    /// Why it was refused.
    pub(super) refused: Option<Reason>,
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").field("client_auth", &self.client_auth).finish_non_exhaustive()
    }
}

impl Watch {
    /// Looks at a server; without a judge, every chain is taken.
    pub(super) fn server(judge: Option<Arc<dyn PeerJudge>>) -> Self {
        Self {
            judge,
            client_auth: ClientAuth::NotAsked,
            acceptable: Vec::new(),
            seen: Mutex::new(Seen::default()),
        }
    }

    /// Looks at a client, and names these CAs to it.
    pub(super) fn client(judge: Arc<dyn PeerJudge>, client_auth: ClientAuth, acceptable: &[Name]) -> Self {
        let acceptable = acceptable.iter().map(|name| DistinguishedName::from(name.der().to_vec())).collect();
        Self { judge: Some(judge), client_auth, acceptable, seen: Mutex::new(Seen::default()) }
    }

    /// What was seen up to now.
    pub(super) fn seen(&self) -> Seen {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn refuse(&self, reason: Reason) -> Error {
        let error = Error::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(Refused))));
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).refused = Some(reason);
        error
    }

    fn judge(&self, leaf: &CertificateDer<'_>, others: &[CertificateDer<'_>]) -> Result<(), Error> {
        let chain: Vec<&[u8]> = std::iter::once(leaf).chain(others).map(AsRef::as_ref).collect();
        let mut whole = to_vecs(std::slice::from_ref(leaf));
        whole.extend(to_vecs(others));
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).chain = whole;
        let verdict = self.judge.as_ref().map_or(Ok(()), |judge| judge.judge(&chain));
        verdict.map_err(|reason| self.refuse(Reason::Chain(reason)))
    }

    fn check(
        &self,
        protocol: Protocol,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        match verify_signature(protocol, message, leaf, signed) {
            Ok(()) => Ok(HandshakeSignatureValid::assertion()),
            Err(reason) => Err(self.refuse(Reason::Signature(reason))),
        }
    }
}

/// The reason is in [`Seen`]; rustls needs an error to carry.
#[derive(Debug, thiserror::Error)]
#[error("refused")]
struct Refused;

/// Whether a handshake was signed by the key of the leaf.
fn verify_signature(
    protocol: Protocol,
    message: &[u8],
    leaf: &CertificateDer<'_>,
    signed: &DigitallySignedStruct,
) -> Result<(), String> {
    use DigestAlgorithm::{Sha256, Sha384, Sha512};
    let certificate = Certificate::from_der(leaf).map_err(|error| error.to_string())?;
    let key = &certificate.tbs.public_key;
    // RFC 8446 section 4.2.3: in TLS 1.3 the scheme names the curve too, and PKCS#1 is for certificates only.
    let strict = protocol == Protocol::Tls13;
    let (algorithm, curve) = match signed.scheme {
        SignatureScheme::RSA_PSS_SHA256 => (SignatureAlgorithm::RsaPss(Sha256), None),
        SignatureScheme::RSA_PSS_SHA384 => (SignatureAlgorithm::RsaPss(Sha384), None),
        SignatureScheme::RSA_PSS_SHA512 => (SignatureAlgorithm::RsaPss(Sha512), None),
        SignatureScheme::ED25519 => (SignatureAlgorithm::Ed25519, None),
        SignatureScheme::ECDSA_NISTP256_SHA256 => (SignatureAlgorithm::Ecdsa(Sha256), Some("P-256")),
        SignatureScheme::ECDSA_NISTP384_SHA384 => (SignatureAlgorithm::Ecdsa(Sha384), Some("P-384")),
        SignatureScheme::ECDSA_NISTP521_SHA512 => (SignatureAlgorithm::Ecdsa(Sha512), Some("P-521")),
        SignatureScheme::RSA_PKCS1_SHA256 if !strict => (SignatureAlgorithm::RsaPkcs1(Sha256), None),
        SignatureScheme::RSA_PKCS1_SHA384 if !strict => (SignatureAlgorithm::RsaPkcs1(Sha384), None),
        SignatureScheme::RSA_PKCS1_SHA512 if !strict => (SignatureAlgorithm::RsaPkcs1(Sha512), None),
        _ => return Err("it is signed with an algorithm that was not offered".to_owned()),
    };
    if let (true, Some(curve), PublicKeyKind::Ec(actual)) = (strict, curve, key.kind())
        && curve != actual
    {
        return Err(format!("it is signed for a key on {curve}, and the certificate's is on {actual}"));
    }
    algorithm.verify(key, message, signed.signature()).map_err(|fault| fault.to_string())
}

impl ServerCertVerifier for Watch {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.judge(leaf, others).map(|()| ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.check(Protocol::Tls12, message, leaf, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.check(Protocol::Tls13, message, leaf, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        SCHEMES.to_vec()
    }
}

impl ClientCertVerifier for Watch {
    fn offer_client_auth(&self) -> bool {
        self.client_auth != ClientAuth::NotAsked
    }

    fn client_auth_mandatory(&self) -> bool {
        self.client_auth == ClientAuth::Required
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &self.acceptable
    }

    fn verify_client_cert(
        &self,
        leaf: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        self.judge(leaf, others).map(|()| ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.check(Protocol::Tls12, message, leaf, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.check(Protocol::Tls13, message, leaf, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        SCHEMES.to_vec()
    }
}
