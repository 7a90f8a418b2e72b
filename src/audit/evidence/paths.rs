//! Where a path of a node lies in what was given.

use std::collections::{HashMap, HashSet, VecDeque};
use std::ffi::{OsStr, OsString};
use std::path::{Component, Path, PathBuf};

use crate::layout::path_names;

/// The most symbolic links in one path, as in Linux (`path_resolution(7)`).
const MOST_LINKS: usize = 40;

/// Directories of a node that are known by their names, the deepest first.
const KNOWN: [&str; 11] = [
    "/etc/kubernetes/pki/etcd",
    "/etc/kubernetes/manifests",
    "/etc/kubernetes/pki",
    "/etc/kubernetes",
    "/etc/etcd/pki",
    "/etc/etcd",
    "/var/lib/kubelet/pki",
    "/var/lib/kubelet",
    "/var/lib/rancher/k3s/server/tls",
    "/var/lib/rancher/rke2/server/tls",
    "/var/lib/etcd",
];

/// Directories of which hardly anybody copies everything.
const SHALLOW: [&str; 4] = ["/", "/etc", "/var", "/var/lib"];

/// What an argument stands for on its node: the path there, and whether that is known rather than made up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Anchor {
    pub(super) on_node: PathBuf,
    pub(super) known: bool,
}

/// The place on its node for which a directory stands, and whether that is known rather than made up.
pub(in super::super) fn place_of_directory(path: &Path, names: &[OsString]) -> (PathBuf, bool) {
    let names: Vec<&OsStr> = names.iter().map(OsString::as_os_str).collect();
    let Anchor { on_node, known } = anchor(path, &names);
    (on_node, known)
}

/// The same of a single file.
pub(in super::super) fn place_of_file(path: &Path) -> (PathBuf, bool) {
    let Anchor { on_node, known } = anchor_of_file(path);
    (on_node, known)
}

/// What a directory stands for, by its own path and by what is in it.
pub(super) fn anchor(argument: &Path, names: &[&OsStr]) -> Anchor {
    let known = |on_node: &str| Anchor { on_node: on_node.into(), known: true };
    let is_there = |wanted: &str| names.iter().any(|name| *name == wanted);
    let any = |wanted: &[&str]| wanted.iter().any(|name| is_there(name));
    if argument == Path::new("/") {
        return known("/");
    }
    if let Some(place) = KNOWN.iter().find(|place| argument.ends_with(place.trim_start_matches('/'))) {
        return known(place);
    }
    if any(&["etc", "var"]) {
        known("/")
    } else if any(&["kubernetes"]) {
        known("/etc")
    } else if any(&[
        "manifests",
        "pki",
        "admin.conf",
        "super-admin.conf",
        "kubelet.conf",
        "controller-manager.conf",
        "scheduler.conf",
        "bootstrap-kubelet.conf",
    ]) && !is_there("config.yaml")
    {
        known("/etc/kubernetes")
    } else if any(&["config.yaml"]) && is_there("pki") {
        known("/var/lib/kubelet")
    } else if any(&[
        "apiserver.crt",
        "apiserver.pem",
        "front-proxy-ca.crt",
        "front-proxy-ca.pem",
        "sa.key",
        "sa.pub",
        "etcd",
    ]) {
        known("/etc/kubernetes/pki")
    } else if any(&["kubelet-client-current.pem", "kubelet-server-current.pem"]) {
        known("/var/lib/kubelet/pki")
    } else if any(&["etcd.pem"]) {
        known("/etc/etcd/pki")
    } else if any(&["server.crt", "peer.crt", "healthcheck-client.crt"]) {
        known("/etc/kubernetes/pki/etcd")
    } else {
        Anchor { on_node: PathBuf::from("/").join(argument.file_name().unwrap_or_default()), known: false }
    }
}

/// What a single file stands for.
pub(super) fn anchor_of_file(argument: &Path) -> Anchor {
    let text = argument.to_string_lossy();
    let found = ["etc/kubernetes/", "etc/etcd/", "var/lib/kubelet/"]
        .iter()
        .find_map(|part| text.find(part).and_then(|at| text.get(at..)));
    match found {
        Some(rest) => Anchor { on_node: Path::new("/").join(rest), known: true },
        None => {
            Anchor { on_node: Path::new("/").join(argument.file_name().unwrap_or_default()), known: false }
        }
    }
}

