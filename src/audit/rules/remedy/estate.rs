//! The remedies of what shows only side by side: from the records that are kept of every node.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::identity::{catalogue, sound};
use super::{Cure, Part, Reissue, add, usual};
use crate::audit::{
    CertificateRecord, Estate, Finding, Location, NodeSummary, Place, Record, RecordKind, Role,
};
use crate::layout::key_beside;
use crate::remedy::{Command, Issuance, Remedy, Signer, Target, backup, copy};
use crate::x509::SubjectAltName;
use crate::x509::shell_word;

/// Where the remedies for several nodes are put together.
pub(in crate::audit) struct EstateDesk<'a> {
    estate: Estate<'a>,
    /// What is issued again because of something on one node alone, by its file: with all that it lacks.
    known: HashMap<PathBuf, Issuance>,
}

/// A certificate with its node.
#[derive(Clone, Copy)]
struct Held<'a> {
    node: &'a NodeSummary,
    record: &'a Record,
    certificate: &'a CertificateRecord,
}

impl<'a> EstateDesk<'a> {
    /// `findings` are those of the nodes, with their remedies.
    pub(in crate::audit) fn new(estate: Estate<'a>, findings: &[Finding]) -> Self {
        let mut known = HashMap::new();
        // One node has no other, and a fleet of thousands nothing that all of them lack.
        for issuance in findings.iter().flat_map(|finding| finding.remedy.issued()) {
            known.entry(issuance.target.file().to_owned()).or_insert_with(|| issuance.clone());
        }
        Self { estate, known }
    }

    /// Gives a finding its remedy.
    pub(in crate::audit) fn mend(&self, finding: &mut Finding) {
        let Some(pending) = finding.pending.take() else { return };
        let (place, cure) = *pending;
        let file = self.at(&place).map(|(_, record)| shell_word(path_of(record)));
        let cure = cure.or_else(|| usual::cure(finding.rule.id, finding.severity, false));
        let own = cure.and_then(|cure| self.composed(&cure, &place));
        let remedy = own.unwrap_or_else(|| Remedy::words(finding.rule.fix));
        finding.remedy = match file {
            Some(file) => remedy.with_file(&file),
            None => remedy,
        };
    }

    fn composed(&self, cure: &Cure, place: &Place) -> Option<Remedy> {
        let mut remedy = Remedy::default();
        for part in &cure.parts {
            let part = match part {
                Part::Said(said) => said.clone(),
                Part::Reissue(reissue) => {
                    let (node, record) = match reissue.cert {
                        Some(number) => self.numbered(number)?,
                        None => self.at(place)?,
                    };
                    self.reissue(node, record, reissue)?
                }
                Part::Aside(number) => {
                    let (_, record) = match number {
                        Some(number) => self.numbered(*number)?,
                        None => self.at(place)?,
                    };
                    Remedy::command(super::ways::put_aside(&shell_word(path_of(record))))
                }
                Part::Adopt { from, to, role } => self.adopted(*from, *to, *role)?,
                // The numbers are those of records here.
                Part::Put { from, to } => {
                    let (_, from) = self.numbered(*from)?;
                    let from = path_of(from);
                    let to = match to {
                        Some(to) => self.numbered(*to)?,
                        None => self.at(place)?,
                    };
                    Remedy::command(put(from, path_of(to.1)))
                }
                _ => return None,
            };
            remedy = remedy.then(part);
        }
        Some(remedy)
    }

    /// What a place is of.
    fn at(&self, place: &Place) -> Option<(&'a NodeSummary, &'a Record)> {
        self.numbered(place.record?)
    }

    fn numbered(&self, number: usize) -> Option<(&'a NodeSummary, &'a Record)> {
        let node = self.estate.nodes.iter().find(|node| node.records.contains(&number))?;
        Some((node, self.estate.records.get(number)?))
    }

