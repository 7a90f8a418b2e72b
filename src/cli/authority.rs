//! `--ca DIR|CERT`: which CA signs.

use std::path::{Path, PathBuf};

use clap::Args;
use kpki::adoption::{self, Begun};
use kpki::ca::CertificateAuthority;
use kpki::inspect::Wanted;
use kpki::layout::{Authority, Naming, key_beside, ledger_beside};
use kpki::profile::{CaRole, Profile};
use kpki::x509::{Certificate, ExtendedKeyUsage};
use time::OffsetDateTime;

use super::input::{Input, is_standard_input};
use super::passphrase::PassphraseArgs;
use super::{Failure, output};

#[derive(Debug, Args, Clone)]
pub(crate) struct CaArgs {
    /// The CA: a PKI directory, in which the profile's own CA is taken, or a CA certificate that has its key beside it
    /// (ca.key beside ca.crt, ca-key.pem beside ca.pem) or in the same file, as a Secret has.
    #[arg(long, value_name = "DIR|CERT", default_value = "/etc/kubernetes/pki")]
    pub(crate) ca: PathBuf,
    #[command(flatten)]
    pub(crate) passphrase: PassphraseArgs,
}

/// A CA as it was read from its files.
pub(crate) struct Loaded {
    /// It.
    pub(crate) ca: CertificateAuthority,
    /// The file of its certificate.
    pub(crate) file: PathBuf,
    /// Its certificate and those above it that stand in the same file, without a self-signed root: what a server
    /// sends after its own.
    pub(crate) chain: Vec<Certificate>,
    /// All that stand in the file, its own first.
    pub(crate) held: Vec<Certificate>,
}

impl Loaded {
    /// Where its ledger lies: directory and name.
    fn ledger(&self) -> (PathBuf, PathBuf) {
        let ledger = ledger_beside(&self.file);
        let name = ledger.file_name().map(PathBuf::from).unwrap_or_default();
        (directory_of(&self.file), name)
    }

    /// Opens its ledger for a signature; the first one adopts what the key has signed before.
    pub(crate) fn open_ledger(&self, now: OffsetDateTime) -> Result<Begun, Failure> {
        let (directory, name) = self.ledger();
        let opened = adoption::open(&directory, &name, self.ca.certificate(), &directory, now);
        opened.map_err(|error| Failure::from(error).at(output::path(&ledger_beside(&self.file))))
    }
}

/// The directory that a file lies in; `.` for a bare name.
pub(crate) fn directory_of(file: &Path) -> PathBuf {
    match file.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => ".".into(),
    }
}

impl CaArgs {
    /// Reads the CA for a profile.
    pub(crate) fn load_for(&self, profile: &Profile) -> Result<Loaded, Failure> {
        self.read(locate(&self.ca, profile.issuer(), profile.extended_key_usage())?)
    }

    /// Reads the CA for profiles of this issuer.
    pub(crate) fn load(&self, role: CaRole) -> Result<Loaded, Failure> {
        self.read(locate(&self.ca, role, &[])?)
    }

