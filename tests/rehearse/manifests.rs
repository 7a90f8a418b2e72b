//! What manifests and configurations say goes before what the layout would have.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::support::text;
use crate::tree::{Tree, at_now, places, repository, words};

/// kubeadm's manifests on every control plane of the template, with that node's addresses.
fn with_manifests() -> Tree {
    let tree = Tree::of_template();
    let cluster = "cp1=https://10.0.0.11:2380,cp2=https://10.0.0.12:2380,cp3=https://10.0.0.13:2380";
    for (node, address) in [("cp1", "10.0.0.11"), ("cp2", "10.0.0.12"), ("cp3", "10.0.0.13")] {
        let directory = tree.of(node, "manifests");
        fs::create_dir(&directory).expect("a directory");
        for file in ["etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"] {
            let own = repository("tests/fixtures/kubeadm-ecdsa/manifests").join(format!("{file}.yaml"));
            let own = fs::read_to_string(own).expect("the manifest");
            let own = own
                .replace(
                    "--initial-cluster=cp1.example.com=https://10.0.0.10:2380",
                    &format!("--initial-cluster={cluster}"),
                )
                .replace("cp1.example.com", node)
                .replace("10.0.0.10", address);
            fs::write(directory.join(format!("{file}.yaml")), own).expect("written");
        }
    }
    tree
}

fn change(tree: &Tree, node: &str, file: &str, from: &str, to: &str) {
    let path = tree.of(node, "manifests").join(format!("{file}.yaml"));
    let text = fs::read_to_string(&path).expect("the manifest");
    assert!(text.contains(from), "{from} is not in {}", path.display());
    fs::write(path, text.replace(from, to)).expect("written");
}

/// Puts one flag more into a manifest.
fn add_flag(tree: &Tree, node: &str, file: &str, flag: &str) {
    let program = if file == "etcd" { "    - etcd\n" } else { &format!("    - {file}\n") };
    change(tree, node, file, program, &format!("{program}    - {flag}\n"));
}

fn kubelet_configuration(tree: &Tree, node: &str, text: &str) {
    let directory = tree.root().join(node).join("var/lib/kubelet");
    fs::create_dir_all(&directory).expect("a directory");
    fs::write(directory.join("config.yaml"), format!("kind: KubeletConfiguration\n{text}")).expect("written");
}

/// Kubelets are not verified, and neither component has a serving certificate; pods have the address of the service as well.
const WITH_MANIFESTS: usize = 75 - 6 + 3;

#[test]
fn a_cluster_with_manifests_holds() {
    let tree = with_manifests();
    let rehearsed = tree.rehearse(&[]);
    rehearsed.assert_ok(WITH_MANIFESTS);
    let peer = rehearsed.at("etcd-peer cp1 cp3");
    assert_eq!(
        (words(&peer["dialled"]), words(&peer["dialledBecause"])),
        ("10.0.0.13".into(), "--initial-cluster of cp1".into())
    );
    let etcd = rehearsed.at("apiserver-etcd cp2 cp2");
    assert!(
        words(&etcd["dialledBecause"]).starts_with("--etcd-servers in manifests/kube-apiserver.yaml of cp2"),
        "{etcd:#}"
    );
    let kubelet = rehearsed.at("apiserver-kubelet cp1 worker1");
    assert!(kubelet["client"]["trusts"].is_null(), "{kubelet:#}");
    assert_eq!(kubelet["dialled"], "10.0.0.21");
}

type Change = fn(&Tree);

