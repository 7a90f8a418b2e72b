//! P023: a certificate that names its issuer's certificate, not just its key.

use std::collections::HashSet;

use super::super::{Answers, Scene};
use super::distinct::Certificates;
use super::meetings::{Judged, judged_by};
use super::{CertificateEvidence, Check, Citation, Fact, Outcome, Rule, Severity};
use crate::x509::TbsCertificate;
use crate::x509::der::{elements, read};

pub(super) static RULE: Rule = Rule {
    id: "P023",
    name: "issuer-pinned",
    title: "The authority key identifier names one certificate of the issuer",
    severity: Severity::High,
    citations: &[
        Citation::rfc("RFC 5280 section 4.2.1.1"),
        Citation::page("OpenVPN/easy-rsa#417", "https://github.com/OpenVPN/easy-rsa/issues/417"),
    ],
    explanation: "An authority key identifier with the issuer's own issuer and serial number fits one certificate of the CA \
                  only. Once the CA is issued again with the same key, which is how its life is prolonged, OpenSSL no longer \
                  takes the new certificate for the issuer, and every leaf must be replaced on that day. Where that day has come for a \
                  server's certificate, it is of severity high.",
    fix: "Issue it again with the key identifier alone; in OpenSSL that is `authorityKeyIdentifier=keyid`.",
    applies_to: "certificates",
    check: Check::Both { sealed, found },
};

fn sealed(evidence: &CertificateEvidence<'_>) -> Outcome {
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
        Fact::milder(
            Severity::Medium,
            "its authority key identifier names the issuer's own issuer and serial number",
        )
    }])
}

fn found(scene: &Scene<'_>, answers: &mut Answers) {
    let certificates = Certificates::of(scene.node);
    let mut told: HashSet<usize> = HashSet::new();
    for judged in judged_by(scene) {
        let Judged { one, issuer, place, serves } = judged;
        let Some((serial, issuers_issuer)) =
            pinned(one.cert.tbs()).filter(|_| !one.cert.tbs().is_self_issued())
        else {
            continue;
        };
        let fits = serial == issuer.serial.content()
            && issuers_issuer.is_none_or(|name| name == issuer.issuer.der());
        if fits || !told.insert(one.cert.index) {
            continue;
        }
        let at =
            place.map_or_else(|| "the CA's certificate".to_owned(), |place| format!("the one in {place}"));
        let message = format!(
            "its authority key identifier names another certificate of its CA than {at}: OpenSSL (curl, Python) and Java refuse it, Go (every \
             component of Kubernetes and etcd) does not{}",
            one.elsewhere()
        );
        answers.fail(&one, message).severity(if serves { Severity::High } else { Severity::Medium });
    }
    for one in &certificates.all {
        if told.contains(&one.cert.index) {
            continue;
        }
        match sealed(&CertificateEvidence::of_certificate(&one.cert.facts().certificate)) {
            Outcome::Pass => answers.look(),
            Outcome::NotApplicable(_) => {}
            Outcome::Fail(facts) => {
                for fact in facts {
                    let severity = fact.severity.unwrap_or(Severity::Medium);
                    answers.fail(one, format!("{}{}", fact.message, one.elsewhere())).severity(severity);
                }
            }
        }
    }
}

/// The serial number that an authority key identifier names, and the DER of the name beside it.
fn pinned(tbs: &TbsCertificate) -> Option<(&[u8], Option<&[u8]>)> {
    const AUTHORITY_KEY_IDENTIFIER: &str = "2.5.29.35";
    let extension = tbs.extensions.find(AUTHORITY_KEY_IDENTIFIER)?;
    let fields = elements(read(&extension.value)?.0.content)?;
    let serial = fields.iter().find(|field| field.tag == 0x82)?.content;
    let names = fields.iter().find(|field| field.tag == 0xa1).map(|names| names.content).unwrap_or_default();
    let directory = elements(names).unwrap_or_default().into_iter().find(|name| name.tag == 0xa4);
    Some((serial, directory.map(|name| name.content)))
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
