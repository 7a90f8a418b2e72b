//! The forms in which an audit is told, and where to.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::ValueEnum;
use kpki::audit::Report;
use kpki::disk::{Overwrite, Secrecy, Transaction};
use serde::Serialize;

use super::text::Telling;
use super::{html, json, junit, prometheus, sarif, text};
use crate::cli::{Failure, output};

/// The form of what is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Default)]
pub(super) enum Form {
    /// For people.
    #[default]
    Text,
    /// For programs, with everything; docs/audit.md describes it.
    Json,
    /// SARIF 2.1.0, for code hosts and editors.
    Sarif,
    /// JUnit XML, for continuous integration.
    Junit,
    /// A file for the textfile collector of Prometheus' node exporter.
    Prometheus,
    /// A page for a browser, whole in itself: the findings, who signed whom, and when what ends.
    Html,
}

/// The endings of file names by which a form is known.
const ENDINGS: [(&str, Form); 8] = [
    ("txt", Form::Text),
    ("json", Form::Json),
    ("sarif", Form::Sarif),
    ("xml", Form::Junit),
    ("prom", Form::Prometheus),
    ("html", Form::Html),
    ("htm", Form::Html),
    ("junit", Form::Junit),
];

/// A file to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct OutputFile {
    pub(super) form: Form,
    pub(super) path: PathBuf,
}

impl FromStr for OutputFile {
    type Err = String;

    /// `FORMAT=PATH`, or a path whose ending says the format.
    fn from_str(text: &str) -> Result<Self, String> {
        if let Some((word, path)) = text.split_once('=')
            && let Ok(form) = Form::from_str(word, false)
            && !path.is_empty()
        {
            return Ok(Self { form, path: path.into() });
        }
        let path = PathBuf::from(text);
        let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
        let known = ENDINGS.iter().find(|(known, _)| *known == ending);
        let (_, form) = known.ok_or_else(|| {
            let known: Vec<&str> = ENDINGS.iter().map(|(ending, _)| *ending).collect();
            format!("its ending says no format ({}); write FORMAT=PATH", known.join(", "))
        })?;
        Ok(Self { form: *form, path })
    }
}

/// What is told, and how.
pub(super) struct Told<'a> {
    pub(super) report: &'a Report,
    pub(super) telling: Telling<'a>,
    /// What was audited.
    pub(super) title: &'a str,
}

impl Told<'_> {
    /// The whole text of a form; it ends with a newline unless it is empty. Colours are in that for people.
    pub(super) fn render(&self, form: Form) -> Result<String, Failure> {
        let mut text = match form {
            Form::Text => text::of(self.report, self.telling),
            Form::Json => pretty(&json::Document::of(self.report))?,
            Form::Sarif => pretty(&sarif::Log::of(self.report, self.telling.fail_on_skipped))?,
            Form::Junit => junit::of(self.report, self.telling)?,
            Form::Prometheus => prometheus::of(self.report, self.telling.now),
            Form::Html => html::render(self.report, self.title)?,
        };
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        Ok(text)
    }

    /// Writes all files or none. One that is there is replaced.
    pub(super) fn write(&self, files: &[OutputFile]) -> Result<(), Failure> {
        if files.is_empty() {
            return Ok(());
        }
        let timestamp = self.telling.now.unix_timestamp().to_string();
        let transaction = Transaction::with_overwrite(Overwrite::Replace, &timestamp);
        for OutputFile { form, path } in files {
            let text = match form {
                Form::Text => output::without_colours(&self.render(Form::Text)?),
                form => self.render(*form)?,
            };
            let name = path
                .file_name()
                .map(Path::new)
                .ok_or_else(|| Failure::new(format!("{} is no name of a file", output::path(path))))?;
            let directory = path.parent().filter(|above| !above.as_os_str().is_empty());
            // The directory itself may be reached by a link; it must be there.
            let directory = directory.unwrap_or(Path::new("."));
            if !directory.is_dir() {
                return Err(Failure::new(format!("{} is no directory", output::path(directory)))
                    .hint("make it first: mkdir -p"));
            }
            transaction.stage(directory, name, text.as_bytes(), Secrecy::Public)?;
        }
        transaction.commit(Vec::new())?;
        Ok(())
    }
}

fn pretty(value: &impl Serialize) -> Result<String, Failure> {
    serde_json::to_string_pretty(value).map_err(|error| Failure::new(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_known_by_word_or_by_ending() {
        for (text, form, path) in [
            ("json=out/a", Form::Json, "out/a"),
            ("junit=a.json", Form::Junit, "a.json"),
            ("out/a.sarif", Form::Sarif, "out/a.sarif"),
            ("kpki.prom", Form::Prometheus, "kpki.prom"),
            ("a=b.xml", Form::Junit, "a=b.xml"),
            ("a.txt", Form::Text, "a.txt"),
        ] {
            assert_eq!(text.parse(), Ok(OutputFile { form, path: path.into() }), "{text}");
        }
        for wrong in ["", "json", "json=", "a.yaml", "yaml=a"] {
            assert!(wrong.parse::<OutputFile>().is_err(), "{wrong}");
        }
    }
}
