//! Where a new certificate and its key go, and in which form: that of what is there.
//!
//! What is replaced must be what it is taken for. A CA, the service accounts' pair, a kubeconfig or a ledger is never
//! replaced by a leaf, and a key that cannot be found is not guessed: a component would go on with the old one.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::surroundings::is_root;
use crate::disk::{DiskError, read_bounded};
use crate::key::{KeyError, KeyForm, KeyPair};
use crate::layout::{Naming, SERVICE_ACCOUNT, key_beside};
use crate::pem;
use crate::x509::{Certificate, Name, Printable};

/// The largest file that is replaced, in bytes.
const LARGEST: u64 = 1 << 20;

/// Where a certificate and its key go, and in which form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    /// The certificate's file: the one that was named, or what that leads to where it is a link beside its target.
    pub certificate: PathBuf,
    /// The key's file; the certificate's where both stand in one.
    pub key: PathBuf,
    /// Whether the key stands before the certificate, where both stand in one file.
    pub key_first: bool,
    /// The form of the key that is there.
    pub form: Option<KeyForm>,
    /// What stands behind the certificate that is there.
    pub follow: Follow,
    /// The leaf that is replaced.
    pub replaces: Option<Certificate>,
}

/// What stands behind a leaf in its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Follow {
    /// Nothing.
    Nothing,
    /// The intermediate CAs above it.
    Intermediates,
    /// All CAs above it, the root among them, as k3s writes it.
    All,
}

/// The certificate that is to be issued.
#[derive(Debug, Clone, Copy)]
pub struct Issued<'a> {
    /// The subject of the new certificate.
    pub subject: &'a Name,
    /// The CA that signs it.
    pub issuer: &'a Certificate,
}

/// Why a file is not written to.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DestinationError {
    /// It holds a CA.
    #[error("{} is the CA {subject}, which no other certificate may replace", shown(file))]
    Authority {
        /// The file.
        file: PathBuf,
        /// The CA's subject.
        subject: String,
    },
    /// It is the private key of a CA.
    #[error(
        "{} is the private key of the CA in {}, which no other key may replace",
        shown(file),
        shown(beside)
    )]
    AuthorityKey {
        /// The file.
        file: PathBuf,
        /// The CA's certificate.
        beside: PathBuf,
    },
    /// It is half of the pair that signs service-account tokens.
    #[error("{} belongs to the key pair of the service accounts, whose tokens would all end", shown(file))]
    ServiceAccount {
        /// The file.
        file: PathBuf,
    },
    /// It is a kubeconfig.
    #[error("{} is a kubeconfig", shown(file))]
    Kubeconfig {
        /// The file.
        file: PathBuf,
    },
    /// It holds nothing that a certificate or key could replace.
    #[error("{} holds {what}, and is not replaced", shown(file))]
    Other {
        /// The file.
        file: PathBuf,
        /// What it holds, in a few words.
        what: &'static str,
    },
    /// The key of the certificate that is there was not found.
    #[error("the private key of {} is not found: neither in it nor in {}", shown(file), shown(looked))]
    KeyNotFound {
        /// The certificate.
        file: PathBuf,
        /// Where it would be by its name.
        looked: PathBuf,
    },
    /// The key that is there is encrypted, and the new one would not be.
    #[error("the private key in {} is encrypted, and the new one would not be", shown(file))]
    Encrypted {
        /// The file.
        file: PathBuf,
    },
    /// It could not be read.
    #[error(transparent)]
    Disk(#[from] DiskError),
}

fn shown(path: &Path) -> String {
    Printable(&path.to_string_lossy()).to_string()
}

