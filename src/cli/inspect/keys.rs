//! What is told of keys: never what is secret.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use kpki::key::{PrivateKeyFacts, algorithm_name};
use kpki::x509::{PublicKey, PublicKeyKind, sha256, sha256_hex};
use serde::Serialize;

/// A public key.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Key {
    pub(super) algorithm: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    bits: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) exponent: Option<u64>,
    /// What kubeadm calls the hash of a CA: of the `SubjectPublicKeyInfo`, in hexadecimal.
    pub(super) public_key_sha256: String,
    /// The same in base64, as curl and browsers pin it.
    pub(super) public_key_pin: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    public_key_der: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PrivateKey {
    pub(super) form: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) algorithm: Option<String>,
    pub(super) encrypted: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) encryption: Option<String>,
    #[serde(flatten)]
    pub(super) public: Option<PublicHash>,
    /// Whether the public key is proved to be the private key's, and does not merely stand beside it.
    #[serde(skip)]
    pub(super) proved: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PublicHash {
    pub(super) public_key_sha256: String,
    public_key_pin: String,
}

impl Key {
    pub(super) fn of(key: &PublicKey) -> Self {
        let (bits, exponent) = match key.kind() {
            PublicKeyKind::Rsa { bits, exponent } => (Some(*bits), *exponent),
            _ => (None, None),
        };
        Self {
            algorithm: algorithm_name(key.kind()),
            bits,
            exponent,
            public_key_sha256: sha256_hex(key.der()),
            public_key_pin: BASE64_STANDARD.encode(sha256(key.der())),
            public_key_der: Some(BASE64_STANDARD.encode(key.der())),
        }
    }
}

impl PrivateKey {
    pub(super) fn of(facts: &PrivateKeyFacts) -> Self {
        Self {
            form: facts.form,
            algorithm: facts.algorithm.clone(),
            encrypted: facts.encryption.is_some(),
            encryption: facts.encryption.clone(),
            public: facts.public_key.as_deref().map(|key| PublicHash {
                public_key_sha256: sha256_hex(key),
                public_key_pin: BASE64_STANDARD.encode(sha256(key)),
            }),
            proved: facts.proved,
        }
    }
}
