//! `kpki audit`: what is wrong with a PKI, why it matters and what to do.

mod inputs;
mod text;

use clap::ValueEnum;
use kpki::audit::{Policy, Report, Severity, audit};

pub(super) use inputs::Trees;

use super::output::print;
use super::{Context, Failure, Status};
use text::Telling;

const EXAMPLES: &str = "\
Examples:
  kpki audit /etc/kubernetes                     this node
  ssh cp1 sudo tar c /etc/kubernetes | kpki audit -
                                                 another one; nothing of it is written to disk
  kpki audit --nodes out                         every node that kpki init wrote, and what differs between them

Everything is found by what is in it. What cannot be judged is told, never passed.

Exit codes: 0 nothing as bad as --fail-on says, 1 something is, 2 nothing could be read.";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(flatten)]
    trees: Trees,
    /// From which severity on a finding makes the exit code 1 [default: high].
    #[arg(long, value_enum, value_name = "SEVERITY")]
    fail_on: Option<FailOn>,
    /// How findings are put together, in text.
    #[arg(long, value_enum, default_value_t)]
    group_by: GroupBy,
    /// Print findings only.
    #[arg(short, long)]
    quiet: bool,
}

/// From which severity on a finding is a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Default)]
pub(super) enum FailOn {
    /// Whoever holds it can take the cluster over, or it is down.
    Critical,
    /// An outage to come, or a boundary that does not hold.
    #[default]
    High,
    /// Some verifiers refuse it.
    Medium,
    /// Against good practice.
    Low,
    /// Anything at all.
    Info,
    /// Nothing: the exit code is 0 whatever is found.
    None,
}

impl FailOn {
    fn severity(self) -> Option<Severity> {
        match self {
            Self::Critical => Some(Severity::Critical),
            Self::High => Some(Severity::High),
            Self::Medium => Some(Severity::Medium),
            Self::Low => Some(Severity::Low),
            Self::Info => Some(Severity::Info),
            Self::None => None,
        }
    }

    fn fails(self, report: &Report) -> bool {
        self.severity().is_some_and(|severity| report.worst().is_some_and(|worst| worst >= severity))
    }
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
    let policy = Policy::new(context.now);
    let fail_on = args.fail_on.unwrap_or_default();
    let report = audit(args.trees.inputs()?, &policy, &|| {})?;
    if report.read.files == 0 {
        return Err(nothing(&report, &args.trees));
    }
    let telling = Telling { group_by: args.group_by, fail_on, quiet: args.quiet, now: context.now };
    let text = text::of(&report, telling);
    if !text.is_empty() {
        print(text)?;
    }
    Ok(if fail_on.fails(&report) { Status::Refused } else { Status::Done })
}

/// Nothing could be read: why.
pub(super) fn nothing(report: &Report, trees: &Trees) -> Failure {
    let reason = report.skipped.iter().find(|skipped| skipped.rule.is_none());
    let reason = reason.map_or("no file is in it", |skipped| skipped.reason.as_str());
    Failure::new(format!("nothing could be read of {}: {reason}", trees.title())).hint(
        "give a PKI directory, an /etc/kubernetes or a node's root, as one who may read it (root, usually)",
    )
}
