//! `kpki ledger adopt`.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use kpki::adoption::{self, Held, Holdings};
use kpki::ca::Ledger;
use kpki::disk::read_bounded;
use kpki::ledger::{LARGEST, check, lines};
use kpki::x509::Certificate;
use serde::Serialize;
use zeroize::Zeroizing;

use super::super::authority::directory_of;
use super::super::input::{Input, STANDARD_INPUT, is_standard_input};
use super::super::output::{self, BAD, Format, GOOD, styled};
use super::super::{Context, Failure, Status};
use super::{Kept, authorities, counted};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Certificates, kubeconfigs or bundles with what is to be adopted, or directories of them; - for standard input; without
    /// one, all that lies in the trees of the CA's cluster.
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// A PKI directory, in which each certificate is taken to the CA whose key has signed it, or a CA certificate.
    #[arg(long, value_name = "DIR|CERT", default_value = "/etc/kubernetes/pki")]
    ca: PathBuf,
    /// Show what would be adopted, and record nothing.
    #[arg(long)]
    dry_run: bool,
    /// How to print.
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
}

/// What came of it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Outcome {
    dry_run: bool,
    ledgers: Vec<OfLedger>,
    refused: Vec<Refused>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct OfLedger {
    ledger: String,
    adopted: Vec<Adopted>,
    /// What it records already.
    recorded: Vec<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Adopted {
    file: String,
    subject: String,
    serial: String,
    not_after: String,
    certificate_sha256: String,
    /// Until when, for people.
    #[serde(skip)]
    until: String,
}

#[derive(Serialize)]
struct Refused {
    file: String,
    reason: String,
}

impl Adopted {
    fn of(held: &Held) -> Self {
        let tbs = &held.facts.certificate.tbs;
        Self {
            file: held.shown.clone(),
            subject: tbs.subject.to_string(),
            serial: tbs.serial.to_string(),
            not_after: output::rfc3339(tbs.validity.not_after),
            certificate_sha256: held.facts.fingerprint(),
            until: output::instant(tbs.validity.not_after),
        }
    }
}

pub(super) fn run(context: &Context, args: &Args) -> Result<Status, Failure> {
    let (kept, around) = authorities(&args.ca)?;
    let kept: Vec<(Kept, Certificate)> = kept
        .into_iter()
        .filter_map(|mut kept| {
            let certificate = kept.certificate.take()?;
            Some((kept, certificate))
        })
        .collect();
    if kept.is_empty() {
        return Err(Failure::new(format!("there is no CA certificate in {}", output::path(&args.ca)))
            .hint("give the CA certificate itself: --ca FILE"));
    }
    let named = !args.files.is_empty();
    let named_holdings = if named { Some(read(&args.files)?) } else { None };
    let holdings = named_holdings.as_ref().unwrap_or(&around);
    let cas: Vec<&Certificate> = kept.iter().map(|(_, certificate)| certificate).collect();
    let signers = holdings.signers(&cas);
    let mut outcome = Outcome { dry_run: args.dry_run, ledgers: Vec::new(), refused: Vec::new() };
    if named {
        outcome.refused.extend(strangers(holdings, &signers, &cas, &args.ca));
    }
    if outcome.refused.is_empty() {
        for (at, (kept, certificate)) in kept.iter().enumerate() {
            let of_it = |signer: &Option<usize>| *signer == Some(at);
            let held = holdings.certificates.iter().zip(&signers).filter(|(_, signer)| of_it(signer));
            // Two CAs with one key have a ledger each; the first one's is as good.
            let held: Vec<&Held> = held.map(|(held, _)| held).collect();
            if !held.is_empty() {
                kpki::ca::check_certificate(certificate)
                    .map_err(|error| Failure::from(error).at(output::path(&kept.file)))?;
                // A ledger begins with the CA itself, where that signed itself.
                let fingerprint = certificate.fingerprint();
                let own = around.certificates.iter().find(|held| held.facts.fingerprint() == fingerprint);
                let own = own.filter(|held| held.facts.verify_signature(&certificate.tbs.public_key).is_ok());
                take_up(context, args.dry_run, kept, own, held, &mut outcome)?;
            }
        }
    }
    let refused = !outcome.refused.is_empty();
    match args.output {
        Format::Json => output::print_json(&outcome)?,
        Format::Text => output::print(outcome.to_text())?,
    }
    for (path, reason) in holdings.unread.iter().filter(|_| args.output == Format::Text) {
        output::inform(format!("not read: {path}: {reason}"))?;
    }
    Ok(if refused { Status::Refused } else { Status::Done })
}

/// What the named files hold.
fn read(files: &[PathBuf]) -> Result<Holdings, Failure> {
    let mut holdings = Holdings::default();
    for file in files {
        let mut one = Holdings::default();
        if is_standard_input(file)
            || std::fs::metadata(file).is_ok_and(|found| !found.is_file() && !found.is_dir())
        {
            let input = Input::read(file)?;
            one.take_contents(input.path.as_deref().unwrap_or(Path::new(STANDARD_INPUT)), &input.bytes);
        } else {
            one.take(file).map_err(|error| {
                let why = match error.kind() {
                    std::io::ErrorKind::NotFound => "there is no such file".to_owned(),
                    kind => kind.to_string(),
                };
                Failure::new(format!("{}: {why}", output::path(file))).hint("check the path")
            })?;
        }
        if let Some((path, reason)) = one.unread.first().filter(|_| one.certificates.is_empty()) {
            return Err(Failure::new(format!("{path}: {reason}")));
        }
        if one.certificates.is_empty() {
            return Err(Failure::new(format!("{}: it holds no certificate", output::path(file))));
        }
        holdings.add(one);
    }
    Ok(holdings)
}

/// What none of the CAs' keys has signed: every leaf, and every CA certificate that stands alone in its file. Others are
/// the chain of what stands before them.
fn strangers(
    holdings: &Holdings,
    signers: &[Option<usize>],
    cas: &[&Certificate],
    given: &Path,
) -> Vec<Refused> {
    let all = || holdings.certificates.iter().zip(signers);
    let file = |held: &Held| held.shown.split([':', '(']).next().unwrap_or_default().trim_end().to_owned();
    let whose = match cas {
        [one] => format!("the key of {} ({})", one.tbs.subject, output::path(given)),
        _ => format!("the key of any CA in {}", output::path(given)),
    };
    let is_chain = |held: &Held| {
        let signed = |other: &Held, signer: &Option<usize>| signer.is_some() && file(other) == file(held);
        held.facts.certificate.tbs.extensions.is_ca() && all().any(|(other, signer)| signed(other, signer))
    };
    all()
        .filter(|(held, signer)| signer.is_none() && !is_chain(held))
        .map(|(held, _)| Refused {
            file: held.shown.clone(),
            reason: format!("{} is not signed by {whose}", held.facts.certificate.tbs.subject),
        })
        .collect()
}

/// Records in one ledger what it lacks.
fn take_up<'a>(
    context: &Context,
    dry_run: bool,
    kept: &Kept,
    own: Option<&'a Held>,
    mut held: Vec<&'a Held>,
    outcome: &mut Outcome,
) -> Result<(), Failure> {
    let shown = output::path(&kept.ledger);
    let directory = directory_of(&kept.ledger);
    let name = kept.ledger.file_name().map(PathBuf::from).unwrap_or_default();
    // From here on nobody else signs under this CA, so that what is read stays so.
    let mut ledger = if dry_run { None } else { Some(Ledger::open(&directory, &name)?) };
    let text =
        if kept.ledger.is_file() { read_bounded(&kept.ledger, LARGEST)? } else { Zeroizing::default() };
    let whole = text.iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1);
    let text = text.get(..whole).unwrap_or_default();
    let problems = check(text, &[]).problems;
    if let Some(problem) = problems.first() {
        outcome.refused.push(Refused {
            file: shown,
            reason: format!(
                "{problem}; find out what happened to the ledger first: what is adopted now would stand for what was lost"
            ),
        });
        return Ok(());
    }
    if text.is_empty()
        && let Some(own) = own
    {
        held.retain(|held| held.facts.fingerprint() != own.facts.fingerprint());
        held.insert(0, own);
    }
    let recorded: HashSet<String> = lines(text)
        .filter_map(|line| Some(kpki::ledger::Entry::parse(line).ok()?.certificate_sha256))
        .collect();
    let (known, new): (Vec<&Held>, Vec<&Held>) =
        held.into_iter().partition(|held| recorded.contains(&held.facts.fingerprint()));
    if let Some(ledger) = ledger.as_mut().filter(|_| !new.is_empty()) {
        adoption::adopt(ledger, new.iter().copied(), context.now)?;
        ledger.commit()?;
    }
    outcome.ledgers.push(OfLedger {
        ledger: shown,
        adopted: new.into_iter().map(Adopted::of).collect(),
        recorded: known.into_iter().map(|held| held.shown.clone()).collect(),
    });
    Ok(())
}

