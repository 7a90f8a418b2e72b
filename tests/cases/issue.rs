//! `kpki issue`.

use crate::desk::{Desk, LEAF, PKI, base64, kubeconfig};
use crate::forge;
use crate::table::{Case, Run, check};

#[test]
fn what_is_not_given_is_taken_from_what_is_there() {
    check(SURROUNDINGS);
}

#[test]
fn what_is_there_gives_the_form() {
    check(FORMS);
}

#[test]
fn what_is_no_leaf_is_never_replaced() {
    check(NEVER_REPLACED);
}

#[test]
fn kubeconfigs_trust_the_servers_own_authority() {
    check(TRUST);
}

/// A CA with a leaf, both of RSA, in `rsa`, and a control plane in `n`.
fn rsa(desk: &Desk) {
    desk.control_plane("n");
    let ca = forge::ca("cn=kubernetes key=rsa2048:rsa-ca");
    desk.pair("rsa/ca", &ca);
    desk.pair("mixed/ca", &forge::ca("cn=kubernetes key=rsa2048:mixed-ca"));
    let mixed = forge::ca("cn=kubernetes key=rsa2048:mixed-ca");
    for (name, key) in [("a", "p384:a"), ("b", "p384:b"), ("c", "p256:c")] {
        desk.pair(&format!("mixed/{name}"), &mixed.leaf(&format!("cn={name} eku=client key={key}")));
    }
}

