//! kpki's two policies and other verifiers, asked the same questions about chains from the forge: the policy `rfc5280`
//! beside `openssl verify` and Python's `cryptography`, the policy `kubernetes` beside rustls-webpki.
//!
//! Where they are known to differ stands in `twists/differences.rs`, with the reason. Everything else must agree, and what
//! stands there must differ.

#![cfg(test)]
#![expect(clippy::disallowed_methods, reason = "tests write the files that they need")]

#[expect(dead_code, reason = "each test uses its part of what they share")]
mod forge;
mod oracles;
#[expect(dead_code, reason = "each test uses its part of what they share")]
mod support;
mod twists;

use kpki::chain::{Located, LocatedList, Policy, Purpose, Settings, Source, Verifier};
use kpki::x509::{Certificate, RevocationList, SubjectAltName};
use oracles::{Answer, For, Oracle, Oracles, Question};
use proptest::prelude::*;
use time::Duration;
use twists::differences::{self, Kpki};
use twists::{On, TWISTS, Twist, lists};

const NAME: &str = "a.example.com";

fn plain(on: On) -> String {
    match on {
        On::Root => "cn=Root".to_owned(),
        On::Inter => "cn=Inter".to_owned(),
        On::Leaf => format!("cn={NAME} sans=dns:{NAME},ip:192.0.2.1,email:a@example.com"),
    }
}

/// The words of a plain certificate with those of all twists on it.
fn words(on: On, twists: &[Twist]) -> String {
    let own = twists.iter().filter(|(other, _)| *other == on);
    own.fold(plain(on), |words, (_, more)| forge::over(&words, more))
}

/// The plain chain of three with these twists.
fn question(twists: &[Twist], purpose: For) -> Question {
    let root = forge::ca(&words(On::Root, twists));
    let inter = root.ca(&words(On::Inter, twists));
    let leaf = inter.leaf(&words(On::Leaf, twists));
    Question {
        leaf: leaf.der().to_vec(),
        roots: vec![root.der().to_vec()],
        between: vec![inter.der().to_vec()],
        lists: Vec::new(),
        purpose,
        name: name(purpose),
        at: forge::NOW,
    }
}

/// A server is asked for its name.
fn name(purpose: For) -> Option<String> {
    (purpose == For::Server).then(|| format!("dns:{NAME}"))
}

/// What kpki says. A certificate that cannot be read is refused.
fn kpki(policy: Policy, question: &Question) -> Answer {
    let source = |block| Source { file: "test".into(), block, ..Source::default() };
    let located = |ders: &[Vec<u8>]| -> Result<Vec<Located>, String> {
        let read = |(block, der): (usize, &Vec<u8>)| {
            let certificate = Certificate::from_der(der).map_err(|error| error.to_string())?;
            Ok(Located { certificate, source: source(block) })
        };
        ders.iter().enumerate().map(read).collect()
    };
    let list = |(block, der): (usize, &Vec<u8>)| {
        let list = RevocationList::from_der(der).map_err(|error| error.to_string())?;
        Ok(LocatedList { list, source: source(block) })
    };
    let lists = question.lists.iter().enumerate().map(list).collect::<Result<Vec<_>, String>>()?;
    let leaf = located(std::slice::from_ref(&question.leaf))?;
    let (roots, between) = (located(&question.roots)?, located(&question.between)?);
    let names = question.name.iter().map(|name| name.parse::<SubjectAltName>().expect("a name")).collect();
    let purpose = match question.purpose {
        For::Server => Purpose::Server,
        For::Client => Purpose::Client,
    };
    let settings = Settings { policy, purpose, names, at: question.at };
    let verdict = Verifier::new(&settings, &roots, &between, &lists).verify(&leaf[0]);
    verdict.into_result().map(drop).map_err(|rejection| rejection.to_string())
}

/// Which policy an oracle is held against.
fn policy(oracle: Oracle) -> Policy {
    if oracle == Oracle::Webpki { Policy::Kubernetes } else { Policy::Rfc5280 }
}

const ORACLES: [Oracle; 4] = [Oracle::OpenSsl, Oracle::OpenSslStrict, Oracle::Python, Oracle::Webpki];

