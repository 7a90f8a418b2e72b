//! `kpki issue`: a key and a certificate at once, or a kubeconfig.

use std::path::{Path, PathBuf};

use kpki::adoption::Begun;
use kpki::clock::Lifetime;
use kpki::disk::{Overwrite, Secrecy, Transaction, read_bounded};
use kpki::issue::{self, IssueError};
use kpki::key::KeyPair;
use kpki::kubeconfig::{self, Access};
use kpki::layout::key_beside;
use kpki::ledger::Entry;

use super::authority::{CaArgs, Loaded, directory_of};
use super::identity::{AlgorithmArgs, IdentityArgs, VersionArgs, terms};
use super::ledger::tell_adopted;
use super::output::{self, Format};
use super::show::{self, Verdict};
use super::sign::with_chain;
use super::{Context, Failure, LARGEST_INPUT, Status};

const EXAMPLES: &str = "\
Examples:
  kpki issue user jane --group dev --group ops --kubeconfig jane.conf    on a control plane
  kpki issue server web --san web.example.com --san 10.0.0.7 --ca pki      writes web.crt and web.key
  kpki issue etcd-client backup --ca /etc/kubernetes/pki --out backup.pem  writes backup.pem and backup-key.pem
  kpki issue kubelet-serving node7 --san node7 --san 10.0.0.17 --ca pki

Where the profile is a client of the API server, --kubeconfig writes one file with everything in it.";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// What it is for (see kpki profile list).
    profile: String,
    #[command(flatten)]
    identity: IdentityArgs,
    #[command(flatten)]
    ca: CaArgs,
    #[command(flatten)]
    algorithm: AlgorithmArgs,
    /// How long it is valid, 720h or 30d; refused if that is longer than the profile or the CA allows.
    #[arg(long, value_name = "LIFETIME")]
    validity: Option<Lifetime>,
    /// Where the certificate goes; its key goes beside it (NAME.key beside NAME.crt, NAME-key.pem beside NAME.pem).
    #[arg(long, value_name = "FILE", conflicts_with = "kubeconfig")]
    out: Option<PathBuf>,
    /// Write a kubeconfig instead of a certificate and a key.
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// The API server's URL for the kubeconfig; taken from the admin.conf beside the PKI directory if there is one.
    #[arg(long, value_name = "URL", requires = "kubeconfig")]
    server: Option<String>,
    /// The cluster's name in the kubeconfig.
    #[arg(long, value_name = "NAME", default_value = "kubernetes", requires = "kubeconfig")]
    cluster: String,
    /// Put the intermediate CAs after the certificate, as a server sends them.
    #[arg(long)]
    chain: bool,
    /// Show what would be signed, and make nothing.
    #[arg(long)]
    dry_run: bool,
    /// Replace files that are there; the old ones are kept as backups.
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    version: VersionArgs,
    /// How to print.
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
}

