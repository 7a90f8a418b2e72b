//! Text from certificates and requests, made safe to show.

use std::fmt;

/// A text as it may be shown to a person: characters that move a terminal's cursor, hide or reorder
/// what stands around them are written as `\u{…}`.
pub struct Printable<'a>(
    /// The text as it was read.
    pub &'a str,
);

impl fmt::Display for Printable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
            return f.write_str(self.0);
        }
        for c in self.0.chars() {
            if is_deceptive(c) {
                write!(f, "{}", c.escape_unicode())?;
            } else {
                write!(f, "{c}")?;
            }
        }
        Ok(())
    }
}

/// Control characters, and the format characters of Unicode's general category Cf that are invisible
/// or reorder text (Unicode Technical Report 36, section 3.5).
pub(crate) fn is_deceptive(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// The identifiers that nearly every certificate carries, by their DER content: the general way from bytes to text
/// takes as long as reading everything else of an extension.
const COMMON: [(&[u8], &str); 15] = [
    (&[0x55, 4, 3], "2.5.4.3"),
    (&[0x55, 4, 10], "2.5.4.10"),
    (&[0x55, 4, 11], "2.5.4.11"),
    (&[0x55, 0x1d, 14], "2.5.29.14"),
    (&[0x55, 0x1d, 15], "2.5.29.15"),
    (&[0x55, 0x1d, 17], "2.5.29.17"),
    (&[0x55, 0x1d, 19], "2.5.29.19"),
    (&[0x55, 0x1d, 30], "2.5.29.30"),
    (&[0x55, 0x1d, 35], "2.5.29.35"),
    (&[0x55, 0x1d, 37], "2.5.29.37"),
    (&[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2], "1.2.840.10045.4.3.2"),
    (&[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 3], "1.2.840.10045.4.3.3"),
    (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 11], "1.2.840.113549.1.1.11"),
    (&[0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7], "1.2.840.10045.3.1.7"),
    (&[0x2b, 0x65, 0x70], "1.3.101.112"),
];

/// An object identifier in dotted form.
pub(super) fn dotted(oid: &x509_parser::der_parser::Oid<'_>) -> String {
    let common = COMMON.iter().find(|(der, _)| *der == oid.as_bytes());
    common.map_or_else(|| oid.to_id_string(), |(_, text)| (*text).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_identifiers_read_as_the_general_way_reads_them() {
        for (der, text) in COMMON {
            let oid = x509_parser::der_parser::Oid::new(der.into());
            assert_eq!((dotted(&oid), oid.to_id_string()), (text.to_owned(), text.to_owned()));
        }
    }
}
