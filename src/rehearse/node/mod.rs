//! What runs on a node, and with which files: as its manifests and configurations say, or else as the layout has it.

mod access;
mod apiserver;
mod etcd;
mod kubelet;
mod launches;

use std::path::{Path, PathBuf};
use std::sync::Arc;

pub(super) use access::{Access, AccessRole, ServerTrust, Shows, dialling, kubelet_identity};
pub(super) use apiserver::Apiserver;
pub(super) use etcd::{Etcd, Listener};
pub(super) use kubelet::{Kubelet, KubeletServing};

use super::KnownNode;
use super::files::{FileName, Pair, Reader, Trust};
use super::tree::Tree;
use crate::layout::{Leaf, Naming};
use crate::manifest::{self, By, Component, Document, Flags, Launch};
use launches::Launching;

/// The most manifests that are read of a node: a control plane has four.
const MOST_MANIFESTS: usize = 64;

/// One node: what runs on it.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) name: String,
    /// Whether its files are there; a node that only the cluster's file names has none.
    pub(super) present: bool,
    pub(super) apiserver: Option<Apiserver>,
    pub(super) etcd: Option<Etcd>,
    pub(super) kubelet: Option<Kubelet>,
    /// The kubeconfigs of its components and administrators.
    pub(super) access: Vec<Access>,
    /// What the controller manager and the scheduler serve with, where they have a certificate.
    pub(super) serving: Vec<Serving>,
    /// What is worth saying about how it was read.
    pub(super) notes: Vec<String>,
}

/// A component that serves its metrics and its health with a certificate.
#[derive(Debug)]
pub(super) struct Serving {
    pub(super) component: Component,
    pub(super) pair: Arc<Pair>,
    /// The CA that whoever scrapes it is taken to trust.
    pub(super) trust: Arc<Trust>,
    /// The address that it listens on alone, if there is one.
    pub(super) bind_address: Option<std::net::IpAddr>,
}

/// Whether a server wants a certificate of its clients, and whose.
#[derive(Debug, Clone)]
pub(super) enum Admission {
    /// It does not ask, for this reason.
    NotAsked(String),
    /// It asks; a client without one goes on, and what becomes of it then is said here.
    Asked { trust: Arc<Trust>, without: &'static str },
    /// It asks, and ends the handshake without one.
    Required(Arc<Trust>),
    /// It cannot be told, for this reason.
    Unknown(String),
}

impl Node {
    /// A node that the cluster's file names and that has no files here.
    pub(super) fn absent(known: &KnownNode) -> Self {
        Self {
            name: known.name.clone(),
            present: false,
            apiserver: None,
            etcd: None,
            kubelet: None,
            access: Vec::new(),
            serving: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// Reads a node's tree.
    pub(super) fn read(reader: &mut Reader<'_>, name: String, known: Option<&KnownNode>) -> Self {
        let mut notes = Vec::new();
        let launching = Launching::read(reader);
        noted(reader, &launching, &mut notes);
        let flags = |component| launching.launch(component).and_then(|launch| Source::of(launch, &launching));
        let settings = kubelet::Settings::of(&launching);
        let is = |wanted: fn(&KnownNode) -> bool| known.map(wanted);

        let apiserver = flags(Component::Apiserver);
        let has_apiserver = apiserver.is_some()
            || is(|node| node.control_plane) == Some(true)
            || Leaf::Apiserver.exists_in(reader);
        let manager = flags(Component::ControllerManager);
        let apiserver = has_apiserver.then(|| Apiserver::read(reader, apiserver, manager));
        let etcd = flags(Component::Etcd);
        let has_etcd =
            etcd.is_some() || is(|node| node.etcd) == Some(true) || Leaf::EtcdServer.exists_in(reader);
        let etcd = has_etcd.then(|| Etcd::read(reader, etcd, &name));
        // Every control plane of kubeadm's has a kubelet, unless the cluster's file says otherwise.
        let as_kubeadm = flags(Component::Apiserver).is_none_or(|source| source.launch.by == By::Pod);
        let has_kubelet = is(|node| node.kubelet)
            .unwrap_or_else(|| has_apiserver && as_kubeadm || settings.is_there(reader));
        let kubelet = has_kubelet.then(|| Kubelet::read(reader, &settings));
        let access = access::read(reader, has_apiserver, has_kubelet, &flags);
        let kubelet = kubelet.map(|kubelet| kubelet.named_as(&access));
        notes.extend(etcd.iter().flat_map(|etcd| etcd.notes.iter().cloned()));
        notes.extend(apiserver.iter().filter_map(|apiserver| apiserver.etcd.socket.clone()));
        let serving = [Component::ControllerManager, Component::Scheduler]
            .into_iter()
            .filter_map(|component| serving(reader, component, flags(component)))
            .collect();
        Self { name, present: true, apiserver, etcd, kubelet, access, serving, notes }
    }

    /// The files whose certificates tell the node's own addresses, those of its own first.
    pub(super) fn certificates(&self) -> impl Iterator<Item = &Pair> {
        let kubelet = self.kubelet.iter().filter_map(|kubelet| match &kubelet.serving {
            KubeletServing::Pair(pair) => Some(&**pair),
            KubeletServing::SelfMade { .. } => None,
        });
        let etcd = self.etcd.iter().flat_map(|etcd| [&etcd.peers.pair, &etcd.clients.pair]);
        let etcd = etcd.filter_map(Option::as_deref);
        let apiserver = self.apiserver.iter().map(|apiserver| &*apiserver.serving);
        kubelet.chain(etcd).chain(apiserver)
    }
}

/// The most reasons that are told at once why something is not known.
const MOST_DOUBTS: usize = 3;

/// A component's flags, and the manifest, unit or other file that gives them.
#[derive(Clone, Copy)]
pub(super) struct Source<'a> {
    pub(super) name: &'a FileName,
    pub(super) flags: &'a Flags,
    launch: &'a Launch,
}

impl<'a> Source<'a> {
    fn of(launch: &'a Launch, launching: &'a Launching) -> Option<Self> {
        Some(Self { name: launching.name(launch.file)?, flags: &launch.flags, launch })
    }

