//! `kpki rehearse`.

use crate::desk::{Cluster, Desk, LEAF};
use crate::forge;
use crate::table::{Case, Run, check};

#[test]
fn rehearsals() {
    check(CASES);
}

/// What a member of etcd is told by its environment, of one pair.
fn environment(directory: &str, pair: &str) -> String {
    format!(
        "ETCD_NAME=cp1\nETCD_LISTEN_CLIENT_URLS=https://10.0.0.10:2379\nETCD_ADVERTISE_CLIENT_URLS=https://10.0.0.10:2379\n\
         ETCD_LISTEN_PEER_URLS=https://10.0.0.10:2380\nETCD_INITIAL_ADVERTISE_PEER_URLS=https://10.0.0.10:2380\n\
         ETCD_INITIAL_CLUSTER=cp1=https://10.0.0.10:2380\nETCD_CERT_FILE={directory}/{pair}.pem\n\
         ETCD_KEY_FILE={directory}/{pair}-key.pem\nETCD_TRUSTED_CA_FILE={directory}/ca.pem\nETCD_CLIENT_CERT_AUTH=true\n\
         ETCD_PEER_CERT_FILE={directory}/{pair}.pem\nETCD_PEER_KEY_FILE={directory}/{pair}-key.pem\n\
         ETCD_PEER_TRUSTED_CA_FILE={directory}/ca.pem\nETCD_PEER_CLIENT_CERT_AUTH=true\n"
    )
}

/// A control plane whose etcd runs outside of it, with its pair from `authority`.
fn etcd_beside(desk: &Desk, cluster: Cluster, authority: &forge::Forged) {
    let cluster = desk.control_plane_of("n", cluster, "cp1", "10.0.0.10");
    desk.remove("n/etc/kubernetes/manifests/etcd.yaml");
    for name in ["server", "peer", "healthcheck-client", "ca"] {
        desk.remove(&format!("n/etc/kubernetes/pki/etcd/{name}.crt"));
        desk.remove(&format!("n/etc/kubernetes/pki/etcd/{name}.key"));
    }
    let directory = "n/etc/ssl/etcd/ssl";
    desk.put(&format!("{directory}/ca.pem"), 0o644, cluster.etcd.pem());
    let names = "sans=dns:cp1,dns:localhost,ip:10.0.0.10,ip:127.0.0.1 eku=server,client";
    desk.pem_pair(&format!("{directory}/member-cp1"), &authority.leaf(&format!("{LEAF} cn=member {names}")));
    desk.pem_pair(
        &format!("{directory}/node-cp1"),
        &cluster.etcd.leaf(&format!("{LEAF} cn=node eku=server,client key=p256:node-cp1")),
    );
    let manifest = "n/etc/kubernetes/manifests/kube-apiserver.yaml";
    for (from, to) in [
        ("/etc/kubernetes/pki/etcd/ca.crt", "/etc/ssl/etcd/ssl/ca.pem"),
        ("/etc/kubernetes/pki/apiserver-etcd-client.crt", "/etc/ssl/etcd/ssl/node-cp1.pem"),
        ("/etc/kubernetes/pki/apiserver-etcd-client.key", "/etc/ssl/etcd/ssl/node-cp1-key.pem"),
    ] {
        desk.replace(manifest, from, to);
    }
}

