//! Key pairs: made, read and written, in the form in which they stood.
//!
//! The one room that touches private keys, and the only door to ring's signing, and to the crates
//! `rsa`, `pkcs8`, `sec1`, `p256`, `p384` and `p521`. Every buffer that holds a secret is wiped when it is
//! dropped, and nothing here prints one.

mod algorithm;
mod document;
mod encryption;
mod error;
mod facts;
mod oid;
mod secret;
#[cfg(test)]
mod tests;

use std::fmt::{self, Write as _};
use std::sync::OnceLock;

use zeroize::Zeroizing;

pub use self::algorithm::{KeyAlgorithm, KeyForm};
pub use self::encryption::Passphrase;
pub use self::error::KeyError;
pub use self::facts::{PrivateKeyFacts, algorithm_name};
use self::secret::{Pair, Public, Secret, Signer};
use crate::pem;

/// A private key and its public key, in the form of its file.
pub struct KeyPair {
    form: KeyForm,
    encrypted: bool,
    /// The key as DER in its form: the bytes that were read, or those that are to be written.
    document: Zeroizing<Vec<u8>>,
    secret: Secret,
    public: Public,
    /// Built when it is first needed.
    signer: OnceLock<Signer>,
}

impl fmt::Debug for KeyPair {
    /// The algorithm and the SHA-256 of the public key, nothing else.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digest = ring::digest::digest(&ring::digest::SHA256, &self.public.der);
        let mut fingerprint = String::from("SHA256:");
        for byte in digest.as_ref() {
            write!(fingerprint, "{byte:02x}")?;
        }
        f.debug_struct("KeyPair")
            .field("algorithm", &self.algorithm())
            .field("public_key", &format_args!("{fingerprint}"))
            .finish_non_exhaustive()
    }
}

impl KeyPair {
    /// Makes a new key pair, in the form that kubeadm would write ([`KeyForm::default_for`]).
    ///
    /// # Errors
    ///
    /// Fails when the system's random number generator does ([`KeyError::Random`],
    /// [`KeyError::Generation`]).
    pub fn generate(algorithm: KeyAlgorithm) -> Result<Self, KeyError> {
        let pair = secret::generate(algorithm)?;
        let form = KeyForm::default_for(algorithm);
        let document = document::write(form, &pair.secret, &pair.public)?;
        Ok(Self::new(pair, form, document, false))
    }

    fn new(pair: Pair, form: KeyForm, document: Zeroizing<Vec<u8>>, encrypted: bool) -> Self {
        let signer = pair.signer.map_or_else(OnceLock::new, OnceLock::from);
        Self { form, encrypted, document, secret: pair.secret, public: pair.public, signer }
    }

    /// The same key in another form.
    ///
    /// # Errors
    ///
    /// [`KeyError::Form`] if the algorithm has no such form.
    pub fn with_form(self, form: KeyForm) -> Result<Self, KeyError> {
        if form == self.form {
            return Ok(self);
        }
        let document = document::write(form, &self.secret, &self.public)?;
        Ok(Self { form, document, ..self })
    }

    /// Reads the private key of a PEM text, among certificates and whatever else is not a private
    /// key; or of a DER document (PKCS#8, encrypted PKCS#8, PKCS#1 or SEC 1).
    ///
    /// Whatever stands in the file is checked: the numbers of an RSA key belong together, and a
    /// public key is that of the private key. One that is missing is derived.
    ///
    /// # Errors
    ///
    /// [`KeyError::NoPrivateKey`], [`KeyError::SeveralPrivateKeys`], [`KeyError::Encrypted`] without
    /// a passphrase where one is needed, [`KeyError::WrongPassphrase`]; and one for each thing that
    /// is malformed, not supported or too weak.
    pub fn from_pem(text: &[u8], passphrase: Option<&Passphrase>) -> Result<Self, KeyError> {
        let blocks = pem::parse(text)?;
        if blocks.is_empty() {
            let label = document::label_of(text).ok_or(KeyError::NoPrivateKey)?;
            return Self::from_der(label, text, passphrase);
        }
        let mut keys = blocks.iter().filter(|block| block.label.ends_with(pem::PRIVATE_KEY));
        let block = keys.next().ok_or(KeyError::NoPrivateKey)?;
        let (line, label) = (block.span.first_line, block.label.clone());
        if let Some(other) = keys.next() {
            return Err(KeyError::SeveralPrivateKeys { first: line, second: other.span.first_line });
        }
        let known = [pem::PRIVATE_KEY, pem::ENCRYPTED_PRIVATE_KEY, pem::RSA_PRIVATE_KEY, pem::EC_PRIVATE_KEY];
        if !known.contains(&block.label.as_str()) {
            return Err(KeyError::Label { line, label });
        }
        match document::label_of(&block.der) {
            Some(holds) if holds != block.label => Err(KeyError::Mislabelled { line, label, holds }),
            _ => Self::from_der(&block.label, &block.der, passphrase),
        }
    }

