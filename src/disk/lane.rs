//! What a commit does to one part of a transaction's files.
//!
//! A transaction of thousands of files is divided by the first directory beneath the root, and the parts are worked
//! on in parallel; two of them never touch the same directory but for the root. A small one is a single part.

use std::collections::{HashMap, VecDeque};
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, FileType};
use rustix::io::Errno;

use super::directory::{Directories, Directory, Place, file_type};
use super::staged::{self, Body, Target};
use super::step::step;
use super::{DiskError, Overwrite, Rank, Secrecy};

/// How many backups of one file with one timestamp there may be.
const BACKUPS: u32 = 100;

/// From how many files on a transaction is divided. Below it, threads cost more than they save.
const DIVIDED_FROM: usize = 512;

/// How many parts at most. Each holds directories open, and those of all must fit into what the files leave free.
const LANES: usize = 4;

/// A file that is written and has no name yet.
#[derive(Debug)]
pub(super) struct Staged {
    pub(super) rank: Rank,
    pub(super) place: Place,
    pub(super) name: OsString,
    pub(super) body: Body,
}

/// A name that was given.
#[derive(Debug)]
struct Given {
    rank: Rank,
    place: Place,
    name: OsString,
    backup: Option<OsString>,
}

/// A part of the files, in the order of their ranks.
#[derive(Debug, Default)]
pub(super) struct Lane {
    directories: Directories,
    staged: VecDeque<Staged>,
    given: Vec<Given>,
}

impl Lane {
    /// Divides the files by directory, or not at all where they are few.
    pub(super) fn divide(mut files: Vec<Staged>) -> Vec<Self> {
        files.sort_by_key(|staged| staged.rank);
        let total = files.len();
        let lanes = if total < DIVIDED_FROM { 1 } else { rayon::current_num_threads().clamp(1, LANES) };
        let mut divided: Vec<Self> = std::iter::repeat_with(Self::default).take(lanes).collect();
        let mut known: HashMap<Place, usize> = HashMap::new();
        for (at, staged) in files.into_iter().enumerate() {
            // The first file of a directory decides, so that neighbours share a lane.
            let top = if lanes > 1 { staged.place.top() } else { None };
            let slot = top.map_or(0, |top| *known.entry(top).or_insert(at * lanes / total));
            if let Some(lane) = divided.get_mut(slot) {
                lane.staged.push_back(staged);
            }
        }
        divided
    }

    /// Takes over the directories that are open or were created so far.
    pub(super) fn adopt(&mut self, directories: Directories) {
        self.directories = directories;
    }

    /// The roots of its files.
    pub(super) fn roots(&self) -> impl Iterator<Item = Place> {
        let mut last: Option<Place> = None;
        self.staged.iter().filter_map(move |staged| {
            let root = staged.place.root();
            (last.as_ref() != Some(&root)).then(|| last.insert(root).clone())
        })
    }

    /// The ranks' phases, each once.
    pub(super) fn phases(&self) -> impl Iterator<Item = u32> {
        let mut last = None;
        self.staged
            .iter()
            .map(|staged| staged.rank.phase)
            .filter(move |phase| last.replace(*phase) != Some(*phase))
    }

    /// Creates the missing directories and looks once more whether the names are free, before
    /// anything is recorded in a log.
    pub(super) fn prepare(
        &mut self,
        overwrite: Overwrite,
        secrecy: &impl Fn(&Path) -> Secrecy,
    ) -> Result<(), DiskError> {
        for Staged { place, name, .. } in &self.staged {
            // What appears in a fresh one from now on is refused when the file gets its name.
            if let Some(directory) =
                self.directories.ensure(place, secrecy)?.filter(|found| !found.is_fresh())
            {
                check_destination(overwrite, &directory, name, &place.file_path(name))?;
            }
        }
        Ok(())
    }