impl Destination {
    /// Where a new certificate and key go that are to lie at `out`, the key in `key_out` where that is given.
    ///
    /// With `force`, what is there gives the form, and is judged: see the module. Without it nothing that is there will be
    /// replaced, and nothing is looked at.
    ///
    /// # Errors
    /// [`DestinationError`].
    pub fn find(
        leaf: &Issued<'_>,
        out: &Path,
        key_out: Option<&Path>,
        force: bool,
    ) -> Result<Self, DestinationError> {
        let fresh = |certificate: PathBuf| Self {
            key: key_out.map_or_else(|| key_beside(&certificate), Path::to_owned),
            certificate,
            key_first: false,
            form: None,
            follow: Follow::Nothing,
            replaces: None,
        };
        if !force {
            return Ok(fresh(out.to_owned()));
        }
        let certificate = behind_link(out);
        let there = existing(&certificate)?;
        let held = there.as_ref().map(|text| judge_leaf(leaf, &certificate, text)).transpose()?;
        let mut destination = fresh(certificate);
        if let Some(old) = held.as_ref().and_then(|held| held.first()) {
            destination.follow = follow(held.as_deref().unwrap_or_default(), &destination.certificate);
            destination.replaces = Some(old.clone());
        }
        let own_key = there.as_ref().and_then(|text| place_of_key(text));
        match (key_out, own_key) {
            (None, Some(first)) => {
                destination.key.clone_from(&destination.certificate);
                destination.key_first = first;
            }
            (Some(key), Some(first)) if key == out => {
                destination.key.clone_from(&destination.certificate);
                destination.key_first = first;
            }
            (Some(key), _) if key == out => destination.key.clone_from(&destination.certificate),
            (None, None) if destination.replaces.is_some() => destination.key = destination.find_key()?,
            _ => {}
        }
        destination.key = behind_link(&destination.key);
        if destination.key == destination.certificate {
            destination.form =
                there.as_ref().map(|text| form_of(&destination.key, text)).transpose()?.flatten();
        } else {
            destination.form = judge_key(&destination.key, Some(leaf))?;
        }
        Ok(destination)
    }

    /// Whether certificate and key stand in one file.
    pub fn is_combined(&self) -> bool {
        self.key == self.certificate
    }

    /// The file of the key that belongs to the certificate that is there.
    fn find_key(&self) -> Result<PathBuf, DestinationError> {
        let Some(leaf) = &self.replaces else { return Ok(self.key.clone()) };
        let stem = self.certificate.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let beside = |name: PathBuf| self.certificate.with_file_name(name);
        let mut candidates = vec![
            key_beside(&self.certificate),
            beside(Naming::Kubeadm.key(&stem)),
            beside(Naming::Pem.key(&stem)),
        ];
        // server-cert.pem and server-key.pem; certbot's fullchain.pem and privkey.pem.
        candidates.extend(stem.strip_suffix("cert").map(|stem| beside(format!("{stem}key.pem").into())));
        candidates.push(beside("privkey.pem".into()));
        let fits = |file: &&PathBuf| {
            let key = read_bounded(file, LARGEST).ok().map(|text| KeyPair::from_pem(&text, None));
            matches!(key, Some(Ok(key)) if key.public_key_der() == leaf.tbs.public_key.der())
        };
        if let Some(key) = candidates.iter().find(fits) {
            return Ok(key.clone());
        }
        // A key that does not belong to it, or is broken, is as good as none: that may be why it is issued anew.
        let there = |file: &&PathBuf| file.is_file();
        candidates.iter().find(there).cloned().ok_or_else(|| DestinationError::KeyNotFound {
            file: self.certificate.clone(),
            looked: key_beside(&self.certificate),
        })
    }
}

/// Whether a certificate may be written to a file that may be there, without a key: over another leaf, and nothing else.
///
/// # Errors
/// [`DestinationError`] where it is something else.
pub fn judge_certificate(issued: &Issued<'_>, file: &Path) -> Result<(), DestinationError> {
    let Some(text) = existing(file)? else { return Ok(()) };
    judge_leaf(issued, file, &text)?;
    match place_of_key(&text) {
        Some(_) => Err(other(file, "a private key as well, which would be lost")),
        None => Ok(()),
    }
}

