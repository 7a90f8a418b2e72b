//! F027: an RSA key whose private half can be worked out.

use std::collections::HashSet;

use super::numbers::{is_roca, with_a_common_factor};
use super::{Check, Citation, Rule, Severity};
use crate::audit::{Answers, Estate, Gap, Place, Record, RecordKind, Use};

pub(super) static RULE: Rule = Rule {
    id: "F027",
    name: "weak-key",
    title: "The private key can be worked out from the public one",
    severity: Severity::High,
    citations: &[
        Citation::page("CVE-2017-15361 (ROCA)", "https://nvd.nist.gov/vuln/detail/CVE-2017-15361"),
        Citation::page(
            "The Return of Coppersmith's Attack, Nemec et al. 2017",
            "https://crocs.fi.muni.cz/public/papers/rsa_ccs17",
        ),
        Citation::page("Mining Your Ps and Qs, Heninger et al. 2012", "https://factorable.net/"),
    ],
    explanation: "Chips with Infineon's library made RSA keys whose factors are found in hours or days; their moduli are known by a fingerprint, that \
                  one key in a hundred million has by chance. Machines that made keys right after their first start, with too little randomness, share \
                  primes: the greatest common divisor of two moduli gives both private keys away. All keys of all nodes are compared. The \
                  weak keys of Debian of 2008 are not looked for, since that takes a list of them; `openssl-vulnkey` has one. Small \
                  exponents are P010's.",
    fix: "Make a new key on another machine (`kpki issue PROFILE`, ECDSA unless told otherwise) and replace what this one signed.",
    applies_to: "RSA keys of all nodes",
    check: Check::Estate(check),
};

/// The most that is compared, in bits of all moduli together: the work grows with its square, and this much takes some seconds.
const MOST_BITS: usize = 2_000_000;
/// Keys that are smaller are factored by anybody, see P008.
const LEAST_BITS: usize = 512;

fn check(estate: &Estate<'_>, answers: &mut Answers) {
    judge(estate, MOST_BITS, answers);
}

fn judge(estate: &Estate<'_>, most: usize, answers: &mut Answers) {
    let keys = distinct(estate.records);
    if keys.is_empty() {
        return;
    }
    for (modulus, record) in &keys {
        answers.look();
        if is_roca(modulus) {
            let message = "the RSA modulus has the fingerprint of keys that Infineon's chips made (ROCA): it can be factored";
            answers.fail(Place::record(*record), message);
        }
    }
    let mut left = most;
    let fits = |bits: usize, left: &mut usize| {
        *left = left.checked_sub(bits).unwrap_or_default();
        *left > 0
    };
    let compared: Vec<(&[u8], usize)> =
        keys.iter().copied().take_while(|(modulus, _)| fits(modulus.len() * 8, &mut left)).collect();
    if compared.len() < keys.len() {
        let reason = format!(
            "{} of {} RSA keys were not searched for common primes: there are too many",
            keys.len() - compared.len(),
            keys.len()
        );
        answers.leave(Place::nowhere(), Gap::TooMuch, reason);
    }
    let moduli: Vec<&[u8]> = compared.iter().map(|(modulus, _)| *modulus).collect();
    for (one, other) in with_a_common_factor(&moduli) {
        let record = |at: usize| compared.get(at).and_then(|(_, record)| estate.records.get(*record));
        let Some((_, place)) = compared.get(one) else { continue };
        let with = other.and_then(record).map_or_else(|| "that of another key".to_owned(), shown);
        let message =
            format!("the RSA modulus has a prime in common with {with}: both private keys can be worked out");
        answers.fail(Place::record(*place), message);
    }
}

fn shown(record: &Record) -> String {
    let node = record.location.node.as_deref().map(|node| format!(" of {node}")).unwrap_or_default();
    format!("the one in {}{node}", record.location.path)
}

