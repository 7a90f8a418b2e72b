//! What the template is given: texts and numbers, in the order in which they are shown.

mod certificates;
mod findings;

use kpki::audit::{Report, Severity};
use serde::Serialize;

use self::certificates::{Certificate, Key, certificates, keys};
use self::findings::{Group, Skips, Waiver, groups, skips, waivers};
use super::model::Model;
use super::words::{SEVERITIES, counted, end_class, grouped, left};
use crate::cli::output;

/// The most findings that are listed, of all rules and of one.
const MOST_FINDINGS: usize = 3000;
const MOST_OF_A_RULE: usize = 200;
/// The most certificates that have an element of their own.
const MOST_CERTIFICATES: usize = 1500;
/// The most places, names of nodes and other things that are listed in one place.
const MOST_PLACES: usize = 20;
const MOST_NODES: usize = 500;
const MOST_SKIPS: usize = 200;
const MOST_KEYS: usize = 100;
/// The most rules that are named at the top.
const MOST_FIRST: usize = 4;

/// The page.
#[derive(Serialize)]
pub(super) struct Page {
    title: String,
    version: &'static str,
    at: String,
    verdict: Verdict,
    first: Vec<First>,
    /// How many more are as bad.
    more_first: usize,
    severities: Vec<Count>,
    read: Vec<Fact>,
    groups: Vec<Group>,
    findings_total: usize,
    findings_shown: usize,
    rules: Vec<Choice>,
    nodes: Vec<String>,
    certificates: Vec<Certificate>,
    certificates_total: String,
    certificates_left_out: String,
    has_more_certificates: bool,
    keys: Vec<Key>,
    keys_left_out: usize,
    skips: Vec<Skips>,
    skipped_total: usize,
    waivers: Vec<Waiver>,
    dead_waivers: Vec<Dead>,
}

/// What it comes to.
#[derive(Serialize)]
struct Verdict {
    class: &'static str,
    headline: &'static str,
    line: String,
}

/// What to look at first.
#[derive(Serialize)]
struct First {
    severity: &'static str,
    title: &'static str,
    anchor: String,
    times: usize,
}

#[derive(Serialize)]
struct Count {
    name: &'static str,
    number: usize,
    shown: String,
}

#[derive(Serialize)]
struct Fact {
    name: &'static str,
    value: String,
    class: &'static str,
}

#[derive(Serialize)]
struct Choice {
    value: &'static str,
    title: &'static str,
}

#[derive(Serialize)]
struct Dead {
    rule: String,
    place: String,
    reason: String,
}

/// The page, and which certificates have an element on it.
pub(super) fn page(model: &Model<'_>, title: &str) -> (Page, Vec<bool>) {
    let report = model.report;
    let (certificates, linked) = certificates(model);
    let groups = groups(model, &linked);
    let shown = groups.iter().map(|group| group.findings.len()).sum();
    let mut rules: Vec<Choice> =
        groups.iter().map(|group| Choice { value: group.id, title: group.title }).collect();
    rules.sort_by_key(|choice| choice.value);
    rules.dedup_by_key(|choice| choice.value);
    let mut nodes: Vec<String> = groups
        .iter()
        .flat_map(|group| &group.findings)
        .map(|finding| finding.node.clone())
        .filter(|node| !node.is_empty())
        .collect();
    nodes.sort();
    nodes.dedup();
    nodes.truncate(MOST_NODES);
    let left_out = model.entries.len() - certificates.len();
    let page = Page {
        title: title.to_owned(),
        version: env!("CARGO_PKG_VERSION"),
        at: output::instant(report.at),
        verdict: verdict(model),
        first: first(&groups).take(MOST_FIRST).collect(),
        more_first: first(&groups).count().saturating_sub(MOST_FIRST),
        severities: SEVERITIES.map(|severity| count(report, severity)).into(),
        read: read(model),
        groups,
        findings_total: report.findings.len(),
        findings_shown: shown,
        rules,
        nodes,
        certificates,
        certificates_total: grouped(model.entries.len()),
        certificates_left_out: grouped(left_out),
        has_more_certificates: left_out > 0,
        keys: keys(model),
        keys_left_out: model.lone_keys.len().saturating_sub(MOST_KEYS),
        skips: skips(report),
        skipped_total: report.skipped.len(),
        waivers: waivers(report),
        dead_waivers: report
            .dead_waivers
            .iter()
            .take(MOST_SKIPS)
            .map(|dead| Dead {
                rule: dead.rule.clone(),
                place: dead.place.clone(),
                reason: dead.reason.clone(),
            })
            .collect(),
    };
    (page, linked)
}

/// The worst, where it is bad.
fn first(groups: &[Group]) -> impl Iterator<Item = First> {
    let bad = groups.iter().filter(|group| ["critical", "high"].contains(&group.severity));
    let first = |group: &Group| First {
        severity: group.severity,
        title: group.title,
        anchor: group.anchor.clone(),
        times: group.total,
    };
    bad.map(first)
}

