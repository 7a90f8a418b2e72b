//! P003: the serial number has at most 20 octets.

use super::{CertificateEvidence, Check, Citation, Fact, Outcome, Rule, Severity};

/// RFC 5280 section 4.1.2.2.
const LONGEST: usize = 20;

pub(super) static RULE: Rule = Rule {
    id: "P003",
    name: "serial-length",
    title: "The serial number is longer than 20 octets",
    severity: Severity::Low,
    citations: &[Citation::rfc("RFC 5280 section 4.1.2.2")],
    explanation: "Readers need not handle more than 20 octets; some refuse the certificate, others cut the number and \
                  then look for a wrong one in a revocation list.",
    fix: "Issue it again with a serial number of at most 20 octets, sign byte included; kpki's have at most 17.",
    applies_to: "certificates",
    check: Check::Certificate(check),
};

fn check(evidence: &CertificateEvidence<'_>) -> Outcome {
    match evidence.tbs.serial.content().len() {
        0..=LONGEST => Outcome::Pass,
        length => Outcome::Fail(vec![Fact::new(format!("the serial number has {length} octets"))]),
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::Bench;
    use super::*;
    use crate::x509::SerialNumber;

    #[test]
    fn the_sign_byte_counts() {
        for (bytes, message) in [
            (&[0x7f; 20][..], None),
            (&[0x80; 19], None),
            (&[0x80; 20], Some("the serial number has 21 octets")),
            (&[1; 21], Some("the serial number has 21 octets")),
        ] {
            let mut bench = Bench::server();
            bench.tbs.serial = SerialNumber::from_unsigned(bytes);
            assert_eq!(bench.messages(&RULE), message.into_iter().collect::<Vec<_>>());
        }
    }
}
