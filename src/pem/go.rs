//! What programs written in Go find in a text: `encoding/pem`'s `Decode`, again and again, as of Go 1.26.
//!
//! It passes over what it cannot read without a word, and is at once stricter than [`scan`](super::scan) (BEGIN stands at
//! the start of a line, after no byte order mark) and more patient (a line of any length, stray bits at the end). Which
//! blocks a component of Kubernetes sees decides what it trusts.

use std::collections::HashMap;
use std::fmt;

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{GeneralPurpose, GeneralPurposeConfig};
use memchr::{memchr, memchr2};
use zeroize::Zeroizing;

use super::{CERTIFICATE, Found, scan};

const BEGIN: &[u8] = b"-----BEGIN ";
const END: &[u8] = b"\n-----END ";
const DASHES: &[u8] = b"-----";

/// Padding is demanded, and the bits behind the last byte may be anything.
const BASE64: GeneralPurpose =
    GeneralPurpose::new(&STANDARD, GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true));

/// One block as Go hands it out.
#[derive(Clone, PartialEq, Eq)]
pub struct GoBlock {
    /// Its label, as text.
    pub label: String,
    /// Whether headers (RFC 1421) stand in it: `AppendCertsFromPEM` passes over such a block, `X509KeyPair` does not.
    pub has_headers: bool,
    /// What it holds, wiped when dropped; nothing where nothing stands between its lines.
    pub der: Zeroizing<Vec<u8>>,
    /// The line of its BEGIN, counted from 1.
    pub line: usize,
}

impl fmt::Debug for GoBlock {
    /// Says how long the contents are, never what they are.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GoBlock")
            .field("label", &self.label)
            .field("line", &self.line)
            .field("bytes", &self.der.len())
            .finish_non_exhaustive()
    }
}

impl GoBlock {
    /// Whether `AppendCertsFromPEM` takes it for a certificate.
    pub fn is_in_pools(&self) -> bool {
        self.label == CERTIFICATE && !self.has_headers
    }
}

/// Every block that Go finds, in order.
pub fn decode_as_go(text: &[u8]) -> Vec<GoBlock> {
    let mut blocks = Vec::new();
    let mut lines = LineNumbers { text, at: 0, line: 1 };
    let mut start = 0;
    // Where the search goes on, and the block that was read up to there.
    while let Some((next, block)) = step(text, start) {
        if let Some((begin, mut block)) = block {
            block.line = lines.of(begin);
            blocks.push(block);
        }
        start = next;
    }
    blocks
}

/// Whether a text is written so plainly that Go finds every block in it that [`scan`](super::scan) finds whole and without
/// headers: each line begins or ends a block at its very start, without a colon that might be a header's, or has no dash, and no white space that Go does not pass over.
pub fn is_plain(text: &[u8]) -> bool {
    if memchr2(b'\r', b'\x0c', text).is_some() {
        let is_odd =
            |line: &[u8]| memchr2(b'\r', b'\x0c', line.strip_suffix(b"\r").unwrap_or(line)).is_some();
        if text.split(|byte| *byte == b'\n').any(is_odd) {
            return false;
        }
    }
    let mut rest = text;
    // From one line with a dash to the next.
    while let Some(dash) = memchr(b'-', rest) {
        let (before, from) = rest.split_at(dash);
        let end = memchr(b'\n', from).unwrap_or(from.len());
        let (line, behind) = from.split_at(end);
        let at_start = before.last().is_none_or(|byte| *byte == b'\n');
        let delimits = line.starts_with(BEGIN) || line.starts_with(b"-----END ");
        if !at_start || !delimits || line.contains(&b':') {
            return false;
        }
        rest = behind;
    }
    true
}

/// Line numbers of places that come in ascending order.
struct LineNumbers<'a> {
    text: &'a [u8],
    at: usize,
    line: usize,
}

impl LineNumbers<'_> {
    fn of(&mut self, place: usize) -> usize {
        let between = self.text.get(self.at..place).unwrap_or_default();
        self.line += between.split(|byte| *byte == b'\n').count().saturating_sub(1);
        self.at = place;
        self.line
    }
}

