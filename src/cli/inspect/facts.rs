//! What is told of certificates and requests, for programs and for people alike.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use kpki::clock::rfc3339;
use kpki::inspect::{CertificateFacts, RequestFacts, Trust, attribute_name, extension_name, purpose_name};
use kpki::x509::{
    self, DistributionPoint, DistributionPointName, ExtendedKeyUsage, Extension, Extensions, Name, Printable,
    hex,
};
use serde::Serialize;
use time::OffsetDateTime;

use super::keys::Key;

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
    pub(super) oid: Option<String>,
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

pub(super) fn state(from: OffsetDateTime, until: Option<OffsetDateTime>, now: OffsetDateTime) -> State {
    match until {
        Some(until) if until < now => State::Expired,
        _ if now < from => State::NotYetValid,
        _ => State::Valid,
    }
}

pub(super) fn attributes(name: &Name) -> Vec<Attribute> {
    let one = |attribute: &x509::Attribute| Attribute {
        oid: attribute.oid.clone(),
        name: attribute.short_name().to_owned(),
        value: Printable(&attribute.value).to_string(),
    };
    name.attributes().iter().map(one).collect()
}

pub(super) fn extensions(all: &[Extension]) -> Vec<ShownExtension> {
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

pub(super) fn place_names(name: &DistributionPointName) -> Vec<String> {
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
