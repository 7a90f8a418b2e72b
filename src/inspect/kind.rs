//! What a DER document is, by its structure alone.

use crate::x509::der::{Element, elements, object_identifier, read, tag};

/// The kinds of documents that are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Certificate,
    Request,
    RevocationList,
    PrivateKey,
    /// A `SubjectPublicKeyInfo`.
    PublicKey,
    /// An `RSAPublicKey` of PKCS#1.
    RsaPublicKey,
    Pkcs7,
    Pkcs12,
    OcspResponse,
    CurveParameters,
    DhParameters,
    DsaParameters,
}

impl Kind {
    /// What it is, with an article.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Certificate => "a certificate",
            Self::Request => "a certificate signing request",
            Self::RevocationList => "a certificate revocation list",
            Self::PrivateKey => "a private key",
            Self::PublicKey => "a public key",
            Self::RsaPublicKey => "an RSA public key in PKCS#1",
            Self::Pkcs7 => "a PKCS#7 message",
            Self::Pkcs12 => "a PKCS#12 store",
            Self::OcspResponse => "an OCSP response",
            Self::CurveParameters => "the parameters of a curve",
            Self::DhParameters => "Diffie-Hellman parameters",
            Self::DsaParameters => "DSA parameters",
        }
    }

    /// The label that belongs on it, those under which it is found as well, and where both are written. A private key's
    /// depend on its form.
    pub(super) fn labels(self) -> (&'static str, &'static [&'static str], &'static str) {
        match self {
            Self::Certificate => (
                "CERTIFICATE",
                &["X509 CERTIFICATE", "X.509 CERTIFICATE", "TRUSTED CERTIFICATE"],
                "RFC 7468 section 5.1",
            ),
            Self::Request => ("CERTIFICATE REQUEST", &["NEW CERTIFICATE REQUEST"], "RFC 7468 section 7"),
            Self::RevocationList => ("X509 CRL", &["CRL"], "RFC 7468 section 6"),
            Self::PrivateKey => ("PRIVATE KEY", &["ANY PRIVATE KEY"], "RFC 7468 section 10"),
            Self::PublicKey => ("PUBLIC KEY", &[], "RFC 7468 section 13"),
            Self::RsaPublicKey => ("RSA PUBLIC KEY", &[], "RFC 8017 appendix A.1.1"),
            Self::Pkcs7 => ("PKCS7", &["CMS", "PKCS #7 SIGNED DATA"], "RFC 7468 section 8"),
            Self::Pkcs12 => ("PKCS12", &[], "RFC 7292"),
            Self::OcspResponse => ("OCSP RESPONSE", &[], "RFC 6960"),
            Self::CurveParameters => ("EC PARAMETERS", &[], "RFC 5480 section 2.1.1"),
            Self::DhParameters => ("DH PARAMETERS", &["X9.42 DH PARAMETERS"], "RFC 3279 section 2.3.3"),
            Self::DsaParameters => ("DSA PARAMETERS", &[], "RFC 3279 section 2.3.2"),
        }
    }
}

const OCTET_STRING: u8 = tag::OCTET_STRING;
const INTEGER: u8 = tag::INTEGER;
const SEQUENCE: u8 = tag::SEQUENCE;
const BIT_STRING: u8 = tag::BIT_STRING;
const OID: u8 = tag::OBJECT_IDENTIFIER;
const ENUMERATED: u8 = 0x0a;
/// `UTCTime` and `GeneralizedTime`.
const TIMES: [u8; 2] = [0x17, 0x18];

/// Tells a document; the label of its block decides only between structures that are the same.
pub(super) fn kind_of(der: &[u8], label: Option<&str>) -> Option<Kind> {
    let (document, _) = read(der)?;
    if document.tag == OID && object_identifier(document.content).is_some() {
        return Some(Kind::CurveParameters);
    }
    if document.tag != SEQUENCE {
        return None;
    }
    let parts = elements(document.content)?;
    // Of long lists, the first elements tell enough.
    let tags: Vec<u8> = parts.iter().take(10).map(|part| part.tag).collect();
    match tags.as_slice() {
        [SEQUENCE, SEQUENCE, BIT_STRING] => signed(parts.first()?),
        [SEQUENCE, BIT_STRING] => Some(Kind::PublicKey),
        [OID, 0xa0] => Some(Kind::Pkcs7),
        [ENUMERATED, ..] if tags.len() <= 2 => Some(Kind::OcspResponse),
        [INTEGER, SEQUENCE, ..] if is_content_info(parts.get(1)?) => Some(Kind::Pkcs12),
        // PKCS#8, SEC 1, and PKCS#8 encrypted.
        [INTEGER, SEQUENCE, OCTET_STRING, ..] | [INTEGER, OCTET_STRING, ..] | [SEQUENCE, OCTET_STRING] => {
            Some(Kind::PrivateKey)
        }
        [INTEGER, SEQUENCE, SEQUENCE, OCTET_STRING, OCTET_STRING, ..] => Some(Kind::CurveParameters),
        [INTEGER, rest @ ..] if rest.iter().all(|tag| *tag == INTEGER) || tags.len() > 9 => {
            numbers(&parts, label)
        }
        _ => None,
    }
}

/// Three structures are a thing, an algorithm and a signature: what the thing is, its first fields tell.
fn signed(tbs: &Element<'_>) -> Option<Kind> {
    let parts = elements(tbs.content)?;
    let tags: Vec<u8> = parts.iter().take(6).map(|part| part.tag).collect();
    match tags.as_slice() {
        // RFC 5280 section 5.1: version (optional), algorithm, issuer, time.
        [INTEGER, SEQUENCE, SEQUENCE, time, ..] | [SEQUENCE, SEQUENCE, time, ..] if TIMES.contains(time) => {
            Some(Kind::RevocationList)
        }
        // RFC 2986 section 4.1: version, subject, key, and attributes that some leave out.
        [INTEGER, SEQUENCE, SEQUENCE] | [INTEGER, SEQUENCE, SEQUENCE, 0xa0, ..] => Some(Kind::Request),
        // RFC 5280 section 4.1: version (optional), serial number, algorithm, issuer, validity, subject.
        [0xa0, INTEGER, SEQUENCE, ..] | [INTEGER, SEQUENCE, SEQUENCE, SEQUENCE, ..] => {
            Some(Kind::Certificate)
        }
        _ => None,
    }
}

/// Whether it begins with an identifier of PKCS#7: so do the contents of PKCS#12 (RFC 7292 section 4).
fn is_content_info(element: &Element<'_>) -> bool {
    let oid = read(element.content).filter(|(oid, _)| oid.tag == OID);
    oid.and_then(|(oid, _)| object_identifier(oid.content))
        .is_some_and(|oid| oid.starts_with("1.2.840.113549.1.7."))
}

/// Lists of numbers: keys and parameters of algorithms of the last century.
fn numbers(parts: &[Element<'_>], label: Option<&str>) -> Option<Kind> {
    // A generator is a single small digit, and an RSA exponent is 3 or, nearly always, 65537.
    let generator = |element: &Element<'_>| matches!(element.content, [2 | 5]);
    match parts {
        [_, second] if label == Some("DH PARAMETERS") || generator(second) => Some(Kind::DhParameters),
        [_, _] => Some(Kind::RsaPublicKey),
        [_, second, _] if label == Some("DH PARAMETERS") || generator(second) => Some(Kind::DhParameters),
        [_, _, _] => Some(Kind::DsaParameters),
        [_, _, _, _, _, _] | [_, _, _, _, _, _, _, _, _, ..] => Some(Kind::PrivateKey),
        _ => None,
    }
}
