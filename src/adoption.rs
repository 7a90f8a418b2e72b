//! What a CA's key has signed, as far as it lies in the trees of its cluster; and the CA's ledger, which begins with that
//! where somebody else has signed with the key before.
//!
//! A certificate is a CA's when the CA's key has signed it, whatever it says of its issuer: a name is written by whoever
//! signs.

use std::collections::HashSet;
use std::ffi::OsString;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use time::OffsetDateTime;

use crate::ca::Ledger;
use crate::disk::{EntryKind, WalkLimits, read_bounded, walk};
use crate::inspect::{CertificateFacts, Content, Inspected, inspect};
use crate::layout::{Authority, KUBECONFIGS, Naming, Promise, promise};
use crate::ledger::{AtHand, Entry, LedgerError, may_be_the_clusters};
use crate::x509::{Certificate, Printable, sha256};

/// How far one tree is looked at, as the audit looks at a node's.
const LIMITS: WalkLimits = WalkLimits { entries: 100_000, file: 4 << 20, total: 256 << 20, depth: 32 };

/// How far a directory is looked at that is no PKI's by its name: it may be somebody's home.
const LIMITS_ELSEWHERE: WalkLimits = WalkLimits { entries: 20_000, file: 1 << 20, total: 64 << 20, depth: 6 };

/// The places of a node in which certificates lie, beside `etc/kubernetes`.
const PLACES: [&str; 6] = [
    "etc/etcd",
    "etc/ssl/etcd",
    "etc/ssl/kubernetes",
    "var/lib/kubelet/pki",
    "var/lib/kube-proxy",
    "root/.kube/config",
];

/// The ending of a ledger's name.
const LEDGER: &str = ".ledger.jsonl";

/// A certificate and where it lies.
#[derive(Debug)]
pub struct Held {
    /// Its file as it was named, and the field where it stands in one; safe to show.
    pub shown: String,
    /// It.
    pub facts: Arc<CertificateFacts>,
}

impl Held {
    /// What a ledger is held against.
    pub fn at_hand(&self) -> AtHand {
        let tbs = &self.facts.certificate.tbs;
        AtHand {
            shown: self.shown.clone(),
            fingerprint: self.facts.fingerprint(),
            serial: tbs.serial.to_string(),
            cluster: may_be_the_clusters(tbs),
        }
    }
}

/// What lies in trees and files.
#[derive(Debug, Default)]
pub struct Holdings {
    /// The certificates, each once, in the order of their places.
    pub certificates: Vec<Held>,
    /// The ledgers.
    pub ledgers: Vec<PathBuf>,
    /// What could not be read, and why; safe to show.
    pub unread: Vec<(String, String)>,
    fingerprints: HashSet<String>,
}

impl Holdings {
    /// What lies in the trees of the cluster whose CAs lie in a directory: there, in the directory above it where that is
    /// the node's (`/etc/kubernetes`), in the places where nodes keep certificates, in the trees of nodes and users
    /// that `kpki init` has put beside the CAs, and in those of other nodes beside it that hold the same CA.
    pub fn of_cluster(directory: &Path) -> Self {
        let mut holdings = Self::default();
        for tree in trees(directory) {
            let walked = match tree {
                Tree::Whole(root) => holdings.walk(&root, LIMITS, None),
                Tree::AllBut(root, known) => holdings.walk(&root, LIMITS_ELSEWHERE, Some(&known)),
                Tree::Some(root) => holdings.walk(&root, LIMITS_ELSEWHERE, None),
                Tree::Kubeconfigs(root) => {
                    holdings.kubeconfigs(&root);
                    Ok(())
                }
            };
            // What is not there holds nothing.
            let _ = walked;
        }
        holdings
    }

    /// What lies in a file, or in a directory and below it.
    ///
    /// # Errors
    /// Where it cannot be examined.
    pub fn take(&mut self, path: &Path) -> std::io::Result<()> {
        self.walk(path, LIMITS, None)
    }

