//! Public keys (RFC 5280 section 4.1.2.7).

use std::fmt;

use ring::digest;
use x509_parser::der_parser::asn1_rs::Tag;
use x509_parser::oid_registry;
use x509_parser::prelude::FromDer;
use x509_parser::x509::SubjectPublicKeyInfo;

use super::der::{elements, read};
use super::text::dotted;
use super::words::words;
use super::{X509Error, structure};

/// A public key: its `SubjectPublicKeyInfo` and what it is.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct PublicKey {
    der: Vec<u8>,
    kind: PublicKeyKind,
}

/// What a public key is, as far as it decides whether to accept it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PublicKeyKind {
    /// RSA: the bits of the modulus and, if it fits, the public exponent.
    Rsa {
        /// The length of the modulus in bits.
        bits: usize,
        /// The public exponent, unless it is longer than 8 bytes.
        exponent: Option<u64>,
    },
    /// RSA for RSASSA-PSS alone (RFC 4055 section 1.2), which Go does not know: the bits of the modulus.
    RsaPss {
        /// The length of the modulus in bits.
        bits: usize,
    },
    /// ECDSA on a named curve: `P-224`, `P-256`, `P-384`, `P-521`, or the dotted object identifier of another.
    Ec(String),
    /// Ed25519 (RFC 8410).
    Ed25519,
    /// ML-DSA (RFC 9881): 44, 65 or 87. Go does not know it before 1.27, nor does Kubernetes.
    MlDsa(u8),
    /// Another algorithm, as a dotted object identifier.
    Other(String),
}

impl PublicKey {
    /// Reads a `SubjectPublicKeyInfo` in DER.
    ///
    /// # Errors
    /// [`X509Error::Malformed`] when it is not one, or something follows it.
    pub fn from_der(der: &[u8]) -> Result<Self, X509Error> {
        let malformed = |reason: String| X509Error::Malformed { what: "public key", reason };
        let (rest, spki) =
            SubjectPublicKeyInfo::from_der(der).map_err(|error| malformed(words(&error).into()))?;
        if !rest.is_empty() {
            return Err(malformed("bytes follow it".into()));
        }
        Self::read(&spki)
    }

    pub(crate) fn read(spki: &SubjectPublicKeyInfo<'_>) -> Result<Self, X509Error> {
        if !structure::is_public_key(spki.raw) {
            let reason = "it is not an algorithm and a key".to_owned();
            return Err(X509Error::Malformed { what: "public key", reason });
        }
        let algorithm = &spki.algorithm.algorithm;
        let kind = if *algorithm == oid_registry::OID_PKCS1_RSAENCRYPTION {
            rsa(&spki.subject_public_key.data).ok_or(X509Error::Malformed {
                what: "RSA public key",
                reason: "not an RSAPublicKey".into(),
            })?
        } else if *algorithm == oid_registry::OID_PKCS1_RSASSAPSS {
            match rsa(&spki.subject_public_key.data) {
                Some(PublicKeyKind::Rsa { bits, .. }) => PublicKeyKind::RsaPss { bits },
                _ => PublicKeyKind::Other(algorithm.to_id_string()),
            }
        } else if *algorithm == oid_registry::OID_KEY_TYPE_EC_PUBLIC_KEY {
            // Not the parser's own conversion alone: it takes any element for an object identifier.
            let named = spki.algorithm.parameters.as_ref().filter(|p| p.tag() == Tag::Oid);
            let curve = named.and_then(|p| p.as_oid().ok());
            PublicKeyKind::Ec(match curve.map(|oid| dotted(&oid)).as_deref() {
                Some("1.3.132.0.33") => "P-224".into(),
                Some("1.2.840.10045.3.1.7") => "P-256".into(),
                Some("1.3.132.0.34") => "P-384".into(),
                Some("1.3.132.0.35") => "P-521".into(),
                Some(other) => other.into(),
                None => "a curve with explicit parameters".into(),
            })
        } else if *algorithm == oid_registry::OID_SIG_ED25519 {
            PublicKeyKind::Ed25519
        } else {
            match (algorithm.to_id_string(), spki.algorithm.parameters.is_some()) {
                // RFC 9881 section 2: the parameters MUST be absent.
                (oid, false) if oid == "2.16.840.1.101.3.4.3.17" => PublicKeyKind::MlDsa(44),
                (oid, false) if oid == "2.16.840.1.101.3.4.3.18" => PublicKeyKind::MlDsa(65),
                (oid, false) if oid == "2.16.840.1.101.3.4.3.19" => PublicKeyKind::MlDsa(87),
                (oid, _) => PublicKeyKind::Other(oid),
            }
        };
        Ok(Self { der: spki.raw.to_vec(), kind })
    }

