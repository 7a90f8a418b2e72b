//! The verdicts of both policies as tables: who signed what, what is asked, and what must come of it.
//!
//! ```text
//! # The rule, and where it is written.
//! R | I<R pathlen=0 | J<I | L<J sans=dns:a.example
//!     server dns:a.example -> path-length@I 'admits 0'
//!     at=2030-01-01T00:00:00Z -> expired@L
//! ```
//!
//! A line at the margin is a scene: certificates between ` | `, and a line that begins with ` | ` goes on with the scene.
//! The first letter of a name says what is done with the certificate: `R…` is a trust anchor, `L` the end entity, `C…` a
//! revocation list, `H…` is known to nobody, and every other is an intermediate.
//!
//! | statement | what is forged |
//! |---|---|
//! | `R words` | a CA that signs itself (an `L` that does) |
//! | `I<R words` | a CA by `R`; `L<R` a leaf, `C<R` a list |
//! | `I<R=J words` | the name and the key of `J`, certified by `R` |
//! | `I~J words` | `J` once more, with other words; `I^J words` the same with another key |
//! | `L=I` | the very certificate `I` |
//!
//! The words are those of `crate::forge`; the common name is that of the statement unless some say otherwise. `$I` is the
//! serial number of `I`.
//!
//! An indented line asks: a purpose, names, `at=` an instant; after the arrow what the policy `kubernetes` must say, and
//! after ` // ` what `rfc5280` must, where that is something else.
//!
//! | answer | what must come of it |
//! |---|---|
//! | `ok` | valid, without a warning; `ok!serial-number,criticality@R` valid with just these |
//! | `expired@I` | not valid: the reason, and the certificate that it concerns; `no-issuer+loop` something else was found on the way |
//! | `'words'` | in the message, or in what was expected and found |
//! | `path=L,I,R` `until=I` | the path, and the certificate through which it ends |
//! | `unreadable` | the end entity is no certificate |

mod answer;
mod attacks;
mod budgets;
mod constraints;
mod encoding;
mod names;
mod paths;
mod policies;
mod programs;
mod purposes;
mod reasons;
mod revocation;
mod signatures;
mod validity;

use std::collections::BTreeMap;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use self::answer::Answer;
use super::{Located, LocatedList, Policy, Purpose, Settings, Source, Verdict, Verifier};
use crate::forge::{self, Crl, Forged};
use crate::x509::{Certificate, RevocationList, SubjectAltName};

/// Holds a table's rows against the code; all that fail are told at once.
#[track_caller]
fn check(table: &str) {
    let mut failed = Vec::new();
    let mut asked = 0;
    for (scene, questions) in scenes(table) {
        let stage = Stage::set(&scene);
        for (why, question) in questions {
            let (settings, answers) = read_question(question);
            asked += 1;
            for (policy, answer) in [(Policy::Kubernetes, answers[0]), (Policy::Rfc5280, answers[1])] {
                let settings = Settings { policy, ..settings.clone() };
                let verdict = stage.verify(&settings);
                if let Err(problem) = Answer::parse(answer).holds(verdict.as_ref()) {
                    failed.push(format!("# {why}\n{scene}\n    {question}\n{policy}: {problem}"));
                }
            }
        }
    }
    assert!(asked > 0, "the table asks nothing");
    assert!(failed.is_empty(), "{} of {asked} rows:\n\n{}", failed.len(), failed.join("\n\n"));
}

/// The scenes of a table, each with its questions and the rule above them.
fn scenes(table: &str) -> Vec<(String, Vec<(&str, &str)>)> {
    let mut out: Vec<(String, Vec<(&str, &str)>)> = Vec::new();
    let mut why = "";
    for line in table.lines().filter(|line| !line.trim().is_empty()) {
        if let Some(comment) = line.strip_prefix("# ") {
            why = comment;
        } else if line.starts_with(" | ") {
            out.last_mut().expect("a scene goes on").0.push_str(line);
        } else if line.starts_with("    ") {
            out.last_mut().expect("a question has a scene").1.push((why, line.trim()));
        } else {
            out.push((line.to_owned(), Vec::new()));
        }
    }
    assert!(out.iter().all(|(_, questions)| !questions.is_empty()), "a scene without a question");
    out
}

