//! Object identifiers of keys: those that are supported, and the names of those that are not.

use pkcs8::ObjectIdentifier;
use pkcs8::der::asn1::{AnyRef, Null};
use pkcs8::spki::AlgorithmIdentifierRef;

use super::KeyAlgorithm;

/// `rsaEncryption` (RFC 8017 appendix C).
pub(super) const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
/// `id-ecPublicKey` (RFC 5480 section 2.1.1).
pub(super) const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
/// `secp256r1` (RFC 5480 section 2.1.1.1).
pub(super) const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
/// `secp384r1` (RFC 5480 section 2.1.1.1).
pub(super) const P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
/// `id-Ed25519` (RFC 8410 section 3).
pub(super) const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");

/// What people meet and we do not read, by name.
const NAMES: [(&str, &str); 29] = [
    ("1.2.840.10040.4.1", "DSA"),
    ("1.2.840.113549.1.3.1", "Diffie-Hellman"),
    ("1.2.840.113549.1.1.7", "RSA-OAEP"),
    ("1.2.840.113549.1.1.10", "RSA-PSS"),
    ("1.3.101.110", "X25519"),
    ("1.3.101.111", "X448"),
    ("1.3.101.113", "Ed448"),
    ("1.2.840.10045.3.1.1", "P-192"),
    ("1.3.132.0.10", "secp256k1"),
    ("1.3.132.0.33", "P-224"),
    ("1.3.132.0.35", "P-521"),
    ("1.3.36.3.3.2.8.1.1.7", "brainpoolP256r1"),
    ("1.3.36.3.3.2.8.1.1.11", "brainpoolP384r1"),
    ("1.3.36.3.3.2.8.1.1.13", "brainpoolP512r1"),
    ("1.2.156.10197.1.301", "SM2"),
    ("2.16.840.1.101.3.4.3.17", "ML-DSA-44"),
    ("2.16.840.1.101.3.4.3.18", "ML-DSA-65"),
    ("2.16.840.1.101.3.4.3.19", "ML-DSA-87"),
    // Password-based encryption: RFC 8018 appendix A, RFC 7292 appendix C.
    ("1.2.840.113549.1.5.3", "PBES1 with MD5 and DES"),
    ("1.2.840.113549.1.5.6", "PBES1 with MD5 and RC2"),
    ("1.2.840.113549.1.5.10", "PBES1 with SHA-1 and DES"),
    ("1.2.840.113549.1.5.11", "PBES1 with SHA-1 and RC2"),
    ("1.2.840.113549.1.12.1.3", "PKCS#12 encryption with SHA-1 and triple DES"),
    ("1.2.840.113549.1.12.1.6", "PKCS#12 encryption with SHA-1 and RC2"),
    ("1.2.840.113549.2.7", "PBKDF2 with SHA-1"),
    ("1.2.840.113549.3.2", "RC2"),
    ("1.2.840.113549.3.7", "triple DES"),
    ("1.3.14.3.2.7", "DES"),
    ("1.3.6.1.4.1.11591.4.11", "scrypt with impossible parameters"),
];

/// The name of an object identifier where it has one that people use, and itself otherwise.
pub(super) fn name(oid: ObjectIdentifier) -> String {
    let dotted = oid.to_string();
    NAMES.iter().find(|(known, _)| *known == dotted).map_or(dotted, |(_, name)| (*name).to_owned())
}

/// The curve of a named-curve identifier.
pub(super) fn curve(oid: ObjectIdentifier) -> Option<KeyAlgorithm> {
    match oid {
        P256 => Some(KeyAlgorithm::EcdsaP256),
        P384 => Some(KeyAlgorithm::EcdsaP384),
        _ => None,
    }
}

/// The `AlgorithmIdentifier` of a key: RSA with NULL (RFC 3279 section 2.3.1), curves by name
/// (RFC 5480 section 2.1.1), Ed25519 without parameters (RFC 8410 section 3).
pub(super) fn key_identifier(algorithm: KeyAlgorithm) -> AlgorithmIdentifierRef<'static> {
    match algorithm {
        KeyAlgorithm::Rsa2048 | KeyAlgorithm::Rsa3072 | KeyAlgorithm::Rsa4096 => {
            AlgorithmIdentifierRef { oid: RSA, parameters: Some(Null.into()) }
        }
        KeyAlgorithm::EcdsaP256 => AlgorithmIdentifierRef { oid: EC, parameters: Some(AnyRef::from(&P256)) },
        KeyAlgorithm::EcdsaP384 => AlgorithmIdentifierRef { oid: EC, parameters: Some(AnyRef::from(&P384)) },
        KeyAlgorithm::Ed25519 => AlgorithmIdentifierRef { oid: ED25519, parameters: None },
    }
}

/// The DER of the signature's `AlgorithmIdentifier`: RSA with NULL (RFC 4055 section 5), ECDSA
/// (RFC 5758 section 3.2) and Ed25519 (RFC 8410 section 3) without parameters.
pub(super) const fn signature_identifier(algorithm: KeyAlgorithm) -> &'static [u8] {
    match algorithm {
        // sha256WithRSAEncryption, 1.2.840.113549.1.1.11
        KeyAlgorithm::Rsa2048 | KeyAlgorithm::Rsa3072 | KeyAlgorithm::Rsa4096 => {
            b"\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b\x05\x00"
        }
        // ecdsa-with-SHA256, 1.2.840.10045.4.3.2
        KeyAlgorithm::EcdsaP256 => b"\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02",
        // ecdsa-with-SHA384, 1.2.840.10045.4.3.3
        KeyAlgorithm::EcdsaP384 => b"\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x03",
        // id-Ed25519, 1.3.101.112
        KeyAlgorithm::Ed25519 => b"\x30\x05\x06\x03\x2b\x65\x70",
    }
}
