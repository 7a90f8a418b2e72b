//! `kpki verify`: is a certificate accepted, by whom, for what, when, and if not, why.

use std::path::{Path, PathBuf};

use clap::ValueEnum;
use kpki::chain::{
    Located, Policy, Purpose, Reading, Remark, Settings, Source, Unreadable, Unseen, Verdict, Verifier,
};
use kpki::x509::SubjectAltName;
use rayon::prelude::*;
use serde::Serialize;
use time::OffsetDateTime;

use super::output::{self, Format, WARN, print, print_json, styled};
use super::pool::Group;
use super::{Context, Failure, Status, parse_instant, pool, verdict};

const EXAMPLES: &str = "\
Examples:
  kpki verify /etc/kubernetes/pki/apiserver.crt --ca /etc/kubernetes/pki/ca.crt --purpose server --name 10.0.0.10
  kpki verify pki/*.crt --ca pki                          every CA certificate in pki is a trust anchor
  kpki verify chain.pem --ca root.pem --at 2027-03-01T00:00:00Z
  kpki verify leaf.pem --ca root.pem --intermediates sub.pem --crl root.crl --policy rfc5280 -o json
  kpki verify admin.conf --ca /etc/kubernetes/pki/ca.crt --purpose client
  kubectl get secret web-tls -o yaml | kpki verify - --ca webhook.yaml --purpose server --name web.default.svc

The default policy gives the verdict of Go's crypto/x509, which every Kubernetes component and etcd use; it reads no
revocation list, so what a --crl says is a warning there. The policy rfc5280 is the strict reading of the standard.

Exit codes: 0 all are valid, 1 some are not, 2 could not tell.";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The certificates: PEM, DER, PKCS#7, kubeconfigs, Secrets and other objects of Kubernetes, - for standard input. Of each
    /// the first certificate is judged, as a server or a client shows it, with the others of the same file or field as
    /// intermediates in any order; of a kubeconfig, the one of the current context's user.
    #[arg(required = true, value_name = "LEAF")]
    leaves: Vec<PathBuf>,
    /// The trust anchors: a file of the same forms (of a kubeconfig, the CA of the current context's cluster), or a directory
    /// whose CA certificates are taken (not those of directories in it).
    #[arg(long, required = true, value_name = "FILE|DIR", visible_alias = "cafile")]
    ca: Vec<PathBuf>,
    /// Certificates of CAs between.
    #[arg(long, value_name = "FILE", visible_alias = "untrusted")]
    intermediates: Vec<PathBuf>,
    /// Certificate revocation lists.
    #[arg(long, value_name = "FILE")]
    crl: Vec<PathBuf>,
    /// Which certificate of a LEAF that holds several: its number, from 1; the field that holds it, or a part of its name; or
    /// `all`, each by itself.
    #[arg(long, value_name = "N|FIELD|all", value_parser = parse_select)]
    select: Option<Select>,
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

/// Which certificate of a file is judged.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Select {
    /// The first one, as servers and clients show it.
    First,
    /// The one of this number, from 1.
    Number(usize),
    /// The first one of the field with this in its name.
    Field(String),
    /// Each by itself.
    All,
}

fn parse_select(text: &str) -> Result<Select, String> {
    match text.parse::<usize>() {
        Ok(0) => Err("certificates are counted from 1".into()),
        Ok(number) => Ok(Select::Number(number)),
        Err(_) if text.is_empty() => Err("it is empty".into()),
        Err(_) if text.eq_ignore_ascii_case("all") => Ok(Select::All),
        Err(_) => Ok(Select::Field(text.to_owned())),
    }
}

/// One certificate that was asked about.
#[derive(Default)]
struct Leaf {
    /// As it was read, or why it is none.
    certificate: Option<Result<Located, Unreadable>>,
    /// The others that stand with it, which are sent along.
    others: Vec<Located>,
    unreadable: Vec<Unreadable>,
    /// Those beside it that the policy does not see, and those of all other files.
    unseen: Vec<Unseen>,
    remarks: Vec<Remark>,
    notes: Vec<String>,
}

impl Leaf {
    fn place(&self) -> Source {
        match &self.certificate {
            Some(Ok(located)) => located.source.clone(),
            Some(Err(unreadable)) => unreadable.place.clone(),
            None => self.unseen.first().map(|unseen| unseen.source.clone()).unwrap_or_default(),
        }
    }

    /// Why there is nothing to verify.
    fn problem(&self) -> Option<String> {
        match &self.certificate {
            Some(Ok(_)) => None,
            Some(Err(unreadable)) => Some(unreadable.problem.clone()),
            None => {
                let why = self.unseen.first().map(|unseen| unseen.why.clone()).unwrap_or_default();
                Some(format!("programs written in Go find no certificate in it: {why}"))
            }
        }
    }
}

/// The certificates of a file that are judged. The others of its field are sent along with each, in whatever order.
fn leaves_of(file: &Path, policy: Policy, select: &Select) -> Result<Vec<Leaf>, Failure> {
    let groups = pool::read_shown(file, policy)?;
    let name = output::path(file);
    let total: usize = groups.iter().map(|group| group.reading.certificates.len()).sum();
    let mut number = 0;
    let mut leaves = Vec::new();
    for (index, group) in groups.iter().enumerate() {
        let count = group.reading.certificates.len();
        let in_field = |part: &String| group.field.as_ref().is_some_and(|field| field.contains(part));
        let chosen: Vec<usize> = match select {
            Select::First => {
                if index == 0 {
                    vec![0]
                } else {
                    Vec::new()
                }
            }
            Select::All => (0..count.max(1)).collect(),
            Select::Number(wanted) => {
                wanted.checked_sub(number + 1).filter(|at| *at < count).into_iter().collect()
            }
            Select::Field(part) => {
                if in_field(part) && leaves.is_empty() {
                    vec![0]
                } else {
                    Vec::new()
                }
            }
        };
        for at in chosen {
            let mut leaf = leaf_of(&group.reading, at);
            if *select == Select::First {
                leaf.notes.extend(not_judged(&groups, total));
            }
            leaves.push(leaf);
        }
        number += count;
    }
    if leaves.is_empty() {
        let what = match select {
            Select::Number(wanted) => {
                format!("it holds {total} certificate{}, and no {wanted}", plural(total))
            }
            _ => "no field of it that holds a certificate is called so".to_owned(),
        };
        let fields: Vec<&str> = groups.iter().filter_map(|group| group.field.as_deref()).collect();
        let hint = match fields.as_slice() {
            [] => format!("--select N, from 1 to {total}, or --select all"),
            fields => format!("its fields are {}", fields.join(", ")),
        };
        return Err(Failure::new(format!("{name}: {what}")).hint(hint));
    }
    Ok(leaves)
}

fn plural(count: usize) -> &'static str {
    if count == 1 { "" } else { "s" }
}

fn leaf_of(reading: &Reading, at: usize) -> Leaf {
    let mut leaf =
        Leaf { unseen: reading.unseen.clone(), remarks: reading.remarks.clone(), ..Leaf::default() };
    for (index, one) in reading.certificates.iter().enumerate() {
        match one {
            _ if index == at => {
                leaf.certificate = Some(match one {
                    Ok(located) => Ok(located.clone()),
                    Err(unreadable) => Err(unreadable.clone()),
                });
            }
            Ok(located) => leaf.others.push(located.clone()),
            Err(unreadable) => leaf.unreadable.push(unreadable.clone()),
        }
    }
    leaf
}

/// What else stands in a file of which the first certificate was judged.
fn not_judged(groups: &[Group], total: usize) -> Option<String> {
    let first = groups.first()?;
    let is_leaf = |one: &&Result<Located, Unreadable>| {
        one.as_ref().is_ok_and(|located| !located.certificate.tbs.extensions.is_ca())
    };
    let more = first.reading.certificates.iter().skip(1).filter(is_leaf).count();
    let fields: Vec<&str> = groups.iter().skip(1).filter_map(|group| group.field.as_deref()).collect();
    let judged = match &first.field {
        Some(field) => format!("{field} was judged"),
        None => "the first certificate was judged".to_owned(),
    };
    if !fields.is_empty() {
        let which = fields.first().copied().unwrap_or_default();
        return Some(format!(
            "{judged}; there is also {}: --select '{which}' judges that, --select all each",
            fields.join(", ")
        ));
    }
    if more == 0 {
        return None;
    }
    let of_no_ca = if more == 1 { "one that is" } else { "some that are" };
    Some(format!(
        "{judged}, and the other{} of the {total} taken for intermediates, as programs do; there is {of_no_ca} no CA's: \
         --select N (from 1) judges that one, --select all each",
        plural(total - 1)
    ))
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    policy: String,
    purpose: String,
    names: Vec<String>,
    at: String,
    /// What is odd about the form of the files of trust anchors and intermediates.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    remarks: Vec<Remarked>,
    results: Vec<Row>,
}

/// Something about the form of a file.
#[derive(Serialize)]
struct Remarked {
    file: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<usize>,
    situation: &'static str,
    message: String,
    programs: Vec<&'static str>,
}

impl Remarked {
    fn of(remark: &Remark) -> Self {
        let Source { file, field, line, .. } = remark.source.clone();
        let (situation, message) = (remark.situation, remark.text.clone());
        Self { file, field, line, situation, message, programs: remark.programs.clone() }
    }
}

#[derive(Serialize)]
struct Row {
    file: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<String>,
    block: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
    #[serde(flatten)]
    report: Option<verdict::Report>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unreadable: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    remarks: Vec<Remarked>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    notes: Vec<String>,
}

pub(crate) fn run(context: &Context, args: &Args) -> Result<Status, Failure> {
    let settings = Settings {
        policy: args.policy.into(),
        purpose: args.purpose.into(),
        names: args.name.clone(),
        at: args.at.unwrap_or(context.now),
    };
    let inputs = args.leaves.iter().chain(&args.ca).chain(&args.intermediates).chain(&args.crl);
    if inputs.filter(|path| path.as_os_str() == "-").count() > 1 {
        return Err(Failure::new("standard input can be read once").hint("give one - at most"));
    }
    let anchors = pool::read_anchors(&args.ca, settings.policy)?;
    let intermediates = pool::read_intermediates(&args.intermediates, settings.policy)?;
    let lists = pool::read_lists(&args.crl)?;
    let select = args.select.clone().unwrap_or(Select::First);
    let read: Vec<Vec<Leaf>> = args
        .leaves
        .par_iter()
        .map(|file| leaves_of(file, settings.policy, &select))
        .collect::<Result<_, Failure>>()?;
    let mut leaves: Vec<Leaf> = read.into_iter().flatten().collect();
    let shared_unseen: Vec<Unseen> = anchors.unseen.iter().chain(&intermediates.unseen).cloned().collect();
    if !shared_unseen.is_empty() {
        for leaf in &mut leaves {
            leaf.unseen.extend(shared_unseen.iter().cloned());
        }
    }
    let shared = Verifier::new(&settings, &anchors.certificates, &intermediates.certificates, &lists);
    // Intermediates that only one end entity brought are for that one alone.
    let verdicts: Vec<Option<Verdict<'_>>> = leaves
        .par_iter()
        .map(|leaf| match &leaf.certificate {
            Some(Ok(located)) => {
                Some(shared.with(&leaf.others, &leaf.unreadable).beside(&leaf.unseen).verify(located))
            }
            _ => None,
        })
        .collect();
    let all_valid = verdicts.iter().all(|verdict| verdict.as_ref().is_some_and(Verdict::is_valid));
    let mut remarks = anchors.remarks;
    remarks.extend(intermediates.remarks);
    match args.output {
        Format::Json => print_document(&settings, &remarks, &leaves, &verdicts)?,
        Format::Text => print_text(&settings, &remarks, &leaves, &verdicts)?,
    }
    Ok(if all_valid { Status::Done } else { Status::Refused })
}

fn print_document(
    settings: &Settings,
    remarks: &[Remark],
    leaves: &[Leaf],
    verdicts: &[Option<Verdict<'_>>],
) -> Result<(), Failure> {
    let row = |(leaf, verdict): (&Leaf, &Option<Verdict<'_>>)| {
        let Source { file, field, block, line } = leaf.place();
        let located = leaf.certificate.as_ref().and_then(|read| read.as_ref().ok());
        Row {
            file,
            field,
            block,
            line,
            subject: located.map(|located| located.certificate.tbs.subject.to_string()),
            report: verdict.as_ref().map(verdict::Report::of),
            unreadable: leaf.problem(),
            remarks: leaf.remarks.iter().map(Remarked::of).collect(),
            notes: leaf.notes.clone(),
        }
    };
    print_json(&Document {
        policy: settings.policy.to_string(),
        purpose: settings.purpose.to_string(),
        names: settings.names.iter().map(ToString::to_string).collect(),
        at: output::rfc3339(settings.at),
        remarks: remarks.iter().map(Remarked::of).collect(),
        results: leaves.iter().zip(verdicts).map(row).collect(),
    })
}

fn print_text(
    settings: &Settings,
    remarks: &[Remark],
    leaves: &[Leaf],
    verdicts: &[Option<Verdict<'_>>],
) -> Result<(), Failure> {
    /// From so many on, each that is valid has one line.
    const MANY: usize = 4;
    let asked = asked(settings);
    let mut text = Vec::with_capacity(leaves.len() + 1);
    for (leaf, verdict) in leaves.iter().zip(verdicts) {
        // Where in the file it stands, the path says.
        let source = Source { field: None, ..leaf.place() };
        let silent = leaf.remarks.is_empty() && leaf.notes.is_empty();
        match verdict {
            Some(Verdict::Valid(chain)) if leaves.len() >= MANY && chain.warnings().is_empty() && silent => {
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
            None => {
                let problem = leaf.problem().unwrap_or_default();
                text.push(format!("{source}: {}\n  because  {problem}", verdict::word(false)));
            }
        }
        text.extend(leaf.remarks.iter().map(|remark| format!("  {}", remark_text(remark))));
        text.extend(leaf.notes.iter().map(|note| format!("  note    {note}")));
    }
    text.extend(remarks.iter().map(remark_text));
    if leaves.len() > 1 {
        let valid = verdicts.iter().filter(|verdict| verdict.as_ref().is_some_and(Verdict::is_valid)).count();
        text.push(format!("{valid} of {} are valid", leaves.len()));
    }
    print(text.join("\n"))
}

fn remark_text(remark: &Remark) -> String {
    format!("{} {}: {}", styled(WARN, "warning"), remark.source, remark.text)
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
