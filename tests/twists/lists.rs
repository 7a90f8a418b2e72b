//! The same for revocation lists: a good chain of three, with a good list of the root and one of the CA between.

use super::On::{Inter, Leaf, Root};
use super::Twist;
use super::differences::{Difference, Kpki, differs};
use crate::forge;
use crate::oracles::For::Server;
use crate::oracles::Oracle::OpenSslStrict;
use crate::oracles::Question;

/// Words of the list of that CA, or of the end entity. `LEAF` and `INTER` stand for serial numbers; `only` leaves the other
/// words out.
pub(crate) const TWISTS: &[Twist] = &[
    (Inter, "revoked=LEAF"),
    (Inter, "revoked=LEAF;reason:keyCompromise"),
    (Inter, "revoked=LEAF;reason:certificateHold"),
    (Inter, "revoked=LEAF;reason:removeFromCRL"),
    (Inter, "revoked=LEAF;at:+1d"),
    (Inter, "revoked=LEAF;ext:1.2.3.4:critical:0500"),
    (Inter, "revoked=0102"),
    (Inter, "revoked=0102;ext:1.2.3.4:critical:0500"),
    (Inter, "revoked=INTER"),
    (Root, "revoked=INTER"),
    (Root, "revoked=LEAF"),
    (Inter, "next=-1s"),
    (Inter, "next=+0s"),
    (Inter, "next=absent"),
    (Inter, "this=+1s"),
    (Inter, "this=+0s"),
    (Root, "next=-1s"),
    (Inter, "number=absent"),
    (Inter, "number-critical"),
    (Inter, "aki=absent"),
    (Inter, "aki=ffff"),
    (Inter, "aki-critical"),
    (Inter, "version=1"),
    (Inter, "version=1 revoked=LEAF"),
    (Inter, "issuer=cn=Else"),
    (Inter, "sig=broken"),
    (Inter, "sig=other-key"),
    (Inter, "sig=sha1"),
    (Inter, "sig=sha384"),
    (Inter, "sig=outer-mismatch"),
    (Inter, "ext=1.2.3.4:plain:0500"),
    (Inter, "ext=1.2.3.4:critical:0500"),
    (Inter, "delta=1"),
    (Inter, "delta=1 revoked=LEAF"),
    (Inter, "freshest=uri:http://x/d"),
    (Inter, "idp"),
    (Inter, "idp=uri:http://x/i"),
    (Inter, "only=user"),
    (Inter, "only=ca"),
    (Inter, "only=attribute"),
    (Root, "only=user"),
    (Root, "only=ca"),
    (Inter, "reasons=keyCompromise"),
    (Inter, "reasons=keyCompromise revoked=LEAF"),
    (Inter, "indirect"),
    (Inter, "indirect revoked=LEAF"),
    (Inter, "indirect revoked=LEAF;issuer:cn=Other"),
    (Inter, "indirect revoked=0102;issuer:cn=Other,LEAF"),
    (Inter, "idp-critical=no only=ca"),
    (Inter, "ext=2.5.29.28:critical:0500"),
    (Inter, "trailing=0500"),
    (Inter, "inner-trailing=0500"),
    (Inter, "times=generalized"),
    // What the end entity says of the list's place.
    (Leaf, "crldp=uri:http://x/i"),
    (Leaf, "crldp=uri:http://x/i;reasons:keyCompromise"),
    (Leaf, "crldp=uri:http://x/i;issuer:cn=Lister"),
    (Leaf, "crldp=uri:http://x/i crldp-critical"),
];

/// Where `openssl verify -crl_check_all -extended_crl -x509_strict` differs from the policy `rfc5280`.
pub(crate) const DIFFERENCES: &[Difference] = &[
    differs(
        OpenSslStrict,
        Kpki::Accepts,
        &[Server],
        "to openssl a list has expired in its last second",
        &[(Inter, "next=+0s")],
    ),
    differs(
        OpenSslStrict,
        Kpki::Accepts,
        &[Server],
        "openssl takes only a list whose authority key identifier is its issuer's; RFC 5280 section 6.3.3 (f) wants the \
         signature to hold",
        &[(Inter, "aki=ffff")],
    ),
    differs(
        OpenSslStrict,
        Kpki::Accepts,
        &[Server],
        "a complete list of the issuer covers all reasons, whatever the distribution point says (section 6.3.3, at its end)",
        &[(Leaf, "crldp=uri:http://x/i;reasons:keyCompromise")],
    ),
    differs(
        OpenSslStrict,
        Kpki::Refuses,
        &[Server],
        "RFC 5280 sections 5.1.2.1 (version 2), 5.1.2.4 (UTCTime until 2049), 5.1.2.5 (nextUpdate), 5.2.1 (authority key \
         identifier), 5.2.3 (CRL number), 5.2.5 (a scope that says something) and 5.3.1 (removeFromCRL in delta lists alone): \
         MUSTs that openssl does not demand",
        &[
            (Inter, "version=1"),
            (Inter, "next=absent"),
            (Inter, "number=absent"),
            (Inter, "aki=absent"),
            (Inter, "idp"),
            (Inter, "times=generalized"),
            (Inter, "revoked=LEAF;reason:removeFromCRL"),
        ],
    ),
    differs(
        OpenSslStrict,
        Kpki::Refuses,
        &[Server],
        "openssl's security level is for certificates and not for lists",
        &[(Inter, "sig=sha1")],
    ),
    differs(
        OpenSslStrict,
        Kpki::Refuses,
        &[Server],
        "openssl reads the first list of a file; kpki refuses bytes that nobody reads",
        &[(Inter, "trailing=0500")],
    ),
    differs(
        OpenSslStrict,
        Kpki::Refuses,
        &[Server],
        "to openssl a scope that it cannot read is none",
        &[(Inter, "ext=2.5.29.28:critical:0500")],
    ),
];

/// The good chain with one twist in its lists.
pub(crate) fn question(twist: Twist) -> Question {
    let words = |on, plain: &str| if twist.0 == on { forge::over(plain, twist.1) } else { plain.to_owned() };
    let root = forge::ca("cn=Root");
    let inter = root.ca("cn=Inter");
    let leaf = inter.leaf(&words(Leaf, "cn=a.example.com sans=dns:a.example.com"));
    let list = |ca: &forge::Forged, on| {
        let words = if twist.0 == on { twist.1 } else { "" };
        let words = words.replace("LEAF", &leaf.serial_hex()).replace("INTER", &inter.serial_hex());
        ca.crl(&words).der().to_vec()
    };
    Question {
        leaf: leaf.der().to_vec(),
        roots: vec![root.der().to_vec()],
        between: vec![inter.der().to_vec()],
        lists: vec![list(&root, Root), list(&inter, Inter)],
        purpose: Server,
        name: Some("dns:a.example.com".to_owned()),
        at: forge::NOW,
    }
}
