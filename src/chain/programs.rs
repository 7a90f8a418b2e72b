//! Programs that clusters meet beside those written in Go, and what they make of a path that holds: measured, and written
//! down with their releases in docs/verify.md. Nothing here decides; it warns.

use super::candidate::{Candidate, authority_key_identifier, subject_key_identifier};
use super::names::normal_form;
use super::search::Step;
use super::verdict::{Role, Warning};
use super::{Fault, Purpose, Reason, Verifier};
use crate::x509::der::{elements, read};
use crate::x509::{
    Certificate, ExtendedKeyUsage, GeneralSubtree, PublicKeyKind, SignatureAlgorithm, SubjectAltName,
};

/// The programs of one kind of refusal.
type Programs = &'static [&'static str];

/// What is to be said of a certificate of a path.
struct Notice {
    situation: &'static str,
    programs: Vec<&'static str>,
    text: String,
}

fn notice(situation: &'static str, programs: &[&'static str], what: &str) -> Notice {
    let text = format!("{what}: refused by {}", programs.join(", "));
    Notice { situation, programs: programs.to_vec(), text }
}

const OPENSSL: Programs = &["OpenSSL", "curl", "Python", "Node"];
const AUTHORITY_KEY_IDENTIFIER: &str = "2.5.29.35";

/// What other programs make of a path.
pub(super) fn warnings(path: &[Step<'_, '_>], verifier: &Verifier<'_>) -> Vec<Warning> {
    let mut warnings = Vec::new();
    let mut tell = |index: usize, notice: Notice| {
        let Notice { situation, programs, text } = notice;
        let fault = Fault::new(Reason::OtherPrograms, text);
        warnings.push(Warning { index, fault, situation: Some(situation), programs });
    };
    for (index, pair) in path.windows(2).enumerate() {
        if let [child, issuer] = pair {
            for notice in issuers(*child, *issuer, verifier) {
                tell(index, notice);
            }
        }
    }
    if let Some(notice) = intermediate_as_anchor(path, verifier) {
        tell(path.len().saturating_sub(1), notice);
    }
    for notice in left_over(path, verifier) {
        tell(0, notice);
    }
    for (index, step) in path.iter().enumerate() {
        let certificate = step.certificate();
        for notice in looks(certificate) {
            tell(index, notice);
        }
        if index > 0 && certificate.tbs.extensions.key_usage.is_none() && certificate.tbs.version == 3 {
            let programs: Programs =
                if step.role == Role::TrustAnchor { &["pyca"] } else { &["wolfSSL", "pyca"] };
            let text = format!("the CA {} has no key usage", certificate.tbs.subject);
            tell(index, notice("ca-without-key-usage", programs, &text));
        }
    }
    if let Some(leaf) = path.first() {
        for notice in end_entity(leaf.certificate(), path, verifier) {
            tell(0, notice);
        }
    }
    warnings
}

/// Which issuer is found, and by what.
fn issuers(child: Step<'_, '_>, issuer: Step<'_, '_>, verifier: &Verifier<'_>) -> Vec<Notice> {
    let (child, above) = (child.certificate(), issuer.certificate());
    let owner = &child.tbs.subject;
    let mut notices = Vec::new();
    let wanted = authority_key_identifier(child);
    if wanted.is_none() && issuer.role == Role::TrustAnchor {
        notices.extend(same_name(child, above, verifier));
    }
    if let (Some(wanted), Some(own)) = (wanted, subject_key_identifier(above))
        && wanted != own
    {
        let text = format!(
            "the authority key identifier of {owner} is not the subject key identifier of {}, though the key is the one \
             that signed it",
            above.tbs.subject
        );
        let programs = [OPENSSL, &["GnuTLS", "NSS", "Java's TLS", "wolfSSL", "Botan"]].concat();
        notices.push(notice("other-key-identifier", &programs, &text));
    }
    if let Some((serial, names_issuer)) = pinned(child)
        && (serial != above.tbs.serial.content() || !names_issuer(above))
    {
        let expired = verifier.anchors.iter().any(|other| {
            other.certificate().tbs.serial.content() == serial
                && other.certificate().tbs.validity.not_after < verifier.settings.at
                && other.certificate().tbs.public_key == above.tbs.public_key
        });
        let text = format!(
            "the authority key identifier of {owner} names issuer and serial number of another certificate than {}, the one \
             from before it was renewed",
            above.tbs.subject
        );
        let programs = if expired {
            [OPENSSL, &["NSS"]].concat()
        } else {
            [OPENSSL, &["Java's TLS", "Java's CertPathValidator"]].concat()
        };
        notices.push(notice("issuer-and-serial", &programs, &text));
    }
    if child.tbs.issuer.der() != above.tbs.subject.der() {
        let text =
            format!("the issuer's name in {owner} is encoded otherwise than in the CA's own certificate");
        let programs = ["Go (all of Kubernetes, etcd)", "webpki", "GnuTLS", "pyca", "NSS", "wolfSSL"];
        notices.push(notice("name-encoded-otherwise", &programs, &text));
    }
    notices
}

