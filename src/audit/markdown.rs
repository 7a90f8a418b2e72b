//! The catalogue as a document.

use std::fmt::Write as _;

use super::{Check, RULES, Rule};

/// The families of rules, by the first letter of their ids.
const FAMILIES: [(char, &str); 8] = [
    ('C', "Chains"),
    ('E', "etcd"),
    ('F', "Files and their names"),
    ('K', "Roles in Kubernetes"),
    ('M', "Manifests, the kubelet's configuration and kubeconfigs"),
    ('N', "Between nodes"),
    ('P', "What a certificate says"),
    ('T', "Time"),
];

/// The family of a rule, in words.
pub fn family(rule: &Rule) -> &'static str {
    let letter = rule.id.chars().next();
    FAMILIES.iter().find(|(own, _)| Some(*own) == letter).map(|(_, name)| *name).unwrap_or_default()
}

/// Every rule as Markdown: a table of all, then each with its reason, its remedy and its sources.
pub fn to_markdown() -> String {
    let mut out = String::from(
        "# Rules\n\n\
         <!-- Written by the program from its own rules; do not edit. -->\n\n\
         What `kpki audit` looks for ([audit.md](audit.md)); `kpki explain ID` says the same. The ids and names are stable. The \
         severity is that of a rule at its worst: a finding may be milder. Rules that look at a certificate alone judge one before \
         kpki seals it, too: a finding of severity medium or above, and it is not sealed.\n",
    );
    // Writing into a String cannot fail, here and below.
    for (letter, name) in FAMILIES {
        let rules: Vec<&Rule> = RULES.iter().copied().filter(|rule| rule.id.starts_with(letter)).collect();
        if rules.is_empty() {
            continue;
        }
        let _ = write!(
            out,
            "\n**{letter}: {name}**\n\n| id | name | severity | finding |\n| --- | --- | --- | --- |\n"
        );
        for rule in rules {
            let _ = writeln!(out, "{}", row(rule));
        }
    }
    for (letter, name) in FAMILIES {
        let mut rules = RULES.iter().filter(|rule| rule.id.starts_with(letter)).peekable();
        if rules.peek().is_some() {
            let _ = write!(out, "\n## {name}\n");
        }
        rules.for_each(|rule| section(&mut out, rule));
    }
    out
}

fn row(rule: &Rule) -> String {
    let anchor = rule.id.to_ascii_lowercase();
    format!("| [{}](#{anchor}) | {} | {} | {} |", rule.id, rule.name, rule.severity, rule.title)
}

fn section(out: &mut String, rule: &Rule) {
    let looks = match rule.check {
        Check::Certificate(_) => "each certificate alone",
        Check::Both { .. } => "each certificate, with the tree around it",
        Check::Node(_) | Check::Last(_) => "the tree of a node",
        Check::Estate(_) => "all nodes side by side",
    };
    let _ = write!(
        out,
        "\n### {}\n\n**{}** (`{}`, {})\n\nLooks at {looks}: {}.\n\n{}\n\n**Fix:** {}\n\n**Sources:** ",
        rule.id, rule.title, rule.name, rule.severity, rule.applies_to, rule.explanation, rule.fix
    );
    for (at, citation) in rule.citations.iter().enumerate() {
        out.push_str(if at == 0 { "" } else { "; " });
        let _ = write!(out, "[{}]({})", citation.source, citation.url());
    }
    out.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_has_its_row_and_its_section() {
        let text = to_markdown();
        for rule in RULES {
            assert_eq!(text.matches(&row(rule)).count(), 1, "{}", rule.id);
            assert!(!family(rule).is_empty(), "{}", rule.id);
            let (_, section) = text.split_once(&format!("\n### {}\n", rule.id)).unwrap();
            let section = section.split("\n### ").next().unwrap();
            for part in
                [rule.title, rule.name, rule.applies_to, rule.explanation, rule.fix, rule.citations[0].source]
            {
                assert!(section.contains(part), "{}: {part}", rule.id);
            }
        }
        assert!(text.ends_with('\n') && !text.contains("\n\n\n"));
    }
}
