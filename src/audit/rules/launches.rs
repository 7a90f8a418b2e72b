//! How the components of a node are launched, for rules that look at what is not among their flags.

use super::Answers;
use crate::audit::Node;
use crate::manifest::{Component, Launch};

/// A component of which every flag is known. Where it runs and some may not be known, that is skipped.
pub(super) fn whole<'a>(node: &'a Node, component: Component, answers: &mut Answers) -> Option<&'a Launch> {
    let whole = node.whole_launch(component);
    if whole.is_none()
        && let (Some(place), reason) = node.not_known(component)
    {
        answers.skip(place, reason);
    }
    whole
}
