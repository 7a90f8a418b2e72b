//! The judgement as tables: each rule with wishes that it fires on and wishes that it lets pass.

use super::*;
use crate::clock::Lifetime;
use crate::x509::der::{bit_string, element, tag};
use crate::x509::{
    BasicConstraints, ExtendedKeyUsage, Extension, Extensions, KeyUsage, Marked, Name, NameConstraints,
    PublicKey, SubjectAltName,
};

fn rsa_with(bits: usize, exponent: &[u8]) -> PublicKey {
    let mut modulus = vec![0xff; bits.div_ceil(8)];
    modulus[0] = 0xff >> (modulus.len() * 8 - bits);
    let mut signed = vec![0];
    signed.extend(modulus);
    let key =
        element(tag::SEQUENCE, &[&element(tag::INTEGER, &[&signed]), &element(tag::INTEGER, &[exponent])]);
    // rsaEncryption with NULL parameters.
    let algorithm = element(
        tag::SEQUENCE,
        &[&element(tag::OBJECT_IDENTIFIER, &[&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1]]), &[5, 0]],
    );
    PublicKey::from_der(&element(tag::SEQUENCE, &[&algorithm, &bit_string(&key)])).unwrap()
}

fn rsa(bits: usize) -> PublicKey {
    rsa_with(bits, &[1, 0, 1])
}

fn ec(curve: &[u8]) -> PublicKey {
    let algorithm = element(
        tag::SEQUENCE,
        &[
            &element(tag::OBJECT_IDENTIFIER, &[&[0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1]]),
            &element(tag::OBJECT_IDENTIFIER, &[curve]),
        ],
    );
    PublicKey::from_der(&element(tag::SEQUENCE, &[&algorithm, &bit_string(&[4; 65])])).unwrap()
}

const P256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];

fn bare(algorithm: &[u8]) -> PublicKey {
    let algorithm = element(tag::SEQUENCE, &[&element(tag::OBJECT_IDENTIFIER, &[algorithm])]);
    PublicKey::from_der(&element(tag::SEQUENCE, &[&algorithm, &bit_string(&[7; 32])])).unwrap()
}

/// A name with attributes that [`Name::new`] would refuse: object identifier and UTF-8 value.
fn raw_name(attributes: &[(&[u8], &str)]) -> Name {
    let sets: Vec<Vec<u8>> = attributes
        .iter()
        .map(|(oid, value)| {
            let value = element(tag::UTF8_STRING, &[value.as_bytes()]);
            element(tag::SET, &[&element(tag::SEQUENCE, &[&element(tag::OBJECT_IDENTIFIER, &[oid]), &value])])
        })
        .collect();
    let parts: Vec<&[u8]> = sets.iter().map(Vec::as_slice).collect();
    Name::from_der(&element(tag::SEQUENCE, &parts)).unwrap()
}

const CN: &[u8] = &[0x55, 4, 3];
const O: &[u8] = &[0x55, 4, 10];
const OU: &[u8] = &[0x55, 4, 11];

fn sans(texts: &[&str]) -> Extensions {
    let mut extensions = Extensions::default();
    if !texts.is_empty() {
        let value = texts.iter().map(|text| text.parse().unwrap()).collect();
        extensions.subject_alt_names = Some(Marked { critical: false, value });
        extensions.all.push(Extension { oid: "2.5.29.17".into(), critical: false, value: Vec::new() });
    }
    extensions
}

fn raw_sans(value: Vec<SubjectAltName>) -> Extensions {
    Extensions { subject_alt_names: Some(Marked { critical: false, value }), ..Extensions::default() }
}

fn usages(key_usage: &[&str], purposes: &[&str]) -> Extensions {
    Extensions {
        key_usage: Some(Marked {
            critical: true,
            value: key_usage.iter().map(|u| u.parse::<KeyUsage>().unwrap()).collect(),
        }),
        extended_key_usage: Some(Marked {
            critical: false,
            value: purposes.iter().map(|u| u.parse().unwrap()).collect(),
        }),
        ..Extensions::default()
    }
}

fn terms(version: &str) -> Terms {
    Terms { version: version.parse().unwrap(), ..Terms::default() }
}

fn judge(profile: &str, subject: &Name, extensions: &Extensions) -> Result<Admitted, Vec<Refusal>> {
    let wish = Wish { subject, extensions, public_key: &ec(P256) };
    Catalogue::built_in().find(profile).unwrap().admit(&wish, &Terms::default())
}

fn codes<T>(result: Result<T, Vec<Refusal>>) -> Vec<&'static str> {
    result.err().unwrap_or_default().iter().map(Refusal::code).collect()
}

fn name(common_name: &str, organizations: &[&str]) -> Name {
    Name::new(Some(common_name), organizations).unwrap()
}

type Written<'a> = (&'a str, Option<&'a str>, &'a str, &'a [&'a str], &'a str);

