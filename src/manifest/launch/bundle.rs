//! Programs that have several components in them, and start each with flags of their own: k3s, RKE2, k0s.
//!
//! Sources: their documents, and `pkg/daemons/control/server.go` (k3s), `pkg/component/controller/{apiserver,controllermanager,etcd}.go`
//! (k0s) for the flags that they give themselves.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use super::own::{
    K0S_CONTROLLER, K0S_ETCD, K0S_ETCD_CLIENT, K0S_WORKER, K3S_ETCD, K3S_SERVER, RANCHER_AGENT,
};
use super::{At, By, Doubt, Launch, Resolver, shown};
use crate::manifest::flags::Flag;
use crate::manifest::words::{Command, Value, Variables};
use crate::manifest::{Component, Document, Flags, Settings};

/// Such a program, as a unit starts it.
#[derive(Debug, Clone)]
pub(super) struct Bundle {
    pub(super) name: &'static str,
    /// The number of the unit's file.
    pub(super) file: usize,
    pub(super) arguments: Command,
    pub(super) variables: Variables,
    pub(super) directory: PathBuf,
    pub(super) doubts: Vec<Doubt>,
}

/// Where such programs have the manifests that their kubelet runs.
pub(super) fn manifest_directories() -> [PathBuf; 2] {
    ["/var/lib/rancher/rke2/agent/pod-manifests", "/var/lib/rancher/k3s/agent/pod-manifests"]
        .map(PathBuf::from)
}

/// Where Rancher's programs keep their data unless told otherwise.
fn rancher_data(name: &str) -> PathBuf {
    Path::new("/var/lib/rancher").join(name)
}

const K0S_DATA: &str = "/var/lib/k0s";

/// A program with its settings, whatever they come from.
struct Running {
    name: &'static str,
    /// `server`, `agent`, `controller`, `worker`.
    command: String,
    /// The number of the file that its components are said to be in.
    file: usize,
    /// Its own flags, those that count more last.
    flags: Vec<Flag>,
    data: PathBuf,
    /// Whether that it runs is known by its data alone.
    is_assumed: bool,
    doubts: Vec<Doubt>,
}

impl Running {
    fn last(&self, name: &str) -> Option<&Flag> {
        self.flags.iter().rev().find(|flag| flag.name == name && !flag.value.is_empty())
    }

    fn is_on(&self, name: &str) -> bool {
        self.last(name).is_some_and(|flag| flag.value == "true")
    }
}

