//! A request, what became of it, and certificates, as people and programs read them.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use kpki::issue::{Judged, Reason};
use kpki::request::{KubernetesRequest, SigningRequest};
use kpki::x509::{Certificate, ExtendedKeyUsage, Extensions, Printable, TbsCertificate};
use serde::Serialize;
use time::OffsetDateTime;
use time::macros::format_description;

use super::output::{self, BAD, FAINT, GOOD, styled};

/// A request and what became of it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Verdict {
    request: String,
    profile: String,
    issuer: String,
    asked: Asked,
    #[serde(skip_serializing_if = "Option::is_none")]
    admitted: Option<Facts>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    refusals: Vec<Refused>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    notes: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kubernetes: Option<Object>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    certificate: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    certificate_sha256: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    backups: Vec<String>,
    /// Commands that are left to do.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    next: Vec<String>,
    #[serde(skip)]
    draft: bool,
}

/// What the Kubernetes object around a request says.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Object {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    signer_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<String>,
    groups: Vec<String>,
    conditions: Vec<Condition>,
}

#[derive(Serialize)]
struct Condition {
    #[serde(rename = "type")]
    kind: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
}

impl Object {
    fn of(object: &KubernetesRequest) -> Self {
        let text = |text: &str| Printable(text).to_string();
        let optional = |field: &Option<String>| field.as_deref().map(text);
        let conditions = object.conditions.iter().map(|condition| Condition {
            kind: text(&condition.kind),
            status: optional(&condition.status),
            reason: optional(&condition.reason),
            message: optional(&condition.message),
        });
        Self {
            name: text(&object.name),
            signer_name: optional(&object.signer_name),
            username: optional(&object.username),
            groups: object.groups.iter().map(|group| text(group)).collect(),
            conditions: conditions.collect(),
        }
    }
}

/// What a request asks for.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Asked {
    subject: String,
    names: Vec<String>,
    key: String,
    usages: Vec<String>,
    ca: bool,
}

/// What a certificate says.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Facts {
    serial: String,
    subject: String,
    names: Vec<String>,
    usages: Vec<String>,
    key: String,
    ca: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    path_length: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    may_sign: Option<String>,
    not_before: String,
    not_after: String,
    /// From when to when, for people.
    #[serde(skip)]
    life: String,
}

#[derive(Serialize)]
struct Refused {
    code: &'static str,
    reason: String,
}

fn names(extensions: &Extensions) -> Vec<String> {
    extensions.names().iter().map(ToString::to_string).collect()
}

fn usages(extensions: &Extensions) -> Vec<String> {
    let usage = extensions.key_usage.iter().flat_map(|usage| usage.value.names()).map(str::to_owned);
    usage.chain(extensions.purposes().iter().map(ToString::to_string)).collect()
}

/// What a CA may sign by its extended key usage, its path length and its name constraints.
pub(super) fn may_sign(extensions: &Extensions) -> String {
    let purposes = extensions.purposes();
    let all = purposes.is_empty() || purposes.contains(&ExtendedKeyUsage::Any);
    let lends = |purpose| all || purposes.contains(&purpose);
    let mut parts = vec![match (lends(ExtendedKeyUsage::ServerAuth), lends(ExtendedKeyUsage::ClientAuth)) {
        (true, true) => "servers and clients".to_owned(),
        (true, false) => "servers, no clients".to_owned(),
        (false, true) => "clients, no servers".to_owned(),
        (false, false) => "neither servers nor clients".to_owned(),
    }];
    let tls = [ExtendedKeyUsage::ServerAuth, ExtendedKeyUsage::ClientAuth, ExtendedKeyUsage::Any];
    parts.extend(purposes.iter().filter(|purpose| !tls.contains(purpose)).map(ToString::to_string));
    let limit = extensions.basic_constraints.as_ref().and_then(|marked| marked.value.path_len);
    parts.push(match limit {
        Some(0) => "no other CA".to_owned(),
        Some(limit) => format!("other CAs, {limit} below it"),
        None => "other CAs".to_owned(),
    });
    if let Some(constraints) = extensions.name_constraints.as_ref().map(|marked| &marked.value) {
        for (word, subtrees) in [("only", &constraints.permitted), ("never", &constraints.excluded)] {
            let names: Vec<String> = subtrees.iter().map(ToString::to_string).collect();
            if !names.is_empty() {
                parts.push(format!("{word} names within {}", names.join(", ")));
            }
        }
    }
    parts.join("; ")
}

impl Facts {
    fn of(tbs: &TbsCertificate) -> Self {
        Self {
            serial: tbs.serial.to_string(),
            subject: tbs.subject.to_string(),
            names: names(&tbs.extensions),
            usages: usages(&tbs.extensions),
            key: tbs.public_key.kind().to_string(),
            ca: tbs.extensions.is_ca(),
            path_length: tbs.extensions.basic_constraints.as_ref().and_then(|marked| marked.value.path_len),
            may_sign: tbs.extensions.is_ca().then(|| may_sign(&tbs.extensions)),
            not_before: output::rfc3339(tbs.validity.not_before),
            not_after: output::rfc3339(tbs.validity.not_after),
            life: format!(
                "{} to {}",
                output::instant(tbs.validity.not_before),
                output::instant(tbs.validity.not_after)
            ),
        }
    }
}

