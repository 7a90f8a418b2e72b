//! Kubeconfigs that kubectl refuses, and what kpki says of them: each with the real kubectl.

#![cfg(test)]
#![expect(clippy::disallowed_methods, reason = "tests write the files that they need")]

#[path = "forge/mod.rs"]
#[expect(dead_code, reason = "each test uses its part of what they share")]
mod forge;
#[path = "support/mod.rs"]
#[expect(dead_code, reason = "each test uses its part of what they share")]
mod support;

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use rayon::prelude::*;
use support::{command, free_ports, kpki, run, scratch, text};

/// What kubectl does with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kubectl {
    /// It dials the server, where nobody listens.
    Dials,
    /// It does not come so far.
    Refuses,
    /// One or the other, by the version of Go that it is built with.
    Either,
}
use Kubectl::{Dials, Either, Refuses};

/// What stands at the places that a case changes.
#[derive(Clone)]
struct Parts {
    ca: String,
    certificate: String,
    key: String,
    /// Lines of the cluster.
    cluster: String,
    /// Lines of the user.
    user: String,
    name: String,
    server: String,
    more: String,
    head: String,
}

impl Parts {
    fn text(&self) -> String {
        let Self { ca, certificate, key, cluster, user, name, server, more, head } = self;
        format!(
            "{head}
clusters:
- name: k
  cluster:
    server: {server}
    certificate-authority-data: {ca}
{cluster}
contexts:
- name: c
  context: {{cluster: k, user: {name}}}
current-context: c
users:
- name: {name}
  user:
    client-certificate-data: {certificate}
    client-key-data: {key}
{user}
{more}"
        )
    }
}

fn base64(bytes: impl AsRef<[u8]>) -> String {
    BASE64_STANDARD.encode(bytes)
}

fn decode(text: &str) -> Vec<u8> {
    BASE64_STANDARD.decode(text).expect("base64")
}

/// The base64 of what PEM in base64 holds.
fn der(data: &str) -> String {
    let text = String::from_utf8(decode(data)).expect("PEM");
    text.lines().filter(|line| !line.starts_with('-')).collect()
}

fn with_mark(data: &str) -> String {
    base64([b"\xef\xbb\xbf".to_vec(), decode(data)].concat())
}

/// A private key that openssl encrypted; nobody needs the passphrase.
const ENCRYPTED: &str = "\
-----BEGIN ENCRYPTED PRIVATE KEY-----
MIHrMFYGCSqGSIb3DQEFDTBJMCgGCSqGSIb3DQEFDDAbBAjVeLXqnW25hgIBATAM
BggqhkiG9w0CCQUAMB0GCWCGSAFlAwQBKgQQ0u7tgkgycQJX9Y2wCr2FxASBkE/n
hhhMA0UVnNMceyo4fh+6C50RZdfhsRfuCB+/CzBYaVrG1yt6KFeBXkyB/lQVVC1x
7LqXHfk14HWbeuI1uKs5irwTZytEQsQi2ULNvFVxW3WsgKQMt8M58GHgPb/z2fsO
pyLGaiPi03iThTDcZEa6VfMwtGol3tcOmyIWOtt9JuROv+aHcREW5dA7Q2VI8g==
-----END ENCRYPTED PRIVATE KEY-----
";

type Change = fn(&mut Parts, &str);

