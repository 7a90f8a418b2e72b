//! DER, from a file of its own or from a PEM block, to items.

use super::ber::{self, Examined};
use super::kind::{Kind, kind_of};
use super::oddity;
use super::reading::Reading;
use super::{Content, Item, Oddity, Place, PublicKeyFacts, certificate, request, ssh};
use crate::key::{PrivateKeyFacts, algorithm_name};
use crate::pem::{self, Found};
use crate::x509::der::{bit_string, element, object_identifier, read, tag};
use crate::x509::{Printable, PublicKey, PublicKeyKind, RevocationList, X509Error};

/// The most structures that are read of one DER file.
const MOST_IN_ONE: usize = 1000;

/// What becomes of a block whose BEGIN does not stand at the start of its line.
const UNSEEN: &str = "programs written in Go do not see the block";

/// Whether an oddity is one for which programs written in Go do not see the block.
pub(super) fn is_unseen_by_go(oddity: &Oddity) -> bool {
    oddity.what.ends_with(UNSEEN)
}

/// What a PEM block holds.
pub(super) fn of_block(found: Found, number: usize, reading: Reading<'_>) -> Item {
    let Found { label, headers, span, contents, indented, behind_mark, widest } = found;
    let cipher = headers.iter().find(|(name, _)| name == "DEK-Info").map(|(_, value)| value.as_str());
    let cipher = cipher.and_then(|value| value.split(',').next()).unwrap_or("by an unnamed cipher");
    let encrypted = headers.iter().any(|(name, value)| name == "Proc-Type" && value.ends_with("ENCRYPTED"));
    let mut item = match contents {
        // OpenPGP writes a checksum behind the base64 (RFC 9580 section 6.1).
        _ if label.starts_with("PGP ") => {
            named("OpenPGP block", "contents", "not read; gpg --show-keys FILE shows keys")
        }
        Err(error) => Item::broken(noun(&label), error.to_string()),
        Ok(_) if encrypted => legacy(&label, cipher),
        Ok(bytes) if label == pem::CERTIFICATE => reading.certificate(&bytes, || of_bytes(&bytes, &label)),
        Ok(bytes) => of_bytes(&bytes, &label),
    };
    if !headers.is_empty() && !encrypted {
        let names: Vec<String> =
            headers.iter().take(5).map(|(name, _)| Printable(name).to_string()).collect();
        let what =
            format!("headers stand in the block ({}); Kubernetes skips such certificates", names.join(", "));
        item.oddities.push(Oddity::new(what, "RFC 7468 section 2"));
    }
    if indented {
        item.oddities
            .push(Oddity::new(format!("white space stands before BEGIN; {UNSEEN}"), "RFC 7468 section 3"));
    }
    if behind_mark {
        let what = format!("a byte order mark stands before BEGIN; {UNSEEN}");
        item.oddities.push(Oddity::new(what, "RFC 7468 section 3"));
    }
    // OpenSSH writes 70 characters, in a format of its own.
    if widest > 64 && label != ssh::LABEL {
        let what = format!("a line of base64 has {widest} characters, and 64 are the most");
        item.oddities.push(Oddity::new(what, "RFC 7468 section 2"));
    }
    item.place = Place { field: None, block: Some(number), lines: Some((span.first_line, span.last_line)) };
    for inner in &mut item.items {
        inner.place = Place { field: inner.place.field.take(), ..item.place.clone() };
    }
    item.label = Some(label);
    item
}

/// What a label promises.
fn noun(label: &str) -> &'static str {
    match label {
        "CERTIFICATE" | "X509 CERTIFICATE" | "X.509 CERTIFICATE" | "TRUSTED CERTIFICATE" => "certificate",
        "CERTIFICATE REQUEST" | "NEW CERTIFICATE REQUEST" => "certificate signing request",
        "X509 CRL" | "CRL" => "certificate revocation list",
        label if label.ends_with("PRIVATE KEY") => "private key",
        label if label.ends_with("PUBLIC KEY") => "public key",
        label if label.ends_with("PARAMETERS") => "parameters",
        "PKCS7" | "CMS" => "PKCS#7 message",
        _ => "PEM block",
    }
}

