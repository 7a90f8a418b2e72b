//! BER as it comes, and where it is not DER (X.690 sections 8, 10 and 11).

use super::Oddity;
use crate::x509::der::{element, tag};

/// How deep elements are looked into. A certificate with every extension is less than 20 deep.
const DEEPEST: usize = 64;
/// The most deviations of one document that are told; a hostile one may have millions.
const MOST_TOLD: usize = 20;
/// The largest document that is rewritten as DER, in bytes: many times the largest certificate and request that are read.
const LARGEST_REWRITTEN: usize = 1 << 20;

/// The first element of some bytes.
pub(super) struct Examined<'a> {
    /// All of it, as it stands.
    pub(super) whole: &'a [u8],
    /// What follows it.
    pub(super) rest: &'a [u8],
    /// Where it is not DER.
    pub(super) oddities: Vec<Oddity>,
    /// The same with every length written as in DER; none where that is how it stands.
    pub(super) rewritten: Option<Vec<u8>>,
}

impl Examined<'_> {
    /// The element with lengths as in DER.
    pub(super) fn der(&self) -> &[u8] {
        self.rewritten.as_deref().unwrap_or(self.whole)
    }
}

/// Why bytes are not an element of BER.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unreadable {
    #[error("there is nothing in it")]
    Empty,
    #[error("it is cut off: {announced} bytes are announced and {present} are there")]
    CutOff { announced: usize, present: usize },
    #[error("byte {offset}: no tag and length of ASN.1 (X.690 section 8.1) stand here")]
    NotAnElement { offset: usize },
}

/// Looks at the first element of some bytes and at everything in it.
pub(super) fn examine(input: &[u8]) -> Result<Examined<'_>, Unreadable> {
    if input.is_empty() {
        return Err(Unreadable::Empty);
    }
    let mut walk = Walk::default();
    let length = walk.element(input, 0, 0)?;
    let (whole, rest) = input.split_at_checked(length).unwrap_or((input, &[]));
    let rewritten =
        (walk.lengths && whole.len() <= LARGEST_REWRITTEN).then(|| rewrite(whole, 0).unwrap_or_default().0);
    Ok(Examined { whole, rest, oddities: walk.told(), rewritten: rewritten.filter(|der| !der.is_empty()) })
}

/// Tag and length of an element.
struct Header {
    /// The first byte of its tag.
    tag: u8,
    /// How many bytes the tag takes.
    tag_length: usize,
    /// How many bytes tag and length take.
    length: usize,
    /// The length of the content; none where it is indefinite.
    content: Option<usize>,
    /// Whether the length is written in the fewest bytes.
    minimal: bool,
}

fn header(input: &[u8]) -> Option<Header> {
    let (&tag, mut rest) = input.split_first()?;
    let mut tag_length = 1;
    if tag & 0x1f == 0x1f {
        // A tag number of several bytes, each but the last with its highest bit set; four are more than anybody uses.
        let last = rest.iter().take(4).position(|byte| byte & 0x80 == 0)?;
        tag_length += last + 1;
        rest = rest.get(last + 1..)?;
    }
    let (&first, rest) = rest.split_first()?;
    let header = |octets: usize, content, minimal| {
        Some(Header { tag, tag_length, length: tag_length + 1 + octets, content, minimal })
    };
    match first {
        0..0x80 => header(0, Some(usize::from(first)), true),
        0x80 if tag & 0x20 != 0 => header(0, None, true),
        0x80 => None,
        _ => {
            let octets = rest.get(..usize::from(first & 0x7f))?;
            let zeros = octets.iter().take_while(|byte| **byte == 0).count();
            let significant = octets.get(zeros..)?;
            if significant.len() > size_of::<u32>() {
                return None;
            }
            let content = significant.iter().fold(0, |length, byte| length << 8 | usize::from(*byte));
            header(octets.len(), Some(content), zeros == 0 && content >= 0x80)
        }
    }
}

#[derive(Default)]
struct Walk {
    oddities: Vec<Oddity>,
    untold: usize,
    /// Whether a length is not that of DER.
    lengths: bool,
}

