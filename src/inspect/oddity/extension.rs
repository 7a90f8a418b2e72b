//! Extensions (RFC 5280 sections 4.2 and 5.2).

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::super::ber;
use super::super::certificate::Parts;
use super::super::oid::extension_name;
use super::{Oddities, general_name, key, policy};
use crate::x509::der::{Element, elements, object_identifier, read, tag};

/// What a standard says with MUST about the criticality of an extension.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Critical {
    Always,
    Never,
    /// It leaves it open, or depends on the rest.
    Either,
}
pub(super) use Critical::{Always, Either, Never};

/// Extensions of certificates: how critical they are, and where that is written.
const OF_CERTIFICATES: [(&str, Critical, &str); 19] = [
    ("2.5.29.9", Never, "RFC 5280 section 4.2.1.8"),
    (SUBJECT_KEY, Never, "RFC 5280 section 4.2.1.2"),
    (KEY_USAGE, Either, "RFC 5280 section 4.2.1.3"),
    (SUBJECT_ALT_NAME, Either, "RFC 5280 section 4.2.1.6"),
    ("2.5.29.18", Either, "RFC 5280 section 4.2.1.7"),
    (BASIC_CONSTRAINTS, Either, "RFC 5280 section 4.2.1.9"),
    (NAME_CONSTRAINTS, Always, "RFC 5280 section 4.2.1.10"),
    ("2.5.29.31", Either, "RFC 5280 section 4.2.1.13"),
    ("2.5.29.32", Either, "RFC 5280 section 4.2.1.4"),
    ("2.5.29.33", Either, "RFC 5280 section 4.2.1.5"),
    ("2.5.29.35", Never, "RFC 5280 section 4.2.1.1"),
    ("2.5.29.36", Always, "RFC 5280 section 4.2.1.11"),
    (EXTENDED_KEY_USAGE, Either, "RFC 5280 section 4.2.1.12"),
    ("2.5.29.46", Never, "RFC 5280 section 4.2.1.15"),
    ("2.5.29.54", Always, "RFC 5280 section 4.2.1.14"),
    ("1.3.6.1.5.5.7.1.1", Never, "RFC 5280 section 4.2.2.1"),
    ("1.3.6.1.5.5.7.1.11", Never, "RFC 5280 section 4.2.2.2"),
    ("1.3.6.1.4.1.11129.2.4.2", Never, "RFC 6962 section 3.3"),
    ("1.3.6.1.4.1.11129.2.4.3", Always, "RFC 6962 section 3.1"),
];

pub(super) const AUTHORITY_KEY: &str = "2.5.29.35";
const DISTRIBUTION_POINTS: &str = "2.5.29.31";
pub(super) const FRESHEST_LIST: &str = "2.5.29.46";
const INHIBIT_ANY_POLICY: &str = "2.5.29.54";
const POLICIES: &str = "2.5.29.32";
const POLICY_CONSTRAINTS: &str = "2.5.29.36";
const POLICY_MAPPINGS: &str = "2.5.29.33";
const SUBJECT_KEY: &str = "2.5.29.14";
const KEY_USAGE: &str = "2.5.29.15";
const SUBJECT_ALT_NAME: &str = "2.5.29.17";
const BASIC_CONSTRAINTS: &str = "2.5.29.19";
const NAME_CONSTRAINTS: &str = "2.5.29.30";
const EXTENDED_KEY_USAGE: &str = "2.5.29.37";

/// One extension as it stands.
pub(super) struct Extension<'a> {
    pub(super) oid: String,
    /// The content of its identifier.
    id: &'a [u8],
    critical: bool,
    pub(super) value: &'a [u8],
}

impl Extension<'_> {
    fn name(&self) -> Cow<'static, str> {
        match extension_name(&self.oid) {
            Some(name) => name.into(),
            None => format!("extension {}", self.oid).into(),
        }
    }
}

/// Where it is written what an extension of a certificate is.
pub(in crate::inspect) fn section(oid: &str) -> &'static str {
    OF_CERTIFICATES.iter().find(|(known, ..)| *known == oid).map_or("RFC 5280 section 4.2", |known| known.2)
}

