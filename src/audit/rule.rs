//! What a rule is, and what it can answer.

use std::fmt;

use super::rules::Cure;
use super::{Answers, CertificateEvidence, Estate, Finding, Place, Scene};

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Worth knowing; nothing has to be done.
    Info,
    /// Against good practice; nothing breaks.
    Low,
    /// Some verifiers refuse it, or it weakens what the certificate promises.
    Medium,
    /// An outage to come, or a boundary of authentication that does not hold.
    High,
    /// An outage now, or whoever holds the key can take the cluster over.
    Critical,
}

impl Severity {
    /// Its name in lower case.
    pub fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Where a demand comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Citation {
    /// The document and the place in it: `RFC 5280 section 4.1.2.2`.
    pub source: &'static str,
    /// Its address, where it cannot be told from the source.
    page: Option<&'static str>,
}

impl Citation {
    /// A place in an RFC, written `RFC NUMBER`, `RFC NUMBER section PLACE` or `RFC NUMBER appendix PLACE`.
    pub(super) const fn rfc(source: &'static str) -> Self {
        Self { source, page: None }
    }

    /// A page of the web.
    pub(super) const fn page(source: &'static str, url: &'static str) -> Self {
        Self { source, page: Some(url) }
    }

    /// Its address.
    pub fn url(&self) -> String {
        if let Some(page) = self.page {
            return page.to_owned();
        }
        let place = self.source.trim_start_matches("RFC ");
        let (number, place) = place.split_once(' ').unwrap_or((place, ""));
        let anchor = place.split_once(' ').map(|(kind, place)| format!("#{kind}-{place}"));
        format!("https://www.rfc-editor.org/rfc/rfc{number}{}", anchor.unwrap_or_default())
    }
}

/// One thing that must hold.
pub struct Rule {
    /// Its id for ever: `P002`.
    pub id: &'static str,
    /// Its name, for those who do not know ids by heart: `serial-positive`.
    pub name: &'static str,
    /// What is wrong where it fires, in a few words.
    pub title: &'static str,
    /// How bad that is at its worst; a fact may be milder.
    pub severity: Severity,
    /// Who says so.
    pub citations: &'static [Citation],
    /// Why it matters.
    pub explanation: &'static str,
    /// What to do, in general: documents say it. `FILE` stands for the file of a finding, whose own remedy ([`super::Finding::remedy`])
    /// has the exact commands.
    pub fix: &'static str,
    /// What it looks at, in a few words: `certificates of etcd's members`.
    pub applies_to: &'static str,
    /// Looks at the evidence.
    pub check: Check,
}

/// How a rule looks.
#[derive(Clone, Copy)]
pub enum Check {
    /// At one certificate, found or about to be sealed. It allocates nothing unless it fails.
    Certificate(fn(&CertificateEvidence<'_>) -> Outcome),
    /// At one certificate that is about to be sealed; of one that was found, at the tree around it, which tells by whom it is judged.
    Both {
        /// Of one that is about to be sealed.
        sealed: fn(&CertificateEvidence<'_>) -> Outcome,
        /// Of those that were found.
        found: fn(&Scene<'_>, &mut Answers),
    },
    /// At the tree of one node.
    Node(fn(&Scene<'_>, &mut Answers)),
    /// At the tree of one node, once the other rules have said what they found there.
    Last(fn(&Scene<'_>, &[Finding], &mut Answers)),
    /// At all nodes side by side.
    Estate(fn(&Estate<'_>, &mut Answers)),
}

impl PartialEq for Rule {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Eq for Rule {}

impl fmt::Debug for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Rule({})", self.id)
    }
}

/// What a rule answers. The three are different things: a rule that could not look has not passed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It looked, and all is well.
    Pass,
    /// It has nothing to say about this certificate, for this reason.
    NotApplicable(&'static str),
    /// It looked, and this is wrong.
    Fail(Vec<Fact>),
}

impl From<Vec<Fact>> for Outcome {
    /// No fact is a pass. Of very many, which only a hostile certificate has, the first are kept and the
    /// rest is counted.
    fn from(mut facts: Vec<Fact>) -> Self {
        if facts.len() > MOST_FACTS {
            let rest = facts.split_off(MOST_FACTS - 1);
            // `None` stands for the rule's own severity, which is the worst.
            let worst = rest.iter().map(|fact| fact.severity.map_or((1, None), |mild| (0, Some(mild)))).max();
            let severity = worst.and_then(|(_, severity)| severity);
            let more = Fact::new(format!("and {} more of the kind", rest.len()));
            facts.push(Fact { severity, ..more });
        }
        if facts.is_empty() { Self::Pass } else { Self::Fail(facts) }
    }
}

/// The most facts that one rule reports of one certificate.
const MOST_FACTS: usize = 20;

/// One thing that a rule found wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    /// What it is, with the values, safe to show.
    pub message: String,
    /// Its severity, where it is not its rule's.
    pub severity: Option<Severity>,
    /// Where it is, where that is not the certificate that was looked at.
    pub place: Option<Place>,
    /// What to do, where its rule alone does not tell.
    pub fix: Option<Cure>,
}

impl Fact {
    /// A fact of its rule's severity.
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), severity: None, place: None, fix: None }
    }

    /// A fact that is less bad than its rule can be.
    pub(super) fn milder(severity: Severity, message: impl Into<String>) -> Self {
        Self { severity: Some(severity), ..Self::new(message) }
    }

    /// Gives it another severity than its rule's.
    pub(super) fn severity(&mut self, severity: Severity) -> &mut Self {
        self.severity = Some(severity);
        self
    }

    /// Says what to do about it. In words, `FILE` stands for the file, as in [`Rule::fix`].
    pub(super) fn fix(&mut self, fix: impl Into<Cure>) -> &mut Self {
        self.fix = Some(fix.into());
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn citations_lead_to_their_section() {
        for (citation, url) in [
            (
                Citation::rfc("RFC 5280 section 4.1.2.2"),
                "https://www.rfc-editor.org/rfc/rfc5280#section-4.1.2.2",
            ),
            (Citation::rfc("RFC 5280 appendix A.1"), "https://www.rfc-editor.org/rfc/rfc5280#appendix-A.1"),
            (Citation::rfc("RFC 1123"), "https://www.rfc-editor.org/rfc/rfc1123"),
            (Citation::page("a page", "https://example.com/"), "https://example.com/"),
        ] {
            assert_eq!(citation.url(), url);
        }
    }

    #[test]
    fn very_many_facts_are_counted() {
        let low = Fact::milder(Severity::Low, "low");
        for (facts, kept, last) in [
            (vec![], 0, None),
            (vec![low.clone(); 20], 20, Some(low.clone())),
            (vec![low.clone(); 22], 20, Some(Fact::milder(Severity::Low, "and 3 more of the kind"))),
            (
                [vec![low.clone(); 30], vec![Fact::new("own")]].concat(),
                20,
                Some(Fact::new("and 12 more of the kind")),
            ),
        ] {
            let facts = match Outcome::from(facts) {
                Outcome::Fail(facts) => facts,
                Outcome::Pass => vec![],
                Outcome::NotApplicable(reason) => panic!("{reason}"),
            };
            assert_eq!((facts.len(), facts.last().cloned()), (kept, last));
        }
    }

    #[test]
    fn severities_are_ordered() {
        let all = [Severity::Info, Severity::Low, Severity::Medium, Severity::High, Severity::Critical];
        assert!(all.is_sorted());
        assert_eq!(all.map(|severity| severity.to_string()), ["info", "low", "medium", "high", "critical"]);
    }
}
