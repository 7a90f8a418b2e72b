//! The kinds of keys, and the forms in which a private key stands in a file.

use std::fmt;
use std::str::FromStr;

use super::KeyError;

/// The kinds of keys that are made and read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum KeyAlgorithm {
    /// RSA with a modulus of 2048 bits.
    Rsa2048,
    /// RSA with a modulus of 3072 bits.
    Rsa3072,
    /// RSA with a modulus of 4096 bits.
    Rsa4096,
    /// ECDSA on the curve P-256 (secp256r1).
    EcdsaP256,
    /// ECDSA on the curve P-384 (secp384r1).
    EcdsaP384,
    /// Ed25519 (RFC 8032).
    Ed25519,
}

impl KeyAlgorithm {
    /// Every algorithm, in a fixed order.
    pub const ALL: [Self; 6] =
        [Self::Rsa2048, Self::Rsa3072, Self::Rsa4096, Self::EcdsaP256, Self::EcdsaP384, Self::Ed25519];

    /// The name that kubeadm uses (`ClusterConfiguration.encryptionAlgorithm`, v1beta4); kubeadm has
    /// no Ed25519.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rsa2048 => "RSA-2048",
            Self::Rsa3072 => "RSA-3072",
            Self::Rsa4096 => "RSA-4096",
            Self::EcdsaP256 => "ECDSA-P256",
            Self::EcdsaP384 => "ECDSA-P384",
            Self::Ed25519 => "Ed25519",
        }
    }

    /// Whether it is RSA, of whatever size: the one kind of key that can encrypt, and so may bear
    /// the key usage `keyEncipherment`.
    pub const fn is_rsa(self) -> bool {
        matches!(self, Self::Rsa2048 | Self::Rsa3072 | Self::Rsa4096)
    }

    /// The other names that are understood, in lower case.
    const fn aliases(self) -> &'static [&'static str] {
        match self {
            Self::Rsa2048 => &["rsa2048"],
            Self::Rsa3072 => &["rsa3072"],
            Self::Rsa4096 => &["rsa4096"],
            Self::EcdsaP256 => &["p256", "p-256", "ecdsa-p-256", "ecdsap256", "prime256v1", "secp256r1"],
            Self::EcdsaP384 => &["p384", "p-384", "ecdsa-p-384", "ecdsap384", "secp384r1"],
            Self::Ed25519 => &["ed-25519"],
        }
    }

    /// The kind of RSA key with a modulus of so many bits.
    pub(super) const fn rsa(bits: usize) -> Option<Self> {
        match bits {
            2048 => Some(Self::Rsa2048),
            3072 => Some(Self::Rsa3072),
            4096 => Some(Self::Rsa4096),
            _ => None,
        }
    }
}

impl fmt::Display for KeyAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for KeyAlgorithm {
    type Err = KeyError;

    /// Reads kubeadm's names and the usual other ones (`p256`, `rsa2048`), in either case.
    fn from_str(text: &str) -> Result<Self, KeyError> {
        let named = |algorithm: &Self| {
            text.eq_ignore_ascii_case(algorithm.name())
                || algorithm.aliases().iter().any(|alias| text.eq_ignore_ascii_case(alias))
        };
        Self::ALL
            .into_iter()
            .find(named)
            .ok_or_else(|| KeyError::UnknownAlgorithm { name: text.chars().take(40).collect() })
    }
}

/// How a private key stands in its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyForm {
    /// PKCS#8 `PrivateKeyInfo` (RFC 5958), labelled `PRIVATE KEY`. Holds every kind of key.
    Pkcs8,
    /// PKCS#1 `RSAPrivateKey` (RFC 8017 appendix A.1.2), labelled `RSA PRIVATE KEY`. RSA only.
    Pkcs1,
    /// SEC 1 `ECPrivateKey` (RFC 5915), labelled `EC PRIVATE KEY`. Elliptic curves with ECDSA only.
    Sec1,
}

impl KeyForm {
    /// The form that kubeadm writes: PKCS#1 for RSA, SEC 1 for ECDSA; PKCS#8 for Ed25519, which has
    /// no other (RFC 8410 section 7).
    pub const fn default_for(algorithm: KeyAlgorithm) -> Self {
        match algorithm {
            KeyAlgorithm::Rsa2048 | KeyAlgorithm::Rsa3072 | KeyAlgorithm::Rsa4096 => Self::Pkcs1,
            KeyAlgorithm::EcdsaP256 | KeyAlgorithm::EcdsaP384 => Self::Sec1,
            KeyAlgorithm::Ed25519 => Self::Pkcs8,
        }
    }

    /// The label of its PEM block.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Pkcs8 => crate::pem::PRIVATE_KEY,
            Self::Pkcs1 => crate::pem::RSA_PRIVATE_KEY,
            Self::Sec1 => crate::pem::EC_PRIVATE_KEY,
        }
    }

    pub(super) fn holds(self, algorithm: KeyAlgorithm) -> bool {
        self == Self::Pkcs8 || self == Self::default_for(algorithm)
    }
}

impl fmt::Display for KeyForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Pkcs8 => "PKCS#8",
            Self::Pkcs1 => "PKCS#1",
            Self::Sec1 => "SEC 1",
        })
    }
}
