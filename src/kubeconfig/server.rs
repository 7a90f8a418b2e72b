//! The URL of an API server, as the clients of Kubernetes read it.
//!
//! What each of them makes of a URL was tried: kubectl (Go before 1.26), kube-controller-manager (Go 1.26), curl, and
//! Python's `http.client` and urllib3. `Err` is what some of them refuse or take for something else.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The longest DNS name in characters (RFC 1035 section 2.3.4).
const LONGEST_NAME: usize = 253;

/// The longest label of one.
const LONGEST_LABEL: usize = 63;

/// Why a URL is not one that every client can use. No text of the URL is in it: a password may stand there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ServerFault {
    /// There is none.
    #[error("it is empty")]
    Empty,
    /// White space or a control character.
    #[error("white space or a control character stands in it")]
    Blank,
    /// It begins with the host.
    #[error("it does not say https://")]
    NoScheme,
    /// http.
    #[error("http:// is plain text, which anybody on the way can read and change")]
    PlainText,
    /// Another scheme.
    #[error("its scheme is not https")]
    Scheme,
    /// A name, and perhaps a password, before the host.
    #[error("a user stands before its host, and API servers take no name and password")]
    User,
    /// Nothing where the host belongs.
    #[error("it names no host")]
    NoHost,
    /// `[::1` or `[::1]6443`.
    #[error("the brackets of its IPv6 address are not right")]
    Bracket,
    /// `[10.0.0.1]` or `[example.com]`.
    #[error("no IPv6 address stands between its brackets")]
    NotIpv6,
    /// `https://::1:6443`: nothing tells the address from the port.
    #[error("its IPv6 address is not in brackets, so that nobody can tell where the port begins")]
    NoBrackets,
    /// `[fe80::1%25eth0]`.
    #[error("the zone of its IPv6 address means something on one machine only")]
    Zone,
    /// Something else than a number.
    #[error("its port is not a number")]
    PortNotNumber,
    /// 0, or more than 16 bits hold.
    #[error("its port is not from 1 to 65535")]
    PortRange,
    /// 0.0.0.0 or `::`: where a server listens, not where it is reached.
    #[error("its address is one to listen on, and no address of a server")]
    Unspecified,
    /// It ends in a number, as addresses do, and is none.
    #[error("its host looks like an IPv4 address and is none")]
    NotIpv4,
    /// Letters that are no ASCII.
    #[error("its host is an international name, which is to stand in its xn-- form")]
    International,
    /// Anything else that is no host.
    #[error("its host is neither a DNS name nor an IP address")]
    Host,
    /// Something behind a `?` or a `#`.
    #[error("a query or a fragment stands behind its path, where clients put theirs")]
    Query,
}

impl ServerFault {
    /// Who cannot use such a URL; none where every client can, and it is only not one to be written.
    pub fn refused_by(self) -> Option<&'static str> {
        Some(match self {
            Self::Empty => "kubectl takes http://localhost:8080 in its place, and other clients nothing",
            Self::NoScheme => "kubectl puts https:// before it, and clients in Python, Java and curl do not",
            Self::NoBrackets => {
                "kubectl takes the last number for the port if its Go is older than 1.26, and clients since then, in Python and \
                 curl refuse it"
            }
            Self::User => {
                "clients in Python take it for a part of the host, and others show it in their logs"
            }
            Self::Query => "clients not in Go put the path of every request behind it",
            Self::NotIpv6 => "clients since Go 1.26, in Python and curl refuse it",
            Self::Blank
            | Self::Scheme
            | Self::NoHost
            | Self::Bracket
            | Self::PortNotNumber
            | Self::PortRange
            | Self::NotIpv4
            | Self::Host => "no client can use it",
            Self::PlainText | Self::Zone | Self::Unspecified | Self::International => return None,
        })
    }
}

/// Whether every client can use this URL as that of an API server.
///
/// # Errors
/// Why not.
pub fn check_server(url: &str) -> Result<(), ServerFault> {
    if url.is_empty() {
        return Err(ServerFault::Empty);
    }
    if url.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err(ServerFault::Blank);
    }
    let Some((scheme, rest)) = url.split_once("://") else {
        return Err(ServerFault::NoScheme);
    };
    let is = |known| scheme.eq_ignore_ascii_case(known);
    if !is("https") && !is("http") {
        return Err(ServerFault::Scheme);
    }
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    check_authority(authority)?;
    if path.contains(['?', '#']) {
        return Err(ServerFault::Query);
    }
    if is("http") { Err(ServerFault::PlainText) } else { Ok(()) }
}

