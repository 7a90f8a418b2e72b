//! kpki beside kubeadm: the same configuration must give the same tree, field by field, but for the differences that
//! are listed here. `tests/fixtures/kubeadm-*` are kubeadm's own output.

#![cfg(test)]
#![expect(clippy::disallowed_methods, reason = "tests write the files that they need")]

#[expect(dead_code, reason = "each test uses its part of what they share")]
mod support;
mod tree_facts;

use std::path::{Path, PathBuf};

use support::{kpki, run, scratch, text, write};
use tree_facts::{Facts, Tree, fact, files, has_extension, trees};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

/// What must be the same to the letter.
const EQUAL: [&str; 16] = [
    "version",
    "subject",
    "subject_der",
    "issuer",
    "issuer_der",
    "sans",
    "purposes",
    "ca",
    "critical",
    "lifetime",
    "key",
    "hash",
    "labels",
    "text",
    "signed_by",
    "pair",
];

#[test]
fn the_same_configuration_gives_kubeadms_tree() {
    for name in ["kubeadm-ecdsa", "kubeadm-rsa"] {
        let (theirs, directory) = (fixture(name), scratch());
        let ours = directory.path().join("tree");
        run(&mut kpki(["init", "-f", text(&theirs.join("cluster.yaml")), "--dir", text(&ours)])).ok();
        let [theirs, ours]: [Tree; 2] = trees(&[&theirs, &ours]).try_into().expect("two trees");
        let wanted: Vec<&str> =
            files(&theirs).into_iter().filter(|path| !has_extension(path, "yaml")).collect();
        assert_eq!(files(&ours), wanted, "{name}");
        for path in wanted {
            let place = format!("{name}: {path}");
            let (theirs, ours) = (&theirs[path], &ours[path]);
            for field in EQUAL {
                assert_eq!(fact(ours, field), fact(theirs, field), "{place}: {field}");
            }
            let mode = if has_extension(path, "crt") { "0644" } else { "0600" };
            assert_eq!(fact(ours, "mode"), mode, "{place}");
            if theirs.contains_key("subject") {
                deliberate_differences(ours, theirs, &place);
            }
        }
        assert_eq!(fact(&ours["pki/sa.pub"], "spki"), fact(&ours["pki/sa.key"], "spki"), "{name}");
        for path in files(&ours).into_iter().filter(|path| has_extension(path, "crt")) {
            let key = &ours[&path.replace(".crt", ".key")];
            assert_eq!(fact(&ours[path], "spki"), fact(key, "spki"), "{name}: {path}");
        }
    }
}

/// What kpki writes otherwise than kubeadm, on purpose.
#[track_caller]
fn deliberate_differences(ours: &Facts, theirs: &Facts, place: &str) {
    let (is_ca, ecdsa) = (fact(ours, "ca").starts_with("True"), fact(ours, "key").starts_with("secp"));
    let mut usage: Vec<&str> = fact(theirs, "usage").split(' ').collect();
    if ecdsa {
        // RFC 8813 section 3: an EC key enciphers no keys.
        usage.retain(|usage| *usage != "key_encipherment");
    }
    if is_ca {
        usage.push("crl_sign");
    }
    assert_eq!(fact(ours, "usage").split(' ').collect::<Vec<_>>(), usage, "{place}: key usage");
    let mut extensions: Vec<&str> = fact(theirs, "extensions").split(' ').collect();
    extensions.extend(["subjectKeyIdentifier", "authorityKeyIdentifier"]);
    extensions.sort_unstable();
    extensions.dedup();
    assert_eq!(fact(ours, "extensions").split(' ').collect::<Vec<_>>(), extensions, "{place}: extensions");
    let bits: u32 = fact(ours, "serial_bits").parse().expect("a number");
    assert!((80..=159).contains(&bits), "{place}: a serial of {bits} bits");
    if is_ca {
        assert_eq!(fact(ours, "authority_key"), fact(ours, "subject_key"), "{place}");
    }
}

