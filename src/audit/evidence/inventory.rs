//! What a CA says that it has issued: kpki's ledger, or the index of `openssl ca`.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;

use super::{Contents, FileKind, Node, Target};
use crate::audit::report::Location;
use crate::layout::ledger_beside;
use crate::ledger::{Following, lines, looks_like_one};
use crate::x509::hex;

/// What a CA has issued.
#[derive(Debug)]
pub enum Inventory {
    /// kpki's ledger.
    Ledger(Ledger),
    /// The index of `openssl ca`.
    Index(Index),
}

/// What a ledger says.
#[derive(Debug, Default)]
pub struct Ledger {
    /// The SHA-256 of each certificate, in hexadecimal.
    fingerprints: HashSet<String>,
    /// Those of them that were adopted.
    adopted: HashSet<String>,
    /// Whether its first line is one that kpki signed: the CA itself, where kpki made it.
    own: bool,
    /// The number of each certificate's line by its serial number.
    serials: HashMap<String, usize>,
    /// Whether it was begun with what the CA's key had signed before: those of kpki 0.1.0 were not, unless they begin
    /// with the CA itself.
    pub complete: bool,
    /// When its first line was written, RFC 3339; empty where that cannot be read.
    pub begins: String,
    /// The first thing that is wrong with its lines; safe to show.
    pub broken: Option<String>,
}

/// What an index says.
#[derive(Debug, Default)]
pub struct Index {
    /// Serial numbers in lower-case hexadecimal without leading zeros.
    serials: HashSet<String>,
    /// The first line that cannot be read, from 1.
    pub unreadable: Option<usize>,
}

impl Inventory {
    /// Reads a text as an inventory; none where it is not like one.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        if looks_like_one(bytes) {
            return Some(Self::Ledger(Ledger::read(bytes)));
        }
        if !matches!(bytes, [b'V' | b'R' | b'E', b'\t', ..]) {
            return None;
        }
        let mut index = Index::default();
        let text = std::str::from_utf8(bytes).ok()?;
        for (number, line) in (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty()) {
            if index.line(line).is_none() {
                index.unreadable = index.unreadable.or(Some(number));
            }
        }
        Some(Self::Index(index))
    }

    /// Whether a certificate is in it: by its fingerprint where those are kept, else by its serial number.
    pub fn holds(&self, fingerprint: &[u8; 32], serial: &str) -> bool {
        match self {
            Self::Ledger(ledger) => ledger.records(fingerprint),
            Self::Index(index) => index.serials.contains(&plain(serial)),
        }
    }

    /// It, where it is kpki's ledger.
    pub fn ledger(&self) -> Option<&Ledger> {
        match self {
            Self::Ledger(ledger) => Some(ledger),
            Self::Index(_) => None,
        }
    }
}

impl Ledger {
    fn read(bytes: &[u8]) -> Self {
        let mut ledger = Self::default();
        let mut following = Following::default();
        // What stands behind the last newline is a line that somebody is writing, or was stopped in.
        let whole = bytes.iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1);
        for (number, line) in (1..).zip(lines(bytes.get(..whole).unwrap_or_default())) {
            let (entry, problems) = following.follow(line);
            ledger.broken = ledger.broken.take().or_else(|| problems.into_iter().next());
            let Some(entry) = entry else { continue };
            if number == 1 {
                ledger.complete = entry.version > 1 || entry.subject == entry.issuer;
                ledger.own = entry.adopted.is_none();
                entry.recorded().clone_into(&mut ledger.begins);
            }
            if entry.adopted.is_some() {
                ledger.adopted.insert(entry.certificate_sha256.clone());
            }
            ledger.serials.entry(entry.serial).or_insert(number);
            ledger.fingerprints.insert(entry.certificate_sha256);
        }
        if ledger.fingerprints.is_empty() {
            ledger.broken = ledger.broken.take().or_else(|| Some("it has no line".into()));
        }
        ledger
    }

    /// Whether it records a certificate.
    pub fn records(&self, fingerprint: &[u8; 32]) -> bool {
        self.fingerprints.contains(&hex(fingerprint))
    }

    /// Whether what else lies where a certificate lies would be recorded as well: it was adopted, and its tree with it, or
    /// the ledger began with the CA. What was signed for a node whose other certificates another holder of the CA's key
    /// had signed before says nothing of those.
    pub fn stands_for_its_node(&self, fingerprint: &[u8; 32]) -> bool {
        let fingerprint = hex(fingerprint);
        self.adopted.contains(&fingerprint)
            || (self.own && self.complete && self.fingerprints.contains(&fingerprint))
    }

    /// The line that records this serial number.
    pub fn line_of(&self, serial: &str) -> Option<usize> {
        self.serials.get(serial).copied()
    }
}

impl Index {
    /// `V`, the end, when it was revoked, the serial number, a file's name and the subject, between tabs (openssl-ca(1)).
    fn line(&mut self, line: &str) -> Option<()> {
        let serial = line.split('\t').nth(3)?;
        let is_number = !serial.is_empty() && serial.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_number.then(|| {
            self.serials.insert(plain(serial));
        })
    }
}

