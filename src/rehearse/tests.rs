use std::net::IpAddr;
use std::path::{Path, PathBuf};

use super::network::{Host, bare, is_match, name};
use super::tree;
use crate::x509::SubjectAltName;

#[test]
fn hosts_are_read_off_urls_as_gos_clients_read_them() {
    for (url, host) in [
        ("https://10.0.0.1:6443", "IP:10.0.0.1"),
        ("https://API.example.com:6443/", "DNS:api.example.com"),
        ("https://api.example.com./api?x#y", "DNS:api.example.com"),
        ("HTTPS://[2001:db8::1]:6443", "IP:2001:db8::1"),
        ("https://[2001:db8::1]", "IP:2001:db8::1"),
        ("https://[::ffff:10.0.0.1]:6443", "IP:10.0.0.1"),
        ("https://[fe80::1%25eth0]:6443", "IP:fe80::1"),
        ("https://user:secret@10.0.0.1", "IP:10.0.0.1"),
        ("api.example.com:6443", "DNS:api.example.com"),
        ("localhost", "DNS:localhost"),
    ] {
        assert_eq!(Host::of_url(url).map(|host| host.name.to_string()), Ok(host.to_owned()), "{url}");
    }
    for (url, reason) in [
        ("", "no server is named"),
        ("http://10.0.0.1:2379", "is not spoken to with TLS"),
        ("unix:///var/run/etcd.sock", "is not spoken to with TLS"),
        ("http://jane:secret@10.0.0.1", "10.0.0.1 is not spoken to with TLS"),
        ("https://", "names no host"),
        ("https://:6443", "names no host"),
        ("ht\u{1b}tp://x", "ht\\u{1b}tp://x is not spoken to"),
    ] {
        let said = Host::of_url(url).map(|host| host.name.to_string()).expect_err(url);
        assert!(said.contains(reason) && !said.contains("secret"), "{url}: {said}");
    }
}

#[test]
fn names_are_as_certificates_hold_them() {
    assert_eq!(name("CP1.Example.com."), SubjectAltName::Dns("cp1.example.com".into()));
    assert_eq!(name("::ffff:10.0.0.1"), SubjectAltName::Ip(IpAddr::from([10, 0, 0, 1])));
    assert_eq!(bare(&name("2001:DB8::1")), "2001:db8::1");
    assert_eq!(bare(&name("a\u{1b}b")), "a\\u{1b}b");
}

#[test]
fn a_wildcard_stands_for_one_label() {
    for (pattern, name, matches) in [
        ("*.example.com", "api.example.com", true),
        ("*.example.com", "API.Example.com", true),
        ("*.example.com", "a.b.example.com", false),
        ("*.example.com", "example.com", false),
        ("*.example.com", ".example.com", false),
        ("api.example.com", "API.example.com", true),
        ("*", "example", false),
    ] {
        assert_eq!(is_match(pattern, name), matches, "{pattern} {name}");
    }
}

/// A directory with these empty files in it.
#[expect(clippy::disallowed_methods, reason = "a test writes the files that it needs")]
fn directory(paths: &[&str]) -> tempfile::TempDir {
    let made = tempfile::tempdir().unwrap();
    for path in paths {
        let path = made.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, "").unwrap();
    }
    made
}

