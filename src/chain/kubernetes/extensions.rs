//! Extensions as Go reads them: what each demands of its value, and which it does not handle.

use std::collections::HashSet;
use std::net::{IpAddr, Ipv6Addr};

use super::super::names::Mailbox;
use super::encoding::{BOOLEAN, INTEGER, OCTET_STRING, Reader, Refusal, is_shortest};
use crate::x509::der::tag;
use crate::x509::{Extensions, Printable};

/// id-ce: everything that RFC 5280 section 4.2.1 defines.
const ID_CE: [u8; 2] = [0x55, 0x1d];
/// authorityInfoAccess.
const AUTHORITY_INFO_ACCESS: [u8; 8] = [0x2b, 6, 1, 5, 5, 7, 1, 1];

/// The list of extensions: those that are critical and not handled, dotted.
pub(super) fn check(mut list: Reader<'_>) -> Result<Vec<String>, Refusal> {
    let mut all: Vec<(&[u8], bool, &[u8])> = Vec::new();
    let mut seen = HashSet::new();
    while !list.is_empty() {
        let mut extension = list.take(tag::SEQUENCE).ok_or("an extension cannot be read")?;
        let oid = extension.oid().ok_or("the identifier of an extension cannot be read")?;
        let critical = match extension.peek() {
            Some(BOOLEAN) => {
                boolean(&mut extension).ok_or("the criticality of an extension cannot be read")?
            }
            _ => false,
        };
        let value = extension.take(OCTET_STRING).ok_or("the value of an extension cannot be read")?.0;
        if !seen.insert(oid) {
            return Err(format!("the extension {} stands there twice", name(&dotted(oid))));
        }
        all.push((oid, critical, value));
    }
    let mut unhandled = Vec::new();
    for (oid, critical, value) in all {
        let handled = check_one(oid, critical, value)
            .map_err(|problem| format!("its {}: {problem}", name(&dotted(oid))))?;
        if critical && !handled {
            unhandled.push(dotted(oid));
        }
    }
    Ok(unhandled)
}

fn boolean(reader: &mut Reader<'_>) -> Option<bool> {
    match reader.take(BOOLEAN)?.0 {
        [0] => Some(false),
        [0xff] => Some(true),
        _ => None,
    }
}

/// Whether Go handles the extension.
fn check_one(oid: &[u8], critical: bool, value: &[u8]) -> Result<bool, &'static str> {
    const UNREADABLE: &str = "it cannot be read";
    const NEVER_CRITICAL: &str = "it is critical, and must not be";
    let reader = Reader(value);
    if oid == AUTHORITY_INFO_ACCESS {
        return if critical { Err(NEVER_CRITICAL) } else { access(reader).ok_or(UNREADABLE).map(|()| true) };
    }
    let [first, second, last] = oid else { return Ok(false) };
    if [*first, *second] != ID_CE {
        return Ok(false);
    }
    match last {
        14 | 35 if critical => Err(NEVER_CRITICAL),
        14 => Reader(value).take(OCTET_STRING).map(|_| true).ok_or(UNREADABLE),
        15 => Reader(value).bits().map(|_| true).ok_or(UNREADABLE),
        17 => alternative_names(reader),
        19 => basic_constraints(reader).map(|()| true).ok_or(UNREADABLE),
        30 => name_constraints(reader),
        31 => distribution_points(reader).map(|()| true).ok_or(UNREADABLE),
        32 => policies(reader).map(|()| true).ok_or("a policy cannot be read, or stands there twice"),
        33 => mappings(reader).map(|()| true).ok_or(UNREADABLE),
        35 => key_identifier(reader).map(|()| true).ok_or(UNREADABLE),
        36 => policy_constraints(reader).map(|()| true).ok_or(UNREADABLE),
        37 => purposes(reader).map(|()| true).ok_or(UNREADABLE),
        54 => Reader(value).integer().filter(|content| content.len() <= 8).map(|_| true).ok_or(UNREADABLE),
        _ => Ok(false),
    }
}

fn access(mut reader: Reader<'_>) -> Option<()> {
    let mut list = reader.take(tag::SEQUENCE)?;
    while !list.is_empty() {
        let mut description = list.take(tag::SEQUENCE)?;
        description.oid()?;
        description.optional(0x86)?;
    }
    Some(())
}