/// A change to the manifests, what fails by it, and a word of the first reason.
const CHANGES: &[(&str, Change, &str, &str)] = &[
    (
        "etcd's clients are not asked who they are",
        |tree| {
            change(tree, "cp1", "etcd", "    - --client-cert-auth=true\n", "");
            change(tree, "cp1", "etcd", "    - --trusted-ca-file=/etc/kubernetes/pki/etcd/ca.crt\n", "");
        },
        "apiserver-etcd cp1 cp1
         etcd-gateway cp1 cp1
         etcd-healthcheck cp1 cp1",
        "has neither --client-cert-auth nor --trusted-ca-file",
    ),
    (
        "the switch is off and the CA is there: etcd asks all the same",
        |tree| change(tree, "cp1", "etcd", "--client-cert-auth=true", "--client-cert-auth=false"),
        "",
        "",
    ),
    (
        "the API server knows nobody by a certificate",
        |tree| {
            change(tree, "cp3", "kube-apiserver", "    - --client-ca-file=/etc/kubernetes/pki/ca.crt\n", "");
        },
        "admin-apiserver cp1 cp3
         admin-apiserver cp2 cp3
         admin-apiserver cp3 cp3
         super-admin-apiserver cp1 cp3
         user-apiserver users/ci-robot.conf cp3
         user-apiserver users/jane.conf cp3
         controller-manager-apiserver cp3 cp3
         scheduler-apiserver cp3 cp3
         kubelet-apiserver cp3 cp3
         kubelet-apiserver worker1 cp3
         kubelet-apiserver worker2 cp3",
        "has no --client-ca-file",
    ),
    (
        "etcd is looked for on another member by an address that its certificate has",
        |tree| change(tree, "cp1", "kube-apiserver", "https://127.0.0.1:2379", "https://10.0.0.12:2379"),
        "",
        "",
    ),
    (
        "and by one that is nobody's",
        |tree| change(tree, "cp1", "kube-apiserver", "https://127.0.0.1:2379", "https://10.7.7.7:2379"),
        "apiserver-etcd cp1 cp1
         apiserver-etcd cp1 cp2
         apiserver-etcd cp1 cp3",
        "10.7.7.7",
    ),
    (
        "etcd without TLS",
        |tree| change(tree, "cp1", "kube-apiserver", "https://127.0.0.1:2379", "http://127.0.0.1:2379"),
        "apiserver-etcd cp1",
        "is not spoken to with TLS",
    ),
    (
        "a peer is listed under an address that is not its own",
        |tree| change(tree, "cp1", "etcd", "cp3=https://10.0.0.13:2380", "cp3=https://10.0.0.33:2380"),
        "etcd-peer cp1 cp3",
        "etcd/peer.crt of cp3 does not hold 10.0.0.33, which etcd of cp1 dials",
    ),
    (
        "peers must have a common name that they have not",
        |tree| add_flag(tree, "cp2", "etcd", "--peer-cert-allowed-cn=cp1"),
        "etcd-peer cp3 cp2",
        "etcd/peer.crt of cp3 has the common name cp3, and --peer-cert-allowed-cn admits cp1",
    ),
    (
        "the front proxy must have a name that it has not",
        |tree| {
            change(
                tree,
                "cp2",
                "kube-apiserver",
                "--requestheader-allowed-names=front-proxy-client",
                "--requestheader-allowed-names=aggregator",
            );
        },
        "front-proxy-extension cp2",
        "has the common name front-proxy-client, and --requestheader-allowed-names admits aggregator",
    ),
    (
        "any name will do",
        |tree| {
            change(
                tree,
                "cp2",
                "kube-apiserver",
                "    - --requestheader-allowed-names=front-proxy-client\n",
                "",
            );
        },
        "",
        "",
    ),
    (
        "kubelets are verified, with the CA that signed their certificates",
        |tree| {
            add_flag(
                tree,
                "cp1",
                "kube-apiserver",
                "--kubelet-certificate-authority=/etc/kubernetes/pki/ca.crt",
            );
        },
        "",
        "",
    ),
    (
        "kubelets are verified with another CA",
        |tree| {
            add_flag(
                tree,
                "cp1",
                "kube-apiserver",
                "--kubelet-certificate-authority=/etc/kubernetes/pki/front-proxy-ca.crt",
            );
        },
        "apiserver-kubelet cp1 cp1
         apiserver-kubelet cp1 cp2
         apiserver-kubelet cp1 cp3
         apiserver-kubelet cp1 worker1
         apiserver-kubelet cp1 worker2",
        "is not from a CA in front-proxy-ca.crt of cp1",
    ),
    (
        "kubelets are verified by a name that they do not have",
        |tree| {
            add_flag(
                tree,
                "cp1",
                "kube-apiserver",
                "--kubelet-certificate-authority=/etc/kubernetes/pki/ca.crt",
            );
            let worker = tree.root().join("worker1/var/lib/kubelet");
            fs::create_dir_all(&worker).expect("a directory");
            fs::write(worker.join("kubeadm-flags.env"), "KUBELET_KUBEADM_ARGS=\"--node-ip=10.0.0.99\"\n")
                .expect("written");
        },
        "apiserver-kubelet cp1 worker1",
        "kubelet.crt of worker1 does not hold 10.0.0.99, which the API server of cp1 dials; it holds worker1, 10.0.0.21",
    ),
    (
        "a kubelet that makes itself a certificate cannot be verified",
        |tree| {
            add_flag(
                tree,
                "cp1",
                "kube-apiserver",
                "--kubelet-certificate-authority=/etc/kubernetes/pki/ca.crt",
            );
            kubelet_configuration(
                tree,
                "worker1",
                "authentication: {x509: {clientCAFile: /etc/kubernetes/pki/ca.crt}}",
            );
        },
        "apiserver-kubelet cp1 worker1",
        "/var/lib/kubelet/config.yaml of worker1 names no tlsCertFile",
    ),
    (
        "a kubelet that knows nobody by a certificate",
        |tree| {
            kubelet_configuration(
                tree,
                "worker1",
                "tlsCertFile: /etc/kubernetes/pki/kubelet.crt\ntlsPrivateKeyFile: /etc/kubernetes/pki/kubelet.key",
            );
        },
        "apiserver-kubelet cp1 worker1
         apiserver-kubelet cp2 worker1
         apiserver-kubelet cp3 worker1",
        "has no authentication.x509.clientCAFile",
    ),
    (
        "a certificate for one name more, which is in order",
        |tree| {
            add_flag(
                tree,
                "cp1",
                "kube-apiserver",
                "--tls-sni-cert-key=/etc/kubernetes/pki/apiserver.crt,/etc/kubernetes/pki/apiserver.key:api.demo.example",
            );
        },
        "",
        "",
    ),
    (
        "and one that is not for servers",
        |tree| {
            add_flag(
                tree,
                "cp1",
                "kube-apiserver",
                "--tls-sni-cert-key=/etc/kubernetes/pki/front-proxy-client.crt,/etc/kubernetes/pki/front-proxy-client.key:*.demo.example",
            );
        },
        "admin-apiserver cp1 cp1
         admin-apiserver cp2 cp1
         admin-apiserver cp3 cp1
         super-admin-apiserver cp1 cp1
         user-apiserver users/ci-robot.conf cp1
         user-apiserver users/jane.conf cp1
         kubelet-apiserver worker1 cp1
         kubelet-apiserver worker2 cp1",
        "front-proxy-client.crt of cp1",
    ),
];