    fn walk(&mut self, root: &Path, limits: WalkLimits, known: Option<&Path>) -> std::io::Result<()> {
        let here = if root.as_os_str().is_empty() { Path::new(".") } else { root };
        walk(here, limits, &mut |entry| {
            let path =
                if entry.path.as_os_str().is_empty() { root.to_owned() } else { root.join(&entry.path) };
            match entry.kind {
                _ if known.is_some_and(|known| entry.path.starts_with(known)) => {}
                EntryKind::File(contents) => {
                    self.file(&path, contents.as_ref().map(|bytes| bytes.as_slice()));
                }
                EntryKind::Directory(Err(reason)) => self.unread.push((shown(&path), reason)),
                _ => {}
            }
        })
    }

    /// Those that lie in a directory itself.
    fn kubeconfigs(&mut self, directory: &Path) {
        let mut paths: Vec<PathBuf> = names_in(directory).map(|name| directory.join(name)).collect();
        paths.sort();
        for path in paths.iter().filter(|path| is_kubeconfig(path) && path.is_file()) {
            match read_bounded(path, LIMITS.file) {
                Ok(bytes) => self.file(path, Ok(&bytes)),
                Err(error) => self.file(path, Err(&error.to_string())),
            }
        }
    }

    fn file(&mut self, path: &Path, contents: Result<&[u8], &String>) {
        let is_ledger = path.to_string_lossy().ends_with(LEDGER);
        match contents {
            _ if is_ledger && self.ledgers.iter().any(|known| known == path) => {}
            _ if is_ledger => self.ledgers.push(path.to_owned()),
            Ok(bytes) => self.take_contents(path, bytes),
            // What promises something else is not missed.
            Err(reason) => match promise(path) {
                Some(Promise::Certificate | Promise::CertificateOrPublicKey) => {
                    self.unread.push((shown(path), reason.clone()));
                }
                _ if is_kubeconfig(path) => self.unread.push((shown(path), reason.clone())),
                _ => {}
            },
        }
    }

    /// What a text holds that was read from a pipe or standard input; `path` is what to call it.
    pub fn take_contents(&mut self, path: &Path, bytes: &[u8]) {
        let Inspected { items, .. } = inspect("", bytes);
        let mut flat = Vec::new();
        for item in items {
            item.flatten(&mut flat);
        }
        for (number, item) in flat.into_iter().enumerate() {
            let Content::Certificate(facts) = item.content else { continue };
            if self.fingerprints.insert(facts.fingerprint()) {
                let place = match (item.place.field, item.place.lines) {
                    (Some(field), _) => format!(" ({field})"),
                    (None, Some((line, _))) if number > 0 => format!(":{line}"),
                    _ => String::new(),
                };
                self.certificates.push(Held { shown: format!("{}{place}", shown(path)), facts });
            }
        }
    }

    /// Adds what lies elsewhere.
    pub fn add(&mut self, other: Self) {
        let new =
            other.certificates.into_iter().filter(|held| self.fingerprints.insert(held.facts.fingerprint()));
        self.certificates.extend(new);
        self.ledgers.extend(other.ledgers);
        self.unread.extend(other.unread);
    }

    /// For each certificate the number of the CA whose key has signed it, where one of these has.
    pub fn signers(&self, authorities: &[&Certificate]) -> Vec<Option<usize>> {
        let signed = |held: &Held, number: &usize| {
            authorities.get(*number).is_some_and(|ca| held.facts.verify_signature(&ca.tbs.public_key).is_ok())
        };
        let all = || 0..authorities.len();
        let by = |held: &Held| {
            // The one that it names is the likeliest.
            let issuer = held.facts.certificate.tbs.issuer.der();
            let named =
                |number: &usize| authorities.get(*number).is_some_and(|ca| ca.tbs.subject.der() == issuer);
            let others = all().filter(|number| !named(number));
            all().filter(named).chain(others).find(|number| signed(held, number))
        };
        self.certificates.iter().map(by).collect()
    }

    /// Those that a CA's key has signed; its own certificate among them, where it signed that.
    pub fn signed_by(&self, ca: &Certificate) -> Vec<&Held> {
        let signers = self.signers(&[ca]);
        self.certificates.iter().zip(signers).filter(|(_, by)| by.is_some()).map(|(held, _)| held).collect()
    }
}

/// A ledger that was opened, and what it was begun with.
pub struct Begun {
    /// It, locked.
    pub ledger: Ledger,
    /// What was adopted; nothing where there was a ledger before.
    pub adopted: Vec<Entry>,
}

