//! What a rule that looks at a whole tree says.

use std::sync::Arc;

use super::evidence::Cert;
use super::{Authorities, Fact, Gap, Location, Node, Policy, Record, Reference};
use crate::inspect::Item;

/// What a rule of one node looks at.
#[derive(Debug, Clone, Copy)]
pub struct Scene<'a> {
    /// The node.
    pub node: &'a Node,
    /// What is asked.
    pub policy: &'a Policy,
    /// The CAs of all nodes.
    pub authorities: &'a Authorities,
}

/// What is kept of a node once its own rules have looked.
#[derive(Debug, Clone)]
pub struct NodeSummary {
    /// Its name; safe to show.
    pub name: Option<Arc<str>>,
    /// What it is.
    pub kind: super::NodeKind,
    /// Its records in [`Estate::records`].
    pub records: std::ops::Range<usize>,
    /// What the CAs whose certificates are there say that they have issued.
    pub inventories: Vec<super::Kept>,
    /// What it shows to others, by which CAs it judges them, and whom it calls.
    pub(super) sides: super::rules::Sides,
}

/// What a rule of all nodes looks at.
#[derive(Debug, Clone, Copy)]
pub struct Estate<'a> {
    /// The nodes.
    pub nodes: &'a [NodeSummary],
    /// Their certificates and keys.
    pub records: &'a [Record],
    /// What is asked.
    pub policy: &'a Policy,
}

impl<'a> Estate<'a> {
    /// The records of a node with their numbers.
    pub fn numbered(&self, node: &NodeSummary) -> impl Iterator<Item = (usize, &'a Record)> + use<'a> {
        node.records.clone().zip(self.of(node))
    }

    /// The records of a node.
    pub fn of(&self, node: &NodeSummary) -> &'a [Record] {
        self.records.get(node.records.clone()).unwrap_or_default()
    }
}

/// Where something stands: by the number of its file on a node, or of its record among all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Place {
    /// The file's number in [`Node::files`].
    pub file: Option<usize>,
    /// The record's number in [`Estate::records`].
    pub record: Option<usize>,
    /// The node's number in [`Estate::nodes`], where no record of it is meant.
    pub node: Option<usize>,
    /// Where it is, of something on a node of the estate that has no record.
    pub location: Option<Arc<Location>>,
    /// The line, from 1.
    pub line: Option<usize>,
    /// The PEM block, from 0.
    pub block: Option<usize>,
    /// The field.
    pub field: Option<Arc<str>>,
}

impl Place {
    /// Nowhere in particular: the node, or all of them.
    pub fn nowhere() -> Self {
        Self::default()
    }

    /// A file as a whole.
    pub fn file(file: usize) -> Self {
        Self { file: Some(file), ..Self::default() }
    }

    /// A line of a file; 0 where it is not known.
    pub fn line(file: usize, line: u64) -> Self {
        let line = usize::try_from(line).ok().filter(|line| *line > 0);
        Self { line, ..Self::file(file) }
    }

    /// An item of a file.
    pub fn of_item(file: usize, item: &Item) -> Self {
        Self {
            line: item.place.lines.map(|(first, _)| first),
            block: item.place.block,
            field: item.place.field.as_deref().map(Arc::from),
            ..Self::file(file)
        }
    }

    /// A node of the estate, as a whole.
    pub fn node(node: usize) -> Self {
        Self { node: Some(node), ..Self::default() }
    }

    /// A record of the estate.
    pub fn record(record: usize) -> Self {
        Self { record: Some(record), ..Self::default() }
    }
}

impl From<Cert<'_>> for Place {
    fn from(cert: Cert<'_>) -> Self {
        cert.place()
    }
}

impl From<&Reference> for Place {
    fn from(reference: &Reference) -> Self {
        Self::line(reference.file, reference.line)
    }
}

impl From<usize> for Place {
    /// The file of that number.
    fn from(file: usize) -> Self {
        Self::file(file)
    }
}

/// The most that one rule says of one node; what is more is counted.
const MOST: usize = 500;

/// What a rule says of a node, or of all. A rule that says nothing had nothing to look at.
#[derive(Debug, Default)]
pub struct Answers {
    pub(super) looked: usize,
    pub(super) facts: Vec<Fact>,
    pub(super) more_facts: usize,
    pub(super) skipped: Vec<(Place, Gap, String)>,
    pub(super) more_skipped: usize,
}

impl Answers {
    /// It looked at something. Whether that is well is another question: see [`Answers::fail`].
    pub fn look(&mut self) {
        self.looked += 1;
    }

    /// Something is wrong. The fact may be given another severity or another remedy.
    pub fn fail(&mut self, place: impl Into<Place>, message: impl Into<String>) -> &mut Fact {
        self.looked += 1;
        if self.facts.len() > MOST {
            self.more_facts += 1;
            self.facts.pop();
        }
        self.facts.push(Fact { place: Some(place.into()), ..Fact::new(message) });
        // It was pushed a line above.
        let last = self.facts.len() - 1;
        &mut self.facts[last]
    }

    /// Something could not be judged, because of what was not given.
    pub fn skip(&mut self, place: impl Into<Place>, reason: impl Into<String>) {
        self.leave(place, Gap::NotGiven, reason);
    }

    /// Something could not be judged, for a reason of this kind.
    pub fn leave(&mut self, place: impl Into<Place>, gap: Gap, reason: impl Into<String>) {
        if self.skipped.len() < MOST {
            self.skipped.push((place.into(), gap, reason.into()));
        } else {
            self.more_skipped += 1;
        }
    }
}
