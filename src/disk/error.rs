//! What can go wrong on a disk.

use std::io;
use std::path::{Path, PathBuf};

/// A file could not be read or written.
///
/// Every variant names its path. The reason given by the operating system is the
/// [`source`](std::error::Error::source) and is not repeated in the text.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DiskError {
    /// The operating system refused: no space, read-only, no permission, not found and the like;
    /// see [`DiskError::kind`].
    #[error("cannot {operation} {path:?}")]
    Io {
        /// What was tried: a verb, `write`, `create the directory`.
        operation: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// There is something of that name already, and nothing is overwritten.
    #[error("{path:?} exists already")]
    Exists {
        /// What exists.
        path: PathBuf,
    },
    /// A symbolic link lies in the way; none is followed when writing.
    #[error("{path:?} is a symbolic link, which is not followed when writing")]
    Symlink {
        /// The link.
        path: PathBuf,
    },
    /// A directory was expected.
    #[error("{path:?} is not a directory")]
    NotADirectory {
        /// What is there instead.
        path: PathBuf,
    },
    /// A regular file was expected: not a directory, device, pipe or socket.
    #[error("{path:?} is not a regular file")]
    NotRegular {
        /// What is there instead.
        path: PathBuf,
    },
    /// The file is larger than the reader is willing to read.
    #[error("{path:?} is larger than {limit} bytes")]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The limit, in bytes.
        limit: u64,
    },
    /// Not a path beneath the root directory: absolute, empty, or with `..` in it.
    #[error("{path:?} does not name anything beneath the directory that is written to")]
    OutsideRoot {
        /// The path as it was given.
        path: PathBuf,
    },
    /// The same path was staged twice in one transaction.
    #[error("{path:?} would be written twice")]
    StagedTwice {
        /// The path.
        path: PathBuf,
    },
    /// It is not what it was when it was looked at, or has a second name elsewhere.
    #[error("{path:?} is not what it was, or has a second name elsewhere, and was left alone")]
    Changed {
        /// The file.
        path: PathBuf,
    },
    /// A log holds, or was to be given, a line longer than 1 MiB, or one without its newline.
    #[error("{path:?} is not a log of lines of at most {limit} bytes, each with its newline")]
    NotALine {
        /// The log.
        path: PathBuf,
        /// The longest line, in bytes.
        limit: u64,
    },
}

impl DiskError {
    /// The path that the error is about.
    pub fn path(&self) -> &Path {
        match self {
            Self::Io { path, .. }
            | Self::Exists { path }
            | Self::Symlink { path }
            | Self::NotADirectory { path }
            | Self::NotRegular { path }
            | Self::TooLarge { path, .. }
            | Self::OutsideRoot { path }
            | Self::StagedTwice { path }
            | Self::Changed { path }
            | Self::NotALine { path, .. } => path,
        }
    }

    /// The error in the operating system's words (`StorageFull`, `ReadOnlyFilesystem`,
    /// `PermissionDenied`, …), so that a hint can be chosen.
    pub fn kind(&self) -> io::ErrorKind {
        match self {
            Self::Io { source, .. } => source.kind(),
            Self::Exists { .. } => io::ErrorKind::AlreadyExists,
            Self::NotADirectory { .. } => io::ErrorKind::NotADirectory,
            Self::TooLarge { .. } => io::ErrorKind::FileTooLarge,
            _ => io::ErrorKind::InvalidInput,
        }
    }

    /// Turns what the operating system answered into an error with its circumstances.
    pub(super) fn io<E: Into<io::Error>>(operation: &'static str, path: &Path) -> impl FnOnce(E) -> Self {
        move |source| Self::Io { operation, path: path.to_owned(), source: source.into() }
    }

    pub(super) fn is_missing(&self) -> bool {
        matches!(self, Self::Io { source, .. } if source.kind() == io::ErrorKind::NotFound)
    }
}
