//! Extensions of revocation lists and of their entries (RFC 5280 sections 5.2 and 5.3).

use super::extension::{
    AUTHORITY_KEY, Always, Critical, Extension, FRESHEST_LIST, Never, all, authority_key, criticality,
    distribution_points,
};
use super::{Oddities, time};
use crate::x509::der::{Element, elements, read};

/// Extensions of revocation lists.
const OF_LISTS: [(&str, Critical, &str); 5] = [
    (LIST_NUMBER, Never, "RFC 5280 section 5.2.3"),
    (DELTA, Always, "RFC 5280 section 5.2.4"),
    (ISSUING_POINT, Always, POINT),
    (AUTHORITY_KEY, Never, "RFC 5280 section 5.2.1"),
    (FRESHEST_LIST, Never, "RFC 5280 section 5.2.6"),
];

/// Extensions of their entries.
const OF_ENTRIES: [(&str, Critical, &str); 3] = [
    (REASON_CODE, Never, REASON),
    (INVALIDITY_DATE, Never, "RFC 5280 section 5.3.2"),
    (CERTIFICATE_ISSUER, Always, "RFC 5280 section 5.3.3"),
];

const LIST_NUMBER: &str = "2.5.29.20";
const DELTA: &str = "2.5.29.27";
const ISSUING_POINT: &str = "2.5.29.28";
const REASON_CODE: &str = "2.5.29.21";
const INVALIDITY_DATE: &str = "2.5.29.24";
const CERTIFICATE_ISSUER: &str = "2.5.29.29";

const POINT: &str = "RFC 5280 section 5.2.5";
const REASON: &str = "RFC 5280 section 5.3.1";

/// What kind of list it is.
#[derive(Clone, Copy, Default)]
pub(super) struct ListKind {
    /// Whether it says what has changed since another one.
    is_delta: bool,
    /// Whether it may hold entries of other issuers.
    pub(super) is_indirect: bool,
}

/// The extensions of a list.
pub(super) fn of_list(list: &Element<'_>, odd: &mut Oddities) -> ListKind {
    let extensions = all(list, odd);
    criticality(&extensions, &OF_LISTS, odd);
    let find = |oid: &str| extensions.iter().find(|extension| extension.oid == oid);
    let value = |oid: &str| {
        find(oid).and_then(|extension: &Extension<'_>| read(extension.value)).map(|(value, _)| value)
    };
    for (oid, what, source) in [
        (LIST_NUMBER, "the CRL number", "RFC 5280 section 5.2.3"),
        (DELTA, "the number of the base list", "RFC 5280 section 5.2.4"),
    ] {
        let Some(number) = value(oid).map(|number| number.content) else { continue };
        if number.len() > 20 {
            odd.tell(format!("{what} has {} octets, and 20 are the most", number.len()), source);
        }
        if number.first().is_some_and(|byte| *byte >= 0x80) {
            odd.tell(format!("{what} is negative"), source);
        }
    }
    if find(LIST_NUMBER).is_none() {
        odd.tell("it has no CRL number", "RFC 5280 section 5.2.3");
    }
    match value(AUTHORITY_KEY) {
        Some(identifier) => authority_key(&identifier, odd),
        None => odd.tell("it has no authority key identifier", "RFC 5280 section 5.2.1"),
    }
    if let (Some(base), Some(own)) = (value(DELTA), value(LIST_NUMBER))
        && (own.content.len(), own.content) < (base.content.len(), base.content)
    {
        odd.tell("the number of the base list is greater than its own", "RFC 5280 section 5.2.4");
    }
    if let Some(points) = value(FRESHEST_LIST) {
        if find(DELTA).is_some() {
            odd.tell("it is a delta and names a place of deltas", "RFC 5280 section 5.2.6");
        }
        distribution_points(&points, "freshestCRL", "RFC 5280 section 5.2.6", odd);
    }
    let is_indirect = value(ISSUING_POINT).is_some_and(|point| issuing_point(&point, odd));
    ListKind { is_delta: find(DELTA).is_some(), is_indirect }
}

/// The issuing distribution point; whether the list is an indirect one.
fn issuing_point(value: &Element<'_>, odd: &mut Oddities) -> bool {
    let parts = elements(value.content).unwrap_or_default();
    if parts.is_empty() {
        odd.tell("the issuingDistributionPoint is empty", POINT);
    }
    // [1] users, [2] CAs, [4] indirect, [5] attribute certificates.
    let is_set = |tag: u8| parts.iter().any(|part| part.tag == tag && part.content != [0]);
    if parts.iter().any(|part| matches!(part.tag, 0x81 | 0x82 | 0x84 | 0x85) && part.content == [0]) {
        odd.tell(
            "a flag of the issuingDistributionPoint is FALSE written out, and that is the default",
            "X.690 section 11.5",
        );
    }
    if [0x81, 0x82, 0x85].iter().filter(|tag| is_set(**tag)).count() > 1 {
        let what = "the issuingDistributionPoint says more than one of: users alone, CAs alone, attribute certificates alone";
        odd.tell(what, POINT);
    }
    is_set(0x84)
}

/// The extensions of an entry.
pub(super) fn of_entry(list: &Element<'_>, kind: ListKind, odd: &mut Oddities) {
    if list.content.is_empty() {
        odd.tell("an entry has an empty list of extensions", "RFC 5280 section 5.1");
        return;
    }
    let extensions = all(list, odd);
    criticality(&extensions, &OF_ENTRIES, odd);
    for extension in &extensions {
        let Some((value, _)) = read(extension.value) else { continue };
        match (extension.oid.as_str(), value.content) {
            (REASON_CODE, [0]) => {
                odd.tell("an entry gives the reason `unspecified`, which is to be left out", REASON);
            }
            (REASON_CODE, [8]) if !kind.is_delta => {
                odd.tell("an entry has the reason removeFromCRL, and the list is no delta", REASON);
            }
            (REASON_CODE, [1..=6 | 8..=10]) => {}
            (REASON_CODE, _) => odd.tell("an entry has a reason that there is not", REASON),
            (INVALIDITY_DATE, _) if value.tag != 0x18 => {
                odd.tell("an invalidityDate is no GeneralizedTime", "RFC 5280 section 5.3.2");
            }
            (INVALIDITY_DATE, _) => time::invalidity(&value, odd),
            (CERTIFICATE_ISSUER, _) if !kind.is_indirect => {
                let what = "an entry names another issuer, and the list is not an indirect one";
                odd.tell(what, "RFC 5280 section 5.3.3");
            }
            _ => {}
        }
    }
}
