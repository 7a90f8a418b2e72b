//! The policy `kubernetes` beside Go's own `crypto/x509`: the same chains, hosts, constraints and instants, and the same
//! verdict of both. Where kpki is known to refuse what Go accepts, `KNOWN` says so and why; it never accepts what Go
//! refuses.

#![cfg(test)]
#![expect(clippy::disallowed_methods, reason = "tests write the files that they need")]

#[expect(dead_code, reason = "each test uses its part of what they share")]
mod forge;
mod oddities;
#[expect(dead_code, reason = "each test uses its part of what they share")]
mod support;

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt;

use forge::{Forged, NOW, bundle};
use kpki::chain::{Located, Policy, Purpose, Settings, Verdict, Verifier, certificates};
use kpki::pem::decode_as_go;
use kpki::x509::SubjectAltName;
use oddities::written_out;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use support::go::{Go, GoBlock, Question};
use time::Duration;

/// kpki's verdict on what Go is asked.
fn kpki(question: &Question) -> Result<(), String> {
    // As in Go's pools, what cannot be read is left out.
    let pool = |pem: &str| -> Vec<Located> {
        certificates("pool", pem.as_bytes()).into_iter().flatten().filter_map(Result::ok).collect()
    };
    let (anchors, intermediates) = (pool(&question.roots), pool(&question.intermediates));
    let settings = Settings {
        policy: Policy::Kubernetes,
        purpose: question.purpose,
        names: question.name.iter().cloned().collect(),
        at: question.at,
    };
    let leaf = certificates("leaf", question.leaf.as_bytes()).map_err(|error| error.to_string())?;
    let leaf = leaf.into_iter().next().ok_or("no certificate")?.map_err(|error| error.to_string())?;
    let (sent, broken): (Vec<_>, Vec<_>) =
        certificates("sent", question.sent.as_bytes()).into_iter().flatten().partition(Result::is_ok);
    let sent: Vec<Located> = sent.into_iter().flatten().collect();
    let broken: Vec<_> = broken.into_iter().filter_map(Result::err).collect();
    match Verifier::new(&settings, &anchors, &intermediates, &[]).with(&sent, &broken).verify(&leaf) {
        Verdict::Valid(_) => Ok(()),
        Verdict::Invalid(rejection) => Err(rejection.to_string()),
    }
}

/// How two verdicts differ.
enum Difference {
    /// kpki accepts what Go refuses.
    FalseAccept(String),
    /// kpki refuses what Go accepts.
    FalseReject(String),
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FalseAccept(why) => write!(f, "kpki accepts, and Go says: {why}"),
            Self::FalseReject(why) => write!(f, "Go accepts, and kpki says: {why}"),
        }
    }
}

/// Asks both, and keeps count.
struct Comparison {
    go: Go,
    accepted: usize,
    refused: usize,
    wrong: Vec<String>,
}

impl Comparison {
    fn start() -> Self {
        Self { go: Go::start(), accepted: 0, refused: 0, wrong: Vec::new() }
    }

    fn difference(&mut self, question: &Question) -> Option<Difference> {
        let said = self.go.verify(question);
        *(if said.is_ok() { &mut self.accepted } else { &mut self.refused }) += 1;
        match (kpki(question), said) {
            (Ok(()), Err(why)) => Some(Difference::FalseAccept(why)),
            (Err(why), Ok(_)) => Some(Difference::FalseReject(why)),
            _ => None,
        }
    }

    fn ask(&mut self, what: impl fmt::Display, question: &Question) {
        if let Some(difference) = self.difference(question) {
            self.wrong.push(format!("{what}: {difference}"));
        }
    }

    /// No difference was found, among questions of which each answer was given often enough to prove something.
    #[track_caller]
    fn end(self) {
        let Self { accepted, refused, wrong, .. } = self;
        let all = accepted + refused;
        assert!(wrong.is_empty(), "{} of {all} differ:\n{}", wrong.len(), wrong.join("\n"));
        assert!(accepted.min(refused) * 10 > all, "of {all} Go accepts {accepted} and refuses {refused}");
    }
}

fn dns(host: &str) -> SubjectAltName {
    SubjectAltName::Dns(host.into())
}

fn ip(address: &str) -> SubjectAltName {
    SubjectAltName::Ip(address.parse().expect("an address"))
}

/// A text as the forge's words take it.
fn escaped(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:/@".contains(&byte);
    let escape = |byte: u8| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02x}") };
    text.bytes().map(escape).collect()
}

/// Where the odd certificate stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Leaf,
    Intermediate,
    Root,
    /// An intermediate, and behind it one of the same name and key without the oddity.
    Beside,
    /// A leaf that is a trust anchor itself.
    Alone,
}
use Place::{Alone, Beside, Intermediate, Leaf, Root};

