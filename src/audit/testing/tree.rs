//! The tree of a node as kubeadm writes it, made by the forge, free to be spoilt: in memory, as from an archive.
//!
//! ```ignore
//! let mut tree = Tree::control_plane();
//! assert_eq!(tree.findings("F004"), []);
//! tree.certificate("etc/kubernetes/pki/apiserver.crt", "key=p256:another");
//! assert_eq!(tree.findings("F004"), ["critical etc/kubernetes/pki/apiserver.crt:1: …"]);
//! ```

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use time::OffsetDateTime;
use zeroize::Zeroizing;

use super::super::evidence::{self, link_node, name_users};
use super::super::{
    Answers, Archive, Authorities, Check, Input, Known, Node, Policy, RULES, Report, Rule, Scene, Source,
    Store, audit,
};
use crate::disk::{Attributes, Entry, EntryKind};
use crate::forge::{self, Forged, NOW};

/// The PKI directory.
pub(in crate::audit) const PKI: &str = "etc/kubernetes/pki";

/// What a leaf says, over the forge's own defaults; kubeadm's key usage.
const LEAF: &str = "ku=digitalSignature,keyEncipherment ski=absent until=+364d";

/// The leaves of a control plane: the file, its CA's, and the words.
const LEAVES: [(&str, &str, &str); 7] = [
    (
        "apiserver",
        "ca",
        "cn=kube-apiserver eku=server sans=dns:cp1.example.com,dns:kubernetes,dns:kubernetes.default,\
         dns:kubernetes.default.svc,dns:kubernetes.default.svc.cluster.local,dns:localhost,ip:10.96.0.1,ip:10.0.0.10,\
         ip:127.0.0.1",
    ),
    ("apiserver-kubelet-client", "ca", "cn=kube-apiserver-kubelet-client eku=client"),
    ("apiserver-etcd-client", "etcd/ca", "cn=kube-apiserver-etcd-client eku=client"),
    ("front-proxy-client", "front-proxy-ca", "cn=front-proxy-client eku=client"),
    (
        "etcd/server",
        "etcd/ca",
        "cn=cp1.example.com eku=server,client sans=dns:cp1.example.com,dns:localhost,ip:10.0.0.10,ip:127.0.0.1,ip:::1",
    ),
    (
        "etcd/peer",
        "etcd/ca",
        "cn=cp1.example.com eku=server,client sans=dns:cp1.example.com,dns:localhost,ip:10.0.0.10,ip:127.0.0.1,ip:::1",
    ),
    ("etcd/healthcheck-client", "etcd/ca", "cn=kube-etcd-healthcheck-client eku=client"),
];

/// The kubeconfigs of a control plane: the file and the words of its client certificate.
const KUBECONFIGS: [(&str, &str); 4] = [
    ("admin.conf", "o=kubeadm:cluster-admins cn=kubernetes-admin eku=client"),
    ("super-admin.conf", "o=system:masters cn=kubernetes-super-admin eku=client"),
    ("controller-manager.conf", "cn=system:kube-controller-manager eku=client"),
    ("scheduler.conf", "cn=system:kube-scheduler eku=client"),
];

const KUBELET_CONFIGURATION: &str = "\
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
authentication:
  anonymous:
    enabled: false
  webhook:
    enabled: true
  x509:
    clientCAFile: /etc/kubernetes/pki/ca.crt
clusterDomain: cluster.local
rotateCertificates: true
serverTLSBootstrap: true
staticPodPath: /etc/kubernetes/manifests
";

/// A tree of one node.
#[derive(Clone)]
pub(in crate::audit) struct Tree {
    entries: BTreeMap<PathBuf, (Kind, Attributes)>,
    /// The certificates by their files, and the words of each.
    certificates: BTreeMap<String, (Forged, String)>,
    /// The CAs by the base names of their files: `ca`, `etcd/ca`, `front-proxy-ca`.
    authorities: BTreeMap<String, Forged>,
    pub(in crate::audit) policy: Policy,
    name: Option<String>,
    store: Store,
}

