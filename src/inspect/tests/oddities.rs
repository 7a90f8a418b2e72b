//! What is written otherwise than its standard says, beyond the fields of certificates: keys, policies, names, lists, requests.

use std::process::Command;

use super::*;
use crate::x509::der::tag;

const RSA: &[u8] = &[6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1];
const EC: &[u8] = &[6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1];
const P256: &[u8] = &[6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];
const P384: &[u8] = &[6, 5, 0x2b, 0x81, 4, 0, 0x22];
/// The generators of P-256 (SEC 2 section 2.4.2), x and y, as points that lie on their curve.
const X: &str = "6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296";
const Y: &str = "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5";

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len() / 2).map(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap()).collect()
}

fn spki(algorithm: &[&[u8]], bits: &[u8]) -> Vec<u8> {
    element(SEQUENCE, &[&element(SEQUENCE, algorithm), bits])
}

/// The key of an elliptic curve: the form and the coordinates.
fn point(form: u8, coordinates: &[&str]) -> Vec<u8> {
    bit_string(&[vec![form], coordinates.iter().flat_map(|one| bytes(one)).collect()].concat())
}

fn number(content: &[u8]) -> Vec<u8> {
    element(tag::INTEGER, &[content])
}

fn rsa(modulus: &[u8], exponent: &[u8]) -> Vec<u8> {
    spki(&[RSA, &[5, 0]], &bit_string(&element(SEQUENCE, &[&number(modulus), &number(exponent)])))
}

#[test]
fn public_keys() {
    let odd_modulus = [&[0][..], &[0x8f; 128]].concat();
    let even_modulus = [&[0][..], &[0x8e; 128]].concat();
    let on_curve = point(4, &[X, Y]);
    let off_curve = point(4, &[X, X]);
    let cases: Vec<(Vec<u8>, &[&str])> = vec![
        (rsa(&odd_modulus, &[1, 0, 1]), &[]),
        (
            spki(&[RSA], &bit_string(&element(SEQUENCE, &[&number(&odd_modulus), &number(&[3])]))),
            &["the NULL of the RSA key's algorithm is missing (RFC 3279 section 2.3.1)"],
        ),
        (rsa(&[0x8f; 128], &[1, 0, 1]), &["a number of the RSA key is negative (RFC 8017 appendix A.1.1)"]),
        (
            rsa(&even_modulus, &[1, 0, 1]),
            &["the modulus is even, and a product of odd primes is not (RFC 8017 section 3.1)"],
        ),
        (
            rsa(&odd_modulus, &[1, 0, 0, 0, 0, 0, 0, 0, 1]),
            &["the exponent has 9 bytes, and readers take 8 at most (Go 31 bits) (RFC 8017 section 3.1)"],
        ),
        (rsa(&odd_modulus, &[4]), &["the exponent is even, and has no inverse (RFC 8017 section 3.1)"]),
        (
            rsa(&odd_modulus, &[1]),
            &["the exponent is 1, so that nothing is encrypted or signed (RFC 8017 section 3.1)"],
        ),
        (rsa(&odd_modulus, &[0]), &["the exponent is zero (RFC 8017 section 3.1)"]),
        (rsa(&[0x0f], &[0x11]), &["the exponent is not less than the modulus (RFC 8017 section 3.1)"]),
        (
            rsa(&odd_modulus, &[0, 3]),
            &["in the RSA key: byte 135: an INTEGER has a leading zero byte too many (X.690 section 8.3.2)"],
        ),
        (
            spki(
                &[RSA, &[5, 0]],
                &bit_string(&element(SEQUENCE, &[&number(&odd_modulus), &number(&[3]), &[5, 0]])),
            ),
            &["something follows the two numbers of the RSA key (RFC 8017 appendix A.1.1)"],
        ),
        (spki(&[EC, P256], &on_curve), &[]),
        (spki(&[EC, P256], &off_curve), &["the point does not lie on the curve (SEC 1 section 3.2.2.1)"]),
        (
            spki(&[EC, P256], &point(3, &[X])),
            &["the point is compressed, which few readers take (RFC 5480 section 2.2)"],
        ),
        (
            spki(
                &[EC, P256],
                &point(2, &["0000000000000000000000000000000000000000000000000000000000000001"]),
            ),
            &[
                "the point is compressed, which few readers take (RFC 5480 section 2.2)",
                "the point does not lie on the curve (SEC 1 section 3.2.2.1)",
            ],
        ),
        (spki(&[EC, P256], &point(7, &[X, Y])), &["the point is in the hybrid form (RFC 5480 section 2.2)"]),
        (
            spki(&[EC, P256], &bit_string(&[0])),
            &["the point is the one at infinity, which is no public key (SEC 1 section 3.2.2.1)"],
        ),
        (
            spki(&[EC, P384], &on_curve),
            &["the point has 65 bytes, and one of its curve and form has 97 (SEC 1 section 2.3.3)"],
        ),
        (
            spki(&[EC, &[0x30, 3, 2, 1, 1]], &on_curve),
            &[
                "the curve is given by explicit parameters, which make forgeries possible (CVE-2020-0601) (RFC 5480 section 2.1.1)",
            ],
        ),
        (spki(&[EC], &on_curve), &["the key names no curve (RFC 5480 section 2.1.1)"]),
        (
            spki(&[&ED25519[2..], &[5, 0]], &bit_string(&[7; 32])),
            &["the key's algorithm has parameters (RFC 8410 section 3)"],
        ),
        (
            spki(&[&ED25519[2..]], &bit_string(&[7; 31])),
            &["the key of Ed25519 has 31 bytes, and such a one has 32 (RFC 8410 section 4)"],
        ),
    ];
    for (der, expected) in cases {
        let alone = one(pem::encode("PUBLIC KEY", &der).as_bytes());
        assert_eq!(odd(&alone), expected, "{alone:?}");
        let within = one(&Forged { key: der, ..Forged::new() }.der());
        assert_eq!(odd(&within), expected, "{within:?}");
    }
}

