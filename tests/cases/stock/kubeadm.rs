//! kubeadm, and what stands on it: minikube, kubespray.

use super::Stock;
use crate::desk::{Cluster, Desk, LEAF};
use crate::forge;

pub(super) const KUBEADM: Stock = Stock {
    name: "kubeadm, one control plane and a worker",
    lay: |desk| {
        let cluster = control_plane(desk, Cluster::new(), "cp1", "10.0.0.10");
        worker(desk, &cluster, "w1");
    },
    nodes: &["cp1", "w1"],
    parts: &["cp1/etc/kubernetes", "cp1/etc/kubernetes/pki", "cp1/var/lib/kubelet", "w1/var/lib/kubelet/pki"],
    rehearsed: true,
};

pub(super) const STACKED: Stock = Stock {
    name: "kubeadm, two control planes",
    lay: |desk| {
        let cluster = control_plane(desk, Cluster::new(), "cp1", "10.0.0.10");
        let cluster = control_plane(desk, cluster, "cp2", "10.0.0.11");
        // Only where the cluster began does kubeadm leave it.
        desk.remove("cp2/etc/kubernetes/super-admin.conf");
        worker(desk, &cluster, "w1");
        worker(desk, &cluster, "w2");
    },
    nodes: &["cp1", "cp2", "w1", "w2"],
    parts: &["cp2/etc/kubernetes"],
    rehearsed: true,
};

pub(super) const MINIKUBE: Stock = Stock {
    name: "minikube",
    lay: minikube,
    nodes: &["minikube"],
    parts: &["minikube/var/lib/minikube/certs", "minikube/var/lib/minikube"],
    rehearsed: true,
};

pub(super) const KUBESPRAY: Stock = Stock {
    name: "kubespray",
    lay: kubespray,
    nodes: &["node1", "node2"],
    parts: &[
        "node1/etc/kubernetes",
        "node1/etc/kubernetes/ssl",
        "node1/etc/ssl/etcd/ssl",
        "node2/etc/kubernetes",
    ],
    rehearsed: true,
};

fn control_plane(desk: &Desk, cluster: Cluster, node: &str, address: &str) -> Cluster {
    let cluster = desk.control_plane_of(node, cluster, node, address);
    let client = cluster.kubernetes.leaf(&format!(
        "{LEAF} o=system:masters cn=kubernetes-super-admin eku=client key=p256:{node}-super-admin"
    ));
    desk.kubeconfig(
        &format!("{node}/etc/kubernetes/super-admin.conf"),
        &cluster.kubernetes.pem(),
        &client,
        &format!("https://{address}:6443"),
    );
    kubelet_unit(desk, node, "");
    cluster
}

fn worker(desk: &Desk, cluster: &Cluster, node: &str) {
    desk.kubelet(node, cluster, node, "https://10.0.0.10:6443");
    desk.put(&format!("{node}/etc/kubernetes/pki/ca.crt"), 0o644, cluster.kubernetes.pem());
    desk.directory(&format!("{node}/etc/kubernetes/manifests"));
    kubelet_unit(desk, node, "");
}

/// The kubelet's unit of the packages, and kubeadm's drop-in.
fn kubelet_unit(desk: &Desk, node: &str, more: &str) {
    let units = format!("{node}/usr/lib/systemd/system");
    desk.put(
        &format!("{units}/kubelet.service"),
        0o644,
        "[Unit]\nDescription=kubelet: The Kubernetes Node Agent\n\n[Service]\nExecStart=/usr/bin/kubelet\nRestart=always\n\n[Install]\n\
         WantedBy=multi-user.target\n",
    );
    desk.put(
        &format!("{units}/kubelet.service.d/10-kubeadm.conf"),
        0o644,
        format!(
            "[Service]\nEnvironment=\"KUBELET_KUBECONFIG_ARGS=--bootstrap-kubeconfig=/etc/kubernetes/bootstrap-kubelet.conf \
             --kubeconfig=/etc/kubernetes/kubelet.conf\"\nEnvironment=\"KUBELET_CONFIG_ARGS=--config=/var/lib/kubelet/config.yaml\"\n\
             EnvironmentFile=-/var/lib/kubelet/kubeadm-flags.env\nEnvironmentFile=-/etc/default/kubelet\nExecStart=\n\
             ExecStart=/usr/bin/kubelet $KUBELET_KUBECONFIG_ARGS $KUBELET_CONFIG_ARGS $KUBELET_KUBEADM_ARGS $KUBELET_EXTRA_ARGS{more}\n"
        ),
    );
    desk.put(
        &format!("{node}/var/lib/kubelet/kubeadm-flags.env"),
        0o644,
        "KUBELET_KUBEADM_ARGS=\"--pod-infra-container-image=registry.k8s.io/pause:3.10.1\"\n",
    );
    let wanted = format!("{node}/etc/systemd/system/multi-user.target.wants");
    desk.directory(&wanted);
    desk.link(&format!("{wanted}/kubelet.service"), "/usr/lib/systemd/system/kubelet.service");
}

