//! Subject alternative names (RFC 5280 section 4.2.1.6).

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer;

use super::certificate::hex;
use super::text::Printable;
use super::words::words;
use super::{Name, X509Error};

/// One alternative name of a subject.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SubjectAltName {
    /// A DNS name, perhaps with a wildcard as its left-most label.
    Dns(String),
    /// An address of 4 or 16 bytes.
    Ip(IpAddr),
    /// An e-mail address (`rfc822Name`).
    Email(String),
    /// A URI.
    Uri(String),
    /// A distinguished name.
    Directory(Name),
    /// A kind that Kubernetes' components do not read: its name, and what it says.
    Other(&'static str, String),
}

impl SubjectAltName {
    /// `DNS`, `IP`, `email`, `URI`, or the name of another kind.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Dns(_) => "DNS",
            Self::Ip(_) => "IP",
            Self::Email(_) => "email",
            Self::Uri(_) => "URI",
            Self::Directory(_) => "directoryName",
            Self::Other(kind, _) => kind,
        }
    }

    /// Reads one `GeneralName` in DER (section 4.2.1.6), wherever it stands.
    ///
    /// # Errors
    /// [`X509Error::Malformed`] when it is not one, or something follows it.
    pub fn from_der(der: &[u8]) -> Result<Self, X509Error> {
        let malformed = |reason: String| X509Error::Malformed { what: "general name", reason };
        let (rest, name) = GeneralName::from_der(der).map_err(|error| malformed(words(&error).into()))?;
        if !rest.is_empty() {
            return Err(malformed("bytes follow it".into()));
        }
        Ok(Self::read(&name))
    }

    pub(super) fn read(name: &GeneralName<'_>) -> Self {
        match name {
            GeneralName::DNSName(dns) => Self::Dns((*dns).to_owned()),
            GeneralName::RFC822Name(email) => Self::Email((*email).to_owned()),
            GeneralName::URI(uri) => Self::Uri((*uri).to_owned()),
            GeneralName::IPAddress(bytes) => match address(bytes) {
                Some(ip) => Self::Ip(ip),
                None => Self::Other("iPAddress of a wrong length", hex(bytes)),
            },
            GeneralName::DirectoryName(name) => Name::read(name).map_or_else(
                |_| Self::Other("unreadable directoryName", hex(name.as_raw())),
                Self::Directory,
            ),
            GeneralName::OtherName(oid, _) => Self::Other("otherName", oid.to_id_string()),
            GeneralName::RegisteredID(oid) => Self::Other("registeredID", oid.to_id_string()),
            GeneralName::X400Address(_) => Self::Other("x400Address", String::new()),
            GeneralName::EDIPartyName(_) => Self::Other("ediPartyName", String::new()),
            GeneralName::Invalid(_, bytes) => Self::Other("unreadable", hex(bytes)),
        }
    }
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    if let Ok(v4) = <[u8; 4]>::try_from(bytes) {
        return Some(v4.into());
    }
    <[u8; 16]>::try_from(bytes).ok().map(IpAddr::from)
}

impl fmt::Display for SubjectAltName {
    /// `DNS:example.com`, `IP:192.0.2.1`, as openssl writes them, safe to show.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(ip) => write!(f, "IP:{ip}"),
            Self::Directory(name) => write!(f, "directoryName:{name}"),
            Self::Dns(text) | Self::Email(text) | Self::Uri(text) | Self::Other(_, text) => {
                write!(f, "{}:{}", self.kind(), Printable(text))
            }
        }
    }
}

impl FromStr for SubjectAltName {
    type Err = X509Error;