fn legacy(label: &str, cipher: &str) -> Item {
    let Some(facts) = PrivateKeyFacts::legacy(label, &Printable(cipher).to_string()) else {
        return Item::broken(
            noun(label),
            "the block is encrypted, and its label is not that of a private key",
        );
    };
    let mut item = Item::new(Content::PrivateKey(Box::new(facts)));
    let what = "the key is encrypted in the way of OpenSSL before PKCS#8, which is weak and which few programs read; \
                convert it with openssl pkcs8 -topk8";
    item.oddities.push(Oddity::new(what, "RFC 1421 section 4.6.1.1"));
    item
}

fn of_bytes(bytes: &[u8], label: &str) -> Item {
    if ssh::is_private(bytes) {
        let mut item = ssh::private(bytes);
        if label != ssh::LABEL {
            item.faults.push(mislabelled(
                label,
                "a private key of OpenSSH",
                ssh::LABEL,
                "PROTOCOL.key of OpenSSH",
            ));
        }
        return item;
    }
    let examined = match ber::examine(bytes) {
        Ok(examined) => examined,
        Err(error) if noun(label) == "PEM block" => {
            let facts = vec![("contents", format!("{} bytes: {error}", bytes.len()))];
            return Item::new(Content::Named { what: format!("block labelled {label}"), facts });
        }
        Err(error) => return Item::broken(noun(label), error.to_string()),
    };
    let Some(kind) = kind_of(examined.der(), Some(label)) else {
        if noun(label) == "PEM block" {
            let facts = vec![("contents", format!("{} bytes of ASN.1", bytes.len()))];
            return Item::new(Content::Named { what: format!("block labelled {label}"), facts });
        }
        let why = format!("the block is labelled `{label}` and holds nothing of the kind");
        return Item::broken(noun(label), why);
    };
    let mut item = of_kind(&examined, kind, label == pem::TRUSTED_CERTIFICATE);
    check_label(&mut item, kind, label);
    let consumed = matches!(&item.content, Content::Certificate(facts) if facts.trust.is_some());
    if !examined.rest.is_empty() && !consumed {
        let what = format!("{} bytes follow {} in its block", examined.rest.len(), kind.name());
        item.oddities.push(Oddity::new(what, kind.labels().2));
    }
    item
}

/// What a file of DER holds; none where its first structure is nothing that is known.
pub(super) fn of_file(bytes: &[u8]) -> Vec<Item> {
    let mut items: Vec<Item> = Vec::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        let examined = ber::examine(rest);
        let known =
            examined.as_ref().ok().and_then(|examined| Some((examined, kind_of(examined.der(), None)?)));
        let Some((examined, kind)) = known.filter(|_| items.len() < MOST_IN_ONE) else {
            match items.last_mut() {
                Some(last) => {
                    let what = format!("{} bytes follow it", rest.len());
                    last.oddities.push(Oddity::new(what, "X.690 section 8.1"));
                }
                None => items.push(unknown(bytes, examined.err())),
            }
            break;
        };
        let item = of_kind(examined, kind, false);
        rest = match &item.content {
            Content::Certificate(facts) if facts.trust.is_some() => &[],
            _ => examined.rest,
        };
        items.push(item);
    }
    if items.len() > 1
        && let Some(first) = items.first_mut()
    {
        let what =
            "other structures follow it in the same file, of which many readers take the first or none";
        first.oddities.push(Oddity::new(what, "X.690 section 8.1"));
    }
    items
}

fn unknown(bytes: &[u8], error: Option<ber::Unreadable>) -> Item {
    match error {
        // What begins as DER and breaks off was DER once.
        Some(error @ ber::Unreadable::CutOff { .. }) if bytes.first() == Some(&tag::SEQUENCE) => {
            Item::broken("DER", error.to_string())
        }
        _ => Item::new(Content::Unknown { bytes: bytes.len() }),
    }
}

