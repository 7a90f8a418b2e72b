//! Certificate revocation lists (RFC 5280 section 5), and where certificates say that theirs lie (section 4.2.1.13).

use std::collections::{HashMap, HashSet};
use std::fmt;

use time::OffsetDateTime;
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::prelude::FromDer;
use x509_parser::revocation_list::CertificateRevocationList;

use super::der::{Element, elements, read, tag};
use super::text::dotted;
use super::words::words_of_asn1;
use super::{
    AuthorityKeyIdentifier, Extension, Marked, Name, PublicKey, SerialNumber, SignatureAlgorithm,
    SignatureFault, SubjectAltName, X509Error, sha256_hex, structure,
};
use crate::pem;

/// The largest list that is read, in bytes: 64 MiB hold over a million entries, more than any public CA ever listed.
const LARGEST: usize = 64 << 20;

/// Extensions of a list that this library reads: authority key identifier, CRL number, issuing distribution point,
/// and the delta CRL indicator.
const KNOWN: [&str; 4] = ["2.5.29.35", "2.5.29.20", ISSUING_DISTRIBUTION_POINT, DELTA_INDICATOR];
/// Extensions of an entry that this library reads: reason code, invalidity date, certificate issuer.
const KNOWN_OF_ENTRIES: [&str; 3] = ["2.5.29.21", "2.5.29.24", CERTIFICATE_ISSUER];
const ISSUING_DISTRIBUTION_POINT: &str = "2.5.29.28";
const DELTA_INDICATOR: &str = "2.5.29.27";
const CERTIFICATE_ISSUER: &str = "2.5.29.29";

/// Where a revocation list lies, by which its scope is told (section 4.2.1.13).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DistributionPointName {
    /// Its names.
    Full(Vec<SubjectAltName>),
    /// The DER of the attributes that are to be added to the name of the list's issuer.
    RelativeToIssuer(Vec<u8>),
}

/// One place where a certificate's revocation is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DistributionPoint {
    /// The place.
    pub name: Option<DistributionPointName>,
    /// The reasons that the list there covers, bit n for reason n; all when absent.
    pub reasons: Option<u16>,
    /// Who signs the list, where that is not the certificate's issuer.
    pub crl_issuer: Vec<Name>,
}

/// The scope of a revocation list (section 5.2.5).
#[expect(clippy::struct_excessive_bools, reason = "the standard has these fields")]
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct IssuingDistributionPoint {
    /// Its place.
    pub name: Option<DistributionPointName>,
    /// Only certificates of end entities.
    pub only_user_certificates: bool,
    /// Only certificates of CAs.
    pub only_ca_certificates: bool,
    /// Only attribute certificates.
    pub only_attribute_certificates: bool,
    /// Only these reasons, bit n for reason n.
    pub only_reasons: Option<u16>,
    /// Whether it lists certificates of other issuers than its own.
    pub indirect: bool,
}

// x509-parser loses names that are relative to the issuer, and with them the scope of a list: these two extensions are
// read here.

impl DistributionPoint {
    /// Reads the value of a cRLDistributionPoints extension.
    pub(super) fn read_all(value: &[u8]) -> Option<Vec<Self>> {
        let (list, rest) = read(value)?;
        let points = elements(list.content)?;
        let sound = rest.is_empty() && list.tag == tag::SEQUENCE && !points.is_empty();
        points.iter().map(|point| Self::read(point.content)).collect::<Option<Vec<_>>>().filter(|_| sound)
    }

    fn read(content: &[u8]) -> Option<Self> {
        let mut out = Self { name: None, reasons: None, crl_issuer: Vec::new() };
        for field in elements(content)? {
            match field.tag {
                0xa0 => out.name = Some(point_name(field.content)?),
                0x81 => out.reasons = Some(bits(field.content)?),
                0xa2 => out.crl_issuer = directory_names(field.content)?,
                _ => return None,
            }
        }
        Some(out)
    }
}

impl IssuingDistributionPoint {
    /// Reads the value of an issuingDistributionPoint extension.
    fn read(value: &[u8]) -> Option<Self> {
        let (sequence, rest) = read(value)?;
        let mut out = Self::default();
        for field in elements(sequence.content)? {
            match (field.tag, field.content) {
                (0xa0, content) => out.name = Some(point_name(content)?),
                (0x81, [0xff]) => out.only_user_certificates = true,
                (0x82, [0xff]) => out.only_ca_certificates = true,
                (0x83, content) => out.only_reasons = Some(bits(content)?),
                (0x84, [0xff]) => out.indirect = true,
                (0x85, [0xff]) => out.only_attribute_certificates = true,
                // FALSE is the default, and better left out.
                (0x81 | 0x82 | 0x84 | 0x85, [0]) => {}
                _ => return None,
            }
        }
        (rest.is_empty() && sequence.tag == tag::SEQUENCE).then_some(out)
    }
}

