//! Kubeconfigs: write one for a client certificate, and read back whom one speaks to, and as whom.
//!
//! Source of the format: <https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/>. The order of the keys is
//! the one in which Kubernetes' own tools write them, and names the one of kubeadm: context `USER@CLUSTER`.

mod document;
mod read;
mod rewrite;
mod server;
#[cfg(test)]
mod tests;

use std::path::PathBuf;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use zeroize::Zeroizing;

pub use read::{ClientIdentity, Content, Credential, Kubeconfig, Material, parse, read, waiting_key};
pub use rewrite::{Changes, rewrite};
pub use server::{ServerFault, check_server, corrected_server};

use crate::key::KeyError;
use crate::x509::{Printable, X509Error};
use crate::yaml;

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
    /// What was to be put anew is in a file that it names.
    #[error("its {field} is the file {}", Printable(&file.to_string_lossy()))]
    Elsewhere {
        /// The field that names the file.
        field: &'static str,
        /// The file, as it is named.
        file: PathBuf,
    },
    /// It cannot be changed in place.
    #[error("the kubeconfig cannot be changed in place: {0}")]
    Unchangeable(String),
    /// The API server's URL is one that not every client can use.
    #[error("the URL of the API server: {0}")]
    Server(#[from] ServerFault),
}

/// A kubeconfig for a client certificate, with everything embedded: the CA (`ca_pem`), the certificate and the key
/// as PEM. Without a certificate it is one that waits for it, as after a request to a CA that is elsewhere.
///
/// # Errors
/// [`KubeconfigError::Server`] when not every client can use the URL, [`KubeconfigError::Malformed`] when a name has no form in
/// YAML.
pub fn write(
    access: Access<'_>,
    ca_pem: &str,
    certificate_pem: Option<&str>,
    key_pem: &str,
) -> Result<Zeroizing<String>, KubeconfigError> {
    check_server(access.server)?;
    let scalar =
        |text: &str| yaml::scalar(text).map_err(|error| KubeconfigError::Malformed(error.to_string()));
    let context = scalar(&format!("{}@{}", access.user, access.cluster))?;
    let (cluster, server, user) = (scalar(access.cluster)?, scalar(access.server)?, scalar(access.user)?);
    let data = |pem: &str| Zeroizing::new(BASE64_STANDARD.encode(pem));
    let (ca, key) = (data(ca_pem), data(key_pem));
    let certificate = certificate_pem.map(data);
    let certificate = certificate.as_ref().map_or(["", ""], |data| ["\n    client-certificate-data: ", data]);
    let parts = [
        "apiVersion: v1\nclusters:\n- cluster:\n    certificate-authority-data: ",
        ca.as_str(),
        "\n    server: ",
        &server,
        "\n  name: ",
        &cluster,
        "\ncontexts:\n- context:\n    cluster: ",
        &cluster,
        "\n    user: ",
        &user,
        "\n  name: ",
        &context,
        "\ncurrent-context: ",
        &context,
        "\nkind: Config\nusers:\n- name: ",
        &user,
        "\n  user:",
        certificate[0],
        certificate[1],
        "\n    client-key-data: ",
        &key,
        "\n",
    ];
    // At its full length from the beginning, so that no copy of the key is left behind in freed memory.
    let mut text = Zeroizing::new(String::with_capacity(parts.iter().map(|part| part.len()).sum()));
    for part in parts {
        text.push_str(part);
    }
    Ok(text)
}
