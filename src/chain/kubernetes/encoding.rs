//! Which encodings Go's `ParseCertificate` refuses. A certificate that Go cannot read is to Kubernetes no certificate:
//! a pool of CAs leaves it out without a word.

use super::super::{Fault, Reason};
use super::extensions;
use crate::x509::der::{Element, read, tag};
use crate::x509::{Certificate, Extensions, PublicKeyKind};

/// Why a certificate is refused, in the words of this module.
pub(super) type Refusal = String;

/// Of extensions that are not handled so many are told.
const MOST_TOLD: usize = 16;

/// What Go reads of the extensions of a certificate, and what speaks against it wherever it stands: an encoding that Go
/// does not read, or a critical extension that it does not handle.
pub(in crate::chain) fn read_certificate(certificate: &Certificate) -> (Extensions, Vec<Fault>) {
    let subject = &certificate.tbs.subject;
    match read_all(certificate) {
        Err(refusal) => {
            // Go reads P-224 too; nothing here verifies with it.
            let reader = if is_on_p224(certificate) { "kpki" } else { "Go" };
            let detail = format!("{reader} cannot read {subject}: {refusal}");
            (Extensions::default(), vec![Fault::new(Reason::Encoding, detail)])
        }
        Ok((extensions, unhandled)) => {
            let fault = |oid: String| {
                let name = extensions::name(&oid);
                let detail = format!("{subject} has the critical extension {name}, which Go does not handle");
                Fault::new(Reason::UnknownCritical, detail)
            };
            (extensions, unhandled.into_iter().take(MOST_TOLD).map(fault).collect())
        }
    }
}

/// DER, element by element, as Go's cryptobyte reads it.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn peek(self) -> Option<u8> {
        self.0.first().copied()
    }

    pub(super) fn any(&mut self) -> Option<Element<'a>> {
        let (element, rest) = read(self.0)?;
        self.0 = rest;
        Some(element)
    }

    /// The content of the next element, which must have this tag.
    pub(super) fn take(&mut self, wanted: u8) -> Option<Reader<'a>> {
        let (element, rest) = read(self.0)?;
        if element.tag != wanted {
            return None;
        }
        self.0 = rest;
        Some(Reader(element.content))
    }

    /// The same, or nothing where another tag comes.
    #[expect(clippy::option_option, reason = "broken, absent and there are three")]
    pub(super) fn optional(&mut self, wanted: u8) -> Option<Option<Reader<'a>>> {
        if self.peek() == Some(wanted) { self.take(wanted).map(Some) } else { Some(None) }
    }

    /// The content of an INTEGER in its shortest form.
    pub(super) fn integer(&mut self) -> Option<&'a [u8]> {
        self.take(INTEGER).map(|content| content.0).filter(|content| is_shortest(content))
    }

    /// A BIT STRING: the count of unused bits and the bytes, the unused bits zero.
    pub(super) fn bits(&mut self) -> Option<(u8, &'a [u8])> {
        let content = self.take(tag::BIT_STRING)?;
        let (&unused, bytes) = content.0.split_first()?;
        let padding = (1_u16 << unused.min(8)) - 1;
        let clean = bytes.last().map_or(unused == 0, |last| u16::from(*last) & padding == 0);
        (unused <= 7 && clean).then_some((unused, bytes))
    }

    /// The content of an object identifier whose arcs have at most 31 bits.
    pub(super) fn oid(&mut self) -> Option<&'a [u8]> {
        let content = self.take(tag::OBJECT_IDENTIFIER)?.0;
        let mut arc: u64 = 0;
        let mut first = true;
        for byte in content {
            if first && *byte == 0x80 {
                return None;
            }
            arc = arc << 7 | u64::from(byte & 0x7f);
            first = byte & 0x80 == 0;
            if arc > MOST_OF_AN_ARC {
                return None;
            }
            if first {
                arc = 0;
            }
        }
        (!content.is_empty() && first).then_some(content)
    }
}

pub(super) const BOOLEAN: u8 = 0x01;
pub(super) const INTEGER: u8 = 0x02;
pub(super) const OCTET_STRING: u8 = 0x04;
/// An arc of an object identifier fits into 31 bits, for Go runs on 32-bit machines too.
const MOST_OF_AN_ARC: u64 = (1 << 31) - 1;

/// DER's shortest form of an INTEGER (X.690 section 8.3.2).
pub(super) fn is_shortest(content: &[u8]) -> bool {
    match content {
        [] => false,
        [0x00, second, ..] => *second >= 0x80,
        [0xff, second, ..] => *second < 0x80,
        _ => true,
    }
}

pub(super) fn is_negative(content: &[u8]) -> bool {
    content.first().is_some_and(|byte| *byte >= 0x80)
}

