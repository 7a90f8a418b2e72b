//! What the place and the name of a file promise in the layouts that are known beside kubeadm's (`inspect::promised`).
//!
//! Sources: the documents and scripts of k3s and RKE2 (`k3s certificate check`), k0s, `MicroK8s`, minikube, kubespray, kubeasz, and
//! Kubernetes the Hard Way.

use std::path::Path;

use crate::audit::role::Role;

/// The ends of paths without their extensions, and what lies there.
const BASES: &[(&str, Role)] = &[
    // k3s and RKE2.
    ("tls/server-ca", Role::KubernetesCa),
    ("tls/server-ca.nochain", Role::KubernetesCa),
    ("tls/client-ca", Role::KubernetesCa),
    ("tls/client-ca.nochain", Role::KubernetesCa),
    ("tls/request-header-ca", Role::FrontProxyCa),
    ("tls/etcd/server-ca", Role::EtcdCa),
    ("tls/etcd/peer-ca", Role::EtcdCa),
    ("tls/serving-kube-apiserver", Role::Apiserver),
    ("tls/client-kube-apiserver", Role::ApiserverKubeletClient),
    ("tls/client-auth-proxy", Role::FrontProxyClient),
    ("tls/client-controller", Role::ControllerManager),
    ("tls/client-scheduler", Role::Scheduler),
    ("tls/client-admin", Role::SuperAdmin),
    ("tls/client-supervisor", Role::Component),
    ("tls/client-kube-proxy", Role::Component),
    ("tls/client-k3s-controller", Role::Component),
    ("tls/client-rke2-controller", Role::Component),
    ("tls/client-k3s-cloud-controller", Role::Component),
    ("tls/client-rke2-cloud-controller", Role::Component),
    ("tls/kube-controller-manager/kube-controller-manager", Role::ControllerManagerServing),
    ("tls/kube-scheduler/kube-scheduler", Role::SchedulerServing),
    ("tls/etcd/server-client", Role::EtcdServer),
    ("tls/etcd/peer-server-client", Role::EtcdPeer),
    ("tls/etcd/client", Role::ApiserverEtcdClient),
    ("tls/service", Role::ServiceAccount),
    ("tls/service.current", Role::ServiceAccount),
    ("agent/server-ca", Role::KubernetesCa),
    ("agent/client-ca", Role::KubernetesCa),
    ("agent/client-kubelet", Role::KubeletClient),
    ("agent/serving-kubelet", Role::KubeletServing),
    ("agent/client-kube-proxy", Role::Component),
    ("agent/client-k3s-controller", Role::Component),
    ("agent/client-rke2-controller", Role::Component),
    // k0s.
    ("k0s/pki/server", Role::Apiserver),
    ("k0s/pki/admin", Role::SuperAdmin),
    ("k0s/pki/ccm", Role::ControllerManager),
    ("k0s/pki/scheduler", Role::Scheduler),
    ("k0s/pki/konnectivity", Role::Component),
    // minikube.
    ("minikube/certs/proxy-client-ca", Role::FrontProxyCa),
    ("minikube/certs/proxy-client", Role::FrontProxyClient),
    // kubeasz.
    ("kubernetes/ssl/kubernetes", Role::Apiserver),
    ("kubernetes/ssl/aggregator-proxy", Role::FrontProxyClient),
    ("kubernetes/ssl/admin", Role::SuperAdmin),
    ("kubernetes/ssl/kube-controller-manager", Role::ControllerManager),
    ("kubernetes/ssl/kube-scheduler", Role::Scheduler),
    ("kubernetes/ssl/kube-proxy", Role::Component),
    // The hard way.
    ("lib/kubernetes/kube-api-server", Role::Apiserver),
    ("lib/kubernetes/kubernetes", Role::Apiserver),
    ("lib/kubernetes/service-accounts", Role::ServiceAccount),
    ("lib/kubernetes/service-account", Role::ServiceAccount),
];

/// The names of certificates of `MicroK8s`, in `certs` of a revision.
const MICROK8S: [(&str, Role); 7] = [
    ("server", Role::Apiserver),
    ("client", Role::SuperAdmin),
    ("controller", Role::ControllerManager),
    ("scheduler", Role::Scheduler),
    ("proxy", Role::Component),
    ("kubelet", Role::KubeletServing),
    ("serviceaccount", Role::ServiceAccount),
];

/// The kubeconfigs of components that are named otherwise than kubeadm's, by the ends of their paths.
const KUBECONFIGS: [(&str, Role); 12] = [
    ("k0s/pki/admin.conf", Role::SuperAdmin),
    ("k0s/pki/ccm.conf", Role::ControllerManager),
    ("k0s/pki/konnectivity.conf", Role::Component),
    ("kube-controller-manager.kubeconfig", Role::ControllerManager),
    ("kube-scheduler.kubeconfig", Role::Scheduler),
    ("kube-proxy.kubeconfig", Role::Component),
    ("kubelet.kubeconfig", Role::KubeletClient),
    ("credentials/client.config", Role::SuperAdmin),
    ("credentials/controller.config", Role::ControllerManager),
    ("credentials/scheduler.config", Role::Scheduler),
    ("credentials/proxy.config", Role::Component),
    ("credentials/kubelet.config", Role::KubeletClient),
];

