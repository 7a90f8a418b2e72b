//! Which program a command starts, whatever stands before it.

use crate::manifest::Component;
use crate::manifest::text::Text;
use crate::manifest::words::{Command, Variables, Word, shell_commands};

/// Shells, which run a script.
const SHELLS: [&str; 6] = ["sh", "bash", "dash", "ash", "ksh", "zsh"];

/// Programs that run containers, of whose inside nothing is read here.
const CONTAINERS: [&str; 8] =
    ["docker", "podman", "nerdctl", "ctr", "crictl", "rkt", "systemd-nspawn", "lxc"];

/// Programs that start the one that is named behind their own options.
const WRAPPERS: [&str; 20] = [
    "env",
    "exec",
    "nohup",
    "nice",
    "ionice",
    "sudo",
    "setsid",
    "numactl",
    "taskset",
    "chrt",
    "stdbuf",
    "timeout",
    "setpriv",
    "runuser",
    "chroot",
    "nsenter",
    "unshare",
    "tini",
    "dumb-init",
    "kube-log-runner",
];

/// Scripts within scripts.
const DEEPEST: usize = 4;

/// What a command starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Program {
    /// A component, with its arguments.
    Component(Component, Command),
    /// A program with several components in it, by its name, with its arguments.
    Bundle(&'static str, Command),
    /// A component in a container, by the program that runs it.
    Container(Component, String),
    /// Something else, by its path.
    Other(String),
}

/// Programs with several components in them.
const BUNDLES: [&str; 4] = ["k3s", "rke2", "k0s", "kubelite"];

/// What a command starts.
pub(super) fn programs(command: &[Word], variables: &mut Variables, depth: usize) -> Vec<Program> {
    let Some(first) = command.first() else { return Vec::new() };
    let name = base(&first.text);
    let rest = command.get(1..).unwrap_or_default();
    if let Some(component) = Component::of_program(&first.text) {
        return vec![Program::Component(component, rest.to_vec())];
    }
    if let Some(bundle) = BUNDLES.into_iter().find(|bundle| *bundle == name) {
        return vec![Program::Bundle(bundle, rest.to_vec())];
    }
    if name == "hyperkube" {
        return hyperkube(rest).into_iter().collect();
    }
    if CONTAINERS.contains(&name) {
        let inside = rest.iter().find_map(|word| named_within(&word.text));
        let inside = inside.map(|component| Program::Container(component, name.to_owned()));
        return vec![inside.unwrap_or_else(|| Program::Other(first.text.clone()))];
    }
    if SHELLS.contains(&name) && depth < DEEPEST {
        if let Some(script) = script(rest) {
            let text = Text::new(&script.text, script.line);
            let commands = shell_commands(&text, script.file, variables);
            return commands.iter().flat_map(|command| programs(command, variables, depth + 1)).collect();
        }
        let file = rest.iter().find(|word| !word.text.starts_with(['-', '+']));
        return vec![Program::Other(file.unwrap_or(first).text.clone())];
    }
    if WRAPPERS.contains(&name) {
        // Its own options may have values, so that whatever is known for a program is the one.
        let at = rest.iter().position(|word| is_program(base(&word.text)));
        if let Some(command) = at.and_then(|at| rest.get(at..)).filter(|_| depth < DEEPEST) {
            return programs(command, variables, depth + 1);
        }
    }
    // A program that is not known may start another one, if that is named by its path.
    let at = rest.iter().position(|word| word.text.starts_with('/') && is_program(base(&word.text)));
    match at.and_then(|at| rest.get(at..)).filter(|_| depth < DEEPEST) {
        Some(command) => programs(command, variables, depth + 1),
        None => vec![Program::Other(first.text.clone())],
    }
}

fn base(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

fn is_program(name: &str) -> bool {
    Component::of_program(name).is_some()
        || BUNDLES.contains(&name)
        || SHELLS.contains(&name)
        || CONTAINERS.contains(&name)
        || WRAPPERS.contains(&name)
        || name == "hyperkube"
}

/// `hyperkube apiserver --…`, or `hyperkube kube-apiserver`.
fn hyperkube(arguments: &[Word]) -> Option<Program> {
    let (at, word) = arguments.iter().enumerate().find(|(_, word)| !word.text.starts_with('-'))?;
    let name = word.text.trim_start_matches("kube-");
    let is_it = |component: &Component| component.program().trim_start_matches("kube-") == name;
    let component = Component::ALL.into_iter().find(is_it)?;
    Some(Program::Component(component, arguments.get(at + 1..).unwrap_or_default().to_vec()))
}

/// The component that an argument of a container's runner is about: the image, or the command in it.
fn named_within(word: &str) -> Option<Component> {
    let image = base(word).split([':', '@']).next().unwrap_or_default();
    let image = image.strip_suffix("-amd64").or_else(|| image.strip_suffix("-arm64")).unwrap_or(image);
    Component::of_program(image)
}

/// The script of `sh -c SCRIPT`, also among other options (`-ec`).
fn script(arguments: &[Word]) -> Option<&Word> {
    let is_script =
        |word: &&Word| word.text.starts_with('-') && !word.text.starts_with("--") && word.text.ends_with('c');
    let at =
        arguments.iter().take_while(|word| word.text.starts_with('-')).position(|word| is_script(&word))?;
    arguments.get(at + 1)
}
