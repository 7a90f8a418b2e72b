//! Trees to rehearse, and what a rehearsal of them says.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::{Ran, copy_tree, kpki, run, scratch, text};

/// The present of every test here.
pub(crate) const NOW: &str = "2026-12-01T00:00:00Z";
/// The same for openssl.
pub(crate) const NOW_SECONDS: &str = "1796083200";

/// Runs kpki in that present.
#[track_caller]
pub(crate) fn at_now(arguments: &[&str]) -> Ran {
    run(kpki(["--now", NOW]).args(arguments))
}

pub(crate) fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// A directory that goes when the value does.
pub(crate) struct Tree {
    directory: tempfile::TempDir,
}

impl Tree {
    /// What `kpki init` makes of the template: three control planes, two workers, two users, and the CAs.
    pub(crate) fn of_template() -> Self {
        Self::of_cluster(
            &std::fs::read_to_string(repository("templates/cluster.yaml")).expect("the template"),
        )
    }

    /// What `kpki init` makes of a cluster's file.
    #[track_caller]
    pub(crate) fn of_cluster(cluster: &str) -> Self {
        let tree = Self { directory: scratch() };
        std::fs::write(tree.path("cluster.yaml"), cluster).expect("the cluster's file");
        tree.init();
        tree
    }

    /// What kubeadm made, from the fixtures.
    pub(crate) fn of_kubeadm(fixture: &str) -> Self {
        let tree = Self { directory: scratch() };
        copy_tree(&repository("tests/fixtures").join(fixture), &tree.root());
        tree
    }

    /// Makes what is missing.
    #[track_caller]
    pub(crate) fn init(&self) -> Ran {
        at_now(&["init", "-f", text(&self.path("cluster.yaml")), "--dir", text(&self.root())]).ok()
    }

    /// The directory that is rehearsed.
    pub(crate) fn root(&self) -> PathBuf {
        self.path("out")
    }

    /// A place beside it.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// A file of a node's `/etc/kubernetes`.
    pub(crate) fn of(&self, node: &str, file: &str) -> PathBuf {
        self.root().join(node).join("etc/kubernetes").join(file)
    }

    /// A file of a node's PKI directory.
    pub(crate) fn pki(&self, node: &str, file: &str) -> PathBuf {
        self.of(node, "pki").join(file)
    }

    /// Rehearses it.
    #[track_caller]
    pub(crate) fn rehearse(&self, options: &[&str]) -> Rehearsed {
        Rehearsed::of(&self.root(), options)
    }

    /// Rehearses it for people.
    #[track_caller]
    pub(crate) fn picture(&self, options: &[&str]) -> Ran {
        let root = self.root();
        let mut arguments = vec!["rehearse", text(&root)];
        arguments.extend(options);
        at_now(&arguments)
    }
}

/// What a rehearsal said in JSON.
pub(crate) struct Rehearsed {
    pub(crate) code: i32,
    pub(crate) said: Value,
}

impl Rehearsed {
    #[track_caller]
    pub(crate) fn of(directory: &Path, options: &[&str]) -> Self {
        let mut arguments = vec!["rehearse", text(directory), "-o", "json"];
        arguments.extend(options);
        let ran = at_now(&arguments);
        let said = serde_json::from_str(&ran.stdout)
            .unwrap_or_else(|error| panic!("no JSON ({error}): {}\n{}", ran.stdout, ran.stderr));
        Self { code: ran.code.expect("it ended by itself"), said }
    }

    pub(crate) fn connections(&self) -> &[Value] {
        self.said["connections"].as_array().expect("a list")
    }

    /// The connections with that outcome: `kubelet-apiserver worker1 cp2`.
    pub(crate) fn with(&self, outcome: &str) -> BTreeSet<String> {
        let own = self.connections().iter().filter(|one| one["outcome"] == outcome);
        own.map(place).collect()
    }

    /// The codes of all failures.
    pub(crate) fn codes(&self) -> BTreeSet<String> {
        let failures = self.connections().iter().filter_map(|one| one["failures"].as_array()).flatten();
        failures.map(|failure| words(&failure["code"])).collect()
    }

    /// The reasons of the causes, each with its files.
    pub(crate) fn causes(&self) -> Vec<(String, Vec<String>)> {
        let causes = self.said["causes"].as_array().expect("a list").iter();
        causes
            .map(|cause| {
                let files = cause["files"].as_array().expect("a list").iter().map(words).collect();
                (words(&cause["reason"]), files)
            })
            .collect()
    }

    /// The connection at that place.
    #[track_caller]
    pub(crate) fn at(&self, wanted: &str) -> &Value {
        let found = self.connections().iter().find(|one| place(one) == wanted);
        found.unwrap_or_else(|| {
            panic!("no {wanted} among {:?}", self.connections().iter().map(place).collect::<Vec<_>>())
        })
    }

    /// Asserts that all went through.
    #[track_caller]
    pub(crate) fn assert_ok(&self, connections: usize) {
        assert_eq!(
            (self.with("failed"), self.with("unknown")),
            Default::default(),
            "{:#}",
            self.said["causes"]
        );
        assert_eq!((self.code, self.connections().len()), (0, connections));
    }
}

/// `kubelet-apiserver worker1 cp2`; users go by their file.
fn place(one: &Value) -> String {
    let node = |party: &Value| party["node"].as_str().map(str::to_owned);
    let client = node(&one["client"]).unwrap_or_else(|| words(&one["client"]["called"]));
    let server = node(&one["server"]).unwrap_or_default();
    format!("{} {client} {server}", words(&one["edge"])).trim_end().to_owned()
}

pub(crate) fn words(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// A list of places, one on each line.
pub(crate) fn places(text: &str) -> BTreeSet<String> {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

impl Tree {
    /// The same once more.
    pub(crate) fn copy(&self) -> Self {
        let copy = Self { directory: scratch() };
        copy_tree(&self.root(), &copy.root());
        let file = self.path("cluster.yaml");
        if file.exists() {
            std::fs::copy(file, copy.path("cluster.yaml")).expect("copied");
        }
        copy
    }
}
