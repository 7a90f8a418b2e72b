//! The format as types: what is read of it. Whatever else stands in a kubeconfig is skipped.

use serde::Deserialize;
#[cfg(test)]
use serde::Serialize;
use zeroize::Zeroize as _;

use crate::yaml::Spanned;

#[derive(Deserialize)]
#[cfg_attr(test, derive(Serialize))]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(not(test), expect(dead_code, reason = "that a kubeconfig has them is all that is asked"))]
pub(super) struct Document {
    #[serde(rename = "apiVersion")]
    pub(super) api_version: String,
    #[serde(default)]
    pub(super) clusters: Vec<NamedCluster>,
    #[serde(default)]
    pub(super) contexts: Vec<NamedContext>,
    #[serde(default)]
    pub(super) current_context: String,
    pub(super) kind: String,
    #[serde(default)]
    pub(super) users: Vec<NamedUser>,
}

#[derive(Deserialize)]
#[cfg_attr(test, derive(Serialize))]
pub(super) struct NamedCluster {
    pub(super) cluster: Cluster,
    pub(super) name: String,
}

#[derive(Deserialize, Default)]
#[cfg_attr(test, derive(Serialize))]
#[serde(rename_all = "kebab-case")]
pub(super) struct Cluster {
    pub(super) certificate_authority_data: Option<Spanned<String>>,
    pub(super) server: Option<Spanned<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) certificate_authority: Option<Spanned<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) tls_server_name: Option<Spanned<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) insecure_skip_tls_verify: Option<bool>,
}

#[derive(Deserialize)]
#[cfg_attr(test, derive(Serialize))]
pub(super) struct NamedContext {
    pub(super) context: Context,
    pub(super) name: String,
}

#[derive(Deserialize)]
#[cfg_attr(test, derive(Serialize))]
pub(super) struct Context {
    pub(super) cluster: String,
    pub(super) user: String,
}

#[derive(Deserialize)]
#[cfg_attr(test, derive(Serialize))]
pub(super) struct NamedUser {
    pub(super) name: String,
    pub(super) user: User,
}

#[derive(Deserialize, Default)]
#[cfg_attr(test, derive(Serialize))]
#[serde(rename_all = "kebab-case")]
pub(super) struct User {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) client_certificate_data: Option<Spanned<String>>,
    pub(super) client_key_data: Option<Spanned<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) client_certificate: Option<Spanned<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) client_key: Option<Spanned<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) token: Option<Spanned<String>>,
    #[serde(skip_serializing_if = "Option::is_none", rename = "tokenFile")]
    pub(super) token_file: Option<Spanned<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) username: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) exec: Option<Exec>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) auth_provider: Option<AuthProvider>,
}

#[derive(Deserialize)]
#[cfg_attr(test, derive(Serialize))]
pub(super) struct Exec {
    #[serde(default)]
    pub(super) command: String,
}

#[derive(Deserialize)]
#[cfg_attr(test, derive(Serialize))]
pub(super) struct AuthProvider {
    #[serde(default)]
    pub(super) name: String,
}

impl Drop for User {
    fn drop(&mut self) {
        for secret in [&mut self.client_key_data, &mut self.token].into_iter().flatten() {
            secret.value.zeroize();
        }
    }
}