/// `openssl verify` without `-x509_strict` lets pass most of what RFC 5280 forbids: it is asked only about what kpki
/// accepts.
fn is_asked(oracle: Oracle, kpki: &Answer) -> bool {
    oracle != Oracle::OpenSsl || kpki.is_ok()
}

/// The differences that are known of an oracle for these twists.
fn known<'a>(
    among: impl Iterator<Item = &'static differences::Difference> + 'a,
    oracle: Oracle,
    purpose: For,
    twists: &'a [Twist],
) -> impl Iterator<Item = &'static differences::Difference> + 'a {
    let oracle = if oracle == Oracle::OpenSsl { Oracle::OpenSslStrict } else { oracle };
    among.filter(move |difference| {
        difference.oracle == oracle
            && difference.purposes.contains(&purpose)
            && difference.twists.iter().any(|twist| twists.contains(twist))
    })
}

/// How kpki and an oracle differ; nothing where they agree.
fn difference(kpki: &Answer, oracle: &Answer) -> Option<Kpki> {
    match (kpki, oracle) {
        (Ok(()), Err(_)) => Some(Kpki::Accepts),
        (Err(_), Ok(())) => Some(Kpki::Refuses),
        _ => None,
    }
}

/// A disagreement that is not in the tables, or the absence of one that is, for people.
fn disagreement(what: &str, kpki: &Answer, oracle: Oracle, other: &Answer) -> String {
    let said = |answer: &Answer| match answer {
        Ok(()) => "accepts".to_owned(),
        Err(reason) => format!("refuses: {reason}"),
    };
    format!("{what}: not what the table says\n    kpki {}\n    {oracle:?} {}", said(kpki), said(other))
}

#[test]
fn one_twist_at_a_time_for_servers() {
    one_twist_at_a_time(For::Server);
}

#[test]
fn one_twist_at_a_time_for_clients() {
    one_twist_at_a_time(For::Client);
}

