//! `kpki ledger`, and what the audit says by it.

use std::path::{Path, PathBuf};

use crate::desk::{Desk, LEAF, PKI};
use crate::forge::{self, Forged};
use crate::table::{Case, Run, check};

#[test]
fn the_first_signature() {
    check(FIRST);
}

#[test]
fn what_turns_up_later() {
    check(LATER);
}

#[test]
fn trees_of_a_cluster() {
    check(TREES);
}

#[test]
fn by_hand() {
    check(BY_HAND);
}

#[test]
fn ledgers_of_the_first_version() {
    check(FIRST_VERSION);
}

/// The names of the API server.
const API: &str = "sans=dns:cp1,dns:kubernetes,dns:kubernetes.default,dns:kubernetes.default.svc,\
                   dns:kubernetes.default.svc.cluster.local,dns:localhost,ip:10.96.0.1,ip:10.0.0.10,ip:127.0.0.1";

/// A control plane as kubeadm leaves it below `n`, and in `later` what is signed with its CAs' keys after that.
fn control_plane(desk: &Desk) {
    let cluster = desk.control_plane("n");
    let later = |base: &str, ca: &Forged, words: &str| desk.pair(&format!("later/{base}"), &ca.leaf(words));
    later(
        "apiserver",
        &cluster.kubernetes,
        &format!("{LEAF} cn=kube-apiserver eku=server {API} key=p256:later"),
    );
    later(
        "thief",
        &cluster.kubernetes,
        "cn=thief o=system:masters eku=client from=-300d until=+300d key=p256:thief",
    );
    later("etcd-thief", &cluster.etcd, "cn=root eku=client from=-300d until=+300d key=p256:thief");
    later("front-thief", &cluster.front_proxy, "cn=front-proxy-client eku=client from=-300d key=p256:thief");
    later(
        "kubelet",
        &cluster.kubernetes,
        "o=system:nodes cn=system:node:cp1 eku=client from=-1d key=p256:rotated",
    );
    desk.kubeconfig(
        "later/admin.conf",
        &cluster.kubernetes.pem(),
        &cluster
            .kubernetes
            .leaf(&format!("{LEAF} o=kubeadm:cluster-admins cn=kubernetes-admin eku=client key=p256:later")),
        "https://10.0.0.10:6443",
    );
    let foreign = forge::ca("cn=kubernetes cn-as=printable key=p256:foreign");
    desk.pair("later/foreign", &foreign.leaf("cn=kube-apiserver eku=server sans=dns:cp1"));
}