/// What is changed (with the port at hand), what kubectl does, what kpki says.
const CASES: &[(&str, Change, Kubectl, &str)] = &[
    ("as it should be", |_, _| {}, Dials, ""),
    ("a byte order mark in front of the file", |p, _| p.head.insert(0, '\u{feff}'), Dials, ""),
    (
        "base64 in a text of several lines",
        |p, _| p.ca = format!("|\n      {}\n      {}", &p.ca[..60], &p.ca[60..]),
        Dials,
        "",
    ),
    (
        "base64 that YAML folds",
        |p, _| p.ca = format!("\n      {}\n      {}", &p.ca[..60], &p.ca[60..]),
        Refuses,
        "white space stands in its base64",
    ),
    (
        "base64 without its padding",
        |p, _| {
            p.key = base64([decode(&p.key), b"\n".repeat(3 - (decode(&p.key).len() + 2) % 3)].concat())
                .trim_end_matches('=')
                .to_owned();
        },
        Refuses,
        "lacks its padding",
    ),
    ("no base64", |p, _| p.ca = "'###'".into(), Refuses, "is not base64"),
    (
        "PEM where base64 belongs",
        |p, _| p.ca = format!("{:?}", String::from_utf8_lossy(&decode(&p.ca))),
        Refuses,
        "it stands there as PEM",
    ),
    ("the CA in DER", |p, _| p.ca = der(&p.ca), Refuses, "it is DER in base64"),
    (
        "the CA behind a byte order mark",
        |p, _| p.ca = with_mark(&p.ca),
        Refuses,
        "a byte order mark stands before BEGIN",
    ),
    ("the CA in base64 twice", |p, _| p.ca = base64(&p.ca), Refuses, "it is base64 in base64"),
    (
        "a key for a CA",
        |p, _| p.ca = p.key.clone(),
        Refuses,
        "a certificate belongs there, and it holds a private key",
    ),
    (
        "the CA as a trusted certificate of OpenSSL",
        |p, _| {
            p.ca =
                base64(String::from_utf8_lossy(&decode(&p.ca)).replace("CERTIFICATE", "TRUSTED CERTIFICATE"));
        },
        Refuses,
        "under the label TRUSTED CERTIFICATE",
    ),
    ("the certificate in DER", |p, _| p.certificate = der(&p.certificate), Refuses, "it is DER in base64"),
    (
        "the certificate behind a byte order mark",
        |p, _| p.certificate = with_mark(&p.certificate),
        Refuses,
        "a byte order mark",
    ),
    (
        "the certificate in base64 twice",
        |p, _| p.certificate = base64(&p.certificate),
        Refuses,
        "it is base64 in base64",
    ),
    (
        "an indented certificate",
        |p, _| p.certificate = base64(format!("  {}", String::from_utf8_lossy(&decode(&p.certificate)))),
        Refuses,
        "white space stands before BEGIN",
    ),
    (
        "text before the certificate",
        |p, _| p.certificate = base64(format!("jane\n{}", String::from_utf8_lossy(&decode(&p.certificate)))),
        Dials,
        "",
    ),
    ("the key in DER", |p, _| p.key = der(&p.key), Refuses, "it is DER in base64"),
    ("the key behind a byte order mark", |p, _| p.key = with_mark(&p.key), Refuses, "a byte order mark"),
    ("the key in base64 twice", |p, _| p.key = base64(&p.key), Refuses, "it is base64 in base64"),
    ("an encrypted key", |p, _| p.key = base64(ENCRYPTED), Refuses, "no client asks for a passphrase"),
    (
        "a certificate for a key",
        |p, _| p.key = p.certificate.clone(),
        Refuses,
        "a private key belongs there, and it holds a certificate",
    ),
    (
        "the CA and its file",
        |p, _| p.cluster = "    certificate-authority: ca.crt".into(),
        Refuses,
        "both certificate-authority and certificate-authority-data",
    ),
    (
        "the certificate and its file",
        |p, _| p.user = "    client-certificate: ca.crt".into(),
        Refuses,
        "both client-certificate and client-certificate-data",
    ),
    (
        "the key and its file",
        |p, _| p.user = "    client-key: ca.key".into(),
        Refuses,
        "both client-key and client-key-data",
    ),
    ("a token and its file", |p, _| p.user = "    token: a\n    tokenFile: /dev/null".into(), Dials, ""),
    (
        "a CA and no verification",
        |p, _| p.cluster = "    insecure-skip-tls-verify: yes".into(),
        Refuses,
        "insecure-skip-tls-verify and a certificate authority",
    ),
    (
        "a truth value in quotes",
        |p, _| p.cluster = "    insecure-skip-tls-verify: 'true'".into(),
        Refuses,
        "insecure-skip-tls-verify of the cluster k is a text and no truth value",
    ),
    (
        "a user called no",
        |p, _| p.name = "no".into(),
        Refuses,
        "the name of a user is a truth value and no text",
    ),
    (
        "a user called 1e3",
        |p, _| p.name = "1e3".into(),
        Refuses,
        "the name of a user is a number and no text",
    ),
    ("a user called 2026-01-01", |p, _| p.name = "2026-01-01".into(), Dials, ""),
    (
        "a token of digits",
        |p, _| p.user = "    token: 12345678".into(),
        Refuses,
        "token of the user u is a number and no text",
    ),
    (
        "a server that is a list",
        |p, _| p.server = "[a]".into(),
        Refuses,
        "server of the cluster k is a list and no text",
    ),
    (
        "an IPv6 address without brackets",
        |p, port| p.server = format!("https://::1:{port}"),
        Either,
        "is not in brackets",
    ),
    (
        "a port that no one has",
        |p, _| p.server = "https://127.0.0.1:99999".into(),
        Refuses,
        "its port is not from 1 to 65535",
    ),
    (
        "a port that is no number",
        |p, _| p.server = "https://127.0.0.1:six".into(),
        Refuses,
        "its port is not a number",
    ),
    ("no scheme", |p, port| p.server = format!("127.0.0.1:{port}"), Dials, "it does not say https://"),
    (
        "another scheme",
        |p, port| p.server = format!("tcp://127.0.0.1:{port}"),
        Refuses,
        "its scheme is not https",
    ),
    ("no host", |p, _| p.server = "https:///".into(), Refuses, "it names no host"),
    ("a blank in the host", |p, _| p.server = "https://a b:6443".into(), Refuses, "white space"),
    (
        "a password in the URL",
        |p, port| p.server = format!("https://jane:s3cret@127.0.0.1:{port}"),
        Dials,
        "a user stands before its host",
    ),
    (
        "a path, as Rancher has it",
        |p, port| p.server = format!("https://127.0.0.1:{port}/k8s/clusters/c-1"),
        Dials,
        "",
    ),
    ("no server", |p, _| p.server = "''".into(), Refuses, "the cluster k has no server"),
    (
        "a proxy without a scheme",
        |p, _| p.cluster = "    proxy-url: 127.0.0.1:3128".into(),
        Refuses,
        "proxy-url of the cluster k is 127.0.0.1:3128: it has no scheme",
    ),
    (
        "a proxy of another scheme",
        |p, _| p.cluster = "    proxy-url: ftp://127.0.0.1:21".into(),
        Refuses,
        "kubectl takes http, https and socks5",
    ),
    (
        "a name that no certificate has",
        |p, _| p.cluster = "    tls-server-name: https://api".into(),
        Dials,
        "which no certificate can be for",
    ),
    (
        "two users of one name",
        |p, _| p.more = format!("- name: {}\n  user: {{}}", p.name),
        Refuses,
        "two of users are called `u`",
    ),
    ("another kind", |p, _| p.head = "apiVersion: v2\nkind: Config".into(), Refuses, "apiVersion is v2"),
    ("neither kind nor version", |p, _| p.head = String::new(), Dials, ""),
    (
        "a command without a version",
        |p, _| p.user = "    exec: {command: 'true'}".into(),
        Refuses,
        "exec of the user u has no apiVersion",
    ),
    (
        "a command of an old version",
        |p, _| {
            p.user = "    exec: {command: 'true', apiVersion: client.authentication.k8s.io/v1alpha1, interactiveMode: Never}".into();
        },
        Refuses,
        "which kubectl has not had since 1.24",
    ),
    (
        "a command without its mode",
        |p, _| p.user = "    exec: {command: 'true', apiVersion: client.authentication.k8s.io/v1}".into(),
        Refuses,
        "has no interactiveMode",
    ),
    (
        "no command",
        |p, _| {
            p.user = "    exec: {apiVersion: client.authentication.k8s.io/v1, interactiveMode: Never}".into();
        },
        Refuses,
        "has no command",
    ),
    ("groups of nobody", |p, _| p.user = "    as-groups: [a]".into(), Refuses, "has as-groups and no `as`"),
    (
        "a token over two lines",
        |p, _| p.user = "    token: \"a\\nb\"".into(),
        Either,
        "a line break or a control character stands in the token",
    ),
    (
        "a field that stands there twice",
        |p, _| p.user = "    token: a\n    token: b".into(),
        Dials,
        "the field token stands there twice",
    ),
];

