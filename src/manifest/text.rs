//! Texts that know on which lines their parts stand.

use std::fmt;

/// A text put together from several lines of a file.
#[derive(Clone, PartialEq, Eq, Default)]
pub(super) struct Text {
    text: String,
    /// From which byte on the text stands on which line; ascending.
    marks: Vec<(usize, u64)>,
}

impl fmt::Debug for Text {
    /// Its length: a variable may hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Text({} bytes)", self.text.len())
    }
}

impl Text {
    pub(super) fn new(text: &str, line: u64) -> Self {
        Self { text: text.to_owned(), marks: vec![(0, line)] }
    }

    pub(super) fn push(&mut self, c: char, line: u64) {
        if self.marks.last().is_none_or(|(_, last)| *last != line) {
            self.marks.push((self.text.len(), line));
        }
        self.text.push(c);
    }

    pub(super) fn append(&mut self, text: &str, line: u64) {
        text.chars().for_each(|c| self.push(c, line));
    }

    pub(super) fn as_str(&self) -> &str {
        &self.text
    }

    /// The line that a byte of it stands on; 0 in an empty text.
    pub(super) fn line(&self, at: usize) -> u64 {
        let after = self.marks.partition_point(|(from, _)| *from <= at);
        self.marks.get(after.saturating_sub(1)).map_or(0, |(_, line)| *line)
    }

    /// Its characters, each with its line.
    pub(super) fn chars(&self) -> impl Iterator<Item = (char, u64)> {
        self.text.char_indices().map(|(at, c)| (c, self.line(at)))
    }

    /// Cuts white space off its end.
    pub(super) fn trim_end(&mut self) {
        self.text.truncate(self.text.trim_end().len());
    }
}
