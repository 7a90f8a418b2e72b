//! Hosts, endpoints and networks, as Kubernetes writes them.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::str::FromStr;

use ipnet::{IpNet, Ipv4Net};

use super::yaml::quote;

/// A name or an address that a certificate can be for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Host {
    /// A DNS name in lower case (RFC 1123 section 2.1), maybe with a leading wildcard label (`*.example.com`).
    Dns(String),
    /// An IP address; an IPv4 address mapped into IPv6 is held as the IPv4 address, as Go writes it.
    Ip(IpAddr),
}

/// A text that is neither a DNS name nor an IP address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{} is neither a DNS name nor an IP address: {reason}", quote(text))]
pub struct HostError {
    text: String,
    reason: &'static str,
}

impl Host {
    /// Whether this is a wildcard name.
    pub fn is_wildcard(&self) -> bool {
        matches!(self, Self::Dns(name) if name.starts_with("*."))
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dns(name) => f.write_str(name),
            Self::Ip(address) => address.fmt(f),
        }
    }
}

impl FromStr for Host {
    type Err = HostError;

    /// Reads an address or a name; the name is put in lower case, and may be a wildcard.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = |reason| HostError { text: text.chars().take(80).collect(), reason };
        if let Ok(address) = text.parse::<IpAddr>() {
            return Ok(Self::Ip(address.to_canonical()));
        }
        if let Some(reason) = no_host(text) {
            return Err(error(reason));
        }
        let name = text.to_ascii_lowercase();
        let below = name.strip_prefix("*.");
        match dns_name(below.unwrap_or(&name)) {
            Err(reason) => Err(error(reason)),
            Ok(()) if below.is_some_and(|below| !below.contains('.')) => {
                Err(error("a wildcard needs a name of three labels or more, as in *.example.com"))
            }
            Ok(()) if name.len() > 253 => Err(error(TOO_LONG)),
            Ok(()) => Ok(Self::Dns(name)),
        }
    }
}

const TOO_LONG: &str = "it has more than 253 characters";

/// What the writer took for a host, where that can be told from its marks.
fn no_host(text: &str) -> Option<&'static str> {
    if text.is_empty() {
        Some("it is empty")
    } else if text.contains("://") {
        Some("leave out the scheme, write only the host")
    } else if text.contains('/') {
        Some("leave out the path or prefix length, write only the host")
    } else if text.contains('%') {
        Some("an IPv6 zone means something on one machine only; write the address without it")
    } else if text.starts_with('[') {
        Some("write the address without brackets and port")
    } else if text.matches(':').count() == 1 {
        Some("leave out the port; a certificate is for a host")
    } else if text.contains(':') {
        Some("it looks like an IPv6 address, but is none")
    } else if text.contains('@') {
        Some("e-mail addresses do not belong here")
    } else {
        let labels = text.split('.').count();
        let numeric = text.chars().all(|c| c.is_ascii_digit() || c == '.');
        (labels == 4 && numeric).then_some("it looks like an IPv4 address, but is none")
    }
}

/// Whether a text is an RFC 1123 name in lower case, which Kubernetes calls a subdomain; if not, why.
pub(super) fn dns_name(name: &str) -> Result<(), &'static str> {
    if name.is_empty() {
        return Err("it is empty");
    }
    if name.len() > 253 {
        return Err(TOO_LONG);
    }
    if name.ends_with('.') {
        return Err("leave out the dot at the end");
    }
    for label in name.split('.') {
        if label.is_empty() {
            return Err("there is an empty label between its dots");
        }
        if label.len() > 63 {
            return Err("one of its labels has more than 63 characters");
        }
        for c in label.chars() {
            match c {
                'a'..='z' | '0'..='9' | '-' => {}
                'A'..='Z' => return Err("write it in lower case"),
                '_' => return Err("an underscore is not allowed in a host name"),
                '*' => {
                    return Err("a wildcard is only allowed as the whole first label, as in *.example.com");
                }
                c if !c.is_ascii() => return Err("write an international name in its xn-- form"),
                _ => return Err("only letters, digits, `-` and `.` are allowed"),
            }
        }
        if label.starts_with('-') || label.ends_with('-') {
            return Err("a label must begin and end with a letter or digit");
        }
    }
    Ok(())
}

