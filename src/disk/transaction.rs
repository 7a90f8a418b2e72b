//! Several files that become visible together, after all of them are durable.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rayon::prelude::*;

use super::append_log::AppendLog;
use super::directory::{Directories, Directory, Place, sync_device, sync_directory};
use super::lane::{Lane, Staged, check_destination};
use super::staged::{self, Body};
use super::{DiskError, Overwrite, Secrecy};

/// Several files that become visible together, after all of them are durable.
///
/// Dropped without [`Transaction::commit`], it leaves no trace.
#[derive(Debug)]
pub struct Transaction {
    overwrite: Overwrite,
    timestamp: String,
    /// Whether files without a name are tried; false only in the tests.
    pub(super) unnamed: bool,
    state: Mutex<State>,
}

/// When a file appears, among those of one transaction.
///
/// Files of an earlier phase appear before all of a later one. Within a phase, those of one directory
/// appear in their order; files of different directories may appear in any order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Rank {
    /// The phase.
    pub phase: u32,
    /// The order within the phase.
    pub order: u32,
}

impl From<u32> for Rank {
    /// A phase of its own.
    fn from(phase: u32) -> Self {
        Self { phase, order: 0 }
    }
}

#[derive(Debug, Default)]
struct State {
    directories: Directories,
    /// Modes of directories by path, other than 0755.
    modes: HashMap<PathBuf, Secrecy>,
    wanted: Vec<Place>,
    paths: HashSet<PathBuf>,
    /// Directories beneath a root that were looked for and are missing, and the deepest above that is not.
    absent: HashMap<Place, Place>,
    staged: Vec<Staged>,
    devices: Vec<Device>,
    /// The same files, once they are committed.
    lanes: Vec<Lane>,
}

/// A file system, by a directory in it that was opened before anything was written there: `syncfs`
/// reports the errors since the descriptor was opened.
#[derive(Debug)]
struct Device {
    number: u64,
    place: Place,
    directory: Arc<Directory>,
}

/// What a transaction did.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Committed {
    /// The files that were written, in the order in which they appeared.
    pub files: Vec<PathBuf>,
    /// Where the files that were replaced are now.
    pub backups: Vec<PathBuf>,
}

impl Default for Transaction {
    fn default() -> Self {
        Self::new()
    }
}

impl Transaction {
    /// A transaction that overwrites nothing.
    pub fn new() -> Self {
        Self::with_overwrite(Overwrite::Refuse, "")
    }

    /// A transaction that treats existing files as told. `timestamp` becomes part of the names of
    /// the backups and is used for nothing else; it must not contain a slash.
    pub fn with_overwrite(overwrite: Overwrite, timestamp: &str) -> Self {
        Self { overwrite, timestamp: timestamp.to_owned(), unnamed: true, state: Mutex::default() }
    }

    /// Asks for a directory beneath `root` (the root itself where `relative` is empty), with mode
    /// 0755 or 0700. It is created by [`Transaction::commit`] if it is missing; one that exists
    /// stays as it is. Directories that are never asked for are created with 0755 when a file needs
    /// them.
    ///
    /// # Errors
    ///
    /// [`DiskError::OutsideRoot`].
    pub fn directory(&self, root: &Path, relative: &Path, secrecy: Secrecy) -> Result<(), DiskError> {
        let place = Place::directory(root, relative)?;
        let mut state = self.state();
        state.modes.insert(place.path(), secrecy);
        state.wanted.push(place);
        Ok(())
    }

    /// Writes a file that becomes visible with [`Transaction::commit`]. May be called from several
    /// threads at once; the files appear in the order of these calls.
    ///
    /// # Errors
    ///
    /// [`DiskError::Exists`] unless the file may be replaced, [`DiskError::StagedTwice`],
    /// [`DiskError::OutsideRoot`], [`DiskError::Symlink`], [`DiskError::NotADirectory`],
    /// [`DiskError::NotRegular`], [`DiskError::Io`].
    pub fn stage(
        &self,
        root: &Path,
        relative: &Path,
        contents: &[u8],
        secrecy: Secrecy,
    ) -> Result<(), DiskError> {
        self.stage_ranked(Rank::default(), root, relative, contents, secrecy)
    }

