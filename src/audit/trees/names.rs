//! What nodes are called that were given as arguments: by what tells these apart.

use std::ffi::OsStr;
use std::path::Path;

/// The part of each path in which it differs from the others: `out/cp1/etc/kubernetes` and `out/cp2/etc/kubernetes` are `cp1` and `cp2`.
pub(super) fn distinguishing(paths: &[&Path]) -> Vec<String> {
    let parts: Vec<Vec<&OsStr>> = paths.iter().map(|path| path.iter().collect()).collect();
    let shortest = parts.iter().map(Vec::len).min().unwrap_or_default();
    let agree = |at: fn(&[&OsStr], usize) -> Option<std::ffi::OsString>, count: usize| {
        let first = parts.first().and_then(|parts| at(parts, count));
        parts.iter().all(|parts| at(parts, count) == first)
    };
    let front = |parts: &[&OsStr], at: usize| parts.get(at).map(|part| part.to_os_string());
    let back = |parts: &[&OsStr], at: usize| {
        parts.len().checked_sub(at + 1).and_then(|at| parts.get(at)).map(|part| part.to_os_string())
    };
    let before = (0..shortest).take_while(|at| agree(front, *at)).count();
    // Something must be left of the shortest.
    let most = shortest.saturating_sub(before);
    let behind = (0..most).take_while(|at| agree(back, *at)).count();
    let own = |(parts, path): (&Vec<&OsStr>, &&Path)| {
        let own = parts.get(before..parts.len().saturating_sub(behind)).unwrap_or_default();
        let own: Vec<_> = own.iter().map(|part| part.to_string_lossy()).collect();
        if own.is_empty() {
            // The root in which the others lie.
            path.file_name().map_or_else(|| path.to_string_lossy(), OsStr::to_string_lossy).into_owned()
        } else {
            own.join("/")
        }
    };
    parts.iter().zip(paths).map(own).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_tells_paths_apart_is_their_name() {
        for (paths, names) in [
            (&["/w/out/cp1/etc/kubernetes", "/w/out/cp2/etc/kubernetes"][..], &["cp1", "cp2"][..]),
            (&["/w/cp1", "/w/cp2", "/w/cp10"], &["cp1", "cp2", "cp10"]),
            (&["/w/a/cp1/pki", "/w/b/cp1/pki"], &["a", "b"]),
            (&["/w/a/cp1", "/w/b/cp2/x"], &["a/cp1", "b/cp2/x"]),
            (&["/", "/mnt/backup"], &["/", "mnt/backup"]),
            (&["/w/x", "/w/x/y"], &["x", "y"]),
            (&["/w/x/x", "/w/x"], &["x", "x"]),
        ] {
            let paths: Vec<&Path> = paths.iter().map(Path::new).collect();
            assert_eq!(distinguishing(&paths), names, "{paths:?}");
        }
    }
}