/// The longest name that leaves room for `system:node:` in a common name of 64 characters (RFC 5280 appendix A.1).
const LONGEST_NODE_NAME: usize = 64 - "system:node:".len();

/// Whether a text can be a node's name; if not, why.
pub(super) fn node_name(name: &str) -> Result<(), &'static str> {
    dns_name(name)?;
    if name.len() > LONGEST_NODE_NAME {
        return Err(
            "it has more than 52 characters, too many for the common name system:node:NAME of a certificate",
        );
    }
    Ok(())
}

/// Where an API server is reached.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Endpoint {
    /// The host; never a wildcard if the endpoint was parsed.
    pub host: Host,
    /// The TCP port.
    pub port: u16,
    /// How an address was spelt, where that is not the way in which it is printed. kubeadm copies the spelling into
    /// the server of a kubeconfig, while certificates hold the address.
    pub spelling: Option<String>,
}

/// A text that is not an endpoint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EndpointError {
    /// Its host is wrong.
    #[error("{0}; write host, host:port or [IPv6]:port")]
    Host(#[from] HostError),
    /// Its port is wrong.
    #[error("{} is not a port; it must be a number from 1 to 65535", quote(.0))]
    Port(String),
}

impl Endpoint {
    /// Reads `host`, `host:port`, an IPv6 address, `[IPv6]` or `[IPv6]:port`.
    ///
    /// # Errors
    /// If the host is neither a DNS name nor an address, is a wildcard, or the port is no port.
    pub fn parse(text: &str, default_port: u16) -> Result<Self, EndpointError> {
        let (host, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((host, rest)) if host.contains(':') && (rest.is_empty() || rest.starts_with(':')) => {
                (host, rest.strip_prefix(':').unwrap_or(""))
            }
            _ if text.matches(':').count() == 1 && !text.contains("://") => {
                text.split_once(':').unwrap_or((text, ""))
            }
            _ => (text, ""),
        };
        let text = host;
        let host: Host = host.parse()?;
        let spelling = matches!(host, Host::Ip(_)).then(|| text.to_owned());
        let spelling = spelling.filter(|text| *text != host.to_string());
        if host.is_wildcard() {
            let reason = "an endpoint cannot be a wildcard";
            return Err(HostError { text: host.to_string().chars().take(80).collect(), reason }.into());
        }
        // As in kubeadm, `host:` has no port.
        let port = if port.is_empty() { default_port } else { parse_port(port)? };
        Ok(Self { host, port, spelling })
    }

    /// The endpoint as a kubeconfig's server: `https://host:port`, an address in its own spelling.
    pub fn url(&self) -> String {
        match &self.spelling {
            Some(text) if text.contains(':') => format!("https://[{text}]:{}", self.port),
            Some(text) => format!("https://{text}:{}", self.port),
            None => format!("https://{self}"),
        }
    }
}

fn parse_port(text: &str) -> Result<u16, EndpointError> {
    let number = text.chars().all(|c| c.is_ascii_digit()).then(|| text.parse().ok()).flatten();
    number.filter(|port| *port != 0).ok_or_else(|| EndpointError::Port(text.chars().take(80).collect()))
}

impl fmt::Display for Endpoint {
    /// `host:port`, an IPv6 address in brackets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            Host::Ip(IpAddr::V6(address)) => write!(f, "[{address}]:{}", self.port),
            host => write!(f, "{host}:{}", self.port),
        }
    }
}

/// The networks that services get their addresses from: one, or one of each family.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceSubnets {
    first: IpNet,
    second: Option<IpNet>,
}

/// A text that is not a service network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SubnetError {
    /// It is not in CIDR notation.
    #[error("{} is not a network; write for example 10.96.0.0/12 or fd00::/112", quote(.0))]
    Syntax(String),
    /// Kubernetes needs more addresses.
    #[error("{0} is too small for services; at least 16 addresses are needed (/28, in IPv6 /124)")]
    Small(String),
    /// More than one per family.
    #[error("write one network, or one IPv4 and one IPv6 network")]
    Families,
}

