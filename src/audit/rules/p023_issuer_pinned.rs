//! P023: a certificate that names its issuer's certificate, not just its key.

use super::{CertificateEvidence, Check, Citation, Fact, Outcome, Rule, Severity};

pub(super) static RULE: Rule = Rule {
    id: "P023",
    name: "issuer-pinned",
    title: "The authority key identifier names one certificate of the issuer",
    severity: Severity::Medium,
    citations: &[
        Citation::rfc("RFC 5280 section 4.2.1.1"),
        Citation::page("OpenVPN/easy-rsa#417", "https://github.com/OpenVPN/easy-rsa/issues/417"),
    ],
    explanation: "An authority key identifier with the issuer's own issuer and serial number fits one certificate of the CA \
                  only. Once the CA is issued again with the same key, which is how its life is prolonged, OpenSSL no longer \
                  takes the new certificate for the issuer, and every leaf must be replaced on that day.",
    fix: "Issue it again with the key identifier alone; in OpenSSL that is `authorityKeyIdentifier=keyid`.",
    applies_to: "certificates",
    check: Check::Certificate(check),
};

fn check(evidence: &CertificateEvidence<'_>) -> Outcome {
    let Some(id) = &evidence.tbs.extensions.authority_key_identifier else {
        return Outcome::NotApplicable("there is no authority key identifier");
    };
    if !id.value.names_certificate {
        return Outcome::Pass;
    }
    // A root that names itself so is what OpenSSL's example configuration makes; whoever trusts it looks at no identifier.
    Outcome::Fail(vec![if evidence.tbs.is_self_issued() {
        Fact::milder(Severity::Low, "its authority key identifier names its own issuer and serial number")
    } else {
        Fact::new("its authority key identifier names the issuer's own issuer and serial number")
    }])
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::Bench;
    use super::*;

    #[test]
    fn a_pinned_issuer_fires() {
        for (mut bench, severity, message) in [
            (
                Bench::server(),
                Severity::Medium,
                "its authority key identifier names the issuer's own issuer and serial number",
            ),
            (
                Bench::ca(),
                Severity::Low,
                "its authority key identifier names its own issuer and serial number",
            ),
        ] {
            assert_eq!(bench.findings(&RULE), []);
            bench.tbs.extensions.authority_key_identifier.as_mut().unwrap().value.names_certificate = true;
            assert_eq!(bench.findings(&RULE), [(severity, message.to_owned())]);
            bench.tbs.extensions.authority_key_identifier = None;
            assert!(bench.not_applicable(&RULE));
        }
    }
}
