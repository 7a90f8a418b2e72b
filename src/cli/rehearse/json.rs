//! A rehearsal as JSON.

use kpki::rehearse::{Above, Blame, Failure, Negative, Outcome, Party, Rehearsal, Report};
use serde::Serialize;

use crate::cli::output;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Document {
    directory: String,
    at: String,
    policy: String,
    summary: Summary,
    nodes: Vec<Node>,
    connections: Vec<Connection>,
    causes: Vec<Cause>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    notes: Vec<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Summary {
    ok: usize,
    failed: usize,
    unknown: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    holds_until: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    holds_until_through: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Node {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    directory: Option<String>,
    control_plane: bool,
    etcd: bool,
    kubelet: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Connection {
    edge: &'static str,
    client: PartyRow,
    server: PartyRow,
    #[serde(skip_serializing_if = "Option::is_none")]
    dialled: Option<String>,
    #[serde(skip_serializing_if = "String::is_empty")]
    dialled_because: String,
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    failures: Vec<FailureRow>,
    #[serde(skip_serializing_if = "Option::is_none")]
    protocol: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cipher_suite: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key_exchange: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    holds_until: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    holds_until_through: Option<String>,
    negatives: Vec<NegativeRow>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    notes: Vec<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct FailureRow {
    code: &'static str,
    reason: String,
    file: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    above: Option<AboveRow>,
    #[serde(skip_serializing_if = "Option::is_none")]
    held_against: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refused_by: Option<String>,
}

/// The certificate of a CA that is at fault rather than the one that is refused.
#[derive(Serialize)]
struct AboveRow {
    subject: String,
    place: String,
}

impl AboveRow {
    fn of(above: &Above) -> Self {
        Self { subject: above.subject.clone(), place: above.place.clone() }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PartyRow {
    #[serde(skip_serializing_if = "Option::is_none")]
    node: Option<String>,
    called: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    certificate: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trusts: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_auth: Option<&'static str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct NegativeRow {
    with: &'static str,
    accepted: bool,
    fine: bool,
    words: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Cause {
    code: &'static str,
    /// For what the files are to blame: `content`, `trust` or `name`.
    blame: &'static str,
    files: Vec<String>,
    reason: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    above: Option<AboveRow>,
    /// Indices of `connections`.
    breaks: Vec<usize>,
}

impl Document {
    pub(super) fn of(report: &Report, directory: &str) -> Self {
        let [ok, failed, unknown] = report.counts();
        let end = report.holds_until();
        Self {
            directory: directory.to_owned(),
            at: output::rfc3339(report.at),
            policy: report.policy.to_string(),
            summary: Summary {
                ok,
                failed,
                unknown,
                holds_until: end.map(|(end, _)| output::rfc3339(end)),
                holds_until_through: end.map(|(_, file)| file.to_owned()),
            },
            nodes: nodes(report),
            connections: report.connections.iter().map(|one| Connection::of(report, one)).collect(),
            causes: report
                .causes()
                .into_iter()
                .map(|cause| Cause {
                    code: cause.code,
                    blame: match cause.blame {
                        Blame::Content => "content",
                        Blame::Trust => "trust",
                        Blame::Name => "name",
                    },
                    files: cause.files,
                    reason: cause.reason,
                    above: cause.above.as_ref().map(AboveRow::of),
                    breaks: cause.connections,
                })
                .collect(),
            notes: report.notes.clone(),
        }
    }
}

fn nodes(report: &Report) -> Vec<Node> {
    let nodes = report.nodes.iter().map(|node| Node {
        name: node.name.clone(),
        directory: node.directory.clone(),
        control_plane: node.control_plane,
        etcd: node.etcd,
        kubelet: node.kubelet,
        address: node.address.clone(),
    });
    nodes.collect()
}

impl Connection {
    fn of(report: &Report, one: &Rehearsal) -> Self {
        let (outcome, reason) = match &one.outcome {
            Outcome::Ok => ("ok", None),
            Outcome::Failed(failures) => ("failed", failures.first().map(|failure| failure.reason.clone())),
            Outcome::Unknown(reason) => ("unknown", Some(reason.clone())),
        };
        let failure = |failure: &Failure| FailureRow {
            code: failure.code,
            reason: failure.reason.clone(),
            file: failure.file.clone(),
            above: failure.above.as_ref().map(AboveRow::of),
            held_against: failure.against.clone(),
            refused_by: failure.refused_by.map(|side| side.to_string()),
        };
        let party = |party: &Party| PartyRow {
            node: party.node.and_then(|node| report.nodes.get(node)).map(|node| node.name.clone()),
            called: party.called.clone(),
            file: party.file.clone(),
            certificate: party.certificate.clone(),
            key: party.key.clone(),
            trusts: party.trusts.clone(),
            client_auth: party.client_auth,
        };
        let agreed = one.agreed.as_ref();
        let negative = |negative: &Negative| NegativeRow {
            with: negative.kind.id(),
            accepted: negative.accepted,
            fine: negative.fine,
            words: negative.words.clone(),
        };
        Self {
            edge: one.edge.id(),
            client: party(&one.client),
            server: party(&one.server),
            dialled: one.dialled.clone(),
            dialled_because: one.why.clone(),
            outcome,
            reason,
            failures: one.failures().iter().map(failure).collect(),
            protocol: agreed.map(|agreed| agreed.protocol.to_string()),
            cipher_suite: agreed.map(|agreed| agreed.cipher_suite.clone()),
            key_exchange: agreed.map(|agreed| agreed.key_exchange.clone()),
            holds_until: one.holds_until.as_ref().map(|(end, _)| output::rfc3339(*end)),
            holds_until_through: one.holds_until.as_ref().map(|(_, file)| file.clone()),
            negatives: one.negatives.iter().map(negative).collect(),
            notes: one.notes.clone(),
        }
    }
}
