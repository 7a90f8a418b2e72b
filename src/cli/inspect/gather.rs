//! Which files are looked at.

use std::path::{Path, PathBuf};

use kpki::disk::{DiskError, read_bounded};
use kpki::inspect::{Inspected, LARGEST_FILE, inspect};

use crate::cli::input::Input;
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
pub(super) fn read(given: &[PathBuf]) -> Gathered {
    let mut gathered = Gathered { files: Vec::new(), failures: Vec::new() };
    for path in given {
        if path.is_dir() {
            gathered.directory(path, 0);
        } else {
            gathered.named(path);
        }
    }
    gathered
}

impl Gathered {
    /// A file, a pipe or standard input that was named.
    fn named(&mut self, path: &Path) {
        match Input::read_at_most(path, LARGEST_FILE) {
            Ok(input) => self.files.push(GatheredFile { inspected: input.inspect(), asked: true }),
            Err(failure) => self.failures.push(failure),
        }
    }

    fn found(&mut self, path: &Path) {
        match read_bounded(path, LARGEST_FILE) {
            Ok(bytes) => {
                let inspected = inspect(&path.to_string_lossy(), &bytes);
                self.files.push(GatheredFile { inspected, asked: false });
            }
            // What is no file is no matter in a directory: a socket, a device.
            Err(DiskError::NotRegular { .. }) => {}
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
            self.found(file);
        }
        if depth < DEEPEST {
            for below in &directories {
                self.directory(below, depth + 1);
            }
        }
    }
}
