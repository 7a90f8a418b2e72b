//! Text ↔ labelled DER blocks with line spans (RFC 7468).
//!
//! The blocks and their lines are found here; the base64 engine decodes and encodes them straight
//! into buffers that are wiped when they are dropped, for any block may hold a private key.

mod go;
mod scan;

use std::fmt;

use base64::engine::general_purpose::STANDARD;
use base64::{DecodeError, DecodeSliceError, Engine as _};
use zeroize::Zeroizing;

pub use self::go::{GoBlock, Unseen, decode_as_go, is_plain, unseen_by_go};
pub use self::scan::{Found, has_block, scan};

/// An X.509 certificate (RFC 7468 section 5).
pub const CERTIFICATE: &str = "CERTIFICATE";
/// A certificate with OpenSSL's own trust settings behind it (`openssl x509 -trustout`).
pub const TRUSTED_CERTIFICATE: &str = "TRUSTED CERTIFICATE";
/// A certificate revocation list (RFC 7468 section 6).
pub const X509_CRL: &str = "X509 CRL";
/// A PKCS#10 certification request (RFC 7468 section 7).
pub const CERTIFICATE_REQUEST: &str = "CERTIFICATE REQUEST";
/// The older label of a PKCS#10 certification request (RFC 7468 section 7).
pub const NEW_CERTIFICATE_REQUEST: &str = "NEW CERTIFICATE REQUEST";
/// A private key in PKCS#8 (RFC 7468 section 10).
pub const PRIVATE_KEY: &str = "PRIVATE KEY";
/// A private key in encrypted PKCS#8 (RFC 7468 section 11).
pub const ENCRYPTED_PRIVATE_KEY: &str = "ENCRYPTED PRIVATE KEY";
/// An RSA private key in PKCS#1 (RFC 8017 appendix A.1.2), as OpenSSL labels it.
pub const RSA_PRIVATE_KEY: &str = "RSA PRIVATE KEY";
/// An elliptic-curve private key in SEC 1 (RFC 5915 section 4).
pub const EC_PRIVATE_KEY: &str = "EC PRIVATE KEY";
/// A `SubjectPublicKeyInfo` (RFC 7468 section 13).
pub const PUBLIC_KEY: &str = "PUBLIC KEY";

const BEGIN: &[u8] = b"-----BEGIN";
const END: &[u8] = b"-----END";
const DASHES: &[u8] = b"-----";
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Bytes in a line of 64 base64 characters (RFC 7468 section 2).
const BYTES_PER_LINE: usize = 48;

/// One block of a PEM text: its label, what it holds and where it stood.
#[derive(Clone, PartialEq, Eq)]
pub struct Block {
    /// What stands between `-----BEGIN ` and `-----`.
    pub label: String,
    /// The decoded bytes, wiped when dropped.
    pub der: Zeroizing<Vec<u8>>,
    /// The lines of the text that the block covers.
    pub span: Span,
}

impl fmt::Debug for Block {
    /// Says how long the contents are, never what they are.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Block")
            .field("label", &self.label)
            .field("span", &self.span)
            .field("bytes", &self.der.len())
            .finish_non_exhaustive()
    }
}

/// The lines of a block in its text, counted from 1, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Span {
    /// The line of `-----BEGIN …-----`.
    pub first_line: usize,
    /// The line of `-----END …-----`.
    pub last_line: usize,
}

/// Why a text is not PEM. Every line is counted from 1.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PemError {
    /// A line starts like a BEGIN or END line and is none.
    #[error("line {line}: a line of the form `-----BEGIN LABEL-----` or `-----END LABEL-----` is expected")]
    Boundary {
        /// The line.
        line: usize,
    },
    /// A block without END line.
    #[error("line {line}: the block `{label}` that begins here has no END line")]
    NoEnd {
        /// The BEGIN line.
        line: usize,
        /// The label on it.
        label: String,
    },
    /// An END line without BEGIN line.
    #[error("line {line}: an END line without a BEGIN line before it")]
    NoBegin {
        /// The END line.
        line: usize,
    },
    /// The two labels of a block differ.
    #[error("line {line}: the block began as `{begin}` and ends as `{end}`")]
    LabelDiffers {
        /// The END line.
        line: usize,
        /// The label on the BEGIN line.
        begin: String,
        /// The label on the END line.
        end: String,
    },
    /// A character that does not belong in base64.
    #[error("line {line}: {character:?} does not belong in base64")]
    Character {
        /// The line.
        line: usize,
        /// The character; above U+007F, only the byte is told.
        character: char,
    },
    /// The base64 of a block is cut short or ends in stray bits.
    #[error("line {line}: the base64 ends in the wrong place; something is missing or was added")]
    Length {
        /// The last line of the base64.
        line: usize,
    },
    /// A header (RFC 1421) inside a block. Go's Kubernetes clients skip such blocks; RFC 7468 knows none.
    #[error("line {line}: a header inside the block; only plain blocks are read")]
    Header {
        /// The line of the header.
        line: usize,
    },
    /// A private key encrypted in the way of OpenSSL before PKCS#8 (MD5 for the key derivation).
    #[error("line {line}: legacy encrypted, convert with openssl pkcs8 -topk8")]
    LegacyEncrypted {
        /// The line of the `Proc-Type` header.
        line: usize,
    },
}

