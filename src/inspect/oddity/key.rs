//! Public keys and algorithm identifiers.

use super::super::ber;
use super::Oddities;
use crate::x509::PublicKey;
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
            rsa(point, odd);
        }
        RSASSA_PSS => rsa(point, odd),
        "1.2.840.10045.2.1" => curve(key, parameters, point, odd),
        _ => {
            let Some((_, name, length)) = MONTGOMERY_AND_EDWARDS.iter().find(|(known, ..)| *known == oid)
            else {
                return;
            };
            if parameters.is_some() {
                odd.tell("the key's algorithm has parameters", "RFC 8410 section 3");
            }
            if point.len() != *length {
                let what =
                    format!("the key of {name} has {} bytes, and such a one has {length}", point.len());
                odd.tell(what, "RFC 8410 section 4");
            }
        }
    }
}

/// The algorithms of RFC 8410 and the length of their public keys in bytes (RFC 7748 section 5, RFC 8032 sections 5.1.5 and 5.2.5).
const MONTGOMERY_AND_EDWARDS: [(&str, &str, usize); 4] = [
    ("1.3.101.110", "X25519", 32),
    ("1.3.101.111", "X448", 56),
    ("1.3.101.112", "Ed25519", 32),
    ("1.3.101.113", "Ed448", 57),
];

/// Named curves and the length of a coordinate in bytes (SEC 2).
const CURVES: [(&str, usize); 6] = [
    ("1.2.840.10045.3.1.1", 24),
    ("1.3.132.0.33", 28),
    ("1.3.132.0.10", 32),
    ("1.2.840.10045.3.1.7", 32),
    ("1.3.132.0.34", 48),
    ("1.3.132.0.35", 66),
];

fn curve(key: &Element<'_>, parameters: Option<Element<'_>>, point: &[u8], odd: &mut Oddities) {
    const POINT: &str = "RFC 5480 section 2.2";
    match parameters.map(|parameters| parameters.tag) {
        Some(tag::OBJECT_IDENTIFIER) => {}
        Some(tag::SEQUENCE) => odd.tell(
            "the curve is given by explicit parameters, which make forgeries possible (CVE-2020-0601)",
            "RFC 5480 section 2.1.1",
        ),
        Some(_) => odd.tell("the curve is implied or of another form", "RFC 5480 section 2.1.1"),
        None => odd.tell("the key names no curve", "RFC 5480 section 2.1.1"),
    }
    let coordinates = match point.first() {
        Some(2 | 3) => {
            odd.tell("the point is compressed, which few readers take", POINT);
            1
        }
        Some(4) => 2,
        Some(6 | 7) => {
            odd.tell("the point is in the hybrid form", POINT);
            2
        }
        Some(0) if point.len() == 1 => {
            odd.tell("the point is the one at infinity, which is no public key", "SEC 1 section 3.2.2.1");
            return;
        }
        _ => {
            odd.tell("the point is in no form that there is", POINT);
            return;
        }
    };
    let named = parameters.filter(|parameters| parameters.tag == tag::OBJECT_IDENTIFIER);
    let named = named.and_then(|curve| object_identifier(curve.content)).unwrap_or_default();
    let Some((_, length)) = CURVES.iter().find(|(known, _)| *known == named) else { return };
    let expected = 1 + coordinates * length;
    if point.len() != expected {
        let what =
            format!("the point has {} bytes, and one of its curve and form has {expected}", point.len());
        odd.tell(what, "SEC 1 section 2.3.3");
    } else if PublicKey::from_der(key.whole).is_ok_and(|key| key.is_on_curve() == Some(false)) {
        odd.tell("the point does not lie on the curve", "SEC 1 section 3.2.2.1");
    }
}

/// The longest exponent that readers take, in bytes: Go and OpenSSL hold it in a machine word.
const LONGEST_EXPONENT: usize = 8;

/// An `RSAPublicKey` (RFC 8017 appendix A.1.1).
fn rsa(key: &[u8], odd: &mut Oddities) {
    const FORM: &str = "RFC 8017 appendix A.1.1";
    if let Ok(examined) = ber::examine(key) {
        for oddity in examined.oddities {
            odd.tell(format!("in the RSA key: {}", oddity.what), oddity.source);
        }
    }
    let Some((list, rest)) = read(key) else { return };
    if !rest.is_empty() {
        odd.tell(format!("{} bytes follow the RSA key in its bits", rest.len()), FORM);
    }
    let numbers = elements(list.content).unwrap_or_default();
    if numbers.iter().any(|number| number.content.first().is_some_and(|byte| *byte >= 0x80)) {
        odd.tell("a number of the RSA key is negative", FORM);
        return;
    }
    let [modulus, exponent, more @ ..] = numbers.as_slice() else {
        odd.tell("the RSA key is not two numbers", FORM);
        return;
    };
    if !more.is_empty() {
        odd.tell("something follows the two numbers of the RSA key", FORM);
    }
    numbers_of_rsa(modulus, exponent, odd);
}

