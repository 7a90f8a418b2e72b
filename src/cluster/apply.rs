//! Carries a plan out: keys, certificates, ledger, files, all of which become visible together.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;
use time::OffsetDateTime;
use zeroize::Zeroizing;

use super::entries::{Entry, Files, Identity, Kind, Part};
use super::found::ledger_path;
use super::plan::{Action, AuthorityState, Plan, public_key, slot};
use super::trust::Trust;
use crate::adoption;
use crate::ca::{CertificateAuthority, Ledger};
use crate::disk::{Committed, DiskError, Rank, Secrecy, Transaction, read_bounded};
use crate::issue::{self, IssueError};
use crate::key::{KeyError, KeyPair, Passphrase};
use crate::kubeconfig::{self, Access, KubeconfigError};
use crate::layout::Authority;
use crate::ledger::{self, LedgerError};
use crate::profile::{Admitted, Catalogue, KubernetesVersion, ProfileError, Terms};
use crate::request::{SigningRequest, wish_for_names};
use crate::x509::{Certificate, X509Error};

/// How many entries are made at a time: enough to keep every core busy, few enough to keep the memory small.
const BATCH: usize = 1024;

/// In what order files appear: what others are copies of or signed by before them, and a private key before its
/// certificate beside it, so that whoever is stopped between the two leaves no certificate whose key is lost. The next
/// run takes such a key up again.
fn rank(at: usize, part: Part, original: bool) -> Rank {
    let order = u32::try_from(at.saturating_mul(2) + usize::from(part == Part::Public)).unwrap_or(u32::MAX);
    Rank { phase: u32::from(!original), order }
}

/// What a plan needs to be carried out.
pub struct Job<'a> {
    /// The directory that is written to.
    pub root: &'a Path,
    /// The profiles.
    pub catalogue: &'a Catalogue,
    /// The version of Kubernetes.
    pub version: &'a KubernetesVersion,
    /// The current instant.
    pub now: OffsetDateTime,
    /// With what to encrypt the private keys of new CAs, if at all.
    pub encrypt: Option<&'a Passphrase>,
    /// Whether what can be made is made although something else is refused.
    pub keep_going: bool,
    /// Told how many entries have been made since it was told last.
    pub progress: &'a (dyn Fn(usize) + Sync),
}

