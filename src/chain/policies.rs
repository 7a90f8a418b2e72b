//! Certificate policies: RFC 5280 section 6.1, as a graph and not a tree (RFC 9618), so that its size is bounded by that
//! of the certificates. No policy is asked for from outside; a path fails where a CA in it demands one.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::budget::{Budget, POLICY};
use super::candidate::View;
use super::{Fault, Policy, Reason};
use crate::x509::{Extensions, PolicyConstraints};

pub(super) const ANY_POLICY: &str = "2.5.29.32.0";

/// One valid policy at one depth.
struct Node<'a> {
    expected: Vec<&'a str>,
    /// The policies of the nodes above that it hangs from.
    parents: Vec<&'a str>,
}

/// The policies at each depth, from the trust anchor down.
struct Graph<'a>(Vec<BTreeMap<&'a str, Node<'a>>>);

impl<'a> Graph<'a> {
    fn new() -> Self {
        let root = Node { expected: vec![ANY_POLICY], parents: Vec::new() };
        Self(vec![BTreeMap::from([(ANY_POLICY, root)])])
    }

    /// How many policies are expected at the lowest level.
    fn expected(&self) -> usize {
        self.0.last().map_or(0, |level| level.values().map(|node| node.expected.len()).sum())
    }

    /// A level for the policies of the next certificate (section 6.1.3 (d)).
    fn descend(&mut self, policies: &'a [String], any_counts: bool) {
        let Some(above) = self.0.last() else { return };
        // A certificate may hold thousands of policies and mappings: who expects one is looked up, not looked for.
        let mut expecting: HashMap<&'a str, Vec<&'a str>> = HashMap::new();
        for (own, node) in above {
            for expected in &node.expected {
                expecting.entry(expected).or_default().push(own);
            }
        }
        let mut level: BTreeMap<&'a str, Node<'a>> = BTreeMap::new();
        for policy in policies.iter().map(String::as_str).filter(|policy| *policy != ANY_POLICY) {
            let parents = expecting.get(policy).cloned();
            let parents = parents.or_else(|| above.contains_key(ANY_POLICY).then(|| vec![ANY_POLICY]));
            if let Some(parents) = parents {
                level.insert(policy, Node { expected: vec![policy], parents });
            }
        }
        if any_counts && policies.iter().any(|policy| policy == ANY_POLICY) {
            for (policy, parents) in expecting {
                level.entry(policy).or_insert_with(|| Node { expected: vec![policy], parents });
            }
        }
        self.0.push(level);
    }

    /// Section 6.1.4 (b): what a policy is called further down.
    fn map(&mut self, mappings: &'a [(String, String)], allowed: bool) {
        let Some(leaves) = self.0.last_mut() else { return };
        let mut by_issuer: BTreeMap<&'a str, Vec<&'a str>> = BTreeMap::new();
        for (issuer, subject) in mappings {
            if allowed {
                by_issuer.entry(issuer).or_default().push(subject);
            } else {
                leaves.remove(issuer.as_str());
            }
        }
        for (issuer, mut subjects) in by_issuer {
            subjects.sort_unstable();
            subjects.dedup();
            if let Some(node) = leaves.get_mut(issuer) {
                node.expected = subjects;
            } else if leaves.contains_key(ANY_POLICY) {
                // It hangs from the anyPolicy of its own level, which alone counts as the authority's word.
                leaves.insert(issuer, Node { expected: subjects, parents: vec![ANY_POLICY] });
            }
        }
    }

    /// Nodes above the lowest level from which nothing hangs go.
    fn prune(&mut self) {
        for depth in (1..self.0.len().saturating_sub(1)).rev() {
            let (above, below) = self.0.split_at_mut(depth + 1);
            let (Some(level), Some(below)) = (above.last_mut(), below.first()) else { return };
            let kept: HashSet<&str> = below.values().flat_map(|node| node.parents.iter().copied()).collect();
            level.retain(|policy, _| kept.contains(policy));
        }
    }

