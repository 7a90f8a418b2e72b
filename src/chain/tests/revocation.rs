//! Revocation lists (RFC 5280 sections 5 and 6.3). The policy of Kubernetes reads none, and warns of what they say.

use super::check;

/// What lists say.
pub(super) const STATUS: &str = "
# RFC 5280 section 6.3.3: the list of a certificate's issuer tells its status.
R | L<R | C<R
    -> ok
R | L<R | C<R revoked=$L
    -> ok!revoked@L 'unspecified' 'by the list of CN=R (C)' // revoked@L 'by the list of CN=R (C)'
R | L<R | C<R revoked=$L;reason:keyCompromise;at:-3d
    -> ok!revoked@L // revoked@L '2026-05-29' 'keyCompromise'
R | L<R | C<R revoked=$L;reason:certificateHold
    -> ok!revoked@L // revoked@L 'certificateHold'
R | L<R | C<R revoked=$R
    -> ok
R | L<R | C<R revoked=0102,0103;reason:superseded
    -> ok
# It is on the list, and that is all: whether its date is to come, or before the certificate was.
R | L<R | C<R revoked=$L;at:+1d
    -> ok!revoked@L // revoked@L
R | L<R | C<R revoked=$L;at:-2y
    -> ok!revoked@L // revoked@L
# Section 5.3.1: what is no longer held; on delta lists alone may that stand.
R | L<R | C<R revoked=$L;reason:removeFromCRL
    -> ok!unusable-crl@L // unusable-crl@L 'delta lists alone'
# Each certificate but the trust anchor's needs one.
R | I<R | L<I | C1<R | C2<I
    -> ok
R | I<R | L<I | C1<R
    -> ok!revocation-status-unknown@L // revocation-status-unknown@L '[a list of CN=I] [lists of CN=R]'
R | I<R | L<I | C2<I
    -> ok!revocation-status-unknown@I // revocation-status-unknown@I
R | I<R | L<I | C1<R revoked=$I | C2<I
    -> ok!revoked@I // revoked@I path=L,I,R
R | I<R | L<I | C1<R revoked=$I | C2<I revoked=$L
    -> ok!revoked@I,revoked@L // revoked+revoked
R | HO | L<R | C<HO revoked=$L
    -> ok!revocation-status-unknown@L // revocation-status-unknown@L
# The same serial number of another issuer is another certificate.
R1 | R2 | L<R1 | C1<R1 | C2<R2 revoked=$L
    -> ok
# A certificate that is the trust anchor needs none.
R | L=R | C<R revoked=$R
    -> ok
# A path on which everybody is good is taken instead.
R1 | R2 | I<R1 | X<R2=I | L<I | C1<R1 revoked=$I | C2<R2 | C3<I
    -> ok!revoked@I path=L,I,R1 // ok path=L,X,R2
# Of several lists all count.
R | L<R | C1<R number=1 | C2<R number=2 revoked=$L
    -> ok!revoked@L // revoked@L
R | L<R | C1<R number=2 | C2<R number=1 revoked=$L
    -> ok!revoked@L // revoked@L
R | L<R | C1<R next=-1m | C2<R
    -> ok
R | L<R | C1<R | C2<R sig=broken
    -> ok
";

/// Which lists can be relied upon.
pub(super) const LISTS: &str = "
# Section 6.3.3 (g): signed by the issuer's key.
R | L<R | C<R sig=broken
    -> ok!unusable-crl@L // unusable-crl@L 'cannot be relied upon'
R | L<R | C<R sig=other-key
    -> ok!unusable-crl@L // unusable-crl@L
R | HO | L<R | C<HO issuer=cn=R
    -> ok!unusable-crl@L // unusable-crl@L
R | L<R | C<R sig=outer-mismatch
    -> ok!unusable-crl@L // unusable-crl@L
R key=rsa2048 | L<R | C<R sig=sha1
    -> ok!unusable-crl@L // unusable-crl@L 'SHA-1'
R key=rsa2048 | L<R | C<R sig=pss,sha384
    -> ok
R key=ed25519 | L<R | C<R
    -> ok
