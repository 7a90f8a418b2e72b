//! YAML and JSON as trees of texts with their lines.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use zeroize::Zeroizing;

use crate::x509::Printable;
use crate::yaml::{self, Spanned};

/// A value and where it stands.
pub(super) struct Node {
    line: u32,
    pub(super) value: Value,
}

/// What stands there. Numbers and truth values are texts here: nothing is calculated.
pub(super) enum Value {
    Null,
    /// What the library takes for a number or a truth value: `1e3`, `no`. It becomes the text that stands there.
    Plain(Box<Plain>),
    /// Any text may be a key, or hold one.
    Text(Zeroizing<String>),
    List(Vec<Node>),
    Map(Vec<(String, Node)>),
}

/// A number or a truth value.
pub(super) struct Plain {
    /// What the library made of it.
    fallback: String,
    /// The place of its bytes in the text, and how many they are.
    bytes: Option<(u32, u32)>,
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
            Value::Text(text) => Some(text),
            _ => None,
        }
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
            plain.bytes = place(span.byte_offset()).zip(place(span.byte_len()));
        }
        Ok(Self { line, value })
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

fn plain(value: &impl ToString) -> Value {
    Value::Plain(Box::new(Plain { fallback: value.to_string(), bytes: None }))
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

/// The most values of a text of 4 MiB or less: some 80 bytes are taken for each, 16 MiB for all.
const MOST_VALUES: usize = 200_000;

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

/// Puts the text that stands there in the place of numbers and truth values.
fn resolve(node: &mut Node, text: &str) {
    match &mut node.value {
        Value::Plain(plain) => {
            let place = |place: u32| usize::try_from(place).ok();
            let written = plain.bytes.and_then(|(from, length)| {
                let from = place(from)?;
                text.get(from..from.checked_add(place(length)?)?)
            });
            let written =
                written.map(str::trim).filter(|written| !written.is_empty() && !written.contains('\n'));
            let resolved = written.map_or_else(|| std::mem::take(&mut plain.fallback), str::to_owned);
            node.value = Value::Text(Zeroizing::new(resolved));
        }
        Value::Null | Value::Text(_) => {}
        Value::List(list) => list.iter_mut().for_each(|member| resolve(member, text)),
        Value::Map(fields) => fields.iter_mut().for_each(|(_, value)| resolve(value, text)),
    }
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
}