const FIRST: &[Case] = &[
    Case {
        situation: "kpki signs for the first time under the CA of a control plane that kubeadm made",
        inputs: control_plane,
        runs: &[
            Run {
                line: "kpki ledger verify --ca n/etc/kubernetes/pki",
                code: 2,
                says: &[
                    "no ledger belongs to n/etc/kubernetes/pki",
                    "kpki ledger adopt --ca n/etc/kubernetes/pki",
                ],
                never: &[],
            },
            Run {
                line: "kpki issue user jane --group dev --ca n/etc/kubernetes/pki --out jane.crt --dry-run && ls n/etc/kubernetes/pki/*ledger*",
                code: 2,
                says: &["No such file"],
                never: &["adopted"],
            },
            Run {
                line: "kpki issue user jane --group dev --ca n/etc/kubernetes/pki --out jane.crt",
                code: 0,
                says: &[
                    "note: n/etc/kubernetes/pki/ca.ledger.jsonl begins here; what the CA's key has signed before and lies in its trees was adopted (7 certificates):",
                    "CN=kube-apiserver  n/etc/kubernetes/pki/apiserver.crt",
                    "CN=kubernetes  n/etc/kubernetes/pki/ca.crt",
                    "CN=kubernetes-admin  n/etc/kubernetes/admin.conf (users[user].client-certificate-data)",
                    "CN=system:node:cp1  n/var/lib/kubelet/pki/kubelet-client-2026-01-02-03-04-05.pem",
                ],
                never: &["etcd", "front-proxy"],
            },
            Run {
                line: "kpki ledger verify --ca n/etc/kubernetes/pki && kpki audit n --fail-on high",
                code: 0,
                says: &[
                    "8      sound",
                    "all 7 certificates at hand are recorded",
                    "n/etc/kubernetes/pki/etcd/ca.crt has no ledger",
                ],
                never: &["K024"],
            },
            Run {
                line: "grep -c '\"version\":2,\"adopted\":\"2026-06-01T12:00:00Z\"' n/etc/kubernetes/pki/ca.ledger.jsonl; kpki ledger list --ca n/etc/kubernetes/pki | grep -c '(adopted)'",
                code: 0,
                says: &["7\n7\n"],
                never: &[],
            },
            // The second adopts nothing.
            Run {
                line: "cp later/thief.crt n/etc/kubernetes/pki; kpki issue user joe --ca n/etc/kubernetes/pki --out joe.crt; kpki ledger verify --ca n/etc/kubernetes/pki",
                code: 1,
                says: &["thief.crt was issued by this CA and is not in its ledger"],
                never: &["was adopted"],
            },
        ],
    },
    Case {
        situation: "each CA adopts what is its own, whichever command signs first",
        inputs: |desk| {
            control_plane(desk);
            desk.put("config.yaml", 0o644, KUBEADM);
        },
        runs: &[
            Run {
                line: "kpki issue etcd-client backup --ca n/etc/kubernetes/pki --out backup.crt",
                code: 0,
                says: &[
                    "(5 certificates)",
                    "pki/apiserver-etcd-client.crt",
                    "pki/etcd/healthcheck-client.crt",
                ],
                never: &["CN=kube-apiserver  "],
            },
            Run {
                line: "kpki ca intermediate team --ca n/etc/kubernetes/pki/ca.crt --out team.crt",
                code: 0,
                says: &["(7 certificates)"],
                never: &["etcd"],
            },
            Run {
                line: "rm n/etc/kubernetes/pki/front-proxy-client.* n/etc/kubernetes/kubelet.conf; kpki init -f config.yaml --dir n/etc/kubernetes",
                code: 0,
                says: &[
                    "front-proxy-ca.ledger.jsonl begins here",
                    "CN=front-proxy-ca  n/etc/kubernetes/pki/front-proxy-ca.crt",
                ],
                never: &[],
            },
            Run {
                line: "kpki ledger verify --ca n/etc/kubernetes/pki; kpki audit n | grep K024",
                code: 1,
                says: &["every line follows the one before it; all "],
                never: &["K024", "found:"],
            },
        ],
    },
    Case {
        situation: "a CA that kpki makes has signed nothing before",
        inputs: |_| {},
        runs: &[Run {
            line: "kpki ca init --dir pki && kpki issue server web --san web --ca pki --out pki/web.crt && kpki ledger verify --ca pki; cat pki/ca.ledger.jsonl",
            code: 0,
            says: &["2      sound", "\"version\":2,\"issued\":"],
            never: &["adopted"],
        }],
    },
];

const KUBEADM: &str = "\
apiVersion: kubeadm.k8s.io/v1beta4
kind: InitConfiguration
localAPIEndpoint: {advertiseAddress: 10.0.0.10}
nodeRegistration: {name: cp1}
---
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
kubernetesVersion: v1.36.2
";

