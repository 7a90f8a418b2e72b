//! A certificate that is issued again: from what it is and where it stands to the commands.

use std::path::{Path, PathBuf};

use super::{Command, Remedy, backup, copy, written_anew};
use crate::layout::key_beside;
use crate::x509::{SubjectAltName, shell_word};

/// A certificate that is to be issued again, with everything that it is to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issuance {
    /// The profile.
    pub profile: String,
    /// The name that the profile leaves open.
    pub name: Option<String>,
    /// The groups of a user.
    pub groups: Vec<String>,
    /// The alternative names, all of them.
    pub names: Vec<SubjectAltName>,
    /// The version of Kubernetes, where the groups depend on it.
    pub version: Option<String>,
    /// The algorithm of a new key that is made without kpki's seeing the one of before, where it is not the usual one.
    pub algorithm: Option<&'static str>,
    /// Whether that is another algorithm than the one of before.
    pub changes_algorithm: bool,
    /// Whether intermediate CAs are to stand behind it.
    pub chain: bool,
    /// Who signs it.
    pub signer: Signer,
    /// Where it goes.
    pub target: Target,
}

/// The CA that is to sign.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Signer {
    /// The SHA-256 of its public key.
    pub key: Option<[u8; 32]>,
    /// The file of its certificate, where its private key lies beside that.
    pub file: Option<PathBuf>,
    /// Which one it is, in words: `CN=etcd-ca`, `the CA of etcd`; safe to show.
    pub called: String,
}

/// Where a certificate goes, by the form in which it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A file, and a file of the key.
    Pair {
        /// The certificate's.
        certificate: PathBuf,
        /// The key's.
        key: PathBuf,
        /// Whether kpki has to be told where the key is: it does not go by the certificate's name, or is not there.
        named: bool,
        /// Whether the key is as it should be and may stay.
        keep_key: bool,
    },
    /// A file that is not there yet, with the key beside it.
    New(PathBuf),
    /// One file of both.
    Combined {
        /// It.
        file: PathBuf,
        /// Whether the key stands first.
        key_first: bool,
    },
    /// The user of a kubeconfig's current context.
    Kubeconfig(PathBuf),
    /// Another user of a kubeconfig.
    KubeconfigUser {
        /// The kubeconfig.
        file: PathBuf,
        /// The user's name in it.
        user: String,
    },
    /// A Secret of the type `kubernetes.io/tls` in a file of YAML.
    Secret {
        /// The file.
        file: PathBuf,
        /// The Secret's name.
        name: String,
        /// Its namespace.
        namespace: Option<String>,
    },
}

impl Target {
    /// The file that the certificate stands in.
    pub fn file(&self) -> &Path {
        match self {
            Self::Pair { certificate: file, .. }
            | Self::New(file)
            | Self::Combined { file, .. }
            | Self::Kubeconfig(file)
            | Self::KubeconfigUser { file, .. }
            | Self::Secret { file, .. } => file,
        }
    }
}

impl Signer {
    /// Looks for the file of its certificate, where that is not known.
    pub(super) fn find(&mut self, find: &dyn Fn(&[u8; 32]) -> Option<PathBuf>) {
        if self.file.is_none() {
            self.file = self.key.as_ref().and_then(find);
        }
    }
}

impl Issuance {
    /// The commands, with what must be said about them.
    pub fn remedy(&self) -> Remedy {
        match &self.signer.file {
            Some(authority) => self.here(authority),
            None => self.elsewhere(),
        }
    }

    /// The words that say whose certificate it is.
    fn identity(&self, command: Command) -> Command {
        let mut command = command.arg(&self.profile);
        if let Some(name) = &self.name {
            command = command.arg(name);
        }
        for group in &self.groups {
            command = command.plain("--group").arg(group);
        }
        for name in &self.names {
            command = command.plain("--san").arg(san(name));
        }
        match &self.version {
            Some(version) => command.plain("--kubernetes-version").arg(version),
            None => command,
        }
    }

    fn with_algorithm(&self, command: Command) -> Command {
        match self.algorithm {
            Some(algorithm) => command.plain("--algorithm").arg(algorithm),
            None => command,
        }
    }

    /// `kpki issue` up to where it goes.
    fn issue(&self, authority: &Path) -> Command {
        let command = self.identity(Command::of("kpki").plain("issue"));
        let is_unseen = matches!(self.target, Target::KubeconfigUser { .. } | Target::Secret { .. });
        let command =
            if self.changes_algorithm || is_unseen { self.with_algorithm(command) } else { command };
        self.with_chain(command.plain("--ca").path(authority))
    }

    fn with_chain(&self, command: Command) -> Command {
        if self.chain { command.plain("--chain") } else { command }
    }

