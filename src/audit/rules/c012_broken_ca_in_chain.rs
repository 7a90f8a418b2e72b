//! C012: a chain only through a CA's certificate that no longer counts.

use std::collections::HashMap;

use super::super::{Answers, Cert, Scene, Signing};
use super::distinct::{Certificates, End, Use};
use super::remedy::{CaChange, Cure};
use super::{Check, Citation, Rule, Severity, dates};
use crate::x509::SignatureFault;

/// No chain is longer.
const LONGEST_CHAIN: usize = 8;

pub(super) static RULE: Rule = Rule {
    id: "C012",
    name: "broken-ca-in-chain",
    title: "Certificates verify only through an expired or weakly signed CA",
    severity: Severity::High,
    citations: &[
        Citation::rfc("RFC 5280 section 6.1"),
        Citation::page("Go 1.18 release notes: crypto/x509", "https://go.dev/doc/go1.18#sha1"),
    ],
    explanation: "Every certificate of a chain must be valid, that of the trusted CA too, and signed soundly, that one excepted. The \
                  leaves are in order, but no other certificate of this CA is there through which they would verify.",
    fix: "Renew this CA's certificate with the same key, which keeps its leaves alive, or issue the leaves under another CA.",
    applies_to: "CAs above certificates in use",
    check: Check::Node(check),
};

/// What is wrong with a CA in a chain.
enum Wrong {
    Ended,
    Early,
    Weak(&'static str),
}

fn check(scene: &Scene<'_>, answers: &mut Answers) {
    let at = scene.policy.at;
    let certificates = Certificates::of(scene.node);
    // By the CA's number: how many leaves hang on it.
    let mut broken: HashMap<usize, (Cert<'_>, Wrong, usize)> = HashMap::new();
    for one in &certificates.all {
        let is_leaf = !one.cert.is_ca() && !one.is_anchor() && one.cert.tbs().validity.contains(at);
        if one.usage == Use::Old || !is_leaf {
            continue;
        }
        let mut current = one.cert;
        for _ in 0..LONGEST_CHAIN {
            let Some(issuer) = current.issuer_here().filter(|issuer| issuer.index != current.index) else {
                break;
            };
            answers.look();
            let validity = issuer.tbs().validity;
            if !validity.contains(at) && !has_other(issuer, at) {
                let wrong = if validity.not_after < at { Wrong::Ended } else { Wrong::Early };
                broken.entry(issuer.index).or_insert((issuer, wrong, 0)).2 += 1;
            }
            current = issuer;
        }
        if let End::AnotherKey(last, SignatureFault::Broken(algorithm)) = certificates.climb(one.cert)
            && last.index != one.cert.index
            && matches!(last.found().signing, Signing::AnotherKey(..))
        {
            broken.entry(last.index).or_insert((last, Wrong::Weak(algorithm), 0)).2 += 1;
        }
    }
    let mut broken: Vec<_> = broken.into_values().collect();
    broken.sort_by_key(|(ca, _, _)| ca.index);
    for (ca, wrong, leaves) in broken {
        let one = certificates.get(ca);
        let elsewhere = one.map(super::distinct::Distinct::elsewhere).unwrap_or_default();
        let verify = if leaves == 1 { "certificate verifies" } else { "certificates verify" };
        let validity = ca.tbs().validity;
        let early = matches!(wrong, Wrong::Early);
        let why = match wrong {
            Wrong::Ended => format!("which ended on {}", dates::shown(validity.not_after)),
            Wrong::Early => format!("which begins on {}", dates::shown(validity.not_before)),
            Wrong::Weak(algorithm) => format!("which is signed with {algorithm}"),
        };
        let place = one.map_or(ca, |one| one.cert);
        let fact = answers.fail(place, format!("{leaves} {verify} only through this CA, {why}{elsewhere}"));
        if !early {
            fact.fix(Cure::default().renew_ca(Some(ca), CaChange::default()));
        }
    }
}

/// Whether another certificate of the same name and key is in its life.
fn has_other(ca: Cert<'_>, at: time::OffsetDateTime) -> bool {
    ca.node
        .certs_with_key(&ca.spki())
        .take(64)
        .any(|other| other.tbs().subject == ca.tbs().subject && other.tbs().validity.contains(at))
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::tree::{PKI, Tree};
    use super::*;

    #[test]
    fn an_expired_ca_is_told_with_what_hangs_on_it() {
        let mut tree = Tree::control_plane();
        assert_eq!(tree.findings("C012"), [""; 0]);
        let old = tree.ca("front-proxy-ca").reissue("until=-3d");
        tree.file(&format!("{PKI}/front-proxy-ca.crt"), 0o644, old.pem());
        assert_eq!(
            tree.findings("C012"),
            [
                "high etc/kubernetes/pki/front-proxy-ca.crt:1: 1 certificate verifies only through this CA, which ended on \
                 2026-05-29 12:00 UTC"
            ]
        );
        // With its successor beside it, the chain holds.
        tree.file(&format!("{PKI}/other.crt"), 0o644, tree.ca("front-proxy-ca").pem());
        assert_eq!(tree.findings("C012"), [""; 0]);
        assert!(Tree::empty().not_applicable(&RULE));
    }

    #[test]
    fn a_weakly_signed_intermediate_is_told() {
        let mut tree = Tree::control_plane();
        let middle = tree.ca("ca").ca("cn=middle key=p256:middle sig=sha1");
        let leaf = middle.leaf("cn=kube-apiserver eku=server key=p256:apiserver");
        tree.file(&format!("{PKI}/apiserver.crt"), 0o644, leaf.pem() + &middle.pem());
        let found = tree.findings("C012");
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(
            found[0].ends_with(
                ": 1 certificate verifies only through this CA, which is signed with ECDSA with SHA-1"
            ),
            "{found:?}"
        );
    }
}
