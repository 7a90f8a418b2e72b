//! How much work one end entity is worth. Certificates come from strangers, and a graph of them can be made so that an
//! honest search never ends (RFC 4158 section 3.3).
//!
//! What is linear in what was given is not counted; what multiplies is: signatures, names held against constraints,
//! policies along a path. Each has its price in nanoseconds of one core, rounded up from what was measured, and all of one
//! end entity together have [`MOST_WORK`]. It is the price that is counted and not the clock, so that the same certificates
//! get the same answer on every machine.

use std::cell::Cell;

use super::{Fault, Reason};
use crate::x509::{PublicKey, PublicKeyKind};

/// Issuers that may be tried: Go's `maxChainSignatureChecks`, chosen there so that no chain in use comes near it.
const MOST_ISSUERS: usize = 100;
/// 50 milliseconds.
const MOST_WORK: u64 = 50_000_000;
/// Signatures of revocation lists that may be checked: ten for each issuer that may be tried.
const MOST_LIST_SIGNATURES: usize = 10 * MOST_ISSUERS;
/// How deep lists may vouch for the signers of lists: one certificate of a CA that another of its own certified, and that
/// one's, are two.
const DEEPEST: usize = 4;

/// One look into a table.
pub(super) const LOOK_UP: u64 = 100;
/// A byte that is hashed or compared.
pub(super) const HASHED_BYTE: u64 = 2;
/// A byte of a directory name that is brought into its normal form.
pub(super) const NORMALISED_BYTE: u64 = 20;
/// A policy or a mapping at one depth of a path.
pub(super) const POLICY: u64 = 500;

/// What is left.
#[derive(Clone)]
pub(super) struct Budget {
    /// How many searches this one is within.
    depth: usize,
    issuers: Cell<usize>,
    work: Cell<u64>,
    list_signatures: Cell<usize>,
}

impl Budget {
    /// All of it; both policies have the same.
    pub(super) fn new() -> Self {
        Self {
            depth: 0,
            issuers: Cell::new(MOST_ISSUERS),
            work: Cell::new(MOST_WORK),
            list_signatures: Cell::new(MOST_LIST_SIGNATURES),
        }
    }

    /// The same for another search, for which new issuers may be tried; they count as signatures of lists.
    ///
    /// # Errors
    /// Searches within searches end somewhere: each is deeper in the stack.
    pub(super) fn for_inner_search(&self) -> Result<Self, Fault> {
        if self.depth == DEEPEST {
            let what = "budget exceeded: too many lists vouch for the signers of lists";
            return Err(Fault::new(Reason::Budget, what));
        }
        let issuers = Cell::new(MOST_ISSUERS.min(self.list_signatures.get()));
        Ok(Self { depth: self.depth + 1, issuers, ..self.clone() })
    }

    /// Takes over what another search has left.
    pub(super) fn take_back(&self, inner: &Self) {
        let tried = MOST_ISSUERS.min(self.list_signatures.get()).saturating_sub(inner.issuers.get());
        self.work.set(inner.work.get());
        self.list_signatures.set(inner.list_signatures.get().saturating_sub(tried));
    }

    /// One more issuer is tried.
    ///
    /// # Errors
    /// There were too many.
    pub(super) fn issuer(&self) -> Result<(), Fault> {
        let rest = self.issuers.get().checked_sub(1);
        self.issuers.set(rest.unwrap_or(0));
        let what = || format!("more than {MOST_ISSUERS} issuers were tried for one certificate");
        rest.map(drop).ok_or_else(|| exceeded(&what()))
    }

    /// Work of this price.
    ///
    /// # Errors
    /// There was too much.
    pub(super) fn work(&self, price: u64) -> Result<(), Fault> {
        let rest = self.work.get().checked_sub(price);
        self.work.set(rest.unwrap_or(0));
        rest.map(drop).ok_or_else(|| {
            exceeded(&format!(
                "the names, constraints, policies and keys of the path are more work than {} ms",
                MOST_WORK / 1_000_000
            ))
        })
    }

    /// Work on so many bytes, each of this price.
    ///
    /// # Errors
    /// There was too much.
    pub(super) fn bytes(&self, count: usize, price: u64) -> Result<(), Fault> {
        self.work(u64::try_from(count).unwrap_or(u64::MAX).saturating_mul(price))
    }

    /// A signature is checked with this key.
    ///
    /// # Errors
    /// There was too much work.
    pub(super) fn signature(&self, key: &PublicKey) -> Result<(), Fault> {
        self.work(signature_price(key))
    }

    /// The signature of a list is checked with this key.
    ///
    /// # Errors
    /// There were too many, or there was too much work.
    pub(super) fn list_signature(&self, key: &PublicKey) -> Result<(), Fault> {
        let rest = self.list_signatures.get().checked_sub(1);
        self.list_signatures.set(rest.unwrap_or(0));
        let what = || format!("more than {MOST_LIST_SIGNATURES} signatures of revocation lists");
        rest.map(drop).ok_or_else(|| exceeded(&what()))?;
        self.signature(key)
    }

    /// What was spent, in nanoseconds.
    #[cfg(test)]
    pub(super) fn spent(&self) -> u64 {
        MOST_WORK - self.work.get()
    }
}

/// What a signature costs to check, in nanoseconds. That of RSA grows with the square of the modulus, and by the bits of the
/// exponent; beyond 8192 bits another library verifies, which takes several times as long.
fn signature_price(key: &PublicKey) -> u64 {
    match key.kind() {
        PublicKeyKind::Rsa { bits, exponent } => rsa_price(*bits, *exponent),
        PublicKeyKind::RsaPss { bits } => rsa_price(*bits, None),
        PublicKeyKind::Ec(curve) => match curve.as_str() {
            "P-256" => 100_000,
            "P-384" => 400_000,
            _ => 1_500_000,
        },
        PublicKeyKind::MlDsa(_) => 300_000,
        _ => 100_000,
    }
}

fn rsa_price(bits: usize, exponent: Option<u64>) -> u64 {
    /// The largest modulus that ring takes, in bits.
    const LARGEST_OF_RING: u64 = 8192;
    let kilobits = u64::try_from(bits).unwrap_or(u64::MAX).div_ceil(1024);
    let factor = if kilobits * 1024 > LARGEST_OF_RING { 3 } else { 1 };
    // 65537 takes seventeen multiplications.
    let length = exponent.map_or(64, |exponent| u64::from(u64::BITS - exponent.leading_zeros())).max(17);
    kilobits.saturating_mul(kilobits).saturating_mul(10_000).saturating_mul(factor).saturating_mul(length)
        / 17
}

fn exceeded(what: &str) -> Fault {
    Fault::new(Reason::Budget, format!("budget exceeded: {what}"))
}