/// Where a path leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// To this file (or directory, or whatever it is), links followed.
    File(usize),
    /// To nothing: its directory was given, and it is not there.
    Missing,
    /// Out of what was given.
    Outside,
    /// Round in a circle, or through more than 40 links.
    Loop,
}

/// The paths of a node.
#[derive(Debug, Default)]
pub(super) struct Paths {
    by_path: HashMap<PathBuf, usize>,
    links: HashMap<PathBuf, PathBuf>,
    /// The directories of the node that were looked at whole.
    pub(super) given: HashSet<PathBuf>,
    /// Directories in them that were not looked at, or not at all that is in them.
    pub(super) unread: HashSet<PathBuf>,
}

impl Paths {
    pub(super) fn insert(&mut self, on_node: PathBuf, file: usize, link: Option<&Path>) {
        if let Some(target) = link {
            self.links.insert(on_node.clone(), target.to_owned());
        }
        self.by_path.insert(on_node, file);
    }

    /// The file at a path, links not followed.
    pub(super) fn at(&self, path: &Path) -> Option<usize> {
        self.by_path.get(path).copied()
    }

    /// Whether what is not at a path is known to be missing.
    pub(super) fn is_given(&self, path: &Path) -> bool {
        // Of a root, or of its `etc`, often only some directories were copied or archived: what is not there of the others is not known.
        let is_shallow = |directory: &Path| SHALLOW.iter().any(|shallow| directory == Path::new(shallow));
        let is_seen = || {
            let mut above = path.ancestors().skip(1).take_while(|above| !is_shallow(above));
            above.any(|above| self.by_path.contains_key(above))
        };
        // In what may not be read, anything may be.
        let is_unread =
            !self.unread.is_empty() && path.ancestors().skip(1).any(|above| self.unread.contains(above));
        // An archive of files without their directories gives as many as it has files.
        let is_given = |above: &Path| self.given.contains(above) && (!is_shallow(above) || is_seen());
        !is_unread && path.ancestors().any(is_given)
    }

    /// Where an absolute path of the node leads, as it does there.
    pub(super) fn resolve(&self, path: &Path) -> Target {
        let is_plain = |part: Component<'_>| !matches!(part, Component::ParentDir);
        // Without links, which most trees are, a path is itself.
        if self.links.is_empty() && path.is_absolute() && path.components().all(is_plain) {
            return self.end(path);
        }
        let mut rest: VecDeque<OsString> = path_names(path);
        let mut current = PathBuf::from("/");
        let mut links = 0;
        while let Some(name) = rest.pop_front() {
            if name == ".." {
                current.pop();
                continue;
            }
            current.push(&name);
            let Some(target) = self.links.get(&current) else { continue };
            links += 1;
            if links > MOST_LINKS {
                return Target::Loop;
            }
            if target.is_absolute() {
                current = PathBuf::from("/");
            } else {
                current.pop();
            }
            for name in path_names(target).into_iter().rev() {
                rest.push_front(name);
            }
        }
        self.end(&current)
    }

    /// What is at a path, or is not.
    fn end(&self, path: &Path) -> Target {
        match self.at(path) {
            Some(file) => Target::File(file),
            None if self.is_given(path) => Target::Missing,
            None => Target::Outside,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_in_a_directory_that_was_not_read_is_not_known_to_be_missing() {
        let mut paths = Paths { given: HashSet::from(["/etc/kubernetes".into()]), ..Paths::default() };
        paths.unread.insert("/etc/kubernetes/pki".into());
        let resolve = |path: &str| paths.resolve(Path::new(path));
        assert_eq!(resolve("/etc/kubernetes/admin.conf"), Target::Missing);
        assert_eq!(resolve("/etc/kubernetes/pki"), Target::Missing);
        assert_eq!(resolve("/etc/kubernetes/pki/ca.crt"), Target::Outside);
        assert_eq!(resolve("/etc/kubernetes/pki/etcd/ca.crt"), Target::Outside);
        assert_eq!(resolve("/srv/ca.crt"), Target::Outside);
    }
}
