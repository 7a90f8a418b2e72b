//! Where a certificate goes that is issued with its key: files, a kubeconfig, standard output.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use kpki::cluster::{Destination, DestinationError, Follow, Issued, Surroundings, check_server_authority};
use kpki::disk::{Secrecy, Transaction, read_bounded};
use kpki::inspect::Wanted;
use kpki::key::{KeyForm, KeyPair};
use kpki::kubeconfig::{self, Access, Changes, KubeconfigError};
use kpki::x509::Certificate;
use zeroize::Zeroizing;

use super::super::authority::{Loaded, directory_of};
use super::super::identity::IdentityArgs;
use super::super::input::Input;
use super::super::{Failure, LARGEST_INPUT, output};
use super::{Args, stage};
use kpki::profile::Profile;

/// Where a certificate and its key go.
pub(super) enum Target {
    /// A new kubeconfig.
    Kubeconfig { file: Option<PathBuf>, server: String, authority: String },
    /// A kubeconfig that is there: its user gets the certificate, its cluster what was asked for.
    Existing { file: PathBuf, text: Zeroizing<Vec<u8>>, server: Option<String>, authority: Option<String> },
    /// Files, or standard output for either.
    Files { destination: Box<Destination>, certificate: bool, key: bool },
}

/// What was written.
#[derive(Default)]
pub(super) struct Written {
    /// The file that people call it by.
    pub(super) file: Option<PathBuf>,
    /// What goes to standard output.
    pub(super) stdout: Zeroizing<String>,
    /// The certificate with what stands behind it.
    pub(super) pem: String,
}

/// A chosen place and what is worth a word about it.
pub(super) struct Chosen {
    pub(super) target: Target,
    pub(super) notes: Vec<String>,
}

const STDOUT: &str = "-";

fn is_stdout(path: &Path) -> bool {
    path == Path::new(STDOUT)
}

impl Target {
    /// Decides where everything goes, before anything is signed.
    pub(super) fn choose(
        args: &Args,
        profile: &Profile,
        leaf: &Issued<'_>,
        loaded: &Loaded,
        around: &Surroundings,
    ) -> Result<Chosen, Failure> {
        match &args.kubeconfig {
            Some(file) => kubeconfig_target(args, file, loaded, around),
            None => Ok(Chosen { target: files(args, profile, leaf)?, notes: Vec::new() }),
        }
    }

    /// The certificate that gives way.
    pub(super) fn replaces(&self) -> Option<Certificate> {
        match self {
            Self::Kubeconfig { .. } => None,
            Self::Existing { text, .. } => kubeconfig::read(text).ok().map(|client| client.certificate),
            Self::Files { destination, .. } => destination.replaces.clone(),
        }
    }

    /// Whether anything of it goes to standard output.
    pub(super) fn prints(&self) -> bool {
        match self {
            Self::Kubeconfig { file, .. } => file.is_none(),
            Self::Existing { .. } => false,
            Self::Files { certificate, key, .. } => *certificate || *key,
        }
    }

    /// Stages the certificate and its key.
    pub(super) fn write(
        &self,
        transaction: &Transaction,
        args: &Args,
        loaded: &Loaded,
        certificate: &Certificate,
        key: KeyPair,
    ) -> Result<Written, Failure> {
        let user = certificate.tbs.subject.common_name().unwrap_or_default();
        let mut written = Written::default();
        match self {
            Self::Kubeconfig { file, server, authority } => {
                let access = Access { cluster: args.cluster(), server, user };
                written.pem = chain(certificate, loaded, Follow::Intermediates);
                let text = kubeconfig::write(access, authority, Some(&written.pem), &key.to_pem())?;
                match file {
                    Some(file) => stage(transaction, file, text.as_bytes(), Secrecy::Secret)?,
                    None => written.stdout = text,
                }
                written.file.clone_from(file);
            }
            Self::Existing { file, text, server, authority } => {
                written.pem = chain(certificate, loaded, Follow::Intermediates);
                let changes = Changes {
                    identity: Some((&written.pem, &key.to_pem())),
                    authority: authority.as_deref(),
                    server: server.as_deref(),
                };
                let text = kubeconfig::rewrite(text, &changes).map_err(|error| in_place(file, error))?;
                stage(transaction, file, text.as_bytes(), Secrecy::Secret)?;
                written.file = Some(file.clone());
            }
            Self::Files { destination, certificate: print, key: print_key } => {
                // A form that not every key has goes with the algorithm.
                let key = match destination.form {
                    Some(KeyForm::Pkcs8) => key.with_form(KeyForm::Pkcs8)?,
                    _ => key,
                };
                let asked = if args.chain { Follow::Intermediates } else { Follow::Nothing };
                written.pem = chain(certificate, loaded, destination.follow.max(asked));
                let secret = key.to_pem();
                written.file = (!*print).then(|| destination.certificate.clone());
                if destination.is_combined() {
                    let both = if destination.key_first {
                        joined([&secret, &written.pem])
                    } else {
                        joined([&written.pem, &secret])
                    };
                    stage(transaction, &destination.certificate, both.as_bytes(), Secrecy::Secret)?;
                    return Ok(written);
                }
                written.stdout =
                    joined([if *print { &written.pem } else { "" }, if *print_key { &secret } else { "" }]);
                if !*print_key {
                    stage(transaction, &destination.key, secret.as_bytes(), Secrecy::Secret)?;
                }
                if !*print {
                    let pem = written.pem.as_bytes();
                    stage(transaction, &destination.certificate, pem, Secrecy::Public)?;
                }
            }
        }
        Ok(written)
    }
}

