//! Kubernetes in one program: `MicroK8s` and k0s.

use super::{Stock, leaves};
use crate::desk::{Desk, LEAF, pem};
use crate::forge;

pub(super) const MICROK8S: Stock = Stock {
    name: "MicroK8s",
    lay: microk8s,
    nodes: &["n1"],
    parts: &["n1/var/snap/microk8s", "n1/var/snap/microk8s/6089/certs", "n1/var/snap/microk8s/current"],
    rehearsed: true,
};

pub(super) const K0S: Stock = Stock {
    name: "k0s",
    lay: k0s,
    nodes: &["c1", "w1"],
    parts: &["c1/var/lib/k0s", "c1/var/lib/k0s/pki", "w1/var/lib/k0s"],
    rehearsed: true,
};

const SERVICE: &str =
    "dns:kubernetes,dns:kubernetes.default,dns:kubernetes.default.svc,dns:kubernetes.default.svc.cluster";

fn microk8s(desk: &Desk) {
    let data = "n1/var/snap/microk8s/6089";
    let certs = format!("{data}/certs");
    // openssl's own extensions for a CA, and the group of those who may use it.
    let ca = forge::ca("cn=10.152.183.1 ku=none key=p256:mk8s-ca aki=auto");
    let front = forge::ca("cn=front-proxy-ca ku=none key=p256:mk8s-front aki=auto");
    let put = |base: &str, certificate: &forge::Forged| {
        desk.put(&format!("{certs}/{base}.crt"), 0o660, certificate.pem());
        desk.put(&format!("{certs}/{base}.key"), 0o660, certificate.key_pem());
    };
    put("ca", &ca);
    put("front-proxy-ca", &front);
    let names = format!(
        "sans={SERVICE},dns:kubernetes.default.svc.cluster.local,ip:127.0.0.1,ip:10.152.183.1,ip:192.168.1.20"
    );
    let server = format!(
        "ku=keyEncipherment,dataEncipherment,digitalSignature eku=server,client aki=full until=+364d {names}"
    );
    let rows = vec![
        (
            "server",
            &ca,
            format!("c=GB st=Canonical l=Canonical o=Canonical ou=Canonical cn=127.0.0.1 {server}"),
        ),
        ("front-proxy-client", &front, format!("cn=front-proxy-client {server}")),
    ];
    for (base, authority, words) in &rows {
        put(base, &authority.leaf(&format!("{words} key=p256:mk8s-{base}")));
    }
    // Requests without extensions, signed with none: version 1 in older releases, both purposes for the kubelet's in later ones.
    let plain = "ku=none eku=none aki=absent ski=absent ca=absent until=+3649d";
    let users = [
        ("client", "admin", "cn=admin o=system:masters", ""),
        ("controller", "system:kube-controller-manager", "cn=system:kube-controller-manager", ""),
        ("scheduler", "system:kube-scheduler", "cn=system:kube-scheduler", ""),
        ("proxy", "system:kube-proxy", "cn=system:kube-proxy", ""),
        ("kubelet", "system:node:n1", "cn=system:node:n1 o=system:nodes", "sans=dns:n1,ip:192.168.1.20"),
        ("apiserver-kubelet-client", "", "cn=kube-apiserver-kubelet-client o=system:masters", ""),
    ];
    for (base, user, words, names) in users {
        let leaf = ca.leaf(&format!("{plain} {words} {names} key=p256:mk8s-{base}"));
        put(base, &leaf);
        if !user.is_empty() {
            let path = format!("{data}/credentials/{base}.config");
            desk.kubeconfig(&path, &ca.pem(), &leaf, "https://127.0.0.1:16443");
            let text = desk.read(&path);
            desk.put(&path, 0o660, text);
        }
    }
    let tokens = forge::self_signed_leaf("cn=x key=p256:mk8s-tokens");
    desk.put(&format!("{certs}/serviceaccount.key"), 0o660, tokens.key_pem());
    let dqlite = forge::self_signed_leaf("cn=k8s sans=dns:n1,ip:127.0.0.1 key=p256:mk8s-dqlite until=+3649d");
    desk.put(&format!("{data}/var/kubernetes/backend/cluster.crt"), 0o660, dqlite.pem());
    desk.put(&format!("{data}/var/kubernetes/backend/cluster.key"), 0o660, dqlite.key_pem());
    let args = |component: &str, flags: &str| {
        let text: String = flags
            .split_whitespace()
            .map(|flag| format!("--{}\n", flag.replace('@', "${SNAP_DATA}")))
            .collect();
        desk.put(&format!("{data}/args/{component}"), 0o660, text);
    };
    args(
        "kube-apiserver",
        "cert-dir=@/certs service-cluster-ip-range=10.152.183.0/24 authorization-mode=RBAC,Node \
         service-account-key-file=@/certs/serviceaccount.key client-ca-file=@/certs/ca.crt tls-cert-file=@/certs/server.crt \
         tls-private-key-file=@/certs/server.key kubelet-client-certificate=@/certs/apiserver-kubelet-client.crt \
         kubelet-client-key=@/certs/apiserver-kubelet-client.key secure-port=16443 \
         etcd-servers=unix://@/var/kubernetes/backend/kine.sock:12379 allow-privileged=true \
         service-account-issuer=https://kubernetes.default.svc service-account-signing-key-file=@/certs/serviceaccount.key event-ttl=5m \
         profiling=false requestheader-client-ca-file=@/certs/front-proxy-ca.crt requestheader-allowed-names=front-proxy-client \
         requestheader-extra-headers-prefix=X-Remote-Extra- requestheader-group-headers=X-Remote-Group \
         requestheader-username-headers=X-Remote-User proxy-client-cert-file=@/certs/front-proxy-client.crt \
         proxy-client-key-file=@/certs/front-proxy-client.key kubelet-certificate-authority=@/certs/ca.crt \
         kubelet-preferred-address-types=InternalIP,Hostname,InternalDNS,ExternalDNS,ExternalIP",
    );
    args(
        "kubelet",
        "resolv-conf=/run/systemd/resolve/resolv.conf kubeconfig=@/credentials/kubelet.config cert-dir=@/certs \
         client-ca-file=@/certs/ca.crt anonymous-auth=false root-dir=/var/snap/microk8s/common/var/lib/kubelet fail-swap-on=false \
         container-runtime-endpoint=unix:///var/snap/microk8s/common/run/containerd.sock authentication-token-webhook=true \
         read-only-port=0 tls-cipher-suites=TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 serialize-image-pulls=false \
         cluster-domain=cluster.local",
    );
    args(
        "kube-controller-manager",
        "kubeconfig=@/credentials/controller.config service-account-private-key-file=@/certs/serviceaccount.key \
         root-ca-file=@/certs/ca.crt cluster-signing-cert-file=@/certs/ca.crt cluster-signing-key-file=@/certs/ca.key \
         use-service-account-credentials profiling=false bind-address=127.0.0.1",
    );
    args(
        "kube-scheduler",
        "kubeconfig=@/credentials/scheduler.config leader-elect=true profiling=false bind-address=127.0.0.1",
    );
    args(
        "kube-proxy",
        "kubeconfig=@/credentials/proxy.config cluster-cidr=10.1.0.0/16 healthz-bind-address=127.0.0.1",
    );
    args(
        "k8s-dqlite",
        "storage-dir=@/var/kubernetes/backend/ listen=unix://@/var/kubernetes/backend/kine.sock:12379",
    );
    args("kubelite", "scheduler-args-file=@/args/kube-scheduler start-control-plane=true");
    desk.link("n1/var/snap/microk8s/current", "6089");
    desk.directory("n1/etc");
}

