//! The remedies of what shows only side by side: from the records that are kept of every node.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::super::super::{Estate, Finding, Location, NodeSummary, Record, RecordKind};
use crate::layout::key_beside;
use crate::remedy::{Remedy, quoted_path};

/// Where the remedies for several nodes are put together.
pub(in crate::audit) struct EstateDesk<'a> {
    estate: Estate<'a>,
}

impl<'a> EstateDesk<'a> {
    pub(in crate::audit) fn new(estate: Estate<'a>) -> Self {
        Self { estate }
    }

    /// Gives a finding its remedy.
    pub(in crate::audit) fn mend(&self, finding: &mut Finding) {
        let Some(pending) = finding.pending.take() else { return };
        let (place, cure) = *pending;
        let file = place.record.and_then(|record| self.path(record)).map(|path| quoted_path(&path));
        let said = cure.and_then(|cure| {
            let said = cure.parts.iter().map(|part| match part {
                super::Part::Said(remedy) => Some(remedy.clone()),
                _ => None,
            });
            said.collect::<Option<Vec<_>>>()
        });
        let remedy = said.map_or_else(
            || Remedy::words(finding.rule.fix),
            |parts| parts.into_iter().fold(Remedy::default(), Remedy::then),
        );
        finding.remedy = match file {
            Some(file) => remedy.with_file(&file),
            None => remedy,
        };
    }

    /// The file of a record, as a command takes it.
    fn path(&self, number: usize) -> Option<PathBuf> {
        let node = self.estate.nodes.iter().find(|node| node.records.contains(&number))?;
        Some(path_of(node, &self.estate.records.get(number)?.location))
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
                    found.entry(key).or_insert_with(|| path_of(node, &record.location));
                }
            }
        }
        found
    }
}

/// The path of a file as a command takes it: as it was named, or of an archive that on the node.
pub(super) fn path_of(node: &NodeSummary, location: &Location) -> PathBuf {
    match &node.root {
        Some(root) if location.base == 0 => root.join(&*location.path),
        _ => PathBuf::from(&*location.path),
    }
}
