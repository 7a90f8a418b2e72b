//! K013: who the controller manager and the scheduler say they are.

use super::super::{Answers, Role, Scene};
use super::remedy::Reissue;
use super::subjects::{common_name, groups, in_use};
use super::{Check, Citation, Rule, Severity};

pub(super) static RULE: Rule = Rule {
    id: "K013",
    name: "component-subject",
    title: "The controller manager or the scheduler has another subject than it should",
    severity: Severity::High,
    citations: &[
        Citation::page(
            "Kubernetes: PKI certificates and requirements",
            "https://kubernetes.io/docs/setup/best-practices/certificates/#configure-certificates-for-user-accounts",
        ),
        Citation::page(
            "Kubernetes RBAC: core component roles",
            "https://kubernetes.io/docs/reference/access-authn-authz/rbac/#core-component-roles",
        ),
    ],
    explanation: "RBAC binds the users system:kube-controller-manager and system:kube-scheduler to the roles that they need. Under another \
                  name the component may do nothing; with a group it may do more than it needs, and who reads the file may too.",
    fix: "Write it anew: `kpki issue controller-manager --kubeconfig FILE --force`, or for the scheduler `kpki issue \
          scheduler --kubeconfig FILE --force`, and restart the component.",
    applies_to: "kubeconfigs of the controller manager and the scheduler",
    check: Check::Node(check),
};

fn check(scene: &Scene<'_>, answers: &mut Answers) {
    for (role, user) in [
        (Role::ControllerManager, "system:kube-controller-manager"),
        (Role::Scheduler, "system:kube-scheduler"),
    ] {
        for cert in in_use(scene.node, role) {
            answers.look();
            let subject = &cert.tbs().subject;
            if subject.common_name() != Some(user) {
                answers
                    .fail(cert, format!("it has {}, and CN={user} is right", common_name(subject)))
                    .fix(Reissue::afresh(role));
            }
            let own = subject.organizations();
            if own.is_empty() {
                continue;
            }
            let fact = answers.fail(cert, format!("it has {}, and no O is right", groups(subject)));
            fact.fix(Reissue::afresh(role));
            // Kubernetes the Hard Way gave each component a group of its own name, which nothing binds.
            if own.iter().all(|group| *group == user) {
                fact.severity(Severity::Low);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::tree::Tree;
    use super::*;

    #[test]
    fn the_subject_is_exact() {
        let mut tree = Tree::control_plane();
        assert_eq!(tree.findings("K013"), [""; 0]);
        tree.kubeconfig("etc/kubernetes/scheduler.conf", "cn=kube-scheduler o=system:masters eku=client");
        tree.kubeconfig(
            "etc/kubernetes/controller-manager.conf",
            "cn=system:kube-controller-manager o=system:kube-controller-manager eku=client",
        );
        let found: Vec<String> = tree
            .findings("K013")
            .iter()
            .map(|found| found.split(':').next().unwrap().to_owned() + found.split_once(": ").unwrap().1)
            .collect();
        assert_eq!(
            found,
            [
                "high etc/kubernetes/scheduler.confit has CN=kube-scheduler, and CN=system:kube-scheduler is right",
                "high etc/kubernetes/scheduler.confit has O=system:masters, and no O is right",
                "low etc/kubernetes/controller-manager.confit has O=system:kube-controller-manager, and no O is right",
            ]
        );
        assert!(Tree::worker().not_applicable(&RULE));
    }
}
