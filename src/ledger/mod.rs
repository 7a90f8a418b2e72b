//! The ledger of a CA as a text: one line of JSON for every certificate that it has signed, each with the hash of the line
//! before it, so that a lost or altered line shows.
//!
//! Here lines are made, read, and held against each other; [`crate::ca::Ledger`] writes them. `docs/ledger.md` describes
//! the format.

mod check;
mod cluster;

use std::path::Path;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

pub use check::{AtHand, Following, Report, check};
pub use cluster::{ClusterSigned, may_be_the_clusters};

use crate::clock::rfc3339;
use crate::disk::{DiskError, read_bounded};
use crate::x509::{Certificate, Printable, sha256_hex};

/// The version of the format that is written. Lines of version 1, which kpki 0.1.0 wrote, do not name it.
pub const VERSION: u32 = 2;

/// The largest ledger that is read as a whole, in bytes: over a million lines.
pub const LARGEST: u64 = 1 << 30;

/// One certificate: issued, or adopted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Entry {
    /// The number of the line, from 1.
    pub line: u64,
    /// The version of the format.
    #[serde(default = "first_version", skip_serializing_if = "is_first_version")]
    pub version: u32,
    /// When it was issued, RFC 3339 in UTC; none of what was adopted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issued: Option<String>,
    /// When it was adopted: somebody else had signed it with the CA's key before. RFC 3339 in UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adopted: Option<String>,
    /// The serial number in lower-case hexadecimal.
    pub serial: String,
    /// The subject, in the order of its encoding.
    pub subject: String,
    /// The subject alternative names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<String>,
    /// The profile that it was issued by; none of what was adopted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// The issuer.
    pub issuer: String,
    /// The first valid second, RFC 3339 in UTC.
    pub not_before: String,
    /// The last valid second, RFC 3339 in UTC.
    pub not_after: String,
    /// The SHA-256 of the certificate's DER.
    pub certificate_sha256: String,
    /// The SHA-256 of the `SubjectPublicKeyInfo`.
    pub public_key_sha256: String,
    /// The SHA-256 of the request's DER, unless the key was made here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_sha256: Option<String>,
    /// The file that an adopted one lay in, as it was named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The SHA-256 of the line before, without its newline; of nothing in the first line.
    pub previous_sha256: String,
}

