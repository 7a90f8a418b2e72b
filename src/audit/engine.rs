//! Evidence × rules → report.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use rayon::prelude::*;

use super::answers::NodeSummary;
use super::evidence::{self, link_node, name_users};
use super::overlap::leave_once;
use super::policy::{order, order_of_skipped, settle};
use super::report::{End, Finding, Gap, Location, Outcomes, Read, Record, Report, Skipped, Tally, Unread};
use super::rules::{Certificates, Desk, Distinct, EstateDesk, Sides};
use super::{
    Answers, Authorities, Blank, CertificateEvidence, Check, Estate, Expected, Fact, Kept, Known, Node,
    NodeKind, Outcome, Place, Policy, RULES, Rule, Scene, Source, Store,
};
use super::{backups, blanks, unread};
use crate::x509::{ExtendedKeyUsage, Printable};

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

impl Input {
    /// What stands before the paths that are shown of it, and is left away: of one of several nodes, the directory of its tree, or the one
    /// in which its parts lie; nothing where there is one node.
    pub fn prefix(&self) -> Option<PathBuf> {
        self.name.as_ref()?;
        let mut paths = self.sources.iter().filter_map(|source| match source {
            Source::Path(path) => Some(path.as_path()),
            _ => None,
        });
        let first = paths.next()?;
        let mut prefix = if first.is_dir() { first } else { first.parent()? };
        for path in paths {
            prefix = prefix.ancestors().find(|above| path.starts_with(above))?;
        }
        Some(prefix.to_owned())
    }
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
        let version = policy.kubernetes_version.clone();
        let mut node = evidence::gather(input, version, &known)
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
    unread: Unread,
    blanks: Vec<Blank>,
    records: Vec<Record>,
    inventories: Vec<Kept>,
    current_users: Vec<(Arc<str>, String)>,
    sides: Sides,
}

/// The rules that are asked for and look at nodes, or at all of them.
fn asked(policy: &Policy, estate: bool) -> impl Iterator<Item = &'static Rule> {
    let is_estate = |rule: &Rule| matches!(rule.check, Check::Estate(_));
    RULES.iter().copied().filter(move |rule| is_estate(rule) == estate && policy.asks_for(rule))
}

fn judge_node(mut node: Node, policy: &Policy, authorities: &Authorities) -> Judged {
    name_users(&mut node);
    let sides = Sides::of(&node);
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
            of_pki: node.files.iter().filter(|file| unread::bears_on_pki(file)).count(),
        },
        unread: unread::of_node(&node),
        blanks: if policy.blanks { blanks::of_node(&node) } else { Vec::new() },
        records: node.records(),
        inventories: node.inventories(),
        current_users: node.current_users(),
        sides,
    };
    let distinct = distinct(&node, policy);
    let scene = Scene { node: &node, policy, authorities };
    let locate = |place: &Place| node.location(place);
    for rule in asked(policy, false) {
        let end = match rule.check {
            Check::Certificate(check) => judge_certificates(&distinct, rule, check, &mut judged.findings),
            Check::Node(check) | Check::Both { found: check, .. } => {
                let mut answers = Answers::default();
                check(&scene, &mut answers);
                take(rule, answers, &locate, &mut judged.findings, &mut judged.skipped)
            }
            Check::Last(_) => End::NotApplicable,
            Check::Estate(_) => continue,
        };
        judged.ends.push(end);
    }
    backups::leave_out(&node, &mut judged.findings);
    leave_once(&mut judged.findings);
    for (rule, end) in asked(policy, false).zip(&mut judged.ends) {
        if let Check::Last(check) = rule.check {
            let mut answers = Answers::default();
            check(&scene, &judged.findings, &mut answers);
            *end = take(rule, answers, &locate, &mut judged.findings, &mut judged.skipped);
        }
    }
    let desk = Desk::new(&scene, &judged.findings);
    judged.findings.iter_mut().for_each(|finding| desk.mend(finding));
    // Who has nothing left to say had nothing to look at that is not another's.
    for (rule, end) in asked(policy, false).zip(&mut judged.ends) {
        if *end == End::Failed && !judged.findings.iter().any(|finding| finding.rule.id == rule.id) {
            *end = End::NotApplicable;
        }
    }
    unread::tell(&node, &judged.unread, &mut judged.skipped);
    if !asked(policy, false).any(|rule| rule.id == UNREADABLE) {
        unread::name(&node, &mut judged.skipped);
    }
    // Each node's own part, on all cores; what is left to do for all of them is little.
    judged.findings.sort_by(order);
    judged.skipped.sort_by(order_of_skipped);
    judged
}

