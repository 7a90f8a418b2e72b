//! Files and their items as people read them.

mod objects;
mod signed;

use std::fmt::Write as _;
use std::path::Path;

use anstyle::Style;
use time::{Duration, OffsetDateTime};

use super::facts::State;
use super::view::{ContentView, FileView, ItemView};
use crate::cli::output::{self, BAD, FAINT, WARN, styled};

const STRONG: Style = Style::new().bold();

/// When people want to be warned of an end: kubeadm's own `certs check-expiration` is read monthly.
const SOON: Duration = Duration::days(30);

/// The columns of a line, beyond which lists are continued on the next one.
const WIDTH: usize = 110;
/// The columns of the labels.
const LABEL: usize = 14;

/// How what ends is styled: red once it is over or before it begins, yellow shortly before its end.
pub(super) fn style_of(state: State, until: OffsetDateTime, now: OffsetDateTime) -> Option<Style> {
    match state {
        State::Valid if until - now < SOON => Some(WARN),
        State::Valid => None,
        State::Expired | State::NotYetValid => Some(BAD),
    }
}

/// What is left of a life.
pub(super) fn expiry(
    state: State,
    from: OffsetDateTime,
    until: OffsetDateTime,
    now: OffsetDateTime,
) -> String {
    match state {
        State::NotYetValid => format!("begins in {}", output::left(from - now).trim_end_matches(" left")),
        State::Expired => output::left(until - now).replacen("ended", "expired", 1),
        State::Valid => output::left(until - now),
    }
}

/// Everything about every file.
pub(super) fn files(files: &[FileView], now: OffsetDateTime) -> String {
    let mut blocks = Vec::new();
    for file in files {
        if let Some(head) = head(file) {
            blocks.push(head);
        }
        for item in &file.items {
            add(&mut blocks, item, file, now);
        }
    }
    blocks.join("\n\n")
}

/// What is to be said of a file as a whole: of one with several items, what they are to each other.
fn head(file: &FileView) -> Option<String> {
    let several = file.items.len() > 1 || file.bundles.iter().any(|bundle| bundle.field.is_none());
    let mut lines: Vec<String> = Vec::new();
    for bundle in &file.bundles {
        let field = bundle.field.as_ref().map(|field| format!("{field}: ")).unwrap_or_default();
        let summary = format!("{field}{}", bundle.summary);
        lines.push(if matches!(bundle.order, "chain" | "anchors") { summary } else { styled(WARN, summary) });
    }
    if !several && lines.is_empty() {
        return None;
    }
    let head = format!("{}: {} with {} items", styled(STRONG, &file.file), file.encoding, file.items.len());
    let head = if several { head } else { styled(STRONG, &file.file) };
    Some(lines.iter().fold(head, |text, line| format!("{text}\n  {line}")))
}

fn add(blocks: &mut Vec<String>, item: &ItemView, file: &FileView, now: OffsetDateTime) {
    blocks.push(block(item, file, now));
    item.items.iter().for_each(|inner| add(blocks, inner, file, now));
}

/// The lines of one item.
struct Lines {
    text: String,
}

impl Lines {
    /// A labelled value; a long one is continued below itself, broken at blanks.
    fn push(&mut self, label: &str, value: impl AsRef<str>) {
        let mut column = LABEL + 2;
        let _ = write!(self.text, "\n  {label:LABEL$}");
        for (at, word) in value.as_ref().split(' ').enumerate() {
            let width = anstream::adapter::strip_str(word).to_string().chars().count();
            if at > 0 && column + width >= WIDTH {
                let _ = write!(self.text, "\n{:1$}", "", LABEL + 2);
                column = LABEL + 2;
            } else if at > 0 {
                self.text.push(' ');
                column += 1;
            }
            self.text.push_str(word);
            column += width;
        }
    }

    /// The same where there is something to say.
    fn list(&mut self, label: &str, values: &[String]) {
        if !values.is_empty() {
            self.push(label, values.join(", "));
        }
    }
}

fn block(item: &ItemView, file: &FileView, now: OffsetDateTime) -> String {
    let mut lines = Lines { text: heading(item, file) };
    match &item.content {
        ContentView::Certificate(facts) => signed::certificate(&mut lines, facts, item, now),
        ContentView::Request(facts) => signed::request(&mut lines, facts, item),
        ContentView::RevocationList(list) => signed::revocation_list(&mut lines, list, item, now),
        ContentView::PrivateKey(facts) => signed::private_key(&mut lines, facts, item),
        ContentView::PublicKey(view) => {
            signed::role(&mut lines, item.role.as_ref());
            signed::key(&mut lines, &view.key, item);
            lines.push("form", view.form);
        }
        ContentView::Kubeconfig(kubeconfig) => objects::kubeconfig(&mut lines, kubeconfig),
        ContentView::Object(object) => objects::object(&mut lines, object, item),
        ContentView::Facts(facts) => facts.iter().for_each(|fact| lines.push(fact.name, &fact.value)),
    }
    for holder in &item.mismatches {
        let place = near(&holder.place, item);
        let what = match (item.kind, holder.kind) {
            ("privateKey", kind) => format!("it is not the key of the {} in {place}", noun(kind)),
            (_, "certificate") => format!("the certificate in {place} is for another key"),
            (_, "certificateRequest") => format!("the request in {place} is for another key"),
            _ => format!("the private key in {place} is another's"),
        };
        lines.push("warning", styled(WARN, what));
    }
    for oddity in &item.oddities {
        lines.push(
            "odd",
            format!("{} {}", styled(WARN, &oddity.what), styled(FAINT, format!("({})", oddity.source))),
        );
    }
    for fault in &item.faults {
        lines.push("broken", styled(BAD, fault));
    }
    lines.text
}

/// A place as it is called from an item: without the directory that both are in.
pub(super) fn near(place: &str, item: &ItemView) -> String {
    let directory = Path::new(&item.file).parent().map(|parent| parent.to_string_lossy().into_owned());
    let near = directory.filter(|directory| !directory.is_empty()).and_then(|directory| {
        place
            .strip_prefix(&directory)?
            .strip_prefix('/')
            .filter(|rest| !rest.contains('/'))
            .map(str::to_owned)
    });
    near.unwrap_or_else(|| place.to_owned())
}

fn noun(kind: &str) -> &str {
    match kind {
        "certificateRequest" => "request",
        "publicKey" => "public key",
        other => other,
    }
}

fn heading(item: &ItemView, file: &FileView) -> String {
    let mut place = Vec::new();
    if let Some(block) = item.block {
        place.push(format!("PEM block {}", block + 1));
    } else if item.field.is_none() {
        place.push(file.encoding.to_owned());
    }
    match item.lines {
        Some((first, last)) if first == last => place.push(format!("line {first}")),
        Some((first, last)) => place.push(format!("lines {first}-{last}")),
        None => {}
    }
    let field = item.field.as_ref().map(|field| format!(" {field}")).unwrap_or_default();
    let title = if item.faults.is_empty() { item.title.clone() } else { styled(BAD, &item.title) };
    format!(
        "{}: {title} {}",
        styled(STRONG, format!("{}{field}", item.file)),
        styled(FAINT, format!("({})", place.join(", ")))
    )
}
