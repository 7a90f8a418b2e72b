//! What a CA says that it has issued: kpki's ledger, or the index of `openssl ca`.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use serde::Deserialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::{Contents, FileKind, Node, Target};
use crate::layout::ledger_beside;
use crate::x509::hex;

/// What a CA has issued.
#[derive(Debug, Default)]
pub struct Inventory {
    /// The SHA-256 of each certificate in hexadecimal; empty where it is not kept.
    fingerprints: HashSet<String>,
    /// Their serial numbers in lower-case hexadecimal without leading zeros.
    serials: HashSet<String>,
    /// When the first was recorded; none where that is not kept.
    pub begins: Option<OffsetDateTime>,
    /// The first line that cannot be read, from 1.
    pub unreadable: Option<usize>,
}

/// One line of kpki's ledger; there is more in it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    issued: String,
    serial: String,
    certificate_sha256: String,
}

impl Inventory {
    /// Reads a text as an inventory; none where it is not like one.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let ledger = bytes.starts_with(b"{\"line\":1,");
        let index = matches!(bytes, [b'V' | b'R' | b'E', b'\t', ..]);
        if !ledger && !index {
            return None;
        }
        let text = std::str::from_utf8(bytes).ok()?;
        let mut inventory = Self::default();
        for (number, line) in (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty()) {
            let read = if ledger { inventory.ledger_line(line) } else { inventory.index_line(line) };
            if read.is_none() {
                inventory.unreadable = inventory.unreadable.or(Some(number));
            }
        }
        Some(inventory)
    }

    fn ledger_line(&mut self, line: &str) -> Option<()> {
        let line: Line = serde_json::from_str(line).ok()?;
        let issued = OffsetDateTime::parse(&line.issued, &Rfc3339).ok()?;
        self.begins = Some(self.begins.map_or(issued, |begins| begins.min(issued)));
        self.serials.insert(plain(&line.serial));
        self.fingerprints.insert(line.certificate_sha256.to_ascii_lowercase());
        Some(())
    }

    /// `V`, the end, when it was revoked, the serial number, a file's name and the subject, between tabs (openssl-ca(1)).
    fn index_line(&mut self, line: &str) -> Option<()> {
        let serial = line.split('\t').nth(3)?;
        let is_number = !serial.is_empty() && serial.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_number.then(|| {
            self.serials.insert(plain(serial));
        })
    }

    /// Whether a certificate is in it: by its fingerprint where those are kept, else by its serial number.
    pub fn holds(&self, fingerprint: &[u8; 32], serial: &str) -> bool {
        if self.fingerprints.is_empty() {
            self.serials.contains(&plain(serial))
        } else {
            self.fingerprints.contains(&hex(fingerprint))
        }
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
                kept.push(Kept { authority: cert.spki(), shown: Arc::clone(&file.shown), contents });
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
        assert_eq!((inventory.begins, inventory.unreadable), (None, Some(4)));
        for other in [&b""[..], b"{}", b"Veni\n", b"{\"line\":2}"] {
            assert!(Inventory::read(other).is_none());
        }
    }
}