/// The most bits for hosts that the API server allows in a service network (its flag
/// `--service-cluster-ip-range`; kubeadm checks the same).
const MOST_HOST_BITS: u8 = 20;

impl ServiceSubnets {
    /// Reads the networks, the first of which decides the address of the service `kubernetes`.
    ///
    /// # Errors
    /// If one is not in CIDR notation or too small, or if they are not one, or one of each family.
    pub fn new<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<Self, SubnetError> {
        let mut texts = texts.into_iter();
        let first = subnet(texts.next().unwrap_or(""))?;
        let second = texts.next().map(subnet).transpose()?;
        let same_family = second.is_some_and(|second| is_ipv4(&second) == is_ipv4(&first));
        if same_family || texts.next().is_some() {
            return Err(SubnetError::Families);
        }
        Ok(Self { first, second })
    }

    /// The address of the service `kubernetes`: the first after the first network's own.
    pub fn first_address(&self) -> IpAddr {
        match self.first {
            IpNet::V4(net) => IpAddr::V4((net.network().to_bits() | 1).into()),
            IpNet::V6(net) => IpAddr::V6((net.network().to_bits() | 1).into()),
        }
    }

    /// The networks that are larger than the API server likes, as texts.
    pub(super) fn too_large(&self) -> impl Iterator<Item = String> {
        let nets = [Some(self.first), self.second].into_iter().flatten();
        nets.filter(|net| host_bits(net) > MOST_HOST_BITS).map(|net| net.to_string())
    }
}

impl Default for ServiceSubnets {
    /// kubeadm's default, 10.96.0.0/12.
    fn default() -> Self {
        const FIRST: Ipv4Net = Ipv4Net::new_assert(Ipv4Addr::new(10, 96, 0, 0), 12);
        Self { first: IpNet::V4(FIRST), second: None }
    }
}

impl FromStr for ServiceSubnets {
    type Err = SubnetError;

    /// Reads `10.96.0.0/12` or, for dual stack, `10.96.0.0/12,fd00::/112`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::new(text.split(','))
    }
}

impl fmt::Display for ServiceSubnets {
    /// As [`FromStr`] reads it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.first)?;
        self.second.iter().try_for_each(|second| write!(f, ",{second}"))
    }
}

fn subnet(text: &str) -> Result<IpNet, SubnetError> {
    let net: IpNet = text.trim().parse().map_err(|_| SubnetError::Syntax(text.chars().take(80).collect()))?;
    // kubeadm wants ten addresses.
    if host_bits(&net) < 4 {
        return Err(SubnetError::Small(net.to_string()));
    }
    Ok(net.trunc())
}

fn host_bits(net: &IpNet) -> u8 {
    net.max_prefix_len() - net.prefix_len()
}

