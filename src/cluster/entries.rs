//! Everything that a cluster's specification asks for, as one ordered list: each CA before its leaves.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};

use super::{ClusterSpec, Endpoint, EtcdTopology, Host, Node, Source, Trees};
use crate::clock::Lifetime;
use crate::key::KeyAlgorithm;
use crate::layout::{Authority, Layout, Leaf, Naming, SERVICE_ACCOUNT};
use crate::profile::{Catalogue, PathLength, ProfileError, Release};
use crate::x509::{ExtendedKeyUsage, Name, NameConstraints, SubjectAltName};

/// One thing to make or to find: a certificate with its key, a kubeconfig, a key pair, or a copy of one of them.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The node that it is for; none for what belongs to the whole cluster.
    pub node: Option<String>,
    /// What it is.
    pub kind: Kind,
    /// Where it lies, relative to the directory that is written to.
    pub files: Files,
}

/// The files of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Files {
    /// A certificate (or a bare public key) and its private key.
    Pair {
        /// The certificate or public key.
        public: PathBuf,
        /// The private key.
        private: PathBuf,
    },
    /// One file.
    Single(PathBuf),
}

impl Files {
    /// The file that people call it by.
    pub fn main(&self) -> &PathBuf {
        match self {
            Self::Pair { public, .. } => public,
            Self::Single(path) => path,
        }
    }
}

/// What an entry is.
#[derive(Debug, Clone)]
pub enum Kind {
    /// A self-signed CA and its key.
    Authority {
        /// Which one.
        authority: Authority,
        /// The wanted certificate.
        identity: Identity,
        /// What limits it.
        options: AuthorityOptions,
        /// Whether it is made here where it is missing. A node that joins a cluster gets it from those that are there.
        made: bool,
    },
    /// The key pair that signs service-account tokens.
    ServiceAccount {
        /// The algorithm of its key.
        algorithm: KeyAlgorithm,
        /// Whether that one was asked for.
        insists: bool,
        /// Whether it is made here where it is missing.
        made: bool,
    },
    /// A certificate and its key.
    Leaf(Identity, Authority),
    /// A kubeconfig with a client certificate in it.
    Kubeconfig {
        /// The wanted client certificate.
        identity: Identity,
        /// The cluster's name.
        cluster: String,
        /// The API server's URL.
        server: String,
        /// Other URLs that do as well in a file that is there: that of the API server beside it, or the common one.
        others: Vec<String>,
        /// The user's name within the kubeconfig: the certificate's common name.
        user: String,
    },
    /// A copy of another entry's file.
    Copy {
        /// The other entry's place in the list.
        of: usize,
        /// Which of its files.
        part: Part,
    },
}

/// What limits a CA.
#[derive(Debug, Clone, Default)]
pub struct AuthorityOptions {
    /// Its subject, where it is not the profile's.
    pub subject: Option<Name>,
    /// How many CAs may follow it in a path.
    pub path_length: PathLength,
    /// The name space of the certificates below it.
    pub name_constraints: NameConstraints,
    /// Whether its private key is to be encrypted.
    pub encrypted: bool,
}

/// Which file of a pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The certificate or the public key.
    Public,
    /// The private key.
    Private,
}

/// What a certificate is to say.
#[derive(Debug, Clone)]
pub struct Identity {
    /// The profile that it is issued by.
    pub profile: &'static str,
    /// Its subject.
    pub subject: Name,
    /// Its subject alternative names.
    pub names: Vec<SubjectAltName>,
    /// Its extended key usages.
    pub purposes: Vec<ExtendedKeyUsage>,
    /// How long it is valid, unless its issuer ends earlier.
    pub lifetime: Lifetime,
    /// The algorithm of its key.
    pub algorithm: KeyAlgorithm,
    /// What of it was asked for, so that what is there must be so.
    pub insists: Insists,
    /// The name that the profile takes, and the groups, for those who issue it by itself.
    pub name: Option<String>,
    /// The groups of a user.
    pub groups: Vec<String>,
    /// What the releases of Kubernetes write as its organizations.
    pub releases: Vec<Release>,
}

/// What of a certificate was asked for rather than left to a default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Insists {
    /// The algorithm of its key.
    pub algorithm: bool,
    /// How long it is valid.
    pub lifetime: bool,
}

