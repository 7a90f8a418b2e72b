//! The extensions of certificates and of requests (RFC 5280 section 4.2).

use x509_parser::extensions::{ParsedExtension, X509Extension};

use super::text::dotted;
use super::words::words_of_asn1;
use super::{DistributionPoint, ExtendedKeyUsage, KeyUsage, NameConstraints, SubjectAltName, structure};

/// An extension's value together with its criticality.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marked<T> {
    /// Whether a reader that does not know the extension must refuse the certificate.
    pub critical: bool,
    /// What it says.
    pub value: T,
}

/// Whether the subject is a CA, and how many CAs may follow it (section 4.2.1.9).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BasicConstraints {
    /// Whether the key may sign certificates.
    pub ca: bool,
    /// How many intermediate CAs may follow in a path.
    pub path_len: Option<u32>,
}

/// The key that signed (section 4.2.1.1).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AuthorityKeyIdentifier {
    /// The issuer's subject key identifier.
    pub key_identifier: Option<Vec<u8>>,
    /// Whether it also names the issuer's own issuer and serial number, so that the issuer cannot be re-issued.
    pub names_certificate: bool,
}

impl AuthorityKeyIdentifier {
    pub(super) fn read(id: &x509_parser::extensions::AuthorityKeyIdentifier<'_>) -> Self {
        Self {
            key_identifier: id.key_identifier.as_ref().map(|key| key.0.to_vec()),
            names_certificate: id.authority_cert_serial.is_some() || id.authority_cert_issuer.is_some(),
        }
    }
}

/// How certificate policies are to be processed further down (section 4.2.1.11).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PolicyConstraints {
    /// After how many certificates an acceptable policy must be there.
    pub require_explicit_policy: Option<u32>,
    /// After how many certificates policies may no longer be mapped.
    pub inhibit_policy_mapping: Option<u32>,
}

/// One extension as it stands in the encoding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extension {
    /// Its identifier, dotted.
    pub oid: String,
    /// Whether a reader that does not know it must refuse the certificate.
    pub critical: bool,
    /// The content of its OCTET STRING: the DER of its value.
    pub value: Vec<u8>,
}

/// Names of extensions, of certificates and of lists, as the standards write them.
const NAMES: [(&str, &str); 27] = [
    ("2.5.29.9", "subjectDirectoryAttributes"),
    ("2.5.29.14", "subjectKeyIdentifier"),
    ("2.5.29.15", "keyUsage"),
    ("2.5.29.16", "privateKeyUsagePeriod"),
    ("2.5.29.17", "subjectAltName"),
    ("2.5.29.18", "issuerAltName"),
    ("2.5.29.19", "basicConstraints"),
    ("2.5.29.20", "cRLNumber"),
    ("2.5.29.21", "reasonCode"),
    ("2.5.29.24", "invalidityDate"),
    ("2.5.29.27", "deltaCRLIndicator"),
    ("2.5.29.28", "issuingDistributionPoint"),
    ("2.5.29.29", "certificateIssuer"),
    ("2.5.29.30", "nameConstraints"),
    ("2.5.29.31", "cRLDistributionPoints"),
    ("2.5.29.32", "certificatePolicies"),
    ("2.5.29.33", "policyMappings"),
    ("2.5.29.35", "authorityKeyIdentifier"),
    ("2.5.29.36", "policyConstraints"),
    ("2.5.29.37", "extKeyUsage"),
    ("2.5.29.46", "freshestCRL"),
    ("2.5.29.54", "inhibitAnyPolicy"),
    ("1.3.6.1.5.5.7.1.1", "authorityInfoAccess"),
    ("1.3.6.1.5.5.7.1.11", "subjectInfoAccess"),
    ("1.3.6.1.5.5.7.1.24", "tlsfeature"),
    ("1.3.6.1.4.1.11129.2.4.2", "signedCertificateTimestamps"),
    ("2.16.840.1.113730.1.13", "netscapeComment"),
];

/// The name of an extension by its dotted object identifier, where the standards give it one.
pub fn extension_name(oid: &str) -> Option<&'static str> {
    NAMES.iter().find(|(known, _)| *known == oid).map(|(_, name)| *name)
}