/// The rule that names what cannot be read.
const UNREADABLE: &str = "F025";
/// The certificates of a node as the rules of certificates see them: each once, where it is used, with the parts that it plays in all of
/// its places.
fn distinct<'a>(node: &'a Node, policy: &Policy) -> Vec<(Distinct<'a>, CertificateEvidence<'a>)> {
    let certificates = Certificates::of(node).all;
    certificates.into_iter().map(|one| (one, evidence_of(&one, policy))).collect()
}

/// Lets a rule look at every certificate once.
fn judge_certificates(
    distinct: &[(Distinct<'_>, CertificateEvidence<'_>)],
    rule: &'static Rule,
    check: fn(&CertificateEvidence<'_>) -> Outcome,
    findings: &mut Vec<Finding>,
) -> End {
    let mut end = End::NotApplicable;
    for (one, evidence) in distinct {
        match check(evidence) {
            Outcome::Pass => end = end.max(End::Passed),
            Outcome::NotApplicable(_) => {}
            Outcome::Fail(facts) => {
                end = End::Failed;
                let cert = one.cert;
                for mut fact in facts {
                    fact.message.push_str(&one.elsewhere());
                    let place = cert.place();
                    let location = cert.node.location(&place);
                    findings.push(finding(rule, fact, location, place));
                }
            }
        }
    }
    end
}

/// A certificate of a node as the rules of certificates see it.
fn evidence_of<'a>(one: &Distinct<'a>, policy: &Policy) -> CertificateEvidence<'a> {
    let (cert, roles) = (one.cert, one.roles);
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
        findings.push(finding(rule, fact, locate(&place), place));
    }
    if answers.more_facts > 0 {
        let fact = Fact::new(format!("and {} more of the kind", answers.more_facts));
        findings.push(finding(rule, fact, locate(&Place::nowhere()), Place::nowhere()));
    }
    skipped.extend(answers.skipped.into_iter().map(|(place, gap, reason)| Skipped {
        gap,
        rule: Some(rule),
        location: locate(&place),
        reason,
    }));
    if answers.more_skipped > 0 {
        let reason = format!("and {} more of the kind", answers.more_skipped);
        let location = locate(&Place::nowhere());
        skipped.push(Skipped { gap: Gap::NotGiven, rule: Some(rule), location, reason });
    }
    end
}

fn finding(rule: &'static Rule, fact: Fact, location: Location, place: Place) -> Finding {
    let severity = fact.severity.unwrap_or(rule.severity);
    let pending = Some(Box::new((place, fact.fix)));
    Finding { pending, ..Finding::new(rule, severity, location, fact.message) }
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
            unread: Unread::default(),
            blanks: Vec::new(),
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
            current_users: node.current_users,
            sides: node.sides,
        });
        report.findings.append(&mut node.findings);
        report.skipped.append(&mut node.skipped);
        let rules = Arc::clone(&self.rules);
        report.tallies.push(Tally { node: name, rules, ends: node.ends.into() });
        report.read.files += node.read.files;
        report.read.certificates += node.read.certificates;
        report.read.keys += node.read.keys;
        report.read.nodes += node.read.nodes;
        report.read.of_pki += node.read.of_pki;
        report.unread.add(node.unread);
        report.blanks.append(&mut node.blanks);
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
                if let Some(location) = &place.location {
                    return (**location).clone();
                }
                if let Some(node) = place.node.and_then(|node| estate.nodes.get(node)) {
                    return Location { node: node.name.clone(), ..Location::default() };
                }
                let record = place.record.and_then(|record| estate.records.get(record));
                record.map(|record| record.location.clone()).unwrap_or_default()
            };
            let end = take(rule, answers, &locate, &mut report.findings, &mut report.skipped);
            ends.push(end);
        }
        backups::leave_out_of_all(&report.records, &mut report.findings);
        let desk = EstateDesk::new(estate, &report.findings);
        report.findings.iter_mut().for_each(|finding| desk.mend(finding));
        if report.findings.iter().any(|finding| finding.remedy.is_open()) {
            let signers = desk.signers();
            let find = |key: &[u8; 32]| signers.get(key).cloned();
            report.findings.iter_mut().for_each(|finding| finding.remedy.settle(&find));
        }
        report.tallies.push(Tally { node: None, rules, ends: ends.into() });
        for end in report.tallies.iter().flat_map(|tally| &tally.ends) {
            report.outcomes.count(*end);
        }
        report.unread.given_up = report.skipped.iter().filter(|skipped| skipped.gap == Gap::TooMuch).count();
        report.unread.nodes.sort();
        settle(&mut report, policy);
        report
    }
}
