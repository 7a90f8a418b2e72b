//! Names (RFC 5280 section 4.1.2.4).

use std::fmt;

use super::Oddities;
use crate::x509::der::{Element, elements, object_identifier, read, tag};
use crate::x509::{Attribute, Name};

const NAMES: &str = "RFC 5280 section 4.1.2.4";
const BOUNDS: &str = "RFC 5280 appendix A.1";

/// An attribute, as it is spoken of.
struct What<'a> {
    short: &'a str,
    whose: &'a str,
}

impl fmt::Display for What<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in the {}", self.short, self.whose)
    }
}

/// Looks at an `RDNSequence`; `whose` says which.
pub(super) fn name(element: &Element<'_>, whose: &str, odd: &mut Oddities) {
    let Some(sets) = elements(element.content) else {
        odd.tell(format!("the {whose} is not made of elements"), "X.690 section 8.9");
        return;
    };
    // The longest values and their short names are those of the reader.
    let read_name = Name::from_der(element.whole).ok();
    let mut bounds = read_name.iter().flat_map(Name::attributes);
    for set in sets {
        let attributes = elements(set.content).unwrap_or_default();
        if attributes.is_empty() {
            odd.tell(format!("an empty part stands in the {whose}"), NAMES);
        }
        let mut types = Vec::new();
        for attribute in attributes {
            let known = bounds.next();
            let Some((oid, value)) = read(attribute.content) else { continue };
            let Some((value, _)) = read(value) else { continue };
            let dotted = object_identifier(oid.content).unwrap_or_default();
            let short = known.map_or(dotted.as_str(), |attribute| attribute.short_name());
            let what = What { short, whose };
            string(&value, &dotted, &what, odd);
            // A set of many is a hostile one's.
            if types.len() < 20 {
                if types.contains(&oid.content) {
                    odd.tell(format!("{short} stands twice in one part of the {whose}"), "X.501 section 9.3");
                }
                types.push(oid.content);
            }
            if dotted == "2.5.4.6" && value.content.len() == 1 {
                odd.tell(format!("{what} is one letter, and a country has two"), BOUNDS);
            }
            if value.content.is_empty() {
                odd.tell(format!("{what} is empty"), BOUNDS);
            }
            if let Some(longest) = known.and_then(Attribute::upper_bound) {
                let length = known.map_or(0, |attribute| attribute.value.chars().count());
                if length > longest {
                    odd.tell(format!("{what} has {length} characters, and {longest} are the most"), BOUNDS);
                }
            }
        }
    }
}

/// The kinds of strings (X.680 section 41) and what may be in them.
fn string(value: &Element<'_>, oid: &str, what: &What<'_>, odd: &mut Oddities) {
    let all = |fits: fn(&u8) -> bool| value.content.iter().all(fits);
    match value.tag {
        tag::UTF8_STRING => {
            if std::str::from_utf8(value.content).is_err() {
                odd.tell(format!("{what} is a UTF8String and not UTF-8"), "RFC 3629 section 3");
            }
        }
        tag::PRINTABLE_STRING => {
            if !all(|byte| byte.is_ascii_alphanumeric() || b" '()+,-./:=?".contains(byte)) {
                odd.tell(
                    format!("{what} is a PrintableString with a character that it cannot hold"),
                    "X.680 section 41.4",
                );
            }
        }
        // dNSName-like attributes and e-mail addresses are IA5String.
        0x16 => {
            let allowed = ["0.9.2342.19200300.100.1.25", "1.2.840.113549.1.9.1"].contains(&oid);
            if !allowed {
                odd.tell(format!("{what} is an IA5String, which it may not be"), NAMES);
            }
            if !all(u8::is_ascii) {
                odd.tell(format!("{what} is an IA5String and not ASCII"), "X.680 section 41.2");
            }
        }
        0x14 => odd.tell(format!("{what} is a TeletexString (T61), read as Latin-1"), NAMES),
        0x1e => {
            odd.tell(format!("{what} is a BMPString (UTF-16)"), NAMES);
            if !value.content.len().is_multiple_of(2) {
                odd.tell(format!("{what} is a BMPString of an odd length"), "X.690 section 8.23.8");
            }
        }
        0x1c => odd.tell(format!("{what} is a UniversalString (UTF-32)"), NAMES),
        other => odd.tell(
            format!("{what} is no string of the kinds that names are made of, but of tag {other:#04x}"),
            NAMES,
        ),
    }
    // countryName and dnQualifier are PrintableString and nothing else.
    if ["2.5.4.6", "2.5.4.46", "2.5.4.5"].contains(&oid) && value.tag != tag::PRINTABLE_STRING {
        odd.tell(format!("{what} is not a PrintableString"), BOUNDS);
    }
}
