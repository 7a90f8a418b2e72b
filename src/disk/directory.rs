//! Directories beneath a root, opened one from the other without following a symbolic link.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags};
use rustix::io::Errno;

use super::step::step;
use super::{DiskError, Secrecy};

/// How many directories are held open. A tree with several directories for each of thousands of
/// nodes must not exhaust the open files (1024 by default); neighbours are written one after the
/// other, so that few suffice.
const HELD_OPEN: usize = 64;

/// An open directory.
#[derive(Debug)]
pub(super) struct Directory {
    descriptor: OwnedFd,
    /// The number of its file system.
    pub(super) device: u64,
}

impl Directory {
    fn new(descriptor: OwnedFd, path: &Path) -> Result<Self, DiskError> {
        let stat = rustix::fs::fstat(&descriptor).map_err(DiskError::io("examine", path))?;
        Ok(Self { descriptor, device: stat.st_dev })
    }
}

impl AsFd for Directory {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }
}

/// The name of a directory: a root, which is trusted, and a path beneath it, which is not.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Place {
    // Not paths: those are compared and hashed component by component, which takes longer.
    root: OsString,
    relative: OsString,
}

impl Place {
    /// A directory; the root itself where `relative` is empty.
    pub(super) fn directory(root: &Path, relative: &Path) -> Result<Self, DiskError> {
        let mut beneath = PathBuf::new();
        for component in relative.components() {
            match component {
                Component::Normal(name) => beneath.push(name),
                Component::CurDir => {}
                _ => return Err(DiskError::OutsideRoot { path: relative.to_owned() }),
            }
        }
        let root = if root.as_os_str().is_empty() { OsStr::new(".") } else { root.as_os_str() };
        Ok(Self { root: root.to_owned(), relative: beneath.into_os_string() })
    }

    /// The directory of a file, and its name in there.
    pub(super) fn file(root: &Path, relative: &Path) -> Result<(Self, OsString), DiskError> {
        let whole = Self::directory(root, relative)?;
        if whole.relative.is_empty() {
            return Err(DiskError::OutsideRoot { path: relative.to_owned() });
        }
        whole.above().ok_or_else(|| DiskError::OutsideRoot { path: relative.to_owned() })
    }

    /// The directory above and the name in there; `None` for `/`, `.` and what ends in `..`.
    pub(super) fn above(&self) -> Option<(Self, OsString)> {
        let beneath = Path::new(&self.relative);
        if let (Some(parent), Some(name)) = (beneath.parent(), beneath.file_name()) {
            return Some((Self { root: self.root.clone(), relative: parent.into() }, name.to_owned()));
        }
        let root = Path::new(&self.root);
        let (parent, name) = (root.parent()?, root.file_name()?);
        let parent = if parent.as_os_str().is_empty() { OsStr::new(".") } else { parent.as_os_str() };
        Some((Self { root: parent.to_owned(), relative: OsString::new() }, name.to_owned()))
    }

    /// As a path.
    pub(super) fn path(&self) -> PathBuf {
        if self.relative.is_empty() {
            return PathBuf::from(&self.root);
        }
        Path::new(&self.root).join(&self.relative)
    }
}

/// The directories that are open, up to [`HELD_OPEN`], and those that were created: when dropped,
/// the empty ones are removed again unless [`Directories::keep_created`] was called.
#[derive(Debug, Default)]
pub(super) struct Directories {
    open: HashMap<Place, (u64, Arc<Directory>)>,
    uses: u64,
    created: Vec<(Place, OsString)>,
}

impl Directories {
    /// Opens a directory that exists.
    pub(super) fn open(&mut self, place: &Place) -> Result<Arc<Directory>, DiskError> {
        self.uses += 1;
        if let Some((used, directory)) = self.open.get_mut(place) {
            *used = self.uses;
            return Ok(Arc::clone(directory));
        }
        let directory = if place.relative.is_empty() {
            let path = Path::new(&place.root);
            let opened = open_directory(CWD, &place.root, OFlags::empty()).map_err(|errno| match errno {
                Errno::NOTDIR => DiskError::NotADirectory { path: path.to_owned() },
                errno => DiskError::io("open the directory", path)(errno),
            })?;
            Directory::new(opened, path)?
        } else {
            let Some((above, name)) = place.above() else {
                return Err(DiskError::OutsideRoot { path: place.path() });
            };
            open_beneath(&*self.open(&above)?, &name, &place.path())?
        };
        Ok(self.remember(place, directory))
    }

