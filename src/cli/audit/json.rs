//! An audit as JSON. docs/audit.md describes every field; what stands there stays.

use kpki::audit::{Citation, Finding, Gap, Location, Report, Rule, Severity, Skipped, Waived};
use serde::Serialize;

use crate::cli::output;

/// The version of this format. A new field does not change it; a field that goes or means something else does.
const VERSION: u32 = 1;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Document<'a> {
    version: u32,
    at: String,
    findings: Vec<FindingRow<'a>>,
    skipped: Vec<SkippedRow<'a>>,
    waived: Vec<WaivedRow<'a>>,
    dead_waivers: Vec<DeadWaiverRow<'a>>,
    summary: Summary,
    outcomes: Outcomes,
    read: Read,
    unread: Unread<'a>,
}

/// Where something stands. What is not known is left out.
#[derive(Serialize)]
struct Place<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    node: Option<&'a str>,
    #[serde(skip_serializing_if = "str::is_empty")]
    path: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    block: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<&'a str>,
}

#[derive(Serialize)]
struct FindingRow<'a> {
    rule: &'static str,
    name: &'static str,
    severity: &'static str,
    #[serde(flatten)]
    place: Place<'a>,
    message: &'a str,
    fix: String,
    commands: Vec<String>,
    sources: Vec<Source>,
}

/// Who says so.
#[derive(Serialize)]
pub(super) struct Source {
    title: &'static str,
    url: String,
}

#[derive(Serialize)]
struct SkippedRow<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'static str>,
    #[serde(flatten)]
    place: Place<'a>,
    kind: &'static str,
    reason: &'a str,
}

#[derive(Serialize)]
struct WaivedRow<'a> {
    #[serde(flatten)]
    finding: FindingRow<'a>,
    reason: &'a str,
    expires: String,
}

#[derive(Serialize)]
struct DeadWaiverRow<'a> {
    rule: &'a str,
    place: &'a str,
    reason: &'a str,
}

#[derive(Serialize)]
struct Summary {
    critical: usize,
    high: usize,
    medium: usize,
    low: usize,
    info: usize,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Outcomes {
    passed: usize,
    failed: usize,
    skipped: usize,
    not_applicable: usize,
}

#[derive(Serialize)]
struct Read {
    files: usize,
    certificates: usize,
    keys: usize,
    nodes: usize,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Unread<'a> {
    files: usize,
    directories: usize,
    others: usize,
    given_up: usize,
    nodes: Vec<&'a str>,
}

impl<'a> Document<'a> {
    pub(super) fn of(report: &'a Report) -> Self {
        let outcomes = &report.outcomes;
        Self {
            version: VERSION,
            at: output::rfc3339(report.at),
            findings: report.findings.iter().map(FindingRow::of).collect(),
            skipped: report.skipped.iter().map(SkippedRow::of).collect(),
            waived: report.waived.iter().map(WaivedRow::of).collect(),
            dead_waivers: report
                .dead_waivers
                .iter()
                .map(|dead| DeadWaiverRow { rule: &dead.rule, place: &dead.place, reason: &dead.reason })
                .collect(),
            summary: Summary {
                critical: report.count(Severity::Critical),
                high: report.count(Severity::High),
                medium: report.count(Severity::Medium),
                low: report.count(Severity::Low),
                info: report.count(Severity::Info),
            },
            outcomes: Outcomes {
                passed: outcomes.passed,
                failed: outcomes.failed,
                skipped: outcomes.skipped,
                not_applicable: outcomes.not_applicable,
            },
            read: Read {
                files: report.read.files,
                certificates: report.read.certificates,
                keys: report.read.keys,
                nodes: report.read.nodes,
            },
            unread: Unread {
                files: report.unread.files,
                directories: report.unread.directories,
                others: report.unread.others,
                given_up: report.unread.given_up,
                nodes: report.unread.nodes.iter().map(|name| &**name).collect(),
            },
        }
    }
}

impl<'a> Place<'a> {
    fn of(location: &'a Location) -> Self {
        Self {
            node: location.node.as_deref(),
            path: &location.path,
            line: location.line,
            block: location.block,
            field: location.field.as_deref(),
        }
    }
}

/// Who says what a rule says.
pub(super) fn sources(rule: &Rule) -> Vec<Source> {
    let source = |citation: &Citation| Source { title: citation.source, url: citation.url() };
    rule.citations.iter().map(source).collect()
}

impl<'a> FindingRow<'a> {
    fn of(finding: &'a Finding) -> Self {
        Self {
            rule: finding.rule.id,
            name: finding.rule.name,
            severity: finding.severity.name(),
            place: Place::of(&finding.location),
            message: &finding.message,
            fix: finding.fix(),
            commands: finding.remedy.commands(),
            sources: sources(finding.rule),
        }
    }
}

impl<'a> SkippedRow<'a> {
    fn of(skipped: &'a Skipped) -> Self {
        Self {
            rule: skipped.rule.map(|rule| rule.id),
            name: skipped.rule.map(|rule| rule.name),
            place: Place::of(&skipped.location),
            kind: match skipped.gap {
                Gap::Unread => "unread",
                Gap::TooMuch => "tooMuch",
                Gap::NotGiven => "notGiven",
            },
            reason: &skipped.reason,
        }
    }
}

impl<'a> WaivedRow<'a> {
    fn of(waived: &'a Waived) -> Self {
        Self {
            finding: FindingRow::of(&waived.finding),
            reason: &waived.reason,
            expires: waived.expires.to_string(),
        }
    }
}
