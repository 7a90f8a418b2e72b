//! The secret itself, apart from any file: making it, checking it, signing with it.

use pkcs8::der::{Decode, Encode};
use pkcs8::spki::SubjectPublicKeyInfoRef;
use ring::error::KeyRejected;
use ring::rand::{SecureRandom, SystemRandom};
use ring::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm,
    Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair,
};
use rsa::pkcs1::{EncodeRsaPrivateKey, RsaPrivateKeyRef};
use rsa::rand_core::{TryCryptoRng, TryRng};
use zeroize::Zeroizing;

use super::document::in_words;
use super::{KeyAlgorithm, KeyError, KeyForm, oid};

/// The bytes of an Ed25519 seed (RFC 8032 section 5.1.5).
const SEED_LENGTH: usize = 32;
/// The greatest RSA exponent that signers and verifiers agree to take: 2³³ − 1, ring's limit.
const GREATEST_EXPONENT: u64 = (1 << 33) - 1;
/// The least: F4. Smaller ones are refused by FIPS 186-5 section 5.1 (2¹⁶ < e).
const LEAST_EXPONENT: u64 = 65_537;

/// What must stay secret, wiped when dropped: of an RSA key the PKCS#1 document, of an ECDSA key the
/// private scalar at its full length, of an Ed25519 key the seed.
pub(super) struct Secret {
    pub(super) algorithm: KeyAlgorithm,
    pub(super) bytes: Zeroizing<Vec<u8>>,
}

/// A secret and its public key.
pub(super) struct Pair {
    pub(super) secret: Secret,
    pub(super) public: Public,
    /// Where the signer had to be built for a check, it is kept.
    pub(super) signer: Option<Signer>,
}

/// A public key as a `SubjectPublicKeyInfo`.
pub(super) struct Public {
    pub(super) der: Vec<u8>,
    /// Where the contents of the BIT STRING start, which end with the document.
    raw_start: usize,
}

impl Public {
    fn new(algorithm: KeyAlgorithm, raw: &[u8]) -> Result<Self, KeyError> {
        let info = SubjectPublicKeyInfoRef {
            algorithm: oid::key_identifier(algorithm),
            subject_public_key: pkcs8::der::asn1::BitStringRef::from_bytes(raw).map_err(encoding)?,
        };
        let der = info.to_der().map_err(encoding)?;
        Ok(Self { raw_start: der.len().saturating_sub(raw.len()), der })
    }

    /// The contents of the BIT STRING.
    pub(super) fn raw(&self) -> &[u8] {
        self.der.get(self.raw_start..).unwrap_or_default()
    }
}

/// What an encoder would not write; why, only a programmer can tell.
pub(super) fn encoding(_: impl std::fmt::Display) -> KeyError {
    KeyError::Encoding { reason: "a part of it has no form in DER".to_owned() }
}

/// A key that is ready to sign.
pub(super) enum Signer {
    Rsa(Box<RsaKeyPair>),
    Ecdsa(Box<EcdsaKeyPair>),
    Ed25519(Box<Ed25519KeyPair>),
}

impl Signer {
    pub(super) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        let random = SystemRandom::new();
        match self {
            // ring verifies the signature that it made, so a key whose parts do not fit gives none.
            Self::Rsa(key) => {
                let mut signature = vec![0; key.public().modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature)
                    .map_err(|_| KeyError::Signing)?;
                Ok(signature)
            }
            Self::Ecdsa(key) => {
                let signature = key.sign(&random, message).map_err(|_| KeyError::Random)?;
                Ok(signature.as_ref().to_vec())
            }
            Self::Ed25519(key) => Ok(key.sign(message).as_ref().to_vec()),
        }
    }
}

