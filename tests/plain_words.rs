//! What kpki says of broken inputs is said in plain words: no debug text of a library, no type of Rust, no instant in
//! another form than its own. Every command is given every kind of broken input.

#![cfg(test)]
#![expect(clippy::disallowed_methods, reason = "tests write the files that they need")]

#[path = "forge/mod.rs"]
#[expect(dead_code, reason = "each test uses its part of what they share")]
mod forge;
#[path = "support/mod.rs"]
#[expect(dead_code, reason = "each test uses its part of what they share")]
mod support;

use std::path::Path;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use rayon::prelude::*;
use support::{kpki, openssl, run, scratch, text};

/// Inputs by their names, each broken in its own way.
fn inputs(here: &Path) -> Vec<(String, Vec<u8>)> {
    let ca = forge::ca("cn=kubernetes key=p256:words");
    let leaf = ca.leaf("cn=jane eku=client");
    let request = here.join("request.der");
    let key = here.join("leaf.key");
    std::fs::write(&key, leaf.key_pem()).expect("a file");
    openssl([
        "req",
        "-new",
        "-key",
        text(&key),
        "-subj",
        "/CN=jane",
        "-outform",
        "DER",
        "-out",
        text(&request),
    ]);
    let key_der = |form: &str| {
        let out = here.join(format!("{form}.der"));
        let mut words = vec!["pkey", "-in", text(&key), "-outform", "DER", "-out", text(&out)];
        words.extend(Some("-traditional").filter(|_| form == "sec1"));
        openssl(words);
        std::fs::read(&out).expect("a key")
    };
    let encrypted = here.join("encrypted.pem");
    openssl(["pkcs8", "-topk8", "-in", text(&key), "-passout", "pass:x", "-out", text(&encrypted)]);
    let encrypted = std::fs::read_to_string(&encrypted).expect("a key");
    let mut inputs: Vec<(String, Vec<u8>)> = Vec::new();
    // Of every structure, some bytes changed here and there, and cut off.
    for (name, label, der) in [
        ("certificate", "CERTIFICATE", leaf.der().to_vec()),
        ("list", "X509 CRL", ca.crl("revoked=01").der().to_vec()),
        ("request", "CERTIFICATE REQUEST", std::fs::read(&request).expect("a request")),
        ("pkcs8", "PRIVATE KEY", key_der("pkcs8")),
        ("sec1", "EC PRIVATE KEY", key_der("sec1")),
    ] {
        for at in 1..=9 {
            let mut broken = der.clone();
            let place = broken.len() * at / 10;
            broken[place] ^= 0x55;
            inputs.push((format!("{name}-{at}.pem"), pem(label, &broken)));
            if at % 3 == 0 {
                inputs.push((format!("{name}-cut-{at}.pem"), pem(label, &der[..place])));
                inputs.push((format!("{name}-{at}.der"), broken));
            }
        }
    }
    // Tags of another kind, one after the other.
    for at in [4, 8, 13, 15, 20] {
        let mut broken = leaf.der().to_vec();
        broken[at] = 0x05;
        inputs.push((format!("tag-{at}.crt"), pem("CERTIFICATE", &broken)));
    }
    let good = leaf.pem();
    let data = BASE64_STANDARD.encode(&good);
    let kubeconfig = |user: &str, server: &str| {
        format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: c\ncontexts: [{{name: c, context: {{cluster: k, user: u}}}}]\nclusters: [{{name: k, cluster: {{server: {server}, certificate-authority-data: {data}}}}}]\nusers: [{{name: u, user: {{{user}}}}}]\n"
        )
    };
    let texts = [
        ("empty", String::new()),
        ("utf16", String::from_utf8_lossy(&"\u{feff}a".encode_utf16().flat_map(u16::to_be_bytes).collect::<Vec<_>>()).into_owned()),
        ("no-end.pem", good.replace("-----END", "----END")),
        ("character.pem", good.replacen("MII", "M*I", 1)),
        ("labels.pem", good.replace("END CERTIFICATE", "END X")),
        ("twice.pem", format!("{encrypted}{encrypted}")),
        ("encrypted.pem", encrypted.replacen("MI", "MJ", 1)),
        ("legacy.pem", "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: X\n\nAAAA\n-----END RSA PRIVATE KEY-----\n".to_owned()),
        ("list.yaml", "- a\n- b\n".to_owned()),
        ("colons.yaml", "apiVersion: v1\nkind: a: b\n".to_owned()),
        ("tab.yaml", "apiVersion: v1\n\tkind: Secret\n".to_owned()),
        ("quote.yaml", "apiVersion: \"v1\nkind: Secret\n".to_owned()),
        ("alias.yaml", "apiVersion: *a\nkind: Secret\n".to_owned()),
        ("deep.yaml", format!("kind: Secret\ndata: {}{}\n", "[".repeat(80), "]".repeat(80))),
        ("documents.yaml", "apiVersion: v1\nkind: Pod\n---\napiVersion: v1\nkind: Pod\n".to_owned()),
        ("binary.yaml", "apiVersion: v1\nkind: Secret\ndata: {a: !!binary '###'}\n".to_owned()),
        ("tag.yaml", "apiVersion: !x v1\nkind: [Config]\n".to_owned()),
        ("number.conf", kubeconfig("token: 5", "5")),
        ("fields.conf", kubeconfig("client-certificate-data: {a: b}", "[a]")),
        ("half.conf", kubeconfig(&format!("client-certificate-data: {data}"), "https://a:6443")),
        ("context.conf", kubeconfig("token: a", "https://a:6443").replace("current-context: c", "current-context: x")),
        ("pod.yaml", "apiVersion: v1\nkind: Pod\nmetadata: {name: kube-apiserver}\nspec: {containers: {a: b}}\n".to_owned()),
        ("kubelet.yaml", "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\nauthentication: [x509]\nrotateCertificates: maybe\n".to_owned()),
        ("csr.yaml", "apiVersion: certificates.k8s.io/v1\nkind: CertificateSigningRequest\nmetadata: {name: a}\nspec: {request: 5, signerName: [a], usages: a, expirationSeconds: soon}\n".to_owned()),
        ("csr-seconds.yaml", format!("apiVersion: certificates.k8s.io/v1\nkind: CertificateSigningRequest\nmetadata: {{name: a}}\nspec: {{request: {data}, signerName: a/b, usages: [server auth], expirationSeconds: 99999999999999999999}}\n")),
        ("kubeadm.yaml", "apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\nkubernetesVersion: one.2\nnetworking: {serviceSubnet: 10.0.0.0/99}\ncertificateValidityPeriod: soon\n".to_owned()),
        ("init.yaml", "apiVersion: kubeadm.k8s.io/v1beta4\nkind: InitConfiguration\nlocalAPIEndpoint: {advertiseAddress: here, bindPort: 99999}\n".to_owned()),
        ("cluster.yaml", "apiVersion: kpki/v1alpha1\nkind: Cluster\nmetadata: {name: 5}\nspec: {endpoint: [a], lifetimes: {ca: -1}, nodes: maybe}\n".to_owned()),
        ("profile.yaml", "name: [x]\ndescription: 5\nissuer: nobody\nlifetime: {default: soon, max: 1}\nkeyUsage: digital\n".to_owned()),
        ("ledger.jsonl", "{\"line\":1,\"version\":1,\"issued\":5}\nnonsense\n".to_owned()),
        ("json.json", "{\"apiVersion\": \"v1\", \"kind\": ".to_owned()),
        ("policy.yaml", "severities: {T001: loud}\nwaivers: [{rule: T001, until: never}]\n".to_owned()),
    ];
    inputs.extend(texts.map(|(name, text)| (name.to_owned(), text.into_bytes())));
    inputs.push(("noise.bin".into(), (0..4096_u32).map(|at| (at * 7919 % 251) as u8).collect()));
    inputs.push(("sequence.der".into(), vec![0x30, 0x80, 0x30, 0x84, 0xff, 0xff, 0xff, 0xff]));
    inputs
}

