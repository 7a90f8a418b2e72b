//! Public keys and algorithm identifiers.

use super::Oddities;
use crate::x509::der::{Element, elements, object_identifier, read, tag};

const NULL: &[u8] = &[5, 0];
const RSASSA_PSS: &str = "1.2.840.113549.1.1.10";

/// Identifier and parameters of an `AlgorithmIdentifier`.
fn identifier<'a>(algorithm: &Element<'a>) -> Option<(String, Option<Element<'a>>)> {
    let (oid, rest) = read(algorithm.content)?;
    Some((object_identifier(oid.content)?, read(rest).map(|(parameters, _)| parameters)))
}

/// The parameters that signature algorithms have: NULL with RSA, none with the others.
pub(super) fn signature_algorithm(algorithm: &Element<'_>, odd: &mut Oddities) {
    let Some((oid, parameters)) = identifier(algorithm) else { return };
    let null = parameters.is_some_and(|parameters| parameters.whole == NULL);
    match oid.as_str() {
        RSASSA_PSS if parameters.is_none() || null => {
            odd.tell("RSASSA-PSS has no parameters", "RFC 4055 section 3.1");
        }
        RSASSA_PSS => {}
        rsa if rsa.starts_with("1.2.840.113549.1.1.") => {
            if parameters.is_none() {
                odd.tell("the NULL of an RSA signature algorithm is missing", "RFC 4055 section 5");
            } else if !null {
                odd.tell("an RSA signature algorithm has parameters other than NULL", "RFC 4055 section 5");
            }
        }
        ecdsa if ecdsa.starts_with("1.2.840.10045.4.") && parameters.is_some() => {
            odd.tell("an ECDSA signature algorithm has parameters", "RFC 5758 section 3.2");
        }
        "1.3.101.112" | "1.3.101.113" if parameters.is_some() => {
            odd.tell("an EdDSA signature algorithm has parameters", "RFC 8410 section 3");
        }
        _ => {}
    }
}

/// A `SubjectPublicKeyInfo`.
pub(super) fn public_key(key: &Element<'_>, odd: &mut Oddities) {
    let parts = elements(key.content).unwrap_or_default();
    let [algorithm, bits, rest @ ..] = parts.as_slice() else { return };
    if !rest.is_empty() {
        odd.tell("something follows the bits of the public key", "RFC 5280 section 4.1.2.7");
    }
    if bits.content.first().is_some_and(|unused| *unused != 0) {
        odd.tell("the public key has unused bits", "RFC 5280 section 4.1.2.7");
    }
    let Some((oid, parameters)) = identifier(algorithm) else { return };
    let point = bits.content.get(1..).unwrap_or_default();
    match oid.as_str() {
        "1.2.840.113549.1.1.1" => {
            match parameters {
                None => odd.tell("the NULL of the RSA key's algorithm is missing", "RFC 3279 section 2.3.1"),
                Some(parameters) if parameters.whole != NULL => {
                    odd.tell(
                        "the RSA key's algorithm has parameters other than NULL",
                        "RFC 3279 section 2.3.1",
                    );
                }
                Some(_) => {}
            }
            modulus(point, odd);
        }
        "1.2.840.10045.2.1" => curve(parameters, point, odd),
        "1.3.101.110" | "1.3.101.111" | "1.3.101.112" | "1.3.101.113" if parameters.is_some() => {
            odd.tell("the key's algorithm has parameters", "RFC 8410 section 3");
        }
        _ => {}
    }
}

fn curve(parameters: Option<Element<'_>>, point: &[u8], odd: &mut Oddities) {
    match parameters.map(|parameters| parameters.tag) {
        Some(tag::OBJECT_IDENTIFIER) => {}
        Some(tag::SEQUENCE) => odd.tell(
            "the curve is given by explicit parameters, which make forgeries possible (CVE-2020-0601)",
            "RFC 5480 section 2.1.1",
        ),
        Some(_) => odd.tell("the curve is implied or of another form", "RFC 5480 section 2.1.1"),
        None => odd.tell("the key names no curve", "RFC 5480 section 2.1.1"),
    }
    match point.first() {
        Some(2 | 3) => odd.tell("the point is compressed, which few readers take", "RFC 5480 section 2.2"),
        Some(4) => {}
        Some(6 | 7) => odd.tell("the point is in the hybrid form", "RFC 5480 section 2.2"),
        _ => odd.tell("the point is in no form that there is", "RFC 5480 section 2.2"),
    }
}

fn modulus(key: &[u8], odd: &mut Oddities) {
    let numbers = read(key).and_then(|(key, _)| elements(key.content)).unwrap_or_default();
    if numbers.iter().any(|number| number.content.first().is_some_and(|byte| *byte >= 0x80)) {
        odd.tell("a number of the RSA key is negative", "RFC 8017 appendix A.1.1");
    }
}