impl Secret {
    /// Builds the signer; for ECDSA this also checks that the public key is the secret's own.
    pub(super) fn signer(&self, raw_public: &[u8]) -> Result<Signer, KeyError> {
        let rejected = |error: KeyRejected| rejected(self.algorithm, &error);
        match ecdsa(self.algorithm) {
            Some(curve) => {
                let random = SystemRandom::new();
                EcdsaKeyPair::from_private_key_and_public_key(curve, &self.bytes, raw_public, &random)
                    .map(|key| Signer::Ecdsa(Box::new(key)))
                    .map_err(|error| match error.to_string().as_str() {
                        "InconsistentComponents" => KeyError::PublicKeyMismatch,
                        _ => rejected(error),
                    })
            }
            None if self.algorithm.is_rsa() => {
                RsaKeyPair::from_der(&self.bytes).map(|key| Signer::Rsa(Box::new(key))).map_err(rejected)
            }
            None => Ed25519KeyPair::from_seed_unchecked(&self.bytes)
                .map(|key| Signer::Ed25519(Box::new(key)))
                .map_err(rejected),
        }
    }
}

fn ecdsa(algorithm: KeyAlgorithm) -> Option<&'static EcdsaSigningAlgorithm> {
    match algorithm {
        KeyAlgorithm::EcdsaP256 => Some(&ECDSA_P256_SHA256_ASN1_SIGNING),
        KeyAlgorithm::EcdsaP384 => Some(&ECDSA_P384_SHA384_ASN1_SIGNING),
        _ => None,
    }
}

fn rejected(algorithm: KeyAlgorithm, error: &KeyRejected) -> KeyError {
    // ring says why in a word of its own making.
    let reason = match error.to_string().as_str() {
        "InvalidComponent" => "one of its numbers is none that it may have",
        "InconsistentComponents" => "its numbers do not belong together",
        "InvalidEncoding" => "its numbers are not where they belong",
        "TooSmall" => "it is too short",
        "TooLarge" => "it is too long",
        "PrivateModulusLenNotMultipleOf512Bits" => "the length of its primes is not a multiple of 512 bits",
        "VersionNotSupported" => "its version is none that is read",
        _ => "it is none that can sign",
    };
    KeyError::Malformed { form: KeyForm::default_for(algorithm), reason: reason.to_owned() }
}

/// Makes a new key.
pub(super) fn generate(algorithm: KeyAlgorithm) -> Result<Pair, KeyError> {
    if let Some(curve) = ecdsa(algorithm) {
        return generate_ecdsa(algorithm, curve);
    }
    match algorithm {
        KeyAlgorithm::Rsa3072 => generate_rsa(algorithm, 3072),
        KeyAlgorithm::Rsa4096 => generate_rsa(algorithm, 4096),
        KeyAlgorithm::Ed25519 => {
            let mut seed = Zeroizing::new(vec![0; SEED_LENGTH]);
            SystemRandom::new().fill(&mut seed).map_err(|_| KeyError::Random)?;
            ed25519(seed, &[])
        }
        _ => generate_rsa(algorithm, 2048),
    }
}

/// ring hands the new key out only as a PKCS#8 document, from which the two halves are taken. It
/// stands on the stack and gives no way to wipe it. The signer is left for later: it would cost as
/// much again, and most keys of a cluster never sign here.
fn generate_ecdsa(algorithm: KeyAlgorithm, curve: &'static EcdsaSigningAlgorithm) -> Result<Pair, KeyError> {
    let random = SystemRandom::new();
    let document = EcdsaKeyPair::generate_pkcs8(curve, &random).map_err(|_| KeyError::Random)?;
    let info = pkcs8::PrivateKeyInfoRef::from_der(document.as_ref()).map_err(encoding)?;
    let key = sec1::EcPrivateKey::from_der(info.private_key.as_bytes()).map_err(encoding)?;
    let raw = key.public_key.ok_or_else(|| encoding("no public key"))?;
    Ok(Pair {
        secret: Secret { algorithm, bytes: Zeroizing::new(key.private_key.to_vec()) },
        public: Public::new(algorithm, raw)?,
        signer: None,
    })
}

