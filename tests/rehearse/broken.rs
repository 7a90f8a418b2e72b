//! Trees that are wrong in one way each: exactly the connections fail that must, and the words say why.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::support::{files_under, openssl, scratch, text};
use crate::tree::{Rehearsed, Tree, at_now, places, repository, words};

/// All that dial the API server of cp2.
const TO_CP2: &str = "
    admin-apiserver cp1 cp2
    admin-apiserver cp2 cp2
    admin-apiserver cp3 cp2
    super-admin-apiserver cp1 cp2
    user-apiserver users/ci-robot.conf cp2
    user-apiserver users/jane.conf cp2
    controller-manager-apiserver cp2 cp2
    scheduler-apiserver cp2 cp2
    kubelet-apiserver cp2 cp2
    kubelet-apiserver worker1 cp2
    kubelet-apiserver worker2 cp2
    pods-apiserver cp2 cp2";

const ETCD_OF_CP2: &str = "
    apiserver-etcd cp2 cp2
    etcd-gateway cp2 cp2
    etcd-healthcheck cp2 cp2";

/// One way in which a tree is broken, and what is to be said of it.
struct Case {
    name: &'static str,
    breaks: fn(&Tree),
    options: &'static [&'static str],
    fails: &'static str,
    code: &'static str,
    /// In the reason of the first cause.
    says: &'static [&'static str],
    /// The end of the file to blame.
    file: &'static str,
}

/// Makes a pair of cp2 anew with `kpki issue`.
fn issue(tree: &Tree, ca: &Path, profiles: Option<&Path>, file: &str, words: &[&str]) {
    let certificate = tree.pki("cp2", file);
    for file in [certificate.clone(), certificate.with_extension("key")] {
        fs::remove_file(file).expect("it was there");
    }
    let mut arguments = vec!["issue"];
    arguments.extend(words);
    arguments.extend(["--ca", text(ca), "--out", text(&certificate)]);
    if let Some(profiles) = profiles {
        arguments.extend(["--profiles", text(profiles)]);
    }
    at_now(&arguments).ok();
}

/// A CA of the same name that nobody knows.
fn other_ca(tree: &Tree) -> std::path::PathBuf {
    let other = tree.path("other");
    at_now(&["ca", "init", "--dir", text(&other)]).ok();
    other
}

/// The built-in profile without clientAuth.
fn server_only(tree: &Tree, profile: &str) -> std::path::PathBuf {
    let directory = tree.path("profiles");
    fs::create_dir(&directory).expect("a directory");
    let own = repository("templates/profiles").join(format!("{profile}.yaml"));
    let own =
        fs::read_to_string(own).expect("the profile").replace("[serverAuth, clientAuth]", "[serverAuth]");
    fs::write(directory.join(format!("{profile}.yaml")), own).expect("written");
    directory
}

fn replace_in(file: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(file).expect("readable");
    assert!(text.contains(from), "{from} is not in {}", file.display());
    fs::write(file, text.replace(from, to)).expect("written");
}

/// Puts another CA into a kubeconfig.
fn trust_other(tree: &Tree, kubeconfig: &Path) {
    let ca = other_ca(tree).join("ca.crt");
    let data = openssl(["base64", "-A", "-in", text(&ca)]).stdout;
    let text = fs::read_to_string(kubeconfig).expect("readable");
    let lines = text.lines().map(|line| match line.split_once("certificate-authority-data: ") {
        Some((indent, _)) => format!("{indent}certificate-authority-data: {}\n", data.trim()),
        None => format!("{line}\n"),
    });
    fs::write(kubeconfig, lines.collect::<String>()).expect("written");
}

const SERVER_NAMES: [&str; 8] =
    ["etcd-server", "cp2", "--san", "cp2", "--san", "127.0.0.1", "--san", "10.0.0.12"];
const PEER_NAMES: [&str; 8] =
    ["etcd-peer", "cp2", "--san", "cp2", "--san", "127.0.0.1", "--san", "10.0.0.12"];