const SURROUNDINGS: &[Case] = &[
    Case {
        situation: "names of the API server, groups of a user",
        inputs: rsa,
        runs: &[
            Run {
                line: "kpki issue apiserver --san cp1,10.0.0.10 --ca rsa --out a.crt",
                code: 0,
                says: &["DNS:kubernetes.default.svc.cluster.local DNS:cp1 IP:10.0.0.10"],
                never: &[],
            },
            Run {
                line: "kpki issue apiserver --san cp1,10.0.0.10 --only-sans --ca rsa --out b.crt",
                code: 0,
                says: &["CN=kube-apiserver · DNS:cp1 IP:10.0.0.10 ·"],
                never: &["DNS:kubernetes"],
            },
            Run {
                line: "kpki issue etcd-server m1 --san 10.0.0.11 --ca rsa/ca.crt --out c.crt; kpki issue kubelet-serving 10.0.0.7 --san n7 --ca rsa --out d.crt",
                code: 0,
                says: &["DNS:m1 DNS:localhost IP:127.0.0.1 IP:::1 IP:10.0.0.11", "· IP:10.0.0.7 DNS:n7 ·"],
                never: &[],
            },
            // A server's name is a label where hosts are named.
            Run {
                line: "kpki issue server 'The web' --san web.example.com --ca rsa --out e.crt",
                code: 0,
                says: &["CN=The web · DNS:web.example.com ·"],
                never: &[],
            },
            Run {
                line: "kpki issue user jane --group dev,ops --group 'cn=a\\,ou=b,CORP\\qa' --ca rsa --out f.crt && openssl x509 -in f.crt -noout -subject -nameopt sep_multiline",
                code: 0,
                says: &["O=dev", "O=ops", "O=cn=a,ou=b", "O=CORP\\\\qa", "CN=jane"],
                never: &["O=dev,ops"],
            },
            Run { line: "kpki issue user jane --only-sans --ca rsa", code: 2, says: &["--san"], never: &[] },
        ],
    },
    Case {
        situation: "keys of the kind that the CA's leaves have",
        inputs: rsa,
        runs: &[
            Run {
                line: "kpki issue user a --ca rsa --out 1.crt; kpki issue user b --ca mixed --out 2.crt; kpki issue user c --ca n/etc/kubernetes --out 3.crt; kpki issue user d --ca rsa --algorithm ed25519 --out 4.crt; for f in 1 2 3 4; do openssl x509 -in $f.crt -noout -text | grep -oE 'rsaEncryption|prime256v1|secp384r1|Algorithm: ED25519'; done",
                code: 0,
                says: &["rsaEncryption\nsecp384r1\nprime256v1\nAlgorithm: ED25519"],
                never: &[],
            },
            Run {
                line: "kpki ca intermediate low --ca rsa --out low/ca.crt && kpki issue server x --ca low/ca.crt --out 5.crt",
                code: 0,
                says: &["CN=low · RSA-2048", "CN=x · DNS:x · RSA-2048"],
                never: &[],
            },
        ],
    },
    Case {
        situation: "the version of Kubernetes by the manifests, by a configuration, by what is replaced, or not at all",
        inputs: |desk| {
            rsa(desk);
            for file in ["kube-apiserver", "kube-controller-manager", "kube-scheduler"] {
                let file = format!("n/etc/kubernetes/manifests/{file}.yaml");
                desk.replace(&file, "v1.36.2", "v1.30.4");
            }
            let old = forge::ca("cn=kubernetes key=rsa2048:rsa-ca");
            let old =
                old.leaf("o=system:masters cn=kube-apiserver-kubelet-client eku=client key=rsa2048:old");
            desk.pair("old", &old);
            desk.put(
                "conf/kubeadm-config.yaml",
                0o644,
                "apiVersion: kubeadm.k8s.io/v1beta3\nkind: ClusterConfiguration\nkubernetesVersion: 1.27.3\n",
            );
            desk.put("conf/pki/ca.crt", 0o644, desk.read("rsa/ca.crt"));
            desk.put("conf/pki/ca.key", 0o600, desk.read("rsa/ca.key"));
        },
        runs: &[
            Run {
                line: "kpki issue apiserver-kubelet-client --ca n/etc/kubernetes/pki --out a.crt; kpki issue admin --ca conf/pki --out b.crt",
                code: 0,
                says: &[
                    "O=kubeadm:cluster-admins, CN=kube-apiserver-kubelet-client",
                    "O=system:masters, CN=kubernetes-admin",
                ],
                never: &["is not known here"],
            },
            Run {
                line: "kpki issue apiserver-kubelet-client --ca rsa --out old.crt --force",
                code: 0,
                says: &["O=system:masters, CN=kube-apiserver-kubelet-client"],
                never: &["is not known here"],
            },
            Run {
                line: "kpki issue apiserver-kubelet-client --ca rsa --out c.crt",
                code: 0,
                says: &["the cluster's version is not known here: v1.36.2 is taken", "--kubernetes-version"],
                never: &["O=system:masters"],
            },
            // By what is there of its name, also where it is written elsewhere.
            Run {
                line: "cp old.crt rsa/apiserver-kubelet-client.crt; kpki issue apiserver-kubelet-client --ca rsa --out same.crt",
                code: 0,
                says: &["O=system:masters, CN=kube-apiserver-kubelet-client"],
                never: &["is not known here"],
            },
            Run {
                line: "kpki issue apiserver-kubelet-client --ca n/etc/kubernetes/pki --kubernetes-version 1.28 --out d.crt",
                code: 0,
                says: &["O=system:masters, CN=kube-apiserver-kubelet-client"],
                never: &[],
            },
            Run {
                line: "kpki issue user jane --ca rsa --out e.crt",
                code: 0,
                says: &["signed"],
                never: &["is not known here"],
            },
        ],
    },
    Case {
        situation: "standard output",
        inputs: rsa,
        runs: &[
            Run {
                line: "kpki issue user jane --ca rsa --out -",
                code: 2,
                says: &["--key-out FILE", "--key-out -"],
                never: &["-----BEGIN"],
            },
            Run {
                line: "kpki issue user jane --ca rsa --out - --key-out jane.key 2>/dev/null > jane.crt && stat -c %a jane.key && openssl x509 -in jane.crt -noout -pubkey > a && openssl pkey -in jane.key -pubout > b && cmp a b",
                code: 0,
                says: &["600"],
                never: &["PRIVATE"],
            },
            Run {
                line: "kpki issue user jane --ca rsa --out - --key-out - 2>words | grep BEGIN; grep -c PRIVATE words",
                code: 1,
                says: &["-----BEGIN CERTIFICATE-----\n-----BEGIN RSA PRIVATE KEY-----", "0"],
                never: &[],
            },
            Run {
                line: "kpki issue user jane --ca n/etc/kubernetes/pki --kubeconfig - 2>/dev/null > jane.conf && kubectl --kubeconfig jane.conf config view -o jsonpath='{.users[0].name} {.clusters[0].cluster.server}'",
                code: 0,
                says: &["jane https://10.0.0.10:6443"],
                never: &[],
            },
            Run {
                line: "kpki issue user jane --ca rsa --kubeconfig - --server https://a:6443 -o json",
                code: 2,
                says: &["standard output cannot carry both"],
                never: &["PRIVATE"],
            },
        ],
    },
];