/// What systemd starts on a master without kubeadm.
fn by_units(desk: &Desk) {
    let ca = forge::ca("cn=kubernetes-ca");
    let leaf = |words: &str| ca.leaf(&format!("{LEAF} {words}"));
    let lib = "n/var/lib/kubernetes";
    desk.pair(&format!("{lib}/ca"), &ca);
    desk.pair(
        &format!("{lib}/kube-api-server"),
        &leaf(
            "cn=kubernetes eku=server,client sans=dns:kubernetes,dns:kubernetes.default.svc,dns:server,ip:10.32.0.1,ip:10.0.0.9,ip:127.0.0.1",
        ),
    );
    for (name, words) in [
        ("kube-controller-manager", "cn=system:kube-controller-manager eku=client key=p256:kcm"),
        ("kube-scheduler", "cn=system:kube-scheduler eku=client key=p256:ks"),
        ("kube-proxy", "cn=system:kube-proxy eku=client key=p256:kp"),
    ] {
        desk.kubeconfig(
            &format!("{lib}/{name}.kubeconfig"),
            &ca.pem(),
            &leaf(words),
            "https://10.0.0.9:6443",
        );
    }
    let unit = |name: &str, start: &str| {
        desk.put(
            &format!("n/etc/systemd/system/{name}.service"),
            0o644,
            format!("[Service]\nExecStart={start}\n"),
        );
    };
    unit(
        "kube-apiserver",
        "/usr/local/bin/kube-apiserver --client-ca-file=/var/lib/kubernetes/ca.crt --etcd-servers=http://127.0.0.1:2379 \\\n \
         --kubelet-client-certificate=/var/lib/kubernetes/kube-api-server.crt --kubelet-client-key=/var/lib/kubernetes/kube-api-server.key \\\n \
         --service-cluster-ip-range=10.32.0.0/24 --tls-cert-file=/var/lib/kubernetes/kube-api-server.crt \\\n \
         --tls-private-key-file=/var/lib/kubernetes/kube-api-server.key --advertise-address=10.0.0.9",
    );
    unit(
        "kube-controller-manager",
        "/usr/local/bin/kube-controller-manager --kubeconfig=/var/lib/kubernetes/kube-controller-manager.kubeconfig \
         --root-ca-file=/var/lib/kubernetes/ca.crt",
    );
    unit(
        "kube-scheduler",
        "/usr/local/bin/kube-scheduler --config=/etc/kubernetes/config/kube-scheduler.yaml",
    );
    desk.put(
        "n/etc/kubernetes/config/kube-scheduler.yaml",
        0o644,
        "apiVersion: kubescheduler.config.k8s.io/v1\nkind: KubeSchedulerConfiguration\nclientConnection:\n  \
         kubeconfig: \"/var/lib/kubernetes/kube-scheduler.kubeconfig\"\n",
    );
    unit("kube-proxy", "/usr/local/bin/kube-proxy --kubeconfig=/var/lib/kubernetes/kube-proxy.kubeconfig");
}

/// An etcd that systemd starts with these flags.
fn etcd_of_unit(desk: &Desk, flags: &str) {
    let text = format!("[Service]\nExecStart=/usr/local/bin/etcd --name cp1 {flags}\n");
    desk.put("n/etc/systemd/system/etcd.service", 0o644, text);
}

