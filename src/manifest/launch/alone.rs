//! Launches of which only a part was given: files of arguments, an environment, a configuration, without what starts the program.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::units::flags;
use super::{At, By, Doubt, Launch, Resolver};
use crate::manifest::environment::Variable;
use crate::manifest::etcd::{configured, etcd_flag, is_etcds};
use crate::manifest::flags::Flag;
use crate::manifest::text::Text;
use crate::manifest::words::{Variables, unit_words};
use crate::manifest::{Component, Document, Environment, Flags};

/// Where a kubelet's configuration is: kubeadm's place, then those of other installers.
const KUBELET_CONFIGURATIONS: [&str; 6] = [
    "/var/lib/kubelet/config.yaml",
    "/var/lib/kubelet/kubelet-config.yaml",
    "/etc/kubernetes/kubelet-config.yaml",
    "/etc/kubernetes/kubelet.yaml",
    "/etc/kubernetes/kubelet/config.yaml",
    "/etc/kubernetes/kubelet/kubelet-config.json",
];

/// Where its flags stand, those that count more last.
const KUBELET_ENVIRONMENTS: [&str; 4] = [
    "/etc/kubernetes/kubelet.env",
    "/var/lib/kubelet/kubeadm-flags.env",
    "/etc/default/kubelet",
    "/etc/sysconfig/kubelet",
];

/// Where etcd's environment is: kubespray's place, then those of distributions.
const ETCD_ENVIRONMENTS: [&str; 5] = [
    "/etc/etcd.env",
    "/etc/etcd/etcd.conf",
    "/etc/default/etcd",
    "/etc/sysconfig/etcd",
    "/etc/etcd/etcd.env",
];

/// Endings of the names of files that somebody has put aside.
const ASIDE: [&str; 9] =
    ["~", ".bak", ".old", ".orig", ".save", ".rpmsave", ".rpmnew", ".dpkg-old", ".dpkg-dist"];

fn is_aside(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    ASIDE.iter().any(|ending| name.ends_with(ending))
}

/// A launch of which nothing is known yet but what says that it is one.
fn bare(component: Component, by: By, file: usize, is_usual: bool) -> Launch {
    Launch {
        component,
        by,
        file,
        flags: Flags::default(),
        configuration: None,
        image: None,
        mounts: None,
        directory: PathBuf::from("/"),
        is_usual,
        doubts: Vec::new(),
    }
}

