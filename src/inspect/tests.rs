//! Certificates, requests and lists of every odd make, forged here byte by byte.

use std::sync::OnceLock;

use super::*;
use crate::key::{KeyAlgorithm, KeyPair};
use crate::pem;
use crate::x509::der::{bit_string, element, tag};

const SEQUENCE: u8 = tag::SEQUENCE;
const ED25519: &[u8] = &[0x30, 5, 6, 3, 0x2b, 0x65, 0x70];
const CN: &[u8] = &[0x55, 4, 3];

fn key() -> &'static KeyPair {
    static KEY: OnceLock<KeyPair> = OnceLock::new();
    KEY.get_or_init(|| KeyPair::generate(KeyAlgorithm::Ed25519).unwrap())
}

fn attribute(oid: &[u8], kind: u8, value: &[u8]) -> Vec<u8> {
    let pair = element(SEQUENCE, &[&element(tag::OBJECT_IDENTIFIER, &[oid]), &element(kind, &[value])]);
    element(tag::SET, &[&pair])
}

fn name(parts: &[Vec<u8>]) -> Vec<u8> {
    element(SEQUENCE, &[&parts.concat()])
}

fn common_name(value: &str) -> Vec<u8> {
    name(&[attribute(CN, tag::UTF8_STRING, value.as_bytes())])
}

fn validity(from: (u8, &str), until: (u8, &str)) -> Vec<u8> {
    element(SEQUENCE, &[&element(from.0, &[from.1.as_bytes()]), &element(until.0, &[until.1.as_bytes()])])
}

/// An extension of the arc 2.5.29, `critical` as it is to stand.
fn extension(last: u8, critical: Option<u8>, value: &[u8]) -> Vec<u8> {
    let oid = element(tag::OBJECT_IDENTIFIER, &[&[0x55, 0x1d, last]]);
    let critical = critical.map(|byte| vec![1, 1, byte]).unwrap_or_default();
    element(SEQUENCE, &[&oid, &critical, &element(tag::OCTET_STRING, &[value])])
}

const CA: &[u8] = &[0x30, 3, 1, 1, 0xff];
const CERT_SIGN: &[u8] = &[3, 2, 2, 4];
const YES: Option<u8> = Some(0xff);

/// A certificate in the making.
#[derive(Clone)]
struct Forged {
    version: Vec<u8>,
    serial: Vec<u8>,
    algorithm: Vec<u8>,
    issuer: Vec<u8>,
    validity: Vec<u8>,
    subject: Vec<u8>,
    key: Vec<u8>,
    unique: Vec<u8>,
    /// None leaves out the whole field.
    extensions: Option<Vec<Vec<u8>>>,
    outer: Vec<u8>,
    behind: Vec<u8>,
}

impl Forged {
    /// A self-signed CA without fault.
    fn new() -> Self {
        Self {
            version: vec![0xa0, 3, 2, 1, 2],
            serial: vec![2, 2, 0x4f, 1],
            algorithm: ED25519.to_vec(),
            issuer: common_name("forged"),
            validity: validity((0x17, "260101000000Z"), (0x17, "360101000000Z")),
            subject: common_name("forged"),
            key: key().public_key_der().to_vec(),
            unique: Vec::new(),
            extensions: Some(vec![extension(19, YES, CA), extension(15, YES, CERT_SIGN)]),
            outer: ED25519.to_vec(),
            behind: Vec::new(),
        }
    }

    fn extension(mut self, extension: Vec<u8>) -> Self {
        self.extensions.get_or_insert_default().push(extension);
        self
    }

    fn tbs(&self) -> Vec<u8> {
        let extensions = self
            .extensions
            .as_ref()
            .map(|list| element(0xa3, &[&element(SEQUENCE, &[&list.concat()])]))
            .unwrap_or_default();
        let fields = [
            &self.version,
            &self.serial,
            &self.algorithm,
            &self.issuer,
            &self.validity,
            &self.subject,
            &self.key,
            &self.unique,
            &extensions,
        ];
        element(SEQUENCE, &fields.map(Vec::as_slice))
    }

