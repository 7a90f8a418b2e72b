//! Where all is well, nothing is said that would make anybody run.

use crate::tree::{Tree, document, findings, repository};

#[test]
fn what_kubeadm_writes_has_no_finding_of_high_or_above() {
    for fixture in ["kubeadm-ecdsa", "kubeadm-rsa"] {
        let tree = Tree::of_kubeadm(fixture);
        for arguments in [vec![], vec!["--kubernetes-version", "1.36.2"]] {
            let report =
                document(&tree.audit(&[&["-o", "json", "--fail-on", "none"], &arguments[..]].concat()).ok());
            let bad: Vec<String> = findings(&report)
                .into_iter()
                .filter(|finding| finding.starts_with("critical") || finding.starts_with("high"))
                .collect();
            assert!(bad.is_empty(), "{fixture}: {bad:#?}");
            assert_eq!(report["read"]["certificates"], 20, "{fixture}");
        }
        tree.audit(&[]).ok();
    }
}

/// What is above info in a report, a super-admin.conf aside: that one is a fact to live with.
fn above_info(report: &serde_json::Value) -> Vec<String> {
    findings(report)
        .into_iter()
        .filter(|finding| !finding.starts_with("info ") && !finding.contains("super-admin.conf"))
        .collect()
}

#[test]
fn what_kpki_writes_for_kubeadm_has_nothing_above_info() {
    for fixture in ["kubeadm-ecdsa", "kubeadm-rsa"] {
        let tree = Tree::of_init(&repository("tests/fixtures").join(fixture).join("cluster.yaml"));
        let report = document(&tree.audit(&["-o", "json", "--fail-on", "none"]).ok());
        assert_eq!(above_info(&report), [""; 0], "{fixture}");
        assert!(report["outcomes"]["passed"].as_u64() > Some(20), "{report:#}");
    }
}

#[test]
fn what_kpki_writes_for_several_nodes_has_nothing_above_info() {
    let tree = Tree::of_init(&repository("templates/cluster.yaml"));
    let ran = tree.kpki(&["audit", "--nodes", "tree", "-o", "json", "--fail-on", "none"]).ok();
    let report = document(&ran);
    assert_eq!(above_info(&report), [""; 0]);
    // Three control planes and two workers; the CAs and the users are no nodes.
    assert_eq!(report["read"]["nodes"], 5);
}