const LATER: &[Case] = &[
    Case {
        situation: "kubeadm certs renew, after kpki has signed under the same CA",
        inputs: control_plane,
        runs: &[
            Run {
                line: "kpki issue user jane --ca n/etc/kubernetes/pki --out jane.crt 2> /dev/null; cp later/apiserver.* n/etc/kubernetes/pki; cp later/admin.conf n/etc/kubernetes; \
                       kpki ledger verify --ca n/etc/kubernetes/pki",
                code: 1,
                says: &[
                    "found: n/etc/kubernetes/pki/ca.ledger.jsonl: n/etc/kubernetes/admin.conf (users[user].client-certificate-data) was issued by this CA",
                    "found: n/etc/kubernetes/pki/ca.ledger.jsonl: n/etc/kubernetes/pki/apiserver.crt was issued by this CA and is not in its ledger",
                    "hint: if you know who signed it with the CA's key, as kubeadm certs renew does, record it: kpki ledger adopt --ca n/etc/kubernetes/pki/ca.crt n/etc/kubernetes/pki/apiserver.crt; if nobody knows, take the key for stolen",
                ],
                never: &[],
            },
            Run {
                line: "kpki audit n | grep -B1 -A9 K024",
                code: 1,
                says: &[
                    "CN=kube-apiserver is not in n/etc/kubernetes/pki/ca.ledger.jsonl",
                    "record it:\n                    kpki ledger adopt --ca n/etc/kubernetes/pki/ca.crt n/etc/kubernetes/pki/apiserver.crt\n                  If nobody knows, take the key of the CA for stolen",
                ],
                never: &[],
            },
            Run {
                line: "kpki ledger adopt --ca n/etc/kubernetes/pki/ca.crt n/etc/kubernetes/pki/apiserver.crt n/etc/kubernetes/admin.conf && kpki ledger verify --ca n/etc/kubernetes/pki && kpki audit n --fail-on high",
                code: 0,
                says: &[
                    "done: n/etc/kubernetes/pki/ca.ledger.jsonl: adopted 2 certificates",
                    "CN=kube-apiserver ",
                    "sound",
                ],
                never: &["K024"],
            },
        ],
    },
    Case {
        situation: "control planes that kubeadm has joined: each has the CA's key, and signs its own",
        inputs: |desk| {
            control_plane(desk);
            desk.control_plane("n2");
        },
        runs: &[
            // The first signature was made where the other node was not to be seen.
            Run {
                line: "mkdir away cluster && mv n2 away && kpki issue user jane --ca n/etc/kubernetes/pki --out jane.crt 2> /dev/null; \
                       mv n cluster/cp1; mv away/n2 cluster/cp2; rm cluster/cp2/etc/kubernetes/pki/apiserver-kubelet-client.*; \
                       kpki issue apiserver-kubelet-client --ca cluster/cp1/etc/kubernetes/pki --out cluster/cp2/etc/kubernetes/pki/apiserver-kubelet-client.crt 2> /dev/null; \
                       cp later/thief.crt cluster/cp2/etc/kubernetes/pki; kpki audit --nodes cluster | grep -A4 K024",
                code: 1,
                says: &[
                    "K024 not-in-inventory, cp2: etc/kubernetes/pki/thief.crt",
                    "record what that node has",
                    "kpki ledger adopt --ca cluster/cp1/etc/kubernetes/pki/ca.crt cluster/cp2/etc/kubernetes/pki/thief.crt",
                ],
                never: &["stolen", "cp1: "],
            },
            // What was adopted of it makes it one that the ledger knows.
            Run {
                line: "rm cluster/cp2/etc/kubernetes/pki/thief.crt; kpki ledger adopt --ca cluster/cp1/etc/kubernetes/pki > /dev/null; \
                       cp later/thief.crt cluster/cp2/etc/kubernetes/pki; kpki audit --nodes cluster | grep -A4 K024; kpki ledger verify --ca cluster/cp1/etc/kubernetes/pki",
                code: 1,
                says: &[
                    "K024 not-in-inventory, cp2: etc/kubernetes/pki/thief.crt",
                    "take the key of the CA for stolen",
                    "cluster/cp2/etc/kubernetes/pki/thief.crt was issued by this CA and is not in its ledger",
                ],
                never: &["record what that node has"],
            },
        ],
    },
    Case {
        situation: "somebody has the CAs' keys, and writes into what he signs whatever he likes",
        inputs: |desk| {
            control_plane(desk);
            // The serial number, the names and the dates of one that is recorded, by another key.
            let kubernetes = crate::desk::Cluster::new().kubernetes;
            let original = kubernetes
                .leaf("cn=web eku=server sans=dns:web serial=7777 from=-1d until=+30d key=p256:web");
            let twin = kubernetes
                .leaf("cn=web eku=server sans=dns:web serial=7777 from=-1d until=+30d key=p256:thief");
            desk.put(&format!("n/{PKI}/web.crt"), 0o644, original.pem());
            desk.put("later/web.crt", 0o644, twin.pem());
            // In a file of many things, behind another; as DER; under a name of its own.
            desk.put(
                "later/two.pem",
                0o644,
                kubernetes.pem()
                    + &kubernetes
                        .leaf("cn=second o=system:masters eku=client from=-300d key=p256:thief")
                        .pem(),
            );
            desk.put(
                "later/hidden.der",
                0o644,
                kubernetes.leaf("cn=hidden o=system:masters eku=client from=-300d key=p256:thief").der(),
            );
            desk.put("later/sub.crt", 0o644, kubernetes.ca("cn=sub from=-300d key=p256:thief").pem());
            desk.put(
                "later/renamed.crt",
                0o644,
                kubernetes
                    .reissue("cn=elsewhere")
                    .leaf("cn=renamed eku=client from=-300d key=p256:thief")
                    .pem(),
            );
        },
        runs: &[
            Run {
                line: "kpki ledger adopt --ca n/etc/kubernetes/pki > /dev/null && kpki ledger verify --ca n/etc/kubernetes/pki",
                code: 0,
                says: &["all 15 certificates at hand are recorded"],
                never: &[],
            },
            Run {
                line: "cp later/web.crt later/thief.crt later/etcd-thief.crt later/front-thief.crt later/two.pem later/hidden.der later/sub.crt later/renamed.crt n/etc/kubernetes/pki; \
                       kpki ledger verify --ca n/etc/kubernetes/pki",
                code: 1,
                says: &[
                    "n/etc/kubernetes/pki/web.crt was issued by this CA and is not in its ledger: line ",
                    " records its serial number, of another certificate",
                    "pki/thief.crt was issued by this CA",
                    "pki/two.pem:",
                    "pki/hidden.der was issued by this CA",
                    "pki/sub.crt was issued by this CA",
                    "pki/renamed.crt was issued by this CA",
                    "pki/etcd/ca.ledger.jsonl: n/etc/kubernetes/pki/etcd-thief.crt was issued by this CA",
                    "pki/front-proxy-ca.ledger.jsonl: n/etc/kubernetes/pki/front-thief.crt was issued by this CA",
                ],
                never: &[],
            },
            Run {
                line: "kpki audit n | grep -B1 -A3 K024; kpki audit n --fail-on high > /dev/null",
                code: 1,
                says: &[
                    "thief",
                    "front-proxy-client",
                    "CN=sub",
                    "CN=web",
                    "CN=second",
                    "CN=hidden",
                    "CN=root",
                ],
                never: &[],
            },
        ],
    },
    Case {
        situation: "a kubelet has its certificate anew from the controller manager",
        inputs: control_plane,
        runs: &[Run {
            line: "kpki ledger adopt --ca n/etc/kubernetes/pki > /dev/null; cat later/kubelet.crt later/kubelet.key > n/var/lib/kubelet/pki/kubelet-client-2026-05-31-00-00-00.pem; \
                   kpki ledger verify --ca n/etc/kubernetes/pki && ! kpki audit n | grep K024",
            code: 0,
            says: &[
                "1 certificate of kubelets not in it: kube-controller-manager signs those, and keeps no ledger",
                "sound",
            ],
            never: &["found:"],
        }],
    },
    Case {
        situation: "a ledger that lost its last lines, its first, or all",
        inputs: control_plane,
        runs: &[
            Run {
                line: "kpki issue user jane --ca n/etc/kubernetes/pki --out n/etc/kubernetes/pki/jane.crt 2> /dev/null; cp n/etc/kubernetes/pki/ca.ledger.jsonl whole; \
                       head -n -1 whole > n/etc/kubernetes/pki/ca.ledger.jsonl; kpki ledger verify --ca n/etc/kubernetes/pki",
                code: 1,
                says: &["jane.crt was issued by this CA and is not in its ledger"],
                never: &["does not follow"],
            },
            Run {
                line: "sed 1d whole > n/etc/kubernetes/pki/ca.ledger.jsonl; kpki ledger verify --ca n/etc/kubernetes/pki; kpki audit n | grep -B1 -A3 K024; kpki ledger adopt --ca n/etc/kubernetes/pki/ca.crt",
                code: 1,
                says: &[
                    "line 1 does not follow the line before it",
                    "the ledger n/etc/kubernetes/pki/ca.ledger.jsonl is not whole: line 1 does not follow",
                    "refused: n/etc/kubernetes/pki/ca.ledger.jsonl: line 1 does not follow",
                    "nothing was adopted",
                ],
                never: &["done:"],
            },
            Run {
                line: ": > n/etc/kubernetes/pki/ca.ledger.jsonl; kpki audit n --fail-on high | grep -B1 -A3 K024",
                code: 1,
                says: &["the ledger n/etc/kubernetes/pki/ca.ledger.jsonl is not whole: it is empty"],
                never: &[],
            },
        ],
    },
];