/// Finds every block of a text, in order.
///
/// Text around the blocks is allowed, as are CRLF, a byte order mark, and spaces at both ends of a
/// line. A text without BEGIN line holds no block: `Ok(vec![])`.
///
/// # Errors
///
/// Fails on the first thing that is wrong, with its line: a block that is silently left out is
/// worse than a text that is refused.
pub fn parse(text: &[u8]) -> Result<Vec<Block>, PemError> {
    let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
    let mut blocks = Vec::new();
    let mut stray_end = None;
    let mut lines = (1..).zip(text.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii));
    while let Some((line, content)) = lines.next() {
        if content.starts_with(BEGIN) {
            let label = label(content, BEGIN).ok_or(PemError::Boundary { line })?;
            blocks.push(block(line, label, &mut lines)?);
        } else if content.starts_with(END) {
            stray_end.get_or_insert(line);
        }
    }
    match stray_end {
        Some(line) if !blocks.is_empty() => Err(PemError::NoBegin { line }),
        _ => Ok(blocks),
    }
}

/// Reads the rest of a block, up to and with its END line.
fn block<'a>(
    first_line: usize,
    label: &str,
    lines: &mut impl Iterator<Item = (usize, &'a [u8])>,
) -> Result<Block, PemError> {
    let mut body: Vec<(usize, &[u8])> = Vec::new();
    for (line, content) in lines {
        if content.starts_with(END) {
            let end = self::label(content, END).ok_or(PemError::Boundary { line })?;
            if end != label {
                let (begin, end) = (label.to_owned(), end.to_owned());
                return Err(PemError::LabelDiffers { line, begin, end });
            }
            let span = Span { first_line, last_line: line };
            return Ok(Block { label: label.to_owned(), der: decode(&body)?, span });
        }
        if content.starts_with(BEGIN) {
            break;
        }
        if content.starts_with(b"Proc-Type:") && content.ends_with(b"ENCRYPTED") {
            return Err(PemError::LegacyEncrypted { line });
        }
        if content.contains(&b':') {
            return Err(PemError::Header { line });
        }
        if !content.is_empty() {
            body.push((line, content));
        }
    }
    Err(PemError::NoEnd { line: first_line, label: label.to_owned() })
}

/// The label of a BEGIN or END line: printable ASCII without a dash at either end.
fn label<'a>(line: &'a [u8], keyword: &[u8]) -> Option<&'a str> {
    let label = line.strip_prefix(keyword)?.strip_prefix(b" ")?.strip_suffix(DASHES)?;
    let label = str::from_utf8(label).ok()?;
    let printable = |c: char| c.is_ascii_graphic() || c == ' ';
    let edge = |c: char| c == ' ' || c == '-';
    (!label.is_empty()
        && label.chars().all(printable)
        && !label.starts_with(edge)
        && !label.ends_with(edge)
        && !label.contains("-----"))
    .then_some(label)
}

/// Decodes the base64 lines of a block.
fn decode(body: &[(usize, &[u8])]) -> Result<Zeroizing<Vec<u8>>, PemError> {
    // Reserved in full at once: a buffer that grows leaves copies behind.
    let room = body.iter().map(|(_, content)| content.len()).sum();
    let mut characters = Zeroizing::new(Vec::with_capacity(room));
    for (_, content) in body {
        if content.iter().any(u8::is_ascii_whitespace) {
            characters.extend(content.iter().filter(|byte| !byte.is_ascii_whitespace()));
        } else {
            characters.extend_from_slice(content);
        }
    }
    let mut der = Zeroizing::new(vec![0; base64::decoded_len_estimate(characters.len())]);
    match STANDARD.decode_slice(&*characters, &mut der) {
        Ok(length) => {
            der.truncate(length);
            Ok(der)
        }
        Err(error) => Err(decode_error(body, &error)),
    }
}

