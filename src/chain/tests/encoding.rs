//! What certificates are made of (RFC 5280 section 4): the policy `kubernetes` refuses what Go cannot read, `rfc5280` also
//! what the standard says MUST NOT be.

use super::check;

/// Versions, serial numbers, extensions that are critical.
pub(super) const FIELDS: &str = "
# RFC 5280 section 4.1.2.1: extensions are for version 3.
R | L<R version=1 extensions=keep
    -> ok!version@L // version@L '[3] [1]'
R | L<R version=2 extensions=keep
    -> ok!version@L // version@L
R | L<R version=4
    -> encoding@L 'no such version' // version@L
R | L<R unique-ids=both
    -> ok
R | L<R version=1 unique-ids=issuer
    -> ok!version@L,authority-key-identifier@L // version@L 'unique identifiers'
R version=2 unique-ids=both | L<R
    -> ok
# Section 4.1.2.2: a positive serial number of 20 octets at most.
R | L<R serial=01
    -> ok
R | L<R serial=zero
    -> ok!serial-number@L // serial-number@L 'not positive'
R | L<R serial=negative
    -> encoding@L 'negative' // serial-number@L 'not positive'
R | L<R serial=long
    -> ok!serial-number@L // serial-number@L 'longer than 20'
R | L<R serial=0102030405060708091011121314151617181920
    -> ok
R | L<R serial=ff02030405060708091011121314151617181920
    -> ok
R | L<R serial=raw:0001
    -> encoding@L 'shortest form' // serial-number@L 'shortest form'
# Of a trust anchor it is nobody's concern: that of many a public root is zero.
R serial=zero | L<R
    -> ok
R serial=long | L<R
    -> ok
R serial=zero | L=R
    -> ok
R | I<R serial=long | L<I
    -> ok!serial-number@I // serial-number@I
# Section 4.2: an extension that is critical and not known, in any certificate of the path.
R | L<R ext=1.2.3.4:critical:0500
    -> unknown-critical-extension@L '1.2.3.4'
R | I<R ext=1.2.3.4:critical:0500 | L<I
    -> unknown-critical-extension@I
R ext=1.2.3.4:critical:0500 | L<R
    -> unknown-critical-extension@R
L ext=1.2.3.4:critical:0500 | R=L
    -> unknown-critical-extension@L
R | L<R ext=1.2.3.4:plain:0500
    -> ok
R | I<R ext=1.2.3.4:plain: | L<I
    -> ok
# In one that is not needed it does no harm.
R | R2 ext=1.2.3.4:critical:0500 | I<R2 ext=1.2.3.4:critical:0500 | L<R
    -> ok
R1 | R2 | I<R1 ext=1.2.3.4:critical:0500 | X<R2=I | L<I
    -> ok path=L,X,R2
# Known to the RFC, and not to Go: issuerAltName; to RFC 6960: id-pkix-ocsp-nocheck.
R | L<R ext=2.5.29.18:critical:3003820161
    -> unknown-critical-extension@L // ok
R | L<R ext=1.3.6.1.5.5.7.48.1.5:critical:0500
    -> unknown-critical-extension@L // ok
# To neither.
R | L<R ext=2.16.840.1.113730.1.1:critical:03020780
    -> unknown-critical-extension@L
R | L<R ext=1.3.6.1.5.5.7.1.24:critical:3003020105
    -> unknown-critical-extension@L
# Sections 4.2.1 and 4.2.2: what must be critical, and what must not be.
R bc-critical=no | L<R
    -> ok
R | I<R bc-critical=no | L<I
    -> ok!criticality@I // criticality@I 'basicConstraints' 'must be'
R | L<R bc-critical=no
    -> ok
R | I<R bc-critical=no | L=I
    -> ok!criticality@L // criticality@L
R ski-critical | L<R
    -> encoding@R 'subjectKeyIdentifier' // ok
R | L<R ski-critical
    -> encoding@L // criticality@L 'must not be'
R | L<R aki-critical
    -> encoding@L 'authorityKeyIdentifier' // criticality@L
R | L<R aia=http://ca.example/ca.crt aia-critical
    -> encoding@L // criticality@L
R | L<R aia=http://ca.example/ca.crt,ocsp:http://ca.example/
    -> ok
R | L<R ext=1.3.6.1.5.5.7.1.11:critical:30163014060828060105050730058608687474703a2f2f61
    -> unknown-critical-extension@L // criticality@L
R | L<R freshest=uri:http://crl.example/ freshest-critical
    -> unknown-critical-extension@L // criticality@L
R | L<R ext=2.5.29.9:critical:30103011060355040331043002040016
    -> unknown-critical-extension@L // malformed-extension@L
R | L<R crldp=uri:http://crl.example/ crldp-critical
    -> ok
R ku-critical=no | L<R ku-critical=no
    -> ok
";

/// Extensions that are written wrongly.
pub(super) const EXTENSIONS: &str = "
# RFC 5280 section 4.2: each extension at most once.
R | L<R sans=dns:a.example.com dup=2.5.29.17
    -> encoding@L 'twice' // duplicate-extension@L 'subjectAltName'
R | L<R ext=1.2.3.4:plain:0500 dup=1.2.3.4
    -> encoding@L // duplicate-extension@L
R dup=2.5.29.19 | L<R
    -> encoding@R // duplicate-extension@R
R | I<R dup=2.5.29.15 | L<I
    -> encoding@I // duplicate-extension@I