/// Why a plan could not be carried out. Nothing is visible of it then.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ApplyError {
    /// A certificate was refused.
    #[error("{path}: {source}")]
    Issue {
        /// The file that it was for.
        path: String,
        /// Why.
        source: Box<IssueError>,
    },
    /// A file could not be read or written.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// A ledger could not be read or written.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// A key could not be made.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A kubeconfig could not be written.
    #[error(transparent)]
    Kubeconfig(#[from] KubeconfigError),
    /// A profile is missing.
    #[error(transparent)]
    Profile(#[from] ProfileError),
    /// A value could not be encoded.
    #[error(transparent)]
    X509(#[from] X509Error),
    /// The plan has refusals in it.
    #[error("the plan was refused")]
    Refused,
}

/// A CA that signs in this run.
struct Signer {
    ca: CertificateAuthority,
    pem: String,
}

/// What was made.
#[derive(Debug, Default)]
pub struct Applied {
    /// The files.
    pub committed: Committed,
    /// The ledgers that were begun for CAs that had signed before, and what they adopted.
    pub adopted: Vec<(PathBuf, Vec<ledger::Entry>)>,
}

/// What is to be recorded of one certificate, and by which CA's ledger.
type Record = (Authority, ledger::Entry);

impl Plan {
    /// Makes everything that the plan says to make.
    ///
    /// # Errors
    /// [`ApplyError`]; then no file has appeared.
    pub fn apply(self, job: &Job<'_>) -> Result<Applied, ApplyError> {
        if !job.keep_going && self.refusals().next().is_some() {
            return Err(ApplyError::Refused);
        }
        let wanted: Vec<usize> =
            (0..self.entries.len()).filter(|at| self.actions.get(*at) == Some(&Action::Create)).collect();
        if wanted.is_empty() {
            return Ok(Applied::default());
        }
        let Self { entries, authorities, left_keys, trust, .. } = self;
        let signers = authorities.map(|state| match state {
            AuthorityState::Present(ca) => Some(Signer { pem: ca.certificate().to_pem(), ca: *ca }),
            _ => None,
        });
        let mut work = Work {
            job,
            entries: &entries,
            trust: &trust,
            signers,
            originals: Vec::new(),
            left: left_keys.keys().copied().collect(),
            left_keys: Mutex::new(left_keys),
            transaction: Transaction::new(),
        };
        let before = |signer: &Option<Signer>| Some(signer.as_ref()?.ca.certificate().clone());
        let mut ledgers = Ledgers {
            job,
            entries: &entries,
            before: work.signers.each_ref().map(before),
            open: [None, None, None],
            adopted: Vec::new(),
        };
        let mut made: Vec<Option<Record>> = Vec::new();
        for batch in wanted.chunks(BATCH) {
            let keys = batch.par_iter().map(|at| work.make_key(*at)).collect::<Result<Vec<_>, _>>()?;
            let (first, rest): (Vec<_>, Vec<_>) =
                batch.iter().copied().zip(keys).partition(|(at, _)| work.makes_originals(*at));
            for (at, key) in first {
                if let Some(record) = work.make_original(at, key)? {
                    ledgers.record(record)?;
                }
                (job.progress)(1);
            }
            // A ledger's lines are a chain, made one after the other: beside the next batch.
            let before = std::mem::take(&mut made);
            let (recorded, records) = rayon::join(
                || ledgers.record_all(before),
                || {
                    let making = rest.into_par_iter();
                    let making = making.map(|(at, key)| work.make(at, key).inspect(|_| (job.progress)(1)));
                    making.collect::<Result<Vec<_>, _>>()
                },
            );
            recorded?;
            made = records?;
        }
        ledgers.record_all(made)?;
        let committed = work.transaction.commit(ledgers.pending())?;
        Ok(Applied { committed, adopted: ledgers.adopted })
    }
}

/// The ledgers that are written in this run, locked from the first record on.
struct Ledgers<'a> {
    job: &'a Job<'a>,
    entries: &'a [Entry],
    /// The CAs that were there before this run.
    before: [Option<Certificate>; 3],
    open: [Option<Ledger>; 3],
    adopted: Vec<(PathBuf, Vec<ledger::Entry>)>,
}

impl Ledgers<'_> {
    fn record(&mut self, (authority, entry): Record) -> Result<(), LedgerError> {
        if self.open[slot(authority)].is_none() {
            self.open(authority)?;
        }
        self.open[slot(authority)].as_mut().map_or(Ok(()), |ledger| ledger.record(entry))
    }

    fn open(&mut self, authority: Authority) -> Result<(), LedgerError> {
        let (root, path) = (self.job.root, ledger_path(self.entries, authority));
        let ledger = match &self.before[slot(authority)] {
            None => Ledger::open(root, &path)?,
            Some(ca) => {
                let whole = root.join(&path);
                let directory = whole.parent().unwrap_or(root);
                let begun = adoption::open(root, &path, ca, directory, self.job.now)?;
                if !begun.adopted.is_empty() {
                    self.adopted.push((whole, begun.adopted));
                }
                begun.ledger
            }
        };
        self.open[slot(authority)] = Some(ledger);
        Ok(())
    }

    fn record_all(&mut self, records: Vec<Option<Record>>) -> Result<(), LedgerError> {
        records.into_iter().flatten().try_for_each(|record| self.record(record))
    }

    fn pending(&mut self) -> Vec<(&mut crate::disk::AppendLog, Vec<u8>)> {
        self.open.iter_mut().flatten().map(Ledger::take_pending).collect()
    }
}

