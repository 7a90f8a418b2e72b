//! What lies in what was given and was not read: nothing that no rule has seen is taken for fine.

use super::answers::Place;
use super::report::{Gap, Location, Skipped, Unread};
use super::rules::leads_beside;
use super::{ATTRIBUTES_ONLY, File, FileKind, Node, NodeKind, Target};
use crate::disk::LEFT_OUT;
use crate::inspect::{Content, Item};

/// The most files that are named because they cannot be read.
const MOST: usize = 500;

/// What of a node was not read.
pub(super) fn of_node(node: &Node) -> Unread {
    let mut unread = Unread { others: node.incomplete.len(), ..Unread::default() };
    for (index, file) in node.files.iter().enumerate() {
        match &file.kind {
            FileKind::Regular(Err(_)) => unread.files += 1,
            FileKind::Directory(Err(reason)) if !is_by_design(reason) => unread.directories += 1,
            FileKind::Link(target)
                if node.resolve(&file.on_node) == Target::Outside && !leads_beside(node, index, target) =>
            {
                unread.files += 1;
            }
            _ => {}
        }
    }
    let is_silent = node.kind != NodeKind::Store && !node.files.iter().any(bears_on_pki);
    match node.name.clone().filter(|_| is_silent) {
        Some(name) => Unread { nodes: vec![name], ..Unread::default() },
        None => unread,
    }
}

/// Whether a directory was left out because nothing of a PKI is in such.
pub(super) fn is_by_design(reason: &str) -> bool {
    reason == ATTRIBUTES_ONLY || reason == LEFT_OUT
}

/// Whether something is in a file that the audit judges: a thing of a PKI, or a configuration that names such.
pub(super) fn bears_on_pki(file: &File) -> bool {
    let Some(contents) = file.contents() else { return false };
    let is_thing = |item: &Item| match &item.content {
        Content::Unknown { .. } | Content::Object(_) => false,
        // An empty file, or one that cannot be looked into: only its name says that it is one of a PKI.
        Content::Broken { what: "file", .. } => file.promise().is_some(),
        _ => true,
    };
    contents.items.iter().any(is_thing)
        || contents.document.is_some()
        || contents.credentials.is_some()
        || contents.inventory.is_some()
}

/// Says what was left out of a node as a whole.
pub(super) fn tell(node: &Node, unread: &Unread, skipped: &mut Vec<Skipped>) {
    let location = || Location { node: node.name.clone(), ..Location::default() };
    skipped.extend(node.launched.doubts.iter().map(|doubt| Skipped {
        gap: Gap::NotGiven,
        rule: None,
        location: node.location(&Place::line(doubt.file, doubt.line)),
        reason: doubt.reason.clone(),
    }));
    skipped.extend(node.incomplete.iter().map(|reason| Skipped {
        gap: Gap::Unread,
        rule: None,
        location: location(),
        reason: reason.clone(),
    }));
    if !unread.nodes.is_empty() {
        let reason =
            "nothing of a PKI was read of this node: give its /etc/kubernetes, its PKI directory or its root";
        skipped.push(Skipped {
            gap: Gap::Unread,
            rule: None,
            location: location(),
            reason: reason.to_owned(),
        });
    }
}

/// Names the files that could not be read, where the rule that does so was not asked for.
pub(super) fn name(node: &Node, skipped: &mut Vec<Skipped>) {
    let reason = |file: &File| match &file.kind {
        FileKind::Regular(Err(reason)) => Some(format!("what is in it is not known: {reason}")),
        FileKind::Directory(Err(reason)) if !is_by_design(reason) => {
            Some(format!("not all of it was looked at: {reason}"))
        }
        FileKind::Special(what) => Some(format!("it is {what}, which is not opened")),
        _ => None,
    };
    let mut found = node.files.iter().enumerate().filter_map(|(index, file)| Some((index, reason(file)?)));
    skipped.extend(found.by_ref().take(MOST).map(|(index, reason)| Skipped {
        gap: Gap::Unread,
        rule: None,
        location: node.location(&Place::file(index)),
        reason,
    }));
    let more = found.count();
    if more > 0 {
        let location = Location { node: node.name.clone(), ..Location::default() };
        let reason = format!("and {more} more that were not read");
        skipped.push(Skipped { gap: Gap::Unread, rule: None, location, reason });
    }
}
