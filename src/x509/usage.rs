//! What a key may be used for: key usage and extended key usage (RFC 5280 sections 4.2.1.3, 4.2.1.12).

use std::fmt;
use std::ops::BitOr;
use std::str::FromStr;

use super::X509Error;

/// The bits of the key usage extension.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct KeyUsage(u16);

/// RFC 5280's names in the order of the bits, the first one being bit 0.
const BITS: [&str; 9] = [
    "digitalSignature",
    "contentCommitment",
    "keyEncipherment",
    "dataEncipherment",
    "keyAgreement",
    "keyCertSign",
    "cRLSign",
    "encipherOnly",
    "decipherOnly",
];

impl KeyUsage {
    /// Signatures other than those on certificates and CRLs: every TLS handshake with forward secrecy.
    pub const DIGITAL_SIGNATURE: Self = Self(1);
    /// Signatures that the signer cannot deny later (once `nonRepudiation`).
    pub const CONTENT_COMMITMENT: Self = Self(1 << 1);
    /// Encrypting a secret to the key: RSA key exchange, up to TLS 1.2.
    pub const KEY_ENCIPHERMENT: Self = Self(1 << 2);
    /// Encrypting data itself to the key, without a secret between.
    pub const DATA_ENCIPHERMENT: Self = Self(1 << 3);
    /// Agreeing on a secret with the key itself: static Diffie-Hellman.
    pub const KEY_AGREEMENT: Self = Self(1 << 4);
    /// Signatures on certificates.
    pub const KEY_CERT_SIGN: Self = Self(1 << 5);
    /// Signatures on revocation lists.
    pub const CRL_SIGN: Self = Self(1 << 6);
    /// Key agreement for enciphering only.
    pub const ENCIPHER_ONLY: Self = Self(1 << 7);
    /// Key agreement for deciphering only.
    pub const DECIPHER_ONLY: Self = Self(1 << 8);

    pub(crate) fn from_flags(flags: u16) -> Self {
        Self(flags)
    }

    /// Whether all of the other's bits are among these.
    pub fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether any of the other's bits is among these.
    pub fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// These bits without the other's.
    #[must_use]
    pub fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether no bit is set.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The names of the bits that are set, in their order.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        BITS.iter().enumerate().filter(move |(bit, _)| self.0 >> bit & 1 == 1).map(|(_, name)| *name)
    }
}

impl BitOr for KeyUsage {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl FromIterator<KeyUsage> for KeyUsage {
    fn from_iter<I: IntoIterator<Item = KeyUsage>>(usages: I) -> Self {
        usages.into_iter().fold(Self::default(), Self::bitor)
    }
}

impl FromStr for KeyUsage {
    type Err = X509Error;

    /// One bit by its name; spaces between the words are allowed, as in a Kubernetes
    /// `CertificateSigningRequest` (`digital signature`, `cert sign`, `crl sign`).
    fn from_str(text: &str) -> Result<Self, X509Error> {
        let word: String = text.chars().filter(|c| *c != ' ').collect::<String>().to_ascii_lowercase();
        let word = match word.as_str() {
            "certsign" => "keycertsign",
            "nonrepudiation" => "contentcommitment",
            "signing" => "digitalsignature",
            other => other,
        };
        BITS.iter()
            .position(|bit| bit.eq_ignore_ascii_case(word))
            .map(|bit| Self(1 << bit))
            .ok_or_else(|| X509Error::Usage(super::Printable(text).to_string()))
    }
}

impl fmt::Display for KeyUsage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.names().collect::<Vec<_>>().join(", "))
    }
}

impl fmt::Debug for KeyUsage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyUsage({self})")
    }
}

/// One purpose of the extended key usage extension.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum ExtendedKeyUsage {
    /// A TLS server.
    ServerAuth,
    /// A TLS client.
    ClientAuth,
    /// Signing programs.
    CodeSigning,
    /// Signed or encrypted mail.
    EmailProtection,
    /// Time stamps.
    TimeStamping,
    /// OCSP answers.
    OcspSigning,
    /// Whatever comes (`anyExtendedKeyUsage`).
    Any,
    /// Another purpose, as a dotted object identifier.
    Other(String),
}

impl fmt::Display for ExtendedKeyUsage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ServerAuth => "serverAuth",
            Self::ClientAuth => "clientAuth",
            Self::CodeSigning => "codeSigning",
            Self::EmailProtection => "emailProtection",
            Self::TimeStamping => "timeStamping",
            Self::OcspSigning => "OCSPSigning",
            Self::Any => "anyExtendedKeyUsage",
            Self::Other(oid) => oid,
        })
    }
}

impl FromStr for ExtendedKeyUsage {
    type Err = X509Error;

    /// By RFC 5280's name, or as a Kubernetes `CertificateSigningRequest` writes it (`client auth`).
    fn from_str(text: &str) -> Result<Self, X509Error> {
        let word: String = text.chars().filter(|c| *c != ' ').collect::<String>().to_ascii_lowercase();
        Ok(match word.as_str() {
            "serverauth" => Self::ServerAuth,
            "clientauth" => Self::ClientAuth,
            "codesigning" => Self::CodeSigning,
            "emailprotection" | "s/mime" => Self::EmailProtection,
            "timestamping" => Self::TimeStamping,
            "ocspsigning" => Self::OcspSigning,
            "any" | "anyextendedkeyusage" => Self::Any,
            _ => return Err(X509Error::Usage(super::Printable(text).to_string())),
        })
    }
}
