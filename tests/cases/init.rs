//! `kpki init`, `kpki ca` and `kpki csr`.

use crate::desk::{Cluster, Desk, LEAF, PKI};
use crate::forge;
use crate::table::{Case, Run, check};

#[test]
fn nodes_that_join_and_nodes_that_run() {
    check(NODES);
}

#[test]
fn what_was_asked_for_is_compared_with_what_is_there() {
    check(COMPARED);
}

#[test]
fn files_of_a_cluster_are_read_as_kubeadm_reads_them() {
    check(READ);
}

#[test]
fn authorities_under_authorities() {
    check(AUTHORITIES);
}

#[test]
fn requests_of_nodes() {
    check(REQUESTS);
}

/// The node of `Desk::control_plane`, in kubeadm's words.
const KUBEADM: &str = "\
apiVersion: kubeadm.k8s.io/v1beta4
kind: InitConfiguration
nodeRegistration: {name: cp1}
localAPIEndpoint: {advertiseAddress: 10.0.0.10}
---
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
kubernetesVersion: v1.36.2
";

const JOIN: &str = "\
apiVersion: kubeadm.k8s.io/v1beta4
kind: JoinConfiguration
nodeRegistration: {name: n2}
discovery: {bootstrapToken: {token: abcdef.0123456789abcdef, apiServerEndpoint: '10.0.0.100:6443'}}
";

const PLANE: &str = "controlPlane: {localAPIEndpoint: {advertiseAddress: 10.0.0.12}}\n";

/// kubeadm's configurations, and the tree of a control plane that runs.
fn running(desk: &Desk) -> Cluster {
    let cluster = desk.control_plane("n");
    desk.put("kubeadm.yaml", 0o644, KUBEADM);
    desk.put("worker.yaml", 0o644, JOIN);
    desk.put("plane.yaml", 0o644, format!("{JOIN}{PLANE}"));
    cluster
}

/// What all control planes share, alone in a directory.
fn shared(desk: &Desk, directory: &str) {
    let Cluster { kubernetes, etcd, front_proxy, .. } = running(desk);
    desk.pair(&format!("{directory}/pki/ca"), &kubernetes);
    desk.pair(&format!("{directory}/pki/etcd/ca"), &etcd);
    desk.pair(&format!("{directory}/pki/front-proxy-ca"), &front_proxy);
    for name in ["sa.key", "sa.pub"] {
        desk.put(&format!("{directory}/pki/{name}"), 0o600, desk.read(&format!("n/{PKI}/{name}")));
    }
}

/// Another kubelet's client certificate in the place of the one that is there.
fn kubelet_client(desk: &Desk, cluster: &Cluster, words: &str) {
    let client = cluster.kubernetes.leaf(&format!(
        "ku=digitalSignature,keyEncipherment o=system:nodes cn=system:node:cp1 eku=client {words}"
    ));
    let file = "n/var/lib/kubelet/pki/kubelet-client-2026-01-02-03-04-05.pem";
    desk.put(file, 0o600, format!("{}{}", client.pem(), client.key_pem()));
}

