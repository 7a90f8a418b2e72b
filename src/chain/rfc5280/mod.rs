//! The strict reading of RFC 5280: what it calls MUST is demanded, of the trust anchor's certificate too.

mod certificate;
mod constraints;
mod web_pki;

pub(super) use certificate::faults_anywhere;
pub(super) use constraints::fault as constraints_fault;

use time::OffsetDateTime;

use super::budget::Budget;
use super::candidate::View;
use super::kubernetes::{hostname, key_cert_sign, not_a_ca, path_length_fault, purpose_fault};
use super::search::{Step, signature_fault};
use super::verdict::{Role, Warning};
use super::{Fault, Policy, Purpose, Reason, Settings, Verifier, policies, revocation};
use crate::clock::in_words;
use crate::x509::{Certificate, SubjectAltName, Validity};

/// The most certificates below a trust anchor: `GnuTLS`'s `DEFAULT_MAX_VERIFY_DEPTH`, twice that of most verifiers.
const LONGEST_PATH: usize = 16;

/// What is wrong with the certificate that was asked about, in its place.
pub(super) fn leaf_faults(leaf: &Certificate, settings: &Settings) -> Vec<Fault> {
    let mut faults = Vec::new();
    faults.extend(validity_fault(&leaf.tbs.validity, whole_second(settings.at)));
    faults.extend(settings.names.iter().filter_map(|name| name_fault(leaf, name)));
    faults.extend(certificate::leaf_faults(leaf));
    faults.extend(certificate::authority_key_identifier(leaf));
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
    (!found).then(|| hostname::name_fault(View::plain(leaf), wanted))
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
pub(super) fn issuer_faults(issuer: Step<'_, '_>, path: &[Step<'_, '_>], settings: &Settings) -> Vec<Fault> {
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
    let mut faults = issuer.candidate.faults.clone();
    faults.extend(validity_fault(&certificate.tbs.validity, whole_second(settings.at)));
    faults.extend(ca_faults(certificate));
    faults.extend(certificate::authority_key_identifier(certificate));
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
        faults.extend(signature_fault(path, certificate));
    }
    faults
}

/// What is wrong with a certificate as that of a CA (section 6.1.4 (k), (n)).
fn ca_faults(certificate: &Certificate) -> Vec<Fault> {
    let extensions = &certificate.tbs.extensions;
    let mut faults = Vec::new();
    if certificate.tbs.version != 3 || !extensions.is_ca() {
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
    faults.extend(policies::fault(&views, Policy::Rfc5280));
    if faults.is_empty() && !verifier.lists.is_empty() {
        faults.extend(revocation::faults(path, verifier, budget));
    }
    faults
}

/// What the strict reading has against a path that the other policy accepts.
pub(super) fn warnings(path: &[Step<'_, '_>], verifier: &Verifier<'_>, budget: &Budget) -> Vec<Warning> {
    let settings = verifier.settings;
    let mut warnings = Vec::new();
    for (index, step) in path.iter().enumerate() {
        let certificate = step.certificate();
        let mut faults = faults_anywhere(certificate);
        faults.extend(certificate::authority_key_identifier(certificate));
        match step.role {
            Role::EndEntity => faults.extend(certificate::leaf_faults(certificate)),
            _ => faults.extend(ca_faults(certificate)),
        }
        if step.role == Role::EndEntity {
            faults.extend(settings.names.iter().filter_map(|name| name_fault(certificate, name)));
        }
        warnings.extend(faults.into_iter().map(|fault| Warning { index, fault }));
    }
    let whole = path_faults(path, verifier, budget).into_iter();
    warnings.extend(whole.map(|fault| Warning { index: fault.concerns.unwrap_or(0), fault }));
    warnings
}
