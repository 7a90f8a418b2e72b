//! Signature algorithms by their object identifiers.

use crate::x509::TbsCertificate;
use crate::x509::der::{read, tag};

/// One signature algorithm.
pub(super) struct Algorithm {
    oid: &'static str,
    /// The name in its standard.
    pub(super) name: &'static str,
    /// What its parameters must be.
    pub(super) parameters: Parameters,
    /// Whether to trust it.
    pub(super) trust: Trust,
}

/// What the parameters of an algorithm must be.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Parameters {
    /// NULL (RFC 4055 section 5).
    Null,
    /// Absent (RFC 5758 section 3.2 for ECDSA and DSA, RFC 8410 section 3 for Ed25519).
    Absent,
    /// The digest and the mask (RFC 4055 section 3.1).
    Pss,
}

/// Whether to trust a signature algorithm.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Trust {
    /// Verified by every component of Kubernetes.
    Sound,
    /// Its digest has known collisions.
    Broken,
    /// Go's crypto/x509 does not verify it.
    Unsupported,
}

const fn algorithm(oid: &'static str, name: &'static str, parameters: Parameters, trust: Trust) -> Algorithm {
    Algorithm { oid, name, parameters, trust }
}

/// RFC 3279, RFC 4055, RFC 5758, RFC 8410. The sound ones come first: they are what is looked for.
const ALGORITHMS: [Algorithm; 19] = [
    algorithm("1.2.840.10045.4.3.2", "ecdsa-with-SHA256", Parameters::Absent, Trust::Sound),
    algorithm("1.2.840.113549.1.1.11", "sha256WithRSAEncryption", Parameters::Null, Trust::Sound),
    algorithm("1.2.840.10045.4.3.3", "ecdsa-with-SHA384", Parameters::Absent, Trust::Sound),
    algorithm("1.2.840.10045.4.3.4", "ecdsa-with-SHA512", Parameters::Absent, Trust::Sound),
    algorithm("1.2.840.113549.1.1.12", "sha384WithRSAEncryption", Parameters::Null, Trust::Sound),
    algorithm("1.2.840.113549.1.1.13", "sha512WithRSAEncryption", Parameters::Null, Trust::Sound),
    algorithm("1.3.101.112", "Ed25519", Parameters::Absent, Trust::Sound),
    algorithm(RSASSA_PSS, "RSASSA-PSS", Parameters::Pss, Trust::Sound),
    algorithm("1.2.840.113549.1.1.2", "md2WithRSAEncryption", Parameters::Null, Trust::Broken),
    algorithm("1.2.840.113549.1.1.3", "md4WithRSAEncryption", Parameters::Null, Trust::Broken),
    algorithm("1.2.840.113549.1.1.4", "md5WithRSAEncryption", Parameters::Null, Trust::Broken),
    algorithm("1.2.840.113549.1.1.5", "sha1WithRSAEncryption", Parameters::Null, Trust::Broken),
    algorithm("1.3.14.3.2.29", "sha1WithRSASignature", Parameters::Null, Trust::Broken),
    algorithm("1.2.840.10045.4.1", "ecdsa-with-SHA1", Parameters::Absent, Trust::Broken),
    algorithm("1.2.840.10040.4.3", "dsa-with-SHA1", Parameters::Absent, Trust::Broken),
    algorithm("1.2.840.113549.1.1.14", "sha224WithRSAEncryption", Parameters::Null, Trust::Unsupported),
    algorithm("1.2.840.10045.4.3.1", "ecdsa-with-SHA224", Parameters::Absent, Trust::Unsupported),
    algorithm("2.16.840.1.101.3.4.3.2", "dsa-with-SHA256", Parameters::Absent, Trust::Unsupported),
    algorithm("1.3.101.113", "Ed448", Parameters::Absent, Trust::Unsupported),
];

const RSASSA_PSS: &str = "1.2.840.113549.1.1.10";

/// The algorithm with this dotted object identifier, if it is known.
pub(super) fn find(oid: &str) -> Option<&'static Algorithm> {
    ALGORITHMS.iter().find(|algorithm| algorithm.oid == oid)
}

/// Whether an RSASSA-PSS signature is made with a digest of the SHA-2 family. Its default is SHA-1, so the digest
/// must be named (RFC 4055 section 3.1).
pub(super) fn pss_digest_is_sound(tbs: &TbsCertificate) -> bool {
    /// The object identifiers 2.16.840.1.101.3.4.2.1 to .3, without their last byte (RFC 4055 section 2.1).
    const SHA2: [u8; 8] = [0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02];
    let digest = || {
        let (parameters, _) = read(tbs.signature_parameters.as_deref()?)?;
        let (field, _) = read(parameters.content)?;
        if field.tag != 0xa0 {
            return None;
        }
        let (identifier, _) = read(field.content)?;
        let (oid, _) = read(identifier.content)?;
        let (last, family) = oid.content.split_last()?;
        (oid.tag == tag::OBJECT_IDENTIFIER && family == SHA2).then_some(*last)
    };
    matches!(digest(), Some(1..=3))
}
