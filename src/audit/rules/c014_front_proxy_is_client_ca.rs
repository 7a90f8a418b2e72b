//! C014: the front proxy's CA is that of all clients.

use super::super::{Answers, Scene};
use super::distinct::{Certificates, Use};
use super::m008_one_authority::is_told;
use super::remedy::own_authority;
use super::{Check, Citation, Role, Rule, Severity};

pub(super) static RULE: Rule = Rule {
    id: "C014",
    name: "front-proxy-is-client-ca",
    title: "The CA of the front proxy is the CA of clients",
    severity: Severity::Critical,
    citations: &[
        Citation::page(
            "Kubernetes: configure the aggregation layer",
            "https://kubernetes.io/docs/tasks/extend-kubernetes/configure-aggregation-layer/#ca-reusage-and-conflicts",
        ),
        Citation::page("kubernetes/website#12890", "https://github.com/kubernetes/website/issues/12890"),
    ],
    explanation: "The API server believes whoever shows a certificate of the front proxy's CA what it says in X-Remote-User and \
                  X-Remote-Group. Where that CA also signs clients, a client whose common name is admitted, or any client \
                  where `--requestheader-allowed-names` is empty, is whoever it wants to be, system:masters included; and \
                  with both flags set to one CA the API server refuses honest clients.",
    fix: "Give the front proxy a CA of its own: `kpki ca init front-proxy --dir NEW`, issue front-proxy-client under it, and name it in \
          `--requestheader-client-ca-file`.",
    applies_to: "the CA of the front proxy",
    check: Check::Node(check),
};

fn check(scene: &Scene<'_>, answers: &mut Answers) {
    let certificates = Certificates::of(scene.node);
    let in_use = |role| certificates.with_role(role).filter(|one| one.usage != Use::Old).take(64);
    let clients: Vec<_> = in_use(Role::KubernetesCa).collect();
    if clients.is_empty() {
        return;
    }
    for ca in in_use(Role::FrontProxyCa) {
        // The flags that name one file for both are M008's.
        if is_told(scene.node, ca.cert) {
            continue;
        }
        answers.look();
        let Some(same) = clients.iter().find(|client| client.cert.spki() == ca.cert.spki()) else { continue };
        let message = if ca.roles.contains(&Role::KubernetesCa) {
            "it is the CA of the front proxy and of clients".to_owned()
        } else {
            format!("its key is that of the CA of clients, in {}", same.cert.file().shown)
        };
        let fact = answers.fail(ca, format!("{message}{}", ca.elsewhere()));
        let leaves: Vec<_> = in_use(Role::FrontProxyClient).map(|leaf| leaf.cert).collect();
        if let Some(cure) = own_authority(ca, Role::FrontProxyCa, "front-proxy", &leaves) {
            fact.fix(cure);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::tree::{PKI, Tree};
    use super::*;

    #[test]
    fn one_ca_for_both_fires() {
        let mut tree = Tree::control_plane();
        assert_eq!(tree.findings("C014"), [""; 0]);
        assert!(!tree.not_applicable(&RULE));
        let text = tree.text(&format!("{PKI}/ca.crt"));
        tree.file(&format!("{PKI}/front-proxy-ca.crt"), 0o644, text);
        // The flags tell it themselves (M008).
        assert_eq!(tree.findings("C014"), [""; 0]);
        tree.remove("etc/kubernetes/manifests/kube-apiserver.yaml");
        let found = tree.findings("C014");
        assert_eq!(found.len(), 1);
        assert!(
            found[0].contains(": it is the CA of the front proxy and of clients (it stands in "),
            "{found:?}"
        );
    }

    #[test]
    fn one_key_with_two_certificates_fires() {
        let mut tree = Tree::control_plane();
        let same = tree.ca("ca").reissue("cn=front-proxy-ca");
        tree.file(&format!("{PKI}/front-proxy-ca.crt"), 0o644, same.pem());
        assert_eq!(
            tree.findings("C014"),
            ["critical etc/kubernetes/pki/front-proxy-ca.crt:1: its key is that of the CA of clients, in \
                 etc/kubernetes/pki/ca.crt"]
        );
        assert!(Tree::worker().not_applicable(&RULE));
    }
}
