//! What kpki makes, in the hands of others: `openssl`, Python's `cryptography` and `ssl`, `kubectl`, and rustls as
//! server and as client.

#![cfg(test)]
#![expect(clippy::disallowed_methods, reason = "tests write the files that they need")]

mod api_server;
#[expect(dead_code, reason = "each test uses its part of what they share")]
mod support;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use api_server::{ApiServer, rustls_get};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use support::stranger::Pair;
use support::{Ran, command, files_under, kpki, openssl, python, run, scratch, text, write};

/// kubeadm's config of one control plane, which answers on loopback.
const KUBEADM: &str = "apiVersion: kubeadm.k8s.io/v1beta4
kind: InitConfiguration
localAPIEndpoint: {advertiseAddress: 10.0.0.10}
nodeRegistration: {name: cp1}
---
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
kubernetesVersion: v1.36.2
controlPlaneEndpoint: api.peers.example.com:6443
encryptionAlgorithm: ECDSA-P256
apiServer: {certSANs: [127.0.0.1]}
";

/// kpki's own spec: a control plane, a worker and two users.
fn cluster_spec(layout: &str, algorithm: &str) -> String {
    format!(
        "apiVersion: kpki/v1alpha1
kind: Cluster
metadata: {{name: peers}}
spec:
  kubernetesVersion: v1.36.2
  controlPlaneEndpoint: api.peers.example.com:6443
  networking: {{serviceSubnet: 10.96.0.0/12, dnsDomain: cluster.local}}
  layout: {layout}
  algorithm: {algorithm}
  controlPlanes:
    - {{name: cp1, addresses: [127.0.0.1]}}
  workers:
    - {{name: w1, addresses: [10.0.0.21]}}
  users:
    - {{name: jane, groups: [dev, ops]}}
    - {{name: joe, groups: [dev]}}
"
    )
}

/// Makes what `config` asks for in `directory`/tree.
fn init(directory: &Path, config: &str, options: &[&str]) -> PathBuf {
    let (file, tree) = (directory.join("config.yaml"), directory.join("tree"));
    write(&file, config);
    run(kpki(["init", "-f", text(&file), "--dir", text(&tree)]).args(options)).ok();
    tree
}

/// The first user's identity in a kubeconfig, as `kubectl` reads it, as two files beside each other.
fn identity_in(kubeconfig: &Path, directory: &Path) -> Pair {
    let view = view(kubeconfig);
    let user = &view["users"][0]["user"];
    let stem = kubeconfig.file_stem().expect("a name").to_string_lossy().into_owned();
    let save = |field: &str, extension: &str| {
        let data = STANDARD.decode(user[field].as_str().expect("data in the kubeconfig")).expect("base64");
        let path = directory.join(format!("{stem}.{extension}"));
        std::fs::write(&path, data).expect("written");
        path
    };
    Pair { certificate: save("client-certificate-data", "crt"), key: save("client-key-data", "key") }
}

/// A kubeconfig as `kubectl` reads it, cut to its current context.
fn view(kubeconfig: &Path) -> serde_json::Value {
    let words = ["config", "view", "--raw", "--minify", "-o", "json", "--kubeconfig"];
    let ran = run(command("kubectl", words).arg(kubeconfig)).ok();
    serde_json::from_str(&ran.stdout).expect("kubectl prints JSON")
}

/// The organizations of a certificate, as `openssl` prints them.
fn groups_by_openssl(certificate: &Path) -> Vec<String> {
    let words = ["x509", "-noout", "-subject", "-nameopt", "sep_multiline,utf8", "-in", text(certificate)];
    let subject = openssl(words).stdout;
    subject.lines().filter_map(|line| line.trim().strip_prefix("O=")).map(str::to_owned).collect()
}

/// Common names and organizations of a certificate, as Python's `cryptography` reads them.
fn subject_by_cryptography(certificate: &Path) -> String {
    let script = "import sys
from cryptography import x509
from cryptography.x509.oid import NameOID
subject = x509.load_pem_x509_certificate(open(sys.argv[1], 'rb').read()).subject
for kind, oid in (('CN', NameOID.COMMON_NAME), ('O', NameOID.ORGANIZATION_NAME)):
    for attribute in subject.get_attributes_for_oid(oid):
        print(f'{kind}={attribute.value}')
";
    run(&mut command(&python(), ["-c", script, text(certificate)])).ok().stdout
}

