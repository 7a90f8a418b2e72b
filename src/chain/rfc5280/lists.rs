//! What RFC 5280 section 5 demands of a revocation list, whoever signed it and whenever it is read.

use std::collections::HashSet;

use super::der;
use crate::x509::der::{Element, elements, object_identifier, read, tag};
use crate::x509::{RevocationList, extension_name};

/// Section 5.2.1.
const AUTHORITY_KEY_IDENTIFIER: &str = "2.5.29.35";
/// Section 5.2.3.
const CRL_NUMBER: &str = "2.5.29.20";
const LONGEST_NUMBER: usize = 20;
/// Sections 5.2.4 and 5.2.5, which both call theirs a critical extension.
const ALWAYS_CRITICAL: [&str; 2] = ["2.5.29.27", "2.5.29.28"];
/// Section 5.3.1.
const REASON_CODE: &str = "2.5.29.21";
const REMOVE_FROM_CRL: u8 = 8;
const LAST_REASON: u8 = 10;
/// Section 5.3.2.
const INVALIDITY_DATE: &str = "2.5.29.24";
/// Section 5.3.3.
const CERTIFICATE_ISSUER: &str = "2.5.29.29";

/// Why nobody may rely on a list.
pub(in crate::chain) fn problem(list: &RevocationList) -> Option<String> {
    version_and_extensions(list)
        .or_else(|| der::revocation_list(list.der()).err())
        .or_else(|| number(list))
        .or_else(|| scope(list))
        .or_else(|| dates_and_entries(list))
}

fn named(oid: &str) -> String {
    extension_name(oid).map_or_else(|| format!("extension {oid}"), str::to_owned)
}

fn version_and_extensions(list: &RevocationList) -> Option<String> {
    if list.version != 2 {
        return Some(format!("it is of version {}, not 2", list.version));
    }
    if list.issuer.is_empty() {
        return Some("its issuer is empty".into());
    }
    for extension in &list.extensions {
        if let Err(problem) = der::extension(&extension.oid, &extension.value) {
            return Some(format!("its {} cannot be read: {problem}", named(&extension.oid)));
        }
        if ALWAYS_CRITICAL.contains(&extension.oid.as_str()) && !extension.critical {
            return Some(format!("its {} is not critical, and must be", named(&extension.oid)));
        }
    }
    if let Some((oid, _)) = list.malformed.first() {
        return Some(format!("its {} cannot be read", named(oid)));
    }
    if let Some(oid) = list.unknown_critical() {
        return Some(format!("it has the critical extension {oid}, which is not known"));
    }
    if let Some(oid) = list.duplicate_extension() {
        return Some(format!("its extension {oid} stands there twice"));
    }
    if list.find(AUTHORITY_KEY_IDENTIFIER).is_none() {
        return Some("it has no authority key identifier".into());
    }
    let names_key = list.authority_key_identifier.as_ref().is_some_and(|id| id.key_identifier.is_some());
    (!names_key).then(|| "its authority key identifier names no key".into())
}

fn number(list: &RevocationList) -> Option<String> {
    let (Some(number), Some(extension)) = (&list.number, list.find(CRL_NUMBER)) else {
        return Some("it has no CRL number".into());
    };
    let significant = number.iter().skip_while(|byte| **byte == 0).count();
    if extension.critical {
        return Some("its CRL number is critical, and must not be".into());
    }
    let fits = significant <= LONGEST_NUMBER && number.first().is_none_or(|byte| *byte < 0x80);
    (!fits).then(|| "its CRL number is longer than 20 octets, or negative".into())
}

/// Section 5.2.5.
fn scope(list: &RevocationList) -> Option<String> {
    let point = list.issuing_distribution_point.as_ref().map(|marked| &marked.value);
    let indirect = point.is_some_and(|point| point.indirect);
    if list.names_other_issuers() && !indirect {
        return Some("it names certificates of other issuers, and is not indirect".into());
    }
    let point = point?;
    let only = [point.only_user_certificates, point.only_ca_certificates, point.only_attribute_certificates];
    (only.iter().filter(|set| **set).count() > 1)
        .then(|| "its issuing distribution point holds several kinds of certificates alone".into())
}

fn dates_and_entries(list: &RevocationList) -> Option<String> {
    if list.next_update.is_none() {
        return Some("it does not say when the next one is due".into());
    }
    let signed = read(list.der()).and_then(|(whole, _)| read(whole.content));
    let fields = signed.and_then(|(signed, _)| elements(signed.content)).unwrap_or_default();
    let mut entries = &[][..];
    // The issuer, a SEQUENCE too, stands before the dates.
    let mut dated = false;
    for field in &fields {
        if is_time(field) {
            dated = true;
            if let Some(problem) = date_problem(*field) {
                return Some(format!("a date of it {problem}"));
            }
        } else if dated && field.tag == tag::SEQUENCE {
            entries = field.content;
        }
    }
    let is_delta = list.is_delta();
    while let Some((revoked, rest)) = read(entries) {
        if let Some(problem) = entry(revoked, is_delta) {
            return Some(problem);
        }
        entries = rest;
    }
    list.has_duplicates.then(|| "a certificate stands on it twice".into())
}

fn date_problem(date: Element<'_>) -> Option<&'static str> {
    der::date_problem(date).or_else(|| der::early_date_problem(date))
}

fn is_time(field: &Element<'_>) -> bool {
    matches!(field.tag, 0x17 | 0x18)
}

/// Why an entry is none (sections 5.1.2.6 and 5.3).
fn entry(revoked: Element<'_>, is_delta: bool) -> Option<String> {
    let fields = elements(revoked.content)?;
    let problem = fields.get(1).and_then(|date| date_problem(*date));
    if let Some(problem) = problem {
        return Some(format!("the date of an entry {problem}"));
    }
    let mut seen = HashSet::new();
    for extension in fields.get(2).and_then(|list| elements(list.content)).unwrap_or_default() {
        let parts = elements(extension.content)?;
        let (oid, value) = (parts.first()?, parts.last()?.content);
        let critical = parts.len() > 2;
        let oid = object_identifier(oid.content)?;
        if let Err(problem) = der::extension(&oid, value) {
            return Some(format!("the {} of an entry cannot be read: {problem}", named(&oid)));
        }
        let content = read(value).map(|(value, _)| value);
        match oid.as_str() {
            REASON_CODE => match content.map(|content| content.content) {
                Some([REMOVE_FROM_CRL]) if !is_delta => {
                    return Some("an entry is removed from it, which delta lists alone may say".into());
                }
                Some([0..=6 | REMOVE_FROM_CRL..=LAST_REASON]) => {}
                _ => return Some("the reason of an entry is none that there is".into()),
            },
            INVALIDITY_DATE => {
                // Section 5.3.2: always a GeneralizedTime, whatever the year.
                let written = content
                    .is_some_and(|date| date.content.len() == 15 && date.content.last() == Some(&b'Z'));
                if !written {
                    return Some("the invalidity date of an entry is not written as YYYYMMDDHHMMSSZ".into());
                }
            }
            CERTIFICATE_ISSUER if !critical => {
                return Some("the certificate issuer of an entry is not critical, and must be".into());
            }
            _ => {}
        }
        if !seen.insert(oid.clone()) {
            return Some(format!("the {} of an entry stands there twice", named(&oid)));
        }
    }
    None
}
