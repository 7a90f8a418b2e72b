//! Name constraints after RFC 5280 sections 4.2.1.10, 6.1.3 (b) and (c), and 6.1.4 (g).

use std::net::IpAddr;

use super::super::budget::Budget;
use super::super::kubernetes::{of_kind, shown};
use super::super::names::{Mailbox, domain_within, relative_names, uri_host};
use super::super::{Fault, Reason};
use super::certificate::is_mailbox;
use crate::x509::{Certificate, GeneralSubtree, Name, NameConstraints, SubjectAltName, check_dns_name};

/// The attribute emailAddress (PKCS #9).
const EMAIL_ADDRESS: &str = "1.2.840.113549.1.9.1";

/// The first name of a path (end entity first) that a constraint above it does not admit.
pub(in crate::chain) fn fault(path: &[&Certificate], budget: &Budget) -> Option<Fault> {
    for (index, certificate) in path.iter().enumerate().skip(1) {
        if let Some(fault) = malformed(certificate) {
            return Some(fault.about(index));
        }
    }
    for (index, certificate) in path.iter().enumerate() {
        // Self-issued certificates are passed over, but for the last one.
        if index > 0 && certificate.tbs.is_self_issued() {
            continue;
        }
        let mut names: Option<Vec<SubjectAltName>> = None;
        for issuer in path.iter().skip(index + 1) {
            let Some(constraints) = &issuer.tbs.extensions.name_constraints else { continue };
            let names = names.get_or_insert_with(|| all_names(certificate));
            if let Some(fault) = check(names, &constraints.value, &issuer.tbs.subject, budget) {
                return Some(fault.about(index));
            }
        }
    }
    None
}

/// Everything that constraints apply to: the subject, its e-mail addresses where there is no alternative name, and the
/// alternative names.
fn all_names(certificate: &Certificate) -> Vec<SubjectAltName> {
    let subject = &certificate.tbs.subject;
    let mut names = certificate.tbs.extensions.names().to_vec();
    if names.is_empty() {
        names.extend(subject.values(EMAIL_ADDRESS).map(|mailbox| SubjectAltName::Email(mailbox.to_owned())));
    }
    if !subject.is_empty() {
        names.push(SubjectAltName::Directory(subject.clone()));
    }
    names
}

fn check(
    names: &[SubjectAltName],
    constraints: &NameConstraints,
    issuer: &Name,
    budget: &Budget,
) -> Option<Fault> {
    let subtrees = constraints.permitted.len() + constraints.excluded.len();
    let all = constraints.permitted.iter().chain(&constraints.excluded);
    let weight = all.map(|subtree| weight(subtree_length(subtree))).sum::<usize>();
    for name in names {
        let count = weight.saturating_add(subtrees.saturating_mul(self::weight(name_length(name)) - 1));
        if let Err(exceeded) = budget.comparisons(count) {
            return Some(exceeded);
        }
        if let Some(fault) = check_one(name, constraints, issuer) {
            return Some(fault);
        }
    }
    None
}

/// A long name counts as several: to compare it takes longer.
fn weight(length: usize) -> usize {
    const USUAL: usize = 64;
    1 + length / USUAL
}

fn name_length(name: &SubjectAltName) -> usize {
    match name {
        SubjectAltName::Directory(name) => name.der().len(),
        SubjectAltName::Dns(text) | SubjectAltName::Email(text) | SubjectAltName::Uri(text) => text.len(),
        _ => 0,
    }
}

fn subtree_length(subtree: &GeneralSubtree) -> usize {
    match subtree {
        GeneralSubtree::Directory(name) => name.der().len(),
        GeneralSubtree::Dns(text) | GeneralSubtree::Email(text) | GeneralSubtree::Uri(text) => text.len(),
        _ => 0,
    }
}

fn check_one(name: &SubjectAltName, constraints: &NameConstraints, issuer: &Name) -> Option<Fault> {
    // A constraint of a form that is not processed: a name of that form makes the path unacceptable.
    let mut all = constraints.permitted.iter().chain(&constraints.excluded);
    if let SubjectAltName::Other(kind, _) = name
        && let Some(constraint) = all.find(|subtree| is_other(subtree, name))
    {
        let detail =
            format!("{issuer} constrains names of the kind {kind} ({constraint}), which is not supported");
        return Some(Fault::new(Reason::MalformedConstraint, detail));
    }
    // Section 4.2.1.10: such a URI MUST be refused, whatever the constraint says.
    if let SubjectAltName::Uri(uri) = name
        && all.any(|subtree| matches!(subtree, GeneralSubtree::Uri(_)))
        && let Some(problem) = host_problem(uri)
    {
        let detail = format!("{name} cannot be held against the URIs that {issuer} constrains: {problem}");
        return Some(Fault::new(Reason::MalformedConstraint, detail));
    }
    let mut permitted = of_kind(&constraints.permitted, name).peekable();
    if permitted.peek().is_some() && !permitted.any(|subtree| within(name, subtree)) {
        let expected = shown(of_kind(&constraints.permitted, name));
        let detail = format!("{name} is outside of what {issuer} permits: {expected}");
        return Some(Fault::new(Reason::NameConstraints, detail).facts(expected, name));
    }
    let excluded = of_kind(&constraints.excluded, name).find(|subtree| touches(name, subtree))?;
    let detail = format!("{name} is within what {issuer} excludes: {excluded}");
    Some(Fault::new(Reason::NameConstraints, detail).facts(format!("not {excluded}"), name))
}

