//! Objects of Kubernetes: kubeconfigs, Secrets, `ConfigMaps`, requests, lists of them, and certificates in any other.

mod field;
mod kubeconfig;
mod node;
mod search;
mod unusable;

use std::collections::HashMap;

use serde::Serialize;
use zeroize::Zeroizing;

use self::field::Wanted;
use self::node::Node;
use self::search::search;
use super::{Content, Encoding, Item, MOST_ITEMS, Place, sniff};
use crate::inspect::reading::Reading;
use crate::pem;
use crate::x509::Printable;

pub(crate) use self::kubeconfig::without_user;
pub use self::kubeconfig::{Context as KubeContext, KubeCluster, KubeUser, Kubeconfig, Reference};
pub use self::unusable::{Correction, Part as KubePart, Unusable};

/// The most that is shown of a name from an object, in characters: Kubernetes' own limit for names is 253.
const LONGEST_NAME: usize = 253;

/// A Kubernetes object.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Object {
    /// Its `apiVersion`, safe to show.
    pub api_version: String,
    /// Its `kind`, safe to show; empty where it is no object of Kubernetes.
    pub kind: String,
    /// What it is by its shape, where it says no kind.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub what: Option<&'static str>,
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
        let kind =
            if self.kind.is_empty() { self.what.unwrap_or("data of no known kind") } else { &self.kind };
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
            what: shape(node),
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

/// What data are that say no kind.
fn shape(node: &Node) -> Option<&'static str> {
    let has = |fields: &[&str]| fields.iter().all(|field| node.field(field).is_some());
    if node.text("version") == Some("v1alpha1") && (has(&["machine"]) || has(&["cluster"])) {
        Some("machine configuration of Talos")
    } else if has(&["context", "contexts"]) {
        Some("talosconfig")
    } else if has(&["write_files"]) || has(&["runcmd"]) {
        Some("configuration of cloud-init")
    } else {
        None
    }
}

/// A text from an object, safe to show and not too long.
fn shown(text: &str) -> String {
    let end = text.char_indices().nth(LONGEST_NAME).map_or(text.len(), |(at, _)| at);
    let rest = if end < text.len() { "…" } else { "" };
    format!("{}{rest}", Printable(text.get(..end).unwrap_or(text)))
}

/// Reads every object of a text.
pub(super) fn read(text: &str, reading: Reading<'_>) -> Result<Vec<Item>, String> {
    let documents = node::read(text)?;
    if documents.is_empty() {
        return Err("there is no document in it".into());
    }
    Ok(documents.iter().map(|document| item(document, "", reading)).collect())
}

/// The PEM blocks of YAML that cannot be read, a template perhaps: those in texts of several lines (`name: |`), whose
/// indentation is YAML's. Empty where a block stands elsewhere.
pub(super) fn in_block_scalars(text: &str, reading: Reading<'_>) -> Vec<Item> {
    let lines: Vec<&str> = text.lines().collect();
    let indent = |line: &str| line.len() - line.trim_start_matches(' ').len();
    // The line that a block's text belongs to: the nearest one above that is less indented.
    let head = |first: usize| {
        let own = indent(lines.get(first)?);
        let above = lines.get(..first)?.iter().rev().filter(|line| !line.trim().is_empty());
        let mut less = above.filter(|line| indent(line) < own);
        less.next()
            .and_then(|line| line.trim().trim_end_matches(['+', '-', '1', '2', '4']).strip_suffix(['|', '>']))
    };
    let mut items: Vec<Item> = Vec::new();
    for (number, found) in pem::scan(text.as_bytes()).take(MOST_ITEMS).enumerate() {
        let (first, last) = (found.span.first_line, found.span.last_line);
        let Some(head) = first.checked_sub(1).and_then(head) else { return Vec::new() };
        let name =
            head.trim().trim_start_matches("- ").trim_end_matches(|c: char| c == ':' || c.is_whitespace());
        let block = lines.get(first - 1..last).unwrap_or_default().iter().map(|line| line.trim());
        let block = Zeroizing::new(block.collect::<Vec<_>>().join("\n"));
        let (_, mut found) = sniff::read(block.as_bytes(), reading.deeper());
        for item in &mut found {
            field::place(item, &shown(name), first);
            item.place.block = Some(number);
            item.place.lines = Some((first, last));
        }
        items.append(&mut found);
    }
    items
}

/// One object; `within` is its place in a list.
fn item(node: &Node, within: &str, reading: Reading<'_>) -> Item {
    let object = Object::of(node);
    let mut item = match (object.kind.as_str(), object.api_version.as_str()) {
        ("Config" | "", _) if kubeconfig::is_one(node) => kubeconfig::item(node, within, reading),
        (kind, _) if kind.ends_with("List") || kind.is_empty() && is_list(node) => {
            list(node, object, within, reading)
        }
        ("Secret", _) => secret(node, object, within, reading),
        ("ConfigMap", _) => config_map(node, object, within, reading),
        ("CertificateSigningRequest", _) => request(node, object, within, reading),
        _ => other(node, object, within, reading),
    };
    if !matches!(item.content, Content::Unknown { .. }) {
        repeated(node, &mut item.faults);
    }
    if node.line() > 0 {
        item.place.lines = Some((node.line(), node.line()));
    }
    item.place.field = Some(within.trim_end_matches('.').to_owned()).filter(|within| !within.is_empty());
    item
}

/// The most fields that are told to stand there twice.
const MOST_REPEATED: usize = 20;