# Section 4.2 again: known extensions are what the standard makes of them. Go reads what it needs.
R | L<R ext=2.5.29.15:critical:0500
    -> encoding@L 'keyUsage' // malformed-extension@L
R | L<R ext=2.5.29.15:critical:0302078000
    -> ok!malformed-extension@L // malformed-extension@L
R | L<R ext=2.5.29.19:critical:0500
    -> encoding@L // malformed-extension@L
R | L<R ext=2.5.29.19:critical:30060101ff0201ff
    -> encoding@L // malformed-extension@L
R | L<R ext=2.5.29.19:critical:3003010101
    -> encoding@L // malformed-extension@L
R | L<R ext=2.5.29.14:plain:0500
    -> encoding@L // malformed-extension@L
R | L<R ext=2.5.29.35:plain:0500
    -> encoding@L // malformed-extension@L
R | L<R ext=2.5.29.37:plain:0500
    -> encoding@L // malformed-extension@L
R | L<R ext=2.5.29.37:plain:300a06082b06010505070301ff
    -> ok!malformed-extension@L // malformed-extension@L
R | L<R ext=2.5.29.31:plain:0500
    -> encoding@L // malformed-extension@L
R | L<R ext=2.5.29.31:plain:3000
    -> ok!malformed-extension@L // malformed-extension@L
R | L<R ext=1.3.6.1.5.5.7.1.1:plain:6d616c666f726d6564
    -> encoding@L // malformed-extension@L 'authorityInfoAccess'
R | L<R ext=1.3.6.1.5.5.7.1.1:plain:3000
    -> ok!malformed-extension@L // malformed-extension@L
# What others define may look as it likes.
R | L<R ext=1.2.3.4:plain:ffff
    -> ok
R | L<R ext=2.16.840.1.113730.1.13:plain:00
    -> ok
R | L<R extensions=empty
    -> ok!malformed-certificate@L,authority-key-identifier@L // malformed-certificate@L 'extensions is an empty list'
# Characters are whole ones.
R | L<R subject=cn:utf8=%ff
    -> encoding@L // malformed-certificate@L
R | L<R subject=cn:bmp-bytes=abc
    -> encoding@L // malformed-certificate@L
# Section 4.1.1.2: the algorithm beside the signature is the one that was signed.
R | L<R sig=outer-mismatch
    -> encoding@L // algorithms-differ@L
R key=ed25519 | L<R sig=outer-mismatch
    -> encoding@L // algorithms-differ@L
R | I<R sig=outer-mismatch | L<I
    -> encoding@I // algorithms-differ@I
# Nothing follows a certificate, or what is signed in it. Go passes over the latter; no certificate in use has it.
R | L<R trailing=00
    -> unreadable
R | L<R tbs-trailing=0500
    -> unreadable
# What cannot be read is in no pool.
R | R2 trailing=00 | L<R
    -> ok
R trailing=00 | L<R
    -> no-issuer@L
# Strings of names. Go knows no UniversalString.
R | L<R cn-as=bmp
    -> ok
R | L<R cn-as=t61
    -> ok
R | L<R cn-as=universal
    -> encoding@L 'kind of string' // ok
R cn-as=universal | L<R
    -> encoding@L // ok
R | L<R cn=a@b cn-as=printable
    -> encoding@L // ok
";

/// Key identifiers (RFC 5280 sections 4.2.1.1 and 4.2.1.2).
pub(super) const IDENTIFIERS: &str = "
# The authority key identifier is in every certificate that does not sign itself, and names the key.
R | L<R aki=absent
    -> ok!authority-key-identifier@L // authority-key-identifier@L 'has no authority key identifier'
R | I<R aki=absent | L<I
    -> ok!authority-key-identifier@I // authority-key-identifier@I
R | L<R aki=empty
    -> ok!authority-key-identifier@L // authority-key-identifier@L 'names no key'
R | L<R aki=issuer-serial
    -> ok!authority-key-identifier@L // authority-key-identifier@L
R | L<R aki=full
    -> ok
R | I<R aki=full | L<I
    server -> ok
# The trust anchor is not held to it.
H | R<H aki=absent | L<R
    -> ok
R issuer=cn=Elsewhere | L<R
    -> ok
R aki=0102 ski=0102 | L<R aki=0102
    server -> ok
L aki=absent | R=L
    -> ok
# CA/Browser Forum BR section 7.1.2.1.3: a root's names its own key and no certificate.
R aki=0102 ski=0103 | L<R aki=0103
    client -> ok
    server -> ok // web-pki@R 'not its own'
R aki=empty | L<R
    -> ok
H cn=R | R<H aki=full | L<R
    client -> ok
    server -> ok // web-pki@R 'names a certificate'
# A CA has a subject key identifier.
R ski=absent | L<R
    -> ok
R | I<R ski=absent | L<I
    -> ok!subject-key-identifier@I // subject-key-identifier@I
R | I<R ski=absent | L=I
    -> ok!subject-key-identifier@L // subject-key-identifier@L
R | L<R ski=absent
    -> ok
# Of any form, and any length.
R ski=01 | L<R
    -> ok
R ski= | L<R
    -> ok
";

#[test]
fn fields() {
    check(FIELDS);
}

#[test]
fn extensions() {
    check(EXTENSIONS);
}

#[test]
fn identifiers() {
    check(IDENTIFIERS);
}
