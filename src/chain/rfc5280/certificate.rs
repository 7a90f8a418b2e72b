//! What RFC 5280 section 4 demands of a certificate, wherever it stands in a path.

use super::super::budget::Budget;
use super::super::kubernetes::key_refusal;
use super::super::names::Mailbox;
use super::super::{Fault, Reason};
use super::der;
use crate::x509::der::{Element, elements, read};
use crate::x509::{
    Certificate, KeyUsage, Name, PublicKeyKind, SignatureAlgorithm, SubjectAltName, check_dns_name,
    extension_name,
};

/// Extensions that MUST NOT be critical: key identifiers (4.2.1.1, 4.2.1.2), subject directory attributes (4.2.1.8),
/// freshest CRL (4.2.1.15), authority and subject information access (4.2.2.1, 4.2.2.2).
const NEVER_CRITICAL: [&str; 6] =
    ["2.5.29.35", "2.5.29.14", "2.5.29.9", "2.5.29.46", "1.3.6.1.5.5.7.1.1", "1.3.6.1.5.5.7.1.11"];
/// Extensions that MUST be critical: name constraints (4.2.1.10), policy constraints (4.2.1.11), inhibit anyPolicy
/// (4.2.1.14).
const ALWAYS_CRITICAL: [&str; 3] = ["2.5.29.30", "2.5.29.36", "2.5.29.54"];
/// Extensions that are processed, or that demand nothing when they are critical: section 4.2 names those that a
/// verifier must know; issuerAltName and id-pkix-ocsp-nocheck (RFC 6960 section 4.2.2.2.1) constrain nothing here.
const PROCESSED: [&str; 14] = [
    "1.3.6.1.5.5.7.48.1.5",
    "2.5.29.14",
    "2.5.29.15",
    "2.5.29.17",
    "2.5.29.18",
    "2.5.29.19",
    "2.5.29.30",
    "2.5.29.31",
    "2.5.29.32",
    "2.5.29.33",
    "2.5.29.35",
    "2.5.29.36",
    "2.5.29.37",
    "2.5.29.54",
];
/// Section 4.2.1.4.
const POLICIES: &str = "2.5.29.32";
/// Of faults of one kind so many are told: a certificate has room for thousands, each with a subject of any length.
const MOST_TOLD: usize = 16;
/// Section 4.1.2.2.
const LONGEST_SERIAL: usize = 20;

/// Everything that is wrong with a certificate, whatever its part in the path.
pub(in crate::chain) fn faults_anywhere(certificate: &Certificate) -> Vec<Fault> {
    let mut faults = Vec::new();
    if let Err(flaw) = der::certificate(certificate.der()) {
        let detail = format!("{} is no certificate by the standard: {flaw}", subject(certificate));
        faults.push(Fault::new(Reason::MalformedCertificate, detail));
    }
    basic_fields(certificate, &mut faults);
    extensions(certificate, &mut faults);
    key(certificate, &mut faults);
    names(certificate, &mut faults);
    ca(certificate, &mut faults);
    faults
}

fn subject(certificate: &Certificate) -> &Name {
    &certificate.tbs.subject
}

