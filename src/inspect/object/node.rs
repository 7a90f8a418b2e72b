//! YAML and JSON as trees of texts with their lines.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use zeroize::Zeroizing;

use crate::x509::Printable;

/// A value and where it stands.
pub(super) struct Node {
    /// Its line, from 1; 0 where it is not known.
    pub(super) line: usize,
    pub(super) value: Value,
    /// The place of its bytes in the text.
    bytes: Option<(usize, usize)>,
}

/// What stands there. Numbers and truth values are texts here: nothing is calculated.
pub(super) enum Value {
    Null,
    /// What the library takes for a number or a truth value: `1e3`, `no`. It becomes the text that stands there.
    Plain(String),
    /// Any text may be a key, or hold one.
    Text(Zeroizing<String>),
    List(Vec<Node>),
    Map(Vec<(String, Node)>),
}

impl Node {
    /// The field of an object.
    pub(super) fn field(&self, name: &str) -> Option<&Self> {
        let Value::Map(fields) = &self.value else { return None };
        fields.iter().find(|(key, _)| key == name).map(|(_, node)| node)
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
        let spanned = serde_saphyr::Spanned::<Value>::deserialize(deserializer)?;
        let line = usize::try_from(spanned.referenced.line()).unwrap_or(0);
        let span = spanned.defined.span();
        let place = |place: Option<u64>| place.and_then(|place| usize::try_from(place).ok());
        let bytes = place(span.byte_offset()).zip(place(span.byte_len()));
        Ok(Self { line, value: spanned.value, bytes })
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

fn plain(value: &impl ToString) -> Value {
    Value::Plain(value.to_string())
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
        Ok(Value::List(nodes))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut fields = Vec::new();
        while let Some(key) = map.next_key()? {
            fields.push((key, map.next_value()?));
        }
        Ok(Value::Map(fields))
    }
}

/// Reads every document of a text.
pub(super) fn read(text: &str) -> Result<Vec<Node>, String> {
    // Snippets in messages would show what stands around a broken line: a private key, perhaps.
    let options = serde_saphyr::options! {
        with_snippet: false,
        budget: serde_saphyr::budget! {
            // The limits of the library, four times: a list of many objects has many lines beside their data.
            max_nodes: 1_000_000,
            max_events: 4_000_000,
        },
    };
    let mut documents: Vec<Node> = serde_saphyr::from_multiple_with_options(text, options)
        .map_err(|error| Printable(&error.to_string()).to_string())?;
    for document in &mut documents {
        resolve(document, text);
    }
    Ok(documents)
}

/// Puts the text that stands there in the place of numbers and truth values.
fn resolve(node: &mut Node, text: &str) {
    match &mut node.value {
        Value::Plain(fallback) => {
            let written = node.bytes.and_then(|(from, length)| text.get(from..from.checked_add(length)?));
            let written =
                written.map(str::trim).filter(|written| !written.is_empty() && !written.contains('\n'));
            let resolved = written.map_or_else(|| std::mem::take(fallback), str::to_owned);
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
        assert_eq!(document.field("no").unwrap().line, 10);
    }

    #[test]
    fn json_is_read_as_well() {
        let text = "{\"a\": \"b\\n\", \"c\": [1, true, null, {\"d\": \"\\u00e9\\/\"}]}";
        let document = &read(text).unwrap()[0];
        assert_eq!(document.text("a"), Some("b\n"));
        assert_eq!(document.field("c").unwrap().list()[3].text("d"), Some("é/"));
    }
}
