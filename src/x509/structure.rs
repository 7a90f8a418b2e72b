//! What x509-parser passes over. It reads what it knows of a SEQUENCE, and whatever stands behind that, or cannot be read,
//! is left out without a word: so a certificate could be given another fingerprint by bytes behind its signature, which
//! nobody signed; a name or a key could be cut short; and name constraints with one odd subtree would constrain nothing.
//! It is as patient with lengths that are not in their shortest form. DER has one encoding for each value (X.690
//! section 10), and what is signed must be in it (RFC 5280 section 4.1).

use std::ops::RangeInclusive;

use super::der::{Element, elements, read, tag};

/// Deeper than any of these structures is: a name in an extension's value does not count, for that is an OCTET STRING.
const DEEPEST: usize = 12;

const BOOLEAN: u8 = 0x01;
const INTEGER: u8 = 0x02;
const OCTET_STRING: u8 = 0x04;
/// Context-specific tags: the number, and whether an element is within.
const PRIMITIVE: u8 = 0x80;
const CONSTRUCTED: u8 = 0xa0;

/// Why bytes are not the DER of what they should be.
pub(super) type Flaw = &'static str;

const NOT_DER: Flaw = "its parts are not in DER";
const INCOMPLETE: Flaw = "a part of it is missing";

/// Checks the frame that certificates, lists and requests share: what is signed, the algorithm, the signature. Hands back
/// the parts of what is signed.
fn signed(der: &[u8]) -> Result<Vec<Element<'_>>, Flaw> {
    let parts = parts_of(der)?;
    let [content, algorithm, _signature] = parts.as_slice() else { return Err("bytes follow its signature") };
    algorithm_identifier(*algorithm)?;
    nested(content.content, DEEPEST)?;
    elements(content.content).ok_or(NOT_DER)
}

fn parts_of(der: &[u8]) -> Result<Vec<Element<'_>>, Flaw> {
    let (whole, _) = read(der).ok_or("its length is not in DER's shortest form")?;
    elements(whole.content).ok_or(NOT_DER)
}

/// Checks a certificate that x509-parser has read, but for its names and its key.
pub(super) fn certificate(der: &[u8]) -> Result<(), Flaw> {
    to_be_signed_certificate(&signed(der)?)
}

/// Checks what is signed of a certificate, likewise.
pub(super) fn tbs_certificate(der: &[u8]) -> Result<(), Flaw> {
    let (whole, _) = read(der).ok_or("its length is not in DER's shortest form")?;
    nested(whole.content, DEEPEST)?;
    to_be_signed_certificate(&parts_of(der)?)
}

fn to_be_signed_certificate(parts: &[Element<'_>]) -> Result<(), Flaw> {
    // The version is left out where it is the first.
    let [_serial, algorithm, _issuer, validity, _subject, _key, optional @ ..] = behind(CONSTRUCTED, parts)
    else {
        return Err(INCOMPLETE);
    };
    algorithm_identifier(*algorithm)?;
    count(*validity, 2..=2, "bytes follow the dates in its validity")?;
    optional.iter().filter(|part| part.tag == CONSTRUCTED | 3).try_for_each(|part| explicit_extensions(*part))
}

/// Checks a revocation list that x509-parser has read, but for its name.
pub(super) fn revocation_list(der: &[u8]) -> Result<(), Flaw> {
    let parts = signed(der)?;
    let [algorithm, _issuer, rest @ ..] = behind(INTEGER, &parts) else { return Err(INCOMPLETE) };
    algorithm_identifier(*algorithm)?;
    for part in rest {
        match part.tag {
            tag::SEQUENCE => elements(part.content).ok_or(NOT_DER)?.into_iter().try_for_each(list_entry)?,
            tag if tag == CONSTRUCTED => explicit_extensions(*part)?,
            _ => {}
        }
    }
    Ok(())
}

fn list_entry(element: Element<'_>) -> Result<(), Flaw> {
    let parts = count(element, 2..=3, "bytes follow an entry")?;
    parts.get(2).map_or(Ok(()), |list| extensions(*list))
}

/// Checks a certification request that x509-parser has read, but for its name and its key.
pub(crate) fn request(der: &[u8]) -> Result<(), Flaw> {
    signed(der).map(drop)
}

/// The parts without the first where that has this tag.
fn behind<'a, 'b>(tag: u8, parts: &'a [Element<'b>]) -> &'a [Element<'b>] {
    match parts {
        [first, rest @ ..] if first.tag == tag => rest,
        all => all,
    }
}

