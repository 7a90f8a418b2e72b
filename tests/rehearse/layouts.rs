//! Trees that are right, in every shape in which they come.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::symlink;

use crate::support::text;
use crate::tree::{Rehearsed, Tree, at_now, places, words};

/// What kubeadm's control plane is dialled by, connection by connection, and how it treats strangers.
const KUBEADM: &[(&str, &str, &str)] = &[
    ("admin-apiserver", "api.k8s.example.com", "asked"),
    ("super-admin-apiserver", "api.k8s.example.com", "asked"),
    ("controller-manager-apiserver", "10.0.0.10", "asked"),
    ("scheduler-apiserver", "10.0.0.10", "asked"),
    ("kubelet-apiserver", "10.0.0.10", "asked"),
    ("pods-apiserver", "10.96.0.1", "asked"),
    ("pods-apiserver", "kubernetes.default.svc", "asked"),
    ("apiserver-kubelet", "10.0.0.10", "asked"),
    ("apiserver-etcd", "127.0.0.1", "required"),
    ("etcd-peer", "10.0.0.10", "required"),
    ("etcd-gateway", "127.0.0.1", "required"),
    ("etcd-healthcheck", "127.0.0.1", "required"),
    ("front-proxy-extension", "metrics-server.kube-system.svc", "asked"),
];

#[test]
fn kubeadms_trees_hold() {
    for fixture in ["kubeadm-ecdsa", "kubeadm-rsa"] {
        let rehearsed = Tree::of_kubeadm(fixture).rehearse(&[]);
        rehearsed.assert_ok(KUBEADM.len());
        let found: Vec<_> = rehearsed
            .connections()
            .iter()
            .map(|one| (words(&one["edge"]), words(&one["dialled"]), words(&one["server"]["clientAuth"])))
            .collect();
        let wanted: Vec<_> = KUBEADM
            .iter()
            .map(|(edge, name, auth)| ((*edge).into(), (*name).into(), (*auth).into()))
            .collect();
        assert_eq!(found, wanted, "{fixture}");
        assert_eq!(rehearsed.said["nodes"][0]["name"], "cp1.example.com");
        assert_eq!(rehearsed.said["nodes"][0]["address"], "10.0.0.10");
        // kubeadm wrote it on 2026-11-23, for a year.
        let end = words(&rehearsed.said["summary"]["holdsUntil"]);
        assert!(end.starts_with("2027-11-23"), "{end}");
        for one in rehearsed.connections() {
            assert_eq!(one["protocol"], "TLS 1.3", "{one:#}");
        }
    }
}

#[test]
fn strangers_are_refused_and_it_is_said_who_only_asks() {
    let rehearsed = Tree::of_kubeadm("kubeadm-ecdsa").rehearse(&[]);
    for one in rehearsed.connections() {
        let edge = words(&one["edge"]);
        let negatives: Vec<_> = one["negatives"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|tried| (words(&tried["with"]), tried["accepted"] == true, tried["fine"] == true))
            .collect();
        let (asked, verifies) = match edge.as_str() {
            // Its own gateway verifies nobody, nor does an API server that was given no CA for kubelets.
            "etcd-gateway" => (false, false),
            "apiserver-kubelet" => (true, false),
            "apiserver-etcd" | "etcd-peer" | "etcd-healthcheck" => (false, true),
            _ => (true, true),
        };
        if edge == "pods-apiserver" {
            // They bring a token.
            assert_eq!(negatives, [("server-of-another-ca".to_owned(), false, true)]);
            continue;
        }
        let wanted = vec![
            ("no-client-certificate".to_owned(), asked, true),
            ("client-of-another-ca".to_owned(), false, true),
            ("server-of-another-ca".to_owned(), !verifies, true),
        ];
        assert_eq!(negatives, wanted, "{edge}");
    }
    let said =
        words(&rehearsed.at("admin-apiserver cp1.example.com cp1.example.com")["negatives"][0]["words"]);
    assert!(said.contains("asked for, not required") && said.contains("system:anonymous"), "{said}");
    let kubelet = rehearsed.at("apiserver-kubelet cp1.example.com cp1.example.com");
    let said = words(&kubelet["negatives"][0]["words"]);
    assert!(said.contains("401"), "{said}");
    let notes = kubelet["notes"].to_string();
    assert!(notes.contains("has no --kubelet-certificate-authority"), "{notes}");
}