/// Two CAs of one name among the trust anchors, and nothing that tells which of them signed.
fn same_name(child: &Certificate, above: &Certificate, verifier: &Verifier<'_>) -> Option<Notice> {
    let name = normal_form(&above.tbs.subject);
    let named = || {
        let anchors = verifier.anchors.iter().map(Candidate::certificate);
        anchors.filter(|other| normal_form(&other.tbs.subject) == name)
    };
    let others = || named().filter(|other| other.tbs.public_key != above.tbs.public_key);
    others().next()?;
    let is_right = |other: &Certificate| other.tbs.public_key == above.tbs.public_key;
    let mut programs = vec!["pyca", "wolfSSL (by the keys, not the order)"];
    if !named().next().is_some_and(is_right) {
        programs.extend(OPENSSL);
    }
    if !named().next_back().is_some_and(is_right) {
        programs.push("GnuTLS");
    }
    if others().any(|other| other.tbs.validity.not_before > above.tbs.validity.not_before) {
        programs.push("NSS");
    }
    let text = format!(
        "several trust anchors are called {}, and {} has no authority key identifier that tells which of them signed it",
        above.tbs.subject, child.tbs.subject
    );
    Some(notice("same-name", &programs, &text))
}

/// The serial number that an authority key identifier names, and whether the issuer's issuer is the one beside it.
fn pinned(certificate: &Certificate) -> Option<(&[u8], impl Fn(&Certificate) -> bool)> {
    let value = &certificate.tbs.extensions.find(AUTHORITY_KEY_IDENTIFIER)?.value;
    let fields = elements(read(value)?.0.content)?;
    let serial = fields.iter().find(|field| field.tag == 0x82)?.content;
    let names = fields.iter().find(|field| field.tag == 0xa1).map(|names| names.content).unwrap_or_default();
    let name = elements(names).unwrap_or_default().into_iter().find(|name| name.tag == 0xa4);
    let name = name.map(|name| name.content);
    Some((serial, move |issuer: &Certificate| name.is_none_or(|name| name == issuer.tbs.issuer.der())))
}

/// A trust anchor that another CA issued, without that one.
fn intermediate_as_anchor(path: &[Step<'_, '_>], verifier: &Verifier<'_>) -> Option<Notice> {
    let anchor = path.last().filter(|last| last.role == Role::TrustAnchor)?.certificate();
    let issuer = normal_form(&anchor.tbs.issuer);
    let has_root =
        || verifier.anchors.iter().any(|other| normal_form(&other.certificate().tbs.subject) == issuer);
    if anchor.tbs.is_self_issued() || has_root() {
        return None;
    }
    let text = format!(
        "the trust anchor {} is an intermediate, and the root above it is not given",
        anchor.tbs.subject
    );
    Some(notice("intermediate-as-anchor", &["OpenSSL", "Python 3.11", "Node", "Botan", "Erlang"], &text))
}

