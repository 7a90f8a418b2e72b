//! The strict reading of RFC 5280: what it calls MUST is demanded of every certificate of a path. A trust anchor is a name
//! and a key (section 6.1.1 (d)): of its certificate counts what it says of those below it, and that it is a CA's.

mod certificate;
mod constraints;
mod der;
mod lists;
mod shape;
mod web_pki;

pub(super) use certificate::{counts_in_anchors, faults_anywhere};
pub(super) use constraints::fault as constraints_fault;
pub(super) use lists::problem as list_problem;

use time::OffsetDateTime;

use super::budget::Budget;
use super::candidate::View;
use super::kubernetes::{hostname, key_cert_sign, not_a_ca, path_length_fault, purpose_fault};
use super::search::{Step, signature_fault};
use super::verdict::{Role, Warning};
use super::{Fault, Policy, Purpose, Reason, Settings, Verifier, policies, revocation};
use crate::clock::in_words;
use crate::x509::{Certificate, SignatureFault, SubjectAltName, Validity};

/// The most certificates below a trust anchor: `GnuTLS`'s `DEFAULT_MAX_VERIFY_DEPTH`, twice that of most verifiers.
const LONGEST_PATH: usize = 16;

/// What is wrong with the certificate that was asked about, in its place.
pub(super) fn leaf_faults(
    leaf: &Certificate,
    is_anchor: bool,
    settings: &Settings,
    budget: &Budget,
) -> Vec<Fault> {
    let mut faults = Vec::new();
    faults.extend(validity_fault(&leaf.tbs.validity, whole_second(settings.at)));
    faults.extend(settings.names.iter().filter_map(|name| name_fault(leaf, name)));
    faults.extend(certificate::leaf_faults(leaf));
    if !is_anchor {
        faults.extend(certificate::authority_key_identifier(leaf, budget));
    }
    if settings.purpose == Purpose::Server {
        faults.extend(web_pki::leaf_faults(leaf));
    }
    faults
}

/// Dates in certificates are whole seconds, and both ends are within.
fn whole_second(at: OffsetDateTime) -> OffsetDateTime {
    at.replace_nanosecond(0).unwrap_or(at)
}

/// The fault of an instant outside of a validity.
pub(super) fn validity_fault(validity: &Validity, at: OffsetDateTime) -> Option<Fault> {
    if at < validity.not_before {
        let detail = format!("not valid yet: it begins on {}", in_words(validity.not_before));
        let fault = Fault::new(Reason::NotYetValid, detail);
        return Some(fault.facts(format!("{} or later", in_words(validity.not_before)), in_words(at)));
    }
    if at > validity.not_after {
        let detail = format!("expired: it ended on {}", in_words(validity.not_after));
        let fault = Fault::new(Reason::Expired, detail);
        return Some(fault.facts(format!("{} or earlier", in_words(validity.not_after)), in_words(at)));
    }
    None
}

/// The fault of a certificate without a name that was asked for: `*` stands for one whole label on the left and for
/// nothing else (RFC 9525 section 6.3), and the common name never counts.
fn name_fault(leaf: &Certificate, wanted: &SubjectAltName) -> Option<Fault> {
    let names = leaf.tbs.extensions.names();
    let found = match wanted {
        SubjectAltName::Dns(host) => names.iter().any(|name| {
            let SubjectAltName::Dns(pattern) = name else { return false };
            certificate::is_presented_domain(pattern)
                && host_matches(pattern, host.strip_suffix('.').unwrap_or(host))
        }),
        SubjectAltName::Email(mailbox) => names.iter().any(
            |name| matches!(name, SubjectAltName::Email(own) if constraints::same_mailbox(own, mailbox)),
        ),
        other => names.contains(other),
    };
    (!found).then(|| match uncounted(names, wanted) {
        Some((name, why)) => {
            let detail = format!("{} holds {name}, which does not count: {why}", leaf.tbs.subject);
            Fault::new(Reason::NameMismatch, detail).facts(wanted, name)
        }
        None => hostname::name_fault(View::plain(leaf), wanted),
    })
}