/// Private keys in each form, put together here.
#[test]
fn private_keys() {
    let good = pem::parse(key().to_pem().as_bytes()).unwrap().remove(0).der.to_vec();
    assert_eq!(odd(&one(&good)), [""; 0]);
    let scalar = element(tag::OCTET_STRING, &[&[7; 32]]);
    let sec1 = |version: u8, number: &[u8], curve: &[u8]| {
        let curve = if curve.is_empty() { Vec::new() } else { element(0xa0, &[curve]) };
        element(SEQUENCE, &[&[2, 1, version], number, &curve])
    };
    let pkcs8 = |version: u8, algorithm: &[&[u8]], key: &[u8]| {
        element(
            SEQUENCE,
            &[&[2, 1, version], &element(SEQUENCE, algorithm), &element(tag::OCTET_STRING, &[key])],
        )
    };
    let primes: Vec<Vec<u8>> = (0..6).map(|at| number(&[3 + at])).collect();
    let rsa = |version: u8, modulus: &[u8], last: &[u8]| {
        let mut fields = vec![number(&[version]), number(modulus), number(&[1, 0, 1])];
        fields.extend(primes.iter().take(5).cloned());
        fields.push(number(last));
        element(SEQUENCE, &[&fields.concat()])
    };
    let large = [0x4f; 64];
    let even = [0x4e; 64];
    let cases: Vec<(Vec<u8>, &[&str])> = vec![
        (sec1(1, &scalar, P256), &[]),
        (sec1(1, &scalar, &[]), &["the key names no curve (RFC 5915 section 3)"]),
        (sec1(2, &scalar, P256), &["the version of the key is not 1 (RFC 5915 section 3)"]),
        (
            sec1(1, &element(tag::OCTET_STRING, &[&[7; 31]]), P256),
            &["the private number has 31 bytes, and one of its curve has 32 (RFC 5915 section 3)"],
        ),
        (
            sec1(1, &element(tag::OCTET_STRING, &[&[0; 32]]), P256),
            &["the private number is zero (SEC 1 section 3.2.1)"],
        ),
        (pkcs8(0, &[EC, P256], &sec1(1, &scalar, P256)), &[]),
        (
            pkcs8(0, &[EC, P256], &sec1(1, &scalar, P384)),
            &["the key names another curve than its algorithm (RFC 5915 section 3)"],
        ),
        (
            pkcs8(1, &[EC, P256], &sec1(1, &scalar, P256)),
            &["the version is 2, and no public key stands beside it (RFC 5958 section 2)"],
        ),
        (
            pkcs8(0, &[&ED25519[2..], &[5, 0]], &element(tag::OCTET_STRING, &[&[7; 32]])),
            &["the key's algorithm has parameters (RFC 8410 section 3)"],
        ),
        (
            pkcs8(0, &[&ED25519[2..]], &element(tag::OCTET_STRING, &[&[7; 31]])),
            &["the private number of Ed25519 is not 32 bytes long (RFC 8410 section 7)"],
        ),
        (rsa(0, &large, &[7]), &[]),
        (
            rsa(0, &even, &[7]),
            &["the modulus is even, and a product of odd primes is not (RFC 8017 section 3.1)"],
        ),
        (
            rsa(1, &large, &[7]),
            &[
                "the version of the key says more than two primes, and there are none (RFC 8017 appendix A.1.2)",
            ],
        ),
        (
            rsa(0, &large, &[0]),
            &[
                "a number of the RSA key is zero, so that readers must work it out or refuse (RFC 8017 appendix A.1.2)",
            ],
        ),
        (
            pkcs8(0, &[RSA], &rsa(0, &large, &[7])),
            &["the NULL of the RSA key's algorithm is missing (RFC 3279 section 2.3.1)"],
        ),
    ];
    for (der, expected) in cases {
        let item = one(&der);
        assert_eq!(item.kind(), "privateKey", "{item:?}");
        let told: Vec<String> =
            odd(&item).into_iter().filter(|odd| !odd.starts_with("in the key itself")).collect();
        assert_eq!(told, expected, "{item:?}");
    }
}

