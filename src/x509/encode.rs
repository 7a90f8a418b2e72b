//! Facts to bytes: what is to be signed in a certificate or in a request.
//!
//! rcgen encodes the extensions and the frame. A name is a map there, with one value for each type of
//! attribute (rustls/rcgen#418), so two organizations would become one; and it knows keys only by the
//! signature algorithms it has. Hence it is given placeholders for the names and the keys, and the exact
//! bytes are put in their places here. This file goes when rcgen can do without it.

use std::sync::Mutex;

use rcgen::{
    BasicConstraints as RcgenConstraints, CertificateParams, CidrSubnet, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, GeneralSubtree as RcgenSubtree, IsCa, Issuer, KeyIdMethod, KeyUsagePurpose,
    PublicKeyData, SanType, SignatureAlgorithm, SigningKey,
};

use super::der::{bit_string, element, elements, read, tag};
use super::{
    BasicConstraints, ExtendedKeyUsage, GeneralSubtree, KeyUsage, Name, NameConstraints, PublicKey,
    SerialNumber, SubjectAltName, Validity, X509Error,
};

/// Everything that a certificate is to say (RFC 5280 section 4.1.2).
#[derive(Debug, Clone, Copy)]
pub struct CertificateTemplate<'a> {
    /// The serial number.
    pub serial: &'a SerialNumber,
    /// The `AlgorithmIdentifier` of the signature that will follow, in DER.
    pub signature_algorithm: &'a [u8],
    /// The issuer's name; byte for byte the subject of the issuer's certificate.
    pub issuer: &'a Name,
    /// From when to when it is valid, in whole seconds.
    pub validity: Validity,
    /// The subject's name.
    pub subject: &'a Name,
    /// The subject's public key.
    pub public_key: &'a PublicKey,
    /// The subject key identifier.
    pub subject_key_identifier: &'a [u8],
    /// The issuer's subject key identifier.
    pub authority_key_identifier: &'a [u8],
    /// The subject alternative names; critical when the subject is empty.
    pub subject_alt_names: &'a [SubjectAltName],
    /// The key usage; critical.
    pub key_usage: KeyUsage,
    /// The extended key usage; left out when empty.
    pub extended_key_usage: &'a [ExtendedKeyUsage],
    /// The basic constraints; critical.
    pub basic_constraints: BasicConstraints,
    /// The name constraints; critical; left out when empty.
    pub name_constraints: &'a NameConstraints,
}

impl CertificateTemplate<'_> {
    /// The to-be-signed certificate, in DER.
    ///
    /// # Errors
    /// [`X509Error::Encode`] when a value has no encoding.
    pub fn encode(&self) -> Result<Vec<u8>, X509Error> {
        let mut params =
            params(self.subject, self.subject_alt_names, self.key_usage, self.extended_key_usage)?;
        params.not_before = self.validity.not_before;
        params.not_after = self.validity.not_after;
        params.serial_number = Some(self.serial.content().to_vec().into());
        params.use_authority_key_identifier_extension = true;
        params.key_identifier_method = KeyIdMethod::PreSpecified(self.subject_key_identifier.to_vec());
        params.is_ca = match self.basic_constraints {
            BasicConstraints { ca: false, .. } => IsCa::ExplicitNoCa,
            BasicConstraints { ca: true, path_len: None } => IsCa::Ca(RcgenConstraints::Unconstrained),
            BasicConstraints { ca: true, path_len: Some(length) } => {
                let length = u8::try_from(length).map_err(|_| {
                    X509Error::Encode("a path length above 255 has no use and no encoding".into())
                })?;
                IsCa::Ca(RcgenConstraints::Constrained(length))
            }
        };
        if !self.name_constraints.is_empty() {
            params.name_constraints = Some(rcgen::NameConstraints {
                permitted_subtrees: subtrees(&self.name_constraints.permitted)?,
                excluded_subtrees: subtrees(&self.name_constraints.excluded)?,
            });
        }
        let mut issuer = CertificateParams::default();
        issuer.key_identifier_method = KeyIdMethod::PreSpecified(self.authority_key_identifier.to_vec());
        let capture = Capture::default();
        params.signed_by(&capture, &Issuer::from_params(&issuer, &capture)).map_err(encode_error)?;
        // TBSCertificate: version, serialNumber, signature, issuer, validity, subject, subjectPublicKeyInfo, extensions
        capture.with_replaced(&[
            (2, self.signature_algorithm),
            (3, self.issuer.der()),
            (5, self.subject.der()),
            (6, self.public_key.der()),
        ])
    }
}

