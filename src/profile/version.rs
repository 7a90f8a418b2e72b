//! Kubernetes versions: the organizations of some certificates depend on them.

use std::fmt;
use std::str::FromStr;

use semver::{BuildMetadata, Comparator, Op, Prerelease, Version, VersionReq};

use super::ProfileError;
use crate::x509::Printable;

/// A version of Kubernetes, ordered as Semantic Versioning orders it (a release candidate comes
/// before its release). Build metadata, as k3s and RKE2 append it (`+k3s1`), is left out.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KubernetesVersion(Version);

impl KubernetesVersion {
    /// The newest release whose certificates are known to this library, v1.36.2.
    pub const NEWEST: Self = Self(Version::new(1, 36, 2));

    /// The version with these numbers.
    pub const fn new(major: u64, minor: u64, patch: u64) -> Self {
        Self(Version::new(major, minor, patch))
    }

    /// The major number, 1.
    pub const fn major(&self) -> u64 {
        self.0.major
    }

    /// The minor number, 30 in v1.30.4.
    pub const fn minor(&self) -> u64 {
        self.0.minor
    }
}

impl Default for KubernetesVersion {
    fn default() -> Self {
        Self::NEWEST
    }
}

impl fmt::Display for KubernetesVersion {
    /// As Kubernetes writes it: `v1.30.4`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "v{}", self.0)
    }
}

impl FromStr for KubernetesVersion {
    type Err = ProfileError;

    /// `v1.30.4`, `1.30.4`, `1.30` (its first release), `v1.31.0-rc.1`, `v1.30.4+k3s1`.
    fn from_str(text: &str) -> Result<Self, ProfileError> {
        let problem = || ProfileError::Version {
            text: Printable(&text.chars().take(40).collect::<String>()).to_string(),
        };
        let number = text.strip_prefix('v').unwrap_or(text);
        let mut version = match number.split('.').count() {
            2 => Version::parse(&format!("{number}.0")),
            _ => Version::parse(number),
        }
        .map_err(|_| problem())?;
        // `1.30-rc.1` would become the pre-release `rc.1.0`: nobody means that.
        if number.split('.').count() == 2 && !(version.pre.is_empty() && version.build.is_empty()) {
            return Err(problem());
        }
        version.build = BuildMetadata::EMPTY;
        Ok(Self(version))
    }
}

/// A range of versions, `>=1.29.0, <1.35.5`.
#[derive(Debug, Clone)]
pub(super) struct VersionRange(VersionReq);

impl VersionRange {
    /// Reads comparisons joined by commas, all of which must hold.
    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
        const ALLOWED: &str = "a range is written with <, <=, >, >= or = and all three numbers, several joined by \
                               commas: `>=1.29.0, <1.35.5`";
        let range = VersionReq::parse(text).map_err(|_| ALLOWED)?;
        let plain = |c: &Comparator| {
            matches!(c.op, Op::Exact | Op::Greater | Op::GreaterEq | Op::Less | Op::LessEq)
                && c.patch.is_some()
                && c.pre.is_empty()
        };
        if range.comparators.is_empty() || !range.comparators.iter().all(plain) {
            return Err(ALLOWED);
        }
        Ok(Self(range))
    }

    /// Versions on either side of each of its bounds.
    pub(super) fn neighbours(&self) -> impl Iterator<Item = KubernetesVersion> {
        self.0.comparators.iter().flat_map(|bound| {
            let (minor, patch) = (bound.minor.unwrap_or_default(), bound.patch.unwrap_or_default());
            // Below the first patch of a release are all of the one before it.
            let before = match patch.checked_sub(1) {
                Some(patch) => KubernetesVersion::new(bound.major, minor, patch),
                None => KubernetesVersion::new(bound.major, minor.saturating_sub(1), 0),
            };
            let at = KubernetesVersion::new(bound.major, minor, patch);
            [before, at, KubernetesVersion::new(bound.major, minor, patch + 1)]
        })
    }

    /// Whether a version lies within. A pre-release counts as its release: v1.29.0-rc.1 already has
    /// kubeadm's code of v1.29.0, while Semantic Versioning would match it with no range at all.
    pub(super) fn contains(&self, version: &KubernetesVersion) -> bool {
        if version.0.pre.is_empty() {
            return self.0.matches(&version.0);
        }
        let mut release = version.0.clone();
        release.pre = Prerelease::EMPTY;
        self.0.matches(&release)
    }
}

impl fmt::Display for VersionRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_as_people_write_them() {
        for (text, shown) in [
            ("v1.30.4", "v1.30.4"),
            ("1.30.4", "v1.30.4"),
            ("1.30", "v1.30.0"),
            ("v1.31.0-rc.1", "v1.31.0-rc.1"),
            ("v1.30.4+k3s1", "v1.30.4"),
            ("v1.31.0-alpha.2.15+abc", "v1.31.0-alpha.2.15"),
        ] {
            assert_eq!(text.parse::<KubernetesVersion>().unwrap().to_string(), shown, "{text}");
        }
        for text in [
            "",
            "v",
            "1",
            "v1",
            "1.x",
            "stable-1",
            "latest",
            "1.30.",
            "1.30.4.5",
            "vv1.30.4",
            "1.30-rc.1",
            "1.30+k3s1",
            "1.030.1",
            " 1.30.4",
            "1.30.4\n",
            "99999999999999999999.1.1",
        ] {
            assert!(text.parse::<KubernetesVersion>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn versions_are_ordered_and_a_candidate_comes_first() {
        let ordered = ["1.9.0", "1.28.15", "1.29.0-rc.1", "1.29.0", "1.36.2"];
        let versions: Vec<KubernetesVersion> = ordered.iter().map(|text| text.parse().unwrap()).collect();
        assert!(versions.is_sorted_by(|a, b| a < b));
        assert_eq!(versions.last(), Some(&KubernetesVersion::NEWEST));
    }

    #[test]
    fn a_range_holds_its_pre_releases() {
        let range = VersionRange::parse(">=1.29.0, <1.35.5").unwrap();
        for (version, within) in [
            ("1.28.15", false),
            ("1.29.0-rc.1", true),
            ("1.29.0", true),
            ("1.35.4", true),
            ("1.35.5-rc.0", false),
            ("1.35.5", false),
            ("1.36.0", false),
        ] {
            assert_eq!(range.contains(&version.parse().unwrap()), within, "{version}");
        }
        for text in
            ["", "*", "1.29.0", "^1.29.0", "~1.29.0", "<1.29", "<1.29.0-rc.1", "x", "<1.29.0 || >2.0.0"]
        {
            assert!(VersionRange::parse(text).is_err(), "{text:?}");
        }
    }
}
