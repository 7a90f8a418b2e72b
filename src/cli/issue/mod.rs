//! `kpki issue`: a key and a certificate at once, or a kubeconfig.

mod target;

use std::path::{Path, PathBuf};

use kpki::adoption::Begun;
use kpki::clock::Lifetime;
use kpki::cluster::{Issued, Surroundings};
use kpki::disk::{Overwrite, Secrecy, Transaction};
use kpki::issue::{self, IssueError};
use kpki::key::KeyPair;
use kpki::ledger::Entry;
use kpki::profile::{KubernetesVersion, Profile};
use kpki::x509::Certificate;

use super::authority::{CaArgs, Loaded};
use super::identity::{AlgorithmArgs, IdentityArgs, VersionArgs, terms};
use super::ledger::tell_adopted;
use super::output::{self, Format};
use super::show::{self, Verdict};
use super::{Context, Failure, Status};
use target::{Chosen, Target, Written};
pub(super) use target::{authority_of, refused};

const EXAMPLES: &str = "\
Examples:
  kpki issue user jane --group dev,ops --kubeconfig jane.conf              on a control plane
  kpki issue user jane --group dev --kubeconfig - --server https://api.example.com:6443 > jane.conf
  kpki issue server web --san web.example.com --san 10.0.0.7 --ca pki      writes web.crt and web.key
  kpki issue etcd-client backup --ca /etc/kubernetes/pki --out backup.pem  writes backup.pem and backup-key.pem
  kpki issue kubelet-serving node7 --san 10.0.0.17 --ca pki                for node7 and that address
  kpki issue user jane --ca client-ca.crt --server-ca server-ca.crt --kubeconfig jane.conf --server https://k3s:6443
Anew, in the form of what is there (the old files stay as NAME.TIMESTAMP.bak):
  kpki issue apiserver --san cp1,10.0.0.10,10.96.0.1 --out /etc/kubernetes/pki/apiserver.crt --force
  kpki issue scheduler --kubeconfig /etc/kubernetes/scheduler.conf --force

What is not given is taken from what lies around the CA: the version of Kubernetes from manifests and the cluster's
configuration, the algorithm from the leaves that it has signed, and for a kubeconfig the API server's URL from
admin.conf and its CA from the API server's certificate.";

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
    /// Where the certificate goes, - for standard output; its key goes beside it (NAME.key beside NAME.crt, NAME-key.pem
    /// beside NAME.pem), or into the same file where one with both is replaced.
    #[arg(long, value_name = "FILE", conflicts_with = "kubeconfig")]
    out: Option<PathBuf>,
    /// Where the key goes, - for standard output; the certificate's file to have both in one.
    #[arg(long, value_name = "FILE", conflicts_with = "kubeconfig")]
    key_out: Option<PathBuf>,
    /// Write a kubeconfig instead of a certificate and a key, - for standard output. With --force, one that is there gets
    /// the new certificate and key for the user of its current context, and stays as it is otherwise.
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// The API server's URL for the kubeconfig.
    #[arg(long, value_name = "URL", requires = "kubeconfig")]
    server: Option<String>,
    /// The CAs that the kubeconfig trusts for the API server, where they are not those that sign its clients.
    #[arg(long, value_name = "FILE", requires = "kubeconfig")]
    server_ca: Option<PathBuf>,
    /// The cluster's name in the kubeconfig [default: kubernetes].
    #[arg(long, value_name = "NAME", requires = "kubeconfig")]
    cluster: Option<String>,
    /// Put the intermediate CAs after the certificate, as a server sends them. A kubeconfig always has them.
    #[arg(long)]
    chain: bool,
    /// Show what would be signed, and make nothing.
    #[arg(long)]
    dry_run: bool,
    /// Replace a leaf and its key that are there, in their form; the old ones are kept as backups. No CA, kubeconfig or key
    /// of the service accounts is ever replaced.
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    version: VersionArgs,
    /// How to print.
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
}

impl Args {
    /// The cluster's name in a new kubeconfig.
    fn cluster(&self) -> &str {
        self.cluster.as_deref().unwrap_or("kubernetes")
    }
}

/// What a certificate is decided by before it is drafted.
struct Prepared {
    loaded: Loaded,
    around: Surroundings,
    target: Target,
    version: KubernetesVersion,
    notes: Vec<String>,
}