fn is_ipv4(net: &IpNet) -> bool {
    matches!(net, IpNet::V4(_))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_names_or_addresses() {
        let long = format!("{}.example.com", "a.".repeat(118) + "a");
        for (text, shown) in [
            ("api.example.com", "api.example.com"),
            ("API.Example.COM", "api.example.com"),
            ("*.Example.com", "*.example.com"),
            ("localhost", "localhost"),
            ("1", "1"),
            ("3com.example", "3com.example"),
            ("10.0.0.1", "10.0.0.1"),
            ("2001:DB8::0:1", "2001:db8::1"),
            ("::ffff:10.0.0.1", "10.0.0.1"),
            (long.as_str(), long.as_str()),
        ] {
            assert_eq!(text.parse::<Host>().map(|host| host.to_string()), Ok(shown.to_owned()), "{text}");
        }
    }

    #[test]
    fn what_is_no_host_is_refused_with_the_reason() {
        let (long, label) = (format!("a{long}", long = "a.".repeat(126) + "aa"), "a".repeat(64) + ".example");
        for (text, reason) in [
            ("", "it is empty"),
            ("api.example.com:6443", "leave out the port"),
            ("10.0.0.1:6443", "leave out the port"),
            ("https://api.example.com", "leave out the scheme"),
            ("[2001:db8::1]", "without brackets"),
            ("[2001:db8::1]:6443", "without brackets"),
            ("fe80::1%eth0", "zone"),
            ("2001:db8::g", "IPv6"),
            ("10.0.0.0/24", "prefix length"),
            ("my_host", "underscore"),
            ("a b", "only letters"),
            ("a\0b", "only letters"),
            ("jane@example.com", "e-mail"),
            ("256.1.1.1", "IPv4"),
            ("010.0.0.1", "IPv4"),
            ("api.example.com.", "dot at the end"),
            ("api..example.com", "empty label"),
            ("*", "wildcard"),
            ("*.", "empty"),
            ("*.*.example.com", "wildcard"),
            ("*.local", "three labels"),
            ("api.*.example.com", "wildcard"),
            ("a*.example.com", "wildcard"),
            ("-api", "begin and end"),
            ("api-", "begin and end"),
            ("bücher.example", "xn--"),
            (long.as_str(), "253"),
            (label.as_str(), "63"),
        ] {
            let error = text.parse::<Host>().unwrap_err().to_string();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }

    #[test]
    fn endpoints_have_a_default_port() {
        for (text, shown) in [
            ("api.example.com", "api.example.com:6443"),
            ("API.example.com", "api.example.com:6443"),
            ("api.example.com:", "api.example.com:6443"),
            ("api.example.com:443", "api.example.com:443"),
            ("10.0.0.1", "10.0.0.1:6443"),
            ("10.0.0.1:8443", "10.0.0.1:8443"),
            ("2001:db8::1", "[2001:db8::1]:6443"),
            ("[2001:db8::1]", "[2001:db8::1]:6443"),
            ("[2001:db8::1]:443", "[2001:db8::1]:443"),
            ("::1", "[::1]:6443"),
        ] {
            let endpoint = Endpoint::parse(text, 6443).unwrap();
            assert_eq!((endpoint.to_string(), endpoint.url()), (shown.into(), format!("https://{shown}")));
        }
        for text in [
            "",
            ":",
            ":6443",
            "a:0",
            "a:65536",
            "a:+1",
            "a:b",
            "a:1:2",
            "[]",
            "[]:1",
            "[a]:1",
            "[::1",
            "[::1]x",
            "[::1]:x",
            "[fe80::1%eth0]:1",
            "https://a",
            "https://a:1",
            "*.example.com",
            "a_b:1",
            "a/b",
        ] {
            assert!(Endpoint::parse(text, 6443).is_err(), "{text}");
        }
    }

    #[test]
    fn the_first_service_address_is_the_first_subnets() {
        for (text, address) in [
            ("10.96.0.0/12", "10.96.0.1"),
            ("10.97.3.4/12", "10.96.0.1"),
            ("192.168.1.16/28", "192.168.1.17"),
            ("fd00::/112", "fd00::1"),
            ("10.96.0.0/12,fd00::/112", "10.96.0.1"),
            ("fd00::/112, 10.96.0.0/12", "fd00::1"),
        ] {
            assert_eq!(
                text.parse::<ServiceSubnets>().unwrap().first_address().to_string(),
                address,
                "{text}"
            );
        }
        for (text, reason) in [
            ("", "not a network"),
            ("10.96.0.0", "not a network"),
            ("10.96.0.0/33", "not a network"),
            ("*.0.0.0/8", "not a network"),
            ("10.96.0.0/12,", "not a network"),
            ("10.96.0.0/29", "too small"),
            ("10.96.0.1/32", "too small"),
            ("fd00::/125", "too small"),
            ("10.96.0.0/12,10.0.0.0/16", "one IPv4"),
            ("10.96.0.0/12,fd00::/112,fd01::/112", "one IPv4"),
        ] {
            let error = text.parse::<ServiceSubnets>().unwrap_err().to_string();
            assert!(error.contains(reason), "{text}: {error}");
        }
        assert_eq!(ServiceSubnets::default().to_string(), "10.96.0.0/12");
        let large: ServiceSubnets = "10.0.0.0/8,fd00::/108".parse().unwrap();
        assert_eq!(large.too_large().collect::<Vec<_>>(), ["10.0.0.0/8"]);
        assert_eq!(large.to_string(), "10.0.0.0/8,fd00::/108");
    }
}
