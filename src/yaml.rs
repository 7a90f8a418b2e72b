//! YAML and JSON, read within bounds, and what is wrong with them in plain words.
//!
//! What a text may cost is bounded by what comes out of it, aliases written out: ten lines of aliases of aliases stand for
//! a thousand million values. Snippets of the text are in no message: a private key may stand beside a broken line.

use serde::Deserialize;
use serde_saphyr::options::{DuplicateKeyPolicy, NonFiniteFloatPolicy};
use serde_saphyr::{Error, Options};

pub(crate) use serde_saphyr::{Location, Spanned};

/// The most values of a text (scalars, lists and maps, those of aliases counted each time) unless its reader says
/// otherwise. A kubeconfig of a thousand clusters has 20,000; twenty clusters of a hostile one take 16 KiB.
const MOST_VALUES: usize = 50_000;

/// How many bytes the texts that come out may be longer than the text that they come from: what aliases repeat.
const MOST_REPEATED: usize = 1 << 20;

/// How deep values may stand in each other.
const DEEPEST: usize = 64;

/// Why a text could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct YamlError {
    /// The line, from 1; 0 where it is not known.
    pub(crate) line: u64,
    /// The column, from 1; 0 where it is not known.
    pub(crate) column: u64,
    /// What is wrong. Names of fields may stand in it as they were read.
    pub(crate) reason: String,
}

impl std::fmt::Display for YamlError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.line {
            0 => f.write_str(&self.reason),
            line => write!(f, "line {line}: {}", self.reason),
        }
    }
}

impl std::error::Error for YamlError {}

/// Reads a text of one document. Fields may not stand there twice.
pub(crate) fn read<'de, T: Deserialize<'de>>(text: &'de str) -> Result<T, YamlError> {
    read_large(text, MOST_VALUES)
}

/// The same, with another bound for its values.
pub(crate) fn read_large<'de, T: Deserialize<'de>>(
    text: &'de str,
    most_values: usize,
) -> Result<T, YamlError> {
    let text = without_mark(text);
    serde_saphyr::from_str_with_options(text, options(text, most_values)).map_err(|error| in_words(&error))
}

/// Reads every document of a text; those that are empty are left out. A field that stands there twice is handed to the
/// type twice, and what is no finite number as a text.
pub(crate) fn read_all<'de, T: Deserialize<'de>>(
    text: &'de str,
    most_values: usize,
) -> Result<Vec<T>, YamlError> {
    let text = without_mark(text);
    let mut options = options(text, most_values);
    options.duplicate_keys = DuplicateKeyPolicy::PassThrough;
    options.non_finite_float_policy = NonFiniteFloatPolicy::AsString;
    serde_saphyr::from_multiple_with_options(text, options).map_err(|error| in_words(&error))
}

/// A text as it stands in YAML, on one line, in quotes where it needs them.
pub(crate) fn scalar(text: &str) -> Result<String, YamlError> {
    let options = serde_saphyr::ser_options! { prefer_block_scalars: false };
    let mut out = String::with_capacity(text.len() + 8);
    serde_saphyr::to_fmt_writer_with_options(&mut out, &text, options).map_err(|_| YamlError {
        line: 0,
        column: 0,
        reason: "the text cannot be written in YAML".into(),
    })?;
    out.truncate(out.trim_end_matches('\n').len());
    Ok(out)
}

fn without_mark(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

fn options(text: &str, most_values: usize) -> Options {
    // Of a short text, what a few aliases come to: ten thousand bombs of 600 bytes are to cost no more than their bytes.
    let most_values = most_values.min(text.len().saturating_mul(4).saturating_add(10_000));
    serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_nodes: most_values,
            max_events: most_values.saturating_mul(3),
            max_depth: DEEPEST,
            max_documents: 20_000,
            max_aliases: 10_000,
            max_anchors: 10_000,
            max_merge_keys: 10_000,
            max_total_scalar_bytes: text.len().saturating_add(MOST_REPEATED),
            // What is kept of values with an anchor takes some 150 bytes each.
            max_recorded_anchor_events: 20_000,
            max_recorded_anchor_bytes: MOST_REPEATED,
            // One anchor that a thousand lines use is no bomb; what they come to is counted above.
            enforce_alias_anchor_ratio: false,
        },
        alias_limits: serde_saphyr::alias_limits! { max_total_replayed_events: most_values },
        // The texts of comments are not needed, and many in a row must not count against the budget.
        emit_comments: false,
        with_snippet: false,
    }
}

/// What the library says, in a person's words and without a value of the text.
fn in_words(error: &Error) -> YamlError {
    let (line, column) = error.location().map_or((0, 0), |at| (at.line(), at.column()));
    YamlError { line, column, reason: reason(error.without_snippet()) }
}

