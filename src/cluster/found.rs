//! What lies where a plan's files go.

use std::path::{Component, Path, PathBuf};

use zeroize::Zeroizing;

use super::entries::{Entry, Files, Kind};
use super::plan::PassphraseSource;
use crate::disk::{DiskError, read_bounded};
use crate::key::{KeyError, KeyPair};
use crate::layout::{Authority, ledger_beside};
use crate::ledger;
use crate::x509::Certificate;

/// The largest file that is read, in bytes. A bundle of a hundred certificates is a tenth of it.
pub(super) const LARGEST: u64 = 1 << 20;

/// Looks for each node's tree once: where all of it is missing, as in a new cluster of thousands of nodes, none of its
/// files is looked for.
#[derive(Default)]
pub(super) struct Trees {
    last: Option<(std::ffi::OsString, bool)>,
}

impl Trees {
    pub(super) fn is_missing(&mut self, root: &Path, file: &Path) -> bool {
        let mut components = file.components();
        let (Some(Component::Normal(first)), Some(_)) = (components.next(), components.next()) else {
            return false;
        };
        match &self.last {
            Some((known, missing)) if known == first => *missing,
            _ => {
                let looked = std::fs::symlink_metadata(root.join(first));
                let missing = looked.is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound);
                self.last = Some((first.to_owned(), missing));
                missing
            }
        }
    }
}

/// What there is of an entry's files.
pub(super) struct Found {
    pub(super) public: Option<Zeroizing<Vec<u8>>>,
    pub(super) private: Option<Zeroizing<Vec<u8>>>,
}

impl Found {
    pub(super) fn gather(root: &Path, files: &Files) -> Result<Self, DiskError> {
        Ok(match files {
            Files::Pair { public, private } => {
                Self { public: read(root, public)?, private: read(root, private)? }
            }
            Files::Single(path) => Self { public: read(root, path)?, private: None },
        })
    }

    /// Takes the private key of a run that was stopped after it had recorded the certificate and named the key, and
    /// before it named the certificate: the ledger knows the key. Any other key without its certificate stays where it
    /// is, to be refused: its certificate may lie elsewhere.
    pub(super) fn left_key(
        &mut self,
        root: &Path,
        entries: &[Entry],
        entry: &Entry,
        passphrase: PassphraseSource<'_>,
    ) -> Option<KeyPair> {
        let (None, Some(pem), Files::Pair { private, .. }) = (&self.public, &self.private, &entry.files)
        else {
            return None;
        };
        let key = read_key(pem, &root.join(private), passphrase).ok()?;
        let known = match &entry.kind {
            // A public key can be written again at any time.
            Kind::ServiceAccount { .. } => true,
            Kind::Authority { authority, .. } | Kind::Leaf(_, authority) => {
                ledger::knows_key(&root.join(ledger_path(entries, *authority)), key.public_key_der())
            }
            Kind::Kubeconfig { .. } | Kind::Copy { .. } => false,
        };
        if !known {
            return None;
        }
        self.private = None;
        Some(key)
    }

    /// All certificates of its file; none where one of them is broken.
    pub(super) fn certificates(&self) -> Vec<Certificate> {
        let text = self.public.as_ref().map_or(&[][..], |text| text.as_slice());
        Certificate::all_from_pem_or_der(text).unwrap_or_default()
    }

    pub(super) fn is_missing(&self) -> bool {
        self.public.is_none() && self.private.is_none()
    }
}

pub(super) fn read(root: &Path, path: &Path) -> Result<Option<Zeroizing<Vec<u8>>>, DiskError> {
    match read_bounded(&root.join(path), LARGEST) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

pub(super) fn read_key(
    pem: &[u8],
    path: &Path,
    passphrase: PassphraseSource<'_>,
) -> Result<KeyPair, KeyError> {
    match KeyPair::from_pem(pem, None) {
        Err(KeyError::Encrypted) => {
            passphrase(path).and_then(|passphrase| KeyPair::from_pem(pem, Some(&passphrase)))
        }
        other => other,
    }
}

/// Where the ledger of an authority lies, relative to the directory that is written to.
pub(super) fn ledger_path(entries: &[Entry], authority: Authority) -> PathBuf {
    let own = |entry: &&Entry| matches!(&entry.kind, Kind::Authority { authority: known, .. } if *known == authority);
    entries.iter().find(own).map(|entry| ledger_beside(entry.files.main())).unwrap_or_default()
}
