//! Kubeconfigs: write one for a client certificate, and read back the identity in one.
//!
//! Source of the format: <https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/>. The order of the keys is
//! the one in which Kubernetes' own tools write them, and names the one of kubeadm: context `USER@CLUSTER`.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, Zeroizing};

use crate::key::{KeyError, KeyPair};
use crate::x509::{Certificate, Printable, X509Error};

/// Who a kubeconfig speaks to, and as whom.
#[derive(Debug, Clone, Copy)]
pub struct Access<'a> {
    /// The cluster's name.
    pub cluster: &'a str,
    /// The API server's URL.
    pub server: &'a str,
    /// The user's name within the file; Kubernetes itself takes it from the certificate.
    pub user: &'a str,
}

/// What can be wrong with a kubeconfig.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KubeconfigError {
    /// It is not a kubeconfig in YAML or JSON.
    #[error("not a kubeconfig: {0}")]
    Malformed(String),
    /// What the current context needs is missing.
    #[error("the kubeconfig has no {0}")]
    Missing(&'static str),
    /// A certificate in it is broken.
    #[error("{field}: {source}")]
    Certificate {
        /// The field that holds it.
        field: &'static str,
        /// What is wrong.
        source: X509Error,
    },
    /// The private key in it is broken.
    #[error("client-key-data: {0}")]
    Key(#[from] KeyError),
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Document {
    #[serde(rename = "apiVersion")]
    api_version: String,
    #[serde(default)]
    clusters: Vec<NamedCluster>,
    #[serde(default)]
    contexts: Vec<NamedContext>,
    #[serde(default)]
    current_context: String,
    kind: String,
    #[serde(default)]
    users: Vec<NamedUser>,
}

#[derive(Serialize, Deserialize)]
struct NamedCluster {
    cluster: Cluster,
    name: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Cluster {
    certificate_authority_data: Option<String>,
    server: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct NamedContext {
    context: Context,
    name: String,
}

#[derive(Serialize, Deserialize)]
struct Context {
    cluster: String,
    user: String,
}

#[derive(Serialize, Deserialize)]
struct NamedUser {
    name: String,
    user: User,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct User {
    #[serde(skip_serializing_if = "Option::is_none")]
    client_certificate_data: Option<String>,
    client_key_data: Option<String>,
}

impl Drop for User {
    fn drop(&mut self) {
        self.client_key_data.zeroize();
    }
}

/// A kubeconfig for a client certificate, with everything embedded: the CA (`ca_pem`), the certificate and the key
/// as PEM. Without a certificate it is one that waits for it, as after a request to a CA that is elsewhere.
///
/// # Errors
/// [`KubeconfigError::Malformed`] when a name has no form in YAML.
pub fn write(
    access: Access<'_>,
    ca_pem: &str,
    certificate_pem: Option<&str>,
    key_pem: &str,
) -> Result<Zeroizing<String>, KubeconfigError> {
    let context = format!("{}@{}", access.user, access.cluster);
    let document = Document {
        api_version: "v1".into(),
        clusters: vec![NamedCluster {
            cluster: Cluster {
                certificate_authority_data: Some(BASE64_STANDARD.encode(ca_pem)),
                server: Some(access.server.into()),
            },
            name: access.cluster.into(),
        }],
        contexts: vec![NamedContext {
            context: Context { cluster: access.cluster.into(), user: access.user.into() },
            name: context.clone(),
        }],
        current_context: context,
        kind: "Config".into(),
        users: vec![NamedUser {
            name: access.user.into(),
            user: User {
                client_certificate_data: certificate_pem.map(|pem| BASE64_STANDARD.encode(pem)),
                client_key_data: Some(BASE64_STANDARD.encode(key_pem)),
            },
        }],
    };
    // Scalars stay on one line and lists where Go's YAML puts them.
    let options = serde_saphyr::ser_options! { prefer_block_scalars: false, compact_list_indent: true };
    // The text grows in place when it fits, so that no copy of the key is left behind in freed memory.
    let capacity = 2048 + 2 * (ca_pem.len() + certificate_pem.map_or(0, str::len) + key_pem.len());
    let mut text = Zeroizing::new(String::with_capacity(capacity));
    serde_saphyr::to_fmt_writer_with_options(&mut *text, &document, options)
        .map_err(|error| KubeconfigError::Malformed(error.to_string()))?;
    Ok(text)
}

/// The identity that a kubeconfig's current context stands for.
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
    let text = std::str::from_utf8(text).map_err(|_| KubeconfigError::Malformed("it is not UTF-8".into()))?;
    // Snippets in messages would show the private key beside a broken line.
    let options = serde_saphyr::options! { with_snippet: false };
    let document: Document = serde_saphyr::from_str_with_options(text, options)
        .map_err(|error| KubeconfigError::Malformed(Printable(&error.to_string()).to_string()))?;
    let context = find(&document.contexts, |context| context.name == document.current_context);
    let context = &context.ok_or(KubeconfigError::Missing("context that current-context names"))?.context;
    let cluster = find(&document.clusters, |cluster| cluster.name == context.cluster);
    let cluster = &cluster.ok_or(KubeconfigError::Missing("cluster that the context names"))?.cluster;
    let user = find(&document.users, |user| user.name == context.user);
    let user = &user.ok_or(KubeconfigError::Missing("user that the context names"))?.user;

    let ca = decode(cluster.certificate_authority_data.as_deref(), "certificate-authority-data")?;
    let certificate = decode(user.client_certificate_data.as_deref(), "client-certificate-data")?;
    let key = decode(user.client_key_data.as_deref(), "client-key-data")?;
    let broken = |field| move |source| KubeconfigError::Certificate { field, source };
    Ok(ClientIdentity {
        server: cluster.server.clone().ok_or(KubeconfigError::Missing("server"))?,
        authorities: Certificate::all_from_pem_or_der(&ca).map_err(broken("certificate-authority-data"))?,
        certificate: Certificate::from_pem_or_der(&certificate).map_err(broken("client-certificate-data"))?,
        key: KeyPair::from_pem(&key, None)?,
    })
}

fn find<T>(list: &[T], wanted: impl Fn(&T) -> bool) -> Option<&T> {
    list.iter().find(|item| wanted(item))
}

fn decode(data: Option<&str>, field: &'static str) -> Result<Zeroizing<Vec<u8>>, KubeconfigError> {
    let data = data.ok_or(KubeconfigError::Missing(field))?;
    BASE64_STANDARD
        .decode(data.trim())
        .map(Zeroizing::new)
        .map_err(|_| KubeconfigError::Malformed(format!("{field} is not base64")))
}