    /// Opens a directory, or the deepest one above it that exists.
    pub(super) fn open_nearest(&mut self, place: &Place) -> Result<(Place, Arc<Directory>), DiskError> {
        let mut place = place.clone();
        loop {
            match self.open(&place) {
                Ok(directory) => return Ok((place, directory)),
                Err(error) if error.is_missing() => match place.above() {
                    Some((above, _)) => place = above,
                    None => return Err(error),
                },
                Err(error) => return Err(error),
            }
        }
    }

    /// Opens a directory, having created it and those above it where they are missing.
    /// `secrecy` is asked for the mode of each that is created.
    pub(super) fn create(
        &mut self,
        place: &Place,
        secrecy: &impl Fn(&Path) -> Secrecy,
    ) -> Result<Arc<Directory>, DiskError> {
        let missing = match self.open(place) {
            Err(error) if error.is_missing() => error,
            outcome => return outcome,
        };
        let Some((above, name)) = place.above() else { return Err(missing) };
        let parent = self.create(&above, secrecy)?;
        let path = place.path();
        step().map_err(DiskError::io("create the directory", &path))?;
        match rustix::fs::mkdirat(&*parent, &name, secrecy(&path).directory_mode()) {
            Ok(()) => self.created.push((above, name.clone())),
            // Somebody else was faster, or it is a symbolic link to nowhere: that is refused below.
            Err(Errno::EXIST) => {}
            Err(errno) => return Err(DiskError::io("create the directory", &path)(errno)),
        }
        let directory = open_beneath(&parent, &name, &path)?;
        Ok(self.remember(place, directory))
    }

    /// The directories in which something was created by [`Directories::create`], which are to be
    /// synced; one may occur several times.
    pub(super) fn parents_of_created(&self) -> impl Iterator<Item = &Place> {
        self.created.iter().map(|(parent, _)| parent)
    }

    /// Removes those of the created directories that are empty.
    pub(super) fn remove_created(&mut self) {
        for (parent, name) in std::mem::take(&mut self.created).into_iter().rev() {
            if let Ok(directory) = self.open(&parent) {
                let _ = rustix::fs::unlinkat(&*directory, &name, AtFlags::REMOVEDIR);
            }
        }
        self.open.clear();
    }

    /// From now on the created directories stay.
    pub(super) fn keep_created(&mut self) {
        self.created.clear();
    }

    fn remember(&mut self, place: &Place, directory: Directory) -> Arc<Directory> {
        if self.open.len() >= HELD_OPEN {
            let oldest = self.open.iter().min_by_key(|(_, (used, _))| *used).map(|(place, _)| place.clone());
            if let Some(oldest) = oldest {
                self.open.remove(&oldest);
            }
        }
        let directory = Arc::new(directory);
        self.open.insert(place.clone(), (self.uses, Arc::clone(&directory)));
        directory
    }
}

impl Drop for Directories {
    fn drop(&mut self) {
        self.remove_created();
    }
}

fn open_directory(parent: BorrowedFd<'_>, name: &OsStr, extra: OFlags) -> rustix::io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC | extra;
    rustix::io::retry_on_intr(|| rustix::fs::openat(parent, name, flags, Mode::empty()))
}

fn open_beneath(parent: &Directory, name: &OsStr, path: &Path) -> Result<Directory, DiskError> {
    let opened = open_directory(parent.as_fd(), name, OFlags::NOFOLLOW).map_err(|errno| {
        // For a symbolic link, ENOTDIR is answered as well (`open(2)`).
        match (errno, file_type(parent, name)) {
            (Errno::NOTDIR | Errno::LOOP, Ok(Some(FileType::Symlink))) => {
                DiskError::Symlink { path: path.to_owned() }
            }
            (Errno::NOTDIR | Errno::LOOP, _) => DiskError::NotADirectory { path: path.to_owned() },
            (errno, _) => DiskError::io("open the directory", path)(errno),
        }
    })?;
    Directory::new(opened, path)
}

/// What a name stands for, itself rather than what a link points at; `None` where there is nothing.
pub(super) fn file_type(parent: &Directory, name: &OsStr) -> rustix::io::Result<Option<FileType>> {
    match rustix::fs::statat(parent, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => Ok(Some(FileType::from_raw_mode(stat.st_mode))),
        Err(Errno::NOENT) => Ok(None),
        Err(errno) => Err(errno),
    }
}