const NODES: &[Case] = &[
    Case {
        situation: "a machine that is to join a cluster, and nothing of the cluster on it",
        inputs: |desk| {
            running(desk);
        },
        runs: &[
            Run {
                line: "kpki init -f worker.yaml --dir out; code=$?; ls out 2>&1; exit $code",
                code: 1,
                says: &[
                    "n2 is a worker, for which there is nothing to make",
                    "kubeadm join",
                    "cannot access 'out'",
                ],
                never: &["MADE"],
            },
            Run {
                line: "kpki init -f plane.yaml --dir out; code=$?; ls out 2>&1; exit $code",
                code: 1,
                says: &[
                    "out/pki/ca.crt",
                    "a node that joins a cluster makes none",
                    "copy what the control planes share from one that is there",
                    "kubeadm init phase upload-certs",
                    "cannot access 'out'",
                ],
                never: &["MADE", "can be made"],
            },
            Run {
                line: "kpki init -f plane.yaml --dir out --keep-going || kpki init -f plane.yaml --dir out --all-nodes --keep-going; code=$?; ls out 2>&1; exit $code",
                code: 1,
                says: &["cannot access 'out'"],
                never: &["MADE"],
            },
            Run {
                line: "cat kubeadm.yaml > both.yaml; echo --- >> both.yaml; cat plane.yaml >> both.yaml; kpki init -f both.yaml --dir out --node n2",
                code: 1,
                says: &["a node that joins a cluster makes none"],
                never: &["MADE"],
            },
            Run {
                line: "kpki init -f both.yaml --dir all --all-nodes && ls all/ca/ca.key all/n2/etc/kubernetes/pki/ca.key",
                code: 0,
                says: &["all/n2/etc/kubernetes/kubelet.conf"],
                never: &["all/n2/etc/kubernetes/super-admin.conf"],
            },
        ],
    },
    Case {
        situation: "a machine that joins as a control plane and has got what all of them share",
        inputs: |desk| shared(desk, "out"),
        runs: &[
            Run {
                line: "kpki init -f plane.yaml --dir out",
                code: 0,
                says: &[
                    "controlPlaneEndpoint is not given: 10.0.0.100:6443, where the node joins, is taken for it",
                    "there is no ClusterConfiguration in the file",
                    "the algorithm is not given: ECDSA-P256 is taken",
                    "out/pki/apiserver.crt",
                    "out/kubelet.conf",
                    "done: 11 made, 4 kept in out",
                ],
                never: &["super-admin.conf"],
            },
            Run {
                line: "openssl x509 -in out/pki/apiserver.crt -noout -ext subjectAltName; grep server: out/admin.conf out/scheduler.conf",
                code: 0,
                says: &["10.0.0.100", "https://10.0.0.100:6443", "https://10.0.0.12:6443"],
                never: &[],
            },
            Run {
                line: "kpki init -f plane.yaml --dir out",
                code: 0,
                says: &["all 15 are there and right in out"],
                never: &[],
            },
        ],
    },
    Case {
        situation: "a node that runs, whose kubeconfig of the kubelet names the file that the kubelet renews",
        inputs: |desk| {
            running(desk);
            desk.remove(&format!("n/{PKI}/apiserver.crt"));
            desk.remove(&format!("n/{PKI}/apiserver.key"));
        },
        runs: &[
            Run {
                line: "kpki init -f kubeadm.yaml --dir n/etc/kubernetes",
                code: 0,
                says: &["n/etc/kubernetes/pki/apiserver.crt", "2 made, 14 kept in n/etc/kubernetes"],
                never: &["kubelet.conf", "refuse"],
            },
            Run {
                line: "cd n/etc/kubernetes && kpki init -f ../../../kubeadm.yaml --dir .",
                code: 0,
                says: &["all 16 are there and right"],
                never: &["kubelet-client-current.pem"],
            },
            // The kubelet renews with a key of its own choice.
            Run {
                line: "cp -r n m; rm -r m/etc/kubernetes/pki m/etc/kubernetes/*.conf m/etc/kubernetes/manifests; sed 's/kubernetesVersion/encryptionAlgorithm: RSA-2048\\ncertificateValidityPeriod: 24h\\n&/' kubeadm.yaml > rsa.yaml; cp -r n/etc/kubernetes/pki/ca.* . ; kpki init -f rsa.yaml --dir m/etc/kubernetes | tail -1; cp n/etc/kubernetes/kubelet.conf m/etc/kubernetes/; kpki init -f rsa.yaml --dir m/etc/kubernetes",
                code: 1,
                says: &["it was not signed by the CA CN=kubernetes that is here"],
                never: &["RSA-2048 was asked for", "1d was asked for"],
            },
            Run {
                line: "cp -r n/etc/kubernetes copy && kpki init -f kubeadm.yaml --dir copy",
                code: 0,
                says: &[
                    "copy/kubelet.conf: it names /var/lib/kubelet/pki/kubelet-client-current.pem, which lies elsewhere and was not looked at",
                ],
                never: &["refuse"],
            },
        ],
    },
    Case {
        situation: "a node whose kubelet's certificate, in the file that its kubeconfig names, has expired",
        inputs: |desk| {
            let cluster = running(desk);
            kubelet_client(desk, &cluster, "from=-400d until=-35d");
            desk.remove("n/etc/kubernetes/scheduler.conf");
        },
        runs: &[
            Run {
                line: "kpki init -f kubeadm.yaml --dir n/etc/kubernetes",
                code: 1,
                says: &[
                    "n/etc/kubernetes/kubelet.conf",
                    "n/var/lib/kubelet/pki/kubelet-client-current.pem, which it names: it expired on 2026-04-27 12:00:00 UTC",
                    "to do: kpki issue kubelet-client cp1 --ca n/etc/kubernetes/pki/ca.crt --out n/var/lib/kubelet/pki/kubelet-client-current.pem --force",
                    "nothing was touched; 2 can be made: --keep-going",
                ],
                never: &["+00:00:00"],
            },
            Run {
                line: "kpki init -f kubeadm.yaml --dir n/etc/kubernetes --keep-going",
                code: 1,
                says: &["n/etc/kubernetes/scheduler.conf", "refused: 1 in n/etc/kubernetes; 2 made, 13 kept"],
                never: &[],
            },
            Run {
                line: "eval \"$(kpki init -f kubeadm.yaml --dir n/etc/kubernetes | sed -n 's/.*to do: //p')\" && kpki init -f kubeadm.yaml --dir n/etc/kubernetes && readlink n/var/lib/kubelet/pki/kubelet-client-current.pem",
                code: 0,
                says: &[
                    "all 16 are there and right",
                    "/var/lib/kubelet/pki/kubelet-client-2026-01-02-03-04-05.pem",
                ],
                never: &[],
            },
        ],
    },
    Case {
        situation: "a year later all has ended, and what is advised is done: the backups of it are no alarm",
        inputs: |desk| desk.put("kubeadm.yaml", 0o644, KUBEADM),
        runs: &[
            Run {
                line: "kpki init -f kubeadm.yaml --dir t > /dev/null 2>&1; kpki() { \"$KPKI\" --now 2028-06-01T00:00:00Z \"$@\"; }; \
                       eval \"$(kpki init -f kubeadm.yaml --dir t | sed -n 's/.*to do: //p')\" > /dev/null; \
                       kpki init -f kubeadm.yaml --dir t && kpki audit t --fail-on high",
                code: 0,
                says: &["are there and right", "0 critical, 0 high"],
                never: &["it is refused as"],
            },
            Run {
                line: "kpki init -f <(cat kubeadm.yaml) --dir p; kpki init -f - --dir q --encrypt-ca-keys --passphrase-file - < kubeadm.yaml",
                code: 2,
                says: &["0 kept in p", "- stands for standard input, and is named twice"],
                never: &[],
            },
        ],
    },
    Case {
        situation: "a node whose kubelet has a certificate of another cluster, or none where its kubeconfig says",
        inputs: |desk| {
            running(desk);
            kubelet_client(
                desk,
                &Cluster::called("second"),
                LEAF.split_once(' ').map_or("", |(_, until)| until),
            );
        },
        runs: &[
            Run {
                line: "kpki init -f kubeadm.yaml --dir n/etc/kubernetes",
                code: 1,
                says: &["it was not signed by the CA CN=kubernetes that is here"],
                never: &[],
            },
            Run {
                line: "rm n/var/lib/kubelet/pki/*.pem; kpki init -f kubeadm.yaml --dir n/etc/kubernetes",
                code: 1,
                says: &["it names n/var/lib/kubelet/pki/kubelet-client-current.pem, which is not there"],
                never: &[],
            },
            Run {
                line: "eval \"$(kpki init -f kubeadm.yaml --dir n/etc/kubernetes | sed -n 's/.*to do: //p')\" && kpki init -f kubeadm.yaml --dir n/etc/kubernetes",
                code: 0,
                says: &["done: 1 made, 15 kept"],
                never: &[],
            },
        ],
    },
    Case {
        situation: "a control plane with much that is wrong, each in its way, and something that is missing",
        inputs: |desk| {
            let cluster = running(desk);
            let api = cluster.kubernetes.leaf(&format!("{LEAF} cn=kube-apiserver eku=server sans=dns:cp1"));
            desk.pair(&format!("n/{PKI}/apiserver"), &api);
            let old = "ku=digitalSignature,keyEncipherment from=-400d until=-1d";
            let old = cluster.front_proxy.leaf(&format!("{old} cn=front-proxy-client eku=client"));
            desk.pair(&format!("n/{PKI}/front-proxy-client"), &old);
            desk.remove(&format!("n/{PKI}/etcd/server.key"));
            desk.remove(&format!("n/{PKI}/etcd/peer.crt"));
            desk.replace("n/etc/kubernetes/admin.conf", "https://10.0.0.10:6443", "https://10.9.9.9:6443");
            desk.put("n/etc/kubernetes/scheduler.conf", 0o600, "no kubeconfig");
            let manager = cluster.kubernetes.leaf(&format!("{LEAF} cn=kube-scheduler eku=client"));
            desk.kubeconfig(
                "n/etc/kubernetes/controller-manager.conf",
                &cluster.etcd.pem(),
                &manager,
                "https://10.0.0.10:6443",
            );
        },
        runs: &[
            Run {
                line: "kpki init -f kubeadm.yaml --dir n/etc/kubernetes",
                code: 1,
                says: &[
                    "it lacks the names DNS:kubernetes,",
                    "it expired on 2026-05-31 12:00:00 UTC",
                    "the certificate is there without its key",
                    "the key is there without its certificate",
                    "its server is https://10.9.9.9:6443, not https://10.0.0.10:6443",
                    "its subject is CN=kube-scheduler, not CN=system:kube-controller-manager",
                    "the CA it trusts is not CN=kubernetes",
                    "not a kubeconfig",
                    "to do: mv n/etc/kubernetes/scheduler.conf n/etc/kubernetes/scheduler.conf.old",
                    "kpki issue admin --kubernetes-version v1.36.2 --ca n/etc/kubernetes/pki/ca.crt --kubeconfig n/etc/kubernetes/admin.conf --server https://10.0.0.10:6443 --force",
                    "--key-out n/etc/kubernetes/pki/etcd/server.key --force",
                    "1 can be made: --keep-going",
                ],
                never: &["MADE"],
            },
            Run {
                line: "kpki init -f kubeadm.yaml --dir n/etc/kubernetes --keep-going",
                code: 1,
                says: &["MADE", "n/etc/kubernetes/super-admin.conf", "1 made, 8 kept"],
                never: &[],
            },
            // What is advised is done, line by line, and all is right.
            Run {
                line: "kpki init -f kubeadm.yaml --dir n/etc/kubernetes | sed -n 's/.*to do: //p' | grep -E '^(kpki|mv) ' > advice.sh; wc -l < advice.sh; . ./advice.sh && kpki init -f kubeadm.yaml --dir n/etc/kubernetes && kpki rehearse n",
                code: 0,
                says: &["7\n", "done: 1 made, 15 kept", "ok: all 13 connections"],
                never: &[],
            },
        ],
    },
    Case {
        situation: "certificates with the organizations of another release of Kubernetes",
        inputs: |desk| {
            let cluster = running(desk);
            let client = cluster.kubernetes.leaf(&format!(
                "{LEAF} o=kubeadm:cluster-admins cn=kube-apiserver-kubelet-client eku=client"
            ));
            desk.pair(&format!("n/{PKI}/apiserver-kubelet-client"), &client);
            let client = cluster
                .etcd
                .leaf(&format!("{LEAF} o=system:masters cn=kube-apiserver-etcd-client eku=client"));
            desk.pair(&format!("n/{PKI}/apiserver-etcd-client"), &client);
        },
        runs: &[
            Run {
                line: "kpki init -f kubeadm.yaml --dir n/etc/kubernetes",
                code: 0,
                says: &[
                    "apiserver-kubelet-client.crt: it has O=kubeadm:cluster-admins, as kubeadm writes it from v1.29.0 to v1.35.4 and in v1.36.0; today no organization would be written",
                    "apiserver-etcd-client.crt: it has O=system:masters, as kubeadm writes it up to v1.28",
                ],
                never: &["refuse"],
            },
            Run {
                line: "sed -i 's/v1.36.2/v1.30.4/' kubeadm.yaml; rm n/etc/kubernetes/pki/apiserver-kubelet-client.*; kpki init -f kubeadm.yaml --dir n/etc/kubernetes && openssl x509 -in n/etc/kubernetes/pki/apiserver-kubelet-client.crt -noout -subject",
                code: 0,
                says: &["O = kubeadm:cluster-admins"],
                never: &[],
            },
            // What no release has written is wrong.
            Run {
                line: "kpki issue user kube-apiserver-etcd-client --ca n/etc/kubernetes/pki --dry-run; sed -i 's/cp1/cp7/' kubeadm.yaml; kpki init -f kubeadm.yaml --dir n/etc/kubernetes",
                code: 1,
                says: &[
                    "its subject is O=system:nodes, CN=system:node:cp1, not O=system:nodes, CN=system:node:cp7",
                ],
                never: &[],
            },
        ],
    },
    Case {
        situation: "a control plane on its way from one CA to another, whose certificates are the old one's",
        inputs: |desk| {
            let old = running(desk).kubernetes;
            let new = forge::ca("cn=kubernetes key=p256:new-ca");
            desk.put(&format!("n/{PKI}/ca.crt"), 0o644, format!("{}{}", new.pem(), old.pem()));
            desk.put(&format!("n/{PKI}/ca.key"), 0o600, new.key_pem());
        },
        runs: &[
            Run {
                line: "kpki init -f kubeadm.yaml --dir n/etc/kubernetes",
                code: 0,
                says: &[
                    "apiserver.crt: it is signed by CN=kubernetes, another CA of the same file",
                    "admin.conf: it is signed by CN=kubernetes, another CA of the same file",
                    "1 made, 15 kept",
                ],
                never: &["refuse", "etcd/server.crt:"],
            },
            // The new one signs what is made.
            Run {
                line: "cd n/etc/kubernetes/pki && rm apiserver.* && kpki init -f ../../../../kubeadm.yaml --dir .. && openssl x509 -in ca.crt -out new.crt && openssl verify -CAfile new.crt -no-CApath apiserver.crt",
                code: 0,
                says: &["1 made, 15 kept", "apiserver.crt: OK"],
                never: &["apiserver.crt: it is signed"],
            },
            // Without the old one in the file they are wrong.
            Run {
                line: "cd n/etc/kubernetes/pki && rm apiserver.*; mv new.crt ca.crt; kpki init -f ../../../../kubeadm.yaml --dir ..",
                code: 1,
                says: &[
                    "apiserver-kubelet-client.crt",
                    "it was not signed by the CA CN=kubernetes that is here",
                ],
                never: &["MADE"],
            },
        ],
    },
];

