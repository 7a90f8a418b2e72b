//! A profile as it was validated: the rules, and what can be asked about them.

use std::fmt;

use ipnet::IpNet;

use super::pattern::{DnsPattern, TextPattern};
use super::version::VersionRange;
use super::{KubernetesVersion, ProfileError};
use crate::clock::Lifetime;
use crate::x509::{ExtendedKeyUsage, KeyUsage, Name, Printable, SubjectAltName};

/// The CA that a certificate comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum CaRole {
    /// The cluster's CA, `ca.crt`.
    Kubernetes,
    /// The CA of etcd, `etcd/ca.crt`.
    Etcd,
    /// The CA of the aggregation layer, `front-proxy-ca.crt`.
    FrontProxy,
    /// The certificate's own key.
    SelfSigned,
    /// Whichever CA is at hand.
    Any,
}

impl fmt::Display for CaRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Kubernetes => "kubernetes",
            Self::Etcd => "etcd",
            Self::FrontProxy => "front-proxy",
            Self::SelfSigned => "self-signed",
            Self::Any => "any",
        })
    }
}

/// What a certificate may say, for one role. Made by a [`Catalogue`](super::Catalogue).
#[derive(Debug, Clone)]
pub struct Profile {
    pub(super) name: String,
    pub(super) description: String,
    pub(super) source: String,
    pub(super) issuer: CaRole,
    pub(super) versions: Option<VersionRange>,
    pub(super) subject: SubjectRules,
    pub(super) sans: SanRules,
    pub(super) key_usage: KeyUsage,
    pub(super) extended_key_usage: Vec<ExtendedKeyUsage>,
    pub(super) exact_usages: bool,
    pub(super) ca: Option<CaRules>,
    pub(super) default_lifetime: Lifetime,
    pub(super) max_lifetime: Lifetime,
    pub(super) kubeconfig: bool,
}

#[derive(Debug, Clone)]
pub(super) struct SubjectRules {
    pub(super) common_name: Template,
    pub(super) kind: NameKind,
    /// The common name's `{name}` when none is given.
    pub(super) default: Option<String>,
    pub(super) except: Vec<TextPattern>,
    /// The first that applies counts; none admits none.
    pub(super) organizations: Vec<OrganizationRule>,
    /// Short names of other attributes that are admitted.
    pub(super) attributes: Vec<&'static str>,
}

/// What may stand at `{name}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum NameKind {
    /// The name of a node: lower-case labels of RFC 1123 joined by dots, an IPv4 address among them.
    NodeName,
    /// Any text.
    Text,
}

#[derive(Debug, Clone)]
pub(super) struct OrganizationRule {
    pub(super) versions: Option<VersionRange>,
    pub(super) common_name: Option<String>,
    pub(super) admitted: Organizations,
}

#[derive(Debug, Clone)]
pub(super) enum Organizations {
    Exactly(Vec<String>),
    Matching(Vec<TextPattern>),
}

/// The rule where a profile says nothing about organizations.
static NO_ORGANIZATIONS: Organizations = Organizations::Exactly(Vec::new());

#[derive(Debug, Clone, Default)]
pub(super) struct SanRules {
    pub(super) required: bool,
    /// The common name, where it is a DNS name, is always among them.
    pub(super) common_name: bool,
    pub(super) dns: Vec<DnsPattern>,
    pub(super) except: Vec<DnsPattern>,
    pub(super) wildcards: bool,
    pub(super) ip: Vec<IpNet>,
    pub(super) email: Vec<TextPattern>,
    pub(super) uri: Vec<TextPattern>,
    pub(super) default: Vec<Template>,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct CaRules {
    pub(super) path_len: Option<u32>,
}

/// A text with at most one `{name}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Template {
    pub(super) prefix: String,
    /// What follows `{name}`, if it is there.
    pub(super) suffix: Option<String>,
}

impl Template {
    pub(super) fn render(&self, name: &str) -> String {
        match &self.suffix {
            Some(suffix) => format!("{}{name}{suffix}", self.prefix),
            None => self.prefix.clone(),
        }
    }

