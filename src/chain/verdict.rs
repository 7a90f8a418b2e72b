//! What verification came to.

use std::cmp::Reverse;
use std::fmt;

use time::OffsetDateTime;

use super::{Fault, Located, Reason};

/// A certificate's part in a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// The certificate that was asked about.
    EndEntity,
    /// A CA between.
    Intermediate,
    /// Trusted as it stands.
    TrustAnchor,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::EndEntity => "end entity",
            Self::Intermediate => "intermediate",
            Self::TrustAnchor => "trust anchor",
        })
    }
}

/// One certificate of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link<'a> {
    /// The certificate and where it stands.
    pub located: &'a Located,
    /// Its part.
    pub role: Role,
}

/// Something that the policy accepts and a stricter reading does not, or a program that clusters meet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// The certificate of the path that it is about, counted from 0 for the end entity.
    pub index: usize,
    /// What is wrong with it.
    pub fault: Fault,
    /// The situation's name for programs, where it is one in which other programs differ.
    pub situation: Option<&'static str>,
    /// The programs that differ: that refuse it unless the fault says otherwise.
    pub programs: Vec<&'static str>,
}

impl Warning {
    /// What the strict reading has against a certificate.
    pub(super) fn of_the_standard(index: usize, fault: Fault) -> Self {
        Self { index, fault, situation: None, programs: Vec::new() }
    }
}

/// A path that holds: that it exists is the proof that it was verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedChain<'a> {
    path: Vec<Link<'a>>,
    warnings: Vec<Warning>,
}

impl<'a> VerifiedChain<'a> {
    pub(super) fn new(path: Vec<Link<'a>>, warnings: Vec<Warning>) -> Self {
        Self { path, warnings }
    }

    /// The path, from the end entity to the trust anchor.
    pub fn path(&self) -> &[Link<'a>] {
        &self.path
    }

    /// What a stricter reading would refuse.
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }

    /// The last second in which it holds, and the index in the path of the certificate that ends then.
    pub fn holds_until(&self) -> Option<(OffsetDateTime, usize)> {
        let ends = self.path.iter().map(|link| link.located.certificate.tbs.validity.not_after);
        ends.zip(0..).min_by_key(|(end, _)| *end)
    }
}

/// A certificate that was tried, what was wrong with it there, and what was tried above it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt<'a> {
    /// The certificate.
    pub link: Link<'a>,
    /// What is wrong; empty where the search went on above it.
    pub faults: Vec<Fault>,
    /// The issuers that were tried.
    pub next: Vec<Attempt<'a>>,
    /// Whether a trust anchor was reached with it, so that what is wrong is wrong with the path as a whole.
    pub is_whole: bool,
}

/// Why no path holds: every one that was tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection<'a> {
    root: Attempt<'a>,
}

impl<'a> Rejection<'a> {
    pub(super) fn new(root: Attempt<'a>) -> Self {
        Self { root }
    }

    /// The tree of what was tried, from the end entity on; the most useful branch first.
    pub fn attempts(&self) -> &Attempt<'a> {
        &self.root
    }

    /// The most useful reason and the path up to the certificate at which it broke.
    pub fn reason(&self) -> (&Fault, Vec<Link<'a>>) {
        let mut path = Vec::new();
        let mut attempt = &self.root;
        loop {
            path.push(attempt.link);
            // Branches are sorted, and a branch without faults of its own has one that goes on.
            let own = attempt.faults.iter().min_by_key(|fault| Reverse(fault.reason.rank()));
            match (own, attempt.next.first()) {
                (Some(fault), Some(next)) if next.telling().1 <= fault.reason.rank() => return (fault, path),
                (Some(fault), None) => return (fault, path),
                (_, Some(next)) => attempt = next,
                (None, None) => return (&UNEXPLAINED, path),
            }
        }
    }
}

/// Stands where a search ended without a word, which it never does.
static UNEXPLAINED: Fault =
    Fault { reason: Reason::NoIssuer, detail: String::new(), expected: None, found: None, concerns: None };

impl Attempt<'_> {
    /// How much the branch tells: a path that reached a trust anchor more than one that broke before, for that one may
    /// have been the wrong way; then by the rank of its reason.
    fn telling(&self) -> (bool, u8) {
        let rank = self.faults.iter().map(|fault| fault.reason.rank()).max().unwrap_or(0);
        let is_budget = self.faults.iter().any(|fault| fault.reason == Reason::Budget);
        let above = self.next.iter().map(Attempt::telling).max().unwrap_or_default();
        (above.0 || self.is_whole || is_budget, above.1.max(rank))
    }

    /// Puts the most useful branch first, everywhere.
    pub(super) fn sort(&mut self) {
        for next in &mut self.next {
            next.sort();
        }
        self.next.sort_by_key(|next| Reverse(next.telling()));
    }
}

impl fmt::Display for Rejection<'_> {
    /// The most useful reason.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.reason().0)
    }
}

/// What verification came to.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum Verdict<'a> {
    /// There is a path that holds.
    Valid(VerifiedChain<'a>),
    /// There is none.
    Invalid(Box<Rejection<'a>>),
}

impl<'a> Verdict<'a> {
    /// The path, if there is one.
    ///
    /// # Errors
    /// Why there is none.
    pub fn into_result(self) -> Result<VerifiedChain<'a>, Box<Rejection<'a>>> {
        match self {
            Self::Valid(chain) => Ok(chain),
            Self::Invalid(rejection) => Err(rejection),
        }
    }

    /// Whether there is a path that holds.
    pub fn is_valid(&self) -> bool {
        matches!(self, Self::Valid(_))
    }
}
