//! Who names which file for what: the flags of components, the kubelet's configuration, kubeconfigs.
//!
//! Sources: <https://kubernetes.io/docs/setup/best-practices/certificates/#certificate-paths>, the components' own
//! references, and <https://etcd.io/docs/v3.6/op-guide/configuration/>.

use std::path::PathBuf;

use super::super::Role;
use super::Target;
use crate::manifest::Component;

/// Who names a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Holder {
    /// A component, in its flags or its configuration.
    Component(Component),
    /// A kubeconfig.
    Kubeconfig,
}

impl Holder {
    /// The kubelet.
    pub const KUBELET: Self = Self::Component(Component::Kubelet);
}

/// What a file is named for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum What {
    /// A certificate that is shown, with what follows it.
    Certificate,
    /// The private key of one.
    Key,
    /// The certificates of CAs that are trusted.
    Trust,
    /// The certificate of the CA that signs in the cluster.
    SigningCertificate,
    /// Its key.
    SigningKey,
    /// Public (or private) keys by which service-account tokens are verified.
    TokenVerification,
    /// The private key by which they are signed.
    TokenSigning,
    /// A revocation list.
    RevocationList,
    /// Static tokens.
    StaticTokens,
    /// Static passwords.
    StaticPasswords,
    /// A kubeconfig.
    Kubeconfig,
}

/// A file that somebody names.
#[derive(Debug, Clone)]
pub struct Reference {
    /// The file that names it: its number in [`super::Node::files`].
    pub file: usize,
    /// The line there, from 1; 0 where it is not known.
    pub line: u64,
    /// Who does.
    pub holder: Holder,
    /// The number of the launch in [`super::Node::launched`] that does; none for a kubeconfig.
    pub launch: Option<usize>,
    /// The flag or field: `--etcd-cafile`, `users[admin].client-key`.
    pub flag: String,
    /// The field of a configuration file that stands for the flag: `client-transport-security.cert-file`.
    pub field: Option<String>,
    /// What for.
    pub what: What,
    /// The part that the certificate or key plays there.
    pub role: Option<Role>,
    /// The path as it is written; within a pod that of the container.
    pub path: PathBuf,
    /// The path on the node; none where the pod mounts nothing of the host there.
    pub on_node: Option<PathBuf>,
    /// Where that leads.
    pub target: Target,
}

impl Reference {
    /// What names it, as it is written.
    pub fn written(&self) -> &str {
        self.field.as_deref().unwrap_or(&self.flag)
    }
}

/// A certificate and its key that somebody names together: the numbers in [`super::Node::references`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pair {
    /// The certificate's.
    pub certificate: usize,
    /// The key's.
    pub key: usize,
}

/// A flag that names a file.
pub(super) struct FileFlag {
    pub(super) flag: &'static str,
    pub(super) what: What,
    pub(super) role: Option<Role>,
    /// Whether several files may be given: the flag again, or between commas.
    pub(super) many: bool,
}

const fn flag(flag: &'static str, what: What, role: Option<Role>) -> FileFlag {
    FileFlag { flag, what, role, many: false }
}

/// The flags of a component that name files.
pub(super) fn flags(component: Component) -> &'static [FileFlag] {
    match component {
        Component::Apiserver => APISERVER,
        Component::ControllerManager => CONTROLLER_MANAGER,
        Component::Scheduler => SCHEDULER,
        Component::Etcd => ETCD,
        Component::Kubelet => KUBELET,
        Component::Proxy => PROXY,
    }
}

/// The pairs of flags that name a certificate and its key.
pub(super) const PAIRS: &[(&str, &str)] = &[
    ("tls-cert-file", "tls-private-key-file"),
    ("kubelet-client-certificate", "kubelet-client-key"),
    ("etcd-certfile", "etcd-keyfile"),
    ("proxy-client-cert-file", "proxy-client-key-file"),
    ("cluster-signing-cert-file", "cluster-signing-key-file"),
    ("cluster-signing-kubelet-serving-cert-file", "cluster-signing-kubelet-serving-key-file"),
    ("cluster-signing-kubelet-client-cert-file", "cluster-signing-kubelet-client-key-file"),
    ("cluster-signing-kube-apiserver-client-cert-file", "cluster-signing-kube-apiserver-client-key-file"),
    ("cluster-signing-legacy-unknown-cert-file", "cluster-signing-legacy-unknown-key-file"),
    ("cert-file", "key-file"),
    ("peer-cert-file", "peer-key-file"),
    ("client-cert-file", "client-key-file"),
    ("peer-client-cert-file", "peer-client-key-file"),
];

