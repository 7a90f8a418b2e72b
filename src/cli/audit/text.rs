//! An audit for people: the worst first, then what could not be judged, then the sum.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::hash::Hash;

use anstyle::Style;
use kpki::audit::{FailOn, Finding, Location, Report, Rule, Severity, Skipped, Unread};
use kpki::remedy::Step;
use time::OffsetDateTime;

use super::GroupBy;
use crate::cli::output::{self, BAD, FAINT, GOOD, WARN, styled};

/// How many rules or places are listed before the rest is counted.
const MOST: usize = 6;
/// How many reasons for skipping are told.
const MOST_REASONS: usize = 20;

/// How it is told.
#[derive(Debug, Clone, Copy)]
pub(super) struct Telling<'a> {
    pub(super) group_by: GroupBy,
    pub(super) fail_on: FailOn,
    pub(super) fail_on_skipped: bool,
    pub(super) quiet: bool,
    pub(super) now: OffsetDateTime,
    /// The file that had a say.
    pub(super) config: Option<&'a str>,
}

pub(super) fn of(report: &Report, telling: Telling<'_>) -> String {
    let mut parts = match telling.group_by {
        GroupBy::File => by_file(report),
        GroupBy::Rule => by_rule(report),
    };
    if !telling.quiet {
        parts.extend(skipped(report));
        parts.extend(dead_waivers(report));
        parts.push(summary(report, telling));
    }
    parts.join("\n\n")
}

fn style(severity: Severity) -> Style {
    match severity {
        Severity::Critical | Severity::High => BAD,
        Severity::Medium => WARN,
        Severity::Low | Severity::Info => FAINT,
    }
}

/// The name of a severity, padded: colours must not count in the width.
fn word(severity: Severity) -> String {
    let name = severity.name();
    format!("{}{}", styled(style(severity), name), " ".repeat("critical".len().saturating_sub(name.len())))
}

/// Where a finding stands: `cp1: pki/ca.crt:1 block 0`.
pub(in crate::cli) fn place(location: &Location) -> String {
    let mut text = file(location);
    if let Some(line) = location.line {
        let _ = write!(text, ":{line}");
    }
    if let Some(block) = location.block {
        let _ = write!(text, " block {block}");
    }
    if let Some(field) = &location.field {
        let _ = write!(text, " {field}");
    }
    text
}

/// Where a finding stands, for a list of many places.
fn short(location: &Location) -> String {
    match location.line {
        Some(line) => format!("{}:{line}", file(location)),
        None => file(location),
    }
}

/// The file, with its node where there are several.
fn file(location: &Location) -> String {
    match (&location.node, &*location.path) {
        (None, "") => "the whole tree".to_owned(),
        (None, path) => path.to_owned(),
        (Some(node), "") => node.to_string(),
        (Some(node), path) => format!("{node}: {path}"),
    }
}

/// Things in the groups of a key, the groups in the order of their first member.
fn grouped<K: Eq + Hash, T>(all: impl Iterator<Item = T>, key: impl Fn(&T) -> K) -> Vec<Vec<T>> {
    let mut places: HashMap<K, usize> = HashMap::new();
    let mut groups: Vec<Vec<T>> = Vec::new();
    for one in all {
        let at = *places.entry(key(&one)).or_insert(groups.len());
        match groups.get_mut(at) {
            Some(group) => group.push(one),
            None => groups.push(vec![one]),
        }
    }
    groups
}

/// What makes two findings of different nodes one to a reader. Their remedies differ in the names of the files.
type Alike<'a> = (&'a str, Severity, &'a str, (&'a str, Option<usize>, Option<usize>, Option<&'a str>));

fn alike(finding: &Finding) -> Alike<'_> {
    let Location { path, line, block, field, .. } = &finding.location;
    let place = (&**path, *line, *block, field.as_deref());
    (finding.rule.id, finding.severity, &finding.message, place)
}

