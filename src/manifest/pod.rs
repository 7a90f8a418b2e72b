//! Static pods: which component runs, with which flags.

use std::fmt;

use serde::Deserialize;
use serde_saphyr::Spanned;

use super::{Flags, ManifestError, expect_kind, read};

/// A component of the control plane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Component {
    /// kube-apiserver.
    Apiserver,
    /// kube-controller-manager.
    ControllerManager,
    /// kube-scheduler.
    Scheduler,
    /// etcd.
    Etcd,
}

impl Component {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Apiserver, Self::ControllerManager, Self::Scheduler, Self::Etcd];

    /// The name of its program.
    pub fn program(self) -> &'static str {
        match self {
            Self::Apiserver => "kube-apiserver",
            Self::ControllerManager => "kube-controller-manager",
            Self::Scheduler => "kube-scheduler",
            Self::Etcd => "etcd",
        }
    }
}

impl fmt::Display for Component {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.program())
    }
}

/// A component as a manifest runs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StaticPod {
    /// Which one.
    pub component: Component,
    /// Its flags. Of etcd also those that its environment gives (`ETCD_NAME` for `--name`), before the others, which
    /// count more.
    pub flags: Flags,
}

#[derive(Deserialize)]
struct Pod {
    kind: Option<String>,
    spec: Option<Spec>,
}

#[derive(Deserialize)]
struct Spec {
    #[serde(default)]
    containers: Vec<Container>,
}

#[derive(Deserialize)]
struct Container {
    #[serde(default)]
    command: Option<Vec<Spanned<String>>>,
    #[serde(default)]
    args: Option<Vec<Spanned<String>>>,
    #[serde(default)]
    env: Option<Vec<Variable>>,
}

/// A variable whose value comes from elsewhere (`valueFrom`) has none here.
#[derive(Deserialize)]
struct Variable {
    name: String,
    value: Option<Spanned<String>>,
}

/// Reads a static pod's manifest; `None` for a pod that runs no component of the control plane.
///
/// # Errors
/// [`ManifestError`] when it is no pod in YAML or JSON.
pub fn static_pod(text: &[u8]) -> Result<Option<StaticPod>, ManifestError> {
    let pod: Pod = read(text, "Pod")?;
    expect_kind(pod.kind.as_deref(), "Pod")?;
    let containers = pod.spec.map(|spec| spec.containers).unwrap_or_default();
    Ok(containers.iter().find_map(component))
}

/// The component that a container runs: its program is the first word of the command, or of the arguments where the
/// image brings the command.
fn component(container: &Container) -> Option<StaticPod> {
    let variables = container.env.as_deref().unwrap_or_default();
    let words = container.command.iter().chain(&container.args).flatten();
    let words: Vec<(String, u64)> =
        words.map(|word| (expand(&word.value, variables), word.referenced.line())).collect();
    let named = |word: &str| {
        let name = word.rsplit('/').next().unwrap_or(word);
        Component::ALL.into_iter().find(|component| component.program() == name)
    };
    // Behind a wrapper, as in `kube-log-runner … /usr/local/bin/kube-apiserver --…`.
    let (at, component) =
        words.iter().enumerate().find_map(|(at, (word, _))| named(word).map(|found| (at, found)))?;
    let arguments = words.iter().skip(at + 1).map(|(word, line)| (word.as_str(), *line));
    let flags = match component {
        Component::Etcd => environment(variables).followed_by(Flags::of(arguments)),
        _ => Flags::of(arguments),
    };
    Some(StaticPod { component, flags })
}

/// `$(NAME)` with what the variable says, as the kubelet puts it in; one that is not known stays, and `$$` is a dollar.
fn expand(word: &str, variables: &[Variable]) -> String {
    let mut out = String::with_capacity(word.len());
    let mut rest = word;
    while let Some(at) = rest.find('$') {
        let (before, dollar) = rest.split_at(at);
        out.push_str(before);
        let reference = dollar.strip_prefix("$(").and_then(|inner| inner.split_once(')'));
        if let Some(after) = dollar.strip_prefix("$$") {
            out.push('$');
            rest = after;
        } else if let Some((name, after)) = reference {
            match variables.iter().rev().find(|variable| variable.name == name).map(|found| &found.value) {
                Some(Some(value)) => out.push_str(&value.value),
                _ => out.extend(["$(", name, ")"]),
            }
            rest = after;
        } else {
            out.push('$');
            rest = dollar.strip_prefix('$').unwrap_or_default();
        }
    }
    out.push_str(rest);
    out
}

/// etcd's flags from its environment.
fn environment(variables: &[Variable]) -> Flags {
    let mut flags = Flags::default();
    for variable in variables {
        let (Some(name), Some(value)) = (variable.name.strip_prefix("ETCD_"), &variable.value) else {
            continue;
        };
        let name = name.to_ascii_lowercase().replace('_', "-");
        flags.push(name, value.value.clone(), value.referenced.line());
    }
    flags
}
