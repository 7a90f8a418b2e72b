//! A profile as it is written in YAML: texts with their places, not yet judged.

use std::fmt::Write as _;

use serde::Deserialize;

use super::rules::{CaRole, NameKind};
use super::{Place, ProfileError};
use crate::x509::Printable;
use crate::yaml::{self, Spanned, YamlError};

pub(super) type Text = Spanned<String>;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Configured {
    pub(super) name: Text,
    pub(super) description: Text,
    pub(super) issuer: Spanned<CaRole>,
    pub(super) versions: Option<Text>,
    pub(super) subject: ConfiguredSubject,
    #[serde(default)]
    pub(super) subject_alt_names: Option<Spanned<ConfiguredSans>>,
    pub(super) key_usage: Spanned<Vec<Text>>,
    #[serde(default)]
    pub(super) extended_key_usage: Vec<Text>,
    #[serde(default)]
    pub(super) exact_usages: bool,
    pub(super) ca: Option<Spanned<ConfiguredCa>>,
    pub(super) lifetime: ConfiguredLifetime,
    pub(super) kubeconfig: Option<Spanned<bool>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ConfiguredSubject {
    pub(super) common_name: Text,
    pub(super) name: Option<Spanned<NameKind>>,
    pub(super) default: Option<Text>,
    #[serde(default)]
    pub(super) except: Vec<Text>,
    #[serde(default)]
    pub(super) organizations: Vec<Spanned<ConfiguredOrganizations>>,
    #[serde(default)]
    pub(super) attributes: Vec<Text>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ConfiguredOrganizations {
    pub(super) versions: Option<Text>,
    pub(super) common_name: Option<Text>,
    pub(super) exactly: Option<Vec<Text>>,
    pub(super) matching: Option<Vec<Text>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ConfiguredSans {
    #[serde(default)]
    pub(super) required: bool,
    #[serde(default)]
    pub(super) common_name: bool,
    #[serde(default)]
    pub(super) dns: Vec<Text>,
    #[serde(default)]
    pub(super) except: Vec<Text>,
    #[serde(default)]
    pub(super) wildcards: bool,
    #[serde(default)]
    pub(super) ip: Vec<Text>,
    #[serde(default)]
    pub(super) email: Vec<Text>,
    #[serde(default)]
    pub(super) uri: Vec<Text>,
    #[serde(default)]
    pub(super) default: Vec<Text>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ConfiguredCa {
    pub(super) path_len: Option<u32>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ConfiguredLifetime {
    pub(super) default: Text,
    pub(super) max: Text,
}

/// The largest file that is read, in bytes; the largest profile of our own has 2 KiB.
const LARGEST: usize = 64 * 1024;

/// Reads one file.
pub(super) fn read(file: &str, bytes: &[u8]) -> Result<(Configured, String), ProfileError> {
    let whole = |reason: &str| ProfileError::File {
        place: Place { file: file.to_owned(), line: 0, column: 0 },
        reason: reason.to_owned(),
    };
    if bytes.len() > LARGEST {
        return Err(whole("it is larger than 64 KiB"));
    }
    let text = std::str::from_utf8(bytes).map_err(|_| whole("it is not UTF-8 text"))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let configured = yaml::read(text).map_err(|error| in_words(file, text, &error))?;
    Ok((configured, first_comment(text)))
}

/// What the YAML reader says, with the line that it stumbled over.
fn in_words(file: &str, text: &str, error: &YamlError) -> ProfileError {
    let (line, column) = (error.line, error.column);
    let index = usize::try_from(line).unwrap_or(0).checked_sub(1);
    let found = index.and_then(|index| text.lines().nth(index)).map(str::trim).unwrap_or_default();
    let mut reason = safe(&error.reason, 400);
    if !found.is_empty() {
        let _ = write!(reason, ", in `{}`", safe(found, 80));
    }
    ProfileError::File { place: Place { file: file.to_owned(), line, column }, reason }
}

/// A text of someone else's, safe to show and not too long.
fn safe(text: &str, longest: usize) -> String {
    let short: String = text.chars().take(longest).collect();
    let more = if short.len() < text.len() { "…" } else { "" };
    format!("{}{more}", Printable(&short))
}

/// The comment lines at the very beginning, joined by spaces.
fn first_comment(text: &str) -> String {
    let lines = text.lines().map_while(|line| line.strip_prefix('#'));
    lines.map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ")
}