const CASES: &[Case] = &[
    Case {
        name: "an API server's certificate without its address and the endpoint",
        breaks: |tree| {
            issue(
                tree,
                &tree.root().join("ca"),
                None,
                "apiserver.crt",
                &["apiserver", "--only-sans", "--san", "kubernetes"],
            );
        },
        options: &[],
        fails: TO_CP2,
        code: "name-mismatch",
        says: &[
            "apiserver.crt of cp2 does not hold api.demo.example, which admin.conf of cp1 dials; it holds kubernetes",
        ],
        file: "cp2/etc/kubernetes/pki/apiserver.crt",
    },
    Case {
        name: "an etcd server certificate of another CA with the same name",
        breaks: |tree| issue(tree, &other_ca(tree), None, "etcd/server.crt", &SERVER_NAMES),
        options: &[],
        fails: ETCD_OF_CP2,
        code: "signature",
        says: &[
            "etcd/server.crt of cp2 is not from the CA in etcd/ca.crt of cp2",
            "the issuer CN=etcd-ca is present, but with another key",
        ],
        file: "cp2/etc/kubernetes/pki/etcd/server.crt",
    },
    Case {
        name: "a key of another node",
        breaks: |tree| {
            fs::copy(tree.pki("cp1", "apiserver.key"), tree.pki("cp2", "apiserver.key")).expect("copied");
        },
        options: &[],
        fails: TO_CP2,
        code: "key-mismatch",
        says: &["apiserver.key of cp2 does not belong to apiserver.crt of cp2"],
        file: "cp2/etc/kubernetes/pki/apiserver.key",
    },
    Case {
        name: "the front proxy's CA in the place of etcd's",
        breaks: |tree| {
            fs::copy(tree.pki("cp2", "front-proxy-ca.crt"), tree.pki("cp2", "etcd/ca.crt")).expect("copied");
        },
        options: &[],
        fails: "
            apiserver-etcd cp2 cp2
            etcd-gateway cp2 cp2
            etcd-healthcheck cp2 cp2
            etcd-peer cp2 cp1
            etcd-peer cp2 cp3
            etcd-peer cp1 cp2
            etcd-peer cp3 cp2",
        code: "no-issuer",
        says: &[
            "is not from a CA in etcd/ca.crt of cp2",
            "its issuer is CN=etcd-ca, and CN=front-proxy-ca is there",
        ],
        file: "cp2/etc/kubernetes/pki/etcd/ca.crt",
    },
    Case {
        name: "an etcd server certificate that is for servers only: its gateway is refused",
        breaks: |tree| {
            let profiles = server_only(tree, "etcd-server");
            issue(tree, &tree.root().join("ca"), Some(&profiles), "etcd/server.crt", &SERVER_NAMES);
        },
        options: &[],
        fails: "etcd-gateway cp2 cp2",
        code: "purpose",
        says: &["etcd/server.crt of cp2", "clientAuth", "serverAuth"],
        file: "cp2/etc/kubernetes/pki/etcd/server.crt",
    },
    Case {
        name: "an etcd peer certificate that is for servers only: it may be dialled, and may not dial",
        breaks: |tree| {
            let profiles = server_only(tree, "etcd-peer");
            issue(tree, &tree.root().join("ca"), Some(&profiles), "etcd/peer.crt", &PEER_NAMES);
        },
        options: &[],
        fails: "
            etcd-peer cp2 cp1
            etcd-peer cp2 cp3",
        code: "purpose",
        says: &["etcd/peer.crt of cp2", "clientAuth"],
        file: "cp2/etc/kubernetes/pki/etcd/peer.crt",
    },
    Case {
        name: "a worker's kubelet that dials what is nobody's",
        breaks: |tree| replace_in(&tree.of("worker1", "kubelet.conf"), "api.demo.example", "10.9.9.9"),
        options: &[],
        fails: "
            kubelet-apiserver worker1 cp1
            kubelet-apiserver worker1 cp2
            kubelet-apiserver worker1 cp3",
        code: "name-mismatch",
        says: &["kubelet.conf of worker1 dials 10.9.9.9, which none of the 3 certificates"],
        file: "worker1/etc/kubernetes/kubelet.conf",
    },
    Case {
        name: "a control plane's kubelet that dials what is nobody's",
        breaks: |tree| replace_in(&tree.of("cp1", "kubelet.conf"), "10.0.0.11", "10.9.9.9"),
        options: &[],
        fails: "kubelet-apiserver cp1 cp1",
        code: "name-mismatch",
        says: &["apiserver.crt of cp1 does not hold 10.9.9.9, which kubelet.conf of cp1 dials; it holds"],
        file: "cp1/etc/kubernetes/kubelet.conf",
    },
    Case {
        name: "a private key where the certificate should be",
        breaks: |tree| {
            fs::copy(tree.pki("cp2", "apiserver.key"), tree.pki("cp2", "apiserver.crt")).expect("copied");
        },
        options: &[],
        fails: TO_CP2,
        code: "unusable-file",
        says: &["apiserver.crt of cp2: no certificate found; the first PEM block is a EC PRIVATE KEY"],
        file: "cp2/etc/kubernetes/pki/apiserver.crt",
    },
    Case {
        name: "DER where PEM is read",
        breaks: |tree| {
            let (file, der) = (tree.pki("cp2", "apiserver.crt"), tree.path("der"));
            openssl(["x509", "-in", text(&file), "-outform", "DER", "-out", text(&der)]);
            fs::copy(der, file).expect("copied");
        },
        options: &[],
        fails: TO_CP2,
        code: "unusable-file",
        says: &["apiserver.crt of cp2: it is DER"],
        file: "cp2/etc/kubernetes/pki/apiserver.crt",
    },
    Case {
        name: "users' certificates after thirty days",
        breaks: |_| {},
        options: &["--at", "2027-01-15T00:00:00Z"],
        fails: "
            user-apiserver users/ci-robot.conf cp1
            user-apiserver users/ci-robot.conf cp2
            user-apiserver users/ci-robot.conf cp3
            user-apiserver users/jane.conf cp1
            user-apiserver users/jane.conf cp2
            user-apiserver users/jane.conf cp3",
        code: "expired",
        says: &["2 certificates: expired: it ended on 2026-12-31"],
        file: "users/ci-robot.conf",
    },
    Case {
        name: "a kubeconfig that trusts another CA of the same name",
        breaks: |tree| trust_other(tree, &tree.of("worker1", "kubelet.conf")),
        options: &[],
        fails: "
            kubelet-apiserver worker1 cp1
            kubelet-apiserver worker1 cp2
            kubelet-apiserver worker1 cp3",
        code: "signature",
        says: &["is not from the CA in kubelet.conf of worker1"],
        file: "worker1/etc/kubernetes/kubelet.conf",
    },
    Case {
        name: "a kubeconfig that verifies nobody",
        breaks: |tree| {
            let file = tree.of("worker1", "kubelet.conf");
            let text = fs::read_to_string(&file).expect("readable");
            let line =
                text.lines().find(|line| line.contains("certificate-authority-data")).expect("the line");
            let text = text.replace(line, "    insecure-skip-tls-verify: true");
            fs::write(&file, text).expect("written");
        },
        options: &[],
        fails: "
            kubelet-apiserver worker1 cp1
            kubelet-apiserver worker1 cp2
            kubelet-apiserver worker1 cp3",
        code: "server-of-another-ca",
        says: &["kubelet.conf of worker1 says insecure-skip-tls-verify"],
        file: "worker1/etc/kubernetes/kubelet.conf",
    },
    Case {
        name: "a kubeconfig without TLS",
        breaks: |tree| replace_in(&tree.of("worker1", "kubelet.conf"), "https://", "http://"),
        options: &[],
        fails: "kubelet-apiserver worker1",
        code: "unusable-file",
        says: &["kubelet.conf of worker1: http://api.demo.example:6443 is not spoken to with TLS"],
        file: "worker1/etc/kubernetes/kubelet.conf",
    },
    Case {
        name: "a kubeconfig that waits for its certificate",
        breaks: |tree| {
            let file = tree.of("cp3", "scheduler.conf");
            let text = fs::read_to_string(&file).expect("readable");
            let line = text.lines().find(|line| line.contains("client-certificate-data")).expect("the line");
            fs::write(&file, text.replace(&format!("{line}\n"), "")).expect("written");
        },
        options: &[],
        fails: "scheduler-apiserver cp3",
        code: "unusable-file",
        says: &["scheduler.conf of cp3", "waits for its certificate"],
        file: "cp3/etc/kubernetes/scheduler.conf",
    },
    Case {
        name: "a client certificate for servers only",
        breaks: |tree| {
            let names = ["server", "apiserver-kubelet-client", "--san", "cp2"];
            issue(tree, &tree.root().join("ca"), None, "apiserver-kubelet-client.crt", &names);
        },
        options: &[],
        fails: "
            apiserver-kubelet cp2 cp1
            apiserver-kubelet cp2 cp2
            apiserver-kubelet cp2 cp3
            apiserver-kubelet cp2 worker1
            apiserver-kubelet cp2 worker2",
        code: "purpose",
        says: &["apiserver-kubelet-client.crt of cp2", "clientAuth"],
        file: "cp2/etc/kubernetes/pki/apiserver-kubelet-client.crt",
    },
];

