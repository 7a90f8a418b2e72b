//! A tree that comes as an archive from the real tar is the same tree.

use serde_json::Value;

use crate::support::{Ran, text, write};
use crate::tree::{Tree, document, repository};

const FORM: &str = "-o json --fail-on none";

/// A report without its remedies: those of an archive name the files of the node that it is of.
fn unmended(ran: &Ran) -> Value {
    let mut report = document(ran);
    for finding in report["findings"].as_array_mut().expect("a list") {
        let finding = finding.as_object_mut().expect("an object");
        finding.remove("fix");
        finding.remove("commands");
    }
    report
}

#[test]
fn an_archive_has_the_findings_of_its_directory() {
    let tree = Tree::of_kubeadm("kubeadm-ecdsa");
    std::fs::remove_file(tree.file("pki/apiserver.key")).unwrap();
    std::os::unix::fs::symlink("../ca.crt", tree.file("pki/etcd/link.crt")).unwrap();
    std::fs::hard_link(tree.file("pki/ca.key"), tree.file("pki/again.key")).unwrap();
    let long = format!("pki/{}.crt", "long-name-".repeat(15));
    std::fs::copy(tree.file("pki/ca.crt"), tree.file(&long)).unwrap();
    let directory = unmended(&tree.shell(&format!("cd tree; kpki audit . {FORM}")).ok());
    for format in ["gnu", "pax", "posix"] {
        let archive =
            unmended(&tree.shell(&format!("tar c --format={format} -C tree . | kpki audit - {FORM}")).ok());
        assert_eq!(archive, directory, "{format}");
    }
}

#[test]
fn an_archive_of_etc_kubernetes_stands_for_it() {
    let tree = Tree::of_kubeadm("kubeadm-ecdsa");
    tree.shell("mkdir -p root/etc && mv tree root/etc/kubernetes").ok();
    let directory = unmended(&tree.shell(&format!("cd root; kpki audit . {FORM}")).ok());
    let archive = unmended(&tree.shell(&format!("tar c -C root etc/kubernetes | kpki audit - {FORM}")).ok());
    assert_eq!(archive, directory);
    let rules = |document: &Value| {
        document["findings"].as_array().unwrap().iter().map(|one| one["rule"].clone()).collect::<Vec<_>>()
    };
    let itself = document(&tree.shell(&format!("kpki audit root/etc/kubernetes {FORM}")).ok());
    assert_eq!(rules(&itself), rules(&archive));
}

#[test]
fn archives_of_nodes_stand_beside_their_trees() {
    let tree = Tree::of_init(&repository("templates/cluster.yaml"));
    let directories = unmended(&tree.shell(&format!("kpki audit --nodes tree {FORM}")).ok());
    tree.shell("cd tree; for node in */; do case $node in ca/|users/) ;; *) tar cf ${node%/}.tar -C $node . && rm -r $node;; esac; done")
        .ok();
    let archives = unmended(&tree.shell(&format!("kpki audit --nodes tree {FORM}")).ok());
    assert_eq!(archives, directories);
}

#[test]
fn what_is_cut_off_is_named() {
    let tree = Tree::of_kubeadm("kubeadm-ecdsa");
    let ran = tree.shell(&format!("tar c -C tree . | head -c 40000 | kpki audit - {FORM}"));
    // With pipefail the code may be that of tar, whose reader went away.
    let report = document(&ran);
    let reasons: Vec<&str> =
        report["skipped"].as_array().unwrap().iter().filter_map(|one| one["reason"].as_str()).collect();
    assert!(reasons.iter().any(|reason| reason.contains("ends too early")), "{reasons:?}");
    assert!(report["read"]["files"].as_u64() > Some(3));
}

#[test]
fn what_is_no_archive_is_refused() {
    let tree = Tree::of_kubeadm("kubeadm-ecdsa");
    write(&tree.beside("text"), &"no archive ".repeat(100));
    for (line, said) in [
        ("tar cz -C tree . | kpki audit -", "compressed with gzip"),
        ("kpki audit - < /dev/null", "nothing is in it"),
        ("kpki audit - < text", "it is neither a tar archive nor a file of a PKI"),
    ] {
        let ran = tree.shell(line).expect_code(2);
        assert!(ran.stderr.contains(said), "{line}: {}", ran.words());
    }
}

#[test]
fn a_file_on_standard_input_is_read() {
    let tree = Tree::of_kubeadm("kubeadm-ecdsa");
    let of_input = document(&tree.shell(&format!("kpki audit - {FORM} < tree/pki/ca.crt")).ok());
    let of_file = document(&tree.shell(&format!("kpki audit tree/pki/ca.crt {FORM}")).ok());
    for report in [&of_input, &of_file] {
        assert_eq!(report["read"]["certificates"], 1, "{report}");
    }
    assert_eq!(of_input["findings"][0]["rule"], of_file["findings"][0]["rule"]);
}

/// Names that lead out of an archive are told, and what is behind them is not looked at.
#[test]
fn names_that_lead_out_are_told() {
    let tree = Tree::of_kubeadm("kubeadm-ecdsa");
    let file = tree.file("pki/ca.crt");
    let line = format!(
        "tar cP -C tree manifests {0} --transform 's,.*ca.crt,../../ca.crt,' | kpki audit - {FORM}",
        text(&file)
    );
    let report = document(&tree.shell(&line).ok());
    let said = report["skipped"].to_string();
    assert!(said.contains("../../ca.crt leads out of the archive"), "{said}");
    assert_eq!(report["read"]["certificates"], 0);
}
