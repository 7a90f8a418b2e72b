//! P009: a key that Kubernetes' components can use.

use super::{CertificateEvidence, Check, Citation, Fact, Outcome, Rule, Severity};
use crate::x509::{Printable, PublicKeyKind};

pub(super) static RULE: Rule = Rule {
    id: "P009",
    name: "key-algorithm",
    title: "The key is of an algorithm or curve that Kubernetes cannot use",
    severity: Severity::High,
    citations: &[
        Citation::page(
            "kubeadm pki_helpers.go",
            "https://github.com/kubernetes/kubernetes/blob/master/cmd/kubeadm/app/util/pkiutil/pki_helpers.go",
        ),
        Citation::page("kubernetes/kubeadm#984", "https://github.com/kubernetes/kubeadm/issues/984"),
        Citation::rfc("RFC 8422 section 5.1.1"),
    ],
    explanation: "Go's TLS takes RSA, ECDSA on P-256, P-384 or P-521, and Ed25519; a handshake with any other key fails. \
                  Ed25519 works in every handshake, but kubeadm reads RSA and ECDSA keys only and so cannot renew or sign \
                  with such a key; that is reported as info.",
    fix: "Make a new key with `--algorithm ECDSA-P256` and issue the certificate again.",
    applies_to: "certificates",
    check: Check::Certificate(check),
};

fn check(evidence: &CertificateEvidence<'_>) -> Outcome {
    let key = evidence.tbs.public_key.kind();
    let fact = match key {
        PublicKeyKind::Rsa { .. } => return Outcome::Pass,
        PublicKeyKind::Ec(curve) if matches!(curve.as_str(), "P-256" | "P-384" | "P-521") => {
            return Outcome::Pass;
        }
        PublicKeyKind::Ed25519 => {
            Fact::milder(Severity::Info, "the key is an Ed25519 key, which kubeadm cannot read")
        }
        PublicKeyKind::RsaPss { .. }
        | PublicKeyKind::MlDsa(_)
        | PublicKeyKind::Ec(_)
        | PublicKeyKind::Other(_) => Fact::new(format!("the key is {}", Printable(&key.to_string()))),
    };
    Outcome::Fail(vec![fact])
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::{Bench, ec_key, ed25519_key, rsa_key};
    use super::*;

    #[test]
    fn curves_outside_of_tls_fire() {
        let p384 = [0x2b, 0x81, 4, 0, 34];
        let secp256k1 = [0x2b, 0x81, 4, 0, 10];
        for (key, expected) in [
            (rsa_key(2048, 65_537), None),
            (ec_key(&p384), None),
            (ec_key(&secp256k1), Some((Severity::High, "the key is ECDSA on 1.3.132.0.10"))),
            (ed25519_key(), Some((Severity::Info, "the key is an Ed25519 key, which kubeadm cannot read"))),
        ] {
            let mut bench = Bench::server();
            bench.tbs.public_key = key;
            let expected: Vec<_> = expected.into_iter().map(|(s, m)| (s, m.to_owned())).collect();
            assert_eq!(bench.findings(&RULE), expected);
        }
    }
}
