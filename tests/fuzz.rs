//! The properties of the fuzz targets (`fuzz/properties.rs`), held against good inputs, against what the forge makes, and
//! against every one-byte change of some of them: what `make fuzz` looks for at length, `make test` looks for in short.
//!
//! `KPKI_FUZZ_SEEDS=DIR cargo test --test fuzz` also writes these inputs, a directory for each target: the fuzzer's seeds.

#![cfg(test)]
#![expect(clippy::disallowed_methods, reason = "tests write the files that they need")]

#[expect(dead_code, reason = "each test uses its part of what they share")]
mod forge;
#[path = "../fuzz/properties.rs"]
mod properties;
#[expect(dead_code, reason = "each test uses its part of what they share")]
mod support;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use kpki::key::{KeyAlgorithm, KeyForm, KeyPair};
use kpki::pem;
use kpki::request;
use kpki::x509::{ExtendedKeyUsage, KeyUsage, Name, PublicKey, RequestTemplate, SubjectAltName};
use proptest::prelude::*;
use support::{files_under, openssl, scratch, text, write};

/// Certificates with something of everything, good or bad.
const CERTIFICATES: &[&str] = &[
    "",
    "o=dev o=ops cn='Jane Doe' ou=x c=DE l=Berlin st=Berlin dc=example",
    "subject=cn:bmp=a+cn:t61=b/cn:universal=c/o:utf8=d%1b[31m%00",
    "subject=empty sans=dns:*.example.com,ip:192.0.2.1,ip:2001:db8::1,email:a@example.com,uri:spiffe://x/y,\
     dir:o=Acme/cn=x,rid:1.2.3,other:1.2.3.4:hello",
    "sans=dns:,dns:%ff%fe,raw:8700,raw:870101,raw:a000,raw:a300,raw:a500,raw:8900 san-critical",
    "ku=digitalSignature,keyCertSign,decipherOnly eku=server,client,code,email,time,ocsp,any,1.2.3.4 eku-critical",
    "ca=true pathlen=4294967295 ku= eku=",
    "ca=false-encoded aki=full ski=absent",
    "aki=issuer-serial ski=00",
    "aki=empty serial=negative",
    "nc=permit:dns:example.com,exclude:ip:10.0.0.0/9,permit:email:example.com,permit:uri:.example.com,\
     exclude:dir:o=Acme,permit:ip:2001:db8::/33,exclude:ip:10.0.0.0/255.0.255.0,permit:rid:1.2.3,permit:raw:8700",
    "policies=any,1.2.3 mappings=1.2.3:1.2.4 explicit=0 inhibit-mapping=1 inhibit-any=2",
    "crldp=uri:http://x/a,dir:cn=b;reasons:keyCompromise|cACompromise;issuer:cn=Lister crldp=rel:cn=c+cn=d \
     freshest=uri:http://x/d aia=http://x/ca,ocsp:http://x/o",
    "ext=1.2.3.4:critical:0500 dup=1.2.3.4 ext=2.5.29.17:plain:30 ext=2.5.29.19:plain:",
    "serial=long version=1 extensions=keep",
    "serial=zero version=2 unique-ids=both",
    "serial=raw: version=250",
    "extensions=empty",
    "from=-90s until=never times=generalized",
    "from=utc:260601120000+0200 until=generalized:20260601120000.5Z",
    "key=p384 sig=sha512",
    "key=rsa1024 sig=pss",
    "key=rsa2048 sig=md5,outer-mismatch",
    "key=ed25519 sig=null",
    "sig=1.3.101.113,empty",
    "spki=300806062a0304030200ff",
    "tbs-trailing=0500",
    "trailing=0500",
];

/// Lists, likewise.
const LISTS: &[&str] = &[
    "",
    "revoked=0102;reason:keyCompromise;at:-3d,03;ext:1.2.3:critical:0500,ff;reason:removeFromCRL number=300",
    "next=absent number=absent aki=absent version=1 times=generalized revoked=01",
    "delta=4 freshest=uri:http://x/d",
    "idp=uri:http://x/a only=user,ca,attribute reasons=keyCompromise|superseded",
    "idp=rel:cn=x indirect revoked=07;issuer:cn=Other%1b,08,09;issuer:cn=Else ext=1.2.3.4:critical:0500",
    "ext=2.5.29.20:critical:0500 ext=2.5.29.28:plain:3000 dup=2.5.29.28 trailing=00",
];

