//! The timeline as SVG.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use time::OffsetDateTime;

use super::axis::Axis;
use super::{Row, Timeline};
use crate::cli::audit::html::model::{Entry, Model};
use crate::cli::audit::html::svg::{Number, Svg, fitted, width};
use crate::cli::audit::html::words::{NEAR, counted, day, end_class, first_end, grouped, left};

/// Where things stand across the drawing, and how high its lines are.
struct Frame {
    width: f64,
    axis: Axis,
    row: f64,
    narrow: bool,
}

/// The height of a CA's heading.
const HEADING: f64 = 34.0;
/// The height of the words along the axis.
const WORDS: f64 = 26.0;
/// The thickness of a bar.
const BAR: f64 = 10.0;
/// Ends that are no farther apart than this share a dot.
const DOT_APART: f64 = 26.0;

/// The timeline, for wide screens or for narrow ones. `linked` says which certificates have an element on the page.
pub(in super::super) fn drawing(
    timeline: &Timeline,
    model: &Model<'_>,
    for_phones: bool,
    linked: &dyn Fn(usize) -> bool,
) -> String {
    let (width, left, right, row) =
        if for_phones { (350.0, 6.0, 344.0, 38.0) } else { (1180.0, 268.0, 1050.0, 24.0) };
    let instants = model.entries.iter().flat_map(|entry| [entry.facts.not_before, entry.facts.not_after]);
    let axis = Axis::over(model.at, instants, left, right);
    let frame = Frame { width, axis, row, narrow: for_phones };
    let rows: usize = timeline.groups.iter().map(|group| group.rows.len()).sum();
    let height = WORDS * 2.0 + count(timeline.groups.len()) * HEADING + count(rows) * row + 8.0;
    let prefix = if for_phones { "timeline-narrow" } else { "timeline-wide" };
    let mut svg = Svg::default();
    svg.open(
        "svg",
        &[
            ("class", &"timeline"),
            ("role", &"group"),
            ("aria-labelledby", &format!("{prefix}-title {prefix}-desc")),
            ("viewBox", &format!("0 0 {} {}", Number(width), Number(height))),
            ("width", &Number(width)),
            ("height", &Number(height)),
        ],
    );
    svg.leaf("title", &[("id", &format!("{prefix}-title"))], "Expiry timeline");
    svg.leaf("desc", &[("id", &format!("{prefix}-desc"))], &description(model));
    draw_axis(&mut svg, &frame, height, model.at);
    let mut y = WORDS + 4.0;
    for group in &timeline.groups {
        svg.text("group-title", 2.0, y + 22.0, &fitted(&group.title, 12.5, width - 10.0));
        y += HEADING;
        for row in &group.rows {
            draw_row(&mut svg, &frame, y, row, model, linked);
            y += frame.row;
        }
    }
    svg.close("svg");
    svg.finish()
}

#[expect(clippy::cast_precision_loss, reason = "there are not 2^52 lines")]
fn count(number: usize) -> f64 {
    number as f64
}

fn description(model: &Model<'_>) -> String {
    let ended = model.entries.iter().filter(|entry| model.left(entry).is_negative()).count();
    let near = model.entries.iter().filter(|entry| end_class(model.left(entry)) == "near").count();
    format!(
        "{} on an axis that is narrower the farther away from {}; {} ended, {} within 30 days. The list of certificates below says the same in words.",
        counted(model.entries.len(), "certificate", "certificates"),
        day(model.at),
        grouped(ended),
        grouped(near),
    )
}

fn draw_axis(svg: &mut Svg, frame: &Frame, height: f64, at: OffsetDateTime) {
    let axis = frame.axis;
    let near = axis.place(at.saturating_add(NEAR));
    let (top, bottom) = (WORDS, height - WORDS);
    svg.element(
        "rect",
        &[
            ("class", &"zone"),
            ("x", &Number(axis.now)),
            ("y", &Number(top)),
            ("width", &Number(near - axis.now)),
            ("height", &Number(bottom - top)),
        ],
    );
    for tick in axis.ticks(if frame.narrow { 40.0 } else { 56.0 }) {
        let class = if tick.words == "now" { "grid now" } else { "grid" };
        let line = format!("M{} {}V{}", Number(tick.x), Number(top), Number(bottom));
        svg.element("path", &[("class", &class), ("d", &line)]);
        let half = width(tick.words, 11.0) / 2.0;
        let x = tick.x.clamp(half, frame.width - half);
        for y in [top - 8.0, bottom + 16.0] {
            let class = if tick.words == "now" { "tick tick-now" } else { "tick" };
            svg.leaf(
                "text",
                &[("class", &class), ("x", &Number(x)), ("y", &Number(y)), ("text-anchor", &"middle")],
                tick.words,
            );
        }
    }
}