    /// The DER of its `SubjectPublicKeyInfo`.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// What it is.
    pub fn kind(&self) -> &PublicKeyKind {
        &self.kind
    }

    /// The modulus of an RSA key, the most significant byte first and without leading zeros; none for
    /// any other kind of key.
    pub fn rsa_modulus(&self) -> Option<&[u8]> {
        if !matches!(self.kind, PublicKeyKind::Rsa { .. }) {
            return None;
        }
        self.rsa_numbers().map(|(modulus, _)| modulus).filter(|modulus| !modulus.is_empty())
    }

    /// Modulus and public exponent of an RSA key, for RSASSA-PSS alone or not, each the most significant byte first and without
    /// leading zeros; none for any other kind of key.
    pub(super) fn rsa_numbers(&self) -> Option<(&[u8], &[u8])> {
        if !matches!(self.kind, PublicKeyKind::Rsa { .. } | PublicKeyKind::RsaPss { .. }) {
            return None;
        }
        let (key, _) = read(self.subject_public_key()?)?;
        let (modulus, rest) = read(key.content)?;
        let (exponent, _) = read(rest)?;
        let significant = |content: &[u8]| content.iter().position(|&byte| byte != 0);
        let from = |content: &'_ [u8]| significant(content).unwrap_or(content.len());
        Some((modulus.content.get(from(modulus.content)..)?, exponent.content.get(from(exponent.content)..)?))
    }

    /// The DER of the parameters of its algorithm; none when they are absent.
    pub(super) fn parameters(&self) -> Option<&[u8]> {
        let (spki, _) = read(&self.der)?;
        let (algorithm, _) = read(spki.content)?;
        elements(algorithm.content)?.get(1).map(|parameters| parameters.whole)
    }

    /// The content of the `subjectPublicKey` BIT STRING, without its count of unused bits.
    pub(super) fn subject_public_key(&self) -> Option<&[u8]> {
        let (spki, _) = read(&self.der)?;
        let (_, rest) = read(spki.content)?;
        let (bits, _) = read(rest)?;
        bits.content.get(1..)
    }

    /// Whether the key of an elliptic curve is an uncompressed point of it (SEC 1 section 2.3.3); `false` for curves other
    /// than P-256, P-384 and P-521.
    pub fn is_point(&self) -> bool {
        self.subject_public_key().is_some_and(|bits| bits.first() == Some(&4))
            && self.is_on_curve() == Some(true)
    }

    /// Whether the key of an elliptic curve, in whatever form (SEC 1 sections 2.3.3 and 2.3.4), is a point of it; none for
    /// curves other than P-256, P-384 and P-521.
    pub fn is_on_curve(&self) -> Option<bool> {
        let PublicKeyKind::Ec(curve) = &self.kind else { return None };
        let bits = self.subject_public_key()?;
        // The hybrid form says the same twice (X9.62 section 4.3.6).
        let plain: Vec<u8>;
        let bits = match bits.split_first() {
            Some((6 | 7, coordinates)) => {
                plain = [&[4], coordinates].concat();
                &plain
            }
            _ => bits,
        };
        match curve.as_str() {
            "P-256" => Some(p256::PublicKey::from_sec1_bytes(bits).is_ok()),
            "P-384" => Some(p384::PublicKey::from_sec1_bytes(bits).is_ok()),
            "P-521" => Some(p521::PublicKey::from_sec1_bytes(bits).is_ok()),
            _ => None,
        }
    }