    /// Gives the files of a phase their names, in the order of their ranks.
    pub(super) fn give_names(
        &mut self,
        phase: u32,
        overwrite: Overwrite,
        timestamp: &str,
    ) -> Result<(), DiskError> {
        while let Some(staged) = self.staged.front().filter(|staged| staged.rank.phase == phase) {
            let directory = self.directories.open(&staged.place)?;
            let path = staged.place.file_path(&staged.name);
            let target = Target { directory: &directory, name: &staged.name, path: &path };
            let backup = match overwrite {
                Overwrite::Refuse => None,
                Overwrite::KeepBackup | Overwrite::Replace => keep_backup(&target, timestamp)?,
            };
            if let Some(backup) = &backup {
                let replaced = staged.body.replace(&mut self.directories, &target);
                replaced.inspect_err(|_| staged::remove(&directory, backup))?;
            } else {
                staged.body.name(&mut self.directories, &target)?;
            }
            if let Some(Staged { rank, place, name, .. }) = self.staged.pop_front() {
                self.given.push(Given { rank, place, name, backup });
            }
        }
        Ok(())
    }

    /// The directories whose names have changed; the same may occur several times.
    pub(super) fn touched(&self) -> impl Iterator<Item = &Place> {
        self.given.iter().map(|given| &given.place).chain(self.directories.parents_of_created())
    }

    /// Removes what was replaced. What cannot be removed stays.
    pub(super) fn forget_backups(&mut self) {
        for Given { place, backup, .. } in &mut self.given {
            if let Some(backup) = backup.take()
                && let Ok(directory) = self.directories.open(place)
            {
                staged::remove(&directory, &backup);
            }
        }
    }

    /// What was done stays. Every file with its rank, and where the one is that it replaced.
    pub(super) fn keep(&mut self) -> impl Iterator<Item = (Rank, PathBuf, Option<PathBuf>)> {
        self.directories.keep_created();
        std::mem::take(&mut self.given).into_iter().map(|Given { rank, place, name, backup }| {
            let path = place.file_path(name);
            let backup = backup.map(|backup| path.with_file_name(backup));
            (rank, path, backup)
        })
    }

    /// Takes back everything, as far as possible.
    pub(super) fn undo(&mut self) {
        for Given { place, name, backup, .. } in std::mem::take(&mut self.given).into_iter().rev() {
            let Ok(directory) = self.directories.open(&place) else { continue };
            if let Some(backup) = backup {
                let _ = rustix::fs::renameat(&*directory, &backup, &*directory, &name);
            } else {
                staged::remove(&directory, &name);
            }
        }
        for staged in std::mem::take(&mut self.staged) {
            staged.body.discard(&mut self.directories);
        }
        self.directories.remove_created();
    }
}

/// Whether a file of that name may be written.
pub(super) fn check_destination(
    overwrite: Overwrite,
    directory: &Directory,
    name: &OsStr,
    path: &Path,
) -> Result<(), DiskError> {
    let existing = file_type(directory, name).map_err(DiskError::io("examine", path))?;
    match (existing, overwrite) {
        (None, _) | (Some(FileType::RegularFile), Overwrite::KeepBackup | Overwrite::Replace) => Ok(()),
        (Some(FileType::Symlink), _) => Err(DiskError::Symlink { path: path.to_owned() }),
        (Some(_), Overwrite::Refuse) => Err(DiskError::Exists { path: path.to_owned() }),
        (Some(_), Overwrite::KeepBackup | Overwrite::Replace) => {
            Err(DiskError::NotRegular { path: path.to_owned() })
        }
    }
}

/// Gives a file that exists a second name; `None` where there is no such file.
fn keep_backup(target: &Target<'_>, timestamp: &str) -> Result<Option<OsString>, DiskError> {
    let Target { directory, name, path } = *target;
    let failed = |errno| DiskError::io("keep a backup of", path)(errno);
    for attempt in 1..=BACKUPS {
        let mut backup = name.to_owned();
        backup.push(".");
        backup.push(timestamp);
        if attempt > 1 {
            backup.push(format!("-{attempt}"));
        }
        backup.push(".bak");
        if Path::new(&backup).file_name() != Some(&backup) {
            return Err(DiskError::OutsideRoot { path: backup.into() });
        }
        step().map_err(DiskError::io("keep a backup of", path))?;
        match rustix::fs::linkat(directory, name, directory, &backup, AtFlags::empty()) {
            Ok(()) => return Ok(Some(backup)),
            Err(Errno::NOENT) => return Ok(None),
            Err(Errno::EXIST) => {}
            Err(errno) => return Err(failed(errno)),
        }
    }
    Err(failed(Errno::EXIST))
}