/// Everything of kubeadm's that stands elsewhere, in the manifests and the kubelet's configuration too.
fn moved(desk: &Desk, node: &str, to: &str) {
    let manifests = ["kube-apiserver", "kube-controller-manager", "kube-scheduler", "etcd"];
    let named = manifests.iter().map(|name| format!("etc/kubernetes/manifests/{name}.yaml"));
    for file in named.chain(["var/lib/kubelet/config.yaml".to_owned()]) {
        let path = desk.root().join(node).join(file);
        if let Ok(text) = std::fs::read_to_string(&path) {
            std::fs::write(&path, text.replace("/etc/kubernetes/pki", to)).expect("a file");
        }
    }
    let (from, to) =
        (desk.root().join(node).join("etc/kubernetes/pki"), desk.root().join(format!("{node}{to}")));
    std::fs::create_dir_all(to.parent().expect("it is in a directory")).expect("a directory");
    std::fs::rename(from, to).expect("two directories");
}

fn minikube(desk: &Desk) {
    let own = |name: &str| {
        forge::ca(&format!(
            "cn={name} serial=01 ku=keyEncipherment,digitalSignature,keyCertSign eku=client,server key=p256:{name}"
        ))
    };
    let cluster = Cluster { kubernetes: own("minikubeCA"), ..Cluster::new() };
    let cluster = control_plane(desk, cluster, "minikube", "192.168.49.2");
    moved(desk, "minikube", "/var/lib/minikube/certs");
    let certs = "minikube/var/lib/minikube/certs";
    for component in ["kube-apiserver", "kube-controller-manager", "etcd"] {
        let file = format!("minikube/etc/kubernetes/manifests/{component}.yaml");
        desk.replace(
            &file,
            "volumeMounts:\n",
            "volumeMounts:\n    - mountPath: /var/lib/minikube\n      name: certs\n",
        );
        desk.replace(
            &file,
            "  volumes:\n",
            "  volumes:\n  - hostPath:\n      path: /var/lib/minikube\n      type: DirectoryOrCreate\n    name: certs\n",
        );
    }
    let front = own("proxyClientCA");
    desk.pair(&format!("{certs}/proxy-client-ca"), &front);
    let both = "o=system:masters eku=server,client serial=02 ski=absent until=+1094d ku=keyEncipherment,digitalSignature";
    desk.pair(
        &format!("{certs}/proxy-client"),
        &front.leaf(&format!("cn=aggregator {both} key=p256:mk-proxy")),
    );
    let api = cluster.kubernetes.leaf(&format!(
        "cn=minikube {both} key=p256:mk-api sans=dns:minikubeCA,dns:control-plane.minikube.internal,\
         dns:kubernetes.default.svc.cluster.local,dns:kubernetes.default.svc,dns:kubernetes.default,dns:kubernetes,dns:localhost,\
         ip:10.96.0.1,ip:127.0.0.1,ip:10.0.0.1,ip:192.168.49.2"
    ));
    desk.pair(&format!("{certs}/apiserver"), &api);
    for name in ["admin", "super-admin", "controller-manager", "scheduler", "kubelet"] {
        desk.replace(
            &format!("minikube/etc/kubernetes/{name}.conf"),
            "https://192.168.49.2:6443",
            "https://control-plane.minikube.internal:8443",
        );
    }
    for (old, new) in
        [("advertise-address=192.168.49.2\n", "advertise-address=192.168.49.2\n"), ("6443", "8443")]
    {
        desk.replace("minikube/etc/kubernetes/manifests/kube-apiserver.yaml", old, new);
    }
    // What minikube itself calls the API server with, within its machine.
    let config = super::kubeconfig_of_files(
        "/var/lib/minikube/certs/ca.crt",
        "/var/lib/minikube/certs/apiserver",
        "https://localhost:8443",
    );
    desk.put("minikube/var/lib/minikube/kubeconfig", 0o644, config);
}

