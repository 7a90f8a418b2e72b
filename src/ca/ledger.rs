//! The ledger as it is written: before a certificate leaves, under a lock.
//!
//! It lies beside the CA certificate. The lock on it is held from the reading of its last line until the new lines are
//! durable, so two signers never branch it. What its lines say is in [`crate::ledger`].

use std::path::Path;

use crate::disk::{AppendLog, Secrecy};
use crate::ledger::{Entry, LedgerError};
use crate::x509::sha256_hex;

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
            Some(line) => Entry::parse(line).map_err(LedgerError::LastLine)?.line,
            None => 0,
        };
        Ok(Self {
            log,
            lines,
            previous: sha256_hex(last.as_deref().unwrap_or_default()),
            pending: Vec::new(),
        })
    }

    /// Whether nothing stands in it, nor waits to be written.
    pub fn is_empty(&self) -> bool {
        self.lines == 0
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.log.path()
    }

    /// Adds an entry to what the next commit will write, and gives it its number and its place in the chain.
    ///
    /// # Errors
    /// [`LedgerError::Line`] when it has no JSON form.
    pub fn record(&mut self, mut entry: Entry) -> Result<(), LedgerError> {
        entry.line = self
            .lines
            .checked_add(1)
            .ok_or_else(|| LedgerError::LastLine("its number is the highest that there is".into()))?;
        entry.previous_sha256.clone_from(&self.previous);
        let line = entry.to_line().map_err(|reason| LedgerError::Line { line: entry.line, reason })?;
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
