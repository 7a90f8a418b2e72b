//! A rehearsal for people: the matrix, then what breaks it, then what could not be judged.

use std::collections::BTreeMap;
use std::path::Path;

use anstyle::Style;
use kpki::rehearse::{Cause, Cell, Edge, Matrix, NegativeKind, Outcome, Rehearsal, Report};
use time::OffsetDateTime;

use crate::cli::output::{self, BAD, FAINT, GOOD, WARN, styled};

/// From so many columns on, nodes whose columns are the same share one.
const MANY_COLUMNS: usize = 12;
/// How many connections, files or reasons are listed before the rest is counted.
const MOST: usize = 6;

pub(super) fn of(report: &Report, directory: &str, file: Option<&Path>, now: OffsetDateTime) -> String {
    let matrix = report.matrix();
    let mut parts = vec![table(&matrix), legend(&matrix)];
    let causes = report.causes();
    parts.extend(causes.iter().map(|cause| of_cause(report, cause, file)));
    parts.extend(unknown(report));
    parts.extend(notes(report));
    parts.push(summary(report, directory, causes.len(), now));
    parts.join("\n\n")
}

/// A cell, padded: colours must not count in the width.
fn cell(cell: Cell, width: usize) -> String {
    let (style, text) = match cell {
        Cell::Ok => (GOOD, "ok"),
        Cell::Failed => (BAD, "FAIL"),
        Cell::Unknown => (WARN, "?"),
        Cell::NotApplicable => (FAINT, "-"),
    };
    format!("{}{}", styled(style, text), " ".repeat(width.saturating_sub(text.len())))
}

fn table(matrix: &Matrix) -> String {
    let columns = columns(matrix);
    let labels = matrix.dials.iter().map(|(edge, _)| edge.to_string().chars().count());
    let first = labels.max().unwrap_or(0).max("DIALS".len());
    let widths: Vec<usize> = columns.iter().map(|(name, _)| name.chars().count().max(4)).collect();
    let line = |label: &str, style: Style, cells: Vec<String>| {
        let padding = " ".repeat(first.saturating_sub(label.chars().count()));
        let line = format!("{}{padding}  {}", styled(style, label), cells.join("  "));
        line.trim_end().to_owned()
    };
    let row = |label: &str, cells: &[Cell]| {
        let of = |at: &usize| cells.get(*at).copied().unwrap_or(Cell::NotApplicable);
        let cells = columns.iter().zip(&widths).map(|((_, at), width)| cell(of(at), *width));
        line(label, Style::new(), cells.collect())
    };
    let header = |label: &str| {
        let names = columns.iter().zip(&widths);
        let names = names.map(|((name, _), width)| styled(FAINT, format_args!("{name:<width$}")));
        line(label, FAINT, names.collect())
    };
    let mut lines = vec![header("DIALS")];
    lines.extend(matrix.dials.iter().map(|(edge, cells)| row(&edge.to_string(), cells)));
    // On a single node each row would say again what the rows above say.
    if matrix.columns.len() > 1 && !matrix.answers.is_empty() {
        lines.push(String::new());
        lines.push(header("IS DIALLED"));
        lines.extend(matrix.answers.iter().map(|(service, cells)| row(&service.to_string(), cells)));
    }
    lines.join("\n")
}

/// The columns that are shown, each with the place of its cells. Where there are many nodes, those with the same cells
/// share a column: `worker1 +4999`.
fn columns(matrix: &Matrix) -> Vec<(String, usize)> {
    if matrix.columns.len() <= MANY_COLUMNS {
        return matrix.columns.iter().cloned().zip(0..).collect();
    }
    let rows =
        || matrix.dials.iter().map(|(_, cells)| cells).chain(matrix.answers.iter().map(|(_, cells)| cells));
    let mut shared: Vec<(String, usize, usize)> = Vec::new();
    let mut known: BTreeMap<Vec<Option<Cell>>, usize> = BTreeMap::new();
    for (at, name) in matrix.columns.iter().enumerate() {
        let cells: Vec<Option<Cell>> = rows().map(|cells| cells.get(at).copied()).collect();
        let place = *known.entry(cells).or_insert_with(|| {
            shared.push((name.clone(), at, 0));
            shared.len() - 1
        });
        if let Some((_, _, count)) = shared.get_mut(place) {
            *count += 1;
        }
    }
    let name = |name: String, count: usize| if count > 1 { format!("{name} +{}", count - 1) } else { name };
    shared.into_iter().map(|(first, at, count)| (name(first, count), at)).collect()
}