fn basic_fields(certificate: &Certificate, faults: &mut Vec<Fault>) {
    let tbs = &certificate.tbs;
    if tbs.version > 3 || (tbs.version < 3 && !tbs.extensions.all.is_empty()) {
        let detail = format!("{} has extensions, and is of version {}", tbs.subject, tbs.version);
        faults.push(Fault::new(Reason::Version, detail).facts(3, tbs.version));
    }
    // Section 4.1.2.8.
    if tbs.version < 2 && has_unique_identifiers(certificate) {
        let detail = format!("{} has unique identifiers, and is of version {}", tbs.subject, tbs.version);
        faults.push(Fault::new(Reason::Version, detail).facts("2 or 3", tbs.version));
    }
    let content = tbs.serial.content();
    let octets = content.iter().position(|byte| *byte != 0).map_or(0, |at| content.len() - at);
    let problem = match content {
        _ if !tbs.serial.is_positive() => Some("is not positive"),
        _ if octets > LONGEST_SERIAL => Some("is longer than 20 octets"),
        [0, 0..0x80, ..] => Some("is not in DER's shortest form"),
        _ => None,
    };
    if let Some(problem) = problem {
        let detail = format!("the serial number of {} {problem}", tbs.subject);
        faults.push(
            Fault::new(Reason::Serial, detail).facts("a positive number of at most 20 octets", &tbs.serial),
        );
    }
    if certificate.outer_signature_algorithm != tbs.signature_algorithm
        || certificate.outer_signature_parameters != tbs.signature_parameters
    {
        let detail =
            format!("the algorithm beside the signature of {} is not the one that was signed", tbs.subject);
        faults.push(
            Fault::new(Reason::AlgorithmsDiffer, detail)
                .facts(&tbs.signature_algorithm, &certificate.outer_signature_algorithm),
        );
    }
    // RFC 4055 section 5: NULL, or absent; RFC 5758 section 3.2: absent.
    let parameters = tbs.signature_parameters.as_deref();
    let foreign = match certificate.signature_algorithm() {
        SignatureAlgorithm::RsaPkcs1(_) => !matches!(parameters, None | Some([5, 0])),
        SignatureAlgorithm::Ecdsa(_) => parameters.is_some(),
        _ => false,
    };
    if foreign {
        let detail =
            format!("the signature algorithm of {} has parameters that do not belong there", tbs.subject);
        faults.push(Fault::new(Reason::SignatureAlgorithm, detail));
    }
    if tbs.issuer.is_empty() {
        faults.push(Fault::new(Reason::EmptyIssuer, format!("the issuer of {} is empty", tbs.subject)));
    }
    dates(certificate, faults);
}

fn has_unique_identifiers(certificate: &Certificate) -> bool {
    let fields = read(certificate.tbs_der()).and_then(|(tbs, _)| elements(tbs.content)).unwrap_or_default();
    fields.iter().any(|field| matches!(field.tag, 0x81 | 0x82))
}

/// Section 4.1.2.5.
fn dates(certificate: &Certificate, faults: &mut Vec<Fault>) {
    faults.extend(date_faults(certificate, der::date_problem));
}

/// Dates that a CA must not write so, and that everybody must read all the same (section 4.1.2.5): no refusal.
pub(super) fn early_dates(certificate: &Certificate) -> Vec<Fault> {
    date_faults(certificate, der::early_date_problem)
}

