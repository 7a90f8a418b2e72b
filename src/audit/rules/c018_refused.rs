//! C018: a certificate that is refused where it is shown, and nothing else has told why.

use std::collections::{BTreeMap, HashSet};

use super::super::{Answers, Finding, Gap, Location, Place, Scene, Use};
use super::distinct::Certificates;
use super::meetings::{Meeting, Meetings};
use super::remedy::{CaChange, Cure, Reissue};
use super::{Check, Citation, Role, Rule, Severity};

pub(super) static RULE: Rule = Rule {
    id: "C018",
    name: "refused",
    title: "Who is shown the certificate refuses it",
    severity: Severity::Critical,
    citations: &[
        Citation::rfc("RFC 5280 section 6.1"),
        Citation::page(
            "Go: crypto/x509 Certificate.Verify",
            "https://pkg.go.dev/crypto/x509#Certificate.Verify",
        ),
    ],
    explanation: "Manifests, configurations and kubeconfigs say who shows this certificate, and by which CAs it is judged there. \
                  Verified so, as every component of Kubernetes and etcd does, it is refused, for a reason that no other rule has told. \
                  `kpki verify` says the same, and `kpki rehearse` acts it out.",
    fix: "`kpki verify FILE --ca CA` shows every path that was tried. Let the CA that is trusted there issue it again, or name the CA that did.",
    applies_to: "certificates that somebody is known to show to somebody",
    check: Check::Last(check),
};

/// The rules that tell why a certificate is refused: where one of them has spoken of anything that has a part in it, that is it.
const TOLD: [&str; 33] = [
    "C001", "C002", "C005", "C008", "C009", "C010", "C011", "C012", "C017", "E001", "E002", "F002", "F015",
    "F016", "F018", "F023", "F025", "K005", "M003", "M010", "M011", "M014", "M020", "P001", "P007", "P008",
    "P009", "P011", "P013", "P017", "P024", "T001", "T002",
];

fn check(scene: &Scene<'_>, findings: &[Finding], answers: &mut Answers) {
    let node = scene.node;
    let certificates = Certificates::of(node);
    let told: HashSet<&Location> = findings
        .iter()
        .filter(|finding| finding.severity >= Severity::High && TOLD.contains(&finding.rule.id))
        .map(|finding| &finding.location)
        .collect();
    let is_told = |meeting: &Meeting<'_>| {
        let own = meeting
            .shown()
            .chain(meeting.trusted())
            .filter_map(|cert| certificates.get(cert))
            .map(Place::from);
        own.chain(meeting.places()).any(|place| told.contains(&node.location(&place)))
    };
    // One mistake, for whomever it is made.
    let mut refused: BTreeMap<(usize, String), (Severity, Vec<&str>, Cure)> = BTreeMap::new();
    for meeting in Meetings::of(scene) {
        // Nobody shows what a backup holds.
        let leaf = meeting.leaf().and_then(|leaf| certificates.get(leaf));
        let Some(leaf) = leaf.filter(|leaf| leaf.usage != Use::Old) else { continue };
        if meeting.is_too_much() {
            answers.leave(
                leaf,
                Gap::TooMuch,
                "there was too much to verify: whether it is accepted is not known",
            );
            continue;
        }
        answers.look();
        let Some(refusal) = meeting.refusal().filter(|_| !is_told(&meeting)) else { continue };
        let why = format!("as {}: {}", meeting.purpose(), refusal.detail);
        let severity = severity(meeting.role());
        let known = refused.entry((leaf.cert.index, why));
        let (worst, by, _) = known.or_insert_with(|| (severity, Vec::new(), cure(&meeting)));
        *worst = (*worst).max(severity);
        if !by.contains(&meeting.by()) {
            by.push(meeting.by());
        }
    }
    for ((leaf, why), (severity, by, cure)) in refused {
        let Some(one) = node.certificate(leaf).and_then(|cert| certificates.get(cert)) else { continue };
        let shown: Vec<&str> = by.iter().take(3).copied().collect();
        let more = if by.len() > 3 { format!(" and {} more", by.len() - 3) } else { String::new() };
        let message = format!("it is refused {why} ({}{more}){}", shown.join("; "), one.elsewhere());
        answers.fail(one, message).severity(severity).fix(cure);
    }
}

/// Where a CA is at fault, its certificate is written anew; else what it has signed.
fn cure(meeting: &Meeting<'_>) -> Cure {
    match meeting.broken().filter(|cert| cert.is_ca()) {
        Some(ca) => Cure::default().renew_ca(Some(ca), CaChange { extensions: true, ..CaChange::default() }),
        None => meeting.leaf().map(|leaf| Reissue::default().of(leaf)).unwrap_or_default().into(),
    }
}

/// How bad it is that a part is refused.
pub(super) fn severity(role: Role) -> Severity {
    match role {
        Role::Apiserver
        | Role::ApiserverEtcdClient
        | Role::EtcdServer
        | Role::EtcdPeer
        | Role::KubeletClient
        | Role::ControllerManager
        | Role::Scheduler => Severity::Critical,
        _ => Severity::High,
    }
}
