//! Extensions (RFC 5280 sections 4.2 and 5.2).

use std::collections::BTreeSet;

use super::super::ber;
use super::super::oid::extension_name;
use super::Oddities;
use crate::x509::der::{Element, elements, object_identifier, read, tag};

/// What a standard says with MUST about the criticality of an extension.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Critical {
    Always,
    Never,
    /// It leaves it open, or depends on the rest.
    Either,
}
use Critical::{Always, Either, Never};

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

/// Extensions of revocation lists.
const OF_LISTS: [(&str, Critical, &str); 5] = [
    ("2.5.29.20", Never, "RFC 5280 section 5.2.3"),
    ("2.5.29.27", Always, "RFC 5280 section 5.2.4"),
    ("2.5.29.28", Always, "RFC 5280 section 5.2.5"),
    ("2.5.29.35", Never, "RFC 5280 section 5.2.1"),
    ("2.5.29.46", Never, "RFC 5280 section 5.2.6"),
];

const SUBJECT_KEY: &str = "2.5.29.14";
const KEY_USAGE: &str = "2.5.29.15";
const SUBJECT_ALT_NAME: &str = "2.5.29.17";
const BASIC_CONSTRAINTS: &str = "2.5.29.19";
const NAME_CONSTRAINTS: &str = "2.5.29.30";
const EXTENDED_KEY_USAGE: &str = "2.5.29.37";

/// One extension as it stands.
struct Extension<'a> {
    oid: String,
    critical: bool,
    value: &'a [u8],
}

impl Extension<'_> {
    fn name(&self) -> String {
        extension_name(&self.oid).map_or_else(|| format!("extension {}", self.oid), str::to_owned)
    }
}

/// Where it is written what an extension of a certificate is.
pub(in crate::inspect) fn section(oid: &str) -> &'static str {
    OF_CERTIFICATES.iter().find(|(known, ..)| *known == oid).map_or("RFC 5280 section 4.2", |known| known.2)
}

pub(super) fn of_certificate(list: &Element<'_>, empty_subject: bool, odd: &mut Oddities) {
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
    constraints(&extensions, odd);
}

pub(super) fn of_request(list: &Element<'_>, odd: &mut Oddities) {
    let extensions = all(list, odd);
    values(&extensions, odd);
}

pub(super) fn of_list(list: &Element<'_>, odd: &mut Oddities) {
    let extensions = all(list, odd);
    criticality(&extensions, &OF_LISTS, odd);
    if !extensions.iter().any(|extension| extension.oid == "2.5.29.20") {
        odd.tell("it has no CRL number", "RFC 5280 section 5.2.3");
    }
}

/// Reads every extension of a list, and tells what is odd about each as such.
fn all<'a>(list: &Element<'a>, odd: &mut Oddities) -> Vec<Extension<'a>> {
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
        if !seen.insert(extension.oid.clone()) {
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
    let oid = object_identifier(oid.content)?;
    let extension =
        Extension { oid, critical: critical.is_some_and(|flag| flag != [0]), value: value.content };
    if critical == Some(&[0]) {
        odd.tell(
            format!("`critical` of the {} is FALSE written out, and that is the default", extension.name()),
            "X.690 section 11.5",
        );
    }
    (value.tag == tag::OCTET_STRING).then_some(extension)
}

fn criticality(extensions: &[Extension<'_>], table: &[(&str, Critical, &'static str)], odd: &mut Oddities) {
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
            KEY_USAGE => key_usage(&value, odd),
            EXTENDED_KEY_USAGE | "2.5.29.32" | "2.5.29.33" | "2.5.29.31" | "1.3.6.1.5.5.7.1.1"
                if value.content.is_empty() =>
            {
                odd.tell(format!("the {name} is empty"), source);
            }
            SUBJECT_ALT_NAME | "2.5.29.18" => {
                if value.content.is_empty() {
                    odd.tell(format!("the {name} is empty"), source);
                }
                for name in elements(value.content).unwrap_or_default() {
                    general_name(&name, [4, 16], source, odd);
                }
            }
            NAME_CONSTRAINTS => {
                if value.content.is_empty() {
                    odd.tell("the name constraints are empty", source);
                }
                for subtrees in elements(value.content).unwrap_or_default() {
                    for subtree in elements(subtrees.content).unwrap_or_default() {
                        let parts = elements(subtree.content).unwrap_or_default();
                        if let Some(base) = parts.first() {
                            general_name(base, [8, 32], source, odd);
                        }
                        if parts.len() > 1 {
                            odd.tell("a name constraint has a minimum or a maximum", source);
                        }
                    }
                }
            }
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

fn key_usage(value: &Element<'_>, odd: &mut Oddities) {
    let Some((unused, bits)) = value.content.split_first() else { return };
    if bits.iter().all(|byte| *byte == 0) {
        odd.tell("the key usage has no bit set", "RFC 5280 section 4.2.1.3");
    } else if bits.last().is_some_and(|last| last.trailing_zeros() != u32::from(*unused)) {
        odd.tell("the key usage ends in bits that are not set", "X.690 section 11.2.2");
    }
}

/// A general name (RFC 5280 section 4.2.1.6); an address has one of two lengths.
fn general_name(name: &Element<'_>, lengths: [usize; 2], source: &'static str, odd: &mut Oddities) {
    let kind = match name.tag {
        0x81 => "rfc822Name",
        0x82 => "dNSName",
        0x86 => "uniformResourceIdentifier",
        0x87 => {
            let length = name.content.len();
            if !lengths.contains(&length) {
                let [short, long] = lengths;
                odd.tell(format!("an iPAddress has {length} bytes, not {short} or {long}"), source);
            }
            return;
        }
        _ => return,
    };
    if !name.content.is_ascii() {
        odd.tell(format!("a {kind} is not ASCII, and it is an IA5String"), source);
    }
    if name.content.is_empty() || name.content == b" " {
        odd.tell(format!("a {kind} is empty"), source);
    }
}

/// What extensions may not say beside each other.
fn constraints(extensions: &[Extension<'_>], odd: &mut Oddities) {
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
}
