//! P017: a leaf is for what its role needs, and for nothing else.

use super::{CertificateEvidence, Check, Citation, Expected, Fact, Outcome, Rule, Severity};
use crate::x509::{ExtendedKeyUsage, Printable};

pub(super) static RULE: Rule = Rule {
    id: "P017",
    name: "extended-key-usage",
    title: "The extended key usage is missing or too wide",
    severity: Severity::High,
    citations: &[
        Citation::rfc("RFC 5280 section 4.2.1.12"),
        Citation::page(
            "Kubernetes PKI certificates and requirements",
            "https://kubernetes.io/docs/setup/best-practices/certificates/",
        ),
        Citation::page(
            "Kubernetes signers",
            "https://kubernetes.io/docs/reference/access-authn-authz/certificate-signing-requests/#kubernetes-signers",
        ),
    ],
    explanation: "A server without serverAuth and a client without clientAuth are refused. A certificate without the extension, \
                  or with anyExtendedKeyUsage, is good for every purpose, and so accepted for the one that is needed too: a server's certificate becomes a user of the cluster, \
                  since Kubernetes takes any client certificate of its CA. Purposes beyond TLS (codeSigning, emailProtection) \
                  have no place on a cluster's leaf.",
    fix: "Issue it again with the purposes of its role and no others: `kpki issue PROFILE` writes them.",
    applies_to: "certificates",
    check: Check::Certificate(check),
};

fn check(evidence: &CertificateEvidence<'_>) -> Outcome {
    if evidence.is_ca() {
        return Outcome::NotApplicable("it is a CA");
    }
    let extensions = &evidence.tbs.extensions;
    let purposes = extensions.purposes();
    let mut facts = Vec::new();
    if extensions.extended_key_usage.is_none() {
        facts.push(Fact::milder(
            Severity::Medium,
            "extended key usage is missing, so it is good for every purpose",
        ));
        return facts.into();
    }
    for purpose in purposes {
        match purpose {
            ExtendedKeyUsage::ServerAuth | ExtendedKeyUsage::ClientAuth => {}
            // OpenSSL does not take it for either of these.
            ExtendedKeyUsage::Any if !purposes.iter().any(is_of_tls) => {
                facts.push(Fact::new("it is for anyExtendedKeyUsage alone: Go takes it for every purpose, OpenSSL for none of TLS"));
            }
            ExtendedKeyUsage::Any => {
                facts.push(Fact::milder(
                    Severity::Medium,
                    "it is for anyExtendedKeyUsage, so it is good for every purpose",
                ));
            }
            other => {
                let message = format!("it is for {}, which is not TLS", Printable(&other.to_string()));
                facts.push(Fact::milder(Severity::Medium, message));
            }
        }
    }
    if let Some(expected) = evidence.expected {
        against_role(purposes, expected, &mut facts);
    }
    facts.into()
}

fn is_of_tls(purpose: &ExtendedKeyUsage) -> bool {
    matches!(purpose, ExtendedKeyUsage::ServerAuth | ExtendedKeyUsage::ClientAuth)
}

fn against_role(purposes: &[ExtendedKeyUsage], expected: Expected, facts: &mut Vec<Fact>) {
    for (purpose, role, needed) in [
        (ExtendedKeyUsage::ServerAuth, "server", expected.server),
        (ExtendedKeyUsage::ClientAuth, "client", expected.client),
    ] {
        match (needed, purposes.contains(&purpose)) {
            (true, false) if !purposes.contains(&ExtendedKeyUsage::Any) => {
                facts.push(Fact::new(format!("it is to be a {role} and lacks {purpose}")));
            }
            (false, true) => facts.push(Fact::milder(
                Severity::Medium,
                format!("it is for {purpose}, though it is not to be a {role}"),
            )),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::Bench;
    use super::*;
    use crate::x509::Marked;

    #[test]
    fn purposes_are_held_against_the_role() {
        use ExtendedKeyUsage::{Any, ClientAuth, CodeSigning, Other, ServerAuth};
        let high = |message: &str| (Severity::High, message.to_owned());
        let medium = |message: &str| (Severity::Medium, message.to_owned());
        let server = Some(Expected { ca: false, server: true, client: false });
        let both = Some(Expected { ca: false, server: true, client: true });
        for (expected, purposes, findings) in [
            (server, Some(vec![ServerAuth]), vec![]),
            (both, Some(vec![ServerAuth, ClientAuth]), vec![]),
            (None, Some(vec![ServerAuth, ClientAuth]), vec![]),
            (
                server,
                Some(vec![ClientAuth]),
                vec![
                    high("it is to be a server and lacks serverAuth"),
                    medium("it is for clientAuth, though it is not to be a client"),
                ],
            ),
            (both, Some(vec![ServerAuth]), vec![high("it is to be a client and lacks clientAuth")]),
            (server, None, vec![medium("extended key usage is missing, so it is good for every purpose")]),
            (None, None, vec![medium("extended key usage is missing, so it is good for every purpose")]),
            (
                server,
                Some(vec![Any]),
                vec![high(
                    "it is for anyExtendedKeyUsage alone: Go takes it for every purpose, OpenSSL for none of TLS",
                )],
            ),
            (
                server,
                Some(vec![ServerAuth, Any]),
                vec![medium("it is for anyExtendedKeyUsage, so it is good for every purpose")],
            ),
            (
                server,
                Some(vec![ServerAuth, CodeSigning, Other("1.2.3".into())]),
                vec![
                    medium("it is for codeSigning, which is not TLS"),
                    medium("it is for 1.2.3, which is not TLS"),
                ],
            ),
        ] {
            let mut bench = Bench::server();
            bench.expected = expected;
            bench.tbs.extensions.extended_key_usage = purposes.map(|value| Marked { critical: false, value });
            assert_eq!(bench.findings(&RULE), findings);
        }
        assert!(Bench::ca().not_applicable(&RULE));
    }
}
