//! What is looked at of a whole system, which has a million other files: places that are known, what is named after a component wherever
//! such things lie, the units that start them, and what all these name.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use super::gather::{Found, Gatherer, shown};
use super::processes::{ProcessStat, booted};
use super::{File, FileKind};
use crate::disk::{Attributes, EntryKind, LEFT_OUT, WalkLimits, walk, walk_where};
use crate::layout::path_names;

/// Places that are looked at whole where they are there, and known to be missing where they are not.
const PLACES: [&str; 12] = [
    "etc/kubernetes",
    "etc/etcd",
    "etc/etcd.env",
    "etc/default/etcd",
    "etc/sysconfig/etcd",
    "etc/default/kubelet",
    "etc/sysconfig/kubelet",
    "var/lib/kubelet",
    "var/lib/rancher/k3s/server/tls",
    "var/lib/rancher/rke2/server/tls",
    "root/.kube",
    "etc/ssl/etcd",
];

/// Directories of which everything is looked at whose name has one of [`WORDS`] in it.
const PARENTS: [&str; 13] = [
    "etc",
    "etc/default",
    "etc/sysconfig",
    "etc/ssl",
    "etc/pki",
    "opt",
    "srv",
    "usr/local",
    "usr/local/etc",
    "var/lib",
    "var/snap",
    "root",
    "run",
];

/// What has to do with Kubernetes by its name.
const WORDS: [&str; 9] = ["kube", "k8s", "etcd", "k0s", "k3s", "rke2", "rancher", "microk8s", "hyperkube"];

/// Where units are. Of each directory those are kept that have to do with Kubernetes.
const UNITS: [&str; 5] = [
    "etc/systemd/system",
    "run/systemd/system",
    "usr/local/lib/systemd/system",
    "usr/lib/systemd/system",
    "lib/systemd/system",
];

/// Directories that are left out, an asterisk for any name: the files of pods, images, data, caches, programs.
const ASIDE: [&str; 36] = [
    "var/lib/kubelet/pods",
    "var/lib/kubelet/plugins",
    "var/lib/kubelet/plugins_registry",
    "var/lib/kubelet/device-plugins",
    "var/lib/kubelet/checkpoints",
    "var/lib/kubelet/pod-resources",
    "var/lib/*/kubelet/pods",
    "var/lib/*/kubelet/plugins",
    "var/lib/*/kubelet/plugins_registry",
    "var/lib/*/kubelet/device-plugins",
    "var/lib/k0s/bin",
    "var/lib/k0s/containerd",
    "var/lib/k0s/images",
    "var/lib/k0s/etcd",
    "var/lib/k0s/db",
    "var/lib/rancher/*/data",
    "var/lib/rancher/*/storage",
    "var/lib/rancher/*/agent/containerd",
    "var/lib/rancher/*/agent/images",
    "var/lib/rancher/*/agent/logs",
    "var/lib/rancher/*/server/static",
    "var/lib/rancher/*/server/charts",
    "var/lib/rancher/*/server/db/snapshots",
    "var/lib/rancher/*/server/db/etcd/member",
    "var/lib/minikube/binaries",
    "var/lib/minikube/images",
    "var/lib/minikube/etcd",
    "var/snap/*/common/var",
    "var/snap/*/current/var",
    "opt/*/bin",
    "opt/*/*/bin",
    "usr/local/*/bin",
    "srv/*/bin",
    "root/.kube/cache",
    "root/.minikube/machines",
    "root/.minikube/cache",
];

/// Names in [`PARENTS`] that are something else than what they sound like: etcd's data, programs, sockets.
const OTHERS: [&str; 8] = [
    "var/lib/etcd",
    "usr/local/kubectl",
    "run/kubelet",
    "run/k3s",
    "run/k0s",
    "run/etcd",
    "run/containerd",
    "root/.cache",
];

/// Directories of the system itself, of which a file that somebody names is read alone, and not what lies beside it.
const SHARED: [&str; 20] = [
    "",
    "etc",
    "etc/default",
    "etc/sysconfig",
    "etc/ssl",
    "etc/ssl/certs",
    "etc/ssl/private",
    "etc/pki/tls",
    "etc/pki/tls/certs",
    "etc/pki/tls/private",
    "etc/pki/ca-trust/extracted/pem",
    "home",
    "opt",
    "root",
    "run",
    "srv",
    "tmp",
    "usr",
    "var",
    "var/lib",
];

/// The most files beside one that somebody names that are read with it.
const MOST_BESIDE: usize = 500;

/// The most entries of one place that is known by a part of its name alone.
const MOST_IN_PLACE: usize = 20_000;

/// The most names of a directory that are looked through.
const MOST_NAMES: usize = 20_000;

