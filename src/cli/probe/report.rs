//! What was seen of a server, as people and programs read it.

use std::fmt::Write as _;

use kpki::tls::{ClientAuth, Endpoint, Handshake, Observation, TlsError};
use kpki::x509::{Certificate, Printable, SubjectAltName, Validity};
use serde::Serialize;
use time::OffsetDateTime;

use super::super::Failure;
use super::super::output::{self, BAD, FAINT, GOOD, styled};
use super::client::Known;
use super::compare::{Compared, OnDisk};
use super::hints::hint;
use super::presented::Presented;
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
    findings: Vec<String>,
    /// What was found of the chain besides the verdict.
    #[serde(skip)]
    remarks: Vec<String>,
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
    client_auth: Wish,
    #[serde(skip_serializing_if = "Option::is_none")]
    verdict: Option<Judgement>,
    #[serde(skip_serializing_if = "Option::is_none")]
    compare: Option<Compared>,
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
    fingerprint_sha256: String,
    /// Its dates and what is left, in words.
    #[serde(skip)]
    life: String,
}

/// What the server wants of its clients.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Wish {
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
    /// Whether there was a certificate to show, and nobody asked for it.
    #[serde(skip)]
    held_back: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde wants it so")]
fn is_zero(count: &usize) -> bool {
    *count == 0
}

impl Probed {
    /// An endpoint with which no handshake came about.
    pub(super) fn failed(endpoint: &Endpoint, name: &SubjectAltName, error: &TlsError) -> Self {
        Self {
            endpoint: endpoint.to_string(),
            name: name.to_string(),
            seen: None,
            findings: Vec::new(),
            remarks: Vec::new(),
            error: Some(error.to_string()),
            hint: hint(endpoint, error),
        }
    }

    /// An endpoint that was seen, judged.
    pub(super) fn seen(
        endpoint: &Endpoint,
        name: &SubjectAltName,
        seen: &Observation,
        (trust, known): (&Trust, &Known<'_>),
        on_disk: Option<&OnDisk>,
    ) -> Self {
        let mut remarks = Vec::new();
        let mut chain = Vec::new();
        for (at, der) in seen.handshake.server_chain.iter().enumerate() {
            match Certificate::from_der(der) {
                Ok(certificate) => chain.push(certificate),
                Err(error) => remarks.push(format!("certificate {at} of the chain, counted from 0: {error}")),
            }
        }
        let verdict = judge(&chain, name, trust);
        if trust.anchors.is_none() {
            remarks.extend(chain.iter().skip(1).filter_map(|other| ended(other, trust.at)));
        }
        let mut findings = remarks.clone();
        findings.extend(verdict.as_ref().and_then(|verdict| verdict.reason.clone()));
        let compare = on_disk.and_then(|on_disk| on_disk.with(&chain));
        let different = compare.as_ref().filter(|compared| !compared.same);
        findings.extend(different.map(|compared| format!("{}: {}", compared.file, compared.words)));
        let presented = Presented::of(seen, known);
        findings.extend(presented.as_ref().and_then(|presented| presented.finding().map(str::to_owned)));
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
                chain: chain.iter().map(|one| Facts::of(one, trust.at)).collect(),
                client_auth: Wish::of(seen, presented, known.has_identity),
                verdict,
                compare,
            }),
            findings,
            remarks,
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
            seen.write(&mut text);
        }
        if let Some(error) = &self.error {
            line(&mut text, &styled(BAD, "error"), error);
        }
        for remark in &self.remarks {
            line(&mut text, &styled(BAD, "found"), remark);
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
    fn write(&self, text: &mut String) {
        let alpn = self.alpn.as_deref().map(|alpn| format!(", {alpn}")).unwrap_or_default();
        let algorithms = format!("{}, {}, {}{alpn}", self.protocol, self.cipher_suite, self.key_exchange);
        if *text != self.address {
            let _ = write!(text, " ({})", self.address);
        }
        let _ = write!(text, "  {}", styled(FAINT, algorithms));
        if let Some((leaf, others)) = self.chain.split_first() {
            line(text, "certificate", &leaf.subject);
            line(text, "issuer", &leaf.issuer);
            line(text, "names", &if leaf.names.is_empty() { "none".into() } else { leaf.names.join(" ") });
            line(text, "valid", &leaf.life);
            line(text, "serial", &leaf.serial);
            line(text, "key", &leaf.key);
            line(text, "SHA-256", &leaf.fingerprint_sha256);
            for (at, other) in others.iter().enumerate() {
                let label = if at == 0 { "chain" } else { "" };
                line(text, label, &format!("{}, issued by {}", other.subject, other.issuer));
                line(text, "", &other.life);
            }
        }
        self.client_auth.write(text);
        if let Some(verdict) = &self.verdict {
            for (at, words) in verdict.lines.iter().enumerate() {
                line(text, if at == 0 { "verdict" } else { "" }, words);
            }
        }
        if let Some(compare) = &self.compare {
            compare.write(text);
        }
    }
}