/// What kubeadm v1.36.2 writes, and the rest: profile, name, subject, alternative names, extended key usages.
const KUBEADM: &[Written<'_>] = &[
    ("kubernetes-ca", None, "CN=kubernetes", &["dns:kubernetes"], ""),
    ("etcd-ca", None, "CN=etcd-ca", &["dns:etcd-ca"], ""),
    ("front-proxy-ca", None, "CN=front-proxy-ca", &["dns:front-proxy-ca"], ""),
    (
        "apiserver",
        None,
        "CN=kube-apiserver",
        &[
            "kubernetes",
            "kubernetes.default.svc.cluster.local",
            "*.k8s.example.com",
            "10.96.0.1",
            "2001:db8::10",
        ],
        "serverAuth",
    ),
    ("apiserver-kubelet-client", None, "CN=kube-apiserver-kubelet-client", &[], "clientAuth"),
    ("apiserver-etcd-client", None, "CN=kube-apiserver-etcd-client", &[], "clientAuth"),
    ("front-proxy-client", None, "CN=front-proxy-client", &[], "clientAuth"),
    (
        "etcd-server",
        Some("cp1.example.com"),
        "CN=cp1.example.com",
        &["localhost", "::1"],
        "serverAuth clientAuth",
    ),
    (
        "etcd-peer",
        Some("cp1.example.com"),
        "CN=cp1.example.com",
        &["localhost", "::1"],
        "serverAuth clientAuth",
    ),
    ("etcd-client", None, "CN=kube-etcd-healthcheck-client", &[], "clientAuth"),
    ("kubelet-client", Some("cp1"), "O=system:nodes, CN=system:node:cp1", &[], "clientAuth"),
    (
        "kubelet-serving",
        Some("cp1"),
        "O=system:nodes, CN=system:node:cp1",
        &["cp1", "10.0.0.10"],
        "serverAuth",
    ),
    ("controller-manager", None, "CN=system:kube-controller-manager", &[], "clientAuth"),
    ("scheduler", None, "CN=system:kube-scheduler", &[], "clientAuth"),
    ("controller-manager-serving", None, "CN=kube-controller-manager", &["localhost"], "serverAuth"),
    ("scheduler-serving", None, "CN=kube-scheduler", &["localhost"], "serverAuth"),
    ("admin", None, "O=kubeadm:cluster-admins, CN=kubernetes-admin", &[], "clientAuth"),
    ("super-admin", None, "O=system:masters, CN=kubernetes-super-admin", &[], "clientAuth"),
    ("user", Some("jane"), "CN=jane", &[], "clientAuth"),
    ("server", Some("hook.ops.svc"), "CN=hook.ops.svc", &["hook.ops.svc", "192.0.2.7"], "serverAuth"),
];

#[test]
fn what_kubeadm_writes_is_admitted_and_written_the_same() {
    let catalogue = Catalogue::built_in();
    for (profile, for_name, subject, alternative, purposes) in KUBEADM {
        let profile = catalogue.find(profile).unwrap();
        let wished = profile.subject_for(*for_name, &[], &KubernetesVersion::NEWEST).unwrap();
        assert_eq!(wished.to_string(), *subject);
        let extensions = sans(alternative);
        for (key, encipherment) in [(ec(P256), false), (rsa(2048), true)] {
            let wish = Wish { subject: &wished, extensions: &extensions, public_key: &key };
            let admitted = profile.admit(&wish, &Terms::default()).unwrap_or_else(|r| panic!("{r:?}"));
            assert_eq!(admitted.subject(), &wished);
            assert_eq!(admitted.profile(), profile.name());
            assert_eq!(admitted.public_key(), &key);
            assert_eq!(admitted.sans(), extensions.names(), "{subject}");
            let written: Vec<String> =
                admitted.extended_key_usage().iter().map(ToString::to_string).collect();
            assert_eq!(written.join(" "), *purposes);
            assert!(admitted.key_usage().contains(KeyUsage::DIGITAL_SIGNATURE));
            assert_eq!(admitted.key_usage().contains(KeyUsage::KEY_ENCIPHERMENT), encipherment);
            let signing = KeyUsage::KEY_CERT_SIGN | KeyUsage::CRL_SIGN;
            assert_eq!(admitted.key_usage().contains(signing), profile.is_ca());
            assert_eq!(admitted.ca().is_some(), profile.is_ca());
            assert!(!admitted.lifetime_is_explicit() && admitted.ignored().is_empty());
            let days = match profile.name() {
                "user" => 30,
                _ if profile.is_ca() => 3650,
                _ => 365,
            };
            assert_eq!(admitted.lifetime(), Lifetime::days(days));
        }
    }
}

#[test]
fn organizations_follow_the_version() {
    let catalogue = Catalogue::built_in();
    for (profile, by_version) in [
        (
            "apiserver-kubelet-client",
            &[
                ("1.28.15", "system:masters"),
                ("1.29.0-rc.1", "kubeadm:cluster-admins"),
                ("1.29.0", "kubeadm:cluster-admins"),
                ("1.31.0-rc.1", "kubeadm:cluster-admins"),
                ("1.35.4", "kubeadm:cluster-admins"),
                ("1.35.5", ""),
                ("1.35.9", ""),
                ("1.36.0", "kubeadm:cluster-admins"),
                ("1.36.1", ""),
                ("1.37.0", ""),
            ][..],
        ),
        ("apiserver-etcd-client", &[("1.28.15", "system:masters"), ("1.29.0", ""), ("1.36.2", "")]),
        ("etcd-client", &[("1.28.15", "system:masters"), ("1.29.0", "")]),
        (
            "admin",
            &[
                ("1.28.15", "system:masters"),
                ("1.29.0", "kubeadm:cluster-admins"),
                ("1.36.2", "kubeadm:cluster-admins"),
            ],
        ),
        ("super-admin", &[("1.29.0", "system:masters"), ("1.36.2", "system:masters")]),
    ] {
        let profile = catalogue.find(profile).unwrap();
        for (version, organization) in by_version {
            let version: KubernetesVersion = version.parse().unwrap();
            let subject = profile.subject_for(None, &[], &version).unwrap();
            let wanted: Vec<&str> = Some(*organization).filter(|o| !o.is_empty()).into_iter().collect();
            assert_eq!(subject.organizations(), wanted, "{} {version}", profile.name());
            let wish = Wish { subject: &subject, extensions: &Extensions::default(), public_key: &ec(P256) };
            let terms = Terms { version: version.clone(), ..Terms::default() };
            assert!(profile.admit(&wish, &terms).is_ok());
            // The wrong version's organizations are refused: too many, too few, or others.
            for (wrong, code) in [("system:masters", "reserved-group"), ("dev", "subject-mismatch")] {
                let subject =
                    name(profile.subject_for(None, &[], &version).unwrap().common_name().unwrap(), &[wrong]);
                let wish = Wish { subject: &subject, ..wish };
                let refused = codes(profile.admit(&wish, &terms));
                assert_eq!(
                    refused.contains(&code),
                    wrong != *organization,
                    "{} {version} {wrong}",
                    profile.name()
                );
            }
        }
    }
    let super_admin = catalogue.find("super-admin").unwrap();
    assert!(!super_admin.exists_in(&KubernetesVersion::new(1, 28, 0)));
    assert!(super_admin.exists_in(&"1.29.0-rc.0".parse().unwrap()));
    let subject = super_admin.subject_for(None, &[], &KubernetesVersion::NEWEST).unwrap();
    let wish = Wish { subject: &subject, extensions: &Extensions::default(), public_key: &ec(P256) };
    assert_eq!(codes(super_admin.admit(&wish, &terms("1.28.3"))), ["wrong-version"]);
    // Another etcd client has no organization, in old versions too.
    let other = catalogue.find("etcd-client").unwrap();
    assert_eq!(
        other.subject_for(Some("backup"), &[], &"1.28.0".parse().unwrap()).unwrap().to_string(),
        "CN=backup"
    );
}

