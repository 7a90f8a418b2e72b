//! Fields that are not known, by their path and line: most are slips of the pen, and what they were to say is not done.

use std::fmt::{self, Write as _};

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

use super::yaml::quote;
use crate::yaml::Spanned;

/// How many fields of one document are told.
const MOST: usize = 50;
/// How many letters a slip of the pen changes, at most.
const SLIP: usize = 2;

/// What is known of a place in a document.
#[derive(Debug, Clone, Copy)]
pub(super) enum Shape {
    /// It is a value, or somebody else's.
    Value,
    /// It has these fields.
    Fields(&'static [(&'static str, Shape)]),
    /// It is a list of such.
    Each(&'static Shape),
}

/// The names and places of a document's fields, without their values.
#[derive(Debug)]
pub(super) enum Outline {
    Map(Vec<(Spanned<String>, Self)>),
    List(Vec<Self>),
    Value,
}

/// A field that is not known.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unknown {
    /// Its path, as in `apiServer.certSans`, safe to show.
    pub(super) path: String,
    /// Its line in the document, from 1.
    pub(super) line: u64,
    /// Its column, from 1.
    pub(super) column: u64,
    /// The known field that was meant, perhaps.
    pub(super) meant: Option<&'static str>,
    /// All that are known in its place.
    pub(super) known: Vec<&'static str>,
}

/// The fields of a document that its shape does not have, in their order.
pub(super) fn unknown(outline: &Outline, shape: Shape) -> Vec<Unknown> {
    let mut found = Vec::new();
    look(outline, shape, &mut String::new(), &mut found);
    found
}

fn look(outline: &Outline, shape: Shape, path: &mut String, found: &mut Vec<Unknown>) {
    match (outline, shape) {
        (Outline::Map(fields), Shape::Fields(known)) => {
            for (key, value) in fields {
                if found.len() >= MOST {
                    return;
                }
                let length = path.len();
                if !path.is_empty() {
                    path.push('.');
                }
                let name = &key.value;
                if let Some((name, shape)) = known.iter().find(|(known, _)| known == name) {
                    path.push_str(name);
                    look(value, *shape, path, found);
                } else {
                    let quoted = quote(name);
                    let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || "-_./".contains(c));
                    path.push_str(if plain { quoted.trim_matches('"') } else { &quoted });
                    let (line, column) = (key.referenced.line(), key.referenced.column());
                    let meant = meant(name, known);
                    let known = known.iter().map(|(known, _)| *known).collect();
                    found.push(Unknown { path: path.clone(), line, column, meant, known });
                }
                path.truncate(length);
            }
        }
        (Outline::List(items), Shape::Each(shape)) => {
            for (at, item) in items.iter().enumerate() {
                let length = path.len();
                // Writing into a String does not fail.
                let _ = write!(path, "[{at}]");
                look(item, *shape, path, found);
                path.truncate(length);
            }
        }
        _ => {}
    }
}

/// The known field that a name comes close to.
fn meant(name: &str, known: &'static [(&'static str, Shape)]) -> Option<&'static str> {
    let name: String = name.chars().take(60).collect();
    let distance = |known: &str| {
        if known.eq_ignore_ascii_case(&name) {
            return 0;
        }
        strsim::damerau_levenshtein(&known.to_ascii_lowercase(), &name.to_ascii_lowercase())
    };
    let nearest = known.iter().map(|(known, _)| (distance(known), *known)).min()?;
    (nearest.0 <= SLIP && nearest.0 < nearest.1.len() / 2).then_some(nearest.1)
}

impl<'de> Deserialize<'de> for Outline {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Outline;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a document")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Outline, A::Error> {
                let mut fields = Vec::new();
                while let Some(key) = map.next_key()? {
                    fields.push((key, map.next_value()?));
                }
                Ok(Outline::Map(fields))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Outline, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = list.next_element()? {
                    items.push(item);
                }
                Ok(Outline::List(items))
            }

            fn visit_str<E>(self, _: &str) -> Result<Outline, E> {
                Ok(Outline::Value)
            }

            fn visit_bool<E>(self, _: bool) -> Result<Outline, E> {
                Ok(Outline::Value)
            }

            fn visit_i64<E>(self, _: i64) -> Result<Outline, E> {
                Ok(Outline::Value)
            }

            fn visit_u64<E>(self, _: u64) -> Result<Outline, E> {
                Ok(Outline::Value)
            }

            fn visit_i128<E>(self, _: i128) -> Result<Outline, E> {
                Ok(Outline::Value)
            }

            fn visit_u128<E>(self, _: u128) -> Result<Outline, E> {
                Ok(Outline::Value)
            }

            fn visit_f64<E>(self, _: f64) -> Result<Outline, E> {
                Ok(Outline::Value)
            }

            fn visit_bytes<E>(self, _: &[u8]) -> Result<Outline, E> {
                Ok(Outline::Value)
            }

            fn visit_unit<E>(self) -> Result<Outline, E> {
                Ok(Outline::Value)
            }
        }
        deserializer.deserialize_any(Reader)
    }
}
