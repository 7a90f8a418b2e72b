//! The judgement: from a wish to what may be written, or to every reason against it.

use super::rules::CaRules;
use super::{KubernetesVersion, Profile, Refusal, RefusalKind as Kind, sans, subject};
use crate::clock::Lifetime;
use crate::x509::{
    ExtendedKeyUsage, Extension, Extensions, KeyUsage, Name, NameConstraints, Printable, PublicKey,
    PublicKeyKind, SubjectAltName, extension_name,
};

/// What a requester asks for.
#[derive(Debug, Clone, Copy)]
pub struct Wish<'a> {
    /// The name.
    pub subject: &'a Name,
    /// The extensions, alternative names and usages among them.
    pub extensions: &'a Extensions,
    /// The key, whose possession must have been proved.
    pub public_key: &'a PublicKey,
}

/// What the operator asks for, who is not the requester.
#[derive(Debug, Clone, Default)]
pub struct Terms {
    /// The cluster's version, which decides the organizations.
    pub version: KubernetesVersion,
    /// A lifetime that is asked for explicitly: met or refused, never cut.
    pub lifetime: Option<Lifetime>,
    /// Another default than the profile's, a cluster's for example: cut to the profile's longest.
    pub default_lifetime: Option<Lifetime>,
    /// How many CAs may follow; for CAs only.
    pub path_length: PathLength,
    /// The name space of the certificates below; for CAs only.
    pub name_constraints: NameConstraints,
    /// What the certificates below may be for, another choice than the profile's; empty for everything. For CAs only.
    pub purposes: Option<Vec<ExtendedKeyUsage>>,
}

impl Terms {
    /// The profile's own terms in a cluster of this version.
    pub fn new(version: KubernetesVersion) -> Self {
        Self { version, ..Self::default() }
    }

    /// These terms with an explicit lifetime.
    #[must_use]
    pub fn with_lifetime(self, lifetime: Lifetime) -> Self {
        Self { lifetime: Some(lifetime), ..self }
    }

    /// These terms with another default than the profile's.
    #[must_use]
    pub fn with_default_lifetime(self, lifetime: Lifetime) -> Self {
        Self { default_lifetime: Some(lifetime), ..self }
    }
}

/// How many intermediate CAs may follow a CA in a path (RFC 5280 section 4.2.1.9).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PathLength {
    /// As the profile says.
    #[default]
    OfProfile,
    /// Any number.
    Unlimited,
    /// So many.
    AtMost(u32),
}

/// What a certificate may say, judged and admitted. Only [`Profile::admit`] makes one.
#[derive(Debug, Clone)]
pub struct Admitted {
    profile: String,
    subject: Name,
    sans: Vec<SubjectAltName>,
    public_key: PublicKey,
    key_usage: KeyUsage,
    extended_key_usage: Vec<ExtendedKeyUsage>,
    ca: Option<AdmittedCa>,
    lifetime: Lifetime,
    lifetime_is_explicit: bool,
    ignored: Vec<String>,
}

/// What makes a certificate a CA's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdmittedCa {
    /// How many CAs may follow; `None` for any number.
    pub path_len: Option<u32>,
    /// The name space of the certificates below; empty for all.
    pub name_constraints: NameConstraints,
}

impl Admitted {
    /// The name of the profile that admitted it.
    pub fn profile(&self) -> &str {
        &self.profile
    }

    /// The subject, built anew from the attributes that were admitted: organizations in the order of the
    /// request, each once, then the common name.
    pub fn subject(&self) -> &Name {
        &self.subject
    }

    /// The subject alternative names, each once, in the order of the request; DNS names in lower case.
    pub fn sans(&self) -> &[SubjectAltName] {
        &self.sans
    }

    /// The requester's public key.
    pub fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    /// The key usages; keyEncipherment for RSA keys only.
    pub fn key_usage(&self) -> KeyUsage {
        self.key_usage
    }

    /// The extended key usages.
    pub fn extended_key_usage(&self) -> &[ExtendedKeyUsage] {
        &self.extended_key_usage
    }

    /// What makes it a CA's; `None` for a leaf.
    pub fn ca(&self) -> Option<&AdmittedCa> {
        self.ca.as_ref()
    }

    /// How long it is to be valid, before it is cut to the issuer's end.
    pub fn lifetime(&self) -> Lifetime {
        self.lifetime
    }

    /// Whether the lifetime was asked for, so that it must be met or refused but not cut.
    pub fn lifetime_is_explicit(&self) -> bool {
        self.lifetime_is_explicit
    }

    /// What was asked for and is left out without harm, to be shown.
    pub fn ignored(&self) -> &[String] {
        &self.ignored
    }
}

