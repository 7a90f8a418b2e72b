//! `kpki probe`: one real handshake with each server, and what it showed.

mod client;
mod compare;
mod hints;
mod presented;
mod report;
mod verdict;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use kpki::clock::Lifetime;
use kpki::inspect::Wanted;
use kpki::key::KeyError;
use kpki::tls::{Dial, Endpoint, Identity, observe};
use kpki::x509::{Certificate, SubjectAltName};

use super::input::Input;
use super::output::{self, Format};
use super::passphrase::PassphraseArgs;
use super::verify::PolicyWord;
use super::{Context, Failure, Status, pool};
use client::Known;
use compare::OnDisk;
use report::Probed;
use verdict::Trust;

const EXAMPLES: &str = "\
Examples:
  kpki probe 10.0.0.10:6443 --cacert /etc/kubernetes/pki/ca.crt
  kpki probe 10.0.0.11:2379 10.0.0.12:2379 --cacert ca.crt --cert client.crt --key client.key
  kpki probe https://127.0.0.1:6443 --name api.example.com --cacert ca.crt -o json
  kpki probe 127.0.0.1:6443 --compare /etc/kubernetes/pki/apiserver.crt
                        does it serve what the file holds, or was that renewed and not restarted?

Without --cacert the certificate is judged by itself: its dates, names and usages, not its signer.
The handshake is made to its end, whatever the server shows; with --cert it is made a second time
without it, to see whether one is required. Nothing else is sent.

A server that asks for a client certificate and does not require it (kube-apiserver, kubelet) refuses
none in the handshake, and takes whom it does not know for nobody. So the certificate that is shown is
judged here: by its dates, its purpose, and the CAs that the server names. Those are names only; with
--client-ca (what the server has as --client-ca-file or --trusted-ca-file) the signature is judged, too.

Exit codes: 0 all is well, 1 something was found, 2 no handshake with some server.";

/// How many servers are talked to at once.
const HANDS: usize = 32;

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Where servers listen: HOST:PORT, [IPV6]:PORT or an https:// URL.
    #[arg(required = true, value_name = "HOST:PORT")]
    endpoints: Vec<Endpoint>,
    /// The CA certificates that are trusted, in any form that kpki inspect reads: PEM, DER, PKCS#7, a kubeconfig (those of
    /// its cluster), a Secret; - for standard input.
    #[arg(long, value_name = "FILE")]
    cacert: Option<PathBuf>,
    /// The client certificate to show when one is asked for, with its chain; its key may stand in the same file, as it does
    /// in a kubeconfig.
    #[arg(long, value_name = "FILE")]
    cert: Option<PathBuf>,
    /// The private key of --cert.
    #[arg(long, value_name = "FILE", requires = "cert")]
    key: Option<PathBuf>,
    /// The CA certificates by which the server knows its clients, to judge --cert by; those of --cacert where the server
    /// names them, if it is not given.
    #[arg(long, value_name = "FILE", requires = "cert")]
    client_ca: Option<PathBuf>,
    /// A file whose first line is the passphrase of the private key; asked for on the terminal if it is needed and
    /// this is not given.
    #[arg(long, value_name = "FILE", requires = "cert")]
    passphrase_file: Option<PathBuf>,
    /// The name that the certificate must be for, and that is indicated to the server (SNI); the host of HOST:PORT
    /// if it is not given.
    #[arg(long, value_name = "NAME", value_parser = parse_name)]
    name: Option<SubjectAltName>,
    /// Does the server serve the certificate in this file, or another one?
    #[arg(long, value_name = "FILE")]
    compare: Option<PathBuf>,
    /// How long a server may take for everything.
    #[arg(long, value_name = "DURATION", default_value = "5s")]
    timeout: Lifetime,
    /// Whose verdict on the chain.
    #[arg(long, value_enum, default_value_t, requires = "cacert")]
    policy: PolicyWord,
    /// How to print.
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
}

/// A name that can be dialled.
fn parse_name(text: &str) -> Result<SubjectAltName, String> {
    match text.parse::<SubjectAltName>().map_err(|error| error.to_string())? {
        SubjectAltName::Dns(name) if name.starts_with("*.") => {
            Err("no server is called by a wildcard; give one name that it should cover".into())
        }
        name @ (SubjectAltName::Dns(_) | SubjectAltName::Ip(_)) => Ok(name),
        _ => Err("a server is called by a DNS name or an IP address".into()),
    }
}

