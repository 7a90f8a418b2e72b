//! The same handshakes with `openssl`, over loopback: it must come to the same end.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::support::{Ran, command, free_ports, run, text, wait_for};
use crate::tree::{NOW_SECONDS, Tree, at_now};

/// A server of openssl's that ends with the test.
struct Server {
    child: Child,
    port: u16,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Certificate, key and trusted CA of one party.
type Papers = [PathBuf; 3];

impl Server {
    fn start([certificate, key, ca]: &Papers, requires: bool) -> Self {
        let port = free_ports(1)[0];
        let mut server: Command = command("openssl", ["s_server", "-quiet", "-www", "-naccept", "1000"]);
        server.args(["-accept", &format!("127.0.0.1:{port}"), "-cert", text(certificate), "-key", text(key)]);
        server.args([
            "-CAfile",
            text(ca),
            "-attime",
            NOW_SECONDS,
            "-verify_return_error",
            "-purpose",
            "sslclient",
        ]);
        // Both ask; only the second requires.
        server.args([if requires { "-Verify" } else { "-verify" }, "2"]);
        let child = server.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let server = Self { child: child.expect("openssl starts"), port };
        wait_for("openssl s_server", Duration::from_secs(20), || {
            std::net::TcpStream::connect(("127.0.0.1", server.port)).map_err(|error| error.to_string())
        });
        server
    }

    /// Whether a client of openssl's comes through and is answered.
    fn takes(&self, client: Option<&Papers>, ca: &Path, name: &str) -> bool {
        let mut dial =
            command("openssl", ["s_client", "-quiet", "-ign_eof", "-verify_return_error", "-verify", "2"]);
        dial.args([
            "-connect",
            &format!("127.0.0.1:{}", self.port),
            "-CAfile",
            text(ca),
            "-attime",
            NOW_SECONDS,
        ]);
        match name.parse::<std::net::IpAddr>() {
            Ok(_) => dial.args(["-verify_ip", name, "-noservername"]),
            Err(_) => dial.args(["-verify_hostname", name, "-servername", name]),
        };
        if let Some([certificate, key, _]) = client {
            dial.args(["-cert", text(certificate), "-key", text(key)]);
        }
        // s_server -www answers a request; what refuses a client in TLS 1.3 is seen only then.
        let mut child = dial
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("openssl starts");
        if let Some(mut stdin) = child.stdin.take() {
            use std::io::Write as _;
            let _ = stdin.write_all(b"GET / HTTP/1.0\r\n\r\n");
        }
        let output = child.wait_with_output().expect("openssl ends");
        String::from_utf8_lossy(&output.stdout).contains("HTTP/1.0 200")
    }
}

fn papers(tree: &Tree, node: &str, base: &str, ca: &str) -> Papers {
    [tree.pki(node, &format!("{base}.crt")), tree.pki(node, &format!("{base}.key")), tree.pki(node, ca)]
}

/// One connection: the server's node and files, the client's, the name, whether a certificate is required.
struct Edge {
    place: &'static str,
    server: (&'static str, &'static str, &'static str),
    client: (&'static str, &'static str, &'static str),
    name: &'static str,
    requires: bool,
}

const EDGES: &[Edge] = &[
    Edge {
        place: "apiserver-etcd cp2 cp2",
        server: ("cp2", "etcd/server", "etcd/ca.crt"),
        client: ("cp2", "apiserver-etcd-client", "etcd/ca.crt"),
        name: "127.0.0.1",
        requires: true,
    },
    Edge {
        place: "etcd-peer cp1 cp2",
        server: ("cp2", "etcd/peer", "etcd/ca.crt"),
        client: ("cp1", "etcd/peer", "etcd/ca.crt"),
        name: "10.0.0.12",
        requires: true,
    },
    Edge {
        place: "etcd-peer cp2 cp1",
        server: ("cp1", "etcd/peer", "etcd/ca.crt"),
        client: ("cp2", "etcd/peer", "etcd/ca.crt"),
        name: "10.0.0.11",
        requires: true,
    },
    Edge {
        place: "apiserver-kubelet cp2 worker1",
        server: ("worker1", "kubelet", "ca.crt"),
        client: ("cp2", "apiserver-kubelet-client", "ca.crt"),
        name: "10.0.0.21",
        requires: false,
    },
];

#[test]
fn openssl_comes_to_the_same_end() {
    type Break = fn(&Tree);
    let breaks: [(&str, Break); 5] = [
        ("nothing", |_| {}),
        ("etcd's server certificate of another CA", |tree| {
            at_now(&["ca", "init", "--dir", text(&tree.path("other"))]).ok();
            renew(tree, &tree.path("other"), "etcd/server", &["etcd-server", "cp2", "--san", "127.0.0.1"]);
        }),
        ("a peer's certificate without its address", |tree| {
            renew(tree, &tree.root().join("ca"), "etcd/peer", &["etcd-peer", "cp2", "--san", "cp2"]);
        }),
        ("another CA in the place of etcd's", |tree| {
            std::fs::copy(tree.pki("cp2", "ca.crt"), tree.pki("cp2", "etcd/ca.crt")).expect("copied");
        }),
        ("a client certificate for servers only", |tree| {
            let words = ["server", "apiserver-kubelet-client", "--san", "cp2"];
            renew(tree, &tree.root().join("ca"), "apiserver-kubelet-client", &words);
        }),
    ];
    let whole = Tree::of_template();
    let mut ends = [0; 2];
    for (what, breaks) in breaks {
        let tree = whole.copy();
        breaks(&tree);
        let rehearsed = tree.rehearse(&[]);
        for edge in EDGES {
            let of = |(node, base, ca): (&str, &str, &str)| papers(&tree, node, base, ca);
            let (server, client) = (of(edge.server), of(edge.client));
            let running = Server::start(&server, edge.requires);
            let one = rehearsed.at(edge.place);
            let through = running.takes(Some(&client), &client[2], edge.name);
            assert_eq!(one["outcome"] == "ok", through, "{what}: {}: {one:#}", edge.place);
            ends[usize::from(through)] += 1;
            if what == "nothing" {
                // And so with strangers.
                let stranger = papers(&tree, "cp1", "front-proxy-client", "front-proxy-ca.crt");
                let tried = |kind: &str| {
                    let all = one["negatives"].as_array().expect("a list");
                    all.iter().find(|tried| tried["with"] == kind).expect("it was tried")["accepted"] == true
                };
                assert_eq!(
                    running.takes(None, &client[2], edge.name),
                    tried("no-client-certificate"),
                    "{}",
                    edge.place
                );
                assert_eq!(
                    running.takes(Some(&stranger), &client[2], edge.name),
                    tried("client-of-another-ca")
                );
                assert_eq!(
                    running.takes(Some(&client), &stranger[2], edge.name),
                    tried("server-of-another-ca")
                );
            }
        }
    }
    assert!(ends.iter().all(|count| *count > 3), "one end was hardly ever seen: {ends:?}");
}

/// Makes a pair of cp2 anew.
fn renew(tree: &Tree, ca: &Path, base: &str, words: &[&str]) {
    let [certificate, key, _] = papers(tree, "cp2", base, "ca.crt");
    std::fs::remove_file(&certificate).expect("gone");
    std::fs::remove_file(key).expect("gone");
    let mut arguments = vec!["issue"];
    arguments.extend(words);
    arguments.extend(["--ca", text(ca), "--out", text(&certificate)]);
    let _: Ran = at_now(&arguments).ok();
    run(&mut command("openssl", ["x509", "-noout", "-in", text(&certificate)])).ok();
}
