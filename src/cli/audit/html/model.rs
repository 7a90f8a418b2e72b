//! What the page is about: every distinct certificate with its places, its keys, its findings and its issuer.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use kpki::audit::{CertificateRecord, Finding, Location, Record, RecordKind, Report, Role, Severity};
use kpki::x509::hex;
use time::OffsetDateTime;

/// A certificate, however often it stands somewhere.
pub(super) struct Entry<'a> {
    /// What it says.
    pub(super) facts: &'a CertificateRecord,
    /// The algorithm of its key.
    pub(super) algorithm: &'a str,
    /// The SHA-256 of its public key.
    pub(super) key: Option<[u8; 32]>,
    /// The parts that it plays, the surest first.
    pub(super) roles: Vec<Role>,
    /// Where it stands.
    pub(super) places: Vec<&'a Location>,
    /// Where its private key stands.
    pub(super) keys: Vec<&'a Location>,
    /// The numbers of its findings in the report.
    pub(super) findings: Vec<usize>,
    /// The worst of them.
    pub(super) worst: Option<Severity>,
    /// Who signed it.
    pub(super) issuer: Issuer,
    /// How many other certificates have its key.
    pub(super) key_sharers: usize,
}

/// Who signed a certificate, by the number of the entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Issuer {
    /// It signed itself.
    Itself,
    /// It signed itself where the signature of this CA is due.
    InsteadOf(usize),
    /// This one did.
    Signed(usize),
    /// This one did, and it is not the CA of what the certificate is for.
    OtherAuthority(usize),
    /// This one has the issuer's name, and another key.
    AnotherKey(usize),
    /// None that was given has the issuer's name.
    Absent,
}

impl Issuer {
    /// The entry below which it is shown.
    pub(super) fn above(self) -> Option<usize> {
        match self {
            Self::Itself | Self::Absent => None,
            Self::InsteadOf(index)
            | Self::Signed(index)
            | Self::OtherAuthority(index)
            | Self::AnotherKey(index) => Some(index),
        }
    }
}

/// A key that stands in no certificate that was found.
pub(super) struct LoneKey<'a> {
    pub(super) places: Vec<&'a Location>,
    pub(super) roles: Vec<Role>,
    pub(super) algorithm: &'a str,
    pub(super) findings: Vec<usize>,
    pub(super) worst: Option<Severity>,
    /// Whether the private key is there.
    pub(super) private: bool,
}

/// Everything.
pub(super) struct Model<'a> {
    pub(super) report: &'a Report,
    pub(super) at: OffsetDateTime,
    pub(super) entries: Vec<Entry<'a>>,
    pub(super) lone_keys: Vec<LoneKey<'a>>,
    /// The certificates that each finding is about.
    pub(super) about: Vec<Vec<usize>>,
}

impl<'a> Model<'a> {
    pub(super) fn of(report: &'a Report) -> Self {
        let mut entries: Vec<Entry<'a>> = Vec::new();
        let mut by_fingerprint: HashMap<[u8; 32], usize> = HashMap::new();
        for record in &report.records {
            let Some(facts) = record.certificate.as_deref() else { continue };
            let index = *by_fingerprint.entry(facts.fingerprint).or_insert_with(|| {
                entries.push(Entry::new(record, facts));
                entries.len() - 1
            });
            if let Some(entry) = entries.get_mut(index) {
                entry.places.push(&record.location);
                for role in &record.roles {
                    if !entry.roles.contains(role) {
                        entry.roles.push(*role);
                    }
                }
            }
        }
        let mut model = Self { report, at: report.at, entries, lone_keys: Vec::new(), about: Vec::new() };
        let by_key = model.add_keys();
        model.add_findings(&by_fingerprint, &by_key);
        model.add_issuers(&by_fingerprint);
        model
    }

    /// How long a certificate has left.
    pub(super) fn left(&self, entry: &Entry<'_>) -> time::Duration {
        entry.facts.not_after - self.at
    }

