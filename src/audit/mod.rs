//! Evidence × rules → findings: what is wrong with the PKI of a cluster, why it matters and what to do.
//!
//! Nothing here signs or writes. The rules are plain data in [`RULES`]; each one stands in a file of
//! its own under `rules`. Those of certificates judge one that was found, and just as well the to-be-signed
//! bytes of one that is about to be sealed ([`judge`]); the others look at the tree of a node, or at all of them ([`audit`]).

mod answers;
mod archive;
mod backups;
mod blanks;
mod certificate;
mod config;
mod engine;
mod evidence;
mod judgement;
mod markdown;
mod overlap;
mod policy;
mod report;
mod role;
mod rule;
mod rules;
#[cfg(test)]
mod testing;
mod trees;
mod unread;

pub use answers::{Answers, Estate, NodeSummary, Place, Scene};
pub use archive::{Archive, ArchiveError, ArchiveKind, archive_kind, read_archive, read_archive_or_file};
pub use blanks::{Blank, Why};
pub use certificate::{CertificateEvidence, Expected, OuterSignature};
pub use config::{Config, ConfigError, FailOn, LARGEST_CONFIG};
pub use engine::{AuditError, Input, audit};
pub use evidence::{
    ATTRIBUTES_ONLY, Authorities, Authority, Cert, Contents, File, FileKind, FoundCertificate, FoundKey,
    Holder, Inventory, Kept, Known, LIMITS, Node, NodeKind, Pair, ProcessStat, Reference, Signer, Signing,
    Source, StaticCredentials, Store, Target, TextFacts, Use, What, is_whole_system,
};
pub use judgement::{Judgement, Objection, REFUSED_FROM, judge, refuses};
pub use markdown::{family, to_markdown};
pub use policy::{CisBenchmark, Expiring, Policy, Waiver, names_a_rule, rule_word, rules_named};
pub use report::{
    CertificateRecord, DeadWaiver, End, Finding, Gap, Location, Outcomes, Read, Record, RecordKind, Report,
    Skipped, Tally, Unread, Waived,
};
pub use role::{Basis, Role};
pub use rule::{Check, Citation, Fact, Outcome, Rule, Severity};
pub use rules::{Cure, RULES};
pub use trees::{Arguments, NodesError, arguments, nodes_in};
