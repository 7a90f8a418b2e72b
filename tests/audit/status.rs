//! The table of ends.

use crate::tree::{Tree, document, repository};

/// What kubeadm v1.36 prints of the same tree, with the kubelet's identity, of which it says nothing, added.
const TABLE: &str = "\
CERTIFICATE                EXPIRES                  RESIDUAL TIME   CERTIFICATE AUTHORITY   EXTERNALLY MANAGED
admin.conf                 Nov 23, 2027 19:52 UTC   364d            ca                      no
apiserver                  Nov 23, 2027 19:52 UTC   364d            ca                      no
apiserver-etcd-client      Nov 23, 2027 19:52 UTC   364d            etcd-ca                 no
apiserver-kubelet-client   Nov 23, 2027 19:52 UTC   364d            ca                      no
controller-manager.conf    Nov 23, 2027 19:52 UTC   364d            ca                      no
etcd-healthcheck-client    Nov 23, 2027 19:52 UTC   364d            etcd-ca                 no
etcd-peer                  Nov 23, 2027 19:52 UTC   364d            etcd-ca                 no
etcd-server                Nov 23, 2027 19:52 UTC   364d            etcd-ca                 no
front-proxy-client         Nov 23, 2027 19:52 UTC   364d            front-proxy-ca          no
kubelet.conf               Nov 23, 2027 19:52 UTC   364d            ca                      no
scheduler.conf             Nov 23, 2027 19:52 UTC   364d            ca                      no
super-admin.conf           Nov 23, 2027 19:52 UTC   364d            ca                      no

CERTIFICATE AUTHORITY   EXPIRES                  RESIDUAL TIME   EXTERNALLY MANAGED
ca                      Nov 20, 2036 19:52 UTC   9y              no
etcd-ca                 Nov 20, 2036 19:52 UTC   9y              no
front-proxy-ca          Nov 20, 2036 19:52 UTC   9y              no

ok: none has expired
";

#[test]
fn the_table_is_that_of_kubeadm() {
    let tree = Tree::of_kubeadm("kubeadm-ecdsa");
    assert_eq!(tree.kpki(&["status", "tree"]).ok().stdout, TABLE);
    assert_eq!(tree.shell("tar c -C tree . | kpki status -").ok().stdout, TABLE);
}

#[test]
fn the_exit_code_tells_what_has_ended_or_soon_will() {
    let tree = Tree::of_kubeadm("kubeadm-ecdsa");
    for (arguments, code, said) in [
        (&[][..], 0, "ok: none has expired"),
        (&["--expiring", "30d"], 0, "ok: none has expired"),
        (&["--expiring", "365d"], 1, "soon: 12 of 15 will expire soon"),
        (&["--expiring", "66%"], 0, "ok: none has expired"),
        (&["--at", "2027-11-01"], 0, "soon: 12 of 15 will expire soon"),
        (&["--at", "2027-11-01", "--expiring", "66%"], 1, "soon: 12 of 15"),
        (&["--at", "2027-11-30"], 1, "FAIL: 12 of 15 have expired"),
        (&["--at", "2037-11-30"], 1, "FAIL: 15 of 15 have expired"),
    ] {
        let ran = tree.kpki(&[&["status", "tree"], arguments].concat()).expect_code(code);
        assert!(ran.stdout.contains(said), "{arguments:?}: {}", ran.stdout);
    }
    tree.kpki(&["status", "nowhere"]).expect_code(2);
    tree.kpki(&["status", "tree/manifests"]).expect_code(2);
}

#[test]
fn json_has_every_certificate_with_its_authority() {
    let tree = Tree::of_kubeadm("kubeadm-rsa");
    std::fs::remove_file(tree.file("pki/front-proxy-ca.key")).unwrap();
    let report = document(&tree.kpki(&["status", "tree", "-o", "json"]).ok());
    let rows = report["certificates"].as_array().unwrap();
    let row = |name: &str| rows.iter().find(|row| row["name"] == name).unwrap();
    let proxy = row("front-proxy-client");
    assert_eq!(
        (&proxy["authority"], &proxy["externallyManaged"], &proxy["path"]),
        (&"front-proxy-ca".into(), &true.into(), &"tree/pki/front-proxy-client.crt".into())
    );
    let admin = row("admin.conf");
    assert_eq!((&admin["role"], &admin["externallyManaged"]), (&"admin".into(), &false.into()));
    assert_eq!(admin["expired"], false);
    assert_eq!(report["authorities"].as_array().unwrap().len(), 3);
    // Without its CA at all, whose it is cannot be told.
    std::fs::remove_file(tree.file("pki/front-proxy-ca.crt")).unwrap();
    let report = document(&tree.kpki(&["status", "tree", "-o", "json"]).expect_code(1));
    assert_eq!(report["missing"][0]["name"], "front-proxy-ca");
    let rows = report["certificates"].as_array().unwrap();
    let proxy = rows.iter().find(|row| row["name"] == "front-proxy-client").unwrap();
    assert_eq!((proxy.get("authority"), &proxy["externallyManaged"]), (None, &true.into()));
}

#[test]
fn nodes_have_a_column() {
    let tree = Tree::of_init(&repository("templates/cluster.yaml"));
    let ran = tree.kpki(&["status", "--nodes", "tree"]).ok();
    let header = ran.stdout.lines().next().unwrap();
    assert!(header.starts_with("NODE") && header.contains("CERTIFICATE AUTHORITY"), "{header}");
    assert!(ran.stdout.lines().any(|line| line.contains("kubelet")), "{}", ran.stdout);
    assert!(!ran.stdout.contains("(unknown)"), "{}", ran.stdout);
}
