//! The PKI of a whole cluster: what a configuration file says, as a [`ClusterSpec`].
//!
//! Two formats are read: kubeadm's own configuration, unchanged, and kpki's `kind: Cluster`, whose document
//! is [`TEMPLATE`].

use std::net::IpAddr;

mod apply;
mod convert;
mod endpoint;
mod entries;
mod error;
mod existing;
mod kubeadm;
mod kubeadm_nodes;
mod machine;
mod own;
mod people;
mod plan;
mod spec;
#[cfg(test)]
mod tests;
mod version;
mod yaml;

pub use apply::{Applied, ApplyError, Job};
pub use endpoint::{Endpoint, EndpointError, Host, HostError, ServiceSubnets, SubnetError};
pub use entries::{AuthorityOptions, Entry, Files, Identity, Kind, Part, authorities, entries};
pub use error::{ClusterError, Problem};
pub use plan::{Action, AuthorityState, PassphraseSource, Plan};
pub use spec::{
    CaKeys, ClusterSpec, DEFAULT_BIND_PORT, DEFAULT_CA_LIFETIME, DEFAULT_CLUSTER_NAME, DEFAULT_DNS_DOMAIN,
    DEFAULT_LEAF_LIFETIME, DEFAULT_USER_LIFETIME, EtcdTopology, Node, Source, Trees, User,
};

/// A complete `kind: Cluster` with every field explained; valid as it is.
pub const TEMPLATE: &str = include_str!("../../templates/cluster.yaml");

/// What kubeadm would find out from the machine it runs on. Passed in, for this room looks at no machine.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Defaults {
    /// The machine's host name, for a node without a name.
    pub hostname: Option<String>,
    /// The machine's address on its default route, for an API server without an address.
    pub advertise: Option<IpAddr>,
}

/// A cluster file that was understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parsed {
    /// What it describes.
    pub spec: ClusterSpec,
    /// What is worth telling its author although it is accepted, a line each.
    pub notes: Vec<String>,
}

/// Reads a cluster file of either format; which one, its `apiVersion` says.
///
/// `file` is the name to use in errors. At most 16 MiB are read.
///
/// # Errors
/// If the file is no UTF-8 text, no YAML, or not a description of a cluster. Problems of content are all
/// reported at once, each with file, line and column.
pub fn parse(text: &[u8], file: &str, defaults: &Defaults) -> Result<Parsed, ClusterError> {
    let documents = yaml::documents(text, file)?;
    if documents.iter().any(own::is_own) {
        own::parse(&documents, file)
    } else {
        kubeadm::parse(&documents, file, defaults)
    }
}
