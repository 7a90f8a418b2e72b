//! Flags of components, given, changed and taken away.

use super::{Desk, Maker};
use crate::audit::Node;
use crate::manifest::{By, Component, Flag, Launch, etcd_field};
use crate::remedy::{Command, Remedy};
use crate::x509::{Printable, shell_word};

/// A flag as it is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::audit::rules) struct Edit {
    pub(super) component: Component,
    pub(super) flag: String,
    pub(super) value: Value,
    /// Whether it is given beside others of the name.
    pub(super) more: bool,
}

/// The value of a flag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    /// This one.
    Text(String),
    /// The path of a file, by its number, as the component sees it.
    File(usize),
    /// None: the flag is to go.
    Gone,
}

impl Edit {
    /// A flag that is to have a value.
    pub(in crate::audit::rules) fn set(component: Component, flag: &str, value: impl Into<String>) -> Self {
        Self { component, flag: flag.to_owned(), value: Value::Text(value.into()), more: false }
    }

    /// A flag that is to have a value beside those that it has already.
    pub(in crate::audit::rules) fn set_as_well(
        component: Component,
        flag: &str,
        value: impl Into<String>,
    ) -> Self {
        Self { more: true, ..Self::set(component, flag, value) }
    }

    /// A flag that is to name a file.
    pub(in crate::audit::rules) fn name(component: Component, flag: &str, file: usize) -> Self {
        Self { component, flag: flag.to_owned(), value: Value::File(file), more: false }
    }

    /// A flag that is to name a file beside those that it names already.
    pub(in crate::audit::rules) fn name_as_well(component: Component, flag: &str, file: usize) -> Self {
        Self { more: true, ..Self::name(component, flag, file) }
    }

    /// A flag that is to go.
    pub(in crate::audit::rules) fn remove(component: Component, flag: &str) -> Self {
        Self { component, flag: flag.to_owned(), value: Value::Gone, more: false }
    }

    /// What it comes to, in words.
    fn words(&self, node: &Node) -> String {
        let configuration = node.launch(self.component).and_then(configuration);
        let field = etcd_field(&self.flag).unwrap_or(&self.flag);
        if let Some(file) = configuration.and_then(|file| node.files.get(file)) {
            let shown = Printable(&file.shown);
            return match &self.value {
                Value::Text(value) => format!("write `{field}: {}` in {shown}", Printable(value)),
                Value::File(file) => {
                    let path =
                        node.files.get(*file).map(|file| file.on_node.to_string_lossy()).unwrap_or_default();
                    format!("let `{field}` in {shown} name {}", Printable(&path))
                }
                Value::Gone => format!("take `{field}` out of {shown}"),
            };
        }
        match &self.value {
            Value::Text(value) => format!("give {} `--{}={}`", self.component, self.flag, Printable(value)),
            Value::File(file) => {
                let path =
                    node.files.get(*file).map(|file| file.on_node.to_string_lossy()).unwrap_or_default();
                format!("give {} `--{}` with the path of {}", self.component, self.flag, Printable(&path))
            }
            Value::Gone => format!("take `--{}` away from {}", self.flag, self.component),
        }
    }
}