# Section 5.2.1: it says by which.
R | L<R | C<R aki=absent
    -> ok!unusable-crl@L // unusable-crl@L 'no authority key identifier'
R | L<R | C<R aki=issuer-serial
    -> ok!unusable-crl@L // unusable-crl@L 'names no key'
R | L<R | C<R aki-critical
    -> ok
# (f): by a key that may.
R ku=keyCertSign | L<R | C<R
    -> ok!unusable-crl@L // unusable-crl@L 'lacks cRLSign'
R ku=none | L<R | C<R
    -> ok
R ku=keyCertSign | L<R | C<R revoked=$L
    -> ok!unusable-crl@L // unusable-crl@L
# Another certificate of the issuer with another key signed it: it must be good, and end at the same trust anchor.
R cn=Root | HN cn=Root | X<R=HN | L<R | C<HN
    -> ok
R cn=Root | HN cn=Root | X<R=HN | L<R | C<HN revoked=$L
    -> ok!revoked@L // revoked@L
R cn=Root | HN cn=Root | L<R | C<HN
    -> ok!unusable-crl@L // unusable-crl@L
R cn=Root | HN cn=Root | X<R=HN until=-1h | L<R | C<HN
    -> ok!unusable-crl@L // unusable-crl@L 'not good' 'expired'
R cn=Root | HN cn=Root | X<R=HN ku=keyCertSign | L<R | C<HN
    -> ok!unusable-crl@L // unusable-crl@L 'lacks cRLSign'
R1 cn=Root | R2 cn=Root | L<R1 | C<R2
    -> ok!unusable-crl@L // unusable-crl@L 'another trust anchor'
# Such a signer may be revoked itself, which another list tells. The policy of Kubernetes asks for none.
R cn=Root | HN cn=Root | X<R=HN | L<R | C1<HN | C2<R only=ca revoked=$X
    -> ok // unusable-crl@L 'not good' 'revoked'
R cn=Root | HN cn=Root | X<R=HN | L<R | C1<HN | C2<R only=ca
    -> ok
# Section 5.1.2.4 and 5.1.2.5: between thisUpdate and nextUpdate.
R | L<R | C<R this=+1m
    -> ok!unusable-crl@L // unusable-crl@L 'not yet'
R | L<R | C<R this=2026-06-01T12:00:00Z next=2026-06-02T12:00:00Z
    at=2026-06-01T12:00:00Z -> ok
    at=2026-06-02T12:00:00Z -> ok
    at=2026-06-01T11:59:59Z -> ok!unusable-crl@L // unusable-crl@L 'not yet'
    at=2026-06-02T12:00:01Z -> ok!unusable-crl@L // unusable-crl@L 'stale'
R | L<R | C<R next=-1m revoked=$L
    -> ok!unusable-crl@L // unusable-crl@L 'stale'
R | L<R | C<R next=absent
    -> ok!unusable-crl@L // unusable-crl@L 'when the next one is due'
# Section 5.2.3: a number, of 20 octets at most, not critical.
R | L<R | C<R number=absent
    -> ok!unusable-crl@L // unusable-crl@L 'no CRL number'
R | L<R | C<R number=0
    -> ok
R | L<R | C<R number-critical
    -> ok!unusable-crl@L // unusable-crl@L 'is critical'
R | L<R | C<R ext=2.5.29.20:plain:02147f01020304050607080910111213141516171819
    -> ok
R | L<R | C<R ext=2.5.29.20:plain:02157f0102030405060708091011121314151617181920
    -> ok!unusable-crl@L // unusable-crl@L 'longer than 20'
R | L<R | C<R ext=2.5.29.20:plain:0201ff
    -> ok!unusable-crl@L // unusable-crl@L
R | L<R | C<R ext=2.5.29.20:plain:0500
    -> ok!unusable-crl@L // unusable-crl@L
# Section 5.1.2.1: extensions are for version 2, and with the number every list has one.
R | L<R | C<R version=1
    -> ok!unusable-crl@L // unusable-crl@L 'version 1'
