//! What was seen of a server, as people and programs read it.

use std::fmt::Write as _;

use kpki::tls::{ClientAuth, Endpoint, Handshake, Observation, Reception, TlsError};
use kpki::x509::{Certificate, Printable, SubjectAltName};
use serde::Serialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::super::Failure;
use super::super::output::{self, BAD, FAINT, GOOD, styled};
use super::compare::{Compared, OnDisk};
use super::hints::hint;
use super::verdict::{Judgement, Trust, judge};

/// How many of the CAs that a server names are shown to people.
const CAS_SHOWN: usize = 8;

/// One endpoint and what came of it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Probed {
    endpoint: String,
    /// The name that its certificate must be for.
    name: String,
    #[serde(flatten)]
    seen: Option<Seen>,
    /// What was found; nothing when all is well.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    findings: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Seen {
    address: String,
    protocol: String,
    cipher_suite: String,
    key_exchange: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    alpn: Option<String>,
    chain: Vec<Facts>,
    client_auth: Asked,
    #[serde(skip_serializing_if = "Option::is_none")]
    verdict: Option<Judgement>,
    #[serde(skip_serializing_if = "Option::is_none")]
    compare: Option<Compared>,
    /// How much of the leaf's life is left, in words.
    #[serde(skip)]
    left: String,
}

/// A certificate that was served.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Facts {
    subject: String,
    issuer: String,
    serial: String,
    names: Vec<String>,
    not_before: String,
    not_after: String,
    key: String,
    certificate_sha256: String,
    #[serde(skip)]
    validity: (OffsetDateTime, OffsetDateTime),
}

/// What the server wants of its clients.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Asked {
    asked: bool,
    /// None where it did not show.
    required: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refusal_alert: Option<String>,
    acceptable_cas: Vec<String>,
    #[serde(skip_serializing_if = "is_zero")]
    unreadable_cas: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    presented: Option<Presented>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde wants it so")]
fn is_zero(count: &usize) -> bool {
    *count == 0
}

/// What became of the client certificate.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Presented {
    /// `accepted`, `refused`, `unclear` or `notShown`.
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    alert: Option<String>,
}

impl Probed {
    /// An endpoint with which no handshake came about.
    pub(super) fn failed(endpoint: &Endpoint, name: &SubjectAltName, error: &TlsError) -> Self {
        Self {
            endpoint: endpoint.to_string(),
            name: name.to_string(),
            seen: None,
            findings: Vec::new(),
            error: Some(error.to_string()),
            hint: hint(endpoint, error),
        }
    }

    /// An endpoint that was seen, judged.
    pub(super) fn seen(
        endpoint: &Endpoint,
        name: &SubjectAltName,
        seen: &Observation,
        trust: &Trust,
        on_disk: Option<&OnDisk>,
    ) -> Self {
        let mut findings = Vec::new();
        let mut chain = Vec::new();
        for (at, der) in seen.handshake.server_chain.iter().enumerate() {
            match Certificate::from_der(der) {
                Ok(certificate) => chain.push(certificate),
                Err(error) => findings.push(format!("certificate {at} of the chain that is served: {error}")),
            }
        }
        let verdict = judge(&chain, name, trust);
        findings.extend(verdict.as_ref().and_then(|verdict| verdict.reason.clone()));
        if trust.anchors.is_none() {
            findings.extend(chain.iter().skip(1).filter_map(|other| ended(other, trust.at)));
        }
        let compare = on_disk.and_then(|on_disk| on_disk.with(&chain));
        let different = compare.as_ref().filter(|compared| !compared.same);
        findings.extend(different.map(|compared| format!("{}: {}", compared.file, compared.words)));
        if let Some(Reception::Refused(alert)) = seen.reception {
            let alert = alert.map_or("without a word".to_owned(), |alert| alert.to_string());
            findings.push(format!("the server refused the client certificate: {alert}"));
        }
        let renewed = compare.as_ref().is_some_and(|compared| compared.state == "renewedOnDisk");
        let negotiated = &seen.handshake;
        Self {
            endpoint: endpoint.to_string(),
            name: name.to_string(),
            seen: Some(Seen {
                address: seen.address.to_string(),
                protocol: negotiated.protocol.to_string(),
                cipher_suite: negotiated.cipher_suite.clone(),
                key_exchange: negotiated.key_exchange.clone(),
                alpn: negotiated.alpn.as_deref().map(|name| Printable(name).to_string()),
                left: chain.first().map(|leaf| left(leaf, trust.at)).unwrap_or_default(),
                chain: chain.iter().map(Facts::of).collect(),
                client_auth: Asked::of(seen),
                verdict,
                compare,
            }),
            findings,
            error: None,
            hint: renewed.then(|| RESTART.to_owned()),
        }
    }

