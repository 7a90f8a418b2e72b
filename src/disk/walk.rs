//! Reading a whole tree that may be an attacker's: no link is followed, no pipe or device opened, nothing read without bound.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;
use zeroize::Zeroizing;

use super::read::read_at_most;

/// How far a walk goes.
#[derive(Debug, Clone, Copy)]
pub struct WalkLimits {
    /// The most entries.
    pub entries: usize,
    /// The largest file that is read, in bytes.
    pub file: u64,
    /// The most that is read of all files, in bytes.
    pub total: u64,
    /// The most directories one within the other.
    pub depth: usize,
}

/// What an entry of a directory is.
#[derive(Debug)]
pub enum EntryKind {
    /// A regular file: what is in it, or why that was not read.
    File(Result<Zeroizing<Vec<u8>>, String>),
    /// A directory: whether it was walked, or why not.
    Directory(Result<(), String>),
    /// A symbolic link, and where it points to.
    Link(PathBuf),
    /// A pipe, a socket or a device, by its name.
    Special(&'static str),
}

/// What the file system says of an entry.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Attributes {
    /// Its permissions with the set-id and sticky bits, `0o600` for example.
    pub mode: u32,
    /// The number of its owner.
    pub uid: u32,
    /// The number of its group.
    pub gid: u32,
    /// Its length in bytes.
    pub size: u64,
    /// How many names it has.
    pub links: u64,
    /// Whether an access control list widens or narrows what the permissions say.
    pub acl: bool,
    /// When its contents were changed last, in seconds since 1970; none where that is not said.
    pub modified: Option<i64>,
}

/// An entry that was found.
#[derive(Debug)]
pub struct Entry {
    /// Its path within the root; empty for the root itself.
    pub path: PathBuf,
    /// What it is.
    pub kind: EntryKind,
    /// What the file system says of it.
    pub attributes: Attributes,
}

/// Why a directory was not walked that [`walk_where`] was told to leave out.
pub const LEFT_OUT: &str = "it was left out";

/// Walks a tree in the order of its names, and hands out each entry. The root may be a symbolic link; within it none is
/// followed. What cannot be read is an entry that says so.
///
/// # Errors
/// Where the root itself cannot be examined.
pub fn walk(root: &Path, limits: WalkLimits, visit: &mut dyn FnMut(Entry)) -> io::Result<()> {
    walk_where(root, limits, &|_| true, visit)
}

/// The same of the directories alone that are wanted, by their paths within the root. The others are entries with [`LEFT_OUT`].
///
/// # Errors
/// Where the root itself cannot be examined.
pub fn walk_where(
    root: &Path,
    limits: WalkLimits,
    is_wanted: &dyn Fn(&Path) -> bool,
    visit: &mut dyn FnMut(Entry),
) -> io::Result<()> {
    let stat = rustix::fs::statat(CWD, root, AtFlags::empty())?;
    let mut walk = Walk { limits, entries: 0, left: limits.total, is_wanted, visit };
    // The link that the root may be is followed here and nowhere else.
    let root = if rustix::fs::statat(CWD, root, AtFlags::SYMLINK_NOFOLLOW)?.st_mode == stat.st_mode {
        root.to_owned()
    } else {
        std::fs::canonicalize(root)?
    };
    let name = if root.as_os_str().is_empty() { OsStr::new(".") } else { root.as_os_str() };
    walk.entry(CWD, name, PathBuf::new(), 0);
    Ok(())
}

struct Walk<'a> {
    limits: WalkLimits,
    entries: usize,
    left: u64,
    is_wanted: &'a dyn Fn(&Path) -> bool,
    visit: &'a mut dyn FnMut(Entry),
}

fn shown(error: Errno) -> String {
    io::Error::from(error).kind().to_string()
}