#[derive(Clone)]
enum Kind {
    File(Vec<u8>),
    Unread(String),
    Directory,
    Link(PathBuf),
    Special(&'static str),
}

impl Tree {
    /// Nothing at all, at the forge's present.
    pub(in crate::audit) fn empty() -> Self {
        Self {
            entries: BTreeMap::new(),
            certificates: BTreeMap::new(),
            authorities: BTreeMap::new(),
            policy: Policy::new(NOW),
            name: None,
            store: Store::No,
        }
    }

    /// The whole of a first control plane, `cp1.example.com`, 10.0.0.10, of Kubernetes 1.36.2, whose kubelet rotates its certificates.
    pub(in crate::audit) fn control_plane() -> Self {
        // Made once for all tests of a run.
        static MADE: OnceLock<Tree> = OnceLock::new();
        MADE.get_or_init(Self::new_control_plane).clone()
    }

    fn new_control_plane() -> Self {
        let mut tree = Self::empty();
        for (base, name) in
            [("ca", "kubernetes"), ("front-proxy-ca", "front-proxy-ca"), ("etcd/ca", "etcd-ca")]
        {
            let authority = forge::ca(&format!(
                "cn={name} sans=dns:{name} ku=digitalSignature,keyEncipherment,keyCertSign key=p256:{base}"
            ));
            tree.authority(base, authority);
        }
        for (base, _, words) in LEAVES {
            let path = format!("{PKI}/{base}.crt");
            tree.leaf(&path, &forge::over(&format!("{LEAF} key=p256:{base}"), words));
            let key = tree.of(&path).key_pem();
            tree.file(&format!("{PKI}/{base}.key"), 0o600, key);
        }
        let pair = forge::self_signed_leaf("cn=sa key=p256:sa");
        tree.file(&format!("{PKI}/sa.key"), 0o600, pair.key_pem());
        tree.file(
            &format!("{PKI}/sa.pub"),
            0o600,
            crate::pem::encode("PUBLIC KEY", pair.spki_der()).to_string(),
        );
        for (file, words) in KUBECONFIGS {
            tree.kubeconfig(&format!("etc/kubernetes/{file}"), words);
        }
        tree.kubelet();
        for (name, text) in MANIFESTS {
            tree.file(&format!("etc/kubernetes/manifests/{name}.yaml"), 0o600, text);
        }
        tree
    }

    /// Another control plane of this first one's cluster, as `kubeadm join --control-plane` makes it: the same CAs and service-account pair, and
    /// everything else of its own.
    pub(in crate::audit) fn joined(&self, host: &str, address: &str) -> Self {
        let own = |text: &str| text.replace("cp1.example.com", host).replace("10.0.0.10", address);
        let mut tree = self.clone();
        for (base, _, words) in LEAVES {
            let path = format!("{PKI}/{base}.crt");
            tree.leaf(&path, &forge::over(&format!("{LEAF} key=p256:{base}@{host}"), &own(words)));
            let key = tree.of(&path).key_pem();
            tree.file(&format!("{PKI}/{base}.key"), 0o600, key);
        }
        for (file, words) in KUBECONFIGS {
            tree.kubeconfig(&format!("etc/kubernetes/{file}"), &format!("{words} key=p256:{file}@{host}"));
        }
        tree.remove("etc/kubernetes/super-admin.conf");
        for which in ["client", "server"] {
            let path = format!("var/lib/kubelet/pki/kubelet-{which}-2026-05-31-11-55-00.pem");
            let words = own(&tree.certificates[&path].1);
            tree.leaf(&path, &forge::over(&words, &format!("key=p256:kubelet-{which}@{host}")));
            let leaf = tree.of(&path);
            tree.file(&path, 0o600, leaf.pem() + &leaf.key_pem());
        }
        let texts = MANIFESTS.map(|(name, _)| format!("etc/kubernetes/manifests/{name}.yaml")).into_iter();
        let configurations = ["admin.conf", "controller-manager.conf", "scheduler.conf", "kubelet.conf"]
            .map(|name| format!("etc/kubernetes/{name}"));
        for path in texts.chain(configurations).chain(["var/lib/kubelet/kubeadm-flags.env".to_owned()]) {
            let text = own(&tree.text(&path));
            tree.set_text(&path, text);
        }
        tree.named(host.split('.').next().unwrap_or(host))
    }

