//! Where other verifiers are known to differ from kpki, each with its reason. What is not in these tables is an agreement;
//! what is in them and agrees is a line that has to go.

use super::On::{Inter, Leaf, Root};
use super::Twist;
use crate::oracles::For::{self, Client, Server};
use crate::oracles::Oracle::{self, OpenSslStrict, Python, Webpki};

/// Whether kpki accepts what the oracle refuses, or the other way round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kpki {
    /// kpki accepts, the oracle refuses.
    Accepts,
    /// kpki refuses, the oracle accepts.
    Refuses,
}
use Kpki::{Accepts, Refuses};

/// Twists on which an oracle differs for one reason.
pub(crate) struct Difference {
    /// Who.
    pub(crate) oracle: Oracle,
    /// In which way.
    pub(crate) kpki: Kpki,
    /// For which purposes.
    pub(crate) purposes: &'static [For],
    /// Why.
    pub(crate) reason: &'static str,
    /// On what.
    pub(crate) twists: &'static [Twist],
}

const BOTH: &[For] = &[Server, Client];

/// One line of a table.
pub(crate) const fn differs(
    oracle: Oracle,
    kpki: Kpki,
    purposes: &'static [For],
    reason: &'static str,
    twists: &'static [Twist],
) -> Difference {
    Difference { oracle, kpki, purposes, reason, twists }
}

/// Ways in which a trust anchor may be written.
const ANCHORS: &[Twist] =
    &[(Root, "bc-critical=no"), (Root, "ski=absent"), (Root, "version=1"), (Root, "sig=outer-mismatch")];