/// Everything that a certification request is to ask for (RFC 2986 section 4.1).
#[derive(Debug, Clone, Copy)]
pub struct RequestTemplate<'a> {
    /// The wanted subject.
    pub subject: &'a Name,
    /// The key that the certificate is for.
    pub public_key: &'a PublicKey,
    /// The wanted subject alternative names.
    pub subject_alt_names: &'a [SubjectAltName],
    /// The wanted key usage; left out when empty.
    pub key_usage: KeyUsage,
    /// The wanted extended key usage; left out when empty.
    pub extended_key_usage: &'a [ExtendedKeyUsage],
    /// Whether a CA certificate is wanted.
    pub ca: bool,
}

impl RequestTemplate<'_> {
    /// The `CertificationRequestInfo`, in DER.
    ///
    /// # Errors
    /// [`X509Error::Encode`] when a value has no encoding.
    pub fn encode(&self) -> Result<Vec<u8>, X509Error> {
        let mut params =
            params(self.subject, self.subject_alt_names, self.key_usage, self.extended_key_usage)?;
        if self.ca {
            params.is_ca = IsCa::Ca(RcgenConstraints::Unconstrained);
        }
        let capture = Capture::default();
        params.serialize_request(&capture).map_err(encode_error)?;
        // CertificationRequestInfo: version, subject, subjectPKInfo, attributes
        capture.with_replaced(&[(1, self.subject.der()), (2, self.public_key.der())])
    }
}

/// Signed bytes, the algorithm and the signature as one certificate or request: `SIGNED{…}` of RFC 5280 section 4.1.
pub fn assemble_signed(to_be_signed: &[u8], signature_algorithm: &[u8], signature: &[u8]) -> Vec<u8> {
    element(tag::SEQUENCE, &[to_be_signed, signature_algorithm, &bit_string(signature)])
}

/// A key that signs nothing and keeps what it was asked to sign.
#[derive(Default)]
struct Capture(Mutex<Vec<u8>>);

impl PublicKeyData for Capture {
    fn der_bytes(&self) -> &[u8] {
        &[0; 32]
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &rcgen::PKCS_ED25519
    }
}

impl SigningKey for Capture {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        *self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = message.to_vec();
        Ok(Vec::new())
    }
}

impl Capture {
    /// What was to be signed, with these of its elements replaced.
    fn with_replaced(self, replacements: &[(usize, &[u8])]) -> Result<Vec<u8>, X509Error> {
        let captured = self.0.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
        let parts = read(&captured)
            .and_then(|(sequence, _)| elements(sequence.content))
            .ok_or_else(|| X509Error::Encode("the encoder's own bytes are not DER".into()))?;
        let mut parts: Vec<&[u8]> = parts.iter().map(|part| part.whole).collect();
        for &(at, bytes) in replacements {
            let part =
                parts.get_mut(at).ok_or_else(|| X509Error::Encode("the encoder left out a field".into()))?;
            *part = bytes;
        }
        Ok(element(tag::SEQUENCE, &parts))
    }
}

/// What an encoder would not write: a name with characters that its kind of string cannot hold, for one.
fn encode_error(_: impl std::fmt::Display) -> X509Error {
    X509Error::Encode("a name or another value in it has no form in a certificate".to_owned())
}

/// The parameters that certificates and requests share.
fn params(
    subject: &Name,
    sans: &[SubjectAltName],
    usage: KeyUsage,
    purposes: &[ExtendedKeyUsage],
) -> Result<CertificateParams, X509Error> {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    if !subject.is_empty() {
        // rcgen marks the subject alternative names critical by the emptiness of this placeholder.
        params.distinguished_name.push(DnType::CommonName, "placeholder");
    }
    params.subject_alt_names = sans.iter().map(san).collect::<Result<_, _>>()?;
    params.key_usages =
        KEY_USAGES.iter().filter(|(bit, _)| usage.contains(*bit)).map(|(_, name)| *name).collect();
    if params.key_usages.len() != usage.names().count() {
        return Err(X509Error::Encode(format!("no certificate of a cluster has the key usage {usage}")));
    }
    params.extended_key_usages = purposes.iter().map(purpose).collect::<Result<_, _>>()?;
    Ok(params)
}

