//! The files of a node as those that say how its programs are launched.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::{FileKind, Node, Target};
use crate::manifest::{At, Files, Found};

impl Files for Node {
    fn at(&self, path: &Path) -> At {
        let index = match self.resolve(path) {
            Target::File(index) => index,
            Target::Missing | Target::Loop => return At::Missing,
            Target::Outside => return At::Unknown,
        };
        match self.files.get(index).map(|file| &file.kind) {
            Some(FileKind::Regular(Ok(contents))) => At::File(index, contents.document.clone()),
            Some(FileKind::Regular(Err(reason))) => At::Unread(index, reason.clone()),
            Some(FileKind::Special(what)) => At::Unread(index, format!("it is {what}")),
            _ => At::Missing,
        }
    }

    fn names(&self, directory: &Path) -> Vec<OsString> {
        let found = match self.resolve(directory) {
            Target::File(index) => self.files.get(index).map(|file| file.on_node.as_path()),
            _ => None,
        };
        let directory = found.unwrap_or(directory);
        let from = self.files.partition_point(|file| file.on_node.as_path() <= directory);
        let beneath =
            self.files.iter().skip(from).map_while(|file| file.on_node.strip_prefix(directory).ok());
        let mut names: Vec<OsString> = Vec::new();
        for name in beneath.filter_map(|path| path.components().next()) {
            if names.last().is_none_or(|last| last != name.as_os_str()) {
                names.push(name.as_os_str().to_owned());
            }
        }
        names
    }

    fn link(&self, path: &Path) -> Option<PathBuf> {
        match &self.entry_at(path)?.1.kind {
            FileKind::Link(target) => Some(target.clone()),
            _ => None,
        }
    }

    fn documents(&self) -> Vec<Found> {
        let is_one =
            |file: &&super::File| file.contents().is_some_and(|contents| contents.document.is_some());
        let files = self.files.iter().filter(is_one);
        files.map(|file| Found { path: file.on_node.clone(), is_loose: !file.anchored }).collect()
    }
}