const LIST: &str = "a list is expected here, as in [a, b]";
const FIELDS: &str = "fields are expected here, as in name: value";
const TEXT: &str = "a text is expected here";
const NUMBER: &str = "a whole number is expected here";
const TOO_LARGE: &str = "it holds more than is read of one file, with what its aliases repeat";

fn reason(error: &Error) -> String {
    let words = match error {
        Error::Message { msg, .. } | Error::ExternalMessage { msg, .. } => return first_line(msg),
        Error::AliasError { error, .. } => return reason(error),
        Error::SerdeUnknownField { field, expected, .. } => {
            return format!("unknown field `{field}`, expected one of {}", expected.join(", "));
        }
        Error::SerdeUnknownVariant { variant, expected, .. } => {
            return format!("`{variant}` is unknown, expected one of {}", expected.join(", "));
        }
        Error::SerdeMissingField { field, .. } => return format!("missing field `{field}`"),
        Error::DuplicateMappingKey { key: Some(key), .. } => {
            return format!("the field {key} stands there twice");
        }
        Error::DuplicateMappingKey { key: None, .. } => "a field stands there twice",
        Error::SerdeInvalidType { expected, .. } | Error::SerdeInvalidValue { expected, .. } => {
            return expected_words(expected);
        }
        Error::Unexpected { expected, .. } => return expected_words(expected),
        Error::InvalidScalar { ty, .. } => return expected_words(ty),
        Error::SerdeInvalidLength { .. } => "the list has too few or too many elements",
        Error::InvalidBooleanStrict { .. } => "true or false is expected here",
        Error::NullIntoString { .. } => "a text is expected here, and nothing stands there",
        Error::NonFiniteFloat { .. } => "a number is expected here",
        Error::Eof { .. } => "the text ends where a value is expected",
        Error::MultipleDocuments { .. } => "several documents stand in it (after `---`), and one is expected",
        Error::InvalidUtf8Input => "it is not UTF-8",
        Error::UnknownAnchor { .. } => {
            "an alias (`*name`) stands for nothing: no value before it has that anchor (`&name`)"
        }
        Error::RecursiveReferencesRequireWeakTypes { .. } => {
            "an alias (`*name`) stands within what it stands for"
        }
        Error::MergeValueNotMapOrSeqOfMaps { .. } => "`<<` is for fields, or a list of such",
        Error::InvalidBinaryBase64 { .. } => "what is marked as !!binary is not base64",
        Error::BinaryNotUtf8 { .. } => "what is marked as !!binary is no text",
        Error::FoldedBlockScalarMustIndentContent { .. } => "the lines of a text are not indented",
        Error::UnsupportedTag { .. } | Error::TaggedScalarCannotDeserializeIntoString { .. } => {
            "a tag (`!name`) stands there, and none is expected"
        }
        Error::Budget { breach: serde_saphyr::budget::BudgetBreach::Depth { .. }, .. } => {
            "values stand more than 64 deep in each other"
        }
        Error::Budget { .. }
        | Error::AliasReplayLimitExceeded { .. }
        | Error::AliasExpansionLimitExceeded { .. }
        | Error::AliasReplayStackDepthExceeded { .. }
        | Error::AliasReplayCounterOverflow { .. } => TOO_LARGE,
        _ => "it is not YAML as it is expected here",
    };
    words.to_owned()
}

/// What a type expects: serde's own types say so in words for programmers, those of kpki in words for people.
fn expected_words(expected: &str) -> String {
    let words = match expected {
        "sequence start" | "a sequence" => LIST,
        "mapping start" | "a map" => FIELDS,
        // It stands for a number and a truth value as well.
        "string scalar" => "a single value is expected here",
        "a string" | "a borrowed string" | "str" | "string" => TEXT,
        "a boolean" | "bool" | "boolean" => "true or false is expected here",
        "i8" | "i16" | "i32" | "i64" | "i128" | "isize" | "u8" | "u16" | "u32" | "u64" | "u128" | "usize" => {
            NUMBER
        }
        "f32" | "f64" => "a number is expected here",
        expected if expected.starts_with("struct ") => FIELDS,
        expected
            if ["enum ", "tuple ", "newtype ", "unit", "variant ", "field "]
                .iter()
                .any(|kind| expected.starts_with(kind)) =>
        {
            "a value of another kind is expected here"
        }
        own => return format!("{own} is expected here"),
    };
    words.to_owned()
}

