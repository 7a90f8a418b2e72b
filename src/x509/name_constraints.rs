//! Name constraints (RFC 5280 section 4.2.1.10).

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use super::{Name, Printable, SubjectAltName, X509Error, check_dns_name};

/// The name space of the certificates below a CA (section 4.2.1.10).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NameConstraints {
    /// Within these only, per kind of name.
    pub permitted: Vec<GeneralSubtree>,
    /// Never within these.
    pub excluded: Vec<GeneralSubtree>,
}

impl NameConstraints {
    pub(super) fn read(constraints: &x509_parser::extensions::NameConstraints<'_>) -> Self {
        let list = |subtrees: &Option<Vec<x509_parser::extensions::GeneralSubtree<'_>>>| {
            subtrees.iter().flatten().map(|subtree| self::subtree(&subtree.base)).collect()
        };
        Self {
            permitted: list(&constraints.permitted_subtrees),
            excluded: list(&constraints.excluded_subtrees),
        }
    }

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
    /// A host, or with a dot in front every host of a domain, in URIs.
    Uri(String),
    /// Every name that begins with these relative distinguished names.
    Directory(Name),
    /// A kind that is only shown.
    Other(String),
}

impl fmt::Display for GeneralSubtree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dns(name) => write!(f, "DNS:{}", Printable(name)),
            Self::Email(name) => write!(f, "email:{}", Printable(name)),
            Self::Ip(address, prefix) => write!(f, "IP:{address}/{prefix}"),
            Self::Uri(name) => write!(f, "URI:{}", Printable(name)),
            Self::Directory(name) => write!(f, "directoryName:{name}"),
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
        SubjectAltName::Uri(name) => GeneralSubtree::Uri(name),
        SubjectAltName::Directory(name) => GeneralSubtree::Directory(name),
        other => GeneralSubtree::Other(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::der::{element, tag};
    use super::super::extension::tests::read;

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