/// A name that is the wanted one and does not count, and why.
fn uncounted<'a>(
    names: &'a [SubjectAltName],
    wanted: &SubjectAltName,
) -> Option<(&'a SubjectAltName, String)> {
    names.iter().find_map(|name| match (name, wanted) {
        (SubjectAltName::Dns(pattern), SubjectAltName::Dns(host)) => {
            let matches = pattern.eq_ignore_ascii_case(host)
                || host_matches(pattern, host.strip_suffix('.').unwrap_or(host));
            let problem = certificate::presented_domain_problem(pattern)?;
            matches.then(|| {
                (name, format!("it is not in the preferred name syntax of section 4.2.1.6, for {problem}"))
            })
        }
        (SubjectAltName::Email(own), SubjectAltName::Email(mailbox)) if own == mailbox => {
            Some((name, "it is no mailbox (RFC 5321 section 4.1.2)".to_owned()))
        }
        (SubjectAltName::Ip(own), SubjectAltName::Ip(address))
            if own.to_canonical() == address.to_canonical() =>
        {
            Some((name, "an IPv4 address and the same mapped into IPv6 are two".to_owned()))
        }
        _ => None,
    })
}

fn host_matches(pattern: &str, host: &str) -> bool {
    match pattern.strip_prefix("*.") {
        Some(parent) => host
            .split_once('.')
            .is_some_and(|(label, rest)| !label.is_empty() && rest.eq_ignore_ascii_case(parent)),
        None => pattern.eq_ignore_ascii_case(host),
    }
}

/// What is wrong with an issuer of the last certificate of the path.
pub(super) fn issuer_faults(
    issuer: Step<'_, '_>,
    path: &[Step<'_, '_>],
    settings: &Settings,
    budget: &Budget,
) -> Vec<Fault> {
    let (Some(child), certificate) = (path.last(), issuer.certificate()) else { return Vec::new() };
    if path.len() > LONGEST_PATH {
        let detail = format!("budget exceeded: the path is longer than {LONGEST_PATH} certificates");
        return vec![Fault::new(Reason::Budget, detail)];
    }
    // RFC 4158 section 2.4.2: a name and a key need no second visit.
    let visited = |step: &Step<'_, '_>| {
        let tbs = &step.certificate().tbs;
        tbs.subject == certificate.tbs.subject && tbs.public_key == certificate.tbs.public_key
    };
    if path.iter().skip(1).any(visited) || child.certificate().der() == certificate.der() {
        let detail = format!("{} with this key is in the path already", certificate.tbs.subject);
        return vec![Fault::new(Reason::Loop, detail)];
    }
    let is_anchor = issuer.role == Role::TrustAnchor;
    let mut faults = issuer.candidate.faults.clone();
    faults.retain(|fault| !is_anchor || counts_in_anchors(fault.reason));
    faults.extend(validity_fault(&certificate.tbs.validity, whole_second(settings.at)));
    faults.extend(ca_faults(certificate, is_anchor));
    if !is_anchor {
        faults.extend(certificate::authority_key_identifier(certificate, budget));
    }
    let between = path.iter().skip(1).filter(|step| !step.certificate().tbs.is_self_issued()).count();
    let limit =
        certificate.tbs.extensions.basic_constraints.as_ref().and_then(|marked| marked.value.path_len);
    if let Some(limit) = limit.filter(|limit| between > *limit as usize) {
        faults.push(path_length_fault(View::plain(certificate), between, limit));
    }
    if settings.purpose == Purpose::Server {
        faults.extend(match issuer.role {
            Role::TrustAnchor => web_pki::anchor_faults(certificate),
            _ => web_pki::intermediate_faults(certificate),
        });
    }
    // A signature costs more than all of the rest.
    if faults.is_empty() {
        faults.extend(signature_fault(path, certificate, budget));
    }
    faults
}

/// Whether a certificate among the trust anchors is one: a CA's, or one that signs itself. Any other says itself that
/// somebody else vouches for it.
pub(super) fn may_be_anchor(certificate: &Certificate, budget: &Budget) -> bool {
    let key = &certificate.tbs.public_key;
    certificate.tbs.extensions.is_ca()
        || (certificate.tbs.is_self_issued()
            && budget.signature(key).is_ok()
            // Of a signature that proves nothing nobody can tell.
            && matches!(
                certificate.verify_signature(key),
                Ok(()) | Err(SignatureFault::Broken(_) | SignatureFault::Unsupported(_))
            ))
}

