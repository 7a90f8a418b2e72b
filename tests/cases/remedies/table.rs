//! The table, by the families of the rules.

mod files;
mod kubernetes;
mod time;

use super::Line;

/// Every line.
pub(super) fn lines() -> Vec<Line> {
    [files::lines(), kubernetes::lines(), time::lines()].into_iter().flatten().collect()
}