/// What kpki is known to refuse, with these oddities in these places, though Go accepts it.
struct Known {
    why: &'static str,
    places: &'static [Place],
    oddities: &'static [&'static str],
}

/// Wherever one certificate is enough for a refusal.
const ANYWHERE: &[Place] = &[Leaf, Intermediate, Root, Alone];
/// Where nothing is signed with the key and extensions are not needed.
const LEAVES: &[Place] = &[Leaf, Alone];

const KNOWN: &[Known] = &[
    Known {
        why: "P-224 is refused by name: no component of a cluster makes such keys, and nothing here verifies with them",
        places: LEAVES,
        oddities: &["spki={p224}"],
    },
    Known {
        why: "bytes that nobody reads are refused: unsigned ones would give a certificate another fingerprint",
        places: ANYWHERE,
        oddities: &[
            "inner-trailing=0500",
            "inner-trailing=ff",
            "tbs-trailing=0500",
            "tbs-trailing=ffff",
            "tbs-trailing=a4020500",
            "subject-raw=<30:<31:<30:{cn}<0c:61>0500>>>",
        ],
    },
    Known {
        why: "bytes that nobody reads are refused, behind keys and extensions as well",
        places: LEAVES,
        oddities: &[
            "spki=<30:{ec}<03:0004{x}{y}>0500>",
            "spki=<30:<30:{ec-oid}<06:2a8648ce3d030107>0500><03:0004{x}{y}>>",
            "extensions=none tbs-trailing=<a3:<30:<30:<06:2a0304><04:>0500>>>",
            "extensions=none tbs-trailing=<a3:<30:<30:<06:2a0304><04:>{true}>>>",
            "extensions=none tbs-trailing=<a3:<30:<30:<06:2a0304><04:>>>0500>",
            "extensions=none tbs-trailing=<a3:<30:>><a3:<30:>>",
            "extensions=none tbs-trailing=<a4:<30:<30:<06:2a0304><04:>>>>",
        ],
    },
    Known {
        why: "between the key and the extensions x509-parser reads unique identifiers alone, and none that is empty",
        places: LEAVES,
        oddities: &["spki={p256}<81:>", "spki={p256}<82:0001><81:0001>", "spki={p256}<84:61>"],
    },
    Known {
        why: "a relative name without an attribute is none (X.501 section 9.3)",
        places: ANYWHERE,
        oddities: &["subject-raw=<30:<31:>>"],
    },
    Known {
        why: "x509-parser reads no offset from UTC, which RFC 5280 section 4.1.2.5 forbids",
        places: ANYWHERE,
        oddities: &[
            "from=utc:2501010000-0530",
            "from=generalized:20250101000000+0100",
            "from=generalized:20250101000000-0100",
        ],
    },
];

/// A leaf, what stands between, and a root, as PEM.
struct Chain {
    leaf: String,
    intermediates: String,
    roots: String,
}

const LEAF: &str = "sans=dns:a.example.com,ip:192.0.2.1";

/// The chain with something odd in one place, that one signed by a key of this kind.
fn chain(place: Place, odd: &str, signer: &str) -> Chain {
    let odd = written_out(odd);
    let at =
        |here: Place, words: &str| if place == here { forge::over(words, &odd) } else { words.to_owned() };
    if place == Alone {
        let leaf = forge::self_signed_leaf(&at(Alone, LEAF)).pem();
        return Chain { roots: leaf.clone(), leaf, intermediates: String::new() };
    }
    let root = forge::ca(&at(Root, &format!("cn=Root key={signer}")));
    let between = match place {
        Beside => root.ca("cn=Forged"),
        _ => root.ca(&at(Intermediate, &format!("cn=Forged key={signer}"))),
    };
    let leaf = between.leaf(&at(Leaf, LEAF));
    let mut intermediates = between.pem();
    if place == Beside {
        intermediates.insert_str(0, &between.reissue(&odd).pem());
    }
    Chain { leaf: leaf.pem(), intermediates, roots: root.pem() }
}

/// What is asked of each chain.
fn questions(chain: &Chain) -> [Question; 3] {
    let ask = |(purpose, name)| Question {
        leaf: chain.leaf.clone(),
        roots: chain.roots.clone(),
        intermediates: chain.intermediates.clone(),
        purpose,
        name,
        at: NOW,
        sent: String::new(),
    };
    [
        (Purpose::Any, None),
        (Purpose::Server, Some(dns("a.example.com"))),
        (Purpose::Client, Some(ip("192.0.2.1"))),
    ]
    .map(ask)
}

