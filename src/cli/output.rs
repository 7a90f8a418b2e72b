//! The only place that prints. Colour is for terminals; a reader who has gone away is no failure.

use std::fmt;
use std::io::{self, Write as _};

use anstream::ColorChoice;
use anstyle::{AnsiColor, Style};
use clap::ValueEnum;
use comfy_table::{ContentArrangement, Table, presets};
use kpki::x509::Printable;
use serde::Serialize;

use super::Failure;

pub(crate) use kpki::clock::{in_words as instant, rfc3339};

/// The form of what is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Default)]
pub(crate) enum Format {
    /// For people.
    #[default]
    Text,
    /// For programs.
    Json,
}

pub(crate) const GOOD: Style = AnsiColor::Green.on_default();
pub(crate) const BAD: Style = AnsiColor::Red.on_default().bold();
pub(crate) const WARN: Style = AnsiColor::Yellow.on_default();
pub(crate) const FAINT: Style = Style::new().dimmed();

/// A text in a style.
pub(crate) fn styled(style: Style, text: impl fmt::Display) -> String {
    format!("{style}{text}{style:#}")
}

/// Prints to standard output.
pub(crate) fn print(text: impl fmt::Display) -> Result<(), Failure> {
    let stream = io::stdout();
    write(anstream::AutoStream::choice(&stream), stream, text)
}

/// Prints to standard error, for people, when standard output carries something else.
pub(crate) fn inform(text: impl fmt::Display) -> Result<(), Failure> {
    let stream = io::stderr();
    write(anstream::AutoStream::choice(&stream), stream, text)
}

fn write(choice: ColorChoice, mut stream: impl io::Write, text: impl fmt::Display) -> Result<(), Failure> {
    // In one piece: a report line by line is a call of the system for each.
    let mut text = format!("{text}\n");
    if choice == ColorChoice::Never {
        text = anstream::adapter::strip_str(&text).to_string();
    }
    match stream.write_all(text.as_bytes()).and_then(|()| stream.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::new(format!("cannot print: {error}")))
        }
        _ => Ok(()),
    }
}

/// Prints exactly these bytes to standard output.
pub(crate) fn print_bytes(bytes: &[u8]) -> Result<(), Failure> {
    let mut stream = io::stdout().lock();
    match stream.write_all(bytes).and_then(|()| stream.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::new(format!("cannot print: {error}")))
        }
        _ => Ok(()),
    }
}

/// Prints a value as JSON, indented, to standard output.
pub(crate) fn print_json(value: &impl Serialize) -> Result<(), Failure> {
    let mut text = serde_json::to_string_pretty(value).map_err(|error| Failure::new(error.to_string()))?;
    text.push('\n');
    print_bytes(text.as_bytes())
}

/// A table without lines, as kubectl prints them.
pub(crate) fn table(header: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    if !header.is_empty() {
        table.set_header(header);
    }
    for row in rows {
        table.add_row(row);
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    let lines: Vec<String> = table.to_string().lines().map(|line| line.trim_end().to_owned()).collect();
    lines.join("\n")
}

/// Rows in columns without a header; the last column as it is.
pub(crate) fn rows(rows: impl IntoIterator<Item = Vec<String>>) -> String {
    table(&[], rows)
}

/// How much time is left, in the largest unit that tells: `364 d left`, `5 h left`, `ended 3 d ago`.
pub(crate) fn left(duration: time::Duration) -> String {
    let amount = |duration: time::Duration| match duration {
        _ if duration >= time::Duration::DAY => format!("{} d", duration.whole_days()),
        _ if duration >= time::Duration::HOUR => format!("{} h", duration.whole_hours()),
        _ if duration >= time::Duration::MINUTE => format!("{} min", duration.whole_minutes()),
        _ => format!("{} s", duration.whole_seconds()),
    };
    if duration.is_negative() {
        format!("ended {} ago", amount(duration.abs()))
    } else {
        format!("{} left", amount(duration))
    }
}

/// A text without its colours.
pub(crate) fn without_colours(text: &str) -> String {
    anstream::adapter::strip_str(text).to_string()
}

/// A path safe to show.
pub(crate) fn path(path: &std::path::Path) -> String {
    Printable(&path.to_string_lossy()).to_string()
}