fn basic_constraints(mut reader: Reader<'_>) -> Option<()> {
    let mut sequence = reader.take(tag::SEQUENCE)?;
    if sequence.peek() == Some(BOOLEAN) {
        boolean(&mut sequence)?;
    }
    if sequence.peek() == Some(INTEGER) {
        let length = sequence.integer()?;
        if length.first().is_some_and(|byte| *byte >= 0x80) || length.len() > 8 {
            return None;
        }
    }
    Some(())
}

fn distribution_points(mut reader: Reader<'_>) -> Option<()> {
    let mut list = reader.take(tag::SEQUENCE)?;
    while !list.is_empty() {
        let mut point = list.take(tag::SEQUENCE)?;
        if let Some(mut name) = point.optional(0xa0)? {
            let mut full = name.take(0xa0)?;
            while full.peek() == Some(0x86) {
                full.take(0x86)?;
            }
        }
    }
    Some(())
}

fn policies(mut reader: Reader<'_>) -> Option<()> {
    let mut list = reader.take(tag::SEQUENCE)?;
    let mut seen = HashSet::new();
    while !list.is_empty() {
        let policy = list.take(tag::SEQUENCE)?.take(tag::OBJECT_IDENTIFIER)?.0;
        let whole = policy.last().is_some_and(|byte| *byte < 0x80);
        // The first byte of an arc is not 0x80, for that would be a leading zero.
        let shortest = policy
            .iter()
            .zip(std::iter::once(&0).chain(policy))
            .all(|(byte, before)| *byte != 0x80 || *before >= 0x80);
        if !whole || !shortest || !seen.insert(policy) {
            return None;
        }
    }
    Some(())
}

fn mappings(mut reader: Reader<'_>) -> Option<()> {
    let mut list = reader.take(tag::SEQUENCE)?;
    while !list.is_empty() {
        let mut pair = list.take(tag::SEQUENCE)?;
        pair.take(tag::OBJECT_IDENTIFIER)?;
        pair.take(tag::OBJECT_IDENTIFIER)?;
    }
    Some(())
}

fn key_identifier(mut reader: Reader<'_>) -> Option<()> {
    reader.take(tag::SEQUENCE)?.optional(0x80)?;
    Some(())
}

fn policy_constraints(mut reader: Reader<'_>) -> Option<()> {
    let mut sequence = reader.take(tag::SEQUENCE)?;
    for number in [0x80, 0x81] {
        if let Some(content) = sequence.optional(number)?
            && !(is_shortest(content.0) && content.0.len() <= 8)
        {
            return None;
        }
    }
    Some(())
}

fn purposes(mut reader: Reader<'_>) -> Option<()> {
    let mut list = reader.take(tag::SEQUENCE)?;
    while !list.is_empty() {
        list.oid()?;
    }
    Some(())
}

/// Names of kinds that Go reads; an extension without any counts as not handled.
fn alternative_names(mut reader: Reader<'_>) -> Result<bool, &'static str> {
    let unreadable = "it cannot be read";
    let mut list = reader.take(tag::SEQUENCE).ok_or(unreadable)?;
    let mut any = false;
    while !list.is_empty() {
        let name = list.any().ok_or(unreadable)?;
        let text = std::str::from_utf8(name.content).ok().filter(|text| text.is_ascii());
        match name.tag {
            0x81 | 0x82 => {
                text.ok_or("a name is not ASCII")?;
            }
            0x86 => uri(text.ok_or("a URI is not ASCII")?)?,
            0x87 if ![4, 16].contains(&name.content.len()) => {
                return Err("an address is neither 4 nor 16 bytes long");
            }
            0x87 => {}
            // Go passes over these, and the parser beneath takes them for what their number says.
            0xa1 | 0xa2 | 0xa6 | 0xa7 => return Err("a name is of a form that is not read"),
            _ => continue,
        }
        any = true;
    }
    Ok(any)
}

fn name_constraints(mut reader: Reader<'_>) -> Result<bool, &'static str> {
    let unreadable = "it cannot be read";
    let mut sequence = reader.take(tag::SEQUENCE).filter(|_| reader.is_empty()).ok_or(unreadable)?;
    let permitted = sequence.optional(0xa0).ok_or(unreadable)?;
    let excluded = sequence.optional(0xa1).ok_or(unreadable)?;
    if !sequence.is_empty() {
        return Err(unreadable);
    }
    let lists = [permitted, excluded];
    if lists.iter().flatten().all(|list| list.is_empty()) {
        return Err("it constrains nothing");
    }
    let mut handled = true;
    for mut list in lists.into_iter().flatten() {
        while !list.is_empty() {
            let base = list.take(tag::SEQUENCE).and_then(|mut subtree| subtree.any()).ok_or(unreadable)?;
            handled &= subtree(base.tag, base.content)?;
        }
    }
    Ok(handled)
}

/// Whether Go handles a subtree of this kind.
fn subtree(kind: u8, content: &[u8]) -> Result<bool, &'static str> {
    let text =
        || std::str::from_utf8(content).ok().filter(|text| text.is_ascii()).ok_or("a subtree is not ASCII");
    let fits = match kind {
        0x82 => is_domain(text()?, true),
        0x81 => match text()? {
            mailbox if mailbox.contains('@') => Mailbox::parse(mailbox).is_some(),
            domain => is_domain(domain, true),
        },
        0x86 => text()?.parse::<IpAddr>().is_err() && is_domain(text()?, true),
        0x87 => {
            let (_, mask) = content.split_at(content.len() / 2);
            let bits = mask.iter().flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1));
            [8, 32].contains(&content.len()) && bits.is_sorted_by(|before, after| before >= after)
        }
        0xa1 | 0xa2 | 0xa6 | 0xa7 => return Err("a subtree is of a form that is not read"),
        _ => return Ok(false),
    };
    if fits { Ok(true) } else { Err("a subtree is not of the form of its kind") }
}