#[test]
fn go_is_asked_and_answers() {
    let mut go = Go::start();
    for place in [Leaf, Alone] {
        for question in questions(&chain(place, "", "p256")) {
            let version = go.verify(&question).expect("nothing is odd");
            let minor =
                version.strip_prefix("go1.").and_then(|rest| rest.split('.').next()?.parse::<u32>().ok());
            assert!(minor >= Some(26), "{version}");
            assert_eq!(kpki(&question), Ok(()));
        }
    }
    let mut question = questions(&chain(Leaf, "", "p256"))[0].clone();
    question.roots = forge::ca("cn=Root").pem();
    let said = go.verify(&question).expect_err("another root");
    assert!(said.starts_with("x509: certificate signed by unknown authority"), "{said}");
}

#[test]
fn one_oddity_in_one_place() {
    let mut comparison = Comparison::start();
    let mut unused: BTreeSet<(&str, Place)> = BTreeSet::new();
    for known in KNOWN {
        unused.extend(
            known.oddities.iter().flat_map(|odd| known.places.iter().map(move |place| (*odd, *place))),
        );
    }
    let known = unused.clone();
    for odd in oddities::all() {
        for place in [Leaf, Intermediate, Root, Beside, Alone] {
            for question in questions(&chain(place, odd, "p256")) {
                match comparison.difference(&question) {
                    Some(Difference::FalseReject(_)) if known.contains(&(odd, place)) => {
                        unused.remove(&(odd, place));
                    }
                    Some(difference) => {
                        comparison
                            .wrong
                            .push(format!("{odd} ({place:?}, {}): {difference}", question.purpose));
                    }
                    None => {}
                }
            }
        }
    }
    let agreed = unused.iter().map(|(odd, place)| {
        let known = KNOWN.iter().find(|known| known.oddities.contains(odd));
        format!(
            "{odd} ({place:?}): no difference any more; it was known that {}",
            known.map_or("", |known| known.why)
        )
    });
    comparison.wrong.extend(agreed);
    comparison.end();
}

#[test]
fn signatures_of_every_key() {
    let mut comparison = Comparison::start();
    for (key, words) in oddities::signatures() {
        for place in [Leaf, Intermediate, Root] {
            // A root signs itself, with the key that it has.
            let odd = if place == Root { format!("key={key} {words}") } else { words.to_owned() };
            for question in questions(&chain(place, &odd, key)) {
                comparison.ask(format_args!("{words} by {key} ({place:?}, {})", question.purpose), &question);
            }
        }
    }
    comparison.end();
}

/// The table of oddities holds each word of the forge.
#[test]
fn every_word_is_odd_once() {
    let mut words: Vec<&str> = oddities::all();
    words.extend(oddities::signatures().into_iter().map(|(_, words)| words));
    let used: BTreeSet<&str> =
        words.iter().flat_map(|words| words.split(' ')).filter_map(|word| word.split('=').next()).collect();
    let missing: Vec<&str> =
        forge::KNOWN.iter().map(|(word, _)| *word).filter(|word| !used.contains(word)).collect();
    assert!(missing.is_empty(), "words without an oddity: {missing:?}");
    let unknown: Vec<_> =
        KNOWN.iter().flat_map(|known| known.oddities).filter(|odd| !words.contains(odd)).collect();
    assert!(unknown.is_empty(), "known, and not in the table: {unknown:?}");
}

/// What a certificate holds, in the words of the forge.
const HELD: &[&str] = &[
    "dns:a.example.com",
    "dns:A.Example.COM",
    "dns:a.example.com.",
    "dns:*.example.com",
    "dns:*.EXAMPLE.com",
    "dns:*.example.com.",
    "dns:*.com",
    "dns:*.*.com",
    "dns:a.*.com",
    "dns:f*.example.com",
    "dns:*f.example.com",
    "dns:*",
    "dns:*.",
    "dns:",
    "dns:.",
    "dns:.example.com",
    "dns:a..example.com",
    "dns:_x.example.com",
    "dns:*._x.example.com",
    "dns:-a.example.com",
    "dns:a-.example.com",
    "dns:xn--bcher-kva.example.com",
    "dns:localhost",
    "dns:a%20b",
    "dns:a%00.example.com",
    "dns:a.example.com:443",
    "dns:192.0.2.1",
    "dns:*.0.2.1",
    "dns:%5b::1%5d",
    "dns:::1",
    "dns:kubernetes.default.svc,dns:kubernetes,ip:10.96.0.1",
    "ip:192.0.2.1",
    "ip:::ffff:192.0.2.1",
    "ip:::1",
    "ip:2001:db8::1",
    "ip:0.0.0.0",
    "uri:https://a.example.com/,email:a%40a.example.com",
    "none",
];

