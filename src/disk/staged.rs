//! A file that is written but not yet visible, and how it gets its name.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{self, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Once, OnceLock};

use rustix::fs::{Access, AtFlags, CWD, Gid, Mode, OFlags, RenameFlags, Stat, Uid};
use rustix::io::Errno;
use rustix::process::{Resource, getrlimit, setrlimit};

use super::DiskError;
use super::directory::{Directories, Directory, Place};
use super::step::step;

/// How often a random name is tried anew. A clash of 64 random bits is no accident.
const ATTEMPTS: u32 = 16;

/// The contents of a staged file.
#[derive(Debug)]
pub(super) enum Body {
    /// In a file without a name.
    Unnamed { file: OwnedFd, _slot: Slot },
    /// In a file with a temporary name.
    Named { place: Place, name: OsString },
}

/// Writes the contents into a file that is not visible, in the file system of `directory`.
/// With `unnamed` false, a temporary name is used from the start.
pub(super) fn write(
    (place, directory): (Place, &Directory),
    contents: &[u8],
    mode: Mode,
    unnamed: bool,
) -> io::Result<Body> {
    if unnamed && let Some((file, slot)) = open_unnamed(directory, mode)? {
        let mut file = File::from(file);
        file.write_all(contents)?;
        return Ok(Body::Unnamed { file: file.into(), _slot: slot });
    }
    let (file, name) = open_named(directory, mode)?;
    File::from(file).write_all(contents).inspect_err(|_| remove(directory, &name))?;
    Ok(Body::Named { place, name })
}

/// `None` where the file system has no files without a name, where no name could be given to them
/// later, or where too many are open.
fn open_unnamed(directory: &Directory, mode: Mode) -> io::Result<Option<(OwnedFd, Slot)>> {
    static PROC: OnceLock<bool> = OnceLock::new();
    if !*PROC.get_or_init(|| rustix::fs::access("/proc/self/fd", Access::EXEC_OK).is_ok()) {
        return Ok(None);
    }
    let Some(slot) = Slot::take() else { return Ok(None) };
    let flags = OFlags::WRONLY | OFlags::TMPFILE | OFlags::CLOEXEC;
    match rustix::io::retry_on_intr(|| rustix::fs::openat(directory, ".", flags, mode)) {
        Ok(file) => Ok(Some((file, slot))),
        // What file systems and kernels without O_TMPFILE answer (`open(2)`), and: too many files.
        Err(
            Errno::OPNOTSUPP
            | Errno::ISDIR
            | Errno::NOENT
            | Errno::INVAL
            | Errno::NOSYS
            | Errno::MFILE
            | Errno::NFILE,
        ) => Ok(None),
        Err(errno) => Err(errno.into()),
    }
}

fn open_named(directory: &Directory, mode: Mode) -> io::Result<(OwnedFd, OsString)> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    for _ in 0..ATTEMPTS {
        let name = temporary_name();
        match rustix::io::retry_on_intr(|| rustix::fs::openat(directory, &name, flags, mode)) {
            Ok(file) => return Ok((file, name)),
            Err(Errno::EXIST) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
    Err(Errno::EXIST.into())
}

/// `.kpki-` and 64 random bits. They only have to differ: the file is created with `O_EXCL`.
fn temporary_name() -> OsString {
    // The standard library seeds this from the operating system.
    format!(".kpki-{:016x}.tmp", RandomState::new().build_hasher().finish()).into()
}

/// Where a file is to appear.
pub(super) struct Target<'a> {
    pub(super) directory: &'a Directory,
    pub(super) name: &'a OsStr,
    /// The same for error messages.
    pub(super) path: &'a Path,
}

impl Body {
    /// Gives the file its name, which must be free.
    pub(super) fn name(&self, directories: &mut Directories, target: &Target<'_>) -> Result<(), DiskError> {
        let outcome = match self {
            Self::Unnamed { file, .. } => link_unnamed(file, target.directory, target.name),
            Self::Named { place, name } => {
                let source = directories.open(place)?;
                rename_to_free((&source, name), (target.directory, target.name), RenameFlags::NOREPLACE)
            }
        };
        outcome.map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => DiskError::Exists { path: target.path.to_owned() },
            _ => DiskError::io("create", target.path)(error),
        })
    }

    /// Puts the file in the place of another, whose owner and mode it takes on: whoever reads the one must be able to
    /// read the other.
    pub(super) fn replace(
        &self,
        directories: &mut Directories,
        target: &Target<'_>,
    ) -> Result<(), DiskError> {
        self.take_on(directories, target)?;
        let to = (target.directory, target.name);
        match self {
            // Linking replaces nothing, and only what has a name can be renamed.
            Self::Unnamed { file, .. } => {
                let temporary = temporary_name();
                link_unnamed(file, target.directory, &temporary).and_then(|()| {
                    rename_over((target.directory, &temporary), to)
                        .inspect_err(|_| remove(target.directory, &temporary))
                })
            }
            Self::Named { place, name } => rename_over((&*directories.open(place)?, name), to),
        }
        .map_err(DiskError::io("replace", target.path))
    }

    /// Gives the file the owner and group of the one at `target`, and its mode: of what is secret where that is no laxer
    /// than 0640, of what is public as far as 0644 goes.
    fn take_on(&self, directories: &mut Directories, target: &Target<'_>) -> Result<(), DiskError> {
        let old = rustix::fs::statat(target.directory, target.name, AtFlags::SYMLINK_NOFOLLOW)
            .map_err(DiskError::io("examine", target.path))?;
        match self {
            Self::Unnamed { file, .. } => take_on(file, &old, target.path),
            Self::Named { place, name } => {
                let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
                let file = rustix::fs::openat(&*directories.open(place)?, name, flags, Mode::empty());
                take_on(&file.map_err(DiskError::io("examine", target.path))?, &old, target.path)
            }
        }
    }

    /// Removes the temporary name, if there is one.
    pub(super) fn discard(&self, directories: &mut Directories) {
        if let Self::Named { place, name } = self
            && let Ok(directory) = directories.open(place)
        {
            remove(&directory, name);
        }
    }
}

