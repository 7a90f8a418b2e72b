//! Extensions as Go reads them: what each demands of its value, what it says, and which are not handled.

use std::collections::HashSet;
use std::net::IpAddr;

use super::super::names::Mailbox;
use super::encoding::{BOOLEAN, INTEGER, OCTET_STRING, Reader, Refusal, is_negative, is_shortest};
use super::uri;
use crate::x509::der::{Element, tag};
use crate::x509::{
    BasicConstraints, ExtendedKeyUsage, Extensions, GeneralSubtree, KeyUsage, Marked, NameConstraints,
    PolicyConstraints, Printable, SubjectAltName,
};

/// id-ce: everything that RFC 5280 section 4.2.1 defines.
const ID_CE: [u8; 2] = [0x55, 0x1d];
/// authorityInfoAccess.
const AUTHORITY_INFO_ACCESS: [u8; 8] = [0x2b, 6, 1, 5, 5, 7, 1, 1];
/// Numbers are read into 64 bits.
const LONGEST_NUMBER: usize = 8;

/// What decides in the list of extensions, and which of them are critical and not handled, dotted.
pub(super) fn read(mut list: Reader<'_>) -> Result<(Extensions, Vec<String>), Refusal> {
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
    let (mut out, mut unhandled) = (Extensions::default(), Vec::new());
    for (oid, critical, value) in all {
        let handled = read_one(&mut out, oid, critical, Reader(value))
            .map_err(|problem| format!("its {}: {problem}", name(&dotted(oid))))?;
        if critical && !handled {
            unhandled.push(dotted(oid));
        }
    }
    Ok((out, unhandled))
}

fn boolean(reader: &mut Reader<'_>) -> Option<bool> {
    match reader.take(BOOLEAN)?.0 {
        [0] => Some(false),
        [0xff] => Some(true),
        _ => None,
    }
}

/// Whether Go handles the extension; what it says is put with the rest.
fn read_one(
    out: &mut Extensions,
    oid: &[u8],
    critical: bool,
    mut value: Reader<'_>,
) -> Result<bool, &'static str> {
    const UNREADABLE: &str = "it cannot be read";
    const NEVER_CRITICAL: &str = "it is critical, and must not be";
    let number = match oid {
        [first, second, number] if [*first, *second] == ID_CE => *number,
        _ if oid == AUTHORITY_INFO_ACCESS && critical => return Err(NEVER_CRITICAL),
        _ if oid == AUTHORITY_INFO_ACCESS => return access(value).map(|()| true).ok_or(UNREADABLE),
        _ => return Ok(false),
    };
    match number {
        14 | 35 if critical => return Err(NEVER_CRITICAL),
        14 => value.take(OCTET_STRING).map(|_| ()).ok_or(UNREADABLE)?,
        15 => out.key_usage = Some(marked(critical, key_usage(value).ok_or(UNREADABLE)?)),
        17 => {
            let names = alternative_names(value)?;
            // Names of other kinds alone are not handled.
            let handled = !names.is_empty();
            out.subject_alt_names = Some(marked(critical, names));
            return Ok(handled);
        }
        19 => out.basic_constraints = Some(marked(critical, basic_constraints(value).ok_or(UNREADABLE)?)),
        30 => {
            let (constraints, handled) = name_constraints(value)?;
            out.name_constraints = Some(marked(critical, constraints));
            return Ok(handled);
        }
        31 => distribution_points(value).ok_or(UNREADABLE)?,
        32 => {
            let policies = policies(value).ok_or("a policy cannot be read, or stands there twice")?;
            out.certificate_policies = Some(marked(critical, policies));
        }
        33 => out.policy_mappings = Some(marked(critical, mappings(value).ok_or(UNREADABLE)?)),
        35 => value.take(tag::SEQUENCE).and_then(|mut id| id.optional(0x80)).map(|_| ()).ok_or(UNREADABLE)?,
        36 => out.policy_constraints = Some(marked(critical, policy_constraints(value).ok_or(UNREADABLE)?)),
        37 => out.extended_key_usage = Some(marked(critical, purposes(value).ok_or(UNREADABLE)?)),
        54 => {
            let skip = value.take(INTEGER).and_then(|content| count(content.0)).ok_or(UNREADABLE)?;
            out.inhibit_any_policy = Some(marked(critical, skip));
        }
        _ => return Ok(false),
    }
    Ok(true)
}

fn marked<T>(critical: bool, value: T) -> Marked<T> {
    Marked { critical, value }
}