impl Facts {
    fn of(certificate: &Certificate, at: OffsetDateTime) -> Self {
        let tbs = &certificate.tbs;
        Self {
            subject: tbs.subject.to_string(),
            issuer: tbs.issuer.to_string(),
            serial: tbs.serial.to_string(),
            names: tbs.extensions.names().iter().map(ToString::to_string).collect(),
            not_before: output::rfc3339(tbs.validity.not_before),
            not_after: output::rfc3339(tbs.validity.not_after),
            key: tbs.public_key.kind().to_string(),
            fingerprint_sha256: certificate.fingerprint(),
            life: life(certificate, at),
        }
    }
}

impl Wish {
    fn of(seen: &Observation, presented: Option<Presented>, has_identity: bool) -> Self {
        let Handshake { client_auth, acceptable_cas, unreadable_cas, .. } = &seen.handshake;
        Self {
            asked: *client_auth != ClientAuth::NotAsked,
            required: (!seen.unclear).then_some(*client_auth == ClientAuth::Required),
            refusal_alert: seen.refusal.map(|alert| alert.to_string()),
            acceptable_cas: acceptable_cas.iter().map(ToString::to_string).collect(),
            unreadable_cas: *unreadable_cas,
            held_back: has_identity && *client_auth == ClientAuth::NotAsked,
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
            line(text, "client CAs", &format!("{}{more}", shown.join("; ")));
        } else if self.asked && self.unreadable_cas == 0 {
            line(text, "client CAs", "any: the server names none");
        }
        if self.unreadable_cas > 0 {
            line(text, "", &format!("{} that cannot be read as names", self.unreadable_cas));
        }
        if let Some(presented) = &self.presented {
            presented.write(text);
        } else if self.held_back {
            line(text, "client cert", "not shown: the server asks for none, and knows nobody by one");
        }
    }
}

impl Compared {
    fn write(&self, text: &mut String) {
        if self.same {
            line(text, "compare", &format!("{} with {}: {}", styled(GOOD, "same"), self.file, self.words));
            return;
        }
        line(text, "compare", &format!("{} from {}: {}", styled(BAD, "DIFFERS"), self.file, self.words));
        for (label, side) in [("  on disk", &self.on_disk), ("  served", &self.served)] {
            line(text, label, &format!("serial {}, {}", side.serial, side.life));
        }
    }
}

/// One line of a block. Escape sequences of a style have no width.
pub(super) fn line(text: &mut String, label: &str, content: &str) {
    let width = 12 + label.len() - anstream::adapter::strip_str(label).to_string().len();
    let _ = write!(text, "\n  {label:width$} {content}");
}

/// That a certificate is not valid at an instant, if it is not.
fn ended(certificate: &Certificate, at: OffsetDateTime) -> Option<String> {
    let tbs = &certificate.tbs;
    (!tbs.validity.contains(at)).then(|| format!("{} of the chain: {}", tbs.subject, life(certificate, at)))
}

/// The dates of a certificate, and what is left.
fn life(certificate: &Certificate, at: OffsetDateTime) -> String {
    let Validity { not_before, not_after } = certificate.tbs.validity;
    let left = match not_before - at {
        ahead if ahead.is_positive() => "not valid yet".to_owned(),
        _ => output::left(not_after - at),
    };
    format!("{} to {}, {left}", output::instant(not_before), output::instant(not_after))
}
