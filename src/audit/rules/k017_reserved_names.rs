//! K017: users with names that Kubernetes keeps for itself.

use super::super::{Answers, Cert, Role, Scene};
use super::distinct::Certificates;
use super::subjects::MASTERS;
use super::{Check, Citation, Rule, Severity};
use crate::x509::{ExtendedKeyUsage, Printable, SubjectAltName};

pub(super) static RULE: Rule = Rule {
    id: "K017",
    name: "reserved-names",
    title: "A user's certificate has a name that Kubernetes keeps for itself",
    severity: Severity::High,
    citations: &[Citation::page(
        "Kubernetes RBAC: referring to subjects",
        "https://kubernetes.io/docs/reference/access-authn-authz/rbac/#referring-to-subjects",
    )],
    explanation: "Names that begin with system: are those of Kubernetes' own components and groups, and RBAC binds many of them. Somebody \
                  with such a name is taken for the component, in what it may do and in the audit log.",
    fix: "Issue it again under a name and with groups of your own: `kpki issue user NAME --group GROUP --kubeconfig \
          NAME.conf`. The profile refuses reserved names.",
    applies_to: "users' client certificates",
    check: Check::Node(check),
};

/// Users of Kubernetes' components, k3s and RKE2 among them, that have no role of their own here. Sources: the pages on PKI, on
/// konnectivity and on RBAC's core component roles; k3s's `pkg/daemons/control/deps`.
const USERS: [&str; 9] = [
    "system:kube-proxy",
    "system:konnectivity-server",
    "system:kube-controller-manager",
    "system:kube-scheduler",
    "system:apiserver",
    "system:admin",
    "system:auth-proxy",
    "system:k3s-controller",
    "system:rke2-controller",
];

/// The groups that such clients have.
const GROUPS: [&str; 2] = ["system:node-proxier", "system:bootstrappers"];

fn check(scene: &Scene<'_>, answers: &mut Answers) {
    for one in Certificates::of(scene.node).all {
        let cert = one.cert;
        let unknown = match one.role() {
            None => cert.found().position == 0 && !cert.is_ca() && cert.may_be_client(),
            Some(role) => role == Role::User,
        };
        let subject = &cert.tbs().subject;
        // What has ended is believed no more.
        if !unknown || cert.tbs().validity.not_after < scene.policy.at {
            continue;
        }
        answers.look();
        // RKE gives all kubelets one certificate.
        let is_rkes = subject.common_name() == Some("system:node");
        if let Some(name) = subject.common_name()
            && is_reserved(name)
            && !USERS.contains(&name)
            && !serves(cert)
        {
            let fact = answers.fail(cert, format!("its user is {}", Printable(name)));
            if is_rkes {
                fact.severity(Severity::Medium);
            }
        }
        // Those in system:masters are another rule's (K016). A component's group of its own name is bound by nothing.
        let own = subject.common_name().unwrap_or_default();
        let strange = |group: &&str| {
            let within = |known: &&str| {
                group.strip_prefix(*known).is_some_and(|rest| rest.is_empty() || rest.starts_with(':'))
            };
            is_reserved(group) && *group != MASTERS && !GROUPS.iter().any(within) && *group != own
        };
        for group in subject.organizations().into_iter().filter(strange).take(8) {
            let fact = answers.fail(cert, format!("it is in the group {}", Printable(group)));
            if is_rkes {
                fact.severity(Severity::Medium);
            }
        }
    }
}

/// Whether it is a server's, with a server's names, which may be a client as well: nobody's user.
fn serves(cert: Cert<'_>) -> bool {
    let extensions = &cert.tbs().extensions;
    let is_host = |name: &SubjectAltName| matches!(name, SubjectAltName::Dns(_) | SubjectAltName::Ip(_));
    extensions.purposes().contains(&ExtendedKeyUsage::ServerAuth) && extensions.names().iter().any(is_host)
}

fn is_reserved(name: &str) -> bool {
    name.starts_with("system:")
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::tree::{PKI, Tree};
    use super::*;

    #[test]
    fn reserved_names_are_components() {
        let mut tree = Tree::control_plane();
        let file = format!("{PKI}/jane.crt");
        for (words, findings) in [
            ("cn=jane o=dev", vec![]),
            ("cn=jane o=system:masters", vec![]),
            ("cn=system:kube-proxy o=system:node-proxier", vec![]),
            ("cn=a o=system:bootstrappers:kubeadm:default-node-token", vec![]),
            ("cn=jane o=system:nodes", vec!["it is in the group system:nodes"]),
            (
                "cn=system:serviceaccount:kube-system:default o=system:serviceaccounts",
                vec![
                    "its user is system:serviceaccount:kube-system:default",
                    "it is in the group system:serviceaccounts",
                ],
            ),
        ] {
            tree.leaf(&file, &format!("{words} eku=client"));
            let findings: Vec<String> =
                findings.iter().map(|message| format!("high {file}:1: {message}")).collect();
            assert_eq!(tree.findings("K017"), findings, "{words}");
        }
    }

    #[test]
    fn a_server_is_no_user() {
        let mut tree = Tree::empty();
        assert!(tree.not_applicable(&RULE));
        let leaf = Tree::control_plane().ca("ca").leaf("cn=system:web o=system:web eku=server");
        tree.put("web.crt", leaf, "");
        assert!(tree.not_applicable(&RULE));
    }
}
