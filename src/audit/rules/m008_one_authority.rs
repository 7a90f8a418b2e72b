//! M008: who is a client and who speaks for clients is told apart by two CAs.

use super::references::{has_one_authority, hidden, is_one_file, shown};
use super::remedy::{Cure, Edit};
use super::{Answers, Check, Citation, Place, Rule, Severity};
use crate::audit::{Cert, Holder, Node, Reference, Role, Scene, Target};
use crate::manifest::Component;

pub(super) static RULE: Rule = Rule {
    id: "M008",
    name: "one-authority",
    title: "The front proxy's CA is the clients' CA",
    severity: Severity::High,
    citations: &[
        Citation::page(
            "Kubernetes: configure the aggregation layer, CA reusage and conflicts",
            "https://kubernetes.io/docs/tasks/extend-kubernetes/configure-aggregation-layer/#ca-reusage-and-conflicts",
        ),
        Citation::page("kubernetes/website#12890", "https://github.com/kubernetes/website/issues/12890"),
    ],
    explanation: "Whoever shows a certificate of the requestheader CA may say in headers who he is. Where that CA also signs ordinary \
                  clients, any of them may do so (unless `--requestheader-allowed-names` keeps them off), and requests are taken for \
                  the proxy's that should be judged by their certificate.",
    fix: "Make a CA of its own for the front proxy (`kpki ca init`), sign front-proxy-client with it and name it in FILE as `--requestheader-client-ca-file`.",
    applies_to: "the API server's flags",
    check: Check::Node(check),
};

/// Two files with one key or one name in them are C014's; here the files are one, or have the same bytes.
fn check(scene: &Scene<'_>, answers: &mut Answers) {
    let node = scene.node;
    let Some((proxies, clients)) = flags(node) else { return };
    if is_one_file(node, proxies, clients) {
        let place = Place::from(proxies);
        let message = if proxies.path == clients.path {
            format!("--requestheader-client-ca-file and --client-ca-file both name {}", shown(&proxies.path))
        } else {
            format!(
                "--requestheader-client-ca-file names {}, which is the same as {} of --client-ca-file",
                shown(&proxies.path),
                shown(&clients.path)
            )
        };
        let fact = answers.fail(place, message);
        if has_one_authority(node) {
            fact.severity(Severity::Medium);
        }
        let own = node.certs().find(|cert| {
            cert.place_role() == Some(Role::FrontProxyCa)
                && cert.item().place.field.is_none()
                && proxies.target != Target::File(cert.found().file)
        });
        if let Some(own) = own {
            let edit = Edit::name(Component::Apiserver, "requestheader-client-ca-file", own.found().file);
            fact.fix(Cure::words("Name the CA of the front proxy:").flags([edit]));
        }
        return;
    }
    for reference in [proxies, clients] {
        if let Some(reason) = hidden(node, reference) {
            answers.skip(reference, reason);
            return;
        }
    }
    answers.look();
}

fn flags(node: &Node) -> Option<(&Reference, &Reference)> {
    let of = |flag| node.reference(Component::Apiserver, flag);
    Some((of("requestheader-client-ca-file")?, of("client-ca-file")?))
}

/// Whether this rule has something to say of a flag of the API server.
pub(super) fn is_one_authority(node: &Node, reference: &Reference) -> bool {
    reference.holder == Holder::Component(Component::Apiserver)
        && flags(node).is_some_and(|(proxies, clients)| is_one_file(node, proxies, clients))
}

/// Whether this rule speaks of this CA.
pub(super) fn is_told(node: &Node, ca: Cert<'_>) -> bool {
    flags(node).is_some_and(|(proxies, clients)| {
        is_one_file(node, proxies, clients)
            && node.referenced_certs(proxies).iter().any(|cert| cert.found().same_as == ca.found().same_as)
    })
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::tree::{PKI, Tree};
    use super::*;

    const APISERVER: &str = "etc/kubernetes/manifests/kube-apiserver.yaml";

    #[test]
    fn one_file_fires() {
        let mut tree = Tree::control_plane();
        assert_eq!((tree.findings(RULE.id), tree.skipped(RULE.id)), (vec![], vec![]));
        tree.flag("kube-apiserver", "--requestheader-client-ca-file=/etc/kubernetes/pki/ca.crt");
        assert_eq!(
            tree.findings(RULE.id),
            [format!(
                "high {APISERVER}:15: --requestheader-client-ca-file and --client-ca-file both name /etc/kubernetes/pki/ca.crt"
            )]
        );
    }

    #[test]
    fn so_do_two_files_with_the_same_bytes() {
        let mut tree = Tree::control_plane();
        let text = tree.text(&format!("{PKI}/ca.crt"));
        tree.file(&format!("{PKI}/front-proxy-ca.crt"), 0o644, text);
        assert_eq!(
            tree.findings(RULE.id),
            [format!(
                "high {APISERVER}:31: --requestheader-client-ca-file names /etc/kubernetes/pki/front-proxy-ca.crt, which is the \
                      same as /etc/kubernetes/pki/ca.crt of --client-ca-file"
            )]
        );
    }

    #[test]
    fn where_one_is_hidden_it_is_skipped_and_without_the_flag_there_is_nothing_to_say() {
        let mut tree = Tree::control_plane();
        tree.remove(&format!("{PKI}/front-proxy-ca.crt"));
        assert_eq!(
            tree.skipped(RULE.id),
            [format!(
                "{APISERVER}: --requestheader-client-ca-file names /etc/kubernetes/pki/front-proxy-ca.crt, which is not there"
            )]
        );
        tree.no_flag("kube-apiserver", "--requestheader-client-ca-file");
        assert!(tree.not_applicable(&RULE));
    }
}
