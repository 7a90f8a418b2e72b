//! Finding out who names which file.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::references::{FileFlag, KUBELET, PAIRS, flags};
use super::{File, Holder, Node, Pair, Reference, Target, What};
use crate::audit::role::Role;
use crate::inspect::{self, Kubeconfig};
use crate::manifest::{Component, Flags, Mount};

/// The most files that one file names for one purpose, or a kubeconfig for all of its users: more is no configuration, but an attempt to keep
/// the reader busy.
const MOST_NAMED: usize = 1000;

/// etcd's environment file: the one that kubespray writes, or distributions, or else the first.
pub(super) fn etcd_environment(node: &Node) -> Option<usize> {
    const USUAL: [&str; 2] = ["/etc/etcd.env", "/etc/etcd/etcd.conf"];
    let is_it = |index: &usize| {
        let contents = node.files.get(*index).and_then(File::contents);
        contents.is_some_and(|contents| contents.etcd_environment.is_some())
    };
    let usual =
        USUAL.iter().filter_map(|path| Some(node.entry_at(Path::new(path))?.0)).find(|index| is_it(index));
    usual.or_else(|| (0..node.files.len()).find(is_it))
}

/// The files of the static pods, those with the name that kubeadm gives them first.
pub(super) fn pods(node: &Node) -> Vec<usize> {
    let directory = node.manifest_directory();
    let is_manifest = |file: &File| {
        let alone = !file.anchored;
        file.on_node.parent() == Some(&directory)
            || file.on_node.parent().is_some_and(|parent| parent.ends_with("agent/pod-manifests"))
            || alone
    };
    let mut pods: Vec<(bool, usize)> = Vec::new();
    for (index, file) in node.files.iter().enumerate() {
        let Some(Ok(pod)) = file.contents().and_then(|contents| contents.pod.as_ref()) else { continue };
        // The kubelet takes every file whose name does not begin with a dot (extractFromDir in pkg/kubelet/config/file.go).
        if is_manifest(file) && !file.name().starts_with('.') {
            let usual = file.on_node.file_stem().is_some_and(|stem| stem == pod.component.program());
            pods.push((!usual, index));
        }
    }
    pods.sort_unstable();
    pods.into_iter().map(|(_, index)| index).collect()
}

/// Finds out who names which file.
pub(super) fn refer(node: &mut Node) {
    let mut references = Vec::new();
    let mut seen: Vec<Component> = Vec::new();
    for &index in &node.pods {
        let Some(Ok(pod)) =
            node.files.get(index).and_then(File::contents).and_then(|contents| contents.pod.as_ref())
        else {
            continue;
        };
        // A second manifest of a component is a matter of its own.
        if seen.contains(&pod.component) {
            continue;
        }
        seen.push(pod.component);
        let namer =
            Namer { node, file: index, holder: Holder::Component(pod.component), mounts: Some(&pod.mounts) };
        references.extend(namer.flags(&pod.flags, flags(pod.component)));
        references.extend(namer.sni(&pod.flags));
    }
    if node.pod(Component::Etcd).is_none()
        && let Some((file, given)) = node.flags_of(Component::Etcd)
    {
        let namer = Namer { node, file, holder: Holder::Component(Component::Etcd), mounts: None };
        references.extend(namer.flags(given, flags(Component::Etcd)));
    }
    if let Some((file, kubelet)) = node.kubelet() {
        let namer = Namer { node, file, holder: Holder::Kubelet, mounts: None };
        let fields = [
            (&kubelet.tls_cert_file, "tlsCertFile", What::Certificate, Role::KubeletServing),
            (&kubelet.tls_private_key_file, "tlsPrivateKeyFile", What::Key, Role::KubeletServing),
            (&kubelet.client_ca_file, "authentication.x509.clientCAFile", What::Trust, Role::KubernetesCa),
        ];
        for (field, name, what, role) in fields {
            if let Some(field) = field {
                references.push(namer.reference(name.into(), field.line, what, Some(role), &field.path));
            }
        }
    }
    for &file in &node.kubelet_arguments {
        let arguments = node
            .files
            .get(file)
            .and_then(File::contents)
            .and_then(|contents| contents.kubelet_arguments.as_ref());
        if let Some(arguments) = arguments {
            let namer = Namer { node, file, holder: Holder::Kubelet, mounts: None };
            references.extend(namer.flags(arguments, KUBELET));
        }
    }
    for &file in &node.kubeconfigs {
        let namer = Namer { node, file, holder: Holder::Kubeconfig, mounts: None };
        if let Some(kubeconfig) = node.kubeconfig(file) {
            references.extend(namer.kubeconfig(kubeconfig));
        }
    }
    let most = references.chunk_by(|a, b| a.file == b.file).filter(|chunk| chunk.len() >= MOST_NAMED);
    let files: Vec<usize> = most.filter_map(|chunk| chunk.first()).map(|first| first.file).collect();
    for file in files.iter().filter_map(|file| node.files.get(*file)) {
        let reason =
            format!("{}: it names more than {MOST_NAMED} files; the rest were not looked at", file.shown);
        node.incomplete.push(reason);
    }
    for (index, reference) in references.iter().enumerate() {
        node.references_by_file.entry(reference.file).or_default().push(index);
    }
    node.pairs = pairs(&references);
    node.references = references;
}

/// Somebody who names files.
struct Namer<'a> {
    node: &'a Node,
    file: usize,
    holder: Holder,
    mounts: Option<&'a [Mount]>,
}

