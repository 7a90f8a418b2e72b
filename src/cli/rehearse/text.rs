//! A rehearsal for people: the matrix, then what breaks it, then what could not be judged.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use anstyle::Style;
use kpki::rehearse::{Above, Blame, Cause, Cell, Edge, Matrix, NegativeKind, Outcome, Rehearsal, Report};
use time::OffsetDateTime;

use crate::cli::output::{self, BAD, FAINT, GOOD, WARN, styled};

/// From so many columns on, nodes whose columns are the same share one.
const MANY_COLUMNS: usize = 12;
/// How many reasons are told before the rest is counted; those that break most come first.
const MOST_CAUSES: usize = 30;
/// How many connections, files or reasons are listed before the rest is counted.
const MOST: usize = 6;

pub(super) fn of(report: &Report, directory: &Path, file: Option<&Path>, now: OffsetDateTime) -> String {
    let matrix = report.matrix();
    let mut parts = vec![table(&matrix), legend(&matrix)];
    let causes = report.causes();
    let init = init(report, directory, file);
    parts.extend(causes.iter().take(MOST_CAUSES).map(|cause| of_cause(report, cause, &init)));
    if let Some(more) = causes.len().checked_sub(MOST_CAUSES).filter(|more| *more > 0) {
        parts.push(format!("{}  for {more} reasons more: see -o json", styled(BAD, "FAIL")));
    }
    parts.extend(unknown(report));
    parts.extend(notes(report));
    parts.push(summary(report, &output::path(directory), causes.len(), now));
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
        let names = names.map(|((name, _), width)| {
            format!("{}{}", styled(FAINT, name), " ".repeat(width.saturating_sub(name.chars().count())))
        });
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

/// `worker1, worker2 → cp1, cp2`: those with the same servers in one; the node alone where all are within one.
fn pairs(report: &Report, broken: &[&Rehearsal]) -> String {
    let name =
        |node: Option<usize>| node.and_then(|node| report.nodes.get(node)).map(|node| node.name.clone());
    let client = |one: &Rehearsal| name(one.client.node).unwrap_or_else(|| one.client.called.clone());
    if broken.iter().all(|one| one.client.node == one.server.node || one.server.node.is_none()) {
        return some_of(broken.iter().map(|one| client(one)).collect());
    }
    // In the order in which they come.
    let mut servers: Vec<(String, Vec<String>)> = Vec::new();
    for one in broken {
        let (client, server) = (client(one), name(one.server.node).unwrap_or_default());
        match servers.iter_mut().find(|(known, _)| *known == client) {
            Some((_, servers)) => servers.push(server),
            None => servers.push((client, vec![server])),
        }
    }
    let mut groups: Vec<(Vec<String>, Vec<String>)> = Vec::new();
    for (client, servers) in servers {
        match groups.iter_mut().find(|(_, known)| *known == servers) {
            Some((clients, _)) => clients.push(client),
            None => groups.push((vec![client], servers)),
        }
    }
    let groups =
        groups.into_iter().map(|(clients, servers)| format!("{} → {}", some_of(clients), some_of(servers)));
    groups.take(MOST).collect::<Vec<_>>().join("; ")
}

/// The first of a list, and how many more there are.
fn some_of(mut all: Vec<String>) -> String {
    all.dedup();
    let more = all.len().saturating_sub(MOST);
    all.truncate(MOST);
    let list = all.join(", ");
    if more > 0 { format!("{list} and {more} more") } else { list }
}

fn of_cause(report: &Report, cause: &Cause, init: &str) -> String {
    let broken: Vec<&Rehearsal> =
        cause.connections.iter().filter_map(|at| report.connections.get(*at)).collect();
    let mut lines = vec![format!("{}  {}", styled(BAD, "FAIL"), cause.reason)];
    let what = match (cause.blame, cause.files.len()) {
        (Blame::Trust, _) => "trusts",
        (_, 0 | 1) => "file",
        _ => "files",
    };
    lines.push(format!("  {}  {}", styled(FAINT, format_args!("{what:<6}")), some_of(cause.files.clone())));
    let mut label = "breaks";
    for edge in Edge::ALL {
        let own: Vec<_> = broken.iter().filter(|one| one.edge == edge).copied().collect();
        if own.is_empty() {
            continue;
        }
        let places =
            if report.nodes.len() > 1 { format!(": {}", pairs(report, &own)) } else { String::new() };
        lines.push(format!("  {}  {edge}{places}", styled(FAINT, format_args!("{label:<6}"))));
        label = "";
    }
    if let Some(hint) = broken.first().and_then(|one| hint(cause, one, init)) {
        lines.push(format!("  {}  {hint}", styled(FAINT, "mend  ")));
    }
    lines.join("\n")
}

/// The command that makes what is missing.
fn init(report: &Report, directory: &Path, file: Option<&Path>) -> String {
    let cluster = file.map_or_else(|| "FILE".to_owned(), output::path);
    // What --dir stands for is known of a directory of nodes and of an /etc/kubernetes.
    let is_known = report.nodes.len() > 1 || directory.join("pki").is_dir();
    match directory {
        _ if !is_known || directory == Path::new("/etc/kubernetes") => format!("kpki init -f {cluster}"),
        _ => format!("kpki init -f {cluster} --dir {}", output::path(directory)),
    }
}

/// How it is mended.
fn hint(cause: &Cause, one: &Rehearsal, init: &str) -> Option<String> {
    let at_fault = cause.files.first().map(String::as_str).unwrap_or_default();
    let is_kubeconfig = Path::new(at_fault).extension().is_some_and(|ending| ending == "conf");
    let (them, keys) = match cause.files.len() {
        0 | 1 if is_kubeconfig => (at_fault, ""),
        0 | 1 => (at_fault, " and its key"),
        _ => ("them", " and their keys"),
    };
    let anew = if cause.files.iter().any(|file| is_of_others(file)) {
        format!("issue {them} anew with what made {}", if cause.files.len() > 1 { "them" } else { "it" })
    } else {
        format!("move {them}{keys} away; {init} makes what is missing")
    };
    if let Some(above) = &cause.above {
        return Some(of_authority(above, cause.code));
    }
    Some(match (cause.blame, cause.code) {
        (Blame::Trust, _) => {
            format!("put the CA certificate there that signed them: {at_fault} has another one")
        }
        (Blame::Name, _) => {
            format!(
                "correct the name in {at_fault}; or add it to {} and make the certificates anew",
                names_field(one)
            )
        }
        (_, "name-mismatch") if one.edge == Edge::Pods => {
            format!("see that --service-cluster-ip-range and the cluster's file say the same network; {anew}")
        }
        (_, "name-mismatch") => {
            let name = one.dialled.as_deref().unwrap_or_default();
            format!("add {name} to {} if it is missing there; {anew}", names_field(one))
        }
        (_, "expired" | "purpose" | "common-name" | "peer-address") => anew,
        (_, "not-yet-valid") => "look at the clock of the machine that made it, or wait".to_owned(),
        (_, "signature" | "no-issuer") => format!("have it signed by the CA that is trusted there: {anew}"),
        (_, "key-mismatch") => {
            format!(
                "put back the key that belongs to the certificate, or move both away; {init} makes both anew"
            )
        }
        (_, "unusable-file") => format!("kpki inspect {at_fault} says what it holds"),
        (_, "not-asked" | "no-client-certificate") => {
            "let the server ask for certificates, with the CA of its clients".to_owned()
        }
        (_, code) if code == NegativeKind::ForeignServer.id() => {
            "give the client the server's CA, and take insecure-skip-tls-verify out".to_owned()
        }
        _ => return None,
    })
}

/// How a certificate of a CA is mended that is at fault: those that it signed are right as they are.
fn of_authority(above: &Above, code: &str) -> String {
    let Above { subject, place } = above;
    let how = match code {
        "purpose" => "with the same key, and without an extended key usage or with all that it signs for",
        "expired" => "with the same key and a new end",
        _ => "with the same key",
    };
    format!(
        "have {subject} ({place}) issued anew by its own CA, {how}, and put that in its place wherever it stands; what it signed stays"
    )
}

/// Whether a file lies in a layout that kpki does not write.
fn is_of_others(file: &str) -> bool {
    const PLACES: [&str; 8] = [
        "etc/ssl/etcd",
        "etc/kubernetes/ssl",
        "var/lib/k0s",
        "var/lib/kubernetes",
        "var/lib/minikube",
        "var/lib/rancher",
        "var/snap",
        "opt/",
    ];
    PLACES.iter().any(|place| file.contains(place))
}

/// Where a cluster's file has the names of a server.
fn names_field(one: &Rehearsal) -> &'static str {
    match one.edge {
        Edge::ApiserverEtcd | Edge::EtcdHealthcheck => "etcd's serverCertSANs",
        Edge::EtcdPeer => "etcd's peerCertSANs",
        Edge::ApiserverKubelet | Edge::ControllerManagerMetrics | Edge::SchedulerMetrics => {
            "the addresses of the node"
        }
        _ => "apiServer.certSANs",
    }
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
    let mut lines: Vec<String> = reasons
        .iter()
        .take(MOST_CAUSES)
        .map(|(reason, places)| {
            let edges = Edge::ALL.into_iter().filter(|edge| places.iter().any(|one| one.edge == *edge));
            let edges = edges.map(|edge| edge.to_string()).collect();
            format!("{}  {reason}\n   {}", styled(WARN, "?"), styled(FAINT, some_of(edges)))
        })
        .collect();
    if let Some(more) = reasons.len().checked_sub(MOST_CAUSES).filter(|more| *more > 0) {
        lines.push(format!("{}  for {more} reasons more: see -o json", styled(WARN, "?")));
    }
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
    let of = format!("of {} in {directory}{when}", count(report.nodes.len(), "node"));
    let mut text = match (failed, unknown) {
        (0, 0) => format!("{} all {} {of} went through", styled(GOOD, "ok:"), count(ok, "connection")),
        (0, _) => format!(
            "{} {} {of} went through, {unknown} could not be judged",
            styled(WARN, "not all:"),
            count(ok, "connection")
        ),
        _ => {
            let more =
                if unknown > 0 { format!("; {unknown} more could not be judged") } else { String::new() };
            let judged = count(ok + failed, "connection");
            let reasons = count(causes, "reason");
            format!("{} {failed} of {judged} {of} fail, for {reasons}{more}", styled(BAD, "FAIL:"))
        }
    };
    if let Some((end, file)) = report.holds_until().filter(|_| failed == 0) {
        let (until, left) = (output::instant(end), output::left(end - report.at));
        let _ = write!(text, "\nthey hold until {until} ({left}), when the first certificate ends: {file}");
    }
    text
}
