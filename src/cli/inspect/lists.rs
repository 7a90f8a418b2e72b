//! What is told of revocation lists.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use kpki::clock::rfc3339;
use kpki::x509::{self, Name, RevocationList, hex};
use serde::Serialize;
use time::OffsetDateTime;

use super::facts::{Algorithm, Attribute, ShownExtension, State, attributes, extensions, place_names, state};

/// How many entries of a revocation list are shown to people.
pub(super) const SHOWN_ENTRIES: usize = 10;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct List {
    pub(super) version: u32,
    pub(super) issuer: String,
    issuer_attributes: Vec<Attribute>,
    this_update: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_update: Option<String>,
    pub(super) state: State,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) number: Option<String>,
    pub(super) delta: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) authority_key_identifier: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) scope: Vec<String>,
    pub(super) extensions: Vec<ShownExtension>,
    pub(super) signature_algorithm: Algorithm,
    pub(super) revoked: usize,
    /// The first of them for people, all of them for programs.
    pub(super) entries: Vec<Entry>,
    pub(super) fingerprint_sha256: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    der: Option<String>,
    /// When it was issued, and when the next one is due.
    #[serde(skip)]
    pub(super) life: (OffsetDateTime, Option<OffsetDateTime>),
}

#[derive(Serialize)]
pub(super) struct Entry {
    pub(super) serial: String,
    pub(super) date: String,
    pub(super) reason: &'static str,
    /// Where it is not the list's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) issuer: Option<String>,
}

impl List {
    /// With `all`, every entry and the DER.
    pub(super) fn of(list: &RevocationList, now: OffsetDateTime, all: bool) -> Self {
        let mut scope = Vec::new();
        if let Some(point) = list.issuing_distribution_point.as_ref().map(|marked| &marked.value) {
            scope.extend(point.name.as_ref().map(place_names).unwrap_or_default());
            for (set, what) in [
                (point.only_user_certificates, "certificates of end entities only"),
                (point.only_ca_certificates, "certificates of CAs only"),
                (point.only_attribute_certificates, "attribute certificates only"),
                (point.only_reasons.is_some(), "some reasons only"),
                (point.indirect, "certificates of other issuers too"),
            ] {
                scope.extend(set.then(|| what.to_owned()));
            }
        }
        let mut entries: Vec<_> = list.entries().collect();
        entries.sort_unstable_by_key(|(_, serial, entry)| (entry.date, serial.content()));
        let shown = if all { entries.len() } else { SHOWN_ENTRIES };
        let entry =
            |(issuer, serial, entry): (&Name, &x509::SerialNumber, &x509::RevokedCertificate)| Entry {
                serial: serial.to_string(),
                date: rfc3339(entry.date),
                reason: entry.reason_name(),
                issuer: (*issuer != list.issuer).then(|| issuer.to_string()),
            };
        let identifier = list.authority_key_identifier.as_ref();
        Self {
            version: list.version,
            issuer: list.issuer.to_string(),
            issuer_attributes: attributes(&list.issuer),
            this_update: rfc3339(list.this_update),
            next_update: list.next_update.map(rfc3339),
            state: state(list.this_update, list.next_update, now),
            number: list.number.as_deref().map(number),
            delta: list.is_delta(),
            authority_key_identifier: identifier.and_then(|id| id.key_identifier.as_deref()).map(hex),
            scope,
            extensions: extensions(&list.extensions),
            signature_algorithm: Algorithm {
                name: x509::SignatureAlgorithm::new(
                    &list.signature_algorithm,
                    list.signature_parameters.as_deref(),
                )
                .to_string(),
                oid: Some(list.signature_algorithm.clone()),
            },
            revoked: list.len(),
            entries: entries.into_iter().take(shown).map(entry).collect(),
            fingerprint_sha256: list.fingerprint(),
            der: all.then(|| BASE64_STANDARD.encode(list.der())),
            life: (list.this_update, list.next_update),
        }
    }
}

/// A number as people count, where it is not too long for that.
fn number(content: &[u8]) -> String {
    if content.len() > 16 || content.first().is_some_and(|byte| *byte >= 0x80) {
        return format!("0x{}", hex(content));
    }
    content.iter().fold(0_u128, |value, byte| value << 8 | u128::from(*byte)).to_string()
}