const CASES: &[Case] = &[
    Case {
        situation: "a certificate that has the network of the services and not the address of the service",
        inputs: |desk| {
            let cluster = desk.control_plane("n");
            let names = "sans=dns:cp1,dns:kubernetes,dns:kubernetes.default,dns:kubernetes.default.svc,\
                         dns:kubernetes.default.svc.cluster.local,ip:10.96.0.0,ip:10.0.0.10,ip:127.0.0.1";
            let leaf = cluster.kubernetes.leaf(&format!("{LEAF} cn=kube-apiserver eku=server {names}"));
            desk.pair("n/etc/kubernetes/pki/apiserver", &leaf);
        },
        runs: &[Run {
            line: "kpki rehearse n",
            code: 1,
            says: &[
                "pods → apiserver                   FAIL",
                "apiserver.crt does not hold 10.96.0.1, which a pod dials",
                "kubelet → apiserver                ok",
                "FAIL: 1 of 12 connections",
            ],
            never: &["all went through"],
        }],
    },
    Case {
        situation: "an etcd beside the cluster, which its environment file tells how to run",
        inputs: |desk| {
            let cluster = Cluster::new();
            let authority = cluster.etcd.clone();
            etcd_beside(desk, cluster, &authority);
            desk.put("n/etc/etcd.env", 0o644, environment("/etc/ssl/etcd/ssl", "member-cp1"));
        },
        runs: &[Run {
            line: "kpki rehearse n",
            code: 0,
            says: &[
                "apiserver → etcd                   ok",
                "etcd → its peers                   ok",
                "ok: all 11 connections",
            ],
            never: &["etcd's files are not here"],
        }],
    },
    Case {
        situation: "the same etcd, with the certificate of a member from another CA",
        inputs: |desk| {
            etcd_beside(desk, Cluster::new(), &forge::ca("cn=another-etcd-ca"));
            desk.put("n/etc/etcd.env", 0o644, environment("/etc/ssl/etcd/ssl", "member-cp1"));
        },
        runs: &[
            Run {
                line: "kpki rehearse n",
                code: 1,
                says: &[
                    "apiserver → etcd                   FAIL",
                    "etcd → its peers                   FAIL",
                    "member-cp1.pem is not from a CA in /etc/ssl/etcd/ssl/ca.pem",
                ],
                never: &["etcd's files are not here", "kpki init"],
            },
            Run {
                line: "mkdir -p e/etc && cp -r n/etc/ssl n/etc/etcd.env e/etc && kpki rehearse e",
                code: 1,
                says: &["etcd → its peers       FAIL"],
                never: &["holds no PKI"],
            },
            Run {
                line: "sed -n 's/^ETCD_/--/p' n/etc/etcd.env | sed 's/^[^=]*/\\L&/; y/_/-/' | tr '\\n' ' ' > flags; rm n/etc/etcd.env; \
                       mkdir -p n/etc/systemd/system; printf '[Service]\\nExecStart=/usr/bin/etcd %s\\n' \"$(cat flags)\" > n/etc/systemd/system/etcd.service; \
                       kpki rehearse n",
                code: 1,
                says: &["apiserver → etcd                   FAIL"],
                never: &["etcd's files are not here"],
            },
        ],
    },
    Case {
        situation: "an etcd that is configured in YAML and verifies nobody",
        inputs: |desk| {
            let cluster = Cluster::new();
            let authority = cluster.etcd.clone();
            etcd_beside(desk, cluster, &authority);
            desk.put(
                "n/etc/systemd/system/etcd.service",
                0o644,
                "[Service]\nExecStart=/usr/bin/etcd --config-file=/etc/etcd/c.yml\n",
            );
            desk.put(
                "n/etc/etcd/c.yml",
                0o644,
                "name: cp1\nadvertise-client-urls: https://10.0.0.10:2379\ninitial-advertise-peer-urls: https://10.0.0.10:2380\n\
                 client-transport-security:\n  cert-file: /etc/ssl/etcd/ssl/member-cp1.pem\n  key-file: /etc/ssl/etcd/ssl/member-cp1-key.pem\n\
                 peer-transport-security:\n  cert-file: /etc/ssl/etcd/ssl/member-cp1.pem\n  key-file: /etc/ssl/etcd/ssl/member-cp1-key.pem\n  \
                 trusted-ca-file: /etc/ssl/etcd/ssl/ca.pem\n  client-cert-auth: true\n",
            );
        },
        runs: &[Run {
            line: "kpki rehearse n",
            code: 1,
            says: &[
                "apiserver → etcd                   FAIL",
                "etcd → its peers                   ok",
                "has neither --client-cert-auth nor --trusted-ca-file, so etcd asks nobody for a certificate",
            ],
            never: &["it could not be read"],
        }],
    },
    Case {
        situation: "a master of which systemd starts everything",
        inputs: by_units,
        runs: &[
            Run {
                line: "kpki rehearse n",
                code: 1,
                says: &[
                    "controller-manager → apiserver  ok",
                    "scheduler → apiserver           ok",
                    "kube-proxy → apiserver          ok",
                    "pods → apiserver                ok",
                    "http://127.0.0.1:2379 is not spoken to with TLS",
                ],
                never: &["admin.conf is missing", "kubelet.conf is missing"],
            },
            Run {
                line: "sed -i 's/10.32.0.0/10.33.0.0/' n/etc/systemd/system/kube-apiserver.service; kpki rehearse n/var/lib/kubernetes",
                code: 1,
                says: &["does not hold 10.33.0.1, which a pod dials"],
                never: &[],
            },
        ],
    },
    Case {
        situation: "an intermediate that may only sign servers above the pair of an etcd",
        inputs: |desk| {
            let root = forge::ca("cn=etcd-ca");
            let intermediate = root.ca("cn=etcd-intermediate eku=server");
            let names = "sans=dns:cp1,dns:localhost,ip:10.0.0.10,ip:127.0.0.1 eku=server,client";
            let leaf = intermediate.leaf(&format!("{LEAF} cn=member {names}"));
            desk.put("n/etc/etcd/pki/ca.pem", 0o644, root.pem());
            desk.put("n/etc/etcd/pki/etcd.pem", 0o644, leaf.pem() + &intermediate.pem());
            desk.put("n/etc/etcd/pki/etcd-key.pem", 0o600, leaf.key_pem());
            desk.put("n/etc/etcd/etcd.conf", 0o644, environment("/etc/etcd/pki", "etcd"));
        },
        runs: &[
            Run {
                line: "kpki rehearse n",
                code: 1,
                says: &[
                    "mend    have CN=etcd-intermediate (n/etc/etcd/pki/etcd.pem:",
                    "issued anew by its own CA",
                ],
                never: &["move n/etc/etcd/pki/etcd.pem"],
            },
            Run {
                line: "kpki rehearse n -o json | grep -A3 '\"above\"'",
                code: 1,
                says: &["\"subject\": \"CN=etcd-intermediate\""],
                never: &[],
            },
        ],
    },
    Case {
        situation: "an etcd that speaks without TLS, beside an API server that knows so",
        inputs: |desk| {
            by_units(desk);
            etcd_of_unit(
                desk,
                "--listen-client-urls http://127.0.0.1:2379 --listen-peer-urls http://127.0.0.1:2380",
            );
        },
        runs: &[
            Run {
                line: "kpki rehearse n",
                code: 0,
                says: &[
                    "n/etc/systemd/system/etcd.service: etcd speaks with its clients without TLS: no --cert-file is given",
                    "etcd speaks with its peers without TLS",
                    "ok: all ",
                ],
                never: &["→ etcd", "pki/etcd", "healthcheck", "is missing"],
            },
            Run {
                line: "sed -i s,http://127.0.0.1:2379,https://127.0.0.1:2379, n/etc/systemd/system/kube-apiserver.service; kpki rehearse n",
                code: 1,
                says: &[
                    "apiserver → etcd                FAIL",
                    "the member speaks without TLS: no --cert-file is given",
                ],
                never: &["pki/etcd"],
            },
            Run {
                line: "sed -i 's,--listen-client-urls,--cert-file=/etc/etcd/a.pem &,' n/etc/systemd/system/etcd.service; kpki rehearse n",
                code: 1,
                says: &["without TLS: --listen-client-urls has no https"],
                never: &[],
            },
        ],
    },
    Case {
        situation: "an API server of which a variable is not known",
        inputs: |desk| {
            by_units(desk);
            let unit = "n/etc/systemd/system/kube-apiserver.service";
            for flag in
                ["--client-ca-file=/var/lib/kubernetes/ca.crt ", "--etcd-servers=http://127.0.0.1:2379 "]
            {
                desk.replace(unit, flag, "");
            }
            let client = "--kubelet-client-certificate=/var/lib/kubernetes/kube-api-server.crt \
                          --kubelet-client-key=/var/lib/kubernetes/kube-api-server.key";
            desk.replace(unit, client, "$MORE");
            desk.replace(unit, "ExecStart=", "EnvironmentFile=/run/kubernetes/more.env\nExecStart=");
        },
        runs: &[Run {
            line: "kpki rehearse n",
            code: 2,
            says: &["how kube-apiserver runs is not known in full: ", "/run/kubernetes/more.env"],
            never: &["FAIL", "has no --client-ca-file", "has no --etcd-servers", "is missing"],
        }],
    },
    Case {
        situation: "MicroK8s, whose API server calls kubelets by their names and keeps its data behind a socket",
        inputs: |desk| {
            let ca = forge::ca("cn=10.152.183.1");
            let snap = "n/var/snap/microk8s/6089";
            let both = "eku=server,client sans=dns:kubernetes.default.svc,ip:10.152.183.1,ip:127.0.0.1";
            desk.pair(&format!("{snap}/certs/ca"), &ca);
            for (name, words) in [
                ("server", format!("cn=127.0.0.1 {both} key=p256:server")),
                (
                    "apiserver-kubelet-client",
                    "cn=apiserver-kubelet-client o=system:masters eku=client key=p256:a".to_owned(),
                ),
                (
                    "kubelet",
                    "cn=system:node:mk1 o=system:nodes eku=server,client sans=dns:mk1 key=p256:k".to_owned(),
                ),
            ] {
                let leaf = ca.leaf(&format!("{LEAF} {words}"));
                desk.pair(&format!("{snap}/certs/{name}"), &leaf);
                if name == "kubelet" {
                    let file = format!("{snap}/credentials/kubelet.config");
                    desk.kubeconfig(&file, &ca.pem(), &leaf, "https://127.0.0.1:16443");
                }
            }
            let certs = "${SNAP_DATA}/certs";
            desk.put(
                &format!("{snap}/args/kube-apiserver"),
                0o644,
                format!(
                    "--cert-dir={certs}\n--service-cluster-ip-range=10.152.183.0/24\n--client-ca-file={certs}/ca.crt\n\
                     # what it serves with is in its directory\n\
                     --tls-cert-file={certs}/server.crt\n--tls-private-key-file={certs}/server.key\n\
                     --kubelet-client-certificate={certs}/apiserver-kubelet-client.crt\n\
                     --kubelet-client-key={certs}/apiserver-kubelet-client.key\n--secure-port=16443\n\
                     --etcd-servers=\"unix://${{SNAP_DATA}}/var/kubernetes/backend/kine.sock:12379\"\n"
                ),
            );
            desk.put(
                &format!("{snap}/args/kubelet"),
                0o644,
                format!(
                    "--kubeconfig=${{SNAP_DATA}}/credentials/kubelet.config\n--client-ca-file={certs}/ca.crt\n--anonymous-auth=false\n\
                     --tls-cert-file={certs}/kubelet.crt\n--tls-private-key-file={certs}/kubelet.key\n"
                ),
            );
            desk.link("n/var/snap/microk8s/current", "6089");
        },
        runs: &[Run {
            line: "kpki rehearse n",
            code: 0,
            says: &[
                "DIALS                mk1",
                "apiserver → kubelet  ok",
                "pods → apiserver     ?",
                "keeps its data behind unix:///var/snap/microk8s/current/var/kubernetes/backend/kine.sock:12379",
            ],
            never: &["FAIL", "→ etcd"],
        }],
    },
    Case {
        situation: "files that lie behind links out of what was given, or may not be read: they are here, and cannot be judged",
        inputs: |desk| {
            desk.control_plane("n");
            for name in ["kube-apiserver", "kube-controller-manager", "kube-scheduler", "etcd"] {
                desk.remove(&format!("n/etc/kubernetes/manifests/{name}.yaml"));
            }
            for end in ["crt", "key"] {
                desk.remove(&format!("n/etc/kubernetes/pki/etcd/server.{end}"));
                desk.link(&format!("n/etc/kubernetes/pki/etcd/server.{end}"), "/srv/etcd/server");
            }
        },
        runs: &[
            Run {
                line: "kpki rehearse n/etc/kubernetes; cp -a n/etc/kubernetes/pki . && kpki rehearse pki | tail -20",
                code: 0,
                says: &[
                    "apiserver → etcd                   ?",
                    "etcd/server.crt is missing",
                    "etcd/server.crt lies outside of what was given",
                    "not all: ",
                ],
                never: &["runs elsewhere", "ok: all"],
            },
            Run {
                line: "chmod 755 . && chmod -R a+rX n && chmod 700 n/etc/kubernetes/pki/etcd && if [ \"$(id -u)\" = 0 ]; then setpriv --reuid=65534 \
                       --regid=65534 --clear-groups \"$KPKI\" --now 2026-06-01T12:00:00Z rehearse n; else chmod 0 n/etc/kubernetes/pki/etcd; kpki rehearse n; \
                       chmod 700 n/etc/kubernetes/pki/etcd; fi",
                code: 0,
                says: &["etcd/server.crt cannot be read: permission denied", "not all: "],
                never: &["runs elsewhere", "ok: all"],
            },
        ],
    },
];