fn pem(label: &str, der: &[u8]) -> Vec<u8> {
    let text = BASE64_STANDARD.encode(der);
    let lines: Vec<&str> =
        text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).expect("ASCII")).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n")).into_bytes()
}

/// Every command that reads files; `@` is the input, `%` a good CA.
const COMMANDS: &[&str] = &[
    "inspect @",
    "inspect -o json @",
    "inspect -s @",
    "verify @ --ca %/ca.crt",
    "verify %/ca.crt --ca @ -o json",
    "verify %/ca.crt --ca %/ca.crt --crl @ --policy rfc5280",
    "audit @",
    "audit @ -o json",
    "audit % --config @",
    "status @",
    "ca show @",
    "sign csr @ --profile user --ca % --dry-run",
    "sign csr @ --profile auto --ca % --dry-run -o json",
    "sign csr %/good.csr --profile user --ca @ --out -",
    "issue user jane --ca @ --dry-run",
    "ledger list --ca @",
    "ledger verify --ca @ -o json",
    "probe 127.0.0.1:1 --cacert @",
    "probe 127.0.0.1:1 --cert @",
    "probe 127.0.0.1:1 --cert %/ca.crt --key @",
    "probe 127.0.0.1:1 --compare @",
    "init -f @ --dir never --dry-run",
    "csr new -f @ --out-dir never",
    "rehearse @",
    "profile list --profiles @.d",
    "ca init --dir never --dry-run --passphrase-file @ --encrypt",
];

