//! N005: what is renewed on one node is renewed on all.

use std::collections::BTreeMap;

use time::Duration;

use super::super::{Answers, Estate, Place, Role};
use super::between::{Found, leaves, name, nodes};
use super::{Check, Citation, Rule, Severity};

pub(super) static RULE: Rule = Rule {
    id: "N005",
    name: "renewed-here-not-there",
    title: "Certificates were renewed on one node and not on another",
    severity: Severity::High,
    citations: &[
        Citation::page(
            "Kubernetes: certificate management with kubeadm",
            "https://kubernetes.io/docs/tasks/administer-cluster/kubeadm/kubeadm-certs/#manual-certificate-renewal",
        ),
        Citation::page(
            "Kubernetes: PKI certificates and requirements",
            "https://kubernetes.io/docs/setup/best-practices/certificates/",
        ),
    ],
    explanation: "`kubeadm certs renew` works on the node on which it runs, and has to be run on every control plane. Whoever looks \
                  at one of them thinks that all is well, until the other one's certificates end and it drops out.",
    fix: "Renew them on this node as well: `kubeadm certs renew all`, then restart its static pods.",
    applies_to: "certificates that several nodes have",
    check: Check::Estate(check),
};

/// Nodes that were made in the same days differ by less.
const SPREAD: Duration = Duration::days(30);

// Milder than the catalogue while there is time: a control plane that joined months later differs just so, and nothing is wrong until the
// older ones draw near their end.
fn check(estate: &Estate<'_>, answers: &mut Answers) {
    let mut by_role: BTreeMap<Role, Vec<(&str, Found<'_>)>> = BTreeMap::new();
    for (_, node) in nodes(estate) {
        let mut own: BTreeMap<Role, Found<'_>> = BTreeMap::new();
        for (role, found) in leaves(estate, node).into_iter().filter(|(role, _)| is_renewed_by_hand(*role)) {
            let latest = own.entry(role).or_insert(found);
            if found.certificate.not_after > latest.certificate.not_after {
                *latest = found;
            }
        }
        for (role, found) in own {
            by_role.entry(role).or_default().push((name(node), found));
        }
    }
    let at = estate.policy.at;
    for (role, found) in by_role.into_iter().filter(|(_, found)| found.len() > 1) {
        answers.look();
        let latest = found.iter().max_by_key(|(_, found)| found.certificate.not_after);
        let Some((other, latest)) = latest else { continue };
        for (_, own) in &found {
            let (begins, ends) = (own.certificate.not_before, own.certificate.not_after);
            if latest.certificate.not_after - ends <= SPREAD || at < ends - (ends - begins) / 3 {
                continue;
            }
            let verb = if ends < at { "ended" } else { "ends" };
            let message = format!(
                "its {role} {verb} on {}, that of {other} ends on {}: it was renewed there and not here",
                ends.date(),
                latest.certificate.not_after.date()
            );
            let fact = answers.fail(Place::record(own.number), message);
            if ends - at > SPREAD {
                fact.severity(Severity::Medium);
            }
        }
    }
}

/// Kubelets renew their own, and users come and go.
fn is_renewed_by_hand(role: Role) -> bool {
    !matches!(
        role,
        Role::KubeletClient | Role::KubeletServing | Role::User | Role::SuperAdmin | Role::ServiceAccount
    )
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::tree::{PKI, Tree, findings, in_days};

    fn trees(until: &str) -> [Tree; 3] {
        let mut trees = Tree::control_planes();
        trees[2].certificate(&format!("{PKI}/apiserver.crt"), &format!("from=-300d until={until}"));
        trees
    }

    fn found(trees: &[Tree]) -> Vec<String> {
        findings(&trees.iter().collect::<Vec<_>>(), "N005")
    }

    #[test]
    fn what_was_forgotten_on_one_node_fires() {
        let place = "cp3 etc/kubernetes/pki/apiserver.crt:1";
        for (until, finding) in [
            ("+364d", None),
            // In the first two thirds of its life: it only began earlier.
            ("+320d", None),
            (
                "+60d",
                Some(format!(
                    "medium {place}: its apiserver ends on 2026-07-31, that of cp2 ends on 2027-05-31: it was renewed there and \
                     not here"
                )),
            ),
            (
                "+20d",
                Some(format!(
                    "high {place}: its apiserver ends on 2026-06-21, that of cp2 ends on 2027-05-31: it was renewed there and not \
                     here"
                )),
            ),
            (
                "-1d",
                Some(format!(
                    "high {place}: its apiserver ended on 2026-05-31, that of cp2 ends on 2027-05-31: it was renewed there and \
                     not here"
                )),
            ),
        ] {
            assert_eq!(found(&trees(until)), finding.into_iter().collect::<Vec<_>>(), "{until}");
        }
    }

    #[test]
    fn all_of_one_age_are_no_matter_of_this_rule() {
        let mut trees = Tree::control_planes();
        for tree in &mut trees {
            tree.policy.at = in_days(350);
        }
        assert_eq!(found(&trees), [""; 0]);
    }

    #[test]
    fn what_kubelets_renew_themselves_is_left_out() {
        let mut trees = Tree::control_planes();
        let path = "var/lib/kubelet/pki/kubelet-client-2026-05-31-11-55-00.pem";
        trees[1].certificate(path, "from=-300d until=+10d");
        assert_eq!(found(&trees), [""; 0]);
    }
}
