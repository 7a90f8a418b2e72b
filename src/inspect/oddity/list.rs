//! Revocation lists (RFC 5280 section 5).

use std::collections::HashSet;

use super::super::Oddity;
use super::list_extension::{self, ListKind};
use super::{Oddities, key, name, time};
use crate::x509::der::{Element, elements, read, tag};
use crate::x509::hex;

/// Looks at a revocation list in DER.
pub(in crate::inspect) fn list(der: &[u8]) -> Vec<Oddity> {
    let mut odd = Oddities::default();
    if look(der, &mut odd).is_none() {
        odd.tell("it is not made as a revocation list is", "RFC 5280 section 5.1");
    }
    odd.into_vec()
}

fn look(der: &[u8], odd: &mut Oddities) -> Option<()> {
    let (whole, _) = read(der)?;
    let parts = elements(whole.content)?;
    let [tbs, outer, signature] = parts.as_slice() else { return None };
    let fields = elements(tbs.content)?;
    let mut fields = fields.into_iter().peekable();
    let version = fields.next_if(|field| field.tag == tag::INTEGER);
    if version.is_some_and(|version| version.content != [1]) {
        odd.tell("the version is not 2", "RFC 5280 section 5.1.2.1");
    }
    let (algorithm, issuer, this_update) = (fields.next()?, fields.next()?, fields.next()?);
    if algorithm.whole != outer.whole {
        odd.tell(
            "the signature algorithm beside the signature is not the one that was signed",
            "RFC 5280 section 5.1.1.2",
        );
    }
    key::signature_algorithm(&algorithm, odd);
    if signature.content.first().is_some_and(|unused| *unused != 0) {
        odd.tell("the signature has unused bits", "RFC 5280 section 5.1.1.3");
    }
    key::signature(outer, signature, odd);
    if issuer.content.is_empty() {
        odd.tell("the issuer is empty", "RFC 5280 section 5.1.2.3");
    }
    name::name(&issuer, "issuer", odd);
    time::time(&this_update, "thisUpdate", odd);
    match fields.next_if(|field| matches!(field.tag, 0x17 | 0x18)) {
        Some(next_update) => {
            time::time(&next_update, "nextUpdate", odd);
            if time::is_before(&next_update, &this_update) {
                odd.tell("nextUpdate lies before thisUpdate", "RFC 5280 section 5.1.2.5");
            }
        }
        None => odd.tell("it does not say when the next one is due", "RFC 5280 section 5.1.2.5"),
    }
    let revoked = fields.next_if(|field| field.tag == tag::SEQUENCE);
    let mut kind = ListKind::default();
    match fields.next().filter(|field| field.tag == 0xa0) {
        Some(list) => {
            if version.is_none() {
                odd.tell("it is of version 1 and has extensions", "RFC 5280 section 5.1.2.1");
            }
            let (list, _) = read(list.content)?;
            kind = list_extension::of_list(&list, odd);
        }
        None if version.is_none() => {
            odd.tell("it is of version 1, and CAs issue version 2", "RFC 5280 section 5.1.2.1");
        }
        None => odd.tell("it has no CRL number", "RFC 5280 section 5.2.3"),
    }
    if let Some(revoked) = revoked {
        entries(&revoked, version.is_some(), kind, odd)?;
    }
    Some(())
}

fn entries(revoked: &Element<'_>, is_second: bool, kind: ListKind, odd: &mut Oddities) -> Option<()> {
    if revoked.content.is_empty() {
        odd.tell("the list of revoked certificates is there and empty", "RFC 5280 section 5.1.2.6");
    }
    let mut seen: HashSet<&[u8]> = HashSet::new();
    let mut rest = revoked.content;
    while !rest.is_empty() {
        let (entry, after) = read(rest)?;
        rest = after;
        let (serial, date) = read(entry.content)?;
        // Entries of an indirect list are of several issuers.
        if !kind.is_indirect && !seen.insert(serial.content) {
            let serial = hex(serial.content);
            odd.tell(
                format!("the serial number {serial} stands there more than once"),
                "RFC 5280 section 5.1.2.6",
            );
        }
        super::serial_content(serial.content, "the serial number of an entry", odd);
        let (date, extensions) = read(date)?;
        time::time(&date, "a revocation date", odd);
        if let Some((list, _)) = read(extensions) {
            if !is_second {
                odd.tell("an entry has extensions, and the list is of version 1", "RFC 5280 section 5.1.2.1");
            }
            list_extension::of_entry(&list, kind, odd);
        }
    }
    Some(())
}
