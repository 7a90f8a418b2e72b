//! What programs that clusters meet make of paths that hold, by both policies; and what Go's TLS refuses.

use super::check;

/// Each situation, and who refuses.
pub(super) const OTHERS: &str = "
# Two CAs of one name, and nothing that tells which of them signed: by order, by date, or never.
R1 cn=Root | R2 cn=Root | L<R1 aki=absent
    -> ok!other-programs,authority-key-identifier 'same-name(pyca,wolfSSL (by the keys, not the order),GnuTLS)' // authority-key-identifier@L
R1 cn=Root ski=absent | R2 cn=Root | L<R2 aki=issuer-serial
    -> ok!other-programs,authority-key-identifier 'OpenSSL,curl,Python,Node)' // authority-key-identifier@L
# With an identifier nobody minds.
R1 cn=Root | R2 cn=Root | L<R2
    -> ok
# A renewed CA: the same key and name with another identifier, another serial number, or another kind of string.
R ski=0102 | L<R aki=0103
    -> ok!other-programs@L 'other-key-identifier(OpenSSL,curl,Python,Node,GnuTLS,NSS,Java' 'Botan)'
R | L<R aki=full | R~R serial=77
    -> ok
H cn=R | R~H serial=77 | L<H aki=full
    -> ok!other-programs@L 'issuer-and-serial(OpenSSL,curl,Python,Node,Java'
H cn=R cn-as=printable | R~H cn=R cn-as=utf8 | L<H
    -> no-issuer@L 'encoded otherwise' // ok!other-programs@L 'name-encoded-otherwise(Go'
# An intermediate as the only trust anchor; with its root beside it nobody minds.
H | R<H | L<R
    -> ok!other-programs@R 'intermediate-as-anchor(OpenSSL,Python 3.11,Node,Botan,Erlang)'
R1 | R2<R1 | L<R2
    -> ok
# What a certificate may look like.
R | L<R sans=ip:::ffff:10.0.0.1
    -> ok!other-programs@L 'mapped-address(OpenSSL' 'Go 1.27'
R | L<R sans=dns:node_1.local
    -> ok!other-programs@L,malformed-name@L 'underscore(Java,pyca)' // malformed-name@L
R | L<R sans=dns:*.svc
    -> ok!other-programs@L,malformed-name@L 'short-wildcard(OpenSSL' // malformed-name@L
R | L<R subject=empty sans=dns:a.example.com san-critical=no
    -> ok!other-programs@L,empty-subject@L 'empty-subject(Java,pyca,Python 3.13)' // empty-subject@L
R | L<R until=never
    -> ok!other-programs@L 'year-9999(Botan)'
R | L<R from=1969-01-01T00:00:00Z
    -> ok!other-programs@L 'before-1970(Botan,webpki)'
R key=rsa2048 | L<R sig=pss
    -> ok!other-programs@L 'pss-signature(Erlang)'
R | I<R ku=none | L<I
    -> ok!other-programs@I 'ca-without-key-usage(wolfSSL,pyca)'
R ku=none | L<R
    -> ok!other-programs@R 'ca-without-key-usage(pyca)'
# As a server.
R | L<R ca=true ku=digitalSignature,keyCertSign
    server -> ok!other-programs@L 'ca-as-server(webpki,pyca,NSS)' // ok!other-programs@L
R | L<R cn=web.example.com
    server -> ok!other-programs@L 'common-name-alone(Go (all of Kubernetes, etcd),webpki,pyca)'
R | L<R cn=jane
    client -> ok
# A purpose of the leaf that a CA above does not have, where nobody asked for one.
R | I<R eku=server | L<I eku=client
    -> ok!other-programs@L 'purposes-above(OpenSSL' 'GnuTLS,Erlang,webpki)'
R eku=server | L<R eku=client
    -> ok!other-programs@L 'purposes-above(OpenSSL,curl,Python,Node,Go (all of Kubernetes, etcd),pyca)'
# Name constraints bind those who look.
R | I<R nc=permit:ip:10.0.0.0/8 | L<I sans=ip:10.0.0.1
    -> ok!other-programs@L 'address-below-constraints(Erlang)' 'constraints-not-looked-at(mbedTLS,wolfSSL (of addresses))'
";

/// What Go's crypto/x509 accepts and its TLS does not.
pub(super) const HANDSHAKES: &str = "
# A key of a kind that its TLS does not know; asked for no purpose, crypto/x509 has the last word.
R | L<R spki=302a300506032b656e032100d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a
    -> ok
    server -> handshake@L 'nor loads it' // ok
    client -> handshake@L 'nor loads it' // ok
";

#[test]
fn others() {
    check(OTHERS);
}

#[test]
fn handshakes() {
    check(HANDSHAKES);
}