/// `openssl verify -x509_strict` and the policy `rfc5280`.
const OPENSSL: &[Difference] = &[
    differs(
        OpenSslStrict,
        Refuses,
        BOTH,
        "RFC 5758 section 3.2: the parameters of an ECDSA signature algorithm MUST be absent",
        &[(Leaf, "sig=null")],
    ),
    differs(
        OpenSslStrict,
        Accepts,
        BOTH,
        "openssl wants a key usage that TLS can use; RFC 5280 section 4.2.1.12 leaves that to the protocol",
        &[(Leaf, "ku=contentCommitment")],
    ),
    differs(
        OpenSslStrict,
        Accepts,
        &[Client],
        "the same: a client signs or agrees on a key, and does not have one enciphered",
        &[(Leaf, "ku=keyEncipherment")],
    ),
    differs(
        OpenSslStrict,
        Accepts,
        &[Client],
        "to openssl anyExtendedKeyUsage is no TLS client; RFC 5280 section 4.2.1.12: any purpose. For servers the Web PKI \
         forbids it, and kpki's strict reading with it",
        &[(Leaf, "eku=any"), (Leaf, "eku=server,any"), (Inter, "eku=any"), (Root, "eku=any")],
    ),
    differs(
        OpenSslStrict,
        Accepts,
        BOTH,
        "openssl takes only an issuer whose key identifier is the wanted one; RFC 5280 section 6.1 does not compare them",
        &[(Leaf, "aki=ffff"), (Inter, "aki=ffff")],
    ),
    differs(
        OpenSslStrict,
        Accepts,
        &[Client],
        "the same, of a root that signed itself; for servers the Web PKI forbids it, and kpki with it",
        &[(Root, "aki=ffff")],
    ),
    differs(
        OpenSslStrict,
        Accepts,
        BOTH,
        "to openssl a certificate has ended in its last second; RFC 5280 section 4.1.2.5: both ends inclusive",
        &[(Leaf, "until=+0s")],
    ),
    differs(
        OpenSslStrict,
        Accepts,
        BOTH,
        "openssl trusts only what signs itself, unless it is called with -partial_chain; RFC 5280 section 6.1.1 (d): a trust \
         anchor is a name and a key",
        &[(Root, "issuer=cn=Else aki=ffff")],
    ),
    differs(
        OpenSslStrict,
        Accepts,
        BOTH,
        "RFC 5280 section 4.2.1.3 wants CAs to have a key usage; section 6.1.4 (n) asks only what it says where it is there",
        &[(Leaf, "ca=true ku=none"), (Inter, "ku=none"), (Root, "ku=none")],
    ),
    differs(
        OpenSslStrict,
        Refuses,
        &[Server],
        "openssl falls back on the common name; RFC 9525 section 2 is done with it",
        &[
            (Leaf, "sans=none"),
            (Leaf, "sans=ip:192.0.2.1"),
            (Leaf, "sans=uri:https://a.example.com"),
            (Leaf, "version=1"),
        ],
    ),
    differs(
        OpenSslStrict,
        Refuses,
        &[Client],
        "an end entity of version 1 has no subject alternative name, and its authority key identifier is missing too",
        &[(Leaf, "version=1")],
    ),
    differs(
        OpenSslStrict,
        Refuses,
        BOTH,
        "openssl does not look at the form of names, and takes * as a part of a label; RFC 5280 section 4.2.1.6, RFC 9525 \
         section 6.3",
        &[
            (Leaf, "sans=dns:a*.example.com"),
            (Leaf, "sans=dns:a.example.com,dns:a_b.example.com"),
            (Leaf, "sans=dns:a.example.com,dns:.example.com"),
            (Leaf, "sans=dns:a.example.com,dns:-x.example.com"),
            (Leaf, "sans=dns:a.example.com,dns:"),
            (Leaf, "sans=dns:a.example.com,email:not-a-mailbox"),
            (Leaf, "sans=dns:a.example.com,uri:no-scheme"),
            (Leaf, "sans=dns:a.example.com,raw:8705c000020102"),
        ],
    ),
    differs(
        OpenSslStrict,
        Refuses,
        &[Client],
        "the same; of a server the name that is asked for is not found either",
        &[
            (Leaf, "sans=dns:*.com"),
            (Leaf, "sans=dns:*"),
            (Leaf, "sans=dns:a.*.com"),
            (Leaf, "sans=dns:a.example.com."),
            (Leaf, "sans=dns:.example.com"),
            (Leaf, "sans=dns:a.example.com%00.example.org"),
        ],
    ),
    differs(
        OpenSslStrict,
        Refuses,
        &[Server],
        "the Baseline Requirements sections 7.1.2.1, 7.1.2.7 and 7.1.4.3, to which kpki holds servers",
        &[
            (Leaf, "sans=dns:A.EXAMPLE.COM"),
            (Leaf, "san-critical"),
            (Leaf, "eku=server,any"),
            (Leaf, "eku-critical"),
            (Root, "eku=server"),
        ],
    ),
    differs(
        OpenSslStrict,
        Refuses,
        BOTH,
        "RFC 5280 section 4.2.1.3: an end entity that is a CA and may not sign certificates",
        &[(Leaf, "ca=true")],
    ),
    differs(
        OpenSslStrict,
        Refuses,
        BOTH,
        "RFC 5280 sections 4.2 (twice), 4.2.1.10 (where constraints may stand, criticality, form, emptiness), 4.1.2.1 (there \
         is no version 4) and 4.1.2.2 (positive, 20 octets): openssl does not ask",
        &[
            (Leaf, "nc=permit:dns:example.com"),
            (Leaf, "ext=1.2.3.4:plain:0500 dup=1.2.3.4"),
            (Leaf, "version=4"),
            (Leaf, "serial=zero"),
            (Leaf, "serial=negative"),
            (Leaf, "serial=long"),
            (Inter, "nc=permit:dns:.example.com"),
            (Inter, "nc=permit:ip:192.0.2.0/255.0.255.0"),
            (Inter, "nc=permit:dns:example.com nc-critical=no"),
            (Inter, "nc="),
            (Inter, "serial=zero"),
            (Inter, "serial=long"),
        ],
    ),
    differs(
        OpenSslStrict,
        Accepts,
        BOTH,
        "openssl judges how a trust anchor's certificate is written; RFC 5280 section 6.1.1 (d): a name and a key",
        ANCHORS,
    ),
    differs(
        OpenSslStrict,
        Refuses,
        BOTH,
        "RFC 5280 section 6.1.4 (a): openssl looks at mappings only where there are policies",
        &[(Inter, "mappings=any:1.2.4")],
    ),
    differs(
        OpenSslStrict,
        Refuses,
        BOTH,
        "openssl reads the first certificate of a file; kpki refuses bytes that nobody reads",
        &[(Leaf, "trailing=0500")],
    ),
];

