//! Certificates of a CA that nobody trusts, made in memory: to be refused, and to stand in for servers whose own
//! certificates are not in a tree. Their keys are forgotten with the process.

use std::sync::{Arc, OnceLock};

use time::{Duration, OffsetDateTime};

use super::RehearseError;
use super::files::{FileName, Trust};
use crate::chain::{Located, Source};
use crate::key::{KeyAlgorithm, KeyPair};
use crate::tls::Identity;
use crate::x509::{
    BasicConstraints, Certificate, CertificateTemplate, ExtendedKeyUsage, KeyUsage, Name, NameConstraints,
    PublicKey, SerialNumber, SubjectAltName, Validity, X509Error, assemble_signed,
};

/// The name of the server that stands in: the metrics server's, as an example of an extension API server.
pub(super) const STAND_IN: &str = "metrics-server.kube-system.svc";

/// A CA of its own, and one key for everybody that it signs.
pub(super) struct Foreign {
    authority: KeyPair,
    authority_key: PublicKey,
    holder: KeyPair,
    holder_key: PublicKey,
    holder_identifier: Vec<u8>,
    serial: SerialNumber,
    at: OffsetDateTime,
    /// The server that stands in, made when it is first needed.
    stand_in: OnceLock<(Identity, Arc<Trust>)>,
}

/// What a made certificate is to imitate.
pub(super) struct Likeness<'a> {
    /// The certificate that it looks like, if there is one.
    pub(super) of: Option<&'a Certificate>,
    /// The names that it holds, for a server.
    pub(super) names: Vec<SubjectAltName>,
    pub(super) purpose: ExtendedKeyUsage,
}

impl Foreign {
    pub(super) fn new(at: OffsetDateTime) -> Result<Self, RehearseError> {
        let made = || KeyPair::generate(KeyAlgorithm::EcdsaP256).map_err(|error| made_nothing(&error));
        let public =
            |key: &KeyPair| PublicKey::from_der(key.public_key_der()).map_err(|error| made_nothing(&error));
        let (authority, holder) = (made()?, made()?);
        let (authority_key, holder_key) = (public(&authority)?, public(&holder)?);
        let holder_identifier = holder_key.key_identifier();
        // Positive, and as random as the key.
        let serial = SerialNumber::from_unsigned(&holder_identifier);
        Ok(Self {
            authority,
            authority_key,
            holder,
            holder_key,
            holder_identifier,
            serial,
            at,
            stand_in: OnceLock::new(),
        })
    }

    /// A certificate with the subject of another one, and with the name and the key identifier of its issuer, but signed
    /// by a key that is not the issuer's.
    pub(super) fn forged(&self, likeness: &Likeness<'_>) -> Result<Identity, RehearseError> {
        let nobody = Name::new(Some("foreign"), &[""; 0]).map_err(|error| made_nothing(&error))?;
        let (subject, issuer) =
            likeness.of.map_or((&nobody, &nobody), |of| (&of.tbs.subject, &of.tbs.issuer));
        let extensions = likeness.of.map(|of| &of.tbs.extensions);
        let stated = extensions.and_then(|extensions| extensions.authority_key_identifier.as_ref());
        let stated = stated.and_then(|identifier| identifier.value.key_identifier.clone());
        let identifier = stated.unwrap_or_else(|| self.authority_key.key_identifier());
        self.identity(subject, issuer, &identifier, likeness)
    }

    /// A server under a CA of its own, which is called [`STAND_IN`], and that CA as trust.
    pub(super) fn stand_in(&self) -> Result<(Identity, Arc<Trust>), RehearseError> {
        if let Some(known) = self.stand_in.get() {
            return Ok(known.clone());
        }
        let made = self.make_stand_in()?;
        Ok(self.stand_in.get_or_init(|| made).clone())
    }

    fn make_stand_in(&self) -> Result<(Identity, Arc<Trust>), RehearseError> {
        let failed = |error: X509Error| made_nothing(&error);
        let name = |text: &str| Name::new(Some(text), &[""; 0]).map_err(failed);
        let (authority, subject) = (name("stand-in CA")?, name("stand-in")?);
        let identifier = self.authority_key.key_identifier();
        let no_constraints = NameConstraints::default();
        let root = self.sign(&CertificateTemplate {
            public_key: &self.authority_key,
            subject_key_identifier: &identifier,
            key_usage: KeyUsage::KEY_CERT_SIGN,
            basic_constraints: BasicConstraints { ca: true, path_len: None },
            ..self.template(&authority, &authority, &identifier, &[], &[], &no_constraints)
        })?;
        let names = vec![SubjectAltName::Dns(STAND_IN.to_owned())];
        let likeness = Likeness { of: None, names, purpose: ExtendedKeyUsage::ServerAuth };
        let identity = self.identity(&subject, &authority, &identifier, &likeness)?;
        let file = FileName { path: "a CA made for this".into(), short: "a CA made for this".into() };
        let source = Source { file: file.path.clone(), ..Source::default() };
        let anchors = Ok(vec![Located { certificate: root, source }]);
        Ok((identity, Arc::new(Trust { name: file, anchors })))
    }

    fn identity(
        &self,
        subject: &Name,
        issuer: &Name,
        issuer_identifier: &[u8],
        likeness: &Likeness<'_>,
    ) -> Result<Identity, RehearseError> {
        let purposes = [likeness.purpose.clone()];
        let no_constraints = NameConstraints::default();
        let certificate = self.sign(&self.template(
            subject,
            issuer,
            issuer_identifier,
            &likeness.names,
            &purposes,
            &no_constraints,
        ))?;
        Identity::new(&[certificate], &self.holder).map_err(|error| made_nothing(&error))
    }

    fn template<'t>(
        &'t self,
        subject: &'t Name,
        issuer: &'t Name,
        issuer_identifier: &'t [u8],
        names: &'t [SubjectAltName],
        purposes: &'t [ExtendedKeyUsage],
        no_constraints: &'t NameConstraints,
    ) -> CertificateTemplate<'t> {
        // Whole seconds, and an hour to both sides: the time is not to be why they are refused.
        let at = self.at.replace_nanosecond(0).unwrap_or(self.at);
        CertificateTemplate {
            serial: &self.serial,
            signature_algorithm: self.authority.signature_algorithm_der(),
            issuer,
            validity: Validity {
                not_before: at.saturating_sub(Duration::HOUR),
                not_after: at.saturating_add(Duration::HOUR),
            },
            subject,
            public_key: &self.holder_key,
            subject_key_identifier: &self.holder_identifier,
            authority_key_identifier: issuer_identifier,
            subject_alt_names: names,
            key_usage: KeyUsage::DIGITAL_SIGNATURE,
            extended_key_usage: purposes,
            basic_constraints: BasicConstraints { ca: false, path_len: None },
            name_constraints: no_constraints,
        }
    }

    fn sign(&self, template: &CertificateTemplate<'_>) -> Result<Certificate, RehearseError> {
        let to_be_signed = template.encode().map_err(|error| made_nothing(&error))?;
        let signature = self.authority.sign(&to_be_signed).map_err(|error| made_nothing(&error))?;
        let der = assemble_signed(&to_be_signed, template.signature_algorithm, &signature);
        Certificate::from_der(&der).map_err(|error| made_nothing(&error))
    }
}

fn made_nothing(error: &dyn std::error::Error) -> RehearseError {
    RehearseError::StandIn { reason: error.to_string() }
}