/// Two texts, the one behind the other, in room that was wide enough from the start.
fn joined(parts: [&str; 2]) -> Zeroizing<String> {
    let mut both = Zeroizing::new(String::with_capacity(parts[0].len() + parts[1].len()));
    for part in parts {
        both.push_str(part);
    }
    both
}

/// A certificate with what is to stand behind it.
fn chain(certificate: &Certificate, loaded: &Loaded, follow: Follow) -> String {
    let above = match follow {
        Follow::Nothing => &[][..],
        Follow::Intermediates => &loaded.chain,
        Follow::All => &loaded.held,
    };
    std::iter::once(certificate).chain(above).map(Certificate::to_pem).collect()
}

/// Certificate and key as files of their own, or as one.
fn files(args: &Args, profile: &Profile, leaf: &Issued<'_>) -> Result<Target, Failure> {
    let out = match &args.out {
        Some(out) => out.clone(),
        None => default_out(&args.identity, profile)?,
    };
    let (print, print_key) = (is_stdout(&out), args.key_out.as_deref().is_some_and(is_stdout));
    if print && args.key_out.is_none() {
        return Err(Failure::new(
            "the private key needs a place of its own where the certificate is printed",
        )
        .hint("give --key-out FILE, or --key-out - to have the key printed as well"));
    }
    let (place, key_out) = match (&args.key_out, print) {
        // The key's file gives the form; the certificate is printed.
        (Some(key), true) => (key.with_extension("crt"), Some(key.as_path())),
        (key, _) => (out, key.as_deref()),
    };
    let destination = if print {
        let form = if print_key || !args.force {
            None
        } else {
            kpki::cluster::judge_key(key_out.unwrap_or(&place), Some(leaf)).map_err(refused)?
        };
        Destination { form, ..Destination::find(leaf, &place, key_out, false).map_err(refused)? }
    } else {
        Destination::find(leaf, &place, key_out.filter(|_| !print_key), args.force && !print_key)
            .or_else(|error| match error {
                // A key that is printed needs no place beside the certificate.
                DestinationError::KeyNotFound { .. } if print_key => {
                    Destination::find(leaf, &place, None, false)
                }
                error => Err(error),
            })
            .map_err(refused)?
    };
    Ok(Target::Files { destination: Box::new(destination), certificate: print, key: print_key })
}

fn default_out(identity: &IdentityArgs, profile: &Profile) -> Result<PathBuf, Failure> {
    let base = identity.base(profile).map_err(|error| error.hint("say where to write: --out FILE"))?;
    Ok(format!("{base}.crt").into())
}

/// What stands in the way of writing, with what to do.
pub(crate) fn refused(error: DestinationError) -> Failure {
    let hint = match &error {
        DestinationError::Kubeconfig { .. } => "--kubeconfig FILE puts certificate and key into it",
        DestinationError::KeyNotFound { .. } => {
            "say where the key that its user reads is to be: --key-out FILE"
        }
        DestinationError::Encrypted { .. } => {
            "move it away if an unencrypted key will do there, or write elsewhere: --key-out FILE"
        }
        DestinationError::Authority { .. }
        | DestinationError::AuthorityKey { .. }
        | DestinationError::ServiceAccount { .. }
        | DestinationError::Other { .. } => "write elsewhere: --out FILE, --key-out FILE",
        _ => return Failure::from(error),
    };
    Failure::from(error).hint(hint).refused()
}

