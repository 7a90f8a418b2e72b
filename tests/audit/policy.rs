//! What is asked, by flags and by a file; and the exit code.

use crate::support::write;
use crate::tree::{Tree, document, findings};

#[test]
fn the_exit_code_is_that_of_the_policy() {
    let tree = Tree::of_kubeadm("kubeadm-ecdsa");
    // kubeadm's serial numbers are an info.
    for (fail_on, code) in [("info", 1), ("low", 0), ("medium", 0), ("high", 0), ("critical", 0), ("none", 0)]
    {
        tree.audit(&["--select", "P004", "--fail-on", fail_on]).expect_code(code);
    }
    tree.audit(&["--select", "P004"]).expect_code(0);
    // Two years later all leaves have ended.
    tree.audit(&["--select", "T001", "--at", "2028-12-01"]).expect_code(1);
    tree.audit(&["--select", "T001", "--at", "2028-12-01", "--fail-on", "none"]).expect_code(0);
}

#[test]
fn what_cannot_be_read_at_all_is_an_error() {
    let tree = Tree::of_kubeadm("kubeadm-ecdsa");
    std::fs::create_dir(tree.beside("empty")).unwrap();
    for (arguments, said) in [
        (&["audit", "nowhere"][..], "nowhere cannot be read: No such file"),
        (&["audit", "tree", "nowhere"], "nowhere cannot be read"),
        (&["audit", "empty"], "nothing to judge in empty"),
        (&["audit", "--nodes", "empty"], "empty holds no node's tree"),
        (&["audit", "--nodes", "tree"], "tree is the tree of one node"),
        (&["audit", "--nodes", "nowhere"], "nowhere cannot be listed"),
        (&["audit", "tree", "--nodes", "tree"], "cannot be used with"),
        (&["audit"], "required"),
        (&["audit", "tree", "--config", "nowhere"], "nowhere"),
        (&["audit", "tree", "--at", "tomorrow"], "write a day, 2027-06-30"),
        (&["audit", "tree", "--select", "key-usge"], "did you mean P014 key-usage"),
        (&["audit", "tree", "--ignore", "P004,X1"], "`X1` names no rule"),
        (&["audit", "tree", "--cis", "1.5"], "1.24"),
        (&["audit", "tree", "--expiring", "soon"], "soon"),
        (&["audit", "tree", "--kubernetes-version", "latest"], "latest"),
    ] {
        let ran = tree.kpki(arguments).expect_code(2);
        assert!(ran.stderr.contains(said), "{arguments:?}: {}", ran.words());
        assert_eq!(ran.stdout, "", "{arguments:?}");
    }
}

#[test]
fn rules_are_chosen_by_id_name_or_family() {
    let tree = Tree::of_kubeadm("kubeadm-ecdsa");
    let found = |arguments: &[&str]| {
        let report = document(&tree.audit(&[&["-o", "json", "--fail-on", "none"], arguments].concat()).ok());
        let mut rules: Vec<String> = findings(&report)
            .iter()
            .filter_map(|finding| finding.split(' ').nth(1))
            .map(str::to_owned)
            .collect();
        rules.sort();
        rules.dedup();
        rules
    };
    assert_eq!(found(&["--select", "P004,key-encipherment"]), ["P004", "P015"]);
    assert_eq!(found(&["--select", "P004", "--select", "p015", "--ignore", "serial-entropy"]), ["P015"]);
    assert!(found(&["--ignore", "P"]).iter().all(|rule| !rule.starts_with('P')));
    assert!(found(&["--select", "P0"]).iter().all(|rule| rule.starts_with('P')));
}

#[test]
fn a_file_says_what_is_accepted() {
    let tree = Tree::of_kubeadm("kubeadm-ecdsa");
    write(
        &tree.beside("team.yaml"),
        "select: [P004, P015]\nfailOn: medium\nseverities:\n  P004: high\n  P: low\nwaivers:\n\
         - {rule: P004, path: pki/**, reason: kubeadm drew them, expires: 2026-11-24}\n\
         - {rule: P004, path: '*.conf', reason: kubeadm drew them, expires: 2026-12-31}\n\
         - {rule: F999, reason: gone, expires: 2026-12-31}\n\
         - {rule: P001, reason: not asked for here, expires: 2026-12-31}\n",
    );
    let report = document(&tree.audit(&["--config", "team.yaml", "-o", "json"]).ok());
    let found = findings(&report);
    assert!(!found.is_empty() && found.iter().all(|finding| finding.starts_with("low P015")), "{found:#?}");
    assert!(report["waived"].as_array().unwrap().len() > 10);
    assert_eq!(report["waived"][0]["severity"], "high");
    let dead = report["deadWaivers"].to_string();
    assert!(dead.contains("there is no such rule") && !dead.contains("P001"), "{dead}");
    // The last day of the first waiver is over.
    let ran = tree.audit(&["--config", "team.yaml", "-o", "json", "--at", "2026-11-25"]).expect_code(1);
    let report = document(&ran);
    assert!(findings(&report).iter().any(|finding| finding.starts_with("high P004 tree/pki/")));
    assert!(report["deadWaivers"].to_string().contains("it expired on 2026-11-24"));
    // The command line counts more.
    let ran = tree
        .audit(&["--config", "team.yaml", "--at", "2026-11-25", "--fail-on", "none", "--select", "P001"])
        .ok();
    assert!(ran.stdout.contains("nothing"), "{}", ran.stdout);
    // One with its usual name is found by itself.
    write(&tree.beside(".kpki.yaml"), "failOn: info\n");
    tree.audit(&["--select", "P004"]).expect_code(1);
    write(&tree.beside(".kpki.yaml"), "failOn: info\nwaivers:\n- {rule: P004, expires: 2027-01-01}\n");
    let ran = tree.audit(&[]).expect_code(2);
    assert!(ran.stderr.contains(".kpki.yaml:3: ") && ran.stderr.contains("reason"), "{}", ran.words());
}

#[test]
fn a_directory_of_nodes_is_pointed_out() {
    let tree = Tree::of_kubeadm("kubeadm-ecdsa");
    tree.shell("mkdir -p nodes/cp1/etc && cp -r tree nodes/cp1/etc/kubernetes").ok();
    let ran = tree.kpki(&["audit", "nodes", "--fail-on", "none", "-q"]).ok();
    assert!(ran.stderr.contains("nodes holds the trees of 1 node (cp1)"), "{}", ran.words());
    let report = document(&tree.kpki(&["audit", "--nodes", "nodes", "--fail-on", "none", "-o", "json"]).ok());
    assert!(report["findings"].as_array().unwrap().iter().all(|finding| finding["node"] == "cp1"));
    assert_eq!(report["read"]["nodes"], 1);
}
