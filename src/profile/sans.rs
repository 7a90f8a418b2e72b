//! The subject alternative names: which hosts a certificate's holder may pass for.

use std::borrow::Cow;
use std::collections::HashSet;

use super::pattern::{TextPattern, Wildcard};
use super::refusal::shown;
use super::rules::SanRules;
use super::{Profile, Refusal, RefusalKind as Kind};
use crate::x509::{Name, SubjectAltName, check_dns_name};

/// Up to so many names, comparing each with each is cheaper than a set.
const FEW: usize = 16;

/// The names that are admitted, each once, in their order.
pub(super) fn judge(
    profile: &Profile,
    asked: &[SubjectAltName],
    subject: &Name,
    refusals: &mut Vec<Refusal>,
) -> Vec<SubjectAltName> {
    let rules = &profile.sans;
    let own = subject.common_name().filter(|_| rules.common_name).and_then(host);
    if rules.required && asked.is_empty() && own.is_none() {
        let reason =
            "a server is known by its subject alternative names alone (RFC 6125; Go ignores the common name)";
        refusals.push(Refusal::new(
            Kind::ServerWithoutSan,
            "no subject alternative name is requested",
            reason,
        ));
    }
    let mut admitted = Vec::with_capacity(asked.len() + 1);
    admitted.extend(own);
    for san in asked {
        match rules.judge(san) {
            Ok(san) if asked.len() <= FEW && admitted.contains(&san) => {}
            Ok(san) => admitted.push(san),
            // The common name, which is there anyway.
            Err(_) if rules.common_name && admitted.first() == Some(san) => {}
            Err((kind, reason)) => refusals.push(Refusal::new(kind, fact(san), reason)),
        }
    }
    if asked.len() > FEW {
        let mut seen = HashSet::with_capacity(admitted.len());
        admitted.retain(|san| seen.insert(san.clone()));
    }
    admitted
}

/// A text as a DNS name, where it is one.
pub(super) fn host(text: &str) -> Option<SubjectAltName> {
    check_dns_name(text).is_ok().then(|| SubjectAltName::Dns(text.to_owned()))
}

fn fact(san: &SubjectAltName) -> String {
    match san {
        SubjectAltName::Dns(text) | SubjectAltName::Email(text) | SubjectAltName::Uri(text) => {
            shown(san.kind(), text).replacen('=', ":", 1)
        }
        other => other.to_string(),
    }
}

type Verdict = Result<SubjectAltName, (Kind, String)>;

impl SanRules {
    /// The kinds that are admitted, to be shown.
    pub(super) fn kinds(&self) -> String {
        let kinds = [
            (!self.dns.is_empty(), "DNS"),
            (!self.ip.is_empty(), "IP"),
            (!self.email.is_empty(), "email"),
            (!self.uri.is_empty(), "URI"),
        ];
        let kinds: Vec<&str> =
            kinds.into_iter().filter(|(admitted, _)| *admitted).map(|(_, kind)| kind).collect();
        if kinds.is_empty() { "no subject alternative name".to_owned() } else { kinds.join(", ") }
    }

    fn judge(&self, san: &SubjectAltName) -> Verdict {
        let kind = || (Kind::SanKind, format!("the profile admits {}", self.kinds()));
        match san {
            SubjectAltName::Dns(_) if self.dns.is_empty() => Err(kind()),
            SubjectAltName::Ip(_) if self.ip.is_empty() => Err(kind()),
            SubjectAltName::Dns(name) => self.dns(name),
            SubjectAltName::Ip(address) => {
                // ::ffff:192.0.2.1 is 192.0.2.1 to everybody who connects, so it is judged and written as that.
                let address = address.to_canonical();
                if !self.ip.iter().any(|net| net.contains(&address)) {
                    let nets: Vec<String> = self.ip.iter().map(ToString::to_string).collect();
                    return Err((Kind::SanNetwork, format!("the profile admits {}", nets.join(", "))));
                }
                Ok(SubjectAltName::Ip(address))
            }
            SubjectAltName::Email(text) if !self.email.is_empty() => matching(&self.email, "email", text),
            SubjectAltName::Uri(text) if !self.uri.is_empty() => matching(&self.uri, "uri", text),
            _ => Err(kind()),
        }
    }

    fn dns(&self, name: &str) -> Verdict {
        let lower: Cow<'_, str> = if name.bytes().any(|b| b.is_ascii_uppercase()) {
            name.to_ascii_lowercase().into()
        } else {
            name.into()
        };
        check_dns_name(&lower).map_err(|reason| (Kind::SanMalformed, reason.to_owned()))?;
        if lower.starts_with("*.") && !self.wildcards {
            return Err((Kind::Wildcard, "the profile admits no wildcards; name each host".to_owned()));
        }
        if self.except.iter().any(|pattern| pattern.matches(&lower, Wildcard::AsCovered)) {
            let reason = "with this name its holder could pass for the API server";
            return Err((Kind::SanReserved, reason.to_owned()));
        }
        if !self.dns.iter().any(|pattern| pattern.matches(&lower, Wildcard::AsWritten)) {
            let patterns: Vec<String> = self.dns.iter().map(ToString::to_string).collect();
            return Err((Kind::SanPattern, format!("the profile admits {}", patterns.join(", "))));
        }
        Ok(SubjectAltName::Dns(lower.into_owned()))
    }
}

fn matching(patterns: &[TextPattern], kind: &str, text: &str) -> Verdict {
    let san: SubjectAltName = format!("{kind}:{text}")
        .parse()
        .map_err(|_| (Kind::SanMalformed, format!("it is not a valid {kind}")))?;
    if !patterns.iter().any(|pattern| pattern.matches(text)) {
        let patterns: Vec<String> = patterns.iter().map(ToString::to_string).collect();
        return Err((Kind::SanPattern, format!("the profile admits {}", patterns.join(", "))));
    }
    Ok(san)
}
