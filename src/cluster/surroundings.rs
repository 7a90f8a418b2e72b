//! What lies around a CA and says how its certificates are to be: the version of Kubernetes, the algorithm of its
//! leaves, and whom clients trust for the API server and where they reach it.
//!
//! What cannot be read is passed over: each of these can be said by whoever issues.

use std::path::{Path, PathBuf};

use super::version::stated_version;
use crate::disk::read_bounded;
use crate::key::KeyAlgorithm;
use crate::kubeconfig::{self, Material};
use crate::layout::{Promise, promise};
use crate::manifest::{Component, static_pod};
use crate::profile::KubernetesVersion;
use crate::x509::{Certificate, PublicKeyKind, SubjectAltName};

/// The largest file that is read, in bytes.
const LARGEST: u64 = 1 << 20;
/// The most entries of a directory that are looked at.
const MOST: usize = 1000;
/// The most trees of nodes that are looked into beside a directory of CAs: all nodes of a cluster are alike.
const MOST_NODES: usize = 8;

/// What lies around a CA.
#[derive(Debug)]
pub struct Surroundings {
    /// The CA's own certificate, and what stands in its file behind it.
    own: Vec<Certificate>,
    /// The files of certificates around it, each with what it holds.
    files: Vec<(PathBuf, Vec<Certificate>)>,
    /// The directories in which manifests may lie.
    manifests: Vec<PathBuf>,
    /// The directories in which kubeconfigs and the cluster's configuration may lie.
    around: Vec<PathBuf>,
}

/// Which CAs a client is to trust for the API server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerAuthority {
    /// They, as PEM.
    pub pem: String,
    /// The file that they are from.
    pub file: PathBuf,
    /// The API server's certificate that they do not verify, where there is such a one: it is worth a word.
    pub stranger: Option<PathBuf>,
}

/// Why a kubeconfig can trust nobody.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ServerAuthorityError {
    /// It cannot be told which CA signed the API server.
    #[error(
        "the CA {0} is an intermediate one, and it cannot be told here which root the API server's certificate goes back to"
    )]
    Unknown(String),
    /// All of them are intermediate CAs.
    #[error(
        "{file}: {subject} is an intermediate CA; with nothing above it to trust, clients built on OpenSSL (curl, Python) refuse the server"
    )]
    NoRoot {
        /// The file.
        file: String,
        /// The subject of its first certificate.
        subject: String,
    },
    /// It holds something else than CAs.
    #[error("{file}: {subject} is no CA certificate")]
    NoAuthority {
        /// The file.
        file: String,
        /// The subject of what is no CA.
        subject: String,
    },
}

impl Surroundings {
    /// Looks around the CA whose certificate lies in this file: in its directory, in the one above it, and, where that
    /// is the directory of a cluster's CAs that `kpki init` writes, into the trees of the nodes beside it.
    ///
    /// `own` is what the file holds, the CA itself first.
    pub fn of(file: &Path, own: &[Certificate]) -> Self {
        let directory = above(file);
        // etcd's CA lies a directory deeper than the others.
        let pki = if is_called(&directory, "etcd") { above(&directory) } else { directory.clone() };
        let above_pki = above(&pki);
        let nodes = if is_called(&pki, "ca") { nodes(&above_pki) } else { Vec::new() };
        let mut certificates = vec![directory.clone(), pki.clone()];
        certificates.extend(
            nodes.iter().flat_map(|node| [node.join("pki"), node.join("pki/etcd"), node.join("../etcd/pki")]),
        );
        certificates.dedup();
        // RKE2 keeps them beside its server's directory.
        let rke2 = above(&above_pki).join("agent/pod-manifests");
        let mut manifests = vec![pki.join("manifests"), above_pki.join("manifests"), rke2];
        manifests.extend(nodes.iter().map(|node| node.join("manifests")));
        let around = [vec![above_pki, pki], nodes].concat();
        let files = certificates.iter().flat_map(|directory| certificates_in(directory)).collect();
        Self { own: own.to_vec(), files, manifests, around }
    }

