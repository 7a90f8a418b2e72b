//! Signatures: which algorithm it is, and whether it holds.
//!
//! ring verifies what it can. What Go's verifier accepts beyond that (P-521, a digest that does not go with the curve,
//! RSA keys of sizes that ring leaves out) is verified by the crates of `RustCrypto`.

use std::fmt;
use std::ops::RangeInclusive;

use ml_dsa::{EncodedSignature, EncodedVerifyingKey, MlDsa44, MlDsa65, MlDsa87, MlDsaParams};
use ring::digest;
use ring::signature::{self, UnparsedPublicKey, VerificationAlgorithm};
use rsa::signature::hazmat::PrehashVerifier as _;
use rsa::{BoxedUint, Pkcs1v15Sign, Pss};
use sha2::{Sha256, Sha384, Sha512};

use super::der::{elements, read, tag};
use super::text::is_deceptive;
use super::{PublicKey, PublicKeyKind};

/// Digests that signatures are made over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DigestAlgorithm {
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

impl DigestAlgorithm {
    fn of(self, message: &[u8]) -> digest::Digest {
        let algorithm = match self {
            Self::Sha256 => &digest::SHA256,
            Self::Sha384 => &digest::SHA384,
            Self::Sha512 => &digest::SHA512,
        };
        digest::digest(algorithm, message)
    }

    fn bits(self) -> u16 {
        match self {
            Self::Sha256 => 256,
            Self::Sha384 => 384,
            Self::Sha512 => 512,
        }
    }

    /// Its length in octets.
    pub fn octets(self) -> usize {
        usize::from(self.bits() / 8)
    }

    /// By the content of its object identifier (RFC 5754 section 2.2).
    fn by_oid(oid: &[u8]) -> Option<Self> {
        match oid {
            [0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1] => Some(Self::Sha256),
            [0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 2] => Some(Self::Sha384),
            [0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 3] => Some(Self::Sha512),
            _ => None,
        }
    }
}

/// How something was signed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SignatureAlgorithm {
    /// RSASSA-PKCS1-v1_5 (RFC 8017 section 8.2).
    RsaPkcs1(DigestAlgorithm),
    /// RSASSA-PSS with the same digest for the mask and a salt as long as the digest (RFC 8017 section 8.1): the one form
    /// that Go and TLS 1.3 know.
    RsaPss(DigestAlgorithm),
    /// The same with a salt of another length, in octets (RFC 4055 section 3.1); openssl takes the longest that there is
    /// room for unless it is told otherwise.
    RsaPssSalted(DigestAlgorithm, usize),
    /// ECDSA (RFC 5758 section 3.2).
    Ecdsa(DigestAlgorithm),
    /// Ed25519 (RFC 8410).
    Ed25519,
    /// ML-DSA (RFC 9881): 44, 65 or 87.
    MlDsa(u8),
    /// Broken: its name, `SHA-1 with RSA` for example.
    Broken(&'static str),
    /// Not supported: its name, or its dotted object identifier.
    Unsupported(String),
}

/// Algorithms that are recognised to be refused by name: those that nobody should rely on (true), and those that no
/// verifier of Kubernetes knows.
const REFUSED: [(&str, bool, &str); 13] = [
    ("1.2.840.113549.1.1.2", true, "MD2 with RSA"),
    ("1.2.840.113549.1.1.4", true, "MD5 with RSA"),
    ("1.2.840.113549.1.1.5", true, "SHA-1 with RSA"),
    ("1.3.14.3.2.29", true, "SHA-1 with RSA"),
    ("1.2.840.10040.4.3", true, "DSA with SHA-1"),
    ("1.3.14.3.2.27", true, "DSA with SHA-1"),
    ("1.2.840.10045.4.1", true, "ECDSA with SHA-1"),
    ("2.16.840.1.101.3.4.3.1", false, "DSA with SHA-224"),
    ("2.16.840.1.101.3.4.3.2", false, "DSA with SHA-256"),
    ("1.2.840.113549.1.1.14", false, "SHA-224 with RSA"),
    ("1.2.840.10045.4.3.1", false, "ECDSA with SHA-224"),
    ("1.3.101.113", false, "Ed448"),
    ("1.2.156.10197.1.501", false, "SM2 with SM3"),
];

