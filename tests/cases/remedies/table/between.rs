//! Between nodes.

use super::super::trees::client;
use super::super::{Cure, Line};
use super::{line, saying};
use crate::desk::{Cluster, Desk, LEAF, base64};
use crate::forge;

/// Three control planes of one cluster; the third may be of another one.
fn three(desk: &Desk, third: Cluster) -> Cluster {
    let cluster = desk.control_plane_of("nodes/m1", Cluster::new(), "m1", "10.0.0.1");
    let cluster = desk.control_plane_of("nodes/m2", cluster, "m2", "10.0.0.2");
    desk.control_plane_of("nodes/m3", third, "m3", "10.0.0.3");
    cluster
}

/// A file of the PKI of a node.
fn pki(node: &str, name: &str) -> String {
    format!("nodes/{node}/etc/kubernetes/pki/{name}")
}

/// A file of one node is put on another.
fn copied(desk: &Desk, from: &str, to: &str, name: &str) {
    desk.put(&pki(to, name), 0o600, desk.read(&pki(from, name)));
}

fn nodes(rule: &'static str, situation: &'static str, tree: fn(&Desk), cure: Cure) -> Line {
    // A ledger that begins with a remedy begins with what lies on its own node.
    Line { audited: "--nodes nodes", brings: &["K024"], ..line(rule, situation, tree, cure) }
}

