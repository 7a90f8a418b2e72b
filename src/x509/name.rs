//! Distinguished names (RFC 5280 section 4.1.2.4), with every value of every attribute kept.

use std::fmt;

use x509_parser::prelude::FromDer;

use super::der::{element, tag};
use super::text::Printable;
use super::text::dotted;
use super::words::words;
use super::{X509Error, structure};

/// A distinguished name: its DER, byte for byte, and what it says.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Name {
    der: Vec<u8>,
    attributes: Vec<Attribute>,
}

/// One attribute of a name, in the order of the encoding.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Attribute {
    /// The type as a dotted object identifier, `2.5.4.3` for the common name.
    pub oid: String,
    /// The value; bytes that are not a text become U+FFFD.
    pub value: String,
    /// Whether it shares its relative distinguished name with the attribute before it (`A=1+B=2`).
    pub joined: bool,
}

impl Attribute {
    /// The type's short name, `CN` for example; the dotted object identifier where there is none.
    pub fn short_name(&self) -> &str {
        let rare = || SHOWN.iter().find(|(oid, _)| *oid == self.oid).map(|(_, short)| *short);
        self.known().map(|(short, ..)| *short).or_else(rare).unwrap_or(&self.oid)
    }

    /// The longest value that RFC 5280 appendix A.1 (for DC: RFC 1035) admits, in characters, where it is known.
    pub fn upper_bound(&self) -> Option<usize> {
        self.known().map(|(.., longest)| *longest)
    }

    fn known(&self) -> Option<&'static (&'static str, &'static str, &'static [u8], usize)> {
        TYPES.iter().find(|(_, oid, ..)| *oid == self.oid)
    }
}

/// The common name, `CN`: the user name in Kubernetes.
pub const COMMON_NAME: &str = "2.5.4.3";
/// The organization, `O`: a group in Kubernetes.
pub const ORGANIZATION: &str = "2.5.4.10";
/// The organizational unit, `OU`: nothing in Kubernetes.
pub const ORGANIZATIONAL_UNIT: &str = "2.5.4.11";

/// Attribute types with a short name, and the longest value that RFC 5280 appendix A.1 admits, in
/// characters. The DER of a type is its object identifier, encoded.
const TYPES: &[(&str, &str, &[u8], usize)] = &[
    ("CN", COMMON_NAME, &[0x55, 4, 3], 64),
    ("O", ORGANIZATION, &[0x55, 4, 10], 64),
    ("OU", "2.5.4.11", &[0x55, 4, 11], 64),
    ("C", "2.5.4.6", &[0x55, 4, 6], 2),
    ("ST", "2.5.4.8", &[0x55, 4, 8], 128),
    ("L", "2.5.4.7", &[0x55, 4, 7], 128),
    ("serialNumber", "2.5.4.5", &[0x55, 4, 5], 64),
    ("DC", "0.9.2342.19200300.100.1.25", &[0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 1, 25], 63),
];

/// Attribute types that are shown by name and never written (RFC 5280 appendix A.1, RFC 4519, RFC 2985).
const SHOWN: [(&str, &str); 14] = [
    ("1.2.840.113549.1.9.1", "emailAddress"),
    ("0.9.2342.19200300.100.1.1", "UID"),
    ("2.5.4.4", "SN"),
    ("2.5.4.9", "street"),
    ("2.5.4.12", "title"),
    ("2.5.4.13", "description"),
    ("2.5.4.15", "businessCategory"),
    ("2.5.4.17", "postalCode"),
    ("2.5.4.41", "name"),
    ("2.5.4.42", "GN"),
    ("2.5.4.43", "initials"),
    ("2.5.4.44", "generationQualifier"),
    ("2.5.4.46", "dnQualifier"),
    ("2.5.4.65", "pseudonym"),
];

impl Name {
    /// The name with these organizations, each in a relative distinguished name of its own, and
    /// then the common name: the order in which Kubernetes' own tools write them.
    ///
    /// # Errors
    /// [`X509Error::Name`] when a value is empty, too long or holds control characters.
    pub fn new(common_name: Option<&str>, organizations: &[impl AsRef<str>]) -> Result<Self, X509Error> {
        let mut attributes: Vec<(&str, &str)> = organizations.iter().map(|o| ("O", o.as_ref())).collect();
        attributes.extend(common_name.map(|cn| ("CN", cn)));
        Self::from_attributes(&attributes)
    }