const FORMS: &[Case] = &[
    Case {
        situation: "a pair by the one naming, by the other, and by a third",
        inputs: |desk| {
            let ca = forge::ca("cn=kubernetes key=p256:forms");
            desk.pair("pki/ca", &ca);
            let leaf = ca.leaf(&format!("{LEAF} cn=web eku=server sans=dns:web key=p256:leaf"));
            desk.pair("a", &leaf);
            desk.pem_pair("b", &leaf);
            desk.put("server-cert.pem", 0o644, leaf.pem());
            desk.put("server-key.pem", 0o640, leaf.key_pem());
            desk.put("lost.pem", 0o644, leaf.pem());
            desk.put("other.crt", 0o600, leaf.pem());
            desk.put("private.key", 0o644, leaf.key_pem());
        },
        runs: &[
            Run {
                line: "kpki issue server web --ca pki --out a.crt --force && kpki issue server web --ca pki --out b.pem --force && kpki issue server web --ca pki --out server-cert.pem --force && ls",
                code: 0,
                says: &[
                    "a.key.20260601T120000Z.bak",
                    "b-key.pem.20260601T120000Z.bak",
                    "server-key.pem.20260601T120000Z.bak",
                ],
                never: &["server-cert-key.pem", "./a."],
            },
            Run {
                line: "stat -c '%a %n' *.key *key.pem; for p in a.crt:a.key b.pem:b-key.pem server-cert.pem:server-key.pem; do openssl x509 -in ${p%:*} -noout -pubkey > x; openssl pkey -in ${p#*:} -pubout > y; cmp x y || exit 9; done",
                code: 0,
                says: &["600 a.key", "600 b-key.pem", "640 server-key.pem"],
                never: &[],
            },
            Run {
                line: "kpki issue server web --ca pki --out lost.pem --force; code=$?; ls; exit $code",
                code: 1,
                says: &["the private key of lost.pem is not found: neither in it nor in lost-key.pem", "--key-out FILE"],
                never: &["lost.pem.2026"],
            },
            Run {
                line: "kpki issue server web --ca pki --out other.crt --key-out private.key --force && stat -c '%a %n' other.crt private.key",
                code: 0,
                says: &["600 other.crt", "600 private.key", "private.key.20260601T120000Z.bak"],
                never: &[],
            },
        ],
    },
    Case {
        situation: "certificate and key in one file, with what stands behind them",
        inputs: |desk| {
            let root = forge::ca("cn=Root key=p256:root");
            let ca = root.ca("cn=kubernetes key=p256:below");
            desk.put("pki/ca.crt", 0o644, format!("{}{}", ca.pem(), root.pem()));
            desk.put("pki/ca.key", 0o600, ca.key_pem());
            let leaf = ca.leaf(&format!("{LEAF} cn=web eku=server sans=dns:web key=p256:one"));
            desk.put("first.pem", 0o600, format!("{}{}", leaf.pem(), leaf.key_pem()));
            desk.put("last.pem", 0o600, format!("{}{}{}", leaf.key_pem(), leaf.pem(), ca.pem()));
            desk.put("k3s.crt", 0o644, format!("{}{}{}", leaf.pem(), ca.pem(), root.pem()));
            desk.put("k3s.key", 0o600, leaf.key_pem());
        },
        runs: &[
            Run {
                line: "for f in first.pem last.pem k3s.crt; do kpki issue server web --ca pki --out $f --force > /dev/null; echo $f; grep BEGIN $f; stat -c %a $f; done",
                code: 0,
                says: &[
                    "first.pem\n-----BEGIN CERTIFICATE-----\n-----BEGIN PRIVATE KEY-----\n600",
                    "last.pem\n-----BEGIN PRIVATE KEY-----\n-----BEGIN CERTIFICATE-----\n-----BEGIN CERTIFICATE-----\n600",
                    "k3s.crt\n-----BEGIN CERTIFICATE-----\n-----BEGIN CERTIFICATE-----\n-----BEGIN CERTIFICATE-----\n644",
                ],
                never: &[],
            },
            Run {
                line: "openssl ec -in k3s.key -out sec1 2>/dev/null && cat sec1 > k3s.key && kpki issue server web --ca pki --out k3s.crt --force && head -1 k3s.key && kpki issue server web --ca pki --out new.pem --key-out new.pem && grep -c BEGIN new.pem && stat -c %a new.pem",
                code: 0,
                says: &["-----BEGIN EC PRIVATE KEY-----", "\n2\n600"],
                never: &[],
            },
            Run {
                line: "openssl pkcs8 -topk8 -in k3s.key -passout pass:x -out enc; cat enc > k3s.key; kpki issue server web --ca pki --out k3s.crt --force",
                code: 1,
                says: &["the private key in k3s.key is encrypted, and the new one would not be"],
                never: &[],
            },
        ],
    },
    Case {
        situation: "a kubeconfig that somebody has made his own",
        inputs: |desk| {
            let cluster = desk.control_plane("n");
            let client = cluster.kubernetes.leaf(&format!("{LEAF} o=dev cn=jane eku=client key=p256:jane"));
            let user = format!(
                "client-certificate-data: {} # until summer\n    client-key-data: \"{}\"",
                base64(client.pem()),
                base64(client.key_pem())
            );
            let more = "- name: other\n  user: {token: abc}\npreferences: {colors: true}\nextensions:\n- name: x\n  extension: {a: [1, 2]}\n";
            let own = kubeconfig(&cluster.kubernetes.pem(), &user, "https://10.0.0.10:6443");
            desk.put("jane.conf", 0o640, format!("# mine\n{own}{more}"));
            desk.put("files.conf", 0o600, desk.read("n/etc/kubernetes/kubelet.conf"));
            desk.put("token.conf", 0o600, own.replace(&user, "token: abc"));
            let waiting = own.replace(&format!("client-certificate-data: {} # until summer\n    ", base64(client.pem())), "");
            desk.put("waiting.conf", 0o600, waiting);
        },
        runs: &[
            Run {
                line: "cp jane.conf before; kpki issue user jane --group dev,ops --ca n/etc/kubernetes/pki --kubeconfig jane.conf --force && diff before jane.conf | grep -c '^>'; kubectl --kubeconfig jane.conf config view --raw -o jsonpath='{.users[?(@.name==\"user\")].user.client-certificate-data}' | base64 -d | openssl x509 -noout -subject; stat -c %a jane.conf",
                code: 0,
                says: &["kept      jane.conf.20260601T120000Z.bak", "\n2\n", "subject=O = dev, O = ops, CN = jane", "640"],
                never: &[],
            },
            Run {
                line: "grep -E '^# mine|# until summer|token: abc|colors|a: \\[1, 2\\]' jane.conf | wc -l; kpki rehearse n >/dev/null; kubectl --kubeconfig jane.conf config view --raw -o jsonpath='{.users[?(@.name==\"user\")].user.client-key-data}' | base64 -d | openssl pkey -pubout > a; kubectl --kubeconfig jane.conf config view --raw -o jsonpath='{.users[?(@.name==\"user\")].user.client-certificate-data}' | base64 -d | openssl x509 -noout -pubkey > b; cmp a b",
                code: 0,
                says: &["5"],
                never: &["differ"],
            },
            Run {
                line: "kpki issue user jane --ca n/etc/kubernetes/pki --kubeconfig jane.conf --server https://api.example.com:6443 --server-ca n/etc/kubernetes/pki/etcd/ca.crt --force && kubectl --kubeconfig jane.conf config view --raw -o jsonpath='{.clusters[0].cluster.server} {.clusters[0].cluster.certificate-authority-data}' | tee x; cut -d' ' -f2 x | base64 -d | openssl x509 -noout -subject",
                code: 0,
                says: &["https://api.example.com:6443 LS0t", "subject=CN = etcd-ca"],
                never: &[],
            },
            Run {
                line: "kpki issue user jane --ca n/etc/kubernetes/pki --kubeconfig jane.conf --cluster other --force",
                code: 1,
                says: &["the cluster in jane.conf is called \"kubernetes\", not \"other\""],
                never: &[],
            },
            Run {
                line: "kpki issue kubelet-client cp1 --ca n/etc/kubernetes/pki --kubeconfig files.conf --force",
                code: 1,
                says: &[
                    "its client-certificate is the file /var/lib/kubelet/pki/kubelet-client-current.pem",
                    "write to that file: --out /var/lib/kubelet/pki/kubelet-client-current.pem",
                ],
                never: &[],
            },
            Run {
                line: "kpki issue user jane --ca n/etc/kubernetes/pki --kubeconfig token.conf --force",
                code: 1,
                says: &["its user has no client certificate but token"],
                never: &["signed"],
            },
            Run {
                line: "kpki issue user jane --ca n/etc/kubernetes/pki --kubeconfig waiting.conf --force && kubectl --kubeconfig waiting.conf config view --raw -o jsonpath='{.users[0].user.client-certificate-data}' | base64 -d | openssl x509 -noout -subject",
                code: 0,
                says: &["subject=CN = jane"],
                never: &[],
            },
            Run {
                line: "kpki issue user jane --ca n/etc/kubernetes/pki --kubeconfig jane.conf",
                code: 2,
                says: &["exists already"],
                never: &[],
            },
        ],
    },
    Case {
        situation: "every certificate of a control plane is issued anew, each by one command",
        inputs: |desk| {
            desk.control_plane("n");
            desk.put(
                "kubeadm.yaml",
                0o644,
                "apiVersion: kubeadm.k8s.io/v1beta4\nkind: InitConfiguration\nnodeRegistration: {name: cp1}\nlocalAPIEndpoint: {advertiseAddress: 10.0.0.10}\n---\napiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\nkubernetesVersion: v1.36.2\n",
            );
        },
        runs: &[
            Run {
                line: "k=n/etc/kubernetes; set -e; anew() { kpki issue \"$@\" --ca $k/pki --force > /dev/null; }
                       anew apiserver --san cp1,10.0.0.10,10.96.0.1,localhost,127.0.0.1 --out $k/pki/apiserver.crt
                       anew apiserver-kubelet-client --out $k/pki/apiserver-kubelet-client.crt
                       anew apiserver-etcd-client --out $k/pki/apiserver-etcd-client.crt
                       anew front-proxy-client --out $k/pki/front-proxy-client.crt
                       anew etcd-server cp1 --san 10.0.0.10 --out $k/pki/etcd/server.crt
                       anew etcd-peer cp1 --san 10.0.0.10 --out $k/pki/etcd/peer.crt
                       anew etcd-client --out $k/pki/etcd/healthcheck-client.crt
                       for name in admin controller-manager scheduler; do anew $name --kubeconfig $k/$name.conf; done
                       anew kubelet-client cp1 --out n/var/lib/kubelet/pki/kubelet-client-current.pem
                       kpki init -f kubeadm.yaml --dir $k; kpki rehearse n; find n -name '*.bak' | wc -l",
                code: 0,
                says: &["done: 1 made, 15 kept", "ok: all 13 connections", "18"],
                never: &["refuse "],
            },
            Run {
                line: "openssl x509 -in n/etc/kubernetes/pki/apiserver.crt -noout -startdate; readlink n/var/lib/kubelet/pki/kubelet-client-current.pem",
                code: 0,
                says: &["Jun  1 11:55:00 2026", "/var/lib/kubelet/pki/kubelet-client-2026-01-02-03-04-05.pem"],
                never: &[],
            },
        ],
    },
];