#[test]
fn a_changed_flag_breaks_exactly_what_it_says() {
    let whole = with_manifests();
    for (name, change, fails, says) in CHANGES {
        let tree = whole.copy();
        change(&tree);
        let rehearsed = tree.rehearse(&[]);
        assert_eq!(rehearsed.with("failed"), places(fails), "{name}: {:#}", rehearsed.said["causes"]);
        assert_eq!(rehearsed.with("unknown"), BTreeSet::new(), "{name}");
        if !fails.is_empty() {
            let reasons = rehearsed.causes();
            assert!(reasons.iter().any(|(reason, _)| reason.contains(says)), "{name}: {reasons:?}");
        }
        // What fails here the audit does not call fine, and the other way round. That there is no CA's key is another matter.
        let audited = at_now(&["audit", "--nodes", text(&tree.root()), "-q", "--ignore", "M001"]);
        assert_eq!(audited.code, Some(i32::from(!fails.is_empty())), "{name}: {}", audited.words());
    }
}

#[test]
fn members_that_are_named_and_not_there_cannot_be_judged() {
    let tree = with_manifests();
    let only = crate::tree::Rehearsed::of(&tree.root().join("cp1"), &[]);
    assert_eq!((only.with("failed").len(), only.code), (0, 0));
    let reasons: Vec<_> = only
        .connections()
        .iter()
        .map(|one| words(&one["reason"]))
        .filter(|reason| !reason.is_empty())
        .collect();
    assert_eq!(
        reasons,
        [
            "the member cp2 (https://10.0.0.12:2380) is not here",
            "the member cp3 (https://10.0.0.13:2380) is not here"
        ]
    );
}