pub(super) fn of_certificate(list: &Element<'_>, parts: &Parts<'_>, odd: &mut Oddities) {
    let empty_subject = parts.subject.is_some_and(|subject| subject.content.is_empty());
    let extensions = all(list, odd);
    criticality(&extensions, &OF_CERTIFICATES, odd);
    values(&extensions, odd);
    let names = extensions.iter().find(|extension| extension.oid == SUBJECT_ALT_NAME);
    match names {
        Some(names) if empty_subject && !names.critical => odd.tell(
            "the subject is empty, and the alternative names that stand for it are not critical",
            "RFC 5280 section 4.2.1.6",
        ),
        None if empty_subject => {
            odd.tell(
                "the subject is empty and no alternative name stands for it",
                "RFC 5280 section 4.1.2.6",
            );
        }
        _ => {}
    }
    constraints(&extensions, parts.key.as_ref(), odd);
    email_addresses(parts, names, odd);
}

/// A mail address in the subject belongs among the alternative names as well (RFC 5280 section 4.1.2.6).
fn email_addresses(parts: &Parts<'_>, names: Option<&Extension<'_>>, odd: &mut Oddities) {
    /// The `emailAddress` of PKCS #9.
    const EMAIL: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 1];
    let sets = parts.subject.and_then(|subject| elements(subject.content)).unwrap_or_default();
    let mut attributes = sets.iter().flat_map(|set| elements(set.content).unwrap_or_default());
    let has_email = attributes.any(|pair| read(pair.content).is_some_and(|(oid, _)| oid.content == EMAIL));
    let names = names.and_then(|names| read(names.value)).and_then(|(list, _)| elements(list.content));
    if has_email && !names.unwrap_or_default().iter().any(|name| name.tag == 0x81) {
        odd.tell(
            "a mail address stands in the subject and not among the alternative names",
            "RFC 5280 section 4.1.2.6",
        );
    }
}

pub(super) fn of_request(list: &Element<'_>, odd: &mut Oddities) {
    let extensions = all(list, odd);
    values(&extensions, odd);
}

/// Reads every extension of a list, and tells what is odd about each as such.
pub(super) fn all<'a>(list: &Element<'a>, odd: &mut Oddities) -> Vec<Extension<'a>> {
    if list.content.is_empty() {
        odd.tell("the list of extensions is there and empty", "RFC 5280 section 4.1");
    }
    let mut found: Vec<Extension<'a>> = Vec::new();
    let mut seen = BTreeSet::new();
    for element in elements(list.content).unwrap_or_default() {
        let Some(extension) = one(&element, odd) else {
            odd.tell("an extension is not made as one is", "RFC 5280 section 4.1");
            continue;
        };
        let name = extension.name();
        if !seen.insert(extension.id) {
            odd.tell(format!("the {name} stands there more than once"), "RFC 5280 section 4.2");
        }
        match ber::examine(extension.value) {
            Ok(examined) => {
                for oddity in examined.oddities {
                    odd.tell(format!("in the {name}: {}", oddity.what), oddity.source);
                }
                if !examined.rest.is_empty() {
                    odd.tell(
                        format!("{} bytes follow the {name}", examined.rest.len()),
                        section(&extension.oid),
                    );
                }
            }
            // What is not known need not be DER to whoever wrote it, but RFC 5280 says that it is.
            Err(error) => odd.tell(format!("the {name} is not DER: {error}"), "RFC 5280 section 4.2"),
        }
        found.push(extension);
    }
    found
}

fn one<'a>(element: &Element<'a>, odd: &mut Oddities) -> Option<Extension<'a>> {
    let parts = elements(element.content)?;
    let (oid, critical, value) = match parts.as_slice() {
        [oid, value] => (oid, None, value),
        [oid, critical, value] => (oid, Some(critical.content), value),
        _ => return None,
    };
    let id = oid.content;
    let oid = object_identifier(id)?;
    let extension =
        Extension { oid, id, critical: critical.is_some_and(|flag| flag != [0]), value: value.content };
    if critical == Some(&[0]) {
        odd.tell(
            format!("`critical` of the {} is FALSE written out, and that is the default", extension.name()),
            "X.690 section 11.5",
        );
    }
    (value.tag == tag::OCTET_STRING).then_some(extension)
}

