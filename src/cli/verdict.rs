//! Verdicts on chains, for people and for programs.

use std::fmt::Write as _;

use kpki::chain::{Attempt, Fault, Link, Rejection, Verdict, VerifiedChain, Warning};
use serde::Serialize;
use time::OffsetDateTime;

use super::output::{self, BAD, FAINT, GOOD, WARN, styled};

/// A verdict as JSON.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Report {
    pub(super) valid: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    path: Vec<Member>,
    #[serde(skip_serializing_if = "Option::is_none")]
    holds_until: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    holds_until_through: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<Warned>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Reason>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tried: Option<Tried>,
}

/// A certificate of a path.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Member {
    role: String,
    subject: String,
    serial: String,
    not_after: String,
    fingerprint_sha256: String,
    file: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<String>,
    block: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<usize>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Reason {
    code: &'static str,
    message: String,
    source: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    expected: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    found: Option<String>,
    /// The certificate that it concerns.
    #[serde(skip_serializing_if = "Option::is_none")]
    certificate: Option<Member>,
}

/// A warning: a reason, and of what other programs make of it, who they are.
#[derive(Serialize)]
struct Warned {
    #[serde(flatten)]
    reason: Reason,
    /// The situation, in one word.
    #[serde(skip_serializing_if = "Option::is_none")]
    situation: Option<&'static str>,
    /// Who refuses it, or sees it otherwise.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    programs: Vec<&'static str>,
}

impl Warned {
    fn of(warning: &Warning, link: Option<&Link<'_>>) -> Self {
        Self {
            reason: Reason::of(&warning.fault, link),
            situation: warning.situation,
            programs: warning.programs.clone(),
        }
    }
}

#[derive(Serialize)]
struct Tried {
    certificate: Member,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    faults: Vec<Reason>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    issuers: Vec<Tried>,
}

impl Member {
    fn of(link: &Link<'_>) -> Self {
        let (certificate, source) = (&link.located.certificate, &link.located.source);
        Self {
            role: link.role.to_string(),
            subject: certificate.tbs.subject.to_string(),
            serial: certificate.tbs.serial.to_string(),
            not_after: output::rfc3339(certificate.tbs.validity.not_after),
            fingerprint_sha256: certificate.fingerprint(),
            file: source.file.clone(),
            field: source.field.clone(),
            block: source.block,
            line: source.line,
        }
    }
}

impl Reason {
    fn of(fault: &Fault, link: Option<&Link<'_>>) -> Self {
        Self {
            code: fault.reason.code(),
            message: fault.detail.clone(),
            source: fault.reason.source(),
            expected: fault.expected.clone(),
            found: fault.found.clone(),
            certificate: link.map(Member::of),
        }
    }
}

impl Tried {
    fn of(attempt: &Attempt<'_>) -> Self {
        Self {
            certificate: Member::of(&attempt.link),
            faults: attempt.faults.iter().map(|fault| Reason::of(fault, None)).collect(),
            issuers: attempt.next.iter().map(Self::of).collect(),
        }
    }
}

impl Report {
    pub(super) fn of(verdict: &Verdict<'_>) -> Self {
        match verdict {
            Verdict::Valid(chain) => {
                let end = chain.holds_until();
                let through = end.and_then(|(_, index)| chain.path().get(index));
                let warnings = chain.warnings().iter();
                Self {
                    valid: true,
                    path: chain.path().iter().map(Member::of).collect(),
                    holds_until: end.map(|(end, _)| output::rfc3339(end)),
                    holds_until_through: through.map(|link| link.located.certificate.tbs.subject.to_string()),
                    warnings: warnings
                        .map(|warning| Warned::of(warning, chain.path().get(warning.index)))
                        .collect(),
                    reason: None,
                    tried: None,
                }
            }
            Verdict::Invalid(rejection) => {
                let (fault, path) = rejection.reason();
                Self {
                    valid: false,
                    path: Vec::new(),
                    holds_until: None,
                    holds_until_through: None,
                    warnings: Vec::new(),
                    reason: Some(Reason::of(fault, concerned(fault, &path))),
                    tried: Some(Tried::of(rejection.attempts())),
                }
            }
        }
    }
}