#[test]
fn exactly_what_must_fail_fails() {
    let whole = Tree::of_template();
    for case in CASES {
        let tree = whole.copy();
        (case.breaks)(&tree);
        let rehearsed = tree.rehearse(case.options);
        assert_eq!(rehearsed.with("failed"), places(case.fails), "{}", case.name);
        assert_eq!(rehearsed.with("unknown"), BTreeSet::new(), "{}", case.name);
        assert_eq!(rehearsed.code, 1, "{}", case.name);
        assert_eq!(rehearsed.codes(), BTreeSet::from([case.code.to_owned()]), "{}", case.name);
        let (reason, files) = rehearsed.causes().swap_remove(0);
        for words in case.says {
            assert!(reason.contains(words), "{}: {reason}", case.name);
        }
        assert!(files.iter().any(|file| file.ends_with(case.file)), "{}: {files:?}", case.name);
        // What fails here the audit does not call fine; of the cluster's file it knows nothing.
        let audited = at_now(&["audit", "--nodes", text(&tree.root()), "-q"]);
        if case.options.is_empty() {
            assert_eq!(audited.code, Some(1), "{}: {}", case.name, audited.words());
        }
        // People are told the same.
        let ran = tree.picture(case.options).expect_code(1);
        assert!(ran.stdout.contains(&reason) && ran.stdout.contains("FAIL"), "{}: {}", case.name, ran.stdout);
    }
}