/// The public exponent is 65537, the default of the crate `rsa`. The signer is built at once:
/// beside the search for primes it costs nothing, and it proves that ring takes the key.
fn generate_rsa(algorithm: KeyAlgorithm, bits: usize) -> Result<Pair, KeyError> {
    let failed = |reason: &str| KeyError::Generation { algorithm, reason: reason.to_owned() };
    let key = rsa::PrivateKey::new(&mut SystemRng(SystemRandom::new()), bits)
        .map_err(|_| failed("no primes were found for it"))?;
    let document = key.to_pkcs1_der().map_err(|_| failed("its numbers have no form in DER"))?;
    let parts = RsaPrivateKeyRef::from_der(document.as_bytes()).map_err(encoding)?;
    let raw = parts.public_key().to_der().map_err(encoding)?;
    let secret = Secret { algorithm, bytes: document.to_bytes() };
    let signer = Some(secret.signer(&raw)?);
    Ok(Pair { secret, public: Public::new(algorithm, &raw)?, signer })
}

/// The system's random numbers, in the shape that the crate `rsa` asks for.
struct SystemRng(SystemRandom);

impl TryRng for SystemRng {
    type Error = ring::error::Unspecified;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        let mut bytes = Zeroizing::new([0; 4]);
        self.0.fill(&mut *bytes)?;
        Ok(u32::from_ne_bytes(*bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        let mut bytes = Zeroizing::new([0; 8]);
        self.0.fill(&mut *bytes)?;
        Ok(u64::from_ne_bytes(*bytes))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Self::Error> {
        self.0.fill(bytes)
    }
}

impl TryCryptoRng for SystemRng {}

/// An Ed25519 pair from its seed; `claimed` are the public keys that stood beside it.
pub(super) fn ed25519(seed: Zeroizing<Vec<u8>>, claimed: &[&[u8]]) -> Result<Pair, KeyError> {
    let algorithm = KeyAlgorithm::Ed25519;
    let key = Ed25519KeyPair::from_seed_unchecked(&seed).map_err(|error| rejected(algorithm, &error))?;
    let raw = key.public_key().as_ref();
    if claimed.iter().any(|claim| *claim != raw) {
        return Err(KeyError::PublicKeyMismatch);
    }
    let public = Public::new(algorithm, raw)?;
    Ok(Pair {
        secret: Secret { algorithm, bytes: seed },
        public,
        signer: Some(Signer::Ed25519(Box::new(key))),
    })
}

/// An ECDSA pair from its private scalar; `claimed` are the public keys that stood beside it, in any
/// of the forms of SEC 1 section 2.3.3 but the hybrid one.
pub(super) fn elliptic(
    algorithm: KeyAlgorithm,
    form: KeyForm,
    scalar: &[u8],
    claimed: &[&[u8]],
) -> Result<Pair, KeyError> {
    let secret = Secret { algorithm, bytes: full_length(algorithm, form, scalar)? };
    let uncompressed = claimed.iter().find(|claim| claim.first() == Some(&4));
    let raw = match uncompressed {
        Some(claim) => claim.to_vec(),
        None => derive(&secret, form)?,
    };
    // Where it was not derived from the scalar, this is what proves that it belongs to it.
    let signer = Some(secret.signer(&raw)?);
    let compressed = compress(&raw);
    if claimed.iter().any(|claim| **claim != *raw && **claim != *compressed) {
        return Err(KeyError::PublicKeyMismatch);
    }
    Ok(Pair { secret, public: Public::new(algorithm, &raw)?, signer })
}

/// The scalar at the length of the curve's order (RFC 5915 section 3). Older writers dropped leading
/// zeros or added some; OpenSSL and Go read both.
fn full_length(
    algorithm: KeyAlgorithm,
    form: KeyForm,
    scalar: &[u8],
) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let length: usize = if algorithm == KeyAlgorithm::EcdsaP384 { 48 } else { 32 };
    let zeros = scalar.iter().take_while(|byte| **byte == 0).count();
    let significant = scalar.get(zeros..).unwrap_or_default();
    let missing = length.checked_sub(significant.len()).ok_or_else(|| KeyError::Malformed {
        form,
        reason: "the private scalar is longer than the curve's order".to_owned(),
    })?;
    let mut full = Zeroizing::new(Vec::with_capacity(length));
    full.resize(missing, 0);
    full.extend_from_slice(significant);
    Ok(full)
}

/// The uncompressed public point of a scalar. ring checks a public key but does not hand out one.
fn derive(secret: &Secret, form: KeyForm) -> Result<Vec<u8>, KeyError> {
    use p256::elliptic_curve::sec1::ToSec1Point as _;
    let point = if secret.algorithm == KeyAlgorithm::EcdsaP384 {
        p384::SecretKey::from_slice(&secret.bytes)
            .map(|key| key.public_key().to_sec1_point(false).as_bytes().to_vec())
    } else {
        p256::SecretKey::from_slice(&secret.bytes)
            .map(|key| key.public_key().to_sec1_point(false).as_bytes().to_vec())
    };
    point.map_err(|_| KeyError::Malformed {
        form,
        reason: "the private scalar is not between 1 and the curve's order".to_owned(),
    })
}

/// The compressed form of an uncompressed point: the parity of y and x (SEC 1 section 2.3.3).
fn compress(point: &[u8]) -> Vec<u8> {
    let parity = point.last().map_or(2, |byte| 2 + (byte & 1));
    let (x, _) = point.get(1..).map_or((&[][..], &[][..]), |both| both.split_at(both.len() / 2));
    std::iter::once(parity).chain(x.iter().copied()).collect()
}

/// An RSA pair from its PKCS#1 document; `claimed` are the public keys that stood beside it.
pub(super) fn rsa(document: &[u8], claimed: &[&[u8]]) -> Result<Pair, KeyError> {
    let malformed = |reason: String| KeyError::Malformed { form: KeyForm::Pkcs1, reason };
    let parts =
        RsaPrivateKeyRef::from_der(document).map_err(|error| malformed(in_words(&error).to_owned()))?;
    if parts.other_prime_infos.is_some() {
        return Err(KeyError::RsaMultiPrime);
    }
    let bits = bit_length(parts.modulus.as_bytes());
    let algorithm = KeyAlgorithm::rsa(bits).ok_or(KeyError::RsaSize { bits })?;
    check_exponent(parts.public_exponent.as_bytes())?;
    let raw = parts.public_key().to_der().map_err(encoding)?;
    // ring looks at neither d nor dP and dQ before it signs. The crate `rsa` checks n = p·q and
    // d·e ≡ 1, and works out the rest anew: what it writes must be what was read.
    let inconsistent = || malformed("its numbers do not belong together".to_owned());
    let checked = rsa::PrivateKey::try_from(parts).map_err(|_| inconsistent())?;
    if checked.to_pkcs1_der().map_err(|_| inconsistent())?.as_bytes() != document {
        return Err(inconsistent());
    }
    if claimed.iter().any(|claim| *claim != raw) {
        return Err(KeyError::PublicKeyMismatch);
    }
    let secret = Secret { algorithm, bytes: Zeroizing::new(document.to_vec()) };
    let signer = Some(secret.signer(&raw)?);
    Ok(Pair { secret, public: Public::new(algorithm, &raw)?, signer })
}

fn check_exponent(bytes: &[u8]) -> Result<(), KeyError> {
    if bytes.len() > size_of::<u64>() {
        return Err(KeyError::RsaExponent { exponent: "of more than 64 bits".to_owned() });
    }
    let exponent = bytes.iter().fold(0, |value: u64, byte| value << 8 | u64::from(*byte));
    if (LEAST_EXPONENT..=GREATEST_EXPONENT).contains(&exponent) {
        return Ok(());
    }
    Err(KeyError::RsaExponent { exponent: exponent.to_string() })
}

/// The length of an unsigned big-endian number in bits.
fn bit_length(bytes: &[u8]) -> usize {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    let significant = bytes.get(zeros..).unwrap_or_default();
    let unused = significant.first().map_or(0, |byte| byte.leading_zeros() as usize);
    significant.len() * 8 - unused
}