    /// Whether any policy is left that the authorities stand for (section 6.1.5 (g)).
    fn has_valid_policy(mut self) -> bool {
        // Once, at the end: what hangs from nothing has a say in nothing before.
        self.prune();
        let from_any =
            |(policy, node): (&&str, &Node<'_>)| *policy != ANY_POLICY && node.parents == [ANY_POLICY];
        self.0.iter().flatten().any(from_any)
            || self.0.last().is_some_and(|leaves| leaves.contains_key(ANY_POLICY))
    }
}

/// The fault of a path (end entity first, trust anchor last) whose policies do not hold. `policy` tells whether anyPolicy
/// may be mapped where that comes to nothing.
pub(super) fn fault(path: &[View<'_>], policy: Policy, budget: &Budget) -> Option<Fault> {
    let below = path.get(..path.len().checked_sub(1)?)?;
    // Without constraints and mappings nothing can be required and nothing go wrong.
    let concerned = |view: &View<'_>| {
        view.extensions.policy_constraints.is_some() || view.extensions.policy_mappings.is_some()
    };
    if !below.iter().any(concerned) {
        return None;
    }
    let length = u32::try_from(below.len()).unwrap_or(u32::MAX);
    let mut graph = Some(Graph::new());
    let [mut explicit, mut mapping, mut any] = [length.saturating_add(1); 3];
    let required = |index: usize, view: &View<'_>| {
        let detail = format!(
            "a CA of the path requires an acceptable certificate policy, and at {} none is left",
            view.subject()
        );
        Some(Fault::new(Reason::Policies, detail).about(index))
    };
    for (index, view) in below.iter().enumerate().rev() {
        let own = Policies::of(view.extensions);
        // Where anyPolicy is named, whatever is expected hangs from it.
        let expected = graph.as_ref().map_or(0, Graph::expected);
        if let Err(exceeded) = budget.bytes(own.identifiers.len() + own.mappings.len() + expected, POLICY) {
            return Some(exceeded);
        }
        let self_issued = view.certificate.tbs.is_self_issued();
        match own.identifiers {
            [] => graph = None,
            policies => {
                if let Some(graph) = &mut graph {
                    graph.descend(policies, any > 0 || (index > 0 && self_issued));
                }
            }
        }
        if explicit == 0 && graph.is_none() {
            return required(index, view);
        }
        if index == 0 {
            break;
        }
        // Section 6.1.4 (a) holds always; Go looks where mapping is admitted and a policy is left.
        let looks = policy == Policy::Rfc5280 || (mapping > 0 && graph.is_some());
        if looks && own.mappings.iter().any(|(issuer, subject)| issuer == ANY_POLICY || subject == ANY_POLICY)
        {
            let detail = format!("{} maps anyPolicy, which must not be mapped", view.subject());
            return Some(Fault::new(Reason::Policies, detail).about(index));
        }
        if let Some(graph) = &mut graph {
            graph.map(own.mappings, mapping > 0);
        }
        if !self_issued {
            [explicit, mapping, any] = [explicit, mapping, any].map(|count| count.saturating_sub(1));
        }
        explicit = own.constraints.require_explicit_policy.map_or(explicit, |limit| explicit.min(limit));
        mapping = own.constraints.inhibit_policy_mapping.map_or(mapping, |limit| mapping.min(limit));
        any = own.inhibit_any.map_or(any, |limit| any.min(limit));
    }
    let leaf = below.first()?;
    explicit = explicit.saturating_sub(1);
    if Policies::of(leaf.extensions).constraints.require_explicit_policy == Some(0) {
        explicit = 0;
    }
    let holds = graph.is_some_and(Graph::has_valid_policy);
    if explicit == 0 && !holds { required(0, leaf) } else { None }
}

/// What a certificate says of policies.
struct Policies<'a> {
    /// Empty where it says nothing.
    identifiers: &'a [String],
    mappings: &'a [(String, String)],
    constraints: PolicyConstraints,
    inhibit_any: Option<u32>,
}

impl<'a> Policies<'a> {
    fn of(extensions: &'a Extensions) -> Self {
        Self {
            identifiers: extensions.certificate_policies.as_ref().map_or(&[], |marked| &marked.value),
            mappings: extensions.policy_mappings.as_ref().map_or(&[], |marked| &marked.value),
            constraints: extensions
                .policy_constraints
                .as_ref()
                .map(|marked| marked.value)
                .unwrap_or_default(),
            inhibit_any: extensions.inhibit_any_policy.as_ref().map(|marked| marked.value),
        }
    }
}