impl Namer<'_> {
    fn flags(&self, given: &Flags, table: &[FileFlag]) -> Vec<Reference> {
        let mut references = Vec::new();
        for entry in table {
            let flags = given.all().iter().filter(|flag| flag.name == entry.flag && !flag.value.is_empty());
            // Where only one may be given, the last one counts.
            let flags: Vec<_> = if entry.many { flags.collect() } else { flags.rev().take(1).collect() };
            let values = flags.into_iter().flat_map(|flag| {
                let several =
                    flag.value.split(',').map(str::trim).filter(|value| entry.many && !value.is_empty());
                let whole = (!entry.many).then_some(flag.value.as_str());
                several.chain(whole).map(|value| (value, flag.line))
            });
            for (value, line) in values.take(MOST_NAMED) {
                let name = format!("--{}", entry.flag);
                references.push(self.reference(name, line, entry.what, entry.role, Path::new(value)));
            }
        }
        references
    }

    /// `--tls-sni-cert-key=CERTIFICATE,KEY[:DOMAINS]` of the API server.
    fn sni(&self, given: &Flags) -> Vec<Reference> {
        let flags = given.all().iter().filter(|flag| flag.name == "tls-sni-cert-key").take(MOST_NAMED / 2);
        let mut references = Vec::new();
        for flag in flags {
            let files = flag.value.split(':').next().unwrap_or_default();
            let Some((certificate, key)) = files.split_once(',') else { continue };
            for (path, what) in [(certificate, What::Certificate), (key, What::Key)] {
                references.push(self.reference(
                    "--tls-sni-cert-key".into(),
                    flag.line,
                    what,
                    None,
                    Path::new(path.trim()),
                ));
            }
        }
        references
    }

    fn kubeconfig(&self, kubeconfig: &Kubeconfig) -> Vec<Reference> {
        let mut references = Vec::new();
        let mut name = |field: String, named: &inspect::Reference, what| {
            let is_read = !named.embedded && references.len() < MOST_NAMED;
            if let Some(path) = named.file.as_ref().filter(|_| is_read) {
                let line = u64::try_from(named.line).unwrap_or(0);
                references.push(self.reference(field, line, what, None, Path::new(path)));
            }
        };
        for cluster in &kubeconfig.clusters {
            let field = format!("clusters[{}].certificate-authority", cluster.name);
            name(field, &cluster.authority, What::Trust);
        }
        for user in &kubeconfig.users {
            let field = format!("users[{}].client-certificate", user.name);
            name(field, &user.certificate, What::Certificate);
            name(format!("users[{}].client-key", user.name), &user.key, What::Key);
        }
        references
    }

    fn reference(&self, flag: String, line: u64, what: What, role: Option<Role>, path: &Path) -> Reference {
        let on_node = self.on_node(path);
        let target = on_node.as_ref().map_or(Target::Outside, |path| self.node.paths.resolve(path));
        Reference {
            file: self.file,
            line,
            holder: self.holder,
            flag,
            what,
            role,
            path: path.to_owned(),
            on_node,
            target,
        }
    }

    /// A path on the node: that of the container through what is mounted there; a relative one from the file that names it.
    fn on_node(&self, path: &Path) -> Option<PathBuf> {
        let Some(mounts) = self.mounts else {
            let directory = self.node.files.get(self.file)?.on_node.parent()?;
            return Some(directory.join(path));
        };
        through(mounts, path)
    }
}

/// A path of a container on its node, by what is mounted there.
pub(super) fn through(mounts: &[Mount], path: &Path) -> Option<PathBuf> {
    let mount = mounts
        .iter()
        .filter(|mount| path.starts_with(&mount.path))
        .max_by_key(|mount| mount.path.components().count())?;
    let rest = path.strip_prefix(&mount.path).ok()?;
    let host = mount.host.as_ref()?;
    Some(if rest.as_os_str().is_empty() { host.clone() } else { host.join(rest) })
}

/// The certificates and keys that are named together.
fn pairs(references: &[Reference]) -> Vec<Pair> {
    let mut keys: HashMap<(usize, Holder, &str), usize> = HashMap::new();
    for (index, key) in references.iter().enumerate() {
        keys.entry((key.file, key.holder, key.flag.trim_start_matches('-'))).or_insert(index);
    }
    let partner = |certificate: usize| {
        let named = references.get(certificate)?;
        let name = named.flag.trim_start_matches('-');
        let key_flag = match name {
            "tlsCertFile" => "tlsPrivateKeyFile".to_owned(),
            // The key stands behind its certificate.
            "tls-sni-cert-key" => {
                return references
                    .get(certificate + 1)
                    .filter(|key| key.what == What::Key)
                    .map(|_| certificate + 1);
            }
            name => match PAIRS.iter().find(|(known, _)| *known == name) {
                Some((_, key)) => (*key).to_owned(),
                None => format!("{}client-key", name.strip_suffix("client-certificate")?),
            },
        };
        keys.get(&(named.file, named.holder, key_flag.as_str())).copied()
    };
    let is_certificate =
        |reference: &Reference| matches!(reference.what, What::Certificate | What::SigningCertificate);
    (0..references.len())
        .filter(|index| references.get(*index).is_some_and(is_certificate))
        .filter_map(|certificate| Some(Pair { certificate, key: partner(certificate)? }))
        .collect()
}