#[test]
fn both_sides_of_a_connection_are_judged() {
    let tree = Tree::of_template();
    let rehearsed = tree.rehearse(&["--at", "2028-06-01T00:00:00Z"]);
    assert_eq!(rehearsed.with("failed").len(), rehearsed.connections().len());
    let one = rehearsed.at("apiserver-etcd cp1 cp1");
    let files: Vec<_> =
        one["failures"].as_array().expect("a list").iter().map(|one| words(&one["file"])).collect();
    assert_eq!(files.len(), 2, "{one:#}");
    assert!(
        files[0].ends_with("etcd/server.crt") && files[1].ends_with("apiserver-etcd-client.crt"),
        "{files:?}"
    );
    // Everything but the users' kubeconfigs ends on one day: that is one thing to be said.
    assert_eq!(rehearsed.causes().len(), 2, "{:?}", rehearsed.causes());
}

#[test]
fn what_is_advised_mends_it() {
    let tree = Tree::of_template();
    let case = &CASES[0];
    (case.breaks)(&tree);
    let said = tree.picture(&["-f", text(&tree.path("cluster.yaml"))]).expect_code(1).stdout;
    let advice = format!("kpki init -f {} --dir {}", text(&tree.path("cluster.yaml")), text(&tree.root()));
    assert!(said.contains(&advice), "{said}");
    for file in ["apiserver.crt", "apiserver.key"] {
        fs::remove_file(tree.pki("cp2", file)).expect("gone");
    }
    tree.init();
    tree.rehearse(&[]).assert_ok(75);
}