fn attributes(stat: &Stat) -> Attributes {
    Attributes {
        mode: stat.st_mode & 0o7777,
        uid: stat.st_uid,
        gid: stat.st_gid,
        size: u64::try_from(stat.st_size).unwrap_or(0),
        #[expect(clippy::useless_conversion, reason = "its width is the platform's")]
        links: u64::from(stat.st_nlink),
        acl: false,
        modified: Some(stat.st_mtime),
    }
}

/// What must stay the same while a file is read.
fn version(stat: &Stat) -> impl PartialEq {
    (stat.st_size, stat.st_mtime, stat.st_mtime_nsec, stat.st_ino)
}

/// Whether an access control list beyond the permissions stands on an open file.
fn has_acl(file: BorrowedFd<'_>) -> bool {
    rustix::fs::fgetxattr(file, c"system.posix_acl_access", &mut [0_u8; 0]).is_ok_and(|length| length > 0)
}

impl Walk<'_> {
    fn entry(&mut self, parent: BorrowedFd<'_>, name: &OsStr, path: PathBuf, depth: usize) {
        self.entries += 1;
        let stat = match rustix::fs::statat(parent, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => stat,
            // It was removed since the directory was read.
            Err(Errno::NOENT) if depth > 0 => return,
            Err(error) => {
                let kind = EntryKind::File(Err(format!("it cannot be examined: {}", shown(error))));
                (self.visit)(Entry { path, kind, attributes: Attributes::default() });
                return;
            }
        };
        let attributes = attributes(&stat);
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => self.file(parent, name, path, attributes),
            FileType::Directory => self.directory(parent, name, path, attributes, depth),
            FileType::Symlink => {
                let kind = match rustix::fs::readlinkat(parent, name, Vec::new()) {
                    Ok(target) => EntryKind::Link(PathBuf::from(OsString::from_vec(target.into_bytes()))),
                    Err(error) => EntryKind::File(Err(format!("the link cannot be read: {}", shown(error)))),
                };
                (self.visit)(Entry { path, kind, attributes });
            }
            other => {
                let what = match other {
                    FileType::Fifo => "a pipe",
                    FileType::Socket => "a socket",
                    FileType::CharacterDevice | FileType::BlockDevice => "a device",
                    _ => "of a kind that is not known",
                };
                (self.visit)(Entry { path, kind: EntryKind::Special(what), attributes });
            }
        }
    }

    fn file(&mut self, parent: BorrowedFd<'_>, name: &OsStr, path: PathBuf, mut attributes: Attributes) {
        let contents = self.contents(parent, name, &mut attributes);
        (self.visit)(Entry { path, kind: EntryKind::File(contents), attributes });
    }

    fn contents(
        &mut self,
        parent: BorrowedFd<'_>,
        name: &OsStr,
        attributes: &mut Attributes,
    ) -> Result<Zeroizing<Vec<u8>>, String> {
        let too_large = |size: u64, limit: u64| {
            format!("it is larger than what is read: {size} bytes, and {limit} are the most")
        };
        if attributes.size > self.limits.file {
            return Err(too_large(attributes.size, self.limits.file));
        }
        if attributes.size > self.left {
            return Err(format!(
                "the files before it were {} bytes together, the most that is read",
                self.limits.total
            ));
        }
        // Without NONBLOCK, opening a pipe that took its place would wait for somebody to write into it.
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::NOFOLLOW;
        let file = rustix::io::retry_on_intr(|| rustix::fs::openat(parent, name, flags, Mode::empty()))
            .map_err(|error| match error {
                Errno::ACCESS | Errno::PERM => "it may not be read by this user".to_owned(),
                error => format!("it cannot be opened: {}", shown(error)),
            })?;
        let before =
            rustix::fs::fstat(&file).map_err(|error| format!("it cannot be examined: {}", shown(error)))?;
        if FileType::from_raw_mode(before.st_mode) != FileType::RegularFile {
            return Err("it changed while it was read".into());
        }
        *attributes = self::attributes(&before);
        attributes.acl = has_acl(file.as_fd());
        let most = usize::try_from(self.limits.file.min(self.left).saturating_add(1)).unwrap_or(usize::MAX);
        let expected = usize::try_from(attributes.size.saturating_add(1)).unwrap_or(most);
        let mut file = std::fs::File::from(file);
        let contents = read_at_most(&mut file, expected.max(64).min(most), most)
            .map_err(|error| format!("it cannot be read: {}", error.kind()))?
            .ok_or_else(|| too_large(attributes.size, self.limits.file))?;
        self.left = self.left.saturating_sub(contents.len() as u64);
        let after =
            rustix::fs::fstat(&file).map_err(|error| format!("it cannot be examined: {}", shown(error)))?;
        if version(&before) != version(&after) {
            return Err("it changed while it was read".into());
        }
        Ok(contents)
    }

    fn directory(
        &mut self,
        parent: BorrowedFd<'_>,
        name: &OsStr,
        path: PathBuf,
        attributes: Attributes,
        depth: usize,
    ) {
        let names = if !(self.is_wanted)(&path) {
            Err(LEFT_OUT.to_owned())
        } else if depth > self.limits.depth {
            Err(format!("it lies more than {} directories deep", self.limits.depth))
        } else {
            self.names(parent, name)
        };
        let (descriptor, names, incomplete) = match names {
            Ok(found) => found,
            Err(reason) => {
                (self.visit)(Entry { path, kind: EntryKind::Directory(Err(reason)), attributes });
                return;
            }
        };
        let walked = match incomplete {
            Some(reason) => Err(reason),
            None => Ok(()),
        };
        (self.visit)(Entry { path: path.clone(), kind: EntryKind::Directory(walked), attributes });
        for name in names {
            let inner = path.join(&name);
            self.entry(descriptor.as_fd(), &name, inner, depth + 1);
        }
    }

    /// The names in a directory, sorted, as many as may still be looked at; and whether there are more.
    fn names(
        &self,
        parent: BorrowedFd<'_>,
        name: &OsStr,
    ) -> Result<(OwnedFd, Vec<OsString>, Option<String>), String> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let opened = rustix::io::retry_on_intr(|| rustix::fs::openat(parent, name, flags, Mode::empty()));
        let descriptor = opened.map_err(|error| match error {
            Errno::ACCESS | Errno::PERM => "it may not be read by this user".to_owned(),
            error => format!("it cannot be opened: {}", shown(error)),
        })?;
        let unreadable = |error: Errno| format!("it cannot be read: {}", shown(error));
        let most = self.limits.entries.saturating_sub(self.entries);
        let mut names = Vec::new();
        let mut incomplete = None;
        for entry in Dir::read_from(&descriptor).map_err(unreadable)? {
            let entry = entry.map_err(unreadable)?;
            let name = entry.file_name().to_bytes();
            if name == b"." || name == b".." {
                continue;
            }
            if names.len() >= most {
                incomplete = Some(format!(
                    "there are more than {} entries in the tree; those after {} of this directory were not looked at",
                    self.limits.entries,
                    names.len()
                ));
                break;
            }
            names.push(OsStr::from_bytes(name).to_owned());
        }
        names.sort();
        Ok((descriptor, names, incomplete))
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests lay out what is walked")]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    const WIDE: WalkLimits = WalkLimits { entries: 100, file: 1000, total: 10_000, depth: 5 };

    /// What is found: the path, and what is in it or why not.
    fn found(root: &Path, limits: WalkLimits) -> Vec<(String, String)> {
        let mut found = Vec::new();
        walk(root, limits, &mut |entry| {
            let what = match entry.kind {
                EntryKind::File(Ok(bytes)) => format!("{} bytes", bytes.len()),
                EntryKind::File(Err(reason)) => reason,
                EntryKind::Directory(Ok(())) => "directory".to_owned(),
                EntryKind::Directory(Err(reason)) => format!("directory: {reason}"),
                EntryKind::Link(target) => format!("link to {}", target.display()),
                EntryKind::Special(what) => what.to_owned(),
            };
            found.push((entry.path.display().to_string(), what));
        })
        .unwrap();
        found
    }

    fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
        list.iter().map(|(path, what)| ((*path).to_owned(), (*what).to_owned())).collect()
    }

    #[test]
    fn everything_is_told_and_no_link_or_pipe_opened() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("root");
        fs::create_dir_all(root.join("b/c")).unwrap();
        fs::write(root.join("a"), [7; 10]).unwrap();
        fs::write(root.join("b/c/d"), "").unwrap();
        fs::write(root.join("large"), [7; 1001]).unwrap();
        symlink("..", root.join("b/up")).unwrap();
        symlink("/etc/shadow", root.join("out")).unwrap();
        symlink("loop", root.join("loop")).unwrap();
        rustix::fs::mknodat(CWD, root.join("pipe"), FileType::Fifo, Mode::RUSR, 0).unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(root.join("socket")).unwrap();
        let expected = pairs(&[
            ("", "directory"),
            ("a", "10 bytes"),
            ("b", "directory"),
            ("b/c", "directory"),
            ("b/c/d", "0 bytes"),
            ("b/up", "link to .."),
            ("large", "it is larger than what is read: 1001 bytes, and 1000 are the most"),
            ("loop", "link to loop"),
            ("out", "link to /etc/shadow"),
            ("pipe", "a pipe"),
            ("socket", "a socket"),
        ]);
        assert_eq!(found(&root, WIDE), expected);
        // The root itself may be a link, or a file.
        symlink(&root, dir.path().join("link")).unwrap();
        assert_eq!(found(&dir.path().join("link"), WIDE), expected);
        assert_eq!(found(&root.join("a"), WIDE), pairs(&[("", "10 bytes")]));
        assert!(walk(&root.join("nothing"), WIDE, &mut |_| ()).is_err());
    }

    #[test]
    fn bounds_are_kept_and_said() {
        let dir = tempfile::tempdir().unwrap();
        for number in 0..20 {
            fs::write(dir.path().join(format!("{number:02}")), [7; 100]).unwrap();
        }
        fs::create_dir_all(dir.path().join("zz/y/x/w/v/u/t")).unwrap();
        let few = found(dir.path(), WalkLimits { entries: 6, ..WIDE });
        assert_eq!(few.len(), 6);
        let reason =
            "there are more than 6 entries in the tree; those after 5 of this directory were not looked at";
        assert_eq!(few[0].1, format!("directory: {reason}"));
        let little = found(dir.path(), WalkLimits { total: 450, ..WIDE });
        let read = little.iter().filter(|(_, what)| what == "100 bytes").count();
        assert_eq!(read, 4);
        assert_eq!(little[5].1, "the files before it were 450 bytes together, the most that is read");
        // What is left may be less than the least that is read at once.
        fs::write(dir.path().join("empty"), "").unwrap();
        for total in [0, 1, 100, 150, 2000] {
            let little = found(dir.path(), WalkLimits { total, ..WIDE });
            assert!(little.contains(&("empty".to_owned(), "0 bytes".to_owned())), "{total} {little:?}");
        }
        fs::remove_file(dir.path().join("empty")).unwrap();
        let flat = found(dir.path(), WIDE);
        assert_eq!(flat.last().unwrap().1, "directory: it lies more than 5 directories deep");
    }

    #[test]
    fn modes_links_and_sizes_are_told() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("a");
        fs::write(&file, "abc").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o4640)).unwrap();
        fs::hard_link(&file, dir.path().join("b")).unwrap();
        let mut all = Vec::new();
        walk(dir.path(), WIDE, &mut |entry| all.push(entry.attributes)).unwrap();
        let own = rustix::process::geteuid().as_raw();
        let expected = Attributes { mode: 0o4640, uid: own, gid: all[1].gid, size: 3, links: 2, ..all[1] };
        assert_eq!(all[1..], [expected, expected]);
    }
}
