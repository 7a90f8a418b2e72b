//! Whole files of both formats.

use std::fmt::Write as _;
use std::net::IpAddr;
use std::path::PathBuf;

use proptest::prelude::*;

use super::*;
use crate::clock::Lifetime;
use crate::key::KeyAlgorithm;
use crate::layout::Naming;
use crate::profile::KubernetesVersion;

fn machine() -> Defaults {
    Defaults {
        hostname: Some("Machine1".into()),
        ipv4: Some(ip("192.0.2.77")),
        ipv6: Some(ip("2001:db8::77")),
        loopback: None,
    }
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn good(text: &str) -> Parsed {
    parse(text.as_bytes(), "cluster.yaml", &machine()).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

fn bad(text: &str) -> String {
    match parse(text.as_bytes(), "cluster.yaml", &machine()) {
        Ok(parsed) => panic!("accepted: {:?}\n{text}", parsed.spec),
        Err(error) => error.to_string(),
    }
}

fn shown<T: ToString>(list: &[T]) -> Vec<String> {
    list.iter().map(ToString::to_string).collect()
}

/// A `ClusterConfiguration` of v1beta4 with these lines.
fn cluster(lines: &str) -> String {
    format!("apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\n{lines}\n")
}

const KUBEADM: &str = r#"apiVersion: kubeadm.k8s.io/v1beta4
kind: InitConfiguration
localAPIEndpoint:
  advertiseAddress: 10.0.0.10
  bindPort: 6443
nodeRegistration:
  name: cp1.example.com
---
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
kubernetesVersion: v1.36.2
clusterName: demo
certificatesDir: /etc/kubernetes/pki
controlPlaneEndpoint: api.k8s.example.com:6443
encryptionAlgorithm: RSA-2048
networking:
  serviceSubnet: 10.96.0.0/12
  podSubnet: 10.244.0.0/16
  dnsDomain: cluster.local
apiServer:
  certSANs: [api.k8s.example.com, k8s.internal, 192.0.2.10, "2001:db8::10", localhost, 127.0.0.1]
etcd:
  local:
    serverCertSANs: [etcd.k8s.example.com, 192.0.2.11]
    peerCertSANs: [etcd.k8s.example.com, 192.0.2.11]
"#;

#[test]
fn kubeadms_configuration_is_read_unchanged() {
    let Parsed { spec, notes } = good(KUBEADM);
    assert_eq!(notes, [""; 0]);
    let mut expected = ClusterSpec::new(Source::Kubeadm);
    expected.name = "demo".into();
    expected.endpoint =
        Some(Endpoint { host: Host::Dns("api.k8s.example.com".into()), port: 6443, spelling: None });
    expected.apiserver_sans =
        ["api.k8s.example.com", "k8s.internal", "192.0.2.10", "2001:db8::10", "localhost", "127.0.0.1"]
            .map(|host| host.parse().unwrap())
            .to_vec();
    expected.etcd_server_sans =
        ["etcd.k8s.example.com", "192.0.2.11"].map(|host| host.parse().unwrap()).to_vec();
    expected.etcd_peer_sans = expected.etcd_server_sans.clone();
    expected.nodes = vec![Node {
        name: "cp1.example.com".into(),
        control_plane: true,
        etcd: true,
        kubelet: true,
        addresses: vec![ip("10.0.0.10")],
        advertise: Some(ip("10.0.0.10")),
        bind_port: 6443,
    }];
    expected.given = Given { cluster: true, version: true, name: true, algorithm: true, ..Given::default() };
    assert_eq!(spec, expected);
    assert_eq!(spec.algorithm, KeyAlgorithm::Rsa2048);
    assert_eq!((spec.leaf_lifetime, spec.ca_lifetime), (Lifetime::days(365), Lifetime::days(3650)));
    assert_eq!(spec.service_address(), ip("10.96.0.1"));
    assert_eq!(spec.trees, Trees::Single { certificates_dir: "pki".into() });
    assert!(spec.kubelet_local_endpoint && spec.has_ca_keys(&spec.nodes[0]));
    assert_eq!(spec.server().unwrap().url(), "https://api.k8s.example.com:6443");
    assert_eq!(spec.nodes[0].api_endpoint().unwrap().url(), "https://10.0.0.10:6443");
}

#[test]
fn line_ends_marks_and_empty_documents_change_nothing() {
    let (init, cluster) = KUBEADM.split_once("---\n").unwrap();
    for text in [
        KUBEADM.replace('\n', "\r\n"),
        format!("\u{feff}{KUBEADM}"),
        format!("---\n---\n# nothing\n---\n{KUBEADM}---\n"),
        format!("%YAML 1.2\n---\n{KUBEADM}...\n"),
        format!("{cluster}---\n{init}"),
        format!("{init}--- # the cluster\n{cluster}\n---\n~\n"),
        format!(
            "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\nnodeRegistration: 7\n---\n{KUBEADM}"
        ),
        format!(
            "{KUBEADM}---\nkind: KubeProxyConfiguration\napiVersion: kubeproxy.config.k8s.io/v1alpha1\netcd: []\n"
        ),
        KUBEADM.replace("apiServer:", "apiServer:\n  extraArgs: [{name: a, value: b}]"),
    ] {
        assert_eq!(good(&text), good(KUBEADM), "{text}");
    }
}

#[test]
fn what_kubeadm_defaults_has_its_default() {
    let Parsed { spec, notes } = good("apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\n");
    assert_eq!(spec.name, "kubernetes");
    assert_eq!(spec.dns_domain, "cluster.local");
    assert_eq!(spec.version, KubernetesVersion::NEWEST);
    assert_eq!((spec.nodes[0].name.as_str(), spec.nodes[0].advertise), ("machine1", Some(ip("192.0.2.77"))));
    assert_eq!(notes.len(), 2, "{notes:?}");
    // Empty texts and nulls are as good as nothing.
    let empty = cluster(
        "kubernetesVersion: ''\nclusterName: ~\ncontrolPlaneEndpoint: ''\ncertificatesDir: ''\n\
         encryptionAlgorithm: ''\nnetworking: {serviceSubnet: '', dnsDomain: ''}\napiServer: {certSANs: }\n\
         etcd: {}\nfeatureGates: {}\ncertificateValidityPeriod: ''",
    );
    assert_eq!(good(&empty).spec, spec);
    let init = "apiVersion: kubeadm.k8s.io/v1beta4\nkind: InitConfiguration\nnodeRegistration: {name: ''}\n\
                localAPIEndpoint: {advertiseAddress: 0.0.0.0, bindPort: 0}\n";
    let expected = ClusterSpec { given: Given::default(), ..spec };
    assert_eq!(good(init).spec, expected);
}

#[test]
fn an_api_server_without_an_address_of_its_own_gets_the_one_that_kubeadm_would_find() {
    let (four, six) = (Some("192.0.2.77"), Some("2001:db8::77"));
    let machine = |ipv4: Option<&str>, ipv6: Option<&str>, loopback: Option<&str>| Defaults {
        hostname: Some("cp1".into()),
        ipv4: ipv4.map(ip),
        ipv6: ipv6.map(ip),
        loopback: loopback.map(ip),
    };
    let both = || machine(four, six, None);
    let taken = "an address of this machine, is taken";
    let unfit = "is not one that other nodes reach";
    for (given, machine, expected, said) in [
        ("", both(), Ok("192.0.2.77"), format!("advertiseAddress is not given: 192.0.2.77, {taken}")),
        ("", machine(None, six, None), Ok("2001:db8::77"), format!("is not given: 2001:db8::77, {taken}")),
        ("0.0.0.0", both(), Ok("192.0.2.77"), format!("0.0.0.0 {unfit}: 192.0.2.77, {taken}")),
        ("'::'", both(), Ok("2001:db8::77"), format!(":: {unfit}: 2001:db8::77, {taken}")),
        ("'::'", machine(four, None, None), Ok("192.0.2.77"), format!(":: {unfit}: 192.0.2.77, {taken}")),
        ("0.0.0.0", machine(None, six, None), Ok("2001:db8::77"), format!("0.0.0.0 {unfit}")),
        ("127.0.0.1", machine(four, six, Some("192.0.2.9")), Ok("192.0.2.9"), format!("127.0.0.1 {unfit}")),
        ("'::1'", machine(four, six, Some("192.0.2.9")), Ok("192.0.2.9"), format!("::1 {unfit}")),
        ("10.0.0.7", both(), Ok("10.0.0.7"), String::new()),
        ("'::ffff:10.0.0.7'", both(), Ok("10.0.0.7"), String::new()),
        ("''", both(), Ok("192.0.2.77"), "is not given".to_owned()),
        ("127.0.0.1", both(), Err("no other on its loopback interface"), String::new()),
        ("0.0.0.0", machine(None, None, None), Err("no address of this machine was found"), String::new()),
        ("224.0.0.1", both(), Err("224.0.0.1 is a multicast address"), String::new()),
        ("'ff02::1'", both(), Err("ff02::1 is a multicast address"), String::new()),
        ("169.254.3.4", both(), Err("169.254.3.4 is a link-local address"), String::new()),
        ("'fe80::1'", both(), Err("fe80::1 is a link-local address"), String::new()),
        ("255.255.255.255", both(), Err("255.255.255.255 is the broadcast address"), String::new()),
        ("10.0.0", both(), Err("is not an IP address"), String::new()),
    ] {
        for text in [
            format!(
                "apiVersion: kubeadm.k8s.io/v1beta4\nkind: InitConfiguration\nlocalAPIEndpoint: {{advertiseAddress: {given}}}\nnodeRegistration: {{name: cp1}}\n"
            ),
            format!(
                "apiVersion: kubeadm.k8s.io/v1beta4\nkind: JoinConfiguration\nnodeRegistration: {{name: cp1}}\ncontrolPlane:\n  localAPIEndpoint: {{advertiseAddress: {given}}}\n"
            ),
        ] {
            match (parse(text.as_bytes(), "c.yaml", &machine), expected) {
                (Ok(parsed), Ok(address)) => {
                    assert_eq!(parsed.spec.nodes[0].advertise, Some(ip(address)), "{given}");
                    let notes: Vec<_> =
                        parsed.notes.iter().filter(|note| note.contains("advertise")).collect();
                    assert_eq!(notes.is_empty(), said.is_empty(), "{given}: {notes:?}");
                    assert!(notes.iter().all(|note| note.contains(&said)), "{given}: {notes:?}");
                    let unasked = given.is_empty() && notes.iter().any(|note| note.contains(unfit));
                    assert!(!unasked, "{notes:?}");
                }
                (Err(error), Err(reason)) => assert!(error.to_string().contains(reason), "{given}: {error}"),
                (found, _) => panic!("{given}: {found:?}"),
            }
        }
    }
}

#[test]
fn fields_that_kubeadm_does_not_have_are_told_with_their_path_and_line() {
    let notes = |text: &str| good(text).notes;
    let told = |lines: &str| notes(&cluster(lines));
    for (lines, wanted) in [
        (
            "apiServer: {certSans: [a]}",
            "line 3: apiServer.certSans is ignored: ClusterConfiguration of kubeadm.k8s.io/v1beta4 has no such field; certSANs is meant?",
        ),
        (
            "apiserver: {}",
            "line 3: apiserver is ignored: ClusterConfiguration of kubeadm.k8s.io/v1beta4 has no such field; apiServer is meant?",
        ),
        ("networking:\n  servicesubnet: x", "line 4: networking.servicesubnet is ignored"),
        ("etcd:\n  local:\n    serverCertSans: [a]", "etcd.local.serverCertSans is ignored"),
        (
            "apiServer:\n  extraVolumes:\n  - name: a\n  - {name: b, hostpath: /x}",
            "line 6: apiServer.extraVolumes[1].hostpath is ignored",
        ),
        (
            "encryptionAlgorithm: RSA-2048\ncaCertificateValidity: 1h",
            "line 4: caCertificateValidity is ignored",
        ),
        ("? \"a b\\e\"\n: c", "line 3: \"a b\\u{1b}\" is ignored"),
    ] {
        let notes = told(lines);
        assert!(
            notes.iter().any(|note| note.starts_with(wanted) || note.contains(wanted)),
            "{lines}: {notes:?}"
        );
    }
    let beta3 = cluster(
        "certificateValidityPeriod: 1h\napiServer: {timeoutForControlPlane: 4m0s, extraArgs: {a: b}}",
    );
    let notes_of_3 = notes(&beta3.replace("v1beta4", "v1beta3"));
    assert!(
        notes_of_3.iter().any(|note| note.contains("certificateValidityPeriod is ignored")),
        "{notes_of_3:?}"
    );
    assert!(!notes_of_3.iter().any(|note| note.contains("timeout")), "{notes_of_3:?}");
    // What kubeadm has is not told, whatever it is for.
    assert_eq!(notes(&format!("{KUBEADM}proxy: {{disabled: true}}\n")), [""; 0]);
}

#[test]
fn nodes_that_join_found_no_cluster() {
    let join = |rest: &str| {
        format!(
            "---\napiVersion: kubeadm.k8s.io/v1beta4\nkind: JoinConfiguration\nnodeRegistration: {{name: n}}\n\
             discovery: {{bootstrapToken: {{token: abcdef.0123456789abcdef, apiServerEndpoint: '10.0.0.9:6443'}}}}\n{rest}\n"
        )
    };
    let plane = "controlPlane: {localAPIEndpoint: {advertiseAddress: 10.0.0.7}}";
    for (text, founds, endpoint) in [
        (join(""), false, Some("10.0.0.9:6443")),
        (join(plane), false, Some("10.0.0.9:6443")),
        (format!("{}{}", cluster(""), join(plane)), false, Some("10.0.0.9:6443")),
        (format!("{}{}", cluster("controlPlaneEndpoint: lb"), join(plane)), false, Some("lb:6443")),
        (format!("{}{}", cluster(""), join("")), true, None),
        (format!("{KUBEADM}{}", join(plane)), true, Some("api.k8s.example.com:6443")),
    ] {
        let Parsed { spec, notes } = good(&text);
        assert_eq!(
            (spec.founds, spec.endpoint.map(|at| at.to_string()).as_deref()),
            (founds, endpoint),
            "{text}"
        );
        let asked = notes.iter().any(|note| note.contains("kubeadm-config"));
        assert_eq!(
            asked,
            !text.contains("ClusterConfiguration") && text.contains("controlPlane:"),
            "{notes:?}"
        );
    }
}

#[test]
fn without_a_machine_to_ask_what_is_missing_is_named() {
    let text = "apiVersion: kubeadm.k8s.io/v1beta4\nkind: InitConfiguration\n";
    let error = parse(text.as_bytes(), "c.yaml", &Defaults::default()).unwrap_err().to_string();
    assert!(error.contains("c.yaml: nodeRegistration.name: it is missing"), "{error}");
    assert!(error.contains("c.yaml: localAPIEndpoint.advertiseAddress: it is missing"), "{error}");
    let odd =
        Defaults { hostname: Some("my_host".into()), ipv4: Some(ip("10.0.0.1")), ..Defaults::default() };
    let error = parse(text.as_bytes(), "c.yaml", &odd).unwrap_err().to_string();
    assert!(error.contains("underscore"), "{error}");
}

type Check = fn(&ClusterSpec) -> bool;

#[test]
fn every_field_of_kubeadm_that_matters_is_read() {
    let table: &[(&str, Check)] = &[
        ("kubernetesVersion: v1.28.3", |s| {
            s.version == KubernetesVersion::new(1, 28, 3) && !s.kubelet_local_endpoint
        }),
        ("kubernetesVersion: 1.30", |s| s.version == KubernetesVersion::new(1, 30, 0)),
        ("kubernetesVersion: stable-1", |s| s.version == KubernetesVersion::NEWEST),
        ("kubernetesVersion: v1.32.0\nfeatureGates: {ControlPlaneKubeletLocalMode: true}", |s| {
            s.kubelet_local_endpoint
        }),
        ("featureGates: {ControlPlaneKubeletLocalMode: false}", |s| !s.kubelet_local_endpoint),
        ("encryptionAlgorithm: RSA-3072", |s| s.algorithm == KeyAlgorithm::Rsa3072),
        ("encryptionAlgorithm: RSA-4096", |s| s.algorithm == KeyAlgorithm::Rsa4096),
        ("encryptionAlgorithm: ECDSA-P256", |s| s.algorithm == KeyAlgorithm::EcdsaP256),
        ("encryptionAlgorithm: ECDSA-P384", |s| s.algorithm == KeyAlgorithm::EcdsaP384),
        ("encryptionAlgorithm: RSA-4096\nfeatureGates: {PublicKeysECDSA: true}", |s| {
            s.algorithm == KeyAlgorithm::EcdsaP256
        }),
        ("certificateValidityPeriod: 720h0m0s\ncaCertificateValidityPeriod: 1440h", |s| {
            s.leaf_lifetime == Lifetime::days(30) && s.ca_lifetime == Lifetime::days(60)
        }),
        ("networking: {serviceSubnet: 'fd00:1::/112,10.0.0.0/16'}", |s| {
            s.service_address() == ip("fd00:1::1")
        }),
        ("networking: {serviceSubnet: '10.0.0.0/16,fd00:1::/112'}", |s| {
            s.service_address() == ip("10.0.0.1")
        }),
        ("networking: {serviceSubnet: 10.1.2.3/16, dnsDomain: K8s.Example}", |s| {
            s.service_address() == ip("10.1.0.1") && s.dns_domain == "k8s.example"
        }),
        ("controlPlaneEndpoint: API.example.com", |s| {
            s.server().unwrap().to_string() == "api.example.com:6443"
        }),
        ("controlPlaneEndpoint: '[2001:db8::1]'", |s| {
            s.server().unwrap().to_string() == "[2001:db8::1]:6443"
        }),
        ("controlPlaneEndpoint: 2001:db8::1", |s| s.server().unwrap().to_string() == "[2001:db8::1]:6443"),
        ("controlPlaneEndpoint: '[2001:db8::1]:443'", |s| {
            s.server().unwrap().to_string() == "[2001:db8::1]:443"
        }),
        ("controlPlaneEndpoint: 010.0.0.9:443", |s| s.server().unwrap().to_string() == "10.0.0.9:443"),
        ("controlPlaneEndpoint: ''", |s| s.server().unwrap().to_string() == "192.0.2.77:6443"),
        ("apiServer: {certSANs: [A.example, '*.B.example', a.example, 010.0.0.1, '::FFFF:10.0.0.1']}", |s| {
            shown(&s.apiserver_sans) == ["a.example", "*.b.example", "10.0.0.1"]
        }),
        (
            "etcd: {external: {endpoints: ['https://10.0.0.5:2379'], caFile: /a, certFile: /b, keyFile: /c}}",
            |s| s.etcd == EtcdTopology::External { managed: false } && s.etcd_members().count() == 0,
        ),
        ("certificatesDir: /etc/kubernetes/certs/x/", |s| {
            s.trees == Trees::Single { certificates_dir: PathBuf::from("certs/x") }
        }),
        ("certificatesDir: /var/lib/pki", |s| {
            s.trees == Trees::Single { certificates_dir: PathBuf::from("/var/lib/pki") }
        }),
        ("base: &a [x.example]\napiServer: {certSANs: *a}", |s| shown(&s.apiserver_sans) == ["x.example"]),
    ];
    for (lines, check) in table {
        let parsed = good(&cluster(lines));
        assert!(check(&parsed.spec), "{lines}: {:?}", parsed.spec);
    }
}

#[test]
fn v1beta3_has_its_own_way_to_choose_an_algorithm() {
    let beta3 = |lines: &str| good(&cluster(lines).replace("v1beta4", "v1beta3"));
    assert_eq!(beta3("featureGates: {PublicKeysECDSA: true}").spec.algorithm, KeyAlgorithm::EcdsaP256);
    assert_eq!(beta3("apiServer: {extraArgs: {a: b}}").spec.algorithm, KeyAlgorithm::Rsa2048);
    let Parsed { spec, notes } = beta3("encryptionAlgorithm: ECDSA-P256\ncertificateValidityPeriod: 1h");
    assert_eq!((spec.algorithm, spec.leaf_lifetime), (KeyAlgorithm::Rsa2048, Lifetime::days(365)));
    assert!(notes.iter().any(|note| note.starts_with("line 3: encryptionAlgorithm is ignored")), "{notes:?}");
    let beta2 = good(&cluster("clusterName: old").replace("v1beta4", "v1beta2"));
    assert!(beta2.spec.name == "old" && beta2.notes.iter().any(|note| note.contains("v1beta2")));
}

#[test]
fn joining_nodes_are_nodes() {
    let join = |name: &str, rest: &str| {
        format!(
            "---\napiVersion: kubeadm.k8s.io/v1beta4\nkind: JoinConfiguration\nnodeRegistration: {{name: {name}}}\n{rest}\n"
        )
    };
    let plane = |address: &str| {
        format!("controlPlane: {{localAPIEndpoint: {{advertiseAddress: {address}, bindPort: 7443}}}}")
    };
    let text = format!("{KUBEADM}{}{}", join("Worker-1", ""), join("cp2", &plane("10.0.0.11")));
    let Parsed { spec, .. } = good(&text);
    let summary: Vec<_> = spec
        .nodes
        .iter()
        .map(|node| (node.name.as_str(), node.control_plane, node.etcd, node.is_worker(), node.bind_port))
        .collect();
    assert_eq!(
        summary,
        [
            ("cp1.example.com", true, true, false, 6443),
            ("cp2", true, true, false, 7443),
            ("worker-1", false, false, true, 6443)
        ]
    );
    assert_eq!(spec.node("worker-1").unwrap().advertise, None);
    // A machine that joins has nothing to do with the defaults of one that is initialised.
    let alone = good(&format!("{}{}", cluster("controlPlaneEndpoint: lb"), join("cp2", &plane("10.0.0.11"))));
    assert_eq!(alone.spec.nodes.len(), 1);
    assert_eq!(alone.spec.server().unwrap().to_string(), "lb:7443");
    assert_eq!(good(&join("w", "")).spec.nodes[0].name, "w");
    let twice = bad(&format!("{KUBEADM}{}{}", join("w", ""), join("W", "")));
    assert!(
        twice.contains("cluster.yaml:31:1: nodeRegistration.name: \"w\" is already the node of line 26"),
        "{twice}"
    );
    let note =
        good(&format!("{}{}{}", cluster(""), join("a", &plane("10.0.0.1")), join("b", &plane("10.0.0.2"))))
            .notes;
    assert!(note.iter().any(|note| note.contains("controlPlaneEndpoint")), "{note:?}");
}

#[test]
fn mistakes_in_kubeadms_configuration_are_named_with_their_place() {
    for (lines, expected) in [
        (
            "apiServer:\n  certSANs:\n  - good.example\n  - api.example:6443",
            "cluster.yaml:6:5: apiServer.certSANs: \"api.example:6443\" is neither a DNS name nor an IP address: leave out the port",
        ),
        ("apiServer: {certSANs: ['https://a']}", "scheme"),
        ("apiServer: {certSANs: ['fe80::1%eth0']}", "zone"),
        ("apiServer: {certSANs: [a_b]}", "underscore"),
        ("apiServer: {certSANs: ['']}", "it is empty"),
        ("etcd: {local: {serverCertSANs: ['a b']}}", "cluster.yaml:3:33: etcd.local.serverCertSANs"),
        ("etcd: {local: {peerCertSANs: ['-']}}", "etcd.local.peerCertSANs"),
        ("etcd: {local: {}, external: {endpoints: []}}", "exclude each other"),
        ("networking: {serviceSubnet: 10.96.0.0/30}", "too small"),
        (
            "networking: {serviceSubnet: '*'}",
            "cluster.yaml:3:29: networking.serviceSubnet: \"*\" is not a network",
        ),
        ("networking: {serviceSubnet: '10.96.0.0/12,10.0.0.0/16'}", "one IPv4 and one IPv6"),
        ("networking: {dnsDomain: 'cluster local'}", "is not a domain"),
        ("controlPlaneEndpoint: https://api.example:6443", "scheme"),
        ("controlPlaneEndpoint: api.example:x", "is not a port"),
        ("controlPlaneEndpoint: '*.example'", "wildcard"),
        (
            "kubernetesVersion: newest",
            "cluster.yaml:3:20: kubernetesVersion: \"newest\" is not a Kubernetes version",
        ),
        ("encryptionAlgorithm: DSA", "write one of RSA-2048, RSA-3072"),
        ("encryptionAlgorithm: Ed25519", "is not known"),
        ("encryptionAlgorithm: p256", "is not known"),
        ("certificateValidityPeriod: a year", "certificateValidityPeriod: `a year` is not a lifetime"),
        (
            "caCertificateValidityPeriod: 0s",
            "caCertificateValidityPeriod: `0s` is not a lifetime: it must be at least a second",
        ),
        ("certificatesDir: pki", "not an absolute path"),
        ("certificatesDir: /etc/kubernetes/../pki", "not an absolute path"),
        ("clusterName: \"a\\u0007b\"", "control characters"),
        ("featureGates: {PublicKeysECDSA: maybe}", "cluster.yaml:3:33: true or false is expected"),
        ("apiServer: {certSANs: one.example}", "cluster.yaml:3:23: "),
        ("apiServer: []", "cluster.yaml:3:12: fields are expected"),
        ("clusterName: []", "cluster.yaml:3:14: a single value is expected"),
        ("clusterName: a\nclusterName: b", "cluster.yaml:4:1: the field clusterName stands there twice"),
        ("apiServer: {certSANs: [a], certSANs: [b]}", "the field certSANs stands there twice"),
        ("a: &a [b]\nc: *d", "cluster.yaml:4:4: "),
        ("a: [", "cluster.yaml:3:4: "),
        ("\ta: b", "cluster.yaml:2:7: "),
        ("---\na: b", "cluster.yaml:3:1: kind: it is missing"),
        ("---\napiVersion: v1\n", "cluster.yaml:3:1: kind: it is missing"),
        ("---\n- a\n- b", "cluster.yaml:4:1: "),
        (
            "---\napiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration",
            "cluster.yaml:3:1: kind: there is a second ClusterConfiguration; the first is at line 1",
        ),
        ("---\napiVersion: kubeadm.k8s.io/v1beta1\nkind: InitConfiguration", "too old"),
        ("---\napiVersion: kubeadm.k8s.io/v7\nkind: InitConfiguration", "is not known"),
        ("---\napiVersion: kpki/v1alpha1\nkind: Cluster", "one cluster"),
        (
            "---\napiVersion: kubeadm.k8s.io/v1beta4\nkind: InitConfiguration\nnodeRegistration:\n  name: a_b\nlocalAPIEndpoint:\n  advertiseAddress: 127.0.0.1\n  bindPort: 65536",
            "cluster.yaml:7:9: nodeRegistration.name: \"a_b\"",
        ),
    ] {
        let error = bad(&cluster(lines));
        assert!(error.contains(expected), "{lines}\n{error}");
    }
}

#[test]
fn all_problems_are_reported_at_once_in_their_order() {
    let text = KUBEADM
        .replace("10.0.0.10", "10.0.0.256")
        .replace("6443\nnode", "-1\nnode")
        .replace("cp1.example.com", "-cp1")
        .replace("192.0.2.11]", "'192.0.2.11:1']")
        .replace("v1.36.2", "v1");
    let error = bad(&text);
    let places: Vec<_> =
        error.lines().map(|line| line.split(": ").take(2).collect::<Vec<_>>().join(" ")).collect();
    assert_eq!(
        places,
        [
            "cluster.yaml:4:21 localAPIEndpoint.advertiseAddress",
            "cluster.yaml:5:13 localAPIEndpoint.bindPort",
            "cluster.yaml:7:9 nodeRegistration.name",
            "cluster.yaml:11:20 kubernetesVersion",
            "cluster.yaml:24:44 etcd.local.serverCertSANs",
            "cluster.yaml:25:42 etcd.local.peerCertSANs",
        ]
    );
    let many = bad(&cluster(&format!("apiServer: {{certSANs: [{}]}}", "a_b,".repeat(1000))));
    assert_eq!(many.lines().count(), 101);
    assert!(many.ends_with("and 900 more problems like these"), "{many}");
}

#[test]
fn the_template_is_valid_and_says_what_it_seems_to() {
    let Parsed { spec, notes } = good(TEMPLATE);
    assert_eq!(notes, [""; 0]);
    let mut expected = ClusterSpec::new(Source::Kpki);
    expected.name = "demo".into();
    expected.endpoint =
        Some(Endpoint { host: Host::Dns("api.demo.example".into()), port: 6443, spelling: None });
    expected.services = "10.96.0.0/12,fd00:96::/112".parse().unwrap();
    expected.apiserver_sans =
        ["kubernetes.demo.example", "192.0.2.10"].map(|host| host.parse().unwrap()).to_vec();
    expected.etcd_server_sans = vec![Host::Dns("etcd.demo.example".into())];
    for number in 1..=3 {
        let addresses = vec![ip(&format!("10.0.0.1{number}")), ip(&format!("fd00:10::1{number}"))];
        expected.nodes.push(Node {
            name: format!("cp{number}"),
            control_plane: true,
            etcd: true,
            kubelet: true,
            advertise: Some(addresses[0]),
            addresses,
            bind_port: 6443,
        });
    }
    for number in 1..=2 {
        let address = ip(&format!("10.0.0.2{number}"));
        expected.nodes.push(Node {
            name: format!("worker{number}"),
            control_plane: false,
            etcd: false,
            kubelet: true,
            advertise: Some(address),
            addresses: vec![address],
            bind_port: 6443,
        });
    }
    expected.users = vec![
        User { name: "jane".into(), groups: vec!["developers".into(), "operators".into()] },
        User { name: "ci-robot".into(), groups: vec!["deployers".into()] },
    ];
    expected.given = Given {
        cluster: true,
        version: true,
        name: true,
        algorithm: true,
        ca_lifetime: true,
        leaf_lifetime: true,
        user_lifetime: true,
        ca_keys: true,
    };
    // Everything else is written out in the template with its default.
    assert_eq!(spec, expected);
    assert_eq!((spec.ca_lifetime, spec.user_lifetime), (DEFAULT_CA_LIFETIME, DEFAULT_USER_LIFETIME));
    assert_eq!((spec.trees.clone(), spec.ca_keys.clone()), (Trees::PerNode, CaKeys::Nowhere));
}

/// A small cluster in kpki's format, with these lines in its spec.
fn own(lines: &str) -> String {
    let nodes = "  controlPlanes: [{name: cp1, addresses: [10.0.0.1]}]\n";
    let nodes = if lines.contains("controlPlanes:") { "" } else { nodes };
    format!("apiVersion: kpki/v1alpha1\nkind: Cluster\nmetadata: {{name: demo}}\nspec:\n{nodes}  {lines}\n")
}

#[test]
fn every_field_of_kpkis_format_is_read() {
    let table: &[(&str, Check)] = &[
        ("layout: pem", |s| s.naming == Naming::Pem),
        ("algorithm: Ed25519", |s| {
            s.algorithm == KeyAlgorithm::Ed25519 && s.service_account_algorithm() == KeyAlgorithm::EcdsaP256
        }),
        ("algorithm: RSA-4096", |s| s.service_account_algorithm() == KeyAlgorithm::Rsa4096),
        ("lifetimes: {ca: 2y, leaf: 90d, user: 12h}", |s| {
            s.ca_lifetime == Lifetime::days(730)
                && s.leaf_lifetime == Lifetime::days(90)
                && s.user_lifetime == Lifetime::hours(12)
        }),
        ("networking: {serviceSubnet: 'fd00::/112,10.0.0.0/16'}", |s| s.service_address() == ip("fd00::1")),
        ("networking: {serviceSubnets: [10.1.0.0/16]}", |s| s.service_address() == ip("10.1.0.1")),
        ("caKeys: controlPlanes", |s| s.nodes.iter().all(|node| s.has_ca_keys(node) == node.control_plane)),
        ("caKeys: [w1]\n  workers: [{name: w1, addresses: [10.0.0.2]}]", |s| {
            s.has_ca_keys(s.node("w1").unwrap()) && !s.has_ca_keys(s.node("cp1").unwrap())
        }),
        (
            "controlPlanes: [{name: cp1, addresses: [10.0.0.1, 10.0.0.2, 10.0.0.1], advertiseAddress: 10.0.0.2, bindPort: 443}]",
            |s| {
                s.nodes[0].addresses == [ip("10.0.0.2"), ip("10.0.0.1")]
                    && s.server().unwrap().to_string() == "10.0.0.2:443"
            },
        ),
        ("etcd: {topology: external}\n  etcdMembers: [{name: e1, addresses: [10.0.0.5]}]", |s| {
            s.etcd == EtcdTopology::External { managed: true }
                && s.etcd_members().map(|node| node.name.as_str()).eq(["e1"])
                && !s.node("e1").unwrap().kubelet
                && !s.node("cp1").unwrap().etcd
        }),
        (
            "controlPlanes: []\n  etcd: {topology: external}\n  etcdMembers: [{name: e1, addresses: [127.0.0.1]}]",
            |s| s.control_planes().count() == 0 && s.server().is_none(),
        ),
        ("kubernetesVersion: v1.28.0", |s| !s.kubelet_local_endpoint),
        ("users: [{name: 'oidc:jane@example.com', groups: ['system:masters', b]}, {name: bob}]", |s| {
            s.users[0].groups == ["system:masters", "b"] && s.users[1].groups.is_empty()
        }),
    ];
    for (lines, check) in table {
        let parsed = good(&own(lines));
        assert!(check(&parsed.spec), "{lines}: {:?}", parsed.spec);
    }
}

#[test]
fn mistakes_in_kpkis_format_are_named_with_their_place() {
    for (lines, expected) in [
        ("nope: 1", "cluster.yaml:6:3: "),
        ("apiServer: {certSan: [a]}", "certSan"),
        ("layout: tree", "write kubeadm or pem"),
        ("algorithm: rsa", "write one of RSA-2048, RSA-3072, RSA-4096, ECDSA-P256, ECDSA-P384, Ed25519"),
        ("algorithm: ecdsa-p521", "is not known"),
        ("lifetimes: {ca: 1y, leaf: 2y}", "spec.lifetimes.leaf: 730d is longer than the CAs' 365d"),
        ("lifetimes: {leaf: 90}", "is not a lifetime"),
        ("networking: {serviceSubnet: 10.0.0.0/16, serviceSubnets: [10.0.0.0/16]}", "remove one"),
        ("networking: {serviceSubnets: []}", "is not a network"),
        ("etcd: {topology: both}", "stacked or external"),
        ("etcd: {topology: external}", "cluster.yaml: spec.etcdMembers: it is missing"),
        ("etcdMembers: [{name: e1, addresses: [10.0.0.5]}]", "with stacked etcd"),
        ("controlPlanes: []", "cluster.yaml: spec.controlPlanes: it is missing"),
        ("controlPlanes: [{name: ca, addresses: [10.0.0.1]}]", "\"ca\" is no node's name"),
        ("controlPlanes: [{name: users, addresses: [10.0.0.1]}]", "\"users\" is no node's name"),
        ("controlPlanes: [{name: ../x, addresses: [10.0.0.1]}]", "is no node's name"),
        ("controlPlanes: [{name: '..', addresses: [10.0.0.1]}]", "is no node's name"),
        ("controlPlanes: [{name: CP1, addresses: [10.0.0.1]}]", "lower case"),
        ("controlPlanes: [{name: cp1, addresses: []}]", "addresses is empty"),
        ("controlPlanes: [{name: cp1}]", "addresses"),
        ("controlPlanes: [{name: cp1, addresses: [10.0.0.1:1]}]", "is not an IP address"),
        ("controlPlanes: [{name: cp1, addresses: ['fe80::1%eth0']}]", "zone"),
        ("controlPlanes: [{name: cp1, addresses: ['::']}]", "no machine's address"),
        ("controlPlanes: [{name: cp1, addresses: [10.0.0.1], bindPort: 0}]", "is not a port"),
        ("workers: [{name: w, addresses: [10.0.0.2], bindPort: 1}]", "remove it here"),
        (
            "workers: [{name: cp1, addresses: [10.0.0.2]}]",
            "cluster.yaml:6:20: spec.workers: \"cp1\" is already a node at line 5",
        ),
        ("caKeys: everywhere", "none, controlPlanes or a list"),
        ("caKeys: [cp2]", "\"cp2\" is not the name of a node"),
        ("caKeys: {a: b}", "none, controlPlanes or a list"),
        ("users: [{name: system:admin}]", "belong to Kubernetes"),
        ("users: [{name: ../../etc/x}]", "slash"),
        ("users: [{name: .ssh}]", "dot"),
        ("users: [{name: \"a\\nb\"}]", "control character"),
        ("users: [{name: ''}]", "empty"),
        ("users: [{name: ' a'}]", "white space"),
        ("users: [{name: a}, {name: a}]", "already a user at line 6"),
        ("users: [{name: a, groups: [b, b]}]", "twice"),
        ("users: [{name: a, groups: ['']}]", "empty"),
        ("users: [{name: a, groups: b}]", "cluster.yaml:6:29: a list is expected"),
    ] {
        let error = bad(&own(lines));
        assert!(error.contains(expected), "{lines}\n{error}");
    }
    let long = bad(&own(&format!("users: [{{name: {}}}]", "a".repeat(65))));
    assert!(long.contains("more than 64"), "{long}");
    assert_eq!(good(&own("").replace("kind: Cluster", "\"kind\":   'Cluster'")), good(&own("")));
    for (text, expected) in [
        (own("").replace("kind: Cluster", "kind: Clust\nx: \"\nkind: Cluster\n \""), "is not known"),
        (own("").replace("v1alpha1", "v1"), "kind \"Cluster\" of \"kpki/v1\" is not known"),
        (own("").replace("kind: Cluster", "kind: Node"), "is not known"),
        (own("").replace("metadata: {name: demo}\n", ""), "metadata"),
        (own("").replace("demo", "''"), "metadata.name"),
        (format!("{}---\n{}", own(""), own("")), "cluster.yaml:7:1: kind: the file describes one cluster"),
        (format!("{}---\n{KUBEADM}", own("")), "the file describes one cluster"),
        (
            own(
                "controlPlanes: []\n  etcd: {topology: external}\n  etcdMembers: [{name: e, addresses: [10.0.0.5]}]\n  users: [{name: a}]",
            ),
            "spec.controlPlaneEndpoint",
        ),
    ] {
        let error = bad(&text);
        assert!(error.contains(expected), "{text}\n{error}");
    }
}

#[test]
fn advice_is_given_where_a_cluster_is_weaker_than_it_looks() {
    let two = "controlPlanes: [{name: a, addresses: [10.0.0.1]}, {name: b, addresses: [10.0.0.2]}]";
    let notes = good(&own(two)).notes;
    assert!(notes.len() == 2 && notes[0].contains("Endpoint") && notes[1].contains("2 members"), "{notes:?}");
    let notes = good(&own("networking: {serviceSubnet: 10.0.0.0/8}")).notes;
    assert!(notes.len() == 1 && notes[0].contains("20 bits"), "{notes:?}");
}

#[test]
fn what_is_no_cluster_file_is_refused() {
    for (bytes, expected) in [
        (&b""[..], "there is nothing in it"),
        (b"\n\n# only a comment\n", "there is nothing in it"),
        (b"---\n---\n", "there is nothing in it"),
        (b"\xef\xbb\xbf", "there is nothing in it"),
        (b"a: b\nc: \xff\xfe\n", "cluster.yaml:2: it is not UTF-8"),
        (b"\x7fELF\x02\x01\x01\0\0\0", "cluster.yaml:1: it is not UTF-8"),
        (b"\xff\xfea\0:\0", "cluster.yaml:1: it is not UTF-8"),
        (b"hello", "cluster.yaml:1:1: "),
        (b"a: b", "is missing"),
        (b"apiVersion: v1\nkind: ConfigMap\n", "there is no InitConfiguration"),
        (b"{", "cluster.yaml:"),
        (b"'", "cluster.yaml:"),
    ] {
        let error = parse(bytes, "cluster.yaml", &machine()).unwrap_err().to_string();
        assert!(error.contains(expected), "{bytes:?}: {error}");
    }
    let huge = vec![b' '; 17 * 1024 * 1024];
    assert!(matches!(parse(&huge, "f", &machine()), Err(ClusterError::TooLarge { size: 17_825_792, .. })));
}

#[test]
fn hostile_yaml_ends_soon() {
    let header = cluster("x:");
    let mut bomb = String::from("a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n");
    for level in 1..20 {
        let previous = format!("*a{},", level - 1).repeat(10);
        writeln!(bomb, "a{level}: &a{level} [{previous}]").unwrap();
    }
    let mut deep = header.clone();
    for depth in 1..3_000 {
        deep.push_str(&" ".repeat(depth));
        deep.push_str("a:\n");
    }
    let doubled = format!("{header}{bomb}apiServer: {{certSANs: *a19}}\n");
    for text in [
        format!("{header} {}", "[".repeat(100_000)),
        format!("{header} {}{}", "[".repeat(300), "]".repeat(300)),
        format!("{header} {}", "{a: ".repeat(100_000)),
        deep,
        format!("{header}{}", "- ".repeat(100_000)),
        doubled,
        "---\n".repeat(1_000_000),
        "---\na: b\n".repeat(100_000),
    ] {
        let error = bad(&text);
        assert!(error.starts_with("cluster.yaml"), "{error}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = parse(&bytes, "f", &Defaults::default());
    }

    #[test]
    fn no_damage_makes_it_panic(
        at in 0..4000usize,
        length in 0..40usize,
        with in "[-a-z0-9:{}\\[\\]&*!|>'\"%@ \n\t,#./]{0,12}",
        template in any::<bool>(),
    ) {
        let mut bytes = if template { TEMPLATE } else { KUBEADM }.as_bytes().to_vec();
        let start = at % bytes.len();
        let end = (start + length).min(bytes.len());
        bytes.splice(start..end, with.bytes());
        if let Err(error) = parse(&bytes, "f", &machine()) {
            prop_assert!(error.to_string().starts_with("f:"));
        }
    }

    #[test]
    fn hosts_are_what_they_print(text in "\\PC{0,40}") {
        if let Ok(host) = text.parse::<Host>() {
            prop_assert_eq!(host.to_string().parse(), Ok(host));
        }
        if let Ok(endpoint) = Endpoint::parse(&text, 1) {
            prop_assert_eq!(Endpoint::parse(&endpoint.to_string(), 2), Ok(endpoint));
        }
    }
}
