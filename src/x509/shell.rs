//! Words of a shell.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use super::Printable;

/// A word as a shell takes it for exactly these bytes, safe to show. Words with what a terminal does not show as it is are written in
/// bash's `$'…'`, which other shells are taking over (POSIX.1-2024).
pub fn quoted(word: impl AsRef<OsStr>) -> String {
    let bytes = word.as_ref().as_bytes();
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"/._-+=:@%,".contains(byte);
    if let Ok(text) = std::str::from_utf8(bytes) {
        if !text.is_empty() && bytes.iter().all(plain) {
            return text.to_owned();
        }
        // A backtick would end the code in which the command is told.
        if Printable(text).to_string() == text && !text.contains('`') {
            return format!("'{}'", text.replace('\'', r"'\''"));
        }
    }
    let mut out = String::from("$'");
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '\\' | '\'' => {
                    out.push('\\');
                    out.push(c);
                }
                '`' => out.push_str(r"\x60"),
                c if Printable(c.encode_utf8(&mut [0; 4])).to_string().starts_with(c) => out.push(c),
                c => c.encode_utf8(&mut [0; 4]).bytes().for_each(|byte| escaped(&mut out, byte)),
            }
        }
        chunk.invalid().iter().for_each(|byte| escaped(&mut out, *byte));
    }
    out.push('\'');
    out
}

fn escaped(out: &mut String, byte: u8) {
    // Writing into a String does not fail. Three digits of base eight end where they end, whatever follows.
    let _ = write!(out, "\\{byte:03o}");
}

/// The path of a file as a shell takes it, safe to show: in quotes where it needs them, and no program takes it for an option.
pub fn shell_word(path: impl AsRef<Path>) -> String {
    let path = path.as_ref();
    if path.as_os_str().as_bytes().starts_with(b"-") {
        return quoted(Path::new(".").join(path));
    }
    quoted(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_where_a_shell_would_read_more() {
        for (word, text) in [
            ("pki/ca.crt", "pki/ca.crt"),
            ("", "''"),
            ("a b", "'a b'"),
            ("it's", r"'it'\''s'"),
            ("$(id)", "'$(id)'"),
            ("~root", "'~root'"),
            ("a\nb", r"$'a\012b'"),
            ("a`id`", r"$'a\x60id\x60'"),
            ("\u{202e}x", r"$'\342\200\256x'"),
            ("é", "'é'"),
        ] {
            assert_eq!(quoted(word), text, "{word:?}");
        }
        assert_eq!(quoted(OsStr::from_bytes(b"a\xff'")), r"$'a\377\''");
        assert_eq!(shell_word("-rf"), "./-rf");
    }
}
