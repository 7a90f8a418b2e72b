//! From the text of a command to its words: as systemd splits and fills in a unit's, and as a shell does a script's.

use std::collections::HashMap;

use super::text::Text;

/// The most words of one command.
const MOST_WORDS: usize = 10_000;

/// A word of a command, and where it begins.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Word {
    pub(super) text: String,
    /// The number of the file.
    pub(super) file: usize,
    /// The line there.
    pub(super) line: u64,
    /// What of it is not known: `%H`, `$(hostname)`. It stands in the text as it is written.
    pub(super) doubt: Option<String>,
}

/// The variables that a command is given.
#[derive(Debug, Clone, Default)]
pub(super) struct Variables {
    set: HashMap<String, (usize, Text)>,
    /// Why there may be others: a file of them that was not read.
    pub(super) incomplete: bool,
}

/// What is known of a variable.
pub(super) enum Value<'a> {
    Set(usize, &'a Text),
    /// It is not set, and stands for nothing.
    Unset,
    /// It may be set by what was not read.
    Unknown,
}

impl Variables {
    pub(super) fn set(&mut self, name: &str, file: usize, value: Text) {
        self.set.insert(name.to_owned(), (file, value));
    }

    pub(super) fn unset(&mut self, name: &str) {
        self.set.remove(name);
    }

    pub(super) fn get(&self, name: &str) -> Value<'_> {
        match self.set.get(name) {
            Some((file, value)) => Value::Set(*file, value),
            None if self.incomplete => Value::Unknown,
            None => Value::Unset,
        }
    }

    /// All of them, in the order of their names.
    pub(super) fn all(&self) -> Vec<(&str, usize, &Text)> {
        let mut all: Vec<_> = self.set.iter().map(|(name, (file, value))| (&**name, *file, value)).collect();
        all.sort_unstable_by_key(|(name, ..)| *name);
        all
    }
}

/// The words of a value in a unit: split at white space, quotes and C escapes taken away
/// (`extract_first_word` in systemd's src/basic/extract-word.c). Specifiers and variables stay.
pub(super) fn unit_words(value: &Text, file: usize) -> Vec<Word> {
    let mut words = Vec::new();
    let mut current: Option<Word> = None;
    let mut quote = None;
    let mut chars = value.chars().peekable();
    while let Some((c, line)) = chars.next() {
        match (c, quote) {
            (c, None) if c.is_ascii_whitespace() => words.extend(current.take()),
            (c, Some(open)) if c == open => quote = None,
            ('\'' | '"', None) => {
                quote = Some(c);
                current.get_or_insert_with(|| Word { file, line, ..Word::default() });
            }
            _ => {
                let word = current.get_or_insert_with(|| Word { file, line, ..Word::default() });
                if c == '\\' {
                    let mut next = || chars.next_if(|(c, _)| *c != '\n').map(|(c, _)| c);
                    escape(&mut word.text, &mut next);
                } else {
                    word.text.push(c);
                }
            }
        }
        if words.len() >= MOST_WORDS {
            return words;
        }
    }
    words.extend(current);
    words
}

/// One escape of C behind its backslash. What is none stays as it is.
fn escape(out: &mut String, next: &mut dyn FnMut() -> Option<char>) {
    let Some(kind) = next() else { return out.push('\\') };
    let digits = match kind {
        'x' => 2,
        'u' => 4,
        'U' => 8,
        '0'..='7' => 3,
        _ => 0,
    };
    if digits == 0 {
        let plain = match kind {
            'a' => '\u{7}',
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'v' => '\u{b}',
            's' => ' ',
            '\\' | '"' | '\'' => kind,
            other => {
                out.extend(['\\', other]);
                return;
            }
        };
        out.push(plain);
        return;
    }
    let radix = if digits == 3 { 8 } else { 16 };
    let mut written: String = if digits == 3 { kind.to_string() } else { String::new() };
    while written.len() < digits {
        match next() {
            Some(digit) => written.push(digit),
            None => break,
        }
    }
    let code = u32::from_str_radix(&written, radix).ok().and_then(char::from_u32);
    match code {
        Some(c) => out.push(c),
        None => out.extend(["\\", &written]),
    }
}

/// Puts a unit's specifiers into a word: those that its name tells. Others are doubts.
pub(super) fn specify(word: &mut Word, unit: &str) {
    if !word.text.contains('%') {
        return;
    }
    let name = unit.rsplit_once('.').map_or(unit, |(name, _)| name);
    let (prefix, instance) = name.split_once('@').unwrap_or((name, ""));
    let mut out = String::with_capacity(word.text.len());
    let mut chars = word.text.chars();
    while let Some(c) = chars.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        match chars.next() {
            Some('%') => out.push('%'),
            Some('n') => out.push_str(unit),
            Some('N') => out.push_str(name),
            Some('p') => out.push_str(prefix),
            Some('P') => out.push_str(&unescaped(prefix)),
            Some('i') => out.push_str(instance),
            Some('I') => out.push_str(&unescaped(instance)),
            Some('t') => out.push_str("/run"),
            Some('S') => out.push_str("/var/lib"),
            Some('C') => out.push_str("/var/cache"),
            Some('L') => out.push_str("/var/log"),
            Some('E') => out.push_str("/etc"),
            Some('h') => out.push_str("/root"),
            other => {
                let specifier: String = ['%'].into_iter().chain(other).collect();
                out.push_str(&specifier);
                word.doubt.get_or_insert(specifier);
            }
        }
    }
    word.text = out;
}

