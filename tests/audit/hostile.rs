//! Trees that an attacker laid out: no hang, no file of somebody else read, no escape sequence on the terminal, and each thing that
//! was not judged named.

use std::ffi::OsString;
use std::fs::{self, File};
use std::os::unix::ffi::OsStringExt as _;
use std::os::unix::fs::symlink;
use std::path::Path;

use crate::support::{Ran, command, kpki_binary, openssl, run, scratch, text, write};

/// Runs the audit with an end: a hang is a failure, not a test that never ends.
fn audit(arguments: &[&str]) -> Ran {
    let binary = kpki_binary();
    let mut words = vec!["120", "sh", "-c", "ulimit -v 4000000; exec \"$@\"", "sh"];
    words.extend([binary.as_str(), "--now", "2026-12-01T00:00:00Z", "audit", "--fail-on", "none"]);
    words.extend(arguments);
    run(command("timeout", words).env("NO_COLOR", "1"))
}

/// A self-signed certificate with its key, made by openssl.
fn certificate(directory: &Path, name: &str, subject: &str) {
    let (certificate, key) = (directory.join(format!("{name}.crt")), directory.join(format!("{name}.key")));
    openssl([
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-days",
        "3650",
        "-subj",
        subject,
        "-out",
        text(&certificate),
        "-keyout",
        text(&key),
    ]);
}

fn assert_clean(ran: &Ran) {
    let bad =
        ran.words().chars().find(|c| c.is_control() && *c != '\n' || ('\u{202a}'..='\u{202e}').contains(c));
    assert_eq!(bad, None, "{}", ran.words());
}

#[test]
fn links_pipes_and_devices_are_named_and_not_opened() {
    let dir = scratch();
    let tree = dir.path().join("tree/etc/kubernetes/pki");
    fs::create_dir_all(&tree).unwrap();
    certificate(&tree, "ca", "/CN=kubernetes");
    write(&dir.path().join("secret"), "outside-of-the-tree-7f3a");
    symlink("../../../../secret", tree.join("out.crt")).unwrap();
    symlink("/etc/passwd", tree.join("passwd.crt")).unwrap();
    symlink("loop.crt", tree.join("loop.crt")).unwrap();
    symlink("a", tree.join("b")).unwrap();
    symlink("b", tree.join("a")).unwrap();
    symlink(".", tree.join("self")).unwrap();
    run(&mut command("mkfifo", [text(&tree.join("pipe.crt"))])).ok();
    let socket = std::os::unix::net::UnixListener::bind(tree.join("socket.key")).unwrap();
    let root = dir.path().join("tree");
    for output in ["text", "json"] {
        let ran = audit(&[text(&root), "-o", output]);
        assert_eq!(ran.code, Some(0), "{}", ran.words());
        assert_clean(&ran);
        for name in ["out.crt", "passwd.crt", "loop.crt", "pipe.crt", "socket.key"] {
            assert!(ran.stdout.contains(name), "{name} is not named:\n{}", ran.stdout);
        }
        for foreign in ["outside-of-the-tree-7f3a", "root:x:0"] {
            assert!(!ran.words().contains(foreign), "{foreign}");
        }
    }
    drop(socket);
}

