//! Findings of `kpki audit`: whether it speaks, how loud, and where.

use crate::desk::{Cluster, Desk, PKI};
use crate::forge;
use crate::table::{Case, Run, check};

/// Three control planes of one cluster below `out`, and their CAs' own directory.
fn three(desk: &Desk) {
    let mut cluster = Cluster::new();
    for (node, address) in [("cp1", "10.0.0.11"), ("cp2", "10.0.0.12"), ("cp3", "10.0.0.13")] {
        cluster = desk.control_plane_of(&format!("out/{node}"), cluster, node, address);
    }
}

#[test]
fn what_stands_in_several_places_is_judged_by_all_of_them() {
    check(&[
        Case {
            situation: "CAs that say CA:FALSE, with copies of them in a directory that comes first",
            inputs: |desk| {
                let mut cluster = Cluster::new();
                cluster.kubernetes = forge::ca("cn=kubernetes ca=false-encoded ku=none");
                cluster.etcd = forge::ca("cn=etcd-ca ca=false-encoded ku=none");
                let cluster = desk.control_plane_of("n", cluster, "cp1", "10.0.0.10");
                desk.put("n/etc/kubernetes/aa/copy.crt", 0o644, cluster.kubernetes.pem());
                desk.put("n/etc/kubernetes/aa/etcd-copy.crt", 0o644, cluster.etcd.pem());
            },
            runs: &[Run {
                line: "kpki audit n -q --select P",
                code: 1,
                says: &[
                    "high      basicConstraints says CA:FALSE",
                    "P011 ca-basic-constraints, n/etc/kubernetes/pki/ca.crt:1",
                    "P011 ca-basic-constraints, n/etc/kubernetes/pki/etcd/ca.crt:1",
                ],
                never: &[", n/etc/kubernetes/aa", "long for a leaf"],
            }],
        },
        Case {
            situation: "a CA that says CA:FALSE and stands in kubeconfigs and in a copy alone",
            inputs: |desk| {
                let mut cluster = Cluster::new();
                cluster.kubernetes = forge::ca("cn=kubernetes ca=false-encoded ku=none");
                let cluster = desk.control_plane_of("n", cluster, "cp1", "10.0.0.10");
                desk.remove(&format!("n/{PKI}/ca.crt"));
                desk.put("n/etc/kubernetes/aa/copy.crt", 0o644, cluster.kubernetes.pem());
            },
            runs: &[Run {
                line: "kpki audit n -q --select P011",
                code: 1,
                says: &["P011 ca-basic-constraints, n/etc/kubernetes/admin.conf:5"],
                never: &[", n/etc/kubernetes/aa"],
            }],
        },
        Case {
            situation: "expired kubeconfigs and pairs, with copies of the same and of other names in a directory that comes first",
            inputs: |desk| {
                desk.control_plane("n");
                for (from, to) in [
                    ("admin.conf", "admin.conf"),
                    ("scheduler.conf", "admin.conf2"),
                    ("pki/apiserver.crt", "apiserver.crt"),
                ] {
                    let text = desk.read(&format!("n/etc/kubernetes/{from}"));
                    desk.put(&format!("n/etc/kubernetes/aa/{to}"), 0o600, text);
                }
            },
            runs: &[Run {
                line: "kpki audit n -q --select T001 --at 2029-01-01",
                code: 1,
                says: &[
                    "T001 expired, n/etc/kubernetes/admin.conf:17",
                    "T001 expired, n/etc/kubernetes/scheduler.conf:17",
                    "T001 expired, n/etc/kubernetes/pki/apiserver.crt:1",
                    "--kubeconfig n/etc/kubernetes/admin.conf --force",
                ],
                never: &["n/etc/kubernetes/aa"],
            }],
        },
        Case {
            situation: "a leaf with its CA's key, of which a backup comes first",
            inputs: |desk| {
                let cluster = desk.control_plane("n");
                let leaf = cluster.kubernetes.leaf("cn=x eku=server sans=dns:x key=p256:first-kubernetes");
                desk.put("n/etc/kubernetes/aa.bak/x.crt", 0o644, leaf.pem());
                desk.pair("n/etc/kubernetes/pki/x", &leaf);
            },
            runs: &[Run {
                line: "kpki audit n -q --select F024",
                code: 1,
                says: &[
                    "the leaf (CN=x) has the key of the CA (CN=kubernetes)",
                    "F024 shared-key, n/etc/kubernetes/pki/x.crt:1",
                ],
                never: &["aa.bak/x.crt:"],
            }],
        },
        Case {
            situation: "an expired certificate that is in use in a directory with the name of a backup",
            inputs: |desk| {
                let cluster = desk.control_plane("n");
                let leaf = cluster
                    .kubernetes
                    .leaf("cn=kube-apiserver eku=server sans=dns:kubernetes from=-400d until=-30d");
                desk.pair("n/etc/kubernetes/pki-backup/live", &leaf);
                for (old, new) in [("apiserver.crt", "live.crt"), ("apiserver.key", "live.key")] {
                    let (old, new) = (format!("pki/{old}"), format!("pki-backup/{new}"));
                    desk.replace("n/etc/kubernetes/manifests/kube-apiserver.yaml", &old, &new);
                }
            },
            runs: &[Run {
                line: "kpki audit n -q --select T001,F021",
                code: 1,
                says: &["critical  it expired on", "T001 expired, n/etc/kubernetes/pki-backup/live.crt:1"],
                never: &["left behind"],
            }],
        },
        Case {
            situation: "one node with a backup of its old CA and another with a newer leaf that nobody uses",
            inputs: |desk| {
                three(desk);
                let old = forge::ca("cn=kubernetes cn-as=printable key=p256:older");
                desk.put("out/cp1/etc/kubernetes/pki.old/ca.crt", 0o644, old.pem());
                desk.put("out/cp2/etc/kubernetes/aa/kubernetes.crt", 0o644, old.pem());
            },
            runs: &[Run {
                line: "kpki audit --nodes out -q --select N",
                code: 0,
                says: &[],
                never: &["N001", "N003", "N007"],
            }],
        },
        Case {
            situation: "a copy of a certificate of etcd's member where a server's belongs",
            inputs: |desk| {
                let cluster = desk.control_plane("n");
                let leaf = cluster
                    .etcd
                    .leaf("cn=cp1 eku=server sans=dns:cp1,ip:10.0.0.10,ip:127.0.0.1 key=p256:one");
                for base in ["server", "peer"] {
                    desk.pair(&format!("n/{PKI}/etcd/{base}"), &leaf);
                }
            },
            runs: &[Run {
                line: "kpki audit n -q --select E002",
                code: 1,
                says: &[
                    "it lacks the purpose clientAuth",
                    "E002 peer-purposes, n/etc/kubernetes/pki/etcd/peer.crt:1",
                ],
                never: &[],
            }],
        },
    ]);
}

