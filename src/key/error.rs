//! What can go wrong with a key. Nothing here ever holds a part of one.

use super::{KeyAlgorithm, KeyForm};
use crate::pem::PemError;

/// Why a key could not be made, read, written or used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The name of no algorithm.
    #[error(
        "{name:?} is not a key algorithm; they are RSA-2048, RSA-3072, RSA-4096, ECDSA-P256, ECDSA-P384 and Ed25519"
    )]
    UnknownAlgorithm {
        /// The name, its first 40 characters.
        name: String,
    },
    /// The text is not PEM.
    #[error(transparent)]
    Pem(#[from] PemError),
    /// Neither a PEM block with a private key nor the DER of one.
    #[error("no private key is in it, neither as PEM nor as DER")]
    NoPrivateKey,
    /// More than one private key, and no way to know which is meant.
    #[error("line {second}: a second private key; the first is on line {first}")]
    SeveralPrivateKeys {
        /// The line of the first key's BEGIN.
        first: usize,
        /// The line of the second key's BEGIN.
        second: usize,
    },
    /// A private key under a label that is not read.
    #[error("line {line}: `{label}` is a form of private key that is not read")]
    Label {
        /// The line of the BEGIN.
        line: usize,
        /// The label.
        label: String,
    },
    /// The label says one form of key and the block holds another.
    #[error("line {line}: the block is labelled `{label}` and holds what belongs under `{holds}`")]
    Mislabelled {
        /// The line of the BEGIN.
        line: usize,
        /// The label.
        label: String,
        /// The label that would be right.
        holds: &'static str,
    },
    /// The key is encrypted and no passphrase was given.
    #[error("the private key is encrypted and no passphrase was given")]
    Encrypted,
    /// The passphrase did not decrypt the key.
    #[error("wrong passphrase, or the encrypted private key is damaged")]
    WrongPassphrase,
    /// An empty passphrase, to encrypt with.
    #[error("the passphrase is empty")]
    EmptyPassphrase,
    /// An encryption that is not read, or parameters that it cannot have.
    #[error(
        "the private key is encrypted with {scheme}; only PBES2 with AES-CBC or AES-GCM and PBKDF2 (SHA-2) or scrypt is read: convert with openssl pkcs8 -topk8 -v2 aes-256-cbc"
    )]
    Encryption {
        /// The name of what is not read, or its object identifier.
        scheme: String,
    },
    /// The key derivation of an encrypted key asks for more than is granted to a file.
    #[error("the encrypted private key asks for {what}, at most {limit} is granted")]
    TooCostly {
        /// What it asks for.
        what: String,
        /// The limit.
        limit: &'static str,
    },
    /// The structure of the key is broken.
    #[error("the {form} private key is malformed: {reason}")]
    Malformed {
        /// The form that was being read.
        form: KeyForm,
        /// What is wrong.
        reason: String,
    },
    /// The structure of the encrypted key is broken.
    #[error("the encrypted private key is malformed: {reason}")]
    MalformedEncrypted {
        /// What is wrong.
        reason: String,
    },
    /// A kind of key that is not supported.
    #[error("the private key is for {name}, which is not supported")]
    Unsupported {
        /// The name of the algorithm or curve, or its object identifier.
        name: String,
    },
    /// An RSA key of a size that is not supported.
    #[error("an RSA key of {bits} bits is not supported; 2048, 3072 and 4096 are")]
    RsaSize {
        /// The length of the modulus.
        bits: usize,
    },
    /// An RSA public exponent outside of 65537 to 2³³−1.
    #[error("the RSA public exponent {exponent} is not supported; it must be from 65537 to 8589934591")]
    RsaExponent {
        /// The exponent, or `of more than 64 bits`.
        exponent: String,
    },
    /// An RSA key of more than two primes (RFC 8017 section 3).
    #[error("RSA keys of more than two primes are not supported")]
    RsaMultiPrime,
    /// The public key in the file is not that of the private key in it.
    #[error("the public key in the file does not belong to the private key")]
    PublicKeyMismatch,
    /// A key that cannot stand in that form.
    #[error("{algorithm} keys have no {form} form")]
    Form {
        /// The algorithm of the key.
        algorithm: KeyAlgorithm,
        /// The form that was asked for.
        form: KeyForm,
    },
    /// The system's source of randomness failed.
    #[error("the system's random number generator failed")]
    Random,
    /// A key could not be made.
    #[error("a {algorithm} key could not be made: {reason}")]
    Generation {
        /// The algorithm.
        algorithm: KeyAlgorithm,
        /// What the maker of the key says.
        reason: String,
    },
    /// A key could not be written.
    #[error("the key could not be encoded: {reason}")]
    Encoding {
        /// What the encoder says.
        reason: String,
    },
    /// The key refused to sign: its parts do not belong together.
    #[error("the key could not sign: its parts do not belong together")]
    Signing,
}