/// Hosts that are asked for.
const HOSTS: &[&str] = &[
    "a.example.com",
    "A.EXAMPLE.COM",
    "a.example.com.",
    "a.example.com..",
    ".a.example.com",
    "b.example.com",
    "a.b.example.com",
    "example.com",
    "com",
    "a.com",
    "a.b.com",
    "foo.example.com",
    "f*.example.com",
    "*.example.com",
    "*.com",
    "*",
    ".",
    "_x.example.com",
    "y._x.example.com",
    "-a.example.com",
    "a-.example.com",
    "xn--bcher-kva.example.com",
    "b\u{fc}cher.example.com",
    "localhost",
    "a b",
    "a\0.example.com",
    "a.example.com:443",
    " a.example.com",
    "[a.example.com]",
    "[]",
    "[",
    "192.0.2.1",
    "192.0.2.1.",
    "192.0.2.01",
    "192.0.2",
    "0xc0.0.2.1",
    "[192.0.2.1]",
    "[::1]",
    "::1",
    "0:0:0:0:0:0:0:1",
    "::ffff:192.0.2.1",
    "[::ffff:c000:201]",
    "2001:DB8::1",
    "2001:db8::1%eth0",
    "[2001:db8::1%25eth0]",
    "2001:db8:0:0:0:0:0:1:",
    "1:2:3:4:5:6:7::",
    "0.0.0.0",
    "kubernetes",
    "kubernetes.default.svc",
    "kubernetes.default.svc.",
    "10.96.0.1",
];

#[test]
fn hosts() {
    let mut comparison = Comparison::start();
    let addresses = ["192.0.2.1", "::ffff:192.0.2.1", "::1", "2001:db8::1", "::", "0.0.0.0", "10.96.0.1"];
    let names: Vec<SubjectAltName> =
        HOSTS.iter().copied().map(dns).chain(addresses.into_iter().map(ip)).collect();
    for held in HELD {
        // The common name never counts.
        let leaf = forge::self_signed_leaf(&format!("cn=a.example.com sans={held}")).pem();
        for name in &names {
            let question = Question {
                leaf: leaf.clone(),
                roots: leaf.clone(),
                intermediates: String::new(),
                purpose: Purpose::Server,
                name: Some(name.clone()),
                at: NOW,
                sent: String::new(),
            };
            comparison.ask(format_args!("{name} of {held}"), &question);
        }
    }
    let Comparison { accepted, wrong, .. } = comparison;
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
    assert!(accepted > 50, "Go accepts {accepted}");
}

/// Names and constraints of one kind.
struct Kind {
    word: &'static str,
    bases: &'static [&'static str],
    names: &'static [&'static str],
}

const KINDS: &[Kind] = &[
    Kind {
        word: "dns",
        bases: &[
            "",
            ".",
            "com",
            "example.com",
            "EXAMPLE.com",
            ".example.com",
            "..example.com",
            "example.com.",
            "a.example.com",
            "b.a.example.com",
            "xample.com",
            "*.example.com",
            "*",
            "_x.example.com",
            "a b",
            "192.0.2.1",
        ],
        names: &[
            "",
            ".",
            "com",
            "example.com",
            "Example.COM",
            "example.com.",
            ".example.com",
            "a.example.com",
            "b.a.example.com",
            "badexample.com",
            "a..example.com",
            "*.example.com",
            "*.EXAMPLE.com",
            "*.a.example.com",
            "*.com",
            "*",
            "f*.example.com",
            "*f.example.com",
            "_x.example.com",
            "a b.example.com",
            "192.0.2.1",
        ],
    },
    Kind {
        word: "email",
        bases: &[
            "",
            "@",
            "example.com",
            "EXAMPLE.com",
            ".example.com",
            "example.com.",
            "a@example.com",
            "A@example.com",
            "a@EXAMPLE.com",
            "\"a\"@example.com",
            "\"a b\"@example.com",
            "@example.com",
            "a@",
            "a@b@c",
        ],
        names: &[
            "",
            "@",
            "a@example.com",
            "A@example.com",
            "a@EXAMPLE.com",
            "a@sub.example.com",
            "a@badexample.com",
            "\"a\"@example.com",
            "\"a b\"@example.com",
            "\"\"@example.com",
            "\\a@example.com",
            "a b@example.com",
            ".a@example.com",
            "a.@example.com",
            "a..b@example.com",
            "a.b@example.com",
            "@example.com",
            "a@",
            "a@.example.com",
            "a@example.com.",
            "a@b@c",
            "a\\@b@c",
            "nobody",
        ],
    },
    Kind {
        word: "uri",
        bases: &[
            "",
            "example.com",
            "EXAMPLE.com",
            ".example.com",
            "a.example.com",
            "example.com.",
            "192.0.2.1",
            "::1",
            "[::1]",
            "a.example.com:443",
            "https://example.com",
        ],
        names: &[
            "",
            "https://example.com",
            "https://EXAMPLE.com/x",
            "https://a.example.com:8443/x?y#z",
            "https://a.example.com:/",
            "https://user@a.example.com/",
            "https://us:er@example.com@a.example.com/",
            "https://badexample.com/",
            "https://example.com#@a.example.org",
            "https://example.com?@a.example.org",
            "spiffe://example.com/ns/a",
            "SPIFFE://a.example.com",
            "//a.example.com/x",
            "https:///x",
            "/x",
            "x",
            "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6",
            "mailto:a@example.com",
            "https://192.0.2.1/",
            "https://192.0.2.1:443/",
            "https://[::1]/",
            "https://[::1]:443/",
            "https://[fe80::1%25eth0]/",
            "https://[fe80::1%25a.example.com]:443/",
            "ftp://a:1:2/",
            "ftp://a.example.com:1:2/",
            "https://*.example.com/",
            "https://a_b.example.com/",
            "https://a%25b.example.com/",
            "https://.example.com/",
        ],
    },
    Kind {
        word: "ip",
        bases: &[
            "0.0.0.0/0",
            "192.0.2.0/24",
            "192.0.2.9/24",
            "192.0.2.1/32",
            "192.0.2.128/25",
            "128.0.0.0/1",
            "192.0.2.0/255.0.255.0",
            "::/0",
            "2001:db8::/32",
            "2001:db8::9/32",
            "2001:db8::1/128",
            "::ffff:192.0.2.0/120",
            "::ffff:0.0.0.0/96",
            "::ffff:192.0.2.0/80",
        ],
        names: &[
            "0.0.0.0",
            "192.0.2.0",
            "192.0.2.1",
            "192.0.2.9",
            "192.0.2.200",
            "192.0.3.1",
            "255.255.255.255",
            "::",
            "::1",
            "2001:db8::1",
            "2001:db8:ffff::1",
            "2001:db9::1",
            "::ffff:192.0.2.1",
            "::ffff:10.0.0.1",
        ],
    },
    Kind { word: "dir", bases: &["o=Acme"], names: &["o=Acme/cn=a", "o=Other"] },
    Kind { word: "rid", bases: &["1.2.3"], names: &["1.2.3"] },
    Kind { word: "other", bases: &["1.2.3:x"], names: &["1.2.3:x"] },
];

