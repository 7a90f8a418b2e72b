//! K009: who a kubelet says it is.

use super::super::evidence::role_by_content;
use super::super::{Answers, Role, Scene};
use super::remedy::Reissue;
use super::subjects::{common_name, groups, in_use};
use super::{Check, Citation, Rule, Severity};
use crate::x509::{Printable, check_dns_name};

pub(super) static RULE: Rule = Rule {
    id: "K009",
    name: "kubelet-client-subject",
    title: "A kubelet's client certificate is not a node's",
    severity: Severity::Critical,
    citations: &[
        Citation::page(
            "Kubernetes: kubernetes.io/kube-apiserver-client-kubelet",
            "https://kubernetes.io/docs/reference/access-authn-authz/certificate-signing-requests/#kubernetes-signers",
        ),
        Citation::page(
            "Kubernetes: the Node authorizer",
            "https://kubernetes.io/docs/reference/access-authn-authz/node/#overview",
        ),
    ],
    explanation: "The Node authorizer knows a kubelet by the user system:node:NAME in the group system:nodes and by nothing else. With \
                  another user or without the group the node cannot register; with other groups it may do more than a node should. \
                  Alternative names grant nothing to a client: the signer for kubelets refuses requests with them, and a \
                  certificate that has them is often a server's as well.",
    fix: "Issue it again, `kpki issue kubelet-client NODE --kubeconfig FILE --force`, or let the \
          kubelet ask for it: give it a bootstrap kubeconfig, or join the node again.",
    applies_to: "kubelets' client certificates",
    check: Check::Node(check),
};

fn check(scene: &Scene<'_>, answers: &mut Answers) {
    let node = scene.node;
    let own_name = node.kubelet_flag("hostname-override").map(|(_, flag)| flag.value.to_lowercase());
    for cert in in_use(node, Role::KubeletClient) {
        answers.look();
        let subject = &cert.tbs().subject;
        let name = subject.common_name().and_then(|name| name.strip_prefix("system:node:"));
        match (name, &own_name) {
            (Some(name), Some(own)) if name != own => {
                answers.fail(
                    cert,
                    format!("it has {}, and --hostname-override is {}", common_name(subject), Printable(own)),
                );
            }
            (Some(name), _) if check_dns_name(name).is_ok() || name.parse::<std::net::IpAddr>().is_ok() => {}
            _ => {
                let message = format!("it has {}, which is no system:node:NAME", common_name(subject));
                let fact = answers.fail(cert, message);
                // Another part's kubeconfig was put there.
                if role_by_content(cert.tbs()).is_some_and(|role| role != Role::KubeletClient) {
                    fact.fix(Reissue::afresh(Role::KubeletClient));
                }
            }
        }
        if subject.organizations() != ["system:nodes"] {
            let message = format!("it has {}, and O=system:nodes alone is right", groups(subject));
            let fact = answers.fail(cert, message);
            if role_by_content(cert.tbs()).is_some_and(|role| role != Role::KubeletClient) {
                fact.fix(Reissue::afresh(Role::KubeletClient));
            }
        }
        // Made by hand, one certificate often serves for both, and has the names of the node then.
        let names = if cert.is(Role::KubeletServing) { &[] } else { cert.tbs().extensions.names() };
        if let Some(first) = names.first() {
            // Not critical as in the catalogue: nothing refuses it once it is there.
            let first: String = first.to_string().chars().take(100).collect();
            let more = if names.len() > 1 { format!(" and {} more", names.len() - 1) } else { String::new() };
            answers
                .fail(cert, format!("it has alternative names: {}{more}", Printable(&first)))
                .severity(Severity::Medium);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::tree::Tree;
    use super::*;

    const FILE: &str = "var/lib/kubelet/pki/kubelet-client-2026-05-31-11-55-00.pem";

    #[test]
    fn the_subject_is_exact() {
        for (words, findings) in [
            ("o=system:nodes cn=system:node:cp1.example.com", vec![]),
            ("o=system:nodes cn=system:node:10.0.0.10", vec![]),
            (
                "o=system:nodes cn=cp1.example.com",
                vec!["critical: it has CN=cp1.example.com, which is no system:node:NAME"],
            ),
            (
                "o=system:nodes cn=system:node:",
                vec!["critical: it has CN=system:node:, which is no system:node:NAME"],
            ),
            (
                "cn=system:node:cp1.example.com",
                vec!["critical: it has no O, and O=system:nodes alone is right"],
            ),
            (
                "o=system:nodes o=system:masters cn=system:node:cp1.example.com",
                vec!["critical: it has O=system:nodes, O=system:masters, and O=system:nodes alone is right"],
            ),
            (
                "o=system:nodes cn=system:node:cp1.example.com sans=dns:cp1.example.com,ip:10.0.0.10",
                vec!["medium: it has alternative names: DNS:cp1.example.com and 1 more"],
            ),
        ] {
            let mut tree = Tree::control_plane();
            let leaf = tree.ca("ca").leaf(&format!("eku=client {words}"));
            tree.put(FILE, leaf, words);
            let found: Vec<String> =
                tree.findings("K009").iter().map(|found| found.replace(&format!(" {FILE}:1"), "")).collect();
            assert_eq!(found, findings, "{words}");
        }
        assert!(Tree::empty().not_applicable(&RULE));
    }

    #[test]
    fn one_certificate_may_be_for_both_sides() {
        let mut tree = Tree::control_plane();
        let own = "/var/lib/kubelet/own.pem";
        let leaf = tree.ca("ca").leaf(
            "o=system:nodes cn=system:node:cp1.example.com eku=client,server sans=dns:cp1.example.com,ip:10.0.0.10",
        );
        tree.file(&own[1..], 0o600, leaf.pem() + &leaf.key_pem());
        let kubeconfig = tree.text("etc/kubernetes/kubelet.conf");
        let current = "/var/lib/kubelet/pki/kubelet-client-current.pem";
        tree.file("etc/kubernetes/kubelet.conf", 0o600, kubeconfig.replace(current, own));
        let at = "medium var/lib/kubelet/own.pem:1: it has alternative names: DNS:cp1.example.com and 1 more";
        let units = tree.by_units();
        assert_eq!(units.findings("K009"), [at]);
        let files = format!("tlsCertFile: {own}\ntlsPrivateKeyFile: {own}\nstaticPodPath:");
        tree.replace("var/lib/kubelet/config.yaml", "staticPodPath:", &files);
        let units = tree.by_units();
        assert_eq!((units.findings("K009"), units.findings("M003")), (vec![], vec![]));
    }

    #[test]
    fn the_node_may_be_told_its_name() {
        let mut tree = Tree::worker();
        let flags = "var/lib/kubelet/kubeadm-flags.env";
        tree.replace(flags, "--node-ip=10.0.0.10", "--hostname-override=CP1.example.com");
        assert_eq!(tree.findings("K009"), [""; 0]);
        tree.replace(flags, "CP1", "w1");
        assert_eq!(
            tree.findings("K009"),
            [format!(
                "critical {FILE}:1: it has CN=system:node:cp1.example.com, and --hostname-override is w1.example.com"
            )]
        );
    }
}