fn point_name(content: &[u8]) -> Option<DistributionPointName> {
    let (name, []) = read(content)? else { return None };
    match name.tag {
        0xa0 => general_names(name.content).map(DistributionPointName::Full),
        0xa1 => Some(DistributionPointName::RelativeToIssuer(name.content.to_vec())),
        _ => None,
    }
}

fn general_names(content: &[u8]) -> Option<Vec<SubjectAltName>> {
    let name = |element: &Element<'_>| {
        let (_, name) = GeneralName::from_der(element.whole).ok()?;
        Some(SubjectAltName::read(&name))
    };
    elements(content)?.iter().map(name).collect()
}

fn directory_names(content: &[u8]) -> Option<Vec<Name>> {
    let directory = |name| match name {
        SubjectAltName::Directory(name) => Some(name),
        _ => None,
    };
    Some(general_names(content)?.into_iter().filter_map(directory).collect())
}

/// The first sixteen bits of a BIT STRING, the first one as bit 0.
fn bits(content: &[u8]) -> Option<u16> {
    let (_, bytes) = content.split_first()?;
    let flags = bytes.iter().take(2).zip([0, 8]).map(|(byte, shift)| u16::from(byte.reverse_bits()) << shift);
    Some(flags.fold(0, |all, some| all | some))
}

/// One revoked certificate (section 5.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevokedCertificate {
    /// Since when.
    pub date: OffsetDateTime,
    /// Why (section 5.3.1), as a number; unspecified when absent.
    pub reason: Option<u8>,
}

impl RevokedCertificate {
    /// The reason in the words of section 5.3.1.
    pub fn reason_name(&self) -> &'static str {
        match self.reason {
            Some(1) => "keyCompromise",
            Some(2) => "cACompromise",
            Some(3) => "affiliationChanged",
            Some(4) => "superseded",
            Some(5) => "cessationOfOperation",
            Some(6) => "certificateHold",
            Some(8) => "removeFromCRL",
            Some(9) => "privilegeWithdrawn",
            Some(10) => "aACompromise",
            _ => "unspecified",
        }
    }
}

/// A certificate revocation list: its DER, byte for byte, and what it says.
#[derive(Clone, PartialEq, Eq)]
pub struct RevocationList {
    der: Vec<u8>,
    /// The version as people count it: 1 or 2.
    pub version: u32,
    /// Whose list it is.
    pub issuer: Name,
    /// When it was issued.
    pub this_update: OffsetDateTime,
    /// When the next one is due at the latest.
    pub next_update: Option<OffsetDateTime>,
    /// Its number (section 5.2.3), as the content of an INTEGER.
    pub number: Option<Vec<u8>>,
    /// The key that signed it.
    pub authority_key_identifier: Option<AuthorityKeyIdentifier>,
    /// Its scope.
    pub issuing_distribution_point: Option<Marked<IssuingDistributionPoint>>,
    /// Every extension in the order of the encoding.
    pub extensions: Vec<Extension>,
    /// Extensions that could not be read: dotted object identifier and reason.
    pub malformed: Vec<(String, String)>,
    /// The signature algorithm as a dotted object identifier.
    pub signature_algorithm: String,
    /// The DER of that algorithm's parameters; none when they are absent.
    pub signature_parameters: Option<Vec<u8>>,
    /// Whether the algorithm beside the signature is the one that was signed.
    pub algorithms_agree: bool,
    /// Whether a certificate stands on it twice.
    pub has_duplicates: bool,
    /// The first extension of an entry that is critical and not known.
    unknown_in_entries: Option<String>,
    /// Whose certificates it revokes: the list's own issuer, and what entries of an indirect list name.
    issuers: Vec<Name>,
    /// By the place of the issuer among those, and serial number: a list may have a million entries.
    entries: HashMap<(u32, SerialNumber), RevokedCertificate>,
}

impl fmt::Debug for RevocationList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RevocationList({}, {} entries)", self.issuer, self.entries.len())
    }
}

fn malformed(reason: impl fmt::Display) -> X509Error {
    X509Error::Malformed { what: "certificate revocation list", reason: reason.to_string() }
}