/// The certificate that a fault is about: the one it names, or the last that was tried.
fn concerned<'p, 'a>(fault: &Fault, path: &'p [Link<'a>]) -> Option<&'p Link<'a>> {
    fault.concerns.map_or_else(|| path.last(), |index| path.get(index))
}

/// The lines under a chain that holds.
pub(super) fn valid_text(chain: &VerifiedChain<'_>, now: OffsetDateTime) -> String {
    let mut text = String::new();
    let rows = chain.path().iter().map(|link| {
        let certificate = &link.located.certificate;
        vec![
            format!("  {}", link.role),
            certificate.tbs.subject.to_string(),
            styled(FAINT, &link.located.source),
        ]
    });
    text.push_str(&output::rows(rows));
    if let Some((end, index)) = chain.holds_until() {
        let through = chain.path().get(index).map(|link| link.located.certificate.tbs.subject.to_string());
        let _ = write!(
            text,
            "\n  holds until {} ({}), through {}",
            output::instant(end),
            output::left(end - now),
            through.unwrap_or_default()
        );
    }
    for warning in chain.warnings() {
        let _ = write!(text, "\n  {} {}", styled(WARN, "warning"), warning_text(warning));
    }
    text
}

/// A warning in one line: what, and who, or where it is written.
pub(super) fn warning_text(warning: &Warning) -> String {
    if warning.programs.is_empty() {
        let source = styled(FAINT, format!("({})", warning.fault.reason.source()));
        format!("{} {source}", warning.fault)
    } else {
        warning.fault.to_string()
    }
}

/// The lines under a chain that does not.
pub(super) fn invalid_text(rejection: &Rejection<'_>) -> String {
    let (fault, path) = rejection.reason();
    let mut text = format!("  {} {fault}", styled(BAD, "because "));
    if let Some(link) = concerned(fault, &path) {
        let tbs = &link.located.certificate.tbs;
        let _ = write!(
            text,
            "\n  at       {} {}",
            tbs.subject,
            styled(FAINT, format!("({})", link.located.source))
        );
    }
    for (label, fact) in [("expected", &fault.expected), ("found   ", &fault.found)] {
        if let Some(fact) = fact {
            let _ = write!(text, "\n  {label} {fact}");
        }
    }
    let _ = write!(text, "\n  source   {}", styled(FAINT, fault.reason.source()));
    let attempts = rejection.attempts();
    if !attempts.next.is_empty() || attempts.faults.len() > 1 {
        text.push_str("\n  tried\n");
        tree(attempts, "    ", "    ", &mut text);
        text.truncate(text.trim_end().len());
    }
    text
}

/// A branch of what was tried, each certificate with what was wrong there.
fn tree(attempt: &Attempt<'_>, first: &str, rest: &str, text: &mut String) {
    /// A graph of hundreds of certificates tells nothing more after this many lines of a level.
    const MOST: usize = 12;
    let located = attempt.link.located;
    let _ = writeln!(
        text,
        "{first}{} {}",
        located.certificate.tbs.subject,
        styled(FAINT, format!("({}, {})", located.source, attempt.link.role))
    );
    for fault in &attempt.faults {
        let _ = writeln!(text, "{rest}  {} {fault}", styled(BAD, "✗"));
    }
    let shown = attempt.next.len().min(MOST);
    for (index, next) in attempt.next.iter().take(MOST).enumerate() {
        let last = index + 1 == shown && attempt.next.len() <= MOST;
        let (branch, below) = if last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
        tree(next, &format!("{rest}{branch}"), &format!("{rest}{below}"), text);
    }
    if attempt.next.len() > MOST {
        let _ = writeln!(text, "{rest}└─ and {} more", attempt.next.len() - MOST);
    }
}

/// `valid` or `NOT VALID`, coloured.
pub(super) fn word(valid: bool) -> String {
    if valid { styled(GOOD, "valid") } else { styled(BAD, "NOT VALID") }
}