#[test]
fn every_node_of_a_cluster_meets_every_other() {
    let tree = Tree::of_template();
    let rehearsed = tree.rehearse(&[]);
    rehearsed.assert_ok(75);
    let count = |edge: &str| rehearsed.connections().iter().filter(|one| one["edge"] == edge).count();
    // The endpoint is every control plane; control planes' kubelets dial the API server beside them.
    let counts = [
        ("admin-apiserver", 9),
        ("super-admin-apiserver", 3),
        ("user-apiserver", 6),
        ("controller-manager-apiserver", 3),
        ("scheduler-apiserver", 3),
        ("kubelet-apiserver", 3 + 2 * 3),
        ("pods-apiserver", 3),
        ("apiserver-kubelet", 3 * 5),
        ("apiserver-etcd", 3),
        ("etcd-peer", 6),
        ("etcd-gateway", 3),
        ("etcd-healthcheck", 3),
        ("front-proxy-extension", 3),
        ("metrics-controller-manager", 3),
        ("metrics-scheduler", 3),
    ];
    for (edge, expected) in counts {
        assert_eq!(count(edge), expected, "{edge}");
    }
    assert_eq!(rehearsed.at("kubelet-apiserver worker1 cp3")["dialled"], "api.demo.example");
    assert_eq!(rehearsed.at("kubelet-apiserver cp3 cp3")["dialled"], "10.0.0.13");
    assert_eq!(rehearsed.at("apiserver-kubelet cp1 worker2")["dialled"], "10.0.0.22");
    assert_eq!(rehearsed.at("etcd-peer cp2 cp1")["dialled"], "10.0.0.11");
    // The users' certificates end first, after thirty days.
    let through = words(&rehearsed.said["summary"]["holdsUntilThrough"]);
    assert!(through.contains("/users/"), "{through}");
    let with_file = tree.rehearse(&["-f", text(&tree.path("cluster.yaml"))]);
    // It knows the address of the service as well.
    with_file.assert_ok(78);
    assert_eq!(with_file.at("pods-apiserver cp2 cp2")["dialled"], "10.96.0.1");
    tree.rehearse(&["--policy", "rfc5280"]).assert_ok(75);
}

#[test]
fn the_picture_is_edges_and_nodes() {
    let tree = Tree::of_template();
    let said = tree.picture(&[]).ok().stdout;
    let rows = [
        "DIALS                              cp1   cp2   cp3   worker1  worker2  users",
        "super-admin.conf → apiserver       ok    -     -     -        -        -",
        "users/*.conf → apiserver           -     -     -     -        -        ok",
        "kubelet → apiserver                ok    ok    ok    ok       ok       -",
        "IS DIALLED                         cp1   cp2   cp3   worker1  worker2  users",
        "kubelet                            ok    ok    ok    ok       ok       -",
    ];
    for row in rows {
        assert!(said.lines().any(|line| line == row), "{row}\n{said}");
    }
    assert!(said.contains("ok: all 75 connections of 5 nodes in "), "{said}");
    assert!(said.contains("- no such connection"), "{said}");
}