/// Why a signature does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignatureFault {
    /// The bytes around it are not what they should be.
    #[error("the signature cannot be read")]
    Malformed,
    /// The algorithm beside the signature is not the one that was signed.
    #[error("the algorithm beside the signature is not the one that was signed")]
    AlgorithmsDiffer,
    /// An algorithm that nobody should rely on.
    #[error("{0} proves nothing any more")]
    Broken(&'static str),
    /// An algorithm that is not supported.
    #[error("the signature algorithm {0} is not supported")]
    Unsupported(String),
    /// The key is of another kind than the algorithm.
    #[error("the signature is {algorithm}, and the issuer's key is {key}")]
    KeyKind {
        /// The algorithm.
        algorithm: String,
        /// The issuer's key.
        key: String,
    },
    /// The key is not supported or is no key.
    #[error("the issuer's key cannot be used: {0}")]
    Key(String),
    /// It is by another key.
    #[error("the signature does not verify with the issuer's key")]
    Mismatch,
}

impl SignatureAlgorithm {
    /// The algorithm of an `AlgorithmIdentifier`: its dotted object identifier and the DER of its parameters.
    pub fn new(oid: &str, parameters: Option<&[u8]>) -> Self {
        use DigestAlgorithm::{Sha256, Sha384, Sha512};
        match oid {
            "1.2.840.113549.1.1.11" => Self::RsaPkcs1(Sha256),
            "1.2.840.113549.1.1.12" => Self::RsaPkcs1(Sha384),
            "1.2.840.113549.1.1.13" => Self::RsaPkcs1(Sha512),
            "1.2.840.10045.4.3.2" => Self::Ecdsa(Sha256),
            "1.2.840.10045.4.3.3" => Self::Ecdsa(Sha384),
            "1.2.840.10045.4.3.4" => Self::Ecdsa(Sha512),
            // RFC 8410 section 3: the parameters MUST be absent.
            "1.3.101.112" if parameters.is_none() => Self::Ed25519,
            "2.16.840.1.101.3.4.3.17" if parameters.is_none() => Self::MlDsa(44),
            "2.16.840.1.101.3.4.3.18" if parameters.is_none() => Self::MlDsa(65),
            "2.16.840.1.101.3.4.3.19" if parameters.is_none() => Self::MlDsa(87),
            "1.3.101.112" => Self::Unsupported("Ed25519 with parameters".into()),
            "1.2.840.113549.1.1.10" => match parameters.and_then(pss_parameters) {
                Some((PssDigest::Sha1, _)) => Self::Broken("RSASSA-PSS with SHA-1"),
                Some((PssDigest::Sha2(digest), salt)) if salt == digest.octets() => Self::RsaPss(digest),
                Some((PssDigest::Sha2(digest), salt)) => Self::RsaPssSalted(digest, salt),
                None => Self::Unsupported("RSASSA-PSS with these parameters".into()),
            },
            _ => match REFUSED.iter().find(|(refused, ..)| *refused == oid) {
                Some((_, true, name)) => Self::Broken(name),
                Some((_, false, name)) => Self::Unsupported((*name).into()),
                None => Self::Unsupported(oid.chars().filter(|c| !is_deceptive(*c)).collect()),
            },
        }
    }

    /// Whether a signature over a message is by this key.
    ///
    /// # Errors
    /// Why it is not, or cannot be told.
    pub fn verify(&self, key: &PublicKey, message: &[u8], signature: &[u8]) -> Result<(), SignatureFault> {
        match self {
            Self::Broken(name) => return Err(SignatureFault::Broken(name)),
            Self::Unsupported(name) => return Err(SignatureFault::Unsupported(name.clone())),
            _ => {}
        }
        let bits = key.subject_public_key().ok_or(SignatureFault::Malformed)?;
        // RFC 4055 section 3.3: a key may be restricted to the parameters of its own algorithm identifier, and to salts that
        // are no shorter.
        let pss = match self {
            Self::RsaPss(digest) => Some((*digest, digest.octets())),
            Self::RsaPssSalted(digest, salt) => Some((*digest, *salt)),
            _ => None,
        };
        if let (Some((digest, salt)), PublicKeyKind::RsaPss { .. }, Some(own)) =
            (pss, key.kind(), key.parameters())
            && !pss_parameters(own)
                .is_some_and(|(own, least)| own == PssDigest::Sha2(digest) && least <= salt)
        {
            return Err(SignatureFault::Key("it is restricted to other parameters of RSASSA-PSS".into()));
        }
        if let Some(algorithm) = self.of_ring(key.kind()) {
            let verified = UnparsedPublicKey::new(algorithm, bits).verify(message, signature);
            return verified.map_err(|_| SignatureFault::Mismatch);
        }
        match (self, key.kind()) {
            (Self::RsaPkcs1(digest), PublicKeyKind::Rsa { .. }) => {
                verify_rsa(*digest, None, key, message, signature)
            }
            (Self::RsaPss(digest), PublicKeyKind::Rsa { .. } | PublicKeyKind::RsaPss { .. }) => {
                verify_rsa(*digest, Some(digest.octets()), key, message, signature)
            }
            (Self::RsaPssSalted(digest, salt), PublicKeyKind::Rsa { .. } | PublicKeyKind::RsaPss { .. }) => {
                verify_rsa(*digest, Some(*salt), key, message, signature)
            }
            (Self::MlDsa(set), PublicKeyKind::MlDsa(own)) if set == own => match set {
                44 => verify_ml_dsa::<MlDsa44>(bits, message, signature),
                65 => verify_ml_dsa::<MlDsa65>(bits, message, signature),
                _ => verify_ml_dsa::<MlDsa87>(bits, message, signature),
            },
            (Self::Ecdsa(digest), PublicKeyKind::Ec(curve)) => {
                verify_ecdsa(curve, bits, digest.of(message).as_ref(), signature)
            }
            _ => Err(SignatureFault::KeyKind { algorithm: self.to_string(), key: key.kind().to_string() }),
        }
    }