const POLICY: &[u8] = &[6, 3, 0x2a, 3, 4];
const ANY_POLICY: &[u8] = &[6, 4, 0x55, 0x1d, 0x20, 0];
const NOTICE: &[u8] = &[6, 8, 0x2b, 6, 1, 5, 5, 7, 2, 2];
const PRACTICE: &[u8] = &[6, 8, 0x2b, 6, 1, 5, 5, 7, 2, 1];

/// A policy with a qualifier.
fn qualified(policy: &[u8], qualifier: &[u8], value: &[u8]) -> Vec<u8> {
    let qualifiers = element(SEQUENCE, &[&element(SEQUENCE, &[qualifier, value])]);
    element(SEQUENCE, &[policy, &qualifiers])
}

fn list(members: &[&[u8]]) -> Vec<u8> {
    element(SEQUENCE, members)
}

#[test]
#[expect(clippy::too_many_lines, reason = "it is one table")]
fn extensions() {
    let plain = list(&[POLICY]);
    let constraint =
        |tag: u8, kind: u8, content: &[u8]| list(&[&element(tag, &[&list(&[&element(kind, &[content])])])]);
    let names = |kind: u8, content: &[u8]| list(&[&element(kind, &[content])]);
    let with = |last: u8, critical: bool, value: &[u8]| extension(last, critical.then_some(0xff), value);
    let cases: Vec<(Vec<u8>, &[&str])> = vec![
        // Policies.
        (with(32, false, &list(&[&plain])), &[]),
        (
            with(32, false, &list(&[&plain, &list(&[ANY_POLICY]), &plain])),
            &["the policy 1.2.3.4 stands there more than once (RFC 5280 section 4.2.1.4)"],
        ),
        (
            with(32, false, &list(&[&list(&[POLICY, &[0x30, 0]])])),
            &["the list of qualifiers of the policy 1.2.3.4 is there and empty (RFC 5280 section 4.2.1.4)"],
        ),
        (
            with(32, false, &list(&[&qualified(POLICY, PRACTICE, &element(0x0c, &[b"https://a"]))])),
            &["the practice statement of the policy 1.2.3.4 is not an IA5String (RFC 5280 section 4.2.1.4)"],
        ),
        (
            with(32, false, &list(&[&qualified(POLICY, NOTICE, &list(&[&element(0x1a, &[b"text"])]))])),
            &[
                "the notice of the policy 1.2.3.4 is a VisibleString, which it may not be (RFC 5280 section 4.2.1.4)",
            ],
        ),
        (
            with(32, false, &list(&[&qualified(POLICY, NOTICE, &list(&[&element(0x0c, &[&[b'a'; 201]])]))])),
            &[
                "the notice of the policy 1.2.3.4 has 201 characters, and 200 are the most (RFC 5280 section 4.2.1.4)",
            ],
        ),
        (
            with(32, false, &list(&[&qualified(ANY_POLICY, POLICY, &[5, 0])])),
            &[
                "anyPolicy has a qualifier that is neither a practice statement nor a notice (RFC 5280 section 4.2.1.4)",
            ],
        ),
        (
            with(33, true, &list(&[&list(&[POLICY, ANY_POLICY])])),
            &["a policy is mapped to or from anyPolicy (RFC 5280 section 4.2.1.5)"],
        ),
        (with(36, true, &[0x30, 0]), &["the policy constraints are empty (RFC 5280 section 4.2.1.11)"]),
        (
            with(36, true, &list(&[&[0x80, 1, 0xff]])),
            &["a policy constraint is a negative number (RFC 5280 section 4.2.1.11)"],
        ),
        (with(54, true, &[2, 1, 0xff]), &["the inhibitAnyPolicy is negative (RFC 5280 section 4.2.1.14)"]),
        // Name constraints.
        (
            with(30, true, &list(&[&[0xa0, 0]])),
            &[
                "the permittedSubtrees of the name constraints are there and empty (RFC 5280 section 4.2.1.10)",
            ],
        ),
        (
            with(30, true, &list(&[&[0xa1, 0]])),
            &["the excludedSubtrees of the name constraints are there and empty (RFC 5280 section 4.2.1.10)"],
        ),
        (with(30, true, &constraint(0xa0, 0x82, b"example.com")), &[]),
        (
            with(30, true, &constraint(0xa0, 0x82, b".example.com")),
            &[
                "the constraint `.example.com` on DNS names begins with a dot, which is for mailboxes and URIs (RFC 5280 section 4.2.1.10)",
            ],
        ),
        (
            with(30, true, &constraint(0xa1, 0x87, &[10, 0, 0, 0, 0xff, 0, 0xff, 0])),
            &["the mask of an address constraint is no prefix (RFC 4632) (RFC 5280 section 4.2.1.10)"],
        ),
        (
            with(30, true, &constraint(0xa1, 0x87, &[10, 0, 0, 1, 0xff, 0, 0, 0])),
            &[
                "the address of a constraint has bits outside of its mask (RFC 4632) (RFC 5280 section 4.2.1.10)",
            ],
        ),
        (with(30, true, &constraint(0xa1, 0x87, &[10, 0, 0, 0, 0xff, 0xc0, 0, 0])), &[]),
        (
            with(30, true, &constraint(0xa0, 0x86, b"https://example.com")),
            &[
                "the constraint `https://example.com` on URIs is no host, which it is to be (RFC 5280 section 4.2.1.10)",
            ],
        ),
        (
            with(30, true, &constraint(0xa0, 0x88, &[0x2a, 3])),
            &[
                "a name constraint is for a kind of names that no CA may constrain (RFC 5280 section 4.2.1.10)",
            ],
        ),
        // Alternative names.
        (with(17, false, &names(0x82, b"*.example.com")), &[]),
        (
            with(17, false, &names(0x82, b"a_b.example.com")),
            &["the dNSName `a_b.example.com` is not in the preferred name syntax (RFC 5280 section 4.2.1.6)"],
        ),
        (
            with(17, false, &names(0x82, b"10.0.0.1")),
            &["the dNSName `10.0.0.1` is an address, whose place is an iPAddress (RFC 5280 section 4.2.1.6)"],
        ),
        (
            with(17, false, &names(0x81, b"example.com")),
            &["the rfc822Name `example.com` is no mailbox (local@domain) (RFC 5280 section 4.2.1.6)"],
        ),
        (
            with(17, false, &names(0x86, b"/path")),
            &[
                "the uniformResourceIdentifier `/path` has no scheme, or nothing behind it (RFC 5280 section 4.2.1.6)",
            ],
        ),
        (with(17, false, &names(0xa4, &[0x30, 0])), &["a directoryName is empty (RFC 5280 section 4.2.1.6)"]),
        (
            with(17, false, &names(0x89, b"a")),
            &["a name has the tag 0x89, which no kind of name has (RFC 5280 section 4.2.1.6)"],
        ),
        // Identifiers of the issuer's key.
        (with(35, false, &[0x30, 0]), &["the authority key identifier is empty (RFC 5280 section 4.2.1.1)"]),
        (
            with(35, false, &list(&[&[0x82, 1, 5]])),
            &["the authority key identifier has a serial number and no issuer (RFC 5280 section 4.2.1.1)"],
        ),
        (
            with(35, false, &list(&[&element(0xa1, &[&element(0x82, &[b"a"])])])),
            &[
                "the authority key identifier names the issuer and no serial number (RFC 5280 section 4.2.1.1)",
            ],
        ),
        // Purposes.
        (
            with(37, false, &list(&[&[6, 8, 0x2b, 6, 1, 5, 5, 7, 3, 1], &[6, 8, 0x2b, 6, 1, 5, 5, 7, 3, 1]])),
            &[
                "the purpose 1.3.6.1.5.5.7.3.1 stands in the extendedKeyUsage more than once (RFC 5280 section 4.2.1.12)",
            ],
        ),
        (
            with(37, true, &list(&[&[6, 4, 0x55, 0x1d, 0x25, 0]])),
            &["the extendedKeyUsage is critical and admits any purpose (RFC 5280 section 4.2.1.12)"],
        ),
        // Distribution points.
        (
            with(31, false, &list(&[&list(&[&[0x81, 2, 6, 0x40]])])),
            &[
                "a point of the cRLDistributionPoints has neither a name nor an issuer (RFC 5280 section 4.2.1.13)",
            ],
        ),
        (
            with(31, false, &list(&[&list(&[&[0xa0, 2, 0xa0, 0]])])),
            &["the name of a point of the cRLDistributionPoints is empty (RFC 5280 section 4.2.1.13)"],
        ),
    ];
    for (extension, expected) in cases {
        let item = one(&Forged::new().extension(extension).der());
        let told: Vec<String> =
            odd(&item).into_iter().filter(|odd| !odd.contains("cannot be read")).collect();
        assert_eq!(told, expected, "{item:?}");
    }
}

