//! The kubelet: its configuration file, and the flags that stand beside it.

use std::path::PathBuf;

use serde::Deserialize;

use super::{ManifestError, expect_kind, read};
use crate::yaml::Spanned;

/// A file that a configuration names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathField {
    /// The file.
    pub path: PathBuf,
    /// The number of the configuration, or of the drop-in, that names it.
    pub file: usize,
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
    /// Whether a request without credentials is served, as `system:anonymous` (`authentication.anonymous.enabled`).
    pub anonymous: Option<bool>,
    /// Whether the client certificate is renewed by the kubelet itself (`rotateCertificates`).
    pub rotate_certificates: Option<bool>,
    /// Whether the serving certificate is asked for in the cluster (`serverTLSBootstrap`).
    pub server_tls_bootstrap: Option<bool>,
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
        anonymous: anonymous.and_then(|anonymous| anonymous.enabled),
        rotate_certificates: document.rotate_certificates,
        server_tls_bootstrap: document.server_tls_bootstrap,
        static_pod_path: path(document.static_pod_path),
        cluster_domain: document.cluster_domain.filter(|domain| !domain.is_empty()),
        tls_min_version: document.tls_min_version.filter(|version| !version.is_empty()),
        tls_cipher_suites: document.tls_cipher_suites.unwrap_or_default(),
    })
}

fn path(field: Option<Spanned<String>>) -> Option<PathField> {
    let field = field.filter(|field| !field.value.is_empty())?;
    Some(PathField { file: 0, line: field.referenced.line(), path: field.value.into() })
}

impl KubeletConfiguration {
    /// Says of everything in it which file it is from.
    #[must_use]
    pub(super) fn in_file(mut self, file: usize) -> Self {
        for field in self.paths_mut().into_iter().flatten() {
            field.file = file;
        }
        self
    }

    /// This, and over it what a drop-in gives (`--config-dir`).
    #[must_use]
    pub(super) fn under(self, over: Self) -> Self {
        Self {
            tls_cert_file: over.tls_cert_file.or(self.tls_cert_file),
            tls_private_key_file: over.tls_private_key_file.or(self.tls_private_key_file),
            client_ca_file: over.client_ca_file.or(self.client_ca_file),
            anonymous: over.anonymous.or(self.anonymous),
            rotate_certificates: over.rotate_certificates.or(self.rotate_certificates),
            server_tls_bootstrap: over.server_tls_bootstrap.or(self.server_tls_bootstrap),
            static_pod_path: over.static_pod_path.or(self.static_pod_path),
            cluster_domain: over.cluster_domain.or(self.cluster_domain),
            tls_min_version: over.tls_min_version.or(self.tls_min_version),
            tls_cipher_suites: if over.tls_cipher_suites.is_empty() {
                self.tls_cipher_suites
            } else {
                over.tls_cipher_suites
            },
        }
    }

    fn paths_mut(&mut self) -> [Option<&mut PathField>; 4] {
        [
            self.tls_cert_file.as_mut(),
            self.tls_private_key_file.as_mut(),
            self.client_ca_file.as_mut(),
            self.static_pod_path.as_mut(),
        ]
    }
}
