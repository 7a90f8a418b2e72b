//! Objects of Kubernetes: kubeconfigs, Secrets, `ConfigMaps`, requests, lists of them, and certificates in any other.

mod kubeconfig;
mod node;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::Serialize;
use zeroize::Zeroizing;

use self::node::{Node, Value};
use super::{Content, Item, Place, sniff};
use crate::x509::Printable;

pub(crate) use self::kubeconfig::without_user;
pub use self::kubeconfig::{Context as KubeContext, KubeCluster, KubeUser, Kubeconfig, Reference};

/// The most that is shown of a name from an object, in characters: Kubernetes' own limit for names is 253.
const LONGEST_NAME: usize = 253;

/// A Kubernetes object.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Object {
    /// Its `apiVersion`, safe to show.
    pub api_version: String,
    /// Its `kind`, safe to show.
    pub kind: String,
    /// Its namespace, safe to show.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Its name, safe to show.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Fields of it that say something about what it holds, by their names in Kubernetes; safe to show.
    pub settings: Vec<Setting>,
    /// What else is in its data: the key, safe to show, and the length in bytes.
    pub other_data: Vec<(String, usize)>,
}

/// A field of an object, by its name in Kubernetes, and its value, safe to show.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Setting {
    /// The field.
    pub name: &'static str,
    /// Its value.
    pub value: String,
}

impl Object {
    /// What it is, for people: `Secret default/web`.
    pub fn title(&self) -> String {
        let kind = if self.kind.is_empty() { "object without a kind" } else { &self.kind };
        match (&self.namespace, &self.name) {
            (Some(namespace), Some(name)) => format!("{kind} {namespace}/{name}"),
            (None, Some(name)) => format!("{kind} {name}"),
            _ => kind.to_owned(),
        }
    }

    fn of(node: &Node) -> Self {
        let name = |field| node.at(&["metadata", field]).and_then(Node::as_text).map(shown);
        Self {
            api_version: node.text("apiVersion").map(shown).unwrap_or_default(),
            kind: node.text("kind").map(shown).unwrap_or_default(),
            namespace: name("namespace"),
            name: name("name"),
            settings: Vec::new(),
            other_data: Vec::new(),
        }
    }

    fn set(&mut self, name: &'static str, value: Option<impl AsRef<str>>) {
        if let Some(value) = value {
            self.settings.push(Setting { name, value: shown(value.as_ref()) });
        }
    }
}

/// A text from an object, safe to show and not too long.
fn shown(text: &str) -> String {
    let end = text.char_indices().nth(LONGEST_NAME).map_or(text.len(), |(at, _)| at);
    let rest = if end < text.len() { "…" } else { "" };
    format!("{}{rest}", Printable(text.get(..end).unwrap_or(text)))
}

/// Reads every object of a text.
pub(super) fn read(text: &str, depth: usize) -> Result<Vec<Item>, String> {
    let documents = node::read(text)?;
    if documents.is_empty() {
        return Err("there is no document in it".into());
    }
    Ok(documents.iter().map(|document| item(document, "", depth)).collect())
}

/// One object; `within` is its place in a list.
fn item(node: &Node, within: &str, depth: usize) -> Item {
    let object = Object::of(node);
    let mut item = match (object.kind.as_str(), object.api_version.as_str()) {
        ("Config" | "", "v1" | "") if kubeconfig::is_one(node) => kubeconfig::item(node, within, depth),
        (kind, _) if node.field("items").is_some() && (kind.is_empty() || kind.ends_with("List")) => {
            list(node, object, within, depth)
        }
        ("Secret", _) => secret(node, object, within, depth),
        ("ConfigMap", _) => config_map(node, object, within, depth),
        ("CertificateSigningRequest", _) => request(node, object, within, depth),
        _ => other(node, object, within, depth),
    };
    if node.line() > 0 {
        item.place.lines = Some((node.line(), node.line()));
    }
    item.place.field = Some(within.trim_end_matches('.').to_owned()).filter(|within| !within.is_empty());
    item
}

