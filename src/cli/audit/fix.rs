//! `kpki audit --fix`: what is safe and local, mended.

use kpki::audit::{CisBenchmark, Report};
use kpki::repair::{self, Plan, Repair};
use serde::Serialize;

use super::Trees;
use super::form::Form;
use crate::cli::output::{BAD, FAINT, GOOD, WARN, print, print_json, styled};
use crate::cli::show::stamp;
use crate::cli::{Context, Failure, Status};

/// What is done about a file, for programs.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Change<'a> {
    path: String,
    rules: &'a [&'static str],
    #[serde(skip_serializing_if = "Option::is_none")]
    mode: Option<FromTo>,
    #[serde(skip_serializing_if = "Option::is_none")]
    owner: Option<FromTo>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    contents: &'a [&'static str],
    /// Whether it was done; not while it is only planned.
    #[serde(skip_serializing_if = "Option::is_none")]
    done: Option<bool>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    backups: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

#[derive(Serialize)]
struct FromTo {
    from: String,
    to: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    version: u32,
    written: bool,
    changes: Vec<Change<'a>>,
    left_alone: Vec<Left<'a>>,
}

#[derive(Serialize)]
struct Left<'a> {
    path: &'a str,
    rule: &'static str,
    reason: &'a str,
}

impl<'a> Change<'a> {
    fn of(repair: &'a Repair) -> Self {
        let mode = |mode: u32| format!("{mode:04o}");
        let owner = |(uid, gid): (u32, u32)| format!("{uid}:{gid}");
        Self {
            path: repair.shown(),
            rules: &repair.rules,
            mode: (repair.mode != repair.found.mode)
                .then(|| FromTo { from: mode(repair.found.mode), to: mode(repair.mode) }),
            owner: repair
                .owner
                .map(|to| FromTo { from: owner((repair.found.uid, repair.found.gid)), to: owner(to) }),
            contents: repair
                .contents
                .as_ref()
                .map(|contents| contents.changes.as_slice())
                .unwrap_or_default(),
            done: None,
            backups: Vec::new(),
            error: None,
        }
    }

    /// What is different, for people.
    fn words(&self) -> String {
        let mut words = Vec::new();
        words.extend(self.mode.iter().map(|mode| format!("mode {} to {}", mode.from, mode.to)));
        words.extend(self.owner.iter().map(|owner| format!("owner {} to {}", owner.from, owner.to)));
        words.extend(self.contents.iter().map(|change| (*change).to_owned()));
        words.join(", ")
    }
}

/// Tells what would be mended, or mends it.
pub(super) fn run(
    context: &Context,
    report: &Report,
    trees: &Trees,
    cis: Option<CisBenchmark>,
    write: bool,
    form: Form,
) -> Result<Status, Failure> {
    if form != Form::Text && form != Form::Json {
        return Err(Failure::new("what is mended is told as text or json"));
    }
    let roots = trees.roots()?;
    let strict = cis.is_some_and(|cis| cis.certificate_mode() == 0o600);
    let plan = repair::plan(&roots, report, strict).map_err(|error| Failure::new(error.to_string()))?;
    let timestamp = stamp(context.now);
    let mut done = true;
    let mut changes: Vec<Change<'_>> = Vec::with_capacity(plan.repairs.len());
    for repair in &plan.repairs {
        let mut change = Change::of(repair);
        if write {
            match repair::apply(repair, &timestamp) {
                Ok(backups) => {
                    change.done = Some(true);
                    change.backups = backups.iter().map(|path| crate::cli::output::path(path)).collect();
                }
                Err(error) => {
                    change.done = Some(false);
                    change.error = Some(Failure::from(error).message);
                    done = false;
                }
            }
        }
        changes.push(change);
    }
    if form == Form::Json {
        let left_alone = plan
            .left_alone
            .iter()
            .map(|left| Left { path: &left.path, rule: left.rule, reason: &left.reason })
            .collect();
        print_json(&Document { version: 1, written: write, changes, left_alone })?;
    } else {
        print(text(&changes, &plan, write))?;
    }
    if !done {
        return Err(Failure::new("not everything could be mended")
            .hint("run as the owner of the files (root for /etc/kubernetes)"));
    }
    let found = !write && !plan.repairs.is_empty();
    Ok(if found { Status::Refused } else { Status::Done })
}

fn text(changes: &[Change<'_>], plan: &Plan, write: bool) -> String {
    let mut lines = Vec::new();
    for change in changes {
        let (style, word) = match (change.done, write) {
            (Some(false), _) => (BAD, "failed"),
            (_, true) => (GOOD, "mended"),
            _ => (WARN, "would mend"),
        };
        let rules = styled(FAINT, format_args!("({})", change.rules.join(", ")));
        lines.push(format!("{}  {}: {} {rules}", styled(style, word), change.path, change.words()));
        lines.extend(change.backups.iter().map(|backup| format!("        the old one is {backup}")));
        lines.extend(change.error.iter().map(|error| format!("        {error}")));
    }
    for left in &plan.left_alone {
        lines.push(format!(
            "{}  {}: {} {}",
            styled(FAINT, "left alone"),
            left.path,
            left.reason,
            styled(FAINT, format_args!("({})", left.rule))
        ));
    }
    lines.push(match (changes.len(), write) {
        (0, _) => "nothing to mend here: modes, owners, the order of certificates and line ends are all that --fix touches".into(),
        (_, false) => "nothing was changed; do it with --fix --write".into(),
        (_, true) => "the next audit says what is left".into(),
    });
    lines.join("\n")
}