/// What was sent along and is not needed.
fn left_over(path: &[Step<'_, '_>], verifier: &Verifier<'_>) -> Vec<Notice> {
    fn der<'a>(step: &Step<'_, 'a>) -> &'a [u8] {
        step.certificate().der()
    }
    let mut notices = Vec::new();
    let place_of = |wanted: &[u8]| verifier.own.iter().position(|own| own.certificate().der() == wanted);
    for (place, own) in verifier.own.iter().enumerate() {
        let certificate = own.certificate();
        if path.iter().any(|step| der(step) == certificate.der()) {
            continue;
        }
        let stands_for = path
            .iter()
            .skip(1)
            .find(|step| step.certificate().tbs.subject.der() == certificate.tbs.subject.der());
        let Some(right) = stands_for else { continue };
        let is_before = place_of(der(right)).is_none_or(|right| place < right);
        let is_expired = certificate.tbs.validity.not_after < verifier.settings.at;
        let same_key = certificate.tbs.public_key == right.certificate().tbs.public_key;
        let subject = &certificate.tbs.subject;
        let (programs, what): (Vec<&'static str>, _) = match (right.role, is_expired, same_key) {
            (Role::TrustAnchor, true, true) => (vec!["Erlang", "wolfSSL"], "an expired cross certificate of"),
            (Role::Intermediate, true, true) if is_before => {
                (vec!["wolfSSL", "GnuTLS"], "before the one that is needed, an expired certificate of")
            }
            (Role::Intermediate, true, true) => (vec!["wolfSSL"], "an expired certificate of"),
            (Role::Intermediate, false, false) if is_before => {
                (vec!["mbedTLS"], "before the one that is needed, a certificate with the former key of")
            }
            _ => continue,
        };
        let text = format!("{what} {subject} is left over in the chain ({})", own.located.source);
        notices.push(notice("left-over-intermediate", &programs, &text));
    }
    notices
}

/// What any certificate looks like.
fn looks(certificate: &Certificate) -> Vec<Notice> {
    let owner = &certificate.tbs.subject;
    let mut notices = Vec::new();
    let validity = &certificate.tbs.validity;
    if validity.not_after.year() >= 9999 {
        let text = format!("{owner} is valid until the year 9999");
        notices.push(notice("year-9999", &["Botan"], &text));
    }
    if validity.not_before.year() < 1970 {
        let text = format!("{owner} is valid from before 1970 on");
        notices.push(notice("before-1970", &["Botan", "webpki"], &text));
    }
    if let SignatureAlgorithm::RsaPss(_) | SignatureAlgorithm::RsaPssSalted(..) =
        certificate.signature_algorithm()
    {
        let text = format!("the signature of {owner} is RSASSA-PSS");
        notices.push(notice("pss-signature", &["Erlang"], &text));
    }
    if matches!(certificate.tbs.public_key.kind(), PublicKeyKind::RsaPss { .. }) {
        let text = format!("the key of {owner} is for RSASSA-PSS alone");
        let programs = ["Go's TLS (all of Kubernetes, etcd)", "webpki", "NSS", "mbedTLS", "wolfSSL", "Botan"];
        notices.push(notice("pss-key", &programs, &text));
    }
    for name in certificate.tbs.extensions.names() {
        let (situation, programs, what): (_, Programs, _) = match name {
            SubjectAltName::Ip(std::net::IpAddr::V6(address)) if address.to_ipv4_mapped().is_some() => (
                "mapped-address",
                &[
                    "OpenSSL",
                    "curl",
                    "Python",
                    "GnuTLS",
                    "webpki",
                    "mbedTLS",
                    "wolfSSL",
                    "Botan",
                    "Erlang",
                    "pyca",
                    "Go 1.27 (reads no such certificate)",
                ],
                "is an IPv4 address mapped into IPv6, dialled as that",
            ),
            SubjectAltName::Dns(host) if host.contains('_') => {
                ("underscore", &["Java", "pyca"], "has an underscore")
            }
            SubjectAltName::Dns(host) if host.starts_with("*.") && host.matches('.').count() == 1 => (
                "short-wildcard",
                &["OpenSSL", "curl", "Python", "GnuTLS", "webpki", "NSS", "Botan", "Erlang"],
                "is a wildcard of two labels",
            ),
            _ => continue,
        };
        if notices.iter().all(|other| other.situation != situation) {
            notices.push(notice(situation, programs, &format!("{name} of {owner} {what}")));
        }
    }
    let names_critical = certificate.tbs.extensions.subject_alt_names.as_ref().map(|names| names.critical);
    if owner.is_empty() && names_critical == Some(false) {
        let text = "the subject is empty, and its alternative names are not critical".to_owned();
        notices.push(notice("empty-subject", &["Java", "pyca", "Python 3.13"], &text));
    }
    notices
}

