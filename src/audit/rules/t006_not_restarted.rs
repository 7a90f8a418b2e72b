//! T006: a file is newer than the process that read it.

use std::collections::BTreeMap;

use time::{Duration, OffsetDateTime};

use super::super::{Answers, Holder, Reference, Scene, Target, What};
use super::{Check, Citation, Place, Rule, Severity, dates};
use crate::manifest::{By, Component};

/// The kernel reckons the start of a process from that of the system, which is told in whole seconds and drifts.
const TOLERANCE: Duration = Duration::MINUTE;

/// What every component reads again by itself: the files of Kubernetes' serving certificates and CAs of clients
/// (`dynamiccertificates` of k8s.io/apiserver), and etcd's certificates, which it reads for each handshake.
const RELOADED: [&str; 13] = [
    "tls-cert-file",
    "tls-private-key-file",
    "tls-sni-cert-key",
    "client-ca-file",
    "requestheader-client-ca-file",
    "proxy-client-cert-file",
    "proxy-client-key-file",
    "cert-file",
    "key-file",
    "peer-cert-file",
    "peer-key-file",
    "client-crl-file",
    "peer-crl-file",
];

pub(super) static RULE: Rule = Rule {
    id: "T006",
    name: "not-restarted",
    title: "A component runs with older files than those on disk",
    severity: Severity::High,
    citations: &[
        Citation::page(
            "kubeadm: manual certificate renewal",
            "https://kubernetes.io/docs/tasks/administer-cluster/kubeadm/kubeadm-certs/#manual-certificate-renewal",
        ),
        Citation::page(
            "kubernetes/kubernetes#78382",
            "https://github.com/kubernetes/kubernetes/issues/78382",
        ),
        Citation::page("kubernetes/kubeadm#2409", "https://github.com/kubernetes/kubeadm/issues/2409"),
    ],
    explanation: "The file was written after the process had started, and this component does not read it again in every release: \
                  it goes on with what it had, and stops when that expires, although the file is in order. A kubeconfig with \
                  an embedded certificate is reported as high; other files, which newer releases may read again, as medium. \
                  What all of them read again is not asked, nor is the kubelet, which writes its own files.",
    fix: "Restart the static pod: move its manifest out of /etc/kubernetes/manifests for 20 seconds, and back.",
    applies_to: "the files that the static pods of a running node name",
    check: Check::Node(check),
};