    fn der(&self) -> Vec<u8> {
        let tbs = self.tbs();
        let signature = bit_string(&key().sign(&tbs).unwrap());
        [element(SEQUENCE, &[&tbs, &self.outer, &signature]), self.behind.clone()].concat()
    }
}

/// The one item of a file.
fn one(bytes: &[u8]) -> Item {
    let mut found = inspect("file", bytes).items;
    assert_eq!(found.len(), 1, "{found:?}");
    found.remove(0)
}

fn odd(item: &Item) -> Vec<String> {
    item.oddities.iter().map(ToString::to_string).collect()
}

#[test]
fn a_sound_certificate_has_nothing_odd() {
    let item = one(&Forged::new().der());
    assert_eq!((odd(&item), item.faults.clone()), (vec![], vec![]), "{item:?}");
    let Content::Certificate(facts) = &item.content else { panic!("{item:?}") };
    assert!(facts.verify_signature(&facts.certificate.tbs.public_key).is_ok());
}

/// Changes the good certificate, and says what must be told of it.
type Case = (Change, &'static [&'static str]);
type Change = fn(&mut Forged);

#[test]
fn what_is_odd_about_a_certificate_is_told_with_its_section() {
    let cases: &[Case] = &[
        (|f| f.serial = vec![2, 1, 0], &["the serial number is zero (RFC 5280 section 4.1.2.2)"]),
        (|f| f.serial = vec![2, 1, 0x85], &["the serial number is negative (RFC 5280 section 4.1.2.2)"]),
        (
            |f| f.serial = [vec![2, 21], vec![0x7f; 21]].concat(),
            &["the serial number has 21 octets, and 20 are the most (RFC 5280 section 4.1.2.2)"],
        ),
        (
            |f| f.serial = vec![2, 2, 0, 5],
            &["byte 11: an INTEGER has a leading zero byte too many (X.690 section 8.3.2)"],
        ),
        (
            |f| f.version = vec![0xa0, 3, 2, 1, 0],
            &[
                "version 1 is written out, and is the default (X.690 section 11.5)",
                "it is of version 1 and has extensions, which are of version 3 (RFC 5280 section 4.1.2.1)",
            ],
        ),
        (
            |f| {
                f.version = vec![];
                f.extensions = None;
            },
            &[],
        ),
        (
            |f| f.version = vec![],
            &["it is of version 1 and has extensions, which are of version 3 (RFC 5280 section 4.1.2.1)"],
        ),
        (
            |f| f.version = vec![0xa0, 3, 2, 1, 7],
            &["the version is none of 1, 2 and 3 (RFC 5280 section 4.1.2.1)"],
        ),
        (
            |f| f.unique = vec![0x81, 2, 0, 1],
            &["it has a unique identifier, which no CA may write (RFC 5280 section 4.1.2.8)"],
        ),
        (
            |f| f.outer = vec![0x30, 7, 6, 3, 0x2b, 0x65, 0x70, 5, 0],
            &[
                "the signature algorithm beside the signature is not the one that was signed (RFC 5280 section 4.1.1.2)",
            ],
        ),
        (
            |f| f.algorithm = vec![0x30, 7, 6, 3, 0x2b, 0x65, 0x70, 5, 0],
            &[
                "the signature algorithm beside the signature is not the one that was signed (RFC 5280 section 4.1.1.2)",
                "an EdDSA signature algorithm has parameters (RFC 8410 section 3)",
            ],
        ),
        (|f| f.issuer = vec![0x30, 0], &["the issuer is empty (RFC 5280 section 4.1.2.4)"]),
        (
            |f| f.subject = vec![0x30, 0],
            &["the subject is empty and no alternative name stands for it (RFC 5280 section 4.1.2.6)"],
        ),
        (
            |f| {
                f.subject = vec![0x30, 0];
                *f = f.clone().extension(extension(17, None, &[0x30, 3, 0x82, 1, b'a']));
            },
            &[
                "the subject is empty, and the alternative names that stand for it are not critical (RFC 5280 section 4.2.1.6)",
            ],
        ),
    ];
    run(cases);
}

