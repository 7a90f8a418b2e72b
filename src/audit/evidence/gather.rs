//! From directories, files and archives to evidence.

use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, OnceLock};

use super::paths::{Anchor, Paths, anchor, anchor_of_file};
use super::processes::{ProcessStat, booted};
use super::refer::{etcd_environment, pods, refer};
use super::{
    File, FileKind, FoundCertificate, FoundKey, Known, Node, NodeKind, Signing, Target, Use, linking, places,
    roles,
};
use crate::audit::Input;
use crate::audit::archive::{Archive, compression_of, is_archive, read_archive};
use crate::audit::role::Role;
use crate::disk::{Attributes, Entry, EntryKind, WalkLimits, walk};
use crate::inspect::Content;
use crate::manifest::Component;
use crate::profile::KubernetesVersion;
use crate::x509::{Printable, sha256};

/// How far one argument is looked at: a node's PKI has some fifty files, and the largest revocation list of a cluster's CA a few MiB.
pub const LIMITS: WalkLimits = WalkLimits { entries: 100_000, file: 4 << 20, total: 256 << 20, depth: 32 };

/// The places of a whole system that are looked at: it has a million other files.
const PLACES: [&str; 15] = [
    "etc/kubernetes",
    "etc/etcd",
    "etc/etcd.env",
    "etc/default/etcd",
    "etc/sysconfig/etcd",
    "var/lib/kubelet/config.yaml",
    "var/lib/kubelet/kubeadm-flags.env",
    "var/lib/kubelet/pki",
    "etc/default/kubelet",
    "etc/sysconfig/kubelet",
    "var/lib/rancher/k3s/server/tls",
    "var/lib/rancher/rke2/server/tls",
    "var/lib/rancher/rke2/agent/pod-manifests",
    "root/.kube/config",
    "etc/ssl/etcd",
];

/// Why what is in etcd's data directory is not known.
pub const ATTRIBUTES_ONLY: &str = "only its mode and owner are looked at";

/// The most files that are read because somebody names them.
const MOST_REFERENCED: usize = 500;

/// The most certificates of one node that are looked at, each of its places counted: names of one file in an archive have thousands
/// each, and each takes memory.
const MOST_CERTIFICATES: usize = 100_000;

/// The most processes of a running system that are looked at, by their names alone: the usual `pid_max`.
const MOST_PROCESSES: usize = 1 << 15;

/// How far one file of `/proc` is looked at: its first file alone, and little of that. `/proc/stat` has some 20 bytes for each interrupt.
const LIMITS_OF_PROC: WalkLimits = WalkLimits { entries: 1, file: 1 << 20, total: 1 << 20, depth: 1 };

/// Whether the CAs and users that stand beside the nodes' trees are meant, which are no node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Store {
    /// A node's tree.
    No,
    /// A directory of CAs or users.
    Yes,
}

/// Where evidence comes from.
#[derive(Debug)]
pub enum Source {
    /// A directory or a file.
    Path(PathBuf),
    /// An archive that was read, with its name.
    Archive(String, Archive),
    /// An archive that is a file.
    ArchiveFile(PathBuf),
    /// Something that is not read, and why; safe to show.
    LeftOut(String),
}

/// Everything that is found under some arguments, as one node.
///
/// # Errors
/// With the argument, where one cannot be examined at all.
pub(in super::super) fn gather(
    input: Input,
    version: Option<KubernetesVersion>,
    known: &Known,
) -> Result<Node, (PathBuf, io::Error)> {
    let prefix = input.prefix();
    let Input { name, sources, store } = input;
    let name: Option<Arc<str>> = name.map(|name| Arc::from(Printable(&name).to_string()));
    let mut gatherer = Gatherer {
        known,
        files: Vec::new(),
        given: HashSet::new(),
        incomplete: Vec::new(),
        systems: Vec::new(),
        left: LIMITS,
        named: name.is_some(),
        prefix,
    };
    for source in sources {
        match source {
            Source::Path(path) => gatherer.path(&path).map_err(|error| (path, error))?,
            Source::Archive(name, archive) => gatherer.archive(Path::new(&name), archive),
            Source::LeftOut(reason) => gatherer.incomplete.push(reason),
            Source::ArchiveFile(path) => {
                let file = std::fs::File::open(&path).map_err(|error| (path.clone(), error))?;
                match read_archive(file, LIMITS) {
                    Ok(archive) => gatherer.archive(&path, archive),
                    Err(error) => gatherer.incomplete.push(format!("{}: {error}", shown(&path))),
                }
            }
        }
    }
    Ok(gatherer.finish(name.as_ref(), store, version))
}

