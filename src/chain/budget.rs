//! How much work one end entity is worth. Certificates come from strangers, and a graph of them can be made so that an
//! honest search never ends (RFC 4158 section 3.3).

use std::cell::Cell;

use super::{Fault, Policy, Reason};

/// Issuers that may be tried, each of which costs one signature at most: Go's `maxChainSignatureChecks`, chosen there so
/// that no chain in use comes near it.
const MOST_ISSUERS: usize = 100;
/// Comparisons of a name with a name constraint under the strict policy: 2²⁰, what OpenSSL admits of one path
/// (`NAME_CHECK_MAX`). Here it is for all paths of an end entity together.
const MOST_COMPARISONS: usize = 1 << 20;
/// The same under Go's, which sorts constraints and has no bound: 2²⁴ comparisons take some tenths of a second.
const MOST_COMPARISONS_AS_GO: usize = 1 << 24;
/// Signatures of revocation lists that may be checked: ten for each issuer that may be tried.
const MOST_LIST_SIGNATURES: usize = 10 * MOST_ISSUERS;

/// How deep lists may vouch for the signers of lists: one certificate of a CA that another of its own certified, and that
/// one's, are two.
const DEEPEST: usize = 4;

/// What is left.
pub(super) struct Budget {
    /// How many searches this one is within.
    depth: usize,
    issuers: Cell<usize>,
    comparisons: Cell<usize>,
    list_signatures: Cell<usize>,
}

impl Budget {
    pub(super) fn new(policy: Policy) -> Self {
        let comparisons = match policy {
            Policy::Kubernetes => MOST_COMPARISONS_AS_GO,
            Policy::Rfc5280 => MOST_COMPARISONS,
        };
        Self {
            depth: 0,
            issuers: Cell::new(MOST_ISSUERS),
            comparisons: Cell::new(comparisons),
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
        Ok(Self {
            depth: self.depth + 1,
            issuers: Cell::new(MOST_ISSUERS.min(self.list_signatures.get())),
            comparisons: self.comparisons.clone(),
            list_signatures: self.list_signatures.clone(),
        })
    }

    /// Takes over what another search has left.
    pub(super) fn take_back(&self, inner: &Self) {
        let tried = MOST_ISSUERS.min(self.list_signatures.get()).saturating_sub(inner.issuers.get());
        self.comparisons.set(inner.comparisons.get());
        self.list_signatures.set(inner.list_signatures.get().saturating_sub(tried));
    }

    pub(super) fn issuer(&self) -> Result<(), Fault> {
        take(&self.issuers, 1, || format!("more than {MOST_ISSUERS} issuers were tried for one certificate"))
    }

    pub(super) fn comparisons(&self, count: usize) -> Result<(), Fault> {
        let what = || "too many comparisons of names with name constraints".to_owned();
        take(&self.comparisons, count, what)
    }

    pub(super) fn list_signature(&self) -> Result<(), Fault> {
        let what = || format!("more than {MOST_LIST_SIGNATURES} signatures of revocation lists");
        take(&self.list_signatures, 1, what)
    }
}

fn take(left: &Cell<usize>, count: usize, what: impl FnOnce() -> String) -> Result<(), Fault> {
    let rest = left.get().checked_sub(count);
    left.set(rest.unwrap_or(0));
    if rest.is_some() {
        Ok(())
    } else {
        Err(Fault::new(Reason::Budget, format!("budget exceeded: {}", what())))
    }
}
