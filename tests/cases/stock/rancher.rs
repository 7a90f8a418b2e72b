//! k3s, RKE2, and RKE, the older one.

use super::{Stock, kubeconfig_of_files, leaves};
use crate::desk::{Desk, base64};
use crate::forge::{self, Forged};

pub(super) const K3S: Stock = Stock {
    name: "k3s with etcd in it",
    lay: |desk| {
        let made = Made::new("k3s");
        server(desk, &made, "s1", "10.0.0.11", true);
        desk.put(
            "s1/etc/systemd/system/k3s.service",
            0o644,
            K3S_UNIT.replace("COMMAND", "server \\\n    --cluster-init"),
        );
        desk.put("s1/etc/systemd/system/k3s.service.env", 0o600, "");
        agent(desk, &made, "s1", "s1", "10.0.0.11");
        agent(desk, &made, "a1", "a1", "10.0.0.21");
        desk.put("a1/etc/systemd/system/k3s-agent.service", 0o644, K3S_UNIT.replace("COMMAND", "agent"));
        desk.put(
            "a1/etc/systemd/system/k3s-agent.service.env",
            0o600,
            "K3S_TOKEN='K10aa::server:bb'\nK3S_URL='https://10.0.0.11:6443'\n",
        );
    },
    nodes: &["s1", "a1"],
    parts: &[
        "s1/var/lib/rancher/k3s",
        "s1/var/lib/rancher/k3s/server",
        "s1/var/lib/rancher/k3s/server/tls",
        "a1/var/lib/rancher/k3s/agent",
    ],
    rehearsed: true,
};

pub(super) const K3S_SQLITE: Stock = Stock {
    name: "k3s with SQLite",
    lay: |desk| {
        server(desk, &Made::new("k3s"), "s1", "10.0.0.11", false);
        agent(desk, &Made::new("k3s"), "s1", "s1", "10.0.0.11");
        desk.put("s1/etc/systemd/system/k3s.service", 0o644, K3S_UNIT.replace("COMMAND", "server"));
        desk.put("s1/etc/systemd/system/k3s.service.env", 0o600, "");
    },
    nodes: &["s1"],
    parts: &["s1/var/lib/rancher/k3s/server/tls"],
    rehearsed: true,
};

pub(super) const RKE2: Stock = Stock {
    name: "RKE2",
    lay: |desk| {
        let made = Made::new("rke2");
        server(desk, &made, "s1", "10.0.0.11", true);
        desk.put("s1/usr/local/lib/systemd/system/rke2-server.service", 0o644, rke2_unit("server"));
        agent(desk, &made, "s1", "s1", "10.0.0.11");
        agent(desk, &made, "a1", "a1", "10.0.0.21");
        desk.put("a1/usr/local/lib/systemd/system/rke2-agent.service", 0o644, rke2_unit("agent"));
        for (component, flags) in rke2_pods() {
            let args: String = flags.split_whitespace().map(|flag| format!("    - --{flag}\n")).collect();
            desk.put(
                &format!("s1/var/lib/rancher/rke2/agent/pod-manifests/{component}.yaml"),
                0o644,
                format!(
                    "apiVersion: v1\nkind: Pod\nmetadata:\n  labels:\n    component: {component}\n    tier: control-plane\n  \
                     name: {component}\n  namespace: kube-system\nspec:\n  containers:\n  - args:\n{args}    command:\n    - \
                     {component}\n    image: index.docker.io/rancher/hardened-kubernetes:v1.34.2-rke2r1-build20251112\n    \
                     name: {component}\n    volumeMounts:\n    - mountPath: /var/lib/rancher/rke2/server\n      name: dir0\n  \
                     hostNetwork: true\n  volumes:\n  - hostPath:\n      path: /var/lib/rancher/rke2/server\n      type: \
                     DirectoryOrCreate\n    name: dir0\n"
                ),
            );
        }
    },
    nodes: &["s1", "a1"],
    parts: &[
        "s1/var/lib/rancher/rke2",
        "s1/var/lib/rancher/rke2/server/tls",
        "a1/var/lib/rancher/rke2/agent",
    ],
    rehearsed: true,
};

pub(super) const RKE: Stock =
    Stock { name: "RKE", lay: rke, nodes: &["m1"], parts: &["m1/etc/kubernetes/ssl"], rehearsed: false };

