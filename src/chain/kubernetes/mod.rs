//! The verdict of Go's `crypto/x509` (1.26), by which every Kubernetes component and etcd accept or refuse.
//!
//! Written after Go's documented behaviour (`Certificate.Verify`, `ParseCertificate`), rule by rule in its order.

mod constraints;
mod encoding;
mod extensions;
pub(super) mod hostname;
mod tls;
mod uri;

pub(super) use constraints::{fault as constraints_fault, of_kind, shown};
pub(super) use encoding::{key_refusal, read_certificate};

use super::budget::Budget;
use super::candidate::View;
use super::search::{Step, signature_fault};
use super::verdict::Role;
use super::{Fault, Policy, Purpose, Reason, Settings, Verifier, policies};
use crate::x509::{Certificate, ExtendedKeyUsage, KeyUsage, PublicKeyKind, SignatureAlgorithm};

const SUBJECT_ALT_NAME: &str = "2.5.29.17";

/// What is wrong with the certificate that was asked about, before any issuer is looked for.
pub(super) fn leaf_faults(leaf: View<'_>, verifier: &Verifier<'_>) -> Vec<Fault> {
    let settings = verifier.settings;
    let mut faults = Vec::new();
    if settings.purpose != Purpose::Any {
        let sent: Vec<_> = verifier.own.iter().collect();
        faults.extend(tls::faults(leaf.certificate, &sent, verifier.unreadable));
    }
    faults.extend(validity_fault(leaf.certificate, settings));
    faults.extend(settings.names.iter().filter_map(|name| hostname::fault(leaf, name)));
    faults
}

/// Both ends are within, fractions of a second counted: an instant half a second after notAfter is after it.
fn validity_fault(certificate: &Certificate, settings: &Settings) -> Option<Fault> {
    super::rfc5280::validity_fault(&certificate.tbs.validity, settings.at)
}

/// What is wrong with an issuer of the last certificate of the path.
pub(super) fn issuer_faults(
    issuer: Step<'_, '_>,
    path: &[Step<'_, '_>],
    settings: &Settings,
    budget: &Budget,
) -> Vec<Fault> {
    // A certificate that Go cannot read is not in its pools at all.
    if let Some(fault) = issuer.candidate.unread() {
        return vec![fault.clone()];
    }
    let (view, certificate) = (issuer.view(), issuer.certificate());
    if already_in_path(view, path) {
        let detail = format!("{} with this key is in the path already", certificate.tbs.subject);
        return vec![Fault::new(Reason::Loop, detail)];
    }
    let first = may_sign(view)
        .or_else(|| unknown_signature(path))
        .or_else(|| signature_fault(path, certificate, budget))
        .or_else(|| issuer.candidate.faults.first().cloned())
        .or_else(|| validity_fault(certificate, settings))
        .or_else(|| intermediate_must_be_ca(issuer))
        .or_else(|| path_length(view, path.len().saturating_sub(1)));
    first.into_iter().collect()
}

/// `CheckSignatureFrom`, up to the signature: a CA by its basic constraints, which only a certificate of version 3 has,
/// and by its key usage, where one that is all zero counts as absent.
fn may_sign(issuer: View<'_>) -> Option<Fault> {
    if let kind @ (PublicKeyKind::Other(_) | PublicKeyKind::MlDsa(_) | PublicKeyKind::RsaPss { .. }) =
        issuer.certificate.tbs.public_key.kind()
    {
        let detail = format!("Go knows no keys of the kind of {}: {kind}", issuer.subject());
        return Some(Fault::new(Reason::Key, detail));
    }
    if let Some(problem) = tls::rsa_refusal(&issuer.certificate.tbs.public_key) {
        let detail = format!("Go verifies nothing with the key of {}: {problem}", issuer.subject());
        return Some(Fault::new(Reason::Key, detail));
    }
    if issuer.certificate.tbs.version == 3 && !issuer.extensions.is_ca() {
        return Some(not_a_ca(issuer));
    }
    key_cert_sign(issuer)
}

/// The fault of a signature that Go does not know: by RSASSA-PSS with a salt that is not as long as the digest.
fn unknown_signature(path: &[Step<'_, '_>]) -> Option<Fault> {
    let (index, last) = (path.len().checked_sub(1)?, path.last()?);
    let algorithm = last.certificate().signature_algorithm();
    let SignatureAlgorithm::RsaPssSalted(digest, _) = algorithm else { return None };
    let detail = format!(
        "the signature is {algorithm}, and Go verifies RSASSA-PSS with a salt of {} octets there and no other",
        digest.octets()
    );
    Some(Fault::new(Reason::SignatureAlgorithm, detail).about(index))
}

