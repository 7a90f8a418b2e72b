//! The words by which configurations name a Kubernetes version.

use std::path::Path;

use serde::Deserialize;

use super::yaml::{self, quote};
use crate::disk::read_bounded;
use crate::profile::KubernetesVersion;

/// A text that is not a Kubernetes version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{} is not a Kubernetes version; write for example v1.36.2 or stable-1", quote(.0))]
pub(super) struct NoVersion(String);

/// Reads a version, or one of the labels of Kubernetes' release server, which is not asked: `stable`, `stable-1`
/// and `latest` are the newest version known, `stable-1.30` the newest patch known of 1.30.
pub(super) fn parse(text: &str) -> Result<KubernetesVersion, NoVersion> {
    let name = text.strip_prefix("release/").or_else(|| text.strip_prefix("ci/")).unwrap_or(text);
    let version = match name.strip_prefix("stable").or_else(|| name.strip_prefix("latest")) {
        Some(label) => newest_of(label),
        None => name.parse().ok(),
    };
    version.ok_or_else(|| NoVersion(text.to_owned()))
}

/// Whether a text is such a label, which stands for another version every few months.
pub(super) fn is_label(text: &str) -> bool {
    let name = text.strip_prefix("release/").or_else(|| text.strip_prefix("ci/")).unwrap_or(text);
    name.starts_with("stable") || name.starts_with("latest")
}

/// The largest configuration that is looked through for a version, in bytes.
const LARGEST: u64 = 1 << 20;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Stated {
    kubernetes_version: Option<String>,
    spec: Option<Box<Stated>>,
}

/// The version that a cluster's configuration names, kubeadm's or kpki's own. A label is none: what it stood for when the
/// cluster was made is not known.
pub(super) fn stated_version(file: &Path) -> Option<KubernetesVersion> {
    let text = read_bounded(file, LARGEST).ok()?;
    let mentions = text.windows(b"kubernetesVersion".len()).any(|window| window == b"kubernetesVersion");
    let documents = if mentions { yaml::documents(&text, "").ok()? } else { return None };
    documents.iter().find_map(|document| {
        let known = document.api_version.starts_with("kubeadm.k8s.io/") || super::own::is_own(document);
        let stated: Stated = known.then(|| document.read("").ok()).flatten()?;
        let of_cluster = stated.spec.and_then(|spec| spec.kubernetes_version);
        stated.kubernetes_version.or(of_cluster)?.parse().ok()
    })
}

/// What a label's ending (nothing, `-1`, `-1.30`) stands for. Of the past releases only 1.35 has a patch level
/// that changes a certificate, so that only its last one known must be named.
fn newest_of(label: &str) -> Option<KubernetesVersion> {
    match label {
        "" | "-1" | "-1.36" => Some(KubernetesVersion::NEWEST),
        "-1.35" => Some(KubernetesVersion::new(1, 35, 5)),
        _ => {
            let minor = label.strip_prefix("-1.").filter(|minor| !minor.starts_with('+'))?;
            minor.parse().ok().filter(|minor| *minor < 1000).map(|minor| KubernetesVersion::new(1, minor, 0))
        }
    }
}

/// Whether a control plane's kubelet speaks to the API server beside it unless the configuration says
/// otherwise: since 1.33 (kubeadm's feature gate `ControlPlaneKubeletLocalMode`).
pub(super) fn kubelet_local_endpoint(version: &KubernetesVersion) -> bool {
    (version.major(), version.minor()) >= (1, 33)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_versions() {
        for (text, shown) in [
            ("v1.30.4", "v1.30.4"),
            ("1.30", "v1.30.0"),
            ("v1.31.0-rc.1", "v1.31.0-rc.1"),
            ("v1.27.3-eks-a5565ad", "v1.27.3-eks-a5565ad"),
            ("ci/v1.31.0-alpha.0.1+abc", "v1.31.0-alpha.0.1"),
            ("stable", "v1.36.2"),
            ("stable-1", "v1.36.2"),
            ("latest", "v1.36.2"),
            ("latest-1", "v1.36.2"),
            ("release/stable-1.36", "v1.36.2"),
            ("stable-1.35", "v1.35.5"),
            ("stable-1.28", "v1.28.0"),
            ("stable-1.40", "v1.40.0"),
        ] {
            assert_eq!(parse(text).map(|version| version.to_string()), Ok(shown.to_owned()), "{text}");
        }
        for text in [
            "",
            "v",
            "one",
            "v1.x",
            "ci/",
            "stable-2",
            "stable-1.",
            "stable-1.+3",
            "stable-1.36.1",
            "stablest",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn kubelets_turned_to_their_own_api_server_in_1_33() {
        for (text, local) in [("1.32.9", false), ("1.33.0-rc.1", true), ("1.33", true), ("stable", true)] {
            assert_eq!(kubelet_local_endpoint(&parse(text).unwrap()), local, "{text}");
        }
    }
}
