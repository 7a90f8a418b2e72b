//! Where the nodes' trees lie within a directory, and where a path of a node lies within its tree.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::RehearseError;
use crate::layout::{Layout, Naming, path_names};

/// The most directories that are looked at for nodes: `kpki init` writes one for each, and clusters of 5,000 nodes are
/// the largest that Kubernetes supports.
const MOST_NODES: usize = 10_000;
/// The most symbolic links in one path, as in Linux (`path_resolution(7)`).
const MOST_LINKS: usize = 40;

/// What a directory stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// The root of a node's file system.
    Root,
    /// `/etc/kubernetes`.
    EtcKubernetes,
    /// A PKI directory: `/etc/kubernetes/pki`.
    Pki,
    /// etcd's part of one: `/etc/kubernetes/pki/etcd` or `/etc/etcd/pki`.
    EtcdPki,
}

/// The tree of one node.
#[derive(Debug, Clone)]
pub(super) struct Tree {
    /// The directory.
    pub(super) directory: PathBuf,
    /// What it stands for.
    pub(super) shape: Shape,
    /// How its files are named, and where they lie from the node's root on.
    pub(super) layout: Layout,
    /// Directories of the node, absolute there, and where they lie here; the deepest first.
    mounts: Vec<(PathBuf, PathBuf)>,
}

/// The trees within a directory.
#[derive(Debug)]
pub(super) struct Found {
    /// Each with the name of its directory, where that is the node's.
    pub(super) trees: Vec<(Option<String>, Tree)>,
    /// The kubeconfigs of users, who are on no node.
    pub(super) users: Vec<PathBuf>,
    /// What is worth saying about what was found.
    pub(super) notes: Vec<String>,
}

/// Finds the nodes' trees.
///
/// # Errors
/// [`RehearseError`] when the directory cannot be read or holds none.
pub(super) fn find(directory: &Path) -> Result<Found, RehearseError> {
    let unreadable = |error: std::io::Error| RehearseError::Unreadable {
        directory: super::shown(directory),
        reason: error.to_string(),
    };
    // Absolute, so that `.` and `pki/..` are known by their names; links in it are the user's own way to say it.
    let directory = std::path::absolute(directory).map_err(unreadable)?;
    let entries = std::fs::read_dir(&directory).map_err(unreadable)?;
    // etcd's own directory in kpki's layout says by itself what it is.
    if let Some(root) = root_around(&directory).filter(|_| shape(&directory) != Some(Shape::EtcdPki)) {
        let tree = Tree::new(root, Shape::Root);
        return Ok(Found { trees: vec![(None, tree)], users: Vec::new(), notes: Vec::new() });
    }
    if let Some(shape) = shape(&directory) {
        let tree = Tree::new(&directory, shape);
        let notes = tree.beyond().into_iter().collect();
        return Ok(Found { trees: vec![(None, tree)], users: Vec::new(), notes });
    }
    let mut names: Vec<OsString> =
        entries.flatten().map(|entry| entry.file_name()).take(MOST_NODES).collect();
    names.sort();
    let trees: Vec<_> = names
        .iter()
        .filter_map(|name| {
            let path = directory.join(name);
            // What the whole cluster shares is no node's.
            let shape = shape(&path).filter(|_| name != "ca" && name != "users")?;
            Some((Some(name.to_string_lossy().into_owned()), Tree::new(&path, shape)))
        })
        .collect();
    if trees.is_empty() {
        return Err(RehearseError::NoTree { directory: super::shown(&directory) });
    }
    let users = conf_files(&directory.join("users"));
    Ok(Found { trees, users, notes: Vec::new() })
}

/// The kubeconfigs of a directory, by name.
fn conf_files(directory: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "conf"))
        .take(MOST_NODES)
        .collect();
    files.sort();
    files
}

/// What lies in a node's root, whoever installed it.
const IN_ROOT: [&str; 14] = [
    "etc/kubernetes",
    "etc/etcd",
    "etc/etcd.env",
    "etc/ssl/etcd",
    "etc/rancher",
    "etc/k0s",
    "var/lib/kubelet",
    "var/lib/kubernetes",
    "var/lib/rancher",
    "var/lib/k0s",
    "var/lib/minikube",
    "var/snap/microk8s",
    "opt/kubernetes",
    "opt/etcd",
];

/// The root of the node around a directory that is known by its path: `n` for `n/var/lib/k0s/pki`.
fn root_around(directory: &Path) -> Option<&Path> {
    let known = IN_ROOT.iter().filter(|place| **place != "etc/kubernetes" && **place != "etc/etcd.env");
    directory.ancestors().find_map(|above| {
        let place = known.clone().find(|place| above.ends_with(place))?;
        above.ancestors().nth(Path::new(place).components().count())
    })
}