#[test]
fn what_is_missing_is_never_ok() {
    let tree = Tree::of_template();
    fs::remove_file(tree.pki("cp2", "apiserver.key")).expect("gone");
    fs::remove_file(tree.of("worker1", "kubelet.conf")).expect("gone");
    let rehearsed = tree.rehearse(&[]);
    let unknown = places(TO_CP2)
        .into_iter()
        .filter(|place| place != "kubelet-apiserver worker1 cp2")
        .chain(["kubelet-apiserver worker1".to_owned()])
        .collect();
    assert_eq!(rehearsed.with("unknown"), unknown);
    assert_eq!((rehearsed.with("failed").len(), rehearsed.code), (0, 0));
    assert_eq!(rehearsed.at("kubelet-apiserver worker1")["reason"], "kubelet.conf of worker1 is missing");
    assert_eq!(rehearsed.at("kubelet-apiserver cp2 cp2")["reason"], "apiserver.key of cp2 is missing");
    let said = tree.picture(&[]).ok().stdout;
    assert!(said.contains("not all:") && !said.contains("ok: all"), "{said}");
    assert!(said.lines().any(|line| line.starts_with("kubelet → apiserver") && line.contains('?')), "{said}");
}

#[test]
fn public_parts_alone_can_fail_and_cannot_pass() {
    let tree = Tree::of_template();
    for key in files_under(&tree.root(), &["key"]) {
        fs::remove_file(key).expect("gone");
    }
    // etcd's keys are all gone, those in kubeconfigs are not, and no API server has one.
    let ran = at_now(&["rehearse", text(&tree.root())]).expect_code(2);
    assert!(ran.stderr.contains("is missing"), "{}", ran.stderr);
    let later = tree.rehearse(&["--at", "2028-06-01T00:00:00Z"]);
    assert_eq!((later.with("ok").len(), later.code), (0, 1));
    assert!(later.with("failed").contains("apiserver-etcd cp1 cp1"));
}

/// Deterministic rubbish.
fn rubbish(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    (0..length).map(|_| next().to_le_bytes()[3]).collect()
}

#[test]
fn whatever_a_file_holds_it_ends_with_a_word() {
    let whole = Tree::of_kubeadm("kubeadm-ecdsa");
    let files = files_under(&whole.root(), &["crt", "key", "conf", "yaml"]);
    assert!(files.len() > 20, "{files:?}");
    let scratch = scratch();
    let fifo = scratch.path().join("fifo");
    crate::support::run(&mut crate::support::command("mkfifo", [&fifo])).ok();
    for (seed, file) in (1..).zip(&files) {
        let whole_file = fs::read(file).expect("readable");
        let mut cut = whole_file.clone();
        cut.truncate(cut.len() / 2);
        let mut bent = whole_file.clone();
        let middle = bent.len() / 2;
        bent[middle] ^= 0x15;
        let contents = [
            Vec::new(),
            rubbish(seed, 3000),
            cut,
            bent,
            "[".repeat(50_000).into_bytes(),
            vec![b'a'; (1 << 20) + 1],
        ];
        // Two of them for each file, in turns, and a pipe, on which nothing may be waited for.
        let turn = usize::try_from(seed).expect("small") * 2;
        for content in contents.iter().cycle().skip(turn).take(2).map(Some).chain([None]) {
            fs::remove_file(file).expect("gone");
            match content {
                Some(content) => fs::write(file, content).expect("written"),
                None => fs::rename(&fifo, file).expect("moved"),
            }
            let ran = whole.picture(&[]);
            assert!(matches!(ran.code, Some(0..=2)), "{}: {:?}\n{}", file.display(), ran.code, ran.words());
            assert!(!ran.words().contains("panicked"), "{}: {}", file.display(), ran.words());
        }
        fs::rename(file, &fifo).expect("moved back");
        fs::write(file, whole_file).expect("written");
    }
    whole.rehearse(&[]).assert_ok(13);
}

#[test]
fn names_of_nodes_and_files_cannot_move_the_cursor() {
    let tree = Tree::of_template();
    let nasty = tree.root().join("wor\u{1b}[2Jker");
    fs::rename(tree.root().join("worker2"), &nasty).expect("renamed");
    fs::remove_file(nasty.join("etc/kubernetes/kubelet.conf")).expect("gone");
    let said = tree.picture(&[]).words();
    assert!(said.contains("wor\\u{1b}[2Jker") && !said.contains('\u{1b}'), "{said}");
    let rehearsed = Rehearsed::of(&tree.root(), &[]);
    assert!(!rehearsed.said.to_string().contains("\\u001b"), "{}", rehearsed.said);
}
