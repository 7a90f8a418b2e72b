//! P004: the serial number is long enough to be random.

use super::{CertificateEvidence, Check, Citation, Fact, Outcome, Rule, Severity};

/// What a certification authority has to draw.
const ENOUGH_BITS: u32 = 64;

/// kubeadm draws 63 bits. One of its serial numbers in 2^16 is shorter than this, and every counter is.
const RANDOM_AT_ALL_BITS: u32 = 48;

pub(super) static RULE: Rule = Rule {
    id: "P004",
    name: "serial-entropy",
    title: "The serial number can be foreseen",
    severity: Severity::Medium,
    citations: &[
        Citation::rfc("RFC 5280 section 4.1.2.2"),
        Citation::page(
            "CA/Browser Forum Baseline Requirements section 7.1",
            "https://cabforum.org/working-groups/server/baseline-requirements/requirements/",
        ),
        Citation::page(
            "openshift/service-ca-operator#110",
            "https://github.com/openshift/service-ca-operator/issues/110",
        ),
    ],
    explanation: "A short serial number was counted, not drawn. A counter starts again when a CA is made anew or used \
                  on two machines, and then two certificates share a number: verifiers mix them up, and a revocation list \
                  that names one revokes both (etcd compares nothing but the number). An unforeseeable number also keeps \
                  a collision of the signature's digest from being prepared. Only the length can be seen; 48 to 63 bits, \
                  which kubeadm's own random numbers have, are reported as info.",
    fix: "Issue it again with a serial number of 64 random bits or more; kpki draws 128.",
    applies_to: "certificates",
    check: Check::Certificate(check),
};

fn check(evidence: &CertificateEvidence<'_>) -> Outcome {
    if !evidence.tbs.serial.is_positive() {
        return Outcome::NotApplicable("the serial number is not positive");
    }
    let content = evidence.tbs.serial.content();
    let leading = content.iter().take_while(|&&byte| byte == 0).count();
    let first = content.get(leading).map_or(0, |byte| 8 - byte.leading_zeros());
    let after = content.len().saturating_sub(leading + 1);
    let bits = u32::try_from(after).unwrap_or(u32::MAX).saturating_mul(8).saturating_add(first);
    if bits >= ENOUGH_BITS {
        return Outcome::Pass;
    }
    let message = format!("the serial number has {bits} bits, fewer than {ENOUGH_BITS}");
    Outcome::Fail(vec![if bits < RANDOM_AT_ALL_BITS {
        Fact::new(message)
    } else {
        Fact::milder(Severity::Info, message)
    }])
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::{Bench, with_serial};
    use super::*;
    use crate::x509::SerialNumber;

    #[test]
    fn the_length_decides() {
        for (bytes, expected) in [
            (&[1][..], Some((Severity::Medium, "the serial number has 1 bits, fewer than 64"))),
            (
                &[0x7f, 0, 0, 0, 0, 0],
                Some((Severity::Medium, "the serial number has 47 bits, fewer than 64")),
            ),
            (&[0x80, 0, 0, 0, 0, 0], Some((Severity::Info, "the serial number has 48 bits, fewer than 64"))),
            (&[0x7f; 8], Some((Severity::Info, "the serial number has 63 bits, fewer than 64"))),
            (&[0x80; 8], None),
            (&[0x80; 16], None),
        ] {
            let mut bench = Bench::server();
            bench.tbs.serial = SerialNumber::from_unsigned(bytes);
            let expected: Vec<_> = expected.into_iter().map(|(s, m)| (s, m.to_owned())).collect();
            assert_eq!(bench.findings(&RULE), expected);
        }
    }

    #[test]
    fn a_number_that_is_not_positive_is_left_to_p002() {
        let mut bench = Bench::server();
        bench.tbs = with_serial(&[0]);
        assert!(bench.not_applicable(&RULE));
    }
}
