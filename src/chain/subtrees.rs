//! The subtrees of name constraints, so laid out that a name is looked up among them and not held against each: a CA may
//! have ten thousand, and a certificate as many names.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::mem::{Discriminant, discriminant};
use std::net::IpAddr;

use super::Fault;
use super::budget::{Budget, HASHED_BYTE, LOOK_UP, NORMALISED_BYTE};
use super::names::{Mailbox, normal_form};
use crate::x509::{GeneralSubtree, Name, SubjectAltName};

/// One list of subtrees, permitted or excluded.
pub(super) struct Subtrees<'a> {
    pub(super) dns: Hosts<'a>,
    pub(super) uri: Hosts<'a>,
    /// Of mailboxes: their hosts and domains, and single ones.
    pub(super) mail: Hosts<'a>,
    mailboxes: HashMap<Mailbox, &'a GeneralSubtree>,
    networks: Networks<'a>,
    directories: HashMap<Vec<u8>, &'a GeneralSubtree>,
    directory_lengths: BTreeSet<usize>,
    kinds: HashSet<Discriminant<GeneralSubtree>>,
}

/// Hosts and domains.
#[derive(Default)]
pub(super) struct Hosts<'a> {
    /// In lower case.
    bases: HashMap<String, &'a GeneralSubtree>,
    /// What follows the first label of a base, from its dot on, in lower case.
    parents: HashMap<String, &'a GeneralSubtree>,
    lengths: BTreeSet<usize>,
}

/// Networks by the length of their prefixes.
#[derive(Default)]
struct Networks<'a> {
    by_prefix: HashMap<(bool, u8), HashMap<u128, &'a GeneralSubtree>>,
}

impl<'a> Subtrees<'a> {
    /// Lays them out.
    ///
    /// # Errors
    /// There are more than the budget has room for.
    pub(super) fn of(list: &'a [GeneralSubtree], budget: &Budget) -> Result<Self, Fault> {
        let mut out = Self {
            dns: Hosts::default(),
            uri: Hosts::default(),
            mail: Hosts::default(),
            mailboxes: HashMap::new(),
            networks: Networks::default(),
            directories: HashMap::new(),
            directory_lengths: BTreeSet::new(),
            kinds: list.iter().map(discriminant).collect(),
        };
        for subtree in list {
            budget.work(LOOK_UP)?;
            match subtree {
                GeneralSubtree::Dns(base) => out.dns.add(base, subtree, budget)?,
                GeneralSubtree::Uri(base) => out.uri.add(base, subtree, budget)?,
                GeneralSubtree::Email(base) if base.contains('@') => {
                    budget.bytes(base.len(), HASHED_BYTE)?;
                    if let Some(mailbox) = Mailbox::parse(base) {
                        out.mailboxes.entry(mailbox).or_insert(subtree);
                    }
                }
                GeneralSubtree::Email(base) => out.mail.add(base, subtree, budget)?,
                GeneralSubtree::Ip(address, prefix) => out.networks.add(*address, *prefix, subtree),
                GeneralSubtree::Directory(name) => {
                    budget.bytes(name.der().len(), NORMALISED_BYTE)?;
                    let form = normal_form(name);
                    out.directory_lengths.insert(form.len());
                    out.directories.entry(form).or_insert(subtree);
                }
                _ => {}
            }
        }
        Ok(out)
    }

    /// Whether there is a subtree of a name's kind: without one the name is free.
    pub(super) fn has_kind_of(&self, name: &SubjectAltName) -> bool {
        let kind = match name {
            SubjectAltName::Dns(_) => GeneralSubtree::Dns(String::new()),
            SubjectAltName::Email(_) => GeneralSubtree::Email(String::new()),
            SubjectAltName::Uri(_) => GeneralSubtree::Uri(String::new()),
            SubjectAltName::Ip(address) => GeneralSubtree::Ip(*address, 0),
            SubjectAltName::Directory(_) => return !self.directories.is_empty(),
            SubjectAltName::Other(..) => return false,
        };
        self.kinds.contains(&discriminant(&kind))
    }

    /// The subtree that is this very mailbox.
    pub(super) fn mailbox(&self, mailbox: &Mailbox) -> Option<&'a GeneralSubtree> {
        self.mailboxes.get(mailbox).copied()
    }

    /// The network that holds an address.
    pub(super) fn network(&self, address: IpAddr) -> Option<&'a GeneralSubtree> {
        self.networks.holding(address)
    }

    /// The directory name that a name begins with, relative name by relative name.
    ///
    /// # Errors
    /// The budget is spent.
    pub(super) fn directory(
        &self,
        name: &Name,
        budget: &Budget,
    ) -> Result<Option<&'a GeneralSubtree>, Fault> {
        if self.directories.is_empty() {
            return Ok(None);
        }
        budget.bytes(name.der().len(), NORMALISED_BYTE)?;
        let form = normal_form(name);
        for length in &self.directory_lengths {
            // A relative name begins with a byte that is in no text.
            if *length > form.len() || form.get(*length).is_some_and(|next| *next != 0xff) {
                continue;
            }
            budget.bytes(*length, HASHED_BYTE)?;
            budget.work(LOOK_UP)?;
            let found = form.get(..*length).and_then(|prefix| self.directories.get(prefix));
            if let Some(subtree) = found {
                return Ok(Some(subtree));
            }
        }
        Ok(None)
    }
}

impl<'a> Hosts<'a> {
    fn add(&mut self, base: &str, subtree: &'a GeneralSubtree, budget: &Budget) -> Result<(), Fault> {
        budget.bytes(base.len(), 2 * HASHED_BYTE)?;
        let base = base.to_ascii_lowercase();
        if let Some(parent) = after_first_label(&base) {
            self.parents.entry(parent.to_owned()).or_insert(subtree);
        }
        self.lengths.insert(base.len());
        self.bases.entry(base).or_insert(subtree);
        Ok(())
    }