fn check_authority(authority: &str) -> Result<(), ServerFault> {
    if authority.contains('@') {
        return Err(ServerFault::User);
    }
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let (host, behind) = rest.split_once(']').ok_or(ServerFault::Bracket)?;
            check_ipv6(host)?;
            let port = if behind.is_empty() {
                None
            } else {
                Some(behind.strip_prefix(':').ok_or(ServerFault::Bracket)?)
            };
            (None, port)
        }
        None => match authority.split_once(':') {
            Some((_, port)) if port.contains(':') => return Err(many_colons(authority)),
            Some((host, port)) => (Some(host), Some(port)),
            None => (Some(authority), None),
        },
    };
    // Checked before the port: of `https://:6443` the host is what is missing.
    host.map_or(Ok(()), check_host)?;
    match port {
        // RFC 3986 section 3.2.3 allows a colon without a number, and clients take 443.
        None | Some("") => Ok(()),
        Some(port) => check_port(port),
    }
}

/// Several colons and no brackets: an address, perhaps with a port, or no host at all.
fn many_colons(authority: &str) -> ServerFault {
    let is_address = |text: &str| text.split('%').next().is_some_and(|text| text.parse::<Ipv6Addr>().is_ok());
    let without_port = authority.rsplit_once(':').map_or(authority, |(host, _)| host);
    if is_address(authority) || is_address(without_port) {
        ServerFault::NoBrackets
    } else {
        ServerFault::Host
    }
}

fn check_ipv6(host: &str) -> Result<(), ServerFault> {
    let (address, zone) = host.split_once('%').map_or((host, None), |(address, zone)| (address, Some(zone)));
    let address: Ipv6Addr = address.parse().map_err(|_| ServerFault::NotIpv6)?;
    match zone {
        // RFC 6874 section 2: the per cent sign itself is escaped, and Go refuses it otherwise.
        Some(zone) if zone.starts_with("25") => Err(ServerFault::Zone),
        Some(_) => Err(ServerFault::Bracket),
        None if address.is_unspecified() => Err(ServerFault::Unspecified),
        None => Ok(()),
    }
}

fn check_host(host: &str) -> Result<(), ServerFault> {
    if host.is_empty() {
        return Err(ServerFault::NoHost);
    }
    if let Ok(address) = host.parse::<IpAddr>() {
        return if address.is_unspecified() { Err(ServerFault::Unspecified) } else { Ok(()) };
    }
    // With an xn-- form each character is three at most; what is longer is no name either way.
    if host.len() > 4 * LONGEST_NAME {
        return Err(ServerFault::Host);
    }
    let name = host.strip_suffix('.').unwrap_or(host);
    let fits = |label: &str| {
        !label.is_empty()
            && (label.len() <= LONGEST_LABEL || !label.is_ascii())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(|c| c.is_alphanumeric() || c == '-' || c == '_')
    };
    if !name.split('.').all(fits) || (name.is_ascii() && name.len() > LONGEST_NAME) {
        return Err(ServerFault::Host);
    }
    // RFC 3696 section 2: no top-level domain is a number.
    let ends_in_number =
        name.rsplit('.').next().is_some_and(|label| label.bytes().all(|byte| byte.is_ascii_digit()));
    if ends_in_number && name.parse::<Ipv4Addr>().is_err() {
        return Err(ServerFault::NotIpv4);
    }
    if name.is_ascii() { Ok(()) } else { Err(ServerFault::International) }
}

fn check_port(port: &str) -> Result<(), ServerFault> {
    // What is read below would take `+6443`.
    if !port.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(ServerFault::PortNotNumber);
    }
    if port.parse::<u16>().is_ok_and(|port| port > 0) { Ok(()) } else { Err(ServerFault::PortRange) }
}

