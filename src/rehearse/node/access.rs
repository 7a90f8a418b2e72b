//! Kubeconfigs: whom they dial, what they show and what they trust.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use zeroize::Zeroizing;

use super::Source;
use crate::kubeconfig::{self, Credential, Kubeconfig, KubeconfigError, Material};
use crate::manifest::{By, Component};
use crate::rehearse::files::{FileName, Pair, Reader, Trouble, Trust};
use crate::x509::{Certificate, Printable};

/// Whose kubeconfig it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(in crate::rehearse) enum AccessRole {
    Admin,
    SuperAdmin,
    User,
    ControllerManager,
    Scheduler,
    Kubelet,
    Proxy,
}

/// A kubeconfig.
#[derive(Debug)]
pub(in crate::rehearse) struct Access {
    pub(in crate::rehearse) role: AccessRole,
    pub(in crate::rehearse) name: FileName,
    pub(in crate::rehearse) content: Result<Dialling, Trouble>,
}

/// What a kubeconfig says.
#[derive(Debug)]
pub(in crate::rehearse) struct Dialling {
    /// The API server's URL.
    pub(in crate::rehearse) server: String,
    /// The name that is expected in the server's certificate, where it is not the URL's.
    pub(in crate::rehearse) tls_server_name: Option<String>,
    pub(in crate::rehearse) shows: Shows,
    pub(in crate::rehearse) trusts: ServerTrust,
}

/// What a client shows.
#[derive(Debug, Clone)]
pub(in crate::rehearse) enum Shows {
    /// A certificate.
    Pair(Arc<Pair>),
    /// None, for this reason.
    Nothing(String),
}

/// What a client trusts.
#[derive(Debug, Clone)]
pub(in crate::rehearse) enum ServerTrust {
    /// These CAs.
    Anchors(Arc<Trust>),
    /// The system's CAs, which are not here.
    System,
    /// Whoever answers: it does not verify, as it is said here; whether that is a fault.
    Anyone { why: String, is_fault: bool },
    /// A CA that is not in the tree, for which one was made.
    StandIn,
}

/// Where an administrator's kubeconfig is on a control plane: kubeadm's place, then those of k0s, k3s, RKE2, `MicroK8s` and the hard way.
const ADMINS: [&str; 6] = [
    "/etc/kubernetes/admin.conf",
    "/var/lib/k0s/pki/admin.conf",
    "/var/lib/rancher/k3s/server/cred/admin.kubeconfig",
    "/var/lib/rancher/rke2/server/cred/admin.kubeconfig",
    "/var/snap/microk8s/current/credentials/client.config",
    "/var/lib/kubernetes/admin.kubeconfig",
];

/// The same of a kubelet, where no flag names it.
const KUBELETS: [&str; 7] = [
    "/etc/kubernetes/kubelet.conf",
    "/etc/kubernetes/kubelet.kubeconfig",
    "/var/lib/kubelet/kubeconfig",
    "/var/lib/rancher/k3s/agent/kubelet.kubeconfig",
    "/var/lib/rancher/rke2/agent/kubelet.kubeconfig",
    "/var/lib/k0s/kubelet.conf",
    "/var/snap/microk8s/current/credentials/kubelet.config",
];

/// A kubelet's kubeconfig with which it dials before it has joined.
const BOOTSTRAP: &str = "/etc/kubernetes/bootstrap-kubelet.conf";

/// The kubeconfigs of a node. `launched` is how its components run.
pub(super) fn read<'s>(
    reader: &mut Reader<'_>,
    has_apiserver: bool,
    has_kubelet: bool,
    launched: &dyn Fn(Component) -> Option<Source<'s>>,
) -> Vec<Access> {
    let mut found = Vec::new();
    let first = |reader: &Reader<'_>, places: &[&str]| {
        places.iter().map(Path::new).find(|path| reader.exists(path)).map(Path::to_owned)
    };
    // These may be kept elsewhere.
    if let Some(path) = first(reader, &ADMINS) {
        found.push(of_node(reader, AccessRole::Admin, &path));
    }
    let path = Path::new("/etc/kubernetes/super-admin.conf");
    if reader.exists(path) {
        found.push(of_node(reader, AccessRole::SuperAdmin, path));
    }
    if let Some(path) = kubelets(reader, has_kubelet, launched(Component::Kubelet), first) {
        found.push(of_node(reader, AccessRole::Kubelet, &path));
    }
    // Where the API server is a static pod, or nothing says how it runs, the others are as kubeadm has them.
    let as_kubeadm = launched(Component::Apiserver).is_none_or(|source| source.launch.by == By::Pod);
    for (component, role, file) in [
        (
            Component::ControllerManager,
            AccessRole::ControllerManager,
            "/etc/kubernetes/controller-manager.conf",
        ),
        (Component::Scheduler, AccessRole::Scheduler, "/etc/kubernetes/scheduler.conf"),
    ] {
        let usual = Path::new(file);
        let path = match launched(component) {
            Some(source) => source.path("kubeconfig"),
            None if has_apiserver && as_kubeadm || reader.exists(usual) => Some(usual.to_owned()),
            None => None,
        };
        found.extend(path.map(|path| of_node(reader, role, &path)));
    }
    let proxy = launched(Component::Proxy).and_then(|source| source.path("kubeconfig"));
    found.extend(proxy.map(|path| of_node(reader, AccessRole::Proxy, &path)));
    found
}