/// Looks for the first END line behind `start` and the last BEGIN before it. Gives the place behind what was looked at, and
/// the block with the place of its BEGIN where there is one; none at the end of the search.
fn step(text: &[u8], start: usize) -> Option<(usize, Option<(usize, GoBlock)>)> {
    let rest = text.get(start..)?;
    let end = find_end(rest)?;
    let behind_end = start + end + END.len();
    let passed_over = Some((behind_end, None));
    let Some(begin) = find_last_begin(rest.get(..end)?) else { return passed_over };
    // The start of the text, or of what is left of it, counts as the start of a line.
    if begin > 0 && rest.get(begin - 1) != Some(&b'\n') {
        return passed_over;
    }
    let begin = start + begin;
    let (first, mut body) = line(text, begin + BEGIN.len());
    let Some(label) = first.strip_suffix(DASHES) else { return passed_over };
    // The line end before END may be that of the line of BEGIN: then nothing stands between.
    let end = start + end;
    let mut has_headers = false;
    loop {
        if body >= text.len() {
            return None;
        }
        let (header, next) = line(text, body);
        if !header.contains(&b':') {
            break;
        }
        has_headers = true;
        body = next;
    }
    if has_headers && end < body {
        // A header that is the END line itself ends the search.
        return if body > behind_end { None } else { passed_over };
    }
    let behind_label = text.get(behind_end..)?;
    let Some((trailer, after)) = behind_label.split_at_checked(label.len() + DASHES.len()) else {
        return passed_over;
    };
    let (after, _) = line(after, 0);
    if !trailer.starts_with(label) || !trailer.ends_with(DASHES) || !after.is_empty() {
        return passed_over;
    }
    let content = text.get(body..end).unwrap_or_default();
    let Some(der) = decode(content) else { return passed_over };
    let block = GoBlock { label: String::from_utf8_lossy(label).into_owned(), has_headers, der, line: 0 };
    let (_, next) = line(text, behind_end);
    Some((next, Some((begin, block))))
}

/// Where the first END line begins, its line end before it.
fn find_end(text: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        let rest = text.get(at..)?;
        at += rest.iter().position(|byte| *byte == b'\n')?;
        if text.get(at..)?.starts_with(END) {
            return Some(at);
        }
        at += 1;
    }
}

/// Where the last BEGIN begins, on whichever line.
fn find_last_begin(text: &[u8]) -> Option<usize> {
    let mut end = text.len();
    loop {
        // There is no dash in base64, and few elsewhere.
        let dash = text.get(..end)?.iter().rposition(|byte| *byte == b'-')?;
        if text.get(dash..)?.starts_with(BEGIN) {
            return Some(dash);
        }
        end = dash;
    }
}

/// The line that begins here, without its end and the blanks before that, and where the next one begins.
fn line(text: &[u8], from: usize) -> (&[u8], usize) {
    let rest = text.get(from..).unwrap_or_default();
    let (mut content, next) = match rest.iter().position(|byte| *byte == b'\n') {
        Some(end) => (rest.get(..end).unwrap_or_default(), from + end + 1),
        None => (rest, text.len().max(from)),
    };
    if next > from + content.len() {
        content = content.strip_suffix(b"\r").unwrap_or(content);
    }
    while let [before @ .., b' ' | b'\t'] = content {
        content = before;
    }
    (content, next)
}

/// Line ends, blanks and tabs within do not matter.
fn decode(content: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    // Reserved in full at once: a buffer that grows leaves copies behind.
    let mut packed = Zeroizing::new(Vec::with_capacity(content.len()));
    packed.extend(content.iter().filter(|byte| !matches!(byte, b' ' | b'\t' | b'\r' | b'\n')));
    let mut der = Zeroizing::new(vec![0; base64::decoded_len_estimate(packed.len())]);
    let length = BASE64.decode_slice(&*packed, &mut der).ok()?;
    der.truncate(length);
    Some(der)
}

/// A block that people see in a text and Go does not hand out.
#[derive(Debug)]
pub struct Unseen {
    /// The block as people see it.
    pub found: Found,
    /// Which block of the text it is, counted from 0.
    pub number: usize,
    /// Why Go does not see it.
    pub why: String,
}

