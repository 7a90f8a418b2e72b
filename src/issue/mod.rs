//! The one place where power meets judgement: a request becomes a certificate, or all the reasons why it does not.
//!
//! Proof of possession and the profile decide what is admitted; the CA drafts it; the audit's certificate rules judge
//! the draft; only then are those very bytes signed.

mod object;

use time::OffsetDateTime;

use crate::audit::{self, CertificateEvidence, Expected};
use crate::ca::{CaError, CertificateAuthority, Draft, Wanted};
use crate::key::KeyPair;
use crate::profile::{Admitted, Profile, Refusal, Terms, Wish};
use crate::request::SigningRequest;
use crate::x509::{Certificate, ExtendedKeyUsage, TbsCertificate};

pub use object::{profile_for, remarks, unapproved};

/// A draft that every rule has passed.
pub struct Judged {
    admitted: Admitted,
    draft: Draft,
    notes: Vec<String>,
}

/// One reason why nothing is signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// Its stable name, for programs.
    pub code: &'static str,
    /// A sentence for people, safe to show.
    pub text: String,
}

/// Why nothing comes of a request.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IssueError {
    /// It is refused, for all of these reasons.
    #[error("{}", .0.iter().map(|reason| reason.text.as_str()).collect::<Vec<_>>().join("; "))]
    Refused(Vec<Reason>),
    /// The CA could not do it.
    #[error(transparent)]
    Ca(CaError),
}

impl From<Refusal> for Reason {
    fn from(refusal: Refusal) -> Self {
        Self { code: refusal.code(), text: refusal.to_string() }
    }
}

/// What a CA will not do is a refusal, with a name of its own; the rest are failures.
fn refusal(error: CaError) -> Result<Reason, IssueError> {
    let code = match &error {
        CaError::OutlivesIssuer { .. } => "outlives-issuer",
        CaError::NotValidNow { .. } => "issuer-not-valid-now",
        CaError::PathLength { .. } => "path-length",
        CaError::NameConstraint { .. } => "name-constraints",
        CaError::Purpose { .. } => "issuer-purpose",
        CaError::MalformedIssuer { .. } => "issuer-malformed",
        CaError::IssuersOwnKey(_) => "issuers-own-key",
        CaError::DateOutOfRange => "date-out-of-range",
        _ => return Err(IssueError::Ca(error)),
    };
    Ok(Reason { code, text: error.to_string() })
}

impl From<Vec<CaError>> for IssueError {
    fn from(errors: Vec<CaError>) -> Self {
        errors.into_iter().map(refusal).collect::<Result<_, _>>().map_or_else(|error| error, Self::Refused)
    }
}

impl From<CaError> for IssueError {
    fn from(error: CaError) -> Self {
        vec![error].into()
    }
}

/// Judges a request: proof of possession, the Kubernetes object around it, and profile.
///
/// # Errors
/// [`IssueError::Refused`] with every reason at once.
pub fn admit(request: &SigningRequest, profile: &Profile, terms: &Terms) -> Result<Admitted, IssueError> {
    let mut reasons: Vec<Reason> = Vec::new();
    if let Err(why) = request.possession() {
        let text = format!("the requester has not shown to hold the private key: {why}");
        reasons.push(Reason { code: "no-proof-of-possession", text });
    }
    if let Some(object) = &request.kubernetes {
        reasons.extend(object::objections(object, request, profile));
    }
    let wish =
        Wish { subject: &request.subject, extensions: &request.extensions, public_key: &request.public_key };
    match profile.admit(&wish, terms) {
        Ok(admitted) if reasons.is_empty() => Ok(admitted),
        Ok(_) => Err(IssueError::Refused(reasons)),
        Err(refusals) => {
            reasons.extend(refusals.into_iter().map(Reason::from));
            Err(IssueError::Refused(reasons))
        }
    }
}

/// Judges a request under a CA: everything that [`admit`] and [`judge`] look at.
///
/// # Errors
/// [`IssueError::Refused`] with every reason at once, the profile's and the CA's.
pub fn decide(
    ca: &CertificateAuthority,
    request: &SigningRequest,
    profile: &Profile,
    terms: &Terms,
    now: OffsetDateTime,
) -> Result<Judged, IssueError> {
    match admit(request, profile, terms) {
        Ok(admitted) => judge(ca, admitted, now),
        Err(IssueError::Refused(mut reasons)) => {
            let objections = ca.objections(&Wanted::asked(request, profile, terms), now);
            for objection in objections {
                reasons.push(refusal(objection)?);
            }
            Err(IssueError::Refused(reasons))
        }
        Err(error) => Err(error),
    }
}

/// Drafts a certificate under a CA and judges the draft.
///
/// # Errors
/// [`IssueError::Refused`] when the CA or a rule will not have it.
pub fn judge(
    ca: &CertificateAuthority,
    admitted: Admitted,
    now: OffsetDateTime,
) -> Result<Judged, IssueError> {
    let draft = ca.draft(&admitted, now)?;
    judged(admitted, draft, Some(&ca.certificate().tbs))
}

/// Drafts a self-signed root of this key and judges the draft.
///
/// # Errors
/// As [`judge`].
pub fn judge_root(key: &KeyPair, admitted: Admitted, now: OffsetDateTime) -> Result<Judged, IssueError> {
    let draft = Draft::root(&admitted, key, now)?;
    judged(admitted, draft, None)
}

