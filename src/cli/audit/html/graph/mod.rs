//! The trust graph: who signed whom.

mod draw;
mod layout;
mod told;

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};

use kpki::audit::{Role, Severity};

use super::model::{Entry, Issuer, Model};
pub(super) use draw::drawing;

/// Up to so many certificates each has a box of its own; of more, those of a kind share one.
const ROOM: usize = 44;

/// The fewest of a kind that share a box.
const FEWEST_IN_BUNDLE: usize = 3;

/// How many of a kind have a box of their own because something is wrong with them.
const TAKEN_OUT: usize = 4;

/// How many CAs of a kind have a box with those that they signed.
const MOST_AUTHORITIES: usize = 8;

/// How many levels are drawn: a hostile chain may have a thousand.
const DEEPEST: usize = 4;

/// How many issuers that are absent are drawn, and keys that stand alone.
const MOST_ABSENT: usize = 8;

/// What a box stands for.
#[derive(Debug, Clone)]
enum Shape {
    /// A certificate.
    One(usize),
    /// Several of a kind, and how many more are below them.
    Several { label: &'static str, members: Vec<usize>, below: usize },
    /// An issuer that was not found.
    Absent { name: String, count: usize },
    /// A key of which there is no certificate, by its number.
    Key(usize),
}

/// What joins a box to the one above.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Edge {
    /// A signature.
    Signed,
    /// A signature by another CA than that of its role.
    OtherAuthority,
    /// A signature by another key than its issuer's.
    AnotherKey,
    /// No signature of the CA at all.
    SelfSigned,
    /// The issuer is not there.
    Absent,
}

impl Edge {
    /// Whether it is drawn as broken.
    fn is_broken(self) -> bool {
        matches!(self, Self::OtherAuthority | Self::AnotherKey | Self::SelfSigned)
    }

    /// What is said of it in the box.
    fn words(self) -> Option<&'static str> {
        match self {
            Self::Signed | Self::Absent => None,
            Self::OtherAuthority => Some("signed by the wrong CA"),
            Self::AnotherKey => Some("signed by another key"),
            Self::SelfSigned => Some("self-signed, not by this CA"),
        }
    }
}

/// A box.
#[derive(Debug)]
struct Node {
    shape: Shape,
    edge: Edge,
    children: Vec<usize>,
}

/// All boxes.
pub(super) struct Graph {
    nodes: Vec<Node>,
    roots: Vec<usize>,
}

impl Graph {
    pub(super) fn of(model: &Model<'_>) -> Self {
        let mut builder = Builder {
            model,
            below: HashMap::new(),
            descendants: vec![0; model.entries.len()],
            crowded: model.entries.len() > ROOM,
            nodes: Vec::new(),
        };
        let (tops, absent) = builder.sort_out();
        let mut roots = builder.siblings(&tops, 0, Edge::Signed);
        roots.extend(builder.absent(absent));
        roots.extend(builder.keys());
        Self { nodes: builder.nodes, roots }
    }

    /// Whether there is nothing to draw.
    pub(super) fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }
}

struct Builder<'m, 'a> {
    model: &'m Model<'a>,
    /// Those that a certificate signed, or should have.
    below: HashMap<usize, Vec<usize>>,
    /// How many there are below each, on all levels.
    descendants: Vec<usize>,
    crowded: bool,
    nodes: Vec<Node>,
}

impl Builder<'_, '_> {
    /// Finds those that stand on top, and those whose issuer is absent, by its name.
    fn sort_out(&mut self) -> (Vec<usize>, BTreeMap<String, Vec<usize>>) {
        let mut tops = Vec::new();
        let mut absent: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (index, entry) in self.model.entries.iter().enumerate() {
            match entry.issuer {
                Issuer::Itself => tops.push(index),
                Issuer::Absent => absent.entry(entry.facts.issuer.to_string()).or_default().push(index),
                other => self.below.entry(other.above().unwrap_or(index)).or_default().push(index),
            }
        }
        // CAs that signed each other have no top: the first of a circle is taken for one.
        let mut seen = vec![false; self.model.entries.len()];
        let mut order: Vec<(usize, Option<usize>)> = Vec::new();
        let starts: Vec<usize> = tops.iter().chain(absent.values().flatten()).copied().collect();
        for start in starts {
            self.visit(start, &mut seen, &mut order);
        }
        for index in 0..seen.len() {
            if !seen.get(index).copied().unwrap_or(true) {
                tops.push(index);
                self.visit(index, &mut seen, &mut order);
            }
        }
        for (index, parent) in order.iter().rev() {
            let own = self.descendants.get(*index).copied().unwrap_or_default();
            if let Some(above) = parent.and_then(|parent| self.descendants.get_mut(parent)) {
                *above += own + 1;
            }
        }
        (tops, absent)
    }

    /// Walks over what is below a certificate, once. Edges that lead back are cut.
    fn visit(&mut self, start: usize, seen: &mut [bool], order: &mut Vec<(usize, Option<usize>)>) {
        let mut pending = vec![(start, None)];
        while let Some((index, parent)) = pending.pop() {
            match seen.get_mut(index) {
                Some(seen) if !*seen => *seen = true,
                _ => continue,
            }
            order.push((index, parent));
            if let Some(children) = self.below.get_mut(&index) {
                children.retain(|child| seen.get(*child) == Some(&false));
                pending.extend(children.iter().map(|child| (*child, Some(index))));
            }
        }
    }

