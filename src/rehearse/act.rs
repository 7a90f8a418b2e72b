//! Acting connections out with the right papers.

use std::sync::Arc;

use rayon::prelude::*;
use time::OffsetDateTime;

use super::files::{Pair, Trouble};
use super::judge::{Finding, Judge, Objection};
use super::negative::Negatives;
use super::node::Admission;
use super::plan::Connection;
use super::report::{Agreed, Failure, Negative, NegativeKind, Outcome, Party, Rehearsal};
use super::stage::{Papers, Stage};
use super::{RehearseError, Settings};
use crate::tls::{self, Client, PeerJudge, Protocol, Side, TlsError};

/// Acts out every connection, over all cores, with the right papers and with the wrong ones.
pub(super) fn all(plan: Vec<Connection>, settings: &Settings) -> Result<Vec<Rehearsal>, RehearseError> {
    let stage = Stage::new(settings)?;
    let negatives = Negatives::of(&plan, &stage)?;
    plan.into_par_iter()
        .enumerate()
        .map(|(at, connection)| one(&stage, connection, negatives.for_connection(at)))
        .collect()
}

/// What came of a handshake.
struct Came {
    outcome: Outcome,
    agreed: Option<Agreed>,
    holds_until: Option<(OffsetDateTime, String)>,
}

impl From<Outcome> for Came {
    fn from(outcome: Outcome) -> Self {
        Self { outcome, agreed: None, holds_until: None }
    }
}

fn one(
    stage: &Stage<'_>,
    connection: Connection,
    negatives: Vec<Negative>,
) -> Result<Rehearsal, RehearseError> {
    let mut came = match stage.papers(&connection)? {
        Ok(papers) => handshake(stage, &connection, papers),
        Err(troubles) => without_handshake(stage, &connection, troubles).into(),
    };
    let wrong = negatives.iter().find(|negative| !negative.fine);
    if let (Outcome::Ok, Some(wrong)) = (&came.outcome, wrong) {
        let (code, file, reason) = (wrong.kind.id(), connection.blamed(wrong.kind), wrong.words.clone());
        came.outcome = Outcome::Failed(vec![Failure::of_file(code, file, reason)]);
    }
    let Connection { edge, client, server, dialled, why, notes, .. } = connection;
    let party = |node, called, pair: Option<&Arc<Pair>>| Party {
        node,
        called,
        certificate: pair.map(|pair| pair.certificate.path.clone()),
        key: pair.map(|pair| pair.key.path.clone()),
        ..Party::default()
    };
    Ok(Rehearsal {
        edge,
        client: Party {
            file: Some(client.file).filter(|file| !file.is_empty()),
            trusts: client.trusts.anchors().map(|trust| trust.name.path.clone()),
            ..party(client.node, client.called, client.shows.pair())
        },
        server: Party {
            trusts: server.admits.trust().map(|trust| trust.name.path.clone()),
            client_auth: server.admits.id(),
            ..party(server.node, edge.server().to_string(), server.shows.pair())
        },
        dialled: dialled.as_ref().map(super::network::bare),
        why,
        outcome: came.outcome,
        agreed: came.agreed,
        holds_until: came.holds_until,
        negatives,
        notes,
    })
}

fn handshake(stage: &Stage<'_>, connection: &Connection, papers: Papers) -> Came {
    if let (true, Admission::NotAsked(why)) = (connection.server.mutual, &connection.server.admits) {
        let (code, file) = ("not-asked", connection.blamed(NegativeKind::NoClientCertificate));
        return Outcome::Failed(vec![Failure::of_file(code, file, why.clone())]).into();
    }
    let Some(name) = connection.dialled.clone() else {
        return Outcome::Unknown("nothing says what is dialled".to_owned()).into();
    };
    let of_server = stage.client_judge(connection, papers.trust);
    let of_client = stage.server_judge(connection);
    let must_show = papers.client.is_some() && connection.server.admits.trust().is_some();
    let dialling = Client { identity: papers.client, name, judge: of_server.clone() };
    let listening = connection.listening(papers.server, of_client.clone());
    match tls::rehearse(&dialling, &listening, &Protocol::ALL) {
        // Whoever was asked and had no signature that the server takes has shown nothing.
        Ok(handshake) if handshake.client_chain.is_empty() && must_show => {
            let reason = format!(
                "{} has a key with which nothing can be signed that {} takes",
                connection.client.called,
                connection.edge.server()
            );
            Outcome::Failed(vec![Failure::of_file("handshake", connection.client.file.clone(), reason)])
                .into()
        }
        Ok(handshake) => Came {
            outcome: Outcome::Ok,
            agreed: Some(Agreed {
                protocol: handshake.protocol,
                cipher_suite: handshake.cipher_suite,
                key_exchange: handshake.key_exchange,
            }),
            holds_until: [&of_server, &of_client].into_iter().filter_map(|judge| end(judge)).min(),
        },
        Err(error) => {
            let first = failure(connection, &of_server, &of_client, &error);
            // The other side was perhaps not asked any more.
            let also = objections(stage, connection, connection.server.admits.trust().is_some());
            let also =
                also.into_iter().filter(|also| also.refused_by != first.refused_by).collect::<Vec<_>>();
            Outcome::Failed(std::iter::once(first).chain(also).collect()).into()
        }
    }
}