    /// The file that a flag names.
    fn path(&self, flag: &str) -> Option<PathBuf> {
        self.flags.value(flag).map(|path| self.on_node(Path::new(path)))
    }

    /// The path on the node of a file that a flag names.
    fn on_node(&self, path: &Path) -> PathBuf {
        // What a pod does not mount is taken from the node all the same: the audit tells that.
        self.launch.on_node(path).unwrap_or_else(|| Path::new("/").join(path))
    }

    /// What of its flags is not known: one that is not among them may be given all the same.
    fn doubt(&self) -> Option<String> {
        let reasons: Vec<&str> =
            self.launch.doubts.iter().take(MOST_DOUBTS).map(|doubt| doubt.reason.as_str()).collect();
        let (component, file) = (self.launch.component, &self.name.path);
        (!reasons.is_empty())
            .then(|| format!("{file}: how {component} runs is not known in full: {}", reasons.join("; ")))
    }
}

/// Where a component's certificate, key or CA is: as a flag says, or as the layout has it where there is no manifest.
fn file(source: Option<Source<'_>>, flag: &str, layout: impl FnOnce() -> PathBuf) -> Option<PathBuf> {
    match source {
        Some(source) => source.path(flag),
        None => Some(layout()),
    }
}

trait InLayout {
    /// The certificate and the key of this leaf, by the layout.
    fn files(self, tree: &Tree) -> Option<(PathBuf, PathBuf)>;
    /// Whether the tree has the certificate or the key.
    fn exists_in(self, reader: &Reader<'_>) -> bool;
}

impl InLayout for Leaf {
    fn files(self, tree: &Tree) -> Option<(PathBuf, PathBuf)> {
        let base = tree.layout.leaf(self)?;
        Some(pair_of(tree.layout.naming, &base))
    }

    fn exists_in(self, reader: &Reader<'_>) -> bool {
        self.files(reader.tree)
            .is_some_and(|(certificate, key)| reader.exists(&certificate) || reader.exists(&key))
    }
}

/// The certificate and the key with this base, on the node.
fn pair_of(naming: Naming, base: &Path) -> (PathBuf, PathBuf) {
    let base = base.to_string_lossy();
    (Tree::on_node(&naming.certificate(&base)), Tree::on_node(&naming.key(&base)))
}

/// The certificate of an authority, on the node.
fn authority(tree: &Tree, authority: crate::layout::Authority) -> PathBuf {
    pair_of(tree.layout.naming, &tree.layout.authority(authority)).0
}

/// Notes what of the manifests and units is left out, and why.
fn noted(reader: &Reader<'_>, launching: &Launching, notes: &mut Vec<String>) {
    let launched = &launching.launched;
    let called = |file| launching.name(file).map(|name| name.path.clone()).unwrap_or_default();
    for component in Component::CONTROL_PLANE {
        let mut pods = launched.of(component).filter(|launch| launch.by == By::Pod);
        let Some(first) = pods.next() else { continue };
        // The kubelet runs whatever it finds there, copies too.
        for other in pods {
            notes.push(format!(
                "{} runs {component} as {} does; the kubelet reads every file there, and this one is left out here",
                called(other.file),
                called(first.file)
            ));
        }
    }
    for path in reader.list(&launched.manifests, MOST_MANIFESTS) {
        let Ok(bytes) = reader.bytes_up_to(&path, manifest::LARGEST) else { continue };
        if let Some(Document::Broken(_, reason)) = Document::sniff(&bytes) {
            notes.push(format!("{}: {reason}", reader.name(&path).path));
        }
    }
    let doubts = launched.launches.iter().flat_map(|launch| &launch.doubts).chain(&launched.doubts);
    notes.extend(doubts.map(|doubt| format!("{}: {}", called(doubt.file), doubt.reason)));
}

/// What a component of the control plane serves its metrics with; `None` when it makes itself a certificate.
fn serving(reader: &mut Reader<'_>, component: Component, source: Option<Source<'_>>) -> Option<Serving> {
    let leaf = match component {
        Component::ControllerManager => Leaf::ControllerManager,
        _ => Leaf::Scheduler,
    };
    let (certificate, key) = match source {
        Some(source) => (source.path("tls-cert-file")?, source.path("tls-private-key-file")?),
        None => leaf.files(reader.tree).filter(|_| leaf.exists_in(reader))?,
    };
    let pair = reader.pair(&certificate, &key);
    let trust = reader.trust(&authority(reader.tree, leaf.authority()));
    let bind_address = source.and_then(|source| source.flags.value("bind-address")?.parse().ok());
    let bind_address = bind_address.filter(|address: &std::net::IpAddr| !address.is_unspecified());
    Some(Serving { component, pair, trust, bind_address })
}
