//! A certificate that is not signed yet.

use ring::rand::{SecureRandom, SystemRandom};
use time::{Duration, OffsetDateTime, UtcOffset};

use super::CaError;
use super::limits::{self, Wanted};
use crate::key::{KeyError, KeyPair};
use crate::profile::Admitted;
use crate::x509::{
    BasicConstraints, Certificate, CertificateTemplate, Name, NameConstraints, SerialNumber, TbsCertificate,
    Validity,
};

/// How far a certificate reaches back, so that a clock that is a little slow accepts it: what kubeadm does.
const BACKDATE: Duration = Duration::minutes(5);

/// The to-be-signed bytes of a certificate, and what they say.
pub struct Draft {
    to_be_signed: Vec<u8>,
    facts: TbsCertificate,
    signature_algorithm: &'static [u8],
    signer: Vec<u8>,
}

/// What the issuer lends to a certificate.
struct Issuer<'a> {
    name: &'a Name,
    key_identifier: Vec<u8>,
    public_key: &'a [u8],
    signature_algorithm: &'static [u8],
    validity: Option<Validity>,
}

impl Draft {
    /// A self-signed root of this key.
    ///
    /// # Errors
    /// [`CaError::X509`] when a value has no encoding, [`CaError::Key`] when there is no randomness.
    pub fn root(admitted: &Admitted, key: &KeyPair, now: OffsetDateTime) -> Result<Self, CaError> {
        let issuer = Issuer {
            name: admitted.subject(),
            key_identifier: admitted.public_key().key_identifier(),
            public_key: key.public_key_der(),
            signature_algorithm: key.signature_algorithm_der(),
            validity: None,
        };
        Self::encode(&issuer, admitted, now)
    }

    pub(super) fn under(
        issuer: &Certificate,
        signature_algorithm: &'static [u8],
        admitted: &Admitted,
        now: OffsetDateTime,
    ) -> Result<Self, Vec<CaError>> {
        let tbs = &issuer.tbs;
        let objections = limits::objections(tbs, &Wanted::of(admitted), now);
        if !objections.is_empty() {
            return Err(objections);
        }
        // The issuer's own identifier where it has one, whatever method made it (RFC 5280 section 4.2.1.1).
        let stated = tbs.extensions.subject_key_identifier.as_ref().map(|id| id.value.clone());
        let issuer = Issuer {
            name: &tbs.subject,
            key_identifier: stated.unwrap_or_else(|| tbs.public_key.key_identifier()),
            public_key: tbs.public_key.der(),
            signature_algorithm,
            validity: Some(tbs.validity),
        };
        Self::encode(&issuer, admitted, now).map_err(|error| vec![error])
    }

    fn encode(issuer: &Issuer<'_>, admitted: &Admitted, now: OffsetDateTime) -> Result<Self, CaError> {
        let no_constraints = NameConstraints::default();
        let ca = admitted.ca();
        let basic_constraints =
            BasicConstraints { ca: ca.is_some(), path_len: ca.as_ref().and_then(|ca| ca.path_len) };
        let template = CertificateTemplate {
            serial: &random_serial()?,
            signature_algorithm: issuer.signature_algorithm,
            issuer: issuer.name,
            validity: validity(issuer, admitted, now)?,
            subject: admitted.subject(),
            public_key: admitted.public_key(),
            subject_key_identifier: &admitted.public_key().key_identifier(),
            authority_key_identifier: &issuer.key_identifier,
            subject_alt_names: admitted.sans(),
            key_usage: admitted.key_usage(),
            extended_key_usage: admitted.extended_key_usage(),
            basic_constraints,
            name_constraints: ca.as_ref().map_or(&no_constraints, |ca| &ca.name_constraints),
        };
        let to_be_signed = template.encode()?;
        let facts = TbsCertificate::from_der(&to_be_signed)?;
        Ok(Self {
            to_be_signed,
            facts,
            signature_algorithm: issuer.signature_algorithm,
            signer: issuer.public_key.to_vec(),
        })
    }

    /// What the to-be-signed bytes say, read back from them.
    pub fn facts(&self) -> &TbsCertificate {
        &self.facts
    }

    /// The to-be-signed certificate in DER.
    pub fn der(&self) -> &[u8] {
        &self.to_be_signed
    }

    /// Signs these very bytes with the key that they were made for.
    ///
    /// # Errors
    /// [`CaError::ForeignDraft`] with another key, [`CaError::Key`] when the key cannot sign.
    pub fn seal(self, key: &KeyPair) -> Result<Certificate, CaError> {
        if self.signer != key.public_key_der() {
            return Err(CaError::ForeignDraft);
        }
        let signature = key.sign(&self.to_be_signed)?;
        Ok(Certificate::of_signed(self.facts, &self.to_be_signed, self.signature_algorithm, &signature))
    }
}

/// 128 random bits: RFC 5280 section 4.1.2.2 allows 20 octets, and the CA/Browser Forum's Baseline Requirements 7.1
/// ask for 64 bits of randomness.
fn random_serial() -> Result<SerialNumber, CaError> {
    let mut bytes = [0; 16];
    SystemRandom::new().fill(&mut bytes).map_err(|_| KeyError::Random)?;
    // Zero is no serial number; it would come once in 2^128 draws.
    if bytes == [0; 16] {
        bytes[15] = 1;
    }
    Ok(SerialNumber::from_unsigned(&bytes))
}

/// From five minutes ago, but not from before the issuer; for the lifetime, but never past the issuer's end.
fn validity(issuer: &Issuer<'_>, admitted: &Admitted, now: OffsetDateTime) -> Result<Validity, CaError> {
    let now = now.to_offset(UtcOffset::UTC).truncate_to_second();
    let lifetime = admitted.lifetime().duration();
    let wanted = now.checked_add(lifetime).ok_or(CaError::DateOutOfRange)?;
    if wanted.year() > 9999 {
        return Err(CaError::DateOutOfRange);
    }
    let not_before = now - BACKDATE;
    let Some(limits) = issuer.validity else {
        return Ok(Validity { not_before, not_after: wanted });
    };
    Ok(Validity { not_before: not_before.max(limits.not_before), not_after: wanted.min(limits.not_after) })
}