    /// The base that a domain lies within: the base itself or anything below it, label by label, letters in any case. A base
    /// with a dot in front holds only what is below; an empty one holds everything.
    ///
    /// # Errors
    /// The budget is spent.
    pub(super) fn holding(&self, domain: &str, budget: &Budget) -> Result<Option<&'a GeneralSubtree>, Fault> {
        self.suffix(domain, false, budget)
    }

    /// The same among bases with a dot in front alone.
    ///
    /// # Errors
    /// The budget is spent.
    pub(super) fn domain_holding(
        &self,
        domain: &str,
        budget: &Budget,
    ) -> Result<Option<&'a GeneralSubtree>, Fault> {
        self.suffix(domain, true, budget)
    }

    fn suffix(
        &self,
        domain: &str,
        dotted_only: bool,
        budget: &Budget,
    ) -> Result<Option<&'a GeneralSubtree>, Fault> {
        let domain = lower(domain);
        for length in &self.lengths {
            let Some(start) = domain.len().checked_sub(*length) else { break };
            let Some((before, base)) = domain.split_at_checked(start) else { continue };
            let dotted = base.starts_with('.');
            let whole = dotted || base.is_empty() || before.is_empty() || before.ends_with('.');
            if !whole || (dotted_only && !dotted) {
                continue;
            }
            budget.bytes(*length, HASHED_BYTE)?;
            budget.work(LOOK_UP)?;
            if let Some(subtree) = self.bases.get(base) {
                return Ok(Some(subtree));
            }
        }
        Ok(None)
    }

    /// The base that is this very host, letters in any case.
    pub(super) fn exactly(&self, host: &str) -> Option<&'a GeneralSubtree> {
        self.bases.get(lower(host).as_ref()).copied()
    }

    /// A base that `*` and what follows it in a name may stand for: one of the same parent.
    pub(super) fn sibling_of(&self, wildcard: &str) -> Option<&'a GeneralSubtree> {
        let wildcard = lower(wildcard);
        after_first_label(&wildcard).and_then(|parent| self.parents.get(parent)).copied()
    }
}

fn lower(text: &str) -> Cow<'_, str> {
    if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(text.to_ascii_lowercase())
    } else {
        Cow::Borrowed(text)
    }
}

/// From the first dot on.
fn after_first_label(name: &str) -> Option<&str> {
    name.get(name.find('.')?..)
}

impl<'a> Networks<'a> {
    fn add(&mut self, address: IpAddr, prefix: u8, subtree: &'a GeneralSubtree) {
        let of_length = self.by_prefix.entry((address.is_ipv4(), prefix)).or_default();
        of_length.entry(masked(address, prefix)).or_insert(subtree);
    }

    fn holding(&self, address: IpAddr) -> Option<&'a GeneralSubtree> {
        self.by_prefix
            .iter()
            .filter(|((v4, _), _)| *v4 == address.is_ipv4())
            .find_map(|((_, prefix), networks)| networks.get(&masked(address, *prefix)).copied())
    }
}

/// The bits of an address that a prefix covers.
fn masked(address: IpAddr, prefix: u8) -> u128 {
    let (bits, length) = match address {
        IpAddr::V4(address) => (u128::from(address.to_bits()), 32_u32),
        IpAddr::V6(address) => (address.to_bits(), 128),
    };
    let behind = length.saturating_sub(u32::from(prefix));
    bits.checked_shr(behind).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::super::names::domain_within;
    use super::*;

    #[test]
    fn domains_are_found_as_they_are_compared() {
        let bases = ["example.com", ".example.org", "", "com", "a.example.com", "EXAMPLE.net", ".", "x."];
        let names = [
            "example.com",
            "a.EXAMPLE.com",
            "badexample.com",
            "example.org",
            "a.example.org",
            "com",
            "example.net",
            "b.example.net",
            "net",
            "",
            ".",
            "x.",
            "y.x.",
            ".example.org",
            "*.example.com",
        ];
        let budget = Budget::new();
        for base in bases {
            let list = [GeneralSubtree::Dns(base.to_owned())];
            let subtrees = Subtrees::of(&list, &budget).unwrap();
            for name in names {
                let found = subtrees.dns.holding(name, &budget).unwrap().is_some();
                assert_eq!(found, domain_within(name, base), "{name} within {base}");
            }
        }
    }

    #[test]
    fn networks_and_directories() {
        let budget = Budget::new();
        let name = |attributes: &[(&str, &str)]| Name::from_attributes(attributes).unwrap();
        let list = [
            GeneralSubtree::Ip("10.0.0.9".parse().unwrap(), 8),
            GeneralSubtree::Ip("::".parse().unwrap(), 0),
            GeneralSubtree::Directory(name(&[("O", "Acme"), ("OU", "a b")])),
        ];
        let subtrees = Subtrees::of(&list, &budget).unwrap();
        let network = |address: &str| subtrees.network(address.parse().unwrap()).is_some();
        assert!(network("10.1.2.3") && !network("11.1.2.3") && network("2001:db8::1"));
        let held =
            |attributes: &[(&str, &str)]| subtrees.directory(&name(attributes), &budget).unwrap().is_some();
        assert!(held(&[("O", "acme"), ("OU", "A  b")]) && held(&[("O", "Acme"), ("OU", "a b"), ("CN", "x")]));
        assert!(!held(&[("O", "Acme"), ("OU", "a bc")]) && !held(&[("O", "Acme")]));
    }
}