/// The entries of a cluster: of all its nodes, or of one of them together with what the cluster shares. None for a worker
/// of kubeadm's by itself, whose kubelet gets its certificate by bootstrap.
///
/// # Errors
/// [`ProfileError`] when a profile that is needed is missing or has no subject for a name.
pub fn entries(
    spec: &ClusterSpec,
    only_node: Option<&str>,
    catalogue: &Catalogue,
) -> Result<Vec<Entry>, ProfileError> {
    let mut list = List::new(spec, home(spec), catalogue);
    if let (Trees::Single { .. }, Some(name)) = (&spec.trees, only_node) {
        // The tree of a machine: what all control planes share is made on the first of them alone.
        list.founds &= spec.nodes.first().is_some_and(|first| first.name == name);
        if spec.node(name).is_some_and(Node::is_worker) {
            return Ok(Vec::new());
        }
    }
    for authority in Authority::ALL {
        if authority != Authority::Etcd || etcd_is_managed(spec) {
            list.authority(authority, &AuthorityOptions::default())?;
        }
    }
    list.service_account();
    for (at, node) in spec.nodes.iter().enumerate() {
        if only_node.is_none_or(|name| name == node.name) {
            list.node(node, at == 0 && spec.founds)?;
        }
    }
    if only_node.is_none() {
        list.users()?;
    }
    Ok(list.out)
}

/// What must not lie in the trees of nodes, with the reason: the CAs' private keys where `caKeys` keeps them away.
pub fn unwanted(spec: &ClusterSpec, only_node: Option<&str>) -> Vec<(Entry, String)> {
    if !spec.given.ca_keys || spec.trees != Trees::PerNode {
        return Vec::new();
    }
    let nodes = spec.nodes.iter().filter(|node| only_node.is_none_or(|name| name == node.name));
    let without = nodes.filter(|node| !spec.has_ca_keys(node));
    let keys = without.flat_map(|node| {
        let layout = tree(spec, node);
        Authority::ALL.map(|authority| {
            let path = layout.naming.key(&layout.authority(authority).to_string_lossy());
            let kind = Kind::Copy { of: usize::MAX, part: Part::Private };
            let reason = format!("the private key of a CA is there, and caKeys keeps it off {}", node.name);
            (Entry { node: Some(node.name.clone()), kind, files: Files::Single(path) }, reason)
        })
    });
    keys.collect()
}

/// The entries of bare CAs, and of the service-account key pair if it is asked for, in a PKI directory.
///
/// # Errors
/// [`ProfileError`] when a profile that is needed is missing.
pub fn authorities(
    spec: &ClusterSpec,
    home: Layout,
    wanted: &[Authority],
    with_service_account: bool,
    options: &AuthorityOptions,
    catalogue: &Catalogue,
) -> Result<Vec<Entry>, ProfileError> {
    let mut list = List::new(spec, home, catalogue);
    for authority in Authority::ALL.into_iter().filter(|authority| wanted.contains(authority)) {
        list.authority(authority, options)?;
    }
    if with_service_account {
        list.service_account();
    }
    Ok(list.out)
}

/// The layout of what the whole cluster shares, and of one node's tree.
fn home(spec: &ClusterSpec) -> Layout {
    match &spec.trees {
        // Certificates elsewhere: then everything is relative to the root of the file system.
        Trees::Single { certificates_dir } if certificates_dir.is_absolute() => {
            let pki = certificates_dir.strip_prefix("/").unwrap_or(certificates_dir).to_owned();
            Layout { kubeconfigs: "etc/kubernetes".into(), ..Layout::etc_kubernetes(pki) }
        }
        Trees::Single { certificates_dir } => Layout::etc_kubernetes(certificates_dir.clone()),
        Trees::PerNode => {
            Layout { naming: spec.naming, pki: "ca".into(), etcd: "ca/etcd".into(), kubeconfigs: "ca".into() }
        }
    }
}

fn tree(spec: &ClusterSpec, node: &Node) -> Layout {
    match &spec.trees {
        Trees::Single { .. } => home(spec),
        Trees::PerNode => Layout::node(spec.naming).beneath(&node.name),
    }
}

/// Whether etcd's certificates are made at all.
fn etcd_is_managed(spec: &ClusterSpec) -> bool {
    !matches!(spec.etcd, EtcdTopology::External { managed: false })
}

struct List<'a> {
    spec: &'a ClusterSpec,
    home: Layout,
    catalogue: &'a Catalogue,
    /// Whether the CAs and the service accounts' pair are made where they are missing.
    founds: bool,
    out: Vec<Entry>,
    first_of_authority: [Option<usize>; 3],
    service_account: Option<usize>,
}

