//! What is named on the command line: files, pipes and `-`, in every form that `kpki inspect` knows.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use kpki::disk::{DiskError, read_any, read_stream};
use kpki::inspect::{Content, Inspected, Item, Taken, Wanted, inspect};
use kpki::key::{KeyError, KeyPair, Passphrase};
use kpki::request::{RequestError, SigningRequest};
use kpki::x509::Certificate;
use zeroize::Zeroizing;

use super::authority::directory_of;
use super::{Failure, LARGEST_INPUT, output};

const REQUEST: &str = "a request is wanted here: PEM, DER, or a Kubernetes CertificateSigningRequest object";

/// What standard input is called.
pub(crate) const STANDARD_INPUT: &str = "standard input";

/// One input: where it came from, and what it holds. No path for standard input.
pub(crate) struct Input {
    pub(crate) path: Option<PathBuf>,
    pub(crate) bytes: Zeroizing<Vec<u8>>,
}

/// Whether a path stands for standard input.
pub(crate) fn is_standard_input(path: &Path) -> bool {
    path == Path::new("-")
}

impl Input {
    /// Reads a file, a pipe (`<(command)`), or standard input where the path is `-`; of 16 MiB at most.
    pub(crate) fn read(path: &Path) -> Result<Self, Failure> {
        Self::read_at_most(path, LARGEST_INPUT)
    }

    /// The same, of another size.
    pub(crate) fn read_at_most(path: &Path, limit: u64) -> Result<Self, Failure> {
        if is_standard_input(path) {
            return Ok(Self { path: None, bytes: standard_input(limit)? });
        }
        let bytes = read_any(path, limit).map_err(|error| match error {
            DiskError::NotRegular { .. } => {
                Failure::new(format!("{} is a directory or a socket", output::path(path)))
                    .hint("name a file, a pipe, or - for standard input")
            }
            DiskError::TooLarge { .. } => too_large(&output::path(path), limit),
            other => other.into(),
        })?;
        Ok(Self { path: Some(path.to_owned()), bytes })
    }

    /// What to call it.
    pub(crate) fn name(&self) -> String {
        self.path.as_deref().map_or_else(|| STANDARD_INPUT.into(), output::path)
    }

    /// Whether it is a file, with others beside it.
    pub(crate) fn is_file(&self) -> bool {
        self.path.as_deref().is_some_and(Path::is_file)
    }

    /// What is in it.
    pub(crate) fn inspect(&self) -> Inspected {
        inspect(&self.path.as_deref().map_or(STANDARD_INPUT.into(), Path::to_string_lossy), &self.bytes)
    }

    /// The certificates that are wanted of it; one at least.
    pub(crate) fn certificates(&self, wanted: Wanted) -> Result<Vec<Certificate>, Failure> {
        // PEM with certificates, and one certificate in DER, are what they always were.
        let plain = Certificate::all_from_pem_or_der(&self.bytes);
        if let Ok(certificates) = plain {
            return Ok(certificates);
        }
        let inspected = self.inspect();
        match self.take(&inspected, wanted)? {
            Ok(items) => items.into_iter().map(|item| self.certificate(item)).collect(),
            Err(named) => named.certificates(wanted),
        }
    }

    fn certificate(&self, item: &Item) -> Result<Certificate, Failure> {
        let der = item.der().unwrap_or_default();
        Certificate::from_der(der).map_err(|error| {
            let line = item.place.lines.map(|(line, _)| format!(":{line}")).unwrap_or_default();
            Failure::from(error).at(format!("{}{line}", self.name()))
        })
    }

    /// The requests in it; one at least.
    pub(crate) fn requests(&self) -> Result<Vec<SigningRequest>, Failure> {
        let at = |error: RequestError| Failure::from(error).at(self.name());
        let error = match SigningRequest::read_all(&self.bytes) {
            Ok(requests) => return Ok(requests),
            Err(_) if self.is_kubeconfig() => {
                let why =
                    format!("{} is a kubeconfig, and holds no certificate signing request", self.name());
                return Err(Failure::new(why).hint(REQUEST));
            }
            // What an object says of its request counts, or the object is not signed.
            Err(error @ (RequestError::Kubernetes(_) | RequestError::Several(_))) => return Err(at(error)),
            Err(error) => error,
        };
        let inspected = self.inspect();
        // Nor is a request in DER with something behind it one.
        let is_der = self.bytes.first() == Some(&0x30);
        let holds_request = inspected.items.iter().any(|item| matches!(item.content, Content::Request(_)));
        if inspected.is_broken() || is_der && holds_request {
            return Err(at(error));
        }
        match self.take(&inspected, Wanted::Requests)? {
            Ok(items) => items
                .iter()
                .map(|item| SigningRequest::from_der(item.der().unwrap_or_default()).map_err(at))
                .collect(),
            Err(named) => named.requests(),
        }
    }

