//! What a rehearsal came to: each connection, and all of them as a matrix of edges and nodes.

use time::OffsetDateTime;

use super::edge::{Edge, Service};
use crate::chain::Policy;
use crate::tls::{Protocol, Side};

/// Every connection of a cluster, acted out.
#[derive(Debug)]
pub struct Report {
    /// The instant for which it was rehearsed.
    pub at: OffsetDateTime,
    /// Whose verdicts the chains were given.
    pub policy: Policy,
    /// The nodes, as they were found.
    pub nodes: Vec<NodeSummary>,
    /// The connections, edge by edge.
    pub connections: Vec<Rehearsal>,
    /// What is worth saying about what was read. Every text here is safe to show.
    pub notes: Vec<String>,
}

/// A node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeSummary {
    /// Its name.
    pub name: String,
    /// Its directory; none where only the cluster's file names it.
    pub directory: Option<String>,
    /// Whether an API server runs on it.
    pub control_plane: bool,
    /// Whether a member of etcd runs on it.
    pub etcd: bool,
    /// Whether a kubelet runs on it.
    pub kubelet: bool,
    /// Its address, where one is known.
    pub address: Option<String>,
}

/// One connection, and what came of it.
#[derive(Debug)]
pub struct Rehearsal {
    /// What kind of connection.
    pub edge: Edge,
    /// The party that dials.
    pub client: Party,
    /// The party that listens.
    pub server: Party,
    /// The name or the address that is dialled.
    pub dialled: Option<String>,
    /// Where that name comes from, and why this server answers it.
    pub why: String,
    /// What came of it.
    pub outcome: Outcome,
    /// What was agreed on, where the handshake went through.
    pub agreed: Option<Agreed>,
    /// Until when both chains hold, and the file of the certificate that ends then.
    pub holds_until: Option<(OffsetDateTime, String)>,
    /// What must not go through.
    pub negatives: Vec<Negative>,
    /// What is worth knowing about it.
    pub notes: Vec<String>,
}

/// One party of a connection.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Party {
    /// The node that it is on, as an index of [`Report::nodes`]; none for users and for what is on none.
    pub node: Option<usize>,
    /// What it is called: `kubelet.conf of worker1`.
    pub called: String,
    /// The file that says whom a client dials.
    pub file: Option<String>,
    /// The file of its certificate.
    pub certificate: Option<String>,
    /// The file of its private key.
    pub key: Option<String>,
    /// The file of what it verifies the other one with.
    pub trusts: Option<String>,
    /// Whether a server asks its clients for a certificate: `required`, `asked` or `notAsked`.
    pub client_auth: Option<&'static str>,
}

/// What came of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It went through, and what must not go through did not.
    Ok,
    /// It did not, for these reasons, of which there is one at least: what ended the handshake comes first, and what else
    /// would have.
    Failed(Vec<Failure>),
    /// It could not be judged, for this reason.
    Unknown(String),
}

/// Why a connection fails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The kind of reason: those of `chain`, and `key-mismatch`, `unusable-file`, `not-asked` and the like.
    pub code: &'static str,
    /// The file that is at fault, or that was refused.
    pub file: String,
    /// The SHA-256 of the certificate that is at fault, where it is one: it may stand in several files.
    pub fingerprint: Option<String>,
    /// The file against which it was held, where that may be the one at fault.
    pub against: Option<String>,
    /// Why, in words that name files.
    pub reason: String,
    /// The same without the names of files, where it may be said of several.
    pub detail: Option<String>,
    /// The certificate above the refused one that is at fault, where it is not the refused one itself.
    pub above: Option<Above>,
    /// Who refuses whom, where it comes to a handshake.
    pub refused_by: Option<Side>,
}

/// A certificate of a CA that is at fault. Every text here is safe to show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Above {
    /// Its subject.
    pub subject: String,
    /// The file that it stands in, and the line where others stand before it: `etcd.pem:13`.
    pub place: String,
}

/// What two parties agreed on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agreed {
    /// The version of TLS.
    pub protocol: Protocol,
    /// The cipher suite, by IANA's name.
    pub cipher_suite: String,
    /// The group of the key exchange, by IANA's name.
    pub key_exchange: String,
}

