//! What an audit came to.

use std::path::Path;
use std::sync::Arc;

use time::OffsetDateTime;

use super::answers::Place;
use super::rules::Cure;
use super::{Basis, Blank, Role, Rule, Severity, Use};
use crate::ledger::ClusterSigned;
use crate::remedy::Remedy;

/// Where something stands.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Location {
    /// The node, where several were given; safe to show.
    pub node: Option<Arc<str>>,
    /// The file; safe to show. As it was named, the argument and the path in it; of one of several nodes, and of an archive, the path
    /// within its tree. Empty for what stands in no file.
    pub path: Arc<str>,
    /// The line, from 1.
    pub line: Option<usize>,
    /// The PEM block, from 0.
    pub block: Option<usize>,
    /// The field of an object, safe to show: `users[admin].client-certificate-data`.
    pub field: Option<Arc<str>>,
    /// How many bytes of the path are the argument under which the file was found.
    pub base: usize,
}

impl Location {
    /// The file, relative to the argument under which it was found; the argument itself where it is a file.
    pub fn within(&self) -> &str {
        self.path.get(self.base..).unwrap_or_default()
    }
}

/// One thing that is wrong.
#[derive(Debug, Clone)]
pub struct Finding {
    /// The rule that is broken.
    pub rule: &'static Rule,
    /// How bad it is here, after the policy's word.
    pub severity: Severity,
    /// Where.
    pub location: Location,
    /// What is wrong, with the facts; safe to show.
    pub message: String,
    /// How to mend it; safe to show.
    pub remedy: Remedy,
    /// Where it stands and what its rule says of its cure, until its remedy is put together.
    pub(super) pending: Option<Box<(Place, Option<Cure>)>>,
}

impl Finding {
    /// One without a remedy.
    pub fn new(
        rule: &'static Rule,
        severity: Severity,
        location: Location,
        message: impl Into<String>,
    ) -> Self {
        Self { rule, severity, location, message: message.into(), remedy: Remedy::default(), pending: None }
    }

    /// How to mend it, in one paragraph with its commands between backticks; safe to show.
    pub fn fix(&self) -> String {
        self.remedy.text()
    }
}

/// Why something could not be judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Gap {
    /// It lies in what was given, and was not read, or not to its end.
    Unread,
    /// It was read, and there was too much of it to judge all.
    TooMuch,
    /// What a rule needs was not among what was given.
    NotGiven,
}

/// Something that could not be judged. It has not passed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// Which kind of reason it is.
    pub gap: Gap,
    /// The rule that could not look; none where nothing could be read.
    pub rule: Option<&'static Rule>,
    /// Where.
    pub location: Location,
    /// Why, and what to give; safe to show.
    pub reason: String,
}

/// A finding that somebody has accepted.
#[derive(Debug, Clone)]
pub struct Waived {
    /// The finding.
    pub finding: Finding,
    /// Why it is accepted; safe to show.
    pub reason: String,
    /// Until when.
    pub expires: time::Date,
}

/// A waiver that waives nothing any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadWaiver {
    /// The rule that it names; safe to show.
    pub rule: String,
    /// Where it is written, `FILE:LINE`; safe to show.
    pub place: String,
    /// What is wrong with it: it expired, it matches nothing, no such rule.
    pub reason: String,
}

/// How one rule came out on one node, or on all of them side by side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum End {
    /// It had nothing to look at.
    NotApplicable,
    /// It could not look at anything that it should have looked at.
    Skipped,
    /// It looked and found nothing.
    Passed,
    /// It found something.
    Failed,
}

/// How the rules came out on one node; or those that look at all nodes, side by side.
#[derive(Debug, Clone)]
pub struct Tally {
    /// The node, where several were given; none as well for all nodes side by side, which come last.
    pub node: Option<Arc<str>>,
    /// The rules that looked.
    pub rules: Arc<[&'static Rule]>,
    /// How each came out.
    pub ends: Box<[End]>,
}

/// How many rules came to which end. A rule is counted once for each node that it looked at, or once for all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Outcomes {
    /// Looked and found nothing.
    pub passed: usize,
    /// Found something.
    pub failed: usize,
    /// Could not look at anything that it should have looked at.
    pub skipped: usize,
    /// Had nothing to look at.
    pub not_applicable: usize,
}

impl Outcomes {
    pub(super) fn count(&mut self, end: End) {
        *match end {
            End::NotApplicable => &mut self.not_applicable,
            End::Skipped => &mut self.skipped,
            End::Passed => &mut self.passed,
            End::Failed => &mut self.failed,
        } += 1;
    }
}

/// What was read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Read {
    /// Files.
    pub files: usize,
    /// Certificates, each as often as it stands somewhere.
    pub certificates: usize,
    /// Private keys.
    pub keys: usize,
    /// Nodes.
    pub nodes: usize,
    /// Files in which something is that bears on a PKI: certificates, keys, kubeconfigs, manifests, configurations.
    pub of_pki: usize,
}

