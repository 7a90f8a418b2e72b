//! C006: a certificate ends before its issuer's.

use time::{Duration, OffsetDateTime};

use super::{CertificateEvidence, Check, Citation, Fact, Outcome, Rule, Severity};

pub(super) static RULE: Rule = Rule {
    id: "C006",
    name: "outlives-issuer",
    title: "The certificate outlives its issuer's",
    severity: Severity::High,
    citations: &[
        Citation::rfc("RFC 5280 section 6.1.3"),
        Citation::page("kubernetes/kubeadm#1784", "https://github.com/kubernetes/kubeadm/issues/1784"),
        Citation::page(
            "cert-manager/cert-manager#5864",
            "https://github.com/cert-manager/cert-manager/issues/5864",
        ),
    ],
    explanation: "From the day on which the issuer's certificate ends, no chain verifies, whatever the leaf says. Whoever \
                  watches the leaf's date alone is surprised by an outage. Reported as high where that day comes within a year, as medium \
                  within two; as low before that, and where it is a day or a hundredth of the leaf's life at most.",
    fix: "Renew the issuer first, then issue this one again; kpki never writes an end past the issuer's.",
    applies_to: "certificates",
    check: Check::Certificate(check),
};

fn check(evidence: &CertificateEvidence<'_>) -> Outcome {
    let Some(issuer) = evidence.issuer else {
        return Outcome::NotApplicable("the issuer's certificate was not given");
    };
    let excess = evidence.tbs.validity.not_after - issuer.validity.not_after;
    if !excess.is_positive() {
        return Outcome::Pass;
    }
    let message = format!("it ends {} after its issuer's", span(excess));
    Outcome::Fail(vec![match severity(evidence, issuer.validity.not_after, excess) {
        Severity::High => Fact::new(message),
        milder => Fact::milder(milder, message),
    }])
}

/// How bad it is that a certificate ends so much later than its issuer's. What is about to be sealed is refused however little that is.
fn severity(evidence: &CertificateEvidence<'_>, issuer_ends: OffsetDateTime, excess: Duration) -> Severity {
    /// From when on somebody has to act.
    const NEAR: Duration = Duration::days(365);
    let Some(now) = evidence.now else { return Severity::High };
    let validity = evidence.tbs.validity;
    let life = validity.not_after - validity.not_before;
    // Nobody who renews in time waits so long.
    let is_little = excess <= Duration::DAY || excess <= life / 100;
    let left = issuer_ends - now;
    if is_little || left > NEAR * 2 {
        Severity::Low
    } else if left > NEAR {
        Severity::Medium
    } else {
        Severity::High
    }
}

/// A span in its two largest units.
fn span(span: Duration) -> String {
    let of = |count: i64, what: &str| format!("{count} {what}{}", if count == 1 { "" } else { "s" });
    let (days, hours, minutes) = (span.whole_days(), span.whole_hours() % 24, span.whole_minutes() % 60);
    if days > 0 {
        format!("{} and {}", of(days, "day"), of(hours, "hour"))
    } else if hours > 0 {
        format!("{} and {}", of(hours, "hour"), of(minutes, "minute"))
    } else {
        format!("{} and {}", of(minutes, "minute"), of(span.whole_seconds() % 60, "second"))
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::Bench;
    use super::*;

    #[test]
    fn not_a_second_longer() {
        for (excess, message) in [
            (-1, None),
            (0, None),
            (1, Some("it ends 0 minutes and 1 second after its issuer's")),
            (90_001, Some("it ends 1 day and 1 hour after its issuer's")),
        ] {
            let mut bench = Bench::server();
            bench.tbs.validity.not_after =
                bench.issuer.as_ref().unwrap().validity.not_after + Duration::seconds(excess);
            assert_eq!(bench.messages(&RULE), message.into_iter().collect::<Vec<_>>());
        }
        // What was found is measured by what comes of it, and when.
        let evidence = |bench: &Bench, excess: Duration, days: i64| {
            let mut tbs = bench.tbs.clone();
            let issuer = bench.issuer.clone().unwrap();
            tbs.validity.not_after = issuer.validity.not_after + excess;
            let at = issuer.validity.not_after - Duration::days(days);
            let evidence = CertificateEvidence {
                now: Some(at),
                issuer: Some(&issuer),
                ..CertificateEvidence::new(&tbs)
            };
            let Outcome::Fail(facts) = check(&evidence) else { panic!("it outlives its issuer") };
            facts[0].severity.unwrap_or(RULE.severity)
        };
        for (excess, days, severity) in [
            (Duration::SECOND, 36_500, Severity::Low),
            (Duration::SECOND, 1, Severity::Low),
            (Duration::days(300), 1_000, Severity::Low),
            (Duration::days(300), 500, Severity::Medium),
            (Duration::days(300), 300, Severity::High),
            (Duration::days(300), -1, Severity::High),
        ] {
            assert_eq!(evidence(&Bench::server(), excess, days), severity, "{excess} {days}");
        }
        let mut bench = Bench::server();
        bench.issuer = None;
        assert!(bench.not_applicable(&RULE));
    }
}