impl Resolver<'_> {
    /// What k3s, RKE2 and k0s run.
    pub(super) fn bundles(&mut self) {
        let mut running = Vec::new();
        for bundle in std::mem::take(&mut self.bundles) {
            running.extend(self.running(&bundle));
        }
        running.extend(self.by_their_data(&running.iter().map(|one| one.name).collect::<Vec<_>>()));
        for one in running {
            match one.name {
                "k0s" => self.k0s(&one),
                _ => self.rancher(&one),
            }
        }
    }

    fn running(&mut self, bundle: &Bundle) -> Option<Running> {
        let is_command = |word: &str| matches!(word, "server" | "agent" | "controller" | "worker");
        let (at, command) = bundle.arguments.iter().enumerate().find(|(_, word)| is_command(&word.text))?;
        let command = command.text.clone();
        let (given, unknown) =
            super::units::flags(Component::Apiserver, bundle.arguments.get(at + 1..)?, &bundle.variables);
        let mut doubts = bundle.doubts.clone();
        doubts.extend(unknown);
        let mut flags = Vec::new();
        if bundle.name != "k0s" {
            let prefix = if bundle.name == "k3s" { "K3S_" } else { "RKE2_" };
            for (name, file, value) in bundle.variables.all() {
                if let Some(name) = name.strip_prefix(prefix) {
                    let name = name.to_ascii_lowercase().replace('_', "-");
                    flags.push(Flag {
                        name,
                        value: value.as_str().to_owned(),
                        field: None,
                        file,
                        line: value.line(0),
                        is_word: false,
                    });
                }
            }
            let configured = match bundle.variables.get(&format!("{prefix}CONFIG_FILE")) {
                Value::Set(_, path) => Some(path.as_str().to_owned()),
                _ => given.value("config").or_else(|| given.value("c")).map(str::to_owned),
            };
            flags.extend(self.rancher_configuration(bundle.name, configured.as_deref(), &mut doubts));
        }
        flags.extend(given.all().iter().cloned());
        let default = if bundle.name == "k0s" { PathBuf::from(K0S_DATA) } else { rancher_data(bundle.name) };
        let mut one = Running {
            name: bundle.name,
            command,
            file: bundle.file,
            flags,
            data: default,
            is_assumed: false,
            doubts,
        };
        if let Some(data) = one.last("data-dir").or_else(|| one.last("d")) {
            one.data = bundle.directory.join(&data.value);
        }
        Some(one)
    }

    /// k3s' and RKE2's configuration: `config.yaml` and what stands in `config.yaml.d`, in which a field takes the place of an earlier
    /// one unless its name ends in a plus.
    fn rancher_configuration(
        &mut self,
        name: &str,
        named: Option<&str>,
        doubts: &mut Vec<Doubt>,
    ) -> Vec<Flag> {
        let usual = Path::new("/etc/rancher").join(name).join("config.yaml");
        let path = named.map_or(usual, PathBuf::from);
        let drop_ins = PathBuf::from(format!("{}.d", path.display()));
        let found = self.files.names(&drop_ins).into_iter().map(|name| drop_ins.join(name));
        let is_yaml = |path: &PathBuf| {
            path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml")
        };
        let paths: Vec<PathBuf> = [path].into_iter().chain(found.filter(is_yaml)).collect();
        let mut flags: Vec<Flag> = Vec::new();
        for path in paths {
            match self.at(&path) {
                At::File(file, document) => {
                    if let Some(Document::Settings(settings)) = document.as_deref() {
                        take_over(&mut flags, settings, file);
                    }
                }
                At::Unread(file, reason) => doubts.push(Doubt { file, line: 0, reason }),
                At::Missing | At::Unknown => {}
            }
        }
        flags
    }

    /// Programs that no unit starts, as far as it is known: by the files that they write.
    fn by_their_data(&mut self, known: &[&str]) -> Vec<Running> {
        const SIGNS: [(&str, &str, &str); 8] = [
            ("k3s", "server", "server/tls/serving-kube-apiserver.crt"),
            ("k3s", "server", "server/tls/server-ca.crt"),
            ("k3s", "agent", "agent/client-kubelet.crt"),
            ("rke2", "server", "server/tls/serving-kube-apiserver.crt"),
            ("rke2", "server", "server/tls/server-ca.crt"),
            ("rke2", "agent", "agent/client-kubelet.crt"),
            ("k0s", "controller", "pki/server.crt"),
            ("k0s", "worker", "kubelet.conf"),
        ];
        let mut found: Vec<Running> = Vec::new();
        for (name, command, sign) in SIGNS {
            let data = if name == "k0s" { PathBuf::from(K0S_DATA) } else { rancher_data(name) };
            if known.contains(&name) || found.iter().any(|one| one.name == name) {
                continue;
            }
            let At::File(file, _) = self.files.at(&data.join(sign)) else { continue };
            let reason =
                format!("what starts {name} was not given, which may give its components other flags");
            let mut doubts = vec![Doubt { file, line: 0, reason }];
            let flags = match name {
                "k0s" => Vec::new(),
                _ => self.rancher_configuration(name, None, &mut doubts),
            };
            found.push(Running {
                name,
                command: command.to_owned(),
                file,
                flags,
                data,
                is_assumed: true,
                doubts,
            });
        }
        found
    }

    /// Adds a component with the flags that its program gives it, and those that it is told to give beside them.
    fn own(&mut self, one: &Running, component: Component, own: &[(&str, &str)], more: Vec<Flag>) {
        let data = one.data.to_string_lossy();
        let mut flags = Flags::default();
        for (name, value) in own {
            let value = value.replace("{}", &data);
            flags.add(Flag {
                name: (*name).to_owned(),
                value,
                field: None,
                file: one.file,
                line: 0,
                is_word: false,
            });
        }
        if one.is_assumed {
            let written = more.iter().filter(|flag| flag.line > 0).cloned().collect();
            self.written(one, component, written, None);
        }
        flags.extend(more);
        let mut launch = launch(one, component, flags);
        self.configure(&mut launch);
        let launches = if one.is_assumed { &mut self.out.assumed } else { &mut self.out.launches };
        launches.push(launch);
    }

    /// Adds a component with those flags alone that files give it, where others are not known.
    fn written(&mut self, one: &Running, component: Component, flags: Vec<Flag>, doubt: Option<String>) {
        if flags.is_empty() {
            return;
        }
        let mut known = Flags::default();
        known.extend(flags);
        let mut launch = launch(one, component, known);
        launch.doubts.extend(doubt.map(|reason| Doubt { file: one.file, line: 0, reason }));
        self.configure(&mut launch);
        self.out.launches.push(launch);
    }

    /// What RKE2 is told to give to the components of a server, where the static pods that it writes for them are not at hand.
    fn rke2_server(&mut self, one: &Running) {
        const TOLD: [(Component, &str); 4] = [
            (Component::Apiserver, "kube-apiserver-arg"),
            (Component::ControllerManager, "kube-controller-manager-arg"),
            (Component::Scheduler, "kube-scheduler-arg"),
            (Component::Etcd, "etcd-arg"),
        ];
        for (component, option) in TOLD {
            let pod = one.data.join("agent/pod-manifests").join(format!("{}.yaml", component.program()));
            if matches!(self.files.at(&pod), At::File(..)) {
                continue;
            }
            let reason = format!(
                "RKE2 gives {component} other flags as well, in {}, which was not given",
                shown(&pod)
            );
            self.written(one, component, told(one, option), Some(reason));
        }
    }

    fn rancher(&mut self, one: &Running) {
        let is_server = one.command == "server";
        if is_server && one.name == "k3s" {
            for (component, own) in K3S_SERVER {
                let (off, option) = match component {
                    Component::Apiserver => ("disable-apiserver", "kube-apiserver-arg"),
                    Component::ControllerManager => {
                        ("disable-controller-manager", "kube-controller-manager-arg")
                    }
                    _ => ("disable-scheduler", "kube-scheduler-arg"),
                };
                if one.is_on(off) {
                    continue;
                }
                let mut more = Vec::new();
                let mut own = own.to_vec();
                if component == Component::Apiserver {
                    more.extend(k3s_network(one));
                    if one.last("datastore-endpoint").is_none() {
                        own.extend(self.has_embedded_etcd(one).then_some(K3S_ETCD).into_iter().flatten());
                    }
                }
                more.extend(told(one, option));
                self.own(one, component, &own, more);
            }
            self.k3s_etcd(one);
        }
        if is_server && one.name == "rke2" {
            self.rke2_server(one);
        }
        if !(is_server && one.is_on("disable-agent")) {
            for (component, own) in RANCHER_AGENT {
                let option = if component == Component::Kubelet { "kubelet-arg" } else { "kube-proxy-arg" };
                let mut more = told(one, option);
                let names = [("node-ip", "node-ip"), ("node-name", "hostname-override")];
                for (from, to) in names.into_iter().filter(|_| component == Component::Kubelet) {
                    more.extend(one.last(from).map(|flag| Flag { name: to.to_owned(), ..flag.clone() }));
                }
                self.own(one, component, own, more);
            }
        }
    }

    /// Whether k3s runs etcd in itself rather than `SQLite`: it has written etcd's configuration, or is told to.
    fn has_embedded_etcd(&self, one: &Running) -> bool {
        let certificate = self.files.at(&one.data.join("server/tls/etcd/client.crt"));
        one.last("datastore-endpoint").is_none()
            && (matches!(certificate, At::File(..)) || one.is_on("cluster-init"))
    }

    /// etcd in k3s, by the configuration that k3s writes for it.
    fn k3s_etcd(&mut self, one: &Running) {
        if one.is_on("disable-etcd") {
            return;
        }
        let path = one.data.join("server/db/etcd/config");
        if let At::File(..) = self.at(&path) {
            let file = path.to_string_lossy().into_owned();
            self.own(one, Component::Etcd, &[("config-file", file.as_str())], Vec::new());
        }
    }

    fn k0s(&mut self, one: &Running) {
        if one.command == "controller" {
            let configuration = self.k0s_configuration(one);
            let field = |path: &str| {
                let (file, settings) = configuration.as_ref()?;
                let field = settings.values(path).last()?;
                Some((*file, field.value.clone(), field.line))
            };
            let flag = |name: &str, path: &str| {
                let (file, value, line) = field(path)?;
                Some(Flag {
                    name: name.to_owned(),
                    value,
                    field: Some(path.to_owned()),
                    file,
                    line,
                    is_word: false,
                })
            };
            let kine = field("spec.storage.type").is_some_and(|(_, value, _)| value == "kine");
            let external = field("spec.storage.etcd.externalCluster.endpoints").is_some();
            for (component, own) in K0S_CONTROLLER {
                let mut own = own.to_vec();
                let mut more = Vec::new();
                let section = match component {
                    Component::Apiserver => "api",
                    Component::ControllerManager => "controllerManager",
                    _ => "scheduler",
                };
                if component == Component::Apiserver {
                    if !kine && !external {
                        own.extend(K0S_ETCD_CLIENT);
                    }
                    more.extend(flag("advertise-address", "spec.api.address"));
                    more.extend(default_range(one, "10.96.0.0/12"));
                    more.extend(flag("service-cluster-ip-range", "spec.network.serviceCIDR"));
                    let names = [
                        ("etcd-servers", "endpoints"),
                        ("etcd-cafile", "caFile"),
                        ("etcd-certfile", "clientCertFile"),
                        ("etcd-keyfile", "clientKeyFile"),
                    ];
                    more.extend(names.iter().filter_map(|(name, last)| {
                        flag(name, &format!("spec.storage.etcd.externalCluster.{last}"))
                    }));
                }
                more.extend(extra(configuration.as_ref(), &format!("spec.{section}.extraArgs.")));
                self.own(one, component, &own, more);
            }
            if !kine && !external {
                let (component, own) = K0S_ETCD;
                let more = field("spec.storage.etcd.peerAddress").map(|(file, value, line)| {
                    let url = format!("https://{value}:2380");
                    ["listen-peer-urls", "initial-advertise-peer-urls"].map(|name| Flag {
                        name: name.to_owned(),
                        value: url.clone(),
                        field: None,
                        file,
                        line,
                        is_word: false,
                    })
                });
                let mut more: Vec<Flag> = more.into_iter().flatten().collect();
                more.extend(extra(configuration.as_ref(), "spec.storage.etcd.extraArgs."));
                self.own(one, component, own, more);
            }
        }
        if one.command == "worker" || one.is_on("enable-worker") || one.is_on("single") {
            let (component, own) = K0S_WORKER;
            let configuration = ["/run/k0s/kubelet/config.yaml".into(), one.data.join("kubelet-config.yaml")];
            let there =
                configuration.into_iter().find(|path: &PathBuf| matches!(self.files.at(path), At::File(..)));
            let path = there.map(|path| path.to_string_lossy().into_owned());
            let mut own = own.to_vec();
            own.extend(path.as_deref().map(|path| ("config", path)));
            self.own(one, component, &own, Vec::new());
        }
    }

    /// k0s' configuration: the one that is named, or `/etc/k0s/k0s.yaml`.
    fn k0s_configuration(&mut self, one: &Running) -> Option<(usize, Settings)> {
        let named = one.last("config").or_else(|| one.last("c")).map(|flag| PathBuf::from(&flag.value));
        match self.at(&named.unwrap_or_else(|| "/etc/k0s/k0s.yaml".into())) {
            At::File(file, Some(document)) => match &*document {
                Document::Settings(settings) => Some((file, settings.clone())),
                _ => None,
            },
            _ => None,
        }
    }
}