#[test]
fn a_directory_is_known_by_what_is_in_it() {
    use tree::Shape::{EtcKubernetes, EtcdPki, Pki, Root};
    for (path, shape, file, there) in [
        ("etc/kubernetes/pki/ca.crt", Root, "/etc/kubernetes/pki/ca.crt", true),
        ("etc/etcd/pki/etcd.pem", Root, "/etc/etcd/pki/etcd.pem", true),
        ("pki/ca.crt", EtcKubernetes, "/etc/kubernetes/pki/ca.crt", true),
        ("admin.conf", EtcKubernetes, "/etc/kubernetes/admin.conf", true),
        ("manifests/etcd.yaml", EtcKubernetes, "/var/lib/kubelet/config.yaml", false),
        ("apiserver.crt", Pki, "/etc/kubernetes/pki/apiserver.crt", true),
        ("apiserver.crt", Pki, "/etc/kubernetes/admin.conf", false),
        ("etcd/ca.crt", Pki, "/etc/kubernetes/pki/etcd/ca.crt", true),
        ("peer.crt", EtcdPki, "/etc/kubernetes/pki/etcd/peer.crt", true),
        ("etcd.pem", EtcdPki, "/etc/etcd/pki/etcd.pem", true),
    ] {
        let made = directory(&[path]);
        let found = tree::find(made.path()).unwrap();
        let [(None, found)] = found.trees.as_slice() else { panic!("{path}: {found:?}") };
        assert_eq!(found.shape, shape, "{path}");
        let here = found.locate(Path::new(file));
        assert_eq!(here.is_some_and(|here| here.exists()), there, "{path} {file}");
    }
}

#[test]
fn several_nodes_are_called_by_their_directories() {
    let made = directory(&[
        "cp1/etc/kubernetes/admin.conf",
        "cp2/admin.conf",
        "node3/apiserver.crt",
        "ca/apiserver.crt",
        "users/jane.conf",
        "users/note.txt",
        "notes/readme",
    ]);
    let found = tree::find(made.path()).unwrap();
    let names: Vec<_> = found.trees.iter().map(|(name, _)| name.clone().unwrap()).collect();
    assert_eq!(names, ["cp1", "cp2", "node3"]);
    assert_eq!(found.users, [made.path().join("users/jane.conf")]);
    let empty = directory(&["notes/readme"]);
    assert!(tree::find(empty.path()).is_err() && tree::find(&empty.path().join("nowhere")).is_err());
}

#[test]
fn links_stay_within_the_tree() {
    use std::os::unix::fs::symlink;
    let made = directory(&["etc/kubernetes/pki/ca.crt", "srv/pki/apiserver.crt", "etc/passwd"]);
    let at = |path: &str| made.path().join(path);
    symlink("/srv/pki/apiserver.crt", at("etc/kubernetes/pki/absolute.crt")).unwrap();
    symlink("../../../srv/pki/apiserver.crt", at("etc/kubernetes/pki/relative.crt")).unwrap();
    symlink("../../../../../../../../etc/passwd", at("etc/kubernetes/pki/above.crt")).unwrap();
    symlink("/srv", at("etc/kubernetes/srv")).unwrap();
    symlink("circle", at("etc/kubernetes/circle")).unwrap();
    let found = tree::find(made.path()).unwrap();
    let (_, tree) = &found.trees[0];
    for (path, target) in [
        ("/etc/kubernetes/pki/ca.crt", Some("etc/kubernetes/pki/ca.crt")),
        ("/etc/kubernetes/pki/absolute.crt", Some("srv/pki/apiserver.crt")),
        ("/etc/kubernetes/pki/relative.crt", Some("srv/pki/apiserver.crt")),
        // The root's parent is the root.
        ("/etc/kubernetes/pki/above.crt", Some("etc/passwd")),
        ("/etc/kubernetes/srv/pki/apiserver.crt", Some("srv/pki/apiserver.crt")),
        ("/etc/kubernetes/../passwd", Some("etc/passwd")),
        ("/etc/kubernetes/circle", None),
    ] {
        let wanted: Option<PathBuf> = target.map(at);
        assert_eq!(tree.locate(Path::new(path)), wanted, "{path}");
    }
    // Within a PKI directory alone, whatever leads out of it leads nowhere.
    let made = directory(&["apiserver.crt"]);
    symlink("/etc/passwd", made.path().join("ca.crt")).unwrap();
    let found = tree::find(made.path()).unwrap();
    assert_eq!(found.trees[0].1.locate(Path::new("/etc/kubernetes/pki/ca.crt")), None);
}