    /// Three control planes of one cluster: cp1, cp2 and cp3.
    pub(in crate::audit) fn control_planes() -> [Self; 3] {
        let first = Self::control_plane().named("cp1");
        let (second, third) =
            (first.joined("cp2.example.com", "10.0.0.11"), first.joined("cp3.example.com", "10.0.0.12"));
        [first, second, third]
    }

    /// A worker: the CA's certificate, and a kubelet that rotates its certificates.
    pub(in crate::audit) fn worker() -> Self {
        let control_plane = Self::control_plane();
        let mut tree = Self::empty();
        let authority = control_plane.authorities["ca"].clone();
        tree.authority("ca", authority);
        tree.remove(&format!("{PKI}/ca.key"));
        tree.kubelet();
        tree.directory("etc/kubernetes/manifests");
        tree
    }

    /// The same tree as one node of several.
    pub(in crate::audit) fn named(mut self, name: &str) -> Self {
        self.name = Some(name.to_owned());
        self
    }

    /// The same tree as that of the CAs and users beside the nodes.
    pub(in crate::audit) fn into_store(mut self) -> Self {
        self.store = Store::Yes;
        self
    }

    /// The kubelet's files: its client certificate behind a link, its serving certificate, its kubeconfig and configuration.
    fn kubelet(&mut self) {
        let words = [
            ("client", "o=system:nodes cn=system:node:cp1.example.com eku=client"),
            (
                "server",
                "o=system:nodes cn=system:node:cp1.example.com eku=server sans=dns:cp1.example.com,ip:10.0.0.10",
            ),
        ];
        for (which, words) in words {
            let path = format!("var/lib/kubelet/pki/kubelet-{which}-2026-05-31-11-55-00.pem");
            self.leaf(&path, &forge::over(&format!("{LEAF} key=p256:kubelet-{which}"), words));
            let own = self.of(&path);
            self.file(&path, 0o600, own.pem() + &own.key_pem());
            self.link(&format!("var/lib/kubelet/pki/kubelet-{which}-current.pem"), &format!("/{path}"));
        }
        let ca = BASE64_STANDARD.encode(self.authorities["ca"].pem());
        let current = "/var/lib/kubelet/pki/kubelet-client-current.pem";
        let text = kubeconfig(
            "default-auth",
            &format!("certificate-authority-data: {ca}"),
            &[format!("client-certificate: {current}"), format!("client-key: {current}")],
        );
        self.file("etc/kubernetes/kubelet.conf", 0o600, text);
        self.file("var/lib/kubelet/config.yaml", 0o644, KUBELET_CONFIGURATION);
        self.file(
            "var/lib/kubelet/kubeadm-flags.env",
            0o644,
            "KUBELET_KUBEADM_ARGS=\"--node-ip=10.0.0.10\"\n",
        );
    }

    /// Puts a CA in its place: `ca`, `etcd/ca`, `front-proxy-ca`; what is signed by it afterwards is signed by this one.
    pub(in crate::audit) fn authority(&mut self, base: &str, authority: Forged) {
        self.file(&format!("{PKI}/{base}.crt"), 0o644, authority.pem());
        self.file(&format!("{PKI}/{base}.key"), 0o600, authority.key_pem());
        self.certificates.insert(format!("{PKI}/{base}.crt"), (authority.clone(), String::new()));
        self.authorities.insert(base.to_owned(), authority);
    }

