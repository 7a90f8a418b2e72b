//! What a tree is that of. Nothing is concluded from what was not looked at.

use std::path::Path;

use super::{FileKind, Node, NodeKind};
use crate::audit::role::Role;
use crate::manifest::{By, Component};
use crate::x509::ExtendedKeyUsage;

/// What only a control plane has.
const OF_CONTROL_PLANE: [Role; 6] = [
    Role::ApiserverKubeletClient,
    Role::FrontProxyClient,
    Role::ControllerManager,
    Role::ControllerManagerServing,
    Role::Scheduler,
    Role::SchedulerServing,
];

pub(super) fn kind(node: &Node) -> NodeKind {
    let has = |role: Role| {
        let mut leaves = node.certificates.iter().filter(|found| found.position == 0);
        leaves.any(|found| found.roles.iter().any(|(own, _)| *own == role))
    };
    let runs = |component| node.launch(component).is_some();
    if runs(Component::Apiserver)
        || has(Role::Apiserver)
        || node.started(Component::Apiserver.program()).is_some()
    {
        return NodeKind::ControlPlane;
    }
    if !node.files.iter().any(|file| file.anchored) {
        return NodeKind::Unknown;
    }
    let signs_tokens = node
        .keys
        .iter()
        .any(|key| key.private && key.roles.iter().any(|(role, _)| *role == Role::ServiceAccount));
    let is_part = signs_tokens
        || runs(Component::ControllerManager)
        || runs(Component::Scheduler)
        || OF_CONTROL_PLANE.into_iter().any(has);
    let is_member = runs(Component::Etcd) || has(Role::EtcdServer) || has(Role::EtcdPeer);
    let has_kubelet = runs(Component::Kubelet)
        || has(Role::KubeletClient)
        || has(Role::KubeletServing)
        || node.file_at("/etc/kubernetes/bootstrap-kubelet.conf").is_some();
    if is_part {
        NodeKind::Unknown
    } else if is_member {
        let is_run = has(Role::Admin) || has(Role::SuperAdmin);
        if is_run { NodeKind::Unknown } else { NodeKind::Etcd }
    } else if has_kubelet && !has(Role::Admin) && !has(Role::SuperAdmin) && node.shows_no_apiserver() {
        NodeKind::Worker
    } else {
        NodeKind::Unknown
    }
}

impl Node {
    /// Whether it is known that no API server runs here: none is shown, and the directory of the static pods is there, for without it only
    /// some of the files may have been given.
    pub fn lacks_apiserver(&self) -> bool {
        let manifests = self.entry_at(&self.manifest_directory());
        let is_there = manifests.is_some_and(|(_, entry)| matches!(entry.kind, FileKind::Directory(Ok(()))));
        self.shows_no_apiserver() && is_there
    }

    /// Whether no API server is where it would be, and that was looked at. On a whole system these are its units and the kubelet's manifests;
    /// of a tree in kubeadm's layout, `/etc/kubernetes` and everything in it.
    fn shows_no_apiserver(&self) -> bool {
        let is_seen = |directory: &str| self.looked_through(Path::new(directory));
        let has = |path: &str| self.file_at(path).is_some();
        let is_known = self.launched.doubts.is_empty() && self.launch(Component::Apiserver).is_none();
        // Where a unit starts the kubelet, one would start an API server too.
        let by_unit = self.launch(Component::Kubelet).is_some_and(|launch| launch.by == By::Unit);
        let is_system = by_unit && is_seen("/etc/systemd/system");
        let is_kubeadms = has("/etc/kubernetes/kubelet.conf")
            || has("/etc/kubernetes/bootstrap-kubelet.conf")
            || has("/etc/kubernetes/pki/etcd/ca.crt");
        // What a unit starts by a script of its own is not known.
        let may_start_one = self.files.iter().any(|file| {
            let name = file.name();
            name.ends_with(".service") && (name.contains("apiserver") || name.contains("api-server"))
        });
        // A server that nobody names may be it.
        let may_be_one = |cert: super::Cert<'_>| {
            let serves = cert.tbs().extensions.purposes().contains(&ExtendedKeyUsage::ServerAuth);
            serves && !cert.is_ca() && cert.found().position == 0 && cert.role().is_none()
        };
        is_known
            && !may_start_one
            && is_seen("/etc/kubernetes")
            && is_seen("/etc/kubernetes/manifests")
            && (is_system || is_kubeadms)
            && !self.certs().any(may_be_one)
    }
}