#[test]
fn usages_and_names() {
    let cases: &[Case] = &[
        (
            |f| f.extensions = Some(vec![extension(19, YES, CA), extension(15, YES, &[3, 2, 0, 0x05])]),
            &[
                "the key usage has encipherOnly or decipherOnly without keyAgreement, which means nothing (RFC 5280 section 4.2.1.3)",
                "the key usage admits more than signatures, for which alone the key is (RFC 8410 section 5)",
            ],
        ),
        (
            |f| f.extensions = Some(vec![extension(19, YES, CA), extension(15, YES, &[3, 3, 6, 0x04, 0x40])]),
            &[
                "the key usage has bits without a meaning (RFC 5280 section 4.2.1.3)",
                "the key usage admits more than signatures, for which alone the key is (RFC 8410 section 5)",
            ],
        ),
        (
            |f| f.subject = name(&[attribute(&[0x55, 4, 6], tag::PRINTABLE_STRING, b"D")]),
            &["C in the subject is one letter, and a country has two (RFC 5280 appendix A.1)"],
        ),
        (
            |f| {
                let pair = |value: &[u8]| {
                    element(
                        SEQUENCE,
                        &[&element(tag::OBJECT_IDENTIFIER, &[CN]), &element(tag::UTF8_STRING, &[value])],
                    )
                };
                f.subject = name(&[element(tag::SET, &[&pair(b"a"), &pair(b"b")])]);
            },
            &["CN stands twice in one part of the subject (X.501 section 9.3)"],
        ),
        (
            |f| {
                const EMAIL: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 1];
                f.subject = name(&[attribute(EMAIL, 0x16, b"a@example.com")]);
            },
            &[
                "a mail address stands in the subject and not among the alternative names (RFC 5280 section 4.1.2.6)",
            ],
        ),
        (
            |f| f.validity = validity((0x17, "260230000000Z"), (0x17, "360101000000Z")),
            &["notBefore is `260230000000Z`, which is no date (RFC 5280 section 4.1.2.5)"],
        ),
    ];
    for (change, expected) in cases {
        let mut forged = Forged::new();
        change(&mut forged);
        assert_eq!(odd(&one(&forged.der())), *expected);
    }
}

