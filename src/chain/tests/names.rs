//! The names that are asked for (RFC 9525, RFC 5280 section 4.2.1.6).

use super::check;

/// Domains.
pub(super) const HOSTS: &str = "
# RFC 9525 section 6.3: label by label, letters in any case.
R | L<R sans=dns:a.example.com,dns:b.example.com
    dns:a.example.com -> ok
    dns:A.Example.COM -> ok
    dns:b.example.com -> ok
    dns:a.example.com dns:b.example.com -> ok
    dns:c.example.com -> name-mismatch@L '[DNS:c.example.com] [DNS:a.example.com, DNS:b.example.com]'
    dns:a.example.com dns:c.example.com -> name-mismatch 'c.example.com'
    dns:example.com -> name-mismatch
    dns:x.a.example.com -> name-mismatch
    dns:a.example -> name-mismatch
    dns:*.example.com -> name-mismatch
# A dot at the end of what is asked makes it absolute (RFC 1034 section 3.1), and no other name.
    dns:a.example.com. -> ok
    dns:a.example.com.. -> name-mismatch
    dns:.a.example.com -> name-mismatch
# The names of the certificate stand in any case.
R | L<R sans=dns:API.Example.Com
    dns:api.example.com -> ok
# RFC 9525 section 6.3: `*` is the whole left-most label, and stands for one label exactly.
R | L<R sans=dns:*.example.com
    dns:a.example.com -> ok
    dns:A.EXAMPLE.com -> ok
    dns:xn--bcher-kva.example.com -> ok
    dns:example.com -> name-mismatch
    dns:a.b.example.com -> name-mismatch
    dns:a.example.org -> name-mismatch
    dns:.example.com -> name-mismatch
R | L<R sans=dns:*.EXAMPLE.com
    dns:a.example.com -> ok
R | L<R sans=dns:f*.example.com
    dns:foo.example.com -> name-mismatch // name-mismatch@L+malformed-name@L
R | L<R sans=dns:*oo.example.com
    dns:foo.example.com -> name-mismatch
R | L<R sans=dns:a.*.example.com
    dns:a.b.example.com -> name-mismatch
R | L<R sans=dns:*.*.example.com
    dns:a.b.example.com -> name-mismatch
# Not for a whole top-level domain.
R | L<R sans=dns:*.com
    dns:a.com -> ok!name-mismatch@L,malformed-name@L // name-mismatch@L+malformed-name@L
    dns:com -> name-mismatch
R | L<R sans=dns:*
    dns:a -> name-mismatch
    dns:* -> ok!name-mismatch@L,malformed-name@L // name-mismatch+malformed-name
# The common name never counts (RFC 9525 section 2), and the reason says that it is there.
R | L<R cn=a.example.com
    dns:a.example.com -> name-mismatch 'no subject alternative name at all' 'its common name is a.example.com'
R | L<R cn=a.example.com sans=dns:b.example.com
    dns:a.example.com -> name-mismatch 'its common name is'
R | L<R sans=email:a@example.com,uri:https://a.example.com/
    dns:a.example.com -> name-mismatch
# RFC 5280 section 4.2.1.6: preferred name syntax. Go is wider.
R | L<R sans=dns:a_b.example.com
    dns:a_b.example.com -> ok!name-mismatch@L,malformed-name@L // name-mismatch@L+malformed-name
R | L<R sans=dns:-a.example.com
    dns:-a.example.com -> ok!name-mismatch,malformed-name // name-mismatch+malformed-name
R | L<R sans=dns:a-.example.com
    dns:a-.example.com -> ok!name-mismatch,malformed-name // name-mismatch+malformed-name
R | L<R sans=dns:example.com.
    dns:example.com -> name-mismatch // name-mismatch+malformed-name
    dns:example.com. -> ok!name-mismatch,malformed-name // name-mismatch+malformed-name
R | L<R sans=dns:.example.com
    dns:.example.com -> ok!name-mismatch,malformed-name // name-mismatch+malformed-name
    dns:a.example.com -> name-mismatch
R | L<R sans=dns:a..example.com
    -> ok!malformed-name@L // malformed-name@L 'empty label'
