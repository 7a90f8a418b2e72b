//! What is written otherwise than its standard says, each with the section.
//!
//! Only how a thing is written is looked at here, and what a standard says about that with MUST. Whether it is wise is for
//! an audit, whether it is accepted for `chain`.

mod extension;
mod general_name;
mod key;
mod list;
mod list_extension;
mod name;
mod policy;
mod time;

use std::collections::BTreeSet;

use super::Oddity;
use super::certificate::Parts;
use super::request::Parts as RequestParts;
use crate::x509::der::{Element, elements, object_identifier, read, tag};

pub(super) use extension::section;
pub(super) use list::list;

/// The most oddities of one item that are told; a hostile one may have thousands.
const MOST: usize = 50;

/// A list of oddities that grows no longer than people read.
#[derive(Default)]
pub(super) struct Oddities {
    found: Vec<Oddity>,
    untold: usize,
}

impl Oddities {
    fn tell(&mut self, what: impl Into<String>, source: &'static str) {
        if self.found.len() < MOST {
            self.found.push(Oddity::new(what, source));
        } else {
            self.untold += 1;
        }
    }

    fn into_vec(mut self) -> Vec<Oddity> {
        if self.untold > 0 {
            self.found.push(Oddity::new(format!("{} more are not listed", self.untold), "the ones above"));
        }
        self.found
    }
}

/// What is odd about the fields of a certificate.
pub(super) fn certificate(parts: &Parts<'_>) -> Vec<Oddity> {
    let mut odd = Oddities::default();
    version(parts, &mut odd);
    if let Some(serial) = parts.serial {
        serial_number(&serial, &mut odd);
    }
    if let (Some(inner), Some(outer)) = (parts.algorithm, parts.outer_algorithm) {
        if inner.whole != outer.whole {
            odd.tell(
                "the signature algorithm beside the signature is not the one that was signed",
                "RFC 5280 section 4.1.1.2",
            );
        }
        key::signature_algorithm(&inner, &mut odd);
    }
    if let Some(signature) = parts.signature
        && signature.content.first().is_some_and(|unused| *unused != 0)
    {
        odd.tell("the signature has unused bits", "RFC 5280 section 4.1.1.3");
    }
    if let (Some(algorithm), Some(signature)) = (parts.outer_algorithm, parts.signature) {
        key::signature(&algorithm, &signature, &mut odd);
    }
    if let Some(issuer) = parts.issuer {
        if issuer.content.is_empty() {
            odd.tell("the issuer is empty", "RFC 5280 section 4.1.2.4");
        }
        name::name(&issuer, "issuer", &mut odd);
    }
    if let Some(validity) = parts.validity {
        time::validity(&validity, &mut odd);
    }
    if let Some(subject) = parts.subject {
        name::name(&subject, "subject", &mut odd);
    }
    if let Some(key) = parts.key {
        key::public_key(&key, &mut odd);
    }
    if parts.unique > 0 {
        odd.tell("it has a unique identifier, which no CA may write", "RFC 5280 section 4.1.2.8");
    }
    if let Some(list) = parts.extensions {
        extension::of_certificate(&list, parts, &mut odd);
    } else if parts.subject.is_some_and(|subject| subject.content.is_empty()) {
        odd.tell("the subject is empty and no alternative name stands for it", "RFC 5280 section 4.1.2.6");
    }
    odd.into_vec()
}

fn version(parts: &Parts<'_>, odd: &mut Oddities) {
    let number = parts.version.and_then(|version| read(version.content)).map(|(number, _)| number.content);
    match number {
        Some([0]) => odd.tell("version 1 is written out, and is the default", "X.690 section 11.5"),
        Some([1 | 2]) | None => {}
        Some(_) => odd.tell("the version is none of 1, 2 and 3", "RFC 5280 section 4.1.2.1"),
    }
    let version = number.and_then(|number| number.last()).map_or(1, |number| u32::from(*number) + 1);
    if parts.extensions.is_some() && version < 3 {
        odd.tell(
            format!("it is of version {version} and has extensions, which are of version 3"),
            "RFC 5280 section 4.1.2.1",
        );
    }
    if parts.unique > 0 && version < 2 {
        odd.tell("it is of version 1 and has a unique identifier", "RFC 5280 section 4.1.2.8");
    }
}

