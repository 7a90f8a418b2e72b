//! The search for a path: depth first from the end entity, with every step noted that led nowhere.

use super::budget::Budget;
use super::candidate::{Candidate, View, authority_key_identifier, subject_key_identifier};
use super::verdict::{Attempt, Link, Rejection, Role, Verdict, VerifiedChain, Warning};
use super::{Fault, Policy, Reason, Verifier, kubernetes, programs, rfc5280};
use crate::x509::{Certificate, SignatureFault, hex};

/// One certificate of the path so far.
#[derive(Clone, Copy)]
pub(super) struct Step<'s, 'a> {
    pub(super) candidate: &'s Candidate<'a>,
    pub(super) role: Role,
}

impl<'s, 'a> Step<'s, 'a> {
    pub(super) fn certificate(&self) -> &'a Certificate {
        self.candidate.certificate()
    }

    pub(super) fn view(&self) -> View<'s> {
        self.candidate.view()
    }

    fn link(&self) -> Link<'a> {
        Link { located: self.candidate.located, role: self.role }
    }
}

/// The state of one search.
pub(super) struct Search<'s, 'a> {
    verifier: &'s Verifier<'a>,
    budget: &'s Budget,
    path: Vec<Step<'s, 'a>>,
    exhausted: bool,
}

/// Whether a branch reached an anchor, and what was tried in it if it did not.
type Branch<'a> = Result<(), Attempt<'a>>;