/// A revocation list in the making.
struct List {
    this_update: Vec<u8>,
    next_update: Vec<u8>,
    entries: Option<Vec<Vec<u8>>>,
    extensions: Vec<Vec<u8>>,
}

fn time(text: &str) -> Vec<u8> {
    element(0x17, &[text.as_bytes()])
}

impl List {
    fn new() -> Self {
        Self {
            this_update: time("260101000000Z"),
            next_update: time("260201000000Z"),
            entries: None,
            extensions: vec![extension(35, None, &[0x30, 3, 0x80, 1, 7]), extension(20, None, &[2, 1, 5])],
        }
    }

    fn der(&self) -> Vec<u8> {
        let entries =
            self.entries.as_ref().map(|entries| element(SEQUENCE, &[&entries.concat()])).unwrap_or_default();
        let extensions = element(0xa0, &[&element(SEQUENCE, &[&self.extensions.concat()])]);
        let fields = [
            &[2, 1, 1][..],
            ED25519,
            &common_name("forged"),
            &self.this_update,
            &self.next_update,
            &entries,
            &extensions,
        ];
        let tbs = element(SEQUENCE, &fields);
        element(SEQUENCE, &[&tbs, ED25519, &bit_string(&key().sign(&tbs).unwrap())])
    }
}

