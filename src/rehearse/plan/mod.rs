//! Which connections there are: every client, whom it dials by which name, and what both hold.

mod apiserver;
mod etcd;
mod others;

use std::sync::Arc;

pub(super) use apiserver::{User, user};

use super::Known;
use super::edge::Edge;
use super::files::{FileName, Pair, Trouble};
use super::judge::Rule;
use super::network::Network;
use super::node::{Admission, ServerTrust, Shows};
use crate::x509::{Printable, SubjectAltName};

/// One connection, as it is to be acted out.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) edge: Edge,
    pub(super) client: Client,
    pub(super) server: Server,
    /// The name or the address that is dialled.
    pub(super) dialled: Option<SubjectAltName>,
    /// Where the name comes from, and why that server answers it.
    pub(super) why: String,
    pub(super) notes: Vec<String>,
    /// What stands in the way of acting it out, known already.
    pub(super) trouble: Option<Trouble>,
}

/// The party that dials.
#[derive(Debug, Clone)]
pub(super) struct Client {
    /// The node that it is on; none for users.
    pub(super) node: Option<usize>,
    /// Whose doing it is that the name is dialled: `kubelet.conf of worker1`.
    pub(super) called: String,
    /// The file that says whom it dials.
    pub(super) file: String,
    pub(super) shows: Shows,
    pub(super) trusts: ServerTrust,
}

/// The party that listens.
#[derive(Debug, Clone)]
pub(super) struct Server {
    /// The node that it is on; none where it is not known or is on none.
    pub(super) node: Option<usize>,
    pub(super) shows: Serves,
    pub(super) admits: Admission,
    /// Whether a client without a certificate must be known here: both sides are to show one.
    pub(super) mutual: bool,
    pub(super) rules: Vec<Rule>,
}

/// What a server shows.
#[derive(Debug, Clone)]
pub(super) enum Serves {
    Pair(Arc<Pair>),
    /// Something that is not in the tree, for which a certificate was made.
    StandIn,
    /// It is not known.
    Unknown,
}

/// Every connection, edge by edge, node by node.
pub(super) fn connections(network: &Network<'_>, users: &[User], known: Option<&Known>) -> Vec<Connection> {
    let mut plan = Vec::new();
    apiserver::clients(network, users, &mut plan);
    apiserver::pods(network, &mut plan);
    others::kubelets(network, &mut plan);
    etcd::clients(network, &mut plan);
    etcd::peers(network, &mut plan);
    etcd::local(network, &mut plan);
    others::extensions(network, &mut plan);
    others::metrics(network, &mut plan);
    others::absent(network, known, &mut plan);
    for connection in &mut plan {
        let shown = [connection.client.shows.pair(), connection.server.shows.pair()];
        let stray = shown.into_iter().flatten().filter(|pair| pair.stray_key);
        let stray: Vec<String> = stray
            .map(|pair| {
                format!("{} holds a private key beside the certificate, and files of that name are read by others", pair.certificate.short)
            })
            .collect();
        connection.notes.extend(stray);
    }
    plan.sort_by_key(|connection| connection.edge);
    plan
}

impl Server {
    /// A server of which nothing is known.
    fn unknown() -> Self {
        Self {
            node: None,
            shows: Serves::Unknown,
            admits: Admission::Unknown("the server is not known".to_owned()),
            mutual: true,
            rules: Vec::new(),
        }
    }
}

impl Connection {
    /// A connection that cannot be acted out.
    fn blocked(edge: Edge, client: Client, trouble: Trouble) -> Self {
        let server = Server::unknown();
        let why = String::new();
        Self { edge, client, server, dialled: None, why, notes: Vec::new(), trouble: Some(trouble) }
    }
}

/// A component of a node, where no file says whom it dials.
fn component(network: &Network<'_>, node: usize, program: &str) -> String {
    if network.nodes.len() == 1 {
        program.to_owned()
    } else {
        format!("{program} of {}", node_name(network, node))
    }
}

/// A node's name, safe to show.
fn node_name(network: &Network<'_>, node: usize) -> String {
    network.nodes.get(node).map(|node| Printable(&node.name).to_string()).unwrap_or_default()
}

/// The file that a component's flags are in, or else the one of its certificate.
fn said_in(manifest: Option<&String>, pair: &FileName) -> String {
    manifest.cloned().unwrap_or_else(|| pair.path.clone())
}
