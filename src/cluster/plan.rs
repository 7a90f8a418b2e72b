//! What is to be made, what is kept and what stands in the way: judged before anything is written.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use time::OffsetDateTime;
use zeroize::Zeroizing;

use super::entries::{Entry, Files, Kind, Part};
use super::existing::{check_kubeconfig, check_pair, read_certificate};
use crate::ca::{CertificateAuthority, check_certificate};
use crate::disk::{DiskError, read_bounded};
use crate::key::{KeyError, KeyPair, Passphrase};
use crate::layout::{Authority, ledger_beside};
use crate::ledger;
use crate::x509::{Certificate, PublicKey};

/// The largest file that is read, in bytes. A bundle of a hundred certificates is a tenth of it.
pub(super) const LARGEST: u64 = 1 << 20;

/// What is done about an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// It is there and right.
    Keep,
    /// It is missing and will be made.
    Create,
    /// It cannot be made, or is there and wrong: all the reasons.
    Refuse(Vec<String>),
}

/// A CA, as far as it is there.
pub enum AuthorityState {
    /// Neither certificate nor key: it will be made.
    Missing,
    /// Both are there.
    Present(Box<CertificateAuthority>),
    /// The certificate alone: somebody else holds the key.
    External(Box<Certificate>),
    /// It is there and wrong.
    Broken,
}

impl AuthorityState {
    /// Its certificate, where there is a good one.
    pub fn certificate(&self) -> Option<&Certificate> {
        match self {
            Self::Present(ca) => Some(ca.certificate()),
            Self::External(certificate) => Some(certificate),
            Self::Missing | Self::Broken => None,
        }
    }
}

/// Every entry with what is done about it.
pub struct Plan {
    /// The entries, each CA before its leaves.
    pub entries: Vec<Entry>,
    /// What is done about each.
    pub actions: Vec<Action>,
    /// The CAs, in the order of [`Authority::ALL`].
    pub authorities: [AuthorityState; 3],
    /// The private keys that a run before left without their certificates, by the place of their entry: they are
    /// used again.
    pub(super) left_keys: BTreeMap<usize, KeyPair>,
}

/// Where the passphrase of an encrypted CA key comes from.
pub type PassphraseSource<'a> = &'a dyn Fn(&Path) -> Result<Passphrase, KeyError>;

impl Plan {
    /// Looks at what lies beneath `root` and decides about every entry.
    ///
    /// # Errors
    /// [`DiskError`] when a file is there and cannot be read: nothing can be said about it then.
    pub fn make(
        entries: Vec<Entry>,
        root: &Path,
        now: OffsetDateTime,
        passphrase: PassphraseSource<'_>,
    ) -> Result<Self, DiskError> {
        let mut plan = Self {
            actions: Vec::with_capacity(entries.len()),
            entries: Vec::new(),
            authorities: [AuthorityState::Missing, AuthorityState::Missing, AuthorityState::Missing],
            left_keys: BTreeMap::new(),
        };
        let mut trees = Trees::default();
        for (at, entry) in entries.iter().enumerate() {
            let mut found = if trees.is_missing(root, entry.files.main()) {
                Found { public: None, private: None }
            } else {
                Found::gather(root, &entry.files)?
            };
            if let Some(key) = found.left_key(root, &entries, entry, passphrase) {
                plan.left_keys.insert(at, key);
            }
            let action = match &entry.kind {
                Kind::Authority { authority, .. } => {
                    let (state, action) = authority_state(&found, root, entry, now, passphrase);
                    plan.authorities[slot(*authority)] = state;
                    action
                }
                Kind::ServiceAccount => service_account(&found),
                Kind::Leaf(identity, authority) => {
                    let issuer = &plan.authorities[slot(*authority)];
                    decide(&found, issuer, |issuer| check_pair(&found, identity, issuer, now))
                }
                Kind::Kubeconfig { identity, server, .. } => {
                    let issuer = &plan.authorities[slot(Authority::Kubernetes)];
                    if server.is_empty() {
                        Action::Refuse(vec![
                            "no API server to point to: give controlPlaneEndpoint or a control plane".into(),
                        ])
                    } else {
                        decide(&found, issuer, |issuer| {
                            check_kubeconfig(&found, identity, server, issuer, now)
                        })
                    }
                }
                Kind::Copy { of, part } => {
                    let original = entries.get(*of).map(|original| (&original.files, plan.actions.get(*of)));
                    copy(&found, root, original, *part)?
                }
            };
            plan.actions.push(action);
        }
        plan.entries = entries;
        Ok(plan)
    }