#[test]
fn several_trees_are_several_nodes_in_any_order() {
    const EXPIRED: &str = "the API server of the second of three nodes has expired";
    fn inputs(desk: &Desk) {
        three(desk);
        let cluster = Cluster::new();
        let leaf =
            cluster.kubernetes.leaf("cn=kube-apiserver eku=server sans=dns:kubernetes from=-400d until=-30d");
        desk.pair(&format!("out/cp2/{PKI}/apiserver"), &leaf);
        desk.directory("links");
        desk.link("links/a", "../out/cp1");
        desk.link("links/b", "../out/cp2");
    }
    check(&[
        Case {
            situation: EXPIRED,
            inputs,
            runs: &[
                Run {
                    line: "kpki audit out/cp*/etc/kubernetes -q --select T001",
                    code: 1,
                    says: &[
                        "note: the arguments are the trees of 3 nodes (cp1, cp2, cp3), and each is judged as one",
                        "T001 expired, cp2: pki/apiserver.crt:1",
                    ],
                    never: &["cp1:", "cp3:"],
                },
                Run {
                    line: "for order in 'cp1 cp2 cp3' 'cp3 cp2 cp1' 'cp2 cp3 cp1'; do set --; for node in $order; do set -- \"$@\" out/$node/etc/kubernetes; \
                           done; kpki audit \"$@\" -o json --fail-on none 2>/dev/null | sha256sum; done | sort -u | wc -l",
                    code: 0,
                    says: &["1\n"],
                    never: &[],
                },
                Run {
                    line: "kpki status out/cp3/etc/kubernetes out/cp1/etc/kubernetes out/cp2/etc/kubernetes",
                    code: 1,
                    says: &[
                        "NODE   CERTIFICATE",
                        "cp2    apiserver                  May 02, 2026 12:00 UTC   expired 30d ago",
                        "cp3    etcd-ca",
                    ],
                    never: &["ok:"],
                },
                // As --nodes says it, but for the paths.
                Run {
                    line: "kpki audit out -q --select T001; kpki audit out/cp1 out/cp2 out/cp3 -q --select T001",
                    code: 1,
                    says: &[
                        "note: out holds the trees of 3 nodes (cp1, cp2, cp3), and each is judged as one, as with --nodes",
                        "T001 expired, cp2: etc/kubernetes/pki/apiserver.crt:1",
                    ],
                    never: &[],
                },
                // Parts of each node, by the directory in which they lie.
                Run {
                    line: "kpki audit out/cp1/etc/kubernetes out/cp2/etc/kubernetes out/cp1/var/lib/kubelet out/cp2/var/lib/kubelet -q --select T001,K012",
                    code: 1,
                    says: &["2 nodes (cp1, cp2)", "T001 expired, cp2: etc/kubernetes/pki/apiserver.crt:1"],
                    never: &[],
                },
                Run {
                    line: "kpki audit out/cp2/etc/kubernetes out/cp2/var/lib/kubelet -q --select T001",
                    code: 1,
                    says: &["T001 expired, out/cp2/etc/kubernetes/pki/apiserver.crt:1"],
                    never: &["note:"],
                },
                // Copies whose places are told by what is in them.
                Run {
                    line: "mkdir -p c/one c/two; cp -r out/cp1/etc/kubernetes/pki c/one; cp -r out/cp2/etc/kubernetes/pki c/two; \
                           kpki audit c/one/pki c/two/pki -q --select T001",
                    code: 1,
                    says: &["2 nodes (one, two)", "T001 expired, two: apiserver.crt:1"],
                    never: &[],
                },
                Run {
                    line: "mv c/one/pki pki-one; mv c/two/pki pki-two; kpki audit pki-two pki-one -q --select T001",
                    code: 1,
                    says: &["2 nodes (pki-one, pki-two)", "T001 expired, pki-two: apiserver.crt:1"],
                    never: &[],
                },
                // The same tree twice is one.
                Run {
                    line: "kpki audit out/cp2 out/cp2/ ./out/cp2/etc/kubernetes links/b -q --select T001",
                    code: 1,
                    says: &["T001 expired, "],
                    never: &["note:", "2 nodes"],
                },
                Run {
                    line: "kpki audit links/a links/b -q --select T001",
                    code: 1,
                    says: &["2 nodes (a, b)", "T001 expired, b: etc/kubernetes/pki/apiserver.crt:1"],
                    never: &[],
                },
                // Single files: of one node each, and loose ones.
                Run {
                    line: "kpki status out/*/etc/kubernetes/pki/apiserver.crt",
                    code: 1,
                    says: &["cp1    apiserver", "cp2    apiserver", "cp3    apiserver"],
                    never: &[],
                },
                Run {
                    line: "cp pki-one/apiserver.crt one.crt; cp pki-two/apiserver.crt two.crt; kpki status two.crt one.crt",
                    code: 1,
                    says: &["one ", "two "],
                    never: &["NODE", "note:"],
                },
                Run {
                    line: "for node in cp1 cp2; do tar c -C out/$node . > $node.tar; done; kpki audit cp2.tar cp1.tar -q --select T001",
                    code: 1,
                    says: &["2 nodes (cp1, cp2)", "T001 expired, cp2: etc/kubernetes/pki/apiserver.crt:1"],
                    never: &[],
                },
                Run {
                    line: "tar c out | kpki audit - -q --select T001",
                    code: 1,
                    says: &[
                        "standard input holds the trees of 3 nodes",
                        "T001 expired, cp2: etc/kubernetes/pki/apiserver.crt:1",
                    ],
                    never: &[],
                },
                Run {
                    line: "kpki audit out/cp1/etc/kubernetes out/cp2/etc/kubernetes --fix",
                    code: 0,
                    says: &[],
                    never: &["not found again"],
                },
                Run {
                    line: "chmod 644 out/cp2/etc/kubernetes/pki/sa.key out/cp1/var/lib/kubelet/pki/*.pem; kpki audit out/cp*/etc/kubernetes out/cp*/var/lib/kubelet --fix",
                    code: 1,
                    says: &[
                        "out/cp2/etc/kubernetes/pki/sa.key",
                        "out/cp1/var/lib/kubelet/pki/kubelet-client-2026-01-02-03-04-05.pem",
                    ],
                    never: &["not found again"],
                },
            ],
        },
        Case {
            situation: "what kpki init makes of a cluster's file",
            inputs: |desk| desk.put("cluster.yaml", 0o644, include_str!("../../templates/cluster.yaml")),
            runs: &[
                Run {
                    line: "kpki init -f cluster.yaml --dir demo --all-nodes >/dev/null && kpki audit demo",
                    code: 0,
                    says: &[
                        "demo holds the trees of 5 nodes (cp1, cp2, cp3, worker1, worker2)",
                        "0 critical, 0 high",
                    ],
                    never: &[],
                },
                Run {
                    line: "kpki audit demo/*",
                    code: 0,
                    says: &["5 nodes", "0 critical, 0 high"],
                    never: &[],
                },
                Run {
                    line: "kpki status demo",
                    code: 0,
                    says: &["worker2"],
                    never: &["MISSING", "cannot be read"],
                },
            ],
        },
    ]);
}