# Sections 5.1.2.4 to 5.1.2.6: dates until 2049 are UTCTime, from 2050 on GeneralizedTime.
R | L<R | C<R times=generalized
    -> ok!unusable-crl@L // unusable-crl@L 'GeneralizedTime before 2050'
R | L<R | C<R next=2050-01-01T00:00:00Z
    -> ok
R | L<R | C<R this=utc:2606010000Z
    -> ok!unusable-crl@L // unusable-crl@L 'YYMMDDHHMMSSZ'
R | L<R | C<R revoked=0102;at:generalized:20260101000000Z
    -> ok!unusable-crl@L // unusable-crl@L 'the date of an entry'
# Section 5.3: extensions of entries are what the standard makes of them, and stand there once.
R | L<R | C<R revoked=0102;reason:keyCompromise;ext:2.5.29.24:plain:180f32303236303130313030303030305a
    -> ok
R | L<R | C<R revoked=0102;ext:2.5.29.24:plain:170d3236303130313030303030305a
    -> ok!unusable-crl@L // unusable-crl@L 'invalidityDate'
R | L<R | C<R revoked=0102;ext:2.5.29.21:plain:0a0107
    -> ok!unusable-crl@L // unusable-crl@L 'none that there is'
R | L<R | C<R revoked=0102;ext:2.5.29.21:plain:020101
    -> ok!unusable-crl@L // unusable-crl@L 'reasonCode'
# Section 5.2.4: a delta list brings a complete one of its scope up to date; alone it is none.
R | L<R | C<R number=2 delta=1
    -> ok!unusable-crl@L // unusable-crl@L 'no complete list'
R | L<R | C1<R number=2 delta=1 revoked=$L | C2<R
    -> ok!revoked@L // revoked@L 'by the list of CN=R (C1)'
R | L<R | C1<R number=2 delta=1 | C2<R
    -> ok
R | L<R | C1<R number=2 delta=1 revoked=$L;reason:removeFromCRL | C2<R revoked=$L;reason:certificateHold
    -> ok
R | L<R | C1<R number=2 delta=1 revoked=$L;reason:removeFromCRL | C2<R revoked=$L;reason:certificateHold
 | C3<R number=3 delta=1 revoked=$L
    -> ok!revoked@L // revoked@L '(C3)'
# It starts from a number that is reached, perhaps by another; one that is older says nothing.
R | L<R | C1<R number=5 delta=3 revoked=$L | C2<R number=1
    -> ok!unusable-crl@L // unusable-crl@L 'starts from number 3' 'of number 1'
R | L<R | C1<R number=5 delta=3 revoked=$L | C2<R number=1 | C3<R number=3 delta=1
    -> ok!revoked@L // revoked@L '(C1)'
R | L<R | C1<R number=2 delta=1 revoked=$L | C2<R number=2
    -> ok
R | L<R | C1<R number=2 delta=1 revoked=$L | C2<R number=7
    -> ok
# Of another scope it is another list's.
R | L<R | C1<R number=2 delta=1 only=user | C2<R
    -> ok!unusable-crl@L // unusable-crl@L 'its issuer and scope'
R | L<R | C1<R number=2 delta=1 only=ca revoked=$L | C2<R
    -> ok
R | L<R | C1<R number=2 delta=1 only=user revoked=$L | C2<R only=user
    -> ok!revoked@L // revoked@L
# What cannot be relied upon is told, whatever the complete list says.
R | L<R | C1<R number=2 delta=1 sig=broken | C2<R
    -> ok!unusable-crl@L // unusable-crl@L '(C1)'
R | L<R | C1<R number=2 delta=1 next=-1m | C2<R
    -> ok!unusable-crl@L // unusable-crl@L 'stale'
R | L<R | C1<R number=2 delta=1 delta-critical=no | C2<R
    -> ok!unusable-crl@L // unusable-crl@L 'not critical'
# Section 6.3.3 (a)(1)(i): a list that is overdue may be brought up to date.
R | L<R | C1<R number=2 delta=1 | C2<R next=-1m
    -> ok
R | L<R | C<R freshest=uri:http://crl.example/delta
    -> ok
