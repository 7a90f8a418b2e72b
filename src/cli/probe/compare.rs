//! Whether a server serves what a file holds.

use std::path::Path;

use kpki::inspect::Wanted;
use kpki::x509::{Certificate, TbsCertificate};
use serde::Serialize;

use super::super::Failure;
use super::super::input::Input;
use super::super::output;

/// The certificates of a file, and its name.
pub(super) struct OnDisk {
    file: String,
    leaf: Certificate,
    /// How many certificates stand in the file.
    count: usize,
}

/// What a comparison came to.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Compared {
    pub(super) file: String,
    /// Whether the leaf that is served is the first certificate of the file.
    pub(super) same: bool,
    /// `same`, `renewedOnDisk`, `olderOnDisk` or `another`.
    pub(super) state: &'static str,
    pub(super) on_disk: Side,
    pub(super) served: Side,
    /// In words.
    pub(super) words: String,
}

/// One of the two certificates.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Side {
    pub(super) subject: String,
    pub(super) serial: String,
    pub(super) not_before: String,
    pub(super) not_after: String,
    pub(super) fingerprint_sha256: String,
    /// From when to when, for people.
    #[serde(skip)]
    pub(super) life: String,
}

impl Side {
    fn of(certificate: &Certificate) -> Self {
        let tbs = &certificate.tbs;
        Self {
            subject: tbs.subject.to_string(),
            serial: tbs.serial.to_string(),
            not_before: output::rfc3339(tbs.validity.not_before),
            not_after: output::rfc3339(tbs.validity.not_after),
            fingerprint_sha256: certificate.fingerprint(),
            life: format!(
                "{} to {}",
                output::instant(tbs.validity.not_before),
                output::instant(tbs.validity.not_after)
            ),
        }
    }
}

impl OnDisk {
    /// Reads the file. Its first certificate is the one that servers take for their own.
    pub(super) fn read(path: &Path) -> Result<Self, Failure> {
        let input = Input::read(path)?;
        let mut all = input.certificates(Wanted::Own)?;
        if all.is_empty() {
            return Err(Failure::new("no certificate").at(input.name()));
        }
        Ok(Self { file: input.name(), count: all.len(), leaf: all.swap_remove(0) })
    }

    /// Compares it with what is served.
    pub(super) fn with(&self, served: &[Certificate]) -> Option<Compared> {
        let leaf = served.first()?;
        let same = leaf.der() == self.leaf.der();
        let life = |tbs: &TbsCertificate| (tbs.validity.not_before, tbs.validity.not_after);
        let (on_disk, running) = (life(&self.leaf.tbs), life(&leaf.tbs));
        let (state, words) = if same && self.count == served.len() {
            ("same", "the server serves what the file holds".to_owned())
        } else if same {
            let words = format!(
                "the certificate is that of the file, the rest of the chain is not: the file holds {}, the server sends {}",
                certificates(self.count),
                certificates(served.len())
            );
            ("same", words)
        } else if leaf.tbs.subject != self.leaf.tbs.subject {
            ("another", format!("another certificate, {}, not {}", leaf.tbs.subject, self.leaf.tbs.subject))
        } else if on_disk > running {
            ("renewedOnDisk", "renewed on disk, not restarted".to_owned())
        } else if on_disk < running {
            ("olderOnDisk", "the server has a newer one".to_owned())
        } else {
            ("another", "another certificate of the same name and age".to_owned())
        };
        Some(Compared {
            file: self.file.clone(),
            same,
            state,
            on_disk: Side::of(&self.leaf),
            served: Side::of(leaf),
            words,
        })
    }
}

fn certificates(count: usize) -> String {
    if count == 1 { "1 certificate".into() } else { format!("{count} certificates") }
}