/// Opens the ledger of a CA that somebody else may have signed with; one that is not there yet begins with what lies in
/// the trees of the CA's cluster and its key has signed. `directory` is where the CA's certificate lies.
///
/// # Errors
/// As [`Ledger::open`] and [`Ledger::record`].
pub fn open(
    root: &Path,
    relative: &Path,
    ca: &Certificate,
    directory: &Path,
    now: OffsetDateTime,
) -> Result<Begun, LedgerError> {
    let ledger = Ledger::open(root, relative)?;
    let mut begun = Begun { ledger, adopted: Vec::new() };
    if begun.ledger.is_empty() {
        let holdings = Holdings::of_cluster(directory);
        begun.adopted = adopt(&mut begun.ledger, holdings.signed_by(ca), now)?;
    }
    Ok(begun)
}

/// Records certificates that somebody else has signed.
///
/// # Errors
/// As [`Ledger::record`].
pub fn adopt<'a>(
    ledger: &mut Ledger,
    held: impl IntoIterator<Item = &'a Held>,
    now: OffsetDateTime,
) -> Result<Vec<Entry>, LedgerError> {
    let mut adopted = Vec::new();
    for held in held {
        let entry = Entry::adopted(&held.facts.certificate, held.facts.fingerprint(), &held.shown, now);
        ledger.record(entry.clone())?;
        adopted.push(entry);
    }
    Ok(adopted)
}

/// A tree that is looked through.
#[derive(Debug, PartialEq, Eq)]
enum Tree {
    /// All of it; or one file.
    Whole(PathBuf),
    /// All of it but what lies in one directory.
    AllBut(PathBuf, PathBuf),
    /// One that may hold anything beside.
    Some(PathBuf),
    /// The kubeconfigs that lie in it, and nothing below.
    Kubeconfigs(PathBuf),
}

fn is_kubeconfig(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == "conf" || ending == "kubeconfig")
}

/// The trees of the cluster whose CAs lie in a directory, those of the directory first.
fn trees(directory: &Path) -> Vec<Tree> {
    let pki = pki_of(directory);
    let real = real(&pki);
    if real.ends_with("etc/kubernetes/pki") {
        let up = above(&pki);
        let node = above(&above(&up));
        let places = PLACES.iter().map(|place| Tree::Whole(node.join(place)));
        let others = others(&node, Path::new("etc/kubernetes/pki"), &pki);
        let others = others.into_iter().flat_map(|other| {
            let places = PLACES.map(|place| Tree::Whole(other.join(place)));
            std::iter::once(Tree::Whole(other.join("etc/kubernetes"))).chain(places)
        });
        // Where `kpki init` keeps the CAs beside the nodes.
        let store = above(&node).join("ca");
        let keys = keys_of_ca(&store).zip(keys_of_ca(&pki));
        let store = keys.filter(|(store, own)| !store.is_disjoint(own)).map(|_| Tree::Whole(store));
        let own = [Tree::Whole(pki), Tree::AllBut(up, "pki".into())];
        return own.into_iter().chain(places).chain(others).chain(store).collect();
    }
    if real.ends_with("pki") {
        let up = above(&pki);
        // Where kubeconfigs of components lie above it, that is an `/etc/kubernetes` under another name.
        let mut components = KUBECONFIGS.iter().filter(|(_, profile)| !profile.ends_with("admin"));
        let is_whole = components.any(|(name, _)| up.join(name).symlink_metadata().is_ok());
        let others = others(&up, Path::new("pki"), &pki).into_iter();
        let others = others.flat_map(|other| [Tree::Whole(other.join("pki")), Tree::Kubeconfigs(other)]);
        let rest = if is_whole { Tree::AllBut(up, "pki".into()) } else { Tree::Kubeconfigs(up) };
        return [Tree::Whole(pki), rest].into_iter().chain(others).collect();
    }
    let beside = if real.ends_with("ca") { beside(&above(&pki)) } else { Vec::new() };
    if beside.is_empty() {
        return vec![Tree::Some(pki)];
    }
    std::iter::once(pki).chain(beside).map(Tree::Whole).collect()
}

