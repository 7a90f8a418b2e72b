//! `kpki status`.

use crate::desk::{Cluster, Desk, PKI};
use crate::table::{Case, Run, check};

const PKIS: &str = "n/etc/kubernetes/pki";

#[test]
fn what_has_no_certificate_has_a_line() {
    check(&[
        Case {
            situation: "a control plane of kubeadm's that lacks some files",
            inputs: |desk| {
                desk.control_plane("n");
                desk.remove(&format!("n/{PKI}/apiserver-kubelet-client.crt"));
                desk.remove(&format!("n/{PKI}/etcd/ca.crt"));
                desk.remove("n/etc/kubernetes/scheduler.conf");
                desk.put(&format!("n/{PKI}/front-proxy-client.crt"), 0o644, "");
                desk.put(
                    &format!("n/{PKI}/etcd/peer.crt"),
                    0o644,
                    "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
                );
            },
            runs: &[
                Run {
                    line: "kpki status n",
                    code: 1,
                    says: &[
                        "!MISSING! apiserver-kubelet-client\n",
                        "!MISSING! scheduler.conf\n",
                        "!MISSING! etcd-ca\n",
                        "etcd-peer                            cannot be read\n",
                        "front-proxy-client                   cannot be read\n",
                        "missing: n/etc/kubernetes/pki/etcd/ca.crt: ",
                        "cannot be read: n/etc/kubernetes/pki/front-proxy-client.crt: no certificate is in it",
                        "FAIL: 3 are missing, 2 cannot be read",
                    ],
                    never: &["ok:"],
                },
                Run {
                    line: "kpki status n/etc/kubernetes -o json",
                    code: 1,
                    says: &[
                        "\"missing\": [",
                        "\"path\": \"n/etc/kubernetes/scheduler.conf\"",
                        "\"name\": \"etcd-peer\"",
                        "\"missing\": 3,\n    \"unread\": 2,",
                    ],
                    never: &[],
                },
                Run {
                    line: "cd n; kpki status etc/kubernetes/pki",
                    code: 1,
                    says: &["missing: etc/kubernetes/pki/etcd/ca.crt: "],
                    never: &["scheduler.conf"],
                },
                Run {
                    line: "tar c -C n . | kpki status -",
                    code: 1,
                    says: &["missing: etc/kubernetes/pki/etcd/ca.crt", "FAIL: 3 are missing"],
                    never: &[],
                },
            ],
        },
        Case {
            situation: "kubeconfigs of kubeadm's that are empty, or none any more",
            inputs: |desk| {
                desk.control_plane("n");
                desk.put("n/etc/kubernetes/admin.conf", 0o600, "");
                desk.put("n/etc/kubernetes/scheduler.conf", 0o600, "apiVersion: v1\n");
                desk.put(
                    "n/etc/kubernetes/controller-manager.conf",
                    0o600,
                    "apiVersion: v1\nkind: Config\nclusters: []\ncontexts: []\nusers: []\n",
                );
            },
            runs: &[
                Run {
                    line: "kpki status n",
                    code: 1,
                    says: &[
                        "cannot be read: n/etc/kubernetes/admin.conf: no kubeconfig is in it",
                        "cannot be read: n/etc/kubernetes/scheduler.conf: no kubeconfig is in it",
                        "cannot be read: n/etc/kubernetes/controller-manager.conf: no user is in it",
                        "FAIL: 3 cannot be read",
                    ],
                    never: &["ok:"],
                },
                Run {
                    line: "kpki audit n -q --select F025",
                    code: 1,
                    says: &[
                        "high      it is empty\n            F025 unreadable, n/etc/kubernetes/admin.conf",
                        "high      no kubeconfig is in it\n            F025 unreadable, n/etc/kubernetes/scheduler.conf",
                        "high      no user is in it\n            F025 unreadable, n/etc/kubernetes/controller-manager.conf",
                    ],
                    never: &[],
                },
            ],
        },
        Case {
            situation: "trees that are no control plane of kubeadm's, or not all of one",
            inputs: |desk| {
                let cluster = desk.control_plane("n");
                desk.put("w/etc/kubernetes/pki/ca.crt", 0o644, cluster.kubernetes.pem());
                desk.kubelet("w", &cluster, "w1", "https://10.0.0.10:6443");
                desk.pair("cas/ca", &cluster.kubernetes);
                desk.pair("cas/front-proxy-ca", &cluster.front_proxy);
                desk.pair("cas/etcd/ca", &cluster.etcd);
                desk.put("cas/sa.key", 0o600, cluster.service_account.key_pem());
            },
            runs: &[
                Run {
                    line: "kpki status n && kpki status w && kpki status cas && kpki status n/etc/kubernetes/pki",
                    code: 0,
                    says: &["ok: none has expired"],
                    never: &["MISSING"],
                },
                // An external etcd, and its own files gone.
                Run {
                    line: "rm n/etc/kubernetes/manifests/etcd.yaml n/etc/kubernetes/pki/etcd/{server,peer,healthcheck-client}.*; kpki status n",
                    code: 0,
                    says: &["ok: none has expired"],
                    never: &["MISSING"],
                },
                Run {
                    line: "rm n/etc/kubernetes/super-admin.conf n/etc/kubernetes/pki/{ca,front-proxy-ca}.key; kpki status n",
                    code: 0,
                    says: &["yes"],
                    never: &["MISSING"],
                },
            ],
        },
    ]);
}

