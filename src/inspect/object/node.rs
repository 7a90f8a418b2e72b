//! YAML and JSON as trees of texts with their lines.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use zeroize::Zeroizing;

use crate::x509::Printable;
use crate::yaml::{self, Spanned};

/// A value and where it stands.
pub(super) struct Node {
    line: u32,
    /// The place of its first byte in the text; 0 where that is not known.
    at: u32,
    pub(super) value: Value,
}

/// What stands there. Numbers and truth values are texts here: nothing is calculated.
pub(super) enum Value {
    Null,
    /// What the library takes for a number or a truth value: `1e3`, `no`. It becomes the word that stands there.
    Plain(Box<Plain>),
    /// A text without quotes, which others may take for a number or a truth value.
    Word(Zeroizing<String>),
    /// Any text may be a key, or hold one.
    Text(Zeroizing<String>),
    List(Vec<Node>),
    Map(Vec<(String, Node)>),
}

/// A number or a truth value.
pub(super) struct Plain {
    /// What the library made of it.
    fallback: String,
    /// How many bytes it takes in the text.
    length: u32,
}

/// What Go's YAML, and with it every client and server of Kubernetes, takes a value for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Null,
    Text,
    Number,
    Truth,
    List,
    Fields,
}

impl Kind {
    /// It in words.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Text => "a text",
            Self::Number => "a number",
            Self::Truth => "a truth value",
            Self::List => "a list",
            Self::Fields => "fields",
        }
    }
}

impl Node {
    /// Its line, from 1; 0 where it is not known.
    pub(super) fn line(&self) -> usize {
        usize::try_from(self.line).unwrap_or(0)
    }

    /// The field of an object; of several of one name the last, as the clients of Kubernetes take it.
    pub(super) fn field(&self, name: &str) -> Option<&Self> {
        let Value::Map(fields) = &self.value else { return None };
        fields.iter().rfind(|(key, _)| key == name).map(|(_, node)| node)
    }

    /// The field at the end of a path of fields.
    pub(super) fn at(&self, path: &[&str]) -> Option<&Self> {
        path.iter().try_fold(self, |node, name| node.field(name))
    }

