//! Where things lie: the role of a file, its path on a node, its profile and its issuer; and what a file's name
//! promises about its content.
//!
//! Sources: kubeadm's tree (<https://kubernetes.io/docs/setup/best-practices/certificates/>), and the `.pem`
//! convention of etcd's and cfssl's documents (`ca.pem`, `etcd.pem`, `etcd-key.pem` in /etc/etcd/pki).

use std::collections::VecDeque;
use std::ffi::OsString;
use std::path::{Component, Path, PathBuf};
use std::sync::LazyLock;

/// How certificates and keys are named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Naming {
    /// `NAME.crt` and `NAME.key`, the public key `NAME.pub`: kubeadm's.
    Kubeadm,
    /// `NAME.pem` and `NAME-key.pem`, the public key `NAME.pem`.
    Pem,
}

impl Naming {
    /// The file of a certificate with this base name.
    pub fn certificate(self, base: &str) -> PathBuf {
        match self {
            Self::Kubeadm => format!("{base}.crt"),
            Self::Pem => format!("{base}.pem"),
        }
        .into()
    }

    /// The file of a private key with this base name.
    pub fn key(self, base: &str) -> PathBuf {
        match self {
            Self::Kubeadm => format!("{base}.key"),
            Self::Pem => format!("{base}-key.pem"),
        }
        .into()
    }

    /// The file of a bare public key with this base name.
    pub fn public_key(self, base: &str) -> PathBuf {
        match self {
            Self::Kubeadm => format!("{base}.pub"),
            Self::Pem => format!("{base}.pem"),
        }
        .into()
    }
}

/// The file of the private key that belongs beside a certificate's: `ca.key` beside `ca.crt`, `ca-key.pem` beside
/// `ca.pem`.
pub fn key_beside(certificate: &Path) -> PathBuf {
    let stem = certificate.file_stem().unwrap_or_default().to_string_lossy();
    let naming = match certificate.extension() {
        Some(extension) if extension == "pem" => Naming::Pem,
        _ => Naming::Kubeadm,
    };
    certificate.with_file_name(naming.key(&stem))
}

/// The file of the ledger that belongs beside a CA certificate's: `ca.ledger.jsonl` beside `ca.crt`.
pub fn ledger_beside(certificate: &Path) -> PathBuf {
    certificate.with_extension("ledger.jsonl")
}

/// What a file's name promises about its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Promise {
    /// A private key: `*.key`, `*-key.pem`.
    PrivateKey,
    /// A public key: `*.pub`.
    PublicKey,
    /// A certificate, or several: `*.crt`, `*.cert`, `*.cer`.
    Certificate,
    /// A certificate or a public key: `*.pem` without `key` in the name.
    CertificateOrPublicKey,
}

/// Words of a `.pem` file's name that promise a private key. `privkey.pem` is Certbot's.
const KEY_WORDS: [&str; 3] = ["key", "privkey", "privatekey"];

/// What a file's name promises; none where it is named in no way that is known.
pub fn promise(path: &Path) -> Option<Promise> {
    let name = path.file_name()?.to_str()?.to_ascii_lowercase();
    let (stem, extension) = name.rsplit_once('.')?;
    match extension {
        "key" => Some(Promise::PrivateKey),
        "pub" => Some(Promise::PublicKey),
        "crt" | "cert" | "cer" => Some(Promise::Certificate),
        "pem" if stem.split(['-', '_', '.']).any(|word| KEY_WORDS.contains(&word)) => {
            Some(Promise::PrivateKey)
        }
        "pem" => Some(Promise::CertificateOrPublicKey),
        _ => None,
    }
}

/// The names of a path, `.` left out and `..` kept: what is followed link by link within a tree.
pub fn path_names(path: &Path) -> VecDeque<OsString> {
    path.components()
        .filter_map(|component| match component {
            Component::Normal(name) => Some(name.to_owned()),
            Component::ParentDir => Some("..".into()),
            _ => None,
        })
        .collect()
}

/// One of a cluster's authorities.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Authority {
    /// Signs API servers, kubelets, components and users.
    Kubernetes,
    /// Signs etcd's servers, peers and clients.
    Etcd,
    /// Signs the front proxy's client.
    FrontProxy,
}

impl Authority {
    /// All of them, in the order in which they are made.
    pub const ALL: [Self; 3] = [Self::Kubernetes, Self::FrontProxy, Self::Etcd];

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Kubernetes => "kubernetes",
            Self::Etcd => "etcd",
            Self::FrontProxy => "front-proxy",
        }
    }

    /// The profile of its own certificate.
    pub fn profile(self) -> &'static str {
        match self {
            Self::Kubernetes => "kubernetes-ca",
            Self::Etcd => "etcd-ca",
            Self::FrontProxy => "front-proxy-ca",
        }
    }

    /// The base name of its files within a PKI directory.
    pub fn base(self) -> &'static str {
        match self {
            Self::Kubernetes => "ca",
            Self::Etcd => "etcd/ca",
            Self::FrontProxy => "front-proxy-ca",
        }
    }
}