# Section 5.2: an extension that is critical and not known, in the list or in one of its entries, whosesoever.
R | L<R | C<R ext=1.2.3.4:critical:0500
    -> ok!unusable-crl@L // unusable-crl@L '1.2.3.4'
R | L<R | C<R ext=1.2.3.4:plain:0500
    -> ok
R | L<R | C<R revoked=0102;ext:1.2.3.4:critical:0500
    -> ok!unusable-crl@L // unusable-crl@L '1.2.3.4'
R | L<R | C<R revoked=0102;ext:1.2.3.4:plain:0500
    -> ok
R | L<R | C<R revoked=$L;ext:1.2.3.4:critical:0500
    -> ok!unusable-crl@L // unusable-crl@L
R | L<R | C<R revoked=$L;ext:1.2.3.4:plain:0500
    -> ok!revoked@L // revoked@L
# A certificate stands on a list once.
R | L<R | C<R revoked=0102,0103,0102
    -> ok!unusable-crl@L // unusable-crl@L 'twice'
R | L<R | C<R revoked=$L,$L
    -> ok!unusable-crl@L // unusable-crl@L 'twice'
R | L<R | C<R dup=2.5.29.20
    -> ok!unusable-crl@L // unusable-crl@L 'twice'
R | L<R | C<R ext=2.5.29.28:critical:0101ff
    -> ok!unusable-crl@L // unusable-crl@L 'cannot be read'
";

/// What a list is about (sections 4.2.1.13, 5.2.5 and 6.3.3 (b)).
pub(super) const SCOPE: &str = "
# Certificates of end entities alone, of CAs alone, of attributes alone.
R | L<R | C<R only=user
    -> ok
R | L<R | C<R only=ca
    -> ok!revocation-status-unknown@L // revocation-status-unknown@L
R | L<R | C<R only=attribute
    -> ok!revocation-status-unknown@L // revocation-status-unknown@L
R | I<R | L<I | C1<R only=user | C2<I
    -> ok!revocation-status-unknown@I // revocation-status-unknown@I
R | I<R | L<I | C1<R only=ca | C2<I only=user
    -> ok
R | L<R | C<R only=ca revoked=$L
    -> ok!revocation-status-unknown@L // revocation-status-unknown@L
R | L<R ca=true ku=keyCertSign eku=none | C<R only=ca revoked=$L
    -> ok!revoked@L // revoked@L
# The place of the list is one of the certificate's distribution points.
R | L<R crldp=uri:http://crl.example/1 | C<R idp=uri:http://crl.example/1
    -> ok
R | L<R crldp=uri:http://crl.example/1 | C<R idp=uri:http://crl.example/2
    -> ok!revocation-status-unknown@L // revocation-status-unknown@L
R | L<R crldp=uri:http://crl.example/1,uri:ldap://crl.example/ crldp=uri:http://crl.example/2 | C<R idp=uri:http://crl.example/2
    -> ok
R | L<R crldp=uri:http://crl.example/%2531 | C<R idp=uri:http://crl.example/1
    -> ok!revocation-status-unknown@L // revocation-status-unknown@L
R | L<R | C<R idp=uri:http://crl.example/1
    -> ok!revocation-status-unknown@L // revocation-status-unknown@L
R | L<R crldp=uri:http://crl.example/1 | C<R
    -> ok
# Section 5.2.5: a scope that says nothing is none, it is critical, and of kinds it names one.
R | L<R crldp=uri:http://crl.example/1 | C<R idp=
    -> ok!unusable-crl@L // unusable-crl@L 'it is empty'
R | L<R | C<R only=user idp-critical=no
    -> ok!unusable-crl@L // unusable-crl@L 'not critical'
R | L<R | C<R only=user,ca
    -> ok!revocation-status-unknown@L // revocation-status-unknown@L
R | I<R | L<I | C1<R only=user,attribute | C2<I
    -> ok!revocation-status-unknown@I // revocation-status-unknown@I
R | L<R | C<R ext=2.5.29.28:critical:3003810100
    -> ok!unusable-crl@L // unusable-crl@L 'default'
R | L<R | C<R idp=dir:cn=R
    -> ok
