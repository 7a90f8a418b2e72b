//! Private keys as DER: the three forms, read and written.

use pkcs8::PrivateKeyInfoRef;
use pkcs8::der::asn1::{AnyRef, OctetStringRef};
use pkcs8::der::{Decode, Encode, Error, ErrorKind, SliceReader, Tag, Tagged};
use sec1::{EcParameters, EcPrivateKey};
use zeroize::Zeroizing;

use super::secret::{Pair, Public, Secret, encoding};
use super::{KeyAlgorithm, KeyError, KeyForm, oid, secret};
use crate::pem;

/// The PEM label of what a DER document looks like by its first two elements; `None` if it is no
/// private key. The forms cannot be taken for each other: after the version comes a number in
/// PKCS#1, an `AlgorithmIdentifier` in PKCS#8 and an OCTET STRING in SEC 1; encrypted PKCS#8 has no
/// version.
pub(super) fn label_of(der: &[u8]) -> Option<&'static str> {
    let document = AnyRef::from_der(der).ok()?;
    if document.tag() != Tag::Sequence {
        return None;
    }
    let mut reader = SliceReader::new(document.value()).ok()?;
    let mut tag = || Some(AnyRef::decode(&mut reader).ok()?.tag());
    match (tag()?, tag()?) {
        (Tag::Integer, Tag::Integer) => Some(pem::RSA_PRIVATE_KEY),
        (Tag::Integer, Tag::Sequence) => Some(pem::PRIVATE_KEY),
        (Tag::Integer, Tag::OctetString) => Some(pem::EC_PRIVATE_KEY),
        (Tag::Sequence, Tag::OctetString) => Some(pem::ENCRYPTED_PRIVATE_KEY),
        _ => None,
    }
}

/// Reads a private key that stands in the given form, and proves that its public key belongs to it.
pub(super) fn read(form: KeyForm, der: &[u8]) -> Result<Pair, KeyError> {
    match form {
        KeyForm::Pkcs8 => read_pkcs8(der),
        KeyForm::Pkcs1 => secret::rsa(der, &[]),
        KeyForm::Sec1 => read_sec1(der),
    }
}

fn malformed(form: KeyForm, error: Error) -> KeyError {
    match error.kind() {
        // The one place in SEC 1 where a sequence can stand instead of something else is the curve.
        ErrorKind::TagUnexpected { actual: Tag::Sequence, .. } if form == KeyForm::Sec1 => explicit_curve(),
        _ => KeyError::Malformed { form, reason: in_words(&error).to_owned() },
    }
}

/// What the decoder of ASN.1 stumbled over, in plain words.
pub(super) fn in_words(error: &Error) -> &'static str {
    match error.kind() {
        ErrorKind::TagUnexpected { .. } | ErrorKind::TagUnknown { .. } | ErrorKind::TagNumberInvalid => {
            "an element of another kind stands where it is read (an ASN.1 tag that is not expected)"
        }
        ErrorKind::Incomplete { .. } => "it is cut off",
        ErrorKind::TrailingData { .. } => "bytes follow it",
        ErrorKind::Length { .. } | ErrorKind::Overlength | ErrorKind::Overflow => {
            "the length of an element is not right"
        }
        ErrorKind::Noncanonical { .. } | ErrorKind::EncodingRules => "it is not in DER",
        ErrorKind::IndefiniteLength => "the length of an element is left open, which DER does not allow",
        ErrorKind::NestingDepth => "its elements stand too deep in each other",
        ErrorKind::OidMalformed => "an object identifier in it cannot be read",
        ErrorKind::Value { .. } => "a value in it is none that it may have",
        _ => "its parts are not what they should be",
    }
}

/// RFC 5480 section 2.1.1 forbids them in certificates, and they have been used to forge (CVE-2020-0601).
fn explicit_curve() -> KeyError {
    KeyError::Unsupported { name: "a curve given by explicit parameters".to_owned() }
}

fn unsupported(oid: pkcs8::ObjectIdentifier) -> KeyError {
    KeyError::Unsupported { name: oid::name(oid) }
}

fn read_sec1(der: &[u8]) -> Result<Pair, KeyError> {
    let form = KeyForm::Sec1;
    let key = EcPrivateKey::from_der(der).map_err(|error| malformed(form, error))?;
    let curve = key
        .parameters
        .and_then(EcParameters::named_curve)
        .ok_or_else(|| KeyError::Malformed { form, reason: "it does not name its curve".to_owned() })?;
    let algorithm = oid::curve(curve).ok_or_else(|| unsupported(curve))?;
    let claimed: Vec<&[u8]> = key.public_key.into_iter().collect();
    secret::elliptic(algorithm, form, key.private_key, &claimed)
}