fn take_on(file: &OwnedFd, old: &Stat, path: &Path) -> Result<(), DiskError> {
    let new = rustix::fs::fstat(file).map_err(DiskError::io("examine", path))?;
    if (new.st_uid, new.st_gid) != (old.st_uid, old.st_gid) {
        let (uid, gid) = (Uid::from_raw(old.st_uid), Gid::from_raw(old.st_gid));
        rustix::fs::fchown(file, Some(uid), Some(gid)).map_err(DiskError::io("keep the owner of", path))?;
    }
    let (was, is) = (old.st_mode & 0o777, new.st_mode & 0o777);
    let mode = match is & 0o077 {
        0 if was & 0o137 == 0 => was,
        0 => return Ok(()),
        _ => was & 0o644 | 0o400,
    };
    if mode != is {
        rustix::fs::fchmod(file, Mode::from_raw_mode(mode))
            .map_err(DiskError::io("keep the mode of", path))?;
    }
    Ok(())
}

/// Removes a name as far as possible: it happens after an error, and that one is reported.
pub(super) fn remove(directory: &Directory, name: &OsStr) {
    let _ = rustix::fs::unlinkat(directory, name, AtFlags::empty());
}

/// By the descriptor itself where the kernel allows that to this process (`linkat(2)`: with a capability, and since
/// Linux 6.10 to whoever opened the file), and by its name in `/proc` where it does not: ENOENT.
fn link_unnamed(file: &OwnedFd, directory: &Directory, name: &OsStr) -> io::Result<()> {
    static BY_DESCRIPTOR: AtomicBool = AtomicBool::new(true);
    step()?;
    if BY_DESCRIPTOR.load(Ordering::Relaxed) {
        match rustix::fs::linkat(file, "", directory, name, AtFlags::EMPTY_PATH) {
            Err(Errno::NOENT) => BY_DESCRIPTOR.store(false, Ordering::Relaxed),
            outcome => return Ok(outcome?),
        }
    }
    let link = format!("/proc/self/fd/{}", file.as_raw_fd());
    Ok(rustix::fs::linkat(CWD, link, directory, name, AtFlags::SYMLINK_FOLLOW)?)
}

/// A directory and a name in there.
type At<'a> = (&'a Directory, &'a OsStr);

fn rename_over(from: At<'_>, to: At<'_>) -> io::Result<()> {
    step()?;
    Ok(rustix::fs::renameat(from.0, from.1, to.0, to.1)?)
}

/// Renames without replacing anything, also where the file system cannot do that in one step.
fn rename_to_free(from: At<'_>, to: At<'_>, flags: RenameFlags) -> io::Result<()> {
    step()?;
    match rustix::fs::renameat_with(from.0, from.1, to.0, to.1, flags) {
        Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
            rustix::fs::linkat(from.0, from.1, to.0, to.1, AtFlags::empty())?;
            let unlinked = step().and_then(|()| Ok(rustix::fs::unlinkat(from.0, from.1, AtFlags::empty())?));
            unlinked.inspect_err(|_| remove(to.0, to.1))
        }
        outcome => Ok(outcome?),
    }
}

/// The right to hold one more file without a name open.
///
/// Counted over the process, because the limit is the process's. A quarter of it, at least 128,
/// is left for everything else, to begin with the directories held open.
#[derive(Debug)]
pub(super) struct Slot(());

static HELD: AtomicU64 = AtomicU64::new(0);

/// How many may be held. Asked for once, and once more after the limit was raised: three questions for each of
/// thousands of files take longer than the files.
static BUDGET: AtomicU64 = AtomicU64::new(UNKNOWN);
const UNKNOWN: u64 = u64::MAX;
static RAISED: Once = Once::new();

impl Slot {
    fn take() -> Option<Self> {
        let slot = Self(());
        let held = HELD.fetch_add(1, Ordering::Relaxed) + 1;
        if held <= budget() {
            return Some(slot);
        }
        RAISED.call_once(raise_limit);
        (held <= budget()).then_some(slot)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        HELD.fetch_sub(1, Ordering::Relaxed);
    }
}

fn budget() -> u64 {
    match BUDGET.load(Ordering::Relaxed) {
        UNKNOWN => ask_for_budget(),
        known => known,
    }
}

fn ask_for_budget() -> u64 {
    // `None` is: no limit.
    let limit = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    let budget = limit.saturating_sub((limit / 4).max(128));
    BUDGET.store(budget, Ordering::Relaxed);
    budget
}

/// Raises the soft limit of open files to the hard one, which every process may do
/// (`setrlimit(2)`).
fn raise_limit() {
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum {
        limit.current = limit.maximum;
        // Where it fails, temporary names are used.
        let _ = setrlimit(Resource::Nofile, limit);
        ask_for_budget();
    }
}
