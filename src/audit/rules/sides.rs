//! What a node shows to others, by which CAs it judges them, and whom it calls: what is kept of each for the rules that hold the nodes
//! against one another. No rule of its own.

use std::path::Path;
use std::sync::Arc;

use super::super::{Basis, Cert, File, Location, Node, NodeKind, Place, Role, Target, Use};
use super::apiserver::names_with_sni;
use super::etcd::{Host, Url};
use super::kubeconfigs::{all, is_own_cluster, line};
use super::m010_root_ca::serving;
use super::names::{Names, host_of};
use super::references::{MOST_ANCHORS, subjects};
use super::subjects::in_use;
use crate::audit::Holder;
use crate::manifest::Component;
use crate::x509::{Printable, sha256};

/// The most kubeconfigs of one node that are kept: those of users in a store may be many.
const MOST: usize = 1000;

/// A name and a key that sign: the SHA-256 of both. Names count by their bytes, as Go has it.
pub(super) type Signer = [u8; 32];

/// A certificate that a node shows.
#[derive(Debug, Clone)]
pub(super) struct Shown {
    pub(super) location: Location,
    pub(super) names: Arc<Names>,
    pub(super) common_name: Box<str>,
    /// Who signed it, one above the other; empty where that is not known.
    signers: Vec<Signer>,
}

impl Shown {
    fn of(cert: Cert<'_>) -> Self {
        let tbs = cert.tbs();
        Self {
            location: cert.node.location(&cert.place()),
            names: Arc::new(Names::of(tbs.extensions.names())),
            common_name: Printable(tbs.subject.common_name().unwrap_or_default()).to_string().into(),
            signers: signers(cert),
        }
    }

    /// Whether none of some CAs signed it.
    pub(super) fn is_refused_by(&self, trusted: &[Signer]) -> bool {
        !self.signers.is_empty() && !self.signers.iter().any(|signer| trusted.contains(signer))
    }
}

/// The CAs by which a node judges, and where that is said.
#[derive(Debug, Clone)]
pub(super) struct Trusted {
    pub(super) by: Box<str>,
    pub(super) signers: Vec<Signer>,
}

/// What a kubelet shows.
#[derive(Debug, Clone)]
pub(super) enum Serving {
    /// This.
    Issued(Box<Shown>),
    /// What it signed itself.
    Own,
    /// That is not known.
    Unknown,
}

/// An API server.
#[derive(Debug, Clone)]
pub(super) struct Api {
    pub(super) shown: Option<Shown>,
    pub(super) clients: Option<Trusted>,
    /// The addresses of etcd, and where they are said.
    pub(super) calls: Vec<Url>,
    pub(super) calls_at: Location,
    pub(super) to_etcd: Option<Shown>,
    pub(super) etcd: Option<Trusted>,
    pub(super) to_kubelets: Option<Shown>,
    pub(super) kubelets: Option<Trusted>,
}

/// A member of etcd.
#[derive(Debug, Clone)]
pub(super) struct Member {
    pub(super) name: Box<str>,
    pub(super) server: Option<Shown>,
    pub(super) peer: Option<Shown>,
    pub(super) clients: Option<Trusted>,
    pub(super) peers: Option<Trusted>,
    /// On which addresses it listens for clients.
    pub(super) listens: Vec<Url>,
    /// The members, by `--initial-cluster`, and where that is said.
    pub(super) members: Vec<(Box<str>, Url)>,
    pub(super) members_at: Location,
    /// The common name that its peers must have.
    pub(super) peer_name: Option<Box<str>>,
}

/// A kubelet.
#[derive(Debug, Clone)]
pub(super) struct Kubelet {
    pub(super) client: Option<Shown>,
    pub(super) serving: Serving,
    pub(super) clients: Option<Trusted>,
}

/// Whom a kubeconfig calls.
#[derive(Debug, Clone)]
pub(super) struct Dial {
    pub(super) location: Location,
    /// By which name; none where it names no server.
    pub(super) host: Option<Box<str>>,
    /// The CAs that it trusts; none where it has none of its own.
    pub(super) trusted: Option<Vec<Signer>>,
    /// What these are called; safe to show.
    pub(super) subjects: Box<str>,
    /// The kubeconfig, as commands take it, and the cluster's name in it.
    pub(super) file: Box<Path>,
    pub(super) cluster: Box<str>,
}