#[test]
fn keys_are_strong_or_refused() {
    let catalogue = Catalogue::built_in();
    let user = catalogue.find("user").unwrap();
    let cases = [
        (rsa(1024), 1),
        (rsa(2047), 1),
        (rsa(2048), 0),
        (rsa(3072), 0),
        (rsa(4096), 0),
        (rsa(4097), 1),
        (rsa(8192), 1),
        (rsa_with(2048, &[3]), 1),
        (rsa_with(2048, &[1, 0, 0]), 1),
        (rsa_with(2048, &[1, 0, 3]), 0),
        (rsa_with(2048, &[1]), 1),
        (rsa_with(2048, &[0]), 1),
        (rsa_with(1024, &[3]), 2),
        (rsa_with(2048, &[1; 9]), 1),
        (ec(P256), 0),
        (ec(&[0x2b, 0x81, 4, 0, 0x22]), 0),
        // P-521, P-224, secp256k1.
        (ec(&[0x2b, 0x81, 4, 0, 0x23]), 1),
        (ec(&[0x2b, 0x81, 4, 0, 0x21]), 1),
        (ec(&[0x2b, 0x81, 4, 0, 0x0a]), 1),
        // Ed25519, Ed448, X25519, DSA.
        (bare(&[0x2b, 0x65, 0x70]), 0),
        (bare(&[0x2b, 0x65, 0x71]), 1),
        (bare(&[0x2b, 0x65, 0x6e]), 1),
        (bare(&[0x2a, 0x86, 0x48, 0xce, 0x38, 4, 1]), 1),
    ];
    for (key, refusals) in &cases {
        let wish = Wish { subject: &name("jane", &[]), extensions: &Extensions::default(), public_key: key };
        let refused = codes(user.admit(&wish, &Terms::default()));
        assert_eq!(refused, vec!["weak-key"; *refusals], "{key:?}");
    }
}

#[test]
fn subjects_are_refused_by_name() {
    let long = "x".repeat(65);
    for (profile, subject, expected) in [
        ("user", raw_name(&[]), &["empty-subject"][..]),
        ("user", raw_name(&[(O, "dev")]), &["empty-subject"]),
        ("user", raw_name(&[(CN, "")]), &["empty-subject"]),
        ("user", raw_name(&[(CN, "jane"), (CN, "john")]), &["ambiguous-subject"]),
        ("user", raw_name(&[(CN, "jane"), (CN, "system:admin")]), &["ambiguous-subject", "reserved-name"]),
        ("user", raw_name(&[(CN, "jane\n")]), &["control-character", "outer-white-space"]),
        ("user", raw_name(&[(CN, "ja\u{1b}[2Jne")]), &["control-character"]),
        ("user", raw_name(&[(CN, "jane\u{202e}")]), &["control-character"]),
        ("user", raw_name(&[(CN, "ja\u{a0}ne")]), &["control-character"]),
        ("user", raw_name(&[(CN, "ja\0ne")]), &["control-character"]),
        ("user", raw_name(&[(CN, "ja\u{fffd}ne")]), &["ambiguous-subject"]),
        ("user", raw_name(&[(CN, " jane")]), &["outer-white-space"]),
        ("user", raw_name(&[(CN, "jane"), (O, "dev ")]), &["outer-white-space"]),
        ("user", raw_name(&[(CN, &long)]), &["name-too-long"]),
        ("user", raw_name(&[(CN, "jane"), (OU, "dev")]), &["unknown-attribute"]),
        // The UID that Kubernetes reads since 1.33, 1.3.6.1.4.1.57683.2.
        (
            "user",
            raw_name(&[(CN, "jane"), (&[0x2b, 6, 1, 4, 1, 0x83, 0xc2, 0x53, 2], "0")]),
            &["unknown-attribute"],
        ),
        ("user", name("system:admin", &[]), &["reserved-name"]),
        ("user", name("system:kube-controller-manager", &[]), &["reserved-name"]),
        ("user", name("kubeadm:x", &[]), &["reserved-name"]),
        ("user", name("System:admin", &[]), &["look-alike"]),
        ("user", name("ѕуѕtem:admin", &[]), &["look-alike"]),
        ("user", name("kube-apiserver-kubelet-client", &[]), &["reserved-name"]),
        ("user", name("kubernetes-admin", &[]), &["reserved-name"]),
        ("user", name("jane", &["system:masters"]), &["reserved-group"]),
        ("user", name("jane", &["kubeadm:cluster-admins"]), &["reserved-group"]),
        ("user", name("jane", &["dev", "system:nodes", "SYSTEM:masters"]), &["reserved-group", "look-alike"]),
        ("user", name("jane", &["system：masters"]), &["look-alike"]),
        ("user", name("jane", &["dev", "ops"]), &[]),
        ("user", name("Jürgen Müller", &["Команда"]), &[]),
        ("user", name("jane@example.com", &[]), &[]),
        ("admin", name("kubernetes-admin", &["system:masters"]), &["reserved-group", "subject-mismatch"]),
        ("admin", name("kubernetes-admin", &[]), &["subject-mismatch"]),
        ("admin", name("root", &["kubeadm:cluster-admins"]), &["subject-mismatch"]),
        ("scheduler", name("system:kube-controller-manager", &[]), &["reserved-name"]),
        ("scheduler", name("system:kube-scheduler", &["dev"]), &["subject-mismatch"]),
        ("front-proxy-client", name("front-proxy-client", &[]), &[]),
        ("etcd-client", name("root", &[]), &["reserved-name"]),
        ("etcd-client", name("backup", &["dev"]), &["subject-mismatch"]),
        ("etcd-client", name("backup", &[]), &[]),
        ("kubernetes-ca", raw_name(&[(CN, "Cluster CA"), (OU, "Ops"), (O, "Example")]), &[]),
        ("kubernetes-ca", name("system:ca", &[]), &["reserved-name"]),
    ] {
        assert_eq!(codes(judge(profile, &subject, &Extensions::default())), expected, "{profile} {subject}");
    }
}