fn date_faults(
    certificate: &Certificate,
    problem: impl Fn(Element<'_>) -> Option<&'static str>,
) -> Vec<Fault> {
    let fields = read(certificate.tbs_der()).and_then(|(tbs, _)| elements(tbs.content)).unwrap_or_default();
    // The version, which is explicit and may be absent, stands before serial number, algorithm and issuer.
    let before = if fields.first().is_some_and(|field| field.tag == 0xa0) { 4 } else { 3 };
    let validity = fields.get(before).and_then(|validity| elements(validity.content)).unwrap_or_default();
    let dates = ["notBefore", "notAfter"].into_iter().zip(validity);
    let fault = |(name, date): (&str, Element<'_>)| {
        let detail = format!("the {name} of {} {}", subject(certificate), problem(date)?);
        let found = String::from_utf8_lossy(date.content).into_owned();
        let expected = "YYMMDDHHMMSSZ, from 2050 on YYYYMMDDHHMMSSZ";
        Some(Fault::new(Reason::Date, detail).facts(expected, safe(&found)))
    };
    dates.filter_map(fault).collect()
}

fn extensions(certificate: &Certificate, faults: &mut Vec<Fault>) {
    let extensions = &certificate.tbs.extensions;
    let owner = subject(certificate);
    for extension in &extensions.all {
        if faults.len() >= MOST_TOLD {
            break;
        }
        let oid = extension.oid.as_str();
        // The reader finds what the shape of a value does not show.
        let unread = || {
            let known = is_standard(oid) && extensions.malformed.iter().any(|(known, _)| known == oid);
            known.then(|| "its value is not what it should be".to_owned())
        };
        if let Some(problem) = der::extension(oid, &extension.value).err().or_else(unread) {
            let detail = format!("the {} of {owner} cannot be read: {}", named(oid), safe(&problem));
            faults.push(
                Fault::new(Reason::MalformedExtension, detail)
                    .facts("DER as the standard defines it", safe(&problem)),
            );
        }
        if oid == POLICIES
            && extension.critical
            && let Some(qualifier) = der::unknown_qualifiers(&extension.value).first()
        {
            let detail = format!(
                "the certificatePolicies of {owner} is critical and has the qualifier {}, which is not known",
                safe(qualifier)
            );
            faults.push(Fault::new(Reason::UnknownCritical, detail));
        }
    }
    // Section 4.2.1.4: a policy stands there once.
    let policies = extensions.certificate_policies.as_ref().map_or(&[][..], |marked| &marked.value);
    let mut seen = std::collections::BTreeSet::new();
    if let Some(twice) = policies.iter().find(|policy| !seen.insert(*policy)) {
        let detail = format!("the policy {twice} of {owner} stands there twice");
        faults.push(Fault::new(Reason::MalformedExtension, detail).facts("once", "twice"));
    }
    for oid in extensions.duplicates().into_iter().take(MOST_TOLD) {
        let detail = format!("the {} of {owner} stands there twice", named(oid));
        faults.push(Fault::new(Reason::DuplicateExtension, detail).facts("once", "twice"));
    }
    for extension in &extensions.all {
        if faults.len() >= MOST_TOLD {
            break;
        }
        let oid = extension.oid.as_str();
        let wrongly = |must: &str, is: &str| {
            let detail = format!("the {} of {owner} {is} critical, and {must}", named(oid));
            Fault::new(Reason::Criticality, detail)
        };
        if extension.critical && NEVER_CRITICAL.contains(&oid) {
            faults.push(wrongly("must not be", "is"));
        } else if !extension.critical && ALWAYS_CRITICAL.contains(&oid) {
            faults.push(wrongly("must be", "is not"));
        } else if extension.critical && !PROCESSED.contains(&oid) {
            let detail = format!("{owner} has the critical extension {}, which is not known", named(oid));
            faults.push(Fault::new(Reason::UnknownCritical, detail));
        }
    }
}

/// Section 4.2.1.1: the key identifier is in every certificate, but for one that is self-signed. To tell may cost a
/// signature, so this is asked of certificates only when their turn has come.
pub(super) fn authority_key_identifier(certificate: &Certificate, budget: &Budget) -> Option<Fault> {
    let owner = subject(certificate);
    let identifier = certificate.tbs.extensions.authority_key_identifier.as_ref().map(|marked| &marked.value);
    let detail = match identifier {
        None if certificate.tbs.is_self_issued() => return None,
        // It may be self-signed under another name.
        None if budget.signature(&certificate.tbs.public_key).is_ok()
            && certificate.verify_signature(&certificate.tbs.public_key).is_ok() =>
        {
            return None;
        }
        None => format!("{owner} has no authority key identifier"),
        Some(identifier) if identifier.key_identifier.is_none() => {
            format!("the authority key identifier of {owner} names no key")
        }
        Some(_) => return None,
    };
    Some(Fault::new(Reason::AuthorityKeyIdentifier, detail))
}

fn key(certificate: &Certificate, faults: &mut Vec<Fault>) {
    /// NIST SP 800-57 part 1, section 5.6.1: 2048 bits are the least since 2014.
    const LEAST_RSA: usize = 2048;
    /// X25519, X448, Ed448: keys that may be certified, with which nothing is verified here.
    const RFC_8410: [&str; 3] = ["1.3.101.110", "1.3.101.111", "1.3.101.113"];
    let kind = certificate.tbs.public_key.kind();
    let problem = match kind {
        PublicKeyKind::Rsa { bits, .. } | PublicKeyKind::RsaPss { bits } if *bits < LEAST_RSA => {
            format!("at least {LEAST_RSA} bits")
        }
        PublicKeyKind::Rsa { bits, .. } if bits % 8 != 0 => "a modulus of whole bytes".to_owned(),
        PublicKeyKind::Ec(curve) if !["P-256", "P-384", "P-521"].contains(&curve.as_str()) => {
            "a named curve: P-256, P-384 or P-521 (RFC 5480 section 2.1.1)".to_owned()
        }
        PublicKeyKind::Other(oid) if RFC_8410.contains(&oid.as_str()) => return,
        PublicKeyKind::Other(_) => "RSA, ECDSA or Ed25519".to_owned(),
        // Section 4.1.2.7: RFC 3279 section 2.3, RFC 5480 section 2, RFC 8410 sections 3 and 4.
        _ => match key_refusal(certificate) {
            Some(problem) => {
                let detail = format!("the key of {} is none: {problem}", subject(certificate));
                return faults.push(Fault::new(Reason::Key, detail));
            }
            None => return,
        },
    };
    let detail = format!("the key of {} is not accepted: {kind}", subject(certificate));
    faults.push(Fault::new(Reason::Key, detail).facts(problem, kind));
}

/// Sections 4.1.2.6 and 4.2.1.6.
fn names(certificate: &Certificate, faults: &mut Vec<Fault>) {
    let extensions = &certificate.tbs.extensions;
    let owner = subject(certificate);
    if let Some(names) = &extensions.subject_alt_names {
        if names.value.is_empty() {
            let detail = format!("the subject alternative name extension of {owner} is empty");
            faults.push(Fault::new(Reason::MalformedName, detail));
        }
        let bad = names.value.iter().filter_map(|name| Some((name, check_name(name).err()?)));
        for (name, problem) in bad.take(MOST_TOLD) {
            let detail = format!("{name} of {owner} is not a valid name: {problem}");
            faults.push(Fault::new(Reason::MalformedName, detail));
        }
        if owner.is_empty() && !names.critical {
            let detail = "the subject is empty, and the subject alternative name extension is not critical";
            faults.push(Fault::new(Reason::EmptySubject, detail));
        }
    } else if owner.is_empty() {
        faults
            .push(Fault::new(Reason::EmptySubject, "the subject is empty, and there is no alternative name"));
    }
}

/// The preferred name syntax of section 4.2.1.6, with `*` as the whole first label of at least three.
pub(super) fn is_presented_domain(name: &str) -> bool {
    presented_domain_problem(name).is_none()
}

/// Why a name is not in it.
pub(super) fn presented_domain_problem(name: &str) -> Option<&'static str> {
    check_dns_name(&name.to_ascii_lowercase()).err()
}