    /// The CA with that base name.
    pub(in crate::audit) fn ca(&self, base: &str) -> &Forged {
        &self.authorities[base]
    }

    /// The certificate that was put into a file.
    #[track_caller]
    pub(in crate::audit) fn of(&self, path: &str) -> Forged {
        self.certificates.get(path).unwrap_or_else(|| panic!("no certificate in {path}")).0.clone()
    }

    /// The base name of the CA that signs what is in a file.
    fn issuer_of(path: &str) -> &'static str {
        let base = path.strip_prefix(PKI).unwrap_or(path).trim_start_matches('/').trim_end_matches(".crt");
        LEAVES.iter().find(|(known, _, _)| *known == base).map_or("ca", |(_, ca, _)| ca)
    }

    /// Puts a leaf with these words into a file, signed by the CA of the place (`ca` where it is not known).
    pub(in crate::audit) fn leaf(&mut self, path: &str, words: &str) {
        let leaf = self.authorities[Self::issuer_of(path)].leaf(words);
        self.put(path, leaf, words);
    }

    /// Puts a certificate into a file, as it is.
    pub(in crate::audit) fn put(&mut self, path: &str, certificate: Forged, words: &str) {
        self.file(path, 0o644, certificate.pem());
        self.certificates.insert(path.to_owned(), (certificate, words.to_owned()));
    }

    /// The same leaf anew, with other words laid over those that it had; its key file stays as it is.
    #[track_caller]
    pub(in crate::audit) fn certificate(&mut self, path: &str, words: &str) {
        let had = self.certificates.get(path).unwrap_or_else(|| panic!("no certificate in {path}")).1.clone();
        self.leaf(path, &forge::over(&had, words));
    }

    /// A kubeconfig whose client certificate has these words, everything embedded, for `https://10.0.0.10:6443`.
    pub(in crate::audit) fn kubeconfig(&mut self, path: &str, words: &str) {
        let ca = self.authorities["ca"].clone();
        let client = ca.leaf(&forge::over(&format!("{LEAF} key=p256:{path}"), words));
        let text = kubeconfig_of(&ca, &client);
        self.file(path, 0o600, text);
        self.certificates.insert(path.to_owned(), (client, words.to_owned()));
    }

    /// Puts a text into a file with this mode, in place of what was there.
    pub(in crate::audit) fn file(&mut self, path: &str, mode: u32, text: impl Into<Vec<u8>>) {
        let text = text.into();
        let attributes = Attributes { mode, size: text.len() as u64, links: 1, ..Attributes::default() };
        self.insert(path, Kind::File(text), attributes);
    }

    /// A directory with nothing in it.
    pub(in crate::audit) fn directory(&mut self, path: &str) {
        let attributes = Attributes { mode: 0o755, links: 2, ..Attributes::default() };
        self.insert(path, Kind::Directory, attributes);
    }

    /// A file that could not be read.
    pub(in crate::audit) fn unread(&mut self, path: &str, reason: &str) {
        let attributes = Attributes { mode: 0o600, links: 1, ..Attributes::default() };
        self.insert(path, Kind::Unread(reason.to_owned()), attributes);
    }

    /// A symbolic link.
    pub(in crate::audit) fn link(&mut self, path: &str, target: &str) {
        let attributes = Attributes { mode: 0o777, links: 1, ..Attributes::default() };
        self.insert(path, Kind::Link(target.into()), attributes);
    }

    /// A pipe, a socket or a device.
    pub(in crate::audit) fn special(&mut self, path: &str, what: &'static str) {
        self.insert(path, Kind::Special(what), Attributes { mode: 0o600, links: 1, ..Attributes::default() });
    }

