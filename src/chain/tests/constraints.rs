//! Name constraints (RFC 5280 sections 4.2.1.10 and 6.1.4 (g)).

use super::check;

/// Domains.
pub(super) const DOMAINS: &str = "
# RFC 5280 section 4.2.1.10: a domain holds itself and whatever has labels more on its left.
R nc=permit:dns:example.com | L<R sans=dns:example.com,dns:a.example.com,dns:a.b.EXAMPLE.com
    -> ok
R nc=permit:dns:example.com | L<R sans=dns:badexample.com
    -> name-constraints@L 'outside of what CN=R permits: DNS:example.com'
R nc=permit:dns:example.com | L<R sans=dns:a.example.com,dns:example.org
    dns:a.example.com -> name-constraints@L 'example.org'
R nc=permit:dns:Example.COM | L<R sans=dns:a.example.com
    -> ok
R nc=permit:dns:a.example.com | L<R sans=dns:example.com
    -> name-constraints@L
R nc=permit:dns:example.com,permit:dns:example.org | L<R sans=dns:a.example.org
    -> ok
R nc=exclude:dns:example.com | L<R sans=dns:a.example.com
    -> name-constraints@L 'within what CN=R excludes: DNS:example.com'
R nc=exclude:dns:example.com | L<R sans=dns:badexample.com
    -> ok
R nc=exclude:dns:EXAMPLE.com | L<R sans=dns:a.example.COM
    -> name-constraints@L
# What is excluded is so, whatever is permitted.
R nc=permit:dns:example.com,exclude:dns:b.example.com | L<R sans=dns:a.b.example.com
    -> name-constraints@L 'excludes'
R nc=permit:dns:example.com,exclude:dns:b.example.com | L<R sans=dns:a.example.com
    -> ok
R nc=permit:dns:example.com,exclude:dns:example.com | L<R sans=dns:example.com
    -> name-constraints@L 'excludes'
# Each of a path's CAs narrows what the ones above it left.
R nc=permit:dns:example.com | I<R nc=permit:dns:b.example.com | L<I sans=dns:a.b.example.com
    -> ok
R nc=permit:dns:example.com | I<R nc=permit:dns:b.example.com | L<I sans=dns:a.example.com
    -> name-constraints@L 'CN=I permits'
R nc=permit:dns:a.example.com | I<R nc=permit:dns:example.com | L<I sans=dns:b.example.com
    -> name-constraints@L 'CN=R permits'
R nc=permit:dns:a.example.com | I<R nc=permit:dns:b.example.com | L<I sans=dns:a.example.com
    -> name-constraints@L
R nc=exclude:dns:example.com | I<R nc=permit:dns:example.com | L<I sans=dns:a.example.com
    -> name-constraints@L 'CN=R excludes'
R nc=permit:dns:example.com | I<R nc=permit:ip:10.0.0.0/8 | L<I sans=dns:example.org
    -> name-constraints@L
# The empty domain is all domains.
R nc=permit:dns: | L<R sans=dns:a.example.com
    -> ok
R nc=exclude:dns: | L<R sans=dns:a.example.com
    -> name-constraints@L
R nc=exclude:dns: | L<R sans=ip:192.0.2.1
    -> ok
# A wildcard stands for all of its hosts: each must be permitted, and none may be excluded.
R nc=permit:dns:example.com | L<R sans=dns:*.example.com
    -> ok
R nc=permit:dns:example.com | L<R sans=dns:*.a.EXAMPLE.com
    -> ok
R nc=permit:dns:a.example.com | L<R sans=dns:*.example.com
    -> name-constraints@L
R nc=exclude:dns:a.example.com | L<R sans=dns:*.example.com
    dns:b.example.com -> name-constraints@L
R nc=exclude:dns:A.EXAMPLE.com | L<R sans=dns:*.example.COM
    -> name-constraints@L
R nc=exclude:dns:example.com | L<R sans=dns:*.example.com
    -> name-constraints@L
R nc=exclude:dns:b.a.example.com | L<R sans=dns:*.example.com
    -> ok
R nc=exclude:dns:example.org | L<R sans=dns:*.example.com
    -> ok