/// A component that such a program runs.
fn launch(one: &Running, component: Component, flags: Flags) -> Launch {
    Launch {
        component,
        by: By::Bundle,
        file: one.file,
        flags,
        configuration: None,
        image: None,
        mounts: None,
        directory: PathBuf::from("/"),
        is_usual: true,
        doubts: one.doubts.clone(),
    }
}

/// The API server's network, and the datastore where it is none of its own.
fn k3s_network(one: &Running) -> Vec<Flag> {
    const NAMES: [(&str, &str); 6] = [
        ("service-cidr", "service-cluster-ip-range"),
        ("datastore-endpoint", "etcd-servers"),
        ("datastore-cafile", "etcd-cafile"),
        ("datastore-certfile", "etcd-certfile"),
        ("datastore-keyfile", "etcd-keyfile"),
        ("advertise-address", "advertise-address"),
    ];
    let own = |name: &str, value: String| Flag {
        name: name.to_owned(),
        value,
        field: None,
        file: one.file,
        line: 0,
        is_word: false,
    };
    let domain = one.last("cluster-domain").map_or("cluster.local", |flag| &flag.value);
    let mut flags = vec![own("service-account-issuer", format!("https://kubernetes.default.svc.{domain}"))];
    flags.extend(default_range(one, "10.43.0.0/16"));
    for (from, to) in NAMES {
        flags.extend(one.last(from).map(|flag| Flag { name: to.to_owned(), ..flag.clone() }));
    }
    flags
}