/// Each modulus once, with the number of the record that stands for it: one in use before a copy, a certificate's before a key's.
fn distinct(records: &[Record]) -> Vec<(&[u8], usize)> {
    let mut seen: HashSet<&[u8]> = HashSet::new();
    let mut found = Vec::new();
    let passes =
        [Use::Used, Use::Loose, Use::Old].into_iter().flat_map(|usage| [(usage, true), (usage, false)]);
    for (usage, certificates) in passes {
        for (number, record) in records.iter().enumerate() {
            let Some(modulus) = record.modulus.as_deref() else { continue };
            let now = record.usage == usage && (record.kind == RecordKind::Certificate) == certificates;
            if now && modulus.len() * 8 >= LEAST_BITS && seen.insert(modulus) {
                found.push((modulus, number));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use num_bigint::BigUint;

    use super::super::super::testing::rsa_key_of;
    use super::super::super::testing::tree::{Tree, estate, findings};
    use super::*;
    use crate::forge;

    /// A certificate for a key with this modulus, whose private half nobody has.
    fn certificate(name: &str, modulus: &BigUint) -> String {
        let spki = rsa_key_of(&modulus.to_bytes_be(), &[1, 0, 1]);
        let hex = forge::to_hex(spki.der());
        forge::ca("cn=ca").leaf(&format!("cn={name} spki={hex}")).pem()
    }

    fn mersenne(exponent: u32) -> BigUint {
        (BigUint::from(1_u8) << exponent) - 1_u8
    }

    #[test]
    fn a_common_prime_fires_on_both_nodes() {
        let (mut one, mut other) = (Tree::empty().named("cp1"), Tree::empty().named("cp2"));
        one.file("a.crt", 0o644, certificate("a", &(mersenne(521) * mersenne(607))));
        other.file("b.crt", 0o644, certificate("b", &(mersenne(521) * mersenne(1279))));
        other.file("c.crt", 0o644, certificate("c", &(mersenne(2203) * mersenne(2281))));
        assert_eq!(
            findings(&[&one, &other], "F027"),
            [
                "high cp1 a.crt:1: the RSA modulus has a prime in common with the one in b.crt of cp2: both private keys can be worked out",
                "high cp2 b.crt:1: the RSA modulus has a prime in common with the one in a.crt of cp1: both private keys can be worked out",
            ]
        );
        // The same key twice is no common prime.
        let text = certificate("a", &(mersenne(521) * mersenne(607)));
        one.file("again.crt", 0o644, text);
        assert_eq!(one.findings("F027"), [""; 0]);
    }

    #[test]
    fn the_fingerprint_of_infineon_s_chips_fires() {
        let primes: BigUint =
            super::super::numbers::PRIMES.iter().map(|prime| BigUint::from(*prime)).product();
        let mut modulus = BigUint::from(65_537_u32).modpow(&BigUint::from(123_456_789_u32), &primes);
        modulus += &primes * mersenne(1800);
        if !modulus.bit(0) {
            modulus += &primes;
        }
        let mut tree = Tree::empty();
        tree.file("a.crt", 0o644, certificate("a", &modulus));
        assert_eq!(
            tree.findings("F027"),
            [
                "high a.crt:1: the RSA modulus has the fingerprint of keys that Infineon's chips made (ROCA): it can be factored"
            ]
        );
        tree.file("a.crt", 0o644, certificate("a", &(modulus + 2_u8)));
        assert_eq!(tree.findings("F027"), [""; 0]);
    }

    #[test]
    fn keys_as_they_should_be_are_silent() {
        let mut tree = Tree::empty();
        for (name, key) in [("a", "rsa2048:a"), ("b", "rsa2048:b"), ("c", "rsa3072:c"), ("d", "rsa1024:d")] {
            let pair = forge::self_signed_leaf(&format!("cn={name} key={key}"));
            tree.file(&format!("{name}.crt"), 0o644, pair.pem());
            tree.file(&format!("{name}.key"), 0o600, pair.key_pem());
        }
        let report = {
            tree.policy.select = vec!["F027".to_owned()];
            estate(&[&tree])
        };
        assert_eq!((report.findings.len(), report.outcomes.passed), (0, 1));
        let moduli: HashSet<_> = report.records.iter().filter_map(|record| record.modulus.clone()).collect();
        assert!(moduli.len() >= 3, "of certificates and private keys, each once");
        // Without an RSA key there is nothing to look at.
        let mut tree = Tree::control_plane();
        tree.policy.select = vec!["F027".to_owned()];
        assert_eq!(estate(&[&tree]).outcomes.not_applicable, 1);
    }

    #[test]
    fn too_many_keys_are_skipped_with_the_reason() {
        let mut tree = Tree::empty();
        for name in ["a", "b", "c"] {
            tree.file(&format!("{name}.crt"), 0o644, forge::ca(&format!("cn={name} key=rsa2048")).pem());
        }
        let report = estate(&[&tree]);
        let seen = Estate { nodes: &[], records: &report.records, policy: &tree.policy };
        for (most, skipped) in [(5000, Some("1 of 3")), (7000, None)] {
            let mut answers = Answers::default();
            judge(&seen, most, &mut answers);
            let expected = skipped.map(|count| {
                format!("{count} RSA keys were not searched for common primes: there are too many")
            });
            let reasons: Vec<String> = answers.skipped.into_iter().map(|(_, _, reason)| reason).collect();
            assert_eq!(reasons, Vec::from_iter(expected));
        }
    }
}