#[test]
fn links_are_followed_within_a_tree() {
    check(&[Case {
        situation: "a kubelet's current certificate, and files behind links",
        inputs: |desk| {
            let cluster = desk.control_plane("n");
            // A later one that the link does not lead to.
            let stray = cluster.kubernetes.leaf("o=system:nodes cn=system:node:cp1 eku=client until=+700d");
            desk.put(
                "n/var/lib/kubelet/pki/kubelet-client-2026-05-02-03-04-05.pem",
                0o600,
                format!("{}{}", stray.pem(), stray.key_pem()),
            );
            let server = desk.read(&format!("n/{PKI}/apiserver.crt"));
            desk.put("n/etc/kubernetes/ssl/api.crt", 0o644, server);
            desk.remove(&format!("n/{PKI}/apiserver.crt"));
            desk.link(&format!("n/{PKI}/apiserver.crt"), "../ssl/api.crt");
        },
        runs: &[
            Run {
                line: "kpki status n",
                code: 0,
                says: &[
                    "kubelet-client-current.pem   May 31, 2027 12:00 UTC   364d",
                    "1 copy that was put aside or replaced: not listed",
                    "ok: none has expired",
                ],
                never: &["kubelet-client-2026", "MISSING"],
            },
            Run {
                line: "kpki status n --at 2027-06-10",
                code: 1,
                says: &["kubelet-client-current.pem   May 31, 2027 12:00 UTC   expired"],
                never: &[],
            },
            Run {
                line: "mkdir srv; mv n/etc/kubernetes/ssl/api.crt srv; ln -sfn /nowhere/api.crt n/etc/kubernetes/pki/apiserver.crt; kpki status n/etc/kubernetes",
                code: 1,
                says: &[
                    "apiserver                  cannot be read",
                    "cannot be read: n/etc/kubernetes/pki/apiserver.crt: it leads to /nowhere/api.crt, out of what was given",
                ],
                never: &["ok:"],
            },
            Run {
                line: "ln -sfn gone.crt n/etc/kubernetes/pki/apiserver.crt; kpki status n",
                code: 1,
                says: &["n/etc/kubernetes/pki/apiserver.crt: it leads to gone.crt, and there is nothing"],
                never: &["ok:"],
            },
        ],
    }]);
}

#[test]
fn what_was_put_aside_is_no_alarm() {
    fn inputs(desk: &Desk) {
        let cluster: Cluster = desk.control_plane("n");
        let old = cluster
            .kubernetes
            .leaf("cn=kube-apiserver eku=server sans=dns:kubernetes from=-400d until=-30d key=p256:old");
        for (name, mode, contents) in [
            ("apiserver.crt.1747137600.bak", 0o644, old.pem()),
            ("apiserver.key.1747137600.bak", 0o600, old.key_pem().clone()),
            ("apiserver.crt.old", 0o644, old.pem()),
        ] {
            desk.put(&format!("{PKIS}/{name}"), mode, contents);
        }
    }
    check(&[Case {
        situation: "backups of what was replaced, expired",
        inputs,
        runs: &[
            Run {
                line: "kpki status n",
                code: 0,
                says: &["2 copies that were put aside or replaced: not listed", "ok: none has expired"],
                never: &["expired 30d ago", ".bak"],
            },
            Run {
                line: "kpki audit n -o prometheus | grep not_after",
                code: 0,
                says: &["pki/apiserver.crt\""],
                never: &[".bak", ".old"],
            },
            Run {
                line: "kpki audit n --select F021",
                code: 0,
                says: &["info      F021 left-overs", "0 high"],
                never: &["  medium", "  low ", "  high "],
            },
            // Another's copy of a key is another thing.
            Run {
                line: "cp n/etc/kubernetes/pki/sa.key n/etc/kubernetes/pki/sa.key.old; kpki audit n -q --select F021",
                code: 1,
                says: &["high      a private key was left behind"],
                never: &[],
            },
            // The backups themselves, where they are asked for.
            Run {
                line: "mkdir b.bak; mv n/etc/kubernetes/pki/apiserver.crt.1747137600.bak b.bak/apiserver.crt; kpki status b.bak",
                code: 1,
                says: &["expired 30d ago", "FAIL: 1 of 1 has expired"],
                never: &[],
            },
        ],
    }]);
}
