//! Patterns for names: simple enough to be matched in one pass, whatever the name.

use std::fmt;

use crate::x509::check_dns_name;

/// A text, or a text with one `*` that stands for any characters, or none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TextPattern {
    prefix: String,
    /// What follows the star, if there is one.
    suffix: Option<String>,
}

impl TextPattern {
    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
        if text.is_empty() {
            return Err("it is empty");
        }
        let (prefix, suffix) = match text.split_once('*') {
            Some((_, suffix)) if suffix.contains('*') => return Err("at most one * is allowed"),
            Some((prefix, suffix)) => (prefix, Some(suffix.to_owned())),
            None => (text, None),
        };
        Ok(Self { prefix: prefix.to_owned(), suffix })
    }

    pub(super) fn is_literal(&self) -> bool {
        self.suffix.is_none()
    }

    /// What stands before the star, or the whole text.
    pub(super) fn prefix(&self) -> &str {
        &self.prefix
    }

    pub(super) fn matches(&self, text: &str) -> bool {
        match (&self.suffix, text.strip_prefix(self.prefix.as_str())) {
            (None, Some(rest)) => rest.is_empty(),
            (Some(suffix), Some(rest)) => rest.ends_with(suffix.as_str()),
            (_, None) => false,
        }
    }
}

impl fmt::Display for TextPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.prefix)?;
        self.suffix.iter().try_for_each(|suffix| write!(f, "*{suffix}"))
    }
}

/// A DNS name, label by label. A `*` within a label stands for any characters of that label; `**` as
/// a label, once, stands for one label or more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DnsPattern {
    before: Vec<TextPattern>,
    /// The labels after `**`, if it is there.
    after: Option<Vec<TextPattern>>,
}

/// How the wildcard of a name is compared with a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wildcard {
    /// As the label that it is: only `*` admits it.
    AsWritten,
    /// As every label that it stands for: whatever it covers is matched.
    AsCovered,
}

impl DnsPattern {
    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
        // With the stars replaced by a letter it must be a name.
        check_dns_name(&text.replace("**", "a").replace('*', "a"))?;
        let labels = |part: &str| part.split('.').map(TextPattern::parse).collect::<Result<Vec<_>, _>>();
        let mut deep = text.split('.').enumerate().filter(|(_, label)| *label == "**").map(|(at, _)| at);
        let (first, second) = (deep.next(), deep.next());
        if second.is_some() {
            return Err("at most one ** is allowed");
        }
        if text.split('.').any(|label| label != "**" && label.contains("**")) {
            return Err("** must be a whole label");
        }
        let Some(at) = first else {
            return Ok(Self { before: labels(text)?, after: None });
        };
        let pick = |range: &mut dyn Iterator<Item = &str>| {
            range.map(TextPattern::parse).collect::<Result<Vec<_>, _>>()
        };
        Ok(Self {
            before: pick(&mut text.split('.').take(at))?,
            after: Some(pick(&mut text.split('.').skip(at + 1))?),
        })
    }

    pub(super) fn matches(&self, name: &str, wildcard: Wildcard) -> bool {
        let count = name.split('.').count();
        let fits = |(pattern, label): (&TextPattern, &str)| {
            pattern.matches(label) || (label == "*" && wildcard == Wildcard::AsCovered)
        };
        let enough = match &self.after {
            None => count == self.before.len(),
            Some(after) => count > self.before.len() + after.len(),
        };
        enough
            && self.before.iter().zip(name.split('.')).all(fits)
            && self.after.iter().all(|after| after.iter().rev().zip(name.rsplit('.')).all(fits))
    }
}

impl fmt::Display for DnsPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut labels: Vec<String> = self.before.iter().map(ToString::to_string).collect();
        if let Some(after) = &self.after {
            labels.push("**".to_owned());
            labels.extend(after.iter().map(ToString::to_string));
        }
        f.write_str(&labels.join("."))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_match_with_one_star() {
        for (pattern, text, matches) in [
            ("dev", "dev", true),
            ("dev", "devs", false),
            ("dev-*", "dev-", true),
            ("dev-*", "dev-ops", true),
            ("dev-*", "de", false),
            ("*", "", true),
            ("a*a", "a", false),
            ("a*a", "aa", true),
            ("*-ops", "dev-ops", true),
        ] {
            assert_eq!(TextPattern::parse(pattern).unwrap().matches(text), matches, "{pattern} {text}");
            assert_eq!(TextPattern::parse(pattern).unwrap().to_string(), pattern);
        }
        assert!(TextPattern::parse("a**").is_err());
        assert!(TextPattern::parse("").is_err());
    }

    #[test]
    fn dns_names_match_label_by_label() {
        use Wildcard::{AsCovered, AsWritten};
        for (pattern, name, wildcard, matches) in [
            ("example.com", "example.com", AsWritten, true),
            ("example.com", "a.example.com", AsWritten, false),
            ("*.example.com", "a.example.com", AsWritten, true),
            ("*.example.com", "a.b.example.com", AsWritten, false),
            ("*.example.com", "example.com", AsWritten, false),
            ("*.example.com", "a.example.com.evil.net", AsWritten, false),
            ("**.example.com", "a.b.example.com", AsWritten, true),
            ("**.example.com", "example.com", AsWritten, false),
            ("**.example.com", "aexample.com", AsWritten, false),
            ("**", "a", AsWritten, true),
            ("**", "a.b.c", AsWritten, true),
            ("web-*.example.com", "web-1.example.com", AsWritten, true),
            ("web-*.example.com", "db-1.example.com", AsWritten, false),
            ("a.**.c", "a.b.b.c", AsWritten, true),
            ("a.**.c", "a.c", AsWritten, false),
            ("kubernetes.default.**", "kubernetes.default.svc.cluster.local", AsWritten, true),
            ("*.example.com", "*.example.com", AsWritten, true),
            ("web-*.example.com", "*.example.com", AsWritten, false),
            ("kubernetes.default.**", "*.default.svc", AsWritten, false),
            ("kubernetes.default.**", "*.default.svc", AsCovered, true),
            ("kubernetes.default.**", "*.other.svc", AsCovered, false),
        ] {
            assert_eq!(
                DnsPattern::parse(pattern).unwrap().matches(name, wildcard),
                matches,
                "{pattern} {name} {wildcard:?}"
            );
            assert_eq!(DnsPattern::parse(pattern).unwrap().to_string(), pattern);
        }
        for pattern in
            ["", ".", "a..b", "**.**", "a**.b", "A.b", "a_b", "*-*.b", "https://*", "192.0.2.1", "***"]
        {
            assert!(DnsPattern::parse(pattern).is_err(), "{pattern:?}");
        }
    }
}