fn read_pkcs8(der: &[u8]) -> Result<Pair, KeyError> {
    let form = KeyForm::Pkcs8;
    let info = PrivateKeyInfoRef::from_der(der).map_err(|error| malformed(form, error))?;
    let inner = info.private_key.as_bytes();
    let mut claimed = Vec::new();
    if let Some(public) = info.public_key {
        claimed.push(public.as_bytes().ok_or_else(|| KeyError::Malformed {
            form,
            reason: "the public key is not a whole number of bytes".to_owned(),
        })?);
    }
    let parameters = info.algorithm.parameters;
    match info.algorithm.oid {
        // NULL by RFC 3279 section 2.3.1; some leave it out, and OpenSSL and Go read that.
        oid::RSA if parameters.is_none_or(AnyRef::is_null) => secret::rsa(inner, &claimed),
        oid::EC => read_pkcs8_elliptic(parameters, inner, claimed),
        oid::ED25519 if parameters.is_none() => {
            let seed = <&OctetStringRef>::from_der(inner).map_err(|error| malformed(form, error))?;
            secret::ed25519(Zeroizing::new(seed.as_bytes().to_vec()), &claimed)
        }
        oid::RSA | oid::ED25519 => Err(KeyError::Malformed {
            form,
            reason: "the algorithm has parameters where none belong".to_owned(),
        }),
        other => Err(unsupported(other)),
    }
}

fn read_pkcs8_elliptic<'a>(
    parameters: Option<AnyRef<'a>>,
    inner: &'a [u8],
    mut claimed: Vec<&'a [u8]>,
) -> Result<Pair, KeyError> {
    let form = KeyForm::Pkcs8;
    let wrong = |reason: &str| KeyError::Malformed { form, reason: reason.to_owned() };
    let parameters = parameters.ok_or_else(|| wrong("it does not name its curve"))?;
    if parameters.tag() == Tag::Sequence {
        return Err(explicit_curve());
    }
    let curve = parameters.decode_as::<pkcs8::ObjectIdentifier>().map_err(|error| malformed(form, error))?;
    let algorithm = oid::curve(curve).ok_or_else(|| unsupported(curve))?;
    let key = EcPrivateKey::from_der(inner).map_err(|error| malformed(form, error))?;
    if key.parameters.is_some_and(|inner| inner != EcParameters::NamedCurve(curve)) {
        return Err(wrong("it names two curves"));
    }
    claimed.extend(key.public_key);
    secret::elliptic(algorithm, form, key.private_key, &claimed)
}

/// Writes a private key in the given form.
pub(super) fn write(form: KeyForm, secret: &Secret, public: &Public) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let algorithm = secret.algorithm;
    if !form.holds(algorithm) {
        return Err(KeyError::Form { algorithm, form });
    }
    match form {
        KeyForm::Pkcs1 => Ok(secret.bytes.clone()),
        // Alone, the key must name its curve: OpenSSL and Go refuse it otherwise.
        KeyForm::Sec1 => elliptic(secret, public, true),
        KeyForm::Pkcs8 => {
            let inner = match algorithm {
                // Inside PKCS#8, OpenSSL and Go leave the curve to the algorithm identifier.
                KeyAlgorithm::EcdsaP256 | KeyAlgorithm::EcdsaP384 => elliptic(secret, public, false)?,
                // CurvePrivateKey ::= OCTET STRING (RFC 8410 section 7)
                KeyAlgorithm::Ed25519 => {
                    let seed = OctetStringRef::new(&secret.bytes).map_err(encoding)?;
                    Zeroizing::new(seed.to_der().map_err(encoding)?)
                }
                _ => secret.bytes.clone(),
            };
            // Version 1, without the public key: OpenSSL 3.0 does not read version 2.
            let info = PrivateKeyInfoRef {
                algorithm: oid::key_identifier(algorithm),
                private_key: OctetStringRef::new(&inner).map_err(encoding)?,
                public_key: None,
            };
            info.to_der().map(Zeroizing::new).map_err(encoding)
        }
    }
}

fn elliptic(secret: &Secret, public: &Public, name_curve: bool) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let curve = if secret.algorithm == KeyAlgorithm::EcdsaP384 { oid::P384 } else { oid::P256 };
    let key = EcPrivateKey {
        private_key: &secret.bytes,
        parameters: name_curve.then_some(EcParameters::NamedCurve(curve)),
        public_key: Some(public.raw()),
    };
    key.to_der().map(Zeroizing::new).map_err(encoding)
}
