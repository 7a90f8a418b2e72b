//! E014: etcd's data is etcd's alone.

use std::path::Path;

use super::super::{Answers, Place, Scene, Target};
use super::etcd::Etcd;
use super::remedy::Cure;
use super::{Check, Citation, Rule, Severity};
use crate::x509::Printable;

pub(super) static RULE: Rule = Rule {
    id: "E014",
    name: "etcd-data-directory",
    title: "Others than etcd may enter its data directory",
    severity: Severity::Medium,
    citations: &[
        Citation::page("CIS Kubernetes Benchmark 1.1.11", "https://www.cisecurity.org/benchmark/kubernetes"),
        Citation::page(
            "etcd: configuration options",
            "https://etcd.io/docs/v3.6/op-guide/configuration/#member",
        ),
    ],
    explanation: "All of the cluster's Secrets stand in that directory, in clear unless the API server encrypts them. etcd makes \
                  it with mode 0700; a wider one lets other users of the node read them.",
    fix: "Run `chmod 700 FILE`.",
    applies_to: "the directory of --data-dir",
    check: Check::Node(check),
};

// The catalogue has it as info; a directory that everybody may enter is worth more, so that is medium, and one for a group stays info.
fn check(scene: &Scene<'_>, answers: &mut Answers) {
    let Some(etcd) = Etcd::of(scene, answers) else { return };
    let Some(given) = etcd.value("data-dir") else { return };
    let path = scene.node.etcd_data();
    let entry = path.as_ref().and_then(|path| scene.node.entry_at(path));
    let Some((file, attributes)) = entry.and_then(|(file, entry)| Some((file, entry.attributes?))) else {
        let shown = path.as_deref().unwrap_or(Path::new(given));
        let shown = Printable(&shown.to_string_lossy()).to_string();
        let is_missing = path.as_deref().is_some_and(|path| scene.node.resolve(path) == Target::Missing);
        let why = if is_missing { "is not there" } else { "was not given" };
        return answers.skip(etcd.place("data-dir"), format!("{shown} {why}"));
    };
    answers.look();
    let mode = attributes.mode & 0o777;
    if mode & 0o077 != 0 {
        let everybody = mode % 0o10 != 0;
        let who = if everybody { "others" } else { "its group" };
        let fact = answers.fail(Place::file(file), format!("its mode is {mode:04o}: {who} may use it"));
        fact.fix(Cure::default().narrow(0o700));
        if !everybody {
            fact.severity(Severity::Info);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::tree::Tree;
    use super::super::super::{Input, Source, Store, audit};
    use super::*;

    #[test]
    fn the_mode_is_looked_at() {
        for (mode, finding) in [
            (0o700, None),
            (0o750, Some("info var/lib/etcd: its mode is 0750: its group may use it")),
            (0o755, Some("medium var/lib/etcd: its mode is 0755: others may use it")),
        ] {
            let mut tree = Tree::control_plane();
            tree.file("var/lib/etcd/member/x", 0o600, "");
            tree.mode("var/lib/etcd", mode);
            assert_eq!(tree.findings("E014"), finding.into_iter().collect::<Vec<_>>());
            assert!(!tree.not_applicable(&RULE));
        }
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a system on the disk is what is audited")]
    fn of_a_whole_system_the_directory_alone_is_looked_at() {
        use std::os::unix::fs::PermissionsExt as _;
        let system = tempfile::tempdir().unwrap();
        let tree = Tree::control_plane();
        for directory in ["usr", "etc/kubernetes/manifests", "var/lib/etcd/member"] {
            std::fs::create_dir_all(system.path().join(directory)).unwrap();
        }
        let manifest = "etc/kubernetes/manifests/etcd.yaml";
        std::fs::write(system.path().join(manifest), tree.text(manifest)).unwrap();
        std::fs::write(system.path().join("var/lib/etcd/member/db"), "data").unwrap();
        let data = system.path().join("var/lib/etcd");
        std::fs::set_permissions(data, std::fs::Permissions::from_mode(0o755)).unwrap();
        let input =
            Input { name: None, sources: vec![Source::Path(system.path().to_owned())], store: Store::No };
        let mut policy = tree.policy;
        policy.select = vec!["E014".to_owned()];
        let report = audit(vec![input], &policy, &|| ()).unwrap();
        let found: Vec<_> =
            report.findings.iter().map(|found| (found.location.within(), found.message.as_str())).collect();
        assert_eq!(found, [("var/lib/etcd", "its mode is 0755: others may use it")]);
        assert_eq!(report.read.files, 1);
    }

    #[test]
    fn what_was_not_given_is_skipped() {
        assert_eq!(
            Tree::control_plane().skipped("E014"),
            ["etc/kubernetes/manifests/etcd.yaml: /var/lib/etcd was not given"]
        );
        let mut tree = Tree::control_plane();
        tree.flag("etcd", "--data-dir=/data");
        assert_eq!(tree.skipped("E014"), ["etc/kubernetes/manifests/etcd.yaml: /data was not given"]);
        assert!(Tree::worker().not_applicable(&RULE));
    }
}