#[test]
fn a_kubelet_that_has_not_joined_yet_dials_with_a_token() {
    let tree = Tree::of_template();
    let text = fs::read_to_string(tree.of("worker1", "kubelet.conf")).expect("readable");
    let keep = |line: &&str| !line.contains("client-certificate-data") && !line.contains("client-key-data");
    let mut kept: Vec<&str> = text.lines().filter(keep).collect();
    kept.push("    token: abcdef.0123456789abcdef\n");
    fs::write(tree.of("worker1", "bootstrap-kubelet.conf"), kept.join("\n")).expect("written");
    fs::remove_file(tree.of("worker1", "kubelet.conf")).expect("gone");
    let rehearsed = tree.rehearse(&[]);
    rehearsed.assert_ok(75);
    let one = rehearsed.at("kubelet-apiserver worker1 cp2");
    assert!(one["client"]["certificate"].is_null());
    assert!(one["notes"].to_string().contains("a bearer token, no certificate"), "{one:#}");
    assert!(!rehearsed.said.to_string().contains("abcdef"), "a token was shown");
}

#[test]
fn the_clusters_file_knows_addresses_that_certificates_should_hold() {
    let tree = Tree::of_template();
    // A kubelet's certificate for the name alone: nothing but the file knows that 10.0.0.21 is missing.
    let certificate = tree.pki("worker1", "kubelet.crt");
    for file in [certificate.clone(), certificate.with_extension("key")] {
        fs::remove_file(file).expect("gone");
    }
    let ca = tree.root().join("ca");
    at_now(&[
        "issue",
        "kubelet-serving",
        "worker1",
        "--san",
        "worker1",
        "--ca",
        text(&ca),
        "--out",
        text(&certificate),
    ])
    .ok();
    let alone = tree.rehearse(&[]);
    alone.assert_ok(75);
    assert_eq!(alone.at("apiserver-kubelet cp1 worker1")["dialled"], "worker1");
    let told = tree.rehearse(&["-f", text(&tree.path("cluster.yaml"))]);
    let wanted =
        places("apiserver-kubelet cp1 worker1\napiserver-kubelet cp2 worker1\napiserver-kubelet cp3 worker1");
    assert_eq!(told.with("failed"), wanted);
    let (reason, files) = told.causes().swap_remove(0);
    assert!(reason.contains("kubelet.crt of worker1 does not hold 10.0.0.21"), "{reason}");
    assert!(Path::new(&files[0]).ends_with("worker1/etc/kubernetes/pki/kubelet.crt"), "{files:?}");
}

#[test]
fn a_manifest_that_cannot_be_read_is_said() {
    let tree = with_manifests();
    fs::write(tree.of("cp1", "manifests/kube-apiserver.yaml"), "kind: Pod\nspec: [").expect("written");
    fs::copy(tree.of("cp2", "manifests/etcd.yaml"), tree.of("cp2", "manifests/etcd.yaml.bak"))
        .expect("copied");
    let notes = tree.rehearse(&[]).said["notes"].to_string();
    assert!(notes.contains("manifests/kube-apiserver.yaml: not a Pod"), "{notes}");
    assert!(notes.contains("etcd.yaml.bak runs etcd as"), "{notes}");
}

