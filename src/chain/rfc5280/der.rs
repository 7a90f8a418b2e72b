//! What certificates and lists are made of, field by field (RFC 5280 appendix A): which tag stands where, what is in it, and
//! that it is DER (X.690). The readers elsewhere are patient, for they are to show what stands there.

use super::shape::Presence::{Optional, Required, Unless};
use super::shape::Shape::{self, Anything, Attribute, Fields, List, OneOf, Set, Value, Within};
use super::shape::{
    Field, Flaw, any, bits, boolean, check, count, identifier, integer, named_bits, units_of_2, units_of_4,
    utf8,
};
use crate::x509::der::{Element, elements, read, tag};

const BOOLEAN_TAG: u8 = 0x01;
const ENUMERATED_TAG: u8 = 0x0a;
const IA5_TAG: u8 = 0x16;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

static BOOLEAN: Shape = Value(BOOLEAN_TAG, boolean, "BOOLEAN");
static INTEGER: Shape = Value(tag::INTEGER, integer, "INTEGER");
static COUNT: Shape = Value(tag::INTEGER, count, "INTEGER that is not negative");
/// Serial numbers have a test of their own.
static NUMBER: Shape = Value(tag::INTEGER, any, "INTEGER");
static BITS: Shape = Value(tag::BIT_STRING, bits, "BIT STRING");
static OCTETS: Shape = Value(tag::OCTET_STRING, any, "OCTET STRING");
static OID: Shape = Value(tag::OBJECT_IDENTIFIER, identifier, "OBJECT IDENTIFIER");
// Characters must be whole ones. Which they are is for those who compare names: an asterisk or an @ in a PrintableString is in too many.
static UTF8: Shape = Value(tag::UTF8_STRING, utf8, "UTF8String");
static PRINTABLE: Shape = Value(tag::PRINTABLE_STRING, any, "PrintableString");
static TELETEX: Shape = Value(0x14, any, "TeletexString");
static IA5: Shape = Value(IA5_TAG, any, "IA5String");
static UNIVERSAL: Shape = Value(0x1c, units_of_4, "UniversalString");
static BMP: Shape = Value(0x1e, units_of_2, "BMPString");
static VISIBLE: Shape = Value(0x1a, any, "VisibleString");
/// Dates have a test of their own.
static TIME: Shape =
    OneOf(&[&Value(UTC_TIME, any, "UTCTime"), &Value(GENERALIZED_TIME, any, "GeneralizedTime")]);
static DIRECTORY_STRING: Shape = OneOf(&[&UTF8, &PRINTABLE, &TELETEX, &BMP, &UNIVERSAL]);
static DISPLAY_TEXT: Shape = OneOf(&[&UTF8, &IA5, &VISIBLE, &BMP]);

static ALGORITHM: Shape =
    Fields(tag::SEQUENCE, &[Field("algorithm", &OID, Required), Field("parameters", &Anything, Optional)]);
static NAME: Shape = List(tag::SEQUENCE, &RELATIVE_NAME, 0);
static RELATIVE_NAME: Shape = Set(&Attribute, 1);
static VALIDITY: Shape =
    Fields(tag::SEQUENCE, &[Field("notBefore", &TIME, Required), Field("notAfter", &TIME, Required)]);
