//! `kpki csr new`: keys and requests, for a CA that is elsewhere.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use kpki::cluster::{Files, Identity as WantedIdentity, Kind, Surroundings, judge_key};
use kpki::disk::{Overwrite, Secrecy, Transaction, read_bounded};
use kpki::key::{KeyAlgorithm, KeyError, KeyPair};
use kpki::kubeconfig::{self, Access};
use kpki::layout::Authority;
use kpki::pem;
use kpki::profile::{Catalogue, Profile};
use kpki::request::{self, SigningRequest};
use kpki::x509::{Certificate, Name, PublicKey, PublicKeyKind, RequestTemplate, SubjectAltName};

use super::identity::{AlgorithmArgs, IdentityArgs, VersionArgs};
use super::init::{self, NodeChoice};
use super::issue::{authority_of, refused, stage};
use super::output::{self, Format};
use super::passphrase::PassphraseArgs;
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
                                                       put the CA certificates in place first (out/pki/ca.crt, …)

With -f, requests are made for what has no certificate yet, with the keys that are there already.";

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
    #[arg(long, value_name = "FILE", conflicts_with_all = ["file", "algorithm"])]
    key: Option<PathBuf>,
    /// A file whose first line is the passphrase of that key; asked for on the terminal if it is needed and not given.
    #[arg(long, value_name = "FILE", requires = "key")]
    passphrase_file: Option<PathBuf>,
    /// With -f, the CAs that kubeconfigs trust for the API server, where these are not those of pki/ca.crt.
    #[arg(long, value_name = "FILE", requires = "file")]
    server_ca: Option<PathBuf>,
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
    let options = [
        ("--algorithm", args.algorithm.algorithm.is_some()),
        ("--kubernetes-version", args.version.is_given()),
    ];
    let given = options.into_iter().find_map(|(option, given)| given.then_some(option));
    if let Some(option) = args.identity.given().or(given).filter(|_| args.file.is_some()) {
        return Err(Failure::new(format!("{option} is for a single request; with -f the file decides"))
            .hint("say it in the file, or name a profile instead of -f"));
    }
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
            let lines: Vec<_> = rows
                .iter()
                .map(|row| vec![row.request.clone(), row.key.clone(), row.subject.clone()])
                .collect();
            if lines.is_empty() {
                output::print("there is a certificate for every key; nothing was made")?;
            } else {
                output::print(output::table(&["REQUEST", "KEY", "SUBJECT"], lines))?;
            }
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
        let pem = read_bounded(file, LARGEST_INPUT)?;
        let passphrase = PassphraseArgs::from_file(args.passphrase_file.clone());
        let key = match KeyPair::from_pem(&pem, None) {
            Err(KeyError::Encrypted) => KeyPair::from_pem(&pem, Some(&passphrase.for_decryption(file)?)),
            other => other,
        };
        (key.map_err(|error| Failure::from(error).at(output::path(file)))?, file.clone())
    } else {
        let key = KeyPair::generate(args.algorithm.algorithm.unwrap_or(KeyAlgorithm::EcdsaP256))?;
        let file = with_ending("key");
        if args.force {
            judge_key(&file, None).map_err(refused)?;
        }
        stage(transaction, &file, key.to_pem().as_bytes(), Secrecy::Secret)?;
        (key, file)
    };
    let file = with_ending("csr");
    if args.force {
        judge_request(&file)?;
    }
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

/// That a file that may be there is a request, and may give way to another.
fn judge_request(file: &Path) -> Result<(), Failure> {
    let text = match read_bounded(file, LARGEST_INPUT) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    let is_request = |label: &str| label.ends_with(pem::CERTIFICATE_REQUEST);
    let blocks = pem::parse(&text).unwrap_or_default();
    if text.is_empty() || !blocks.is_empty() && blocks.iter().all(|block| is_request(&block.label)) {
        return Ok(());
    }
    Err(Failure::new(format!(
        "{} holds something else than a request, and is not replaced",
        output::path(file)
    ))
    .hint("write elsewhere: --out-dir DIR")
    .refused())
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

/// Every key and request of a cluster's nodes, where `kpki init` would put the certificates: of all that has no
/// certificate yet, or of everything with `--force`.
fn of_nodes(
    args: &Args,
    file: &Path,
    catalogue: &Catalogue,
    transaction: &Transaction,
) -> Result<Vec<Row>, Failure> {
    let (mut spec, notes) = init::read_spec(file)?;
    init::remark(&notes)?;
    let init::Target { root, entries, .. } = init::wanted(&mut spec, args, args.dir.as_deref(), catalogue)?;
    let nodes = Nodes { args, catalogue, transaction, root };
    let authority = entries.iter().find_map(|entry| match &entry.kind {
        Kind::Authority { authority: Authority::Kubernetes, .. } => Some(nodes.root.join(entry.files.main())),
        _ => None,
    });
    let authority = nodes.trusted(authority.as_deref())?;
    let mut rows = Vec::new();
    for entry in &entries {
        let row = match (&entry.kind, &entry.files) {
            (Kind::Leaf(identity, _), Files::Pair { public, private }) => {
                nodes.pair(identity, public, private)?
            }
            (Kind::Kubeconfig { identity, cluster, server, user, .. }, Files::Single(path)) => {
                nodes.kubeconfig(identity, path, Access { cluster, server, user }, &authority)?
            }
            _ => None,
        };
        rows.extend(row);
    }
    Ok(rows)
}

/// What the requests of nodes are made with.
struct Nodes<'a> {
    args: &'a Args,
    catalogue: &'a Catalogue,
    transaction: &'a Transaction,
    root: PathBuf,
}

