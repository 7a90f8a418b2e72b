//! Revocation lists (RFC 5280 section 5).

use super::extension::{self, Extensions};
use super::key::{self, Signing};
use super::words::Often::{Many, Once};
use super::words::{Known, Words, hex, list};
use super::{Facts, der, instant, name, signed};

/// The words of lists.
pub(crate) const KNOWN: &[Known] = &[
    ("revoked", Once),
    ("number", Once),
    ("number-critical", Once),
    ("this", Once),
    ("next", Once),
    ("times", Once),
    ("delta", Once),
    ("delta-critical", Once),
    ("idp", Once),
    ("idp-critical", Once),
    ("only", Once),
    ("reasons", Once),
    ("indirect", Once),
    ("aki", Once),
    ("aki-critical", Once),
    ("issuer", Once),
    ("sig", Once),
    ("version", Once),
    ("freshest", Many),
    ("freshest-critical", Once),
    ("ext", Many),
    ("dup", Many),
    ("trailing", Once),
    ("inner-trailing", Once),
    ("tbs-trailing", Once),
];

/// The reasons of an entry with their numbers (section 5.3.1).
const REASONS: [(&str, u8); 10] = [
    ("unspecified", 0),
    ("keyCompromise", 1),
    ("cACompromise", 2),
    ("affiliationChanged", 3),
    ("superseded", 4),
    ("cessationOfOperation", 5),
    ("certificateHold", 6),
    ("removeFromCRL", 8),
    ("privilegeWithdrawn", 9),
    ("aACompromise", 10),
];

const ENUMERATED: u8 = 0x0a;

/// A revocation list.
#[derive(Clone)]
pub(crate) struct Crl(Vec<u8>);

impl Crl {
    /// Its DER.
    pub(crate) fn der(&self) -> &[u8] {
        &self.0
    }

    /// Its PEM block.
    pub(crate) fn pem(&self) -> String {
        key::pem("X509 CRL", &self.0)
    }
}

#[track_caller]
pub(super) fn forge(signer: &Facts, text: &str) -> Crl {
    let words = Words::parse(text, KNOWN);
    let signing = Signing::parse(words.one("sig").unwrap_or("default"));
    let version = words.number("version").unwrap_or(2);
    let times = words.one("times");
    let next = words.one("next").unwrap_or("+7d");
    let entries: Vec<Vec<u8>> =
        list(words.one("revoked").unwrap_or_default(), ',').map(|word| entry(word, times)).collect();
    let extensions = extensions(signer, &words);
    let tbs = der::sequence(&[
        &if version == 1 { Vec::new() } else { der::number(version - 1) },
        &signer.key.algorithm(&signing),
        &words.one("issuer").map_or_else(|| signer.subject.clone(), name::distinguished),
        &instant::encode(words.one("this").unwrap_or("-1h"), times),
        &if next == "absent" { Vec::new() } else { instant::encode(next, times) },
        // Section 5.1.2.6: absent where nothing is revoked.
        &if entries.is_empty() { Vec::new() } else { der::sequence_of(entries) },
        &if version == 1 || extensions.is_empty() {
            Vec::new()
        } else {
            der::explicit(0, &extensions.encode())
        },
        &words.one("tbs-trailing").map(hex).unwrap_or_default(),
    ]);
    Crl(signed(&signer.key, &signing, &tbs, &words))
}

#[track_caller]
fn entry(word: &str, times: Option<&str>) -> Vec<u8> {
    let mut fields = word.split(';');
    let serial = fields.next().unwrap_or_default();
    let mut since = "-2h";
    let mut extensions = Extensions::default();
    for field in fields {
        let (kind, value) = field
            .split_once(':')
            .unwrap_or_else(|| panic!("forge: `{field}` in revoked={word} has no value"));
        match kind {
            "at" => since = value,
            "reason" => {
                let number = REASONS.iter().find(|(reason, _)| *reason == value);
                let (_, number) =
                    number.unwrap_or_else(|| panic!("forge: `{value}` is no reason of revocation"));
                extensions.put("2.5.29.21", false, der::element(ENUMERATED, &[&[*number]]));
            }
            "issuer" => {
                let names = der::sequence(&[&der::explicit(4, &name::distinguished(value))]);
                extensions.put("2.5.29.29", true, names);
            }
            "ext" => match value.split(':').collect::<Vec<_>>()[..] {
                [oid, critical, value] => extensions.put(oid, critical == "critical", hex(value)),
                _ => panic!("forge: `{field}` in revoked={word} is not ext:OID:critical:HEX"),
            },
            other => panic!("forge: `{other}` in revoked={word} is none of at, reason, issuer, ext"),
        }
    }
    let extensions = if extensions.is_empty() { Vec::new() } else { extensions.encode() };
    der::sequence(&[
        &der::element(der::INTEGER, &[&hex(serial)]),
        &instant::encode(since, times),
        &extensions,
    ])
}

#[track_caller]
fn extensions(signer: &Facts, words: &Words) -> Extensions {
    let mut out = Extensions::default();
    extension::authority_key_identifier(&mut out, words, Some(signer.as_issuer()));
    if words.one("number") != Some("absent") {
        let number = der::number(words.number("number").unwrap_or(1));
        out.put("2.5.29.20", words.flag("number-critical", false), number);
    }
    if let Some(base) = words.number("delta") {
        out.put("2.5.29.27", words.flag("delta-critical", true), der::number(base));
    }
    let only: Vec<&str> = list(words.one("only").unwrap_or_default(), ',').collect();
    let place = words.one("idp").filter(|place| !place.is_empty() && *place != "yes");
    let reasons = words.one("reasons");
    let indirect = words.flag("indirect", false);
    if words.one("idp").is_some() || !only.is_empty() || reasons.is_some() || indirect {
        let yes =
            |number: u8, set: bool| if set { der::element(0x80 | number, &[&[0xff]]) } else { Vec::new() };
        let wrong = only.iter().find(|word| !["user", "ca", "attribute"].contains(word));
        assert!(wrong.is_none(), "forge: only={wrong:?} is none of user, ca, attribute");
        let value = der::sequence(&[
            &place.map(|place| der::explicit(0, &extension::point_name(place))).unwrap_or_default(),
            &yes(1, only.contains(&"user")),
            &yes(2, only.contains(&"ca")),
            &reasons.map(|names| der::element(0x83, &[&extension::reason_flags(names)])).unwrap_or_default(),
            &yes(4, indirect),
            &yes(5, only.contains(&"attribute")),
        ]);
        out.put("2.5.29.28", words.flag("idp-critical", true), value);
    }
    extension::places(&mut out, words);
    out.put_raw(words);
    out
}
