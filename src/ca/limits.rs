//! What an issuer's own certificate does not let it sign.

use std::net::IpAddr;

use time::OffsetDateTime;

use super::CaError;
use crate::clock::Lifetime;
use crate::profile::{Admitted, AdmittedCa, Profile, Terms};
use crate::request::SigningRequest;
use crate::x509::{ExtendedKeyUsage, Extension, GeneralSubtree, PublicKey, SubjectAltName, TbsCertificate};

/// What a certificate would say, as far as its issuer's limits go.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// The subject's public key.
    public_key: &'a PublicKey,
    /// The subject alternative names.
    names: &'a [SubjectAltName],
    /// The extended key usage.
    purposes: &'a [ExtendedKeyUsage],
    /// What makes it a CA's; `None` for a leaf.
    ca: Option<&'a AdmittedCa>,
    /// The lifetime, where one was asked for: another is cut to the issuer's end.
    lifetime: Option<Lifetime>,
}

impl<'a> Wanted<'a> {
    /// What was admitted.
    pub fn of(admitted: &'a Admitted) -> Self {
        Self {
            public_key: admitted.public_key(),
            names: admitted.sans(),
            purposes: admitted.extended_key_usage(),
            ca: admitted.ca(),
            lifetime: admitted.lifetime_is_explicit().then(|| admitted.lifetime()),
        }
    }

    /// What is asked for, where the profile does not admit it: so that the issuer's reasons can be said beside the
    /// profile's.
    pub fn asked(request: &'a SigningRequest, profile: &'a Profile, terms: &'a Terms) -> Self {
        Self {
            public_key: &request.public_key,
            names: request.extensions.names(),
            purposes: terms.purposes.as_deref().unwrap_or(profile.extended_key_usage()),
            ca: None,
            lifetime: terms.lifetime,
        }
    }
}

/// certificatePolicies, policyMappings, policyConstraints, inhibitAnyPolicy.
const POLICIES: [&str; 4] = ["2.5.29.32", "2.5.29.33", "2.5.29.36", "2.5.29.54"];

/// Every reason why the issuer may not sign it now.
pub(super) fn objections(issuer: &TbsCertificate, wanted: &Wanted<'_>, now: OffsetDateTime) -> Vec<CaError> {
    let subject = || issuer.subject.clone();
    let mut out = Vec::new();
    if !issuer.validity.contains(now) {
        out.push(CaError::NotValidNow { subject: subject(), validity: issuer.validity, now });
    }
    if wanted.public_key == &issuer.public_key {
        out.push(CaError::IssuersOwnKey(subject()));
    }
    // RFC 5280 section 4.2: whoever does not know a critical extension must refuse what it governs. Policies
    // (section 4.2.1.4 and after) govern nothing here.
    let critical = |extension: &&Extension| extension.critical && !POLICIES.contains(&extension.oid.as_str());
    let unread = issuer.extensions.unknown().find(critical).map(|extension| &extension.oid);
    if let Some(oid) = unread.or(issuer.extensions.malformed.first().map(|(oid, _)| oid)) {
        out.push(CaError::MalformedIssuer { issuer: subject(), oid: oid.clone() });
    }
    out.extend(check_purposes(issuer, wanted).err());
    out.extend(check_path_length(issuer, wanted).err());
    out.extend(outside_name_constraints(issuer, wanted.names));
    if let Some(end) = wanted.lifetime.and_then(|lifetime| now.checked_add(lifetime.duration()))
        && end > issuer.validity.not_after
    {
        out.push(CaError::OutlivesIssuer { issuer: subject(), wanted: end, end: issuer.validity.not_after });
    }
    out
}

/// An issuer with purposes of its own lends those alone: Go and OpenSSL nest them, though RFC 5280 does not say so. A CA
/// without any would promise all of them.
fn check_purposes(issuer: &TbsCertificate, wanted: &Wanted<'_>) -> Result<(), CaError> {
    let lent = issuer.extensions.purposes();
    if lent.is_empty() || lent.contains(&ExtendedKeyUsage::Any) {
        return Ok(());
    }
    let any = [ExtendedKeyUsage::Any];
    let promised = if wanted.ca.is_some() && wanted.purposes.is_empty() { &any } else { wanted.purposes };
    match promised.iter().find(|purpose| !lent.contains(purpose)) {
        Some(purpose) => Err(CaError::Purpose {
            issuer: issuer.subject.clone(),
            purpose: purpose.clone(),
            lent: lent.to_vec(),
        }),
        None => Ok(()),
    }
}

fn check_path_length(issuer: &TbsCertificate, wanted: &Wanted<'_>) -> Result<(), CaError> {
    let constraints = issuer.extensions.basic_constraints.as_ref().map(|marked| marked.value);
    let (Some(limit), Some(ca)) = (constraints.and_then(|c| c.path_len), wanted.ca) else {
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

/// The names that lie outside of what the issuer may speak for (RFC 5280 section 4.2.1.10).
fn outside_name_constraints(issuer: &TbsCertificate, names: &[SubjectAltName]) -> Vec<CaError> {
    let Some(constraints) = &issuer.extensions.name_constraints else { return Vec::new() };
    let refuse = |name: String, reason: String| CaError::NameConstraint {
        issuer: issuer.subject.clone(),
        name,
        reason,
    };
    let mut all = constraints.value.permitted.iter().chain(&constraints.value.excluded);
    let unjudged = |subtree: &&GeneralSubtree| {
        matches!(subtree, GeneralSubtree::Uri(_) | GeneralSubtree::Directory(_) | GeneralSubtree::Other(_))
    };
    if let Some(unjudged) = all.find(unjudged) {
        let reason = "constraints of this kind are not judged, so nothing is signed under them";
        return vec![refuse(unjudged.to_string(), reason.into())];
    }
    let outside = |name: &SubjectAltName| {
        let same_kind = |subtree: &&GeneralSubtree| same_kind(subtree, name);
        if let Some(excluded) = constraints.value.excluded.iter().filter(same_kind).find(|s| touches(s, name))
        {
            return Some(refuse(name.to_string(), format!("{excluded} is excluded")));
        }
        let mut permitted = constraints.value.permitted.iter().filter(same_kind).peekable();
        if permitted.peek().is_some() && !permitted.any(|subtree| contains(subtree, name)) {
            let reason = format!("it is within none of the permitted {} names", name.kind());
            return Some(refuse(name.to_string(), reason));
        }
        None
    };
    names.iter().filter_map(outside).collect()
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