/// Every extension of a certificate or of a request.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Extensions {
    /// Basic constraints.
    pub basic_constraints: Option<Marked<BasicConstraints>>,
    /// Key usage.
    pub key_usage: Option<Marked<KeyUsage>>,
    /// Extended key usage.
    pub extended_key_usage: Option<Marked<Vec<ExtendedKeyUsage>>>,
    /// Subject alternative names.
    pub subject_alt_names: Option<Marked<Vec<SubjectAltName>>>,
    /// Subject key identifier.
    pub subject_key_identifier: Option<Marked<Vec<u8>>>,
    /// Authority key identifier.
    pub authority_key_identifier: Option<Marked<AuthorityKeyIdentifier>>,
    /// Name constraints.
    pub name_constraints: Option<Marked<NameConstraints>>,
    /// Certificate policies: dotted object identifiers (section 4.2.1.4).
    pub certificate_policies: Option<Marked<Vec<String>>>,
    /// Policy mappings: of the issuer's domain and of the subject's, dotted (section 4.2.1.5).
    pub policy_mappings: Option<Marked<Vec<(String, String)>>>,
    /// Policy constraints (section 4.2.1.11).
    pub policy_constraints: Option<Marked<PolicyConstraints>>,
    /// After how many certificates anyPolicy no longer counts (section 4.2.1.14).
    pub inhibit_any_policy: Option<Marked<u32>>,
    /// Where the revocation lists lie (section 4.2.1.13).
    pub crl_distribution_points: Option<Marked<Vec<DistributionPoint>>>,
    /// Every extension in the order of the encoding.
    pub all: Vec<Extension>,
    /// Those that could not be read: dotted object identifier and reason.
    pub malformed: Vec<(String, String)>,
}

const CRL_DISTRIBUTION_POINTS: &str = "2.5.29.31";

/// What this library reads; everything else is known by its identifier only.
const KNOWN: [&str; 12] = [
    "2.5.29.14",
    "2.5.29.15",
    "2.5.29.17",
    "2.5.29.19",
    "2.5.29.30",
    CRL_DISTRIBUTION_POINTS,
    "2.5.29.32",
    "2.5.29.33",
    "2.5.29.35",
    "2.5.29.36",
    "2.5.29.37",
    "2.5.29.54",
];

impl Extensions {
    pub(crate) fn read(extensions: &[X509Extension<'_>]) -> Self {
        let mut out = Self::default();
        for extension in extensions {
            let oid = dotted(&extension.oid);
            if KNOWN.contains(&oid.as_str())
                && let Err(flaw) = structure::extension_value(&oid, extension.value)
            {
                out.malformed.push((oid.clone(), flaw.to_owned()));
            }
            out.read_one(extension, &oid);
            out.all.push(Extension { oid, critical: extension.critical, value: extension.value.to_vec() });
        }
        out
    }

    fn read_one(&mut self, extension: &X509Extension<'_>, oid: &str) {
        let critical = extension.critical;
        match extension.parsed_extension() {
            ParsedExtension::BasicConstraints(constraints) => {
                let value =
                    BasicConstraints { ca: constraints.ca, path_len: constraints.path_len_constraint };
                self.basic_constraints = Some(Marked { critical, value });
            }
            ParsedExtension::KeyUsage(usage) => {
                self.key_usage = Some(Marked { critical, value: KeyUsage::from_flags(usage.flags) });
            }
            ParsedExtension::ExtendedKeyUsage(usage) => {
                self.extended_key_usage = Some(Marked { critical, value: purposes(usage) });
            }
            ParsedExtension::SubjectAlternativeName(san) => {
                let value = san.general_names.iter().map(SubjectAltName::read).collect();
                self.subject_alt_names = Some(Marked { critical, value });
            }
            ParsedExtension::SubjectKeyIdentifier(id) => {
                self.subject_key_identifier = Some(Marked { critical, value: id.0.to_vec() });
            }
            ParsedExtension::AuthorityKeyIdentifier(id) => {
                self.authority_key_identifier =
                    Some(Marked { critical, value: AuthorityKeyIdentifier::read(id) });
            }
            ParsedExtension::NameConstraints(constraints) => {
                self.name_constraints = Some(Marked { critical, value: NameConstraints::read(constraints) });
            }
            ParsedExtension::CertificatePolicies(policies) => {
                let value = policies.iter().map(|policy| policy.policy_id.to_id_string()).collect();
                self.certificate_policies = Some(Marked { critical, value });
            }
            ParsedExtension::PolicyMappings(mappings) => {
                let pair = |mapping: &x509_parser::extensions::PolicyMapping<'_>| {
                    (
                        mapping.issuer_domain_policy.to_id_string(),
                        mapping.subject_domain_policy.to_id_string(),
                    )
                };
                let value = mappings.mappings.iter().map(pair).collect();
                self.policy_mappings = Some(Marked { critical, value });
            }
            ParsedExtension::PolicyConstraints(constraints) => {
                let value = PolicyConstraints {
                    require_explicit_policy: constraints.require_explicit_policy,
                    inhibit_policy_mapping: constraints.inhibit_policy_mapping,
                };
                self.policy_constraints = Some(Marked { critical, value });
            }
            ParsedExtension::InhibitAnyPolicy(skip) => {
                self.inhibit_any_policy = Some(Marked { critical, value: skip.skip_certs });
            }
            _ if oid == CRL_DISTRIBUTION_POINTS => match DistributionPoint::read_all(extension.value) {
                Some(value) => self.crl_distribution_points = Some(Marked { critical, value }),
                None => self.malformed.push((oid.to_owned(), "it is no CRLDistributionPoints".into())),
            },
            // What is wrong may have been said already, in better words.
            ParsedExtension::ParseError { error } if self.malformed.iter().all(|(known, _)| known != oid) => {
                self.malformed.push((oid.to_owned(), words_of_asn1(error).to_owned()));
            }
            _ => {}
        }
    }