#[test]
fn names_and_times_in_the_wrong_form_are_told() {
    let cases: &[Case] = &[
        (
            |f| f.subject = name(&[attribute(CN, 0x14, b"J\xfcrgen")]),
            &["CN in the subject is a TeletexString (T61), read as Latin-1 (RFC 5280 section 4.1.2.4)"],
        ),
        (
            |f| f.subject = name(&[attribute(CN, 0x1e, b"\0a\0b")]),
            &["CN in the subject is a BMPString (UTF-16) (RFC 5280 section 4.1.2.4)"],
        ),
        (
            |f| f.subject = name(&[attribute(CN, 0x16, b"a@b")]),
            &["CN in the subject is an IA5String, which it may not be (RFC 5280 section 4.1.2.4)"],
        ),
        (
            |f| f.issuer = name(&[attribute(CN, tag::PRINTABLE_STRING, b"a@b")]),
            &[
                "CN in the issuer is a PrintableString with a character that it cannot hold (X.680 section 41.4)",
            ],
        ),
        (
            |f| f.subject = name(&[attribute(CN, tag::UTF8_STRING, &[b'x'; 65])]),
            &["CN in the subject has 65 characters, and 64 are the most (RFC 5280 appendix A.1)"],
        ),
        (
            |f| f.subject = name(&[attribute(&[0x55, 4, 6], tag::UTF8_STRING, b"DE")]),
            &["C in the subject is not a PrintableString (RFC 5280 appendix A.1)"],
        ),
        (
            |f| f.validity = validity((0x17, "2601010000Z"), (0x17, "360101000000Z")),
            &["notBefore is `2601010000Z`, and a UTCTime is YYMMDDHHMMSSZ (RFC 5280 section 4.1.2.5.1)"],
        ),
        (
            |f| f.validity = validity((0x17, "260101000000Z"), (0x18, "20360101000000Z")),
            &[
                "notAfter is a GeneralizedTime before the year 2050, which is to be a UTCTime (RFC 5280 section 4.1.2.5)",
            ],
        ),
        (
            |f| f.validity = validity((0x17, "260101000000Z"), (0x18, "20600101000000.5Z")),
            &[
                "notAfter is `20600101000000.5Z`, and a GeneralizedTime is YYYYMMDDHHMMSSZ (RFC 5280 section 4.1.2.5.2)",
            ],
        ),
        (
            |f| f.validity = validity((0x17, "260101000000+0100"), (0x17, "360101000000Z")),
            &[
                "notBefore is `260101000000+0100`, and a UTCTime is YYMMDDHHMMSSZ (RFC 5280 section 4.1.2.5.1)",
            ],
        ),
        (
            |f| f.validity = validity((0x17, "360101000000Z"), (0x17, "260101000000Z")),
            &["notAfter lies before notBefore (RFC 5280 section 4.1.2.5)"],
        ),
        (|f| f.validity = validity((0x17, "260101000000Z"), (0x18, "99991231235959Z")), &[]),
    ];
    run(cases);
}