/// Whether a directory is the root of a whole system, of which only some places are looked at.
pub fn is_whole_system(argument: &Path) -> bool {
    ["usr", "etc"].iter().all(|name| argument.join(name).is_dir())
}

struct Gatherer<'a> {
    known: &'a Known,
    files: Vec<File>,
    /// Directories of the node that were looked at whole.
    given: HashSet<PathBuf>,
    incomplete: Vec<String>,
    /// Whole systems, of which more files may be read.
    systems: Vec<PathBuf>,
    /// How much more may be read of whole systems, whoever names it.
    left: WalkLimits,
    /// Whether the node is one of several, whose name tells where a path begins.
    named: bool,
    /// What is left away of a path that is shown.
    prefix: Option<PathBuf>,
}

impl Gatherer<'_> {
    fn path(&mut self, argument: &Path) -> io::Result<()> {
        std::fs::metadata(argument)?;
        if !is_whole_system(argument) {
            let mut entries = Vec::new();
            walk(argument, LIMITS, &mut |entry| entries.push(self.read(entry)))?;
            self.place(argument, entries);
            return Ok(());
        }
        for place in PLACES {
            self.place_of_system(argument, Path::new(place));
        }
        self.processes(argument);
        self.systems.push(argument.to_owned());
        Ok(())
    }

    /// Reads one place of a whole system. What is not there is given as well: that it is missing is known.
    fn place_of_system(&mut self, argument: &Path, place: &Path) {
        // The place and the directories above may be links that lead out of the system, unless it is the one that runs.
        let is_link =
            |path: &Path| std::fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_symlink());
        let whole = argument.join(place);
        let leads_out = argument != Path::new("/") && is_link(&whole);
        if leads_out || !stays_within(argument, place) {
            let what = if leads_out { "is" } else { "lies behind" };
            self.incomplete.push(format!("{} {what} a symbolic link and was not looked at", shown(place)));
            return;
        }
        if self.left.entries == 0 {
            self.incomplete.push(format!("{} was not looked at: too much was read before it", shown(place)));
            return;
        }
        let mut entries = Vec::new();
        let mut bytes = 0;
        let walked = walk(&whole, self.left, &mut |entry| {
            bytes += if let EntryKind::File(Ok(contents)) = &entry.kind { contents.len() as u64 } else { 0 };
            entries.push(self.read(entry));
        });
        self.left.entries = self.left.entries.saturating_sub(entries.len());
        self.left.total = self.left.total.saturating_sub(bytes);
        match walked {
            Err(error) if !matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                self.incomplete.push(format!("{} was not looked at: {}", shown(place), error.kind()));
                return;
            }
            _ => {
                self.given.insert(Path::new("/").join(place));
            }
        }
        for (path, kind, attributes) in entries {
            let within = if path.as_os_str().is_empty() { place.to_owned() } else { place.join(path) };
            let (shown, base) = self.shown(Some(argument), &within);
            self.files.push(File {
                shown,
                base,
                on_node: Path::new("/").join(&within),
                anchored: true,
                kind,
                attributes: Some(attributes),
                found_at: Some(argument.join(&within)),
                command_name: OnceLock::new(),
                left_over: OnceLock::new(),
            });
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
            let (shown, base) = self.shown(Some(system), &place);
            self.files.push(File {
                shown,
                base,
                on_node: Path::new("/").join(&place),
                anchored: true,
                kind,
                attributes: Some(attributes),
                found_at: Some(system.join(&place)),
                command_name: OnceLock::new(),
                left_over: OnceLock::new(),
            });
        }
    }

    fn archive(&mut self, argument: &Path, archive: Archive) {
        let read = archive.entries.into_iter().map(|entry| self.read(entry)).collect();
        self.incomplete.extend(archive.incomplete);
        self.place_as(argument, read, false);
    }

    /// Takes in an entry. Its bytes are gone after that.
    fn read(&self, entry: Entry) -> Found {
        let kind = match entry.kind {
            EntryKind::File(Ok(bytes)) => FileKind::Regular(match archived(&entry.path, &bytes) {
                Some(reason) => Err(reason),
                None => Ok(self.known.read(&bytes)),
            }),
            EntryKind::File(Err(reason)) => FileKind::Regular(Err(reason)),
            EntryKind::Directory(walked) => FileKind::Directory(walked),
            EntryKind::Link(target) => FileKind::Link(target),
            EntryKind::Special(what) => FileKind::Special(what),
        };
        (entry.path, kind, entry.attributes)
    }

    /// How a path within an argument is shown, and how much of that is the argument.
    fn shown(&self, argument: Option<&Path>, within: &Path) -> (Arc<str>, usize) {
        let known = argument.filter(|argument| *argument != Path::new("."));
        let Some(argument) = known else { return (shown(within).into(), 0) };
        if let Some(prefix) = &self.prefix {
            let whole = argument.join(within);
            return (shown(whole.strip_prefix(prefix).unwrap_or(&whole)).into(), 0);
        }
        if self.named {
            return (shown(within).into(), 0);
        }
        let whole = shown(&argument.join(within));
        let base = whole.len() - shown(within).len();
        (whole.into(), base)
    }

    fn place(&mut self, argument: &Path, entries: Vec<Found>) {
        self.place_as(argument, entries, true);
    }

    fn place_as(&mut self, argument: &Path, entries: Vec<Found>, on_disk: bool) {
        let absolute = std::path::absolute(argument).unwrap_or_else(|_| argument.to_owned());
        let single = matches!(entries.as_slice(), [(path, kind, _)] if path.as_os_str().is_empty() && !matches!(kind, FileKind::Directory(_)));
        let Anchor { on_node, known } = if single {
            anchor_of_file(&absolute)
        } else {
            let mut names: Vec<&OsStr> = entries
                .iter()
                .filter_map(|(path, _, _)| path.components().next())
                .map(std::path::Component::as_os_str)
                .collect();
            names.dedup();
            anchor(if on_disk { &absolute } else { Path::new("archive") }, &names)
        };
        if known && !single {
            self.given.extend(given(&on_node, &entries));
        }
        for (path, kind, attributes) in entries {
            let (text, base) = if path.as_os_str().is_empty() {
                let within = self.prefix.as_ref().and_then(|prefix| argument.strip_prefix(prefix).ok());
                let within = within.filter(|within| !within.as_os_str().is_empty());
                (shown(within.unwrap_or(argument)).into(), 0)
            } else {
                self.shown(on_disk.then_some(argument), &path)
            };
            let within =
                |base: &Path| if path.as_os_str().is_empty() { base.to_owned() } else { base.join(&path) };
            self.files.push(File {
                shown: text,
                base,
                on_node: within(&on_node),
                anchored: known,
                attributes: Some(attributes),
                found_at: on_disk.then(|| within(argument)),
                command_name: OnceLock::new(),
                left_over: OnceLock::new(),
                kind,
            });
        }
    }

    fn finish(mut self, name: Option<&Arc<str>>, store: Store, version: Option<KubernetesVersion>) -> Node {
        let mut node = self.assemble(name.cloned());
        // Of a whole system, what is named elsewhere is read as well; what a kubeconfig names that was read so, once more.
        for _ in 0..3 {
            let outside: Vec<PathBuf> = node
                .references
                .iter()
                .filter(|reference| reference.target == Target::Outside)
                .filter_map(|reference| reference.on_node.clone())
                .take(MOST_REFERENCED)
                .collect();
            let Some(system) = self.systems.first().cloned().filter(|_| !outside.is_empty()) else { break };
            self.files = node.files;
            for path in outside {
                if let Ok(place) = path.strip_prefix("/")
                    && !self.given.contains(&path)
                {
                    self.place_of_system(&system, place);
                }
            }
            node = self.assemble(name.cloned());
        }
        // etcd's data may be many GiB: of its directory, only what the file system says is of interest.
        let directory = self
            .systems
            .first()
            .zip(node.etcd_data())
            .and_then(|(system, path)| directory(system, &path, |place| self.shown(Some(system), place)));
        if let Some(directory) = directory
            && node.entry_at(&directory.on_node).is_none()
        {
            self.files = node.files;
            self.files.push(directory);
            node = self.assemble(name.cloned());
        }
        roles::assign(&mut node);
        places::settle(&mut node);
        node.kind = if store == Store::Yes { NodeKind::Store } else { kind(&node) };
        node.version = version.or_else(|| version_of(&node));
        node
    }

    /// Puts together what the files say.
    fn assemble(&mut self, name: Option<Arc<str>>) -> Node {
        let mut files = std::mem::take(&mut self.files);
        // What is not anchored may have one made-up path several times.
        files.sort_by(|a, b| a.on_node.cmp(&b.on_node).then_with(|| a.shown.cmp(&b.shown)));
        files.dedup_by(|a, b| a.on_node == b.on_node && a.anchored && b.anchored);
        let mut paths = Paths::default();
        paths.given.clone_from(&self.given);
        for (index, file) in files.iter().enumerate() {
            let link = if let FileKind::Link(target) = &file.kind { Some(target.as_path()) } else { None };
            if matches!(file.kind, FileKind::Directory(Err(_))) {
                paths.unread.insert(file.on_node.clone());
            }
            paths.insert(file.on_node.clone(), index, link);
        }
        let mut node = Node {
            name,
            kind: NodeKind::Unknown,
            files,
            certificates: Vec::new(),
            keys: Vec::new(),
            lists: Vec::new(),
            references: Vec::new(),
            pairs: Vec::new(),
            pods: Vec::new(),
            kubeconfigs: Vec::new(),
            kubelet_configuration: None,
            kubelet_arguments: Vec::new(),
            etcd_environment: None,
            version: None,
            incomplete: self.incomplete.clone(),
            paths,
            left: AtomicUsize::new(linking::BUDGET),
            by_key: HashMap::new(),
            references_by_file: HashMap::new(),
            keys_by_key: HashMap::new(),
            best_first: Vec::new(),
            in_use: OnceLock::new(),
            uses: OnceLock::new(),
            meetings: OnceLock::new(),
        };
        collect(&mut node);
        refer(&mut node);
        node
    }
}