/// The other nodes of a cluster whose trees lie beside one: directories that hold the same CA at the same place.
fn others(node: &Path, place: &Path, pki: &Path) -> Vec<PathBuf> {
    let Some(keys) = keys_of_ca(pki) else { return Vec::new() };
    let (beside, itself) = (above(node), real(node));
    if real(&beside) == itself {
        return Vec::new();
    }
    let all = names_in(&beside).map(|name| beside.join(name));
    let same = |other: &PathBuf| {
        let theirs = keys_of_ca(&other.join(place));
        theirs.is_some_and(|theirs| !theirs.is_disjoint(&keys)) && real(other) != itself
    };
    let mut found: Vec<PathBuf> = all.filter(same).collect();
    found.sort();
    found
}

/// The fingerprints of the public keys in the certificate of the CA of a cluster in a PKI directory.
fn keys_of_ca(pki: &Path) -> Option<HashSet<[u8; 32]>> {
    let base = Authority::Kubernetes.base();
    let files = [Naming::Kubeadm, Naming::Pem].map(|naming| pki.join(naming.certificate(base)));
    let file = files.iter().find(|file| file.is_file())?;
    let Inspected { items, .. } = inspect("", &read_bounded(file, LIMITS_ELSEWHERE.file).ok()?);
    let key = |content: Content| match content {
        Content::Certificate(facts) => Some(sha256(facts.certificate.tbs.public_key.der())),
        _ => None,
    };
    Some(items.into_iter().filter_map(|item| key(item.content)).collect())
}

/// The PKI directory of a CA that lies in a directory: the one above it, of etcd's.
fn pki_of(directory: &Path) -> PathBuf {
    let real = real(directory);
    let up = above(directory);
    let holds_ca = |directory: &Path| {
        let base = Authority::Kubernetes.base();
        [Naming::Kubeadm, Naming::Pem].iter().any(|naming| directory.join(naming.certificate(base)).is_file())
    };
    if real.ends_with("etcd") && (holds_ca(&up) || real.ends_with("pki/etcd")) {
        up
    } else {
        directory.to_owned()
    }
}

/// The names in a directory; none where it cannot be listed.
fn names_in(directory: &Path) -> impl Iterator<Item = OsString> {
    let here = if directory.as_os_str().is_empty() { Path::new(".") } else { directory };
    std::fs::read_dir(here).into_iter().flatten().flatten().map(|item| item.file_name())
}

/// A directory by its own names, without links and dots.
fn real(directory: &Path) -> PathBuf {
    let here = if directory.as_os_str().is_empty() { Path::new(".") } else { directory };
    std::fs::canonicalize(here).unwrap_or_else(|_| directory.to_owned())
}

/// The trees of nodes and users in a directory that `kpki init` has filled; none where no node's is there.
fn beside(directory: &Path) -> Vec<PathBuf> {
    let all = names_in(directory).map(|name| directory.join(name));
    let mut found: Vec<PathBuf> = all.filter(|path| path.is_dir()).collect();
    found.sort();
    let is_node = |path: &Path| path.join("etc").is_dir();
    if !found.iter().any(|path| is_node(path)) {
        return Vec::new();
    }
    found.retain(|path| is_node(path) || path.ends_with("users"));
    found
}

/// The directory above one, by its name where it has one.
fn above(directory: &Path) -> PathBuf {
    match (directory.components().next_back(), directory.parent()) {
        (Some(Component::Normal(_)), Some(parent)) => parent.to_owned(),
        (Some(Component::RootDir), _) => directory.to_owned(),
        _ => directory.join(".."),
    }
}