/// The base name of the service-account key pair within a PKI directory.
pub const SERVICE_ACCOUNT: &str = "sa";

/// Where the directories of a node's tree lie, each relative to the root of the tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// How files are named.
    pub naming: Naming,
    /// The directory of the kubeconfigs: `etc/kubernetes`.
    pub kubeconfigs: PathBuf,
    /// The PKI directory: `etc/kubernetes/pki`.
    pub pki: PathBuf,
    /// The directory of etcd's certificates.
    pub etcd: PathBuf,
}

impl Layout {
    /// The tree of a whole node: etcd's files in `etc/kubernetes/pki/etcd` (kubeadm) or `etc/etcd/pki` (pem).
    pub fn node(naming: Naming) -> Self {
        let pki = PathBuf::from("etc/kubernetes/pki");
        let etcd = match naming {
            Naming::Kubeadm => pki.join("etcd"),
            Naming::Pem => "etc/etcd/pki".into(),
        };
        Self { naming, kubeconfigs: "etc/kubernetes".into(), pki, etcd }
    }

    /// The tree of /etc/kubernetes itself, with the PKI directory at this place in it.
    pub fn etc_kubernetes(pki: PathBuf) -> Self {
        Self { naming: Naming::Kubeadm, kubeconfigs: PathBuf::new(), etcd: pki.join("etcd"), pki }
    }

    /// The same tree within a directory.
    #[must_use]
    pub fn beneath(self, directory: &str) -> Self {
        let within = |path: PathBuf| Path::new(directory).join(path);
        Self {
            naming: self.naming,
            kubeconfigs: within(self.kubeconfigs),
            pki: within(self.pki),
            etcd: within(self.etcd),
        }
    }

    /// The base of an authority's files, relative to the root of the tree.
    pub fn authority(&self, authority: Authority) -> PathBuf {
        match authority {
            Authority::Etcd => self.etcd.join("ca"),
            other => self.pki.join(other.base()),
        }
    }

    /// The base of a leaf's files, relative to the root of the tree; `None` where the layout has no such file.
    pub fn leaf(&self, leaf: Leaf) -> Option<PathBuf> {
        Some(match leaf {
            Leaf::Apiserver => self.pki.join("apiserver"),
            Leaf::ApiserverKubeletClient => self.pki.join("apiserver-kubelet-client"),
            Leaf::ApiserverEtcdClient => self.pki.join("apiserver-etcd-client"),
            Leaf::FrontProxyClient => self.pki.join("front-proxy-client"),
            Leaf::EtcdServer if self.naming == Naming::Pem => self.etcd.join("etcd"),
            Leaf::EtcdServer => self.etcd.join("server"),
            // In the pem convention, one certificate serves clients and peers.
            Leaf::EtcdPeer if self.naming == Naming::Pem => return None,
            Leaf::EtcdPeer => self.etcd.join("peer"),
            Leaf::EtcdHealthcheckClient => self.etcd.join("healthcheck-client"),
            Leaf::ControllerManager => self.pki.join("controller-manager"),
            Leaf::Scheduler => self.pki.join("scheduler"),
            Leaf::Kubelet => self.pki.join("kubelet"),
        })
    }
}

/// A certificate with a key file of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Leaf {
    /// The API server's serving certificate.
    Apiserver,
    /// With which the API server calls kubelets.
    ApiserverKubeletClient,
    /// With which the API server calls etcd.
    ApiserverEtcdClient,
    /// With which the API server calls extension API servers.
    FrontProxyClient,
    /// With which etcd serves clients.
    EtcdServer,
    /// With which etcd's members talk to each other.
    EtcdPeer,
    /// For etcdctl and the liveness probe.
    EtcdHealthcheckClient,
    /// The controller manager's serving certificate.
    ControllerManager,
    /// The scheduler's serving certificate.
    Scheduler,
    /// The kubelet's serving certificate.
    Kubelet,
}

impl Leaf {
    const ALL: [Self; 10] = [
        Self::Apiserver,
        Self::ApiserverKubeletClient,
        Self::ApiserverEtcdClient,
        Self::FrontProxyClient,
        Self::EtcdServer,
        Self::EtcdPeer,
        Self::EtcdHealthcheckClient,
        Self::ControllerManager,
        Self::Scheduler,
        Self::Kubelet,
    ];

    /// The authority that issues it.
    pub fn authority(self) -> Authority {
        match self {
            Self::ApiserverEtcdClient | Self::EtcdServer | Self::EtcdPeer | Self::EtcdHealthcheckClient => {
                Authority::Etcd
            }
            Self::FrontProxyClient => Authority::FrontProxy,
            _ => Authority::Kubernetes,
        }
    }

    /// The profile that it is issued by.
    pub fn profile(self) -> &'static str {
        match self {
            Self::Apiserver => "apiserver",
            Self::ApiserverKubeletClient => "apiserver-kubelet-client",
            Self::ApiserverEtcdClient => "apiserver-etcd-client",
            Self::FrontProxyClient => "front-proxy-client",
            Self::EtcdServer => "etcd-server",
            Self::EtcdPeer => "etcd-peer",
            Self::EtcdHealthcheckClient => "etcd-client",
            Self::ControllerManager => "controller-manager-serving",
            Self::Scheduler => "scheduler-serving",
            Self::Kubelet => "kubelet-serving",
        }
    }
}

