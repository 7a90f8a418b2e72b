//! The door to the YAML crate: documents out of bytes, types out of documents, every mistake with
//! its line.

use serde::Deserialize;

use super::error::{ClusterError, Problem};
use crate::yaml::{self, Spanned, YamlError};

/// The most that is read of a cluster file, in bytes: some 150,000 nodes.
const LARGEST: usize = 16 * 1024 * 1024;
/// The most documents in one file. kubeadm knows seven kinds; each node may have its own.
const MOST_DOCUMENTS: usize = 20_000;
/// The most values that a short document may come to, its aliases written out.
const LEAST_VALUES: usize = 60_000;
/// The most problems that are kept; the rest is counted.
const MOST_PROBLEMS: usize = 100;

/// A text with the place it stands at.
pub(super) type Text = Spanned<String>;

/// What the file says of itself: which format this document is in.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Header {
    api_version: Option<String>,
    kind: Option<String>,
}

/// One YAML document of a file, known to be well formed.
#[derive(Debug)]
pub(super) struct Document<'a> {
    /// The document's text.
    text: &'a str,
    /// How many lines of the file stand before it.
    offset: u64,
    /// Its `apiVersion`, empty if it has none.
    pub(super) api_version: String,
    /// Its `kind`, empty if it has none.
    pub(super) kind: String,
}

/// Splits a file into its documents; those without content are left out.
pub(super) fn documents<'a>(bytes: &'a [u8], file: &str) -> Result<Vec<Document<'a>>, ClusterError> {
    let text = text_of(bytes, file)?;
    let parts = split(text);
    if let Some((offset, _)) = parts.get(MOST_DOCUMENTS) {
        let reason = format!("there are more than {MOST_DOCUMENTS} documents in the file; split it");
        return Err(ClusterError::Yaml { file: file.to_owned(), line: offset + 1, column: 1, reason });
    }
    let mut documents = Vec::new();
    for (offset, text) in parts {
        if let Some(own) = own_header(text) {
            documents.push(Document { text, offset, api_version: own.0, kind: own.1 });
            continue;
        }
        let document = Document { text, offset, api_version: String::new(), kind: String::new() };
        // `~`, nothing and comments alone are no document (kubeadm skips them too).
        if let Some(header) = document.read::<Option<Header>>(file)? {
            documents.push(Document {
                api_version: header.api_version.unwrap_or_default(),
                kind: header.kind.unwrap_or_default(),
                ..document
            });
        }
    }
    if documents.is_empty() {
        return Err(ClusterError::Empty { file: file.to_owned() });
    }
    Ok(documents)
}

fn text_of<'a>(bytes: &'a [u8], file: &str) -> Result<&'a str, ClusterError> {
    if bytes.len() > LARGEST {
        let (size, limit) = (bytes.len(), LARGEST);
        return Err(ClusterError::TooLarge { file: file.to_owned(), size, limit });
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let good = match std::str::from_utf8(bytes) {
        // A NUL is valid UTF-8, but no text: this is UTF-16 or a binary file.
        Ok(text) => match text.find('\0') {
            None => return Ok(text),
            Some(nul) => nul,
        },
        Err(error) => error.valid_up_to(),
    };
    let line = 1 + bytes.iter().take(good).filter(|byte| **byte == b'\n').count() as u64;
    Err(ClusterError::NotText { file: file.to_owned(), line })
}

/// The documents' texts, each with the number of lines before it; one more than allowed at most.
///
/// A line that begins with `---` and ends or goes on with white space separates documents wherever
/// it stands, even inside a quoted or block scalar (YAML 1.2.2 section 9.1.2, `c-forbidden`), so
/// that no parsing is needed to find it. Directives (`%YAML`) stay with what follows them.
fn split(text: &str) -> Vec<(u64, &str)> {
    let mut parts = Vec::new();
    let (mut start, mut first_line, mut position) = (0, 0, 0);
    let mut only_preamble = true;
    for (line, content) in (0..).zip(text.split_inclusive('\n')) {
        if is_marker(content) && !only_preamble {
            if parts.len() >= MOST_DOCUMENTS {
                break;
            }
            parts.extend(text.get(start..position).map(|part| (first_line, part)));
            (start, first_line) = (position, line);
        } else if !content.trim().is_empty() && !content.starts_with(['#', '%']) {
            only_preamble = false;
        }
        position += content.len();
    }
    parts.extend(text.get(start..).map(|part| (first_line, part)));
    parts
}