/// `cryptography`'s verifier and the policy `rfc5280`.
const PYTHON: &[Difference] = &[
    differs(
        Python,
        Accepts,
        BOTH,
        "cryptography processes no policies, and refuses the extensions where they are critical",
        &[
            (Leaf, "policies=1.2.3.4 policies-critical"),
            (Leaf, "inhibit-any=0"),
            (Inter, "inhibit-mapping=0"),
            (Inter, "inhibit-any=0"),
            (Inter, "mappings=1.2.3:1.2.4"),
            (Root, "explicit=0"),
        ],
    ),
    differs(
        Python,
        Accepts,
        BOTH,
        "the Baseline Requirements forbid a CA as an end entity, and Ed25519; RFC 5280 does not",
        &[
            (Leaf, "ca=true ku=none"),
            (Leaf, "ca=true ku=digitalSignature,keyCertSign"),
            (Inter, "key=ed25519"),
            (Root, "key=ed25519"),
        ],
    ),
    differs(
        Python,
        Accepts,
        BOTH,
        "RFC 5280 section 4.2.1.3 wants CAs to have a key usage; section 6.1.4 (n) asks only what it says where it is there",
        &[(Inter, "ku=none"), (Root, "ku=none")],
    ),
    differs(
        Python,
        Accepts,
        BOTH,
        "cryptography compares the bytes of names; RFC 5280 section 7.1 what they mean",
        &[(Leaf, "issuer=cn:utf8=Inter"), (Leaf, "issuer=cn=inter"), (Inter, "issuer=cn:utf8=Root")],
    ),
    differs(
        Python,
        Accepts,
        BOTH,
        "dates until 2049 in GeneralizedTime, which section 4.1.2.5 forbids to CAs, and NIST's PKITS (4.2.4) accepts",
        &[(Leaf, "times=generalized"), (Inter, "times=generalized")],
    ),
    differs(
        Python,
        Accepts,
        BOTH,
        "a DEFAULT that is written out, which changes nothing of what is said",
        &[(Leaf, "ca=false-encoded")],
    ),
    differs(
        Python,
        Accepts,
        BOTH,
        "an empty constraint on DNS names, which holds them all (section 4.2.1.10), is malformed to cryptography",
        &[(Inter, "nc=permit:dns:")],
    ),
    differs(
        Python,
        Accepts,
        &[Server],
        "to cryptography an extended key usage must not be critical in a CA's certificate either",
        &[(Inter, "eku-critical eku=server")],
    ),
    differs(
        Python,
        Accepts,
        &[Client],
        "cryptography holds clients to the Baseline Requirements for servers; kpki does not",
        &[
            (Leaf, "sans=none"),
            (Leaf, "san-critical"),
            (Leaf, "eku=any"),
            (Leaf, "eku=server,any"),
            (Leaf, "eku-critical"),
        ],
    ),
    differs(
        Python,
        Refuses,
        BOTH,
        "cryptography looks only at the names that it needs; kpki at the form of all (section 4.2.1.6)",
        &[
            (Leaf, "sans=dns:a.example.com,dns:a_b.example.com"),
            (Leaf, "sans=dns:a.example.com,dns:.example.com"),
            (Leaf, "sans=dns:a.example.com,dns:-x.example.com"),
            (Leaf, "sans=dns:a.example.com,dns:"),
            (Leaf, "sans=dns:a.example.com,email:not-a-mailbox"),
            (Leaf, "sans=dns:a.example.com,uri:no-scheme"),
        ],
    ),
    differs(
        Python,
        Refuses,
        &[Server],
        "the same; of a client cryptography reads all names for its answer, and stumbles",
        &[(Leaf, "sans=dns:a.example.com,raw:8705c000020102")],
    ),
    differs(
        Python,
        Refuses,
        &[Client],
        "the same; of a server the name that is asked for is not found either",
        &[
            (Leaf, "sans="),
            (Leaf, "sans=dns:*.com"),
            (Leaf, "sans=dns:*"),
            (Leaf, "sans=dns:a*.example.com"),
            (Leaf, "sans=dns:a.*.com"),
            (Leaf, "sans=dns:a.example.com."),
            (Leaf, "sans=dns:.example.com"),
            (Leaf, "sans=dns:a.example.com%00.example.org"),
        ],
    ),
    differs(
        Python,
        Refuses,
        &[Server],
        "the Baseline Requirements sections 7.1.2.1, 7.1.2.7 and 7.1.4.3, where cryptography does not go",
        &[
            (Leaf, "sans=dns:A.EXAMPLE.COM"),
            (Leaf, "eku=server,any"),
            (Inter, "eku=any"),
            (Root, "eku=server"),
            (Root, "eku=any"),
            (Root, "aki=ffff"),
        ],
    ),
    differs(
        Python,
        Refuses,
        BOTH,
        "RFC 5280 sections 4.1.2.2, 4.2.1.1, 4.2.1.2, 4.2.1.3, 4.2.1.4, 4.2.1.9, 4.2.1.10 and 4.2.1.11: MUSTs that \
         cryptography does not demand",
        &[
            (Leaf, "ku="),
            (Leaf, "pathlen=0"),
            (Leaf, "ski-critical"),
            (Leaf, "aki=empty"),
            (Leaf, "aki=issuer-serial"),
            (Leaf, "policies=1.2.3.4,1.2.3.4"),
            (Leaf, "serial=zero"),
            (Leaf, "serial=long"),
            (Inter, "ski=absent"),
            (Inter, "aki=absent"),
            (Inter, "nc=permit:dns:example.com nc-critical=no"),
            (Inter, "explicit=0 constraints-critical=no policies=any"),
            (Inter, "serial=zero"),
            (Inter, "serial=long"),
        ],
    ),
    differs(
        Python,
        Accepts,
        BOTH,
        "cryptography judges how a trust anchor's certificate is written; RFC 5280 section 6.1.1 (d): a name and a key",
        &[(Root, "bc-critical=no"), (Root, "version=1"), (Root, "sig=outer-mismatch")],
    ),
    differs(
        Python,
        Refuses,
        BOTH,
        "cryptography checks a CA's key for its size, and not the end entity's",
        &[(Leaf, "key=rsa1024")],
    ),
    differs(
        Python,
        Refuses,
        BOTH,
        "cryptography does not hold the subject against constraints on directory names (section 4.2.1.10)",
        &[(Inter, "nc=permit:dir:o=Acme"), (Inter, "nc=exclude:dir:cn=a.example.com")],
    ),
];