    /// Whether it is a kubeconfig.
    pub(crate) fn is_kubeconfig(&self) -> bool {
        self.inspect().items.iter().any(|item| matches!(item.content, Content::Kubeconfig(_)))
    }

    /// The private key in it; `passphrase` is asked where it is encrypted.
    pub(crate) fn private_key(
        &self,
        passphrase: impl Fn() -> Result<Passphrase, Failure>,
    ) -> Result<KeyPair, Failure> {
        let at = |error: KeyError| Failure::from(error).at(self.name());
        let read = |pem: &[u8]| match KeyPair::from_pem(pem, None) {
            Err(KeyError::Encrypted) => KeyPair::from_pem(pem, Some(&passphrase()?)).map_err(at),
            other => other.map_err(at),
        };
        // What is PEM, or a key in DER, is read as it stands, with what is wrong with it.
        let plain = KeyPair::from_pem(&self.bytes, None);
        if !matches!(plain, Err(KeyError::NoPrivateKey | KeyError::Pem(_))) {
            return read(&self.bytes);
        }
        let inspected = self.inspect();
        match self.take(&inspected, Wanted::Key)? {
            Err(named) => named.private_key(passphrase),
            Ok(items) => match items.first().and_then(|item| item.to_pem()) {
                Some(pem) => read(pem.as_bytes()),
                None => read(&self.bytes),
            },
        }
    }

    /// Whether a private key is in it, of its own or in one of its objects.
    pub(crate) fn holds_private_key(&self) -> bool {
        self.inspect().all().iter().any(|item| matches!(item.content, Content::PrivateKey(_)))
    }

    /// What is wanted, or the file that a kubeconfig names for it.
    fn take<'a>(
        &self,
        inspected: &'a Inspected,
        wanted: Wanted,
    ) -> Result<Result<Vec<&'a Item>, Self>, Failure> {
        let taken = inspected.take(wanted).map_err(|why| {
            Failure::new(format!("{} {why}", self.name())).hint(match wanted {
                Wanted::Requests => REQUEST,
                Wanted::Key => "a private key is wanted here: PEM, DER, or a kubeconfig or Secret that holds one",
                _ => "a certificate is wanted here: PEM, DER, PKCS#7, or a kubeconfig, Secret or other object that holds one",
            })
        })?;
        match taken {
            Taken::Here(items) => Ok(Ok(items)),
            Taken::Named(file) => match &self.path {
                // Once: a kubeconfig that names another names no certificate.
                Some(path) => Self::read(&directory_of(path).join(&file)).map(Err),
                None if file.is_absolute() => Self::read(&file).map(Err),
                None => Err(Failure::new(format!(
                    "the kubeconfig on standard input names {}, relative to its own directory",
                    output::path(&file)
                ))
                .hint("name the kubeconfig's file instead of -")),
            },
        }
    }
}

fn too_large(what: &str, limit: u64) -> Failure {
    let size = if limit >= 1 << 20 { format!("{} MiB", limit >> 20) } else { format!("{limit} bytes") };
    Failure::new(format!("{what} is larger than {size}, and nothing that is wanted here is"))
}

/// Everything that comes by standard input, which can be had once.
fn standard_input(limit: u64) -> Result<Zeroizing<Vec<u8>>, Failure> {
    static TAKEN: AtomicBool = AtomicBool::new(false);
    if TAKEN.swap(true, Ordering::SeqCst) {
        return Err(Failure::new("- stands for standard input, and is named twice")
            .hint("write one of the two into a file, or name it as <(command)"));
    }
    read_stream(&mut std::io::stdin().lock(), limit)
        .map_err(|error| Failure::from(error).at(STANDARD_INPUT))?
        .ok_or_else(|| too_large(STANDARD_INPUT, limit))
}