/// An entry with an extension of its own.
fn entry(serial: &[u8], extensions: &[Vec<u8>]) -> Vec<u8> {
    let extensions =
        if extensions.is_empty() { Vec::new() } else { element(SEQUENCE, &[&extensions.concat()]) };
    element(SEQUENCE, &[&number(serial), &time("251231000000Z"), &extensions])
}

#[test]
fn revocation_lists() {
    type Change = fn(&mut List);
    let cases: &[(Change, &[&str])] = &[
        (|_| {}, &[]),
        (
            |l| l.next_update = time("251201000000Z"),
            &["nextUpdate lies before thisUpdate (RFC 5280 section 5.1.2.5)"],
        ),
        (
            |l| l.extensions[1] = extension(20, None, &number(&[0x7f; 21])),
            &["the CRL number has 21 octets, and 20 are the most (RFC 5280 section 5.2.3)"],
        ),
        (
            |l| l.extensions[1] = extension(20, None, &[2, 1, 0x85]),
            &["the CRL number is negative (RFC 5280 section 5.2.3)"],
        ),
        (|l| drop(l.extensions.remove(0)), &["it has no authority key identifier (RFC 5280 section 5.2.1)"]),
        (|l| l.extensions.truncate(1), &["it has no CRL number (RFC 5280 section 5.2.3)"]),
        (
            |l| l.extensions.push(extension(27, None, &[2, 1, 4])),
            &["the deltaCRLIndicator is not critical, and must be (RFC 5280 section 5.2.4)"],
        ),
        (
            |l| l.extensions.push(extension(27, YES, &[2, 1, 9])),
            &["the number of the base list is greater than its own (RFC 5280 section 5.2.4)"],
        ),
        (
            |l| l.extensions.push(extension(28, YES, &[0x30, 0])),
            &["the issuingDistributionPoint is empty (RFC 5280 section 5.2.5)"],
        ),
        (
            |l| l.extensions.push(extension(28, YES, &[0x30, 6, 0x81, 1, 0xff, 0x82, 1, 0xff])),
            &[
                "the issuingDistributionPoint says more than one of: users alone, CAs alone, attribute certificates alone (RFC 5280 section 5.2.5)",
            ],
        ),
        (
            |l| l.extensions.push(extension(28, YES, &[0x30, 6, 0x81, 1, 0, 0x82, 1, 0xff])),
            &[
                "a flag of the issuingDistributionPoint is FALSE written out, and that is the default (X.690 section 11.5)",
            ],
        ),
        (
            |l| l.entries = Some(vec![]),
            &["the list of revoked certificates is there and empty (RFC 5280 section 5.1.2.6)"],
        ),
        (
            |l| l.entries = Some(vec![entry(&[5], &[]), entry(&[5], &[])]),
            &["the serial number 05 stands there more than once (RFC 5280 section 5.1.2.6)"],
        ),
        (
            |l| l.entries = Some(vec![entry(&[0x85], &[])]),
            &["the serial number of an entry is negative (RFC 5280 section 4.1.2.2)"],
        ),
        (
            |l| l.entries = Some(vec![entry(&[5], &[extension(21, None, &[10, 1, 0])])]),
            &["an entry gives the reason `unspecified`, which is to be left out (RFC 5280 section 5.3.1)"],
        ),
        (
            |l| l.entries = Some(vec![entry(&[5], &[extension(21, None, &[10, 1, 7])])]),
            &["an entry has a reason that there is not (RFC 5280 section 5.3.1)"],
        ),
        (
            |l| l.entries = Some(vec![entry(&[5], &[extension(21, None, &[10, 1, 8])])]),
            &["an entry has the reason removeFromCRL, and the list is no delta (RFC 5280 section 5.3.1)"],
        ),
        (
            |l| l.entries = Some(vec![entry(&[5], &[extension(21, YES, &[10, 1, 1])])]),
            &["the reasonCode is critical, and must not be (RFC 5280 section 5.3.1)"],
        ),
        (
            |l| {
                l.entries =
                    Some(vec![entry(&[5], &[extension(24, None, &element(0x17, &[b"260101000000Z"]))])]);
            },
            &["an invalidityDate is no GeneralizedTime (RFC 5280 section 5.3.2)"],
        ),
        (
            |l| l.entries = Some(vec![entry(&[5], &[extension(29, YES, &[0x30, 3, 0x82, 1, b'a'])])]),
            &["an entry names another issuer, and the list is not an indirect one (RFC 5280 section 5.3.3)"],
        ),
    ];
    for (change, expected) in cases {
        let mut list = List::new();
        change(&mut list);
        let item = one(&list.der());
        let told: Vec<String> =
            odd(&item).into_iter().filter(|odd| !odd.contains("cannot be read")).collect();
        assert_eq!(told, *expected, "{item:?}");
    }
}