    /// The identifiers of extensions that stand there more than once, which RFC 5280 section 4.2 forbids.
    pub fn duplicates(&self) -> Vec<&str> {
        let mut seen = std::collections::BTreeSet::new();
        self.all.iter().map(|extension| extension.oid.as_str()).filter(|oid| !seen.insert(*oid)).collect()
    }

    /// The identifiers of extensions that this library does not read.
    pub fn unknown(&self) -> impl Iterator<Item = &Extension> {
        self.all.iter().filter(|extension| !KNOWN.contains(&extension.oid.as_str()))
    }

    /// The first extension with this dotted object identifier.
    pub fn find(&self, oid: &str) -> Option<&Extension> {
        self.all.iter().find(|extension| extension.oid == oid)
    }

    /// Every subject alternative name; none when the extension is absent.
    pub fn names(&self) -> &[SubjectAltName] {
        self.subject_alt_names.as_ref().map_or(&[], |san| &san.value)
    }

    /// Every purpose; none when the extension is absent.
    pub fn purposes(&self) -> &[ExtendedKeyUsage] {
        self.extended_key_usage.as_ref().map_or(&[], |eku| &eku.value)
    }

    /// Whether basic constraints say that the subject is a CA.
    pub fn is_ca(&self) -> bool {
        self.basic_constraints.as_ref().is_some_and(|constraints| constraints.value.ca)
    }
}

fn purposes(usage: &x509_parser::extensions::ExtendedKeyUsage<'_>) -> Vec<ExtendedKeyUsage> {
    let known = [
        (usage.server_auth, ExtendedKeyUsage::ServerAuth),
        (usage.client_auth, ExtendedKeyUsage::ClientAuth),
        (usage.code_signing, ExtendedKeyUsage::CodeSigning),
        (usage.email_protection, ExtendedKeyUsage::EmailProtection),
        (usage.time_stamping, ExtendedKeyUsage::TimeStamping),
        (usage.ocsp_signing, ExtendedKeyUsage::OcspSigning),
        (usage.any, ExtendedKeyUsage::Any),
    ];
    let other = usage.other.iter().map(|oid| ExtendedKeyUsage::Other(oid.to_id_string()));
    known.into_iter().filter(|(set, _)| *set).map(|(_, purpose)| purpose).chain(other).collect()
}

#[cfg(test)]
pub(super) mod tests {
    use x509_parser::prelude::FromDer;

    use super::super::der::{element, tag};
    use super::*;

    /// What is read of one extension: its identifier's DER and its value's.
    pub(in crate::x509) fn read(oid: &[u8], value: &[u8]) -> Extensions {
        let oid = element(tag::OBJECT_IDENTIFIER, &[oid]);
        let der = element(tag::SEQUENCE, &[&oid, &element(tag::OCTET_STRING, &[value])]);
        Extensions::read(&[X509Extension::from_der(&der).unwrap().1])
    }

    #[test]
    fn bytes_behind_a_value_are_told() {
        const KEY_USAGE: [u8; 3] = [0x55, 0x1d, 15];
        let clean = read(&KEY_USAGE, &[3, 2, 7, 0x80]);
        assert_eq!((clean.malformed.len(), clean.key_usage.unwrap().value), (0, KeyUsage::DIGITAL_SIGNATURE));
        let trailing = read(&KEY_USAGE, &[3, 2, 7, 0x80, 0]);
        assert_eq!(trailing.malformed, [("2.5.29.15".into(), "bytes follow its value".into())]);
    }
}
