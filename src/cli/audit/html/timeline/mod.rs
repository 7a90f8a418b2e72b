//! The timeline: when each certificate begins and ends.

mod axis;
mod draw;

use std::collections::BTreeMap;

use kpki::audit::Role;

use super::model::{Entry, Issuer, Model};
pub(super) use draw::drawing;

/// Up to so many certificates each has a line of its own; of more, those of a kind share one.
const ROOM: usize = 60;

/// The certificates of one line.
struct Row {
    label: &'static str,
    members: Vec<usize>,
}

/// The lines of one CA.
struct Group {
    title: String,
    rows: Vec<Row>,
}

/// All lines.
pub(super) struct Timeline {
    groups: Vec<Group>,
}

impl Timeline {
    pub(super) fn of(model: &Model<'_>) -> Self {
        let crowded = model.entries.len() > ROOM;
        let mut groups: BTreeMap<(usize, String), Vec<usize>> = BTreeMap::new();
        for (index, entry) in model.entries.iter().enumerate() {
            // A CA stands with those that it signed.
            let head = match entry.issuer {
                _ if entry.is_authority() => Some(index),
                Issuer::Itself | Issuer::Absent => None,
                other => other.above(),
            };
            let title = match head.and_then(|head| model.entries.get(head)) {
                Some(head) if crowded => (rank(head), head.label().to_owned()),
                Some(head) => (rank(head), format!("{}: {}", head.label(), head.facts.subject)),
                None if entry.issuer == Issuer::Itself => (Role::ALL.len() + 1, "self-signed".to_owned()),
                None => (Role::ALL.len() + 2, "issuer not found".to_owned()),
            };
            groups.entry(title).or_default().push(index);
        }
        let groups = groups.into_iter().map(|((_, title), members)| Group {
            title,
            rows: if crowded { kinds(model, &members) } else { one_each(model, members) },
        });
        Self { groups: groups.collect() }
    }

    /// Whether there is nothing to draw.
    pub(super) fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }
}

/// A line for each, the CA first, then the soonest end.
fn one_each(model: &Model<'_>, mut members: Vec<usize>) -> Vec<Row> {
    members.sort_by_key(|index| {
        model.entries.get(*index).map(|entry| (!entry.is_authority(), entry.facts.not_after))
    });
    let label = |index: usize| model.entries.get(index).map_or("", Entry::label);
    members.into_iter().map(|index| Row { label: label(index), members: vec![index] }).collect()
}

/// A line for each kind.
fn kinds(model: &Model<'_>, members: &[usize]) -> Vec<Row> {
    let mut kinds: BTreeMap<(usize, &'static str), Vec<usize>> = BTreeMap::new();
    for index in members {
        if let Some(entry) = model.entries.get(*index) {
            kinds.entry((rank(entry), entry.label())).or_default().push(*index);
        }
    }
    kinds.into_iter().map(|((_, label), members)| Row { label, members }).collect()
}

fn rank(entry: &Entry<'_>) -> usize {
    let role = entry.roles.first();
    role.and_then(|role| Role::ALL.iter().position(|other| other == role)).unwrap_or(Role::ALL.len())
}