#[test]
fn extensions_in_the_wrong_form_are_told() {
    let cases: &[Case] = &[
        (
            |f| f.extensions = Some(vec![]),
            &["the list of extensions is there and empty (RFC 5280 section 4.1)"],
        ),
        (
            |f| *f = f.clone().extension(extension(15, YES, CERT_SIGN)),
            &["the keyUsage stands there more than once (RFC 5280 section 4.2)"],
        ),
        (
            |f| *f = f.clone().extension(extension(14, YES, &[4, 1, 7])),
            &["the subjectKeyIdentifier is critical, and must not be (RFC 5280 section 4.2.1.2)"],
        ),
        (
            |f| *f = f.clone().extension(extension(14, Some(0), &[4, 1, 7])),
            &[
                "`critical` of the subjectKeyIdentifier is FALSE written out, and that is the default (X.690 section 11.5)",
            ],
        ),
        (
            |f| *f = f.clone().extension(extension(14, None, &[4, 1, 7, 0, 0])),
            &["2 bytes follow the subjectKeyIdentifier (RFC 5280 section 4.2.1.2)"],
        ),
        (
            |f| *f = f.clone().extension(extension(14, None, &[4, 0x81, 1, 7])),
            &[
                "in the subjectKeyIdentifier: byte 0: the length is not written in the fewest bytes (X.690 section 10.1)",
            ],
        ),
        (
            |f| f.extensions = Some(vec![extension(19, None, CA), extension(15, YES, CERT_SIGN)]),
            &["the basic constraints of a CA are not critical, and must be (RFC 5280 section 4.2.1.9)"],
        ),
        (
            |f| f.extensions = Some(vec![extension(19, YES, &[0x30, 3, 1, 1, 0])]),
            &["`cA` is FALSE written out, and that is the default (X.690 section 11.5)"],
        ),
        (
            |f| {
                f.extensions =
                    Some(vec![extension(19, YES, &[0x30, 3, 2, 1, 0]), extension(15, YES, CERT_SIGN)]);
            },
            &[
                "a path length is given, and it is no CA (RFC 5280 section 4.2.1.9)",
                "the key usage admits keyCertSign, and it is no CA (RFC 5280 section 4.2.1.9)",
            ],
        ),
        (
            |f| f.extensions = Some(vec![extension(19, YES, CA), extension(15, YES, &[3, 2, 0, 4])]),
            &["the key usage ends in bits that are not set (X.690 section 11.2.2)"],
        ),
        (
            |f| f.extensions = Some(vec![extension(19, YES, CA), extension(15, YES, &[3, 2, 7, 0])]),
            &["the key usage has no bit set (RFC 5280 section 4.2.1.3)"],
        ),
        (
            |f| *f = f.clone().extension(extension(30, None, &[0x30, 0])),
            &[
                "the nameConstraints is not critical, and must be (RFC 5280 section 4.2.1.10)",
                "the name constraints are empty (RFC 5280 section 4.2.1.10)",
            ],
        ),
        (
            |f| *f = f.clone().extension(extension(17, None, &[0x30, 4, 0x87, 2, 1, 2])),
            &["an iPAddress has 2 bytes, not 4 or 16 (RFC 5280 section 4.2.1.6)"],
        ),
        (
            |f| *f = f.clone().extension(extension(17, None, &[0x30, 4, 0x82, 2, 0xc3, 0xbc])),
            &["a dNSName is not ASCII, and it is an IA5String (RFC 5280 section 4.2.1.6)"],
        ),
        (
            |f| *f = f.clone().extension(extension(17, None, &[0x30, 0])),
            &["the subjectAltName is empty (RFC 5280 section 4.2.1.6)"],
        ),
        (
            |f| *f = f.clone().extension(extension(54, None, &[2, 1, 0])),
            &["the inhibitAnyPolicy is not critical, and must be (RFC 5280 section 4.2.1.14)"],
        ),
    ];
    run(cases);
}

fn run(cases: &[Case]) {
    for (number, (change, expected)) in cases.iter().enumerate() {
        let mut forged = Forged::new();
        change(&mut forged);
        let item = one(&forged.der());
        assert_eq!(odd(&item), *expected, "case {number}: {item:?}");
    }
}

#[test]
fn a_certificate_in_ber_is_read_and_its_own_bytes_kept() {
    let forged = Forged::new();
    // The signature is over bytes whose lengths are not those of DER.
    let tbs = forged.tbs();
    let content = &tbs[3..];
    let length = u8::try_from(content.len()).unwrap();
    let long = [&[SEQUENCE, 0x82, 0, length][..], content].concat();
    let signature = bit_string(&key().sign(&long).unwrap());
    let whole = [&[SEQUENCE, 0x80][..], &long, ED25519, &signature, &[0, 0]].concat();
    let item = one(&whole);
    assert_eq!(
        odd(&item),
        [
            "byte 0: the length is indefinite (X.690 section 10.1)",
            "byte 2: the length is not written in the fewest bytes (X.690 section 10.1)"
        ]
    );
    let Content::Certificate(facts) = &item.content else { panic!("{item:?}") };
    assert_eq!(facts.der(), whole);
    assert_eq!(facts.fingerprint(), crate::x509::sha256_hex(&whole));
    assert_eq!(facts.verify_signature(&facts.certificate.tbs.public_key), Ok(()));
    assert_eq!(
        relate(&[inspect("file", &whole)]).of(At { file: 0, item: 0 }).unwrap().signing,
        Some(Signing::SelfSigned)
    );
    assert_eq!(*pem::parse(item.to_pem().unwrap().as_bytes()).unwrap()[0].der, whole);
}