/// What is kept of a node.
#[derive(Debug, Clone, Default)]
pub(in super::super) struct Sides {
    pub(super) api: Option<Box<Api>>,
    pub(super) member: Option<Box<Member>>,
    pub(super) kubelet: Option<Box<Kubelet>>,
    /// Its kubeconfigs, where it has no API server.
    pub(super) dials: Vec<Dial>,
}

impl Sides {
    /// Those of a node.
    pub(in super::super) fn of(node: &Node) -> Self {
        let api = api(node);
        let is_other = matches!(node.kind, NodeKind::Worker | NodeKind::Etcd | NodeKind::Store);
        let dials = if api.is_none() && is_other { dials(node) } else { Vec::new() };
        if node.kind == NodeKind::Store {
            return Self { dials, ..Self::default() };
        }
        Self {
            api: api.map(Box::new),
            member: member(node).map(Box::new),
            kubelet: kubelet(node).map(Box::new),
            dials,
        }
    }
}

fn signer(name: &[u8], key: &[u8]) -> Signer {
    let mut both = name.to_vec();
    both.extend_from_slice(key);
    sha256(&both)
}

/// Who signed a certificate, by the name that it gives itself.
fn signers(leaf: Cert<'_>) -> Vec<Signer> {
    let mut found = Vec::new();
    let mut name = leaf.tbs().issuer.der();
    for above in leaf.signers() {
        found.push(signer(name, above.public_key.der()));
        name = above.issuer.der();
    }
    found
}

fn anchors(certs: &[Cert<'_>]) -> Option<Vec<Signer>> {
    let of = |cert: &Cert<'_>| signer(cert.tbs().subject.der(), cert.tbs().public_key.der());
    (!certs.is_empty() && certs.len() <= MOST_ANCHORS).then(|| certs.iter().map(of).collect())
}

/// The CAs of a flag, or without one those of a part by their place.
fn trusted(node: &Node, component: Component, flags: &[&str], place: Option<Role>) -> Option<Trusted> {
    let named = flags
        .iter()
        .find_map(|flag| Some((flag, node.references_of(Holder::Component(component), flag).next()?)));
    if let Some((flag, reference)) = named {
        let signers = anchors(&node.referenced_certs(reference))?;
        let dashes = if flag.contains('.') { "" } else { "--" };
        return Some(Trusted { by: format!("{dashes}{flag}").into(), signers });
    }
    // Where it is known how it runs, what is not said is not so.
    let place = place.filter(|_| node.launch(component).is_none())?;
    let in_place = |cert: &Cert<'_>| {
        let surest =
            cert.found().roles.iter().filter(|(role, _)| *role == place).map(|(_, basis)| *basis).min();
        cert.item().place.field.is_none() && cert.found().usage == Use::Used && surest < Some(Basis::Content)
    };
    let certs: Vec<Cert<'_>> = node.with_role(place).filter(in_place).take(MOST_ANCHORS).collect();
    let by = certs.first().map(|cert| cert.file().shown.to_string())?;
    Some(Trusted { by: by.into(), signers: anchors(&certs)? })
}

fn shown(node: &Node, role: Role) -> Option<Shown> {
    in_use(node, role).into_iter().find(|cert| cert.found().position == 0 && !cert.is_ca()).map(Shown::of)
}

fn api(node: &Node) -> Option<Api> {
    let leaf = serving(node);
    if leaf.is_none() && node.launch(Component::Apiserver).is_none() {
        return None;
    }
    let shown_to_all =
        leaf.map(|leaf| Shown { names: Arc::new(names_with_sni(node, leaf)), ..Shown::of(leaf) });
    let calls =
        node.launch(Component::Apiserver).map(|launch| launch.flags.list("etcd-servers")).unwrap_or_default();
    let place = node.flag(Component::Apiserver, "etcd-servers").map(|(place, _)| place).unwrap_or_default();
    Some(Api {
        shown: shown_to_all,
        clients: trusted(node, Component::Apiserver, &["client-ca-file"], Some(Role::KubernetesCa)),
        calls: calls.into_iter().filter_map(Url::read).collect(),
        calls_at: node.location(&place),
        to_etcd: shown(node, Role::ApiserverEtcdClient),
        etcd: trusted(node, Component::Apiserver, &["etcd-cafile"], Some(Role::EtcdCa)),
        to_kubelets: shown(node, Role::ApiserverKubeletClient),
        kubelets: trusted(node, Component::Apiserver, &["kubelet-certificate-authority"], None),
    })
}

