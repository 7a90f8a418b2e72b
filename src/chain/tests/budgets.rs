//! Graphs of which an honest search would never see the end. Each comes to a bound, and what was done is counted: not by
//! the clock, which tells of the machine.

use super::super::budget::Budget;
use super::super::{Attempt, LocatedList, Reason, Rejection, VerifiedChain};
use super::{Located, Policy, Purpose, Settings, Verdict, Verifier, located};
use crate::forge::{self, Forged};
use crate::x509::der;

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

/// The price of a verification, in nanoseconds as they are counted, and whether it came to an end.
fn price(given: &Given, policy: Policy, leaf: &Forged) -> (u64, bool) {
    let (settings, leaf) = (settings(policy), located("L", leaf));
    let verifier = Verifier::new(&settings, &given.anchors, &given.intermediates, &given.lists);
    let budget = Budget::new();
    let verdict = verifier.verify_within(&leaf, &budget);
    let spent = match &verdict {
        Verdict::Invalid(rejection) => rejection.reason().0.reason == Reason::Budget,
        Verdict::Valid(chain) => {
            chain.warnings().iter().any(|warning| warning.fault.reason == Reason::Budget)
        }
    };
    (budget.spent(), !spent)
}

/// As many constraints as names, of each kind: twice as many cost about twice as much.
#[test]
fn names_and_constraints_are_looked_up() {
    for (kind, base, name) in [
        ("dns", "dns:{}x", "dns:a{}.b"),
        ("email", "email:{}x", "email:a@h{}.b"),
        ("uri", "uri:{}x", "uri:x://h{}.b/"),
        ("ip", "ip:10.{ip}/32", "ip:11.{ip}"),
        ("dir", "dir:o=Acme/ou=x/cn={}", "dir:o=Acme/ou=x/cn=a{}"),
    ] {
        let filled = |pattern: &str, index: usize| {
            let address = format!("{}.{}.{}", index >> 16 & 255, index >> 8 & 255, index & 255);
            pattern.replace("{}", &format!("{index:x}")).replace("{ip}", &address)
        };
        let prices = [1000, 2000].map(|count| {
            let constraints = joined(count, |index| format!("exclude:{}", filled(base, index)));
            let root = forge::ca(&format!("cn=Root nc={constraints}"));
            let sub = root.ca(&format!("cn=Sub nc={constraints}"));
            let names = joined(count, |index| filled(name, index));
            let leaf = sub.leaf(&format!("cn=a sans={names}"));
            let given = Given::new(&[&root]).with([&sub]);
            let (price, ended) = price(&given, Policy::Rfc5280, &leaf);
            assert!(ended, "{kind}: {count}");
            price
        });
        let signatures = 200_000;
        let [one, two] = prices.map(|price| price - signatures);
        assert!(two < one * 5 / 2, "{kind}: {one} and {two}");
        assert!(two < 10_000_000, "{kind}: {two}");
    }
}

/// Names that share all but their ends, of every length: what is hashed grows with the square, and is bounded.
#[test]
fn long_names_of_every_length() {
    let length = 200;
    let prefix = |count: usize| (0..count).map(|at| format!("ou={at:x}")).collect::<Vec<_>>().join("/");
    // Each ends where a relative name of the name ends, and in another value of the same length.
    let other = |at: usize| "z".repeat(format!("{at:x}").len());
    let bases = joined(length - 1, |at| format!("exclude:dir:{}/ou={}", prefix(at + 1), other(at + 1)));
    let root = forge::ca(&format!("cn=Root nc={bases}"));
    let leaf = |count: usize| {
        root.leaf(&format!("cn=a sans={}", joined(count, |at| format!("dir:{}/cn=y{at}", prefix(length)))))
    };
    let given = Given::new(&[&root]);
    let (few, ended) = price(&given, Policy::Rfc5280, &leaf(1));
    assert!(ended && few < 50_000_000, "{few}");
    let (_, ended) = price(&given, Policy::Rfc5280, &leaf(300));
    assert!(!ended);
    given.refuses(Policy::Rfc5280, &leaf(300), |rejection| {
        assert!(rejection.to_string().contains("more work than 50 ms"), "{rejection}");
    });
}

/// Keys that take long: three certificates of one path are within it, a hundred of one name are not.
#[test]
fn large_keys() {
    // RSA-16384 with 65537: the modulus is odd, and nobody's.
    let key = der::element(0x30, &[&der::element(2, &[&[0], &[0xff; 2048]]), &[2, 3, 1, 0, 1]]);
    let algorithm = [0x30, 13, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1, 5, 0];
    let spki = der::element(0x30, &[&algorithm, &der::bit_string(&key)]);
    let root = forge::ca(&format!("cn=Root spki={}", crate::x509::hex(&spki)));
    let same: Vec<Forged> = (0..100).map(|_| root.reissue("")).collect();
    let given = Given::new(&same.iter().collect::<Vec<_>>());
    let leaf = root.leaf("cn=a sig=other-key");
    for policy in BOTH {
        let (_, ended) = price(&given, policy, &leaf);
        assert!(!ended, "{policy}");
        given.refuses(policy, &leaf, |rejection| assert!(tried(rejection.attempts()) < 10, "{policy}"));
    }
}

/// Policies and mappings of every CA of a long path.
#[test]
fn policies_along_a_path() {
    let policies = joined(3000, |index| format!("1.2.{index}"));
    let mappings = joined(3000, |index| format!("1.2.{index}:1.2.{}", index + 1));
    let words = format!("policies={policies} mappings={mappings}");
    let mut cas = vec![forge::ca("cn=Root")];
    for index in 0..15 {
        let next = cas[index].ca(&format!("cn=I{index} {words}"));
        cas.push(next);
    }
    let given = |length: usize| Given::new(&[&cas[0]]).with(&cas[1..=length]);
    let leaf = |length: usize| cas[length].leaf(&format!("cn=a policies={policies}"));
    for policy in BOTH {
        assert!(price(&given(2), policy, &leaf(2)).1, "{policy}");
        assert!(!price(&given(15), policy, &leaf(15)).1, "{policy}");
    }
}
