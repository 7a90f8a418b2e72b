//! Certificates and keys in YAML and JSON of any shape: in texts with PEM in them, and in texts that are base64.

use super::field::{self, Wanted};
use super::node::{Node, Value};
use super::{Item, shown};
use crate::inspect::reading::Reading;
use crate::inspect::{MOST_ITEMS, sniff};

/// Fields of base64 that hold PEM and nothing else: of webhooks and API services, of objects that embed what a kubeconfig does.
const FIELDS: [(&str, Wanted); 4] = [
    ("caBundle", Wanted::Certificates),
    ("certificate-authority-data", Wanted::Certificates),
    ("client-certificate-data", Wanted::Certificates),
    ("client-key-data", Wanted::Key),
];

/// Adds what is found below a value; `done` are values that were read already.
pub(super) fn search(node: &Node, path: &str, reading: Reading<'_>, done: &[&Node], items: &mut Vec<Item>) {
    if items.len() >= MOST_ITEMS || done.iter().any(|read| std::ptr::eq(*read, node)) {
        return;
    }
    match &node.value {
        Value::Null | Value::Plain(_) => {}
        Value::Word(text) | Value::Text(text) => {
            let name = path.rsplit(['.', ']']).next().unwrap_or_default();
            match FIELDS.iter().find(|(known, _)| *known == name) {
                Some((_, wanted)) if !text.is_empty() => {
                    items.extend(field::in_base64(path, node, *wanted, reading));
                }
                _ if sniff::may_hold(text) => {
                    items.extend(
                        field::embedded(path, node.line(), text.as_bytes(), reading).unwrap_or_default(),
                    );
                }
                _ => {}
            }
        }
        Value::List(list) => {
            for (at, member) in list.iter().enumerate() {
                search(member, &format!("{path}[{at}]"), reading, done, items);
            }
        }
        Value::Map(fields) => {
            for (key, value) in fields {
                search(value, &below(path, key), reading, done, items);
            }
        }
    }
}

/// The path of a field: `a.b`, and `a[tls.crt]` where a dot would mislead.
fn below(path: &str, key: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_');
    if !key.chars().all(plain) {
        return format!("{path}[{}]", shown(key));
    }
    let dot = if path.is_empty() { "" } else { "." };
    format!("{path}{dot}{key}")
}
