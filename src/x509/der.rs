//! The little DER that no library writes for us: tag-length-value, in and out (X.690 section 8.1).

use std::fmt::Write as _;

/// Universal and context tags that certificates use.
pub(crate) mod tag {
    pub(crate) const INTEGER: u8 = 0x02;
    pub(crate) const OCTET_STRING: u8 = 0x04;
    pub(crate) const BIT_STRING: u8 = 0x03;
    pub(crate) const OBJECT_IDENTIFIER: u8 = 0x06;
    pub(crate) const UTF8_STRING: u8 = 0x0c;
    pub(crate) const PRINTABLE_STRING: u8 = 0x13;
    pub(crate) const SEQUENCE: u8 = 0x30;
    pub(crate) const SET: u8 = 0x31;
}

/// One element: tag, definite length, and the parts of the content one after the other.
pub(crate) fn element(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let mut out = Vec::with_capacity(length + 6);
    out.push(tag);
    match u8::try_from(length) {
        Ok(short) if short < 0x80 => out.push(short),
        _ => {
            let bytes = length.to_be_bytes();
            let significant = bytes.iter().position(|&byte| byte != 0).map_or(&bytes[..0], |at| &bytes[at..]);
            // A usize has at most eight bytes, so the count fits.
            out.push(0x80 | u8::try_from(significant.len()).unwrap_or(8));
            out.extend_from_slice(significant);
        }
    }
    for part in parts {
        out.extend_from_slice(part);
    }
    out
}

/// A BIT STRING of whole bytes.
pub(crate) fn bit_string(content: &[u8]) -> Vec<u8> {
    element(tag::BIT_STRING, &[&[0], content])
}

/// One element as it was read.
#[derive(Clone, Copy)]
pub(crate) struct Element<'a> {
    /// Its first byte.
    pub(crate) tag: u8,
    /// Its content, without tag and length.
    pub(crate) content: &'a [u8],
    /// All of it.
    pub(crate) whole: &'a [u8],
}

/// The first element of the input and what follows it; `None` unless it is there in full, with a
/// single-byte tag and a definite, minimal length.
pub(crate) fn read(input: &[u8]) -> Option<(Element<'_>, &[u8])> {
    let (&tag, rest) = input.split_first()?;
    if tag & 0x1f == 0x1f {
        return None;
    }
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = if first < 0x80 {
        (usize::from(first), rest)
    } else {
        let count = usize::from(first & 0x7f);
        let (bytes, rest) = rest.split_at_checked(count)?;
        if count == 0 || count > 4 || bytes.first() == Some(&0) {
            return None;
        }
        let length = bytes.iter().fold(0, |length, &byte| length << 8 | usize::from(byte));
        if length < 0x80 {
            return None;
        }
        (length, rest)
    };
    let (content, after) = rest.split_at_checked(length)?;
    let whole = input.get(..input.len() - after.len())?;
    Some((Element { tag, content, whole }, after))
}

/// Every element of a content, in order; `None` if something is left that is not one.
pub(crate) fn elements(mut content: &[u8]) -> Option<Vec<Element<'_>>> {
    // A certificate has up to ten parts and ten extensions.
    let mut out = Vec::with_capacity(if content.is_empty() { 0 } else { 10 });
    while !content.is_empty() {
        let (element, rest) = read(content)?;
        out.push(element);
        content = rest;
    }
    Some(out)
}

/// The dotted form of the content of an OBJECT IDENTIFIER (X.690 section 8.19); `None` where it is not one, or where an
/// arc is over 64 bits.
pub(crate) fn object_identifier(content: &[u8]) -> Option<String> {
    let mut text = String::with_capacity(content.len() * 4 + 2);
    let mut arc = 0_u64;
    let mut open = false;
    for &byte in content {
        if !open && byte == 0x80 {
            return None;
        }
        arc = arc.checked_mul(128)?.checked_add(u64::from(byte & 0x7f))?;
        open = byte & 0x80 != 0;
        if open {
            continue;
        }
        let arc = std::mem::take(&mut arc);
        let written = if text.is_empty() {
            let root = (arc / 40).min(2);
            write!(text, "{root}.{}", arc - root * 40)
        } else {
            write!(text, ".{arc}")
        };
        written.ok()?;
    }
    (!open && !text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn object_identifiers_are_read() {
        for (content, dotted) in [
            (&[0x55, 0x1d, 0x0f][..], Some("2.5.29.15")),
            (&[0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1], Some("1.2.840.10045.2.1")),
            (&[0x88, 0x37], Some("2.999")),
            (&[0], Some("0.0")),
            (&[], None),
            (&[0x55, 0x80, 1], None),
            (&[0x55, 0x86], None),
            (&[0x55, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1], None),
        ] {
            assert_eq!(object_identifier(content).as_deref(), dotted, "{content:02x?}");
        }
    }

    #[test]
    fn what_is_written_is_read_back() {
        for length in [0, 1, 127, 128, 255, 256, 65_535, 65_536] {
            let content = vec![7; length];
            let encoded = element(tag::UTF8_STRING, &[&content[..length / 2], &content[length / 2..]]);
            let (read, rest) = read(&encoded).unwrap();
            assert_eq!((read.tag, read.content, read.whole), (tag::UTF8_STRING, &content[..], &encoded[..]));
            assert!(rest.is_empty());
        }
    }

    #[test]
    fn what_is_not_der_is_not_read() {
        for bad in [
            &[][..],
            &[0x30],
            &[0x30, 1],
            &[0x30, 0x80],
            &[0x30, 0x81, 1, 0],
            &[0x30, 0x82, 0, 0x80],
            &[0x1f, 1, 0],
        ] {
            assert!(read(bad).is_none(), "{bad:?}");
        }
    }
}