const K3S_UNIT: &str = "[Unit]\nDescription=Lightweight Kubernetes\nWants=network-online.target\n\n[Install]\n\
                        WantedBy=multi-user.target\n\n[Service]\nType=notify\nEnvironmentFile=-/etc/default/%N\n\
                        EnvironmentFile=-/etc/sysconfig/%N\nEnvironmentFile=-/etc/systemd/system/%N.service.env\n\
                        KillMode=process\nExecStartPre=-/sbin/modprobe overlay\nExecStart=/usr/local/bin/k3s \\\n    COMMAND\n";

fn rke2_unit(command: &str) -> String {
    format!(
        "[Unit]\nDescription=Rancher Kubernetes Engine v2 ({command})\n\n[Install]\nWantedBy=multi-user.target\n\n[Service]\n\
         Type=notify\nEnvironmentFile=-/etc/default/%N\nEnvironmentFile=-/etc/sysconfig/%N\nEnvironmentFile=-/usr/local/lib/systemd/system/%N.env\n\
         KillMode=process\nExecStart=/usr/local/bin/rke2 {command}\n"
    )
}

/// The CAs of a cluster of k3s or RKE2.
struct Made {
    program: &'static str,
    client: Forged,
    server: Forged,
    front: Forged,
    etcd_server: Forged,
    etcd_peer: Forged,
}

impl Made {
    fn new(program: &'static str) -> Self {
        let ca = |name: &str| {
            forge::ca(&format!(
                "cn={name}-ca@1764000000 ku=digitalSignature,keyEncipherment,keyCertSign key=p256:{program}-{name}"
            ))
        };
        Self {
            program,
            client: ca(&format!("{program}-client")),
            server: ca(&format!("{program}-server")),
            front: ca(&format!("{program}-request-header")),
            etcd_server: ca("etcd-server"),
            etcd_peer: ca("etcd-peer"),
        }
    }

    fn data(&self, root: &str) -> String {
        format!("{root}/var/lib/rancher/{}", self.program)
    }
}

/// A certificate with its CA behind it, and its key.
fn chained(desk: &Desk, base: &str, leaf: &Forged, authority: &Forged, mode: u32) {
    desk.put(&format!("{base}.crt"), mode, leaf.pem() + &authority.pem());
    desk.put(&format!("{base}.key"), 0o600, leaf.key_pem());
}