/// A local part at a domain or at an address in brackets (RFC 5321 section 4.1.2).
pub(super) fn is_mailbox(text: &str) -> bool {
    Mailbox::parse(text).is_some_and(|Mailbox { domain, .. }| {
        let literal = domain.strip_prefix('[').and_then(|domain| domain.strip_suffix(']'));
        literal.is_some_and(|literal| !literal.contains(['[', ']', '@']))
            || (check_dns_name(&domain).is_ok() && !domain.starts_with('*'))
    })
}

fn check_name(name: &SubjectAltName) -> Result<(), &'static str> {
    match name {
        SubjectAltName::Dns(name) => check_dns_name(&name.to_ascii_lowercase()),
        SubjectAltName::Email(mailbox) if is_mailbox(mailbox) => Ok(()),
        SubjectAltName::Email(_) => Err("it is no mailbox (RFC 5321 section 4.1.2)"),
        SubjectAltName::Uri(uri) => match uri.split_once(':') {
            Some((scheme, rest))
                if scheme.starts_with(|c: char| c.is_ascii_alphabetic())
                    && !rest.is_empty()
                    && uri.bytes().all(|byte| byte.is_ascii_graphic()) =>
            {
                Ok(())
            }
            _ => Err("it is no absolute URI"),
        },
        SubjectAltName::Other("unreadable" | "unreadable directoryName", _) => Err("it cannot be read"),
        SubjectAltName::Other("iPAddress of a wrong length", _) => Err("an address has 4 or 16 octets"),
        _ => Ok(()),
    }
}

