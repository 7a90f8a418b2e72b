//! What the boxes of the trust graph say.

use std::fmt::Write as _;

use kpki::audit::{Location, Role, Severity};
use time::OffsetDateTime;

use super::{Node, Shape};
use crate::cli::audit::html::model::{Entry, Model};
use crate::cli::audit::html::words::{counted, day, end_class, first_end, grouped, left, place};

/// The most places, findings and names that a box lists when it is pointed at.
const MOST: usize = 6;

/// What a box says.
pub(super) struct Told {
    pub(super) class: String,
    pub(super) severity: Option<Severity>,
    pub(super) label: String,
    pub(super) aside: String,
    pub(super) badge: String,
    pub(super) line: String,
    pub(super) line_class: &'static str,
    pub(super) end: String,
    pub(super) end_class: &'static str,
    pub(super) title: String,
    pub(super) link: Option<String>,
    pub(super) find: Option<&'static str>,
    pub(super) shares_key: bool,
}

impl Told {
    pub(super) fn of(node: &Node, model: &Model<'_>, linked: &dyn Fn(usize) -> bool) -> Self {
        match &node.shape {
            Shape::One(index) => match model.entries.get(*index) {
                Some(entry) => Self::one(node, entry, model, linked(*index)),
                None => Self::nothing(),
            },
            Shape::Several { label, members, below } => Self::several(node, label, members, *below, model),
            Shape::Absent { name, count } => Self {
                class: "box box-absent".into(),
                label: "issuer not found".into(),
                line: name.clone(),
                title: format!(
                    "{name}\nThis issuer was not among what was read; it signed {}.",
                    counted(*count, "certificate", "certificates")
                ),
                ..Self::nothing()
            },
            Shape::Key(index) => Self::key(*index, model),
        }
    }

    fn nothing() -> Self {
        Self {
            class: "box".into(),
            severity: None,
            label: String::new(),
            aside: String::new(),
            badge: String::new(),
            line: String::new(),
            line_class: "box-line",
            end: String::new(),
            end_class: "later",
            title: String::new(),
            link: None,
            find: None,
            shares_key: false,
        }
    }

    fn one(node: &Node, entry: &Entry<'_>, model: &Model<'_>, linked: bool) -> Self {
        let left_to_it = model.left(entry);
        let broken = node.edge.words();
        let mut title = format!(
            "{}\n{}\nissued by {}\nvalid {} to {}, {}",
            entry.label(),
            entry.facts.subject,
            entry.facts.issuer,
            day(entry.facts.not_before),
            day(entry.facts.not_after),
            left(left_to_it)
        );
        if let Some(words) = broken {
            let _ = write!(title, "\n{words}");
        }
        for at in entry.places.iter().take(MOST) {
            let _ = write!(title, "\nin {}", place(at));
        }
        if entry.places.len() > MOST {
            let _ = write!(title, "\nin {} more", counted(entry.places.len() - MOST, "place", "places"));
        }
        if entry.key_sharers > 0 {
            let _ = write!(
                title,
                "\nits key is that of {} too",
                counted(entry.key_sharers, "other certificate", "other certificates")
            );
        }
        for number in entry.findings.iter().take(MOST) {
            if let Some(finding) = model.report.findings.get(*number) {
                let _ = write!(title, "\n{}: {}", finding.severity, finding.rule.title);
            }
        }
        Self {
            class: if entry.is_authority() { "box box-ca".into() } else { "box".into() },
            severity: entry.worst,
            label: entry.label().to_owned(),
            aside: aside(&entry.places, model),
            badge: badge(entry.worst, entry.findings.len()),
            line: broken.map_or_else(|| entry.facts.subject.to_string(), ToOwned::to_owned),
            line_class: if broken.is_some() { "box-line box-broken" } else { "box-line" },
            end: left(left_to_it),
            end_class: end_class(left_to_it),
            title,
            link: linked.then(|| format!("#{}", entry.anchor())),
            find: None,
            shares_key: entry.key_sharers > 0,
        }
    }

