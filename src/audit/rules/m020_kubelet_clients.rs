//! M020: the kubelet trusts the clients whom the API server trusts.

use std::collections::BTreeSet;
use std::path::Path;

use super::references::{certificates, leads_to, said, shown, subject, subjects};
use super::remedy::{Command, Cure};
use super::{Answers, Check, Citation, Rule, Severity};
use crate::audit::{Cert, Holder, Node, Reference, Role, Scene};
use crate::manifest::Component;

pub(super) static RULE: Rule = Rule {
    id: "M020",
    name: "kubelet-clients",
    title: "The kubelet and the API server trust different clients",
    severity: Severity::High,
    citations: &[
        Citation::page("CIS Kubernetes Benchmark 4.2.3", "https://www.cisecurity.org/benchmark/kubernetes"),
        Citation::page(
            "Kubernetes: kubelet authentication",
            "https://kubernetes.io/docs/reference/access-authn-authz/kubelet-authn-authz/#kubelet-authentication",
        ),
    ],
    explanation: "The API server reads logs and opens shells with a client certificate that the kubelet must verify. A kubelet without \
                  `clientCAFile` takes none; one with another CA refuses the API server, or admits clients whom the API server does not know.",
    fix: "Name the API server's own client CA in FILE as `authentication.x509.clientCAFile`, and restart the kubelet.",
    applies_to: "the kubelet's configuration and flags",
    check: Check::Node(check),
};

fn check(scene: &Scene<'_>, answers: &mut Answers) {
    let node = scene.node;
    // A flag counts more than the file (kubelet's own order).
    let flag = node.references_of(Holder::KUBELET, "client-ca-file").next();
    let Some(reference) =
        flag.or_else(|| node.references_of(Holder::KUBELET, "authentication.x509.clientCAFile").next())
    else {
        if let Some((file, _)) = node.kubelet() {
            let fact = answers.fail(
                file,
                "the kubelet has no authentication.x509.clientCAFile: no client certificate counts",
            );
            // One of several files may leave it to another.
            let is_whole =
                |found: &crate::audit::File| found.on_node.ends_with("var/lib/kubelet/config.yaml");
            if !node.files.get(file).is_some_and(is_whole) {
                fact.severity(Severity::Medium);
            }
        }
        return;
    };
    let Some(own) = certificates(node, reference, answers) else { return };
    answers.look();
    let client = node.with_role(Role::ApiserverKubeletClient).find(|cert| cert.found().position == 0);
    if let Some(client) = client
        && leads_to(client, &own) == Some(false)
    {
        let is = format!("{} ({})", said(reference), subjects(&own));
        let message = format!("{is}, which does not verify the API server's client ({})", subject(client));
        answers.fail(reference, message).fix(cure(node, reference));
        return;
    }
    let Some(clients) = node.reference(Component::Apiserver, "client-ca-file") else { return };
    let Some(others) = certificates(node, clients, answers) else { return };
    let keys = |certs: &[Cert<'_>]| certs.iter().map(|cert| cert.spki()).collect::<BTreeSet<_>>();
    if keys(&own) != keys(&others) {
        let message = format!(
            "{} ({}), and --client-ca-file of kube-apiserver is another set of CAs ({})",
            said(reference),
            subjects(&own),
            subjects(&others)
        );
        answers.fail(reference, message).severity(Severity::Medium).fix(cure(node, reference));
    }
}

/// The kubelet is to trust the file that the API server trusts.
fn cure(node: &Node, own: &Reference) -> Cure {
    let words = "Let the kubelet trust the CAs of the API server's clients:";
    let clients =
        node.reference(Component::Apiserver, "client-ca-file").and_then(|clients| clients.on_node.as_deref());
    let path =
        clients.or(Some(Path::new("/etc/kubernetes/pki/ca.crt"))).and_then(Path::to_str).unwrap_or_default();
    let harmless = path.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/._-".contains(&byte));
    let file = node.files.get(own.file).filter(|_| harmless && own.flag.ends_with("clientCAFile"));
    let Some(file) = file else {
        return format!(
            "Name {} in FILE for the clients of the kubelet, and restart it.",
            shown(Path::new(path))
        )
        .into();
    };
    let edit = format!("sed -i 's|clientCAFile:.*|clientCAFile: {path}|'");
    Cure::words(words).run(Command::written(edit).path(file.command_path())).restart_kubelet()
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::tree::{PKI, Tree};
    use super::*;

    const CONFIGURATION: &str = "var/lib/kubelet/config.yaml";

    #[test]
    fn another_ca_fires() {
        let mut tree = Tree::control_plane();
        assert_eq!((tree.findings(RULE.id), tree.skipped(RULE.id)), (vec![], vec![]));
        tree.replace(CONFIGURATION, "pki/ca.crt", "pki/etcd/ca.crt");
        assert_eq!(
            tree.findings(RULE.id),
            [format!(
                "high {CONFIGURATION}:9: authentication.x509.clientCAFile names /etc/kubernetes/pki/etcd/ca.crt (CN=etcd-ca), \
                      which does not verify the API server's client (CN=kube-apiserver-kubelet-client)"
            )]
        );
        let both = tree.text(&format!("{PKI}/ca.crt")) + &tree.text(&format!("{PKI}/etcd/ca.crt"));
        tree.file(&format!("{PKI}/both.crt"), 0o644, both);
        tree.replace(CONFIGURATION, "pki/etcd/ca.crt", "pki/both.crt");
        assert_eq!(
            tree.findings(RULE.id),
            [format!(
                "medium {CONFIGURATION}:9: authentication.x509.clientCAFile names /etc/kubernetes/pki/both.crt (CN=kubernetes, \
                      CN=etcd-ca), and --client-ca-file of kube-apiserver is another set of CAs (CN=kubernetes)"
            )]
        );
        tree.file(
            "var/lib/kubelet/kubeadm-flags.env",
            0o644,
            "KUBELET_KUBEADM_ARGS=\"--client-ca-file=/etc/kubernetes/pki/ca.crt\"\n",
        );
        assert_eq!(tree.findings(RULE.id), [""; 0], "the flag counts");
    }

    #[test]
    fn without_a_ca_it_fires_on_a_worker_too() {
        let mut tree = Tree::worker();
        assert_eq!((tree.findings(RULE.id), tree.not_applicable(&RULE)), (vec![], false));
        tree.replace(CONFIGURATION, "    clientCAFile: /etc/kubernetes/pki/ca.crt\n", "    other: x\n");
        assert_eq!(
            tree.findings(RULE.id),
            [format!(
                "high {CONFIGURATION}: the kubelet has no authentication.x509.clientCAFile: no client certificate counts"
            )]
        );
        tree.remove(CONFIGURATION);
        assert!(tree.not_applicable(&RULE));
        let mut tree = Tree::worker();
        tree.remove(&format!("{PKI}/ca.crt"));
        assert_eq!(
            tree.skipped(RULE.id),
            [format!(
                "{CONFIGURATION}: authentication.x509.clientCAFile names /etc/kubernetes/pki/ca.crt, which is not there"
            )]
        );
    }
}
