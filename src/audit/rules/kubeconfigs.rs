//! What rules share that look at kubeconfigs.

use super::names::{Names, host_of};
use crate::audit::{Holder, Node, Place, Target};
use crate::inspect::{Item, KubeCluster, Kubeconfig};

/// The kubeconfigs of a node, each with the number of its file.
pub(super) fn all(node: &Node) -> impl Iterator<Item = (usize, &Kubeconfig)> {
    node.kubeconfigs.iter().filter_map(|file| Some((*file, node.kubeconfig(*file)?)))
}

/// A line of a kubeconfig.
pub(super) fn line(file: usize, line: usize) -> Place {
    Place::line(file, u64::try_from(line).unwrap_or(0))
}

/// Whether an item is embedded in a cluster or a user of a kubeconfig that is a file.
pub(super) fn is_in_field_of_kubeconfig(item: &Item) -> bool {
    let field = item.place.field.as_deref().unwrap_or_default();
    (field.starts_with("clusters[") || field.starts_with("users[")) && field.ends_with("-data")
}

/// Whether a cluster of a kubeconfig is that of the node itself: the file is one of the node's own, or the server one of the names of
/// its API server. A person's kubeconfig may know many clusters.
pub(super) fn is_own_cluster(node: &Node, file: usize, cluster: &KubeCluster, names: &Names) -> bool {
    let is_systems = node.files.get(file).is_some_and(|file| {
        file.anchored
            && file.on_node.parent().is_some_and(|parent| parent.ends_with("etc/kubernetes"))
            && file.on_node.extension().is_some_and(|extension| extension == "conf")
    });
    let is_named = || {
        let mut references =
            node.references.iter().filter(|reference| reference.holder != Holder::Kubeconfig);
        references.any(|reference| reference.target == Target::File(file))
    };
    is_systems
        || is_named()
        || cluster.server.as_deref().and_then(host_of).is_some_and(|host| names.cover(host))
}