/// A kubeconfig: a new one, or one that is there and is to be kept but for the identity.
fn kubeconfig_target(
    args: &Args,
    file: &Path,
    loaded: &Loaded,
    around: &Surroundings,
) -> Result<Chosen, Failure> {
    let given = args.server.as_deref().map(|server| usable(server, "--server")).transpose()?;
    let authority = args.server_ca.as_deref().map(authority_of).transpose()?;
    let authority = authority.map(|held| held.iter().map(Certificate::to_pem).collect::<String>());
    if !is_stdout(file) && args.force {
        match read_bounded(file, LARGEST_INPUT) {
            Ok(text) => return existing(args, file, text, given, authority),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error.into()),
        }
    }
    let mut notes = Vec::new();
    let authority = if let Some(authority) = authority {
        authority
    } else {
        let known = around.server_authority(&loaded.file).map_err(|error| {
            Failure::from(error)
                .hint("name the CAs that the API server's certificate goes back to: --server-ca FILE")
                .refused()
        })?;
        if let Some(stranger) = &known.stranger {
            notes.push(format!(
                "{} is not signed by {}, which the kubeconfig trusts: see --server-ca",
                output::path(stranger),
                loaded.ca.certificate().tbs.subject
            ));
        } else if known.file != loaded.file {
            notes.push(format!("the kubeconfig trusts the CAs of {}", output::path(&known.file)));
        }
        known.pem
    };
    let server = match (given, around.server()) {
        (Some(given), _) => given,
        (None, Some((server, file))) => usable(&server, &format!("the server in {}", output::path(&file)))?,
        (None, None) => {
            return Err(Failure::new("the kubeconfig needs the API server's URL")
                .hint("give --server https://HOST:6443"));
        }
    };
    let file = (!is_stdout(file)).then(|| file.to_owned());
    Ok(Chosen { target: Target::Kubeconfig { file, server, authority }, notes })
}

fn existing(
    args: &Args,
    file: &Path,
    text: Zeroizing<Vec<u8>>,
    server: Option<String>,
    authority: Option<String>,
) -> Result<Chosen, Failure> {
    // What cannot be changed is said before anything is signed.
    let changes =
        Changes { identity: Some(("", "")), authority: authority.as_deref(), server: server.as_deref() };
    kubeconfig::rewrite(&text, &changes).map_err(|error| in_place(file, error))?;
    if let Some(wanted) = &args.cluster {
        let named = kubeconfig::parse(&text).map_err(|error| in_place(file, error))?.cluster;
        if named != *wanted {
            return Err(Failure::new(format!(
                "the cluster in {} is called {named:?}, not {wanted:?}",
                output::path(file)
            ))
            .hint("leave out --cluster to keep its name, or write another file")
            .refused());
        }
    }
    Ok(Chosen {
        target: Target::Existing { file: file.to_owned(), text, server, authority },
        notes: Vec::new(),
    })
}

/// Why a kubeconfig that is there is not changed, with what to do.
fn in_place(file: &Path, error: KubeconfigError) -> Failure {
    let hint = match &error {
        KubeconfigError::Elsewhere { field: "client-certificate", file } => {
            format!("write to that file: --out {}", output::path(file))
        }
        KubeconfigError::Elsewhere { field: "client-key", file } => {
            format!("write to the files that it names: --out FILE --key-out {}", output::path(file))
        }
        KubeconfigError::Elsewhere { .. } => "change that file, or what names it".to_owned(),
        KubeconfigError::Malformed(_) | KubeconfigError::Missing(_) => {
            "move it away to have a new one written in its place".to_owned()
        }
        _ => "write another file, and take over by hand what is to be kept".to_owned(),
    };
    Failure::from(error).at(output::path(file)).hint(hint).refused()
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

/// The CAs of `--server-ca`: all of them CAs, and a root among them.
pub(crate) fn authority_of(file: &Path) -> Result<Vec<Certificate>, Failure> {
    let held = Input::read(file)?.certificates(Wanted::Authorities)?;
    check_server_authority(&output::path(file), &held).map_err(|error| {
        Failure::from(error).hint("put the root that it goes back to into the file").refused()
    })?;
    Ok(held)
}

/// The directory of a file, for those who write there.
pub(super) fn place_of(path: &Path) -> Result<(PathBuf, &Path), Failure> {
    let file =
        path.file_name().ok_or_else(|| Failure::new(format!("{} names no file", output::path(path))))?;
    Ok((directory_of(path), Path::new(file)))
}