fn judged(admitted: Admitted, draft: Draft, issuer: Option<&TbsCertificate>) -> Result<Judged, IssueError> {
    let ca = admitted.ca().is_some();
    // Those of a CA are what is below it for, not what it does itself.
    let is_for = |purpose| !ca && admitted.extended_key_usage().contains(&purpose);
    let expected = Expected {
        ca,
        server: is_for(ExtendedKeyUsage::ServerAuth),
        client: is_for(ExtendedKeyUsage::ClientAuth),
    };
    // A root is its own issuer.
    let issuer = Some(issuer.unwrap_or_else(|| draft.facts()));
    let evidence =
        CertificateEvidence { issuer, expected: Some(expected), ..CertificateEvidence::new(draft.facts()) };
    let report = audit::judge(&evidence);
    let reasons: Vec<Reason> = audit::refuses(&report)
        .into_iter()
        .map(|finding| Reason {
            code: finding.rule.id,
            text: format!("{}: {}", finding.rule.id, finding.message),
        })
        .collect();
    if !reasons.is_empty() {
        return Err(IssueError::Refused(reasons));
    }
    let notes = report
        .findings()
        .iter()
        .map(|finding| format!("{} ({}): {}", finding.rule.id, finding.severity, finding.message))
        .collect();
    Ok(Judged { admitted, draft, notes })
}

impl Judged {
    /// What the profile admitted.
    pub fn admitted(&self) -> &Admitted {
        &self.admitted
    }

    /// What will be signed.
    pub fn facts(&self) -> &TbsCertificate {
        self.draft.facts()
    }

    /// What the rules remarked without refusing it.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Signs the very bytes that were judged. The certificate must stand in the ledger before it leaves.
    ///
    /// # Errors
    /// [`IssueError::Ca`] when the key cannot sign.
    pub fn seal(self, key: &KeyPair) -> Result<Certificate, IssueError> {
        self.draft.seal(key).map_err(IssueError::Ca)
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;
    use crate::clock::Lifetime;
    use crate::key::KeyAlgorithm;
    use crate::profile::{Catalogue, KubernetesVersion};
    use crate::request::wish_for_names;
    use crate::x509::{Name, PublicKey};

    const NOW: OffsetDateTime = datetime!(2026-11-23 12:00:00 UTC);

    fn wish(key: &KeyPair, common_name: &str, groups: &[&str], names: &[&str]) -> SigningRequest {
        let names = names.iter().map(|name| name.parse().unwrap()).collect();
        let subject = Name::new(Some(common_name), groups).unwrap();
        SigningRequest::by_holder(
            subject,
            PublicKey::from_der(key.public_key_der()).unwrap(),
            wish_for_names(names),
        )
    }

    fn root(algorithm: KeyAlgorithm) -> CertificateAuthority {
        let key = KeyPair::generate(algorithm).unwrap();
        let catalogue = Catalogue::built_in();
        let terms = Terms::new(KubernetesVersion::NEWEST);
        let admitted =
            admit(&wish(&key, "kubernetes", &[], &[]), catalogue.find("kubernetes-ca").unwrap(), &terms);
        let certificate = judge_root(&key, admitted.unwrap(), NOW).unwrap().seal(&key).unwrap();
        CertificateAuthority::new(certificate, key).unwrap()
    }

    #[test]
    fn what_is_sealed_reads_as_what_was_judged_and_verifies() {
        let catalogue = Catalogue::built_in();
        for algorithm in
            [KeyAlgorithm::EcdsaP256, KeyAlgorithm::EcdsaP384, KeyAlgorithm::Ed25519, KeyAlgorithm::Rsa2048]
        {
            let ca = root(algorithm);
            let key = KeyPair::generate(KeyAlgorithm::EcdsaP256).unwrap();
            let request = wish(&key, "jane", &["dev", "ops"], &[]);
            let (profile, terms) = (catalogue.find("user").unwrap(), Terms::new(KubernetesVersion::NEWEST));
            let judged = decide(&ca, &request, profile, &terms, NOW).unwrap();
            let facts = judged.facts().clone();
            let certificate = judged.seal(ca.key()).unwrap();
            assert_eq!(Certificate::from_der(certificate.der()).unwrap(), certificate, "{algorithm}");
            assert_eq!(certificate.tbs, facts);
            certificate.verify_signature(&ca.certificate().tbs.public_key).unwrap();
            ca.certificate().verify_signature(&ca.certificate().tbs.public_key).unwrap();
        }
    }

    #[test]
    fn the_profiles_reasons_and_the_cas_are_said_together() {
        let ca = root(KeyAlgorithm::EcdsaP256);
        let catalogue = Catalogue::built_in();
        // The CA's own key, a reserved group, a name that users do not have, and a life beyond the CA's.
        let request = wish(ca.key(), "jane", &["system:masters"], &["a.example.com"]);
        let terms = Terms::new(KubernetesVersion::NEWEST).with_lifetime(Lifetime::days(365 * 20));
        let refused = decide(&ca, &request, catalogue.find("user").unwrap(), &terms, NOW);
        let Err(IssueError::Refused(reasons)) = refused else { panic!("it was not refused") };
        let mut codes: Vec<_> = reasons.iter().map(|reason| reason.code).collect();
        codes.sort_unstable();
        assert_eq!(
            codes,
            ["issuers-own-key", "lifetime-too-long", "outlives-issuer", "reserved-group", "san-kind"]
        );
    }

    #[test]
    fn another_cas_draft_is_not_sealed() {
        let (ca, other) = (root(KeyAlgorithm::EcdsaP256), root(KeyAlgorithm::EcdsaP256));
        let key = KeyPair::generate(KeyAlgorithm::EcdsaP256).unwrap();
        let (catalogue, terms) = (Catalogue::built_in(), Terms::new(KubernetesVersion::NEWEST));
        let judged =
            decide(&ca, &wish(&key, "jane", &[], &[]), catalogue.find("user").unwrap(), &terms, NOW).unwrap();
        assert!(matches!(judged.seal(other.key()), Err(IssueError::Ca(CaError::ForeignDraft))));
    }
}
