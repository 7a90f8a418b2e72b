//! Whether a ledger is whole, and whether what is at hand stands in it.

use std::collections::{HashMap, HashSet};

use serde::Serialize;

use super::{ClusterSigned, Entry, lines};
use crate::x509::sha256_hex;

/// Holds each line of a ledger against the one before it.
#[derive(Debug)]
pub struct Following {
    number: u64,
    previous: String,
}

impl Default for Following {
    fn default() -> Self {
        Self { number: 0, previous: sha256_hex(b"") }
    }
}

impl Following {
    /// Takes the next line, and says what it holds and what is wrong with it or its place; each is safe to show.
    pub fn follow(&mut self, line: &[u8]) -> (Option<Entry>, Vec<String>) {
        self.number += 1;
        let number = self.number;
        let mut problems = Vec::new();
        let entry = match Entry::parse(line) {
            Err(reason) => {
                problems.push(format!("line {number} of the ledger is not an entry: {reason}"));
                None
            }
            Ok(entry) => {
                if entry.previous_sha256 != self.previous {
                    problems.push(format!(
                        "line {number} does not follow the line before it: a line was altered, removed or added there"
                    ));
                }
                if entry.line != number {
                    problems.push(format!("line {number} calls itself line {}", entry.line));
                }
                Some(entry)
            }
        };
        self.previous = sha256_hex(line);
        (entry, problems)
    }

    /// The hash of the last line that was taken.
    pub fn head(&self) -> &str {
        &self.previous
    }
}

/// A certificate that lies somewhere and that the CA's key has signed.
#[derive(Debug, Clone)]
pub struct AtHand {
    /// Where it lies; safe to show.
    pub shown: String,
    /// The SHA-256 of its bytes, in lower-case hexadecimal.
    pub fingerprint: String,
    /// Its serial number as it stands in a ledger.
    pub serial: String,
    /// The signer of the cluster's own that may have signed it, too.
    pub cluster: Option<ClusterSigned>,
}

/// What a look through a ledger found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// How many lines it has.
    pub lines: u64,
    /// How many of them are adopted.
    pub adopted: u64,
    /// The highest version of the format in it; 0 of an empty one.
    pub version: u32,
    /// The hash of its last line, to be noted elsewhere: a cut at the end shows only by it.
    pub head_sha256: String,
    /// How many certificates at hand are not in it and are what a kubelet asks the cluster's own signer for, which keeps no
    /// ledger.
    pub kubelets: usize,
    /// What is wrong, a sentence each; safe to show.
    pub problems: Vec<String>,
    /// The SHA-256 of the certificates at hand that are not in it and should be.
    #[serde(skip)]
    pub missing: Vec<String>,
}

/// Looks through a ledger: every line an entry, every line's number and hash of the line before in order, no serial
/// number twice. What is at hand must be in it, by the hash of its bytes: whoever copies a recorded certificate's serial
/// number, names and dates makes another certificate.
pub fn check(text: &[u8], at_hand: &[AtHand]) -> Report {
    let mut problems = Vec::new();
    let mut following = Following::default();
    let mut serials = HashMap::new();
    let mut fingerprints = HashSet::new();
    let (mut count, mut adopted, mut version) = (0, 0, 0);
    for (line, number) in lines(text).zip(1..) {
        count = number;
        let (entry, found) = following.follow(line);
        problems.extend(found);
        let Some(entry) = entry else { continue };
        version = version.max(entry.version);
        adopted += u64::from(entry.adopted.is_some());
        if let Some(first) = serials.insert(entry.serial.clone(), number) {
            problems.push(format!("the serial number {} stands in line {first} and {number}", entry.serial));
        }
        fingerprints.insert(entry.certificate_sha256);
    }
    if text.last().is_some_and(|&byte| byte != b'\n') {
        problems.push(format!("line {count} is torn: a signer was stopped within it; the next one mends it"));
    }
    let mut missing = Vec::new();
    let mut kubelets = 0;
    for held in at_hand.iter().filter(|held| !fingerprints.contains(&held.fingerprint)) {
        let namesake = serials
            .get(&held.serial)
            .map(|line| format!(": line {line} records its serial number, of another certificate"));
        if namesake.is_none() && held.cluster == Some(ClusterSigned::Kubelet) {
            kubelets += 1;
            continue;
        }
        problems.push(format!(
            "{} was issued by this CA and is not in its ledger{}",
            held.shown,
            namesake.unwrap_or_default()
        ));
        missing.push(held.fingerprint.clone());
    }
    let head_sha256 = following.head().to_owned();
    Report { lines: count, adopted, version, head_sha256, kubelets, problems, missing }
}
