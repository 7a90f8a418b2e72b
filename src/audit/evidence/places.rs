//! Which place of a certificate counts: one where it is used goes before copies, and copies before what was put aside.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use super::{Cert, File, Node, Target};
use crate::audit::role::{Basis, Role};
use crate::audit::rules::left_over;
use crate::layout::{KUBECONFIGS, authority_by_name, profile_by_name, promise};

/// What is known of the use that is made of a certificate or a key in a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Use {
    /// It plays a part, or somebody names its file.
    Used,
    /// Nothing is known.
    Loose,
    /// A backup, or a kubelet's certificate that it has replaced.
    Old,
}

/// How much a place says: the use, how surely it is known, a file rather than a field, the first of a file, the place that a component
/// reads rather than a file of its name elsewhere, the depth and the order of the files.
type Rank = (Use, u8, bool, bool, bool, usize, usize);

/// Finds out what use is made of each certificate and key, and which place of a certificate stands for all of them.
pub(super) fn settle(node: &mut Node) {
    let named: HashSet<usize> = node
        .references
        .iter()
        .filter_map(|reference| match reference.target {
            Target::File(file) => Some(file),
            _ => None,
        })
        .collect();
    let is_old = |file: usize| {
        node.files.get(file).is_some_and(|found| left_over(node, found).is_some())
            || is_superseded(node, file) && !named.contains(&file)
    };
    // Certificates and keys stand in the order of their files.
    let mut last: Option<(usize, bool)> = None;
    let mut of_file = |file: usize| match last {
        Some((known, is_old)) if known == file => is_old,
        _ => {
            let found = is_old(file);
            last = Some((file, found));
            found
        }
    };
    let ranks: Vec<Rank> = node.certs().map(|cert| rank(cert, &named, of_file(cert.found().file))).collect();
    let uses: Vec<Use> = node
        .keys
        .iter()
        .map(|key| match of_file(key.file) {
            true => Use::Old,
            false if !key.roles.is_empty() || named.contains(&key.file) => Use::Used,
            false => Use::Loose,
        })
        .collect();
    let mut best: HashMap<usize, Rank> = HashMap::new();
    for (found, rank) in node.certificates.iter().zip(&ranks) {
        let known = best.entry(found.same_as).or_insert(*rank);
        *known = (*known).min(*rank);
    }
    for (found, rank) in node.certificates.iter_mut().zip(&ranks) {
        found.usage = rank.0;
        found.same_as = best.get(&found.same_as).map_or(found.same_as, |(.., index)| *index);
    }
    for (key, usage) in node.keys.iter_mut().zip(uses) {
        key.usage = usage;
    }
    let mut order: Vec<usize> = (0..ranks.len()).collect();
    order.sort_by_key(|index| ranks.get(*index));
    node.best_first = order;
}

fn rank(cert: Cert<'_>, named: &HashSet<usize>, is_old: bool) -> Rank {
    let found = cert.found();
    let field = cert.item().place.field.is_some();
    let in_kubeconfig = field && cert.file().kubeconfig().is_some();
    let basis = found.roles.iter().filter(|(role, _)| *role != Role::User).map(|(_, basis)| *basis).min();
    let is_named = !field && named.contains(&found.file);
    let usage = if is_old {
        Use::Old
    } else if basis.is_some() || is_named || in_kubeconfig {
        Use::Used
    } else {
        Use::Loose
    };
    let surely = match basis {
        Some(Basis::Reference) => 0,
        _ if is_named => 0,
        Some(Basis::Place) => 1,
        _ if in_kubeconfig => 1,
        _ => 2,
    };
    let on_node = &cert.file().on_node;
    let is_elsewhere = !named.contains(&found.file) && !is_of_kubeadm(on_node);
    (usage, surely, field, found.position > 0, is_elsewhere, on_node.components().count(), cert.index)
}

/// Whether a file lies where kubeadm writes its own: a copy of its name in another directory is none of those.
fn is_of_kubeadm(path: &Path) -> bool {
    const DIRECTORIES: [&str; 2] = ["/etc/kubernetes/pki", "/etc/kubernetes/pki/etcd"];
    let Some(directory) = path.parent() else { return false };
    DIRECTORIES.iter().any(|own| directory.as_os_str() == *own) || is_kubeconfig_of_kubeadm(path)
}

/// Whether a component of kubeadm's reads what lies there: a certificate, a key or a kubeconfig by its whole path.
pub(in super::super) fn is_read_by_kubeadms(path: &Path) -> bool {
    let base = path.with_extension("");
    let is_ca = base.file_name().is_some_and(|name| name == "ca" || name == "sa");
    is_kubeconfig_of_kubeadm(path)
        || is_of_kubeadm(path)
            && promise(path).is_some()
            && (is_ca || profile_by_name(&base).is_some() || authority_by_name(&base).is_some())
}

/// Whether a file lies where kubeadm writes the kubeconfig of an administrator or of a component.
pub(in super::super) fn is_kubeconfig_of_kubeadm(path: &Path) -> bool {
    path.parent().is_some_and(|directory| directory.as_os_str() == "/etc/kubernetes")
        && KUBECONFIGS.iter().any(|(name, _)| path.file_name().is_some_and(|own| own == *name))
}

/// Which of a kubelet's two certificates a file is of, by its name: `kubelet-client-` or `kubelet-server-`.
fn kubelets_prefix(file: &File) -> Option<&'static str> {
    let name = file.name();
    ["kubelet-client-", "kubelet-server-"]
        .into_iter()
        .find(|prefix| name.starts_with(prefix) && name.strip_suffix(".pem").is_some())
}

/// The name of the link that leads to a kubelet's dated file.
pub(super) fn alias(node: &Node, number: usize) -> Option<&'static str> {
    let file = node.files.get(number)?;
    let name = match kubelets_prefix(file)? {
        "kubelet-client-" => "kubelet-client-current.pem",
        _ => "kubelet-server-current.pem",
    };
    (file.name() != name && current_file(node, file) == Some(number)).then_some(name)
}

/// The file of the kubelet's current certificate of the kind of this file.
pub(in super::super) fn current_file(node: &Node, file: &File) -> Option<usize> {
    let current = format!("{}current.pem", kubelets_prefix(file)?);
    match node.resolve(&file.on_node.parent()?.join(current)) {
        Target::File(current) => Some(current),
        _ => None,
    }
}

/// Whether a file holds a kubelet's certificate that a later one has replaced: the link leads to another, or where there
/// is no link, a file with a later date follows.
pub(in super::super) fn is_superseded(node: &Node, number: usize) -> bool {
    let Some(file) = node.files.get(number) else { return false };
    let Some(prefix) = kubelets_prefix(file) else { return false };
    match current_file(node, file) {
        Some(current) => current != number,
        // Files stand in the order of their paths.
        None => node.files.get(number + 1).is_some_and(|next| {
            next.on_node.parent() == file.on_node.parent() && kubelets_prefix(next) == Some(prefix)
        }),
    }
}