/// Whether everything that is constructed holds whole elements and nothing else.
fn nested(mut content: &[u8], deepest: usize) -> Result<(), Flaw> {
    const CONSTRUCTED_BIT: u8 = 0x20;
    let deeper = deepest.checked_sub(1).ok_or("it is nested too deeply")?;
    while !content.is_empty() {
        let (part, rest) = read(content).ok_or(NOT_DER)?;
        if part.tag & CONSTRUCTED_BIT != 0 {
            nested(part.content, deeper)?;
        }
        if part.tag == tag::OBJECT_IDENTIFIER && !is_shortest_identifier(part.content) {
            return Err("an object identifier in it is not in DER's shortest form");
        }
        content = rest;
    }
    Ok(())
}

/// Whether no arc of an object identifier begins with zeros, and none is open (X.690 section 8.19.2): in dotted form such a
/// one would pass for another, which its bytes are not.
fn is_shortest_identifier(content: &[u8]) -> bool {
    let before = std::iter::once(&0).chain(content);
    let shortest = content.iter().zip(before).all(|(byte, before)| *byte != 0x80 || *before >= 0x80);
    shortest && content.last().is_some_and(|last| *last < 0x80)
}

fn count(element: Element<'_>, wanted: RangeInclusive<usize>, flaw: Flaw) -> Result<Vec<Element<'_>>, Flaw> {
    elements(element.content).filter(|parts| wanted.contains(&parts.len())).ok_or(flaw)
}

fn algorithm_identifier(element: Element<'_>) -> Result<(), Flaw> {
    nested(element.content, DEEPEST)?;
    count(element, 1..=2, "bytes follow the parameters of an algorithm").map(drop)
}

/// Whether these bytes are one name, whole: a sequence of sets of pairs.
pub(super) fn is_name(der: &[u8]) -> bool {
    let Some((name, [])) = read(der) else { return false };
    let sets = elements(name.content).unwrap_or_default();
    let whole = name.tag == tag::SEQUENCE && (!sets.is_empty() || name.content.is_empty());
    whole && sets.iter().all(|set| set.tag == tag::SET && is_relative_name(set.content))
}

/// Whether the content of a SET is a relative name.
fn is_relative_name(content: &[u8]) -> bool {
    let is_pair = |pair: &Element<'_>| {
        let parts = elements(pair.content).unwrap_or_default();
        pair.tag == tag::SEQUENCE
            && matches!(parts.as_slice(), [kind, _value] if kind.tag == tag::OBJECT_IDENTIFIER)
    };
    elements(content).is_some_and(|pairs| !pairs.is_empty() && pairs.iter().all(is_pair))
}

/// Whether these bytes are one `SubjectPublicKeyInfo`, whole.
pub(super) fn is_public_key(der: &[u8]) -> bool {
    let Some((whole, [])) = read(der) else { return false };
    let parts = elements(whole.content).unwrap_or_default();
    matches!(parts.as_slice(), [algorithm, _key] if algorithm_identifier(*algorithm).is_ok())
}

fn explicit_extensions(element: Element<'_>) -> Result<(), Flaw> {
    count(element, 1..=1, "bytes follow its extensions")?.into_iter().try_for_each(extensions)
}

fn extensions(list: Element<'_>) -> Result<(), Flaw> {
    // x509-parser passes over a list of an entry that is of another kind.
    const OTHER_KIND: Flaw = "its extensions are no sequence of sequences";
    if list.tag != tag::SEQUENCE {
        return Err(OTHER_KIND);
    }
    for extension in elements(list.content).ok_or(NOT_DER)? {
        if extension.tag != tag::SEQUENCE {
            return Err(OTHER_KIND);
        }
        fields(
            extension.content,
            &[tag::OBJECT_IDENTIFIER, BOOLEAN, OCTET_STRING],
            "bytes follow an extension",
        )?;
    }
    Ok(())
}