fn kubespray(desk: &Desk) {
    let cluster = control_plane(desk, Cluster::new(), "node1", "10.0.0.10");
    std::fs::remove_dir_all(desk.root().join("node1/etc/kubernetes/pki/etcd")).expect("kubeadm's etcd");
    for file in ["pki/apiserver-etcd-client.crt", "pki/apiserver-etcd-client.key", "manifests/etcd.yaml"] {
        desk.remove(&format!("node1/etc/kubernetes/{file}"));
    }
    moved(desk, "node1", "/etc/kubernetes/ssl");
    desk.link("node1/etc/kubernetes/pki", "/etc/kubernetes/ssl");
    // openssl's own extensions for a CA, and hundred years.
    let etcd = forge::ca("cn=etcd-ca ku=none until=+36500d key=p256:spray-etcd aki=auto");
    let names = "sans=dns:localhost,dns:node1,ip:10.0.0.10,ip:127.0.0.1";
    let member = format!("ku=none eku=client,server until=+36499d {names}");
    let ssl = "etc/ssl/etcd/ssl";
    desk.put(&format!("node1/{ssl}/ca.pem"), 0o700, etcd.pem());
    desk.put(&format!("node1/{ssl}/ca-key.pem"), 0o700, etcd.key_pem());
    for (base, cn) in [
        ("member-node1", "etcd-member-node1"),
        ("admin-node1", "etcd-admin-node1"),
        ("node-node1", "etcd-node-node1"),
    ] {
        let leaf = etcd.leaf(&format!("cn={cn} {member} key=p256:spray-{base}"));
        desk.put(&format!("node1/{ssl}/{base}.pem"), 0o700, leaf.pem());
        desk.put(&format!("node1/{ssl}/{base}-key.pem"), 0o700, leaf.key_pem());
    }
    let apiserver = "node1/etc/kubernetes/manifests/kube-apiserver.yaml";
    for (old, new) in [
        ("/etc/kubernetes/ssl/etcd/ca.crt", "/etc/ssl/etcd/ssl/ca.pem"),
        ("/etc/kubernetes/ssl/apiserver-etcd-client.crt", "/etc/ssl/etcd/ssl/node-node1.pem"),
        ("/etc/kubernetes/ssl/apiserver-etcd-client.key", "/etc/ssl/etcd/ssl/node-node1-key.pem"),
        ("https://127.0.0.1:2379", "https://10.0.0.10:2379"),
        (
            "volumeMounts:\n",
            "volumeMounts:\n    - mountPath: /etc/ssl/etcd/ssl\n      name: etcd-certs-0\n      readOnly: true\n",
        ),
        (
            "  volumes:\n",
            "  volumes:\n  - hostPath:\n      path: /etc/ssl/etcd/ssl\n      type: DirectoryOrCreate\n    name: etcd-certs-0\n",
        ),
    ] {
        desk.replace(apiserver, old, new);
    }
    desk.put(
        "node1/etc/systemd/system/etcd.service",
        0o644,
        "[Unit]\nDescription=etcd\nAfter=network.target\n\n[Service]\nType=notify\nUser=root\nEnvironmentFile=/etc/etcd.env\n\
         ExecStart=/usr/local/bin/etcd\nNotifyAccess=all\nRestart=always\nRestartSec=10s\n\n[Install]\nWantedBy=multi-user.target\n",
    );
    desk.put("node1/etc/etcd.env", 0o640, etcd_environment());
    kubespray_kubelet(desk, "node1");
    // A worker, whose kubelet reaches the API servers by a proxy of its own.
    desk.kubelet("node2", &cluster, "node2", "https://localhost:6443");
    desk.put("node2/etc/kubernetes/ssl/ca.crt", 0o644, cluster.kubernetes.pem());
    desk.link("node2/etc/kubernetes/pki", "/etc/kubernetes/ssl");
    kubespray_kubelet(desk, "node2");
}

