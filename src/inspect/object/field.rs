//! What a field holds: PEM, or something in base64, as the clients and servers of Kubernetes decode it.

use base64::Engine as _;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use zeroize::Zeroizing;

use super::super::document::is_unseen_by_go;
use super::node::{Kind, Node};
use super::{Content, Encoding, Item, Place, sniff};
use crate::inspect::reading::Reading;
use crate::pem;

/// base64 as Go's `encoding/json` decodes it (`base64.StdEncoding`): with its padding, whatever its last bits are.
const AS_GO: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::RequireCanonical)
        .with_decode_allow_trailing_bits(true),
);

/// The same, with or without padding.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// base64 with the letters `-` and `_`, with or without padding.
const OF_URLS: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// What a field is read for, and by whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    /// Certificates in PEM; a bundle of CAs, or a chain.
    Certificates,
    /// A private key in PEM that nobody is asked a passphrase for.
    Key,
    /// A certification request in PEM.
    Request,
    /// Whatever it holds.
    Anything,
}

impl Wanted {
    fn noun(self) -> &'static str {
        match self {
            Self::Certificates => "certificate",
            Self::Key => "private key",
            Self::Request => "certificate signing request",
            Self::Anything => "thing of a PKI",
        }
    }
}

/// What a field holds, decoded: items with the field's name and line, or its length where it is nothing of a PKI.
pub(super) fn embedded(
    field: &str,
    line: usize,
    bytes: &[u8],
    reading: Reading<'_>,
) -> Result<Vec<Item>, usize> {
    let (_, mut items) = sniff::read(bytes, reading.deeper());
    if items.iter().all(|item| matches!(item.content, Content::Unknown { .. })) {
        return Err(bytes.len());
    }
    for item in &mut items {
        place(item, field, line);
    }
    Ok(items)
}

