//! A real etcd cluster, three members with client and peer mTLS on loopback, formed only of files that kpki
//! made, in both layouts; and a control that forms the same cluster of `OpenSSL`'s certificates, so that a
//! broken harness and a broken certificate cannot be taken for each other.

#![cfg(test)]
#![expect(clippy::disallowed_methods, reason = "tests write the files that they need")]

#[expect(dead_code, reason = "each test uses its part of what they share")]
mod support;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use support::stranger::{Pair, Stranger};
use support::{command, free_ports, kpki, openssl, run, scratch, text, wait_for, write};

/// How long a member may take to start, and a cluster to elect its leader, on a busy machine.
const STARTUP: Duration = Duration::from_secs(60);

/// How often new ports are tried when somebody else took one between asking and using.
const PORT_TRIES: usize = 5;

/// What one member starts with.
struct MemberFiles {
    name: String,
    address: String,
    ca: PathBuf,
    server: Pair,
    peer: Pair,
}

/// A running member; it ends with the value.
struct Member {
    child: Child,
    log: PathBuf,
    client_url: String,
    peer_url: String,
}

impl Drop for Member {
    fn drop(&mut self) {
        // By its own handle: whatever other etcd runs here is none of ours.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Member {
    fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }
}

/// A formed cluster.
struct Cluster {
    members: Vec<Member>,
}

/// What a client shows, if anything, and whom it trusts.
struct Client<'a> {
    ca: &'a Path,
    identity: Option<&'a Pair>,
    patience: Patience,
}

/// How long etcdctl tries: it goes on after a refused handshake, until its time is over.
#[derive(Clone, Copy)]
enum Patience {
    /// The command should succeed, even on a busy machine.
    ShouldSucceed,
    /// The command should be refused; the member's own words tell why.
    ShouldFail,
}

impl Cluster {
    /// Starts all members and waits until each is healthy in the eyes of `client`.
    fn start(directory: &Path, files: &[MemberFiles], client: &Client<'_>) -> Self {
        for attempt in 1..=PORT_TRIES {
            let place = directory.join(format!("etcd-{attempt}"));
            std::fs::create_dir(&place).expect("a directory for the members");
            let cluster = Self { members: spawn_members(&place, files) };
            if cluster.becomes_healthy(client) {
                return cluster;
            }
        }
        panic!("no free ports in {PORT_TRIES} tries");
    }

    /// Waits for health; false when a member died because its port was taken meanwhile.
    fn becomes_healthy(&self, client: &Client<'_>) -> bool {
        wait_for("the etcd cluster is healthy", STARTUP, || {
            for member in &self.members {
                let ended = has_ended(member.child.id());
                let log = member.log();
                if log.contains("address already in use") {
                    return Ok(false);
                }
                assert!(!ended, "a member ended at its start; its log:\n{log}");
            }
            let ran = etcdctl(client, &self.client_urls(), &["endpoint", "health"]);
            if ran.code == Some(0) {
                Ok(true)
            } else {
                Err(format!("{}\n{}", ran.words(), self.last_words()))
            }
        })
    }

    fn client_urls(&self) -> String {
        self.members.iter().map(|m| m.client_url.as_str()).collect::<Vec<_>>().join(",")
    }

    /// The end of each member's log, for messages.
    fn last_words(&self) -> String {
        let tail = |member: &Member| {
            let log = member.log();
            let lines: Vec<&str> = log.lines().rev().take(5).collect();
            lines.into_iter().rev().collect::<Vec<_>>().join("\n")
        };
        self.members.iter().map(tail).collect::<Vec<_>>().join("\n--\n")
    }
}

/// Runs etcdctl as `client` against `endpoints`.
fn etcdctl(client: &Client<'_>, endpoints: &str, words: &[&str]) -> support::Ran {
    let mut etcdctl = command("etcdctl", ["--endpoints", endpoints, "--cacert", text(client.ca)]);
    etcdctl.args(match client.patience {
        Patience::ShouldSucceed => ["--dial-timeout=20s", "--command-timeout=20s"],
        Patience::ShouldFail => ["--dial-timeout=2s", "--command-timeout=2s"],
    });
    if let Some(pair) = client.identity {
        etcdctl.args(["--cert", text(&pair.certificate), "--key", text(&pair.key)]);
    }
    run(etcdctl.args(words))
}

/// Whether a child has ended, without collecting it: a zombie's state is Z.
fn has_ended(id: u32) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    status.rsplit(')').next().is_none_or(|rest| rest.trim_start().starts_with(['Z', 'X']))
}