pub(super) fn run(context: &Context, args: &Args) -> Result<Status, Failure> {
    let trust = Trust {
        anchors: match &args.cacert {
            Some(file) => {
                Some(pool::read_anchors(std::slice::from_ref(file), args.policy.into())?.certificates)
            }
            None => None,
        },
        policy: args.policy.into(),
        at: context.now,
    };
    // The servers that ask are components of Kubernetes and etcd.
    let client_ca = match &args.client_ca {
        Some(file) => Some(
            pool::read_anchors(std::slice::from_ref(file), kpki::chain::Policy::Kubernetes)?.certificates,
        ),
        None => None,
    };
    let known = Known {
        given: client_ca.as_deref(),
        servers: trust.anchors.as_deref(),
        at: context.now,
        has_identity: args.cert.is_some(),
    };
    let on_disk = args.compare.as_deref().map(OnDisk::read).transpose()?;
    let identity = args.cert.as_deref().map(|cert| read_identity(cert, args)).transpose()?;
    let dial = Dial {
        identity,
        name: args.name.clone(),
        timeout: Duration::try_from(args.timeout.duration()).unwrap_or(Duration::MAX),
    };
    let probe = |endpoint: &Endpoint| {
        let name = dial.name.clone().unwrap_or_else(|| endpoint.name());
        match observe(endpoint, &dial) {
            Ok(seen) => Probed::seen(endpoint, &name, &seen, (&trust, &known), on_disk.as_ref()),
            Err(error) => Probed::failed(endpoint, &name, &error),
        }
    };
    conclude(&in_order(&args.endpoints, probe), args.output)
}

/// Does a job for each item, several at once; the results are in the order of the items.
fn in_order<T: Sync, R: Send>(items: &[T], job: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let results: Mutex<Vec<(usize, R)>> = Mutex::new(Vec::with_capacity(items.len()));
    let work = || {
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(at) else { return };
            let result = job(item);
            results.lock().unwrap_or_else(PoisonError::into_inner).push((at, result));
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..items.len().min(HANDS) {
            // Where the system grants no more threads, the others do the work.
            let _ = std::thread::Builder::new().spawn_scoped(scope, work);
        }
        work();
    });
    let mut results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
    results.sort_by_key(|(at, _)| *at);
    results.into_iter().map(|(_, result)| result).collect()
}

/// Prints, and sums up.
fn conclude(probed: &[Probed], format: Format) -> Result<Status, Failure> {
    if let ([alone], Format::Text) = (probed, format)
        && let Some(failure) = alone.failure()
    {
        return Err(failure);
    }
    match format {
        Format::Json => output::print_json(&probed)?,
        Format::Text => {
            let blocks: Vec<String> = probed.iter().map(Probed::to_text).collect();
            output::print(blocks.join("\n\n"))?;
        }
    }
    let failed = probed.iter().filter(|one| one.failure().is_some()).count();
    if failed > 0 {
        return Err(Failure::new(match probed.len() {
            1 => "there was no handshake".to_owned(),
            all => format!("there was no handshake with {failed} of {all} servers"),
        }));
    }
    let found = probed.iter().any(Probed::has_findings);
    Ok(if found { Status::Refused } else { Status::Done })
}

/// The client's chain and key.
fn read_identity(cert: &Path, args: &Args) -> Result<Identity, Failure> {
    let input = Input::read(cert)?;
    let mut chain = input.certificates(Wanted::Own)?;
    let passphrase =
        |path: &Path| PassphraseArgs::from_file(args.passphrase_file.clone()).for_decryption(path);
    let key = match &args.key {
        Some(path) => Input::read(path)?.private_key(|| passphrase(path))?,
        None if input.holds_private_key() => input.private_key(|| passphrase(cert))?,
        None => {
            return Err(Failure::from(KeyError::NoPrivateKey)
                .at(input.name())
                .hint("give the private key with --key FILE"));
        }
    };
    // PKCS#7 has no order; what is sent begins with what the key belongs to.
    let is_own = |certificate: &Certificate| certificate.tbs.public_key.der() == key.public_key_der();
    if let Some(own) = chain.iter().position(is_own) {
        chain.swap(0, own);
    }
    Identity::new(&chain, &key).map_err(|error| Failure::from(error).at(input.name()))
}
