//! Certificates: bytes to facts (RFC 5280 section 4.1).

use std::fmt;

use ring::digest;
use time::OffsetDateTime;
use x509_parser::prelude::FromDer;
use x509_parser::x509::AlgorithmIdentifier;

use super::der::{Element, element, read};
use super::text::dotted;
use super::{
    Extensions, Name, PublicKey, SignatureAlgorithm, SignatureFault, X509Error, assemble_signed, structure,
};
use crate::pem;

/// The largest certificate that is read, in bytes: Go reads one of any size from a file, and in a handshake 256 KiB for
/// all of them together.
const LARGEST: usize = 1 << 20;

/// What is said where the frame is sound and something in it is not.
const NO_CERTIFICATE: &str = "a field of it is not what a certificate has there";

/// A serial number: the content of its DER INTEGER, sign and all.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SerialNumber(Vec<u8>);

impl SerialNumber {
    /// The positive number with these bytes, the most significant first.
    pub fn from_unsigned(bytes: &[u8]) -> Self {
        let significant = bytes.iter().position(|&byte| byte != 0).map_or(&[0][..], |at| &bytes[at..]);
        let mut content = Vec::with_capacity(significant.len() + 1);
        if significant.first().is_some_and(|&byte| byte >= 0x80) {
            content.push(0);
        }
        content.extend_from_slice(significant);
        Self(content)
    }

    /// The number with this content of its DER INTEGER.
    pub(super) fn from_content(content: &[u8]) -> Self {
        Self(content.to_vec())
    }

    /// The content of the INTEGER: two's complement, the most significant byte first.
    pub fn content(&self) -> &[u8] {
        &self.0
    }

    /// Whether it is above zero, as section 4.1.2.2 demands.
    pub fn is_positive(&self) -> bool {
        self.0.first().is_some_and(|&byte| byte < 0x80) && self.0.iter().any(|&byte| byte != 0)
    }
}

impl fmt::Display for SerialNumber {
    /// Lower-case hexadecimal without separators, a sign byte left out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let skip = usize::from(self.0.len() > 1 && self.0.first() == Some(&0));
        self.0.iter().skip(skip).try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for SerialNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SerialNumber({self})")
    }
}

/// The first and the last second of a certificate's life, both within it (section 4.1.2.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validity {
    /// The first valid second, in UTC.
    pub not_before: OffsetDateTime,
    /// The last valid second, in UTC.
    pub not_after: OffsetDateTime,
}

impl Validity {
    /// Whether an instant lies within it.
    pub fn contains(&self, instant: OffsetDateTime) -> bool {
        self.not_before <= instant && instant <= self.not_after
    }
}

/// What is signed in a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TbsCertificate {
    /// The version as people count it: 1, 2 or 3.
    pub version: u32,
    /// The serial number.
    pub serial: SerialNumber,
    /// The signature algorithm as a dotted object identifier.
    pub signature_algorithm: String,
    /// The DER of that algorithm's parameters; none when they are absent, which is not the same as NULL.
    pub signature_parameters: Option<Vec<u8>>,
    /// The issuer's name.
    pub issuer: Name,
    /// From when to when it is valid.
    pub validity: Validity,
    /// Whether notBefore and notAfter were written as `GeneralizedTime` and not as `UTCTime` (section 4.1.2.5).
    pub generalized_times: [bool; 2],
    /// The subject's name.
    pub subject: Name,
    /// The subject's public key.
    pub public_key: PublicKey,
    /// The extensions.
    pub extensions: Extensions,
}

impl TbsCertificate {
    /// Reads a to-be-signed certificate in DER.
    ///
    /// # Errors
    /// [`X509Error::Malformed`] when it is not one, or something follows it.
    pub fn from_der(der: &[u8]) -> Result<Self, X509Error> {
        let (rest, tbs) = x509_parser::certificate::TbsCertificate::from_der(der)
            .map_err(|_| malformed(structure::tbs_certificate(der).err().unwrap_or(NO_CERTIFICATE)))?;
        if !rest.is_empty() {
            return Err(malformed("bytes follow it"));
        }
        structure::tbs_certificate(der).map_err(malformed)?;
        Self::read(&tbs)
    }

