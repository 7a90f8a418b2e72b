//! With the wrong papers: what must not go through.

use std::collections::HashMap;
use std::sync::Arc;

use rayon::prelude::*;

use super::RehearseError;
use super::edge::{Edge, Service};
use super::foreign::Likeness;
use super::node::{Admission, ServerTrust};
use super::plan::Connection;
use super::report::{Negative, NegativeKind};
use super::stage::{Anybody, Stage};
use crate::tls::{self, Client, ClientAuth, Protocol, Server, TlsError};
use crate::x509::ExtendedKeyUsage;

/// What came of the wrong papers. A server is tried without a certificate once, with a forged one once for each edge (for
/// it has the subject of the edge's client), and what a client trusts is tried once.
pub(super) struct Negatives {
    tried: Vec<Option<Negative>>,
    /// For each connection the places in that list.
    places: Vec<[usize; 3]>,
}

/// What tells one trial from another: its kind, the service, the edge, the node, whether both are to show certificates,
/// and the files by their place in memory.
type Key = (NegativeKind, Service, Option<Edge>, Option<usize>, bool, [usize; 2]);

const KINDS: [NegativeKind; 3] =
    [NegativeKind::NoClientCertificate, NegativeKind::ForeignClient, NegativeKind::ForeignServer];

fn key(kind: NegativeKind, one: &Connection) -> Key {
    fn place_of<T>(shared: Option<&Arc<T>>) -> usize {
        shared.map_or(0, |shared| Arc::as_ptr(shared).addr())
    }
    let service = one.edge.server();
    let (node, mutual) = (one.server.node, one.server.mutual);
    let server = [place_of(one.server.shows.pair()), place_of(one.server.admits.trust())];
    match kind {
        NegativeKind::NoClientCertificate => (kind, service, None, node, mutual, server),
        NegativeKind::ForeignClient => (kind, service, Some(one.edge), node, mutual, server),
        NegativeKind::ForeignServer => {
            let trust = [place_of(one.client.trusts.anchors()), 0];
            (kind, service, Some(one.edge), one.client.node, mutual, trust)
        }
    }
}

impl Negatives {
    /// Tries everything, over all cores.
    pub(super) fn of(plan: &[Connection], stage: &Stage<'_>) -> Result<Self, RehearseError> {
        let mut known: HashMap<Key, usize> = HashMap::new();
        let mut trials = Vec::new();
        let mut place = |kind, one| {
            *known.entry(key(kind, one)).or_insert_with(|| {
                trials.push((kind, one));
                trials.len() - 1
            })
        };
        let places = plan.iter().map(|one| KINDS.map(|kind| place(kind, one))).collect();
        let tried = trials.par_iter().map(|(kind, one)| match kind {
            NegativeKind::ForeignServer => wrong_server(stage, one),
            _ => wrong_client(stage, *kind, one),
        });
        Ok(Self { tried: tried.collect::<Result<_, _>>()?, places })
    }

    /// What came of it for that connection.
    pub(super) fn for_connection(&self, at: usize) -> Vec<Negative> {
        let places = self.places.get(at).into_iter().flatten();
        places.filter_map(|place| self.tried.get(*place)?.clone()).collect()
    }
}

/// A server, tried with a client without a certificate or with one of another CA.
fn wrong_client(
    stage: &Stage<'_>,
    kind: NegativeKind,
    connection: &Connection,
) -> Result<Option<Negative>, RehearseError> {
    let server = stage.server(connection)?.filter(|_| connection.server.mutual);
    let (Some(listening), Some(name)) = (server, connection.dialled.clone()) else {
        return Ok(None);
    };
    let leaf = connection.client.shows.pair().and_then(|pair| pair.leaf());
    let likeness = Likeness {
        of: leaf.map(|leaf| &leaf.certificate),
        names: Vec::new(),
        purpose: ExtendedKeyUsage::ClientAuth,
    };
    let identity = match kind {
        NegativeKind::ForeignClient => Some(stage.foreign.forged(&likeness)?),
        _ => None,
    };
    let dialling = Client { identity, name, judge: Arc::new(Anybody) };
    let refused = tls::rehearse(&dialling, &listening, &Protocol::ALL).err();
    let accepted = refused.is_none();
    let service = connection.edge.server();
    let (fine, words) = match (kind, accepted, &connection.server.admits) {
        (_, false, _) => (true, why_refused(refused)),
        (NegativeKind::NoClientCertificate, true, Admission::Asked { without, .. }) => {
            (true, format!("asked for, not required: {without}"))
        }
        (NegativeKind::NoClientCertificate, true, _) => {
            (false, format!("{service} takes a client without a certificate"))
        }
        (_, true, _) => (false, format!("{service} takes a client whose certificate another CA has signed")),
    };
    Ok(Some(Negative { kind, accepted, fine, words }))
}

/// Why a stranger was refused.
fn why_refused(error: Option<TlsError>) -> String {
    match error {
        Some(TlsError::Refused { reason, .. }) => format!("refused: {reason}"),
        Some(error) => error.to_string(),
        None => String::new(),
    }
}

/// A client, tried with a server of another CA that has the right name.
fn wrong_server(stage: &Stage<'_>, connection: &Connection) -> Result<Option<Negative>, RehearseError> {
    let (Some(judge), Some(name)) = (stage.client(connection)?, connection.dialled.clone()) else {
        return Ok(None);
    };
    let leaf = connection.server.shows.pair().and_then(|pair| pair.leaf());
    let likeness = Likeness {
        of: leaf.map(|leaf| &leaf.certificate),
        names: vec![name.clone()],
        purpose: ExtendedKeyUsage::ServerAuth,
    };
    let dialling = Client { identity: None, name, judge };
    let listening = Server {
        identity: stage.foreign.forged(&likeness)?,
        client_auth: ClientAuth::NotAsked,
        acceptable_cas: Vec::new(),
        judge: Arc::new(Anybody),
    };
    let refused = tls::rehearse(&dialling, &listening, &Protocol::ALL).err();
    let accepted = refused.is_none();
    let (fine, words) = match (accepted, &connection.client.trusts) {
        (false, _) => (true, why_refused(refused)),
        (true, ServerTrust::Anyone { why, is_fault }) => (!is_fault, why.clone()),
        (true, _) => {
            let called = &connection.client.called;
            (false, format!("{called} takes a server whose certificate another CA has signed"))
        }
    };
    Ok(Some(Negative { kind: NegativeKind::ForeignServer, accepted, fine, words }))
}
