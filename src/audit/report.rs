//! From evidence to findings, and from findings to a refusal.

use super::{CertificateEvidence, Outcome, RULES, Rule, Severity};

/// One thing that is wrong with a certificate.
#[derive(Debug, Clone)]
pub struct Finding {
    /// The rule that is broken.
    pub rule: &'static Rule,
    /// How bad it is here.
    pub severity: Severity,
    /// What is wrong, with the values, safe to show.
    pub message: String,
}

/// What a rule that found nothing has to say.
#[derive(Debug, Clone, Copy)]
enum Verdict {
    Passed,
    NotApplicable(&'static str),
    Failed,
}

/// What every rule says about one certificate.
#[derive(Debug, Clone)]
pub struct Report {
    findings: Vec<Finding>,
    /// One for each rule, in the order of [`RULES`].
    verdicts: [Verdict; RULES.len()],
}

impl Report {
    /// What is wrong: the worst first, then by rule.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// The rules that had nothing to say, each with its reason.
    pub fn not_applicable(&self) -> impl Iterator<Item = (&'static Rule, &'static str)> {
        self.each().filter_map(|(rule, verdict)| match verdict {
            Verdict::NotApplicable(reason) => Some((rule, reason)),
            Verdict::Passed | Verdict::Failed => None,
        })
    }

    /// The rules that looked and found nothing.
    pub fn passed(&self) -> impl Iterator<Item = &'static Rule> {
        self.each().filter(|(_, verdict)| matches!(verdict, Verdict::Passed)).map(|(rule, _)| rule)
    }

    fn each(&self) -> impl Iterator<Item = (&'static Rule, Verdict)> {
        RULES.iter().copied().zip(self.verdicts)
    }
}

/// Lets every rule look at a certificate.
pub fn judge(evidence: &CertificateEvidence<'_>) -> Report {
    let mut report = Report { findings: Vec::new(), verdicts: [Verdict::Passed; RULES.len()] };
    for (rule, verdict) in RULES.iter().copied().zip(&mut report.verdicts) {
        *verdict = match (rule.check)(evidence) {
            Outcome::Pass => Verdict::Passed,
            Outcome::NotApplicable(reason) => Verdict::NotApplicable(reason),
            Outcome::Fail(facts) => {
                report.findings.extend(facts.into_iter().map(|fact| Finding {
                    rule,
                    severity: fact.severity.unwrap_or(rule.severity),
                    message: fact.message,
                }));
                Verdict::Failed
            }
        };
    }
    // Stable, so facts of one rule and severity keep the order in which the rule gave them.
    report.findings.sort_by(|a, b| b.severity.cmp(&a.severity).then(a.rule.id.cmp(b.rule.id)));
    report
}

/// From which severity on a CA refuses to seal a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// The mildest severity that is refused.
    pub refuse_from: Severity,
}

impl Default for Policy {
    /// What some verifier would refuse, or what weakens the certificate, is not sealed.
    fn default() -> Self {
        Self { refuse_from: Severity::Medium }
    }
}

impl Policy {
    /// The findings for which a certificate must not be sealed; none when it may.
    pub fn refuses<'r>(&self, report: &'r Report) -> Vec<&'r Finding> {
        report.findings.iter().filter(|finding| finding.severity >= self.refuse_from).collect()
    }
}