    /// ring's verifier, where it has one.
    fn of_ring(&self, key: &PublicKeyKind) -> Option<&'static dyn VerificationAlgorithm> {
        use DigestAlgorithm::{Sha256, Sha384, Sha512};
        /// The sizes of RSA moduli that ring verifies with every digest, in bits.
        const USUAL: RangeInclusive<usize> = 2048..=8192;
        /// Those that it verifies with SHA-256 and SHA-512 by PKCS#1 only. Go's limit is 1024 as well.
        const SHORT: std::ops::Range<usize> = 1024..2048;
        match (self, key) {
            (Self::RsaPkcs1(digest), PublicKeyKind::Rsa { bits, .. }) if USUAL.contains(bits) => {
                Some(match digest {
                    Sha256 => &signature::RSA_PKCS1_2048_8192_SHA256,
                    Sha384 => &signature::RSA_PKCS1_2048_8192_SHA384,
                    Sha512 => &signature::RSA_PKCS1_2048_8192_SHA512,
                })
            }
            (Self::RsaPkcs1(digest), PublicKeyKind::Rsa { bits, .. }) if SHORT.contains(bits) => match digest
            {
                Sha256 => Some(&signature::RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY),
                Sha512 => Some(&signature::RSA_PKCS1_1024_8192_SHA512_FOR_LEGACY_USE_ONLY),
                Sha384 => None,
            },
            (Self::RsaPss(digest), PublicKeyKind::Rsa { bits, .. } | PublicKeyKind::RsaPss { bits })
                if USUAL.contains(bits) =>
            {
                Some(match digest {
                    Sha256 => &signature::RSA_PSS_2048_8192_SHA256,
                    Sha384 => &signature::RSA_PSS_2048_8192_SHA384,
                    Sha512 => &signature::RSA_PSS_2048_8192_SHA512,
                })
            }
            (Self::Ecdsa(digest), PublicKeyKind::Ec(curve)) => match (curve.as_str(), digest) {
                ("P-256", Sha256) => Some(&signature::ECDSA_P256_SHA256_ASN1),
                ("P-256", Sha384) => Some(&signature::ECDSA_P256_SHA384_ASN1),
                ("P-384", Sha256) => Some(&signature::ECDSA_P384_SHA256_ASN1),
                ("P-384", Sha384) => Some(&signature::ECDSA_P384_SHA384_ASN1),
                _ => None,
            },
            (Self::Ed25519, PublicKeyKind::Ed25519) => Some(&signature::ED25519),
            _ => None,
        }
    }
}