const APISERVER: &[FileFlag] = &[
    flag("tls-cert-file", What::Certificate, Some(Role::Apiserver)),
    flag("tls-private-key-file", What::Key, Some(Role::Apiserver)),
    flag("client-ca-file", What::Trust, Some(Role::KubernetesCa)),
    flag("kubelet-client-certificate", What::Certificate, Some(Role::ApiserverKubeletClient)),
    flag("kubelet-client-key", What::Key, Some(Role::ApiserverKubeletClient)),
    flag("kubelet-certificate-authority", What::Trust, None),
    flag("etcd-cafile", What::Trust, Some(Role::EtcdCa)),
    flag("etcd-certfile", What::Certificate, Some(Role::ApiserverEtcdClient)),
    flag("etcd-keyfile", What::Key, Some(Role::ApiserverEtcdClient)),
    flag("requestheader-client-ca-file", What::Trust, Some(Role::FrontProxyCa)),
    flag("proxy-client-cert-file", What::Certificate, Some(Role::FrontProxyClient)),
    flag("proxy-client-key-file", What::Key, Some(Role::FrontProxyClient)),
    FileFlag {
        flag: "service-account-key-file",
        what: What::TokenVerification,
        role: Some(Role::ServiceAccount),
        many: true,
    },
    flag("service-account-signing-key-file", What::TokenSigning, Some(Role::ServiceAccount)),
    flag("token-auth-file", What::StaticTokens, None),
    flag("authentication-token-webhook-config-file", What::Kubeconfig, None),
    flag("authorization-webhook-config-file", What::Kubeconfig, None),
    flag("audit-webhook-config-file", What::Kubeconfig, None),
    flag("basic-auth-file", What::StaticPasswords, None),
];

const CONTROLLER_MANAGER: &[FileFlag] = &[
    flag("client-ca-file", What::Trust, Some(Role::KubernetesCa)),
    flag("root-ca-file", What::Trust, Some(Role::KubernetesCa)),
    flag("requestheader-client-ca-file", What::Trust, Some(Role::FrontProxyCa)),
    flag("cluster-signing-cert-file", What::SigningCertificate, Some(Role::KubernetesCa)),
    flag("cluster-signing-key-file", What::SigningKey, Some(Role::KubernetesCa)),
    flag("cluster-signing-kubelet-serving-cert-file", What::SigningCertificate, Some(Role::KubernetesCa)),
    flag("cluster-signing-kubelet-serving-key-file", What::SigningKey, Some(Role::KubernetesCa)),
    flag("cluster-signing-kubelet-client-cert-file", What::SigningCertificate, Some(Role::KubernetesCa)),
    flag("cluster-signing-kubelet-client-key-file", What::SigningKey, Some(Role::KubernetesCa)),
    flag(
        "cluster-signing-kube-apiserver-client-cert-file",
        What::SigningCertificate,
        Some(Role::KubernetesCa),
    ),
    flag("cluster-signing-kube-apiserver-client-key-file", What::SigningKey, Some(Role::KubernetesCa)),
    flag("cluster-signing-legacy-unknown-cert-file", What::SigningCertificate, Some(Role::KubernetesCa)),
    flag("cluster-signing-legacy-unknown-key-file", What::SigningKey, Some(Role::KubernetesCa)),
    flag("service-account-private-key-file", What::TokenSigning, Some(Role::ServiceAccount)),
    flag("tls-cert-file", What::Certificate, Some(Role::ControllerManagerServing)),
    flag("tls-private-key-file", What::Key, Some(Role::ControllerManagerServing)),
    flag("kubeconfig", What::Kubeconfig, Some(Role::ControllerManager)),
    flag("authentication-kubeconfig", What::Kubeconfig, Some(Role::ControllerManager)),
    flag("authorization-kubeconfig", What::Kubeconfig, Some(Role::ControllerManager)),
];

const SCHEDULER: &[FileFlag] = &[
    flag("client-ca-file", What::Trust, Some(Role::KubernetesCa)),
    flag("requestheader-client-ca-file", What::Trust, Some(Role::FrontProxyCa)),
    flag("tls-cert-file", What::Certificate, Some(Role::SchedulerServing)),
    flag("tls-private-key-file", What::Key, Some(Role::SchedulerServing)),
    flag("kubeconfig", What::Kubeconfig, Some(Role::Scheduler)),
    flag("authentication-kubeconfig", What::Kubeconfig, Some(Role::Scheduler)),
    flag("authorization-kubeconfig", What::Kubeconfig, Some(Role::Scheduler)),
];

const ETCD: &[FileFlag] = &[
    flag("cert-file", What::Certificate, Some(Role::EtcdServer)),
    flag("key-file", What::Key, Some(Role::EtcdServer)),
    flag("client-cert-file", What::Certificate, None),
    flag("client-key-file", What::Key, None),
    flag("peer-cert-file", What::Certificate, Some(Role::EtcdPeer)),
    flag("peer-key-file", What::Key, Some(Role::EtcdPeer)),
    flag("peer-client-cert-file", What::Certificate, None),
    flag("peer-client-key-file", What::Key, None),
    flag("trusted-ca-file", What::Trust, Some(Role::EtcdCa)),
    flag("peer-trusted-ca-file", What::Trust, Some(Role::EtcdCa)),
    flag("client-crl-file", What::RevocationList, None),
    flag("peer-crl-file", What::RevocationList, None),
];

const KUBELET: &[FileFlag] = &[
    flag("tls-cert-file", What::Certificate, Some(Role::KubeletServing)),
    flag("tls-private-key-file", What::Key, Some(Role::KubeletServing)),
    flag("client-ca-file", What::Trust, Some(Role::KubernetesCa)),
    flag("kubeconfig", What::Kubeconfig, Some(Role::KubeletClient)),
    flag("bootstrap-kubeconfig", What::Kubeconfig, None),
];

const PROXY: &[FileFlag] = &[flag("kubeconfig", What::Kubeconfig, Some(Role::Component))];