    /// The version of Kubernetes, and the file that says it: the API server's manifest or another component's, or the
    /// cluster's configuration.
    pub fn version(&self) -> Option<(KubernetesVersion, PathBuf)> {
        let of_pod = |file: PathBuf| {
            let text = read_bounded(&file, LARGEST).ok()?;
            Some((static_pod(&text).ok()??.version()?, file))
        };
        let components = [Component::Apiserver, Component::ControllerManager, Component::Scheduler];
        let pods = components.into_iter().flat_map(|component| {
            self.manifests.iter().map(move |place| place.join(format!("{}.yaml", component.program())))
        });
        pods.into_iter().find_map(of_pod).or_else(|| {
            let configurations =
                self.around.iter().flat_map(|directory| listed(directory)).filter(|file| is_yaml(file));
            configurations.into_iter().find_map(|file| Some((stated_version(&file)?, file)))
        })
    }

    /// The algorithm for the keys of new leaves: the one that most of the leaves have that this CA has signed, and of
    /// several the one of the youngest. Without any leaf the CA's own, but RSA of 2048 bits under every RSA CA, which
    /// is what kubeadm does.
    pub fn algorithm(&self) -> KeyAlgorithm {
        let mut votes: Vec<(KeyAlgorithm, usize, time::OffsetDateTime)> = Vec::new();
        for leaf in self.leaves() {
            let Some(algorithm) = algorithm_of(leaf) else { continue };
            let began = leaf.tbs.validity.not_before;
            match votes.iter_mut().find(|(known, ..)| *known == algorithm) {
                Some((_, count, youngest)) => {
                    *count += 1;
                    *youngest = began.max(*youngest);
                }
                None => votes.push((algorithm, 1, began)),
            }
        }
        let most = votes.into_iter().max_by_key(|(_, count, youngest)| (*count, *youngest));
        match (most, self.own.first().and_then(algorithm_of)) {
            (None, Some(own)) if own.is_rsa() => KeyAlgorithm::Rsa2048,
            (Some((algorithm, ..)), _) | (None, Some(algorithm)) => algorithm,
            (None, None) => KeyAlgorithm::EcdsaP256,
        }
    }

    /// The youngest certificate of this common name around it that the CA has signed.
    pub fn namesake(&self, common_name: &str) -> Option<&Certificate> {
        let named = |leaf: &&Certificate| leaf.tbs.subject.common_name() == Some(common_name);
        self.leaves().filter(named).max_by_key(|leaf| leaf.tbs.validity.not_before)
    }

    /// The leaves around it that the CA has signed.
    fn leaves(&self) -> impl Iterator<Item = &Certificate> {
        let ca = self.own.first();
        let leaves = self.files.iter().filter_map(|(_, held)| held.first());
        leaves.filter(move |leaf| !leaf.tbs.extensions.is_ca() && ca.is_some_and(|ca| issued_by(leaf, ca)))
    }

    /// The CAs that a client is to trust for the API server: those of its serving certificate where that lies around,
    /// or else the CA's own root. k3s and RKE2 sign servers and clients by different CAs, `server-ca` and `client-ca`.
    ///
    /// `file` is the CA's own.
    ///
    /// # Errors
    /// [`ServerAuthorityError::Unknown`] for an intermediate CA whose root is not here.
    pub fn server_authority(&self, file: &Path) -> Result<ServerAuthority, ServerAuthorityError> {
        let bundles = self.bundles(file);
        let server = self.apiserver();
        let found = if let Some((_, chain)) = server {
            bundles.iter().find(|(_, bundle)| leads_to_root(chain, bundle, &self.own))
        } else {
            let named = |(file, _): &&(PathBuf, Vec<Certificate>)| is_server_ca(file);
            let own = || bundles.iter().find(|(_, bundle)| leads_to_root(&self.own, bundle, &self.own));
            bundles.iter().find(named).filter(|(_, bundle)| bundle.iter().any(is_root)).or_else(own)
        };
        if let Some((file, bundle)) = found {
            let sent = server.map_or(&[][..], |(_, chain)| chain);
            let mut trusted = bundle.clone();
            if !leads_to_root(sent, bundle, &[]) {
                // Clients find the way with what they trust, where the server does not send it.
                trusted.extend(self.own.iter().filter(|own| !bundle.contains(own)).cloned());
            }
            let pem = trusted.iter().map(Certificate::to_pem).collect();
            return Ok(ServerAuthority { pem, file: file.clone(), stranger: None });
        }
        match self.own.first() {
            Some(ca) if is_root(ca) => {
                let stranger = server.map(|(file, _)| file.clone());
                Ok(ServerAuthority { pem: ca.to_pem(), file: file.to_owned(), stranger })
            }
            ca => {
                let subject = ca.map(|ca| ca.tbs.subject.to_string()).unwrap_or_default();
                Err(ServerAuthorityError::Unknown(subject))
            }
        }
    }