/// The elements of a content; their tags must be among these, in this order, each once at most.
fn fields<'a>(content: &'a [u8], order: &[u8], flaw: Flaw) -> Result<Vec<Element<'a>>, Flaw> {
    let parts = elements(content).ok_or(flaw)?;
    let mut left = order.iter();
    if parts.iter().all(|part| left.any(|tag| *tag == part.tag)) { Ok(parts) } else { Err(flaw) }
}

/// Checks the value of an extension that x509-parser would read in part.
pub(super) fn extension_value(oid: &str, value: &[u8]) -> Result<(), Flaw> {
    let Some((whole, rest)) = read(value) else { return Err("its value is not in DER") };
    if !rest.is_empty() {
        return Err("bytes follow its value");
    }
    nested(value, DEEPEST)?;
    let content = whole.content;
    match oid {
        // An empty list is told by those who care.
        ALTERNATIVE_NAMES if content.is_empty() => Ok(()),
        ALTERNATIVE_NAMES => general_names(content),
        KEY_USAGE if whole.tag != tag::BIT_STRING || !has_clean_padding(content) => {
            Err("its bits are not in DER")
        }
        NAME_CONSTRAINTS => {
            for list in fields(content, &[CONSTRUCTED, CONSTRUCTED | 1], "it holds more than two lists")? {
                // Section 4.2.1.10: the minimum is zero, which DER leaves out, and there is no maximum.
                elements(list.content).ok_or(NOT_DER)?.into_iter().try_for_each(subtree)?;
            }
            Ok(())
        }
        AUTHORITY_KEY_IDENTIFIER => {
            let order = [PRIMITIVE, CONSTRUCTED | 1, PRIMITIVE | 2];
            let parts = fields(content, &order, "it holds more than a key, an issuer and a serial number")?;
            let mut issuers = parts.iter().filter(|part| part.tag == CONSTRUCTED | 1);
            issuers.try_for_each(|names| general_names(names.content))
        }
        POLICIES | MAPPINGS => {
            let least = if oid == MAPPINGS { 2 } else { 1 };
            for policy in elements(content).ok_or(NOT_DER)? {
                count(policy, least..=2, "bytes follow a policy")?;
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

/// Whether the unused bits of a BIT STRING are seven at most, and zero (X.690 section 11.2.1): x509-parser would read them.
fn has_clean_padding(content: &[u8]) -> bool {
    match content {
        [0] => true,
        [unused @ 0..=7, .., last] => u16::from(*last) & ((1 << unused) - 1) == 0,
        _ => false,
    }
}

const KEY_USAGE: &str = "2.5.29.15";
const ALTERNATIVE_NAMES: &str = "2.5.29.17";
const NAME_CONSTRAINTS: &str = "2.5.29.30";
const POLICIES: &str = "2.5.29.32";
const MAPPINGS: &str = "2.5.29.33";
const AUTHORITY_KEY_IDENTIFIER: &str = "2.5.29.35";

fn subtree(element: Element<'_>) -> Result<(), Flaw> {
    if element.tag != tag::SEQUENCE {
        return Err("a subtree is not one");
    }
    count(element, 1..=1, "a subtree is more than a name; there must be no minimum and no maximum")?;
    general_names(element.content)
}

/// The content of `GeneralNames` (section 4.2.1.6).
fn general_names(content: &[u8]) -> Result<(), Flaw> {
    const PRIMITIVES: [u8; 5] = [0x81, 0x82, 0x86, 0x87, 0x88];
    let names = elements(content)
        .filter(|names| !names.is_empty())
        .ok_or("a list of names is empty or not in DER")?;
    for name in names {
        match name.tag {
            0xa4 if !is_name(name.content) => return Err("a name in it is not a sequence of sets of pairs"),
            0xa0 | 0xa3 | 0xa4 | 0xa5 => {}
            tag if PRIMITIVES.contains(&tag) => {}
            _ => return Err("a name in it is of no kind that there is"),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::forge;
    use crate::x509::{Certificate, Name, PublicKey, RevocationList, SubjectAltName};

    /// Words, and a part of what is said of the certificate that they make; nothing where it is read.
    const CERTIFICATES: &[(&str, &str)] = &[
        ("", ""),
        ("subject=empty", ""),
        ("version=1", ""),
        ("version=2 unique-ids=both", ""),
        ("extensions=empty", ""),
        ("trailing=0500", "bytes follow it"),
        ("inner-trailing=0500", "bytes follow its signature"),
        ("tbs-trailing=0500", "not a valid certificate"),
        // A name with NULL behind its sets, a set with NULL behind its pair, a pair with NULL behind its value.
        ("subject-raw=30020500", "not a valid name"),
        ("subject-raw=300e310c300806035504030c01610500", "not a valid name"),
        ("subject-raw=300e310c300a06035504030c01610500", "not a valid name"),
        // A set that is no SET, a pair that is no SEQUENCE.
        ("subject-raw=300c350a300806035504030c0161", "not a valid name"),
        ("subject-raw=300c310a350806035504030c0161", "not a valid name"),
        // Behind the key, and behind the parameters of its algorithm.
        (
            "spki=302c300506032b6570032100d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a0500",
            "not a valid public key",
        ),
        (
            "spki=302e300906032b657005000500032100d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
            "not a valid public key",
        ),
    ];

    #[test]
    fn bytes_that_nobody_reads_are_refused() {
        let root = forge::ca("cn=Root");
        for (words, expected) in CERTIFICATES {
            let read = Certificate::from_der(root.leaf(words).der());
            let said = read.map_or_else(|error| error.to_string(), |_| String::new());
            assert!(said.contains(expected) && said.is_empty() == expected.is_empty(), "`{words}`: {said}");
        }
        for (words, expected) in [
            ("", ""),
            ("revoked=01,02 version=1", ""),
            ("trailing=0500", "bytes follow it"),
            ("inner-trailing=0500", "bytes follow its signature"),
            ("tbs-trailing=0500", "not a valid certificate revocation list"),
        ] {
            let read = RevocationList::from_der(root.crl(words).der());
            let said = read.map_or_else(|error| error.to_string(), |_| String::new());
            assert!(said.contains(expected) && said.is_empty() == expected.is_empty(), "`{words}`: {said}");
        }
    }

    /// Words, and what is said of the extension that they make; nothing where it is read.
    const EXTENSIONS: &[(&str, &str)] = &[
        ("sans=dns:a,ip:192.0.2.1,email:a@b,uri:x:y,dir:cn=x,rid:1.2.3,other:1.2.3:x", ""),
        ("nc=permit:dns:a,permit:ip:10.0.0.0/8,exclude:dir:cn=x,exclude:other:1.2.3:x", ""),
        ("aki=full", ""),
        ("aki=empty", ""),
        ("policies=any,1.2.3 mappings=1.2.3:1.2.4", ""),
        ("crldp=uri:http://x,dir:cn=a;reasons:keyCompromise;issuer:cn=b crldp=rel:cn=c+cn=d", ""),
        ("ext=2.5.29.19:critical:30030101ff00", "bytes follow its value"),
        // Of constraints with one odd subtree x509-parser would leave none: a minimum, a maximum, a name of no kind, NULL.
        ("nc-raw=300aa0083006820161800101", "a subtree is more than a name"),
        ("nc-raw=300aa0083006820161810101", "a subtree is more than a name"),
        ("nc-raw=3007a00530038f0161", "a name in it is of no kind"),
        ("nc-raw=3009a00730038201610500", "a subtree is not one"),
        ("nc-raw=3009a00530038201610500", "it holds more than two lists"),
        ("nc-raw=300ea1053003820161a0053003820162", "it holds more than two lists"),
        ("ext=2.5.29.35:plain:3006800101830101", "it holds more than a key"),
        ("ext=2.5.29.31:plain:300430028300", "it is no CRLDistributionPoints"),
        ("ext=2.5.29.31:plain:30063004a0028200", "it is no CRLDistributionPoints"),
        ("ext=2.5.29.32:plain:3009300706012a30000500", "bytes follow a policy"),
    ];

    #[test]
    fn values_of_extensions_are_read_whole_or_said_to_be_malformed() {
        let root = forge::ca("cn=Root");
        for (words, expected) in EXTENSIONS {
            let certificate = Certificate::from_der(root.leaf(words).der()).unwrap();
            let malformed = certificate.tbs.extensions.malformed;
            let said = malformed.first().map_or("", |(_, problem)| problem);
            assert!(said.contains(expected) && said.is_empty() == expected.is_empty(), "`{words}`: {said}");
            assert!(malformed.len() <= 1, "`{words}`: {malformed:?}");
        }
        for (words, expected) in [
            ("", ""),
            ("idp=uri:http://x,dir:cn=a only=user reasons=keyCompromise indirect", ""),
            ("idp=rel:cn=c+cn=d", ""),
            ("ext=2.5.29.28:critical:3004840200ff", "it is no IssuingDistributionPoint"),
            ("ext=2.5.29.28:critical:3003840101", "it is no IssuingDistributionPoint"),
            ("ext=2.5.29.28:critical:3009a007a0038201610500", "it is no IssuingDistributionPoint"),
        ] {
            let malformed = RevocationList::from_der(root.crl(words).der()).unwrap().malformed;
            let said = malformed.first().map_or("", |(_, problem)| problem);
            assert!(said.contains(expected) && said.is_empty() == expected.is_empty(), "`{words}`: {said}");
        }
    }

    #[test]
    fn what_stands_for_another_identifier_or_kind_is_refused() {
        let patched = |der: &[u8], from: &[u8], to: &[u8]| {
            let at = der.windows(from.len()).position(|window| window == from).expect("it is there");
            let mut der = der.to_vec();
            der[at..at + to.len()].copy_from_slice(to);
            der
        };
        // 1.2.16384.4 with an arc that begins with zeros.
        let leaf = forge::ca("cn=Root").leaf("ext=1.2.16384.4:critical:0500");
        let der = patched(leaf.der(), &[0x2a, 0x81, 0x80, 0, 4], &[0x2a, 0x80, 0x81, 0, 4]);
        let said = Certificate::from_der(&der).unwrap_err().to_string();
        assert!(said.contains("shortest form"), "{said}");
        // The extensions of an entry as a SET, which x509-parser passes over.
        let list = forge::ca("cn=Root").crl("revoked=01;ext:1.2.3.4:critical:0500");
        let extension = [0x30, 12, 6, 3, 0x2a, 3, 4];
        let from = [&[0x30, 14][..], &extension].concat();
        let der = patched(list.der(), &from, &[0x31]);
        let said = RevocationList::from_der(&der).unwrap_err().to_string();
        assert!(said.contains("no sequence"), "{said}");
    }

    #[test]
    fn lengths_have_one_form() {
        let der = forge::ca("cn=Root").der().to_vec();
        let [0x30, 0x82, high, low, rest @ ..] = der.as_slice() else { panic!("a long certificate") };
        let longer = [&[0x30, 0x83, 0, *high, *low], rest].concat();
        assert!(Certificate::from_der(&longer).is_err());
    }

    #[test]
    fn parts_alone_are_checked_too() {
        assert!(Name::from_der(&[0x30, 2, 5, 0]).is_err());
        let key = forge::ca("key=ed25519").spki_der().to_vec();
        PublicKey::from_der(&key).unwrap();
        let longer = [&[0x30, 0x2c], &key[2..], &[5, 0]].concat();
        assert!(PublicKey::from_der(&longer).is_err());
        let leaf = forge::self_signed_leaf("sans=raw:a40430020500");
        let read = Certificate::from_der(leaf.der()).unwrap();
        assert!(!read.tbs.extensions.names().iter().any(|name| matches!(name, SubjectAltName::Directory(_))));
    }
}