/// Modulus and exponent, of a public or a private key.
fn numbers_of_rsa(modulus: &Element<'_>, exponent: &Element<'_>, odd: &mut Oddities) {
    const VALUES: &str = "RFC 8017 section 3.1";
    let (modulus, exponent) = (significant(modulus.content), significant(exponent.content));
    match modulus.last() {
        None => odd.tell("the modulus is zero", VALUES),
        Some(last) if last % 2 == 0 => {
            odd.tell("the modulus is even, and a product of odd primes is not", VALUES);
        }
        Some(_) => {}
    }
    if exponent.len() > LONGEST_EXPONENT {
        let what = format!(
            "the exponent has {} bytes, and readers take {LONGEST_EXPONENT} at most (Go 31 bits)",
            exponent.len()
        );
        odd.tell(what, VALUES);
    }
    match exponent {
        [] => odd.tell("the exponent is zero", VALUES),
        [1] => odd.tell("the exponent is 1, so that nothing is encrypted or signed", VALUES),
        [.., last] if last % 2 == 0 => odd.tell("the exponent is even, and has no inverse", VALUES),
        _ => {}
    }
    let is_less = exponent.len() < modulus.len() || exponent.len() == modulus.len() && exponent < modulus;
    if !is_less && !modulus.is_empty() {
        odd.tell("the exponent is not less than the modulus", VALUES);
    }
}

/// A number without its leading zeros.
fn significant(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    number.get(zeros..).unwrap_or_default()
}

/// A signature value of an algorithm (RFC 3279 section 2.2.3 for ECDSA, RFC 8410 section 6 for `EdDSA`).
pub(super) fn signature(algorithm: &Element<'_>, bits: &Element<'_>, odd: &mut Oddities) {
    let Some((oid, _)) = identifier(algorithm) else { return };
    let value = bits.content.get(1..).unwrap_or_default();
    if oid.starts_with("1.2.840.10045.4.") {
        const SOURCE: &str = "RFC 3279 section 2.2.3";
        let numbers = read(value).filter(|(list, rest)| list.tag == tag::SEQUENCE && rest.is_empty());
        let numbers = numbers.and_then(|(list, _)| elements(list.content));
        let is_number = |number: &Element<'_>| {
            number.tag == tag::INTEGER
                && number.content.first().is_some_and(|byte| *byte < 0x80)
                && !significant(number.content).is_empty()
        };
        match numbers.as_deref() {
            Some([r, s]) if is_number(r) && is_number(s) => {
                let is_long = |number: &Element<'_>| matches!(number.content, [0, next, ..] if *next < 0x80);
                if is_long(r) || is_long(s) {
                    odd.tell(
                        "a number of the ECDSA signature has a leading zero byte too many",
                        "X.690 section 8.3.2",
                    );
                }
            }
            _ => odd.tell("the ECDSA signature is not two positive numbers", SOURCE),
        }
    }
    let length = match oid.as_str() {
        "1.3.101.112" => 64,
        "1.3.101.113" => 114,
        _ => return,
    };
    if value.len() != length {
        let what = format!("the EdDSA signature has {} bytes, and such a one has {length}", value.len());
        odd.tell(what, "RFC 8032 section 5");
    }
}

/// Key usages that a kind of key may not have: those of signatures, or those of agreement.
pub(super) fn usages(key: &Element<'_>, bits: &[u8], odd: &mut Oddities) {
    let algorithm = elements(key.content).and_then(|parts| identifier(parts.first()?));
    let Some((oid, _)) = algorithm else { return };
    // The bits behind the count of unused ones: digitalSignature is the highest, decipherOnly the first of the next byte.
    let first = bits.get(1).copied().unwrap_or(0);
    let second = bits.get(2).copied().unwrap_or(0);
    let (allowed, what) = match oid.as_str() {
        "1.3.101.112" | "1.3.101.113" => (0b1100_0110, "signatures"),
        "1.3.101.110" | "1.3.101.111" => (0b0000_1001, "key agreement"),
        _ => return,
    };
    let second_allowed = if allowed & 0x01 != 0 { 0x80 } else { 0 };
    if first & !allowed != 0 || second & !second_allowed != 0 {
        odd.tell(
            format!("the key usage admits more than {what}, for which alone the key is"),
            "RFC 8410 section 5",
        );
    }
}

/// A private key in any form; nothing of its secret numbers is told but their lengths and signs.
pub(super) fn private_key(der: &[u8], odd: &mut Oddities) {
    let Some((document, _)) = read(der) else { return };
    let fields = elements(document.content).unwrap_or_default();
    match fields.as_slice() {
        // PKCS#8 (RFC 5958): version, algorithm, key, [0] attributes, [1] public key.
        [version, algorithm, key, more @ ..]
            if algorithm.tag == tag::SEQUENCE && key.tag == tag::OCTET_STRING =>
        {
            const SOURCE: &str = "RFC 5958 section 2";
            let public = more.iter().any(|field| field.tag == 0x81);
            match (version.content, public) {
                ([0], false) | ([1], true) => {}
                ([0], true) => odd.tell(
                    "a public key stands beside it, which is of version 2, and the version is 1",
                    SOURCE,
                ),
                ([1], false) => odd.tell("the version is 2, and no public key stands beside it", SOURCE),
                _ => odd.tell("the version is neither 1 nor 2", SOURCE),
            }
            within(algorithm, key.content, odd);
        }
        // SEC 1 (RFC 5915): version, number, [0] curve, [1] public key.
        [_, number, ..] if number.tag == tag::OCTET_STRING => {
            let named = fields.iter().find(|field| field.tag == 0xa0).and_then(|field| read(field.content));
            if named.is_none() {
                odd.tell("the key names no curve", "RFC 5915 section 3");
            }
            let curve = named.and_then(|(curve, _)| object_identifier(curve.content));
            elliptic(&fields, curve.as_deref(), odd);
        }
        [_, _, _, _, _, _, _, _, _, ..] => rsa_private(&fields, odd),
        _ => {}
    }
}