fn serial_number(serial: &Element<'_>, odd: &mut Oddities) {
    if serial.tag == tag::INTEGER {
        serial_content(serial.content, "the serial number", odd);
    }
}

/// The number of a certificate, wherever it stands.
fn serial_content(content: &[u8], what: &str, odd: &mut Oddities) {
    const SOURCE: &str = "RFC 5280 section 4.1.2.2";
    if content.iter().all(|byte| *byte == 0) {
        odd.tell(format!("{what} is zero"), SOURCE);
    } else if content.first().is_some_and(|byte| *byte >= 0x80) {
        odd.tell(format!("{what} is negative"), SOURCE);
    }
    // The zero byte that keeps a number positive counts: it is an octet of the value as it is encoded.
    if content.len() > 20 {
        odd.tell(format!("{what} has {} octets, and 20 are the most", content.len()), SOURCE);
    }
}

/// What is odd about a `SubjectPublicKeyInfo`.
pub(super) fn public_key(spki: &[u8]) -> Vec<Oddity> {
    let mut odd = Oddities::default();
    if let Some((spki, _)) = read(spki) {
        key::public_key(&spki, &mut odd);
    }
    odd.into_vec()
}

/// What is odd about a private key.
pub(super) fn private_key(der: &[u8]) -> Vec<Oddity> {
    let mut odd = Oddities::default();
    key::private_key(der, &mut odd);
    odd.into_vec()
}

/// What is odd about the fields of a request.
pub(super) fn request(parts: &RequestParts<'_>) -> Vec<Oddity> {
    let mut odd = Oddities::default();
    if parts.version.is_some_and(|version| version.content != [0]) {
        odd.tell("the version is not 1", "RFC 2986 section 4.1");
    }
    if let Some(subject) = parts.subject {
        name::name(&subject, "subject", &mut odd);
    }
    if let Some(key) = parts.key {
        key::public_key(&key, &mut odd);
    }
    if let Some(algorithm) = parts.algorithm {
        key::signature_algorithm(&algorithm, &mut odd);
        if let Some(signature) = parts.signature {
            if signature.content.first().is_some_and(|unused| *unused != 0) {
                odd.tell("the signature has unused bits", "RFC 2986 section 4.2");
            }
            key::signature(&algorithm, &signature, &mut odd);
        }
    }
    let Some(attributes) = &parts.attributes else {
        if parts.subject.is_some() {
            odd.tell("the list of attributes is missing, and may only be empty", "RFC 2986 section 4.1");
        }
        return odd.into_vec();
    };
    let mut seen = BTreeSet::new();
    for attribute in attributes {
        let Some((oid, values)) = read(attribute.content) else {
            odd.tell("an attribute is not made as one is", "RFC 2986 section 4.1");
            continue;
        };
        let dotted = object_identifier(oid.content).unwrap_or_default();
        if !seen.insert(oid.content) {
            odd.tell(format!("the attribute {dotted} stands there more than once"), "RFC 2986 section 4.1");
        }
        if read(values).is_none_or(|(values, _)| values.content.is_empty()) {
            odd.tell(format!("the attribute {dotted} has no value"), "RFC 2986 section 4.1");
        }
        // extensionRequest (RFC 2985 section 5.4.2): a SET of one list of extensions.
        if oid.content == [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 14] {
            let lists = read(values).and_then(|(values, _)| elements(values.content)).unwrap_or_default();
            if lists.len() != 1 {
                odd.tell("the request for extensions has not one value", "RFC 2985 section 5.4.2");
            }
            if let Some(list) = lists.first() {
                extension::of_request(list, &mut odd);
            }
        }
    }
    odd.into_vec()
}
