//! DER, written (X.690 sections 8 and 10): what the forge needs and no more. Nothing is checked, for half of what is
//! forged is wrong on purpose.

pub(crate) const BOOLEAN: u8 = 0x01;
pub(crate) const INTEGER: u8 = 0x02;
pub(crate) const BIT_STRING: u8 = 0x03;
pub(crate) const OCTET_STRING: u8 = 0x04;
pub(crate) const OBJECT_IDENTIFIER: u8 = 0x06;
pub(crate) const UTF8_STRING: u8 = 0x0c;
pub(crate) const PRINTABLE_STRING: u8 = 0x13;
pub(crate) const TELETEX_STRING: u8 = 0x14;
pub(crate) const IA5_STRING: u8 = 0x16;
pub(crate) const UTC_TIME: u8 = 0x17;
pub(crate) const GENERALIZED_TIME: u8 = 0x18;
pub(crate) const UNIVERSAL_STRING: u8 = 0x1c;
pub(crate) const BMP_STRING: u8 = 0x1e;
pub(crate) const SEQUENCE: u8 = 0x30;
pub(crate) const SET: u8 = 0x31;

/// One element: a tag, a definite length, and the parts of its content one after the other.
pub(crate) fn element(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let mut out = vec![tag];
    match u8::try_from(content.len()) {
        Ok(short) if short < 0x80 => out.push(short),
        _ => {
            let bytes = content.len().to_be_bytes();
            let significant: Vec<u8> = bytes.into_iter().skip_while(|&byte| byte == 0).collect();
            out.push(0x80 | u8::try_from(significant.len()).expect("a usize has few bytes"));
            out.extend(significant);
        }
    }
    out.extend(content);
    out
}

pub(crate) fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    element(SEQUENCE, parts)
}

/// A sequence of elements of one kind.
pub(crate) fn sequence_of(elements: impl IntoIterator<Item = Vec<u8>>) -> Vec<u8> {
    element(SEQUENCE, &[&elements.into_iter().collect::<Vec<_>>().concat()])
}

pub(crate) fn octet_string(content: &[u8]) -> Vec<u8> {
    element(OCTET_STRING, &[content])
}

/// A BIT STRING of whole bytes.
pub(crate) fn bit_string(content: &[u8]) -> Vec<u8> {
    element(BIT_STRING, &[&[0], content])
}

/// A context-specific tag that wraps what is already an element.
pub(crate) fn explicit(number: u8, content: &[u8]) -> Vec<u8> {
    element(0xa0 | number, &[content])
}

pub(crate) fn boolean(value: bool) -> Vec<u8> {
    element(BOOLEAN, &[&[if value { 0xff } else { 0 }]])
}

/// A number that is not negative, by its bytes, the most significant first.
pub(crate) fn unsigned(bytes: &[u8]) -> Vec<u8> {
    element(INTEGER, &[&unsigned_content(bytes)])
}

/// The content of [`unsigned`].
pub(crate) fn unsigned_content(bytes: &[u8]) -> Vec<u8> {
    let mut content: Vec<u8> = bytes.iter().copied().skip_while(|&byte| byte == 0).collect();
    if content.first().is_none_or(|&first| first >= 0x80) {
        content.insert(0, 0);
    }
    content
}

pub(crate) fn number(value: u64) -> Vec<u8> {
    unsigned(&value.to_be_bytes())
}

/// An object identifier from its dotted text.
#[track_caller]
pub(crate) fn oid(dotted: &str) -> Vec<u8> {
    element(OBJECT_IDENTIFIER, &[&oid_content(dotted)])
}

/// The content of [`oid`].
#[track_caller]
pub(crate) fn oid_content(dotted: &str) -> Vec<u8> {
    let arcs: Vec<u128> = dotted
        .split('.')
        .map(|arc| arc.parse().unwrap_or_else(|_| panic!("forge: `{dotted}` is not an object identifier")))
        .collect();
    let [first, second, rest @ ..] = arcs.as_slice() else {
        panic!("forge: `{dotted}` is too short for an object identifier")
    };
    std::iter::once(first * 40 + second).chain(rest.iter().copied()).flat_map(base_128).collect()
}

fn base_128(mut value: u128) -> Vec<u8> {
    let low = |value: u128| u8::try_from(value & 0x7f).expect("seven bits");
    let mut out = vec![low(value)];
    value >>= 7;
    while value > 0 {
        out.push(0x80 | low(value));
        value >>= 7;
    }
    out.reverse();
    out
}

/// A BIT STRING of named bits (X.690 section 11.2.2): bit 0 is the first, and trailing zeros are left out.
pub(crate) fn named_bits(set: &[u8]) -> Vec<u8> {
    element(BIT_STRING, &[&named_bits_content(set)])
}

/// The content of [`named_bits`], for implicit tags.
pub(crate) fn named_bits_content(set: &[u8]) -> Vec<u8> {
    let Some(&last) = set.iter().max() else { return vec![0] };
    let mut bytes = vec![0; usize::from(last / 8) + 1];
    for bit in set {
        bytes[usize::from(bit / 8)] |= 0x80 >> (bit % 8);
    }
    bytes.insert(0, 7 - last % 8);
    bytes
}