    /// The name with these attributes in this order, by their short names (`CN`, `O`, `OU`, `C`,
    /// `ST`, `L`, `DC`, `serialNumber`).
    ///
    /// # Errors
    /// [`X509Error::Name`] when a short name is unknown or a value is empty, too long or holds
    /// control characters.
    pub fn from_attributes(wanted: &[(&str, &str)]) -> Result<Self, X509Error> {
        let mut content = Vec::new();
        let mut attributes = Vec::new();
        for &(short, value) in wanted {
            let problem = |reason| X509Error::Name {
                attribute: short.to_owned(),
                value: Printable(value).to_string(),
                reason,
            };
            let &(short, oid, oid_der, longest) = TYPES
                .iter()
                .find(|(known, ..)| known.eq_ignore_ascii_case(short))
                .ok_or_else(|| problem("the attribute is not known; CN, O, OU, C, ST, L, DC are"))?;
            if value.is_empty() {
                return Err(problem("it is empty"));
            }
            if value.chars().any(char::is_control) {
                return Err(problem("it holds a control character"));
            }
            if value.chars().count() > longest {
                return Err(problem("it is longer than RFC 5280 appendix A.1 admits"));
            }
            // PrintableString where it fits, as Go and openssl's strict mode write it; DC is IA5String (RFC 4519).
            let string = match short {
                "DC" if value.is_ascii() => 0x16,
                "DC" => return Err(problem("it is not ASCII")),
                _ if is_printable_string(value) => tag::PRINTABLE_STRING,
                _ => tag::UTF8_STRING,
            };
            let kind = element(tag::OBJECT_IDENTIFIER, &[oid_der]);
            let value_der = element(string, &[value.as_bytes()]);
            let pair = element(tag::SEQUENCE, &[&kind, &value_der]);
            content.extend(element(tag::SET, &[&pair]));
            attributes.push(Attribute { oid: oid.to_owned(), value: value.to_owned(), joined: false });
        }
        Ok(Self { der: element(tag::SEQUENCE, &[&content]), attributes })
    }

    /// Reads a name from the DER of its `RDNSequence`.
    ///
    /// # Errors
    /// [`X509Error::Malformed`] when it is not one, or something follows it.
    pub fn from_der(der: &[u8]) -> Result<Self, X509Error> {
        let malformed = |reason: String| X509Error::Malformed { what: "name", reason };
        let (rest, name) =
            x509_parser::x509::X509Name::from_der(der).map_err(|error| malformed(words(&error).into()))?;
        if !rest.is_empty() {
            return Err(malformed("bytes follow it".into()));
        }
        Self::read(&name)
    }

    pub(super) fn read(name: &x509_parser::x509::X509Name<'_>) -> Result<Self, X509Error> {
        // A part that x509-parser cannot read it leaves out, with all that follows.
        if !structure::is_name(name.as_raw()) {
            let reason = "it is not a sequence of sets of pairs".to_owned();
            return Err(X509Error::Malformed { what: "name", reason });
        }
        let attributes = name
            .iter_rdn()
            .flat_map(|rdn| rdn.iter().enumerate())
            .map(|(at, attribute)| Attribute {
                oid: dotted(attribute.attr_type()),
                value: text_of(attribute.attr_value().tag().0, attribute.attr_value().data),
                joined: at > 0,
            })
            .collect();
        Ok(Self { der: name.as_raw().to_vec(), attributes })
    }

    /// This name with one relative distinguished name more: the DER of its attributes (RFC 5280 section 4.2.1.13,
    /// `nameRelativeToCRLIssuer`).
    pub fn with_relative(&self, attributes: &[u8]) -> Option<Self> {
        let (own, _) = super::der::read(&self.der)?;
        Self::from_der(&element(tag::SEQUENCE, &[own.content, &element(tag::SET, &[attributes])])).ok()
    }

    /// The DER of its `RDNSequence`.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// Every attribute, in the order of the encoding.
    pub fn attributes(&self) -> &[Attribute] {
        &self.attributes
    }

    /// Whether it has no attribute at all.
    pub fn is_empty(&self) -> bool {
        self.attributes.is_empty()
    }