/// What no person is to read.
fn debug_text(words: &str) -> Option<String> {
    let bytes: Vec<char> = words.chars().collect();
    for (at, window) in bytes.windows(4).enumerate() {
        let around = || bytes[at.saturating_sub(40)..(at + 60).min(bytes.len())].iter().collect::<String>();
        // `Der(UnexpectedTag`, `Some(5)`: a name in CamelCase with a bracket at it.
        if let [a, '(', b, _] = window
            && a.is_ascii_lowercase()
            && (b.is_ascii_alphanumeric() || "\"[{".contains(*b))
        {
            let start =
                bytes[..at].iter().rposition(|c| !c.is_ascii_alphanumeric()).map_or(0, |found| found + 1);
            if bytes[start].is_ascii_uppercase() {
                return Some(around());
            }
        }
        // `std::io`, `Error::`: paths of Rust, and no IPv6 address.
        if let [a, ':', ':', b] = window
            && a.is_ascii_alphabetic()
            && b.is_ascii_alphabetic()
            && !a.is_ascii_hexdigit()
        {
            return Some(around());
        }
    }
    let marks = [
        "Some(",
        "None,",
        "Ok(",
        "Err(",
        "Error {",
        "Kind",
        "os error",
        "from_str",
        "_multiple",
        "invalid i64",
        "invalid u",
        "+00:00",
        ".0 +",
        "called `",
        "panicked",
        "unwrap",
        "Parsing Error",
        "nom error",
        "BER error",
        "ASN.1 DER tag",
        "invalid type:",
        "invalid value:",
        "struct ",
        "DuplicateKeyPolicy",
        "total_replayed",
        "budget breached",
        "incorrect length for",
        "expected value at",
        "EOF while",
        "line 1 column",
        "deserialize",
        "serde",
    ];
    marks.iter().find_map(|mark| {
        words.find(mark).map(|at| {
            let start = words[..at].char_indices().rev().nth(40).map_or(0, |(at, _)| at);
            words[start..].chars().take(120).collect()
        })
    })
}

#[test]
fn broken_inputs_are_told_in_plain_words() {
    let directory = scratch();
    let here = directory.path();
    let good = here.join("good");
    std::fs::create_dir(&good).expect("a directory");
    let ca = forge::ca("cn=kubernetes key=p256:words");
    std::fs::write(good.join("ca.crt"), ca.pem()).expect("a file");
    std::fs::write(good.join("ca.key"), ca.key_pem()).expect("a file");
    openssl([
        "req",
        "-new",
        "-newkey",
        "ed25519",
        "-nodes",
        "-keyout",
        "/dev/null",
        "-subj",
        "/CN=a",
        "-out",
        text(&good.join("good.csr")),
    ]);
    let inputs = inputs(here);
    let files: Vec<_> = inputs
        .iter()
        .map(|(name, bytes)| {
            // Each in a directory of its own, for those that read one.
            let own = here.join(format!("in/{name}.d"));
            std::fs::create_dir_all(&own).expect("a directory");
            std::fs::write(own.join("x.yaml"), bytes).expect("a file");
            let file = here.join("in").join(name);
            std::fs::write(&file, bytes).expect("a file");
            file
        })
        .collect();
    let wrong: Vec<String> = files
        .par_iter()
        .flat_map(|file| COMMANDS.par_iter().map(move |line| (file, *line)))
        .filter_map(|(file, line)| {
            let words = line.split(' ').map(|word| word.replace('@', text(file)).replace('%', text(&good)));
            let words: Vec<String> =
                ["--now", "2026-06-01T12:00:00Z"].map(str::to_owned).into_iter().chain(words).collect();
            let ran = run(kpki(&words).current_dir(here));
            let said = ran.words();
            let fault = match ran.code {
                Some(0..=2) => debug_text(&said),
                code => Some(format!("exit code {code:?}: {said}")),
            };
            fault.map(|fault| {
                format!(
                    "{}: kpki {line}\n    …{}…",
                    file.file_name().expect("a name").to_string_lossy(),
                    fault.replace('\n', "\n    ")
                )
            })
        })
        .collect();
    let told = wrong.iter().take(60).cloned().collect::<Vec<_>>().join("\n");
    assert!(wrong.is_empty(), "{} times:\n{told}", wrong.len());
    assert!(!here.join("never").exists());
}

#[test]
fn debug_text_is_known() {
    for text in [
        "not a valid certificate: Der(UnexpectedTag { expected: None })",
        "it ends on 2036-11-27 19:48:18.0 +00:00:00",
        "several documents; use from_str_multiple",
        "invalid i64",
        "cannot open: No such file (os error 2)",
        "Error::Io",
        "Some(5)",
    ] {
        assert!(debug_text(text).is_some(), "{text}");
    }
    for text in
        ["fd00::1", "Kubernetes (1.36)", "RSA-2048, f(x)", "until 2036-11-27 19:48:18 UTC", "dns:a, ip:::1"]
    {
        assert_eq!(debug_text(text), None, "{text}");
    }
}
