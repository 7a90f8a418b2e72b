//! What is in a file, read once.

use std::collections::{HashMap, HashSet};
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};

use lru::LruCache;

use super::Inventory;
use super::processes::{ProcessStat, booted};
use crate::inspect::{self, CertificateFacts, Content, Encoding, Item, KnownCertificates};
use crate::manifest::{Document, StaticPod};
use crate::x509::{PublicKey, SignatureFault, sha256};

/// How many files' contents are kept to be met again: the CAs of a fleet are few, and stand on every node.
const KEPT: NonZeroUsize = NonZeroUsize::new(1024).unwrap();

/// What is in a file. No secret is in it.
#[derive(Debug)]
pub struct Contents {
    /// The SHA-256 of its bytes.
    pub digest: [u8; 32],
    /// How it is written.
    pub encoding: Encoding,
    /// Everything in it, and everything within that, in order.
    pub items: Vec<Item>,
    /// What can be told of it as a text.
    pub text: TextFacts,
    /// What it says of how a program is launched, where it does.
    pub document: Option<Arc<Document>>,
    /// The users, where it is a file of static credentials.
    pub credentials: Option<StaticCredentials>,
    /// The certificates that a CA has issued, where it is a list of them.
    pub inventory: Option<Inventory>,
    /// The process, where it is a `/proc/PID/stat`.
    pub process: Option<ProcessStat>,
    /// When the system started, in seconds since 1970, where it is a `/proc/stat`.
    pub booted: Option<i64>,
    /// Signatures that were looked at.
    signatures: Mutex<Verified>,
}

/// What can be told of a text that holds PEM. Lines count from 1.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TextFacts {
    /// Its length in bytes.
    pub bytes: usize,
    /// Whether it begins with a byte order mark.
    pub byte_order_mark: bool,
    /// The first line that ends in a carriage return.
    pub carriage_return: Option<usize>,
    /// The first line with a NUL in it.
    pub nul: Option<usize>,
    /// Whether its last line ends.
    pub ends: bool,
    /// Lines outside of every block that are not empty: the first, and how many there are.
    pub outside: Option<(usize, usize)>,
    /// The first line on which a block ends and something else begins.
    pub run_together: Option<usize>,
}

/// The users of a file of static tokens or passwords: `secret,user,uid,"group,group"`. Lines count from 1.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StaticCredentials {
    /// How many users there are.
    pub users: usize,
    /// The lines whose user is in the group system:masters.
    pub masters: Vec<usize>,
    /// The lines whose secret has less than 16 characters.
    pub short: Vec<usize>,
    /// The lines whose secret stands in a line before.
    pub repeated: Vec<usize>,
}

/// What verifications came to, by the item and the SHA-256 of the key.
type Verified = HashMap<(usize, [u8; 32]), Result<(), SignatureFault>>;

impl Contents {
    /// Reads a file's bytes.
    pub fn read(bytes: &[u8]) -> Self {
        Self::of(bytes, sha256(bytes), &KnownCertificates::default())
    }

    fn of(bytes: &[u8], digest: [u8; 32], known: &KnownCertificates) -> Self {
        let inspected = inspect::inspect_among("", bytes, known);
        let mut items = Vec::with_capacity(inspected.items.len());
        inspected.items.into_iter().for_each(|item| item.flatten(&mut items));
        // They stay until the node is judged.
        items.shrink_to_fit();
        let kind = items.iter().find_map(|item| match &item.content {
            Content::Object(object) if item.place.field.is_none() => Some(object.kind.as_str()),
            _ => None,
        });
        let unknown = items.iter().all(|item| matches!(item.content, Content::Unknown { .. }));
        let document = match kind.filter(|kind| !kind.is_empty()) {
            Some(kind) => Document::read(bytes, Some(kind)),
            None if unknown || kind.is_some() => Document::read(bytes, None),
            None => None,
        };
        let credentials = unknown.then(|| credentials(bytes)).flatten();
        Self {
            digest,
            encoding: inspected.encoding,
            items,
            text: TextFacts::of(bytes),
            document: document.map(Arc::new),
            credentials,
            inventory: Inventory::read(bytes),
            process: unknown.then(|| ProcessStat::read(bytes)).flatten(),
            booted: unknown.then(|| booted(bytes)).flatten(),
            signatures: Mutex::default(),
        }
    }

    /// The static pod, where it is the manifest of a component that is known; or why it cannot be read as the manifest that it should be.
    pub fn pod(&self) -> Option<Result<&StaticPod, &str>> {
        match self.document.as_deref()? {
            Document::Pod(pod) => Some(Ok(pod)),
            Document::Broken(Document::POD, reason) => Some(Err(reason)),
            _ => None,
        }
    }

    /// The certificate that an item is.
    pub fn certificate(&self, item: usize) -> Option<&CertificateFacts> {
        match &self.items.get(item)?.content {
            Content::Certificate(facts) => Some(facts),
            _ => None,
        }
    }