/// A certificate of a CA with one key, whatever it is constrained to.
fn constrained(constraints: &str) -> Forged {
    forge::ca(&format!("cn=Constrained key=p256:constrained {constraints}"))
}

fn below(issuer: &Forged, leaf: &Forged) -> Question {
    Question {
        leaf: leaf.pem(),
        roots: issuer.pem(),
        intermediates: String::new(),
        purpose: Purpose::Any,
        name: None,
        at: NOW,
        sent: String::new(),
    }
}

fn words_of(kind: &Kind, value: &str) -> String {
    // Only texts are escaped.
    let text = ["dns", "email", "uri"].contains(&kind.word);
    format!("{}:{}", kind.word, if text { escaped(value) } else { value.to_owned() })
}

#[test]
fn name_constraints() {
    let mut comparison = Comparison::start();
    let anybody = constrained("");
    let leaf = |kind: &Kind, name: &str| {
        let words = words_of(kind, name);
        let leaf = anybody.leaf(&format!("sans={words}"));
        (words, leaf)
    };
    // Of other kinds, one name each.
    let some: Vec<(String, Forged)> =
        KINDS.iter().map(|kind| leaf(kind, kind.names[kind.names.len() / 4])).collect();
    for kind in KINDS {
        let own: Vec<(String, Forged)> = kind.names.iter().map(|name| leaf(kind, name)).collect();
        for base in kind.bases {
            let base = words_of(kind, base);
            for constraints in [
                format!("nc=permit:{base}"),
                format!("nc=exclude:{base}"),
                format!("nc=exclude:{base} nc-critical=no"),
            ] {
                let issuer = constrained(&constraints);
                for (words, leaf) in own.iter().chain(&some) {
                    comparison.ask(format_args!("{words} below {constraints}"), &below(&issuer, leaf));
                }
            }
        }
    }
    comparison.end();
}

