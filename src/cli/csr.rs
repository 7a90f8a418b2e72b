//! `kpki csr new`: keys and requests, for a CA that is elsewhere.

use std::path::{Path, PathBuf};

use kpki::cluster::{self, Files, Identity as WantedIdentity, Kind};
use kpki::disk::{Overwrite, Secrecy, Transaction, read_bounded};
use kpki::key::{KeyAlgorithm, KeyPair};
use kpki::kubeconfig::{self, Access};
use kpki::layout::Authority;
use kpki::pem;
use kpki::profile::{Catalogue, Profile};
use kpki::request;
use kpki::x509::{Certificate, Name, PublicKey, PublicKeyKind, RequestTemplate, SubjectAltName};

use super::identity::{AlgorithmArgs, IdentityArgs, VersionArgs};
use super::init::{self, NodeChoice};
use super::issue::stage;
use super::output::{self, Format};
use super::{Context, Failure, LARGEST_INPUT, Status, show};

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Make a key and a request; or, with -f, those of a whole node.
    New(Box<Args>),
}

const EXAMPLES: &str = "\
Examples:
  kpki csr new user jane --group dev --group ops       jane.key and jane.csr, with two organizations
  kpki csr new server web --san web.example.com --out-dir requests
  kpki csr new user jane --key jane.key                a request for the key that is there
  kpki csr new -f kubeadm.yaml --dir out               keys and requests of a control plane whose CA is elsewhere;
                                                       put the CA certificates in place first (out/pki/ca.crt, …)";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// What it is for (see kpki profile list).
    #[arg(required_unless_present = "file")]
    profile: Option<String>,
    #[command(flatten)]
    identity: IdentityArgs,
    /// Make the keys and requests of a node of this cluster: kubeadm's own config, or a kind: Cluster.
    #[arg(short = 'f', long = "filename", value_name = "FILE", conflicts_with = "profile")]
    file: Option<PathBuf>,
    /// With -f, where to write; with kubeadm's config it stands for /etc/kubernetes, which is the default.
    #[arg(long, value_name = "DIR", requires = "file")]
    dir: Option<PathBuf>,
    /// With -f, only this node.
    #[arg(long, value_name = "NAME", requires = "file", conflicts_with = "all_nodes")]
    node: Option<String>,
    /// With -f, every node.
    #[arg(long, requires = "file")]
    all_nodes: bool,
    /// Where NAME.key and NAME.csr go.
    #[arg(long, value_name = "DIR", default_value = ".", conflicts_with = "file")]
    out_dir: PathBuf,
    /// Use this private key instead of making one.
    #[arg(long, value_name = "FILE", conflicts_with = "file")]
    key: Option<PathBuf>,
    #[command(flatten)]
    algorithm: AlgorithmArgs,
    /// Replace files that are there; the old ones are kept as backups.
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    version: VersionArgs,
    /// How to print.
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
}

impl NodeChoice for Args {
    fn node(&self) -> Option<&str> {
        self.node.as_deref()
    }

    fn all_nodes(&self) -> bool {
        self.all_nodes
    }
}

pub(super) fn run(context: &Context, command: Command) -> Result<Status, Failure> {
    let Command::New(args) = command;
    let catalogue = context.catalogue()?;
    let overwrite = if args.force { Overwrite::KeepBackup } else { Overwrite::Refuse };
    let transaction = Transaction::with_overwrite(overwrite, &show::stamp(context.now));
    let rows = match (&args.file, &args.profile) {
        (Some(file), _) => of_nodes(&args, file, &catalogue, &transaction)?,
        (None, Some(profile)) => vec![of_one(&args, catalogue.find(profile)?, &transaction)?],
        (None, None) => Vec::new(),
    };
    transaction.commit(Vec::new())?;
    match args.output {
        Format::Json => output::print_json(&rows)?,
        Format::Text => {
            let lines =
                rows.iter().map(|row| vec![row.request.clone(), row.key.clone(), row.subject.clone()]);
            output::print(output::table(&["REQUEST", "KEY", "SUBJECT"], lines))?;
        }
    }
    Ok(Status::Done)
}

#[derive(serde::Serialize)]
struct Row {
    request: String,
    key: String,
    subject: String,
    profile: String,
}

fn of_one(args: &Args, profile: &Profile, transaction: &Transaction) -> Result<Row, Failure> {
    let identity = args.identity.of(profile, &args.version.kubernetes_version.clone().unwrap_or_default())?;
    let base = args.out_dir.join(args.identity.base(profile)?);
    let with_ending = |ending: &str| PathBuf::from(format!("{}.{ending}", base.display()));
    let (key, key_file) = if let Some(file) = &args.key {
        let key = KeyPair::from_pem(&read_bounded(file, LARGEST_INPUT)?, None);
        (key.map_err(|error| Failure::from(error).at(output::path(file)))?, file.clone())
    } else {
        let key = KeyPair::generate(args.algorithm.algorithm.unwrap_or(KeyAlgorithm::EcdsaP256))?;
        let file = with_ending("key");
        stage(transaction, &file, key.to_pem().as_bytes(), Secrecy::Secret)?;
        (key, file)
    };
    let file = with_ending("csr");
    stage(
        transaction,
        &file,
        request_pem(&key, profile, &identity.subject, &identity.sans)?.as_bytes(),
        Secrecy::Public,
    )?;
    Ok(Row {
        request: output::path(&file),
        key: output::path(&key_file),
        subject: identity.subject.to_string(),
        profile: profile.name().to_owned(),
    })
}