    /// The entries that stand in the way, with their reasons.
    pub fn refusals(&self) -> impl Iterator<Item = (&Entry, &[String])> {
        self.entries.iter().zip(&self.actions).filter_map(|(entry, action)| match action {
            Action::Refuse(reasons) => Some((entry, reasons.as_slice())),
            _ => None,
        })
    }

    /// How many entries are to be made.
    pub fn creations(&self) -> usize {
        self.actions.iter().filter(|action| **action == Action::Create).count()
    }
}

/// The place of an authority in [`Plan::authorities`].
pub(super) fn slot(authority: Authority) -> usize {
    Authority::ALL.iter().position(|known| *known == authority).unwrap_or_default()
}

/// Looks for each node's tree once: where all of it is missing, as in a new cluster of thousands of nodes, none of its
/// files is looked for.
#[derive(Default)]
struct Trees {
    last: Option<(std::ffi::OsString, bool)>,
}

impl Trees {
    fn is_missing(&mut self, root: &Path, file: &Path) -> bool {
        let mut components = file.components();
        let (Some(Component::Normal(first)), Some(_)) = (components.next(), components.next()) else {
            return false;
        };
        match &self.last {
            Some((known, missing)) if known == first => *missing,
            _ => {
                let looked = std::fs::symlink_metadata(root.join(first));
                let missing = looked.is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound);
                self.last = Some((first.to_owned(), missing));
                missing
            }
        }
    }
}

/// What there is of an entry's files.
pub(super) struct Found {
    pub(super) public: Option<Zeroizing<Vec<u8>>>,
    pub(super) private: Option<Zeroizing<Vec<u8>>>,
}

impl Found {
    fn gather(root: &Path, files: &Files) -> Result<Self, DiskError> {
        Ok(match files {
            Files::Pair { public, private } => {
                Self { public: read(root, public)?, private: read(root, private)? }
            }
            Files::Single(path) => Self { public: read(root, path)?, private: None },
        })
    }

    /// Takes the private key of a run that was stopped after it had recorded the certificate and named the key, and
    /// before it named the certificate: the ledger knows the key. Any other key without its certificate stays where it
    /// is, to be refused: its certificate may lie elsewhere.
    fn left_key(
        &mut self,
        root: &Path,
        entries: &[Entry],
        entry: &Entry,
        passphrase: PassphraseSource<'_>,
    ) -> Option<KeyPair> {
        let (None, Some(pem), Files::Pair { private, .. }) = (&self.public, &self.private, &entry.files)
        else {
            return None;
        };
        let key = read_key(pem, &root.join(private), passphrase).ok()?;
        let known = match &entry.kind {
            // A public key can be written again at any time.
            Kind::ServiceAccount => true,
            Kind::Authority { authority, .. } | Kind::Leaf(_, authority) => {
                ledger::knows_key(&root.join(ledger_path(entries, *authority)), key.public_key_der())
            }
            Kind::Kubeconfig { .. } | Kind::Copy { .. } => false,
        };
        if !known {
            return None;
        }
        self.private = None;
        Some(key)
    }

    fn is_missing(&self) -> bool {
        self.public.is_none() && self.private.is_none()
    }
}

