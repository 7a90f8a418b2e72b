//! Where the boxes of the trust graph stand: in layers from left to right, or one below the other on a narrow screen.

use super::Graph;

/// The height of a box.
pub(super) const HEIGHT: f64 = 48.0;
/// The width of a box with others to its right.
const INNER: f64 = 228.0;
/// The width of a box with nothing to its right.
const LEAF: f64 = 292.0;
/// Between a box and those to its right.
const GAP: f64 = 44.0;
/// Between boxes one below the other.
const LEADING: f64 = 10.0;
/// Between trees.
const APART: f64 = 26.0;
/// The width of the page's column.
const PAGE: f64 = 1180.0;
/// The width of a phone's.
const PHONE: f64 = 350.0;
/// By how much a box stands to the right of the one above on a phone.
const INDENT: f64 = 20.0;

/// A box in its place.
#[derive(Debug, Clone, Copy)]
pub(super) struct Placed {
    /// Its number in the graph.
    pub(super) node: usize,
    /// The number of the box above, in the list of places.
    pub(super) above: Option<usize>,
    /// Its left edge.
    pub(super) x: f64,
    /// Its upper edge.
    pub(super) y: f64,
    /// Its width.
    pub(super) width: f64,
}

/// All boxes in their places.
pub(super) struct Layout {
    /// The boxes, each after the one above it.
    pub(super) boxes: Vec<Placed>,
    /// The width of the whole.
    pub(super) width: f64,
    /// Its height.
    pub(super) height: f64,
    /// Whether it is the narrow one.
    pub(super) narrow: bool,
}

/// In layers: the CAs at the left, each in the middle of what it signed. Trees stand in two columns where there is room.
pub(super) fn wide(graph: &Graph) -> Layout {
    let mut trees = Vec::new();
    for root in &graph.roots {
        let mut tree = Layout { boxes: Vec::new(), width: 0.0, height: 0.0, narrow: false };
        place_tree(graph, *root, &mut tree);
        trees.push(tree);
    }
    let widest = trees.iter().map(|tree| tree.width).fold(0.0, f64::max);
    let columns = if trees.len() > 1 && widest * 2.0 + GAP <= PAGE { 2 } else { 1 };
    let total: f64 = trees.iter().map(|tree| tree.height + APART).sum();
    let mut layout = Layout { boxes: Vec::new(), width: 0.0, height: 0.0, narrow: false };
    let mut bottoms = vec![0.0_f64; columns];
    for tree in trees {
        // In their order as long as the first column is not full; then where there is more room.
        let first = bottoms.first().copied().unwrap_or_default();
        let second = bottoms.get(1).copied().unwrap_or(f64::INFINITY);
        let to_first = second.is_infinite()
            || first + tree.height / 2.0 <= total / 2.0 && second == 0.0
            || first <= second;
        let column = usize::from(!to_first);
        let x = if to_first { 0.0 } else { PAGE - widest };
        let Some(bottom) = bottoms.get_mut(column) else { continue };
        let start = layout.boxes.len();
        layout.boxes.extend(tree.boxes.into_iter().map(|placed| Placed {
            above: placed.above.map(|above| above + start),
            x: placed.x + x,
            y: placed.y + *bottom,
            ..placed
        }));
        layout.width = layout.width.max(x + tree.width);
        *bottom += tree.height + APART;
        layout.height = layout.height.max(*bottom - APART);
    }
    layout
}

fn place_tree(graph: &Graph, root: usize, tree: &mut Layout) {
    // Down to the boxes without others below, which get the next line; then back up.
    let mut pending = vec![(root, None::<usize>, 0_u32)];
    while let Some((node, above, depth)) = pending.pop() {
        let Some(found) = graph.nodes.get(node) else { continue };
        let x = f64::from(depth) * (INNER + GAP);
        let width = if found.children.is_empty() { LEAF } else { INNER };
        if found.children.is_empty() {
            let y = if tree.height > 0.0 { tree.height + LEADING } else { 0.0 };
            tree.boxes.push(Placed { node, above, x, y, width });
            tree.height = y + HEIGHT;
        } else {
            tree.boxes.push(Placed { node, above, x, y: 0.0, width });
        }
        let own = tree.boxes.len() - 1;
        pending.extend(found.children.iter().rev().map(|child| (*child, Some(own), depth + 1)));
        tree.width = tree.width.max(x + width);
    }
    let mut spans: Vec<Option<(f64, f64)>> = vec![None; tree.boxes.len()];
    for index in (0..tree.boxes.len()).rev() {
        let span = spans.get(index).copied().flatten();
        let Some(placed) = tree.boxes.get_mut(index) else { continue };
        if let Some((first, last)) = span {
            placed.y = f64::midpoint(first, last);
        }
        let y = placed.y;
        if let Some(span) = placed.above.and_then(|above| spans.get_mut(above)) {
            *span = Some(span.map_or((y, y), |(first, last)| (first.min(y), last.max(y))));
        }
    }
}

/// One below the other, each a little to the right of its issuer.
pub(super) fn narrow(graph: &Graph) -> Layout {
    let mut layout = Layout { boxes: Vec::new(), width: PHONE, height: 0.0, narrow: true };
    for (number, root) in graph.roots.iter().enumerate() {
        let mut y = layout.height + if number > 0 { APART } else { 0.0 };
        let mut pending = vec![(*root, None::<usize>, 0_u32)];
        while let Some((node, above, depth)) = pending.pop() {
            let Some(found) = graph.nodes.get(node) else { continue };
            let x = f64::from(depth) * INDENT;
            layout.boxes.push(Placed { node, above, x, y, width: PHONE - x });
            layout.height = y + HEIGHT;
            y += HEIGHT + LEADING;
            let own = layout.boxes.len() - 1;
            pending.extend(found.children.iter().rev().map(|child| (*child, Some(own), depth + 1)));
        }
    }
    layout
}
