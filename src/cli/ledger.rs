//! `kpki ledger`: what a CA has signed.

use std::path::{Path, PathBuf};

use kpki::ca::{Entry, read_ledger, verify_ledger};
use kpki::disk::read_bounded;
use kpki::inspect::Wanted;
use kpki::kubeconfig;
use kpki::layout::{Authority, ledger_beside};
use kpki::x509::{Certificate, Printable};
use serde::Serialize;

use super::authority::{directory_of, places_of};
use super::input::{Input, is_standard_input};
use super::output::{self, BAD, Format, GOOD, styled};
use super::requests::files_in;
use super::{Failure, LARGEST_INPUT, Status};

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Look whether a line was lost or altered, and whether every certificate at hand is recorded.
    #[command(after_help = VERIFY_EXAMPLES)]
    Verify(Args),
    /// List what was signed.
    #[command(
        after_help = "Examples:\n  kpki ledger list --ca /etc/kubernetes/pki\n  kpki ledger list --ca pki/etcd/ca.crt -o json"
    )]
    List(Args),
}

const VERIFY_EXAMPLES: &str = "\
Examples:
  kpki ledger verify --ca /etc/kubernetes/pki   every CA of the directory
  kpki ledger verify --ca pki/ca.crt -o json

Each line holds the hash of the line before it. A cut at the end shows only by the last line's hash (HEAD): note it
elsewhere.";

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A PKI directory, or a CA certificate; the ledger lies beside it (ca.ledger.jsonl beside ca.crt).
    #[arg(long, value_name = "DIR|CERT", default_value = "/etc/kubernetes/pki")]
    ca: PathBuf,
    /// How to print.
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
}

#[derive(Serialize)]
struct Checked {
    ledger: String,
    #[serde(flatten)]
    report: kpki::ca::LedgerReport,
}

#[derive(Serialize)]
struct Listed {
    ledger: String,
    entries: Vec<Entry>,
}

pub(super) fn run(command: &Command) -> Result<Status, Failure> {
    match command {
        Command::Verify(args) => verify(args),
        Command::List(args) => list(args),
    }
}

/// Where the certificates lie, or will lie, of the CAs that are meant, each with a ledger beside it. A ledger is
/// there before the CA's own certificate is.
fn authorities(given: &Path) -> Result<Vec<PathBuf>, Failure> {
    if is_standard_input(given) {
        return Err(Failure::new("no ledger lies beside standard input")
            .hint("name the CA's certificate, or its directory: --ca DIR"));
    }
    let has_ledger = |certificate: &Path| ledger_beside(certificate).is_file();
    let found: Vec<PathBuf> = if given.is_dir() {
        // ca.crt and ca.pem share a ledger's name.
        let all = Authority::ALL.into_iter().filter_map(|authority| {
            let places = places_of(given, authority, has_ledger);
            places.iter().find(|place| place.is_file()).or(places.first()).cloned()
        });
        all.collect()
    } else {
        Some(given.to_owned()).into_iter().filter(|given| has_ledger(given)).collect()
    };
    if found.is_empty() {
        return Err(Failure::new(format!("no ledger belongs to {}", output::path(given))).hint(
            "a ledger begins with the first certificate that kpki signs; it lies beside the CA's certificate",
        ));
    }
    Ok(found)
}

fn verify(args: &Args) -> Result<Status, Failure> {
    let mut checked = Vec::new();
    for certificate in authorities(&args.ca)? {
        let ledger = ledger_beside(&certificate);
        let known = if certificate.is_file() {
            let ca = Input::read(&certificate)?.certificates(Wanted::Authorities)?.into_iter().next();
            let ca = ca.ok_or_else(|| Failure::new("no certificate").at(output::path(&certificate)))?;
            certificates_by(&ca, &directory_of(&certificate))?
        } else {
            Vec::new()
        };
        checked.push(Checked { ledger: output::path(&ledger), report: verify_ledger(&ledger, &known)? });
    }
    let sound = checked.iter().all(|checked| checked.report.problems.is_empty());
    if args.output == Format::Json {
        output::print_json(&checked)?;
    } else {
        let mut rows = Vec::new();
        for Checked { ledger, report } in &checked {
            let verdict = if report.problems.is_empty() { "sound" } else { "NOT SOUND" };
            rows.push(vec![
                ledger.clone(),
                report.lines.to_string(),
                verdict.into(),
                report.head_sha256.clone(),
            ]);
        }
        output::print(output::table(&["LEDGER", "LINES", "VERDICT", "HEAD"], rows))?;
        for Checked { ledger, report } in &checked {
            for problem in &report.problems {
                output::print(format!("{} {ledger}: {}", styled(BAD, "found:"), Printable(problem)))?;
            }
        }
        if sound {
            output::print(styled(GOOD, "every line follows the one before it"))?;
        }
    }
    Ok(if sound { Status::Done } else { Status::Refused })
}

/// The certificates in a directory, and in the kubeconfigs beside it, that this CA has signed: name and fingerprint.
fn certificates_by(ca: &Certificate, directory: &Path) -> Result<Vec<(String, String)>, Failure> {
    let mut files = files_in(directory, &["crt", "pem"])?;
    if directory.file_name().is_some_and(|name| name == "pki") {
        let above = std::fs::read_dir(directory_of(directory))
            .into_iter()
            .flatten()
            .flatten()
            .map(|item| item.path());
        files.extend(above.filter(|path| path.extension().is_some_and(|ending| ending == "conf")));
    }
    let mut known = Vec::new();
    for file in files {
        let Ok(bytes) = read_bounded(&file, LARGEST_INPUT) else { continue };
        let certificate = match file.extension() {
            Some(ending) if ending == "conf" => {
                kubeconfig::read(&bytes).ok().map(|client| client.certificate)
            }
            _ => Certificate::from_pem_or_der(&bytes).ok(),
        };
        let Some(certificate) = certificate else { continue };
        if certificate.tbs.issuer.der() == ca.tbs.subject.der()
            && certificate.verify_signature(&ca.tbs.public_key).is_ok()
        {
            known.push((output::path(&file), certificate.fingerprint()));
        }
    }
    Ok(known)
}

fn list(args: &Args) -> Result<Status, Failure> {
    let ledgers = authorities(&args.ca)?
        .iter()
        .map(|certificate| {
            let path = ledger_beside(certificate);
            Ok(Listed { entries: read_ledger(&path)?, ledger: output::path(&path) })
        })
        .collect::<Result<Vec<_>, Failure>>()?;
    if args.output == Format::Json {
        output::print_json(&ledgers)?;
        return Ok(Status::Done);
    }
    let entries = ledgers.iter().flat_map(|ledger| &ledger.entries);
    // The file is no more trusted than any other.
    let shown = |text: &str| Printable(text).to_string();
    let rows = entries.map(|entry| {
        vec![
            shown(&entry.issued),
            shown(&entry.serial),
            shown(&entry.profile),
            shown(&entry.issuer),
            shown(&entry.subject),
            shown(&entry.not_after),
        ]
    });
    output::print(output::table(&["ISSUED", "SERIAL", "PROFILE", "ISSUER", "SUBJECT", "NOT AFTER"], rows))?;
    Ok(Status::Done)
}