/// RSA by keys or with salts that ring leaves out; `salt` is the length of the salt of RSASSA-PSS, none with PKCS#1.
fn verify_rsa(
    digest: DigestAlgorithm,
    salt: Option<usize>,
    key: &PublicKey,
    message: &[u8],
    signature: &[u8],
) -> Result<(), SignatureFault> {
    /// Bits of a modulus: from Go's minimum (crypto/rsa, "Minimum key size") to `OPENSSL_RSA_MAX_MODULUS_BITS`. A larger
    /// modulus is work for nothing.
    const SIZES: RangeInclusive<usize> = 1024..=16_384;
    let Some((modulus, exponent)) = key.rsa_numbers() else {
        return Err(SignatureFault::Key("it is no RSA key".into()));
    };
    if exponent.len() > size_of::<u64>() {
        return Err(SignatureFault::Key("its exponent is longer than 8 bytes".into()));
    }
    let number = BoxedUint::from_be_slice_vartime;
    let key = rsa::PublicKey::new_with_size_limits(number(modulus), number(exponent), SIZES)
        .map_err(|error| SignatureFault::Key(error.to_string()))?;
    let hash = digest.of(message);
    let hash = hash.as_ref();
    let verified = match (digest, salt) {
        (DigestAlgorithm::Sha256, Some(salt)) => {
            key.verify(Pss::<Sha256>::new_with_salt(salt), hash, signature)
        }
        (DigestAlgorithm::Sha384, Some(salt)) => {
            key.verify(Pss::<Sha384>::new_with_salt(salt), hash, signature)
        }
        (DigestAlgorithm::Sha512, Some(salt)) => {
            key.verify(Pss::<Sha512>::new_with_salt(salt), hash, signature)
        }
        (DigestAlgorithm::Sha256, None) => key.verify(Pkcs1v15Sign::new::<Sha256>(), hash, signature),
        (DigestAlgorithm::Sha384, None) => key.verify(Pkcs1v15Sign::new::<Sha384>(), hash, signature),
        (DigestAlgorithm::Sha512, None) => key.verify(Pkcs1v15Sign::new::<Sha512>(), hash, signature),
    };
    verified.map_err(|_| SignatureFault::Mismatch)
}

/// ML-DSA with an empty context (RFC 9881 section 3).
fn verify_ml_dsa<P: MlDsaParams>(key: &[u8], message: &[u8], signature: &[u8]) -> Result<(), SignatureFault> {
    let key = EncodedVerifyingKey::<P>::try_from(key)
        .map_err(|_| SignatureFault::Key("it has not the length of an ML-DSA key".into()))?;
    let signature = EncodedSignature::<P>::try_from(signature).map_err(|_| SignatureFault::Mismatch)?;
    let signature = ml_dsa::Signature::<P>::decode(&signature).ok_or(SignatureFault::Mismatch)?;
    let holds = ml_dsa::VerifyingKey::<P>::decode(&key).verify_with_context(message, &[], &signature);
    if holds { Ok(()) } else { Err(SignatureFault::Mismatch) }
}

/// ECDSA with a curve or a digest that ring leaves out; `hash` is the digest of the message.
fn verify_ecdsa(curve: &str, key: &[u8], hash: &[u8], signature: &[u8]) -> Result<(), SignatureFault> {
    let point = |_| SignatureFault::Key("it is no point of its curve".into());
    let mismatch = |_| SignatureFault::Mismatch;
    match curve {
        "P-256" => {
            let key = p256::ecdsa::VerifyingKey::from_sec1_bytes(key).map_err(point)?;
            let signature = p256::ecdsa::Signature::from_der(signature).map_err(mismatch)?;
            key.verify_prehash(hash, &signature).map_err(mismatch)
        }
        "P-384" => {
            let key = p384::ecdsa::VerifyingKey::from_sec1_bytes(key).map_err(point)?;
            let signature = p384::ecdsa::Signature::from_der(signature).map_err(mismatch)?;
            key.verify_prehash(hash, &signature).map_err(mismatch)
        }
        "P-521" => {
            let key = p521::ecdsa::VerifyingKey::from_sec1_bytes(key).map_err(point)?;
            let signature = p521::ecdsa::Signature::from_der(signature).map_err(mismatch)?;
            key.verify_prehash(hash, &signature).map_err(mismatch)
        }
        other => Err(SignatureFault::Key(format!("the curve {other} is not supported"))),
    }
}

/// The digest of RSASSA-PSS parameters.
#[derive(Clone, Copy, PartialEq, Eq)]
enum PssDigest {
    /// The default, with which nothing is proved.
    Sha1,
    Sha2(DigestAlgorithm),
}

/// The digest and the length of the salt of RSASSA-PSS parameters (RFC 4055 section 3.1) whose mask is made with the same
/// digest and whose trailer is the usual one.
fn pss_parameters(parameters: &[u8]) -> Option<(PssDigest, usize)> {
    let (sequence, []) = read(parameters)? else { return None };
    let mut fields = elements(sequence.content)?.into_iter().peekable();
    let mut field = |tag: u8| fields.next_if(|field| field.tag == tag).map(|field| field.content);
    let (hash, mask, salt, trailer) = (field(0xa0), field(0xa1), field(0xa2), field(0xa3));
    if sequence.tag != tag::SEQUENCE || fields.next().is_some() {
        return None;
    }
    let digest = hash.map_or(Some(PssDigest::Sha1), pss_digest)?;
    let mask = mask.map_or(Some(PssDigest::Sha1), |mask| {
        let (mgf1, hash) = identifier(mask)?;
        // id-mgf1
        (mgf1 == [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 8]).then(|| pss_digest(hash?))?
    })?;
    let salt = match salt {
        None => 20,
        Some([2, 1, length @ 0..0x80] | [2, 2, 0, length @ 0x80..=0xff]) => usize::from(*length),
        Some([2, 2, high @ 1..0x80, low]) => usize::from(*high) << 8 | usize::from(*low),
        Some(_) => return None,
    };
    // trailerField, whose only value is 1.
    (digest == mask && trailer.is_none_or(|trailer| trailer == [2, 1, 1])).then_some((digest, salt))
}

