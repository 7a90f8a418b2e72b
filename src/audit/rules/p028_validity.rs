//! P028: a life that begins before it ends, and ends.

use time::{Duration, OffsetDateTime};

use super::{CertificateEvidence, Check, Citation, Fact, Outcome, Rule, Severity};

/// For a leaf: the ceiling that browsers put on public servers from 2020 to March 2026.
const LONG_FOR_A_LEAF: Duration = Duration::days(398);

/// For a CA: ten calendar years, kubeadm's default, and a week for the backdating.
const LONG_FOR_A_CA: Duration = Duration::days(3660);

pub(super) static RULE: Rule = Rule {
    id: "P028",
    name: "validity",
    title: "The validity is reversed, written wrongly, or very long",
    severity: Severity::Medium,
    citations: &[
        Citation::rfc("RFC 5280 section 4.1.2.5"),
        Citation::page(
            "CA/Browser Forum Baseline Requirements section 6.3.2",
            "https://cabforum.org/working-groups/server/baseline-requirements/requirements/",
        ),
        Citation::page(
            "kubernetes/kubernetes#18982",
            "https://github.com/kubernetes/kubernetes/issues/18982",
        ),
    ],
    explanation: "A certificate whose end does not come after its beginning is never valid. Dates up to 2049 must be written as \
                  UTCTime and later ones as GeneralizedTime; strict readers refuse the other way round. Kubernetes knows no \
                  revocation, so a stolen key is good until the end: more than 398 days for a leaf or ten years for a CA \
                  are reported as low.",
    fix: "Issue it again with a shorter `--validity`, and renew before it ends.",
    applies_to: "certificates",
    check: Check::Certificate(check),
};

fn check(evidence: &CertificateEvidence<'_>) -> Outcome {
    let validity = evidence.tbs.validity;
    let life = validity.not_after - validity.not_before;
    let mut facts = Vec::new();
    if !life.is_positive() {
        facts.push(Fact::new(format!(
            "notAfter ({}) does not come after notBefore ({})",
            date(validity.not_after),
            date(validity.not_before)
        )));
    }
    let [before, after] = evidence.tbs.generalized_times;
    for (name, instant, generalized) in
        [("notBefore", validity.not_before, before), ("notAfter", validity.not_after, after)]
    {
        if generalized == (instant.year() < 2050) {
            let kind = if generalized { "GeneralizedTime" } else { "UTCTime" };
            facts.push(Fact::new(format!("{name} ({}) is written as {kind}", date(instant))));
        }
    }
    let (longest, role) = if evidence.is_ca() { (LONG_FOR_A_CA, "CA") } else { (LONG_FOR_A_LEAF, "leaf") };
    if life > longest {
        facts.push(Fact::milder(
            Severity::Low,
            format!("it is valid for {} days, long for a {role}", life.whole_days()),
        ));
    }
    facts.into()
}

/// The instant in UTC to the second, as RFC 3339 writes it.
fn date(instant: OffsetDateTime) -> String {
    let (year, month, day) = (instant.year(), u8::from(instant.month()), instant.day());
    let (hour, minute, second) = (instant.hour(), instant.minute(), instant.second());
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::super::super::testing::Bench;
    use super::*;
    use crate::x509::Validity;

    const START: OffsetDateTime = datetime!(2025-01-01 00:00 UTC);

    #[test]
    fn reversed_and_long_lives_fire() {
        let reversed = "notAfter (2025-01-01T00:00:00Z) does not come after notBefore (2025-01-01T00:00:00Z)";
        for (bench, life, expected) in [
            (Bench::server(), Duration::days(365) + Duration::minutes(5), None),
            (Bench::server(), Duration::days(398), None),
            (
                Bench::server(),
                Duration::days(3650),
                Some((Severity::Low, "it is valid for 3650 days, long for a leaf")),
            ),
            (Bench::server(), Duration::ZERO, Some((Severity::Medium, reversed))),
            (Bench::ca(), Duration::days(3650) + Duration::minutes(5), None),
            (
                Bench::ca(),
                Duration::days(3661),
                Some((Severity::Low, "it is valid for 3661 days, long for a CA")),
            ),
        ] {
            let mut bench = bench;
            bench.tbs.validity = Validity { not_before: START, not_after: START + life };
            let expected: Vec<_> = expected.into_iter().map(|(s, m)| (s, m.to_owned())).collect();
            assert_eq!(bench.findings(&RULE), expected, "{life}");
        }
    }

    #[test]
    fn the_kind_of_time_follows_the_year() {
        let early = datetime!(2049-12-31 23:59:59 UTC);
        let late = datetime!(2050-01-01 00:00 UTC);
        for (not_before, not_after, written, messages) in [
            (early, late, [false, true], vec![]),
            (
                early,
                late,
                [true, true],
                vec!["notBefore (2049-12-31T23:59:59Z) is written as GeneralizedTime"],
            ),
            (early, late, [false, false], vec!["notAfter (2050-01-01T00:00:00Z) is written as UTCTime"]),
        ] {
            let mut bench = Bench::server();
            bench.tbs.validity = Validity { not_before, not_after };
            bench.tbs.generalized_times = written;
            assert_eq!(bench.messages(&RULE), messages);
        }
    }
}