/// The most homes that are asked for kubeconfigs.
const MOST_HOMES: usize = 500;

/// The largest unit that is read, in bytes; systemd reads no longer line.
const LARGEST_UNIT: u64 = 1 << 20;

/// The most symbolic links in one path, as in Linux (`path_resolution(7)`).
const MOST_LINKS: usize = 40;

/// The most processes of a running system that are looked at, by their names alone: the usual `pid_max`.
const MOST_PROCESSES: usize = 1 << 15;

/// How far one file of `/proc` is looked at: its first file alone, and little of that. `/proc/stat` has some 20 bytes for each interrupt.
const LIMITS_OF_PROC: WalkLimits = WalkLimits { entries: 1, file: 1 << 20, total: 1 << 20, depth: 1 };

/// Where a place leads within a system.
enum Way {
    /// To this place, behind no link any more, with the links on the way.
    To(PathBuf, Vec<(PathBuf, PathBuf)>),
    /// Out of the system, or round in a circle.
    Astray,
}

impl Gatherer<'_> {
    /// Reads a whole system.
    pub(super) fn system(&mut self, system: &Path) {
        for place in PLACES {
            self.place_of_system(system, Path::new(place), true);
        }
        for place in named_so(system) {
            self.place_of_system(system, &place, false);
        }
        for directory in UNITS {
            self.units(system, Path::new(directory));
        }
        self.processes(system);
        self.systems.push(system.to_owned());
    }

    /// Reads what somebody names: the file, and what lies beside it unless that is the system's own.
    pub(super) fn named(&mut self, system: &Path, path: &Path) {
        let Ok(place) = path.strip_prefix("/") else { return };
        if self.given.contains(path) {
            return;
        }
        let beside = place.parent().unwrap_or(Path::new(""));
        if let Way::To(real, _) = way(system, beside)
            && !is_shared(&real)
            && count(&system.join(&real)) <= MOST_BESIDE
        {
            self.read_place(system, beside, false, &|path| path.as_os_str().is_empty());
        } else {
            self.place_of_system(system, place, true);
        }
    }

    /// Reads one place of a whole system. What is not there is given as well where it was asked for: that it is missing is known.
    fn place_of_system(&mut self, system: &Path, place: &Path, is_asked: bool) {
        let is_wanted = |within: &Path| !is_aside(&place.join(within));
        self.read_place(system, place, is_asked, &is_wanted);
    }

    fn read_place(&mut self, system: &Path, place: &Path, is_asked: bool, is_wanted: &dyn Fn(&Path) -> bool) {
        let Way::To(place, links) = way(system, place) else {
            self.incomplete.push(format!(
                "{} is a symbolic link and was not looked at: it leads out of what was given",
                shown(place)
            ));
            return;
        };
        for (link, target) in links {
            self.push(system, &link, FileKind::Link(target), attributes_of(&system.join(&link)));
        }
        if self.given.contains(&Path::new("/").join(&place)) {
            return;
        }
        if self.left.entries == 0 {
            self.incomplete.push(format!("{} was not looked at: too much was read before it", shown(&place)));
            return;
        }
        let limits = WalkLimits {
            entries: if is_asked { self.left.entries } else { self.left.entries.min(MOST_IN_PLACE) },
            ..self.left
        };
        let whole = system.join(&place);
        let mut entries: Vec<Found> = Vec::new();
        let mut bytes = 0;
        let walked = walk_where(&whole, limits, is_wanted, &mut |entry| {
            bytes += if let EntryKind::File(Ok(contents)) = &entry.kind { contents.len() as u64 } else { 0 };
            entries.push(self.read(entry));
        });
        self.left.entries = self.left.entries.saturating_sub(entries.len());
        self.left.total = self.left.total.saturating_sub(bytes);
        match walked {
            Err(error) if !matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                self.incomplete.push(format!("{} was not looked at: {}", shown(&place), error.kind()));
                return;
            }
            _ => {
                self.given.insert(Path::new("/").join(&place));
            }
        }
        for (path, kind, attributes) in entries {
            let within = if path.as_os_str().is_empty() { place.clone() } else { place.join(path) };
            // What was left out before may be named later.
            if let FileKind::Directory(Ok(())) = &kind {
                let on_node = Path::new("/").join(&within);
                self.files.retain(|file| file.on_node != on_node || !is_left_out(&file.kind));
            }
            self.push(system, &within, kind, attributes);
        }
    }

    fn push(&mut self, system: &Path, within: &Path, kind: FileKind, attributes: Attributes) {
        let (shown, base) = self.shown(Some(system), within);
        self.files.push(File {
            shown,
            base,
            on_node: Path::new("/").join(within),
            anchored: true,
            kind,
            attributes: Some(attributes),
            found_at: Some(system.join(within)),
            left_over: OnceLock::new(),
        });
    }

    /// Reads the units of a directory that have to do with Kubernetes, by their names or by what they say, with their drop-ins and the
    /// links that start them.
    fn units(&mut self, system: &Path, directory: &Path) {
        let Way::To(place, links) = way(system, directory) else { return };
        let whole = system.join(&place);
        for (link, target) in links {
            self.push(system, &link, FileKind::Link(target), attributes_of(&system.join(&link)));
        }
        if self.given.contains(&Path::new("/").join(&place)) || !whole.is_dir() {
            return;
        }
        let limits = WalkLimits { file: LARGEST_UNIT, depth: 2, ..self.left };
        let is_wanted = |path: &Path| {
            let name = path.file_name().and_then(OsStr::to_str).unwrap_or_default();
            path.as_os_str().is_empty()
                || [".d", ".wants", ".requires"].iter().any(|ending| name.ends_with(ending))
        };
        let mut kept: Vec<Found> = Vec::new();
        let mut seen = 0;
        let walked = walk_where(&whole, limits, &is_wanted, &mut |entry| {
            seen += 1;
            let by_name = has_word(entry.path.as_os_str());
            let keeps = match &entry.kind {
                EntryKind::File(Ok(bytes)) => is_unit(&entry.path) && (by_name || says_word(bytes)),
                // What is enabled stands in these, and that nothing is says something too.
                EntryKind::Directory(_) => {
                    entry.path.as_os_str().is_empty() || by_name || is_wants(&entry.path)
                }
                _ => by_name,
            };
            if keeps {
                kept.push(self.read(entry));
            }
        });
        self.left.entries = self.left.entries.saturating_sub(seen);
        if let Err(error) = walked {
            self.incomplete.push(format!("{} was not looked at: {}", shown(&place), error.kind()));
            return;
        }
        self.given.insert(Path::new("/").join(&place));
        for (path, kind, attributes) in kept {
            let within = if path.as_os_str().is_empty() { place.clone() } else { place.join(path) };
            self.push(system, &within, kind, attributes);
        }
    }

    /// Reads when the system and the processes of the control plane started. Nothing else of `/proc` is kept.
    fn processes(&mut self, system: &Path) {
        if !stays_within(system, Path::new("proc/stat")) {
            return;
        }
        let Ok(entries) = std::fs::read_dir(system.join("proc")) else { return };
        let mut places = vec![PathBuf::from("proc/stat")];
        let names = entries.take(MOST_PROCESSES).filter_map(|entry| Some(entry.ok()?.file_name()));
        let numbers = names.filter(|name| name.as_encoded_bytes().iter().all(u8::is_ascii_digit));
        places.extend(numbers.map(|name| Path::new("proc").join(name).join("stat")));
        for place in places {
            let mut found = None;
            // A process may be gone by now.
            if !stays_within(system, &place)
                || walk(&system.join(&place), LIMITS_OF_PROC, &mut |entry| found = Some(entry)).is_err()
            {
                continue;
            }
            let Some(entry) = found else { continue };
            let EntryKind::File(Ok(bytes)) = &entry.kind else { continue };
            let wanted = ProcessStat::read(bytes).is_some_and(|process| process.program().is_some());
            if !wanted && booted(bytes).is_none() {
                continue;
            }
            let (_, kind, attributes) = self.read(entry);
            self.push(system, &place, kind, attributes);
        }
    }
}