const COMPARED: &[Case] = &[
    Case {
        situation: "CAs that are there, and a second run with other wishes",
        inputs: |desk| {
            desk.put("secret", 0o600, "correct horse\n");
        },
        runs: &[
            Run {
                line: "kpki ca init --dir pki && kpki ca init --dir pki && kpki ca init --dir pki --algorithm ECDSA-P256 --validity 10y",
                code: 0,
                says: &["4 made, 0 kept", "all 4 are there and right in pki"],
                never: &["refuse"],
            },
            Run {
                line: "kpki ca init kubernetes --dir pki --subject CN=other,O=Example --algorithm RSA-2048 --validity 5y --path-len 0 --name-constraint permit:dns:example.com --encrypt --passphrase-file secret",
                code: 1,
                says: &[
                    "its subject is CN=kubernetes, and CN=other, O=Example was asked for",
                    "its key is ECDSA-P256, and RSA-2048 was asked for",
                    "it is valid for 3650 days, and 1825d was asked for",
                    "it has no path length, and the path length 0 was asked for",
                    "its name constraints are none, and +DNS:example.com was asked for",
                    "its private key is in plain text, and an encrypted one was asked for",
                    "to do: openssl pkcs8 -topk8",
                    "nothing was touched",
                ],
                never: &["there and right", "horse"],
            },
            Run {
                line: "kpki ca init service-account --dir pki --algorithm RSA-4096",
                code: 1,
                says: &[
                    "its key is ECDSA-P256, and RSA-4096 was asked for",
                    "all tokens of service accounts end",
                ],
                never: &[],
            },
            Run {
                line: "kpki ca init service-account --dir pki --validity 5y",
                code: 2,
                says: &["--validity is for CAs"],
                never: &["there and right"],
            },
            // The advice encrypts the key, and then it is as was asked for.
            Run {
                line: "openssl pkcs8 -topk8 -v2 aes-256-cbc -v2prf hmacWithSHA256 -iter 600000 -in pki/ca.key -out pki/ca.key.encrypted -passout file:secret && mv pki/ca.key.encrypted pki/ca.key && kpki ca init kubernetes --dir pki --encrypt --passphrase-file secret",
                code: 0,
                says: &["all 1 are there and right"],
                never: &[],
            },
            Run {
                line: "kpki ca init kubernetes --dir limited --path-len 1 --name-constraint permit:dns:a.example --name-constraint exclude:ip:10.0.0.0/8 && kpki ca init kubernetes --dir limited --name-constraint exclude:ip:10.0.0.0/8 --name-constraint permit:dns:a.example --path-len 1",
                code: 0,
                says: &["all 1 are there and right in limited"],
                never: &[],
            },
            Run {
                line: "kpki ca init etcd --dir limited && kpki ca init --dir limited --path-len 1 --keep-going; ls limited",
                code: 0,
                says: &["limited/front-proxy-ca.crt", "refused: 1 in limited", "sa.key"],
                never: &[],
            },
        ],
    },
    Case {
        situation: "a CA whose key is elsewhere, and a run that wants keys encrypted",
        inputs: |desk| {
            let kubernetes = running(desk).kubernetes;
            desk.put("secret", 0o600, "correct horse\n");
            desk.put("away/ca.crt", 0o644, kubernetes.pem());
        },
        runs: &[Run {
            line: "kpki ca init kubernetes --dir away --encrypt --passphrase-file secret",
            code: 0,
            says: &[
                "ca.crt: its private key is not here, so that it was not looked at whether it is encrypted",
            ],
            never: &["MADE"],
        }],
    },
    Case {
        situation: "CAs of kubeadm's, and a run that asks for nothing or for what they are",
        inputs: |desk| {
            running(desk);
        },
        runs: &[
            Run {
                line: "kpki ca init --dir n/etc/kubernetes/pki && kpki ca init --dir n/etc/kubernetes/pki --algorithm p256",
                code: 0,
                says: &["all 4 are there and right"],
                never: &["refuse"],
            },
            Run {
                line: "kpki ca init --dir n/etc/kubernetes/pki --algorithm p384 --validity 3y",
                code: 1,
                says: &["its key is ECDSA-P256, and ECDSA-P384 was asked for", "and 1095d was asked for"],
                never: &["there and right"],
            },
            Run {
                line: "printf 'encryptionAlgorithm: RSA-3072\\ncertificateValidityPeriod: 48h\\ncaCertificateValidityPeriod: 17520h\\n' >> kubeadm.yaml; kpki init -f kubeadm.yaml --dir n/etc/kubernetes",
                code: 1,
                says: &[
                    "n/etc/kubernetes/pki/ca.crt",
                    "its key is ECDSA-P256, and RSA-3072 was asked for",
                    "and 730d was asked for",
                    "it is valid for another 364 days, and 2d was asked for",
                ],
                never: &["there and right"],
            },
        ],
    },
    Case {
        situation: "kpki's own format, in which everything may be asked for",
        inputs: |desk| {
            let own = "apiVersion: kpki/v1alpha1\nkind: Cluster\nmetadata: {name: demo}\nspec:\n  controlPlanes: [{name: cp1, addresses: [10.0.0.1]}]\n  users: [{name: jane, groups: [dev]}]\n";
            desk.put("plain.yaml", 0o644, own);
            let more = "  algorithm: ECDSA-P384\n  lifetimes: {ca: 5y, leaf: 90d, user: 7d}\n";
            desk.put("more.yaml", 0o644, format!("{own}{more}"));
            desk.put("pem.yaml", 0o644, format!("{own}  layout: pem\n"));
        },
        runs: &[
            Run {
                line: "kpki init -f plain.yaml --dir out && kpki init -f plain.yaml --dir out",
                code: 0,
                says: &["nothing was changed"],
                never: &[],
            },
            Run {
                line: "kpki init -f more.yaml --dir out",
                code: 1,
                says: &[
                    "its key is ECDSA-P256, and ECDSA-P384 was asked for",
                    "and 1825d was asked for",
                    "it is valid for another 365 days, and 90d was asked for",
                    "it is valid for another 30 days, and 7d was asked for",
                ],
                never: &[],
            },
            Run {
                line: "kpki init -f more.yaml --dir anew && kpki init -f more.yaml --dir anew",
                code: 0,
                says: &["nothing was changed"],
                never: &["refuse"],
            },
            Run {
                line: "sed 's/^spec:/&\\n  caKeys: controlPlanes/' plain.yaml > keys.yaml; kpki init -f keys.yaml --dir with > /dev/null && sed 's/^spec:/&\\n  caKeys: none/' plain.yaml > none.yaml; kpki init -f none.yaml --dir with",
                code: 1,
                says: &[
                    "with/cp1/etc/kubernetes/pki/ca.key",
                    "the private key of a CA is there, and caKeys keeps it off cp1",
                    "to do: move with/cp1/etc/kubernetes/pki/etcd/ca.key away",
                ],
                never: &["there and right", "can be made"],
            },
            Run {
                line: "kpki init -f plain.yaml --dir with",
                code: 0,
                says: &["there and right"],
                never: &[],
            },
            Run {
                line: "kpki init -f pem.yaml --dir out",
                code: 1,
                says: &["out/ca/ca.crt is there, of the other layout", "keep to the layout kubeadm"],
                never: &["MADE"],
            },
        ],
    },
    Case {
        situation: "two layouts in one directory",
        inputs: |_| {},
        runs: &[
            Run {
                line: "kpki ca init --dir pki && kpki ca init --dir pki --layout pem",
                code: 1,
                says: &[
                    "pki/ca.crt is there, of the other layout",
                    "pki/sa.key is there, of the other layout",
                ],
                never: &[],
            },
            Run {
                line: "kpki ca init etcd --dir pem --layout pem && kpki ca init etcd --dir pem",
                code: 1,
                says: &["pem/etcd/ca.pem is there, of the other layout", "keep to the layout pem"],
                never: &[],
            },
            Run {
                line: "kpki ca init kubernetes --dir pem && ls pem",
                code: 0,
                says: &["ca.crt"],
                never: &["ca.pem"],
            },
        ],
    },
    Case {
        situation: "a CA that has ended, with a key that has not",
        inputs: |desk| {
            let ca = forge::ca("cn=kubernetes from=-4000d until=-1d key=p256:ended");
            desk.pair("pki/ca", &ca);
        },
        runs: &[
            Run {
                line: "kpki ca init kubernetes --dir pki",
                code: 1,
                says: &[
                    "it is valid from 2015-06-19 12:00:00 UTC to 2026-05-31 12:00:00 UTC only",
                    "to do: openssl x509 -in pki/ca.crt -signkey pki/ca.key -days 3650",
                ],
                never: &["+00:00:00"],
            },
            Run {
                line: "openssl x509 -in pki/ca.crt -signkey pki/ca.key -days 3650 -set_serial 0x$(openssl rand -hex 16) -out pki/ca.crt.renewed && mv pki/ca.crt.renewed pki/ca.crt && \"$KPKI\" ca init kubernetes --dir pki",
                code: 0,
                says: &["all 1 are there and right"],
                never: &[],
            },
        ],
    },
];