/// Several subtrees, of one kind or of many, in one CA or in two above each other.
#[test]
fn several_name_constraints() {
    let mut comparison = Comparison::start();
    let sets = [
        "permit:dns:example.com,permit:dns:a.example.com",
        "permit:dns:example.com,exclude:dns:a.example.com",
        "permit:dns:a.example.com,permit:dns:b.example.com,exclude:dns:c.b.example.com",
        "exclude:dns:a.example.com,exclude:dns:example.org,exclude:dns:com.example",
        "exclude:dns:,permit:dns:example.com",
        "permit:dns:example.com,permit:ip:192.0.2.0/24",
        "permit:dns:example.com,exclude:ip:0.0.0.0/0,exclude:ip:::/0",
        "permit:email:example.com,exclude:email:a@example.com",
        "permit:uri:example.com,permit:uri:.example.org,exclude:uri:a.example.com",
        "permit:dns:example.com,permit:dir:o=Acme",
        "none",
    ];
    let leaves = [
        "dns:a.example.com",
        "dns:b.example.com,dns:c.b.example.com",
        "dns:d.b.example.com,ip:192.0.2.7",
        "dns:example.com,ip:2001:db8::1",
        "dns:*.b.example.com",
        "dns:a.example.org",
        "ip:192.0.2.1",
        "ip:198.51.100.1",
        "email:b%40example.com",
        "email:a%40example.com,dns:example.com",
        "uri:https://b.example.com/,uri:https://x.example.org",
        "uri:https://a.example.com/",
        "uri:urn:x,dns:example.com",
        "dir:o=Other,dns:example.com",
        "rid:1.2.3",
        "none",
    ];
    let root_of = |set: &str| constrained(&format!("nc={set} nc-critical=no"));
    let inter_of = |set: &str| {
        constrained("")
            .ca(&format!("cn=Between key=p256:between nc={set} sans=dns:b.example.com nc-critical=no"))
    };
    let signer = inter_of("none");
    let leaves = leaves.map(|words| (words, signer.leaf(&format!("sans={words}"))));
    let roots = sets.map(|set| (set, root_of(set)));
    let inters = sets.map(|set| (set, inter_of(set)));
    for (above, root) in &roots {
        for (between, inter) in &inters {
            for (words, leaf) in &leaves {
                let question = Question { intermediates: inter.pem(), ..below(root, leaf) };
                comparison.ask(format_args!("{words} below {between} below {above}"), &question);
            }
        }
    }
    comparison.end();
}

/// A runner whose cases are the same in every run.
fn runner(cases: u32) -> TestRunner {
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha))
}

/// Lists of networks with bits set behind their masks, where Go's search for the nearest one tells.
#[test]
fn networks_with_host_bits() {
    let comparison = RefCell::new(Comparison::start());
    let anybody = constrained("");
    let octets = || (0_u8..4, 0_u8..4, 0_u8..=255).prop_map(|(b, c, d)| format!("10.{b}.{c}.{d}"));
    let network = (octets(), 6_u8..=32).prop_map(|(address, prefix)| format!("ip:{address}/{prefix}"));
    let list = |of: BoxedStrategy<String>| prop::collection::vec(of, 0..6);
    let network = network.boxed();
    let cases = (list(network.clone()), list(network), prop::collection::vec(octets(), 4));
    let checked = runner(250).run(&cases, |(permitted, excluded, addresses)| {
        let permitted = permitted.into_iter().map(|base| format!("permit:{base}"));
        let set: Vec<String> =
            permitted.chain(excluded.into_iter().map(|base| format!("exclude:{base}"))).collect();
        let set = if set.is_empty() { "none".to_owned() } else { set.join(",") };
        let issuer = constrained(&format!("nc={set}"));
        for address in addresses {
            let leaf = anybody.leaf(&format!("sans=ip:{address}"));
            let difference = comparison.borrow_mut().difference(&below(&issuer, &leaf));
            if let Some(difference) = difference {
                return Err(TestCaseError::fail(format!("{address} below {set}: {difference}")));
            }
        }
        Ok(())
    });
    assert_eq!(checked, Ok(()));
    comparison.into_inner().end();
}

/// The ends of a validity, to the nanosecond.
#[test]
fn instants() {
    let mut comparison = Comparison::start();
    let nanosecond = Duration::NANOSECOND;
    for words in ["until=+0s", "from=+0s", "from=+0s until=+0s", "from=+1s until=-1s", "until=+1s"] {
        for place in [Leaf, Intermediate, Root, Beside, Alone] {
            let chain = chain(place, words, "p256");
            for shift in [
                -Duration::SECOND,
                -nanosecond,
                Duration::ZERO,
                nanosecond,
                Duration::milliseconds(500),
                Duration::SECOND - nanosecond,
                Duration::SECOND,
                Duration::SECOND + nanosecond,
            ] {
                let question = Question { at: NOW + shift, ..questions(&chain)[0].clone() };
                comparison.ask(format_args!("{words} ({place:?}) at {shift}"), &question);
            }
        }
    }
    comparison.end();
}

/// One certificate of a random chain.
#[derive(Debug, Clone)]
struct Piece {
    key: &'static str,
    odd: Vec<&'static str>,
}

