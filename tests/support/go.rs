//! Go's `crypto/x509`, asked by `tests/tools/goverify`.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::SystemTime;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
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
    /// What is sent along in a handshake, if it is for a server or a client.
    pub(crate) sent: String,
}

/// A block that Go finds in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct GoBlock {
    /// Its label.
    pub(crate) label: String,
    /// Whether headers stand in it.
    pub(crate) has_headers: bool,
    /// What it holds.
    pub(crate) bytes: Vec<u8>,
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
            "sent": question.sent,
        });
        let answer = self.ask(&case);
        match answer["error"].as_str() {
            Some("") => Ok(answer["go"].as_str().expect("its version").to_owned()),
            Some(error) => Err(error.to_owned()),
            None => panic!("goverify said {answer}"),
        }
    }

    /// The blocks that Go's `encoding/pem` finds in a text, one after the other.
    #[track_caller]
    pub(crate) fn blocks(&mut self, text: &[u8]) -> Vec<GoBlock> {
        let answer = self.ask(&json!({ "text": BASE64_STANDARD.encode(text), "at": "2026-06-01T12:00:00Z" }));
        let block = |block: &Value| GoBlock {
            label: block["type"].as_str().expect("a label").to_owned(),
            has_headers: block["headers"].as_bool().expect("a truth"),
            bytes: BASE64_STANDARD.decode(block["bytes"].as_str().expect("base64")).expect("base64"),
        };
        answer["blocks"].as_array().expect("blocks").iter().map(block).collect()
    }

    #[track_caller]
    fn ask(&mut self, case: &Value) -> Value {
        writeln!(self.questions, "{case}").expect("goverify listens");
        let mut line = String::new();
        self.answers.read_line(&mut line).expect("goverify answers");
        serde_json::from_str(&line)
            .unwrap_or_else(|error| panic!("goverify said {line:?}: {error}; it was asked {case}"))
    }
}

impl Drop for Go {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