    /// The same, with a rank: files of a lower one appear earlier, whichever thread staged them, as
    /// far as [`Rank`] says. A process that is killed while names are given leaves a beginning of
    /// that order.
    ///
    /// # Errors
    ///
    /// As [`Transaction::stage`].
    pub fn stage_ranked(
        &self,
        rank: impl Into<Rank>,
        root: &Path,
        relative: &Path,
        contents: &[u8],
        secrecy: Secrecy,
    ) -> Result<(), DiskError> {
        let (place, name) = Place::file(root, relative)?;
        let path = place.file_path(&name);
        let (nearest, directory) = self.state().begin(&place, &path)?;
        match self.write((nearest, &directory), &place, &name, &path, (contents, secrecy)) {
            Ok(body) => {
                self.state().staged.push(Staged { rank: rank.into(), place, name, body });
                Ok(())
            }
            Err(error) => {
                self.state().paths.remove(&path);
                Err(error)
            }
        }
    }

    fn write(
        &self,
        (nearest, directory): (Place, &Directory),
        place: &Place,
        name: &OsStr,
        path: &Path,
        (contents, secrecy): (&[u8], Secrecy),
    ) -> Result<Body, DiskError> {
        if nearest == *place {
            check_destination(self.overwrite, directory, name, path)?;
        }
        // Missing directories are created by `commit`, so that nothing at all is visible before.
        staged::write((nearest, directory), contents, secrecy.file_mode(), self.unnamed)
            .map_err(DiskError::io("write", path))
    }