    /// Where the CA's key is at hand.
    fn here(&self, authority: &Path) -> Remedy {
        let issue = self.issue(authority);
        match &self.target {
            Target::Pair { certificate, key, named, .. } => {
                let issue = issue.plain("--out").path(certificate);
                let issue = if *named { issue.plain("--key-out").path(key) } else { issue };
                Remedy::command(issue.plain("--force"))
            }
            Target::New(file) => Remedy::command(issue.plain("--out").path(file)),
            Target::Combined { file, .. } => {
                Remedy::command(issue.plain("--out").path(file).plain("--force"))
            }
            Target::Kubeconfig(file) => {
                Remedy::command(issue.plain("--kubeconfig").path(file).plain("--force"))
            }
            Target::KubeconfigUser { file, user } => {
                let set = set_credentials(file, user, "\"$d\"/tls.crt", "\"$d\"/tls.key");
                Remedy::command(within(
                    &issue.plain("--out \"$d\"/tls.crt"),
                    &[backup(file), set.to_string()],
                ))
            }
            Target::Secret { file, name, namespace } => {
                let make = secret(name, namespace.as_deref(), "\"$d\"/tls.crt", "\"$d\"/tls.key");
                let put = format!("{make} > {}", shell_word(file));
                Remedy::command(within(&issue.plain("--out \"$d\"/tls.crt"), &[backup(file), put]))
            }
        }
    }

    /// Where the CA's key is not: a request goes there, and the certificate comes back.
    fn elsewhere(&self) -> Remedy {
        let base = self.base();
        let (csr, crt) = (format!("{base}.csr"), format!("{base}.crt"));
        let request = self.identity(Command::of("kpki").plain("csr new"));
        let mut sign = Command::of("kpki").plain("sign csr").path(&csr).plain("--profile").arg(&self.profile);
        sign = self.with_chain(with_version(sign, self.version.as_deref()).plain("--ca CA.crt"));
        let (request, key) = match &self.target {
            Target::Pair { key, keep_key: true, .. } => (request.plain("--key").path(key), None),
            _ => (self.with_algorithm(request), Some(shell_word(format!("{base}.key")))),
        };
        let made = shell_word(&crt);
        let put = match (&self.target, key) {
            (Target::Pair { certificate, .. }, None) => {
                Command::written(backup(certificate)).plain("&&").plain(&copy(&made, certificate))
            }
            (Target::Pair { certificate, key: own, .. }, Some(key)) => Command::written(
                [backup(certificate), backup(own), copy(&made, certificate), copy(&key, own)].join(" && "),
            ),
            (Target::New(file), key) => {
                let (key, own) = (key.unwrap_or_default(), shell_word(key_beside(file)));
                Command::written(format!("(umask 077 && cp {key} {own}) && cp {made} {}", shell_word(file)))
            }
            (Target::Combined { file, key_first }, key) => {
                let key = key.unwrap_or_default();
                let both = if *key_first { format!("{key} {made}") } else { format!("{made} {key}") };
                Command::written(backup(file)).plain("&&").plain(&written_anew(&format!("cat {both}"), file))
            }
            (Target::Kubeconfig(file), key) => {
                let set = set_credentials(file, self.user(), &made, &key.unwrap_or_default());
                Command::written(backup(file)).plain("&&").plain(&set.to_string())
            }
            (Target::KubeconfigUser { file, user }, key) => {
                let set = set_credentials(file, user, &made, &key.unwrap_or_default());
                Command::written(backup(file)).plain("&&").plain(&set.to_string())
            }
            (Target::Secret { file, name, namespace }, key) => {
                let make = secret(name, namespace.as_deref(), &made, &key.unwrap_or_default());
                Command::written(backup(file)).plain("&&").plain(&written_anew(&make.to_string(), file))
            }
        };
        let issue = self.here(Path::new("CA"));
        Remedy::words(format!(
            "The private key of {} was not found beside its certificate. Where CA is that certificate with the key beside it: {} \
             Where the key is on another machine, make a request here:",
            self.signer.called,
            issue.text()
        ))
        .run(request)
        .say(format!(
            "Sign it there, with the CA's certificate as CA.crt: `{sign}`. Bring {} back, and put it in its place:",
            crate::x509::Printable(&crt)
        ))
        .run(put)
    }

    /// What `kpki csr new` calls its files after.
    fn base(&self) -> &str {
        self.name.as_deref().unwrap_or(&self.profile)
    }

    /// The user of a kubeconfig that kpki writes.
    fn user(&self) -> &str {
        self.base()
    }
}