fn etcd_environment() -> String {
    let pair = "/etc/ssl/etcd/ssl/member-node1";
    let ca = "/etc/ssl/etcd/ssl/ca.pem";
    format!(
        "# Environment file for etcd\nETCD_DATA_DIR=/var/lib/etcd\nETCD_ADVERTISE_CLIENT_URLS=https://10.0.0.10:2379\n\
         ETCD_INITIAL_ADVERTISE_PEER_URLS=https://10.0.0.10:2380\nETCD_INITIAL_CLUSTER_STATE=existing\nETCD_METRICS=basic\n\
         ETCD_LISTEN_CLIENT_URLS=https://10.0.0.10:2379,https://127.0.0.1:2379\nETCD_INITIAL_CLUSTER_TOKEN=k8s_etcd\n\
         ETCD_LISTEN_PEER_URLS=https://10.0.0.10:2380\nETCD_NAME=etcd1\nETCD_PROXY=off\nETCD_INITIAL_CLUSTER=etcd1=https://10.0.0.10:2380\n\
         ETCD_AUTO_COMPACTION_RETENTION=8\n\n# TLS settings\nETCD_TRUSTED_CA_FILE={ca}\nETCD_CERT_FILE={pair}.pem\nETCD_KEY_FILE={pair}-key.pem\n\
         ETCD_CLIENT_CERT_AUTH=true\n\nETCD_PEER_TRUSTED_CA_FILE={ca}\nETCD_PEER_CERT_FILE={pair}.pem\nETCD_PEER_KEY_FILE={pair}-key.pem\n\
         ETCD_PEER_CLIENT_CERT_AUTH=True\n\n# CLI settings\nETCDCTL_ENDPOINTS=https://127.0.0.1:2379\nETCDCTL_CACERT={ca}\n\
         ETCDCTL_KEY=/etc/ssl/etcd/ssl/admin-node1-key.pem\nETCDCTL_CERT=/etc/ssl/etcd/ssl/admin-node1.pem\n"
    )
}

fn kubespray_kubelet(desk: &Desk, node: &str) {
    for file in ["var/lib/kubelet/config.yaml", "usr/lib/systemd/system/kubelet.service"] {
        let _ = std::fs::remove_file(desk.root().join(node).join(file));
    }
    let _ = std::fs::remove_dir_all(desk.root().join(node).join("usr/lib/systemd/system/kubelet.service.d"));
    let _ =
        std::fs::remove_dir_all(desk.root().join(node).join("etc/systemd/system/multi-user.target.wants"));
    desk.put(
        &format!("{node}/etc/kubernetes/kubelet-config.yaml"),
        0o600,
        "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\nauthentication:\n  anonymous:\n    enabled: false\n  \
         webhook:\n    enabled: true\n  x509:\n    clientCAFile: /etc/kubernetes/ssl/ca.crt\nauthorization:\n  mode: Webhook\n\
         staticPodPath: /etc/kubernetes/manifests\nreadOnlyPort: 0\nclusterDomain: cluster.local\nrotateCertificates: true\n",
    );
    desk.put(
        &format!("{node}/etc/kubernetes/kubelet.env"),
        0o600,
        format!(
            "KUBE_LOGTOSTDERR=\"--logtostderr=true\"\nKUBE_LOG_LEVEL=\"--v=2\"\nKUBELET_ADDRESS=\"--node-ip=10.0.0.10\"\n\
             KUBELET_HOSTNAME=\"--hostname-override={node}\"\n\nKUBELET_ARGS=\"--bootstrap-kubeconfig=/etc/kubernetes/bootstrap-kubelet.conf \\\n\
             --config=/etc/kubernetes/kubelet-config.yaml \\\n--kubeconfig=/etc/kubernetes/kubelet.conf \\\n\
             --container-runtime-endpoint=unix:///var/run/containerd/containerd.sock \\\n--runtime-cgroups=/system.slice/containerd.service \
             --node-labels=  \"\nKUBELET_CLOUDPROVIDER=\"\"\n\nPATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n"
        ),
    );
    desk.put(
        &format!("{node}/etc/systemd/system/kubelet.service"),
        0o644,
        "[Unit]\nDescription=Kubernetes Kubelet Server\nAfter=containerd.service\nWants=containerd.service\n\n[Service]\n\
         EnvironmentFile=-/etc/kubernetes/kubelet.env\nExecStart=/usr/local/bin/kubelet \\\n\t\t$KUBE_LOGTOSTDERR \\\n\t\t$KUBE_LOG_LEVEL \\\n\
         \t\t$KUBELET_API_SERVER \\\n\t\t$KUBELET_ADDRESS \\\n\t\t$KUBELET_PORT \\\n\t\t$KUBELET_HOSTNAME \\\n\t\t$KUBELET_ARGS \\\n\
         \t\t$DOCKER_SOCKET \\\n\t\t$KUBELET_NETWORK_PLUGIN \\\n\t\t$KUBELET_VOLUME_PLUGIN \\\n\t\t$KUBELET_CLOUDPROVIDER\nRestart=always\n\
         RestartSec=10s\n\n[Install]\nWantedBy=multi-user.target\n",
    );
}
