//! Path building (RFC 4158), and what makes a path: names that chain, signatures that verify, path lengths (RFC 5280
//! sections 6.1.3 and 6.1.4).

use super::check;

/// Paths that are found, and how those that are none are explained.
pub(super) const FOUND: &str = "
# RFC 5280 section 6.1: from the certificate over its issuers to a trust anchor.
R | L<R
    -> ok path=L,R until=L
R | I<R | L<I
    -> ok path=L,I,R
R | I<R | J<I | K<J | L<K
    -> ok path=L,K,J,I,R
# RFC 5280 section 6.1.3 (a)(4): nobody with the issuer's name.
R | H<R | L<H
    -> no-issuer@L '1 trust anchor, 0 intermediates' '[CN=H]'
R | H<R | I<H | L<I
    -> no-issuer@I path=L,I
I | J<I | L<J
    -> no-issuer+loop@I 'CN=I is self-signed, and is not among the trust anchors'
R | L
    -> no-issuer@L 'CN=L is self-signed'
# RFC 5280 section 6.1.3 (a)(1): the issuer's name, and not its key.
H cn=kubernetes | R cn=kubernetes | L<H
    -> signature@R 'another CA of the same name' 'earlier'
H cn=kubernetes | R cn=kubernetes | L<H aki=absent
    -> signature@R 'was signed by another CA of the same name, or was altered'
H cn=kubernetes key=ed25519 | R cn=kubernetes | L<H aki=absent
    -> signature@R 'the signature is Ed25519' 'with another key'
R | L<R sig=broken
    -> signature@R 'was altered'
R | I<R sig=broken | L<I
    -> signature@R path=L,I,R
# The signature of a trust anchor's own certificate proves nothing, and is not looked at (section 6.1.1 (d)).
H | R<H sig=broken | L<R
    -> ok path=L,R
R sig=broken | L<R
    -> ok path=L,R
R sig=sha1 | L<R
    -> ok path=L,R
# A trust anchor need not be self-signed.
H | R<H | L<R
    -> ok path=L,R
H | R<H | I<R | L<I
    -> ok path=L,I,R
R issuer=cn=Elsewhere | L<R
    -> ok path=L,R
# Nor is the path longer than it must be: a trust anchor ends it, whoever signed its certificate.
R1 | R2<R1 | L<R2
    -> ok path=L,R2
R1 | I<R1 | R2=I | L<I
    -> ok path=L,R2
# The certificate that is asked about is a trust anchor itself.
L | R=L
    -> ok path=L until=L
R | L=R
    -> ok path=L
H | L<H | R=L
    -> ok path=L // no-issuer@L 'is none'
H | L<H ca=true ku=keyCertSign eku=none | R=L
    -> ok path=L
H | L<H sig=broken | R=L
    -> ok path=L // no-issuer@L
L until=-1h | R=L
    -> expired@L
# A CA's certificate may be asked about like any other.
R | I<R | L=I
    -> ok path=L,R
R | L<R ca=true ku=keyCertSign eku=none
    -> ok path=L,R
# A certificate that is given twice, or in the wrong place, does no harm.
R | R2=R | I<R | J=I | L<I
    -> ok path=L,I,R
R | I=R | L<R
    -> ok path=L,R
R | I<R | L<I | J=L
    -> ok path=L,I,R
# RFC 4158 section 3.5.12: of several with the right name, the one whose key identifier fits.
R1 cn=Root | R2 cn=Root | R3 cn=Root | L<R2
    -> ok path=L,R2
R1 cn=Root | R2 cn=Root | I<R2 cn=Sub | J<R1 cn=Sub | L<I
    -> ok path=L,I,R2
# Without key identifiers each is tried.
R1 cn=Root ski=absent | R2 cn=Root ski=absent | L<R2
    -> ok path=L,R2
# RFC 5280 section 4.2.1.1: the identifier of another key is a hint that misleads, and no more.
R | L<R aki=0102
    -> ok path=L,R
R1 cn=Root | R2 cn=Root ski=0102 | L<R1 aki=0102
    -> ok path=L,R1
# Names that mean the same chain (RFC 5280 section 7.1); Go compares the bytes.
R cn='Root  CA' | L<R 'issuer=cn=root ca'
    -> no-issuer@L // ok path=L,R
R cn=Root cn-as=utf8 | L<R issuer=cn=Root
    -> no-issuer@L 'encoded otherwise' // ok path=L,R
R cn=Root | L<R issuer=cn=Roots
    -> no-issuer@L
R subject=o=A/cn=B | L<R issuer=cn=B/o=A
    -> no-issuer@L
R subject=cn=A+o=B | L<R issuer=cn=A/o=B
    -> no-issuer@L
";

/// Graphs in which paths part, join and come back.
pub(super) const GRAPHS: &str = "
# RFC 4158 section 2.3: a CA that two others certified.
R1 | R2 | I<R1 | X<R2=I | L<I
    -> ok path=L,I,R1
H | R2 | I<H | X<R2=I | L<I
    -> ok path=L,X,R2
# The old root certified the new one, which was sent along and is not trusted yet.
R cn=Old | N cn=New | X<R=N | L<N
    -> ok path=L,X,R
R cn=Old | N cn=New | X<R=N | I<N | L<I
    -> ok path=L,I,X,R
