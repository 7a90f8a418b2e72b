//! What became of the client certificate that was shown, in words and for programs.

use kpki::tls::{ClientAuth, Observation, Reception};
use serde::Serialize;

use super::super::output::{BAD, GOOD, styled};
use super::client::{Known, Standing, alert_says};
use super::report::line;

/// What became of the client certificate.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Presented {
    outcome: Outcome,
    #[serde(skip_serializing_if = "Option::is_none")]
    alert: Option<String>,
    #[serde(flatten)]
    standing: Option<Standing>,
    /// What is found of it, where something is.
    #[serde(skip)]
    finding: Option<String>,
    /// The words behind the outcome.
    #[serde(skip)]
    words: String,
}

/// What a server made of a client certificate, as far as that can be told.
#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
enum Outcome {
    /// It was not refused, and nothing stands against it.
    Accepted,
    /// It was refused in the handshake.
    Refused,
    /// It was not refused in the handshake, where nobody is; whether it authenticates is another thing.
    NotRefused,
    /// The server fell silent.
    Unclear,
    /// It was not shown.
    NotShown,
}

impl Presented {
    pub(super) fn of(seen: &Observation, known: &Known<'_>) -> Option<Self> {
        let reception = seen.reception?;
        let standing = Standing::of(&seen.handshake, known);
        let required = seen.handshake.client_auth == ClientAuth::Required;
        let alert = match reception {
            Reception::Refused(alert) => alert,
            _ => None,
        };
        let why = standing.as_ref().filter(|standing| !standing.reasons.is_empty()).map(Standing::why);
        let holds = standing.as_ref().is_some_and(|standing| standing.would_authenticate == Some(true));
        let remark = || standing.as_ref().map(|standing| standing.remark.clone()).unwrap_or_default();
        let by_names =
            standing.as_ref().is_some_and(|standing| standing.reasons.iter().all(|reason| reason.by_names));
        let (outcome, finding, words) = match (reception, why) {
            (Reception::Unusable, _) => {
                (Outcome::NotShown, None, "the server takes no signature that its key can make".to_owned())
            }
            (Reception::Refused(alert), why) => {
                let said = alert.map_or("without a word".to_owned(), |alert| alert.to_string());
                let why = why.or_else(|| standing.as_ref().map(|standing| alert_says(alert, standing)));
                let why = why.map(|why| format!(": {why}")).unwrap_or_default();
                let finding = format!("the server refused the client certificate: {said}{why}");
                let words = format!("({said}){why}");
                (Outcome::Refused, Some(finding), words)
            }
            (Reception::Accepted, None) if required => (Outcome::Accepted, None, String::new()),
            (Reception::Accepted, None) if holds => (Outcome::Accepted, None, remark()),
            (Reception::Accepted, None) => (Outcome::NotRefused, None, remark()),
            // Whoever requires one and lets it in has looked at it, and may hold more CAs than it named.
            (Reception::Accepted, Some(why)) if required && by_names => {
                (Outcome::Accepted, None, format!("although {why}"))
            }
            (Reception::Accepted, Some(why)) if required => {
                let finding = format!("the server accepted the client certificate, although {why}");
                (
                    Outcome::Accepted,
                    Some(finding),
                    format!("although {why}: does the server look at it at all?"),
                )
            }
            (Reception::Accepted, Some(why)) => {
                let finding = format!("the client certificate would not authenticate: {why}");
                (Outcome::NotRefused, Some(finding), why)
            }
            (Reception::Unclear, None) => (Outcome::Unclear, None, "the server fell silent".to_owned()),
            (Reception::Unclear, Some(why)) => {
                let finding = format!("the client certificate would not authenticate: {why}");
                (
                    Outcome::Unclear,
                    Some(finding),
                    format!("the server fell silent; it would not authenticate: {why}"),
                )
            }
        };
        Some(Self { outcome, alert: alert.map(|alert| alert.to_string()), standing, finding, words })
    }

    /// What is found of it, where something is.
    pub(super) fn finding(&self) -> Option<&str> {
        self.finding.as_deref()
    }

    pub(super) fn write(&self, text: &mut String) {
        let Self { words, .. } = self;
        let content = match (self.outcome, words.is_empty()) {
            (Outcome::Accepted, true) => styled(GOOD, "accepted"),
            (Outcome::Accepted, false) if self.finding.is_some() => {
                format!("{}, {words}", styled(BAD, "accepted"))
            }
            (Outcome::Accepted, false) if words.starts_with("although") => {
                format!("{}, {words}", styled(GOOD, "accepted"))
            }
            (Outcome::Accepted, false) => format!("{}: {words}", styled(GOOD, "accepted")),
            (Outcome::Refused, _) => format!("{} {words}", styled(BAD, "refused")),
            (Outcome::NotRefused, _) if self.finding.is_some() => {
                format!("{}: {words}", styled(BAD, "would NOT authenticate"))
            }
            (Outcome::NotRefused, _) => format!("not refused: {words}"),
            (Outcome::Unclear, _) => format!("unclear: {words}"),
            (Outcome::NotShown, _) => format!("not shown: {words}"),
        };
        line(text, "client cert", &content);
        if self.outcome == Outcome::NotRefused {
            line(
                text,
                "",
                "the handshake does not tell: this server asks for a certificate, and goes on with any or none. Whoever",
            );
            line(
                text,
                "",
                "it does not know by it is turned away later (kube-apiserver and kubelet: 401 Unauthorized)",
            );
        }
    }
}
