//! Reasons: that each is given somewhere, which of several is said first, and what a program can tell from them.

use std::collections::BTreeSet;

use super::super::{Attempt, Reason, Rejection, Verdict};
use super::{
    Answer, Policy, Settings, Stage, check, constraints, encoding, names, paths, policies, programs, purposes,
};
use super::{read_question, revocation, scenes, signatures, validity};

/// Which of several reasons is the most useful.
pub(super) const ORDER: &str = "
# What is wrong with the certificate itself goes first, and of that what tells most.
R | L<R until=-1h sans=dns:a.example.com
    dns:b.example.com -> expired@L+name-mismatch@L
R | H cn=R | L<H sans=dns:a.example.com until=-1h
    -> expired@L+signature@R
R | HO | L<HO until=-1h
    -> expired@L+no-issuer@L
R | HO | L<HO sans=dns:a.example.com
    dns:b.example.com -> name-mismatch@L+no-issuer@L
R | L<R eku=client sans=dns:a.example.com
    server dns:b.example.com -> name-mismatch@L+purpose@R
# A missing identifier tells less than what is above.
R until=-1h | L<R aki=absent
    -> expired@R // expired@R+authority-key-identifier@L
R cn=A | H cn=A | L<H serial=zero
    -> signature@R // signature@R+serial-number@L
# Of several ways the one that reached a trust anchor, though another broke for a reason of more weight.
R1 cn=Root nc=exclude:dns:example.com | R2 cn=Root | L<R1 sans=dns:a.example.com
    -> name-constraints@L path=L,R1
R1 cn=Root nc=exclude:dns:example.com | R2 cn=Root until=-1h | L<R1 sans=dns:a.example.com
    -> name-constraints@L+signature@R2 // name-constraints@L+expired@R2
R | I<R eku=client cn=Sub | J<R cn=Sub until=-1h | L<I
    server -> purpose@I path=L,I,R
# Where none did, the weightier reason.
R1 cn=Root until=-1h | R2 cn=Root | R3 cn=Root | L<R1
    -> expired@R1+signature@R2+signature@R3 path=L,R1
R1 | I<R1 cn=Sub until=-1h | HO | J<HO cn=Sub | L<I
    -> expired@I
R | I<R cn=Sub ku=cRLSign | J<R cn=Sub ca=false ku=digitalSignature | L<I
    -> not-a-ca@J+key-cert-sign@I
# What it is about is the certificate of the path that is wrong, not the last that was tried.
R | I<R nc=permit:dns:example.org | J<I sans=dns:ca.example.com | L<J
    -> name-constraints@J path=L,J,I,R
R eku=client | I<R | L<I eku=server
    server -> purpose path=L,I,R // web-pki@R path=L,I,R
# Names that would move a cursor are written out.
R | L<R cn=a%1b%5b2Jb until=-1h sans=dns:a%0ab
    dns:x -> expired@L+name-mismatch@L
R | L<R cn=a%1b%5b2Jb sans=dns:a%0ab
    dns:x -> name-mismatch@L 'a\\u{1b}[2Jb' 'DNS:a\\u{a}b'
R cn=%e2%80%ae%e2%80%8b cn-as=utf8 | H cn=%e2%80%ae%e2%80%8b cn-as=utf8 | L<H
    -> signature@R '\\u{202e}\\u{200b}'
";

const TABLES: &[&str] = &[
    ORDER,
    constraints::ADDRESSES,
    constraints::DOMAINS,
    constraints::MAILBOXES,
    constraints::SCOPE,
    encoding::EXTENSIONS,
    encoding::FIELDS,
    encoding::IDENTIFIERS,
    names::HOSTS,
    names::OTHERS,
    names::SUBJECTS,
    paths::FOUND,
    paths::GRAPHS,
    paths::LENGTHS,
    policies::EXTENSIONS,
    policies::MAPPINGS,
    policies::POLICIES,
    programs::HANDSHAKES,
    programs::OTHERS,
    purposes::CAS,
    purposes::EXTENDED,
    purposes::KEY_USAGE,
    revocation::LISTS,
    revocation::SCOPE,
    revocation::STATUS,
    signatures::ALGORITHMS,
    validity::DATES,
    validity::INSTANTS,
];

