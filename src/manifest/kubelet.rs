//! The kubelet: its configuration file, and the flags that stand beside it.

use std::path::PathBuf;

use serde::Deserialize;

use super::{Flags, ManifestError, expect_kind, read};
use crate::yaml::Spanned;

/// A file that a configuration names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathField {
    /// The file.
    pub path: PathBuf,
    /// The line that names it, from 1.
    pub line: u64,
}

/// What a kubelet's configuration says about certificates.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct KubeletConfiguration {
    /// The serving certificate (`tlsCertFile`). Without one, and without `serverTLSBootstrap`, the kubelet makes itself
    /// a self-signed one.
    pub tls_cert_file: Option<PathField>,
    /// Its private key (`tlsPrivateKeyFile`).
    pub tls_private_key_file: Option<PathField>,
    /// The CAs of the clients that are let in (`authentication.x509.clientCAFile`); no client certificate counts
    /// without it.
    pub client_ca_file: Option<PathField>,
    /// Whether a request without credentials is served, as `system:anonymous` (`authentication.anonymous.enabled`;
    /// false unless it is given).
    pub anonymous: bool,
    /// Whether the client certificate is renewed by the kubelet itself (`rotateCertificates`).
    pub rotate_certificates: bool,
    /// Whether the serving certificate is asked for in the cluster (`serverTLSBootstrap`).
    pub server_tls_bootstrap: bool,
    /// Where the static pods' manifests are (`staticPodPath`).
    pub static_pod_path: Option<PathField>,
    /// The domain of the cluster's services (`clusterDomain`).
    pub cluster_domain: Option<String>,
    /// The oldest version of TLS that is spoken (`tlsMinVersion`), `VersionTLS12` for example.
    pub tls_min_version: Option<String>,
    /// The cipher suites up to TLS 1.2 (`tlsCipherSuites`); empty for Go's own choice.
    pub tls_cipher_suites: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    kind: Option<String>,
    tls_cert_file: Option<Spanned<String>>,
    tls_private_key_file: Option<Spanned<String>>,
    authentication: Option<Authentication>,
    rotate_certificates: Option<bool>,
    #[serde(rename = "serverTLSBootstrap")]
    server_tls_bootstrap: Option<bool>,
    static_pod_path: Option<Spanned<String>>,
    cluster_domain: Option<String>,
    tls_min_version: Option<String>,
    tls_cipher_suites: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct Authentication {
    x509: Option<X509>,
    anonymous: Option<Anonymous>,
}

#[derive(Deserialize)]
struct X509 {
    #[serde(rename = "clientCAFile")]
    client_ca_file: Option<Spanned<String>>,
}

#[derive(Deserialize)]
struct Anonymous {
    enabled: Option<bool>,
}

/// Reads a kubelet's configuration file.
///
/// # Errors
/// [`ManifestError`] when it is no `KubeletConfiguration` in YAML or JSON.
pub fn kubelet_configuration(text: &[u8]) -> Result<KubeletConfiguration, ManifestError> {
    const KIND: &str = "KubeletConfiguration";
    let document: Document = read(text, KIND)?;
    expect_kind(document.kind.as_deref(), KIND)?;
    let (x509, anonymous) = match document.authentication {
        Some(Authentication { x509, anonymous }) => (x509, anonymous),
        None => (None, None),
    };
    Ok(KubeletConfiguration {
        tls_cert_file: path(document.tls_cert_file),
        tls_private_key_file: path(document.tls_private_key_file),
        client_ca_file: path(x509.and_then(|x509| x509.client_ca_file)),
        anonymous: anonymous.and_then(|anonymous| anonymous.enabled).unwrap_or(false),
        rotate_certificates: document.rotate_certificates.unwrap_or(false),
        server_tls_bootstrap: document.server_tls_bootstrap.unwrap_or(false),
        static_pod_path: path(document.static_pod_path),
        cluster_domain: document.cluster_domain.filter(|domain| !domain.is_empty()),
        tls_min_version: document.tls_min_version.filter(|version| !version.is_empty()),
        tls_cipher_suites: document.tls_cipher_suites.unwrap_or_default(),
    })
}

fn path(field: Option<Spanned<String>>) -> Option<PathField> {
    let field = field.filter(|field| !field.value.is_empty())?;
    Some(PathField { line: field.referenced.line(), path: field.value.into() })
}

/// The kubelet's flags from an environment file such as kubeadm's `/var/lib/kubelet/kubeadm-flags.env`, whose line is
/// `KUBELET_KUBEADM_ARGS="--node-ip=10.0.0.11 …"`. Lines of variables whose name does not end in `ARGS` are left out.
pub fn kubelet_arguments(text: &[u8]) -> Flags {
    let text = String::from_utf8_lossy(text);
    let mut flags = Flags::default();
    for (line, content) in (1..).zip(text.lines()) {
        let Some((name, value)) = content.trim().split_once('=') else { continue };
        if !name.ends_with("ARGS") {
            continue;
        }
        let value = value.trim().trim_matches(['"', '\'']);
        flags = flags.followed_by(Flags::of(value.split_whitespace().map(|word| (word, line))));
    }
    flags
}
