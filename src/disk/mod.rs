//! The only room that opens a file for writing. It knows nothing about what it writes.
//!
//! - [`Transaction`]: several files become visible together, after all of them are durable.
//! - [`AppendLog`]: a file of lines that only grows, under an exclusive lock.
//! - [`read_bounded`], [`read_any`]: reading with an upper bound on the size, regular files alone or pipes as well.
//! - [`walk`]: reading a whole tree, with bounds.
//! - [`set_permissions`]: another mode or owner for what is there.
//!
//! The promises, and what each rests on (Linux; the section 2 pages of its manual):
//!
//! - *A mode is given when the file is created.* The process's umask applies, as it does to every
//!   other program (`open(2)`, `umask(2)`). It changes only where the file replaces another, and
//!   before it has its name: it takes on the other's owner and mode, as far as these fit.
//! - *A process killed at any instant leaves no half-written file.* Contents go into a file without
//!   a name (`O_TMPFILE`, `open(2)`) which the kernel frees with the process; a name is given to it
//!   (`linkat(2)` on `/proc/self/fd/N`) when everything is on the disk. Only where the file system
//!   has no such files, or the process may not open so many, is a temporary name used
//!   (`.kpki-….tmp`, in the deepest directory that already exists); a kill leaves that one behind.
//!   A file that replaces another has such a name between two system calls, because linking replaces
//!   nothing; at that point it is whole and durable.
//! - *Nothing is overwritten unless that was asked for.* `linkat(2)` refuses a name that exists.
//! - *No symbolic link is followed* beneath the root directory that the caller names: every
//!   directory is opened from its parent with `O_NOFOLLOW`. The root itself may be one.
//! - *One group commit.* `syncfs(2)` writes a whole file system in one go; 37 files cost one wait
//!   instead of 37. The price: what other programs have not yet written is waited for as well.

mod append_log;
mod directory;
mod error;
mod lane;
mod permissions;
mod read;
mod staged;
mod step;
mod transaction;
mod walk;

pub use append_log::AppendLog;
pub use error::DiskError;
pub use permissions::set_permissions;
pub use read::{read_any, read_bounded, read_stream};
pub use transaction::{Committed, Rank, Transaction};
pub use walk::{Attributes, Entry, EntryKind, LEFT_OUT, WalkLimits, walk, walk_where};

use rustix::fs::Mode;

/// Who may read what is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Secrecy {
    /// Only the owner: files 0600, directories 0700.
    Secret,
    /// Everybody: files 0644, directories 0755; less where the umask says so.
    Public,
}

impl Secrecy {
    fn file_mode(self) -> Mode {
        match self {
            Self::Secret => Mode::RUSR | Mode::WUSR,
            Self::Public => Mode::RUSR | Mode::WUSR | Mode::RGRP | Mode::ROTH,
        }
    }

    fn directory_mode(self) -> Mode {
        match self {
            Self::Secret => Mode::RWXU,
            Self::Public => Mode::RWXU | Mode::RGRP | Mode::XGRP | Mode::ROTH | Mode::XOTH,
        }
    }
}

/// What to do where a file of that name exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Overwrite {
    /// Refuse with [`DiskError::Exists`].
    #[default]
    Refuse,
    /// Replace it. The old file itself, with its mode and owner, stays as `NAME.TIMESTAMP.bak`
    /// (`NAME.TIMESTAMP-2.bak` and so on where that exists). The new one has the same owner and group, so that whoever
    /// reads it can go on; and the same mode, unless that is too lax for what is in it: for a secret what is beyond 0640,
    /// and what is beyond 0644 for all else.
    KeepBackup,
    /// Replace it, and keep nothing of the old one. It is kept as [`Overwrite::KeepBackup`] does until all files have their
    /// names; a process that is killed in between leaves that behind.
    Replace,
}

#[cfg(test)]
mod tests;