#[test]
fn what_is_known_too_little_of_is_not_judged() {
    let tree = with_manifests();
    // A kubelet that asks for its serving certificate in the cluster: verified, it cannot be judged before it has one.
    kubelet_configuration(
        &tree,
        "worker1",
        "serverTLSBootstrap: true\nauthentication: {x509: {clientCAFile: /etc/kubernetes/pki/ca.crt}}",
    );
    let rehearsed = tree.rehearse(&[]);
    rehearsed.assert_ok(WITH_MANIFESTS);
    let notes = rehearsed.at("apiserver-kubelet cp1 worker1")["notes"].to_string();
    assert!(notes.contains("has serverTLSBootstrap"), "{notes}");
    add_flag(&tree, "cp1", "kube-apiserver", "--kubelet-certificate-authority=/etc/kubernetes/pki/ca.crt");
    // And an etcd that takes its settings from elsewhere.
    add_flag(&tree, "cp3", "etcd", "--config-file=/etc/etcd.yaml");
    let rehearsed = tree.rehearse(&[]);
    let wanted = places(
        "apiserver-kubelet cp1 worker1
         apiserver-etcd cp3 cp3
         etcd-gateway cp3 cp3
         etcd-healthcheck cp3 cp3
         etcd-peer cp1 cp3
         etcd-peer cp2 cp3",
    );
    assert_eq!((rehearsed.with("unknown"), rehearsed.with("failed")), (wanted, BTreeSet::new()));
}

#[test]
fn etcds_revocation_list_is_read_as_etcd_reads_it() {
    let tree = with_manifests();
    add_flag(&tree, "cp2", "etcd", "--client-crl-file=/etc/kubernetes/pki/etcd/crl.der");
    let missing = tree.rehearse(&[]);
    let wanted = places("apiserver-etcd cp2 cp2\netcd-gateway cp2 cp2\netcd-healthcheck cp2 cp2");
    assert_eq!((missing.with("unknown"), missing.with("failed")), (wanted.clone(), BTreeSet::new()));
    // Serial numbers are compared, whoever issued them: another CA's list bars this CA's client.
    let serial = |file: &str| {
        let said =
            crate::support::openssl(["x509", "-noout", "-serial", "-in", text(&tree.pki("cp2", file))])
                .stdout;
        said.trim().trim_start_matches("serial=").to_owned()
    };
    let directory = tree.path("crl");
    fs::create_dir(&directory).expect("a directory");
    let at = |name: &str| directory.join(name);
    let index =
        format!("R\t271201000000Z\t261130000000Z\t{}\tunknown\t/CN=x\n", serial("apiserver-etcd-client.crt"));
    fs::write(at("index"), index).expect("written");
    let settings = format!("[ca]\ndefault_ca=a\n[a]\ndatabase={}\ndefault_md=sha256\n", text(&at("index")));
    fs::write(at("settings"), settings).expect("written");
    let ca = tree.root().join("ca/front-proxy-ca");
    let (certificate, key) = (ca.with_extension("crt"), ca.with_extension("key"));
    let pem = at("crl.pem");
    crate::support::openssl([
        "ca",
        "-gencrl",
        "-config",
        text(&at("settings")),
        "-cert",
        text(&certificate),
        "-keyfile",
        text(&key),
        "-crldays",
        "3000",
        "-out",
        text(&pem),
    ]);
    let list = tree.pki("cp2", "etcd/crl.der");
    crate::support::openssl(["crl", "-in", text(&pem), "-outform", "DER", "-out", text(&list)]);
    let barred = tree.rehearse(&[]);
    assert_eq!(barred.with("failed"), places("apiserver-etcd cp2 cp2"), "{:#}", barred.said["causes"]);
    let (reason, _) = barred.causes().swap_remove(0);
    assert!(reason.contains("apiserver-etcd-client.crt of cp2 has the serial number"), "{reason}");
    // In PEM it bars everybody.
    fs::copy(&pem, &list).expect("copied");
    let broken = tree.rehearse(&[]);
    assert_eq!(broken.with("failed"), wanted);
    assert!(
        broken.causes()[0].0.contains("etcd reads a list in DER, and refuses everybody"),
        "{:?}",
        broken.causes()
    );
}