/// Why a URI has no host that is a fully qualified domain name.
fn host_problem(uri: &str) -> Option<&'static str> {
    match uri_host(uri) {
        None | Some("") => Some("it has no host"),
        Some(host) if host.contains(':') || host.parse::<IpAddr>().is_ok() => Some("its host is an address"),
        Some(host) if check_dns_name(&host.to_ascii_lowercase()).is_err() || host.starts_with('*') => {
            Some("its host is no domain")
        }
        Some(_) => None,
    }
}

fn is_other(subtree: &GeneralSubtree, name: &SubjectAltName) -> bool {
    let GeneralSubtree::Other(text) = subtree else { return false };
    text.split_once(':').is_some_and(|(kind, _)| kind == name.kind())
}

/// Whether all that a name stands for lies within a subtree.
fn within(name: &SubjectAltName, subtree: &GeneralSubtree) -> bool {
    match (name, subtree) {
        (SubjectAltName::Dns(domain), GeneralSubtree::Dns(base)) => {
            // `*.example.com` lies within what holds all of its hosts.
            domain_within(domain.strip_prefix("*.").unwrap_or(domain), base)
        }
        (SubjectAltName::Email(mailbox), GeneralSubtree::Email(base)) => mailbox_within(mailbox, base),
        (SubjectAltName::Uri(uri), GeneralSubtree::Uri(base)) => {
            uri_host(uri).is_some_and(|host| host_within(host, base))
        }
        (SubjectAltName::Ip(ip), GeneralSubtree::Ip(network, prefix)) => {
            ipnet::IpNet::new(*network, *prefix).is_ok_and(|network| network.contains(ip))
        }
        (SubjectAltName::Directory(name), GeneralSubtree::Directory(base)) => {
            relative_names(name).starts_with(&relative_names(base))
        }
        _ => false,
    }
}

/// Whether anything that a name stands for lies within a subtree.
fn touches(name: &SubjectAltName, subtree: &GeneralSubtree) -> bool {
    if within(name, subtree) {
        return true;
    }
    let (SubjectAltName::Dns(domain), GeneralSubtree::Dns(base)) = (name, subtree) else { return false };
    let Some(parent) = domain.strip_prefix("*.") else { return false };
    base.split_once('.').is_some_and(|(_, rest)| rest.eq_ignore_ascii_case(parent))
}

/// A host is the host alone; with a dot in front it is every host of a domain.
fn host_within(host: &str, base: &str) -> bool {
    if base.starts_with('.') { domain_within(host, base) } else { host.eq_ignore_ascii_case(base) }
}

fn mailbox_within(mailbox: &str, base: &str) -> bool {
    if base.contains('@') {
        return same_mailbox(mailbox, base);
    }
    Mailbox::parse(mailbox).is_some_and(|mailbox| host_within(&mailbox.domain, base))
}

/// The local part as it is, the domain in any case (section 7.5).
pub(super) fn same_mailbox(one: &str, other: &str) -> bool {
    Mailbox::parse(one).is_some_and(|one| Mailbox::parse(other).is_some_and(|other| one == other))
}

/// The fault of a CA whose constraints are not of the form of their kind.
fn malformed(issuer: &Certificate) -> Option<Fault> {
    let constraints = &issuer.tbs.extensions.name_constraints.as_ref()?.value;
    let mut all = constraints.permitted.iter().chain(&constraints.excluded);
    let broken = all.find_map(|subtree| Some((subtree, problem(subtree)?)))?;
    let (subtree, problem) = broken;
    let detail = format!("the name constraint {subtree} of {} is malformed: {problem}", issuer.tbs.subject);
    Some(Fault::new(Reason::MalformedConstraint, detail))
}

fn problem(subtree: &GeneralSubtree) -> Option<&'static str> {
    let domain = |text: &str| {
        let lower = text.to_ascii_lowercase();
        if lower.starts_with('*') {
            Some("a wildcard has no place there")
        } else {
            check_dns_name(&lower).err()
        }
    };
    match subtree {
        GeneralSubtree::Dns(base) if base.is_empty() => None,
        GeneralSubtree::Dns(base) if base.starts_with('.') => Some("a domain has no dot in front"),
        GeneralSubtree::Dns(base) => domain(base),
        GeneralSubtree::Email(base) if base.contains('@') => {
            (!is_mailbox(base)).then_some("it is no mailbox")
        }
        GeneralSubtree::Email(base) | GeneralSubtree::Uri(base) => {
            domain(base.strip_prefix('.').unwrap_or(base))
        }
        GeneralSubtree::Other(text) if text.starts_with("IP") || text.starts_with("iPAddress") => {
            Some("it is no network")
        }
        GeneralSubtree::Other(text) if text.starts_with("unreadable") => Some("it cannot be read"),
        _ => None,
    }
}