/// The bits that certificates of a cluster use.
const KEY_USAGES: [(KeyUsage, KeyUsagePurpose); 4] = [
    (KeyUsage::DIGITAL_SIGNATURE, KeyUsagePurpose::DigitalSignature),
    (KeyUsage::KEY_ENCIPHERMENT, KeyUsagePurpose::KeyEncipherment),
    (KeyUsage::KEY_CERT_SIGN, KeyUsagePurpose::KeyCertSign),
    (KeyUsage::CRL_SIGN, KeyUsagePurpose::CrlSign),
];

fn san(name: &SubjectAltName) -> Result<SanType, X509Error> {
    Ok(match name {
        SubjectAltName::Dns(dns) => SanType::DnsName(dns.as_str().try_into().map_err(encode_error)?),
        SubjectAltName::Ip(ip) => SanType::IpAddress(*ip),
        SubjectAltName::Email(email) => SanType::Rfc822Name(email.as_str().try_into().map_err(encode_error)?),
        SubjectAltName::Uri(uri) => SanType::URI(uri.as_str().try_into().map_err(encode_error)?),
        SubjectAltName::Directory(_) | SubjectAltName::Other(..) => {
            return Err(X509Error::Encode(format!(
                "a subject alternative name of the kind {} is never written",
                name.kind()
            )));
        }
    })
}

fn purpose(purpose: &ExtendedKeyUsage) -> Result<ExtendedKeyUsagePurpose, X509Error> {
    Ok(match purpose {
        ExtendedKeyUsage::ServerAuth => ExtendedKeyUsagePurpose::ServerAuth,
        ExtendedKeyUsage::ClientAuth => ExtendedKeyUsagePurpose::ClientAuth,
        ExtendedKeyUsage::CodeSigning => ExtendedKeyUsagePurpose::CodeSigning,
        ExtendedKeyUsage::EmailProtection => ExtendedKeyUsagePurpose::EmailProtection,
        ExtendedKeyUsage::TimeStamping => ExtendedKeyUsagePurpose::TimeStamping,
        ExtendedKeyUsage::OcspSigning => ExtendedKeyUsagePurpose::OcspSigning,
        ExtendedKeyUsage::Any => ExtendedKeyUsagePurpose::Any,
        ExtendedKeyUsage::Other(oid) => {
            let arcs =
                oid.split('.').map(str::parse).collect::<Result<Vec<u64>, _>>().map_err(encode_error)?;
            ExtendedKeyUsagePurpose::Other(arcs)
        }
    })
}