/// What is wrong with a certificate as that of a CA (section 6.1.4 (k), (n)). A root that has no basic constraints because
/// its version has none is a CA by being trusted.
fn ca_faults(certificate: &Certificate, is_anchor: bool) -> Vec<Fault> {
    let extensions = &certificate.tbs.extensions;
    let mut faults = Vec::new();
    let old_root = is_anchor && certificate.tbs.version < 3 && certificate.tbs.is_self_issued();
    if !old_root && (certificate.tbs.version != 3 || !extensions.is_ca()) {
        faults.push(not_a_ca(View::plain(certificate)));
    }
    if extensions.key_usage.as_ref().is_some_and(|usage| usage.value.is_empty()) {
        let detail = format!("{} may not sign certificates: its key usage is empty", certificate.tbs.subject);
        faults.push(Fault::new(Reason::KeyCertSign, detail).facts("keyCertSign", "no bit at all"));
    }
    faults.extend(key_cert_sign(View::plain(certificate)));
    faults
}

/// What is wrong with a path as a whole: purposes, name constraints, policies and revocation.
pub(super) fn path_faults(path: &[Step<'_, '_>], verifier: &Verifier<'_>, budget: &Budget) -> Vec<Fault> {
    let certificates: Vec<&Certificate> = path.iter().map(Step::certificate).collect();
    let mut faults = Vec::new();
    if let Some(wanted) = verifier.settings.purpose.usage() {
        // RFC 5280 leaves open what the extension means in a CA's certificate; everybody nests it.
        let outside = |(index, certificate): (usize, &&Certificate)| {
            purpose_fault(View::plain(certificate), &wanted).map(|fault| fault.about(index))
        };
        faults.extend(certificates.iter().enumerate().filter_map(outside));
    }
    faults.extend(constraints::fault(&certificates, budget));
    let views: Vec<View<'_>> = certificates.iter().map(|certificate| View::plain(certificate)).collect();
    faults.extend(policies::fault(&views, Policy::Rfc5280, budget));
    if faults.is_empty() && !verifier.lists.is_empty() {
        faults.extend(revocation::faults(path, verifier, budget));
    }
    faults
}

/// What a CA must not write and everybody must read.
pub(super) fn early_dates(path: &[Step<'_, '_>]) -> Vec<Warning> {
    let below = path.iter().enumerate().filter(|(_, step)| step.role != Role::TrustAnchor);
    let faults = below.flat_map(|(index, step)| {
        certificate::early_dates(step.certificate()).into_iter().map(move |fault| (index, fault))
    });
    faults.map(|(index, fault)| Warning::of_the_standard(index, fault)).collect()
}

/// What the strict reading has against a path that the other policy accepts.
pub(super) fn warnings(path: &[Step<'_, '_>], verifier: &Verifier<'_>, budget: &Budget) -> Vec<Warning> {
    let settings = verifier.settings;
    let mut warnings = Vec::new();
    for (index, step) in path.iter().enumerate() {
        let certificate = step.certificate();
        let is_anchor = step.role == Role::TrustAnchor || path.len() == 1;
        let mut faults = faults_anywhere(certificate);
        faults.retain(|fault| !is_anchor || counts_in_anchors(fault.reason));
        if !is_anchor {
            faults.extend(certificate::authority_key_identifier(certificate, budget));
        }
        match step.role {
            Role::EndEntity => faults.extend(certificate::leaf_faults(certificate)),
            _ => faults.extend(ca_faults(certificate, is_anchor)),
        }
        if step.role == Role::EndEntity {
            faults.extend(settings.names.iter().filter_map(|name| name_fault(certificate, name)));
        }
        warnings.extend(faults.into_iter().map(|fault| Warning::of_the_standard(index, fault)));
    }
    let whole = path_faults(path, verifier, budget).into_iter();
    warnings.extend(whole.map(|fault| Warning::of_the_standard(fault.concerns.unwrap_or(0), fault)));
    warnings
}