#[test]
fn several_groups_are_read_back_with_all_of_them() {
    let directory = scratch();
    let (here, pki) = (directory.path(), directory.path().join("pki"));
    run(&mut kpki(["ca", "init", "--dir", text(&pki), "--algorithm", "ECDSA-P256"])).ok();
    let mut certificates = Vec::new();

    // Key, certificate and kubeconfig at once.
    let conf = here.join("issued.conf");
    let issue = ["issue", "user", "jane", "--group", "dev", "--group", "ops", "--group", "night-shift"];
    let server = ["--server", "https://api.peers.example.com:6443"];
    run(kpki(issue).args(["--ca", text(&pki), "--kubeconfig", text(&conf)]).args(server)).ok();
    certificates.push(identity_in(&conf, here).certificate);

    // A request of kpki's, signed.
    let made = here.join("made");
    std::fs::create_dir(&made).expect("a directory");
    let new = ["csr", "new", "user", "jane", "--group", "dev", "--group", "ops", "--group", "night-shift"];
    run(kpki(new).args(["--out-dir", text(&made)])).ok();
    let requests = files_under(&made, &["csr"]);
    assert_eq!(requests.len(), 1, "{requests:?}");

    // A request of openssl's, signed.
    let foreign = here.join("foreign.csr");
    openssl([
        "req",
        "-new",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-subj",
        "/O=dev/O=ops/O=night-shift/CN=jane",
        "-keyout",
        text(&here.join("foreign.key")),
        "-out",
        text(&foreign),
    ]);
    for request in [&requests[0], &foreign] {
        let out = request.with_extension("signed.crt");
        let sign =
            ["sign", "csr", text(request), "--profile", "user", "--ca", text(&pki), "--out", text(&out)];
        run(&mut kpki(sign)).ok();
        certificates.push(out);
    }

    for certificate in &certificates {
        let at = certificate.display();
        assert_eq!(groups_by_openssl(certificate), ["dev", "ops", "night-shift"], "{at}");
        assert_eq!(subject_by_cryptography(certificate), "CN=jane\nO=dev\nO=ops\nO=night-shift\n", "{at}");
        verify(certificate, &pki.join("ca.crt"), "sslclient").ok();
    }
}

#[test]
fn kubectl_reads_every_kubeconfig() {
    let cases: [(&str, String, &[&str]); 3] = [
        ("kubeadm's config", KUBEADM.to_owned(), &[]),
        ("layout kubeadm", cluster_spec("kubeadm", "ECDSA-P256"), &["--all-nodes"]),
        ("layout pem", cluster_spec("pem", "ECDSA-P384"), &["--all-nodes"]),
    ];
    for (case, config, options) in cases {
        let directory = scratch();
        let tree = init(directory.path(), &config, options);
        let kubeconfigs = files_under(&tree, &["conf"]);
        let names: BTreeSet<String> =
            kubeconfigs.iter().map(|path| path.file_name().unwrap().to_string_lossy().into_owned()).collect();
        for expected in ["admin.conf", "super-admin.conf", "controller-manager.conf", "scheduler.conf"] {
            assert!(names.contains(expected), "{case}: no {expected} in {names:?}");
        }
        for kubeconfig in &kubeconfigs {
            // `--minify` follows the current context to its cluster and its user, and fails without them.
            let view = view(kubeconfig);
            let at = format!("{case}: {}: {view}", kubeconfig.display());
            let server = view["clusters"][0]["cluster"]["server"].as_str().unwrap_or_default();
            assert!(server.starts_with("https://"), "{at}");
            let user = view["users"][0]["name"].as_str().unwrap_or_default().to_owned();
            assert!(!user.is_empty(), "{at}");
            let users = run(command("kubectl", ["config", "get-contexts", "--no-headers", "--kubeconfig"])
                .arg(kubeconfig))
            .ok();
            assert!(users.stdout.contains(&user), "{at}: {}", users.stdout);
        }
        if case.starts_with("layout") {
            for user in ["jane", "joe"] {
                let view = view(&tree.join("users").join(format!("{user}.conf")));
                assert_eq!(view["users"][0]["name"], user, "{case}");
            }
        }
    }
}

/// `openssl verify`, as strict as it can be.
fn verify(certificate: &Path, ca: &Path, purpose: &str) -> Ran {
    let words = ["verify", "-x509_strict", "-purpose", purpose, "-CAfile", text(ca), text(certificate)];
    run(&mut command("openssl", words))
}

