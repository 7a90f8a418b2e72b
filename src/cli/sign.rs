//! `kpki sign csr`: request, validate, sign and send.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use kpki::adoption::Begun;
use kpki::clock::Lifetime;
use kpki::cluster::{Issued, judge_certificate};
use kpki::disk::{Overwrite, Secrecy, Transaction};
use kpki::issue::{self, IssueError, Judged, Reason};
use kpki::layout;
use kpki::ledger::Entry;
use kpki::profile::{Catalogue, Profile};
use kpki::request::{KubernetesRequest, SigningRequest};
use kpki::x509::{Certificate, Printable, shell_word};

use super::authority::{CaArgs, Loaded, directory_of};
use super::identity::{VersionArgs, terms};
use super::input::Input;
use super::issue::refused;
use super::ledger::tell_adopted;
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
  kubectl get csr csr-x2k9v -o yaml | kpki sign csr - --profile auto --ca pki --out certs/
  kpki sign csr csrs/ --profile auto --ca pki        what kubeadm certs generate-csr wrote, by the names of the files

A request is a wish: only its key and the names that the profile admits reach the certificate. If one of several
requests is refused, none is signed.

A CertificateSigningRequest object is held to what its signer's approvers look at: one that was denied, that failed or has
its certificate is refused, and so is one for a node that another user asked for (spec.username). The certificate does not
reach the cluster by itself: the command that puts it into the object is printed.";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(crate) struct Args {
    #[expect(clippy::doc_markdown, reason = "help for a terminal")]
    /// The requests: PEM, DER, or Kubernetes CertificateSigningRequest objects (one, a List, several documents);
    /// directories of *.csr; - for standard input.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// What it is for (see kpki profile list); auto takes it from an object's signerName, or from a file's name in
    /// kubeadm's layout.
    #[arg(short, long, value_name = "PROFILE")]
    profile: String,
    #[command(flatten)]
    ca: CaArgs,
    /// How long it is valid, 720h or 30d; refused if that is longer than the profile or the CA allows.
    #[arg(long, value_name = "LIFETIME")]
    validity: Option<Lifetime>,
    /// Where the certificate goes: a file, a directory, or - for standard output. Without it FILE.csr becomes FILE.crt, and
    /// each of several objects in a file NAME.crt beside it.
    #[arg(long, value_name = "PATH")]
    out: Option<PathBuf>,
    /// Put the intermediate CAs after the certificate, as a server sends them.
    #[arg(long)]
    chain: bool,
    /// Refuse Kubernetes objects that nobody has approved.
    #[arg(long)]
    require_approved: bool,
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
    /// By what it is judged; none where nothing goes with its signer.
    profile: Option<&'a Profile>,
    authority: PathBuf,
    verdict: Result<Judged, Vec<Reason>>,
}

/// A request, where it came from, and how many others came with it.
struct Given<'a> {
    input: &'a Input,
    request: SigningRequest,
    /// Whether it is one of several of its input.
    shares: bool,
}

impl Given<'_> {
    /// What to call it.
    fn name(&self) -> String {
        match &self.request.kubernetes {
            Some(object) if self.shares => {
                format!("{}: {} ({})", self.input.name(), object.place, Printable(&object.name))
            }
            _ => self.input.name(),
        }
    }
}

pub(super) fn run(context: &Context, command: Command) -> Result<Status, Failure> {
    let Command::Csr(args) = command;
    let catalogue = context.catalogue()?;
    let inputs = requests::read_all(&args.files)?;
    let mut given = Vec::new();
    for input in &inputs {
        let read = input.requests()?;
        let shares = read.len() > 1;
        given.extend(read.into_iter().map(|request| Given { input, request, shares }));
    }
    let mut authorities: BTreeMap<PathBuf, Loaded> = BTreeMap::new();
    let several = given.len() > 1;
    let cases = given
        .into_iter()
        .map(|given| judge(context, &args, &catalogue, &mut authorities, given, several))
        .collect::<Result<Vec<_>, _>>()?;
    let to_stdout = cases.iter().any(|case| case.out.is_none());
    if args.dry_run || cases.iter().any(|case| case.verdict.is_err()) {
        let verdicts: Vec<Verdict> =
            cases.iter().map(|case| show_case(case, &authorities, args.dry_run)).collect();
        print(&args, &verdicts, false)?;
        return advise(&cases);
    }
    let (verdicts, for_stdout) = seal_all(context, &args, &authorities, cases)?;
    print(&args, &verdicts, to_stdout)?;
    if args.output == Format::Text {
        output::print_bytes(for_stdout.as_bytes())?;
    }
    Ok(Status::Done)
}