impl RevocationList {
    /// Reads one list in DER.
    ///
    /// # Errors
    /// [`X509Error::Malformed`] when it is not one, is over 64 MiB, or something follows it.
    pub fn from_der(der: &[u8]) -> Result<Self, X509Error> {
        if der.len() > LARGEST {
            return Err(malformed("it is larger than 64 MiB"));
        }
        let (rest, list) = CertificateRevocationList::from_der(der).map_err(|_| {
            let flaw = structure::revocation_list(der).err();
            malformed(flaw.unwrap_or("a field of it is not what a revocation list has there"))
        })?;
        if !rest.is_empty() {
            return Err(malformed("bytes follow it"));
        }
        structure::revocation_list(der).map_err(malformed)?;
        let tbs = &list.tbs_cert_list;
        let mut out = Self {
            der: der.to_vec(),
            version: tbs.version.map_or(1, |version| version.0.saturating_add(1)),
            issuer: Name::read(&tbs.issuer)?,
            this_update: tbs.this_update.to_datetime(),
            next_update: tbs.next_update.map(|time| time.to_datetime()),
            number: None,
            authority_key_identifier: None,
            issuing_distribution_point: None,
            extensions: Vec::new(),
            malformed: Vec::new(),
            signature_algorithm: dotted(&tbs.signature.algorithm),
            signature_parameters: super::certificate::algorithm_parameters(&tbs.signature),
            algorithms_agree: tbs.signature == list.signature_algorithm,
            has_duplicates: false,
            unknown_in_entries: None,
            issuers: Vec::new(),
            entries: HashMap::new(),
        };
        for extension in tbs.extensions() {
            out.read_extension(extension);
        }
        out.read_entries(tbs)?;
        Ok(out)
    }

    fn read_extension(&mut self, extension: &x509_parser::extensions::X509Extension<'_>) {
        let (oid, critical) = (dotted(&extension.oid), extension.critical);
        if KNOWN.contains(&oid.as_str())
            && let Err(flaw) = structure::extension_value(&oid, extension.value)
        {
            self.malformed.push((oid.clone(), flaw.to_owned()));
        }
        match extension.parsed_extension() {
            ParsedExtension::AuthorityKeyIdentifier(id) => {
                self.authority_key_identifier = Some(AuthorityKeyIdentifier::read(id));
            }
            ParsedExtension::CRLNumber(_) => {
                self.number = read(extension.value).map(|(number, _)| number.content.to_vec());
            }
            _ if oid == ISSUING_DISTRIBUTION_POINT => match IssuingDistributionPoint::read(extension.value) {
                Some(value) => self.issuing_distribution_point = Some(Marked { critical, value }),
                None => self.malformed.push((oid.clone(), "it is no IssuingDistributionPoint".into())),
            },
            ParsedExtension::ParseError { error }
                if self.malformed.iter().all(|(known, _)| *known != oid) =>
            {
                self.malformed.push((oid.clone(), words_of_asn1(error).to_owned()));
            }
            _ => {}
        }
        self.extensions.push(Extension { oid, critical, value: extension.value.to_vec() });
    }

    /// An entry that names no certificate issuer has that of the entry before it, and the first the list's own
    /// (section 5.3.3).
    fn read_entries(&mut self, tbs: &x509_parser::revocation_list::TbsCertList<'_>) -> Result<(), X509Error> {
        let mut issuer = 0;
        let mut places = HashMap::from([(self.issuer.clone(), issuer)]);
        self.entries.reserve(tbs.revoked_certificates.len());
        for revoked in &tbs.revoked_certificates {
            let mut entry = RevokedCertificate { date: revoked.revocation_date.to_datetime(), reason: None };
            for extension in revoked.extensions() {
                let oid = dotted(&extension.oid);
                match extension.parsed_extension() {
                    ParsedExtension::ReasonCode(reason) => entry.reason = Some(reason.0),
                    _ if oid == CERTIFICATE_ISSUER => {
                        let name = certificate_issuer(extension.value)
                            .ok_or_else(|| malformed("the certificate issuer of an entry is no name"))?;
                        let next = u32::try_from(places.len()).unwrap_or(u32::MAX);
                        issuer = *places.entry(name).or_insert(next);
                    }
                    _ if extension.critical && !KNOWN_OF_ENTRIES.contains(&oid.as_str()) => {
                        self.unknown_in_entries.get_or_insert(oid);
                    }
                    _ => {}
                }
            }
            let serial = SerialNumber::from_content(shortest(revoked.raw_serial()));
            self.has_duplicates |= self.entries.insert((issuer, serial), entry).is_some();
        }
        let mut issuers: Vec<_> = places.into_iter().collect();
        issuers.sort_unstable_by_key(|(_, place)| *place);
        self.issuers = issuers.into_iter().map(|(name, _)| name).collect();
        Ok(())
    }

