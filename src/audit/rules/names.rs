//! The names in a certificate as a client holds a host against them, and the host in a URL. No rule of its own.

use std::collections::HashSet;
use std::net::IpAddr;

use crate::x509::SubjectAltName;

/// The DNS names and addresses of some certificates, to be asked for often.
#[derive(Debug, Default)]
pub(super) struct Names {
    dns: HashSet<String>,
    ips: HashSet<IpAddr>,
}

impl Names {
    /// Takes in those of a certificate.
    pub(super) fn add(&mut self, names: &[SubjectAltName]) {
        for name in names {
            match name {
                SubjectAltName::Dns(name) => {
                    self.dns.insert(name.trim_end_matches('.').to_ascii_lowercase());
                }
                SubjectAltName::Ip(ip) => {
                    self.ips.insert(ip.to_canonical());
                }
                _ => {}
            }
        }
    }

    /// Those of one certificate.
    pub(super) fn of(names: &[SubjectAltName]) -> Self {
        let mut own = Self::default();
        own.add(names);
        own
    }

    /// Whether a host is among them, as Go and RFC 9525 section 6.3 hold it against them: an address as such, a name without regard to
    /// case, a wildcard in the place of its first label.
    pub(super) fn cover(&self, host: &str) -> bool {
        if let Ok(ip) = host.parse::<IpAddr>() {
            return self.cover_ip(ip);
        }
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        let under_wildcard = |(_, rest): (&str, &str)| self.dns.contains(&format!("*.{rest}"));
        self.dns.contains(&host) || host.split_once('.').is_some_and(under_wildcard)
    }

    /// Whether an address is among them.
    pub(super) fn cover_ip(&self, ip: IpAddr) -> bool {
        self.ips.contains(&ip.to_canonical())
    }

    /// The DNS names below a name: `a.b` of `x.a.b` below `x`.
    pub(super) fn below<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.dns.iter().filter_map(move |own| own.strip_prefix(name)?.strip_prefix('.'))
    }

    /// The addresses, in order.
    pub(super) fn addresses(&self) -> Vec<IpAddr> {
        let mut ips: Vec<IpAddr> = self.ips.iter().copied().collect();
        ips.sort_unstable();
        ips
    }
}

/// The host of a server's URL as a kubeconfig gives it: `https://[2001:db8::1]:6443/path`, or without a scheme.
pub(super) fn host_of(url: &str) -> Option<&str> {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let host = match host.strip_prefix('[') {
        Some(bracketed) => bracketed.split(']').next().unwrap_or_default(),
        None if host.matches(':').count() == 1 => host.split(':').next().unwrap_or_default(),
        None => host,
    };
    (!host.is_empty()).then_some(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_covered() {
        let names: Vec<SubjectAltName> = ["API.example.com", "*.svc.example.com", "192.0.2.1", "2001:db8::1"]
            .iter()
            .map(|name| name.parse().unwrap())
            .collect();
        let names = Names::of(&names);
        for (host, covered) in [
            ("api.EXAMPLE.com", true),
            ("api.example.com.", true),
            ("a.svc.example.com", true),
            ("svc.example.com", false),
            ("a.b.svc.example.com", false),
            ("192.0.2.1", true),
            ("::ffff:192.0.2.1", true),
            ("192.0.2.2", false),
            ("2001:db8:0::1", true),
            ("", false),
        ] {
            assert_eq!(names.cover(host), covered, "{host}");
        }
    }

    #[test]
    fn urls_have_hosts() {
        for (url, host) in [
            ("https://10.0.0.10:6443", Some("10.0.0.10")),
            ("https://api.example.com", Some("api.example.com")),
            ("https://api.example.com:6443/k8s/clusters/c-1", Some("api.example.com")),
            ("https://[2001:db8::10]:6443", Some("2001:db8::10")),
            ("api.example.com:6443", Some("api.example.com")),
            ("2001:db8::10", Some("2001:db8::10")),
            ("https://", None),
            ("", None),
        ] {
            assert_eq!(host_of(url), host, "{url}");
        }
    }
}
