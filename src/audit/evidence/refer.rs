//! Finding out who names which file.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::references::{FileFlag, PAIRS, flags};
use super::{Holder, Node, Pair, Reference, Target, What};
use crate::audit::role::Role;
use crate::inspect::{self, Kubeconfig};
use crate::manifest::{By, Flag, Flags, KubeletConfiguration, Launch};

/// The most files that one file names for one purpose, or a kubeconfig for all of its users: more is no configuration, but an attempt to keep
/// the reader busy.
const MOST_NAMED: usize = 1000;

/// Finds out who names which file.
pub(super) fn refer(node: &mut Node) {
    let mut references = Vec::new();
    for (number, launch) in counting(node) {
        let namer = Namer { node, file: launch.file, launch: Some((number, launch)) };
        let mut named = namer.flags(&launch.flags, flags(launch.component));
        named.extend(namer.sni(&launch.flags));
        if let Some((_, kubelet)) = &launch.configuration {
            named.extend(namer.kubelet(kubelet, &launch.flags));
        }
        // What a program gives to the component in it stands nowhere, and differs from release to release.
        let is_own = |reference: &Reference| launch.by == By::Bundle && reference.line == 0;
        named.retain(|reference| !is_own(reference) || matches!(reference.target, Target::File(_)));
        references.extend(named);
    }
    for &file in &node.kubeconfigs {
        let namer = Namer { node, file, launch: None };
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

/// The launches whose files are in use: of static pods of one component the first, for a second manifest is a matter of its own.
fn counting(node: &Node) -> Vec<(usize, &Launch)> {
    let mut counting: Vec<(usize, &Launch)> = Vec::new();
    for (number, launch) in node.launched.launches.iter().enumerate() {
        let is_second =
            counting.iter().any(|(_, other)| other.component == launch.component && other.by == By::Pod);
        if launch.by != By::Pod || !is_second {
            counting.push((number, launch));
        }
    }
    counting
}

/// Somebody who names files: a program as it is launched, or a kubeconfig.
struct Namer<'a> {
    node: &'a Node,
    /// The number of the kubeconfig, or of what says that the program runs.
    file: usize,
    launch: Option<(usize, &'a Launch)>,
}

/// What names a file: a flag or a field, and where it stands.
struct Named<'a> {
    /// `--etcd-cafile`, `users[admin].client-key`.
    flag: String,
    /// The field of a configuration that stands for the flag.
    field: Option<&'a str>,
    file: usize,
    line: u64,
}

impl<'a> Named<'a> {
    fn of(flag: &'a Flag) -> Self {
        let (name, field) = (format!("--{}", flag.name), flag.field.as_deref());
        Self { flag: name, field, file: flag.file, line: flag.line }
    }
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
                several.chain(whole).map(move |value| (value, flag))
            });
            for (value, flag) in values.take(MOST_NAMED) {
                references.push(self.reference(Named::of(flag), entry.what, entry.role, Path::new(value)));
            }
        }
        references
    }

    /// The files that a kubelet's configuration names, unless a flag goes before it. A relative path begins where its file lies.
    fn kubelet(&self, kubelet: &KubeletConfiguration, given: &Flags) -> Vec<Reference> {
        let fields = [
            (&kubelet.tls_cert_file, "tlsCertFile", "tls-cert-file", What::Certificate, Role::KubeletServing),
            (
                &kubelet.tls_private_key_file,
                "tlsPrivateKeyFile",
                "tls-private-key-file",
                What::Key,
                Role::KubeletServing,
            ),
            (
                &kubelet.client_ca_file,
                "authentication.x509.clientCAFile",
                "client-ca-file",
                What::Trust,
                Role::KubernetesCa,
            ),
        ];
        let mut references = Vec::new();
        for (field, name, flag, what, role) in fields {
            let Some(field) = field.as_ref().filter(|_| given.value(flag).is_none()) else { continue };
            let named = Named { flag: name.to_owned(), field: None, file: field.file, line: field.line };
            let on_node = self.beside(field.file, &field.path);
            references.push(self.reference_to(named, what, Some(role), &field.path, on_node));
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
                references.push(self.reference(Named::of(flag), what, None, Path::new(path.trim())));
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
                let named = Named { flag: field, field: None, file: self.file, line };
                references.push(self.reference(named, what, None, Path::new(path)));
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

    fn reference(&self, named: Named<'_>, what: What, role: Option<Role>, path: &Path) -> Reference {
        self.reference_to(named, what, role, path, self.on_node(path))
    }

    fn reference_to(
        &self,
        named: Named<'_>,
        what: What,
        role: Option<Role>,
        path: &Path,
        on_node: Option<PathBuf>,
    ) -> Reference {
        let target = on_node.as_ref().map_or(Target::Outside, |path| self.node.paths.resolve(path));
        // Beside the kubeconfig itself, wherever the two lie on the node.
        let beside = on_node.as_deref().and_then(Path::parent).filter(|_| path.is_relative());
        let target = match target {
            Target::Outside if beside.is_some_and(|directory| self.node.looked_through(directory)) => {
                Target::Missing
            }
            other => other,
        };
        Reference {
            file: named.file,
            line: named.line,
            holder: self.launch.map_or(Holder::Kubeconfig, |(_, launch)| Holder::Component(launch.component)),
            launch: self.launch.map(|(number, _)| number),
            flag: named.flag,
            field: named.field.map(str::to_owned),
            what,
            role,
            path: path.to_owned(),
            on_node,
            target,
        }
    }

    /// A path on the node: that of the container through what is mounted there; a relative one from where the program is started, or
    /// from the kubeconfig that names it.
    fn on_node(&self, path: &Path) -> Option<PathBuf> {
        match self.launch {
            Some((_, launch)) => launch.on_node(path),
            None => self.beside(self.file, path),
        }
    }

    /// A path from the directory of a file on.
    fn beside(&self, file: usize, path: &Path) -> Option<PathBuf> {
        Some(self.node.files.get(file)?.on_node.parent()?.join(path))
    }
}

/// The certificates and keys that are named together.
fn pairs(references: &[Reference]) -> Vec<Pair> {
    // A launch may name the one in this file and the other in that.
    let owner = |named: &Reference| (named.launch, named.file * usize::from(named.launch.is_none()));
    let mut keys: HashMap<((Option<usize>, usize), &str), usize> = HashMap::new();
    for (index, key) in references.iter().enumerate() {
        keys.entry((owner(key), key.flag.trim_start_matches('-'))).or_insert(index);
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
        keys.get(&(owner(named), key_flag.as_str())).copied()
    };
    let is_certificate =
        |reference: &Reference| matches!(reference.what, What::Certificate | What::SigningCertificate);
    (0..references.len())
        .filter(|index| references.get(*index).is_some_and(is_certificate))
        .filter_map(|certificate| Some(Pair { certificate, key: partner(certificate)? }))
        .collect()
}
