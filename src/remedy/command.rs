//! Lines of a shell, put together word by word.

use std::ffi::OsStr;
use std::fmt::{self, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use crate::x509::Printable;

/// A line of a shell, safe to show: what a terminal would not show as it is stands there escaped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command(String);

impl Command {
    /// One that begins with a program.
    pub fn of(program: impl AsRef<OsStr>) -> Self {
        Self(quoted(program))
    }

    /// One as it is written here, for what is more than words. Whatever comes from a file must be [`quoted`] in it.
    pub fn written(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Adds a word.
    #[must_use]
    pub fn arg(self, word: impl AsRef<OsStr>) -> Self {
        let word = quoted(word);
        self.plain(&word)
    }

    /// Adds words.
    #[must_use]
    pub fn args<T: AsRef<OsStr>>(self, words: impl IntoIterator<Item = T>) -> Self {
        words.into_iter().fold(self, Self::arg)
    }

    /// Adds the path of a file, which no program takes for an option.
    #[must_use]
    pub fn path(self, path: impl AsRef<Path>) -> Self {
        let path = quoted_path(path);
        self.plain(&path)
    }

    /// Adds what is no word, such as `>` or `&&`, or is quoted already.
    #[must_use]
    pub fn plain(mut self, text: &str) -> Self {
        self.0.push(' ');
        self.0.push_str(text);
        self
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<Command> for String {
    fn from(command: Command) -> Self {
        command.0
    }
}

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

/// The path of a file as a shell takes it, and no program for an option.
pub fn quoted_path(path: impl AsRef<Path>) -> String {
    let path = path.as_ref();
    if path.as_os_str().as_bytes().starts_with(b"-") {
        return quoted(Path::new(".").join(path));
    }
    quoted(path)
}

/// A copy of a file beside it, called as kpki calls its own (`NAME.TIMESTAMP.bak`), whose name is in `$b` afterwards.
pub fn backup(file: impl AsRef<Path>) -> String {
    let file = quoted_path(file);
    format!("b={file}.$(date -u +%Y%m%dT%H%M%SZ).bak && cp -p {file} \"$b\"")
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
        assert_eq!(quoted_path("-rf"), "./-rf");
        assert_eq!(Command::of("cp").path("-a").plain(">").arg("x y").to_string(), "cp ./-a > 'x y'");
    }
}