/// Fields that stand there more than once (YAML 1.2.2 section 3.2.1.3): most readers refuse that, those in Go take the last.
fn repeated(node: &Node, faults: &mut Vec<String>) {
    let mut seen: HashMap<&str, usize> = HashMap::new();
    for (key, value) in node.fields() {
        if faults.len() >= MOST_REPEATED {
            return;
        }
        if let Some(first) = seen.insert(key, value.line()) {
            let line = value.line();
            faults.push(format!(
                "the field {} stands there twice, on lines {first} and {line}; Kubernetes takes the last one or refuses both",
                shown(key)
            ));
        }
        repeated(value, faults);
    }
    node.list().iter().for_each(|member| repeated(member, faults));
}

/// Whether it is a list of objects that does not say so.
fn is_list(node: &Node) -> bool {
    let members = node.field("items").map(Node::list).unwrap_or_default();
    members.iter().any(|member| member.field("kind").is_some())
}

fn list(node: &Node, object: Object, within: &str, reading: Reading<'_>) -> Item {
    let members = node.field("items").map(Node::list).unwrap_or_default();
    let items = members
        .iter()
        .enumerate()
        .map(|(at, member)| item(member, &format!("{within}items[{at}]."), reading));
    let items = items.collect();
    finish(object, items)
}

fn finish(object: Object, items: Vec<Item>) -> Item {
    let mut item = Item::new(Content::Object(Box::new(object)));
    item.items = items;
    item
}

/// Reads the entries of `data`, `stringData`, `binaryData`; `wanted` says what is expected of a key's value in base64,
/// and none is given of those that stand there as they are.
fn entries(
    node: &Node,
    which: &str,
    wanted: Option<fn(&str) -> Wanted>,
    within: &str,
    reading: Reading<'_>,
    object: &mut Object,
) -> Vec<Item> {
    let mut items = Vec::new();
    for (key, value) in node.field(which).map(Node::fields).unwrap_or_default() {
        let field = format!("{within}{which}[{}]", shown(key));
        let found = match (wanted, value.as_text()) {
            (Some(wanted), _) => field::read(&field, value, wanted(key), reading),
            (None, Some(text)) if !text.is_empty() => {
                field::embedded(&field, value.line(), text.as_bytes(), reading)
            }
            (None, Some(_)) => Err(0),
            (None, None) => continue,
        };
        match found {
            Ok(found) => items.extend(found),
            Err(length) => object.other_data.push((shown(key), length)),
        }
    }
    items
}

fn secret(node: &Node, mut object: Object, within: &str, reading: Reading<'_>) -> Item {
    let kind = node.text("type").unwrap_or("Opaque");
    object.set("type", Some(kind));
    let is_tls = kind == "kubernetes.io/tls";
    let wanted: fn(&str) -> Wanted = if is_tls {
        |key| match key {
            "tls.crt" | "ca.crt" => Wanted::Certificates,
            "tls.key" => Wanted::Key,
            _ => Wanted::Anything,
        }
    } else {
        |_| Wanted::Anything
    };
    let mut items = entries(node, "data", Some(wanted), within, reading, &mut object);
    items.extend(entries(node, "stringData", None, within, reading, &mut object));
    let mut faults = Vec::new();
    if is_tls {
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

fn config_map(node: &Node, mut object: Object, within: &str, reading: Reading<'_>) -> Item {
    let mut items = entries(node, "data", None, within, reading, &mut object);
    items.extend(entries(node, "binaryData", Some(|_| Wanted::Anything), within, reading, &mut object));
    finish(object, items)
}

/// A `CertificateSigningRequest` of certificates.k8s.io: the request, and the certificate once it is issued.
fn request(node: &Node, mut object: Object, within: &str, reading: Reading<'_>) -> Item {
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
    let states: Vec<String> = conditions.iter().filter_map(condition).collect();
    object.set("condition", Some(if states.is_empty() { "Pending".to_owned() } else { states.join(", ") }));
    let mut items = Vec::new();
    let mut faults = Vec::new();
    for (path, needed) in [(["spec", "request"], true), (["status", "certificate"], false)] {
        let field = format!("{within}{}", path.join("."));
        match node.at(&path).filter(|value| value.as_text().is_some_and(|text| !text.is_empty())) {
            Some(value) => {
                let wanted = if needed { Wanted::Request } else { Wanted::Certificates };
                items.extend(field::in_base64(&field, value, wanted, reading));
            }
            None if needed => faults.push(format!("{field} is missing")),
            None => {}
        }
    }
    let mut item = finish(object, items);
    item.faults = faults;
    item
}

/// A condition as people read it: `Denied (NotAllowed): no such node`.
fn condition(condition: &Node) -> Option<String> {
    let text = |field| condition.text(field).filter(|text| !text.is_empty());
    let kind = text("type")?;
    // One that does not hold is written there as well (RFC 3339 times aside, `status` is True, False or Unknown).
    let holds = match text("status") {
        Some("False") => " is not so",
        Some("Unknown") => " is not known",
        _ => "",
    };
    let reason = text("reason").map(|reason| format!(" ({reason})")).unwrap_or_default();
    let message = text("message").map(|message| format!(": {message}")).unwrap_or_default();
    Some(format!("{kind}{holds}{reason}{message}"))
}

/// Any other object: certificates and keys are wherever a text has them.
fn other(node: &Node, object: Object, within: &str, reading: Reading<'_>) -> Item {
    let mut items = Vec::new();
    search(node, within.trim_end_matches('.'), reading, &[], &mut items);
    if items.is_empty() && object.kind.is_empty() {
        return Item::new(Content::Unknown { bytes: 0 });
    }
    finish(object, items)
}
