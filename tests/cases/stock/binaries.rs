//! Clusters whose components are programs that systemd starts: kubeasz, Kubernetes the Hard Way, and kpki's own layout `pem`.

use super::{Stock, unit};
use crate::desk::Desk;
use crate::forge::{self, Forged};
use crate::table::tell;

pub(super) const KUBEASZ: Stock = Stock {
    name: "kubeasz",
    lay: kubeasz,
    nodes: &["m1", "n1"],
    parts: &["m1/etc/kubernetes", "m1/etc/kubernetes/ssl", "n1/etc/kubernetes"],
    rehearsed: true,
};

pub(super) const HARD_WAY: Stock = Stock {
    name: "Kubernetes the Hard Way",
    lay: hard_way,
    nodes: &["server", "node-0"],
    parts: &["server/var/lib/kubernetes", "node-0/var/lib/kubelet"],
    rehearsed: true,
};

pub(super) const OWN: Stock = Stock {
    name: "kpki's own, its template",
    lay: |desk| own(desk, "s/^$//"),
    nodes: &["demo"],
    parts: &["demo/cp1/etc/kubernetes"],
    rehearsed: false,
};

pub(super) const OWN_PEM: Stock = Stock {
    name: "kpki's own, in the layout pem",
    lay: |desk| own(desk, "s/layout: kubeadm/layout: pem/; s/caKeys: none/caKeys: controlPlanes/"),
    nodes: &["demo"],
    parts: &["demo/cp1/etc", "demo/cp1/etc/kubernetes/pki"],
    rehearsed: false,
};

/// What `kpki init` makes of its template, with a change.
fn own(desk: &Desk, change: &str) {
    let template = concat!(env!("CARGO_MANIFEST_DIR"), "/templates/cluster.yaml");
    let line = format!(
        "sed '{change}' {template} > cluster.yaml && kpki init -f cluster.yaml --dir demo --all-nodes"
    );
    let told = tell(desk, &line);
    assert_eq!(told.code, Some(0), "{}", told.words);
    desk.remove("cluster.yaml");
}

/// cfssl's subject in kubeasz, and the purposes of its one profile.
fn kubeasz_leaf(ca: &Forged, cn: &str, o: &str, sans: &str) -> Forged {
    let sans = if sans.is_empty() { String::new() } else { format!("sans={sans}") };
    ca.leaf(&format!(
        "c=CN st=HangZhou l=XS o={o} ou=System cn={cn} ku=digitalSignature,keyEncipherment eku=server,client until=+18249d {sans} \
         key=p256:asz-{}",
        cn.replace(':', "-")
    ))
}