#[test]
fn requests_and_signatures() {
    const ECDSA: &[u8] = &[0x30, 10, 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2];
    let request = |attributes: &[Vec<u8>]| {
        let info = element(
            SEQUENCE,
            &[
                &[2, 1, 0],
                &common_name("forged"),
                key().public_key_der(),
                &element(0xa0, &[&attributes.concat()]),
            ],
        );
        element(SEQUENCE, &[&info, ED25519, &bit_string(&key().sign(&info).unwrap())])
    };
    let attribute = |values: &[&[u8]]| {
        element(SEQUENCE, &[&[6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 7], &element(tag::SET, values)])
    };
    let password: &[u8] = &[0x13, 1, b'a'];
    assert_eq!(odd(&one(&request(&[attribute(&[password])]))), [""; 0]);
    assert_eq!(
        odd(&one(&request(&[attribute(&[])]))),
        ["the attribute 1.2.840.113549.1.9.7 has no value (RFC 2986 section 4.1)"]
    );
    assert_eq!(
        odd(&one(&request(&[attribute(&[password]), attribute(&[password])]))),
        ["the attribute 1.2.840.113549.1.9.7 stands there more than once (RFC 2986 section 4.1)"]
    );
    // A signature that is none of its algorithm, under a certificate that is sound otherwise.
    let forged = Forged::new();
    let short = element(SEQUENCE, &[&forged.tbs(), ED25519, &bit_string(&[7; 63])]);
    assert_eq!(
        odd(&one(&short)),
        ["the EdDSA signature has 63 bytes, and such a one has 64 (RFC 8032 section 5)"]
    );
    for (value, told) in [
        (
            element(SEQUENCE, &[&[2, 1, 5], &[2, 1, 0]]),
            "the ECDSA signature is not two positive numbers (RFC 3279 section 2.2.3)",
        ),
        (
            element(SEQUENCE, &[&[2, 1, 5], &[2, 2, 0, 5]]),
            "a number of the ECDSA signature has a leading zero byte too many (X.690 section 8.3.2)",
        ),
    ] {
        let forged = Forged { algorithm: ECDSA.to_vec(), outer: ECDSA.to_vec(), ..Forged::new() };
        let der = element(SEQUENCE, &[&forged.tbs(), ECDSA, &bit_string(&value)]);
        assert_eq!(odd(&one(&der)), [told]);
    }
}

