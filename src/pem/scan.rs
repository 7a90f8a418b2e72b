//! Every block of a text, whole or broken: for those who want to know what is in a file, not to use it.

use std::fmt;

use zeroize::Zeroizing;

use super::{BEGIN, BYTE_ORDER_MARK, END, PemError, Span, decode, label};

/// One block as it stands in its text, whole or broken.
pub struct Found {
    /// The label of its BEGIN line (of its END line where the BEGIN line is missing); empty where it cannot be read.
    pub label: String,
    /// Its headers (RFC 1421 section 4.6), name and value.
    pub headers: Vec<(String, String)>,
    /// The lines that it covers; of a broken one, those that were taken for its own.
    pub span: Span,
    /// What it holds, wiped when dropped; or what is wrong with it.
    pub contents: Result<Zeroizing<Vec<u8>>, PemError>,
    /// Whether white space stands before its BEGIN. Go's `encoding/pem` looks for BEGIN at the start of a line only.
    pub indented: bool,
    /// Whether a byte order mark stands before its BEGIN, with the same effect.
    pub behind_mark: bool,
    /// The length of its longest line of base64, in characters. RFC 7468 section 2 has exactly 64 in all but the last.
    pub widest: usize,
}

impl fmt::Debug for Found {
    /// Says how long the contents are, never what they are.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Found")
            .field("label", &self.label)
            .field("span", &self.span)
            .field("bytes", &self.contents.as_ref().map(|bytes| bytes.len()))
            .finish_non_exhaustive()
    }
}

/// Lines of a text with their numbers, and one line that may be put back.
struct Lines<'a, I: Iterator<Item = (usize, &'a [u8])>> {
    rest: I,
    back: Option<(usize, &'a [u8])>,
}

impl<'a, I: Iterator<Item = (usize, &'a [u8])>> Iterator for Lines<'a, I> {
    type Item = (usize, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        self.back.take().or_else(|| self.rest.next())
    }
}

/// Finds every block of a text, in order, as [`parse`](super::parse) does; but what is wrong with one block does not
/// hide the others, and a block with headers is read: one with `Proc-Type: 4,ENCRYPTED` holds its encrypted bytes.
pub fn scan(text: &[u8]) -> impl Iterator<Item = Found> {
    let (text, marked) = match text.strip_prefix(BYTE_ORDER_MARK) {
        Some(text) => (text, true),
        None => (text, false),
    };
    let mut lines = Lines { rest: (1..).zip(text.split(|byte| *byte == b'\n')), back: None };
    std::iter::from_fn(move || {
        loop {
            let (line, raw) = lines.next()?;
            let content = raw.trim_ascii();
            if content.starts_with(BEGIN) {
                let mut block = match label(content, BEGIN) {
                    Some(label) => body(line, label, &mut lines),
                    None => broken(String::new(), line, PemError::Boundary { line }),
                };
                block.indented = raw.first().is_some_and(u8::is_ascii_whitespace);
                block.behind_mark = marked && line == 1;
                return Some(block);
            }
            if content.starts_with(END) {
                let label = label(content, END).map(str::to_owned);
                let error = match label {
                    Some(_) => PemError::NoBegin { line },
                    None => PemError::Boundary { line },
                };
                return Some(broken(label.unwrap_or_default(), line, error));
            }
        }
    })
}

/// Whether a line begins a block, or ends one that has lost its beginning: whether [`scan`] finds anything.
pub fn has_block(text: &[u8]) -> bool {
    let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
    text.split(|byte| *byte == b'\n')
        .map(<[u8]>::trim_ascii)
        .any(|line| line.starts_with(BEGIN) || line.starts_with(END))
}

fn broken(label: String, line: usize, error: PemError) -> Found {
    Found {
        label,
        headers: Vec::new(),
        span: Span { first_line: line, last_line: line },
        contents: Err(error),
        indented: false,
        behind_mark: false,
        widest: 0,
    }
}