/// What stands within a PKCS#8 document.
fn within(algorithm: &Element<'_>, key: &[u8], odd: &mut Oddities) {
    let Some((oid, parameters)) = identifier(algorithm) else { return };
    if let Ok(examined) = ber::examine(key) {
        for oddity in examined.oddities {
            odd.tell(format!("in the key itself: {}", oddity.what), oddity.source);
        }
        if !examined.rest.is_empty() {
            odd.tell(format!("{} bytes follow the key itself", examined.rest.len()), "RFC 5958 section 2");
        }
    }
    let fields = read(key).and_then(|(document, _)| elements(document.content)).unwrap_or_default();
    match oid.as_str() {
        "1.2.840.113549.1.1.1" => {
            if parameters.is_none_or(|parameters| parameters.whole != NULL) {
                odd.tell("the NULL of the RSA key's algorithm is missing", "RFC 3279 section 2.3.1");
            }
            rsa_private(&fields, odd);
        }
        "1.2.840.10045.2.1" => {
            let named = parameters.filter(|parameters| parameters.tag == tag::OBJECT_IDENTIFIER);
            if named.is_none() {
                odd.tell("the key names no curve", "RFC 5480 section 2.1.1");
            }
            let curve = named.and_then(|curve| object_identifier(curve.content));
            elliptic(&fields, curve.as_deref(), odd);
        }
        oid => {
            let known = MONTGOMERY_AND_EDWARDS.iter().find(|(known, ..)| *known == oid);
            let Some((_, name, length)) = known else { return };
            if parameters.is_some() {
                odd.tell("the key's algorithm has parameters", "RFC 8410 section 3");
            }
            let number = read(key).filter(|(number, _)| number.tag == tag::OCTET_STRING);
            if number.is_none_or(|(number, _)| number.content.len() != *length) {
                odd.tell(
                    format!("the private number of {name} is not {length} bytes long"),
                    "RFC 8410 section 7",
                );
            }
        }
    }
}

/// An `ECPrivateKey`.
fn elliptic(fields: &[Element<'_>], curve: Option<&str>, odd: &mut Oddities) {
    const SOURCE: &str = "RFC 5915 section 3";
    let [version, number, more @ ..] = fields else { return };
    if version.content != [1] {
        odd.tell("the version of the key is not 1", SOURCE);
    }
    let known = CURVES.iter().find(|(known, _)| Some(*known) == curve);
    if let Some((_, length)) = known
        && number.content.len() != *length
    {
        let own = number.content.len();
        odd.tell(format!("the private number has {own} bytes, and one of its curve has {length}"), SOURCE);
    }
    if significant(number.content).is_empty() {
        odd.tell("the private number is zero", "SEC 1 section 3.2.1");
    }
    // The curve within says the same as the one outside.
    let within = more.iter().find(|field| field.tag == 0xa0).and_then(|field| read(field.content));
    let within = within.and_then(|(within, _)| object_identifier(within.content));
    if within.is_some() && curve.is_some() && within.as_deref() != curve {
        odd.tell("the key names another curve than its algorithm", SOURCE);
    }
}

/// An `RSAPrivateKey` (RFC 8017 appendix A.1.2): version, n, e, d, p, q, and three more.
fn rsa_private(fields: &[Element<'_>], odd: &mut Oddities) {
    const SOURCE: &str = "RFC 8017 appendix A.1.2";
    let [version, modulus, exponent, numbers @ ..] = fields else { return };
    let has_more = fields.len() > 9;
    match (version.content, has_more) {
        ([0], false) | ([1], true) => {}
        ([0], true) => odd.tell("more than two primes stand in the key, and its version says two", SOURCE),
        ([1], false) => {
            odd.tell("the version of the key says more than two primes, and there are none", SOURCE);
        }
        _ => odd.tell("the version of the key is neither 0 nor 1", SOURCE),
    }
    let is_negative = |number: &Element<'_>| number.content.first().is_some_and(|byte| *byte >= 0x80);
    if fields.iter().filter(|field| field.tag == tag::INTEGER).any(is_negative) {
        odd.tell("a number of the RSA key is negative", SOURCE);
        return;
    }
    numbers_of_rsa(modulus, exponent, odd);
    if numbers.iter().take(6).any(|number| significant(number.content).is_empty()) {
        odd.tell("a number of the RSA key is zero, so that readers must work it out or refuse", SOURCE);
    }
}
