//! What is to be made, what is kept and what stands in the way: judged before anything is written.

use std::collections::BTreeMap;
use std::path::Path;

use time::OffsetDateTime;

use super::advice;
use super::compare;
use super::entries::{AuthorityOptions, Entry, Files, Identity, Kind, Part};
use super::existing::{Verdict, Wanted, read_certificate};
use super::found::{Found, Trees, read, read_key};
use super::place::NodeFiles;
use super::trust::Trust;
use crate::ca::{CertificateAuthority, check_certificate};
use crate::clock::in_words;
use crate::disk::DiskError;
use crate::key::{KeyAlgorithm, KeyError, KeyPair, Passphrase};
use crate::layout::{Authority, Naming};
use crate::x509::{Certificate, PublicKey};

/// What is done about an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// It is there and right.
    Keep,
    /// It is missing and will be made.
    Create,
    /// It cannot be made, or is there and wrong.
    Refuse(Refusal),
}

/// Why nothing is done about an entry, and what somebody can do.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Refusal {
    /// All the reasons.
    pub reasons: Vec<String>,
    /// What is to be done, a command or a sentence each.
    pub advice: Vec<String>,
}

/// A CA, as far as it is there.
pub enum AuthorityState {
    /// Neither certificate nor key: it will be made.
    Missing,
    /// Neither is there, and it is not made here.
    Absent,
    /// Both are there.
    Present(Box<CertificateAuthority>),
    /// The certificate alone: somebody else holds the key.
    External(Box<Certificate>),
    /// It is there, and nothing is signed with it: it has ended, or is another than was asked for.
    Refused(Box<Certificate>),
    /// It is there and cannot be used for anything.
    Broken,
}

impl AuthorityState {
    /// Its certificate, where there is one that others can be held against.
    pub fn certificate(&self) -> Option<&Certificate> {
        match self {
            Self::Present(ca) => Some(ca.certificate()),
            Self::External(certificate) | Self::Refused(certificate) => Some(certificate),
            Self::Missing | Self::Absent | Self::Broken => None,
        }
    }
}

/// Every entry with what is done about it.
pub struct Plan {
    /// The entries, each CA before its leaves.
    pub entries: Vec<Entry>,
    /// What is done about each.
    pub actions: Vec<Action>,
    /// What is right and still worth a word, with the place of its entry.
    pub notes: Vec<(usize, String)>,
    /// The CAs, in the order of [`Authority::ALL`].
    pub authorities: [AuthorityState; 3],
    /// The private keys that a run before left without their certificates, by the place of their entry: they are
    /// used again.
    pub(super) left_keys: BTreeMap<usize, KeyPair>,
    /// Whom kubeconfigs trust for the API server.
    pub(super) trust: Trust,
}

/// Where the passphrase of an encrypted CA key comes from.
pub type PassphraseSource<'a> = &'a dyn Fn(&Path) -> Result<Passphrase, KeyError>;

/// What a plan is made with.
pub struct Look<'a> {
    /// The directory that is written to.
    pub root: &'a Path,
    /// The current instant.
    pub now: OffsetDateTime,
    /// Where the passphrase of an encrypted CA key comes from.
    pub passphrase: PassphraseSource<'a>,
    /// The CAs that kubeconfigs are to trust for the API server, where these are not those of the cluster's own CA: their
    /// file, and what it holds.
    pub server_authority: Option<(&'a Path, &'a [Certificate])>,
    /// What must not be there: what was asked for keeps it away.
    pub unwanted: Vec<(Entry, String)>,
    /// The version of Kubernetes, for the commands that are advised.
    pub version: String,
}