impl Desk<'_> {
    /// The commands that change flags, or words where they stand in no form that a command changes safely.
    pub(super) fn edits(&self, edits: &[Edit]) -> Remedy {
        let mut remedy = Remedy::default();
        let mut by_hand = Vec::new();
        for edit in edits {
            match self.edit(edit) {
                Some(command) => remedy = remedy.run(command),
                None => by_hand.push(edit.words(self.node())),
            }
        }
        if !by_hand.is_empty() {
            let mut words = by_hand.join(", and ");
            if let Some(first) = words.get_mut(..1) {
                first.make_ascii_uppercase();
            }
            remedy = remedy.say(format!("{words}."));
        }
        let mut again: Vec<String> = Vec::new();
        for edit in edits {
            let words = self.takes_effect(edit.component);
            if !again.contains(&words) {
                again.push(words);
            }
        }
        remedy.say(again.join(" "))
    }

    /// What makes a component read its flags anew.
    fn takes_effect(&self, component: Component) -> String {
        let launch = self.node().launch(component);
        if let Some(maker) = launch.and_then(|launch| Maker::of_launch(self.node(), launch)) {
            return maker.flags_of(component);
        }
        let file = launch.and_then(|launch| self.node().files.get(launch.file));
        match (launch.map(|launch| launch.by), file.map(crate::audit::File::name)) {
            (Some(By::Pod), _) => "The kubelet restarts the pod by itself.".to_owned(),
            (Some(By::Unit), Some(unit)) => {
                format!("Then `systemctl daemon-reload` and `systemctl restart {}`.", Printable(unit))
            }
            _ => format!("Then restart {component}."),
        }
    }

    /// Sets a field at the top of the kubelet's configuration.
    pub(super) fn kubelet_field(&self, field: &str, value: &str) -> Option<Command> {
        let node = self.node();
        let file = node.files.get(node.kubelet()?.0)?;
        // JSON is YAML, and has no end to write behind.
        if super::super::files::has_extension(file.name(), "json") {
            return None;
        }
        let path = file.command_path();
        let add = format!("sed -i -e '/^{field}:/d' -e '$a{field}: {value}'");
        Some(Command::written(add).path(path))
    }

    fn edit(&self, edit: &Edit) -> Option<Command> {
        let harmless = |text: &str| {
            text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/._-:,=@+*".contains(&byte))
        };
        let value = match &edit.value {
            Value::Text(value) => Some(value.clone()),
            Value::File(file) => Some(self.seen_by(edit.component, *file)?),
            Value::Gone => None,
        };
        let value = value.as_deref();
        if !harmless(&edit.flag) || !value.is_none_or(harmless) {
            return None;
        }
        let node = self.node();
        let launch = node.launch(edit.component)?;
        // What such a program writes, it writes anew when it starts.
        if Maker::of_launch(node, launch).is_some() {
            return None;
        }
        if let Some(file) = configuration(launch) {
            let path = shell_word(node.files.get(file)?.command_path());
            return Lines { name: &edit.flag, value, more: edit.more, launch, path: &path }
                .in_configuration(file);
        }
        let path = shell_word(node.files.get(launch.file)?.command_path());
        let lines = Lines { name: &edit.flag, value, more: edit.more, launch, path: &path };
        match launch.by {
            By::Pod | By::Arguments => lines.in_list(),
            By::Unit => lines.in_unit(),
            By::Environment => Some(lines.in_environment()),
            By::Bundle | By::Configuration => None,
        }
    }

    /// The path by which a component sees a file of the node.
    pub(super) fn seen_by(&self, component: Component, file: usize) -> Option<String> {
        let node = self.node();
        let found = node.files.get(file)?;
        if !found.anchored {
            return None;
        }
        let Some(mounts) = node.launch(component).and_then(|launch| launch.mounts.as_ref()) else {
            return found.on_node.to_str().map(str::to_owned);
        };
        mounts.iter().find_map(|mount| {
            let rest = found.on_node.strip_prefix(mount.host.as_deref()?).ok()?;
            let seen = if rest.as_os_str().is_empty() { mount.path.clone() } else { mount.path.join(rest) };
            seen.to_str().map(str::to_owned)
        })
    }
}

/// The configuration of an etcd that has one: then it reads no flag.
fn configuration(launch: &Launch) -> Option<usize> {
    let flags = launch.flags.all().iter().filter(|_| launch.component == Component::Etcd);
    flags.filter(|flag| flag.field.is_some()).map(|flag| flag.file).next()
}

/// A flag in the lines of a file.
struct Lines<'a> {
    name: &'a str,
    value: Option<&'a str>,
    more: bool,
    launch: &'a Launch,
    /// The file, quoted.
    path: &'a str,
}