#[test]
fn what_no_reader_takes_is_told_as_far_as_it_goes() {
    let unreadable: [(Change, &str); 3] = [
        (
            |f| f.validity = validity((0x17, "269901000000Z"), (0x17, "360101000000Z")),
            "notBefore is `269901000000Z`, which is no date",
        ),
        (
            |f| {
                const RSA: &[u8] = &[0x30, 13, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1, 5, 0];
                f.key = element(SEQUENCE, &[RSA, &bit_string(b"no key")]);
            },
            "",
        ),
        (|f| f.extensions = Some(vec![vec![0x30, 3, 2, 1, 0]]), "an extension is not made as one is"),
    ];
    for (change, told) in unreadable {
        let mut forged = Forged::new();
        change(&mut forged);
        let item = one(&forged.der());
        let Content::Broken { what: "certificate", facts } = &item.content else { panic!("{item:?}") };
        assert_eq!(facts[0], ("subject", "CN=forged".to_owned()));
        assert_eq!(facts[2], ("serial", "4f01".to_owned()));
        assert_eq!(item.faults.len(), 1, "{item:?}");
        assert!(told.is_empty() || odd(&item).iter().any(|odd| odd.starts_with(told)), "{item:?}");
    }
}

#[test]
fn what_follows_is_told_and_several_are_read() {
    let der = Forged { behind: vec![1, 2, 3], ..Forged::new() }.der();
    assert_eq!(odd(&one(&der)), ["3 bytes follow it (X.690 section 8.1)"]);
    let block = one(pem::encode("CERTIFICATE", &der).as_bytes());
    assert_eq!(odd(&block), ["3 bytes follow a certificate in its block (RFC 7468 section 5.1)"]);
    let two = Forged { behind: Forged::new().der(), ..Forged::new() }.der();
    let found = inspect("file", &two);
    assert_eq!((found.encoding, found.items.len()), (Encoding::Der, 2));
    assert!(odd(&found.items[0])[0].starts_with("other structures follow it"));
    // What is cut off was something once.
    let cut = one(&Forged::new().der()[..100]);
    assert!(cut.faults[0].starts_with("it is cut off: "), "{cut:?}");
}

#[test]
fn a_wrong_label_is_told() {
    let certificate = Forged::new().der();
    let private = pem::parse(key().to_pem().as_bytes()).unwrap().remove(0).der.to_vec();
    let public = key().public_key_der().to_vec();
    for (label, der, kind, fault) in [
        ("CERTIFICATE", &certificate, "certificate", ""),
        ("X509 CERTIFICATE", &certificate, "certificate", ""),
        (
            "CERTIFICATE",
            &private,
            "privateKey",
            "the block is labelled `CERTIFICATE` and holds a private key in PKCS#8, which belongs under `PRIVATE KEY` (RFC 7468 section 10)",
        ),
        (
            "PRIVATE KEY",
            &certificate,
            "certificate",
            "the block is labelled `PRIVATE KEY` and holds a certificate, which belongs under `CERTIFICATE` (RFC 7468 section 5.1)",
        ),
        (
            "RSA PRIVATE KEY",
            &private,
            "privateKey",
            "the block is labelled `RSA PRIVATE KEY` and holds a private key in PKCS#8, which belongs under `PRIVATE KEY` (RFC 7468 section 10)",
        ),
        (
            "EC PRIVATE KEY",
            &public,
            "publicKey",
            "the block is labelled `EC PRIVATE KEY` and holds a public key, which belongs under `PUBLIC KEY` (RFC 7468 section 13)",
        ),
        (
            "CERTIFICATE",
            &vec![0x30, 3, 2, 1, 0],
            "broken",
            "the block is labelled `CERTIFICATE` and holds nothing of the kind",
        ),
    ] {
        let item = one(pem::encode(label, der).as_bytes());
        assert_eq!(item.kind(), kind, "{label}");
        assert_eq!(item.faults.concat(), fault, "{label}");
    }
    let old = one(pem::encode("X509 CERTIFICATE", &certificate).as_bytes());
    assert_eq!(
        odd(&old),
        ["the label is an old one; `CERTIFICATE` is the one to write (RFC 7468 section 5.1)"]
    );
}