/// A cluster of kpki's own format.
const CLUSTER: &str = "\
apiVersion: kpki/v1alpha1
kind: Cluster
metadata: {name: demo}
spec:
  controlPlaneEndpoint: api.example.com
  algorithm: ecdsa-p256
  controlPlanes:
    - {name: cp1, addresses: [10.0.0.11]}
  workers:
    - {name: w1, addresses: [10.0.0.21]}
  users:
    - {name: jane, groups: [dev]}
";

const TREES: &[Case] = &[
    Case {
        situation: "the output of kpki init for a cluster: CAs, nodes and users beside one another",
        inputs: |desk| desk.put("cluster.yaml", 0o644, CLUSTER),
        runs: &[
            Run {
                line: "kpki init -f cluster.yaml --dir out > /dev/null && kpki ledger verify --ca out/ca",
                code: 0,
                says: &[
                    "out/ca/ca.ledger.jsonl",
                    "out/ca/etcd/ca.ledger.jsonl",
                    "out/ca/front-proxy-ca.ledger.jsonl",
                    "certificates at hand are recorded",
                ],
                never: &["NOT SOUND"],
            },
            Run {
                line: "cd out && kpki ledger verify --ca ca | tail -1 && cd ca && kpki ledger verify --ca . | tail -1 && cd etcd && kpki ledger verify --ca ca.crt",
                code: 0,
                says: &["certificates at hand are recorded"],
                never: &["no certificate is at hand"],
            },
            // Signed with the key in out/ca, by somebody who keeps no ledger, and put to nodes and users.
            Run {
                line: "sign() { openssl req -x509 -new -newkey rsa:2048 -nodes -keyout /dev/null -subj \"$3\" -CA $1.crt -CAkey $1.key -days 90 -out $2 2> /dev/null; }; \
                       sign out/ca/ca out/w1/etc/kubernetes/pki/stranger.crt /O=system:masters/CN=eve; \
                       sign out/ca/etcd/ca out/cp1/etc/kubernetes/pki/etcd/stranger.crt /CN=root; \
                       sign out/ca/front-proxy-ca out/users/stranger.crt /CN=front-proxy-client; \
                       kpki ledger verify --ca out/ca",
                code: 1,
                says: &[
                    "out/ca/ca.ledger.jsonl: out/w1/etc/kubernetes/pki/stranger.crt was issued by this CA",
                    "out/ca/etcd/ca.ledger.jsonl: out/cp1/etc/kubernetes/pki/etcd/stranger.crt was issued by this CA",
                    "out/ca/front-proxy-ca.ledger.jsonl: out/users/stranger.crt was issued by this CA",
                ],
                never: &[],
            },
            Run {
                line: "kpki ledger verify --ca out/ca/etcd/ca.crt -o json",
                code: 1,
                says: &["etcd/stranger.crt", "\"version\": 2", "\"atHand\":", "\"unread\": []"],
                never: &["w1/etc"],
            },
            Run {
                line: "kpki ledger verify --ca out | grep -c stranger",
                code: 1,
                says: &["3\n"],
                never: &[],
            },
        ],
    },
    Case {
        situation: "an intermediate CA's ledger lies beside its certificate, in the same tree",
        inputs: |_| {},
        runs: &[
            Run {
                line: "kpki ca init kubernetes --dir pki > /dev/null && kpki ca intermediate team --ca pki --out pki/teams/team.crt > /dev/null && \
                       kpki issue server web --san web --ca pki/teams/team.crt --out pki/web.crt > /dev/null && kpki ledger verify --ca pki",
                code: 0,
                says: &["pki/teams/team.ledger.jsonl"],
                never: &[],
            },
            Run {
                line: "openssl req -x509 -new -newkey rsa:2048 -nodes -keyout /dev/null -subj /CN=eve -CA pki/teams/team.crt -CAkey pki/teams/team.key -days 90 -out pki/eve.crt 2> /dev/null; kpki ledger verify --ca pki",
                code: 1,
                says: &["pki/teams/team.ledger.jsonl: pki/eve.crt was issued by this CA"],
                never: &[],
            },
        ],
    },
    Case {
        situation: "what lies in the tree and cannot be read is told",
        inputs: |desk| {
            control_plane(desk);
            desk.put(&format!("n/{PKI}/large.crt"), 0o644, vec![b'#'; (4 << 20) + 1]);
        },
        runs: &[Run {
            line: "kpki ledger adopt --ca n/etc/kubernetes/pki > /dev/null; kpki ledger verify --ca n/etc/kubernetes/pki && kpki ledger verify --ca n/etc/kubernetes/pki -o json",
            code: 0,
            says: &[
                "not read: n/etc/kubernetes/pki/large.crt: it is larger than what is read",
                ", but 1 could not be read",
                "\"n/etc/kubernetes/pki/large.crt: it is larger",
            ],
            never: &[],
        }],
    },
];