static PUBLIC_KEY: Shape = Fields(
    tag::SEQUENCE,
    &[Field("algorithm", &ALGORITHM, Required), Field("subjectPublicKey", &BITS, Required)],
);
static EXTENSIONS: Shape = List(tag::SEQUENCE, &EXTENSION, 1);
static EXTENSION: Shape = Fields(
    tag::SEQUENCE,
    &[
        Field("extnID", &OID, Required),
        // A FALSE that is written out changes nothing, and stands in too many: in the example of RFC 8410 section 10.2, here and
        // in its basic constraints.
        Field("critical", &BOOLEAN, Optional),
        Field("extnValue", &OCTETS, Required),
    ],
);
static TBS_CERTIFICATE: Shape = Fields(
    tag::SEQUENCE,
    &[
        Field("version", &Within(0xa0, &INTEGER), Unless(&[0xa0, 3, 2, 1, 0])),
        Field("serialNumber", &NUMBER, Required),
        Field("signature", &ALGORITHM, Required),
        Field("issuer", &NAME, Required),
        Field("validity", &VALIDITY, Required),
        Field("subject", &NAME, Required),
        Field("subjectPublicKeyInfo", &PUBLIC_KEY, Required),
        Field("issuerUniqueID", &Value(0x81, bits, "BIT STRING"), Optional),
        Field("subjectUniqueID", &Value(0x82, bits, "BIT STRING"), Optional),
        Field("extensions", &Within(0xa3, &EXTENSIONS), Optional),
    ],
);
static CERTIFICATE: Shape = Fields(
    tag::SEQUENCE,
    &[
        Field("tbsCertificate", &TBS_CERTIFICATE, Required),
        Field("signatureAlgorithm", &ALGORITHM, Required),
        Field("signature", &BITS, Required),
    ],
);
static REVOKED: Shape = Fields(
    tag::SEQUENCE,
    &[
        Field("userCertificate", &NUMBER, Required),
        Field("revocationDate", &TIME, Required),
        Field("crlEntryExtensions", &EXTENSIONS, Optional),
    ],
);
static TBS_LIST: Shape = Fields(
    tag::SEQUENCE,
    &[
        Field("version", &INTEGER, Optional),
        Field("signature", &ALGORITHM, Required),
        Field("issuer", &NAME, Required),
        Field("thisUpdate", &TIME, Required),
        Field("nextUpdate", &TIME, Optional),
        // Section 5.1.2.6: left out where nothing is revoked.
        Field("revokedCertificates", &List(tag::SEQUENCE, &REVOKED, 1), Optional),
        Field("crlExtensions", &Within(0xa0, &EXTENSIONS), Optional),
    ],
);
static LIST: Shape = Fields(
    tag::SEQUENCE,
    &[
        Field("tbsCertList", &TBS_LIST, Required),
        Field("signatureAlgorithm", &ALGORITHM, Required),
        Field("signature", &BITS, Required),
    ],
);

static OTHER_NAME: Shape =
    Fields(0xa0, &[Field("type-id", &OID, Required), Field("value", &Within(0xa0, &Anything), Required)]);
static PARTY: Shape = Fields(
    0xa5,
    &[
        Field("nameAssigner", &Within(0xa0, &DIRECTORY_STRING), Optional),
        Field("partyName", &Within(0xa1, &DIRECTORY_STRING), Required),
    ],
);
static GENERAL_NAME: Shape = OneOf(&[
    &OTHER_NAME,
    &Value(0x81, any, "rfc822Name"),
    &Value(0x82, any, "dNSName"),
    &List(0xa3, &Anything, 0),
    &Within(0xa4, &NAME),
    &PARTY,
    &Value(0x86, any, "uniformResourceIdentifier"),
    &Value(0x87, any, "iPAddress"),
    &Value(0x88, identifier, "registeredID"),
]);
static SUBTREE: Shape = Fields(tag::SEQUENCE, &[Field("base", &GENERAL_NAME, Required)]);
static PLACE: Shape = Within(0xa0, &OneOf(&[&List(0xa0, &GENERAL_NAME, 1), &List(0xa1, &Attribute, 1)]));
static POINT: Shape = Fields(
    tag::SEQUENCE,
    &[
        Field("distributionPoint", &PLACE, Optional),
        Field("reasons", &Value(0x81, named_bits, "BIT STRING"), Optional),
        Field("cRLIssuer", &List(0xa2, &GENERAL_NAME, 1), Optional),
    ],
);
static QUALIFIER: Shape = Fields(
    tag::SEQUENCE,
    &[Field("policyQualifierId", &OID, Required), Field("qualifier", &Anything, Required)],
);
static POLICY: Shape = Fields(
    tag::SEQUENCE,
    &[
        Field("policyIdentifier", &OID, Required),
        Field("policyQualifiers", &List(tag::SEQUENCE, &QUALIFIER, 1), Optional),
    ],
);
static USER_NOTICE: Shape = Fields(
    tag::SEQUENCE,
    &[
        Field(
            "noticeRef",
            &Fields(
                tag::SEQUENCE,
                &[
                    Field("organization", &DISPLAY_TEXT, Required),
                    Field("noticeNumbers", &List(tag::SEQUENCE, &INTEGER, 0), Required),
                ],
            ),
            Optional,
        ),
        Field("explicitText", &DISPLAY_TEXT, Optional),
    ],
);
static MAPPING: Shape = Fields(
    tag::SEQUENCE,
    &[Field("issuerDomainPolicy", &OID, Required), Field("subjectDomainPolicy", &OID, Required)],
);
static ACCESS: Shape = Fields(
    tag::SEQUENCE,
    &[Field("accessMethod", &OID, Required), Field("accessLocation", &GENERAL_NAME, Required)],
);
static DIRECTORY_ATTRIBUTE: Shape =
    Fields(tag::SEQUENCE, &[Field("type", &OID, Required), Field("values", &Set(&Anything, 1), Required)]);

