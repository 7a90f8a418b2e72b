//! A file of what is asked and what is accepted: `.kpki.yaml`.

use std::collections::BTreeMap;

use serde::Deserialize;
use time::Date;
use time::macros::format_description;

use super::policy::rule_word;
use super::{CisBenchmark, Expiring, Severity, Waiver};
use crate::profile::KubernetesVersion;
use crate::x509::Printable;
use crate::yaml::{self, Spanned};

/// The largest such file, in bytes: some ten thousand waivers.
pub const LARGEST_CONFIG: u64 = 1 << 20;

/// What a file asks for. What it does not say is none, or empty.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct Config {
    /// From which severity on a finding is a failure: `failOn`.
    pub fail_on: Option<FailOn>,
    /// Whether it is a failure that something was not read: `failOnSkipped`.
    pub fail_on_skipped: Option<bool>,
    /// From when on a certificate counts as expiring: `expiring`.
    pub expiring: Option<Expiring>,
    /// The benchmark: `cis`.
    pub cis: Option<CisBenchmark>,
    /// The version of Kubernetes: `kubernetesVersion`.
    pub kubernetes_version: Option<KubernetesVersion>,
    /// Rules that alone are asked for: `select`.
    pub select: Vec<String>,
    /// Rules that are left out: `ignore`.
    pub ignore: Vec<String>,
    /// Severities other than the rules' own, the more general word first: `severities`.
    pub severities: Vec<(String, Severity)>,
    /// What is accepted: `waivers`.
    pub waivers: Vec<Waiver>,
}

/// From which severity on a finding is a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailOn {
    /// From this one on.
    Severity(Severity),
    /// Never.
    Never,
}

impl Default for FailOn {
    fn default() -> Self {
        Self::Severity(Severity::High)
    }
}

/// What is wrong with such a file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{}: {reason}", Printable(.file), if *.line > 0 { format!(":{}", .line) } else { String::new() })]
pub struct ConfigError {
    /// The file.
    pub file: String,
    /// The line, from 1; 0 where it is the file as a whole.
    pub line: u64,
    /// What is wrong; safe to show.
    pub reason: String,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Written {
    fail_on: Option<Spanned<String>>,
    fail_on_skipped: Option<bool>,
    expiring: Option<Spanned<String>>,
    cis: Option<Spanned<String>>,
    kubernetes_version: Option<Spanned<String>>,
    #[serde(default)]
    select: Vec<Spanned<String>>,
    #[serde(default)]
    ignore: Vec<Spanned<String>>,
    #[serde(default)]
    severities: BTreeMap<String, Spanned<String>>,
    #[serde(default)]
    waivers: Vec<Spanned<WrittenWaiver>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenWaiver {
    rule: Spanned<String>,
    path: Option<String>,
    node: Option<String>,
    reason: Spanned<String>,
    expires: Spanned<String>,
}

/// Reads the word for a severity.
pub(super) fn severity(text: &str) -> Result<Severity, String> {
    let all = [Severity::Info, Severity::Low, Severity::Medium, Severity::High, Severity::Critical];
    all.into_iter()
        .find(|severity| severity.name() == text)
        .ok_or_else(|| format!("`{}` is none of info, low, medium, high, critical", Printable(text)))
}

impl Config {
    /// Reads a file.
    ///
    /// # Errors
    /// [`ConfigError`] with the line of the first thing that is wrong: an unknown field or rule, a waiver without reason or end.
    pub fn read(file: &str, bytes: &[u8]) -> Result<Self, ConfigError> {
        let whole = |line, reason: String| ConfigError { file: file.to_owned(), line, reason };
        if bytes.len() as u64 > LARGEST_CONFIG {
            return Err(whole(0, "it is larger than 1 MiB".into()));
        }
        let text = std::str::from_utf8(bytes).map_err(|_| whole(0, "it is not UTF-8".into()))?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let is_text = |line: &str| !line.trim().is_empty() && !line.starts_with('#');
        if !text.lines().any(is_text) {
            return Ok(Self::default());
        }
        let written: Written =
            yaml::read(text).map_err(|error| whole(error.line, Printable(&error.reason).to_string()))?;
        Reader { file }.config(written)
    }
}

struct Reader<'a> {
    file: &'a str,
}

impl Reader<'_> {
    fn config(&self, written: Written) -> Result<Config, ConfigError> {
        let mut severities = Vec::new();
        for (word, text) in written.severities {
            rule_word(&word).map_err(|reason| self.error(&text, reason))?;
            severities.push((word, self.parse(&text, severity)?));
        }
        // The last that fits counts: what names one rule before what names many.
        severities.sort_by_key(|(word, _)| word.len());
        Ok(Config {
            fail_on: self.optional(written.fail_on.as_ref(), fail_on)?,
            fail_on_skipped: written.fail_on_skipped,
            expiring: self.optional(written.expiring.as_ref(), str::parse)?,
            cis: self.optional(written.cis.as_ref(), str::parse)?,
            kubernetes_version: self.optional(written.kubernetes_version.as_ref(), |text| {
                text.parse().map_err(|error: crate::profile::ProfileError| error.to_string())
            })?,
            select: self.words(&written.select)?,
            ignore: self.words(&written.ignore)?,
            severities,
            waivers: written
                .waivers
                .into_iter()
                .map(|waiver| self.waiver(waiver))
                .collect::<Result<_, _>>()?,
        })
    }

