//! `kpki probe` against real servers on loopback: etcd, `openssl s_server`, rustls, and ports behind which is no TLS.

#![cfg(test)]
#![expect(clippy::disallowed_methods, reason = "tests write the files that they need")]

#[expect(dead_code, reason = "each test uses its part of what they share")]
mod support;

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Stdio};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::net;
use rustls::DistinguishedName;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::Value;
use support::stranger::{Pair, Stranger};
use support::{Ran, command, free_ports, kpki, openssl, run, scratch, text, wait_for, write};

/// An instant at which kubeadm's files in tests/fixtures are valid.
const NOW: &str = "2026-11-24T12:00:00Z";

/// What no probe here may take longer than, on a busy machine.
const LONG: Duration = Duration::from_secs(60);

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

fn fixture_pair(name: &str) -> Pair {
    Pair { certificate: fixture(&format!("{name}.crt")), key: fixture(&format!("{name}.key")) }
}

/// etcd's server certificate as kubeadm made it: for localhost and 127.0.0.1.
fn etcd_pair() -> Pair {
    fixture_pair("kubeadm-ecdsa/pki/etcd/server")
}

fn etcd_ca() -> PathBuf {
    fixture("kubeadm-ecdsa/pki/etcd/ca.crt")
}

/// Runs `kpki probe` at the fixtures' instant.
fn probe<'a>(words: impl IntoIterator<Item = &'a str>) -> Ran {
    run(kpki(["--now", NOW, "probe"]).args(words))
}

/// The same, with its answer as JSON; the exit code must be this one.
#[track_caller]
fn probe_json<'a>(code: i32, words: impl IntoIterator<Item = &'a str>) -> Vec<Value> {
    let ran = run(kpki(["--now", NOW, "probe", "-o", "json"]).args(words)).expect_code(code);
    let answer: Value = serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {ran:?}"));
    answer.as_array().expect("a list").clone()
}

/// `openssl s_server`, which ends with the value.
struct OpenSsl {
    child: Child,
    port: u16,
    /// Held open: the server would end a connection at the end of its input.
    _input: ChildStdin,
}

impl OpenSsl {
    /// Starts it with a port of the system's choice, and waits for it to say which.
    fn start(pair: &Pair, words: &[&str]) -> Self {
        let mut server = command("setpriv", ["--pdeathsig", "KILL", "--", "openssl", "s_server"]);
        server.args(["-accept", "127.0.0.1:0", "-cert", text(&pair.certificate), "-key", text(&pair.key)]);
        server.args(words).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = server.spawn().expect("openssl starts");
        let input = child.stdin.take().expect("its stdin");
        let mut lines = BufReader::new(child.stdout.take().expect("its stdout"));
        let mut said = String::new();
        let port = loop {
            let from = said.len();
            if lines.read_line(&mut said).expect("it speaks UTF-8") == 0 {
                let mut complaint = String::new();
                let _ = child.stderr.take().expect("its stderr").read_to_string(&mut complaint);
                panic!("openssl s_server {words:?} ended: {said}{complaint}");
            }
            if let Some(port) = said[from..].trim().strip_prefix("ACCEPT 127.0.0.1:") {
                break port.parse().expect("a port");
            }
        };
        // What it says from here on is of no interest, and must not fill the pipes.
        let mut complaints = child.stderr.take().expect("its stderr");
        std::thread::spawn(move || std::io::copy(&mut lines, &mut std::io::sink()));
        std::thread::spawn(move || std::io::copy(&mut complaints, &mut std::io::sink()));
        Self { child, port, _input: input }
    }

    fn endpoint(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }
}

impl Drop for OpenSsl {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A server of the test's own: it takes so many connections, and does the same with each.
struct Own {
    port: u16,
    thread: Option<JoinHandle<()>>,
}

impl Own {
    fn start(connections: usize, mut each: impl FnMut(TcpStream) + Send + 'static) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
        let port = listener.local_addr().expect("its address").port();
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming().take(connections) {
                each(stream.expect("a connection"));
            }
        });
        Self { port, thread: Some(thread) }
    }

    fn endpoint(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        if let Some(thread) = self.thread.take()
            && !std::thread::panicking()
        {
            thread.join().expect("the server did its part");
        }
    }
}

