//! Where a path of a node lies in what was given.

use std::collections::{HashMap, HashSet, VecDeque};
use std::ffi::{OsStr, OsString};
use std::path::{Component, Path, PathBuf};

use crate::layout::path_names;

/// The most symbolic links in one path, as in Linux (`path_resolution(7)`).
const MOST_LINKS: usize = 40;

/// Directories of a node that are known by their names, wherever a copy of them or of what is in them lies.
const KNOWN: [&str; 19] = [
    "etc/kubernetes",
    "etc/etcd",
    "etc/ssl/etcd",
    "etc/rancher",
    "etc/k0s",
    "etc/systemd/system",
    "usr/lib/systemd/system",
    "var/lib/kubelet",
    "var/lib/kubernetes",
    "var/lib/kube-proxy",
    "var/lib/etcd",
    "var/lib/rancher",
    "var/lib/k0s",
    "var/lib/minikube",
    "var/snap/microk8s",
    "opt/kubernetes",
    "opt/etcd",
    "srv/kubernetes",
    "etc/default",
];

type ByContent = (&'static str, &'static [&'static str], &'static [&'static str], &'static [&'static str]);

/// Directories that are known by what is in them: one of the first names and all of the second, and none of the third.
const BY_CONTENT: [ByContent; 14] = [
    ("/", &["etc", "var"], &[], &[]),
    ("/var/lib/rancher/k3s", &["server/tls/serving-kube-apiserver.crt"], &[], &[]),
    ("/var/lib/rancher/k3s/server", &["tls/serving-kube-apiserver.crt"], &[], &[]),
    ("/var/lib/rancher/k3s/server/tls", &["serving-kube-apiserver.crt"], &[], &[]),
    ("/var/lib/rancher/k3s/agent", &["client-kubelet.crt", "serving-kubelet.crt"], &[], &[]),
    ("/var/lib/k0s", &["pki/server.crt"], &["pki/ca.crt", "pki/sa.pub"], &["pki/apiserver.crt"]),
    ("/var/lib/k0s/pki", &["server.crt"], &["ca.crt", "sa.pub"], &["apiserver.crt"]),
    ("/var/snap/microk8s/current/certs", &["server.crt"], &["serviceaccount.key"], &["apiserver.crt"]),
    ("/var/lib/minikube/certs", &["proxy-client.crt", "proxy-client-ca.crt"], &["apiserver.crt"], &[]),
    ("/etc/kubernetes/ssl", &["kubernetes.pem", "aggregator-proxy.pem"], &["ca.pem"], &[]),
    ("/var/lib/kubernetes", &["kube-api-server.crt", "kube-apiserver.kubeconfig"], &["ca.crt"], &[]),
    ("/var/lib/kubelet", &["kubelet-config.yaml"], &["kubeconfig"], &[]),
    ("/var/lib/kubelet", &["config.yaml"], &["pki"], &[]),
    (
        "/etc",
        &[
            "kubernetes/manifests",
            "kubernetes/pki",
            "kubernetes/admin.conf",
            "kubernetes/kubelet.conf",
            "kubernetes/super-admin.conf",
            "kubernetes/bootstrap-kubelet.conf",
            "kubernetes/controller-manager.conf",
            "kubernetes/scheduler.conf",
            "kubernetes/ssl",
        ],
        &[],
        &[],
    ),
];

/// The same, of which any of the names does.
const BY_ONE: [(&str, &[&str]); 5] = [
    (
        "/etc/kubernetes",
        &[
            "manifests",
            "pki",
            "admin.conf",
            "super-admin.conf",
            "kubelet.conf",
            "controller-manager.conf",
            "scheduler.conf",
            "bootstrap-kubelet.conf",
        ],
    ),
    (
        "/etc/kubernetes/pki",
        &[
            "apiserver.crt",
            "apiserver.pem",
            "front-proxy-ca.crt",
            "front-proxy-ca.pem",
            "sa.key",
            "sa.pub",
            "etcd",
        ],
    ),
    ("/var/lib/kubelet/pki", &["kubelet-client-current.pem", "kubelet-server-current.pem"]),
    ("/etc/etcd/pki", &["etcd.pem"]),
    ("/etc/kubernetes/pki/etcd", &["server.crt", "peer.crt", "healthcheck-client.crt"]),
];

/// Directories of which hardly anybody copies everything.
const SHALLOW: [&str; 4] = ["/", "/etc", "/var", "/var/lib"];

/// What an argument stands for on its node: the path there, and whether that is known rather than made up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Anchor {
    pub(super) on_node: PathBuf,
    pub(super) known: bool,
}

/// The place on its node for which a directory stands, and whether that is known rather than made up, by what is in it.
pub(in super::super) fn place_of_directory(path: &Path, is_there: impl Fn(&str) -> bool) -> (PathBuf, bool) {
    let Anchor { on_node, known } = anchor(path, is_there);
    (on_node, known)
}

/// The same of a single file.
pub(in super::super) fn place_of_file(path: &Path) -> (PathBuf, bool) {
    let Anchor { on_node, known } = anchor_of_file(path);
    (on_node, known)
}

/// Whether a path is among those in a directory, or leads to one of them.
pub(in super::super) fn is_among<'a>(within: &'a [&Path]) -> impl Fn(&str) -> bool + use<'a> {
    let names: HashSet<&OsStr> = within.iter().filter_map(|path| path.iter().next()).collect();
    move |wanted| {
        let first = wanted.split('/').next().unwrap_or_default();
        names.contains(OsStr::new(first))
            && (first.len() == wanted.len() || within.iter().any(|path| begins_with(path, wanted)))
    }
}

/// Whether a path leads to another one or through it; both are written plainly.
fn begins_with(path: &Path, with: &str) -> bool {
    let rest = path.as_os_str().as_encoded_bytes().strip_prefix(with.as_bytes());
    rest.is_some_and(|rest| matches!(rest.first(), None | Some(b'/')))
}

/// What a directory stands for, by its own path and by what is in it.
pub(super) fn anchor(argument: &Path, is_there: impl Fn(&str) -> bool) -> Anchor {
    let known = |on_node: &str| Anchor { on_node: on_node.into(), known: true };
    if argument == Path::new("/") {
        return known("/");
    }
    if let Some(anchor) = by_path(argument) {
        return anchor;
    }
    let by_content = BY_CONTENT.iter().find(|(_, any, all, none)| {
        any.iter().any(|name| is_there(name))
            && all.iter().all(|name| is_there(name))
            && !none.iter().any(|name| is_there(name))
    });
    let by_one =
        || BY_ONE.iter().find(|(_, any)| any.iter().any(|name| is_there(name))).map(|(place, _)| *place);
    match by_content.map(|(place, ..)| *place).or_else(by_one) {
        Some(place) => known(place),
        None => Anchor {
            on_node: PathBuf::from("/").join(argument.file_name().unwrap_or_default()),
            known: false,
        },
    }
}

/// What a single file stands for.
pub(super) fn anchor_of_file(argument: &Path) -> Anchor {
    by_path(argument).unwrap_or_else(|| Anchor {
        on_node: Path::new("/").join(argument.file_name().unwrap_or_default()),
        known: false,
    })
}

/// What a path stands for that leads through a directory which is known by its name: the last such one counts.
fn by_path(argument: &Path) -> Option<Anchor> {
    let names: Vec<&OsStr> = argument.iter().collect();
    let begins = |from: usize| {
        let rest: PathBuf = names.get(from..).unwrap_or_default().iter().collect();
        KNOWN.iter().any(|known| rest.starts_with(known)).then(|| Path::new("/").join(rest))
    };
    let on_node = (0..names.len()).rev().find_map(begins)?;
    Some(Anchor { on_node, known: true })
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
        let is_shallow = |directory: &Path| SHALLOW.iter().any(|shallow| directory.as_os_str() == *shallow);
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
            return self.what_is(path);
        }
        self.end(path).map_or(Target::Loop, |end| self.what_is(&end))
    }

    /// What is at a path, links not followed, or is not.
    fn what_is(&self, path: &Path) -> Target {
        match self.at(path) {
            Some(file) => Target::File(file),
            None if self.is_given(path) => Target::Missing,
            None => Target::Outside,
        }
    }

    /// The path at the end of the links of another one; none where they go round in a circle.
    pub(super) fn end(&self, path: &Path) -> Option<PathBuf> {
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
                return None;
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
        Some(current)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_known_by_paths_and_by_what_is_in_them() {
        for (argument, within, on_node) in [
            ("/tmp/n/var/lib/k0s/pki", vec!["ca.crt"], Some("/var/lib/k0s/pki")),
            ("/tmp/etc/kubernetes/n/var/lib/kubernetes", vec![], Some("/var/lib/kubernetes")),
            ("/backup/etc/kubernetes/ssl", vec!["ca.pem"], Some("/etc/kubernetes/ssl")),
            ("/tmp/node", vec!["etc/kubernetes/admin.conf"], Some("/")),
            (
                "/tmp/pki",
                vec!["ca.crt", "apiserver.crt", "sa.pub", "etcd/ca.crt"],
                Some("/etc/kubernetes/pki"),
            ),
            (
                "/tmp/pki",
                vec!["ca.crt", "server.crt", "sa.pub", "admin.conf", "etcd/ca.crt"],
                Some("/var/lib/k0s/pki"),
            ),
            (
                "/tmp/x",
                vec!["serving-kube-apiserver.crt", "etcd/server-ca.crt"],
                Some("/var/lib/rancher/k3s/server/tls"),
            ),
            (
                "/tmp/x",
                vec!["server.crt", "ca.crt", "serviceaccount.key"],
                Some("/var/snap/microk8s/current/certs"),
            ),
            ("/tmp/x", vec!["kubernetes.pem", "ca.pem", "aggregator-proxy.pem"], Some("/etc/kubernetes/ssl")),
            ("/tmp/x", vec!["a.crt", "b.key"], None),
        ] {
            let within: Vec<&Path> = within.into_iter().map(Path::new).collect();
            let found = anchor(Path::new(argument), is_among(&within));
            assert_eq!(found.known.then_some(found.on_node), on_node.map(PathBuf::from), "{argument}");
        }
        assert_eq!(
            anchor_of_file(Path::new("/a/etc/etcd/pki/ca.crt")).on_node,
            Path::new("/etc/etcd/pki/ca.crt")
        );
        assert!(!anchor_of_file(Path::new("/a/etcd/pki/ca.crt")).known);
    }

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