/// The digest of an `AlgorithmIdentifier`.
fn pss_digest(der: &[u8]) -> Option<PssDigest> {
    let (oid, parameters) = identifier(der)?;
    if parameters.is_some_and(|parameters| parameters != [5, 0]) {
        return None;
    }
    match oid {
        // id-sha1
        [0x2b, 0x0e, 3, 2, 0x1a] => Some(PssDigest::Sha1),
        oid => DigestAlgorithm::by_oid(oid).map(PssDigest::Sha2),
    }
}

/// The content of the identifier and the DER of the parameters of an `AlgorithmIdentifier`.
fn identifier(der: &[u8]) -> Option<(&[u8], Option<&[u8]>)> {
    let (algorithm, []) = read(der)? else { return None };
    match elements(algorithm.content)?.as_slice() {
        [oid] => Some((oid.content, None)),
        [oid, parameters] => Some((oid.content, Some(parameters.whole))),
        _ => None,
    }
}

impl fmt::Display for SignatureAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RsaPkcs1(digest) => write!(f, "SHA-{} with RSA", digest.bits()),
            Self::RsaPss(digest) => write!(f, "RSASSA-PSS with SHA-{}", digest.bits()),
            Self::RsaPssSalted(digest, salt) => {
                write!(f, "RSASSA-PSS with SHA-{} and a salt of {salt} octets", digest.bits())
            }
            Self::Ecdsa(digest) => write!(f, "ECDSA with SHA-{}", digest.bits()),
            Self::Ed25519 => f.write_str("Ed25519"),
            Self::MlDsa(set) => write!(f, "ML-DSA-{set}"),
            Self::Broken(name) => f.write_str(name),
            Self::Unsupported(name) => f.write_str(name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forge;
    use crate::x509::Certificate;

    fn read(forged: &forge::Forged) -> Certificate {
        Certificate::from_der(forged.der()).unwrap()
    }

    /// Whatever Go's verifier accepts holds, with one bit wrong it does not, and what it knows and refuses has its name.
    #[test]
    fn every_key_with_every_digest() {
        for (key, digests) in [
            ("p256", &["sha256", "sha384", "sha512"][..]),
            ("p384", &["sha256", "sha384", "sha512"]),
            ("p521", &["sha256", "sha384", "sha512"]),
            ("ed25519", &["default"]),
            ("rsa1024", &["sha256", "sha384", "sha512", "pss,sha256", "pss,sha384"]),
            ("rsa2048", &["sha256", "sha384", "sha512", "pss,sha256", "pss,sha384", "pss,sha512"]),
        ] {
            let root = forge::ca(&format!("key={key}"));
            let public = read(&root).tbs.public_key;
            for digest in digests {
                let verify = |spoilt: &str| {
                    read(&root.leaf(&format!("cn=a sig={digest}{spoilt}"))).verify_signature(&public)
                };
                assert_eq!(verify(""), Ok(()), "{key} {digest}");
                for spoilt in [",broken", ",other-key"] {
                    assert_eq!(verify(spoilt), Err(SignatureFault::Mismatch), "{key} {digest}{spoilt}");
                }
                assert_eq!(
                    verify(",outer-mismatch"),
                    Err(SignatureFault::AlgorithmsDiffer),
                    "{key} {digest}"
                );
                assert!(verify(",empty").is_err(), "{key} {digest}");
            }
        }
        for (key, signature, name) in [
            ("p256", "sha1", "ECDSA with SHA-1"),
            ("rsa2048", "sha1", "SHA-1 with RSA"),
            ("rsa2048", "md5", "MD5 with RSA"),
        ] {
            let root = forge::ca(&format!("key={key} sig={signature}"));
            let verified = read(&root).verify_signature(&read(&root).tbs.public_key);
            assert_eq!(verified, Err(SignatureFault::Broken(name)));
        }
    }
}
