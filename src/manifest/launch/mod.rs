//! Programs as they are launched on a node: which components run, with which flags, and what of that is not known.
//!
//! Sources: systemd.unit(5), systemd.service(5), systemd.exec(5); the components' own references; and what installers write: kubeadm,
//! kubespray, kubeasz, Kubernetes the Hard Way, k3s, RKE2, k0s, `MicroK8s`.

mod alone;
mod bundle;
mod own;
mod program;
#[cfg(test)]
mod tests;
mod units;

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Component, Document, Flags, KubeletConfiguration, Mount, through};
use crate::x509::Printable;

/// The files of a node, as far as they are at hand. Paths are those of the node, absolute.
pub trait Files {
    /// What is at a path, links followed.
    fn at(&self, path: &Path) -> At;
    /// The names in a directory, links to it followed, in order; empty where nothing of it is at hand.
    fn names(&self, directory: &Path) -> Vec<OsString>;
    /// Where the symbolic link at a path points to; none where there is no link.
    fn link(&self, path: &Path) -> Option<PathBuf>;
    /// What may be known by its content alone: every file that is a [`Document`], or those in usual places, in the order of their paths.
    fn documents(&self) -> Vec<Found>;
}

/// A document that was found, wherever it lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its path on the node.
    pub path: PathBuf,
    /// Whether it is not known where on the node it lies, so that the path is made up.
    pub is_loose: bool,
}

/// What is at a path.
#[derive(Debug, Clone)]
pub enum At {
    /// A file, by its number, with what it is where it says how something is launched.
    File(usize, Option<Arc<Document>>),
    /// A file that is there and could not be read, or is no regular one, and why; safe to show.
    Unread(usize, String),
    /// Nothing.
    Missing,
    /// Nothing that is at hand: it was not looked at.
    Unknown,
}

/// What says that a program is launched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum By {
    /// A static pod's manifest.
    Pod,
    /// A unit of systemd.
    Unit,
    /// A file of arguments.
    Arguments,
    /// Another program that has it in itself: k3s, k0s.
    Bundle,
    /// A file of its environment, without whatever starts it.
    Environment,
    /// Its configuration, without whatever starts it.
    Configuration,
}

impl By {
    /// What such a file is called, for people.
    pub fn noun(self) -> &'static str {
        match self {
            Self::Pod => "manifest",
            Self::Unit | Self::Bundle => "unit",
            Self::Arguments => "file of arguments",
            Self::Environment => "environment file",
            Self::Configuration => "configuration",
        }
    }
}

/// A program as it is launched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Launch {
    /// Which one.
    pub component: Component,
    /// What says so.
    pub by: By,
    /// The number of the file that does.
    pub file: usize,
    /// Its flags, those that count more last, each with the file that gives it. Of etcd also what its environment gives, or instead of
    /// all that what its configuration does; of the scheduler and of kube-proxy the kubeconfig of their configurations.
    pub flags: Flags,
    /// A kubelet's configuration with its drop-ins, and the number of its file.
    pub configuration: Option<(usize, KubeletConfiguration)>,
    /// Its container's image.
    pub image: Option<String>,
    /// What of the host is mounted into its container; none where it runs in none.
    pub mounts: Option<Vec<Mount>>,
    /// The directory that it is started in, from which relative paths begin.
    pub directory: PathBuf,
    /// Whether what says so is named after it: `etcd.service` beside `etcd-events.service`.
    pub is_usual: bool,
    /// What of its flags is not known. Where something is here, a flag that is not among them may be given all the same.
    pub doubts: Vec<Doubt>,
}

impl Launch {
    /// The path on the node of a file that a flag names; none where its container mounts nothing of the host there.
    pub fn on_node(&self, path: &Path) -> Option<PathBuf> {
        match &self.mounts {
            Some(mounts) => through(mounts, path),
            None => Some(self.directory.join(path)),
        }
    }
}

/// Something about the launch of programs that is not known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Doubt {
    /// The number of the file that it is about.
    pub file: usize,
    /// The line there, from 1; 0 for the file as a whole.
    pub line: u64,
    /// What is not known, and why; safe to show.
    pub reason: String,
}

/// How the programs of a node are launched.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Launched {
    /// Every launch; of several of one component, the surest first.
    pub launches: Vec<Launch>,
    /// The launches that a program with several components in it would make, by its data alone: what starts it was not given.
    pub assumed: Vec<Launch>,
    /// What lies there and was not understood.
    pub doubts: Vec<Doubt>,
    /// Files of which more would be known, and which are not at hand.
    pub wanted: Vec<PathBuf>,
    /// The directory whose manifests the kubelet runs.
    pub manifests: PathBuf,
}