/// The blocks that people see and `blocks`, which Go found in the same text, are not.
pub fn unseen_by_go(text: &[u8], blocks: &[GoBlock]) -> Vec<Unseen> {
    let seen: HashMap<usize, &str> = blocks.iter().map(|block| (block.line, block.label.as_str())).collect();
    let is_seen = |found: &Found| seen.get(&found.span.first_line) == Some(&found.label.as_str());
    let lines: Vec<&[u8]> = text.split(|byte| *byte == b'\n').collect();
    let all = scan(text).zip(0..).filter(|(found, _)| !is_seen(found));
    all.map(|(found, number)| Unseen { why: why_unseen(&lines, &found), found, number }).collect()
}

fn why_unseen(lines: &[&[u8]], found: &Found) -> String {
    if let Err(error) = &found.contents {
        return error.to_string();
    }
    if found.behind_mark {
        return "a byte order mark stands before its BEGIN".into();
    }
    if found.indented {
        return "white space stands before its BEGIN".into();
    }
    let last = lines.get(found.span.last_line.saturating_sub(1));
    if last.is_some_and(|last| last.first().is_some_and(u8::is_ascii_whitespace)) {
        return "white space stands before its END".into();
    }
    "its lines are not those of a block to Go".into()
}

#[cfg(test)]
mod tests {
    use super::super::encode;
    use super::*;

    /// What Go reads of a text, and what it does not and why.
    fn read(text: &str) -> (Vec<usize>, Vec<String>) {
        let blocks = decode_as_go(text.as_bytes());
        let unseen = unseen_by_go(text.as_bytes(), &blocks);
        (blocks.iter().map(|block| block.line).collect(), unseen.into_iter().map(|one| one.why).collect())
    }

    #[test]
    fn what_go_does_not_see_is_told_with_its_reason() {
        let good = encode(CERTIFICATE, &[7; 60]).to_string();
        let indented = good.replace('\n', "\n  ");
        for (text, lines, why) in [
            (good.clone(), &[1][..], ""),
            (format!("\u{feff}{good}"), &[], "a byte order mark stands before its BEGIN"),
            (format!("\u{feff}{good}{good}"), &[5], "a byte order mark stands before its BEGIN"),
            (format!("  {indented}"), &[], "white space stands before its BEGIN"),
            (good.replace("-----END", " -----END"), &[], "white space stands before its END"),
            (good.replace("Bw", "B*"), &[], "line 2: '*' does not belong in base64"),
            (format!("{}{good}", good.replace("-----END CERTIFICATE-----\n", "")), &[4], "has no END line"),
            (good.replace("\n-----END", "\n\n-----END"), &[1], ""),
            (good.replacen('\n', "\r\n", 9), &[1], ""),
            (good.replacen("-----\n", "-----\na: b\n\n", 1), &[1], ""),
            (format!("{}{good}", good.trim_end()), &[], "a line of the form"),
        ] {
            let (seen, unseen) = read(&text);
            assert_eq!(seen, lines, "{text}");
            assert!(unseen.first().map_or("", String::as_str).contains(why), "{text}: {unseen:?}");
            assert_eq!(unseen.is_empty(), why.is_empty(), "{text}: {unseen:?}");
        }
    }

    proptest::proptest! {
        /// Of a plain text Go finds every block that is whole.
        #[test]
        fn plain_texts_need_not_be_read_as_go_does(
            text in "(-----BEGIN (A|A |A-B|A:B)-----\\s?\n|-----END (A|A |A-B|A:B)-----\\s?\n?|AAAA ?\\s?\n|A: b\n|\n|\u{feff}| |-){0,12}",
        ) {
            let found: Vec<Found> = scan(text.as_bytes()).collect();
            let whole = found.iter().all(|found| found.contents.is_ok() && found.headers.is_empty());
            if whole && is_plain(text.as_bytes()) {
                proptest::prop_assert_eq!(decode_as_go(text.as_bytes()).len(), found.len());
            }
        }
    }

    #[test]
    fn debug_shows_no_contents() {
        let block = decode_as_go(encode("PRIVATE KEY", b"secret").as_bytes()).remove(0);
        assert_eq!(format!("{block:?}"), "GoBlock { label: \"PRIVATE KEY\", line: 1, bytes: 6, .. }");
    }
}
