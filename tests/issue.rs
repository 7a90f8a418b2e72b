//! `kpki issue`, `kpki csr new` and the manners of the whole command line, from end to end.

#![cfg(test)]
#![expect(clippy::disallowed_methods, reason = "tests write the files that they need")]

#[expect(dead_code, reason = "each test uses its part of what they share")]
mod support;

use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use support::{command, copy_tree, kpki, openssl, run, scratch, text, write};

fn at_noon(words: &[&str]) -> support::Ran {
    run(kpki(["--now", "2026-12-01T00:00:00Z"]).args(words))
}

fn kubectl(kubeconfig: &Path, words: &[&str]) -> support::Ran {
    run(command("kubectl", words).arg("--kubeconfig").arg(kubeconfig)).ok()
}

#[test]
fn a_users_kubeconfig_is_read_by_kubectl_and_secret() {
    let directory = scratch();
    let (pki, conf) = (directory.path().join("pki"), directory.path().join("jane.conf"));
    at_noon(&["ca", "init", "--dir", text(&pki)]).ok();
    let issue = ["issue", "user", "jane", "--group", "dev", "--ca", text(&pki), "--kubeconfig", text(&conf)];
    let hint = at_noon(&issue).expect_code(2);
    assert!(hint.stderr.contains("--server https://"), "{}", hint.stderr);
    let ran = at_noon(&[&issue[..], &["--server", "https://api.example.com:6443"]].concat()).ok();
    assert!(!ran.words().contains("PRIVATE KEY"), "{}", ran.words());
    let view =
        kubectl(&conf, &["config", "view", "-o", "jsonpath={.users[0].name} {.clusters[0].cluster.server}"]);
    assert_eq!(view.stdout, "jane https://api.example.com:6443");
    let mode = conf.metadata().expect("a kubeconfig").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let other =
        at_noon(&["issue", "etcd-client", "x", "--ca", text(&pki), "--kubeconfig", text(&conf), "--force"]);
    assert!(other.expect_code(2).stderr.contains("no client of the API server"));
}

#[test]
fn a_request_for_a_user_has_every_group_and_replaces_nothing() {
    let directory = scratch();
    let here = text(directory.path());
    let new = ["csr", "new", "user", "jane", "--group", "dev", "--group", "ops", "--out-dir", here];
    at_noon(&new).ok();
    let (csr, key) = (directory.path().join("jane.csr"), directory.path().join("jane.key"));
    let subject = openssl(["req", "-in", text(&csr), "-verify", "-noout", "-subject"]).stdout;
    assert_eq!(subject.trim(), "subject=O = dev, O = ops, CN = jane");
    let before = std::fs::read(&key).expect("a key");
    at_noon(&new).expect_code(2);
    assert_eq!(std::fs::read(&key).expect("a key"), before);
    let server = ["csr", "new", "server", "web", "--san", "web.example.com,10.0.0.7", "--out-dir", here];
    at_noon(&[&server[..], &["--key", text(&key)]].concat()).ok();
    let shown = openssl(["req", "-in", text(&directory.path().join("web.csr")), "-noout", "-text"]).stdout;
    assert!(shown.contains("DNS:web.example.com, IP Address:10.0.0.7"), "{shown}");
    assert!(!directory.path().join("web.key").exists());
}

const CLUSTER: &str = "\
apiVersion: kubeadm.k8s.io/v1beta4
kind: InitConfiguration
nodeRegistration: {name: cp1}
localAPIEndpoint: {advertiseAddress: 10.0.0.5}
---
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
kubernetesVersion: v1.36.0
controlPlaneEndpoint: api.example.com:6443
encryptionAlgorithm: ECDSA-P256
";

