//! Evidence × rules → report.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rayon::prelude::*;

use super::answers::NodeSummary;
use super::evidence::{self, link_node, name_users};
use super::overlap::leave_once;
use super::policy::{order, order_of_skipped, settle};
use super::report::{End, Finding, Location, Outcomes, Read, Record, Report, Skipped, Tally};
use super::{
    Answers, Authorities, Cert, CertificateEvidence, Check, Estate, Expected, Fact, File, FileKind, Kept,
    Known, Node, NodeKind, Outcome, Place, Policy, RULES, Rule, Scene, Source, Store,
};
use crate::x509::{ExtendedKeyUsage, Printable, shell_word};

/// One node (or the store beside the nodes), and where its files are.
#[derive(Debug)]
pub struct Input {
    /// Its name, where there are several.
    pub name: Option<String>,
    /// Its files.
    pub sources: Vec<Source>,
    /// Whether it is the store.
    pub store: Store,
}

/// Why nothing could be audited.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuditError {
    /// An argument cannot be looked at.
    #[error("{} cannot be read", Printable(&.path.to_string_lossy()))]
    Unreadable {
        /// The argument.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// Audits what was given. `progress` is called after each node.
///
/// # Errors
/// [`AuditError`] where an argument cannot be looked at at all.
pub fn audit(
    inputs: Vec<Input>,
    policy: &Policy,
    progress: &(dyn Fn() + Sync),
) -> Result<Report, AuditError> {
    /// So many nodes are held at a time with all that came of each.
    const AT_A_TIME: usize = 256;
    let known = Known::default();
    let authorities = Authorities::default();
    let alone = inputs.len() == 1;
    let gather = |input: Input| {
        let name: Option<Arc<str>> = input.name.map(|name| Arc::from(Printable(&name).to_string()));
        let version = policy.kubernetes_version.clone();
        let mut node = evidence::gather(name.as_ref(), input.sources, input.store, version, &known)
            .map_err(|(path, source)| AuditError::Unreadable { path, source })?;
        let complete = link_node(&mut node, None);
        authorities.add(&node);
        // The others may hold the CAs that are not here; who has all of them need not wait, and is not kept.
        let stage = if complete || alone {
            Stage::Judged(Box::new(judge_node(node, policy, &authorities)))
        } else {
            Stage::Waiting(Box::new(node))
        };
        progress();
        Ok(stage)
    };
    let mut assembly = Assembly::new(policy);
    let mut waiting = Vec::new();
    let mut inputs = inputs.into_iter().peekable();
    while inputs.peek().is_some() {
        let some: Vec<Input> = inputs.by_ref().take(AT_A_TIME).collect();
        let stages: Vec<Result<Stage, AuditError>> = some.into_par_iter().map(gather).collect();
        for stage in stages {
            match stage? {
                Stage::Judged(judged) => assembly.add(*judged),
                Stage::Waiting(node) => waiting.push(node),
            }
        }
    }
    let judged: Vec<Judged> = waiting
        .into_par_iter()
        .map(|mut node| {
            link_node(&mut node, Some(&authorities));
            judge_node(*node, policy, &authorities)
        })
        .collect();
    for judged in judged {
        assembly.add(judged);
    }
    Ok(assembly.finish(policy))
}

enum Stage {
    Judged(Box<Judged>),
    Waiting(Box<Node>),
}

/// What came of one node.
struct Judged {
    name: Option<Arc<str>>,
    kind: NodeKind,
    findings: Vec<Finding>,
    skipped: Vec<Skipped>,
    ends: Vec<End>,
    read: Read,
    records: Vec<Record>,
    inventories: Vec<Kept>,
}

/// The rules that are asked for and look at nodes, or at all of them.
fn asked(policy: &Policy, estate: bool) -> impl Iterator<Item = &'static Rule> {
    let is_estate = |rule: &Rule| matches!(rule.check, Check::Estate(_));
    RULES.iter().copied().filter(move |rule| is_estate(rule) == estate && policy.asks_for(rule))
}

