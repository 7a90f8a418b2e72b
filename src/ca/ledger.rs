//! The ledger: one line of JSON for every certificate that a CA has signed, each with the hash of the line
//! before it, so that a lost or altered line shows.
//!
//! It lies beside the CA certificate and is written before a certificate leaves. The lock on it is held from
//! the reading of its last line until the new lines are durable, so two signers never branch it.

use std::path::Path;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::disk::{AppendLog, DiskError, Secrecy, read_bounded};
use crate::x509::{Certificate, sha256_hex};

/// The largest ledger that is read as a whole, in bytes: over a million lines.
const LARGEST: u64 = 1 << 30;

/// One issuance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Entry {
    /// The number of the line, from 1.
    pub line: u64,
    /// When it was issued, RFC 3339 in UTC.
    pub issued: String,
    /// The serial number in lower-case hexadecimal.
    pub serial: String,
    /// The subject, in the order of its encoding.
    pub subject: String,
    /// The subject alternative names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<String>,
    /// The profile that it was issued by.
    pub profile: String,
    /// The issuer.
    pub issuer: String,
    /// The first valid second, RFC 3339 in UTC.
    pub not_before: String,
    /// The last valid second, RFC 3339 in UTC.
    pub not_after: String,
    /// The SHA-256 of the certificate's DER.
    pub certificate_sha256: String,
    /// The SHA-256 of the `SubjectPublicKeyInfo`.
    pub public_key_sha256: String,
    /// The SHA-256 of the request's DER, unless the key was made here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_sha256: Option<String>,
    /// The SHA-256 of the line before, without its newline; of nothing in the first line.
    pub previous_sha256: String,
}

impl Entry {
    /// What is to be recorded of a certificate; its place in a ledger is given by [`Ledger::record`].
    pub fn of(
        certificate: &Certificate,
        profile: &str,
        request_sha256: Option<String>,
        now: OffsetDateTime,
    ) -> Self {
        let tbs = &certificate.tbs;
        Self {
            line: 0,
            issued: rfc3339(now),
            serial: tbs.serial.to_string(),
            subject: tbs.subject.to_string(),
            names: tbs.extensions.names().iter().map(ToString::to_string).collect(),
            profile: profile.to_owned(),
            issuer: tbs.issuer.to_string(),
            not_before: rfc3339(tbs.validity.not_before),
            not_after: rfc3339(tbs.validity.not_after),
            certificate_sha256: certificate.fingerprint(),
            public_key_sha256: sha256_hex(tbs.public_key.der()),
            request_sha256,
            previous_sha256: String::new(),
        }
    }
}

/// What can go wrong with a ledger.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LedgerError {
    /// The file could not be read, locked or written.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// A line is not an entry.
    #[error("line {line} of the ledger is not an entry: {reason}")]
    Line {
        /// The line, from 1; 0 for the last one.
        line: u64,
        /// What is wrong with it.
        reason: String,
    },
}

/// A ledger that is open for appending, locked against every other signer.
pub struct Ledger {
    log: AppendLog,
    lines: u64,
    previous: String,
    pending: Vec<u8>,
}

impl Ledger {
    /// Opens the ledger at this path beneath a directory, makes it when it is missing, and waits for its lock.
    ///
    /// # Errors
    /// [`LedgerError`] when it cannot be opened, or its last line is no entry.
    pub fn open(root: &Path, relative: &Path) -> Result<Self, LedgerError> {
        let log = AppendLog::open(root, relative, Secrecy::Public)?;
        let last = log.last_line()?;
        let lines = match &last {
            Some(line) => parse(line, 0)?.line,
            None => 0,
        };
        Ok(Self {
            log,
            lines,
            previous: sha256_hex(last.as_deref().unwrap_or_default()),
            pending: Vec::new(),
        })
    }

    /// Adds an issuance to what the next commit will write, and gives it its number and its place in the chain.
    ///
    /// # Errors
    /// [`LedgerError::Line`] when it has no JSON form.
    pub fn record(&mut self, mut entry: Entry) -> Result<(), LedgerError> {
        entry.line = self.lines.checked_add(1).ok_or_else(|| LedgerError::Line {
            line: 0,
            reason: "its number is the highest that there is".into(),
        })?;
        entry.previous_sha256.clone_from(&self.previous);
        let line = serde_json::to_vec(&entry)
            .map_err(|error| LedgerError::Line { line: entry.line, reason: error.to_string() })?;
        self.previous = sha256_hex(&line);
        self.lines = entry.line;
        self.pending.extend_from_slice(&line);
        self.pending.push(b'\n');
        Ok(())
    }