impl<'a> List<'a> {
    fn new(spec: &'a ClusterSpec, home: Layout, catalogue: &'a Catalogue) -> Self {
        let (out, founds) = (Vec::new(), spec.founds);
        Self { spec, home, catalogue, founds, out, first_of_authority: [None; 3], service_account: None }
    }

    fn authority(&mut self, authority: Authority, options: &AuthorityOptions) -> Result<(), ProfileError> {
        let home = self.home.clone();
        let mut identity = self.identity(authority.profile(), None, &[], Vec::new())?;
        identity.lifetime = self.spec.ca_lifetime;
        identity.insists.lifetime = self.spec.given.ca_lifetime;
        if let Some(subject) = &options.subject {
            identity.subject = subject.clone();
        }
        self.first_of_authority[super::plan::slot(authority)] = Some(self.out.len());
        let kind = Kind::Authority { authority, identity, options: options.clone(), made: self.founds };
        self.push_pair(None, &home.authority(authority), home.naming, kind);
        Ok(())
    }

    fn service_account(&mut self) {
        let home = self.home.clone();
        self.service_account = Some(self.out.len());
        let base = home.pki.join(SERVICE_ACCOUNT).to_string_lossy().into_owned();
        let files = Files::Pair { public: home.naming.public_key(&base), private: home.naming.key(&base) };
        let (algorithm, insists) = (self.spec.service_account_algorithm(), self.spec.given.algorithm);
        let kind = Kind::ServiceAccount { algorithm, insists, made: self.founds };
        self.out.push(Entry { node: None, kind, files });
    }

    fn node(&mut self, node: &Node, first: bool) -> Result<(), ProfileError> {
        let layout = tree(self.spec, node);
        if self.spec.trees == Trees::PerNode {
            self.copies(node, &layout);
        }
        if node.control_plane {
            self.control_plane(node, &layout, first)?;
        }
        if node.etcd && etcd_is_managed(self.spec) {
            self.etcd_member(node, &layout)?;
        }
        // A worker of kubeadm's gets its certificate by the bootstrap of the kubelet.
        if node.kubelet && (node.control_plane || self.spec.source == Source::Kpki) {
            self.kubelet(node, &layout)?;
        }
        Ok(())
    }

    /// What a node's tree repeats: the CA certificates that its components trust, and the keys that they sign with.
    fn copies(&mut self, node: &Node, layout: &Layout) {
        for (slot, authority) in Authority::ALL.into_iter().enumerate() {
            let needed = match authority {
                Authority::Kubernetes => node.control_plane || node.kubelet,
                Authority::FrontProxy => node.control_plane,
                Authority::Etcd => node.control_plane || node.etcd,
            };
            let Some(of) = self.first_of_authority[slot].filter(|_| needed) else { continue };
            let base = layout.authority(authority);
            let base = base.to_string_lossy();
            self.push_copy(node, of, Part::Public, layout.naming.certificate(&base));
            if self.spec.has_ca_keys(node) {
                self.push_copy(node, of, Part::Private, layout.naming.key(&base));
            }
        }
        if let Some(of) = self.service_account.filter(|_| node.control_plane) {
            let base = layout.pki.join(SERVICE_ACCOUNT);
            let base = base.to_string_lossy();
            self.push_copy(node, of, Part::Private, layout.naming.key(&base));
            self.push_copy(node, of, Part::Public, layout.naming.public_key(&base));
        }
    }

    fn control_plane(&mut self, node: &Node, layout: &Layout, first: bool) -> Result<(), ProfileError> {
        let names = apiserver_names(self.spec, node);
        self.leaf(node, layout, Leaf::Apiserver, None, names)?;
        self.leaf(node, layout, Leaf::ApiserverKubeletClient, None, Vec::new())?;
        self.leaf(node, layout, Leaf::FrontProxyClient, None, Vec::new())?;
        if etcd_is_managed(self.spec) {
            self.leaf(node, layout, Leaf::ApiserverEtcdClient, None, Vec::new())?;
        }
        // kubeadm makes neither; the components would serve with a certificate that nobody can verify.
        if self.spec.trees == Trees::PerNode {
            let names = local_names(node);
            self.leaf(node, layout, Leaf::ControllerManager, None, names.clone())?;
            self.leaf(node, layout, Leaf::Scheduler, None, names)?;
        }
        let local = node.api_endpoint();
        let common = self.spec.server().or_else(|| local.clone());
        self.kubeconfig(Some(node), layout.kubeconfigs.join("admin.conf"), "admin", None, common.as_ref())?;
        // One is enough: its holder is above every rule, and cannot be revoked.
        if first && self.catalogue.find("super-admin")?.exists_in(&self.spec.version) {
            let path = layout.kubeconfigs.join("super-admin.conf");
            self.kubeconfig(Some(node), path, "super-admin", None, common.as_ref())?;
        }
        let path = layout.kubeconfigs.join("controller-manager.conf");
        self.kubeconfig(Some(node), path, "controller-manager", None, local.as_ref())?;
        self.kubeconfig(
            Some(node),
            layout.kubeconfigs.join("scheduler.conf"),
            "scheduler",
            None,
            local.as_ref(),
        )
    }

