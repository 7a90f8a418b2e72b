//! The kubelet as a server.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::launches::Launching;
use super::{Access, AccessRole, Admission, InLayout as _, Shows, authority};
use crate::layout::{Authority, Leaf};
use crate::manifest::{By, Component, KubeletConfiguration, Launch, PathField};
use crate::rehearse::files::{FileName, Pair, Reader};

/// What the kubelet keeps its own certificates in.
const OWN: &str = "/var/lib/kubelet/pki";

/// A kubelet's files.
#[derive(Debug)]
pub(in crate::rehearse) struct Kubelet {
    /// What it serves with.
    pub(in crate::rehearse) serving: KubeletServing,
    /// Whose clients it knows.
    pub(in crate::rehearse) admission: Admission,
    /// The address that its flags give the node.
    pub(in crate::rehearse) address: Option<IpAddr>,
    /// The name that its flags or its client certificate give the node.
    pub(in crate::rehearse) host_name: Option<String>,
}

/// What a kubelet serves with.
#[derive(Debug)]
pub(in crate::rehearse) enum KubeletServing {
    /// These files.
    Pair(Arc<Pair>),
    /// It makes itself a certificate that nobody can verify, or is given one that is not here.
    SelfMade {
        /// What is known of it.
        why: String,
        /// Whether its configuration says so, rather than nothing at all being there.
        is_known: bool,
    },
}

/// What a kubelet is told.
pub(super) struct Settings<'a> {
    file: Option<(&'a FileName, &'a KubeletConfiguration)>,
    launch: Option<&'a Launch>,
}

impl<'a> Settings<'a> {
    pub(super) fn of(launching: &'a Launching) -> Self {
        let launch = launching.launch(Component::Kubelet);
        let file = launch.and_then(|launch| {
            let (file, configuration) = launch.configuration.as_ref()?;
            Some((launching.name(*file)?, configuration))
        });
        Self { file, launch }
    }

    fn configuration(&self) -> Option<&'a KubeletConfiguration> {
        self.file.as_ref().map(|(_, configuration)| *configuration)
    }

    /// The value of a flag.
    fn flag(&self, name: &str) -> Option<&'a str> {
        self.launch?.flags.value(name)
    }

    /// Whether anything of a kubelet is there.
    pub(super) fn is_there(&self, reader: &Reader<'_>) -> bool {
        let kubeconfigs = ["/etc/kubernetes/kubelet.conf", "/etc/kubernetes/bootstrap-kubelet.conf"];
        self.launch.is_some()
            || Leaf::Kubelet.exists_in(reader)
            || kubeconfigs.iter().any(|path| reader.exists(Path::new(path)))
    }

    /// A file that a flag names, or else the configuration.
    fn path(
        &self,
        flag: &str,
        field: impl FnOnce(&KubeletConfiguration) -> Option<PathBuf>,
    ) -> Option<PathBuf> {
        let given = self.flag(flag).and_then(|path| self.launch?.on_node(Path::new(path)));
        given.or_else(|| self.configuration().and_then(field))
    }
}

impl Kubelet {
    pub(super) fn read(reader: &mut Reader<'_>, settings: &Settings<'_>) -> Self {
        Self {
            serving: serving(reader, settings),
            admission: admission(reader, settings),
            address: settings.flag("node-ip").and_then(|text| text.split(',').next()?.parse().ok()),
            host_name: settings.flag("hostname-override").map(str::to_owned),
        }
    }

    /// The same with the name that its kubeconfig has it call itself, unless its flags give it one.
    pub(super) fn named_as(mut self, access: &[Access]) -> Self {
        let own = access.iter().find(|access| access.role == AccessRole::Kubelet);
        let shows = own.and_then(|access| access.content.as_ref().ok()).map(|dialling| &dialling.shows);
        if let (None, Some(Shows::Pair(pair))) = (&self.host_name, shows) {
            let name = pair.leaf().and_then(|leaf| leaf.certificate.tbs.subject.common_name());
            let name = name.and_then(|name| name.strip_prefix("system:node:"));
            self.host_name = name.filter(|name| !name.is_empty()).map(str::to_owned);
        }
        self
    }
}

