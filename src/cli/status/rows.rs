//! Which certificates have a row, and what they are called.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};

use kpki::audit::{CertificateRecord, Expiring, Record, RecordKind};
use time::{Duration, OffsetDateTime};

/// A certificate of the table.
pub(super) struct Row<'a> {
    /// What kubeadm calls it: `apiserver`, `etcd-server`, `admin.conf`.
    pub(super) name: String,
    pub(super) record: &'a Record,
    pub(super) certificate: &'a CertificateRecord,
    /// The name of the CA that signed it, where that is among the rows; in words where it is not.
    pub(super) authority: Option<String>,
    /// Whether the key of that CA is elsewhere.
    pub(super) external: bool,
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
}

impl<'a> Rows<'a> {
    pub(super) fn of(records: &'a [Record]) -> Self {
        let private: HashSet<[u8; 32]> = records
            .iter()
            .filter(|record| record.kind == RecordKind::PrivateKey)
            .filter_map(|record| record.key)
            .collect();
        let rotated = rotated(records);
        // What a kubeconfig trusts is the CA's own file again, or a CA that has none.
        let mut order: Vec<&Record> = records.iter().collect();
        order.sort_by_key(|record| record.location.field.is_some());
        let mut authorities = Vec::new();
        let mut seen = HashSet::new();
        for record in order {
            if let Some(certificate) = &record.certificate
                && certificate.is_ca
                && seen.insert((record.location.node.as_deref(), certificate.fingerprint))
            {
                let external = record.key.is_none_or(|key| !private.contains(&key));
                let name = name(record, certificate);
                authorities.push(Row { name, record, certificate, authority: None, external });
            }
        }
        let known = |row: &Row<'_>| (row.certificate.fingerprint, (row.name.clone(), row.external));
        // Of a CA that stands on several nodes, each is called the same.
        let by_fingerprint: HashMap<[u8; 32], (String, bool)> = authorities.iter().rev().map(known).collect();
        let mut certificates = Vec::new();
        for record in records {
            let Some(certificate) = &record.certificate else { continue };
            // Those behind the first are its chain.
            if certificate.is_ca
                || certificate.position > 0
                || rotated.contains(&(record.location.node.as_deref(), &*record.location.path))
            {
                continue;
            }
            let signer = certificate.signer.and_then(|signer| by_fingerprint.get(&signer));
            let (authority, external) = match signer {
                Some((name, external)) => (Some(name.clone()), *external),
                None if certificate.signer == Some(certificate.fingerprint) => {
                    (Some("(self-signed)".to_owned()), false)
                }
                None => (None, true),
            };
            let name = name(record, certificate);
            certificates.push(Row { name, record, certificate, authority, external });
        }
        for rows in [&mut certificates, &mut authorities] {
            rows.sort_by_cached_key(|row| {
                (row.certificate.not_after.date(), row.record.location.node.clone(), row.name.clone())
            });
        }
        Self { certificates, authorities }
    }
}

/// What a certificate is called: a file of the PKI by its path in it, with dashes, as kubeadm does; another by its name.
fn name(record: &Record, certificate: &CertificateRecord) -> String {
    let path = &*record.location.path;
    let file = path.rsplit('/').next().unwrap_or(path);
    if record.location.field.is_some() {
        return if certificate.is_ca { format!("{file} (trusted CA)") } else { file.to_owned() };
    }
    let position = match certificate.position {
        0 => String::new(),
        behind => format!(" ({})", behind + 1),
    };
    if path.contains("kubelet/pki") || file.starts_with("kubelet") {
        return format!("{file}{position}");
    }
    let within = path.rsplit_once("pki/").map_or(path, |(_, within)| within);
    let stem = within.rsplit_once('.').map_or(within, |(stem, _)| stem);
    format!("{}{position}", stem.trim_start_matches('/').replace('/', "-"))
}

/// A path with its node.
type OnNode<'a> = (Option<&'a str>, &'a str);

/// The files of a kubelet's earlier certificates, `kubelet-client-2026-11-23-19-30-00.pem`: it leaves them where they are.
fn rotated(records: &[Record]) -> HashSet<OnNode<'_>> {
    let mut sets: HashMap<OnNode<'_>, Vec<(&str, OffsetDateTime)>> = HashMap::new();
    for record in records {
        let Some(certificate) = &record.certificate else { continue };
        let path = &*record.location.path;
        let stem = ["kubelet-client-", "kubelet-server-"]
            .iter()
            .find_map(|stem| path.rfind(stem).map(|at| path.get(..at + stem.len()).unwrap_or_default()));
        if let Some(stem) = stem
            && certificate.position == 0
        {
            sets.entry((record.location.node.as_deref(), stem))
                .or_default()
                .push((path, certificate.not_after));
        }
    }
    let mut earlier = HashSet::new();
    for ((node, _), mut set) in sets {
        set.sort_by_key(|(_, end)| Reverse(*end));
        earlier.extend(set.into_iter().skip(1).map(|(path, _)| (node, path)));
    }
    earlier
}
