//! Certificate policies, and what is said about them (RFC 5280 sections 4.2.1.4, 4.2.1.5, 4.2.1.11 and 4.2.1.14).

use std::collections::BTreeSet;

use super::Oddities;
use crate::x509::der::{Element, elements, object_identifier, read, tag};

const POLICIES: &str = "RFC 5280 section 4.2.1.4";
const MAPPINGS: &str = "RFC 5280 section 4.2.1.5";
const ANY_POLICY: &str = "2.5.29.32.0";

/// The longest text for users, in characters.
const LONGEST_TEXT: usize = 200;

/// The certificate policies.
pub(super) fn policies(value: &Element<'_>, odd: &mut Oddities) {
    let mut seen = BTreeSet::new();
    for policy in elements(value.content).unwrap_or_default() {
        let Some((oid, qualifiers)) = read(policy.content) else {
            odd.tell("a policy is not made as one is", POLICIES);
            continue;
        };
        let Some(oid) = object_identifier(oid.content) else { continue };
        if let Some((qualifiers, _)) = read(qualifiers) {
            if qualifiers.content.is_empty() {
                odd.tell(format!("the list of qualifiers of the policy {oid} is there and empty"), POLICIES);
            }
            for one in elements(qualifiers.content).unwrap_or_default() {
                qualifier(&one, &oid, odd);
            }
        }
        if let Some(oid) = seen.replace(oid) {
            odd.tell(format!("the policy {oid} stands there more than once"), POLICIES);
        }
    }
}

fn qualifier(qualifier: &Element<'_>, policy: &str, odd: &mut Oddities) {
    let parts = elements(qualifier.content).unwrap_or_default();
    let [oid, value, ..] = parts.as_slice() else {
        odd.tell(format!("a qualifier of the policy {policy} is not made as one is"), POLICIES);
        return;
    };
    match object_identifier(oid.content).as_deref() {
        // id-qt-cps: an IA5String.
        Some("1.3.6.1.5.5.7.2.1") if (value.tag != 0x16 || !value.content.is_ascii()) => {
            odd.tell(format!("the practice statement of the policy {policy} is not an IA5String"), POLICIES);
        }
        // id-qt-unotice.
        Some("1.3.6.1.5.5.7.2.2") => {
            for part in
                elements(value.content).unwrap_or_default().iter().filter(|part| part.tag != tag::SEQUENCE)
            {
                notice(part, policy, odd);
            }
        }
        _ if policy == ANY_POLICY => {
            odd.tell("anyPolicy has a qualifier that is neither a practice statement nor a notice", POLICIES);
        }
        _ => {}
    }
}

/// The explicit text of a notice.
fn notice(text: &Element<'_>, policy: &str, odd: &mut Oddities) {
    let kind = match text.tag {
        0x1a => Some("a VisibleString"),
        0x1e => Some("a BMPString"),
        _ => None,
    };
    if let Some(kind) = kind {
        odd.tell(format!("the notice of the policy {policy} is {kind}, which it may not be"), POLICIES);
    }
    let width = if text.tag == 0x1e { 2 } else { 1 };
    let length = match std::str::from_utf8(text.content) {
        Ok(content) if width == 1 => content.chars().count(),
        _ => text.content.len() / width,
    };
    if length > LONGEST_TEXT {
        let what = format!(
            "the notice of the policy {policy} has {length} characters, and {LONGEST_TEXT} are the most"
        );
        odd.tell(what, POLICIES);
    }
}

/// The policy mappings.
pub(super) fn mappings(value: &Element<'_>, odd: &mut Oddities) {
    for mapping in elements(value.content).unwrap_or_default() {
        let sides = elements(mapping.content).unwrap_or_default();
        let sides: Vec<_> = sides.iter().filter_map(|side| object_identifier(side.content)).collect();
        if sides.len() != 2 {
            odd.tell("a policy mapping is not two policies", MAPPINGS);
        }
        if sides.iter().any(|side| side == ANY_POLICY) {
            odd.tell("a policy is mapped to or from anyPolicy", MAPPINGS);
        }
    }
}

/// The policy constraints.
pub(super) fn constraints(value: &Element<'_>, odd: &mut Oddities) {
    const SOURCE: &str = "RFC 5280 section 4.2.1.11";
    if value.content.is_empty() {
        odd.tell("the policy constraints are empty", SOURCE);
    }
    for count in elements(value.content).unwrap_or_default() {
        if count.content.first().is_some_and(|byte| *byte >= 0x80) {
            odd.tell("a policy constraint is a negative number", SOURCE);
        }
    }
}
