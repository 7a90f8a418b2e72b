//! A forge of certificates and revocation lists for tests: good ones by default, and wrong ones in just the way that a
//! test asks for.
//!
//! ```ignore
//! let root = forge::ca("cn=Root");
//! let inter = root.ca("cn=Inter pathlen=0 nc=permit:dns:example.com,exclude:ip:10.0.0.0/8");
//! let leaf = inter.leaf("sans=dns:a.example.com,ip:192.0.2.1 eku=server until=+30d");
//! let list = inter.crl(&format!("revoked={} number=3", leaf.serial_hex()));
//! ```
//!
//! What is forged is the same in every run, keys and signatures too. A word that is not known, or a value that makes no
//! sense, panics and says which: a test must not pass because of a typing error.
//!
//! # The words of a certificate
//!
//! Where nothing else is said, a certificate is what RFC 5280 wants: version 3, a random serial number of 16 bytes, a
//! P-256 key, signed with the issuer's usual algorithm. A CA lives from a year before [`NOW`] for ten years, has critical
//! basic constraints and key usage (`keyCertSign,cRLSign`); a leaf lives from a day before [`NOW`] for 90 days, has
//! critical basic constraints (not a CA) and key usage (`digitalSignature`), and the purposes `server,client`. Both have
//! a subject key identifier, and an authority key identifier unless they sign themselves.
//!
//! | word | values |
//! |---|---|
//! | `cn` `o` `ou` `c` `l` `st` `dc` | one attribute of the subject each, in this order of the text; all but `cn` may be repeated |
//! | `cn-as` | the string type of `cn`: `utf8` `printable` `ia5` `t61` `bmp` `universal` |
//! | `subject` | a whole name, `o=Acme/cn=a+ou=b`, or `empty`; `subject-raw`: its DER in hexadecimal |
//! | `issuer` | another name than that of the signer, written as `subject` is |
//! | `sans` | `dns:` `ip:` `email:` `uri:` `dir:` `rid:` `other:OID:text` `raw:HEX` between commas; `none`. `san-raw`: the value's DER |
//! | `ku` | usages between commas; `none`; nothing for a BIT STRING without bits |
//! | `eku` | `server` `client` `code` `email` `time` `ocsp` `any` or object identifiers; `none` |
//! | `ca` | `true` `false` `false-encoded` (a DEFAULT that DER leaves out) `absent`; `pathlen`: a number |
//! | `ski` | `auto` `absent` or hexadecimal |
//! | `aki` | `auto` `absent` `empty` `issuer-serial` `full` or hexadecimal |
//! | `nc` | `permit:KIND:VALUE` and `exclude:KIND:VALUE` between commas; `none`. `nc-raw`: the value's DER |
//! | `policies` `mappings` | object identifiers or `any`; pairs `OID:OID` |
//! | `explicit` `inhibit-mapping` `inhibit-any` | numbers of certificates |
//! | `crldp` `freshest` | a distribution point; may be repeated: names, then `;reasons:a|b` and `;issuer:NAME`; `rel:NAME` for a relative name |
//! | `aia` | URIs of issuers, or `ocsp:URI` |
//! | `ext` | `OID:critical:HEX` or `OID:plain:HEX`, may be repeated; in place of another with that identifier |
//! | `dup` | an object identifier: that extension comes twice |
//! | `extensions` | `none` leaves them out whatever else is said, `empty` is an empty list |
//! | `…-critical` | `yes` or `no`, for `bc` `ku` `eku` `san` `ski` `aki` `nc` `policies` `mappings` `constraints` `inhibit-any` `crldp` `freshest` `aia` |
//! | `serial` | hexadecimal, `zero`, `negative`, `long` (21 bytes), or `raw:` with the content of the INTEGER |
//! | `version` | `1` `2` `3`, or another number; 1 and 2 have no extensions unless some are asked for by `extensions=keep` |
//! | `from` `until` | RFC 3339, `+90d` from [`NOW`] (s, m, h, d, y), `never`, or the very text: `utc:…`, `generalized:…` |
//! | `times` | `utc` or `generalized`, whatever the year |
//! | `key` | `p256` `p384` `p521` `ed25519` `rsa1024` `rsa2048` `rsa3072`; with `:label` the same label is the same key. `spki`: another public key, its DER |
//! | `sig` | between commas: `sha256` `sha384` `sha512` `sha1` `md5` `pss`; `broken` (one bit), `empty`, `other-key`, `outer-mismatch`, `null` and `no-null` (parameters), an object identifier (as the algorithm's name) |
//! | `unique-ids` | `issuer` `subject` `both` |
//! | `trailing` `inner-trailing` `tbs-trailing` | bytes after the certificate, in it after the signature, or at the end of what is signed, in hexadecimal |
//!
//! A value with blanks stands in single quotes; in names `%XX` is a byte. The words of lists are those of [`Forged::crl`].

