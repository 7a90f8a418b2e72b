//! A profile as it is written in YAML: texts with their places, not yet judged.

use std::fmt::Write as _;

use serde::Deserialize;
use serde_saphyr::Spanned;

use super::rules::{CaRole, NameKind};
use super::{Place, ProfileError};
use crate::x509::Printable;

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
    let options = serde_saphyr::options! { with_snippet: false };
    let configured =
        serde_saphyr::from_str_with_options(text, options).map_err(|error| in_words(file, text, &error))?;
    Ok((configured, first_comment(text)))
}

/// What the YAML reader says, in a person's words and with the line that it stumbled over.
fn in_words(file: &str, text: &str, error: &serde_saphyr::Error) -> ProfileError {
    use serde_saphyr::Error;
    let (line, column) = error.location().map_or((0, 0), |at| (at.line(), at.column()));
    let reason = match error.without_snippet() {
        Error::Unexpected { expected: "sequence start", .. } => {
            "a list is expected, [a, b] for example".to_owned()
        }
        Error::Unexpected { expected: "mapping start", .. } => {
            "fields are expected, `name: …` for example".to_owned()
        }
        Error::Unexpected { expected: "string scalar", .. } => "a text is expected".to_owned(),
        Error::InvalidBooleanStrict { .. } => "true or false is expected".to_owned(),
        Error::DuplicateMappingKey { key, .. } => {
            format!("the field {} stands there twice", key.as_deref().unwrap_or_default())
        }
        other => {
            let whole = other.to_string();
            let place = format!(" at line {line}, column {column}");
            whole.strip_suffix(&place).unwrap_or(&whole).to_owned()
        }
    };
    let index = usize::try_from(line).unwrap_or(0).checked_sub(1);
    let found = index.and_then(|index| text.lines().nth(index)).map(str::trim).unwrap_or_default();
    let mut reason = safe(&reason, 400);
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