/// What stands beside a random chain. Numbers count its certificates from the root.
#[derive(Debug, Clone)]
enum Nearby {
    /// The same with another life, which is over.
    Expired(Index),
    /// The same name with another key.
    Rekeyed(Index),
    /// The same name and key by another root; is the first one still trusted?
    Crossed(Index, bool),
    /// A CA signs another of the chain.
    Loop(Index, Index),
    /// It is trusted.
    Trusted(Index),
    /// It was sent along.
    SentAlong(Index),
    /// It is missing.
    Missing(Index),
    /// Something that has nothing to do with it.
    Stranger,
}

/// A random chain and what is asked of it.
#[derive(Debug, Clone)]
struct Plan {
    /// From the root down to the leaf.
    pieces: Vec<Piece>,
    nearby: Vec<Nearby>,
    purpose: Purpose,
    name: Option<SubjectAltName>,
}

fn plans() -> impl Strategy<Value = Plan> {
    let known: Vec<&str> = KNOWN.iter().flat_map(|known| known.oddities).copied().collect();
    // What needs another word beside it is left out: `dup` its extension, `cn-as` a text that its string can hold.
    let usable = |odd: &&str| {
        !known.contains(odd) && !odd.contains("dup=") && !odd.contains("cn-as=") && !odd.contains("{p224}")
    };
    let pool: Vec<&'static str> = oddities::all().into_iter().filter(usable).collect();
    let odd = select(pool);
    let keys = select(vec!["p256", "p256", "p256", "p384", "p521", "ed25519", "rsa2048"]);
    let odd = prop_oneof![
        6 => Just(Vec::new()),
        3 => prop::collection::vec(odd.clone(), 1),
        1 => prop::collection::vec(odd, 2),
    ];
    let piece = (keys, odd).prop_map(|(key, odd)| Piece { key, odd });
    let at = any::<Index>;
    let nearby = prop_oneof![
        at().prop_map(Nearby::Expired),
        at().prop_map(Nearby::Rekeyed),
        (at(), any::<bool>()).prop_map(|(piece, trusted)| Nearby::Crossed(piece, trusted)),
        (at(), at()).prop_map(|(issuer, subject)| Nearby::Loop(issuer, subject)),
        at().prop_map(Nearby::Trusted),
        at().prop_map(Nearby::SentAlong),
        at().prop_map(Nearby::Missing),
        Just(Nearby::Stranger),
    ];
    let names = vec![None, Some(dns("a.example.com")), Some(ip("192.0.2.1")), Some(dns("b.example.com"))];
    (
        prop::collection::vec(piece, 2..=5),
        prop::collection::vec(nearby, 0..=3),
        select(vec![Purpose::Any, Purpose::Server, Purpose::Client]),
        select(names),
    )
        .prop_map(|(pieces, nearby, purpose, name)| Plan { pieces, nearby, purpose, name })
}

/// Makes what was planned.
fn forged(plan: &Plan) -> Question {
    let mut chain: Vec<Forged> = Vec::new();
    for (depth, piece) in plan.pieces.iter().enumerate() {
        let is_leaf = depth + 1 == plan.pieces.len();
        let base = if is_leaf {
            format!("{LEAF} key={}", piece.key)
        } else {
            format!("cn=CA{depth} key={}", piece.key)
        };
        let words = piece.odd.iter().fold(base, |words, odd| forge::over(&words, &written_out(odd)));
        chain.push(match chain.last() {
            None => forge::ca(&words),
            Some(issuer) if is_leaf => issuer.leaf(&words),
            Some(issuer) => issuer.ca(&words),
        });
    }
    let leaf = chain.last().expect("a leaf").clone();
    let mut roots = vec![chain[0].clone()];
    let mut between: Vec<Forged> = chain[1..chain.len() - 1].to_vec();
    for nearby in &plan.nearby {
        match nearby {
            Nearby::Expired(at) => between.insert(0, at.get(&chain).reissue("until=-1d")),
            Nearby::Rekeyed(at) => between.insert(0, at.get(&chain).rekey("key=p256")),
            Nearby::Crossed(at, trusted) => {
                let other = forge::ca("cn=Other");
                between.insert(0, other.cross(at.get(&chain), ""));
                if !trusted {
                    roots.clear();
                }
                roots.insert(0, other);
            }
            Nearby::Loop(issuer, subject) => {
                between.insert(0, issuer.get(&chain).cross(subject.get(&chain), ""));
            }
            Nearby::Trusted(at) => roots.push(at.get(&chain).clone()),
            Nearby::SentAlong(at) => between.push(at.get(&chain).clone()),
            Nearby::Missing(at) => {
                let missing = at.get(&chain).der();
                roots.retain(|root| root.der() != missing);
                between.retain(|other| other.der() != missing);
            }
            Nearby::Stranger => {
                let stranger = forge::ca("cn=Stranger");
                between.push(stranger.ca("cn='Stranger below'"));
                roots.push(stranger);
            }
        }
    }
    Question {
        leaf: leaf.pem(),
        roots: bundle(&roots),
        intermediates: bundle(&between),
        purpose: plan.purpose,
        name: plan.name.clone(),
        at: NOW,
        sent: String::new(),
    }
}