R | L<R sans=dns:a%00.example.com
    dns:a -> name-mismatch
    -> ok!malformed-name@L // malformed-name@L
R | L<R sans=dns:a%20b.example.com
    -> ok!malformed-name // malformed-name
R | L<R sans=dns:
    -> ok!malformed-name // malformed-name@L 'it is empty'
R | L<R sans=dns:https://a.example.com
    -> ok!malformed-name // malformed-name
R | L<R sans=dns:a.example.com:6443
    -> ok!malformed-name // malformed-name@L 'port'
R | L<R sans=dns:%c3%a4.example.com
    -> encoding@L 'not ASCII' // malformed-name@L
R | L<R sans=dns:xn--bcher-kva.example.com
    dns:xn--bcher-kva.example.com -> ok
R | L<R sans=dns:localhost
    dns:localhost -> ok
    dns:LocalHost. -> ok
# One name that is none spoils a certificate for the strict reading, though another be asked for.
R | L<R sans=dns:a.example.com,dns:.b
    dns:a.example.com -> ok!malformed-name@L // malformed-name@L
# Labels of 63 characters, names of 253 (RFC 1034 section 3.1).
R | L<R sans=dns:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.example.com
    -> ok
R | L<R sans=dns:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.example.com
    -> ok!malformed-name // malformed-name 'longer than 63'
";

/// Addresses, mailboxes, URIs.
pub(super) const OTHERS: &str = "
# RFC 5280 section 4.2.1.6: the octets of the address. Go takes IPv4 mapped into IPv6 for the IPv4 address.
R | L<R sans=ip:192.0.2.1,ip:2001:db8::1
    ip:192.0.2.1 -> ok
    ip:2001:db8::1 -> ok
    ip:2001:DB8:0::0:1 -> ok
    ip:192.0.2.2 -> name-mismatch@L '[IP:192.0.2.2] [IP:192.0.2.1, IP:2001:db8::1]'
    ip:::ffff:192.0.2.1 -> ok!name-mismatch@L // name-mismatch@L
    ip:::192.0.2.1 -> name-mismatch
R | L<R sans=ip:::ffff:192.0.2.1
    ip:192.0.2.1 -> ok!name-mismatch@L // name-mismatch@L
# An address is no domain, and a domain no address (RFC 9525 section 4).
R | L<R sans=dns:192.0.2.1
    ip:192.0.2.1 -> name-mismatch // name-mismatch+malformed-name@L
    dns:192.0.2.1 -> name-mismatch
R | L<R cn=192.0.2.1
    ip:192.0.2.1 -> name-mismatch
R | L<R sans=ip:192.0.2.1
    dns:a.example.com -> name-mismatch
# Go reads what is asked for as an address wherever it is one.
    dns:192.0.2.1 -> ok!name-mismatch@L // name-mismatch@L
    dns:[192.0.2.1] -> ok!name-mismatch@L // name-mismatch
    dns:192.0.2.1. -> name-mismatch
R | L<R sans=dns:*.0.2.1
    ip:192.0.2.1 -> name-mismatch
# An address of a wrong length: Go reads none of the certificate.
R | L<R sans=raw:8705c000020100
    -> encoding@L 'neither 4 nor 16' // malformed-name@L
R | L<R sans=raw:8700
    -> encoding@L // malformed-name@L
R | L<R sans=ip:192.0.2.0/24
    ip:192.0.2.1 -> encoding@L // name-mismatch+malformed-name@L
# RFC 5280 section 7.5: the local part as it is, the domain in any case. Go compares no mailboxes; kpki does for it.
R | L<R sans=email:Jane@Example.com eku=email
    email:Jane@Example.com -> ok
    email:jane@example.com -> name-mismatch@L
    email:Jane@example.COM -> name-mismatch // ok
    email:Example.com -> name-mismatch
R | L<R sans=email:%22a%20b%22@example.com
    -> ok
R | L<R sans=email:example.com
    -> ok!malformed-name@L // malformed-name@L 'no mailbox'
R | L<R sans=email:a@
    -> ok!malformed-name@L // malformed-name@L
