//! Name constraints as Go holds names against them.
//!
//! Every certificate with alternative names is held against the constraints of every CA above it, self-issued or not;
//! subjects never are. Go sorts the subtrees of a list and looks at the nearest alone, which tells in two cases: an
//! address list whose networks have host bits set, and a wildcard against an excluded name of one label more.

use std::cmp::Ordering;
use std::net::IpAddr;

use super::super::budget::{Budget, LOOK_UP};
use super::super::candidate::View;
use super::super::names::{Mailbox, uri_host};
use super::super::subtrees::{Hosts, Subtrees};
use super::super::{Fault, Reason};
use super::extensions::is_domain;
use crate::x509::{GeneralSubtree, Name, NameConstraints, SubjectAltName};

/// The first name of a path that is outside of a constraint above it.
pub(in crate::chain) fn fault(path: &[View<'_>], budget: &Budget) -> Option<Fault> {
    let mut laid_out = Vec::new();
    for (index, issuer) in path.iter().enumerate().skip(1) {
        if let Some(constraints) = &issuer.extensions.name_constraints {
            match Constraints::of(&constraints.value, issuer.subject(), budget) {
                Ok(constraints) => laid_out.push((index, constraints)),
                Err(exceeded) => return Some(exceeded),
            }
        }
    }
    path.iter().enumerate().find_map(|(index, view)| {
        let names = &view.extensions.subject_alt_names.as_ref()?.value;
        let above: Vec<&Constraints<'_>> =
            laid_out.iter().filter(|(place, _)| *place > index).map(|(_, constraints)| constraints).collect();
        above.first()?;
        names_fault(names, view.subject(), &above, budget).map(|fault| match fault.reason {
            // What is spent is nobody's in particular.
            Reason::Budget => fault,
            _ => fault.about(index),
        })
    })
}

/// The constraints of one CA, laid out to be looked up.
struct Constraints<'a> {
    list: &'a NameConstraints,
    permitted: (Subtrees<'a>, Networks),
    excluded: (Subtrees<'a>, Networks),
    issuer: &'a Name,
}

impl<'a> Constraints<'a> {
    fn of(list: &'a NameConstraints, issuer: &'a Name, budget: &Budget) -> Result<Self, Fault> {
        let lay_out = |subtrees: &'a [GeneralSubtree]| {
            Ok::<_, Fault>((Subtrees::of(subtrees, budget)?, Networks::of(subtrees)))
        };
        Ok(Self { list, permitted: lay_out(&list.permitted)?, excluded: lay_out(&list.excluded)?, issuer })
    }
}

fn names_fault(
    names: &[SubjectAltName],
    owner: &Name,
    above: &[&Constraints<'_>],
    budget: &Budget,
) -> Option<Fault> {
    let malformed = |name: &SubjectAltName, why: &str| {
        let detail = format!("{name} of {owner} cannot be held against name constraints: {why}");
        Fault::new(Reason::MalformedConstraint, detail)
    };
    for name in names {
        let why = match name {
            SubjectAltName::Uri(uri) => uri_problem(uri),
            SubjectAltName::Email(mailbox) if Mailbox::parse(mailbox).is_none() => Some("it is no mailbox"),
            SubjectAltName::Email(mailbox) => Mailbox::parse(mailbox)
                .is_some_and(|mailbox| !is_domain(&mailbox.domain, false))
                .then_some("its domain is none"),
            SubjectAltName::Dns(domain) if !is_domain(domain, false) => Some("it is no domain"),
            _ => None,
        };
        if let Some(why) = why {
            return Some(malformed(name, why));
        }
    }
    above.iter().find_map(|constraints| {
        names.iter().find_map(|name| outside(name, constraints, budget).unwrap_or_else(Some))
    })
}

/// Why a URI cannot be held against constraints at all.
fn uri_problem(uri: &str) -> Option<&'static str> {
    match uri_host(uri) {
        None | Some("") => Some("it has no host"),
        Some(host) if host.parse::<IpAddr>().is_ok() || host.contains(':') => Some("its host is an address"),
        Some(host) if !is_domain(host, false) => Some("its host is no domain"),
        Some(_) => None,
    }
}

/// The fault of a name that the constraints of an issuer do not admit.
///
/// # Errors
/// The budget is spent.
fn outside(
    name: &SubjectAltName,
    constraints: &Constraints<'_>,
    budget: &Budget,
) -> Result<Option<Fault>, Fault> {
    let Constraints { list, issuer, .. } = constraints;
    budget.work(LOOK_UP)?;
    if matching(name, &constraints.permitted, true, budget)? == Match::Outside {
        let expected = shown(of_kind(&list.permitted, name));
        let detail = format!("{name} is outside of what {issuer} permits: {expected}");
        return Ok(Some(Fault::new(Reason::NameConstraints, detail).facts(expected, name)));
    }
    if matching(name, &constraints.excluded, false, budget)? == Match::Within {
        let excluded = shown(of_kind(&list.excluded, name));
        let detail = format!("{name} is within what {issuer} excludes: {excluded}");
        let fault = Fault::new(Reason::NameConstraints, detail);
        return Ok(Some(fault.facts(format!("not {excluded}"), name)));
    }
    Ok(None)
}

/// Some subtrees in a row, not more than a reader wants.
pub(in crate::chain) fn shown<'a>(mut subtrees: impl Iterator<Item = &'a GeneralSubtree>) -> String {
    const MOST: usize = 8;
    let mut text = subtrees.by_ref().take(MOST).map(ToString::to_string).collect::<Vec<_>>().join(", ");
    if subtrees.next().is_some() {
        text.push_str(", …");
    }
    text
}