fn kubeasz(desk: &Desk) {
    let ca = forge::ca(
        "c=CN st=HangZhou l=XS o=k8s ou=System cn=kubernetes-ca ku=keyCertSign,cRLSign until=+36499d key=p256:asz-ca",
    );
    let ssl = "etc/kubernetes/ssl";
    let api = "ip:127.0.0.1,ip:10.7.0.1,ip:10.68.0.1,ip:10.1.1.1,dns:k8s.easzlab.io,dns:kubernetes,dns:kubernetes.default,\
               dns:kubernetes.default.svc,dns:kubernetes.default.svc.cluster,dns:kubernetes.default.svc.cluster.local";
    desk.pem_pair(&format!("m1/{ssl}/ca"), &ca);
    desk.pem_pair(&format!("m1/{ssl}/kubernetes"), &kubeasz_leaf(&ca, "kubernetes", "k8s", api));
    desk.pem_pair(&format!("m1/{ssl}/aggregator-proxy"), &kubeasz_leaf(&ca, "aggregator", "k8s", ""));
    desk.pem_pair(&format!("m1/{ssl}/etcd"), &kubeasz_leaf(&ca, "etcd", "k8s", "ip:10.7.0.1,ip:127.0.0.1"));
    for name in ["kube-controller-manager", "kube-scheduler"] {
        let user = format!("system:{name}");
        let client = kubeasz_leaf(&ca, &user, &user, "");
        desk.kubeconfig(
            &format!("m1/etc/kubernetes/{name}.kubeconfig"),
            &ca.pem(),
            &client,
            "https://127.0.0.1:6443",
        );
    }
    let admin = kubeasz_leaf(&ca, "admin", "system:masters", "");
    desk.kubeconfig("m1/root/.kube/config", &ca.pem(), &admin, "https://10.7.0.1:6443");
    for (node, address) in [("m1", "10.7.0.1"), ("n1", "10.7.0.2")] {
        if node != "m1" {
            desk.put(&format!("{node}/{ssl}/ca.pem"), 0o644, ca.pem());
        }
        let kubelet = kubeasz_leaf(
            &ca,
            &format!("system:node:{node}"),
            "system:nodes",
            &format!("ip:127.0.0.1,ip:{address},dns:{node}"),
        );
        desk.pem_pair(&format!("{node}/{ssl}/kubelet"), &kubelet);
        let at = format!("{node}/etc/kubernetes");
        desk.kubeconfig(&format!("{at}/kubelet.kubeconfig"), &ca.pem(), &kubelet, "https://127.0.0.1:6443");
        let proxy = kubeasz_leaf(&ca, "system:kube-proxy", "k8s", "");
        desk.kubeconfig(&format!("{at}/kube-proxy.kubeconfig"), &ca.pem(), &proxy, "https://127.0.0.1:6443");
        desk.put(
            &format!("{node}/var/lib/kubelet/config.yaml"),
            0o644,
            "kind: KubeletConfiguration\napiVersion: kubelet.config.k8s.io/v1beta1\naddress: 0.0.0.0\nauthentication:\n  anonymous:\n    \
             enabled: false\n  webhook:\n    cacheTTL: 2m0s\n    enabled: true\n  x509:\n    clientCAFile: /etc/kubernetes/ssl/ca.pem\n\
             authorization:\n  mode: Webhook\nport: 10250\nreadOnlyPort: 0\ntlsCertFile: /etc/kubernetes/ssl/kubelet.pem\n\
             tlsPrivateKeyFile: /etc/kubernetes/ssl/kubelet-key.pem\n",
        );
        unit(
            desk,
            &format!("{node}/etc/systemd/system/kubelet.service"),
            "/usr/local/bin/kubelet",
            &format!(
                "config=/var/lib/kubelet/config.yaml container-runtime-endpoint=unix:///run/containerd/containerd.sock \
                 hostname-override={node} kubeconfig=/etc/kubernetes/kubelet.kubeconfig root-dir=/var/lib/kubelet v=2"
            ),
        );
        desk.put(
            &format!("{node}/var/lib/kube-proxy/kube-proxy-config.yaml"),
            0o644,
            "kind: KubeProxyConfiguration\napiVersion: kubeproxy.config.k8s.io/v1alpha1\nbindAddress: 0.0.0.0\nclientConnection:\n  \
             kubeconfig: \"/etc/kubernetes/kube-proxy.kubeconfig\"\nmode: ipvs\n",
        );
        unit(
            desk,
            &format!("{node}/etc/systemd/system/kube-proxy.service"),
            "/usr/local/bin/kube-proxy",
            "config=/var/lib/kube-proxy/kube-proxy-config.yaml",
        );
    }
    let ca_dir = "/etc/kubernetes/ssl";
    let units = "m1/etc/systemd/system";
    unit(
        desk,
        &format!("{units}/kube-apiserver.service"),
        "/usr/local/bin/kube-apiserver",
        &format!(
            "allow-privileged=true anonymous-auth=false api-audiences=api,istio-ca authorization-mode=Node,RBAC bind-address=10.7.0.1 \
             client-ca-file={ca_dir}/ca.pem endpoint-reconciler-type=lease etcd-cafile={ca_dir}/ca.pem etcd-certfile={ca_dir}/kubernetes.pem \
             etcd-keyfile={ca_dir}/kubernetes-key.pem etcd-servers=https://10.7.0.1:2379 kubelet-certificate-authority={ca_dir}/ca.pem \
             kubelet-client-certificate={ca_dir}/kubernetes.pem kubelet-client-key={ca_dir}/kubernetes-key.pem secure-port=6443 \
             service-account-issuer=https://kubernetes.default.svc service-account-signing-key-file={ca_dir}/ca-key.pem \
             service-account-key-file={ca_dir}/ca.pem service-cluster-ip-range=10.68.0.0/16 service-node-port-range=30000-32767 \
             tls-cert-file={ca_dir}/kubernetes.pem tls-private-key-file={ca_dir}/kubernetes-key.pem \
             requestheader-client-ca-file={ca_dir}/ca.pem requestheader-allowed-names= requestheader-extra-headers-prefix=X-Remote-Extra- \
             requestheader-group-headers=X-Remote-Group requestheader-username-headers=X-Remote-User \
             proxy-client-cert-file={ca_dir}/aggregator-proxy.pem proxy-client-key-file={ca_dir}/aggregator-proxy-key.pem \
             enable-aggregator-routing=true v=2"
        ),
    );
    let config = "/etc/kubernetes/kube-controller-manager.kubeconfig";
    unit(
        desk,
        &format!("{units}/kube-controller-manager.service"),
        "/usr/local/bin/kube-controller-manager",
        &format!(
            "allocate-node-cidrs=true authentication-kubeconfig={config} authorization-kubeconfig={config} bind-address=0.0.0.0 \
             cluster-cidr=172.20.0.0/16 cluster-name=kubernetes cluster-signing-cert-file={ca_dir}/ca.pem \
             cluster-signing-key-file={ca_dir}/ca-key.pem kubeconfig={config} leader-elect=true node-cidr-mask-size=24 \
             root-ca-file={ca_dir}/ca.pem service-account-private-key-file={ca_dir}/ca-key.pem service-cluster-ip-range=10.68.0.0/16 \
             use-service-account-credentials=true v=2"
        ),
    );
    let config = "/etc/kubernetes/kube-scheduler.kubeconfig";
    unit(
        desk,
        &format!("{units}/kube-scheduler.service"),
        "/usr/local/bin/kube-scheduler",
        &format!(
            "authentication-kubeconfig={config} authorization-kubeconfig={config} bind-address=0.0.0.0 kubeconfig={config} \
             leader-elect=true v=2"
        ),
    );
    unit(
        desk,
        &format!("{units}/etcd.service"),
        "/usr/local/bin/etcd",
        &format!(
            "name=etcd-10.7.0.1 cert-file={ca_dir}/etcd.pem key-file={ca_dir}/etcd-key.pem peer-cert-file={ca_dir}/etcd.pem \
             peer-key-file={ca_dir}/etcd-key.pem trusted-ca-file={ca_dir}/ca.pem peer-trusted-ca-file={ca_dir}/ca.pem \
             initial-advertise-peer-urls=https://10.7.0.1:2380 listen-peer-urls=https://10.7.0.1:2380 \
             listen-client-urls=https://10.7.0.1:2379,http://127.0.0.1:2379 advertise-client-urls=https://10.7.0.1:2379 \
             initial-cluster-token=etcd-cluster-0 initial-cluster=etcd-10.7.0.1=https://10.7.0.1:2380 initial-cluster-state=new \
             data-dir=/var/lib/etcd snapshot-count=50000"
        ),
    );
}

