//! Reading what a tree holds: certificates with their keys, and what a party trusts. Each file of a node is read once.

use std::collections::HashMap;
use std::fmt;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use zeroize::Zeroizing;

use super::tree::Tree;
use crate::chain::{self, Located};
use crate::disk::{DiskError, read_bounded};
use crate::key::{KeyError, KeyPair};
use crate::pem;
use crate::tls::{Identity, TlsError};
use crate::x509::{Certificate, Printable};

/// The largest file of certificates, key or kubeconfig, in bytes: sixteen times the bundle of all public CAs, and room
/// for the largest certificate that is read.
const LARGEST: u64 = 4 << 20;

/// Why a file cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Trouble {
    /// It is not there, or cannot be read or used here: nothing can be said of whoever needs it.
    Missing(String),
    /// It is there, and no component could use it.
    Broken {
        /// The kind of reason.
        code: &'static str,
        /// The file, as [`FileName::path`].
        file: String,
        /// What is wrong, with the file's name.
        reason: String,
    },
}

impl Trouble {
    /// What is wrong, in words.
    pub(super) fn words(self) -> String {
        match self {
            Self::Missing(reason) | Self::Broken { reason, .. } => reason,
        }
    }

    /// A file that no component could use.
    pub(super) fn broken(name: &FileName, reason: impl fmt::Display) -> Self {
        let (file, reason) = (name.path.clone(), format!("{}: {reason}", name.short));
        Self::Broken { code: "unusable-file", file, reason }
    }
}

/// How a file is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FileName {
    /// Its path as the user would write it, safe to show.
    pub(super) path: String,
    /// What people call it: `apiserver.crt`, `etcd/server.crt of cp1`.
    pub(super) short: String,
}

/// A certificate with what follows it, and its key.
pub(super) struct Pair {
    pub(super) certificate: FileName,
    pub(super) key: FileName,
    /// The leaf, and the CAs that are sent with it.
    pub(super) chain: Result<Vec<Located>, Trouble>,
    /// Whether a private key stands among the certificates, in a file of certificates.
    pub(super) stray_key: bool,
    secret: Result<Zeroizing<Vec<u8>>, Trouble>,
    identity: OnceLock<Result<Identity, Trouble>>,
}

impl fmt::Debug for Pair {
    /// The files, never what is in them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pair({}, {})", self.certificate.path, self.key.path)
    }
}

/// What a party trusts.
#[derive(Debug)]
pub(super) struct Trust {
    pub(super) name: FileName,
    pub(super) anchors: Result<Vec<Located>, Trouble>,
}

impl Pair {
    /// A pair of which the bytes are at hand already, as in a kubeconfig.
    pub(super) fn of(
        (certificate, text): (FileName, Result<Zeroizing<Vec<u8>>, Trouble>),
        (key, secret): (FileName, Result<Zeroizing<Vec<u8>>, Trouble>),
    ) -> Self {
        let (chain, holds_key) = match text.and_then(|text| certificates(&text, &certificate)) {
            Ok((chain, holds_key)) => (Ok(chain), holds_key),
            Err(trouble) => (Err(trouble), false),
        };
        let stray_key = holds_key && certificate.path != key.path;
        Self { certificate, key, chain, stray_key, secret, identity: OnceLock::new() }
    }

    /// The certificate of its own.
    pub(super) fn leaf(&self) -> Option<&Located> {
        self.chain.as_ref().ok()?.first()
    }

    /// What stands in the way of using it, the certificate's trouble first.
    ///
    /// # Errors
    /// Why it cannot be used. That a file is broken goes before that another one is missing.
    pub(super) fn identity(&self) -> Result<&Identity, &Trouble> {
        match (&self.chain, &self.secret) {
            (Err(trouble @ Trouble::Broken { .. }), _) | (_, Err(trouble @ Trouble::Broken { .. })) => {
                Err(trouble)
            }
            (Err(trouble), _) | (_, Err(trouble)) => Err(trouble),
            (Ok(chain), Ok(secret)) => self.identity.get_or_init(|| self.load(chain, secret)).as_ref(),
        }
    }