impl Lines<'_> {
    /// A line of a file of variables.
    fn in_environment(&self) -> Command {
        let name = format!("ETCD_{}", self.name.to_ascii_uppercase().replace('-', "_"));
        let add = self.value.map(|value| format!(" -e '$a{name}={value}'")).unwrap_or_default();
        Command::written(format!("sed -i -e '/^{name}=/d'{add} {}", self.path))
    }

    /// A field of etcd's configuration, in YAML with a line for each.
    fn in_configuration(&self, file: usize) -> Option<Command> {
        let (field, path) = (etcd_field(self.name).filter(|_| !self.more)?, self.path);
        let all = self.launch.flags.all();
        let at = |flag: &&Flag| {
            let beside = all.iter().filter(|other| other.file == file && other.line == flag.line).count();
            flag.file == file && flag.line > 0 && beside == 1 && !flag.value.contains('\n')
        };
        let own: Vec<&Flag> = all.iter().filter(|flag| flag.field.as_deref() == Some(field)).collect();
        if !own.iter().all(at) || own.len() > 1 {
            return None;
        }
        let (section, name) = field.split_once('.').unwrap_or(("", field));
        let within = match section {
            "" => String::new(),
            section => format!("/^{section}:/,/^[^ #]/"),
        };
        let indent = if section.is_empty() { "" } else { " *" };
        let edit = match (self.value, own.as_slice()) {
            (None, []) => return None,
            (None, _) => format!("{{/^{indent}{name}:/d}}"),
            (Some(value), [_]) => format!("{{s|^\\({indent}{name}:\\).*|\\1 {value}|}}"),
            // The line of another field, written twice, and in its copy this one.
            (Some(value), _) => {
                let is_beside = |flag: &&Flag| {
                    let other = flag.field.as_deref().unwrap_or_default();
                    other.split_once('.').map_or("", |(section, _)| section) == section
                };
                let other = all.iter().filter(is_beside).find(at)?.field.as_deref()?;
                let other = other.split_once('.').map_or(other, |(_, name)| name);
                format!("{{/^{indent}{other}:/{{p;s|{other}:.*|{name}: {value}|}}}}")
            }
        };
        Some(Command::written(format!("sed -i '{within}{edit}' {path}")))
    }

    /// Whether a flag has a line of the file for itself, on which a search finds it.
    fn is_alone(&self, flag: &Flag) -> bool {
        let all = self.launch.flags.all();
        let beside = all.iter().filter(|other| other.file == flag.file && other.line == flag.line).count();
        let plain = !flag.value.contains(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '\\'));
        flag.line > 0 && flag.file == self.launch.file && flag.is_word && plain && beside == 1
    }

    /// The flags of the name that are to be changed; none where one of them does not stand alone.
    fn own(&self) -> Option<Vec<&Flag>> {
        let own = self.launch.flags.all().iter().filter(|flag| flag.name == self.name && !self.more);
        let own: Vec<&Flag> = own.collect();
        own.iter().all(|flag| self.is_alone(flag)).then_some(own)
    }

    /// Another value. Lines are told by what stands on them: another command may have added some above.
    fn changed(&self, value: &str) -> Command {
        let (name, path) = (self.name, self.path);
        Command::written(format!(r#"sed -i 's|--{name}=[^" \x27]*|--{name}={value}|' {path}"#))
    }

    /// The line of another flag, written twice, and in its copy this flag: so it has the right indentation. Before the other flag, there
    /// may stand what `before` allows.
    fn beside(&self, flag: &Flag, before: &str, value: &str) -> Command {
        let (name, path, other) = (self.name, self.path, &flag.name);
        let find = format!("/^[{before}]*--{other}=/");
        Command::written(format!(r#"sed -i '{find}{{p;s|--[^" \x27]*|--{name}={value}|}}' {path}"#))
    }

    /// A flag beside which another may be written: one that stands there once, and that no remedy takes away.
    fn neighbour<'f>(&self, mut flags: impl Iterator<Item = &'f Flag>) -> Option<&'f Flag> {
        const TAKEN_AWAY: [&str; 5] = [
            "basic-auth-file",
            "cipher-suites",
            "listen-client-http-urls",
            "tls-cipher-suites",
            "token-auth-file",
        ];
        flags.find(|flag| {
            let once = || self.launch.flags.all().iter().filter(|other| other.name == flag.name).count() == 1;
            self.is_alone(flag) && !TAKEN_AWAY.contains(&&*flag.name) && once()
        })
    }

    /// A list in which each flag has a line of its own.
    fn in_list(&self) -> Option<Command> {
        const BEFORE: &str = r#"- "\x27"#;
        match (self.value, self.own()?.as_slice()) {
            (None, []) => None,
            (None, _) => {
                Some(Command::written(format!("sed -i '/^[{BEFORE}]*--{}=/d' {}", self.name, self.path)))
            }
            (Some(value), [_, ..]) => Some(self.changed(value)),
            (Some(value), []) => {
                let beside = self.neighbour(self.launch.flags.all().iter().rev())?;
                Some(self.beside(beside, BEFORE, value))
            }
        }
    }

    /// A command of a unit, which goes on from line to line: the first may begin it, and the last ends it.
    fn in_unit(&self) -> Option<Command> {
        match (self.value, self.own()?.as_slice()) {
            (None, [_]) => {
                Some(Command::written(format!(r#"sed -i 's| *--{}=[^" \x27]*||' {}"#, self.name, self.path)))
            }
            (None, _) => None,
            (Some(value), [_, ..]) => Some(self.changed(value)),
            (Some(value), []) => {
                let all = self.launch.flags.all();
                let within = all.get(1..all.len().checked_sub(1)?)?;
                Some(self.beside(self.neighbour(within.iter())?, r" \t", value))
            }
        }
    }
}