    /// The files around that hold nothing but CAs, those first that are likelier to be the API server's, and what the
    /// administrator's kubeconfig trusts.
    fn bundles(&self, own: &Path) -> Vec<(PathBuf, Vec<Certificate>)> {
        let only_authorities = |held: &[Certificate]| held.iter().all(|held| held.tbs.extensions.is_ca());
        let (servers, others): (Vec<_>, Vec<_>) = self
            .files
            .iter()
            .filter(|(_, held)| only_authorities(held))
            .cloned()
            .partition(|(file, _)| is_server_ca(file));
        let mine = (own.to_owned(), self.own.clone());
        let admin = self.around.iter().filter_map(|directory| {
            let file = directory.join("admin.conf");
            let config = kubeconfig::parse(&read_bounded(&file, LARGEST).ok()?).ok()?;
            let embedded = config.authority.as_ref().and_then(Material::embedded)?;
            Some((file, Certificate::all_from_pem_or_der(embedded).ok()?))
        });
        servers.into_iter().chain([mine]).chain(admin.collect::<Vec<_>>()).chain(others).collect()
    }

    /// The file of the API server's certificate, with what it holds: of several the youngest.
    fn apiserver(&self) -> Option<(&PathBuf, &[Certificate])> {
        let service = SubjectAltName::Dns("kubernetes.default.svc".into());
        let servers = self.files.iter().filter(|(_, held)| {
            let leaf = held.first().filter(|leaf| !leaf.tbs.extensions.is_ca());
            leaf.is_some_and(|leaf| leaf.tbs.extensions.names().contains(&service))
        });
        let youngest = servers.max_by_key(|(_, held)| held.first().map(|leaf| leaf.tbs.validity.not_before));
        youngest.map(|(file, held)| (file, held.as_slice()))
    }

    /// The API server's URL as the administrator's kubeconfig around it has it, and that file.
    pub fn server(&self) -> Option<(String, PathBuf)> {
        self.around.iter().find_map(|directory| {
            let file = directory.join("admin.conf");
            let admin = kubeconfig::parse(&read_bounded(&file, LARGEST).ok()?).ok()?;
            Some((admin.server, file)).filter(|(server, _)| !server.is_empty())
        })
    }
}

/// Whether CAs that somebody names do for clients to trust for the API server: all of them CAs, and a root among them.
///
/// `file` is for messages.
///
/// # Errors
/// [`ServerAuthorityError::NoAuthority`], [`ServerAuthorityError::NoRoot`].
pub fn check_server_authority(file: &str, held: &[Certificate]) -> Result<(), ServerAuthorityError> {
    let subject = |certificate: &Certificate| certificate.tbs.subject.to_string();
    if let Some(other) = held.iter().find(|certificate| !certificate.tbs.extensions.is_ca()) {
        return Err(ServerAuthorityError::NoAuthority { file: file.to_owned(), subject: subject(other) });
    }
    if !held.iter().any(is_root) {
        let subject = held.first().map(subject).unwrap_or_default();
        return Err(ServerAuthorityError::NoRoot { file: file.to_owned(), subject });
    }
    Ok(())
}

