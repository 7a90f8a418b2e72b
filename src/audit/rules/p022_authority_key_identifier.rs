//! P022: the authority key identifier is the issuer's own.

use super::super::{Answers, Scene};
use super::meetings::{Judged, judged_by};
use super::{CertificateEvidence, Check, Citation, Fact, Outcome, Rule, Severity};
use crate::x509::TbsCertificate;

pub(super) static RULE: Rule = Rule {
    id: "P022",
    name: "authority-key-identifier",
    title: "The authority key identifier is not the issuer's subject key identifier",
    severity: Severity::High,
    citations: &[
        Citation::rfc("RFC 5280 section 4.2.1.1"),
        Citation::page(
            "cert-manager/cert-manager#9076",
            "https://github.com/cert-manager/cert-manager/issues/9076",
        ),
    ],
    explanation: "Verifiers look for the issuer by this identifier: OpenSSL and most others do not find the chain where it differs; Go, \
                  and with it every component of Kubernetes and etcd, goes by names and keys alone. It comes from tools that compute \
                  the identifier anew: a CA that was renewed with its key by another tool (`openssl req -x509` takes a SHA-1 of the \
                  key, kpki a SHA-256) has another identifier than its leaves name. The CA that counts is the one by which those judge \
                  who are shown the certificate. Of a client's certificate, which only programs in Go judge, it is of severity medium.",
    fix: "Issue it again with the issuer's identifier copied byte for byte, as kpki does.",
    applies_to: "certificates",
    check: Check::Both { sealed, found },
};

fn sealed(evidence: &CertificateEvidence<'_>) -> Outcome {
    let Some(issuer) = evidence.issuer else {
        return Outcome::NotApplicable("the issuer's certificate was not given");
    };
    match compare(evidence.tbs, issuer) {
        Ok(()) => Outcome::Pass,
        Err(Difference::Unknown(reason)) => Outcome::NotApplicable(reason),
        Err(Difference::Of(message)) => Outcome::Fail(vec![Fact::new(message)]),
    }
}

/// That two identifiers differ, or that there is nothing to compare.
enum Difference {
    Unknown(&'static str),
    Of(String),
}

fn compare(own: &TbsCertificate, issuer: &TbsCertificate) -> Result<(), Difference> {
    let Some(theirs) = &issuer.extensions.subject_key_identifier else {
        return Err(Difference::Unknown("the issuer has no subject key identifier"));
    };
    let authority = own.extensions.authority_key_identifier.as_ref();
    let Some(ours) = authority.and_then(|authority| authority.value.key_identifier.as_deref()) else {
        return Err(Difference::Unknown("it has no authority key identifier"));
    };
    if ours == theirs.value {
        return Ok(());
    }
    Err(Difference::Of(format!(
        "the authority key identifier is {}, the issuer's subject key identifier {}",
        hex(ours),
        hex(&theirs.value)
    )))
}

fn found(scene: &Scene<'_>, answers: &mut Answers) {
    for judged in judged_by(scene) {
        let Judged { one, issuer, place, serves } = judged;
        match compare(one.cert.tbs(), issuer) {
            Ok(()) => answers.look(),
            Err(Difference::Unknown(_)) => {}
            Err(Difference::Of(message)) => {
                let at = place.map_or_else(String::new, |place| format!(" in {place}"));
                let fact = answers.fail(&one, format!("{message}{at}: {REFUSE}{}", one.elsewhere()));
                if !serves {
                    fact.severity(Severity::Medium);
                }
            }
        }
    }
}

const REFUSE: &str = "OpenSSL (curl, Python), GnuTLS, NSS, Java, wolfSSL and Botan refuse it, Go (every component of Kubernetes and etcd) does not";

/// At most 32 bytes of an identifier; nobody writes longer ones in good faith.
fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().take(32).fold(String::new(), |mut text, byte| {
        // Writing into a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::Bench;
    use super::*;
    use crate::x509::{AuthorityKeyIdentifier, Marked};

    #[test]
    fn another_identifier_fires() {
        let mut bench = Bench::server();
        assert!(!bench.fires(&RULE));
        let value = AuthorityKeyIdentifier { key_identifier: Some(vec![1, 2]), names_certificate: false };
        bench.tbs.extensions.authority_key_identifier = Some(Marked { critical: false, value });
        let issuer = bench.issuer.as_mut().unwrap();
        issuer.extensions.subject_key_identifier = Some(Marked { critical: false, value: vec![0xab; 20] });
        let theirs = "ab".repeat(20);
        assert_eq!(
            bench.messages(&RULE),
            [format!("the authority key identifier is 0102, the issuer's subject key identifier {theirs}")]
        );
    }

    #[test]
    fn without_two_identifiers_there_is_nothing_to_compare() {
        let mut bench = Bench::server();
        bench.tbs.extensions.authority_key_identifier = None;
        assert!(bench.not_applicable(&RULE));
        let mut bench = Bench::server();
        bench.issuer.as_mut().unwrap().extensions.subject_key_identifier = None;
        assert!(bench.not_applicable(&RULE));
        bench.issuer = None;
        assert!(bench.not_applicable(&RULE));
    }
}
