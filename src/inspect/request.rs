//! Certification requests as they stand (PKCS #10, RFC 2986).

use super::ber::{self, Examined};
use super::document::unreadable;
use super::oddity;
use super::{Content, Item};
use crate::request::SigningRequest;
use crate::x509::der::{Element, elements, object_identifier, read, tag};
use crate::x509::{Printable, SignatureAlgorithm, SignatureFault, sha256_hex};

/// A certification request as it stands in its file.
#[derive(Debug)]
pub struct RequestFacts {
    /// What it asks for.
    pub request: SigningRequest,
    /// How it is signed.
    pub signature_algorithm: SignatureAlgorithm,
    /// Whether it is signed by the key that it is for (RFC 2986 section 3), or why not.
    pub possession: Result<(), SignatureFault>,
    /// Its attributes as dotted object identifiers. Their values are not kept: one may be a password.
    pub attributes: Vec<String>,
    der: Vec<u8>,
}

impl RequestFacts {
    /// Its bytes as they stand.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The SHA-256 of its bytes as they stand, in lower-case hexadecimal.
    pub fn fingerprint(&self) -> String {
        sha256_hex(&self.der)
    }
}

/// The fields of a request, as far as they are where they belong.
#[derive(Default)]
pub(super) struct Parts<'a> {
    pub(super) version: Option<Element<'a>>,
    pub(super) subject: Option<Element<'a>>,
    pub(super) key: Option<Element<'a>>,
    /// Each attribute; none where the list itself is missing.
    pub(super) attributes: Option<Vec<Element<'a>>>,
    pub(super) algorithm: Option<Element<'a>>,
    pub(super) signature: Option<Element<'a>>,
}

impl<'a> Parts<'a> {
    fn of(der: &'a [u8]) -> Option<Self> {
        let (whole, _) = read(der)?;
        let outer = elements(whole.content)?;
        let info = elements(outer.first()?.content)?;
        let attributes = info.get(3).filter(|list| list.tag == 0xa0);
        Some(Self {
            version: info.first().copied(),
            subject: info.get(1).copied(),
            key: info.get(2).copied(),
            attributes: attributes.and_then(|list| elements(list.content)),
            algorithm: outer.get(1).copied(),
            signature: outer.get(2).copied(),
        })
    }

    fn signature_algorithm(&self) -> Option<SignatureAlgorithm> {
        let (oid, parameters) = read(self.algorithm?.content)?;
        let parameters = read(parameters).map(|(parameters, _)| parameters.whole);
        Some(SignatureAlgorithm::new(&object_identifier(oid.content)?, parameters))
    }
}

/// Reads a request.
pub(super) fn item(examined: &Examined<'_>) -> Item {
    let der = examined.der();
    let parts = Parts::of(der).unwrap_or_default();
    let mut item = match SigningRequest::from_der(der) {
        Ok(request) => {
            let attribute = |attribute: &Element<'_>| {
                read(attribute.content)
                    .filter(|(oid, _)| oid.tag == tag::OBJECT_IDENTIFIER)
                    .and_then(|(oid, _)| object_identifier(oid.content))
            };
            let unknown = SignatureAlgorithm::Unsupported("unreadable".into());
            let signature_algorithm = parts.signature_algorithm().unwrap_or(unknown);
            let possession = prove(examined.whole, &request, &signature_algorithm);
            let attributes = parts.attributes.iter().flatten().filter_map(attribute).collect();
            let der = examined.whole.to_vec();
            let malformed = unreadable(&request.extensions.malformed, oddity::section);
            let facts = RequestFacts { request, signature_algorithm, possession, attributes, der };
            let mut item = Item::new(Content::Request(Box::new(facts)));
            item.oddities = malformed;
            item
        }
        Err(error) => Item::broken("certificate signing request", Printable(&error.to_string()).to_string()),
    };
    item.oddities.extend(oddity::request(&parts));
    item
}

/// Checks the signature over the bytes as they stand, by the key that is within.
fn prove(
    as_read: &[u8],
    request: &SigningRequest,
    algorithm: &SignatureAlgorithm,
) -> Result<(), SignatureFault> {
    let parts = ber::parts(as_read);
    let Some([(_, _, info), _, (_, signature, _)]) = parts.as_deref() else {
        return Err(SignatureFault::Malformed);
    };
    algorithm.verify(&request.public_key, info, signature.get(1..).unwrap_or_default())
}