/// Whether one certificate names the other as its issuer and bears a signature of its key. The name's encoding is left
/// out of it: that a CA was renewed with another is for others to tell.
pub(super) fn issued_by(certificate: &Certificate, ca: &Certificate) -> bool {
    let tbs = &certificate.tbs;
    (tbs.issuer.der() == ca.tbs.subject.der() || tbs.issuer.to_string() == ca.tbs.subject.to_string())
        && certificate.verify_signature(&ca.tbs.public_key).is_ok()
}

/// Whether a certificate is signed by its own key.
pub(super) fn is_root(certificate: &Certificate) -> bool {
    issued_by(certificate, certificate)
}

/// Whether a chain goes back to a root of a bundle, by way of what stands in either or among the others.
pub(super) fn leads_to_root(chain: &[Certificate], bundle: &[Certificate], others: &[Certificate]) -> bool {
    let Some(mut at) = chain.first() else { return false };
    let between: Vec<&Certificate> = chain.iter().chain(bundle).chain(others).collect();
    // No path is longer than what there is.
    for _ in 0..=between.len() {
        if bundle.iter().any(|root| is_root(root) && (root == at || issued_by(at, root))) {
            return true;
        }
        match between.iter().find(|above| !is_root(above) && **above != at && issued_by(at, above)) {
            Some(above) => at = above,
            None => return false,
        }
    }
    false
}

/// The algorithm of a certificate's key, where it is one that keys are made with.
pub fn algorithm_of(certificate: &Certificate) -> Option<KeyAlgorithm> {
    match certificate.tbs.public_key.kind() {
        PublicKeyKind::Rsa { bits, .. } => match bits {
            ..=2048 => Some(KeyAlgorithm::Rsa2048),
            2049..=3072 => Some(KeyAlgorithm::Rsa3072),
            _ => Some(KeyAlgorithm::Rsa4096),
        },
        PublicKeyKind::Ec(curve) if curve == "P-256" => Some(KeyAlgorithm::EcdsaP256),
        PublicKeyKind::Ec(curve) if curve == "P-384" || curve == "P-521" => Some(KeyAlgorithm::EcdsaP384),
        PublicKeyKind::Ed25519 => Some(KeyAlgorithm::Ed25519),
        _ => None,
    }
}

/// The directory of a file or directory, in the words in which that is named.
fn above(path: &Path) -> PathBuf {
    match path.parent() {
        _ if path == Path::new(".") => PathBuf::from(".."),
        _ if path.ends_with("..") => path.join(".."),
        Some(parent) if parent.as_os_str().is_empty() => PathBuf::from("."),
        Some(parent) => parent.to_owned(),
        None => path.to_owned(),
    }
}

/// Whether a directory has this name, however it is reached.
fn is_called(directory: &Path, name: &str) -> bool {
    std::path::absolute(directory).is_ok_and(|directory| directory.ends_with(name))
}

fn is_server_ca(file: &Path) -> bool {
    file.file_stem().is_some_and(|stem| stem == "server-ca")
}

fn is_yaml(file: &Path) -> bool {
    file.extension().is_some_and(|ending| ending == "yaml" || ending == "yml" || ending == "conf")
}

/// The files of a directory, by name.
fn listed(directory: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten().take(MOST);
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    files.sort();
    files
}

fn certificates_in(directory: &Path) -> Vec<(PathBuf, Vec<Certificate>)> {
    let named = |file: &PathBuf| {
        matches!(promise(file), Some(Promise::Certificate | Promise::CertificateOrPublicKey))
    };
    let read = |file: PathBuf| {
        let held = Certificate::all_from_pem_or_der(&read_bounded(&file, LARGEST).ok()?).ok()?;
        Some((file, held)).filter(|(_, held)| !held.is_empty())
    };
    listed(directory).into_iter().filter(named).filter_map(read).collect()
}

/// The directories `etc/kubernetes` of the nodes beside a directory of CAs.
fn nodes(directory: &Path) -> Vec<PathBuf> {
    let trees = listed(directory).into_iter().map(|node| node.join("etc/kubernetes"));
    trees.filter(|tree| tree.is_dir()).take(MOST_NODES).collect()
}