/// The subtrees of a name's kind.
pub(in crate::chain) fn of_kind<'a>(
    subtrees: &'a [GeneralSubtree],
    name: &'a SubjectAltName,
) -> impl Iterator<Item = &'a GeneralSubtree> {
    subtrees.iter().filter(move |subtree| same_kind(subtree, name))
}

/// Whether a subtree is of a name's kind.
fn same_kind(subtree: &GeneralSubtree, name: &SubjectAltName) -> bool {
    matches!(
        (subtree, name),
        (GeneralSubtree::Dns(_), SubjectAltName::Dns(_))
            | (GeneralSubtree::Email(_), SubjectAltName::Email(_))
            | (GeneralSubtree::Uri(_), SubjectAltName::Uri(_))
            | (GeneralSubtree::Ip(..), SubjectAltName::Ip(_))
            | (GeneralSubtree::Directory(_), SubjectAltName::Directory(_))
    )
}

/// What a list of subtrees says of a name.
#[derive(PartialEq, Eq)]
enum Match {
    /// It has no subtree of this kind.
    Silent,
    /// A subtree holds it.
    Within,
    /// None does.
    Outside,
}

fn matching(
    name: &SubjectAltName,
    (subtrees, networks): &(Subtrees<'_>, Networks),
    permitted: bool,
    budget: &Budget,
) -> Result<Match, Fault> {
    // Go knows no other kinds.
    if matches!(name, SubjectAltName::Directory(_) | SubjectAltName::Other(..)) || !subtrees.has_kind_of(name)
    {
        return Ok(Match::Silent);
    }
    let within = match name {
        SubjectAltName::Ip(ip) => networks.nearest_holds(*ip),
        SubjectAltName::Dns(domain) => holds_domain(domain, &subtrees.dns, permitted, budget)?,
        SubjectAltName::Uri(uri) => {
            holds_domain(uri_host(uri).unwrap_or_default(), &subtrees.uri, permitted, budget)?
        }
        SubjectAltName::Email(mailbox) => match Mailbox::parse(mailbox) {
            // Unlike RFC 5280, by which a base without a dot in front is one host.
            Some(mailbox) => {
                subtrees.mailbox(&mailbox).is_some()
                    || holds_domain(&mailbox.domain, &subtrees.mail, permitted, budget)?
            }
            None => false,
        },
        _ => false,
    };
    Ok(if within { Match::Within } else { Match::Outside })
}

/// `*.example.com` stands for `a.example.com` too, so that it is excluded with it.
fn holds_domain(domain: &str, hosts: &Hosts<'_>, permitted: bool, budget: &Budget) -> Result<bool, Fault> {
    Ok(hosts.holding(domain, budget)?.is_some()
        || (!permitted && domain.starts_with('*') && hosts.sibling_of(domain).is_some()))
}

/// A network as it stands in a constraint: address and mask, host bits and all.
type Network = (Vec<u8>, Vec<u8>);

/// The networks of a list in the order of their addresses, those left out that the one before covers.
struct Networks {
    v4: Vec<Network>,
    v6: Vec<Network>,
}

impl Networks {
    fn of(subtrees: &[GeneralSubtree]) -> Self {
        let kept = |v4: bool| {
            let networks = subtrees.iter().filter_map(|subtree| match subtree {
                GeneralSubtree::Ip(address, prefix) if address.is_ipv4() == v4 => {
                    Some((octets(*address), mask(*prefix, v4)))
                }
                _ => None,
            });
            uncovered(networks.collect())
        };
        Self { v4: kept(true), v6: kept(false) }
    }

    /// Only the last network that does not come after the address is asked.
    fn nearest_holds(&self, ip: IpAddr) -> bool {
        let (wanted, kept) = (octets(ip), if ip.is_ipv4() { &self.v4 } else { &self.v6 });
        match kept.binary_search_by(|(address, _)| address.cmp(&wanted)) {
            Ok(_) => true,
            Err(after) => kept.get(after.saturating_sub(1)).is_some_and(|network| contains(network, &wanted)),
        }
    }
}

fn octets(ip: IpAddr) -> Vec<u8> {
    match ip {
        IpAddr::V4(ip) => ip.octets().to_vec(),
        IpAddr::V6(ip) => ip.octets().to_vec(),
    }
}

fn uncovered(mut networks: Vec<Network>) -> Vec<Network> {
    networks.sort();
    let mut kept: Vec<Network> = Vec::new();
    for network in networks {
        let covered = kept.last().is_some_and(|last| {
            let broadcast: Vec<u8> =
                network.0.iter().zip(&network.1).map(|(byte, mask)| byte | !mask).collect();
            contains(last, &network.0) && contains(last, &broadcast)
        });
        if !covered {
            kept.push(network);
        }
    }
    kept
}

fn mask(prefix: u8, v4: bool) -> Vec<u8> {
    let length: u8 = if v4 { 4 } else { 16 };
    (0..length)
        .map(|index| match prefix.saturating_sub(index * 8) {
            bits @ 0..8 => !(0xff_u8.checked_shr(u32::from(bits)).unwrap_or(0)),
            _ => 0xff,
        })
        .collect()
}

/// Go's `IPNet.Contains`: addresses that are IPv4 mapped into IPv6 are compared as IPv4.
fn contains((network, mask): &Network, ip: &[u8]) -> bool {
    let short = |bytes: &[u8]| -> Vec<u8> {
        match bytes {
            [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, v4 @ ..] if v4.len() == 4 => v4.to_vec(),
            other => other.to_vec(),
        }
    };
    let (own, ip) = (short(network), short(ip));
    let mask = mask.get(mask.len().saturating_sub(own.len())..).unwrap_or_default();
    own.len() == ip.len()
        && own
            .iter()
            .zip(&ip)
            .zip(mask)
            .all(|((own, ip), mask)| (own & mask).cmp(&(ip & mask)) == Ordering::Equal)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn within(name: &str, subtrees: &[GeneralSubtree], permitted: bool) -> bool {
        let name = match name.split_once(':') {
            Some(("email", mailbox)) => SubjectAltName::Email(mailbox.into()),
            Some(("uri", uri)) => SubjectAltName::Uri(uri.into()),
            _ => name.parse::<IpAddr>().map_or_else(|_| SubjectAltName::Dns(name.into()), SubjectAltName::Ip),
        };
        let budget = Budget::new();
        let laid_out = (Subtrees::of(subtrees, &budget).unwrap(), Networks::of(subtrees));
        matching(&name, &laid_out, permitted, &budget).unwrap() == Match::Within
    }

    #[test]
    fn names_are_held_against_subtrees_as_in_go() {
        let dns = |base: &str| [GeneralSubtree::Dns(base.into())];
        let email = |base: &str| [GeneralSubtree::Email(base.into())];
        for (name, subtrees, permitted, expected) in [
            ("a.example.com", dns("example.com"), true, true),
            ("*.example.com", dns("example.com"), true, true),
            ("*.example.com", dns("foo.example.com"), true, false),
            ("*.EXAMPLE.com", dns("foo.example.com"), false, true),
            ("*.example.com", dns("a.b.example.com"), false, false),
            ("example.com", dns(".example.com"), true, false),
            ("email:a@sub.example.com", email("example.com"), true, true),
            ("email:a@EXAMPLE.com", email("a@example.com"), true, true),
            ("email:A@example.com", email("a@example.com"), true, false),
        ] {
            assert_eq!(within(name, &subtrees, permitted), expected, "{name} {subtrees:?}");
        }
        let net = |address: &str, prefix| GeneralSubtree::Ip(address.parse().unwrap(), prefix);
        assert!(within("10.1.2.3", &[net("10.0.0.0", 8), net("192.0.2.0", 24)], true));
        assert!(!within("11.1.2.3", &[net("10.0.0.0", 8), net("192.0.2.0", 24)], true));
        // Host bits: the nearest network is 10.0.0.5/8 for what comes before it too, when it is the first.
        assert!(within("10.0.0.1", &[net("10.0.0.5", 8)], true));
        assert!(!within("10.0.0.9", &[net("10.0.0.5", 32), net("10.9.0.0", 8)], true));
        assert!(!within("::ffff:10.0.0.1", &[net("::", 0)], true));
    }

    #[test]
    fn masks() {
        for (prefix, expected) in [(0, [0, 0, 0, 0]), (9, [255, 128, 0, 0]), (32, [255; 4])] {
            assert_eq!(mask(prefix, true), expected);
        }
        assert_eq!(mask(127, false)[15], 254);
    }
}