fn read(root: &Path, path: &Path) -> Result<Option<Zeroizing<Vec<u8>>>, DiskError> {
    match read_bounded(&root.join(path), LARGEST) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn refuse(reason: impl Into<String>) -> Action {
    Action::Refuse(vec![reason.into()])
}

fn authority_state(
    found: &Found,
    root: &Path,
    entry: &Entry,
    now: OffsetDateTime,
    passphrase: PassphraseSource<'_>,
) -> (AuthorityState, Action) {
    let broken = |reason: String| (AuthorityState::Broken, refuse(reason));
    let (Some(public), private) = (&found.public, &found.private) else {
        return match found.private {
            None => (AuthorityState::Missing, Action::Create),
            Some(_) => broken("the key is there without its certificate: put the certificate beside it, or move the key away".into()),
        };
    };
    let certificate = match read_certificate(public) {
        Ok(certificate) => certificate,
        Err(reason) => return broken(reason),
    };
    if let Err(error) = check_certificate(&certificate) {
        return broken(error.to_string());
    }
    let validity = certificate.tbs.validity;
    if !validity.contains(now) {
        return broken(format!("it is valid from {} to {} only", validity.not_before, validity.not_after));
    }
    let Some(private) = private else {
        return (AuthorityState::External(Box::new(certificate)), Action::Keep);
    };
    let path = match &entry.files {
        Files::Pair { private, .. } => root.join(private),
        Files::Single(path) => root.join(path),
    };
    let key = read_key(private, &path, passphrase);
    match key
        .map_err(|error| format!("its key: {error}"))
        .and_then(|key| CertificateAuthority::new(certificate, key).map_err(|error| error.to_string()))
    {
        Ok(ca) => (AuthorityState::Present(Box::new(ca)), Action::Keep),
        Err(reason) => broken(reason),
    }
}

fn read_key(pem: &[u8], path: &Path, passphrase: PassphraseSource<'_>) -> Result<KeyPair, KeyError> {
    match KeyPair::from_pem(pem, None) {
        Err(KeyError::Encrypted) => {
            passphrase(path).and_then(|passphrase| KeyPair::from_pem(pem, Some(&passphrase)))
        }
        other => other,
    }
}

/// Where the ledger of an authority lies, relative to the directory that is written to.
pub(super) fn ledger_path(entries: &[Entry], authority: Authority) -> PathBuf {
    let own = |entry: &&Entry| matches!(&entry.kind, Kind::Authority { authority: known, .. } if *known == authority);
    entries.iter().find(own).map(|entry| ledger_beside(entry.files.main())).unwrap_or_default()
}

fn service_account(found: &Found) -> Action {
    match (&found.public, &found.private) {
        (None, None) => Action::Create,
        (None, Some(_)) => refuse("the private key is there without its public key, and cannot be read"),
        (Some(_), None) => refuse("the public key is there without its private key"),
        (Some(public), Some(private)) => {
            let public = crate::pem::parse(public).ok().and_then(|blocks| {
                blocks
                    .iter()
                    .find(|block| block.label == crate::pem::PUBLIC_KEY)
                    .map(|block| block.der.to_vec())
            });
            match (public, KeyPair::from_pem(private, None)) {
                (_, Err(error)) => refuse(error.to_string()),
                (None, _) => refuse("it holds no public key"),
                (Some(public), Ok(key)) if public == key.public_key_der() => Action::Keep,
                _ => refuse("the public key is not the private key's"),
            }
        }
    }
}

/// The common part for whatever an authority issues: missing ones are made if the authority can, existing ones are
/// checked against it.
fn decide(
    found: &Found,
    issuer: &AuthorityState,
    check: impl Fn(&Certificate) -> Result<(), Vec<String>>,
) -> Action {
    if found.is_missing() {
        return match issuer {
            AuthorityState::Missing | AuthorityState::Present(_) => Action::Create,
            AuthorityState::External(ca) => refuse(format!(
                "it is missing, and the key of its CA {} is not here: have it signed elsewhere (kpki csr new -f)",
                ca.tbs.subject
            )),
            AuthorityState::Broken => refuse("it is missing, and its CA is unusable"),
        };
    }
    match issuer.certificate() {
        Some(certificate) => check(certificate).map_or_else(Action::Refuse, |()| Action::Keep),
        None => refuse("it is there, and its CA is not: put the CA beside it, or move it away"),
    }
}

fn copy(
    found: &Found,
    root: &Path,
    original: Option<(&Files, Option<&Action>)>,
    part: Part,
) -> Result<Action, DiskError> {
    let Some((files, Some(action))) = original else { return Ok(refuse("there is nothing to copy")) };
    let Files::Pair { public, private } = files else { return Ok(refuse("there is nothing to copy")) };
    let path = if part == Part::Public { public } else { private };
    Ok(match (action, &found.public) {
        (Action::Refuse(_), _) => refuse(format!("what it is a copy of, {}, is unusable", path.display())),
        (Action::Create, None) => Action::Create,
        (Action::Create, Some(_)) => refuse(format!("it is there, and {} is not", path.display())),
        (Action::Keep, copy) => match (read(root, path)?, copy) {
            (None, _) => refuse(format!("{} is not here", path.display())),
            (Some(_), None) => Action::Create,
            (Some(original), Some(copy)) if original == *copy => Action::Keep,
            _ => refuse(format!("it differs from {}", path.display())),
        },
    })
}

/// The public key of a pair, as its holder's wish carries it.
pub(super) fn public_key(key: &KeyPair) -> Result<PublicKey, crate::x509::X509Error> {
    PublicKey::from_der(key.public_key_der())
}
