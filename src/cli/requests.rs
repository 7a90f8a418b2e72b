//! Which files a command is to read: files, directories, standard input.

use std::path::{Path, PathBuf};

use super::input::Input;
use super::{Failure, output};

/// The files of a directory and of those below it that end in one of these, sorted by name. Symbolic links to
/// directories are not followed.
pub(super) fn files_in(directory: &Path, endings: &[&str]) -> Result<Vec<PathBuf>, Failure> {
    let mut found = Vec::new();
    let mut waiting = vec![directory.to_owned()];
    while let Some(directory) = waiting.pop() {
        let listing = std::fs::read_dir(&directory).map_err(|error| {
            Failure::new(format!("cannot list {}: {error}", output::path(&directory))).hint("check the path")
        })?;
        for item in listing {
            let item = item?;
            let kind = item.file_type()?;
            let path = item.path();
            let ending = path.extension().unwrap_or_default().to_string_lossy().into_owned();
            if kind.is_dir() {
                waiting.push(path);
            } else if endings.contains(&ending.as_str()) {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

/// Reads every input: files, pipes, `-`, and the `*.csr` files of directories.
pub(super) fn read_all(given: &[PathBuf]) -> Result<Vec<Input>, Failure> {
    let mut inputs = Vec::new();
    for path in given {
        if path.is_dir() {
            let files = files_in(path, &["csr"])?;
            if files.is_empty() {
                return Err(Failure::new(format!("{} holds no request (*.csr)", output::path(path))));
            }
            for file in files {
                inputs.push(Input::read(&file)?);
            }
        } else {
            inputs.push(Input::read(path)?);
        }
    }
    Ok(inputs)
}
