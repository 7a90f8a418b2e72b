//! The table, by the families of the rules.

mod kubernetes;
mod time;

use super::Line;

/// Every line.
pub(super) const LINES: &[&[Line]] = &[kubernetes::LINES, time::LINES];
