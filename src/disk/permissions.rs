//! Changing who may do what with a file that is there.

use std::path::Path;

use rustix::fs::{FileType, Gid, Mode, OFlags, ResolveFlags, Uid};
use rustix::io::Errno;

use super::{Attributes, DiskError};

/// Gives a file or directory beneath `root` another mode, and another owner and group where they are given. Nothing is changed where
/// it is not what `expected` says any more, is a symbolic link or lies behind one, or has a second name elsewhere: then it
/// may be somebody else's file.
///
/// # Errors
/// [`DiskError::Changed`], [`DiskError::Symlink`], [`DiskError::NotRegular`], [`DiskError::Io`].
pub fn set_permissions(
    root: &Path,
    relative: &Path,
    expected: Attributes,
    mode: u32,
    owner: Option<(u32, u32)>,
) -> Result<(), DiskError> {
    let path = if relative.as_os_str().is_empty() { root.to_owned() } else { root.join(relative) };
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::NOFOLLOW;
    let opened = if relative.as_os_str().is_empty() {
        rustix::fs::open(root, flags, Mode::empty())
    } else {
        let directory =
            rustix::fs::open(root, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
                .map_err(DiskError::io("open the directory", root))?;
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
        rustix::fs::openat2(&directory, relative, flags, Mode::empty(), resolve)
    };
    let file = opened.map_err(|errno| match errno {
        Errno::LOOP | Errno::XDEV => DiskError::Symlink { path: path.clone() },
        errno => DiskError::io("open", &path)(errno),
    })?;
    let stat = rustix::fs::fstat(&file).map_err(DiskError::io("examine", &path))?;
    let is_directory = match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => false,
        FileType::Directory => true,
        _ => return Err(DiskError::NotRegular { path }),
    };
    let same =
        stat.st_mode & 0o7777 == expected.mode && (stat.st_uid, stat.st_gid) == (expected.uid, expected.gid);
    if !same || !is_directory && stat.st_nlink > 1 {
        return Err(DiskError::Changed { path });
    }
    // The owner first: the kernel takes the set-id bits away with it (`chown(2)`).
    if let Some((uid, gid)) = owner {
        let (uid, gid) = (Uid::from_raw(uid), Gid::from_raw(gid));
        rustix::fs::fchown(&file, Some(uid), Some(gid))
            .map_err(DiskError::io("change the owner of", &path))?;
    }
    rustix::fs::fchmod(&file, Mode::from_raw_mode(mode))
        .map_err(DiskError::io("change the mode of", &path))?;
    Ok(())
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests lay out what is changed")]
mod tests {
    use std::fs;
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};

    use super::*;

    #[test]
    fn only_what_is_as_expected_is_changed() {
        let dir = tempfile::tempdir().unwrap();
        let (root, file) = (dir.path(), dir.path().join("sub/a"));
        fs::create_dir(root.join("sub")).unwrap();
        fs::write(&file, "a").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
        let data = fs::metadata(&file).unwrap();
        let expected = Attributes { mode: 0o644, uid: data.uid(), gid: data.gid(), ..Attributes::default() };
        let change = |path: &str, expected| set_permissions(root, Path::new(path), expected, 0o600, None);
        assert!(matches!(
            change("sub/a", Attributes { mode: 0o640, ..expected }),
            Err(DiskError::Changed { .. })
        ));
        change("sub/a", expected).unwrap();
        assert_eq!(fs::metadata(&file).unwrap().mode() & 0o7777, 0o600);
        symlink("sub", root.join("link")).unwrap();
        symlink("sub/a", root.join("b")).unwrap();
        let now = Attributes { mode: 0o600, ..expected };
        for path in ["link/a", "b"] {
            assert!(matches!(change(path, now), Err(DiskError::Symlink { .. })), "{path}");
        }
        assert!(change("../x", now).is_err());
        fs::hard_link(&file, root.join("second")).unwrap();
        assert!(matches!(change("second", now), Err(DiskError::Changed { .. })));
        let directory =
            Attributes { mode: fs::metadata(root.join("sub")).unwrap().mode() & 0o7777, ..expected };
        set_permissions(root, Path::new("sub"), directory, 0o700, Some((data.uid(), data.gid()))).unwrap();
        assert_eq!(fs::metadata(root.join("sub")).unwrap().mode() & 0o7777, 0o700);
    }
}