fn count(report: &Report, severity: Severity) -> Count {
    let count = report.count(severity);
    Count { name: severity.name(), number: count, shown: grouped(count) }
}

fn verdict(model: &Model<'_>) -> Verdict {
    let report = model.report;
    let worst = report.worst();
    let nothing = report.findings.is_empty() && report.records.is_empty();
    let (class, headline) = match worst {
        _ if nothing => ("info", "Nothing to judge"),
        Some(Severity::Critical) => ("critical", "Act now"),
        Some(Severity::High) => ("high", "Trouble ahead"),
        Some(Severity::Medium) => ("medium", "Needs some care"),
        Some(Severity::Low) => ("low", "In order, with remarks"),
        Some(Severity::Info) | None => ("fine", "In order"),
    };
    let counts: Vec<String> = SEVERITIES
        .into_iter()
        .filter(|severity| report.count(*severity) > 0)
        .map(|severity| format!("{} {severity}", grouped(report.count(severity))))
        .collect();
    let mut line = match counts.as_slice() {
        _ if nothing => {
            format!("No certificate and no key is in {}.", counted(report.read.files, "file", "files"))
        }
        [] => "No findings.".to_owned(),
        [one] if report.findings.len() == 1 => format!("{one} finding."),
        [one] => format!("{one} findings."),
        [rest @ .., last] => format!("{} and {last} findings.", rest.join(", ")),
    };
    if !report.skipped.is_empty() {
        let skipped = counted(report.skipped.len(), "thing", "things");
        line = format!("{line} {skipped} could not be judged.");
    }
    if let Some(unread) = crate::cli::audit::text::not_read(&report.unread) {
        line = format!("{line} Not all was read: {unread}.");
    }
    Verdict { class, headline, line }
}

fn read(model: &Model<'_>) -> Vec<Fact> {
    let report = model.report;
    let fact = |name, value| Fact { name, value, class: "" };
    let mut facts = Vec::new();
    if report.read.nodes > 0 {
        facts.push(fact("nodes", grouped(report.read.nodes)));
    }
    facts.push(fact("files", grouped(report.read.files)));
    let distinct = model.entries.len();
    let places = report.read.certificates;
    let value = if places > distinct {
        format!("{} in {} places", grouped(distinct), grouped(places))
    } else {
        grouped(distinct)
    };
    facts.push(fact("certificates", value));
    facts.push(fact("private keys", grouped(report.read.keys)));
    let mut ends: Vec<_> = model.entries.iter().map(|entry| (entry.facts.not_after, entry.label())).collect();
    ends.sort_unstable();
    let ended = ends.iter().take_while(|(end, _)| *end < model.at).count();
    if ended > 0 {
        facts.push(Fact { name: "expired", value: grouped(ended), class: "ended" });
    }
    if let Some((end, label)) = ends.get(ended) {
        let time = *end - model.at;
        facts.push(Fact {
            name: "next to expire",
            value: format!("{label}, {}", left(time)),
            class: end_class(time),
        });
    }
    let outcomes = report.outcomes;
    facts.push(fact(
        "rules",
        format!(
            "{} passed, {} failed, {} skipped",
            grouped(outcomes.passed),
            grouped(outcomes.failed),
            grouped(outcomes.skipped)
        ),
    ));
    facts
}

/// A stretch of a text: as it is, or code.
#[derive(Serialize, PartialEq, Eq, Clone, Debug)]
struct Part {
    code: bool,
    /// Whether it is a command that one would copy.
    command: bool,
    text: String,
}

/// A text with code between backticks, in its parts.
fn parts(text: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    for (number, text) in text.split('`').enumerate() {
        let code = number % 2 == 1;
        let command = code && text.contains(' ') && is_command(text);
        if !text.is_empty() {
            parts.push(Part { code, command, text: text.to_owned() });
        }
    }
    parts
}

/// Whether code begins with a program that remedies name.
fn is_command(text: &str) -> bool {
    const PROGRAMS: [&str; 22] = [
        "kpki",
        "openssl",
        "chmod",
        "chown",
        "mv",
        "cp",
        "rm",
        "kubectl",
        "kubeadm",
        "systemctl",
        "crictl",
        "etcdctl",
        "sed",
        "ln",
        "mkdir",
        "install",
        "find",
        "cat",
        "shred",
        "sudo",
        "umask",
        "timedatectl",
    ];
    let first = text.split_whitespace().next().unwrap_or_default();
    PROGRAMS.contains(&first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_is_told_from_words() {
        let part = |code, command, text: &str| Part { code, command, text: text.into() };
        assert_eq!(
            parts("Run `chmod 0600 /a`, not `chmod`; see `a b`."),
            [
                part(false, false, "Run "),
                part(true, true, "chmod 0600 /a"),
                part(false, false, ", not "),
                part(true, false, "chmod"),
                part(false, false, "; see "),
                part(true, false, "a b"),
                part(false, false, "."),
            ]
        );
        assert_eq!(parts(""), []);
    }
}
