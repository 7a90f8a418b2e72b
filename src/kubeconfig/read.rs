//! Reading: whom the current context speaks to, and as whom.

use std::fmt;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use zeroize::Zeroizing;

use super::KubeconfigError;
use super::document::{Cluster, Document, User};
use crate::key::KeyPair;
use crate::x509::{Certificate, Printable};
use crate::yaml::{self, Spanned};

/// The current context of a kubeconfig, as it stands there: nothing was opened that it points to, and nothing decoded
/// but base64.
#[derive(Debug)]
pub struct Kubeconfig {
    /// The context's name.
    pub context: String,
    /// The cluster's name.
    pub cluster: String,
    /// The API server's URL; empty where none is given, which a client takes for `http://localhost:8080`.
    pub server: String,
    /// The line of the URL, from 1; 0 where none is given.
    pub server_line: u64,
    /// The name that is expected in the server's certificate, where it is not the URL's (`tls-server-name`).
    pub tls_server_name: Option<String>,
    /// Whether the server's certificate is not looked at (`insecure-skip-tls-verify`).
    pub insecure: bool,
    /// The CA certificates that the client trusts; none means those of the system.
    pub authority: Option<Material>,
    /// As whom it speaks.
    pub credential: Credential,
}

/// As whom a kubeconfig speaks.
#[derive(Debug)]
#[non_exhaustive]
pub enum Credential {
    /// With a client certificate. A token beside it is not reported: the API server takes the certificate first.
    Certificate {
        /// The certificate.
        certificate: Material,
        /// Its private key.
        key: Material,
    },
    /// With a bearer token, in the kubeconfig or in a file.
    Token {
        /// The file, where there is one.
        file: Option<PathBuf>,
    },
    /// With what a program hands out.
    Exec {
        /// The program.
        command: String,
    },
    /// With an authentication plug-in of older clients (`auth-provider`).
    AuthProvider {
        /// Its name.
        name: String,
    },
    /// With a user name and a password, which API servers since 1.19 do not take.
    Password,
    /// As nobody.
    Anonymous,
}

/// A certificate or a key: in the kubeconfig itself, or in a file.
#[derive(Clone, PartialEq, Eq)]
pub struct Material {
    /// What is there.
    pub content: Content,
    /// The line of the field, from 1.
    pub line: u64,
    /// The name of the field.
    pub field: &'static str,
}

/// Where a [`Material`] is.
#[derive(Clone, PartialEq, Eq)]
pub enum Content {
    /// In the kubeconfig, in base64; wiped when dropped.
    Embedded(Zeroizing<Vec<u8>>),
    /// In this file; where the path is relative, it starts at the kubeconfig's directory.
    File(PathBuf),
}

impl Material {
    /// The file that it is in; `None` when it is in the kubeconfig itself. Relative paths start at `directory`, the
    /// kubeconfig's.
    pub fn file(&self, directory: &Path) -> Option<PathBuf> {
        match &self.content {
            Content::Embedded(_) => None,
            Content::File(path) => Some(directory.join(path)),
        }
    }

    /// The bytes, where they stand in the kubeconfig itself.
    pub fn embedded(&self) -> Option<&[u8]> {
        match &self.content {
            Content::Embedded(bytes) => Some(bytes),
            Content::File(_) => None,
        }
    }
}

impl fmt::Debug for Material {
    /// Where it is, never what it is.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Material");
        shown.field("field", &self.field).field("line", &self.line);
        if let Content::File(path) = &self.content {
            shown.field("file", path);
        }
        shown.finish_non_exhaustive()
    }
}

/// Reads the current context.
///
/// # Errors
/// [`KubeconfigError`] when it is no kubeconfig, the context leads nowhere, or half of a certificate and its key is
/// missing. That there is no client certificate at all is none: see [`Credential`].
pub fn parse(text: &[u8]) -> Result<Kubeconfig, KubeconfigError> {
    let document = document(text)?;
    let context = find(&document.contexts, |context| context.name == document.current_context);
    let context = context.ok_or(KubeconfigError::Missing("context that current-context names"))?;
    let cluster = find(&document.clusters, |cluster| cluster.name == context.context.cluster);
    let cluster = &cluster.ok_or(KubeconfigError::Missing("cluster that the context names"))?.cluster;
    let user = find(&document.users, |user| user.name == context.context.user);
    let user = &user.ok_or(KubeconfigError::Missing("user that the context names"))?.user;
    Ok(Kubeconfig {
        context: context.name.clone(),
        cluster: context.context.cluster.clone(),
        server: given(cluster.server.as_ref()).map(|server| server.value.clone()).unwrap_or_default(),
        server_line: given(cluster.server.as_ref()).map_or(0, line),
        tls_server_name: given(cluster.tls_server_name.as_ref()).map(|name| name.value.clone()),
        insecure: cluster.insecure_skip_tls_verify.unwrap_or(false),
        authority: authority(cluster)?,
        credential: credential(user)?,
    })
}

fn document(text: &[u8]) -> Result<Document, KubeconfigError> {
    let text = std::str::from_utf8(text).map_err(|_| KubeconfigError::Malformed("it is not UTF-8".into()))?;
    yaml::read(text).map_err(|error| KubeconfigError::Malformed(Printable(&error.to_string()).to_string()))
}

