//! A member of etcd: to clients and to its peers.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Admission, InLayout as _, Source, authority, file, pair_of};
use crate::layout::{Authority, Leaf};
use crate::rehearse::files::{Pair, Reader, Trouble, Trust};
use crate::rehearse::judge::Revoked;
use crate::x509::RevocationList;

/// A member's files.
#[derive(Debug)]
pub(in crate::rehearse) struct Etcd {
    /// Its name among the members.
    pub(in crate::rehearse) name: String,
    /// Where clients reach it.
    pub(in crate::rehearse) clients: Listener,
    /// Where peers reach it; the pair is also what it shows to them as their client.
    pub(in crate::rehearse) peers: Listener,
    /// What it verifies its peers with.
    pub(in crate::rehearse) peer_trust: Option<Arc<Trust>>,
    /// The members as `--initial-cluster` names them, each with its URL.
    pub(in crate::rehearse) initial_cluster: Vec<(String, String)>,
    /// The common names that peers may have (`--peer-cert-allowed-cn`); empty means any.
    pub(in crate::rehearse) peer_names: Vec<String>,
    /// Whether its gRPC gateway dials itself, with the serving certificate as its client certificate.
    pub(in crate::rehearse) has_gateway: bool,
    /// What the health check shows, and what it trusts.
    pub(in crate::rehearse) healthcheck: Option<(Arc<Pair>, Arc<Trust>)>,
    /// The file that says how it runs, as it is shown; empty where none does.
    pub(in crate::rehearse) file: String,
    /// What is to be told of it.
    pub(in crate::rehearse) notes: Vec<String>,
}

/// One of the two sides on which a member listens.
#[derive(Debug)]
pub(in crate::rehearse) struct Listener {
    /// The certificate's path on the node.
    certificate: PathBuf,
    /// What it shows; none where it is named nothing.
    pub(in crate::rehearse) pair: Option<Arc<Pair>>,
    /// Why it speaks without TLS, where it does.
    pub(in crate::rehearse) plain: Option<String>,
    pub(in crate::rehearse) admission: Admission,
    /// The serial numbers that are refused, where there is a list of them.
    pub(in crate::rehearse) revoked: Option<Result<Arc<Revoked>, Trouble>>,
    /// The URLs by which others are told to reach it, and those that it listens on.
    pub(in crate::rehearse) urls: Vec<String>,
}

