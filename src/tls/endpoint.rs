//! Where a server listens, as people write it.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use super::TlsError;
use crate::x509::{Printable, SubjectAltName};

/// The port of `https://` URLs that name none (RFC 9110 section 4.2.2).
const HTTPS: u16 = 443;

/// The longest DNS name in characters (RFC 1035 section 2.3.4).
const LONGEST_NAME: usize = 253;

/// A host and a port.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Endpoint {
    host: String,
    port: u16,
}

impl Endpoint {
    /// The DNS name or the address, without brackets; an IPv6 address may bear a zone (`fe80::1%eth0`).
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// The name that a certificate must be for: the address without its zone, or the DNS name without a dot at its end.
    pub fn name(&self) -> SubjectAltName {
        self.address().map_or_else(
            || SubjectAltName::Dns(self.host.trim_end_matches('.').to_ascii_lowercase()),
            SubjectAltName::Ip,
        )
    }

    fn address(&self) -> Option<IpAddr> {
        let without_zone = self.host.split_once('%').map_or(self.host.as_str(), |(address, _)| address);
        without_zone.parse().ok()
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            return write!(f, "[{}]:{}", self.host, self.port);
        }
        write!(f, "{}:{}", self.host, self.port)
    }
}

impl FromStr for Endpoint {
    type Err = TlsError;

    /// `HOST:PORT`, `[IPV6]:PORT` or an `https://` URL, whose path is left out.
    fn from_str(text: &str) -> Result<Self, TlsError> {
        let error = |reason| TlsError::Endpoint { text: Printable(text).to_string(), reason };
        let (authority, is_url) = match text.split_once("://") {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("https") => {
                (rest.split(['/', '?', '#']).next().unwrap_or_default(), true)
            }
            Some((scheme, _)) if scheme.eq_ignore_ascii_case("http") => {
                return Err(error("http:// is plain text, and there is no handshake to look at"));
            }
            Some(_) => return Err(error("only https:// URLs and HOST:PORT are understood")),
            None => (text, false),
        };
        let (host, port) = split(authority).map_err(error)?;
        let port = match port {
            Some(port) => number(port).ok_or_else(|| error("the port must be a number from 1 to 65535"))?,
            None if is_url => HTTPS,
            None => return Err(error(NO_PORT)),
        };
        if let Some(reason) = no_host(host) {
            return Err(error(reason));
        }
        Ok(Self { host: host.to_owned(), port })
    }
}

const NO_PORT: &str = "it names no port; usual ones are 6443 (kube-apiserver), 2379 (etcd), 2380 (etcd's peers), \
                       10250 (kubelet), 10257 (kube-controller-manager) and 10259 (kube-scheduler)";

/// Host and port, if there is one.
fn split(authority: &str) -> Result<(&str, Option<&str>), &'static str> {
    if let Some(rest) = authority.strip_prefix('[') {
        let (host, rest) = rest.split_once(']').ok_or("the bracket of the IPv6 address is not closed")?;
        let port = match rest.strip_prefix(':') {
            None if rest.is_empty() => None,
            None => return Err("only a colon and a port may follow the bracket"),
            port => port,
        };
        let is_v6 =
            host.split('%').next().is_some_and(|address| address.parse::<std::net::Ipv6Addr>().is_ok());
        return if is_v6 { Ok((host, port)) } else { Err("there is no IPv6 address between the brackets") };
    }
    match authority.matches(':').count() {
        0 => Ok((authority, None)),
        1 => Ok(authority.split_once(':').map_or((authority, None), |(host, port)| (host, Some(port)))),
        _ => Err("write an IPv6 address in brackets: [2001:db8::1]:6443"),
    }
}

fn number(port: &str) -> Option<u16> {
    // `u16::from_str` would take `+6443`.
    let digits = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    port.parse().ok().filter(|port| digits && *port > 0)
}

/// What keeps a text from being a host.
fn no_host(host: &str) -> Option<&'static str> {
    if host.is_empty() {
        return Some("it names no host");
    }
    if host.contains(':') {
        return None; // between brackets, and read already
    }
    if !host.is_ascii() {
        return Some("write an international name in its xn-- form");
    }
    if host.len() > LONGEST_NAME {
        return Some("the name of the host has more than 253 characters");
    }
    if host.contains('@') {
        return Some("leave out the user before the `@`");
    }
    if host.contains('/') {
        return Some("leave out the path, or write it as an https:// URL");
    }
    let harmless = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    (!host.chars().all(harmless)).then_some("a host is a DNS name or an IP address")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_read_as_people_write_them() {
        for (text, shown, name) in [
            ("10.0.0.10:6443", "10.0.0.10:6443", "IP:10.0.0.10"),
            ("[2001:db8::10]:6443", "[2001:db8::10]:6443", "IP:2001:db8::10"),
            ("[fe80::1%eth0]:2379", "[fe80::1%eth0]:2379", "IP:fe80::1"),
            ("api.example.com:6443", "api.example.com:6443", "DNS:api.example.com"),
            ("API.Example.com.:6443", "API.Example.com.:6443", "DNS:api.example.com"),
            ("https://api.example.com:6443/livez?verbose", "api.example.com:6443", "DNS:api.example.com"),
            ("HTTPS://api.example.com", "api.example.com:443", "DNS:api.example.com"),
            ("https://[::1]/", "[::1]:443", "IP:::1"),
            ("localhost:1", "localhost:1", "DNS:localhost"),
        ] {
            let endpoint: Endpoint = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!((endpoint.to_string().as_str(), endpoint.name().to_string().as_str()), (shown, name));
        }
    }

    #[test]
    fn what_is_no_endpoint_is_refused_with_its_reason() {
        for (text, reason) in [
            ("api.example.com", "2379 (etcd)"),
            ("[::1]", "6443 (kube-apiserver)"),
            ("", "names no port"),
            (":6443", "names no host"),
            ("https://", "names no host"),
            ("::1:6443", "in brackets"),
            ("[::1:6443", "not closed"),
            ("[::1]6443", "may follow the bracket"),
            ("[example.com]:6443", "no IPv6 address between"),
            ("a:0", "from 1 to 65535"),
            ("a:65536", "from 1 to 65535"),
            ("a:+80", "from 1 to 65535"),
            ("a:", "from 1 to 65535"),
            ("http://a:80", "plain text"),
            ("unixs://a:80", "only https://"),
            ("root@a:22", "leave out the user"),
            ("a/b:22", "leave out the path"),
            ("a b:22", "a DNS name or an IP address"),
            ("\u{1b}[2Ja:22", "a DNS name or an IP address"),
            ("bücher.example:443", "xn--"),
        ] {
            let error = text.parse::<Endpoint>().unwrap_err().to_string();
            assert!(error.contains(reason), "{text}: {error}");
            assert!(!error.contains('\u{1b}'), "{error:?}");
        }
        let long = format!("{}:443", "a".repeat(254));
        assert!(long.parse::<Endpoint>().is_err());
    }
}
