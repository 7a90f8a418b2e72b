//! The trust graph as SVG.

use std::collections::HashMap;

use super::layout::{HEIGHT, Layout, Placed, narrow, wide};
use super::told::Told;
use super::{Edge, Graph, Shape};
use crate::cli::audit::html::model::Model;
use crate::cli::audit::html::svg::{Number, Svg, fitted, width};
use crate::cli::audit::html::words::{counted, grouped, severity_class};

/// The most lines of which certificates with the same key are shown.
const MOST_SHARED: usize = 8;

/// The graph, for wide screens or for narrow ones. `linked` says which certificates have an element on the page.
pub(in super::super) fn drawing(
    graph: &Graph,
    model: &Model<'_>,
    for_phones: bool,
    linked: &dyn Fn(usize) -> bool,
) -> String {
    let layout = if for_phones { narrow(graph) } else { wide(graph) };
    let prefix = if for_phones { "graph-narrow" } else { "graph-wide" };
    let mut svg = Svg::default();
    // Room for strokes, for the mark of bundles and for the arcs of shared keys.
    let right = if for_phones { 4.0 } else { 34.0 };
    let view = format!("-2 -2 {} {}", Number(layout.width + right), Number(layout.height + 10.0));
    let labels = format!("{prefix}-title {prefix}-desc");
    svg.open(
        "svg",
        &[
            ("class", &"graph"),
            ("role", &"group"),
            ("aria-labelledby", &labels),
            ("viewBox", &view),
            ("width", &Number(layout.width + right)),
            ("height", &Number(layout.height + 10.0)),
        ],
    );
    svg.leaf("title", &[("id", &format!("{prefix}-title"))], "Trust graph");
    svg.leaf("desc", &[("id", &format!("{prefix}-desc"))], &description(graph, model));
    // Where lines run over each other, the broken ones lie below a sound one, and their marks above all.
    let mut edges: Vec<(Edge, &Placed, &Placed)> = layout
        .boxes
        .iter()
        .filter_map(|placed| {
            let above = layout.boxes.get(placed.above?)?;
            Some((graph.nodes.get(placed.node)?.edge, above, placed))
        })
        .collect();
    edges.sort_by_key(|(edge, _, _)| *edge == Edge::Signed);
    for (edge, above, below) in &edges {
        draw_edge(&mut svg, layout.narrow, above, below, *edge);
    }
    for (_, above, below) in edges.iter().filter(|(edge, _, _)| edge.is_broken()) {
        draw_cut(&mut svg, layout.narrow, above, below);
    }
    if !for_phones {
        draw_shared_keys(&mut svg, &layout, graph, model);
    }
    for placed in &layout.boxes {
        if let Some(node) = graph.nodes.get(placed.node) {
            draw_box(&mut svg, placed, &Told::of(node, model, linked));
        }
    }
    svg.close("svg");
    svg.finish()
}

fn description(graph: &Graph, model: &Model<'_>) -> String {
    let broken = graph.nodes.iter().filter(|node| node.edge.is_broken()).count();
    let absent = graph.nodes.iter().filter(|node| matches!(node.shape, Shape::Absent { .. })).count();
    let authorities = model.entries.iter().filter(|entry| entry.is_authority()).count();
    format!(
        "{} of which {} are CAs; {} of signature are broken, {} were not found. The list of certificates below says the same in words.",
        counted(model.entries.len(), "certificate", "certificates"),
        grouped(authorities),
        counted(broken, "line", "lines"),
        counted(absent, "issuer", "issuers"),
    )
}

fn draw_edge(svg: &mut Svg, narrow: bool, above: &Placed, below: &Placed, edge: Edge) {
    let class = match edge {
        Edge::Signed => "edge",
        Edge::Absent => "edge edge-absent",
        _ => "edge edge-broken",
    };
    let path = if narrow {
        let (x, top) = (above.x + 10.0, above.y + HEIGHT);
        format!("M{} {}V{}H{}", Number(x), Number(top), Number(middle(below)), Number(below.x))
    } else {
        let (x0, x1) = (above.x + above.width, below.x);
        let [x0, y0, x1, y1, half] =
            [x0, middle(above), x1, middle(below), f64::midpoint(x0, x1)].map(Number);
        format!("M{x0} {y0}C{half} {y0} {half} {y1} {x1} {y1}")
    };
    svg.element("path", &[("class", &class), ("d", &path)]);
}

/// The mark of a broken line.
fn draw_cut(svg: &mut Svg, narrow: bool, above: &Placed, below: &Placed) {
    let (x, y) = if narrow {
        (above.x + 10.0, middle(below))
    } else {
        (f64::midpoint(above.x + above.width, below.x), f64::midpoint(middle(above), middle(below)))
    };
    svg.element("circle", &[("class", &"cut"), ("cx", &Number(x)), ("cy", &Number(y)), ("r", &7)]);
    let cross = format!("M{} {}l6 6m0 -6l-6 6", Number(x - 3.0), Number(y - 3.0));
    svg.element("path", &[("class", &"cut-cross"), ("d", &cross)]);
}

/// Half the way down a box.
fn middle(placed: &Placed) -> f64 {
    placed.y + HEIGHT / 2.0
}

