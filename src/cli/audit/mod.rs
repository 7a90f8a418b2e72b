//! `kpki audit`: what is wrong with a PKI, why it matters and what to do.

mod asked;
pub(super) mod explain;
mod fix;
mod form;
mod html;
mod inputs;
mod json;
mod junit;
mod prometheus;
mod sarif;
mod text;

use clap::ValueEnum;
use indicatif::{ProgressBar, ProgressStyle};
use kpki::audit::{AuditError, FailOn, Gap, Report, Rule, Skipped, audit};

use asked::Asked;
pub(super) use asked::parse_at;
use form::{Form, OutputFile, Told};
pub(super) use inputs::Trees;

use super::output::{print, print_bytes};
use super::{Context, Failure, Status};
use text::Telling;
pub(super) use text::{not_read, place};

const EXAMPLES: &str = "\
Examples:
  kpki audit /etc/kubernetes                     this node
  ssh cp1 sudo tar c /etc/kubernetes | kpki audit -
                                                 another one; nothing of it is written to disk
  kpki audit --nodes out                         every node that kpki init wrote, and what differs between them
  kpki audit /etc/kubernetes --at 2027-11-01     what will be broken on that day
  kpki audit /etc/kubernetes --expiring 30d --select T --fail-on medium
  kpki audit pki --ignore P004,key-encipherment --config team.yaml
  kpki audit /etc/kubernetes -o json | jq -r '.findings[] | select(.severity == \"critical\") | .path'
  kpki audit /etc/kubernetes -q --output-file kpki.sarif --output-file junit=results.xml
  kpki audit /etc/kubernetes --fix               what could be mended at once; --fix --write does it
  kpki audit cp1.tar cp2.tar cp3.tar --fail-on-skipped
                                                 several nodes; what cannot be read fails as well
  kpki audit / --output-file /var/lib/node_exporter/textfile/kpki.prom --fail-on none

Everything is found by what is in it. What cannot be judged is told, never passed.

Exit codes: 0 nothing as bad as --fail-on says, 1 something is (or was not read, with --fail-on-skipped), 2 there is nothing to\njudge.";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(flatten)]
    trees: Trees,
    #[command(flatten)]
    asked: Asked,
    /// What to print.
    #[arg(short, long, value_enum, value_name = "FORMAT", default_value_t)]
    output: Form,
    /// Write this as well, in the form that the word before = or the file's ending says (txt, json, sarif, xml for JUnit, prom, html);
    /// may be given several times. A file that is there is replaced, all of them at once.
    #[arg(long, value_name = "[FORMAT=]PATH", value_parser = str::parse::<OutputFile>)]
    output_file: Vec<OutputFile>,
    /// How findings are put together, in text.
    #[arg(long, value_enum, default_value_t)]
    group_by: GroupBy,
    /// In text, tell findings only.
    #[arg(short, long)]
    quiet: bool,
    /// Tell what could be mended here: modes, owners, the order of certificates in a file, line ends. Nothing is changed
    /// without --write, and no private key is ever rewritten. The exit code is 1 when there is something to mend.
    #[arg(long, conflicts_with_all = ["output_file", "group_by", "quiet"])]
    fix: bool,
    /// With --fix: mend it. A file whose contents change stays beside the new one as NAME.TIMESTAMP.bak.
    #[arg(long, requires = "fix")]
    write: bool,
}

/// How findings are put together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Default)]
pub(super) enum GroupBy {
    /// What is wrong with a file, together.
    #[default]
    File,
    /// Where a rule is broken, together.
    Rule,
}

pub(super) fn run(context: &Context, args: &Args) -> Result<Status, Failure> {
    let question = args.asked.question(context)?;
    let inputs = args.trees.inputs("audit")?;
    let bar = progress(inputs.len());
    let report = audit(inputs, &question.policy, &|| bar.inc(1)).map_err(explain_error)?;
    bar.finish_and_clear();
    if report.read.of_pki == 0 {
        return Err(nothing(&report, &args.trees));
    }
    if args.fix {
        return fix::run(context, &report, &args.trees, question.policy.cis, args.write, args.output);
    }
    let telling = Telling {
        group_by: args.group_by,
        fail_on: question.fail_on,
        fail_on_skipped: question.fail_on_skipped,
        quiet: args.quiet,
        now: context.now,
        config: question.config.as_deref(),
    };
    let title = args.trees.title();
    let told = Told { report: &report, telling, title: &title };
    told.write(&args.output_file)?;
    match args.output {
        Form::Text => print_text(&told.render(Form::Text)?)?,
        form => print_bytes(told.render(form)?.as_bytes())?,
    }
    let incomplete = question.fail_on_skipped && !report.unread.is_none();
    Ok(if incomplete || fails(&report, question.fail_on) { Status::Refused } else { Status::Done })
}

/// A progress bar for many nodes, on a terminal.
pub(super) fn progress(nodes: usize) -> ProgressBar {
    /// Fewer are done before anybody could look.
    const MANY: usize = 50;
    if nodes < MANY {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} nodes, {eta} left");
    let bar = ProgressBar::new(nodes as u64);
    match style {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

fn print_text(text: &str) -> Result<(), Failure> {
    if text.is_empty() { Ok(()) } else { print(text.trim_end_matches('\n')) }
}

fn fails(report: &Report, fail_on: FailOn) -> bool {
    match fail_on {
        FailOn::Severity(severity) => report.worst().is_some_and(|worst| worst >= severity),
        FailOn::Never => false,
    }
}

pub(super) fn explain_error(error: AuditError) -> Failure {
    Failure::from(error).hint("check the path, and run as one who may read it (root for /etc/kubernetes)")
}

/// Nothing was found that could be judged: why.
pub(super) fn nothing(report: &Report, trees: &Trees) -> Failure {
    let is_unread = |rule: &Rule| rule.id == "F025";
    let unread = |skipped: &&Skipped| skipped.gap == Gap::Unread && skipped.rule.is_none_or(is_unread);
    let skipped: Vec<&Skipped> = report.skipped.iter().filter(unread).collect();
    let found = report.findings.iter().find(|finding| is_unread(finding.rule));
    let reason = match (skipped.as_slice(), report.read.files) {
        ([], 0) => "no file is in it".to_owned(),
        ([], 1) => {
            found.map_or_else(|| "nothing of a PKI is in it".to_owned(), |found| found.message.clone())
        }
        ([], files) => format!("{files} files were read, and nothing of a PKI is in them"),
        ([only], _) => only.reason.clone(),
        ([first, ..], _) => {
            let unread = not_read(&report.unread).unwrap_or_default();
            format!("{unread}; the first: {}: {}", place(&first.location), first.reason)
        }
    };
    Failure::new(format!("nothing to judge in {}: {reason}", trees.title())).hint(
        "give a PKI directory, an /etc/kubernetes or a node's root, as one who may read it (root, usually)",
    )
}
