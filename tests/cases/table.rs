//! Cases and how they are tried.

use rayon::prelude::*;

use crate::desk::Desk;
use crate::support::{command, kpki_binary, run};

/// A situation.
pub(crate) struct Case {
    /// What somebody has before them, in a few words.
    pub(crate) situation: &'static str,
    /// Lays out what is there.
    pub(crate) inputs: fn(&Desk),
    /// What they type, one after the other.
    pub(crate) runs: &'static [Run],
}

/// A line of a shell in the desk's directory, in which `kpki` is the one under test at the desk's present.
pub(crate) struct Run {
    pub(crate) line: &'static str,
    /// The exit code.
    pub(crate) code: i32,
    /// What must appear, on either stream.
    pub(crate) says: &'static [&'static str],
    /// What must not.
    pub(crate) never: &'static [&'static str],
}

/// Tries every case, and fails with all that is wrong.
#[track_caller]
pub(crate) fn check(cases: &[Case]) {
    let wrong: Vec<String> = cases.par_iter().flat_map_iter(faults).collect();
    assert!(wrong.is_empty(), "{} runs went wrong:\n\n{}", wrong.len(), wrong.join("\n\n"));
}

/// What a line of a shell came to.
pub(crate) struct Told {
    /// The exit code.
    pub(crate) code: Option<i32>,
    /// Both streams.
    pub(crate) words: String,
}

/// Runs a line of a shell on a desk.
pub(crate) fn tell(desk: &Desk, line: &str) -> Told {
    let script = format!("set -o pipefail; kpki() {{ \"$KPKI\" --now {} \"$@\"; }}; {line}", Desk::NOW);
    let mut shell = command("bash", ["-c", &script]);
    shell.env("KPKI", kpki_binary()).env("NO_COLOR", "1").current_dir(desk.root());
    let ran = run(&mut shell);
    Told { code: ran.code, words: ran.words() }
}

fn faults(case: &Case) -> Vec<String> {
    let desk = Desk::new();
    (case.inputs)(&desk);
    let tried = case.runs.iter().filter_map(|wanted| {
        let Told { code, words } = tell(&desk, wanted.line);
        let mut faults = Vec::new();
        if code != Some(wanted.code) {
            faults.push(format!("exit code {code:?} instead of {}", wanted.code));
        }
        let missing = wanted.says.iter().filter(|text| !words.contains(**text));
        faults.extend(missing.map(|text| format!("it does not say {text:?}")));
        let present = wanted.never.iter().filter(|text| words.contains(**text));
        faults.extend(present.map(|text| format!("it says {text:?}")));
        let faults = faults.join("; ");
        (!faults.is_empty())
            .then(|| format!("{}\n$ {}\n{faults}\n--- it said\n{words}", case.situation, wanted.line))
    });
    tried.collect()
}
