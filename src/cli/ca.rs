//! `kpki ca`: authorities of their own.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use kpki::adoption::Begun;
use kpki::clock::Lifetime;
use kpki::cluster::{
    self, AuthorityOptions, ClusterSpec, Destination, DestinationError, Issued, Job, Look, Plan, Source,
};
use kpki::disk::{Overwrite, Secrecy, Transaction, read_bounded};
use kpki::inspect::Wanted;
use kpki::issue;
use kpki::key::{KeyAlgorithm, KeyError, KeyPair};
use kpki::layout::{Authority, Layout, Naming, key_beside, ledger_beside};
use kpki::ledger::{self, Entry};
use kpki::profile::PathLength;
use kpki::request::{SigningRequest, wish_for_names};
use kpki::x509::{Certificate, ExtendedKeyUsage, Extensions, Name, NameConstraints, PublicKey};
use serde::Serialize;
use time::OffsetDateTime;

use super::authority::{CaArgs, certificates_of};
use super::identity::{AlgorithmArgs, terms};
use super::init::{carry_out, makes_authority};
use super::input::Input;
use super::issue::{refused, stage};
use super::ledger::tell_adopted;
use super::output::{self, Format};
use super::passphrase::PassphraseArgs;
use super::show::{self, Verdict};
use super::{Context, Failure, LARGEST_INPUT, Status};

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Make a cluster's CAs, and the key pair of its service accounts.
    Init(InitArgs),
    /// Make a CA under another CA.
    Intermediate(IntermediateArgs),
    /// Show CAs: whose they are, until when, and where their keys are.
    Show(ShowArgs),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Which {
    /// The CA of API servers, kubelets, components and users.
    Kubernetes,
    /// The CA of etcd.
    Etcd,
    /// The CA of the front proxy.
    FrontProxy,
    /// The key pair that signs service-account tokens.
    ServiceAccount,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum LayoutName {
    /// ca.crt and ca.key, etcd/ca.crt and etcd/ca.key.
    Kubeadm,
    /// ca.pem and ca-key.pem, etcd/ca.pem and etcd/ca-key.pem.
    Pem,
}

/// What limits a CA.
#[derive(Debug, Args)]
struct Limits {
    /// How long it is valid, 87600h or 10y.
    #[arg(long, value_name = "LIFETIME")]
    validity: Option<Lifetime>,
    /// How many CAs may follow it in a path.
    #[arg(long, value_name = "COUNT")]
    path_len: Option<u8>,
    /// A part of its name space: permit:dns:DOMAIN, exclude:ip:NETWORK/PREFIX, permit:email:DOMAIN; repeatable.
    #[arg(long = "name-constraint", value_name = "CONSTRAINT")]
    name_constraints: Vec<String>,
    /// Its subject, such as "CN=kubernetes,O=Example".
    #[arg(long, value_name = "SUBJECT")]
    subject: Option<String>,
    /// Encrypt its private key (PKCS#8, AES-256) with a passphrase. kube-controller-manager cannot read it then.
    #[arg(long)]
    encrypt: bool,
}

const INIT_EXAMPLES: &str = "\
Examples:
  kpki ca init --dir pki                                  all of them, as kubeadm names them
  kpki ca init kubernetes --dir pki --validity 5y --subject 'CN=kubernetes,O=Example'
  kpki ca init etcd --dir pki --name-constraint permit:dns:etcd.example.com --name-constraint permit:ip:10.0.0.0/8
  kpki ca init --dir pki --encrypt --passphrase-file secret.txt

What is there and right is kept. Every option that is given is compared with it, and a difference is refused: what is
there is never changed.";

#[derive(Debug, Args)]
#[command(after_help = INIT_EXAMPLES)]
pub(crate) struct InitArgs {
    /// Which; all of them if none is named.
    #[arg(value_enum, value_name = "NAME")]
    names: Vec<Which>,
    /// The PKI directory.
    #[arg(long, value_name = "DIR", default_value = "/etc/kubernetes/pki")]
    dir: PathBuf,
    /// How files are named.
    #[arg(long, value_enum, default_value = "kubeadm")]
    layout: LayoutName,
    #[command(flatten)]
    algorithm: AlgorithmArgs,
    #[command(flatten)]
    limits: Limits,
    #[command(flatten)]
    passphrase: PassphraseArgs,
    /// Make what can be made, although something else is refused; the exit code is 1 then.
    #[arg(long)]
    keep_going: bool,
    /// Print what would be done, and do nothing.
    #[arg(long)]
    dry_run: bool,
    /// How to print.
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
}

const INTERMEDIATE_EXAMPLES: &str = "\
Examples:
  kpki ca intermediate team-a --ca pki/ca.crt --out team-a/ca.crt          may sign servers alone
  kpki ca intermediate edge --ca pki --path-len 0 --name-constraint permit:dns:edge.example.com --validity 2y
  kpki ca intermediate login --ca pki/ca.crt --eku client --validity 90d   may sign users of the API server, any of them
  kpki ca intermediate etcd-site-b --ca pki/etcd/ca.crt --eku server,client

What it may sign is said when it is made. Everything below a CA is held to its --eku by Go's and OpenSSL's verifiers.";

#[derive(Debug, Args)]
#[command(after_help = INTERMEDIATE_EXAMPLES)]
pub(crate) struct IntermediateArgs {
    /// Its common name.
    name: String,
    #[command(flatten)]
    ca: CaArgs,
    /// Where its certificate goes, NAME.crt if not given; its key goes beside it.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    algorithm: AlgorithmArgs,
    #[command(flatten)]
    limits: Limits,
    /// What the certificates below it may be for, with commas between: server, client, codeSigning and the like; any for
    /// everything. Whoever may sign clients under the cluster's CA can be any user of it, and in any group.
    #[arg(long, value_name = "PURPOSE", value_delimiter = ',', value_parser = purpose, default_value = "server")]
    eku: Vec<ExtendedKeyUsage>,
    /// A file whose first line is the passphrase for the new CA's key.
    #[arg(long, value_name = "FILE", requires = "encrypt")]
    new_passphrase_file: Option<PathBuf>,
    /// Replace files that are there; the old ones are kept as backups.
    #[arg(long)]
    force: bool,
    /// How to print.
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  kpki ca show\n  kpki ca show pki out/ca/etcd/ca.crt -o json")]
pub(crate) struct ShowArgs {
    /// PKI directories, and CA certificates in files of any form (see kpki inspect); - for standard input;
    /// /etc/kubernetes/pki if none is named.
    #[arg(value_name = "DIR|CERT")]
    paths: Vec<PathBuf>,
    /// The same, as an option.
    #[arg(long = "ca", alias = "dir", value_name = "DIR|CERT")]
    more: Vec<PathBuf>,
    /// How to print.
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
}

pub(super) fn run(context: &Context, command: Command) -> Result<Status, Failure> {
    match command {
        Command::Init(args) => init(context, &args),
        Command::Intermediate(args) => intermediate(context, &args),
        Command::Show(args) => show(context, &args),
    }
}

impl IntermediateArgs {
    /// The purposes; none for all of them.
    fn purposes(&self) -> Vec<ExtendedKeyUsage> {
        if self.eku.contains(&ExtendedKeyUsage::Any) { Vec::new() } else { self.eku.clone() }
    }
}

/// A purpose by its name, or as it is called for short.
fn purpose(text: &str) -> Result<ExtendedKeyUsage, String> {
    let name = match text {
        "server" | "servers" => "serverAuth",
        "client" | "clients" => "clientAuth",
        other => other,
    };
    name.parse()
        .map_err(|_| "write server, client, any, or a name of RFC 5280 such as codeSigning".to_owned())
}

impl Limits {
    /// One of the options that was given.
    fn given(&self) -> Option<&'static str> {
        [
            ("--validity", self.validity.is_some()),
            ("--path-len", self.path_len.is_some()),
            ("--name-constraint", !self.name_constraints.is_empty()),
            ("--subject", self.subject.is_some()),
            ("--encrypt", self.encrypt),
        ]
        .into_iter()
        .find_map(|(option, given)| given.then_some(option))
    }

    fn path_length(&self) -> PathLength {
        self.path_len.map_or(PathLength::OfProfile, |length| PathLength::AtMost(length.into()))
    }

    fn name_constraints(&self) -> Result<NameConstraints, Failure> {
        let mut constraints = NameConstraints::default();
        for text in &self.name_constraints {
            match text.split_once(':') {
                Some(("permit", subtree)) => constraints.permitted.push(subtree.parse()?),
                Some(("exclude", subtree)) => constraints.excluded.push(subtree.parse()?),
                _ => {
                    return Err(Failure::new(format!("{text:?} is not a name constraint"))
                        .hint("write permit:dns:example.com or exclude:ip:10.0.0.0/8"));
                }
            }
        }
        Ok(constraints)
    }

    fn subject(&self) -> Result<Option<Name>, Failure> {
        self.subject.as_deref().map(parse_subject).transpose()
    }
}

/// `CN=kubernetes,O=Example`, a comma within a value escaped by a backslash; or openssl's `/O=Example/CN=kubernetes`.
fn parse_subject(text: &str) -> Result<Name, Failure> {
    let (separator, text) = text.strip_prefix('/').map_or((',', text), |rest| ('/', rest));
    let mut parts = vec![String::new()];
    let mut escaped = false;
    for c in text.chars() {
        match parts.last_mut() {
            Some(part) if escaped || (c != separator && c != '\\') => part.push(c),
            _ if c == separator => parts.push(String::new()),
            _ => {}
        }
        escaped = c == '\\' && !escaped;
    }
    let attributes = parts
        .iter()
        .map(|part| part.split_once('=').map(|(kind, value)| (kind.trim(), value.trim())))
        .collect::<Option<Vec<_>>>()
        .ok_or_else(|| {
            Failure::new(format!("{text:?} is not a subject")).hint("write CN=kubernetes,O=Example")
        })?;
    Ok(Name::from_attributes(&attributes)?)
}

fn init(context: &Context, args: &InitArgs) -> Result<Status, Failure> {
    let wanted = |which: Which| args.names.is_empty() || args.names.contains(&which);
    let authorities: Vec<Authority> = [
        (Which::Kubernetes, Authority::Kubernetes),
        (Which::FrontProxy, Authority::FrontProxy),
        (Which::Etcd, Authority::Etcd),
    ]
    .into_iter()
    .filter(|(which, _)| wanted(*which))
    .map(|(_, authority)| authority)
    .collect();
    if args.limits.subject.is_some() && authorities.len() != 1 {
        return Err(
            Failure::new("--subject is for one CA").hint("name it: kpki ca init kubernetes --subject …")
        );
    }
    if let Some(option) = args.limits.given().filter(|_| authorities.is_empty()) {
        let message = format!("{option} is for CAs, and the key pair of the service accounts is none");
        return Err(Failure::new(message).hint("name a CA as well, or leave it out"));
    }
    let naming = match args.layout {
        LayoutName::Kubeadm => Naming::Kubeadm,
        LayoutName::Pem => Naming::Pem,
    };
    let home = Layout { naming, kubeconfigs: PathBuf::new(), pki: PathBuf::new(), etcd: "etcd".into() };
    let mut spec = ClusterSpec::new(Source::Kpki);
    spec.algorithm = args.algorithm.algorithm.unwrap_or(spec.algorithm);
    spec.given.algorithm = args.algorithm.algorithm.is_some();
    spec.given.ca_lifetime = args.limits.validity.is_some();
    spec.ca_lifetime = args.limits.validity.unwrap_or(spec.ca_lifetime);
    let options = AuthorityOptions {
        subject: args.limits.subject()?,
        path_length: args.limits.path_length(),
        name_constraints: args.limits.name_constraints()?,
        encrypted: args.limits.encrypt,
    };
    let catalogue = context.catalogue()?;
    let entries =
        cluster::authorities(&spec, home, &authorities, wanted(Which::ServiceAccount), &options, &catalogue)?;
    let look = Look {
        root: &args.dir,
        now: context.now,
        passphrase: &args.passphrase.source()?,
        server_authority: None,
        unwanted: Vec::new(),
        version: spec.version.to_string(),
    };
    let plan = Plan::make(entries, &look)?;
    let encrypt = if args.limits.encrypt && !args.dry_run && makes_authority(&plan) {
        Some(args.passphrase.for_encryption()?)
    } else {
        None
    };
    let job = Job {
        root: &args.dir,
        catalogue: &catalogue,
        version: &spec.version,
        now: context.now,
        encrypt: encrypt.as_ref(),
        keep_going: args.keep_going,
        progress: &|_| {},
    };
    carry_out(plan, &job, args.dry_run, args.output)
}

fn intermediate(context: &Context, args: &IntermediateArgs) -> Result<Status, Failure> {
    let catalogue = context.catalogue()?;
    let profile = catalogue.find("intermediate-ca")?;
    let loaded = args.ca.load(profile.issuer())?;
    let file =
        args.out.clone().unwrap_or_else(|| format!("{}.crt", args.name.replace(['/', ' '], "-")).into());
    if file == Path::new("-") {
        return Err(Failure::new("a CA's private key is not printed").hint("give --out FILE"));
    }
    let own = cluster::algorithm_of(loaded.ca.certificate()).unwrap_or(KeyAlgorithm::EcdsaP256);
    let key = KeyPair::generate(args.algorithm.algorithm.unwrap_or(own))?;
    let subject = match args.limits.subject()? {
        Some(subject) if subject.common_name().is_some_and(|name| name != args.name) => {
            return Err(Failure::new(format!("--subject says {subject}, and the name is {:?}", args.name))
                .hint("the name is the common name of the subject: give the same twice"));
        }
        Some(subject) => subject,
        None => Name::new(Some(&args.name), &[""; 0])?,
    };
    let issued = Issued { subject: &subject, issuer: loaded.ca.certificate() };
    let destination = Destination::find(&issued, &file, None, args.force);
    let destination = destination.or_else(|error| match error {
        // The new key is encrypted too.
        DestinationError::Encrypted { .. } if args.limits.encrypt => {
            Destination::find(&issued, &file, None, false)
        }
        error => Err(error),
    });
    let destination = destination.map_err(refused)?;
    if let Some(leaf) = destination.replaces.as_ref().filter(|old| !old.tbs.extensions.is_ca()) {
        let (file, subject) = (output::path(&destination.certificate), &leaf.tbs.subject);
        let message =
            format!("{file} is the certificate of {subject}, which is no CA, and is not replaced by one");
        return Err(Failure::new(message).hint("write elsewhere: --out FILE").refused());
    }
    let request = SigningRequest::by_holder(
        subject.clone(),
        PublicKey::from_der(key.public_key_der())?,
        wish_for_names(Vec::new()),
    );
    let mut terms = terms(&kpki::profile::KubernetesVersion::NEWEST, args.limits.validity);
    terms.path_length = args.limits.path_length();
    terms.purposes = Some(args.purposes());
    terms.name_constraints = within(args.limits.name_constraints()?, &loaded.ca.certificate().tbs.extensions);
    let judged = issue::decide(&loaded.ca, &request, profile, &terms, context.now)?;
    let issuer = loaded.ca.certificate().tbs.subject.to_string();
    let mut verdict = Verdict::of(&args.name, &request, profile.name(), issuer, Ok(&judged), false);
    let certificate = judged.seal(loaded.ca.key())?;
    let key_pem = if args.limits.encrypt {
        let source = PassphraseArgs::from_file(args.new_passphrase_file.clone());
        key.to_encrypted_pem(&source.for_encryption()?)?
    } else {
        key.to_pem()
    };
    let Begun { mut ledger, adopted } = loaded.open_ledger(context.now)?;
    ledger.record(Entry::of(&certificate, profile.name(), None, context.now))?;
    let overwrite = if args.force { Overwrite::KeepBackup } else { Overwrite::Refuse };
    let transaction = Transaction::with_overwrite(overwrite, &show::stamp(context.now));
    // The certificates above it follow it, so that its leaves' chains can be built: see --chain of sign csr.
    let pem = std::iter::once(&certificate).chain(&loaded.chain).map(Certificate::to_pem).collect::<String>();
    stage(&transaction, &destination.key, key_pem.as_bytes(), Secrecy::Secret)?;
    stage(&transaction, &destination.certificate, pem.as_bytes(), Secrecy::Public)?;
    let committed = transaction.commit(vec![ledger.take_pending()])?;
    tell_adopted(ledger.path(), &adopted)?;
    verdict.signed(&certificate, Some(&destination.certificate), &pem);
    verdict.kept(&committed.backups);
    match args.output {
        Format::Json => output::print_json(&verdict)?,
        Format::Text => output::print(verdict.to_text())?,
    }
    Ok(Status::Done)
}

/// Constraints with those of the issuer, which hold for everything below it (RFC 5280 section 6.1.4): so that the new
/// CA itself refuses what its issuer's constraints would make worthless. Permitted names of a kind of its own stand
/// as they were given.
fn within(mut own: NameConstraints, issuer: &Extensions) -> NameConstraints {
    let Some(above) = issuer.name_constraints.as_ref().map(|marked| &marked.value) else { return own };
    let given: Vec<_> = own.permitted.iter().map(std::mem::discriminant).collect();
    let inherited = above.permitted.iter().filter(|name| !given.contains(&std::mem::discriminant(*name)));
    own.permitted.extend(inherited.cloned());
    for name in &above.excluded {
        if !own.excluded.contains(name) {
            own.excluded.push(name.clone());
        }
    }
    own
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    file: String,
    subject: String,
    issuer: String,
    key: String,
    private_key: &'static str,
    serial: String,
    not_before: String,
    not_after: String,
    days_left: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    path_length: Option<u32>,
    permitted: Vec<String>,
    excluded: Vec<String>,
    purposes: Vec<String>,
    may_sign: String,
    #[serde(skip)]
    ends: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    issued: Option<usize>,
    certificate_sha256: String,
}

fn show(context: &Context, args: &ShowArgs) -> Result<Status, Failure> {
    let mut paths: Vec<PathBuf> = args.paths.iter().chain(&args.more).cloned().collect();
    if paths.is_empty() {
        paths.push("/etc/kubernetes/pki".into());
    }
    let mut shown = Vec::new();
    for path in &paths {
        let files: Vec<PathBuf> = if path.is_dir() {
            Authority::ALL.into_iter().flat_map(|authority| certificates_of(path, authority)).collect()
        } else {
            vec![path.clone()]
        };
        if files.is_empty() {
            return Err(Failure::new(format!("no CA in {}", output::path(path)))
                .hint("make the CAs with kpki ca init --dir DIR"));
        }
        for file in files {
            shown.push(look_at(&file, context.now)?);
        }
    }
    if args.output == Format::Json {
        output::print_json(&shown)?;
        return Ok(Status::Done);
    }
    let rows = shown.into_iter().map(|ca| {
        let by = if ca.issuer == ca.subject { "itself".to_owned() } else { ca.issuer };
        let expires = format!("{} ({} d)", ca.ends, ca.days_left);
        let names = ca
            .permitted
            .iter()
            .map(|name| format!("+{name}"))
            .chain(ca.excluded.iter().map(|name| format!("-{name}")));
        let purposes = ca.purposes.iter().map(|purpose| format!("for {purpose}"));
        let limits = ca
            .path_length
            .map(|length| format!("pathlen {length}"))
            .into_iter()
            .chain(purposes)
            .chain(names)
            .collect::<Vec<_>>();
        let issued = ca.issued.map_or_else(|| "-".into(), |count| count.to_string());
        vec![ca.file, ca.subject, by, ca.key, ca.private_key.into(), expires, issued, limits.join(" ")]
    });
    output::print(output::table(
        &["FILE", "SUBJECT", "ISSUER", "KEY", "PRIVATE KEY", "EXPIRES", "ISSUED", "LIMITS"],
        rows,
    ))?;
    Ok(Status::Done)
}

/// Where a CA's private key is: beside its certificate, or in the same file.
fn private_key(input: &Input, own: &PublicKey) -> &'static str {
    let is_kubeconfig = input.is_kubeconfig();
    // What lies beside a kubeconfig is its user's.
    let beside = input.path.as_deref().filter(|_| !is_kubeconfig).map(key_beside);
    match beside.map(|path| read_bounded(&path, LARGEST_INPUT)) {
        Some(Ok(pem)) => match KeyPair::from_pem(&pem, None) {
            Ok(key) if key.public_key_der() == own.der() => "here",
            Ok(_) => "another's",
            Err(KeyError::Encrypted) => "here, encrypted",
            Err(_) => "unreadable",
        },
        // A Secret has it in it; that of a kubeconfig is its user's.
        _ if input.holds_private_key() => match input.private_key(|| Err(KeyError::Encrypted.into())) {
            Ok(key) if key.public_key_der() == own.der() => "here",
            Ok(_) => "elsewhere",
            Err(failure) if failure.message.contains(&KeyError::Encrypted.to_string()) => "here, encrypted",
            Err(_) => "unreadable",
        },
        Some(Err(error)) if error.kind() != std::io::ErrorKind::NotFound && input.is_file() => "unreadable",
        _ => "elsewhere",
    }
}