pub(super) fn criticality(
    extensions: &[Extension<'_>],
    table: &[(&str, Critical, &'static str)],
    odd: &mut Oddities,
) {
    for extension in extensions {
        let Some((_, rule, source)) = table.iter().find(|(oid, ..)| *oid == extension.oid) else { continue };
        let name = extension.name();
        match rule {
            Always if !extension.critical => {
                odd.tell(format!("the {name} is not critical, and must be"), source);
            }
            Never if extension.critical => {
                odd.tell(format!("the {name} is critical, and must not be"), source);
            }
            _ => {}
        }
    }
}

/// What extensions may not say, each for itself.
fn values(extensions: &[Extension<'_>], odd: &mut Oddities) {
    for extension in extensions {
        let source = section(&extension.oid);
        let Some((value, _)) = read(extension.value) else { continue };
        let name = extension.name();
        match extension.oid.as_str() {
            EXTENDED_KEY_USAGE | POLICIES | POLICY_MAPPINGS | DISTRIBUTION_POINTS | FRESHEST_LIST
            | "1.3.6.1.5.5.7.1.1" | "1.3.6.1.5.5.7.1.11" | "2.5.29.9" | SUBJECT_ALT_NAME | "2.5.29.18"
                if value.content.is_empty() =>
            {
                odd.tell(format!("the {name} is empty"), source);
            }
            KEY_USAGE => key_usage(&value, odd),
            POLICIES => policy::policies(&value, odd),
            POLICY_MAPPINGS => policy::mappings(&value, odd),
            POLICY_CONSTRAINTS => policy::constraints(&value, odd),
            INHIBIT_ANY_POLICY if value.content.first().is_some_and(|byte| *byte >= 0x80) => {
                odd.tell("the inhibitAnyPolicy is negative", source);
            }
            SUBJECT_ALT_NAME | "2.5.29.18" => general_name::list(&value, odd),
            NAME_CONSTRAINTS => general_name::constraints(&value, odd),
            DISTRIBUTION_POINTS | FRESHEST_LIST => distribution_points(&value, &name, source, odd),
            AUTHORITY_KEY => authority_key(&value, odd),
            EXTENDED_KEY_USAGE => purposes(&value, odd),
            SUBJECT_KEY if value.content.is_empty() => {
                odd.tell("the subject key identifier is empty", source);
            }
            BASIC_CONSTRAINTS => {
                let parts = elements(value.content).unwrap_or_default();
                if parts.first().is_some_and(|flag| flag.whole == [1, 1, 0]) {
                    odd.tell("`cA` is FALSE written out, and that is the default", "X.690 section 11.5");
                }
            }
            _ => {}
        }
    }
}

/// `[0]` the key, `[1]` the issuer's names, `[2]` its serial number: the last two together or not at all.
pub(super) fn authority_key(value: &Element<'_>, odd: &mut Oddities) {
    const SOURCE: &str = "RFC 5280 section 4.2.1.1";
    let parts = elements(value.content).unwrap_or_default();
    let part = |tag: u8| parts.iter().find(|part| part.tag == tag);
    if parts.is_empty() {
        odd.tell("the authority key identifier is empty", SOURCE);
    }
    if part(0x80).is_some_and(|key| key.content.is_empty()) {
        odd.tell("the key of the authority key identifier is empty", SOURCE);
    }
    match (part(0xa1), part(0x82)) {
        (Some(_), None) => {
            odd.tell("the authority key identifier names the issuer and no serial number", SOURCE);
        }
        (None, Some(_)) => {
            odd.tell("the authority key identifier has a serial number and no issuer", SOURCE);
        }
        (Some(names), Some(serial)) => {
            if names.content.is_empty() {
                odd.tell("the issuer of the authority key identifier is empty", SOURCE);
            }
            super::serial_content(serial.content, "the serial number of the authority key identifier", odd);
        }
        (None, None) => {}
    }
}

fn purposes(value: &Element<'_>, odd: &mut Oddities) {
    let mut seen = BTreeSet::new();
    for purpose in elements(value.content).unwrap_or_default() {
        if purpose.tag != tag::OBJECT_IDENTIFIER {
            odd.tell(
                "a purpose of the extendedKeyUsage is no object identifier",
                "RFC 5280 section 4.2.1.12",
            );
        } else if !seen.insert(purpose.content) {
            let oid = object_identifier(purpose.content).unwrap_or_default();
            odd.tell(
                format!("the purpose {oid} stands in the extendedKeyUsage more than once"),
                "RFC 5280 section 4.2.1.12",
            );
        }
    }
}

/// Each is `[0]` a name, `[1]` reasons, `[2]` the list's issuer; not reasons alone.
pub(super) fn distribution_points(
    value: &Element<'_>,
    which: &str,
    source: &'static str,
    odd: &mut Oddities,
) {
    for point in elements(value.content).unwrap_or_default() {
        let parts = elements(point.content).unwrap_or_default();
        let part = |tag: u8| parts.iter().find(|part| part.tag == tag);
        if part(0xa0).is_none() && part(0xa2).is_none() {
            odd.tell(format!("a point of the {which} has neither a name nor an issuer"), source);
        }
        if part(0xa2).is_some_and(|issuer| issuer.content.is_empty()) {
            odd.tell(format!("the issuer of a point of the {which} is empty"), source);
        }
        // [0] fullName or [1] nameRelativeToCRLIssuer.
        let name = part(0xa0).and_then(|name| read(name.content)).map(|(name, _)| name);
        match name {
            Some(name) if name.tag == 0xa0 && name.content.is_empty() => {
                odd.tell(format!("the name of a point of the {which} is empty"), source);
            }
            Some(name) if name.tag == 0xa0 => general_name::list(&name, odd),
            _ => {}
        }
    }
}

fn key_usage(value: &Element<'_>, odd: &mut Oddities) {
    const SOURCE: &str = "RFC 5280 section 4.2.1.3";
    let Some((unused, bits)) = value.content.split_first() else { return };
    if bits.iter().all(|byte| *byte == 0) {
        odd.tell("the key usage has no bit set", SOURCE);
    } else if bits.last().is_some_and(|last| last.trailing_zeros() != u32::from(*unused)) {
        odd.tell("the key usage ends in bits that are not set", "X.690 section 11.2.2");
    }
    // Nine bits have a meaning.
    if bits.get(1).is_some_and(|second| second & 0x7f != 0)
        || bits.get(2..).is_some_and(|more| !more.is_empty())
    {
        odd.tell("the key usage has bits without a meaning", SOURCE);
    }
    let has = |byte: usize, mask: u8| bits.get(byte).is_some_and(|bits| bits & mask != 0);
    if (has(0, 0x01) || has(1, 0x80)) && !has(0, 0x08) {
        odd.tell(
            "the key usage has encipherOnly or decipherOnly without keyAgreement, which means nothing",
            SOURCE,
        );
    }
}

/// What extensions may not say beside each other.
fn constraints(extensions: &[Extension<'_>], key: Option<&Element<'_>>, odd: &mut Oddities) {
    const SOURCE: &str = "RFC 5280 section 4.2.1.9";
    let find = |oid: &str| extensions.iter().find(|extension| extension.oid == oid);
    let basic = find(BASIC_CONSTRAINTS);
    let parts = basic.and_then(|basic| read(basic.value)).and_then(|(value, _)| elements(value.content));
    let parts = parts.unwrap_or_default();
    let ca = parts.first().is_some_and(|flag| flag.tag == 1 && flag.content != [0]);
    let usage = find(KEY_USAGE).and_then(|usage| read(usage.value)).map(|(value, _)| value.content);
    // keyCertSign is bit 5, the first bit being the highest of the byte after the count of unused ones.
    let signs = usage.map(|bits| bits.get(1).is_some_and(|bits| bits & 0x04 != 0));
    if ca && basic.is_some_and(|basic| !basic.critical) {
        odd.tell("the basic constraints of a CA are not critical, and must be", SOURCE);
    }
    if let Some(length) = parts.iter().find(|part| part.tag == tag::INTEGER) {
        if !ca {
            odd.tell("a path length is given, and it is no CA", SOURCE);
        } else if signs == Some(false) {
            odd.tell("a path length is given, and the key usage does not admit keyCertSign", SOURCE);
        }
        if length.content.first().is_some_and(|byte| *byte >= 0x80) {
            odd.tell("the path length is negative", SOURCE);
        }
    }
    if signs == Some(true) && !ca {
        odd.tell("the key usage admits keyCertSign, and it is no CA", SOURCE);
    }
    if find(NAME_CONSTRAINTS).is_some() && !ca {
        odd.tell("it has name constraints, and it is no CA", "RFC 5280 section 4.2.1.10");
    }
    for (oid, what) in [
        (POLICY_MAPPINGS, "policy mappings"),
        (POLICY_CONSTRAINTS, "policy constraints"),
        (INHIBIT_ANY_POLICY, "inhibitAnyPolicy"),
    ] {
        if find(oid).is_some() && !ca {
            odd.tell(format!("it has {what}, and it is no CA"), section(oid));
        }
    }
    // anyExtendedKeyUsage.
    let any: &[u8] = &[0x55, 0x1d, 0x25, 0];
    let purposes = find(EXTENDED_KEY_USAGE).filter(|purposes| purposes.critical);
    let purposes =
        purposes.and_then(|purposes| read(purposes.value)).and_then(|(list, _)| elements(list.content));
    if purposes.unwrap_or_default().iter().any(|purpose| purpose.content == any) {
        odd.tell("the extendedKeyUsage is critical and admits any purpose", "RFC 5280 section 4.2.1.12");
    }
    if let (Some(key), Some(bits)) = (key, usage) {
        key::usages(key, bits, odd);
    }
}