fn with_version(command: Command, version: Option<&str>) -> Command {
    match version {
        Some(version) => command.plain("--kubernetes-version").arg(version),
        None => command,
    }
}

/// An alternative name as `--san` takes it.
fn san(name: &SubjectAltName) -> String {
    match name {
        SubjectAltName::Dns(name) => format!("dns:{name}"),
        SubjectAltName::Ip(ip) => format!("ip:{ip}"),
        SubjectAltName::Email(address) => format!("email:{address}"),
        SubjectAltName::Uri(uri) => format!("uri:{uri}"),
        other => other.to_string(),
    }
}

/// A command that writes into a directory of its own, and what is done with what it wrote.
fn within(command: &Command, after: &[String]) -> Command {
    Command::written("d=$(mktemp -d) &&")
        .plain(&command.to_string())
        .plain("&&")
        .plain(&after.join(" && "))
        .plain("&& rm -r \"$d\"")
}

/// `kubectl config set-credentials`, which leaves the rest of the kubeconfig as it is. The files are quoted.
fn set_credentials(kubeconfig: &Path, user: &str, certificate: &str, key: &str) -> Command {
    Command::of("kubectl")
        .plain("--kubeconfig")
        .path(kubeconfig)
        .plain("config set-credentials")
        .arg(user)
        .plain(&format!("--embed-certs=true --client-certificate={certificate} --client-key={key}"))
}

/// `kubectl create secret tls`, which prints it.
fn secret(name: &str, namespace: Option<&str>, certificate: &str, key: &str) -> Command {
    let command = Command::of("kubectl").plain("create secret tls").arg(name);
    let command = match namespace {
        Some(namespace) => command.plain("--namespace").arg(namespace),
        None => command,
    };
    command.plain(&format!("--cert={certificate} --key={key} --dry-run=client -o yaml"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn issuance(target: Target, file: Option<&str>) -> Issuance {
        Issuance {
            profile: "etcd-peer".into(),
            name: Some("m1".into()),
            groups: vec![],
            names: vec![
                "dns:m1".parse().unwrap(),
                "dns:*.example.com".parse().unwrap(),
                "10.0.0.1".parse().unwrap(),
            ],
            version: None,
            algorithm: None,
            changes_algorithm: false,
            chain: false,
            signer: Signer { key: None, file: file.map(Into::into), called: "CN=etcd-ca".into() },
            target,
        }
    }

    #[test]
    fn each_form_has_its_commands() {
        let pair = |key: &str, keep_key| Target::Pair {
            certificate: "n/peer.crt".into(),
            key: key.into(),
            named: key != "n/peer.key",
            keep_key,
        };
        let names =
            "kpki issue etcd-peer m1 --san dns:m1 --san 'dns:*.example.com' --san ip:10.0.0.1 --ca n/ca.crt";
        for (target, command) in [
            (pair("n/peer.key", false), format!("{names} --out n/peer.crt --force")),
            (
                pair("n/private.pem", true),
                format!("{names} --out n/peer.crt --key-out n/private.pem --force"),
            ),
            (
                Target::Combined { file: "n/both.pem".into(), key_first: true },
                format!("{names} --out n/both.pem --force"),
            ),
            (
                Target::KubeconfigUser { file: "n/c.conf".into(), user: "m1".into() },
                format!(
                    "d=$(mktemp -d) && {names} --out \"$d\"/tls.crt && b=n/c.conf.$(date -u +%Y%m%dT%H%M%SZ).bak && \
                     [ ! -e \"$b\" ] && install -m 600 n/c.conf \"$b\" && kubectl --kubeconfig n/c.conf config set-credentials m1 --embed-certs=true \
                     --client-certificate=\"$d\"/tls.crt --client-key=\"$d\"/tls.key && rm -r \"$d\""
                ),
            ),
        ] {
            assert_eq!(issuance(target, Some("n/ca.crt")).remedy().commands(), [command]);
        }
    }

    #[test]
    fn where_the_key_is_not_a_request_is_made() {
        let target = Target::Pair {
            certificate: "n/peer.crt".into(),
            key: "n/peer.key".into(),
            named: false,
            keep_key: true,
        };
        let remedy = issuance(target, None).remedy();
        let commands = remedy.commands();
        assert!(commands[0].ends_with("--san ip:10.0.0.1 --key n/peer.key"), "{commands:?}");
        let put = "b=n/peer.crt.$(date -u +%Y%m%dT%H%M%SZ).bak && [ ! -e \"$b\" ] && install -m 600 n/peer.crt \"$b\" && cp m1.crt n/peer.crt";
        assert_eq!(commands[1], put);
        assert!(remedy.text().contains("CN=etcd-ca"));
    }
}
