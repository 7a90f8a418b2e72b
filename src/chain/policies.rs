//! Certificate policies: RFC 5280 section 6.1, as a graph and not a tree (RFC 9618), so that its size is bounded by that
//! of the certificates. No policy is asked for from outside; a path fails where a CA in it demands one.

use std::collections::{BTreeMap, BTreeSet};

use super::{Fault, Reason};
use crate::x509::Certificate;

const ANY_POLICY: &str = "2.5.29.32.0";

/// One valid policy at one depth.
struct Node {
    expected: Vec<String>,
    /// The policies of the nodes above that it hangs from.
    parents: BTreeSet<String>,
}

/// The policies at each depth, from the trust anchor down.
struct Graph(Vec<BTreeMap<String, Node>>);

impl Graph {
    fn new() -> Self {
        let root = Node { expected: vec![ANY_POLICY.into()], parents: BTreeSet::new() };
        Self(vec![BTreeMap::from([(ANY_POLICY.into(), root)])])
    }

    fn leaves(&mut self) -> Option<&mut BTreeMap<String, Node>> {
        self.0.last_mut()
    }

    /// A level for the policies of the next certificate (section 6.1.3 (d)).
    fn descend(&mut self, policies: &[String], any_counts: bool) {
        let Some(above) = self.0.last() else { return };
        let mut level: BTreeMap<String, Node> = BTreeMap::new();
        for policy in policies.iter().filter(|policy| *policy != ANY_POLICY) {
            let expecting = above.iter().filter(|(_, node)| node.expected.contains(policy));
            let mut parents: BTreeSet<String> = expecting.map(|(own, _)| own.clone()).collect();
            if parents.is_empty() && above.contains_key(ANY_POLICY) {
                parents.insert(ANY_POLICY.into());
            }
            if !parents.is_empty() {
                level.insert(policy.clone(), Node { expected: vec![policy.clone()], parents });
            }
        }
        if any_counts && policies.iter().any(|policy| policy == ANY_POLICY) {
            let mut missing: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
            for (own, node) in above {
                for expected in node.expected.iter().filter(|expected| !level.contains_key(*expected)) {
                    missing.entry(expected.clone()).or_default().insert(own.clone());
                }
            }
            for (policy, parents) in missing {
                level.insert(policy.clone(), Node { expected: vec![policy], parents });
            }
        }
        self.0.push(level);
        self.prune();
    }

    /// Nodes above the lowest level from which nothing hangs go.
    fn prune(&mut self) {
        for depth in (1..self.0.len().saturating_sub(1)).rev() {
            let kept: BTreeSet<String> = self.0.get(depth + 1).map_or_else(BTreeSet::new, |below| {
                below.values().flat_map(|node| node.parents.iter().cloned()).collect()
            });
            if let Some(level) = self.0.get_mut(depth) {
                level.retain(|policy, _| kept.contains(policy));
            }
        }
    }

    /// Section 6.1.4 (b): what a policy is called further down.
    fn map(&mut self, mappings: &[(String, String)], allowed: bool) {
        let mut by_issuer: BTreeMap<&String, Vec<String>> = BTreeMap::new();
        for (issuer, subject) in mappings {
            if allowed {
                by_issuer.entry(issuer).or_default().push(subject.clone());
            } else if let Some(leaves) = self.leaves() {
                leaves.remove(issuer);
            }
        }
        self.prune();
        let Some(leaves) = self.leaves() else { return };
        for (issuer, subjects) in by_issuer {
            if let Some(node) = leaves.get_mut(issuer) {
                node.expected = subjects;
            } else if leaves.contains_key(ANY_POLICY) {
                // It hangs from the anyPolicy of its own level, which alone counts as the authority's word.
                let parents = BTreeSet::from([ANY_POLICY.to_owned()]);
                leaves.insert(issuer.clone(), Node { expected: subjects, parents });
            }
        }
    }