/// Whether a private key may be written to a file that may be there: `None` where nothing is, or the form of what is.
///
/// `leaf` is what the key is for, where that is known already.
///
/// # Errors
/// [`DestinationError`] where it is something else than a leaf's private key.
pub fn judge_key(file: &Path, leaf: Option<&Issued<'_>>) -> Result<Option<KeyForm>, DestinationError> {
    let Some(text) = existing(file)? else { return Ok(None) };
    if text.is_empty() {
        return Ok(None);
    }
    judge_service_account(file)?;
    let blocks = pem::parse(&text).unwrap_or_default();
    if let Some(subject) = authority_in(&text) {
        return Err(DestinationError::Authority { file: file.to_owned(), subject });
    }
    let is_key = |label: &str| label.ends_with(pem::PRIVATE_KEY);
    let looks_like_pem = text.windows(10).any(|window| window == b"-----BEGIN");
    match blocks.iter().find(|block| !is_key(&block.label) && block.label != "EC PARAMETERS") {
        Some(_) => return Err(other(file, "something else than a private key")),
        // DER is a form of keys too.
        None if blocks.is_empty() && !looks_like_pem && KeyPair::from_pem(&text, None).is_err() => {
            return Err(not_pem(file, &text));
        }
        None => {}
    }
    let key = KeyPair::from_pem(&text, None).ok();
    let mut is_beside_a_leaf = false;
    for beside in certificates_beside(file) {
        let held =
            read_bounded(&beside, LARGEST).ok().and_then(|text| Certificate::all_from_pem_or_der(&text).ok());
        let Some(first) = held.and_then(|held| held.into_iter().next()) else { continue };
        if is_authority(&first, leaf) {
            return Err(DestinationError::AuthorityKey { file: file.to_owned(), beside });
        }
        is_beside_a_leaf = true;
    }
    let issuer = leaf.map(|leaf| leaf.issuer);
    // A leaf that was given the CA's key, or beside which that was put, is to have another; that CA is signed with from a file of its own.
    if let (Some(issuer), Some(key), false) = (issuer, key, is_beside_a_leaf)
        && key.public_key_der() == issuer.tbs.public_key.der()
    {
        let subject = issuer.tbs.subject.to_string();
        return Err(DestinationError::Authority { file: file.to_owned(), subject });
    }
    form_of(file, &text)
}

/// Whether a certificate is a CA's that a leaf may not replace. A leaf that was wrongly made one is not: it bears the very
/// name of what replaces it, and another's signature.
fn is_authority(certificate: &Certificate, leaf: Option<&Issued<'_>>) -> bool {
    let tbs = &certificate.tbs;
    let same = leaf.is_some_and(|leaf| leaf.subject.to_string() == tbs.subject.to_string());
    tbs.extensions.is_ca() && (tbs.is_self_issued() || !same)
}