    fn from_der(label: &str, der: &[u8], passphrase: Option<&Passphrase>) -> Result<Self, KeyError> {
        if label == pem::ENCRYPTED_PRIVATE_KEY {
            let document = encryption::decrypt(der, passphrase)?;
            let pair = document::read(KeyForm::Pkcs8, &document)?;
            return Ok(Self::new(pair, KeyForm::Pkcs8, document, true));
        }
        let form = match label {
            pem::RSA_PRIVATE_KEY => KeyForm::Pkcs1,
            pem::EC_PRIVATE_KEY => KeyForm::Sec1,
            _ => KeyForm::Pkcs8,
        };
        let pair = document::read(form, der)?;
        Ok(Self::new(pair, form, Zeroizing::new(der.to_vec()), false))
    }

    /// The private key as PEM, unencrypted, in its form: of a key that was read, the very bytes.
    pub fn to_pem(&self) -> Zeroizing<String> {
        pem::encode(self.form.label(), &self.document)
    }

    /// The private key as encrypted PKCS#8 in PEM: PBES2 (RFC 8018) with PBKDF2-HMAC-SHA-256, 600,000
    /// iterations, and AES-256-CBC. Takes a good part of a second, by design.
    ///
    /// # Errors
    ///
    /// [`KeyError::EmptyPassphrase`], and [`KeyError::Random`] when the system has no randomness.
    pub fn to_encrypted_pem(&self, passphrase: &Passphrase) -> Result<Zeroizing<String>, KeyError> {
        let encrypted = if self.form == KeyForm::Pkcs8 {
            encryption::encrypt(&self.document, passphrase)?
        } else {
            encryption::encrypt(&self.to_pkcs8_der()?, passphrase)?
        };
        Ok(pem::encode(pem::ENCRYPTED_PRIVATE_KEY, &encrypted))
    }

    /// The private key as PKCS#8 in DER, unencrypted, whatever its form: for those who sign with it elsewhere.
    ///
    /// # Errors
    ///
    /// [`KeyError::Encoding`], which no key that was read or made gives.
    pub(crate) fn to_pkcs8_der(&self) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        document::write(KeyForm::Pkcs8, &self.secret, &self.public)
    }

    /// The kind of key.
    pub fn algorithm(&self) -> KeyAlgorithm {
        self.secret.algorithm
    }

    /// The form of the private key: as it was read, or as it is to be written.
    pub fn form(&self) -> KeyForm {
        self.form
    }

    /// Whether the key was read from an encrypted file, and so should be written to one.
    pub fn is_encrypted(&self) -> bool {
        self.encrypted
    }

    /// The public key as the DER of a `SubjectPublicKeyInfo` (RFC 5280 section 4.1).
    pub fn public_key_der(&self) -> &[u8] {
        &self.public.der
    }

    /// The public key as PEM, labelled `PUBLIC KEY`.
    pub fn public_key_pem(&self) -> String {
        pem::encode(pem::PUBLIC_KEY, &self.public.der).as_str().to_owned()
    }

    /// The contents of the BIT STRING of the `SubjectPublicKeyInfo`: an `RSAPublicKey`, an
    /// uncompressed point, or the 32 bytes of an Ed25519 key.
    pub fn raw_public_key(&self) -> &[u8] {
        self.public.raw()
    }

    /// Signs a message, as in a certificate: RSA by PKCS#1 v1.5 with SHA-256, P-256 with SHA-256 and
    /// P-384 with SHA-384 as an `ECDSA-Sig-Value`, or Ed25519. [`Self::signature_algorithm_der`] is
    /// its name.
    ///
    /// # Errors
    ///
    /// [`KeyError::Random`] when the system has no randomness, [`KeyError::Signing`] when the key is
    /// broken in a way that shows only now.
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        if let Some(signer) = self.signer.get() {
            return signer.sign(message);
        }
        let signer = self.secret.signer(self.public.raw())?;
        self.signer.get_or_init(|| signer).sign(message)
    }

    /// The DER of the `AlgorithmIdentifier` of what [`Self::sign`] makes.
    pub fn signature_algorithm_der(&self) -> &'static [u8] {
        oid::signature_identifier(self.algorithm())
    }
}
