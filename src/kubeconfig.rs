//! Kubeconfigs: write one for a client certificate, and read back the identity in one.
//!
//! Source of the format: <https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/>. The order of the keys is
//! the one in which Kubernetes' own tools write them, and names the one of kubeadm: context `USER@CLUSTER`.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::Deserialize;
#[cfg(test)]
use serde::Serialize;
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

#[derive(Deserialize)]
#[cfg_attr(test, derive(Serialize))]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(not(test), expect(dead_code, reason = "that a kubeconfig has them is all that is asked"))]
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

#[derive(Deserialize)]
#[cfg_attr(test, derive(Serialize))]
struct NamedCluster {
    cluster: Cluster,
    name: String,
}

#[derive(Deserialize)]
#[cfg_attr(test, derive(Serialize))]
#[serde(rename_all = "kebab-case")]
struct Cluster {
    certificate_authority_data: Option<String>,
    server: Option<String>,
}

#[derive(Deserialize)]
#[cfg_attr(test, derive(Serialize))]
struct NamedContext {
    context: Context,
    name: String,
}

#[derive(Deserialize)]
#[cfg_attr(test, derive(Serialize))]
struct Context {
    cluster: String,
    user: String,
}

#[derive(Deserialize)]
#[cfg_attr(test, derive(Serialize))]
struct NamedUser {
    name: String,
    user: User,
}

#[derive(Deserialize)]
#[cfg_attr(test, derive(Serialize))]
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

/// A string as it stands in YAML, on one line, in quotes where it needs them.
fn scalar(text: &str) -> Result<String, KubeconfigError> {
    let options = serde_saphyr::ser_options! { prefer_block_scalars: false };
    let mut out = String::with_capacity(text.len() + 8);
    serde_saphyr::to_fmt_writer_with_options(&mut out, &text, options)
        .map_err(|error| KubeconfigError::Malformed(error.to_string()))?;
    out.truncate(out.trim_end_matches('\n').len());
    Ok(out)
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

#[cfg(test)]
mod tests {
    use super::*;

    /// The same by way of a YAML library, which knows nothing of the order of lines here.
    fn by_library(access: Access<'_>, ca_pem: &str, certificate_pem: Option<&str>, key_pem: &str) -> String {
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
        serde_saphyr::to_string_with_options(&document, options).unwrap()
    }

    #[test]
    fn what_is_written_is_what_a_yaml_library_writes() {
        let nasty = [
            "kubernetes",
            "system:node:cp1",
            "",
            "null",
            "yes",
            "1e3",
            "0x1f",
            "- a",
            "a: b",
            "a #b",
            "#",
            "'",
            "\"",
            "\\",
            "*",
            "&a",
            "!t",
            "%",
            "@",
            "`",
            " lead",
            "trail ",
            "tab\there",
            "line\nbreak",
            "\u{7f}",
            "\u{feff}x",
            "ü",
            "[a]",
            "{a}",
            "https://[fd00::1]:6443",
            "a\r\nb",
            "---",
            "...",
            "~",
        ];
        for name in nasty {
            for certificate in [Some("certificate"), None] {
                for access in [
                    Access { cluster: name, server: "https://10.0.0.1:6443", user: "jane" },
                    Access { cluster: "kubernetes", server: name, user: name },
                ] {
                    let expected = by_library(access, "ca", certificate, "key");
                    assert_eq!(*write(access, "ca", certificate, "key").unwrap(), expected, "{name:?}");
                }
            }
        }
    }
}