    fn error<T>(&self, at: &Spanned<T>, reason: String) -> ConfigError {
        ConfigError { file: self.file.to_owned(), line: at.referenced.line(), reason }
    }

    fn parse<T>(
        &self,
        text: &Spanned<String>,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Result<T, ConfigError> {
        parse(text.value.trim()).map_err(|reason| self.error(text, reason))
    }

    fn optional<T>(
        &self,
        text: Option<&Spanned<String>>,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Result<Option<T>, ConfigError> {
        text.map(|text| self.parse(text, parse)).transpose()
    }

    fn words(&self, words: &[Spanned<String>]) -> Result<Vec<String>, ConfigError> {
        words.iter().map(|word| self.parse(word, |text| rule_word(text).map(|()| text.to_owned()))).collect()
    }

    /// A rule that does not exist is no error here: it is told as a dead waiver, for rules may go.
    fn waiver(&self, written: Spanned<WrittenWaiver>) -> Result<Waiver, ConfigError> {
        let line = written.referenced.line();
        let WrittenWaiver { rule, path, node, reason, expires } = written.value;
        if reason.value.trim().is_empty() {
            return Err(self.error(&reason, "the reason is empty; who reads this later will ask".into()));
        }
        if rule.value.trim().is_empty() {
            return Err(self.error(&rule, "the rule is empty".into()));
        }
        Ok(Waiver {
            rule: rule.value.trim().to_owned(),
            path,
            node,
            reason: Printable(reason.value.trim()).to_string(),
            expires: self.parse(&expires, date)?,
            place: (self.file.to_owned(), line),
        })
    }
}

fn date(text: &str) -> Result<Date, String> {
    Date::parse(text, format_description!("[year]-[month]-[day]"))
        .map_err(|_| format!("`{}` is no date; write 2027-06-30 for example", Printable(text)))
}

fn fail_on(text: &str) -> Result<FailOn, String> {
    text.parse()
}

impl std::str::FromStr for FailOn {
    type Err = String;

    /// Reads the name of a severity, or `none`.
    fn from_str(text: &str) -> Result<Self, String> {
        if text == "none" {
            return Ok(Self::Never);
        }
        severity(text).map(Self::Severity).map_err(|error| format!("{error}, none"))
    }
}

#[cfg(test)]
mod tests {
    use time::Duration;
    use time::macros::date;

    use super::*;

    #[test]
    fn everything_is_read() {
        let text = "\
# what we accept
failOn: critical
failOnSkipped: true
expiring: 66%
cis: 1.10
kubernetesVersion: 1.30
select: [F, key-usage]
ignore:
- P015
severities:
  P004: low
  P: medium
waivers:
- rule: P004
  path: pki/etcd/**
  node: cp*
  reason: the old CA
  expires: 2027-03-01
";
        let config = Config::read(".kpki.yaml", text.as_bytes()).unwrap();
        assert_eq!(
            config,
            Config {
                fail_on: Some(FailOn::Severity(Severity::Critical)),
                fail_on_skipped: Some(true),
                expiring: Some(Expiring::Past(66.0)),
                cis: Some(CisBenchmark::V1_10),
                kubernetes_version: Some(KubernetesVersion::new(1, 30, 0)),
                select: vec!["F".into(), "key-usage".into()],
                ignore: vec!["P015".into()],
                severities: vec![("P".into(), Severity::Medium), ("P004".into(), Severity::Low)],
                waivers: vec![Waiver {
                    rule: "P004".into(),
                    path: Some("pki/etcd/**".into()),
                    node: Some("cp*".into()),
                    reason: "the old CA".into(),
                    expires: date!(2027 - 03 - 01),
                    place: (".kpki.yaml".into(), 14),
                }],
            }
        );
        let config = Config::read("x", b"expiring: 30d\nfailOn: none\n").unwrap();
        assert_eq!(config.expiring, Some(Expiring::Within(Duration::days(30))));
        assert_eq!(config.fail_on, Some(FailOn::Never));
        for empty in ["", "# nothing\n\n"] {
            assert_eq!(Config::read("x", empty.as_bytes()).unwrap(), Config::default());
        }
    }

    #[test]
    fn the_template_and_the_documented_example_are_read() {
        let template = include_bytes!("../../templates/kpki.yaml");
        let config = Config::read("templates/kpki.yaml", template).unwrap();
        assert_eq!((config.ignore.len(), config.severities.len(), config.waivers.len()), (1, 1, 1));
        let document = include_str!("../../docs/audit.md");
        let example = document.split("```yaml\n").nth(1).unwrap().split("```").next().unwrap();
        assert_eq!(Config::read("docs/audit.md", example.as_bytes()).unwrap().waivers.len(), 1);
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        let waiver = |fields: &str| format!("waivers:\n- rule: P004\n{fields}");
        for (text, line, part) in [
            ("cis: \"1.10\"\nfailon: high\n".to_owned(), 2, "failon"),
            ("\nfailOn: hihg\n".into(), 2, "`hihg` is none of info, low, medium, high, critical, none"),
            ("select: P004\n".into(), 1, "a list is expected here"),
            ("select:\n- P004\n- key-usge\n".into(), 3, "key-usage"),
            ("severities:\n  P004: awful\n".into(), 2, "`awful` is none of"),
            ("severities:\n  X004: low\n".into(), 2, "`X004` names no rule"),
            ("expiring: soon\n".into(), 1, "soon"),
            ("cis: 1.99\n".into(), 1, "`1.99` is none of 1.24"),
            ("kubernetesVersion: latest\n".into(), 1, "latest"),
            (waiver("  expires: 2027-03-01\n"), 3, "reason"),
            (waiver("  reason: it is old\n"), 3, "expires"),
            (waiver("  reason: ' '\n  expires: 2027-03-01\n"), 3, "the reason is empty"),
            (waiver("  reason: old\n  expires: never\n"), 4, "`never` is no date"),
            (waiver("  reason: old\n  expires: 2027-02-30\n"), 4, "is no date"),
            (waiver("  reason: old\n  expires: 2027-02-03\n  until: 3\n"), 5, "until"),
        ] {
            let error = Config::read(".kpki.yaml", text.as_bytes()).unwrap_err();
            assert_eq!(error.line, line, "{text}: {error}");
            assert!(error.to_string().starts_with(&format!(".kpki.yaml:{line}: ")), "{error}");
            assert!(error.reason.contains(part), "{text}: {error}");
        }
        let error = Config::read("x", &[0xff]).unwrap_err();
        assert_eq!(error.to_string(), "x: it is not UTF-8");
    }
}
