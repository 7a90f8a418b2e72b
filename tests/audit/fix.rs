//! `--fix`: what it says it would do, does, and leaves alone.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;

use serde_json::Value;

use crate::support::{Ran, copy_tree, kpki, run, scratch, text};

fn fix(tree: &Path, more: &[&str]) -> Ran {
    run(kpki(["--now", "2026-12-01T00:00:00Z", "audit", text(tree), "--fix"]).args(more))
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("a file").mode() & 0o7777
}

/// kubeadm's tree with a readable key, carriage returns in a certificate, and a certificate in the wrong order.
fn broken(directory: &Path) -> std::path::PathBuf {
    let tree = directory.join("kubernetes");
    copy_tree(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/kubeadm-ecdsa"), &tree);
    for path in crate::support::files_under(&tree, &["key", "conf", "yaml"]) {
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("a mode");
    }
    let pki = tree.join("pki");
    fs::set_permissions(pki.join("ca.key"), fs::Permissions::from_mode(0o644)).expect("a mode");
    let front = fs::read_to_string(pki.join("front-proxy-client.crt")).expect("a certificate");
    fs::write(pki.join("front-proxy-client.crt"), front.replace('\n', "\r\n")).expect("a certificate");
    let (ca, leaf) =
        (fs::read_to_string(pki.join("etcd/ca.crt")), fs::read_to_string(pki.join("etcd/server.crt")));
    fs::write(pki.join("etcd/server.crt"), ca.expect("a CA") + &leaf.expect("a leaf"))
        .expect("a certificate");
    tree
}

#[test]
fn what_is_safe_is_mended_and_no_key_is_rewritten() {
    let directory = scratch();
    let tree = broken(directory.path());
    let pki = tree.join("pki");
    let key = fs::read(pki.join("ca.key")).expect("a key");
    let (ca, server) =
        (fs::read_to_string(pki.join("etcd/ca.crt")), fs::read_to_string(pki.join("etcd/server.crt")));
    let (ca, server) = (ca.expect("a CA"), server.expect("a bundle"));

    // A dry run says it and changes nothing.
    let told = fix(&tree, &[]).expect_code(1);
    for said in ["ca.key: mode 0644 to 0600", "front-proxy-client.crt: line ends", "server.crt: the order"] {
        assert!(told.stdout.contains(said), "{said}\n{}", told.stdout);
    }
    assert_eq!(mode(&pki.join("ca.key")), 0o644);
    assert_eq!(fs::read_to_string(pki.join("etcd/server.crt")).expect("a bundle"), server);

    let done = fix(&tree, &["--write", "-o", "json"]).ok();
    let done: Value = serde_json::from_str(&done.stdout).expect("JSON");
    assert_eq!(
        (&done["written"], done["changes"].as_array().map(Vec::len)),
        (&Value::Bool(true), Some(3)),
        "{done}"
    );
    assert_eq!(mode(&pki.join("ca.key")), 0o600);
    assert_eq!(fs::read(pki.join("ca.key")).expect("a key"), key);
    let leaf = server.strip_prefix(&ca).expect("the CA stood first");
    assert_eq!(fs::read_to_string(pki.join("etcd/server.crt")).expect("a bundle"), format!("{leaf}{ca}"));
    assert!(!fs::read_to_string(pki.join("front-proxy-client.crt")).expect("a certificate").contains('\r'));
    let backups: Vec<_> = crate::support::files_under(&pki, &["bak"]);
    assert_eq!(backups.len(), 2, "{backups:?}");
    assert_eq!(
        fs::read_to_string(pki.join("etcd/server.crt.20261201T000000Z.bak")).expect("a backup"),
        server
    );

    let again = fix(&tree, &[]).ok();
    assert!(again.stdout.contains("nothing to mend here"), "{}", again.stdout);
}

#[test]
fn archives_and_other_forms_are_refused() {
    let directory = scratch();
    let tree = broken(directory.path());
    fix(&tree, &["-o", "sarif"]).expect_code(2);
    run(&mut kpki(["audit", text(&tree), "--write"])).expect_code(2);
    let archive = directory.path().join("node.tar");
    run(crate::support::command("tar", ["-cf", text(&archive), "-C"])
        .arg(directory.path())
        .arg("kubernetes"))
    .ok();
    let refused = fix(&archive, &[]).expect_code(2);
    assert!(refused.stderr.contains("nothing can be mended in an archive"), "{}", refused.stderr);
}
