//! `kpki verify`: is a certificate accepted, by whom, for what, when, and if not, why.

use std::path::PathBuf;

use clap::ValueEnum;
use kpki::chain::{Located, Policy, Purpose, Settings, Unreadable, Verdict, Verifier};
use kpki::x509::SubjectAltName;
use rayon::prelude::*;
use serde::Serialize;
use time::OffsetDateTime;

use super::output::{self, Format, print, print_json};
use super::{Context, Failure, Status, parse_instant, pool, verdict};

const EXAMPLES: &str = "\
Examples:
  kpki verify /etc/kubernetes/pki/apiserver.crt --ca /etc/kubernetes/pki/ca.crt --purpose server --name 10.0.0.10
  kpki verify pki/*.crt --ca pki                          every CA certificate in pki is a trust anchor
  kpki verify chain.pem --ca root.pem --at 2027-03-01T00:00:00Z
  kpki verify leaf.pem --ca root.pem --intermediates sub.pem --crl root.crl --policy rfc5280 -o json

The default policy gives the verdict of Go's crypto/x509, which every Kubernetes component and etcd use; it reads no
revocation list, so what a --crl says is a warning there. The policy rfc5280 is the strict reading of the standard.

Exit codes: 0 all are valid, 1 some are not, 2 could not tell.";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The certificates: PEM with any number of blocks, or DER. A certificate that is followed by its issuers, as servers
    /// send them, is verified with those as intermediates.
    #[arg(required = true, value_name = "LEAF")]
    leaves: Vec<PathBuf>,
    /// The trust anchors: a file, or a directory whose CA certificates are taken (not those of directories in it).
    #[arg(long, required = true, value_name = "FILE|DIR", visible_alias = "cafile")]
    ca: Vec<PathBuf>,
    /// Certificates of CAs between.
    #[arg(long, value_name = "FILE", visible_alias = "untrusted")]
    intermediates: Vec<PathBuf>,
    /// Certificate revocation lists.
    #[arg(long, value_name = "FILE")]
    crl: Vec<PathBuf>,
    /// What the certificate is to be good for.
    #[arg(long, value_enum, default_value_t)]
    purpose: PurposeWord,
    /// A name that the certificate must have: `dns:…`, `ip:…`, `email:…`, `uri:…`, or plain. Of several, all.
    #[arg(long, value_name = "NAME", value_parser = parse_name)]
    name: Vec<SubjectAltName>,
    /// At this instant (RFC 3339) instead of now.
    #[arg(long, value_name = "INSTANT", value_parser = parse_instant)]
    at: Option<OffsetDateTime>,
    /// Whose verdict.
    #[arg(long, value_enum, default_value_t)]
    policy: PolicyWord,
    /// What to print.
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
}

#[derive(Debug, Clone, Copy, ValueEnum, Default)]
pub(super) enum PurposeWord {
    /// Whatever it says.
    #[default]
    Any,
    /// A TLS server.
    Server,
    /// A TLS client.
    Client,
}

impl From<PurposeWord> for Purpose {
    fn from(word: PurposeWord) -> Self {
        match word {
            PurposeWord::Any => Self::Any,
            PurposeWord::Server => Self::Server,
            PurposeWord::Client => Self::Client,
        }
    }
}

#[derive(Debug, Clone, Copy, ValueEnum, Default)]
pub(super) enum PolicyWord {
    /// Go's crypto/x509, as Kubernetes and etcd use it.
    #[default]
    Kubernetes,
    /// The strict reading of RFC 5280.
    Rfc5280,
}

impl From<PolicyWord> for Policy {
    fn from(word: PolicyWord) -> Self {
        match word {
            PolicyWord::Kubernetes => Self::Kubernetes,
            PolicyWord::Rfc5280 => Self::Rfc5280,
        }
    }
}

/// A name to look for. It is held against certificates as it stands: what no certificate should carry is asked for too.
pub(super) fn parse_name(text: &str) -> Result<SubjectAltName, String> {
    let (kind, value) = text.split_once(':').unwrap_or_default();
    match kind.to_ascii_lowercase().as_str() {
        _ if text.is_empty() => Err("it is empty".into()),
        "dns" | "email" | "uri" | "ip" if value.is_empty() => Err("there is nothing after the kind".into()),
        "dns" => Ok(SubjectAltName::Dns(value.to_owned())),
        "email" => Ok(SubjectAltName::Email(value.to_owned())),
        "uri" => Ok(SubjectAltName::Uri(value.to_owned())),
        "ip" => value.parse().map(SubjectAltName::Ip).map_err(|_| "it is no IP address".into()),
        _ => Ok(text.parse().map_or_else(|_| SubjectAltName::Dns(text.to_owned()), SubjectAltName::Ip)),
    }
}

/// One certificate that was asked about.
enum Leaf {
    /// As it was read, with the issuers that follow it in its file.
    Read(Box<Located>, Vec<Located>),
    /// It is no certificate.
    Unreadable(Unreadable),
}

/// Splits the certificates of a file: each starts anew unless it issued the one before.
fn leaves_of(all: Vec<Result<Located, Unreadable>>) -> Vec<Leaf> {
    let mut leaves: Vec<Leaf> = Vec::new();
    for one in all {
        match one {
            Err(unreadable) => leaves.push(Leaf::Unreadable(unreadable)),
            Ok(located) => match leaves.last_mut() {
                Some(Leaf::Read(leaf, issuers)) if issued(&located, issuers.last().unwrap_or(leaf)) => {
                    issuers.push(located);
                }
                _ => leaves.push(Leaf::Read(Box::new(located), Vec::new())),
            },
        }
    }
    leaves
}

fn issued(issuer: &Located, subject: &Located) -> bool {
    let (issuer, subject) = (&issuer.certificate.tbs, &subject.certificate.tbs);
    issuer.subject == subject.issuer && issuer.extensions.is_ca() && !subject.is_self_issued()
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    policy: String,
    purpose: String,
    names: Vec<String>,
    at: String,
    results: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    file: String,
    block: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
    #[serde(flatten)]
    report: Option<verdict::Report>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unreadable: Option<String>,
}

pub(crate) fn run(context: &Context, args: &Args) -> Result<Status, Failure> {
    let settings = Settings {
        policy: args.policy.into(),
        purpose: args.purpose.into(),
        names: args.name.clone(),
        at: args.at.unwrap_or(context.now),
    };
    let anchors = pool::read_anchors(&args.ca)?;
    let intermediates = pool::read_certificates(&args.intermediates)?;
    let lists = pool::read_lists(&args.crl)?;
    let read: Vec<Vec<Leaf>> = args
        .leaves
        .par_iter()
        .map(|file| pool::certificates_in(file).map(leaves_of))
        .collect::<Result<_, Failure>>()?;
    let leaves: Vec<Leaf> = read.into_iter().flatten().collect();
    let shared = Verifier::new(&settings, &anchors, &intermediates, &lists);
    // Intermediates that only one end entity brought are for that one alone.
    let verdicts: Vec<Option<Verdict<'_>>> = leaves
        .par_iter()
        .map(|leaf| match leaf {
            Leaf::Unreadable(_) => None,
            Leaf::Read(leaf, own) if own.is_empty() => Some(shared.verify(leaf)),
            Leaf::Read(leaf, own) => Some(shared.with(own).verify(leaf)),
        })
        .collect();
    let all_valid = verdicts.iter().all(|verdict| verdict.as_ref().is_some_and(Verdict::is_valid));
    match args.output {
        Format::Json => print_document(&settings, &leaves, &verdicts)?,
        Format::Text => print_text(&settings, &leaves, &verdicts)?,
    }
    Ok(if all_valid { Status::Done } else { Status::Refused })
}

fn print_document(
    settings: &Settings,
    leaves: &[Leaf],
    verdicts: &[Option<Verdict<'_>>],
) -> Result<(), Failure> {
    let row = |(leaf, verdict): (&Leaf, &Option<Verdict<'_>>)| {
        let (source, subject, unreadable) = match leaf {
            Leaf::Read(located, _) => {
                (&located.source, Some(located.certificate.tbs.subject.to_string()), None)
            }
            Leaf::Unreadable(unreadable) => (&unreadable.place, None, Some(unreadable.problem.to_string())),
        };
        Row {
            file: source.file.clone(),
            block: source.block,
            line: source.line,
            subject,
            report: verdict.as_ref().map(verdict::Report::of),
            unreadable,
        }
    };
    print_json(&Document {
        policy: settings.policy.to_string(),
        purpose: settings.purpose.to_string(),
        names: settings.names.iter().map(ToString::to_string).collect(),
        at: output::rfc3339(settings.at),
        results: leaves.iter().zip(verdicts).map(row).collect(),
    })
}

fn print_text(settings: &Settings, leaves: &[Leaf], verdicts: &[Option<Verdict<'_>>]) -> Result<(), Failure> {
    /// From so many on, each that is valid has one line.
    const MANY: usize = 4;
    let asked = asked(settings);
    let mut text = Vec::with_capacity(leaves.len() + 1);
    for (leaf, verdict) in leaves.iter().zip(verdicts) {
        let source = match leaf {
            Leaf::Read(located, _) => &located.source,
            Leaf::Unreadable(unreadable) => {
                text.push(format!(
                    "{}: {}\n  because  {}",
                    unreadable.place,
                    verdict::word(false),
                    unreadable.problem
                ));
                continue;
            }
        };
        match verdict {
            Some(Verdict::Valid(chain)) if leaves.len() >= MANY && chain.warnings().is_empty() => {
                text.push(format!("{source}: {}", verdict::word(true)));
            }
            Some(Verdict::Valid(chain)) => {
                text.push(format!(
                    "{source}: {}{asked}\n{}",
                    verdict::word(true),
                    verdict::valid_text(chain, settings.at)
                ));
            }
            Some(Verdict::Invalid(rejection)) => {
                text.push(format!(
                    "{source}: {}{asked}\n{}",
                    verdict::word(false),
                    verdict::invalid_text(rejection)
                ));
            }
            None => {}
        }
    }
    if leaves.len() > 1 {
        let valid = verdicts.iter().filter(|verdict| verdict.as_ref().is_some_and(Verdict::is_valid)).count();
        text.push(format!("{valid} of {} are valid", leaves.len()));
    }
    print(text.join("\n"))
}

/// What was asked, in a few words.
fn asked(settings: &Settings) -> String {
    let mut words = Vec::new();
    if settings.purpose != Purpose::Any {
        words.push(format!("as {}", settings.purpose));
    }
    if !settings.names.is_empty() {
        words.push(format!(
            "for {}",
            settings.names.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
        ));
    }
    words.push(format!("at {}", output::instant(settings.at)));
    words.push(format!("by the policy {}", settings.policy));
    format!(" {}", words.join(", "))
}