# Constraints without a name of their kind are satisfied, whatever they are.
R nc=permit:ip:192.0.2.0/24 | L<R sans=dns:a.example.com
    -> ok
R nc=exclude:ip:0.0.0.0/0 | L<R sans=dns:a.example.com
    -> ok
R nc=permit:dns:example.com | L<R
    -> ok
R nc=permit:dns:example.com | L<R cn=example.org
    -> ok
R nc=permit:dns:example.com | L<R sans=email:a@example.org,uri:https://example.org/x,ip:192.0.2.1
    -> ok
# A domain has no dot in front, and no wildcard, in a constraint of RFC 5280. To Go the dot means: only below.
R nc=permit:dns:.example.com | L<R sans=dns:a.example.com
    -> ok!malformed-name-constraint@R // malformed-name-constraint@R 'no dot in front'
R nc=permit:dns:.example.com | L<R sans=dns:example.com
    -> name-constraints@L // malformed-name-constraint@R
R nc=exclude:dns:.example.com | L<R sans=dns:example.com
    -> ok!malformed-name-constraint@R // malformed-name-constraint@R
R nc=permit:dns:*.example.com | L<R sans=dns:a.example.com
    -> name-constraints@L // malformed-name-constraint@R 'wildcard'
R nc=permit:dns:a..b | L<R
    -> encoding@R 'nameConstraints' // malformed-name-constraint@R
R nc=permit:dns:example.com. | L<R
    -> encoding@R // malformed-name-constraint@R
R nc=permit:dns:%c3%a4.example.com | L<R
    -> encoding@R // malformed-name-constraint@R
# Under any constraint Go holds all names to a form, those of other kinds too.
R nc=permit:ip:10.0.0.0/8 | L<R sans=dns:.example.com
    -> malformed-name-constraint@L 'no domain' // malformed-name@L
R nc=permit:ip:10.0.0.0/8 | L<R sans=dns:a..b
    -> malformed-name-constraint@L // malformed-name@L
R nc=permit:ip:10.0.0.0/8 | L<R sans=dns:
    -> ok!malformed-name@L // malformed-name@L
R nc=permit:ip:10.0.0.0/8 | L<R sans=dns:a_b.example.com
    -> ok!malformed-name@L // malformed-name@L
";

/// Networks.
pub(super) const ADDRESSES: &str = "
# RFC 5280 section 4.2.1.10: an address and a mask, in the manner of RFC 4632.
R nc=permit:ip:192.0.2.0/24 | L<R sans=ip:192.0.2.255
    ip:192.0.2.255 -> ok
R nc=permit:ip:192.0.2.0/24 | L<R sans=ip:192.0.3.0
    -> name-constraints@L '[IP:192.0.2.0/24] [IP:192.0.3.0]'
R nc=permit:ip:192.0.2.7/32 | L<R sans=ip:192.0.2.7
    -> ok
R nc=permit:ip:192.0.2.7/32 | L<R sans=ip:192.0.2.6
    -> name-constraints@L
R nc=permit:ip:0.0.0.0/0 | L<R sans=ip:203.0.113.9
    -> ok
R nc=permit:ip:10.0.0.0/8,permit:ip:192.0.2.0/24 | L<R sans=ip:192.0.2.1,ip:10.200.0.1
    -> ok
R nc=exclude:ip:192.0.2.0/25 | L<R sans=ip:192.0.2.127
    -> name-constraints@L 'excludes: IP:192.0.2.0/25'
R nc=exclude:ip:192.0.2.0/25 | L<R sans=ip:192.0.2.128
    -> ok
R nc=permit:ip:10.0.0.0/8,exclude:ip:10.96.0.0/12 | L<R sans=ip:10.96.0.1
    -> name-constraints@L
R nc=permit:ip:2001:db8::/33 | L<R sans=ip:2001:db8:7fff::1
    -> ok
R nc=permit:ip:2001:db8::/33 | L<R sans=ip:2001:db8:8000::1
    -> name-constraints@L
R nc=exclude:ip:::1/128 | L<R sans=ip:::1
    -> name-constraints@L
# A permitted network of one family leaves no address of the other (to both readings addresses are one kind of name).
R nc=permit:ip:10.0.0.0/8 | L<R sans=ip:2001:db8::1
    -> name-constraints@L