/// The kubeconfigs of a node, and the profile of the client certificate in each.
pub const KUBECONFIGS: [(&str, &str); 5] = [
    ("admin.conf", "admin"),
    ("super-admin.conf", "super-admin"),
    ("kubelet.conf", "kubelet-client"),
    ("controller-manager.conf", "controller-manager"),
    ("scheduler.conf", "scheduler"),
];

/// The profile that goes with the base of a file's name, as in either layout: `apiserver`, `etcd/peer`, `admin.conf`.
pub fn profile_by_name(base: &Path) -> Option<&'static str> {
    /// The bases of all leaves in either layout, worked out once.
    static LEAVES: LazyLock<Vec<(PathBuf, &str)>> = LazyLock::new(|| {
        let of = |leaf: Leaf| {
            let paths = [Naming::Kubeadm, Naming::Pem]
                .into_iter()
                .filter_map(move |naming| Layout::node(naming).leaf(leaf));
            paths.map(move |path| (within_pki(&path), leaf.profile()))
        };
        Leaf::ALL.into_iter().flat_map(of).collect()
    });
    let kubeconfig =
        KUBECONFIGS.iter().find(|(name, _)| base.file_name().is_some_and(|known| known == *name));
    if let Some((_, profile)) = kubeconfig {
        return Some(profile);
    }
    LEAVES.iter().find(|(path, _)| lies_at(base, path)).map(|(_, profile)| *profile)
}

/// The authority that goes with the base of a file's name where its place or name is nobody else's: `etcd/ca`, `front-proxy-ca`.
pub fn authority_by_name(base: &Path) -> Option<Authority> {
    static AUTHORITIES: LazyLock<Vec<(PathBuf, Authority)>> = LazyLock::new(|| {
        let of = |authority: Authority| {
            [Naming::Kubeadm, Naming::Pem]
                .map(|naming| (within_pki(&Layout::node(naming).authority(authority)), authority))
        };
        // The longer names first: etcd's CA is `ca` as well, in a directory of its own.
        [Authority::Etcd, Authority::FrontProxy].into_iter().flat_map(of).collect()
    });
    AUTHORITIES.iter().find(|(path, _)| lies_at(base, path)).map(|(_, authority)| *authority)
}

/// A path below the PKI directory. etcd's files are told by their directory as well: `server` alone may be anybody's.
fn within_pki(path: &Path) -> PathBuf {
    path.strip_prefix("etc/kubernetes/pki").unwrap_or(path).to_owned()
}

/// Whether a path ends in another one, which is asked of every file: compared as bytes, not name by name.
fn lies_at(base: &Path, path: &Path) -> bool {
    let before = base.as_os_str().as_encoded_bytes().strip_suffix(path.as_os_str().as_encoded_bytes());
    before.is_some_and(|before| before.last().is_none_or(|last| *last == b'/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_profiles() {
        for (base, profile) in [
            ("out/apiserver", Some("apiserver")),
            ("etcd/server", Some("etcd-server")),
            ("server", None),
            ("csrs/etcd/peer", Some("etcd-peer")),
            ("etc/etcd/pki/etcd", Some("etcd-server")),
            ("admin.conf", Some("admin")),
            ("jane", None),
        ] {
            assert_eq!(profile_by_name(Path::new(base)), profile, "{base}");
        }
    }

    #[test]
    fn names_promise_contents() {
        for (name, promised) in [
            ("pki/ca.key", Some(Promise::PrivateKey)),
            ("etcd-key.pem", Some(Promise::PrivateKey)),
            ("key.pem", Some(Promise::PrivateKey)),
            ("privkey.pem", Some(Promise::PrivateKey)),
            ("CA.KEY", Some(Promise::PrivateKey)),
            ("sa.pub", Some(Promise::PublicKey)),
            ("ca.crt", Some(Promise::Certificate)),
            ("monkey.pem", Some(Promise::CertificateOrPublicKey)),
            ("ca.pem", Some(Promise::CertificateOrPublicKey)),
            ("admin.conf", None),
            ("key", None),
        ] {
            assert_eq!(promise(Path::new(name)), promised, "{name}");
        }
    }

    #[test]
    fn keys_and_ledgers_lie_beside_certificates() {
        for (certificate, key, ledger) in [
            ("pki/ca.crt", "pki/ca.key", "pki/ca.ledger.jsonl"),
            ("pki/ca.pem", "pki/ca-key.pem", "pki/ca.ledger.jsonl"),
            ("front-proxy-ca.crt", "front-proxy-ca.key", "front-proxy-ca.ledger.jsonl"),
        ] {
            assert_eq!(key_beside(Path::new(certificate)), Path::new(key));
            assert_eq!(ledger_beside(Path::new(certificate)), Path::new(ledger));
        }
    }
}