/// The extensions and which of them are critical and not handled, or why nothing is read at all. Extensions are those of
/// version 3, where they stand right behind the key and the unique identifiers.
fn read_all(certificate: &Certificate) -> Result<(Extensions, Vec<String>), Refusal> {
    let mut outer = Reader(certificate.der()).take(tag::SEQUENCE).ok_or("it is no SEQUENCE")?;
    let mut tbs = outer.take(tag::SEQUENCE).ok_or("its to-be-signed part is no SEQUENCE")?;
    let version = version(&mut tbs)?;
    let serial = tbs.integer().ok_or("its serial number is no INTEGER in its shortest form")?;
    if is_negative(serial) {
        return Err("its serial number is negative".into());
    }
    let inner_algorithm = tbs.take(tag::SEQUENCE).ok_or("its signature algorithm cannot be read")?;
    let outer_algorithm =
        outer.take(tag::SEQUENCE).ok_or("the algorithm beside its signature cannot be read")?;
    if inner_algorithm.0 != outer_algorithm.0 {
        return Err("the algorithm beside its signature is not the one that was signed".into());
    }
    algorithm(inner_algorithm).ok_or("its signature algorithm cannot be read")?;
    name(&mut tbs).map_err(|problem| format!("its issuer: {problem}"))?;
    let mut validity = tbs.take(tag::SEQUENCE).ok_or("its validity cannot be read")?;
    for end in ["notBefore", "notAfter"] {
        time(&mut validity).ok_or_else(|| format!("its {end} is not in a form that is read"))?;
    }
    name(&mut tbs).map_err(|problem| format!("its subject: {problem}"))?;
    public_key(tbs.take(tag::SEQUENCE).ok_or("its public key cannot be read")?, certificate)?;
    let mut extensions = Default::default();
    if version > 1 {
        for unique_id in [0x81, 0x82] {
            tbs.optional(unique_id).ok_or("a unique identifier cannot be read")?;
        }
    }
    if version == 3
        && let Some(mut list) = tbs.optional(0xa3).ok_or("its extensions cannot be read")?
    {
        let list = list.take(tag::SEQUENCE).ok_or("its extensions cannot be read")?;
        extensions = extensions::read(list)?;
    }
    outer.bits().ok_or("its signature is no BIT STRING")?;
    Ok(extensions)
}

/// The version as people count it.
fn version(tbs: &mut Reader<'_>) -> Result<u8, Refusal> {
    let Some(mut explicit) = tbs.optional(0xa0).ok_or("its version cannot be read")? else { return Ok(1) };
    let content = explicit.integer().filter(|_| explicit.is_empty()).ok_or("its version cannot be read")?;
    match content {
        [number @ 0..=2] => Ok(number + 1),
        _ => Err("there is no such version".into()),
    }
}

/// An algorithm's identifier and, if they are there, its parameters.
fn algorithm(mut content: Reader<'_>) -> Option<(&[u8], Option<Element<'_>>)> {
    let oid = content.oid()?;
    if content.is_empty() {
        return Some((oid, None));
    }
    content.any().map(|parameters| (oid, Some(parameters)))
}

