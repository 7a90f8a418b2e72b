//! `kpki explain`: what a rule looks for, why, and what to do.

use kpki::audit::{RULES, Rule, family, rule_word, rules_named};
use serde::Serialize;

use super::json::{Source, sources};
use crate::cli::output::{self, FAINT, Format, GOOD, print, print_json, styled};
use crate::cli::{Context, Failure, Status};

const EXAMPLES: &str = "\
Examples:
  kpki explain F004                what it looks for, why it matters, how it is mended, who says so
  kpki explain key-usage P012      by name, and several
  kpki explain T                   all of a family
  kpki explain                     the list of all rules
  kpki explain -o json             the same for programs, with everything";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Rules, by id, by name, or by the first letters of ids; none for the list of all.
    #[arg(value_name = "RULE", value_parser = parse)]
    rules: Vec<String>,
    /// What to print.
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
}

fn parse(word: &str) -> Result<String, String> {
    rule_word(word).map(|()| word.to_owned())
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    id: &'static str,
    name: &'static str,
    family: &'static str,
    title: &'static str,
    severity: &'static str,
    applies_to: &'static str,
    explanation: &'static str,
    fix: &'static str,
    sources: Vec<Source>,
}

impl Row {
    fn of(rule: &'static Rule) -> Self {
        Self {
            id: rule.id,
            name: rule.name,
            family: family(rule),
            title: rule.title,
            severity: rule.severity.name(),
            applies_to: rule.applies_to,
            explanation: rule.explanation,
            fix: rule.fix,
            sources: sources(rule),
        }
    }
}

pub(crate) fn run(_: &Context, args: &Args) -> Result<Status, Failure> {
    let mut rules: Vec<&'static Rule> = Vec::new();
    for word in &args.rules {
        // In the order in which they are asked for, each once.
        let new: Vec<_> = rules_named(word).filter(|rule| !rules.contains(rule)).collect();
        rules.extend(new);
    }
    let asked = !rules.is_empty();
    if !asked {
        rules = RULES.to_vec();
    }
    match args.output {
        Format::Json => print_json(&rules.into_iter().map(Row::of).collect::<Vec<_>>())?,
        Format::Text if asked => {
            print(rules.into_iter().map(explained).collect::<Vec<_>>().join("\n\n"))?;
        }
        Format::Text => {
            let row = |rule: &Rule| {
                vec![rule.id.into(), rule.severity.name().into(), rule.name.into(), rule.title.into()]
            };
            print(output::table(&["ID", "SEVERITY", "NAME", "FINDING"], rules.into_iter().map(row)))?;
        }
    }
    Ok(Status::Done)
}

fn explained(rule: &'static Rule) -> String {
    let head = styled(anstyle::Style::new().bold(), format_args!("{} {}", rule.id, rule.name));
    let sources =
        rule.citations.iter().map(|citation| format!("  {}\n    {}", citation.source, citation.url()));
    [
        format!("{head}: {}", rule.title),
        format!(
            "{} {}; {} {}",
            styled(FAINT, "severity:"),
            rule.severity,
            styled(FAINT, "of:"),
            rule.applies_to
        ),
        String::new(),
        rule.explanation.to_owned(),
        String::new(),
        format!("{} {}", styled(GOOD, "mend:"), rule.fix),
        String::new(),
        styled(FAINT, "sources:"),
        sources.collect::<Vec<_>>().join("\n"),
    ]
    .join("\n")
}