/// rustls-webpki and the policy `kubernetes`, which is Go's.
const WEBPKI: &[Difference] = &[
    differs(
        Webpki,
        Accepts,
        BOTH,
        "Go knows anyExtendedKeyUsage, and takes an empty extension for none",
        &[(Leaf, "eku=any"), (Leaf, "eku="), (Inter, "eku=any")],
    ),
    differs(Webpki, Accepts, &[Client], "the same", &[(Leaf, "eku=server,any")]),
    differs(
        Webpki,
        Accepts,
        BOTH,
        "to Go a CA may be an end entity",
        &[(Leaf, "ca=true"), (Leaf, "ca=true ku=digitalSignature,keyCertSign"), (Leaf, "ca=true ku=none")],
    ),
    differs(
        Webpki,
        Accepts,
        BOTH,
        "webpki processes no policies, and refuses the extensions where they are critical",
        &[
            (Leaf, "policies=1.2.3.4 policies-critical"),
            (Leaf, "inhibit-any=0"),
            (Inter, "inhibit-mapping=0"),
            (Inter, "inhibit-any=0"),
            (Inter, "mappings=1.2.3:1.2.4"),
            (Inter, "mappings=any:1.2.4"),
        ],
    ),
    differs(
        Webpki,
        Accepts,
        BOTH,
        "webpki knows no unique identifiers, and no UTCTime without seconds",
        &[(Leaf, "unique-ids=both"), (Leaf, "until=utc:2608291200Z")],
    ),
    differs(
        Webpki,
        Accepts,
        &[Client],
        "webpki reads version 3 only; of a server Go finds no name",
        &[(Leaf, "version=1"), (Leaf, "version=1 extensions=keep"), (Leaf, "version=2 extensions=keep")],
    ),
    differs(
        Webpki,
        Accepts,
        BOTH,
        "webpki on ring has no P-521, no SHA-512 with P-256, no NULL behind ECDSA and no RSA under 2048 bits; Go has them",
        &[
            (Leaf, "sig=sha512"),
            (Leaf, "sig=null"),
            (Inter, "key=p521"),
            (Inter, "key=rsa1024"),
            (Root, "key=p521"),
            (Root, "key=rsa1024"),
        ],
    ),
    differs(
        Webpki,
        Accepts,
        BOTH,
        "webpki knows no constraints on mailboxes, and refuses names that they would apply to",
        &[(Inter, "nc=permit:email:example.com"), (Inter, "nc=permit:email:a@example.com")],
    ),
    differs(
        Webpki,
        Refuses,
        BOTH,
        "Go reads all of a certificate, webpki what it needs of it",
        &[
            (Leaf, "sans=dns:a.example.com,raw:8705c000020102"),
            (Leaf, "policies=1.2.3.4,1.2.3.4"),
            (Leaf, "ext=1.2.3.4:plain:0500 dup=1.2.3.4"),
            (Leaf, "ext=2.5.29.15:critical:0500"),
            (Leaf, "serial=negative"),
            (Leaf, "serial=raw:0001"),
            (Leaf, "subject-raw=30020500"),
            (Inter, "nc="),
        ],
    ),
    differs(
        Webpki,
        Refuses,
        BOTH,
        "webpki does not look at a CA's key usage",
        &[(Inter, "ku=digitalSignature"), (Inter, "ku=cRLSign")],
    ),
    differs(
        Webpki,
        Refuses,
        BOTH,
        "Go refuses critical constraints on kinds of names that it does not process",
        &[(Inter, "nc=permit:rid:1.2.3")],
    ),
    differs(
        Webpki,
        Refuses,
        BOTH,
        "webpki leaves out policy constraints that are not critical",
        &[(Inter, "explicit=0 constraints-critical=no policies=any")],
    ),
    differs(
        Webpki,
        Refuses,
        BOTH,
        "to webpki a trust anchor is a name, a key and name constraints; Go checks its certificate like any other",
        &[
            (Root, "pathlen=0"),
            (Root, "ca=false"),
            (Root, "ca=absent"),
            (Root, "ku=digitalSignature"),
            (Root, "ext=1.2.3.4:critical:0500"),
            (Root, "from=+1d"),
            (Root, "until=-1s"),
        ],
    ),
    differs(Webpki, Refuses, &[Server], "the same", &[(Root, "eku=client")]),
    differs(Webpki, Refuses, &[Client], "the same", &[(Root, "eku=server")]),
];

