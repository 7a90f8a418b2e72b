//! Keys and signature algorithms (RFC 5280 section 4.1.1.2, RFC 3279, RFC 4055, RFC 5480, RFC 8410).

use super::check;
use crate::forge;
use crate::x509::der::{bit_string, element, tag};

/// What is accepted, and what is refused by its name.
pub(super) const ALGORITHMS: &str = "
# ECDSA over each curve with each digest of the SHA-2 family.
R key=p256 | L<R key=p256
    -> ok
R key=p384 | L<R key=p384
    -> ok
R key=p521 | L<R key=p521
    -> ok
R key=p256 | I<R key=p521 sig=sha384 | J<I key=p384 sig=sha256 | K<J key=ed25519 sig=sha512 | L<K key=rsa2048
    -> ok path=L,K,J,I,R
R key=p256 | L<R sig=sha512
    -> ok
R key=p521 | L<R sig=sha256
    -> ok
# RSA with PKCS#1 and PSS.
R key=rsa2048 | L<R key=rsa2048
    -> ok
R key=rsa3072 | L<R sig=sha512
    -> ok
R key=rsa2048 | L<R sig=sha384
    -> ok
R key=rsa2048 | L<R sig=pss
    -> ok
R key=rsa2048 | L<R sig=pss,sha384
    -> ok
R key=rsa3072 | L<R sig=pss,sha512
    -> ok
# The PKCS#1 algorithms have NULL as parameters (RFC 4055 section 5); readers have come to live without.
R key=rsa2048 | L<R sig=sha256,no-null
    -> ok
# Ed25519 has none (RFC 8410 section 3).
R key=ed25519 | L<R key=ed25519
    -> ok
R key=ed25519 | L<R sig=null
    -> signature-algorithm@L 'Ed25519 with parameters'
# Broken digests, in every link but that to nobody.
R key=rsa2048 | L<R sig=sha1
    -> signature-algorithm@L 'SHA-1 with RSA proves nothing any more'
R key=rsa2048 | L<R sig=md5
    -> signature-algorithm@L 'MD5 with RSA'
R | L<R sig=sha1
    -> signature-algorithm@L 'ECDSA with SHA-1'
R | I<R sig=sha1 | L<I
    -> signature-algorithm@I path=L,I,R
R key=rsa2048 sig=md5 | L<R
    -> ok
L sig=sha1 | R=L
    -> ok
# Algorithms that no verifier here knows, by name.
R | L<R sig=2.16.840.1.101.3.4.3.2
    -> signature-algorithm@L 'DSA with SHA-256'
R | L<R sig=1.2.840.10040.4.3
    -> signature-algorithm@L 'DSA with SHA-1'
R | L<R sig=1.3.101.113
    -> signature-algorithm@L 'Ed448'
R | L<R sig=1.2.840.113549.1.1.2
    -> signature-algorithm@L 'MD2 with RSA'
R | L<R sig=1.2.840.113549.1.1.14
    -> signature-algorithm@L 'SHA-224 with RSA'
R | L<R sig=1.2.156.10197.1.501
    -> signature-algorithm@L 'SM2'
R | L<R sig=1.2.3.4
    -> signature-algorithm@L '1.2.3.4'
# An algorithm of another kind than the key, and a name that is not the algorithm's.
R | L<R sig=1.2.840.113549.1.1.11
    -> signature@R 'SHA-256 with RSA' 'another key'
R | L<R sig=sha256,1.2.840.10045.4.3.3
    -> signature@R
R key=rsa2048 | L<R sig=1.2.840.113549.1.1.10
    -> signature-algorithm@L 'RSASSA-PSS with these parameters'
# No signature at all.
R | L<R sig=empty
    -> signature@R
R key=rsa2048 | L<R sig=empty
    -> signature@R
R key=ed25519 | L<R sig=empty
    -> signature@R
R key=rsa2048 | L<R sig=pss,broken
    -> signature@R
R key=ed25519 | L<R sig=broken
    -> signature@R
R key=p521 | L<R sig=other-key
    -> signature@R
# Sizes: 2048 bits by SP 800-57, 1024 in Go.
R key=rsa1024 | L<R
    -> ok!key@R // key@R 'at least 2048 bits'
R | L<R key=rsa1024
    -> ok!key@L // key@L
R | I<R key=rsa1024 | L<I
    -> ok!key@I // key@I
";

const RSA: &[u8] = &[6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1];
const EC: &[u8] = &[6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1];
const P192: &[u8] = &[6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 1];
const P256: &[u8] = &[6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];
const NULL: &[u8] = &[5, 0];

/// A `SubjectPublicKeyInfo` as the value of the word `spki`.
fn spki(algorithm: &[&[u8]], key: &[u8]) -> String {
    forge::to_hex(&element(tag::SEQUENCE, &[&element(tag::SEQUENCE, algorithm), &bit_string(key)]))
}

/// An RSA key of so many bits: the modulus is no product of two primes, and nothing is signed with it.
fn rsa(bits: usize, exponent: &[u8]) -> String {
    let mut modulus = vec![0xff; bits.div_ceil(8)];
    modulus[0] >>= bits.div_ceil(8) * 8 - bits;
    spki(&[RSA, NULL], &rsa_numbers(&modulus, exponent))
}

