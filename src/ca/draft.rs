//! A certificate that is not signed yet.

use std::net::IpAddr;

use ring::rand::{SecureRandom, SystemRandom};
use time::{Duration, OffsetDateTime, UtcOffset};

use super::CaError;
use crate::key::{KeyError, KeyPair};
use crate::profile::Admitted;
use crate::x509::{
    BasicConstraints, Certificate, CertificateTemplate, ExtendedKeyUsage, GeneralSubtree, Name,
    NameConstraints, SerialNumber, SubjectAltName, TbsCertificate, Validity, assemble_signed,
};

/// certificatePolicies, policyMappings, policyConstraints, inhibitAnyPolicy.
const POLICIES: [&str; 4] = ["2.5.29.32", "2.5.29.33", "2.5.29.36", "2.5.29.54"];

/// How far a certificate reaches back, so that a clock that is a little slow accepts it: what kubeadm does.
const BACKDATE: Duration = Duration::minutes(5);

/// The to-be-signed bytes of a certificate, and what they say.
pub struct Draft {
    to_be_signed: Vec<u8>,
    facts: TbsCertificate,
    signature_algorithm: &'static [u8],
    signer: Vec<u8>,
}

/// What the issuer lends to a certificate.
struct Issuer<'a> {
    name: &'a Name,
    key_identifier: Vec<u8>,
    public_key: &'a [u8],
    signature_algorithm: &'static [u8],
    validity: Option<Validity>,
}

impl Draft {
    /// A self-signed root of this key.
    ///
    /// # Errors
    /// [`CaError::X509`] when a value has no encoding, [`CaError::Key`] when there is no randomness.
    pub fn root(admitted: &Admitted, key: &KeyPair, now: OffsetDateTime) -> Result<Self, CaError> {
        let issuer = Issuer {
            name: admitted.subject(),
            key_identifier: admitted.public_key().key_identifier(),
            public_key: key.public_key_der(),
            signature_algorithm: key.signature_algorithm_der(),
            validity: None,
        };
        Self::encode(&issuer, admitted, now)
    }

    pub(super) fn under(
        issuer: &Certificate,
        signature_algorithm: &'static [u8],
        admitted: &Admitted,
        now: OffsetDateTime,
    ) -> Result<Self, CaError> {
        let tbs = &issuer.tbs;
        if !tbs.validity.contains(now) {
            return Err(CaError::NotValidNow { subject: tbs.subject.clone(), validity: tbs.validity, now });
        }
        if admitted.public_key() == &tbs.public_key {
            return Err(CaError::IssuersOwnKey(tbs.subject.clone()));
        }
        // RFC 5280 section 4.2: whoever does not know a critical extension must refuse what it governs. Policies
        // (section 4.2.1.4 and after) govern nothing here.
        let critical = |(oid, critical): &&(String, bool)| *critical && !POLICIES.contains(&oid.as_str());
        let unread = tbs.extensions.unknown().find(critical).map(|(oid, _)| oid);
        if let Some(oid) = unread.or(tbs.extensions.malformed.first().map(|(oid, _)| oid)) {
            return Err(CaError::MalformedIssuer { issuer: tbs.subject.clone(), oid: oid.clone() });
        }
        check_purposes(tbs, admitted.extended_key_usage())?;
        check_path_length(tbs, admitted)?;
        check_name_constraints(tbs, admitted.sans())?;
        // The issuer's own identifier where it has one, whatever method made it (RFC 5280 section 4.2.1.1).
        let stated = tbs.extensions.subject_key_identifier.as_ref().map(|id| id.value.clone());
        let issuer = Issuer {
            name: &tbs.subject,
            key_identifier: stated.unwrap_or_else(|| tbs.public_key.key_identifier()),
            public_key: tbs.public_key.der(),
            signature_algorithm,
            validity: Some(tbs.validity),
        };
        Self::encode(&issuer, admitted, now)
    }