fn server(desk: &Desk, made: &Made, node: &str, address: &str, etcd: bool) {
    let program = made.program;
    let data = made.data(node);
    let tls = format!("{data}/server/tls");
    let on_node = format!("/var/lib/rancher/{program}");
    let mut authorities = vec![
        ("client-ca", &made.client),
        ("server-ca", &made.server),
        ("request-header-ca", &made.front),
        ("etcd/server-ca", &made.etcd_server),
        ("etcd/peer-ca", &made.etcd_peer),
    ];
    for (base, authority) in authorities.drain(..) {
        desk.pair(&format!("{tls}/{base}"), authority);
    }
    for (base, authority) in [("client-ca", &made.client), ("server-ca", &made.server)] {
        desk.put(&format!("{tls}/{base}.nochain.crt"), 0o644, authority.pem());
    }
    let local = format!("dns:localhost,dns:{node},ip:127.0.0.1,ip:::1,ip:{address},ip:10.43.0.1");
    let api = format!(
        "dns:kubernetes,dns:kubernetes.default,dns:kubernetes.default.svc,dns:kubernetes.default.svc.cluster.local,{local}"
    );
    let client = |words: &str| format!("{words} eku=client");
    let mut rows = vec![
        ("client-admin", &made.client, client("cn=system:admin o=system:masters")),
        (
            "client-supervisor",
            &made.client,
            client(&format!("cn=system:{program}-supervisor o=system:masters")),
        ),
        ("client-controller", &made.client, client("cn=system:kube-controller-manager")),
        ("client-scheduler", &made.client, client("cn=system:kube-scheduler")),
        ("client-kube-apiserver", &made.client, client("cn=system:apiserver o=system:masters")),
        ("client-kube-proxy", &made.client, client("cn=system:kube-proxy")),
        ("client-auth-proxy", &made.front, client("cn=system:auth-proxy")),
        ("serving-kube-apiserver", &made.server, format!("cn=kube-apiserver eku=server sans={api}")),
        (
            "kube-controller-manager/kube-controller-manager",
            &made.server,
            "cn=kube-controller-manager eku=server sans=dns:localhost,ip:127.0.0.1,ip:::1".to_owned(),
        ),
        (
            "kube-scheduler/kube-scheduler",
            &made.server,
            "cn=kube-scheduler eku=server sans=dns:localhost,ip:127.0.0.1,ip:::1".to_owned(),
        ),
        ("etcd/client", &made.etcd_server, client("cn=etcd-client")),
        (
            "etcd/peer-server-client",
            &made.etcd_peer,
            format!("cn=etcd-peer eku=server,client sans=dns:kine.sock,{local}"),
        ),
        (
            "etcd/server-client",
            &made.etcd_server,
            format!("cn=etcd-server eku=server,client sans=dns:kine.sock,{local}"),
        ),
    ];
    let (controller, cloud) =
        (format!("client-{program}-controller"), format!("client-{program}-cloud-controller"));
    rows.push((&controller, &made.client, client(&format!("cn=system:{program}-controller"))));
    rows.push((&cloud, &made.client, client(&format!("cn={program}-cloud-controller-manager"))));
    let all = leaves(rows.clone(), program);
    let Some((_, admin)) = all.first() else { return };
    for ((base, leaf), authority) in all.iter().zip(rows.iter().map(|row| row.1)) {
        chained(desk, &format!("{tls}/{base}"), leaf, authority, 0o644);
    }
    for name in ["client-kubelet", "serving-kubelet"] {
        let key = forge::self_signed_leaf(&format!("cn=x key=p256:{program}-{node}-{name}"));
        desk.put(&format!("{tls}/{name}.key"), 0o600, key.key_pem());
    }
    let tokens = forge::self_signed_leaf(&format!("cn=x key=p256:{program}-tokens"));
    for name in ["service", "service.current"] {
        desk.put(&format!("{tls}/{name}.key"), 0o600, tokens.key_pem());
    }
    for (name, base) in [
        ("admin", "client-admin"),
        ("supervisor", "client-supervisor"),
        ("controller", "client-controller"),
        ("scheduler", "client-scheduler"),
        ("api-server", "client-kube-apiserver"),
        ("cloud-controller", &cloud),
    ] {
        desk.put(
            &format!("{data}/server/cred/{name}.kubeconfig"),
            0o600,
            kubeconfig_of_files(
                &format!("{on_node}/server/tls/server-ca.crt"),
                &format!("{on_node}/server/tls/{base}"),
                "https://127.0.0.1:6444",
            ),
        );
    }
    desk.put(&format!("{data}/server/cred/passwd"), 0o600, "aa,node,k3s-agent,\nbb,server,k3s-server,\n");
    desk.put(&format!("{data}/server/token"), 0o600, "K10aa::server:bb\n");
    desk.directory(&format!("{data}/server/tls/temporary-certs"));
    let user = format!(
        "client-certificate-data: {}\n    client-key-data: {}",
        base64(admin.pem() + &made.client.pem()),
        base64(admin.key_pem())
    );
    desk.put(
        &format!("{node}/etc/rancher/{program}/{program}.yaml"),
        0o600,
        crate::desk::kubeconfig(&made.server.pem(), &user, "https://127.0.0.1:6443"),
    );
    if etcd {
        desk.put(
            &format!("{data}/server/db/etcd/config"),
            0o600,
            etcd_configuration(&on_node, node, address),
        );
    }
}

fn etcd_configuration(data: &str, node: &str, address: &str) -> String {
    let security = |name: &str, ca: &str| {
        format!(
            "  cert-file: {data}/server/tls/etcd/{name}.crt\n  client-cert-auth: true\n  key-file: {data}/server/tls/etcd/{name}.key\n  \
             trusted-ca-file: {data}/server/tls/etcd/{ca}.crt\n"
        )
    };
    format!(
        "advertise-client-urls: https://{address}:2379\nclient-transport-security:\n{}data-dir: {data}/server/db/etcd\n\
         election-timeout: 5000\nheartbeat-interval: 500\ninitial-advertise-peer-urls: https://{address}:2380\n\
         initial-cluster: {node}-b3c1=https://{address}:2380\ninitial-cluster-state: new\nlisten-client-http-urls: \
         https://127.0.0.1:2382\nlisten-client-urls: https://127.0.0.1:2379,https://{address}:2379\nlisten-metrics-urls: \
         http://127.0.0.1:2381\nlisten-peer-urls: https://127.0.0.1:2380,https://{address}:2380\nlog-outputs:\n- stderr\nlogger: zap\n\
         name: {node}-b3c1\npeer-transport-security:\n{}snapshot-count: 10000\n",
        security("server-client", "server-ca"),
        security("peer-server-client", "peer-ca"),
    )
}