const INIT: &str = "apiVersion: kubeadm.k8s.io/v1beta4
kind: InitConfiguration
localAPIEndpoint: {advertiseAddress: 10.0.0.10, bindPort: 6443}
nodeRegistration: {name: cp1}
";
const JOIN: &str = "apiVersion: kubeadm.k8s.io/v1beta4
kind: JoinConfiguration
nodeRegistration: {name: cp2}
controlPlane: {localAPIEndpoint: {advertiseAddress: 10.0.0.12}}
discovery: {bootstrapToken: {token: abcdef.0123456789abcdef}}
";
const NAMES: &str = "DNS:kubernetes DNS:kubernetes.default DNS:kubernetes.default.svc DNS:kubernetes.default.svc.cluster.local";

/// A configuration and what kubeadm makes of it.
struct Case {
    what: &'static str,
    config: String,
    /// Path, fact and its value; `NAMES` in a value stands for the names of the service `kubernetes`, and the value
    /// `-` for a file that must not be there.
    wanted: &'static [(&'static str, &'static str, &'static str)],
}

/// A node of `kubeadm init`, and a cluster with these lines.
fn case(
    what: &'static str,
    lines: &str,
    wanted: &'static [(&'static str, &'static str, &'static str)],
) -> Case {
    documents(what, INIT, lines, wanted)
}

fn documents(
    what: &'static str,
    node: &str,
    lines: &str,
    wanted: &'static [(&'static str, &'static str, &'static str)],
) -> Case {
    let algorithm = if lines.contains("encryptionAlgorithm") || lines.contains("PublicKeysECDSA") {
        ""
    } else {
        "encryptionAlgorithm: ECDSA-P256\n"
    };
    let config = format!(
        "{node}---\napiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\n{algorithm}{lines}\n"
    );
    Case { what, config, wanted }
}

/// A copy of `INIT` with another word in place of one.
fn init_with(from: &str, to: &str) -> String {
    assert!(INIT.contains(from));
    INIT.replace(from, to)
}

#[track_caller]
fn check(cases: &[Case]) {
    let directory = scratch();
    let roots: Vec<PathBuf> = (0..cases.len()).map(|at| directory.path().join(format!("tree{at}"))).collect();
    for (case, root) in cases.iter().zip(&roots) {
        let file = directory.path().join("config.yaml");
        write(&file, &case.config);
        if !case.config.contains("InitConfiguration") {
            // What a node that joins gets from those that are there.
            run(&mut kpki(["ca", "init", "--dir", text(&root.join("pki"))])).ok();
        }
        let ran = run(&mut kpki(["init", "-f", text(&file), "--dir", text(root)]));
        assert_eq!(ran.code, Some(0), "{}: {}", case.what, ran.words());
    }
    let paths: Vec<&Path> = roots.iter().map(PathBuf::as_path).collect();
    for (case, tree) in cases.iter().zip(trees(&paths)) {
        for (path, field, value) in case.wanted {
            let place = format!("{}: {path}", case.what);
            match (*value, tree.get(*path)) {
                ("-", found) => assert!(found.is_none(), "{place} is there"),
                (value, Some(facts)) => {
                    assert_eq!(fact(facts, field), value.replace("NAMES", NAMES), "{place}: {field}");
                }
                (_, None) => panic!("{place} is missing; there are {:?}", files(&tree)),
            }
        }
    }
}

const API: &str = "pki/apiserver.crt";
const SERVER: &str = "pki/etcd/server.crt";
const PEER: &str = "pki/etcd/peer.crt";
const KUBELET_CLIENT: &str = "pki/apiserver-kubelet-client.crt";