fn hard_way(desk: &Desk) {
    let ca = forge::ca("c=US st=Washington l=Seattle cn=CA ku=keyCertSign,cRLSign key=p256:hard-ca");
    let own = "c=US st=Washington l=Seattle ku=digitalSignature,keyEncipherment until=+3652d";
    let data = "server/var/lib/kubernetes";
    let api = ca.leaf(&format!(
        "{own} cn=kubernetes eku=client,server key=p256:hard-api sans=ip:127.0.0.1,ip:10.32.0.1,dns:kubernetes,dns:kubernetes.default,\
         dns:kubernetes.default.svc,dns:kubernetes.default.svc.cluster,dns:kubernetes.svc.cluster.local,dns:server.kubernetes.local,\
         dns:api-server.kubernetes.local"
    ));
    desk.pair(&format!("{data}/ca"), &ca);
    desk.pair(&format!("{data}/kube-api-server"), &api);
    let tokens = ca.leaf(&format!("{own} cn=service-accounts eku=client key=p256:hard-tokens"));
    desk.pair(&format!("{data}/service-accounts"), &tokens);
    desk.put(
        &format!("{data}/encryption-config.yaml"),
        0o600,
        "kind: EncryptionConfiguration\napiVersion: apiserver.config.k8s.io/v1\nresources:\n  - resources:\n      - secrets\n    providers:\n      \
         - aescbc:\n          keys:\n            - name: key1\n              secret: c2VjcmV0IGlzIHNlY3VyZSwgaXMgaXQ/IDMyYnl0ZXM=\n      - identity: {}\n",
    );
    for name in ["kube-controller-manager", "kube-scheduler"] {
        let client = ca.leaf(&format!(
            "{own} o=system:{name} cn=system:{name} eku=client key=p256:hard-{name} sans=dns:{name},ip:127.0.0.1"
        ));
        desk.kubeconfig(
            &format!("{data}/{name}.kubeconfig"),
            &ca.pem(),
            &client,
            "https://server.kubernetes.local:6443",
        );
    }
    let admin = ca.leaf(&format!("{own} o=system:masters cn=admin eku=client key=p256:hard-admin"));
    desk.kubeconfig("server/root/admin.kubeconfig", &ca.pem(), &admin, "https://127.0.0.1:6443");
    let at = "/var/lib/kubernetes";
    let units = "server/etc/systemd/system";
    unit(
        desk,
        &format!("{units}/kube-apiserver.service"),
        "/usr/local/bin/kube-apiserver",
        &format!(
            "allow-privileged=true authorization-mode=Node,RBAC bind-address=0.0.0.0 client-ca-file={at}/ca.crt \
             enable-admission-plugins=NamespaceLifecycle,NodeRestriction,LimitRanger,ServiceAccount,DefaultStorageClass,ResourceQuota \
             etcd-servers=http://127.0.0.1:2379 event-ttl=1h encryption-provider-config={at}/encryption-config.yaml \
             kubelet-certificate-authority={at}/ca.crt kubelet-client-certificate={at}/kube-api-server.crt \
             kubelet-client-key={at}/kube-api-server.key runtime-config=api/all=true service-account-key-file={at}/service-accounts.crt \
             service-account-signing-key-file={at}/service-accounts.key service-account-issuer=https://server.kubernetes.local:6443 \
             service-cluster-ip-range=10.32.0.0/24 tls-cert-file={at}/kube-api-server.crt tls-private-key-file={at}/kube-api-server.key v=2"
        ),
    );
    unit(
        desk,
        &format!("{units}/kube-controller-manager.service"),
        "/usr/local/bin/kube-controller-manager",
        &format!(
            "bind-address=0.0.0.0 cluster-cidr=10.200.0.0/16 cluster-name=kubernetes cluster-signing-cert-file={at}/ca.crt \
             cluster-signing-key-file={at}/ca.key kubeconfig={at}/kube-controller-manager.kubeconfig root-ca-file={at}/ca.crt \
             service-account-private-key-file={at}/service-accounts.key service-cluster-ip-range=10.32.0.0/24 \
             use-service-account-credentials=true v=2"
        ),
    );
    unit(
        desk,
        &format!("{units}/kube-scheduler.service"),
        "/usr/local/bin/kube-scheduler",
        "config=/etc/kubernetes/config/kube-scheduler.yaml v=2",
    );
    desk.put(
        "server/etc/kubernetes/config/kube-scheduler.yaml",
        0o644,
        format!(
            "apiVersion: kubescheduler.config.k8s.io/v1\nkind: KubeSchedulerConfiguration\nclientConnection:\n  kubeconfig: \
             \"{at}/kube-scheduler.kubeconfig\"\nleaderElection:\n  leaderElect: true\n"
        ),
    );
    unit(
        desk,
        &format!("{units}/etcd.service"),
        "/usr/local/bin/etcd",
        "name=controller initial-advertise-peer-urls=http://127.0.0.1:2380 listen-peer-urls=http://127.0.0.1:2380 \
         listen-client-urls=http://127.0.0.1:2379 advertise-client-urls=http://127.0.0.1:2379 initial-cluster-token=etcd-cluster-0 \
         initial-cluster=controller=http://127.0.0.1:2380 initial-cluster-state=new data-dir=/var/lib/etcd",
    );
    let kubelet = ca.leaf(&format!(
        "{own} o=system:nodes cn=system:node:node-0 eku=client,server sans=dns:node-0,ip:127.0.0.1 key=p256:hard-node-0"
    ));
    desk.pair("node-0/var/lib/kubelet/kubelet", &kubelet);
    desk.put("node-0/var/lib/kubelet/ca.crt", 0o644, ca.pem());
    desk.kubeconfig(
        "node-0/var/lib/kubelet/kubeconfig",
        &ca.pem(),
        &kubelet,
        "https://server.kubernetes.local:6443",
    );
    let proxy = ca.leaf(&format!(
        "{own} o=system:node-proxier cn=system:kube-proxy eku=client,server sans=dns:kube-proxy,ip:127.0.0.1 key=p256:hard-proxy"
    ));
    desk.kubeconfig(
        "node-0/var/lib/kube-proxy/kubeconfig",
        &ca.pem(),
        &proxy,
        "https://server.kubernetes.local:6443",
    );
    desk.put(
        "node-0/var/lib/kubelet/kubelet-config.yaml",
        0o644,
        "kind: KubeletConfiguration\napiVersion: kubelet.config.k8s.io/v1beta1\naddress: \"0.0.0.0\"\nauthentication:\n  anonymous:\n    \
         enabled: false\n  webhook:\n    enabled: true\n  x509:\n    clientCAFile: \"/var/lib/kubelet/ca.crt\"\nauthorization:\n  mode: \
         Webhook\ncontainerRuntimeEndpoint: \"unix:///var/run/containerd/containerd.sock\"\nport: 10250\ntlsCertFile: \
         \"/var/lib/kubelet/kubelet.crt\"\ntlsPrivateKeyFile: \"/var/lib/kubelet/kubelet.key\"\n",
    );
    unit(
        desk,
        "node-0/etc/systemd/system/kubelet.service",
        "/usr/local/bin/kubelet",
        "config=/var/lib/kubelet/kubelet-config.yaml kubeconfig=/var/lib/kubelet/kubeconfig v=2",
    );
    unit(
        desk,
        "node-0/etc/systemd/system/kube-proxy.service",
        "/usr/local/bin/kube-proxy",
        "config=/var/lib/kube-proxy/kube-proxy-config.yaml",
    );
    desk.put(
        "node-0/var/lib/kube-proxy/kube-proxy-config.yaml",
        0o644,
        "kind: KubeProxyConfiguration\napiVersion: kubeproxy.config.k8s.io/v1alpha1\nclientConnection:\n  kubeconfig: \
         \"/var/lib/kube-proxy/kubeconfig\"\nmode: \"iptables\"\nclusterCIDR: \"10.200.0.0/16\"\n",
    );
}