/// What the scanner of the library says, where its words are those of its trade; its place is left out, for the error has one.
fn first_line(message: &str) -> String {
    let line = message.lines().next().unwrap_or_default();
    let line = line.split(" at line ").next().unwrap_or(line);
    let words = match line {
        "simple key expected ':'" | "simple key is no longer valid" => {
            "a colon is expected after the name of a field"
        }
        "mapping values are not allowed in this context" => "a colon stands where no field can begin",
        "mapping keys are not allowed in this context" => "a field stands where none can begin",
        "block sequence entries are not allowed in this context" => {
            "an element of a list stands where none can begin"
        }
        "while parsing a block mapping, did not find expected key" => {
            "a field is expected here; is it indented as those before it?"
        }
        "while parsing a block collection, did not find expected '-' indicator" => {
            "an element of the list is expected here; is it indented as those before it?"
        }
        "while parsing node, found unknown anchor" => {
            "an alias (`*name`) stands for nothing: no value before it has that anchor (`&name`)"
        }
        line if line.starts_with("unclosed quote") => "the quote that begins here does not end",
        line if line.starts_with("unclosed bracket") => "the bracket that begins here does not end",
        line if line.contains("tab") => "a tab stands here, and YAML is indented by spaces",
        line if line.contains("EOF") => "the text ends within a list or within fields",
        line if line.contains("nesting") || line.contains("depth") => "values stand too deep in each other",
        line => line,
    };
    words.to_owned()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fmt::Write as _;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "what is read is of no interest")]
    struct Example {
        #[serde(default)]
        text: String,
        #[serde(default)]
        number: u16,
        #[serde(default)]
        yes: bool,
        #[serde(default)]
        list: Vec<String>,
        #[serde(default)]
        fields: BTreeMap<String, String>,
        #[serde(default)]
        word: Word,
        inner: Option<Inner>,
    }

    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "what is read is of no interest")]
    struct Inner {
        needed: String,
    }

    #[derive(Debug, Default, Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Word {
        #[default]
        One,
        Two,
    }

    #[test]
    fn what_is_wrong_is_said_in_plain_words_and_without_values() {
        for (text, words) in [
            ("text: [s3cret]", "line 1: a single value is expected here"),
            ("number: s3cret", "line 1: a whole number is expected here"),
            ("number: 99999999", "line 1: a whole number is expected here"),
            ("number: [s3cret]", "line 1: a single value is expected here"),
            ("yes: s3cret", "line 1: true or false is expected here"),
            ("list: s3cret", "line 1: a list is expected here, as in [a, b]"),
            ("fields: [s3cret]", "line 1: fields are expected here, as in name: value"),
            ("inner: s3cret", "line 1: fields are expected here, as in name: value"),
            ("inner: {}", "line 1: missing field `needed`"),
            ("word: three", "line 1: `three` is unknown, expected one of one, two"),
            (
                "other: 1",
                "line 1: unknown field `other`, expected one of text, number, yes, list, fields, word, inner",
            ),
            ("yes: true\nyes: true", "line 2: the field yes stands there twice"),
            ("s3cret", "line 1: fields are expected here, as in name: value"),
            ("- s3cret", "line 1: fields are expected here, as in name: value"),
            (
                "text: a\n---\ntext: b",
                "line 3: several documents stand in it (after `---`), and one is expected",
            ),
            (
                "text: *a",
                "line 1: an alias (`*name`) stands for nothing: no value before it has that anchor (`&name`)",
            ),
            ("fields: &a\n  b: *a", "line 2: an alias (`*name`) stands within what it stands for"),
            ("text: a\n\tnumber: 1", "line 1: a tab stands here, and YAML is indented by spaces"),
            ("list: [a, b", "line 1: the bracket that begins here does not end"),
            ("text: a: b", "line 1: a colon stands where no field can begin"),
            ("text: \"a", "line 1: the quote that begins here does not end"),
        ] {
            let error = read::<Example>(text).unwrap_err().to_string();
            assert_eq!(error, words, "{text:?}");
        }
        let mut deep = "list:\n".to_owned();
        for depth in 1..100 {
            deep += &" ".repeat(depth);
            deep += "a:\n";
        }
        assert_eq!(
            read::<serde::de::IgnoredAny>(&deep).unwrap_err().reason,
            "values stand more than 64 deep in each other"
        );
    }

    /// Aliases of aliases, in every place that a list may stand.
    #[test]
    fn bombs_are_refused_before_they_go_off() {
        let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..9 {
            let aliases = vec![format!("*a{}", level - 1); 10].join(", ");
            writeln!(bomb, "a{level}: &a{level} [{aliases}]").unwrap();
        }
        let large = format!("a: &a {}\nb: [{}]\n", "x".repeat(100_000), vec!["*a"; 5000].join(", "));
        let merged = format!("a: &a {{{}}}\nb:\n{}", keys(1000), "- {<<: *a}\n".repeat(1000));
        for text in [bomb, large, merged] {
            let error = read::<serde::de::IgnoredAny>(&text).unwrap_err();
            assert_eq!(error.reason, TOO_LARGE, "{}", text.get(..60).unwrap());
        }
        let used = format!("a: &a {{x: y}}\nb: [{}]\n", vec!["*a"; 5000].join(", "));
        assert!(read::<serde::de::IgnoredAny>(&used).is_ok(), "5,000 uses of one anchor are none");
    }

    fn keys(count: usize) -> String {
        (0..count).map(|number| format!("k{number}: v")).collect::<Vec<_>>().join(", ")
    }
}
