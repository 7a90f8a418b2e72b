//! P002: the serial number is positive.

use super::{CertificateEvidence, Check, Citation, Fact, Outcome, Rule, Severity};

pub(super) static RULE: Rule = Rule {
    id: "P002",
    name: "serial-positive",
    title: "The serial number is not positive",
    severity: Severity::High,
    citations: &[
        Citation::rfc("RFC 5280 section 4.1.2.2"),
        Citation::page("golang/go#71606", "https://github.com/golang/go/issues/71606"),
    ],
    explanation: "Go refuses to parse a certificate with a negative serial number since 1.23, so no component of \
                  Kubernetes can load it; zero is no serial number at all, and revocation goes by serial numbers.",
    fix: "Issue it again with a positive random serial number; kpki draws 128 bits.",
    applies_to: "certificates",
    check: Check::Certificate(check),
};

fn check(evidence: &CertificateEvidence<'_>) -> Outcome {
    let serial = &evidence.tbs.serial;
    if serial.is_positive() {
        return Outcome::Pass;
    }
    let zero = serial.content().iter().all(|&byte| byte == 0);
    let sign = if zero { "zero" } else { "negative" };
    let message = format!("the serial number, {serial} in hexadecimal, is {sign}");
    // A negative one is worse than in the catalogue: Go refuses to read it since 1.23, and with it Kubernetes since 1.32.
    let fact = if zero { Fact::milder(Severity::Medium, message) } else { Fact::new(message) };
    Outcome::Fail(vec![fact])
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::{Bench, with_serial};
    use super::*;

    #[test]
    fn zero_and_negative_serials_fire() {
        for (content, message) in [
            (&[0][..], Some("the serial number, 00 in hexadecimal, is zero")),
            (
                &[0x80, 1, 2, 3, 4, 5, 6, 7, 8],
                Some("the serial number, 800102030405060708 in hexadecimal, is negative"),
            ),
            (&[0xff], Some("the serial number, ff in hexadecimal, is negative")),
            (&[0, 0x80], None),
            (&[1], None),
        ] {
            let mut bench = Bench::server();
            bench.tbs = with_serial(content);
            assert_eq!(bench.messages(&RULE), message.into_iter().collect::<Vec<_>>());
        }
    }
}