#[test]
fn the_most_useful_first() {
    check(ORDER);
}

/// Every reason stands in an answer of a table, and each table is held against the code by a test of its own. Budgets have
/// their tests in `budgets`.
#[test]
fn each_is_given_somewhere() {
    let mut given: BTreeSet<&str> = BTreeSet::from([Reason::Budget.code()]);
    for (_, questions) in TABLES.iter().flat_map(|table| scenes(table)) {
        for answer in questions.iter().flat_map(|(_, question)| read_question(question).1) {
            given.extend(Answer::parse(answer).codes());
        }
    }
    let missing: Vec<_> = Reason::ALL.iter().filter(|reason| !given.contains(reason.code())).collect();
    assert!(missing.is_empty(), "no row gives {missing:?}");
    assert_eq!(given.len(), Reason::ALL.len());
}

#[test]
fn they_are_told_apart_and_have_their_sources() {
    let codes: BTreeSet<&str> = Reason::ALL.iter().map(|reason| reason.code()).collect();
    assert_eq!(codes.len(), Reason::ALL.len());
    for reason in Reason::ALL {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        assert!(reason.code().chars().all(plain), "{reason}");
        assert_eq!(reason.to_string(), reason.code());
        assert!(["RFC", "Go ", "CA/"].iter().any(|of| reason.source().starts_with(of)), "{reason}");
        assert!(reason.meaning().ends_with('.') && !reason.meaning().contains('\n'), "{reason}");
    }
}

fn rejection<'a>(stage: &'a Stage, settings: &'a Settings) -> Rejection<'a> {
    match stage.verify(settings) {
        Some(Verdict::Invalid(rejection)) => *rejection,
        other => panic!("{other:?}"),
    }
}

/// The tree that was tried, as `L(I(R!expired),…)`.
fn drawn(attempt: &Attempt<'_>) -> String {
    let mut out = attempt.link.located.source.file.clone();
    for fault in &attempt.faults {
        out.push('!');
        out += fault.reason.code();
    }
    if !attempt.next.is_empty() {
        let next: Vec<String> = attempt.next.iter().map(drawn).collect();
        out += &["(", &next.join(" "), ")"].concat();
    }
    out
}

#[test]
fn the_tree_holds_every_way_that_was_tried() {
    for (scene, tree) in [
        ("R | HO | L<HO", "L!no-issuer"),
        ("R | I<R | HO | J<HO | L<J", "L(J!no-issuer)"),
        ("R until=-1d | I<R | L<I", "L(I(R!expired))"),
        ("R1 until=-1d | R2 pathlen=0 | I<R1 | X<R2=I | J<I | L<J", "L(J(I(R1!expired) X(R2!path-length)))"),
        ("HA cn=A | HB cn=B | X<HB=HA | Y<HA=HB | L<HA", "L(X(Y!no-issuer(X!loop)))"),
        ("R cn=A nc=exclude:dns:a | S<R cn=A | L<R sans=dns:a", "L(R!name-constraints S!signature)"),
    ] {
        let (settings, _) = read_question("-> expired");
        let stage = Stage::set(scene);
        let rejection = rejection(&stage, &settings);
        assert_eq!(drawn(rejection.attempts()), tree, "{scene}");
        assert_eq!(rejection.to_string(), rejection.reason().0.detail, "{scene}");
    }
}

/// Kubernetes' policy says one reason for each certificate, as Go does; the strict one all that it finds.
#[test]
fn the_strict_policy_says_all_that_is_wrong() {
    let scene = "R | I<R serial=zero ski=absent bc-critical=no | L<I serial=long subject=empty aki=absent";
    let stage = Stage::set(scene);
    let (settings, _) = read_question("-> expired");
    let settings = Settings { policy: Policy::Rfc5280, ..settings };
    assert_eq!(
        drawn(rejection(&stage, &settings).attempts()),
        "L!serial-number!empty-subject!authority-key-identifier(I!serial-number!criticality!subject-key-identifier)"
    );
}
