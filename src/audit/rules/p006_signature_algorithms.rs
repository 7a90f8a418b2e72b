//! P006: the signature algorithm is named twice, alike, and with the parameters that its standard demands.

use super::signature::{self, Parameters};
use super::{CertificateEvidence, Check, Citation, Fact, Outcome, Rule, Severity};
use crate::x509::Printable;

pub(super) static RULE: Rule = Rule {
    id: "P006",
    name: "signature-algorithms",
    title: "The signature algorithm contradicts itself",
    severity: Severity::Medium,
    citations: &[
        Citation::rfc("RFC 5280 section 4.1.1.2"),
        Citation::rfc("RFC 4055 section 5"),
        Citation::rfc("RFC 5758 section 3.2"),
        Citation::rfc("RFC 8410 section 3"),
    ],
    explanation: "The algorithm stands in the signed part and again beside the signature. Where the two differ, or where \
                  the parameters are not those of the standard (NULL for RSA, none for ECDSA and Ed25519), strict verifiers \
                  refuse the certificate, and lenient ones can be led to another algorithm than the one that was signed.",
    fix: "Issue it again with a tool that writes the algorithm by the standard.",
    applies_to: "certificates",
    check: Check::Certificate(check),
};

/// The DER of NULL (X.690 section 8.8).
const NULL: [u8; 2] = [5, 0];

fn check(evidence: &CertificateEvidence<'_>) -> Outcome {
    let tbs = evidence.tbs;
    let mut facts = Vec::new();
    if let Some(algorithm) = signature::find(&tbs.signature_algorithm) {
        let parameters = tbs.signature_parameters.as_deref();
        match algorithm.parameters {
            Parameters::Null if parameters != Some(&NULL) => {
                facts.push(Fact::new(format!("the parameters of {} are not NULL", algorithm.name)));
            }
            Parameters::Absent if parameters.is_some() => {
                facts.push(Fact::new(format!("{} has parameters", algorithm.name)));
            }
            Parameters::Null | Parameters::Absent | Parameters::Pss => {}
        }
    }
    let Some(outer) = evidence.outer_signature else {
        return if facts.is_empty() {
            Outcome::NotApplicable("nothing is signed yet, so there is no second algorithm to compare")
        } else {
            facts.into()
        };
    };
    if outer.algorithm != tbs.signature_algorithm {
        let name = |oid| signature::find(oid).map_or(oid, |algorithm| algorithm.name);
        facts.push(Fact::new(format!(
            "{} was signed, {} stands beside the signature",
            Printable(name(&tbs.signature_algorithm)),
            Printable(name(outer.algorithm))
        )));
    } else if outer.parameters != tbs.signature_parameters.as_deref() {
        facts.push(Fact::new("the parameters beside the signature are not those that were signed"));
    }
    facts.into()
}

#[cfg(test)]
mod tests {
    use super::super::super::OuterSignature;
    use super::super::super::testing::Bench;
    use super::*;

    const ECDSA: &str = "1.2.840.10045.4.3.2";
    const RSA: &str = "1.2.840.113549.1.1.11";

    #[test]
    fn both_algorithms_and_their_parameters_are_compared() {
        let beside = "the parameters beside the signature are not those that were signed";
        let rsa = "the parameters of sha256WithRSAEncryption are not NULL";
        for (inner, outer, messages) in [
            ((ECDSA, None), (ECDSA, None), vec![]),
            ((RSA, Some(&NULL[..])), (RSA, Some(&NULL[..])), vec![]),
            ((ECDSA, None), (ECDSA, Some(&NULL)), vec![beside]),
            ((ECDSA, Some(&NULL)), (ECDSA, Some(&NULL)), vec!["ecdsa-with-SHA256 has parameters"]),
            ((RSA, None), (RSA, None), vec![rsa]),
            ((RSA, Some(&[4, 0])), (RSA, Some(&NULL)), vec![rsa, beside]),
            (
                (ECDSA, None),
                ("1.2.3", None),
                vec!["ecdsa-with-SHA256 was signed, 1.2.3 stands beside the signature"],
            ),
            (("1.2.3", Some(&NULL)), ("1.2.3", Some(&NULL)), vec![]),
        ] {
            let mut bench = Bench::server();
            bench.tbs.signature_algorithm = inner.0.into();
            bench.tbs.signature_parameters = inner.1.map(<[u8]>::to_vec);
            bench.outer_signature = Some(OuterSignature { algorithm: outer.0, parameters: outer.1 });
            assert_eq!(bench.messages(&RULE), messages, "{inner:?} {outer:?}");
        }
    }

    #[test]
    fn a_draft_has_one_algorithm_only() {
        let mut bench = Bench::server();
        bench.outer_signature = None;
        assert!(bench.not_applicable(&RULE));
        bench.tbs.signature_parameters = Some(NULL.to_vec());
        assert!(bench.fires(&RULE), "its parameters are judged all the same");
    }
}