/// A line in which `as_another` is `kpki` for somebody who may read the certificates alone, whoever runs the tests.
macro_rules! as_another {
    ($line:literal) => {
        concat!(
            "chmod -R go+rX .; find . -name '*.key' -o -name '*.conf' -o -name '*.pem' | xargs -r chmod 000; as_another() { \
             if [ \"$(id -u)\" = 0 ]; then setpriv --reuid=65534 --regid=65534 --clear-groups \"$KPKI\" --now 2026-06-01T12:00:00Z \
             \"$@\"; else kpki \"$@\"; fi; }; ",
            $line
        )
    };
}

#[test]
fn what_was_not_read_is_not_fine() {
    check(&[
        Case {
            situation: "nothing that could be judged",
            inputs: |desk| {
                desk.control_plane("n");
                desk.directory("empty");
                desk.put("notes/README", 0o644, "nothing\n");
                desk.put("notes/.gitkeep", 0o644, "");
                desk.put("system/etc/passwd", 0o644, "root\n");
                desk.directory("system/usr");
            },
            runs: &[
                Run {
                    line: "kpki audit empty",
                    code: 2,
                    says: &["error: nothing to judge in empty: no file is in it", "hint: "],
                    never: &["ok:"],
                },
                Run {
                    line: "kpki status empty",
                    code: 2,
                    says: &["nothing to judge in empty"],
                    never: &["ok:"],
                },
                Run {
                    line: "kpki audit notes",
                    code: 2,
                    says: &["nothing to judge in notes: 2 files were read, and nothing of a PKI is in them"],
                    never: &["ok:"],
                },
                Run {
                    line: "kpki audit notes/README",
                    code: 2,
                    says: &["nothing to judge in notes/README"],
                    never: &["ok:"],
                },
                Run {
                    line: "kpki audit system -o json",
                    code: 2,
                    says: &["nothing to judge in system"],
                    never: &["{"],
                },
                Run {
                    line: "kpki audit empty notes",
                    code: 2,
                    says: &["nothing to judge in empty, notes"],
                    never: &[],
                },
                Run {
                    line: "tar c n | gzip > n.tgz; kpki audit n.tgz",
                    code: 2,
                    says: &[
                        "n.tgz is compressed with gzip, and was not read",
                        "hint: gzip -dc n.tgz | kpki audit -",
                    ],
                    never: &["ok:"],
                },
                Run { line: "gzip -dc n.tgz | kpki audit -", code: 0, says: &["ok:"], never: &["not read"] },
                Run {
                    line: "tar c n | xz > n.txz; kpki status n.txz",
                    code: 2,
                    says: &["hint: xz -dc n.txz | kpki status -"],
                    never: &[],
                },
                Run {
                    line: "mv n.tgz n.tar; kpki audit n.tar",
                    code: 2,
                    says: &["n.tar is compressed with gzip"],
                    never: &[],
                },
                // An archive whose name does not say so.
                Run { line: "tar cf backup n; kpki audit backup", code: 0, says: &["ok:"], never: &[] },
                Run {
                    line: "mkdir some; mv n.tar some/cp1.tgz; kpki audit --nodes some",
                    code: 2,
                    says: &["nothing to judge in some", "gzip -dc some/cp1.tgz | kpki audit -"],
                    never: &[],
                },
            ],
        },
        Case {
            situation: "a node's tree with archives in it",
            inputs: |desk| {
                desk.control_plane("n");
            },
            runs: &[
                Run {
                    line: "tar cz n/etc/kubernetes/pki > k.tgz; tar c n/etc/kubernetes/pki > k.tar; mv k.tgz k.tar n/etc/kubernetes; kpki audit n",
                    code: 0,
                    says: &[
                        "it is compressed with gzip, and was not looked into",
                        "it is an archive, and was not looked into",
                        "ok: nothing of severity high or above was found; 2 files were not read, see above",
                    ],
                    never: &[],
                },
                Run {
                    line: "kpki audit n --fail-on-skipped",
                    code: 1,
                    says: &[
                        "FAIL: nothing of severity high or above was found; 2 files were not read, see above",
                    ],
                    never: &["ok:"],
                },
                Run {
                    line: "kpki audit n --fail-on-skipped --fail-on none -q",
                    code: 1,
                    says: &[],
                    never: &["ok:"],
                },
                Run {
                    line: "echo 'failOnSkipped: true' > .kpki.yaml; kpki audit n -o json | grep -A6 '\"unread\": {'; kpki audit n -q",
                    code: 1,
                    says: &["\"files\": 2"],
                    never: &[],
                },
                Run {
                    line: "echo 'failOnSkipped: 3' > .kpki.yaml; kpki audit n",
                    code: 2,
                    says: &[".kpki.yaml:1"],
                    never: &[],
                },
                Run {
                    line: "rm .kpki.yaml; kpki audit n -q --output-file a.xml --output-file a.prom --output-file a.sarif --output-file a.html --fail-on-skipped; cat a.xml a.prom; \
                           grep -c '\"level\": \"error\"' a.sarif; grep -o 'Not all was read: 2 files were not read' a.html",
                    code: 0,
                    says: &[
                        "<failure message=\"2 files were not read\" type=\"unread\">",
                        "kpki_audit_unread 2",
                        "Not all was read: 2 files were not read",
                    ],
                    never: &[],
                },
                // What a rule needs and was not given is another thing.
                Run {
                    line: "rm n/etc/kubernetes/k.t*; rm -r n/etc/kubernetes/manifests; kpki audit n --fail-on-skipped",
                    code: 0,
                    says: &["not judged", "ok:"],
                    never: &["not read"],
                },
            ],
        },
        Case {
            situation: "nodes of which nothing can be read",
            inputs: |desk| {
                three(desk);
                desk.directory("out/cp4");
                desk.put("out/cp5/README", 0o644, "to come\n");
            },
            runs: &[
                Run {
                    line: "kpki audit --nodes out",
                    code: 0,
                    says: &[
                        "nothing of a PKI was read of this node",
                        "; nothing was read of 2 nodes (cp4, cp5), see above",
                    ],
                    never: &[],
                },
                Run { line: "kpki audit --nodes out --fail-on-skipped -q", code: 1, says: &[], never: &[] },
                Run {
                    line: "kpki audit out",
                    code: 0,
                    says: &["nothing was read of 1 node (cp4)"],
                    never: &[],
                },
                Run { line: "kpki audit out/cp4 out/cp1", code: 0, says: &["ok:"], never: &[] },
            ],
        },
        Case {
            situation: "a tree of which another user may read the certificates alone",
            inputs: |desk| {
                desk.control_plane("n");
            },
            runs: &[
                Run {
                    line: as_another!("as_another audit n"),
                    code: 0,
                    says: &[
                        "not judged\n  ?  what is in it is not known: it may not be read",
                        "ok: nothing of severity high or above was found; 16 files were not read, see above",
                    ],
                    never: &[],
                },
                Run {
                    line: as_another!("as_another audit n --fail-on-skipped -q"),
                    code: 1,
                    says: &[],
                    never: &[],
                },
                Run {
                    line: as_another!("as_another status n"),
                    code: 1,
                    says: &[
                        "admin.conf                               cannot be read",
                        "   ca                      ?\n",
                        "FAIL: 5 cannot be read",
                    ],
                    never: &["ok:"],
                },
                Run {
                    line: as_another!("chmod go-rwx n/etc/kubernetes/pki; as_another audit n"),
                    code: 0,
                    says: &["1 directory were not read"],
                    never: &[],
                },
                Run {
                    line: as_another!("chmod go-rwx n; as_another audit n; as_another status n"),
                    code: 2,
                    says: &["nothing to judge in n: what is in it is not known: it may not be read"],
                    never: &["ok:"],
                },
            ],
        },
    ]);
}

