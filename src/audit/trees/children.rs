//! A directory, or an archive, of the trees of nodes.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use super::claim::{is_in, names_in};
use super::{STORES, shown};
use crate::audit::archive::{Archive, ArchiveKind, archive_kind};
use crate::audit::evidence::{is_among, place_of_directory};
use crate::audit::{AuditError, Input, Source, Store, is_whole_system};

/// What is found in each node's tree, and never beside nodes.
const PARTS: [&str; 6] = ["pki", "manifests", "etc", "var", "apiserver.crt", "admin.conf"];

/// Directories of a node's root in which something of a cluster lies.
const OF_A_ROOT: [&str; 12] = [
    "etc/kubernetes",
    "etc/etcd",
    "etc/ssl/etcd",
    "etc/rancher",
    "etc/k0s",
    "var/lib/kubelet",
    "var/lib/kubernetes",
    "var/lib/rancher",
    "var/lib/k0s",
    "var/lib/minikube",
    "var/lib/etcd",
    "var/snap/microk8s",
];

/// Names that stand in a node's tree and hardly anywhere else.
const OF_A_TREE: [&str; 17] = [
    "pki",
    "manifests",
    "admin.conf",
    "super-admin.conf",
    "kubelet.conf",
    "controller-manager.conf",
    "scheduler.conf",
    "bootstrap-kubelet.conf",
    "apiserver.crt",
    "apiserver.pem",
    "front-proxy-ca.crt",
    "front-proxy-ca.pem",
    "sa.key",
    "sa.pub",
    "kubelet-client-current.pem",
    "etcd/ca.crt",
    "etcd/server.crt",
];

/// Names of an etcd's or a kubelet's own directory, and of many another: one of them alone says little.
const PERHAPS: [&str; 6] =
    ["etcd.pem", "server.crt", "peer.crt", "healthcheck-client.crt", "kubelet.crt", "kubelet.pem"];

/// How surely something is the tree of a node.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Likeness {
    None,
    /// Where there are several.
    Perhaps,
    Surely,
}

/// Why a directory is none of nodes.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NodesError {
    /// It cannot be listed.
    #[error("{directory} cannot be listed: {reason}")]
    Unreadable {
        /// The directory; safe to show.
        directory: String,
        /// What the system says.
        reason: io::ErrorKind,
    },
    /// It is the tree of one.
    #[error("{directory} is the tree of one node")]
    IsOneNode {
        /// The directory; safe to show.
        directory: String,
    },
    /// There is no directory and no archive in it.
    #[error("{directory} holds no node's tree")]
    HoldsNone {
        /// The directory; safe to show.
        directory: String,
    },
}

impl NodesError {
    /// The same of an argument that was not said to be such a directory.
    pub(super) fn about(self, path: &Path) -> AuditError {
        let kind = match self {
            Self::Unreadable { reason, .. } => reason,
            Self::IsOneNode { .. } | Self::HoldsNone { .. } => io::ErrorKind::NotADirectory,
        };
        AuditError::Unreadable { path: path.to_owned(), source: kind.into() }
    }
}

/// Whether a directory is no tree of a node itself, and its children are.
pub(super) fn holds_nodes(directory: &Path) -> bool {
    if !directory.is_dir() || is_whole_system(directory) {
        return false;
    }
    let absolute = std::path::absolute(directory).unwrap_or_else(|_| directory.to_owned());
    let names = names_in(directory);
    if place_of_directory(&absolute, is_in(directory)).1 || likeness(directory) != Likeness::None {
        return false;
    }
    let children = names.iter().filter(|name| !is_hidden(name) && !STORES.iter().any(|store| name == store));
    are_nodes(children.map(|name| {
        let path = directory.join(name);
        if path.extension().is_some_and(|ending| ending == "tar") && path.is_file() {
            Likeness::Perhaps
        } else {
            likeness(&path)
        }
    }))
}

fn are_nodes(children: impl Iterator<Item = Likeness>) -> bool {
    let mut perhaps = 0;
    for child in children {
        match child {
            Likeness::Surely => return true,
            Likeness::Perhaps => perhaps += 1,
            Likeness::None => {}
        }
    }
    perhaps > 1
}

fn likeness(directory: &Path) -> Likeness {
    let has = |names: &[&str]| names.iter().any(|name| directory.join(name).symlink_metadata().is_ok());
    if !directory.is_dir() {
        Likeness::None
    } else if has(&OF_A_ROOT) || has(&OF_A_TREE) || is_whole_system(directory) {
        Likeness::Surely
    } else if has(&PERHAPS) {
        Likeness::Perhaps
    } else {
        Likeness::None
    }
}

fn is_hidden(name: &OsString) -> bool {
    name.as_encoded_bytes().starts_with(b".")
}

/// The same of a directory that nobody said to be one: a child that is like no node's tree lies beside them,
/// unless nothing is in it, which is told.
pub(super) fn nodes_found_in(directory: &Path) -> Result<Vec<Input>, NodesError> {
    let mut inputs = nodes_in(directory)?;
    for input in &mut inputs {
        if let [Source::Path(path)] = input.sources.as_slice()
            && likeness(path) == Likeness::None
            && !names_in(path).is_empty()
        {
            input.store = Store::Yes;
        }
    }
    Ok(inputs)
}