#[test]
fn what_is_too_large_or_too_many_is_named() {
    let dir = scratch();
    let root = dir.path().join("kubernetes");
    let pki = root.join("pki");
    fs::create_dir_all(pki.join("many")).unwrap();
    certificate(&pki, "ca", "/CN=kubernetes");
    // Ten gigabytes, of which none is on the disk.
    File::create(pki.join("huge.crt")).unwrap().set_len(10 << 30).unwrap();
    write(&pki.join("empty.crt"), "");
    for number in 0..100_010 {
        File::create(pki.join(format!("many/{number}"))).unwrap();
    }
    let mut deep = root.join("deep");
    for _ in 0..60 {
        deep.push("d");
    }
    fs::create_dir_all(&deep).unwrap();
    let ran = audit(&[text(&root)]);
    assert_eq!(ran.code, Some(0), "{}", ran.words());
    for said in ["huge.crt", "empty.crt", "more than 100000 entries", "directories deep"] {
        assert!(ran.stdout.contains(said), "{said} is not named");
    }
    // Whatever is asked for: what was not read, no rule has seen.
    write(&root.join("notes"), "");
    File::create(root.join("notes")).unwrap().set_len(10 << 30).unwrap();
    fs::remove_dir_all(pki.join("many")).unwrap();
    for select in [&["--select", "P004"][..], &[]] {
        let arguments = [&[text(&root), "-o", "json"][..], select].concat();
        let ran = audit(&arguments);
        let report: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
        let named = ["findings", "skipped"].iter().flat_map(|list| report[*list].as_array().unwrap());
        let named: Vec<&str> = named.filter_map(|entry| entry["path"].as_str()).collect();
        let is_named = |name: &str| named.contains(&text(&root.join(name)));
        assert!(is_named("notes") && is_named("pki/huge.crt"), "{named:?}");
    }
    let ran = audit(&[text(&root.join("notes"))]);
    assert_eq!(ran.code, Some(2), "{}", ran.words());
    assert!(ran.stderr.contains("it is larger than what is read"), "{}", ran.words());
}

/// A tree in which directories are links to somebody else's.
#[test]
fn links_in_the_place_of_directories_are_not_followed() {
    let dir = scratch();
    let outside = dir.path().join("outside");
    fs::create_dir_all(&outside).unwrap();
    certificate(&outside, "ca", "/CN=outside-of-the-tree");
    let system = dir.path().join("nodes/cp1");
    for directory in ["usr", "etc", "var/lib/kubelet"] {
        fs::create_dir_all(system.join(directory)).unwrap();
    }
    certificate(&system.join("var/lib/kubelet"), "inside", "/CN=inside");
    fs::create_dir(system.join("var/lib/kubelet/pki")).unwrap();
    fs::rename(system.join("var/lib/kubelet/inside.crt"), system.join("var/lib/kubelet/pki/inside.crt"))
        .unwrap();
    symlink(&outside, system.join("etc/kubernetes")).unwrap();
    symlink(dir.path(), system.join("etc/etcd")).unwrap();
    symlink(&outside, dir.path().join("nodes/cp2")).unwrap();
    let nodes = dir.path().join("nodes");
    for arguments in [vec![text(&system)], vec!["--nodes", text(&nodes)]] {
        let ran = audit(&arguments);
        assert_eq!(ran.code, Some(0), "{}", ran.words());
        assert!(!ran.words().contains("outside-of-the-tree"), "{}", ran.words());
        let told = "etc/kubernetes is a symbolic link and was not looked at";
        assert!(ran.stdout.contains(told), "{}", ran.words());
        let told = "cp2 is a symbolic link out of the directory of nodes";
        assert_eq!(ran.stdout.contains(told), arguments.len() == 2, "{}", ran.words());
    }
}

#[test]
fn names_are_shown_harmless() {
    let dir = scratch();
    let root = dir.path().join("pki");
    fs::create_dir_all(&root).unwrap();
    certificate(&root, "ca", "/CN=a\u{1b}[31m\u{202e}b<script>alert(1)<\\/script>");
    let content = fs::read(root.join("ca.key")).unwrap();
    for name in [
        &b"a\nERROR: b.crt"[..],
        b"\x1b[2Jc.crt",
        b"\xff\xfe.crt",
        "\u{202e}d.crt".as_bytes(),
        b"<b>'\"&.crt",
        b"$(id).crt",
    ] {
        fs::write(root.join(OsString::from_vec(name.to_vec())), &content).unwrap();
    }
    for output in ["text", "json", "sarif", "junit", "prometheus", "html"] {
        let ran = audit(&[text(&root), "-o", output]);
        assert_eq!(ran.code, Some(0), "{output}: {}", ran.words());
        assert_clean(&ran);
        assert!(!ran.stdout.contains("\nERROR: b.crt"), "{output}");
        let is_markup = ["junit", "html"].contains(&output);
        assert!(!is_markup || !ran.stdout.contains("<script>alert(1)"), "{output}");
    }
}