#[test]
fn a_control_plane_is_made_under_authorities_that_are_elsewhere() {
    let directory = scratch();
    let (pki, tree) = (directory.path().join("pki"), directory.path().join("tree"));
    // Not beside the CA, where its version would be read.
    let config = directory.path().join("config/cluster.yaml");
    std::fs::create_dir(directory.path().join("config")).expect("made");
    write(&config, CLUSTER);
    at_noon(&["ca", "init", "--dir", text(&pki)]).ok();
    std::fs::create_dir(&tree).expect("made");
    copy_tree(&pki, &tree.join("pki"));
    for path in support::files_under(&tree, &["key", "jsonl"]) {
        if !path.ends_with("sa.key") {
            std::fs::remove_file(path).expect("removed");
        }
    }
    at_noon(&["csr", "new", "-f", text(&config), "--dir", text(&tree)]).ok();
    let sign = ["sign", "csr", text(&tree), "--profile", "auto", "--ca", text(&pki)];
    // The organizations of this version are not the newest one's.
    let hint = at_noon(&sign).expect_code(1);
    assert!(hint.stderr.contains("--kubernetes-version"), "{}", hint.words());
    at_noon(&[&sign[..], &["--kubernetes-version", "v1.36.0"]].concat()).ok();
    for conf in support::files_under(&tree, &["conf"]) {
        let user = kubectl(&conf, &["config", "view", "-o", "jsonpath={.users[0].name}"]).stdout;
        let certificate = format!("--client-certificate={}.crt", conf.display());
        kubectl(&conf, &["config", "set-credentials", &user, &certificate, "--embed-certs"]);
    }
    let init = at_noon(&["init", "-f", text(&config), "--dir", text(&tree)]).ok();
    assert!(init.stdout.contains("nothing was changed"), "{}", init.words());
    at_noon(&["ledger", "verify", "--ca", text(&pki)]).ok();
}

#[test]
fn every_command_has_help_with_examples() {
    for words in [
        &["init"][..],
        &["ca", "init"],
        &["ca", "intermediate"],
        &["ca", "show"],
        &["sign", "csr"],
        &["csr", "new"],
        &["issue"],
        &["ledger", "verify"],
        &["ledger", "list"],
        &["profile", "list"],
        &["profile", "show"],
        &["completion"],
        &[],
    ] {
        let help = run(kpki(words).arg("--help")).ok();
        assert!(help.stdout.contains("Examples:"), "{words:?}: {}", help.stdout);
        run(kpki(words).arg("--no-such-flag")).expect_code(2);
    }
    for shell in ["bash", "zsh", "fish"] {
        assert!(run(&mut kpki(["completion", shell])).ok().stdout.contains("kpki"), "{shell}");
    }
}

#[test]
fn a_reader_who_goes_away_is_no_failure() {
    for words in [&["profile", "list"][..], &["completion", "bash"], &["init", "--print-template"]] {
        let mut child = piped(words);
        let mut stdout = child.stdout.take().expect("its stdout");
        let mut first = [0; 1];
        stdout.read_exact(&mut first).expect("a byte");
        drop(stdout);
        assert!(child.wait().expect("it ends").success(), "{words:?}");
        // And one who was never there.
        let mut child = piped(words);
        drop(child.stdout.take());
        assert!(child.wait().expect("it ends").success(), "{words:?}");
    }
}

fn piped(words: &[&str]) -> std::process::Child {
    let mut command: Command = kpki(words);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("kpki starts")
}

#[test]
fn a_profile_of_ones_own_is_read_and_its_faults_are_placed() {
    let directory = scratch();
    let (own, file) = (text(directory.path()), directory.path().join("user.yaml"));
    write(&file, "name: user\nissuer: nowhere\n");
    let wrong = at_noon(&["--profiles", own, "profile", "list"]).expect_code(2);
    assert!(wrong.stderr.contains("user.yaml:2:"), "{}", wrong.stderr);
    let built_in =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("templates/profiles/user.yaml"))
            .expect("the template");
    write(&file, &built_in.replace("default: 720h, max: 8760h", "default: 1h, max: 2h"));
    let pki = directory.path().join("pki");
    at_noon(&["ca", "init", "--dir", text(&pki)]).ok();
    let out = directory.path().join("jane.crt");
    let issue = ["--profiles", own, "issue", "user", "jane", "--ca", text(&pki), "--out", text(&out)];
    at_noon(&[&issue[..], &["--validity", "3h"]].concat()).expect_code(1);
    at_noon(&issue).ok();
    let end = openssl(["x509", "-in", text(&out), "-noout", "-enddate"]).stdout;
    assert_eq!(end.trim(), "notAfter=Dec  1 01:00:00 2026 GMT");
}
