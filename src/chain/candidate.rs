//! The certificates among which paths are looked for, each judged once for what does not depend on its place.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::budget::Budget;
use super::search::Search;
use super::{
    Fault, Located, LocatedList, Policy, Reason, Settings, Unreadable, Unseen, Verdict, kubernetes, names,
    rfc5280,
};
use crate::x509::{Certificate, Extensions, Name, PublicKey, SignatureFault};

/// Verdicts on signatures of lists, by the list and the key: a list is large, and has to do with many certificates.
type ListSignatures = Mutex<HashMap<(usize, Vec<u8>), Result<(), SignatureFault>>>;

/// A certificate with its extensions as a policy reads them.
#[derive(Clone, Copy)]
pub(super) struct View<'a> {
    pub(super) certificate: &'a Certificate,
    pub(super) extensions: &'a Extensions,
}

impl<'a> View<'a> {
    /// As it was read in the first place.
    pub(super) fn plain(certificate: &'a Certificate) -> Self {
        Self { certificate, extensions: &certificate.tbs.extensions }
    }

    pub(super) fn subject(self) -> &'a Name {
        &self.certificate.tbs.subject
    }
}

/// A certificate, what the policy reads in it, and what it has against it wherever it stands.
#[derive(Clone)]
pub(super) struct Candidate<'a> {
    pub(super) located: &'a Located,
    extensions: Cow<'a, Extensions>,
    pub(super) faults: Vec<Fault>,
}

impl<'a> Candidate<'a> {
    pub(super) fn new(located: &'a Located, policy: Policy) -> Self {
        /// More tell nothing more, and each of the issuers that are tried takes a copy along.
        const MOST: usize = 64;
        let certificate = &located.certificate;
        let (extensions, mut faults) = match policy {
            Policy::Kubernetes => {
                let (extensions, faults) = kubernetes::read_certificate(certificate);
                (Cow::Owned(extensions), faults)
            }
            Policy::Rfc5280 => {
                (Cow::Borrowed(&certificate.tbs.extensions), rfc5280::faults_anywhere(certificate))
            }
        };
        faults.truncate(MOST);
        Self { located, extensions, faults }
    }

    pub(super) fn certificate(&self) -> &'a Certificate {
        &self.located.certificate
    }

    pub(super) fn view(&self) -> View<'_> {
        View { certificate: self.certificate(), extensions: &self.extensions }
    }

    /// Why the policy's reader takes it for no certificate.
    pub(super) fn unread(&self) -> Option<&Fault> {
        self.faults.iter().find(|fault| fault.reason == Reason::Encoding)
    }
}

/// Candidates that can be found by their subject.
#[derive(Default)]
pub(super) struct Pool<'a> {
    candidates: Vec<Candidate<'a>>,
    /// By subject: positions among the candidates.
    subjects: HashMap<Vec<u8>, Vec<usize>>,
}

impl<'a> Pool<'a> {
    fn new(located: &'a [Located], policy: Policy) -> Self {
        let mut subjects: HashMap<Vec<u8>, Vec<usize>> = HashMap::new();
        for (index, one) in located.iter().enumerate() {
            subjects.entry(key(&one.certificate.tbs.subject, policy)).or_default().push(index);
        }
        Self { candidates: located.iter().map(|one| Candidate::new(one, policy)).collect(), subjects }
    }

    pub(super) fn iter(&self) -> std::slice::Iter<'_, Candidate<'a>> {
        self.candidates.iter()
    }

    pub(super) fn len(&self) -> usize {
        self.candidates.len()
    }

    /// Those with this subject.
    fn named(&self, subject: &[u8]) -> impl Iterator<Item = &Candidate<'a>> {
        let places = self.subjects.get(subject).into_iter().flatten();
        places.filter_map(|index| self.candidates.get(*index))
    }
}

/// Verifies end entities against the same trust anchors, intermediates and lists.
pub struct Verifier<'a> {
    pub(super) settings: &'a Settings,
    pub(super) anchors: Arc<Pool<'a>>,
    /// Intermediates that one end entity brought along, which are tried before the others.
    pub(super) own: Arc<Pool<'a>>,
    pub(super) intermediates: Arc<Pool<'a>>,
    pub(super) lists: Vec<&'a LocatedList>,
    list_signatures: Arc<ListSignatures>,
    list_problems: Arc<Mutex<HashMap<usize, Option<String>>>>,
    /// Certificates that were sent along with the end entity and cannot be read.
    pub(super) unreadable: &'a [Unreadable],
    /// Certificates that stand in the files and that programs written in Go do not see there.
    pub(super) unseen: &'a [Unseen],
    /// Whether what others make of a path that holds is told.
    pub(super) warns: bool,
}

impl<'a> Verifier<'a> {
    /// Gets ready: whatever does not depend on the end entity is judged here, once.
    pub fn new(
        settings: &'a Settings,
        anchors: &'a [Located],
        intermediates: &'a [Located],
        lists: &'a [LocatedList],
    ) -> Self {
        Self {
            settings,
            anchors: Arc::new(Pool::new(anchors, settings.policy)),
            own: Arc::default(),
            intermediates: Arc::new(Pool::new(intermediates, settings.policy)),
            lists: lists.iter().collect(),
            list_signatures: Arc::default(),
            list_problems: Arc::default(),
            unreadable: &[],
            unseen: &[],
            warns: true,
        }
    }

