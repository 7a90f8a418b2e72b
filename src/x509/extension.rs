//! The extensions of certificates and of requests (RFC 5280 section 4.2).

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use x509_parser::extensions::{ParsedExtension, X509Extension};

use super::text::dotted;
use super::{ExtendedKeyUsage, KeyUsage, Printable, SubjectAltName, X509Error, check_dns_name};

/// An extension's value together with its criticality.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marked<T> {
    /// Whether a reader that does not know the extension must refuse the certificate.
    pub critical: bool,
    /// What it says.
    pub value: T,
}

/// Whether the subject is a CA, and how many CAs may follow it (section 4.2.1.9).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BasicConstraints {
    /// Whether the key may sign certificates.
    pub ca: bool,
    /// How many intermediate CAs may follow in a path.
    pub path_len: Option<u32>,
}

/// The key that signed (section 4.2.1.1).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AuthorityKeyIdentifier {
    /// The issuer's subject key identifier.
    pub key_identifier: Option<Vec<u8>>,
    /// Whether it also names the issuer's own issuer and serial number, so that the issuer cannot be re-issued.
    pub names_certificate: bool,
}

/// The name space of the certificates below a CA (section 4.2.1.10).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NameConstraints {
    /// Within these only, per kind of name.
    pub permitted: Vec<GeneralSubtree>,
    /// Never within these.
    pub excluded: Vec<GeneralSubtree>,
}

impl NameConstraints {
    /// Whether nothing is permitted and nothing excluded in particular.
    pub fn is_empty(&self) -> bool {
        self.permitted.is_empty() && self.excluded.is_empty()
    }
}

/// One part of a name space.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum GeneralSubtree {
    /// A domain and everything below it.
    Dns(String),
    /// A mailbox, or every mailbox of a host or domain.
    Email(String),
    /// A network: its address and the length of its prefix in bits.
    Ip(IpAddr, u8),
    /// A kind that is only shown.
    Other(String),
}

impl fmt::Display for GeneralSubtree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dns(name) => write!(f, "DNS:{}", Printable(name)),
            Self::Email(name) => write!(f, "email:{}", Printable(name)),
            Self::Ip(address, prefix) => write!(f, "IP:{address}/{prefix}"),
            Self::Other(text) => f.write_str(text),
        }
    }
}

impl FromStr for GeneralSubtree {
    type Err = X509Error;

    /// `dns:example.com`, `ip:10.0.0.0/8`, `email:example.com`, in any case.
    fn from_str(text: &str) -> Result<Self, X509Error> {
        let problem = |reason| X509Error::NameConstraint { value: Printable(text).to_string(), reason };
        let (kind, value) = text
            .split_once(':')
            .ok_or_else(|| problem("write dns:DOMAIN, ip:NETWORK/PREFIX or email:DOMAIN"))?;
        let domain = |value: &str| {
            let lower = value.to_ascii_lowercase();
            check_dns_name(&lower).map_err(problem)?;
            if lower.starts_with('*') {
                return Err(problem("a domain stands for all below it; leave the wildcard out"));
            }
            Ok(lower)
        };
        match kind.to_ascii_lowercase().as_str() {
            "dns" => domain(value).map(Self::Dns),
            "email" => domain(value).map(Self::Email),
            "ip" => {
                let net: ipnet::IpNet =
                    value.parse().map_err(|_| problem("it is not a network with its prefix length"))?;
                Ok(Self::Ip(net.network(), net.prefix_len()))
            }
            _ => Err(problem("write dns:DOMAIN, ip:NETWORK/PREFIX or email:DOMAIN")),
        }
    }
}

/// Every extension of a certificate or of a request.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Extensions {
    /// Basic constraints.
    pub basic_constraints: Option<Marked<BasicConstraints>>,
    /// Key usage.
    pub key_usage: Option<Marked<KeyUsage>>,
    /// Extended key usage.
    pub extended_key_usage: Option<Marked<Vec<ExtendedKeyUsage>>>,
    /// Subject alternative names.
    pub subject_alt_names: Option<Marked<Vec<SubjectAltName>>>,
    /// Subject key identifier.
    pub subject_key_identifier: Option<Marked<Vec<u8>>>,
    /// Authority key identifier.
    pub authority_key_identifier: Option<Marked<AuthorityKeyIdentifier>>,
    /// Name constraints.
    pub name_constraints: Option<Marked<NameConstraints>>,
    /// Every extension in the order of the encoding: dotted object identifier and criticality.
    pub all: Vec<(String, bool)>,
    /// Those that could not be read: dotted object identifier and reason.
    pub malformed: Vec<(String, String)>,
}

