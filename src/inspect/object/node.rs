//! YAML and JSON as trees of texts with their lines.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use zeroize::Zeroizing;

use crate::x509::Printable;

/// A value and where it stands.
pub(super) struct Node {
    /// Its line, from 1; 0 where it is not known.
    pub(super) line: usize,
    pub(super) value: Value,
}

/// What stands there. Numbers and truth values are texts here: nothing is calculated.
pub(super) enum Value {
    Null,
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
        Ok(Self { line, value: spanned.value })
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

fn text(text: &impl ToString) -> Value {
    Value::Text(Zeroizing::new(text.to_string()))
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
        Ok(text(&value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(text(&value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(text(&value))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(text(&value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(text(&value))
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
        while let Some(key) = map.next_key::<Value>()? {
            let Value::Text(key) = key else { return Err(A::Error::custom("a key that is no text")) };
            fields.push((key.to_string(), map.next_value()?));
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
    serde_saphyr::from_multiple_with_options(text, options)
        .map_err(|error| Printable(&error.to_string()).to_string())
}