impl Prepared {
    fn of(args: &Args, profile: &Profile) -> Result<Self, Failure> {
        let loaded = args.ca.load_for(profile)?;
        let around = Surroundings::of(&loaded.file, &loaded.held);
        let told = around.version().filter(|_| !args.version.is_given());
        let stated = args.version.kubernetes_version.clone();
        let stated = stated.or_else(|| told.as_ref().map(|(known, _)| known.clone()));
        let assumed = stated.clone().unwrap_or_default();
        let subject = args.identity.of(profile, &assumed)?.subject;
        let leaf = Issued { subject: &subject, issuer: loaded.ca.certificate() };
        let Chosen { target, mut notes } = Target::choose(args, profile, &leaf, &loaded, &around)?;
        let name = subject.common_name().unwrap_or_default();
        let decides = profile.organizations_by_release(name).len() > 1;
        if let Some((known, file)) = told.filter(|_| decides) {
            notes.push(format!(
                "its organizations are those of Kubernetes {known}, as {} has it",
                output::path(&file)
            ));
        }
        let version = match stated {
            Some(stated) => stated,
            // What is there of its name is of the cluster's version, also where nothing is replaced.
            None => of_replaced(profile, target.replaces().as_ref())
                .or_else(|| of_replaced(profile, around.namesake(name)))
                .unwrap_or_else(|| {
                    if decides {
                        notes.push(format!(
                            "the cluster's version is not known here: {assumed} is taken, which decides the \
                         organizations; say another with --kubernetes-version"
                        ));
                    }
                    assumed
                }),
        };
        Ok(Self { loaded, around, target, version, notes })
    }

    /// The algorithm of the new key: as given, or the one of what it replaces, or the one of the CA's leaves.
    fn algorithm(&self, args: &Args) -> kpki::key::KeyAlgorithm {
        let replaced = self.target.replaces().as_ref().and_then(kpki::cluster::algorithm_of);
        args.algorithm.algorithm.or(replaced).unwrap_or_else(|| self.around.algorithm())
    }
}

/// A version whose releases give a certificate the organizations that the replaced one has.
fn of_replaced(profile: &Profile, replaced: Option<&Certificate>) -> Option<KubernetesVersion> {
    let subject = &replaced?.tbs.subject;
    let releases = profile.organizations_by_release(subject.common_name()?);
    let same = releases.into_iter().rev().find(|release| release.organizations == subject.organizations());
    same.map(|release| release.last)
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
    let prepared = Prepared::of(args, profile)?;
    if prepared.target.prints() && args.output == Format::Json {
        return Err(Failure::new("standard output cannot carry both JSON and what is issued")
            .hint("leave out one of them, or write to a file"));
    }
    let loaded = &prepared.loaded;
    let key = KeyPair::generate(prepared.algorithm(args))?;
    let request = args.identity.of(profile, &prepared.version)?.wish(&key)?;
    let terms = terms(&prepared.version, args.validity);
    let judged = issue::decide(&loaded.ca, &request, profile, &terms, context.now);
    let name = args.identity.name.as_deref().unwrap_or(profile.name());
    let issuer = loaded.ca.certificate().tbs.subject.to_string();
    let judged = match judged {
        Ok(judged) => judged,
        Err(IssueError::Refused(reasons)) => {
            let verdict = Verdict::of(name, &request, profile.name(), issuer, Err(&reasons), false);
            print(args, &verdict, false)?;
            return Ok(Status::Refused);
        }
        Err(error) => return Err(error.into()),
    };
    let mut verdict = Verdict::of(name, &request, profile.name(), issuer, Ok(&judged), args.dry_run);
    verdict.add_notes(&prepared.notes);
    if args.dry_run {
        print(args, &verdict, false)?;
        return Ok(Status::Done);
    }
    let certificate = judged.seal(loaded.ca.key())?;
    let Begun { mut ledger, adopted } = loaded.open_ledger(context.now)?;
    ledger.record(Entry::of(&certificate, profile.name(), None, context.now))?;
    let overwrite = if args.force { Overwrite::KeepBackup } else { Overwrite::Refuse };
    let transaction = Transaction::with_overwrite(overwrite, &show::stamp(context.now));
    let Written { file, stdout, pem } =
        prepared.target.write(&transaction, args, loaded, &certificate, key)?;
    let committed = transaction.commit(vec![ledger.take_pending()])?;
    tell_adopted(ledger.path(), &adopted)?;
    verdict.signed(&certificate, file.as_deref(), &pem);
    verdict.kept(&committed.backups);
    print(args, &verdict, prepared.target.prints())?;
    output::print_bytes(stdout.as_bytes())?;
    Ok(Status::Done)
}

/// Says what became of it; beside what is issued, to people alone.
fn print(args: &Args, verdict: &Verdict, aside: bool) -> Result<(), Failure> {
    match args.output {
        Format::Json => output::print_json(verdict),
        Format::Text if aside => output::inform(verdict.to_text()),
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
    let (directory, file) = target::place_of(path)?;
    Ok(transaction.stage(&directory, file, content, secrecy)?)
}