/// The network of services that a program takes unless it is told another; what starts it may tell it that.
fn default_range(one: &Running, range: &str) -> Option<Flag> {
    let (name, value) = ("service-cluster-ip-range".to_owned(), range.to_owned());
    (!one.is_assumed).then_some(Flag { name, value, field: None, file: one.file, line: 0, is_word: false })
}

/// What a configuration sets, over what stood before it.
fn take_over(flags: &mut Vec<Flag>, settings: &Settings, file: usize) {
    let mut replaced: HashSet<&str> = HashSet::new();
    for field in settings.fields() {
        let name = field.path.trim_end_matches('+');
        if name.len() == field.path.len() && replaced.insert(name) {
            flags.retain(|flag| flag.name != name);
        }
        let (name, value) = (name.to_owned(), field.value.clone());
        flags.push(Flag {
            name,
            value,
            field: Some(field.path.clone()),
            file,
            line: field.line,
            is_word: false,
        });
    }
}

/// The flags that a program is told to give to a component: `kube-apiserver-arg: [name=value]`.
fn told(one: &Running, option: &str) -> Vec<Flag> {
    let given = one.flags.iter().filter(|flag| flag.name == option);
    given
        .map(|flag| {
            let bare = flag.value.trim_start_matches('-');
            let (name, value) = bare.split_once('=').unwrap_or((bare, "true"));
            Flag { name: name.replace('_', "-"), value: value.to_owned(), ..flag.clone() }
        })
        .collect()
}

/// The same in k0s: `extraArgs: {name: value}`.
fn extra(configuration: Option<&(usize, Settings)>, prefix: &str) -> Vec<Flag> {
    let Some((file, settings)) = configuration else { return Vec::new() };
    let given = settings.fields().iter().filter_map(|field| {
        let name = field.path.strip_prefix(prefix)?.to_owned();
        let (value, line) = (field.value.clone(), field.line);
        Some(Flag { name, value, field: Some(field.path.clone()), file: *file, line, is_word: false })
    });
    given.collect()
}
