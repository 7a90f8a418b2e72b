//! Passphrases: from a file, or asked for on the terminal; never from the command line's words.

use std::cell::RefCell;
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};

use clap::Args;
use kpki::disk::read_bounded;
use kpki::key::{KeyError, Passphrase};
use zeroize::Zeroizing;

use super::{Failure, output};

#[derive(Debug, Args, Clone)]
pub(crate) struct PassphraseArgs {
    /// A file whose first line is the passphrase of the CA's private key; asked for on the terminal if it is needed
    /// and this is not given.
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
}

/// The longest passphrase file, in bytes.
const LONGEST: u64 = 4096;

impl PassphraseArgs {
    /// As if this file had been given.
    pub(crate) fn from_file(passphrase_file: Option<PathBuf>) -> Self {
        Self { passphrase_file }
    }

    /// The passphrase to decrypt keys with, as a source that does not ask again once nobody answered.
    pub(crate) fn source(&self) -> Result<impl Fn(&Path) -> Result<Passphrase, KeyError> + use<>, Failure> {
        let file = self.passphrase_file.clone();
        // A file that cannot be read is said at once, not as a missing passphrase.
        file.as_deref().map(read_file).transpose()?;
        let failed = RefCell::new(false);
        Ok(move |key: &Path| {
            let read = match &file {
                Some(file) => read_file(file).ok(),
                None if *failed.borrow() => None,
                None => ask(&format!("Passphrase of {}: ", output::path(key))),
            };
            *failed.borrow_mut() = read.is_none();
            read.ok_or(KeyError::Encrypted)
        })
    }

    /// The passphrase of this key.
    pub(crate) fn for_decryption(&self, key: &Path) -> Result<Passphrase, Failure> {
        match &self.passphrase_file {
            Some(file) => read_file(file),
            None => ask(&format!("Passphrase of {}: ", output::path(key)))
                .ok_or_else(|| Failure::from(KeyError::Encrypted).at(output::path(key))),
        }
    }

    /// The passphrase to encrypt a new key with: from the file, or asked for twice.
    pub(crate) fn for_encryption(&self) -> Result<Passphrase, Failure> {
        if let Some(file) = &self.passphrase_file {
            return read_file(file);
        }
        let none = || {
            Failure::new("a passphrase is needed to encrypt the CA's private key")
                .hint("give --passphrase-file FILE, or run on a terminal to be asked")
        };
        let first = ask_twice().ok_or_else(none)?;
        match first {
            (first, second) if first == second && !first.is_empty() => Ok(Passphrase::new(first)),
            (first, _) if first.is_empty() => Err(Failure::new("the passphrase is empty")),
            _ => Err(Failure::new("the two passphrases differ")),
        }
    }
}

fn ask_twice() -> Option<(Zeroizing<String>, Zeroizing<String>)> {
    if !on_terminal() {
        return None;
    }
    let first = rpassword::prompt_password("Passphrase for the CA's private key: ").ok()?;
    let second = rpassword::prompt_password("The same again: ").ok()?;
    Some((first.into(), second.into()))
}

/// Whether somebody can be asked: requests may come by standard input all the same.
fn on_terminal() -> bool {
    std::io::stdin().is_terminal() || std::io::stderr().is_terminal()
}

fn ask(prompt: &str) -> Option<Passphrase> {
    if !on_terminal() {
        return None;
    }
    rpassword::prompt_password(prompt).ok().map(|text| Passphrase::new(text.into()))
}

fn read_file(file: &Path) -> Result<Passphrase, Failure> {
    let bytes = read_bounded(file, LONGEST)?;
    let text = std::str::from_utf8(&bytes)
        .map_err(|_| Failure::new("the passphrase is not UTF-8").at(output::path(file)))?;
    let first = Zeroizing::new(text.lines().next().unwrap_or_default().to_owned());
    if first.is_empty() {
        return Err(Failure::new("its first line, the passphrase, is empty").at(output::path(file)));
    }
    Ok(Passphrase::new(first))
}