fn legend(matrix: &Matrix) -> String {
    let is_there = |cell: Cell| {
        let cells = matrix.dials.iter().flat_map(|(_, cells)| cells);
        cells.chain(matrix.answers.iter().flat_map(|(_, cells)| cells)).any(|other| *other == cell)
    };
    let words = [
        (Cell::Ok, "ok went through both ways, and strangers were refused"),
        (Cell::Failed, "FAIL see below"),
        (Cell::Unknown, "? could not be judged"),
        (Cell::NotApplicable, "- no such connection"),
    ];
    let words = words.into_iter().filter(|(cell, _)| is_there(*cell)).map(|(_, words)| words);
    styled(FAINT, words.collect::<Vec<_>>().join("; "))
}

/// `cp1 → cp2`, or one node where both are on it.
fn nodes(report: &Report, one: &Rehearsal) -> String {
    let name =
        |node: Option<usize>| node.and_then(|node| report.nodes.get(node)).map(|node| node.name.as_str());
    match (name(one.client.node), name(one.server.node)) {
        (Some(client), Some(server)) if client == server => client.to_owned(),
        (Some(client), Some(server)) => format!("{client} → {server}"),
        (None, Some(server)) => format!("{} → {server}", one.client.called),
        (Some(client), None) => client.to_owned(),
        (None, None) => one.client.called.clone(),
    }
}

/// The first of a list, and how many more there are.
fn some_of(mut all: Vec<String>) -> String {
    all.dedup();
    let more = all.len().saturating_sub(MOST);
    all.truncate(MOST);
    let list = all.join(", ");
    if more > 0 { format!("{list} and {more} more") } else { list }
}

fn of_cause(report: &Report, cause: &Cause, file: Option<&Path>) -> String {
    let broken: Vec<&Rehearsal> =
        cause.connections.iter().filter_map(|at| report.connections.get(*at)).collect();
    let mut lines = vec![format!("{}  {}", styled(BAD, "FAIL"), cause.reason)];
    let what = if cause.is_trust { "trusts" } else { "file" };
    lines.push(format!("  {}  {}", styled(FAINT, format_args!("{what:<6}")), some_of(cause.files.clone())));
    let mut label = "breaks";
    for edge in Edge::ALL {
        let own = broken.iter().filter(|one| one.edge == edge).map(|one| nodes(report, one));
        let own: Vec<String> = own.collect();
        if own.is_empty() {
            continue;
        }
        let places = if report.nodes.len() > 1 { format!(": {}", some_of(own)) } else { String::new() };
        lines.push(format!("  {}  {edge}{places}", styled(FAINT, format_args!("{label:<6}"))));
        label = "";
    }
    if let Some(hint) = broken.first().and_then(|one| hint(cause, one, file)) {
        lines.push(format!("  {}  {hint}", styled(FAINT, "mend  ")));
    }
    lines.join("\n")
}

