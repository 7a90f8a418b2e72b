//! URIs as Go's `net/url` reads them.

use std::net::Ipv6Addr;

use super::extensions::is_domain;

/// What Go's `url.Parse` demands of a URI, and the domain rule for its host.
pub(super) fn check(text: &str) -> Result<(), &'static str> {
    let broken = Err("a URI cannot be read");
    if text.bytes().any(|byte| byte < 0x20 || byte == 0x7f) {
        return broken;
    }
    let (text, fragment) = text.split_once('#').unwrap_or((text, ""));
    if !has_good_escapes(fragment) {
        return broken;
    }
    let scheme_end = text.find(|c: char| !(c.is_ascii_alphanumeric() || "+-.".contains(c)));
    let (scheme, rest) = match scheme_end {
        Some(0) if text.starts_with(':') => return broken,
        Some(at) if text[at..].starts_with(':') && text.starts_with(|c: char| c.is_ascii_alphabetic()) => {
            (&text[..at], &text[at + 1..])
        }
        _ => ("", text),
    };
    let rest = rest.split_once('?').map_or(rest, |(path, _)| path);
    if !rest.starts_with('/') {
        let segment = rest.split('/').next().unwrap_or_default();
        return if scheme.is_empty() && segment.contains(':') { broken } else { opaque(scheme, rest) };
    }
    let Some(after) = rest.strip_prefix("//").filter(|_| !scheme.is_empty() || !rest.starts_with("///"))
    else {
        return if has_good_escapes(rest) { Ok(()) } else { broken };
    };
    let (authority, path) = after.split_at(after.find('/').unwrap_or(after.len()));
    if !has_good_escapes(path) {
        return broken;
    }
    let (user, host) = authority.rsplit_once('@').unwrap_or(("", authority));
    let user_character = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:~!$&'()*+,;=%@".contains(&byte);
    if !user.bytes().all(user_character) || !has_good_escapes(user) {
        return broken;
    }
    check_host(scheme, host)
}

/// A URI without a slash after its scheme is taken as it is; without a scheme it is a path.
fn opaque(scheme: &str, rest: &str) -> Result<(), &'static str> {
    if !scheme.is_empty() || has_good_escapes(rest) { Ok(()) } else { Err("a URI cannot be read") }
}

fn has_good_escapes(text: &str) -> bool {
    text.split('%').skip(1).all(|rest| {
        rest.as_bytes().first_chunk::<2>().is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    })
}

/// The host of a URI, perhaps with a port. Several colons are one too many in http and https alone.
fn check_host(scheme: &str, host: &str) -> Result<(), &'static str> {
    let broken = Err("the host of a URI cannot be read");
    let is_port = |port: &str| {
        port.strip_prefix(':').is_some_and(|port| port.bytes().all(|byte| byte.is_ascii_digit()))
    };
    if let Some(literal) = host.strip_prefix('[') {
        let Some((address, port)) = literal.split_once(']') else { return broken };
        let address = address.split_once("%25").map_or(address, |(address, _)| address);
        let fine = address.parse::<Ipv6Addr>().is_ok() && (port.is_empty() || is_port(port));
        return if fine && is_domain(host, false) { Ok(()) } else { broken };
    }
    let strict = scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https");
    let port = if strict { host.find(':') } else { host.rfind(':') };
    if port.and_then(|at| host.get(at..)).is_some_and(|port| !is_port(port)) {
        return broken;
    }
    let admitted =
        |byte: u8| byte >= 0x80 || byte.is_ascii_alphanumeric() || b"-_.~!$&'()*+,;=:[]<>\"%".contains(&byte);
    if !host.bytes().all(admitted) || !has_good_escapes(host) {
        return broken;
    }
    // An escape may stand for `%` itself, or for a byte above 0x7f, which no domain has.
    let foreign = |rest: &str| rest.starts_with(|c: char| c.is_ascii_hexdigit() && c >= '8');
    let mut escapes = host.split('%').skip(1);
    if escapes.any(|rest| !rest.starts_with("25") && !foreign(rest)) {
        return broken;
    }
    if host.split('%').skip(1).any(foreign) || !is_domain(host, false) {
        return Err("the host of a URI is no domain");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uris_are_read_as_go_reads_them() {
        for (text, good) in [
            ("https://a.example/x", true),
            ("spiffe://cluster.local/ns/a", true),
            ("urn:uuid:1", true),
            ("https://a.example:443/", true),
            ("https://a.example:x/", false),
            ("https://a.example./", false),
            ("https://a..b/", false),
            ("https://[::1]/", true),
            ("https://h:1:2/", false),
            ("ftp://h:1:2/", true),
            ("https://h%25x/", true),
            ("https://[::1", false),
            ("https://a b/", false),
            (":x", false),
            ("a:b", true),
            ("1a:b", false),
            ("/path", true),
            ("https://h/%zz", false),
            ("https://%41/", false),
            ("", true),
            ("https:///x", true),
            ("a\u{1}", false),
        ] {
            assert_eq!(check(text).is_ok(), good, "{text:?}");
        }
    }
}
