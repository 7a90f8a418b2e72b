//! `kpki init` on directories that are not empty, and on files that are not what they should be.

#![cfg(test)]
#![expect(clippy::disallowed_methods, reason = "tests write the files that they need")]

#[expect(dead_code, reason = "each test uses its part of what they share")]
mod support;
mod tree_facts;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use support::stranger::Stranger;
use support::{Ran, copy_tree, kpki, run, scratch, text, write};
use tree_facts::{fact, files, has_extension, trees};

const NOW: &str = "2026-12-01T00:00:00Z";

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

/// Everything under a directory: mode, instant of the last change, and content or target.
fn snapshot(root: &Path) -> BTreeMap<PathBuf, (u32, i64, i64, Vec<u8>)> {
    let mut all = BTreeMap::new();
    let mut pending = vec![root.to_path_buf()];
    while let Some(path) = pending.pop() {
        let data = fs::symlink_metadata(&path).expect("it is there");
        let mut content = Vec::new();
        if data.is_dir() {
            pending
                .extend(fs::read_dir(&path).expect("readable").map(|entry| entry.expect("an entry").path()));
        } else if data.is_file() {
            content = fs::read(&path).expect("readable");
        }
        all.insert(path, (data.mode(), data.mtime(), data.mtime_nsec(), content));
    }
    all
}

fn init(config: &Path, root: &Path, options: &[&str]) -> Ran {
    run(kpki(["init", "-f", text(config), "--dir", text(root)]).args(options))
}

/// kubeadm's tree as kubeadm leaves it on a machine: its own copy, with kubeadm's modes.
fn kubeadms_tree(directory: &Path) -> PathBuf {
    let root = directory.join("kubernetes");
    copy_tree(&fixture("kubeadm-ecdsa"), &root);
    for path in support::files_under(&root, &["key", "conf", "pub"]) {
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).expect("a mode");
    }
    root
}

#[test]
fn a_second_run_changes_nothing() {
    let directory = scratch();
    for (name, options) in [("kubeadm-ecdsa", &[][..]), ("kubeadm-ecdsa", &["--all-nodes"])] {
        let (config, root) =
            (fixture(name).join("cluster.yaml"), directory.path().join(options.join("x") + "t"));
        init(&config, &root, options).ok();
        let before = snapshot(&root);
        assert!(before.keys().any(|path| path.to_string_lossy().ends_with("ca.ledger.jsonl")));
        let again = init(&config, &root, options).ok();
        assert!(again.stdout.contains("nothing was changed"), "{}", again.stdout);
        assert!(before == snapshot(&root), "{name} {options:?}");
        // What is missing is made, and nothing else is touched.
        let lost = before.keys().find(|path| path.ends_with("admin.conf")).expect("it is there");
        fs::remove_file(lost).expect("gone");
        init(&config, &root, options).ok();
        let after = snapshot(&root);
        assert!(after.keys().eq(before.keys()));
        for (path, was) in before.iter().filter(|(path, was)| was.0 & 0o40_000 == 0 && *path != lost) {
            assert!(path.ends_with("ca.ledger.jsonl") || after[path] == *was, "{}", path.display());
        }
    }
}

#[test]
fn kubeadms_own_tree_is_kept() {
    for name in ["kubeadm-ecdsa", "kubeadm-rsa"] {
        let directory = scratch();
        let root = directory.path().join("kubernetes");
        copy_tree(&fixture(name), &root);
        let before = snapshot(&root);
        init(&root.join("cluster.yaml"), &root, &["--now", NOW]).ok();
        assert!(before == snapshot(&root), "{name}");
    }
}

#[test]
fn an_external_authority_needs_no_key_but_all_its_leaves() {
    let directory = scratch();
    let root = kubeadms_tree(directory.path());
    fs::remove_file(root.join("pki/ca.key")).expect("gone");
    let before = snapshot(&root);
    init(&root.join("cluster.yaml"), &root, &["--now", NOW]).ok();
    assert!(before == snapshot(&root));
    for lost in [&["pki/apiserver.crt", "pki/apiserver.key"][..], &["scheduler.conf"]] {
        let saved: Vec<_> = lost.iter().map(|path| fs::read(root.join(path)).expect("readable")).collect();
        for path in lost {
            remove(&root, path);
        }
        let before = snapshot(&root);
        let ran = init(&root.join("cluster.yaml"), &root, &["--now", NOW]).expect_code(1);
        assert!(ran.words().contains("the key of its CA"), "{}", ran.words());
        assert!(before == snapshot(&root), "{lost:?}");
        for (path, content) in lost.iter().zip(saved) {
            fs::write(root.join(path), content).expect("written");
        }
    }
}