#[test]
fn openssl_verifies_every_leaf_for_its_purpose_and_no_other() {
    const SERVER: &[&str] = &["sslserver"];
    const CLIENT: &[&str] = &["sslclient"];
    const BOTH: &[&str] = &["sslserver", "sslclient"];
    let cases = [
        ("apiserver", "ca", SERVER),
        ("apiserver-kubelet-client", "ca", CLIENT),
        ("apiserver-etcd-client", "etcd/ca", CLIENT),
        ("front-proxy-client", "front-proxy-ca", CLIENT),
        ("etcd/server", "etcd/ca", BOTH),
        ("etcd/peer", "etcd/ca", BOTH),
        ("etcd/healthcheck-client", "etcd/ca", CLIENT),
    ];
    let directory = scratch();
    let tree = init(directory.path(), KUBEADM, &[]);
    let at = |name: &str| tree.join("pki").join(format!("{name}.crt"));
    let mut leaves: Vec<(PathBuf, PathBuf, &[&str])> =
        cases.iter().map(|(leaf, ca, purposes)| (at(leaf), at(ca), *purposes)).collect();
    for name in ["admin", "super-admin", "kubelet", "controller-manager", "scheduler"] {
        let identity = identity_in(&tree.join(format!("{name}.conf")), directory.path());
        leaves.push((identity.certificate, at("ca"), CLIENT));
    }
    let authorities = ["ca", "etcd/ca", "front-proxy-ca"].map(at);
    for (leaf, own, purposes) in &leaves {
        for purpose in BOTH {
            let ran = verify(leaf, own, purpose);
            if purposes.contains(purpose) {
                ran.ok()
            } else {
                ran.fails()
            };
        }
        for other in authorities.iter().filter(|ca| *ca != own) {
            verify(leaf, other, purposes[0]).fails();
        }
    }
}

#[test]
fn openssl_verifies_every_certificate_of_every_node() {
    for (layout, extension, algorithm) in [("kubeadm", "crt", "ECDSA-P384"), ("pem", "pem", "RSA-2048")] {
        let directory = scratch();
        let tree = init(directory.path(), &cluster_spec(layout, algorithm), &["--all-nodes"]);
        let authorities = files_under(&tree.join("ca"), &["crt", "pem"]);
        let mut verified = 0;
        for node in ["cp1", "w1"] {
            for file in files_under(&tree.join(node), &[extension]) {
                let stem = file.file_stem().unwrap().to_string_lossy().into_owned();
                // Keys, the service accounts' public key, the combined files of a kubelet's, and the CAs themselves.
                if stem.ends_with("-key")
                    || stem == "sa"
                    || stem.ends_with("-current")
                    || stem.ends_with("ca")
                {
                    continue;
                }
                let purposes = ["sslserver", "sslclient"];
                let good =
                    |ca: &PathBuf| purposes.iter().any(|purpose| verify(&file, ca, purpose).code == Some(0));
                let issuers: Vec<&PathBuf> = authorities.iter().filter(|ca| good(ca)).collect();
                assert_eq!(issuers.len(), 1, "{layout}: {} under {issuers:?}", file.display());
                verified += 1;
            }
        }
        assert!(verified >= 9, "{layout}: only {verified} leaves found");
    }
}

/// A kubeadm tree and the paths that the TLS tests need.
struct Trusted {
    directory: tempfile::TempDir,
    tree: PathBuf,
}

impl Trusted {
    fn new() -> Self {
        let directory = scratch();
        let tree = init(directory.path(), KUBEADM, &[]);
        Self { directory, tree }
    }

    fn pki(&self, name: &str) -> PathBuf {
        self.tree.join("pki").join(name)
    }

    fn pair(&self, name: &str) -> Pair {
        Pair { certificate: self.pki(&format!("{name}.crt")), key: self.pki(&format!("{name}.key")) }
    }

    /// The API server's stand-in: it shows `apiserver.crt` and asks for a client certificate under `ca.crt`.
    fn api_server(&self) -> ApiServer {
        ApiServer::start(&self.pair("apiserver"), &self.pki("ca.crt"))
    }
}

/// The TLS clients: each gets the CA, the identity if any, and the port; and hands back how it went.
type TlsClient = fn(&Path, Option<&Pair>, u16) -> Ran;

const CLIENTS: [(&str, TlsClient); 3] =
    [("openssl", openssl_client), ("python", python_client), ("rustls", rustls_client)];

/// `openssl s_client`, which checks chain, purpose, and the name `kubernetes.default.svc` strictly.
///
/// TLS 1.2, for there a client learns of its refusal within the handshake.
fn openssl_client(ca: &Path, identity: Option<&Pair>, port: u16) -> Ran {
    let address = format!("127.0.0.1:{port}");
    let mut client = command("openssl", ["s_client", "-tls1_2", "-connect", &address, "-CAfile", text(ca)]);
    client.args(["-verify_return_error", "-x509_strict", "-verify_hostname", "kubernetes.default.svc"]);
    if let Some(pair) = identity {
        client.args(["-cert", text(&pair.certificate), "-key", text(&pair.key)]);
    }
    run(&mut client)
}