impl Resolver<'_> {
    /// What snaps start by files of arguments in `args/`, each named after its component.
    pub(super) fn arguments(&mut self) {
        let snaps = Path::new("/var/snap");
        let names = self.files.names(snaps).into_iter();
        let places = names.flat_map(|name| ["current", "common"].map(|part| snaps.join(&name).join(part)));
        let mut directories: Vec<PathBuf> = places.map(|place| place.join("args")).collect();
        directories.retain(|directory| !self.files.names(directory).is_empty());
        if directories.is_empty() {
            let is_args = |path: &PathBuf| path.parent().is_some_and(|parent| parent.ends_with("args"));
            let found = self.files.documents().into_iter().map(|found| found.path).filter(is_args);
            directories.extend(found.filter_map(|path| Some(path.parent()?.to_owned())));
            directories.dedup();
        }
        for directory in directories {
            self.arguments_in(&directory);
        }
    }

    fn arguments_in(&mut self, directory: &Path) {
        let mut variables = Variables::default();
        variables.incomplete = true;
        let data = directory.parent().unwrap_or(Path::new("/"));
        let common = data.parent().unwrap_or(Path::new("/")).join("common");
        for (name, path) in [("SNAP_DATA", data), ("SNAP_COMMON", &common)] {
            variables.set(name, 0, Text::new(&path.to_string_lossy(), 0));
        }
        let mut read = |name: &str| match self.files.at(&directory.join(name)) {
            At::File(file, Some(document)) => match &*document {
                Document::Arguments(arguments) => Some((file, arguments.words(file, &mut variables))),
                _ => None,
            },
            _ => None,
        };
        // A worker's kubelite is told to leave the control plane out, whose files stay.
        let whole = read("kubelite").map(|(_, words)| Flags::of_words(&words));
        let is_worker = whole.is_some_and(|flags| flags.switch("start-control-plane") == Some(false));
        let found: Vec<_> = Component::ALL
            .into_iter()
            .filter(|component| !is_worker || matches!(component, Component::Kubelet | Component::Proxy))
            .filter_map(|component| Some((component, read(component.program())?)))
            .collect();
        for (component, (file, words)) in found {
            let (flags, doubts) = flags(component, &words, &Variables::default());
            let mut launch = Launch { flags, doubts, ..bare(component, By::Arguments, file, true) };
            self.configure(&mut launch);
            self.out.launches.push(launch);
        }
    }

    /// A kubelet whose unit was not given: by its configuration and the files of its flags.
    pub(super) fn kubelet_alone(&mut self) {
        if self.has(Component::Kubelet) {
            return;
        }
        let documents = self.files.documents();
        let mut launch = bare(Component::Kubelet, By::Configuration, 0, true);
        let mut is_there = false;
        let loose = documents.iter().filter(|found| found.is_loose).map(|found| found.path.clone());
        for path in KUBELET_ENVIRONMENTS.map(PathBuf::from).into_iter().chain(loose) {
            let At::File(file, Some(document)) = self.files.at(&path) else { continue };
            let Document::Environment(environment) = &*document else { continue };
            let given = given(environment, file, |name| name.starts_with("KUBELET"));
            if !given.all().is_empty() {
                launch.flags = launch.flags.followed_by(given);
                (launch.file, launch.by, is_there) = (file, By::Environment, true);
            }
        }
        if launch.flags.value("config").is_some() {
            self.configure(&mut launch);
        } else {
            let is_configuration = |path: &PathBuf| match self.files.at(path) {
                At::File(_, document) => {
                    matches!(
                        document.as_deref(),
                        Some(Document::Kubelet(_) | Document::Broken(Document::KUBELET, _))
                    )
                }
                At::Unread(..) => KUBELET_CONFIGURATIONS.iter().any(|usual| Path::new(usual) == path),
                _ => false,
            };
            let usual = KUBELET_CONFIGURATIONS.map(PathBuf::from).into_iter();
            let others = documents.into_iter().map(|found| found.path).filter(|path| !is_aside(path));
            let found = usual.chain(others).find(is_configuration);
            match found.map(|path| self.files.at(&path)) {
                Some(At::File(file, document)) => {
                    (launch.file, launch.by, is_there) = (file, By::Configuration, true);
                    match document.as_deref() {
                        Some(Document::Kubelet(found)) => {
                            launch.configuration = Some((file, found.clone().in_file(file)));
                        }
                        Some(Document::Broken(_, reason)) => {
                            launch.doubts.push(Doubt { file, line: 0, reason: reason.clone() });
                        }
                        _ => {}
                    }
                }
                Some(At::Unread(file, reason)) => {
                    (launch.file, launch.by, is_there) = (file, By::Configuration, true);
                    launch.doubts.push(Doubt { file, line: 0, reason });
                }
                _ => {}
            }
        }
        if is_there {
            self.out.launches.push(launch);
        }
    }

    /// Components of Kubernetes whose units were not given, by files of their flags (`KUBE_APISERVER_OPTS="--…"`).
    pub(super) fn components_alone(&mut self) {
        let components =
            [Component::Apiserver, Component::ControllerManager, Component::Scheduler, Component::Proxy];
        for component in components {
            if self.has(component) {
                continue;
            }
            for found in self.files.documents() {
                let At::File(file, Some(document)) = self.files.at(&found.path) else { continue };
                let Document::Environment(environment) = &*document else { continue };
                let flags = given(environment, file, |name| Component::of_name(name) == Some(component));
                if flags.all().is_empty() || is_aside(&found.path) {
                    continue;
                }
                let reason = "its unit was not given, which may give other flags".to_owned();
                let doubts = vec![Doubt { file, line: 0, reason }];
                let mut launch = Launch { flags, doubts, ..bare(component, By::Environment, file, true) };
                self.configure(&mut launch);
                self.out.launches.push(launch);
            }
        }
    }

    /// etcd where nothing that starts it was given: by its environment, or else by its configuration.
    pub(super) fn etcd_alone(&mut self) {
        if self.has(Component::Etcd) {
            return;
        }
        let found: Vec<PathBuf> = self.files.documents().into_iter().map(|found| found.path).collect();
        let mut paths: Vec<PathBuf> = ETCD_ENVIRONMENTS.map(PathBuf::from).to_vec();
        paths.extend(found.into_iter().filter(|path| !is_aside(path)));
        let mut seen = Vec::new();
        let mut launches = Vec::new();
        for path in paths {
            let At::File(file, Some(document)) = self.files.at(&path) else { continue };
            if seen.contains(&file) {
                continue;
            }
            seen.push(file);
            let stem = path.file_name().and_then(OsStr::to_str).unwrap_or_default().split('.').next();
            let is_usual = stem == Some("etcd");
            match &*document {
                Document::Environment(environment) if environment.has("ETCD_") => {
                    let mut flags = Flags::default();
                    for Variable { name, value, .. } in environment.variables() {
                        let Some(name) = etcd_flag(name) else { continue };
                        let (value, line) = (value.as_str().to_owned(), value.line(0));
                        flags.add(Flag { name, value, field: None, file, line, is_word: false });
                    }
                    launches.push(Launch { flags, ..bare(Component::Etcd, By::Environment, file, is_usual) });
                }
                Document::Settings(settings) if is_etcds(settings) => {
                    let flags = configured(settings, file);
                    launches
                        .push(Launch { flags, ..bare(Component::Etcd, By::Configuration, file, is_usual) });
                }
                _ => {}
            }
        }
        let by_environment = launches.iter().any(|launch| launch.by == By::Environment);
        for mut launch in launches {
            // What the environment names as its configuration is read with it; what it does not name is not used.
            if launch.by == By::Environment {
                self.configure(&mut launch);
            } else if by_environment {
                continue;
            }
            self.out.launches.push(launch);
        }
    }
}

/// The flags in the variables of some names, in order.
fn given(environment: &Environment, file: usize, is_wanted: impl Fn(&str) -> bool) -> Flags {
    let variables = environment.variables().iter().filter(|variable| is_wanted(&variable.name));
    let flags = variables.filter(|variable| variable.value.as_str().trim_start().starts_with('-'));
    flags.fold(Flags::default(), |flags, variable| {
        flags.followed_by(Flags::of_words(&unit_words(&variable.value, file)))
    })
}
