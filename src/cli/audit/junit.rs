//! An audit as JUnit XML, as continuous integration reads it: a suite for each node, a case for each rule.

use std::collections::HashMap;

use kpki::audit::{End, FailOn, Finding, Gap, Report, Rule, Skipped, Tally, Waived};
use quick_junit::{NonSuccessKind, TestCase, TestCaseStatus, TestSuite};

use super::text::{Telling, not_read, place};
use crate::cli::Failure;

/// The key of what a rule said of a node.
type Key<'a> = (&'static str, Option<&'a str>);

/// What was said, by rule and node.
struct Said<'a> {
    findings: HashMap<Key<'a>, Vec<&'a Finding>>,
    skipped: HashMap<Key<'a>, Vec<&'a Skipped>>,
    waived: HashMap<Key<'a>, Vec<&'a Waived>>,
}

impl<'a> Said<'a> {
    fn of(report: &'a Report) -> Self {
        let mut said = Self { findings: HashMap::new(), skipped: HashMap::new(), waived: HashMap::new() };
        for finding in &report.findings {
            said.findings
                .entry((finding.rule.id, finding.location.node.as_deref()))
                .or_default()
                .push(finding);
        }
        for waived in &report.waived {
            let key = (waived.finding.rule.id, waived.finding.location.node.as_deref());
            said.waived.entry(key).or_default().push(waived);
        }
        for skipped in &report.skipped {
            if let Some(rule) = skipped.rule {
                said.skipped.entry((rule.id, skipped.location.node.as_deref())).or_default().push(skipped);
            }
        }
        said
    }
}

pub(super) fn of(report: &Report, telling: Telling<'_>) -> Result<String, Failure> {
    let fail_on = telling.fail_on;
    let said = Said::of(report);
    let mut document = quick_junit::Report::new("kpki audit");
    let last = report.tallies.len().saturating_sub(1);
    for (at, tally) in report.tallies.iter().enumerate() {
        // The last is of all nodes side by side; its findings stand on any of them.
        let suite = if at == last { of_all(report, tally, fail_on) } else { of_node(&said, tally, fail_on) };
        if suite.tests > 0 {
            document.add_test_suite(suite);
        }
    }
    document.add_test_suites(of_reading(report, telling.fail_on_skipped));
    document.to_string().map_err(Failure::from)
}

/// What was not read, where there is such: failed with `--fail-on-skipped`, skipped otherwise.
fn of_reading(report: &Report, strict: bool) -> Option<TestSuite> {
    let what = not_read(&report.unread)?;
    let unread = report.skipped.iter().filter(|skipped| skipped.gap != Gap::NotGiven);
    let places: Vec<String> = unread.map(|one| format!("{}: {}", place(&one.location), one.reason)).collect();
    let mut status = if strict {
        let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
        status.set_type("unread").set_description(places.join("\n"));
        status
    } else {
        TestCaseStatus::skipped()
    };
    status.set_message(what);
    let mut case = TestCase::new("everything was read", status);
    case.set_classname("kpki.reading");
    let mut suite = TestSuite::new("reading");
    suite.add_test_case(case);
    Some(suite)
}

fn of_node(said: &Said<'_>, tally: &Tally, fail_on: FailOn) -> TestSuite {
    let name = tally.node.as_deref().unwrap_or("node");
    let mut suite = TestSuite::new(name);
    for (rule, end) in tally.rules.iter().copied().zip(tally.ends.iter().copied()) {
        let key = (rule.id, tally.node.as_deref());
        suite.add_test_case(case(
            name,
            rule,
            end,
            said.findings.get(&key).map(Vec::as_slice).unwrap_or_default(),
            said.waived.get(&key).map(Vec::as_slice).unwrap_or_default(),
            said.skipped.get(&key).map(Vec::as_slice).unwrap_or_default(),
            fail_on,
        ));
    }
    suite
}

fn of_all(report: &Report, tally: &Tally, fail_on: FailOn) -> TestSuite {
    let mut suite = TestSuite::new("all nodes");
    for (rule, end) in tally.rules.iter().copied().zip(tally.ends.iter().copied()) {
        let findings: Vec<_> = report.findings.iter().filter(|finding| finding.rule == rule).collect();
        let waived: Vec<_> = report.waived.iter().filter(|waived| waived.finding.rule == rule).collect();
        let skipped: Vec<_> = report.skipped.iter().filter(|skipped| skipped.rule == Some(rule)).collect();
        suite.add_test_case(case("all nodes", rule, end, &findings, &waived, &skipped, fail_on));
    }
    suite
}

/// One rule: failed with what is as bad as the policy says, skipped where it could not look, had nothing to look at or all was
/// waived; what is milder is told beside.
fn case(
    suite: &str,
    rule: &'static Rule,
    end: End,
    findings: &[&Finding],
    waived: &[&Waived],
    skipped: &[&Skipped],
    fail_on: FailOn,
) -> TestCase {
    let is_bad = |finding: &&&Finding| match fail_on {
        FailOn::Severity(severity) => finding.severity >= severity,
        FailOn::Never => false,
    };
    let bad: Vec<&&Finding> = findings.iter().filter(is_bad).collect();
    let mut status = match (end, bad.first()) {
        (_, Some(worst)) => {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
            status.set_type(worst.severity.name()).set_message(rule.title);
            status.set_description(bad.iter().map(|finding| words(finding)).collect::<Vec<_>>().join("\n\n"));
            status
        }
        (End::Failed, None) if findings.is_empty() => TestCaseStatus::skipped(),
        (End::Passed | End::Failed, None) => TestCaseStatus::success(),
        (End::Skipped | End::NotApplicable, None) => TestCaseStatus::skipped(),
    };
    if matches!(status, TestCaseStatus::Skipped { .. }) {
        let reason = match end {
            End::Failed => {
                let first = waived.first().map(|waived| waived.reason.as_str()).unwrap_or_default();
                format!("waived: {first}")
            }
            End::Skipped => skipped.first().map(|skipped| skipped.reason.clone()).unwrap_or_default(),
            _ => "nothing to look at".to_owned(),
        };
        status.set_message(reason);
    }
    let mut case = TestCase::new(format!("{} {}", rule.id, rule.name), status);
    case.set_classname(format!("kpki.{suite}"));
    let mild: Vec<String> =
        findings.iter().filter(|finding| !is_bad(finding)).map(|one| words(one)).collect();
    let unjudged = skipped.iter().map(|one| format!("not judged: {}: {}", place(&one.location), one.reason));
    let beside: Vec<String> = mild.into_iter().chain(unjudged).collect();
    if !beside.is_empty() {
        case.set_system_out(beside.join("\n\n"));
    }
    case
}

fn words(finding: &Finding) -> String {
    format!(
        "{}: {}: {}\nmend: {}",
        finding.severity,
        place(&finding.location),
        finding.message,
        finding.fix()
    )
}
