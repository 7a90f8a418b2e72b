//! The PKI of a whole cluster: what a configuration file says, as a [`ClusterSpec`].
//!
//! Two formats are read: kubeadm's own configuration, unchanged, and kpki's `kind: Cluster`, whose document
//! is [`TEMPLATE`].

use std::net::IpAddr;

mod advice;
mod apply;
mod compare;
mod convert;
mod destination;
mod endpoint;
mod entries;
mod error;
mod existing;
mod fields;
mod found;
mod kubeadm;
mod kubeadm_fields;
mod kubeadm_nodes;
mod machine;
mod own;
mod people;
mod place;
mod plan;
mod spec;
mod surroundings;
#[cfg(test)]
mod tests;
mod trust;
mod version;
mod yaml;

pub use apply::{Applied, ApplyError, Job};
pub use destination::{Destination, DestinationError, Follow, Issued, judge_certificate, judge_key};
pub use endpoint::{Endpoint, EndpointError, Host, HostError, ServiceSubnets, SubnetError};
pub use entries::{
    AuthorityOptions, Entry, Files, Identity, Insists, Kind, Part, authorities, entries, unwanted,
};
pub use error::{ClusterError, Problem};
pub use plan::{Action, AuthorityState, Look, PassphraseSource, Plan, Refusal};
pub use spec::{
    CaKeys, ClusterSpec, DEFAULT_BIND_PORT, DEFAULT_CA_LIFETIME, DEFAULT_CLUSTER_NAME, DEFAULT_DNS_DOMAIN,
    DEFAULT_LEAF_LIFETIME, DEFAULT_USER_LIFETIME, EtcdTopology, Given, Node, Source, Trees, User,
};

pub use surroundings::{
    ServerAuthority, ServerAuthorityError, Surroundings, algorithm_of, check_server_authority,
};

/// A complete `kind: Cluster` with every field explained; valid as it is.
pub const TEMPLATE: &str = include_str!("../../templates/cluster.yaml");

/// What kubeadm would find out from the machine it runs on. Passed in, for this room looks at no machine.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Defaults {
    /// The machine's host name, for a node without a name.
    pub hostname: Option<String>,
    /// The machine's IPv4 address on its default route, for an API server without an address.
    pub ipv4: Option<IpAddr>,
    /// The same of its default route of IPv6, for an API server at `::`, or where there is none of IPv4.
    pub ipv6: Option<IpAddr>,
    /// An address on the loopback interface that other machines reach, for an API server at a loopback address.
    pub loopback: Option<IpAddr>,
}

/// Why an address is none that other machines reach a machine by; `None` where it may be one.
pub fn no_address_of_a_machine(address: IpAddr) -> Option<&'static str> {
    let link_local = match address {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => address.is_unicast_link_local(),
    };
    if address.is_multicast() {
        Some("a multicast address and no machine's")
    } else if link_local {
        Some("a link-local address, which is good on one link alone")
    } else if address == IpAddr::V4(std::net::Ipv4Addr::BROADCAST) {
        Some("the broadcast address and no machine's")
    } else if address.is_unspecified() {
        Some("no machine's address but stands for all of them")
    } else if address.is_loopback() {
        Some("a loopback address, at which every machine finds itself")
    } else {
        None
    }
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