/// The kubeconfig of the kubelet: that of its flag, or in a usual place. One that has not joined yet dials with a token.
fn kubelets(
    reader: &Reader<'_>,
    has_kubelet: bool,
    source: Option<Source<'_>>,
    first: impl Fn(&Reader<'_>, &[&str]) -> Option<PathBuf>,
) -> Option<PathBuf> {
    let flag = |name: &str| source.and_then(|source| source.path(name));
    let usual = || first(reader, &KUBELETS);
    let own = flag("kubeconfig").or_else(usual);
    let bootstrap = flag("bootstrap-kubeconfig").unwrap_or_else(|| PathBuf::from(BOOTSTRAP));
    let joins = own.as_ref().is_none_or(|own| !reader.exists(own)) && reader.exists(&bootstrap);
    if joins {
        return Some(bootstrap);
    }
    own.or_else(|| has_kubelet.then(|| PathBuf::from("/etc/kubernetes/kubelet.conf")))
}

fn of_node(reader: &mut Reader<'_>, role: AccessRole, path: &Path) -> Access {
    let name = reader.name(path);
    let directory = path.parent().unwrap_or(Path::new("/")).to_owned();
    let content = reader.bytes(path).and_then(|text| {
        dialling(&name, &text, &mut |material| {
            let file = material.file(&directory).unwrap_or_default();
            (reader.name(&file), reader.bytes(&file))
        })
    });
    Access { role, name, content }
}

/// The bytes of what a kubeconfig points to.
pub(in crate::rehearse) type Open<'a> =
    dyn FnMut(&Material) -> (FileName, Result<Zeroizing<Vec<u8>>, Trouble>) + 'a;

/// What a kubeconfig says; `open` opens the files that it points to.
pub(in crate::rehearse) fn dialling(
    name: &FileName,
    text: &[u8],
    open: &mut Open<'_>,
) -> Result<Dialling, Trouble> {
    let parsed = kubeconfig::parse(text).map_err(|error| Trouble::broken(name, words(&error)))?;
    let mut opened = |material: &Material| match material.embedded() {
        Some(bytes) => (name.clone(), Ok(Zeroizing::new(bytes.to_vec()))),
        None => open(material),
    };
    let shows = match &parsed.credential {
        Credential::Certificate { certificate, key } => {
            Shows::Pair(Arc::new(Pair::of(opened(certificate), opened(key))))
        }
        other => Shows::Nothing(format!("{} brings {}", name.short, credential(other))),
    };
    let trusts = trusts(&parsed, name, &mut opened);
    Ok(Dialling { server: parsed.server, tls_server_name: parsed.tls_server_name, shows, trusts })
}

fn trusts(parsed: &Kubeconfig, name: &FileName, opened: &mut Open<'_>) -> ServerTrust {
    if parsed.insecure {
        let why = format!(
            "{} says insecure-skip-tls-verify: whoever answers is taken for the API server",
            name.short
        );
        return ServerTrust::Anyone { why, is_fault: true };
    }
    match &parsed.authority {
        Some(authority) => {
            let (name, text) = opened(authority);
            ServerTrust::Anchors(Arc::new(Trust::of(name, text)))
        }
        None => ServerTrust::System,
    }
}

fn words(error: &KubeconfigError) -> String {
    match error {
        KubeconfigError::Missing("client-certificate-data") => {
            "it has a key and no client-certificate-data: it waits for its certificate".to_owned()
        }
        other => other.to_string(),
    }
}

fn credential(credential: &Credential) -> String {
    match credential {
        Credential::Token { .. } => "a bearer token, no certificate".to_owned(),
        Credential::Exec { command } => {
            format!("what the program {} hands out, no certificate", Printable(command))
        }
        Credential::AuthProvider { name } => {
            format!("what the plug-in {} hands out, no certificate", Printable(name))
        }
        Credential::Password => "a password, no certificate".to_owned(),
        _ => "no credentials at all".to_owned(),
    }
}

/// The node's name in its kubelet's client certificate: what follows `system:node:` in the common name.
pub(in crate::rehearse) fn kubelet_identity(reader: &Reader<'_>) -> Option<String> {
    KUBELETS.iter().find_map(|path| identity(reader, Path::new(path)))
}

fn identity(reader: &Reader<'_>, path: &Path) -> Option<String> {
    let parsed = kubeconfig::parse(&reader.bytes(path).ok()?).ok()?;
    let Credential::Certificate { certificate, .. } = &parsed.credential else { return None };
    let text = match certificate.embedded() {
        Some(bytes) => Zeroizing::new(bytes.to_vec()),
        None => reader.bytes(&certificate.file(path.parent()?)?).ok()?,
    };
    let certificate = Certificate::from_pem_or_der(&text).ok()?;
    let name = certificate.tbs.subject.common_name()?.strip_prefix("system:node:")?;
    (!name.is_empty()).then(|| name.to_owned())
}
