//! How components run: what is read of units, environment files and configurations, and what is told where it is not.

use crate::desk::{Cluster, Desk, LEAF};
use crate::forge;
use crate::table::{Case, Run, check};

#[test]
fn reading() {
    check(CASES);
}

/// A certificate's times, of one that has ended.
const ENDED: &str = "from=-400d until=-35d";
/// Both purposes.
const BOTH: &str = "eku=server,client";
/// What pods call the API server.
const SERVICE: &str = "sans=dns:kubernetes,dns:kubernetes.default,dns:kubernetes.default.svc,\
                       dns:kubernetes.default.svc.cluster.local,ip:10.68.0.1,ip:10.7.0.1,ip:127.0.0.1";

/// A unit that starts a program with flags, each on a line of its own.
fn unit(desk: &Desk, root: &str, name: &str, flags: &[&str]) {
    let flags: String = flags.iter().map(|flag| format!(" \\\n  {flag}")).collect();
    let text = format!(
        "[Unit]\nDescription={name}\n\n[Service]\nExecStart=/usr/local/bin/{name}{flags}\nRestart=always\n"
    );
    desk.put(&format!("{root}/etc/systemd/system/{name}.service"), 0o644, text);
}

/// A master of which systemd starts everything, with one CA for all, as binary installers leave it.
fn by_units(desk: &Desk, root: &str) {
    let ca = forge::ca("cn=kubernetes-ca o=k8s");
    let ssl = format!("{root}/etc/kubernetes/ssl");
    desk.pem_pair(&format!("{ssl}/ca"), &ca);
    desk.pem_pair(&format!("{ssl}/kubernetes"), &ca.leaf(&format!("{LEAF} cn=kubernetes {BOTH} {SERVICE}")));
    desk.pem_pair(
        &format!("{ssl}/etcd"),
        &ca.leaf(&format!("{LEAF} cn=etcd {BOTH} sans=ip:10.7.0.1,ip:127.0.0.1")),
    );
    let kubelet = ca.leaf(&format!("{LEAF} cn=system:node:m1 o=system:nodes eku=client"));
    desk.kubeconfig(
        &format!("{root}/etc/kubernetes/kubelet.kubeconfig"),
        &ca.pem(),
        &kubelet,
        "https://127.0.0.1:6443",
    );
    unit(
        desk,
        root,
        "kube-apiserver",
        &[
            "--client-ca-file=/etc/kubernetes/ssl/ca.pem",
            "--etcd-cafile=/etc/kubernetes/ssl/ca.pem",
            "--etcd-certfile=/etc/kubernetes/ssl/kubernetes.pem",
            "--etcd-keyfile=/etc/kubernetes/ssl/kubernetes-key.pem",
            "--etcd-servers=https://10.7.0.1:2379",
            "# the front proxy",
            "--requestheader-client-ca-file=/etc/kubernetes/ssl/ca.pem",
            "--service-account-issuer=https://kubernetes.default.svc",
            "--service-account-key-file=/etc/kubernetes/ssl/ca.pem",
            "--service-account-signing-key-file=/etc/kubernetes/ssl/ca-key.pem",
            "--service-cluster-ip-range=10.68.0.0/16",
            "--tls-cert-file=/etc/kubernetes/ssl/kubernetes.pem",
            "--tls-private-key-file=/etc/kubernetes/ssl/kubernetes-key.pem",
        ],
    );
    unit(
        desk,
        root,
        "etcd",
        &[
            "--cert-file=/etc/kubernetes/ssl/etcd.pem",
            "--key-file=/etc/kubernetes/ssl/etcd-key.pem",
            "--listen-client-urls=https://10.7.0.1:2379",
            "--advertise-client-urls=https://10.7.0.1:2379",
        ],
    );
    desk.directory(&format!("{root}/usr"));
}