/// Where findings that are alike stand: `pki/ca.crt`, `cp1: pki/ca.crt`, `pki/ca.crt on 30 nodes: cp1, cp2, …`.
fn shared<'a>(locations: impl Iterator<Item = &'a Location>, show: impl Fn(&Location) -> String) -> String {
    let all: Vec<&Location> = locations.collect();
    let Some(first) = all.first() else { return String::new() };
    let nodes: Vec<String> =
        all.iter().filter_map(|location| location.node.as_deref()).map(str::to_owned).collect();
    if nodes.len() < 2 {
        return show(first);
    }
    let place = show(&Location { node: None, ..(*first).clone() });
    format!("{place} on {} nodes: {}", nodes.len(), some_of(nodes))
}

/// The findings are in order, so the file with the worst comes first. Files of several nodes with which the same is wrong are told together.
fn by_file(report: &Report) -> Vec<String> {
    let key = |finding: &&Finding| (finding.location.node.clone(), finding.location.path.clone());
    let findings = report.findings.iter().filter(|finding| finding.severity > Severity::Info);
    let files = grouped(findings, key);
    let files =
        grouped(files.into_iter(), |file| file.iter().map(|finding| alike(finding)).collect::<Vec<_>>());
    files.iter().map(|files| of_file(files)).chain(of_info(report)).collect()
}

/// One file, on each of the nodes that have it.
fn of_file(files: &[Vec<&Finding>]) -> String {
    let Some(group) = files.first() else { return String::new() };
    let title = shared(files.iter().filter_map(|file| Some(&file.first()?.location)), file);
    let mut lines = vec![styled(Style::new().bold(), title)];
    for (at, finding) in group.iter().enumerate() {
        let at_place = match files {
            [_] => place(&finding.location),
            _ => place(&Location { node: None, ..finding.location.clone() }),
        };
        let rule = format!("{} {}, {at_place}", finding.rule.id, finding.rule.name);
        lines.push(format!("  {}  {}", word(finding.severity), finding.message));
        lines.push(format!("            {}", styled(FAINT, rule)));
        // The same remedy is not told twice in a row.
        let again =
            group.get(at + 1).is_some_and(|next| next.rule == finding.rule && next.fix() == finding.fix());
        if !again {
            lines.extend(mend(finding, files.len(), "            "));
        }
    }
    lines.join("\n")
}

/// The remedy of a finding, which stands for that of so many nodes: each command on a line of its own, to be copied whole.
fn mend(finding: &Finding, nodes: usize, indent: &str) -> Vec<String> {
    let title = styled(GOOD, "mend:");
    let mut lines: Vec<String> = Vec::new();
    if let Some(node) = finding.location.node.as_ref().filter(|_| nodes > 1) {
        lines.push(format!("on {node}, and on the others likewise:"));
    }
    let mut after_words = false;
    for step in finding.remedy.steps() {
        match step {
            Step::Words(words) if after_words => {
                if let Some(last) = lines.last_mut() {
                    last.push(' ');
                    last.push_str(words);
                }
            }
            Step::Words(words) => lines.push(words.clone()),
            Step::Command(command) => lines.push(format!("  {command}")),
            Step::Issue(issuance) => lines.push(issuance.remedy().text()),
        }
        after_words = matches!(step, Step::Words(_));
    }
    let begin = |at: usize| if at == 0 { title.clone() } else { "     ".to_owned() };
    lines.iter().enumerate().map(|(at, line)| format!("{indent}{} {line}", begin(at))).collect()
}

/// What is worth knowing and nothing more has a line for each rule: there is much of it where all is well.
fn of_info(report: &Report) -> Option<String> {
    let infos = report.findings.iter().filter(|finding| finding.severity == Severity::Info);
    let groups = grouped(infos, |finding| finding.rule.id);
    let title = styled(Style::new().bold(), "worth knowing");
    let lines = groups.iter().filter_map(|group| {
        let first = group.first()?;
        let rule = format!("{} {}", first.rule.id, first.rule.name);
        let places = if group.len() == 1 {
            format!("{}, {}", first.message, place(&first.location))
        } else {
            let mut places: Vec<String> = group.iter().map(|finding| short(&finding.location)).collect();
            places.dedup();
            format!("{}, {} times: {}", first.rule.title, group.len(), some_of(places))
        };
        Some(format!("  {}  {rule}: {places}", word(Severity::Info)))
    });
    let lines: Vec<String> = lines.collect();
    (!lines.is_empty()).then(|| format!("{title}\n{}", lines.join("\n")))
}

