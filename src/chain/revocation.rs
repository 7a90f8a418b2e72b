//! Revocation lists: which apply to a certificate, whether they can be relied upon, and what they say (RFC 5280 section
//! 6.3).

use super::budget::Budget;
use super::candidate::Candidate;
use super::names::normal_form;
use super::rfc5280::list_problem;
use super::search::Step;
use super::verdict::{Role, Verdict};
use super::{Fault, LocatedList, Purpose, Reason, Settings, Verifier};
use crate::x509::{
    Certificate, DistributionPoint, DistributionPointName, IssuingDistributionPoint, KeyUsage, Name,
    RevocationList, SubjectAltName, hex,
};

/// Every reason but the unspecified one, which is none (section 5.3.1, section 6.3.2 (a)).
const ALL_REASONS: u16 = 0x01fe;
/// Of so many lists the issuers are shown.
const MOST_SHOWN: usize = 8;
/// Section 5.2.1.
const AUTHORITY_KEY_IDENTIFIER: &str = "2.5.29.35";
/// Section 5.2.5.
const ISSUING_DISTRIBUTION_POINT: &str = "2.5.29.28";
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

/// What is needed to judge a list for one certificate of the path.
struct Judge<'j> {
    certificate: &'j Certificate,
    issuer: &'j Certificate,
    anchor: &'j Certificate,
    verifier: &'j Verifier<'j>,
    budget: &'j Budget,
}

/// The fault of one certificate of the path; none where its status is known and good.
fn status(path: &[Step<'_, '_>], index: usize, verifier: &Verifier<'_>, budget: &Budget) -> Option<Fault> {
    let certificate = path.get(index)?.certificate();
    let judge = Judge {
        certificate,
        issuer: path.get(index + 1)?.certificate(),
        anchor: path.last()?.certificate(),
        verifier,
        budget,
    };
    let concerned = verifier
        .lists
        .iter()
        .copied()
        .filter_map(|located| Some((located, scope(&located.list, certificate)?)));
    let (deltas, complete): (Vec<_>, Vec<_>) = concerned.partition(|(located, _)| located.list.is_delta());
    let deltas: Vec<&LocatedList> = deltas.into_iter().map(|(delta, _)| delta).collect();
    let mut reasons = 0;
    let mut unusable: Option<Fault> = None;
    // A delta list that was given and cannot be used would have said something newer: nothing is good without it.
    let orphan = deltas
        .iter()
        .copied()
        .find(|delta| !complete.iter().any(|(located, _)| combines(&located.list, &delta.list)));
    let mut stale = orphan.map(|delta| {
        unusable_list(delta, "it is a delta CRL, and no complete list of its issuer and scope is given")
    });
    for (located, covered) in complete {
        match judge.consult(located, &deltas) {
            Ok(None) => reasons |= covered,
            Ok(Some(revoked)) => return Some(revoked),
            Err((list, problem)) => {
                let fault = unusable_list(list, &problem);
                if list.list.is_delta() {
                    stale.get_or_insert(fault);
                } else {
                    unusable.get_or_insert(fault);
                }
            }
        }
    }
    if stale.is_some() {
        return stale;
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

fn unusable_list(located: &LocatedList, problem: &str) -> Fault {
    let detail = format!(
        "the revocation list {} ({}) cannot be relied upon: {problem}",
        located.list.issuer, located.source
    );
    Fault::new(Reason::UnusableList, detail)
}

/// A list that cannot be relied upon, and why.
type Unusable<'a> = (&'a LocatedList, String);

impl Judge<'_> {
    /// What a complete list and the delta lists that bring it up to date say of the certificate: the fault where it is
    /// revoked.
    fn consult<'l>(
        &self,
        complete: &'l LocatedList,
        deltas: &[&'l LocatedList],
    ) -> Result<Option<Fault>, Unusable<'l>> {
        self.rely_upon(complete).map_err(|problem| (complete, problem))?;
        let updates = updates(complete, deltas)?;
        // Section 6.3.3 (a)(1)(i): a list that is overdue may be brought up to date.
        let newest = updates.first().copied().unwrap_or(complete);
        for list in updates.iter().copied().chain([complete]) {
            let overdue_matters = std::ptr::eq(list, newest);
            in_time(&list.list, self.verifier.settings, overdue_matters)
                .map_err(|problem| (list, problem))?;
        }
        for update in &updates {
            self.rely_upon(update).map_err(|problem| (*update, problem))?;
        }
        for list in updates.into_iter().chain([complete]) {
            match entry(list, self.certificate) {
                Entry::Absent => {}
                Entry::Removed => return Ok(None),
                Entry::Revoked(fault) => return Ok(Some(fault)),
            }
        }
        Ok(None)
    }

    fn rely_upon(&self, located: &LocatedList) -> Result<(), String> {
        if let Some(problem) = self.verifier.list_problem(located, || list_problem(&located.list)) {
            return Err(problem);
        }
        signed(located, self.issuer, self.anchor, self.verifier, self.budget)
    }
}