fn agent(desk: &Desk, made: &Made, root: &str, node: &str, address: &str) {
    let program = made.program;
    let agent = format!("{}/agent", made.data(root));
    let on_node = format!("/var/lib/rancher/{program}/agent");
    desk.put(&format!("{agent}/client-ca.crt"), 0o600, made.client.pem());
    desk.put(&format!("{agent}/server-ca.crt"), 0o600, made.server.pem());
    let controller = format!("client-{program}-controller");
    let rows = vec![
        ("client-kubelet", &made.client, format!("cn=system:node:{node} o=system:nodes eku=client")),
        (
            "serving-kubelet",
            &made.server,
            format!("cn={node} eku=server sans=dns:{node},dns:localhost,ip:127.0.0.1,ip:{address}"),
        ),
    ];
    for ((base, leaf), authority) in
        leaves(rows.clone(), &format!("{program}-{node}")).iter().zip(rows.iter().map(|row| row.1))
    {
        chained(desk, &format!("{agent}/{base}"), leaf, authority, 0o600);
    }
    // Those are the same on every node.
    let shared = vec![
        ("client-kube-proxy", &made.client, "cn=system:kube-proxy eku=client".to_owned()),
        (controller.as_str(), &made.client, format!("cn=system:{program}-controller eku=client")),
    ];
    for (base, leaf) in leaves(shared, program) {
        chained(desk, &format!("{agent}/{base}"), &leaf, &made.client, 0o600);
    }
    for (name, base) in [
        ("kubelet", "client-kubelet"),
        ("kubeproxy", "client-kube-proxy"),
        (&format!("{program}controller"), &controller),
    ] {
        desk.put(
            &format!("{agent}/{name}.kubeconfig"),
            0o600,
            kubeconfig_of_files(
                &format!("{on_node}/server-ca.crt"),
                &format!("{on_node}/{base}"),
                "https://127.0.0.1:6444",
            ),
        );
    }
    desk.put(
        &format!("{agent}/etc/kubelet.conf.d/00-{program}-defaults.conf"),
        0o600,
        format!(
            "address: 0.0.0.0\napiVersion: kubelet.config.k8s.io/v1beta1\nauthentication:\n  anonymous:\n    enabled: false\n  \
             webhook:\n    enabled: true\n  x509:\n    clientCAFile: {on_node}/client-ca.crt\nauthorization:\n  mode: Webhook\n\
             kind: KubeletConfiguration\nreadOnlyPort: 0\nstaticPodPath: {on_node}/pod-manifests\ntlsCertFile: \
             {on_node}/serving-kubelet.crt\ntlsPrivateKeyFile: {on_node}/serving-kubelet.key\n"
        ),
    );
    desk.put(&format!("{root}/etc/rancher/node/password"), 0o600, "c0ffee\n");
}