/// A name: attributes of strings that keep to their alphabets.
fn name(tbs: &mut Reader<'_>) -> Result<(), &'static str> {
    let broken = "it is no list of relative distinguished names";
    let mut sequence = tbs.take(tag::SEQUENCE).ok_or(broken)?;
    while !sequence.is_empty() {
        let mut set = sequence.take(tag::SET).ok_or(broken)?;
        while !set.is_empty() {
            let mut attribute = set.take(tag::SEQUENCE).ok_or(broken)?;
            attribute.oid().ok_or("the type of an attribute cannot be read")?;
            let value = attribute.any().ok_or("the value of an attribute cannot be read")?;
            string(value)?;
        }
    }
    Ok(())
}

fn string(value: Element<'_>) -> Result<(), &'static str> {
    let content = value.content;
    let fits = match value.tag {
        // TeletexString: read as Latin-1.
        0x14 => true,
        tag::PRINTABLE_STRING => content.iter().all(|byte| {
            // `*` and `&` do not belong there, and are common.
            byte.is_ascii_alphanumeric() || b" '()+,-./:=?*&".contains(byte)
        }),
        tag::UTF8_STRING => std::str::from_utf8(content).is_ok(),
        // IA5String
        0x16 => content.is_ascii(),
        // NumericString
        0x12 => content.iter().all(|byte| byte.is_ascii_digit() || *byte == b' '),
        // BMPString
        0x1e => {
            content.len().is_multiple_of(2)
                && content.strip_suffix(&[0, 0]).unwrap_or(content).chunks_exact(2).all(|pair| {
                    let unit = pair.iter().fold(0_u16, |unit, byte| unit << 8 | u16::from(*byte));
                    !matches!(unit, 0xfffe | 0xffff | 0xfdd0..=0xfdef | 0xd800..=0xdfff)
                })
        }
        _ => return Err("the value of an attribute is of a kind of string that is not read"),
    };
    if fits { Ok(()) } else { Err("the value of an attribute holds what its kind of string does not admit") }
}

/// `UTCTime`, also without seconds, or `GeneralizedTime` without fraction; both also with an offset that is not zero.
fn time(validity: &mut Reader<'_>) -> Option<()> {
    let element = validity.any()?;
    let text = std::str::from_utf8(element.content).ok()?;
    let (digits, zone) = text.split_at_checked(text.find(|c: char| !c.is_ascii_digit())?)?;
    let (year_digits, shortest, longest) = match element.tag {
        0x17 => (2, 10, 12),
        0x18 => (4, 14, 14),
        _ => return None,
    };
    if digits.len() != shortest && digits.len() != longest {
        return None;
    }
    let field = |at: usize| digits.get(at..at + 2)?.parse::<u8>().ok();
    let year = digits.get(..year_digits)?.parse::<i32>().ok()?;
    let year = match (year_digits, year) {
        (2, 69..) => 1900 + year,
        (2, _) => 2000 + year,
        _ => year,
    };
    let month = time::Month::try_from(field(year_digits)?).ok()?;
    let day = field(year_digits + 2)?;
    let second = if digits.len() > year_digits + 8 { field(year_digits + 8)? } else { 0 };
    time::Date::from_calendar_date(year, month, day).ok()?;
    time::Time::from_hms(field(year_digits + 4)?, field(year_digits + 6)?, second).ok()?;
    offset(zone)
}

fn offset(zone: &str) -> Option<()> {
    if zone == "Z" {
        return Some(());
    }
    let digits = zone.strip_prefix(['+', '-'])?;
    let two = |at: usize| digits.get(at..at + 2)?.parse::<u8>().ok();
    let (hours, minutes) = (two(0)?, two(2)?);
    (digits.len() == 4 && hours <= 24 && minutes < 60 && (hours, minutes) != (0, 0)).then_some(())
}

/// Why the key of a certificate is none, by what its algorithm demands; those of unknown algorithms are not looked at.
pub(in crate::chain) fn key_refusal(certificate: &Certificate) -> Option<Refusal> {
    let info = Reader(certificate.tbs.public_key.der()).take(tag::SEQUENCE)?;
    public_key(info, certificate).err()
}

/// The key, by what its algorithm demands; one of an algorithm that Go does not know is not looked at.
fn public_key(mut info: Reader<'_>, certificate: &Certificate) -> Result<(), Refusal> {
    let unreadable = "its public key cannot be read";
    let identifier = info.take(tag::SEQUENCE).ok_or(unreadable)?;
    let (oid, parameters) = algorithm(identifier).ok_or("the algorithm of its public key cannot be read")?;
    let (unused, key) = info.bits().ok_or(unreadable)?;
    let parameters = parameters.map(|parameters| parameters.whole);
    match oid {
        // rsaEncryption
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1] => rsa_key(parameters, key),
        // id-ecPublicKey
        [0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1] => match certificate.tbs.public_key.kind() {
            PublicKeyKind::Ec(curve) if !matches!(curve.as_str(), "P-256" | "P-384" | "P-521") => {
                Err(format!("its key is on {curve}, a curve that is not supported"))
            }
            // Whatever the certificate is for: Go reads the point at once.
            _ if unused == 0 && certificate.tbs.public_key.is_point() => Ok(()),
            _ => Err("its key is no uncompressed point of its curve".into()),
        },
        // id-Ed25519
        [0x2b, 0x65, 0x70] if parameters.is_some() => Err("its Ed25519 key has parameters".into()),
        [0x2b, 0x65, 0x70] if key.len() != 32 => Err("its Ed25519 key is not 32 bytes long".into()),
        // id-dsa
        [0x2a, 0x86, 0x48, 0xce, 0x38, 4, 1] => dsa_key(parameters, key),
        _ => Ok(()),
    }
}

fn is_on_p224(certificate: &Certificate) -> bool {
    matches!(certificate.tbs.public_key.kind(), PublicKeyKind::Ec(curve) if curve == "P-224")
}

fn rsa_key(parameters: Option<&[u8]>, key: &[u8]) -> Result<(), Refusal> {
    /// The exponent is read into 64 bits.
    const LONGEST_EXPONENT: usize = 8;
    if parameters != Some(&[5, 0]) {
        return Err("its RSA key lacks the NULL parameters".into());
    }
    let mut numbers = Reader(key).take(tag::SEQUENCE).ok_or("its RSA key cannot be read")?;
    let modulus = numbers.integer().ok_or("the modulus of its RSA key cannot be read")?;
    let exponent = numbers.integer().filter(|content| content.len() <= LONGEST_EXPONENT);
    let exponent = exponent.ok_or("the exponent of its RSA key cannot be read")?;
    if is_positive(modulus) && is_positive(exponent) {
        Ok(())
    } else {
        Err("a number of its RSA key is not positive".into())
    }
}

fn dsa_key(parameters: Option<&[u8]>, key: &[u8]) -> Result<(), Refusal> {
    let broken = "its DSA key cannot be read";
    let public = Reader(key).integer().ok_or(broken)?;
    let mut numbers =
        parameters.and_then(|parameters| Reader(parameters).take(tag::SEQUENCE)).ok_or(broken)?;
    let mut all = vec![public];
    for _ in 0..3 {
        all.push(numbers.integer().ok_or(broken)?);
    }
    if all.into_iter().all(is_positive) {
        Ok(())
    } else {
        Err("a number of its DSA key is not positive".into())
    }
}

fn is_positive(content: &[u8]) -> bool {
    !is_negative(content) && content.iter().any(|byte| *byte != 0)
}
