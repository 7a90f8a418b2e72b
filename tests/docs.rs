//! The generated documents are those of this very code: `docs/rules.md` from the rules, `docs/profiles.md` from the
//! profiles, `docs/reasons.md` from the reasons of the chain room, `docs/cli.md` from what the binary says to `--help`. Relative links lead somewhere, and every
//! dependency has its line in `docs/architecture.md`.
//!
//! `KPKI_BLESS=1 cargo test --test docs` writes the generated documents anew.

#![cfg(test)]

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use kpki::profile::Catalogue;

/// The width of the help texts, in columns; without a terminal, clap takes it from the environment.
const COLUMNS: &str = "110";

/// How deep commands may be nested: `kpki sign csr` is two deep. What is deeper is a mistake of the reader of help
/// texts, or of the command line.
const DEEPEST: usize = 4;

const CLI_INTRODUCTION: &str = "\
# Commands

<!-- Written by the program from its own help; do not edit. -->

Every command says this itself with `--help`; `-h` is shorter. Results go to standard output. What is said to people
beside a result goes to standard error. The exit code is 0 when all is done, 1 when something was refused or found, and
2 when it could not be done.
";

#[test]
fn rules_are_described_as_they_are() {
    fresh("rules.md", &kpki::audit::to_markdown());
}

#[test]
fn profiles_are_described_as_they_are() {
    fresh("profiles.md", &kpki::profile::to_markdown(&Catalogue::built_in()).unwrap());
}

#[test]
fn reasons_are_described_as_they_are() {
    fresh("reasons.md", &kpki::chain::reasons_to_markdown());
}

#[test]
fn commands_are_described_as_they_are() {
    let mut text = CLI_INTRODUCTION.to_owned();
    let mut index = String::new();
    let mut sections = String::new();
    describe(&mut vec![], &mut index, &mut sections);
    let _ = write!(text, "\n{index}{sections}");
    fresh("cli.md", &text);
}

/// The sub-commands are found in a help text as clap writes it, whatever else stands there.
#[test]
fn subcommands_are_read_from_the_help() {
    let short = "Does it\n\nUsage: x <COMMAND>\n\nCommands:\n  init  Make it\n        of many lines\n  ca    CAs\n  \
                 help  Print this message\n\nOptions:\n  -h, --help  Print help\n  no    such command\n";
    let long = "Usage: x\n\nCommands:\n  one\n          First\n  two-words\n          Second\n";
    let none = "Usage: x\n\nExamples:\n  x init\n";
    for (help, expected) in [(short, vec!["init", "ca"]), (long, vec!["one", "two-words"]), (none, vec![])] {
        assert_eq!(subcommands(help), expected, "{help}");
    }
}

#[test]
fn relative_links_lead_somewhere() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let documents = std::fs::read_dir(root.join("docs")).unwrap().map(|entry| entry.unwrap().path());
    let documents = documents.chain([root.join("README.md"), root.join("CHANGELOG.md")]);
    let mut seen = 0;
    for document in documents.filter(|path| path.extension().is_some_and(|extension| extension == "md")) {
        let text = std::fs::read_to_string(&document).unwrap();
        for link in links(&text) {
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = if file.is_empty() { document.clone() } else { document.with_file_name(file) };
            assert!(target.exists(), "{}: no such file: {link}", document.display());
            if !anchor.is_empty() {
                let target = std::fs::read_to_string(&target).unwrap();
                assert!(anchors(&target).contains(anchor), "{}: no such heading: {link}", document.display());
            }
            seen += 1;
        }
    }
    assert!(seen > 20, "only {seen} links were found");
}