const READ: &[Case] = &[
    Case {
        situation: "a configuration that leaves the address to the machine",
        inputs: |desk| {
            desk.put("absent.yaml", 0o644, KUBEADM.replace("advertiseAddress: 10.0.0.10", ""));
            desk.put("zero.yaml", 0o644, KUBEADM.replace("10.0.0.10", "0.0.0.0"));
            desk.put("multicast.yaml", 0o644, KUBEADM.replace("10.0.0.10", "224.0.0.5"));
            desk.put("link.yaml", 0o644, KUBEADM.replace("10.0.0.10", "'fe80::7'"));
        },
        runs: &[
            // On a machine without an address it is said that there is none.
            Run {
                line: "kpki init -f absent.yaml --dir out --dry-run 2>&1 | grep -cE 'localAPIEndpoint.advertiseAddress(: it is missing| is not given: [0-9a-f.:]+, an address of this machine, is taken)'",
                code: 0,
                says: &["1"],
                never: &["is not one that other nodes reach"],
            },
            Run {
                line: "kpki init -f zero.yaml --dir out --dry-run 2>&1 | grep -cE 'advertiseAddress(: 0.0.0.0 is no machine| 0.0.0.0 is not one that other nodes reach: )'",
                code: 0,
                says: &["1"],
                never: &[],
            },
            Run {
                line: "kpki init -f multicast.yaml --dir out; kpki init -f link.yaml --dir out",
                code: 2,
                says: &[
                    "multicast.yaml:4:38: localAPIEndpoint.advertiseAddress: 224.0.0.5 is a multicast address",
                    "link.yaml:4:38: localAPIEndpoint.advertiseAddress: fe80::7 is a link-local address",
                ],
                never: &["MADE"],
            },
        ],
    },
    Case {
        situation: "fields that there are not",
        inputs: |desk| {
            desk.put("kubeadm.yaml", 0o644, format!("{KUBEADM}apiServer:\n  certSans: [api.example.com]\n"));
            desk.put(
                "own.yaml",
                0o644,
                "apiVersion: kpki/v1alpha1\nkind: Cluster\nmetadata: {name: demo}\nspec:\n  apiServer: {certSans: [a]}\n  controlPlanes:\n  - name: cp1\n    addresses: [10.0.0.1]\n    colour: red\n",
            );
        },
        runs: &[
            Run {
                line: "kpki init -f kubeadm.yaml --dir out && openssl x509 -in out/pki/apiserver.crt -noout -ext subjectAltName",
                code: 0,
                says: &[
                    "line 10: apiServer.certSans is ignored",
                    "no such field; certSANs is meant?",
                    "DNS:cp1",
                ],
                never: &["api.example.com"],
            },
            Run {
                line: "kpki init -f own.yaml --dir own",
                code: 2,
                says: &[
                    "own.yaml:5:15: spec.apiServer.certSans: there is no such field; certSANs is meant?",
                    "own.yaml:9:5: spec.controlPlanes[0].colour: there is no such field; there are name, addresses, advertiseAddress, bindPort",
                ],
                never: &["MADE"],
            },
        ],
    },
    Case {
        situation: "nodes with odd names",
        inputs: |desk| {
            desk.put("address.yaml", 0o644, KUBEADM.replace("cp1", "10.0.0.99"));
            desk.put("long.yaml", 0o644, KUBEADM.replace("cp1", &"n".repeat(53)));
            desk.put("wildcard.yaml", 0o644, format!("{KUBEADM}apiServer: {{certSANs: ['*.local']}}\n"));
        },
        runs: &[
            Run {
                line: "kpki init -f address.yaml --dir out && openssl x509 -in out/pki/etcd/server.crt -noout -subject -ext subjectAltName && kpki verify out/pki/apiserver.crt --ca out/pki/ca.crt --purpose server --name 10.0.0.99",
                code: 0,
                says: &["CN = 10.0.0.99", "IP Address:10.0.0.99", "valid as server"],
                never: &["DNS:10.0.0.99"],
            },
            Run {
                line: "kpki init -f long.yaml --dir out2",
                code: 2,
                says: &["long.yaml:3:26: nodeRegistration.name", "more than 52 characters"],
                never: &[],
            },
            Run {
                line: "kpki init -f wildcard.yaml --dir out3",
                code: 2,
                says: &["wildcard.yaml:9:24: apiServer.certSANs", "three labels"],
                never: &[],
            },
        ],
    },
];

