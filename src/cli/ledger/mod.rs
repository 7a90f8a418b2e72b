//! `kpki ledger`: what a CA has signed.

mod adopt;
mod verify;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use kpki::adoption::Holdings;
use kpki::inspect::Wanted;
use kpki::layout::{Authority, Naming, ledger_beside};
use kpki::ledger::{self, Entry};
use kpki::x509::{Certificate, Printable, shell_word};
use serde::Serialize;

use super::authority::{directory_of, places_of};
use super::input::{Input, is_standard_input};
use super::output::{self, Format};
use super::{Context, Failure, Status};

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
    /// Record certificates that somebody else has signed with a CA's key: kubeadm, since the ledger began.
    #[command(after_help = ADOPT_EXAMPLES)]
    Adopt(adopt::Args),
}

const VERIFY_EXAMPLES: &str = "\
Examples:
  kpki ledger verify --ca /etc/kubernetes/pki   every CA of the directory, and what lies on this node
  kpki ledger verify --ca out/ca                the CAs that kpki init made, and the trees of nodes and users beside them
  kpki ledger verify --ca pki/ca.crt -o json

Each line holds the hash of the line before it. A cut at the end shows only by the last line's hash (HEAD): note it
elsewhere. A certificate that the CA's key has signed and that the ledger lacks is found, whatever its dates say.";

const ADOPT_EXAMPLES: &str = "\
Examples:
  kpki ledger adopt --ca /etc/kubernetes/pki --dry-run      what lies here and is in no ledger
  kpki ledger adopt --ca /etc/kubernetes/pki /etc/kubernetes/pki/apiserver.crt /etc/kubernetes/admin.conf
                                                           what kubeadm certs renew has just signed
  kpki ledger adopt --ca pki/ca.crt backup/

Adopt what you know the origin of: what is adopted is no longer told by kpki audit and kpki ledger verify. What lies
there when kpki signs under a CA for the first time is adopted by that. A certificate that the CA's key has not signed
is refused, and then nothing is adopted.";

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
struct Listed {
    ledger: String,
    entries: Vec<Entry>,
}

pub(super) fn run(context: &Context, command: &Command) -> Result<Status, Failure> {
    match command {
        Command::Verify(args) => verify::run(args),
        Command::List(args) => list(args),
        Command::Adopt(args) => adopt::run(context, args),
    }
}

/// A CA that is meant.
struct Kept {
    /// Where its certificate lies, or will lie: a ledger is there before the CA's own certificate is.
    file: PathBuf,
    /// It, where it is there.
    certificate: Option<Certificate>,
    ledger: PathBuf,
    has_ledger: bool,
}

impl Kept {
    fn read(file: PathBuf) -> Result<Self, Failure> {
        let certificate = if file.is_file() {
            Input::read(&file)?.certificates(Wanted::Authorities)?.into_iter().next()
        } else {
            None
        };
        let ledger = ledger_beside(&file);
        Ok(Self { certificate, has_ledger: ledger.is_file(), ledger, file })
    }
}

/// The CAs that are meant, and what lies in the trees of their cluster.
fn authorities(given: &Path) -> Result<(Vec<Kept>, Holdings), Failure> {
    if is_standard_input(given) {
        return Err(Failure::new("no ledger lies beside standard input")
            .hint("name the CA's certificate, or its directory: --ca DIR"));
    }
    if !given.is_dir() {
        let kept = Kept::read(given.to_owned())?;
        return Ok((vec![kept], Holdings::of_cluster(&directory_of(given))));
    }
    let there = |file: &Path| file.is_file() || ledger_beside(file).is_file();
    let of = |directory: &Path| -> Vec<PathBuf> {
        // ca.crt and ca.pem share a ledger's name.
        let all = Authority::ALL.into_iter().filter_map(|authority| {
            let places = places_of(directory, authority, there);
            places.iter().find(|place| place.is_file()).or(places.first()).cloned()
        });
        all.collect()
    };
    let mut files = of(given);
    if files.is_empty() {
        files = of(&given.join("ca"));
    }
    let directory = files.first().map_or_else(|| given.to_owned(), |file| directory_of(file));
    let holdings = Holdings::of_cluster(&directory);
    for ledger in &holdings.ledgers {
        // `NAME.ledger.jsonl` beside `NAME.crt` or `NAME.pem`.
        let base = ledger.with_extension("");
        let base = base.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let beside =
            [Naming::Kubeadm, Naming::Pem].map(|naming| ledger.with_file_name(naming.certificate(&base)));
        let [first, second] = beside;
        let file = if second.is_file() && !first.is_file() { second } else { first };
        if !files.iter().any(|known| ledger_beside(known) == *ledger) {
            files.push(file);
        }
    }
    let kept = files.into_iter().map(Kept::read).collect::<Result<Vec<_>, _>>()?;
    Ok((kept, holdings))
}

/// The same, where at least one has a ledger.
fn with_ledgers(given: &Path) -> Result<(Vec<Kept>, Holdings), Failure> {
    let (kept, holdings) = authorities(given)?;
    if !kept.iter().any(|kept| kept.has_ledger) {
        return Err(Failure::new(format!("no ledger belongs to {}", output::path(given))).hint(format!(
            "a ledger begins with the first certificate that kpki signs, or with kpki ledger adopt --ca {}; it lies beside \
             the CA's certificate",
            shell_word(given)
        )));
    }
    Ok((kept, holdings))
}

fn list(args: &Args) -> Result<Status, Failure> {
    let (kept, _) = with_ledgers(&args.ca)?;
    let ledgers = kept
        .iter()
        .filter(|kept| kept.has_ledger)
        .map(|Kept { ledger: path, .. }| {
            let entries = ledger::read(path).map_err(|error| Failure::from(error).at(output::path(path)))?;
            Ok(Listed { entries, ledger: output::path(path) })
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
            shown(entry.recorded()),
            shown(&entry.serial),
            shown(entry.profile.as_deref().unwrap_or("(adopted)")),
            shown(&entry.issuer),
            shown(&entry.subject),
            shown(&entry.not_after),
        ]
    });
    output::print(output::table(&["RECORDED", "SERIAL", "PROFILE", "ISSUER", "SUBJECT", "NOT AFTER"], rows))?;
    Ok(Status::Done)
}

/// The most that is listed of what a first signature adopted.
const MOST_TOLD: usize = 30;

/// Tells on standard error what a ledger was begun with.
pub(super) fn tell_adopted(ledger: &Path, adopted: &[Entry]) -> Result<(), Failure> {
    if adopted.is_empty() {
        return Ok(());
    }
    let mut text = format!(
        "note: {} begins here; what the CA's key has signed before and lies in its trees was adopted ({}):",
        output::path(ledger),
        counted(adopted.len())
    );
    for entry in adopted.iter().take(MOST_TOLD) {
        let file = entry.file.as_deref().unwrap_or_default();
        let _ = write!(text, "\n  {}  {}", Printable(&entry.subject), Printable(file));
    }
    if adopted.len() > MOST_TOLD {
        let _ = write!(text, "\n  and {} more: kpki ledger list", adopted.len() - MOST_TOLD);
    }
    output::inform(text)
}

fn counted(count: usize) -> String {
    if count == 1 { "1 certificate".into() } else { format!("{count} certificates") }
}