/// Whether a directory was not entered.
fn is_left_out(kind: &FileKind) -> bool {
    matches!(kind, FileKind::Directory(Err(reason)) if reason == LEFT_OUT)
}

/// Whether a name has to do with Kubernetes.
fn has_word(name: &OsStr) -> bool {
    let name = name.to_string_lossy().to_ascii_lowercase();
    WORDS.iter().any(|word| name.contains(word))
}

/// Whether a unit starts, or a drop-in changes, what has to do with Kubernetes.
fn says_word(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    text.lines().filter(|line| !line.trim_start().starts_with(['#', ';'])).any(|line| {
        let is_start = line.contains('/') || line.contains("ExecStart");
        is_start && WORDS.iter().any(|word| line.contains(word))
    }) && text.contains("ExecStart")
}

/// Whether the links in a directory say which units are started.
fn is_wants(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "wants" || extension == "requires")
}

fn is_unit(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "service" || extension == "conf")
}

/// Whether a place is one of those that are left out.
fn is_aside(place: &Path) -> bool {
    let fits = |pattern: &&str| {
        let mut names = pattern.split('/');
        let mut own = place.iter();
        loop {
            match (names.next(), own.next()) {
                (None, None) => return true,
                (Some("*"), Some(_)) => {}
                (Some(name), Some(own)) if own == name => {}
                _ => return false,
            }
        }
    };
    ASIDE.iter().any(fits)
}