    /// The file and the lines that wait to be written, for a transaction that commits them with what they record.
    pub fn take_pending(&mut self) -> (&mut AppendLog, Vec<u8>) {
        (&mut self.log, std::mem::take(&mut self.pending))
    }

    /// Writes the waiting lines, durably.
    ///
    /// # Errors
    /// [`LedgerError::Disk`]; then nothing of them stands in the file.
    pub fn commit(&mut self) -> Result<(), LedgerError> {
        let (log, lines) = self.take_pending();
        log.append(&lines)?;
        Ok(())
    }
}

fn rfc3339(instant: OffsetDateTime) -> String {
    instant.format(&Rfc3339).unwrap_or_else(|_| instant.to_string())
}

fn parse(line: &[u8], number: u64) -> Result<Entry, LedgerError> {
    serde_json::from_slice(line)
        .map_err(|error| LedgerError::Line { line: number, reason: error.to_string() })
}

/// Every entry of a ledger, in order.
///
/// # Errors
/// [`LedgerError`] when it cannot be read or a line is no entry.
pub fn read_ledger(path: &Path) -> Result<Vec<Entry>, LedgerError> {
    let text = read_bounded(path, LARGEST)?;
    lines(&text).zip(1..).map(|(line, number)| parse(line, number)).collect()
}

/// Whether a certificate for this public key (`SubjectPublicKeyInfo`, DER) stands in a ledger; no if it cannot be read.
pub fn ledger_knows_key(path: &Path, public_key: &[u8]) -> bool {
    let wanted = sha256_hex(public_key);
    let Ok(text) = read_bounded(path, LARGEST) else { return false };
    lines(&text).any(|line| parse(line, 0).is_ok_and(|entry| entry.public_key_sha256 == wanted))
}

/// What a look through a ledger found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LedgerReport {
    /// How many lines it has.
    pub lines: u64,
    /// The hash of its last line, to be noted elsewhere: a cut at the end shows only by it.
    pub head_sha256: String,
    /// What is wrong, a sentence each.
    pub problems: Vec<String>,
}

/// Looks through a ledger: every line an entry, every line's number and hash of the line before in order, no
/// serial number twice. Certificates that are at hand must be in it; `known` holds their names for people and their
/// SHA-256 fingerprints.
///
/// # Errors
/// [`LedgerError::Disk`] when it cannot be read.
pub fn verify_ledger(path: &Path, known: &[(String, String)]) -> Result<LedgerReport, LedgerError> {
    let text = read_bounded(path, LARGEST)?;
    let mut problems = Vec::new();
    let mut previous = sha256_hex(b"");
    let mut serials = std::collections::HashMap::new();
    let mut fingerprints = std::collections::HashSet::new();
    let mut count = 0;
    for (line, number) in lines(&text).zip(1..) {
        count = number;
        match parse(line, number) {
            Err(error) => problems.push(error.to_string()),
            Ok(entry) => {
                if entry.previous_sha256 != previous {
                    problems.push(format!(
                        "line {number} does not follow the line before it: a line was altered, removed or added there"
                    ));
                }
                if entry.line != number {
                    problems.push(format!("line {number} calls itself line {}", entry.line));
                }
                if let Some(first) = serials.insert(entry.serial.clone(), number) {
                    problems.push(format!(
                        "the serial number {} stands in line {first} and {number}",
                        entry.serial
                    ));
                }
                fingerprints.insert(entry.certificate_sha256);
            }
        }
        previous = sha256_hex(line);
    }
    if text.last().is_some_and(|&byte| byte != b'\n') {
        problems.push(format!("line {count} is torn: a signer was stopped within it; the next one mends it"));
    }
    for (name, fingerprint) in known {
        if !fingerprints.contains(fingerprint) {
            problems.push(format!("{name} was issued by this CA and is not in its ledger"));
        }
    }
    Ok(LedgerReport { lines: count, head_sha256: previous, problems })
}

/// The lines of a ledger; an empty one between others is a line that is no entry.
fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let whole = text.strip_suffix(b"\n").unwrap_or(text);
    whole.split(|&byte| byte == b'\n').filter(|_| !text.is_empty())
}