/// What concerns the end entity and what is sent with it.
fn end_entity(leaf: &Certificate, path: &[Step<'_, '_>], verifier: &Verifier<'_>) -> Vec<Notice> {
    let owner = &leaf.tbs.subject;
    let extensions = &leaf.tbs.extensions;
    let mut notices = Vec::new();
    let is_server = verifier.settings.purpose == Purpose::Server;
    if is_server && extensions.is_ca() && path.len() > 1 {
        let text = format!("the server's certificate {owner} is a CA's");
        notices.push(notice("ca-as-server", &["webpki", "pyca", "NSS"], &text));
    }
    let has_host = |name: &SubjectAltName| matches!(name, SubjectAltName::Dns(_) | SubjectAltName::Ip(_));
    if is_server
        && !extensions.names().iter().any(has_host)
        && let Some(common_name) = owner.common_name()
    {
        let text = format!(
            "{owner} has no host among its alternative names, and {} in its common name does not count",
            crate::x509::Printable(common_name)
        );
        notices.push(notice("common-name-alone", &["Go (all of Kubernetes, etcd)", "webpki", "pyca"], &text));
    }
    notices.extend(size(leaf, verifier));
    notices.extend(purposes_above(path));
    notices.extend(constraints_above(leaf, path));
    notices
}

/// What is too large for whom: the certificates of a handshake together.
fn size(leaf: &Certificate, verifier: &Verifier<'_>) -> Option<Notice> {
    /// In bytes, the smallest first.
    const LIMITS: [(usize, Programs); 5] = [
        (16_384, &["wolfSSL", "mbedTLS"]),
        (32_768, &["Java"]),
        (65_535, &["rustls"]),
        (100_000, OPENSSL),
        (256 << 10, &["Go's TLS (all of Kubernetes, etcd)"]),
    ];
    let sent = leaf.der().len() + verifier.own.iter().map(|own| own.certificate().der().len()).sum::<usize>();
    let exceeded: Vec<&'static str> = LIMITS
        .iter()
        .filter(|(limit, _)| sent > *limit)
        .flat_map(|(_, programs)| programs.iter().copied())
        .collect();
    if exceeded.is_empty() {
        return None;
    }
    let text = format!("the certificates that are sent take {sent} bytes");
    Some(notice("size", &exceeded, &text))
}

/// A CA whose extended key usage lacks what the end entity is for: where no purpose was asked for, nothing else tells.
fn purposes_above(path: &[Step<'_, '_>]) -> Option<Notice> {
    let leaf = path.first()?.certificate();
    let own = leaf.tbs.extensions.purposes();
    let wanted = [ExtendedKeyUsage::ServerAuth, ExtendedKeyUsage::ClientAuth];
    path.iter().skip(1).find_map(|step| {
        let above = step.certificate().tbs.extensions.purposes();
        let lacks = |purpose: &&ExtendedKeyUsage| {
            own.contains(purpose)
                && !above.is_empty()
                && !above.contains(purpose)
                && !above.contains(&ExtendedKeyUsage::Any)
        };
        let lacking = wanted.iter().find(lacks)?;
        let mut programs = vec!["OpenSSL", "curl", "Python", "Node", "Go (all of Kubernetes, etcd)", "pyca"];
        if step.role == Role::Intermediate {
            programs.extend(["GnuTLS", "Erlang", "webpki"]);
        }
        let text = format!(
            "{} is for {lacking}, and the extended key usage of {} above it lacks that",
            leaf.tbs.subject,
            step.certificate().tbs.subject
        );
        Some(notice("purposes-above", &programs, &text))
    })
}

/// Name constraints, which not all hold names against.
fn constraints_above(leaf: &Certificate, path: &[Step<'_, '_>]) -> Vec<Notice> {
    let mut notices = Vec::new();
    let has_address = leaf.tbs.extensions.names().iter().any(|name| matches!(name, SubjectAltName::Ip(_)));
    for step in path.iter().skip(1) {
        let Some(constraints) = &step.certificate().tbs.extensions.name_constraints else { continue };
        let subject = &step.certificate().tbs.subject;
        let mut all = constraints.value.permitted.iter().chain(&constraints.value.excluded);
        let of_addresses = all.any(|subtree| matches!(subtree, GeneralSubtree::Ip(..)));
        if of_addresses && has_address && step.role == Role::Intermediate {
            let text =
                format!("an address of {} lies below the address constraints of {subject}", leaf.tbs.subject);
            notices.push(notice("address-below-constraints", &["Erlang"], &text));
        }
        let mut unaware = vec!["mbedTLS"];
        if of_addresses {
            unaware.push("wolfSSL (of addresses)");
        }
        if step.role == Role::TrustAnchor {
            unaware.extend(["Java", "Erlang"]);
        }
        let text = format!(
            "the name constraints of {subject} do not bind everybody: who does not look at them: {}",
            unaware.join(", ")
        );
        notices.push(Notice { situation: "constraints-not-looked-at", programs: unaware, text });
    }
    notices
}
