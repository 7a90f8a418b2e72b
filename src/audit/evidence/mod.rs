//! What was found on a node: files with what is in them, certificates with who signed them and for what they are used.
//!
//! Gathering is the only part of the audit that reads anything. What cannot be read becomes evidence, not an abort.

mod cert;
mod contents;
mod gather;
mod inventory;
mod kind;
mod launches;
mod layouts;
mod linking;
mod paths;
mod places;
mod processes;
mod records;
mod refer;
mod references;
mod roles;
mod system;

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

pub use self::contents::{Contents, Known, StaticCredentials, TextFacts};
pub(super) use self::gather::gather;
pub use self::gather::{ATTRIBUTES_ONLY, LIMITS, Source, Store, is_whole_system};
pub use self::inventory::{Inventory, Kept};
pub(super) use self::layouts::of_file;
pub(super) use self::linking::link as link_node;
pub use self::linking::{Authorities, Authority, Signer, Signing};
pub use self::paths::Target;
pub(super) use self::paths::{is_among, place_of_directory, place_of_file};
pub use self::places::Use;
pub(super) use self::places::{current_file, is_kubeconfig_of_kubeadm, is_read_by_kubeadms, is_superseded};
pub use self::processes::ProcessStat;
pub use self::references::{Holder, Pair, Reference, What};
pub(super) use self::roles::{assign_users as name_users, by_content as role_by_content};

use super::answers::Place;
use super::report::Location;
use super::role::{Basis, Role};
use crate::disk::Attributes;
use crate::inspect::{CertificateFacts, Content, Item, KubeCluster, KubeContext, KubeUser, Kubeconfig};
use crate::key::PrivateKeyFacts;
use crate::layout::{Promise, key_beside, promise};
use crate::manifest::{Component, Flag, Flags, KubeletConfiguration, Launch, Launched};
use crate::profile::KubernetesVersion;
use crate::x509::{RevocationList, TbsCertificate};

/// What tells how a component runs.
const GIVE: &str = "give its manifest, or its unit and the files that this names; or / as a whole";

/// What a tree is that of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NodeKind {
    /// A node with an API server.
    ControlPlane,
    /// A node with etcd, and nothing of a control plane that was found.
    Etcd,
    /// A node with a kubelet, and nothing of these where they would be.
    Worker,
    /// No node: the CAs of a cluster kept apart, or the files of users, as `kpki init` writes them beside the nodes.
    Store,
    /// Files of which that cannot be told.
    Unknown,
}

/// What a file is.
#[derive(Debug)]
pub enum FileKind {
    /// A regular file: what is in it, or why that is not known; safe to show.
    Regular(Result<Arc<Contents>, String>),
    /// A directory, or why not all of it was looked at; safe to show.
    Directory(Result<(), String>),
    /// A symbolic link.
    Link(PathBuf),
    /// A pipe, a socket or a device: `a pipe`.
    Special(&'static str),
}

/// A file, a directory or another entry of a node's tree.
#[derive(Debug)]
pub struct File {
    /// Its path as it was named, the argument and the path in it; of one of several nodes, and of an archive, the path within its tree.
    /// Safe to show.
    pub shown: Arc<str>,
    /// How many bytes of that are the argument.
    pub base: usize,
    /// Its path on the node. Where it is not known for what the argument stands, one that begins with the argument's name.
    pub on_node: PathBuf,
    /// Whether that path is known rather than made up.
    pub anchored: bool,
    /// What it is.
    pub kind: FileKind,
    /// What the file system (or the archive) says of it; none where nothing is said.
    pub attributes: Option<Attributes>,
    /// The argument and the path in it, for those who want to mend it; none from an archive.
    pub found_at: Option<PathBuf>,
    /// Whether its name is that of a left-over, worked out once.
    pub(super) left_over: OnceLock<Option<PathBuf>>,
}

impl File {
    /// What is in it, where it was read.
    pub fn contents(&self) -> Option<&Contents> {
        match &self.kind {
            FileKind::Regular(Ok(contents)) => Some(contents),
            _ => None,
        }
    }