impl Outcome {
    fn to_text(&self) -> String {
        let mut text = String::new();
        for OfLedger { ledger, adopted, recorded } in &self.ledgers {
            if adopted.is_empty() {
                let _ = writeln!(
                    text,
                    "{ledger}: nothing to adopt; {} at hand recorded",
                    counted(recorded.len())
                );
                continue;
            }
            let verb = if self.dry_run { "would adopt" } else { "adopted" };
            let _ = writeln!(
                text,
                "{} {ledger}: {verb} {}",
                styled(GOOD, if self.dry_run { "dry run:" } else { "done:" }),
                counted(adopted.len())
            );
            let rows = adopted.iter().map(|one| {
                let until = format!("until {}", one.until);
                vec![format!("  {}", one.subject), format!("serial {}", one.serial), until, one.file.clone()]
            });
            let _ = writeln!(text, "{}", output::rows(rows));
        }
        for Refused { file, reason } in &self.refused {
            let _ = writeln!(text, "{} {file}: {reason}", styled(BAD, "refused:"));
        }
        if !self.refused.is_empty() {
            text.push_str("nothing was adopted\n");
        } else if self.ledgers.is_empty() {
            text.push_str("nothing to adopt: no certificate at hand is signed by the CA's key\n");
        }
        text.truncate(text.trim_end().len());
        text
    }
}
