//! The verdict of Go's `crypto/x509` (1.26), by which every Kubernetes component and etcd accept or refuse.
//!
//! Written after Go's documented behaviour (`Certificate.Verify`, `ParseCertificate`), rule by rule in its order.

mod constraints;
mod encoding;
mod extensions;
pub(super) mod hostname;

pub(super) use constraints::{of_kind, shown};
pub(super) use encoding::{faults_anywhere, key_refusal};

use encoding::reads_extensions;

use super::budget::Budget;
use super::search::{Step, signature_fault};
use super::verdict::Role;
use super::{Fault, Policy, Reason, Settings, policies};
use crate::x509::{Certificate, ExtendedKeyUsage, KeyUsage, PublicKeyKind};

const SUBJECT_ALT_NAME: &str = "2.5.29.17";

/// What is wrong with the certificate that was asked about, before any issuer is looked for.
pub(super) fn leaf_faults(leaf: &Certificate, settings: &Settings) -> Vec<Fault> {
    let mut faults = Vec::new();
    faults.extend(validity_fault(leaf, settings));
    faults.extend(settings.names.iter().filter_map(|name| hostname::fault(leaf, name)));
    faults
}

/// Both ends are within, fractions of a second counted: an instant half a second after notAfter is after it.
fn validity_fault(certificate: &Certificate, settings: &Settings) -> Option<Fault> {
    super::rfc5280::validity_fault(&certificate.tbs.validity, settings.at)
}

/// What is wrong with an issuer of the last certificate of the path.
pub(super) fn issuer_faults(issuer: Step<'_, '_>, path: &[Step<'_, '_>], settings: &Settings) -> Vec<Fault> {
    // A certificate that Go cannot read is not in its pools at all.
    if let Some(fault) = issuer.candidate.faults.iter().find(|fault| fault.reason == Reason::Encoding) {
        return vec![fault.clone()];
    }
    let certificate = issuer.certificate();
    if already_in_path(certificate, path) {
        let detail = format!("{} with this key is in the path already", certificate.tbs.subject);
        return vec![Fault::new(Reason::Loop, detail)];
    }
    let first = may_sign(certificate)
        .or_else(|| signature_fault(path, certificate))
        .or_else(|| issuer.candidate.faults.first().cloned())
        .or_else(|| validity_fault(certificate, settings))
        .or_else(|| intermediate_must_be_ca(issuer))
        .or_else(|| path_length(certificate, path.len().saturating_sub(1)));
    first.into_iter().collect()
}

/// `CheckSignatureFrom`, up to the signature: a CA by its basic constraints, which only a certificate of version 3 has,
/// and by its key usage, where one that is all zero counts as absent.
fn may_sign(issuer: &Certificate) -> Option<Fault> {
    if let kind @ (PublicKeyKind::Other(_) | PublicKeyKind::MlDsa(_) | PublicKeyKind::RsaPss { .. }) =
        issuer.tbs.public_key.kind()
    {
        let detail = format!("Go knows no keys of the kind of {}: {kind}", issuer.tbs.subject);
        return Some(Fault::new(Reason::Key, detail));
    }
    let extensions = &issuer.tbs.extensions;
    let constraints = reads_extensions(issuer).then_some(extensions.basic_constraints.as_ref()).flatten();
    if issuer.tbs.version == 3 && !constraints.is_some_and(|constraints| constraints.value.ca) {
        return Some(not_a_ca(issuer));
    }
    key_cert_sign(issuer).filter(|_| reads_extensions(issuer))
}

/// The fault of an issuer that is no CA.
pub(super) fn not_a_ca(issuer: &Certificate) -> Fault {
    let found = match &issuer.tbs.extensions.basic_constraints {
        Some(_) => "CA:FALSE",
        None => "no basic constraints",
    };
    let detail = format!("{} is not a CA: its certificate has {found}", issuer.tbs.subject);
    Fault::new(Reason::NotCa, detail).facts("CA:TRUE", found)
}