# RFC 4158 section 2.4.2: two CAs that certified each other, and nobody else them.
HA cn=A | HB cn=B | X<HB=HA | Y<HA=HB | L<HA
    -> no-issuer@Y+loop@X path=L,X,Y 'sign each other'
HA cn=A | HB cn=B | X<HB=HA | Y<HA=HB | R | L<HA
    -> no-issuer@Y+loop@X
# The same with a way out.
R | A<R | B<R | X<B=A | Y<A=B | L<A
    -> ok path=L,A,R
R | HA cn=A | B<R | X<B=HA | Y<HA=B | L<HA
    -> ok path=L,X,B,R
# A ring of three under a trust anchor that certified its last.
R | HA cn=A | HB cn=B | HC cn=C | X<HB=HA | Y<HC=HB | Z<HA=HC | W<R=HC | L<HA
    -> ok path=L,X,Y,W,R
# Two keys of one name that certified each other: each is self-issued, and no loop by its name alone.
HA cn=A | HB cn=A | X<HB=HA | Y<HA=HB | L<HA
    -> signature@Y+loop@X+no-issuer@Y
R cn=A | HA cn=A | X<R=HA | L<HA
    -> ok path=L,X,R
# A link that does not hold is no reason to give up: an expired cross-certificate,
R1 | R2 | I<R1 until=-1d | X<R2=I | L<I
    -> ok path=L,X,R2
# an expired root whose key lives on,
R until=-1d | R2~R until=+1y | L<R
    -> ok path=L,R2
# a CA that was renewed under the same key,
R | I<R until=-1d | J~I until=+1y | L<I
    -> ok path=L,J,R
# a path length,
R1 pathlen=0 | R2 | I<R1 | X<R2=I | L<I
    -> ok path=L,X,R2
# a purpose,
R1 | R2 | I<R1 eku=client | X<R2=I | L<I
    server -> ok path=L,X,R2
    client -> ok path=L,I,R1
# names that one of the roots excludes,
R1 nc=exclude:dns:example.com | R2 | I<R1 | X<R2=I | L<I sans=dns:a.example.com
    -> ok path=L,X,R2
# another signer of the same name and key identifier.
R1 cn=Root ski=01 | R2 cn=Root ski=01 | L<R2
    -> ok path=L,R2
# All ways are wrong, each in its own way: the most telling reason comes first.
R1 until=-1d | R2 pathlen=0 | I<R1 | X<R2=I | J<I | L<J
    -> expired@R1+path-length@R2
# A certificate of the same name and key as the one that is asked about cannot be its issuer to Go, which sees a loop,
# unless one of them has alternative names.
R | L~R until=+1y
    -> no-issuer@L+loop@R // ok path=L,R
R | L~R until=+1y sans=dns:a
    -> ok path=L,R
R sans=dns:a | L~R until=+1y
    -> no-issuer@L+loop@R // ok path=L,R
R sans=dns:a | L~R until=+1y sans=dns:b
    -> ok path=L,R
";

/// How many CAs may follow.
pub(super) const LENGTHS: &str = "
# RFC 5280 section 4.2.1.9: pathLenConstraint counts the intermediates between a CA and the end entity.
R pathlen=0 | L<R
    -> ok
R pathlen=0 | I<R | L<I
    -> path-length@R 'admits 0' '[at most 0] [1]'
R pathlen=1 | I<R | L<I
    -> ok
R pathlen=1 | I<R | J<I | L<J
    -> path-length@R '2 CA certificates follow'
R | I<R pathlen=0 | L<I
    -> ok
R | I<R pathlen=0 | J<I | L<J
    -> path-length@I
R | I<R pathlen=1 | J<I pathlen=0 | L<J
    -> ok
# What a CA says of itself does not widen what one above it said.
R pathlen=0 | I<R pathlen=5 | L<I
    -> path-length@R
# The certificate that is asked about does not count, though it be a CA's.
R pathlen=0 | I<R | L=I
    -> ok
R pathlen=0 | L<R ca=true ku=keyCertSign pathlen=0
    -> ok
# RFC 5280 section 6.1.4 (l): those that are self-issued do not count. Go counts them.
R cn=Root pathlen=0 | HN cn=Root | X<R=HN | L<HN
    -> path-length@R // ok path=L,X,R
R cn=Root pathlen=1 | HN cn=Root | X<R=HN | L<HN
    -> ok
R cn=Root pathlen=0 | HN cn=Root | X<R=HN | I<HN | L<I
    -> path-length@R
R cn=Root pathlen=1 | HN cn=Root | X<R=HN | I<HN | L<I
    -> path-length@R // ok path=L,I,X,R
R | I<R pathlen=0 cn=Sub | HN cn=Sub | X<I=HN | L<HN
    -> path-length@I // ok path=L,X,I,R
# A path length without the right to be a CA (RFC 5280 section 4.2.1.9).
R | L<R pathlen=0
    -> ok!inconsistent-ca@L // inconsistent-ca@L
";

#[test]
fn paths_are_found() {
    check(FOUND);
}

#[test]
fn graphs_are_walked() {
    check(GRAPHS);
}

#[test]
fn path_lengths() {
    check(LENGTHS);
}