const fn first_version() -> u32 {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde wants it so")]
const fn is_first_version(version: &u32) -> bool {
    *version == 1
}

impl Entry {
    /// What is to be recorded of a certificate that is issued; its place in a ledger is given when it is written.
    pub fn of(
        certificate: &Certificate,
        profile: &str,
        request_sha256: Option<String>,
        now: OffsetDateTime,
    ) -> Self {
        Self {
            issued: Some(rfc3339(now)),
            profile: Some(profile.to_owned()),
            request_sha256,
            ..Self::facts(certificate, certificate.fingerprint())
        }
    }

    /// What is to be recorded of a certificate that somebody else signed with the CA's key; `fingerprint` is the SHA-256 of
    /// its bytes as they stand, in hexadecimal.
    pub fn adopted(certificate: &Certificate, fingerprint: String, file: &str, now: OffsetDateTime) -> Self {
        Self {
            adopted: Some(rfc3339(now)),
            file: Some(file.to_owned()),
            ..Self::facts(certificate, fingerprint)
        }
    }

    fn facts(certificate: &Certificate, certificate_sha256: String) -> Self {
        let tbs = &certificate.tbs;
        Self {
            line: 0,
            version: VERSION,
            issued: None,
            adopted: None,
            serial: tbs.serial.to_string(),
            subject: tbs.subject.to_string(),
            names: tbs.extensions.names().iter().map(ToString::to_string).collect(),
            profile: None,
            issuer: tbs.issuer.to_string(),
            not_before: rfc3339(tbs.validity.not_before),
            not_after: rfc3339(tbs.validity.not_after),
            certificate_sha256,
            public_key_sha256: sha256_hex(tbs.public_key.der()),
            request_sha256: None,
            file: None,
            previous_sha256: String::new(),
        }
    }

    /// When it was recorded, RFC 3339 in UTC.
    pub fn recorded(&self) -> &str {
        self.issued.as_deref().or(self.adopted.as_deref()).unwrap_or_default()
    }

    /// Reads a line without its newline.
    ///
    /// # Errors
    /// Why it is no entry; safe to show.
    pub fn parse(line: &[u8]) -> Result<Self, String> {
        let entry: Self = serde_json::from_slice(line).map_err(|error| foreign(line, &error))?;
        let is_digest = |text: &str| {
            text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        };
        let digests = [&entry.certificate_sha256, &entry.public_key_sha256, &entry.previous_sha256];
        let instant = OffsetDateTime::parse(entry.recorded(), &Rfc3339);
        match (&entry.issued, &entry.adopted, &entry.profile) {
            _ if !(1..=VERSION).contains(&entry.version) => Err(unknown_version(entry.version.into())),
            (Some(_), None, Some(_)) => Ok(()),
            (None, Some(_), None) if entry.version > 1 => Ok(()),
            _ => Err("it says neither of an issuance nor of an adoption all that belongs to it".into()),
        }?;
        if !digests.into_iter().all(|digest| is_digest(digest)) {
            return Err("a SHA-256 in it is none".into());
        }
        if instant.is_err() {
            return Err("its instant is none of RFC 3339".into());
        }
        Ok(entry)
    }

    /// Its line, without a newline.
    ///
    /// # Errors
    /// Where it has no JSON form.
    pub fn to_line(&self) -> Result<Vec<u8>, String> {
        serde_json::to_vec(self).map_err(|error| error.to_string())
    }
}

/// Why something is no line of this format: another version of it, or what is wrong with it.
fn foreign(line: &[u8], error: &serde_json::Error) -> String {
    #[derive(Deserialize)]
    struct Head {
        version: u64,
    }
    match serde_json::from_slice::<Head>(line) {
        Ok(head) if head.version > u64::from(VERSION) => unknown_version(head.version),
        // serde's words for a field that is missing or unknown are plain; of a value of another kind they are not.
        _ if error.is_data() => {
            let text = error.to_string();
            let reason = text.split_once(" at line ").map_or(text.as_str(), |(reason, _)| reason);
            let is_plain = reason.starts_with("missing field") || reason.starts_with("unknown field");
            if is_plain {
                Printable(reason).to_string()
            } else {
                "a field holds a value of another kind".into()
            }
        }
        _ => "it is no JSON".into(),
    }
}

fn unknown_version(version: u64) -> String {
    format!(
        "it is of version {version} of the format, and versions up to {VERSION} are known; a newer kpki reads it"
    )
}

/// What can go wrong with a ledger.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LedgerError {
    /// The file could not be read, locked or written.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// A line is not an entry.
    #[error("line {line} of the ledger is not an entry: {reason}")]
    Line {
        /// The line, from 1.
        line: u64,
        /// What is wrong with it; safe to show.
        reason: String,
    },
    /// The last line is not an entry, so that nothing can follow it.
    #[error("the last line of the ledger is not an entry: {0}")]
    LastLine(String),
}

/// Every entry of a ledger, in order.
///
/// # Errors
/// [`LedgerError`] when it cannot be read or a line is no entry.
pub fn read(path: &Path) -> Result<Vec<Entry>, LedgerError> {
    let text = read_bounded(path, LARGEST)?;
    let entry = |(line, number): (&[u8], u64)| {
        Entry::parse(line).map_err(|reason| LedgerError::Line { line: number, reason })
    };
    lines(&text).zip(1..).map(entry).collect()
}