impl<'s, 'a> Search<'s, 'a> {
    pub(super) fn run(
        verifier: &'s Verifier<'a>,
        leaf: &'s Candidate<'a>,
        budget: &'s Budget,
    ) -> Verdict<'a> {
        let mut search = Self { verifier, budget, path: Vec::new(), exhausted: false };
        let step = Step { candidate: leaf, role: Role::EndEntity };
        let alone = |faults| Attempt { link: step.link(), faults, next: Vec::new(), is_whole: false };
        if let Some(fault) = leaf.unread() {
            // What cannot be read has neither names nor dates that could be wrong.
            return Verdict::Invalid(Box::new(Rejection::new(alone(vec![fault.clone()]))));
        }
        let same = |anchor: &Candidate<'a>| anchor.certificate().der() == leaf.certificate().der();
        let is_anchor = verifier.anchors.iter().any(same)
            && match verifier.settings.policy {
                Policy::Kubernetes => true,
                Policy::Rfc5280 => rfc5280::may_be_anchor(leaf.certificate(), budget),
            };
        let faults = search.leaf_faults(leaf, is_anchor);
        search.path.push(step);
        let found = if is_anchor { search.finish(step) } else { search.climb(step) };
        match found {
            Ok(()) if faults.is_empty() => search.accepted(),
            // What is wrong with the end entity itself goes before whatever is wrong above it.
            Ok(()) => Verdict::Invalid(Box::new(Rejection::new(alone(faults)))),
            Err(mut attempt) => {
                attempt.faults.splice(0..0, faults);
                attempt.sort();
                Verdict::Invalid(Box::new(Rejection::new(attempt)))
            }
        }
    }

    fn accepted(&self) -> Verdict<'a> {
        let mut warnings = Vec::new();
        if self.verifier.warns {
            if self.verifier.settings.policy == Policy::Kubernetes {
                warnings.extend(rfc5280::warnings(&self.path, self.verifier, self.budget));
            }
            warnings.extend(rfc5280::early_dates(&self.path));
            warnings.extend(programs::warnings(&self.path, self.verifier));
            warnings.sort_by_key(|warning: &Warning| warning.index);
        }
        Verdict::Valid(VerifiedChain::new(self.path.iter().map(Step::link).collect(), warnings))
    }

    fn leaf_faults(&self, leaf: &Candidate<'a>, is_anchor: bool) -> Vec<Fault> {
        let mut faults = leaf.faults.clone();
        match self.verifier.settings.policy {
            Policy::Kubernetes => faults.extend(kubernetes::leaf_faults(leaf.view(), self.verifier)),
            Policy::Rfc5280 => {
                faults.retain(|fault| !is_anchor || rfc5280::counts_in_anchors(fault.reason));
                let settings = self.verifier.settings;
                faults.extend(rfc5280::leaf_faults(leaf.certificate(), is_anchor, settings, self.budget));
            }
        }
        faults
    }

    /// Looks for the issuers of the last certificate of the path.
    fn climb(&mut self, step: Step<'s, 'a>) -> Branch<'a> {
        let (anchors, intermediates) = self.verifier.issuers_of(step.certificate());
        let mut attempt =
            Attempt { link: step.link(), faults: Vec::new(), next: Vec::new(), is_whole: false };
        if anchors.is_empty() && intermediates.is_empty() {
            attempt.faults.push(self.no_issuer(step.certificate()));
            return Err(attempt);
        }
        let anchors = anchors.into_iter().map(|candidate| Step { candidate, role: Role::TrustAnchor });
        let intermediates =
            intermediates.into_iter().map(|candidate| Step { candidate, role: Role::Intermediate });
        for issuer in anchors.chain(intermediates) {
            match self.try_issuer(issuer) {
                Ok(()) => return Ok(()),
                Err(failed) => attempt.next.push(failed),
            }
            if self.exhausted {
                break;
            }
        }
        // Nothing but what is in the path already: a root that was sent along, or CAs that signed each other.
        let is_loop = |next: &Attempt<'a>| {
            !next.faults.is_empty() && next.faults.iter().all(|fault| fault.reason == Reason::Loop)
        };
        if attempt.next.iter().all(is_loop) {
            attempt.faults.push(self.no_issuer(step.certificate()));
        }
        Err(attempt)
    }

    fn try_issuer(&mut self, issuer: Step<'s, 'a>) -> Branch<'a> {
        let failed = |faults| Err(Attempt { link: issuer.link(), faults, next: Vec::new(), is_whole: false });
        if let Err(exceeded) = self.budget.issuer() {
            self.exhausted = true;
            return failed(vec![exceeded]);
        }
        let faults = match self.verifier.settings.policy {
            Policy::Kubernetes => {
                kubernetes::issuer_faults(issuer, &self.path, self.verifier.settings, self.budget)
            }
            Policy::Rfc5280 => {
                rfc5280::issuer_faults(issuer, &self.path, self.verifier.settings, self.budget)
            }
        };
        if !faults.is_empty() {
            self.exhausted |= faults.iter().any(|fault| fault.reason == Reason::Budget);
            return failed(faults);
        }
        self.path.push(issuer);
        let result = if issuer.role == Role::TrustAnchor { self.finish(issuer) } else { self.climb(issuer) };
        if result.is_err() {
            self.path.pop();
        }
        result
    }

    /// The path has reached an anchor: what can be judged only as a whole.
    fn finish(&mut self, last: Step<'s, 'a>) -> Branch<'a> {
        let faults = match self.verifier.settings.policy {
            Policy::Kubernetes => kubernetes::path_faults(&self.path, self.verifier.settings, self.budget),
            Policy::Rfc5280 => rfc5280::path_faults(&self.path, self.verifier, self.budget),
        };
        if faults.is_empty() {
            return Ok(());
        }
        self.exhausted |= faults.iter().any(|fault| fault.reason == Reason::Budget);
        Err(Attempt { link: last.link(), faults, next: Vec::new(), is_whole: true })
    }

    /// Nothing has the issuer's name; the facts that come nearest to it.
    fn no_issuer(&self, certificate: &Certificate) -> Fault {
        /// Among so many certificates one is looked for that comes near.
        const MOST: usize = 1000;
        let issuer = &certificate.tbs.issuer;
        let all = || self.verifier.all().take(MOST);
        let named_alike = all().find(|candidate| {
            let subject = &candidate.certificate().tbs.subject;
            subject.der() != issuer.der() && subject.attributes() == issuer.attributes()
        });
        let is_there = || all().any(|candidate| candidate.certificate().tbs.subject.der() == issuer.der());
        let unseen =
            self.verifier.unseen.iter().find(|unseen| unseen.subject.as_deref() == Some(issuer.der()));
        let is_leaf = self.path.first().is_some_and(|first| first.certificate().der() == certificate.der());
        let is_given =
            || self.verifier.anchors.iter().any(|anchor| anchor.certificate().der() == certificate.der());
        let detail = if let Some(unseen) = unseen {
            format!(
                "its issuer {issuer} stands in {}, where programs written in Go do not see it: {}",
                unseen.source, unseen.why
            )
        } else if is_leaf && self.verifier.settings.policy == Policy::Rfc5280 && is_given() {
            format!(
                "{} is among the trust anchors, and is none: it is no CA's and does not sign itself; its issuer {issuer} is not there",
                certificate.tbs.subject
            )
        } else if issuer.der() == certificate.tbs.subject.der() {
            format!("{issuer} is self-signed, and is not among the trust anchors")
        } else if let Some(alike) = named_alike {
            format!(
                "the issuer {issuer} is there ({}), but its name is encoded otherwise, and Go compares the bytes",
                alike.located.source
            )
        } else if is_there() {
            format!(
                "its issuer {issuer} is below it in the path: these CAs sign each other, and none is a trust anchor"
            )
        } else {
            let (anchors, between) =
                (self.verifier.anchors.len(), self.verifier.own.len() + self.verifier.intermediates.len());
            format!(
                "its issuer {issuer} is not among the certificates given ({anchors} trust anchor{}, {between} intermediate{})",
                if anchors == 1 { "" } else { "s" },
                if between == 1 { "" } else { "s" },
            )
        };
        let mut subjects: Vec<String> =
            all().take(8).map(|candidate| candidate.certificate().tbs.subject.to_string()).collect();
        subjects.dedup();
        if subjects.is_empty() {
            subjects.push("no certificate at all".to_owned());
        }
        Fault::new(Reason::NoIssuer, detail).facts(issuer, subjects.join("; "))
    }
}