#[test]
fn alternative_names_come_in_kubeadms_order() {
    check(&[
        case(
            "nothing extra",
            "",
            &[
                (API, "sans", "DNS:cp1 NAMES IP:10.96.0.1 IP:10.0.0.10"),
                (SERVER, "sans", "DNS:cp1 DNS:localhost IP:10.0.0.10 IP:127.0.0.1 IP:::1"),
                (PEER, "sans", "DNS:cp1 DNS:localhost IP:10.0.0.10 IP:127.0.0.1 IP:::1"),
            ],
        ),
        case(
            "duplicates of every kind",
            "controlPlaneEndpoint: 10.0.0.10:6443\napiServer: {certSANs: [10.96.0.1, 10.0.0.11, cp1, CP1, Kubernetes, \
             10.0.0.11, '::ffff:10.0.0.12']}",
            &[(API, "sans", "DNS:cp1 NAMES IP:10.96.0.1 IP:10.0.0.10 IP:10.0.0.11 IP:10.0.0.12")],
        ),
        case(
            "the endpoint before the extra names",
            "controlPlaneEndpoint: 192.0.2.1\napiServer: {certSANs: [198.51.100.1, '*.Example.com', 192.0.2.1]}",
            &[(
                API,
                "sans",
                "DNS:*.example.com DNS:cp1 NAMES IP:10.96.0.1 IP:10.0.0.10 IP:192.0.2.1 IP:198.51.100.1",
            )],
        ),
        documents(
            "a node whose name is an address",
            &init_with("name: cp1", "name: 10.0.0.99"),
            "",
            &[
                (API, "sans", "NAMES IP:10.96.0.1 IP:10.0.0.10 IP:10.0.0.99"),
                (SERVER, "sans", "DNS:localhost IP:10.0.0.10 IP:127.0.0.1 IP:::1 IP:10.0.0.99"),
                (SERVER, "subject", "CN=10.0.0.99"),
                ("kubelet.conf", "subject", "O=system:nodes, CN=system:node:10.0.0.99"),
            ],
        ),
        case(
            "dual stack, IPv4 first",
            "networking: {serviceSubnet: '10.97.0.0/16,fd00:96::/112'}",
            &[(API, "sans", "DNS:cp1 NAMES IP:10.97.0.1 IP:10.0.0.10")],
        ),
        case(
            "dual stack, IPv6 first",
            "networking: {serviceSubnet: 'fd00:96::/112,10.97.0.0/16'}",
            &[(API, "sans", "DNS:cp1 NAMES IP:fd00:96::1 IP:10.0.0.10")],
        ),
        documents(
            "IPv6 only",
            &init_with("10.0.0.10", "'FD00:0::0A'"),
            "networking: {serviceSubnet: 'fd00:96::/112'}",
            &[
                (API, "sans", "DNS:cp1 NAMES IP:fd00:96::1 IP:fd00::a"),
                (SERVER, "sans", "DNS:cp1 DNS:localhost IP:fd00::a IP:127.0.0.1 IP:::1"),
                ("admin.conf", "server", "https://[fd00::a]:6443"),
                ("scheduler.conf", "server", "https://[fd00::a]:6443"),
            ],
        ),
        documents(
            "a node's name in capitals and with dots",
            &init_with("name: cp1", "name: Z-CP1.Example.COM"),
            "networking: {dnsDomain: k8s.internal}",
            &[
                (
                    API,
                    "sans",
                    "DNS:kubernetes DNS:kubernetes.default DNS:kubernetes.default.svc \
                     DNS:kubernetes.default.svc.k8s.internal DNS:z-cp1.example.com IP:10.96.0.1 IP:10.0.0.10",
                ),
                (SERVER, "subject", "CN=z-cp1.example.com"),
                ("kubelet.conf", "subject", "O=system:nodes, CN=system:node:z-cp1.example.com"),
                ("kubelet.conf", "context", "system:node:z-cp1.example.com@kubernetes"),
            ],
        ),
        case(
            "etcd's own extra names",
            "etcd: {local: {serverCertSANs: [a.example.com, 127.0.0.1, '::1', 10.0.0.10, 192.0.2.9], peerCertSANs: \
             ['*.etcd.example.com']}}",
            &[
                (
                    SERVER,
                    "sans",
                    "DNS:a.example.com DNS:cp1 DNS:localhost IP:10.0.0.10 IP:127.0.0.1 IP:::1 IP:192.0.2.9",
                ),
                (
                    PEER,
                    "sans",
                    "DNS:*.etcd.example.com DNS:cp1 DNS:localhost IP:10.0.0.10 IP:127.0.0.1 IP:::1",
                ),
            ],
        ),
    ]);
}

