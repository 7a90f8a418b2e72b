//! Which files are looked at.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use kpki::disk::{DiskError, read_bounded};
use kpki::inspect::{Inspected, LARGEST_FILE, inspect};
use zeroize::Zeroizing;

use crate::cli::{Failure, output};

/// How deep directories are gone into: a tree of a whole estate is less than ten deep, and a loop of mounts has no end.
const DEEPEST: usize = 32;

/// What was read, and what could not be.
pub(super) struct Gathered {
    pub(super) files: Vec<GatheredFile>,
    pub(super) failures: Vec<Failure>,
}

pub(super) struct GatheredFile {
    pub(super) inspected: Inspected,
    /// Whether it was asked for by its own name, and not found in a directory.
    pub(super) asked: bool,
}

/// Reads every file; one that cannot be read does not keep the others from being looked at.
pub(super) fn read(given: &[PathBuf]) -> Result<Gathered, Failure> {
    let mut gathered = Gathered { files: Vec::new(), failures: Vec::new() };
    for path in given {
        if path == Path::new("-") {
            let bytes = standard_input()?;
            gathered.files.push(GatheredFile { inspected: inspect("standard input", &bytes), asked: true });
        } else if path.is_dir() {
            gathered.directory(path, 0);
        } else {
            gathered.file(path, true);
        }
    }
    Ok(gathered)
}

fn standard_input() -> Result<Zeroizing<Vec<u8>>, Failure> {
    let mut bytes = Zeroizing::new(Vec::new());
    std::io::stdin().lock().take(LARGEST_FILE + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LARGEST_FILE {
        return Err(too_large("standard input"));
    }
    Ok(bytes)
}

fn too_large(what: &str) -> Failure {
    Failure::new(format!("{what} is larger than {} MiB, which no file of a PKI is", LARGEST_FILE >> 20))
}

impl Gathered {
    fn file(&mut self, path: &Path, asked: bool) {
        match read_bounded(path, LARGEST_FILE) {
            Ok(bytes) => {
                let inspected = inspect(&path.to_string_lossy(), &bytes);
                self.files.push(GatheredFile { inspected, asked });
            }
            // What is no file is no matter in a directory: a socket, a device.
            Err(DiskError::NotRegular { .. }) if !asked => {}
            Err(DiskError::NotRegular { .. }) => self.failures.push(
                Failure::new(format!("{} is not a regular file", output::path(path)))
                    .hint("give it on standard input: kpki inspect - < FILE"),
            ),
            Err(DiskError::TooLarge { .. }) => self.failures.push(too_large(&output::path(path))),
            Err(error) => self.failures.push(error.into()),
        }
    }

    /// The files of a directory by their names, and then those of the directories in it. Symbolic links to directories
    /// are not followed.
    fn directory(&mut self, directory: &Path, depth: usize) {
        let listed = std::fs::read_dir(directory).and_then(Iterator::collect::<Result<Vec<_>, _>>);
        let items = match listed {
            Ok(items) => items,
            Err(error) => {
                let what = format!("cannot list {}: {error}", output::path(directory));
                self.failures.push(Failure::new(what));
                return;
            }
        };
        let (mut files, mut directories) = (Vec::new(), Vec::new());
        for item in items {
            match item.file_type() {
                Ok(kind) if kind.is_dir() => directories.push(item.path()),
                // A link to a directory is neither.
                _ if item.path().is_dir() => {}
                _ => files.push(item.path()),
            }
        }
        files.sort();
        directories.sort();
        for file in &files {
            self.file(file, false);
        }
        if depth < DEEPEST {
            for below in &directories {
                self.directory(below, depth + 1);
            }
        }
    }
}
