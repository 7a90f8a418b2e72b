//! Go's `crypto/x509`, asked by `tests/tools/goverify`.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::SystemTime;

use kpki::chain::Purpose;
use kpki::x509::SubjectAltName;
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::{files_under, tool};

/// What is asked of a certificate. The texts are PEM.
#[derive(Debug, Clone)]
pub(crate) struct Question {
    /// The certificate.
    pub(crate) leaf: String,
    /// The trust anchors.
    pub(crate) roots: String,
    /// Others that may stand between.
    pub(crate) intermediates: String,
    /// For what.
    pub(crate) purpose: Purpose,
    /// A host or an address that it must have.
    pub(crate) name: Option<SubjectAltName>,
    /// When.
    pub(crate) at: OffsetDateTime,
}

/// A running goverify: one process for many questions.
pub(crate) struct Go {
    child: Child,
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Go {
    /// Starts it, unless it was built of another source than that which stands there.
    #[track_caller]
    pub(crate) fn start() -> Self {
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/tools/goverify");
        let changed = |path: &PathBuf| -> Option<SystemTime> { path.metadata().ok()?.modified().ok() };
        let newest = files_under(&tool("goverify"), &["go", "mod"]).iter().filter_map(changed).max();
        let built = changed(&program);
        assert!(
            built.is_some() && built >= newest,
            "{} is missing or out of date; tests/tools/install.sh builds it",
            program.display()
        );
        let mut child = Command::new(&program)
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("goverify starts; tests/tools/install.sh builds it");
        let questions = child.stdin.take().expect("its stdin");
        let answers = BufReader::new(child.stdout.take().expect("its stdout"));
        Self { child, questions, answers }
    }

    /// Go's verdict, and its version with it.
    ///
    /// # Errors
    /// Why Go refuses the certificate, in its words.
    #[track_caller]
    pub(crate) fn verify(&mut self, question: &Question) -> Result<String, String> {
        let name = match &question.name {
            None => String::new(),
            Some(SubjectAltName::Dns(host)) => host.clone(),
            Some(SubjectAltName::Ip(ip)) => format!("[{ip}]"),
            Some(other) => panic!("Go looks for no {}", other.kind()),
        };
        let case = json!({
            "leaf": question.leaf,
            "roots": question.roots,
            "intermediates": question.intermediates,
            "purpose": question.purpose.to_string(),
            "name": name,
            "at": question.at.format(&Rfc3339).expect("an instant"),
        });
        writeln!(self.questions, "{case}").expect("goverify listens");
        let mut line = String::new();
        self.answers.read_line(&mut line).expect("goverify answers");
        let answer: Value = serde_json::from_str(&line)
            .unwrap_or_else(|error| panic!("goverify said {line:?}: {error}; it was asked {case}"));
        match answer["error"].as_str() {
            Some("") => Ok(answer["go"].as_str().expect("its version").to_owned()),
            Some(error) => Err(error.to_owned()),
            None => panic!("goverify said {line:?}"),
        }
    }
}

impl Drop for Go {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