/// A handshake that was tried with the wrong papers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Negative {
    /// With what.
    pub kind: NegativeKind,
    /// Whether it went through.
    pub accepted: bool,
    /// Whether that is as it must be.
    pub fine: bool,
    /// What came of it, in words.
    pub words: String,
}

/// With what a handshake was tried that is not to be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NegativeKind {
    /// A client without a certificate.
    NoClientCertificate,
    /// A client with a certificate of another CA, and the right subject.
    ForeignClient,
    /// A server with a certificate of another CA, and the right name.
    ForeignServer,
}

impl NegativeKind {
    /// Its name for programs.
    pub fn id(self) -> &'static str {
        match self {
            Self::NoClientCertificate => "no-client-certificate",
            Self::ForeignClient => "client-of-another-ca",
            Self::ForeignServer => "server-of-another-ca",
        }
    }
}

/// What a cell of the matrix says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Cell {
    /// There is no such connection.
    NotApplicable,
    /// All of them went through.
    Ok,
    /// One of them could not be judged, and none failed.
    Unknown,
    /// One of them failed.
    Failed,
}

/// Edges and nodes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Matrix {
    /// The columns: nodes, and after them `users` where there are any.
    pub columns: Vec<String>,
    /// What the node of a column dials.
    pub dials: Vec<(Edge, Vec<Cell>)>,
    /// What dials the node of a column.
    pub answers: Vec<(Service, Vec<Cell>)>,
}

impl Failure {
    /// One that does not come from a chain.
    pub(super) fn of_file(code: &'static str, file: String, reason: String) -> Self {
        Self {
            code,
            file,
            fingerprint: None,
            against: None,
            reason,
            detail: None,
            above: None,
            refused_by: None,
        }
    }
}

impl Outcome {
    fn cell(&self) -> Cell {
        match self {
            Self::Ok => Cell::Ok,
            Self::Failed(_) => Cell::Failed,
            Self::Unknown(_) => Cell::Unknown,
        }
    }
}

impl Report {
    /// How many connections went through, failed, and could not be judged.
    pub fn counts(&self) -> [usize; 3] {
        let count = |cell| self.connections.iter().filter(|one| one.outcome.cell() == cell).count();
        [count(Cell::Ok), count(Cell::Failed), count(Cell::Unknown)]
    }

    /// Until when every connection that went through holds, and the file of the certificate that ends then.
    pub fn holds_until(&self) -> Option<(OffsetDateTime, &str)> {
        let ends = self.connections.iter().filter_map(|one| one.holds_until.as_ref());
        ends.min().map(|(end, file)| (*end, file.as_str()))
    }

    /// The matrix of edges and nodes; a row that holds nothing is left out.
    pub fn matrix(&self) -> Matrix {
        let mut columns: Vec<String> = self.nodes.iter().map(|node| node.name.clone()).collect();
        let users = columns.len();
        if self.connections.iter().any(|one| one.client.node.is_none()) {
            columns.push("users".to_owned());
        }
        let width = columns.len();
        let row = |cells: &mut dyn Iterator<Item = (usize, Cell)>| {
            let mut row = vec![Cell::NotApplicable; width];
            for (column, cell) in cells {
                if let Some(place) = row.get_mut(column) {
                    *place = cell.max(*place);
                }
            }
            row
        };
        let is_empty = |row: &[Cell]| row.iter().all(|cell| *cell == Cell::NotApplicable);
        let mut dials = Vec::new();
        let mut services: Vec<Service> = Vec::new();
        for edge in Edge::ALL {
            let own = self.connections.iter().filter(|one| one.edge == edge);
            let cells = row(&mut own.map(|one| (one.client.node.unwrap_or(users), one.outcome.cell())));
            if !is_empty(&cells) {
                dials.push((edge, cells));
            }
            if !services.contains(&edge.server()) {
                services.push(edge.server());
            }
        }
        let answers = services.into_iter().map(|service| {
            let own = self.connections.iter().filter(|one| one.edge.server() == service);
            let own = own.filter_map(|one| Some((one.server.node?, one.outcome.cell())));
            (service, row(&mut { own }))
        });
        let answers = answers.filter(|(_, cells)| !is_empty(cells)).collect();
        Matrix { columns, dials, answers }
    }
}