#[test]
fn the_subject_is_built_anew_in_kubernetes_order() {
    let admitted =
        judge("user", &raw_name(&[(CN, "jane"), (O, "dev"), (O, "ops"), (O, "dev")]), &Extensions::default());
    assert_eq!(admitted.unwrap().subject().to_string(), "O=dev, O=ops, CN=jane");
    let subject = raw_name(&[(CN, "Cluster CA"), (OU, "Ops"), (O, "Example"), (&[0x55, 4, 6], "DE")]);
    let admitted = judge("kubernetes-ca", &subject, &Extensions::default()).unwrap();
    assert_eq!(admitted.subject().to_string(), "C=DE, O=Example, OU=Ops, CN=Cluster CA");
    assert!(admitted.sans().is_empty(), "no DNS name, no alternative name");
    // The country has two letters: what the encoding refuses is a refusal, not a panic.
    let subject = raw_name(&[(CN, "Cluster CA"), (&[0x55, 4, 6], "Germany")]);
    assert_eq!(codes(judge("kubernetes-ca", &subject, &Extensions::default())), ["name-too-long"]);
}

#[test]
fn kubelets_keep_their_signers_exact_rules() {
    let node = name("system:node:worker-1", &["system:nodes"]);
    for (profile, subject, extensions, expected) in [
        ("kubelet-client", node.clone(), Extensions::default(), &[][..]),
        (
            "kubelet-client",
            node.clone(),
            usages(&["digital signature", "key encipherment"], &["client auth"]),
            &[],
        ),
        ("kubelet-client", node.clone(), usages(&["digitalSignature"], &["clientAuth"]), &[]),
        ("kubelet-client", node.clone(), usages(&["keyEncipherment"], &["clientAuth"]), &["usage-not-exact"]),
        ("kubelet-client", node.clone(), usages(&["digitalSignature"], &[]), &["usage-not-exact"]),
        (
            "kubelet-client",
            node.clone(),
            usages(&["digitalSignature"], &["clientAuth", "serverAuth"]),
            &["usage-not-admitted"],
        ),
        (
            "kubelet-client",
            node.clone(),
            usages(&["digitalSignature"], &["serverAuth"]),
            &["usage-not-admitted", "usage-not-exact"],
        ),
        (
            "kubelet-client",
            node.clone(),
            usages(&["digitalSignature", "dataEncipherment"], &["clientAuth"]),
            &["usage-not-admitted"],
        ),
        ("kubelet-client", node.clone(), sans(&["worker-1"]), &["san-kind"]),
        ("kubelet-client", name("system:node:worker-1", &[]), Extensions::default(), &["subject-mismatch"]),
        (
            "kubelet-client",
            name("system:node:worker-1", &["system:nodes", "dev"]),
            Extensions::default(),
            &["subject-mismatch"],
        ),
        (
            "kubelet-client",
            name("system:node:worker-1", &["system:nodes", "system:masters"]),
            Extensions::default(),
            &["reserved-group"],
        ),
        ("kubelet-client", name("worker-1", &["system:nodes"]), Extensions::default(), &["subject-mismatch"]),
        (
            "kubelet-client",
            name("system:node:", &["system:nodes"]),
            Extensions::default(),
            &["reserved-name"],
        ),
        (
            "kubelet-client",
            name("system:node:Worker", &["system:nodes"]),
            Extensions::default(),
            &["subject-mismatch"],
        ),
        (
            "kubelet-client",
            name("system:node:*.x.y", &["system:nodes"]),
            Extensions::default(),
            &["subject-mismatch"],
        ),
        (
            "kubelet-client",
            name("system:node:a b", &["system:nodes"]),
            Extensions::default(),
            &["subject-mismatch"],
        ),
        ("kubelet-client", name("system:node:10.0.0.1", &["system:nodes"]), Extensions::default(), &[]),
        (
            "kubelet-client",
            name("system:nodes:x", &["system:nodes"]),
            Extensions::default(),
            &["reserved-name"],
        ),
        ("kubelet-serving", node.clone(), Extensions::default(), &["server-without-san"]),
        ("kubelet-serving", node.clone(), sans(&["worker-1", "192.0.2.4"]), &[]),
        ("kubelet-serving", node.clone(), sans(&["worker-1", "email:a@b.example"]), &["san-kind"]),
        ("kubelet-serving", node.clone(), sans(&["uri:spiffe://x/y"]), &["san-kind"]),
        ("kubelet-serving", node.clone(), sans(&["kubernetes.default.svc"]), &["san-reserved"]),
        ("kubelet-serving", node.clone(), sans(&["*.example.com"]), &["wildcard"]),
    ] {
        assert_eq!(
            codes(judge(profile, &subject, &extensions)),
            expected,
            "{profile} {subject} {extensions:?}"
        );
    }
}