impl Launched {
    /// The launches of a component, without those that are assumed.
    pub fn of(&self, component: Component) -> impl Iterator<Item = &Launch> {
        self.launches.iter().filter(move |launch| launch.component == component)
    }
}

/// Finds out how the programs of a node are launched.
pub fn launches(files: &dyn Files) -> Launched {
    let mut resolver =
        Resolver { files, out: Launched::default(), wanted: BTreeSet::new(), bundles: Vec::new() };
    resolver.units();
    resolver.arguments();
    resolver.bundles();
    resolver.kubelet_alone();
    resolver.pods();
    resolver.components_alone();
    resolver.etcd_alone();
    let Resolver { mut out, wanted, .. } = resolver;
    out.launches
        .sort_by_key(|launch| (launch.component, launch.by, !launch.is_usual, !launch.doubts.is_empty()));
    out.wanted = wanted.into_iter().collect();
    out
}

/// What finds it out.
struct Resolver<'a> {
    files: &'a dyn Files,
    out: Launched,
    wanted: BTreeSet<PathBuf>,
    bundles: Vec<bundle::Bundle>,
}

impl Resolver<'_> {
    fn at(&mut self, path: &Path) -> At {
        let found = self.files.at(path);
        if matches!(found, At::Unknown) {
            self.wanted.insert(path.to_owned());
        }
        found
    }

    fn doubt(&mut self, file: usize, line: u64, reason: String) {
        self.out.doubts.push(Doubt { file, line, reason });
    }

    fn has(&self, component: Component) -> bool {
        self.out.of(component).next().is_some()
    }

    /// The directory whose manifests the kubelet runs.
    fn manifest_directory(&self) -> PathBuf {
        let kubelet = self.out.of(Component::Kubelet).next();
        let configured = kubelet.and_then(|launch| {
            let flag = launch.flags.value("pod-manifest-path").map(|path| launch.directory.join(path));
            flag.or_else(|| Some(launch.configuration.as_ref()?.1.static_pod_path.as_ref()?.path.clone()))
        });
        configured.unwrap_or_else(|| "/etc/kubernetes/manifests".into())
    }

    /// The static pods that the kubelet runs: every file of its directory whose name does not begin with a dot
    /// (`extractFromDir` in Kubernetes' pkg/kubelet/config/file.go), those that are named after their component first.
    fn pods(&mut self) {
        let mut paths: Vec<PathBuf> = Vec::new();
        self.out.manifests = self.manifest_directory();
        let own = self.out.manifests.clone();
        for directory in [own].into_iter().chain(bundle::manifest_directories()) {
            let names = self.files.names(&directory);
            paths.extend(names.into_iter().map(|name| directory.join(name)));
        }
        paths.extend(
            self.files.documents().into_iter().filter(|found| found.is_loose).map(|found| found.path),
        );
        let mut pods = Vec::new();
        for path in paths {
            let hidden = path.file_name().is_none_or(|name| name.to_string_lossy().starts_with('.'));
            let At::File(file, Some(document)) = self.files.at(&path) else { continue };
            let Document::Pod(pod) = &*document else { continue };
            if hidden || pods.iter().any(|(_, known, _)| *known == file) {
                continue;
            }
            let usual = path.file_stem().is_some_and(|stem| stem == pod.component.program());
            pods.push((!usual, file, Arc::clone(&document)));
        }
        pods.sort_by_key(|(is_odd, file, _)| (*is_odd, *file));
        for (is_odd, file, document) in pods {
            let Document::Pod(pod) = &*document else { continue };
            let mut launch = Launch {
                component: pod.component,
                by: By::Pod,
                file,
                flags: pod.flags.clone().in_file(file),
                configuration: None,
                image: pod.image.clone(),
                mounts: Some(pod.mounts.clone()),
                directory: PathBuf::from("/"),
                is_usual: !is_odd,
                doubts: Vec::new(),
            };
            self.configure(&mut launch);
            self.out.launches.push(launch);
        }
    }

    /// Takes in the configuration files that a launch names.
    fn configure(&mut self, launch: &mut Launch) {
        match launch.component {
            Component::Etcd => self.configure_etcd(launch),
            Component::Kubelet => self.configure_kubelet(launch),
            Component::Scheduler | Component::Proxy => self.configure_client(launch),
            Component::Apiserver => self.unread_configurations(launch),
            Component::ControllerManager => {}
        }
    }

    /// What a flag names: the document, with its number; or a doubt where it cannot be read.
    fn named(&mut self, launch: &mut Launch, flag: &str) -> Option<(usize, Option<Arc<Document>>)> {
        let given = launch.flags.last(flag).filter(|flag| !flag.value.is_empty())?.clone();
        let path = launch.on_node(Path::new(&given.value));
        let why = match path.as_ref().map(|path| self.at(path)) {
            Some(At::File(file, document)) => return Some((file, document)),
            Some(At::Unread(_, reason)) => format!("which could not be read: {reason}"),
            Some(At::Missing) => "which is not there".to_owned(),
            Some(At::Unknown) => "which was not given".to_owned(),
            None => "where its pod mounts nothing of the node".to_owned(),
        };
        let reason = format!("{} names {}, {why}", given.written(), shown(Path::new(&given.value)));
        launch.doubts.push(Doubt { file: given.file, line: given.line, reason });
        None
    }

    fn configure_etcd(&mut self, launch: &mut Launch) {
        let Some((file, document)) = self.named(launch, "config-file") else { return };
        let Some(Document::Settings(settings)) = document.as_deref() else {
            let reason = "it is no configuration of etcd that could be read".to_owned();
            launch.doubts.push(Doubt { file, line: 0, reason });
            return;
        };
        // etcd looks at nothing else then (its documentation of --config-file).
        launch.flags = super::etcd::configured(settings, file);
    }

    fn configure_kubelet(&mut self, launch: &mut Launch) {
        let mut configuration: Option<(usize, KubeletConfiguration)> = None;
        if let Some((file, document)) = self.named(launch, "config") {
            match document.as_deref() {
                Some(Document::Kubelet(found)) => configuration = Some((file, found.clone().in_file(file))),
                Some(Document::Broken(_, reason)) => {
                    launch.doubts.push(Doubt { file, line: 0, reason: reason.clone() });
                }
                _ => {
                    let reason = "it is no KubeletConfiguration".to_owned();
                    launch.doubts.push(Doubt { file, line: 0, reason });
                }
            }
        }
        let drop_ins = launch.flags.value("config-dir").map(|path| launch.directory.join(path));
        for (file, over) in drop_ins.map(|directory| self.drop_ins(&directory)).unwrap_or_default() {
            configuration = Some(match configuration {
                Some((first, under)) => (first, under.under(over)),
                None => (file, over),
            });
        }
        launch.configuration = configuration.or(launch.configuration.take());
    }

    /// The kubelet's drop-ins: every `*.conf` of a directory, by name.
    fn drop_ins(&mut self, directory: &Path) -> Vec<(usize, KubeletConfiguration)> {
        let names = self.files.names(directory);
        let paths = names.into_iter().map(|name| directory.join(name));
        let files = paths.filter(|path| path.extension().is_some_and(|extension| extension == "conf"));
        let found = files.filter_map(|path| match self.files.at(&path) {
            At::File(file, Some(document)) => match &*document {
                Document::Kubelet(configuration) => Some((file, configuration.clone().in_file(file))),
                _ => None,
            },
            _ => None,
        });
        found.collect()
    }

    /// The kubeconfig of a configuration (`clientConnection.kubeconfig`), beside which the flag does not count.
    fn configure_client(&mut self, launch: &mut Launch) {
        let Some((file, document)) = self.named(launch, "config") else { return };
        let Some(Document::Settings(settings)) = document.as_deref() else { return };
        for field in settings.values("clientConnection.kubeconfig") {
            launch.flags.add(super::Flag {
                name: "kubeconfig".to_owned(),
                value: field.value.clone(),
                field: Some(field.path.clone()),
                file,
                line: field.line,
                is_word: false,
            });
        }
    }

    /// Files of the API server's that name certificates, and that are not read.
    fn unread_configurations(&mut self, launch: &Launch) {
        const UNREAD: [(&str, &str); 2] = [
            (
                "egress-selector-config-file",
                "the certificates in it with which the API server reaches its proxies are not looked at",
            ),
            ("authentication-config", "whom it lets in by tokens, and whether without any, is not looked at"),
        ];
        for (flag, what) in UNREAD {
            if let Some(flag) = launch.flags.last(flag).filter(|flag| !flag.value.is_empty()) {
                let path = shown(Path::new(&flag.value));
                self.doubt(flag.file, flag.line, format!("--{} names {path}: {what}", flag.name));
            }
        }
    }
}

/// A path, safe to show.
fn shown(path: &Path) -> String {
    Printable(&path.to_string_lossy()).to_string()
}
