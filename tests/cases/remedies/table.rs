//! The table, by the families of the rules.

mod between;
mod certificates;
mod chains;
mod etcd;
mod files;
mod kubernetes;
mod manifests;
mod time;

use super::{Clock, Cure, Line};
use crate::desk::Desk;

/// Every line.
pub(super) fn lines() -> Vec<Line> {
    let families = [
        files::lines(),
        kubernetes::lines(),
        etcd::lines(),
        manifests::lines(),
        time::lines(),
        between::lines(),
        chains::lines(),
        certificates::lines(),
    ];
    families.into_iter().flatten().collect()
}

/// A line about a tree at `n`.
fn line(rule: &'static str, situation: &'static str, tree: fn(&Desk), cure: Cure) -> Line {
    Line { rule, situation, tree, audited: "n", saying: "", ends: "", clock: Clock::Desk, brings: &[], cure }
}

/// A line about the findings that say something.
fn saying(saying: &'static str, line: Line) -> Line {
    Line { saying, ..line }
}