/// A domain by Go's wide measure: visible characters, no empty label, no dot at the end; empty is fine. A constraint may
/// have a dot in front.
pub(super) fn is_domain(text: &str, constraint: bool) -> bool {
    if text.is_empty() {
        return true;
    }
    let labels = if constraint { text.strip_prefix('.').unwrap_or(text) } else { text };
    labels.split('.').all(|label| !label.is_empty() && label.bytes().all(|byte| (33..=126).contains(&byte)))
}

/// What Go's `url.Parse` demands of a URI, and the domain rule for its host.
fn uri(text: &str) -> Result<(), &'static str> {
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
    self::host(scheme, host)
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
fn host(scheme: &str, host: &str) -> Result<(), &'static str> {
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

/// The arcs of an object identifier, dotted.
fn dotted(oid: &[u8]) -> String {
    let mut arcs: Vec<u64> = Vec::new();
    let mut arc: u64 = 0;
    for byte in oid {
        arc = arc << 7 | u64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            if arcs.is_empty() {
                let first = (arc / 40).min(2);
                arcs.extend([first, arc - first * 40]);
            } else {
                arcs.push(arc);
            }
            arc = 0;
        }
    }
    arcs.iter().map(u64::to_string).collect::<Vec<_>>().join(".")
}

/// Whether Go's verdict depends on what an extension says, and that was not read. Bytes behind its value matter to nobody.
pub(super) fn is_missed(oid: &str, read: &Extensions) -> bool {
    let number = oid.strip_prefix("2.5.29.").and_then(|number| number.parse::<u8>().ok());
    match number {
        Some(15) => read.key_usage.is_none(),
        Some(17) => read.subject_alt_names.is_none(),
        Some(19) => read.basic_constraints.is_none(),
        Some(30) => read.name_constraints.is_none(),
        Some(32) => read.certificate_policies.is_none(),
        Some(33) => read.policy_mappings.is_none(),
        Some(36) => read.policy_constraints.is_none(),
        Some(37) => read.extended_key_usage.is_none(),
        Some(54) => read.inhibit_any_policy.is_none(),
        _ => false,
    }
}

/// An extension's name, or its identifier.
pub(super) fn name(oid: &str) -> String {
    crate::x509::extension_name(oid).map_or_else(|| Printable(oid).to_string(), str::to_owned)
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
            assert_eq!(uri(text).is_ok(), good, "{text:?}");
        }
    }

    #[test]
    fn object_identifiers_are_dotted() {
        for (der, text) in [
            (&[0x55, 0x1d, 15][..], "2.5.29.15"),
            (&[0x2a, 0x86, 0x48], "1.2.840"),
            (&[0x88, 0x37, 3], "2.999.3"),
        ] {
            assert_eq!(dotted(der), text);
        }
    }
}