    fn load(&self, chain: &[Located], secret: &[u8]) -> Result<Identity, Trouble> {
        let key = KeyPair::from_pem(secret, None).map_err(|error| key_trouble(&error, &self.key))?;
        let chain: Vec<Certificate> = chain.iter().map(|located| located.certificate.clone()).collect();
        Identity::new(&chain, &key).map_err(|error| match error {
            TlsError::KeyMismatch { .. } => Trouble::Broken {
                code: "key-mismatch",
                file: self.key.path.clone(),
                reason: format!(
                    "{} does not belong to {}: certificate and key do not match",
                    self.key.short, self.certificate.short
                ),
            },
            error => Trouble::broken(&self.key, error),
        })
    }
}

fn key_trouble(error: &KeyError, name: &FileName) -> Trouble {
    match error {
        // Go reads what is not read here: nothing can be said.
        KeyError::Unsupported { .. }
        | KeyError::RsaSize { .. }
        | KeyError::RsaExponent { .. }
        | KeyError::RsaMultiPrime => Trouble::Missing(format!("{}: {error}", name.short)),
        _ => Trouble::broken(name, error),
    }
}

impl Trust {
    /// The certificates of a text.
    pub(super) fn of(name: FileName, text: Result<Zeroizing<Vec<u8>>, Trouble>) -> Self {
        let anchors = text.and_then(|text| certificates(&text, &name)).map(|(anchors, _)| anchors);
        Self { name, anchors }
    }
}

/// Reads every certificate of a PEM text, and whether a private key stands among them. The components read no DER.
fn certificates(text: &[u8], name: &FileName) -> Result<(Vec<Located>, bool), Trouble> {
    let broken = |reason: String| Trouble::broken(name, reason);
    // The tag of a SEQUENCE, with which the DER of a certificate begins.
    if text.first() == Some(&0x30) {
        return Err(broken("it is DER, and the components read PEM".into()));
    }
    let found = chain::certificates(&name.path, text).map_err(|error| broken(error.to_string()))?;
    let located = found.into_iter().map(|one| {
        one.map_err(|unreadable| match unreadable.place.line {
            Some(line) => broken(format!("line {line}: {}", unreadable.problem)),
            None => broken(unreadable.problem.clone()),
        })
    });
    let located = located.collect::<Result<Vec<_>, Trouble>>()?;
    let ending = format!("{}-----", pem::PRIVATE_KEY);
    Ok((located, text.windows(ending.len()).any(|window| window == ending.as_bytes())))
}

/// Paths as the user would write them.
#[derive(Debug, Clone)]
pub(super) struct Showing {
    given: PathBuf,
    absolute: PathBuf,
}

impl Showing {
    pub(super) fn new(given: &Path) -> Self {
        Self {
            given: given.to_owned(),
            absolute: std::path::absolute(given).unwrap_or_else(|_| given.to_owned()),
        }
    }

    pub(super) fn path(&self, path: &Path) -> String {
        let shown = match path.strip_prefix(&self.absolute) {
            Ok(rest) if self.given == Path::new(".") => rest.to_owned(),
            Ok(rest) if rest.as_os_str().is_empty() => self.given.clone(),
            Ok(rest) => self.given.join(rest),
            Err(_) => path.to_owned(),
        };
        super::shown(&shown)
    }
}