#[test]
fn private_keys_stay_private() {
    let pem = key().to_pem();
    let item = one(pem.as_bytes());
    let der = pem::parse(pem.as_bytes()).unwrap().remove(0).der;
    let secret: Vec<String> = der[16..].iter().map(ToString::to_string).collect();
    let shown = format!("{item:?}");
    assert!(!shown.contains(&secret.join(", ")) && !shown.contains(&crate::x509::hex(&der[16..])), "{shown}");
    assert_eq!(item.der(), None);
    assert_eq!(*item.to_pem().unwrap(), *pem);
    // In an object, too.
    let secret = format!(
        "apiVersion: v1\nkind: Secret\nstringData:\n  a: |\n    {}\n",
        pem.trim_end().replace('\n', "\n    ")
    );
    let found = inspect("file", secret.as_bytes());
    assert_eq!(found.all()[1].kind(), "privateKey");
    assert!(!format!("{found:?}").contains(pem.lines().nth(1).unwrap()));
}

/// Deep YAML takes less than 512 KiB of stack in a release build, and in a test more than a test's thread has.
#[test]
fn hostile_files_end_soon() {
    let thread = std::thread::Builder::new().stack_size(8 << 20);
    thread.spawn(hostile_files).unwrap().join().unwrap();
}

fn hostile_files() {
    let blocks = "-----BEGIN A-----\n-----END A-----\n".repeat(100_000);
    let found = inspect("file", blocks.as_bytes());
    assert_eq!(found.items.len(), MOST_ITEMS + 1);
    assert!(found.is_broken());
    // Something within something within something.
    let mut nested = pem::encode("CERTIFICATE", &Forged::new().der()).to_string();
    for depth in 0..8 {
        use base64::Engine as _;
        assert_eq!(inspect("file", nested.as_bytes()).is_broken(), depth > DEEPEST, "{depth}");
        let base64 = base64::prelude::BASE64_STANDARD.encode(nested);
        nested = format!("apiVersion: v1\nkind: Secret\ndata: {{a: {base64}}}\n");
    }
    for (text, fault) in [
        (format!("kind: Secret\ndata: {}", "{a: ".repeat(5000)), ""),
        (format!("kind: Secret\n{}", "- ".repeat(5000)), ""),
        (format!("{{\"kind\": {}", "[".repeat(100_000)), ""),
        (format!("kind: List\nitems: [{}]", "&a [*a]".repeat(3)), ""),
        (
            format!("kind: Secret\nx: {}", "a".repeat(LARGEST_OBJECTS)),
            "it is larger than 16 MiB, which is the most of YAML that is read",
        ),
    ] {
        let item = one(text.as_bytes());
        assert_eq!((item.kind(), item.faults.len()), ("broken", 1), "{}", &text[..40]);
        assert!(item.faults[0].starts_with(fault), "{item:?}");
    }
    // A certificate of 256 KiB is one, as to Go; one over 1 MiB is none.
    let large =
        |bytes: usize| Forged::new().extension(extension(99, None, &element(4, &[&vec![7; bytes]]))).der();
    assert_eq!(one(&large(256 << 10)).kind(), "certificate");
    assert_eq!(one(&large(1 << 20)).faults, ["not a valid certificate: it is larger than 1 MiB"]);
}

#[test]
fn very_many_signatures_are_not_all_checked() {
    // Certificates with the name of their issuer and another key each.
    let impostors: Vec<Vec<u8>> = (0..20_u8)
        .map(|number| {
            let key = element(SEQUENCE, &[ED25519, &bit_string(&[number; 32])]);
            Forged { serial: vec![2, 1, number], key, ..Forged::new() }.der()
        })
        .collect();
    let text: String = impostors.iter().map(|der| pem::encode("CERTIFICATE", der).to_string()).collect();
    let relations = relate(&[inspect("file", text.as_bytes())]);
    assert_eq!(relations.of(At { file: 0, item: 0 }).unwrap().signing, Some(Signing::NotChecked));
    assert_eq!(relations.bundles[0][0].order, Order::Anchors);
    let alone = relate(&[inspect("file", &impostors[0])]);
    let signing = alone.of(At { file: 0, item: 0 }).unwrap().signing.clone();
    assert!(matches!(signing, Some(Signing::SelfIssued(_))), "{signing:?}");
}

