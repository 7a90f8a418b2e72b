//! Which certificates have a row, and what they are called.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use kpki::audit::{Blank, CertificateRecord, Expiring, Record, RecordKind, Report, Use, Why};
use kpki::layout::{Promise, key_beside};
use time::{Duration, OffsetDateTime};

/// A certificate of the table.
pub(super) struct Row<'a> {
    /// What kubeadm calls it: `apiserver`, `etcd-server`, `admin.conf`.
    pub(super) name: String,
    pub(super) record: &'a Record,
    pub(super) certificate: &'a CertificateRecord,
    /// The name of the CA that signed it, where that is among the rows; in words where it is not.
    pub(super) authority: Option<String>,
    /// Whether the key of that CA is elsewhere; none where its file could not be read.
    pub(super) external: Option<bool>,
}

/// A line without a certificate.
pub(super) struct Gap<'a> {
    pub(super) name: String,
    pub(super) blank: &'a Blank,
}

impl Gap<'_> {
    pub(super) fn is_missing(&self) -> bool {
        matches!(self.blank.why, Why::Missing(_))
    }

    pub(super) fn reason(&self) -> &str {
        match &self.blank.why {
            Why::Missing(reason) | Why::Unread(reason) => reason,
        }
    }
}

impl Row<'_> {
    pub(super) fn left(&self, at: OffsetDateTime) -> Duration {
        self.certificate.not_after - at
    }

    pub(super) fn is_expired(&self, at: OffsetDateTime) -> bool {
        self.left(at).is_negative()
    }

    pub(super) fn is_expiring(&self, at: OffsetDateTime, expiring: Expiring) -> bool {
        let CertificateRecord { not_before, not_after, .. } = *self.certificate;
        match expiring {
            Expiring::Within(duration) => not_after - at < duration,
            Expiring::Past(percent) => {
                let life = (not_after - not_before).as_seconds_f64();
                (at - not_before).as_seconds_f64() >= life * percent / 100.0
            }
        }
    }
}

/// The rows of both tables, what ends first before the rest; of what ends on the same day, by name.
pub(super) struct Rows<'a> {
    pub(super) certificates: Vec<Row<'a>>,
    pub(super) authorities: Vec<Row<'a>>,
    /// What is missing or was not read, of both.
    pub(super) gaps: Vec<Gap<'a>>,
    /// How many certificates were put aside, which have no row.
    pub(super) aside: usize,
}

impl<'a> Rows<'a> {
    pub(super) fn of(report: &'a Report) -> Self {
        let records = &report.records;
        let private: HashSet<[u8; 32]> = records
            .iter()
            .filter(|record| record.kind == RecordKind::PrivateKey)
            .filter_map(|record| record.key)
            .collect();
        let unread: HashSet<OnNode<'_>> = report
            .blanks
            .iter()
            .filter(|blank| matches!(blank.why, Why::Unread(_)))
            .map(|blank| (blank.location.node.as_deref(), &*blank.location.path))
            .collect();
        let external = |record: &Record| {
            if record.key.is_some_and(|key| private.contains(&key)) {
                return Some(false);
            }
            let key = key_beside(Path::new(&*record.location.path));
            let hidden =
                key.to_str().is_some_and(|key| unread.contains(&(record.location.node.as_deref(), key)));
            (!hidden).then_some(true)
        };
        let in_use = || records.iter().filter(|record| record.usage != Use::Old);
        let aside = records.iter().filter(|record| record.usage == Use::Old && record.certificate.is_some());
        let aside =
            aside.filter(|record| record.certificate.as_ref().is_some_and(|one| one.position == 0)).count();
        // What a kubeconfig trusts is the CA's own file again, or a CA that has none.
        let mut order: Vec<&Record> = in_use().collect();
        order.sort_by_key(|record| (record.location.field.is_some(), record.usage, record.surest));
        let mut authorities = Vec::new();
        let mut seen = HashSet::new();
        for record in order {
            if let Some(certificate) = &record.certificate
                && certificate.is_ca
                && seen.insert((record.location.node.as_deref(), certificate.fingerprint))
            {
                let external = external(record);
                let name = name(record, certificate);
                authorities.push(Row { name, record, certificate, authority: None, external });
            }
        }
        let known = |row: &Row<'_>| (row.certificate.fingerprint, (row.name.clone(), row.external));
        // Of a CA that stands on several nodes, each is called the same.
        let by_fingerprint: HashMap<[u8; 32], (String, Option<bool>)> =
            authorities.iter().rev().map(known).collect();
        let mut certificates = Vec::new();
        for record in in_use() {
            let Some(certificate) = &record.certificate else { continue };
            // Those behind the first are its chain.
            if certificate.is_ca || certificate.position > 0 {
                continue;
            }
            let signer = certificate.signer.and_then(|signer| by_fingerprint.get(&signer));
            let (authority, external) = match signer {
                Some((name, external)) => (Some(name.clone()), *external),
                None if certificate.signer == Some(certificate.fingerprint) => {
                    (Some("(self-signed)".to_owned()), Some(false))
                }
                None => (None, Some(true)),
            };
            let name = name(record, certificate);
            certificates.push(Row { name, record, certificate, authority, external });
        }
        for rows in [&mut certificates, &mut authorities] {
            rows.sort_by_cached_key(|row| {
                (row.certificate.not_after.date(), row.record.location.node.clone(), row.name.clone())
            });
        }
        // A key that was not read has no line, and what is said of its CA depends on it.
        let is_key = |blank: &&Blank| matches!(blank.promise, Some(Promise::PrivateKey | Promise::PublicKey));
        let gap = |blank: &'a Blank| {
            let Blank { location, .. } = blank;
            Gap { name: named(&location.path, location.field.is_some(), blank.is_ca, 0), blank }
        };
        let gaps = report.blanks.iter().filter(|blank| !is_key(blank)).map(gap).collect();
        Self { certificates, authorities, gaps, aside }
    }
}

/// What a certificate is called.
fn name(record: &Record, certificate: &CertificateRecord) -> String {
    if let Some(alias) = record.alias.filter(|_| certificate.position == 0) {
        alias.to_owned()
    } else {
        let in_field = record.location.field.is_some();
        named(&record.location.path, in_field, certificate.is_ca, certificate.position)
    }
}

/// A file of the PKI by its path in it, with dashes, as kubeadm does; another by its name.
fn named(path: &str, in_field: bool, is_ca: bool, position: usize) -> String {
    let file = path.rsplit('/').next().unwrap_or(path);
    if in_field {
        return if is_ca { format!("{file} (trusted CA)") } else { file.to_owned() };
    }
    let position = match position {
        0 => String::new(),
        behind => format!(" ({})", behind + 1),
    };
    if path.contains("kubelet/pki")
        || file.starts_with("kubelet")
        || Path::new(file).extension().is_some_and(|ending| ending == "conf")
    {
        return format!("{file}{position}");
    }
    let within = path.rsplit_once("pki/").map_or(path, |(_, within)| within);
    let stem = within.rsplit_once('.').map_or(within, |(stem, _)| stem);
    format!("{}{position}", stem.trim_start_matches('/').replace('/', "-"))
}

/// A path with its node.
type OnNode<'a> = (Option<&'a str>, &'a str);
