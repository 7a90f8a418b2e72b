//! What can go wrong with a handshake, and who refused whom.

use std::fmt;

use super::{Alert, Side};
use crate::key::KeyError;

/// Why a handshake could not be made, or did not succeed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// An identity without a certificate.
    #[error("there is no certificate to show")]
    NoCertificate,
    /// The private key is not that of the certificate: no component starts with the two.
    #[error("certificate and key do not match: the private key is not that of {subject}")]
    KeyMismatch {
        /// The subject of the leaf.
        subject: String,
    },
    /// The key could not be written in the form that TLS needs.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The key cannot be used for TLS.
    #[error("the private key cannot be used for TLS: {reason}")]
    UnusableKey {
        /// What rustls says.
        reason: String,
    },
    /// A name that nothing can be dialled by.
    #[error("`{name}` is no name to dial: it is neither a DNS name nor an IP address")]
    Name {
        /// The name, safe to show.
        name: String,
    },
    /// One party refused the other.
    #[error("the {by} refused the {}: {reason}", by.other())]
    Refused {
        /// Who refused.
        by: Side,
        /// Why, in its own words.
        reason: Reason,
        /// What it said to the other, as the other heard it.
        alert: Option<Alert>,
    },
    /// rustls could not be set up.
    #[error("TLS cannot be set up: {reason}")]
    Setup {
        /// What rustls says.
        reason: String,
    },
}

/// Why one party refused the other.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// Its judge did not accept the chain, and said this.
    Chain(String),
    /// No client certificate was given, and one is required.
    NoClientCertificate,
    /// The handshake was not signed by the key of the certificate.
    Signature(String),
    /// The two have nothing in common, or one broke the protocol.
    Protocol(String),
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Chain(reason) | Self::Protocol(reason) => f.write_str(reason),
            Self::NoClientCertificate => f.write_str("no client certificate was given"),
            Self::Signature(reason) => {
                write!(f, "the handshake was not signed by the key of the certificate: {reason}")
            }
        }
    }
}