/// Python's `ssl` with `VERIFY_X509_STRICT`, the default of Python 3.13, by address and over TLS 1.3.
fn python_client(ca: &Path, identity: Option<&Pair>, port: u16) -> Ran {
    let script = "import socket, ssl, sys
ca, port, identity = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
context = ssl.create_default_context(cafile=ca)
context.verify_flags |= ssl.VERIFY_X509_STRICT
if identity:
    context.load_cert_chain(*identity)
with socket.create_connection(('127.0.0.1', port), timeout=20) as plain:
    with context.wrap_socket(plain, server_hostname='127.0.0.1') as tls:
        tls.sendall(b'GET / HTTP/1.1\\r\\nHost: localhost\\r\\nConnection: close\\r\\n\\r\\n')
        answer = b''
        while part := tls.recv(4096):
            answer += part
assert answer.startswith(b'HTTP/1.1 200'), answer
print(answer.decode())
";
    let mut client = command(&python(), ["-c", script, text(ca), &port.to_string()]);
    if let Some(pair) = identity {
        client.args([&pair.certificate, &pair.key]);
    }
    run(&mut client)
}

/// rustls, by the name of the API server's service within the cluster.
fn rustls_client(ca: &Path, identity: Option<&Pair>, port: u16) -> Ran {
    let answer = rustls_get("kubernetes.default.svc.cluster.local", ca, identity, port);
    let (code, stdout, stderr) = match answer {
        Ok(text) => (0, text, String::new()),
        Err(error) => (1, String::new(), error),
    };
    Ran { line: "rustls".to_owned(), code: Some(code), stdout, stderr }
}

#[test]
fn tls_clients_are_accepted_with_the_admins_identity() {
    let trusted = Trusted::new();
    let admin = identity_in(&trusted.tree.join("admin.conf"), trusted.directory.path());
    for (name, client) in CLIENTS {
        let server = trusted.api_server();
        client(&trusted.pki("ca.crt"), Some(&admin), server.port()).ok();
        let subject = server.first_outcome().unwrap_or_else(|refusal| panic!("{name}: {refusal}"));
        assert!(subject.contains("CN=kubernetes-admin"), "{name}: {subject}");
        assert!(subject.contains("O=kubeadm:cluster-admins"), "{name}: {subject}");
    }
}

#[test]
fn tls_clients_of_another_ca_or_without_certificate_are_refused() {
    let trusted = Trusted::new();
    let of_etcd = trusted.pair("etcd/healthcheck-client");
    let of_front_proxy = trusted.pair("front-proxy-client");
    let cases: [(&str, Option<&Pair>, &str); 3] = [
        ("etcd's CA", Some(&of_etcd), "UnknownIssuer"),
        ("the front proxy's CA", Some(&of_front_proxy), "UnknownIssuer"),
        ("no certificate", None, "no certificates"),
    ];
    for (case, identity, reason) in cases {
        for (name, client) in CLIENTS {
            let server = trusted.api_server();
            client(&trusted.pki("ca.crt"), identity, server.port()).fails();
            let refusal = server.first_outcome().expect_err(name);
            assert!(refusal.contains(reason), "{case}: {name}: {refusal}");
        }
    }
}

#[test]
fn tls_clients_refuse_a_server_of_another_ca() {
    let trusted = Trusted::new();
    let admin = identity_in(&trusted.tree.join("admin.conf"), trusted.directory.path());
    for (name, client) in CLIENTS {
        let server = trusted.api_server();
        client(&trusted.pki("etcd/ca.crt"), Some(&admin), server.port()).fails();
        assert!(server.first_outcome().is_err(), "{name}");
    }
}

#[test]
fn kubectl_is_accepted_with_each_kubeconfig() {
    let cases = [
        ("admin", "CN=kubernetes-admin"),
        ("super-admin", "CN=kubernetes-super-admin"),
        ("kubelet", "CN=system:node:cp1"),
        ("controller-manager", "CN=system:kube-controller-manager"),
        ("scheduler", "CN=system:kube-scheduler"),
    ];
    let trusted = Trusted::new();
    for (name, subject) in cases {
        let server = trusted.api_server();
        let url = format!("https://127.0.0.1:{}", server.port());
        let kubeconfig = trusted.tree.join(format!("{name}.conf"));
        let words = ["--kubeconfig", text(&kubeconfig), "--server", &url, "get", "--raw", "/version"];
        let said = run(command("kubectl", words).env("HOME", trusted.directory.path())).ok();
        assert!(said.stdout.contains(subject), "{name}: {}", said.stdout);
    }
}