/// Whether a certificate for this public key (`SubjectPublicKeyInfo`, DER) stands in a ledger; no if it cannot be read.
pub fn knows_key(path: &Path, public_key: &[u8]) -> bool {
    let wanted = sha256_hex(public_key);
    let Ok(text) = read_bounded(path, LARGEST) else { return false };
    lines(&text).any(|line| Entry::parse(line).is_ok_and(|entry| entry.public_key_sha256 == wanted))
}

/// The lines of a ledger; an empty one between others is a line that is no entry.
pub fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let whole = text.strip_suffix(b"\n").unwrap_or(text);
    whole.split(|&byte| byte == b'\n').filter(|_| !text.is_empty())
}

/// Whether a text begins as a ledger does, be its first lines lost or not.
pub fn looks_like_one(text: &[u8]) -> bool {
    text.starts_with(b"{\"line\":")
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;
    use crate::forge;

    const OLD: &[u8] = include_bytes!("../../tests/fixtures/ledger-0.1.0/ca.ledger.jsonl");

    fn entry() -> Entry {
        let leaf = forge::ca("cn=kubernetes").leaf("cn=web eku=server sans=dns:web serial=0a1f");
        let certificate = Certificate::from_der(leaf.der()).unwrap();
        let mut entry = Entry::of(&certificate, "server", None, datetime!(2026-06-01 12:00 UTC));
        (entry.line, entry.previous_sha256) = (1, sha256_hex(b""));
        entry
    }

    #[test]
    fn lines_of_both_versions_are_read_as_they_were_written() {
        for line in lines(OLD) {
            let entry = Entry::parse(line).unwrap();
            assert_eq!((entry.version, entry.to_line().unwrap()), (1, line.to_vec()));
            assert_eq!(entry.issued.as_deref(), Some(entry.recorded()));
        }
        let issued = entry();
        let line = issued.to_line().unwrap();
        assert!(
            line.starts_with(br#"{"line":1,"version":2,"issued":"2026-06-01T12:00:00Z","serial":"0a1f","#)
        );
        assert!(looks_like_one(&line) && Entry::parse(&line).unwrap() == issued);
        let adopted = Entry {
            issued: None,
            profile: None,
            adopted: issued.issued.clone(),
            file: Some("a.crt".into()),
            ..issued
        };
        let line = adopted.to_line().unwrap();
        assert!(String::from_utf8_lossy(&line).contains(r#""version":2,"adopted":"2026-06-01T12:00:00Z","#));
        assert_eq!(Entry::parse(&line).unwrap(), adopted);
    }

    #[test]
    fn what_is_no_entry_is_said_in_words() {
        let line = String::from_utf8(entry().to_line().unwrap()).unwrap();
        for (line, why) in [
            (
                line.replace(r#""version":2"#, r#""version":3"#),
                "it is of version 3 of the format, and versions up to 2 are known; a newer kpki reads it",
            ),
            (r#"{"line":1,"version":7,"new":true}"#.to_owned(), "it is of version 7"),
            (line.replace(r#""version":2"#, r#""version":0"#), "it is of version 0"),
            (line.replace(r#""profile":"server","#, ""), "all that belongs to it"),
            (line.replace(r#""issued""#, r#""adopted""#), "all that belongs to it"),
            (
                line.replace(r#""version":2,"issued""#, r#""adopted""#).replace(r#""profile":"server","#, ""),
                "all that belongs to it",
            ),
            (line.replace("2026-06-01T12:00:00Z\",\"serial", "noon\",\"serial"), "none of RFC 3339"),
            (line.replace(r#"Sha256":""#, r#"Sha256":"X"#), "a SHA-256 in it is none"),
            (line.replace(r#""serial""#, r#""\u001bserial""#), "unknown field `\\u{1b}serial`, expected"),
            (format!("{line}}}"), "it is no JSON"),
            (String::new(), "it is no JSON"),
        ] {
            let said = Entry::parse(line.as_bytes()).unwrap_err();
            assert!(said.contains(why) && !said.contains("column"), "{line}: {said}");
        }
    }
}
