//! A cluster as its certificates see it.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::PathBuf;

use super::endpoint::{Endpoint, Host, ServiceSubnets};
use super::surroundings::Surroundings;
use super::version;
use crate::clock::Lifetime;
use crate::key::KeyAlgorithm;
use crate::layout::Naming;
use crate::profile::KubernetesVersion;
use crate::x509::Printable;

/// The port an API server listens on unless the configuration says otherwise.
pub const DEFAULT_BIND_PORT: u16 = 6443;
/// The domain of services unless the configuration says otherwise.
pub const DEFAULT_DNS_DOMAIN: &str = "cluster.local";
/// The name of the cluster in kubeconfigs unless the configuration says otherwise.
pub const DEFAULT_CLUSTER_NAME: &str = "kubernetes";
/// How long CAs are valid unless the configuration says otherwise: 87600 hours, as kubeadm's.
pub const DEFAULT_CA_LIFETIME: Lifetime = Lifetime::hours(87_600);
/// How long certificates are valid unless the configuration says otherwise: 8760 hours, as kubeadm's.
pub const DEFAULT_LEAF_LIFETIME: Lifetime = Lifetime::hours(8760);
/// How long users' certificates are valid unless the configuration says otherwise. They cannot be revoked
/// (CIS Kubernetes Benchmark 3.1.1), so that a short life is the only end they have.
pub const DEFAULT_USER_LIFETIME: Lifetime = Lifetime::days(30);

/// All that decides which certificates a cluster has and what they say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterSpec {
    /// The name of the cluster in kubeconfigs.
    pub name: String,
    /// The version of Kubernetes; it decides organizations and which kubeconfigs there are.
    pub version: KubernetesVersion,
    /// Where clients reach the API servers together, if there is such a place.
    pub endpoint: Option<Endpoint>,
    /// The networks of services.
    pub services: ServiceSubnets,
    /// The domain of services, in lower case.
    pub dns_domain: String,
    /// The algorithm of every key.
    pub algorithm: KeyAlgorithm,
    /// How long certificates are valid that are neither a CA's nor a user's.
    pub leaf_lifetime: Lifetime,
    /// How long CA certificates are valid.
    pub ca_lifetime: Lifetime,
    /// How long users' certificates are valid.
    pub user_lifetime: Lifetime,
    /// What the API servers' certificates are for, besides what they always are for.
    pub apiserver_sans: Vec<Host>,
    /// The same for the server certificates of etcd's members.
    pub etcd_server_sans: Vec<Host>,
    /// The same for the peer certificates of etcd's members.
    pub etcd_peer_sans: Vec<Host>,
    /// Where etcd runs.
    pub etcd: EtcdTopology,
    /// The machines, control planes first, then etcd's members, then workers; names are unique.
    pub nodes: Vec<Node>,
    /// The people and programs that get a kubeconfig.
    pub users: Vec<User>,
    /// How files are named.
    pub naming: Naming,
    /// Which directories are written.
    pub trees: Trees,
    /// Where the CAs' private keys go.
    pub ca_keys: CaKeys,
    /// Whether a control plane's kubelet speaks to the API server beside it rather than to the endpoint.
    pub kubelet_local_endpoint: bool,
    /// Whether the first node founds the cluster rather than joining one that is there. Only with a founder are CAs and
    /// the service accounts' key pair made, and only it gets super-admin.conf (`kubeadm join` writes none).
    pub founds: bool,
    /// What the file says, rather than leaving it to its default.
    pub given: Given,
    /// Which format the specification was written in.
    pub source: Source,
}

/// What a cluster file says itself. Only that is compared with what is there already; a default is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a field of the file")]
pub struct Given {
    /// The cluster as a whole: false for kubeadm's configurations of nodes alone.
    pub cluster: bool,
    /// The version of Kubernetes, by its number.
    pub version: bool,
    /// The cluster's name.
    pub name: bool,
    /// The algorithm of the keys.
    pub algorithm: bool,
    /// How long CA certificates are valid.
    pub ca_lifetime: bool,
    /// How long other certificates are valid.
    pub leaf_lifetime: bool,
    /// How long users' certificates are valid.
    pub user_lifetime: bool,
    /// Where the CAs' private keys go.
    pub ca_keys: bool,
}

/// Where etcd runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EtcdTopology {
    /// On the control planes.
    Stacked,
    /// On machines of its own.
    External {
        /// Whether its certificates are made here, and `apiserver-etcd-client` too. With kubeadm's
        /// `etcd.external` they are not: the files come from elsewhere.
        managed: bool,
    },
}

/// One machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Its name in the cluster, in lower case (RFC 1123).
    pub name: String,
    /// Whether the API server, controller manager and scheduler run on it.
    pub control_plane: bool,
    /// Whether a member of etcd runs on it.
    pub etcd: bool,
    /// Whether a kubelet runs on it that belongs to the cluster.
    pub kubelet: bool,
    /// Its addresses, the advertised one first. Empty only for kubeadm's workers, whose file does not say.
    pub addresses: Vec<IpAddr>,
    /// The address it announces itself with. `None` only where there are no addresses.
    pub advertise: Option<IpAddr>,
    /// The port its API server listens on.
    pub bind_port: u16,
}

impl Node {
    /// Whether it is a worker: neither control plane nor member of etcd.
    pub fn is_worker(&self) -> bool {
        !self.control_plane && !self.etcd
    }