    fn insert(&mut self, path: &str, kind: Kind, attributes: Attributes) {
        let path = Path::new(path);
        for above in path.ancestors().skip(1).filter(|above| !above.as_os_str().is_empty()) {
            let attributes = Attributes { mode: 0o755, links: 2, ..Attributes::default() };
            self.entries.entry(above.to_owned()).or_insert((Kind::Directory, attributes));
        }
        self.entries.insert(path.to_owned(), (kind, attributes));
    }

    /// What is in a file.
    #[track_caller]
    pub(in crate::audit) fn text(&self, path: &str) -> String {
        match self.entries.get(Path::new(path)) {
            Some((Kind::File(text), _)) => String::from_utf8(text.clone()).expect("UTF-8"),
            _ => panic!("no file {path}"),
        }
    }

    /// Whether there is such a file.
    pub(in crate::audit) fn has(&self, path: &str) -> bool {
        matches!(self.entries.get(Path::new(path)), Some((Kind::File(_), _)))
    }

    /// Changes a text; `from` must be in it.
    #[track_caller]
    pub(in crate::audit) fn replace(&mut self, path: &str, from: &str, to: &str) {
        let text = self.text(path);
        assert!(text.contains(from), "`{from}` is not in {path}");
        self.set_text(path, text.replace(from, to));
    }

    #[track_caller]
    fn set_text(&mut self, path: &str, text: String) {
        let attributes = self.attributes(path);
        self.insert(path, Kind::File(text.into_bytes()), attributes);
    }

    /// What the file system says of an entry, to be changed and put back with [`Tree::set_attributes`].
    #[track_caller]
    pub(in crate::audit) fn attributes(&self, path: &str) -> Attributes {
        self.entries.get(Path::new(path)).unwrap_or_else(|| panic!("no {path}")).1
    }

    /// Changes what the file system says of an entry.
    #[track_caller]
    pub(in crate::audit) fn set_attributes(&mut self, path: &str, change: impl FnOnce(&mut Attributes)) {
        let entry = self.entries.get_mut(Path::new(path)).unwrap_or_else(|| panic!("no {path}"));
        change(&mut entry.1);
    }

    /// Gives every entry this owner and group.
    pub(in crate::audit) fn owned_by(&mut self, uid: u32, gid: u32) {
        for (_, attributes) in self.entries.values_mut() {
            (attributes.uid, attributes.gid) = (uid, gid);
        }
    }

    /// Gives an entry another mode.
    #[track_caller]
    pub(in crate::audit) fn mode(&mut self, path: &str, mode: u32) {
        self.set_attributes(path, |attributes| attributes.mode = mode);
    }

    /// Removes an entry.
    #[track_caller]
    pub(in crate::audit) fn remove(&mut self, path: &str) {
        assert!(self.entries.remove(Path::new(path)).is_some(), "no {path}");
    }

    /// Gives a component's manifest a flag, in place of the one of that name: `--client-ca-file=/x`.
    #[track_caller]
    pub(in crate::audit) fn flag(&mut self, component: &str, flag: &str) {
        let path = format!("etc/kubernetes/manifests/{component}.yaml");
        let name = flag.split('=').next().unwrap_or(flag);
        let text = self.without_flag(&path, name);
        let text =
            text.replace(&format!("    - {component}\n"), &format!("    - {component}\n    - {flag}\n"));
        self.set_text(&path, text);
    }

    /// Takes a flag from a component's manifest.
    #[track_caller]
    pub(in crate::audit) fn no_flag(&mut self, component: &str, name: &str) {
        let path = format!("etc/kubernetes/manifests/{component}.yaml");
        let text = self.without_flag(&path, name);
        self.set_text(&path, text);
    }

    fn without_flag(&self, path: &str, name: &str) -> String {
        let is_it = |line: &str| {
            line.trim()
                .strip_prefix("- ")
                .is_some_and(|word| word == name || word.starts_with(&format!("{name}=")))
        };
        self.text(path).lines().filter(|line| !is_it(line)).flat_map(|line| [line, "\n"]).collect()
    }