fn member(node: &Node) -> Option<Member> {
    let (server, peer) = (shown(node, Role::EtcdServer), shown(node, Role::EtcdPeer));
    let launch = node.launch(Component::Etcd);
    if launch.is_none() && server.is_none() && peer.is_none() {
        return None;
    }
    let value = |flag: &str| launch.and_then(|launch| launch.flags.value(flag));
    let list = |flag: &str| launch.map(|launch| launch.flags.list(flag)).unwrap_or_default();
    let members = list("initial-cluster").into_iter().filter_map(|one| {
        let (name, url) = one.split_once('=')?;
        Some((Box::from(name), Url::read(url)?))
    });
    let place = node.flag(Component::Etcd, "initial-cluster").map(|(place, _)| place).unwrap_or_default();
    Some(Member {
        name: value("name").unwrap_or_default().into(),
        server,
        peer,
        clients: trusted(node, Component::Etcd, &["trusted-ca-file"], Some(Role::EtcdCa)),
        peers: trusted(node, Component::Etcd, &["peer-trusted-ca-file"], Some(Role::EtcdCa)),
        listens: list("listen-client-urls").into_iter().filter_map(Url::read).collect(),
        members: members.collect(),
        members_at: node.location(&place),
        peer_name: value("peer-cert-allowed-cn").map(Box::from),
    })
}

fn kubelet(node: &Node) -> Option<Kubelet> {
    let client = shown(node, Role::KubeletClient);
    let own = node.kubelet().map(|(_, configuration)| configuration);
    if client.is_none() && own.is_none() && node.launch(Component::Kubelet).is_none() {
        return None;
    }
    let named = ["tlsCertFile", "tls-cert-file"]
        .into_iter()
        .find_map(|flag| node.references_of(Holder::KUBELET, flag).next().map(|reference| reference.target));
    let asks = own.is_some_and(|own| own.server_tls_bootstrap == Some(true))
        || node.kubelet_flag("rotate-server-certificates").is_some_and(|(_, flag)| flag.value != "false");
    let issued = match named {
        Some(Target::File(file)) => node.certs_in(file).next(),
        Some(_) => None,
        // What its configuration does not name, it shows only where it keeps its own.
        None => in_use(node, Role::KubeletServing)
            .into_iter()
            .find(|cert| own.is_none() || cert.file().on_node.starts_with("/var/lib/kubelet/pki")),
    };
    let serving = match issued {
        Some(cert) if cert.is_kubelets_own() || cert.is_self_signed() => Serving::Own,
        Some(cert) => Serving::Issued(Box::new(Shown::of(cert))),
        // Without a certificate, and without asking for one, a kubelet makes itself one.
        None if named.is_none() && own.is_some() && !asks => Serving::Own,
        None => Serving::Unknown,
    };
    let flags = ["client-ca-file", "authentication.x509.clientCAFile"];
    Some(Kubelet { client, serving, clients: trusted(node, Component::Kubelet, &flags, None) })
}

fn dials(node: &Node) -> Vec<Dial> {
    let none = Names::default();
    let mut dials = Vec::new();
    for (file, kubeconfig) in all(node).take(MOST) {
        let (_, Some(cluster), _) = node.current_context(kubeconfig) else { continue };
        let is_its = node.kind == NodeKind::Store || is_own_cluster(node, file, cluster, &none);
        if cluster.insecure || !is_its {
            continue;
        }
        let certs = node.kubeconfig_authorities(file, cluster);
        let host = cluster.tls_server_name.as_deref().or_else(|| host_of(cluster.server.as_deref()?));
        dials.push(Dial {
            location: node.location(&line(file, cluster.server_line)),
            host: host.map(Box::from),
            trusted: anchors(&certs),
            subjects: subjects(&certs).into(),
            file: node.files.get(file).map_or(Path::new(""), File::command_path).into(),
            cluster: cluster.name.as_str().into(),
        });
    }
    dials
}

/// Whether a host is among the names of a certificate.
pub(super) fn covers(names: &Names, host: &Host) -> bool {
    match host {
        Host::Ip(ip) => names.cover_ip(*ip),
        Host::Name(name) => names.cover(name),
    }
}

/// A place of the estate that is no record's.
pub(super) fn at(location: &Location) -> Place {
    Place { location: Some(Arc::new(location.clone())), ..Place::default() }
}