fn judge_node(mut node: Node, policy: &Policy, authorities: &Authorities) -> Judged {
    name_users(&mut node);
    let mut judged = Judged {
        name: node.name.clone(),
        kind: node.kind,
        findings: Vec::new(),
        skipped: Vec::new(),
        ends: Vec::new(),
        read: Read {
            files: node.files.iter().filter(|file| file.contents().is_some()).count(),
            certificates: node.certificates.len(),
            keys: node.keys.iter().filter(|key| key.private).count(),
            nodes: usize::from(node.kind != NodeKind::Store),
        },
        records: node.records(),
        inventories: node.inventories(),
    };
    let distinct = distinct(&node, policy);
    for rule in asked(policy, false) {
        let end = match rule.check {
            Check::Certificate(check) => judge_certificates(&distinct, rule, check, &mut judged.findings),
            Check::Node(check) => {
                let mut answers = Answers::default();
                check(&Scene { node: &node, policy, authorities }, &mut answers);
                let locate = |place: &Place| node.location(place);
                let name = |place: &Place| place.file.and_then(|file| node.command_name(file));
                take(rule, answers, &locate, &name, &mut judged.findings, &mut judged.skipped)
            }
            Check::Estate(_) => continue,
        };
        judged.ends.push(end);
    }
    leave_once(&mut judged.findings);
    // Who has nothing left to say had nothing to look at that is not another's.
    for (rule, end) in asked(policy, false).zip(&mut judged.ends) {
        if *end == End::Failed && !judged.findings.iter().any(|finding| finding.rule.id == rule.id) {
            *end = End::NotApplicable;
        }
    }
    judged.skipped.extend(node.incomplete.iter().map(|reason| Skipped {
        rule: None,
        location: Location { node: node.name.clone(), ..Location::default() },
        reason: reason.clone(),
    }));
    if !asked(policy, false).any(|rule| rule.id == UNREADABLE) {
        unread(&node, &mut judged.skipped);
    }
    // Each node's own part, on all cores; what is left to do for all of them is little.
    judged.findings.sort_by(order);
    judged.skipped.sort_by(order_of_skipped);
    judged
}

/// The rule that names what cannot be read.
const UNREADABLE: &str = "F025";
/// The most files that are named because they cannot be read.
const MOST_UNREAD: usize = 500;

/// Names the files that could not be read: no rule that looks at what is in them has seen them.
fn unread(node: &Node, skipped: &mut Vec<Skipped>) {
    let reason = |file: &File| match &file.kind {
        FileKind::Regular(Err(reason)) => Some(format!("what is in it is not known: {reason}")),
        FileKind::Special(what) => Some(format!("it is {what}, which is not opened")),
        _ => None,
    };
    let mut found = node.files.iter().enumerate().filter_map(|(index, file)| Some((index, reason(file)?)));
    skipped.extend(found.by_ref().take(MOST_UNREAD).map(|(index, reason)| Skipped {
        rule: None,
        location: node.location(&Place::file(index)),
        reason,
    }));
    let more = found.count();
    if more > 0 {
        let location = Location { node: node.name.clone(), ..Location::default() };
        skipped.push(Skipped { rule: None, location, reason: format!("and {more} more that were not read") });
    }
}

/// A certificate as the rules of certificates see it, however often it stands somewhere.
struct Distinct<'a> {
    cert: Cert<'a>,
    evidence: CertificateEvidence<'a>,
    /// In how many more places it stands.
    others: usize,
}

fn distinct<'a>(node: &'a Node, policy: &Policy) -> Vec<Distinct<'a>> {
    let mut places = vec![0_usize; node.certificates.len()];
    for found in &node.certificates {
        if let Some(places) = places.get_mut(found.same_as) {
            *places += 1;
        }
    }
    let one = |cert: Cert<'a>| {
        let others = places.get(cert.index).map_or(0, |places| places.saturating_sub(1));
        Distinct { cert, evidence: evidence_of(cert, policy), others }
    };
    node.distinct_certs().map(one).collect()
}

/// Lets a rule look at every certificate once.
fn judge_certificates(
    distinct: &[Distinct<'_>],
    rule: &'static Rule,
    check: fn(&CertificateEvidence<'_>) -> Outcome,
    findings: &mut Vec<Finding>,
) -> End {
    let mut end = End::NotApplicable;
    for Distinct { cert, evidence, others } in distinct {
        match check(evidence) {
            Outcome::Pass => end = end.max(End::Passed),
            Outcome::NotApplicable(_) => {}
            Outcome::Fail(facts) => {
                end = End::Failed;
                for mut fact in facts {
                    if *others > 0 {
                        let places = if *others == 1 { "place" } else { "places" };
                        let message = std::mem::take(&mut fact.message);
                        fact.message = format!("{message} (it stands in {others} more {places})");
                    }
                    let location = cert.node.location(&cert.place());
                    let name = cert.node.command_name(cert.found().file);
                    findings.push(finding(rule, fact, location, name));
                }
            }
        }
    }
    end
}

/// A certificate of a node as the rules of certificates see it.
fn evidence_of<'a>(cert: Cert<'a>, policy: &Policy) -> CertificateEvidence<'a> {
    let roles: Vec<_> = cert.roles().collect();
    let any = |wanted: fn(super::Role) -> bool| roles.iter().any(|role| wanted(*role));
    let expected = (!roles.is_empty()).then(|| Expected {
        ca: any(super::Role::is_ca),
        server: any(super::Role::is_server),
        // The gateway of etcd's server is a client of its own (rule E001); whoever runs without it may leave the purpose out.
        client: any(super::Role::is_client)
            || roles.contains(&super::Role::EtcdServer)
                && cert.tbs().extensions.purposes().contains(&ExtendedKeyUsage::ClientAuth),
    });
    CertificateEvidence {
        issuer: cert.issuer(),
        expected,
        now: Some(policy.at),
        role: roles.first().copied(),
        ..CertificateEvidence::of_certificate(&cert.facts().certificate)
    }
}