#[test]
fn servers_in_kubeconfigs_are_written_as_kubeadm_writes_them() {
    check(&[
        case(
            "no endpoint",
            "",
            &[
                ("admin.conf", "server", "https://10.0.0.10:6443"),
                ("super-admin.conf", "server", "https://10.0.0.10:6443"),
                ("admin.conf", "context", "kubernetes-admin@kubernetes"),
                ("super-admin.conf", "context", "kubernetes-super-admin@kubernetes"),
                ("scheduler.conf", "context", "system:kube-scheduler@kubernetes"),
                ("controller-manager.conf", "context", "system:kube-controller-manager@kubernetes"),
            ],
        ),
        documents(
            "an endpoint without port takes the bind port",
            &init_with("6443", "7443"),
            "controlPlaneEndpoint: lb.example.com\nclusterName: prod",
            &[
                ("admin.conf", "server", "https://lb.example.com:7443"),
                ("kubelet.conf", "server", "https://10.0.0.10:7443"),
                ("controller-manager.conf", "server", "https://10.0.0.10:7443"),
                ("admin.conf", "context", "kubernetes-admin@prod"),
            ],
        ),
        case(
            "an IPv4 endpoint",
            "controlPlaneEndpoint: 192.0.2.1:443",
            &[("admin.conf", "server", "https://192.0.2.1:443")],
        ),
        case(
            "an IPv6 endpoint without brackets",
            "controlPlaneEndpoint: 2001:db8::a",
            &[
                ("admin.conf", "server", "https://[2001:db8::a]:6443"),
                (API, "sans", "DNS:cp1 NAMES IP:10.96.0.1 IP:10.0.0.10 IP:2001:db8::a"),
            ],
        ),
        // kubeadm takes the host of a URL as it is written, and only the certificate has the address.
        case(
            "an IPv6 endpoint in its own spelling",
            "controlPlaneEndpoint: '[2001:DB8:0::A]:443'",
            &[
                ("admin.conf", "server", "https://[2001:DB8:0::A]:443"),
                (API, "sans", "DNS:cp1 NAMES IP:10.96.0.1 IP:10.0.0.10 IP:2001:db8::a"),
            ],
        ),
        case(
            "the kubelet by the endpoint",
            "controlPlaneEndpoint: lb.example.com\nfeatureGates: {ControlPlaneKubeletLocalMode: false}",
            &[
                ("kubelet.conf", "server", "https://lb.example.com:6443"),
                ("scheduler.conf", "server", "https://10.0.0.10:6443"),
            ],
        ),
        case(
            "a kubelet of 1.32",
            "controlPlaneEndpoint: lb.example.com\nkubernetesVersion: v1.32.4",
            &[("kubelet.conf", "server", "https://lb.example.com:6443")],
        ),
    ]);
}

