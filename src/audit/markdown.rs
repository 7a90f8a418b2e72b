//! The catalogue as a document.

use std::fmt::Write as _;

use super::{RULES, Rule};

/// Every rule as Markdown: a table of all, then each with its reason, its remedy and its sources.
pub fn to_markdown() -> String {
    let mut out = String::from(
        "# Rules\n\n\
         What kpki looks for in a certificate. The same rules judge a certificate before kpki seals it: \
         a finding of severity medium or above, and it is not sealed. The ids are stable.\n\n\
         | id | severity | finding |\n| --- | --- | --- |\n",
    );
    for rule in RULES {
        let anchor = rule.id.to_ascii_lowercase();
        // Writing into a String cannot fail, here and below.
        let _ = writeln!(out, "| [{}](#{anchor}) | {} | {} |", rule.id, rule.severity, rule.title);
    }
    for rule in RULES {
        section(&mut out, rule);
    }
    out
}

fn section(out: &mut String, rule: &Rule) {
    let _ = write!(
        out,
        "\n## {}\n\n**{}** ({})\n\n{}\n\n**Fix:** {}\n\n**Sources:** ",
        rule.id, rule.title, rule.severity, rule.explanation, rule.fix
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
            let row = format!(
                "| [{0}](#{1}) | {2} | {3} |\n",
                rule.id,
                rule.id.to_lowercase(),
                rule.severity,
                rule.title
            );
            assert_eq!(text.matches(&row).count(), 1, "{row}");
            let (_, section) = text.split_once(&format!("\n## {}\n", rule.id)).unwrap();
            let section = section.split("\n## ").next().unwrap();
            for part in [rule.title, rule.explanation, rule.fix, rule.citations[0].source] {
                assert!(section.contains(part), "{}: {part}", rule.id);
            }
        }
        assert!(text.ends_with('\n') && !text.contains("\n\n\n"));
    }
}