fn plain(serial: &str) -> String {
    serial.trim_start_matches('0').to_ascii_lowercase()
}

/// An inventory that lies beside a CA's certificate.
#[derive(Debug, Clone)]
pub struct Kept {
    /// The SHA-256 of the CA's public key.
    pub authority: [u8; 32],
    /// The SHA-256 of the CA's certificate.
    pub fingerprint: [u8; 32],
    /// Where the CA's certificate is.
    pub location: Location,
    /// The file of the CA's certificate, as commands take it.
    pub certificate: PathBuf,
    /// Where it is; safe to show.
    pub shown: Arc<str>,
    /// The file, or why it could not be read; safe to show.
    pub contents: Result<Arc<Contents>, String>,
}

impl Node {
    /// The inventories of the CAs whose certificates are here: `ca.ledger.jsonl` beside `ca.crt`, or `index.txt` in a directory that has no
    /// other CA.
    pub fn inventories(&self) -> Vec<Kept> {
        let mut directories: HashMap<_, HashSet<[u8; 32]>> = HashMap::new();
        let authorities: Vec<_> =
            self.certs().filter(|cert| cert.is_ca() && cert.found().position == 0).collect();
        for cert in &authorities {
            directories.entry(cert.file().on_node.parent()).or_default().insert(cert.spki());
        }
        let mut seen = HashSet::new();
        let mut kept = Vec::new();
        for cert in authorities {
            let path = &cert.file().on_node;
            let alone = directories.get(&path.parent()).is_some_and(|keys| keys.len() == 1);
            let index = alone.then(|| path.with_file_name("index.txt"));
            for place in [Some(ledger_beside(path)), index].into_iter().flatten() {
                let Target::File(file) = self.resolve(&place) else { continue };
                let Some(file) = self.files.get(file).filter(|_| seen.insert((cert.spki(), file))) else {
                    continue;
                };
                let contents = match &file.kind {
                    FileKind::Regular(Ok(contents)) => Ok(Arc::clone(contents)),
                    FileKind::Regular(Err(reason)) => Err(reason.clone()),
                    _ => continue,
                };
                kept.push(Kept {
                    authority: cert.spki(),
                    fingerprint: cert.found().fingerprint,
                    location: self.location(&cert.place()),
                    certificate: cert.file().command_path().to_owned(),
                    shown: Arc::clone(&file.shown),
                    contents,
                });
            }
        }
        kept
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_is_read() {
        let index = b"V\t270601120000Z\t\t0A1F\tunknown\t/CN=a\nR\t270601120000Z\t260601120000Z\t02\tunknown\t/CN=b\n\nnonsense\n";
        let inventory = Inventory::read(index).unwrap();
        for (serial, held) in [("0a1f", true), ("a1f", true), ("02", true), ("03", false)] {
            assert_eq!(inventory.holds(&[0; 32], serial), held, "{serial}");
        }
        assert!(matches!(inventory, Inventory::Index(Index { unreadable: Some(4), .. })));
        for other in [&b""[..], b"{}", b"Veni\n", b"[{\"line\":1}]"] {
            assert!(Inventory::read(other).is_none());
        }
    }

    #[test]
    fn a_ledger_is_held_against_itself() {
        let whole = include_bytes!("../../../tests/fixtures/ledger-0.1.0/ca.ledger.jsonl");
        let read = |text: &[u8]| match Inventory::read(text) {
            Some(Inventory::Ledger(ledger)) => ledger,
            other => panic!("{other:?}"),
        };
        let ledger = read(whole);
        assert!((ledger.complete, &ledger.broken) == (true, &None), "{:?}", ledger.broken);
        assert_eq!(ledger.begins, "2026-11-24T12:00:00Z");
        assert_eq!(ledger.line_of("50c06c0caa0039248ee92619fd99a35c"), Some(2));
        let late = include_bytes!("../../../tests/fixtures/ledger-0.1.0/kubeadm-ecdsa.ledger.jsonl");
        assert!(!read(late).complete);
        let text = String::from_utf8(whole.to_vec()).unwrap();
        let without_first = text.split_once('\n').unwrap().1;
        for (text, broken) in [
            (without_first.to_owned(), "line 1 does not follow"),
            (text.replace("CN=jane", "CN=joan"), "line 3 does not follow"),
            (text.clone() + "{}\n", "line 4 of the ledger is not an entry"),
            (text.clone() + "{\"line\":4,\"version\":9}\n", "is of version 9 of the format"),
            (text.replace('\n', ""), "it has no line"),
        ] {
            assert!(read(text.as_bytes()).broken.is_some_and(|why| why.contains(broken)), "{broken}");
        }
        // A line that somebody is writing is none yet.
        assert_eq!(read((text + "{\"line\":4").as_bytes()).broken, None);
    }
}