struct Work<'a> {
    job: &'a Job<'a>,
    entries: &'a [Entry],
    trust: &'a Trust,
    signers: [Option<Signer>; 3],
    /// The files that others are copies of: the entry's place, which part, and the content.
    originals: Vec<(usize, Part, Zeroizing<Vec<u8>>)>,
    /// The entries whose private key lies there already, and those keys until they are taken.
    left: BTreeSet<usize>,
    left_keys: Mutex<BTreeMap<usize, KeyPair>>,
    transaction: Transaction,
}

impl Work<'_> {
    fn make_key(&self, at: usize) -> Result<Option<KeyPair>, ApplyError> {
        let algorithm = match &self.entries[at].kind {
            Kind::Authority { identity, .. }
            | Kind::Leaf(identity, _)
            | Kind::Kubeconfig { identity, .. } => identity.algorithm,
            Kind::ServiceAccount { algorithm, .. } => *algorithm,
            Kind::Copy { .. } => return Ok(None),
        };
        let left = self.left_keys.lock().unwrap_or_else(PoisonError::into_inner).remove(&at);
        Ok(Some(left.map_or_else(|| KeyPair::generate(algorithm), Ok)?))
    }

    /// Whether other entries need this one to be made first.
    fn makes_originals(&self, at: usize) -> bool {
        matches!(self.entries[at].kind, Kind::Authority { .. } | Kind::ServiceAccount { .. })
    }

    fn make_original(&mut self, at: usize, key: Option<KeyPair>) -> Result<Option<Record>, ApplyError> {
        let (entry, Some(key)) = (&self.entries[at], key) else { return Ok(None) };
        let Files::Pair { public, private } = &entry.files else { return Ok(None) };
        let encrypted = match (&entry.kind, self.job.encrypt) {
            (Kind::Authority { .. }, Some(passphrase)) => Some(key.to_encrypted_pem(passphrase)?),
            _ => None,
        };
        let private_pem = encrypted.unwrap_or_else(|| key.to_pem());
        let Kind::Authority { authority, identity, .. } = &entry.kind else {
            let public_pem = key.public_key_pem();
            self.stage_key(at, private, &private_pem)?;
            // 0600 as kubeadm writes it, although it is no secret.
            self.stage_file(at, public, public_pem.as_bytes(), Secrecy::Secret)?;
            self.keep_original(at, private_pem.as_bytes(), public_pem.as_bytes());
            return Ok(None);
        };
        let admitted = self.admit(entry, identity, &key)?;
        let judged = issue::judge_root(&key, admitted, self.job.now).map_err(at_path(entry))?;
        let certificate = judged.seal(&key).map_err(at_path(entry))?;
        let pem = certificate.to_pem();
        self.stage_key(at, private, &private_pem)?;
        self.stage_file(at, public, pem.as_bytes(), Secrecy::Public)?;
        self.keep_original(at, private_pem.as_bytes(), pem.as_bytes());
        let record = (*authority, ledger::Entry::of(&certificate, identity.profile, None, self.job.now));
        let ca = CertificateAuthority::new(certificate, key)
            .map_err(|error| at_path(entry)(IssueError::Ca(error)))?;
        self.signers[slot(*authority)] = Some(Signer { ca, pem });
        Ok(Some(record))
    }

    fn keep_original(&mut self, at: usize, private: &[u8], public: &[u8]) {
        self.originals.push((at, Part::Private, Zeroizing::new(private.to_vec())));
        self.originals.push((at, Part::Public, Zeroizing::new(public.to_vec())));
    }

    fn make(&self, at: usize, key: Option<KeyPair>) -> Result<Option<Record>, ApplyError> {
        let entry = &self.entries[at];
        match (&entry.kind, &entry.files, key) {
            (Kind::Leaf(identity, authority), Files::Pair { public, private }, Some(key)) => {
                let (certificate, _) = self.certificate(entry, identity, *authority, &key)?;
                self.stage_key(at, private, &key.to_pem())?;
                self.stage_file(at, public, certificate.to_pem().as_bytes(), Secrecy::Public)?;
                Ok(Some((*authority, ledger::Entry::of(&certificate, identity.profile, None, self.job.now))))
            }
            (Kind::Kubeconfig { identity, server, user, cluster, .. }, Files::Single(path), Some(key)) => {
                let authority = Authority::Kubernetes;
                let (certificate, signer) = self.certificate(entry, identity, authority, &key)?;
                let access = Access { cluster, server, user };
                let Trust { authorities, chain, .. } = self.trust;
                let known = || authorities.iter().map(Certificate::to_pem).collect();
                let trusted = if authorities.is_empty() { signer.pem.clone() } else { known() };
                let sent: String =
                    std::iter::once(&certificate).chain(chain).map(Certificate::to_pem).collect();
                let text = kubeconfig::write(access, &trusted, Some(&sent), &key.to_pem())?;
                self.stage_file(at, path, text.as_bytes(), Secrecy::Secret)?;
                Ok(Some((authority, ledger::Entry::of(&certificate, identity.profile, None, self.job.now))))
            }
            (Kind::Copy { of, part }, Files::Single(path), _) => {
                self.copy(at, *of, *part, path)?;
                Ok(None)
            }
            _ => Ok(None),
        }
    }

    fn copy(&self, at: usize, of: usize, part: Part, path: &Path) -> Result<(), ApplyError> {
        let service_account = matches!(self.entries[of].kind, Kind::ServiceAccount { .. });
        let secrecy =
            if part == Part::Private || service_account { Secrecy::Secret } else { Secrecy::Public };
        if let Some((.., content)) =
            self.originals.iter().find(|(original, known, _)| *original == of && *known == part)
        {
            return self.stage_file(at, path, content, secrecy);
        }
        let Files::Pair { public, private } = &self.entries[of].files else { return Ok(()) };
        let original = if part == Part::Public { public } else { private };
        let content = read_bounded(&self.job.root.join(original), super::found::LARGEST)?;
        self.stage_file(at, path, &content, secrecy)
    }

    /// The same road as a stranger's request takes, but for the proof of possession: the key is in our hands.
    fn certificate(
        &self,
        entry: &Entry,
        identity: &Identity,
        authority: Authority,
        key: &KeyPair,
    ) -> Result<(Certificate, &Signer), ApplyError> {
        let signer = self.signers[slot(authority)].as_ref().ok_or(ApplyError::Refused)?;
        let admitted = self.admit(entry, identity, key)?;
        let judged = issue::judge(&signer.ca, admitted, self.job.now).map_err(at_path(entry))?;
        Ok((judged.seal(signer.ca.key()).map_err(at_path(entry))?, signer))
    }

    fn admit(&self, entry: &Entry, identity: &Identity, key: &KeyPair) -> Result<Admitted, ApplyError> {
        let names = wish_for_names(identity.names.clone());
        let request = SigningRequest::by_holder(identity.subject.clone(), public_key(key)?, names);
        let mut terms = Terms::new(self.job.version.clone()).with_default_lifetime(identity.lifetime);
        if let Kind::Authority { options, .. } = &entry.kind {
            terms.path_length = options.path_length;
            terms.name_constraints.clone_from(&options.name_constraints);
        }
        let profile = self.job.catalogue.find(identity.profile)?;
        issue::admit(&request, profile, &terms).map_err(at_path(entry))
    }

    fn stage_key(&self, at: usize, path: &Path, pem: &str) -> Result<(), ApplyError> {
        if self.left.contains(&at) {
            return Ok(());
        }
        let (transaction, rank) = (&self.transaction, rank(at, Part::Private, self.makes_originals(at)));
        Ok(transaction.stage_ranked(rank, self.job.root, path, pem.as_bytes(), Secrecy::Secret)?)
    }

    fn stage_file(&self, at: usize, path: &Path, content: &[u8], secrecy: Secrecy) -> Result<(), ApplyError> {
        let rank = rank(at, Part::Public, self.makes_originals(at));
        Ok(self.transaction.stage_ranked(rank, self.job.root, path, content, secrecy)?)
    }
}

fn at_path(entry: &Entry) -> impl Fn(IssueError) -> ApplyError {
    move |source| ApplyError::Issue {
        path: entry.files.main().display().to_string(),
        source: Box::new(source),
    }
}
