//! The answers of the tables, and whether a verdict is one.

use std::collections::BTreeSet;

use super::super::{Attempt, Fault, Link, Reason, Rejection, Verdict, VerifiedChain, Warning};

/// A reason, and the certificate that it concerns where the table says so.
struct Wanted<'t> {
    code: &'t str,
    about: Option<&'t str>,
}

impl<'t> Wanted<'t> {
    #[track_caller]
    fn parse(text: &'t str) -> Self {
        let (code, about) = text.split_once('@').map_or((text, None), |(code, about)| (code, Some(about)));
        assert!(Reason::ALL.iter().any(|reason| reason.code() == code), "`{code}` is no reason");
        Self { code, about }
    }
}

/// What a table says must come of a question.
pub(super) struct Answer<'t> {
    /// Whether it is a certificate at all.
    readable: bool,
    valid: bool,
    /// The warnings, or the reason and what was found beside it.
    reasons: Vec<Wanted<'t>>,
    words: Vec<&'t str>,
    path: Option<&'t str>,
    until: Option<&'t str>,
}

impl<'t> Answer<'t> {
    #[track_caller]
    pub(super) fn parse(text: &'t str) -> Self {
        let (plain, words): (Vec<_>, Vec<_>) =
            text.split('\'').enumerate().partition(|(index, _)| index.is_multiple_of(2));
        let words = words.into_iter().map(|(_, words)| words).collect();
        let mut tokens = plain.iter().flat_map(|(_, part)| part.split_whitespace());
        let verdict = tokens.next().unwrap_or_else(|| panic!("`{text}` is no answer"));
        let (mut path, mut until) = (None, None);
        for token in tokens {
            match token.split_once('=') {
                Some(("path", names)) => path = Some(names),
                Some(("until", name)) => until = Some(name),
                _ => panic!("`{token}` in `{text}` is not known"),
            }
        }
        let valid = verdict == "ok" || verdict.starts_with("ok!");
        let readable = verdict != "unreadable";
        let reasons = match verdict.strip_prefix("ok").map(|rest| rest.strip_prefix('!')) {
            Some(Some(warnings)) => warnings.split(',').map(Wanted::parse).collect(),
            None if readable => verdict.split('+').map(Wanted::parse).collect(),
            Some(None) | None => Vec::new(),
        };
        Self { readable, valid, reasons, words, path, until }
    }

    /// Every reason that it names.
    pub(super) fn codes(&self) -> impl Iterator<Item = &'t str> {
        self.reasons.iter().map(|wanted| wanted.code)
    }

    /// Whether this is the verdict, or what is otherwise; there is none of what is no certificate.
    pub(super) fn holds(&self, verdict: Option<&Verdict<'_>>) -> Result<(), String> {
        match verdict {
            None if !self.readable => Ok(()),
            None => Err("it cannot be read".into()),
            Some(_) if !self.readable => Err("it can be read".into()),
            Some(Verdict::Valid(chain)) if self.valid => self.is_chain(chain),
            Some(Verdict::Invalid(rejection)) if !self.valid => self.is_rejection(rejection),
            Some(Verdict::Valid(_)) => Err("valid".into()),
            Some(Verdict::Invalid(rejection)) => Err(format!("not valid: {rejection}")),
        }
    }

    fn is_chain(&self, chain: &VerifiedChain<'_>) -> Result<(), String> {
        let name = |index: usize| chain.path().get(index).map(name_of).unwrap_or_default();
        // What other programs make of it is said in the rows that ask for it.
        let others = Reason::OtherPrograms.code();
        let asked = self.reasons.iter().any(|wanted| wanted.code == others);
        let counts = |warning: &&Warning| asked || warning.fault.reason != Reason::OtherPrograms;
        let warnings: Vec<&Warning> = chain.warnings().iter().filter(counts).collect();
        let found: BTreeSet<(&str, &str)> =
            warnings.iter().map(|warning| (warning.fault.reason.code(), name(warning.index))).collect();
        let is = |wanted: &Wanted<'_>, (code, about): (&str, &str)| {
            wanted.code == code && wanted.about.is_none_or(|wanted| wanted == about)
        };
        let programs = |warning: &Warning| {
            let situation = warning.situation.unwrap_or_default();
            format!("{} {situation}({})", full_text(&warning.fault), warning.programs.join(","))
        };
        let texts: Vec<String> = warnings.iter().map(|warning| programs(warning)).collect();
        let missing = self.reasons.iter().any(|wanted| !found.iter().any(|found| is(wanted, *found)));
        if missing || found.iter().any(|found| !self.reasons.iter().any(|wanted| is(wanted, *found))) {
            return Err(format!("the warnings are {found:?}: {texts:?}"));
        }
        let path: Vec<&str> = chain.path().iter().map(name_of).collect();
        if self.path.is_some_and(|wanted| wanted != path.join(",")) {
            return Err(format!("the path is {path:?}"));
        }
        let until = chain.holds_until().map(|(_, index)| name(index));
        if self.until.is_some() && self.until != until {
            return Err(format!("it holds until {until:?}"));
        }
        self.are_in(&texts.join("\n"))
    }

    fn is_rejection(&self, rejection: &Rejection<'_>) -> Result<(), String> {
        let (fault, path) = rejection.reason();
        let all = all_faults(rejection.attempts());
        let found = || format!("{fault:?} of all {all:?}");
        let (first, others) = self.reasons.split_first().ok_or("a reason is wanted")?;
        if fault.reason.code() != first.code {
            return Err(found());
        }
        let concerned = fault.concerns.map_or_else(|| path.last(), |index| path.get(index)).map(name_of);
        if first.about.is_some() && first.about != concerned {
            return Err(format!("about {concerned:?}: {}", found()));
        }
        if self.path.is_some_and(|wanted| wanted != path.iter().map(name_of).collect::<Vec<_>>().join(",")) {
            return Err(format!(
                "by the path {:?}: {}",
                path.iter().map(name_of).collect::<Vec<_>>(),
                found()
            ));
        }
        let here = |wanted: &Wanted<'_>| {
            all.iter().any(|(about, code)| {
                *code == wanted.code && wanted.about.is_none_or(|wanted| wanted == *about)
            })
        };
        if let Some(missing) = others.iter().find(|wanted| !here(wanted)) {
            return Err(format!("no {} on the way: {}", missing.code, found()));
        }
        self.are_in(&full_text(fault))
    }

    fn are_in(&self, text: &str) -> Result<(), String> {
        match self.words.iter().find(|words| !text.contains(**words)) {
            Some(missing) => Err(format!("no `{missing}` in: {text}")),
            None => Ok(()),
        }
    }
}

fn name_of<'a>(link: &Link<'a>) -> &'a str {
    &link.located.source.file
}

/// A fault with its facts, as one text.
fn full_text(fault: &Fault) -> String {
    let facts = fault.expected.iter().chain(&fault.found);
    facts.fold(fault.detail.clone(), |text, fact| format!("{text} [{fact}]"))
}

/// Every fault of a tree, with the certificate at which it was found.
pub(super) fn all_faults<'a>(attempt: &Attempt<'a>) -> Vec<(&'a str, &'static str)> {
    let own = attempt.faults.iter().map(|fault| (name_of(&attempt.link), fault.reason.code()));
    own.chain(attempt.next.iter().flat_map(all_faults)).collect()
}
