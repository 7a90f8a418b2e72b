//! etcd.

use super::super::trees::{
    MEMBER, control_plane, leaf, manifest, peer, pki, server, with_flag, without_flag,
};
use super::super::{Cure, Line};
use super::{line, saying};
use crate::desk::{Desk, LEAF};
use crate::forge;

/// A control plane whose etcd is elsewhere.
fn external(desk: &Desk) -> crate::desk::Cluster {
    let cluster = control_plane(desk);
    desk.remove(&manifest("etcd"));
    for name in ["server", "peer", "healthcheck-client"] {
        desk.remove(&pki(&format!("etcd/{name}.crt")));
        desk.remove(&pki(&format!("etcd/{name}.key")));
    }
    desk.replace(&manifest("kube-apiserver"), "https://127.0.0.1:2379", "https://10.0.0.20:2379");
    cluster
}

/// A revocation list of etcd's CA in a form, which etcd's flag names.
fn revocation_list(desk: &Desk, words: &str, pem: bool) -> crate::desk::Cluster {
    let cluster = control_plane(desk);
    let list = cluster.etcd.crl(words);
    if pem {
        desk.put(&pki("etcd/list.crl"), 0o644, list.pem());
    } else {
        desk.put(&pki("etcd/list.crl"), 0o644, list.der());
    }
    with_flag(desk, "etcd", "--client-crl-file=/etc/kubernetes/pki/etcd/list.crl");
    cluster
}

/// An etcd with a configuration in YAML, which says this of its clients.
fn configured(desk: &Desk, of_clients: &str) {
    let ca = forge::ca("cn=etcd-ca key=p256:yaml-ca");
    desk.put("n/etc/etcd/pki/ca.crt", 0o644, ca.pem());
    for name in ["server", "peer"] {
        let words = format!(
            "{LEAF} cn=m1 eku=server,client sans=dns:m1,dns:localhost,ip:10.2.0.1,ip:127.0.0.1 key=p256:{name}"
        );
        desk.pair(&format!("n/etc/etcd/pki/{name}"), &ca.leaf(&words));
    }
    desk.put(
        "n/etc/etcd/etcd.conf.yml",
        0o644,
        format!(
            "name: m1\nlisten-client-urls: https://10.2.0.1:2379\nadvertise-client-urls: https://m1:2379\nclient-transport-security:\n  \
             cert-file: /etc/etcd/pki/server.crt\n  key-file: /etc/etcd/pki/server.key\n{of_clients}peer-transport-security:\n  \
             cert-file: /etc/etcd/pki/peer.crt\n  key-file: /etc/etcd/pki/peer.key\n  client-cert-auth: true\n  trusted-ca-file: \
             /etc/etcd/pki/ca.crt\n"
        ),
    );
    desk.put(
        "n/etc/systemd/system/etcd.service",
        0o644,
        "[Service]\nExecStart=/usr/local/bin/etcd --config-file /etc/etcd/etcd.conf.yml\n",
    );
}