/// The rest of a block, up to its END line or to where it breaks off.
fn body<'a>(
    first_line: usize,
    label: &str,
    lines: &mut Lines<'a, impl Iterator<Item = (usize, &'a [u8])>>,
) -> Found {
    let mut block =
        broken(label.to_owned(), first_line, PemError::NoEnd { line: first_line, label: label.to_owned() });
    let mut base64: Vec<(usize, &[u8])> = Vec::new();
    while let Some((line, raw)) = lines.next() {
        let content = raw.trim_ascii();
        if content.starts_with(BEGIN) {
            lines.back = Some((line, raw));
            break;
        }
        block.span.last_line = line;
        if content.starts_with(END) {
            block.contents = match super::label(content, END) {
                None => Err(PemError::Boundary { line }),
                Some(end) if end != label => {
                    Err(PemError::LabelDiffers { line, begin: label.to_owned(), end: end.to_owned() })
                }
                Some(_) => decode(&base64),
            };
            break;
        }
        let colon = content.iter().position(|byte| *byte == b':');
        if let Some((name, value)) = colon.and_then(|at| content.split_at_checked(at)) {
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes.trim_ascii()).into_owned();
            block.headers.push((text(name), text(value.get(1..).unwrap_or_default())));
        } else if !content.is_empty() {
            block.widest = block.widest.max(content.len());
            base64.push((line, content));
        }
    }
    block
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{CERTIFICATE, PRIVATE_KEY, encode, parse};
    use super::*;

    #[test]
    fn one_broken_block_hides_no_other() {
        let good = encode(CERTIFICATE, &[7; 60]).to_string();
        let text = format!(
            "note\n{good}-----BEGIN A-----\nAA*A\n-----END A-----\n-----BEGIN B-----\nAAAA\n-----BEGIN C----\n\
             -----END D-----\n{good}-----BEGIN E-----\nAAAA\n-----END F-----\n-----BEGIN G-----\nAAAA\n"
        );
        let shown: Vec<String> = scan(text.as_bytes())
            .map(|found| {
                let contents = match &found.contents {
                    Ok(bytes) => format!("{} bytes", bytes.len()),
                    Err(error) => error.to_string(),
                };
                format!("{} {}-{} {contents}", found.label, found.span.first_line, found.span.last_line)
            })
            .collect();
        assert_eq!(
            shown,
            [
                "CERTIFICATE 2-5 60 bytes",
                "A 6-8 line 7: '*' does not belong in base64",
                "B 9-10 line 9: the block `B` that begins here has no END line",
                " 11-11 line 11: a line of the form `-----BEGIN LABEL-----` or `-----END LABEL-----` is expected",
                "D 12-12 line 12: an END line without a BEGIN line before it",
                "CERTIFICATE 13-16 60 bytes",
                "E 17-19 line 19: the block began as `E` and ends as `F`",
                "G 20-22 line 20: the block `G` that begins here has no END line",
            ]
        );
    }

    #[test]
    fn what_the_readers_of_go_stumble_over_is_told() {
        let good = encode(CERTIFICATE, &[7; 60]).to_string();
        for (text, indented, behind_mark, widest) in [
            (good.clone(), false, false, 64),
            (format!("  {good}"), true, false, 64),
            (format!("\u{feff}{good}"), false, true, 64),
            (format!("\u{feff}\n{good}"), false, false, 64),
            (format!("-----BEGIN A-----\n\n{}\n-----END A-----", "A".repeat(80)), false, false, 80),
        ] {
            let found = scan(text.as_bytes()).next().unwrap();
            assert_eq!((found.indented, found.behind_mark, found.widest), (indented, behind_mark, widest));
        }
    }

    #[test]
    fn headers_are_told_and_the_bytes_behind_them_read() {
        let text = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00FF\n\n\
                    AAAA\n-----END RSA PRIVATE KEY-----\n";
        let found = scan(text.as_bytes()).next().unwrap();
        assert_eq!(found.headers[0], ("Proc-Type".into(), "4,ENCRYPTED".into()));
        assert_eq!(found.headers[1], ("DEK-Info".into(), "AES-128-CBC,00FF".into()));
        assert_eq!(**found.contents.as_ref().unwrap(), [0, 0, 0]);
        // No contents in Debug: they may be a key.
        let key = scan(encode(PRIVATE_KEY, b"secret").as_bytes()).next().unwrap();
        assert!(!format!("{key:?}").contains("secret") && !format!("{key:?}").contains("115"));
    }

    proptest! {
        /// That there is a block is told without reading it.
        #[test]
        fn blocks_are_told_without_being_read(
            text in "(-----BEGIN A-----|-----END A-----|-----BEGIN |-----|AAAA|\r|\n|\u{feff}| ){0,12}",
        ) {
            prop_assert_eq!(has_block(text.as_bytes()), scan(text.as_bytes()).next().is_some());
        }

        /// What the strict reader takes, this one takes as well.
        #[test]
        fn the_two_readers_agree(
            text in "(-----BEGIN A-----|-----END A-----|-----END B-----|-----|[A-Za-z0-9+/=]{0,9}|:|\r|\n|\u{feff}| ){0,40}",
        ) {
            let found: Vec<Found> = scan(text.as_bytes()).collect();
            match parse(text.as_bytes()) {
                Ok(blocks) if !blocks.is_empty() => {
                    prop_assert_eq!(blocks.len(), found.len());
                    for (block, found) in blocks.iter().zip(&found) {
                        prop_assert_eq!((&block.label, block.span), (&found.label, found.span));
                        prop_assert_eq!(&block.der, found.contents.as_ref().unwrap());
                    }
                }
                Ok(_) => prop_assert!(found.iter().all(|found| found.contents.is_err())),
                Err(_) => prop_assert!(found.iter().any(|found| found.contents.is_err() || !found.headers.is_empty())),
            }
        }
    }
}