#[test]
fn which_files_there_are_depends_on_the_configuration() {
    check(&[
        case(
            "external etcd",
            "etcd: {external: {endpoints: ['https://10.1.0.1:2379'], caFile: /a, certFile: /b, keyFile: /c}}",
            &[
                ("pki/etcd/ca.crt", "", "-"),
                (SERVER, "", "-"),
                ("pki/etcd/healthcheck-client.crt", "", "-"),
                ("pki/apiserver-etcd-client.crt", "", "-"),
                ("pki/apiserver-etcd-client.key", "", "-"),
                (API, "subject", "CN=kube-apiserver"),
            ],
        ),
        documents(
            "a control plane that joins",
            JOIN,
            "controlPlaneEndpoint: lb.example.com:6443",
            &[
                ("super-admin.conf", "", "-"),
                ("admin.conf", "server", "https://lb.example.com:6443"),
                ("scheduler.conf", "server", "https://10.0.0.12:6443"),
                (API, "sans", "DNS:cp2 NAMES DNS:lb.example.com IP:10.96.0.1 IP:10.0.0.12"),
                ("kubelet.conf", "subject", "O=system:nodes, CN=system:node:cp2"),
            ],
        ),
        case(
            "certificates elsewhere below /etc/kubernetes",
            "certificatesDir: /etc/kubernetes/certs/x/",
            &[
                ("certs/x/ca.crt", "subject", "CN=kubernetes"),
                ("certs/x/etcd/server.crt", "subject", "CN=cp1"),
                ("certs/x/sa.key", "mode", "0600"),
                ("pki/ca.crt", "", "-"),
                ("admin.conf", "signed_by", "certs/x/ca.crt"),
            ],
        ),
        Case {
            what: "an InitConfiguration alone",
            config: INIT.to_owned(),
            wanted: &[
                ("pki/ca.crt", "key", "RSA-2048"),
                (API, "sans", "DNS:cp1 NAMES IP:10.96.0.1 IP:10.0.0.10"),
            ],
        },
    ]);
}

#[test]
fn organizations_follow_the_version() {
    const MASTERS: &str = "O=system:masters, CN=kube-apiserver-kubelet-client";
    const ADMINS: &str = "O=kubeadm:cluster-admins, CN=kube-apiserver-kubelet-client";
    const NONE: &str = "CN=kube-apiserver-kubelet-client";
    check(&[
        case(
            "1.28",
            "kubernetesVersion: v1.28.15",
            &[
                ("super-admin.conf", "", "-"),
                ("admin.conf", "subject", "O=system:masters, CN=kubernetes-admin"),
                (KUBELET_CLIENT, "subject", MASTERS),
                (
                    "pki/apiserver-etcd-client.crt",
                    "subject",
                    "O=system:masters, CN=kube-apiserver-etcd-client",
                ),
                (
                    "pki/etcd/healthcheck-client.crt",
                    "subject",
                    "O=system:masters, CN=kube-etcd-healthcheck-client",
                ),
            ],
        ),
        case(
            "1.29",
            "kubernetesVersion: v1.29.0",
            &[
                ("super-admin.conf", "subject", "O=system:masters, CN=kubernetes-super-admin"),
                ("admin.conf", "subject", "O=kubeadm:cluster-admins, CN=kubernetes-admin"),
                (KUBELET_CLIENT, "subject", ADMINS),
                ("pki/apiserver-etcd-client.crt", "subject", "CN=kube-apiserver-etcd-client"),
                ("pki/etcd/healthcheck-client.crt", "subject", "CN=kube-etcd-healthcheck-client"),
            ],
        ),
        case("1.35.4", "kubernetesVersion: v1.35.4", &[(KUBELET_CLIENT, "subject", ADMINS)]),
        case("1.35.5", "kubernetesVersion: v1.35.5", &[(KUBELET_CLIENT, "subject", NONE)]),
        case("1.36.0", "kubernetesVersion: v1.36.0", &[(KUBELET_CLIENT, "subject", ADMINS)]),
        case("1.36.1", "kubernetesVersion: v1.36.1", &[(KUBELET_CLIENT, "subject", NONE)]),
        case(
            "none",
            "",
            &[
                (KUBELET_CLIENT, "subject", NONE),
                ("controller-manager.conf", "subject", "CN=system:kube-controller-manager"),
                ("scheduler.conf", "subject", "CN=system:kube-scheduler"),
            ],
        ),
    ]);
}

