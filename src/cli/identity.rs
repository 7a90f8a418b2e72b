//! What a certificate or a request is to say, as the words of a command line give it.

use clap::Args;
use kpki::cluster::Surroundings;
use kpki::key::{KeyAlgorithm, KeyPair};
use kpki::profile::{KubernetesVersion, Profile, Terms};
use kpki::request::{SigningRequest, wish_for_names};
use kpki::x509::{Name, PublicKey, SubjectAltName};

use super::Failure;
use super::authority::Loaded;

#[derive(Debug, Args, Clone)]
pub(crate) struct IdentityArgs {
    /// The name that the profile leaves open: a user's, a node's, a server's.
    pub(crate) name: Option<String>,
    /// A group of the user, or several with commas between; each becomes an organization. A comma within a name is
    /// written as \\,.
    #[arg(long = "group", value_name = "GROUP")]
    groups: Vec<String>,
    /// A subject alternative name, or several with commas between: dns:NAME, ip:ADDRESS, email:…, uri:…, or plain (an
    /// address or a DNS name). They stand beside those that the role needs in every cluster (see kpki profile show).
    #[arg(long = "san", value_name = "NAME")]
    sans: Vec<String>,
    /// Only the names of --san, without those of the role.
    #[arg(long, requires = "sans")]
    only_sans: bool,
}

#[derive(Debug, Args, Clone)]
pub(crate) struct VersionArgs {
    /// The cluster's version of Kubernetes, which decides the organizations of its components. Without it, the one that
    /// the files around the CA tell, or else the newest that is known.
    #[arg(long, value_name = "VERSION")]
    pub(crate) kubernetes_version: Option<KubernetesVersion>,
}

#[derive(Debug, Args, Clone)]
pub(crate) struct AlgorithmArgs {
    /// The algorithm of the new key: RSA-2048, RSA-3072, RSA-4096, ECDSA-P256, ECDSA-P384 or Ed25519. Without it, the one
    /// of the keys that are there, or ECDSA-P256.
    #[arg(long, value_name = "ALGORITHM")]
    pub(crate) algorithm: Option<KeyAlgorithm>,
}

impl VersionArgs {
    /// Whether one was given.
    pub(crate) fn is_given(&self) -> bool {
        self.kubernetes_version.is_some()
    }

    /// The version that was given, or that the files around a CA tell, or the newest.
    pub(crate) fn around(&self, loaded: &Loaded) -> KubernetesVersion {
        let told = || Surroundings::of(&loaded.file, &loaded.held).version().map(|(known, _)| known);
        self.kubernetes_version.clone().or_else(told).unwrap_or_default()
    }
}

/// A subject and its alternative names.
pub(crate) struct Identity {
    pub(crate) subject: Name,
    pub(crate) sans: Vec<SubjectAltName>,
}

impl IdentityArgs {
    /// What a profile makes of it.
    pub(crate) fn of(&self, profile: &Profile, version: &KubernetesVersion) -> Result<Identity, Failure> {
        let subject = profile.subject_for(self.name.as_deref(), &split(&self.groups), version)?;
        let mut sans = match self.sans.is_empty() {
            true => profile.default_sans(self.name.as_deref())?,
            false if self.only_sans => Vec::new(),
            false => profile.standing_sans(self.name.as_deref())?,
        };
        for text in split(&self.sans) {
            let san = text.parse()?;
            if !sans.contains(&san) {
                sans.push(san);
            }
        }
        Ok(Identity { subject, sans })
    }

    /// One of the options that was given.
    pub(crate) fn given(&self) -> Option<&'static str> {
        let options = [("--group", &self.groups), ("--san", &self.sans)];
        options.into_iter().find_map(|(option, values)| (!values.is_empty()).then_some(option))
    }

    /// What files are called after: the name, or else the profile.
    pub(crate) fn base(&self, profile: &Profile) -> Result<String, Failure> {
        let base = self.name.clone().unwrap_or_else(|| profile.name().to_owned());
        let harmless = |c: char| c.is_ascii_alphanumeric() || "-_.@+:".contains(c);
        if base.starts_with('.') || !base.chars().all(harmless) {
            return Err(Failure::new(
                "no file can be called after that name: letters, digits and -_.@+: may be in it",
            ));
        }
        Ok(base)
    }
}

/// The items of lists with commas between, in their order. A comma that belongs to an item has a backslash before it;
/// any other backslash is what it is, as in `DOMAIN\group`.
fn split(lists: &[String]) -> Vec<String> {
    let mut items = Vec::new();
    for list in lists {
        let mut item = String::new();
        let mut rest = list.as_str();
        while let Some((before, after)) = rest.split_once(',') {
            match before.strip_suffix('\\') {
                Some(before) => item.extend([before, ","]),
                None => items.push(std::mem::take(&mut item) + before),
            }
            rest = after;
        }
        items.push(item + rest);
    }
    items
}

impl Identity {
    /// The wish of the key's holder.
    pub(crate) fn wish(self, key: &KeyPair) -> Result<SigningRequest, Failure> {
        let public_key = PublicKey::from_der(key.public_key_der())?;
        Ok(SigningRequest::by_holder(self.subject, public_key, wish_for_names(self.sans)))
    }
}

/// The terms of an operator who asked for this lifetime, or for none in particular.
pub(crate) fn terms(version: &KubernetesVersion, validity: Option<kpki::clock::Lifetime>) -> Terms {
    let terms = Terms::new(version.clone());
    match validity {
        Some(lifetime) => terms.with_lifetime(lifetime),
        None => terms,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_have_commas_between() {
        for (lists, items) in [
            (&["dev"][..], &["dev"][..]),
            (&["dev,ops", "qa"], &["dev", "ops", "qa"]),
            (&["cn=a\\,ou=b,c"], &["cn=a,ou=b", "c"]),
            (&["CORP\\dev,x\\y"], &["CORP\\dev", "x\\y"]),
            (&["a,"], &["a", ""]),
            (&[], &[]),
        ] {
            let lists: Vec<String> = lists.iter().map(|list| (*list).to_owned()).collect();
            assert_eq!(split(&lists), items, "{lists:?}");
        }
    }
}
