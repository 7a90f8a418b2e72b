//! K016: who is in system:masters.

use super::super::{Answers, Role, Scene};
use super::distinct::Certificates;
use super::subjects::{MASTERS, client_authorities, common_name, is_believed, is_in};
use super::{Check, Citation, Rule, Severity};
use crate::x509::quoted;

pub(super) static RULE: Rule = Rule {
    id: "K016",
    name: "masters",
    title: "A certificate is in system:masters",
    severity: Severity::High,
    citations: &[
        Citation::page(
            "kubernetes/kubernetes#98092",
            "https://github.com/kubernetes/kubernetes/issues/98092",
        ),
        Citation::page(
            "Kubernetes RBAC good practices: least privilege",
            "https://kubernetes.io/docs/concepts/security/rbac-good-practices/#least-privilege",
        ),
    ],
    explanation: "Nothing stands in the way of its holder: neither RBAC nor a webhook is asked. Kubernetes cannot revoke a certificate, so \
                  the only way to take these rights away before its end is a new CA. Those whose place says so anyhow \
                  (super-admin.conf), and those of which another rule says that they should not be (K006, K009, K013, K014), are \
                  listed for information.",
    fix: "Give its holder a certificate with a group that RBAC binds, `kpki issue user NAME --group GROUP --kubeconfig \
          NAME.conf`, and plan a rotation of the CA where the old one may be in other hands.",
    applies_to: "client certificates of the API server",
    check: Check::Node(check),
};

/// The users of the administrators that installers make: kubeadm before 1.29, Kubernetes the Hard Way, kubeasz, RKE, k3s, RKE2, kOps and
/// minikube.
const ADMINISTRATORS: [&str; 6] =
    ["admin", "kube-admin", "kubecfg", "kubernetes-admin", "minikube-user", "system:admin"];

fn check(scene: &Scene<'_>, answers: &mut Answers) {
    let node = scene.node;
    let authorities = client_authorities(node);
    for one in Certificates::of(node).all {
        let cert = one.cert;
        if cert.found().position > 0 || cert.is_ca() || !cert.may_be_client() {
            continue;
        }
        answers.look();
        // What has ended grants nothing any more.
        let ended = cert.tbs().validity.not_after < scene.policy.at;
        if ended || !is_in(&cert.tbs().subject, MASTERS) || is_believed(cert, &authorities) == Some(false) {
            continue;
        }
        let message = format!("{} is in system:masters", common_name(&cert.tbs().subject));
        let name = cert.tbs().subject.common_name().unwrap_or("NAME");
        let anew = format!(
            "Give its holder a certificate with a group that RBAC binds, `kpki issue user {} --group GROUP --kubeconfig NAME.conf`: the group \
             is yours to choose. The one of now stays good until its end; where it may be in other hands, plan a rotation of the CA.",
            quoted(name)
        );
        match one.roles.iter().find(|role| **role != Role::User) {
            // Of clients of etcd, K007 knows whether the API server believes them.
            Some(Role::ApiserverEtcdClient | Role::EtcdClient | Role::EtcdServer | Role::EtcdPeer) => {}
            Some(role) => {
                answers
                    .fail(cert, format!("{message}, as {role}"))
                    .severity(Severity::Info)
                    .fix("Nothing has to be done while it is kept where few can read it.");
            }
            None => {
                let fact = answers
                    .fail(cert, format!("{message}, and nothing takes that away before its end"))
                    .fix(anew);
                if ADMINISTRATORS.contains(&name) {
                    fact.severity(Severity::Medium);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::tree::{PKI, Tree};
    use super::*;

    fn found(tree: &Tree) -> Vec<String> {
        let without_line = |found: &String| {
            let (place, message) = found.split_once(": ").unwrap();
            format!("{}: {message}", place.split(':').next().unwrap())
        };
        tree.findings("K016").iter().map(without_line).collect()
    }

    #[test]
    fn all_are_listed_and_strangers_are_high() {
        let mut tree = Tree::control_plane();
        let super_admin = "info etc/kubernetes/super-admin.conf: CN=kubernetes-super-admin is in system:masters, as super-admin";
        assert_eq!(found(&tree), [super_admin]);
        tree.kubeconfig("etc/kubernetes/admin.conf", "o=system:masters cn=kubernetes-admin eku=client");
        let jane = format!("{PKI}/jane.crt");
        tree.leaf(&jane, "o=system:masters cn=jane eku=client");
        // The same one elsewhere is no other holder.
        let text = tree.text(&jane);
        tree.file("etc/kubernetes/users/jane.crt", 0o644, text);
        assert_eq!(
            found(&tree),
            [
                "high etc/kubernetes/pki/jane.crt: CN=jane is in system:masters, and nothing takes that away before its end",
                "info etc/kubernetes/admin.conf: CN=kubernetes-admin is in system:masters, as admin",
                super_admin,
            ]
        );
    }

    #[test]
    fn whom_the_api_server_does_not_believe_is_nobody() {
        let mut tree = Tree::control_plane();
        tree.remove("etc/kubernetes/super-admin.conf");
        tree.certificate(&format!("{PKI}/apiserver-etcd-client.crt"), "o=system:masters");
        let leaf = tree.ca("front-proxy-ca").leaf("o=system:masters cn=jane eku=client");
        tree.put(&format!("{PKI}/jane.crt"), leaf, "");
        let leaf = tree.ca("ca").leaf("o=system:masters cn=server eku=server");
        tree.put(&format!("{PKI}/web.crt"), leaf, "");
        assert_eq!(found(&tree), [""; 0]);
        assert!(Tree::empty().not_applicable(&RULE));
    }

    #[test]
    fn a_copy_put_aside_counts_until_its_end() {
        let mut tree = Tree::control_plane();
        tree.remove("etc/kubernetes/super-admin.conf");
        let old = "etc/kubernetes/old/jane.crt";
        tree.leaf(old, "o=system:masters cn=jane eku=client until=+1d");
        assert_eq!(found(&tree).len(), 1);
        tree.policy.at = super::super::super::testing::tree::in_days(2);
        assert_eq!(found(&tree), [""; 0]);
    }

    #[test]
    fn one_of_an_unknown_ca_may_be_believed() {
        let mut tree = Tree::empty();
        let leaf = Tree::control_plane().ca("ca").leaf("o=system:masters cn=jane eku=client");
        tree.put("jane.crt", leaf, "");
        assert_eq!(
            found(&tree),
            ["high jane.crt: CN=jane is in system:masters, and nothing takes that away before its end"]
        );
    }
}
