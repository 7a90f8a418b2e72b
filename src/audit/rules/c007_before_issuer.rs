//! C007: a certificate begins before its issuer's.

use super::{CertificateEvidence, Check, Citation, Fact, Outcome, Rule, Severity, dates};

pub(super) static RULE: Rule = Rule {
    id: "C007",
    name: "before-issuer",
    title: "The certificate begins before its issuer's",
    // The catalogue says medium; but that is what every leaf looks like after its CA was renewed with the same key, and
    // neither Go nor OpenSSL asks.
    severity: Severity::Low,
    citations: &[Citation::rfc("RFC 5280 section 6.1.3")],
    explanation: "It claims to hold at a time at which its issuer could not vouch for it. After a CA was renewed with its old key \
                  that is harmless; otherwise a clock was wrong, or somebody dates back. Verifiers by the shell model, of \
                  signatures for example, refuse it.",
    fix: "Where the CA was not renewed with the same key, compare the clocks (`timedatectl`), and issue it again.",
    applies_to: "certificates whose issuer's was given",
    check: Check::Certificate(check),
};

fn check(evidence: &CertificateEvidence<'_>) -> Outcome {
    let Some(issuer) = evidence.issuer else {
        return Outcome::NotApplicable("the issuer's certificate was not given");
    };
    let (own, above) = (evidence.tbs.validity.not_before, issuer.validity.not_before);
    if own >= above {
        return Outcome::Pass;
    }
    let (own, span, above) = (dates::shown(own), dates::span(above - own), dates::shown(above));
    Outcome::Fail(vec![Fact::new(format!("it begins on {own}, {span} before its issuer's ({above})"))])
}

#[cfg(test)]
mod tests {
    use time::Duration;

    use super::super::super::testing::Bench;
    use super::*;

    #[test]
    fn not_a_second_earlier() {
        for (earlier, message) in [
            (0, None),
            (
                1,
                Some(
                    "it begins on 2025-06-01 11:54 UTC, less than a minute before its issuer's (2025-06-01 11:55 UTC)",
                ),
            ),
            (
                86_400 * 3,
                Some("it begins on 2025-05-29 11:55 UTC, 3 days before its issuer's (2025-06-01 11:55 UTC)"),
            ),
        ] {
            let mut bench = Bench::server();
            bench.tbs.validity.not_before -= Duration::seconds(earlier);
            assert_eq!(bench.messages(&RULE), message.into_iter().collect::<Vec<_>>());
        }
        let mut bench = Bench::server();
        bench.issuer = None;
        assert!(bench.not_applicable(&RULE));
    }
}