/// Turns an offset among the base64 characters into a line.
fn decode_error(body: &[(usize, &[u8])], error: &DecodeSliceError) -> PemError {
    let last = body.last().map_or(0, |(line, _)| *line);
    let &DecodeSliceError::DecodeError(DecodeError::InvalidByte(offset, byte)) = error else {
        return PemError::Length { line: last };
    };
    let mut characters = body
        .iter()
        .flat_map(|(line, content)| content.iter().filter(|byte| !byte.is_ascii_whitespace()).map(|_| *line));
    PemError::Character { line: characters.nth(offset).unwrap_or(last), character: char::from(byte) }
}

/// Writes one block: 64 columns and LF, as Go and OpenSSL do. The text is wiped when dropped.
pub fn encode(label: &str, der: &[u8]) -> Zeroizing<String> {
    let lines = der.len().div_ceil(BYTES_PER_LINE);
    let frame = 2 * (BEGIN.len() + 1 + label.len() + DASHES.len() + 1);
    // Reserved in full at once: a buffer that grows leaves copies behind.
    let mut text = Zeroizing::new(String::with_capacity(frame + lines * (BYTES_PER_LINE / 3 * 4 + 1)));
    let mut line = Zeroizing::new([0; BYTES_PER_LINE / 3 * 4]);
    text.extend(["-----BEGIN ", label, "-----\n"]);
    for chunk in der.chunks(BYTES_PER_LINE) {
        // 48 bytes always fit in 64 characters, and base64 is ASCII: neither default is ever taken.
        let length = STANDARD.encode_slice(chunk, &mut line[..]).unwrap_or_default();
        text.push_str(line.get(..length).and_then(|line| str::from_utf8(line).ok()).unwrap_or_default());
        text.push('\n');
    }
    text.extend(["-----END ", label, "-----\n"]);
    text
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use proptest::prelude::*;

    use super::*;

    fn labels_and_lines(text: &[u8]) -> Vec<(String, usize, usize)> {
        parse(text)
            .unwrap()
            .into_iter()
            .map(|block| (block.label, block.span.first_line, block.span.last_line))
            .collect()
    }

    #[test]
    fn noise_around_blocks_is_allowed_and_lines_are_counted() {
        let block = |label: &str| encode(label, b"some bytes").to_string();
        let (a, b) = (block(CERTIFICATE), block(PRIVATE_KEY));
        let table = [
            (String::new(), vec![]),
            ("no block\nhere".to_owned(), vec![]),
            ("-----END CERTIFICATE-----\n".to_owned(), vec![]),
            (a.clone(), vec![(CERTIFICATE, 1, 3)]),
            (a.trim_end().to_owned(), vec![(CERTIFICATE, 1, 3)]),
            (format!("{a}{b}"), vec![(CERTIFICATE, 1, 3), (PRIVATE_KEY, 4, 6)]),
            (format!("\u{feff}{a}"), vec![(CERTIFICATE, 1, 3)]),
            (format!("# s:/CN=a\n\n{a}\ni: b\n{b}end"), vec![(CERTIFICATE, 3, 5), (PRIVATE_KEY, 8, 10)]),
            (a.replace('\n', "\r\n"), vec![(CERTIFICATE, 1, 3)]),
            (a.replace('\n', "  \n\t "), vec![(CERTIFICATE, 1, 3)]),
            (a.replace('\n', "\n\n"), vec![(CERTIFICATE, 1, 5)]),
        ];
        for (text, expected) in table {
            let expected: Vec<_> =
                expected.into_iter().map(|(label, a, b)| (label.to_owned(), a, b)).collect();
            assert_eq!(labels_and_lines(text.as_bytes()), expected, "{text:?}");
        }
        // What is not UTF-8 around a block is nobody's business.
        assert_eq!(labels_and_lines(&[b"\xff\xfe\n", a.as_bytes()].concat()).len(), 1);
        assert_eq!(**parse(a.as_bytes()).unwrap()[0].der, *b"some bytes");
    }

    #[test]
    fn errors_name_the_line() {
        let good = encode(CERTIFICATE, &[7; 100]).to_string();
        let table: [(String, &str); 14] = [
            (
                "\n-----BEGIN A-----\nAAAA\n".to_owned(),
                "line 2: the block `A` that begins here has no END line",
            ),
            (format!("-----BEGIN A-----\nAAAA\n{good}"), "line 1: the block `A` that begins here has no END"),
            (
                "-----BEGIN A-----\n-----END B-----\n".to_owned(),
                "line 2: the block began as `A` and ends as `B`",
            ),
            ("-----BEGIN A----\nAAAA\n-----END A-----\n".to_owned(), "line 1: a line of the form"),
            ("-----BEGIN -----\nAAAA\n-----END -----\n".to_owned(), "line 1: a line of the form"),
            ("-----BEGINA-----\n".to_owned(), "line 1: a line of the form"),
            ("-----BEGIN A-----\nAAAA\n-----END A---\n".to_owned(), "line 3: a line of the form"),
            (format!("{good}-----END A-----\n"), "line 6: an END line without a BEGIN line"),
            ("-----BEGIN A-----\nAAAA\nAA*A\n-----END A-----\n".to_owned(), "line 3: '*' does not belong"),
            ("-----BEGIN A-----\nAA=A\nAAAA\n-----END A-----\n".to_owned(), "line 2: '=' does not belong"),
            ("-----BEGIN A-----\nAAAA\nAAA\n-----END A-----\n".to_owned(), "line 3: the base64 ends"),
            ("-----BEGIN A-----\nAB==\n-----END A-----\n".to_owned(), "line 2: the base64 ends"),
            ("-----BEGIN A-----\nfriendlyName: x\n\nAAAA\n-----END A-----\n".to_owned(), "line 2: a header"),
            (
                "-----BEGIN A-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: X\n\nAAAA\n-----END A-----\n"
                    .to_owned(),
                "line 2: legacy encrypted, convert with openssl pkcs8 -topk8",
            ),
        ];
        for (text, expected) in table {
            let error = parse(text.as_bytes()).unwrap_err().to_string();
            assert!(error.starts_with(expected), "{text:?}: {error}");
        }
    }

    fn openssl(arguments: &[&str]) -> Vec<u8> {
        let output = Command::new("openssl").args(arguments).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    }

    #[test]
    fn openssl_writes_what_is_read_and_reads_what_is_written() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
        let (key, certificate, der) = (path("key"), path("certificate"), path("der"));
        openssl(&[
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-subj",
            "/CN=a",
            "-keyout",
            &key,
            "-out",
            &certificate,
        ]);
        // `-text` puts a page of noise before the block.
        let text = openssl(&["x509", "-in", &certificate, "-text"]);
        let expected = openssl(&["x509", "-in", &certificate, "-outform", "DER"]);
        let blocks = parse(&text).unwrap();
        assert_eq!((blocks.len(), blocks[0].label.as_str()), (1, CERTIFICATE));
        assert_eq!(*blocks[0].der, expected);
        assert!(blocks[0].span.first_line > 20);
        openssl(&["x509", "-in", &certificate, "-outform", "DER", "-out", &der]);
        let written = openssl(&["x509", "-in", &der, "-inform", "DER"]);
        assert_eq!(encode(CERTIFICATE, &expected).as_bytes(), written);
    }

    #[test]
    fn debug_shows_no_contents() {
        let block = parse(encode(PRIVATE_KEY, b"secret").as_bytes()).unwrap().remove(0);
        let expected =
            "Block { label: \"PRIVATE KEY\", span: Span { first_line: 1, last_line: 3 }, bytes: 6, .. }";
        assert_eq!(format!("{block:?}"), expected);
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_read_back(der in prop::collection::vec(any::<u8>(), 0..400)) {
            let text = encode(CERTIFICATE, &der);
            let blocks = parse(text.as_bytes()).unwrap();
            prop_assert_eq!(blocks.len(), 1);
            prop_assert_eq!(&*blocks[0].der, &der);
            // The crate `pem` as a second opinion on the very text.
            let config = ::pem::EncodeConfig::new().set_line_ending(::pem::LineEnding::LF);
            if !der.is_empty() {
                prop_assert_eq!(&*text, &::pem::encode_config(&::pem::Pem::new(CERTIFICATE, der), config));
            }
        }

        #[test]
        fn arbitrary_bytes_never_panic(text in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse(&text);
        }

        #[test]
        fn arbitrary_lines_never_panic(
            text in "(-----BEGIN A-----|-----END A-----|-----|[A-Za-z0-9+/=]{0,9}|:|\r|\n|\u{feff}| ){0,40}",
        ) {
            let _ = parse(text.as_bytes());
        }

        #[test]
        fn a_mutated_block_never_panics(at in 0usize..200, byte in any::<u8>()) {
            let mut text = encode(CERTIFICATE, &[9; 90]).as_bytes().to_vec();
            if let Some(target) = text.get_mut(at) {
                *target = byte;
            }
            let _ = parse(&text);
        }
    }
}