fn shown(path: &Path) -> String {
    Printable(&path.to_string_lossy()).to_string()
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests make the directories that they need")]
mod tests {
    use super::*;

    /// The trees of a directory below a root that holds these files.
    fn of(files: &[&str], directory: &str) -> Vec<String> {
        let scratch = tempfile::tempdir().unwrap();
        for file in files {
            let path = scratch.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::os::unix::fs::symlink("nowhere", path).unwrap();
        }
        let words = |tree: &Tree| {
            let (word, path) = match tree {
                Tree::Whole(path) => ("whole", path),
                Tree::AllBut(path, _) => ("all but", path),
                Tree::Some(path) => ("some", path),
                Tree::Kubeconfigs(path) => ("kubeconfigs", path),
            };
            format!("{word} {}", path.strip_prefix(scratch.path()).unwrap().display())
        };
        trees(&scratch.path().join(directory)).iter().map(words).collect()
    }

    #[test]
    fn the_trees_of_a_cluster_are_found_from_the_directory_of_its_ca() {
        let tree = ["t/pki/ca.crt", "t/pki/etcd/ca.crt", "t/kubelet.conf"];
        assert_eq!(of(&tree, "t/pki"), ["whole t/pki", "all but t"]);
        assert_eq!(of(&tree, "t/pki/etcd"), ["whole t/pki", "all but t"]);
        assert_eq!(
            of(&["home/pki/ca.crt", "home/admin.conf"], "home/pki"),
            ["whole home/pki", "kubeconfigs home"]
        );
        let node = ["n/etc/kubernetes/pki/ca.crt", "n/etc/kubernetes/pki/etcd/ca.crt"];
        for directory in ["n/etc/kubernetes/pki", "n/etc/kubernetes/pki/etcd"] {
            let found = of(&node, directory);
            assert_eq!(
                found[..3],
                ["whole n/etc/kubernetes/pki", "all but n/etc/kubernetes", "whole n/etc/etcd"]
            );
            assert!(found.contains(&"whole n/var/lib/kubelet/pki".to_owned()), "{found:?}");
        }
        let init =
            ["out/ca/ca.crt", "out/ca/etcd/ca.crt", "out/cp1/etc/x", "out/users/jane.conf", "out/other/x"];
        assert_eq!(of(&init, "out/ca"), ["whole out/ca", "whole out/cp1", "whole out/users"]);
        // A node beside it is of another cluster, unless the same CA lies there.
        let others = ["t/pki/ca.crt", "u/pki/ca.crt", "u/admin.conf"];
        assert_eq!(of(&others, "t/pki"), ["whole t/pki", "kubeconfigs t"]);
        // A directory of that name alone is none of those.
        assert_eq!(of(&["home/ca/ca.crt", "home/users/x"], "home/ca"), ["some home/ca"]);
        assert_eq!(of(&["home/mine/ca.crt"], "home/mine"), ["some home/mine"]);
    }

    #[test]
    fn nodes_beside_it_with_the_same_ca_are_of_its_cluster() {
        let scratch = tempfile::tempdir().unwrap();
        let put = |path: &str, ca: &crate::forge::Forged| {
            let path = scratch.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, ca.pem()).unwrap();
        };
        let ca = crate::forge::ca("cn=kubernetes key=p256:a");
        put("cp1/etc/kubernetes/pki/ca.crt", &ca);
        put("cp2/etc/kubernetes/pki/ca.crt", &ca.reissue("cn=renewed"));
        put("ca/ca.crt", &ca);
        put("alien/etc/kubernetes/pki/ca.crt", &crate::forge::ca("cn=kubernetes key=p256:b"));
        put("a/pki/ca.crt", &ca);
        put("b/pki/ca.crt", &ca);
        let of = |directory: &str| trees(&scratch.path().join(directory));
        let whole = |path: &str| Tree::Whole(scratch.path().join(path));
        let found = of("cp1/etc/kubernetes/pki");
        assert!(found.contains(&whole("cp2/etc/kubernetes")), "{found:?}");
        assert!(found.contains(&whole("cp2/var/lib/kubelet/pki")), "{found:?}");
        assert!(!found.contains(&whole("alien/etc/kubernetes")), "{found:?}");
        assert_eq!(found.last(), Some(&whole("ca")));
        let kubeconfigs = |path: &str| Tree::Kubeconfigs(scratch.path().join(path));
        assert_eq!(of("a/pki"), [whole("a/pki"), kubeconfigs("a"), whole("b/pki"), kubeconfigs("b")]);
    }

    #[test]
    fn the_directory_above_has_a_name_where_it_can() {
        for (directory, expected) in
            [("a/b", "a"), ("a", ""), ("/a", "/"), ("/", "/"), (".", "./.."), ("..", "../.."), ("", "..")]
        {
            assert_eq!(above(Path::new(directory)), Path::new(expected), "{directory}");
        }
    }
}