/// Whether a directory is one of the system's own.
fn is_shared(place: &Path) -> bool {
    SHARED.iter().any(|shared| Path::new(shared) == place)
        || ["usr/lib", "usr/share", "usr/bin", "usr/sbin", "proc", "sys", "dev", "boot"]
            .iter()
            .any(|above| place.starts_with(above))
        || place.parent() == Some(Path::new("home"))
}

/// How many names a directory has, up to one more than matters.
fn count(directory: &Path) -> usize {
    std::fs::read_dir(directory).map_or(usize::MAX, |entries| entries.take(MOST_BESIDE + 1).count())
}

/// The places of a system that are named after something of Kubernetes.
fn named_so(system: &Path) -> Vec<PathBuf> {
    let mut places = Vec::new();
    for parent in PARENTS.map(Path::new) {
        let Way::To(real, _) = way(system, parent) else { continue };
        for name in names(&system.join(&real)) {
            let place = parent.join(&name);
            let is_other = OTHERS.iter().any(|other| {
                let other = Path::new(other);
                place == other || other == Path::new("var/lib/etcd") && is_data(&place)
            });
            // Of somebody's home only what programs keep there.
            let is_own = parent != Path::new("root") || name.as_encoded_bytes().starts_with(b".");
            if has_word(&name) && is_own && !is_other && !is_program(&system.join(&place)) {
                // Of a snap, the revision that runs, and what all of them share.
                if parent == Path::new("var/snap") {
                    places.extend(["current", "common"].map(|part| place.join(part)));
                } else {
                    places.push(place);
                }
            }
        }
    }
    let Way::To(homes, _) = way(system, Path::new("home")) else { return places };
    for name in names(&system.join(homes)).into_iter().take(MOST_HOMES) {
        places.push(Path::new("home").join(&name).join(".kube/config"));
    }
    places.retain(|place| system.join(place).symlink_metadata().is_ok());
    places
}

/// Whether it is named as etcd's data directories are.
fn is_data(place: &Path) -> bool {
    let name = place.file_name().unwrap_or_default().to_string_lossy();
    place.parent() == Some(Path::new("var/lib")) && name.starts_with("etcd")
}

/// Whether it is a program rather than a directory or a text.
fn is_program(path: &Path) -> bool {
    /// No configuration and no certificate is larger.
    const LARGE: u64 = 4 << 20;
    path.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.len() > LARGE)
}

/// The names in a directory, sorted.
fn names(directory: &Path) -> Vec<OsString> {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let mut names: Vec<OsString> = entries.map(|entry| entry.file_name()).take(MOST_NAMES).collect();
    names.sort();
    names
}

/// Follows the links to a place as the system itself does: an absolute one begins at its root.
fn way(system: &Path, place: &Path) -> Way {
    let mut rest: VecDeque<OsString> = path_names(place);
    let mut current = PathBuf::new();
    let mut links = Vec::new();
    while let Some(name) = rest.pop_front() {
        if name == ".." {
            current.pop();
            continue;
        }
        let next = current.join(&name);
        let Ok(target) = std::fs::read_link(system.join(&next)) else {
            current = next;
            continue;
        };
        if links.len() >= MOST_LINKS {
            return Way::Astray;
        }
        if target.is_absolute() {
            current = PathBuf::new();
        }
        for name in path_names(&target).into_iter().rev() {
            rest.push_front(name);
        }
        links.push((next, target));
    }
    // What a link leads to lies elsewhere, unless it is here as well.
    if !links.is_empty() && system.join(&current).symlink_metadata().is_err() {
        return Way::Astray;
    }
    Way::To(current, links)
}

/// What the file system says of a link or a directory itself; nothing where it is gone.
pub(super) fn attributes_of(path: &Path) -> Attributes {
    let attributes = |metadata: std::fs::Metadata| Attributes {
        mode: metadata.mode() & 0o7777,
        uid: metadata.uid(),
        gid: metadata.gid(),
        size: metadata.size(),
        links: metadata.nlink(),
        acl: false,
        modified: Some(metadata.mtime()),
    };
    path.symlink_metadata().map(attributes).unwrap_or_default()
}

/// Whether no directory above a place within a system is a symbolic link.
pub(super) fn stays_within(system: &Path, place: &Path) -> bool {
    let mut current = system.to_owned();
    let above = place.parent().unwrap_or(Path::new(""));
    above.components().all(|component| {
        current.push(component);
        std::fs::symlink_metadata(&current).map_or(true, |metadata| !metadata.is_symlink())
    })
}