    /// Its path as a command takes it: the very one that was named, or of an archive that on the node.
    pub fn command_path(&self) -> &Path {
        let found = self.found_at.as_deref();
        found.map_or(&*self.on_node, |path| path.strip_prefix(".").unwrap_or(path))
    }

    /// Everything in it.
    pub fn items(&self) -> &[Item] {
        self.contents().map(|contents| contents.items.as_slice()).unwrap_or_default()
    }

    /// What its name promises.
    pub fn promise(&self) -> Option<Promise> {
        promise(&self.on_node)
    }

    /// Its name; empty where it is not UTF-8.
    pub fn name(&self) -> &str {
        self.on_node.file_name().and_then(|name| name.to_str()).unwrap_or_default()
    }

    /// Whether it is a directory.
    pub fn is_directory(&self) -> bool {
        matches!(self.kind, FileKind::Directory(_))
    }

    /// Whether a private key is in it, in whatever form.
    pub fn holds_private_key(&self) -> bool {
        self.items().iter().any(|item| matches!(item.content, Content::PrivateKey(_)))
    }

    /// The kubeconfig that it is.
    pub fn kubeconfig(&self) -> Option<&Kubeconfig> {
        self.items().iter().find_map(|item| match &item.content {
            Content::Kubeconfig(kubeconfig) => Some(&**kubeconfig),
            _ => None,
        })
    }
}

/// A certificate of a node, by its number in [`Node::certificates`].
#[derive(Debug)]
pub struct FoundCertificate {
    /// The number of its file.
    pub file: usize,
    /// The number of its item there.
    pub item: usize,
    /// Which certificate of its file or field it is, from 0.
    pub position: usize,
    /// The parts that it plays, the surest first; empty where none is known, or it is another's chain.
    pub roles: Vec<(Role, Basis)>,
    /// Who signed it.
    pub signing: Signing,
    /// The number of the certificate with the same bytes that stands for all of them: the one where it is used, a copy only where there is
    /// none. Its own where it is that one.
    pub same_as: usize,
    /// What use is made of it in this place.
    pub usage: Use,
    /// The part that its place promises.
    pub place_role: Option<Role>,
    /// The SHA-256 of its bytes.
    pub fingerprint: [u8; 32],
    /// The SHA-256 of its `SubjectPublicKeyInfo`.
    pub spki: [u8; 32],
}

/// A key of a node that stands in no certificate.
#[derive(Debug)]
pub struct FoundKey {
    /// The number of its file.
    pub file: usize,
    /// The number of its item there.
    pub item: usize,
    /// Whether it is a private key.
    pub private: bool,
    /// The SHA-256 of its `SubjectPublicKeyInfo`, where it is known.
    pub spki: Option<[u8; 32]>,
    /// The parts that it plays.
    pub roles: Vec<(Role, Basis)>,
    /// What use is made of it in this place.
    pub usage: Use,
}

/// What was found on one node.
#[derive(Debug)]
pub struct Node {
    /// Its name, where several were given; safe to show.
    pub name: Option<Arc<str>>,
    /// What it is.
    pub kind: NodeKind,
    /// Every entry of its tree, by path.
    pub files: Vec<File>,
    /// Every certificate, by file and place in it.
    pub certificates: Vec<FoundCertificate>,
    /// Every private key, and every public key that stands alone.
    pub keys: Vec<FoundKey>,
    /// Every revocation list: its file and item.
    pub lists: Vec<(usize, usize)>,
    /// Every file that somebody names.
    pub references: Vec<Reference>,
    /// Certificates and keys that are named together.
    pub pairs: Vec<Pair>,
    /// How its programs are launched.
    pub launched: Launched,
    /// The files that are kubeconfigs.
    pub kubeconfigs: Vec<usize>,
    /// The version of Kubernetes, by the policy or by the API server's image (or another component's).
    pub version: Option<KubernetesVersion>,
    /// Entries that were left out because there were too many, and other things that hide something; safe to show.
    pub incomplete: Vec<String>,
    paths: paths::Paths,
    /// How much may still be spent on verifications that rules ask for.
    left: AtomicUsize,
    /// The numbers of the certificates with a public key, by its SHA-256.
    by_key: HashMap<[u8; 32], Vec<usize>>,
    /// The numbers of the references that a file makes.
    references_by_file: HashMap<usize, Vec<usize>>,
    /// The numbers of the keys, in the same way.
    keys_by_key: HashMap<[u8; 32], Vec<usize>>,
    /// The numbers of the certificates: those in use first, those that were put aside last.
    best_first: Vec<usize>,
    /// The files that somebody names who is no left-over, once that was asked.
    pub(super) in_use: OnceLock<HashSet<usize>>,
    /// What rules have worked out of its certificates, once the roles are known.
    pub(super) uses: OnceLock<super::rules::Uses>,
    /// Who is shown which of them, and what comes of it, once that was asked.
    pub(super) meetings: OnceLock<super::rules::Meetings>,
}

/// A certificate of a node with everything that is known of it.
#[derive(Debug, Clone, Copy)]
pub struct Cert<'a> {
    /// The node.
    pub node: &'a Node,
    /// Its number in [`Node::certificates`].
    pub index: usize,
    found: &'a FoundCertificate,
    facts: &'a CertificateFacts,
}