/// The `apiVersion` and `kind` of a document that has them as plain lines and is kpki's own: such a one may
/// have thousands of nodes, and is not to be parsed twice. Its reader checks both again.
fn own_header(text: &str) -> Option<(String, String)> {
    let value = |key: &str| text.lines().find_map(|line| line.strip_prefix(key)).map(str::trim);
    let api_version = value("apiVersion: ").filter(|value| *value == super::own::API_VERSION)?;
    let kind = value("kind: ").filter(|value| *value == super::own::KIND)?;
    Some((api_version.to_owned(), kind.to_owned()))
}

fn is_marker(line: &str) -> bool {
    line.strip_prefix("---").is_some_and(|rest| rest.chars().next().is_none_or(char::is_whitespace))
}

impl Document<'_> {
    /// Reads the document as a `T`.
    ///
    /// Keys must be unique, nesting is limited to 64, and what aliases may expand to is limited.
    pub(super) fn read<'de, T: Deserialize<'de>>(&'de self, file: &str) -> Result<T, ClusterError> {
        // A file of 150,000 nodes has a value on every tenth byte; a short one may repeat what it says.
        let most_values = (self.text.len() / 9).max(LEAST_VALUES);
        yaml::read_large(self.text, most_values).map_err(|error| {
            let YamlError { line, column, reason } = error;
            ClusterError::Yaml {
                file: file.to_owned(),
                line: self.offset + line.max(1),
                column: column.max(1),
                reason,
            }
        })
    }

    /// The line the document begins at, from 1.
    pub(super) fn line(&self) -> u64 {
        self.offset + 1
    }

    /// Notes what is wrong with the document as a whole.
    pub(super) fn refuse(&self, report: &mut Report, field: &str, reason: impl Into<String>) {
        let (line, column, field) = (self.line(), 1, field.to_owned());
        report.push(Problem { line, column, field, reason: reason.into() });
    }

    /// Where problems of this document are noted.
    pub(super) fn scope<'r>(&self, report: &'r mut Report) -> Scope<'r> {
        Scope { report, offset: self.offset }
    }
}

/// What was found while a file was judged.
#[derive(Debug, Default)]
pub(super) struct Report {
    problems: Vec<Problem>,
    more: usize,
    /// What is worth saying although the file is accepted.
    pub(super) notes: Vec<String>,
}

impl Report {
    /// Adds a problem.
    pub(super) fn push(&mut self, problem: Problem) {
        if self.problems.len() < MOST_PROBLEMS {
            self.problems.push(problem);
        } else {
            self.more += 1;
        }
    }

    /// Adds a problem that has no place in the file: something is missing.
    pub(super) fn missing(&mut self, field: &str, reason: impl Into<String>) {
        self.push(Problem { line: 0, column: 0, field: field.to_owned(), reason: reason.into() });
    }

    /// Whether nothing was refused so far.
    pub(super) fn is_clean(&self) -> bool {
        self.problems.is_empty()
    }

    /// The problems as an error, those without a place last.
    pub(super) fn into_error(mut self, file: &str) -> ClusterError {
        self.problems.sort_by_key(|problem| (problem.line == 0, problem.line, problem.column));
        ClusterError::Invalid { file: file.to_owned(), problems: self.problems, more: self.more }
    }
}

/// A [`Report`] for one document, which knows the document's place in the file.
#[derive(Debug)]
pub(super) struct Scope<'r> {
    /// The report of the whole file.
    pub(super) report: &'r mut Report,
    offset: u64,
}

impl Scope<'_> {
    /// Notes what is wrong with a value.
    pub(super) fn refuse<T>(&mut self, at: &Spanned<T>, field: &str, reason: impl Into<String>) {
        let line = self.line(at);
        let column = at.referenced.column();
        self.report.push(Problem { line, column, field: field.to_owned(), reason: reason.into() });
    }

    /// The value, or `None` and a problem.
    pub(super) fn accept<T, U, E: ToString>(
        &mut self,
        at: &Spanned<U>,
        field: &str,
        value: Result<T, E>,
    ) -> Option<T> {
        value.map_err(|error| self.refuse(at, field, error.to_string())).ok()
    }

    /// The line of a value in the file, from 1; 0 if it is not known.
    pub(super) fn line<T>(&self, at: &Spanned<T>) -> u64 {
        match at.referenced.line() {
            0 => 0,
            line => self.offset + line,
        }
    }
}

/// A text as it may be repeated in a message: short, in quotes, without control characters.
pub(super) fn quote(text: &str) -> String {
    let short: String = text.chars().take(80).collect();
    if short.len() < text.len() { format!("{short:?}…") } else { format!("{short:?}") }
}