    /// What stands at `{name}` in a text that fits; the empty text where there is no `{name}`.
    pub(super) fn name_in<'t>(&self, text: &'t str) -> Option<&'t str> {
        let rest = text.strip_prefix(self.prefix.as_str())?;
        match &self.suffix {
            Some(suffix) => rest.strip_suffix(suffix.as_str()).filter(|name| !name.is_empty()),
            None => rest.is_empty().then_some(rest),
        }
    }

    pub(super) fn is_fixed(&self) -> bool {
        self.suffix.is_none()
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render("{name}"))
    }
}

/// What the releases from one to another write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// The organizations, in their order.
    pub organizations: Vec<String>,
    /// The first of these releases, as far as the profile tells it from others.
    pub first: KubernetesVersion,
    /// The last of them.
    pub last: KubernetesVersion,
}

impl Profile {
    /// Its name, `kubelet-client` for example.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What its certificates are for.
    pub fn description(&self) -> &str {
        &self.description
    }

    /// Where its rules come from: the first comment of its file; empty when there is none.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Which CA of a PKI directory signs its certificates.
    pub fn issuer(&self) -> CaRole {
        self.issuer
    }

    /// The lifetime when nobody asks for another; it is cut to the issuer's end.
    pub fn default_lifetime(&self) -> Lifetime {
        self.default_lifetime
    }

    /// The longest lifetime that may be asked for.
    pub fn max_lifetime(&self) -> Lifetime {
        self.max_lifetime
    }

    /// The key usages, of which keyEncipherment is written for RSA keys only (RFC 8813 section 3 forbids it
    /// on ECDSA keys, RFC 8410 section 5 on Ed25519).
    pub fn key_usage(&self) -> KeyUsage {
        self.key_usage
    }

    /// The extended key usages, in the order in which they are written.
    pub fn extended_key_usage(&self) -> &[ExtendedKeyUsage] {
        &self.extended_key_usage
    }

    /// Whether it is the profile of a CA.
    pub fn is_ca(&self) -> bool {
        self.ca.is_some()
    }

    /// Whether its holder is a client of the API server, so that a kubeconfig makes sense.
    pub fn is_apiserver_client(&self) -> bool {
        self.kubeconfig
    }

    /// Whether its certificates are useless without a subject alternative name.
    pub fn needs_san(&self) -> bool {
        self.sans.required
    }

    /// Whether the role exists in this version of Kubernetes (`super-admin` does since v1.29).
    pub fn exists_in(&self, version: &KubernetesVersion) -> bool {
        self.versions.as_ref().is_none_or(|range| range.contains(version))
    }

    /// Whether a certificate can be for different names, so that [`Profile::subject_for`] takes one.
    pub fn takes_name(&self) -> bool {
        !self.subject.common_name.is_fixed()
    }

    /// The common name, with `{name}` where the name goes.
    pub fn common_name(&self) -> String {
        self.subject.common_name.to_string()
    }

    /// The subject that a request for this profile has: the common name for `name`, the profile's own
    /// organizations for this version of Kubernetes, or `groups` as organizations where it admits them.
    ///
    /// Only what the profile could never admit is refused here; [`Profile::admit`] judges the rest.
    ///
    /// # Errors
    /// [`ProfileError::NameNeeded`], [`ProfileError::NameNotTaken`], [`ProfileError::GroupsNotTaken`], and
    /// [`ProfileError::NameNotPossible`] when a name cannot be written in a certificate.
    pub fn subject_for(
        &self,
        name: Option<&str>,
        groups: &[String],
        version: &KubernetesVersion,
    ) -> Result<Name, ProfileError> {
        let common_name = self.common_name_for(name)?;
        let fixed = match self.organizations(version, &common_name) {
            Organizations::Exactly(_) if !groups.is_empty() => {
                return Err(ProfileError::GroupsNotTaken { profile: self.name.clone() });
            }
            Organizations::Exactly(organizations) => organizations,
            Organizations::Matching(_) => groups,
        };
        Name::new(Some(&common_name), fixed).map_err(|error| self.not_possible(&error))
    }

    /// The subject alternative names that a certificate for `name` has when nobody asks for others:
    /// those that do not depend on the cluster. Often none.
    ///
    /// # Errors
    /// [`ProfileError::NameNeeded`], and [`ProfileError::NameNotPossible`] when the name is not one of a host.
    pub fn default_sans(&self, name: Option<&str>) -> Result<Vec<SubjectAltName>, ProfileError> {
        self.sans_of(name, |_| true)
    }

