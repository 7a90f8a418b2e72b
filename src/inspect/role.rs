//! Which part a certificate or a key plays in a cluster, by its file's name and by what it says.

use std::path::Path;

use serde::Serialize;

use super::{Content, Item};
use crate::layout::{Authority, KUBECONFIGS, SERVICE_ACCOUNT, authority_by_name, profile_by_name};
use crate::profile::{Catalogue, KubernetesVersion, Profile};
use crate::x509::{Certificate, ExtendedKeyUsage, Printable};

/// A role, by name, by content, or by both.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Role {
    /// What the file's name promises: a profile, or `service-account`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by_name: Option<String>,
    /// The profile that the content fits, where it is one that nothing else looks like.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by_content: Option<String>,
    /// Why the content cannot be what the name promises.
    pub conflicts: Vec<String>,
    /// What is unusual about it, without being wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remark: Option<String>,
}

impl Role {
    /// The role, the name's word before the content's.
    pub fn name(&self) -> &str {
        self.by_name.as_deref().or(self.by_content.as_deref()).unwrap_or_default()
    }
}

/// The role of an item of a file; `follows` says whether another certificate stands before it, whose chain it may be.
pub fn role(path: &Path, item: &Item, follows: bool, catalogue: &Catalogue) -> Option<Role> {
    let named = promised(path, item);
    let certificate = match &item.content {
        Content::Certificate(facts) => &facts.certificate,
        Content::PrivateKey(_) | Content::PublicKey(_) => {
            return named.map(|(name, _)| Role {
                by_name: Some(name.to_owned()),
                by_content: None,
                conflicts: Vec::new(),
                remark: None,
            });
        }
        _ => return None,
    };
    let content = by_content(certificate, catalogue);
    // What stands behind a leaf is its chain; several CAs in a file are CAs each.
    let named = named.filter(|(name, _)| !follows || is_ca(catalogue, name));
    // `ca` alone may be anybody's: there the content has the last word.
    let others =
        |name: &str| content.as_deref().is_some_and(|content| content != name && is_ca(catalogue, content));
    let named = named.filter(|(name, weak)| !*weak || !others(name));
    let Some((name, _)) = named else {
        return content.map(|by_content| Role {
            by_name: None,
            by_content: Some(by_content),
            conflicts: Vec::new(),
            remark: None,
        });
    };
    let profile = catalogue.find(name).ok();
    let conflicts = conflicts(certificate, name, profile, content.as_deref());
    let remark = profile
        .and_then(characteristic)
        .filter(|_| content.is_none() && conflicts.is_empty())
        .and_then(|usual| {
            let own = certificate.tbs.subject.common_name().unwrap_or_default();
            (own != usual)
                .then(|| format!("its common name is `{}`, and kubeadm writes `{usual}`", Printable(own)))
        });
    Some(Role { by_name: Some(name.to_owned()), by_content: content, conflicts, remark })
}

fn is_ca(catalogue: &Catalogue, name: &str) -> bool {
    catalogue.find(name).is_ok_and(Profile::is_ca)
}

/// The profile that a path promises for an item of its file, or `service-account`; and whether the name is one that anybody
/// may use (`ca`).
pub fn promised(path: &Path, item: &Item) -> Option<(&'static str, bool)> {
    if let Some(field) = &item.place.field {
        let own = field.ends_with("client-certificate-data") || field.ends_with("client-key-data");
        let known = KUBECONFIGS.iter().find(|(name, _)| path.file_name().is_some_and(|file| file == *name));
        return known.filter(|_| own).map(|(_, profile)| (*profile, false));
    }
    let extension = path.extension()?.to_str()?;
    let name = path.file_stem()?.to_str()?;
    let stem = match extension {
        "crt" | "cert" | "cer" | "der" | "key" | "pub" | "csr" => name,
        "pem" => name.strip_suffix("-key").unwrap_or(name),
        _ => return None,
    };
    let base = path.with_file_name(stem);
    if stem == SERVICE_ACCOUNT && !matches!(item.content, Content::Certificate(_)) {
        return Some(("service-account", false));
    }
    if let Some(profile) = profile_by_name(&base) {
        return Some((profile, false));
    }
    if let Some(authority) = authority_by_name(&base) {
        return Some((authority.profile(), false));
    }
    (stem == Authority::Kubernetes.base()).then(|| (Authority::Kubernetes.profile(), true))
}

/// The common name that certificates of a profile have and those of no other.
fn characteristic(profile: &Profile) -> Option<String> {
    let subject = profile.subject_for(None, &[], &KubernetesVersion::NEWEST).ok()?;
    subject.common_name().map(str::to_owned)
}

/// Whether a common name is that of a profile: the very one, or with a node's name in its place.
fn is_named(profile: &Profile, common_name: &str) -> bool {
    if let Some(usual) = characteristic(profile) {
        return usual == common_name;
    }
    let template = profile.common_name();
    let prefix = template.split("{name}").next().unwrap_or_default();
    !prefix.is_empty() && common_name.len() > prefix.len() && common_name.starts_with(prefix)
}

/// The purposes of a profile that a certificate lacks.
fn lacking<'a>(profile: &'a Profile, certificate: &Certificate) -> Vec<&'a ExtendedKeyUsage> {
    let purposes = certificate.tbs.extensions.purposes();
    let any = purposes.contains(&ExtendedKeyUsage::Any);
    profile.extended_key_usage().iter().filter(|purpose| !any && !purposes.contains(purpose)).collect()
}

fn by_content(certificate: &Certificate, catalogue: &Catalogue) -> Option<String> {
    let tbs = &certificate.tbs;
    let common_name = tbs.subject.common_name()?;
    let fits = |profile: &&Profile| {
        is_named(profile, common_name)
            && profile.is_ca() == tbs.extensions.is_ca()
            && lacking(profile, certificate).is_empty()
    };
    if let Some(profile) = catalogue.profiles().filter_map(Result::ok).find(fits) {
        return Some(profile.name().to_owned());
    }
    // A kubelet that is not told otherwise signs its own serving certificate: NODE@SECONDS, by NODE-ca@SECONDS.
    let seconds = |name: &str| {
        let (host, seconds) = name.rsplit_once('@')?;
        (!seconds.is_empty() && seconds.bytes().all(|byte| byte.is_ascii_digit())).then(|| host.to_owned())
    };
    let issuer = tbs.issuer.common_name().and_then(seconds);
    let own = seconds(common_name)?;
    (issuer.is_some_and(|issuer| issuer == format!("{own}-ca")) && !tbs.extensions.is_ca())
        .then(|| "kubelet-serving".to_owned())
}

fn conflicts(
    certificate: &Certificate,
    name: &str,
    profile: Option<&Profile>,
    content: Option<&str>,
) -> Vec<String> {
    let mut conflicts = Vec::new();
    let Some(profile) = profile else { return conflicts };
    match (profile.is_ca(), certificate.tbs.extensions.is_ca()) {
        (true, false) => conflicts.push("it is no CA".to_owned()),
        (false, true) => conflicts.push("it is a CA".to_owned()),
        _ => {
            for purpose in lacking(profile, certificate) {
                conflicts.push(format!("it is not good for {purpose}"));
            }
        }
    }
    if let Some(content) = content.filter(|content| *content != name) {
        conflicts.push(format!("its subject and usages are those of {content}"));
    }
    conflicts
}
