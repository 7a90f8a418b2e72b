//! Where a file of a node lies that a kubeconfig of the node names.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::found::LARGEST;
use crate::disk::read_bounded;
use crate::layout::path_names;

/// The most symbolic links in one path, as in Linux (`path_resolution(7)`).
const MOST_LINKS: usize = 40;

/// The files of a node as one of its kubeconfigs names them.
pub(super) struct NodeFiles {
    /// The kubeconfig's directory, as the user named it: relative names start there.
    directory: PathBuf,
    /// The root of the node's tree, where the kubeconfig lies in its `etc/kubernetes`; as the user named it.
    root: Option<PathBuf>,
}

impl NodeFiles {
    /// Those of the node whose kubeconfig this is.
    pub(super) fn around(kubeconfig: &Path) -> Self {
        let directory = kubeconfig.parent().unwrap_or(Path::new("")).to_owned();
        let absolute = std::path::absolute(&directory).unwrap_or_else(|_| directory.clone());
        let root = absolute.ends_with("etc/kubernetes").then(|| root_of(&directory, &absolute));
        Self { directory, root }
    }

    /// Where a file lies that the kubeconfig names, links not followed; none where that is outside of the tree, or in a
    /// part of it that is not here.
    pub(super) fn locate(&self, named: &Path) -> Option<PathBuf> {
        if named.is_relative() {
            return Some(self.directory.join(named));
        }
        let root = self.root.as_ref()?;
        let place = root.join(named.strip_prefix("/").unwrap_or(named));
        place.parent().is_some_and(Path::is_dir).then_some(place)
    }

    /// What is in a file that the kubeconfig names; none where it is not there. Links are followed as on the node itself:
    /// an absolute one starts at its root.
    pub(super) fn read(&self, named: &Path) -> Result<Option<Zeroizing<Vec<u8>>>, String> {
        let place = match (&self.root, named.is_relative()) {
            (Some(root), false) => follow(root, named),
            _ => self.locate(named),
        };
        let place = place.ok_or("too many links, or out of the tree")?;
        match read_bounded(&place, LARGEST) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.to_string()),
        }
    }
}

/// The directory in which `directory` is `etc/kubernetes`, in the user's words where these suffice.
fn root_of(directory: &Path, absolute: &Path) -> PathBuf {
    let above = |path: &Path| path.parent().and_then(Path::parent).map(Path::to_owned);
    if directory.ends_with("etc/kubernetes") {
        let root = above(directory).unwrap_or_default();
        if root.as_os_str().is_empty() { PathBuf::from(".") } else { root }
    } else {
        above(absolute).unwrap_or_default()
    }
}

/// Where a path of the node leads within its tree.
fn follow(root: &Path, named: &Path) -> Option<PathBuf> {
    let mut rest: VecDeque<OsString> = path_names(named);
    let mut at = PathBuf::new();
    let mut links = 0;
    while let Some(name) = rest.pop_front() {
        if name == ".." {
            at.pop();
            continue;
        }
        let next = at.join(&name);
        let Ok(target) = std::fs::read_link(root.join(&next)) else {
            at = next;
            continue;
        };
        links += 1;
        if links > MOST_LINKS {
            return None;
        }
        if target.is_absolute() {
            at = PathBuf::new();
        }
        for name in path_names(&target).into_iter().rev() {
            rest.push_front(name);
        }
    }
    Some(root.join(at))
}