fn draw_row(
    svg: &mut Svg,
    frame: &Frame,
    y: f64,
    row: &Row,
    model: &Model<'_>,
    linked: &dyn Fn(usize) -> bool,
) {
    let entries: Vec<(usize, &Entry<'_>)> =
        row.members.iter().filter_map(|index| Some((*index, model.entries.get(*index)?))).collect();
    let Some(soonest) = entries.iter().map(|(_, entry)| entry.facts.not_after).min() else { return };
    let to_soonest = soonest - model.at;
    let single = if let [single] = entries.as_slice() { Some(*single) } else { None };
    let middle = if frame.narrow { y + 26.0 } else { y + frame.row / 2.0 };
    let words_at = if frame.narrow { y + 14.0 } else { middle + 4.0 };
    let end = match single {
        Some((_, entry)) if entry.facts.not_before > model.at => {
            format!("begins {}", day(entry.facts.not_before))
        }
        Some(_) => left(to_soonest),
        None => {
            let latest = entries.iter().map(|(_, entry)| entry.facts.not_after).max();
            first_end(Some(soonest), latest, model.at)
        }
    };
    let label = match single {
        Some(_) => row.label.to_owned(),
        None => format!("{} × {}", grouped(entries.len()), row.label),
    };
    let link = match single {
        Some((index, entry)) if linked(index) => Some(format!("#{}", entry.anchor())),
        Some(_) => None,
        None => Some("#certificates".to_owned()),
    };
    let title = title(&entries, row.label, model);
    open_row(svg, link.as_deref(), single.is_none().then_some(row.label), &title);
    svg.element(
        "rect",
        &[
            ("class", &"row-face"),
            ("x", &0),
            ("y", &Number(y)),
            ("width", &Number(frame.width)),
            ("height", &Number(frame.row)),
            ("rx", &4),
        ],
    );
    draw_label(svg, frame, words_at, &label, single.map(|(_, entry)| entry), model);
    svg.leaf(
        "text",
        &[
            ("class", &format!("row-end {}", end_class(to_soonest))),
            ("x", &Number(frame.width - 6.0)),
            ("y", &Number(words_at)),
            ("text-anchor", &"end"),
        ],
        &end,
    );
    match single {
        Some((_, entry)) => draw_bar(svg, frame, middle, entry, model),
        None => draw_dots(svg, frame, middle, &entries, model),
    }
    svg.close(if link.is_some() { "a" } else { "g" });
}

fn open_row(svg: &mut Svg, link: Option<&str>, find: Option<&str>, title: &str) {
    let name = title.replace('\n', ", ");
    match (link, find) {
        (Some(link), Some(find)) => {
            svg.open("a", &[("class", &"row"), ("href", &link), ("aria-label", &name), ("data-find", &find)]);
        }
        (Some(link), None) => svg.open("a", &[("class", &"row"), ("href", &link), ("aria-label", &name)]),
        (None, _) => svg.open("g", &[("class", &"row")]),
    }
    svg.leaf("title", &[], title);
}

fn draw_label(
    svg: &mut Svg,
    frame: &Frame,
    y: f64,
    label: &str,
    single: Option<&Entry<'_>>,
    model: &Model<'_>,
) {
    let room = if frame.narrow { 220.0 } else { 238.0 };
    let label = fitted(label, 12.0, room);
    svg.text("row-label", 14.0, y, &label);
    let several = model.report.read.nodes > 1;
    let node = single.and_then(|entry| entry.places.first()).and_then(|place| place.node.as_deref());
    let used = width(&label, 12.0) + 8.0;
    if let Some(node) = node.filter(|_| several && room - used > 40.0) {
        svg.text("row-aside", 14.0 + used, y, &fitted(node, 11.0, room - used));
    }
}

/// A bar from the beginning to the end, and what is over of it paler.
fn draw_bar(svg: &mut Svg, frame: &Frame, middle: f64, entry: &Entry<'_>, model: &Model<'_>) {
    let class = end_class(model.left(entry));
    let (start, end) = (frame.axis.place(entry.facts.not_before), frame.axis.place(entry.facts.not_after));
    let start = start.min(end);
    let end = end.max(start + 2.0);
    let over = frame.axis.now.clamp(start, end);
    let mut bar = |class: &str, from: f64, to: f64| {
        if to - from > 0.2 {
            svg.element(
                "rect",
                &[
                    ("class", &class),
                    ("x", &Number(from)),
                    ("y", &Number(middle - BAR / 2.0)),
                    ("width", &Number(to - from)),
                    ("height", &Number(BAR)),
                    ("rx", &2),
                ],
            );
        }
    };
    bar(&format!("bar bar-over {class}"), start, over);
    bar(&format!("bar {class}"), over, end);
    svg.element(
        "circle",
        &[("class", &format!("dot {class}")), ("cx", &Number(end)), ("cy", &Number(middle)), ("r", &6)],
    );
}

/// A dot for the ends that are near each other, with their number.
fn draw_dots(svg: &mut Svg, frame: &Frame, middle: f64, entries: &[(usize, &Entry<'_>)], model: &Model<'_>) {
    let mut ends: Vec<(f64, OffsetDateTime)> = entries
        .iter()
        .map(|(_, entry)| (frame.axis.place(entry.facts.not_after), entry.facts.not_after))
        .collect();
    ends.sort_by_key(|(_, end)| *end);
    if let (Some((first, _)), Some((last, _))) = (ends.first(), ends.last()) {
        let line = format!("M{} {}H{}", Number(*first), Number(middle), Number(*last));
        svg.element("path", &[("class", &"span"), ("d", &line)]);
    }
    // What has ended, what is near its end and the rest are never in the same dot.
    let mut dots: BTreeMap<usize, Vec<(f64, OffsetDateTime)>> = BTreeMap::new();
    let mut number = 0;
    let mut previous: Option<(f64, &'static str)> = None;
    for (x, end) in ends {
        let class = end_class(end - model.at);
        if previous.is_none_or(|(start, before)| x - start > DOT_APART || before != class) {
            number += 1;
            previous = Some((x, class));
        }
        dots.entry(number).or_default().push((x, end));
    }
    for dot in dots.values() {
        let (Some((first_x, first)), Some((last_x, last))) = (dot.first(), dot.last()) else { continue };
        let x = f64::midpoint(*first_x, *last_x);
        let class = end_class(*first - model.at);
        let radius = (5.0 + count(dot.len()).ln() * 1.4).min(11.0);
        svg.open("g", &[("class", &"dots")]);
        let mut title =
            format!("{} {} {}", grouped(dot.len()), if dot.len() == 1 { "ends" } else { "end" }, day(*first));
        if day(*first) != day(*last) {
            let _ = write!(title, " to {}", day(*last));
        }
        svg.leaf("title", &[], &title);
        svg.element(
            "circle",
            &[
                ("class", &format!("dot {class}")),
                ("cx", &Number(x)),
                ("cy", &Number(middle)),
                ("r", &Number(radius)),
            ],
        );
        if dot.len() > 1 {
            svg.leaf(
                "text",
                &[
                    ("class", &"dot-count"),
                    ("x", &Number(x)),
                    ("y", &Number(middle + 3.2)),
                    ("text-anchor", &"middle"),
                ],
                &short(dot.len()),
            );
        }
        svg.close("g");
    }
}

/// A number for a dot: `999`, `12k`.
fn short(number: usize) -> String {
    if number < 1000 { number.to_string() } else { format!("{}k", number / 1000) }
}

fn title(entries: &[(usize, &Entry<'_>)], label: &str, model: &Model<'_>) -> String {
    let mut title = match entries {
        [(_, entry)] => format!("{label}: {}", entry.facts.subject),
        _ => format!("{label}: {}", counted(entries.len(), "certificate", "certificates")),
    };
    if let [(_, entry)] = entries {
        let _ = write!(
            title,
            "\nvalid {} to {}, {}",
            day(entry.facts.not_before),
            day(entry.facts.not_after),
            left(model.left(entry))
        );
    }
    title
}