    /// Where its own API server is reached; `None` if it has none.
    pub fn api_endpoint(&self) -> Option<Endpoint> {
        let advertise = self.advertise.filter(|_| self.control_plane)?;
        Some(Endpoint { host: Host::Ip(advertise), port: self.bind_port, spelling: None })
    }
}

/// Somebody who gets a client certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The name: the certificate's common name, and a file's, so that it holds no `/`.
    pub name: String,
    /// The groups: the certificate's organizations, in this order.
    pub groups: Vec<String>,
}

/// Which directories are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trees {
    /// One, which stands for a node's `/etc/kubernetes`.
    Single {
        /// Where the certificates lie: relative to that directory, or absolute if the configuration puts
        /// them elsewhere. Holds no `..`.
        certificates_dir: PathBuf,
    },
    /// One for each node, with the node's name.
    PerNode,
}

/// Where the CAs' private keys go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CaKeys {
    /// On no node: they stay with the CA's own files.
    Nowhere,
    /// On every control plane.
    ControlPlanes,
    /// On these nodes.
    Nodes(BTreeSet<String>),
}

/// The format of a cluster file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// kubeadm's configuration.
    Kubeadm,
    /// The `kind: Cluster` of `kpki/v1alpha1`.
    Kpki,
}

impl ClusterSpec {
    /// A cluster without nodes, in which everything has its default: a point to start from.
    pub fn new(source: Source) -> Self {
        let version = KubernetesVersion::NEWEST;
        let (algorithm, trees, ca_keys) = match source {
            Source::Kubeadm => (
                KeyAlgorithm::Rsa2048,
                Trees::Single { certificates_dir: PathBuf::from("pki") },
                CaKeys::ControlPlanes,
            ),
            Source::Kpki => (KeyAlgorithm::EcdsaP256, Trees::PerNode, CaKeys::Nowhere),
        };
        Self {
            name: DEFAULT_CLUSTER_NAME.to_owned(),
            kubelet_local_endpoint: version::kubelet_local_endpoint(&version),
            version,
            endpoint: None,
            services: ServiceSubnets::default(),
            dns_domain: DEFAULT_DNS_DOMAIN.to_owned(),
            algorithm,
            leaf_lifetime: DEFAULT_LEAF_LIFETIME,
            ca_lifetime: DEFAULT_CA_LIFETIME,
            user_lifetime: DEFAULT_USER_LIFETIME,
            apiserver_sans: Vec::new(),
            etcd_server_sans: Vec::new(),
            etcd_peer_sans: Vec::new(),
            etcd: EtcdTopology::Stacked,
            nodes: Vec::new(),
            users: Vec::new(),
            naming: Naming::Kubeadm,
            trees,
            ca_keys,
            founds: true,
            given: Given::default(),
            source,
        }
    }

    /// Takes from what is there what the file leaves open: the version of Kubernetes, and where the file describes no
    /// cluster, the algorithm of its keys. Each is said.
    pub fn settle(&mut self, around: &Surroundings) -> Vec<String> {
        let mut notes = Vec::new();
        if let Some((version, file)) = around.version().filter(|_| !self.given.version)
            && version != self.version
        {
            let file = Printable(&file.to_string_lossy()).to_string();
            notes.push(format!("the version is not given: {version} is taken, as {file} has it"));
            if self.kubelet_local_endpoint == version::kubelet_local_endpoint(&self.version) {
                self.kubelet_local_endpoint = version::kubelet_local_endpoint(&version);
            }
            self.version = version;
        }
        let algorithm = around.algorithm();
        if !self.given.cluster && algorithm != self.algorithm {
            notes.push(format!(
                "the algorithm is not given: {algorithm} is taken, as the keys have it that are there"
            ));
            self.algorithm = algorithm;
        }
        notes
    }

    /// The address of the service `kubernetes`: the first of the first service network.
    pub fn service_address(&self) -> IpAddr {
        self.services.first_address()
    }

    /// The node of that name.
    pub fn node(&self, name: &str) -> Option<&Node> {
        self.nodes.iter().find(|node| node.name == name)
    }

    /// The control planes.
    pub fn control_planes(&self) -> impl Iterator<Item = &Node> {
        self.nodes.iter().filter(|node| node.control_plane)
    }

    /// The members of etcd whose certificates are made here.
    pub fn etcd_members(&self) -> impl Iterator<Item = &Node> {
        self.nodes.iter().filter(|node| node.etcd)
    }

    /// Where a kubeconfig for use away from the nodes points to: the common endpoint, or else the first
    /// control plane. `None` if there is neither.
    pub fn server(&self) -> Option<Endpoint> {
        self.endpoint.clone().or_else(|| self.control_planes().find_map(Node::api_endpoint))
    }

    /// Whether a CA's private key belongs on a node.
    pub fn has_ca_keys(&self, node: &Node) -> bool {
        match &self.ca_keys {
            CaKeys::Nowhere => false,
            CaKeys::ControlPlanes => node.control_plane,
            CaKeys::Nodes(names) => names.contains(&node.name),
        }
    }

    /// The algorithm of the service-account key pair. The API server signs tokens with RSA and ECDSA only
    /// (Kubernetes, `pkg/serviceaccount`), so Ed25519 gives way to P-256 here.
    pub fn service_account_algorithm(&self) -> KeyAlgorithm {
        match self.algorithm {
            KeyAlgorithm::Ed25519 => KeyAlgorithm::EcdsaP256,
            algorithm => algorithm,
        }
    }
}
