//! The report as one page that needs nothing else: `templates/report.html` with two drawings in it.

mod graph;
mod model;
mod page;
mod svg;
#[cfg(test)]
mod tests;
mod timeline;
mod words;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use kpki::audit::Report;
use kpki::x509::sha256;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, UndefinedBehavior, Value, context};

use self::graph::Graph;
use self::model::Model;
use self::timeline::Timeline;
use crate::cli::Failure;

const TEMPLATE: &str = include_str!("../../../../templates/report.html");

/// The page of a report. `title` says what was audited.
pub(crate) fn render(report: &Report, title: &str) -> Result<String, Failure> {
    let model = Model::of(report);
    let (page, linked) = page::page(&model, title);
    let linked = |index: usize| linked.get(index) == Some(&true);
    let graph = Graph::of(&model);
    let timeline = Timeline::of(&model);
    let draw_graph =
        |for_phones| Value::from_safe_string(graph::drawing(&graph, &model, for_phones, &linked));
    let draw_timeline =
        |for_phones| Value::from_safe_string(timeline::drawing(&timeline, &model, for_phones, &linked));
    let context = context! {
        page => Value::from(Serde(&page)),
        policy => policy(),
        has_graph => !graph.is_empty(),
        graph_wide => draw_graph(false),
        graph_narrow => draw_graph(true),
        has_timeline => !timeline.is_empty(),
        timeline_wide => draw_timeline(false),
        timeline_narrow => draw_timeline(true),
    };
    let mut environment = Environment::new();
    // Whatever the template is called: all that is put into it is text.
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?);
    environment.add_template("report.html", TEMPLATE)?;
    Ok(environment.get_template("report.html")?.render(context)?)
}

/// The page's Content-Security-Policy: its own style and script by their digests, and nothing else.
fn policy() -> String {
    let source = |open: &str, close: &str| {
        let text =
            TEMPLATE.split_once(open).and_then(|(_, rest)| rest.split_once(close)).map(|(text, _)| text);
        format!("'sha256-{}'", BASE64_STANDARD.encode(sha256(text.unwrap_or_default().as_bytes())))
    };
    format!(
        "default-src 'none'; style-src {}; script-src {}; img-src data:; base-uri 'none'; form-action 'none'",
        source("<style>", "</style>"),
        source("<script>", "</script>")
    )
}
