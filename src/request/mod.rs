//! Certification requests (PKCS #10, RFC 2986): read one and prove possession, or build one.
//!
//! Whether to sign it is not decided here.

mod kubernetes;

use x509_parser::certification_request::{X509CertificationRequest, X509CertificationRequestInfo};
use x509_parser::extensions::X509Extension;
use x509_parser::prelude::{FromDer, ParsedCriAttribute};

pub use kubernetes::{Condition, Issued, KubernetesRequest};

use crate::key::{KeyError, KeyPair};
use crate::pem;
use crate::x509::{
    Extensions, Name, Printable, PublicKey, PublicKeyKind, RequestTemplate, SignatureAlgorithm,
    SignatureFault, SubjectAltName, X509Error, algorithm_parameters, assemble_signed, sha256_hex, structure,
};

/// The largest request that is read, in bytes: the API server's own bound for an object is 1.5 MiB, and a
/// request with an RSA-4096 key and a hundred names is under 8 KiB.
const LARGEST: usize = 64 * 1024;

/// What is wanted in a certificate, and by whose key.
#[derive(Debug, Clone)]
pub struct SigningRequest {
    /// The wanted subject.
    pub subject: Name,
    /// The key that the certificate is wanted for.
    pub public_key: PublicKey,
    /// The wanted extensions.
    pub extensions: Extensions,
    /// The Kubernetes object that carried it, if one did.
    pub kubernetes: Option<KubernetesRequest>,
    der: Option<Vec<u8>>,
    possession: Result<(), &'static str>,
}