/// The fault of a key usage without keyCertSign; none where there is no key usage, or an empty one.
pub(super) fn key_cert_sign(issuer: &Certificate) -> Option<Fault> {
    let usage = issuer.tbs.extensions.key_usage.as_ref()?.value;
    if usage.is_empty() || usage.contains(KeyUsage::KEY_CERT_SIGN) {
        return None;
    }
    let detail = format!("{} may not sign certificates: its key usage lacks keyCertSign", issuer.tbs.subject);
    Some(Fault::new(Reason::KeyCertSign, detail).facts("keyCertSign", usage))
}

fn intermediate_must_be_ca(issuer: Step<'_, '_>) -> Option<Fault> {
    let certificate = issuer.certificate();
    let ca = reads_extensions(certificate) && certificate.tbs.extensions.is_ca();
    (issuer.role == Role::Intermediate && !ca).then(|| not_a_ca(certificate))
}

/// Every certificate between counts, also those that are self-issued, which RFC 5280 does not count.
fn path_length(issuer: &Certificate, between: usize) -> Option<Fault> {
    if !reads_extensions(issuer) {
        return None;
    }
    let limit = issuer.tbs.extensions.basic_constraints.as_ref()?.value.path_len?;
    (between > limit as usize).then(|| path_length_fault(issuer, between, limit))
}

/// The fault of more CAs than the path length admits.
pub(super) fn path_length_fault(issuer: &Certificate, between: usize, limit: u32) -> Fault {
    let detail = format!(
        "{between} CA certificate{} follow{} {}, whose path length admits {limit}",
        if between == 1 { "" } else { "s" },
        if between == 1 { "s" } else { "" },
        issuer.tbs.subject
    );
    Fault::new(Reason::PathLength, detail).facts(format!("at most {limit}"), between)
}

/// The same subject, the same key and the same alternative names: the certificate brings nothing new. Of two
/// certificates of which one alone has alternative names, Go ends the comparison with the rest of the path.
fn already_in_path(candidate: &Certificate, path: &[Step<'_, '_>]) -> bool {
    let names = |certificate: &Certificate| {
        let extension = certificate.tbs.extensions.find(SUBJECT_ALT_NAME);
        extension.filter(|_| reads_extensions(certificate)).map(|extension| extension.value.clone())
    };
    let own = names(candidate);
    for step in path {
        let other = step.certificate();
        if candidate.tbs.subject.der() != other.tbs.subject.der()
            || candidate.tbs.public_key.der() != other.tbs.public_key.der()
        {
            continue;
        }
        match (&own, names(other)) {
            (None, None) => return true,
            (Some(own), Some(other)) if *own == other => return true,
            (Some(_), Some(_)) => {}
            _ => return false,
        }
    }
    false
}

/// What is wrong with a path as a whole: its policies, purposes and name constraints.
pub(super) fn path_faults(path: &[Step<'_, '_>], settings: &Settings, budget: &Budget) -> Vec<Fault> {
    let certificates: Vec<&Certificate> = path.iter().map(Step::certificate).collect();
    let first = policies::fault(&certificates, Policy::Kubernetes, reads_extensions)
        .or_else(|| purpose(&certificates, settings))
        .or_else(|| constraints::fault(&certificates, budget));
    first.into_iter().collect()
}

/// Purposes nest, from the trust anchor down, and the anchor's count as well.
fn purpose(path: &[&Certificate], settings: &Settings) -> Option<Fault> {
    let wanted = settings.purpose.usage()?;
    path.iter().enumerate().rev().find_map(|(index, certificate)| {
        if !reads_extensions(certificate) {
            return None;
        }
        purpose_fault(certificate, &wanted).map(|fault| fault.about(index))
    })
}

/// The fault of a certificate whose extended key usage does not admit a purpose.
pub(super) fn purpose_fault(certificate: &Certificate, wanted: &ExtendedKeyUsage) -> Option<Fault> {
    let purposes = certificate.tbs.extensions.purposes();
    if purposes.is_empty() || purposes.contains(&ExtendedKeyUsage::Any) || purposes.contains(wanted) {
        return None;
    }
    let found = purposes.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let detail =
        format!("{} is not for {wanted}: its extended key usage is {found}", certificate.tbs.subject);
    Some(Fault::new(Reason::Purpose, detail).facts(wanted, found))
}
