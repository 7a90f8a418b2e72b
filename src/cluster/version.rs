//! The Kubernetes version, and what it decides about certificates.

use std::fmt;
use std::str::FromStr;

use semver::{BuildMetadata, Prerelease, Version};

use super::yaml::quote;

/// A Kubernetes release, as in `v1.36.2`.
///
/// Ordered as Semantic Versioning orders (a release candidate comes before its release).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KubernetesVersion(Version);

/// A text that is not a Kubernetes version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{} is not a Kubernetes version; write for example v1.36.2 or stable-1", quote(text))]
pub struct VersionError {
    text: String,
}

impl KubernetesVersion {
    /// The newest release this program knows the certificates of; what `stable` stands for.
    pub const NEWEST: Self = Self::new(1, 36, 2);

    /// The release `major.minor.patch`.
    pub const fn new(major: u64, minor: u64, patch: u64) -> Self {
        Self(Version { major, minor, patch, pre: Prerelease::EMPTY, build: BuildMetadata::EMPTY })
    }

    /// Whether this is `major.minor.patch` or later. A pre-release counts as the release it leads to, since
    /// what a release changes is in its candidates already.
    pub fn at_least(&self, major: u64, minor: u64, patch: u64) -> bool {
        (self.0.major, self.0.minor, self.0.patch) >= (major, minor, patch)
    }

    /// Whether kubeadm writes `super-admin.conf`: since 1.29 (its administrators' group is bound by RBAC
    /// then, so that one kubeconfig must remain that works without).
    pub fn has_super_admin(&self) -> bool {
        self.at_least(1, 29, 0)
    }

    /// The group of `admin.conf`: `system:masters` up to 1.28, `kubeadm:cluster-admins` since.
    pub fn admin_group(&self) -> &'static str {
        if self.at_least(1, 29, 0) { CLUSTER_ADMINS } else { MASTERS }
    }

    /// The group of `apiserver-kubelet-client`: `system:masters` up to 1.28, `kubeadm:cluster-admins` up to
    /// 1.35.4 and in 1.36.0, none since (kubernetes/kubernetes#138957).
    pub fn apiserver_kubelet_client_group(&self) -> Option<&'static str> {
        let without = match self.0.minor {
            35 if self.0.major == 1 => self.at_least(1, 35, 5),
            _ => self.at_least(1, 36, 1),
        };
        (!without).then(|| self.admin_group())
    }

    /// The group of the clients of etcd: `system:masters` up to 1.28, none since. etcd never looked at it.
    pub fn etcd_client_group(&self) -> Option<&'static str> {
        (!self.at_least(1, 29, 0)).then_some(MASTERS)
    }

    /// Whether a control plane's kubelet speaks to the API server beside it unless the configuration says
    /// otherwise: since 1.33 (kubeadm's feature gate `ControlPlaneKubeletLocalMode`).
    pub fn kubelet_local_endpoint(&self) -> bool {
        self.at_least(1, 33, 0)
    }
}

const MASTERS: &str = "system:masters";
const CLUSTER_ADMINS: &str = "kubeadm:cluster-admins";

impl Default for KubernetesVersion {
    fn default() -> Self {
        Self::NEWEST
    }
}

impl fmt::Display for KubernetesVersion {
    /// With a leading `v`, as Kubernetes writes it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "v{}", self.0)
    }
}

impl FromStr for KubernetesVersion {
    type Err = VersionError;

    /// Reads `v1.30.4`, `1.30.4`, `1.30` (which is 1.30.0) and the labels of Kubernetes' release server:
    /// `stable`, `stable-1`, `latest` (the newest known), `stable-1.30` (the newest patch known of 1.30).
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || VersionError { text: text.chars().take(80).collect() };
        let name = text.strip_prefix("release/").or_else(|| text.strip_prefix("ci/")).unwrap_or(text);
        if let Some(label) = name.strip_prefix("stable").or_else(|| name.strip_prefix("latest")) {
            return newest_of(label).ok_or_else(error);
        }
        let number = name.strip_prefix('v').unwrap_or(name);
        let is_minor = number.split('.').count() == 2 && !number.contains(['-', '+']);
        let version = if is_minor { Version::parse(&format!("{number}.0")) } else { Version::parse(number) };
        version.map(Self).map_err(|_| error())
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_as_they_are_written_in_the_field() {
        for (text, shown) in [
            ("v1.30.4", "v1.30.4"),
            ("1.30.4", "v1.30.4"),
            ("1.30", "v1.30.0"),
            ("v1.30", "v1.30.0"),
            ("v1.31.0-rc.1+build", "v1.31.0-rc.1+build"),
            ("v1.27.3-eks-a5565ad", "v1.27.3-eks-a5565ad"),
            ("v1.30.4+k3s1", "v1.30.4+k3s1"),
            ("ci/v1.31.0-alpha.0.1+abc", "v1.31.0-alpha.0.1+abc"),
            ("stable", "v1.36.2"),
            ("stable-1", "v1.36.2"),
            ("latest", "v1.36.2"),
            ("latest-1", "v1.36.2"),
            ("release/stable-1.36", "v1.36.2"),
            ("stable-1.35", "v1.35.5"),
            ("stable-1.28", "v1.28.0"),
            ("stable-1.40", "v1.40.0"),
        ] {
            assert_eq!(
                text.parse::<KubernetesVersion>().map(|version| version.to_string()),
                Ok(shown.into())
            );
        }
        for text in [
            "",
            "v",
            "1",
            "one",
            "v1.x",
            "1.30.",
            "1.2.3.4",
            "stable-2",
            "stable-1.",
            "stable-1.+3",
            "stablest",
            "1.3-0",
        ] {
            assert!(text.parse::<KubernetesVersion>().is_err(), "{text}");
        }
    }

    #[test]
    fn organizations_follow_the_version() {
        let (masters, admins) = (Some("system:masters"), Some("kubeadm:cluster-admins"));
        for (text, admin, kubelet_client, etcd_client, super_admin, local) in [
            ("1.28.15", masters, masters, masters, false, false),
            ("1.29.0-rc.1", admins, admins, None, true, false),
            ("1.32.9", admins, admins, None, true, false),
            ("1.33.0", admins, admins, None, true, true),
            ("1.35.4", admins, admins, None, true, true),
            ("1.35.5", admins, None, None, true, true),
            ("1.36.0", admins, admins, None, true, true),
            ("1.36.1", admins, None, None, true, true),
            ("1.37.0", admins, None, None, true, true),
            ("stable", admins, None, None, true, true),
        ] {
            let version: KubernetesVersion = text.parse().unwrap();
            assert_eq!(Some(version.admin_group()), admin, "{text}");
            assert_eq!(version.apiserver_kubelet_client_group(), kubelet_client, "{text}");
            assert_eq!(version.etcd_client_group(), etcd_client, "{text}");
            assert_eq!(version.has_super_admin(), super_admin, "{text}");
            assert_eq!(version.kubelet_local_endpoint(), local, "{text}");
        }
    }

    #[test]
    fn versions_are_ordered() {
        let ordered = ["1.9.0", "1.30.0-rc.1", "1.30.0", "1.30.4", "1.31", "stable"];
        let versions: Vec<KubernetesVersion> = ordered.iter().map(|text| text.parse().unwrap()).collect();
        assert!(versions.is_sorted());
    }
}