/// A number of certificates. One below zero counts for nothing, like one that no path is long enough for.
fn count(content: &[u8]) -> Option<u32> {
    if !is_shortest(content) || content.len() > LONGEST_NUMBER {
        return None;
    }
    let number = content.iter().fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    Some(u32::try_from(number).ok().filter(|_| !is_negative(content)).unwrap_or(u32::MAX))
}

/// Nine bits have a meaning.
fn key_usage(mut reader: Reader<'_>) -> Option<KeyUsage> {
    let (_, bytes) = reader.bits()?;
    let bits = bytes.iter().flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1)).take(9);
    Some(KeyUsage::from_flags(bits.zip(0..).fold(0, |flags, (bit, at)| flags | u16::from(bit) << at)))
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

/// Whatever stands behind the two fields does not matter.
fn basic_constraints(mut reader: Reader<'_>) -> Option<BasicConstraints> {
    let mut sequence = reader.take(tag::SEQUENCE)?;
    let ca = sequence.peek() == Some(BOOLEAN) && boolean(&mut sequence)?;
    let path_len = match sequence.optional(INTEGER)? {
        Some(content) if is_negative(content.0) => return None,
        Some(content) => Some(count(content.0)?),
        None => None,
    };
    Some(BasicConstraints { ca, path_len })
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

fn policies(mut reader: Reader<'_>) -> Option<Vec<String>> {
    let mut list = reader.take(tag::SEQUENCE)?;
    let (mut out, mut seen) = (Vec::new(), HashSet::new());
    while !list.is_empty() {
        let policy = list.take(tag::SEQUENCE)?.take(tag::OBJECT_IDENTIFIER)?.0;
        if !is_oid(policy) || !seen.insert(policy) {
            return None;
        }
        out.push(dotted(policy));
    }
    Some(out)
}

fn mappings(mut reader: Reader<'_>) -> Option<Vec<(String, String)>> {
    let mut list = reader.take(tag::SEQUENCE)?;
    let mut out = Vec::new();
    while !list.is_empty() {
        let mut pair = list.take(tag::SEQUENCE)?;
        let (issuer, subject) = (pair.take(tag::OBJECT_IDENTIFIER)?, pair.take(tag::OBJECT_IDENTIFIER)?);
        out.push((dotted(issuer.0), dotted(subject.0)));
    }
    Some(out)
}

fn policy_constraints(mut reader: Reader<'_>) -> Option<PolicyConstraints> {
    let mut sequence = reader.take(tag::SEQUENCE)?;
    let mut out = PolicyConstraints::default();
    for (number, field) in [(0x80, &mut out.require_explicit_policy), (0x81, &mut out.inhibit_policy_mapping)]
    {
        if let Some(content) = sequence.optional(number)? {
            *field = Some(count(content.0)?);
        }
    }
    Some(out)
}

fn purposes(mut reader: Reader<'_>) -> Option<Vec<ExtendedKeyUsage>> {
    let mut list = reader.take(tag::SEQUENCE)?;
    let mut out = Vec::new();
    while !list.is_empty() {
        out.push(match list.oid()? {
            [0x2b, 6, 1, 5, 5, 7, 3, 1] => ExtendedKeyUsage::ServerAuth,
            [0x2b, 6, 1, 5, 5, 7, 3, 2] => ExtendedKeyUsage::ClientAuth,
            [0x55, 0x1d, 37, 0] => ExtendedKeyUsage::Any,
            other => ExtendedKeyUsage::Other(dotted(other)),
        });
    }
    Some(out)
}

/// The names of kinds that Go reads.
fn alternative_names(mut reader: Reader<'_>) -> Result<Vec<SubjectAltName>, &'static str> {
    let unreadable = "it cannot be read";
    let mut list = reader.take(tag::SEQUENCE).ok_or(unreadable)?;
    let mut out = Vec::new();
    while !list.is_empty() {
        let name = list.any().ok_or(unreadable)?;
        out.push(match name.tag {
            0x81 => SubjectAltName::Email(ascii(name).ok_or("a mailbox is not ASCII")?),
            0x82 => SubjectAltName::Dns(ascii(name).ok_or("a DNS name is not ASCII")?),
            0x86 => {
                let text = ascii(name).ok_or("a URI is not ASCII")?;
                uri::check(&text)?;
                SubjectAltName::Uri(text)
            }
            0x87 => {
                let ip = address(name.content).ok_or("an address is neither 4 nor 16 bytes long")?;
                SubjectAltName::Ip(ip)
            }
            _ => continue,
        });
    }
    Ok(out)
}

fn ascii(element: Element<'_>) -> Option<String> {
    std::str::from_utf8(element.content).ok().filter(|text| text.is_ascii()).map(str::to_owned)
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    let short = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
    short.or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from)).ok()
}

