//! What a certificate and the CAs above it are for: key usage and extended key usage (RFC 5280 sections 4.2.1.3, 4.2.1.9
//! and 4.2.1.12).

use super::check;

/// Extended key usage. RFC 5280 leaves open what it means in a CA's certificate; everybody nests it, and Go from the
/// trust anchor on.
pub(super) const EXTENDED: &str = "
# RFC 5280 section 4.2.1.12: where the extension is there, the purpose is among those that it names.
R | L<R eku=server
    server -> ok
    client -> purpose@L '[clientAuth] [serverAuth]'
    -> ok
R | L<R eku=client
    server -> purpose@L
    client -> ok
R | L<R eku=server,client
    server -> ok
    client -> ok
R | L<R eku=none
    server -> ok
    client -> ok
R | L<R eku=any
    server -> ok // web-pki@L
    client -> ok
R | L<R eku=code
    server -> purpose@L
    client -> purpose@L
    -> ok
R | L<R eku=1.2.3.4
    server -> purpose@L '1.2.3.4'
    -> ok
R | L<R eku=1.2.3.4,client
    client -> ok
# The Server Gated Crypto of old browsers is no server authentication.
R | L<R eku=2.16.840.1.113730.4.1,1.3.6.1.4.1.311.10.3.3
    server -> purpose@L
# SIZE (1..MAX): an empty extension is none. Go takes it for absent.
R | L<R eku=
    server -> ok!malformed-extension@L // malformed-extension@L 'extKeyUsage'
    -> ok!malformed-extension@L // malformed-extension@L
# It may be critical or not; CA/Browser Forum BR section 7.1.2.7.6 wants it not to be in a server's certificate.
R | L<R eku=server eku-critical
    server -> ok // web-pki@L 'critical'
    -> ok
R | L<R eku=client eku-critical
    client -> ok
# A CA's purposes bound those of what is below it.
R | I<R eku=server | L<I
    server -> ok
    client -> purpose@I 'clientAuth'
    -> ok
R | I<R eku=client | L<I
    server -> purpose@I
    client -> ok
R | I<R eku=any | L<I
    client -> ok
    server -> ok // web-pki@I
R | I<R eku=ocsp | L<I
    client -> purpose@I
R | I<R eku=server | J<I eku=client | L<J
    server -> purpose@J
    client -> purpose@I
    -> ok
R | I<R eku=server | J<I | L<J
    server -> ok
    client -> purpose@I
# Also those of the trust anchor. To servers' roots BR section 7.1.2.1.2 denies the extension.
R eku=client | L<R
    client -> ok
    server -> purpose@R // web-pki@R
R eku=server | L<R
    server -> ok // web-pki@R
    client -> purpose@R
R eku=email | I<R | L<I
    client -> purpose@R
    -> ok
R eku=any | L<R
    client -> ok
# An anchor that is no root is like any CA between.
H | R<H eku=server | L<R
    server -> ok
    client -> purpose@R
# The certificate is the trust anchor.
L eku=client | R=L
    client -> ok
    server -> purpose@L
# Both are wrong: the trust anchor's word comes first.
R eku=server | I<R | L<I eku=server
    client -> purpose
";

/// Key usage of issuers.
pub(super) const KEY_USAGE: &str = "
# RFC 5280 section 6.1.4 (n): keyCertSign, where the extension is there. The trust anchor is held to it too.
R ku=keyCertSign | L<R
    -> ok
R ku=none | L<R
    -> ok
R ku=keyCertSign ku-critical=no | L<R
    -> ok
R ku=cRLSign | L<R
    -> key-cert-sign@R '[keyCertSign] [cRLSign]'
R ku=digitalSignature,keyEncipherment | L<R
    -> key-cert-sign@R
R | I<R ku=cRLSign | L<I
    -> key-cert-sign@I path=L,I
R | I<R ku=none | L<I
    -> ok
R | I<R ku=keyCertSign,digitalSignature | L<I
    -> ok
R ku=decipherOnly | L<R
    -> key-cert-sign@R
# A key usage without any bit asserts nothing (section 4.2.1.3); Go takes it for absent.
R ku= | L<R
    -> ok!key-cert-sign@R // key-cert-sign@R 'no bit at all'
R | I<R ku= | L<I
    -> ok!key-cert-sign@I // key-cert-sign@I
# What an end entity may do with its key, a handshake decides.
R | L<R ku=none
    server -> ok
R | L<R ku=keyAgreement
    server -> ok
R | L<R ku=cRLSign
    client -> ok
R | L<R ku=
    -> ok!malformed-extension@L // malformed-extension@L 'no bit'
# RFC 5280 section 4.2.1.9: keyCertSign and cA go together.
R | L<R ku=digitalSignature,keyCertSign
    -> ok!inconsistent-ca@L // inconsistent-ca@L 'holds keyCertSign'
R | L<R ku=keyCertSign ca=absent
    -> ok!inconsistent-ca@L // inconsistent-ca@L
R | L<R ca=true ku=digitalSignature
    -> ok!inconsistent-ca@L // inconsistent-ca@L 'lacks keyCertSign'
R | L<R ca=true ku=none
    -> ok
";

/// Who is a CA.
pub(super) const CAS: &str = "
# RFC 5280 section 6.1.4 (k): basic constraints with cA, in every issuer.
R ca=false | L<R
    -> not-a-ca@R 'CA:FALSE' // not-a-ca@R+inconsistent-ca@R
R ca=false ku=digitalSignature | L<R
    -> not-a-ca@R
R ca=absent ku=none | L<R
    -> not-a-ca@R '[CA:TRUE] [no basic constraints]'
R | I<R ca=false ku=none | L<I
    -> not-a-ca@I
R | I<R ca=absent ku=none | L<I
    -> not-a-ca@I
R | I<R ca=false-encoded ku=none | L<I
    -> not-a-ca@I
R | E<R ca=false ku=digitalSignature eku=server,client | L<E
    server -> not-a-ca@E
# An end entity's certificate as trust anchor is good for itself alone.
R ca=false ku=digitalSignature | L=R
    -> ok
# Section 6.1.4 (k) again: only version 3 has basic constraints. A trust anchor that signs itself passes.
R version=1 | L<R aki=0102
    -> ok path=L,R
R version=2 | L<R aki=0102
    -> ok
R | I<R version=1 | L<I aki=0102
    -> not-a-ca@I
R version=1 | I<R | L<I
    -> ok
# A certificate that is asked about may be of any version.
R | L<R version=1
    -> ok!authority-key-identifier@L // authority-key-identifier@L
R version=1 | L=R
    -> ok
";

#[test]
fn extended_key_usage() {
    check(EXTENDED);
}

#[test]
fn key_usage() {
    check(KEY_USAGE);
}

#[test]
fn certification_authorities() {
    check(CAS);
}