/// What to do where something was refused.
fn advise(cases: &[Case<'_>]) -> Result<Status, Failure> {
    let has = |wanted: &dyn Fn(&Reason) -> bool| {
        cases.iter().any(|case| case.verdict.as_ref().is_err_and(|reasons| reasons.iter().any(wanted)))
    };
    if has(&|reason| reason.text.contains("in Kubernetes v")) {
        output::inform(
            "hint: if the cluster runs another version of Kubernetes, say so with --kubernetes-version",
        )?;
    }
    let settled =
        |reason: &Reason| ["object-denied", "object-failed", "object-issued"].contains(&reason.code);
    if cases.len() > 1 && has(&settled) {
        output::inform("hint: give those alone that wait: kubectl get csr NAME NAME -o yaml")?;
    }
    let refused = cases.iter().any(|case| case.verdict.is_err());
    if refused && cases.len() > 1 {
        output::inform(format!("{} nothing was signed", styled(BAD, "refused:")))?;
    }
    Ok(if refused { Status::Refused } else { Status::Done })
}

fn judge<'a>(
    context: &Context,
    args: &Args,
    catalogue: &'a Catalogue,
    authorities: &mut BTreeMap<PathBuf, Loaded>,
    given: Given<'_>,
    several: bool,
) -> Result<Case<'a>, Failure> {
    let name = given.name();
    let out = destination(args.out.as_deref(), &given, several)?;
    let request = given.request;
    let profile = match profile_name(args, given.input, &request)? {
        Ok(profile) => catalogue.find(&profile)?,
        Err(reason) => {
            let (authority, verdict) = (PathBuf::new(), Err(vec![reason]));
            return Ok(Case { name, out, request, profile: None, authority, verdict });
        }
    };
    let loaded = args.ca.load(profile.issuer())?;
    let authority = loaded.file.clone();
    let loaded = authorities.entry(authority.clone()).or_insert(loaded);
    let object = request.kubernetes.as_ref();
    // What the object asks for is a wish too: it may shorten the lifetime and never lengthen it.
    let wished = object.and_then(|object| object.lifetime);
    let mut terms = terms(
        &args.version.around(loaded),
        args.validity.map(|given| wished.map_or(given, |wished| wished.min(given))),
    );
    if let Some(wished) = wished {
        terms = terms.with_default_lifetime(wished.min(profile.default_lifetime()));
    }
    let mut verdict = match issue::decide(&loaded.ca, &request, profile, &terms, context.now) {
        Ok(judged) => Ok(judged),
        Err(IssueError::Refused(reasons)) => Err(reasons),
        Err(error) => return Err(Failure::from(error).at(&name)),
    };
    if let Some(reason) = object.filter(|_| args.require_approved).and_then(issue::unapproved) {
        let mut reasons = verdict.err().unwrap_or_default();
        reasons.push(reason);
        verdict = Err(reasons);
    }
    Ok(Case { name, out, request, profile: Some(profile), authority, verdict })
}

/// The profile that was named, or that goes with an object's signer, or with a file's name; or why none is to be had
/// from the signer.
fn profile_name(
    args: &Args,
    input: &Input,
    request: &SigningRequest,
) -> Result<Result<String, Reason>, Failure> {
    if args.profile != "auto" {
        return Ok(Ok(args.profile.clone()));
    }
    if let Some(object) = &request.kubernetes {
        return Ok(issue::profile_for(object, request).map(str::to_owned));
    }
    let found = input.path.as_deref().and_then(|path| layout::profile_by_name(&path.with_extension("")));
    found.map(|profile| Ok(profile.to_owned())).ok_or_else(|| {
        Failure::new(format!("no profile goes with the name of {}", input.name()))
            .hint("give it with --profile")
    })
}

/// Where a certificate goes; nowhere is standard output.
fn destination(out: Option<&Path>, given: &Given<'_>, several: bool) -> Result<Option<PathBuf>, Failure> {
    let Given { input, request, shares } = given;
    let beside = |path: &Path| match path.extension() {
        Some(extension) if extension == "csr" => path.with_extension("crt"),
        _ => {
            let mut name = path.as_os_str().to_owned();
            name.push(".crt");
            name.into()
        }
    };
    let path = input.path.as_deref();
    // Several objects in one input, and those that come without a file, have names of their own.
    let object = request.kubernetes.as_ref().filter(|_| *shares || path.is_none());
    Ok(match (out, path) {
        (Some(out), _) if out == Path::new("-") => None,
        (Some(out), path) if out.is_dir() => Some(match object {
            Some(object) => out.join(file_of(object)?),
            None => beside(&out.join(path.and_then(Path::file_name).unwrap_or("certificate".as_ref()))),
        }),
        (Some(_), _) if several => {
            return Err(Failure::new(
                "--out must be a directory that is there, or -, when there are several requests",
            ));
        }
        (Some(out), _) => Some(out.to_owned()),
        (None, Some(path)) => Some(match object {
            Some(object) => path.with_file_name(file_of(object)?),
            None => beside(path),
        }),
        (None, None) => None,
    })
}