/// What shows only in longer chains, with other certificates beside them, or together with another twist.
const IN_COMPANY: &[Difference] = &[
    differs(
        OpenSslStrict,
        Accepts,
        BOTH,
        "openssl tries the one issuer that its key identifiers point to, and does not come back (RFC 4158 section 2.4)",
        &[(Inter, "ski=ffff")],
    ),
    differs(
        OpenSslStrict,
        Accepts,
        &[Client],
        "where there is no DNS name, openssl holds a common name that looks like one against constraints on DNS names",
        &[(Leaf, "sans=none"), (Leaf, "sans=ip:192.0.2.1"), (Leaf, "sans=uri:https://a.example.com")],
    ),
    differs(
        Python,
        Accepts,
        BOTH,
        "cryptography holds a CA against its own constraints; RFC 5280 section 4.2.1.10: those that follow",
        &[(Inter, "sans=dns:inter.example.org")],
    ),
    differs(
        Python,
        Refuses,
        BOTH,
        "cryptography passes over constraints on kinds of names that the end entity has not",
        &[(Inter, "nc=permit:ip:192.0.2.0/255.0.255.0")],
    ),
    differs(
        Webpki,
        Refuses,
        BOTH,
        "so does webpki, where Go reads them all",
        &[(Inter, "nc=permit:ip:192.0.2.0/255.0.255.0")],
    ),
    differs(
        Webpki,
        Refuses,
        BOTH,
        "Go stumbles over mailboxes and URIs that are none once there are constraints, whatever these are on",
        &[
            (Leaf, "sans=dns:a.example.com,email:not-a-mailbox"),
            (Leaf, "sans=dns:a.example.com,uri:no-scheme"),
        ],
    ),
    differs(
        Webpki,
        Accepts,
        BOTH,
        "webpki stumbles over DNS names that are none once there are constraints on these; Go is more patient",
        &[
            (Leaf, "sans=dns:*.com"),
            (Leaf, "sans=dns:a*.example.com"),
            (Leaf, "sans=dns:a.example.com,dns:-x.example.com"),
            (Leaf, "sans=dns:a.example.com,dns:"),
        ],
    ),
    differs(
        Webpki,
        Refuses,
        BOTH,
        "Go does not handle a critical extension without names that it knows",
        &[(Leaf, "sans=")],
    ),
    differs(Webpki, Refuses, BOTH, "to webpki a trust anchor has no path length", &[(Root, "pathlen=1")]),
    differs(
        Webpki,
        Refuses,
        BOTH,
        "of a trust anchor of version 1 webpki reads the name and the key alone",
        &[(Root, "sig=outer-mismatch")],
    ),
];

/// Every difference that shows by itself.
pub(crate) fn alone() -> impl Iterator<Item = &'static Difference> {
    OPENSSL.iter().chain(PYTHON).chain(WEBPKI)
}

/// Every difference.
pub(crate) fn all() -> impl Iterator<Item = &'static Difference> {
    alone().chain(IN_COMPANY)
}