/// A control plane of kubeadm's whose CA's certificate was made anew with its key: in the file of the CA, while kubeconfigs keep the old one.
macro_rules! renewed {
    ($words:literal) => {
        |desk| {
            let cluster = desk.control_plane("n");
            let anew = forge::ca(concat!("cn=kubernetes key=p256:first-kubernetes from=-1h ", $words));
            desk.put(&format!("n/{PKI}/ca.crt"), 0o644, anew.pem());
            desk.put("old-ca.crt", 0o644, cluster.kubernetes.pem());
        }
    };
}

#[test]
fn a_ca_that_was_renewed_is_judged_by_those_who_trust_it() {
    const REHEARSED: &str = "kpki rehearse n | tail -2; kpki audit n -q --select C,P02,F024";
    check(&[
        Case {
            situation: "the name of the CA is written in UTF8String now, as openssl does",
            inputs: renewed!("cn-as=utf8"),
            runs: &[
                Run {
                    line: REHEARSED,
                    code: 1,
                    says: &[
                        "FAIL: 7 of 12 connections",
                        "critical  CN=kubernetes in n/etc/kubernetes/pki/ca.crt signed it, and its name is written there in other bytes: kube-apiserver by \
                         --client-ca-file refuses it, as all that is written in Go, GnuTLS, NSS, wolfSSL and rustls do; OpenSSL and Java do not",
                        "C017 names-written-otherwise, n/etc/kubernetes/controller-manager.conf:17",
                        "C017 names-written-otherwise, n/etc/kubernetes/admin.conf:17",
                        "C017 names-written-otherwise, n/etc/kubernetes/pki/apiserver-kubelet-client.crt:1",
                        "C017 names-written-otherwise, n/var/lib/kubelet/pki/kubelet-client-2026-01-02-03-04-05.pem:1",
                        "a pod by --root-ca-file refuses it",
                    ],
                    never: &["F024", "Make a key for each"],
                },
                // Real verifiers say the same.
                Run {
                    line: "kpki inspect n/etc/kubernetes/admin.conf -o pem > all.pem; kpki verify n/etc/kubernetes/pki/apiserver-kubelet-client.crt --ca \
                           n/etc/kubernetes/pki/ca.crt --purpose client | head -1; kpki verify n/etc/kubernetes/pki/apiserver-kubelet-client.crt --ca old-ca.crt \
                           --purpose client | head -1",
                    code: 0,
                    says: &["NOT VALID as client", "valid as client"],
                    never: &[],
                },
            ],
        },
        Case {
            situation: "the same without a manifest, where kubeconfigs alone say who trusts what: pods are given the file of the CA",
            inputs: |desk| {
                desk.control_plane("n");
                let anew = forge::ca("cn=kubernetes key=p256:first-kubernetes from=-1h cn-as=utf8");
                desk.put(&format!("n/{PKI}/ca.crt"), 0o644, anew.pem());
                for name in ["kube-apiserver", "kube-controller-manager", "kube-scheduler", "etcd"] {
                    desk.remove(&format!("n/etc/kubernetes/manifests/{name}.yaml"));
                }
            },
            runs: &[Run {
                line: REHEARSED,
                code: 1,
                says: &[
                    "a pod by n/etc/kubernetes/pki/ca.crt refuses it",
                    "C017 names-written-otherwise, n/etc/kubernetes/pki/apiserver.crt:1",
                    "C017 names-written-otherwise, n/etc/kubernetes/admin.conf:17",
                ],
                never: &["ok:", "F024"],
            }],
        },
        Case {
            situation: "another key identifier, as a tool writes that takes another digest of the key",
            inputs: renewed!("cn-as=printable ski=0102030405060708"),
            runs: &[
                Run {
                    line: REHEARSED,
                    code: 1,
                    says: &[
                        "ok: all 12 connections",
                        "high      the authority key identifier is ",
                        "the issuer's subject key identifier 0102030405060708 in n/etc/kubernetes/pki/ca.crt: OpenSSL (curl, Python), GnuTLS, NSS, Java, wolfSSL \
                         and Botan refuse it, Go (every component of Kubernetes and etcd) does not",
                        "P022 authority-key-identifier, n/etc/kubernetes/pki/apiserver.crt:1",
                        "medium    the authority key identifier is ",
                        "P022 authority-key-identifier, n/etc/kubernetes/pki/apiserver-kubelet-client.crt:1",
                    ],
                    never: &["C017", "C018", "F024"],
                },
                Run {
                    line: "openssl verify -attime 1780315200 -CAfile n/etc/kubernetes/pki/ca.crt n/etc/kubernetes/pki/apiserver.crt; openssl verify -attime 1780315200 \
                           -CAfile old-ca.crt n/etc/kubernetes/pki/apiserver.crt",
                    code: 0,
                    says: &["unable to get local issuer certificate", "apiserver.crt: OK"],
                    never: &[],
                },
            ],
        },
        Case {
            situation: "leaves that name issuer and serial number of the CA's former certificate",
            inputs: |desk| {
                let cluster = desk.control_plane("n");
                for (base, words) in [
                    (
                        "apiserver",
                        "cn=kube-apiserver eku=server sans=dns:kubernetes,dns:kubernetes.default,dns:kubernetes.default.svc,\
                      dns:kubernetes.default.svc.cluster.local,dns:cp1,ip:10.96.0.1,ip:10.0.0.10,ip:127.0.0.1",
                    ),
                    ("apiserver-kubelet-client", "cn=kube-apiserver-kubelet-client eku=client"),
                ] {
                    let leaf =
                        cluster.kubernetes.leaf(&format!("until=+364d aki=full key=p256:{base} {words}"));
                    desk.pair(&format!("n/{PKI}/{base}"), &leaf);
                }
            },
            runs: &[
                Run {
                    line: "kpki audit n -q --select P023",
                    code: 0,
                    says: &[
                        "medium    its authority key identifier names the issuer's own issuer and serial number",
                    ],
                    never: &["high"],
                },
                Run {
                    line: "openssl req -x509 -new -key n/etc/kubernetes/pki/ca.key -subj /CN=kubernetes -days 3650 -set_serial 77 -out anew.crt -config <(printf \
                           '[req]\\nstring_mask=default\\ndistinguished_name=d\\nx509_extensions=e\\n[d]\\n[e]\\nsubjectKeyIdentifier=hash\\nbasicConstraints=critical,CA:TRUE\\nkeyUsage=critical,keyCertSign,cRLSign\\n') \
                           && cp anew.crt n/etc/kubernetes/pki/ca.crt; \
                           openssl verify -no_check_time -CAfile anew.crt n/etc/kubernetes/pki/apiserver.crt; kpki audit n -q --at 2027-01-01 --select P023",
                    code: 1,
                    says: &[
                        "verification failed",
                        "high      its authority key identifier names another certificate of its CA than the one in n/etc/kubernetes/pki/ca.crt: OpenSSL (curl, Python) and \
                         Java refuse it",
                        "P023 issuer-pinned, n/etc/kubernetes/pki/apiserver.crt:1",
                    ],
                    never: &[],
                },
            ],
        },
        Case {
            situation: "the same name, key and identifier, and an older certificate in kubeconfigs",
            inputs: renewed!("cn-as=printable until=+9y"),
            runs: &[Run {
                line: REHEARSED,
                code: 0,
                says: &["ok: all 12 connections"],
                never: &["C017", "C018", "P022", "F024", "critical", "  high"],
            }],
        },
        Case {
            situation: "a CA of the same name with another key in one trust file alone",
            inputs: |desk| {
                desk.control_plane("n");
                let other = forge::ca("cn=kubernetes cn-as=printable key=p256:other");
                desk.put(&format!("n/{PKI}/clients.crt"), 0o644, other.pem());
                desk.replace(
                    "n/etc/kubernetes/manifests/kube-apiserver.yaml",
                    "client-ca-file=/etc/kubernetes/pki/ca.crt",
                    "client-ca-file=/etc/kubernetes/pki/clients.crt",
                );
            },
            runs: &[Run {
                line: "kpki rehearse n | tail -1; kpki audit n -q",
                code: 1,
                says: &["FAIL: ", "critical", "clients.crt"],
                never: &[],
            }],
        },
        Case {
            situation: "a CA that was renewed so on the control planes and not on the workers",
            inputs: |desk| {
                three(desk);
                let cluster = Cluster::new();
                desk.put("out/w1/etc/kubernetes/pki/ca.crt", 0o644, cluster.kubernetes.pem());
                desk.kubelet("out/w1", &cluster, "w1", "https://10.0.0.11:6443");
                let anew = forge::ca("cn=kubernetes cn-as=utf8 key=p256:first-kubernetes from=-1h");
                for node in ["cp1", "cp2", "cp3"] {
                    desk.put(&format!("out/{node}/{PKI}/ca.crt"), 0o644, anew.pem());
                }
            },
            runs: &[Run {
                line: "kpki audit out -q --select N",
                code: 1,
                says: &[
                    "N001 authorities-differ, w1: etc/kubernetes/pki/ca.crt:1",
                    "and its name is written in other bytes",
                ],
                never: &[],
            }],
        },
    ]);
}

