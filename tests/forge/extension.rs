//! Extensions of certificates (RFC 5280 section 4.2), and what those of lists have in common with them.

use ring::digest;

use super::der;
use super::name;
use super::words::{Words, hex, list, unescape};

/// The bits of a key usage, in their order (section 4.2.1.3).
const KEY_USAGES: [&str; 9] = [
    "digitalSignature",
    "contentCommitment",
    "keyEncipherment",
    "dataEncipherment",
    "keyAgreement",
    "keyCertSign",
    "cRLSign",
    "encipherOnly",
    "decipherOnly",
];

/// The reasons of revocation, in the order of their bits in `ReasonFlags` (section 4.2.1.13).
const REASON_FLAGS: [&str; 9] = [
    "unused",
    "keyCompromise",
    "cACompromise",
    "affiliationChanged",
    "superseded",
    "cessationOfOperation",
    "certificateHold",
    "privilegeWithdrawn",
    "aACompromise",
];

/// Purposes by their words (section 4.2.1.12).
const PURPOSES: [(&str, &str); 7] = [
    ("server", "1.3.6.1.5.5.7.3.1"),
    ("client", "1.3.6.1.5.5.7.3.2"),
    ("code", "1.3.6.1.5.5.7.3.3"),
    ("email", "1.3.6.1.5.5.7.3.4"),
    ("time", "1.3.6.1.5.5.7.3.8"),
    ("ocsp", "1.3.6.1.5.5.7.3.9"),
    ("any", "2.5.29.37.0"),
];

const ANY_POLICY: &str = "2.5.29.32.0";

/// What the extensions of a certificate say of its surroundings.
pub(crate) struct Surroundings<'a> {
    /// Whether the defaults are those of a CA.
    pub(crate) ca: bool,
    /// The content of the subject's public key.
    pub(crate) public: &'a [u8],
    /// The issuer's facts; none of a self-signed certificate.
    pub(crate) issuer: Option<IssuerFacts<'a>>,
    /// Whether the subject is the empty name.
    pub(crate) empty_subject: bool,
}

/// What an authority key identifier may say of the issuer.
#[derive(Clone, Copy)]
pub(crate) struct IssuerFacts<'a> {
    /// Its subject key identifier, or what that would be.
    pub(crate) key_identifier: &'a [u8],
    /// The name of the issuer's own issuer, as DER.
    pub(crate) issuer: &'a [u8],
    /// The content of its serial number.
    pub(crate) serial: &'a [u8],
}

/// Extensions in the order in which they are to be written.
#[derive(Default)]
pub(crate) struct Extensions(Vec<(String, bool, Vec<u8>)>);

impl Extensions {
    /// Adds one, in place of another with the same identifier.
    pub(crate) fn put(&mut self, oid: &str, critical: bool, value: Vec<u8>) {
        self.0.retain(|(other, ..)| other != oid);
        self.0.push((oid.to_owned(), critical, value));
    }

