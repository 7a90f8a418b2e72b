//! A file of lines that only grows, under an exclusive lock.

use std::ffi::OsString;
use std::fs::File;
use std::io::Write;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{AtFlags, FileType, FlockOperation, OFlags};
use rustix::io::Errno;

use super::directory::{Directories, Directory, Place, sync_device};
use super::step::step;
use super::{DiskError, Secrecy, staged};

/// The longest line, in bytes. It bounds what is searched for the beginning of the last line, and
/// what is taken for a torn line: of a large file that is no log, nothing is cut off.
const LONGEST_LINE: u64 = 1 << 20;

/// How much is read at a time when searching backwards.
const CHUNK: usize = 4096;

/// How often a log is opened anew because another process removed or replaced it meanwhile.
const ATTEMPTS: u32 = 1000;

/// A file of lines that only grows. While it is open, it is under an exclusive lock (`flock(2)`).
///
/// A log that was created and is still empty when dropped is removed again.
#[derive(Debug)]
pub struct AppendLog {
    file: File,
    path: PathBuf,
    device: u64,
    directory: Arc<Directory>,
    name: OsString,
    /// The ways to the file: what was created for it, and what is removed again if nothing comes.
    directories: Directories,
    created: bool,
    /// Whether the names on the way to the file may not be durable yet.
    new: bool,
    torn: Vec<u8>,
    /// The length before the last write, until that is durable.
    former: Option<u64>,
}

impl AppendLog {
    /// Opens a log, creating it and the directories above it (0755) if they are missing, and waits
    /// until no other process holds it. (A thread that opens a log twice waits for itself.)
    ///
    /// If the last line has no newline, the process that wrote it was killed in the act, and nothing
    /// that depends on the line can have left it: the line is cut off. See [`AppendLog::torn`].
    ///
    /// # Errors
    ///
    /// [`DiskError::OutsideRoot`], [`DiskError::Symlink`], [`DiskError::NotADirectory`],
    /// [`DiskError::NotRegular`], [`DiskError::NotALine`] where the file cannot be a log,
    /// [`DiskError::Io`].
    pub fn open(root: &Path, relative: &Path, secrecy: Secrecy) -> Result<Self, DiskError> {
        let (place, name) = Place::file(root, relative)?;
        let path = place.path().join(&name);
        for _ in 0..ATTEMPTS {
            let mut directories = Directories::default();
            let directory = directories.create(&place, &|_: &Path| Secrecy::Public)?;
            let Some((file, created)) = open_locked(&directory, &name, &path, secrecy)? else {
                continue;
            };
            let metadata = file.metadata().map_err(DiskError::io("examine", &path))?;
            let mut log = Self {
                device: metadata.dev(),
                new: created || metadata.len() == 0,
                created,
                file,
                path,
                directory,
                name,
                directories,
                torn: Vec::new(),
                former: None,
            };
            log.cut_torn_line(metadata.len())?;
            return Ok(log);
        }
        Err(DiskError::io("lock", &path)(Errno::AGAIN))
    }

    /// The last line, without its newline; `None` in an empty log. Only the end of the file is read.
    ///
    /// # Errors
    ///
    /// [`DiskError::NotALine`], [`DiskError::Io`].
    pub fn last_line(&self) -> Result<Option<Vec<u8>>, DiskError> {
        let length = self.length()?;
        let Some(end) = length.checked_sub(1) else { return Ok(None) };
        let start = self.start_of_line(end)?;
        self.read(start, end).map(Some)
    }

    /// Appends lines, each with its newline, and returns when they are durable. On an error, the
    /// log has its former length.
    ///
    /// # Errors
    ///
    /// [`DiskError::NotALine`] where the last newline is missing or a line is longer than 1 MiB,
    /// [`DiskError::Io`].
    pub fn append(&mut self, lines: &[u8]) -> Result<(), DiskError> {
        let outcome = self.write(lines).and_then(|()| self.sync());
        match outcome {
            Ok(()) => self.now_durable(),
            Err(_) => self.take_back(),
        }
        outcome
    }

    /// The torn line that was cut off when the log was opened; empty if there was none.
    pub fn torn(&self) -> &[u8] {
        &self.torn
    }

    /// Where the log is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Appends lines that are not yet durable.
    pub(super) fn write(&mut self, lines: &[u8]) -> Result<(), DiskError> {
        let too_long = |line: &[u8]| u64::try_from(line.len()).is_ok_and(|length| length > LONGEST_LINE);
        if lines.last().is_some_and(|last| *last != b'\n') || lines.split(|b| *b == b'\n').any(too_long) {
            return Err(self.not_a_line());
        }
        let length = self.length()?;
        self.former.get_or_insert(length);
        step().and_then(|()| self.file.write_all(lines)).map_err(DiskError::io("append to", &self.path))
    }

    /// Cuts off what was written since the log was last durable.
    pub(super) fn take_back(&mut self) {
        if let Some(former) = self.former.take() {
            // As far as possible: it happens after an error, and that one is reported.
            let _ = self.file.set_len(former);
        }
    }