/// What a file of a certificate or key is for.
pub(in crate::audit) fn of_file(path: &Path) -> Option<Role> {
    let name = path.file_name()?.to_str()?;
    let (stem, extension) = name.rsplit_once('.')?;
    let stem = match extension {
        "crt" | "cert" | "cer" | "key" | "pub" => stem,
        "pem" => stem.strip_suffix("-key").unwrap_or(stem),
        _ => return None,
    };
    let kubelets = || {
        path.starts_with("/var/lib/kubelet/pki") || stem.starts_with("kubelet-") && stem.ends_with("-current")
    };
    if stem.starts_with("kubelet") && kubelets() {
        if stem.starts_with("kubelet-client") {
            return Some(Role::KubeletClient);
        }
        if stem.starts_with("kubelet-server") || stem == "kubelet" {
            return Some(Role::KubeletServing);
        }
    }
    let directory = path.parent()?;
    if directory.ends_with("certs") && path.starts_with("/var/snap") {
        let known = MICROK8S.iter().find(|(known, _)| *known == stem);
        if let Some((_, role)) = known {
            return Some(*role);
        }
    }
    let known = BASES.iter().find(|(known, _)| is_at(path, name, stem, known));
    known.map(|(_, role)| *role).or_else(|| in_directory_of_etcd(directory, stem))
}

/// What a client certificate in a kubeconfig is for.
pub(super) fn of_kubeconfig(path: &Path) -> Option<Role> {
    KUBECONFIGS
        .iter()
        .find(|(known, _)| ends_with(path.as_os_str().as_encoded_bytes(), known))
        .map(|(_, role)| *role)
}

/// The files of an etcd outside of the cluster: `/etc/etcd/pki` of the documents' example and of kpki's own layout, whose `etcd.pem`
/// serves clients and peers; `/etc/ssl/etcd/ssl` of kubespray, whose `member-NODE.pem` does.
fn in_directory_of_etcd(directory: &Path, stem: &str) -> Option<Role> {
    if !(directory.ends_with("etcd/pki")
        || directory.ends_with("ssl/etcd/ssl")
        || directory.ends_with("etcd/ssl"))
    {
        return None;
    }
    match stem {
        "ca" => Some(Role::EtcdCa),
        "server" => Some(Role::EtcdServer),
        "peer" => Some(Role::EtcdPeer),
        _ if stem.starts_with("member-") => Some(Role::EtcdPeer),
        _ if stem.starts_with("admin-") || stem.starts_with("node-") => Some(Role::EtcdClient),
        _ => None,
    }
}

/// Whether a file without its extension lies at the end of a path that is known.
fn is_at(path: &Path, name: &str, stem: &str, known: &str) -> bool {
    let Some(directory) = known.strip_suffix(stem) else { return false };
    let bytes = path.as_os_str().as_encoded_bytes();
    let Some(above) = bytes.len().checked_sub(name.len()).and_then(|end| bytes.get(..end)) else {
        return false;
    };
    ends_with(above, directory)
}

/// Whether a path ends in another one, which is asked of every file: compared as bytes, not name by name.
fn ends_with(path: &[u8], known: &str) -> bool {
    let before = path.strip_suffix(known.as_bytes());
    before.is_some_and(|before| before.last().is_none_or(|last| *last == b'/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_tell_roles() {
        for (path, role) in [
            ("/var/lib/rancher/k3s/server/tls/client-supervisor.crt", Some(Role::Component)),
            ("/tls/serving-kube-apiserver.key", Some(Role::Apiserver)),
            ("/x-tls/serving-kube-apiserver.key", None),
            ("/var/lib/k0s/pki/server.crt", Some(Role::Apiserver)),
            ("/etc/kubernetes/pki/server.crt", None),
            ("/var/snap/microk8s/6089/certs/server.crt", Some(Role::Apiserver)),
            ("/certs/server.crt", None),
            ("/etc/kubernetes/ssl/aggregator-proxy-key.pem", Some(Role::FrontProxyClient)),
            ("/etc/ssl/etcd/ssl/member-node1.pem", Some(Role::EtcdPeer)),
            ("/etc/ssl/etcd/ssl/admin-node1-key.pem", Some(Role::EtcdClient)),
            ("/var/lib/kubelet/pki/kubelet-client-current.pem", Some(Role::KubeletClient)),
            ("/var/lib/kubelet/pki/kubelet.crt", Some(Role::KubeletServing)),
            ("/var/lib/kubernetes/ca.crt", None),
        ] {
            assert_eq!(of_file(Path::new(path)), role, "{path}");
        }
        assert_eq!(of_kubeconfig(Path::new("/var/lib/k0s/pki/ccm.conf")), Some(Role::ControllerManager));
        assert_eq!(of_kubeconfig(Path::new("/etc/kubernetes/admin.conf")), None);
    }
}
