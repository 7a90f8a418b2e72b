//! A second opinion on a directory that kpki wrote, or was killed while writing: `tests/tools/check_tree.py`
//! reads every file with Python's `cryptography`.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use super::{files_under, kpki, python, run, text, tool};

/// What the checker found in one directory.
#[derive(Debug)]
pub(crate) struct Finding {
    /// How many files there are.
    pub(crate) files: u64,
    /// How many certificates were read, those within kubeconfigs counted.
    pub(crate) certificates: u64,
    /// What is wrong; empty when all is well.
    pub(crate) problems: Vec<String>,
}

/// A running checker: one process for many directories, for starting Python costs more than the check.
pub(crate) struct TreeChecker {
    child: Child,
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl TreeChecker {
    /// Starts it.
    #[track_caller]
    pub(crate) fn start() -> Self {
        let mut child = Command::new(python())
            .arg(tool("check_tree.py"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("python3 starts; tests/tools/install.sh installs it");
        let questions = child.stdin.take().expect("its stdin");
        let answers = BufReader::new(child.stdout.take().expect("its stdout"));
        Self { child, questions, answers }
    }

    /// Reads everything under `directory`.
    #[track_caller]
    pub(crate) fn check(&mut self, directory: &Path) -> Finding {
        writeln!(self.questions, "{}", text(directory)).expect("the checker listens");
        let mut line = String::new();
        self.answers.read_line(&mut line).expect("the checker answers");
        let answer: serde_json::Value = serde_json::from_str(&line)
            .unwrap_or_else(|error| panic!("check_tree.py said {line:?}: {error}"));
        let count = |name: &str| answer[name].as_u64().expect("a number");
        let problems = answer["problems"].as_array().expect("a list").iter();
        Finding {
            files: count("files"),
            certificates: count("certificates"),
            problems: problems.map(|problem| problem.as_str().unwrap_or_default().to_owned()).collect(),
        }
    }

    /// Asserts that what is under `directory` is whole: complete files, each certificate with its line in the
    /// ledger, and a ledger (of the PKI directory `pki`) that verifies.
    #[track_caller]
    pub(crate) fn assert_whole(&mut self, directory: &Path, pki: &Path, when: &str) -> Finding {
        let finding = self.check(directory);
        assert!(finding.problems.is_empty(), "{when}:\n{}", finding.problems.join("\n"));
        if has_ledger(pki) {
            let verified = run(&mut kpki(["ledger", "verify", "--ca", text(pki)]));
            assert!(verified.code == Some(0), "{when}: kpki ledger verify: {}", verified.words());
        }
        finding
    }
}

impl Drop for TreeChecker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Whether something was recorded under `pki` already.
fn has_ledger(pki: &Path) -> bool {
    let ledgers = files_under(pki, &["jsonl", "ledger", "json", "log"]);
    ledgers.iter().any(|path| {
        path.to_string_lossy().contains("ledger") && path.metadata().is_ok_and(|data| data.len() > 0)
    })
}
