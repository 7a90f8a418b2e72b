//! What can be told of RSA moduli without factoring them.

use num_bigint::BigUint;
use rayon::prelude::*;

/// The primes by which moduli of Infineon's library are known: in each of its keys both factors, and so the modulus, are powers of 65537
/// modulo the product of the first primes. Those of the detector that its discoverers published, which keeps the residues as masks.
///
/// Source: <https://github.com/crocs-muni/roca> and section 2.1 of Nemec et al. 2017.
pub(super) const PRIMES: [u32; 38] = [
    3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103,
    107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
];

/// The most keys whose partner is looked for; of more, it is only said that they have one.
const MOST_PARTNERS: usize = 50;

/// Whether a modulus, in big-endian bytes, is a power of 65537 modulo each of the primes.
pub(super) fn is_roca(modulus: &[u8]) -> bool {
    // The larger ones turn nearly all others away.
    PRIMES.iter().rev().all(|prime| {
        let residue = modulus.iter().fold(0, |rest, byte| (rest << 8 | u32::from(*byte)) % prime);
        let mut power = 1;
        for _ in 0..*prime {
            if power == residue {
                return true;
            }
            power = power * (65_537 % prime) % prime;
        }
        false
    })
}

/// The moduli that have a factor in common with another one, and which other one. They must be distinct.
pub(super) fn with_a_common_factor(moduli: &[&[u8]]) -> Vec<(usize, Option<usize>)> {
    let one = BigUint::from(1_u8);
    let zero = BigUint::default();
    let numbers: Vec<BigUint> = moduli.iter().map(|bytes| BigUint::from_bytes_be(bytes)).collect();
    let product = product(&numbers);
    // The remainder of the product by the square, divided by the number, is the product of all others by the number.
    let shares = |number: &BigUint| {
        *number != zero && common_divisor(&product % (number * number) / number, number.clone()) != one
    };
    let weak: Vec<usize> =
        numbers.par_iter().enumerate().filter(|(_, number)| shares(number)).map(|(at, _)| at).collect();
    let partner = |at: usize| {
        let number = numbers.get(at)?;
        let others = weak.iter().copied().filter(|other| *other != at).take(1000);
        others.into_iter().find(|other| {
            numbers.get(*other).is_some_and(|other| common_divisor(other.clone(), number.clone()) != one)
        })
    };
    let found = weak.iter().enumerate();
    found.map(|(place, at)| (*at, if place < MOST_PARTNERS { partner(*at) } else { None })).collect()
}

/// The product of numbers, made as a tree: the factors of each multiplication are of about one length.
fn product(numbers: &[BigUint]) -> BigUint {
    match numbers {
        [] => BigUint::from(1_u8),
        [number] => number.clone(),
        _ => {
            let (left, right) = numbers.split_at(numbers.len() / 2);
            product(left) * product(right)
        }
    }
}

/// Euclid's.
fn common_divisor(mut one: BigUint, mut other: BigUint) -> BigUint {
    let zero = BigUint::default();
    while other != zero {
        (one, other) = (other.clone(), one % other);
    }
    one
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_factors_are_found_among_small_numbers() {
        // 15 = 3·5, 77 = 7·11, 21 = 3·7, 221 = 13·17
        let numbers: [&[u8]; 4] = [&[15], &[77], &[21], &[221]];
        assert_eq!(with_a_common_factor(&numbers), [(0, Some(2)), (1, Some(2)), (2, Some(0))]);
        assert_eq!(with_a_common_factor(&[&[15]]), []);
        assert_eq!(with_a_common_factor(&[]), []);
    }
}