const EXTERNAL: &str = "
apiVersion: kpki/v1alpha1
kind: Cluster
metadata: {name: demo}
spec:
  layout: pem
  algorithm: ALGORITHM
  etcd: {topology: external}
  controlPlanes:
  - {name: cp1, addresses: [10.0.0.11]}
  - {name: cp2, addresses: [\"fd00::12\"]}
  etcdMembers:
  - {name: etcd1, addresses: [10.0.1.1]}
  - {name: etcd2, addresses: [\"fd00:1::2\"]}
  workers: [{name: worker1, addresses: [10.0.0.21]}]
";

#[test]
fn the_pem_layout_with_etcd_on_machines_of_its_own() {
    for algorithm in ["ECDSA-P384", "Ed25519"] {
        let tree = Tree::of_cluster(&EXTERNAL.replace("ALGORITHM", algorithm));
        let rehearsed = tree.rehearse(&[]);
        // admin 2, super-admin 1, controller manager 2, scheduler 2, kubelet 3, pods 2, to kubelets 2*3, to etcd 2*2, peers 2,
        // gateway 2, health check 2, front proxy 2, metrics 2+2.
        rehearsed.assert_ok(34);
        // One certificate serves clients and peers.
        let peer = rehearsed.at("etcd-peer etcd1 etcd2");
        assert!(words(&peer["server"]["certificate"]).ends_with("etcd2/etc/etcd/pki/etcd.pem"), "{peer:#}");
        assert_eq!(peer["dialled"], "fd00:1::2");
        // Without an endpoint, all dial the first control plane.
        assert_eq!(rehearsed.at("kubelet-apiserver worker1 cp1")["dialled"], "10.0.0.11");
        assert_eq!(rehearsed.at("apiserver-etcd cp2 etcd1")["dialled"], "10.0.1.1");
        tree.rehearse(&["-f", text(&tree.path("cluster.yaml"))]).assert_ok(36);
    }
}

#[test]
fn a_part_of_a_tree_is_rehearsed_as_far_as_it_goes() {
    let tree = Tree::of_template();
    let only = |path: &str| Rehearsed::of(&tree.root().join(path), &[]);
    only("cp1").assert_ok(14);
    only("cp1/etc/kubernetes").assert_ok(14);
    let pki = only("cp1/etc/kubernetes/pki");
    assert_eq!(pki.with("unknown").len(), 3, "{:?}", pki.with("unknown"));
    assert_eq!((pki.with("ok").len(), pki.code), (9, 0));
    assert!(pki.said["notes"].to_string().contains("rehearse that"), "{}", pki.said["notes"]);
    assert_eq!(only("cp1/etc/kubernetes/pki/etcd").with("ok").len(), 3);
    // Nothing answers on a worker, and CAs dial nobody.
    for path in ["worker1", "ca", "users", "nowhere"] {
        let ran = at_now(&["rehearse", text(&tree.root().join(path))]).expect_code(2);
        assert!(ran.stderr.contains("error:") && ran.stderr.contains("hint:"), "{}", ran.stderr);
    }
}

#[test]
fn links_are_followed_as_on_the_node_itself() {
    let tree = Tree::of_template();
    let node = tree.root().join("cp1");
    // As the kubelet keeps its rotated certificate: an absolute link, in a directory that is reached by a link.
    let own = node.join("var/lib/kubelet/pki");
    fs::create_dir_all(&own).expect("a directory");
    let kubeconfig = fs::read_to_string(tree.of("cp1", "kubelet.conf")).expect("readable");
    let pem = |field: &str| {
        let line = kubeconfig.lines().find_map(|line| line.trim().strip_prefix(field)).expect("the field");
        let path = tree.path("data");
        fs::write(&path, line.trim()).expect("written");
        let decoded = crate::support::openssl(["base64", "-d", "-A", "-in", text(&path)]);
        decoded.stdout
    };
    let both = pem("client-certificate-data:") + &pem("client-key-data:");
    fs::write(own.join("kubelet-client-2026.pem"), both).expect("written");
    symlink("/var/lib/kubelet/pki/kubelet-client-2026.pem", own.join("kubelet-client-current.pem"))
        .expect("a link");
    let rotated: String = kubeconfig
        .lines()
        .map(|line| match line.trim().split(':').next() {
            Some("client-certificate-data") => {
                "    client-certificate: /var/lib/kubelet/pki/kubelet-client-current.pem\n".to_owned()
            }
            Some("client-key-data") => {
                "    client-key: /var/lib/kubelet/pki/kubelet-client-current.pem\n".to_owned()
            }
            _ => format!("{line}\n"),
        })
        .collect();
    fs::write(tree.of("cp1", "kubelet.conf"), rotated).expect("written");
    let rehearsed = tree.rehearse(&[]);
    rehearsed.assert_ok(75);
    let shown = words(&rehearsed.at("kubelet-apiserver cp1 cp1")["client"]["certificate"]);
    assert!(shown.ends_with("cp1/var/lib/kubelet/pki/kubelet-client-current.pem"), "{shown}");
    // Outside of the tree nothing is read, by whatever link: not even this machine's own files.
    fs::remove_file(tree.pki("cp2", "ca.crt")).expect("gone");
    symlink(text(&tree.pki("cp1", "ca.crt")), tree.pki("cp2", "ca.crt")).expect("a link");
    let rehearsed = tree.rehearse(&[]);
    assert_eq!(rehearsed.with("failed"), BTreeSet::new());
    let reason = words(&rehearsed.at("kubelet-apiserver cp2 cp2")["reason"]);
    assert_eq!(reason, "ca.crt of cp2 is missing");
    // And a circle ends.
    fs::remove_file(tree.pki("cp2", "ca.crt")).expect("gone");
    symlink("ca.crt", tree.pki("cp2", "ca.crt")).expect("a link");
    assert_eq!(tree.rehearse(&[]).code, 0);
}

#[test]
fn a_node_that_the_clusters_file_names_and_that_is_not_there_is_not_passed_over() {
    let tree = Tree::of_template();
    fs::remove_dir_all(tree.root().join("worker2")).expect("gone");
    fs::remove_dir_all(tree.root().join("cp3")).expect("gone");
    let rehearsed = tree.rehearse(&["-f", text(&tree.path("cluster.yaml"))]);
    let wanted = places(
        "controller-manager-apiserver cp3
         scheduler-apiserver cp3
         kubelet-apiserver cp3
         kubelet-apiserver worker2
         apiserver-kubelet cp3
         apiserver-etcd cp3
         etcd-peer cp3",
    );
    assert_eq!(rehearsed.with("unknown"), wanted);
    assert_eq!((rehearsed.with("failed").len(), rehearsed.code), (0, 0));
    let said = tree.picture(&["-f", text(&tree.path("cluster.yaml"))]).ok().stdout;
    assert!(said.contains("the files of worker2 are not here"), "{said}");
    assert!(said.contains("could not be judged"), "{said}");
}

#[test]
fn many_nodes_share_their_columns() {
    let mut cluster = String::from(
        "apiVersion: kpki/v1alpha1\nkind: Cluster\nmetadata: {name: large}\nspec:\n  \
         controlPlanes: [{name: cp1, addresses: [10.0.0.1]}]\n  workers:\n",
    );
    for worker in 1..=40 {
        let _ = writeln!(cluster, "  - {{name: worker{worker:02}, addresses: [10.0.1.{worker}]}}");
    }
    let tree = Tree::of_cluster(&cluster);
    let said = tree.picture(&[]).ok().stdout;
    let header = said.lines().next().unwrap_or_default();
    assert!(header.ends_with("cp1   worker01 +39"), "{header}");
}