/// The constraints of the kinds that Go reads, and whether there are no others.
fn name_constraints(mut reader: Reader<'_>) -> Result<(NameConstraints, bool), &'static str> {
    let unreadable = "it cannot be read";
    let mut sequence = reader.take(tag::SEQUENCE).filter(|_| reader.is_empty()).ok_or(unreadable)?;
    let permitted = sequence.optional(0xa0).ok_or(unreadable)?;
    let excluded = sequence.optional(0xa1).ok_or(unreadable)?;
    if !sequence.is_empty() {
        return Err(unreadable);
    }
    if [permitted, excluded].iter().flatten().all(|list| list.is_empty()) {
        return Err("it constrains nothing");
    }
    let mut handled = true;
    let permitted = subtrees(permitted, &mut handled)?;
    let excluded = subtrees(excluded, &mut handled)?;
    Ok((NameConstraints { permitted, excluded }, handled))
}

fn subtrees(list: Option<Reader<'_>>, handled: &mut bool) -> Result<Vec<GeneralSubtree>, &'static str> {
    let mut out = Vec::new();
    let Some(mut list) = list else { return Ok(out) };
    while !list.is_empty() {
        let base = list.take(tag::SEQUENCE).and_then(|mut subtree| subtree.any());
        match subtree(base.ok_or("it cannot be read")?)? {
            Some(subtree) => out.push(subtree),
            None => *handled = false,
        }
    }
    Ok(out)
}

/// A subtree; none of a kind that Go does not handle.
fn subtree(base: Element<'_>) -> Result<Option<GeneralSubtree>, &'static str> {
    let text = || ascii(base).ok_or("a subtree is not ASCII");
    let subtree = match base.tag {
        0x82 => Some(text()?).filter(|domain| is_domain(domain, true)).map(GeneralSubtree::Dns),
        0x81 => {
            let fits = |text: &String| {
                if text.contains('@') { Mailbox::parse(text).is_some() } else { is_domain(text, true) }
            };
            Some(text()?).filter(fits).map(GeneralSubtree::Email)
        }
        0x86 => {
            let fits = |text: &String| text.parse::<IpAddr>().is_err() && is_domain(text, true);
            Some(text()?).filter(fits).map(GeneralSubtree::Uri)
        }
        0x87 => network(base.content),
        _ => return Ok(None),
    };
    subtree.map(Some).ok_or("a subtree is not of the form of its kind")
}

/// An address and a mask without gaps.
fn network(content: &[u8]) -> Option<GeneralSubtree> {
    let (address, mask) = content.split_at(content.len() / 2);
    let address = self::address(address).filter(|_| address.len() == mask.len())?;
    let bits = mask.iter().flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1));
    let prefix = mask.iter().map(|byte| byte.count_ones()).sum::<u32>();
    let whole = bits.is_sorted_by(|before, after| before >= after);
    Some(GeneralSubtree::Ip(address, u8::try_from(prefix).ok()?)).filter(|_| whole)
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

/// Whether an object identifier is whole and every arc in its shortest form, however large.
fn is_oid(content: &[u8]) -> bool {
    // The first byte of an arc is not 0x80, for that would be a leading zero.
    let mut with_before = content.iter().zip(std::iter::once(&0).chain(content));
    content.last().is_some_and(|byte| *byte < 0x80)
        && with_before.all(|(byte, before)| *byte != 0x80 || *before >= 0x80)
}

/// The arcs of an object identifier, dotted. Where that would not tell it from others, for it is none or has an arc above
/// 64 bits, it is hexadecimal.
fn dotted(oid: &[u8]) -> String {
    let mut arcs: Vec<u64> = Vec::new();
    let mut arc: u64 = 0;
    for byte in oid {
        if arc >> 57 != 0 || !is_oid(oid) {
            return crate::x509::hex(oid);
        }
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

/// An extension's name, or its identifier.
pub(super) fn name(oid: &str) -> String {
    crate::x509::extension_name(oid).map_or_else(|| Printable(oid).to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn object_identifiers_are_dotted() {
        for (der, text) in [
            (&[0x55, 0x1d, 15][..], "2.5.29.15"),
            (&[0x2a, 0x86, 0x48], "1.2.840"),
            (&[0x88, 0x37, 3], "2.999.3"),
            (&[0x2a, 0x81, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f], "1.2.18446744073709551615"),
            (&[0x2a, 0x83, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f], "2a83ffffffffffffffff7f"),
            (&[0x2a, 0x03, 0x84], "2a0384"),
            (&[0x2a, 0x80, 0x03], "2a8003"),
            (&[], ""),
        ] {
            assert_eq!(dotted(der), text);
        }
    }
}