/// Each node of a directory, and what lies beside them: the CAs and the users' files, and single files.
///
/// # Errors
/// [`NodesError`] where it cannot be listed, or is something else.
pub fn nodes_in(directory: &Path) -> Result<Vec<Input>, NodesError> {
    let said = || shown(directory);
    let cannot = |error: io::Error| NodesError::Unreadable { directory: said(), reason: error.kind() };
    let mut children: Vec<PathBuf> = Vec::new();
    for item in std::fs::read_dir(directory).map_err(cannot)? {
        let path = item.map_err(cannot)?.path();
        if !path.file_name().is_some_and(|name| is_hidden(&name.to_owned())) {
            children.push(path);
        }
    }
    children.sort();
    if children.iter().any(|child| PARTS.iter().any(|part| child.ends_with(part))) {
        return Err(NodesError::IsOneNode { directory: said() });
    }
    // Whoever made the directory may have put a link into it that leads to somebody else's files.
    let within = directory.canonicalize().map_err(cannot)?;
    let mut inputs = Vec::new();
    let mut files = Vec::new();
    for path in children {
        let leads_out =
            path.is_symlink() && !path.canonicalize().is_ok_and(|target| target.starts_with(&within));
        let whole = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let stem = whole.strip_suffix(".tar").unwrap_or(&whole).to_owned();
        let (name, source, store) = if leads_out {
            let reason = format!(
                "{} is a symbolic link out of the directory of nodes and was not looked at: put the tree itself there",
                shown(&path)
            );
            (whole, Source::LeftOut(reason), Store::Yes)
        } else if path.is_dir() {
            let store = if STORES.contains(&whole.as_str()) { Store::Yes } else { Store::No };
            (whole, Source::Path(path), store)
        } else {
            match archive_kind(&path) {
                Some(ArchiveKind::Tar) => (stem, Source::ArchiveFile(path), Store::No),
                Some(ArchiveKind::Compressed { format, program }) => {
                    let shown = shown(&path);
                    let how = format!(
                        "{shown} is compressed with {format} and was not looked at: `{program} -dc {shown} | kpki audit -`"
                    );
                    (whole, Source::LeftOut(how), Store::No)
                }
                None => {
                    files.push(Source::Path(path));
                    continue;
                }
            }
        };
        inputs.push(Input { name: Some(name), sources: vec![source], store });
    }
    if inputs.is_empty() {
        return Err(NodesError::HoldsNone { directory: said() });
    }
    if !files.is_empty() {
        let own = within.file_name().map_or_else(said, |name| name.to_string_lossy().into_owned());
        inputs.push(Input { name: Some(own), sources: files, store: Store::Yes });
    }
    Ok(inputs)
}

/// The nodes of an archive in which the trees of several stand; the archive itself where it is of one.
pub(super) fn nodes_of(archive: Archive) -> Result<Vec<Input>, Archive> {
    let Some(depth) = depth_of_nodes(&archive) else { return Err(archive) };
    let mut nodes: BTreeMap<String, Archive> = BTreeMap::new();
    for mut entry in archive.entries {
        let mut parts = entry.path.components().skip(depth);
        let Some(name) = parts.next() else { continue };
        let name = name.as_os_str().to_string_lossy().into_owned();
        let rest: PathBuf = parts.collect();
        entry.path = rest;
        nodes.entry(name).or_default().entries.push(entry);
    }
    let one = |(name, archive): (String, Archive)| {
        let store = if STORES.contains(&name.as_str()) { Store::Yes } else { Store::No };
        Input { name: Some(name.clone()), sources: vec![Source::Archive(name, archive)], store }
    };
    let mut inputs: Vec<Input> = nodes.into_iter().map(one).collect();
    if !archive.incomplete.is_empty() {
        let sources = archive.incomplete.into_iter().map(Source::LeftOut).collect();
        inputs.push(Input { name: None, sources, store: Store::Yes });
    }
    Ok(inputs)
}

/// What is left of a path below its first names.
fn below(path: &Path, depth: usize) -> &Path {
    let mut rest = path.components();
    rest.by_ref().take(depth).for_each(drop);
    rest.as_path()
}

/// How deep in an archive the trees of nodes stand beside one another; none where it is that of one.
fn depth_of_nodes(archive: &Archive) -> Option<usize> {
    // `tar c out` puts everything into one directory.
    for depth in 0..2 {
        let names: BTreeSet<OsString> = archive
            .entries
            .iter()
            .filter_map(|entry| Some(entry.path.components().nth(depth)?.as_os_str().to_owned()))
            .collect();
        let names: Vec<OsString> = names.into_iter().collect();
        let within: Vec<&Path> = archive.entries.iter().map(|entry| below(&entry.path, depth)).collect();
        if place_of_directory(Path::new("archive"), is_among(&within)).1 {
            return None;
        }
        let mut children: BTreeMap<OsString, Likeness> = BTreeMap::new();
        for entry in &archive.entries {
            let Some(name) = entry.path.components().nth(depth) else { continue };
            let rest = below(&entry.path, depth + 1);
            let is = |marks: &[&str]| marks.iter().any(|mark| rest.starts_with(mark));
            let likeness = if is(&OF_A_ROOT) || is(&OF_A_TREE) {
                Likeness::Surely
            } else if is(&PERHAPS) {
                Likeness::Perhaps
            } else {
                Likeness::None
            };
            let known = children.entry(name.as_os_str().to_owned()).or_insert(Likeness::None);
            *known = (*known).max(likeness);
        }
        let nodes = children.iter().filter(|(name, _)| !STORES.iter().any(|store| name == store));
        if are_nodes(nodes.map(|(_, likeness)| *likeness)) {
            return Some(depth);
        }
        if names.len() != 1 {
            return None;
        }
    }
    None
}