fn list(node: &Node, object: Object, within: &str, depth: usize) -> Item {
    let members = node.field("items").map(Node::list).unwrap_or_default();
    let items =
        members.iter().enumerate().map(|(at, member)| item(member, &format!("{within}items[{at}]."), depth));
    let items = items.collect();
    finish(object, items)
}

fn finish(object: Object, items: Vec<Item>) -> Item {
    let mut item = Item::new(Content::Object(Box::new(object)));
    item.items = items;
    item
}

/// What a field holds, decoded: items with the field's name and line, or its length where it is nothing of a PKI.
fn embedded(field: &str, line: usize, bytes: &[u8], depth: usize) -> Result<Vec<Item>, usize> {
    let (_, mut items) = sniff::read(bytes, depth + 1);
    if items.iter().all(|item| matches!(item.content, Content::Unknown { .. })) {
        return Err(bytes.len());
    }
    for item in &mut items {
        place(item, field, line);
    }
    Ok(items)
}

/// Puts an item that was found in a field, and everything in it, where the field is.
fn place(item: &mut Item, field: &str, line: usize) {
    let field = match item.place.field.take() {
        Some(inner) => format!("{field}: {inner}"),
        None => field.to_owned(),
    };
    item.place = Place {
        field: Some(field.clone()),
        block: item.place.block,
        lines: (line > 0).then_some((line, line)),
    };
    item.items.iter_mut().for_each(|inner| place(inner, &field, line));
}

/// A text in base64, decoded; a line break or a blank within is allowed, as Kubernetes' clients allow it.
fn decode(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    // Reserved in full at once: a buffer that grows leaves copies behind.
    let mut packed = Zeroizing::new(String::with_capacity(text.len()));
    packed.extend(text.chars().filter(|c| !c.is_ascii_whitespace()));
    BASE64_STANDARD.decode(packed.as_bytes()).ok().map(Zeroizing::new)
}

/// Something whose field should be base64 and is not.
fn not_base64(field: &str, line: usize) -> Item {
    let mut item = Item::broken("field", format!("{field} is not base64"));
    place(&mut item, field, line);
    item
}

/// Reads the entries of `data`, `stringData`, `binaryData`.
fn entries(
    node: &Node,
    which: &str,
    in_base64: bool,
    within: &str,
    depth: usize,
    object: &mut Object,
) -> Vec<Item> {
    let mut items = Vec::new();
    for (key, value) in node.field(which).map(Node::fields).unwrap_or_default() {
        let field = format!("{within}{which}[{}]", shown(key));
        let Some(text) = value.as_text() else { continue };
        let decoded = if in_base64 { decode(text) } else { Some(Zeroizing::new(text.as_bytes().to_vec())) };
        match decoded {
            None => items.push(not_base64(&field, value.line())),
            Some(bytes) if bytes.is_empty() => object.other_data.push((shown(key), 0)),
            Some(bytes) => match embedded(&field, value.line(), &bytes, depth) {
                Ok(found) => items.extend(found),
                Err(length) => object.other_data.push((shown(key), length)),
            },
        }
    }
    items
}

fn secret(node: &Node, mut object: Object, within: &str, depth: usize) -> Item {
    let kind = node.text("type").unwrap_or("Opaque");
    object.set("type", Some(kind));
    let mut items = entries(node, "data", true, within, depth, &mut object);
    items.extend(entries(node, "stringData", false, within, depth, &mut object));
    let mut faults = Vec::new();
    if kind == "kubernetes.io/tls" {
        for (key, wanted) in [("tls.crt", "certificate"), ("tls.key", "privateKey")] {
            let holds = |item: &Item| {
                let field = item.place.field.as_deref().unwrap_or_default();
                field.ends_with(&format!("[{key}]"))
                    && matches!(item.kind(), kind if kind == wanted || kind == "broken")
            };
            if !items.iter().any(holds) {
                let what = if wanted == "certificate" { "certificate" } else { "private key" };
                faults.push(format!("it is of type kubernetes.io/tls and {key} holds no {what}"));
            }
        }
    }
    let mut item = finish(object, items);
    item.faults = faults;
    item
}