/// A request that asks for what the profile gives anyway: the names, and the usages that some CAs want to be asked.
fn request_pem(
    key: &KeyPair,
    profile: &Profile,
    subject: &Name,
    sans: &[SubjectAltName],
) -> Result<String, Failure> {
    let public_key = PublicKey::from_der(key.public_key_der())?;
    let usage = match public_key.kind() {
        PublicKeyKind::Rsa { .. } => profile.key_usage(),
        // RFC 8813 section 3: no other key can encipher a key.
        _ => profile.key_usage().without(kpki::x509::KeyUsage::KEY_ENCIPHERMENT),
    };
    let template = RequestTemplate {
        subject,
        public_key: &public_key,
        subject_alt_names: sans,
        key_usage: usage,
        extended_key_usage: profile.extended_key_usage(),
        ca: profile.is_ca(),
    };
    Ok(pem::encode(pem::CERTIFICATE_REQUEST, &request::build(key, &template)?).to_string())
}

/// Every key and request of a cluster's nodes, where `kpki init` would put the certificates.
fn of_nodes(
    args: &Args,
    file: &Path,
    catalogue: &Catalogue,
    transaction: &Transaction,
) -> Result<Vec<Row>, Failure> {
    let (mut spec, _) = init::read_spec(file)?;
    let only = init::choose_nodes(&mut spec, args)?;
    let root = init::choose_root(&mut spec, args.dir.as_deref());
    let entries = cluster::entries(&spec, only.as_deref(), catalogue)?;
    let ca_file = entries.iter().find_map(|entry| match &entry.kind {
        Kind::Authority { authority: Authority::Kubernetes, .. } => Some(root.join(entry.files.main())),
        _ => None,
    });
    let mut rows = Vec::new();
    for entry in &entries {
        let row = match (&entry.kind, &entry.files) {
            (Kind::Leaf(identity, _), Files::Pair { public, private }) => {
                let (key, pem) = wanted(identity, catalogue)?;
                let request = root.join(public).with_extension("csr");
                stage_below(transaction, &root, private, key.to_pem().as_bytes(), Secrecy::Secret)?;
                stage_below(
                    transaction,
                    &root,
                    &public.with_extension("csr"),
                    pem.as_bytes(),
                    Secrecy::Public,
                )?;
                (request, root.join(private), identity)
            }
            (Kind::Kubeconfig { identity, cluster, server, user }, Files::Single(path)) => {
                let (key, pem) = wanted(identity, catalogue)?;
                let ca = ca_certificate(ca_file.as_deref())?;
                let access = Access { cluster, server, user };
                let text = kubeconfig::write(access, &ca, None, &key.to_pem())?;
                let request = PathBuf::from(format!("{}.csr", path.display()));
                stage_below(transaction, &root, path, text.as_bytes(), Secrecy::Secret)?;
                stage_below(transaction, &root, &request, pem.as_bytes(), Secrecy::Public)?;
                (root.join(request), root.join(path), identity)
            }
            _ => continue,
        };
        let (request, key, identity) = row;
        rows.push(Row {
            request: output::path(&request),
            key: output::path(&key),
            subject: identity.subject.to_string(),
            profile: identity.profile.to_owned(),
        });
    }
    Ok(rows)
}

fn wanted(identity: &WantedIdentity, catalogue: &Catalogue) -> Result<(KeyPair, String), Failure> {
    let key = KeyPair::generate(identity.algorithm)?;
    let pem = request_pem(&key, catalogue.find(identity.profile)?, &identity.subject, &identity.names)?;
    Ok((key, pem))
}

fn stage_below(
    transaction: &Transaction,
    root: &Path,
    path: &Path,
    content: &[u8],
    secrecy: Secrecy,
) -> Result<(), Failure> {
    Ok(transaction.stage(root, path, content, secrecy)?)
}

/// The certificate of the CA that is elsewhere, which kubeconfigs carry.
fn ca_certificate(file: Option<&Path>) -> Result<String, Failure> {
    let file = file.ok_or_else(|| Failure::new("the cluster has no Kubernetes CA"))?;
    let bytes = read_bounded(file, LARGEST_INPUT).map_err(|error| {
        Failure::from(error).hint("put the CA's certificate there first: kubeconfigs carry it")
    })?;
    let certificate =
        Certificate::from_pem_or_der(&bytes).map_err(|error| Failure::from(error).at(output::path(file)))?;
    Ok(certificate.to_pem())
}