fn spawn_members(place: &Path, files: &[MemberFiles]) -> Vec<Member> {
    let ports = free_ports(files.len() * 2);
    let url = |file: &MemberFiles, port: u16| format!("https://{}:{port}", file.address);
    let pairs: Vec<(&MemberFiles, String, String)> = files
        .iter()
        .zip(ports.chunks(2))
        .map(|(file, two)| (file, url(file, two[0]), url(file, two[1])))
        .collect();
    let initial: Vec<String> = pairs.iter().map(|(file, _, peer)| format!("{}={peer}", file.name)).collect();
    let initial = initial.join(",");
    pairs.iter().map(|(file, client, peer)| spawn_member(place, file, client, peer, &initial)).collect()
}

fn spawn_member(place: &Path, file: &MemberFiles, client: &str, peer: &str, initial: &str) -> Member {
    let log = place.join(format!("{}.log", file.name));
    let data = place.join(format!("{}.data", file.name));
    let output = File::create(&log).expect("a log file");
    // The system ends the member when the test that started it ends in whatever way (Drop is not run by a kill).
    let mut etcd: Command = command("setpriv", ["--pdeathsig", "KILL", "--", "etcd"]);
    etcd.args(["--name", &file.name, "--data-dir", text(&data), "--logger=zap", "--log-outputs=stderr"])
        .args(["--listen-client-urls", client, "--advertise-client-urls", client])
        .args(["--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer])
        .args(["--initial-cluster", initial, "--initial-cluster-state=new"])
        .args(["--initial-cluster-token", text(place)])
        .args(["--client-cert-auth", "--trusted-ca-file", text(&file.ca)])
        .args(["--cert-file", text(&file.server.certificate), "--key-file", text(&file.server.key)])
        .args(["--peer-client-cert-auth", "--peer-trusted-ca-file", text(&file.ca)])
        .args(["--peer-cert-file", text(&file.peer.certificate), "--peer-key-file", text(&file.peer.key)])
        .stdin(Stdio::null())
        .stdout(output.try_clone().expect("the log file again"))
        .stderr(output);
    let child = etcd.spawn().expect("etcd starts; tests/tools/install.sh installs it");
    Member { child, log, client_url: client.to_owned(), peer_url: peer.to_owned() }
}

/// Everything that the certificates must be good for, and everything that must be refused.
fn prove(directory: &Path, files: &[MemberFiles], healthcheck: &Pair) {
    let ca = &files[0].ca;
    let client = Client { ca, identity: Some(healthcheck), patience: Patience::ShouldSucceed };
    let cluster = Cluster::start(directory, files, &client);
    let [first, second, third] = &cluster.members[..] else { panic!("three members") };

    // Written through one member, read through the two others: the peers talk to each other.
    etcdctl(&client, &first.client_url, &["put", "kpki", "reads and writes"]).ok();
    for member in [second, third] {
        let got = etcdctl(&client, &member.client_url, &["get", "kpki", "--print-value-only"]).ok();
        assert_eq!(got.stdout.trim(), "reads and writes");
    }
    let health = etcdctl(&client, &cluster.client_urls(), &["endpoint", "health"]).ok();
    assert_eq!(health.words().matches("is healthy").count(), 3, "{}", health.words());
    let list = etcdctl(&client, &first.client_url, &["member", "list"]).ok();
    assert_eq!(list.stdout.matches("started").count(), 3, "{}", list.stdout);
    for file in files {
        assert!(list.stdout.contains(&file.name), "{} is not in\n{}", file.name, list.stdout);
    }
    let snapshot = directory.join("snapshot.db");
    etcdctl(&client, &first.client_url, &["snapshot", "save", text(&snapshot)]).ok();
    let status = run(&mut command("etcdctl", ["snapshot", "status", text(&snapshot)])).ok();
    assert_eq!(status.stdout.split(',').count(), 4, "hash, revision, keys, size: {}", status.stdout);

    refuse(directory, &cluster, ca);
}

/// A client of another CA, one without a certificate, and a client that trusts another CA.
fn refuse(directory: &Path, cluster: &Cluster, ca: &Path) {
    let stranger = Stranger::new(&directory.join("stranger"), "etcd-ca");
    let foreign = stranger.issue("client", "/CN=kube-etcd-healthcheck-client", &[]);
    let member = &cluster.members[0];
    let put = ["put", "kpki", "must not arrive"];

    let cases: [(&str, Option<&Pair>, &str); 2] = [
        ("another CA", Some(&foreign), "unknown authority"),
        ("no certificate", None, "client didn't provide a certificate"),
    ];
    for (case, identity, reason) in cases {
        etcdctl(&Client { ca, identity, patience: Patience::ShouldFail }, &member.client_url, &put).fails();
        // The handshake itself is refused, on the clients' port and on the peers', and for this reason. (TLS 1.2:
        // there a client learns of it within the handshake, and not at its first read.)
        for url in [&member.client_url, &member.peer_url] {
            let address = url.trim_start_matches("https://");
            let mut s_client = command("openssl", ["s_client", "-tls1_2", "-connect", address]);
            s_client.args(["-verify_return_error", "-CAfile", text(ca)]);
            if let Some(pair) = identity {
                s_client.args(["-cert", text(&pair.certificate), "-key", text(&pair.key)]);
            }
            let said = run(&mut s_client).fails().words();
            assert!(said.contains("alert bad certificate"), "{case}: {said}");
        }
        wait_for("the member names the reason", Duration::from_secs(10), || {
            let log = member.log();
            if log.contains(reason) { Ok(()) } else { Err(format!("no {reason:?} in its log:\n{log}")) }
        });
    }

    let deceived =
        Client { ca: &stranger.ca.certificate, identity: Some(&foreign), patience: Patience::ShouldFail };
    let said = etcdctl(&deceived, &member.client_url, &put).fails().words();
    assert!(said.contains("authentication handshake failed") || said.contains("deadline"), "{said}");
}

/// The spec of three control planes, each on a loopback address of its own.
fn spec(layout: &str) -> String {
    format!(
        "apiVersion: kpki/v1alpha1
kind: Cluster
metadata: {{name: etcd-test}}
spec:
  kubernetesVersion: v1.36.2
  controlPlaneEndpoint: api.etcd-test.example.com:6443
  networking: {{serviceSubnet: 10.96.0.0/12, dnsDomain: cluster.local}}
  layout: {layout}
  algorithm: ECDSA-P256
  controlPlanes:
    - {{name: cp1, addresses: [127.0.0.11]}}
    - {{name: cp2, addresses: [127.0.0.12]}}
    - {{name: cp3, addresses: [127.0.0.13]}}
"
    )
}

/// The three members' names and addresses, as in [`spec`].
const MEMBERS: [(&str, &str); 3] = [("cp1", "127.0.0.11"), ("cp2", "127.0.0.12"), ("cp3", "127.0.0.13")];

/// Makes the cluster's PKI with kpki and hands back the root of its trees.
fn init(directory: &Path, layout: &str) -> PathBuf {
    let (config, trees) = (directory.join("cluster.yaml"), directory.join("trees"));
    write(&config, &spec(layout));
    run(&mut kpki(["init", "-f", text(&config), "--dir", text(&trees), "--all-nodes"])).ok();
    trees
}

#[test]
fn layout_kubeadm() {
    let directory = scratch();
    let trees = init(directory.path(), "kubeadm");
    let pair = |place: &Path, name: &str| Pair {
        certificate: place.join(format!("{name}.crt")),
        key: place.join(format!("{name}.key")),
    };
    let place = |node: &str| trees.join(node).join("etc/kubernetes/pki/etcd");
    let files = MEMBERS.map(|(node, address)| MemberFiles {
        name: node.to_owned(),
        address: address.to_owned(),
        ca: place(node).join("ca.crt"),
        server: pair(&place(node), "server"),
        peer: pair(&place(node), "peer"),
    });
    prove(directory.path(), &files, &pair(&place("cp1"), "healthcheck-client"));
}

#[test]
fn layout_pem() {
    let directory = scratch();
    let trees = init(directory.path(), "pem");
    let pair = |place: &Path, name: &str| Pair {
        certificate: place.join(format!("{name}.pem")),
        key: place.join(format!("{name}-key.pem")),
    };
    let place = |node: &str| trees.join(node).join("etc/etcd/pki");
    let files = MEMBERS.map(|(node, address)| MemberFiles {
        name: node.to_owned(),
        address: address.to_owned(),
        ca: place(node).join("ca.pem"),
        server: pair(&place(node), "etcd"),
        peer: pair(&place(node), "etcd"),
    });
    prove(directory.path(), &files, &pair(&place("cp1"), "healthcheck-client"));
}

#[test]
fn control_with_certificates_of_openssl() {
    let directory = scratch();
    let authority = Stranger::new(&directory.path().join("authority"), "etcd-ca");
    let files = MEMBERS.map(|(node, address)| {
        let address_san = format!("IP:{address}");
        let sans = ["DNS:localhost", "IP:127.0.0.1", &address_san];
        MemberFiles {
            name: node.to_owned(),
            address: address.to_owned(),
            ca: authority.ca.certificate.clone(),
            server: authority.issue(&format!("{node}-server"), &format!("/CN={node}"), &sans),
            peer: authority.issue(&format!("{node}-peer"), &format!("/CN={node}"), &sans),
        }
    });
    let healthcheck = authority.issue("healthcheck-client", "/CN=kube-etcd-healthcheck-client", &[]);
    // Its reader must be able to read what it should, or a refusal by everything would pass for success.
    openssl(["x509", "-noout", "-in", text(&healthcheck.certificate)]);
    prove(directory.path(), &files, &healthcheck);
}