/// Puts an item that was found in a field, and everything in it, where the field is.
pub(super) fn place(item: &mut Item, field: &str, line: usize) {
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

/// A text in base64: what it stands for, and what keeps the clients of Kubernetes from decoding it; none where it is not
/// base64 in any way.
pub(super) fn decode(text: &str) -> Option<(Zeroizing<Vec<u8>>, Option<&'static str>)> {
    // Most stands on one line.
    let kept = text.bytes().any(|byte| byte.is_ascii_whitespace()).then(|| packed(text));
    let packed = kept.as_ref().map_or(text, |packed| packed.as_str());
    // Go passes over line breaks and over nothing else.
    let has_blank = kept.is_some() && text.contains([' ', '\t']);
    let blank = "white space stands in its base64, as where it goes on over several lines without `|`; no client decodes that";
    if let Ok(bytes) = AS_GO.decode(packed.as_bytes()) {
        return Some((Zeroizing::new(bytes), has_blank.then_some(blank)));
    }
    if let Ok(bytes) = LENIENT.decode(packed.as_bytes()) {
        return Some((
            Zeroizing::new(bytes),
            Some("its base64 lacks its padding (`=`); no client decodes that"),
        ));
    }
    let bytes = OF_URLS.decode(packed.as_bytes()).ok()?;
    let why = "its base64 has the letters of URLs, `-` and `_` for `+` and `/`; no client decodes that";
    Some((Zeroizing::new(bytes), Some(why)))
}

/// A text without its white space.
fn packed(text: &str) -> Zeroizing<String> {
    // Reserved in full at once: a buffer that grows leaves copies behind.
    let mut packed = Zeroizing::new(String::with_capacity(text.len()));
    packed.extend(text.chars().filter(|c| !c.is_ascii_whitespace()));
    packed
}

/// Something that a field should hold and does not.
fn broken(field: &str, line: usize, why: impl Into<String>) -> Item {
    let mut item = Item::broken("field", why);
    place(&mut item, field, line);
    item
}

/// Something whose field should be base64 and is not.
pub(super) fn not_base64(field: &str, value: &Node) -> Item {
    let why = match value.kind() {
        Kind::Text | Kind::Null => format!("{field} is not base64"),
        kind => format!("{field} is {}, and base64 is expected", kind.name()),
    };
    broken(field, value.line(), why)
}

/// What a field in base64 holds, which must be something of a PKI, and what keeps its readers from it.
pub(super) fn in_base64(field: &str, value: &Node, wanted: Wanted, reading: Reading<'_>) -> Vec<Item> {
    read(field, value, wanted, reading).unwrap_or_else(|length| {
        let why = format!("{field} holds {length} bytes that are nothing of a PKI");
        vec![broken(field, value.line(), why)]
    })
}

/// The same, or how many bytes a field holds that are nothing of a PKI.
pub(super) fn read(
    field: &str,
    value: &Node,
    wanted: Wanted,
    reading: Reading<'_>,
) -> Result<Vec<Item>, usize> {
    let line = value.line();
    let Some(text) = value.as_text() else { return Ok(vec![not_base64(field, value)]) };
    // What was pasted as it is.
    if text.contains("-----BEGIN ") {
        let mut items = embedded(field, line, text.as_bytes(), reading).unwrap_or_default();
        let fault = "it stands there as PEM, and is expected in base64: base64 -w0 FILE writes it";
        tell(&mut items, field, line, fault);
        return Ok(items);
    }
    let Some((bytes, undecoded)) = decode(text) else { return Ok(vec![not_base64(field, value)]) };
    if bytes.is_empty() {
        return Err(0);
    }
    let (encoding, mut items) = sniff::read(&bytes, reading.deeper());
    if items.iter().all(|item| matches!(item.content, Content::Unknown { .. })) {
        return match undecoded {
            Some(fault) => Ok(vec![broken(field, line, format!("{field}: {fault}"))]),
            None => Err(bytes.len()),
        };
    }
    for item in &mut items {
        place(item, field, line);
    }
    if let Some(fault) = undecoded {
        tell(&mut items, field, line, fault);
    }
    let fault = match encoding {
        Encoding::Base64 => Some("it is base64 in base64, encoded once too often: no client loads it"),
        Encoding::Der if wanted != Wanted::Anything => {
            Some("it is DER in base64, and PEM in base64 is expected: no client loads it")
        }
        _ => None,
    };
    match fault {
        Some(fault) => tell(&mut items, field, line, fault),
        None if wanted != Wanted::Anything => usable(&mut items, field, line, wanted),
        None => {}
    }
    Ok(items)
}

/// Notes a fault of a field at the first thing in it.
fn tell(items: &mut Vec<Item>, field: &str, line: usize, fault: &str) {
    match items.first_mut() {
        Some(first) => first.faults.push(fault.to_owned()),
        None => items.push(broken(field, line, fault)),
    }
}

/// What clients find of what they look for.
fn usable(items: &mut Vec<Item>, field: &str, line: usize, wanted: Wanted) {
    for item in items.iter_mut() {
        let (unseen, others) = std::mem::take(&mut item.oddities).into_iter().partition(is_unseen_by_go);
        item.oddities = others;
        item.faults.extend(unseen.into_iter().map(|oddity| oddity.to_string()));
    }
    if wanted == Wanted::Key {
        let encrypted = |item: &&mut Item| matches!(&item.content, Content::PrivateKey(facts) if facts.encryption.is_some());
        for item in items.iter_mut().filter(encrypted) {
            item.faults.push("it is encrypted, and no client asks for a passphrase".into());
        }
    }
    let label = |item: &Item| item.label.clone().unwrap_or_default();
    let found = |item: &Item| match (wanted, &item.content) {
        (Wanted::Certificates, Content::Certificate(_)) => label(item) == pem::CERTIFICATE,
        (Wanted::Key, Content::PrivateKey(_)) => label(item).ends_with(pem::PRIVATE_KEY),
        (Wanted::Request, Content::Request(_)) => label(item) == pem::CERTIFICATE_REQUEST,
        (Wanted::Anything, _) => true,
        _ => false,
    };
    // What is broken says so itself.
    if items.iter().any(found) || items.iter().any(|item| !item.faults.is_empty()) {
        return;
    }
    let holds = items.first().map(Item::title).unwrap_or_default();
    let under = items.first().map(label).filter(|label| !label.is_empty());
    let under =
        under.map(|label| format!(" under the label {}", crate::x509::Printable(&label))).unwrap_or_default();
    let fault =
        format!("a {} belongs there, and it holds a {holds}{under}: no client loads it", wanted.noun());
    tell(items, field, line, &fault);
}