# A place may be relative to the name of the list's issuer. Go reads no certificate with such a one.
R | L<R crldp=rel:cn=part1 | C<R idp=rel:cn=part1
    -> encoding@L 'cRLDistributionPoints' // ok
R | L<R crldp=rel:cn=part1 | C<R idp=rel:cn=part2
    -> encoding@L // revocation-status-unknown@L
R | L<R crldp=dir:cn=R/cn=part1 | C<R idp=rel:cn=part1
    -> ok
R | L<R crldp=rel:cn=part1 | C<R idp=dir:cn=R/cn=PART1
    -> encoding@L // ok
# The reasons of several lists together are all of them.
R | L<R | C<R reasons=keyCompromise
    -> ok!revocation-status-unknown@L // revocation-status-unknown@L
R | L<R | C<R reasons=keyCompromise revoked=$L;reason:keyCompromise
    -> ok!revoked@L // revoked@L
R | L<R | C1<R reasons=keyCompromise|cACompromise
 | C2<R reasons=affiliationChanged|superseded|cessationOfOperation|certificateHold|privilegeWithdrawn|aACompromise
    -> ok
R | L<R | C1<R reasons=keyCompromise|cACompromise
 | C2<R reasons=affiliationChanged|superseded|cessationOfOperation|certificateHold|privilegeWithdrawn
    -> ok!revocation-status-unknown@L // revocation-status-unknown@L
R | L<R crldp=uri:http://crl.example/1;reasons:keyCompromise | C<R idp=uri:http://crl.example/1
    -> ok!revocation-status-unknown@L // revocation-status-unknown@L
R | L<R crldp=uri:http://crl.example/1;reasons:keyCompromise | C<R
    -> ok
# Section 5.3.3: an indirect list holds certificates of other issuers, which each entry names until the next one does.
R | I<R cn=Lists | L<R crldp=uri:http://crl.example/1;issuer:cn=Lists
 | C<I indirect idp=uri:http://crl.example/1 revoked=$L;issuer:cn=R | C2<R
    -> ok!revoked@L // revoked@L 'by the list of CN=Lists'
R | I<R cn=Lists | L<R crldp=uri:http://crl.example/1;issuer:cn=Lists
 | C<I indirect idp=uri:http://crl.example/1 revoked=0102;issuer:cn=R,$L
    -> ok!revoked@L // revoked@L
R | I<R cn=Lists | L<R crldp=uri:http://crl.example/1;issuer:cn=Lists
 | C<I indirect idp=uri:http://crl.example/1 revoked=$L
    -> ok
R | I<R cn=Lists | L<R crldp=uri:http://crl.example/1;issuer:cn=Lists
 | C<I indirect idp=uri:http://crl.example/1 revoked=$L;issuer:cn=Other
    -> ok
# A list that does not call itself indirect is none, nor is one whose issuer the certificate does not name.
R | I<R cn=Lists | L<R crldp=uri:http://crl.example/1;issuer:cn=Lists | C<I idp=uri:http://crl.example/1
    -> ok!revocation-status-unknown@L // revocation-status-unknown@L
R | I<R cn=Lists | L<R | C<I indirect revoked=$L;issuer:cn=R
    -> ok!revocation-status-unknown@L // revocation-status-unknown@L
R | I<R cn=Lists ku=keyCertSign | L<R crldp=uri:http://crl.example/1;issuer:cn=Lists
 | C<I indirect idp=uri:http://crl.example/1
    -> ok!unusable-crl@L // unusable-crl@L
R | HO cn=Lists | L<R crldp=uri:http://crl.example/1;issuer:cn=Lists | C<HO indirect idp=uri:http://crl.example/1
    -> ok!unusable-crl@L // unusable-crl@L 'no certificate of its issuer'
R | R2 cn=Lists | L<R crldp=uri:http://crl.example/1;issuer:cn=Lists | C<R2 indirect idp=uri:http://crl.example/1
    -> ok!unusable-crl@L // unusable-crl@L 'another trust anchor'
";

#[test]
fn status() {
    check(STATUS);
}

#[test]
fn lists() {
    check(LISTS);
}

#[test]
fn scope() {
    check(SCOPE);
}