const BY_HAND: &[Case] = &[
    Case {
        situation: "what is named is adopted by the CA whose key has signed it, and nothing else is",
        inputs: |desk| {
            control_plane(desk);
            desk.put("notes.txt", 0o644, "nothing\n");
            desk.directory("empty");
        },
        runs: &[
            Run {
                line: "kpki ledger adopt --ca n/etc/kubernetes/pki later/apiserver.crt later/etcd-thief.crt later/admin.conf --dry-run && ls n/etc/kubernetes/pki/*ledger*",
                code: 2,
                says: &[
                    "dry run: n/etc/kubernetes/pki/ca.ledger.jsonl: would adopt 3 certificates",
                    "CN=kubernetes ",
                    "later/admin.conf (users[user].client-certificate-data)",
                    "dry run: n/etc/kubernetes/pki/etcd/ca.ledger.jsonl: would adopt 2 certificates",
                    "No such file",
                ],
                never: &["front-proxy"],
            },
            Run {
                line: "kpki ledger adopt --ca n/etc/kubernetes/pki later/apiserver.crt later/foreign.crt; [ $? = 1 ] && ! ls n/etc/kubernetes/pki/*ledger*",
                code: 0,
                says: &[
                    "refused: later/foreign.crt: CN=kube-apiserver is not signed by the key of any CA in n/etc/kubernetes/pki",
                    "nothing was adopted",
                ],
                never: &["done:"],
            },
            Run {
                line: "kpki ledger adopt --ca n/etc/kubernetes/pki --dry-run - < later/apiserver.crt; kpki ledger adopt --ca n/etc/kubernetes/pki --dry-run <(cat later/admin.conf); kpki ledger adopt --ca n/etc/kubernetes/pki --dry-run nowhere",
                code: 2,
                says: &["standard input", "CN=kubernetes-admin", "error: nowhere: there is no such file"],
                never: &["entity"],
            },
            Run {
                line: "kpki ledger adopt --ca n/etc/kubernetes/pki/ca.crt later/etcd-thief.crt -o json",
                code: 1,
                says: &[
                    "\"file\": \"later/etcd-thief.crt\"",
                    "CN=root is not signed by the key of CN=kubernetes (n/etc/kubernetes/pki/ca.crt)",
                    "\"ledgers\": []",
                ],
                never: &[],
            },
            Run {
                line: "kpki ledger adopt --ca n/etc/kubernetes/pki notes.txt",
                code: 2,
                says: &["notes.txt: it holds no certificate"],
                never: &[],
            },
            Run {
                line: "kpki ledger adopt --ca n/etc/kubernetes/pki missing.crt",
                code: 2,
                says: &["missing.crt", "check the path"],
                never: &[],
            },
            Run {
                line: "kpki ledger adopt --ca empty",
                code: 2,
                says: &["there is no CA certificate in empty"],
                never: &[],
            },
            Run {
                line: "kpki ledger adopt --ca n/etc/kubernetes/pki/ca.crt later/apiserver.crt && kpki ledger adopt --ca n/etc/kubernetes/pki/ca.crt later/apiserver.crt; wc -l < n/etc/kubernetes/pki/ca.ledger.jsonl",
                code: 0,
                says: &["adopted 2 certificates", "nothing to adopt; 1 certificate at hand recorded", "2\n"],
                never: &[],
            },
            // What was there and was not named is told.
            Run {
                line: "kpki ledger verify --ca n/etc/kubernetes/pki/ca.crt; [ $? = 1 ] && kpki ledger adopt --ca n/etc/kubernetes/pki/ca.crt && kpki ledger verify --ca n/etc/kubernetes/pki/ca.crt",
                code: 0,
                says: &[
                    "apiserver-kubelet-client.crt was issued by this CA and is not in its ledger",
                    "sound",
                ],
                never: &[],
            },
        ],
    },
    Case {
        situation: "a chain, a directory, and two CAs of one name",
        inputs: |desk| {
            let root = forge::ca("cn=kubernetes key=p256:adopt-root");
            let between = root.ca("cn=between key=p256:adopt-between");
            let leaf = between.leaf("cn=web eku=server sans=dns:web");
            desk.pair("pki/between", &between);
            desk.put("chain.pem", 0o644, leaf.pem() + &between.pem() + &root.pem());
            desk.put("dir/a.crt", 0o644, between.leaf("cn=a eku=client").pem());
            desk.put("dir/sub/b.der", 0o644, between.leaf("cn=b eku=client").der());
            desk.put("dir/notes.txt", 0o644, "nothing\n");
            desk.put("root.crt", 0o644, root.pem());
            let namesake = forge::ca("cn=between key=p256:adopt-namesake");
            desk.put("namesake.crt", 0o644, namesake.leaf("cn=c eku=client").pem());
        },
        runs: &[
            // The CAs above a leaf in its file are its chain.
            Run {
                line: "kpki ledger adopt --ca pki/between.crt chain.pem dir && kpki ledger list --ca pki/between.crt",
                code: 0,
                says: &["adopted 3 certificates", "CN=web", "CN=a", "CN=b"],
                never: &["CN=kubernetes  2"],
            },
            Run {
                line: "kpki ledger adopt --ca pki/between.crt root.crt; [ $? = 1 ] && kpki ledger adopt --ca pki/between.crt namesake.crt",
                code: 1,
                says: &[
                    "root.crt: CN=kubernetes is not signed by the key of CN=between",
                    "namesake.crt: CN=c is not signed by the key of CN=between",
                ],
                never: &[],
            },
        ],
    },
];