/// What is asked, and the answers of both policies.
#[track_caller]
fn read_question(line: &str) -> (Settings, [&str; 2]) {
    let (words, answers) = line.split_once("->").unwrap_or_else(|| panic!("`{line}` has no answer"));
    let mut settings =
        Settings { policy: Policy::Kubernetes, purpose: Purpose::Any, names: Vec::new(), at: forge::NOW };
    for word in words.split_whitespace() {
        let name = |text: &str| match text.split_once(':') {
            Some(("dns", name)) => SubjectAltName::Dns(name.into()),
            Some(("ip", name)) => SubjectAltName::Ip(name.parse().expect("an address")),
            Some(("email", name)) => SubjectAltName::Email(name.into()),
            Some(("uri", name)) => SubjectAltName::Uri(name.into()),
            _ => panic!("`{text}` in `{line}` is not known"),
        };
        match word {
            "server" => settings.purpose = Purpose::Server,
            "client" => settings.purpose = Purpose::Client,
            _ => match word.strip_prefix("at=") {
                Some(at) => settings.at = OffsetDateTime::parse(at, &Rfc3339).expect("an instant"),
                None => settings.names.push(name(word)),
            },
        }
    }
    let (go, strict) = answers.split_once(" // ").unwrap_or((answers, answers));
    (settings, [go.trim(), strict.trim()])
}

/// The certificates of a scene, read.
struct Stage {
    anchors: Vec<Located>,
    intermediates: Vec<Located>,
    lists: Vec<LocatedList>,
    /// None where it cannot be read.
    leaf: Option<Located>,
}

impl Stage {
    #[track_caller]
    fn set(scene: &str) -> Self {
        let mut out = Self { anchors: Vec::new(), intermediates: Vec::new(), lists: Vec::new(), leaf: None };
        let mut forged: BTreeMap<&str, Forged> = BTreeMap::new();
        for statement in scene.split(" | ") {
            let (head, words) = statement.trim().split_once(' ').unwrap_or((statement.trim(), ""));
            let words = with_serials(words, &forged);
            let (name, rest) = head.split_at(head.find(['<', '~', '^', '=']).unwrap_or(head.len()));
            if name.starts_with('C') {
                let signer = forged.get(&rest[1..]).unwrap_or_else(|| panic!("who signs `{statement}`?"));
                out.lists.push(list(name, &signer.crl(&words)));
                continue;
            }
            let one = forge_one(name, rest, &words, &forged);
            let read = Certificate::from_der(one.der());
            forged.insert(name, one);
            // What cannot be read is not in a pool.
            let read = read.ok().map(|certificate| Located { certificate, source: source(name) });
            match name.as_bytes() {
                [b'R', ..] => out.anchors.extend(read),
                [b'L', ..] => out.leaf = read,
                [b'H', ..] => {}
                _ => out.intermediates.extend(read),
            }
        }
        out
    }

    fn verify<'a>(&'a self, settings: &'a Settings) -> Option<Verdict<'a>> {
        let verifier = Verifier::new(settings, &self.anchors, &self.intermediates, &self.lists);
        self.leaf.as_ref().map(|leaf| verifier.verify(leaf))
    }
}

fn source(name: &str) -> Source {
    Source { file: name.to_owned(), ..Source::default() }
}

fn list(name: &str, list: &Crl) -> LocatedList {
    let list = RevocationList::from_der(list.der()).expect("a list that can be read");
    LocatedList { list, source: source(name) }
}

fn located(name: &str, forged: &Forged) -> Located {
    let certificate = Certificate::from_der(forged.der()).expect("a certificate that can be read");
    Located { certificate, source: source(name) }
}

/// `$I` is the serial number of `I`.
#[track_caller]
fn with_serials(words: &str, forged: &BTreeMap<&str, Forged>) -> String {
    let mut parts = words.split('$');
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (name, rest) = part.split_at(part.find([',', ';', ' ']).unwrap_or(part.len()));
        let one = forged.get(name).unwrap_or_else(|| panic!("there is no {name} yet in `{words}`"));
        out += &one.serial_hex();
        out += rest;
    }
    out
}

/// A certificate by the sign behind its name: `<`, `<…=`, `~`, `^`, `=` or none.
#[track_caller]
fn forge_one(name: &str, rest: &str, words: &str, forged: &BTreeMap<&str, Forged>) -> Forged {
    let other = |name: &str| forged.get(name).unwrap_or_else(|| panic!("there is no {name} yet"));
    let says_subject = words.split(' ').any(|word| {
        ["cn=", "o=", "subject=", "subject-raw="].iter().any(|subject| word.starts_with(subject))
    });
    let named = if says_subject { words.to_owned() } else { format!("cn={name} {words}") };
    let is_leaf = name.starts_with('L');
    match (rest.chars().next(), rest.get(1..).unwrap_or_default()) {
        (None, _) if is_leaf => forge::self_signed_leaf(&named),
        (None, _) => forge::ca(&named),
        (Some('<'), signer) => match signer.split_once('=') {
            Some((signer, twin)) => other(signer).cross(other(twin), words),
            None if is_leaf => other(signer).leaf(&named),
            None => other(signer).ca(&named),
        },
        (Some('~'), twin) => other(twin).reissue(words),
        (Some('^'), twin) => other(twin).rekey(words),
        (_, same) => other(same).clone(),
    }
}