fn one_twist_at_a_time(purpose: For) {
    let mut oracles = Oracles::new();
    let mut wrong = Vec::new();
    let none: Twist = (On::Leaf, "");
    for twist in std::iter::once(&none).chain(TWISTS) {
        let question = question(&[*twist], purpose);
        for oracle in ORACLES {
            let own = kpki(policy(oracle), &question);
            if !is_asked(oracle, &own) {
                continue;
            }
            let other = oracles.ask(oracle, &question);
            let found = difference(&own, &other);
            let mut known = known(differences::alone(), oracle, purpose, std::slice::from_ref(twist));
            // Not all that the strict one refuses is refused without strictness.
            let hidden = oracle == Oracle::OpenSsl && found.is_none();
            if !hidden && found != known.next().map(|difference| difference.kpki) {
                wrong.push(disagreement(&format!("{purpose:?} {twist:?}"), &own, oracle, &other));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn the_tables_are_sound() {
    for difference in differences::all() {
        assert!(!difference.reason.is_empty() && !difference.twists.is_empty());
        for twist in difference.twists {
            assert!(TWISTS.contains(twist), "{twist:?} is no twist");
            for purpose in difference.purposes {
                let same =
                    known(differences::all(), difference.oracle, *purpose, std::slice::from_ref(twist));
                assert_eq!(same.count(), 1, "{twist:?} stands twice for {:?}", difference.oracle);
            }
        }
    }
    let twice = TWISTS.iter().find(|twist| TWISTS.iter().filter(|other| other == twist).count() > 1);
    assert_eq!(twice, None);
}

/// Certificates beside those of the chain: none of them makes a good chain bad or a bad one good.
#[derive(Clone, Copy, Debug)]
enum Decoy {
    /// A CA of the same name and with another key, by the same issuer.
    Namesake,
    /// The CA between, as it was before it was renewed: expired.
    Expired,
    /// A CA that has nothing to do with it.
    Stranger,
    /// The root, certified by a stranger who is not trusted.
    CrossCertificate,
    /// The root itself, sent along.
    Root,
}

const DECOYS: [Decoy; 5] =
    [Decoy::Namesake, Decoy::Expired, Decoy::Stranger, Decoy::CrossCertificate, Decoy::Root];

/// A chain of one to four certificates, some of them twisted, among others, in any order.
#[derive(Clone, Debug)]
struct Plan {
    twists: Vec<Twist>,
    upper: usize,
    decoys: Vec<Decoy>,
    decoys_first: bool,
    purpose: For,
    later: Duration,
}

fn plans() -> impl Strategy<Value = Plan> {
    let twists = prop::collection::vec(prop::sample::select(TWISTS), 0..4);
    let decoys = prop::sample::subsequence(DECOYS.to_vec(), 0..=DECOYS.len());
    let purpose = prop_oneof![Just(For::Server), Just(For::Client)];
    // Mostly the present; 100 days on the leaf has ended, 20 years on everything has.
    let later = prop_oneof![6 => Just(0_i64), 1 => Just(100), 1 => Just(20 * 365), 1 => Just(-2)];
    (twists, 0..3_usize, decoys, any::<bool>(), purpose, later).prop_map(
        |(twists, upper, decoys, decoys_first, purpose, later)| {
            let later = Duration::days(later);
            Plan { twists, upper, decoys, decoys_first, purpose, later }
        },
    )
}

impl Plan {
    fn question(&self) -> Question {
        let root = forge::ca(&words(On::Root, &self.twists));
        let uppers = (0..self.upper).scan(root.clone(), |above, number| {
            *above = above.ca(&format!("cn='Upper {number}'"));
            Some(above.clone())
        });
        let uppers: Vec<_> = uppers.collect();
        let inter = uppers.last().unwrap_or(&root).ca(&words(On::Inter, &self.twists));
        let leaf = inter.leaf(&words(On::Leaf, &self.twists));
        let stranger = forge::ca("cn=Stranger");
        let decoys = self.decoys.iter().map(|decoy| match decoy {
            Decoy::Namesake => inter.rekey(""),
            Decoy::Expired => inter.reissue("from=-3y until=-1y"),
            Decoy::Stranger => stranger.clone(),
            Decoy::CrossCertificate => stranger.cross(&root, ""),
            Decoy::Root => root.clone(),
        });
        let mut between: Vec<_> = uppers.iter().chain([&inter]).cloned().collect();
        if self.decoys_first {
            between = decoys.chain(between).collect();
        } else {
            between.extend(decoys);
        }
        Question {
            leaf: leaf.der().to_vec(),
            roots: vec![root.der().to_vec()],
            between: between.iter().map(|certificate| certificate.der().to_vec()).collect(),
            lists: Vec::new(),
            purpose: self.purpose,
            name: name(self.purpose),
            at: forge::NOW + self.later,
        }
    }
}

#[test]
fn many_twists_at_once() {
    /// Two `openssl`, one question to Python: about 20 ms a case.
    const CASES: u32 = 300;
    let oracles = std::cell::RefCell::new(Oracles::new());
    // The same cases in every run.
    let config = ProptestConfig {
        cases: CASES,
        rng_seed: proptest::test_runner::RngSeed::Fixed(4158),
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    proptest!(config, |(plan in plans())| {
        let question = plan.question();
        for oracle in ORACLES {
            let own = kpki(policy(oracle), &question);
            if !is_asked(oracle, &own) {
                continue;
            }
            let other = oracles.borrow_mut().ask(oracle, &question);
            let Some(found) = difference(&own, &other) else { continue };
            // A twist that makes both refuse can hide one on which they differ, and never the other way round.
            let mut known = known(differences::all(), oracle, plan.purpose, &plan.twists);
            prop_assert!(
                known.any(|difference| difference.kpki == found),
                "{}", disagreement("together", &own, oracle, &other)
            );
        }
    });
}
#[test]
fn one_twist_in_a_list() {
    let mut oracles = Oracles::new();
    let mut wrong = Vec::new();
    for twist in std::iter::once(&(On::Inter, "")).chain(lists::TWISTS) {
        let question = lists::question(*twist);
        let own = kpki(Policy::Rfc5280, &question);
        let other = oracles.ask(Oracle::OpenSslStrict, &question);
        let expected = lists::DIFFERENCES.iter().find(|difference| difference.twists.contains(twist));
        if difference(&own, &other) != expected.map(|difference| difference.kpki) {
            wrong.push(disagreement(&format!("{twist:?}"), &own, Oracle::OpenSslStrict, &other));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    for difference in lists::DIFFERENCES {
        assert!(difference.twists.iter().all(|twist| lists::TWISTS.contains(twist)), "{}", difference.reason);
    }
}