mod crl;
mod der;
mod extension;
mod instant;
mod key;
mod name;
mod words;

use std::sync::Arc;

use time::OffsetDateTime;
use time::macros::datetime;

pub(crate) use self::crl::Crl;
use self::extension::{IssuerFacts, Surroundings};
use self::key::{Fault, Key, Signing};
use self::words::Often::{Many, Once};
pub(crate) use self::words::to_hex;
use self::words::{Known, Words, hex};

/// The forge's present: the instant at which what is forged by default holds, and from which `+90d` counts.
pub(crate) const NOW: OffsetDateTime = datetime!(2026-06-01 12:00 UTC);

/// The words of certificates.
pub(crate) const KNOWN: &[Known] = &[
    ("cn", Once),
    ("o", Many),
    ("ou", Many),
    ("c", Many),
    ("l", Many),
    ("st", Many),
    ("dc", Many),
    ("cn-as", Once),
    ("subject", Once),
    ("subject-raw", Once),
    ("issuer", Once),
    ("sans", Once),
    ("san-raw", Once),
    ("san-critical", Once),
    ("ku", Once),
    ("ku-critical", Once),
    ("eku", Once),
    ("eku-critical", Once),
    ("ca", Once),
    ("bc-critical", Once),
    ("pathlen", Once),
    ("ski", Once),
    ("ski-critical", Once),
    ("aki", Once),
    ("aki-critical", Once),
    ("nc", Once),
    ("nc-raw", Once),
    ("nc-critical", Once),
    ("policies", Once),
    ("policies-critical", Once),
    ("mappings", Once),
    ("mappings-critical", Once),
    ("explicit", Once),
    ("inhibit-mapping", Once),
    ("constraints-critical", Once),
    ("inhibit-any", Once),
    ("inhibit-any-critical", Once),
    ("crldp", Many),
    ("crldp-critical", Once),
    ("freshest", Many),
    ("freshest-critical", Once),
    ("aia", Once),
    ("aia-critical", Once),
    ("ext", Many),
    ("dup", Many),
    ("extensions", Once),
    ("serial", Once),
    ("version", Once),
    ("from", Once),
    ("until", Once),
    ("times", Once),
    ("key", Once),
    ("spki", Once),
    ("sig", Once),
    ("unique-ids", Once),
    ("trailing", Once),
    ("inner-trailing", Once),
    ("tbs-trailing", Once),
];

/// The words of lists.
pub(crate) const KNOWN_OF_LISTS: &[Known] = crl::KNOWN;

/// A certificate with its private key.
#[derive(Clone)]
pub(crate) struct Forged(Arc<Facts>);

struct Facts {
    words: Words,
    /// Whether the defaults are those of a CA.
    ca: bool,
    key: Arc<Key>,
    /// Who signed it; nobody else where it signs itself.
    issuer: Option<Forged>,
    subject: Vec<u8>,
    issuer_name: Vec<u8>,
    /// The content of the serial number's INTEGER.
    serial: Vec<u8>,
    key_identifier: Vec<u8>,
    der: Vec<u8>,
}

/// A CA that signs itself.
#[track_caller]
pub(crate) fn ca(words: &str) -> Forged {
    Forged::new(&Words::parse(words, KNOWN), true, None, None)
}

/// A leaf that signs itself.
#[track_caller]
pub(crate) fn self_signed_leaf(words: &str) -> Forged {
    Forged::new(&Words::parse(words, KNOWN), false, None, None)
}

/// The words of a certificate with others laid over them, for the functions here: of a word that may stand there once,
/// only the later counts.
#[track_caller]
pub(crate) fn over(words: &str, more: &str) -> String {
    words::over(words, more, KNOWN)
}

/// The PEM blocks of several certificates, one after the other.
pub(crate) fn bundle<'a>(certificates: impl IntoIterator<Item = &'a Forged>) -> String {
    certificates.into_iter().map(Forged::pem).collect()
}

impl Forged {
    /// A CA below this one.
    #[track_caller]
    pub(crate) fn ca(&self, words: &str) -> Self {
        Self::new(&Words::parse(words, KNOWN), true, Some(self), None)
    }

