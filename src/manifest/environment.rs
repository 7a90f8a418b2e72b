//! Environment files: `NAME=value` by lines, as systemd reads what a unit names with `EnvironmentFile=`.

use std::fmt;

use super::text::Text;

/// The most variables of one file.
const MOST_VARIABLES: usize = 10_000;

/// The variables of a file. Of one that is set twice, the last counts.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Environment(Vec<Variable>);

#[derive(Clone, PartialEq, Eq)]
pub(super) struct Variable {
    pub(super) name: String,
    pub(super) value: Text,
    /// Whether `export` stands before it: systemd passes over such a line, a shell does not.
    pub(super) is_exported: bool,
}

impl fmt::Debug for Environment {
    /// The names alone: a value may be a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|variable| &variable.name)).finish()
    }
}

impl Environment {
    /// Reads a file; none where nothing of it is a variable.
    pub(super) fn read(text: &str) -> Option<Self> {
        let mut parser = Parser::default();
        let mut line = 1;
        for c in text.chars() {
            parser.take(c, line);
            line += u64::from(c == '\n');
        }
        if !matches!(parser.state, State::BeforeName | State::Name | State::Comment) {
            // Quotes that are not closed end with the file.
            parser.finish();
        }
        (!parser.found.is_empty()).then_some(Self(parser.found))
    }

    pub(super) fn variables(&self) -> &[Variable] {
        &self.0
    }

    /// Whether it sets a variable of that beginning.
    pub(super) fn has(&self, prefix: &str) -> bool {
        self.0.iter().any(|variable| variable.name.starts_with(prefix))
    }
}

/// Whether a shell would take it for a variable's name.
pub(super) fn is_name(name: &str) -> bool {
    let is_fine = |c: char| c.is_ascii_alphanumeric() || c == '_';
    name.chars().all(is_fine) && name.chars().next().is_some_and(|first| !first.is_ascii_digit())
}

/// Whether the name of a variable or field says that its value is a secret. What it holds is not kept.
pub(super) fn is_secret(name: &str) -> bool {
    const WORDS: [&str; 6] = ["token", "password", "passwd", "secret", "credential", "passphrase"];
    // Names of files are none: `--token-auth-file`.
    let name = name.to_ascii_lowercase();
    WORDS.iter().any(|word| name.contains(word)) && !name.ends_with("file")
}

/// Where the parser is: the states of systemd's `parse_env_file_internal` (src/basic/env-file.c).
#[derive(Clone, Copy, PartialEq, Eq, Default)]
enum State {
    #[default]
    BeforeName,
    Name,
    BeforeValue,
    Value,
    ValueEscape,
    Single,
    Double,
    DoubleEscape,
    Comment,
}

#[derive(Default)]
struct Parser {
    state: State,
    name: String,
    value: Text,
    found: Vec<Variable>,
}

impl Parser {
    fn take(&mut self, c: char, line: u64) {
        let is_end = matches!(c, '\n' | '\r');
        let is_space = c.is_ascii_whitespace();
        self.state = match self.state {
            State::BeforeName if matches!(c, '#' | ';') => State::Comment,
            State::BeforeName if is_space => State::BeforeName,
            State::Name if c == '=' => State::BeforeValue,
            State::Name if is_end => {
                self.name.clear();
                State::BeforeName
            }
            State::BeforeName | State::Name => {
                self.name.push(c);
                State::Name
            }
            State::BeforeValue | State::Value if is_end => self.finish(),
            State::BeforeValue | State::Value if c == '\\' => State::ValueEscape,
            State::BeforeValue if c == '\'' => State::Single,
            State::BeforeValue if c == '"' => State::Double,
            State::BeforeValue if is_space => State::BeforeValue,
            // A newline that is escaped joins the lines.
            State::ValueEscape if is_end => State::Value,
            State::BeforeValue | State::Value | State::ValueEscape => self.add(c, line, State::Value),
            State::Single if c == '\'' => State::BeforeValue,
            State::Single => self.add(c, line, State::Single),
            State::Double if c == '"' => State::BeforeValue,
            State::Double if c == '\\' => State::DoubleEscape,
            State::DoubleEscape if c == '\n' => State::Double,
            State::DoubleEscape if !matches!(c, '"' | '\\' | '`' | '$') => {
                self.value.push('\\', line);
                self.add(c, line, State::Double)
            }
            State::Double | State::DoubleEscape => self.add(c, line, State::Double),
            State::Comment if is_end => State::BeforeName,
            State::Comment => State::Comment,
        };
    }

    fn add(&mut self, c: char, line: u64, state: State) -> State {
        self.value.push(c, line);
        state
    }

    /// Takes in a variable at the end of its line.
    fn finish(&mut self) -> State {
        let name = std::mem::take(&mut self.name);
        let name = name.trim();
        let exported = name.strip_prefix("export ").map(str::trim_start);
        let mut value = std::mem::take(&mut self.value);
        if self.state == State::Value {
            value.trim_end();
        }
        if is_secret(name) && !value.as_str().starts_with(['-', '/']) {
            value = Text::default();
        }
        let name = exported.unwrap_or(name);
        if is_name(name) && self.found.len() < MOST_VARIABLES {
            self.found.push(Variable { name: name.to_owned(), value, is_exported: exported.is_some() });
        }
        State::BeforeName
    }
}
