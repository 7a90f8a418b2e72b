//! Certificates as they stand, with what a strict reader would not hand out.

use serde::Serialize;
use std::sync::{Arc, OnceLock};

use super::ber::{self, Examined};
use super::document::unreadable;
use super::oddity;
use super::{Content, Item};
use crate::key::algorithm_name;
use crate::x509::der::{Element, elements, object_identifier, read, tag};
use crate::x509::{Certificate, Name, Printable, PublicKey, SignatureFault, SubjectAltName, hex, sha256};

/// A certificate as it stands in its file.
#[derive(Debug)]
pub struct CertificateFacts {
    /// What it says.
    pub certificate: Certificate,
    /// What OpenSSL wrote behind it (`openssl x509 -trustout`).
    pub trust: Option<Trust>,
    /// Its bytes, where they are not DER.
    as_read: Option<Vec<u8>>,
    digests: OnceLock<Digests>,
}

/// SHA-256 of a certificate's bytes as they stand, and of its `SubjectPublicKeyInfo`.
#[derive(Debug, Clone, Copy)]
pub struct Digests {
    /// Of the certificate.
    pub certificate: [u8; 32],
    /// Of its public key.
    pub public_key: [u8; 32],
}

/// OpenSSL's own settings behind a certificate (`X509_CERT_AUX`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Trust {
    /// The purposes that it is trusted for, as dotted object identifiers.
    pub trusted: Vec<String>,
    /// Those that it is rejected for.
    pub rejected: Vec<String>,
    /// What its owner calls it, safe to show.
    pub alias: Option<String>,
}

impl CertificateFacts {
    /// Its bytes as they stand.
    pub fn der(&self) -> &[u8] {
        self.as_read.as_deref().unwrap_or_else(|| self.certificate.der())
    }

    /// What it is known by. It is worked out once.
    pub fn digests(&self) -> Digests {
        *self.digests.get_or_init(|| self.digests_with(sha256(self.der())))
    }

    /// Keeps the SHA-256 of its bytes, which somebody has worked out.
    pub(super) fn is_known_by(&self, digest: [u8; 32]) {
        self.digests.get_or_init(|| self.digests_with(digest));
    }

    fn digests_with(&self, certificate: [u8; 32]) -> Digests {
        Digests { certificate, public_key: sha256(self.certificate.tbs.public_key.der()) }
    }

    /// The SHA-256 of its bytes as they stand, in lower-case hexadecimal.
    pub fn fingerprint(&self) -> String {
        hex(&self.digests().certificate)
    }

    /// Whether its signature, over its bytes as they stand, is by this key.
    ///
    /// # Errors
    /// Why it is not, or cannot be told.
    pub fn verify_signature(&self, key: &PublicKey) -> Result<(), SignatureFault> {
        let Some(as_read) = &self.as_read else { return self.certificate.verify_signature(key) };
        let parts = ber::parts(as_read);
        let Some([(_, _, tbs), _, (_, signature, _)]) = parts.as_deref() else {
            return Err(SignatureFault::Malformed);
        };
        let signature = signature.get(1..).unwrap_or_default();
        self.certificate.signature_algorithm().verify(key, tbs, signature)
    }

    /// Where its issuer's certificate and the answers about it are (RFC 5280 section 4.2.2.1): the method, `OCSP` or
    /// `caIssuers` or a dotted object identifier, and the place.
    pub fn authority_information(&self) -> Vec<(String, String)> {
        self.access("1.3.6.1.5.5.7.1.1")
    }

    /// Where the subject's services are (RFC 5280 section 4.2.2.2): the method and the place.
    pub fn subject_information(&self) -> Vec<(String, String)> {
        self.access("1.3.6.1.5.5.7.1.11")
    }

    fn access(&self, oid: &str) -> Vec<(String, String)> {
        const METHODS: [(&str, &str); 4] = [
            ("1.3.6.1.5.5.7.48.1", "OCSP"),
            ("1.3.6.1.5.5.7.48.2", "caIssuers"),
            ("1.3.6.1.5.5.7.48.3", "timeStamping"),
            ("1.3.6.1.5.5.7.48.5", "caRepository"),
        ];
        let one = |description: Element<'_>| {
            let (method, location) = read(description.content)?;
            let method = object_identifier(method.content)?;
            let known = METHODS.iter().find(|(known, _)| *known == method);
            let location = SubjectAltName::from_der(location).ok()?;
            Some((known.map_or(method, |(_, name)| (*name).to_owned()), location.to_string()))
        };
        self.list(oid).into_iter().filter_map(one).collect()
    }

    /// The issuer's alternative names (RFC 5280 section 4.2.1.7).
    pub fn issuer_alternative_names(&self) -> Vec<String> {
        let names = self.list("2.5.29.18").into_iter();
        names
            .filter_map(|name| SubjectAltName::from_der(name.whole).ok())
            .map(|name| name.to_string())
            .collect()
    }

    /// Its policies (RFC 5280 section 4.2.1.4): each with the addresses of its practice statements, safe to show.
    pub fn policies(&self) -> Vec<(String, Vec<String>)> {
        /// `id-qt-cps`.
        const CPS: &str = "1.3.6.1.5.5.7.2.1";
        let qualifier = |qualifier: &Element<'_>| {
            let (oid, value) = read(qualifier.content)?;
            let uri = read(value)?.0.content;
            (object_identifier(oid.content)? == CPS)
                .then(|| Printable(&String::from_utf8_lossy(uri)).to_string())
        };
        let one = |policy: Element<'_>| {
            let (oid, qualifiers) = read(policy.content)?;
            let qualifiers =
                read(qualifiers).and_then(|(list, _)| elements(list.content)).unwrap_or_default();
            Some((object_identifier(oid.content)?, qualifiers.iter().filter_map(qualifier).collect()))
        };
        self.list("2.5.29.32").into_iter().filter_map(one).collect()
    }

    /// The elements of an extension whose value is a SEQUENCE; none where it is not there.
    fn list(&self, oid: &str) -> Vec<Element<'_>> {
        let value = self.certificate.tbs.extensions.find(oid).map(|extension| extension.value.as_slice());
        let sequence = value.and_then(read).map(|(sequence, _)| sequence.content);
        sequence.and_then(elements).unwrap_or_default()
    }
}

