//! From directories, files and archives to evidence.

use std::collections::{HashMap, HashSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, OnceLock};

use super::kind::kind;
use super::paths::{Anchor, Paths, anchor, anchor_of_file, is_among};
use super::refer::refer;
use super::system::{attributes_of, stays_within};
use super::{
    File, FileKind, FoundCertificate, FoundKey, Known, Node, NodeKind, Signing, Target, Use, linking, places,
    roles,
};
use crate::audit::Input;
use crate::audit::archive::{Archive, compression_of, is_archive, read_archive};
use crate::disk::{Attributes, Entry, EntryKind, WalkLimits, walk};
use crate::inspect::{Content, Digests};
use crate::manifest::{Component, Launched, image_version, launches};
use crate::profile::KubernetesVersion;
use crate::x509::{Printable, sha256};

/// How far one argument is looked at: a node's PKI has some fifty files, and the largest revocation list of a cluster's CA a few MiB.
pub const LIMITS: WalkLimits = WalkLimits { entries: 100_000, file: 4 << 20, total: 256 << 20, depth: 32 };

/// Places of a copy of a system that are taken to be there whole where anything of them is.
const PLACES: [&str; 18] = [
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
    "var/lib/k0s/pki",
    "var/lib/minikube/certs",
    "root/.kube/config",
    "etc/ssl/etcd",
    "etc/systemd/system",
];

/// Why what is in etcd's data directory is not known.
pub const ATTRIBUTES_ONLY: &str = "only its mode and owner are looked at";

/// The most files that are read because somebody names them.
const MOST_REFERENCED: usize = 500;

/// How often what was read may name what is read then: a unit its environment, that a configuration, that a kubeconfig, that a
/// certificate, and each may be a link.
const MOST_ROUNDS: usize = 8;

/// The most certificates of one node that are looked at, each of its places counted: names of one file in an archive have thousands
/// each, and each takes memory.
const MOST_CERTIFICATES: usize = 100_000;

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
        asked: HashSet::new(),
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

pub(super) struct Gatherer<'a> {
    known: &'a Known,
    pub(super) files: Vec<File>,
    /// Directories of the node that were looked at whole.
    pub(super) given: HashSet<PathBuf>,
    pub(super) incomplete: Vec<String>,
    /// Whole systems, of which more files may be read.
    pub(super) systems: Vec<PathBuf>,
    /// How much more may be read of whole systems, whoever names it.
    pub(super) left: WalkLimits,
    /// What was asked for because somebody names it.
    pub(super) asked: HashSet<PathBuf>,
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
        self.system(argument);
        Ok(())
    }

    fn archive(&mut self, argument: &Path, archive: Archive) {
        if let Some(bytes) = &archive.file {
            self.files.push(File {
                shown: shown(argument).into(),
                base: 0,
                on_node: Path::new("/").join(argument.file_name().unwrap_or(argument.as_os_str())),
                anchored: false,
                kind: FileKind::Regular(Ok(self.known.read(bytes))),
                attributes: None,
                found_at: None,
                left_over: OnceLock::new(),
            });
        }
        let read = archive.entries.into_iter().map(|entry| self.read(entry)).collect();
        self.incomplete.extend(archive.incomplete);
        self.place_as(argument, read, false);
    }

    /// Takes in an entry. Its bytes are gone after that.
    pub(super) fn read(&self, entry: Entry) -> Found {
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
    pub(super) fn shown(&self, argument: Option<&Path>, within: &Path) -> (Arc<str>, usize) {
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
            let within: Vec<&Path> = entries.iter().map(|(path, _, _)| path.as_path()).collect();
            anchor(if on_disk { &absolute } else { Path::new("archive") }, is_among(&within))
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
                left_over: OnceLock::new(),
                kind,
            });
        }
    }

    fn finish(mut self, name: Option<&Arc<str>>, store: Store, version: Option<KubernetesVersion>) -> Node {
        let mut node = self.assemble(name.cloned());
        // Of a whole system, what is named elsewhere is read as well; and what that names.
        for _ in 0..MOST_ROUNDS {
            let Some(system) = self.systems.first().cloned() else { break };
            let outside = node.references.iter().filter(|reference| reference.target == Target::Outside);
            let named = outside.filter_map(|reference| node.end(reference.on_node.as_ref()?));
            let mut named: Vec<PathBuf> =
                named.chain(node.launched.wanted.iter().filter_map(|path| node.end(path))).collect();
            named.retain(|path| !self.asked.contains(path));
            named.sort();
            named.dedup();
            if named.is_empty() || self.asked.len() > MOST_REFERENCED {
                break;
            }
            self.files = node.files;
            for path in named {
                self.named(&system, &path);
                self.asked.insert(path);
            }
            node = self.assemble(name.cloned());
        }
        // etcd's data may be many GiB: of its directory, only what the file system says is of interest.
        let data = self.systems.first().zip(node.etcd_data());
        if let Some((system, path)) = &data
            && path.strip_prefix("/").is_ok_and(|place| system.join(place).symlink_metadata().is_err())
        {
            node.paths.given.insert(path.clone());
        }
        let directory =
            data.and_then(|(system, path)| directory(system, &path, |place| self.shown(Some(system), place)));
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
            launched: Launched::default(),
            kubeconfigs: Vec::new(),
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

pub(super) type Found = (PathBuf, FileKind, Attributes);

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

pub(super) fn shown(path: &Path) -> String {
    Printable(&path.to_string_lossy()).to_string()
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
        attributes: Some(attributes_of(&system.join(place))),
        found_at: Some(system.join(place)),
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
                    let Digests { certificate: fingerprint, public_key: spki } = facts.digests();
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
        if found.kubeconfig().is_some() {
            node.kubeconfigs.push(file);
        }
    }
    if left_out > 0 {
        node.incomplete.push(format!(
            "there are more than {MOST_CERTIFICATES} certificates; {left_out} of them were not looked at"
        ));
    }
    node.launched = launches(node);
}

/// The version of Kubernetes by the image of a component: that of the API server before others.
fn version_of(node: &Node) -> Option<KubernetesVersion> {
    [Component::Apiserver, Component::ControllerManager, Component::Scheduler]
        .into_iter()
        .find_map(|component| image_version(node.launch(component)?.image.as_ref()?))
}