fn take(
    rule: &'static Rule,
    answers: Answers,
    locate: &dyn Fn(&Place) -> Location,
    name: &dyn Fn(&Place) -> Option<Arc<str>>,
    findings: &mut Vec<Finding>,
    skipped: &mut Vec<Skipped>,
) -> End {
    let end = if !answers.facts.is_empty() {
        End::Failed
    } else if answers.looked > 0 {
        End::Passed
    } else if !answers.skipped.is_empty() {
        End::Skipped
    } else {
        End::NotApplicable
    };
    for mut fact in answers.facts {
        let place = fact.place.take().unwrap_or_default();
        findings.push(finding(rule, fact, locate(&place), name(&place)));
    }
    if answers.more_facts > 0 {
        let fact = Fact::new(format!("and {} more of the kind", answers.more_facts));
        findings.push(finding(rule, fact, locate(&Place::nowhere()), None));
    }
    skipped.extend(answers.skipped.into_iter().map(|(place, reason)| Skipped {
        rule: Some(rule),
        location: locate(&place),
        reason,
    }));
    if answers.more_skipped > 0 {
        let reason = format!("and {} more of the kind", answers.more_skipped);
        skipped.push(Skipped { rule: Some(rule), location: locate(&Place::nowhere()), reason });
    }
    end
}

fn finding(rule: &'static Rule, fact: Fact, location: Location, file: Option<Arc<str>>) -> Finding {
    let severity = fact.severity.unwrap_or(rule.severity);
    let own_fix = fact.fix.map(String::into_boxed_str);
    Finding { rule, severity, location, message: fact.message, own_fix, file }
}

/// A report that grows node by node.
struct Assembly {
    report: Report,
    nodes: Vec<NodeSummary>,
    /// The rules that look at nodes.
    rules: Arc<[&'static Rule]>,
}

impl Assembly {
    fn new(policy: &Policy) -> Self {
        let report = Report {
            at: policy.at,
            findings: Vec::new(),
            skipped: Vec::new(),
            waived: Vec::new(),
            dead_waivers: Vec::new(),
            outcomes: Outcomes::default(),
            tallies: Vec::new(),
            read: Read::default(),
            records: Vec::new(),
        };
        Self { report, nodes: Vec::new(), rules: asked(policy, false).collect() }
    }

    fn add(&mut self, mut node: Judged) {
        let report = &mut self.report;
        let start = report.records.len();
        report.records.append(&mut node.records);
        let name = node.name.clone();
        self.nodes.push(NodeSummary {
            name: node.name,
            kind: node.kind,
            records: start..report.records.len(),
            inventories: node.inventories,
        });
        report.findings.append(&mut node.findings);
        report.skipped.append(&mut node.skipped);
        let rules = Arc::clone(&self.rules);
        report.tallies.push(Tally { node: name, rules, ends: node.ends.into() });
        report.read.files += node.read.files;
        report.read.certificates += node.read.certificates;
        report.read.keys += node.read.keys;
        report.read.nodes += node.read.nodes;
    }

    /// Lets the rules look that look at all nodes, and puts everything in order.
    fn finish(self, policy: &Policy) -> Report {
        let Self { mut report, nodes, .. } = self;
        let estate = Estate { nodes: &nodes, records: &report.records, policy };
        let mut ends = Vec::new();
        let rules: Arc<[&'static Rule]> = asked(policy, true).collect();
        for &rule in rules.iter() {
            let Check::Estate(check) = rule.check else { continue };
            let mut answers = Answers::default();
            check(&estate, &mut answers);
            let locate = |place: &Place| {
                if let Some(node) = place.node.and_then(|node| estate.nodes.get(node)) {
                    return Location { node: node.name.clone(), ..Location::default() };
                }
                let record = place.record.and_then(|record| estate.records.get(record));
                record.map(|record| record.location.clone()).unwrap_or_default()
            };
            let name = |place: &Place| {
                let record = place.record.and_then(|record| estate.records.get(record))?;
                let shown = || shell_word(Path::new(&*record.location.path)).into();
                Some(record.file.clone().unwrap_or_else(shown))
            };
            let end = take(rule, answers, &locate, &name, &mut report.findings, &mut report.skipped);
            ends.push(end);
        }
        report.tallies.push(Tally { node: None, rules, ends: ends.into() });
        for end in report.tallies.iter().flat_map(|tally| &tally.ends) {
            report.outcomes.count(*end);
        }
        settle(&mut report, policy);
        report
    }
}
