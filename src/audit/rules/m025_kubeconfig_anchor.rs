//! M025: a kubeconfig trusts a root, for its clients may insist on one.

use super::files::MOST_COPIES;
use super::kubeconfigs::{all, line};
use super::references::subjects;
use super::remedy::Cure;
use super::{Answers, Check, Citation, Rule, Severity};
use crate::audit::{Cert, Scene};

pub(super) static RULE: Rule = Rule {
    id: "M025",
    name: "kubeconfig-anchor",
    title: "The only CA that a kubeconfig trusts is an intermediate",
    severity: Severity::High,
    citations: &[
        Citation::page(
            "OpenSSL: X509_V_FLAG_PARTIAL_CHAIN",
            "https://docs.openssl.org/3.0/man3/X509_VERIFY_PARAM_set_flags/",
        ),
        Citation::rfc("RFC 5280 section 6.1"),
    ],
    explanation: "kubectl, and every program in Go, takes any certificate that it is given for an anchor. OpenSSL goes on to a root unless it is told \
                  otherwise, so that Python before 3.13, Node, Ruby and Erlang refuse every server (unable to get issuer certificate). Often the CA of a user was \
                  written where that of the server belongs: under an intermediate, the two are not the same.",
    fix: "Write the root to which the API server's certificate leads into FILE, beside the intermediate or in its place.",
    applies_to: "the CAs of kubeconfigs",
    check: Check::Node(check),
};

fn check(scene: &Scene<'_>, answers: &mut Answers) {
    let node = scene.node;
    for (file, kubeconfig) in all(node) {
        for cluster in &kubeconfig.clusters {
            let anchors = node.kubeconfig_authorities(file, cluster);
            if anchors.is_empty() {
                continue;
            }
            answers.look();
            if anchors.iter().any(|anchor| anchor.tbs().is_self_issued()) {
                continue;
            }
            // The CA that signed the user who goes there is one that was taken for the server's.
            let users = kubeconfig.contexts.iter().filter(|context| context.cluster == cluster.name);
            let users =
                users.filter_map(|context| kubeconfig.users.iter().find(|user| user.name == context.user));
            let signs = |leaf: &Cert<'_>| anchors.iter().any(|anchor| leaf.is_signed_by(anchor.tbs()));
            let user = users
                .filter(|user| node.kubeconfig_client(file, user).first().is_some_and(signs))
                .map(|user| format!("; it is the CA of the user {}", user.name))
                .next()
                .unwrap_or_default();
            let message = format!(
                "the cluster {} trusts {} and no root{user}: clients with OpenSSL refuse every server",
                cluster.name,
                subjects(&anchors),
            );
            let root = anchors.iter().find_map(|anchor| root_above(*anchor));
            let fact = answers.fail(line(file, cluster.authority.line), message);
            if let Some(root) = root {
                fact.fix(
                    Cure::words(
                        "Let it trust the root that is at hand, if the API server's certificate leads to it:",
                    )
                    .trust_in_kubeconfig(file, &cluster.name, root),
                );
            }
        }
    }
}

/// The root that a CA leads to, in a file of its own.
fn root_above(anchor: Cert<'_>) -> Option<Cert<'_>> {
    let mut current = anchor;
    for _ in 0..8 {
        let issuer = current.issuer_here()?;
        if issuer.is_self_signed() {
            let alone = |place: &Cert<'_>| {
                place.found().same_as == issuer.found().same_as && place.item().place.field.is_none()
            };
            return issuer.node.certs_with_key(&issuer.spki()).take(MOST_COPIES).find(alone);
        }
        current = issuer;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::tree::{PKI, Tree, kubeconfig_of};
    use super::*;
    use crate::forge;

    const ADMIN: &str = "etc/kubernetes/admin.conf";

    #[test]
    fn an_intermediate_alone_fires() {
        let root = forge::ca("cn=root");
        let middle = root.ca("cn=clients");
        let text = kubeconfig_of(&middle, &middle.leaf("cn=admin eku=client"));
        let mut tree = Tree::empty();
        tree.file(ADMIN, 0o600, text);
        assert_eq!(
            tree.findings(RULE.id),
            [format!(
                "high {ADMIN}:6: the cluster demo trusts CN=clients and no root; it is the CA of the user admin: clients with OpenSSL refuse every server"
            )]
        );
        tree.file(&format!("{PKI}/root.crt"), 0o644, root.pem());
        let report = format!("{:?}", tree.report());
        assert!(report.contains("--certificate-authority=/etc/kubernetes/pki/root.crt"), "{report}");
        let server = kubeconfig_of(&middle, &root.leaf("cn=admin eku=client"));
        tree.file(ADMIN, 0o600, server);
        assert!(!tree.findings(RULE.id)[0].contains("it is the CA of"), "{:?}", tree.findings(RULE.id));
    }

    #[test]
    fn roots_and_no_anchor_are_silent() {
        let root = forge::ca("cn=root");
        let mut tree = Tree::empty();
        tree.file(ADMIN, 0o600, kubeconfig_of(&root, &root.leaf("cn=admin eku=client")));
        assert_eq!((tree.findings(RULE.id), tree.not_applicable(&RULE)), (vec![], false));
        let mut tree = Tree::empty();
        tree.authority("ca", root);
        assert!(tree.not_applicable(&RULE));
    }
}