/// The environment of an etcd that no pod runs, whose one pair serves clients and peers.
fn etcd(desk: &Desk, file: &str, directory: &str, name: &str) {
    let url = "https://10.4.0.1";
    let values = [
        ("NAME", "node1".to_owned()),
        ("LISTEN_CLIENT_URLS", format!("{url}:2379,https://127.0.0.1:2379")),
        ("ADVERTISE_CLIENT_URLS", format!("{url}:2379")),
        ("LISTEN_PEER_URLS", format!("{url}:2380")),
        ("INITIAL_ADVERTISE_PEER_URLS", format!("{url}:2380")),
        ("INITIAL_CLUSTER", format!("node1={url}:2380,node2=https://10.4.0.2:2380")),
        ("CERT_FILE", format!("{directory}/{name}.pem")),
        ("KEY_FILE", format!("{directory}/{name}-key.pem")),
        ("TRUSTED_CA_FILE", format!("{directory}/ca.pem")),
        ("CLIENT_CERT_AUTH", "true".into()),
        ("PEER_CERT_FILE", format!("{directory}/{name}.pem")),
        ("PEER_KEY_FILE", format!("{directory}/{name}-key.pem")),
        ("PEER_TRUSTED_CA_FILE", format!("{directory}/ca.pem")),
        ("PEER_CLIENT_CERT_AUTH", "true".into()),
    ];
    let text: String = values.iter().map(|(name, value)| format!("ETCD_{name}={value}\n")).collect();
    desk.put(file, 0o644, text);
}