    /// The failure that it is, if it is one.
    pub(super) fn failure(&self) -> Option<Failure> {
        let failure = Failure::new(self.error.as_deref()?).at(&self.endpoint);
        Some(match &self.hint {
            Some(hint) => failure.hint(hint),
            None => failure,
        })
    }

    /// Whether something was found.
    pub(super) fn has_findings(&self) -> bool {
        !self.findings.is_empty()
    }

    /// As people read it.
    pub(super) fn to_text(&self) -> String {
        let mut text = self.endpoint.clone();
        if let Some(seen) = &self.seen {
            seen.write(&mut text, &self.name);
        }
        if let Some(error) = &self.error {
            line(&mut text, &styled(BAD, "error"), error);
        }
        for finding in &self.findings {
            line(&mut text, &styled(BAD, "found"), finding);
        }
        if let Some(hint) = &self.hint {
            line(&mut text, &styled(FAINT, "hint"), hint);
        }
        text
    }
}

const RESTART: &str = "restart the server so that it reads the file; a static pod is restarted when its manifest is \
                       moved out of the manifests directory and back";

impl Seen {
    fn write(&self, text: &mut String, name: &str) {
        let alpn = self.alpn.as_deref().map(|alpn| format!(", {alpn}")).unwrap_or_default();
        let algorithms =
            format!("{}, {}, {}{alpn}", self.protocol, self.cipher_suite, self.key_exchange);
        if *text != self.address {
            let _ = write!(text, " ({})", self.address);
        }
        let _ = write!(text, "  {}", styled(FAINT, algorithms));
        if let Some((leaf, others)) = self.chain.split_first() {
            line(text, "certificate", &leaf.subject);
            line(text, "issuer", &leaf.issuer);
            line(text, "names", &if leaf.names.is_empty() { "none".into() } else { leaf.names.join(" ") });
            line(text, "valid", &format!("{}, {}", leaf.life(), self.left));
            line(text, "serial", &leaf.serial);
            line(text, "key", &leaf.key);
            line(text, "SHA-256", &leaf.certificate_sha256);
            for (at, other) in others.iter().enumerate() {
                let label = if at == 0 { "chain" } else { "" };
                let until = output::instant(other.validity.1);
                line(text, label, &format!("{}, issued by {}, until {until}", other.subject, other.issuer));
            }
        }
        self.client_auth.write(text);
        if let Some(verdict) = &self.verdict {
            line(text, "verdict", &verdict.to_text(name));
            for warning in &verdict.warnings {
                line(text, "warning", warning);
            }
        }
        if let Some(compare) = &self.compare {
            compare.write(text);
        }
    }
}

impl Facts {
    fn of(certificate: &Certificate) -> Self {
        let tbs = &certificate.tbs;
        Self {
            subject: tbs.subject.to_string(),
            issuer: tbs.issuer.to_string(),
            serial: tbs.serial.to_string(),
            names: tbs.extensions.names().iter().map(ToString::to_string).collect(),
            not_before: rfc3339(tbs.validity.not_before),
            not_after: rfc3339(tbs.validity.not_after),
            key: tbs.public_key.kind().to_string(),
            certificate_sha256: certificate.fingerprint(),
            validity: (tbs.validity.not_before, tbs.validity.not_after),
        }
    }

    fn life(&self) -> String {
        format!("{} to {}", output::instant(self.validity.0), output::instant(self.validity.1))
    }
}

impl Asked {
    fn of(seen: &Observation) -> Self {
        let Handshake { client_auth, acceptable_cas, unreadable_cas, .. } = &seen.handshake;
        let presented = seen.reception.map(|reception| Presented {
            outcome: match reception {
                Reception::Accepted => "accepted",
                Reception::Refused(_) => "refused",
                Reception::Unclear => "unclear",
                Reception::Unusable => "notShown",
            },
            alert: match reception {
                Reception::Refused(alert) => alert.map(|alert| alert.to_string()),
                _ => None,
            },
        });
        Self {
            asked: *client_auth != ClientAuth::NotAsked,
            required: (!seen.unclear).then_some(*client_auth == ClientAuth::Required),
            refusal_alert: seen.refusal.map(|alert| alert.to_string()),
            acceptable_cas: acceptable_cas.iter().map(ToString::to_string).collect(),
            unreadable_cas: *unreadable_cas,
            presented,
        }
    }