    fn etcd_member(&mut self, node: &Node, layout: &Layout) -> Result<(), ProfileError> {
        let server = etcd_names(node, &self.spec.etcd_server_sans);
        let peer = etcd_names(node, &self.spec.etcd_peer_sans);
        if layout.leaf(Leaf::EtcdPeer).is_some() {
            self.leaf(node, layout, Leaf::EtcdServer, Some(&node.name), server)?;
            self.leaf(node, layout, Leaf::EtcdPeer, Some(&node.name), peer)?;
        } else {
            let both = AltNames::default().with_names(&server).with_names(&peer).finish();
            self.leaf(node, layout, Leaf::EtcdServer, Some(&node.name), both)?;
        }
        self.leaf(node, layout, Leaf::EtcdHealthcheckClient, None, Vec::new())
    }

    fn kubelet(&mut self, node: &Node, layout: &Layout) -> Result<(), ProfileError> {
        let local = node.api_endpoint().filter(|_| self.spec.kubelet_local_endpoint);
        let server = local.or_else(|| self.spec.server());
        let path = layout.kubeconfigs.join("kubelet.conf");
        self.kubeconfig(Some(node), path, "kubelet-client", Some(&node.name), server.as_ref())?;
        if self.spec.trees == Trees::PerNode {
            let names = AltNames::default().ips(&node.addresses).node(node).finish();
            self.leaf(node, layout, Leaf::Kubelet, Some(&node.name), names)?;
        }
        Ok(())
    }

    fn users(&mut self) -> Result<(), ProfileError> {
        let server = self.spec.server();
        for user in &self.spec.users {
            let mut identity = self.identity("user", Some(&user.name), &user.groups, Vec::new())?;
            identity.lifetime = self.spec.user_lifetime;
            identity.insists.lifetime = self.spec.given.user_lifetime;
            let path = PathBuf::from("users").join(format!("{}.conf", user.name));
            self.push_kubeconfig(None, path, identity, server.as_ref());
        }
        Ok(())
    }

    fn leaf(
        &mut self,
        node: &Node,
        layout: &Layout,
        leaf: Leaf,
        name: Option<&str>,
        names: Vec<SubjectAltName>,
    ) -> Result<(), ProfileError> {
        let Some(base) = layout.leaf(leaf) else { return Ok(()) };
        let identity = self.identity(leaf.profile(), name, &[], names)?;
        self.push_pair(Some(node), &base, layout.naming, Kind::Leaf(identity, leaf.authority()));
        Ok(())
    }

    fn kubeconfig(
        &mut self,
        node: Option<&Node>,
        path: PathBuf,
        profile: &'static str,
        name: Option<&str>,
        server: Option<&Endpoint>,
    ) -> Result<(), ProfileError> {
        let identity = self.identity(profile, name, &[], Vec::new())?;
        self.push_kubeconfig(node, path, identity, server);
        Ok(())
    }

    fn identity(
        &self,
        profile: &'static str,
        name: Option<&str>,
        groups: &[String],
        names: Vec<SubjectAltName>,
    ) -> Result<Identity, ProfileError> {
        let rules = self.catalogue.find(profile)?;
        let subject = rules.subject_for(name, groups, &self.spec.version)?;
        let purposes = rules.extended_key_usage().to_vec();
        let releases = rules.organizations_by_release(subject.common_name().unwrap_or_default());
        let given = self.spec.given;
        Ok(Identity {
            profile,
            subject,
            names,
            purposes,
            lifetime: self.spec.leaf_lifetime,
            algorithm: self.spec.algorithm,
            insists: Insists { algorithm: given.algorithm, lifetime: given.leaf_lifetime },
            name: name.map(str::to_owned),
            groups: groups.to_vec(),
            releases,
        })
    }

