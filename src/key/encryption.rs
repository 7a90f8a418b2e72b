//! Encrypted PKCS#8 (RFC 5958 section 3, RFC 8018): one way to write it, several to read it.

use pkcs8::der::asn1::{AnyRef, OctetStringRef};
use pkcs8::der::{Decode, Encode, Error, ErrorKind};
use pkcs8::pkcs5::pbes2::{Kdf, PBES2_OID, Parameters};
use pkcs8::spki::AlgorithmIdentifierRef;
use pkcs8::{EncryptedPrivateKeyInfoRef, PrivateKeyInfoRef, pkcs5};
use ring::rand::{SecureRandom, SystemRandom};
use zeroize::Zeroizing;

use super::document::in_words;
use super::secret::encoding;
use super::{KeyError, oid};

/// What is written is PBKDF2 and not scrypt: OpenSSL 3.0 gives scrypt no more than 32 MiB, which is
/// below what OWASP asks for (N = 2¹⁷, 128 MiB), and many tools written in Go read PBKDF2 only.
/// 600,000 iterations of HMAC-SHA-256 are OWASP's own figure (Password Storage Cheat Sheet, PBKDF2).
const ITERATIONS: u32 = 600_000;
/// RFC 8018 section 4.1 asks for 8 bytes of salt at least, NIST SP 800-132 section 5.1 for 16.
const SALT_LENGTH: usize = 16;
/// The block of AES, and so the length of the initialization vector.
const BLOCK_LENGTH: usize = 16;

/// A hostile file must not hold the machine: RFC 8018 section 4.2 ends at 10,000,000 iterations, for
/// "especially critical keys".
const MOST_ITERATIONS: u32 = 10_000_000;
/// Twice the memory of OWASP's strongest scrypt (N = 2¹⁷, r = 8): 128·N·r bytes.
const MOST_MEMORY: u64 = 256 << 20;
/// Sixteen times the work of OWASP's strongest scrypt: N·r·p.
const MOST_WORK: u64 = 1 << 24;

/// A passphrase. It is wiped when dropped, and shown nowhere.
pub struct Passphrase(Zeroizing<String>);

impl Passphrase {
    /// Takes the passphrase as it is, with its spaces; its bytes are those of UTF-8 (RFC 8018 section 3).
    pub fn new(text: Zeroizing<String>) -> Self {
        Self(text)
    }

    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<String> for Passphrase {
    fn from(text: String) -> Self {
        Self(Zeroizing::new(text))
    }
}

/// Decrypts an `EncryptedPrivateKeyInfo` to the PKCS#8 document in it.
pub(super) fn decrypt(der: &[u8], passphrase: Option<&Passphrase>) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let (scheme, data) = AnyRef::from_der(der)
        .and_then(|document| {
            document.sequence(|reader| {
                Ok((AlgorithmIdentifierRef::decode(reader)?, <&OctetStringRef>::decode(reader)?))
            })
        })
        .map_err(malformed)?;
    if scheme.oid != PBES2_OID {
        return Err(KeyError::Encryption { scheme: oid::name(scheme.oid) });
    }
    let parameters = scheme.parameters.ok_or_else(|| KeyError::MalformedEncrypted {
        reason: "the encryption has no parameters".to_owned(),
    })?;
    let parameters = Parameters::try_from(parameters).map_err(malformed)?;
    check_cost(&parameters.kdf)?;
    let passphrase = passphrase.ok_or(KeyError::Encrypted)?;
    let mut buffer = Zeroizing::new(data.as_bytes().to_vec());
    let length = parameters
        .decrypt_in_place(passphrase.0.as_bytes(), &mut buffer)
        .map_err(|error| match error {
            pkcs5::Error::UnsupportedAlgorithm { oid } | pkcs5::Error::AlgorithmParametersInvalid { oid } => {
                KeyError::Encryption { scheme: oid::name(oid) }
            }
            _ => KeyError::WrongPassphrase,
        })?
        .len();
    buffer.truncate(length);
    // One wrong passphrase in 256 leaves a padding that looks right, with noise before it.
    match PrivateKeyInfoRef::from_der(&buffer) {
        Ok(_) => Ok(buffer),
        Err(_) => Err(KeyError::WrongPassphrase),
    }
}

fn malformed(error: Error) -> KeyError {
    match error.kind() {
        ErrorKind::OidUnknown { oid } => KeyError::Encryption { scheme: oid::name(oid) },
        _ => KeyError::MalformedEncrypted { reason: in_words(&error).to_owned() },
    }
}

/// Refuses a key derivation that would take the machine down, or that no one can mean.
fn check_cost(derivation: &Kdf) -> Result<(), KeyError> {
    let nothing =
        || KeyError::MalformedEncrypted { reason: "the key derivation has a parameter of zero".to_owned() };
    match derivation {
        Kdf::Pbkdf2(parameters) => match parameters.iteration_count {
            0 => Err(nothing()),
            count if count > MOST_ITERATIONS => {
                Err(KeyError::TooCostly { what: format!("{count} iterations of PBKDF2"), limit: "10000000" })
            }
            _ => Ok(()),
        },
        Kdf::Scrypt(parameters) => {
            let (n, r) = (parameters.cost_parameter, u64::from(parameters.block_size));
            let p = u64::from(parameters.parallelization);
            if n == 0 || r == 0 || p == 0 {
                return Err(nothing());
            }
            let memory = n.saturating_mul(r).saturating_mul(128);
            if memory > MOST_MEMORY {
                let what = format!("{} MiB of memory for scrypt", memory >> 20);
                return Err(KeyError::TooCostly { what, limit: "256" });
            }
            if n.saturating_mul(r).saturating_mul(p) > MOST_WORK {
                let what = format!("scrypt with N = {n}, r = {r}, p = {p}");
                return Err(KeyError::TooCostly { what, limit: "N·r·p = 16777216" });
            }
            Ok(())
        }
        _ => Err(KeyError::Encryption { scheme: oid::name(derivation.oid()) }),
    }
}

/// Encrypts a PKCS#8 document: PBES2 with PBKDF2-HMAC-SHA-256 and AES-256-CBC.
pub(super) fn encrypt(document: &[u8], passphrase: &Passphrase) -> Result<Vec<u8>, KeyError> {
    if passphrase.is_empty() {
        return Err(KeyError::EmptyPassphrase);
    }
    let random = SystemRandom::new();
    let (mut salt, mut vector) = ([0; SALT_LENGTH], [0; BLOCK_LENGTH]);
    random.fill(&mut salt).and_then(|()| random.fill(&mut vector)).map_err(|_| KeyError::Random)?;
    let parameters =
        Parameters::generate_pbkdf2_sha256_aes256cbc(ITERATIONS, &salt, vector).map_err(encoding)?;
    // Room for the padding from the start: a buffer that grows leaves copies behind.
    let mut buffer = Zeroizing::new(Vec::with_capacity(document.len() + BLOCK_LENGTH));
    buffer.extend_from_slice(document);
    buffer.resize(document.len() + BLOCK_LENGTH, 0);
    let data = parameters
        .encrypt_in_place(passphrase.0.as_bytes(), &mut buffer, document.len())
        .map_err(encoding)?;
    let info = EncryptedPrivateKeyInfoRef {
        encryption_algorithm: parameters.into(),
        encrypted_data: OctetStringRef::new(data).map_err(encoding)?,
    };
    info.to_der().map_err(encoding)
}