    /// Joins private keys to their certificates, and finds those without one.
    fn add_keys(&mut self) -> HashMap<[u8; 32], Vec<usize>> {
        let mut by_key: HashMap<[u8; 32], Vec<usize>> = HashMap::new();
        for (index, entry) in self.entries.iter().enumerate() {
            if let Some(key) = entry.key {
                by_key.entry(key).or_default().push(index);
            }
        }
        for entries in by_key.values().filter(|entries| entries.len() > 1) {
            for index in entries {
                if let Some(entry) = self.entries.get_mut(*index) {
                    entry.key_sharers = entries.len() - 1;
                }
            }
        }
        let mut lone: HashMap<[u8; 32], usize> = HashMap::new();
        for record in self.report.records.iter().filter(|record| record.kind != RecordKind::Certificate) {
            let private = record.kind == RecordKind::PrivateKey;
            let owners = record.key.and_then(|key| by_key.get(&key));
            if let Some(owners) = owners {
                for index in owners.iter().filter(|_| private) {
                    if let Some(entry) = self.entries.get_mut(*index) {
                        entry.keys.push(&record.location);
                    }
                }
                continue;
            }
            let next = self.lone_keys.len();
            let index = record.key.map_or(next, |key| *lone.entry(key).or_insert(next));
            if index == next {
                self.lone_keys.push(LoneKey {
                    places: Vec::new(),
                    roles: Vec::new(),
                    algorithm: &record.algorithm,
                    findings: Vec::new(),
                    worst: None,
                    private: false,
                });
            }
            if let Some(key) = self.lone_keys.get_mut(index) {
                key.places.push(&record.location);
                key.private |= private;
                for role in &record.roles {
                    if !key.roles.contains(role) {
                        key.roles.push(*role);
                    }
                }
            }
        }
        by_key
    }

    /// Says of which certificates each finding speaks: by its block or field; otherwise those that its file is for.
    fn add_findings(
        &mut self,
        by_fingerprint: &HashMap<[u8; 32], usize>,
        by_key: &HashMap<[u8; 32], Vec<usize>>,
    ) {
        let mut records: HashMap<Spot<'a>, Vec<&'a Record>> = HashMap::new();
        for record in &self.report.records {
            records.entry(spot(&record.location)).or_default().push(record);
        }
        let mut lone_at: HashMap<Spot<'a>, usize> = HashMap::new();
        for (index, key) in self.lone_keys.iter().enumerate() {
            lone_at.extend(key.places.iter().map(|place| (spot(place), index)));
        }
        for (number, finding) in self.report.findings.iter().enumerate() {
            let mut about: BTreeSet<usize> = BTreeSet::new();
            let at_place = records.get(&spot(&finding.location)).map(Vec::as_slice).unwrap_or_default();
            for record in spoken_of(finding, at_place) {
                match (&record.certificate, record.key) {
                    (Some(facts), _) => about.extend(by_fingerprint.get(&facts.fingerprint)),
                    // The key of many certificates is a finding of its own, and not of each of them.
                    (None, Some(key)) => about.extend(by_key.get(&key).into_iter().flatten().take(8)),
                    (None, None) => {}
                }
            }
            if about.is_empty()
                && let Some(path) = certificate_beside(&finding.location.path)
            {
                let place = (finding.location.node.as_deref(), path.as_str());
                let beside = records.get(&place).and_then(|records| records.first());
                let facts = beside.and_then(|record| record.certificate.as_deref());
                about.extend(facts.and_then(|facts| by_fingerprint.get(&facts.fingerprint)).copied());
            }
            for index in &about {
                if let Some(entry) = self.entries.get_mut(*index) {
                    entry.findings.push(number);
                    entry.worst = entry.worst.max(Some(finding.severity));
                }
            }
            if let Some(key) = lone_at.get(&spot(&finding.location))
                && let Some(key) = self.lone_keys.get_mut(*key)
            {
                key.findings.push(number);
                key.worst = key.worst.max(Some(finding.severity));
            }
            self.about.push(about.into_iter().collect());
        }
    }

    fn add_issuers(&mut self, by_fingerprint: &HashMap<[u8; 32], usize>) {
        let mut by_subject: HashMap<&str, Vec<usize>> = HashMap::new();
        let mut authorities: BTreeMap<Role, Vec<usize>> = BTreeMap::new();
        for (index, entry) in self.entries.iter().enumerate() {
            if entry.is_authority() || entry.facts.is_ca {
                by_subject.entry(&entry.facts.subject).or_default().push(index);
                for role in entry.roles.iter().filter(|role| role.is_ca()) {
                    authorities.entry(*role).or_default().push(index);
                }
            }
        }
        let issuers: Vec<Issuer> = self
            .entries
            .iter()
            .enumerate()
            .map(|(index, entry)| {
                let signer =
                    entry.facts.signer.and_then(|fingerprint| by_fingerprint.get(&fingerprint)).copied();
                let due = self.authority_due(entry, &authorities);
                match signer {
                    Some(signer) if signer == index => due.map_or(Issuer::Itself, Issuer::InsteadOf),
                    Some(signer) if due.is_some() && !self.serves(signer, entry) => {
                        Issuer::OtherAuthority(signer)
                    }
                    Some(signer) => Issuer::Signed(signer),
                    None => {
                        let named = by_subject.get(&*entry.facts.issuer).map(Vec::as_slice);
                        self.nearest(entry, index, named.unwrap_or_default())
                            .map_or(Issuer::Absent, Issuer::AnotherKey)
                    }
                }
            })
            .collect();
        for (entry, issuer) in self.entries.iter_mut().zip(issuers) {
            entry.issuer = issuer;
        }
    }