/// What is done to kubeadm's tree, and the words that the refusal must have.
type Damage = (&'static str, fn(&Path), &'static str, &'static str);

fn copy(root: &Path, from: &str, to: &str) {
    fs::copy(root.join(from), root.join(to)).expect("copied");
}

fn remove(root: &Path, path: &str) {
    fs::remove_file(root.join(path)).expect("gone");
}

fn edit(root: &Path, path: &str, from: &str, to: &str) {
    let was = fs::read_to_string(root.join(path)).expect("text");
    assert!(was.contains(from), "{path}");
    write(&root.join(path), &was.replace(from, to));
}

/// A certificate for the API server that somebody else signed, in place of the right one.
fn strangers(root: &Path) {
    let stranger = Stranger::new(&root.join("manifests/stranger"), "kubernetes");
    let pair = stranger.issue("apiserver", "/CN=kube-apiserver", &["DNS:kubernetes"]);
    fs::copy(pair.certificate, root.join("pki/apiserver.crt")).expect("copied");
    fs::copy(pair.key, root.join("pki/apiserver.key")).expect("copied");
}

const DAMAGES: &[Damage] = &[
    (
        "the key of another",
        |r| copy(r, "pki/etcd/peer.key", "pki/apiserver.key"),
        "pki/apiserver.crt",
        "does not match",
    ),
    ("a CA's key of another", |r| copy(r, "pki/etcd/ca.key", "pki/ca.key"), "pki/ca.crt", "key"),
    ("another CA of that name", strangers, "pki/apiserver.crt", "not signed by the CA"),
    (
        "another CA's certificate",
        |r| {
            copy(r, "pki/etcd/healthcheck-client.crt", "pki/apiserver-kubelet-client.crt");
            copy(r, "pki/etcd/healthcheck-client.key", "pki/apiserver-kubelet-client.key");
        },
        "pki/apiserver-kubelet-client.crt",
        "its issuer is CN=etcd-ca, not CN=kubernetes",
    ),
    (
        "a name more in the configuration",
        |r| edit(r, "cluster.yaml", "k8s.internal", "k8s.internal, new.example.com"),
        "pki/apiserver.crt",
        "it lacks the names DNS:new.example.com",
    ),
    (
        "another node",
        |r| edit(r, "cluster.yaml", "cp1.example.com", "cp9.example.com"),
        "pki/etcd/server.crt",
        "its subject is",
    ),
    (
        "etcd's server and client swapped",
        |r| {
            copy(r, "pki/etcd/healthcheck-client.crt", "pki/etcd/server.crt");
            copy(r, "pki/etcd/healthcheck-client.key", "pki/etcd/server.key");
        },
        "pki/etcd/server.crt",
        "its subject is",
    ),
    (
        "a certificate without key",
        |r| remove(r, "pki/front-proxy-client.key"),
        "pki/front-proxy-client.crt",
        "without its key",
    ),
    ("a CA's key without certificate", |r| remove(r, "pki/ca.crt"), "pki/ca.crt", "without its certificate"),
    ("a CA that is a leaf", |r| copy(r, "pki/apiserver.crt", "pki/ca.crt"), "pki/ca.crt", "CA"),
    ("PEM cut off", |r| edit(r, "pki/apiserver.crt", "-----END", ""), "pki/apiserver.crt", "has no END line"),
    ("nothing in the file", |r| write(&r.join("pki/etcd/peer.crt"), ""), "pki/etcd/peer.crt", "certificate"),
    (
        "a broken key",
        |r| edit(r, "pki/etcd/peer.key", "EC PRIVATE KEY", "PRIVATE KEY"),
        "pki/etcd/peer.crt",
        "its key",
    ),
    ("another sa.pub", |r| edit(r, "pki/sa.pub", "M", "N"), "pki/sa.pub", "public key"),
    (
        "a kubeconfig of another server",
        |r| edit(r, "admin.conf", "https://api.k8s.example.com:6443", "https://api.k8s.example.com:443"),
        "admin.conf",
        "its server is https://api.k8s.example.com:443, not https://api.k8s.example.com:6443",
    ),
    (
        "a kubeconfig of another",
        |r| copy(r, "scheduler.conf", "admin.conf"),
        "admin.conf",
        "its subject is CN=system:kube-scheduler",
    ),
    ("no kubeconfig", |r| write(&r.join("kubelet.conf"), "a: [b"), "kubelet.conf", "not a kubeconfig"),
];

#[test]
fn what_is_there_and_wrong_is_refused_and_nothing_is_touched() {
    for (what, damage, path, words) in DAMAGES {
        let directory = scratch();
        let root = kubeadms_tree(directory.path());
        damage(&root);
        // Something to make, which must not be made either.
        fs::remove_file(root.join("super-admin.conf")).expect("gone");
        let before = snapshot(&root);
        let ran = init(&root.join("cluster.yaml"), &root, &["--now", NOW]);
        assert_eq!(ran.code, Some(1), "{what}: {}", ran.words());
        let flat = ran.words().split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(flat.contains(path) && flat.contains(words), "{what}: {}", ran.words());
        assert!(flat.contains("nothing was touched"), "{what}: {}", ran.words());
        assert!(before == snapshot(&root), "{what}");
    }
}

#[test]
fn what_has_expired_is_refused_with_its_date() {
    let directory = scratch();
    let root = kubeadms_tree(directory.path());
    let before = snapshot(&root);
    for (now, words) in
        [("2028-01-01T00:00:00Z", "it expired on 2027-11-23"), ("2026-01-01T00:00:00Z", "valid")]
    {
        let ran = init(&root.join("cluster.yaml"), &root, &["--now", now]).expect_code(1);
        assert!(ran.words().contains(words), "{}", ran.words());
        assert!(before == snapshot(&root));
    }
}

#[test]
fn a_dry_run_makes_not_even_a_directory() {
    let directory = scratch();
    let root = directory.path().join("a/b");
    let ran = init(&fixture("kubeadm-ecdsa").join("cluster.yaml"), &root, &["--dry-run"]).ok();
    for path in ["pki/ca.crt", "pki/etcd/peer.crt", "admin.conf", "IP:10.96.0.1"] {
        assert!(ran.stdout.contains(path), "{}", ran.stdout);
    }
    assert_eq!(fs::read_dir(directory.path()).expect("readable").count(), 0);
}

fn cluster(layout: &str, ca_keys: &str) -> String {
    format!(
        "apiVersion: kpki/v1alpha1\nkind: Cluster\nmetadata: {{name: demo}}\nspec:\n  layout: {layout}\n  \
         caKeys: {ca_keys}\n  controlPlaneEndpoint: api.example.com\n  controlPlanes:\n    \
         - {{name: cp1, addresses: [10.0.0.11]}}\n    - {{name: cp2, addresses: [10.0.0.12]}}\n  workers:\n    \
         - {{name: w1, addresses: [10.0.0.21]}}\n  users:\n    - {{name: jane, groups: [dev, ops]}}\n"
    )
}

#[test]
fn a_cluster_of_its_own_format_is_one_tree_for_each_node() {
    for (layout, etcd, public, private) in [
        ("kubeadm", "etc/kubernetes/pki/etcd/server.crt", "ca.crt", "ca.key"),
        ("pem", "etc/etcd/pki/etcd.pem", "ca.pem", "ca-key.pem"),
    ] {
        for (ca_keys, on) in [("none", &[][..]), ("controlPlanes", &["cp1", "cp2"]), ("[cp2]", &["cp2"])] {
            let directory = scratch();
            let (config, root) = (directory.path().join("cluster.yaml"), directory.path().join("out"));
            write(&config, &cluster(layout, ca_keys));
            init(&config, &root, &[]).ok();
            let tree = trees(&[&root]).remove(0);
            let has = |path: &str| tree.contains_key(path);
            for node in ["cp1", "cp2"] {
                assert!(has(&format!("{node}/{etcd}")), "{layout}: {:?}", files(&tree));
                assert!(has(&format!("{node}/etc/kubernetes/pki/{public}")), "{layout}: {:?}", files(&tree));
                let key = has(&format!("{node}/etc/kubernetes/pki/{private}"));
                assert_eq!(key, on.contains(&node), "{layout} {ca_keys}: {node}");
            }
            assert!(
                has("w1/etc/kubernetes/kubelet.conf") && !has("w1/etc/kubernetes/admin.conf"),
                "{layout}"
            );
            assert!(
                !has(&format!("w1/{etcd}")) && !has(&format!("w1/etc/kubernetes/pki/{private}")),
                "{layout}"
            );
            assert!(has(&format!("ca/{public}")) && has(&format!("ca/{private}")), "{:?}", files(&tree));
            assert!(
                has("cp1/etc/kubernetes/super-admin.conf") && !has("cp2/etc/kubernetes/super-admin.conf")
            );
            assert_eq!(fact(&tree["users/jane.conf"], "subject"), "O=dev, O=ops, CN=jane");
            for (path, facts) in tree.iter().filter(|(path, _)| !has_extension(path, "jsonl")) {
                let secret = fact(facts, "labels").contains("PRIVATE") || path.contains("/sa.");
                let mode = if secret { "0600" } else { "0644" };
                assert_eq!(fact(facts, "mode"), mode, "{layout}: {path}");
            }
            let before = snapshot(&root);
            init(&config, &root, &[]).ok();
            assert!(before == snapshot(&root), "{layout} {ca_keys}");
        }
    }
}

#[test]
fn one_node_can_be_made_alone() {
    let directory = scratch();
    let (config, root) = (directory.path().join("cluster.yaml"), directory.path().join("out"));
    write(&config, &cluster("kubeadm", "none"));
    init(&config, &root, &["--node", "w1"]).ok();
    let names: Vec<_> =
        fs::read_dir(&root).expect("readable").map(|entry| entry.expect("an entry").file_name()).collect();
    assert!(names.len() == 2 && names.iter().all(|name| name == "w1" || name == "ca"), "{names:?}");
    let ca = fs::read(root.join("ca/ca.crt")).expect("readable");
    init(&config, &root, &[]).ok();
    assert_eq!(fs::read(root.join("ca/ca.crt")).expect("readable"), ca);
    let ran = init(&config, &root, &["--node", "nobody"]).expect_code(2);
    assert!(ran.stderr.contains("cp1, cp2, w1"), "{}", ran.stderr);
}

#[test]
fn hostile_files_are_named_with_their_line_and_write_nothing() {
    let head = "apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\n";
    let deep = format!("{head}x: {}{}\n", "[".repeat(2000), "]".repeat(2000));
    let aliases: String = std::iter::once("a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned())
        .chain((1..12).map(|at| format!("a{at}: &a{at} [{}]\n", vec![format!("*a{}", at - 1); 9].join(", "))))
        .collect();
    let cases: Vec<(&str, Vec<u8>, &str)> = vec![
        ("empty", Vec::new(), "c.yaml"),
        ("binary", (0..=255).cycle().take(4096).collect(), "c.yaml:"),
        ("huge", vec![b'#'; (16 << 20) + 1], "c.yaml"),
        ("deep", deep.into_bytes(), "c.yaml:3:"),
        ("aliases", format!("{head}{aliases}").into_bytes(), "c.yaml:"),
        ("duplicate keys", format!("{head}clusterName: a\nclusterName: b\n").into_bytes(), "c.yaml:4:"),
        ("a port", format!("{head}apiServer: {{certSANs: ['a.b:443']}}\n").into_bytes(), "c.yaml:3:"),
        ("a zone", format!("{head}apiServer: {{certSANs: ['fe80::1%eth0']}}\n").into_bytes(), "c.yaml:3:"),
        (
            "a wildcard",
            format!("{head}networking: {{serviceSubnet: '*.0.0.0/8'}}\n").into_bytes(),
            "c.yaml:3:",
        ),
        ("no YAML", b"apiVersion: [\n".to_vec(), "c.yaml:"),
        ("CRLF", format!("{head}encryptionAlgorithm: RC4\n").replace('\n', "\r\n").into_bytes(), "c.yaml:3:"),
    ];
    for (what, content, place) in cases {
        let directory = scratch();
        let (config, root) = (directory.path().join("c.yaml"), directory.path().join("out"));
        fs::write(&config, content).expect("written");
        let ran = init(&config, &root, &[]);
        assert_eq!(ran.code, Some(2), "{what}: {}", ran.words());
        assert!(ran.stderr.contains(place) && !ran.stderr.contains("panicked"), "{what}: {}", ran.stderr);
        assert!(ran.stderr.len() < 4000 && !root.exists(), "{what}");
    }
}

#[test]
fn it_writes_through_no_symbolic_link() {
    let directory = scratch();
    let (root, elsewhere) = (directory.path().join("out"), directory.path().join("elsewhere"));
    fs::create_dir_all(&root).expect("made");
    fs::create_dir_all(&elsewhere).expect("made");
    symlink(&elsewhere, root.join("pki")).expect("linked");
    let ran = init(&fixture("kubeadm-ecdsa").join("cluster.yaml"), &root, &[]).expect_code(2);
    assert!(ran.stderr.contains("link"), "{}", ran.stderr);
    assert_eq!(fs::read_dir(&elsewhere).expect("readable").count(), 0);
    assert_eq!(fs::read_dir(&root).expect("readable").count(), 1);
}

#[test]
fn where_nothing_can_be_written_it_says_so() {
    let directory = scratch();
    let file = directory.path().join("file");
    write(&file, "");
    // A file in the directory's place stops root as well.
    let ran = init(&fixture("kubeadm-ecdsa").join("cluster.yaml"), &file.join("out"), &[]).expect_code(2);
    assert!(ran.stderr.contains(text(&file)), "{}", ran.stderr);
    let ran =
        init(&fixture("kubeadm-ecdsa").join("cluster.yaml"), Path::new("/proc/kpki"), &[]).expect_code(2);
    assert!(ran.stderr.contains("/proc/kpki"), "{}", ran.stderr);
}
