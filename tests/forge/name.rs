//! Names: distinguished names, general names (RFC 5280 section 4.2.1.6) and the bases of name constraints.

use std::net::IpAddr;

use super::der;
use super::words::{Words, hex, list, unescape};

/// Attribute types by the words that stand for them.
const ATTRIBUTES: &[(&str, &str)] = &[
    ("cn", "2.5.4.3"),
    ("serialnumber", "2.5.4.5"),
    ("c", "2.5.4.6"),
    ("l", "2.5.4.7"),
    ("st", "2.5.4.8"),
    ("o", "2.5.4.10"),
    ("ou", "2.5.4.11"),
    ("uid", "0.9.2342.19200300.100.1.1"),
    ("dc", "0.9.2342.19200300.100.1.25"),
    ("email", "1.2.840.113549.1.9.1"),
];

/// The words of a subject that stand each for an attribute.
const SUBJECT_WORDS: [&str; 7] = ["cn", "o", "ou", "c", "l", "st", "dc"];

/// Whether these words say anything about the subject's name.
pub(crate) fn is_in(words: &Words) -> bool {
    words.one("subject").or(words.one("subject-raw")).is_some() || !words.among(&SUBJECT_WORDS).is_empty()
}

/// The subject of these words, as DER: `subject-raw`, `subject`, or one attribute for each of the words, in their order.
#[track_caller]
pub(crate) fn subject(words: &Words, default: &str) -> Vec<u8> {
    if let Some(raw) = words.one("subject-raw") {
        return hex(raw);
    }
    if let Some(name) = words.one("subject") {
        return distinguished(name);
    }
    let mut attributes = words.among(&SUBJECT_WORDS);
    if attributes.is_empty() {
        attributes.push(("cn", default));
    }
    // A name that is laid over another (`reissue("cn=x")`) has one common name: the last.
    let last = attributes.iter().rposition(|(kind, _)| *kind == "cn");
    let kept = attributes.iter().enumerate().filter(|(at, (kind, _))| *kind != "cn" || Some(*at) == last);
    der::sequence_of(kept.map(|(_, (kind, value))| {
        let string = if *kind == "cn" { words.one("cn-as") } else { None };
        der::element(der::SET, &[&attribute(kind, string, value)])
    }))
}

/// A name of relative names between slashes, their attributes joined by `+`: `o=Acme/cn=a+ou=b`. An attribute may say
/// what string it is (`cn:utf8=a`), and be given by a dotted object identifier. `empty` is the empty name.
#[track_caller]
pub(crate) fn distinguished(text: &str) -> Vec<u8> {
    if text == "empty" {
        return der::sequence(&[]);
    }
    der::sequence_of(list(text, '/').map(relative))
}

/// One relative distinguished name, as a SET.
#[track_caller]
pub(crate) fn relative(text: &str) -> Vec<u8> {
    let mut attributes: Vec<Vec<u8>> = list(text, '+')
        .map(|pair| {
            let (kind, value) = pair
                .split_once('=')
                .unwrap_or_else(|| panic!("forge: `{pair}` in the name `{text}` has no `=`"));
            let (kind, string) =
                kind.split_once(':').map_or((kind, None), |(kind, string)| (kind, Some(string)));
            attribute(kind, string, value)
        })
        .collect();
    // DER: the elements of a SET OF in the order of their encodings (X.690 section 11.6).
    attributes.sort();
    der::element(der::SET, &[&attributes.concat()])
}

#[track_caller]
fn attribute(kind: &str, string: Option<&str>, value: &str) -> Vec<u8> {
    let known = ATTRIBUTES.iter().find(|(word, _)| *word == kind).map(|(_, oid)| *oid);
    let ia5 = matches!(kind, "dc" | "email");
    let value = string_of(string.unwrap_or(if ia5 { "ia5" } else { "auto" }), &unescape(value));
    der::sequence(&[&der::oid(known.unwrap_or(kind)), &value])
}

