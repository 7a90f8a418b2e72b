//! What is told of certificates, requests, revocation lists and keys, for programs and for people alike.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use kpki::inspect::{CertificateFacts, RequestFacts, Trust, attribute_name, extension_name, purpose_name};
use kpki::key::{PrivateKeyFacts, algorithm_name};
use kpki::x509::{
    self, DistributionPoint, DistributionPointName, ExtendedKeyUsage, Extension, Extensions, Name, Printable,
    PublicKey, PublicKeyKind, RevocationList, hex, sha256, sha256_hex,
};
use serde::Serialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Where an instant lies in a span of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum State {
    Valid,
    Expired,
    NotYetValid,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Certificate {
    pub(super) version: u32,
    pub(super) subject: String,
    subject_attributes: Vec<Attribute>,
    pub(super) issuer: String,
    issuer_attributes: Vec<Attribute>,
    pub(super) serial: String,
    not_before: String,
    not_after: String,
    pub(super) state: State,
    days_left: i64,
    #[serde(flatten)]
    pub(super) wishes: Wishes,
    pub(super) key: Key,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) subject_key_identifier: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) authority_key_identifier: Option<AuthorityKeyIdentifier>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) policies: Vec<Policy>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) policy_rules: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) authority_information: Vec<Access>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) subject_information: Vec<Access>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) issuer_alternative_names: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) crl_distribution_points: Vec<String>,
    pub(super) extensions: Vec<ShownExtension>,
    pub(super) signature_algorithm: Algorithm,
    self_issued: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) trust: Option<Trust>,
    pub(super) fingerprint_sha256: String,
    der: String,
    /// The first and the last instant.
    #[serde(skip)]
    pub(super) life: (OffsetDateTime, OffsetDateTime),
}

/// What certificates say and requests ask for.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Wishes {
    pub(super) names: Vec<String>,
    pub(super) key_usage: Vec<&'static str>,
    pub(super) extended_key_usage: Vec<String>,
    pub(super) ca: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) path_length: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) name_constraints: Option<NameConstraints>,
}

#[derive(Serialize)]
pub(super) struct NameConstraints {
    pub(super) permitted: Vec<String>,
    pub(super) excluded: Vec<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AuthorityKeyIdentifier {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) key_identifier: Option<String>,
    pub(super) names_certificate: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Policy {
    pub(super) oid: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) practice_statements: Vec<String>,
}

#[derive(Serialize)]
pub(super) struct Access {
    pub(super) method: String,
    pub(super) location: String,
}

#[derive(Serialize)]
pub(super) struct Attribute {
    oid: String,
    name: String,
    value: String,
}

#[derive(Serialize)]
pub(super) struct ShownExtension {
    pub(super) oid: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<&'static str>,
    pub(super) critical: bool,
    /// In hexadecimal, as it stands.
    value: String,
    #[serde(skip)]
    pub(super) length: usize,
}

#[derive(Serialize)]
pub(super) struct Algorithm {
    pub(super) name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    oid: Option<String>,
}

/// A public key.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Key {
    pub(super) algorithm: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    bits: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) exponent: Option<u64>,
    /// What kubeadm calls the hash of a CA: of the `SubjectPublicKeyInfo`, in hexadecimal.
    pub(super) public_key_sha256: String,
    /// The same in base64, as curl and browsers pin it.
    pub(super) public_key_pin: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    public_key_der: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Request {
    pub(super) subject: String,
    subject_attributes: Vec<Attribute>,
    #[serde(flatten)]
    pub(super) wishes: Wishes,
    pub(super) key: Key,
    pub(super) extensions: Vec<ShownExtension>,
    pub(super) attributes: Vec<String>,
    pub(super) signature_algorithm: Algorithm,
    /// Whether it is signed by the key that it is for.
    pub(super) possession: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) possession_fault: Option<String>,
    pub(super) fingerprint_sha256: String,
    der: String,
}

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

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PrivateKey {
    pub(super) form: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) algorithm: Option<String>,
    pub(super) encrypted: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) encryption: Option<String>,
    #[serde(flatten)]
    pub(super) public: Option<PublicHash>,
    /// Whether the public key is proved to be the private key's, and does not merely stand beside it.
    #[serde(skip)]
    pub(super) proved: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PublicHash {
    pub(super) public_key_sha256: String,
    public_key_pin: String,
}

