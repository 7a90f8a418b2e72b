//! Names: distinguished names that mean the same (RFC 5280 section 7.1), domains, mailboxes and URIs.

use crate::x509::der::{Element, elements, read};
use crate::x509::{Name, hex};

/// What a name means, as bytes that can be compared: letters in lower case, runs of spaces as one, spaces at both ends
/// left out, the kind of string forgotten, and the attributes of a multi-valued RDN in one order (RFC 5280 section 7.1,
/// RFC 4518 section 2).
pub fn normal_form(name: &Name) -> Vec<u8> {
    let mut out = Vec::with_capacity(name.der().len());
    for rdn in relative_names(name) {
        out.push(0xff);
        for attribute in rdn {
            out.extend_from_slice(attribute.as_bytes());
            out.push(0xfe);
        }
    }
    out
}

/// The relative distinguished names, each as its normalised attributes in one order.
pub(super) fn relative_names(name: &Name) -> Vec<Vec<String>> {
    let mut out: Vec<Vec<String>> = Vec::new();
    let mut encoded = values(name).into_iter();
    for attribute in name.attributes() {
        let encoded = encoded.next();
        let is_text = encoded.is_none_or(|value| STRINGS.contains(&value.tag));
        let normal = if is_text && !attribute.value.contains(char::REPLACEMENT_CHARACTER) {
            let value = attribute.value.to_lowercase();
            let value = value.split_whitespace().collect::<Vec<_>>().join(" ");
            format!("{}={value}", attribute.oid)
        } else {
            // What is no text means what its bytes say.
            format!("{}#{}", attribute.oid, hex(encoded.map_or(&[], |value| value.whole)))
        };
        match out.last_mut() {
            Some(rdn) if attribute.joined => rdn.push(normal),
            _ => out.push(vec![normal]),
        }
    }
    for rdn in &mut out {
        rdn.sort();
    }
    out
}

/// The kinds of strings that are text: `UTF8String`, `NumericString`, `PrintableString`, `TeletexString`, `IA5String`,
/// `UniversalString`, `BMPString` (RFC 4518 section 2.1).
const STRINGS: [u8; 7] = [0x0c, 0x12, 0x13, 0x14, 0x16, 0x1c, 0x1e];

/// The values of the attributes of a name, as they are encoded.
fn values(name: &Name) -> Vec<Element<'_>> {
    fn parts(element: Element<'_>) -> Vec<Element<'_>> {
        elements(element.content).unwrap_or_default()
    }
    let sets = read(name.der()).map(|(sequence, _)| parts(sequence)).unwrap_or_default();
    sets.into_iter().flat_map(parts).filter_map(|pair| parts(pair).get(1).copied()).collect()
}

/// Whether a domain lies within a base: the base itself or anything below it, label by label, letters in any case. A
/// base with a dot in front holds only what is below; an empty one holds everything.
#[cfg(test)]
pub(super) fn domain_within(domain: &str, base: &str) -> bool {
    if base.is_empty() {
        return true;
    }
    let (domain, base) = (domain.as_bytes(), base.as_bytes());
    let Some(cut) = domain.len().checked_sub(base.len()) else { return false };
    let (before, tail) = domain.split_at(cut);
    tail.eq_ignore_ascii_case(base)
        && (before.is_empty() || base.first() == Some(&b'.') || before.last() == Some(&b'.'))
}

/// A mailbox, its local part without quoting (RFC 2821 section 4.1.2).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Mailbox {
    pub(super) local: Vec<u8>,
    pub(super) domain: String,
}

impl Mailbox {
    /// Reads a mailbox as Go reads one: a quoted or unquoted local part, and a domain without empty labels.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        let (local, rest) = match bytes.split_first()? {
            (b'"', rest) => quoted_local(rest)?,
            _ => unquoted_local(bytes)?,
        };
        let domain = rest.strip_prefix(b"@")?;
        let visible = domain.iter().all(|byte| (33..=126).contains(byte));
        let empty_label = !domain.is_empty() && domain.split(|byte| *byte == b'.').any(<[u8]>::is_empty);
        if !visible || empty_label {
            return None;
        }
        let domain = std::str::from_utf8(domain).ok()?.to_ascii_lowercase();
        Some(Self { local, domain })
    }
}