    fn encode(issuer: &Issuer<'_>, admitted: &Admitted, now: OffsetDateTime) -> Result<Self, CaError> {
        let no_constraints = NameConstraints::default();
        let ca = admitted.ca();
        let basic_constraints =
            BasicConstraints { ca: ca.is_some(), path_len: ca.as_ref().and_then(|ca| ca.path_len) };
        let template = CertificateTemplate {
            serial: &random_serial()?,
            signature_algorithm: issuer.signature_algorithm,
            issuer: issuer.name,
            validity: validity(issuer, admitted, now)?,
            subject: admitted.subject(),
            public_key: admitted.public_key(),
            subject_key_identifier: &admitted.public_key().key_identifier(),
            authority_key_identifier: &issuer.key_identifier,
            subject_alt_names: admitted.sans(),
            key_usage: admitted.key_usage(),
            extended_key_usage: admitted.extended_key_usage(),
            basic_constraints,
            name_constraints: ca.as_ref().map_or(&no_constraints, |ca| &ca.name_constraints),
        };
        let to_be_signed = template.encode()?;
        let facts = TbsCertificate::from_der(&to_be_signed)?;
        Ok(Self {
            to_be_signed,
            facts,
            signature_algorithm: issuer.signature_algorithm,
            signer: issuer.public_key.to_vec(),
        })
    }

    /// What the to-be-signed bytes say, read back from them.
    pub fn facts(&self) -> &TbsCertificate {
        &self.facts
    }

    /// The to-be-signed certificate in DER.
    pub fn der(&self) -> &[u8] {
        &self.to_be_signed
    }

    /// Signs these very bytes with the key that they were made for.
    ///
    /// # Errors
    /// [`CaError::ForeignDraft`] with another key, [`CaError::Key`] when the key cannot sign.
    pub fn seal(self, key: &KeyPair) -> Result<Certificate, CaError> {
        if self.signer != key.public_key_der() {
            return Err(CaError::ForeignDraft);
        }
        let signature = key.sign(&self.to_be_signed)?;
        let der = assemble_signed(&self.to_be_signed, self.signature_algorithm, &signature);
        Ok(Certificate::from_der(&der)?)
    }
}

/// 128 random bits: RFC 5280 section 4.1.2.2 allows 20 octets, and the CA/Browser Forum's Baseline Requirements 7.1
/// ask for 64 bits of randomness.
fn random_serial() -> Result<SerialNumber, CaError> {
    let mut bytes = [0; 16];
    SystemRandom::new().fill(&mut bytes).map_err(|_| KeyError::Random)?;
    // Zero is no serial number; it would come once in 2^128 draws.
    if bytes == [0; 16] {
        bytes[15] = 1;
    }
    Ok(SerialNumber::from_unsigned(&bytes))
}

/// From five minutes ago, but not from before the issuer; for the lifetime, but never past the issuer's end.
fn validity(issuer: &Issuer<'_>, admitted: &Admitted, now: OffsetDateTime) -> Result<Validity, CaError> {
    let now = now.to_offset(UtcOffset::UTC).truncate_to_second();
    let lifetime = admitted.lifetime().duration();
    let wanted = now.checked_add(lifetime).ok_or(CaError::DateOutOfRange)?;
    if wanted.year() > 9999 {
        return Err(CaError::DateOutOfRange);
    }
    let not_before = now - BACKDATE;
    let Some(limits) = issuer.validity else {
        return Ok(Validity { not_before, not_after: wanted });
    };
    if wanted > limits.not_after && admitted.lifetime_is_explicit() {
        return Err(CaError::OutlivesIssuer { issuer: issuer.name.clone(), wanted, end: limits.not_after });
    }
    Ok(Validity { not_before: not_before.max(limits.not_before), not_after: wanted.min(limits.not_after) })
}

/// An issuer with purposes of its own lends those alone: Go and OpenSSL nest them, though RFC 5280 does not say so.
fn check_purposes(issuer: &TbsCertificate, wanted: &[ExtendedKeyUsage]) -> Result<(), CaError> {
    let lent = issuer.extensions.purposes();
    if lent.is_empty() || lent.contains(&ExtendedKeyUsage::Any) {
        return Ok(());
    }
    match wanted.iter().find(|purpose| !lent.contains(purpose)) {
        Some(purpose) => Err(CaError::Purpose { issuer: issuer.subject.clone(), purpose: purpose.clone() }),
        None => Ok(()),
    }
}

fn check_path_length(issuer: &TbsCertificate, admitted: &Admitted) -> Result<(), CaError> {
    let constraints = issuer.extensions.basic_constraints.as_ref().map(|marked| marked.value);
    let (Some(limit), Some(ca)) = (constraints.and_then(|c| c.path_len), admitted.ca()) else {
        return Ok(());
    };
    let reason = match ca.path_len {
        _ if limit == 0 => "it may issue no CA certificate",
        Some(length) if length < limit => return Ok(()),
        Some(_) => "the new CA's path length must be smaller; see --path-len",
        None => "the new CA needs a smaller path length; see --path-len",
    };
    Err(CaError::PathLength { issuer: issuer.subject.clone(), limit, reason })
}