/// Until when a party's chain holds; nothing for one that was made here.
fn end(judge: &Judge) -> Option<(OffsetDateTime, String)> {
    judge.shown.as_ref()?;
    match judge.finding()? {
        Finding::Accepted(end, file) => Some((end, file)),
        Finding::Refused(_) => None,
    }
}

/// Why a handshake failed, in the words of whoever ended it.
fn failure(connection: &Connection, of_server: &Judge, of_client: &Judge, error: &TlsError) -> Failure {
    let refused_by = match error {
        TlsError::Refused { by, .. } => Some(*by),
        _ => None,
    };
    let judge = match refused_by {
        Some(Side::Client) => Some(of_server),
        Some(Side::Server) => Some(of_client),
        None => None,
    };
    if let Some(Finding::Refused(objection)) = judge.and_then(Judge::finding) {
        return objection.into_failure(refused_by);
    }
    let code = match error {
        TlsError::Refused { reason: tls::Reason::NoClientCertificate, .. } => "no-client-certificate",
        TlsError::Name { .. } => "name",
        _ => "handshake",
    };
    let reason = match connection.client.shows.pair() {
        None => format!("{}: {error}", connection.client.called),
        Some(pair) => format!("{}: {error}", pair.certificate.short),
    };
    Failure { refused_by, ..Failure::of_file(code, connection.client.file.clone(), reason) }
}

/// What can be said without a handshake: a file that is broken breaks the connection, and a certificate that would be
/// refused is refused with any key.
fn without_handshake(stage: &Stage<'_>, connection: &Connection, troubles: Vec<Trouble>) -> Outcome {
    let mut failures = Vec::new();
    let mut missing = None;
    for trouble in troubles {
        match trouble {
            Trouble::Broken { code, file, reason } => failures.push(Failure::of_file(code, file, reason)),
            Trouble::Missing(reason) => _ = missing.get_or_insert(reason),
        }
    }
    failures.extend(objections(stage, connection, true));
    match missing {
        Some(reason) if failures.is_empty() => Outcome::Unknown(reason),
        _ => Outcome::Failed(failures),
    }
}

/// What each side has against the other's chain, as far as both are there.
fn objections(stage: &Stage<'_>, connection: &Connection, is_asked: bool) -> Vec<Failure> {
    let trust = connection.client.trusts.anchors();
    let shown = connection.client.shows.pair().filter(|_| is_asked);
    let sides = [
        (Side::Client, stage.client_judge(connection, trust.cloned()), connection.server.shows.pair()),
        (Side::Server, stage.server_judge(connection), shown),
    ];
    let objections = sides.into_iter().filter_map(|(by, judge, pair)| {
        judge.trust.as_ref()?.anchors.as_ref().ok()?;
        let chain = pair?.chain.as_ref().ok()?;
        let chain: Vec<&[u8]> = chain.iter().map(|located| located.certificate.der()).collect();
        judge.judge(&chain).err()?;
        match judge.finding() {
            Some(Finding::Refused(objection)) => Some(objection.into_failure(Some(by))),
            _ => None,
        }
    });
    objections.collect()
}

impl Objection {
    fn into_failure(self, refused_by: Option<Side>) -> Failure {
        Failure {
            code: self.code,
            file: self.file,
            fingerprint: Some(self.fingerprint),
            against: self.against,
            reason: self.reason,
            detail: Some(self.detail),
            above: self.above,
            refused_by,
        }
    }
}