/// How a URL is to be written instead, where its faults leave no doubt of what was meant.
pub fn corrected_server(url: &str) -> Option<String> {
    // `https:HOST` and `https//HOST` are slips of the hand.
    let rest = url.split_once("://").map_or_else(
        || url.strip_prefix("https").map_or(url, |rest| rest.trim_start_matches([':', '/'])),
        |(_, rest)| rest,
    );
    let rest = rest.trim();
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let authority = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let is_v6 = |text: &str| text.parse::<Ipv6Addr>().is_ok();
    let authority = match authority.rsplit_once(':') {
        // `::1:6443` is an address as well; who ends it in a number of three digits or more means a port.
        Some((host, port)) if is_v6(host) && port.len() > 2 && check_port(port).is_ok() => {
            format!("[{host}]:{port}")
        }
        _ if is_v6(authority) => format!("[{authority}]:6443"),
        _ => authority.to_owned(),
    };
    let url = format!("https://{authority}{path}");
    check_server(&url).is_ok().then_some(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_every_client_takes_is_taken() {
        for url in [
            "https://10.0.0.1:6443",
            "https://10.0.0.1",
            "https://10.0.0.1:",
            "HTTPS://api.example.com:6443/",
            "https://api.example.com./k8s/clusters/c-1",
            "https://[2001:db8::1]:6443",
            "https://[::1]",
            "https://my_lb:443",
            "https://127.0.0.1:65535",
            "https://4.example.com",
        ] {
            assert_eq!(check_server(url), Ok(()), "{url}");
        }
    }

    #[test]
    fn what_some_client_does_not_take_is_refused_and_corrected_where_it_can_be() {
        use ServerFault as F;
        for (url, fault, corrected) in [
            ("", F::Empty, ""),
            (" https://a:1", F::Blank, "https://a:1"),
            ("https://a:1\n", F::Blank, "https://a:1"),
            ("https://a b:1", F::Blank, ""),
            ("10.0.0.1:6443", F::NoScheme, "https://10.0.0.1:6443"),
            ("https:10.0.0.1:6443", F::NoScheme, "https://10.0.0.1:6443"),
            ("https//10.0.0.1:6443", F::NoScheme, "https://10.0.0.1:6443"),
            ("http://10.0.0.1:8080", F::PlainText, "https://10.0.0.1:8080"),
            ("tcp://10.0.0.1:6443", F::Scheme, "https://10.0.0.1:6443"),
            ("unix:///run/a", F::Scheme, ""),
            ("https://user:pw@10.0.0.1:6443", F::User, "https://10.0.0.1:6443"),
            ("https://", F::NoHost, ""),
            ("https:///x", F::NoHost, ""),
            ("https://:6443", F::NoHost, ""),
            ("https://[::1", F::Bracket, ""),
            ("https://[::1]6443", F::Bracket, ""),
            ("https://[fe80::1%eth0]:6443", F::Bracket, ""),
            ("https://[fe80::1%25eth0]:6443", F::Zone, ""),
            ("https://[10.0.0.1]:6443", F::NotIpv6, ""),
            ("https://::1:6443", F::NoBrackets, "https://[::1]:6443"),
            ("https://2001:db8::1", F::NoBrackets, "https://[2001:db8::1]:6443"),
            ("https://2001:db8:0:0:0:0:0:1:6443/a", F::NoBrackets, "https://[2001:db8:0:0:0:0:0:1]:6443/a"),
            ("https://host:6443:6443", F::Host, ""),
            ("https://10.0.0.1:99999", F::PortRange, ""),
            ("https://10.0.0.1:0", F::PortRange, ""),
            ("https://10.0.0.1:abc", F::PortNotNumber, ""),
            ("https://10.0.0.1:+1", F::PortNotNumber, ""),
            ("https://10.0.0.1:-1", F::PortNotNumber, ""),
            ("https://10.0.0.1:٣", F::PortNotNumber, ""),
            ("https://0.0.0.0:6443", F::Unspecified, ""),
            ("https://[::]:6443", F::Unspecified, ""),
            ("https://300.1.1.1:6443", F::NotIpv4, ""),
            ("https://127.1:6443", F::NotIpv4, ""),
            ("https://bücher.example:6443", F::International, ""),
            ("https://a..b:6443", F::Host, ""),
            ("https://-a:6443", F::Host, ""),
            ("https://%6c:6443", F::Host, ""),
            ("https://a\\b:6443", F::Host, ""),
            ("https://a:6443/?b=c", F::Query, "https://a:6443/"),
            ("https://a:6443#b", F::Query, "https://a:6443"),
        ] {
            assert_eq!(check_server(url), Err(fault), "{url}");
            assert_eq!(corrected_server(url).unwrap_or_default(), corrected, "{url}");
        }
        assert_eq!(check_server(&format!("https://{}", "a.".repeat(150))), Err(F::Host));
        assert_eq!(check_server(&format!("https://{}", "a".repeat(64))), Err(F::Host));
    }
}