    fn push_pair(&mut self, node: Option<&Node>, base: &Path, naming: Naming, kind: Kind) {
        let base = base.to_string_lossy();
        let files = Files::Pair { public: naming.certificate(&base), private: naming.key(&base) };
        self.out.push(Entry { node: node.map(|node| node.name.clone()), kind, files });
    }

    fn push_kubeconfig(
        &mut self,
        node: Option<&Node>,
        path: PathBuf,
        identity: Identity,
        server: Option<&Endpoint>,
    ) {
        let user = identity.subject.common_name().unwrap_or_default().to_owned();
        let server = server.map(Endpoint::url).unwrap_or_default();
        let others = [node.and_then(Node::api_endpoint), self.spec.server()].into_iter().flatten();
        let others = others.map(|other| other.url()).filter(|other| *other != server).collect();
        let kind = Kind::Kubeconfig { identity, cluster: self.spec.name.clone(), server, others, user };
        self.out.push(Entry { node: node.map(|node| node.name.clone()), kind, files: Files::Single(path) });
    }

    fn push_copy(&mut self, node: &Node, of: usize, part: Part, path: PathBuf) {
        let kind = Kind::Copy { of, part };
        self.out.push(Entry { node: Some(node.name.clone()), kind, files: Files::Single(path) });
    }
}

/// Alternative names as kubeadm orders them: DNS names sorted, then addresses in the order in which they came,
/// each once.
#[derive(Default)]
struct AltNames {
    dns: std::collections::BTreeSet<String>,
    ips: Vec<IpAddr>,
}

impl AltNames {
    fn dns(mut self, name: &str) -> Self {
        self.dns.insert(name.to_ascii_lowercase());
        self
    }

    fn ips(mut self, ips: &[IpAddr]) -> Self {
        for ip in ips {
            if !self.ips.contains(ip) {
                self.ips.push(*ip);
            }
        }
        self
    }

    /// A node's name; one that is an address stands as what it is, for no client looks for an address among DNS names.
    fn node(self, node: &Node) -> Self {
        match node.name.parse() {
            Ok(address) => self.ips(&[address]),
            Err(_) => self.dns(&node.name),
        }
    }

    fn host(self, host: &Host) -> Self {
        match host {
            Host::Dns(name) => self.dns(name),
            Host::Ip(ip) => self.ips(&[*ip]),
        }
    }

    fn hosts(self, hosts: &[Host]) -> Self {
        hosts.iter().fold(self, Self::host)
    }

    fn with_names(self, names: &[SubjectAltName]) -> Self {
        names.iter().fold(self, |out, name| match name {
            SubjectAltName::Dns(dns) => out.dns(dns),
            SubjectAltName::Ip(ip) => out.ips(&[*ip]),
            _ => out,
        })
    }

    fn finish(self) -> Vec<SubjectAltName> {
        let dns = self.dns.into_iter().map(SubjectAltName::Dns);
        dns.chain(self.ips.into_iter().map(SubjectAltName::Ip)).collect()
    }
}

/// Source: kubeadm's table in <https://kubernetes.io/docs/setup/best-practices/certificates/>, and its output.
fn apiserver_names(spec: &ClusterSpec, node: &Node) -> Vec<SubjectAltName> {
    let names = AltNames::default()
        .dns("kubernetes")
        .dns("kubernetes.default")
        .dns("kubernetes.default.svc")
        .dns(&format!("kubernetes.default.svc.{}", spec.dns_domain))
        .ips(&[spec.service_address()])
        .ips(&node.addresses)
        .node(node);
    let names = spec.endpoint.iter().fold(names, |names, endpoint| names.host(&endpoint.host));
    names.hosts(&spec.apiserver_sans).finish()
}

const LOOPBACK: [IpAddr; 2] = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];

fn etcd_names(node: &Node, extra: &[Host]) -> Vec<SubjectAltName> {
    AltNames::default().dns("localhost").ips(&node.addresses).ips(&LOOPBACK).node(node).hosts(extra).finish()
}

/// What the controller manager and the scheduler are reached by: their own node, from itself and from a monitor.
fn local_names(node: &Node) -> Vec<SubjectAltName> {
    AltNames::default().dns("localhost").ips(&node.addresses).ips(&LOOPBACK).node(node).finish()
}
