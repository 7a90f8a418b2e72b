//! What could not be done, and what to do next.

use std::error::Error;
use std::io::ErrorKind;
use std::process::ExitCode;

use kpki::disk::DiskError;
use kpki::issue::IssueError;
use kpki::key::KeyError;

use super::output::{BAD, FAINT, inform, styled};

/// A command that failed: exit code 2, or 1 where something was refused.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) message: String,
    hint: Option<String>,
    code: u8,
}

impl Failure {
    /// Something that could not be done.
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None, code: 2 }
    }

    /// The same, with what to do next.
    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same, with where it happened put before it.
    #[must_use]
    pub(crate) fn at(mut self, place: impl std::fmt::Display) -> Self {
        self.message = format!("{place}: {}", self.message);
        self
    }

    /// The same, as a refusal: it could be done, and is not.
    #[must_use]
    pub(crate) fn refused(mut self) -> Self {
        self.code = 1;
        self
    }

    /// Says it, and gives the exit code.
    pub(crate) fn report(&self) -> ExitCode {
        let hint =
            self.hint.as_ref().map(|hint| format!("\n{} {hint}", styled(FAINT, "hint:"))).unwrap_or_default();
        let text = format!("{} {}{hint}", styled(BAD, "error:"), plain(&self.message));
        // Nobody is left to tell when this fails.
        let _ = inform(text);
        ExitCode::from(self.code)
    }
}

impl<E: Error + 'static> From<E> for Failure {
    /// The error with its causes, each said once, and a hint where its kind is known.
    fn from(error: E) -> Self {
        let mut message = error.to_string();
        let mut hint = None;
        let mut code = 2;
        let mut cause: Option<&(dyn Error + 'static)> = Some(&error);
        while let Some(error) = cause {
            let text = error.to_string();
            if !message.contains(&text) {
                message.push_str(": ");
                message.push_str(&text);
            }
            hint = hint.or_else(|| hint_for(error));
            if matches!(error.downcast_ref(), Some(IssueError::Refused(_))) {
                code = 1;
            }
            cause = error.source();
        }
        Self { message, hint, code }
    }
}

/// A message without the numbers of the system's own errors (`os error 2`).
fn plain(text: &str) -> String {
    let Some((before, rest)) = text.split_once(" (os error ") else { return text.to_owned() };
    let after = rest.split_once(')').map_or("", |(_, after)| after);
    format!("{before}{}", plain(after))
}

fn hint_for(error: &(dyn Error + 'static)) -> Option<String> {
    if let Some(error) = error.downcast_ref::<DiskError>() {
        return disk_hint(error);
    }
    let hint = match error.downcast_ref::<KeyError>()? {
        KeyError::Encrypted => {
            "give the passphrase with --passphrase-file FILE, or run on a terminal to be asked"
        }
        KeyError::NoPrivateKey => "a private key stands in a PEM block like `-----BEGIN PRIVATE KEY-----`",
        _ => return None,
    };
    Some(hint.into())
}

fn disk_hint(error: &DiskError) -> Option<String> {
    let hint = match error {
        DiskError::Exists { .. } => "move it away, write elsewhere, or use --force where the command has it",
        DiskError::Symlink { .. } => "write to the directory that it points to",
        _ => match error.kind() {
            ErrorKind::PermissionDenied => {
                "run as the owner of that directory (root for /etc/kubernetes), or write elsewhere"
            }
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
                "make room and run the same command again: nothing was left half-written"
            }
            ErrorKind::ReadOnlyFilesystem => "the file system is read-only; write elsewhere",
            ErrorKind::NotFound => "check the path",
            _ => return None,
        },
    };
    Some(hint.into())
}