/// The values of extensions of certificates, of lists and of their entries (sections 4.2, 5.2, 5.3).
static VALUES: &[(&str, Shape)] = &[
    ("2.5.29.9", List(tag::SEQUENCE, &DIRECTORY_ATTRIBUTE, 1)),
    ("2.5.29.14", Value(tag::OCTET_STRING, any, "OCTET STRING")),
    ("2.5.29.15", Value(tag::BIT_STRING, named_bits, "BIT STRING")),
    // An empty list of alternative names has a fault of its own.
    ("2.5.29.17", List(tag::SEQUENCE, &GENERAL_NAME, 0)),
    ("2.5.29.18", List(tag::SEQUENCE, &GENERAL_NAME, 1)),
    (
        "2.5.29.19",
        Fields(
            tag::SEQUENCE,
            &[Field("cA", &BOOLEAN, Optional), Field("pathLenConstraint", &COUNT, Optional)],
        ),
    ),
    ("2.5.29.20", Value(tag::INTEGER, integer, "INTEGER")),
    ("2.5.29.21", Value(ENUMERATED_TAG, count, "ENUMERATED")),
    ("2.5.29.24", Value(GENERALIZED_TIME, any, "GeneralizedTime")),
    ("2.5.29.27", Value(tag::INTEGER, integer, "INTEGER")),
    (
        "2.5.29.28",
        Fields(
            tag::SEQUENCE,
            &[
                Field("distributionPoint", &PLACE, Optional),
                Field("onlyContainsUserCerts", &Value(0x81, boolean, "BOOLEAN"), Unless(&[0x81, 1, 0])),
                Field("onlyContainsCACerts", &Value(0x82, boolean, "BOOLEAN"), Unless(&[0x82, 1, 0])),
                Field("onlySomeReasons", &Value(0x83, named_bits, "BIT STRING"), Optional),
                Field("indirectCRL", &Value(0x84, boolean, "BOOLEAN"), Unless(&[0x84, 1, 0])),
                Field("onlyContainsAttributeCerts", &Value(0x85, boolean, "BOOLEAN"), Unless(&[0x85, 1, 0])),
            ],
        ),
    ),
    ("2.5.29.29", List(tag::SEQUENCE, &GENERAL_NAME, 1)),
    (
        "2.5.29.30",
        Fields(
            tag::SEQUENCE,
            &[
                Field("permittedSubtrees", &List(0xa0, &SUBTREE, 1), Optional),
                Field("excludedSubtrees", &List(0xa1, &SUBTREE, 1), Optional),
            ],
        ),
    ),
    ("2.5.29.31", List(tag::SEQUENCE, &POINT, 1)),
    ("2.5.29.32", List(tag::SEQUENCE, &POLICY, 1)),
    ("2.5.29.33", List(tag::SEQUENCE, &MAPPING, 1)),
    (
        "2.5.29.35",
        Fields(
            tag::SEQUENCE,
            &[
                Field("keyIdentifier", &Value(0x80, any, "OCTET STRING"), Optional),
                Field("authorityCertIssuer", &List(0xa1, &GENERAL_NAME, 1), Optional),
                Field("authorityCertSerialNumber", &Value(0x82, integer, "INTEGER"), Optional),
            ],
        ),
    ),
    (
        "2.5.29.36",
        Fields(
            tag::SEQUENCE,
            &[
                Field("requireExplicitPolicy", &Value(0x80, count, "INTEGER"), Optional),
                Field("inhibitPolicyMapping", &Value(0x81, count, "INTEGER"), Optional),
            ],
        ),
    ),
    ("2.5.29.37", List(tag::SEQUENCE, &OID, 1)),
    ("2.5.29.46", List(tag::SEQUENCE, &POINT, 1)),
    ("2.5.29.54", Value(tag::INTEGER, count, "INTEGER that is not negative")),
    ("1.3.6.1.5.5.7.1.1", List(tag::SEQUENCE, &ACCESS, 1)),
    ("1.3.6.1.5.5.7.1.11", List(tag::SEQUENCE, &ACCESS, 1)),
];

