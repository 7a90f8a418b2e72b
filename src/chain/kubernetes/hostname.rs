//! Whether a certificate has a name, as Go's `VerifyHostname` decides.

use std::net::IpAddr;

use super::super::candidate::View;
use super::super::{Fault, Reason};
use crate::x509::{Printable, SubjectAltName};

/// The fault of a certificate without this name. The common name never counts.
pub(super) fn fault(leaf: View<'_>, wanted: &SubjectAltName) -> Option<Fault> {
    let names = leaf.extensions.names();
    let found = match wanted {
        SubjectAltName::Dns(host) => has_host(names, host),
        SubjectAltName::Ip(ip) => has_address(names, *ip),
        // Go has no comparison for the other kinds.
        other => names.contains(other),
    };
    (!found).then(|| name_fault(leaf, wanted))
}

/// The fault, with the names that are there.
pub(in crate::chain) fn name_fault(leaf: View<'_>, wanted: &SubjectAltName) -> Fault {
    let names = leaf.extensions.names();
    let held = if names.is_empty() {
        "no subject alternative name at all".to_owned()
    } else {
        names.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    };
    let common_name = leaf.subject().common_name().filter(|name| match wanted {
        SubjectAltName::Dns(host) => name.eq_ignore_ascii_case(host),
        _ => false,
    });
    let hint = match common_name {
        Some(name) if names.is_empty() => format!(
            " (its common name is {}, which Go, webpki and pyca do not look at; OpenSSL, curl, Python, Node, GnuTLS, NSS, Java, \
             mbedTLS and wolfSSL look at it)",
            Printable(name)
        ),
        Some(name) => {
            format!(
                " (its common name is {}, which does not count beside alternative names)",
                Printable(name)
            )
        }
        None => String::new(),
    };
    let detail = format!("{} does not hold {wanted}; it holds {held}{hint}", leaf.subject());
    Fault::new(Reason::NameMismatch, detail).facts(wanted, held)
}

fn has_address(names: &[SubjectAltName], wanted: IpAddr) -> bool {
    // Go takes an IPv4 address and the same mapped into IPv6 for equal.
    names
        .iter()
        .any(|name| matches!(name, SubjectAltName::Ip(ip) if ip.to_canonical() == wanted.to_canonical()))
}

fn has_host(names: &[SubjectAltName], host: &str) -> bool {
    let literal = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    if let Ok(ip) = literal.parse() {
        return has_address(names, ip);
    }
    let valid = is_valid(host.strip_suffix('.').unwrap_or(host), false);
    names.iter().any(|name| {
        let SubjectAltName::Dns(pattern) = name else { return false };
        if valid && is_valid(pattern, true) {
            matches(pattern, host.strip_suffix('.').unwrap_or(host))
        } else {
            // What is not a host name on either side is compared as it stands.
            !["", "."].contains(&host) && pattern.eq_ignore_ascii_case(host)
        }
    })
}

/// Labels of letters, digits, hyphens that do not come first, and underscores; as a pattern also with `*` as the whole
/// first label.
fn is_valid(host: &str, pattern: bool) -> bool {
    if host.is_empty() || host == "*" {
        return false;
    }
    host.split('.').enumerate().all(|(index, label)| {
        let wildcard = pattern && index == 0 && label == "*";
        let plain = |(at, byte): (usize, u8)| {
            byte.is_ascii_alphanumeric() || byte == b'_' || (byte == b'-' && at > 0)
        };
        wildcard || (!label.is_empty() && label.bytes().enumerate().all(plain))
    })
}

/// Label by label; `*` stands for any one label.
fn matches(pattern: &str, host: &str) -> bool {
    let (pattern, host): (Vec<&str>, Vec<&str>) = (pattern.split('.').collect(), host.split('.').collect());
    pattern.len() == host.len()
        && pattern.iter().zip(&host).enumerate().all(|(index, (pattern, label))| {
            (index == 0 && *pattern == "*") || pattern.eq_ignore_ascii_case(label)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_match_as_in_go() {
        for (san, host, expected) in [
            ("a.example.com", "A.example.com", true),
            ("a.example.com", "a.example.com.", true),
            ("*.example.com", "a.example.com", true),
            ("*.example.com", "a.b.example.com", false),
            ("*.example.com", "example.com", false),
            ("*.com", "a.com", true),
            ("f*.example.com", "foo.example.com", false),
            ("a_b.example.com", "a_b.example.com", true),
            ("example.com.", "example.com", false),
            ("example.com.", "example.com.", true),
            ("*", "a", false),
            ("-a.b", "-a.b", true),
            ("a b", "a b", true),
            ("10.0.0.1", "10.0.0.1", false),
        ] {
            assert_eq!(has_host(&[SubjectAltName::Dns(san.into())], host), expected, "{san} {host}");
        }
        let ip = [SubjectAltName::Ip("::ffff:10.0.0.1".parse().unwrap())];
        assert!(has_host(&ip, "10.0.0.1") && has_host(&ip, "[::ffff:a00:1]") && !has_host(&ip, "10.0.0.2"));
    }
}