/// The file of an object's certificate.
fn file_of(object: &KubernetesRequest) -> Result<String, Failure> {
    let harmless = |c: char| c.is_ascii_alphanumeric() || "-_.@+:".contains(c);
    if object.name.is_empty() || object.name.starts_with('.') || !object.name.chars().all(harmless) {
        return Err(Failure::new(format!(
            "no file can be called after the object `{}`: letters, digits and -_.@+: may be in its name",
            Printable(&object.name)
        ))
        .hint("give --out - for standard output"));
    }
    Ok(format!("{}.crt", object.name))
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
    let mut ledgers: BTreeMap<PathBuf, Begun> = BTreeMap::new();
    let mut verdicts = Vec::new();
    let mut for_stdout = String::new();
    for case in cases {
        let Some(loaded) = authorities.get(&case.authority) else { continue };
        let mut shown = show_case(&case, authorities, false);
        let (Ok(judged), Some(profile)) = (case.verdict, case.profile) else { continue };
        if let Some(out) = case.out.as_ref().filter(|_| args.force) {
            let issued = Issued { subject: &judged.facts().subject, issuer: loaded.ca.certificate() };
            judge_certificate(&issued, out).map_err(refused)?;
        }
        let certificate =
            judged.seal(loaded.ca.key()).map_err(|error| Failure::from(error).at(&case.name))?;
        let begun = match ledgers.entry(case.authority.clone()) {
            std::collections::btree_map::Entry::Occupied(entry) => entry.into_mut(),
            std::collections::btree_map::Entry::Vacant(entry) => {
                entry.insert(loaded.open_ledger(context.now)?)
            }
        };
        begun.ledger.record(Entry::of(&certificate, profile.name(), case.request.hash(), context.now))?;
        let pem = with_chain(&certificate, loaded, args.chain);
        shown.signed(&certificate, case.out.as_deref(), &pem);
        if let Some(object) = &case.request.kubernetes {
            shown.then(to_the_cluster(object, case.out.as_deref(), &pem));
        }
        match &case.out {
            Some(out) => {
                let file = out.file_name().map(PathBuf::from).unwrap_or_default();
                transaction.stage(&directory_of(out), &file, pem.as_bytes(), Secrecy::Public)?;
            }
            None => for_stdout.push_str(&pem),
        }
        verdicts.push(shown);
    }
    transaction.commit(ledgers.values_mut().map(|begun| begun.ledger.take_pending()).collect())?;
    ledgers.values().try_for_each(|begun| tell_adopted(begun.ledger.path(), &begun.adopted))?;
    Ok((verdicts, for_stdout))
}

fn with_chain(certificate: &Certificate, loaded: &Loaded, chain: bool) -> String {
    let above = loaded.chain.iter().filter(|_| chain);
    std::iter::once(certificate).chain(above).map(Certificate::to_pem).collect()
}

fn show_case(case: &Case<'_>, authorities: &BTreeMap<PathBuf, Loaded>, draft: bool) -> Verdict {
    let issuer =
        authorities.get(&case.authority).map(|loaded| loaded.ca.certificate().tbs.subject.to_string());
    let mut verdict = Verdict::of(
        &case.name,
        &case.request,
        case.profile.map_or("auto", Profile::name),
        issuer.unwrap_or_default(),
        case.verdict.as_ref(),
        draft,
    );
    if let (Some(object), Ok(_)) = (&case.request.kubernetes, &case.verdict) {
        verdict.note(issue::remarks(object, &case.request));
    }
    verdict
}

/// The commands that put a certificate into the status of its object, and approve that where nobody has.
fn to_the_cluster(object: &KubernetesRequest, out: Option<&Path>, pem: &str) -> Vec<String> {
    let name = shell_word(Path::new(&object.name));
    let patch = |certificate: &str| {
        format!(
            "kubectl patch csr {name} --subresource=status --type=merge -p \"{{\\\"status\\\":{{\\\"certificate\\\":\\\"{certificate}\\\"}}}}\""
        )
    };
    let patch = match out {
        Some(file) => patch(&format!("$(base64 < {} | tr -d '\\n')", shell_word(file))),
        None => patch(&BASE64_STANDARD.encode(pem)),
    };
    // In this order: the cluster's own signer leaves alone what has its certificate when it is approved.
    let approve = issue::unapproved(object).map(|_| format!("kubectl certificate approve {name}"));
    std::iter::once(patch).chain(approve).collect()
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