/// How many entries of a revocation list are shown to people.
pub(super) const SHOWN_ENTRIES: usize = 10;

pub(super) fn rfc3339(instant: OffsetDateTime) -> String {
    instant.format(&Rfc3339).unwrap_or_else(|_| instant.to_string())
}

fn state(from: OffsetDateTime, until: Option<OffsetDateTime>, now: OffsetDateTime) -> State {
    match until {
        Some(until) if until < now => State::Expired,
        _ if now < from => State::NotYetValid,
        _ => State::Valid,
    }
}

fn attributes(name: &Name) -> Vec<Attribute> {
    let one = |attribute: &x509::Attribute| Attribute {
        oid: attribute.oid.clone(),
        name: attribute.short_name().to_owned(),
        value: Printable(&attribute.value).to_string(),
    };
    name.attributes().iter().map(one).collect()
}

fn extensions(all: &[Extension]) -> Vec<ShownExtension> {
    let one = |extension: &Extension| ShownExtension {
        oid: extension.oid.clone(),
        name: extension_name(&extension.oid),
        critical: extension.critical,
        value: hex(&extension.value),
        length: extension.value.len(),
    };
    all.iter().map(one).collect()
}

/// A purpose by its name, or with its name beside its identifier.
fn purpose(purpose: &ExtendedKeyUsage) -> String {
    match purpose {
        ExtendedKeyUsage::Other(oid) => purpose_name(oid).map_or_else(|| oid.clone(), str::to_owned),
        known => known.to_string(),
    }
}

impl Wishes {
    fn of(extensions: &Extensions) -> Self {
        let texts = |list: &[x509::GeneralSubtree]| list.iter().map(ToString::to_string).collect();
        Self {
            names: extensions.names().iter().map(ToString::to_string).collect(),
            key_usage: extensions.key_usage.iter().flat_map(|usage| usage.value.names()).collect(),
            extended_key_usage: extensions.purposes().iter().map(purpose).collect(),
            ca: extensions.is_ca(),
            path_length: extensions.basic_constraints.as_ref().and_then(|marked| marked.value.path_len),
            name_constraints: extensions.name_constraints.as_ref().map(|marked| NameConstraints {
                permitted: texts(&marked.value.permitted),
                excluded: texts(&marked.value.excluded),
            }),
        }
    }
}

impl Key {
    pub(super) fn of(key: &PublicKey) -> Self {
        let (bits, exponent) = match key.kind() {
            PublicKeyKind::Rsa { bits, exponent } => (Some(*bits), *exponent),
            _ => (None, None),
        };
        Self {
            algorithm: algorithm_name(key.kind()),
            bits,
            exponent,
            public_key_sha256: sha256_hex(key.der()),
            public_key_pin: BASE64_STANDARD.encode(sha256(key.der())),
            public_key_der: Some(BASE64_STANDARD.encode(key.der())),
        }
    }
}

impl PrivateKey {
    pub(super) fn of(facts: &PrivateKeyFacts) -> Self {
        Self {
            form: facts.form,
            algorithm: facts.algorithm.clone(),
            encrypted: facts.encryption.is_some(),
            encryption: facts.encryption.clone(),
            public: facts.public_key.as_deref().map(|key| PublicHash {
                public_key_sha256: sha256_hex(key),
                public_key_pin: BASE64_STANDARD.encode(sha256(key)),
            }),
            proved: facts.proved,
        }
    }
}