pub(super) fn lines() -> Vec<Line> {
    vec![
        line("E001", "etcd's certificate is no client's", |desk| _ = server(desk, "eku=server"), Cure::Run),
        line("E002", "a member's certificate is no client's", |desk| _ = peer(desk, "eku=server"), Cure::Run),
        line(
            "E003",
            "a member's certificate lacks its address",
            |desk| _ = peer(desk, "sans=dns:cp1,ip:127.0.0.1"),
            Cure::Run,
        ),
        line(
            "E004",
            "a member has names alone",
            |desk| _ = peer(desk, "sans=dns:cp1,dns:cp1.example.com"),
            Cure::Run,
        ),
        line(
            "E005",
            "etcd's certificate lacks addresses",
            |desk| _ = server(desk, "sans=dns:cp1"),
            Cure::Run,
        ),
        line(
            "E006",
            "etcd asks nobody who he is, as its configuration has it",
            |desk| configured(desk, "  client-cert-auth: false\n"),
            Cure::Run,
        ),
        line("E006", "etcd's configuration says nothing of clients", |desk| configured(desk, ""), Cure::Run),
        line(
            "E006",
            "etcd asks nobody who he is",
            |desk| {
                control_plane(desk);
                for flag in ["client-cert-auth", "trusted-ca-file"] {
                    without_flag(desk, "etcd", flag);
                }
                desk.replace(
                    &manifest("etcd"),
                    "--peer-client-cert-auth=true",
                    "--peer-client-cert-auth=false",
                );
            },
            Cure::Run,
        ),
        line(
            "E007",
            "etcd serves in plain text",
            |desk| {
                control_plane(desk);
                with_flag(desk, "etcd", "--listen-metrics-urls=http://0.0.0.0:2381");
            },
            Cure::ByHand("who calls it there has to be told of it", |desk| {
                desk.replace(&manifest("etcd"), "http://0.0.0.0:2381", "http://127.0.0.1:2381");
            }),
        ),
        saying(
            "signed others",
            line(
                "E008",
                "etcd trusts the CA of everybody",
                |desk| {
                    control_plane(desk);
                    without_flag(desk, "etcd", "trusted-ca-file");
                    with_flag(desk, "etcd", "--trusted-ca-file=/etc/kubernetes/pki/ca.crt");
                },
                Cure::Run,
            ),
        ),
        saying(
            "signed others",
            line(
                "E008",
                "etcd's CA signed the API server's client for kubelets",
                |desk| {
                    let cluster = control_plane(desk);
                    let words =
                        format!("{LEAF} cn=kube-apiserver-kubelet-client eku=client key=p256:kubelets");
                    desk.pair(&pki("apiserver-kubelet-client"), &cluster.etcd.leaf(&words));
                },
                Cure::Run,
            ),
        ),
        line(
            "E009",
            "the revocation list is PEM",
            |desk| _ = revocation_list(desk, "number=1 next=+30d", true),
            Cure::Run,
        ),
        saying(
            "in use and revoked",
            line(
                "E010",
                "a certificate in use is revoked",
                |desk| {
                    let cluster = control_plane(desk);
                    let words = format!("cn=cp1 eku=server,client {MEMBER}");
                    let server = leaf(desk, "etcd/server", &cluster.etcd, &words);
                    let list =
                        cluster.etcd.crl(&format!("revoked={} number=1 next=+30d", server.serial_hex()));
                    desk.put(&pki("etcd/list.crl"), 0o644, list.der());
                    with_flag(desk, "etcd", "--client-crl-file=/etc/kubernetes/pki/etcd/list.crl");
                },
                Cure::Run,
            ),
        ),
        line(
            "E010",
            "the revocation list is overdue",
            |desk| _ = revocation_list(desk, "number=1 this=-60d next=-1d", false),
            Cure::ByHand("only the CA makes the next list", |desk| {
                let list = crate::desk::Cluster::new().etcd.crl("number=2 next=+30d");
                desk.put(&pki("etcd/list.crl"), 0o644, list.der());
            }),
        ),
        line(
            "E011",
            "this release looks at its list on one of two ports",
            |desk| {
                revocation_list(desk, "number=1 next=+30d", false);
                with_flag(desk, "etcd", "--listen-client-http-urls=https://127.0.0.1:2382");
            },
            Cure::Run,
        ),
        Line {
            ends: "etcd-gateway",
            ..line(
                "E012",
                "who comes through the gateway is etcd",
                |desk| {
                    control_plane(desk);
                    with_flag(desk, "etcd", "--auth-token=simple");
                },
                Cure::Run,
            )
        },
        line(
            "E013",
            "the API server shows an etcd elsewhere no certificate",
            |desk| {
                external(desk);
                for flag in ["etcd-cafile", "etcd-certfile", "etcd-keyfile"] {
                    without_flag(desk, "kube-apiserver", flag);
                }
            },
            Cure::Run,
        ),
        line(
            "E013",
            "the API server's client towards etcd is another CA's",
            |desk| {
                let cluster = external(desk);
                let words = "cn=kube-apiserver-etcd-client eku=client";
                leaf(desk, "apiserver-etcd-client", &cluster.front_proxy, words);
            },
            Cure::Run,
        ),
        line(
            "E014",
            "everybody may enter etcd's data",
            |desk| {
                control_plane(desk);
                let text = desk.read(&manifest("etcd"));
                let text = text.replace(
                    "    volumeMounts:\n",
                    "    volumeMounts:\n    - mountPath: /var/lib/etcd\n      name: data\n",
                );
                let volume = "  volumes:\n  - hostPath:\n      path: /var/lib/etcd\n    name: data\n";
                desk.put(&manifest("etcd"), 0o600, text.replace("  volumes:\n", volume));
                desk.directory("n/var/lib/etcd");
                let path = desk.root().join("n/var/lib/etcd");
                std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o755))
                    .expect("its owner");
            },
            Cure::Run,
        ),
        line(
            "N011",
            "the API server calls the one member by an address that its certificate lacks",
            |desk| {
                control_plane(desk);
                desk.replace(&manifest("kube-apiserver"), "https://127.0.0.1:2379", "https://10.0.0.99:2379");
            },
            Cure::Run,
        ),
    ]
}