/// Why an archive within a tree is not looked into.
fn archived(path: &Path, bytes: &[u8]) -> Option<String> {
    const ENDINGS: [&str; 12] =
        ["tar", "tgz", "tbz", "tbz2", "txz", "tzst", "tlz4", "gz", "xz", "zst", "bz2", "lz4"];
    let ending = path.extension()?.to_str()?.to_ascii_lowercase();
    if !ENDINGS.contains(&ending.as_str()) {
        return None;
    }
    match compression_of(bytes) {
        Some((format, program)) => Some(format!(
            "it is compressed with {format}, and was not looked into: `{program} -dc FILE | kpki audit -` does, where it is an archive"
        )),
        None => is_archive(bytes)
            .then(|| "it is an archive, and was not looked into: `kpki audit FILE` does".to_owned()),
    }
}

type Found = (PathBuf, FileKind, Attributes);

/// Which directories of a node were given whole. Of a copy of a system, only what was copied: the rest was there, for all that is known.
fn given(on_node: &Path, entries: &[Found]) -> Vec<PathBuf> {
    if on_node != Path::new("/") && on_node != Path::new("/etc") {
        return vec![on_node.to_owned()];
    }
    let all: HashSet<PathBuf> = entries.iter().map(|(path, ..)| on_node.join(path)).collect();
    let mut given = Vec::new();
    for place in PLACES.map(|place| Path::new("/").join(place)) {
        if place.ancestors().any(|above| all.contains(above)) {
            given.extend(all.iter().any(|path| path.starts_with(&place)).then_some(place));
        } else {
            // An archive of a part of it.
            let is_top = |path: &&PathBuf| {
                path.starts_with(&place) && path.parent().is_some_and(|above| !all.contains(above))
            };
            given.extend(all.iter().filter(is_top).cloned());
        }
    }
    given
}