/// Chains for the policies to judge: the end entity, the anchor, and what else is there.
fn chains() -> Vec<Vec<u8>> {
    let root = forge::ca("cn=Root");
    let inter = root.ca("cn=Inter pathlen=0 nc=permit:dns:example.com policies=any crldp=uri:http://x/r");
    let leaf = inter.leaf("cn=a sans=dns:a.example.com eku=server policies=1.2.3 crldp=uri:http://x/i");
    let two = forge::ca("cn=Two");
    let bytes = |parts: &[&[u8]]| parts.concat();
    vec![
        bytes(&[root.leaf("cn=a sans=dns:a").der(), root.der()]),
        bytes(&[leaf.der(), root.der(), inter.der()]),
        bytes(&[leaf.der(), root.der(), inter.der(), root.crl("").der(), inter.crl("number=2").der()]),
        bytes(&[
            leaf.der(),
            root.der(),
            inter.der(),
            inter.crl(&format!("revoked={}", leaf.serial_hex())).der(),
            inter.crl("idp=uri:http://x/i only=user").der(),
        ]),
        bytes(&[leaf.der(), two.der(), two.cross(&root, "").der(), root.cross(&two, "").der(), inter.der()]),
        bytes(&[leaf.der(), root.rekey("").der(), inter.der(), inter.reissue("until=-1d").der()]),
        bytes(&[root.der(), root.der()]),
    ]
}

/// Every input by the name of its target.
fn seeds() -> Vec<(&'static str, Vec<u8>)> {
    let root = forge::ca("cn=Root");
    let mut out: Vec<(&str, Vec<u8>)> = Vec::new();
    for words in CERTIFICATES {
        // Those with a key of their own are signed by it.
        let leaf = if words.contains("key=") { forge::self_signed_leaf(words) } else { root.leaf(words) };
        out.push(("certificate", leaf.der().to_vec()));
        out.push(("pem", leaf.pem().into_bytes()));
    }
    for words in LISTS {
        let list = root.crl(words);
        out.push(("crl", list.der().to_vec()));
        out.push(("pem", list.pem().into_bytes()));
    }
    out.extend(chains().into_iter().map(|chain| ("chain", chain)));
    out.push(("certificate", forge::bundle([&root, &root.ca("")]).into_bytes()));
    out.extend(requests().into_iter().map(|request| ("csr", request)));
    out.extend(keys().into_iter().map(|key| ("key", key)));
    for path in files_under(&fixtures(), &["crt", "key", "pub", "conf"]) {
        let contents = std::fs::read(&path).expect("a fixture");
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("conf") => out.push(("kubeconfig", contents)),
            Some("crt") => {
                let block = pem::parse(&contents).expect("a certificate").remove(0);
                out.push(("certificate", block.der.to_vec()));
                out.push(("pem", contents));
            }
            _ => {
                out.push(("pem", contents.clone()));
                out.push(("key", contents));
            }
        }
    }
    // Whatever there is: `inspect` is asked what it is.
    let all: Vec<_> = out.iter().map(|(_, bytes)| ("inspect", bytes.clone())).collect();
    out.extend(all);
    out.extend(trees().into_iter().map(|tree| ("audit", tree)));
    out.push(("pem", b"\xef\xbb\xbf# text\r\n\r\n-----BEGIN A-----\r\nAAAA\r\n-----END A-----\r\n".to_vec()));
    out
}

/// What kubeadm wrote, as the trees of the audit's property.
fn trees() -> Vec<Vec<u8>> {
    let trees = ["kubeadm-ecdsa", "kubeadm-rsa"].map(|name| {
        let root = fixtures().join(name);
        let mut tree = Vec::new();
        for (which, path) in (0..).zip(properties::PATHS) {
            let Some(path) = path.strip_prefix("etc/kubernetes/") else { continue };
            let Ok(bytes) = std::fs::read(root.join(path)) else { continue };
            tree.push(which);
            tree.extend(u16::try_from(bytes.len()).expect("a small file").to_be_bytes());
            tree.extend(bytes);
        }
        tree
    });
    assert!(trees.iter().all(|tree| tree.len() > 10_000), "the fixtures are there");
    trees.into()
}

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