    fn read(tbs: &x509_parser::certificate::TbsCertificate<'_>) -> Result<Self, X509Error> {
        Ok(Self {
            version: tbs.version.0.saturating_add(1),
            serial: SerialNumber(tbs.raw_serial().to_vec()),
            signature_algorithm: dotted(&tbs.signature.algorithm),
            signature_parameters: algorithm_parameters(&tbs.signature),
            issuer: Name::read(&tbs.issuer)?,
            validity: Validity {
                not_before: tbs.validity.not_before.to_datetime(),
                not_after: tbs.validity.not_after.to_datetime(),
            },
            generalized_times: [
                tbs.validity.not_before.is_generalizedtime(),
                tbs.validity.not_after.is_generalizedtime(),
            ],
            subject: Name::read(&tbs.subject)?,
            public_key: PublicKey::read(&tbs.subject_pki)?,
            extensions: Extensions::read(tbs.extensions()),
        })
    }

    /// Whether issuer and subject are the same name, byte for byte (RFC 5280 section 3.2).
    pub fn is_self_issued(&self) -> bool {
        self.issuer.der() == self.subject.der()
    }
}

/// The DER of an algorithm's parameters; none when they are absent or have a tag of several bytes.
pub(crate) fn algorithm_parameters(algorithm: &AlgorithmIdentifier<'_>) -> Option<Vec<u8>> {
    let any = algorithm.parameters.as_ref()?;
    let number = u8::try_from(any.tag().0).ok().filter(|number| *number < 0x1f)?;
    let tag = (any.header.class() as u8) << 6 | u8::from(any.header.is_constructed()) << 5 | number;
    Some(element(tag, &[any.data]))
}

fn malformed(reason: impl fmt::Display) -> X509Error {
    X509Error::Malformed { what: "certificate", reason: reason.to_string() }
}

/// A certificate: its DER, byte for byte, and what it says.
#[derive(Clone, PartialEq, Eq)]
pub struct Certificate {
    der: Vec<u8>,
    /// What was signed.
    pub tbs: TbsCertificate,
    /// The algorithm beside the signature, as a dotted object identifier; section 4.1.1.2 demands that it
    /// is the one within.
    pub outer_signature_algorithm: String,
    /// The DER of that algorithm's parameters; none when they are absent.
    pub outer_signature_parameters: Option<Vec<u8>>,
}

impl Certificate {
    /// Reads one certificate in DER.
    ///
    /// # Errors
    /// [`X509Error::Malformed`] when it is not one, is over 1 MiB, or something follows it.
    pub fn from_der(der: &[u8]) -> Result<Self, X509Error> {
        if der.len() > LARGEST {
            return Err(malformed("it is larger than 1 MiB"));
        }
        let (rest, certificate) = x509_parser::certificate::X509Certificate::from_der(der)
            .map_err(|_| malformed(structure::certificate(der).err().unwrap_or(NO_CERTIFICATE)))?;
        if !rest.is_empty() {
            return Err(malformed("bytes follow it"));
        }
        structure::certificate(der).map_err(malformed)?;
        Ok(Self {
            der: der.to_vec(),
            tbs: TbsCertificate::read(&certificate.tbs_certificate)?,
            outer_signature_algorithm: dotted(&certificate.signature_algorithm.algorithm),
            outer_signature_parameters: algorithm_parameters(&certificate.signature_algorithm),
        })
    }

    /// The certificate of these facts, just signed: the bytes that they were read from, the algorithm that they name,
    /// and the signature.
    pub(crate) fn of_signed(
        tbs: TbsCertificate,
        to_be_signed: &[u8],
        algorithm: &[u8],
        signature: &[u8],
    ) -> Self {
        Self {
            der: assemble_signed(to_be_signed, algorithm, signature),
            outer_signature_algorithm: tbs.signature_algorithm.clone(),
            outer_signature_parameters: tbs.signature_parameters.clone(),
            tbs,
        }
    }