    /// What issues a certificate again, from what its record tells.
    fn reissue(&self, node: &'a NodeSummary, record: &'a Record, reissue: &Reissue) -> Option<Remedy> {
        // Of a key, the certificate that has it.
        let of_its_key = || {
            let has_it = |other: &&Record| other.key == record.key && other.certificate.is_some();
            let own = record.key.and_then(|_| self.estate.of(node).iter().find(has_it))?;
            Some((own, own.certificate.as_deref()?))
        };
        let own = record.certificate.as_deref().map(|certificate| (record, certificate));
        let (record, certificate) = own.or_else(of_its_key)?;
        let held = Held { node, record, certificate };
        let role = reissue.role.or(record.roles.first().copied());
        if held.certificate.is_ca || role.is_some_and(Role::is_ca) {
            return None;
        }
        let by_purpose = || match &*held.certificate.purposes {
            "clientAuth" => Some("user"),
            "serverAuth" => Some("server"),
            _ => None,
        };
        let Some(profile) = role.map(Role::name).or_else(by_purpose) else {
            return Some(Remedy::words(
                "Have it issued again by whoever issued it: its purposes are those of no profile that kpki has.",
            ));
        };
        if let Some(own) = self.own_way(held, role, reissue) {
            return Some(own);
        }
        let target = self.target(held)?;
        let known =
            self.known.get(target.file()).filter(|_| reissue.called.is_none() && reissue.under.is_none());
        if let Some(known) = known {
            return Some(anew(known.clone(), reissue));
        }
        let profile = catalogue().find(profile).ok()?;
        let own = common_name(&held.certificate.subject)?;
        let called = match (&reissue.called, profile.takes_name()) {
            (_, false) => None,
            (Some(called), true) => Some(called.clone()),
            (None, true) => Some(own.strip_prefix("system:node:").unwrap_or(own).to_owned()),
        };
        let mut names = reissue.names.clone();
        if profile.needs_san() {
            let had =
                held.certificate.names.split(", ").filter_map(|name| name.to_ascii_lowercase().parse().ok());
            let had: Vec<SubjectAltName> = had.map(|name| sound(&name)).collect();
            add(&mut names, &had);
            names.sort_by_key(|name| !matches!(name, SubjectAltName::Dns(_)));
        }
        let groups = match profile.name() {
            "user" => organizations(&held.certificate.subject),
            _ => Vec::new(),
        };
        let mut signer = self.signer(held, role);
        if let Some(number) = reissue.under {
            let (_, ca) = self.numbered(number)?;
            signer.file = Some(path_of(ca).to_owned());
        }
        let issuance = Issuance {
            profile: profile.name().to_owned(),
            name: called,
            groups,
            names,
            version: None,
            algorithm: match &reissue.algorithm {
                // What is asked for is said, the usual one as well: what is there has another.
                Some(wanted) => Some(algorithm(wanted).unwrap_or("ECDSA-P256")),
                None => algorithm(&record.algorithm),
            },
            changes_algorithm: reissue.algorithm.is_some(),
            chain: false,
            signer,
            target,
        };
        Some(anew(issuance, reissue))
    }

    /// How a certificate is made anew by who has made it.
    fn own_way(&self, held: Held<'a>, role: Option<Role>, reissue: &Reissue) -> Option<Remedy> {
        let path = Path::new("/").join(held.record.location.within());
        if let Some(maker) = super::ways::Maker::of(&path) {
            return Some(Remedy::words(&*reissue.first).then(maker.renewal()).say(&*reissue.then));
        }
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if role == Some(Role::KubeletClient) && name.starts_with("kubelet-client-") {
            let own =
                common_name(&held.certificate.subject).and_then(|name| name.strip_prefix("system:node:"));
            let called = reissue.called.as_deref().or(own);
            let directory = path_of(held.record);
            let directory = directory.parent().map(Path::to_owned).unwrap_or_default();
            let mut files = self.estate.of(held.node).iter().map(path_of);
            let conf = files.find(|path| path.file_name().is_some_and(|name| name == "kubelet.conf"));
            let anew = super::ways::new_kubeconfig(called, &directory, conf);
            return Some(Remedy::words(&*reissue.first).then(anew));
        }
        None
    }

    /// A node takes over the CA of another one.
    fn adopted(&self, from: usize, to: usize, role: Role) -> Option<Remedy> {
        let ((giver, given), (node, own)) = (self.numbered(from)?, self.numbered(to)?);
        let (source, file) = (path_of(given), path_of(own));
        let key = self.estate.of(giver).iter().find(|record| {
            record.kind == RecordKind::PrivateKey && record.key.is_some() && record.key == given.key
        });
        let own_key = self.estate.of(node).iter().find(|record| {
            record.kind == RecordKind::PrivateKey && record.key.is_some() && record.key == own.key
        });
        let mut remedy = Remedy::command(put(source, file));
        let (Some(key), Some(own_key)) = (key, own_key) else {
            return Some(remedy.say(
                "Its private key was not given on both: issue the leaves of this node again where it is, with `kpki sign csr`, and restart \
                 everything here.",
            ));
        };
        remedy = remedy.run(put(path_of(key), path_of(own_key)));
        let mut done: Vec<&Location> = Vec::new();
        for record in self.estate.of(node) {
            let Some(certificate) = &record.certificate else { continue };
            let field = record.location.field.as_deref().unwrap_or_default();
            if record.roles.contains(&role) && field.ends_with(".certificate-authority-data") {
                let cluster =
                    field.strip_prefix("clusters[")?.strip_suffix("].certificate-authority-data")?;
                let conf = path_of(record);
                remedy = remedy.run(super::ca::set_cluster(conf, cluster, &shell_word(file)));
            }
            let is_its = |own: &Role| !own.is_ca() && own.authority() == role.authority();
            if certificate.position > 0
                || !record.roles.iter().any(is_its)
                || done.contains(&&record.location)
            {
                continue;
            }
            done.push(&record.location);
            if let Some(anew) = self.reissue(node, record, &Reissue { under: Some(to), ..Reissue::default() })
            {
                remedy = remedy.then(anew.without_words());
            }
        }
        Some(remedy.say("What is replaced stays beside it as a backup. Then restart everything on the node."))
    }