    /// A leaf below this CA.
    #[track_caller]
    pub(crate) fn leaf(&self, words: &str) -> Self {
        Self::new(&Words::parse(words, KNOWN), false, Some(self), None)
    }

    /// Another's name and key, certified by this CA: a cross-certificate, or with one's own successor
    /// (`old.cross(&new, "")`) the link from an old key to a new one.
    #[track_caller]
    pub(crate) fn cross(&self, other: &Self, words: &str) -> Self {
        Self::new(
            &Words::parse(words, KNOWN),
            other.0.ca,
            Some(self),
            Some((&other.0.key, Some(&other.0.subject))),
        )
    }

    /// The same certificate anew, by the same issuer and with the same name and key, under another serial number;
    /// `words` are laid over those of the first.
    #[track_caller]
    pub(crate) fn reissue(&self, words: &str) -> Self {
        self.again(&self.0.key, &Words::parse(words, KNOWN))
    }

    /// The same certificate anew with another key: what comes of deleting a CA's files and making them again.
    #[track_caller]
    pub(crate) fn rekey(&self, words: &str) -> Self {
        let words = Words::parse(words, KNOWN);
        let key = words.one("key").map_or_else(|| self.0.key.another(), Key::named);
        self.again(&key, &words)
    }

    #[track_caller]
    fn again(&self, key: &Arc<Key>, more: &Words) -> Self {
        let name = if name::is_in(more) { None } else { Some(&self.0.subject) };
        let words = self.0.words.without("serial").and(more);
        Self::new(&words, self.0.ca, self.0.issuer.as_ref(), Some((key, name)))
    }

    #[track_caller]
    fn new(words: &Words, ca: bool, issuer: Option<&Self>, holder: Option<Holder<'_>>) -> Self {
        let key = match holder {
            Some((key, _)) => Arc::clone(key),
            None => Key::named(words.one("key").unwrap_or("p256")),
        };
        let subject = match holder {
            Some((_, Some(name))) => name.clone(),
            _ => name::subject(words, if ca { "Forged CA" } else { "forged" }),
        };
        let issuer_name = match words.one("issuer") {
            Some(name) => name::distinguished(name),
            None => issuer.map_or(&subject, |issuer| &issuer.0.subject).clone(),
        };
        let key_identifier = extension::key_identifier(words.one("ski").unwrap_or("auto"), &key.public);
        let mut facts = Facts {
            words: words.clone(),
            ca,
            key,
            issuer: issuer.cloned(),
            subject,
            issuer_name,
            serial: serial(words.one("serial")),
            key_identifier,
            der: Vec::new(),
        };
        facts.der = facts.encode();
        Self(Arc::new(facts))
    }

    /// Its DER.
    pub(crate) fn der(&self) -> &[u8] {
        &self.0.der
    }

    /// Its PEM block.
    pub(crate) fn pem(&self) -> String {
        key::pem("CERTIFICATE", &self.0.der)
    }

    /// Its private key as a PEM block with PKCS#8.
    pub(crate) fn key_pem(&self) -> String {
        key::pem("PRIVATE KEY", &self.0.key.pkcs8)
    }

    /// The DER of the name of its subject.
    pub(crate) fn subject_der(&self) -> &[u8] {
        &self.0.subject
    }

    /// The DER of its `SubjectPublicKeyInfo`.
    pub(crate) fn spki_der(&self) -> &[u8] {
        &self.0.key.spki
    }

    /// The content of its serial number, in hexadecimal: what the word `revoked` of a list takes.
    pub(crate) fn serial_hex(&self) -> String {
        to_hex(&self.0.serial)
    }

    /// A revocation list by this CA.
    ///
    /// | word | values |
    /// |---|---|
    /// | `revoked` | serial numbers (as [`Forged::serial_hex`] gives them) between commas, behind each after semicolons `reason:NAME`, `at:INSTANT`, `issuer:NAME` (an entry of an indirect list), `ext:OID:critical:HEX` |
    /// | `number` | a number, or `absent`; 1 otherwise. `number-critical` |
    /// | `this` `next` | instants, as in a certificate; an hour before and a week after [`NOW`]; `next=absent` |
    /// | `delta` | the number of the base: makes it a delta list. `delta-critical` |
    /// | `idp` | its distribution point, as in `crldp`, or nothing; `idp-critical` |
    /// | `only` | `user` `ca` `attribute` between commas: the scope |
    /// | `reasons` | the reasons that are covered, between `|` |
    /// | `indirect` | the list holds entries of other issuers |
    /// | `aki` `issuer` `sig` `times` `version` `ext` `dup` `freshest` `trailing` `inner-trailing` `tbs-trailing` | as in a certificate |
    #[track_caller]
    pub(crate) fn crl(&self, words: &str) -> Crl {
        crl::forge(&self.0, words)
    }
}

