//! Bytes to facts, and facts to bytes: certificates, names, extensions, public keys.
//!
//! Nothing here judges: whether a fact is good or bad is for `profile`, `audit` and `chain` to say.

mod certificate;
mod crl;
pub(crate) mod der;
mod encode;
mod extension;
mod name;
mod name_constraints;
mod public_key;
mod san;
mod shell;
mod signature;
pub(crate) mod structure;
mod text;
mod usage;
mod words;

pub(crate) use certificate::algorithm_parameters;
pub use certificate::{Certificate, SerialNumber, TbsCertificate, Validity, hex, sha256, sha256_hex};
pub use crl::{
    DistributionPoint, DistributionPointName, IssuingDistributionPoint, RevocationList, RevokedCertificate,
};
pub use encode::{CertificateTemplate, RequestTemplate, assemble_signed};
pub use extension::{
    AuthorityKeyIdentifier, BasicConstraints, Extension, Extensions, Marked, PolicyConstraints,
    extension_name,
};
pub use name::{Attribute, COMMON_NAME, Name, ORGANIZATION, ORGANIZATIONAL_UNIT};
pub use name_constraints::{GeneralSubtree, NameConstraints};
pub use public_key::{PublicKey, PublicKeyKind};
pub use san::{SubjectAltName, check_dns_name};
pub use shell::{quoted, shell_word};
pub use signature::{DigestAlgorithm, SignatureAlgorithm, SignatureFault};
pub use text::Printable;
pub(crate) use text::is_deceptive;
pub use usage::{ExtendedKeyUsage, KeyUsage};

/// What can be wrong with the bytes or the texts that are read here.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum X509Error {
    /// The bytes are not what they should be.
    #[error("not a valid {what}: {reason}")]
    Malformed {
        /// What was expected.
        what: &'static str,
        /// What the reader stumbled over.
        reason: String,
    },
    /// The PEM text around it is broken.
    #[error(transparent)]
    Pem(#[from] crate::pem::PemError),
    /// One PEM block of several is broken.
    #[error("line {line}: {source}")]
    InBlock {
        /// The line of its BEGIN, counted from 1.
        line: usize,
        /// What is wrong with it.
        source: Box<X509Error>,
    },
    /// There is no certificate in a file that should hold one.
    #[error("no certificate found{}", found.as_ref().map(|label| format!("; the first PEM block is a {}", Printable(label))).unwrap_or_default())]
    NoCertificate {
        /// The label of the first PEM block, if there is any.
        found: Option<String>,
    },
    /// A value that no name may carry.
    #[error("`{value}` cannot be a {attribute}: {reason}")]
    Name {
        /// The attribute, `CN` for example.
        attribute: String,
        /// The value, safe to show.
        value: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A text that is not a subject alternative name.
    #[error("`{value}` cannot be a subject alternative name: {reason}")]
    SubjectAltName {
        /// The text, safe to show.
        value: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A text that is not a name constraint.
    #[error("`{value}` cannot be a name constraint: {reason}")]
    NameConstraint {
        /// The text, safe to show.
        value: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A text that is not a key usage or an extended key usage.
    #[error("`{0}` is not a key usage")]
    Usage(String),
    /// A value that has no encoding.
    #[error("cannot be encoded: {0}")]
    Encode(String),
}