    fn source(&self) -> Source {
        let entries = self.entries.iter().map(|(path, (kind, attributes))| Entry {
            path: path.clone(),
            kind: match kind {
                Kind::File(text) => EntryKind::File(Ok(Zeroizing::new(text.clone()))),
                Kind::Unread(reason) => EntryKind::File(Err(reason.clone())),
                Kind::Directory => EntryKind::Directory(Ok(())),
                Kind::Link(target) => EntryKind::Link(target.clone()),
                Kind::Special(what) => EntryKind::Special(what),
            },
            attributes: *attributes,
        });
        Source::Archive("archive".to_owned(), Archive { entries: entries.collect(), ..Archive::default() })
    }

    fn input(&self) -> Input {
        Input { name: self.name.clone(), sources: vec![self.source()], store: self.store }
    }

    /// The evidence.
    pub(in crate::audit) fn node(&self) -> Node {
        let version = self.policy.kubernetes_version.clone();
        let mut node =
            evidence::gather(self.input(), version, &Known::default()).expect("an archive can be read");
        link_node(&mut node, None);
        name_users(&mut node);
        node
    }

    /// What all rules say, with this tree's policy.
    pub(in crate::audit) fn report(&self) -> Report {
        estate(&[self])
    }

    /// What one rule finds: `critical etc/kubernetes/pki/ca.crt:1: message`.
    pub(in crate::audit) fn findings(&self, rule: &str) -> Vec<String> {
        findings(&[self], rule)
    }

    /// Why one rule could not look: `etc/kubernetes/pki/ca.crt: reason`.
    pub(in crate::audit) fn skipped(&self, rule: &str) -> Vec<String> {
        let tree = self.asking(rule);
        let report = estate(&[&tree]);
        let of_rule =
            report.skipped.into_iter().filter(|skipped| skipped.rule.is_some_and(|own| own.id == rule));
        of_rule.map(|skipped| format!("{}: {}", skipped.location.path, skipped.reason)).collect()
    }

    /// Whether a rule of nodes had nothing to look at.
    #[track_caller]
    pub(in crate::audit) fn not_applicable(&self, rule: &Rule) -> bool {
        let (Check::Node(check) | Check::Both { found: check, .. }) = rule.check else {
            panic!("{} looks at no node", rule.id)
        };
        let mut answers = Answers::default();
        let node = self.node();
        check(
            &Scene { node: &node, policy: &self.policy, authorities: &Authorities::default() },
            &mut answers,
        );
        answers.looked == 0 && answers.facts.is_empty() && answers.skipped.is_empty()
    }

    fn asking(&self, rule: &str) -> Self {
        assert!(RULES.iter().any(|known| known.id == rule), "no rule {rule}");
        let mut tree = self.clone();
        tree.policy.select = vec![rule.to_owned()];
        tree
    }
}

/// What all rules say of several nodes, with the policy of the first.
pub(in crate::audit) fn estate(trees: &[&Tree]) -> Report {
    let inputs = trees.iter().map(|tree| tree.input()).collect();
    audit(inputs, &trees[0].policy, &|| ()).expect("archives can be read")
}

/// What one rule finds on several nodes: `high cp1 pki/ca.crt:1: message`, without the node where there is one only.
pub(in crate::audit) fn findings(trees: &[&Tree], rule: &str) -> Vec<String> {
    let asking: Vec<Tree> = trees.iter().map(|tree| tree.asking(rule)).collect();
    let report = estate(&asking.iter().collect::<Vec<_>>());
    report
        .findings
        .iter()
        .map(|finding| {
            let location = &finding.location;
            let node = location.node.as_deref().map(|node| format!("{node} ")).unwrap_or_default();
            let line = location.line.map(|line| format!(":{line}")).unwrap_or_default();
            format!("{} {node}{}{line}: {}", finding.severity, location.path, finding.message)
        })
        .collect()
}