const NEVER_REPLACED: &[Case] = &[Case {
    situation: "files that a leaf must not replace, and a user who insists",
    inputs: |desk| {
        let cluster = desk.control_plane("n");
        desk.put("copy.pem", 0o644, cluster.kubernetes.pem());
        desk.put("copied.key", 0o600, cluster.kubernetes.key_pem());
        desk.put(
            "request.crt",
            0o644,
            "-----BEGIN CERTIFICATE REQUEST-----\nMAA=\n-----END CERTIFICATE REQUEST-----\n",
        );
        desk.put("notes.txt", 0o644, "to do: renew");
        let wrong = cluster.kubernetes.ca("cn=kube-apiserver key=p256:wrong");
        desk.pair("wrong", &wrong);
    },
    runs: &[
        Run {
            line: "cd n/etc/kubernetes/pki && for f in ca.crt etcd/ca.crt front-proxy-ca.crt ../../../../copy.pem; do kpki issue user jane --ca . --out $f --force && exit 9; done; exit 1",
            code: 1,
            says: &[
                "ca.crt is the CA CN=kubernetes, which no other certificate may replace",
                "etcd/ca.crt is the CA CN=etcd-ca",
                "front-proxy-ca.crt is the CA CN=front-proxy-ca",
                "copy.pem is the CA CN=kubernetes",
            ],
            never: &["signed"],
        },
        Run {
            line: "cd n/etc/kubernetes/pki && for f in ca.key etcd/ca.key sa.key ../../../../copied.key; do kpki issue user jane --ca . --out x.crt --key-out $f --force && exit 9; done; for f in sa.pub ../admin.conf; do kpki issue user jane --ca . --out $f --force && exit 9; done; exit 1",
            code: 1,
            says: &[
                "ca.key is the private key of the CA in ca.crt",
                "etcd/ca.key is the private key of the CA in etcd/ca.crt",
                "sa.key belongs to the key pair of the service accounts",
                "copied.key is the CA CN=kubernetes",
                "sa.pub belongs to the key pair",
                "../admin.conf is a kubeconfig",
                "--kubeconfig FILE",
            ],
            never: &["signed"],
        },
        Run {
            line: "for f in request.crt notes.txt n/etc/kubernetes/pki/apiserver.key; do kpki issue user jane --ca n/etc/kubernetes/pki --out $f --force && exit 9; done; kpki issue user jane --ca n/etc/kubernetes/pki --out y.crt && kpki issue user jane --ca n/etc/kubernetes/pki --out n/etc/kubernetes/pki/ca.ledger.jsonl --force",
            code: 1,
            says: &[
                "request.crt holds no certificate",
                "notes.txt holds neither certificate nor key",
                "apiserver.key holds a private key and no certificate",
                "ca.ledger.jsonl holds neither certificate nor key",
            ],
            never: &[],
        },
        // A leaf that was wrongly made a CA is what is to be replaced.
        Run {
            line: "kpki issue user jane --ca n/etc/kubernetes/pki --out wrong.crt --force; kpki issue apiserver --ca n/etc/kubernetes/pki --out wrong.crt --force && openssl x509 -in wrong.crt -noout -ext basicConstraints",
            code: 0,
            says: &["wrong.crt is the CA CN=kube-apiserver", "CA:FALSE"],
            never: &[],
        },
        // A request that is signed is held to the same.
        Run {
            line: "openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout jane.key -subj /CN=jane -out jane.csr 2>/dev/null; cd n/etc/kubernetes/pki && for f in ca.crt etcd/ca.crt sa.pub ../../../../notes.txt; do kpki sign csr ../../../../jane.csr --profile user --ca . --out $f --force && exit 9; done; exit 1",
            code: 1,
            says: &[
                "ca.crt is the CA CN=kubernetes, which no other certificate may replace",
                "etcd/ca.crt is the CA CN=etcd-ca",
                "sa.pub belongs to the key pair",
                "notes.txt holds neither certificate nor key",
            ],
            never: &["signed by"],
        },
        Run {
            line: "kpki issue user jane --ca n/etc/kubernetes/pki --out z.crt && find n copy.pem copied.key -name '*.bak'",
            code: 0,
            says: &[],
            never: &[".bak"],
        },
    ],
}];