/// Reads the files of one node.
pub(super) struct Reader<'a> {
    pub(super) tree: &'a Tree,
    showing: &'a Showing,
    /// Put behind the names of files where there are several nodes: ` of cp1`.
    suffix: String,
    pairs: HashMap<(PathBuf, PathBuf), Arc<Pair>>,
    trusts: HashMap<PathBuf, Arc<Trust>>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(tree: &'a Tree, showing: &'a Showing, node: Option<&str>) -> Self {
        let suffix = node.map(|node| format!(" of {}", Printable(node))).unwrap_or_default();
        Self { tree, showing, suffix, pairs: HashMap::new(), trusts: HashMap::new() }
    }

    /// How a file of the node is called, by its absolute path there.
    pub(super) fn name(&self, path: &Path) -> FileName {
        let short =
            ["/etc/kubernetes/pki", "/etc/kubernetes"].iter().find_map(|base| path.strip_prefix(base).ok());
        let short = super::shown(short.unwrap_or(path));
        FileName { path: self.showing.path(&self.tree.place(path)), short: format!("{short}{}", self.suffix) }
    }

    /// Whether there is such a file. A link that leads nowhere or out of what was given is there, and so is what may not be looked at:
    /// that it cannot be read is told then.
    pub(super) fn exists(&self, path: &Path) -> bool {
        let is_absent = |kind| matches!(kind, ErrorKind::NotFound | ErrorKind::NotADirectory);
        let is_link = || self.tree.place(path).is_symlink();
        match self.tree.locate(path).map(std::fs::metadata) {
            Some(Ok(_)) => true,
            Some(Err(error)) => !is_absent(error.kind()) || self.tree.holds(path) && is_link(),
            None => self.tree.holds(path),
        }
    }

    /// The files of a directory that do not begin with a dot, by name; empty where there is none.
    pub(super) fn list(&self, directory: &Path, most: usize) -> Vec<PathBuf> {
        let here = self.tree.locate(directory);
        let entries = here.and_then(|here| std::fs::read_dir(here).ok()).into_iter().flatten().flatten();
        let names = entries.map(|entry| entry.file_name());
        let mut names: Vec<_> =
            names.filter(|name| !name.to_string_lossy().starts_with('.')).take(most).collect();
        names.sort();
        names.into_iter().map(|name| directory.join(name)).collect()
    }

    /// The contents of a file.
    pub(super) fn bytes(&self, path: &Path) -> Result<Zeroizing<Vec<u8>>, Trouble> {
        self.bytes_up_to(path, LARGEST)
    }

    /// The contents of a file of at most `limit` bytes.
    pub(super) fn bytes_up_to(&self, path: &Path, limit: u64) -> Result<Zeroizing<Vec<u8>>, Trouble> {
        let name = self.name(path);
        let Some(here) = self.tree.locate(path) else {
            return Err(Trouble::Missing(format!("{} lies outside of what was given", name.short)));
        };
        read_bounded(&here, limit).map_err(|error| disk_trouble(&error, &name))
    }

    /// A certificate and its key; the two may be in one file.
    pub(super) fn pair(&mut self, certificate: &Path, key: &Path) -> Arc<Pair> {
        let at = (certificate.to_owned(), key.to_owned());
        if let Some(known) = self.pairs.get(&at) {
            return known.clone();
        }
        let text = |path: &Path| (self.name(path), self.bytes(path));
        let pair = Arc::new(Pair::of(text(certificate), text(key)));
        self.pairs.insert(at, pair.clone());
        pair
    }

    /// What is trusted by whoever is given that file.
    pub(super) fn trust(&mut self, path: &Path) -> Arc<Trust> {
        if let Some(known) = self.trusts.get(path) {
            return known.clone();
        }
        let trust = Arc::new(Trust::of(self.name(path), self.bytes(path)));
        self.trusts.insert(path.to_owned(), trust.clone());
        trust
    }
}

/// What an error of the disk means for whoever needs the file.
pub(super) fn disk_trouble(error: &DiskError, name: &FileName) -> Trouble {
    match error {
        DiskError::TooLarge { limit, .. } => {
            Trouble::broken(name, format_args!("it is larger than {limit} bytes"))
        }
        DiskError::NotRegular { .. } => Trouble::broken(name, "it is not a regular file"),
        _ if error.kind() == ErrorKind::NotFound => Trouble::Missing(format!("{} is missing", name.short)),
        _ => Trouble::Missing(format!("{} cannot be read: {}", name.short, error.kind())),
    }
}