R nc=permit:ip:2001:db8::/32 | L<R sans=ip:10.0.0.1
    -> name-constraints@L
R nc=exclude:ip:10.0.0.0/8 | L<R sans=ip:::ffff:10.0.0.1
    -> ok
R nc=permit:ip:::/0 | L<R sans=ip:::ffff:10.0.0.1
    -> name-constraints@L // ok
# Bits of the address behind the mask: the RFC's network is the same, and Go's search among several may miss it.
R nc=permit:ip:10.0.0.5/8 | L<R sans=ip:10.9.9.9
    -> ok
R nc=permit:ip:10.0.0.5/8 | L<R sans=ip:10.0.0.1
    -> ok
R nc=permit:ip:10.0.0.5/32,permit:ip:10.9.0.0/8 | L<R sans=ip:10.0.0.9
    -> name-constraints@L // ok
R nc=exclude:ip:10.0.0.5/32,exclude:ip:10.9.0.0/8 | L<R sans=ip:10.0.0.9
    -> ok!name-constraints@L // name-constraints@L
# A mask with a gap, an address without a mask: no network.
R nc=permit:ip:10.0.0.0/255.0.255.0 | L<R
    -> encoding@R // malformed-name-constraint@R 'no network'
R nc=permit:ip:10.0.0.1 | L<R
    -> encoding@R // malformed-name-constraint@R 'no network'
R nc=exclude:ip:2001:db8::1 | L<R
    -> encoding@R // malformed-name-constraint@R
R nc=permit:raw:87060a0000ff0000 | L<R
    -> encoding@R // malformed-name-constraint@R
";

/// Mailboxes and URIs.
pub(super) const MAILBOXES: &str = "
# RFC 5280 section 4.2.1.10: a mailbox, the mailboxes of one host, or with a dot in front those of a domain's hosts.
R nc=permit:email:a@example.com | L<R sans=email:a@example.com
    -> ok
R nc=permit:email:a@example.com | L<R sans=email:a@EXAMPLE.com
    -> ok
R nc=permit:email:a@example.com | L<R sans=email:A@example.com
    -> name-constraints@L
R nc=permit:email:a@example.com | L<R sans=email:b@example.com
    -> name-constraints@L
R nc=permit:email:example.com | L<R sans=email:a@Example.com
    -> ok
R nc=permit:email:example.com | L<R sans=email:a@example.org
    -> name-constraints@L
# Go takes a host for a domain.
R nc=permit:email:example.com | L<R sans=email:a@host.example.com
    -> ok!name-constraints@L // name-constraints@L
R nc=exclude:email:example.com | L<R sans=email:a@host.example.com
    -> name-constraints@L // ok
R nc=permit:email:.example.com | L<R sans=email:a@host.example.com
    -> ok
R nc=permit:email:.example.com | L<R sans=email:a@example.com
    -> name-constraints@L
R nc=exclude:email:a@example.com | L<R sans=email:a@example.com
    -> name-constraints@L
R nc=exclude:email:a@example.com | L<R sans=email:b@example.com
    -> ok
# Quoting says nothing (RFC 5321 section 4.1.2).
R nc=permit:email:%22a%22@example.com | L<R sans=email:a@example.com
    -> ok
R nc=exclude:email:%22a%22@example.com | L<R sans=email:a@example.com
    -> name-constraints@L
R nc=permit:email:*@example.com | L<R sans=email:a@example.com
    -> name-constraints@L
# The subject's e-mail addresses count where there is no alternative name. Go looks at no subject.
R nc=permit:email:example.com | L<R subject=cn=a/email=a@example.org
    -> ok!name-constraints@L // name-constraints@L 'example.org'
R nc=permit:email:example.com | L<R subject=cn=a/email=a@example.com
    -> ok
R nc=permit:email:example.com | L<R subject=cn=a/email=a@example.org sans=dns:a.example.com
    -> ok
# What is no mailbox: a second @ is part of no domain. Go reads whatever follows the first as the domain.
R nc=permit:email:a@b@example.com | L<R
    -> ok!malformed-name-constraint@R // malformed-name-constraint@R 'no mailbox'
R nc=permit:email:@example.com | L<R
    -> encoding@R // malformed-name-constraint@R