/// What this library reads; everything else is known by its identifier only.
const KNOWN: [&str; 7] =
    ["2.5.29.14", "2.5.29.15", "2.5.29.17", "2.5.29.19", "2.5.29.30", "2.5.29.35", "2.5.29.37"];

impl Extensions {
    pub(crate) fn read(extensions: &[X509Extension<'_>]) -> Self {
        let mut out = Self::default();
        for extension in extensions {
            let oid = dotted(&extension.oid);
            // x509-parser reads the value and says nothing about bytes behind it.
            let trailing = super::der::read(extension.value).is_some_and(|(_, rest)| !rest.is_empty());
            if trailing && KNOWN.contains(&oid.as_str()) {
                out.malformed.push((oid.clone(), "bytes follow its value".into()));
            }
            out.read_one(extension, &oid);
            out.all.push((oid, extension.critical));
        }
        out
    }

    fn read_one(&mut self, extension: &X509Extension<'_>, oid: &str) {
        let critical = extension.critical;
        match extension.parsed_extension() {
            ParsedExtension::BasicConstraints(constraints) => {
                let value =
                    BasicConstraints { ca: constraints.ca, path_len: constraints.path_len_constraint };
                self.basic_constraints = Some(Marked { critical, value });
            }
            ParsedExtension::KeyUsage(usage) => {
                self.key_usage = Some(Marked { critical, value: KeyUsage::from_flags(usage.flags) });
            }
            ParsedExtension::ExtendedKeyUsage(usage) => {
                self.extended_key_usage = Some(Marked { critical, value: purposes(usage) });
            }
            ParsedExtension::SubjectAlternativeName(san) => {
                let value = san.general_names.iter().map(SubjectAltName::read).collect();
                self.subject_alt_names = Some(Marked { critical, value });
            }
            ParsedExtension::SubjectKeyIdentifier(id) => {
                self.subject_key_identifier = Some(Marked { critical, value: id.0.to_vec() });
            }
            ParsedExtension::AuthorityKeyIdentifier(id) => {
                let value = AuthorityKeyIdentifier {
                    key_identifier: id.key_identifier.as_ref().map(|key| key.0.to_vec()),
                    names_certificate: id.authority_cert_serial.is_some()
                        || id.authority_cert_issuer.is_some(),
                };
                self.authority_key_identifier = Some(Marked { critical, value });
            }
            ParsedExtension::NameConstraints(constraints) => {
                let list = |subtrees: &Option<Vec<x509_parser::extensions::GeneralSubtree<'_>>>| {
                    subtrees.iter().flatten().map(|subtree| self::subtree(&subtree.base)).collect()
                };
                let value = NameConstraints {
                    permitted: list(&constraints.permitted_subtrees),
                    excluded: list(&constraints.excluded_subtrees),
                };
                self.name_constraints = Some(Marked { critical, value });
            }
            ParsedExtension::ParseError { error } => {
                self.malformed.push((oid.to_owned(), error.to_string()));
            }
            _ => {}
        }
    }

    /// The identifiers of extensions that stand there more than once, which RFC 5280 section 4.2 forbids.
    pub fn duplicates(&self) -> Vec<&str> {
        let mut seen = std::collections::BTreeSet::new();
        self.all.iter().map(|(oid, _)| oid.as_str()).filter(|oid| !seen.insert(*oid)).collect()
    }

    /// The identifiers of extensions that this library does not read.
    pub fn unknown(&self) -> impl Iterator<Item = &(String, bool)> {
        self.all.iter().filter(|(oid, _)| !KNOWN.contains(&oid.as_str()))
    }

    /// Every subject alternative name; none when the extension is absent.
    pub fn names(&self) -> &[SubjectAltName] {
        self.subject_alt_names.as_ref().map_or(&[], |san| &san.value)
    }

    /// Every purpose; none when the extension is absent.
    pub fn purposes(&self) -> &[ExtendedKeyUsage] {
        self.extended_key_usage.as_ref().map_or(&[], |eku| &eku.value)
    }

    /// Whether basic constraints say that the subject is a CA.
    pub fn is_ca(&self) -> bool {
        self.basic_constraints.as_ref().is_some_and(|constraints| constraints.value.ca)
    }
}