#[test]
fn every_dependency_is_explained() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let manifest = std::fs::read_to_string(root.join("Cargo.toml")).unwrap();
    let explained = std::fs::read_to_string(root.join("docs/architecture.md")).unwrap();
    let mut section = "";
    let mut declared = BTreeSet::new();
    for line in manifest.lines() {
        if line.starts_with('[') {
            section = line;
        } else if section.ends_with("dependencies]")
            && let Some((name, _)) = line.split_once('=')
        {
            declared.insert(name.trim().to_owned());
        }
    }
    assert!(declared.len() > 20, "{declared:?}");
    // The first cell of a row of the tables holds one name or several: | `clap`, `clap_complete` | …
    let cells = explained.lines().filter_map(|line| line.strip_prefix("| `")?.split(" |").next());
    let named: BTreeSet<String> =
        cells.flat_map(|cell| cell.split(", ")).map(|name| name.trim_matches('`').to_owned()).collect();
    let missing: Vec<_> = declared.difference(&named).collect();
    assert!(missing.is_empty(), "docs/architecture.md has no row for {missing:?}");
}

/// Compares a document with what it should be, or writes it where `KPKI_BLESS` is set.
#[track_caller]
#[expect(clippy::disallowed_methods, reason = "a document is written when that is asked for")]
fn fresh(name: &str, expected: &str) {
    let path: PathBuf = [env!("CARGO_MANIFEST_DIR"), "docs", name].iter().collect();
    if std::env::var_os("KPKI_BLESS").is_some() {
        std::fs::write(&path, expected).unwrap();
        return;
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    let differs = found.lines().zip(expected.lines()).position(|(found, expected)| found != expected);
    let line = differs.unwrap_or_else(|| found.lines().count().min(expected.lines().count()));
    assert!(
        found == expected,
        "docs/{name} is stale from line {} on:\n  it says   {:?}\n  should be {:?}\n\
         write it anew with: KPKI_BLESS=1 cargo test --test docs",
        line + 1,
        found.lines().nth(line),
        expected.lines().nth(line),
    );
}

/// Writes the help of a command and of all commands below it.
fn describe(command: &mut Vec<String>, index: &mut String, sections: &mut String) {
    let help = help(command);
    let words = [&["kpki".to_owned()], command.as_slice()].concat();
    let title = words.join(" ");
    // Headings become anchors with dashes for spaces.
    let _ = writeln!(index, "{}- [`{title}`](#{})", "  ".repeat(command.len()), title.replace(' ', "-"));
    let _ = write!(sections, "\n## {title}\n\n```text\n{}\n```\n", help.trim_end());
    let below = subcommands(&help);
    assert!(below.is_empty() || command.len() < DEEPEST, "{title} has commands {below:?}");
    for name in below {
        command.push(name.to_owned());
        describe(command, index, sections);
        command.pop();
    }
}

/// What a command says to `--help`, with no blanks at the ends of lines.
fn help(command: &[String]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_kpki"))
        .args(command)
        .arg("--help")
        .env("COLUMNS", COLUMNS)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(output.status.success(), "{command:?}: {output:?}");
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("Usage: kpki"), "{command:?}: {said}");
    said.lines().map(str::trim_end).fold(String::new(), |text, line| text + line + "\n")
}

/// The names under `Commands:`, which stand alone at an indent of two, up to the next heading.
fn subcommands(help: &str) -> Vec<&str> {
    help.lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| line.is_empty() || line.starts_with(' '))
        .filter_map(|line| line.strip_prefix("  ").filter(|rest| !rest.starts_with(' ')))
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help")
        .collect()
}

/// The targets of the links of a Markdown text that lead to files of this tree, or within the text.
fn links(text: &str) -> impl Iterator<Item = &str> {
    text.split("](").skip(1).filter_map(|rest| rest.split(')').next()).filter(|link| !link.contains("://"))
}

/// The anchors of a Markdown text's headings: lower case, dashes for spaces, nothing but letters, digits and dashes.
fn anchors(text: &str) -> BTreeSet<String> {
    text.lines()
        .filter(|line| line.starts_with('#'))
        .map(|line| {
            let title = line.trim_start_matches('#').trim().to_lowercase().replace(' ', "-");
            title.chars().filter(|c| c.is_alphanumeric() || ['-', '_'].contains(c)).collect()
        })
        .collect()
}