impl Plan {
    /// Looks at what lies beneath the root and decides about every entry.
    ///
    /// # Errors
    /// [`DiskError`] when a file is there and cannot be read: nothing can be said about it then.
    pub fn make(mut entries: Vec<Entry>, look: &Look<'_>) -> Result<Self, DiskError> {
        let Look { root, now, passphrase, .. } = *look;
        let mut plan = Self {
            actions: Vec::with_capacity(entries.len()),
            entries: Vec::new(),
            notes: Vec::new(),
            authorities: std::array::from_fn(|_| AuthorityState::Missing),
            left_keys: BTreeMap::new(),
            trust: Trust::named(look.server_authority.map_or(&[][..], |(_, named)| named)),
        };
        let mut trees = Trees::default();
        let mut behind: [Vec<Certificate>; 3] = Default::default();
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
                Kind::Authority { authority, identity, options, made } => {
                    let (state, action) =
                        authority_state(&found, root, entry, (identity, options, *made), look);
                    if *authority == Authority::Kubernetes {
                        plan.trust.learn(&state, &found);
                    }
                    if options.encrypted && matches!(state, AuthorityState::External(_)) {
                        let note = "its private key is not here, so that it was not looked at whether it is encrypted";
                        plan.notes.push((at, note.to_owned()));
                    }
                    behind[slot(*authority)] = found.certificates().into_iter().skip(1).collect();
                    plan.authorities[slot(*authority)] = state;
                    action
                }
                Kind::ServiceAccount { algorithm, insists, made } => {
                    service_account(&found, insists.then_some(*algorithm), *made)
                }
                Kind::Leaf(identity, authority) => {
                    let issuer = &plan.authorities[slot(*authority)];
                    let judged = decide(&found, issuer, |issuer| {
                        let others = &behind[slot(*authority)];
                        Wanted { identity, issuer, others, now }.pair(&found)
                    });
                    plan.answered(at, entry, &entries, look, judged)
                }
                Kind::Kubeconfig { identity, cluster, server, others, .. } => {
                    let issuer = &plan.authorities[slot(Authority::Kubernetes)];
                    let servers: Vec<&str> =
                        std::iter::once(server).chain(others).map(String::as_str).collect();
                    let files = NodeFiles::around(&root.join(entry.files.main()));
                    let judged = decide(&found, issuer, |issuer| {
                        let others = &behind[slot(Authority::Kubernetes)];
                        Wanted { identity, issuer, others, now }.kubeconfig(
                            &found,
                            (cluster, &servers),
                            &plan.trust,
                            &files,
                        )
                    });
                    if server.is_empty() {
                        refuse("no API server to point to: give controlPlaneEndpoint or a control plane")
                    } else if matches!(judged, Judged::Missing) && plan.trust.rootless {
                        plan.trust.refusal(root, &entries)
                    } else {
                        plan.answered(at, entry, &entries, look, judged)
                    }
                }
                Kind::Copy { of, part } => {
                    let original = entries.get(*of).map(|original| (&original.files, plan.actions.get(*of)));
                    copy(&found, root, original, *part)?
                }
            };
            let action =
                if action == Action::Create { other_layout(root, entry).unwrap_or(action) } else { action };
            plan.actions.push(action);
        }
        for (entry, reason) in &look.unwanted {
            let file = root.join(entry.files.main());
            if std::fs::symlink_metadata(&file).is_ok() {
                let away = format!(
                    "move {} away, where it is no node's: the same key lies with the CA",
                    advice::shown(&file)
                );
                entries.push(entry.clone());
                plan.actions.push(refuse_with(reason.clone(), away));
            }
        }
        plan.entries = entries;
        Ok(plan)
    }

    /// What comes of a leaf or kubeconfig that was judged, with what to do where it is refused.
    fn answered(
        &mut self,
        at: usize,
        entry: &Entry,
        entries: &[Entry],
        look: &Look<'_>,
        judged: Judged,
    ) -> Action {
        let verdict = match judged {
            Judged::Missing => return Action::Create,
            Judged::Refused(action) => return action,
            Judged::There(verdict) => verdict,
        };
        self.notes.extend(verdict.notes.iter().map(|note| (at, note.clone())));
        if verdict.problems.is_empty() {
            return Action::Keep;
        }
        let advice = advice::about(entry, entries, &self.authorities, look, &verdict);
        Action::Refuse(Refusal { reasons: verdict.problems, advice })
    }

    /// The entries that stand in the way.
    pub fn refusals(&self) -> impl Iterator<Item = (&Entry, &Refusal)> {
        self.entries.iter().zip(&self.actions).filter_map(|(entry, action)| match action {
            Action::Refuse(refusal) => Some((entry, refusal)),
            _ => None,
        })
    }

    /// How many entries are to be made.
    pub fn creations(&self) -> usize {
        self.actions.iter().filter(|action| **action == Action::Create).count()
    }
}

/// What was found out about something that an authority issues.
enum Judged {
    /// It is not there, and can be made.
    Missing,
    /// It is not there and cannot be made, or there is nothing to hold it against.
    Refused(Action),
    /// It is there.
    There(Verdict),
}

/// The place of an authority in [`Plan::authorities`].
pub(super) fn slot(authority: Authority) -> usize {
    Authority::ALL.iter().position(|known| *known == authority).unwrap_or_default()
}

fn refuse(reason: impl Into<String>) -> Action {
    Action::Refuse(Refusal { reasons: vec![reason.into()], advice: Vec::new() })
}

/// The same, with what to do.
fn refuse_with(reason: impl Into<String>, advice: impl Into<String>) -> Action {
    Action::Refuse(Refusal { reasons: vec![reason.into()], advice: vec![advice.into()] })
}

/// How what all control planes share gets to a node that joins.
const SHARED: &str = "copy what the control planes share from one that is there, keys too (pki/ca.*, pki/front-proxy-ca.*, \
                      pki/etcd/ca.*, pki/sa.*), or let kubeadm bring it: kubeadm init phase upload-certs --upload-certs \
                      there, kubeadm join --certificate-key here";

/// Where an entry is that others bring.
const FOUNDED_ELSEWHERE: &str =
    "it is missing, and a node that joins a cluster makes none: it gets the cluster's own";