/// Whether the issuer's key signed the last certificate of the path, in words that tell a CA that was made anew from a
/// forgery.
pub(super) fn signature_fault(path: &[Step<'_, '_>], issuer: &Certificate, budget: &Budget) -> Option<Fault> {
    let (index, certificate) = (path.len().checked_sub(1)?, path.last()?.certificate());
    if let Err(exceeded) = budget.signature(&issuer.tbs.public_key) {
        return Some(exceeded);
    }
    let fault = certificate.verify_signature(&issuer.tbs.public_key).err()?;
    let subject = &issuer.tbs.subject;
    Some(match fault {
        SignatureFault::Mismatch | SignatureFault::KeyKind { .. } => {
            let wanted = authority_key_identifier(certificate);
            let own = subject_key_identifier(issuer);
            match (wanted, own) {
                (Some(wanted), Some(own)) if wanted != own => Fault::new(
                    Reason::Signature,
                    format!(
                        "the issuer {subject} is present, but with another key: the certificate was signed by an earlier or \
                         another CA of the same name"
                    ),
                )
                .facts(format!("the key {}", hex(wanted)), format!("the key {}", hex(own))),
                _ => Fault::new(
                    Reason::Signature,
                    match fault {
                        SignatureFault::Mismatch => format!(
                            "the issuer {subject} is present, but the signature does not verify with its key: the certificate \
                             was signed by another CA of the same name, or was altered"
                        ),
                        other => format!("the issuer {subject} is present, but with another key: {other}"),
                    },
                ),
            }
        }
        SignatureFault::Key(_) => Fault::new(Reason::Key, fault.to_string()),
        // These are told by the certificate alone, whoever is its issuer.
        SignatureFault::AlgorithmsDiffer => {
            Fault::new(Reason::AlgorithmsDiffer, fault.to_string()).about(index)
        }
        other => Fault::new(Reason::SignatureAlgorithm, other.to_string()).about(index),
    })
}
