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