#[test]
fn bombs_of_yaml_do_not_go_off() {
    let dir = scratch();
    let root = dir.path().join("kubernetes");
    fs::create_dir_all(root.join("manifests")).unwrap();
    let mut laughs =
        String::from("apiVersion: v1\nkind: Pod\nx0: &x0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]\n");
    for level in 1..12 {
        let before = level - 1;
        let all = vec![format!("*x{before}"); 9].join(", ");
        laughs.extend([format!("x{level}: &x{level} [{all}]\n")]);
    }
    write(&root.join("manifests/kube-apiserver.yaml"), &laughs);
    write(&root.join("admin.conf"), &laughs.replace("kind: Pod", "kind: Config\nclusters: []\nusers: *x0"));
    write(&root.join("deep.conf"), &format!("kind: Config\nclusters: {}", "[".repeat(200_000)));
    write(&root.join("kubelet.conf"), &format!("kind: Config\nusers:\n{}", "- name: a\n".repeat(50_000)));
    // Each context looks for its cluster and its user among as many.
    let lists =
        ["contexts", "clusters", "users"].map(|list| format!("{list}:\n{}", "- name: a\n".repeat(20_000)));
    write(
        &root.join("contexts.conf"),
        &format!("kind: Config\n{}", lists.join("").replacen("name: a", "name: b", 9)),
    );
    write(
        &root.join("wide.conf"),
        &format!("kind: Config\nclusters: [{{name: a, x: \"{}\"}}]", "a".repeat(3 << 20)),
    );
    let ran = audit(&[text(&root)]);
    assert_eq!(ran.code, Some(0), "{}", ran.words());
    assert_clean(&ran);
    for name in ["kube-apiserver.yaml", "deep.conf"] {
        assert!(ran.stdout.contains(name), "{name} is not named:\n{}", ran.stdout);
    }
}

/// However a good file is cut or changed, the audit of it ends, and says what is wrong with it.
#[test]
fn every_malformed_file_is_named() {
    let dir = scratch();
    certificate(dir.path(), "good", "/CN=good");
    let pem = fs::read_to_string(dir.path().join("good.crt")).unwrap();
    let key = fs::read_to_string(dir.path().join("good.key")).unwrap();
    let der = dir.path().join("good.der");
    openssl(["x509", "-in", text(&dir.path().join("good.crt")), "-outform", "DER", "-out", text(&der)]);
    let der = fs::read(der).unwrap();
    let tree = dir.path().join("tree");
    fs::create_dir_all(&tree).unwrap();
    let mut names = Vec::new();
    let mut put = |name: String, bytes: &[u8]| {
        fs::write(tree.join(&name), bytes).unwrap();
        names.push(name);
    };
    for at in (1..der.len()).step_by(37) {
        put(format!("cut{at}.crt"), &der[..at]);
    }
    for at in (30..pem.len() - 1).step_by(41) {
        put(format!("pem{at}.crt"), &pem.as_bytes()[..at]);
    }
    for at in (30..key.len() - 1).step_by(23) {
        put(format!("key{at}.key"), &key.as_bytes()[..at]);
    }
    put("label.crt".into(), pem.replace("CERTIFICATE", "PUBLIC KEY").as_bytes());
    put("nul.crt".into(), &vec![0; 700]);
    put("text.crt".into(), b"hello\n");
    put("text.key".into(), b"hello\n");
    put("star.crt".into(), pem.replacen('M', "*", 1).as_bytes());
    let ran = audit(&[text(&tree), "-o", "json"]);
    assert_eq!(ran.code, Some(0), "{}", ran.words());
    let report: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    let told: std::collections::BTreeSet<&str> = ["findings", "skipped"]
        .iter()
        .flat_map(|list| report[*list].as_array().unwrap())
        .filter_map(|entry| entry["path"].as_str())
        .collect();
    let silent: Vec<&String> = names.iter().filter(|name| !told.contains(text(&tree.join(name)))).collect();
    assert!(silent.is_empty(), "nothing is said of {silent:?}");
}