/// A name as `systemd-escape` wrote it: `-` for `/`, `\x2d` for `-`.
fn unescaped(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    let mut rest = name;
    while let Some(c) = rest.chars().next() {
        let code = rest.strip_prefix("\\x").and_then(|hex| u8::from_str_radix(hex.get(..2)?, 16).ok());
        if let Some(code) = code.filter(u8::is_ascii) {
            out.push(char::from(code));
            rest = rest.get(4..).unwrap_or_default();
        } else {
            out.push(if c == '-' { '/' } else { c });
            rest = rest.get(c.len_utf8()..).unwrap_or_default();
        }
    }
    out
}

/// Puts variables into the words of a unit's command, as systemd does when it starts it (`replace_env_argv`): `$NAME` as a word of its own
/// becomes as many words as its value has, `${NAME}` is put in wherever it stands, `$$` is a dollar.
pub(super) fn put_in(words: Vec<Word>, variables: &Variables) -> Vec<Word> {
    let mut out = Vec::with_capacity(words.len());
    for word in words {
        let own = word.text.strip_prefix('$').filter(|name| super::environment::is_name(name));
        match own.map(|name| variables.get(name)) {
            Some(Value::Set(file, value)) => out.extend(unit_words(value, file)),
            Some(Value::Unset) => {}
            Some(Value::Unknown) => {
                out.push(Word { doubt: Some(word.text.clone()), ..word });
            }
            None => out.push(filled(word, variables)),
        }
        if out.len() > MOST_WORDS {
            break;
        }
    }
    out
}

/// `${NAME}` and `$$` within a word.
fn filled(mut word: Word, variables: &Variables) -> Word {
    if !word.text.contains('$') {
        return word;
    }
    let text = std::mem::take(&mut word.text);
    let mut rest = text.as_str();
    while let Some(at) = rest.find('$') {
        let (before, dollar) = rest.split_at(at);
        word.text.push_str(before);
        let reference = dollar.strip_prefix("${").and_then(|inner| inner.split_once('}'));
        if let Some(after) = dollar.strip_prefix("$$") {
            word.text.push('$');
            rest = after;
        } else if let Some((name, after)) = reference.filter(|(name, _)| super::environment::is_name(name)) {
            match variables.get(name) {
                Value::Set(_, value) => word.text.push_str(value.as_str()),
                Value::Unset => {}
                Value::Unknown => {
                    let written = format!("${{{name}}}");
                    word.text.push_str(&written);
                    word.doubt.get_or_insert(written);
                }
            }
            rest = after;
        } else {
            word.text.push('$');
            rest = dollar.get(1..).unwrap_or_default();
        }
    }
    word.text.push_str(rest);
    word
}

/// A command of a shell's script.
pub(super) type Command = Vec<Word>;

/// The commands of a script, as a POSIX shell splits them. What only a shell could work out, such as `$(hostname)`, is a doubt; so is
/// whether a command is run at all. Variables that the script sets count from there on.
pub(super) fn shell_commands(script: &Text, file: usize, variables: &mut Variables) -> Vec<Command> {
    let mut shell = Shell { file, variables, commands: Vec::new(), command: Vec::new(), word: None };
    let chars: Vec<(char, u64)> = script.chars().collect();
    shell.read(&chars);
    shell.commands
}

struct Shell<'a> {
    file: usize,
    variables: &'a mut Variables,
    commands: Vec<Command>,
    command: Command,
    word: Option<Word>,
}