    /// Adds those of the words `ext` (`OID:critical:HEX` or `OID:plain:HEX`) and `dup` (`OID`, which comes twice then).
    #[track_caller]
    pub(crate) fn put_raw(&mut self, words: &Words) {
        for word in words.all("ext") {
            let parts: Vec<&str> = word.split(':').collect();
            let [oid, critical @ ("critical" | "plain"), value] = parts[..] else {
                panic!("forge: ext={word} is neither OID:critical:HEX nor OID:plain:HEX")
            };
            self.put(oid, critical == "critical", hex(value));
        }
        for oid in words.all("dup") {
            let again = self.0.iter().find(|(other, ..)| other == oid).cloned();
            self.0.push(again.unwrap_or_else(|| panic!("forge: dup={oid}, and there is no such extension")));
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The SEQUENCE of them.
    pub(crate) fn encode(&self) -> Vec<u8> {
        der::sequence_of(self.0.iter().map(|(oid, critical, value)| {
            let critical = if *critical { der::boolean(true) } else { Vec::new() };
            der::sequence(&[&der::oid(oid), &critical, &der::octet_string(value)])
        }))
    }
}

/// The extensions that these words and the defaults ask for.
#[track_caller]
pub(crate) fn of_certificate(words: &Words, around: &Surroundings<'_>) -> Extensions {
    let mut out = Extensions::default();
    usages(&mut out, words, around);
    if let Some(names) = words.one("san-raw") {
        out.put("2.5.29.17", words.flag("san-critical", around.empty_subject), hex(names));
    } else if let Some(names) = words.one("sans").filter(|names| *names != "none") {
        let value = der::sequence(&[&name::general_names(names)]);
        // Section 4.2.1.6: critical where the subject is empty, and not otherwise.
        out.put("2.5.29.17", words.flag("san-critical", around.empty_subject), value);
    }
    match words.one("ski").unwrap_or("auto") {
        "absent" => {}
        other => {
            let id = key_identifier(other, around.public);
            out.put("2.5.29.14", words.flag("ski-critical", false), der::octet_string(&id));
        }
    }
    authority_key_identifier(&mut out, words, around.issuer);
    if let Some(raw) = words.one("nc-raw") {
        out.put("2.5.29.30", words.flag("nc-critical", true), hex(raw));
    } else if let Some(constraints) = words.one("nc").filter(|constraints| *constraints != "none") {
        out.put("2.5.29.30", words.flag("nc-critical", true), name::constraints(constraints));
    }
    policies(&mut out, words);
    places(&mut out, words);
    out.put_raw(words);
    out
}

fn usages(out: &mut Extensions, words: &Words, around: &Surroundings<'_>) {
    let path_length = words.number("pathlen").map_or_else(Vec::new, der::number);
    let ca = match words.one("ca").unwrap_or(if around.ca { "true" } else { "false" }) {
        "true" => Some(der::boolean(true)),
        // DER leaves a default out (X.690 section 11.5).
        "false" => Some(Vec::new()),
        "false-encoded" => Some(der::boolean(false)),
        "absent" => None,
        other => panic!("forge: ca={other} is none of true, false, false-encoded, absent"),
    };
    if let Some(ca) = ca {
        out.put("2.5.29.19", words.flag("bc-critical", true), der::sequence(&[&ca, &path_length]));
    }
    let usage = words.one("ku").unwrap_or(if around.ca { "keyCertSign,cRLSign" } else { "digitalSignature" });
    if usage != "none" {
        let value = der::named_bits(&bits("ku", usage, ',', &KEY_USAGES));
        out.put("2.5.29.15", words.flag("ku-critical", true), value);
    }
    let purposes = words.one("eku").unwrap_or(if around.ca { "none" } else { "server,client" });
    if purposes != "none" {
        let value = der::sequence_of(list(purposes, ',').map(|word| {
            let known = PURPOSES.iter().find(|(other, _)| *other == word);
            der::oid(known.map_or(word, |(_, oid)| *oid))
        }));
        out.put("2.5.29.37", words.flag("eku-critical", false), value);
    }
}

/// The bits with these names.
#[track_caller]
fn bits(word: &str, names: &str, separator: char, known: &[&str]) -> Vec<u8> {
    let bit = |name: &str| {
        let at = known.iter().position(|other| *other == name);
        let at =
            at.unwrap_or_else(|| panic!("forge: {word}={name} is unknown; {} are not", known.join(", ")));
        u8::try_from(at).expect("a short table")
    };
    list(names, separator).map(bit).collect()
}

/// `auto` is the SHA-1 of the public key (section 4.2.1.2, method 1); anything else is hexadecimal.
#[track_caller]
pub(crate) fn key_identifier(word: &str, public: &[u8]) -> Vec<u8> {
    match word {
        "auto" | "absent" => digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, public).as_ref().to_vec(),
        other => hex(other),
    }
}

/// The word `aki`: `auto` (the issuer's key identifier; nothing in a self-signed certificate), `absent`, `empty`,
/// `issuer-serial`, `full` (both), or the key identifier in hexadecimal.
#[track_caller]
pub(crate) fn authority_key_identifier(out: &mut Extensions, words: &Words, issuer: Option<IssuerFacts<'_>>) {
    let word = words.one("aki").unwrap_or("auto");
    let key = |id: &[u8]| der::element(0x80, &[id]);
    let certificate = |issuer: IssuerFacts<'_>| {
        let name = der::element(0xa1, &[&der::explicit(4, issuer.issuer)]);
        [name, der::element(0x82, &[issuer.serial])].concat()
    };
    let known = || issuer.unwrap_or_else(|| panic!("forge: aki={word} of a self-signed certificate"));
    let content = match word {
        "absent" => return,
        "auto" => match issuer {
            Some(issuer) => key(issuer.key_identifier),
            None => return,
        },
        "empty" => Vec::new(),
        "issuer-serial" => certificate(known()),
        "full" => [key(known().key_identifier), certificate(known())].concat(),
        other => key(&hex(other)),
    };
    out.put("2.5.29.35", words.flag("aki-critical", false), der::sequence(&[&content]));
}