/// The fields of a certificate, as far as they are where they belong.
#[derive(Default)]
pub(super) struct Parts<'a> {
    /// The content of the explicit version.
    pub(super) version: Option<Element<'a>>,
    pub(super) serial: Option<Element<'a>>,
    pub(super) algorithm: Option<Element<'a>>,
    pub(super) issuer: Option<Element<'a>>,
    pub(super) validity: Option<Element<'a>>,
    pub(super) subject: Option<Element<'a>>,
    pub(super) key: Option<Element<'a>>,
    /// The unique identifiers of issuer and subject.
    pub(super) unique: usize,
    pub(super) extensions: Option<Element<'a>>,
    /// The algorithm beside the signature.
    pub(super) outer_algorithm: Option<Element<'a>>,
    pub(super) signature: Option<Element<'a>>,
}

impl<'a> Parts<'a> {
    pub(super) fn of(der: &'a [u8]) -> Option<Self> {
        let (whole, _) = read(der)?;
        let outer = elements(whole.content)?;
        let (tbs, _) = read(whole.content)?;
        let fields = elements(tbs.content)?;
        let mut fields = fields.into_iter().peekable();
        let version = fields.next_if(|field| field.tag == 0xa0);
        let mut parts = Self {
            version,
            serial: fields.next(),
            algorithm: fields.next(),
            issuer: fields.next(),
            validity: fields.next(),
            subject: fields.next(),
            key: fields.next(),
            outer_algorithm: outer.get(1).copied(),
            signature: outer.get(2).copied(),
            ..Self::default()
        };
        for field in fields {
            match field.tag {
                0x81 | 0x82 | 0xa1 | 0xa2 => parts.unique += 1,
                0xa3 => parts.extensions = read(field.content).map(|(list, _)| list),
                _ => {}
            }
        }
        Some(parts)
    }

    /// What can be told where no reader takes the whole.
    fn facts(&self) -> Vec<(&'static str, String)> {
        let name = |element: Element<'_>| match Name::from_der(element.whole) {
            Ok(name) => name.to_string(),
            Err(_) => format!("unreadable, {}", hex(element.whole)),
        };
        let times = self.validity.and_then(|validity| elements(validity.content)).unwrap_or_default();
        let text = |time: &Element<'_>| Printable(&String::from_utf8_lossy(time.content)).to_string();
        let key = |element: Element<'_>| match PublicKey::from_der(element.whole) {
            Ok(key) => algorithm_name(key.kind()),
            Err(error) => error.to_string(),
        };
        let serial = self.serial.filter(|serial| serial.tag == tag::INTEGER);
        [
            ("subject", self.subject.map(name)),
            ("issuer", self.issuer.map(name)),
            ("serial", serial.map(|serial| hex(serial.content))),
            ("notBefore", times.first().map(text)),
            ("notAfter", times.get(1).map(text)),
            ("key", self.key.map(key)),
        ]
        .into_iter()
        .filter_map(|(field, value)| Some((field, value?)))
        .collect()
    }
}

/// Reads a certificate; `rest` stands behind it in its file or block.
pub(super) fn item(examined: &Examined<'_>, trusted: bool) -> Item {
    let der = examined.der();
    let parts = Parts::of(der).unwrap_or_default();
    let mut item = match Certificate::from_der(der) {
        Ok(certificate) => {
            let as_read = examined.rewritten.is_some().then(|| examined.whole.to_vec());
            let malformed = unreadable(&certificate.tbs.extensions.malformed, oddity::section);
            let trust = (trusted || !examined.rest.is_empty()).then(|| trust(examined.rest)).flatten();
            let facts = CertificateFacts { certificate, trust, as_read, digests: OnceLock::new() };
            let mut item = Item::new(Content::Certificate(Arc::new(facts)));
            item.oddities = malformed;
            item
        }
        Err(error) => {
            let mut item = Item::broken("certificate", Printable(&error.to_string()).to_string());
            item.content = Content::Broken { what: "certificate", facts: parts.facts() };
            item
        }
    };
    item.oddities.extend(oddity::certificate(&parts));
    item
}

/// `X509_CERT_AUX`: the purposes that are trusted, `[0]` those that are rejected, an alias, a key identifier.
fn trust(behind: &[u8]) -> Option<Trust> {
    let (aux, rest) = read(behind)?;
    if aux.tag != tag::SEQUENCE || !rest.is_empty() {
        return None;
    }
    let identifiers = |list: &Element<'_>| {
        let all = elements(list.content)?;
        let one = |oid: &Element<'_>| {
            (oid.tag == tag::OBJECT_IDENTIFIER).then(|| object_identifier(oid.content)).flatten()
        };
        all.iter().map(one).collect::<Option<Vec<_>>>()
    };
    let mut trust = Trust::default();
    for field in elements(aux.content)? {
        match field.tag {
            tag::SEQUENCE => trust.trusted = identifiers(&field)?,
            0xa0 => trust.rejected = identifiers(&field)?,
            tag::UTF8_STRING => {
                trust.alias = Some(Printable(&String::from_utf8_lossy(field.content)).to_string());
            }
            _ => {}
        }
    }
    Some(trust)
}