    /// Whether any policy is left that the authorities stand for (section 6.1.5 (g)).
    fn has_valid_policy(&self) -> bool {
        let from_any = |(policy, node): (&String, &Node)| {
            policy != ANY_POLICY && node.parents.len() == 1 && node.parents.contains(ANY_POLICY)
        };
        self.0.iter().flatten().any(from_any)
            || self.0.last().is_some_and(|leaves| leaves.contains_key(ANY_POLICY))
    }
}

/// The fault of a path (end entity first, trust anchor last) whose policies do not hold. `reads` tells whether the
/// extensions of a certificate are read at all.
pub(super) fn fault(path: &[&Certificate], reads: fn(&Certificate) -> bool) -> Option<Fault> {
    let below: Vec<&Certificate> = path.get(..path.len().checked_sub(1)?)?.to_vec();
    // Without constraints and mappings nothing can be required and nothing go wrong.
    let concerned = |certificate: &&Certificate| {
        let extensions = &certificate.tbs.extensions;
        extensions.policy_constraints.is_some() || extensions.policy_mappings.is_some()
    };
    if !below.iter().any(concerned) {
        return None;
    }
    let length = u32::try_from(below.len()).unwrap_or(u32::MAX);
    let mut graph = Some(Graph::new());
    let [mut explicit, mut mapping, mut any] = [length.saturating_add(1); 3];
    let required = |certificate: &Certificate| {
        let detail = format!(
            "a CA of the path requires an acceptable certificate policy, and at {} none is left",
            certificate.tbs.subject
        );
        Some(Fault::new(Reason::Policies, detail))
    };
    for (index, certificate) in below.iter().enumerate().rev() {
        let extensions = &certificate.tbs.extensions;
        let own = |present: bool| present && reads(certificate);
        let policies =
            extensions.certificate_policies.as_ref().filter(|_| own(true)).map(|marked| &marked.value);
        let self_issued = certificate.tbs.is_self_issued();
        match policies.filter(|policies| !policies.is_empty()) {
            None => graph = None,
            Some(policies) => {
                if let Some(graph) = &mut graph {
                    graph.descend(policies, any > 0 || (index > 0 && self_issued));
                }
            }
        }
        if explicit == 0 && graph.is_none() {
            return required(certificate);
        }
        if index == 0 {
            break;
        }
        if let (Some(graph), Some(mappings)) =
            (&mut graph, extensions.policy_mappings.as_ref().filter(|_| own(true)))
        {
            let mappings = &mappings.value;
            if mapping > 0
                && mappings.iter().any(|(issuer, subject)| issuer == ANY_POLICY || subject == ANY_POLICY)
            {
                let detail = format!("{} maps anyPolicy, which must not be mapped", certificate.tbs.subject);
                return Some(Fault::new(Reason::Policies, detail).about(index));
            }
            graph.map(mappings, mapping > 0);
        }
        if !self_issued {
            [explicit, mapping, any] = [explicit, mapping, any].map(|count| count.saturating_sub(1));
        }
        let constraints =
            extensions.policy_constraints.as_ref().filter(|_| own(true)).map(|marked| marked.value);
        let constraints = constraints.unwrap_or_default();
        explicit = constraints.require_explicit_policy.map_or(explicit, |limit| explicit.min(limit));
        mapping = constraints.inhibit_policy_mapping.map_or(mapping, |limit| mapping.min(limit));
        any = extensions
            .inhibit_any_policy
            .as_ref()
            .filter(|_| own(true))
            .map_or(any, |limit| any.min(limit.value));
    }
    let leaf = below.first()?;
    explicit = explicit.saturating_sub(1);
    let own = leaf.tbs.extensions.policy_constraints.as_ref().map(|marked| marked.value).unwrap_or_default();
    if own.require_explicit_policy == Some(0) && reads(leaf) {
        explicit = 0;
    }
    let holds = graph.is_some_and(|graph| graph.has_valid_policy());
    if explicit == 0 && !holds { required(leaf) } else { None }
}