    /// Reads every certificate of a PEM text, or the one of a DER file.
    ///
    /// # Errors
    /// [`X509Error::Pem`] and [`X509Error::InBlock`] with the line; [`X509Error::NoCertificate`] when there is none.
    pub fn all_from_pem_or_der(bytes: &[u8]) -> Result<Vec<Self>, X509Error> {
        if bytes.first() == Some(&super::der::tag::SEQUENCE) {
            return Self::from_der(bytes).map(|certificate| vec![certificate]);
        }
        let blocks = pem::parse(bytes)?;
        let certificates = blocks.iter().filter(|block| block.label == pem::CERTIFICATE);
        let certificates = certificates
            .map(|block| {
                Self::from_der(&block.der).map_err(|error| X509Error::InBlock {
                    line: block.span.first_line,
                    source: Box::new(error),
                })
            })
            .collect::<Result<Vec<_>, _>>()?;
        if certificates.is_empty() {
            return Err(X509Error::NoCertificate { found: blocks.first().map(|block| block.label.clone()) });
        }
        Ok(certificates)
    }

    /// Reads the first certificate of a PEM text, which is the one that Kubernetes' components take
    /// for their own, or the one of a DER file.
    ///
    /// # Errors
    /// As [`Certificate::all_from_pem_or_der`].
    pub fn from_pem_or_der(bytes: &[u8]) -> Result<Self, X509Error> {
        let mut all = Self::all_from_pem_or_der(bytes)?;
        Ok(all.swap_remove(0))
    }

    /// Its DER.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// Its PEM block, with a final newline.
    pub fn to_pem(&self) -> String {
        pem::encode(pem::CERTIFICATE, &self.der).to_string()
    }

    /// The SHA-256 of its DER, in lower-case hexadecimal.
    pub fn fingerprint(&self) -> String {
        sha256_hex(&self.der)
    }

    /// The DER of what was signed.
    pub fn tbs_der(&self) -> &[u8] {
        self.parts().map_or(&[], |[tbs, _, _]| tbs.whole)
    }

    /// Its three parts: what was signed, the algorithm, the signature.
    fn parts(&self) -> Option<[Element<'_>; 3]> {
        let (whole, _) = read(&self.der)?;
        let (tbs, rest) = read(whole.content)?;
        let (algorithm, rest) = read(rest)?;
        let (signature, _) = read(rest)?;
        Some([tbs, algorithm, signature])
    }

    /// How it was signed.
    pub fn signature_algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::new(&self.tbs.signature_algorithm, self.tbs.signature_parameters.as_deref())
    }

    /// Whether its signature is by this key. Nothing else is checked: see RFC 5280 section 6 for the rest.
    ///
    /// # Errors
    /// [`SignatureFault`] when it is not, or is of an algorithm that nobody should accept (MD5, SHA-1).
    pub fn verify_signature(&self, key: &PublicKey) -> Result<(), SignatureFault> {
        if self.outer_signature_algorithm != self.tbs.signature_algorithm
            || self.outer_signature_parameters != self.tbs.signature_parameters
        {
            return Err(SignatureFault::AlgorithmsDiffer);
        }
        let [tbs, _, signature] = self.parts().ok_or(SignatureFault::Malformed)?;
        // Signatures are of whole bytes.
        let [0, bits @ ..] = signature.content else { return Err(SignatureFault::Malformed) };
        self.signature_algorithm().verify(key, tbs.whole, bits)
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Certificate({}, serial {})", self.tbs.subject, self.tbs.serial)
    }
}

/// The SHA-256 of some bytes.
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest::digest(&digest::SHA256, bytes).as_ref());
    hash
}

/// The SHA-256 of some bytes, in lower-case hexadecimal.
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex(digest::digest(&digest::SHA256, bytes).as_ref())
}

/// Bytes in lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| char::from(DIGITS[usize::from(nibble & 0xf)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(*byte)]).collect()
}