    fn write(&self, text: &mut String) {
        let refused = self.refusal_alert.as_deref().map(|alert| format!(" ({alert})")).unwrap_or_default();
        let wish = match (self.asked, self.required) {
            (false, _) => "no certificate is asked for".to_owned(),
            (true, Some(true)) => format!("required: without a certificate it refuses{refused}"),
            (true, Some(false)) => "asked for, not required".to_owned(),
            (true, None) => {
                "asked for; whether it is required did not show: the server fell silent".to_owned()
            }
        };
        line(text, "client auth", &wish);
        if !self.acceptable_cas.is_empty() {
            let shown: Vec<&str> = self.acceptable_cas.iter().take(CAS_SHOWN).map(String::as_str).collect();
            let more = self.acceptable_cas.len().saturating_sub(CAS_SHOWN);
            let more = if more > 0 { format!(", and {more} more") } else { String::new() };
            line(text, "of the CAs", &format!("{}{more}", shown.join("; ")));
        } else if self.asked && self.unreadable_cas == 0 {
            line(text, "of the CAs", "any: the server names none");
        }
        if self.unreadable_cas > 0 {
            line(text, "", &format!("{} that cannot be read as names", self.unreadable_cas));
        }
        if let Some(presented) = &self.presented {
            let alert = presented.alert.as_deref().map(|alert| format!(" ({alert})")).unwrap_or_default();
            let outcome = match presented.outcome {
                "accepted" => styled(GOOD, "accepted"),
                "refused" => format!("{}{alert}", styled(BAD, "refused")),
                "notShown" => "not shown: the server takes no signature that its key can make".to_owned(),
                _ => "unclear: the server fell silent".to_owned(),
            };
            line(text, "yours", &outcome);
        }
    }
}

impl Judgement {
    fn to_text(&self, name: &str) -> String {
        match (&self.reason, self.trusted) {
            (Some(_), _) => styled(BAD, "not valid"),
            (None, true) => {
                let anchor = self.path.last().map(|anchor| format!(", by {anchor}")).unwrap_or_default();
                let until = self.until.map(|until| format!(", until {}", output::instant(until)));
                let through = self.ends_with.as_ref().filter(|ends| self.path.first() != Some(ends));
                let through = through.map(|ends| format!(" through {ends}")).unwrap_or_default();
                format!("{} for {name}{anchor}{}{through}", styled(GOOD, "valid"), until.unwrap_or_default())
            }
            (None, false) => format!("good for {name} by itself; who signed it was not judged (--cacert)"),
        }
    }
}

impl Compared {
    fn write(&self, text: &mut String) {
        if self.same {
            line(text, "compare", &format!("{}: {}", self.file, self.words));
            return;
        }
        line(text, "compare", &format!("{}: {}", self.file, styled(BAD, "DIFFERS")));
        for (label, side) in [("  on disk", &self.on_disk), ("  served", &self.served)] {
            let life = format!("{} to {}", output::instant(side.validity.0), output::instant(side.validity.1));
            line(text, label, &format!("serial {}, {life}", side.serial));
        }
    }
}

/// One line of a block. Escape sequences of a style have no width.
fn line(text: &mut String, label: &str, content: &str) {
    let width = 12 + label.len() - anstream::adapter::strip_str(label).to_string().len();
    let _ = write!(text, "\n  {label:width$} {content}");
}

/// An instant for programs.
pub(super) fn rfc3339(instant: OffsetDateTime) -> String {
    instant.format(&Rfc3339).unwrap_or_else(|_| instant.to_string())
}

/// That a certificate is not valid at an instant, if it is not.
fn ended(certificate: &Certificate, at: OffsetDateTime) -> Option<String> {
    let tbs = &certificate.tbs;
    (!tbs.validity.contains(at)).then(|| format!("{} of the chain: {}", tbs.subject, left(certificate, at)))
}

/// How much of a certificate's life is left.
fn left(certificate: &Certificate, at: OffsetDateTime) -> String {
    let validity = certificate.tbs.validity;
    if at < validity.not_before {
        return format!("not valid yet, in {} it is", span(validity.not_before - at));
    }
    if at > validity.not_after {
        return format!("expired {} ago", span(at - validity.not_after));
    }
    format!("{} left", span(validity.not_after - at))
}

/// A span of time in its largest unit that is worth the name.
fn span(duration: time::Duration) -> String {
    let (count, unit) = match duration.whole_seconds() {
        172_800.. => (duration.whole_days(), "day"),
        7_200.. => (duration.whole_hours(), "hour"),
        120.. => (duration.whole_minutes(), "minute"),
        seconds => (seconds, "second"),
    };
    format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_told_in_their_largest_unit() {
        for (seconds, words) in [
            (0, "0 seconds"),
            (1, "1 second"),
            (119, "119 seconds"),
            (120, "2 minutes"),
            (7_199, "119 minutes"),
            (7_200, "2 hours"),
            (172_799, "47 hours"),
            (172_800, "2 days"),
            (31_536_000, "365 days"),
        ] {
            assert_eq!(span(time::Duration::seconds(seconds)), words);
        }
    }
}
