//! An element for each certificate, and the keys that stand alone.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use kpki::audit::{Location, Role};
use kpki::x509::hex;
use serde::Serialize;

use super::super::model::{Entry, Issuer, Model};
use super::super::words::{counted, end_class, left, place, severity_class};
use super::{MOST_CERTIFICATES, MOST_KEYS, MOST_PLACES};
use crate::cli::output;

/// A certificate's element.
#[derive(Serialize)]
pub(super) struct Certificate {
    anchor: String,
    label: &'static str,
    severity: &'static str,
    findings_count: usize,
    subject: String,
    aside: String,
    left: String,
    end_class: &'static str,
    issuer: String,
    issuer_note: &'static str,
    issuer_class: &'static str,
    issuer_anchor: String,
    roles: String,
    serial: String,
    not_before: String,
    not_after: String,
    names: String,
    purposes: String,
    algorithm: String,
    fingerprint: String,
    key: String,
    places: Vec<String>,
    more_places: String,
    keys: Vec<String>,
    findings: Vec<Note>,
    sharers: usize,
}

/// A finding, in short.
#[derive(Serialize)]
struct Note {
    rule: &'static str,
    severity: &'static str,
    title: &'static str,
    message: String,
}

/// The elements, and for each certificate whether it has one: the worst and the CAs first where there are too many.
pub(super) fn certificates(model: &Model<'_>) -> (Vec<Certificate>, Vec<bool>) {
    let mut order: Vec<usize> = (0..model.entries.len()).collect();
    if order.len() > MOST_CERTIFICATES {
        order.sort_by_cached_key(|index| {
            let entry = model.entries.get(*index);
            entry.map(|entry| (Reverse(entry.worst), !entry.is_authority(), entry.facts.not_after))
        });
        order.truncate(MOST_CERTIFICATES);
    }
    let mut linked = vec![false; model.entries.len()];
    for index in &order {
        if let Some(linked) = linked.get_mut(*index) {
            *linked = true;
        }
    }
    order.sort_by_cached_key(|index| {
        let entry = model.entries.get(*index);
        entry.map(|entry| (rank(entry), entry.label(), entry.places.first().map(|place| (*place).clone())))
    });
    let elements = order
        .into_iter()
        .filter_map(|index| model.entries.get(index))
        .map(|entry| certificate(model, entry, &linked));
    (elements.collect(), linked)
}

fn rank(entry: &Entry<'_>) -> usize {
    let role = entry.roles.first();
    role.and_then(|role| Role::ALL.iter().position(|other| other == role)).unwrap_or(Role::ALL.len())
}

fn certificate(model: &Model<'_>, entry: &Entry<'_>, linked: &[bool]) -> Certificate {
    let facts = entry.facts;
    let time = model.left(entry);
    let (note, class) = match entry.issuer {
        Issuer::Itself => ("signed by itself", ""),
        Issuer::InsteadOf(_) => ("signed by itself, where this CA's signature is due", "bad"),
        Issuer::Signed(_) => ("its signature is good", ""),
        Issuer::OtherAuthority(_) => ("its signature is good, and it is not the CA of this role", "bad"),
        Issuer::AnotherKey(_) => ("it has this name, and its key did not sign", "bad"),
        Issuer::Absent => ("not among what was read", "absent"),
    };
    let above = entry.issuer.above();
    let shown_above = above.filter(|index| linked.get(*index) == Some(&true));
    let anchor = shown_above.and_then(|index| model.entries.get(index)).map(Entry::anchor);
    let (places, more) = listed(&entry.places);
    let (keys, _) = listed(&entry.keys);
    let nodes: BTreeSet<&str> = entry.places.iter().filter_map(|place| place.node.as_deref()).collect();
    // Rather a file of its own than a field of a kubeconfig.
    let first = entry.places.iter().find(|place| place.field.is_none()).or(entry.places.first());
    let aside = match (nodes.len(), first) {
        (2.., _) => counted(nodes.len(), "node", "nodes"),
        (_, Some(first)) => place(&Location { line: None, field: None, ..(*first).clone() }),
        (_, None) => String::new(),
    };
    Certificate {
        anchor: entry.anchor(),
        label: entry.label(),
        severity: severity_class(entry.worst),
        findings_count: entry.findings.len(),
        subject: facts.subject.to_string(),
        aside,
        left: left(time),
        end_class: end_class(time),
        issuer: facts.issuer.to_string(),
        issuer_note: note,
        issuer_class: class,
        issuer_anchor: anchor.unwrap_or_default(),
        roles: entry.roles.iter().map(|role| role.name()).collect::<Vec<_>>().join(", "),
        serial: facts.serial.to_string(),
        not_before: output::instant(facts.not_before),
        not_after: output::instant(facts.not_after),
        names: facts.names.to_string(),
        purposes: facts.purposes.to_string(),
        algorithm: entry.algorithm.to_owned(),
        fingerprint: hex(&facts.fingerprint),
        key: entry.key.map(|key| hex(&key)).unwrap_or_default(),
        places,
        more_places: more,
        keys,
        findings: notes(model, &entry.findings),
        sharers: entry.key_sharers,
    }
}

fn listed(places: &[&Location]) -> (Vec<String>, String) {
    let listed = places.iter().take(MOST_PLACES).map(|at| place(at)).collect();
    let more = places.len().saturating_sub(MOST_PLACES);
    let more =
        if more > 0 { format!("and {}", counted(more, "more place", "more places")) } else { String::new() };
    (listed, more)
}

fn notes(model: &Model<'_>, findings: &[usize]) -> Vec<Note> {
    let found = findings.iter().filter_map(|number| model.report.findings.get(*number));
    let note = |finding: &kpki::audit::Finding| Note {
        rule: finding.rule.id,
        severity: finding.severity.name(),
        title: finding.rule.title,
        message: finding.message.clone(),
    };
    found.take(MOST_PLACES).map(note).collect()
}

/// A key without a certificate.
#[derive(Serialize)]
pub(super) struct Key {
    label: &'static str,
    what: &'static str,
    algorithm: String,
    places: Vec<String>,
    severity: &'static str,
    findings: Vec<Note>,
}

pub(super) fn keys(model: &Model<'_>) -> Vec<Key> {
    let mut keys: Vec<_> = model.lone_keys.iter().collect();
    keys.sort_by_key(|key| Reverse((key.worst, !key.roles.is_empty())));
    let keys = keys.into_iter().take(MOST_KEYS).map(|key| Key {
        label: key.roles.first().map_or("no known role", |role| role.name()),
        what: if key.private { "private key" } else { "public key" },
        algorithm: key.algorithm.to_owned(),
        places: listed(&key.places).0,
        severity: severity_class(key.worst),
        findings: notes(model, &key.findings),
    });
    keys.collect()
}