    /// Those of [`Profile::default_sans`] that a certificate has also when others are asked for: what the role needs
    /// whatever the cluster is like. A name that may be any text is a label, and no host where hosts are named.
    ///
    /// # Errors
    /// As [`Profile::default_sans`].
    pub fn standing_sans(&self, name: Option<&str>) -> Result<Vec<SubjectAltName>, ProfileError> {
        self.sans_of(name, |template| template.is_fixed() || self.subject.kind == NameKind::NodeName)
    }

    fn sans_of(
        &self,
        name: Option<&str>,
        wanted: impl Fn(&Template) -> bool,
    ) -> Result<Vec<SubjectAltName>, ProfileError> {
        if self.sans.default.is_empty() && !self.sans.common_name {
            return Ok(Vec::new());
        }
        let mut sans = Vec::with_capacity(self.sans.default.len() + 1);
        if self.sans.common_name {
            sans.extend(super::sans::host(&self.common_name_for(name)?));
        }
        let name = name.or(self.subject.default.as_deref());
        for template in self.sans.default.iter().filter(|template| wanted(template)) {
            let text = match name {
                None if !template.is_fixed() => return Err(self.name_needed()),
                name => template.render(name.unwrap_or_default()),
            };
            let san = text.parse().map_err(|error| self.not_possible(&error))?;
            if !sans.contains(&san) {
                sans.push(san);
            }
        }
        Ok(sans)
    }

    /// [`Profile::default_sans`] of a profile that needs no name; none where it does.
    pub fn default_names(&self) -> Vec<SubjectAltName> {
        self.default_sans(None).unwrap_or_default()
    }

    /// The organizations that this profile has fixed for a common name in the releases of Kubernetes, each with a
    /// version of them and the releases in words: more than one where they have changed. None where the requester
    /// chooses them.
    pub fn organizations_by_release(&self, common_name: &str) -> Vec<Release> {
        let bounds = self.subject.organizations.iter().filter_map(|rule| rule.versions.as_ref());
        let mut versions: Vec<KubernetesVersion> = bounds.flat_map(VersionRange::neighbours).collect();
        versions.push(KubernetesVersion::NEWEST);
        versions.sort();
        let mut releases: Vec<Release> = Vec::new();
        for version in versions {
            let Organizations::Exactly(organizations) = self.organizations(&version, common_name) else {
                continue;
            };
            match releases.last_mut() {
                Some(last) if last.organizations == *organizations => last.last = version,
                _ => releases.push(Release {
                    organizations: organizations.clone(),
                    first: version.clone(),
                    last: version,
                }),
            }
        }
        releases
    }

    fn common_name_for(&self, name: Option<&str>) -> Result<String, ProfileError> {
        let template = &self.subject.common_name;
        match name.or(self.subject.default.as_deref()) {
            None if template.is_fixed() => Ok(template.render("")),
            None => Err(self.name_needed()),
            Some(name) if template.is_fixed() => {
                let fixed = template.render("");
                if name == fixed {
                    return Ok(fixed);
                }
                Err(ProfileError::NameNotTaken { profile: self.name.clone(), fixed })
            }
            Some(name) => Ok(template.render(name)),
        }
    }

    fn name_needed(&self) -> ProfileError {
        let subject = format!("CN={}", self.subject.common_name);
        ProfileError::NameNeeded { profile: self.name.clone(), subject }
    }

    fn not_possible(&self, reason: &impl ToString) -> ProfileError {
        ProfileError::NameNotPossible { profile: self.name.clone(), reason: reason.to_string() }
    }

    /// The rule for organizations in this version, beside this common name.
    pub(super) fn organizations(&self, version: &KubernetesVersion, common_name: &str) -> &Organizations {
        let applies = |rule: &&OrganizationRule| {
            rule.versions.as_ref().is_none_or(|range| range.contains(version))
                && rule.common_name.as_deref().is_none_or(|name| name == common_name)
        };
        self.subject.organizations.iter().find(applies).map_or(&NO_ORGANIZATIONS, |rule| &rule.admitted)
    }
}

/// Organizations as `[O=a, O=b]`, or `none`.
pub(super) fn list(organizations: &[String]) -> String {
    if organizations.is_empty() {
        return "none".to_owned();
    }
    let each: Vec<String> = organizations.iter().map(|o| format!("O={}", Printable(o))).collect();
    each.join(", ")
}