    fn read(&self, file: PathBuf) -> Result<Loaded, Failure> {
        // A pipe has no neighbours either.
        if is_standard_input(&file) || std::fs::metadata(&file).is_ok_and(|found| !found.is_file()) {
            let what = if is_standard_input(&file) {
                "on standard input".to_owned()
            } else {
                format!("in the pipe {}", output::path(&file))
            };
            return Err(Failure::new(format!("a CA {what} has no place for its ledger"))
                .hint("write its certificate and its key into files, and name the certificate: --ca FILE"));
        }
        let input = Input::read(&file)?;
        if input.is_kubeconfig() {
            return Err(Failure::new(format!(
                "{} is a kubeconfig: it holds the certificate of a CA and not its key",
                output::path(&file)
            ))
            .hint(
                "name the CA's own certificate, which has its key beside it: --ca /etc/kubernetes/pki/ca.crt",
            ));
        }
        let certificates = input.certificates(Wanted::Authorities)?;
        let key_file = key_beside(&file);
        // A Secret, or a file with both, brings the key with it.
        let key = if !key_file.is_file() && input.holds_private_key() {
            input.private_key(|| self.passphrase.for_decryption(&file))?
        } else {
            let pem = Input::read(&key_file).map_err(|failure| {
                failure.hint("the CA's private key must lie beside its certificate: NAME.key beside NAME.crt, NAME-key.pem beside NAME.pem")
            })?;
            pem.private_key(|| self.passphrase.for_decryption(&key_file))?
        };
        let chain =
            certificates.iter().filter(|certificate| !certificate.tbs.is_self_issued()).cloned().collect();
        // Of the CAs that an object holds, the one whose key it is.
        let is_own = |certificate: &&Certificate| certificate.tbs.public_key.der() == key.public_key_der();
        let first = certificates.iter().find(is_own).or(certificates.first()).cloned();
        let first = first.ok_or_else(|| Failure::new("no certificate").at(output::path(&file)))?;
        let ca = CertificateAuthority::new(first, key)
            .map_err(|error| Failure::from(error).at(output::path(&file)))?;
        Ok(Loaded { ca, file, chain, held: certificates })
    }
}

/// The CA certificate's file: the one that was given, or the one of the role in a PKI directory.
fn locate(given: &Path, role: CaRole, purposes: &[ExtendedKeyUsage]) -> Result<PathBuf, Failure> {
    if !given.is_dir() {
        return Ok(given.to_owned());
    }
    if let Some(file) = of_k3s(given, role, purposes) {
        return Ok(file);
    }
    let authority = match role {
        CaRole::Etcd => Authority::Etcd,
        CaRole::FrontProxy => Authority::FrontProxy,
        _ => Authority::Kubernetes,
    };
    let found = certificates_of(given, authority);
    match found.as_slice() {
        [one] => Ok(one.clone()),
        [] => Err(Failure::new(format!(
            "no {} CA in {}: neither {} nor {} is there",
            authority.name(),
            output::path(given),
            Naming::Kubeadm.certificate(authority.base()).display(),
            Naming::Pem.certificate(authority.base()).display(),
        ))
        .hint("give the CA certificate itself, or make the CAs with kpki ca init --dir DIR")),
        [first, second, ..] => Err(Failure::new(format!(
            "two {} CAs: {} and {}",
            authority.name(),
            output::path(first),
            output::path(second)
        ))
        .hint("say which: --ca FILE")),
    }
}

/// The CA of a directory in which k3s or RKE2 keep theirs, one for servers and one for clients.
fn of_k3s(directory: &Path, role: CaRole, purposes: &[ExtendedKeyUsage]) -> Option<PathBuf> {
    let name = match role {
        CaRole::FrontProxy => "request-header-ca.crt",
        CaRole::Etcd => "etcd/server-ca.crt",
        _ if purposes == [ExtendedKeyUsage::ClientAuth] => "client-ca.crt",
        _ if purposes == [ExtendedKeyUsage::ServerAuth] => "server-ca.crt",
        _ => return None,
    };
    let is_its = directory.join("client-ca.crt").is_file() && directory.join("server-ca.crt").is_file();
    Some(directory.join(name)).filter(|file| is_its && file.is_file())
}

/// The files in a PKI directory (or in the directory above it, such as /etc/kubernetes) that may be an authority's
/// certificate.
pub(crate) fn certificates_of(directory: &Path, authority: Authority) -> Vec<PathBuf> {
    places_of(directory, authority, Path::is_file)
}

/// The places of an authority's certificate for which something holds: in the directory itself, or else in `pki` below.
pub(crate) fn places_of(
    directory: &Path,
    authority: Authority,
    holds: impl Fn(&Path) -> bool,
) -> Vec<PathBuf> {
    let in_directory = |directory: &Path| -> Vec<PathBuf> {
        [Naming::Kubeadm, Naming::Pem]
            .iter()
            .map(|naming| directory.join(naming.certificate(authority.base())))
            .filter(|path| holds(path))
            .collect()
    };
    let found = in_directory(directory);
    if found.is_empty() { in_directory(&directory.join("pki")) } else { found }
}
