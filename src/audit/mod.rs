//! Evidence × rules → findings: what is wrong with a certificate, why it matters and what to do.
//!
//! Nothing here signs or writes. The rules are plain data in [`RULES`]; each one stands in a file of
//! its own under `rules`. They judge a certificate that was found, and just as well the to-be-signed
//! bytes of one that is about to be sealed.

mod evidence;
mod markdown;
mod report;
mod rule;
mod rules;
#[cfg(test)]
mod testing;

pub use evidence::{CertificateEvidence, Expected, OuterSignature};
pub use markdown::to_markdown;
pub use report::{Finding, REFUSED_FROM, Report, judge, refuses};
pub use rule::{Citation, Fact, Outcome, Rule, Severity};
pub use rules::RULES;