#[test]
fn keys_and_lifetimes_are_the_configurations() {
    check(&[
        case(
            "P-384",
            "encryptionAlgorithm: ECDSA-P384",
            &[
                ("pki/ca.crt", "key", "secp384r1"),
                ("pki/ca.crt", "hash", "sha384"),
                (API, "hash", "sha384"),
                ("pki/sa.key", "key", "secp384r1"),
                ("pki/sa.key", "labels", "EC PRIVATE KEY"),
                ("pki/sa.pub", "labels", "PUBLIC KEY"),
                ("pki/sa.pub", "mode", "0600"),
            ],
        ),
        case(
            "RSA-3072",
            "encryptionAlgorithm: RSA-3072\netcd: {external: {endpoints: ['https://10.1.0.1:2379']}}",
            &[
                ("pki/ca.crt", "key", "RSA-3072"),
                ("pki/ca.crt", "hash", "sha256"),
                ("pki/sa.key", "key", "RSA-3072"),
                ("admin.conf", "labels", "CERTIFICATE CERTIFICATE RSA PRIVATE KEY"),
            ],
        ),
        case(
            "the gate for ECDSA",
            "featureGates: {PublicKeysECDSA: true}",
            &[("pki/sa.key", "key", "secp256r1")],
        ),
        case(
            "lifetimes",
            "certificateValidityPeriod: 48h30m0s\ncaCertificateValidityPeriod: 240h0m0s",
            &[
                ("pki/ca.crt", "lifetime", "864300"),
                (API, "lifetime", "174900"),
                ("admin.conf", "lifetime", "174900"),
            ],
        ),
        // kubeadm would write a leaf that nobody accepts after its CA's end.
        case(
            "a leaf beyond its CA",
            "certificateValidityPeriod: 480h\ncaCertificateValidityPeriod: 240h",
            &[
                ("pki/ca.crt", "lifetime", "864300"),
                (API, "lifetime", "864300"),
                ("scheduler.conf", "lifetime", "864300"),
            ],
        ),
        Case {
            what: "v1beta3, which has no algorithm",
            config: format!(
                "{INIT}---\napiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\n\
                             featureGates: {{PublicKeysECDSA: true}}\n"
            )
            .replace("v1beta4", "v1beta3"),
            wanted: &[("pki/ca.crt", "key", "secp256r1"), ("pki/ca.crt", "lifetime", "315360300")],
        },
    ]);
}

/// RSA of 4096 bits takes its time: a single authority of it.
#[test]
fn rsa_4096_is_made_too_and_weaker_keys_are_not() {
    let directory = scratch();
    let root = directory.path().join("pki");
    run(&mut kpki(["ca", "init", "kubernetes", "--algorithm", "RSA-4096", "--dir", text(&root)])).ok();
    let tree = trees(&[&root]).remove(0);
    assert_eq!((fact(&tree["ca.crt"], "key"), fact(&tree["ca.crt"], "hash")), ("RSA-4096", "sha256"));
    assert_eq!(fact(&tree["ca.key"], "labels"), "RSA PRIVATE KEY");
    let (file, root) = (directory.path().join("config.yaml"), directory.path().join("tree"));
    write(
        &file,
        "apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\nencryptionAlgorithm: RSA-1024\n",
    );
    let refused = run(&mut kpki(["init", "-f", text(&file), "--dir", text(&root)])).expect_code(2);
    assert!(refused.stderr.contains("config.yaml:3:") && !root.exists(), "{}", refused.stderr);
}

/// RFC 5280 appendix A.1 bounds a common name at 64 characters. kubeadm writes longer ones, which many programs refuse;
/// kpki does not, and says so where the name stands.
#[test]
fn a_node_name_too_long_for_a_common_name_is_refused_at_its_place() {
    let directory = scratch();
    let file = directory.path().join("config.yaml");
    for (length, code) in [(52, 0), (53, 2)] {
        let name = "n".repeat(length);
        write(
            &file,
            &format!(
                "{}---\napiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\n\
                               encryptionAlgorithm: ECDSA-P256\n",
                init_with("cp1", &name)
            ),
        );
        let root = directory.path().join(format!("tree{length}"));
        let ran = run(&mut kpki(["init", "-f", text(&file), "--dir", text(&root)])).expect_code(code);
        assert_eq!(root.exists(), code == 0);
        assert!(
            code == 0 || ran.stderr.contains("config.yaml:4:26: nodeRegistration.name"),
            "{}",
            ran.stderr
        );
    }
}