/// A file of tests/fixtures.
fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

/// Puts a file of tests/fixtures here.
fn copy(desk: &Desk, from: &str, to: &str, mode: u32) {
    desk.put(to, mode, std::fs::read(fixture(from)).expect("a fixture"));
}

const FIRST_VERSION: &[Case] = &[
    Case {
        situation: "a CA and its ledger as kpki 0.1.0 left them",
        inputs: |desk| {
            for (file, mode) in [
                ("ca.crt", 0o644),
                ("ca.key", 0o600),
                ("ca.ledger.jsonl", 0o644),
                ("jane.crt", 0o644),
                ("web.crt", 0o644),
            ] {
                copy(desk, &format!("ledger-0.1.0/{file}"), &format!("pki/{file}"), mode);
            }
        },
        runs: &[
            Run {
                line: "kpki ledger verify --ca pki && kpki ledger list --ca pki",
                code: 0,
                says: &[
                    "3      sound",
                    "all 3 certificates at hand are recorded",
                    "2026-11-25T12:30:00Z",
                    "server",
                ],
                never: &["(adopted)"],
            },
            Run {
                line: "\"$KPKI\" --now 2026-12-01T00:00:00Z issue user joe --ca pki --out pki/joe.crt && kpki ledger verify --ca pki; grep -c '\"version\":2' pki/ca.ledger.jsonl",
                code: 0,
                says: &["4      sound", "1\n"],
                never: &["was adopted"],
            },
            Run {
                line: "echo '{\"line\":5,\"version\":3}' >> pki/ca.ledger.jsonl; \"$KPKI\" --now 2026-12-01T00:00:00Z issue user jim --ca pki --out pki/jim.crt",
                code: 2,
                says: &[
                    "pki/ca.ledger.jsonl: the last line of the ledger is not an entry: it is of version 3 of the format, and versions up to 2 are known; a newer kpki reads it",
                ],
                never: &[],
            },
        ],
    },
    Case {
        situation: "kpki 0.1.0 has signed under kubeadm's CA: its ledger began without what was there",
        inputs: |desk| {
            for file in ["ca.crt", "apiserver.crt"] {
                copy(desk, &format!("kubeadm-ecdsa/pki/{file}"), &format!("n/{PKI}/{file}"), 0o644);
            }
            for file in ["ca.key", "apiserver.key"] {
                copy(desk, &format!("kubeadm-ecdsa/pki/{file}"), &format!("n/{PKI}/{file}"), 0o600);
            }
            copy(desk, "ledger-0.1.0/kubeadm-ecdsa.ledger.jsonl", &format!("n/{PKI}/ca.ledger.jsonl"), 0o644);
            copy(desk, "ledger-0.1.0/kubeadm-ecdsa-jane.crt", "jane.crt", 0o644);
        },
        runs: &[
            Run {
                line: "kpki ledger verify --ca n/etc/kubernetes/pki; \"$KPKI\" --now 2026-12-01T00:00:00Z audit n | grep -B1 -A4 K024",
                code: 1,
                says: &[
                    "apiserver.crt was issued by this CA and is not in its ledger",
                    "CN=kube-apiserver is not in n/etc/kubernetes/pki/ca.ledger.jsonl, which began on 2026-11-25T12:00:00Z without what had been signed before",
                ],
                never: &["CN=kubernetes is not in"],
            },
            Run {
                line: "kpki ledger adopt --ca n/etc/kubernetes/pki && kpki ledger verify --ca n/etc/kubernetes/pki && ! \"$KPKI\" --now 2026-12-01T00:00:00Z audit n | grep K024",
                code: 0,
                says: &["adopted 2 certificates", "3      sound"],
                never: &[],
            },
        ],
    },
];
