//! How something is mended: words, and commands of a shell that can be pasted as they stand.
//!
//! Commands are put together here, word by word, and each word is quoted: a file may be called anything. What issues a certificate
//! again is told from plain facts ([`Issuance`]), so that whoever finds something wrong says it in the same way.

mod command;
mod issuance;

use std::fmt::Write as _;

pub use self::command::{Command, backup, copy, written_anew};
pub use self::issuance::{Issuance, Signer, Target};

/// One thing after the other that mends something. Every text is safe to show.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Remedy {
    steps: Vec<Step>,
}

/// A part of a remedy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// What is to be done by hand, or is to be known: a sentence, or its beginning or end. Code stands between backticks.
    Words(String),
    /// A command, exactly as a shell takes it.
    Command(String),
    /// A certificate that is issued again, as long as it is not known where the CA's key lies.
    Issue(Box<Issuance>),
}

impl Remedy {
    /// Words alone.
    pub fn words(text: impl Into<String>) -> Self {
        Self::default().say(text)
    }

    /// A command, and nothing to say about it.
    pub fn command(command: impl Into<Command>) -> Self {
        Self::default().run(command)
    }

    /// Adds words.
    #[must_use]
    pub fn say(mut self, text: impl Into<String>) -> Self {
        let text = text.into();
        if !text.is_empty() {
            self.push(Step::Words(text));
        }
        self
    }

    /// Adds a step. What was to be followed by a command and is not ends as a sentence.
    fn push(&mut self, step: Step) {
        if let (Some(Step::Words(before)), Step::Words(_)) = (self.steps.last_mut(), &step)
            && before.ends_with(':')
        {
            before.pop();
            before.push('.');
        }
        self.steps.push(step);
    }

    /// Adds a command.
    #[must_use]
    pub fn run(mut self, command: impl Into<Command>) -> Self {
        self.steps.push(Step::Command(command.into().to_string()));
        self
    }

    /// Adds a certificate that is issued again.
    #[must_use]
    pub fn issue(mut self, issuance: Issuance) -> Self {
        self.steps.push(Step::Issue(Box::new(issuance)));
        self
    }

    /// Adds another remedy.
    #[must_use]
    pub fn then(mut self, other: Self) -> Self {
        other.steps.into_iter().for_each(|step| self.push(step));
        self
    }

    /// The same with a file's name, as a shell takes it, in the place of the word `FILE`, wherever that stands in its words.
    #[must_use]
    pub fn with_file(mut self, name: &str) -> Self {
        for step in &mut self.steps {
            if let Step::Words(words) = step {
                *words = with_file(words, name);
            }
        }
        self
    }

    /// Its commands alone.
    #[must_use]
    pub fn without_words(mut self) -> Self {
        self.steps.retain(|step| !matches!(step, Step::Words(_)));
        self
    }

    /// Whether nothing is said.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// Its parts, in order.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// Its commands, in order, each exactly as a shell takes it.
    pub fn commands(&self) -> Vec<String> {
        let mut commands = Vec::new();
        for step in &self.steps {
            match step {
                Step::Words(_) => {}
                Step::Command(command) => commands.push(command.clone()),
                Step::Issue(issuance) => commands.extend(issuance.remedy().commands()),
            }
        }
        commands
    }

    /// What in it is to be issued and is not yet put into commands.
    pub fn issued(&self) -> impl Iterator<Item = &Issuance> {
        self.steps.iter().filter_map(|step| match step {
            Step::Issue(issuance) => Some(&**issuance),
            _ => None,
        })
    }

    /// Whether something in it is to be issued, and not yet put into commands.
    pub fn is_open(&self) -> bool {
        self.steps.iter().any(|step| matches!(step, Step::Issue(_)))
    }

    /// Puts commands in the place of what is to be issued. `find` tells the file of the certificate of the CA whose key, by its SHA-256,
    /// lies beside it.
    pub fn settle(&mut self, find: &dyn Fn(&[u8; 32]) -> Option<std::path::PathBuf>) {
        if !self.is_open() {
            return;
        }
        for step in std::mem::take(&mut self.steps) {
            match step {
                Step::Issue(mut issuance) => {
                    issuance.signer.find(find);
                    issuance.remedy().steps.into_iter().for_each(|step| self.push(step));
                }
                other => self.push(other),
            }
        }
    }

    /// All of it in one paragraph, the commands between backticks.
    pub fn text(&self) -> String {
        let mut text = String::new();
        let mut after_command = false;
        for step in &self.steps {
            match step {
                Step::Words(words) => {
                    let stop = if text.is_empty() {
                        ""
                    } else if !after_command || words.starts_with([',', ';', '.', ':', ')']) {
                        if words.starts_with([',', ';', '.', ':', ')']) { "" } else { " " }
                    } else if words.starts_with(char::is_uppercase) {
                        ". "
                    } else {
                        ", "
                    };
                    text.push_str(stop);
                    text.push_str(words);
                    after_command = false;
                }
                Step::Command(command) => {
                    let and = match (text.is_empty(), after_command) {
                        (true, _) => "",
                        (false, true) => ", then ",
                        (false, false) => " ",
                    };
                    // Writing into a String does not fail.
                    let _ = write!(text, "{and}`{command}`");
                    after_command = true;
                }
                Step::Issue(issuance) => {
                    let own = issuance.remedy().text();
                    let own = own.strip_suffix('.').unwrap_or(&own);
                    let and = match (text.is_empty(), after_command) {
                        (true, _) => "",
                        (false, true) => ", then ",
                        (false, false) => " ",
                    };
                    let _ = write!(text, "{and}{own}");
                    after_command = true;
                }
            }
        }
        if after_command {
            text.push('.');
        }
        text
    }
}

/// A text with a file's name in the place of the word `FILE`.
fn with_file(text: &str, name: &str) -> String {
    let is_word = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("FILE") {
        let (before, found) = rest.split_at(at);
        let after = found.get(4..).unwrap_or_default();
        let last = before.chars().next_back().or_else(|| out.chars().next_back());
        let alone = !is_word(last) && !is_word(after.chars().next());
        out.push_str(before);
        out.push_str(if alone { name } else { "FILE" });
        rest = after;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_commands_become_a_paragraph() {
        let run = |words: &[&str]| words.iter().skip(1).fold(Command::of(words[0]), Command::arg);
        for (remedy, text, commands) in [
            (Remedy::words("Wait."), "Wait.", 0),
            (Remedy::command(run(&["chmod", "600", "a b"])), "`chmod 600 'a b'`.", 1),
            (
                Remedy::words("Copy it:").run(run(&["cp", "a", "b"])).run(run(&["cp", "a", "c"])),
                "Copy it: `cp a b`, then `cp a c`.",
                2,
            ),
            (Remedy::command(run(&["true"])).say("and restart etcd."), "`true`, and restart etcd.", 1),
            (
                Remedy::command(run(&["true"])).say("What was there is lost."),
                "`true`. What was there is lost.",
                1,
            ),
            (Remedy::command(run(&["true"])).say("; it does nothing"), "`true`; it does nothing", 1),
            (Remedy::words("One.").say("Two."), "One. Two.", 0),
        ] {
            assert_eq!((remedy.text().as_str(), remedy.commands().len()), (text, commands));
        }
    }
}