fn authority_state(
    found: &Found,
    root: &Path,
    entry: &Entry,
    (identity, options, made): (&Identity, &AuthorityOptions, bool),
    look: &Look<'_>,
) -> (AuthorityState, Action) {
    let broken = |reason: String| (AuthorityState::Broken, refuse(reason));
    let (Some(public), private) = (&found.public, &found.private) else {
        return match found.private {
            None if made => (AuthorityState::Missing, Action::Create),
            None => (AuthorityState::Absent, refuse_with(FOUNDED_ELSEWHERE, SHARED)),
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
    let path = match &entry.files {
        Files::Pair { private, .. } => root.join(private),
        Files::Single(path) => root.join(path),
    };
    let key = match private.as_ref().map(|private| read_key(private, &path, look.passphrase)).transpose() {
        Ok(key) => key,
        Err(error) => return broken(format!("its key: {error}")),
    };
    let validity = certificate.tbs.validity;
    if !validity.contains(look.now) {
        let reason = format!(
            "it is valid from {} to {} only",
            in_words(validity.not_before),
            in_words(validity.not_after)
        );
        let advice = advice::ended_authority(&root.join(entry.files.main()), &path, key.is_some());
        let refusal = Refusal { reasons: vec![reason], advice };
        return (AuthorityState::Refused(Box::new(certificate)), Action::Refuse(refusal));
    }
    let differences = compare::authority(&certificate, key.as_ref(), identity, options);
    if !differences.is_empty() {
        let advice = advice::other_authority(&path, &differences);
        let refusal = Refusal { reasons: differences, advice };
        return (AuthorityState::Refused(Box::new(certificate)), Action::Refuse(refusal));
    }
    match key.map(|key| CertificateAuthority::new(certificate.clone(), key)) {
        None => (AuthorityState::External(Box::new(certificate)), Action::Keep),
        Some(Ok(ca)) => (AuthorityState::Present(Box::new(ca)), Action::Keep),
        Some(Err(error)) => broken(error.to_string()),
    }
}

/// `asked` is the algorithm that was asked for, if one was.
fn service_account(found: &Found, asked: Option<KeyAlgorithm>, made: bool) -> Action {
    match (&found.public, &found.private) {
        (None, None) if made => Action::Create,
        (None, None) => refuse_with(FOUNDED_ELSEWHERE, SHARED),
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
                (Some(public), Ok(key)) if public == key.public_key_der() => {
                    match asked.filter(|asked| *asked != key.algorithm()) {
                        None => Action::Keep,
                        Some(asked) => refuse_with(
                            format!("its key is {}, and {asked} was asked for", key.algorithm()),
                            "leave the algorithm out to keep it: with another key all tokens of service accounts end",
                        ),
                    }
                }
                _ => refuse("the public key is not the private key's"),
            }
        }
    }
}

/// The common part for whatever an authority issues: missing ones are made if the authority can, existing ones are
/// checked against it.
fn decide(found: &Found, issuer: &AuthorityState, check: impl Fn(&Certificate) -> Verdict) -> Judged {
    if found.is_missing() {
        return Judged::Refused(match issuer {
            AuthorityState::Missing | AuthorityState::Present(_) => return Judged::Missing,
            AuthorityState::External(ca) => refuse_with(
                format!("it is missing, and the key of its CA {} is not here", ca.tbs.subject),
                "have it signed elsewhere: kpki csr new -f FILE makes the requests of what is missing",
            ),
            AuthorityState::Absent => refuse("it is missing, and so is its CA"),
            AuthorityState::Refused(_) | AuthorityState::Broken => {
                refuse("it is missing, and its CA is unusable")
            }
        });
    }
    match issuer.certificate() {
        Some(certificate) => Judged::There(check(certificate)),
        None => {
            Judged::Refused(refuse("it is there, and its CA is not: put the CA beside it, or move it away"))
        }
    }
}

/// Why nothing is made in a directory in which the other layout names its files.
fn other_layout(root: &Path, entry: &Entry) -> Option<Action> {
    let path = entry.files.main();
    let stem = path.file_stem()?.to_string_lossy().into_owned();
    // A public key of the one layout and a certificate of the other may have one name.
    let (own, base) = match path.extension()?.to_str()? {
        "pem" => (Naming::Pem, stem.strip_suffix("-key").unwrap_or(&stem).to_owned()),
        "crt" | "key" | "pub" => (Naming::Kubeadm, stem),
        _ => return None,
    };
    let other = if own == Naming::Pem { Naming::Kubeadm } else { Naming::Pem };
    let names = [other.certificate(&base), other.key(&base), other.public_key(&base)];
    let there = names.iter().map(|name| root.join(path.with_file_name(name))).find(|file| file.exists())?;
    Some(refuse_with(
        format!(
            "{} is there, of the other layout: two in one directory would be two CAs or pairs of one name",
            advice::shown(&there)
        ),
        format!(
            "keep to the layout {}, or write to another directory",
            if own == Naming::Pem { "kubeadm" } else { "pem" }
        ),
    ))
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
            _ => refuse_with(
                format!("it differs from {}", path.display()),
                format!(
                    "where {} is right, move this one away: it is copied anew",
                    advice::shown(&root.join(path))
                ),
            ),
        },
    })
}

/// The public key of a pair, as its holder's wish carries it.
pub(super) fn public_key(key: &KeyPair) -> Result<PublicKey, crate::x509::X509Error> {
    PublicKey::from_der(key.public_key_der())
}