fn rke2_pods() -> [(&'static str, String); 4] {
    let tls = "/var/lib/rancher/rke2/server/tls";
    let cred = "/var/lib/rancher/rke2/server/cred";
    [
        ("etcd", "config-file=/var/lib/rancher/rke2/server/db/etcd/config".to_owned()),
        (
            "kube-apiserver",
            format!(
                "allow-privileged=true anonymous-auth=false api-audiences=https://kubernetes.default.svc.cluster.local,rke2 \
                 authorization-mode=Node,RBAC bind-address=0.0.0.0 cert-dir={tls}/temporary-certs client-ca-file={tls}/client-ca.crt \
                 egress-selector-config-file=/var/lib/rancher/rke2/server/etc/egress-selector-config.yaml \
                 enable-admission-plugins=NodeRestriction enable-aggregator-routing=true enable-bootstrap-token-auth=true \
                 encryption-provider-config={cred}/encryption-config.json etcd-cafile={tls}/etcd/server-ca.crt \
                 etcd-certfile={tls}/etcd/client.crt etcd-keyfile={tls}/etcd/client.key etcd-servers=https://127.0.0.1:2379 \
                 kubelet-certificate-authority={tls}/server-ca.crt kubelet-client-certificate={tls}/client-kube-apiserver.crt \
                 kubelet-client-key={tls}/client-kube-apiserver.key kubelet-preferred-address-types=InternalIP,ExternalIP,Hostname \
                 profiling=false proxy-client-cert-file={tls}/client-auth-proxy.crt proxy-client-key-file={tls}/client-auth-proxy.key \
                 requestheader-allowed-names=system:auth-proxy requestheader-client-ca-file={tls}/request-header-ca.crt \
                 requestheader-extra-headers-prefix=X-Remote-Extra- requestheader-group-headers=X-Remote-Group \
                 requestheader-username-headers=X-Remote-User secure-port=6443 \
                 service-account-issuer=https://kubernetes.default.svc.cluster.local service-account-key-file={tls}/service.key \
                 service-account-signing-key-file={tls}/service.current.key service-cluster-ip-range=10.43.0.0/16 \
                 tls-cert-file={tls}/serving-kube-apiserver.crt tls-private-key-file={tls}/serving-kube-apiserver.key"
            ),
        ),
        (
            "kube-controller-manager",
            format!(
                "authentication-kubeconfig={cred}/controller.kubeconfig authorization-kubeconfig={cred}/controller.kubeconfig \
                 bind-address=127.0.0.1 cluster-signing-kube-apiserver-client-cert-file={tls}/client-ca.nochain.crt \
                 cluster-signing-kube-apiserver-client-key-file={tls}/client-ca.key \
                 cluster-signing-kubelet-client-cert-file={tls}/client-ca.nochain.crt \
                 cluster-signing-kubelet-client-key-file={tls}/client-ca.key \
                 cluster-signing-kubelet-serving-cert-file={tls}/server-ca.nochain.crt \
                 cluster-signing-kubelet-serving-key-file={tls}/server-ca.key \
                 cluster-signing-legacy-unknown-cert-file={tls}/server-ca.nochain.crt \
                 cluster-signing-legacy-unknown-key-file={tls}/server-ca.key kubeconfig={cred}/controller.kubeconfig \
                 root-ca-file={tls}/server-ca.crt secure-port=10257 service-account-private-key-file={tls}/service.current.key \
                 service-cluster-ip-range=10.43.0.0/16 tls-cert-file={tls}/kube-controller-manager/kube-controller-manager.crt \
                 tls-private-key-file={tls}/kube-controller-manager/kube-controller-manager.key use-service-account-credentials=true"
            ),
        ),
        (
            "kube-scheduler",
            format!(
                "authentication-kubeconfig={cred}/scheduler.kubeconfig authorization-kubeconfig={cred}/scheduler.kubeconfig \
                 bind-address=127.0.0.1 kubeconfig={cred}/scheduler.kubeconfig secure-port=10259 \
                 tls-cert-file={tls}/kube-scheduler/kube-scheduler.crt tls-private-key-file={tls}/kube-scheduler/kube-scheduler.key"
            ),
        ),
    ]
}

fn rke(desk: &Desk) {
    let ca = forge::ca("cn=kube-ca");
    let front = forge::ca("cn=kube-apiserver-requestheader-ca");
    let ssl = "m1/etc/kubernetes/ssl";
    let both = "eku=server,client";
    let api = "sans=dns:kubernetes,dns:kubernetes.default,dns:kubernetes.default.svc,dns:kubernetes.default.svc.cluster.local,\
               dns:localhost,dns:m1,ip:10.9.0.1,ip:127.0.0.1,ip:10.43.0.1";
    desk.pem_pair(&format!("{ssl}/kube-ca"), &ca);
    desk.pem_pair(&format!("{ssl}/kube-apiserver-requestheader-ca"), &front);
    let rows = vec![
        ("kube-apiserver", &ca, format!("cn=kube-apiserver {both} {api}")),
        ("kube-controller-manager", &ca, format!("cn=system:kube-controller-manager {both}")),
        ("kube-scheduler", &ca, format!("cn=system:kube-scheduler {both}")),
        ("kube-proxy", &ca, format!("cn=system:kube-proxy {both}")),
        ("kube-node", &ca, format!("cn=system:node o=system:nodes {both}")),
        ("kube-apiserver-proxy-client", &front, format!("cn=kube-apiserver-proxy-client {both}")),
        (
            "kube-etcd-10-9-0-1",
            &ca,
            format!("cn=system:kube-etcd-10-9-0-1 {both} sans=dns:localhost,dns:m1,ip:10.9.0.1,ip:127.0.0.1"),
        ),
        ("kube-service-account-token", &ca, format!("cn=kube-service-account-token {both} {api}")),
    ];
    for (base, leaf) in leaves(rows, "rke") {
        desk.pem_pair(&format!("{ssl}/{base}"), &leaf);
        if matches!(base.as_str(), "kube-controller-manager" | "kube-scheduler" | "kube-proxy" | "kube-node")
        {
            let at = "/etc/kubernetes/ssl";
            let config = kubeconfig_of_files(
                &format!("{at}/kube-ca.pem"),
                &format!("{at}/{base}"),
                "https://127.0.0.1:6443",
            )
            .replace(".crt", ".pem")
            .replace(&format!("{base}.key"), &format!("{base}-key.pem"));
            desk.put(&format!("{ssl}/kubecfg-{base}.yaml"), 0o600, config);
        }
    }
}