R | L<R sans=email:a@b@example.com
    -> ok!malformed-name@L // malformed-name@L
R | L<R sans=email:a@b..c
    -> ok!malformed-name@L // malformed-name@L
R | L<R sans=email:%e4@example.com
    -> encoding@L // malformed-name@L
# The subject's e-mail address is no alternative name.
R | L<R subject=email=a@example.com
    email:a@example.com -> name-mismatch
# RFC 5280 section 7.4: URIs as they stand.
R | L<R sans=uri:spiffe://cluster.local/ns/x
    uri:spiffe://cluster.local/ns/x -> ok
    uri:spiffe://cluster.local/ns/X -> name-mismatch@L
    uri:spiffe://cluster.local -> name-mismatch
R | L<R sans=uri:urn:uuid:1234
    -> ok
# A URI is absolute (section 4.2.1.6), and Go's reader accepts or refuses the whole certificate.
R | L<R sans=uri:/relative
    -> ok!malformed-name@L // malformed-name@L 'no absolute URI'
R | L<R sans=uri:https://a.example.com:x/
    -> encoding@L 'URI' // ok
R | L<R sans=uri:https://a%20b/
    -> encoding@L // malformed-name@L
R | L<R sans=uri:https://a..b/
    -> encoding@L // ok
R | L<R sans=uri:1a:b
    -> encoding@L // malformed-name@L
# Names of other kinds are there for others.
R | L<R sans=dir:cn=a,rid:1.2.3,other:1.2.3.4:x,dns:a.example.com
    dns:a.example.com -> ok
# SIZE (1..MAX): no extension without a name.
R | L<R san-raw=3000
    -> ok!malformed-name@L // malformed-name@L 'is empty'
    dns:a -> name-mismatch
R | L<R san-raw=3000 san-critical
    -> unknown-critical-extension@L // malformed-name@L
# No extension that is no list of names.
R | L<R san-raw=6578616d706c65
    -> encoding@L // malformed-extension@L 'subjectAltName'
R | L<R san-raw=3003820161ff
    -> ok!malformed-extension@L // malformed-extension@L
";

/// The subject and the alternative names (RFC 5280 sections 4.1.2.6 and 4.2.1.6).
pub(super) const SUBJECTS: &str = "
# With an empty subject the alternative names are critical, and otherwise better not.
R | L<R subject=empty sans=dns:a.example.com
    server dns:a.example.com -> ok
R | L<R subject=empty sans=dns:a.example.com san-critical=no
    -> ok!empty-subject@L // empty-subject@L 'not critical'
R | L<R sans=dns:a.example.com san-critical
    client -> ok
    server -> ok // web-pki@L 'though the subject is not empty'
R | L<R subject=empty
    -> ok!empty-subject@L // empty-subject@L 'no alternative name'
# A CA has a name.
R subject=empty | L<R
    -> ok!empty-issuer@L // empty-issuer@L
R subject=empty issuer=cn=x | L<R
    -> ok!empty-issuer@L // empty-issuer@L
R | I<R subject=empty sans=dns:a.example.com | L<I
    -> ok!empty-subject@I,empty-issuer@L // empty-issuer@L+empty-subject@I
R | L<R issuer=empty
    -> no-issuer@L // no-issuer@L+empty-issuer@L
# CA/Browser Forum BR section 7.1.4.3: a common name that is an address is written like an alternative name.
R | L<R cn=0xC0A80101 sans=ip:192.168.1.1
    server ip:192.168.1.1 -> ok // web-pki@L 'as they are spelled'
    client -> ok
R | L<R cn=192.168.1.1 sans=ip:192.168.1.1
    server ip:192.168.1.1 -> ok
R | L<R cn=2001:DB8::1 sans=ip:2001:db8::1
    server -> ok // web-pki@L
R | L<R cn=kube-apiserver sans=dns:kubernetes,ip:10.96.0.1
    server dns:kubernetes ip:10.96.0.1 -> ok
";

#[test]
fn hosts() {
    check(HOSTS);
}

#[test]
fn other_names() {
    check(OTHERS);
}

#[test]
fn subjects() {
    check(SUBJECTS);
}