    /// The same without warnings, for who wants the verdict alone: they cost as much as all else but the signatures.
    #[must_use]
    pub fn quietly(self) -> Self {
        Self { warns: false, ..self }
    }

    /// The same with what stands in the files and is not seen there by programs written in Go, to be told where it would
    /// have helped.
    #[must_use]
    pub fn beside(self, unseen: &'a [Unseen]) -> Self {
        Self { unseen, ..self }
    }

    /// The same with intermediates that one end entity brought along, those that cannot be read among them: they are tried
    /// before the others, which are not judged anew.
    #[must_use]
    pub fn with(&self, own: &'a [Located], unreadable: &'a [Unreadable]) -> Self {
        Self {
            settings: self.settings,
            anchors: Arc::clone(&self.anchors),
            own: Arc::new(Pool::new(own, self.settings.policy)),
            intermediates: Arc::clone(&self.intermediates),
            lists: self.lists.clone(),
            list_signatures: Arc::clone(&self.list_signatures),
            list_problems: Arc::clone(&self.list_problems),
            unreadable,
            unseen: self.unseen,
            warns: self.warns,
        }
    }

    /// Every certificate that may be an issuer.
    pub(super) fn all(&self) -> impl Iterator<Item = &Candidate<'a>> {
        self.anchors.iter().chain(self.own.iter()).chain(self.intermediates.iter())
    }

    /// The same, asked something else and without one of the lists.
    pub(super) fn without<'b>(&self, list: &LocatedList, settings: &'b Settings) -> Verifier<'b>
    where
        'a: 'b,
    {
        let others = self.lists.iter().copied().filter(|other| !std::ptr::eq(*other, list));
        Verifier {
            settings,
            anchors: self.anchors.clone(),
            own: self.own.clone(),
            intermediates: self.intermediates.clone(),
            lists: others.collect(),
            list_signatures: Arc::clone(&self.list_signatures),
            list_problems: Arc::clone(&self.list_problems),
            unreadable: &[],
            unseen: self.unseen,
            warns: false,
        }
    }

    /// Whether a list is signed by this key.
    pub(super) fn list_signature(&self, list: &LocatedList, key: &PublicKey) -> Result<(), SignatureFault> {
        // Lists stay where they are as long as the verifier lives.
        let place = (std::ptr::from_ref(list) as usize, key.der().to_vec());
        // A thread that panicked has left whole entries behind.
        let known = || self.list_signatures.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(verdict) = known().get(&place) {
            return verdict.clone();
        }
        let verdict = list.list.verify_signature(key);
        known().insert(place, verdict.clone());
        verdict
    }

    /// What is wrong with a list whoever signed it and whenever: found once.
    pub(super) fn list_problem(
        &self,
        list: &LocatedList,
        judge: impl FnOnce() -> Option<String>,
    ) -> Option<String> {
        let place = std::ptr::from_ref(list) as usize;
        let known = || self.list_problems.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(problem) = known().get(&place) {
            return problem.clone();
        }
        let problem = judge();
        known().insert(place, problem.clone());
        problem
    }

    /// Looks for a path from this certificate to a trust anchor that holds.
    pub fn verify(&self, leaf: &'a Located) -> Verdict<'a> {
        self.verify_within(leaf, &Budget::new())
    }

    /// The same, with what is left of a budget.
    pub(super) fn verify_within(&self, leaf: &'a Located, budget: &Budget) -> Verdict<'a> {
        let leaf = Candidate::new(leaf, self.settings.policy);
        Search::run(self, &leaf, budget)
    }

    /// The anchors and the intermediates with this subject, those whose key identifier is the wanted one first, those
    /// with another one last.
    pub(super) fn issuers_of(&self, certificate: &Certificate) -> (Vec<&Candidate<'a>>, Vec<&Candidate<'a>>) {
        let key = key(&certificate.tbs.issuer, self.settings.policy);
        let wanted = authority_key_identifier(certificate);
        let fit = |candidate: &&Candidate<'a>| {
            let own = subject_key_identifier(candidate.certificate()).unwrap_or_default();
            match (own, wanted.unwrap_or_default()) {
                (own, wanted) if own == wanted => 0,
                ([], _) | (_, []) => 1,
                _ => 2,
            }
        };
        let mut anchors: Vec<_> = self.anchors.named(&key).collect();
        let mut intermediates: Vec<_> = self.own.named(&key).chain(self.intermediates.named(&key)).collect();
        anchors.sort_by_key(fit);
        intermediates.sort_by_key(fit);
        (anchors, intermediates)
    }
}

/// By what issuers are found: Go compares the bytes of a name, RFC 5280 section 7.1 what they mean.
fn key(name: &Name, policy: Policy) -> Vec<u8> {
    match policy {
        Policy::Kubernetes => name.der().to_vec(),
        Policy::Rfc5280 => names::normal_form(name),
    }
}

/// The key identifier of the issuer.
pub(super) fn authority_key_identifier(certificate: &Certificate) -> Option<&[u8]> {
    certificate.tbs.extensions.authority_key_identifier.as_ref()?.value.key_identifier.as_deref()
}

/// The certificate's own key identifier.
pub(super) fn subject_key_identifier(certificate: &Certificate) -> Option<&[u8]> {
    certificate.tbs.extensions.subject_key_identifier.as_ref().map(|id| id.value.as_slice())
}