/// The delta lists that bring a complete list up to date, the newest first (section 5.2.4): each starts from a number that
/// is reached and goes beyond it. One that is no newer than what it would change says nothing.
fn updates<'a>(
    complete: &'a LocatedList,
    deltas: &[&'a LocatedList],
) -> Result<Vec<&'a LocatedList>, Unusable<'a>> {
    let mut left: Vec<&LocatedList> =
        deltas.iter().copied().filter(|delta| combines(&complete.list, &delta.list)).collect();
    let mut reached = Number::of(complete.list.number.as_deref());
    let mut applied = Vec::new();
    loop {
        left.retain(|delta| Number::of(delta.list.number.as_deref()) > reached);
        let starts = |delta: &&&LocatedList| Number::of(delta.list.base_number()) <= reached;
        let Some(next) =
            left.iter().filter(starts).max_by_key(|delta| Number::of(delta.list.number.as_deref())).copied()
        else {
            break;
        };
        reached = Number::of(next.list.number.as_deref());
        applied.insert(0, next);
    }
    match left.first() {
        None => Ok(applied),
        Some(delta) => {
            let problem = format!(
                "it is a delta CRL that starts from number {}, and the complete list is of number {reached}",
                Number::of(delta.list.base_number())
            );
            Err((delta, problem))
        }
    }
}

/// The number of a list (section 5.2.3), which may have 20 octets.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Number<'a>(usize, &'a [u8]);

impl<'a> Number<'a> {
    fn of(content: Option<&'a [u8]>) -> Self {
        let content = content.unwrap_or_default();
        let zeros = content.iter().take_while(|byte| **byte == 0).count();
        let significant = content.get(zeros..).unwrap_or_default();
        Self(significant.len(), significant)
    }
}

impl std::fmt::Display for Number<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self
            .1
            .iter()
            .try_fold(0_u64, |number, byte| number.checked_mul(256)?.checked_add((*byte).into()))
        {
            Some(number) => write!(f, "{number}"),
            None => write!(f, "0x{}", hex(self.1)),
        }
    }
}

/// Whether a delta list is one of a complete list's: of the same issuer, scope and key (section 6.3.3 (c)).
fn combines(complete: &RevocationList, delta: &RevocationList) -> bool {
    let value = |list: &RevocationList, oid: &str| list.find(oid).map(|extension| extension.value.clone());
    normal_form(&complete.issuer) == normal_form(&delta.issuer)
        && value(complete, ISSUING_DISTRIBUTION_POINT) == value(delta, ISSUING_DISTRIBUTION_POINT)
        && value(complete, AUTHORITY_KEY_IDENTIFIER) == value(delta, AUTHORITY_KEY_IDENTIFIER)
}

/// What a list says of a certificate.
enum Entry {
    /// Nothing.
    Absent,
    /// It is no longer held (section 5.3.1).
    Removed,
    /// It is revoked.
    Revoked(Fault),
}

fn entry(located: &LocatedList, certificate: &Certificate) -> Entry {
    let list = &located.list;
    let tbs = &certificate.tbs;
    // The list may spell the name otherwise, in an entry as well.
    let is_issuer = |name: &Name| name == &tbs.issuer || normal_form(name) == normal_form(&tbs.issuer);
    let Some(entry) = list.entry(&tbs.serial, is_issuer) else { return Entry::Absent };
    if entry.reason == Some(REMOVE_FROM_CRL) {
        return Entry::Removed;
    }
    let detail = format!(
        "revoked on {} ({}), by the list of {} ({})",
        entry.date.date(),
        entry.reason_name(),
        list.issuer,
        located.source
    );
    Entry::Revoked(Fault::new(Reason::Revoked, detail))
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

/// Whether a list is there already, and not overdue where that matters (sections 5.1.2.4 and 5.1.2.5).
fn in_time(list: &RevocationList, settings: &Settings, overdue_matters: bool) -> Result<(), String> {
    if settings.at < list.this_update {
        return Err(format!("it is dated {}, which is not yet", list.this_update.date()));
    }
    match list.next_update {
        Some(next) if overdue_matters && settings.at > next => {
            Err(format!("it is stale: the next one was due on {}", next.date()))
        }
        _ => Ok(()),
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
        budget.list_signature(&certificate.tbs.public_key).map_err(|exceeded| exceeded.to_string())?;
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
