//! `kpki sign csr`: request, validate, sign and send.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use kpki::ca::{Entry, Ledger};
use kpki::clock::Lifetime;
use kpki::disk::{Overwrite, Secrecy, Transaction};
use kpki::issue::{self, IssueError, Judged, Reason};
use kpki::layout;
use kpki::profile::{Catalogue, Profile};
use kpki::request::SigningRequest;
use kpki::x509::Certificate;

use super::authority::{CaArgs, Loaded, directory_of};
use super::identity::{VersionArgs, terms};
use super::input::Input;
use super::output::{self, BAD, Format, styled};
use super::requests;
use super::show::{self, Verdict};
use super::{Context, Failure, Status};

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Judge certification requests and sign those that the profile admits.
    Csr(Args),
}

const EXAMPLES: &str = "\
Examples:
  kpki sign csr jane.csr --profile user --ca /etc/kubernetes/pki               writes jane.crt
  kpki sign csr jane.csr --profile user --ca pki/ca.crt --validity 24h --dry-run
  kpki sign csr - --profile server --ca pki --out - < web.csr > web.crt
  kubectl get csr web -o yaml | kpki sign csr - --profile kubelet-serving --ca pki
  kpki sign csr csrs/ --profile auto --ca pki        what kubeadm certs generate-csr wrote, by the names of the files

A request is a wish: only its key and the names that the profile admits reach the certificate. If one of several
requests is refused, none is signed.";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[expect(clippy::doc_markdown, reason = "help for a terminal")]
    /// The requests: PEM, DER, or a Kubernetes CertificateSigningRequest object; directories of *.csr; - for standard
    /// input.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// What it is for (see kpki profile list); auto takes it from a file's name in kubeadm's layout.
    #[arg(short, long, value_name = "PROFILE")]
    profile: String,
    #[command(flatten)]
    ca: CaArgs,
    /// How long it is valid, 720h or 30d; refused if that is longer than the profile or the CA allows.
    #[arg(long, value_name = "LIFETIME")]
    validity: Option<Lifetime>,
    /// Where the certificate goes: a file, a directory, or - for standard output. FILE.csr becomes FILE.crt without it.
    #[arg(long, value_name = "PATH")]
    out: Option<PathBuf>,
    /// Put the intermediate CAs after the certificate, as a server sends them.
    #[arg(long)]
    chain: bool,
    /// Show what would be signed, and sign nothing.
    #[arg(long)]
    dry_run: bool,
    /// Replace a certificate that is there; the old one is kept as a backup.
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    version: VersionArgs,
    /// How to print.
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
}

/// One request on its way.
struct Case<'a> {
    name: String,
    out: Option<PathBuf>,
    request: SigningRequest,
    profile: &'a Profile,
    authority: PathBuf,
    verdict: Result<Judged, Vec<Reason>>,
}

pub(super) fn run(context: &Context, command: Command) -> Result<Status, Failure> {
    let Command::Csr(args) = command;
    let catalogue = context.catalogue()?;
    let inputs = requests::read_all(&args.files)?;
    let mut authorities: BTreeMap<PathBuf, Loaded> = BTreeMap::new();
    let several = inputs.len() > 1;
    let cases = inputs
        .iter()
        .map(|input| judge(context, &args, &catalogue, &mut authorities, input, several))
        .collect::<Result<Vec<_>, _>>()?;
    let to_stdout = cases.iter().any(|case| case.out.is_none());
    if args.dry_run || cases.iter().any(|case| case.verdict.is_err()) {
        let verdicts: Vec<Verdict> =
            cases.iter().map(|case| show_case(case, &authorities, args.dry_run)).collect();
        print(&args, &verdicts, false)?;
        let refused = cases.iter().any(|case| case.verdict.is_err());
        let version = format!("in Kubernetes {}", args.version.kubernetes_version);
        let of_version = |case: &Case<'_>| {
            case.verdict.as_ref().is_err_and(|reasons| reasons.iter().any(|r| r.text.contains(&version)))
        };
        if cases.iter().any(of_version) {
            output::inform(
                "hint: if the cluster runs another version of Kubernetes, say so with --kubernetes-version",
            )?;
        }
        if refused && cases.len() > 1 {
            output::inform(format!("{} nothing was signed", styled(BAD, "refused:")))?;
        }
        return Ok(if refused { Status::Refused } else { Status::Done });
    }
    let (verdicts, for_stdout) = seal_all(context, &args, &authorities, cases)?;
    print(&args, &verdicts, to_stdout)?;
    if args.output == Format::Text {
        output::print_bytes(for_stdout.as_bytes())?;
    }
    Ok(Status::Done)
}