#[test]
fn alternative_names_are_admitted_by_kind_pattern_and_network() {
    let dns = |text: &str| SubjectAltName::Dns(text.to_owned());
    for (profile, subject, extensions, expected) in [
        ("user", "jane", sans(&["jane.example.com", "10.0.0.1"]), &["san-kind", "san-kind"][..]),
        ("server", "web", sans(&["web.example.com", "2001:db8::1"]), &[]),
        ("server", "web", Extensions::default(), &["server-without-san"]),
        ("server", "web", sans(&["*.example.com"]), &["wildcard"]),
        ("server", "web", sans(&["kubernetes"]), &["san-reserved"]),
        ("server", "web", sans(&["kubernetes.default.svc.cluster.local", "web"]), &["san-reserved"]),
        ("server", "web", sans(&["kubernetes.ops.svc"]), &[]),
        ("server", "web", raw_sans(vec![dns("a_b.example.com")]), &["san-malformed"]),
        ("server", "web", raw_sans(vec![dns("")]), &["san-malformed"]),
        ("server", "web", raw_sans(vec![dns("a.example.com.")]), &["san-malformed"]),
        ("server", "web", raw_sans(vec![dns("192.0.2.1")]), &["san-malformed"]),
        ("server", "web", raw_sans(vec![dns("https://a.example.com")]), &["san-malformed"]),
        ("server", "web", raw_sans(vec![dns("a.example.com:443")]), &["san-malformed"]),
        ("server", "web", raw_sans(vec![dns("exämple.com")]), &["san-malformed"]),
        ("server", "web", raw_sans(vec![dns("KUBERNETES.default")]), &["san-reserved"]),
        ("server", "web", raw_sans(vec![SubjectAltName::Other("otherName", "1.2.3".into())]), &["san-kind"]),
        ("apiserver", "kube-apiserver", sans(&["*.k8s.example.com", "kubernetes"]), &[]),
        ("apiserver", "kube-apiserver", raw_sans(vec![dns("*.com")]), &["san-malformed"]),
        ("kubernetes-ca", "kubernetes", sans(&["kubernetes"]), &[]),
        ("kubernetes-ca", "kubernetes", sans(&["other"]), &["san-kind"]),
    ] {
        assert_eq!(
            codes(judge(profile, &name(subject, &[]), &extensions)),
            expected,
            "{profile} {extensions:?}"
        );
    }
    let asked = raw_sans(vec![
        dns("B.example.com"),
        dns("a.example.com"),
        dns("b.example.com"),
        SubjectAltName::Ip("::ffff:192.0.2.1".parse().unwrap()),
    ]);
    let admitted = judge("server", &name("web", &[]), &asked).unwrap();
    let shown: Vec<String> = admitted.sans().iter().map(ToString::to_string).collect();
    assert_eq!(shown, ["DNS:b.example.com", "DNS:a.example.com", "IP:192.0.2.1"]);
    // Many names, each twice.
    let many: Vec<SubjectAltName> = (0..2000).map(|i| dns(&format!("h{}.example.com", i / 2))).collect();
    assert_eq!(judge("server", &name("web", &[]), &raw_sans(many)).unwrap().sans().len(), 1000);
}

const NARROW: &str = r#"
name: narrow
description: Web servers of one domain and one network.
issuer: any
subject: {commonName: "{name}", name: text, organizations: [{matching: ["dev-*", "system:bootstrappers:*"]}]}
subjectAltNames:
  required: true
  dns: ["web-*.example.com", "**.apps.example.com", "*.default.svc"]
  except: [kubernetes.default.**, secret.apps.example.com]
  wildcards: true
  ip: [10.1.0.0/16, "fd00::/8"]
  email: ["*@example.com"]
  uri: ["spiffe://example.com/*"]
keyUsage: [digitalSignature]
extendedKeyUsage: [serverAuth]
lifetime: {default: 24h, max: 48h}
"#;

#[test]
fn a_profile_of_ones_own_narrows() {
    let catalogue = Catalogue::with_overrides([("narrow.yaml".to_owned(), NARROW.into())]).unwrap();
    let profile = catalogue.find("narrow").unwrap();
    for (organizations, asked, expected) in [
        (&[][..], &["web-1.example.com", "10.1.2.3", "fd00::1"][..], &[][..]),
        (&[], &["a.b.apps.example.com", "*.apps.example.com"], &["san-reserved"]),
        (&[], &["*.x.apps.example.com"], &[]),
        (&[], &["*.default.svc"], &["san-reserved"]),
        (&[], &["a.default.svc"], &[]),
        (&[], &["db-1.example.com", "example.com"], &["san-pattern", "san-pattern"]),
        (&[], &["secret.apps.example.com"], &["san-reserved"]),
        (&[], &["10.2.0.1", "2001:db8::1"], &["san-network", "san-network"]),
        (&[], &["ip:::ffff:10.1.0.1"], &[]),
        (&[], &["ip:::ffff:10.2.0.1"], &["san-network"]),
        (&[], &["email:a@example.com", "uri:spiffe://example.com/x"], &[]),
        (&[], &["email:a@example.org", "uri:spiffe://example.org/x"], &["san-pattern", "san-pattern"]),
        (&["dev-1", "system:bootstrappers:x"], &["web-1.example.com"], &[]),
        (&["ops"], &["web-1.example.com"], &["subject-mismatch"]),
        (&["system:masters"], &["web-1.example.com"], &["reserved-group"]),
    ] {
        let wish =
            Wish { subject: &name("w", organizations), extensions: &sans(asked), public_key: &ec(P256) };
        assert_eq!(codes(profile.admit(&wish, &Terms::default())), expected, "{organizations:?} {asked:?}");
    }
}

