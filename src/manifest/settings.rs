//! Configuration files in YAML or JSON whose fields are a program's flags: etcd's, k3s' and RKE2's.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

use super::environment::is_secret;
use crate::yaml::Spanned;

/// The most values of one file that are kept.
const MOST_VALUES: usize = 10_000;

/// The fields of a file, each by the names that lead to it: `client-transport-security.cert-file`. Lists have several values, each with
/// its line. What is a secret by its name is not kept.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Settings(Vec<Field>);

#[derive(Clone, PartialEq, Eq)]
pub(super) struct Field {
    pub(super) path: String,
    pub(super) value: String,
    pub(super) line: u64,
    /// Whether it is one of a list.
    pub(super) is_listed: bool,
}

impl fmt::Debug for Settings {
    /// The names alone.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|field| &field.path)).finish()
    }
}

impl Settings {
    /// Reads a text.
    ///
    /// # Errors
    /// Why it is no object in YAML or JSON; safe to show.
    pub(super) fn read(text: &str) -> Result<Self, super::ManifestError> {
        let node: Spanned<Node> = super::read(text.as_bytes(), "configuration")?;
        let mut settings = Self::default();
        if let Node::Map(fields) = node.value {
            settings.flatten("", fields);
        }
        Ok(settings)
    }

    pub(super) fn fields(&self) -> &[Field] {
        &self.0
    }

    /// The values of a field.
    pub(super) fn values<'a>(&'a self, path: &'a str) -> impl Iterator<Item = &'a Field> {
        self.0.iter().filter(move |field| field.path == path)
    }

    /// Whether it has one of these fields, or what stands in one.
    pub(super) fn has(&self, names: &[&str]) -> bool {
        self.0.iter().any(|field| names.contains(&field.path.split('.').next().unwrap_or_default()))
    }

    fn flatten(&mut self, within: &str, fields: Vec<(String, Spanned<Node>)>) {
        for (name, node) in fields {
            let path = if within.is_empty() { name } else { format!("{within}.{name}") };
            let line = node.referenced.line();
            match node.value {
                Node::Map(fields) => self.flatten(&path, fields),
                Node::List(list) => {
                    for member in list {
                        let line = member.referenced.line();
                        if let Node::Text(value) = member.value {
                            self.push(&path, value, line, true);
                        }
                    }
                }
                Node::Text(value) => self.push(&path, value, line, false),
                Node::Null => {}
            }
        }
    }

    fn push(&mut self, path: &str, value: String, line: u64, is_listed: bool) {
        let is_kept = !is_secret(path) && self.0.len() < MOST_VALUES;
        if is_kept {
            self.0.push(Field { path: path.to_owned(), value, line, is_listed });
        }
    }
}

/// A value. Numbers and truth values are texts.
enum Node {
    Null,
    Text(String),
    List(Vec<Spanned<Self>>),
    Map(Vec<(String, Spanned<Self>)>),
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_none<E>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Text(value.to_string()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Node, E> {
        Ok(Node::Text(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Node, E> {
        Ok(Node::Text(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Node, E> {
        Ok(Node::Text(value.to_string()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Node, E> {
        Ok(Node::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Node, A::Error> {
        let mut nodes = Vec::new();
        while let Some(node) = list.next_element()? {
            nodes.push(node);
        }
        Ok(Node::List(nodes))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
        let mut fields = Vec::new();
        while let Some(key) = map.next_key()? {
            fields.push((key, map.next_value()?));
        }
        Ok(Node::Map(fields))
    }
}