/// Whether every name lies within what the issuer may speak for (RFC 5280 section 4.2.1.10).
fn check_name_constraints(issuer: &TbsCertificate, names: &[SubjectAltName]) -> Result<(), CaError> {
    let Some(constraints) = &issuer.extensions.name_constraints else { return Ok(()) };
    let mut all = constraints.value.permitted.iter().chain(&constraints.value.excluded);
    if let Some(unjudged) = all.find(|subtree| matches!(subtree, GeneralSubtree::Other(_))) {
        return Err(CaError::NameConstraint {
            issuer: issuer.subject.clone(),
            name: unjudged.to_string(),
            reason: "constraints of this kind are not judged, so nothing is signed under them".into(),
        });
    }
    for name in names {
        let refuse = |reason: String| CaError::NameConstraint {
            issuer: issuer.subject.clone(),
            name: name.to_string(),
            reason,
        };
        let same_kind = |subtree: &&GeneralSubtree| same_kind(subtree, name);
        if let Some(excluded) = constraints.value.excluded.iter().filter(same_kind).find(|s| touches(s, name))
        {
            return Err(refuse(format!("{excluded} is excluded")));
        }
        let mut permitted = constraints.value.permitted.iter().filter(same_kind).peekable();
        if permitted.peek().is_some() && !permitted.any(|subtree| contains(subtree, name)) {
            return Err(refuse(format!("it is within none of the permitted {} names", name.kind())));
        }
    }
    Ok(())
}

fn same_kind(subtree: &GeneralSubtree, name: &SubjectAltName) -> bool {
    matches!(
        (subtree, name),
        (GeneralSubtree::Dns(_), SubjectAltName::Dns(_))
            | (GeneralSubtree::Email(_), SubjectAltName::Email(_))
            | (GeneralSubtree::Ip(..), SubjectAltName::Ip(_))
    )
}

fn contains(subtree: &GeneralSubtree, name: &SubjectAltName) -> bool {
    match (subtree, name) {
        (GeneralSubtree::Dns(domain), SubjectAltName::Dns(name)) => {
            within_domain(domain, name.strip_prefix("*.").unwrap_or(name))
        }
        (GeneralSubtree::Email(domain), SubjectAltName::Email(mailbox)) => {
            mailbox == domain
                || mailbox.rsplit_once('@').is_some_and(|(_, host)| match domain.strip_prefix('.') {
                    Some(parent) => host.len() > parent.len() && within_domain(parent, host),
                    None => host.eq_ignore_ascii_case(domain),
                })
        }
        (GeneralSubtree::Ip(network, prefix), SubjectAltName::Ip(ip)) => {
            within_network(*network, *prefix, *ip)
        }
        _ => false,
    }
}

/// Whether a name lies within an excluded subtree, or is a wildcard that covers a part of it.
fn touches(excluded: &GeneralSubtree, name: &SubjectAltName) -> bool {
    let covers = match (excluded, name) {
        (GeneralSubtree::Dns(domain), SubjectAltName::Dns(name)) => {
            name.strip_prefix("*.").is_some_and(|base| within_domain(base, domain))
        }
        _ => false,
    };
    covers || contains(excluded, name)
}

fn within_domain(domain: &str, name: &str) -> bool {
    let (domain, name) = (domain.trim_start_matches('.').to_ascii_lowercase(), name.to_ascii_lowercase());
    domain.is_empty() || name == domain || name.strip_suffix(&domain).is_some_and(|rest| rest.ends_with('.'))
}

fn within_network(network: IpAddr, prefix: u8, ip: IpAddr) -> bool {
    ipnet::IpNet::new(network, prefix).is_ok_and(|net| net.contains(&ip))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_do_not_slip_through() {
        let dns = |domain: &str| GeneralSubtree::Dns(domain.into());
        for (subtree, name, excluded, permitted) in [
            (dns("a.example.com"), "*.example.com", true, false),
            (dns("example.com"), "*.example.com", true, true),
            (dns("example.com"), "*.example.net", false, false),
            (dns("a.example.com"), "b.example.com", false, false),
            (dns("a.example.com"), "c.a.example.com", true, true),
        ] {
            let name: SubjectAltName = name.parse().unwrap();
            assert_eq!(
                (touches(&subtree, &name), contains(&subtree, &name)),
                (excluded, permitted),
                "{name}"
            );
        }
    }
}
