//! Requests inside a Kubernetes `CertificateSigningRequest` object (certificates.k8s.io/v1).
//!
//! There it is `spec.usages` that says what the certificate is for; usages within the PKCS #10 request
//! are not looked at by Kubernetes' own signers.
//! Source: <https://kubernetes.io/docs/reference/access-authn-authz/certificate-signing-requests/>

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::Deserialize;

use super::{RequestError, SigningRequest};
use crate::clock::Lifetime;
use crate::x509::{ExtendedKeyUsage, KeyUsage, Marked, Printable};
use crate::yaml;

/// What a `CertificateSigningRequest` object says beside the request itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KubernetesRequest {
    /// The object's name.
    pub name: String,
    /// The signer that was asked, `kubernetes.io/kubelet-serving` for example.
    pub signer_name: String,
    /// The lifetime that was asked for.
    pub lifetime: Option<Lifetime>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Object {
    api_version: String,
    kind: String,
    metadata: Metadata,
    spec: Spec,
}

#[derive(Deserialize)]
struct Metadata {
    #[serde(default)]
    name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Spec {
    request: String,
    signer_name: String,
    #[serde(default)]
    usages: Vec<String>,
    expiration_seconds: Option<i64>,
}

/// Whether the bytes are such an object rather than a bare PEM text: its `kind` is named, and the first PEM line, if
/// there is one, comes after it.
pub(super) fn looks_like_object(bytes: &[u8]) -> bool {
    let find = |needle: &[u8]| bytes.windows(needle.len()).position(|window| window == needle);
    let kind = find(b"CertificateSigningRequest");
    kind.is_some_and(|kind| find(b"-----BEGIN").is_none_or(|begin| kind < begin))
}

pub(super) fn read(bytes: &[u8]) -> Result<SigningRequest, RequestError> {
    let error = |text: String| RequestError::Kubernetes(text);
    let text = std::str::from_utf8(bytes).map_err(|_| error("it is not UTF-8".into()))?;
    let object: Object =
        yaml::read(text).map_err(|problem| error(Printable(&problem.to_string()).to_string()))?;
    if object.kind != "CertificateSigningRequest" || object.api_version != "certificates.k8s.io/v1" {
        return Err(error(format!(
            "it is a {} {}; expected certificates.k8s.io/v1 CertificateSigningRequest",
            Printable(&object.api_version),
            Printable(&object.kind)
        )));
    }
    let packed: String = object.spec.request.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    let request = BASE64_STANDARD.decode(packed).map_err(|_| error("spec.request is not base64".into()))?;
    let mut request = SigningRequest::from_pem(&request)?;
    let lifetime = match object.spec.expiration_seconds {
        // The API's own lower bound for spec.expirationSeconds.
        Some(seconds) if seconds < 600 => {
            return Err(error("spec.expirationSeconds must be 600 or more".into()));
        }
        Some(seconds) => Some(
            Lifetime::seconds(seconds)
                .ok_or_else(|| error("spec.expirationSeconds is over 1000 years".into()))?,
        ),
        None => None,
    };
    let (usage, purposes) = usages(&object.spec.usages)?;
    // The object says all of them: what it leaves out is not asked for, even where nothing is left.
    request.extensions.key_usage = Some(Marked { critical: true, value: usage });
    request.extensions.extended_key_usage = Some(Marked { critical: false, value: purposes });
    request.kubernetes = Some(KubernetesRequest {
        name: object.metadata.name,
        signer_name: object.spec.signer_name,
        lifetime,
    });
    Ok(request)
}

fn usages(names: &[String]) -> Result<(KeyUsage, Vec<ExtendedKeyUsage>), RequestError> {
    let mut usage = KeyUsage::default();
    let mut purposes = Vec::new();
    for name in names {
        if let Ok(bit) = name.parse::<KeyUsage>() {
            usage = usage | bit;
        } else if let Ok(purpose) = name.parse::<ExtendedKeyUsage>() {
            purposes.push(purpose);
        } else {
            return Err(RequestError::Kubernetes(format!(
                "spec.usages: `{}` is not a usage",
                Printable(name)
            )));
        }
    }
    Ok((usage, purposes))
}