fn kubectl(here: &Path, file: &Path) -> (bool, String) {
    let words = ["--kubeconfig", text(file), "get", "--raw", "/version", "--request-timeout=5s"];
    let ran = run(command("kubectl", words).current_dir(here).env("HOME", here));
    let words = ran.words();
    // What dials reaches nobody.
    (words.contains("was refused - did you specify") && !words.contains("localhost:8080"), words)
}

#[test]
fn what_kubectl_refuses_is_told() {
    let ca = forge::ca("cn=kubernetes");
    let leaf = ca.leaf("cn=jane eku=client until=+364d");
    let directory = scratch();
    let port = free_ports(1)[0].to_string();
    let good = Parts {
        ca: base64(ca.pem()),
        certificate: base64(leaf.pem()),
        key: base64(leaf.key_pem()),
        cluster: String::new(),
        user: String::new(),
        name: "u".into(),
        server: format!("https://127.0.0.1:{port}"),
        more: String::new(),
        head: "apiVersion: v1\nkind: Config".into(),
    };
    std::fs::write(directory.path().join("ca.crt"), ca.pem()).expect("a file");
    std::fs::write(directory.path().join("ca.key"), leaf.key_pem()).expect("a file");
    let wrong: Vec<String> = CASES
        .par_iter()
        .enumerate()
        .flat_map_iter(|(number, (situation, change, expected, told))| {
            let mut parts = good.clone();
            change(&mut parts, &port);
            let file = directory.path().join(format!("{number}.conf"));
            std::fs::write(&file, parts.text()).expect("a file");
            std::fs::set_permissions(&file, PermissionsExt::from_mode(0o600)).expect("its owner");
            let mut wrong = Vec::new();
            let (dials, words) = kubectl(directory.path(), &file);
            if *expected != Either && dials != (*expected == Dials) {
                wrong.push(format!("{situation}: kubectl said: {words}"));
            }
            let inspected = run(&mut kpki(["--now", "2026-06-01T12:00:00Z", "inspect", text(&file)]));
            let shown: String = inspected.words().split_whitespace().collect::<Vec<_>>().join(" ");
            let told_of_it = if told.is_empty() {
                inspected.code == Some(0)
            } else {
                shown.contains(told) && inspected.code == Some(1)
            };
            if !told_of_it {
                wrong.push(format!(
                    "{situation}: kpki inspect did not say {told:?} but {}",
                    inspected.words()
                ));
            }
            let line = ["--now", "2026-06-01T12:00:00Z", "audit", "--fail-on", "high", text(&file)];
            let audited = run(&mut kpki(line));
            // What stands there twice is taken for the last one, by kubectl.
            let is_high = !told.is_empty() && !told.contains("stands there twice");
            let shown: String = audited.words().split_whitespace().collect::<Vec<_>>().join(" ");
            if audited.code != Some(i32::from(is_high))
                || is_high && !(shown.contains("M024") && shown.contains(told))
            {
                wrong.push(format!(
                    "{situation}: kpki audit came to {:?}: {}",
                    audited.code,
                    audited.words()
                ));
            }
            if inspected.words().contains("s3cret") || audited.words().contains("s3cret") {
                wrong.push(format!("{situation}: a password was shown"));
            }
            wrong
        })
        .collect();
    assert!(wrong.is_empty(), "{} of {}:\n\n{}", wrong.len(), CASES.len(), wrong.join("\n\n"));
}
