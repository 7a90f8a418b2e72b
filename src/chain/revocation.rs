//! Revocation lists: which apply to a certificate, whether they can be relied upon, and what they say (RFC 5280 section
//! 6.3).

use super::budget::Budget;
use super::candidate::Candidate;
use super::names::normal_form;
use super::search::Step;
use super::verdict::{Role, Verdict};
use super::{Fault, LocatedList, Purpose, Reason, Settings, Verifier};
use crate::x509::{
    Certificate, DistributionPoint, DistributionPointName, IssuingDistributionPoint, KeyUsage, Name,
    RevocationList, SubjectAltName,
};

/// Every reason but the unspecified one, which is none (section 5.3.1, section 6.3.2 (a)).
const ALL_REASONS: u16 = 0x01fe;
/// Of so many lists the issuers are shown.
const MOST_SHOWN: usize = 8;
/// Section 5.2.3.
const CRL_NUMBER: &str = "2.5.29.20";
const LONGEST_NUMBER: usize = 20;
/// Section 5.3.1: the certificate is no longer held; it stands on delta lists only.
const REMOVE_FROM_CRL: u8 = 8;

/// What the lists have against the certificates of a path. The trust anchor needs none.
pub(super) fn faults(path: &[Step<'_, '_>], verifier: &Verifier<'_>, budget: &Budget) -> Vec<Fault> {
    let mut faults = Vec::new();
    for index in 0..path.len().saturating_sub(1) {
        if let Some(fault) = status(path, index, verifier, budget) {
            faults.push(fault.about(index));
        }
    }
    faults
}

/// The fault of one certificate of the path; none where its status is known and good.
fn status(path: &[Step<'_, '_>], index: usize, verifier: &Verifier<'_>, budget: &Budget) -> Option<Fault> {
    let certificate = path.get(index)?.certificate();
    let issuer = path.get(index + 1)?.certificate();
    let anchor = path.last()?.certificate();
    let mut reasons = 0;
    let mut unusable: Option<Fault> = None;
    for located in verifier.lists.iter().copied() {
        let list = &located.list;
        let Some(covered) = scope(list, certificate) else { continue };
        if let Err(problem) =
            usable(list, verifier.settings).and_then(|()| signed(located, issuer, anchor, verifier, budget))
        {
            let detail = format!(
                "the revocation list {} ({}) cannot be relied upon: {problem}",
                list.issuer, located.source
            );
            unusable.get_or_insert(Fault::new(Reason::UnusableList, detail));
            continue;
        }
        if let Some(fault) = entry(located, certificate) {
            return Some(fault);
        }
        reasons |= covered;
    }
    if reasons & ALL_REASONS == ALL_REASONS {
        return None;
    }
    Some(unusable.unwrap_or_else(|| {
        let detail = format!("no revocation list tells whether {} is revoked", certificate.tbs.subject);
        let mut lists: Vec<String> =
            verifier.lists.iter().take(MOST_SHOWN).map(|located| located.list.issuer.to_string()).collect();
        lists.extend((verifier.lists.len() > MOST_SHOWN).then(|| "…".to_owned()));
        Fault::new(Reason::StatusUnknown, detail)
            .facts(format!("a list of {}", certificate.tbs.issuer), format!("lists of {}", lists.join("; ")))
    }))
}

/// The fault of a certificate that stands on the list.
fn entry(located: &LocatedList, certificate: &Certificate) -> Option<Fault> {
    let list = &located.list;
    let tbs = &certificate.tbs;
    // The list may spell the name otherwise, in an entry as well.
    let entry =
        list.entry(&tbs.serial, |name| name == &tbs.issuer || normal_form(name) == normal_form(&tbs.issuer))?;
    if entry.reason == Some(REMOVE_FROM_CRL) {
        return None;
    }
    let detail = format!(
        "revoked on {} ({}), by the list of {} ({})",
        entry.date.date(),
        entry.reason_name(),
        list.issuer,
        located.source
    );
    Some(Fault::new(Reason::Revoked, detail))
}

