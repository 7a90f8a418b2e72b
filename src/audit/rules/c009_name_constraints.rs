//! C009: a name outside of what a CA above may certify.

use super::super::{Answers, Gap, Scene};
use super::distinct::{Certificates, path};
use super::remedy::Reissue;
use super::{Check, Citation, Rule, Severity};
use crate::chain::{Policy, Reason, name_constraints_fault};
use crate::x509::SubjectAltName;

/// Comparisons of a name with a constraint on one node.
const MOST_COMPARISONS: usize = 1 << 20;

pub(super) static RULE: Rule = Rule {
    id: "C009",
    name: "outside-name-constraints",
    title: "A name lies outside of the name constraints above it",
    severity: Severity::High,
    citations: &[
        Citation::rfc("RFC 5280 section 4.2.1.10"),
        Citation::page(
            "cert-manager/cert-manager#2446",
            "https://github.com/cert-manager/cert-manager/issues/2446",
        ),
    ],
    explanation: "A CA above this certificate may certify certain names only, and one of its names is not among them: it is \
                  refused as a whole, whichever name was asked for. What Go accepts and the standard refuses is reported as \
                  medium.",
    fix: "Issue it again without that name, or under a CA that may certify it; `kpki inspect` shows the constraints of a CA.",
    applies_to: "certificates below a CA with name constraints",
    check: Check::Node(check),
};

fn check(scene: &Scene<'_>, answers: &mut Answers) {
    let mut left = MOST_COMPARISONS;
    for one in &Certificates::of(scene.node).all {
        let path = path(one.cert);
        let subtrees: usize = path
            .iter()
            .skip(1)
            .filter_map(|facts| facts.certificate.tbs.extensions.name_constraints.as_ref())
            .map(|constraints| constraints.value.permitted.len() + constraints.value.excluded.len())
            .sum();
        let is_constrained =
            path.iter().skip(1).any(|facts| facts.certificate.tbs.extensions.name_constraints.is_some());
        if !is_constrained {
            continue;
        }
        let names =
            path.iter().map(|facts| facts.certificate.tbs.extensions.names().len() + 1).sum::<usize>();
        let cost = names.saturating_mul(subtrees + 1);
        if cost > left {
            answers.leave(
                one,
                Gap::TooMuch,
                "there are too many names and name constraints to compare them all",
            );
            continue;
        }
        left -= cost;
        answers.look();
        let certificates: Vec<_> = path.iter().map(|facts| &facts.certificate).collect();
        for (policy, severity) in [(Policy::Kubernetes, Severity::High), (Policy::Rfc5280, Severity::Medium)]
        {
            // What cannot be read is P025's, and what an issuer says amiss stands with the issuer.
            let own = name_constraints_fault(&certificates, policy)
                .filter(|fault| fault.reason == Reason::NameConstraints && fault.concerns.unwrap_or(0) == 0);
            if let Some(fault) = own {
                let names = one.cert.tbs().extensions.names();
                let outside = |name: &&SubjectAltName| fault.detail.contains(&name.to_string());
                let without: Vec<SubjectAltName> = names.iter().filter(outside).cloned().collect();
                let fact = answers.fail(one, format!("{}{}", fault.detail, one.elsewhere()));
                fact.severity(severity);
                if !without.is_empty() && without.len() < names.len() {
                    let first = "Take it from a CA that may certify the name; where nobody needs that name, leave it out:";
                    fact.fix(Reissue { without, ..Reissue::default() }.first(first));
                }
                break;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::tree::{PKI, Tree};
    use super::*;
    use crate::forge;

    fn with(constraints: &str, leaf: &str) -> Vec<String> {
        let root = forge::ca(&format!("cn=root nc={constraints}"));
        let mut tree = Tree::empty();
        tree.file(&format!("{PKI}/root.crt"), 0o644, root.pem());
        tree.put(&format!("{PKI}/leaf.crt"), root.leaf(leaf), "");
        tree.findings("C009")
    }

    #[test]
    fn names_must_lie_within() {
        assert_eq!(with("permit:dns:example.com", "cn=a sans=dns:a.example.com"), [""; 0]);
        assert_eq!(
            with("permit:dns:example.com", "cn=a sans=dns:a.example.com,dns:a.example.org"),
            [
                "high etc/kubernetes/pki/leaf.crt:1: DNS:a.example.org is outside of what CN=root permits: DNS:example.com"
            ]
        );
        assert_eq!(
            with("exclude:ip:10.0.0.0/8", "cn=a sans=ip:10.1.2.3"),
            [
                "high etc/kubernetes/pki/leaf.crt:1: IP:10.1.2.3 is within what CN=root excludes: IP:10.0.0.0/8"
            ]
        );
        // Go never looks at subjects.
        let found = with("permit:dir:o=Acme", "o=Other cn=a sans=dns:a");
        assert_eq!(found.len(), 1);
        assert!(found[0].starts_with("medium etc/kubernetes/pki/leaf.crt:1: "), "{found:?}");
        assert!(Tree::control_plane().not_applicable(&RULE));
    }
}
