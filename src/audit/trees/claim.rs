//! What an argument stands for on its node.

use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use super::STORES;
use crate::audit::evidence::{place_of_directory, place_of_file};
use crate::audit::{AuditError, Source, is_whole_system};

/// An argument, and the place that it claims.
pub(super) struct Claim {
    pub(super) source: Source,
    /// Its path, absolute, links not followed.
    pub(super) path: PathBuf,
    /// Where it really lies.
    real: PathBuf,
    /// Its place on the node.
    pub(super) on_node: PathBuf,
    /// Whether that is known, rather than made up.
    pub(super) known: bool,
    /// The root of its node, where its own path says that.
    pub(super) root: Option<PathBuf>,
    is_directory: bool,
    pub(super) is_archive: bool,
}

impl Claim {
    /// What an argument claims; itself where it is no file.
    ///
    /// # Errors
    /// Where it cannot be looked at at all.
    pub(super) fn of(source: Source) -> Result<Result<Self, Source>, AuditError> {
        let (path, is_archive) = match &source {
            Source::Path(path) => (path.clone(), false),
            Source::ArchiveFile(path) => (path.clone(), true),
            Source::Archive(name, _) => {
                let path = std::path::absolute(name).unwrap_or_else(|_| name.into());
                return Ok(Ok(Self::of_stream(path.with_extension(""), source)));
            }
            Source::LeftOut(_) => return Ok(Err(source)),
        };
        let unreadable = |error| AuditError::Unreadable { path: path.clone(), source: error };
        let real = std::fs::canonicalize(&path).map_err(unreadable)?;
        let absolute = std::path::absolute(&path).map_err(unreadable)?;
        // `a/../b` is known by its real name alone.
        let is_odd = absolute.components().any(|part| part == std::path::Component::ParentDir);
        let absolute = if is_odd { real.clone() } else { absolute };
        if is_archive {
            return Ok(Ok(Self { real, ..Self::of_stream(absolute.with_extension(""), source) }));
        }
        let is_directory = real.is_dir();
        let anchor = if !is_directory {
            place_of_file(&absolute)
        } else if is_whole_system(&real) {
            (PathBuf::from("/"), true)
        } else {
            place_of_directory(&absolute, is_in(&real))
        };
        let (on_node, known) = anchor;
        let root = if known { root_of(&absolute, &on_node) } else { None };
        Ok(Ok(Self { source, path: absolute, real, on_node, known, root, is_directory, is_archive }))
    }

    fn of_stream(path: PathBuf, source: Source) -> Self {
        let real = path.clone();
        Self {
            source,
            path,
            real,
            on_node: "/".into(),
            known: true,
            root: None,
            is_directory: false,
            is_archive: true,
        }
    }

    /// Whether it is the same argument.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.real == other.real && self.is_archive == other.is_archive
    }

    /// Whether its name is that of what lies beside nodes.
    fn is_beside_nodes(&self) -> bool {
        let name = self.path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        self.root.is_none() && self.is_directory && STORES.contains(&name)
    }

    /// Whether it is of no node.
    pub(super) fn is_store(&self) -> bool {
        !self.known || self.is_beside_nodes()
    }

    /// The directory by which its node is known; none where it is no node's tree by itself.
    pub(super) fn home(&self) -> Option<PathBuf> {
        if self.is_archive {
            return Some(self.path.clone());
        }
        if self.is_store() {
            return None;
        }
        self.root.clone().or_else(|| self.path.parent().map(Path::to_owned))
    }

    /// Whether another argument with the same place is another one's.
    pub(super) fn is_apart(&self, other: &Self) -> bool {
        let nested = self.real.starts_with(&other.real) || other.real.starts_with(&self.real);
        self.is_archive || other.is_archive || !nested
    }

    /// Whether another argument claims a place within this one that this one has as well.
    pub(super) fn holds_place_of(&self, other: &Self) -> bool {
        let Ok(within) = other.on_node.strip_prefix(&self.on_node) else { return false };
        self.is_directory
            && !within.as_os_str().is_empty()
            && (self.root.is_none() || self.root != other.root)
            && !other.real.starts_with(&self.real)
            && self.real.join(within).symlink_metadata().is_ok()
    }
}

/// The directory in which a path is that of the node.
fn root_of(path: &Path, on_node: &Path) -> Option<PathBuf> {
    let relative = on_node.strip_prefix("/").ok()?;
    let root = path.ancestors().nth(relative.components().count())?;
    (root.join(relative) == path).then(|| root.to_owned())
}

/// Whether a path is in a directory. Its names are read once, for most of what is asked for is not there.
pub(super) fn is_in(directory: &Path) -> impl Fn(&str) -> bool + use<'_> {
    let names: Option<HashSet<OsString>> = std::fs::read_dir(directory)
        .ok()
        .and_then(|names| names.take(MOST).map(|entry| Some(entry.ok()?.file_name())).collect())
        .filter(|names: &HashSet<OsString>| names.len() < MOST);
    move |wanted| {
        let first = wanted.split('/').next().unwrap_or_default();
        let may_be = names.as_ref().is_none_or(|names| names.contains(OsStr::new(first)));
        may_be && directory.join(wanted).symlink_metadata().is_ok()
    }
}

/// The most names of a directory that are read to tell what it is.
const MOST: usize = 10_000;

/// The names in a directory, as many as tell what it is.
pub(super) fn names_in(directory: &Path) -> Vec<OsString> {
    let mut names: Vec<OsString> = std::fs::read_dir(directory)
        .into_iter()
        .flatten()
        .take(MOST)
        .filter_map(|entry| Some(entry.ok()?.file_name()))
        .collect();
    names.sort();
    names
}