/// The fault of an issuer that is no CA.
pub(super) fn not_a_ca(issuer: View<'_>) -> Fault {
    let found = match &issuer.extensions.basic_constraints {
        Some(_) => "CA:FALSE",
        None => "no basic constraints",
    };
    let detail = format!("{} is not a CA: its certificate has {found}", issuer.subject());
    Fault::new(Reason::NotCa, detail).facts("CA:TRUE", found)
}

/// The fault of a key usage without keyCertSign; none where there is no key usage, or an empty one.
pub(super) fn key_cert_sign(issuer: View<'_>) -> Option<Fault> {
    let usage = issuer.extensions.key_usage.as_ref()?.value;
    if usage.is_empty() || usage.contains(KeyUsage::KEY_CERT_SIGN) {
        return None;
    }
    let detail = format!("{} may not sign certificates: its key usage lacks keyCertSign", issuer.subject());
    Some(Fault::new(Reason::KeyCertSign, detail).facts("keyCertSign", usage))
}

fn intermediate_must_be_ca(issuer: Step<'_, '_>) -> Option<Fault> {
    let view = issuer.view();
    (issuer.role == Role::Intermediate && !view.extensions.is_ca()).then(|| not_a_ca(view))
}

/// Every certificate between counts, also those that are self-issued, which RFC 5280 does not count.
fn path_length(issuer: View<'_>, between: usize) -> Option<Fault> {
    let limit = issuer.extensions.basic_constraints.as_ref()?.value.path_len?;
    (between > limit as usize).then(|| path_length_fault(issuer, between, limit))
}

/// The fault of more CAs than the path length admits.
pub(super) fn path_length_fault(issuer: View<'_>, between: usize, limit: u32) -> Fault {
    let detail = format!(
        "{between} CA certificate{} follow{} {}, whose path length admits {limit}",
        if between == 1 { "" } else { "s" },
        if between == 1 { "s" } else { "" },
        issuer.subject()
    );
    Fault::new(Reason::PathLength, detail).facts(format!("at most {limit}"), between)
}

/// The same subject, the same key and the same alternative names: the certificate brings nothing new. Of two
/// certificates of which one alone has alternative names, Go ends the comparison with the rest of the path.
fn already_in_path(candidate: View<'_>, path: &[Step<'_, '_>]) -> bool {
    fn names(view: View<'_>) -> Option<&[u8]> {
        view.extensions.subject_alt_names.as_ref()?;
        view.certificate.tbs.extensions.find(SUBJECT_ALT_NAME).map(|extension| extension.value.as_slice())
    }
    let own = names(candidate);
    for step in path {
        let (candidate, other) = (&candidate.certificate.tbs, &step.certificate().tbs);
        if candidate.subject.der() != other.subject.der()
            || candidate.public_key.der() != other.public_key.der()
        {
            continue;
        }
        match (own, names(step.view())) {
            (None, None) => return true,
            (Some(own), Some(other)) if own == other => return true,
            (Some(_), Some(_)) => {}
            _ => return false,
        }
    }
    false
}

/// What is wrong with a path as a whole: its policies, purposes and name constraints.
pub(super) fn path_faults(path: &[Step<'_, '_>], settings: &Settings, budget: &Budget) -> Vec<Fault> {
    let path: Vec<View<'_>> = path.iter().map(Step::view).collect();
    let first = policies::fault(&path, Policy::Kubernetes, budget)
        .or_else(|| purpose(&path, settings))
        .or_else(|| constraints::fault(&path, budget));
    first.into_iter().collect()
}

/// Purposes nest, from the trust anchor down, and the anchor's count as well.
fn purpose(path: &[View<'_>], settings: &Settings) -> Option<Fault> {
    let wanted = settings.purpose.usage()?;
    let fault =
        |(index, view): (usize, &View<'_>)| purpose_fault(*view, &wanted).map(|fault| fault.about(index));
    path.iter().enumerate().rev().find_map(fault)
}

/// The fault of a certificate whose extended key usage does not admit a purpose.
pub(super) fn purpose_fault(view: View<'_>, wanted: &ExtendedKeyUsage) -> Option<Fault> {
    let purposes = view.extensions.purposes();
    if purposes.is_empty() || purposes.contains(&ExtendedKeyUsage::Any) || purposes.contains(wanted) {
        return None;
    }
    let found = purposes.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let detail = format!("{} is not for {wanted}: its extended key usage is {found}", view.subject());
    Some(Fault::new(Reason::Purpose, detail).facts(wanted, found))
}
