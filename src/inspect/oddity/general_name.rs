//! General names (RFC 5280 sections 4.2.1.6 and 4.2.1.10).

use super::Oddities;
use crate::x509::Printable;
use crate::x509::der::{Element, elements, object_identifier, read};

const NAMES: &str = "RFC 5280 section 4.2.1.6";
const CONSTRAINTS: &str = "RFC 5280 section 4.2.1.10";

/// The longest label of a DNS name, and the longest name (RFC 1035 section 2.3.4).
const LABEL: usize = 63;
const NAME: usize = 253;

/// A name of a list of alternative names.
pub(super) fn name(name: &Element<'_>, odd: &mut Oddities) {
    if empty_or_not_ascii(name, NAMES, odd) {
        return;
    }
    let text = String::from_utf8_lossy(name.content);
    let shown = Printable(&text);
    match name.tag {
        0x81 => {
            let parts = text.rsplit_once('@');
            if !parts.is_some_and(|(local, domain)| !local.is_empty() && is_domain(domain)) {
                odd.tell(format!("the rfc822Name `{shown}` is no mailbox (local@domain)"), NAMES);
            }
        }
        0x82 => {
            // A wildcard is not the standard's, and is what everybody reads (RFC 9525 section 6.3).
            let plain = text.strip_prefix("*.").unwrap_or(&text);
            if plain.parse::<std::net::IpAddr>().is_ok() {
                odd.tell(format!("the dNSName `{shown}` is an address, whose place is an iPAddress"), NAMES);
            } else if !is_domain(plain) {
                odd.tell(format!("the dNSName `{shown}` is not in the preferred name syntax"), NAMES);
            }
        }
        0x86 => {
            let is_scheme = |scheme: &str| {
                scheme.starts_with(|c: char| c.is_ascii_alphabetic())
                    && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
            };
            if !text.split_once(':').is_some_and(|(scheme, rest)| is_scheme(scheme) && !rest.is_empty()) {
                odd.tell(
                    format!("the uniformResourceIdentifier `{shown}` has no scheme, or nothing behind it"),
                    NAMES,
                );
            }
        }
        0x87 => address(name, [4, 16], NAMES, odd),
        // directoryName: a Name within.
        0xa4 => {
            let empty = read(name.content).is_none_or(|(name, _)| name.content.is_empty());
            if empty {
                odd.tell("a directoryName is empty", NAMES);
            }
        }
        // registeredID.
        0x88 if object_identifier(name.content).is_none() => {
            odd.tell("a registeredID is no object identifier", NAMES);
        }
        0xa0 | 0xa3 | 0xa5 | 0x88 => {}
        other => odd.tell(format!("a name has the tag {other:#04x}, which no kind of name has"), NAMES),
    }
}

/// Permitted and excluded subtrees.
pub(super) fn constraints(value: &Element<'_>, odd: &mut Oddities) {
    if value.content.is_empty() {
        odd.tell("the name constraints are empty", CONSTRAINTS);
    }
    for subtrees in elements(value.content).unwrap_or_default() {
        let which = match subtrees.tag {
            0xa0 => "permittedSubtrees",
            0xa1 => "excludedSubtrees",
            other => {
                odd.tell(format!("a part of the name constraints has the tag {other:#04x}"), CONSTRAINTS);
                continue;
            }
        };
        if subtrees.content.is_empty() {
            odd.tell(format!("the {which} of the name constraints are there and empty"), CONSTRAINTS);
        }
        for subtree in elements(subtrees.content).unwrap_or_default() {
            let parts = elements(subtree.content).unwrap_or_default();
            if let Some(base) = parts.first() {
                base_of(base, odd);
            }
            if parts.len() > 1 {
                odd.tell("a name constraint has a minimum or a maximum", CONSTRAINTS);
            }
        }
    }
}

/// What names are to begin or end with. An empty one is every name of its kind.
fn base_of(base: &Element<'_>, odd: &mut Oddities) {
    let text = String::from_utf8_lossy(base.content);
    let shown = Printable(&text);
    if matches!(base.tag, 0x81 | 0x82 | 0x86) && !base.content.is_ascii() {
        odd.tell("a name constraint is not ASCII, and it is an IA5String", CONSTRAINTS);
        return;
    }
    let without_dot = text.strip_prefix('.').unwrap_or(&text);
    match base.tag {
        0x81 if !text.is_empty() => {
            let host = text.rsplit_once('@').map_or(without_dot, |(_, host)| host);
            if !is_domain(host) {
                odd.tell(
                    format!("the constraint `{shown}` on mailboxes is neither a mailbox nor a host"),
                    CONSTRAINTS,
                );
            }
        }
        0x82 if text.starts_with('.') => odd.tell(
            format!(
                "the constraint `{shown}` on DNS names begins with a dot, which is for mailboxes and URIs"
            ),
            CONSTRAINTS,
        ),
        0x82 if !text.is_empty() && !is_domain(&text) => {
            odd.tell(format!("the constraint `{shown}` on DNS names is no DNS name"), CONSTRAINTS);
        }
        0x86 if !text.is_empty() && !is_domain(without_dot) => {
            odd.tell(format!("the constraint `{shown}` on URIs is no host, which it is to be"), CONSTRAINTS);
        }
        0x87 => {
            address(base, [8, 32], CONSTRAINTS, odd);
            let (address, mask) = base.content.split_at(base.content.len() / 2);
            let mut bits = mask.iter().flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1));
            // Ones, then zeros.
            if bits.by_ref().skip_while(|bit| *bit == 1).any(|bit| bit == 1) {
                odd.tell("the mask of an address constraint is no prefix (RFC 4632)", CONSTRAINTS);
            } else if address.iter().zip(mask).any(|(address, mask)| address & !mask != 0) {
                odd.tell("the address of a constraint has bits outside of its mask (RFC 4632)", CONSTRAINTS);
            }
        }
        0x88 | 0xa3 | 0xa5 => {
            odd.tell("a name constraint is for a kind of names that no CA may constrain", CONSTRAINTS);
        }
        _ => {}
    }
}

/// Tells what is odd of every name that is a text; whether that is all there is to tell.
fn empty_or_not_ascii(name: &Element<'_>, source: &'static str, odd: &mut Oddities) -> bool {
    let kind = match name.tag {
        0x81 => "rfc822Name",
        0x82 => "dNSName",
        0x86 => "uniformResourceIdentifier",
        _ => return false,
    };
    if !name.content.is_ascii() {
        odd.tell(format!("a {kind} is not ASCII, and it is an IA5String"), source);
        return true;
    }
    if name.content.is_empty() || name.content == b" " {
        odd.tell(format!("a {kind} is empty"), source);
        return true;
    }
    false
}

/// An address has one of two lengths.
fn address(name: &Element<'_>, lengths: [usize; 2], source: &'static str, odd: &mut Oddities) {
    let length = name.content.len();
    if !lengths.contains(&length) {
        let [short, long] = lengths;
        odd.tell(format!("an iPAddress has {length} bytes, not {short} or {long}"), source);
    }
}

/// The preferred name syntax (RFC 1034 section 3.5, with the digits of RFC 1123 section 2.1).
fn is_domain(name: &str) -> bool {
    let fits = |label: &str| {
        (1..=LABEL).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    name.len() <= NAME && name.split('.').all(fits)
}

/// A list of general names, or of what holds them: the name of a distribution point, of an authority.
pub(super) fn list(value: &Element<'_>, odd: &mut Oddities) {
    for one in elements(value.content).unwrap_or_default() {
        name(&one, odd);
    }
}
