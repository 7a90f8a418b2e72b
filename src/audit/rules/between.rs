//! What the rules between nodes share.

use std::collections::HashMap;
use std::hash::Hash;

use super::super::{Basis, CertificateRecord, Estate, NodeKind, NodeSummary, Record, Role, Use};

/// The CAs of a cluster.
pub(super) const AUTHORITIES: [Role; 3] = [Role::KubernetesCa, Role::EtcdCa, Role::FrontProxyCa];

/// The name of a node.
pub(super) fn name(node: &NodeSummary) -> &str {
    node.name.as_deref().unwrap_or("a node without a name")
}

/// The first eight of some names, and how many more there are.
pub(super) fn listed(names: &[&str]) -> String {
    let shown: Vec<&str> = names.iter().take(8).copied().collect();
    match names.len() {
        0..=8 => shown.join(", "),
        count => format!("{} and {} more", shown.join(", "), count - 8),
    }
}

/// The first bytes of a digest, by which people tell it from others.
pub(super) fn short(digest: &[u8; 32]) -> String {
    use std::fmt::Write as _;
    digest.iter().take(6).fold(String::from("SHA256:"), |mut text, byte| {
        // Writing to a String does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The nodes, with their numbers; what stands beside them is none.
pub(super) fn nodes<'a>(estate: &Estate<'a>) -> impl Iterator<Item = (usize, &'a NodeSummary)> + use<'a> {
    estate.nodes.iter().enumerate().filter(|(_, node)| node.kind != NodeKind::Store)
}

/// The nodes with an API server.
pub(super) fn control_planes<'a>(estate: &Estate<'a>) -> impl Iterator<Item = &'a NodeSummary> + use<'a> {
    estate.nodes.iter().filter(|node| node.kind == NodeKind::ControlPlane)
}

/// The nodes that hold the certificate of a CA if all is well.
pub(super) fn holders<'a>(
    estate: &Estate<'a>,
    role: Role,
) -> impl Iterator<Item = &'a NodeSummary> + use<'a> {
    estate.nodes.iter().filter(move |node| match node.kind {
        NodeKind::ControlPlane => true,
        NodeKind::Etcd => role == Role::EtcdCa,
        NodeKind::Worker => role == Role::KubernetesCa,
        NodeKind::Store | NodeKind::Unknown => false,
    })
}

/// A certificate of the estate with the number of its record.
#[derive(Clone, Copy)]
pub(super) struct Found<'a> {
    pub(super) number: usize,
    pub(super) record: &'a Record,
    pub(super) certificate: &'a CertificateRecord,
}

/// The certificates of a node, without those that were put aside.
pub(super) fn certificates<'a>(
    estate: &Estate<'a>,
    node: &NodeSummary,
) -> impl Iterator<Item = Found<'a>> + use<'a> {
    estate.numbered(node).filter(|(_, record)| record.usage != Use::Old).filter_map(|(number, record)| {
        Some(Found { number, record, certificate: record.certificate.as_deref()? })
    })
}

/// The certificates of a CA in a node's files, those embedded in kubeconfigs left out: where some are named or lie in its place, a copy
/// elsewhere does not count.
pub(super) fn authorities<'a>(estate: &Estate<'a>, node: &NodeSummary, role: Role) -> Vec<Found<'a>> {
    let is_it =
        |found: &Found<'_>| found.record.roles.contains(&role) && found.record.location.field.is_none();
    let mut all: Vec<Found<'a>> = certificates(estate, node).filter(is_it).collect();
    let has_own = all.iter().any(|found| found.record.surest < Some(Basis::Content));
    all.retain(|found| !has_own || found.record.surest < Some(Basis::Content));
    all
}

/// The leaves of a node with the part that each plays, in the places where it plays it most surely; what stands behind one is its chain.
pub(super) fn leaves<'a>(estate: &Estate<'a>, node: &NodeSummary) -> Vec<(Role, Found<'a>)> {
    let mut all: Vec<(Role, Found<'a>)> = Vec::new();
    let mut surest: HashMap<Role, Option<Basis>> = HashMap::new();
    for found in certificates(estate, node).filter(|found| found.certificate.position == 0) {
        for role in found.record.roles.iter().filter(|role| !role.is_ca()) {
            let known = surest.entry(*role).or_insert(found.record.surest);
            *known = (*known).min(found.record.surest);
            all.push((*role, found));
        }
    }
    // A user has as many as there are.
    all.retain(|(role, found)| *role == Role::User || surest.get(role) == Some(&found.record.surest));
    all
}

/// The value that stands there most often; of several, the one that comes first.
pub(super) fn usual<T: Eq + Hash>(values: impl IntoIterator<Item = T>) -> Option<T> {
    let mut counts: HashMap<T, (usize, usize)> = HashMap::new();
    for (at, value) in values.into_iter().enumerate() {
        counts.entry(value).or_insert((0, at)).0 += 1;
    }
    counts.into_iter().max_by_key(|(_, (count, at))| (*count, std::cmp::Reverse(*at))).map(|(value, _)| value)
}

#[cfg(test)]
mod tests {
    use super::super::super::Severity;
    use super::super::super::testing::tree::{self, Tree};
    use super::*;

    #[test]
    fn three_control_planes_made_properly_differ_in_nothing_that_matters() {
        let trees = Tree::control_planes();
        let report = tree::estate(&trees.iter().collect::<Vec<_>>());
        assert_eq!(report.read.nodes, 3);
        let alone: Vec<&str> = trees
            .iter()
            .flat_map(|tree| tree.clone().report().findings)
            .filter(|finding| finding.severity > Severity::Info)
            .map(|finding| finding.rule.id)
            .collect();
        let more: Vec<String> = report
            .findings
            .iter()
            .filter(|finding| finding.severity > Severity::Info && !alone.contains(&finding.rule.id))
            .map(|finding| format!("{} {:?} {}", finding.rule.id, finding.location, finding.message))
            .collect();
        assert_eq!(more, [""; 0]);
        let worst = report
            .findings
            .iter()
            .filter(|finding| finding.rule.id.starts_with('N'))
            .map(|f| f.severity)
            .max();
        assert!(worst.is_none_or(|severity| severity == Severity::Info), "{worst:?}");
        assert_eq!(report.count(Severity::High) + report.count(Severity::Critical), 0);
    }

    #[test]
    fn the_usual_is_what_stands_there_most_often() {
        assert_eq!(usual([1, 2, 2, 3]), Some(2));
        assert_eq!(usual([3, 1, 1, 3]), Some(3));
        assert_eq!(usual(Vec::<u8>::new()), None);
        assert_eq!(listed(&["a", "b"]), "a, b");
        assert_eq!(listed(&["a"; 10]), "a, a, a, a, a, a, a, a and 2 more");
    }
}
