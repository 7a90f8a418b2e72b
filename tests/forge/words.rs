//! The mini-language: words between blanks, each `name=value`, or `name` alone for a flag.
//!
//! A value that holds blanks stands in single quotes (`cn='Root CA'`). In texts that go into a certificate `%XX` is the
//! byte XX in hexadecimal: so every byte can be written, and a comma, a semicolon or a slash where it would separate.

use std::fmt;

/// A word of the language, and whether it may stand there several times.
pub(crate) type Known = (&'static str, Often);

#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Often {
    Once,
    Many,
}

/// The words of one certificate or list, in their order.
#[derive(Clone, Default)]
pub(crate) struct Words(Vec<(String, String)>);

impl Words {
    /// Reads them; an unknown word, or one that stands there twice and may not, is an error of the test.
    #[track_caller]
    pub(crate) fn parse(text: &str, known: &[Known]) -> Self {
        let mut out: Vec<(String, String)> = Vec::new();
        for token in tokens(text) {
            let (name, value) = token.split_once('=').unwrap_or((&token, "yes"));
            let Some((_, often)) = known.iter().find(|(other, _)| *other == name) else {
                let all: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
                panic!(
                    "forge: `{name}` in `{text}` is no word of the language; these are: {}",
                    all.join(", ")
                );
            };
            assert!(
                *often == Often::Many || out.iter().all(|(other, _)| other != name),
                "forge: `{name}` stands twice in `{text}`"
            );
            out.push((name.to_owned(), value.to_owned()));
        }
        Self(out)
    }

    /// These words and others, where of a word that may stand there once the last counts.
    pub(crate) fn and(&self, more: &Self) -> Self {
        Self(self.0.iter().chain(&more.0).cloned().collect())
    }

    /// These words but one.
    pub(crate) fn without(&self, name: &str) -> Self {
        Self(self.0.iter().filter(|(other, _)| other != name).cloned().collect())
    }

    /// The value of a word; of several the last.
    pub(crate) fn one(&self, name: &str) -> Option<&str> {
        self.0.iter().rev().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    /// The values of a word that may stand there several times.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    /// The words among these that stand there, in their order.
    pub(crate) fn among(&self, names: &[&str]) -> Vec<(&str, &str)> {
        let pairs = self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        pairs.filter(|(name, _)| names.contains(name)).collect()
    }

    /// A word that says yes or no.
    #[track_caller]
    pub(crate) fn flag(&self, name: &str, default: bool) -> bool {
        match self.one(name) {
            None => default,
            Some("yes" | "true") => true,
            Some("no" | "false") => false,
            Some(other) => panic!("forge: {name}={other} is neither yes nor no"),
        }
    }

    /// A word that is a number.
    #[track_caller]
    pub(crate) fn number(&self, name: &str) -> Option<u64> {
        let number =
            |value: &str| value.parse().unwrap_or_else(|_| panic!("forge: {name}={value} is no number"));
        self.one(name).map(number)
    }
}

impl fmt::Debug for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<String> = self.0.iter().map(|(name, value)| format!("{name}={value}")).collect();
        f.write_str(&words.join(" "))
    }
}

/// The words between blanks, quotes taken off.
fn tokens(text: &str) -> Vec<String> {
    let mut out = Vec::new();
    let mut current: Option<String> = None;
    let mut quoted = false;
    for character in text.chars() {
        match character {
            '\'' => {
                quoted = !quoted;
                current.get_or_insert_default();
            }
            blank if blank.is_whitespace() && !quoted => out.extend(current.take()),
            other => current.get_or_insert_default().push(other),
        }
    }
    assert!(!quoted, "forge: a quote is not closed in `{text}`");
    out.extend(current);
    out
}

/// The bytes of a text, each `%XX` being one.
#[track_caller]
pub(crate) fn unescape(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at] == b'%' {
            out.extend(hex(text.get(at + 1..at + 3).unwrap_or("%")));
            at += 3;
        } else {
            out.push(bytes[at]);
            at += 1;
        }
    }
    out
}

/// Bytes in hexadecimal.
#[track_caller]
pub(crate) fn hex(text: &str) -> Vec<u8> {
    let wrong = || panic!("forge: `{text}` is not hexadecimal, two digits for each byte");
    if !text.len().is_multiple_of(2) || !text.is_ascii() {
        wrong();
    }
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap_or_else(|_| wrong()))
        .collect()
}

/// The other way round.
pub(crate) fn to_hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).expect("four bits");
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// The parts of a value between separators; none of an empty value.
pub(crate) fn list(value: &str, separator: char) -> impl Iterator<Item = &str> {
    value.split(separator).filter(move |_| !value.is_empty())
}

/// Words with others laid over them: of a word that may stand there once, only the later counts.
#[track_caller]
pub(crate) fn over(text: &str, more: &str, known: &[Known]) -> String {
    let merged = Words::parse(text, known).and(&Words::parse(more, known)).0;
    let is_last = |at: usize| !merged[at + 1..].iter().any(|(later, _)| *later == merged[at].0);
    let is_many = |name: &str| known.iter().any(|(other, often)| *other == name && *often == Often::Many);
    let kept = (0..merged.len()).filter(|at| is_last(*at) || is_many(&merged[*at].0));
    let words: Vec<String> = kept.map(|at| format!("'{}={}'", merged[at].0, merged[at].1)).collect();
    words.join(" ")
}
