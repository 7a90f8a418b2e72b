//! Files of arguments: one flag a line, as `MicroK8s` keeps them in `args/`.

use super::text::Text;
use super::words::{Command, Variables, shell_commands};

/// The lines of a file of arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arguments(Text);

impl Arguments {
    /// Reads a text; none where a line is neither a flag nor a comment nor empty, or none is a flag.
    pub(super) fn read(text: &str) -> Option<Self> {
        let mut whole = Text::default();
        for (line, content) in (1..).zip(text.lines()) {
            let content = content.trim();
            if content.is_empty() || content.starts_with('#') {
                continue;
            }
            // A list in YAML begins with one dash as well.
            if !content.starts_with("--") || content.starts_with("---") {
                return None;
            }
            whole.append(content, line);
            whole.push('\n', line);
        }
        (!whole.as_str().is_empty()).then_some(Self(whole))
    }

    /// Its words, with variables put in.
    pub(super) fn words(&self, file: usize, variables: &mut Variables) -> Command {
        shell_commands(&self.0, file, variables).concat()
    }
}