R nc=permit:email:example.com | L<R sans=email:a@b@example.com
    -> name-constraints@L // name-constraints@L+malformed-name@L
R nc=permit:email:b@example.com | L<R sans=email:a@b@example.com
    -> name-constraints@L // name-constraints@L+malformed-name@L
R nc=permit:ip:10.0.0.0/8 | L<R sans=email:example.com
    -> malformed-name-constraint@L 'no mailbox' // malformed-name@L
# The host of a URI; with a dot in front those of a domain.
R nc=permit:uri:a.example.com | L<R sans=uri:https://u@A.example.com:443/x?y#z
    -> ok
R nc=permit:uri:example.com | L<R sans=uri:https://a.example.com/
    -> ok!name-constraints@L // name-constraints@L
R nc=exclude:uri:example.com | L<R sans=uri:https://a.example.com/
    -> name-constraints@L // ok
R nc=permit:uri:.example.com | L<R sans=uri:https://a.example.com/
    -> ok
R nc=permit:uri:.example.com | L<R sans=uri:https://example.com/
    -> name-constraints@L
R nc=exclude:uri:a.example.com | L<R sans=uri:spiffe://a.example.com/x
    -> name-constraints@L
R nc=permit:uri:cluster.local | L<R sans=uri:spiffe://cluster.local/ns/a
    -> ok
# A URI without a host, or with an address for one, cannot be held against constraints of URIs, and must be refused.
# Go refuses it under constraints of any kind.
R nc=permit:uri:example.com | L<R sans=uri:urn:uuid:1
    -> malformed-name-constraint@L 'no host'
R nc=exclude:uri:example.com | L<R sans=uri:urn:uuid:1
    -> malformed-name-constraint@L 'no host'
R nc=permit:uri:.example.com | L<R sans=uri:https://192.0.2.1/
    -> malformed-name-constraint@L 'is an address'
R nc=exclude:uri:example.com | L<R sans=uri:https://192.0.2.1:443/
    -> malformed-name-constraint@L 'is an address'
R nc=exclude:uri:example.com | L<R sans=uri:https://[2001:db8::1]/
    -> malformed-name-constraint@L
R nc=permit:ip:10.0.0.0/8 | L<R sans=uri:urn:uuid:1
    -> malformed-name-constraint@L // ok
R nc=permit:ip:10.0.0.0/8 | L<R sans=uri:https://192.0.2.1/
    -> malformed-name-constraint@L // ok
R nc=permit:uri:192.0.2.1 | L<R
    -> encoding@R // malformed-name-constraint@R
";

/// Directory names and other kinds, to whom constraints apply, and the extension itself.
pub(super) const SCOPE: &str = "
# RFC 5280 section 4.2.1.10: the subject and the directory names among the alternative ones begin with the base. Go
# knows no constraint of directory names: critical, it refuses them; otherwise it passes over them.
R nc=permit:dir:o=Acme | L<R subject=o=Acme/cn=a
    -> unknown-critical-extension@R 'nameConstraints' // ok
R nc=permit:dir:o=Acme | L<R subject=o=Other/cn=a
    -> unknown-critical-extension@R // name-constraints@L 'O=Other'
R nc=permit:dir:o=Acme nc-critical=no | L<R subject=o=Other/cn=a
    -> ok!name-constraints@L // name-constraints@L
R nc=permit:dir:o=Acme | L<R 'subject=o=  ACME/cn=a'
    -> unknown-critical-extension@R // ok
R nc=permit:dir:o=Acme | L<R subject=cn=a/o=Acme
    -> unknown-critical-extension@R // name-constraints@L
R nc=permit:dir:o=Acme/ou=a | L<R subject=o=Acme
    -> unknown-critical-extension@R // name-constraints@L
R nc=permit:dir:o=Acme | L<R subject=o=Acme/cn=a sans=dir:o=Other
    -> unknown-critical-extension@R // name-constraints@L
R nc=permit:dir:o=Acme | L<R subject=empty sans=dir:o=Acme
    -> unknown-critical-extension@L // ok
R nc=permit:dir:o=Acme | L<R subject=empty sans=dns:a.example.com
    -> unknown-critical-extension@R // ok