/// The names of a listener's flags.
struct FlagNames {
    certificate: &'static str,
    key: &'static str,
    trusted: &'static str,
    required: &'static str,
    automatic: &'static str,
    revoked: &'static str,
    urls: [&'static str; 2],
}

const CLIENTS: FlagNames = FlagNames {
    certificate: "cert-file",
    key: "key-file",
    trusted: "trusted-ca-file",
    required: "client-cert-auth",
    automatic: "auto-tls",
    revoked: "client-crl-file",
    urls: ["advertise-client-urls", "listen-client-urls"],
};

const PEERS: FlagNames = FlagNames {
    certificate: "peer-cert-file",
    key: "peer-key-file",
    trusted: "peer-trusted-ca-file",
    required: "peer-client-cert-auth",
    automatic: "peer-auto-tls",
    revoked: "peer-crl-file",
    urls: ["initial-advertise-peer-urls", "listen-peer-urls"],
};

impl Etcd {
    pub(super) fn read(reader: &mut Reader<'_>, source: Option<Source<'_>>, node: &str) -> Self {
        let tree = reader.tree;
        let server = Leaf::EtcdServer.files(tree).unwrap_or_default();
        // In the pem convention one certificate serves clients and peers.
        let peer = Leaf::EtcdPeer.files(tree).unwrap_or_else(|| server.clone());
        let clients = listener(reader, source, &CLIENTS, server);
        let peers = listener(reader, source, &PEERS, peer);
        let peer_trust = trusted(reader, source, &PEERS);
        let value = |flag: &str| source.and_then(|source| source.flags.value(flag));
        let cluster = source.map(|source| source.flags.list("initial-cluster")).unwrap_or_default();
        let healthcheck = healthcheck(reader, source, &clients).filter(|_| clients.plain.is_none());
        let file = source.map(|source| source.name.path.clone()).unwrap_or_default();
        let plain = [(&clients, "its clients"), (&peers, "its peers")];
        let plain = plain.into_iter().filter_map(|(listener, whom)| Some((listener.plain.as_ref()?, whom)));
        let notes =
            plain.map(|(why, whom)| format!("{file}: etcd speaks with {whom} without TLS: {why}")).collect();
        let gateway = source.and_then(|source| source.flags.switch("enable-grpc-gateway"));
        Self {
            name: value("name").unwrap_or(node).to_owned(),
            clients,
            peers,
            peer_trust,
            initial_cluster: cluster
                .into_iter()
                .filter_map(|member| member.split_once('='))
                .map(|(name, url)| (name.to_owned(), url.to_owned()))
                .collect(),
            peer_names: source
                .map(|source| source.flags.list("peer-cert-allowed-cn"))
                .unwrap_or_default()
                .into_iter()
                .map(str::to_owned)
                .collect(),
            has_gateway: gateway.unwrap_or(true),
            healthcheck,
            file,
            notes,
        }
    }
}

/// The pair of kubeadm's health check. Elsewhere than in its layout there is none, unless it is there.
fn healthcheck(
    reader: &mut Reader<'_>,
    source: Option<Source<'_>>,
    clients: &Listener,
) -> Option<(Arc<Pair>, Arc<Trust>)> {
    let tree = reader.tree;
    let (certificate, key) = Leaf::EtcdHealthcheckClient
        .files(tree)
        .unwrap_or_else(|| pair_of(tree.layout.naming, &tree.layout.etcd.join("healthcheck-client")));
    let is_kubeadms = source.is_none() || clients.certificate.parent() == certificate.parent();
    (is_kubeadms || reader.exists(&certificate))
        .then(|| (reader.pair(&certificate, &key), reader.trust(&authority(tree, Authority::Etcd))))
}

fn trusted(reader: &mut Reader<'_>, source: Option<Source<'_>>, names: &FlagNames) -> Option<Arc<Trust>> {
    file(source, names.trusted, || authority(reader.tree, Authority::Etcd)).map(|path| reader.trust(&path))
}

fn listener(
    reader: &mut Reader<'_>,
    source: Option<Source<'_>>,
    names: &FlagNames,
    layout: (PathBuf, PathBuf),
) -> Listener {
    let certificate = file(source, names.certificate, || layout.0);
    let key = file(source, names.key, || layout.1);
    let pair = certificate.as_ref().map(|certificate| {
        // Without a flag for the key etcd does not start.
        reader.pair(certificate, key.as_deref().unwrap_or(Path::new("")))
    });
    let switch = |flag: &str| source.and_then(|source| source.flags.switch(flag)) == Some(true);
    let manifest = source.map(|source| source.name.short.as_str()).unwrap_or_default();
    // etcd requires a certificate wherever it has a CA to hold it against, with or without the switch
    // (client/pkg/transport, TLSInfo.ServerConfig).
    let settings = source.and_then(|source| source.flags.value("config-file"));
    let doubt = source.and_then(|source| source.doubt());
    let listens = source.map(|source| source.flags.list(names.urls[1])).unwrap_or_default();
    let plain = if settings.is_some() || doubt.is_some() || switch(names.automatic) {
        None
    } else if pair.is_none() {
        Some(format!("no --{} is given", names.certificate))
    } else if !listens.is_empty() && listens.iter().all(|url| url.starts_with("http://")) {
        Some(format!("--{} has no https", names.urls[1]))
    } else {
        None
    };
    let admission = match trusted(reader, source, names) {
        _ if settings.is_some() => Admission::Unknown(format!(
            "{manifest} has --config-file: etcd takes everything from it, and it could not be read"
        )),
        _ if switch(names.automatic) => Admission::Unknown(format!(
            "{manifest} has --{}: etcd makes itself certificates, which cannot be rehearsed",
            names.automatic
        )),
        Some(trust) => Admission::Required(trust),
        None if let Some(doubt) = doubt => Admission::Unknown(doubt),
        None if switch(names.required) => Admission::Unknown(format!(
            "{manifest} has --{} without --{}: clients are held against the system's CAs, which are not here",
            names.required, names.trusted
        )),
        None => Admission::NotAsked(format!(
            "{manifest} has neither --{} nor --{}, so etcd asks nobody for a certificate",
            names.required, names.trusted
        )),
    };
    let urls =
        names.urls.iter().flat_map(|flag| source.map(|source| source.flags.list(flag)).unwrap_or_default());
    let urls = urls.map(str::to_owned).collect();
    let revoked = source.and_then(|source| source.path(names.revoked)).map(|path| revoked(reader, &path));
    Listener { certificate: certificate.unwrap_or_default(), pair, plain, admission, revoked, urls }
}

/// The serial numbers of a list. etcd reads DER, and refuses everybody when it cannot.
fn revoked(reader: &Reader<'_>, path: &Path) -> Result<Arc<Revoked>, Trouble> {
    let name = reader.name(path);
    let text = reader.bytes(path)?;
    let list = RevocationList::from_der(&text).map_err(|error| {
        let error = format!("{error}; etcd reads a list in DER, and refuses everybody without it");
        Trouble::broken(&name, error)
    })?;
    let serials = list.entries().map(|(_, serial, _)| serial.clone()).collect();
    Ok(Arc::new(Revoked { name, serials }))
}
