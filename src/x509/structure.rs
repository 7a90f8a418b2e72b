//! What x509-parser passes over. It reads what it knows of a SEQUENCE, and whatever stands behind that is left out without
//! a word: so a certificate could be given another fingerprint by bytes behind its signature, which nobody signed, and a
//! name or a key could be cut short. It is as patient with lengths that are not in their shortest form. DER has one
//! encoding for each value (X.690 section 10), and what is signed must be in it (RFC 5280 section 4.1).

use super::der::{Element, elements, read, tag};

/// Deeper than any of these structures is: a name in an extension's value does not count, for that is an OCTET STRING.
const DEEPEST: usize = 12;

/// Why bytes are not the DER of what they should be.
pub(super) type Flaw = &'static str;

/// Checks the frame that certificates, lists and requests share: what is signed, the algorithm, the signature. Hands back
/// the parts of what is signed.
fn signed(der: &[u8]) -> Result<Vec<Element<'_>>, Flaw> {
    let (whole, _) = read(der).ok_or("its length is not in DER's shortest form")?;
    let parts = elements(whole.content).ok_or("its parts are not in DER")?;
    let [content, algorithm, signature] = parts.as_slice() else { return Err("bytes follow its signature") };
    algorithm_identifier(*algorithm)?;
    // Signatures are whole bytes: RFC 5280 section 4.1.1.3.
    if signature.tag != tag::BIT_STRING || signature.content.first() != Some(&0) {
        return Err("its signature is not of whole bytes");
    }
    nested(content.content, DEEPEST)?;
    elements(content.content).ok_or("its parts are not in DER")
}

/// Checks a certificate that x509-parser has read.
pub(super) fn certificate(der: &[u8]) -> Result<(), Flaw> {
    to_be_signed_certificate(&signed(der)?)
}

/// Checks what is signed of a certificate, likewise.
pub(super) fn tbs_certificate(der: &[u8]) -> Result<(), Flaw> {
    let (whole, _) = read(der).ok_or("its length is not in DER's shortest form")?;
    nested(whole.content, DEEPEST)?;
    to_be_signed_certificate(&elements(whole.content).ok_or("its parts are not in DER")?)
}

fn to_be_signed_certificate(parts: &[Element<'_>]) -> Result<(), Flaw> {
    // The version is left out where it is the first.
    let [_serial, algorithm, issuer, validity, subject, key, optional @ ..] = behind(CONTEXT_0, parts) else {
        return Err("a part of it is missing");
    };
    algorithm_identifier(*algorithm)?;
    name(*issuer)?;
    count(*validity, 2..=2, "bytes follow the dates in its validity")?;
    name(*subject)?;
    public_key(*key)?;
    optional.iter().filter(|part| part.tag == CONTEXT_3).try_for_each(|part| explicit_extensions(*part))
}

/// Checks a revocation list that x509-parser has read.
pub(super) fn revocation_list(der: &[u8]) -> Result<(), Flaw> {
    let parts = signed(der)?;
    let [algorithm, issuer, rest @ ..] = behind(INTEGER, &parts) else {
        return Err("a part of it is missing");
    };
    algorithm_identifier(*algorithm)?;
    name(*issuer)?;
    rest.iter().filter(|part| part.tag == CONTEXT_0).try_for_each(|part| explicit_extensions(*part))
}

/// Checks a certification request that x509-parser has read.
pub(crate) fn request(der: &[u8]) -> Result<(), Flaw> {
    let parts = signed(der)?;
    let [_version, subject, key, ..] = parts.as_slice() else { return Err("a part of it is missing") };
    name(*subject)?;
    public_key(*key)
}

const INTEGER: u8 = 0x02;
const CONTEXT_0: u8 = 0xa0;
const CONTEXT_3: u8 = 0xa3;

/// The parts without the first where that has this tag.
fn behind<'a, 'b>(tag: u8, parts: &'a [Element<'b>]) -> &'a [Element<'b>] {
    match parts {
        [first, rest @ ..] if first.tag == tag => rest,
        all => all,
    }
}

/// Whether everything that is constructed holds whole elements and nothing else.
fn nested(mut content: &[u8], deepest: usize) -> Result<(), Flaw> {
    const CONSTRUCTED: u8 = 0x20;
    let deeper = deepest.checked_sub(1).ok_or("it is nested too deeply")?;
    while !content.is_empty() {
        let (part, rest) = read(content).ok_or("its parts are not in DER")?;
        if part.tag & CONSTRUCTED != 0 {
            nested(part.content, deeper)?;
        }
        content = rest;
    }
    Ok(())
}

fn count(
    element: Element<'_>,
    wanted: std::ops::RangeInclusive<usize>,
    flaw: Flaw,
) -> Result<Vec<Element<'_>>, Flaw> {
    elements(element.content).filter(|parts| wanted.contains(&parts.len())).ok_or(flaw)
}

fn algorithm_identifier(element: Element<'_>) -> Result<(), Flaw> {
    count(element, 1..=2, "bytes follow the parameters of an algorithm").map(drop)
}

/// Checks a name: SETs of pairs.
fn name(element: Element<'_>) -> Result<(), Flaw> {
    const FLAW: Flaw = "a name in it is not a sequence of sets of pairs";
    for set in elements(element.content).ok_or(FLAW)? {
        for pair in
            elements(set.content).filter(|pairs| set.tag == tag::SET && !pairs.is_empty()).ok_or(FLAW)?
        {
            count(pair, 2..=2, FLAW)?;
        }
    }
    Ok(())
}

/// Whether the DER of a name is one, whole.
pub(super) fn is_name(der: &[u8]) -> bool {
    read(der).is_some_and(|(whole, rest)| rest.is_empty() && name(whole).is_ok())
}

/// Checks a `SubjectPublicKeyInfo`.
pub(super) fn public_key(element: Element<'_>) -> Result<(), Flaw> {
    let parts = count(element, 2..=2, "bytes follow its public key")?;
    parts.first().map_or(Ok(()), |algorithm| algorithm_identifier(*algorithm))
}

fn explicit_extensions(element: Element<'_>) -> Result<(), Flaw> {
    const FLAW: Flaw = "bytes follow an extension";
    for list in count(element, 1..=1, "bytes follow its extensions")? {
        for extension in elements(list.content).ok_or(FLAW)? {
            count(extension, 2..=3, FLAW)?;
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
        ("subject-raw=30020500", "a name in it"),
        ("subject-raw=300e310c300806035504030c01610500", "a name in it"),
        ("subject-raw=300e310c300a06035504030c01610500", "a name in it"),
        // Behind the key, and behind the parameters of its algorithm.
        (
            "spki=302c300506032b6570032100d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a0500",
            "bytes follow its public key",
        ),
        (
            "spki=302e300906032b657005000500032100d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
            "bytes follow the parameters",
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