/// A kubeconfig with a client certificate and everything embedded, for `https://10.0.0.10:6443`.
pub(in crate::audit) fn kubeconfig_of(ca: &Forged, client: &Forged) -> String {
    let base64 = |text: String| BASE64_STANDARD.encode(text);
    kubeconfig(
        "admin",
        &format!("certificate-authority-data: {}", base64(ca.pem())),
        &[
            format!("client-certificate-data: {}", base64(client.pem())),
            format!("client-key-data: {}", base64(client.key_pem())),
        ],
    )
}

/// A kubeconfig for `https://10.0.0.10:6443` with these fields.
pub(in crate::audit) fn kubeconfig(user: &str, authority: &str, credentials: &[String]) -> String {
    let credentials: String = credentials.iter().flat_map(|field| ["    ", field, "\n"]).collect();
    format!(
        "apiVersion: v1\nkind: Config\nclusters:\n- name: demo\n  cluster:\n    {authority}\n    server: https://10.0.0.10:6443\n\
         contexts:\n- name: {user}@demo\n  context:\n    cluster: demo\n    user: {user}\ncurrent-context: {user}@demo\n\
         users:\n- name: {user}\n  user:\n{credentials}"
    )
}

/// The static pods that kubeadm 1.36.2 writes, from the fixtures of the tests.
const MANIFESTS: [(&str, &str); 4] = [
    ("kube-apiserver", include_str!("../../../tests/fixtures/kubeadm-ecdsa/manifests/kube-apiserver.yaml")),
    (
        "kube-controller-manager",
        include_str!("../../../tests/fixtures/kubeadm-ecdsa/manifests/kube-controller-manager.yaml"),
    ),
    ("kube-scheduler", include_str!("../../../tests/fixtures/kubeadm-ecdsa/manifests/kube-scheduler.yaml")),
    ("etcd", include_str!("../../../tests/fixtures/kubeadm-ecdsa/manifests/etcd.yaml")),
];

/// The day so many days after the forge's present.
pub(in crate::audit) fn in_days(days: i64) -> OffsetDateTime {
    NOW + time::Duration::days(days)
}

#[test]
fn the_tree_is_that_of_a_control_plane() {
    use super::super::{NodeKind, Role, Signing};
    let node = Tree::control_plane().node();
    assert_eq!(node.kind, NodeKind::ControlPlane);
    assert_eq!(node.version.as_ref().map(ToString::to_string).as_deref(), Some("v1.36.2"));
    let roles: std::collections::BTreeSet<Role> =
        node.certs().flat_map(|cert| cert.roles().collect::<Vec<_>>()).collect();
    for role in Role::ALL {
        let missing = matches!(
            role,
            Role::ControllerManagerServing
                | Role::SchedulerServing
                | Role::Component
                | Role::User
                | Role::ServiceAccount
        );
        assert_eq!(roles.contains(&role), !missing, "{role}");
    }
    for cert in node.certs() {
        assert!(matches!(cert.found().signing, Signing::SelfSigned | Signing::By(_)), "{:?}", cert.place());
    }
    let outside: Vec<_> = node
        .references
        .iter()
        .filter(|reference| !matches!(reference.target, super::super::Target::File(_)))
        .map(|reference| format!("{} {}", reference.flag, reference.path.display()))
        .collect();
    assert_eq!(outside, [""; 0]);
    assert_eq!(node.pairs.len(), 8);
    assert_eq!(node.host_names(), ["cp1.example.com"]);
    assert_eq!(Tree::worker().node().kind, NodeKind::Worker);
}

#[test]
fn a_good_tree_has_no_findings_to_act_on() {
    let report = Tree::control_plane().report();
    let bad: Vec<_> = report
        .findings
        .iter()
        .filter(|finding| finding.severity >= super::super::Severity::High)
        .map(|finding| format!("{} {} {}", finding.rule.id, finding.location.path, finding.message))
        .collect();
    assert_eq!(bad, [""; 0]);
    assert!(report.read.certificates >= 20, "{:?}", report.read);
}
