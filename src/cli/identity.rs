//! What a certificate or a request is to say, as the words of a command line give it.

use clap::Args;
use kpki::key::{KeyAlgorithm, KeyPair};
use kpki::profile::{KubernetesVersion, Profile, Terms};
use kpki::request::{SigningRequest, wish_for_names};
use kpki::x509::{Name, PublicKey, SubjectAltName};

use super::Failure;

#[derive(Debug, Args, Clone)]
pub(crate) struct IdentityArgs {
    /// The name that the profile leaves open: a user's, a node's, a server's.
    pub(crate) name: Option<String>,
    /// A group of the user; several become several organizations.
    #[arg(long = "group", value_name = "GROUP")]
    pub(crate) groups: Vec<String>,
    /// A subject alternative name: dns:NAME, ip:ADDRESS, email:…, uri:…, or plain (an address or a DNS name).
    #[arg(long = "san", value_name = "NAME", value_delimiter = ',')]
    pub(crate) sans: Vec<String>,
}

#[derive(Debug, Args, Clone)]
pub(crate) struct VersionArgs {
    /// The cluster's version of Kubernetes, which decides the organizations of its components.
    #[arg(long, value_name = "VERSION", default_value_t = KubernetesVersion::NEWEST)]
    pub(crate) kubernetes_version: KubernetesVersion,
}

#[derive(Debug, Args, Clone)]
pub(crate) struct AlgorithmArgs {
    /// The algorithm of the new key: RSA-2048, RSA-3072, RSA-4096, ECDSA-P256, ECDSA-P384 or Ed25519.
    #[arg(long, value_name = "ALGORITHM", default_value_t = KeyAlgorithm::EcdsaP256)]
    pub(crate) algorithm: KeyAlgorithm,
}

/// A subject and its alternative names.
pub(crate) struct Identity {
    pub(crate) subject: Name,
    pub(crate) sans: Vec<SubjectAltName>,
}

impl IdentityArgs {
    /// What a profile makes of it.
    pub(crate) fn of(&self, profile: &Profile, version: &KubernetesVersion) -> Result<Identity, Failure> {
        let subject = profile.subject_for(self.name.as_deref(), &self.groups, version)?;
        // The name itself serves as a host only where no other is given.
        let mut sans =
            if self.sans.is_empty() { profile.default_sans(self.name.as_deref())? } else { Vec::new() };
        for text in &self.sans {
            let san = text.parse()?;
            if !sans.contains(&san) {
                sans.push(san);
            }
        }
        Ok(Identity { subject, sans })
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