fn policies(out: &mut Extensions, words: &Words) {
    let policy = |word: &str| der::oid(if word == "any" { ANY_POLICY } else { word });
    if let Some(policies) = words.one("policies") {
        let value = der::sequence_of(list(policies, ',').map(|word| der::sequence(&[&policy(word)])));
        out.put("2.5.29.32", words.flag("policies-critical", false), value);
    }
    if let Some(mappings) = words.one("mappings") {
        let value = der::sequence_of(list(mappings, ',').map(|pair| {
            let (of_issuer, of_subject) =
                pair.split_once(':').unwrap_or_else(|| panic!("forge: mappings={pair} is not OID:OID"));
            der::sequence(&[&policy(of_issuer), &policy(of_subject)])
        }));
        out.put("2.5.29.33", words.flag("mappings-critical", true), value);
    }
    let number = |tag: u8, value: u64| {
        let mut field = der::number(value);
        field[0] = tag;
        field
    };
    let explicit = words.number("explicit").map(|skip| number(0x80, skip));
    let mapping = words.number("inhibit-mapping").map(|skip| number(0x81, skip));
    if explicit.is_some() || mapping.is_some() {
        let value = der::sequence(&[&explicit.unwrap_or_default(), &mapping.unwrap_or_default()]);
        out.put("2.5.29.36", words.flag("constraints-critical", true), value);
    }
    if let Some(skip) = words.number("inhibit-any") {
        out.put("2.5.29.54", words.flag("inhibit-any-critical", true), der::number(skip));
    }
}

/// Where something is to be had: `crldp`, `freshest` and `aia`.
pub(crate) fn places(out: &mut Extensions, words: &Words) {
    for (word, oid) in [("crldp", "2.5.29.31"), ("freshest", "2.5.29.46")] {
        let points: Vec<Vec<u8>> = words.all(word).map(distribution_point).collect();
        if !points.is_empty() {
            out.put(oid, words.flag(&format!("{word}-critical"), false), der::sequence_of(points));
        }
    }
    if let Some(places) = words.one("aia") {
        let value = der::sequence_of(list(places, ',').map(|place| {
            // id-ad-caIssuers, or id-ad-ocsp (section 4.2.2.1).
            let (method, uri) = match place.strip_prefix("ocsp:") {
                Some(uri) => ("1.3.6.1.5.5.7.48.1", uri),
                None => ("1.3.6.1.5.5.7.48.2", place),
            };
            der::sequence(&[&der::oid(method), &der::element(0x86, &[&unescape(uri)])])
        }));
        out.put("1.3.6.1.5.5.7.1.1", words.flag("aia-critical", false), value);
    }
}

/// One distribution point: general names between commas, or `rel:` with a relative name, and behind semicolons
/// `reasons:` with reasons joined by `|`, and `issuer:` with the name of who signs the list.
#[track_caller]
fn distribution_point(text: &str) -> Vec<u8> {
    let mut fields = text.split(';');
    let place =
        fields.next().filter(|place| !place.is_empty()).map(|place| der::explicit(0, &point_name(place)));
    let [mut reasons, mut issuer] = [Vec::new(), Vec::new()];
    for field in fields {
        match field.split_once(':') {
            Some(("reasons", names)) => reasons = der::element(0x81, &[&reason_flags(names)]),
            Some(("issuer", name)) => {
                issuer = der::element(0xa2, &[&der::explicit(4, &name::distinguished(name))]);
            }
            _ => panic!("forge: `{field}` in crldp={text} is neither reasons: nor issuer:"),
        }
    }
    der::sequence(&[&place.unwrap_or_default(), &reasons, &issuer])
}

/// A `DistributionPointName`, without the tag around it.
#[track_caller]
pub(crate) fn point_name(text: &str) -> Vec<u8> {
    match text.strip_prefix("rel:") {
        // Implicit: the tag takes the place of the SET's.
        Some(relative) => {
            let mut set = name::relative(relative);
            set[0] = 0xa1;
            set
        }
        None => der::element(0xa0, &[&name::general_names(text)]),
    }
}

/// The content of `ReasonFlags`: names joined by `|`.
#[track_caller]
pub(crate) fn reason_flags(names: &str) -> Vec<u8> {
    der::named_bits_content(&bits("reasons", names, '|', &REASON_FLAGS))
}