fn shown(path: &Path) -> String {
    Printable(&path.to_string_lossy()).to_string()
}

/// Whether no directory above a place within a system is a symbolic link.
fn stays_within(system: &Path, place: &Path) -> bool {
    let mut current = system.to_owned();
    let above = place.parent().unwrap_or(Path::new(""));
    above.components().all(|component| {
        current.push(component);
        std::fs::symlink_metadata(&current).map_or(true, |metadata| !metadata.is_symlink())
    })
}

/// A directory of a whole system with nothing of what is in it.
fn directory(system: &Path, on_node: &Path, show: impl FnOnce(&Path) -> (Arc<str>, usize)) -> Option<File> {
    let place = on_node.strip_prefix("/").ok()?;
    let metadata = std::fs::symlink_metadata(system.join(place)).ok()?;
    let (shown, base) = show(place);
    (metadata.is_dir() && stays_within(system, place)).then(|| File {
        shown,
        base,
        on_node: on_node.to_owned(),
        anchored: true,
        kind: FileKind::Directory(Err(ATTRIBUTES_ONLY.into())),
        attributes: Some(Attributes {
            mode: metadata.mode() & 0o7777,
            uid: metadata.uid(),
            gid: metadata.gid(),
            size: metadata.size(),
            links: metadata.nlink(),
            acl: false,
            modified: Some(metadata.mtime()),
        }),
        found_at: Some(system.join(place)),
        command_name: OnceLock::new(),
        left_over: OnceLock::new(),
    })
}