#[test]
fn chains_and_bundles_are_told_apart() {
    let issue = |subject: &str, issuer: &str| {
        Forged { subject: common_name(subject), issuer: common_name(issuer), ..Forged::new() }.der()
    };
    let root = issue("root", "root");
    let (middle, leaf, other) =
        (issue("middle", "root"), issue("leaf", "middle"), issue("other", "stranger"));
    let order = |ders: &[&Vec<u8>]| {
        let text: String = ders.iter().map(|der| pem::encode("CERTIFICATE", der).to_string()).collect();
        let bundle = relate(&[inspect("file", text.as_bytes())]).bundles.remove(0).remove(0);
        (bundle.order, bundle.repeated)
    };
    assert_eq!(order(&[&leaf, &middle, &root]), (Order::Chain, vec![]));
    assert_eq!(order(&[&leaf, &middle]), (Order::Chain, vec![]));
    assert_eq!(order(&[&middle, &root, &leaf]), (Order::Shuffled(vec![3, 1, 2]), vec![]));
    assert_eq!(order(&[&leaf, &middle, &other]), (Order::Apart(2), vec![]));
    assert_eq!(order(&[&leaf, &root]), (Order::Apart(1), vec![]));
    assert_eq!(order(&[&root, &root]), (Order::Anchors, vec![(1, 2)]));
    // The one key of all these: without a signature they would be one chain in any order.
    assert_eq!(order(&[&leaf, &other]), (Order::Apart(1), vec![]));
}

#[test]
fn what_is_nothing_of_a_pki_is_no_fault() {
    for (text, kinds) in [
        ("{{ template }}", &["unknown"][..]),
        ("{\"a\": 1}", &["unknown"]),
        ("a: b\n", &["unknown"]),
        ("kind: ConfigMap\ndata: {a: \"kind: {{ x }}\", b: \"{{ y }}\", c: \"\"}\n", &["kubernetesObject"]),
        (
            "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nAAAA\n=abcd\n-----END PGP PUBLIC KEY BLOCK-----\n",
            &["other"],
        ),
        ("-----BEGIN STUFF-----\nAAAA\n-----END STUFF-----\n", &["other"]),
    ] {
        let found = inspect("file", text.as_bytes());
        let all: Vec<&str> = found.all().iter().map(|item| item.kind()).collect();
        assert_eq!((all.as_slice(), found.is_broken()), (kinds, false), "{text}");
    }
    // What cfssl answers is JSON with PEM in it.
    let answer = format!("{{\"cert\": {:?}}}", *pem::encode("CERTIFICATE", &Forged::new().der()));
    assert_eq!(inspect("file", answer.as_bytes()).all()[1].place.field.as_deref(), Some("cert"));
}

#[path = "tests/oddities.rs"]
mod oddities;

mod hostile {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn mutated_certificates_never_panic(at in 0_usize..400, byte in any::<u8>(), cut in 0_usize..400) {
            let mut der = Forged::new().extension(extension(17, None, &[0x30, 4, 0x82, 2, b'a', b'b'])).der();
            let length = der.len();
            der[at % length] = byte;
            let files = [inspect("file", &der), inspect("file", &der[..cut % length])];
            let _ = relate(&files);
            let text = pem::encode("CERTIFICATE", &der);
            let _ = relate(&[inspect("file", text.as_bytes())]);
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = relate(&[inspect("file", &bytes)]);
        }

        #[test]
        fn arbitrary_objects_never_panic(
            text in "(apiVersion: v1\n|kind: (Secret|Config|List|ConfigMap)\n|data:\n|items:\n|users:\n|- |  |a: |name: |LS0t|-----BEGIN A-----|\n|[{}\\[\\],:'\"|>&*!]){0,40}",
        ) {
            let _ = relate(&[inspect("file", text.as_bytes())]);
        }
    }
}
