//! What the trees of the table have in common: the control plane of one member, spoilt in one way.

use crate::desk::{Cluster, Desk, LEAF, PKI};
use crate::forge::Forged;

/// The alternative names of the API server on the desk.
pub(super) const API: &str = "sans=dns:cp1,dns:kubernetes,dns:kubernetes.default,dns:kubernetes.default.svc,\
     dns:kubernetes.default.svc.cluster.local,dns:localhost,ip:10.96.0.1,ip:10.0.0.10,ip:127.0.0.1";
/// Those of its etcd.
pub(super) const MEMBER: &str = "sans=dns:cp1,dns:localhost,ip:10.0.0.10,ip:127.0.0.1,ip:::1";

/// A control plane at `n`.
pub(super) fn control_plane(desk: &Desk) -> Cluster {
    desk.control_plane("n")
}

/// The whole path of a file of its PKI.
pub(super) fn pki(name: &str) -> String {
    format!("n/{PKI}/{name}")
}

/// Puts another leaf in the place of one, with its key.
pub(super) fn leaf(desk: &Desk, base: &str, authority: &Forged, words: &str) -> Forged {
    let leaf = authority.leaf(&crate::forge::over(&format!("{LEAF} key=p256:cp1-{base}"), words));
    desk.pair(&pki(base), &leaf);
    leaf
}

/// Another certificate of the API server.
pub(super) fn apiserver(desk: &Desk, words: &str) -> Cluster {
    let cluster = control_plane(desk);
    leaf(
        desk,
        "apiserver",
        &cluster.kubernetes,
        &crate::forge::over(&format!("cn=kube-apiserver eku=server {API}"), words),
    );
    cluster
}

/// Another certificate of etcd towards its peers.
pub(super) fn peer(desk: &Desk, words: &str) -> Cluster {
    let cluster = control_plane(desk);
    leaf(
        desk,
        "etcd/peer",
        &cluster.etcd,
        &crate::forge::over(&format!("cn=cp1 eku=server,client {MEMBER}"), words),
    );
    cluster
}

/// Another certificate of etcd towards its clients.
pub(super) fn server(desk: &Desk, words: &str) -> Cluster {
    let cluster = control_plane(desk);
    leaf(
        desk,
        "etcd/server",
        &cluster.etcd,
        &crate::forge::over(&format!("cn=cp1 eku=server,client {MEMBER}"), words),
    );
    cluster
}

/// The file of a component's manifest.
pub(super) fn manifest(component: &str) -> String {
    format!("n/etc/kubernetes/manifests/{component}.yaml")
}

/// Gives a component another flag.
pub(super) fn with_flag(desk: &Desk, component: &str, flag: &str) {
    let first = format!("    - {component}\n");
    desk.replace(&manifest(component), &first, &format!("{first}    - {flag}\n"));
}

/// Takes a component's flag away.
pub(super) fn without_flag(desk: &Desk, component: &str, flag: &str) {
    let text = desk.read(&manifest(component));
    let kept: Vec<&str> =
        text.lines().filter(|line| !line.trim_start().starts_with(&format!("- --{flag}="))).collect();
    assert!(kept.len() < text.lines().count(), "{component} has no --{flag}");
    desk.put(&manifest(component), 0o600, kept.join("\n") + "\n");
}

/// A client of Kubernetes' CA in a kubeconfig.
pub(super) fn client(desk: &Desk, cluster: &Cluster, file: &str, words: &str) {
    let client =
        cluster.kubernetes.leaf(&crate::forge::over(&format!("{LEAF} eku=client key=p256:{file}"), words));
    desk.kubeconfig(file, &cluster.kubernetes.pem(), &client, "https://10.0.0.10:6443");
}