fn look_at(file: &Path, now: OffsetDateTime) -> Result<Shown, Failure> {
    let input = Input::read(file)?;
    let certificates = input.certificates(Wanted::Authorities)?;
    let first = certificates.into_iter().next();
    let certificate = first.ok_or_else(|| Failure::new("no certificate").at(input.name()))?;
    kpki::ca::check_certificate(&certificate).map_err(|error| Failure::from(error).at(input.name()))?;
    let tbs = &certificate.tbs;
    let private_key = private_key(&input, &tbs.public_key);
    let constraints =
        tbs.extensions.name_constraints.as_ref().map(|marked| marked.value.clone()).unwrap_or_default();
    let texts = |subtrees: &[kpki::x509::GeneralSubtree]| subtrees.iter().map(ToString::to_string).collect();
    let ledger = ledger_beside(file);
    Ok(Shown {
        file: input.name(),
        subject: tbs.subject.to_string(),
        issuer: tbs.issuer.to_string(),
        key: tbs.public_key.kind().to_string(),
        private_key,
        serial: tbs.serial.to_string(),
        not_before: output::rfc3339(tbs.validity.not_before),
        not_after: output::rfc3339(tbs.validity.not_after),
        ends: output::instant(tbs.validity.not_after),
        days_left: (tbs.validity.not_after - now).whole_days(),
        path_length: tbs.extensions.basic_constraints.as_ref().and_then(|marked| marked.value.path_len),
        permitted: texts(&constraints.permitted),
        excluded: texts(&constraints.excluded),
        purposes: tbs.extensions.purposes().iter().map(ToString::to_string).collect(),
        may_sign: show::may_sign(&tbs.extensions),
        issued: if ledger.is_file() { Some(ledger::read(&ledger)?.len()) } else { None },
        certificate_sha256: certificate.fingerprint(),
    })
}