/// What can go wrong when a request is read or built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError {
    /// The bytes are no certification request.
    #[error("not a certification request: {0}")]
    Malformed(String),
    /// A file that should hold one request holds none, or something else.
    #[error("no `{}` block found{}", pem::CERTIFICATE_REQUEST, found.as_ref().map(|label| format!("; the file holds a `{}`", Printable(label))).unwrap_or_default())]
    NoRequest {
        /// The label of the first PEM block, if there is any.
        found: Option<String>,
    },
    /// Several requests in one file, of which only one could be answered.
    #[error("{0} requests in one file; write each to a file of its own")]
    Several(usize),
    /// The PEM text is broken.
    #[error(transparent)]
    Pem(#[from] pem::PemError),
    /// The Kubernetes object around the request is broken.
    #[error("not a CertificateSigningRequest object: {0}")]
    Kubernetes(String),
    /// A value that has no place in a request.
    #[error(transparent)]
    X509(#[from] X509Error),
    /// The key could not sign it.
    #[error(transparent)]
    Key(#[from] KeyError),
}

impl SigningRequest {
    /// Reads a request from PEM or from DER; or those of Kubernetes `CertificateSigningRequest` objects in YAML or JSON, of
    /// which there may be several: in a `List`, or one document after the other. Never none.
    ///
    /// # Errors
    /// [`RequestError`] when there is none, there are several in PEM, or one is broken. A failed proof of possession is no
    /// error but a fact: see [`SigningRequest::possession`].
    pub fn read_all(bytes: &[u8]) -> Result<Vec<Self>, RequestError> {
        if bytes.first() == Some(&0x30) {
            return Ok(vec![Self::from_der(bytes)?]);
        }
        if kubernetes::looks_like_object(bytes) {
            return kubernetes::read(bytes);
        }
        Ok(vec![Self::from_pem(bytes)?])
    }

    fn from_pem(text: &[u8]) -> Result<Self, RequestError> {
        let blocks = pem::parse(text)?;
        let mut requests = blocks.iter().filter(|block| {
            [pem::CERTIFICATE_REQUEST, pem::NEW_CERTIFICATE_REQUEST].contains(&block.label.as_str())
        });
        let first = requests.next().ok_or_else(|| RequestError::NoRequest {
            found: blocks.first().map(|block| block.label.clone()),
        })?;
        match requests.count() {
            0 => Self::from_der(&first.der),
            more => Err(RequestError::Several(more + 1)),
        }
    }

    /// Reads a request in DER.
    ///
    /// # Errors
    /// [`RequestError::Malformed`] when it is not one, is over 64 KiB, or something follows it.
    pub fn from_der(der: &[u8]) -> Result<Self, RequestError> {
        if der.len() > LARGEST {
            return Err(RequestError::Malformed("it is larger than 64 KiB".into()));
        }
        let (rest, request) = X509CertificationRequest::from_der(der)
            .map_err(|_| RequestError::Malformed("its DER is broken or cut off".into()))?;
        if !rest.is_empty() {
            return Err(RequestError::Malformed("bytes follow it".into()));
        }
        structure::request(der).map_err(|flaw| RequestError::Malformed(flaw.into()))?;
        let info = &request.certification_request_info;
        let public_key = PublicKey::from_der(info.subject_pki.raw)?;
        Ok(Self {
            subject: Name::from_der(info.subject.as_raw())?,
            extensions: Extensions::read(&requested_extensions(info)?),
            kubernetes: None,
            der: Some(der.to_vec()),
            possession: possession(&request, &public_key),
            public_key,
        })
    }

    /// The request of somebody who holds the key: nothing is to be proved, so nothing is signed.
    pub fn by_holder(subject: Name, public_key: PublicKey, extensions: Extensions) -> Self {
        Self { subject, public_key, extensions, kubernetes: None, der: None, possession: Ok(()) }
    }

    /// Whether the requester has shown that the private key is in their hands (RFC 2986 section 3).
    ///
    /// # Errors
    /// Why the proof fails.
    pub fn possession(&self) -> Result<(), &'static str> {
        self.possession
    }

    /// The SHA-256 of the request's DER in lower-case hexadecimal; `None` for a holder's own wish.
    pub fn hash(&self) -> Option<String> {
        self.der.as_deref().map(sha256_hex)
    }
}

/// Whether the request is signed by the key that it is for.
fn possession(request: &X509CertificationRequest<'_>, key: &PublicKey) -> Result<(), &'static str> {
    // What no profile admits is not verified; that is another thing than a signature that is wrong.
    if matches!(key.kind(), PublicKeyKind::Rsa { bits: ..2048, .. }) {
        return Err("signatures by an RSA key under 2048 bits are not verified");
    }
    let signature = &request.signature_value;
    if signature.unused_bits != 0 {
        return Err("its signature is not of whole bytes");
    }
    let parameters = algorithm_parameters(&request.signature_algorithm);
    let algorithm =
        SignatureAlgorithm::new(&request.signature_algorithm.algorithm.to_id_string(), parameters.as_deref());
    let verified = algorithm.verify(key, request.certification_request_info.raw, &signature.data);
    verified.map_err(|fault| match fault {
        SignatureFault::Broken(_) => {
            "it is signed with SHA-1 or MD5, which proves nothing; sign it with SHA-256"
        }
        SignatureFault::Unsupported(_) | SignatureFault::Key(_) => {
            "its signature is of an algorithm that is not supported"
        }
        _ => "its signature does not verify with its own public key",
    })
}

/// The extensions of the `extensionRequest` attribute (RFC 2985 section 5.4.2), which must be alone.
fn requested_extensions<'a>(
    info: &'a X509CertificationRequestInfo<'a>,
) -> Result<Vec<X509Extension<'a>>, RequestError> {
    let mut found = info.iter_attributes().filter_map(|attribute| match attribute.parsed_attribute() {
        ParsedCriAttribute::ExtensionRequest(request) => Some(request.extensions.clone()),
        _ => None,
    });
    let first = found.next().unwrap_or_default();
    if found.next().is_some() {
        return Err(RequestError::Malformed("it has two extension requests".into()));
    }
    Ok(first)
}

/// Builds a request for this key and signs it, in DER.
///
/// # Errors
/// [`RequestError::X509`] when a value has no encoding, [`RequestError::Key`] when the key cannot sign.
pub fn build(key: &KeyPair, template: &RequestTemplate<'_>) -> Result<Vec<u8>, RequestError> {
    let info = template.encode()?;
    let signature = key.sign(&info)?;
    Ok(assemble_signed(&info, key.signature_algorithm_der(), &signature))
}

/// The extensions of a wish for these names, as a request would carry them.
pub fn wish_for_names(names: Vec<SubjectAltName>) -> Extensions {
    Extensions {
        subject_alt_names: (!names.is_empty())
            .then_some(crate::x509::Marked { critical: false, value: names }),
        ..Extensions::default()
    }
}