/// etcd's variables for one pair that serves clients and peers.
fn etcd_environment(pair: &str, ca: &str) -> String {
    format!(
        "ETCD_NAME=m1\nETCD_LISTEN_CLIENT_URLS=https://10.4.0.1:2379,https://127.0.0.1:2379\n\
         ETCD_ADVERTISE_CLIENT_URLS=https://10.4.0.1:2379\nETCD_LISTEN_PEER_URLS=https://10.4.0.1:2380\n\
         ETCD_INITIAL_ADVERTISE_PEER_URLS=https://10.4.0.1:2380\nETCD_INITIAL_CLUSTER=m1=https://10.4.0.1:2380\n\
         ETCD_CERT_FILE={pair}.pem\nETCD_KEY_FILE={pair}-key.pem\nETCD_TRUSTED_CA_FILE={ca}\nETCD_CLIENT_CERT_AUTH=true\n\
         ETCD_PEER_CERT_FILE={pair}.pem\nETCD_PEER_KEY_FILE={pair}-key.pem\nETCD_PEER_TRUSTED_CA_FILE={ca}\n\
         ETCD_PEER_CLIENT_CERT_AUTH=true\n"
    )
}

const CASES: &[Case] = &[
    Case {
        situation: "a master of which systemd starts everything",
        inputs: |desk| by_units(desk, "n"),
        runs: &[Run {
            line: "kpki audit n",
            code: 1,
            says: &[
                "--client-cert-auth is not given: whoever reaches https://10.7.0.1:2379 may use it",
                "n/etc/systemd/system/etcd.service",
                "--requestheader-client-ca-file and --client-ca-file both name /etc/kubernetes/ssl/ca.pem",
                "n/etc/systemd/system/kube-apiserver.service:12",
                "it is the CA of etcd and of Kubernetes",
                "the key that signs service-account tokens is that of kubernetes-ca as well",
            ],
            never: &["lies on a worker", "shred -u", "not to be a server", "how etcd runs is not known"],
        }],
    },
    Case {
        situation: "the same master, of which only the certificates were copied",
        inputs: |desk| {
            by_units(desk, "n");
            desk.remove("n/etc/systemd/system/etcd.service");
            desk.remove("n/etc/systemd/system/kube-apiserver.service");
        },
        runs: &[Run {
            line: "kpki audit n/etc/kubernetes",
            code: 0,
            says: &["how kube-apiserver runs is not known"],
            never: &["lies on a worker", "shred -u", "/etc/kubernetes/manifests", "F022"],
        }],
    },
    Case {
        situation: "nodes in the layout of the hard way, whose certificates have ended",
        inputs: |desk| {
            let ca = forge::ca("cn=CA from=-500d");
            let server = ca.leaf(
                &format!("{LEAF} cn=kubernetes {BOTH} sans=dns:kubernetes,ip:10.32.0.1 {ENDED}")
                    .replace("until=+364d ", ""),
            );
            desk.pair("n/server/var/lib/kubernetes/kube-api-server", &server);
            desk.put("n/server/var/lib/kubernetes/ca.crt", 0o644, ca.pem());
            desk.put("n/server/var/lib/kubernetes/ca.key", 0o644, ca.key_pem());
            unit(
                desk,
                "n/server",
                "kube-apiserver",
                &[
                    "--client-ca-file=/var/lib/kubernetes/ca.crt",
                    "--tls-cert-file=/var/lib/kubernetes/kube-api-server.crt",
                    "--tls-private-key-file=/var/lib/kubernetes/kube-api-server.key",
                ],
            );
            let node = format!("{LEAF} cn=system:node:node-0 o=system:nodes {BOTH} sans=dns:node-0 {ENDED}");
            desk.pair("n/node-0/var/lib/kubelet/kubelet", &ca.leaf(&node.replace("until=+364d ", "")));
            desk.put("n/node-0/var/lib/kubelet/ca.crt", 0o644, ca.pem());
            for node in ["server", "node-0"] {
                desk.directory(&format!("n/{node}/usr"));
                desk.directory(&format!("n/{node}/etc"));
            }
        },
        runs: &[
            Run {
                line: "kpki audit --nodes n",
                code: 1,
                says: &[
                    "server: var/lib/kubernetes/kube-api-server.crt\n",
                    "node-0: var/lib/kubelet/kubelet.crt\n",
                    "it expired on 2026-04-27",
                    "server: var/lib/kubernetes/ca.key\n  high      mode 0644: every user may read this private key",
                ],
                never: &["lies on a worker", "it lies in the place of kubelet-serving"],
            },
            Run {
                line: "kpki audit n/node-0",
                code: 1,
                says: &["it expired on"],
                never: &["no file is in it"],
            },
        ],
    },
    Case {
        situation: "an etcd that is configured in YAML",
        inputs: |desk| {
            let ca = forge::ca("cn=etcd-ca");
            desk.put("n/etc/etcd/pki/ca.crt", 0o644, ca.pem());
            for name in ["server", "peer"] {
                let words = format!(
                    "{LEAF} cn=m1 {BOTH} sans=dns:etcd1.example.net,dns:localhost,ip:127.0.0.1 key=p256:{name}"
                );
                desk.pair(&format!("n/etc/etcd/pki/{name}"), &ca.leaf(&words));
            }
            desk.put(
                "n/etc/etcd/etcd.conf.yml",
                0o644,
                "name: m1\nlisten-client-urls: https://10.2.0.1:2379\nadvertise-client-urls: https://etcd1.example.net:2379\n\
                 client-transport-security:\n  cert-file: /etc/etcd/pki/server.crt\n  key-file: /etc/etcd/pki/server.key\n  \
                 client-cert-auth: false\npeer-transport-security:\n  cert-file: /etc/etcd/pki/peer.crt\n  key-file: /etc/etcd/pki/gone.key\n  \
                 client-cert-auth: true\n  trusted-ca-file: /etc/etcd/pki/ca.crt\n",
            );
        },
        runs: &[Run {
            line: "kpki audit n",
            code: 1,
            says: &[
                "whoever reaches https://10.2.0.1:2379 may use it\n            E006 etcd-client-certificates, n/etc/etcd/etcd.conf.yml:7",
                "peer-transport-security.key-file names /etc/etcd/pki/gone.key, which is not there",
                "n/etc/etcd/etcd.conf.yml:10",
            ],
            never: &["how etcd runs is not known", "IP:10.2.0.1"],
        }],
    },
    Case {
        situation: "one pair for etcd's clients and peers, in kubespray's layout and in kpki's own",
        inputs: |desk| {
            let ca = forge::ca("cn=etcd-ca");
            let member =
                ca.leaf(&format!("{LEAF} cn=m1 {BOTH} sans=dns:m1,dns:localhost,ip:10.4.0.1,ip:127.0.0.1"));
            for (root, directory, name, environment) in [
                ("kubespray", "/etc/ssl/etcd/ssl", "member-m1", "etc/etcd.env"),
                ("pem", "/etc/etcd/pki", "etcd", "etc/etcd/etcd.conf"),
            ] {
                desk.put(&format!("{root}{directory}/ca.pem"), 0o644, ca.pem());
                desk.pem_pair(&format!("{root}{directory}/{name}"), &member);
                let pair = format!("{directory}/{name}");
                desk.put(
                    &format!("{root}/{environment}"),
                    0o644,
                    etcd_environment(&pair, &format!("{directory}/ca.pem")),
                );
            }
        },
        runs: &[Run {
            line: "kpki audit kubespray && kpki audit pem",
            code: 0,
            says: &["ok: nothing of severity high"],
            never: &["M003", "P017", "how etcd runs"],
        }],
    },
    Case {
        situation: "the directory of k0s' PKI",
        inputs: |desk| {
            let (ca, etcd, front) = (
                forge::ca("cn=kubernetes-ca"),
                forge::ca("cn=etcd-ca"),
                forge::ca("cn=kubernetes-front-proxy-ca"),
            );
            let pki = "n/var/lib/k0s/pki";
            desk.pair(&format!("{pki}/ca"), &ca);
            desk.pair(&format!("{pki}/etcd/ca"), &etcd);
            desk.pair(&format!("{pki}/front-proxy-ca"), &front);
            for (base, authority, words) in [
                ("server", &ca, format!("cn=kubernetes o=kubernetes {SERVICE},dns:localhost")),
                ("admin", &ca, "cn=kubernetes-admin o=system:masters".to_owned()),
                ("scheduler", &ca, "cn=system:kube-scheduler o=system:kube-scheduler".to_owned()),
                ("apiserver-kubelet-client", &ca, "cn=apiserver-kubelet-client o=system:masters".to_owned()),
                ("apiserver-etcd-client", &etcd, "cn=apiserver-etcd-client".to_owned()),
                ("front-proxy-client", &front, "cn=front-proxy-client".to_owned()),
                ("etcd/server", &etcd, "cn=etcd-server sans=ip:127.0.0.1,dns:localhost".to_owned()),
                ("etcd/peer", &etcd, "cn=10.5.0.1 sans=ip:10.5.0.1".to_owned()),
            ] {
                let leaf = authority.leaf(&format!("{LEAF} {words} {BOTH} key=p256:k0s-{base}"));
                desk.pair(&format!("{pki}/{base}"), &leaf);
            }
            let admin =
                ca.leaf(&format!("{LEAF} cn=kubernetes-admin o=system:masters {BOTH} key=p256:k0s-admin"));
            desk.kubeconfig(&format!("{pki}/admin.conf"), &ca.pem(), &admin, "https://localhost:6443");
            let cluster = Cluster::new();
            desk.put(&format!("{pki}/sa.key"), 0o600, cluster.service_account.key_pem());
            desk.put(
                &format!("{pki}/sa.pub"),
                0o600,
                crate::desk::pem("PUBLIC KEY", cluster.service_account.spki_der()),
            );
        },
        runs: &[
            Run {
                line: "kpki audit n/var/lib/k0s/pki",
                code: 0,
                says: &["K016 masters"],
                never: &["on a node with etcd alone", "/etc/kubernetes", "server-without-names", "shred -u"],
            },
            Run {
                line: "cp -r n/var/lib/k0s/pki copy && kpki audit copy",
                code: 0,
                says: &["copy/server.crt"],
                never: &["on a node with etcd alone", "/etc/kubernetes", "it lies in the place of"],
            },
            Run {
                line: "kpki rehearse n/var/lib/k0s/pki",
                code: 0,
                says: &["apiserver → etcd                   ok", "pods → apiserver                   ok"],
                never: &["the API servers' files are not here"],
            },
        ],
    },
    Case {
        situation: "a server of k3s",
        inputs: |desk| {
            let tls = "n/var/lib/rancher/k3s/server/tls";
            let ca = |name: &str| forge::ca(&format!("cn=k3s-{name}@1764000000 key=p256:k3s-{name}"));
            let (client, server, front) = (ca("client-ca"), ca("server-ca"), ca("request-header-ca"));
            for (name, authority) in
                [("client-ca", &client), ("server-ca", &server), ("request-header-ca", &front)]
            {
                desk.pair(&format!("{tls}/{name}"), authority);
            }
            for (name, authority, words) in [
                ("client-admin", &client, "cn=system:admin o=system:masters eku=client".to_owned()),
                (
                    "client-supervisor",
                    &client,
                    "cn=system:k3s-supervisor o=system:masters eku=client".to_owned(),
                ),
                (
                    "client-kube-apiserver",
                    &client,
                    "cn=system:apiserver o=system:masters eku=client".to_owned(),
                ),
                ("client-kube-proxy", &client, "cn=system:kube-proxy eku=client".to_owned()),
                (
                    "client-k3s-cloud-controller",
                    &client,
                    "cn=k3s-cloud-controller-manager eku=client".to_owned(),
                ),
                ("client-auth-proxy", &front, "cn=system:auth-proxy eku=client".to_owned()),
                ("serving-kube-apiserver", &server, format!("cn=kube-apiserver eku=server {SERVICE}")),
            ] {
                let leaf = authority.leaf(&format!("{LEAF} {words} key=p256:k3s-{name}"));
                desk.put(&format!("{tls}/{name}.crt"), 0o644, leaf.pem() + &authority.pem());
                desk.put(&format!("{tls}/{name}.key"), 0o600, leaf.key_pem());
            }
        },
        runs: &[
            Run {
                line: "kpki audit n",
                code: 0,
                says: &["K016 masters: A certificate is in system:masters, 3 times"],
                never: &["K017", "K018", "nothing takes that away"],
            },
            Run {
                line: "cp -r n/var/lib/rancher/k3s/server/tls copied && kpki audit copied",
                code: 0,
                says: &[],
                never: &["K017"],
            },
        ],
    },
    Case {
        situation: "a worker of kubeadm's, whose drop-in names the configuration and whose own directory has pods",
        inputs: |desk| {
            let cluster = Cluster::new();
            desk.kubelet("n", &cluster, "w1", "https://api.example.com:6443");
            desk.put(
                "n/usr/lib/systemd/system/kubelet.service",
                0o644,
                "[Unit]\nDescription=kubelet\n[Service]\nExecStart=/usr/bin/kubelet\n",
            );
            desk.put(
                "n/usr/lib/systemd/system/kubelet.service.d/10-kubeadm.conf",
                0o644,
                "[Service]\nEnvironment=\"KUBELET_CONFIG_ARGS=--config=/var/lib/kubelet/config.yaml --config-dir=/etc/kubelet.d\"\n\
                 EnvironmentFile=-/var/lib/kubelet/kubeadm-flags.env\nEnvironmentFile=-/etc/default/kubelet\nExecStart=\n\
                 ExecStart=/usr/bin/kubelet $KUBELET_CONFIG_ARGS $KUBELET_KUBEADM_ARGS $KUBELET_EXTRA_ARGS\n",
            );
            desk.put("n/etc/default/kubelet", 0o644, "KUBELET_EXTRA_ARGS=\"--tls-cert-file=/srv/own/w1.crt \\\n  --tls-private-key-file=/srv/own/w1.key\"\n");
            desk.put(
                "n/etc/kubelet.d/10.conf",
                0o644,
                "kind: KubeletConfiguration\napiVersion: kubelet.config.k8s.io/v1beta1\nauthentication: {anonymous: {enabled: true}}\n",
            );
            desk.pair(
                "n/srv/own/w1",
                &cluster.kubernetes.leaf(
                    &format!("{LEAF} cn=w1 eku=server sans=dns:w1 {ENDED}").replace("until=+364d ", ""),
                ),
            );
            let pod = forge::ca("cn=pod from=-500d").leaf(&format!("cn=pod eku=server sans=dns:pod {ENDED}"));
            desk.pair("n/var/lib/kubelet/pods/1/volumes/kubernetes.io~secret/x/tls", &pod);
            desk.pair("n/etc/kubernetes/pki/ca", &cluster.kubernetes);
            desk.directory("n/etc/kubernetes/manifests");
        },
        runs: &[Run {
            line: "kpki audit n",
            code: 1,
            says: &[
                "n/srv/own/w1.crt\n  critical  it expired on 2026-04-27",
                "the kubelet serves requests without credentials (authentication.anonymous.enabled)",
                "the private key of a CA (CN=kubernetes) lies on a worker",
            ],
            never: &["kubernetes.io~secret"],
        }],
    },
    Case {
        situation: "MicroK8s",
        inputs: |desk| {
            let ca = forge::ca("cn=10.152.183.1");
            let data = "n/var/snap/microk8s/6089";
            desk.pair(&format!("{data}/certs/ca"), &ca);
            desk.pair(
                &format!("{data}/certs/server"),
                &ca.leaf(&format!("{LEAF} cn=127.0.0.1 {BOTH} {SERVICE}")),
            );
            desk.put(
                &format!("{data}/args/kube-apiserver"),
                0o644,
                "--client-ca-file=${SNAP_DATA}/certs/ca.crt\n--tls-cert-file=${SNAP_DATA}/certs/server.crt\n\
                 --tls-private-key-file=${SNAP_DATA}/certs/gone.key\n--kubelet-client-certificate=${SNAP_DATA}/certs/server.crt\n\
                 --kubelet-client-key=${SNAP_DATA}/certs/server.key\n--service-cluster-ip-range=10.152.183.0/24\n",
            );
            desk.put(&format!("{data}/args/kubelite"), 0o644, "--start-control-plane=true\n");
            desk.link("n/var/snap/microk8s/current", "6089");
            desk.directory("n/usr");
            desk.directory("n/etc");
        },
        runs: &[Run {
            line: "kpki audit n",
            code: 1,
            says: &[
                "n/var/snap/microk8s/6089/args/kube-apiserver:3",
                "--tls-private-key-file names /var/snap/microk8s/current/certs/gone.key, which is not there",
                "it is not for 10.152.183.1, the first address of --service-cluster-ip-range",
            ],
            never: &["M003", "how kube-apiserver runs is not known"],
        }],
    },
    Case {
        situation: "k3s, RKE2 and k0s whose configuration gives flags to components, with their unit, without it, and in parts",
        inputs: |desk| {
            let ca = forge::ca("cn=rancher key=p256:rancher");
            for (node, program) in
                [("unit", "rke2"), ("alone", "rke2"), ("parts", "rke2"), ("k3s", "k3s"), ("pods", "rke2")]
            {
                desk.pair(&format!("{node}/var/lib/rancher/{program}/server/tls/server-ca"), &ca);
                let tls = format!("/var/lib/rancher/{program}/server/tls");
                let told = format!(
                    "kube-apiserver-arg:
  - client-ca-file={tls}/gone.crt
  - \"tls-cert-file={tls}/shown.crt\"
"
                );
                let file = if node == "parts" { "config.yaml.d/50-own.yaml" } else { "config.yaml" };
                desk.put(&format!("{node}/etc/rancher/{program}/{file}"), 0o600, told);
                desk.put(
                    &format!("{node}{tls}/shown.crt"),
                    0o644,
                    ca.leaf(&format!("{LEAF} cn=shown")).pem(),
                );
            }
            for node in ["unit", "pods"] {
                desk.put(
                    &format!("{node}/etc/systemd/system/rke2-server.service"),
                    0o644,
                    "[Service]\nExecStart=/usr/local/bin/rke2 server --kube-controller-manager-arg=root-ca-file=/var/lib/rancher/rke2/server/tls/gone-too.crt\n",
                );
            }
            // The pod that RKE2 wrote tells what it was told.
            for component in ["kube-apiserver", "kube-controller-manager"] {
                let pod = format!(
                    "apiVersion: v1\nkind: Pod\nmetadata: {{name: {component}}}\nspec:\n  hostNetwork: true\n  containers:\n  - name: {component}\n    \
                     command: [{component}, --profiling=false]\n"
                );
                desk.put(
                    &format!("pods/var/lib/rancher/rke2/agent/pod-manifests/{component}.yaml"),
                    0o600,
                    pod,
                );
            }
            desk.pair("k0s/var/lib/k0s/pki/ca", &ca);
            desk.pair(
                "k0s/var/lib/k0s/pki/server",
                &ca.leaf(&format!("{LEAF} cn=kubernetes eku=server {SERVICE}")),
            );
            desk.put(
                "k0s/etc/k0s/k0s.yaml",
                0o600,
                "apiVersion: k0s.k0sproject.io/v1beta1\nkind: ClusterConfig\nspec:\n  api:\n    extraArgs:\n      client-ca-file: /var/lib/k0s/pki/gone.crt\n",
            );
        },
        runs: &[
            Run {
                line: "kpki audit unit",
                code: 1,
                says: &[
                    "kube-apiserver-arg names /var/lib/rancher/rke2/server/tls/gone.crt, which is not there\n            M001 named-file-missing, unit/etc/rancher/rke2/config.yaml:2",
                    "names /var/lib/rancher/rke2/server/tls/gone-too.crt, which is not there\n            M001 named-file-missing, unit/etc/systemd/system/rke2-server.service:2",
                    "RKE2 gives kube-apiserver other flags as well, in /var/lib/rancher/rke2/agent/pod-manifests/kube-apiserver.yaml, which was not given",
                ],
                never: &["nothing names its key", "kube-apiserver has no --"],
            },
            Run {
                line: "kpki audit alone",
                code: 1,
                says: &[
                    "kube-apiserver-arg names /var/lib/rancher/rke2/server/tls/gone.crt, which is not there\n            M001 named-file-missing, alone/etc/rancher/rke2/config.yaml:2",
                    "what starts rke2 was not given",
                ],
                never: &["nothing names its key"],
            },
            Run {
                line: "kpki audit parts",
                code: 1,
                says: &["M001 named-file-missing, parts/etc/rancher/rke2/config.yaml.d/50-own.yaml:2"],
                never: &["nothing names its key"],
            },
            Run {
                line: "kpki audit k3s",
                code: 1,
                says: &[
                    "M001 named-file-missing, k3s/etc/rancher/k3s/config.yaml:2",
                    "what starts k3s was not given",
                ],
                never: &["nothing names its key"],
            },
            Run { line: "kpki audit pods", code: 1, says: &[], never: &["gone"] },
            Run {
                line: "kpki audit k0s",
                code: 1,
                says: &[
                    "spec.api.extraArgs.client-ca-file names /var/lib/k0s/pki/gone.crt, which is not there",
                    "what starts k0s was not given",
                ],
                never: &["kube-apiserver has no --"],
            },
        ],
    },
    Case {
        situation: "a template of which no instance is enabled",
        inputs: |desk| {
            desk.control_plane("n");
            desk.remove("n/etc/kubernetes/manifests/kube-apiserver.yaml");
            let unit = "[Service]\nExecStart=/usr/local/bin/kube-apiserver --client-ca-file=/etc/kubernetes/pki/%i.crt\n";
            desk.put("n/etc/systemd/system/kube-apiserver@.service", 0o644, unit);
            desk.put("used/etc/systemd/system/kube-apiserver@.service", 0o644, unit);
            desk.directory("used/etc/systemd/system/multi-user.target.wants");
            desk.link(
                "used/etc/systemd/system/multi-user.target.wants/kube-apiserver@gone.service",
                "../kube-apiserver@.service",
            );
            desk.put("used/etc/kubernetes/pki/ca.crt", 0o644, Cluster::new().kubernetes.pem());
        },
        runs: &[
            Run {
                line: "kpki audit n",
                code: 0,
                says: &[
                    "whether and how kube-apiserver runs is not known: it is a template, and no instance of it is enabled\n     \
                     n/etc/systemd/system/kube-apiserver@.service:2",
                ],
                never: &["lies on a worker", "a node with etcd alone"],
            },
            Run {
                line: "kpki audit used",
                code: 1,
                says: &["--client-ca-file names /etc/kubernetes/pki/gone.crt, which is not there"],
                never: &["it is a template"],
            },
        ],
    },
    Case {
        situation: "units that nobody can read to the end",
        inputs: |desk| {
            by_units(desk, "n");
            desk.put(
                "n/etc/systemd/system/etcd.service",
                0o644,
                "[Service]\nExecStart=/usr/bin/docker run --net=host quay.io/coreos/etcd:v3.5.9 etcd --name=m1\n",
            );
            desk.put(
                "n/etc/systemd/system/kube-apiserver.service",
                0o644,
                "[Service]\nEnvironmentFile=/srv/gone.env\nExecStart=/usr/local/bin/kube-apiserver $KUBE_API_ARGS\n",
            );
            desk.put(
                "n/etc/systemd/system/kube-scheduler.service",
                0o644,
                "[Service]\nExecStart=/opt/scheduler.sh\n",
            );
        },
        runs: &[Run {
            line: "kpki audit n",
            code: 0,
            says: &[
                "etcd runs in a container of docker, whose flags and mounts are not read\n     n/etc/systemd/system/etcd.service",
                "how kube-scheduler runs is not known: the unit starts /opt/scheduler.sh",
                "how kube-apiserver runs is not known for certain",
            ],
            never: &["kube-apiserver has no --", "lies on a worker", "shred -u", "on a node with etcd alone"],
        }],
    },
    Case {
        situation: "certificates in places of nobody's, behind links, that a script of a unit names",
        inputs: |desk| {
            let ca = forge::ca("cn=kubernetes from=-500d");
            let server =
                format!("{LEAF} cn=kube-apiserver eku=server {SERVICE} {ENDED}").replace("until=+364d ", "");
            desk.pair("n/data/pki/api", &ca.leaf(&server));
            desk.put("n/data/pki/ca.crt", 0o644, ca.pem());
            desk.directory("n/srv");
            desk.link("n/srv/tls", "/data/pki");
            desk.put(
                "n/etc/systemd/system/api.service",
                0o644,
                "[Service]\nEnvironment=DIR=/srv/tls\nExecStart=/bin/bash -c 'exec /opt/bin/kube-apiserver --tls-cert-file=$DIR/api.crt \
                 --tls-private-key-file=\"$DIR/api.key\" --client-ca-file=${DIR}/ca.crt'\n",
            );
            desk.directory("n/usr");
        },
        runs: &[Run {
            line: "kpki audit n",
            code: 1,
            says: &["n/data/pki/api.crt\n  critical  it expired on 2026-04-27"],
            never: &["how kube-apiserver runs is not known", "which is not there"],
        }],
    },
];