#[test]
fn certificate_signing_is_for_cas() {
    let ca = Some(Marked { critical: true, value: BasicConstraints { ca: true, path_len: Some(3) } });
    let mut asked = usages(&["digitalSignature", "keyCertSign", "cRLSign"], &["clientAuth"]);
    asked.basic_constraints = ca;
    let jane = name("jane", &[]);
    assert_eq!(
        codes(judge("user", &jane, &asked)),
        ["ca-requested", "cert-sign-requested", "cert-sign-requested"]
    );
    let leaf = Extensions {
        basic_constraints: Some(Marked { critical: true, value: BasicConstraints::default() }),
        ..usages(&["digitalSignature"], &["clientAuth"])
    };
    assert_eq!(codes(judge("user", &jane, &leaf)), [""; 0]);
    assert_eq!(
        codes(judge("user", &jane, &usages(&["digitalSignature"], &["codeSigning"]))),
        ["usage-not-admitted"]
    );
    assert_eq!(codes(judge("user", &jane, &usages(&["digitalSignature"], &["any"]))), ["usage-not-admitted"]);

    asked.extended_key_usage = None;
    let admitted = judge("intermediate-ca", &name("Team CA", &[]), &asked).unwrap();
    assert_eq!(admitted.ca().unwrap().path_len, Some(0), "the request does not decide it");
    assert_eq!(admitted.ignored().len(), 1);
    // The CA bit need not be asked for: the profile gives it.
    assert!(judge("kubernetes-ca", &name("kubernetes", &[]), &Extensions::default()).unwrap().ca().is_some());
}

#[test]
fn other_extensions_are_never_copied() {
    let jane = name("jane", &[]);
    let extension = |oid: &str, critical| Extension { oid: oid.into(), critical, value: Vec::new() };
    let asked = |critical| Extensions {
        all: vec![
            extension("2.5.29.14", false),
            extension("1.2.3.4", critical),
            extension("2.5.29.17", true),
        ],
        ..Extensions::default()
    };
    let admitted = judge("user", &jane, &asked(false)).unwrap();
    assert_eq!(admitted.ignored(), ["the extension subjectKeyIdentifier", "the extension 1.2.3.4"]);
    assert_eq!(codes(judge("user", &jane, &asked(true))), ["critical-extension"]);
    let twice = Extensions {
        all: vec![extension("2.5.29.15", true), extension("2.5.29.15", true)],
        ..Extensions::default()
    };
    assert_eq!(codes(judge("user", &jane, &twice)), ["duplicate-extension"]);
    let broken =
        Extensions { malformed: vec![("2.5.29.17".into(), "x\u{1b}".into())], ..Extensions::default() };
    let refusals = judge("user", &jane, &broken).unwrap_err();
    assert_eq!(refusals[0].to_string(), "the extension subjectAltName: it cannot be read: x\\u{1b}");
}

#[test]
fn the_operators_terms_have_limits_too() {
    let catalogue = Catalogue::built_in();
    let (user, ca) = (catalogue.find("user").unwrap(), catalogue.find("intermediate-ca").unwrap());
    let wish =
        Wish { subject: &name("jane", &[]), extensions: &Extensions::default(), public_key: &ec(P256) };
    let constraints =
        NameConstraints { permitted: vec!["dns:example.com".parse().unwrap()], excluded: Vec::new() };
    let year = Terms { lifetime: Some(Lifetime::days(365)), ..Terms::default() };
    let admitted = user.admit(&wish, &year).unwrap();
    assert!(admitted.lifetime_is_explicit() && admitted.lifetime() == Lifetime::days(365));
    for (default, expected) in [(7, 7), (365, 365), (3650, 365)] {
        let terms = Terms::new(KubernetesVersion::NEWEST).with_default_lifetime(Lifetime::days(default));
        let admitted = user.admit(&wish, &terms).unwrap();
        assert!(!admitted.lifetime_is_explicit() && admitted.lifetime() == Lifetime::days(expected));
        let admitted = user.admit(&wish, &terms.with_lifetime(Lifetime::days(1))).unwrap();
        assert!(admitted.lifetime_is_explicit() && admitted.lifetime() == Lifetime::days(1));
    }
    let longer = Terms { lifetime: Some(Lifetime::days(366)), ..Terms::default() };
    assert_eq!(codes(user.admit(&wish, &longer)), ["lifetime-too-long"]);
    let path = Terms { path_length: PathLength::AtMost(0), ..Terms::default() };
    assert_eq!(codes(user.admit(&wish, &path)), ["not-a-ca"]);
    let names = Terms { name_constraints: constraints.clone(), ..Terms::default() };
    assert_eq!(codes(user.admit(&wish, &names)), ["not-a-ca"]);
    for (path_length, expected) in
        [(PathLength::OfProfile, Some(0)), (PathLength::Unlimited, None), (PathLength::AtMost(2), Some(2))]
    {
        let terms = Terms { path_length, name_constraints: constraints.clone(), ..Terms::default() };
        let admitted = ca.admit(&wish, &terms).unwrap();
        let expected = AdmittedCa { path_len: expected, name_constraints: constraints.clone() };
        assert_eq!(admitted.ca(), Some(&expected));
    }
}