/// The reasons that a list covers for a certificate; none where it is not about it (section 6.3.3 (b)).
fn scope(list: &RevocationList, certificate: &Certificate) -> Option<u16> {
    let everything = IssuingDistributionPoint::default();
    let own = list.issuing_distribution_point.as_ref().map_or(&everything, |marked| &marked.value);
    let is_ca = certificate.tbs.extensions.is_ca();
    if own.only_attribute_certificates
        || (own.only_user_certificates && is_ca)
        || (own.only_ca_certificates && !is_ca)
    {
        return None;
    }
    let issued_by_list = normal_form(&list.issuer) == normal_form(&certificate.tbs.issuer);
    let covered = own.only_reasons.unwrap_or(ALL_REASONS);
    let points =
        certificate.tbs.extensions.crl_distribution_points.as_ref().map_or(&[][..], |marked| &marked.value);
    let assumed = [DistributionPoint {
        name: Some(DistributionPointName::Full(vec![SubjectAltName::Directory(
            certificate.tbs.issuer.clone(),
        )])),
        reasons: None,
        crl_issuer: Vec::new(),
    }];
    // A complete list of the certificate's own issuer is always about it.
    if issued_by_list && own.name.is_none() {
        let unrestricted =
            points.iter().filter(|point| point.crl_issuer.is_empty()).map(|point| point.reasons);
        let reasons =
            unrestricted.map(|reasons| reasons.unwrap_or(ALL_REASONS)).fold(0, |all, some| all | some);
        let reasons = if reasons == 0 || own.only_reasons.is_none() { ALL_REASONS } else { reasons };
        return Some(covered & reasons);
    }
    let points = if points.is_empty() { &assumed[..] } else { points };
    let mut reasons = 0;
    for point in points {
        let named_issuer = point.crl_issuer.iter().any(|name| normal_form(name) == normal_form(&list.issuer));
        let right_issuer =
            if point.crl_issuer.is_empty() { issued_by_list } else { named_issuer && own.indirect };
        if right_issuer && same_place(own, point, &list.issuer, &certificate.tbs.issuer) {
            reasons |= point.reasons.unwrap_or(ALL_REASONS);
        }
    }
    (reasons != 0).then_some(covered & reasons)
}

/// Whether the list's place is that of a distribution point (section 6.3.3 (b)(2)(i)).
fn same_place(
    own: &IssuingDistributionPoint,
    point: &DistributionPoint,
    list_issuer: &Name,
    issuer: &Name,
) -> bool {
    let Some(own) = &own.name else { return true };
    let owner = point.crl_issuer.first().unwrap_or(issuer);
    let theirs = match &point.name {
        Some(name) => full(name, owner),
        None => point.crl_issuer.iter().cloned().map(SubjectAltName::Directory).collect(),
    };
    let own = full(own, list_issuer);
    own.iter().any(|own| theirs.iter().any(|theirs| same_name(own, theirs)))
}

fn same_name(one: &SubjectAltName, other: &SubjectAltName) -> bool {
    match (one, other) {
        (SubjectAltName::Directory(one), SubjectAltName::Directory(other)) => {
            normal_form(one) == normal_form(other)
        }
        _ => one == other,
    }
}

/// The names of a place; one that is relative is added to the name of the issuer.
fn full(name: &DistributionPointName, issuer: &Name) -> Vec<SubjectAltName> {
    match name {
        DistributionPointName::Full(names) => names.clone(),
        DistributionPointName::RelativeToIssuer(attributes) => {
            issuer.with_relative(attributes).map(SubjectAltName::Directory).into_iter().collect()
        }
    }
}

