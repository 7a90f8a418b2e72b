//! What the person who asks wants to know, and how strict.

use std::fmt;
use std::str::FromStr;

use time::{Date, Duration, OffsetDateTime};

use super::report::{DeadWaiver, Finding, Report, Skipped, Waived};
use super::{RULES, Severity};
use crate::profile::KubernetesVersion;
use crate::x509::Printable;

/// From when on a certificate counts as expiring.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Expiring {
    /// So long before its end.
    Within(Duration),
    /// Once so many percent of its life are over.
    Past(f64),
}

impl FromStr for Expiring {
    type Err = String;

    /// Reads `30d`, `720h`, `66%`.
    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(percent) = text.strip_suffix('%') {
            let share: f64 = percent.trim().parse().map_err(|_| format!("`{percent}` is no number"))?;
            if !(0.0..=100.0).contains(&share) {
                return Err("a share of life lies between 0% and 100%".into());
            }
            return Ok(Self::Past(share));
        }
        let lifetime: crate::clock::Lifetime =
            text.parse().map_err(|error: crate::clock::LifetimeError| error.to_string())?;
        Ok(Self::Within(lifetime.duration()))
    }
}

impl fmt::Display for Expiring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Within(duration) => write!(f, "{}d", duration.whole_days()),
            Self::Past(share) => write!(f, "{share}%"),
        }
    }
}

/// A release of the CIS Kubernetes Benchmark. They contradict one another, on the mode of certificates for example; see
/// the rules that ask for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum CisBenchmark {
    /// 1.24, of 2022.
    V1_24,
    /// 1.7, of 2023.
    V1_7,
    /// 1.8, of 2023.
    V1_8,
    /// 1.9, of 2024.
    V1_9,
    /// 1.10, of 2024.
    V1_10,
    /// 1.11, of 2025.
    V1_11,
    /// 1.12, of 2025.
    V1_12,
}

impl CisBenchmark {
    /// All of them, the oldest first.
    pub const ALL: [Self; 7] =
        [Self::V1_24, Self::V1_7, Self::V1_8, Self::V1_9, Self::V1_10, Self::V1_11, Self::V1_12];

    /// Its number.
    pub fn name(self) -> &'static str {
        match self {
            Self::V1_24 => "1.24",
            Self::V1_7 => "1.7",
            Self::V1_8 => "1.8",
            Self::V1_9 => "1.9",
            Self::V1_10 => "1.10",
            Self::V1_11 => "1.11",
            Self::V1_12 => "1.12",
        }
    }

    /// The widest mode that it allows for a certificate of the PKI (its 1.1.20). The releases from 1.24 to 1.10 want 600,
    /// those from 1.11 on 644 again, which is what kubeadm writes.
    ///
    /// Source: `cfg/cis-*/master.yaml` of <https://github.com/aquasecurity/kube-bench>.
    pub fn certificate_mode(self) -> u32 {
        match self {
            Self::V1_24 | Self::V1_7 | Self::V1_8 | Self::V1_9 | Self::V1_10 => 0o600,
            Self::V1_11 | Self::V1_12 => 0o644,
        }
    }
}

impl FromStr for CisBenchmark {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|benchmark| benchmark.name() == text);
        known.ok_or_else(|| format!("`{text}` is none of {}", Self::ALL.map(Self::name).join(", ")))
    }
}

/// A finding that somebody has accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiver {
    /// The rule.
    pub rule: String,
    /// Where it is accepted: a pattern of paths in which `*` stands for anything but a slash and `**` for anything; none for everywhere.
    pub path: Option<String>,
    /// On which node, in the same pattern language; none for all.
    pub node: Option<String>,
    /// Why.
    pub reason: String,
    /// The last day on which it counts.
    pub expires: Date,
    /// Where it is written: the file and its line.
    pub place: (String, u64),
}

/// What the person who asks wants to know, and how strict.
#[derive(Debug, Clone)]
pub struct Policy {
    /// The instant that is judged: now, or a day to come.
    pub at: OffsetDateTime,
    /// From when on a certificate counts as expiring; none for the usual steps (see rule T003).
    pub expiring: Option<Expiring>,
    /// The benchmark that is followed where they contradict one another; none for what kubeadm itself writes.
    pub cis: Option<CisBenchmark>,
    /// The version of Kubernetes; none for what the manifests say.
    pub kubernetes_version: Option<KubernetesVersion>,
    /// Rules that alone are asked for, by id, name or the first letters of an id (`F`, `F00`); empty for all.
    pub select: Vec<String>,
    /// Rules that are left out, in the same way.
    pub ignore: Vec<String>,
    /// Severities other than the rules' own: every finding of the rule gets this one.
    pub severities: Vec<(String, Severity)>,
    /// What is accepted.
    pub waivers: Vec<Waiver>,
    /// Whether what has no certificate where one belongs is asked for ([`super::Report::blanks`]).
    pub blanks: bool,
}

