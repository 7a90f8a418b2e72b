//! A certification authority: it holds the key, drafts, seals, numbers and records.
//!
//! What is signed is exactly what was judged: [`CertificateAuthority::draft`] makes the to-be-signed bytes and their
//! facts, whoever judges reads the facts, and [`Draft::seal`] takes the draft by value and signs those very bytes.

mod draft;
mod ledger;
mod limits;

use time::OffsetDateTime;

pub use draft::Draft;
pub use ledger::Ledger;
pub use limits::Wanted;

use crate::clock::in_words;
use crate::key::{KeyError, KeyPair};
use crate::profile::Admitted;
use crate::x509::{Certificate, ExtendedKeyUsage, KeyUsage, Marked, Name, Validity, X509Error};

/// A CA certificate together with its private key.
pub struct CertificateAuthority {
    certificate: Certificate,
    key: KeyPair,
}

/// Why something is no certification authority, or why this one cannot issue.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CaError {
    /// Its basic constraints do not say so (RFC 5280 section 4.2.1.9).
    #[error("{0} is not a CA certificate (basicConstraints lacks CA:TRUE)")]
    NotCa(Name),
    /// Its key usage does not allow it (RFC 5280 section 4.2.1.3).
    #[error("{0} may not sign certificates (keyUsage lacks keyCertSign)")]
    NoCertSign(Name),
    /// The private key is another certificate's.
    #[error("the private key does not match the CA certificate {0}")]
    KeyMismatch(Name),
    /// It is not valid now.
    #[error("the CA certificate {subject} is valid from {from} to {to} only, and now it is {at}",
        from = in_words(validity.not_before), to = in_words(validity.not_after), at = in_words(*now))]
    NotValidNow {
        /// The CA.
        subject: Name,
        /// Its validity.
        validity: Validity,
        /// The current instant.
        now: OffsetDateTime,
    },
    /// The certificate that was asked for would be valid after its issuer is not.
    #[error("the lifetime that was asked for ends on {asked}, after the issuer {issuer} ends ({until})",
        asked = in_words(*wanted), until = in_words(*end))]
    OutlivesIssuer {
        /// The issuer.
        issuer: Name,
        /// The end that was asked for.
        wanted: OffsetDateTime,
        /// The issuer's end.
        end: OffsetDateTime,
    },
    /// The issuer's path length constraint leaves no room for another CA (RFC 5280 section 4.2.1.9).
    #[error("the issuer {issuer} has the path length {limit}; {reason}")]
    PathLength {
        /// The issuer.
        issuer: Name,
        /// Its path length constraint.
        limit: u32,
        /// What it rules out.
        reason: &'static str,
    },
    /// A name that the issuer's name constraints rule out (RFC 5280 section 4.2.1.10).
    #[error("the name {name} is outside the name constraints of the issuer {issuer}: {reason}")]
    NameConstraint {
        /// The issuer.
        issuer: Name,
        /// The name.
        name: String,
        /// Which constraint rules it out.
        reason: String,
    },
    /// The issuer's own extended key usage leaves this purpose out, and every verifier that nests them, Go's among
    /// them, would refuse the certificate for it.
    #[error(
        "the issuer {issuer} may sign nothing for {purpose}: its extended key usage is {} alone, which Go's and \
             OpenSSL's verifiers hold everything below it to",
        listed(lent)
    )]
    Purpose {
        /// The issuer.
        issuer: Name,
        /// The purpose.
        purpose: ExtendedKeyUsage,
        /// The purposes that the issuer has.
        lent: Vec<ExtendedKeyUsage>,
    },
    /// An extension of the issuer's that cannot be read: what it limits is unknown.
    #[error("the extension {oid} of the issuer {issuer} cannot be read, so what it limits is unknown")]
    MalformedIssuer {
        /// The issuer.
        issuer: Name,
        /// The extension, as a dotted object identifier.
        oid: String,
    },
    /// A certificate for the CA's own key: its holder could sign as the CA.
    #[error("the public key is the one of the issuer {0} itself")]
    IssuersOwnKey(Name),
    /// The draft was made for another key.
    #[error("the draft was made to be signed by another key")]
    ForeignDraft,
    /// The date does not fit in a certificate.
    #[error("the lifetime ends after the year 9999, which no certificate can say")]
    DateOutOfRange,
    /// A value could not be encoded.
    #[error(transparent)]
    X509(#[from] X509Error),
    /// The key could not sign, or there is no randomness.
    #[error(transparent)]
    Key(#[from] KeyError),
}

fn listed(purposes: &[ExtendedKeyUsage]) -> String {
    purposes.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

impl CertificateAuthority {
    /// Puts a CA certificate and its private key together.
    ///
    /// # Errors
    /// [`CaError::NotCa`], [`CaError::NoCertSign`], [`CaError::KeyMismatch`].
    pub fn new(certificate: Certificate, key: KeyPair) -> Result<Self, CaError> {
        check_certificate(&certificate)?;
        if certificate.tbs.public_key.der() != key.public_key_der() {
            return Err(CaError::KeyMismatch(certificate.tbs.subject.clone()));
        }
        Ok(Self { certificate, key })
    }

    /// The CA certificate.
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// The private key.
    pub fn key(&self) -> &KeyPair {
        &self.key
    }

    /// Every reason why this CA may not sign something now: its own validity, key, purposes, path length and name
    /// constraints, and its end.
    pub fn objections(&self, wanted: &Wanted<'_>, now: OffsetDateTime) -> Vec<CaError> {
        limits::objections(&self.certificate.tbs, wanted, now)
    }

    /// Drafts a certificate under this CA, valid from five minutes ago.
    ///
    /// # Errors
    /// All of its [objections](Self::objections), or the one reason why it cannot be encoded.
    pub fn draft(&self, admitted: &Admitted, now: OffsetDateTime) -> Result<Draft, Vec<CaError>> {
        Draft::under(&self.certificate, self.key.signature_algorithm_der(), admitted, now)
    }

    /// Signs a draft that was made by this CA.
    ///
    /// # Errors
    /// [`CaError::ForeignDraft`] when it was not.
    pub fn seal(&self, draft: Draft) -> Result<Certificate, CaError> {
        draft.seal(&self.key)
    }
}

/// Whether a certificate may sign certificates.
///
/// # Errors
/// [`CaError::NotCa`], [`CaError::NoCertSign`].
pub fn check_certificate(certificate: &Certificate) -> Result<(), CaError> {
    let extensions = &certificate.tbs.extensions;
    let subject = || certificate.tbs.subject.clone();
    if !extensions.is_ca() {
        return Err(CaError::NotCa(subject()));
    }
    // RFC 5280 section 4.2.1.3: without the extension, the key may be used for everything.
    if let Some(Marked { value, .. }) = extensions.key_usage
        && !value.contains(KeyUsage::KEY_CERT_SIGN)
    {
        return Err(CaError::NoCertSign(subject()));
    }
    Ok(())
}