/// A text as one of ASN.1's strings (X.680 section 41). `auto` is what Go and RFC 5280 write: a `PrintableString` where
/// that can hold it, and a `UTF8String` otherwise.
#[track_caller]
fn string_of(kind: &str, bytes: &[u8]) -> Vec<u8> {
    let characters =
        || String::from_utf8(bytes.to_vec()).expect("forge: this string must be UTF-8 before it is encoded");
    let printable = |byte: &u8| byte.is_ascii_alphanumeric() || b" '()+,-./:=?".contains(byte);
    match kind {
        "auto" if bytes.iter().all(printable) => der::element(der::PRINTABLE_STRING, &[bytes]),
        "auto" | "utf8" => der::element(der::UTF8_STRING, &[bytes]),
        "printable" => der::element(der::PRINTABLE_STRING, &[bytes]),
        "ia5" => der::element(der::IA5_STRING, &[bytes]),
        "t61" => der::element(der::TELETEX_STRING, &[bytes]),
        "bmp" => {
            let units: Vec<u8> = characters().encode_utf16().flat_map(u16::to_be_bytes).collect();
            der::element(der::BMP_STRING, &[&units])
        }
        "bmp-bytes" => der::element(der::BMP_STRING, &[bytes]),
        "universal" => {
            let units: Vec<u8> =
                characters().chars().flat_map(|character| u32::from(character).to_be_bytes()).collect();
            der::element(der::UNIVERSAL_STRING, &[&units])
        }
        other => panic!(
            "forge: `{other}` is no string; auto, utf8, printable, ia5, t61, bmp, bmp-bytes, universal are"
        ),
    }
}

/// General names between commas.
#[track_caller]
pub(crate) fn general_names(text: &str) -> Vec<u8> {
    list(text, ',').flat_map(general_name).collect()
}

/// One general name: `dns:`, `ip:`, `email:`, `uri:`, `dir:` with a distinguished name, `rid:` with an object
/// identifier, `other:` with an object identifier and, after another colon, a text, and `raw:` with an element.
#[track_caller]
pub(crate) fn general_name(text: &str) -> Vec<u8> {
    let (kind, value) = text
        .split_once(':')
        .unwrap_or_else(|| panic!("forge: the name `{text}` does not say its kind (dns:…)"));
    match kind {
        "other" => {
            let (oid, value) = value.split_once(':').unwrap_or((value, ""));
            let value = der::explicit(0, &der::element(der::UTF8_STRING, &[&unescape(value)]));
            der::element(0xa0, &[&der::oid(oid), &value])
        }
        "email" => der::element(0x81, &[&unescape(value)]),
        "dns" => der::element(0x82, &[&unescape(value)]),
        "dir" => der::explicit(4, &distinguished(value)),
        "uri" => der::element(0x86, &[&unescape(value)]),
        "ip" => der::element(0x87, &[&address(value)]),
        "rid" => der::element(0x88, &[&der::oid_content(value)]),
        "raw" => hex(value),
        other => panic!(
            "forge: `{other}` in `{text}` is no kind of name; dns, ip, email, uri, dir, rid, other, raw are"
        ),
    }
}

/// An address, or a network as name constraints have it: `10.0.0.0/8`, or with a mask, `10.0.0.0/255.0.255.0`.
#[track_caller]
fn address(text: &str) -> Vec<u8> {
    let bytes = |text: &str| match text.parse() {
        Ok(IpAddr::V4(address)) => address.octets().to_vec(),
        Ok(IpAddr::V6(address)) => address.octets().to_vec(),
        Err(error) => panic!("forge: `{text}`: {error}"),
    };
    let Some((address, mask)) = text.split_once('/') else { return bytes(text) };
    let address = bytes(address);
    let mask = match mask.parse::<usize>() {
        Ok(prefix) => (0..address.len())
            .map(|at| match prefix.saturating_sub(at * 8) {
                0 => 0,
                ones @ 1..8 => 0xffu8 << (8 - ones),
                _ => 0xff,
            })
            .collect(),
        Err(_) => bytes(mask),
    };
    [address, mask].concat()
}

/// The value of a name constraints extension: `permit:KIND:VALUE` and `exclude:KIND:VALUE` between commas.
#[track_caller]
pub(crate) fn constraints(text: &str) -> Vec<u8> {
    let [mut permitted, mut excluded] = [Vec::new(), Vec::new()];
    for part in list(text, ',') {
        match part.split_once(':') {
            Some(("permit", base)) => permitted.extend(der::sequence(&[&general_name(base)])),
            Some(("exclude", base)) => excluded.extend(der::sequence(&[&general_name(base)])),
            _ => {
                panic!("forge: `{part}` is no name constraint; permit:KIND:VALUE and exclude:KIND:VALUE are")
            }
        }
    }
    let field = |number: u8, subtrees: &[u8]| {
        if subtrees.is_empty() { Vec::new() } else { der::element(0xa0 | number, &[subtrees]) }
    };
    der::sequence(&[&field(0, &permitted), &field(1, &excluded)])
}