fn judge<'a>(
    context: &Context,
    args: &Args,
    catalogue: &'a Catalogue,
    authorities: &mut BTreeMap<PathBuf, Loaded>,
    input: &Input,
    several: bool,
) -> Result<Case<'a>, Failure> {
    let name = input.name();
    let profile = catalogue.find(&profile_name(args, input)?)?;
    let request = SigningRequest::read(&input.bytes).map_err(|error| Failure::from(error).at(&name))?;
    let loaded = args.ca.load(profile.issuer())?;
    let authority = loaded.file.clone();
    let loaded = authorities.entry(authority.clone()).or_insert(loaded);
    let mut terms = terms(&args.version.kubernetes_version, args.validity);
    // What the object asks for is a wish too: it may shorten the lifetime and never lengthen it.
    if let Some(wished) = request.kubernetes.as_ref().and_then(|object| object.lifetime) {
        terms = terms.with_default_lifetime(wished.min(profile.default_lifetime()));
    }
    let judged = issue::decide(&loaded.ca, &request, profile, &terms, context.now);
    let verdict = match judged {
        Ok(judged) => Ok(judged),
        Err(IssueError::Refused(reasons)) => Err(reasons),
        Err(error) => return Err(Failure::from(error).at(&name)),
    };
    let out = destination(args.out.as_deref(), input, several)?;
    Ok(Case { name, out, request, profile, authority, verdict })
}

fn profile_name(args: &Args, input: &Input) -> Result<String, Failure> {
    if args.profile != "auto" {
        return Ok(args.profile.clone());
    }
    let found = input.path.as_deref().and_then(|path| layout::profile_by_name(&path.with_extension("")));
    found.map(str::to_owned).ok_or_else(|| {
        Failure::new(format!("no profile goes with the name of {}", input.name()))
            .hint("give it with --profile")
    })
}

/// Where a certificate goes; nowhere is standard output.
fn destination(out: Option<&Path>, input: &Input, several: bool) -> Result<Option<PathBuf>, Failure> {
    let beside = |path: &Path| match path.extension() {
        Some(extension) if extension == "csr" => path.with_extension("crt"),
        _ => {
            let mut name = path.as_os_str().to_owned();
            name.push(".crt");
            name.into()
        }
    };
    Ok(match (out, &input.path) {
        (Some(out), _) if out == Path::new("-") => None,
        (Some(out), path) if out.is_dir() => {
            let name = path.as_deref().and_then(Path::file_name).unwrap_or_else(|| "certificate".as_ref());
            Some(beside(&out.join(name)))
        }
        (Some(_), _) if several => {
            return Err(Failure::new(
                "--out must be a directory that is there, or -, when there are several requests",
            ));
        }
        (Some(out), _) => Some(out.to_owned()),
        (None, Some(path)) => Some(beside(path)),
        (None, None) => None,
    })
}

/// Signs every case, records it, and gives the files their names: all of them or none.
fn seal_all(
    context: &Context,
    args: &Args,
    authorities: &BTreeMap<PathBuf, Loaded>,
    cases: Vec<Case<'_>>,
) -> Result<(Vec<Verdict>, String), Failure> {
    let overwrite = if args.force { Overwrite::KeepBackup } else { Overwrite::Refuse };
    let transaction = Transaction::with_overwrite(overwrite, &show::stamp(context.now));
    let mut ledgers: BTreeMap<PathBuf, Ledger> = BTreeMap::new();
    let mut verdicts = Vec::new();
    let mut for_stdout = String::new();
    for case in cases {
        let Some(loaded) = authorities.get(&case.authority) else { continue };
        let mut shown = show_case(&case, authorities, false);
        let Ok(judged) = case.verdict else { continue };
        let certificate =
            judged.seal(loaded.ca.key()).map_err(|error| Failure::from(error).at(&case.name))?;
        let ledger = match ledgers.entry(case.authority.clone()) {
            std::collections::btree_map::Entry::Occupied(entry) => entry.into_mut(),
            std::collections::btree_map::Entry::Vacant(entry) => {
                let (directory, file) = loaded.ledger();
                entry.insert(Ledger::open(&directory, &file)?)
            }
        };
        ledger.record(Entry::of(&certificate, case.profile.name(), case.request.hash(), context.now))?;
        let pem = with_chain(&certificate, loaded, args.chain);
        shown.signed(&certificate, case.out.as_deref(), &pem);
        match &case.out {
            Some(out) => {
                let file = out.file_name().map(PathBuf::from).unwrap_or_default();
                transaction.stage(&directory_of(out), &file, pem.as_bytes(), Secrecy::Public)?;
            }
            None => for_stdout.push_str(&pem),
        }
        verdicts.push(shown);
    }
    transaction.commit(ledgers.values_mut().map(Ledger::take_pending).collect())?;
    Ok((verdicts, for_stdout))
}

pub(super) fn with_chain(certificate: &Certificate, loaded: &Loaded, chain: bool) -> String {
    let above = loaded.chain.iter().filter(|_| chain);
    std::iter::once(certificate).chain(above).map(Certificate::to_pem).collect()
}

fn show_case(case: &Case<'_>, authorities: &BTreeMap<PathBuf, Loaded>, draft: bool) -> Verdict {
    let issuer =
        authorities.get(&case.authority).map(|loaded| loaded.ca.certificate().tbs.subject.to_string());
    Verdict::of(
        &case.name,
        &case.request,
        case.profile.name(),
        issuer.unwrap_or_default(),
        case.verdict.as_ref(),
        draft,
    )
}

fn print(args: &Args, verdicts: &[Verdict], to_stdout: bool) -> Result<(), Failure> {
    if args.output == Format::Json {
        return output::print_json(&verdicts);
    }
    for verdict in verdicts {
        if to_stdout { output::inform(verdict.to_text())? } else { output::print(verdict.to_text())? }
    }
    Ok(())
}
