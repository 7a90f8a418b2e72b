//! What is asked of an audit: by the command line, and by a file where the command line says nothing.

use std::path::{Path, PathBuf};

use clap::builder::{PossibleValuesParser, TypedValueParser};
use kpki::audit::{CisBenchmark, Config, Expiring, FailOn, LARGEST_CONFIG, Policy, rule_word};
use kpki::disk::read_bounded;
use kpki::profile::KubernetesVersion;
use time::macros::format_description;
use time::{Date, OffsetDateTime};

use crate::cli::output;
use crate::cli::{Context, Failure, parse_instant};

/// The file that is read where it exists and no other is named.
const CONFIG: &str = ".kpki.yaml";

/// What is asked.
#[derive(Debug, clap::Args)]
pub(super) struct Asked {
    /// From which severity on a finding makes the exit code 1 [default: high].
    #[arg(long, value_name = "SEVERITY", value_parser = fail_on_parser())]
    fail_on: Option<FailOn>,
    /// Make the exit code 1 as well where something of what was given was not read, or too much to be judged. What a rule needs and was
    /// not given does not count.
    #[arg(long)]
    fail_on_skipped: bool,
    /// From when on a certificate counts as expiring: so long before its end (30d, 720h), or once so much of its life is over
    /// (66%) [default: the steps of rule T003].
    #[arg(long, value_name = "TIME", value_parser = str::parse::<Expiring>)]
    expiring: Option<Expiring>,
    /// Judge as of that day (its first instant, UTC) or instant (RFC 3339) instead of now: what will be broken then.
    #[arg(long, value_name = "DATE", value_parser = parse_at)]
    at: Option<OffsetDateTime>,
    /// Follow this release of the CIS Kubernetes Benchmark where they contradict one another [default: what kubeadm writes].
    #[arg(long, value_name = "RELEASE", value_parser = cis_parser())]
    cis: Option<CisBenchmark>,
    /// The version of Kubernetes, v1.36.2 for example [default: that of the images in the manifests].
    #[arg(long, value_name = "VERSION")]
    kubernetes_version: Option<KubernetesVersion>,
    /// Only these rules: ids, names, or the first letters of ids (F, P00); several with commas.
    #[arg(long, value_name = "RULES", value_delimiter = ',', value_parser = parse_rule)]
    select: Vec<String>,
    /// All rules but these.
    #[arg(long, value_name = "RULES", value_delimiter = ',', value_parser = parse_rule)]
    ignore: Vec<String>,
    /// A file of severities, waivers and anything of the above [default: .kpki.yaml, where it exists]. What the command line
    /// says counts more.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// What is asked, and what of it has to do with the exit code.
pub(super) struct Question {
    pub(super) policy: Policy,
    pub(super) fail_on: FailOn,
    pub(super) fail_on_skipped: bool,
    /// The file that had a say.
    pub(super) config: Option<String>,
}

impl Asked {
    pub(super) fn question(&self, context: &Context) -> Result<Question, Failure> {
        let (config, file) = self.read_config()?;
        let or = |own: &Vec<String>, other: Vec<String>| if own.is_empty() { other } else { own.clone() };
        let mut policy = Policy::new(self.at.unwrap_or(context.now));
        policy.expiring = self.expiring.or(config.expiring);
        policy.cis = self.cis.or(config.cis);
        policy.kubernetes_version = self.kubernetes_version.clone().or(config.kubernetes_version);
        policy.select = or(&self.select, config.select);
        policy.ignore = or(&self.ignore, config.ignore);
        policy.severities = config.severities;
        policy.waivers = config.waivers;
        Ok(Question {
            policy,
            fail_on: self.fail_on.or(config.fail_on).unwrap_or_default(),
            fail_on_skipped: self.fail_on_skipped || config.fail_on_skipped.unwrap_or_default(),
            config: file,
        })
    }

    fn read_config(&self) -> Result<(Config, Option<String>), Failure> {
        let file = match &self.config {
            Some(file) => file.as_path(),
            None if Path::new(CONFIG).exists() => Path::new(CONFIG),
            None => return Ok((Config::default(), None)),
        };
        let bytes = read_bounded(file, LARGEST_CONFIG)?;
        let name = file.to_string_lossy().into_owned();
        let config = Config::read(&name, &bytes)
            .map_err(|error| Failure::from(error).hint("docs/audit.md describes this file"))?;
        Ok((config, Some(output::path(file))))
    }
}

fn fail_on_parser() -> impl TypedValueParser<Value = FailOn> {
    PossibleValuesParser::new(["critical", "high", "medium", "low", "info", "none"])
        .try_map(|word| word.parse::<FailOn>())
}

fn cis_parser() -> impl TypedValueParser<Value = CisBenchmark> {
    PossibleValuesParser::new(CisBenchmark::ALL.map(CisBenchmark::name))
        .try_map(|word| word.parse::<CisBenchmark>())
}

fn parse_rule(word: &str) -> Result<String, String> {
    rule_word(word.trim()).map(|()| word.trim().to_owned())
}

/// A day's first instant, or an instant.
pub(in crate::cli) fn parse_at(text: &str) -> Result<OffsetDateTime, String> {
    match Date::parse(text, format_description!("[year]-[month]-[day]")) {
        Ok(day) => Ok(day.midnight().assume_utc()),
        Err(_) => parse_instant(text)
            .map_err(|_| "write a day, 2027-06-30, or an instant, 2027-06-30T12:00:00Z".to_owned()),
    }
}