impl Walk {
    fn tell(&mut self, offset: usize, what: impl Into<String>, source: &'static str) {
        if self.oddities.len() < MOST_TOLD {
            self.oddities.push(Oddity::new(format!("byte {offset}: {}", what.into()), source));
        } else {
            self.untold += 1;
        }
    }

    fn told(mut self) -> Vec<Oddity> {
        if self.untold > 0 {
            let what = format!("{} more places are not DER", self.untold);
            self.oddities.push(Oddity::new(what, "X.690 section 10"));
        }
        self.oddities
    }

    /// Looks at the element that starts here; `at` is its place in the document. Gives its length.
    fn element(&mut self, input: &[u8], at: usize, depth: usize) -> Result<usize, Unreadable> {
        let header = header(input).ok_or(Unreadable::NotAnElement { offset: at })?;
        let body = input.get(header.length..).unwrap_or_default();
        let Some(length) = header.content else {
            self.lengths = true;
            self.tell(at, "the length is indefinite", "X.690 section 10.1");
            if depth >= DEEPEST {
                return Err(Unreadable::NotAnElement { offset: at });
            }
            return self.until_end(body, at + header.length, depth).map(|content| header.length + content);
        };
        if !header.minimal {
            self.lengths = true;
            self.tell(at, "the length is not written in the fewest bytes", "X.690 section 10.1");
        }
        let content = body.get(..length).ok_or(Unreadable::CutOff {
            announced: header.length.saturating_add(length),
            present: input.len(),
        })?;
        if header.tag & 0x20 == 0 {
            self.primitive(header.tag, content, at);
        } else {
            if matches!(header.tag, 0x23..=0x24 | 0x2c | 0x32..=0x3e) {
                self.tell(at, "a string is put together from parts", "X.690 section 10.2");
            }
            if depth < DEEPEST {
                self.children(header.tag, content, at + header.length, depth);
            }
        }
        Ok(header.length + length)
    }

    /// Looks at the elements of a content; where they end, or are none, is not this room's concern.
    fn children(&mut self, parent: u8, content: &[u8], at: usize, depth: usize) {
        let mut rest = content;
        let mut before: Option<&[u8]> = None;
        while !rest.is_empty() {
            let here = at + content.len() - rest.len();
            let Some((child, after)) =
                self.element(rest, here, depth + 1).ok().and_then(|length| rest.split_at_checked(length))
            else {
                self.tell(here, "no element of ASN.1 stands where one should", "X.690 section 8.1");
                return;
            };
            if parent == tag::SET && before.is_some_and(|before| before > child) {
                self.tell(here, "the elements of a SET OF are not in ascending order", "X.690 section 11.6");
            }
            before = Some(child);
            rest = after;
        }
    }

    /// The elements up to the two zeros that end an indefinite length; gives the length with them.
    fn until_end(&mut self, body: &[u8], at: usize, depth: usize) -> Result<usize, Unreadable> {
        let mut rest = body;
        loop {
            let here = at + body.len() - rest.len();
            if rest.starts_with(&[0, 0]) {
                return Ok(body.len() - rest.len() + 2);
            }
            let length = self.element(rest, here, depth + 1)?;
            rest = rest.get(length..).ok_or(Unreadable::NotAnElement { offset: here })?;
        }
    }

    fn primitive(&mut self, tag: u8, content: &[u8], at: usize) {
        match (tag, content) {
            (1, [0 | 0xff]) => {}
            (1, [_]) => self.tell(at, "TRUE is not written as FF", "X.690 section 11.1"),
            (1, _) => self.tell(at, "a BOOLEAN is not one byte long", "X.690 section 8.2"),
            (tag::INTEGER, []) => self.tell(at, "an INTEGER has no content", "X.690 section 8.3.1"),
            (tag::INTEGER, [0, next, ..]) if *next < 0x80 => {
                self.tell(at, "an INTEGER has a leading zero byte too many", "X.690 section 8.3.2");
            }
            (tag::INTEGER, [0xff, next, ..]) if *next >= 0x80 => {
                self.tell(at, "a negative INTEGER has a leading byte FF too many", "X.690 section 8.3.2");
            }
            (tag::BIT_STRING, [] | [8..=255, ..]) => {
                self.tell(at, "a BIT STRING does not say how many bits are unused", "X.690 section 8.6.2");
            }
            (tag::BIT_STRING, [unused, .., last]) if last & ((1 << unused) - 1) != 0 => {
                self.tell(at, "unused bits of a BIT STRING are not zero", "X.690 section 11.2.1");
            }
            _ => {}
        }
    }
}

