//! Which way bytes are to be read, told by the bytes.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use zeroize::Zeroizing;

use super::reading::Reading;
use super::{Content, DEEPEST, Encoding, Item, LARGEST_OBJECTS, MOST_ITEMS, document, object, ssh};
use crate::pem;

/// Reads what bytes hold.
pub(super) fn read(bytes: &[u8], reading: Reading<'_>) -> (Encoding, Vec<Item>) {
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return (Encoding::Empty, vec![Item::broken("file", "there is nothing in it")]);
    }
    if reading.depth > DEEPEST {
        return (Encoding::Text, vec![Item::broken("file", "it is nested too deeply to be looked into")]);
    }
    if let Some(item) = by_first_bytes(bytes) {
        return (Encoding::Binary, vec![item]);
    }
    let text = std::str::from_utf8(bytes).ok().filter(|text| is_text(text));
    let Some(text) = text else { return of_bytes(bytes, reading) };
    let text = text.trim_start_matches('\u{feff}');
    if let Some(encoding) = object_encoding(text) {
        return of_object(text, encoding, bytes, reading);
    }
    if let Some(found) = of_data(text, reading) {
        return found;
    }
    if pem::has_block(bytes) {
        return (Encoding::Pem, blocks(bytes, reading));
    }
    of_text(text, reading)
}

/// What says itself in its first bytes what it is.
fn by_first_bytes(bytes: &[u8]) -> Option<Item> {
    let named = |what: &str, hint: &str| {
        Item::new(Content::Named { what: what.into(), facts: vec![("contents", hint.into())] })
    };
    match bytes {
        [0xfe, 0xed, 0xfe, 0xed, ..] => {
            Some(named("Java key store (JKS)", "not read; keytool -list -keystore FILE shows it"))
        }
        [0xce, 0xce, 0xce, 0xce, ..] => {
            Some(named("Java key store (JCEKS)", "not read; keytool -list -keystore FILE shows it"))
        }
        [0x1f, 0x8b, ..] => Some(named("gzip archive", "not read; gunzip it first")),
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => Some(Item::broken(
            "text",
            "it is written in UTF-16, which no reader of certificates takes; convert it with iconv -t utf-8",
        )),
        _ if ssh::is_private(bytes) => Some(ssh::private(bytes)),
        _ => None,
    }
}

/// Whether a text is one for people: no control characters but those that lay out lines.
fn is_text(text: &str) -> bool {
    // In ASCII, which nearly everything is, that is told by the bytes, and faster.
    if text.is_ascii() {
        let odd = |byte: &u8| byte.is_ascii_control() && !b"\n\r\t\x0b\x0c\x1b".contains(byte);
        return !text.as_bytes().iter().any(odd);
    }
    !text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t' | '\u{b}' | '\u{c}' | '\u{1b}'))
}

/// Bytes that are no text: DER, or PEM among them (a comment in Latin-1, say).
fn of_bytes(bytes: &[u8], reading: Reading<'_>) -> (Encoding, Vec<Item>) {
    if pem::has_block(bytes) {
        return (Encoding::Pem, blocks(bytes, reading));
    }
    let items = document::of_file(bytes);
    let unknown = items.iter().all(|item| matches!(item.content, Content::Unknown { .. }));
    (if unknown { Encoding::Binary } else { Encoding::Der }, items)
}

fn blocks(bytes: &[u8], reading: Reading<'_>) -> Vec<Item> {
    let mut found = pem::scan(bytes);
    let mut whole = true;
    let mut items: Vec<Item> = found
        .by_ref()
        .take(MOST_ITEMS)
        .inspect(|found| whole &= found.contents.is_ok() && found.headers.is_empty())
        .zip(0..)
        .map(|(found, number)| document::of_block(found, number, reading))
        .collect();
    // To read it once more is dear, and most files are written as everybody reads them.
    let seen = if whole && pem::is_plain(bytes) { None } else { Some(pem::decode_as_go(bytes)) };
    if let Some(seen) = seen.filter(|seen| seen.len() != items.len()) {
        for one in pem::unseen_by_go(bytes, &seen) {
            if let Some(item) = items.get_mut(one.number) {
                item.unseen_by_go = Some(one.why);
            }
        }
    }
    if found.next().is_some() {
        items.push(Item::broken(
            "file",
            format!("it has more than {MOST_ITEMS} PEM blocks; the others were not looked at"),
        ));
    }
    items
}

/// Whether a text is an object of Kubernetes, or several: JSON, or YAML that says its kind before any PEM block begins.
fn object_encoding(text: &str) -> Option<Encoding> {
    const KEYS: [&str; 6] = ["apiVersion:", "kind:", "clusters:", "users:", "contexts:", "current-context:"];
    const IN_JSON: [&str; 4] = ["\"apiVersion\"", "\"kind\"", "\"clusters\"", "\"previousSha256\""];
    if text.trim_start().starts_with(['{', '[']) {
        return IN_JSON.iter().any(|mark| text.contains(mark)).then_some(Encoding::Json);
    }
    for line in text.lines() {
        if line.starts_with("-----BEGIN") {
            return None;
        }
        let line = line.strip_prefix("- ").unwrap_or(line);
        if KEYS.iter().any(|key| line.starts_with(key)) {
            return Some(Encoding::Yaml);
        }
    }
    None
}

/// The shortest base64 of something of a PKI: the public key of Ed25519.
const SHORTEST_BASE64: usize = 60;