/// The key of a certificate, and its name where that is not for the words to say.
type Holder<'a> = (&'a Arc<Key>, Option<&'a Vec<u8>>);

impl Facts {
    fn as_issuer(&self) -> IssuerFacts<'_> {
        IssuerFacts { key_identifier: &self.key_identifier, issuer: &self.issuer_name, serial: &self.serial }
    }

    fn encode(&self) -> Vec<u8> {
        let words = &self.words;
        let signer = self.issuer.as_ref().map_or(&self.key, |issuer| &issuer.0.key);
        let signing = Signing::parse(words.one("sig").unwrap_or("default"));
        let version = words.number("version").unwrap_or(3);
        let (from, until) = if self.ca { ("-1y", "+9y") } else { ("-1d", "+89d") };
        let times = words.one("times");
        let validity = der::sequence(&[
            &instant::encode(words.one("from").unwrap_or(from), times),
            &instant::encode(words.one("until").unwrap_or(until), times),
        ]);
        let spki = words.one("spki").map_or_else(|| self.key.spki.clone(), hex);
        let ids = words.one("unique-ids");
        let unique_id = |number: u8, which: &str| {
            let wanted = ids.is_some_and(|ids| ids == "both" || ids == which);
            if wanted { der::element(0x80 | number, &[&[0], b"unique"]) } else { Vec::new() }
        };
        let tbs = der::sequence(&[
            // DER leaves out the version that is the default: the first.
            &if version == 1 {
                Vec::new()
            } else {
                der::explicit(0, &der::number(version.saturating_sub(1)))
            },
            &der::element(der::INTEGER, &[&self.serial]),
            &signer.algorithm(&signing),
            &self.issuer_name,
            &validity,
            &self.subject,
            &spki,
            &unique_id(1, "issuer"),
            &unique_id(2, "subject"),
            &self.extensions(version),
            &words.one("tbs-trailing").map(hex).unwrap_or_default(),
        ]);
        signed(signer, &signing, &tbs, words)
    }

    fn extensions(&self, version: u64) -> Vec<u8> {
        let around = Surroundings {
            ca: self.ca,
            public: &self.key.public,
            issuer: self.issuer.as_ref().map(|issuer| issuer.0.as_issuer()),
            empty_subject: self.subject == der::sequence(&[]),
        };
        let extensions = extension::of_certificate(&self.words, &around);
        let usual = if version < 3 { "none" } else { "keep" };
        match self.words.one("extensions").unwrap_or(usual) {
            "none" => Vec::new(),
            "empty" => der::explicit(3, &der::sequence(&[])),
            "keep" if extensions.is_empty() => Vec::new(),
            "keep" => der::explicit(3, &extensions.encode()),
            other => panic!("forge: extensions={other} is none of keep, none, empty"),
        }
    }
}

/// What is to be signed with the algorithm and the signature behind it (section 4.1.1).
fn signed(signer: &Arc<Key>, signing: &Signing, tbs: &[u8], words: &Words) -> Vec<u8> {
    let outer = if signing.has(Fault::OuterMismatch) {
        signer.algorithm(&signing.mismatched(signer))
    } else {
        signer.algorithm(signing)
    };
    let other = signing.has(Fault::OtherKey).then(|| signer.another());
    let signature = other.as_ref().unwrap_or(signer).sign(signing, tbs);
    let trailing = |word| words.one(word).map(hex).unwrap_or_default();
    let mut der = der::sequence(&[tbs, &outer, &der::bit_string(&signature), &trailing("inner-trailing")]);
    der.extend(trailing("trailing"));
    der
}

/// The content of the INTEGER that a serial number is.
#[track_caller]
fn serial(word: Option<&str>) -> Vec<u8> {
    match word {
        None => {
            // Positive, and always of 16 bytes.
            let mut bytes = key::fresh_bytes(b"serial")[..16].to_vec();
            bytes[0] = bytes[0] & 0x3f | 0x40;
            bytes
        }
        Some("zero") => vec![0],
        Some("negative") => vec![0x80, 1],
        Some("long") => vec![0x5a; 21],
        Some(other) => other.strip_prefix("raw:").map_or_else(|| der::unsigned_content(&hex(other)), hex),
    }
}