/// What is at a path; none where nothing is.
fn existing(file: &Path) -> Result<Option<Zeroizing<Vec<u8>>>, DiskError> {
    match read_bounded(file, LARGEST) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// The certificates of a file that a leaf is to replace, the leaf itself first; none where it is empty or broken.
fn judge_leaf(leaf: &Issued<'_>, file: &Path, text: &[u8]) -> Result<Vec<Certificate>, DestinationError> {
    judge_service_account(file)?;
    let held = Certificate::all_from_pem_or_der(text).unwrap_or_default();
    match held.first() {
        Some(first) if is_authority(first, Some(leaf)) => {
            let subject = first.tbs.subject.to_string();
            return Err(DestinationError::Authority { file: file.to_owned(), subject });
        }
        Some(_) => return Ok(held),
        None => {}
    }
    let blocks = pem::parse(text).unwrap_or_default();
    let label = blocks.iter().map(|block| block.label.as_str()).find(|label| *label != pem::CERTIFICATE);
    match label {
        Some(label) if label.ends_with(pem::PRIVATE_KEY) => {
            Err(other(file, "a private key and no certificate"))
        }
        Some(_) => Err(other(file, "no certificate")),
        None if text.is_empty() || text.windows(10).any(|window| window == b"-----BEGIN") => Ok(held),
        None => Err(not_pem(file, text)),
    }
}

fn not_pem(file: &Path, text: &[u8]) -> DestinationError {
    match crate::kubeconfig::parse(text) {
        Ok(_) => DestinationError::Kubeconfig { file: file.to_owned() },
        Err(_) => other(file, "neither certificate nor key"),
    }
}

fn other(file: &Path, what: &'static str) -> DestinationError {
    DestinationError::Other { file: file.to_owned(), what }
}

/// The subject of a CA whose certificate stands first in a text.
fn authority_in(text: &[u8]) -> Option<String> {
    let first = Certificate::all_from_pem_or_der(text).ok()?.into_iter().next()?;
    first.tbs.extensions.is_ca().then(|| first.tbs.subject.to_string())
}

fn judge_service_account(file: &Path) -> Result<(), DestinationError> {
    let namings = [Naming::Kubeadm, Naming::Pem];
    let names =
        namings.iter().flat_map(|naming| [naming.key(SERVICE_ACCOUNT), naming.public_key(SERVICE_ACCOUNT)]);
    let is_its = names.into_iter().any(|name| file.file_name() == Some(name.as_os_str()));
    if is_its { Err(DestinationError::ServiceAccount { file: file.to_owned() }) } else { Ok(()) }
}

/// The files of certificates that a key may belong to by its name.
fn certificates_beside(key: &Path) -> Vec<PathBuf> {
    let stem = key.file_stem().unwrap_or_default().to_string_lossy();
    let base = stem.strip_suffix("-key").unwrap_or(&stem);
    [Naming::Kubeadm, Naming::Pem].iter().map(|naming| key.with_file_name(naming.certificate(base))).collect()
}

/// Whether a private key stands before the certificate; none where no key stands in the text.
fn place_of_key(text: &[u8]) -> Option<bool> {
    let blocks = pem::parse(text).ok()?;
    let key = blocks.iter().position(|block| block.label.ends_with(pem::PRIVATE_KEY))?;
    let certificate = blocks.iter().position(|block| block.label == pem::CERTIFICATE);
    Some(certificate.is_some_and(|certificate| key < certificate))
}

/// The form of the private key in a text; none where it cannot be read.
fn form_of(file: &Path, text: &[u8]) -> Result<Option<KeyForm>, DestinationError> {
    match KeyPair::from_pem(text, None) {
        Ok(key) => Ok(Some(key.form())),
        Err(KeyError::Encrypted) => Err(DestinationError::Encrypted { file: file.to_owned() }),
        Err(_) => Ok(None),
    }
}

/// What stands behind a leaf stays there; but a root that nobody needs (RFC 8446 section 4.4.2), except where k3s and RKE2 write it.
fn follow(held: &[Certificate], file: &Path) -> Follow {
    let is_ranchers = file.components().any(|part| part.as_os_str() == "rancher");
    match held.get(1..).unwrap_or_default() {
        [] => Follow::Nothing,
        above if above.iter().all(is_root) && !is_ranchers => Follow::Nothing,
        above if above.iter().any(is_root) => Follow::All,
        _ => Follow::Intermediates,
    }
}

/// The file that a link leads to, where that lies beside it: `kubelet-client-current.pem` is one to a dated file. The
/// target of an absolute link is looked for beside it too, for the tree may be a copy. Any other link stays what it is, and
/// is refused when it is written to.
fn behind_link(file: &Path) -> PathBuf {
    let Some(target) = std::fs::read_link(file).ok() else { return file.to_owned() };
    let Some(name) = target.file_name() else { return file.to_owned() };
    let beside = file.with_file_name(name);
    let absolute = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
    let directory = absolute.parent().unwrap_or(Path::new("/"));
    let above = target.parent().unwrap_or(Path::new(""));
    let leads_here = match above.strip_prefix("/") {
        Ok(on_node) => directory.ends_with(on_node),
        Err(_) => std::fs::canonicalize(directory.join(above)).ok() == std::fs::canonicalize(directory).ok(),
    };
    let is_plain = std::fs::symlink_metadata(&beside).is_ok_and(|data| data.is_file());
    if is_plain && leads_here { beside } else { file.to_owned() }
}