fn check(scene: &Scene<'_>, answers: &mut Answers) {
    let node = scene.node;
    // Each file once for a component, however many flags name it.
    let mut read: BTreeMap<(&'static str, usize), &Reference> = BTreeMap::new();
    for reference in &node.references {
        let Holder::Component(component) = reference.holder else { continue };
        if !Component::CONTROL_PLANE.contains(&component) {
            continue;
        }
        let flag = reference.flag.trim_start_matches('-');
        if let Target::File(file) = reference.target
            && !RELOADED.contains(&flag)
        {
            read.entry((component.program(), file)).or_insert(reference);
        }
    }
    if read.is_empty() {
        return;
    }
    let started: BTreeMap<&str, OffsetDateTime> = Component::CONTROL_PLANE
        .into_iter()
        .filter_map(|component| Some((component.program(), node.started(component.program())?)))
        .collect();
    if started.is_empty() {
        let reason = "when the components started was not given: run it on the node itself, `kpki audit /`";
        answers.skip(Place::nowhere(), reason);
        return;
    }
    for ((program, file), reference) in read {
        let modified = node
            .files
            .get(file)
            .and_then(|file| file.attributes?.modified)
            .and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok());
        let (Some(started), Some(modified)) = (started.get(program), modified) else {
            let reason = format!("when {program} started, or when the file was written, was not given");
            answers.skip(file, reason);
            continue;
        };
        answers.look();
        if modified <= *started + TOLERANCE {
            continue;
        }
        let message = format!(
            "it was written on {}, and {program}, which names it in {}, runs since {}",
            dates::shown(modified),
            reference.written(),
            dates::shown(*started)
        );
        let fact = answers.fail(file, message);
        let pod = node.files.get(reference.file).map(|manifest| manifest.shown.to_string());
        let is_pod =
            node.launched.launches.iter().any(|launch| launch.by == By::Pod && launch.file == reference.file);
        fact.fix(match pod.filter(|_| is_pod) {
            Some(pod) => {
                format!("Restart the static pod: move {pod} out of its directory for 20 seconds, and back. etcd and the API server go one node after the other.")
            }
            None => format!("Restart {program}."),
        });
        if reference.what != What::Kubeconfig {
            fact.severity(Severity::Medium);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::tree::{PKI, Tree};
    use super::*;
    use crate::forge::NOW;

    /// A running node: the system started a day ago, and each process 100 seconds later.
    fn running() -> Tree {
        let mut tree = Tree::control_plane();
        let booted = (NOW - Duration::DAY).unix_timestamp();
        tree.file("proc/stat", 0o444, format!("cpu  1 2 3\nbtime {booted}\n"));
        for (pid, name) in
            ["kube-apiserver", "kube-controller", "kube-scheduler", "etcd"].into_iter().enumerate()
        {
            let stat =
                format!("{pid} ({name}) S 1 42 42 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 9 0 10000 1 2 3\n");
            tree.file(&format!("proc/{pid}/stat"), 0o444, stat);
        }
        let (node, before) = (tree.node(), (NOW - Duration::DAY).unix_timestamp());
        for file in &node.files {
            tree.set_attributes(&file.shown, |attributes| attributes.modified = Some(before));
        }
        tree
    }

    #[test]
    fn a_newer_file_fires() {
        let mut tree = running();
        assert_eq!(tree.findings("T006"), [""; 0]);
        assert_eq!(tree.skipped("T006"), [""; 0]);
        let now = Some(NOW.unix_timestamp());
        for path in [
            "etc/kubernetes/scheduler.conf",
            "etc/kubernetes/pki/apiserver-etcd-client.crt",
            // These are read again, or read by nobody.
            "etc/kubernetes/pki/apiserver.crt",
            "etc/kubernetes/pki/etcd/server.crt",
            "etc/kubernetes/admin.conf",
        ] {
            tree.set_attributes(path, |attributes| attributes.modified = now);
        }
        assert_eq!(
            tree.findings("T006"),
            [
                "high etc/kubernetes/scheduler.conf: it was written on 2026-06-01 12:00 UTC, and kube-scheduler, which names \
                 it in --kubeconfig, runs since 2026-05-31 12:01 UTC",
                "medium etc/kubernetes/pki/apiserver-etcd-client.crt: it was written on 2026-06-01 12:00 UTC, and \
                 kube-apiserver, which names it in --etcd-certfile, runs since 2026-05-31 12:01 UTC",
            ]
        );
    }

    #[test]
    fn without_processes_or_times_it_is_skipped() {
        let mut tree = running();
        tree.remove("proc/3/stat");
        tree.set_attributes(&format!("{PKI}/sa.pub"), |attributes| attributes.modified = None);
        let skipped = tree.skipped("T006");
        assert!(
            skipped.contains(
                &"etc/kubernetes/pki/sa.pub: when kube-apiserver started, or when the file was written, was not given"
                    .to_owned()
            ),
            "{skipped:?}"
        );
        assert!(
            skipped
                .iter()
                .any(|reason| reason.starts_with("etc/kubernetes/pki/etcd/ca.crt: when etcd started"))
        );
        tree.remove("proc/stat");
        assert_eq!(
            tree.skipped("T006"),
            [": when the components started was not given: run it on the node itself, `kpki audit /`"]
        );
        assert!(Tree::worker().not_applicable(&RULE));
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "the system is laid out on disk")]
    fn a_running_systems_processes_are_read_from_its_root() {
        use crate::audit::{Input, Known, Source, Store};
        let dir = tempfile::tempdir().unwrap();
        for place in ["usr", "etc", "proc/7", "proc/8", "proc/self"] {
            std::fs::create_dir_all(dir.path().join(place)).unwrap();
        }
        let stat =
            |name: &str| format!("7 ({name}) S 1 42 42 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 9 0 12345 1 2 3\n");
        for (place, text) in [
            ("proc/stat", "cpu  1 2 3\nbtime 1780000000\n".to_owned()),
            ("proc/7/stat", stat("etcd")),
            ("proc/8/stat", stat("bash")),
            ("proc/self/stat", stat("etcd")),
        ] {
            std::fs::write(dir.path().join(place), text).unwrap();
        }
        let source = Source::Path(dir.path().to_owned());
        let input = Input { name: None, sources: vec![source], store: Store::No };
        let node = crate::audit::evidence::gather(input, None, &Known::default()).unwrap();
        let paths: Vec<_> = node.files.iter().map(|file| &file.shown[file.base..]).collect();
        assert_eq!(paths, ["proc/7/stat", "proc/stat"]);
        let started =
            OffsetDateTime::from_unix_timestamp(1_780_000_123).unwrap() + Duration::milliseconds(450);
        assert_eq!(node.started("etcd"), Some(started));
        assert_eq!(node.started("kube-apiserver"), None);
    }
}