    /// `dns:NAME`, `ip:ADDRESS`, `email:…`, `uri:…`, in any case; or plain: an address or a DNS name.
    fn from_str(text: &str) -> Result<Self, X509Error> {
        let problem = |reason| X509Error::SubjectAltName { value: Printable(text).to_string(), reason };
        let (kind, value) = match text.split_once(':') {
            Some((kind, value))
                if ["dns", "ip", "email", "uri"].contains(&kind.to_ascii_lowercase().as_str()) =>
            {
                (kind.to_ascii_lowercase(), value)
            }
            _ if text.parse::<IpAddr>().is_ok() => ("ip".to_owned(), text),
            _ => ("dns".to_owned(), text),
        };
        match kind.as_str() {
            "ip" => value.parse().map(Self::Ip).map_err(|_| {
                problem("it is not an IP address (no port, no brackets, no zone, no prefix length)")
            }),
            "email"
                if is_ia5(value)
                    && value.split_once('@').is_some_and(|(l, h)| !l.is_empty() && !h.is_empty()) =>
            {
                Ok(Self::Email(value.to_owned()))
            }
            "email" => Err(problem("it is not an e-mail address")),
            "uri"
                if is_ia5(value)
                    && value.split_once(':').is_some_and(|(s, r)| !s.is_empty() && !r.is_empty()) =>
            {
                Ok(Self::Uri(value.to_owned()))
            }
            "uri" => Err(problem("it is not a URI")),
            _ => {
                let lower = value.to_ascii_lowercase();
                check_dns_name(&lower).map_err(problem)?;
                Ok(Self::Dns(lower))
            }
        }
    }
}

/// Printable ASCII only, not empty.
fn is_ia5(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic())
}

/// Whether a text is a DNS name that a certificate may carry: lower-case RFC 1123 labels, as
/// Kubernetes demands them, optionally with `*` as the whole left-most label (RFC 6125 section 6.4.3).
///
/// # Errors
/// What is wrong with it.
pub fn check_dns_name(name: &str) -> Result<(), &'static str> {
    if name.is_empty() {
        return Err("it is empty");
    }
    if name.len() > 253 {
        return Err("it is longer than 253 characters");
    }
    if name.parse::<IpAddr>().is_ok() {
        return Err("it is an IP address, not a DNS name");
    }
    if name.contains("://") || name.contains('/') {
        return Err("it is a URL; give the host alone");
    }
    if name.contains(':') {
        return Err("it has a port; give the host alone");
    }
    let base = name.strip_prefix("*.").unwrap_or(name);
    if base.contains('*') || (name.starts_with("*.") && !base.contains('.')) {
        return Err("a wildcard must be the whole left-most label of a name of three labels or more");
    }
    for label in base.split('.') {
        if label.is_empty() {
            return Err("it has an empty label");
        }
        if label.len() > 63 {
            return Err("a label is longer than 63 characters");
        }
        if label.starts_with('-') || label.ends_with('-') {
            return Err("a label starts or ends with a hyphen");
        }
        if !label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-') {
            return Err("only letters, digits and hyphens are allowed in a label (RFC 1123)");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_with_and_without_their_kind() {
        for (text, shown) in [
            ("dns:API.example.com", "DNS:api.example.com"),
            ("api.example.com", "DNS:api.example.com"),
            ("*.example.com", "DNS:*.example.com"),
            ("ip:192.0.2.1", "IP:192.0.2.1"),
            ("2001:db8::1", "IP:2001:db8::1"),
            ("email:a@b.example", "email:a@b.example"),
            ("URI:spiffe://x/y", "URI:spiffe://x/y"),
        ] {
            assert_eq!(text.parse::<SubjectAltName>().unwrap().to_string(), shown);
        }
        for text in [
            "",
            "dns:",
            "a:6443",
            "https://a",
            "ip:192.0.2.1:80",
            "fe80::1%eth0",
            "ip:10.0.0.0/8",
            "a_b",
            "a..b",
            "-a",
            "*.com",
            "*",
            "a.*.b",
            "f*.b.c",
            "dns:192.0.2.1",
            "email:x",
            "uri:x",
            "a b",
            "a\n",
        ] {
            assert!(text.parse::<SubjectAltName>().is_err(), "{text:?}");
        }
    }
}
