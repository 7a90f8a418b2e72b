//! Findings by rule; what was skipped; what was accepted.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use kpki::audit::{Finding, Report, Rule};
use serde::Serialize;

use super::super::model::Model;
use super::super::words::{counted, grouped, place};
use super::{MOST_FINDINGS, MOST_OF_A_RULE, MOST_PLACES, MOST_SKIPS, Part, parts};

/// What one rule found, of one severity.
#[derive(Serialize)]
pub(super) struct Group {
    pub(super) anchor: String,
    pub(super) id: &'static str,
    pub(super) title: &'static str,
    name: &'static str,
    pub(super) severity: &'static str,
    pub(super) total: usize,
    count: String,
    explanation: Vec<Part>,
    sources: Vec<Link>,
    /// What to do, where that is the same for all.
    fix: Vec<Part>,
    pub(super) findings: Vec<Shown>,
    left_out: String,
    has_more: bool,
}

/// One finding.
#[derive(Serialize)]
pub(super) struct Shown {
    pub(super) node: String,
    place: String,
    message: String,
    fix: Vec<Part>,
    certificates: Vec<Link>,
}

/// A link, within the page or to a source.
#[derive(Serialize)]
pub(super) struct Link {
    words: String,
    target: String,
}

pub(super) fn groups(model: &Model<'_>, linked: &[bool]) -> Vec<Group> {
    let mut by_rule: BTreeMap<_, Vec<(usize, &Finding)>> = BTreeMap::new();
    for (number, finding) in model.report.findings.iter().enumerate() {
        by_rule.entry((Reverse(finding.severity), finding.rule.id)).or_default().push((number, finding));
    }
    let mut room = MOST_FINDINGS;
    let mut groups = Vec::new();
    for ((Reverse(severity), _), findings) in by_rule {
        let Some((_, first)) = findings.first() else { continue };
        let shared = findings.len() > 1 && findings.iter().all(|(_, finding)| finding.fix() == first.fix());
        let listed = findings.len().min(MOST_OF_A_RULE).min(room);
        room -= listed;
        let left_out = findings.len() - listed;
        let rule = first.rule;
        groups.push(Group {
            anchor: format!("f-{}-{severity}", rule.id),
            id: rule.id,
            title: rule.title,
            name: rule.name,
            severity: severity.name(),
            total: findings.len(),
            count: grouped(findings.len()),
            explanation: parts(rule.explanation),
            sources: sources(rule),
            fix: if shared { parts(&first.fix()) } else { Vec::new() },
            findings: findings
                .iter()
                .take(listed)
                .map(|(number, finding)| shown(model, linked, *number, finding, shared))
                .collect(),
            left_out: grouped(left_out),
            has_more: left_out > 0,
        });
    }
    groups
}

fn sources(rule: &Rule) -> Vec<Link> {
    let link =
        |citation: &kpki::audit::Citation| Link { words: citation.source.to_owned(), target: citation.url() };
    rule.citations.iter().map(link).collect()
}

fn shown(model: &Model<'_>, linked: &[bool], number: usize, finding: &Finding, shared: bool) -> Shown {
    let about = model.about.get(number).map(Vec::as_slice).unwrap_or_default();
    let certificates = about
        .iter()
        .filter(|index| linked.get(**index) == Some(&true))
        .filter_map(|index| model.entries.get(*index))
        .take(4)
        .map(|entry| Link { words: entry.label().to_owned(), target: format!("#{}", entry.anchor()) });
    Shown {
        node: finding.location.node.as_deref().unwrap_or_default().to_owned(),
        place: whole_place(finding),
        message: finding.message.clone(),
        fix: if shared { Vec::new() } else { parts(&finding.fix()) },
        certificates: certificates.collect(),
    }
}

fn whole_place(finding: &Finding) -> String {
    let place = place(&finding.location);
    match finding.location.block {
        Some(block) if block > 0 => format!("{place}, block {block}"),
        _ => place,
    }
}

/// What one rule could not judge for one reason.
#[derive(Serialize)]
pub(super) struct Skips {
    rule: &'static str,
    title: &'static str,
    reason: Vec<Part>,
    places: Vec<String>,
    more: String,
}

pub(super) fn skips(report: &Report) -> Vec<Skips> {
    let mut by_reason: BTreeMap<(Option<&'static str>, &str), Skips> = BTreeMap::new();
    let mut more: BTreeMap<(Option<&'static str>, &str), usize> = BTreeMap::new();
    for skipped in &report.skipped {
        let key = (skipped.rule.map(|rule| rule.id), skipped.reason.as_str());
        if by_reason.len() >= MOST_SKIPS && !by_reason.contains_key(&key) {
            continue;
        }
        let skips = by_reason.entry(key).or_insert_with(|| Skips {
            rule: skipped.rule.map_or("", |rule| rule.id),
            title: skipped.rule.map_or("Not all was read", |rule| rule.title),
            reason: parts(&skipped.reason),
            places: Vec::new(),
            more: String::new(),
        });
        let text = place(&skipped.location);
        if skips.places.last() == Some(&text) {
            continue;
        }
        if skips.places.len() < MOST_PLACES {
            skips.places.push(text);
        } else {
            *more.entry(key).or_default() += 1;
        }
    }
    for (key, count) in more {
        if let Some(skips) = by_reason.get_mut(&key) {
            skips.more = format!("and {}", counted(count, "more place", "more places"));
        }
    }
    by_reason.into_values().collect()
}

/// A finding that somebody has accepted.
#[derive(Serialize)]
pub(super) struct Waiver {
    rule: &'static str,
    title: &'static str,
    severity: &'static str,
    place: String,
    message: String,
    reason: String,
    expires: String,
}

pub(super) fn waivers(report: &Report) -> Vec<Waiver> {
    let waiver = |waived: &kpki::audit::Waived| Waiver {
        rule: waived.finding.rule.id,
        title: waived.finding.rule.title,
        severity: waived.finding.severity.name(),
        place: whole_place(&waived.finding),
        message: waived.finding.message.clone(),
        reason: waived.reason.clone(),
        expires: waived.expires.to_string(),
    };
    report.waived.iter().take(MOST_SKIPS).map(waiver).collect()
}
