//! One line for each item.

use anstyle::Style;
use time::OffsetDateTime;

use super::text::{expiry, near, style_of};
use super::view::{ContentView, FileView, ItemView};
use crate::cli::output::{self, BAD, FAINT, WARN, styled};

/// A row and how its last cell is styled.
struct Row {
    cells: Vec<String>,
    style: Option<Style>,
}

/// A table of everything.
pub(super) fn table(files: &[FileView], now: OffsetDateTime) -> String {
    let mut rows = Vec::new();
    for file in files {
        file.items.iter().for_each(|item| add(&mut rows, item, now));
    }
    let styles: Vec<Option<Style>> = rows.iter().map(|row| row.style).collect();
    let lasts: Vec<String> = rows.iter().map(|row| row.cells.last().cloned().unwrap_or_default()).collect();
    let header = ["FILE", "WHAT", "SUBJECT", "KEY", "EXPIRES"];
    let plain = output::table(&header, rows.into_iter().map(|row| row.cells));
    // Styles would count as width within a cell.
    let mut lines = plain.lines();
    let mut text = lines.next().map(str::to_owned).unwrap_or_default();
    for (line, (style, last)) in lines.zip(styles.iter().zip(&lasts)) {
        text.push('\n');
        match (style, line.strip_suffix(last.as_str())) {
            (Some(style), Some(before)) if !last.is_empty() => {
                text.push_str(before);
                text.push_str(&styled(*style, last));
            }
            (Some(style), _) if last.is_empty() => text.push_str(&styled(*style, line)),
            _ => text.push_str(line),
        }
    }
    text
}

fn add(rows: &mut Vec<Row>, item: &ItemView, now: OffsetDateTime) {
    let mut place = item.file.clone();
    if let Some(field) = &item.field {
        place = format!("  {field}");
    } else if let (Some(block), Some((line, _))) = (item.block, item.lines)
        && block > 0
    {
        place = format!("{place}:{line}");
    }
    let (subject, key, expires, mut style) = cells(item, now);
    let what = match &item.content {
        ContentView::Certificate(facts) if facts.wishes.ca => "CA certificate".to_owned(),
        _ => item.title.clone(),
    };
    if !item.faults.is_empty() {
        style = Some(BAD);
    } else if !item.mismatches.is_empty() && style.is_none() {
        style = Some(WARN);
    } else if item.kind == "unknown" {
        style = Some(FAINT);
    }
    rows.push(Row { cells: vec![place, what, subject, key, expires], style });
    item.items.iter().for_each(|inner| add(rows, inner, now));
}

/// Whose key it is, as far as the files at hand tell.
fn owner(item: &ItemView) -> String {
    if let Some(holder) = item.mismatches.first() {
        return format!("not that of {}", near(&holder.place, item));
    }
    let named = item.same_key.iter().find(|holder| holder.kind == "certificate").or(item.same_key.first());
    named.map(|holder| format!("that of {}", near(&holder.place, item))).unwrap_or_default()
}

fn cells(item: &ItemView, now: OffsetDateTime) -> (String, String, String, Option<Style>) {
    let nothing = String::new;
    let fault = item.faults.first().cloned();
    match &item.content {
        ContentView::Certificate(facts) => {
            let (from, until) = facts.life;
            let style = style_of(facts.state, until, now);
            let expires = expiry(facts.state, from, until, now);
            (facts.subject.clone(), facts.key.algorithm.clone(), expires, style)
        }
        ContentView::Request(facts) => (facts.subject.clone(), facts.key.algorithm.clone(), nothing(), None),
        ContentView::RevocationList(list) => {
            let (from, until) = list.life;
            let expires = until.map(|until| expiry(list.state, from, until, now)).unwrap_or_default();
            let style = until.and_then(|until| style_of(list.state, until, now));
            (list.issuer.clone(), nothing(), expires, style)
        }
        ContentView::PrivateKey(key) => {
            let algorithm = key.algorithm.clone().unwrap_or_else(|| "hidden".into());
            (fault.unwrap_or_else(|| owner(item)), algorithm, nothing(), None)
        }
        ContentView::PublicKey(view) => (owner(item), view.key.algorithm.clone(), nothing(), None),
        _ => (fault.unwrap_or_default(), nothing(), nothing(), None),
    }
}