/// What a directory stands for, if it is a node's.
fn shape(directory: &Path) -> Option<Shape> {
    let has = |names: &[&str]| names.iter().any(|name| directory.join(name).exists());
    if has(&IN_ROOT) {
        Some(Shape::Root)
    } else if has(&["kubelet.conf", "admin.conf", "controller-manager.conf", "scheduler.conf", "manifests"])
        || has(&[
            "pki/ca.crt",
            "pki/ca.pem",
            "pki/apiserver.crt",
            "pki/apiserver.pem",
            "bootstrap-kubelet.conf",
        ])
    {
        Some(Shape::EtcKubernetes)
    } else if has(&["apiserver.crt", "apiserver.pem", "kubelet.crt", "kubelet.pem"])
        || has(&[
            "etcd/ca.crt",
            "etcd/server.crt",
            "etcd/peer.crt",
            "front-proxy-ca.crt",
            "front-proxy-ca.pem",
        ])
    {
        Some(Shape::Pki)
    } else if has(&["server.crt", "peer.crt", "healthcheck-client.crt", "etcd.pem"]) {
        Some(Shape::EtcdPki)
    } else {
        None
    }
}

/// How the files of a tree are named: as whatever of it is there.
fn naming(directory: &Path, shape: Shape) -> Naming {
    let within: &[&str] = match shape {
        Shape::Root => &["etc/etcd/pki/ca.pem", "etc/etcd/pki/etcd.pem", "etc/kubernetes/pki/ca.pem"],
        Shape::EtcKubernetes => &["pki/ca.pem", "pki/apiserver.pem", "pki/kubelet.pem"],
        Shape::Pki => &["ca.pem", "apiserver.pem", "kubelet.pem"],
        Shape::EtcdPki => &["etcd.pem"],
    };
    let is_pem = within.iter().any(|name| directory.join(name).exists());
    if is_pem { Naming::Pem } else { Naming::Kubeadm }
}

impl Tree {
    fn new(directory: &Path, shape: Shape) -> Self {
        let layout = Layout::node(naming(directory, shape));
        let root = PathBuf::from("/");
        let mounts = match shape {
            Shape::Root => vec![(root, directory.to_owned())],
            Shape::EtcKubernetes => {
                let mut mounts = vec![(root.join(&layout.kubeconfigs), directory.to_owned())];
                // The rest of the node lies around it where the directory is in its place.
                mounts.extend(above(directory, &layout.kubeconfigs).map(|around| (root, around)));
                mounts
            }
            Shape::Pki => vec![(root.join(&layout.pki), directory.to_owned())],
            Shape::EtcdPki => vec![(root.join(&layout.etcd), directory.to_owned())],
        };
        Self { directory: directory.to_owned(), shape, layout, mounts }
    }

    /// A word about the files around a PKI directory, which say how it is used.
    fn beyond(&self) -> Option<String> {
        let around = self.directory.parent()?;
        let known = self.shape == Shape::Pki && shape(around) == Some(Shape::EtcKubernetes);
        known.then(|| {
            format!("{} holds the kubeconfigs and manifests that use it: rehearse that", super::shown(around))
        })
    }

    /// The path on the node of a file of the layout, without links followed.
    pub(super) fn on_node(relative: &Path) -> PathBuf {
        Path::new("/").join(relative)
    }

    /// Where a path of the node lies here; `None` when it lies outside of the tree.
    fn map(&self, path: &Path) -> Option<PathBuf> {
        self.mounts.iter().find_map(|(there, here)| path.strip_prefix(there).ok().map(|rest| here.join(rest)))
    }

    /// Whether a path of the node lies within the tree, links not followed.
    pub(super) fn holds(&self, path: &Path) -> bool {
        self.map(path).is_some()
    }

    /// Where a file of the node, by its absolute path there, lies here. Symbolic links are followed as on the node
    /// itself: an absolute one starts at its root, which is not this machine's.
    pub(super) fn locate(&self, path: &Path) -> Option<PathBuf> {
        let mut rest: VecDeque<OsString> = path_names(path);
        let mut current = PathBuf::from("/");
        let mut links = 0;
        while let Some(name) = rest.pop_front() {
            if name == ".." {
                current.pop();
                continue;
            }
            let next = current.join(&name);
            let target = self.map(&next).and_then(|here| std::fs::read_link(here).ok());
            let Some(target) = target else {
                current = next;
                continue;
            };
            links += 1;
            if links > MOST_LINKS {
                return None;
            }
            if target.is_absolute() {
                current = PathBuf::from("/");
            }
            for name in path_names(&target).into_iter().rev() {
                rest.push_front(name);
            }
        }
        self.map(&current)
    }

    /// Where a file of the node lies here, links not followed: for showing it.
    pub(super) fn place(&self, path: &Path) -> PathBuf {
        self.map(path).unwrap_or_else(|| path.to_owned())
    }
}

/// The directory in which `directory` is `relative`.
fn above(directory: &Path, relative: &Path) -> Option<PathBuf> {
    let around = directory.ancestors().nth(relative.components().count())?;
    (around.join(relative) == directory).then(|| around.to_owned())
}