#[test]
fn all_refusals_come_at_once() {
    let subject = raw_name(&[(CN, "system:admin"), (CN, " x"), (O, "system:masters"), (OU, "y")]);
    let mut extensions = usages(&["keyCertSign"], &["codeSigning"]);
    extensions.subject_alt_names = sans(&["a.example.com"]).subject_alt_names;
    let wish = Wish { subject: &subject, extensions: &extensions, public_key: &rsa(1024) };
    let terms = Terms { lifetime: Some(Lifetime::days(3650)), ..Terms::default() };
    let refusals = Catalogue::built_in().find("user").unwrap().admit(&wish, &terms).unwrap_err();
    let found: Vec<&str> = refusals.iter().map(Refusal::code).collect();
    assert_eq!(
        found,
        [
            "weak-key",
            "outer-white-space",
            "unknown-attribute",
            "ambiguous-subject",
            "reserved-group",
            "san-kind",
            "cert-sign-requested",
            "usage-not-admitted",
            "lifetime-too-long"
        ]
    );
    assert_eq!(refusals[0].to_string(), "the key is RSA-1024: RSA keys need 2048 bits (NIST SP 800-131A)");
    assert!(refusals.iter().all(|refusal| !refusal.fact().is_empty() && !refusal.reason().is_empty()));
}