fn purposes(usage: &x509_parser::extensions::ExtendedKeyUsage<'_>) -> Vec<ExtendedKeyUsage> {
    let known = [
        (usage.server_auth, ExtendedKeyUsage::ServerAuth),
        (usage.client_auth, ExtendedKeyUsage::ClientAuth),
        (usage.code_signing, ExtendedKeyUsage::CodeSigning),
        (usage.email_protection, ExtendedKeyUsage::EmailProtection),
        (usage.time_stamping, ExtendedKeyUsage::TimeStamping),
        (usage.ocsp_signing, ExtendedKeyUsage::OcspSigning),
        (usage.any, ExtendedKeyUsage::Any),
    ];
    let other = usage.other.iter().map(|oid| ExtendedKeyUsage::Other(oid.to_id_string()));
    known.into_iter().filter(|(set, _)| *set).map(|(_, purpose)| purpose).chain(other).collect()
}

/// A name constraint's base: an address with its mask, or the name itself.
fn subtree(base: &x509_parser::extensions::GeneralName<'_>) -> GeneralSubtree {
    if let x509_parser::extensions::GeneralName::IPAddress(bytes) = base {
        let (address, mask) = bytes.split_at(bytes.len() / 2);
        let prefix: u32 = mask.iter().map(|byte| byte.count_ones()).sum();
        // A mask with a gap is no network (RFC 4632 section 3.1); to count its bits would invent one.
        let bits = mask.iter().flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1));
        if !bits.is_sorted_by(|before, after| before >= after) {
            return GeneralSubtree::Other(format!(
                "IP with a gap in its mask: {}",
                super::certificate::hex(bytes)
            ));
        }
        let ip = <[u8; 4]>::try_from(address).map(IpAddr::from);
        if let (Ok(ip), Ok(prefix)) =
            (ip.or_else(|_| <[u8; 16]>::try_from(address).map(IpAddr::from)), u8::try_from(prefix))
        {
            return GeneralSubtree::Ip(ip, prefix);
        }
    }
    match SubjectAltName::read(base) {
        SubjectAltName::Dns(name) => GeneralSubtree::Dns(name),
        SubjectAltName::Email(name) => GeneralSubtree::Email(name),
        other => GeneralSubtree::Other(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use x509_parser::prelude::FromDer;

    use super::super::der::{element, tag};
    use super::*;

    /// What is read of one extension: its identifier's DER and its value's.
    fn read(oid: &[u8], value: &[u8]) -> Extensions {
        let oid = element(tag::OBJECT_IDENTIFIER, &[oid]);
        let der = element(tag::SEQUENCE, &[&oid, &element(tag::OCTET_STRING, &[value])]);
        Extensions::read(&[X509Extension::from_der(&der).unwrap().1])
    }

    #[test]
    fn bytes_behind_a_value_are_told() {
        const KEY_USAGE: [u8; 3] = [0x55, 0x1d, 15];
        let clean = read(&KEY_USAGE, &[3, 2, 7, 0x80]);
        assert_eq!((clean.malformed.len(), clean.key_usage.unwrap().value), (0, KeyUsage::DIGITAL_SIGNATURE));
        let trailing = read(&KEY_USAGE, &[3, 2, 7, 0x80, 0]);
        assert_eq!(trailing.malformed, [("2.5.29.15".into(), "bytes follow its value".into())]);
    }

    #[test]
    fn a_mask_with_a_gap_is_no_network() {
        for (mask, shown) in [
            ([255, 0, 0, 0], "IP:10.0.0.0/8"),
            ([0, 0, 0, 0], "IP:10.0.0.0/0"),
            ([255, 255, 255, 255], "IP:10.0.0.0/32"),
            ([255, 254, 0, 0], "IP:10.0.0.0/15"),
            ([255, 0, 255, 0], "IP with a gap in its mask: 0a000000ff00ff00"),
            ([127, 0, 0, 0], "IP with a gap in its mask: 0a0000007f000000"),
        ] {
            let base = element(0x87, &[&[10, 0, 0, 0], &mask]);
            let permitted = element(0xa0, &[&element(tag::SEQUENCE, &[&base])]);
            let constraints =
                read(&[0x55, 0x1d, 30], &element(tag::SEQUENCE, &[&permitted])).name_constraints;
            assert_eq!(constraints.unwrap().value.permitted[0].to_string(), shown);
        }
    }
}
