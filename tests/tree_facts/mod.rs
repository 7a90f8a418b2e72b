//! What lies in a PKI directory, as Python's `cryptography` reads it: `tests/tools/describe_tree.py`.

use std::collections::BTreeMap;
use std::path::Path;

use crate::support::{command, python, run, text, tool};

/// The facts of one file by their names; see the script for these.
pub(crate) type Facts = BTreeMap<String, String>;
/// The files of one directory by their paths.
pub(crate) type Tree = BTreeMap<String, Facts>;

/// Reads several directories with one Python, for its start costs more than the reading.
#[track_caller]
pub(crate) fn trees(roots: &[&Path]) -> Vec<Tree> {
    let mut describe = command(&python(), [tool("describe_tree.py")]);
    let said = run(describe.args(roots)).ok().stdout;
    let mut all: BTreeMap<String, Tree> = serde_json::from_str(&said).expect("describe_tree.py prints JSON");
    roots.iter().map(|root| all.remove(text(root)).unwrap_or_default()).collect()
}

/// A fact, or nothing where the file has no such fact.
pub(crate) fn fact<'a>(facts: &'a Facts, name: &str) -> &'a str {
    facts.get(name).map_or("", String::as_str)
}

/// The files without kpki's ledgers, which kubeadm has not.
pub(crate) fn files(tree: &Tree) -> Vec<&str> {
    tree.keys().map(String::as_str).filter(|path| !has_extension(path, "jsonl")).collect()
}

/// Whether a path ends in that extension.
pub(crate) fn has_extension(path: &str, extension: &str) -> bool {
    Path::new(path).extension().is_some_and(|own| own == extension)
}