pub(super) fn lines() -> Vec<Line> {
    vec![
        nodes(
            "K024",
            "the ledger knows one node, and its CA has signed for others",
            |desk| {
                three(desk, Cluster::new());
                // It began where the others were not to be seen.
                let (beside, away) = (desk.root().join("nodes"), desk.root().join("away"));
                std::fs::rename(&beside, &away).unwrap();
                std::fs::create_dir(&beside).unwrap();
                std::fs::rename(away.join("m1"), beside.join("m1")).unwrap();
                desk.kpki("issue user first --ca nodes/m1/etc/kubernetes/pki --out first.crt");
                for node in ["m2", "m3"] {
                    std::fs::rename(away.join(node), beside.join(node)).unwrap();
                }
                std::fs::remove_dir(away).unwrap();
            },
            Cure::Run,
        ),
        nodes(
            "N001",
            "a node was made anew alone",
            |desk| _ = three(desk, Cluster::called("third")),
            Cure::Run,
        ),
        nodes(
            "N002",
            "a node has a pair for tokens of its own",
            |desk| {
                three(desk, Cluster::new());
                let other = forge::self_signed_leaf("cn=sa key=p256:other-sa");
                desk.put(&pki("m3", "sa.key"), 0o600, other.key_pem());
                desk.put(&pki("m3", "sa.pub"), 0o600, crate::desk::pem("PUBLIC KEY", other.spki_der()));
            },
            Cure::Run,
        ),
        nodes(
            "N003",
            "a node trusts one CA more",
            |desk| {
                let cluster = three(desk, Cluster::new());
                let both = cluster.front_proxy.pem() + &Cluster::called("next").front_proxy.pem();
                desk.put(&pki("m3", "front-proxy-ca.crt"), 0o644, both);
            },
            Cure::Run,
        ),
        nodes(
            "N004",
            "two nodes have one pair, and one of it is in a kubeconfig",
            |desk| {
                three(desk, Cluster::new());
                for ending in ["crt", "key"] {
                    copied(desk, "m1", "m2", &format!("apiserver-kubelet-client.{ending}"));
                    copied(desk, "m1", "m3", &format!("apiserver-kubelet-client.{ending}"));
                }
                let conf = desk.read("nodes/m1/etc/kubernetes/scheduler.conf");
                desk.put("nodes/m2/etc/kubernetes/scheduler.conf", 0o600, conf);
            },
            Cure::Run,
        ),
        nodes(
            "N005",
            "what was renewed on two nodes was forgotten on the third",
            |desk| {
                let cluster = three(desk, Cluster::new());
                let words = "cn=front-proxy-client eku=client key=p256:m3-old from=-360d until=+5d";
                desk.pair(
                    &pki("m3", "front-proxy-client"),
                    &cluster.front_proxy.leaf(&forge::over(LEAF, words)),
                );
            },
            Cure::Run,
        ),
        nodes(
            "N006",
            "a node's client is of another making",
            |desk| {
                let cluster = three(desk, Cluster::new());
                let words = format!("{LEAF} cn=front-proxy-client eku=client key=rsa2048:m3");
                desk.pair(&pki("m3", "front-proxy-client"), &cluster.front_proxy.leaf(&words));
            },
            Cure::Run,
        ),
        saying(
            "nodes refuse each other",
            nodes(
                "N007",
                "the new CA signs where others do not trust it yet",
                |desk| {
                    let cluster = three(desk, Cluster::new());
                    drop(cluster);
                    let next = Cluster::called("next");
                    let words = "cn=front-proxy-client eku=client key=p256:next-client";
                    desk.pair(&pki("m3", "front-proxy-ca"), &next.front_proxy);
                    desk.pair(
                        &pki("m1", "front-proxy-client"),
                        &next.front_proxy.leaf(&format!("{LEAF} {words}")),
                    );
                },
                Cure::ByHand("which step comes next on which node is the finding's own words", |desk| {
                    let (old, new) = (Cluster::new(), Cluster::called("next"));
                    let (old, new) = (old.front_proxy.pem(), new.front_proxy.pem());
                    for (node, both) in
                        [("m1", [&*old, &*new]), ("m2", [&*old, &*new]), ("m3", [&*new, &*old])]
                    {
                        desk.put(&pki(node, "front-proxy-ca.crt"), 0o644, both.concat());
                    }
                }),
            ),
        ),
        nodes(
            "N008",
            "a node lacks what the others have",
            |desk| {
                three(desk, Cluster::new());
                for ending in ["crt", "key"] {
                    desk.remove(&pki("m3", &format!("etcd/healthcheck-client.{ending}")));
                }
            },
            Cure::ByHand(
                "where it should lie, and for which names, the node's own configuration says",
                |desk| {
                    desk.kpki("issue etcd-client --ca nodes/m3/etc/kubernetes/pki --out nodes/m3/etc/kubernetes/pki/etcd/healthcheck-client.crt");
                },
            ),
        ),
        nodes(
            "N009",
            "a node was cloned with its kubelet",
            |desk| {
                three(desk, Cluster::new());
                let name = "var/lib/kubelet/pki/kubelet-client-2026-01-02-03-04-05.pem";
                desk.put(&format!("nodes/m3/{name}"), 0o600, desk.read(&format!("nodes/m2/{name}")));
            },
            Cure::Run,
        ),
        nodes(
            "N010",
            "a worker's kubeconfig trusts the CA of another cluster",
            |desk| {
                let cluster = three(desk, Cluster::new());
                desk.kubelet("nodes/w1", &cluster, "w1", "https://10.0.0.1:6443");
                desk.put("nodes/w1/etc/kubernetes/pki/ca.crt", 0o644, cluster.kubernetes.pem());
                let (own, other) = (cluster.kubernetes.pem(), Cluster::called("third").kubernetes.pem());
                desk.replace("nodes/w1/etc/kubernetes/kubelet.conf", &base64(own), &base64(other));
            },
            Cure::Run,
        ),
        nodes(
            "N010",
            "a worker's kubeconfig calls nobody's name",
            |desk| {
                let cluster = three(desk, Cluster::new());
                desk.kubelet("nodes/w1", &cluster, "w1", "https://10.0.0.77:6443");
                desk.put("nodes/w1/etc/kubernetes/pki/ca.crt", 0o644, cluster.kubernetes.pem());
            },
            Cure::Told("whether the name or the certificates are wrong is not known"),
        ),
        nodes(
            "N011",
            "a member of etcd is called by an address that its certificate lacks",
            |desk| {
                three(desk, Cluster::new());
                for node in ["m1", "m2"] {
                    let members = "--initial-cluster=m1=https://10.0.0.1:2380,m2=https://10.0.0.22:2380";
                    let own = match node {
                        "m1" => "--initial-cluster=m1=https://10.0.0.1:2380",
                        _ => "--initial-cluster=m2=https://10.0.0.2:2380",
                    };
                    desk.replace(&format!("nodes/{node}/etc/kubernetes/manifests/etcd.yaml"), own, members);
                }
            },
            Cure::Run,
        ),
        nodes(
            "K015",
            "the super-admin lies on two nodes",
            |desk| {
                let cluster = three(desk, Cluster::new());
                for node in ["m1", "m2"] {
                    let conf = format!("nodes/{node}/etc/kubernetes/super-admin.conf");
                    client(desk, &cluster, &conf, "o=system:masters cn=kubernetes-super-admin");
                }
            },
            Cure::Run,
        ),
        nodes(
            "C015",
            "two clusters share the CA of etcd",
            |desk| {
                let other = Cluster::called("third");
                let shared = Cluster { etcd: Cluster::new().etcd, ..other };
                three(desk, shared);
            },
            Cure::Told("a cluster's CAs are made by its own steps"),
        ),
        nodes(
            "P005",
            "two certificates have one number",
            |desk| {
                let cluster = three(desk, Cluster::new());
                for node in ["m1", "m2"] {
                    let words = format!(
                        "{LEAF} cn=front-proxy-client eku=client key=p256:{node}-f serial=4711471147114711aa"
                    );
                    desk.pair(&pki(node, "front-proxy-client"), &cluster.front_proxy.leaf(&words));
                }
            },
            Cure::Run,
        ),
        nodes(
            "K002",
            "the CA's key lies beside the nodes",
            |desk| {
                let cluster = desk.control_plane_of("nodes/m1", Cluster::new(), "m1", "10.0.0.1");
                desk.pair("nodes/ca/ca", &cluster.kubernetes);
                desk.remove(&pki("m1", "ca.key"));
                let words = "cn=kube-apiserver eku=server key=p256:m1-apiserver sans=dns:m1,dns:kubernetes,\
                             dns:kubernetes.default,dns:kubernetes.default.svc,dns:kubernetes.default.svc.cluster.local,ip:10.0.0.1";
                desk.pair(&pki("m1", "apiserver"), &cluster.kubernetes.leaf(&format!("{LEAF} {words}")));
                desk.control_plane_of("nodes/m2", Cluster::new(), "m2", "10.0.0.2");
            },
            Cure::Run,
        ),
    ]
}