fn serving(reader: &mut Reader<'_>, settings: &Settings<'_>) -> KubeletServing {
    let path = |field: Option<&PathField>| field.map(|field| field.path.clone());
    let certificate = settings.path("tls-cert-file", |file| path(file.tls_cert_file.as_ref()));
    let key = settings.path("tls-private-key-file", |file| path(file.tls_private_key_file.as_ref()));
    if let (Some(certificate), Some(key)) = (certificate, key) {
        return KubeletServing::Pair(reader.pair(&certificate, &key));
    }
    let directory = settings.path("cert-dir", |_| None).unwrap_or_else(|| PathBuf::from(OWN));
    let own = |name: &str| directory.join(name);
    let bootstrapped = own("kubelet-server-current.pem");
    if reader.exists(&bootstrapped) {
        return KubeletServing::Pair(reader.pair(&bootstrapped, &bootstrapped));
    }
    if let Some((name, _)) =
        settings.file.as_ref().filter(|(_, file)| file.server_tls_bootstrap == Some(true))
    {
        let why =
            format!("{} has serverTLSBootstrap, and what the kubelet was given is not here", name.short);
        return KubeletServing::SelfMade { why, is_known: false };
    }
    if settings.file.is_none()
        && let Some((certificate, key)) =
            Leaf::Kubelet.files(reader.tree).filter(|_| Leaf::Kubelet.exists_in(reader))
    {
        return KubeletServing::Pair(reader.pair(&certificate, &key));
    }
    let (certificate, key) = (own("kubelet.crt"), own("kubelet.key"));
    if reader.exists(&certificate) {
        return KubeletServing::Pair(reader.pair(&certificate, &key));
    }
    let why = match &settings.file {
        Some((name, _)) => {
            format!("{} names no tlsCertFile: the kubelet makes itself a certificate", name.short)
        }
        None => "no serving certificate of the kubelet is here: it makes itself one".to_owned(),
    };
    KubeletServing::SelfMade { why, is_known: settings.file.is_some() }
}

fn admission(reader: &mut Reader<'_>, settings: &Settings<'_>) -> Admission {
    let flag = settings.launch.and_then(|launch| launch.flags.switch("anonymous-auth"));
    // By its flags alone a kubelet is as it was before it had a configuration.
    let alone = settings.launch.filter(|launch| {
        matches!(launch.by, By::Unit | By::Arguments) && launch.flags.value("config").is_none()
    });
    let anonymous = flag.or_else(|| settings.configuration()?.anonymous).unwrap_or(alone.is_some());
    let without = if anonymous {
        "it is served as system:anonymous"
    } else {
        "it is answered 401, unless it brings a token"
    };
    let path = settings.path("client-ca-file", |file| Some(file.client_ca_file.as_ref()?.path.clone()));
    match (path, &settings.file) {
        (Some(path), _) => Admission::Asked { trust: reader.trust(&path), without },
        (None, Some((name, _))) => Admission::NotAsked(format!(
            "{} has no authentication.x509.clientCAFile, so the kubelet knows nobody by a certificate",
            name.short
        )),
        (None, None) if let Some(doubt) = alone.and_then(|launch| launch.doubts.first()) => {
            Admission::Unknown(format!("how the kubelet runs is not known in full: {}", doubt.reason))
        }
        (None, None) if alone.is_some() => Admission::NotAsked(
            "the kubelet has neither --client-ca-file nor --config, so it knows nobody by a certificate"
                .to_owned(),
        ),
        (None, None) => {
            let trust = reader.trust(&authority(reader.tree, Authority::Kubernetes));
            Admission::Asked { trust, without }
        }
    }
}