    /// The text of a field; none where it is something else.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.field(name)?.as_text()
    }

    pub(super) fn as_text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) | Value::Word(text) => Some(text),
            _ => None,
        }
    }

    /// What Go takes it for.
    pub(super) fn kind(&self) -> Kind {
        match &self.value {
            Value::Null => Kind::Null,
            Value::Plain(_) | Value::Text(_) => Kind::Text,
            Value::Word(word) => kind_of_word(word),
            Value::List(_) => Kind::List,
            Value::Map(_) => Kind::Fields,
        }
    }

    /// Whether it is the truth value true, as Go reads it.
    pub(super) fn is_true(&self) -> bool {
        let word = self.as_text().unwrap_or_default();
        self.kind() == Kind::Truth && TRUE.contains(&word)
    }

    /// The elements of a list; none where it is something else.
    pub(super) fn list(&self) -> &[Self] {
        match &self.value {
            Value::List(list) => list,
            _ => &[],
        }
    }

    /// The fields of an object; none where it is something else.
    pub(super) fn fields(&self) -> &[(String, Self)] {
        match &self.value {
            Value::Map(fields) => fields,
            _ => &[],
        }
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<Value>::deserialize(deserializer)?;
        let line = u32::try_from(spanned.referenced.line()).unwrap_or(0);
        let span = spanned.defined.span();
        let place = |place: Option<u64>| place.and_then(|place| u32::try_from(place).ok());
        let mut value = spanned.value;
        if let Value::Plain(plain) = &mut value {
            plain.length = place(span.byte_len()).unwrap_or(0);
        }
        Ok(Self { line, at: place(span.byte_offset()).unwrap_or(0), value })
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

fn plain(value: &impl ToString) -> Value {
    Value::Plain(Box::new(Plain { fallback: value.to_string(), length: 0 }))
}

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(plain(&value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(plain(&value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(plain(&value))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(plain(&value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::Text(Zeroizing::new(value.to_owned())))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::Text(Zeroizing::new(value)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let mut nodes = Vec::new();
        while let Some(node) = list.next_element()? {
            nodes.push(node);
        }
        nodes.shrink_to_fit();
        Ok(Value::List(nodes))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut fields = Vec::new();
        while let Some(key) = map.next_key()? {
            fields.push((key, map.next_value()?));
        }
        fields.shrink_to_fit();
        Ok(Value::Map(fields))
    }
}

/// The most values of a text of 2 MiB or less: some 150 bytes are taken for each, 14 MiB for all.
const MOST_VALUES: usize = 100_000;

/// How many bytes of a text a value takes at least; a list of 10,000 certificate signing requests has one on every twentieth.
const BYTES_OF_VALUE: usize = 20;

/// Reads every document of a text.
pub(super) fn read(text: &str) -> Result<Vec<Node>, String> {
    // Places of bytes are counted from behind a mark.
    let text = text.trim_start_matches('\u{feff}');
    let most_values = MOST_VALUES.max(text.len() / BYTES_OF_VALUE);
    let mut documents: Vec<Node> =
        yaml::read_all(text, most_values).map_err(|error| Printable(&error.to_string()).to_string())?;
    for document in &mut documents {
        resolve(document, text);
    }
    Ok(documents)
}

/// Puts the text that stands there in the place of numbers and truth values, and tells words from texts in quotes.
fn resolve(node: &mut Node, text: &str) {
    let place = |place: u32| usize::try_from(place).unwrap_or(usize::MAX);
    let behind = text.get(place(node.at)..).unwrap_or_default();
    match &mut node.value {
        Value::Plain(plain) => {
            let written = behind.get(..place(plain.length)).map(str::trim);
            let written = written.filter(|written| !written.is_empty() && !written.contains('\n'));
            let resolved = written.map_or_else(|| std::mem::take(&mut plain.fallback), str::to_owned);
            node.value = Value::Word(Zeroizing::new(resolved));
        }
        Value::Text(content) => {
            // Long ones are neither numbers nor truth values, wherever they stand.
            let is_word = content.len() < 64
                && behind.starts_with(content.as_str())
                && !begins_block(text.get(..place(node.at)).unwrap_or_default());
            if is_word {
                node.value = Value::Word(std::mem::take(content));
            }
        }
        Value::Null | Value::Word(_) => {}
        Value::List(list) => list.iter_mut().for_each(|member| resolve(member, text)),
        Value::Map(fields) => fields.iter_mut().for_each(|(_, value)| resolve(value, text)),
    }
}

/// Whether what stands before a value on a line of its own is the `|` or `>` of a text of several lines.
fn begins_block(before: &str) -> bool {
    let head = before.trim_end();
    let breaks = before.get(head.len()..).is_some_and(|between| between.contains('\n'));
    breaks
        && head.trim_end_matches(|c: char| c.is_ascii_digit() || c == '-' || c == '+').ends_with(['|', '>'])
}

/// The words for true and false of YAML 1.1, as Go's YAML reads them.
const TRUE: [&str; 11] = ["y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"];
const FALSE: [&str; 11] = ["n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"];

/// What Go's YAML (`go.yaml.in/yaml/v2`, in its `resolve`) takes a text without quotes for.
fn kind_of_word(word: &str) -> Kind {
    if TRUE.contains(&word) || FALSE.contains(&word) {
        return Kind::Truth;
    }
    if matches!(word, "" | "~" | "null" | "Null" | "NULL") {
        return Kind::Null;
    }
    let digits = word.replace('_', "");
    let digits = digits.strip_prefix(['+', '-']).unwrap_or(&digits);
    let based = |prefixes: [&str; 2], base: u32| {
        let rest = prefixes.iter().find_map(|prefix| digits.strip_prefix(prefix));
        rest.is_some_and(|rest| !rest.is_empty() && rest.chars().all(|c| c.is_digit(base)))
    };
    let special =
        matches!(word.trim_start_matches(['+', '-']), ".inf" | ".Inf" | ".INF" | ".nan" | ".NaN" | ".NAN");
    if special
        || is_decimal(digits)
        || based(["0x", "0X"], 16)
        || based(["0b", "0B"], 2)
        || based(["0o", "0O"], 8)
    {
        Kind::Number
    } else {
        Kind::Text
    }
}

/// `12`, `1.5`, `.5`, `1e3`, without a sign.
fn is_decimal(text: &str) -> bool {
    let (number, exponent) = match text.split_once(['e', 'E']) {
        Some((number, exponent)) => (number, Some(exponent.strip_prefix(['+', '-']).unwrap_or(exponent))),
        None => (text, None),
    };
    let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    all_digits(whole)
        && all_digits(part)
        && !(whole.is_empty() && part.is_empty())
        && exponent.is_none_or(|exponent| !exponent.is_empty() && all_digits(exponent))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_like_something_else_is_a_text() {
        let text =
            "a: no\nb: 1e3\nc: 0x1f\nd: ~\ne: \"yes\"\nf: &x 007\ng: *x\nh: true\n1: 2\nno: [on, 1.50]\n";
        let document = &read(text).unwrap()[0];
        let words: Vec<Option<&str>> =
            ["a", "b", "c", "d", "e", "f", "g", "h", "1"].iter().map(|name| document.text(name)).collect();
        let expected = ["no", "1e3", "0x1f", "", "yes", "007", "007", "true", "2"]
            .map(|word| Some(word).filter(|word| !word.is_empty()));
        assert_eq!(words, expected);
        let list: Vec<Option<&str>> =
            document.field("no").unwrap().list().iter().map(Node::as_text).collect();
        assert_eq!(list, [Some("on"), Some("1.50")]);
        assert_eq!(document.field("no").unwrap().line(), 10);
    }

    #[test]
    fn json_is_read_as_well() {
        let text = "{\"a\": \"b\\n\", \"c\": [1, true, null, {\"d\": \"\\u00e9\\/\"}]}";
        let document = &read(text).unwrap()[0];
        assert_eq!(document.text("a"), Some("b\n"));
        assert_eq!(document.field("c").unwrap().list()[3].text("d"), Some("é/"));
    }

    /// What kubectl 1.32 did with each as the name of a user.
    #[test]
    fn words_are_what_go_takes_them_for() {
        for (kind, words) in [
            (Kind::Number, "123 1e3 0x1f 012 1_000 .inf 1.0 0o17 +1 -1 1234567890123456789012 0b11 1e5 .5"),
            (Kind::Truth, "no yes on n y true True OFF"),
            (Kind::Text, "2024-01-01 12:30 1:2:3 = << e3 . 0x 1e tru 10.0.0.1 a"),
        ] {
            for word in words.split(' ') {
                let text = format!("a: {word}\nb: \"{word}\"\nc: '{word}'\nd: |-\n  {word}\n");
                let document = &read(&text).unwrap()[0];
                let kinds = ["a", "b", "c", "d"].map(|name| document.field(name).unwrap().kind());
                assert_eq!(kinds, [kind, Kind::Text, Kind::Text, Kind::Text], "{word}");
                assert_eq!(document.text("a"), Some(word));
            }
        }
        assert!(read("a: yes").unwrap()[0].field("a").unwrap().is_true());
        assert!(!read("a: 'yes'").unwrap()[0].field("a").unwrap().is_true());
    }
}