/// Extensions whose SEQUENCE holds one field at least (sections 4.2.1.10, 4.2.1.11, 5.2.5).
const NEVER_EMPTY: [&str; 3] = ["2.5.29.30", "2.5.29.36", "2.5.29.28"];
/// `id-qt-cps` and `id-qt-unotice` (section 4.2.1.4), the content of their identifiers.
const CPS: [u8; 8] = [0x2b, 6, 1, 5, 5, 7, 2, 1];
const NOTICE: [u8; 8] = [0x2b, 6, 1, 5, 5, 7, 2, 2];

/// What is wrong with the frame of a certificate; the values of its extensions are not looked into.
pub(super) fn certificate(der: &[u8]) -> Result<(), Flaw> {
    whole(der, &CERTIFICATE)
}

/// What is wrong with the frame of a list, likewise.
pub(super) fn revocation_list(der: &[u8]) -> Result<(), Flaw> {
    whole(der, &LIST)
}

/// What is wrong with the value of an extension of the standard; others may look as they like.
pub(super) fn extension(oid: &str, value: &[u8]) -> Result<(), Flaw> {
    let Some((_, shape)) = VALUES.iter().find(|(known, _)| *known == oid) else { return Ok(()) };
    whole(value, shape)?;
    let parts = || read(value).and_then(|(sequence, _)| elements(sequence.content)).unwrap_or_default();
    if NEVER_EMPTY.contains(&oid) && parts().is_empty() {
        return Err("it is empty".into());
    }
    match oid {
        "2.5.29.31" | "2.5.29.46" => {
            // Section 4.2.1.13: reasons alone say of no place.
            let says_place = |point: &Element<'_>| {
                elements(point.content).is_some_and(|fields| fields.iter().any(|field| field.tag != 0x81))
            };
            if !parts().iter().all(says_place) {
                return Err("a distribution point names neither a place nor an issuer".into());
            }
        }
        "2.5.29.35" => {
            // Section 4.2.1.1: both or neither.
            let has = |tag: u8| parts().iter().any(|field| field.tag == tag);
            if has(0xa1) != has(0x82) {
                return Err("of the issuer and the serial number one stands there without the other".into());
            }
        }
        "2.5.29.32" => {
            for policy in parts() {
                qualifiers(policy).try_for_each(|(oid, value)| match oid {
                    oid if oid == CPS => check(&IA5, value).map_err(|flaw| format!("cPSuri {flaw}")),
                    oid if oid == NOTICE => {
                        check(&USER_NOTICE, value).map_err(|flaw| format!("userNotice {flaw}"))
                    }
                    _ => Ok(()),
                })?;
            }
        }
        _ => {}
    }
    Ok(())
}

/// The content of the identifier and the value of each qualifier of a policy.
fn qualifiers(policy: Element<'_>) -> impl Iterator<Item = (&[u8], Element<'_>)> {
    let fields = elements(policy.content).unwrap_or_default();
    let list = fields.get(1).and_then(|list| elements(list.content)).unwrap_or_default();
    list.into_iter().filter_map(|qualifier| match elements(qualifier.content)?.as_slice() {
        [oid, value] => Some((oid.content, *value)),
        _ => None,
    })
}

/// The identifiers of qualifiers of policies that the standard does not define (section 4.2.1.4), dotted.
pub(super) fn unknown_qualifiers(value: &[u8]) -> Vec<String> {
    let policies = read(value).and_then(|(list, _)| elements(list.content)).unwrap_or_default();
    let unknown = policies.into_iter().flat_map(|policy| qualifiers(policy).collect::<Vec<_>>());
    let unknown = unknown.filter(|(oid, _)| *oid != CPS && *oid != NOTICE);
    let shown =
        |oid: &[u8]| crate::x509::der::object_identifier(oid).unwrap_or_else(|| crate::x509::hex(oid));
    unknown.map(|(oid, _)| shown(oid)).collect()
}

fn whole(der: &[u8], shape: &Shape) -> Result<(), Flaw> {
    match read(der) {
        None => Err("it is not in DER".into()),
        Some((element, [])) => check(shape, element).map_err(|flaw| flaw.trim_start().to_owned()),
        Some(_) => Err("bytes follow it".into()),
    }
}