/// Joins the boxes of certificates with the same key.
fn draw_shared_keys(svg: &mut Svg, layout: &Layout, graph: &Graph, model: &Model<'_>) {
    let mut first_with: HashMap<[u8; 32], &Placed> = HashMap::new();
    let mut drawn = 0;
    for placed in &layout.boxes {
        let Some(Shape::One(index)) = graph.nodes.get(placed.node).map(|node| &node.shape) else { continue };
        let Some(entry) = model.entries.get(*index).filter(|entry| entry.key_sharers > 0) else { continue };
        let Some(key) = entry.key else { continue };
        if let Some(other) = first_with.insert(key, placed) {
            drawn += 1;
            if drawn > MOST_SHARED {
                return;
            }
            let ends = [other, placed].map(|end| (end.x + end.width, end.y + HEIGHT / 2.0));
            let bulge = ends.iter().map(|(x, _)| *x).fold(0.0, f64::max) + 26.0;
            let [(x0, y0), (x1, y1)] = ends.map(|(x, y)| (Number(x), Number(y)));
            let path = format!("M{x0} {y0}C{bulge} {y0} {bulge} {y1} {x1} {y1}", bulge = Number(bulge));
            svg.element("path", &[("class", &"edge edge-key"), ("d", &path)]);
        }
    }
}

fn draw_box(svg: &mut Svg, placed: &Placed, told: &Told) {
    let class = format!("{} is-{}", told.class, severity_class(told.severity));
    let name = told.title.replace('\n', ", ");
    match (&told.link, told.find) {
        (Some(link), Some(find)) => {
            svg.open("a", &[("href", link), ("class", &class), ("aria-label", &name), ("data-find", &find)]);
        }
        (Some(link), None) => svg.open("a", &[("href", link), ("class", &class), ("aria-label", &name)]),
        (None, _) => svg.open("g", &[("class", &class)]),
    }
    svg.leaf("title", &[], &told.title);
    if told.class.contains("box-several") {
        for (inset, down) in [(8.0, 6.0), (4.0, 3.0)] {
            draw_rect(svg, "box-behind", placed.x + inset, placed.y + down, placed.width - 2.0 * inset);
        }
    }
    draw_rect(svg, "box-face", placed.x, placed.y, placed.width);
    let stripe = format!(
        "M{} {}h-1a6 6 0 0 0 -6 6v{}a6 6 0 0 0 6 6h1z",
        Number(placed.x + 7.0),
        Number(placed.y),
        Number(HEIGHT - 12.0)
    );
    svg.element("path", &[("class", &"box-stripe"), ("d", &stripe)]);
    draw_words(svg, placed, told);
    svg.close(if told.link.is_some() { "a" } else { "g" });
}

fn draw_words(svg: &mut Svg, placed: &Placed, told: &Told) {
    let (left_edge, right_edge) = (placed.x + 16.0, placed.x + placed.width - 10.0);
    let (first, second) = (placed.y + 20.0, placed.y + 38.0);
    let mut right = right_edge;
    if !told.badge.is_empty() {
        let wide = width(&told.badge, 10.5) + 12.0;
        right -= wide;
        svg.element(
            "rect",
            &[
                ("class", &"badge"),
                ("x", &Number(right)),
                ("y", &Number(placed.y + 7.5)),
                ("width", &Number(wide)),
                ("height", &17),
                ("rx", &8.5),
            ],
        );
        svg.leaf(
            "text",
            &[
                ("class", &"badge-words"),
                ("x", &Number(right + wide / 2.0)),
                ("y", &Number(first - 0.3)),
                ("text-anchor", &"middle"),
            ],
            &told.badge,
        );
        right -= 6.0;
    }
    if told.shares_key {
        right -= 15.0;
        let x = right;
        let key = format!(
            "M{} {}a3.4 3.4 0 1 0 0.1 0zm3.2 3.4h8.3m-2 0v3m-3 -3v2.4",
            Number(x + 3.6),
            Number(placed.y + 12.0)
        );
        svg.element("path", &[("class", &"shared-key"), ("d", &key)]);
        right -= 6.0;
    }
    let label = fitted(&told.label, 13.0, right - left_edge);
    let used = width(&label, 13.0) + 8.0;
    svg.text("box-label", left_edge, first, &label);
    let room = right - left_edge - used;
    if !told.aside.is_empty() && room > 40.0 {
        svg.text("box-aside", left_edge + used, first, &fitted(&told.aside, 11.0, room));
    }
    let end_width = width(&told.end, 11.5);
    if !told.end.is_empty() {
        let class = format!("box-end {}", told.end_class);
        svg.leaf(
            "text",
            &[("class", &class), ("x", &Number(right_edge)), ("y", &Number(second)), ("text-anchor", &"end")],
            &told.end,
        );
    }
    let line = fitted(&told.line, 11.5, right_edge - left_edge - end_width - 8.0);
    svg.text(told.line_class, left_edge, second, &line);
}

fn draw_rect(svg: &mut Svg, class: &str, x: f64, y: f64, width: f64) {
    svg.element(
        "rect",
        &[
            ("class", &class),
            ("x", &Number(x)),
            ("y", &Number(y)),
            ("width", &Number(width)),
            ("height", &Number(HEIGHT)),
            ("rx", &7),
        ],
    );
}