impl Profile {
    /// Judges a wish on the operator's terms.
    ///
    /// # Errors
    /// Every refusal at once: the key's, the subject's, the alternative names', the usages' and other
    /// extensions', then those of the terms.
    pub fn admit(&self, wish: &Wish<'_>, terms: &Terms) -> Result<Admitted, Vec<Refusal>> {
        let mut refusals = Vec::new();
        let mut ignored = Vec::new();
        judge_key(wish.public_key.kind(), &mut refusals);
        // The key is the one thing that is lent byte for byte, so it must bring nothing along.
        if refusals.is_empty() && !wish.public_key.is_canonical() {
            let reason = "its SubjectPublicKeyInfo carries more than the key, or is not written as RFC 3279, 5480 or 8410 say";
            let fact = format!("the key is {}", wish.public_key.kind());
            refusals.push(Refusal::new(Kind::WeakKey, fact, reason));
        }
        let subject = subject::judge(self, wish.subject, &terms.version, &mut refusals);
        let sans = sans::judge(self, wish.extensions.names(), wish.subject, &mut refusals);
        self.judge_ca_wishes(wish.extensions, &mut refusals, &mut ignored);
        self.judge_usages(wish.extensions, &mut refusals);
        judge_other_extensions(wish.extensions, &mut refusals, &mut ignored);
        self.judge_terms(terms, &mut refusals);
        let (Some(subject), true) = (subject, refusals.is_empty()) else {
            return Err(refusals);
        };
        let is_rsa = matches!(wish.public_key.kind(), PublicKeyKind::Rsa { .. });
        let dropped = if is_rsa { KeyUsage::default() } else { KeyUsage::KEY_ENCIPHERMENT };
        let path_len = |ca: &CaRules| match terms.path_length {
            PathLength::OfProfile => ca.path_len,
            PathLength::Unlimited => None,
            PathLength::AtMost(length) => Some(length),
        };
        Ok(Admitted {
            profile: self.name.clone(),
            subject,
            sans,
            public_key: wish.public_key.clone(),
            key_usage: self.key_usage.without(dropped),
            extended_key_usage: terms.purposes.as_ref().unwrap_or(&self.extended_key_usage).clone(),
            ca: self.ca.as_ref().map(|ca| AdmittedCa {
                path_len: path_len(ca),
                name_constraints: terms.name_constraints.clone(),
            }),
            lifetime: terms.lifetime.unwrap_or_else(|| {
                terms.default_lifetime.unwrap_or(self.default_lifetime).min(self.max_lifetime)
            }),
            lifetime_is_explicit: terms.lifetime.is_some(),
            ignored,
        })
    }

    fn judge_ca_wishes(
        &self,
        extensions: &Extensions,
        refusals: &mut Vec<Refusal>,
        ignored: &mut Vec<String>,
    ) {
        let constraints = extensions.basic_constraints.as_ref().map(|marked| marked.value);
        if self.is_ca() {
            if let Some(length) = constraints.and_then(|constraints| constraints.path_len) {
                ignored.push(format!("pathLenConstraint {length} (the operator decides it)"));
            }
            return;
        }
        if extensions.is_ca() {
            let reason =
                format!("`{}` is the profile of a leaf, whose holder must not sign certificates", self.name);
            refusals.push(Refusal::new(Kind::CaRequested, "CA:TRUE is requested", reason));
        }
        let usage = extensions.key_usage.as_ref().map(|marked| marked.value).unwrap_or_default();
        for bit in [KeyUsage::KEY_CERT_SIGN, KeyUsage::CRL_SIGN] {
            if usage.contains(bit) {
                let fact = format!("{bit} is requested");
                refusals.push(Refusal::new(
                    Kind::CertSignRequested,
                    fact,
                    "only a CA may sign certificates and CRLs",
                ));
            }
        }
    }

    fn judge_usages(&self, extensions: &Extensions, refusals: &mut Vec<Refusal>) {
        let signing = KeyUsage::KEY_CERT_SIGN | KeyUsage::CRL_SIGN;
        if let Some(asked) = extensions.key_usage.as_ref().map(|marked| marked.value) {
            // Key encipherment is asked for by habit, and written for RSA keys only; signing has refusals of its own.
            let tolerated = self.key_usage | KeyUsage::KEY_ENCIPHERMENT;
            let beyond = asked.without(if self.is_ca() { tolerated } else { tolerated | signing });
            for usage in beyond.names() {
                let reason = format!("the profile admits {}", self.key_usage);
                refusals.push(Refusal::new(Kind::UsageNotAdmitted, format!("{usage} is requested"), reason));
            }
            let missing = self.key_usage.without(asked | KeyUsage::KEY_ENCIPHERMENT);
            if self.exact_usages && !missing.is_empty() {
                let fact = if asked.is_empty() {
                    "no key usage is requested".to_owned()
                } else {
                    format!("the key usages requested are [{asked}]")
                };
                let reason = format!(
                    "the Kubernetes signer demands exactly [{}], keyEncipherment being optional",
                    self.key_usage
                );
                refusals.push(Refusal::new(Kind::UsageNotExact, fact, reason));
            }
        }
        let Some(asked) = extensions.extended_key_usage.as_ref().map(|marked| &marked.value) else { return };
        for purpose in asked.iter().filter(|purpose| !self.extended_key_usage.contains(purpose)) {
            let reason = format!("the profile admits {}", purposes(&self.extended_key_usage));
            refusals.push(Refusal::new(Kind::UsageNotAdmitted, format!("{purpose} is requested"), reason));
        }
        if self.exact_usages && !self.extended_key_usage.iter().all(|purpose| asked.contains(purpose)) {
            let fact = format!("the extended key usages requested are {}", purposes(asked));
            let reason =
                format!("the Kubernetes signer demands exactly {}", purposes(&self.extended_key_usage));
            refusals.push(Refusal::new(Kind::UsageNotExact, fact, reason));
        }
    }