fn quoted_local(mut rest: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut local = Vec::new();
    loop {
        let (&byte, tail) = rest.split_first()?;
        rest = tail;
        match byte {
            b'"' => return Some((local, rest)),
            b'\\' => {
                let (&escaped, tail) = rest.split_first()?;
                rest = tail;
                if !matches!(escaped, 1..=9 | 11 | 12 | 14..=127) {
                    return None;
                }
                local.push(escaped);
            }
            1..=8 | 11 | 12 | 14..=33 | 35..=91 | 93..=127 => local.push(byte),
            _ => return None,
        }
    }
}

fn unquoted_local(mut rest: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut local = Vec::new();
    while let Some((&byte, tail)) = rest.split_first() {
        if byte == b'\\' {
            let (&escaped, tail) = tail.split_first()?;
            local.push(escaped);
            rest = tail;
        } else if byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~.".contains(&byte) {
            local.push(byte);
            rest = tail;
        } else {
            break;
        }
    }
    let dots = local.first() == Some(&b'.')
        || local.last() == Some(&b'.')
        || local.windows(2).any(|pair| pair == b"..");
    (!local.is_empty() && !dots).then_some((local, rest))
}

/// The host of a URI or of a relative reference, without user, port and brackets; none where there is no authority (RFC
/// 3986 section 3.2).
pub(super) fn uri_host(uri: &str) -> Option<&str> {
    let rest = match uri.strip_prefix("//") {
        Some(authority) => authority,
        None => uri.split_once(':')?.1.strip_prefix("//")?,
    };
    let authority = rest.split(['/', '?', '#']).next()?;
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    if let Some(literal) = host.strip_prefix('[') {
        return literal.split_once(']').map(|(literal, _)| literal);
    }
    // Of several colons the last one begins the port, and the others make it no host.
    Some(host.rsplit_once(':').map_or(host, |(host, _)| host))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_mean_the_same_have_one_form() {
        let name = |attributes: &[(&str, &str)]| normal_form(&Name::from_attributes(attributes).unwrap());
        assert_eq!(name(&[("O", "A  b "), ("CN", "X")]), name(&[("O", " a B"), ("CN", "x")]));
        assert_ne!(name(&[("O", "a"), ("CN", "x")]), name(&[("CN", "x"), ("O", "a")]));
        assert_ne!(name(&[("O", "a b")]), name(&[("O", "ab")]));
    }

    #[test]
    fn domains_lie_within_their_bases() {
        for (domain, base, within) in [
            ("example.com", "example.com", true),
            ("a.EXAMPLE.com", "example.COM", true),
            ("badexample.com", "example.com", false),
            ("example.com", ".example.com", false),
            ("a.example.com", ".example.com", true),
            ("com", "example.com", false),
            ("x", "", true),
        ] {
            assert_eq!(domain_within(domain, base), within, "{domain} {base}");
        }
    }

    #[test]
    fn mailboxes_are_read_as_go_reads_them() {
        for (text, expected) in [
            ("a@b.c", Some(("a", "b.c"))),
            ("\"a b\"@B.c", Some(("a b", "b.c"))),
            ("a\\@b@c", Some(("a@b", "c"))),
            ("good@", Some(("good", ""))),
            // Whatever follows is the domain; the strict policy looks closer.
            ("a@b@c", Some(("a", "b@c"))),
            ("@b", None),
            (".a@b", None),
            ("a..b@c", None),
            ("a@b..c", None),
            ("a@b.", None),
            ("", None),
            ("\"a@b", None),
        ] {
            let read = Mailbox::parse(text);
            let expected =
                expected.map(|(local, domain)| Mailbox { local: local.into(), domain: domain.into() });
            assert_eq!(read, expected, "{text}");
        }
    }

    #[test]
    fn hosts_of_uris() {
        for (uri, host) in [
            ("https://a.example:443/x", Some("a.example")),
            ("spiffe://trust/ns", Some("trust")),
            ("https://u@h?q", Some("h")),
            ("https://[::1]:80/", Some("::1")),
            ("//a.example/x", Some("a.example")),
            ("urn:uuid:1", None),
            ("nothing", None),
        ] {
            assert_eq!(uri_host(uri), host, "{uri}");
        }
    }
}
