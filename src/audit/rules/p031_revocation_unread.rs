//! P031: places of revocation that nobody in a cluster looks at.

use super::{CertificateEvidence, Check, Citation, Fact, Outcome, Rule, Severity};

/// authorityInfoAccess (RFC 5280 section 4.2.2.1).
const AUTHORITY_INFO_ACCESS: &str = "1.3.6.1.5.5.7.1.1";

pub(super) static RULE: Rule = Rule {
    id: "P031",
    name: "revocation-unread",
    title: "The certificate names places that no component of Kubernetes reads",
    severity: Severity::Info,
    citations: &[
        Citation::page(
            "kubernetes/kubernetes#18982",
            "https://github.com/kubernetes/kubernetes/issues/18982",
        ),
        Citation::rfc("RFC 5280 section 4.2.1.13"),
        Citation::rfc("RFC 5280 section 4.2.2.1"),
    ],
    explanation: "API servers, kubelets and etcd fetch neither a revocation list from a distribution point nor an issuer or an \
                  OCSP answer from an authority information access: Go's verifier has no code for it. Who relies on them in a \
                  cluster revokes nothing.",
    fix: "Rely on short lives instead; etcd alone takes a list, from the file that `--client-crl-file` names.",
    applies_to: "certificates",
    check: Check::Certificate(check),
};

fn check(evidence: &CertificateEvidence<'_>) -> Outcome {
    let extensions = &evidence.tbs.extensions;
    let mut facts = Vec::new();
    if extensions.crl_distribution_points.is_some() {
        facts.push(Fact::new(
            "it names a distribution point for revocation lists, and nobody in a cluster fetches one",
        ));
    }
    if extensions.find(AUTHORITY_INFO_ACCESS).is_some() {
        facts.push(Fact::new(
            "it says where to ask for its issuer or its state (AIA), and nobody in a cluster asks",
        ));
    }
    facts.into()
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::tree::{PKI, Tree};
    use super::*;

    #[test]
    fn places_that_nobody_reads_are_noted() {
        for (words, message) in [
            ("", None),
            (
                "crldp=uri:http://crl.example.com/",
                Some(
                    "it names a distribution point for revocation lists, and nobody in a cluster fetches one",
                ),
            ),
            (
                "aia=ocsp:http://ocsp.example.com/",
                Some("it says where to ask for its issuer or its state (AIA), and nobody in a cluster asks"),
            ),
        ] {
            let mut tree = Tree::control_plane();
            tree.certificate(&format!("{PKI}/apiserver.crt"), words);
            let expected: Vec<String> = message
                .iter()
                .map(|message| format!("info etc/kubernetes/pki/apiserver.crt:1: {message}"))
                .collect();
            assert_eq!(tree.findings(RULE.id), expected, "{words}");
        }
    }
}
