//! What the rules look at.

use time::OffsetDateTime;

use super::Role;
use crate::x509::{Certificate, ExtendedKeyUsage, KeyUsage, TbsCertificate};

/// What a certificate is meant to be, as its profile or its place says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Expected {
    /// It signs certificates.
    pub ca: bool,
    /// It stands for a TLS server.
    pub server: bool,
    /// It stands for a TLS client.
    pub client: bool,
}

/// One certificate and what is known around it.
#[derive(Debug, Clone, Copy)]
pub struct CertificateEvidence<'a> {
    /// What is, or is to be, signed.
    pub tbs: &'a TbsCertificate,
    /// The certificate of its issuer, where it is known; of a self-signed certificate, itself.
    pub issuer: Option<&'a TbsCertificate>,
    /// The algorithm beside the signature; none while nothing is signed.
    pub outer_signature: Option<OuterSignature<'a>>,
    /// What it is meant to be. Without it, the certificate's own word is taken.
    pub expected: Option<Expected>,
    /// The part that it plays, where that is known.
    pub role: Option<Role>,
    /// The instant that is judged; none while nothing is signed.
    pub now: Option<OffsetDateTime>,
}

/// The algorithm beside a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OuterSignature<'a> {
    /// The algorithm as a dotted object identifier.
    pub algorithm: &'a str,
    /// The DER of its parameters; none when they are absent.
    pub parameters: Option<&'a [u8]>,
}

impl<'a> CertificateEvidence<'a> {
    /// A certificate that nobody has signed yet, with nothing known around it.
    pub fn new(tbs: &'a TbsCertificate) -> Self {
        Self { tbs, issuer: None, outer_signature: None, expected: None, role: None, now: None }
    }

    /// A certificate that is signed, with nothing known around it.
    pub fn of_certificate(certificate: &'a Certificate) -> Self {
        let outer_signature = OuterSignature {
            algorithm: &certificate.outer_signature_algorithm,
            parameters: certificate.outer_signature_parameters.as_deref(),
        };
        Self { outer_signature: Some(outer_signature), ..Self::new(&certificate.tbs) }
    }

    /// Whether it is, or is meant to be, a CA. A self-issued certificate that may sign others is one
    /// even where its basic constraints fail to say so.
    pub(super) fn is_ca(&self) -> bool {
        self.expected.map_or_else(
            || {
                self.tbs.extensions.is_ca()
                    || self.key_usage().contains(KeyUsage::KEY_CERT_SIGN) && self.tbs.is_self_issued()
            },
            |expected| expected.ca,
        )
    }

    /// Whether it stands, or is meant to stand, for a TLS server.
    pub(super) fn is_server(&self) -> bool {
        self.expected.map_or_else(
            || !self.is_ca() && self.may_be(&ExtendedKeyUsage::ServerAuth),
            |expected| expected.server,
        )
    }

    /// Whether it stands, or is meant to stand, for a TLS client.
    pub(super) fn is_client(&self) -> bool {
        self.expected.map_or_else(
            || !self.is_ca() && self.may_be(&ExtendedKeyUsage::ClientAuth),
            |expected| expected.client,
        )
    }

    /// The bits of its key usage; none when the extension is absent.
    pub(super) fn key_usage(&self) -> KeyUsage {
        self.tbs.extensions.key_usage.as_ref().map(|usage| usage.value).unwrap_or_default()
    }

    fn may_be(&self, purpose: &ExtendedKeyUsage) -> bool {
        let purposes = self.tbs.extensions.purposes();
        purposes.contains(purpose) || purposes.contains(&ExtendedKeyUsage::Any)
    }
}
