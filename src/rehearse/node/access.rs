//! Kubeconfigs: whom they dial, what they show and what they trust.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use zeroize::Zeroizing;

use crate::kubeconfig::{self, Credential, Kubeconfig, KubeconfigError, Material};
use crate::layout::KUBECONFIGS;
use crate::manifest::Component;
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

/// The kubeconfigs of a node.
pub(super) fn read(
    reader: &mut Reader<'_>,
    has_apiserver: bool,
    has_kubelet: bool,
    by_flag: impl Fn(Component) -> Option<PathBuf>,
) -> Vec<Access> {
    let mut found = Vec::new();
    for (file, _) in KUBECONFIGS {
        let path = Path::new("/etc/kubernetes").join(file);
        let (role, path, is_expected) = match file {
            // These may be kept elsewhere.
            "admin.conf" => (AccessRole::Admin, path, false),
            "super-admin.conf" => (AccessRole::SuperAdmin, path, false),
            "kubelet.conf" => {
                // A kubelet that has not joined yet dials with a token.
                let bootstrap = Path::new("/etc/kubernetes/bootstrap-kubelet.conf");
                let joins = !reader.exists(&path) && reader.exists(bootstrap);
                (AccessRole::Kubelet, if joins { bootstrap.to_owned() } else { path }, has_kubelet)
            }
            "controller-manager.conf" => {
                let path = by_flag(Component::ControllerManager).unwrap_or(path);
                (AccessRole::ControllerManager, path, has_apiserver)
            }
            _ => (AccessRole::Scheduler, by_flag(Component::Scheduler).unwrap_or(path), has_apiserver),
        };
        if is_expected || reader.exists(&path) {
            found.push(of_node(reader, role, &path));
        }
    }
    found
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
    let path = Path::new("/etc/kubernetes/kubelet.conf");
    let parsed = kubeconfig::parse(&reader.bytes(path).ok()?).ok()?;
    let Credential::Certificate { certificate, .. } = &parsed.credential else { return None };
    let text = match certificate.embedded() {
        Some(bytes) => Zeroizing::new(bytes.to_vec()),
        None => reader.bytes(&certificate.file(Path::new("/etc/kubernetes"))?).ok()?,
    };
    let certificate = Certificate::from_pem_or_der(&text).ok()?;
    let name = certificate.tbs.subject.common_name()?.strip_prefix("system:node:")?;
    (!name.is_empty()).then(|| name.to_owned())
}