    fn judge_terms(&self, terms: &Terms, refusals: &mut Vec<Refusal>) {
        if let Some(lifetime) = terms.lifetime.filter(|lifetime| *lifetime > self.max_lifetime) {
            let reason = format!("the profile admits {} at most", self.max_lifetime);
            refusals.push(Refusal::new(Kind::LifetimeTooLong, format!("a lifetime of {lifetime}"), reason));
        }
        if !self.is_ca() && terms.path_length != PathLength::OfProfile {
            refusals.push(Refusal::new(Kind::NotACa, "a path length", "only a CA's certificate has one"));
        }
        if !self.is_ca() && !terms.name_constraints.is_empty() {
            let reason = "only a CA's certificate has them (RFC 5280 section 4.2.1.10)";
            refusals.push(Refusal::new(Kind::NotACa, "name constraints", reason));
        }
        if !self.is_ca() && terms.purposes.is_some() {
            let reason = "of a leaf the profile decides them";
            refusals.push(Refusal::new(Kind::NotACa, "extended key usages", reason));
        }
        if let Some(range) = self.versions.as_ref().filter(|range| !range.contains(&terms.version)) {
            let fact = format!("Kubernetes {}", terms.version);
            refusals.push(Refusal::new(Kind::WrongVersion, fact, format!("the profile is for {range}")));
        }
    }
}

fn purposes(purposes: &[ExtendedKeyUsage]) -> String {
    let names: Vec<String> = purposes.iter().map(ToString::to_string).collect();
    format!("[{}]", names.join(", "))
}

/// Whether a key is strong enough and of a kind that Kubernetes' components read.
fn judge_key(kind: &PublicKeyKind, refusals: &mut Vec<Refusal>) {
    const ACCEPTED: &str = "RSA of 2048 to 4096 bits, ECDSA on P-256 or P-384, and Ed25519 are accepted";
    let mut refuse = |reason: &str| {
        refusals.push(Refusal::new(Kind::WeakKey, format!("the key is {kind}"), reason));
    };
    match kind {
        PublicKeyKind::Rsa { bits, exponent } => {
            match bits {
                ..2048 => refuse("RSA keys need 2048 bits (NIST SP 800-131A)"),
                4097.. => refuse("RSA keys of more than 4096 bits make every handshake slow"),
                _ => {}
            }
            match exponent {
                None => refuse("its public exponent is longer than 64 bits"),
                Some(exponent) if exponent % 2 == 0 => {
                    refuse("its public exponent is even, so it is no RSA key");
                }
                Some(exponent) if *exponent < 65_537 => {
                    refuse("its public exponent is below 65537 (FIPS 186-5 appendix A.1.1)");
                }
                Some(_) => {}
            }
        }
        PublicKeyKind::Ec(curve) => match curve.as_str() {
            "P-256" | "P-384" => {}
            "P-521" => {
                refuse("not every TLS stack reads P-521; P-384 is strong enough");
            }
            _ => refuse(ACCEPTED),
        },
        PublicKeyKind::Ed25519 => {}
        PublicKeyKind::RsaPss { .. } | PublicKeyKind::MlDsa(_) | PublicKeyKind::Other(_) => refuse(ACCEPTED),
    }
}

/// Extensions that are never copied: refused where the requester holds them for indispensable or they
/// cannot be read, else left out.
fn judge_other_extensions(extensions: &Extensions, refusals: &mut Vec<Refusal>, ignored: &mut Vec<String>) {
    for (oid, reason) in &extensions.malformed {
        let reason: String = reason.chars().take(80).collect();
        let reason = format!("it cannot be read: {}", Printable(&reason));
        refusals.push(Refusal::new(Kind::MalformedExtension, named(oid), reason));
    }
    for oid in extensions.duplicates() {
        let reason = "RFC 5280 section 4.2 allows each extension once";
        refusals.push(Refusal::new(Kind::DuplicateExtension, named(oid), reason));
    }
    for Extension { oid, critical, .. } in &extensions.all {
        // Basic constraints, key usage, extended key usage and alternative names are judged for what they say.
        if matches!(oid.as_str(), "2.5.29.15" | "2.5.29.17" | "2.5.29.19" | "2.5.29.37") {
            continue;
        }
        if *critical {
            let reason = "it is critical, and extensions are never copied from a request";
            refusals.push(Refusal::new(Kind::CriticalExtension, named(oid), reason));
        } else {
            ignored.push(named(oid));
        }
    }
}

/// An extension as people know it.
fn named(oid: &str) -> String {
    match extension_name(oid) {
        Some(name) => format!("the extension {name}"),
        None => format!("the extension {}", oid.chars().take(80).collect::<String>()),
    }
}
