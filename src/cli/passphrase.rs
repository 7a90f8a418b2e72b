//! Passphrases: from a file, or asked for on the terminal; never from the command line's words.

use std::cell::RefCell;
use std::fmt;
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use clap::Args;
use kpki::key::{KeyError, Passphrase};
use zeroize::Zeroizing;

use super::input::Input;
use super::{Failure, output};

#[derive(Args, Clone, Default)]
pub(crate) struct PassphraseArgs {
    /// A file whose first line is the passphrase of the CA's private key, - for standard input; asked for on the terminal
    /// if it is needed and this is not given.
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
    /// What was read of it: a pipe and standard input can be read once.
    #[arg(skip)]
    read: Arc<OnceLock<Zeroizing<String>>>,
}

impl fmt::Debug for PassphraseArgs {
    /// The file, never what is in it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PassphraseArgs")
            .field("passphrase_file", &self.passphrase_file)
            .finish_non_exhaustive()
    }
}

/// The longest passphrase file, in bytes.
const LONGEST: u64 = 4096;

impl PassphraseArgs {
    /// As if this file had been given.
    pub(crate) fn from_file(passphrase_file: Option<PathBuf>) -> Self {
        Self { passphrase_file, ..Self::default() }
    }

    /// The passphrase in the file, where one was named.
    fn of_file(&self) -> Result<Option<Passphrase>, Failure> {
        let Some(file) = &self.passphrase_file else { return Ok(None) };
        let text = match self.read.get() {
            Some(text) => text.clone(),
            None => self
                .read
                .get_or_init({
                    let text = first_line(file)?;
                    || text
                })
                .clone(),
        };
        Ok(Some(Passphrase::new(text)))
    }

    /// The passphrase to decrypt keys with, as a source that does not ask again once nobody answered.
    pub(crate) fn source(&self) -> Result<impl Fn(&Path) -> Result<Passphrase, KeyError> + use<>, Failure> {
        // A file that cannot be read is said at once, not as a missing passphrase.
        self.of_file()?;
        let given = self.clone();
        let failed = RefCell::new(false);
        Ok(move |key: &Path| {
            let read = match &given.passphrase_file {
                Some(_) => given.of_file().ok().flatten(),
                None if *failed.borrow() => None,
                None => ask(&format!("Passphrase of {}: ", output::path(key))),
            };
            *failed.borrow_mut() = read.is_none();
            read.ok_or(KeyError::Encrypted)
        })
    }

    /// The passphrase of this key.
    pub(crate) fn for_decryption(&self, key: &Path) -> Result<Passphrase, Failure> {
        match self.of_file()? {
            Some(passphrase) => Ok(passphrase),
            None => ask(&format!("Passphrase of {}: ", output::path(key)))
                .ok_or_else(|| Failure::from(KeyError::Encrypted).at(output::path(key))),
        }
    }

    /// The passphrase to encrypt a new key with: from the file, or asked for twice.
    pub(crate) fn for_encryption(&self) -> Result<Passphrase, Failure> {
        if let Some(passphrase) = self.of_file()? {
            return Ok(passphrase);
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

/// The first line of a file.
fn first_line(file: &Path) -> Result<Zeroizing<String>, Failure> {
    let input = Input::read_at_most(file, LONGEST)?;
    let text = std::str::from_utf8(&input.bytes)
        .map_err(|_| Failure::new("the passphrase is not UTF-8").at(input.name()))?;
    let first = Zeroizing::new(text.lines().next().unwrap_or_default().to_owned());
    if first.is_empty() {
        return Err(Failure::new("its first line, the passphrase, is empty").at(input.name()));
    }
    Ok(first)
}