fn of_kind(examined: &Examined<'_>, kind: Kind, trusted: bool) -> Item {
    let der = examined.der();
    let mut item = match kind {
        Kind::Certificate => certificate::item(examined, trusted),
        Kind::Request => request::item(examined),
        Kind::RevocationList => revocation_list(der),
        Kind::PrivateKey => private_key(der),
        Kind::PublicKey => public_key(der, "SubjectPublicKeyInfo"),
        Kind::RsaPublicKey => {
            /// `rsaEncryption` with its NULL.
            const RSA: &[u8] = &[0x30, 13, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1, 5, 0];
            public_key(&element(tag::SEQUENCE, &[RSA, &bit_string(der)]), "PKCS#1")
        }
        Kind::Pkcs7 => pkcs7(examined.whole),
        Kind::Pkcs12 => named(
            "PKCS#12 store",
            "contents",
            "protected by a passphrase and not read; openssl pkcs12 -in FILE -nokeys shows the certificates",
        ),
        Kind::OcspResponse => {
            named("OCSP response", "contents", "not read; openssl ocsp -respin FILE -text shows it")
        }
        Kind::CurveParameters => named("parameters of a curve", "curve", &curve(der)),
        Kind::DhParameters => named("Diffie-Hellman parameters", "size", &format!("{} bits", bits(der))),
        Kind::DsaParameters => named("DSA parameters", "size", &format!("{} bits", bits(der))),
    };
    // PKCS#7 and PKCS#12 are BER by their own standards.
    if !matches!(kind, Kind::Pkcs7 | Kind::Pkcs12) {
        item.oddities.splice(0..0, examined.oddities.iter().cloned());
    }
    item
}

fn named(what: &str, fact: &'static str, value: &str) -> Item {
    Item::new(Content::Named { what: what.to_owned(), facts: vec![(fact, value.to_owned())] })
}

fn curve(der: &[u8]) -> String {
    let oid = read(der).and_then(|(oid, _)| object_identifier(oid.content));
    oid.map_or_else(
        || "given by explicit parameters".into(),
        |oid| {
            let name = match oid.as_str() {
                "1.2.840.10045.3.1.7" => "P-256".to_owned(),
                "1.3.132.0.34" => "P-384".to_owned(),
                "1.3.132.0.35" => "P-521".to_owned(),
                _ => algorithm_name(&PublicKeyKind::Ec(oid.clone())),
            };
            format!("{} ({oid})", name.trim_start_matches("ECDSA on "))
        },
    )
}

/// The length of the first number of a list.
fn bits(der: &[u8]) -> usize {
    let number = read(der).and_then(|(list, _)| read(list.content)).map(|(number, _)| number.content);
    let zeros = number.unwrap_or_default().iter().take_while(|byte| **byte == 0).count();
    let significant = number.unwrap_or_default().get(zeros..).unwrap_or_default();
    significant.first().map_or(0, |first| significant.len() * 8 - first.leading_zeros() as usize)
}

fn revocation_list(der: &[u8]) -> Item {
    let mut item = match RevocationList::from_der(der) {
        Ok(list) => {
            let malformed = unreadable(&list.malformed, |_| "RFC 5280 section 5.2");
            let mut item = Item::new(Content::RevocationList(Box::new(list)));
            item.oddities = malformed;
            item
        }
        Err(error) => Item::broken("certificate revocation list", shown(&error)),
    };
    item.oddities.extend(oddity::list(der));
    item
}

/// Extensions that the reader could not read. What it says of bytes behind a value, and of values that are not DER, is told
/// already, with the byte.
pub(super) fn unreadable(
    malformed: &[(String, String)],
    source: impl Fn(&str) -> &'static str,
) -> Vec<Oddity> {
    let told = ["bytes follow its value", "its value is not in DER"];
    let one = |(oid, reason): &(String, String)| {
        let name = super::extension_name(oid).map_or_else(|| format!("extension {oid}"), str::to_owned);
        Oddity::new(format!("the {name} cannot be read: {}", Printable(reason)), source(oid))
    };
    malformed.iter().filter(|(_, reason)| !told.contains(&reason.as_str())).map(one).collect()
}