/// How it is mended.
fn hint(cause: &Cause, one: &Rehearsal, file: Option<&Path>) -> Option<String> {
    let cluster = file.map_or_else(|| "FILE".to_owned(), output::path);
    let at_fault = cause.files.first().map(String::as_str).unwrap_or_default();
    let is_kubeconfig = at_fault.ends_with(".conf");
    let both = if is_kubeconfig || cause.files.len() > 1 { "" } else { " and its key" };
    let them = if cause.files.len() > 1 { "them" } else { at_fault };
    let anew = format!("move {them}{both} away, and kpki init -f {cluster} makes what is missing");
    Some(match cause.code {
        "name-mismatch" => {
            let field = match one.edge {
                Edge::ApiserverEtcd | Edge::EtcdHealthcheck => "etcd's serverCertSANs",
                Edge::EtcdPeer => "etcd's peerCertSANs",
                Edge::ApiserverKubelet | Edge::ControllerManagerMetrics | Edge::SchedulerMetrics => {
                    "the node's addresses"
                }
                _ => "apiServer.certSANs",
            };
            let name = one.dialled.as_deref().unwrap_or_default();
            format!("where the name is right, add {name} to {field} in {cluster}; then {anew}")
        }
        "expired" | "purpose" | "common-name" | "peer-address" => anew,
        "not-yet-valid" => "look at the clock of the machine that made it, or wait".to_owned(),
        "signature" | "no-issuer" if cause.is_trust => {
            format!("put the CA's certificate into {at_fault} that the other nodes trust")
        }
        "signature" | "no-issuer" => format!("have it signed by the CA that is trusted there: {anew}"),
        "key-mismatch" => format!("put back the key that belongs there, or make both anew: {anew}"),
        "unusable-file" => format!("kpki inspect {at_fault} says what it holds"),
        code if code == NegativeKind::NoClientCertificate.id() || code == "not-asked" => {
            "let the server ask for certificates, with the CA of its clients".to_owned()
        }
        code if code == NegativeKind::ForeignServer.id() => {
            "give the client the CA of the server: certificate-authority-data instead of insecure-skip-tls-verify"
                .to_owned()
        }
        _ => return None,
    })
}

/// What could not be judged, by reason.
fn unknown(report: &Report) -> Option<String> {
    let mut reasons: Vec<(&str, Vec<&Rehearsal>)> = Vec::new();
    for one in &report.connections {
        let Outcome::Unknown(reason) = &one.outcome else { continue };
        match reasons.iter_mut().find(|(known, _)| known == reason) {
            Some((_, places)) => places.push(one),
            None => reasons.push((reason, vec![one])),
        }
    }
    let lines: Vec<String> = reasons
        .iter()
        .map(|(reason, places)| {
            let edges = Edge::ALL.into_iter().filter(|edge| places.iter().any(|one| one.edge == *edge));
            let edges = edges.map(|edge| edge.to_string()).collect();
            format!("{}  {reason}\n   {}", styled(WARN, "?"), styled(FAINT, some_of(edges)))
        })
        .collect();
    (!lines.is_empty()).then(|| lines.join("\n"))
}

/// What is worth knowing, each once.
fn notes(report: &Report) -> Option<String> {
    let mut all: Vec<&String> = Vec::new();
    for note in report.notes.iter().chain(report.connections.iter().flat_map(|one| &one.notes)) {
        if !all.contains(&note) {
            all.push(note);
        }
    }
    let mut lines: Vec<String> =
        all.iter().take(2 * MOST).map(|note| format!("{} {note}", styled(FAINT, "note:"))).collect();
    if all.len() > 2 * MOST {
        lines.push(styled(FAINT, format_args!("and {} more notes: see -o json", all.len() - 2 * MOST)));
    }
    (!lines.is_empty()).then(|| lines.join("\n"))
}

fn summary(report: &Report, directory: &str, causes: usize, now: OffsetDateTime) -> String {
    let [ok, failed, unknown] = report.counts();
    let count = |count: usize, what: &str| format!("{count} {what}{}", if count == 1 { "" } else { "s" });
    let when = if report.at == now { String::new() } else { format!(", at {}", output::instant(report.at)) };
    let judged = format!(
        "{} of {} in {directory}{when}",
        count(ok + failed, "connection"),
        count(report.nodes.len(), "node")
    );
    let mut text = match failed {
        0 => format!("{} {judged}, all went through", styled(GOOD, "ok:")),
        _ => format!("{} {failed} of {judged} fail, for {}", styled(BAD, "FAIL:"), count(causes, "reason")),
    };
    if unknown > 0 {
        text.push_str(&format!("; {unknown} more could not be judged"));
    }
    if let Some((end, file)) = report.holds_until().filter(|_| failed == 0) {
        let (until, left) = (output::instant(end), output::left(end - report.at));
        text.push_str(&format!("\nthey hold until {until} ({left}), when {file} ends"));
    }
    text
}