impl Policy {
    /// What is asked when nothing is said.
    pub fn new(at: OffsetDateTime) -> Self {
        Self {
            at,
            expiring: None,
            cis: None,
            kubernetes_version: None,
            select: Vec::new(),
            ignore: Vec::new(),
            severities: Vec::new(),
            waivers: Vec::new(),
            blanks: false,
        }
    }

    /// Whether a rule is asked for.
    pub fn asks_for(&self, rule: &super::Rule) -> bool {
        let matches = |wanted: &String| names_rule(wanted, rule);
        (self.select.is_empty() || self.select.iter().any(matches)) && !self.ignore.iter().any(matches)
    }
}

/// Whether a word names a rule: by id, by name, or by the first letters of its id.
fn names_rule(word: &str, rule: &super::Rule) -> bool {
    rule.name == word || !word.is_empty() && rule.id.starts_with(&word.to_ascii_uppercase())
}

/// Whether a word names any rule at all.
pub fn names_a_rule(word: &str) -> bool {
    RULES.iter().any(|rule| names_rule(word, rule))
}

/// The rules that a word names, by id.
pub fn rules_named(word: &str) -> impl Iterator<Item = &'static super::Rule> {
    RULES.iter().copied().filter(move |rule| names_rule(word, rule))
}

/// That a word names a rule.
///
/// # Errors
/// What it may have meant; safe to show.
pub fn rule_word(word: &str) -> Result<(), String> {
    /// From how alike on, between 0 and 1, a name may have been meant.
    const ALIKE: f64 = 0.8;
    if names_a_rule(word) {
        return Ok(());
    }
    let mut near: Vec<(f64, &super::Rule)> = RULES
        .iter()
        .map(|rule| {
            let alike = [rule.id, rule.name].map(|own| strsim::jaro_winkler(own, word));
            (alike[0].max(alike[1]), *rule)
        })
        .filter(|(alike, _)| *alike >= ALIKE)
        .collect();
    near.sort_by(|(a, one), (b, other)| b.total_cmp(a).then(one.id.cmp(other.id)));
    let near: Vec<String> =
        near.iter().take(3).map(|(_, rule)| format!("{} {}", rule.id, rule.name)).collect();
    let near = match near.as_slice() {
        [] => "kpki explain lists them".to_owned(),
        near => format!("did you mean {}?", near.join(", ")),
    };
    Err(format!("`{}` names no rule; {near}", Printable(&word.chars().take(60).collect::<String>())))
}

/// Applies a policy's severities and waivers, and puts everything in order. The one place where a severity is changed.
pub(super) fn settle(report: &mut Report, policy: &Policy) {
    for finding in &mut report.findings {
        let own = policy.severities.iter().rev().find(|(word, _)| names_rule(word, finding.rule));
        if let Some((_, severity)) = own {
            finding.severity = *severity;
        }
    }
    let mut used = vec![false; policy.waivers.len()];
    let today = policy.at.date();
    let findings = if policy.waivers.is_empty() { Vec::new() } else { std::mem::take(&mut report.findings) };
    for finding in findings {
        let matching =
            policy.waivers.iter().position(|waiver| waiver.expires >= today && waiver.covers(&finding));
        match matching.and_then(|at| Some((at, policy.waivers.get(at)?))) {
            Some((at, waiver)) => {
                if let Some(used) = used.get_mut(at) {
                    *used = true;
                }
                report.waived.push(Waived {
                    finding,
                    reason: waiver.reason.clone(),
                    expires: waiver.expires,
                });
            }
            None => report.findings.push(finding),
        }
    }
    let may_be_found = |word: &str| RULES.iter().any(|rule| names_rule(word, rule) && policy.asks_for(rule));
    for (waiver, used) in policy.waivers.iter().zip(used) {
        let reason = if !names_a_rule(&waiver.rule) {
            "there is no such rule".to_owned()
        } else if waiver.expires < today {
            format!("it expired on {}", waiver.expires)
        } else if !used && may_be_found(&waiver.rule) {
            "nothing is found that it would waive".to_owned()
        } else {
            continue;
        };
        let place = format!("{}:{}", Printable(&waiver.place.0), waiver.place.1);
        report.dead_waivers.push(DeadWaiver { rule: Printable(&waiver.rule).to_string(), place, reason });
    }
    // Stable, so facts of one rule at one place keep the order in which the rule gave them. The nodes' parts are in order
    // already: put together by severity they are a few long runs, which the second sort only has to join.
    report.findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    report.findings.sort_by(order);
    report.waived.sort_by(|a, b| order(&a.finding, &b.finding));
    report.skipped.sort_by(order_of_skipped);
}

/// The order of findings: the worst first, then by place and rule.
pub(super) fn order(a: &Finding, b: &Finding) -> std::cmp::Ordering {
    b.severity
        .cmp(&a.severity)
        .then_with(|| a.location.cmp(&b.location))
        .then_with(|| a.rule.id.cmp(b.rule.id))
}

