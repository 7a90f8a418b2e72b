//! Flags of components, given, changed and taken away.

use super::Desk;
use crate::audit::{Holder, Node};
use crate::manifest::{Component, Flags};
use crate::remedy::{Command, Remedy, quoted_path};
use crate::x509::Printable;

use super::command_path;

/// A flag as it is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
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
        let of_pod = |component: Component| self.node().pod(component).is_some();
        let mut again: Vec<String> = Vec::new();
        for edit in edits.iter().filter(|edit| !of_pod(edit.component)) {
            let words = format!("Then restart {}.", edit.component);
            if !again.contains(&words) {
                again.push(words);
            }
        }
        if edits.iter().any(|edit| of_pod(edit.component)) {
            again.insert(0, "The kubelet restarts the pod by itself.".to_owned());
        }
        remedy.say(again.join(" "))
    }

    /// Sets a field at the top of the kubelet's configuration.
    pub(super) fn kubelet_field(&self, field: &str, value: &str) -> Option<Command> {
        let node = self.node();
        let path = command_path(node.files.get(node.kubelet()?.0)?);
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
        let (file, flags) = node.flags_of(edit.component)?;
        let path = quoted_path(command_path(node.files.get(file)?));
        if node.pod(edit.component).is_none() {
            return (node.etcd_environment == Some(file)).then(|| in_environment(&edit.flag, value, &path));
        }
        in_manifest(&edit.flag, value, edit.more, flags, &path)
    }

    /// The path by which a component sees a file of the node.
    pub(super) fn seen_by(&self, component: Component, file: usize) -> Option<String> {
        let node = self.node();
        let found = node.files.get(file)?;
        if !found.anchored {
            return None;
        }
        let path = found.on_node.to_str()?;
        let Some((_, pod)) = node.pod(component) else { return Some(path.to_owned()) };
        pod.mounts.iter().find_map(|mount| {
            let rest = found.on_node.strip_prefix(mount.host.as_deref()?).ok()?;
            let seen = if rest.as_os_str().is_empty() { mount.path.clone() } else { mount.path.join(rest) };
            seen.to_str().map(str::to_owned)
        })
    }

    /// The file that a component's flag names.
    pub(super) fn named_file(&self, component: Component, flag: &str) -> Option<usize> {
        self.node().references_of(Holder::Component(component), flag).find_map(|named| match named.target {
            crate::audit::Target::File(file) => Some(file),
            _ => None,
        })
    }
}

/// A line of a file of variables.
fn in_environment(flag: &str, value: Option<&str>, path: &str) -> Command {
    let name = format!("ETCD_{}", flag.to_ascii_uppercase().replace('-', "_"));
    let add = value.map(|value| format!(" -e '$a{name}={value}'")).unwrap_or_default();
    Command::written(format!("sed -i -e '/^{name}=/d'{add} {path}"))
}

/// A line of a static pod's manifest. Where several flags stand on one line, none is changed.
fn in_manifest(name: &str, value: Option<&str>, more: bool, flags: &Flags, path: &str) -> Option<Command> {
    let all = flags.all();
    let alone = |line: u64| line > 0 && all.iter().filter(|flag| flag.line == line).count() == 1;
    let own: Vec<_> = all.iter().filter(|flag| flag.name == name && !more).collect();
    if own.iter().any(|flag| !alone(flag.line)) {
        return None;
    }
    let command = match (value, own.as_slice()) {
        (None, []) => return None,
        (None, own) => {
            let lines: Vec<String> = own.iter().map(|flag| format!("{}d", flag.line)).collect();
            format!("sed -i '{}' {path}", lines.join(";"))
        }
        (Some(value), [.., last]) => {
            format!(r#"sed -i '{}s|--{name}[^" \x27]*|--{name}={value}|' {path}"#, last.line)
        }
        (Some(value), []) => {
            // Another one's line, written twice, has the right indentation.
            let last = all.iter().rev().find(|flag| alone(flag.line))?;
            format!(r#"sed -i '{}{{p;s|--[^" \x27]*|--{name}={value}|}}' {path}"#, last.line)
        }
    };
    Some(Command::written(command))
}