    /// Makes boxes of certificates with the same issuer.
    fn siblings(&mut self, members: &[usize], depth: usize, given: Edge) -> Vec<usize> {
        let mut kinds: BTreeMap<(usize, &'static str, bool), Vec<usize>> = BTreeMap::new();
        for index in members {
            let Some(entry) = self.entry(*index) else { continue };
            let is_authority = self.below.get(index).is_some_and(|below| !below.is_empty());
            kinds.entry((rank(entry), entry.label(), is_authority)).or_default().push(*index);
        }
        let mut made = Vec::new();
        for ((_, label, is_authority), mut members) in kinds {
            let alone = if !self.crowded {
                members.len()
            } else if is_authority {
                MOST_AUTHORITIES.min(members.len())
            } else if members.len() < FEWEST_IN_BUNDLE {
                members.len()
            } else {
                members.iter().filter(|index| self.is_remarkable(**index)).count().min(TAKEN_OUT)
            };
            // The worst first where not all are seen; among equals, those with the most below them or the soonest end.
            if alone < members.len() {
                members.sort_by_key(|index| {
                    self.entry(*index).map(|entry| {
                        let below = self.descendants.get(*index).copied().unwrap_or_default();
                        (
                            !self.is_remarkable(*index),
                            Reverse(entry.worst),
                            Reverse(below),
                            entry.facts.not_after,
                        )
                    })
                });
            }
            let rest = members.split_off(alone.min(members.len()));
            for index in members {
                made.push(self.one(index, depth, given));
            }
            match rest.as_slice() {
                [] => {}
                [single] => made.push(self.one(*single, depth, given)),
                _ => {
                    let below = rest.iter().filter_map(|index| self.descendants.get(*index)).sum();
                    let edge = if rest.iter().all(|index| self.edge(*index, given).is_broken()) {
                        rest.first().map_or(given, |index| self.edge(*index, given))
                    } else {
                        given
                    };
                    made.push(self.push(Shape::Several { label, members: rest, below }, edge));
                }
            }
        }
        made
    }

    fn one(&mut self, index: usize, depth: usize, given: Edge) -> usize {
        let edge = self.edge(index, given);
        let node = self.push(Shape::One(index), edge);
        let below = self.below.get(&index).cloned().unwrap_or_default();
        let children = if below.is_empty() {
            Vec::new()
        } else if depth >= DEEPEST {
            let deeper = below.iter().filter_map(|index| self.descendants.get(*index)).sum();
            vec![self.push(Shape::Several { label: "deeper", members: below, below: deeper }, Edge::Signed)]
        } else {
            self.siblings(&below, depth + 1, Edge::Signed)
        };
        if let Some(node) = self.nodes.get_mut(node) {
            node.children = children;
        }
        node
    }

    /// Boxes of issuers that are absent, those that signed the most first.
    fn absent(&mut self, absent: BTreeMap<String, Vec<usize>>) -> Vec<usize> {
        let mut absent: Vec<(String, Vec<usize>)> = absent.into_iter().collect();
        absent.sort_by_key(|(_, members)| Reverse(members.len()));
        let rest = absent.split_off(absent.len().min(MOST_ABSENT));
        if let [first, .., _] = rest.as_slice() {
            let name = format!("{} and {} more", first.0, rest.len() - 1);
            absent.push((name, rest.into_iter().flat_map(|(_, members)| members).collect()));
        } else {
            absent.extend(rest);
        }
        let mut made = Vec::new();
        for (name, members) in absent {
            let node = self.push(Shape::Absent { name, count: members.len() }, Edge::Signed);
            let children = self.siblings(&members, 1, Edge::Absent);
            if let Some(node) = self.nodes.get_mut(node) {
                node.children = children;
            }
            made.push(node);
        }
        made
    }

    /// Boxes of the keys that stand alone and play a part, or of which something is wrong.
    fn keys(&mut self) -> Vec<usize> {
        let keys = self.model.lone_keys.iter().enumerate();
        let mut told: Vec<usize> = keys
            .filter(|(_, key)| !key.roles.is_empty() || key.worst.is_some())
            .map(|(index, _)| index)
            .collect();
        told.sort_by_key(|index| self.model.lone_keys.get(*index).map(|key| Reverse(key.worst)));
        told.truncate(MOST_ABSENT);
        told.into_iter().map(|index| self.push(Shape::Key(index), Edge::Signed)).collect()
    }

    fn edge(&self, index: usize, given: Edge) -> Edge {
        match self.entry(index).map(|entry| entry.issuer) {
            Some(Issuer::OtherAuthority(_)) => Edge::OtherAuthority,
            Some(Issuer::AnotherKey(_)) => Edge::AnotherKey,
            Some(Issuer::InsteadOf(_)) => Edge::SelfSigned,
            _ => given,
        }
    }

    fn is_remarkable(&self, index: usize) -> bool {
        self.edge(index, Edge::Signed).is_broken()
            || self.entry(index).is_some_and(|entry| entry.worst >= Some(Severity::High))
    }

    fn entry(&self, index: usize) -> Option<&Entry<'_>> {
        self.model.entries.get(index)
    }

    fn push(&mut self, shape: Shape, edge: Edge) -> usize {
        self.nodes.push(Node { shape, edge, children: Vec::new() });
        self.nodes.len() - 1
    }
}

/// The order of kinds: as the roles are listed, the unknown last.
fn rank(entry: &Entry<'_>) -> usize {
    let role = entry.roles.first();
    role.and_then(|role| Role::ALL.iter().position(|other| other == role)).unwrap_or(Role::ALL.len())
}