/// Whether a list can be relied upon at all, whoever signed it (sections 5.1, 5.2, 6.3.3 (a)).
fn usable(list: &RevocationList, settings: &Settings) -> Result<(), String> {
    if list.is_delta() {
        return Err("it is a delta CRL, and those are not supported: give the complete list".into());
    }
    if list.version != 2 {
        return Err(format!("it is of version {}, not 2", list.version));
    }
    if let Some((oid, _)) = list.malformed.first() {
        return Err(format!("its extension {oid} cannot be read"));
    }
    if let Some(oid) = list.unknown_critical() {
        return Err(format!("it has the critical extension {oid}, which is not known"));
    }
    if let Some(oid) = list.duplicate_extension() {
        return Err(format!("its extension {oid} stands there twice"));
    }
    match (&list.number, list.find(CRL_NUMBER)) {
        (Some(number), Some(extension)) => {
            let significant = number.iter().skip_while(|byte| **byte == 0).count();
            if extension.critical {
                return Err("its CRL number is critical, and must not be".into());
            }
            if significant > LONGEST_NUMBER || number.first().is_some_and(|byte| *byte >= 0x80) {
                return Err("its CRL number is longer than 20 octets, or negative".into());
            }
        }
        _ => return Err("it has no CRL number".into()),
    }
    let indirect = list.issuing_distribution_point.as_ref().is_some_and(|marked| marked.value.indirect);
    if list.names_other_issuers() && !indirect {
        return Err("it names certificates of other issuers, and is not indirect".into());
    }
    if list.has_duplicates {
        return Err("a certificate stands on it twice".into());
    }
    if settings.at < list.this_update {
        return Err(format!("it is dated {}, which is not yet", list.this_update.date()));
    }
    match list.next_update {
        None => Err("it does not say when the next one is due".into()),
        Some(next) if settings.at > next => {
            Err(format!("it is stale: the next one was due on {}", next.date()))
        }
        Some(_) => Ok(()),
    }
}

/// Whether a list is signed by the issuer's key, or by another certificate of the list's issuer that is good itself and
/// ends at the same trust anchor (section 6.3.3 (f), (g)).
fn signed(
    located: &LocatedList,
    issuer: &Certificate,
    anchor: &Certificate,
    verifier: &Verifier<'_>,
    budget: &Budget,
) -> Result<(), String> {
    let list = &located.list;
    let named =
        |certificate: &Certificate| normal_form(&certificate.tbs.subject) == normal_form(&list.issuer);
    let verify = |certificate: &Certificate| {
        budget.list_signature().map_err(|exceeded| exceeded.to_string())?;
        verifier.list_signature(located, &certificate.tbs.public_key).map_err(|fault| fault.to_string())
    };
    if named(issuer) && verify(issuer).is_ok() {
        return may_sign_lists(issuer);
    }
    let mut problem = None;
    for signer in verifier.all().filter(|candidate| named(candidate.certificate())) {
        match verify(signer.certificate()) {
            Ok(()) => {
                let good = may_sign_lists(signer.certificate())
                    .and_then(|()| good(signer, located, anchor, verifier, budget));
                match good {
                    Ok(()) => return Ok(()),
                    Err(why) => problem = Some(why),
                }
            }
            Err(why) => {
                problem.get_or_insert(why);
            }
        }
    }
    Err(problem.unwrap_or_else(|| "no certificate of its issuer is among those given".into()))
}

fn may_sign_lists(signer: &Certificate) -> Result<(), String> {
    let usage = signer.tbs.extensions.key_usage.as_ref();
    if usage.is_some_and(|usage| !usage.value.contains(KeyUsage::CRL_SIGN)) {
        return Err(format!(
            "{} may not sign revocation lists: its key usage lacks cRLSign",
            signer.tbs.subject
        ));
    }
    Ok(())
}

/// Whether the signer of a list has a path of its own to the same anchor. The list itself does not tell whether its signer
/// is revoked: otherwise it would vouch for itself.
fn good(
    signer: &Candidate<'_>,
    list: &LocatedList,
    anchor: &Certificate,
    verifier: &Verifier<'_>,
    budget: &Budget,
) -> Result<(), String> {
    if signer.certificate().der() == anchor.der() {
        return Ok(());
    }
    let settings = Settings { purpose: Purpose::Any, names: Vec::new(), ..verifier.settings.clone() };
    let inner = budget.for_inner_search().map_err(|exceeded| exceeded.to_string())?;
    let verifier = verifier.without(list, &settings);
    let verdict = verifier.verify_within(signer.located, &inner);
    budget.take_back(&inner);
    match verdict {
        Verdict::Valid(chain) => {
            let end = chain.path().last().filter(|link| link.role == Role::TrustAnchor);
            if end.is_some_and(|link| link.located.certificate.tbs.public_key == anchor.tbs.public_key) {
                Ok(())
            } else {
                Err(format!("its signer {} ends at another trust anchor", signer.certificate().tbs.subject))
            }
        }
        Verdict::Invalid(rejection) => Err(format!(
            "the certificate of its signer {} is not good: {rejection}",
            signer.certificate().tbs.subject
        )),
    }
}