R nc=exclude:dir:o=Acme | L<R subject=o=Acme/cn=a
    -> unknown-critical-extension@R // name-constraints@L 'excludes'
R nc=exclude:dir:o=Acme/cn=b | L<R subject=o=Acme/cn=a
    -> unknown-critical-extension@R // ok
R nc=exclude:dir:o=Acme | L<R subject=o=Other sans=dir:o=Acme/cn=a
    -> unknown-critical-extension@R // name-constraints@L
R nc=permit:dir:cn=a+o=b | L<R subject=o=b+cn=a/ou=c
    -> unknown-critical-extension@R // ok
R nc=permit:dir:empty | L<R
    -> unknown-critical-extension@R // ok
R nc=permit:dir:o=Acme | I<R subject=o=Other/cn=I | L<I subject=o=Acme/cn=a
    -> unknown-critical-extension@R // name-constraints@I
# A kind of name that is not processed: the constraint may not be passed over where such a name is there.
R nc=exclude:other:1.2.3.4:x | L<R sans=other:1.2.3.4:y
    -> unknown-critical-extension@R // malformed-name-constraint@L 'otherName'
R nc=exclude:other:1.2.3.4:x | L<R sans=dns:a.example.com
    -> unknown-critical-extension@R // ok
R nc=permit:rid:1.2.3 | L<R sans=rid:1.2.3
    -> unknown-critical-extension@R // malformed-name-constraint@L 'registeredID'
R nc=permit:dns:example.com | L<R sans=other:1.2.3.4:x,dns:example.com
    -> ok
# RFC 5280 section 6.1.3 (b): not to a CA between that is self-issued, but always to the last. Go makes no difference.
R cn=Root nc=permit:dns:example.com | HN cn=Root | X<R=HN sans=dns:example.org | L<HN sans=dns:example.com
    -> name-constraints@X // ok
R cn=Root nc=permit:dns:example.com | L<R cn=Root sans=dns:example.org
    -> name-constraints@L
# To every certificate below, the CAs between too; never to that which has them.
R nc=permit:dns:example.com | I<R sans=dns:ca.example.org | L<I sans=dns:a.example.com
    -> name-constraints@I
R sans=dns:ca.example.org nc=permit:dns:example.com | L<R sans=dns:a.example.com
    -> ok
R | I<R sans=dns:ca.example.org nc=permit:dns:example.com | L<I sans=dns:a.example.com
    -> ok
# The end entity is the trust anchor: nothing is above it.
R sans=dns:ca.example.org nc=permit:dns:example.com | L=R
    -> ok
# Only CAs have name constraints, and they are critical.
R | L<R nc=permit:dns:example.com
    -> ok!name-constraints-on-leaf@L // name-constraints-on-leaf@L
R | L<R nc=permit:dns:example.com nc-critical=no
    -> ok!name-constraints-on-leaf@L,criticality@L // criticality@L+name-constraints-on-leaf@L
R nc=permit:dns:example.com nc-critical=no | L<R sans=dns:a.example.com
    -> ok
R | I<R nc=permit:dns:example.com nc-critical=no | L<I sans=dns:a.example.com
    -> ok!criticality@I // criticality@I
R nc=permit:dns:example.com nc-critical=no | L<R sans=dns:example.org
    -> name-constraints@L
# An extension that constrains nothing is none (no list, or only empty ones); minimum and maximum are not used.
R nc-raw=3000 | L<R
    -> encoding@R 'constrains nothing' // malformed-extension@R
R nc-raw=3004a000a100 | L<R
    -> encoding@R // malformed-extension@R
R nc-raw=3009a000a10530038201 | L<R
    -> encoding@R // malformed-extension@R
R nc-raw=300aa0083006820161800100 | L<R sans=dns:a
    -> ok!malformed-extension@R // malformed-extension@R
R nc-raw=3009a000a105300382016100 | L<R
    -> encoding@R // malformed-extension@R
";

#[test]
fn domains() {
    check(DOMAINS);
}

#[test]
fn addresses() {
    check(ADDRESSES);
}

#[test]
fn mailboxes_and_uris() {
    check(MAILBOXES);
}

#[test]
fn scope() {
    check(SCOPE);
}