impl Certificate {
    pub(super) fn of(facts: &CertificateFacts, now: OffsetDateTime) -> Self {
        let tbs = &facts.certificate.tbs;
        let validity = tbs.validity;
        let found = &tbs.extensions;
        let access = |list: Vec<(String, String)>| {
            list.into_iter().map(|(method, location)| Access { method, location }).collect()
        };
        let policy = |(oid, practice_statements)| Policy { oid, practice_statements };
        Self {
            version: tbs.version,
            subject: tbs.subject.to_string(),
            subject_attributes: attributes(&tbs.subject),
            issuer: tbs.issuer.to_string(),
            issuer_attributes: attributes(&tbs.issuer),
            serial: tbs.serial.to_string(),
            not_before: rfc3339(validity.not_before),
            not_after: rfc3339(validity.not_after),
            state: state(validity.not_before, Some(validity.not_after), now),
            days_left: (validity.not_after - now).whole_days(),
            wishes: Wishes::of(found),
            key: Key::of(&tbs.public_key),
            subject_key_identifier: found.subject_key_identifier.as_ref().map(|marked| hex(&marked.value)),
            authority_key_identifier: found.authority_key_identifier.as_ref().map(|marked| {
                AuthorityKeyIdentifier {
                    key_identifier: marked.value.key_identifier.as_deref().map(hex),
                    names_certificate: marked.value.names_certificate,
                }
            }),
            policies: facts.policies().into_iter().map(policy).collect(),
            policy_rules: policy_rules(found),
            authority_information: access(facts.authority_information()),
            subject_information: access(facts.subject_information()),
            issuer_alternative_names: facts.issuer_alternative_names(),
            crl_distribution_points: found
                .crl_distribution_points
                .iter()
                .flat_map(|marked| &marked.value)
                .flat_map(places)
                .collect(),
            extensions: extensions(&found.all),
            signature_algorithm: Algorithm {
                name: facts.certificate.signature_algorithm().to_string(),
                oid: Some(tbs.signature_algorithm.clone()),
            },
            self_issued: tbs.is_self_issued(),
            trust: facts.trust.clone(),
            fingerprint_sha256: facts.fingerprint(),
            der: BASE64_STANDARD.encode(facts.der()),
            life: (validity.not_before, validity.not_after),
        }
    }
}

/// The extensions that rule how policies are processed, in words.
fn policy_rules(extensions: &Extensions) -> Vec<String> {
    let mut rules = Vec::new();
    if let Some(constraints) = &extensions.policy_constraints {
        let value = constraints.value;
        rules.extend(value.require_explicit_policy.map(|skip| format!("requireExplicitPolicy {skip}")));
        rules.extend(value.inhibit_policy_mapping.map(|skip| format!("inhibitPolicyMapping {skip}")));
    }
    rules.extend(
        extensions.inhibit_any_policy.as_ref().map(|skip| format!("inhibitAnyPolicy {}", skip.value)),
    );
    let mappings = extensions.policy_mappings.iter().flat_map(|marked| &marked.value);
    rules.extend(mappings.map(|(issuer, subject)| format!("{issuer} is {subject} below it")));
    rules
}

/// The places that a distribution point names.
fn places(point: &DistributionPoint) -> Vec<String> {
    let mut places = point.name.as_ref().map(place_names).unwrap_or_default();
    places.extend(point.crl_issuer.iter().map(|issuer| format!("list by {issuer}")));
    places
}

fn place_names(name: &DistributionPointName) -> Vec<String> {
    match name {
        DistributionPointName::Full(names) => names.iter().map(ToString::to_string).collect(),
        DistributionPointName::RelativeToIssuer(der) => vec![format!("relative to the issuer: {}", hex(der))],
    }
}

impl Request {
    pub(super) fn of(facts: &RequestFacts) -> Self {
        let request = &facts.request;
        let attribute = |oid: &String| attribute_name(oid).map_or_else(|| oid.clone(), str::to_owned);
        Self {
            subject: request.subject.to_string(),
            subject_attributes: attributes(&request.subject),
            wishes: Wishes::of(&request.extensions),
            key: Key::of(&request.public_key),
            extensions: extensions(&request.extensions.all),
            attributes: facts.attributes.iter().map(attribute).collect(),
            signature_algorithm: Algorithm { name: facts.signature_algorithm.to_string(), oid: None },
            possession: facts.possession.is_ok(),
            possession_fault: facts.possession.as_ref().err().map(ToString::to_string),
            fingerprint_sha256: facts.fingerprint(),
            der: BASE64_STANDARD.encode(facts.der()),
        }
    }
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
