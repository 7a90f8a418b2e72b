//! Where a kubelet keeps what it is. No rule of its own.

use super::super::{Node, Target};

/// The link to the client certificate that the kubelet renews itself.
pub(super) const CLIENT: &str = "/var/lib/kubelet/pki/kubelet-client-current.pem";

/// The link to the serving certificate that it asks for in the cluster.
pub(super) const SERVER: &str = "/var/lib/kubelet/pki/kubelet-server-current.pem";

/// Where a file of the kubelet's leads.
pub(super) fn target(node: &Node, path: &str) -> Target {
    node.resolve(std::path::Path::new(path))
}

/// The kubeconfig of the kubelet: its file's number. The one that its flags name, or kubeadm's.
pub(super) fn kubeconfig(node: &Node) -> Option<usize> {
    let named = node
        .references_of(super::super::Holder::KUBELET, "kubeconfig")
        .find_map(|named| if let Target::File(file) = named.target { Some(file) } else { None });
    named.or_else(|| node.file_at("/etc/kubernetes/kubelet.conf").map(|(file, _)| file))
}
