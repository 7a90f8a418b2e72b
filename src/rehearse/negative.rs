//! With the wrong papers: what must not go through.

use std::collections::HashMap;
use std::sync::Arc;

use rayon::prelude::*;

use super::RehearseError;
use super::edge::Edge;
use super::foreign::Likeness;
use super::node::{Admission, ServerTrust};
use super::plan::Connection;
use super::report::{Negative, NegativeKind};
use super::stage::{Anybody, Stage};
use crate::tls::{self, Client, ClientAuth, Protocol, Server};
use crate::x509::ExtendedKeyUsage;

/// What came of the wrong papers: each server is tried once for an edge, and so is what each client trusts.
pub(super) struct Negatives {
    servers: Vec<Vec<Negative>>,
    clients: Vec<Option<Negative>>,
    /// For each connection the places in the two lists.
    places: Vec<(usize, usize)>,
}

/// What tells one from another: the edge, the node, and the files by their place in memory.
type Key = (Edge, Option<usize>, usize, usize);

fn place_of<T>(shared: Option<&Arc<T>>) -> usize {
    shared.map_or(0, |shared| Arc::as_ptr(shared).addr())
}

/// The first connection of each key, and for every connection the place of its key's.
fn distinct(plan: &[Connection], key: impl Fn(&Connection) -> Key) -> (Vec<usize>, Vec<usize>) {
    let mut known: HashMap<Key, usize> = HashMap::new();
    let mut first = Vec::new();
    let places = plan.iter().enumerate().map(|(at, one)| {
        *known.entry(key(one)).or_insert_with(|| {
            first.push(at);
            first.len() - 1
        })
    });
    let places = places.collect();
    (first, places)
}

impl Negatives {
    /// Tries everything, over all cores.
    pub(super) fn of(plan: &[Connection], stage: &Stage<'_>) -> Result<Self, RehearseError> {
        let (servers, of_server) = distinct(plan, |one| {
            let admits = place_of(one.server.admits.trust());
            (one.edge, one.server.node, place_of(one.server.shows.pair()), admits)
        });
        let (clients, of_client) =
            distinct(plan, |one| (one.edge, one.client.node, place_of(one.client.trusts.anchors()), 0));
        let servers = servers
            .par_iter()
            .map(|at| plan.get(*at).map_or(Ok(Vec::new()), |one| wrong_clients(stage, one)))
            .collect::<Result<_, _>>()?;
        let clients = clients
            .par_iter()
            .map(|at| plan.get(*at).map_or(Ok(None), |one| wrong_server(stage, one)))
            .collect::<Result<_, _>>()?;
        Ok(Self { servers, clients, places: of_server.into_iter().zip(of_client).collect() })
    }

    /// What came of it for that connection.
    pub(super) fn for_connection(&self, at: usize) -> Vec<Negative> {
        let Some((server, client)) = self.places.get(at) else { return Vec::new() };
        let mut tried = self.servers.get(*server).cloned().unwrap_or_default();
        tried.extend(self.clients.get(*client).cloned().flatten());
        tried
    }
}

/// A server, tried with a client without a certificate and with one of another CA.
fn wrong_clients(stage: &Stage<'_>, connection: &Connection) -> Result<Vec<Negative>, RehearseError> {
    if !connection.server.mutual {
        return Ok(Vec::new());
    }
    let (Ok(papers), Some(name)) = (stage.papers(connection)?, connection.dialled.clone()) else {
        return Ok(Vec::new());
    };
    let leaf = connection.client.shows.pair().and_then(|pair| pair.leaf());
    let likeness = Likeness {
        of: leaf.map(|leaf| &leaf.certificate),
        names: Vec::new(),
        purpose: ExtendedKeyUsage::ClientAuth,
    };
    let forged = stage.foreign.forged(&likeness)?;
    let service = connection.edge.server();
    let mut tried = Vec::with_capacity(2);
    for (kind, identity) in
        [(NegativeKind::NoClientCertificate, None), (NegativeKind::ForeignClient, Some(forged))]
    {
        let dialling = Client { identity, name: name.clone(), judge: Arc::new(Anybody) };
        let listening = connection.listening(papers.server.clone(), stage.server_judge(connection));
        let accepted = tls::rehearse(&dialling, &listening, &Protocol::ALL).is_ok();
        let (fine, words) = match (kind, accepted, &connection.server.admits) {
            (_, false, _) => (true, "refused".to_owned()),
            (NegativeKind::NoClientCertificate, true, Admission::Asked { without, .. }) => {
                (true, format!("asked for, not required: {without}"))
            }
            (NegativeKind::NoClientCertificate, true, _) => {
                (false, format!("{service} takes a client without a certificate"))
            }
            (_, true, _) => {
                (false, format!("{service} takes a client whose certificate another CA has signed"))
            }
        };
        tried.push(Negative { kind, accepted, fine, words });
    }
    Ok(tried)
}

/// A client, tried with a server of another CA that has the right name.
fn wrong_server(stage: &Stage<'_>, connection: &Connection) -> Result<Option<Negative>, RehearseError> {
    let (Ok(papers), Some(name)) = (stage.papers(connection)?, connection.dialled.clone()) else {
        return Ok(None);
    };
    let leaf = connection.server.shows.pair().and_then(|pair| pair.leaf());
    let likeness = Likeness {
        of: leaf.map(|leaf| &leaf.certificate),
        names: vec![name.clone()],
        purpose: ExtendedKeyUsage::ServerAuth,
    };
    let dialling = Client { identity: None, name, judge: stage.client_judge(connection, papers.trust) };
    let listening = Server {
        identity: stage.foreign.forged(&likeness)?,
        client_auth: ClientAuth::NotAsked,
        acceptable_cas: Vec::new(),
        judge: Arc::new(Anybody),
    };
    let accepted = tls::rehearse(&dialling, &listening, &Protocol::ALL).is_ok();
    let (fine, words) = match (accepted, &connection.client.trusts) {
        (false, _) => (true, "refused".to_owned()),
        (true, ServerTrust::Anyone { why, is_fault }) => (!is_fault, why.clone()),
        (true, _) => {
            let called = &connection.client.called;
            (false, format!("{called} takes a server whose certificate another CA has signed"))
        }
    };
    Ok(Some(Negative { kind: NegativeKind::ForeignServer, accepted, fine, words }))
}
