//! Name constraints after RFC 5280 sections 4.2.1.10, 6.1.3 (b) and (c), and 6.1.4 (g).

use std::net::IpAddr;

use super::super::budget::{Budget, LOOK_UP};
use super::super::kubernetes::{of_kind, shown};
use super::super::names::{Mailbox, uri_host};
use super::super::subtrees::{Hosts, Subtrees};
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
    let mut laid_out = Vec::new();
    for (index, issuer) in path.iter().enumerate().skip(1) {
        if let Some(constraints) = &issuer.tbs.extensions.name_constraints {
            match Constraints::of(&constraints.value, &issuer.tbs.subject, budget) {
                Ok(constraints) => laid_out.push((index, constraints)),
                Err(exceeded) => return Some(exceeded),
            }
        }
    }
    let last = laid_out.last().map_or(0, |(index, _)| *index);
    for (index, certificate) in path.iter().enumerate().take(last) {
        // Self-issued certificates are passed over, but for the last one.
        if index > 0 && certificate.tbs.is_self_issued() {
            continue;
        }
        let names = all_names(certificate);
        for (_, constraints) in laid_out.iter().filter(|(above, _)| *above > index) {
            match names.iter().try_for_each(|name| constraints.check(name, budget)) {
                Ok(()) => {}
                // What is spent is nobody's in particular.
                Err(fault) if fault.reason == Reason::Budget => return Some(fault),
                Err(fault) => return Some(fault.about(index)),
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

/// The constraints of one CA, laid out to be looked up.
struct Constraints<'a> {
    list: &'a NameConstraints,
    permitted: Subtrees<'a>,
    excluded: Subtrees<'a>,
    constrains_uris: bool,
    /// How many subtrees are of kinds that are only shown.
    others: u64,
    issuer: &'a Name,
}

impl<'a> Constraints<'a> {
    fn of(list: &'a NameConstraints, issuer: &'a Name, budget: &Budget) -> Result<Self, Fault> {
        let all = || list.permitted.iter().chain(&list.excluded);
        let others = all().filter(|subtree| matches!(subtree, GeneralSubtree::Other(_))).count();
        Ok(Self {
            list,
            permitted: Subtrees::of(&list.permitted, budget)?,
            excluded: Subtrees::of(&list.excluded, budget)?,
            others: u64::try_from(others).unwrap_or(u64::MAX),
            constrains_uris: all().any(|subtree| matches!(subtree, GeneralSubtree::Uri(_))),
            issuer,
        })
    }

    fn check(&self, name: &SubjectAltName, budget: &Budget) -> Result<(), Fault> {
        let Self { list, issuer, .. } = self;
        budget.work(LOOK_UP)?;
        let refuse = |reason, detail: String| Err(Fault::new(reason, detail));
        // A constraint of a form that is not processed: a name of that form makes the path unacceptable.
        if let SubjectAltName::Other(kind, _) = name {
            budget.work(LOOK_UP.saturating_mul(self.others))?;
            let mut all = list.permitted.iter().chain(&list.excluded);
            if let Some(constraint) = all.find(|subtree| is_other(subtree, name)) {
                let detail = format!(
                    "{issuer} constrains names of the kind {kind} ({constraint}), which is not supported"
                );
                return refuse(Reason::MalformedConstraint, detail);
            }
        }
        // Section 4.2.1.10: such a URI MUST be refused, whatever the constraint says.
        if let SubjectAltName::Uri(uri) = name
            && self.constrains_uris
            && let Some(problem) = host_problem(uri)
        {
            let detail =
                format!("{name} cannot be held against the URIs that {issuer} constrains: {problem}");
            return refuse(Reason::MalformedConstraint, detail);
        }
        if self.permitted.has_kind_of(name) && within(name, &self.permitted, budget)?.is_none() {
            let expected = shown(of_kind(&list.permitted, name));
            let detail = format!("{name} is outside of what {issuer} permits: {expected}");
            return Err(Fault::new(Reason::NameConstraints, detail).facts(expected, name));
        }
        if let Some(excluded) = touches(name, &self.excluded, budget)? {
            let detail = format!("{name} is within what {issuer} excludes: {excluded}");
            let fault = Fault::new(Reason::NameConstraints, detail);
            return Err(fault.facts(format!("not {excluded}"), name));
        }
        Ok(())
    }
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

/// The subtree that holds all that a name stands for.
fn within<'a>(
    name: &SubjectAltName,
    subtrees: &Subtrees<'a>,
    budget: &Budget,
) -> Result<Option<&'a GeneralSubtree>, Fault> {
    match name {
        // `*.example.com` lies within what holds all of its hosts.
        SubjectAltName::Dns(domain) => {
            subtrees.dns.holding(domain.strip_prefix("*.").unwrap_or(domain), budget)
        }
        SubjectAltName::Email(mailbox) => match Mailbox::parse(mailbox) {
            Some(mailbox) => match subtrees.mailbox(&mailbox) {
                Some(subtree) => Ok(Some(subtree)),
                None => host_within(&mailbox.domain, &subtrees.mail, budget),
            },
            None => Ok(None),
        },
        SubjectAltName::Uri(uri) => match uri_host(uri) {
            Some(host) => host_within(host, &subtrees.uri, budget),
            None => Ok(None),
        },
        SubjectAltName::Ip(address) => Ok(subtrees.network(*address)),
        SubjectAltName::Directory(name) => subtrees.directory(name, budget),
        SubjectAltName::Other(..) => Ok(None),
    }
}

/// The subtree that holds anything that a name stands for.
fn touches<'a>(
    name: &SubjectAltName,
    subtrees: &Subtrees<'a>,
    budget: &Budget,
) -> Result<Option<&'a GeneralSubtree>, Fault> {
    if let Some(subtree) = within(name, subtrees, budget)? {
        return Ok(Some(subtree));
    }
    match name {
        SubjectAltName::Dns(domain) if domain.starts_with("*.") => Ok(subtrees.dns.sibling_of(domain)),
        _ => Ok(None),
    }
}

/// A host is the host alone; with a dot in front it is every host of a domain.
fn host_within<'a>(
    host: &str,
    hosts: &Hosts<'a>,
    budget: &Budget,
) -> Result<Option<&'a GeneralSubtree>, Fault> {
    match hosts.exactly(host) {
        Some(subtree) => Ok(Some(subtree)),
        None => hosts.domain_holding(host, budget),
    }
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
