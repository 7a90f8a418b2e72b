//! A command line's flags, as Kubernetes' components and etcd read them.

use std::borrow::Cow;

use super::words::Word;

/// One flag of a command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flag {
    /// Its name without dashes, `etcd-cafile` for example; underscores stand as dashes.
    pub name: String,
    /// Its value; `true` where none is given.
    pub value: String,
    /// The field of a configuration file that it is, where it is one: `client-transport-security.cert-file`.
    pub field: Option<String>,
    /// The number of the file that gives it, as whoever reads the files counts them.
    pub file: usize,
    /// The line that it stands on, from 1; 0 where that is not known.
    pub line: u64,
    /// Whether it stands there as one word, `--name=value`, in which a search for `--name=` finds it.
    pub is_word: bool,
}

impl Flag {
    /// As it is written: `--cert-file`, or the field's name.
    pub fn written(&self) -> Cow<'_, str> {
        match &self.field {
            Some(field) => Cow::Borrowed(field),
            None => Cow::Owned(format!("--{}", self.name)),
        }
    }
}

/// Flags in the order in which they were given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Flags(Vec<Flag>);

/// The flags that are of interest here and take no value from the next argument: `--name` alone means true (pflag's
/// `NoOptDefVal`, Go's `flag`).
const SWITCHES: [&str; 15] = [
    "allow-privileged",
    "authentication-skip-lookup",
    "authentication-token-webhook",
    "kubelet-https",
    "leader-elect",
    "profiling",
    "rotate-certificates",
    "anonymous-auth",
    "client-cert-auth",
    "enable-bootstrap-token-auth",
    "enable-grpc-gateway",
    "peer-client-cert-auth",
    "auto-tls",
    "peer-auto-tls",
    "rotate-server-certificates",
];

impl Flags {
    /// Reads arguments, each with its line: `--name=value`, `--name value`, `--name`, and the same with one dash, as
    /// etcd takes them. What follows `--` is no flag, nor is anything else that begins without a dash.
    pub fn of<'a>(arguments: impl IntoIterator<Item = (&'a str, u64)>) -> Self {
        Self::read(arguments.into_iter().map(|(text, line)| (text, 0, line)))
    }

    /// The same of words that may stand in several files.
    pub(super) fn of_words(words: &[Word]) -> Self {
        Self::read(words.iter().map(|word| (word.text.as_str(), word.file, word.line)))
    }

    fn read<'a>(arguments: impl Iterator<Item = (&'a str, usize, u64)>) -> Self {
        let mut flags = Vec::new();
        let mut arguments = arguments.peekable();
        while let Some((argument, file, line)) = arguments.next() {
            if argument == "--" {
                break;
            }
            let Some(bare) = argument.strip_prefix("--").or_else(|| argument.strip_prefix('-')) else {
                continue;
            };
            let (name, value) = match bare.split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None => (bare, None),
            };
            // Kubernetes' components take either (WordSepNormalizeFunc).
            let is_word = value.is_some() && argument.starts_with("--") && !name.contains('_');
            let name = name.replace('_', "-");
            let takes_next = value.is_none() && !SWITCHES.contains(&name.as_str());
            let next = arguments.next_if(|(next, ..)| takes_next && !next.starts_with('-'));
            let value = value.or_else(|| next.map(|(value, ..)| value.to_owned()));
            let value = value.unwrap_or_else(|| "true".to_owned());
            flags.push(Flag { name, value, field: None, file, line, is_word });
        }
        Self(flags)
    }

    /// Says of all of them which file they are from.
    #[must_use]
    pub(super) fn in_file(mut self, file: usize) -> Self {
        for flag in &mut self.0 {
            flag.file = file;
        }
        self
    }

    /// These, and others after them, which go before where only one counts.
    #[must_use]
    pub fn followed_by(mut self, others: Self) -> Self {
        self.0.extend(others.0);
        self
    }

    pub(super) fn push(&mut self, name: String, value: String, line: u64) {
        self.0.push(Flag { name, value, field: None, file: 0, line, is_word: false });
    }

    pub(super) fn extend(&mut self, flags: impl IntoIterator<Item = Flag>) {
        self.0.extend(flags);
    }

    pub(super) fn add(&mut self, flag: Flag) {
        self.0.push(flag);
    }

    /// All of them.
    pub fn all(&self) -> &[Flag] {
        &self.0
    }

    /// The flag of that name; where it was given several times, the last one counts.
    pub fn last(&self, name: &str) -> Option<&Flag> {
        self.0.iter().rev().find(|flag| flag.name == name)
    }

    /// The value of that flag, unless it is empty.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.last(name).map(|flag| flag.value.as_str()).filter(|value| !value.is_empty())
    }

    /// The values of a flag that is a list: split at commas, and one after the other where it was given several times.
    pub fn list(&self, name: &str) -> Vec<&str> {
        let given = self.0.iter().filter(|flag| flag.name == name);
        given
            .flat_map(|flag| flag.value.split(','))
            .map(str::trim)
            .filter(|value| !value.is_empty())
            .collect()
    }

    /// Whether a switch is on; `None` where it is not given or is neither true nor false.
    pub fn switch(&self, name: &str) -> Option<bool> {
        // Go's strconv.ParseBool.
        match self.last(name)?.value.as_str() {
            "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
            "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
            _ => None,
        }
    }
}