    /// Its DER.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// Its PEM block, with a final newline.
    pub fn to_pem(&self) -> String {
        pem::encode(pem::X509_CRL, &self.der).to_string()
    }

    /// The SHA-256 of its DER, in lower-case hexadecimal.
    pub fn fingerprint(&self) -> String {
        sha256_hex(&self.der)
    }

    /// How many certificates it revokes.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether it names issuers of certificates other than its own, which an indirect list alone may (section 5.3.3).
    pub fn names_other_issuers(&self) -> bool {
        self.issuers.iter().any(|issuer| *issuer != self.issuer)
    }

    /// Whether it revokes none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Every entry, in no particular order: the certificate's issuer, its serial number and the facts.
    pub fn entries(&self) -> impl Iterator<Item = (&Name, &SerialNumber, &RevokedCertificate)> {
        self.entries.iter().map(|((issuer, serial), entry)| {
            let place = usize::try_from(*issuer).ok();
            (place.and_then(|place| self.issuers.get(place)).unwrap_or(&self.issuer), serial, entry)
        })
    }

    /// The entry of a certificate by its serial number and its issuer, of whom the caller knows by which names it goes.
    pub fn entry(
        &self,
        serial: &SerialNumber,
        is_issuer: impl Fn(&Name) -> bool,
    ) -> Option<&RevokedCertificate> {
        let serial = SerialNumber::from_content(shortest(serial.content()));
        self.issuers.iter().zip(0..).find_map(|(issuer, place)| {
            self.entries.get(&(place, serial.clone())).filter(|_| is_issuer(issuer))
        })
    }

    /// The extension with this dotted object identifier.
    pub fn find(&self, oid: &str) -> Option<&Extension> {
        self.extensions.iter().find(|extension| extension.oid == oid)
    }

    /// Whether it holds only what changed since another list (section 5.2.4).
    pub fn is_delta(&self) -> bool {
        self.extensions.iter().any(|extension| extension.oid == DELTA_INDICATOR)
    }

    /// The number of the complete list from which a delta list starts (section 5.2.4), as the content of an INTEGER.
    pub fn base_number(&self) -> Option<&[u8]> {
        read(&self.find(DELTA_INDICATOR)?.value).map(|(number, _)| number.content)
    }

    /// The first extension, of the list or of an entry, that is critical and not known.
    pub fn unknown_critical(&self) -> Option<&str> {
        let own = self
            .extensions
            .iter()
            .find(|extension| extension.critical && !KNOWN.contains(&extension.oid.as_str()));
        own.map(|extension| extension.oid.as_str()).or(self.unknown_in_entries.as_deref())
    }

    /// The first extension that stands there more than once: it would not be known which of them counts.
    pub fn duplicate_extension(&self) -> Option<&str> {
        let mut seen = HashSet::new();
        self.extensions.iter().map(|extension| extension.oid.as_str()).find(|oid| !seen.insert(*oid))
    }

    /// Whether its signature is by this key.
    ///
    /// # Errors
    /// Why it is not, or cannot be told.
    pub fn verify_signature(&self, key: &PublicKey) -> Result<(), SignatureFault> {
        if !self.algorithms_agree {
            return Err(SignatureFault::AlgorithmsDiffer);
        }
        let parts = read(&self.der).and_then(|(list, _)| elements(list.content));
        let Some([tbs, _, signature]) = parts.as_deref() else { return Err(SignatureFault::Malformed) };
        let algorithm =
            SignatureAlgorithm::new(&self.signature_algorithm, self.signature_parameters.as_deref());
        // Signatures are of whole bytes.
        let [0, bits @ ..] = signature.content else { return Err(SignatureFault::Malformed) };
        algorithm.verify(key, tbs.whole, bits)
    }
}

/// The content of an INTEGER in its shortest form (X.690 section 8.3.2), whatever form it is in.
fn shortest(mut content: &[u8]) -> &[u8] {
    while let [0, 0..0x80, ..] | [0xff, 0x80..=0xff, ..] = content {
        content = content.get(1..).unwrap_or_default();
    }
    content
}

/// The first directory name of a certificate issuer extension (section 5.3.3).
fn certificate_issuer(value: &[u8]) -> Option<Name> {
    let (names, _) = read(value)?;
    // directoryName is [4], explicit since a Name is a choice.
    let name = elements(names.content)?.into_iter().find(|name| name.tag == 0xa4)?;
    Name::from_der(name.content).ok()
}