fn subtrees(subtrees: &[GeneralSubtree]) -> Result<Vec<RcgenSubtree>, X509Error> {
    subtrees
        .iter()
        .map(|subtree| match subtree {
            GeneralSubtree::Dns(domain) => Ok(RcgenSubtree::DnsName(domain.clone())),
            GeneralSubtree::Email(domain) => Ok(RcgenSubtree::Rfc822Name(domain.clone())),
            GeneralSubtree::Ip(address, prefix) => {
                Ok(RcgenSubtree::IpAddress(CidrSubnet::from_addr_prefix(*address, *prefix)))
            }
            GeneralSubtree::Uri(_) | GeneralSubtree::Directory(_) | GeneralSubtree::Other(_) => {
                Err(X509Error::Encode(format!("the name constraint {subtree} is never written")))
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::super::{Certificate, TbsCertificate};
    use super::*;

    /// `AlgorithmIdentifier` of ecdsa-with-SHA256 (RFC 5758 section 3.2).
    const ECDSA_SHA256: &[u8] = &[0x30, 0x0a, 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2];
    /// An Ed25519 public key (RFC 8410 section 10.1).
    const SPKI: &[u8] = &[
        0x30, 0x2a, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 3, 0x21, 0, 0x19, 0xbf, 0x44, 0x09, 0x69, 0x84, 0xcd,
        0xfe, 0x85, 0x41, 0xba, 0xc1, 0x67, 0xdc, 0x3b, 0x96, 0xc8, 0x50, 0x86, 0xaa, 0x30, 0xb6, 0xb6, 0xcb,
        0x0c, 0x5c, 0x38, 0xad, 0x70, 0x31, 0x66, 0xe1,
    ];

    #[test]
    fn what_is_encoded_says_exactly_what_the_template_says() {
        let subject = Name::new(Some("jane"), &["dev", "ops"]).unwrap();
        let issuer = Name::new(Some("kubernetes"), &["a", "b"]).unwrap();
        let sans: Vec<SubjectAltName> =
            ["a.example", "10.0.0.1", "2001:db8::1", "email:a@b.example", "uri:spiffe://x/y"]
                .iter()
                .map(|san| san.parse().unwrap())
                .collect();
        let constraints = NameConstraints {
            permitted: vec!["dns:example.com".parse().unwrap(), "ip:10.0.0.0/8".parse().unwrap()],
            excluded: vec!["ip:2001:db8::/32".parse().unwrap(), "email:b.example".parse().unwrap()],
        };
        let serial = SerialNumber::from_unsigned(&[0xff; 16]);
        let template = CertificateTemplate {
            serial: &serial,
            signature_algorithm: ECDSA_SHA256,
            issuer: &issuer,
            // The second date is written as GeneralizedTime (RFC 5280 section 4.1.2.5).
            validity: Validity {
                not_before: datetime!(2026-11-23 12:00:00 UTC),
                not_after: datetime!(2126-11-23 12:00:00 UTC),
            },
            subject: &subject,
            public_key: &PublicKey::from_der(SPKI).unwrap(),
            subject_key_identifier: &[1; 20],
            authority_key_identifier: &[2; 20],
            subject_alt_names: &sans,
            key_usage: KeyUsage::DIGITAL_SIGNATURE | KeyUsage::KEY_CERT_SIGN | KeyUsage::CRL_SIGN,
            extended_key_usage: &[ExtendedKeyUsage::ServerAuth, ExtendedKeyUsage::ClientAuth],
            basic_constraints: BasicConstraints { ca: true, path_len: Some(0) },
            name_constraints: &constraints,
        };
        let tbs = TbsCertificate::from_der(&template.encode().unwrap()).unwrap();
        assert_eq!((tbs.version, &tbs.serial), (3, &serial));
        assert_eq!((&tbs.subject, &tbs.issuer, tbs.validity), (&subject, &issuer, template.validity));
        assert_eq!(tbs.public_key.der(), SPKI);
        assert_eq!(tbs.signature_algorithm, "1.2.840.10045.4.3.2");
        let extensions = &tbs.extensions;
        assert_eq!(extensions.names(), sans);
        assert!(!extensions.subject_alt_names.as_ref().unwrap().critical);
        assert_eq!(extensions.key_usage.as_ref().unwrap().value, template.key_usage);
        assert_eq!(extensions.purposes(), template.extended_key_usage);
        assert_eq!(extensions.basic_constraints.as_ref().unwrap().value, template.basic_constraints);
        assert_eq!(extensions.name_constraints.as_ref().unwrap().value, constraints);
        assert_eq!(extensions.subject_key_identifier.as_ref().unwrap().value, [1; 20]);
        let authority = &extensions.authority_key_identifier.as_ref().unwrap().value;
        assert_eq!(authority.key_identifier.as_deref(), Some(&[2; 20][..]));
        assert!(extensions.malformed.is_empty() && extensions.duplicates().is_empty());

        let whole = assemble_signed(&template.encode().unwrap(), ECDSA_SHA256, &[0; 8]);
        let certificate = Certificate::from_der(&whole).unwrap();
        assert_eq!(certificate.tbs, tbs);
        assert!(certificate.verify_signature(&tbs.public_key).is_err());
    }

    #[test]
    fn an_empty_subject_makes_the_alternative_names_critical() {
        let template = CertificateTemplate {
            serial: &SerialNumber::from_unsigned(&[1]),
            signature_algorithm: ECDSA_SHA256,
            issuer: &Name::new(Some("ca"), &[""; 0]).unwrap(),
            validity: Validity {
                not_before: datetime!(2026-11-23 12:00:00 UTC),
                not_after: datetime!(2027-11-23 12:00:00 UTC),
            },
            subject: &Name::new(None, &[""; 0]).unwrap(),
            public_key: &PublicKey::from_der(SPKI).unwrap(),
            subject_key_identifier: &[1; 20],
            authority_key_identifier: &[2; 20],
            subject_alt_names: &["a.example".parse().unwrap()],
            key_usage: KeyUsage::DIGITAL_SIGNATURE,
            extended_key_usage: &[ExtendedKeyUsage::ServerAuth],
            basic_constraints: BasicConstraints::default(),
            name_constraints: &NameConstraints::default(),
        };
        let tbs = TbsCertificate::from_der(&template.encode().unwrap()).unwrap();
        assert!(tbs.subject.is_empty());
        assert!(tbs.extensions.subject_alt_names.unwrap().critical);
        assert!(tbs.extensions.name_constraints.is_none());
        assert!(!tbs.extensions.basic_constraints.unwrap().value.ca);
    }
}