const AUTHORITIES: &[Case] = &[
    Case {
        situation: "a CA for a team under the cluster's CA",
        inputs: |_| {},
        runs: &[
            Run {
                line: "kpki ca init --dir pki && kpki ca intermediate team --ca pki/ca.crt --out team/ca.crt",
                code: 0,
                says: &["serverAuth", "may sign  servers, no clients; no other CA"],
                never: &[],
            },
            Run {
                line: "kpki issue user jane --ca team/ca.crt --out jane.crt",
                code: 1,
                says: &[
                    "the issuer CN=team may sign nothing for clientAuth: its extended key usage is serverAuth alone",
                ],
                never: &[],
            },
            Run {
                line: "kpki issue etcd-server m1 --ca team/ca.crt --out m1.crt",
                code: 1,
                says: &["may sign nothing for clientAuth"],
                never: &[],
            },
            Run {
                line: "kpki issue server web --ca team/ca.crt --san web.example.com --chain && openssl verify -attime 1780315200 -purpose sslserver -CAfile pki/ca.crt -untrusted web.crt web.crt && kpki verify web.crt --ca pki/ca.crt --purpose server",
                code: 0,
                says: &["web.crt: OK", "valid as server"],
                never: &[],
            },
            Run {
                line: "kpki ca intermediate login --ca pki/ca.crt --out login/ca.crt --eku client --name-constraint exclude:dns:example.com",
                code: 0,
                says: &["may sign  clients, no servers; no other CA; never names within DNS:example.com"],
                never: &[],
            },
            Run {
                line: "kpki issue user jane --group dev,ops --ca login/ca.crt --chain --out jane.crt && kpki verify jane.crt --ca pki/ca.crt --purpose client",
                code: 0,
                says: &["O=dev, O=ops, CN=jane", "valid as client"],
                never: &[],
            },
            Run {
                line: "kpki ca intermediate all --ca pki/ca.crt --out all/ca.crt --eku any --path-len 2 -o json",
                code: 0,
                says: &["\"maySign\": \"servers and clients; other CAs, 2 below it\""],
                never: &["serverAuth"],
            },
        ],
    },
    Case {
        situation: "a CA under a CA that is not for everything",
        inputs: |_| {},
        runs: &[
            Run {
                line: "kpki ca init --dir pki && kpki ca intermediate mid --ca pki/ca.crt --out mid/ca.crt --path-len 1 && kpki ca intermediate low --ca mid/ca.crt --out low/ca.crt",
                code: 0,
                says: &["may sign  servers, no clients; other CAs, 1 below it"],
                never: &[],
            },
            Run {
                line: "kpki ca intermediate wide --ca mid/ca.crt --out wide/ca.crt --eku any",
                code: 1,
                says: &["the issuer CN=mid may sign nothing for anyExtendedKeyUsage"],
                never: &[],
            },
            Run {
                line: "kpki ca intermediate wide --ca mid/ca.crt --out wide/ca.crt --eku server,client",
                code: 1,
                says: &["the issuer CN=mid may sign nothing for clientAuth"],
                never: &[],
            },
            Run {
                line: "kpki ca intermediate one --subject CN=two --ca pki/ca.crt --out two.crt",
                code: 2,
                says: &["--subject says CN=two, and the name is \"one\""],
                never: &["signed"],
            },
            Run { line: "kpki ca show mid/ca.crt", code: 0, says: &["pathlen 1 for serverAuth"], never: &[] },
            Run {
                line: "kpki ca intermediate wide --ca mid/ca.crt --eku nonsense",
                code: 2,
                says: &["write server, client, any, or a name of RFC 5280"],
                never: &[],
            },
            Run {
                line: "kpki ca intermediate x --ca pki/ca.crt --out pki/ca.crt --force; kpki ca intermediate x --ca pki/ca.crt --out mid/ca.crt --force",
                code: 1,
                says: &["pki/ca.crt is the CA CN=kubernetes", "mid/ca.crt is the CA CN=mid"],
                never: &[],
            },
            Run {
                line: "kpki ca intermediate mid --ca pki/ca.crt --out mid/ca.crt --force && ls mid",
                code: 0,
                says: &["ca.crt.20260601T120000Z.bak", "ca.key.20260601T120000Z.bak"],
                never: &[],
            },
        ],
    },
    Case {
        situation: "a cluster whose CA is under a company's",
        inputs: |desk| {
            let root = forge::ca("cn=Company key=p256:company");
            let ca = root.ca("cn=kubernetes key=p256:cluster");
            desk.put("root.crt", 0o644, root.pem());
            desk.pair("out/pki/ca", &ca);
            desk.put("kubeadm.yaml", 0o644, KUBEADM);
        },
        runs: &[
            Run {
                line: "kpki init -f kubeadm.yaml --dir out",
                code: 1,
                says: &[
                    "the CA CN=kubernetes is an intermediate one, and its root is not in out/pki/ca.crt",
                    "--server-ca FILE",
                ],
                never: &["MADE"],
            },
            Run {
                line: "kpki init -f kubeadm.yaml --dir out --server-ca out/pki/ca.crt",
                code: 1,
                says: &["out/pki/ca.crt: CN=kubernetes is an intermediate CA"],
                never: &["MADE"],
            },
            Run {
                line: "kpki init -f kubeadm.yaml --dir out --server-ca root.crt && kpki init -f kubeadm.yaml --dir out",
                code: 0,
                says: &["done: 15 made, 1 kept", "all 16 are there and right"],
                never: &[],
            },
            // Whom the kubeconfigs are to trust is compared too, where it is said.
            Run {
                line: "kpki ca init etcd --dir other > /dev/null; kpki init -f kubeadm.yaml --dir out --server-ca other/etcd/ca.crt",
                code: 1,
                says: &[
                    "the CA it trusts is not CN=etcd-ca",
                    "--kubeconfig out/admin.conf --server-ca other/etcd/ca.crt --force",
                ],
                never: &[],
            },
            // What the kubeconfig trusts is enough for OpenSSL, and what it sends for who trusts the root alone.
            Run {
                line: "field() { sed -n \"s/.*$1: //p\" out/admin.conf | base64 -d; }; field certificate-authority-data > trusted.pem; field client-certificate-data > sent.pem; openssl verify -attime 1780315200 -CAfile trusted.pem -purpose sslserver out/pki/apiserver.crt && openssl verify -attime 1780315200 -CAfile root.crt -untrusted sent.pem -purpose sslclient sent.pem",
                code: 0,
                says: &["out/pki/apiserver.crt: OK", "sent.pem: OK"],
                never: &[],
            },
        ],
    },
];