    /// The CA that signs: the one that has signed, or the one of the part on this node, or on any.
    fn signer(&self, held: Held<'a>, role: Option<Role>) -> Signer {
        let signer = held.certificate.signer.filter(|signer| *signer != held.certificate.fingerprint);
        let by_print = signer.and_then(|print| {
            self.estate
                .records
                .iter()
                .find(|record| record.certificate.as_ref().is_some_and(|cert| cert.fingerprint == print))
        });
        let ca = match role.and_then(Role::authority) {
            Some(crate::layout::Authority::Etcd) => Role::EtcdCa,
            Some(crate::layout::Authority::FrontProxy) => Role::FrontProxyCa,
            _ => Role::KubernetesCa,
        };
        let of_part = || {
            let own = self.estate.of(held.node).iter().chain(self.estate.records);
            own.into_iter().find(|record| record.roles.contains(&ca) && record.certificate.is_some())
        };
        let found = by_print.or_else(of_part);
        let called = found.and_then(|found| Some(found.certificate.as_ref()?.subject.to_string()));
        Signer {
            key: found.and_then(|found| found.key),
            file: None,
            called: called.unwrap_or_else(|| format!("the {ca}")),
        }
    }

    fn target(&self, held: Held<'a>) -> Option<Target> {
        let path = path_of(held.record).to_owned();
        if let Some(field) = held.record.location.field.as_deref() {
            let user = field.strip_prefix("users[")?.strip_suffix("].client-certificate-data")?;
            let current = held
                .node
                .current_users
                .iter()
                .any(|(file, own)| **file == *held.record.location.path && own == user);
            return Some(if current {
                Target::Kubeconfig(path)
            } else {
                Target::KubeconfigUser { file: path, user: user.to_owned() }
            });
        }
        let beside = key_beside(&path);
        let own = self.estate.of(held.node).iter().filter(|record| {
            record.kind == RecordKind::PrivateKey && record.key.is_some() && record.key == held.record.key
        });
        let keys: Vec<PathBuf> = own.map(|record| path_of(record).to_owned()).collect();
        if keys.contains(&path) {
            return Some(Target::Combined { file: path, key_first: false });
        }
        let named = !keys.contains(&beside);
        let key = if named { keys.into_iter().next().unwrap_or(beside) } else { beside };
        Some(Target::Pair { certificate: path, key, named, keep_key: false })
    }

    /// The files of the CA certificates that have their private keys beside them, by the SHA-256 of the key.
    pub(in crate::audit) fn signers(&self) -> HashMap<[u8; 32], PathBuf> {
        let mut found = HashMap::new();
        for node in self.estate.nodes {
            let records = self.estate.of(node);
            let alone = |record: &&Record| record.location.field.is_none();
            let keys: HashMap<&Path, [u8; 32]> = records
                .iter()
                .filter(alone)
                .filter(|record| record.kind == RecordKind::PrivateKey)
                .filter_map(|record| Some((Path::new(&*record.location.path), record.key?)))
                .collect();
            for record in records.iter().filter(alone) {
                let is_ca = record.certificate.as_ref().is_some_and(|cert| cert.is_ca && cert.position == 0);
                let beside = key_beside(Path::new(&*record.location.path));
                if let Some(key) = record.key.filter(|_| is_ca)
                    && keys.get(&*beside) == Some(&key)
                {
                    found.entry(key).or_insert_with(|| path_of(record).to_owned());
                }
            }
        }
        found
    }
}

/// The words around a certificate that is issued again.
fn anew(issuance: Issuance, reissue: &Reissue) -> Remedy {
    Remedy::words(&*reissue.first)
        .say("Issue it again:")
        .issue(issuance)
        .say("What it replaces stays beside it as a backup.")
        .say(&*reissue.then)
}

/// The path of a file as commands take it: as it was named, or of an archive that on the node.
pub(in crate::audit::rules) fn path_of(record: &Record) -> &Path {
    record.elsewhere.as_deref().unwrap_or_else(|| Path::new(&*record.location.path))
}

/// Puts the contents of one file into another.
fn put(from: &Path, to: &Path) -> Command {
    Command::written(format!("{} && {}", backup(to), copy(&shell_word(from), to)))
}

/// The common name of a subject as it is shown; none where it holds what is escaped there.
fn common_name(subject: &str) -> Option<&str> {
    let plain = (!subject.contains('\\')).then_some(subject)?;
    plain.split([',', '+']).find_map(|part| part.trim().strip_prefix("CN="))
}

/// The organizations of a subject as it is shown.
fn organizations(subject: &str) -> Vec<String> {
    let parts = subject.split([',', '+']).filter_map(|part| part.trim().strip_prefix("O="));
    parts.map(str::to_owned).collect()
}

/// An algorithm as `--algorithm` takes it, where it is not the usual one.
fn algorithm(shown: &str) -> Option<&'static str> {
    ["RSA-2048", "RSA-3072", "RSA-4096", "ECDSA-P384"].into_iter().find(|known| *known == shown)
}
