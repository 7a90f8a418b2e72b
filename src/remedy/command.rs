//! Lines of a shell, put together word by word.

use std::ffi::OsStr;
use std::fmt;
use std::path::Path;

use crate::x509::{quoted, shell_word};

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
        let path = shell_word(path);
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

/// A copy of a file beside it, called as kpki calls its own (`NAME.TIMESTAMP.bak`), whose name is in `$b` afterwards. Nobody else reads it,
/// whatever is in it, and no other backup is lost for it.
pub fn backup(file: impl AsRef<Path>) -> String {
    let file = shell_word(file);
    format!("b={file}.$(date -u +%Y%m%dT%H%M%SZ).bak && [ ! -e \"$b\" ] && install -m 600 {file} \"$b\"")
}

/// What writes the output of a command into a file, whose owner and mode stay; where the command fails, the file is as it was.
pub fn written_anew(command: &str, file: impl AsRef<Path>) -> String {
    let file = shell_word(file);
    format!("(umask 077 && {command} > {file}.new) && cp {file}.new {file} && rm {file}.new")
}

/// What puts the contents of one file, quoted already, into another, whose owner and mode stay. Where the one is not there, nothing happens to
/// the other.
pub fn copy(from: &str, to: impl AsRef<Path>) -> String {
    format!("cp {from} {}", shell_word(to))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_no_options() {
        assert_eq!(Command::of("cp").path("-a").plain(">").arg("x y").to_string(), "cp ./-a > 'x y'");
    }
}