#[test]
fn random_chains() {
    let comparison = RefCell::new(Comparison::start());
    let checked = runner(600).run(&plans(), |plan| {
        let difference = comparison.borrow_mut().difference(&forged(&plan));
        difference.map_or(Ok(()), |difference| Err(TestCaseError::fail(difference.to_string())))
    });
    if let Err(failure) = checked {
        panic!("{failure}");
    }
    comparison.into_inner().end();
}

/// What is sent along with a leaf: TLS reads all of it, and as much as it has room for.
#[test]
fn what_is_sent_along() {
    let mut comparison = Comparison::start();
    let root = forge::ca("cn=Root");
    let (sub, leaf) = (root.ca("cn=Sub"), root.leaf(LEAF));
    // The largest message that is read, and one byte more.
    let padded = |bytes: usize| root.ca(&format!("cn=Large ext=1.2.3.4:plain:{}", "00".repeat(bytes)));
    let largest = (256 << 10) - 4 - 10 - leaf.der().len();
    let frame = padded(200_000).der().len() - 200_000;
    for (what, sent) in [
        ("nothing", String::new()),
        ("a CA", sub.pem()),
        ("a stranger", forge::ca("cn=Stranger").pem()),
        ("an expired one", sub.reissue("until=-1d").pem()),
        ("one with a negative serial number", root.ca("cn=Odd serial=negative").pem()),
        ("one with an extension twice", root.ca("cn=Odd dup=2.5.29.19").pem()),
        ("the largest", padded(largest - frame).pem()),
        ("one byte too many", padded(largest - frame + 1).pem()),
    ] {
        for purpose in [Purpose::Any, Purpose::Server, Purpose::Client] {
            let question = Question { purpose, sent: sent.clone(), ..below(&root, &leaf) };
            comparison.ask(format_args!("{what} ({purpose})"), &question);
        }
    }
    comparison.end();
}

/// Texts of lines that mean something to one reader or the other.
#[test]
fn texts_of_blocks() {
    let go = RefCell::new(Go::start());
    let good = forge::ca("cn=Root").pem();
    let blocks = |text: &[u8]| -> Vec<GoBlock> {
        let ours = decode_as_go(text).into_iter();
        ours.map(|block| GoBlock {
            label: block.label,
            has_headers: block.has_headers,
            bytes: block.der.to_vec(),
        })
        .collect()
    };
    let check = |text: &[u8]| {
        let (ours, theirs) = (blocks(text), go.borrow_mut().blocks(text));
        let shown = String::from_utf8_lossy(text);
        if ours == theirs { Ok(theirs.len()) } else { Err(format!("{shown:?}: {ours:?}, and Go {theirs:?}")) }
    };
    let indented = good.replace('\n', "\n  ");
    let mut found = BTreeSet::new();
    for text in [
        good.clone(),
        format!("\u{feff}{good}"),
        format!("\u{feff}\n{good}"),
        format!("  {indented}"),
        format!("{}{good}", good.trim_end()),
        format!("{good}{}{good}", good.replace("-----END CERTIFICATE-----\n", "")),
        good.replacen("MI", "M!", 1),
        good.replace("CERTIFICATE", "TRUSTED CERTIFICATE"),
        good.replacen("-----\n", "-----\n\n", 1),
        good.replacen("-----\n", "-----\na: b\n\n", 1),
        good.replace('\n', "\r\n"),
        good.replace('\n', "\r"),
        good.replace('\n', " \n"),
        good.replace("-----END", " -----END"),
        good.trim_end().to_owned(),
        format!("-----END CERTIFICATE-----\n{good}"),
        format!("\n-----END {good}"),
        "-----BEGIN A-----\n-----END A-----".to_owned(),
        "-----BEGIN A:B-----\n-----END A:B-----\n-----BEGIN C-----\n-----END C-----\n".to_owned(),
    ] {
        found.insert(check(text.as_bytes()).unwrap_or_else(|differs| panic!("{differs}")));
    }
    assert!(found.len() > 2, "{found:?}");
    let lines = "(-----BEGIN A-----|-----BEGIN B-----|-----END A-----|-----END B-----|-----|-----BEGIN |-----END |[A-Za-z0-9+/]{0,9}|=|:|a: b|\r|\n|\n|\n|\t|\u{feff}| ){0,30}";
    let checked =
        runner(4000).run(&lines, |text| check(text.as_bytes()).map(drop).map_err(TestCaseError::fail));
    assert_eq!(checked, Ok(()));
}