/// Kinds of strings of attributes whose type admits one or a few (appendix A.1): country, serial number and dnQualifier are
/// printable, e-mail addresses and domain components ASCII; those of X.520 are of any kind of `DirectoryString`.
pub(super) fn attribute(pair: Element<'_>) -> Result<(), Flaw> {
    static PAIR: Shape =
        Fields(tag::SEQUENCE, &[Field("type", &OID, Required), Field("value", &Anything, Required)]);
    check(&PAIR, pair)?;
    let parts = elements(pair.content).unwrap_or_default();
    let [kind, value] = parts.as_slice() else { return Ok(()) };
    let shape = match kind.content {
        [0x55, 4, 5 | 6 | 46] => &PRINTABLE,
        [0x55, 4, 3 | 4 | 7..=12 | 17 | 41..=44 | 65] => &DIRECTORY_STRING,
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 1]
        | [0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 1, 25] => &IA5,
        _ => return Ok(()),
    };
    check(shape, *value).map_err(|flaw| format!("has a value that {flaw}"))
}

/// What is wrong with a date (sections 4.1.2.5, 5.1.2.4 to 5.1.2.6): both forms have seconds and are in GMT, and neither has
/// a fraction.
pub(super) fn date_problem(date: Element<'_>) -> Option<&'static str> {
    let (digits, form) = if date.tag == UTC_TIME {
        (12, "is not written as YYMMDDHHMMSSZ")
    } else {
        (14, "is not written as YYYYMMDDHHMMSSZ")
    };
    let written = date.content.split_last().is_some_and(|(zone, rest)| {
        *zone == b'Z' && rest.len() == digits && rest.iter().all(u8::is_ascii_digit)
    });
    (!written).then_some(form)
}

/// What is wrong with a `GeneralizedTime` of a year before 2050.
pub(super) fn early_date_problem(date: Element<'_>) -> Option<&'static str> {
    let early = date.tag == GENERALIZED_TIME && date.content.get(..4).is_some_and(|year| year < &b"2050"[..]);
    early.then_some("is a GeneralizedTime before 2050, where a UTCTime must stand")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forge;

    fn unhex(text: &str) -> Vec<u8> {
        (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
    }

    #[test]
    fn values_of_extensions() {
        for (oid, value, flaw) in [
            ("2.5.29.19", "30030101ff", ""),
            ("2.5.29.19", "30060101ff020100", ""),
            ("2.5.29.19", "b0030101ff", "has the tag b0 instead of 30"),
            ("2.5.29.19", "30038101ff", "has an element with the tag 81 where none should stand"),
            ("2.5.29.19", "300301010f", "cA is no BOOLEAN in DER"),
            ("2.5.29.19", "3003010100", ""),
            ("2.5.29.28", "3003810100", "the default"),
            ("2.5.29.19", "30060101ff0201ff", "pathLenConstraint is no INTEGER"),
            ("2.5.29.19", "30060101ff820100", "the tag 82"),
            ("2.5.29.15", "03020780", ""),
            ("2.5.29.15", "03020080", "is no BIT STRING in DER"),
            ("2.5.29.15", "23020780", "has the tag 23"),
            ("2.5.29.17", "3003820161", ""),
            ("2.5.29.17", "b003820161", "has the tag b0"),
            ("2.5.29.17", "3003a20161", "holds an element that has the tag a2"),
            ("2.5.29.37", "300a06082b06010505070301", ""),
            ("2.5.29.37", "300a86082b06010505070301", "has the tag 86 instead of 06"),
            ("2.5.29.35", "3003800101", ""),
            ("2.5.29.35", "3003820101", "without the other"),
            ("2.5.29.32", "3005300306012a", ""),
            ("2.5.29.32", "3015301306012a300e300c06082b060105050702010500", "cPSuri has the tag 05"),
            ("2.5.29.31", "30063004810205a0", "neither a place nor an issuer"),
            ("2.5.29.28", "3000", "it is empty"),
            ("1.2.3", "ffff", ""),
        ] {
            let said = extension(oid, &unhex(value)).err().unwrap_or_default();
            assert!(said.contains(flaw) && said.is_empty() == flaw.is_empty(), "{oid} {value}: {said}");
        }
    }

    #[test]
    fn what_the_forge_makes_is_of_its_shape() {
        let root = forge::ca(
            "cn=Root o=a dc=example c=DE nc=permit:dns:a,exclude:ip:10.0.0.0/8 pathlen=1 policies=any,1.2.3 \
             mappings=1.2.3:1.2.4 explicit=0 inhibit-any=1",
        );
        let leaf = root.leaf(
            "sans=dns:a,ip:192.0.2.1,email:a@b,uri:x:y,dir:cn=x,rid:1.2.3,other:1.2.3:x aki=full \
             crldp=uri:http://x,dir:cn=a;reasons:keyCompromise;issuer:cn=b crldp=rel:cn=c aia=http://x freshest=uri:http://x",
        );
        for forged in [&root, &leaf] {
            assert_eq!(certificate(forged.der()), Ok(()));
            for extension in crate::x509::Certificate::from_der(forged.der()).unwrap().tbs.extensions.all {
                assert_eq!(super::extension(&extension.oid, &extension.value), Ok(()), "{}", extension.oid);
            }
        }
        let list = root.crl("revoked=01;reason:keyCompromise,02 idp=uri:http://x only=user");
        assert_eq!(revocation_list(list.der()), Ok(()));
    }

    /// The places of the tags of everything in some DER, values of extensions looked into.
    fn tags(der: &[u8], at: usize, out: &mut Vec<usize>) {
        let mut rest = der;
        while let Some((element, after)) = read(rest) {
            let here = at + (der.len() - rest.len());
            out.push(here);
            let content = here + (element.whole.len() - element.content.len());
            let is_within = element.tag & 0x20 != 0
                || (element.tag == tag::OCTET_STRING
                    && elements(element.content).is_some_and(|all| all.len() == 1));
            if is_within {
                tags(element.content, content, out);
            }
            rest = after;
        }
    }

    /// What may stand in the place of another: one kind of name, of string or of date for another, what is excluded for what
    /// is permitted, and one count of policies for the other.
    fn are_alternatives(one: u8, other: u8) -> bool {
        const NAMES: [u8; 7] = [0x81, 0x82, 0x86, 0x87, 0x88, 0xa3, 0xa4];
        const LISTS: [u8; 2] = [0xa0, 0xa1];
        const COUNTS: [u8; 2] = [0x80, 0x81];
        const STRINGS: [u8; 5] = [0x0c, 0x13, 0x14, 0x1c, 0x1e];
        const TIMES: [u8; 2] = [0x17, 0x18];
        [&NAMES[..], &LISTS, &COUNTS, &STRINGS, &TIMES]
            .iter()
            .any(|kinds| kinds.contains(&one) && kinds.contains(&other))
    }

    #[test]
    fn another_tag_is_refused_wherever_it_stands() {
        let root = forge::ca("cn=Root");
        let leaf = root.leaf(
            "cn=a o=b c=DE sans=dns:a.example,ip:192.0.2.1,dir:cn=x ku=digitalSignature eku=server aki=full policies=1.2.3 \
             crldp=uri:http://x;reasons:keyCompromise aia=http://x key=p256 pathlen=1 nc=permit:dns:a explicit=1 inhibit-any=1 \
             mappings=1.2.3:1.2.4 freshest=uri:http://x",
        );
        let sound = |der: &[u8]| {
            let Ok(read) = crate::x509::Certificate::from_der(der) else { return false };
            let values = &read.tbs.extensions;
            certificate(der).is_ok()
                && values.all.iter().all(|one| extension(&one.oid, &one.value).is_ok())
                && values.malformed.is_empty()
        };
        assert!(sound(leaf.der()));
        let mut places = Vec::new();
        tags(leaf.der(), 0, &mut places);
        assert!(places.len() > 120, "{}", places.len());
        // Parameters of algorithms may be anything here: the key's curve, of which others have an eye.
        let mut taken = Vec::new();
        for place in places {
            let own = leaf.der()[place];
            for other in [
                0x00,
                0x01,
                0x02,
                0x03,
                0x04,
                0x05,
                0x06,
                0x0a,
                0x0c,
                0x10,
                0x13,
                0x16,
                0x17,
                0x18,
                0x24,
                0x30,
                0x31,
                0x42,
                0x80,
                0x81,
                0x82,
                0x86,
                0xa0,
                0xa1,
                0xa2,
                0xa3,
                0xa4,
                0xb0,
                0xd0,
                own ^ 0x20,
                own ^ 0x40,
                own ^ 0x80,
            ] {
                if other == own || are_alternatives(own, other) {
                    continue;
                }
                let mut der = leaf.der().to_vec();
                der[place] = other;
                if sound(&der) {
                    taken.push(format!("{own:02x} at {place} as {other:02x}"));
                }
            }
        }
        let curve = |one: &&String| one.starts_with("06 at");
        assert!(taken.iter().all(|one| curve(&one)), "{taken:?}");
        assert!(taken.len() <= 32, "{taken:?}");
    }
}
