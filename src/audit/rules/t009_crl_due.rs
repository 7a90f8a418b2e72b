//! T009: a revocation list that is due.

use std::collections::{HashMap, HashSet};

use super::super::{Answers, Scene};
use super::files::left_over;
use super::{Check, Citation, Place, Rule, Severity, dates};
use crate::audit::evidence::{Target, What};

pub(super) static RULE: Rule = Rule {
    id: "T009",
    name: "crl-due",
    title: "The revocation list is due or overdue",
    severity: Severity::High,
    citations: &[
        Citation::rfc("RFC 5280 section 5.1.2.5"),
        Citation::page("x509-certificate-exporter", "https://github.com/enix/x509-certificate-exporter"),
    ],
    explanation: "A list promises its successor by its nextUpdate. After that, strict readers accept nobody under its CA any more, \
                  and others go on with a list that knows nothing of the latest revocations. An overdue list that a \
                  component names is reported as high, another one as medium; one of which three quarters of the time are \
                  over as medium.",
    fix: "Let its CA issue the next list, put it into FILE (as DER for etcd), and automate that.",
    applies_to: "revocation lists",
    check: Check::Node(check),
};

fn check(scene: &Scene<'_>, answers: &mut Answers) {
    let (node, at) = (scene.node, scene.policy.at);
    let named: HashSet<usize> = node
        .references
        .iter()
        .filter(|reference| reference.what == What::RevocationList)
        .filter_map(|reference| match reference.target {
            Target::File(file) => Some(file),
            _ => None,
        })
        .collect();
    // A copy of a list that is named, or was told already, is no second one.
    let mut told: HashSet<&[u8]> = HashSet::new();
    let in_use = |&&(file, _): &&(usize, usize)| named.contains(&file);
    let left_behind = |&&(file, _): &&(usize, usize)| {
        node.files.get(file).is_some_and(|file| left_over(node, file).is_some())
    };
    let (mut places, others): (Vec<_>, Vec<_>) = node.lists.iter().partition(in_use);
    places.extend(others.into_iter().filter(|place| !left_behind(place)));
    // Of several lists of a CA that nobody names, the newest counts.
    let mut newest: HashMap<&[u8], time::OffsetDateTime> = HashMap::new();
    for list in places.iter().filter_map(|place| node.list(**place)) {
        let latest = newest.entry(list.issuer.der()).or_insert(list.this_update);
        *latest = (*latest).max(list.this_update);
    }
    for &(file, item) in places {
        let Some(list) = node.list((file, item)).filter(|list| told.insert(list.der())) else { continue };
        // Without a promise there is nothing to break.
        let Some(next) = list.next_update else { continue };
        let is_named = named.contains(&file);
        let is_newest = newest.get(list.issuer.der()) == Some(&list.this_update);
        if !is_named && !is_newest {
            continue;
        }
        answers.look();
        let place = node
            .files
            .get(file)
            .and_then(|found| found.items().get(item))
            .map_or_else(|| Place::file(file), |item| Place::of_item(file, item));
        let (date, when) = (dates::shown(next), dates::distance(next, at));
        let period = next - list.this_update;
        if next < at {
            let fact = answers.fail(place, format!("the next list was due on {date}, {when}"));
            if !is_named {
                fact.severity(Severity::Medium);
            }
        } else if next - at < period / 4 {
            answers.fail(place, format!("the next list is due on {date}, {when}")).severity(Severity::Medium);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::tree::{PKI, Tree};
    use super::*;

    fn with(words: &[&str], named: bool) -> Vec<String> {
        let mut tree = Tree::control_plane();
        if named {
            tree.flag("etcd", "--client-crl-file=/etc/kubernetes/pki/etcd/0.crl");
        }
        for (number, words) in words.iter().enumerate() {
            let list = tree.ca("etcd/ca").crl(words);
            tree.file(&format!("{PKI}/etcd/{number}.crl"), 0o644, list.pem());
        }
        tree.findings("T009")
    }

    #[test]
    fn lists_are_due_when_three_quarters_are_over() {
        assert_eq!(with(&["this=-3d next=+4d"], true), [""; 0]);
        assert_eq!(
            with(&["this=-6d next=+1d"], true),
            [
                "medium etc/kubernetes/pki/etcd/0.crl:1: the next list is due on 2026-06-02 12:00 UTC, in 24 hours"
            ]
        );
        assert_eq!(
            with(&["this=-9d next=-2d"], true),
            [
                "high etc/kubernetes/pki/etcd/0.crl:1: the next list was due on 2026-05-30 12:00 UTC, 2 days ago"
            ]
        );
        assert_eq!(
            with(&["this=-9d next=-2d"], false),
            [
                "medium etc/kubernetes/pki/etcd/0.crl:1: the next list was due on 2026-05-30 12:00 UTC, 2 days ago"
            ]
        );
        assert_eq!(with(&["this=-9d next=absent"], true), [""; 0]);
    }

    #[test]
    fn a_list_that_was_followed_by_another_counts_only_where_it_is_named() {
        assert_eq!(with(&["this=-9d next=-2d", "this=-2d next=+5d number=2"], false), [""; 0]);
        assert_eq!(with(&["this=-9d next=-2d", "this=-2d next=+5d number=2"], true).len(), 1);
        assert!(Tree::control_plane().not_applicable(&RULE));
    }
}