pub(super) fn run(context: &Context, args: &Args) -> Result<Status, Failure> {
    let catalogue = context.catalogue()?;
    let profile = catalogue.find(&args.profile)?;
    if args.kubeconfig.is_some() && !profile.is_apiserver_client() {
        return Err(Failure::new(format!(
            "{} is no client of the API server, so it has no kubeconfig",
            profile.name()
        )));
    }
    let version = &args.version.kubernetes_version;
    let loaded = args.ca.load(profile.issuer())?;
    let server = args.kubeconfig.as_ref().map(|_| server(args, &loaded)).transpose()?;
    let base = args.identity.base(profile);
    let key = KeyPair::generate(args.algorithm.algorithm)?;
    let request = args.identity.of(profile, version)?.wish(&key)?;
    let terms = terms(version, args.validity);
    let judged = issue::decide(&loaded.ca, &request, profile, &terms, context.now);
    let name = args.identity.name.as_deref().unwrap_or(profile.name());
    let issuer = loaded.ca.certificate().tbs.subject.to_string();
    let judged = match judged {
        Ok(judged) => judged,
        Err(IssueError::Refused(reasons)) => {
            let verdict = Verdict::of(name, &request, profile.name(), issuer, Err(&reasons), false);
            print(args, &verdict)?;
            return Ok(Status::Refused);
        }
        Err(error) => return Err(error.into()),
    };
    let mut verdict = Verdict::of(name, &request, profile.name(), issuer, Ok(&judged), args.dry_run);
    if args.dry_run {
        print(args, &verdict)?;
        return Ok(Status::Done);
    }
    let common_name = judged.facts().subject.common_name().unwrap_or(name).to_owned();
    let certificate = judged.seal(loaded.ca.key())?;
    let Begun { mut ledger, adopted } = loaded.open_ledger(context.now)?;
    ledger.record(Entry::of(&certificate, profile.name(), None, context.now))?;
    let overwrite = if args.force { Overwrite::KeepBackup } else { Overwrite::Refuse };
    let transaction = Transaction::with_overwrite(overwrite, &show::stamp(context.now));
    let pem = with_chain(&certificate, &loaded, args.chain);
    let written = if let (Some(path), Some(server)) = (&args.kubeconfig, &server) {
        let access = Access { cluster: &args.cluster, server, user: &common_name };
        let text = kubeconfig::write(access, &loaded.ca.certificate().to_pem(), Some(&pem), &key.to_pem())?;
        stage(&transaction, path, text.as_bytes(), Secrecy::Secret)?;
        path.clone()
    } else {
        let path = if let Some(out) = &args.out {
            out.clone()
        } else {
            let base = base.map_err(|error| error.hint("say where to write: --out FILE"))?;
            format!("{base}.crt").into()
        };
        stage(&transaction, &key_beside(&path), key.to_pem().as_bytes(), Secrecy::Secret)?;
        stage(&transaction, &path, pem.as_bytes(), Secrecy::Public)?;
        path
    };
    transaction.commit(vec![ledger.take_pending()])?;
    tell_adopted(ledger.path(), &adopted)?;
    verdict.signed(&certificate, Some(&written), &pem);
    print(args, &verdict)?;
    Ok(Status::Done)
}

fn print(args: &Args, verdict: &Verdict) -> Result<(), Failure> {
    match args.output {
        Format::Json => output::print_json(verdict),
        Format::Text => output::print(verdict.to_text()),
    }
}

/// Stages a file by its whole path.
pub(super) fn stage(
    transaction: &Transaction,
    path: &Path,
    content: &[u8],
    secrecy: Secrecy,
) -> Result<(), Failure> {
    let file =
        path.file_name().ok_or_else(|| Failure::new(format!("{} names no file", output::path(path))))?;
    Ok(transaction.stage(&directory_of(path), Path::new(file), content, secrecy)?)
}

/// The API server's URL: as given, or as the administrator's kubeconfig beside the PKI directory has it.
fn server(args: &Args, loaded: &Loaded) -> Result<String, Failure> {
    if let Some(server) = &args.server {
        return usable(server, "--server");
    }
    let beside = directory_of(&loaded.file).join("../admin.conf");
    let known = read_bounded(&beside, LARGEST_INPUT).ok().and_then(|text| kubeconfig::read(&text).ok());
    let admin = known.ok_or_else(|| {
        Failure::new("the kubeconfig needs the API server's URL").hint("give --server https://HOST:6443")
    })?;
    usable(&admin.server, &format!("the server in {}", output::path(&beside)))
}

/// A URL that every client can use. Of one that none can, nothing is repeated: a password may stand in it.
fn usable(server: &str, what: &str) -> Result<String, Failure> {
    kubeconfig::check_server(server).map_err(|fault| {
        let corrected = kubeconfig::corrected_server(server);
        let corrected = corrected.unwrap_or_else(|| "https://HOST:6443".to_owned());
        let refused = fault.refused_by().map_or_else(String::new, |who| format!("; {who}"));
        Failure::new(format!("{what} is no URL that every client can use: {fault}{refused}"))
            .hint(format!("give --server {corrected}"))
    })?;
    Ok(server.to_owned())
}