/// What a CA's certificate must have and no other may (sections 4.1.2.6, 4.2.1.2, 4.2.1.3, 4.2.1.9, 4.2.1.10).
fn ca(certificate: &Certificate, faults: &mut Vec<Fault>) {
    let extensions = &certificate.tbs.extensions;
    let owner = subject(certificate);
    let may_sign = extensions.key_usage.as_ref().map(|usage| usage.value.contains(KeyUsage::KEY_CERT_SIGN));
    if !extensions.is_ca() {
        if may_sign == Some(true) {
            let detail = format!("{owner} is no CA, and its key usage holds keyCertSign");
            faults.push(Fault::new(Reason::InconsistentCa, detail));
        }
        let path_length =
            extensions.basic_constraints.as_ref().is_some_and(|marked| marked.value.path_len.is_some());
        if path_length {
            let detail = format!("{owner} is no CA, and has a path length");
            faults.push(Fault::new(Reason::InconsistentCa, detail));
        }
        return;
    }
    if extensions.basic_constraints.as_ref().is_some_and(|marked| !marked.critical) {
        let detail =
            format!("the basicConstraints of {owner} is not critical, and must be in a CA's certificate");
        faults.push(Fault::new(Reason::Criticality, detail));
    }
    // A key usage is what CAs MUST write (4.2.1.3); a verifier looks at one that is there (6.1.4 (n)), and so do all.
    if extensions.subject_key_identifier.is_none() {
        let detail = format!("the CA {owner} has no subject key identifier");
        faults.push(Fault::new(Reason::SubjectKeyIdentifier, detail));
    }
    if owner.is_empty() {
        faults.push(Fault::new(Reason::EmptySubject, "the subject of a CA is empty"));
    }
}

/// Whether a fault of this kind counts in a trust anchor's certificate: section 6.1.1 (d) takes of it a name and a key, so
/// that how it is written is nobody's concern (the serial number of many a public root is zero, section 4.1.2.2); but what
/// it says of the certificates below must be understood, and its key be worth something.
pub(in crate::chain) fn counts_in_anchors(reason: Reason) -> bool {
    matches!(
        reason,
        Reason::MalformedExtension
            | Reason::DuplicateExtension
            | Reason::UnknownCritical
            | Reason::Key
            | Reason::InconsistentCa
    )
}

/// What no end entity may have: name constraints, and the rights of a CA without its key usage.
pub(super) fn leaf_faults(certificate: &Certificate) -> Vec<Fault> {
    let extensions = &certificate.tbs.extensions;
    let owner = subject(certificate);
    let mut faults = Vec::new();
    if extensions.find("2.5.29.30").is_some() && !extensions.is_ca() {
        let detail = format!("{owner} is no CA, and has name constraints");
        faults.push(Fault::new(Reason::ConstraintsOnLeaf, detail));
    }
    let usage = extensions.key_usage.as_ref().map(|usage| usage.value);
    if extensions.is_ca() && usage.is_some_and(|usage| !usage.contains(KeyUsage::KEY_CERT_SIGN)) {
        let detail = format!("{owner} is a CA by its basic constraints, and its key usage lacks keyCertSign");
        faults.push(Fault::new(Reason::InconsistentCa, detail));
    }
    // RFC 9881 section 5: a key that only signs is not for encryption or agreement.
    let encryption = KeyUsage::KEY_ENCIPHERMENT
        | KeyUsage::DATA_ENCIPHERMENT
        | KeyUsage::KEY_AGREEMENT
        | KeyUsage::ENCIPHER_ONLY
        | KeyUsage::DECIPHER_ONLY;
    let only_signs = matches!(certificate.tbs.public_key.kind(), PublicKeyKind::MlDsa(_));
    if only_signs && usage.is_some_and(|usage| usage.intersects(encryption)) {
        let detail = format!("{owner} has an ML-DSA key, and its key usage holds what such a key cannot do");
        faults.push(Fault::new(Reason::Key, detail));
    }
    if usage.is_some_and(KeyUsage::is_empty) {
        let detail = format!("the key usage of {owner} holds no bit, and must hold one at least");
        faults.push(Fault::new(Reason::MalformedExtension, detail));
    }
    faults
}

/// An extension of somebody else's making may look as it likes.
fn is_standard(oid: &str) -> bool {
    oid.starts_with("2.5.29.") || oid.starts_with("1.3.6.1.5.5.7.1.")
}

fn named(oid: &str) -> String {
    extension_name(oid).map_or_else(|| format!("extension {oid}"), str::to_owned)
}

fn safe(text: &str) -> String {
    let text: String = text.chars().take(120).collect();
    crate::x509::Printable(&text).to_string()
}
