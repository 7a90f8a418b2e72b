//! Graphs of which an honest search would never see the end. Each comes to a bound, and what was done is counted: not by
//! the clock, which tells of the machine.

use super::super::{Attempt, LocatedList, Reason, Rejection, VerifiedChain};
use super::{Located, Policy, Purpose, Settings, Verdict, Verifier, located};
use crate::forge::{self, Forged};

const BOTH: [Policy; 2] = [Policy::Kubernetes, Policy::Rfc5280];
/// Go's `maxChainSignatureChecks`.
const MOST_ISSUERS: usize = 100;

fn settings(policy: Policy) -> Settings {
    Settings { policy, purpose: Purpose::Any, names: Vec::new(), at: forge::NOW }
}

/// What certificates are verified with.
#[derive(Default)]
struct Given {
    anchors: Vec<Located>,
    intermediates: Vec<Located>,
    lists: Vec<LocatedList>,
}

impl Given {
    fn new(anchors: &[&Forged]) -> Self {
        Self { anchors: anchors.iter().map(|anchor| located("R", anchor)).collect(), ..Self::default() }
    }

    fn with<'f>(mut self, intermediates: impl IntoIterator<Item = &'f Forged>) -> Self {
        self.intermediates.extend(intermediates.into_iter().map(|one| located("I", one)));
        self
    }

    /// The rejection of a leaf, by either policy.
    #[track_caller]
    fn refuses<T>(&self, policy: Policy, leaf: &Forged, look: impl FnOnce(&Rejection<'_>) -> T) -> T {
        let (settings, leaf) = (settings(policy), located("L", leaf));
        let verifier = Verifier::new(&settings, &self.anchors, &self.intermediates, &self.lists);
        match verifier.verify(&leaf) {
            Verdict::Invalid(rejection) => look(&rejection),
            Verdict::Valid(_) => panic!("{policy}: valid"),
        }
    }

    /// That the search of a leaf's path ended at its bound, and not before and not after.
    #[track_caller]
    fn exhausts(&self, policy: Policy, leaf: &Forged) {
        self.refuses(policy, leaf, |rejection| {
            let (fault, _) = rejection.reason();
            assert_eq!(fault.reason, Reason::Budget, "{policy}: {rejection}");
            assert!(rejection.to_string().starts_with("budget exceeded: "), "{rejection}");
            // The leaf, the issuers that were tried, and the one that was not any more.
            assert_eq!(tried(rejection.attempts()), 1 + MOST_ISSUERS + 1, "{policy}");
        });
    }

    #[track_caller]
    fn accepts<T>(&self, policy: Policy, leaf: &Forged, look: impl FnOnce(&VerifiedChain<'_>) -> T) -> T {
        let (settings, leaf) = (settings(policy), located("L", leaf));
        let verifier = Verifier::new(&settings, &self.anchors, &self.intermediates, &self.lists);
        match verifier.verify(&leaf) {
            Verdict::Valid(chain) => look(&chain),
            Verdict::Invalid(rejection) => panic!("{policy}: {rejection}"),
        }
    }
}

/// How many certificates were tried, the end entity with them: each cost one signature at most.
fn tried(attempt: &Attempt<'_>) -> usize {
    1 + attempt.next.iter().map(tried).sum::<usize>()
}

/// So many values, joined by commas.
fn joined(count: usize, value: impl Fn(usize) -> String) -> String {
    (0..count).map(value).collect::<Vec<_>>().join(",")
}

#[test]
fn thirty_cas_of_one_name_that_all_certified_each_other() {
    let cas: Vec<Forged> = (0..30).map(|_| forge::ca("cn=Hydra")).collect();
    let other =
        |one: &Forged| cas.iter().filter(|other| other.spki_der() != one.spki_der()).cloned().collect();
    let heads = |one: &Forged| -> Vec<Forged> {
        let others: Vec<Forged> = other(one);
        others.iter().map(|other| one.cross(other, "")).collect()
    };
    let crossed: Vec<Forged> = cas.iter().flat_map(heads).collect();
    assert_eq!(crossed.len(), 870);
    let leaf = cas[0].leaf("cn=a");
    for policy in BOTH {
        Given::new(&[]).with(&crossed).exhausts(policy, &leaf);
        Given::new(&[&forge::ca("cn=Hydra")]).with(&crossed).exhausts(policy, &leaf);
        // Trust anchors are tried first.
        Given::new(&[&cas[0]]).with(&crossed).accepts(policy, &leaf, |chain| {
            assert_eq!(chain.path().len(), 2);
        });
    }
}

#[test]
fn two_hundred_of_one_name() {
    let root = forge::ca("cn=Root");
    let same: Vec<Forged> = (0..200).map(|_| root.ca("cn=Sub")).collect();
    let stranger = forge::ca("cn=Sub").leaf("cn=a");
    // The last of them, told by its key identifier, and by nothing.
    let (told, untold) = (same[199].leaf("cn=a"), same[199].leaf("cn=a aki=issuer-serial"));
    let given = Given::new(&[&root]).with(&same);
    for policy in BOTH {
        given.exhausts(policy, &stranger);
        given.exhausts(policy, &untold);
        given.accepts(policy, &told, |chain| assert_eq!(chain.path().len(), 3));
    }
    // The hundredth candidate is the root.
    let few = Given::new(&[&root]).with(&same[101..]);
    few.accepts(Policy::Kubernetes, &untold, |chain| assert_eq!(chain.path().len(), 3));
    Given::new(&[&root]).with(&same[100..]).exhausts(Policy::Kubernetes, &untold);
}

/// The strict policy bounds the length of a path, Go's only how many issuers are tried.
#[test]
fn long_chains() {
    let root = forge::ca("cn=Root");
    let mut cas = vec![root.clone()];
    for index in 0..100 {
        cas.push(cas[index].ca(&format!("cn=I{index}")));
    }
    let given = |length: usize| Given::new(&[&root]).with(&cas[1..=length]);
    let leaf = |length: usize| cas[length].leaf("cn=a");
    given(99).accepts(Policy::Kubernetes, &leaf(99), |chain| assert_eq!(chain.path().len(), 101));
    given(100).exhausts(Policy::Kubernetes, &leaf(100));
    given(15).accepts(Policy::Rfc5280, &leaf(15), |chain| assert_eq!(chain.path().len(), 17));
    given(16).refuses(Policy::Rfc5280, &leaf(16), |rejection| {
        assert_eq!(rejection.to_string(), "budget exceeded: the path is longer than 16 certificates");
        assert_eq!(tried(rejection.attempts()), 18);
    });
}

/// One search does not spend what another may.
#[test]
fn each_end_entity_has_its_own() {
    let root = forge::ca("cn=Root");
    let same: Vec<Forged> = (0..150).map(|_| root.ca("cn=Sub")).collect();
    let (bad, good) = (located("L", &forge::ca("cn=Sub").leaf("cn=a")), located("L", &same[0].leaf("cn=b")));
    let (anchors, between) =
        ([located("R", &root)], same.iter().map(|one| located("I", one)).collect::<Vec<_>>());
    for policy in BOTH {
        let settings = settings(policy);
        let verifier = Verifier::new(&settings, &anchors, &between, &[]);
        for _ in 0..3 {
            assert!(!verifier.verify(&bad).is_valid() && verifier.verify(&good).is_valid(), "{policy}");
        }
    }
}

#[test]
fn ten_thousand_constraints_and_a_thousand_names() {
    let half = |kind: &str| joined(5000, |index| format!("{kind}:dns:{index:x}x"));
    let root = forge::ca(&format!("cn=Root nc={}", half("exclude")));
    let inter = root.ca(&format!("cn=Sub nc={}", half("exclude")));
    let names = |count: usize| format!("cn=a sans={}", joined(count, |index| format!("dns:a{index:x}.b")));
    let given = Given::new(&[&root]).with([&inter]);
    let told = |rejection: &Rejection<'_>| {
        assert_eq!(rejection.reason().0.reason, Reason::Budget, "{rejection}");
    };
    given.refuses(Policy::Rfc5280, &inter.leaf(&names(1000)), told);
    // Go sorts them and has no bound; kpki has one that is wider, and warns of the other.
    given.accepts(Policy::Kubernetes, &inter.leaf(&names(1000)), |chain| {
        let warnings: Vec<Reason> = chain.warnings().iter().map(|warning| warning.fault.reason).collect();
        assert_eq!(warnings, [Reason::Budget]);
    });
    given.refuses(Policy::Kubernetes, &inter.leaf(&names(4000)), told);
    // Up to the bound: 2^20 comparisons of the strict policy.
    given.accepts(Policy::Rfc5280, &inter.leaf(&names(100)), |_| ());
    // The bound is for all paths together: each of twenty trust anchors is within it.
    let anchors: Vec<Forged> = (0..20).map(|_| root.reissue("nc=exclude:dns:b")).collect();
    let anchors: Vec<&Forged> = anchors.iter().collect();
    Given::new(&anchors).with([&inter]).refuses(Policy::Rfc5280, &inter.leaf(&names(150)), told);
}