/// Requests in all three forms.
fn requests() -> Vec<Vec<u8>> {
    let names = [
        SubjectAltName::Dns("a.example.com".into()),
        SubjectAltName::Ip([192, 0, 2, 1].into()),
        SubjectAltName::Email("a@example.com".into()),
        SubjectAltName::Uri("spiffe://x".into()),
    ];
    let subject = Name::new(Some("system:node:cp1"), &["system:nodes"]).expect("a name");
    let mut out = Vec::new();
    for algorithm in
        [KeyAlgorithm::EcdsaP256, KeyAlgorithm::EcdsaP384, KeyAlgorithm::Ed25519, KeyAlgorithm::Rsa2048]
    {
        let key = KeyPair::generate(algorithm).expect("a key");
        let template = RequestTemplate {
            subject: &subject,
            public_key: &PublicKey::from_der(key.public_key_der()).expect("its public key"),
            subject_alt_names: &names,
            key_usage: KeyUsage::DIGITAL_SIGNATURE,
            extended_key_usage: &[ExtendedKeyUsage::ServerAuth],
            ca: algorithm == KeyAlgorithm::EcdsaP384,
        };
        let der = request::build(&key, &template).expect("a request");
        let pem = pem::encode(pem::CERTIFICATE_REQUEST, &der).to_string();
        let object = format!(
            "apiVersion: certificates.k8s.io/v1\nkind: CertificateSigningRequest\nmetadata:\n  name: a\nspec:\n  \
             request: {}\n  signerName: kubernetes.io/kubelet-serving\n  expirationSeconds: 3600\n  usages:\n  \
             - digital signature\n  - server auth\n",
            base64(pem.as_bytes())
        );
        out.extend([der, pem.into_bytes(), object.into_bytes()]);
    }
    out
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::prelude::BASE64_STANDARD.encode(bytes)
}

/// Private keys in every form, in PEM and in DER, and encrypted in such a way that reading them costs little.
fn keys() -> Vec<Vec<u8>> {
    let mut out = Vec::new();
    let directory = scratch();
    let [plain, encrypted] = ["plain", "encrypted"].map(|name| directory.path().join(name));
    for algorithm in
        [KeyAlgorithm::EcdsaP256, KeyAlgorithm::EcdsaP384, KeyAlgorithm::Ed25519, KeyAlgorithm::Rsa2048]
    {
        for form in [KeyForm::Pkcs8, KeyForm::Pkcs1, KeyForm::Sec1] {
            let Ok(key) = KeyPair::generate(algorithm).expect("a key").with_form(form) else { continue };
            let text = key.to_pem();
            out.push(pem::parse(text.as_bytes()).expect("just written").remove(0).der.to_vec());
            out.push(text.as_bytes().to_vec());
        }
    }
    write(&plain, &forge::ca("key=p256").key_pem());
    let passphrase = format!("pass:{}", properties::PASSPHRASE);
    for how in [
        &["-iter", "1", "-v2", "aes-256-cbc"][..],
        &["-iter", "1", "-v2", "aes-128-cbc", "-v2prf", "hmacWithSHA512"],
        &["-scrypt", "-scrypt_N", "16", "-scrypt_r", "1", "-scrypt_p", "1"],
    ] {
        let input = ["-topk8", "-in", text(&plain), "-out", text(&encrypted), "-passout", &passphrase];
        openssl(std::iter::once("pkcs8").chain(input).chain(how.iter().copied()));
        out.push(std::fs::read(&encrypted).expect("just written"));
    }
    out
}

/// The property of a target.
fn property(target: &str) -> fn(&[u8]) {
    match target {
        "audit" => properties::audit,
        "certificate" => properties::certificate,
        "chain" => properties::chain,
        "crl" => properties::crl,
        "csr" => properties::csr,
        "inspect" => properties::inspect,
        "key" => properties::key,
        "kubeconfig" => properties::kubeconfig,
        "pem" => properties::pem,
        other => panic!("{other} is no target"),
    }
}

