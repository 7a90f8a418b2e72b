//! Is this chain good for this purpose, at this instant, and if not, why: path building (RFC 4158) and path validation
//! (RFC 5280 section 6).
//!
//! Two policies judge. [`Policy::Kubernetes`] gives the verdict of Go's `crypto/x509`, which every Kubernetes component
//! and etcd uses; [`Policy::Rfc5280`] is the strict reading of the standard. The search is the same for both: depth
//! first from the end entity, trust anchors before intermediates, bounded.

mod budget;
mod candidate;
mod fault;
mod kubernetes;
mod located;
mod names;
mod policies;
mod programs;
mod revocation;
mod rfc5280;
mod search;
mod subtrees;
#[cfg(test)]
mod tests;
mod verdict;

use std::fmt;

use time::OffsetDateTime;

pub use candidate::Verifier;
pub use fault::{Fault, Reason, reasons_to_markdown};
pub use located::{
    Located, LocatedList, Reading, Remark, Source, Unreadable, Unseen, certificates, read, revocation_lists,
};
pub use names::normal_form;
pub use verdict::{Attempt, Link, Rejection, Role, Verdict, VerifiedChain, Warning};

use self::budget::Budget;
use self::candidate::View;
use crate::x509::{Certificate, ExtendedKeyUsage, SubjectAltName};

/// Whose verdict is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Policy {
    /// Go's `crypto/x509`, as Kubernetes and etcd use it.
    #[default]
    Kubernetes,
    /// The strict reading of RFC 5280.
    Rfc5280,
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Kubernetes => "kubernetes",
            Self::Rfc5280 => "rfc5280",
        })
    }
}

/// What the certificate is to be good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Purpose {
    /// Whatever it says.
    #[default]
    Any,
    /// A TLS server.
    Server,
    /// A TLS client.
    Client,
}

impl Purpose {
    /// The extended key usage that it needs.
    pub fn usage(self) -> Option<ExtendedKeyUsage> {
        match self {
            Self::Any => None,
            Self::Server => Some(ExtendedKeyUsage::ServerAuth),
            Self::Client => Some(ExtendedKeyUsage::ClientAuth),
        }
    }
}

impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Any => "any",
            Self::Server => "server",
            Self::Client => "client",
        })
    }
}

/// What is asked of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Whose verdict.
    pub policy: Policy,
    /// For what.
    pub purpose: Purpose,
    /// The names that the end entity must all have.
    pub names: Vec<SubjectAltName>,
    /// When; fractions of a second count as Go counts them.
    pub at: OffsetDateTime,
}

/// The first name of a path (end entity first) that lies outside of the name constraints above it. Signatures, dates and all
/// the rest are not looked at.
pub fn name_constraints_fault(path: &[&Certificate], policy: Policy) -> Option<Fault> {
    let budget = Budget::new();
    match policy {
        Policy::Kubernetes => {
            let read: Vec<_> =
                path.iter().map(|certificate| kubernetes::read_certificate(certificate).0).collect();
            let views: Vec<View<'_>> = path
                .iter()
                .zip(&read)
                .map(|(certificate, extensions)| View { certificate, extensions })
                .collect();
            kubernetes::constraints_fault(&views, &budget)
        }
        Policy::Rfc5280 => rfc5280::constraints_fault(path, &budget),
    }
}