fn by_rule(report: &Report) -> Vec<String> {
    grouped(report.findings.iter(), |finding| finding.rule.id).iter().map(|group| of_rule(group)).collect()
}

fn of_rule(group: &[&Finding]) -> String {
    let Some(first) = group.first() else { return String::new() };
    let rule = first.rule;
    let title = styled(Style::new().bold(), format_args!("{} {}: {}", rule.id, rule.name, rule.title));
    let mut lines = vec![title];
    let one_fix = group.iter().all(|finding| finding.fix() == first.fix());
    for findings in grouped(group.iter().copied(), |finding| alike(finding)) {
        let Some(finding) = findings.first() else { continue };
        let place = styled(FAINT, shared(findings.iter().map(|finding| &finding.location), place));
        lines.push(format!("  {}  {}  {place}", word(finding.severity), finding.message));
        if !one_fix {
            lines.extend(mend(finding, findings.len(), "            "));
        }
    }
    if one_fix {
        lines.extend(mend(first, 1, "  "));
    }
    lines.join("\n")
}

/// What could not be judged, by reason.
fn skipped(report: &Report) -> Option<String> {
    let mut groups = grouped(report.skipped.iter(), |skipped| skipped.reason.as_str());
    // What was not read first: the verdict points to it.
    groups.sort_by_key(|group| group.first().map(|skipped| skipped.gap));
    let mut lines: Vec<String> = groups.iter().take(MOST_REASONS).map(|group| of_reason(group)).collect();
    if let Some(more) = groups.len().checked_sub(MOST_REASONS).filter(|more| *more > 0) {
        lines.push(styled(FAINT, format_args!("and {more} reasons more: see -o json")));
    }
    if lines.is_empty() {
        return None;
    }
    Some(format!("{}\n{}", styled(Style::new().bold(), "not judged"), lines.join("\n")))
}

fn of_reason(group: &[&Skipped]) -> String {
    let reason = group.first().map(|skipped| skipped.reason.as_str()).unwrap_or_default();
    let rules: BTreeMap<&str, &Rule> =
        group.iter().filter_map(|skipped| skipped.rule).map(|rule| (rule.id, rule)).collect();
    let rules = some_of(rules.into_keys().map(str::to_owned).collect());
    let mut places: Vec<String> = group
        .iter()
        .filter(|skipped| skipped.location != Location::default())
        .map(|skipped| short(&skipped.location))
        .collect();
    places.sort();
    places.dedup();
    let mut about: Vec<String> = Vec::new();
    about.extend((!rules.is_empty()).then_some(rules));
    about.extend((!places.is_empty()).then(|| some_of(places)));
    let about =
        if about.is_empty() { String::new() } else { format!("\n     {}", styled(FAINT, about.join("; "))) };
    format!("  {}  {reason}{about}", styled(WARN, "?"))
}

/// The first of a list, and how many more there are.
fn some_of(mut all: Vec<String>) -> String {
    let more = all.len().saturating_sub(MOST);
    all.truncate(MOST);
    let list = all.join(", ");
    if more > 0 { format!("{list} and {more} more") } else { list }
}

fn dead_waivers(report: &Report) -> Option<String> {
    let title = styled(Style::new().bold(), "waivers that waive nothing");
    let lines: Vec<String> = report
        .dead_waivers
        .iter()
        .map(|waiver| format!("  {}  {} {}: {}", styled(WARN, "!"), waiver.place, waiver.rule, waiver.reason))
        .collect();
    (!lines.is_empty()).then(|| format!("{title}\n{}", lines.join("\n")))
}

/// `1 file`, `2 files`.
pub(super) fn count(count: usize, what: &str) -> String {
    match (count, what.strip_suffix('y')) {
        (1, _) => format!("1 {what}"),
        (_, Some(stem)) if !what.ends_with("ey") => format!("{count} {stem}ies"),
        _ => format!("{count} {what}s"),
    }
}