#[test]
fn subjects_and_names_come_from_the_profile() {
    let catalogue = Catalogue::built_in();
    let newest = KubernetesVersion::NEWEST;
    let subject = |profile: &str, name: Option<&str>, groups: &[&str]| {
        let groups: Vec<String> = groups.iter().map(|group| (*group).to_owned()).collect();
        let profile = catalogue.find(profile).unwrap();
        profile.subject_for(name, &groups, &newest).map_or_else(|e| e.to_string(), |name| name.to_string())
    };
    for (profile, name, groups, expected) in [
        ("user", Some("jane"), &["dev", "ops"][..], "O=dev, O=ops, CN=jane"),
        ("user", None, &[], "the profile `user` needs a name, which becomes CN={name}"),
        (
            "kubelet-client",
            None,
            &[],
            "the profile `kubelet-client` needs a name, which becomes CN=system:node:{name}",
        ),
        (
            "kubelet-client",
            Some("w1"),
            &["dev"],
            "the profile `kubelet-client` takes no groups: its organizations are fixed",
        ),
        (
            "scheduler",
            Some("x"),
            &[],
            "the profile `scheduler` takes no name: its subject is always CN=system:kube-scheduler",
        ),
        ("scheduler", Some("system:kube-scheduler"), &[], "CN=system:kube-scheduler"),
        ("etcd-client", None, &[], "CN=kube-etcd-healthcheck-client"),
        ("etcd-client", Some("backup"), &[], "CN=backup"),
        ("kubernetes-ca", Some("prod"), &["Example"], "O=Example, CN=prod"),
        (
            "user",
            Some("a\nb"),
            &[],
            "the profile `user` cannot use this name: `a\\u{a}b` cannot be a CN: it holds a control character",
        ),
    ] {
        assert_eq!(subject(profile, name, groups), expected);
    }
    assert_eq!(catalogue.find("etcd-ca").unwrap().default_names(), ["etcd-ca".parse().unwrap()]);
    assert_eq!(catalogue.find("server").unwrap().default_names(), []);
    let default_sans = |profile: &str, name: Option<&str>| {
        let sans = catalogue.find(profile).unwrap().default_sans(name).map_err(|error| error.to_string());
        sans.map(|sans| sans.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "))
    };
    for (profile, name, expected) in [
        ("user", Some("jane"), Ok("")),
        ("kubernetes-ca", None, Ok("DNS:kubernetes")),
        ("kubernetes-ca", Some("My CA"), Ok("")),
        ("etcd-peer", Some("m1"), Ok("DNS:m1 DNS:localhost IP:127.0.0.1 IP:::1")),
        ("kubelet-serving", Some("10.0.0.1"), Ok("IP:10.0.0.1")),
        ("server", Some("a b"), Err("`a b` cannot be")),
        ("server", None, Err("needs a name")),
    ] {
        match (default_sans(profile, name), expected) {
            (Ok(found), Ok(expected)) => assert_eq!(found, expected, "{profile}"),
            (Err(found), Err(expected)) => assert!(found.contains(expected), "{found}"),
            (found, expected) => panic!("{profile}: {found:?}, not {expected:?}"),
        }
    }
}

#[test]
fn a_users_files_override_and_add() {
    let user = include_str!("../../templates/profiles/user.yaml");
    let longer = user.replace("max: 8760h", "max: 17520h").replace("# Source", "# Ours");
    let files = [("z.yaml".to_owned(), NARROW.into()), ("user.yaml".to_owned(), longer.clone().into_bytes())];
    let catalogue = Catalogue::with_overrides(files).unwrap();
    assert_eq!(catalogue.names().count(), 22);
    assert_eq!(catalogue.names().last(), Some("narrow"));
    assert_eq!(catalogue.find("user").unwrap().max_lifetime(), Lifetime::days(730));
    assert_eq!(
        (catalogue.file("user"), catalogue.file("admin")),
        (Some("user.yaml"), Some("templates/profiles/admin.yaml"))
    );
    assert_eq!(catalogue.find("narrow").unwrap().source(), "");

    let files = [("a.yaml".to_owned(), NARROW.into()), ("b.yaml".to_owned(), NARROW.into())];
    let error = Catalogue::with_overrides(files).unwrap_err().to_string();
    assert_eq!(error, "b.yaml: the profile `narrow` is already defined in a.yaml");

    for (asked, expected) in [
        (
            "kubelet",
            "there is no profile `kubelet`; did you mean `kubelet-client`, `kubelet-serving`, `apiserver-kubelet-client`?",
        ),
        ("schduler", "there is no profile `schduler`; did you mean `scheduler`?"),
        ("User", "there is no profile `User`; did you mean `user`?"),
        ("x\u{1b}", "there is no profile `x\\u{1b}`"),
    ] {
        assert_eq!(catalogue.find(asked).unwrap_err().to_string(), expected);
    }
}

#[test]
fn the_document_names_every_profile_and_refusal() {
    let catalogue = Catalogue::built_in();
    let text = to_markdown(&catalogue).unwrap();
    for name in catalogue.names() {
        assert!(text.contains(&format!("\n## {name}\n")), "{name}");
    }
    assert!(RefusalKind::ALL.iter().all(|kind| text.contains(&format!("| `{}` | ", kind.code()))));
    assert!(
        text.contains(
            "- Organizations: exactly `O=kubeadm:cluster-admins` in Kubernetes `>=1.29.0, <1.35.5`"
        )
    );
    assert!(text.contains("- Source: https://kubernetes.io/"));
    assert!(text.lines().all(|line| line == line.trim_end()) && !text.contains("\n\n\n"));
}

#[test]
fn purposes_are_those_of_a_client_or_a_server() {
    for profile in Catalogue::built_in().profiles() {
        let profile = profile.unwrap();
        let server = profile.extended_key_usage().contains(&ExtendedKeyUsage::ServerAuth);
        if profile.is_ca() {
            // What is below it is held to these; a root has none.
            assert_eq!(server, profile.name() == "intermediate-ca", "{}", profile.name());
            continue;
        }
        assert_eq!(server, profile.needs_san(), "{}", profile.name());
        assert!(!profile.extended_key_usage().is_empty(), "{}", profile.name());
    }
    let clients: Vec<String> = Catalogue::built_in()
        .profiles()
        .map(Result::unwrap)
        .filter(|profile| profile.is_apiserver_client())
        .map(|profile| profile.name().to_owned())
        .collect();
    assert_eq!(
        clients,
        ["kubelet-client", "controller-manager", "scheduler", "admin", "super-admin", "user"]
    );
}

proptest::proptest! {
    #[test]
    fn no_name_slips_through(common_name in ".{0,70}", organization in "(?i)( ?[sѕｓ]ystem ?[:：]|kubeadm:)?.{0,20}", san in ".{0,40}") {
        let subject = raw_name(&[(CN, &common_name), (O, &organization)]);
        for profile in ["user", "server", "kubelet-client", "etcd-client", "kubernetes-ca"] {
            let alternative = raw_sans(vec![SubjectAltName::Dns(san.clone())]);
            let Ok(admitted) = judge(profile, &subject, &alternative) else { continue };
            for attribute in admitted.subject().attributes() {
                let plain: String = attribute.value.to_lowercase().split_whitespace().collect();
                proptest::prop_assert!(!plain.starts_with("system:") && !plain.starts_with("kubeadm:"));
                proptest::prop_assert!(!attribute.value.chars().any(char::is_control));
            }
            for san in admitted.sans() {
                proptest::prop_assert_eq!(san, &san.to_string().parse().unwrap());
            }
        }
        // With nothing but the names: neither panics nor admits what it should not.
        for profile in ["user", "etcd-client", "scheduler"] {
            if let Ok(admitted) = judge(profile, &subject, &Extensions::default()) {
                let again = Name::from_der(admitted.subject().der()).unwrap();
                proptest::prop_assert_eq!(&again, admitted.subject());
                proptest::prop_assert!(again.organizations().iter().all(|o| reserved::likeness(o) == reserved::Likeness::None));
            }
        }
    }
}

#[test]
fn the_organizations_of_every_release_are_known() {
    let catalogue = Catalogue::built_in();
    let shown = |profile: &str, common_name: &str| -> Vec<String> {
        let releases = catalogue.find(profile).unwrap().organizations_by_release(common_name);
        releases
            .iter()
            .map(|release| format!("{} {} {}", release.first, release.last, release.organizations.join(",")))
            .collect()
    };
    assert_eq!(
        shown("apiserver-kubelet-client", "kube-apiserver-kubelet-client"),
        [
            "v1.28.0 v1.28.0 system:masters",
            "v1.29.0 v1.35.4 kubeadm:cluster-admins",
            "v1.35.5 v1.35.6 ",
            "v1.36.0 v1.36.0 kubeadm:cluster-admins",
            "v1.36.1 v1.36.2 "
        ]
    );
    assert_eq!(shown("etcd-client", "kube-etcd-healthcheck-client").len(), 2);
    assert_eq!(shown("etcd-client", "backup"), ["v1.28.0 v1.36.2 "]);
    assert_eq!(shown("kubelet-client", "system:node:a"), ["v1.36.2 v1.36.2 system:nodes"]);
    assert_eq!(shown("user", "jane"), [""; 0]);
}

#[test]
fn names_that_a_role_needs_stand_beside_others() {
    let catalogue = Catalogue::built_in();
    for (profile, name, standing) in [
        (
            "apiserver",
            None,
            "DNS:kubernetes DNS:kubernetes.default DNS:kubernetes.default.svc DNS:kubernetes.default.svc.cluster.local",
        ),
        ("etcd-server", Some("cp1"), "DNS:cp1 DNS:localhost IP:127.0.0.1 IP:::1"),
        ("kubelet-serving", Some("10.0.0.5"), "IP:10.0.0.5"),
        ("scheduler-serving", None, "DNS:localhost IP:127.0.0.1 IP:::1"),
        ("server", Some("web"), ""),
        ("server", Some("The web"), ""),
        ("user", Some("jane"), ""),
    ] {
        let sans = catalogue.find(profile).unwrap().standing_sans(name).unwrap();
        let sans: Vec<String> = sans.iter().map(ToString::to_string).collect();
        assert_eq!(sans.join(" "), standing, "{profile}");
    }
}
