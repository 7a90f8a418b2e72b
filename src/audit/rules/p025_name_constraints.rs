//! P025: name constraints that constrain.

use super::{CertificateEvidence, Check, Citation, Fact, Outcome, Rule, Severity};
use crate::x509::GeneralSubtree;

pub(super) static RULE: Rule = Rule {
    id: "P025",
    name: "name-constraints",
    title: "Name constraints do not constrain what they seem to",
    severity: Severity::Medium,
    citations: &[
        Citation::rfc("RFC 5280 section 4.2.1.10"),
        Citation::page(
            "Go package crypto/x509, type Certificate",
            "https://pkg.go.dev/crypto/x509#Certificate",
        ),
    ],
    explanation: "Name constraints bind a CA, and only if every verifier must obey them, so they must be critical; on a leaf, \
                  or empty, they say nothing. A DNS constraint is a bare domain: with a leading dot, a wildcard, a port or as \
                  a URL it means different things to different verifiers. Go knows DNS, IP, e-mail and URI constraints and \
                  refuses every chain under a critical one of another kind.",
    fix: "Issue the CA again with `--name-constraint permit:dns:example.com`: critical, and domains without a dot in front.",
    applies_to: "certificates",
    check: Check::Certificate(check),
};

fn check(evidence: &CertificateEvidence<'_>) -> Outcome {
    let Some(constraints) = &evidence.tbs.extensions.name_constraints else {
        return Outcome::NotApplicable("it has no name constraints");
    };
    let mut facts = Vec::new();
    if !evidence.is_ca() {
        facts.push(Fact::new("it has name constraints and is not a CA"));
    }
    if !constraints.critical {
        facts.push(Fact::new("its name constraints are not critical"));
    }
    if constraints.value.is_empty() {
        facts.push(Fact::new("its name constraints are empty"));
    }
    for subtree in constraints.value.permitted.iter().chain(&constraints.value.excluded) {
        if let Some(problem) = problem(subtree) {
            facts.push(Fact::new(format!("the name constraint {subtree}: {problem}")));
        }
    }
    facts.into()
}

fn problem(subtree: &GeneralSubtree) -> Option<&'static str> {
    match subtree {
        GeneralSubtree::Dns(name) if name.starts_with('.') => Some("a domain has no dot in front"),
        GeneralSubtree::Dns(name) if name.contains(['*', '/', ':']) => {
            Some("it is not a domain: leave out wildcard, scheme, path and port")
        }
        GeneralSubtree::Directory(_) | GeneralSubtree::Other(_) => Some("Go does not know this kind"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::Bench;
    use super::*;
    use crate::x509::{Marked, NameConstraints};

    #[test]
    fn constraints_are_critical_on_a_ca_and_well_formed() {
        let dns = |name: &str| GeneralSubtree::Dns(name.to_owned());
        let bare = "it is not a domain: leave out wildcard, scheme, path and port";
        for (critical, permitted, message) in [
            (true, vec![dns("example.com"), "ip:10.0.0.0/8".parse().unwrap()], None),
            (true, vec![GeneralSubtree::Uri("example.com".into())], None),
            (true, vec![dns("")], None),
            (false, vec![dns("example.com")], Some("its name constraints are not critical".to_owned())),
            (true, vec![], Some("its name constraints are empty".into())),
            (
                true,
                vec![dns(".example.com")],
                Some("the name constraint DNS:.example.com: a domain has no dot in front".into()),
            ),
            (
                true,
                vec![dns("https://example.com")],
                Some(format!("the name constraint DNS:https://example.com: {bare}")),
            ),
            (
                true,
                vec![dns("*.example.com")],
                Some(format!("the name constraint DNS:*.example.com: {bare}")),
            ),
            (
                true,
                vec![GeneralSubtree::Other("directoryName:O=a".into())],
                Some("the name constraint directoryName:O=a: Go does not know this kind".into()),
            ),
        ] {
            let mut bench = Bench::ca();
            let value = NameConstraints { permitted, excluded: vec![] };
            bench.tbs.extensions.name_constraints = Some(Marked { critical, value });
            assert_eq!(bench.messages(&RULE), message.into_iter().collect::<Vec<_>>());
        }
        assert!(Bench::ca().not_applicable(&RULE));
    }

    #[test]
    fn a_leaf_constrains_nobody_and_exclusions_are_read_too() {
        let mut bench = Bench::server();
        let excluded = vec![GeneralSubtree::Dns(".a".into())];
        bench.tbs.extensions.name_constraints =
            Some(Marked { critical: true, value: NameConstraints { permitted: vec![], excluded } });
        assert_eq!(
            bench.messages(&RULE),
            [
                "it has name constraints and is not a CA",
                "the name constraint DNS:.a: a domain has no dot in front"
            ]
        );
    }
}