fn summary(report: &Report, telling: Telling<'_>) -> String {
    let read = &report.read;
    let of = if read.nodes > 1 { format!(" of {}", count(read.nodes, "node")) } else { String::new() };
    let when = match report.at {
        at if at == telling.now => String::new(),
        at => format!(", judged as of {}", output::instant(at)),
    };
    let mut lines = vec![format!(
        "read {}{of}: {}, {}{when}",
        count(read.files, "file"),
        count(read.certificates, "certificate"),
        count(read.keys, "private key")
    )];
    if let Some(config) = telling.config {
        lines.push(format!("by {config}: its severities, waivers and choices"));
    }
    let outcomes = report.outcomes;
    lines.push(format!(
        "rules: {} passed, {} found something, {} skipped, {} had nothing to look at",
        outcomes.passed, outcomes.failed, outcomes.skipped, outcomes.not_applicable
    ));
    let waived = match report.waived.len() {
        0 => String::new(),
        waived => format!("; {waived} waived"),
    };
    let counts = SEVERITIES.map(|severity| match report.count(severity) {
        0 => styled(FAINT, format_args!("0 {severity}")),
        found => styled(style(severity), format_args!("{found} {severity}")),
    });
    lines.push(format!("findings: {}{waived}", counts.join(", ")));
    lines.push(verdict(report, telling));
    lines.join("\n")
}

/// The worst first.
pub(super) const SEVERITIES: [Severity; 5] =
    [Severity::Critical, Severity::High, Severity::Medium, Severity::Low, Severity::Info];

fn verdict(report: &Report, telling: Telling<'_>) -> String {
    let unread = not_read(&report.unread).map(|unread| format!("; {unread}, see above")).unwrap_or_default();
    let FailOn::Severity(severity) = telling.fail_on else {
        if telling.fail_on_skipped && !unread.is_empty() {
            return format!("{} {}", styled(BAD, "FAIL:"), unread.trim_start_matches("; "));
        }
        let words = format!("nothing makes this fail: --fail-on none{unread}");
        return styled(FAINT, words);
    };
    let above = if severity == Severity::Critical { "" } else { " or above" };
    let found = report.findings.iter().filter(|finding| finding.severity >= severity).count();
    if found > 0 {
        return format!(
            "{} {} of severity {severity}{above}{unread}",
            styled(BAD, "FAIL:"),
            count(found, "finding")
        );
    }
    if !unread.is_empty() {
        let word = if telling.fail_on_skipped { styled(BAD, "FAIL:") } else { styled(WARN, "ok:") };
        return format!("{word} nothing of severity {severity}{above} was found{unread}");
    }
    if report.findings.is_empty() && report.skipped.is_empty() && report.waived.is_empty() {
        return format!("{} nothing was found", styled(GOOD, "ok:"));
    }
    format!("{} nothing of severity {severity}{above} was found", styled(GOOD, "ok:"))
}

/// What was not read, in words: `20 files were not read`; none where everything was.
pub(in crate::cli) fn not_read(unread: &Unread) -> Option<String> {
    let mut parts = Vec::new();
    parts.extend((unread.files > 0).then(|| count(unread.files, "file")));
    parts.extend((unread.directories > 0).then(|| match unread.directories {
        1 => "1 directory".to_owned(),
        more => format!("{more} directories"),
    }));
    parts.extend((unread.others > 0).then(|| count(unread.others, "other thing")));
    let all = unread.files + unread.directories + unread.others;
    let mut said = Vec::new();
    if let Some((last, first)) = parts.split_last() {
        let and = if first.is_empty() { "" } else { " and " };
        let verb = if all == 1 { "was" } else { "were" };
        said.push(format!("{}{and}{last} {verb} not read", first.join(", ")));
    }
    if !unread.nodes.is_empty() {
        let names: Vec<String> = unread.nodes.iter().map(ToString::to_string).collect();
        said.push(format!("nothing was read of {} ({})", count(names.len(), "node"), some_of(names)));
    }
    if unread.given_up > 0 {
        said.push(format!("there was too much to judge all, {}", count(unread.given_up, "time")));
    }
    (!said.is_empty()).then(|| said.join(", and "))
}