    /// What was written is durable.
    pub(super) fn now_durable(&mut self) {
        self.former = None;
        self.new = false;
        self.directories.keep_created();
    }

    pub(super) fn device(&self) -> u64 {
        self.device
    }

    /// Writes out everything in the log's file system.
    pub(super) fn sync_device(&self) -> Result<(), DiskError> {
        sync_device(&self.file, &self.path)
    }

    fn sync(&self) -> Result<(), DiskError> {
        if self.new {
            // Syncing a file does not make its name durable (`fsync(2)`), nor the names above it.
            return self.sync_device();
        }
        step().and_then(|()| self.file.sync_data()).map_err(DiskError::io("sync", &self.path))
    }

    fn cut_torn_line(&mut self, length: u64) -> Result<(), DiskError> {
        let start = self.start_of_line(length)?;
        if start < length {
            self.torn = self.read(start, length)?;
            self.file.set_len(start).map_err(DiskError::io("cut the torn last line off", &self.path))?;
        }
        Ok(())
    }

    /// Where the line begins that ends before `end`: after the last newline before it.
    fn start_of_line(&self, end: u64) -> Result<u64, DiskError> {
        let mut chunk = [0; CHUNK];
        let mut position = end;
        while position > 0 {
            let start = position.saturating_sub(CHUNK as u64);
            let part = usize::try_from(position - start).ok().and_then(|length| chunk.get_mut(..length));
            let part = part.unwrap_or_default();
            self.file.read_exact_at(part, start).map_err(DiskError::io("read", &self.path))?;
            let newline = part.iter().rposition(|byte| *byte == b'\n');
            let beginning = newline.map_or(start, |newline| start + newline as u64 + 1);
            if end - beginning > LONGEST_LINE {
                return Err(self.not_a_line());
            }
            if newline.is_some() {
                return Ok(beginning);
            }
            position = start;
        }
        Ok(0)
    }

    fn read(&self, start: u64, end: u64) -> Result<Vec<u8>, DiskError> {
        let length = usize::try_from(end.saturating_sub(start)).map_err(|_| self.not_a_line())?;
        let mut bytes = vec![0; length];
        self.file.read_exact_at(&mut bytes, start).map_err(DiskError::io("read", &self.path))?;
        Ok(bytes)
    }

    fn length(&self) -> Result<u64, DiskError> {
        Ok(self.file.metadata().map_err(DiskError::io("examine", &self.path))?.len())
    }

    fn not_a_line(&self) -> DiskError {
        DiskError::NotALine { path: self.path.clone(), limit: LONGEST_LINE }
    }
}

impl Drop for AppendLog {
    fn drop(&mut self) {
        // It is still locked: whoever waits for it sees that it is gone, and creates it anew.
        if self.created && self.file.metadata().is_ok_and(|metadata| metadata.len() == 0) {
            staged::remove(&self.directory, &self.name);
        }
    }
}

/// Opens or creates the file, and locks it. `None` where it was removed or replaced meanwhile.
fn open_locked(
    directory: &Directory,
    name: &OsString,
    path: &Path,
    secrecy: Secrecy,
) -> Result<Option<(File, bool)>, DiskError> {
    // Without NONBLOCK, opening a pipe might wait.
    let flags = OFlags::RDWR
        | OFlags::APPEND
        | OFlags::NOFOLLOW
        | OFlags::NONBLOCK
        | OFlags::NOCTTY
        | OFlags::CLOEXEC;
    let open = |extra| {
        let mode = secrecy.file_mode();
        rustix::io::retry_on_intr(|| rustix::fs::openat(directory, name, flags | extra, mode))
    };
    let (file, created) = match open(OFlags::empty()) {
        Ok(file) => (file, false),
        Err(Errno::NOENT) => {
            step().map_err(DiskError::io("create", path))?;
            match open(OFlags::CREATE | OFlags::EXCL) {
                Ok(file) => (file, true),
                // Somebody else was faster, or has removed the directory.
                Err(Errno::EXIST | Errno::NOENT) => return Ok(None),
                Err(errno) => return Err(DiskError::io("create", path)(errno)),
            }
        }
        Err(Errno::LOOP) => return Err(DiskError::Symlink { path: path.to_owned() }),
        Err(Errno::ISDIR | Errno::NXIO) => return Err(DiskError::NotRegular { path: path.to_owned() }),
        Err(errno) => return Err(DiskError::io("open", path)(errno)),
    };
    let mine = rustix::fs::fstat(&file).map_err(DiskError::io("examine", path))?;
    if FileType::from_raw_mode(mine.st_mode) != FileType::RegularFile {
        return Err(DiskError::NotRegular { path: path.to_owned() });
    }
    rustix::io::retry_on_intr(|| rustix::fs::flock(&file, FlockOperation::LockExclusive))
        .map_err(DiskError::io("lock", path))?;
    match rustix::fs::statat(directory, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) if (stat.st_dev, stat.st_ino) == (mine.st_dev, mine.st_ino) => {
            Ok(Some((File::from(file), created)))
        }
        Ok(_) | Err(Errno::NOENT) => Ok(None),
        Err(errno) => Err(DiskError::io("examine", path)(errno)),
    }
}
