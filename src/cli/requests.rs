//! Which files a command is to read: files, directories, standard input.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use kpki::disk::read_bounded;
use zeroize::Zeroizing;

use super::{Failure, LARGEST_INPUT, output};

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

/// One input: where it came from, and what it holds. No path for standard input.
pub(super) struct Input {
    pub(super) path: Option<PathBuf>,
    pub(super) bytes: Zeroizing<Vec<u8>>,
}

impl Input {
    /// What to call it.
    pub(super) fn name(&self) -> String {
        self.path.as_deref().map_or_else(|| "standard input".into(), output::path)
    }
}

/// Reads every input: files, `-`, and the `*.csr` files of directories.
pub(super) fn read_all(given: &[PathBuf]) -> Result<Vec<Input>, Failure> {
    let mut inputs = Vec::new();
    for path in given {
        if path == Path::new("-") {
            let mut bytes = Zeroizing::new(Vec::new());
            std::io::stdin().lock().take(LARGEST_INPUT + 1).read_to_end(&mut bytes)?;
            if bytes.len() as u64 > LARGEST_INPUT {
                return Err(Failure::new(format!("standard input is larger than {LARGEST_INPUT} bytes")));
            }
            inputs.push(Input { path: None, bytes });
        } else if path.is_dir() {
            let files = files_in(path, &["csr"])?;
            if files.is_empty() {
                return Err(Failure::new(format!("{} holds no request (*.csr)", output::path(path))));
            }
            for file in files {
                let bytes = read_bounded(&file, LARGEST_INPUT)?;
                inputs.push(Input { path: Some(file), bytes });
            }
        } else {
            inputs.push(Input { path: Some(path.clone()), bytes: read_bounded(path, LARGEST_INPUT)? });
        }
    }
    Ok(inputs)
}