fn shown(error: &X509Error) -> String {
    Printable(&error.to_string()).to_string()
}

fn private_key(der: &[u8]) -> Item {
    let Some(facts) = PrivateKeyFacts::read(der) else {
        return Item::broken("private key", "it is made as no private key is");
    };
    let fault = facts.fault.as_ref().map(ToString::to_string);
    let encrypted = facts.encryption.is_some();
    let mut item = Item::new(Content::PrivateKey(Box::new(facts))).with_raw(der);
    if !encrypted {
        item.oddities = oddity::private_key(der);
    }
    item.faults.extend(fault);
    item
}

fn public_key(spki: &[u8], form: &'static str) -> Item {
    match PublicKey::from_der(spki) {
        Ok(key) => {
            let mut item = Item::new(Content::PublicKey(Box::new(PublicKeyFacts { key, form })));
            item.oddities = oddity::public_key(spki);
            item
        }
        Err(error) => Item::broken("public key", shown(&error)),
    }
}

/// A message of PKCS#7 (RFC 5652 sections 3 and 5.1) and the certificates and lists in it.
fn pkcs7(whole: &[u8]) -> Item {
    let parts = ber::parts(whole).unwrap_or_default();
    let kind = parts.first().and_then(|(_, oid, _)| object_identifier(oid)).unwrap_or_default();
    let what = match kind.as_str() {
        "1.2.840.113549.1.7.1" => "data",
        "1.2.840.113549.1.7.2" => "signed data",
        "1.2.840.113549.1.7.3" => "enveloped data",
        "1.2.840.113549.1.7.6" => "encrypted data",
        other => other,
    };
    let mut item = named("PKCS#7 message", "contents", what);
    let signed = parts.get(1).and_then(|(_, content, _)| ber::parts(content)).unwrap_or_default();
    for (number, _, list) in signed.iter().filter(|(tag, ..)| matches!(tag, 0xa0 | 0xa1)) {
        for (_, _, member) in ber::parts(list).unwrap_or_default().into_iter().take(MOST_IN_ONE) {
            let Ok(examined) = ber::examine(member) else { continue };
            let kind = if *number == 0xa0 { Kind::Certificate } else { Kind::RevocationList };
            if kind_of(examined.der(), None) == Some(kind) {
                let mut inner = of_kind(&examined, kind, false);
                let field = if kind == Kind::Certificate { "certificates" } else { "crls" };
                inner.place.field = Some(field.to_owned());
                item.items.push(inner);
            }
        }
    }
    item
}

fn mislabelled(label: &str, holds: &str, right: &str, source: &str) -> String {
    format!("the block is labelled `{label}` and holds {holds}, which belongs under `{right}` ({source})")
}

fn check_label(item: &mut Item, kind: Kind, label: &str) {
    let (mut right, others, mut source) = kind.labels();
    let mut holds = kind.name().to_owned();
    if let Content::PrivateKey(facts) = &item.content {
        right = facts.label;
        holds = format!("{holds} in {}", facts.form.trim_start_matches("encrypted "));
        if facts.encryption.is_some() {
            holds = holds.replacen("a private key", "an encrypted private key", 1);
            source = "RFC 7468 section 11";
        }
        if facts.form == "PKCS#1" {
            source = "RFC 8017 appendix A.1.2";
        } else if facts.form == "SEC 1" {
            source = "RFC 5915 section 4";
        }
    }
    if label == right {
        return;
    }
    if others.contains(&label) {
        let what = match label {
            pem::TRUSTED_CERTIFICATE => {
                "the label is OpenSSL's own, and programs written in Go do not read it".to_owned()
            }
            _ => format!("the label is an old one; `{right}` is the one to write"),
        };
        item.oddities.push(Oddity::new(what, source));
    } else {
        item.faults.push(mislabelled(label, &holds, right, source));
    }
}

/// Whether bytes begin with a structure that is known.
pub(super) fn is_known(bytes: &[u8]) -> bool {
    ber::examine(bytes).is_ok_and(|examined| kind_of(examined.der(), None).is_some())
}