const MEMBER: &str =
    "cn=node1 eku=server,client sans=dns:node1,dns:localhost,ip:10.4.0.1,ip:127.0.0.1 until=+364d";

#[test]
fn severity_follows_what_happens() {
    check(&[
        Case {
            situation: "an intermediate CA for servers alone above clients",
            inputs: |desk| {
                let root = forge::ca("cn=root");
                let middle = root.ca("cn=etcd-intermediate eku=server");
                desk.put("n/etc/etcd/pki/ca.pem", 0o644, root.pem());
                for (name, words) in [("etcd", MEMBER), ("client", "cn=client eku=client")] {
                    let leaf = middle.leaf(words);
                    desk.put(&format!("n/etc/etcd/pki/{name}.pem"), 0o644, leaf.pem() + &middle.pem());
                    desk.put(&format!("n/etc/etcd/pki/{name}-key.pem"), 0o600, leaf.key_pem());
                }
                etcd(desk, "n/etc/etcd/etcd.conf", "/etc/etcd/pki", "etcd");
            },
            runs: &[Run {
                line: "kpki verify n/etc/etcd/pki/client.pem --ca n/etc/etcd/pki/ca.pem --purpose client | head -1; kpki rehearse n | tail -1; kpki audit n -q",
                code: 1,
                says: &[
                    "NOT VALID as client",
                    "FAIL: 2 of 2 connections",
                    "high      it is for clientAuth, and CN=etcd-intermediate admits only: serverAuth",
                    "C010 purposes-nested, n/etc/etcd/pki/client.pem:1",
                    "C010 purposes-nested, n/etc/etcd/pki/etcd.pem:1",
                ],
                never: &["C018", "M003"],
            }],
        },
        Case {
            situation: "the same CA above what is shown as a server alone",
            inputs: |desk| {
                let mut cluster = Cluster::new();
                cluster.kubernetes =
                    forge::ca("cn=kubernetes key=p256:first-kubernetes ku=digitalSignature,keyCertSign");
                let cluster = desk.control_plane_of("n", cluster, "cp1", "10.0.0.10");
                let middle = cluster.kubernetes.ca("cn=servers eku=server");
                let leaf = middle.leaf(
                    "cn=kube-apiserver eku=server,client until=+300d sans=dns:cp1,dns:kubernetes,dns:kubernetes.default,dns:kubernetes.default.svc,\
                     dns:kubernetes.default.svc.cluster.local,ip:10.96.0.1,ip:10.0.0.10,ip:127.0.0.1",
                );
                desk.pair(&format!("n/{PKI}/apiserver"), &leaf);
                desk.put(&format!("n/{PKI}/apiserver.crt"), 0o644, leaf.pem() + &middle.pem());
            },
            runs: &[Run {
                line: "kpki rehearse n | tail -2; kpki audit n -q --select C010,C018",
                code: 0,
                says: &["ok: all", "medium    it is for clientAuth, and CN=servers admits only: serverAuth"],
                never: &["high"],
            }],
        },
        Case {
            situation: "an intermediate that nobody sends along",
            inputs: |desk| {
                let cluster = desk.control_plane("n");
                let middle = cluster.kubernetes.ca("cn=middle");
                let leaf = middle.leaf("cn=kube-apiserver-kubelet-client eku=client until=+300d");
                desk.pair(&format!("n/{PKI}/apiserver-kubelet-client"), &leaf);
                desk.put(&format!("n/{PKI}/middle.crt"), 0o644, middle.pem());
            },
            runs: &[Run {
                line: "kpki rehearse n | tail -1; kpki audit n -q --select C",
                code: 1,
                says: &[
                    "FAIL: ",
                    "high      CN=middle is needed to verify it, and is neither served nor trusted",
                    "C011 intermediate-missing, n/etc/kubernetes/pki/apiserver-kubelet-client.crt:1",
                ],
                never: &["C018"],
            }],
        },
        Case {
            situation: "what only a verifier sees: a CA between that says CA:FALSE",
            inputs: |desk| {
                let cluster = desk.control_plane("n");
                let middle = cluster.kubernetes.ca("cn=middle ca=false-encoded ku=none");
                let leaf = middle.leaf("cn=kube-apiserver-kubelet-client eku=client until=+300d");
                desk.pair(&format!("n/{PKI}/apiserver-kubelet-client"), &leaf);
                desk.put(&format!("n/{PKI}/apiserver-kubelet-client.crt"), 0o644, leaf.pem() + &middle.pem());
            },
            runs: &[Run {
                line: "kpki rehearse n | tail -1; kpki audit n -q --select C",
                code: 1,
                says: &[
                    "FAIL: ",
                    "high      it is refused as client: CN=middle is not a CA: its certificate has CA:FALSE (the kubelet by authentication.x509.clientCAFile)",
                    "C018 refused, n/etc/kubernetes/pki/apiserver-kubelet-client.crt:1",
                ],
                never: &[],
            }],
        },
        Case {
            situation: "a member of etcd with one pair for clients and peers, in the layouts of the documents and of kubespray",
            inputs: |desk| {
                let ca = forge::ca("cn=etcd-ca");
                let leaf = ca.leaf(MEMBER);
                for (root, directory, name, file) in [
                    ("docs", "/etc/etcd/pki", "etcd", "etc/etcd/etcd.conf"),
                    ("spray", "/etc/ssl/etcd/ssl", "member-node1", "etc/etcd.env"),
                ] {
                    desk.put(&format!("{root}{directory}/ca.pem"), 0o644, ca.pem());
                    desk.pem_pair(&format!("{root}{directory}/{name}"), &leaf);
                    etcd(desk, &format!("{root}/{file}"), directory, name);
                }
            },
            runs: &[Run {
                line: "for tree in docs spray; do kpki audit $tree -q --select M003,M,C,P; done",
                code: 0,
                says: &[],
                never: &["M003", "high", "critical"],
            }],
        },
        Case {
            situation: "a leaf that outlives its CA by seconds, in a hundred years, and one by months, soon",
            inputs: |desk| {
                let ca = forge::ca("cn=etcd-ca until=+36500d");
                desk.put("n/ca.pem", 0o644, ca.pem());
                desk.pem_pair("n/node1", &ca.leaf(&MEMBER.replace("+364d", "2126-05-08T12:00:09Z")));
                let near = forge::ca("cn=near-ca until=+200d");
                desk.put("m/ca.pem", 0o644, near.pem());
                desk.pem_pair("m/node1", &near.leaf(MEMBER));
            },
            runs: &[
                Run {
                    line: "kpki audit n -q --select C006",
                    code: 0,
                    says: &["low       it ends 0 minutes and 9 seconds after its issuer's"],
                    never: &["high"],
                },
                Run {
                    line: "kpki audit m -q --select C006",
                    code: 1,
                    says: &["high      it ends 164 days and 0 hours after its issuer's"],
                    never: &[],
                },
                Run {
                    line: "kpki audit n -q --select C006 --at 2126-05-08",
                    code: 0,
                    says: &["low"],
                    never: &["high"],
                },
            ],
        },
        Case {
            situation: "a client without extended key usage, which is accepted as every one",
            inputs: |desk| {
                let ca = forge::ca("cn=kubernetes");
                desk.pair("n/ca", &ca);
                desk.pair(
                    "n/apiserver-kubelet-client",
                    &ca.leaf("o=system:masters cn=kube-apiserver-kubelet-client eku=none"),
                );
            },
            runs: &[Run {
                line: "kpki verify n/apiserver-kubelet-client.crt --ca n/ca.crt --purpose client | head -1; kpki audit n -q --select P017",
                code: 0,
                says: &[
                    "valid as client",
                    "medium    extended key usage is missing, so it is good for every purpose",
                ],
                never: &["lacks", "high"],
            }],
        },
        Case {
            situation: "clients and members with both purposes, as profiles of cfssl give them",
            inputs: |desk| {
                let (ca, proxy) = (forge::ca("cn=kube-ca"), forge::ca("cn=kube-apiserver-requestheader-ca"));
                for (name, certificate) in [
                    ("kube-ca", &ca),
                    ("kube-apiserver-requestheader-ca", &proxy),
                    (
                        "kube-apiserver-proxy-client",
                        &proxy.leaf("cn=kube-apiserver-proxy-client eku=server,client"),
                    ),
                    (
                        "kube-etcd-10-9-0-1",
                        &ca.leaf(
                            "cn=system:kube-etcd-10-9-0-1 eku=server,client sans=ip:10.9.0.1,dns:localhost",
                        ),
                    ),
                    ("jane", &ca.leaf("cn=system:jane eku=client")),
                ] {
                    desk.pem_pair(&format!("n/etc/kubernetes/ssl/{name}"), certificate);
                }
            },
            runs: &[Run {
                line: "kpki audit n -q --select P018,K017",
                code: 1,
                says: &[
                    "high      its user is system:jane",
                    "K017 reserved-names, n/etc/kubernetes/ssl/jane.pem:1",
                ],
                never: &["P018", "kube-etcd", "proxy-client"],
            }],
        },
        Case {
            situation: "purposes for everybody, which OpenSSL takes for none",
            inputs: |desk| {
                let ca = forge::ca("cn=kubernetes");
                desk.pair("n/ca", &ca);
                desk.pair("n/any", &ca.leaf("cn=any eku=any sans=dns:any"));
                desk.pair("n/both", &ca.leaf("cn=both eku=server,any sans=dns:both"));
            },
            runs: &[Run {
                line: "for name in any both; do openssl verify -attime 1780315200 -purpose sslserver -CAfile n/ca.crt n/$name.crt; done; kpki verify n/any.crt --ca \
                       n/ca.crt --purpose server | head -1; kpki audit n -q --select P017",
                code: 1,
                says: &[
                    "error n/any.crt: verification failed",
                    "both.crt: OK",
                    "any.crt: valid as server",
                    "high      it is for anyExtendedKeyUsage alone",
                    "medium    it is for anyExtendedKeyUsage, so",
                ],
                never: &[],
            }],
        },
    ]);
}