    fn several(node: &Node, label: &'static str, members: &[usize], below: usize, model: &Model<'_>) -> Self {
        let entries: Vec<&Entry<'_>> = members.iter().filter_map(|index| model.entries.get(*index)).collect();
        let worst = entries.iter().filter_map(|entry| entry.worst).max();
        let bad = entries.iter().filter(|entry| entry.worst.is_some()).count();
        let soonest: Option<OffsetDateTime> = entries.iter().map(|entry| entry.facts.not_after).min();
        let latest = entries.iter().map(|entry| entry.facts.not_after).max();
        let to_soonest = soonest.map(|end| end - model.at).unwrap_or_default();
        let mut line = match (soonest, latest) {
            (Some(first), Some(last)) if day(first) != day(last) => {
                format!("{} to {}", day(first), day(last))
            }
            (Some(first), _) => format!("all end {}", day(first)),
            _ => String::new(),
        };
        if below > 0 {
            line = format!("with {} below", grouped(below));
        }
        if let Some(words) = node.edge.words() {
            words.clone_into(&mut line);
        }
        let mut title =
            format!("{} of the kind {label}", counted(entries.len(), "certificate", "certificates"));
        if below > 0 {
            let _ = write!(title, ", with {} below them", grouped(below));
        }
        if let (Some(first), Some(last)) = (soonest, latest) {
            let _ = write!(title, "\nthe first ends {}, the last {}", day(first), day(last));
        }
        let _ = write!(title, "\nsomething is wrong with {}", grouped(bad));
        for entry in entries.iter().take(MOST) {
            let _ = write!(title, "\n{}", entry.facts.subject);
        }
        if entries.len() > MOST {
            let _ = write!(title, "\nand {} more", grouped(entries.len() - MOST));
        }
        Self {
            class: "box box-several".into(),
            severity: worst,
            label: format!("{} × {label}", grouped(entries.len())),
            badge: if bad > 0 { badge(worst, bad) } else { String::new() },
            line,
            line_class: if node.edge.is_broken() { "box-line box-broken" } else { "box-line" },
            end: first_end(soonest, latest, model.at),
            end_class: end_class(to_soonest),
            title,
            link: Some("#certificates".into()),
            find: Some(label).filter(|label| *label != "deeper"),
            ..Self::nothing()
        }
    }

    fn key(index: usize, model: &Model<'_>) -> Self {
        let Some(key) = model.lone_keys.get(index) else { return Self::nothing() };
        let label = key.roles.first().map_or("key", |role| role.name());
        let signs_tokens = key.roles.first() == Some(&Role::ServiceAccount);
        let what = match (signs_tokens, key.private) {
            (true, true) => "key pair, signs tokens",
            (true, false) => "public key, checks tokens",
            (false, true) => "key of no certificate here",
            (false, false) => "public key",
        };
        let mut title = format!("{label}: {what}, {}", key.algorithm);
        for at in key.places.iter().take(MOST) {
            let _ = write!(title, "\nin {}", place(at));
        }
        Self {
            class: "box box-key".into(),
            severity: key.worst,
            label: label.to_owned(),
            aside: aside(&key.places, model),
            badge: badge(key.worst, key.findings.len()),
            line: what.to_owned(),
            end: key.algorithm.to_owned(),
            title,
            link: Some("#keys".into()),
            ..Self::nothing()
        }
    }
}

/// Beside the role: the node, or in how many places it is.
fn aside(places: &[&Location], model: &Model<'_>) -> String {
    let first = places.first().and_then(|place| place.node.as_deref());
    let one_node = places.iter().all(|place| place.node.as_deref() == first);
    match first {
        Some(node) if one_node && model.report.read.nodes > 1 => node.to_owned(),
        _ if places.len() > 1 => counted(places.len(), "place", "places"),
        _ => String::new(),
    }
}

fn badge(worst: Option<Severity>, count: usize) -> String {
    match (worst, count) {
        // The colour says it; a badge on nearly every box would say nothing.
        (Some(Severity::Info) | None, _) => String::new(),
        (Some(worst), 0 | 1) => worst.name().to_owned(),
        (Some(worst), more) => format!("{worst} +{}", grouped(more - 1)),
    }
}