fn k0s(desk: &Desk) {
    let ca = |name: &str| forge::ca(&format!("cn={name} ku=keyCertSign,cRLSign key=p256:k0s-{name}"));
    let (kubernetes, etcd, front) = (ca("kubernetes-ca"), ca("etcd-ca"), ca("kubernetes-front-proxy-ca"));
    let pki = "c1/var/lib/k0s/pki";
    let put = |base: &str, certificate: &forge::Forged| {
        desk.put(&format!("{pki}/{base}.crt"), 0o644, certificate.pem());
        desk.put(&format!("{pki}/{base}.key"), 0o640, certificate.key_pem());
    };
    put("ca", &kubernetes);
    put("etcd/ca", &etcd);
    put("front-proxy-ca", &front);
    let api = format!(
        "sans={SERVICE},dns:kubernetes.svc.cluster.local,dns:localhost,ip:127.0.0.1,ip:10.5.0.1,ip:10.96.0.1,ip:fe80::1"
    );
    let rows = vec![
        ("server", &kubernetes, format!("o=kubernetes cn=kubernetes {api}")),
        ("k0s-api", &kubernetes, format!("o=kubernetes cn=k0s-api {api}")),
        ("admin", &kubernetes, "o=system:masters cn=kubernetes-admin".to_owned()),
        ("konnectivity", &kubernetes, "o=system:masters cn=kubernetes-konnectivity".to_owned()),
        ("ccm", &kubernetes, "o=system:kube-controller-manager cn=system:kube-controller-manager".to_owned()),
        ("scheduler", &kubernetes, "o=system:kube-scheduler cn=system:kube-scheduler".to_owned()),
        ("apiserver-kubelet-client", &kubernetes, "o=system:masters cn=apiserver-kubelet-client".to_owned()),
        ("front-proxy-client", &front, "o=front-proxy-client cn=front-proxy-client".to_owned()),
        (
            "apiserver-etcd-client",
            &etcd,
            "o=apiserver-etcd-client cn=apiserver-etcd-client sans=ip:127.0.0.1,dns:localhost".to_owned(),
        ),
        ("etcd/server", &etcd, "o=etcd-server cn=etcd-server sans=ip:127.0.0.1,dns:localhost".to_owned()),
        ("etcd/peer", &etcd, "o=etcd-peer cn=10.5.0.1 sans=ip:10.5.0.1".to_owned()),
    ];
    let rows =
        rows.into_iter().map(|(base, by, words)| (base, by, format!("{words} eku=server,client"))).collect();
    for (base, leaf) in leaves(rows, "k0s") {
        put(&base, &leaf);
        if matches!(base.as_str(), "admin" | "konnectivity" | "ccm" | "scheduler") {
            let path = format!("{pki}/{base}.conf");
            desk.kubeconfig(&path, &kubernetes.pem(), &leaf, "https://localhost:6443");
            let text = desk.read(&path);
            desk.put(&path, 0o640, text);
        }
    }
    for base in ["sa", "etcd/jwt"] {
        let tokens = forge::self_signed_leaf(&format!("cn=x key=p256:k0s-{base}"));
        desk.put(&format!("{pki}/{base}.key"), 0o640, tokens.key_pem());
        desk.put(&format!("{pki}/{base}.pub"), 0o644, pem("PUBLIC KEY", tokens.spki_der()));
    }
    desk.put(
        "c1/var/lib/k0s/konnectivity.conf",
        0o644,
        "apiVersion: apiserver.k8s.io/v1beta1\nkind: EgressSelectorConfiguration\negressSelections:\n- name: cluster\n  connection:\n    \
         proxyProtocol: GRPC\n    transport:\n      uds:\n        udsName: /run/k0s/konnectivity-server/konnectivity-server.sock\n",
    );
    desk.put(
        "c1/etc/k0s/k0s.yaml",
        0o640,
        "apiVersion: k0s.k0sproject.io/v1beta1\nkind: ClusterConfig\nmetadata:\n  name: k0s\nspec:\n  api:\n    address: 10.5.0.1\n    port: 6443\n    \
         sans:\n    - 10.5.0.1\n  network:\n    serviceCIDR: 10.96.0.0/12\n  storage:\n    type: etcd\n    etcd:\n      peerAddress: 10.5.0.1\n",
    );
    let unit = |node: &str, name: &str, line: &str| {
        desk.put(
            &format!("{node}/etc/systemd/system/{name}.service"),
            0o644,
            format!(
                "[Unit]\nDescription=k0s - Zero Friction Kubernetes\nConditionFileIsExecutable=/usr/local/bin/k0s\n\n[Service]\n\
                 StartLimitInterval=5\nStartLimitBurst=10\nExecStart=/usr/local/bin/k0s {line}\nRestart=always\n\n[Install]\n\
                 WantedBy=multi-user.target\n"
            ),
        );
    };
    unit("c1", "k0scontroller", "controller --config=/etc/k0s/k0s.yaml");
    unit("w1", "k0sworker", "worker --token-file=/etc/k0s/token");
    let client = kubernetes
        .leaf(&format!("{LEAF} o=system:nodes cn=system:node:w1 eku=client key=p256:k0s-w1-client"));
    let serving = kubernetes.leaf(&format!(
        "{LEAF} o=system:nodes cn=system:node:w1 eku=server sans=dns:w1,ip:10.5.0.2 key=p256:k0s-w1-serving"
    ));
    let kubelet = "w1/var/lib/k0s/kubelet/pki";
    for (name, leaf) in [("client", client), ("server", serving)] {
        let dated = format!("kubelet-{name}-2026-05-31-12-00-00.pem");
        desk.put(&format!("{kubelet}/{dated}"), 0o600, leaf.pem() + &leaf.key_pem());
        desk.link(&format!("{kubelet}/kubelet-{name}-current.pem"), &dated);
    }
    let current = "/var/lib/k0s/kubelet/pki/kubelet-client-current.pem";
    desk.put(
        "w1/var/lib/k0s/kubelet.conf",
        0o600,
        crate::desk::kubeconfig(
            &kubernetes.pem(),
            &format!("client-certificate: {current}\n    client-key: {current}"),
            "https://10.5.0.1:6443",
        ),
    );
    desk.put("w1/var/lib/k0s/pki/ca.crt", 0o644, kubernetes.pem());
    desk.put(
        "w1/var/lib/k0s/kubelet-config.yaml",
        0o644,
        "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\nauthentication:\n  anonymous:\n    enabled: false\n  webhook:\n    \
         enabled: true\n  x509:\n    clientCAFile: /var/lib/k0s/pki/ca.crt\nauthorization:\n  mode: Webhook\nrotateCertificates: true\n\
         serverTLSBootstrap: true\n",
    );
}
