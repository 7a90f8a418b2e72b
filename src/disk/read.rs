//! Reading with an upper bound.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use rustix::fs::{FileType, Mode, OFlags};
use zeroize::Zeroizing;

use super::DiskError;

/// How much is read at first from a file that claims to be empty (as those of `/proc` do).
const FIRST_READ: usize = 4096;

/// Reads a regular file of at most `limit` bytes. Symbolic links are followed.
///
/// The contents may be a secret: they are wiped when dropped, and so is every buffer they passed
/// through.
///
/// # Errors
///
/// [`DiskError::Io`] where it cannot be opened or read, [`DiskError::NotRegular`] (also for a pipe,
/// on which nothing is waited for), [`DiskError::TooLarge`].
pub fn read_bounded(path: &Path, limit: u64) -> Result<Zeroizing<Vec<u8>>, DiskError> {
    // Without NONBLOCK, opening a pipe would wait for somebody to write into it.
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = rustix::io::retry_on_intr(|| rustix::fs::open(path, flags, Mode::empty()))
        .map_err(DiskError::io("open", path))?;
    let stat = rustix::fs::fstat(&file).map_err(DiskError::io("examine", path))?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Err(DiskError::NotRegular { path: path.to_owned() });
    }
    let size = u64::try_from(stat.st_size).unwrap_or(0);
    let too_large = || DiskError::TooLarge { path: path.to_owned(), limit };
    if size > limit {
        return Err(too_large());
    }
    // One byte more than expected, so that the end of the file is seen without growing.
    let expected = usize::try_from(size.saturating_add(1)).map_err(|_| too_large())?;
    let most = usize::try_from(limit.saturating_add(1)).unwrap_or(usize::MAX);
    let contents = read_at_most(&mut File::from(file), expected.max(FIRST_READ), most)
        .map_err(DiskError::io("read", path))?;
    contents.ok_or_else(too_large)
}

/// Reads at most `limit` bytes of a file, or of a pipe or device that somebody named: what a shell makes of `<(command)`,
/// `/dev/stdin`. Of those, the end is waited for. Symbolic links are followed.
///
/// # Errors
///
/// As [`read_bounded`]; [`DiskError::NotRegular`] for a directory or a socket alone.
pub fn read_any(path: &Path, limit: u64) -> Result<Zeroizing<Vec<u8>>, DiskError> {
    match read_bounded(path, limit) {
        Err(DiskError::NotRegular { .. }) => {}
        read => return read,
    }
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOCTTY;
    let file = rustix::io::retry_on_intr(|| rustix::fs::open(path, flags, Mode::empty()))
        .map_err(DiskError::io("open", path))?;
    let stat = rustix::fs::fstat(&file).map_err(DiskError::io("examine", path))?;
    if FileType::from_raw_mode(stat.st_mode) == FileType::Directory {
        return Err(DiskError::NotRegular { path: path.to_owned() });
    }
    read_stream(&mut File::from(file), limit)
        .map_err(DiskError::io("read", path))?
        .ok_or_else(|| DiskError::TooLarge { path: path.to_owned(), limit })
}

/// Reads at most `limit` bytes of a stream to its end; `None` where there are more. What it holds may be a secret.
///
/// # Errors
///
/// What the stream answers.
pub fn read_stream(stream: &mut impl Read, limit: u64) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
    let most = usize::try_from(limit.saturating_add(1)).unwrap_or(usize::MAX);
    read_at_most(stream, FIRST_READ, most)
}

/// Reads to the end; `None` where there were `most` bytes or more.
pub(super) fn read_at_most(
    file: &mut impl Read,
    first: usize,
    most: usize,
) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
    let mut buffer = Zeroizing::new(vec![0; first.min(most)]);
    let mut filled = 0;
    loop {
        let free = buffer.get_mut(filled..).unwrap_or_default();
        if free.is_empty() {
            if filled >= most {
                return Ok(None);
            }
            // Not `resize`: it would free the old buffer without wiping it.
            let mut larger = Zeroizing::new(vec![0; filled.saturating_mul(2).min(most)]);
            for (to, from) in larger.iter_mut().zip(buffer.iter()) {
                *to = *from;
            }
            buffer = larger;
            continue;
        }
        match file.read(free) {
            Ok(0) => {
                buffer.truncate(filled);
                return Ok((filled < most).then_some(buffer));
            }
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