impl Node {
    /// The name on the node, or in words where several were not given.
    pub fn shown_name(&self) -> &str {
        self.name.as_deref().unwrap_or("this node")
    }

    /// A certificate by its number.
    pub fn certificate(&self, index: usize) -> Option<Cert<'_>> {
        let found = self.certificates.get(index)?;
        let facts = self.files.get(found.file)?.contents()?.certificate(found.item)?;
        Some(Cert { node: self, index, found, facts })
    }

    /// Every certificate, by file and place in it.
    pub fn certs(&self) -> impl Iterator<Item = Cert<'_>> {
        (0..self.certificates.len()).filter_map(|index| self.certificate(index))
    }

    /// Every certificate once, at the best of its places.
    pub fn distinct_certs(&self) -> impl Iterator<Item = Cert<'_>> {
        self.certs().filter(|cert| cert.found.same_as == cert.index)
    }

    /// The certificates that play a part, each place of one: where they are used before copies, and what was put aside last.
    pub fn with_role(&self, role: Role) -> impl Iterator<Item = Cert<'_>> {
        self.best_first().filter(move |cert| cert.is(role))
    }

    /// Every place of every certificate: those in use first, those that were put aside last.
    pub(super) fn best_first(&self) -> impl Iterator<Item = Cert<'_>> {
        self.best_first.iter().filter_map(|index| self.certificate(*index))
    }

    /// The certificates of a file, in order, those of its fields among them.
    pub fn certs_in(&self, file: usize) -> impl Iterator<Item = Cert<'_>> {
        let start = self.certificates.partition_point(|found| found.file < file);
        (start..self.certificates.len())
            .map_while(move |index| {
                self.certificates.get(index).filter(|found| found.file == file).map(|_| index)
            })
            .filter_map(|index| self.certificate(index))
    }

    /// The certificates of one field of a file, by the field's whole name (`clusters[a].certificate-authority-data`).
    pub fn certs_in_field(&self, file: usize, field: &str) -> Vec<Cert<'_>> {
        self.certs_in(file).filter(|cert| cert.item().place.field.as_deref() == Some(field)).collect()
    }

    /// The certificates with a public key, by its SHA-256.
    pub fn certs_with_key(&self, spki: &[u8; 32]) -> impl Iterator<Item = Cert<'_>> {
        self.by_key.get(spki).into_iter().flatten().filter_map(|index| self.certificate(*index))
    }

    /// The keys with a public key, by its SHA-256.
    pub fn keys_with(&self, spki: &[u8; 32]) -> impl Iterator<Item = &FoundKey> {
        self.keys_by_key.get(spki).into_iter().flatten().filter_map(|index| self.keys.get(*index))
    }

    /// The keys of a file.
    pub fn keys_in(&self, file: usize) -> impl Iterator<Item = &FoundKey> {
        // They stand in the order of the files.
        let start = self.keys.partition_point(|key| key.file < file);
        self.keys.iter().skip(start).take_while(move |key| key.file == file)
    }

    /// What a private key's item says; none for a public key.
    pub fn private_key_facts(&self, key: &FoundKey) -> Option<&PrivateKeyFacts> {
        match &self.files.get(key.file)?.items().get(key.item)?.content {
            Content::PrivateKey(facts) => Some(facts),
            _ => None,
        }
    }

    /// Where a key stands.
    pub fn place_of_key(&self, key: &FoundKey) -> Place {
        let item = self.files.get(key.file).and_then(|file| file.items().get(key.item));
        item.map_or_else(|| Place::file(key.file), |item| Place::of_item(key.file, item))
    }

    /// A revocation list, by its file and item.
    pub fn list(&self, (file, item): (usize, usize)) -> Option<&RevocationList> {
        match &self.files.get(file)?.items().get(item)?.content {
            Content::RevocationList(list) => Some(list),
            _ => None,
        }
    }

    /// Whether the signature of a revocation list is by a key.
    pub fn list_is_signed_by(&self, (file, item): (usize, usize), authority: &TbsCertificate) -> bool {
        let contents = self.files.get(file).and_then(File::contents);
        contents.is_some_and(|contents| contents.verify(item, &authority.public_key).is_ok())
    }

    /// Takes from what may still be spent on verifications; whether there was enough.
    pub(super) fn spend(&self, cost: usize) -> bool {
        let spend = |left: usize| left.checked_sub(cost);
        self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, spend).is_ok()
    }

    /// Where an absolute path of the node leads.
    pub fn resolve(&self, path: &Path) -> Target {
        self.paths.resolve(path)
    }

    /// The path at the end of the links of another one; none where they go round in a circle.
    pub(super) fn end(&self, path: &Path) -> Option<PathBuf> {
        self.paths.end(path)
    }

    /// The number and the file at an absolute path of the node, links followed.
    pub fn file_at(&self, path: &str) -> Option<(usize, &File)> {
        match self.resolve(Path::new(path)) {
            Target::File(index) => self.files.get(index).map(|file| (index, file)),
            _ => None,
        }
    }

    /// The entry at an absolute path of the node itself, links not followed.
    pub fn entry_at(&self, path: &Path) -> Option<(usize, &File)> {
        let index = self.paths.at(path)?;
        self.files.get(index).map(|file| (index, file))
    }

    /// Whether everything in a directory was looked at, so that what is not there is known to be missing.
    pub fn looked_through(&self, directory: &Path) -> bool {
        // Any name does.
        self.paths.is_given(&directory.join("file"))
            || self
                .entry_at(directory)
                .is_some_and(|(_, entry)| matches!(entry.kind, FileKind::Directory(Ok(()))))
    }

    /// The file of the private key that belongs beside a certificate's file by their names.
    pub fn key_file_beside(&self, file: &File) -> Option<(usize, &File)> {
        match self.resolve(&key_beside(&file.on_node)) {
            Target::File(index) => self.files.get(index).map(|found| (index, found)),
            _ => None,
        }
    }

    /// The directory from which the kubelet runs static pods.
    pub fn manifest_directory(&self) -> PathBuf {
        self.launched.manifests.clone()
    }

    /// How a component is launched, as far as it is known. Where it has doubts, a flag that is not among its flags may be given all the same.
    pub fn launch(&self, component: Component) -> Option<&Launch> {
        self.launched.of(component).next()
    }

    /// The same, with no doubt left: what is not among its flags is not given.
    pub fn whole_launch(&self, component: Component) -> Option<&Launch> {
        self.launch(component).filter(|launch| launch.doubts.is_empty())
    }

    /// Why no [`Node::whole_launch`] of a component is known, and the place of what is in doubt, where something is.
    pub fn not_known(&self, component: Component) -> (Option<Place>, String) {
        match self.launch(component).and_then(|launch| launch.doubts.first()) {
            Some(doubt) => {
                let place = Place::line(doubt.file, doubt.line);
                (Some(place), format!("how {component} runs is not known for certain: {}", doubt.reason))
            }
            None => (None, format!("how {component} runs is not known: {GIVE}")),
        }
    }

    /// All flags of a component, with the number of the file that says that it runs; none where some may not be known.
    pub fn flags_of(&self, component: Component) -> Option<(usize, &Flags)> {
        self.whole_launch(component).map(|launch| (launch.file, &launch.flags))
    }

    /// All flags of a component; none where some may not be known.
    pub fn flags(&self, component: Component) -> Option<&Flags> {
        self.flags_of(component).map(|(_, flags)| flags)
    }

    /// A flag of a component, with its place.
    pub fn flag(&self, component: Component, name: &str) -> Option<(Place, &Flag)> {
        let flag = self.launch(component)?.flags.last(name).filter(|flag| !flag.value.is_empty())?;
        Some((Place::line(flag.file, flag.line), flag))
    }

    /// The directory of etcd's data on the node, as far as it is named; none where its pod mounts nothing of the host there.
    pub fn etcd_data(&self) -> Option<PathBuf> {
        let launch = self.launch(Component::Etcd)?;
        launch.on_node(Path::new(launch.flags.value("data-dir")?))
    }

    /// The kubelet's configuration, with the number of its file.
    pub fn kubelet(&self) -> Option<(usize, &KubeletConfiguration)> {
        let (file, configuration) = self.launch(Component::Kubelet)?.configuration.as_ref()?;
        Some((*file, configuration))
    }

    /// A flag of the kubelet, with its place.
    pub fn kubelet_flag(&self, name: &str) -> Option<(Place, &Flag)> {
        self.flag(Component::Kubelet, name)
    }

    /// The references of a component's flag (or a kubelet's, or a kubeconfig's), without dashes.
    pub fn references_of(&self, holder: Holder, flag: &str) -> impl Iterator<Item = &Reference> {
        self.references.iter().filter(move |reference| {
            reference.holder == holder && reference.flag.trim_start_matches('-') == flag
        })
    }

    /// The references that a file makes.
    pub fn references_in(&self, file: usize) -> impl Iterator<Item = &Reference> {
        let own = self.references_by_file.get(&file).into_iter().flatten();
        own.filter_map(|index| self.references.get(*index))
    }

    /// The first reference of a component's flag, as [`Node::launch`] launches it.
    pub fn reference(&self, component: Component, flag: &str) -> Option<&Reference> {
        let own = self.launched.launches.iter().position(|launch| launch.component == component)?;
        let mut named = self.references_of(Holder::Component(component), flag);
        named.find(|reference| reference.launch == Some(own))
    }

    /// The certificates that a reference leads to.
    pub fn referenced_certs(&self, reference: &Reference) -> Vec<Cert<'_>> {
        match reference.target {
            Target::File(file) => self.certs_in(file).collect(),
            _ => Vec::new(),
        }
    }

    /// The file that a reference leads to.
    pub fn referenced_file(&self, reference: &Reference) -> Option<&File> {
        match reference.target {
            Target::File(file) => self.files.get(file),
            _ => None,
        }
    }

    /// Whether somebody names a file.
    pub fn is_referenced(&self, file: usize) -> bool {
        self.references.iter().any(|reference| reference.target == Target::File(file))
    }

    /// A kubeconfig's contexts with their clusters and users, with the number of its file.
    pub fn kubeconfig(&self, file: usize) -> Option<&Kubeconfig> {
        self.files.get(file)?.kubeconfig()
    }

    /// The context, the cluster and the user that a kubeconfig uses unless told otherwise.
    pub fn current_context<'a>(
        &'a self,
        kubeconfig: &'a Kubeconfig,
    ) -> (Option<&'a KubeContext>, Option<&'a KubeCluster>, Option<&'a KubeUser>) {
        let context = kubeconfig
            .current_context
            .as_ref()
            .and_then(|name| kubeconfig.contexts.iter().find(|context| context.name == *name));
        let cluster = context
            .and_then(|context| kubeconfig.clusters.iter().find(|cluster| cluster.name == context.cluster));
        let user = context.and_then(|context| kubeconfig.users.iter().find(|user| user.name == context.user));
        (context, cluster, user)
    }

    /// The kubeconfigs, as they are shown, with the users of their current contexts.
    pub fn current_users(&self) -> Vec<(Arc<str>, String)> {
        let user = |file: &File| {
            let user = self.current_context(file.kubeconfig()?).2?;
            Some((Arc::clone(&file.shown), user.name.clone()))
        };
        self.files.iter().filter_map(user).collect()
    }

    /// The certificates that a cluster of a kubeconfig trusts: embedded, or in the file that it names.
    pub fn kubeconfig_authorities(&self, file: usize, cluster: &KubeCluster) -> Vec<Cert<'_>> {
        let field = format!("clusters[{}].certificate-authority", cluster.name);
        self.embedded_or_referenced(file, &field, cluster.authority.embedded)
    }

    /// The client certificate (and what follows it) of a user of a kubeconfig: embedded, or in the file that it names.
    pub fn kubeconfig_client(&self, file: usize, user: &KubeUser) -> Vec<Cert<'_>> {
        let field = format!("users[{}].client-certificate", user.name);
        self.embedded_or_referenced(file, &field, user.certificate.embedded)
    }

    fn embedded_or_referenced(&self, file: usize, field: &str, embedded: bool) -> Vec<Cert<'_>> {
        if embedded {
            return self.certs_in_field(file, &format!("{field}-data"));
        }
        let named = self.references_in(file).find(|reference| reference.flag == field);
        named.map(|reference| self.referenced_certs(reference)).unwrap_or_default()
    }

    /// The names that the node itself goes by, as far as that is known: of the kubelet's client certificate, `--hostname-override`, etcd's
    /// `--name`.
    pub fn host_names(&self) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        // A loose certificate of some node may be anybody's.
        let is_own = |cert: &Cert<'_>| {
            cert.item().place.field.is_some()
                || cert
                    .found()
                    .roles
                    .iter()
                    .any(|(role, basis)| *role == Role::KubeletClient && *basis != Basis::Content)
        };
        let kubelet = self.with_role(Role::KubeletClient).filter(is_own).filter_map(|cert| {
            Some(cert.tbs().subject.common_name()?.strip_prefix("system:node:")?.to_owned())
        });
        names.extend(kubelet);
        names.extend(self.kubelet_flag("hostname-override").map(|(_, flag)| flag.value.clone()));
        names.sort();
        names.dedup();
        names
    }

    /// A location for the report.
    pub fn location(&self, place: &Place) -> Location {
        let file = place.file.and_then(|file| self.files.get(file));
        Location {
            node: self.name.clone(),
            path: file.map(|file| Arc::clone(&file.shown)).unwrap_or_default(),
            base: file.map_or(0, |file| file.base),
            line: place.line,
            block: place.block,
            field: place.field.clone(),
        }
    }
}