impl Shell<'_> {
    fn read(&mut self, chars: &[(char, u64)]) {
        let mut at = 0;
        let mut in_double = false;
        while let Some(&(c, line)) = chars.get(at) {
            let next = chars.get(at + 1).map(|(c, _)| *c);
            at += 1;
            match c {
                '"' => {
                    in_double = !in_double;
                    self.word(line);
                }
                '\\' if next == Some('\n') => at += 1,
                '\\' if !in_double || matches!(next, Some('"' | '\\' | '$' | '`')) => {
                    if let Some(c) = next {
                        self.word(line).text.push(c);
                        at += 1;
                    }
                }
                '$' | '`' => at += self.substitute(chars.get(at - 1..).unwrap_or_default(), in_double),
                c if in_double => self.word(line).text.push(c),
                '\'' => {
                    let length = chars.iter().skip(at).take_while(|(c, _)| *c != '\'').count();
                    let quoted = chars.iter().skip(at).take(length).map(|(c, _)| c);
                    self.word(line).text.extend(quoted);
                    at += length + 1;
                }
                '#' if self.word.is_none() => {
                    at += chars.iter().skip(at).take_while(|(c, _)| *c != '\n').count();
                }
                '\n' | ';' | '&' | '|' | '(' | ')' => self.end_command(),
                c if c.is_ascii_whitespace() => self.end_word(),
                c => self.word(line).text.push(c),
            }
            if self.commands.len() + self.command.len() > MOST_WORDS {
                return;
            }
        }
        self.end_command();
    }

    fn word(&mut self, line: u64) -> &mut Word {
        let file = self.file;
        self.word.get_or_insert_with(|| Word { file, line, ..Word::default() })
    }

    fn end_word(&mut self) {
        self.command.extend(self.word.take());
    }

    fn end_command(&mut self) {
        self.end_word();
        let mut command = std::mem::take(&mut self.command);
        let assignment = |word: &Word| {
            let (name, value) = word.text.split_once('=')?;
            super::environment::is_name(name).then(|| (name.to_owned(), Text::new(value, word.line)))
        };
        let exports = command.first().is_some_and(|first| first.text == "export");
        let from = usize::from(exports);
        let assigned: Vec<(String, Text)> = command.iter().skip(from).map_while(assignment).collect();
        let count = assigned.len();
        for (name, value) in assigned {
            self.variables.set(&name, self.file, value);
        }
        command.drain(..(from + count).min(command.len()));
        if !command.is_empty() {
            self.commands.push(command);
        }
    }

    /// What a dollar or a backquote begins; says how many characters behind it belong to it.
    fn substitute(&mut self, chars: &[(char, u64)], in_double: bool) -> usize {
        let Some(&(first, line)) = chars.first() else { return 0 };
        let text: String = chars.iter().take(256).map(|(c, _)| c).collect();
        let written = |length: usize| text.chars().take(length).collect::<String>();
        let rest = text.get(1..).unwrap_or_default();
        let (name, length) = if first == '`' {
            (None, rest.split_inclusive('`').next().unwrap_or_default().chars().count())
        } else if rest.starts_with('(') {
            let depth = rest.chars().scan(0_usize, |depth, c| {
                *depth = if c == '(' { *depth + 1 } else { depth.saturating_sub(usize::from(c == ')')) };
                (*depth > 0).then_some(())
            });
            (None, depth.count() + 1)
        } else if let Some(inner) = rest.strip_prefix('{') {
            let inside = inner.split('}').next().unwrap_or_default();
            (Some(inside), inside.chars().count() + 2)
        } else {
            let is_part = |c: &char| c.is_ascii_alphanumeric() || *c == '_';
            let length = rest.chars().take_while(is_part).count();
            let special = rest.starts_with(['@', '*', '#', '?', '$', '!', '-']);
            if length == 0 && !special {
                self.word(line).text.push('$');
                return 0;
            }
            let length = length.max(usize::from(special));
            (rest.get(..length), length)
        };
        let value = name.and_then(|name| self.value(name, line));
        match value {
            Some(value) if in_double => self.word(line).text.push_str(value.as_str()),
            Some(value) => self.split(&value),
            None => {
                let written = written(length + 1);
                let word = self.word(line);
                word.text.push_str(&written);
                word.doubt.get_or_insert(written);
            }
        }
        length
    }
    /// What is known of a variable, `NAME` or `NAME:-OTHERWISE`.
    fn value(&self, name: &str, line: u64) -> Option<Valued> {
        let (name, otherwise) = name.split_once(":-").unwrap_or((name, ""));
        let own = |text: &str| Some(Valued { file: self.file, text: Text::new(text, line) });
        // The arguments of the script, of which there are none.
        if matches!(name, "@" | "*") {
            return own("");
        }
        match self.variables.get(name) {
            _ if !super::environment::is_name(name) => None,
            Value::Set(file, text) => Some(Valued { file, text: text.clone() }),
            Value::Unset => own(otherwise),
            Value::Unknown => None,
        }
    }

    /// Takes in a value that stands outside of quotes: it is split.
    fn split(&mut self, value: &Valued) {
        for (c, line) in value.text.chars() {
            if c.is_ascii_whitespace() {
                self.end_word();
            } else {
                let file = value.file;
                self.word.get_or_insert_with(|| Word { file, line, ..Word::default() }).text.push(c);
            }
        }
    }
}

/// A variable's value, and the file that it comes from.
struct Valued {
    file: usize,
    text: Text,
}

impl Valued {
    fn as_str(&self) -> &str {
        self.text.as_str()
    }
}