#[test]
fn the_properties_hold_of_the_seeds() {
    let seeds = seeds();
    for (target, bytes) in &seeds {
        property(target)(bytes);
    }
    if let Ok(directory) = std::env::var("KPKI_FUZZ_SEEDS") {
        for (number, (target, bytes)) in seeds.iter().enumerate() {
            let directory = Path::new(&directory).join(target);
            std::fs::create_dir_all(&directory).expect("a directory for the seeds");
            std::fs::write(directory.join(format!("seed-{number:03}")), bytes).expect("a seed");
        }
    }
}

/// `fuzz/` is a workspace of its own, and its lock file another one: with the same versions of what both need.
#[test]
fn the_lock_file_is_up_to_date() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |path: &str| std::fs::read_to_string(root.join(path)).expect("a file of the crate");
    let packages = |lock: &str| -> BTreeMap<String, String> {
        let package = |block: &str| Some((field(block, "name")?.to_owned(), block.to_owned()));
        lock.split("[[package]]").filter_map(package).collect()
    };
    let (ours, fuzz) = (packages(&read("Cargo.lock")), packages(&read("fuzz/Cargo.lock")));
    let refresh = "run: cp Cargo.lock fuzz/ && cargo metadata --manifest-path fuzz/Cargo.toml >/dev/null";
    for (name, block) in &fuzz {
        let other = ours.get(name).and_then(|block| field(block, "version"));
        let agree = other.is_none_or(|version| field(block, "version") == Some(version));
        assert!(agree, "{name} is of another version in fuzz/Cargo.lock; {refresh}");
    }
    // What kpki needs outside of its tests.
    let manifest = read("Cargo.toml");
    let dependencies = manifest.split("\n[dependencies]\n").nth(1).and_then(|rest| rest.split("\n[").next());
    let needed: Vec<&str> =
        dependencies.expect("a list").lines().filter_map(|line| line.split([' ', '=']).next()).collect();
    let locked = &fuzz["kpki"];
    for name in needed.iter().filter(|name| !name.is_empty()) {
        assert!(locked.contains(&format!(" \"{name}\"")), "{name} is not in fuzz/Cargo.lock; {refresh}");
    }
    assert!(needed.len() > 20 && fuzz.contains_key("libfuzzer-sys"));
}

/// The value of a line `name = "value"`.
fn field<'a>(block: &'a str, name: &str) -> Option<&'a str> {
    block.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(" = \"")?.strip_suffix('"'))
}

/// Every target has its seeds, its program and its line in the manifest.
#[test]
fn every_target_is_whole() {
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
    let manifest = std::fs::read_to_string(fuzz.join("Cargo.toml")).expect("fuzz/Cargo.toml");
    let seeds = seeds();
    let programs = files_under(&fuzz.join("fuzz_targets"), &["rs"]);
    assert_eq!(programs.len(), manifest.matches("[[bin]]").count());
    for program in programs {
        let target = program.file_stem().and_then(|stem| stem.to_str()).expect("a name");
        assert!(manifest.contains(&format!("path = \"fuzz_targets/{target}.rs\"")), "{target}");
        assert!(seeds.iter().any(|(of, _)| *of == target), "{target} has no seed");
        property(target)(&[]);
    }
}

proptest! {
    // The same cases in every run; a fuzzer has the time for others.
    #![proptest_config(ProptestConfig {
        cases: 64,
        rng_seed: proptest::test_runner::RngSeed::Fixed(5280),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn the_properties_hold_of_spoilt_seeds(which in any::<prop::sample::Index>(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        thread_local! {
            static SEEDS: Vec<(&'static str, Vec<u8>)> = seeds();
        }
        SEEDS.with(|seeds| {
            let (target, bytes) = which.get(seeds);
            let mut spoilt = bytes.clone();
            spoilt[at.index(bytes.len())] = byte;
            property(target)(&spoilt);
            property(target)(&bytes[..at.index(bytes.len())]);
        });
    }
}