impl Nodes<'_> {
    /// The request for a certificate with a key file of its own; none where the certificate is there.
    fn pair(&self, identity: &WantedIdentity, public: &Path, private: &Path) -> Result<Option<Row>, Failure> {
        let there = |path: &Path| !self.args.force && self.root.join(path).exists();
        if there(public) {
            return Ok(None);
        }
        let key = if there(private) {
            let place = self.root.join(private);
            KeyPair::from_pem(&read_bounded(&place, LARGEST_INPUT)?, None)
                .map_err(|error| Failure::from(error).at(output::path(&place)))?
        } else {
            let key = KeyPair::generate(identity.algorithm)?;
            if self.args.force {
                judge_key(&self.root.join(private), None).map_err(refused)?;
            }
            self.stage(private, key.to_pem().as_bytes(), Secrecy::Secret)?;
            key
        };
        self.request(identity, &key, &public.with_extension("csr"), private).map(Some)
    }

    /// The request for the certificate of a kubeconfig; none where it is there.
    fn kubeconfig(
        &self,
        identity: &WantedIdentity,
        path: &Path,
        access: Access<'_>,
        authority: &str,
    ) -> Result<Option<Row>, Failure> {
        let place = self.root.join(path);
        let key = if !self.args.force && place.exists() {
            let text = read_bounded(&place, LARGEST_INPUT)?;
            match kubeconfig::waiting_key(&text) {
                Some(pem) => KeyPair::from_pem(&pem, None)
                    .map_err(|error| Failure::from(error).at(output::path(&place)))?,
                None => return Ok(None),
            }
        } else {
            let key = KeyPair::generate(identity.algorithm)?;
            let text = kubeconfig::write(access, authority, None, &key.to_pem())?;
            self.stage(path, text.as_bytes(), Secrecy::Secret)?;
            key
        };
        self.request(identity, &key, Path::new(&format!("{}.csr", path.display())), path).map(Some)
    }

    /// Writes a request, unless the same is there.
    fn request(
        &self,
        identity: &WantedIdentity,
        key: &KeyPair,
        request: &Path,
        holds_key: &Path,
    ) -> Result<Row, Failure> {
        let profile = self.catalogue.find(identity.profile)?;
        let pem = request_pem(key, profile, &identity.subject, &identity.names)?;
        let place = self.root.join(request);
        let asks_already = || {
            let there = SigningRequest::read_all(&read_bounded(&place, LARGEST_INPUT).ok()?).ok()?;
            let [there] = there.as_slice() else { return None };
            Some(there.public_key.der() == key.public_key_der() && there.subject == identity.subject)
        };
        if self.args.force || asks_already() != Some(true) {
            if self.args.force {
                judge_request(&place)?;
            }
            self.stage(request, pem.as_bytes(), Secrecy::Public)?;
        }
        Ok(Row {
            request: output::path(&place),
            key: output::path(&self.root.join(holds_key)),
            subject: identity.subject.to_string(),
            profile: identity.profile.to_owned(),
        })
    }

    fn stage(&self, path: &Path, content: &[u8], secrecy: Secrecy) -> Result<(), Failure> {
        Ok(self.transaction.stage(&self.root, path, content, secrecy)?)
    }

    /// The CAs that kubeconfigs trust, as PEM: those that were named, or those of the CA that is elsewhere.
    fn trusted(&self, file: Option<&Path>) -> Result<String, Failure> {
        if let Some(named) = &self.args.server_ca {
            return Ok(authority_of(named)?.iter().map(Certificate::to_pem).collect());
        }
        let file = file.ok_or_else(|| Failure::new("the cluster has no Kubernetes CA"))?;
        let bytes = read_bounded(file, LARGEST_INPUT).map_err(|error| {
            Failure::from(error).hint("put the CA's certificate there first: kubeconfigs carry it")
        })?;
        let held = Certificate::all_from_pem_or_der(&bytes)
            .map_err(|error| Failure::from(error).at(output::path(file)))?;
        let known = Surroundings::of(file, &held).server_authority(file).map_err(|error| {
            Failure::from(error)
                .hint("name the CAs that the API server's certificate goes back to: --server-ca FILE")
                .refused()
        })?;
        Ok(known.pem)
    }
}
