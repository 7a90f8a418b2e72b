//! Directories beneath a root, opened one from the other without following a symbolic link.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, OnceLock};

use rustix::fs::{AtFlags, FileType, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;

use super::step::step;
use super::{DiskError, Secrecy};

/// How many directories are held open at a time by one [`Directories`]. A tree with several directories
/// for each of thousands of nodes must not exhaust the open files (1024 by default); neighbours are
/// written one after the other, so that few suffice.
const HELD_OPEN: usize = 24;

const DIRECTORY: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

/// An open directory.
#[derive(Debug)]
pub(super) struct Directory {
    descriptor: OwnedFd,
    device: OnceLock<u64>,
    fresh: bool,
}

impl Directory {
    fn new(descriptor: OwnedFd) -> Self {
        Self { descriptor, device: OnceLock::new(), fresh: false }
    }

    /// The number of its file system.
    pub(super) fn device(&self) -> io::Result<u64> {
        if let Some(known) = self.device.get() {
            return Ok(*known);
        }
        let device = rustix::fs::fstat(self)?.st_dev;
        Ok(*self.device.get_or_init(|| device))
    }

    /// Whether it was created a moment ago, by us: nothing is in there but what we put there, or what somebody
    /// else puts there at this very moment.
    pub(super) fn is_fresh(&self) -> bool {
        self.fresh
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

    /// The first directory beneath the root on the way to this one; `None` for the root itself.
    pub(super) fn top(&self) -> Option<Self> {
        let first = Path::new(&self.relative).components().next()?;
        Some(Self { root: self.root.clone(), relative: first.as_os_str().to_owned() })
    }

    /// The root alone.
    pub(super) fn root(&self) -> Self {
        Self { root: self.root.clone(), relative: OsString::new() }
    }

    /// The path of a file in it; of the current directory, by its bare name.
    pub(super) fn file_path(&self, name: impl AsRef<Path>) -> PathBuf {
        if self.root == "." && self.relative.is_empty() {
            return name.as_ref().to_owned();
        }
        self.path().join(name)
    }

    /// As a path.
    pub(super) fn path(&self) -> PathBuf {
        if self.relative.is_empty() {
            return PathBuf::from(&self.root);
        }
        // A file of the current directory is called by its bare name.
        if self.root == "." {
            return PathBuf::from(&self.relative);
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
    /// The directory that was created last without being opened.
    made_last: Option<Place>,
}

impl Directories {
    /// Opens a directory that exists.
    pub(super) fn open(&mut self, place: &Place) -> Result<Arc<Directory>, DiskError> {
        if let Some(directory) = self.recall(place) {
            return Ok(directory);
        }
        match self.open_at_once(place) {
            Some(directory) => Ok(self.remember(place, directory)),
            None => self.walk(place),
        }
    }

    /// Opens a directory from its root in one step, where the kernel can do that without following
    /// a symbolic link (`openat2(2)`, Linux 5.6). `None` where it cannot, for whatever reason:
    /// walking there finds out.
    fn open_at_once(&mut self, place: &Place) -> Option<Directory> {
        let (above, _) = place.above()?;
        if place.relative.is_empty() || self.open.contains_key(&above) {
            return None;
        }
        let root = self.walk(&place.root()).ok()?;
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
        let opened = rustix::fs::openat2(&*root, &place.relative, DIRECTORY, Mode::empty(), resolve);
        opened.ok().map(Directory::new)
    }

    /// Opens a directory component by component, so that an error names the one that is to blame.
    fn walk(&mut self, place: &Place) -> Result<Arc<Directory>, DiskError> {
        if let Some(directory) = self.recall(place) {
            return Ok(directory);
        }
        let directory = if place.relative.is_empty() {
            open_root(Path::new(&place.root))?
        } else {
            let Some((above, name)) = place.above() else {
                return Err(DiskError::OutsideRoot { path: place.path() });
            };
            open_beneath(&*self.walk(&above)?, &name, &place.path())?
        };
        Ok(self.remember(place, directory))
    }

    /// Opens a directory, or the deepest one above it that exists.
    pub(super) fn open_nearest(&mut self, place: &Place) -> Result<(Place, Arc<Directory>), DiskError> {
        // From above, because where a whole tree is missing, that shows at the first component.
        match self.walk(place) {
            Ok(directory) => Ok((place.clone(), directory)),
            Err(error) if error.is_missing() => {
                let mut above = place.above();
                while let Some((place, _)) = &above
                    && place.path().starts_with(error.path())
                {
                    above = place.above();
                }
                let Some((above, _)) = above else { return Err(error) };
                self.open_nearest(&above)
            }
            Err(error) => Err(error),
        }
    }

    /// Opens a directory, having created it and those above it where they are missing.
    /// `secrecy` is asked for the mode of each that is created.
    pub(super) fn create(
        &mut self,
        place: &Place,
        secrecy: &impl Fn(&Path) -> Secrecy,
    ) -> Result<Arc<Directory>, DiskError> {
        // What is beneath a fresh directory is not looked for before it is created.
        if let Some(directory) = self.recall(place) {
            return Ok(directory);
        }
        if let Some((above, name)) = place.above()
            && let Some(directory) = self.fresh(&above, secrecy)?
        {
            return self.create_beneath(&directory, above, place, &name, secrecy);
        }
        let (nearest, mut directory) = self.open_nearest(place)?;
        let (mut at, mut absent) = (place.clone(), Vec::new());
        while at != nearest {
            let Some((above, name)) = at.above() else { break };
            absent.push((std::mem::replace(&mut at, above), name));
        }
        for (below, name) in absent.into_iter().rev() {
            directory = self.create_beneath(&directory, at, &below, &name, secrecy)?;
            at = below;
        }
        Ok(directory)
    }

    /// Like [`Directories::create`], but a directory that is created in a fresh one is not opened: `None`.
    /// Thousands are created before the first file in them gets its name, too many to be held open.
    pub(super) fn ensure(
        &mut self,
        place: &Place,
        secrecy: &impl Fn(&Path) -> Secrecy,
    ) -> Result<Option<Arc<Directory>>, DiskError> {
        if let Some(directory) = self.recall(place) {
            return Ok(Some(directory));
        }
        if self.made_last.as_ref() == Some(place) {
            return Ok(None);
        }
        if let Some((above, name)) = place.above().filter(|_| !place.relative.is_empty())
            && let Some(directory) = self.fresh(&above, secrecy)?.filter(|above| above.is_fresh())
            && self.make(&directory, above, &place.path(), name, secrecy)?
        {
            self.made_last = Some(place.clone());
            return Ok(None);
        }
        self.create(place, secrecy).map(Some)
    }

    /// The directory, if it is a fresh one, or can be created in a fresh one.
    fn fresh(
        &mut self,
        place: &Place,
        secrecy: &impl Fn(&Path) -> Secrecy,
    ) -> Result<Option<Arc<Directory>>, DiskError> {
        if let Some(directory) = self.recall(place) {
            return Ok(Some(directory).filter(|directory| directory.is_fresh()));
        }
        if place.relative.is_empty() {
            return Ok(None);
        }
        let Some((above, name)) = place.above() else { return Ok(None) };
        let Some(directory) = self.fresh(&above, secrecy)? else { return Ok(None) };
        self.create_beneath(&directory, above, place, &name, secrecy).map(Some)
    }

    /// Creates one directory, `place`, which is `name` in `above`, open as `directory`.
    fn create_beneath(
        &mut self,
        directory: &Directory,
        above: Place,
        place: &Place,
        name: &OsStr,
        secrecy: &impl Fn(&Path) -> Secrecy,
    ) -> Result<Arc<Directory>, DiskError> {
        let path = place.path();
        let fresh = self.make(directory, above, &path, name.to_owned(), secrecy)?;
        let opened = open_beneath(directory, name, &path)?;
        Ok(self.remember(place, Directory { fresh, ..opened }))
    }

    /// Whether it was created: false where something of that name is there, be it a directory or, to be refused by
    /// whoever opens it, a symbolic link.
    fn make(
        &mut self,
        directory: &Directory,
        above: Place,
        path: &Path,
        name: OsString,
        secrecy: &impl Fn(&Path) -> Secrecy,
    ) -> Result<bool, DiskError> {
        step().map_err(DiskError::io("create the directory", path))?;
        match rustix::fs::mkdirat(directory, &name, secrecy(path).directory_mode()) {
            Ok(()) => {
                self.created.push((above, name));
                Ok(true)
            }
            // Somebody else was faster.
            Err(Errno::EXIST) => Ok(false),
            Err(errno) => Err(DiskError::io("create the directory", path)(errno)),
        }
    }

    /// The directories in which [`Directories::create`] created one; the same may occur several times.
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

    fn recall(&mut self, place: &Place) -> Option<Arc<Directory>> {
        self.uses += 1;
        let (used, directory) = self.open.get_mut(place)?;
        *used = self.uses;
        Some(Arc::clone(directory))
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

fn open_root(path: &Path) -> Result<Directory, DiskError> {
    match rustix::io::retry_on_intr(|| rustix::fs::open(path, DIRECTORY, Mode::empty())) {
        Ok(descriptor) => Ok(Directory::new(descriptor)),
        Err(Errno::NOTDIR) => Err(DiskError::NotADirectory { path: path.to_owned() }),
        Err(errno) => Err(DiskError::io("open the directory", path)(errno)),
    }
}

fn open_beneath(parent: &Directory, name: &OsStr, path: &Path) -> Result<Directory, DiskError> {
    let flags = DIRECTORY | OFlags::NOFOLLOW;
    match rustix::io::retry_on_intr(|| rustix::fs::openat(parent, name, flags, Mode::empty())) {
        Ok(descriptor) => Ok(Directory::new(descriptor)),
        // For a symbolic link, ENOTDIR is answered as well (`open(2)`).
        Err(Errno::NOTDIR | Errno::LOOP) => Err(match file_type(parent, name) {
            Ok(Some(FileType::Symlink)) => DiskError::Symlink { path: path.to_owned() },
            _ => DiskError::NotADirectory { path: path.to_owned() },
        }),
        Err(errno) => Err(DiskError::io("open the directory", path)(errno)),
    }
}

/// What a name stands for, itself rather than what a link points at; `None` where there is nothing.
pub(super) fn file_type(parent: &Directory, name: &OsStr) -> rustix::io::Result<Option<FileType>> {
    match rustix::fs::statat(parent, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => Ok(Some(FileType::from_raw_mode(stat.st_mode))),
        Err(Errno::NOENT) => Ok(None),
        Err(errno) => Err(errno),
    }
}

/// Writes out everything in the file system of a file or directory.
pub(super) fn sync_device(descriptor: impl AsFd, path: &Path) -> Result<(), DiskError> {
    step().map_err(DiskError::io("sync the file system of", path))?;
    rustix::io::retry_on_intr(|| rustix::fs::syncfs(&descriptor))
        .map_err(DiskError::io("sync the file system of", path))
}

/// Makes the names in a directory durable.
pub(super) fn sync_directory(directory: &Directory, path: &Path) -> Result<(), DiskError> {
    step().map_err(DiskError::io("sync the directory", path))?;
    match rustix::io::retry_on_intr(|| rustix::fs::fsync(directory)) {
        // Not every file system can do that to a directory (`fsync(2)`).
        Err(Errno::INVAL) => rustix::io::retry_on_intr(|| rustix::fs::syncfs(directory)),
        outcome => outcome,
    }
    .map_err(DiskError::io("sync the directory", path))
}
