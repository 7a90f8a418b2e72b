//! P024: extensions that every verifier can read.

use super::{CertificateEvidence, Check, Citation, Fact, Outcome, Rule, Severity, repeated};
use crate::x509::{Extension, Printable};

/// RFC 5280 sections 4.2.1.1 and 4.2.1.2: conforming CAs MUST mark these as not critical.
const NEVER_CRITICAL: [(&str, &str); 2] =
    [("2.5.29.14", "subject key identifier"), ("2.5.29.35", "authority key identifier")];

pub(super) static RULE: Rule = Rule {
    id: "P024",
    name: "extensions",
    title: "An extension stands twice, cannot be read, or is critical and unknown",
    severity: Severity::High,
    citations: &[
        Citation::rfc("RFC 5280 section 4.2"),
        Citation::rfc("RFC 5280 section 4.2.1.1"),
        Citation::rfc("RFC 5280 section 4.2.1.2"),
    ],
    explanation: "A verifier must refuse a certificate with a critical extension that it does not know or cannot read, and \
                  with one that stands twice, since two readers would believe two different ones. Key identifiers must never \
                  be critical, and some verifiers do not know them.",
    fix: "Issue it again without the extension, or with it once, well-formed and not critical.",
    applies_to: "certificates",
    check: Check::Certificate(check),
};

fn check(evidence: &CertificateEvidence<'_>) -> Outcome {
    let extensions = &evidence.tbs.extensions;
    let mut facts = Vec::new();
    for oid in repeated(extensions.all.iter().map(|extension| extension.oid.as_str())) {
        facts.push(Fact::new(format!("the extension {} stands there twice", Printable(oid))));
    }
    for (oid, reason) in &extensions.malformed {
        facts.push(Fact::new(format!(
            "the extension {} cannot be read: {}",
            Printable(oid),
            Printable(reason)
        )));
    }
    for Extension { oid, .. } in extensions.unknown().filter(|extension| extension.critical) {
        facts.push(Fact::new(format!("the critical extension {} is unknown", Printable(oid))));
    }
    for Extension { oid, .. } in extensions.all.iter().filter(|extension| extension.critical) {
        if let Some((_, name)) = NEVER_CRITICAL.iter().find(|(never, _)| never == oid) {
            facts.push(Fact::milder(Severity::Medium, format!("its {name} is critical")));
        }
    }
    facts.into()
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::Bench;
    use super::*;

    #[test]
    fn twice_unreadable_unknown_and_wrongly_critical() {
        for (oid, critical, malformed, expected) in [
            ("1.2.3", false, false, None),
            ("1.2.3", true, false, Some((Severity::High, "the critical extension 1.2.3 is unknown"))),
            ("1.2.3", false, true, Some((Severity::High, "the extension 1.2.3 cannot be read: no DER"))),
            ("2.5.29.15", true, false, Some((Severity::High, "the extension 2.5.29.15 stands there twice"))),
            ("2.5.29.30", true, false, None),
        ] {
            let mut bench = Bench::server();
            bench.tbs.extensions.all.push(Extension { oid: oid.into(), critical, value: Vec::new() });
            if malformed {
                bench.tbs.extensions.malformed.push((oid.into(), "no DER".into()));
            }
            let expected: Vec<_> = expected.into_iter().map(|(s, m)| (s, m.to_owned())).collect();
            assert_eq!(bench.findings(&RULE), expected, "{oid}");
        }
        let mut bench = Bench::server();
        for extension in bench.tbs.extensions.all.iter_mut().filter(|extension| extension.oid == "2.5.29.35")
        {
            extension.critical = true;
        }
        assert_eq!(
            bench.findings(&RULE),
            [(Severity::Medium, "its authority key identifier is critical".to_owned())]
        );
    }
}
