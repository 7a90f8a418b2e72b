//! P010: an RSA key that is one.

use super::{CertificateEvidence, Check, Citation, Fact, Outcome, Rule, Severity};
use crate::x509::{PublicKey, PublicKeyKind};

/// The odd primes from 3 to 47, in two products that leave a remainder of 32 bits.
const SMALL_PRIMES: [(u64, &[u64]); 2] = [
    (3 * 5 * 7 * 11 * 13 * 17 * 19 * 23 * 29, &[3, 5, 7, 11, 13, 17, 19, 23, 29]),
    (31 * 37 * 41 * 43 * 47, &[31, 37, 41, 43, 47]),
];

/// The largest public exponent that Go's crypto/rsa takes.
const LARGEST_EXPONENT: u64 = (1 << 31) - 1;

pub(super) static RULE: Rule = Rule {
    id: "P010",
    name: "rsa-key",
    title: "The numbers of the RSA key are not those of a sound key",
    severity: Severity::Medium,
    citations: &[
        Citation::rfc("RFC 8017 section 3.1"),
        Citation::page("NIST FIPS 186-5 section 5.1", "https://doi.org/10.6028/NIST.FIPS.186-5"),
        Citation::page("Go package crypto/rsa", "https://pkg.go.dev/crypto/rsa"),
    ],
    explanation: "A public exponent of 3 has let signatures be forged wherever padding was checked loosely, an even one \
                  is not invertible, and Go refuses one above 2147483647. A modulus with a small factor was not made of two \
                  large primes: whoever finds the others has the private key.",
    fix: "Make a new key (every tool of today uses the exponent 65537) and issue the certificate again.",
    applies_to: "certificates",
    check: Check::Certificate(check),
};

fn check(evidence: &CertificateEvidence<'_>) -> Outcome {
    let key = &evidence.tbs.public_key;
    let &PublicKeyKind::Rsa { exponent, .. } = key.kind() else {
        return Outcome::NotApplicable("the key is not an RSA key");
    };
    let mut facts = Vec::new();
    match exponent {
        None => facts.push(Fact::new("the public exponent is longer than 64 bits")),
        Some(exponent) if exponent <= 3 || exponent.is_multiple_of(2) || exponent > LARGEST_EXPONENT => {
            facts.push(Fact::new(format!("the public exponent is {exponent}")));
        }
        Some(_) => {}
    }
    if let Some(factor) = small_factor(key) {
        facts.push(Fact::new(format!("the modulus is divisible by {factor}")));
    }
    facts.into()
}

fn small_factor(key: &PublicKey) -> Option<u64> {
    let modulus = key.rsa_modulus()?;
    if modulus.last().is_some_and(|byte| byte.is_multiple_of(2)) {
        return Some(2);
    }
    SMALL_PRIMES.iter().find_map(|(product, primes)| {
        let remainder = remainder(modulus, *product);
        primes.iter().copied().find(|prime| remainder.is_multiple_of(*prime))
    })
}

/// The remainder of a number by a divisor below 2^32, four bytes at a time.
fn remainder(number: &[u8], divisor: u64) -> u64 {
    let (head, words) = number.as_rchunks::<4>();
    let head = head.iter().fold(0, |value, &byte| value << 8 | u64::from(byte)) % divisor;
    words.iter().fold(head, |value, word| (value << 32 | u64::from(u32::from_be_bytes(*word))) % divisor)
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::{Bench, rsa_key, rsa_key_of};
    use super::*;

    #[test]
    fn exponents_and_factors() {
        let sound = rsa_key(2048, 65_537);
        let modulus = sound.rsa_modulus().unwrap().to_vec();
        let mut even = modulus.clone();
        *even.last_mut().unwrap() &= 0xfe;
        for (key, message) in [
            (sound.clone(), None),
            (rsa_key_of(&modulus, &[17]), None),
            (rsa_key_of(&modulus, &[3]), Some("the public exponent is 3")),
            (rsa_key_of(&modulus, &[1, 0]), Some("the public exponent is 256")),
            (rsa_key_of(&modulus, &[0, 0x80, 0, 0, 1]), Some("the public exponent is 2147483649")),
            (rsa_key_of(&modulus, &[1; 9]), Some("the public exponent is longer than 64 bits")),
            (rsa_key_of(&even, &[1, 0, 1]), Some("the modulus is divisible by 2")),
        ] {
            let mut bench = Bench::server();
            bench.tbs.public_key = key;
            assert_eq!(bench.messages(&RULE), message.into_iter().collect::<Vec<_>>());
        }
        assert!(Bench::server().not_applicable(&RULE), "an ECDSA key");
    }

    #[test]
    fn remainders_are_right_for_every_length() {
        for (product, primes) in SMALL_PRIMES {
            assert_eq!(product, primes.iter().product::<u64>());
            assert!(product < 1 << 32);
        }
        let number = 0x0123_4567_89ab_cdef_0011_2233_4455_6677_u128;
        for length in 0..=16 {
            let bytes = &number.to_be_bytes()[16 - length..];
            let value = bytes.iter().fold(0u128, |value, &byte| value << 8 | u128::from(byte));
            for divisor in [3, 47, SMALL_PRIMES[0].0] {
                assert_eq!(u128::from(remainder(bytes, divisor)), value % u128::from(divisor));
            }
        }
    }
}