/// An element with its lengths written as in DER, and how many bytes it took before. `None` only where it is no element.
fn rewrite(input: &[u8], depth: usize) -> Option<(Vec<u8>, usize)> {
    let header = header(input)?;
    let body = input.get(header.length..)?;
    let tag_bytes = input.get(..header.tag_length)?;
    let mut content = Vec::new();
    let mut taken = 0;
    if let Some(length) = header.content {
        let whole = body.get(..length)?;
        taken = length;
        content = if header.tag & 0x20 != 0 && depth < DEEPEST { all(whole, depth) } else { whole.to_vec() };
    } else {
        loop {
            let rest = body.get(taken..)?;
            if rest.starts_with(&[0, 0]) {
                taken += 2;
                break;
            }
            if depth >= DEEPEST {
                return None;
            }
            let (child, length) = rewrite(rest, depth + 1)?;
            content.extend(child);
            taken += length;
        }
    }
    // The helper knows tags of one byte; the others keep theirs before its length.
    let mut out = element(header.tag, &[&content]);
    out.splice(..1, tag_bytes.iter().copied());
    Some((out, header.length + taken))
}

/// Every element of a content, rewritten; what is none stays as it is.
fn all(content: &[u8], depth: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(content.len());
    let mut rest = content;
    while let Some((child, length)) = rewrite(rest, depth + 1) {
        out.extend(child);
        rest = rest.get(length..).unwrap_or_default();
    }
    out.extend_from_slice(rest);
    out
}

/// Tag, content and whole of an element as it stands.
pub(super) type Part<'a> = (u8, &'a [u8], &'a [u8]);

