//! The trees that are audited, and how.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::{Ran, copy_tree, kpki, run, scratch, text};

/// Shortly after kubeadm wrote the fixtures.
pub(crate) const NOW: &str = "2026-11-24T00:00:00Z";

/// A file or directory of this repository.
pub(crate) fn repository(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// What is audited; it goes away with the value.
pub(crate) struct Tree {
    directory: tempfile::TempDir,
}

impl Tree {
    /// What kubeadm made, as `tree`, with the modes that it gives.
    pub(crate) fn of_kubeadm(fixture: &str) -> Self {
        let tree = Self { directory: scratch() };
        copy_tree(&repository("tests/fixtures").join(fixture), &tree.root());
        std::fs::remove_file(tree.file("cluster.yaml")).expect("kubeadm was given it");
        set_modes(&tree.root());
        tree
    }

    /// What `kpki init` makes of a file, as `tree`.
    #[track_caller]
    pub(crate) fn of_init(file: &Path) -> Self {
        let tree = Self { directory: scratch() };
        run(kpki(["--now", NOW, "init", "-f", text(file), "--dir"]).arg(tree.root())).ok();
        tree
    }

    pub(crate) fn root(&self) -> PathBuf {
        self.directory.path().join("tree")
    }

    /// A place beside the tree.
    pub(crate) fn beside(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// A file of the tree.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.root().join(name)
    }

    /// Audits the tree, in the directory beside it.
    pub(crate) fn audit(&self, arguments: &[&str]) -> Ran {
        self.kpki(&[&["audit", "tree"], arguments].concat())
    }

    pub(crate) fn kpki(&self, arguments: &[&str]) -> Ran {
        run(kpki(["--now", NOW]).args(arguments).current_dir(self.directory.path()))
    }

    /// Runs a line of the shell in which `kpki` is the one under test.
    pub(crate) fn shell(&self, line: &str) -> Ran {
        let script = format!("set -o pipefail; kpki() {{ \"$KPKI\" --now {NOW} \"$@\"; }}; {line}");
        let mut command = crate::support::command("bash", ["-c", &script]);
        run(command
            .env("KPKI", crate::support::kpki_binary())
            .env("NO_COLOR", "1")
            .current_dir(self.directory.path()))
    }
}

/// kubeadm's modes, which git does not keep.
fn set_modes(directory: &Path) {
    for entry in std::fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("an entry").path();
        let secret =
            ["key", "conf", "yaml"].iter().any(|ending| path.extension().is_some_and(|e| e == *ending));
        let mode = match (path.is_dir(), secret) {
            (true, _) => 0o755,
            (false, true) => 0o600,
            (false, false) => 0o644,
        };
        std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).expect("its owner");
        if path.is_dir() {
            set_modes(&path);
        }
    }
}

/// The document that `-o json` printed.
#[track_caller]
pub(crate) fn document(ran: &Ran) -> Value {
    serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {}", ran.words()))
}

/// Findings in a few words each: `high P017 pki/etcd/server.crt: …`.
pub(crate) fn findings(document: &Value) -> Vec<String> {
    let word = |finding: &Value, name: &str| finding[name].as_str().unwrap_or_default().to_owned();
    document["findings"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|finding| {
            let [severity, rule, node, path, message] =
                ["severity", "rule", "node", "path", "message"].map(|name| word(finding, name));
            let node = if node.is_empty() { node } else { format!("{node}:") };
            format!("{severity} {rule} {node}{path}: {message}")
        })
        .collect()
}