/// A port of loopback that belongs to somebody who does not listen.
fn closed_port() -> (OwnedFd, String) {
    let socket = net::socket(net::AddressFamily::INET, net::SocketType::STREAM, None).expect("a socket");
    net::bind(&socket, &SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let address =
        SocketAddr::try_from(net::getsockname(&socket).expect("its address")).expect("an IP address");
    (socket, address.to_string())
}

/// Waits until a peer has hung up.
fn drain(mut stream: &TcpStream) {
    let mut buffer = [0; 1024];
    while matches!(stream.read(&mut buffer), Ok(count) if count > 0) {}
}

#[test]
fn a_server_is_described_and_its_chain_is_judged() {
    let server = OpenSsl::start(&etcd_pair(), &[]);
    let (endpoint, ca) = (server.endpoint(), etcd_ca());
    let ran = probe([endpoint.as_str(), "--cacert", text(&ca)]).ok();
    for words in [
        "TLS 1.3, TLS_AES_256_GCM_SHA384, x25519",
        "certificate  CN=cp1.example.com",
        "issuer       CN=etcd-ca",
        "names        DNS:cp1.example.com DNS:etcd.k8s.example.com DNS:localhost IP:10.0.0.10 IP:127.0.0.1",
        "d left",
        "key          ECDSA-P256",
        "client auth  no certificate is asked for",
        "verdict      valid for IP:127.0.0.1, by CN=etcd-ca (",
    ] {
        assert!(ran.stdout.contains(words), "{words}\n{}", ran.stdout);
    }
    assert!(ran.stderr.is_empty(), "{}", ran.stderr);

    // What openssl itself says of the file is what was served.
    let pair = etcd_pair();
    let said =
        openssl(["x509", "-in", text(&pair.certificate), "-noout", "-serial", "-fingerprint", "-sha256"]);
    let said = said.stdout.replace(':', "").to_lowercase();
    let seen = &probe_json(0, [endpoint.as_str(), "--cacert", text(&ca)])[0];
    assert!(said.contains(seen["chain"][0]["fingerprintSha256"].as_str().expect("a fingerprint")), "{said}");
    assert!(said.contains(seen["chain"][0]["serial"].as_str().expect("a serial")), "{said}");
    assert_eq!((seen["endpoint"].as_str(), seen["address"].as_str()), (Some(&*endpoint), Some(&*endpoint)));
    assert_eq!((&seen["protocol"], &seen["keyExchange"]), (&"TLS 1.3".into(), &"x25519".into()));
    assert_eq!((&seen["verdict"]["valid"], &seen["verdict"]["byCa"]), (&true.into(), &true.into()));
    assert_eq!(seen["clientAuth"]["asked"], false);
    assert_eq!(seen["findings"], Value::Array(Vec::new()));
}

#[test]
fn names_are_resolved_and_indicated() {
    let server = OpenSsl::start(&etcd_pair(), &[]);
    let (ca, port) = (etcd_ca(), server.port);
    // localhost may have an IPv6 address first, where nobody listens: all addresses are tried.
    let url = format!("https://localhost:{port}/health?serializable=true");
    let seen = &probe_json(0, [url.as_str(), "--cacert", text(&ca)])[0];
    assert_eq!(seen["name"], "DNS:localhost");
    assert_eq!(seen["address"], format!("127.0.0.1:{port}"));

    let endpoint = server.endpoint();
    let ran = probe([endpoint.as_str(), "--cacert", text(&ca), "--name", "cp1.example.com"]).ok();
    assert!(ran.stdout.contains("valid for DNS:cp1.example.com"), "{}", ran.stdout);
    let ran = probe([endpoint.as_str(), "--cacert", text(&ca), "--name", "cp2.example.com"]).expect_code(1);
    assert!(ran.stdout.contains("NOT VALID for DNS:cp2.example.com"), "{}", ran.stdout);
    // Without a CA the name is held against the certificate all the same.
    let ran = probe([endpoint.as_str(), "--name", "cp2.example.com"]).expect_code(1);
    assert!(ran.stdout.contains("NOT VALID for DNS:cp2.example.com"), "{}", ran.stdout);
    let ran = probe([endpoint.as_str()]).ok();
    assert!(ran.stdout.contains("good for IP:127.0.0.1 by itself"), "{}", ran.stdout);

    // The name that was asked for reaches the server, which has another certificate for it.
    let other = fixture_pair("kubeadm-ecdsa/pki/apiserver");
    let words =
        ["-servername", "kubernetes.default", "-cert2", text(&other.certificate), "-key2", text(&other.key)];
    let server = OpenSsl::start(&etcd_pair(), &words);
    let endpoint = server.endpoint();
    let seen = &probe_json(0, [endpoint.as_str(), "--name", "kubernetes.default"])[0];
    assert_eq!(seen["chain"][0]["subject"], "CN=kube-apiserver");
    let seen = &probe_json(0, [endpoint.as_str()])[0];
    assert_eq!(seen["chain"][0]["subject"], "CN=cp1.example.com");
}

#[test]
fn a_chain_that_does_not_hold_is_found() {
    let server = OpenSsl::start(&etcd_pair(), &[]);
    let endpoint = server.endpoint();
    let wrong = fixture("kubeadm-ecdsa/pki/ca.crt");
    let ran = probe([endpoint.as_str(), "--cacert", text(&wrong)]).expect_code(1);
    assert!(ran.stdout.contains("verdict      NOT VALID for IP:127.0.0.1"), "{}", ran.stdout);
    let seen = &probe_json(1, [endpoint.as_str(), "--cacert", text(&wrong)])[0];
    assert_eq!(seen["verdict"]["valid"], false);
    assert_eq!(seen["verdict"]["reason"]["code"], "no-issuer");
    assert_eq!(seen["findings"].as_array().map(Vec::len), Some(1));

    // Another CA of the same name is a wrong key, not a missing issuer.
    let namesake = fixture("kubeadm-rsa/pki/etcd/ca.crt");
    let seen = &probe_json(1, [endpoint.as_str(), "--cacert", text(&namesake)])[0];
    assert_eq!(seen["verdict"]["reason"]["code"], "signature");

    // Expired, with and without a CA to judge by.
    let ca = etcd_ca();
    for more in [&["--cacert", text(&ca)][..], &[]] {
        let ran = run(kpki(["--now", "2031-01-01T00:00:00Z", "probe", &endpoint]).args(more)).expect_code(1);
        assert!(ran.stdout.contains("ended") && ran.stdout.contains("NOT VALID"), "{}", ran.stdout);
        let ran = run(kpki(["--now", "2020-01-01T00:00:00Z", "probe", &endpoint]).args(more)).expect_code(1);
        assert!(ran.stdout.contains("not valid yet") && ran.stdout.contains("NOT VALID"), "{}", ran.stdout);
    }

    // A client's certificate is no server's.
    let client = OpenSsl::start(&fixture_pair("kubeadm-ecdsa/pki/apiserver-etcd-client"), &[]);
    let endpoint = client.endpoint();
    let seen = &probe_json(1, [endpoint.as_str(), "--cacert", text(&ca)])[0];
    assert_eq!(seen["verdict"]["valid"], false);
}

#[test]
fn a_server_with_and_without_its_intermediate() {
    let directory = scratch();
    let at = |name: &str| directory.path().join(name);
    let (root, between, leaf) = (at("pki/ca.crt"), at("sub.crt"), at("web.crt"));
    let make = |words: &[&str]| run(kpki(["--now", NOW]).args(words)).ok();
    make(&["ca", "init", "--dir", text(&at("pki"))]);
    make(&[
        "ca",
        "intermediate",
        "Sub CA",
        "--ca",
        text(&root),
        "--out",
        text(&between),
        "--validity",
        "100d",
    ]);
    make(&[
        "issue",
        "server",
        "web",
        "--san",
        "127.0.0.1",
        "--ca",
        text(&between),
        "--out",
        text(&leaf),
        "--validity",
        "50d",
    ]);
    let pair = Pair { certificate: leaf.clone(), key: at("web.key") };

    let without = OpenSsl::start(&pair, &[]);
    let endpoint = without.endpoint();
    let ran = probe([endpoint.as_str(), "--cacert", text(&root)]).expect_code(1);
    assert!(ran.stdout.contains("Sub CA") && ran.stdout.contains("NOT VALID"), "{}", ran.stdout);
    drop(without);

    let with = OpenSsl::start(&pair, &["-cert_chain", text(&between)]);
    let endpoint = with.endpoint();
    let ran = probe([endpoint.as_str(), "--cacert", text(&root)]).ok();
    assert!(ran.stdout.contains("chain        CN=Sub CA, issued by CN=kubernetes"), "{}", ran.stdout);
    let seen = &probe_json(0, [endpoint.as_str(), "--cacert", text(&root)])[0];
    assert_eq!(seen["verdict"]["path"].as_array().map(Vec::len), Some(3));
    // The file holds the leaf alone; what is served with it is told, and is no fault.
    let seen = &probe_json(0, [endpoint.as_str(), "--compare", text(&leaf)])[0];
    assert_eq!((&seen["compare"]["same"], &seen["compare"]["state"]), (&true.into(), &"same".into()));
    assert!(
        seen["compare"]["words"].as_str().is_some_and(|words| words.contains("the server sends 2")),
        "{seen}"
    );
    // An issuer that has ended is found without a CA to judge by, too.
    let ran = run(&mut kpki(["--now", "2027-06-01T00:00:00Z", "probe", &endpoint])).expect_code(1);
    assert!(ran.stdout.contains("CN=Sub CA of the chain"), "{}", ran.stdout);
}

#[test]
fn versions_and_kinds_of_keys() {
    let ca = etcd_ca();
    for (words, protocol, suite) in [
        (&["-tls1_2"][..], "TLS 1.2", "TLS_ECDHE_ECDSA_WITH_"),
        (&["-tls1_3"], "TLS 1.3", "TLS_AES_"),
        (&["-tls1_3", "-groups", "P-384"], "TLS 1.3", "TLS_AES_"),
    ] {
        let server = OpenSsl::start(&etcd_pair(), words);
        let endpoint = server.endpoint();
        let seen = &probe_json(0, [endpoint.as_str(), "--cacert", text(&ca)])[0];
        assert_eq!(seen["protocol"], protocol);
        assert!(seen["cipherSuite"].as_str().is_some_and(|name| name.starts_with(suite)), "{seen}");
        if words.contains(&"P-384") {
            assert_eq!(seen["keyExchange"], "secp384r1");
        }
    }
    let rsa_ca = fixture("kubeadm-rsa/pki/etcd/ca.crt");
    for version in ["-tls1_2", "-tls1_3"] {
        let server = OpenSsl::start(&fixture_pair("kubeadm-rsa/pki/etcd/server"), &[version]);
        let endpoint = server.endpoint();
        probe([endpoint.as_str(), "--cacert", text(&rsa_ca)]).ok();
    }
    // What ring does not verify and Go does: P-521 (in TLS 1.3; for TLS 1.2 the curve would have to be offered for the
    // key exchange, too), short RSA keys.
    let directory = scratch();
    let kinds: [(&str, &[&str], &[&str], &str); 2] = [
        ("p521", &["ec", "-pkeyopt", "ec_paramgen_curve:P-521"], &["-tls1_3"], "ECDSA-P521"),
        ("short", &["rsa:1024"], &["-tls1_2", "-cipher", "DEFAULT@SECLEVEL=0"], "RSA-1024"),
    ];
    for (name, kind, words, key) in kinds {
        let at = |ending: &str| directory.path().join(format!("{name}.{ending}"));
        let pair = Pair { certificate: at("crt"), key: at("key") };
        let mut make = vec!["req", "-x509", "-nodes", "-days", "2", "-subj", "/CN=odd"];
        make.extend(["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", text(&pair.key)]);
        make.extend(["-out", text(&pair.certificate), "-newkey"]);
        openssl(make.iter().chain(kind));
        let server = OpenSsl::start(&pair, words);
        let ran = run(&mut kpki(["probe", &server.endpoint(), "-o", "json"]));
        let seen: Value =
            serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {ran:?}"));
        assert_eq!(seen[0]["chain"][0]["key"], key, "{name} {words:?}: {}", ran.words());
    }
}

#[test]
fn servers_that_speak_only_what_is_obsolete() {
    for (words, reason) in [
        (
            &["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"][..],
            "the server ended the handshake with the alert protocol_version",
        ),
        (
            &["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA:@SECLEVEL=0"],
            "the server ended the handshake with the alert handshake_failure",
        ),
    ] {
        let server = OpenSsl::start(&etcd_pair(), words);
        let ran = probe([server.endpoint().as_str()]).expect_code(2);
        assert!(ran.stderr.contains(reason) && ran.stderr.contains("hint:"), "{words:?}: {}", ran.stderr);
        assert!(ran.stdout.is_empty(), "{}", ran.stdout);
    }
}

/// What was found of a server's wish for client certificates: asked, required, outcome of the one that was shown.
fn client_auth(seen: &Value) -> (Option<bool>, Option<bool>, Option<&str>) {
    let auth = &seen["clientAuth"];
    (auth["asked"].as_bool(), auth["required"].as_bool(), auth["presented"]["outcome"].as_str())
}

#[test]
fn whether_a_client_certificate_is_asked_for_or_required() {
    let ca = etcd_ca();
    let client = fixture_pair("kubeadm-ecdsa/pki/apiserver-etcd-client");
    let foreign = fixture_pair("kubeadm-rsa/pki/apiserver-etcd-client");
    let show = |pair: &Pair| ["--cert", text(&pair.certificate), "--key", text(&pair.key)].map(str::to_owned);
    for version in ["-tls1_2", "-tls1_3"] {
        for (flag, required) in [("-verify", false), ("-Verify", true)] {
            // The fixtures' dates are the fixtures' own; openssl is to look at the signature only.
            let words = [version, flag, "2", "-CAfile", text(&ca), "-verify_return_error", "-no_check_time"];
            let server = OpenSsl::start(&etcd_pair(), &words);
            let endpoint = server.endpoint();
            let base = [endpoint.as_str(), "--cacert", text(&ca)];

            let seen = &probe_json(0, base)[0];
            assert_eq!(client_auth(seen), (Some(true), Some(required), None), "{version} {flag}: {seen}");
            assert_eq!(seen["clientAuth"]["acceptableCas"], serde_json::json!(["CN=etcd-ca"]));
            let alert = if version == "-tls1_3" { "certificate_required" } else { "handshake_failure" };
            let expected = if required { Value::from(alert) } else { Value::Null };
            assert_eq!(seen["clientAuth"]["refusalAlert"], expected);

            let seen = &probe_json(0, base.into_iter().chain(show(&client).iter().map(String::as_str)))[0];
            assert_eq!(client_auth(seen), (Some(true), Some(required), Some("accepted")), "{version} {flag}");

            let seen = &probe_json(1, base.into_iter().chain(show(&foreign).iter().map(String::as_str)))[0];
            assert_eq!(client_auth(seen), (Some(true), Some(required), Some("refused")), "{version} {flag}");
        }
        let server = OpenSsl::start(&etcd_pair(), &[version]);
        let endpoint = server.endpoint();
        let words = [endpoint.as_str(), "--cacert", text(&ca)];
        let seen = &probe_json(0, words.into_iter().chain(show(&client).iter().map(String::as_str)))[0];
        assert_eq!(client_auth(seen), (Some(false), Some(false), None), "{version}");
    }
    // A server that takes no signature of the client's kind of key.
    let words = ["-verify", "2", "-CAfile", text(&ca), "-client_sigalgs", "rsa_pss_rsae_sha256"];
    let server = OpenSsl::start(&etcd_pair(), &words);
    let endpoint = server.endpoint();
    let words = [endpoint.as_str(), "--cacert", text(&ca)];
    let seen = &probe_json(0, words.into_iter().chain(show(&client).iter().map(String::as_str)))[0];
    assert_eq!(client_auth(seen), (Some(true), Some(false), Some("notShown")));
    let server = OpenSsl::start(&etcd_pair(), &["-Verify", "2"]);
    let ran = probe([server.endpoint().as_str()]).ok();
    for words in [
        "client auth  required: without a certificate it refuses (certificate_required)",
        "client CAs   any: the server names none",
    ] {
        assert!(ran.stdout.contains(words), "{words}\n{}", ran.stdout);
    }
}

/// A single etcd member that demands client certificates; it ends with the value.
struct Etcd {
    child: Child,
    log: PathBuf,
    clients: u16,
    peers: u16,
}

impl Drop for Etcd {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Etcd {
    fn start(directory: &Path, pki: &Path) -> Self {
        // Another process may take a port before etcd does.
        for attempt in 1..=5 {
            let mut member = Self::spawn(directory, pki, attempt);
            let listens = wait_for("etcd listens", LONG, || {
                let log = std::fs::read_to_string(&member.log).unwrap_or_default();
                if member.child.try_wait().expect("etcd's state").is_some() {
                    assert!(log.contains("address already in use"), "{log}");
                    return Ok(false);
                }
                let connected = TcpStream::connect(("127.0.0.1", member.clients));
                connected.map(|_| true).map_err(|error| format!("{error}\n{log}"))
            });
            if listens {
                return member;
            }
        }
        panic!("no free ports");
    }

    fn spawn(directory: &Path, pki: &Path, attempt: usize) -> Self {
        let ports = free_ports(2);
        let (clients, peers) = (ports[0], ports[1]);
        let [client_url, peer_url] = [clients, peers].map(|port| format!("https://127.0.0.1:{port}"));
        let log = directory.join(format!("etcd-{attempt}.log"));
        let output = File::create(&log).expect("a log file");
        let file = |name: &str| pki.join("etcd").join(name).display().to_string();
        let mut etcd = command("setpriv", ["--pdeathsig", "KILL", "--", "etcd", "--name", "one"]);
        etcd.args(["--data-dir", text(&directory.join(format!("etcd-{attempt}.data")))])
            .args(["--listen-client-urls", &client_url, "--advertise-client-urls", &client_url])
            .args(["--listen-peer-urls", &peer_url, "--initial-advertise-peer-urls", &peer_url])
            .args(["--initial-cluster", &format!("one={peer_url}")])
            .args(["--client-cert-auth", "--trusted-ca-file", &file("ca.crt")])
            .args(["--cert-file", &file("server.crt"), "--key-file", &file("server.key")])
            .args(["--peer-client-cert-auth", "--peer-trusted-ca-file", &file("ca.crt")])
            .args(["--peer-cert-file", &file("peer.crt"), "--peer-key-file", &file("peer.key")])
            .stdin(Stdio::null())
            .stdout(output.try_clone().expect("the log file again"))
            .stderr(output);
        let child = etcd.spawn().expect("etcd starts; tests/tools/install.sh installs it");
        Self { child, log, clients, peers }
    }
}

/// etcd judges its clients by the wall clock, so here it is the clock of kpki, too.
#[test]
fn etcd_requires_client_certificates() {
    let directory = scratch();
    let (config, tree) = (directory.path().join("kubeadm.yaml"), directory.path().join("tree"));
    let kubeadm = "apiVersion: kubeadm.k8s.io/v1beta4
kind: InitConfiguration
localAPIEndpoint: {advertiseAddress: 10.0.0.10}
nodeRegistration: {name: cp1}
---
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
kubernetesVersion: v1.36.2
controlPlaneEndpoint: api.probe.example.com:6443
encryptionAlgorithm: ECDSA-P256
";
    write(&config, kubeadm);
    run(&mut kpki(["init", "-f", text(&config), "--dir", text(&tree)])).ok();
    let pki = tree.join("pki");
    let etcd = Etcd::start(directory.path(), &pki);
    let [clients, peers] = [etcd.clients, etcd.peers].map(|port| format!("127.0.0.1:{port}"));
    let ca = pki.join("etcd/ca.crt");
    let base = ["probe", "-o", "json", "--cacert", text(&ca)];
    let ask = |code: i32, endpoints: &[&str], client: Option<&str>| -> Vec<Value> {
        let mut asks = kpki(base);
        asks.args(endpoints);
        if let Some(name) = client {
            let at = |ending: &str| pki.join(format!("{name}.{ending}"));
            asks.args(["--cert", text(&at("crt")), "--key", text(&at("key"))]);
        }
        let ran = run(&mut asks).expect_code(code);
        serde_json::from_str(&ran.stdout).expect("JSON")
    };

    // Clients' port and peers', at once and in this order; each with a certificate of its own.
    let seen = ask(0, &[&clients, &peers], Some("etcd/healthcheck-client"));
    assert_eq!(
        (seen[0]["endpoint"].as_str(), seen[1]["endpoint"].as_str()),
        (Some(&*clients), Some(&*peers))
    );
    for one in &seen {
        assert_eq!(client_auth(one), (Some(true), Some(true), Some("accepted")), "{one}");
        assert_eq!(one["clientAuth"]["acceptableCas"], serde_json::json!(["CN=etcd-ca"]));
        assert_eq!((&one["verdict"]["valid"], &one["alpn"]), (&true.into(), &"h2".into()), "{one}");
    }
    assert_ne!(seen[0]["chain"][0]["fingerprintSha256"], seen[1]["chain"][0]["fingerprintSha256"]);
    // No certificate, and one of another CA.
    let seen = ask(0, &[&clients], None);
    assert_eq!(client_auth(&seen[0]), (Some(true), Some(true), None));
    let seen = ask(1, &[&clients], Some("apiserver-kubelet-client"));
    assert_eq!(client_auth(&seen[0]), (Some(true), Some(true), Some("refused")));
    // etcd says what it saw of the three: the probe did hang up in good order where it was let in.
    let log = std::fs::read_to_string(&etcd.log).expect("the log");
    assert!(log.contains("client didn't provide a certificate"), "{log}");
    assert!(log.contains("unknown authority"), "{log}");

    let (server, peer) = (pki.join("etcd/server.crt"), pki.join("etcd/peer.crt"));
    run(&mut kpki(["probe", &clients, "--compare", text(&server)])).ok();
    let ran = run(&mut kpki(["probe", &clients, "--compare", text(&peer)])).expect_code(1);
    assert!(ran.stdout.contains("DIFFERS"), "{}", ran.stdout);
}

#[test]
fn a_file_that_was_renewed_is_told_from_what_is_served() {
    let directory = scratch();
    let at = |name: &str| directory.path().join(name);
    let ca = at("pki/ca.crt");
    let at_instant = |now: &str, words: &[&str]| run(kpki(["--now", now]).args(words)).ok();
    at_instant(NOW, &["ca", "init", "--dir", text(&at("pki"))]);
    let issue = |now: &str, name: &str, file: &Path| {
        at_instant(
            now,
            &["issue", "server", name, "--san", "127.0.0.1", "--ca", text(&ca), "--out", text(file)],
        );
    };
    let (old, new, other) = (at("old.crt"), at("new.crt"), at("other.crt"));
    issue("2026-11-24T12:00:00Z", "web", &old);
    issue("2026-12-24T12:00:00Z", "web", &new);
    issue("2026-12-24T12:00:00Z", "mail", &other);
    let serve = |name: &str| {
        let pair = Pair { certificate: at(&format!("{name}.crt")), key: at(&format!("{name}.key")) };
        OpenSsl::start(&pair, &[])
    };
    let compare = |server: &OpenSsl, file: &Path, code: i32| {
        let words = ["--now", "2026-12-25T00:00:00Z", "probe", &server.endpoint(), "--cacert", text(&ca)];
        run(kpki(words).args(["--compare", text(file)])).expect_code(code).stdout
    };
    let serial = |file: &Path| {
        let said = openssl(["x509", "-in", text(file), "-noout", "-serial"]).stdout;
        said.trim().trim_start_matches("serial=").trim_start_matches('0').to_lowercase()
    };

    let server = serve("old");
    let said = compare(&server, &old, 0);
    assert!(said.contains(&format!("same with {}", old.display())), "{said}");
    let said = compare(&server, &new, 1);
    assert!(said.contains("renewed on disk, not restarted") && said.contains("hint"), "{said}");
    let [of_file, of_server] = ["on disk", "served"].map(|label| {
        said.lines().find(|line| line.trim_start().starts_with(label)).unwrap_or_else(|| panic!("{said}"))
    });
    assert!(of_file.contains(&serial(&new)) && of_file.contains("2026-12-24"), "{said}");
    assert!(of_server.contains(&serial(&old)) && of_server.contains("2026-11-24"), "{said}");
    let said = compare(&server, &other, 1);
    assert!(said.contains("another certificate, CN=web, not CN=mail"), "{said}");
    drop(server);

    let said = compare(&serve("new"), &old, 1);
    assert!(said.contains("the server has a newer one"), "{said}");
}

#[test]
fn ports_without_tls_are_told_for_what_they_are() {
    /// Answers once something has come, and waits until the other hangs up.
    fn answers(words: &'static [u8]) -> Own {
        Own::start(1, move |mut stream| {
            let _ = stream.read(&mut [0; 1]);
            let _ = stream.write_all(words);
            drain(&stream);
        })
    }
    let (_held, closed) = closed_port();
    let http = answers(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n");
    let ssh = answers(b"SSH-2.0-OpenSSH_9.2p1\r\n");
    let short = answers(b"no\n");
    let grpc = answers(b"\0\0\x06\x04\0\0\0\0\0\0\x05\0\0\x40\0");
    let garbage = answers(&[0xa5; 4096]);
    // The record of a handshake with a message that would be 16 MiB long.
    let huge = answers(b"\x16\x03\x03\0\x04\x02\xff\xff\xff");
    // To hang up with something unread makes the system reset the connection.
    let resets = Own::start(1, |stream| assert_eq!(stream.peek(&mut [0; 1]).expect("a ClientHello"), 1));
    let hangs_up = Own::start(1, |mut stream| {
        let mut hello = [0; 5];
        stream.read_exact(&mut hello).expect("the head of a record");
        let mut rest = vec![0; usize::from(u16::from_be_bytes([hello[3], hello[4]]))];
        stream.read_exact(&mut rest).expect("the ClientHello");
    });
    for (endpoint, words, hint) in [
        (closed, "connection refused", "nobody listens there"),
        (
            http.endpoint(),
            "it speaks plain text (HTTP): it said `HTTP/1.1 400 Bad Request`",
            "http://127.0.0.1:",
        ),
        (ssh.endpoint(), "it speaks plain text (SSH): it said `SSH-2.0-OpenSSH_9.2p1`", "the right port?"),
        (short.endpoint(), "it does not speak TLS: its first bytes are 6e 6f 0a", "the right port?"),
        (grpc.endpoint(), "it speaks plain text (HTTP/2)", "http://127.0.0.1:"),
        (garbage.endpoint(), "it does not speak TLS: its first bytes are a5 a5", "the right port?"),
        (huge.endpoint(), "the handshake cannot be accepted", ""),
        (resets.endpoint(), "the server reset the connection instead of answering", "hint"),
        (hangs_up.endpoint(), "the server closed the connection instead of answering", "hint"),
    ] {
        let ran = probe([endpoint.as_str()]).expect_code(2);
        assert!(ran.stderr.starts_with(&format!("error: {endpoint}: ")), "{}", ran.stderr);
        assert!(ran.stderr.contains(words) && ran.stderr.contains(hint), "{words}: {}", ran.stderr);
        assert!(ran.stdout.is_empty(), "{}", ran.stdout);
    }
    let ran = probe(["name.invalid:6443"]).expect_code(2);
    assert!(ran.stderr.contains("the name name.invalid cannot be resolved"), "{}", ran.stderr);
}

#[test]
fn nobody_is_waited_for_longer_than_the_timeout() {
    // Connections to it are made by the system, and nobody takes them.
    let silent = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let endpoint = format!("127.0.0.1:{}", silent.local_addr().expect("its address").port());
    let start = Instant::now();
    let ran = probe([endpoint.as_str(), "--timeout", "1s"]).expect_code(2);
    assert!(start.elapsed() >= Duration::from_secs(1) && start.elapsed() < LONG);
    assert!(ran.stderr.contains("accepted the connection and said nothing within 1s"), "{}", ran.stderr);

    // One that begins a record, byte by byte, and never comes to its end.
    let drips = Own::start(1, |mut stream| {
        let _ = stream.read(&mut [0; 1]);
        let record = b"\x16\x03\x03\x40\x00\x02\x00\x3f\xfc";
        let mut bytes = record.iter().copied().chain(std::iter::repeat(0)).take(1 << 13);
        let _ = bytes.try_for_each(|byte| stream.write_all(&[byte]));
        drain(&stream);
    });
    let ran = probe([drips.endpoint().as_str(), "--timeout", "1s"]).expect_code(2);
    assert!(ran.stderr.contains("did not complete the handshake within 1s"), "{}", ran.stderr);
}

#[test]
fn a_server_that_talks_without_end_is_cut_short() {
    /// Says the same for as long as somebody listens.
    fn talks(words: &'static [u8]) -> Own {
        Own::start(1, move |mut stream| {
            let many = words.repeat(1 + 8192 / words.len());
            while stream.write_all(&many).is_ok() {}
        })
    }
    for words in [
        &b"HTTP/1.1 200 OK\r\n"[..],
        b"\0",
        // Warnings, empty records of a handshake, changes of a cipher specification, and records without meaning.
        b"\x15\x03\x03\0\x02\x01\x5a",
        b"\x16\x03\x03\0\0",
        b"\x14\x03\x03\0\x01\x01",
        b"\x17\x03\x03\0\x01\0",
    ] {
        let server = talks(words);
        let start = Instant::now();
        probe([server.endpoint().as_str(), "--timeout", "60s"]).expect_code(2);
        assert!(start.elapsed() < Duration::from_secs(20), "{words:?}: {:?}", start.elapsed());
    }
}

/// A rustls server that asks for a client certificate and goes on without one, and what it does after the handshake.
fn asks(after: impl Fn(&mut rustls::ServerConnection, &mut TcpStream) + Send + 'static) -> Own {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(etcd_ca()).expect("a CA")).expect("a root");
    let verifier =
        rustls::server::WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone())
            .allow_unauthenticated()
            .add_root_hint_subjects([DistinguishedName::from(b"no name".to_vec())])
            .build()
            .expect("a verifier");
    let pair = etcd_pair();
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .expect("TLS 1.3")
        .with_client_cert_verifier(verifier)
        .with_single_cert(
            vec![CertificateDer::from_pem_file(pair.certificate).expect("a certificate")],
            PrivateKeyDer::from_pem_file(pair.key).expect("a key"),
        )
        .expect("the key fits");
    config.send_tls13_tickets = 0;
    let config = Arc::new(config);
    Own::start(1, move |mut stream| {
        let mut server = rustls::ServerConnection::new(config.clone()).expect("a connection");
        while server.is_handshaking() {
            server.complete_io(&mut stream).expect("a handshake");
        }
        after(&mut server, &mut stream);
    })
}

#[test]
fn what_a_server_does_after_the_handshake() {
    // Data without end, and more than is ever read: it goes on without a certificate.
    let server = asks(|server, stream| {
        loop {
            let _ = server.writer().write_all(&[b'x'; 8192]);
            if server.write_tls(stream).is_err() {
                return;
            }
        }
    });
    let seen = &probe_json(0, [server.endpoint().as_str()])[0];
    assert_eq!(client_auth(seen), (Some(true), Some(false), None), "{seen}");
    assert_eq!(seen["clientAuth"]["acceptableCas"], serde_json::json!(["CN=etcd-ca"]));
    assert_eq!(seen["clientAuth"]["unreadableCas"], 1);

    // It says farewell.
    let server = asks(|server, stream| {
        server.send_close_notify();
        let _ = server.write_tls(stream);
        drain(stream);
    });
    let seen = &probe_json(0, [server.endpoint().as_str()])[0];
    assert_eq!(client_auth(seen), (Some(true), Some(false), None), "{seen}");

    // It hangs up without a word, or says nothing: neither a yes nor a no.
    for silent in [true, false] {
        let server = asks(move |_, stream| {
            if silent {
                drain(stream);
            }
        });
        let ran = probe([server.endpoint().as_str()]).ok();
        assert!(ran.stdout.contains("whether it is required did not show"), "{silent}: {}", ran.stdout);
    }
}

#[test]
fn several_servers_are_answered_in_their_order() {
    let first = OpenSsl::start(&etcd_pair(), &[]);
    let third = OpenSsl::start(&fixture_pair("kubeadm-ecdsa/pki/apiserver"), &[]);
    let (_held, closed) = closed_port();
    let endpoints = [first.endpoint(), closed, third.endpoint()];
    let ca = etcd_ca();
    let words = || endpoints.iter().map(String::as_str).chain(["--cacert", text(&ca)]);
    let seen = probe_json(2, words());
    let order: Vec<&str> = seen.iter().map(|one| one["endpoint"].as_str().expect("an endpoint")).collect();
    assert_eq!(order, endpoints);
    assert_eq!((&seen[0]["verdict"]["valid"], &seen[2]["verdict"]["valid"]), (&true.into(), &false.into()));
    assert!(seen[1]["error"].as_str().is_some_and(|error| error.contains("connection refused")), "{seen:?}");

    let ran = probe(words()).expect_code(2);
    let heads: Vec<usize> = endpoints.iter().map(|one| ran.stdout.find(one).expect("its block")).collect();
    assert!(heads.is_sorted(), "{}", ran.stdout);
    assert!(ran.stderr.contains("there was no handshake with 1 of 3 servers"), "{}", ran.stderr);
}

#[test]
fn what_is_given_is_read_with_care() {
    let pair = fixture_pair("kubeadm-ecdsa/pki/apiserver-etcd-client");
    let (cert, key) = (text(&pair.certificate), text(&pair.key));
    let other = fixture("kubeadm-ecdsa/pki/apiserver.key");
    let directory = scratch();
    let at = |name: &str| directory.path().join(name);
    // Certificate and key in one file, as kubelet keeps them; and an encrypted key.
    let both = at("both.pem");
    let of = |path: &Path| std::fs::read_to_string(path).expect("a fixture");
    write(&both, &(of(&pair.certificate) + &of(&pair.key)));
    let (sealed, passphrase) = (at("sealed.key"), at("passphrase"));
    openssl(["pkcs8", "-topk8", "-in", key, "-out", text(&sealed), "-passout", "pass:open sesame"]);
    write(&passphrase, "open sesame\n");

    let ca = etcd_ca();
    let server = OpenSsl::start(&etcd_pair(), &["-Verify", "2", "-CAfile", text(&ca), "-no_check_time"]);
    let endpoint = server.endpoint();
    for words in [
        &["--cert", text(&both)][..],
        &["--cert", cert, "--key", text(&sealed), "--passphrase-file", text(&passphrase)],
    ] {
        let ran = probe([endpoint.as_str()].into_iter().chain(words.iter().copied())).ok();
        assert!(ran.stdout.contains("client cert  accepted"), "{}", ran.stdout);
        let secret = of(&pair.key);
        let secret = secret.lines().nth(1).expect("a line of the key");
        assert!(!ran.words().contains(secret));
    }
    for (words, reason) in [
        (&["localhost"][..], "2379 (etcd)"),
        (&["http://localhost:80"], "plain text"),
        (&[&endpoint, "--name", "uri:https://a"], "a DNS name or an IP address"),
        (&[&endpoint, "--name", "*.example.com"], "wildcard"),
        (&[&endpoint, "--key", key], "--cert"),
        (&[&endpoint, "--cert", cert], "give the private key with --key FILE"),
        (&[&endpoint, "--cert", cert, "--key", text(&other)], "certificate and key do not match"),
        (&[&endpoint, "--cert", cert, "--key", text(&sealed)], "--passphrase-file"),
        (&[&endpoint, "--cert", key, "--key", key], "holds no certificate but: private key"),
        (&[&endpoint, "--cacert", key], "no certificate found"),
        (&[&endpoint, "--compare", "/nonexistent"], "check the path"),
        (&[&endpoint, "--timeout", "0s"], "at least a second"),
        (&[], "HOST:PORT"),
    ] {
        let ran = probe(words.iter().copied()).expect_code(2);
        assert!(ran.stderr.contains(reason), "{words:?}: {}", ran.stderr);
    }
}

/// A stranger's certificates, so that nothing rests on kpki alone: what openssl accepts, the probe does, and the reverse.
#[test]
fn the_verdict_is_that_of_openssl() {
    let directory = scratch();
    let stranger = Stranger::new(&directory.path().join("one"), "one");
    let other = Stranger::new(&directory.path().join("other"), "other");
    let pair = stranger.issue("server", "/CN=server", &["DNS:localhost", "IP:127.0.0.1"]);
    let server = OpenSsl::start(&pair, &[]);
    let endpoint = server.endpoint();
    for (ca, name, accepted) in [
        (&stranger, "localhost", true),
        (&stranger, "127.0.0.1", true),
        (&stranger, "elsewhere", false),
        (&other, "localhost", false),
    ] {
        let flag = if name.parse::<std::net::IpAddr>().is_ok() { "-verify_ip" } else { "-verify_hostname" };
        let mut client = command("openssl", ["s_client", "-connect", &endpoint, "-verify_return_error"]);
        client.args(["-CAfile", text(&ca.ca.certificate), flag, name]);
        let theirs = run(&mut client).code == Some(0);
        let mut probe = kpki(["probe", &endpoint, "--cacert", text(&ca.ca.certificate), "--name", name]);
        let ours = run(&mut probe);
        assert_eq!((theirs, ours.code), (accepted, Some(i32::from(!accepted))), "{name}: {}", ours.words());
    }
}

#[test]
fn a_certificate_cannot_write_to_the_terminal() {
    let directory = scratch();
    let at = |name: &str| directory.path().join(name);
    let pair = Pair { certificate: at("odd.crt"), key: at("odd.key") };
    let config = "[req]\ndistinguished_name=n\nprompt=no\nutf8=yes\nx509_extensions=e\n\
                  [n]\nCN=a\u{1b}]0;title\u{7}\u{202e}b\n[e]\nsubjectAltName=URI:x:\u{1b}[2J\n";
    write(&at("config"), config);
    openssl([
        "req",
        "-x509",
        "-config",
        text(&at("config")),
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-days",
        "2",
        "-keyout",
        text(&pair.key),
        "-out",
        text(&pair.certificate),
    ]);
    let server = OpenSsl::start(&pair, &["-Verify", "2", "-CAfile", text(&pair.certificate)]);
    let ran = run(&mut kpki(["probe", &server.endpoint(), "--compare", text(&etcd_pair().certificate)]));
    assert!(ran.stdout.contains("CN=a\\u{1b}]0;title\\u{7}\\u{202e}b"), "{}", ran.stdout);
    let deceives = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
    assert!(!ran.words().contains(deceives), "{:?}", ran.words());
}