/// The elements within the first one; `None` where it is not made of elements.
pub(super) fn parts(input: &[u8]) -> Option<Vec<Part<'_>>> {
    let mut walk = Walk::default();
    let length = walk.element(input, 0, 0).ok()?;
    let outer = header(input)?;
    let end = if outer.content.is_some() { length } else { length.checked_sub(2)? };
    let mut rest = input.get(outer.length..end)?;
    let mut parts = Vec::new();
    while !rest.is_empty() {
        let inner = header(rest)?;
        let (whole, after) = rest.split_at_checked(walk.element(rest, 0, 1).ok()?)?;
        let content = match inner.content {
            Some(length) => whole.get(inner.length..)?.get(..length)?,
            None => whole.get(inner.length..whole.len().checked_sub(2)?)?,
        };
        parts.push((inner.tag, content, whole));
        rest = after;
    }
    Some(parts)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_not_der_is_told_and_rewritten() {
        let same: &[u8] = &[];
        let cases: [(&[u8], &[u8], &[&str]); 12] = [
            (&[0x30, 3, 2, 1, 5], same, &[]),
            (
                &[0x30, 0x81, 3, 2, 1, 5],
                &[0x30, 3, 2, 1, 5],
                &["byte 0: the length is not written in the fewest bytes"],
            ),
            (
                &[0x30, 4, 2, 0x81, 1, 5],
                &[0x30, 3, 2, 1, 5],
                &["byte 2: the length is not written in the fewest bytes"],
            ),
            (&[0x30, 0x80, 2, 1, 5, 0, 0], &[0x30, 3, 2, 1, 5], &["byte 0: the length is indefinite"]),
            (
                &[0xa0, 0x80, 0x30, 0x80, 0, 0, 0, 0],
                &[0xa0, 2, 0x30, 0],
                &["byte 0: the length is indefinite", "byte 2: the length is indefinite"],
            ),
            (
                &[0xbf, 0x81, 0x01, 0x81, 1, 0xff],
                &[0xbf, 0x81, 0x01, 1, 0xff],
                &[
                    "byte 0: the length is not written in the fewest bytes",
                    "byte 5: no element of ASN.1 stands where one should",
                ],
            ),
            (&[0x30, 3, 1, 1, 1], same, &["byte 2: TRUE is not written as FF"]),
            (&[0x30, 4, 2, 2, 0, 5], same, &["byte 2: an INTEGER has a leading zero byte too many"]),
            (
                &[0x30, 4, 2, 2, 0xff, 0x85],
                same,
                &["byte 2: a negative INTEGER has a leading byte FF too many"],
            ),
            (
                &[0x31, 6, 2, 1, 5, 2, 1, 4],
                same,
                &["byte 5: the elements of a SET OF are not in ascending order"],
            ),
            (&[3, 2, 3, 0xff], same, &["byte 0: unused bits of a BIT STRING are not zero"]),
            (&[0x24, 3, 4, 1, 7], same, &["byte 0: a string is put together from parts"]),
        ];
        for (input, rewritten, oddities) in cases {
            let padded = [input, &[9, 9]].concat();
            let examined = examine(&padded).unwrap();
            assert_eq!((examined.whole, examined.rest), (input, &[9, 9][..]), "{input:02x?}");
            assert_eq!(examined.rewritten.as_deref().unwrap_or_default(), rewritten, "{input:02x?}");
            let told: Vec<&str> = examined.oddities.iter().map(|oddity| oddity.what.as_str()).collect();
            assert_eq!(told, oddities, "{input:02x?}");
        }
    }

    #[test]
    fn what_is_no_element_is_said() {
        for (input, reason) in [
            (&[][..], "there is nothing in it"),
            (&[0x30, 5, 1], "it is cut off: 7 bytes are announced and 3 are there"),
            (
                &[0x30, 0x85, 1, 1, 1, 1, 1],
                "byte 0: no tag and length of ASN.1 (X.690 section 8.1) stand here",
            ),
            (&[4, 0x80, 0, 0], "byte 0: no tag and length of ASN.1 (X.690 section 8.1) stand here"),
            (&[0x30, 0x80, 4], "byte 2: no tag and length of ASN.1 (X.690 section 8.1) stand here"),
        ] {
            assert_eq!(examine(input).err().unwrap().to_string(), reason, "{input:02x?}");
        }
    }

    #[test]
    fn nesting_is_bounded() {
        let deep = [[0x30, 0x80].repeat(100_000), vec![0; 200_000]].concat();
        assert!(examine(&deep).is_err());
        let mut deep = vec![5, 0];
        for _ in 0..1000 {
            deep = element(0x30, &[&deep]);
        }
        assert!(examine(&deep).unwrap().oddities.is_empty());
        // Many deviations are counted, not listed.
        let many = element(0x30, &[&[2, 2, 0, 5].repeat(100_000)]);
        let told = examine(&many).unwrap().oddities;
        assert_eq!((told.len(), told[20].what.as_str()), (21, "99980 more places are not DER"));
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(input in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(examined) = examine(&input) {
                prop_assert_eq!(examined.whole.len() + examined.rest.len(), input.len());
                let again = examine(examined.der()).unwrap();
                prop_assert!(again.rest.is_empty());
                // What was rewritten stays as it is, unless there is something in it that nobody could rewrite.
                let whole = examined.oddities.iter().all(|oddity| oddity.source != "X.690 section 8.1");
                prop_assert!(again.rewritten.is_none() || !whole);
            }
        }

        #[test]
        fn arbitrary_elements_never_panic(
            input in prop::collection::vec(prop::sample::select(vec![0x30u8, 0x31, 0x80, 0xa0, 0, 1, 2, 3, 4, 0x81, 0x1f, 0xff]), 0..60),
        ) {
            if let Ok(examined) = examine(&input) {
                let again = examine(examined.der()).unwrap();
                prop_assert!(again.rest.is_empty());
            }
        }
    }
}