const TRUST: &[Case] = &[
    Case {
        situation: "k3s, which signs servers and clients by different CAs",
        inputs: |desk| {
            let (server, client) =
                (forge::ca("cn=k3s-server-ca@1 key=p256:s"), forge::ca("cn=k3s-client-ca@1 key=p256:c"));
            desk.pair("tls/server-ca", &server);
            desk.pair("tls/client-ca", &client);
            let api = server.leaf(&format!(
                "{LEAF} cn=k3s eku=server sans=dns:kubernetes,dns:kubernetes.default.svc,ip:10.43.0.1"
            ));
            desk.put("tls/serving-kube-apiserver.crt", 0o644, format!("{}{}", api.pem(), server.pem()));
        },
        runs: &[
            Run {
                line: "kpki issue user jane --ca tls/client-ca.crt --kubeconfig a.conf --server https://k:6443; kpki issue user jane --ca tls --kubeconfig b.conf --server https://k:6443",
                code: 0,
                says: &["CA CN=k3s-client-ca@1", "the kubeconfig trusts the CAs of tls/server-ca.crt"],
                never: &[],
            },
            Run {
                line: "for f in a b; do sed -n 's/.*authority-data: //p' $f.conf | base64 -d | openssl x509 -noout -subject; done; kpki issue server web --ca tls --out web.crt",
                code: 0,
                says: &[
                    "subject=CN = k3s-server-ca@1\nsubject=CN = k3s-server-ca@1",
                    "CA CN=k3s-server-ca@1",
                ],
                never: &[],
            },
            Run {
                line: "rm tls/server-ca.crt; kpki issue user jane --ca tls/client-ca.crt --kubeconfig c.conf --server https://k:6443",
                code: 0,
                says: &["tls/serving-kube-apiserver.crt is not signed by CN=k3s-client-ca@1", "--server-ca"],
                never: &[],
            },
        ],
    },
    Case {
        situation: "users under a CA that is no root",
        inputs: |desk| {
            let cluster = desk.control_plane("n");
            let login = cluster.kubernetes.ca("cn=login key=p256:login");
            desk.pair("login/ca", &login);
            desk.put("bundle/ca.crt", 0o644, format!("{}{}", login.pem(), cluster.kubernetes.pem()));
            desk.put("bundle/ca.key", 0o600, login.key_pem());
            desk.pair(&format!("n/{PKI}/login"), &login);
        },
        runs: &[
            Run {
                line: "kpki issue user jane --ca login/ca.crt --kubeconfig jane.conf --server https://10.0.0.10:6443; code=$?; ls jane.conf 2>&1; exit $code",
                code: 1,
                says: &[
                    "the CA CN=login is an intermediate one, and it cannot be told here which root the API server's certificate goes back to",
                    "--server-ca FILE",
                    "cannot access 'jane.conf'",
                ],
                never: &["signed"],
            },
            // In every form, and by a pipe.
            Run {
                line: "printf 'apiVersion: v1\\nkind: Secret\\ntype: kubernetes.io/tls\\ndata: {tls.crt: %s}\\n' $(base64 -w0 n/etc/kubernetes/pki/ca.crt) > ca.yaml; \
                       openssl crl2pkcs7 -nocrl -certfile n/etc/kubernetes/pki/ca.crt -out ca.p7b; \
                       for ca in ca.yaml ca.p7b n/etc/kubernetes/admin.conf <(cat ca.p7b); do kpki issue user jane --ca login/ca.crt --kubeconfig - --server https://10.0.0.10:6443 --server-ca $ca 2> /dev/null | \
                       sed -n 's/.*certificate-authority-data: //p' | base64 -d | openssl x509 -noout -subject || exit 9; done",
                code: 0,
                says: &[
                    "subject=CN = kubernetes\nsubject=CN = kubernetes\nsubject=CN = kubernetes\nsubject=CN = kubernetes",
                ],
                never: &[],
            },
            Run {
                line: "kpki issue user jane --ca login/ca.crt --kubeconfig jane.conf --server https://10.0.0.10:6443 --server-ca login/ca.crt",
                code: 1,
                says: &["login/ca.crt: CN=login is an intermediate CA", "OpenSSL"],
                never: &["signed"],
            },
            Run {
                line: "kpki issue user jane --ca login/ca.crt --kubeconfig jane.conf --server https://10.0.0.10:6443 --server-ca n/etc/kubernetes/pki/apiserver.crt",
                code: 1,
                says: &["n/etc/kubernetes/pki/apiserver.crt: CN=kube-apiserver is no CA certificate"],
                never: &["signed"],
            },
            // The CA's key lies among the cluster's files, or its root behind it: both are enough to know.
            Run {
                line: "kpki issue user a --ca login/ca.crt --kubeconfig a.conf --server https://10.0.0.10:6443 --server-ca n/etc/kubernetes/pki/ca.crt && kpki issue user b --ca bundle/ca.crt --kubeconfig b.conf --server https://10.0.0.10:6443 && kpki issue user c --ca n/etc/kubernetes/pki/login.crt --kubeconfig c.conf",
                code: 0,
                says: &["signed    a.conf", "signed    b.conf", "signed    c.conf"],
                never: &[],
            },
            Run {
                line: "for f in a b c; do field() { sed -n \"s/.*$1: //p\" $f.conf | base64 -d; }; field certificate-authority-data > t; field client-certificate-data > s; grep -c BEGIN s; openssl verify -attime 1780315200 -CAfile t -purpose sslserver n/etc/kubernetes/pki/apiserver.crt; openssl verify -attime 1780315200 -CAfile n/etc/kubernetes/pki/ca.crt -untrusted s -purpose sslclient s; done",
                code: 0,
                says: &[
                    "2\nn/etc/kubernetes/pki/apiserver.crt: OK\ns: OK\n2\nn/etc/kubernetes/pki/apiserver.crt: OK\ns: OK\n2\nn/etc/kubernetes/pki/apiserver.crt: OK\ns: OK",
                ],
                never: &[],
            },
        ],
    },
];