/// What openssl makes in its own way is sound: nothing is told of it.
#[test]
fn what_openssl_makes_is_not_odd() {
    let directory = tempfile::tempdir().unwrap();
    let openssl = |line: &str| {
        let script = format!("cd {} && {line}", directory.path().display());
        let output = Command::new("bash").args(["-c", &script]).output().unwrap();
        assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    };
    for algorithm in [
        "EC -pkeyopt ec_paramgen_curve:P-256",
        "EC -pkeyopt ec_paramgen_curve:P-384",
        "EC -pkeyopt ec_paramgen_curve:P-521",
        "RSA -pkeyopt rsa_keygen_bits:2048",
        "ED25519",
        "ED448",
        "X25519",
    ] {
        let old = if algorithm.contains("pkeyopt") { " -traditional" } else { "" };
        for form in ["", old] {
            let key = openssl(&format!(
                "openssl genpkey -algorithm {algorithm} -out k && openssl pkey -in k{form}"
            ));
            let item = one(&key);
            assert_eq!((item.kind(), odd(&item)), ("privateKey", vec![]), "{algorithm}{form}");
            assert_eq!(odd(&one(&openssl("openssl pkey -in k -pubout"))), [""; 0], "{algorithm}");
        }
        if algorithm != "X25519" {
            let certificate = openssl("openssl req -x509 -new -key k -subj /CN=a -days 3650");
            assert_eq!(odd(&one(&certificate)), [""; 0], "{algorithm}");
            assert_eq!(odd(&one(&openssl("openssl req -new -key k -subj /CN=a"))), [""; 0], "{algorithm}");
        }
    }
}