    /// Every value of the attribute with this dotted object identifier.
    pub fn values<'a>(&'a self, oid: &'a str) -> impl Iterator<Item = &'a str> {
        self.attributes.iter().filter(move |a| a.oid == oid).map(|a| a.value.as_str())
    }

    /// The first common name.
    pub fn common_name(&self) -> Option<&str> {
        self.values(COMMON_NAME).next()
    }

    /// Every organization, in the order of the encoding.
    pub fn organizations(&self) -> Vec<&str> {
        self.values(ORGANIZATION).collect()
    }
}

/// The characters of `PrintableString` (X.680 section 41.4).
fn is_printable_string(value: &str) -> bool {
    value.bytes().all(|b| b.is_ascii_alphanumeric() || b" '()+,-./:=?".contains(&b))
}

/// The text of a string of one of ASN.1's kinds (X.680 section 41); what does not decode is replaced.
fn text_of(kind: u32, data: &[u8]) -> String {
    match kind {
        // TeletexString, as everybody reads it: Latin-1.
        0x14 => data.iter().map(|&byte| char::from(byte)).collect(),
        // BMPString: UTF-16, big-endian.
        0x1e => {
            let units: Vec<u16> = data
                .chunks(2)
                .map(|pair| pair.iter().fold(0, |unit, &byte| unit << 8 | u16::from(byte)))
                .collect();
            String::from_utf16_lossy(&units)
        }
        // UniversalString: UTF-32, big-endian.
        0x1c => data
            .chunks(4)
            .map(|unit| {
                let number = <[u8; 4]>::try_from(unit).map(u32::from_be_bytes);
                number.ok().and_then(char::from_u32).unwrap_or(char::REPLACEMENT_CHARACTER)
            })
            .collect(),
        _ => String::from_utf8_lossy(data).into_owned(),
    }
}

impl fmt::Display for Name {
    /// `O=dev, O=ops, CN=jane`: in the order of the encoding, with whatever could move a terminal escaped, and a backslash
    /// before what would pass for the end of a value (RFC 4514 section 2.4): `CN=a, O=b` may be one value.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("(empty)");
        }
        for (at, attribute) in self.attributes.iter().enumerate() {
            if at > 0 {
                f.write_str(if attribute.joined { "+" } else { ", " })?;
            }
            write!(f, "{}=", attribute.short_name())?;
            let mut parts = attribute.value.split_inclusive([',', '+', '\\']);
            parts.try_for_each(|part| match part.strip_suffix([',', '+', '\\']) {
                Some(before) => {
                    write!(f, "{}\\{}", Printable(before), part.get(before.len()..).unwrap_or_default())
                }
                None => write!(f, "{}", Printable(part)),
            })?;
        }
        Ok(())
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Name({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_organizations_survive_the_round_trip() {
        let name = Name::new(Some("jane"), &["dev", "ops"]).unwrap();
        assert_eq!(name.to_string(), "O=dev, O=ops, CN=jane");
        assert_eq!(Name::from_der(name.der()).unwrap(), name);
        assert_eq!(name.organizations(), ["dev", "ops"]);
    }

    #[test]
    fn values_that_would_mislead_are_refused() {
        let long = "x".repeat(65);
        for value in ["", "a\nb", "a\u{1b}[31m", "a\0", long.as_str()] {
            assert!(Name::new(Some(value), &[""; 0]).is_err(), "{value:?}");
        }
        assert!(Name::from_attributes(&[("XX", "y")]).is_err());
    }

    #[test]
    fn a_hostile_name_cannot_move_the_terminal() {
        // A UTF8String that holds an escape sequence and a bidirectional override.
        let value = "a\u{1b}[2J\u{202e}b";
        let pair =
            element(tag::SEQUENCE, &[&[6, 3, 0x55, 4, 3], &element(tag::UTF8_STRING, &[value.as_bytes()])]);
        let der = element(tag::SEQUENCE, &[&element(tag::SET, &[&pair])]);
        assert_eq!(Name::from_der(&der).unwrap().to_string(), "CN=a\\u{1b}[2J\\u{202e}b");
    }

    #[test]
    fn one_value_does_not_pass_for_two() {
        let name = Name::new(Some(r"jane, O=system:masters+x\"), &["Example, Inc."]).unwrap();
        assert_eq!(name.to_string(), r"O=Example\, Inc., CN=jane\, O=system:masters\+x\\");
    }
}