/// What lies in what was given and was not judged for that.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Unread {
    /// Files that were not read, links among them that lead out of what was given.
    pub files: usize,
    /// Directories of which not everything was looked at.
    pub directories: usize,
    /// What else was left out: entries of archives, places of a system, files that are named.
    pub others: usize,
    /// How often a rule gave up because there was too much.
    pub given_up: usize,
    /// The nodes of which nothing of a PKI was read.
    pub nodes: Vec<Arc<str>>,
}

impl Unread {
    /// Whether everything was read and judged.
    pub fn is_none(&self) -> bool {
        self.files + self.directories + self.others + self.given_up == 0 && self.nodes.is_empty()
    }

    pub(super) fn add(&mut self, other: Self) {
        self.files += other.files;
        self.directories += other.directories;
        self.others += other.others;
        self.given_up += other.given_up;
        self.nodes.extend(other.nodes);
    }
}

/// Which kind of thing a [`Record`] is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RecordKind {
    /// A certificate.
    Certificate,
    /// A private key.
    PrivateKey,
    /// A public key that stands alone.
    PublicKey,
}

/// A certificate or a key that was found: what tables, graphs and comparisons need of it.
#[derive(Debug, Clone)]
pub struct Record {
    /// Where.
    pub location: Location,
    /// The file as commands take it, where that is another path than the location's: of an archive, the path on the node.
    pub elsewhere: Option<Arc<Path>>,
    /// What it is.
    pub kind: RecordKind,
    /// The parts that it plays, the surest first.
    pub roles: Box<[Role]>,
    /// The name of the link by which its users know it, of a pair that a kubelet rotates.
    pub alias: Option<&'static str>,
    /// How the surest is known.
    pub surest: Option<Basis>,
    /// What use is made of it there.
    pub usage: Use,
    /// The SHA-256 of the DER of its `SubjectPublicKeyInfo`; none of a key of which it is not known.
    pub key: Option<[u8; 32]>,
    /// The modulus of an RSA key, without leading zeros; none of another, or of one larger than 16384 bits.
    pub modulus: Option<Arc<[u8]>>,
    /// The algorithm of the key: `ECDSA-P256`.
    pub algorithm: Arc<str>,
    /// The rest, of a certificate.
    pub certificate: Option<Box<CertificateRecord>>,
}

/// What a [`Record`] says of a certificate. All texts are safe to show.
#[derive(Debug, Clone)]
pub struct CertificateRecord {
    /// The SHA-256 of its DER.
    pub fingerprint: [u8; 32],
    /// Its subject: `CN=kubernetes`, in the order of RFC 4514.
    pub subject: Arc<str>,
    /// The SHA-256 of the DER of its subject, of a CA: names that read alike may differ in their bytes.
    pub name: Option<Box<[u8; 32]>>,
    /// Its issuer's name.
    pub issuer: Arc<str>,
    /// Its serial number, in hexadecimal.
    pub serial: Box<str>,
    /// The first instant of its life.
    pub not_before: OffsetDateTime,
    /// The last.
    pub not_after: OffsetDateTime,
    /// Whether its basic constraints say that it is a CA.
    pub is_ca: bool,
    /// Its alternative names, `DNS:a, IP:192.0.2.1`.
    pub names: Box<str>,
    /// Its purposes, `serverAuth, clientAuth`.
    pub purposes: Box<str>,
    /// The fingerprint of the certificate whose key signed it, as far as one was found; its own where it signed itself.
    pub signer: Option<[u8; 32]>,
    /// Which of the cluster's own signers may have signed it, by what stands in it.
    pub cluster: Option<ClusterSigned>,
    /// Which certificate of its file or field it is, from 0: those after the first are usually its chain.
    pub position: usize,
}

/// What an audit came to.
#[derive(Debug, Clone)]
pub struct Report {
    /// The instant that was judged.
    pub at: OffsetDateTime,
    /// What is wrong: the worst first, then by node, file, line and rule.
    pub findings: Vec<Finding>,
    /// What could not be judged.
    pub skipped: Vec<Skipped>,
    /// What was accepted.
    pub waived: Vec<Waived>,
    /// Waivers that waive nothing.
    pub dead_waivers: Vec<DeadWaiver>,
    /// How the rules came out.
    pub outcomes: Outcomes,
    /// How each rule came out on each node.
    pub tallies: Vec<Tally>,
    /// What was read.
    pub read: Read,
    /// What was not.
    pub unread: Unread,
    /// What has no certificate where one belongs, by node and file, where that was asked for.
    pub blanks: Vec<Blank>,
    /// Every certificate and key that was found, by node, file and place in it.
    pub records: Vec<Record>,
}

impl Report {
    /// How many findings there are of a severity.
    pub fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|finding| finding.severity == severity).count()
    }

    /// The worst severity.
    pub fn worst(&self) -> Option<Severity> {
        self.findings.iter().map(|finding| finding.severity).max()
    }
}