fn rsa_numbers(modulus: &[u8], exponent: &[u8]) -> Vec<u8> {
    let integer = |bytes: &[u8]| {
        let sign: &[u8] = if bytes[0] >= 0x80 { &[0] } else { &[] };
        element(tag::INTEGER, &[sign, bytes])
    };
    element(tag::SEQUENCE, &[&integer(modulus), &integer(exponent)])
}

/// Keys that nothing was signed with, in a certificate that is asked about. Go reads every key of a kind that it knows.
#[test]
fn keys() {
    let of_point = |curve: &[u8], length: usize| {
        let mut point = vec![0; length];
        point[0] = 4;
        spki(&[EC, curve], &point)
    };
    let ed25519: &[u8] = &[6, 3, 0x2b, 0x65, 0x70];
    let table = [
        ("the shortest that the strict policy takes", rsa(2048, &[1, 0, 1]), "ok"),
        ("a modulus of no whole bytes", rsa(2052, &[1, 0, 1]), "ok!key@L // key@L 'whole bytes'"),
        ("too short a modulus", rsa(1016, &[1, 0, 1]), "ok!key@L // key@L 'at least 2048'"),
        ("an exponent of zero", rsa(2048, &[0]), "encoding@L // key@L 'is none'"),
        ("an exponent of nine bytes", rsa(2048, &[1; 9]), "encoding@L // key@L 'is none'"),
        (
            "no NULL beside the name RSA",
            spki(&[RSA], &rsa_numbers(&[0xff; 256], &[3])),
            "encoding@L // key@L 'is none'",
        ),
        ("no point of P-256", of_point(P256, 65), "encoding@L // key@L 'is none'"),
        ("a point of no length", of_point(P256, 33), "encoding@L // key@L 'is none'"),
        ("a curve that nobody takes", of_point(P192, 49), "encoding@L // key@L 'P-384'"),
        ("no curve", spki(&[EC, NULL], &[4; 65]), "encoding@L // key@L"),
        ("Ed25519 of 31 bytes", spki(&[ed25519], &[7; 31]), "encoding@L // key@L 'is none'"),
        ("Ed25519 with parameters", spki(&[ed25519, NULL], &[7; 32]), "encoding@L // key@L 'is none'"),
        ("X25519, which signs nothing", spki(&[&[6, 3, 0x2b, 0x65, 0x6e]], &[7; 32]), "ok"),
        ("Ed448", spki(&[&[6, 3, 0x2b, 0x65, 0x71]], &[7; 57]), "ok"),
        ("an algorithm that nobody knows", spki(&[&[6, 3, 0x2a, 3, 4]], &[7; 32]), "ok!key@L // key@L"),
    ];
    let rows = table.map(|(why, spki, answer)| format!("# {why}\nR | L<R spki={spki}\n    -> {answer}\n"));
    check(&rows.concat());
}

/// Keys with which Go's TLS makes no handshake, though its `crypto/x509` accepts the certificate.
#[test]
fn keys_of_handshakes() {
    let table = [
        ("Ed448", spki(&[&[6, 3, 0x2b, 0x65, 0x71]], &[7; 57]), "handshake@L 'nor loads it'"),
        ("X25519", spki(&[&[6, 3, 0x2b, 0x65, 0x6e]], &[7; 32]), "handshake@L"),
        ("an algorithm that nobody knows", spki(&[&[6, 3, 0x2a, 3, 4]], &[7; 32]), "handshake@L"),
        ("RSA of 8200 bits", rsa(8200, &[1, 0, 1]), "handshake@L 'over 8192 bits'"),
        ("RSA of 1000 bits", rsa(1000, &[1, 0, 1]), "handshake@L 'less than 1024 bits'"),
        ("RSA with an even exponent", rsa(2048, &[4]), "handshake@L 'is even'"),
    ];
    for purpose in ["server", "client"] {
        let rows = table.clone().map(|(why, spki, answer)| {
            // What the strict policy says of keys is another table's.
            let strict =
                if matches!(why, "Ed448" | "X25519" | "RSA of 8200 bits" | "RSA with an even exponent") {
                    "ok"
                } else {
                    "key@L"
                };
            format!("# {why}\nR | L<R spki={spki}\n    {purpose} -> {answer} // {strict}\n")
        });
        check(&rows.concat());
    }
}

/// The same as keys of issuers, whose signature is nobody's.
#[test]
fn keys_of_issuers() {
    let table = [
        ("Ed448", spki(&[&[6, 3, 0x2b, 0x65, 0x71]], &[7; 57]), "key@R 'Go knows no keys' // signature@R"),
        ("an algorithm that nobody knows", spki(&[&[6, 3, 0x2a, 3, 4]], &[7; 32]), "key@R"),
        ("RSA with an exponent of 1", rsa(2048, &[1]), "key@R 'less than 3' // signature@R"),
        ("RSA with an even exponent", rsa(2048, &[4]), "key@R 'is even' // signature@R"),
        (
            "RSA with an exponent of 32 bits",
            rsa(2048, &[0, 0x80, 0, 0, 1]),
            "key@R 'too large' // signature@R",
        ),
        ("another kind than the algorithm's", rsa(2048, &[1, 0, 1]), "signature@R"),
        ("what is no key at all is in no pool", spki(&[RSA, NULL], &[]), "no-issuer@L '0 trust anchors'"),
    ];
    let rows = table.map(|(why, spki, answer)| format!("# {why}\nR spki={spki} | L<R\n    -> {answer}\n"));
    check(&rows.concat());
}

#[test]
fn algorithms() {
    check(ALGORITHMS);
}
