//! kpki and other verifiers, asked the same questions.

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
use twists::{On, TWISTS};

fn plain(on: On) -> &'static str {
    match on {
        On::Root => "cn=Root",
        On::Inter => "cn=Inter",
        On::Leaf => "cn=a.example.com sans=dns:a.example.com,ip:192.0.2.1,email:a@example.com",
    }
}

fn question(twists: &[(On, &str)], purpose: For) -> Question {
    let words = |on: On| {
        twists
            .iter()
            .filter(|(other, _)| *other == on)
            .fold(plain(on).to_owned(), |words, (_, more)| forge::over(&words, more))
    };
    let root = forge::ca(&words(On::Root));
    let inter = root.ca(&words(On::Inter));
    let leaf = inter.leaf(&words(On::Leaf));
    Question {
        leaf: leaf.der().to_vec(),
        roots: vec![root.der().to_vec()],
        between: vec![inter.der().to_vec()],
        lists: vec![],
        purpose,
        name: (purpose == For::Server).then(|| "dns:a.example.com".to_owned()),
        at: forge::NOW,
    }
}

fn kpki(policy: Policy, question: &Question) -> Answer {
    let source = |block| Source { file: "test".into(), block, line: None };
    let located = |ders: &[Vec<u8>]| -> Result<Vec<Located>, String> {
        ders.iter()
            .enumerate()
            .map(|(block, der)| {
                let certificate = Certificate::from_der(der).map_err(|error| error.to_string())?;
                Ok(Located { certificate, source: source(block) })
            })
            .collect()
    };
    let lists = question
        .lists
        .iter()
        .enumerate()
        .map(|(block, der)| {
            Ok(LocatedList {
                list: RevocationList::from_der(der).map_err(|error| error.to_string())?,
                source: source(block),
            })
        })
        .collect::<Result<Vec<_>, String>>()?;
    let (leaf, roots, between) = (
        located(std::slice::from_ref(&question.leaf))?,
        located(&question.roots)?,
        located(&question.between)?,
    );
    let names = question.name.iter().map(|name| name.parse::<SubjectAltName>().expect("a name")).collect();
    let purpose = match question.purpose {
        For::Server => Purpose::Server,
        For::Client => Purpose::Client,
    };
    let settings = Settings { policy, purpose, names, at: question.at };
    let verdict = Verifier::new(&settings, &roots, &between, &lists).verify(&leaf[0]);
    verdict.into_result().map(drop).map_err(|rejection| rejection.to_string())
}

#[test]
fn matrix() {
    let mut oracles = Oracles::new();
    for purpose in [For::Server, For::Client] {
        for twist in std::iter::once(&(On::Leaf, "")).chain(TWISTS) {
            let q = question(&[*twist], purpose);
            let strict = kpki(Policy::Rfc5280, &q);
            let go = kpki(Policy::Kubernetes, &q);
            let [a, b, c, d] = [Oracle::OpenSsl, Oracle::OpenSslStrict, Oracle::Python, Oracle::Webpki]
                .map(|o| oracles.ask(o, &q));
            let mark = |x: &Answer| if x.is_ok() { '+' } else { '-' };
            println!(
                "{purpose:?} {:?} {}\t{}{}{}{} {}{}\t{:?}\t{:?}\t{:?}\t{:?}\t{:?}\t{:?}",
                twist.0,
                twist.1,
                mark(&strict),
                mark(&a),
                mark(&b),
                mark(&c),
                mark(&go),
                mark(&d),
                strict,
                a,
                b,
                c,
                go,
                d
            );
        }
    }
}
#[test]
fn dbg_one() {
    let q = question(&[(On::Root, "serial=zero")], For::Server);
    std::fs::write("/tmp/dl.der", &q.leaf).unwrap();
    std::fs::write("/tmp/di.der", &q.between[0]).unwrap();
    std::fs::write("/tmp/dr.der", &q.roots[0]).unwrap();
}