    /// Appends the lines to the logs, makes everything durable, and gives the files their names.
    ///
    /// In this order: missing directories are created; the lines are appended; lines and files are
    /// synced, by one `syncfs` for each file system; the files get their names; their directories
    /// are synced. So a file is never visible without its lines, wherever the process is killed.
    ///
    /// On an error the names given so far are taken back and the backups restored. The logs are cut
    /// back as well, unless names were already being given: somebody may have seen a file by then,
    /// so its lines stay.
    ///
    /// # Errors
    ///
    /// As [`Transaction::stage`] and [`AppendLog::append`].
    pub fn commit(mut self, mut logs: Vec<(&mut AppendLog, Vec<u8>)>) -> Result<Committed, DiskError> {
        let overwrite = self.overwrite;
        // On every early return, dropping `self` takes back what was done.
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        state.prepare(overwrite)?;
        let durable = append_all(&mut logs).and_then(|()| state.sync_contents(&mut logs));
        if let Err(error) = durable {
            for (log, _) in &mut logs {
                log.take_back();
            }
            return Err(error);
        }
        state.give_names(overwrite, &self.timestamp)?;
        state.sync_directories()?;
        if overwrite == Overwrite::Replace {
            state.lanes.iter_mut().for_each(Lane::forget_backups);
        }
        Ok(state.keep())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Transaction {
    fn drop(&mut self) {
        self.state.get_mut().unwrap_or_else(PoisonError::into_inner).undo();
    }
}

fn append_all(logs: &mut [(&mut AppendLog, Vec<u8>)]) -> Result<(), DiskError> {
    logs.iter_mut().try_for_each(|(log, lines)| log.write(lines))
}

impl State {
    /// Reserves the path, and opens the directory, or the deepest one above it that exists.
    fn begin(&mut self, place: &Place, path: &Path) -> Result<(Place, Arc<Directory>), DiskError> {
        if !self.paths.insert(path.to_owned()) {
            return Err(DiskError::StagedTwice { path: path.to_owned() });
        }
        let opened = self.open_nearest(place);
        if opened.is_err() {
            self.paths.remove(path);
        }
        opened
    }

    fn open_nearest(&mut self, place: &Place) -> Result<(Place, Arc<Directory>), DiskError> {
        let top = place.top();
        // Looked for once: in a new cluster, the directories of thousands of nodes are missing. One that
        // appears meanwhile is found by `prepare`.
        let known = top.as_ref().and_then(|top| self.absent.get(top));
        let (nearest, directory) = self.directories.open_nearest(known.unwrap_or(place))?;
        if let Some(top) = top.filter(|_| known.is_none() && nearest.top().is_none()) {
            self.absent.insert(top, nearest.clone());
        }
        self.remember_device(&nearest, &directory)?;
        Ok((nearest, directory))
    }

    fn remember_device(&mut self, place: &Place, directory: &Arc<Directory>) -> Result<(), DiskError> {
        let device = directory.device().map_err(|error| DiskError::io("examine", &place.path())(error))?;
        if !self.knows_device(device) {
            self.devices.push(Device {
                number: device,
                place: place.clone(),
                directory: Arc::clone(directory),
            });
        }
        Ok(())
    }

    fn knows_device(&self, number: u64) -> bool {
        self.devices.iter().any(|known| known.number == number)
    }

    /// Creates the missing directories and looks once more whether the names are free, before
    /// anything is recorded in a log.
    fn prepare(&mut self, overwrite: Overwrite) -> Result<(), DiskError> {
        let modes = std::mem::take(&mut self.modes);
        let secrecy = |path: &Path| modes.get(path).copied().unwrap_or(Secrecy::Public);
        for place in std::mem::take(&mut self.wanted) {
            let directory = self.directories.create(&place, &secrecy)?;
            self.remember_device(&place, &directory)?;
        }
        self.lanes = Lane::divide(std::mem::take(&mut self.staged));
        if let [lane] = self.lanes.as_mut_slice() {
            lane.adopt(std::mem::take(&mut self.directories));
            return lane.prepare(overwrite, &secrecy);
        }
        // What they share is there before they part.
        let roots: HashSet<Place> = self.lanes.iter().flat_map(Lane::roots).collect();
        for root in roots {
            self.directories.create(&root, &secrecy)?;
        }
        self.lanes.par_iter_mut().try_for_each(|lane| lane.prepare(overwrite, &secrecy))
    }

    fn sync_contents(&self, logs: &mut [(&mut AppendLog, Vec<u8>)]) -> Result<(), DiskError> {
        self.sync_devices()?;
        for (log, _) in logs {
            if !self.knows_device(log.device()) {
                log.sync_device()?;
            }
            log.now_durable();
        }
        Ok(())
    }

    fn sync_devices(&self) -> Result<(), DiskError> {
        self.devices.iter().try_for_each(|device| sync_device(&device.directory, &device.place.path()))
    }

    fn give_names(&mut self, overwrite: Overwrite, timestamp: &str) -> Result<(), DiskError> {
        let phases: BTreeSet<u32> = self.lanes.iter().flat_map(Lane::phases).collect();
        for phase in phases {
            if let [lane] = self.lanes.as_mut_slice() {
                lane.give_names(phase, overwrite, timestamp)?;
            } else {
                let lanes = self.lanes.par_iter_mut();
                lanes.try_for_each(|lane| lane.give_names(phase, overwrite, timestamp))?;
            }
        }
        Ok(())
    }

    fn sync_directories(&mut self) -> Result<(), DiskError> {
        let lanes = self.lanes.iter().flat_map(Lane::touched);
        let mut touched = lanes.chain(self.directories.parents_of_created());
        let Some(first) = touched.next().cloned() else { return Ok(()) };
        let several = touched.any(|place| *place != first);
        drop(touched);
        // On ext4, syncing a directory costs a commit of the journal, one for each; a second
        // `syncfs` costs one for all of them (measured: 8 directories in 36 ms, `syncfs` in 7 ms).
        if several {
            return self.sync_devices();
        }
        sync_directory(&*self.directories.open(&first)?, &first.path())
    }

    /// What was done stays.
    fn keep(&mut self) -> Committed {
        let mut files: Vec<_> = self.lanes.iter_mut().flat_map(Lane::keep).collect();
        files.sort_by_key(|(rank, ..)| *rank);
        self.directories.keep_created();
        let mut committed = Committed::default();
        for (_, path, backup) in files {
            committed.files.push(path);
            committed.backups.extend(backup);
        }
        committed
    }

    /// Takes back everything, as far as possible.
    fn undo(&mut self) {
        // After an error before the files were divided, there is one lane of them.
        let staged = std::mem::take(&mut self.staged);
        if !staged.is_empty() {
            self.lanes.extend(Lane::divide(staged));
        }
        self.lanes.iter_mut().for_each(Lane::undo);
        self.directories.remove_created();
    }
}