/// Lists the certificates, keys and the rest of what the files hold.
fn collect(node: &mut Node) {
    let mut first: HashMap<[u8; 32], usize> = HashMap::new();
    let mut left_out = 0_usize;
    for (file, found) in node.files.iter().enumerate() {
        let mut counts: HashMap<Option<&str>, usize> = HashMap::new();
        for (number, item) in found.items().iter().enumerate() {
            match &item.content {
                Content::Certificate(_) if node.certificates.len() >= MOST_CERTIFICATES => left_out += 1,
                Content::Certificate(facts) => {
                    let index = node.certificates.len();
                    let fingerprint = sha256(facts.der());
                    let spki = sha256(facts.certificate.tbs.public_key.der());
                    let position = counts.entry(item.place.field.as_deref()).or_default();
                    node.certificates.push(FoundCertificate {
                        file,
                        item: number,
                        position: *position,
                        roles: Vec::new(),
                        place_role: None,
                        signing: Signing::NotChecked,
                        same_as: *first.entry(fingerprint).or_insert(index),
                        usage: Use::Loose,
                        fingerprint,
                        spki,
                    });
                    *position += 1;
                    node.by_key.entry(spki).or_default().push(index);
                }
                Content::PrivateKey(_) | Content::PublicKey(_) => {
                    let spki = item.public_key().map(sha256);
                    if let Some(spki) = spki {
                        node.keys_by_key.entry(spki).or_default().push(node.keys.len());
                    }
                    let private = matches!(item.content, Content::PrivateKey(_));
                    let usage = Use::Loose;
                    node.keys.push(FoundKey { file, item: number, private, spki, roles: Vec::new(), usage });
                }
                Content::RevocationList(_) => node.lists.push((file, number)),
                _ => {}
            }
        }
        let Some(contents) = found.contents() else { continue };
        if found.kubeconfig().is_some() {
            node.kubeconfigs.push(file);
        }
        if contents.kubelet.is_some()
            && (node.kubelet_configuration.is_none()
                || found.on_node == Path::new("/var/lib/kubelet/config.yaml"))
        {
            node.kubelet_configuration = Some(file);
        }
        if contents.kubelet_arguments.is_some() {
            node.kubelet_arguments.push(file);
        }
    }
    if left_out > 0 {
        node.incomplete.push(format!(
            "there are more than {MOST_CERTIFICATES} certificates; {left_out} of them were not looked at"
        ));
    }
    node.etcd_environment = etcd_environment(node);
    node.pods = pods(node);
}

/// What a tree is that of.
fn kind(node: &Node) -> NodeKind {
    let has = |role: Role| {
        node.certificates
            .iter()
            .any(|found| found.position == 0 && found.roles.iter().any(|(own, _)| *own == role))
    };
    let anchored = node.files.iter().any(|file| file.anchored);
    if node.pod(Component::Apiserver).is_some() || has(Role::Apiserver) {
        NodeKind::ControlPlane
    } else if !anchored {
        NodeKind::Unknown
    } else if node.flags_of(Component::Etcd).is_some() || has(Role::EtcdServer) || has(Role::EtcdPeer) {
        NodeKind::Etcd
    } else if has(Role::KubeletClient)
        || has(Role::KubeletServing)
        || node.kubelet_configuration.is_some()
        || node.file_at("/etc/kubernetes/bootstrap-kubelet.conf").is_some()
    {
        NodeKind::Worker
    } else {
        NodeKind::Unknown
    }
}

/// The version of Kubernetes by the image of a component: that of the API server before others.
fn version_of(node: &Node) -> Option<KubernetesVersion> {
    [Component::Apiserver, Component::ControllerManager, Component::Scheduler].into_iter().find_map(
        |component| {
            let (_, pod) = node.pod(component)?;
            let image = pod.image.as_ref()?;
            let image = image.split('@').next().unwrap_or_default();
            let (_, tag) = image.rsplit_once(':').filter(|(_, tag)| !tag.contains('/'))?;
            tag.parse().ok()
        },
    )
}
