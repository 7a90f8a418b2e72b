//! The files of a tree as those that say how a node's programs are launched.

use std::cell::RefCell;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::manifest::{self, At, Component, Document, Files, Found, Launch, Launched, launches};
use crate::rehearse::files::{FileName, Reader, Trouble};
use crate::rehearse::tree::Shape;

/// The most names of one directory that are looked at.
const MOST_NAMES: usize = 10_000;

/// Where files lie that say something without being named by another one: directories, of which each file is looked at.
const PLACES: [&str; 6] =
    ["/etc", "/etc/etcd", "/etc/default", "/etc/sysconfig", "/etc/kubernetes", "/etc/kubernetes/kubelet"];

/// What such a file's name has in it, where its directory has others.
const WORDS: [&str; 3] = ["etcd", "kube", "k3s"];

/// How a node's programs are launched, with the files that say so.
pub(super) struct Launching {
    pub(super) launched: Launched,
    /// The files, by number.
    names: Vec<FileName>,
}

impl Launching {
    /// Reads a node's units, manifests and configurations. What stands for a PKI directory alone has none.
    pub(super) fn read(reader: &Reader<'_>) -> Self {
        if matches!(reader.tree.shape, Shape::Pki | Shape::EtcdPki) {
            return Self { launched: Launched::default(), names: Vec::new() };
        }
        let files = TreeFiles { reader, known: RefCell::default() };
        let launched = launches(&files);
        let known = files.known.into_inner();
        let names = known.iter().map(|known| reader.name(&known.path)).collect();
        Self { launched, names }
    }

    /// How a component is launched; by a program with several in it also where only its data is here.
    pub(super) fn launch(&self, component: Component) -> Option<&Launch> {
        let assumed = self.launched.assumed.iter().find(|launch| launch.component == component);
        self.launched.of(component).next().or(assumed)
    }

    /// How a file is called, by its number.
    pub(super) fn name(&self, file: usize) -> Option<&FileName> {
        self.names.get(file)
    }
}

/// A file that was looked at.
struct Known {
    /// Its path on the node.
    path: PathBuf,
    /// Where it lies here.
    here: PathBuf,
    found: Result<Option<Arc<Document>>, String>,
}

struct TreeFiles<'r, 't> {
    reader: &'r Reader<'t>,
    known: RefCell<Vec<Known>>,
}

impl Files for TreeFiles<'_, '_> {
    fn at(&self, path: &Path) -> At {
        let Some(here) = self.reader.tree.locate(path) else { return At::Unknown };
        let mut known = self.known.borrow_mut();
        let number = known.iter().position(|known| known.here == here).or_else(|| {
            if !here.is_file() {
                return None;
            }
            let found = self.reader.bytes_up_to(path, manifest::LARGEST);
            let found = found.map(|bytes| Document::sniff(&bytes).map(Arc::new)).map_err(Trouble::words);
            known.push(Known { path: path.to_owned(), here, found });
            Some(known.len() - 1)
        });
        let Some((number, known)) = number.and_then(|number| Some((number, known.get(number)?))) else {
            return At::Missing;
        };
        match &known.found {
            Ok(document) => At::File(number, document.clone()),
            Err(reason) => At::Unread(number, reason.clone()),
        }
    }

    fn names(&self, directory: &Path) -> Vec<OsString> {
        let here = self.reader.tree.locate(directory);
        let entries = here.and_then(|here| std::fs::read_dir(here).ok()).into_iter().flatten().flatten();
        let mut names: Vec<OsString> = entries.map(|entry| entry.file_name()).take(MOST_NAMES).collect();
        names.sort();
        names
    }

    fn link(&self, path: &Path) -> Option<PathBuf> {
        std::fs::read_link(self.reader.tree.place(path)).ok()
    }

    fn documents(&self) -> Vec<Found> {
        let mut found = Vec::new();
        for directory in PLACES.map(Path::new) {
            let is_own = directory.starts_with("/etc/kubernetes") || directory == Path::new("/etc/etcd");
            let is_wanted = |name: &OsString| {
                is_own || name.to_str().is_some_and(|name| WORDS.iter().any(|word| name.contains(word)))
            };
            for name in self.names(directory).into_iter().filter(is_wanted) {
                let path = directory.join(name);
                if matches!(self.at(&path), At::File(_, Some(_))) {
                    found.push(Found { path, is_loose: false });
                }
            }
        }
        found
    }
}