fn config_map(node: &Node, mut object: Object, within: &str, depth: usize) -> Item {
    let mut items = entries(node, "data", false, within, depth, &mut object);
    items.extend(entries(node, "binaryData", true, within, depth, &mut object));
    finish(object, items)
}

/// A `CertificateSigningRequest` of certificates.k8s.io: the request, and the certificate once it is issued.
fn request(node: &Node, mut object: Object, within: &str, depth: usize) -> Item {
    let spec = |field| node.at(&["spec", field]);
    let words = |field| {
        let list = spec(field).map(Node::list).unwrap_or_default();
        let words: Vec<&str> = list.iter().filter_map(Node::as_text).collect();
        (!words.is_empty()).then(|| words.join(", "))
    };
    object.set("signerName", spec("signerName").and_then(Node::as_text));
    object.set("usages", words("usages"));
    object.set("expirationSeconds", spec("expirationSeconds").and_then(Node::as_text));
    object.set("username", spec("username").and_then(Node::as_text));
    object.set("groups", words("groups"));
    let conditions = node.at(&["status", "conditions"]).map(Node::list).unwrap_or_default();
    let mut states: Vec<&str> = conditions.iter().filter_map(|condition| condition.text("type")).collect();
    if states.is_empty() {
        states.push("Pending");
    }
    object.set("condition", Some(states.join(", ")));
    let mut items = Vec::new();
    let mut faults = Vec::new();
    for (path, needed) in [(["spec", "request"], true), (["status", "certificate"], false)] {
        let field = format!("{within}{}", path.join("."));
        match node.at(&path).filter(|value| value.as_text().is_some_and(|text| !text.is_empty())) {
            Some(value) => items.extend(in_base64(&field, value, depth)),
            None if needed => faults.push(format!("{field} is missing")),
            None => {}
        }
    }
    let mut item = finish(object, items);
    item.faults = faults;
    item
}

/// What a field in base64 holds, which must be something of a PKI.
fn in_base64(field: &str, value: &Node, depth: usize) -> Vec<Item> {
    let Some(bytes) = value.as_text().and_then(decode) else { return vec![not_base64(field, value.line())] };
    embedded(field, value.line(), &bytes, depth).unwrap_or_else(|length| {
        let mut item =
            Item::broken("field", format!("{field} holds {length} bytes that are nothing of a PKI"));
        place(&mut item, field, value.line());
        vec![item]
    })
}

/// Any other object: certificates are where a text has PEM in it, and in fields of base64 that are known to hold them.
fn other(node: &Node, object: Object, within: &str, depth: usize) -> Item {
    let mut items = Vec::new();
    search(node, within.trim_end_matches('.'), depth, &mut items);
    if items.is_empty() && object.kind.is_empty() {
        return Item::new(Content::Unknown { bytes: 0 });
    }
    finish(object, items)
}

/// Fields of base64 that hold PEM: of webhooks and API services, of objects that embed what a kubeconfig does.
const FIELDS: [&str; 4] =
    ["caBundle", "certificate-authority-data", "client-certificate-data", "client-key-data"];

fn search(node: &Node, path: &str, depth: usize, items: &mut Vec<Item>) {
    match &node.value {
        Value::Null | Value::Plain(_) => {}
        Value::Text(text) if text.contains("-----BEGIN ") => {
            items.extend(embedded(path, node.line(), text.as_bytes(), depth).unwrap_or_default());
        }
        Value::Text(text) => {
            let name = path.rsplit(['.', ']']).next().unwrap_or_default();
            if FIELDS.contains(&name) && !text.is_empty() {
                items.extend(in_base64(path, node, depth));
            }
        }
        Value::List(list) => {
            for (at, member) in list.iter().enumerate() {
                search(member, &format!("{path}[{at}]"), depth, items);
            }
        }
        Value::Map(fields) => {
            for (key, value) in fields {
                let dot = if path.is_empty() { "" } else { "." };
                search(value, &format!("{path}{dot}{}", shown(key)), depth, items);
            }
        }
    }
}