fn authority(cluster: &Cluster) -> Result<Option<Material>, KubeconfigError> {
    material(
        ("certificate-authority-data", cluster.certificate_authority_data.as_ref()),
        ("certificate-authority", cluster.certificate_authority.as_ref()),
    )
}

fn credential(user: &User) -> Result<Credential, KubeconfigError> {
    let certificate = material(
        ("client-certificate-data", user.client_certificate_data.as_ref()),
        ("client-certificate", user.client_certificate.as_ref()),
    )?;
    let key = material(
        ("client-key-data", user.client_key_data.as_ref()),
        ("client-key", user.client_key.as_ref()),
    )?;
    match (certificate, key) {
        (Some(certificate), Some(key)) => return Ok(Credential::Certificate { certificate, key }),
        (None, Some(_)) => return Err(KubeconfigError::Missing("client-certificate-data")),
        (Some(_), None) => return Err(KubeconfigError::Missing("client-key-data")),
        (None, None) => {}
    }
    Ok(if let Some(exec) = &user.exec {
        Credential::Exec { command: exec.command.clone() }
    } else if given(user.token.as_ref()).is_some() || given(user.token_file.as_ref()).is_some() {
        Credential::Token { file: given(user.token_file.as_ref()).map(|file| file.value.clone().into()) }
    } else if let Some(provider) = &user.auth_provider {
        Credential::AuthProvider { name: provider.name.clone() }
    } else if user.username.as_ref().is_some_and(|name| !name.is_empty()) {
        Credential::Password
    } else {
        Credential::Anonymous
    })
}

/// What a pair of fields gives. Embedded data go before a file, as in Kubernetes' own clients (client-go,
/// `tools/clientcmd`), and an empty field counts as none.
fn material(
    (data_field, data): (&'static str, Option<&Spanned<String>>),
    (file_field, file): (&'static str, Option<&Spanned<String>>),
) -> Result<Option<Material>, KubeconfigError> {
    if let Some(data) = given(data) {
        let content = Content::Embedded(decode(&data.value, data_field)?);
        return Ok(Some(Material { content, line: line(data), field: data_field }));
    }
    Ok(given(file).map(|file| Material {
        content: Content::File(file.value.clone().into()),
        line: line(file),
        field: file_field,
    }))
}

fn given(field: Option<&Spanned<String>>) -> Option<&Spanned<String>> {
    field.filter(|field| !field.value.is_empty())
}

fn line<T>(field: &Spanned<T>) -> u64 {
    field.referenced.line()
}

fn find<T>(list: &[T], wanted: impl Fn(&T) -> bool) -> Option<&T> {
    list.iter().find(|item| wanted(item))
}

fn decode(data: &str, field: &'static str) -> Result<Zeroizing<Vec<u8>>, KubeconfigError> {
    BASE64_STANDARD
        .decode(data.trim())
        .map(Zeroizing::new)
        .map_err(|_| KubeconfigError::Malformed(format!("{field} is not base64")))
}

/// The private key of a kubeconfig whose user waits for a certificate, as [`super::write`] makes it without one; none where
/// the user has a certificate, or no key.
pub fn waiting_key(text: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let document = document(text).ok()?;
    let context = find(&document.contexts, |context| context.name == document.current_context)?;
    let user = &find(&document.users, |user| user.name == context.context.user)?.user;
    let has = |field: &Option<Spanned<String>>| given(field.as_ref()).is_some();
    if has(&user.client_certificate_data) || has(&user.client_certificate) {
        return None;
    }
    decode(&given(user.client_key_data.as_ref())?.value, "client-key-data").ok()
}

/// The identity that a kubeconfig's current context stands for, with everything embedded.
#[derive(Debug)]
pub struct ClientIdentity {
    /// The API server's URL.
    pub server: String,
    /// The CA certificates that the client trusts.
    pub authorities: Vec<Certificate>,
    /// The client certificate.
    pub certificate: Certificate,
    /// Its private key.
    pub key: KeyPair,
}

/// Reads the identity of the current context, with everything embedded.
///
/// # Errors
/// [`KubeconfigError`] when it is no kubeconfig, or one without an embedded certificate and key.
pub fn read(text: &[u8]) -> Result<ClientIdentity, KubeconfigError> {
    let parsed = parse(text)?;
    let Credential::Certificate { certificate, key } = &parsed.credential else {
        return Err(KubeconfigError::Missing("client-certificate-data"));
    };
    let authority = parsed.authority.as_ref().and_then(Material::embedded);
    let authority = authority.ok_or(KubeconfigError::Missing("certificate-authority-data"))?;
    let certificate = certificate.embedded().ok_or(KubeconfigError::Missing("client-certificate-data"))?;
    let key = key.embedded().ok_or(KubeconfigError::Missing("client-key-data"))?;
    if parsed.server.is_empty() {
        return Err(KubeconfigError::Missing("server"));
    }
    let broken = |field| move |source| KubeconfigError::Certificate { field, source };
    Ok(ClientIdentity {
        authorities: Certificate::all_from_pem_or_der(authority)
            .map_err(broken("certificate-authority-data"))?,
        certificate: Certificate::from_pem_or_der(certificate).map_err(broken("client-certificate-data"))?,
        key: KeyPair::from_pem(key, None)?,
        server: parsed.server,
    })
}