    /// Whether the signature of a certificate or list in it is by a key. It is worked out once.
    ///
    /// # Errors
    /// Why it is not, or cannot be told.
    pub(super) fn verify(&self, item: usize, key: &PublicKey) -> Result<(), SignatureFault> {
        let place = (item, sha256(key.der()));
        let known = self.signatures.lock().unwrap_or_else(PoisonError::into_inner).get(&place).cloned();
        if let Some(known) = known {
            return known;
        }
        let verified = match self.items.get(item).map(|item| &item.content) {
            Some(Content::Certificate(facts)) => facts.verify_signature(key),
            Some(Content::RevocationList(list)) => list.verify_signature(key),
            _ => Err(SignatureFault::Malformed),
        };
        let mut signatures = self.signatures.lock().unwrap_or_else(PoisonError::into_inner);
        signatures.insert(place, verified.clone());
        verified
    }
}

impl TextFacts {
    fn of(bytes: &[u8]) -> Self {
        const BEGIN: &[u8] = b"-----BEGIN ";
        const END: &[u8] = b"-----END ";
        let mut facts = Self {
            bytes: bytes.len(),
            byte_order_mark: bytes.starts_with(b"\xef\xbb\xbf"),
            ends: bytes.is_empty() || bytes.ends_with(b"\n"),
            ..Self::default()
        };
        let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let mut within = false;
        for (line, content) in (1..).zip(text.split(|byte| *byte == b'\n')) {
            if content.ends_with(b"\r") {
                facts.carriage_return = facts.carriage_return.or(Some(line));
            }
            if content.contains(&0) {
                facts.nul = facts.nul.or(Some(line));
            }
            let content = content.trim_ascii();
            if content.starts_with(BEGIN) {
                within = true;
            } else if content.starts_with(END) {
                within = false;
                let rest = content.get(END.len()..).unwrap_or_default();
                if rest.windows(BEGIN.len()).any(|window| window == BEGIN) {
                    facts.run_together = facts.run_together.or(Some(line));
                }
            } else if !within && !content.is_empty() {
                let (first, count) = facts.outside.unwrap_or((line, 0));
                facts.outside = Some((first, count + 1));
            }
        }
        facts
    }
}

/// Reads a text as a file of static credentials; none where it is not like one: each line that is neither empty nor a comment has
/// at least three fields.
fn credentials(bytes: &[u8]) -> Option<StaticCredentials> {
    let text = std::str::from_utf8(bytes).ok()?;
    let mut found = StaticCredentials::default();
    let mut seen = HashSet::new();
    for (line, content) in (1..).zip(text.lines()) {
        let content = content.trim();
        if content.is_empty() || content.starts_with('#') {
            continue;
        }
        let mut fields = content.splitn(4, ',').map(|field| field.trim().trim_matches('"'));
        let (Some(secret), Some(_), Some(_)) = (fields.next(), fields.next(), fields.next()) else {
            return None;
        };
        found.users += 1;
        if secret.len() < 16 {
            found.short.push(line);
        }
        if !seen.insert(sha256(secret.as_bytes())) {
            found.repeated.push(line);
        }
        let mut groups = fields.next().unwrap_or_default().split(',');
        if groups.any(|group| group.trim().trim_matches('"') == "system:masters") {
            found.masters.push(line);
        }
    }
    (found.users > 0).then_some(found)
}

/// Contents that were met before: of identical files, the first is read and the others are known, and so are certificates.
#[derive(Debug)]
pub struct Known {
    contents: Mutex<LruCache<[u8; 32], Arc<Contents>>>,
    certificates: KnownCertificates,
}

impl Default for Known {
    fn default() -> Self {
        Self { contents: Mutex::new(LruCache::new(KEPT)), certificates: KnownCertificates::default() }
    }
}

impl Known {
    /// What is in a file with these bytes.
    pub(super) fn read(&self, bytes: &[u8]) -> Arc<Contents> {
        let digest = sha256(bytes);
        if let Some(known) = self.contents.lock().unwrap_or_else(PoisonError::into_inner).get(&digest) {
            return Arc::clone(known);
        }
        let contents = Arc::new(Contents::of(bytes, digest, &self.certificates));
        // What is met again and again are the CAs of a fleet; a leaf or a key is never met twice where all is well.
        let is_ca = |item: &Item| {
            matches!(&item.content, Content::Certificate(facts) if facts.certificate.tbs.is_self_issued()
                || facts.certificate.tbs.extensions.is_ca())
        };
        let keep = contents.items.len() <= 16 && contents.items.iter().any(is_ca);
        if keep {
            self.contents.lock().unwrap_or_else(PoisonError::into_inner).put(digest, Arc::clone(&contents));
        }
        contents
    }
}