    /// The CA that should have signed a leaf of which something is wrong, as its role says. Where nothing is wrong by the
    /// rules, the picture does not know better.
    fn authority_due(&self, entry: &Entry<'_>, authorities: &BTreeMap<Role, Vec<usize>>) -> Option<usize> {
        if entry.worst < Some(Severity::Medium) || entry.is_authority() {
            return None;
        }
        let role = authority_role(*entry.roles.first()?)?;
        self.nearest(entry, usize::MAX, authorities.get(&role)?)
    }

    /// Whether a CA is that of what a leaf is for.
    fn serves(&self, authority: usize, leaf: &Entry<'_>) -> bool {
        let Some(authority) = self.entries.get(authority) else { return true };
        let wanted = leaf.roles.first().copied().and_then(authority_role);
        wanted.is_none_or(|wanted| {
            authority.roles.contains(&wanted) || !authority.roles.iter().any(|role| role.is_ca())
        })
    }

    /// Of several, the one that stands on the same node, or else the first.
    fn nearest(&self, entry: &Entry<'_>, own: usize, candidates: &[usize]) -> Option<usize> {
        let node = entry.places.first().map(|place| &place.node);
        let stands_there = |index: &usize| {
            let places = self.entries.get(*index).map(|entry| entry.places.as_slice());
            places.unwrap_or_default().iter().take(64).any(|place| Some(&place.node) == node)
        };
        let mut others = candidates.iter().copied().filter(|index| *index != own).take(64);
        let first = others.clone().next();
        others.find(stands_there).or(first)
    }
}

impl<'a> Entry<'a> {
    fn new(record: &'a Record, facts: &'a CertificateRecord) -> Self {
        Self {
            facts,
            algorithm: &record.algorithm,
            key: record.key,
            roles: Vec::new(),
            places: Vec::new(),
            keys: Vec::new(),
            findings: Vec::new(),
            worst: None,
            issuer: Issuer::Absent,
            key_sharers: 0,
        }
    }

    /// The name of its element on the page.
    pub(super) fn anchor(&self) -> String {
        format!("c-{}", hex(self.facts.fingerprint.get(..10).unwrap_or_default()))
    }

    /// Whether it is there to sign others: by its role, or where it has none by its own word.
    pub(super) fn is_authority(&self) -> bool {
        if self.roles.is_empty() { self.facts.is_ca } else { self.roles.iter().any(|role| role.is_ca()) }
    }

    /// What it is, in one word or two.
    pub(super) fn label(&self) -> &'static str {
        if let Some(role) = self.roles.first() {
            return role.name();
        }
        match (self.facts.is_ca, &*self.facts.purposes) {
            (true, _) => "other CA",
            (false, purposes) if purposes.contains("serverAuth") => "other server",
            (false, purposes) if purposes.contains("clientAuth") => "other client",
            _ => "other certificate",
        }
    }
}

/// The role of the CA that signs what plays a role.
fn authority_role(role: Role) -> Option<Role> {
    let authority = role.authority()?;
    Role::ALL.into_iter().find(|candidate| candidate.is_ca() && candidate.authority() == Some(authority))
}

/// A node and a path.
type Spot<'a> = (Option<&'a str>, &'a str);

fn spot(location: &Location) -> Spot<'_> {
    (location.node.as_deref(), &location.path)
}

/// Of what stands in the file of a finding, that of which it speaks.
fn spoken_of<'a>(finding: &Finding, records: &[&'a Record]) -> Vec<&'a Record> {
    let location = &finding.location;
    if location.block.is_some() || location.field.is_some() {
        let same = |record: &&&Record| {
            record.location.block == location.block && record.location.field == location.field
        };
        return records.iter().filter(same).copied().collect();
    }
    // A file as a whole: a kubeconfig is its client certificate's more than that of the CA that it trusts.
    let is_first = |record: &&Record| record.certificate.as_ref().is_none_or(|facts| facts.position == 0);
    let firsts: Vec<&Record> = records.iter().copied().filter(is_first).collect();
    let is_ca = |record: &&&Record| record.certificate.as_ref().is_some_and(|facts| facts.is_ca);
    let leaves: Vec<&Record> = firsts.iter().copied().filter(|record| !is_ca(&record)).collect();
    let chosen = if leaves.is_empty() { firsts } else { leaves };
    chosen.into_iter().take(4).collect()
}

/// The file in which, by its name, the certificate of a key's file stands.
fn certificate_beside(path: &str) -> Option<String> {
    if let Some(stem) = path.strip_suffix("-key.pem") {
        return Some(format!("{stem}.pem"));
    }
    path.strip_suffix(".key").map(|stem| format!("{stem}.crt"))
}