const REQUESTS: &[Case] = &[
    Case {
        situation: "a control plane whose CA's key is elsewhere, and one certificate is missing",
        inputs: |desk| {
            running(desk);
            desk.remove(&format!("n/{PKI}/ca.key"));
            desk.remove(&format!("n/{PKI}/apiserver.crt"));
            desk.remove(&format!("n/{PKI}/apiserver.key"));
            desk.remove("n/etc/kubernetes/scheduler.conf");
        },
        runs: &[
            Run {
                line: "kpki init -f kubeadm.yaml --dir n/etc/kubernetes",
                code: 1,
                says: &[
                    "the key of its CA CN=kubernetes is not here",
                    "to do: have it signed elsewhere: kpki csr new -f FILE",
                ],
                never: &[],
            },
            Run {
                line: "kpki csr new -f kubeadm.yaml --dir n/etc/kubernetes && kpki csr new -f kubeadm.yaml --dir n/etc/kubernetes",
                code: 0,
                says: &[
                    "n/etc/kubernetes/pki/apiserver.csr",
                    "n/etc/kubernetes/scheduler.conf.csr",
                    "n/etc/kubernetes/super-admin.conf.csr",
                ],
                never: &["etcd", "admin.conf.csr  n/etc/kubernetes/admin.conf"],
            },
            Run {
                line: "openssl req -in n/etc/kubernetes/pki/apiserver.csr -noout -pubkey > a; openssl pkey -in n/etc/kubernetes/pki/apiserver.key -pubout > b; cmp a b",
                code: 0,
                says: &[],
                never: &["differ"],
            },
        ],
    },
    Case {
        situation: "options that a request of a file's nodes has no use for",
        inputs: |desk| {
            running(desk);
        },
        runs: &[
            Run {
                line: "kpki csr new -f kubeadm.yaml --dir out --algorithm RSA-4096 || kpki csr new -f kubeadm.yaml --dir out --san a.b; kpki csr new -f kubeadm.yaml --dir out --kubernetes-version v1.28.0",
                code: 2,
                says: &["--algorithm is for a single request", "--san is for", "--kubernetes-version is for"],
                never: &["REQUEST"],
            },
            Run {
                line: "kpki csr new -f worker.yaml --dir out",
                code: 1,
                says: &["n2 is a worker"],
                never: &["REQUEST"],
            },
            Run {
                line: "kpki csr new user ca --out-dir n/etc/kubernetes/pki --force",
                code: 1,
                says: &[
                    "n/etc/kubernetes/pki/ca.key is the private key of the CA in n/etc/kubernetes/pki/ca.crt",
                ],
                never: &["REQUEST"],
            },
        ],
    },
];
