//! Rules that say the same of one thing: the one that knows more about it speaks, the other is silent.

use std::collections::HashMap;

use super::report::{Finding, Location};

/// What one rule says and another has said better.
struct Overlap {
    /// The rules that are silent.
    unsaid: &'static [&'static str],
    /// What their messages have in them then; empty for all that they say.
    phrase: &'static str,
    /// Where one of these speaks of the same place.
    said_by: &'static [&'static str],
    /// What its message has in it; empty for whatever it says.
    saying: &'static str,
}

impl Overlap {
    const fn new(
        unsaid: &'static [&'static str],
        phrase: &'static str,
        said_by: &'static [&'static str],
    ) -> Self {
        Self { unsaid, phrase, said_by, saying: "" }
    }
}

const OVERLAPS: &[Overlap] = &[
    Overlap::new(&["P017"], "it is to be a ", &["E001", "E002", "K005"]),
    Overlap::new(&["P017"], "though it is not to be ", &["K005"]),
    Overlap::new(&["F023"], ", and it is for ", &["E002", "K005", "P017"]),
    Overlap::new(&["F023"], ", and it is a CA", &["C005", "P012"]),
    Overlap::new(&["P018"], "", &["K001"]),
    Overlap::new(&["P028"], "long for a leaf", &["K018"]),
    // A flag that no longer exists: what it names does not matter.
    Overlap::new(&["M001"], "", &["M005"]),
    // What another part's certificate lacks follows from the exchange.
    Overlap {
        saying: "the two were swapped",
        ..Overlap::new(
            &["C001", "E001", "E002", "K001", "K002", "K003", "K005", "P017", "P018"],
            "",
            &["F023"],
        )
    },
];

/// Leaves what is said once. All findings are those of one node.
pub(super) fn leave_once(findings: &mut Vec<Finding>) {
    // Which of the overlaps hold at a place.
    let mut said: HashMap<Location, Vec<&Overlap>> = HashMap::new();
    for finding in findings.iter() {
        for overlap in OVERLAPS {
            if overlap.said_by.contains(&finding.rule.id) && finding.message.contains(overlap.saying) {
                said.entry(finding.location.clone()).or_default().push(overlap);
            }
        }
    }
    if said.is_empty() {
        return;
    }
    findings.retain(|finding| {
        let is_unsaid = |overlap: &&Overlap| {
            overlap.unsaid.contains(&finding.rule.id) && finding.message.contains(overlap.phrase)
        };
        !said.get(&finding.location).is_some_and(|overlaps| overlaps.iter().any(is_unsaid))
    });
}

#[cfg(test)]
mod tests {
    use super::super::testing::tree::{PKI, Tree};
    use super::super::{RULES, Severity};
    use super::*;

    /// What is serious about a certificate.
    fn serious(tree: &Tree, path: &str) -> Vec<&'static str> {
        let report = tree.report();
        let here = report.findings.iter().filter(|finding| {
            finding.severity >= Severity::Medium && finding.location.within() == format!("{PKI}/{path}")
        });
        here.map(|finding| finding.rule.id).collect()
    }

    #[test]
    fn a_wrong_purpose_is_told_once() {
        for (path, words, rule) in [
            ("apiserver.crt", "eku=client", "K005"),
            ("etcd/peer.crt", "eku=client", "E002"),
            ("front-proxy-client.crt", "eku=server", "P017"),
        ] {
            let mut tree = Tree::control_plane();
            tree.certificate(&format!("{PKI}/{path}"), words);
            let mut found = serious(&tree, path);
            found.dedup();
            assert_eq!(found, [rule], "{path}");
        }
    }

    #[test]
    fn who_is_asked_for_alone_speaks() {
        let mut tree = Tree::control_plane();
        tree.certificate(&format!("{PKI}/apiserver.crt"), "eku=client");
        assert_eq!(tree.findings("P017").len(), 2);
        assert_eq!(tree.findings("F023").len(), 1);
    }

    #[test]
    fn an_exchange_is_told_and_not_what_follows() {
        let mut tree = Tree::control_plane();
        for extension in ["crt", "key"] {
            let paths =
                ["apiserver", "apiserver-kubelet-client"].map(|name| format!("{PKI}/{name}.{extension}"));
            let texts = paths.clone().map(|path| tree.text(&path));
            let mode = if extension == "key" { 0o600 } else { 0o644 };
            for (path, text) in paths.iter().zip(texts.iter().rev()) {
                tree.file(path, mode, text.clone());
            }
        }
        assert_eq!(serious(&tree, "apiserver.crt"), ["F023"]);
        assert_eq!(serious(&tree, "apiserver-kubelet-client.crt"), ["F023"]);
        // A rule that has nothing left to say has not found anything.
        let report = tree.report();
        let failed = report.tallies.iter().flat_map(|tally| tally.rules.iter().zip(&tally.ends));
        for (rule, _) in failed.filter(|(_, end)| **end == super::super::report::End::Failed) {
            assert!(report.findings.iter().any(|finding| finding.rule.id == rule.id), "{}", rule.id);
        }
    }

    #[test]
    fn the_rules_exist() {
        for id in OVERLAPS.iter().flat_map(|overlap| overlap.unsaid.iter().chain(overlap.said_by)) {
            assert!(RULES.iter().any(|rule| rule.id == *id), "{id}");
        }
    }
}
