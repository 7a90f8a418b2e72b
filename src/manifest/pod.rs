//! Static pods: which component runs, with which flags.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::etcd::etcd_flag;
use super::{Component, Flags, ManifestError, expect_kind, read};
use crate::profile::KubernetesVersion;
use crate::yaml::Spanned;

/// A component as a manifest runs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StaticPod {
    /// Which one.
    pub component: Component,
    /// Its flags. Of etcd also those that its environment gives (`ETCD_NAME` for `--name`), before the others, which
    /// count more.
    pub flags: Flags,
    /// The pod's name; empty where it has none.
    pub name: String,
    /// Its container's image.
    pub image: Option<String>,
    /// What of the host is mounted into its container.
    pub mounts: Vec<Mount>,
}

/// A directory or file of the host within a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// Its path in the container.
    pub path: PathBuf,
    /// Its path on the host; none where the volume is none of the host's (`emptyDir`, a Secret), or is not defined.
    pub host: Option<PathBuf>,
}

impl StaticPod {
    /// The version of Kubernetes that the tag of its image names; none for etcd, which has versions of its own.
    pub fn version(&self) -> Option<KubernetesVersion> {
        image_version(self.image.as_ref().filter(|_| self.component != Component::Etcd)?)
    }
}

/// The version that the tag of an image names.
pub fn image_version(image: &str) -> Option<KubernetesVersion> {
    let image = image.split('@').next().unwrap_or_default();
    let (_, tag) = image.rsplit_once(':').filter(|(_, tag)| !tag.contains('/'))?;
    tag.parse().ok()
}

#[derive(Deserialize)]
struct Pod {
    kind: Option<String>,
    metadata: Option<Metadata>,
    spec: Option<Spec>,
}

#[derive(Deserialize)]
struct Metadata {
    name: Option<String>,
}

#[derive(Deserialize)]
struct Spec {
    #[serde(default)]
    containers: Vec<Container>,
    #[serde(default)]
    volumes: Option<Vec<Volume>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Volume {
    name: String,
    host_path: Option<HostPath>,
}

#[derive(Deserialize)]
struct HostPath {
    path: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct VolumeMount {
    name: String,
    mount_path: String,
    sub_path: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Container {
    #[serde(default)]
    command: Option<Vec<Spanned<String>>>,
    #[serde(default)]
    args: Option<Vec<Spanned<String>>>,
    #[serde(default)]
    env: Option<Vec<Variable>>,
    image: Option<String>,
    #[serde(default)]
    volume_mounts: Option<Vec<VolumeMount>>,
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
    let Some(spec) = pod.spec else { return Ok(None) };
    let volumes = spec.volumes.unwrap_or_default();
    let name = pod.metadata.and_then(|metadata| metadata.name).unwrap_or_default();
    Ok(spec.containers.iter().find_map(|container| {
        let (component, flags) = component(container)?;
        let image = container.image.clone();
        Some(StaticPod { component, flags, name: name.clone(), image, mounts: mounts(container, &volumes) })
    }))
}

fn mounts(container: &Container, volumes: &[Volume]) -> Vec<Mount> {
    let host = |mount: &VolumeMount| {
        let volume = volumes.iter().find(|volume| volume.name == mount.name)?;
        let path = Path::new(&volume.host_path.as_ref()?.path);
        Some(mount.sub_path.as_ref().map_or_else(|| path.to_owned(), |inner| path.join(inner)))
    };
    let mounts = container.volume_mounts.iter().flatten();
    mounts.map(|mount| Mount { path: PathBuf::from(&mount.mount_path), host: host(mount) }).collect()
}

/// A path of a container on its node, by what is mounted there; none where nothing of the host is.
pub fn through(mounts: &[Mount], path: &Path) -> Option<PathBuf> {
    let mount = mounts
        .iter()
        .filter(|mount| path.starts_with(&mount.path))
        .max_by_key(|mount| mount.path.components().count())?;
    let rest = path.strip_prefix(&mount.path).ok()?;
    let host = mount.host.as_ref()?;
    Some(if rest.as_os_str().is_empty() { host.clone() } else { host.join(rest) })
}

/// The component that a container runs: its program is the first word of the command, or of the arguments where the
/// image brings the command.
fn component(container: &Container) -> Option<(Component, Flags)> {
    let variables = container.env.as_deref().unwrap_or_default();
    let words = container.command.iter().chain(&container.args).flatten();
    let words: Vec<(String, u64)> =
        words.map(|word| (expand(&word.value, variables), word.referenced.line())).collect();
    // Behind a wrapper, as in `kube-log-runner … /usr/local/bin/kube-apiserver --…`.
    let (at, component) = words
        .iter()
        .enumerate()
        .find_map(|(at, (word, _))| Component::of_program(word).map(|found| (at, found)))?;
    let arguments = words.iter().skip(at + 1).map(|(word, line)| (word.as_str(), *line));
    let flags = match component {
        Component::Etcd => environment(variables).followed_by(Flags::of(arguments)),
        _ => Flags::of(arguments),
    };
    Some((component, flags))
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
        if let (Some(name), Some(value)) = (etcd_flag(&variable.name), &variable.value) {
            flags.push(name, value.value.clone(), value.referenced.line());
        }
    }
    flags
}