    /// Whether it is written in the one way that its algorithm has: nothing beside the algorithm and its own
    /// parameters, no unused bits, nothing after the key. Always `false` for a kind that no profile admits.
    /// Sources: RFC 3279 section 2.3.1 (RSA: NULL), RFC 5480 section 2.1.1 (a named curve), RFC 8410 section 3 (none).
    pub fn is_canonical(&self) -> bool {
        let algorithm: &[u8] = match &self.kind {
            PublicKeyKind::Rsa { .. } => &[6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1, 5, 0],
            PublicKeyKind::Ec(curve) if curve == "P-256" => {
                &[6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1, 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7]
            }
            PublicKeyKind::Ec(curve) if curve == "P-384" => {
                &[6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1, 6, 5, 0x2b, 0x81, 4, 0, 0x22]
            }
            PublicKeyKind::Ed25519 => &[6, 3, 0x2b, 0x65, 0x70],
            _ => return false,
        };
        let parts = read(&self.der).and_then(|(spki, _)| elements(spki.content));
        matches!(parts.as_deref(), Some([id, bits]) if id.content == algorithm && bits.content.first() == Some(&0))
    }

    /// The key identifier that we give to this key: the first 20 bytes of the SHA-256 of the
    /// `subjectPublicKey` bits (RFC 7093 section 2, method 1).
    pub fn key_identifier(&self) -> Vec<u8> {
        let bits = self.subject_public_key().unwrap_or(&self.der);
        digest::digest(&digest::SHA256, bits).as_ref().iter().take(20).copied().collect()
    }
}

/// Modulus and exponent of an `RSAPublicKey` (RFC 8017 appendix A.1.1).
fn rsa(der: &[u8]) -> Option<PublicKeyKind> {
    let (key, _) = read(der)?;
    let (modulus, rest) = read(key.content)?;
    let (exponent, _) = read(rest)?;
    let unsigned = |bytes: &[u8]| bytes.iter().position(|&byte| byte != 0).map(|at| bytes.len() - at);
    let length = unsigned(modulus.content)?;
    let first = modulus.content.get(modulus.content.len() - length)?;
    let bits = length * 8 - first.leading_zeros() as usize;
    let exponent = (unsigned(exponent.content).unwrap_or(0) <= 8)
        .then(|| exponent.content.iter().fold(0u64, |value, &byte| value << 8 | u64::from(byte)));
    Some(PublicKeyKind::Rsa { bits, exponent })
}

impl fmt::Display for PublicKeyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rsa { bits, .. } => write!(f, "RSA-{bits}"),
            Self::RsaPss { bits } => write!(f, "RSASSA-PSS-{bits}"),
            Self::Ec(curve) if curve.starts_with("P-") => write!(f, "ECDSA-{}", curve.replace('-', "")),
            Self::Ec(curve) => write!(f, "ECDSA on {curve}"),
            Self::Ed25519 => f.write_str("Ed25519"),
            Self::MlDsa(set) => write!(f, "ML-DSA-{set}"),
            Self::Other(oid) => write!(f, "algorithm {oid}"),
        }
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({})", self.kind)
    }
}

#[cfg(test)]
mod tests {
    use super::super::der::{bit_string, element, tag};
    use super::*;

    #[test]
    fn a_key_that_carries_anything_else_is_not_canonical() {
        let ed25519: &[u8] = &[6, 3, 0x2b, 0x65, 0x70];
        let bits = bit_string(&[7; 32]);
        let text = element(tag::UTF8_STRING, &[b"luggage"]);
        for (algorithm, behind, canonical) in [
            (&[ed25519][..], &[][..], true),
            (&[ed25519, &text], &[], false),
            (&[ed25519, &[5, 0]], &[], false),
            (&[ed25519], &text, false),
        ] {
            let der = element(tag::SEQUENCE, &[&element(tag::SEQUENCE, algorithm), &bits, behind]);
            // Whether it is read at all is the parser's affair.
            let read = PublicKey::from_der(&der).is_ok_and(|key| key.is_canonical());
            assert_eq!(read, canonical, "{der:02x?}");
        }
    }
}