impl Verdict {
    pub(super) fn of(
        name: &str,
        request: &SigningRequest,
        profile: &str,
        issuer: String,
        verdict: Result<&Judged, &Vec<Reason>>,
        draft: bool,
    ) -> Self {
        let judged = verdict.ok();
        let ignored = judged.into_iter().flat_map(|judged| judged.admitted().ignored());
        let remarks = judged.into_iter().flat_map(Judged::notes);
        let refused = |reason: &Reason| Refused { code: reason.code, reason: reason.text.clone() };
        Self {
            request: name.to_owned(),
            profile: profile.to_owned(),
            issuer,
            asked: Asked {
                subject: request.subject.to_string(),
                names: names(&request.extensions),
                key: request.public_key.kind().to_string(),
                usages: usages(&request.extensions),
                ca: request.extensions.is_ca(),
            },
            admitted: judged.map(|judged| Facts::of(judged.facts())),
            refusals: verdict.err().into_iter().flatten().map(refused).collect(),
            notes: ignored.chain(remarks).cloned().collect(),
            kubernetes: request.kubernetes.as_ref().map(Object::of),
            file: None,
            certificate: None,
            certificate_sha256: None,
            backups: Vec::new(),
            next: Vec::new(),
            draft,
        }
    }

    /// Adds what is to be known besides, each a sentence that is safe to show.
    pub(super) fn note(&mut self, notes: impl IntoIterator<Item = String>) {
        self.notes.extend(notes);
    }

    /// Adds commands that are left to do.
    pub(super) fn then(&mut self, commands: impl IntoIterator<Item = String>) {
        self.next.extend(commands);
    }

    pub(super) fn signed(&mut self, certificate: &Certificate, file: Option<&Path>, pem: &str) {
        self.file = file.map(output::path);
        self.certificate = Some(pem.to_owned());
        self.certificate_sha256 = Some(certificate.fingerprint());
    }

    /// What else is worth a word.
    pub(super) fn add_notes(&mut self, notes: &[String]) {
        self.notes.extend_from_slice(notes);
    }

    /// Where the files are that were replaced.
    pub(super) fn kept(&mut self, backups: &[PathBuf]) {
        self.backups = backups.iter().map(|path| output::path(path)).collect();
    }

    pub(super) fn to_text(&self) -> String {
        let ca = if self.issuer.is_empty() { String::new() } else { format!(", CA {}", self.issuer) };
        let by = format!("profile {}{ca}", self.profile);
        let mut text = format!("{}  {}", self.request, styled(FAINT, by));
        let asked = [
            self.asked.subject.clone(),
            self.asked.names.join(" "),
            self.asked.usages.join(" "),
            if self.asked.ca { "CA:TRUE".into() } else { String::new() },
            self.asked.key.clone(),
        ];
        line(&mut text, "asked", &joined(&asked));
        if let Some(facts) = &self.admitted {
            let admitted =
                [facts.subject.clone(), facts.names.join(" "), facts.usages.join(" "), facts.key.clone()];
            line(&mut text, "admitted", &joined(&admitted));
            line(&mut text, "valid", &facts.life);
            if let Some(may_sign) = &facts.may_sign {
                line(&mut text, "may sign", may_sign);
            }
            if self.draft {
                line(&mut text, "serial", &format!("{} (another one when it is signed)", facts.serial));
                let ca = facts.path_length.map_or(String::new(), |length| format!(", path length {length}"));
                line(&mut text, "CA", &format!("{}{ca}", if facts.ca { "yes" } else { "no" }));
            } else if self.certificate.is_some() {
                let place = self.file.as_deref().unwrap_or("standard output");
                line(&mut text, &styled(GOOD, "signed"), &format!("{place}, serial {}", facts.serial));
            }
        }
        for backup in &self.backups {
            line(&mut text, "kept", backup);
        }
        for refusal in &self.refusals {
            line(&mut text, &styled(BAD, "refused"), &refusal.reason);
        }
        for note in &self.notes {
            line(&mut text, "note", note);
        }
        for command in &self.next {
            line(&mut text, "next", command);
        }
        text
    }
}

fn joined(parts: &[String]) -> String {
    parts.iter().filter(|part| !part.is_empty()).map(String::as_str).collect::<Vec<_>>().join(" · ")
}

fn line(text: &mut String, label: &str, content: &str) {
    // Escape sequences of a style have no width.
    let width = 9 + label.len() - anstream::adapter::strip_str(label).to_string().len();
    let _ = write!(text, "\n  {label:width$} {content}");
}

/// An instant as part of a file's name: `20261123T140509Z`.
pub(super) fn stamp(instant: OffsetDateTime) -> String {
    let format = format_description!("[year][month][day]T[hour][minute][second]Z");
    instant.to_offset(time::UtcOffset::UTC).format(format).unwrap_or_else(|_| "old".into())
}
