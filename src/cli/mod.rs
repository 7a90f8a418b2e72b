//! The command line: one file for each command.

mod audit;
mod authority;
mod ca;
mod completion;
mod csr;
mod failure;
mod identity;
mod init;
mod input;
mod inspect;
mod issue;
mod ledger;
mod machine;
mod output;
mod passphrase;
mod pool;
mod probe;
mod profile;
mod rehearse;
mod requests;
mod show;
mod sign;
mod status;
mod verdict;
mod verify;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use kpki::clock::{Clock, SystemClock};
use kpki::disk::read_bounded;
use kpki::profile::Catalogue;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use failure::Failure;

const EXAMPLES: &str = "\
Examples:
  kpki init -f kubeadm.yaml                      everything that kubeadm's own config asks for, in /etc/kubernetes
  kpki init -f cluster.yaml --dir out --dry-run  what would be made, for every node of a kind: Cluster
  kpki ca init --dir pki                         just the CAs
  kpki sign csr jane.csr --profile user --ca /etc/kubernetes/pki
  kpki issue user jane --group dev --ca pki --kubeconfig jane.conf --server https://api.example.com:6443
  kpki verify pki/apiserver.crt --ca pki/ca.crt --purpose server --name 10.0.0.10
  kpki ledger verify --ca pki
  kpki audit /etc/kubernetes                     what is broken, what will break and when, and what to do
  kpki probe 10.0.0.10:6443 --cacert pki/ca.crt  what a running server shows, and whether it will be accepted

Exit codes: 0 done, 1 refused or found, 2 could not do it.";

/// PKI and TLS for the certificates of Kubernetes clusters: on files, offline, without a daemon.
#[derive(Debug, Parser)]
#[command(name = "kpki", version, after_help = EXAMPLES, disable_help_subcommand = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Args)]
struct Global {
    /// A directory of profiles (*.yaml) that override the built-in ones of the same name.
    #[arg(long, global = true, value_name = "DIR")]
    profiles: Option<PathBuf>,
    /// Take this for the current instant (RFC 3339).
    #[arg(long, global = true, hide = true, value_name = "INSTANT", value_parser = parse_instant)]
    now: Option<OffsetDateTime>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make every key, certificate and kubeconfig of a cluster from one file.
    Init(init::Args),
    /// Make and look at certification authorities.
    #[command(subcommand)]
    Ca(ca::Command),
    /// Judge requests and sign them.
    #[command(subcommand)]
    Sign(sign::Command),
    /// Make certification requests.
    #[command(subcommand)]
    Csr(csr::Command),
    /// Make a key and a certificate at once, or a kubeconfig.
    Issue(issue::Args),
    /// Say what files hold: certificates, requests, keys, revocation lists, kubeconfigs, Secrets.
    Inspect(inspect::Args),
    /// Say whether certificates are accepted, by whom, for what and when, and if not, why.
    Verify(verify::Args),
    /// Say what is wrong with a PKI, or will be, why it matters and what to do.
    Audit(Box<audit::Args>),
    /// Say what a rule of the audit looks for, why, and what to do.
    Explain(audit::explain::Args),
    /// Say when every certificate ends, in the table of kubeadm certs check-expiration.
    Status(status::Args),
    /// Act out every TLS connection of a cluster in memory, with the files of its PKI.
    Rehearse(rehearse::Args),
    /// Look through what a CA has signed.
    #[command(subcommand)]
    Ledger(ledger::Command),
    /// Make a handshake with a running server and judge what it shows.
    Probe(Box<probe::Args>),
    /// Show what may be issued, and with what in it.
    #[command(subcommand)]
    Profile(profile::Command),
    /// Print a completion script for a shell.
    Completion(completion::Args),
}

/// What a command came to.
pub(crate) enum Status {
    /// Exit code 0.
    Done,
    /// Exit code 1: what stands in the way has been said.
    Refused,
}

/// What every command needs.
pub(crate) struct Context {
    now: OffsetDateTime,
    profiles: Option<PathBuf>,
}

impl Context {
    /// The built-in profiles with the user's over them.
    fn catalogue(&self) -> Result<Catalogue, Failure> {
        let Some(directory) = &self.profiles else { return Ok(Catalogue::built_in()) };
        let mut files = requests::files_in(directory, &["yaml", "yml"])?;
        files.sort();
        if files.is_empty() {
            return Err(Failure::new(format!("{} holds no profile (*.yaml)", directory.display())));
        }
        let read = files
            .into_iter()
            .map(|path| Ok((path.display().to_string(), read_bounded(&path, LARGEST_INPUT)?.to_vec())))
            .collect::<Result<Vec<_>, Failure>>()?;
        Ok(Catalogue::with_overrides(read)?)
    }
}

/// The largest input file, in bytes: a cluster file of 5,000 workers is under 1 MiB.
const LARGEST_INPUT: u64 = 16 << 20;

fn parse_instant(text: &str) -> Result<OffsetDateTime, String> {
    OffsetDateTime::parse(text, &Rfc3339)
        .map_err(|_| "an instant is written as in RFC 3339: 2027-03-01T00:00:00Z, for example".to_owned())
}

/// Runs the command that the arguments name.
pub(crate) fn main() -> ExitCode {
    let cli = Cli::parse();
    let now = cli.global.now.unwrap_or_else(|| SystemClock.now());
    let context = Context { now, profiles: cli.global.profiles };
    let result = match cli.command {
        Command::Init(args) => init::run(&context, &args),
        Command::Ca(command) => ca::run(&context, command),
        Command::Sign(command) => sign::run(&context, command),
        Command::Csr(command) => csr::run(&context, command),
        Command::Issue(args) => issue::run(&context, &args),
        Command::Inspect(args) => inspect::run(&context, &args),
        Command::Verify(args) => verify::run(&context, &args),
        Command::Ledger(command) => ledger::run(&context, &command),
        Command::Audit(args) => audit::run(&context, &args),
        Command::Status(args) => status::run(&context, &args),
        Command::Explain(args) => audit::explain::run(&context, &args),
        Command::Rehearse(args) => rehearse::run(&context, &args),
        Command::Probe(args) => probe::run(&context, &args),
        Command::Profile(command) => profile::run(&context, &command),
        Command::Completion(args) => completion::run(&args),
    };
    match result {
        Ok(Status::Done) => ExitCode::SUCCESS,
        Ok(Status::Refused) => ExitCode::from(1),
        Err(failure) => failure.report(),
    }
}