/// The order of what was skipped: by rule, then by place.
pub(super) fn order_of_skipped(a: &Skipped, b: &Skipped) -> std::cmp::Ordering {
    let id = |skipped: &Skipped| skipped.rule.map(|rule| rule.id);
    id(a).cmp(&id(b)).then_with(|| a.location.cmp(&b.location))
}

impl Waiver {
    fn covers(&self, finding: &Finding) -> bool {
        let fits = |pattern: &Option<String>, text: &str| {
            pattern.as_ref().is_none_or(|pattern| matches(pattern.as_bytes(), text.as_bytes()))
        };
        names_rule(&self.rule, finding.rule)
            && fits(&self.path, finding.location.within())
            && fits(&self.node, finding.location.node.as_deref().unwrap_or_default())
    }
}

/// Whether a text fits a pattern in which `*` stands for anything but a slash and `**` for anything. The work grows with the product of
/// their lengths at most.
fn matches(pattern: &[u8], text: &[u8]) -> bool {
    // Which prefixes of the pattern fit the text so far.
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(&byte) = pattern.get(at) {
        if byte == b'*' && pattern.get(at + 1) == Some(&b'*') {
            // `**/` stands for no directory as well.
            let starts_name = at == 0 || pattern.get(at - 1) == Some(&b'/');
            if starts_name && pattern.get(at + 2) == Some(&b'/') {
                tokens.push(Token::NextTwoOrNone);
            }
            tokens.push(Token::Anything);
            at += 2;
        } else {
            tokens.push(if byte == b'*' { Token::WithinName } else { Token::Byte(byte) });
            at += 1;
        }
    }
    let skip_stars = |states: &mut Vec<bool>| {
        for (at, token) in tokens.iter().enumerate() {
            if !matches!(token, Token::Byte(_)) && states.get(at) == Some(&true) {
                states[at + 1] = true;
                if matches!(token, Token::NextTwoOrNone) {
                    states[at + 3] = true;
                }
            }
        }
    };
    let mut states = vec![false; tokens.len() + 1];
    states[0] = true;
    skip_stars(&mut states);
    for &byte in text {
        let mut next = vec![false; tokens.len() + 1];
        for (at, token) in tokens.iter().enumerate().filter(|(at, _)| states.get(*at) == Some(&true)) {
            match token {
                Token::Byte(wanted) if *wanted == byte => next[at + 1] = true,
                Token::Anything => next[at] = true,
                Token::WithinName if byte != b'/' => next[at] = true,
                _ => {}
            }
        }
        skip_stars(&mut next);
        states = next;
    }
    states.last() == Some(&true)
}

enum Token {
    Byte(u8),
    WithinName,
    Anything,
    /// The next two tokens, or neither.
    NextTwoOrNone,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_fit() {
        for (pattern, text, fits) in [
            ("pki/ca.crt", "pki/ca.crt", true),
            ("pki/*.crt", "pki/ca.crt", true),
            ("pki/*.crt", "pki/etcd/ca.crt", false),
            ("**/ca.crt", "pki/etcd/ca.crt", true),
            ("pki/**", "pki/etcd/ca.crt", true),
            ("**/ca.crt", "ca.crt", true),
            ("**/ca.crt", "old-ca.crt", false),
            ("pki/**/ca.crt", "pki/ca.crt", true),
            ("pki/**/ca.crt", "pki/a/b/ca.crt", true),
            ("**/**/a/**", "a/b", true),
            ("*", "a/b", false),
            ("**", "", true),
            ("", "", true),
            ("", "a", false),
            ("a*b*c", "aXbYc", true),
            ("a*b*c", "aXcYb", false),
        ] {
            assert_eq!(matches(pattern.as_bytes(), text.as_bytes()), fits, "{pattern} {text}");
        }
        assert!(!matches("*a".repeat(200).as_bytes(), "a".repeat(20_000).replace("aa", "ab").as_bytes()));
    }

    #[test]
    fn words_name_rules_or_what_is_near() {
        for word in ["P004", "p004", "P", "serial-entropy"] {
            assert_eq!(rule_word(word), Ok(()), "{word}");
        }
        for (word, said) in [
            ("serial-entropie", "`serial-entropie` names no rule; did you mean P004 serial-entropy"),
            ("P0044", "did you mean P004 serial-entropy"),
            ("", "`` names no rule; kpki explain lists them"),
            ("zzz", "`zzz` names no rule; kpki explain lists them"),
        ] {
            let error = rule_word(word).unwrap_err();
            assert!(error.contains(said), "{error}");
        }
    }

    #[test]
    fn expiring_is_read() {
        assert_eq!("30d".parse(), Ok(Expiring::Within(Duration::days(30))));
        assert_eq!("66%".parse(), Ok(Expiring::Past(66.0)));
        for wrong in ["", "%", "101%", "-1%", "30", "NaN%"] {
            assert!(wrong.parse::<Expiring>().is_err(), "{wrong}");
        }
    }
}