/// Whether a text may hold something of a PKI: PEM, or base64 of some length. To be asked before it is taken apart.
pub(super) fn may_hold(text: &str) -> bool {
    if text.len() < SHORTEST_BASE64 {
        return false;
    }
    let mut run = 0;
    for byte in text.bytes() {
        run = if byte.is_ascii_alphanumeric() || b"+/=-_".contains(&byte) { run + 1 } else { 0 };
        if run >= SHORTEST_BASE64 {
            return true;
        }
    }
    text.contains("-----BEGIN ")
}

/// Reads YAML and JSON of any other shape, where something of a PKI is in it: cloud-init's, Talos' and Ansible's files, the
/// answers of CAs. In YAML, PEM is indented as YAML wants it.
fn of_data(text: &str, reading: Reading<'_>) -> Option<(Encoding, Vec<Item>)> {
    let encoding = data_encoding(text)?;
    if text.len() > LARGEST_OBJECTS || !may_hold(text) {
        return None;
    }
    let items = match object::read(text, reading) {
        Ok(items) => items,
        Err(_) if encoding == Encoding::Yaml => object::in_block_scalars(text, reading),
        Err(_) => Vec::new(),
    };
    let found = items.iter().any(|item| !matches!(item.content, Content::Unknown { .. }));
    found.then_some((encoding, items))
}

/// Whether a text may be YAML or JSON: its first line that is neither empty nor a comment begins a list or fields, and no
/// PEM block begins at the start of a line, where none can stand in either.
fn data_encoding(text: &str) -> Option<Encoding> {
    let is_content = |line: &&str| !line.is_empty() && !line.starts_with(['#', '%']) && *line != "---";
    let first = text.lines().map(str::trim).find(is_content)?;
    if first.starts_with(['{', '[']) {
        return Some(Encoding::Json);
    }
    let is_field = first.ends_with(':') || first.contains(": ") || first.starts_with("- ");
    let is_yaml = is_field && !text.lines().any(|line| line.starts_with("-----BEGIN"));
    is_yaml.then_some(Encoding::Yaml)
}

fn of_object(text: &str, encoding: Encoding, bytes: &[u8], reading: Reading<'_>) -> (Encoding, Vec<Item>) {
    if text.len() > LARGEST_OBJECTS {
        let largest = LARGEST_OBJECTS >> 20;
        let why =
            format!("it is larger than {largest} MiB, which is the most of {} that is read", encoding.name());
        return (encoding, vec![Item::broken(encoding.name(), why)]);
    }
    if is_ledger(text) {
        return (encoding, vec![ledger(text)]);
    }
    let unknown = || vec![Item::new(Content::Unknown { bytes: text.len() })];
    match object::read(text, reading) {
        Ok(items) if items.iter().all(|item| matches!(item.content, Content::Unknown { .. })) => {
            (encoding, unknown())
        }
        Ok(items) => (encoding, items),
        // A text before a PEM block may look like YAML.
        Err(_) if text.lines().any(|line| line.starts_with("-----BEGIN")) => {
            (Encoding::Pem, blocks(bytes, reading))
        }
        // Within an object stand templates of others, which are none yet.
        Err(_) if reading.depth > 0 => (Encoding::Text, unknown()),
        Err(why) => {
            let mut items = object::in_block_scalars(text, reading);
            // A template of Helm, Ansible or cloud-init is no YAML yet.
            if items.is_empty() || !["{{", "{%"].iter().any(|mark| text.contains(mark)) {
                items.insert(0, Item::broken(encoding.name(), why));
            }
            (encoding, items)
        }
    }
}

/// Whether every line is JSON for itself, as in a CA's ledger; the first one says whose it is.
fn is_ledger(text: &str) -> bool {
    text.lines().next().is_some_and(|line| {
        line.starts_with('{') && line.ends_with('}') && line.contains("\"previousSha256\":")
    })
}

fn ledger(text: &str) -> Item {
    let facts = vec![("lines", text.lines().count().to_string())];
    Item::new(Content::Named { what: "ledger of a CA, see kpki ledger".into(), facts })
}

fn of_text(text: &str, reading: Reading<'_>) -> (Encoding, Vec<Item>) {
    if let Some(items) = ssh::public(text) {
        return (Encoding::Text, items);
    }
    let serial = text.trim();
    if (2..=42).contains(&serial.len())
        && serial.len().is_multiple_of(2)
        && text.ends_with('\n')
        && serial.bytes().all(|byte| byte.is_ascii_hexdigit())
    {
        let facts = vec![("next", serial.to_ascii_lowercase())];
        return (
            Encoding::Text,
            vec![Item::new(Content::Named { what: "serial number file of OpenSSL".into(), facts })],
        );
    }
    if let Some(bytes) = base64(text) {
        let known = document::is_known(&bytes) || pem::has_block(&bytes) || object_in(&bytes);
        if known {
            return (Encoding::Base64, read(&bytes, reading.deeper()).1);
        }
    }
    (Encoding::Text, vec![Item::new(Content::Unknown { bytes: text.len() })])
}

fn object_in(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_ok_and(|text| object_encoding(text).is_some())
}

/// A text that is base64 and nothing else, decoded.
fn base64(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    if !text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/= \t\r\n".contains(&byte)) {
        return None;
    }
    // Reserved in full at once: a buffer that grows leaves copies behind.
    let mut packed = Zeroizing::new(String::with_capacity(text.len()));
    packed.extend(text.chars().filter(|c| !c.is_ascii_whitespace()));
    BASE64_STANDARD.decode(packed.as_bytes()).ok().map(Zeroizing::new)
}
