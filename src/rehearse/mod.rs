//! Every TLS connection of a cluster, acted out in memory with the very files of its PKI, before it is deployed.
//!
//! A directory's nodes are found ([`Report::nodes`]), what runs on each is read from its manifests, configurations and
//! kubeconfigs or taken from the layout, and every connection between them is made with rustls, each party judging the
//! other with the verifier of [`crate::chain`]: with the right papers, and with the wrong ones, which must be refused.
//! Nothing is written, and nothing but the directory is read.

mod act;
mod cause;
mod edge;
mod files;
mod foreign;
mod judge;
mod negative;
mod network;
mod node;
mod plan;
mod report;
mod stage;
#[cfg(test)]
mod tests;
mod tree;

use std::net::IpAddr;
use std::path::Path;

use rayon::prelude::*;
use time::OffsetDateTime;

pub use cause::{Blame, Cause};
pub use edge::{Edge, Service};
pub use report::{
    Above, Agreed, Cell, Failure, Matrix, Negative, NegativeKind, NodeSummary, Outcome, Party, Rehearsal,
    Report,
};

use crate::chain::Policy;
use crate::x509::Printable;
use files::{Reader, Showing};
use network::Network;
use node::Node;

/// For when, and by whose verdicts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// The instant.
    pub at: OffsetDateTime,
    /// Whose verdicts the chains are given.
    pub policy: Policy,
}

/// What a cluster's file says, where there is one: it goes before what the files themselves say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Known {
    /// The DNS name or address behind which every API server is.
    pub endpoint: Option<String>,
    /// The address of the service `kubernetes`.
    pub service: Option<IpAddr>,
    /// The nodes.
    pub nodes: Vec<KnownNode>,
}

/// A node, as the cluster's file has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownNode {
    /// Its name.
    pub name: String,
    /// Whether an API server runs on it.
    pub control_plane: bool,
    /// Whether a member of etcd runs on it.
    pub etcd: bool,
    /// Whether a kubelet runs on it.
    pub kubelet: bool,
    /// The address that it announces.
    pub advertise: Option<IpAddr>,
    /// All its addresses.
    pub addresses: Vec<IpAddr>,
}

/// Why nothing was rehearsed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RehearseError {
    /// The directory cannot be read.
    #[error("{directory} cannot be read: {reason}")]
    Unreadable {
        /// The directory, safe to show.
        directory: String,
        /// What the system says.
        reason: String,
    },
    /// The directory holds no node's files.
    #[error("{directory} holds no PKI that could be rehearsed")]
    NoTree {
        /// The directory, safe to show.
        directory: String,
    },
    /// What stands in for others could not be made.
    #[error("the certificates that stand in for strangers could not be made: {reason}")]
    StandIn {
        /// Why.
        reason: String,
    },
}

/// Rehearses every connection of the nodes in a directory: a PKI directory, an `/etc/kubernetes`, a node's root, or a
/// directory that holds several of these, each named after its node.
///
/// # Errors
/// [`RehearseError`] when the directory cannot be read or holds no node. A file that cannot be read is no error: the
/// connections that need it are [`Outcome::Unknown`].
pub fn rehearse(
    directory: &Path,
    known: Option<&Known>,
    settings: &Settings,
) -> Result<Report, RehearseError> {
    let found = tree::find(directory)?;
    let showing = Showing::new(directory);
    let several = found.trees.len() > 1;
    let mut nodes: Vec<Node> = found
        .trees
        .par_iter()
        .map(|(name, tree)| {
            let mut reader = Reader::new(tree, &showing, name.as_deref().filter(|_| several));
            let name = match name {
                Some(name) if several => name.clone(),
                _ => sole_name(&reader, known, name.as_deref()),
            };
            let known = known.and_then(|known| known.nodes.iter().find(|node| node.name == name));
            Node::read(&mut reader, name, known)
        })
        .collect();
    let directories: Vec<String> =
        found.trees.iter().map(|(_, tree)| showing.path(&tree.directory)).collect();
    if several {
        let listed = known.into_iter().flat_map(|known| &known.nodes);
        let missing: Vec<Node> = listed
            .filter(|known| !nodes.iter().any(|node| node.name == known.name))
            .map(Node::absent)
            .collect();
        nodes.extend(missing);
    }
    let users: Vec<_> = found.users.par_iter().map(|path| plan::user(path, showing.path(path))).collect();
    let network = Network::new(&nodes, known);
    let connections = act::all(plan::connections(&network, &users, known), settings)?;
    let of_nodes = nodes.iter().flat_map(|node| node.notes.iter().cloned());
    let remarks = found.notes.into_iter().chain(of_nodes).collect();
    let summaries = (0..).zip(&nodes).map(|(at, node)| NodeSummary {
        name: Printable(&node.name).to_string(),
        directory: directories.get(at).cloned(),
        control_plane: node.apiserver.is_some(),
        etcd: node.etcd.is_some(),
        kubelet: node.kubelet.is_some(),
        address: network.addresses(at).first().map(|(ip, _)| ip.to_string()),
    });
    let nodes = summaries.collect();
    Ok(Report { at: settings.at, policy: settings.policy, nodes, connections, notes: remarks })
}

/// What the only node is called: as its kubelet's certificate says, or the cluster's file, or its directory.
fn sole_name(reader: &Reader<'_>, known: Option<&Known>, directory: Option<&str>) -> String {
    let listed = known.map(|known| known.nodes.as_slice()).unwrap_or_default();
    let identity = node::kubelet_identity(reader);
    match (identity, listed) {
        (Some(name), _) => name,
        (None, [only]) => only.name.clone(),
        _ => directory.unwrap_or("this node").to_owned(),
    }
}

/// A path safe to show.
fn shown(path: &Path) -> String {
    Printable(&path.to_string_lossy()).to_string()
}
