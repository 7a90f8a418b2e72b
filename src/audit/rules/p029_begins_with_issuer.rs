//! P029: a certificate whose beginning is that of its CA.

use time::Duration;

use super::{CertificateEvidence, Check, Citation, Fact, Outcome, Rule, Severity};

/// A year and a day: what kubeadm gives a leaf on the day on which the CA is made, leap years and backdating included.
const A_YEAR: Duration = Duration::days(367);

pub(super) static RULE: Rule = Rule {
    id: "P029",
    name: "begins-with-issuer",
    title: "The certificate begins with its CA and does not tell its age",
    severity: Severity::Info,
    citations: &[
        Citation::page(
            "kubernetes/kubernetes#113618",
            "https://github.com/kubernetes/kubernetes/issues/113618",
        ),
        Citation::rfc("RFC 5280 section 4.1.2.5"),
    ],
    explanation: "kubeadm gives every leaf the notBefore of its CA, so one that was renewed after two years seems to be valid for \
                  three. Nothing breaks, but tools that count a share of the life, or that ask when it was issued, are misled, \
                  and a clock that was set back years accepts it.",
    fix: "Nothing has to be done; a certificate from `kpki issue` begins when it is issued.",
    applies_to: "leaves whose issuer is known",
    check: Check::Certificate(check),
};

fn check(evidence: &CertificateEvidence<'_>) -> Outcome {
    let Some(issuer) = evidence.issuer else {
        return Outcome::NotApplicable("the issuer's certificate was not given");
    };
    if evidence.is_ca() || evidence.tbs.is_self_issued() {
        return Outcome::NotApplicable("it is a CA, or its own issuer");
    }
    let validity = evidence.tbs.validity;
    let life = validity.not_after - validity.not_before;
    if validity.not_before != issuer.validity.not_before || life <= A_YEAR {
        return Outcome::Pass;
    }
    Outcome::Fail(vec![Fact::new(format!(
        "its notBefore is that of its CA, {} days before its end",
        life.whole_days()
    ))])
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::Bench;
    use super::*;

    #[test]
    fn only_a_long_life_from_the_cas_own_beginning_fires() {
        for (days, later, message) in [
            (365, 0, None),
            (367, 0, None),
            (368, 0, Some("its notBefore is that of its CA, 368 days before its end")),
            (1095, 0, Some("its notBefore is that of its CA, 1095 days before its end")),
            (1095, 1, None),
        ] {
            let mut bench = Bench::server();
            let beginning = bench.issuer.as_ref().unwrap().validity.not_before;
            bench.tbs.validity.not_before = beginning + Duration::seconds(later);
            bench.tbs.validity.not_after = beginning + Duration::days(days);
            assert_eq!(bench.messages(&RULE), message.into_iter().collect::<Vec<_>>());
            bench.issuer = None;
            assert!(bench.not_applicable(&RULE));
        }
        assert!(Bench::ca().not_applicable(&RULE));
    }
}
