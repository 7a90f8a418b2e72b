//! M014: a kubeconfig's CA verifies the API server.

use super::apiserver::names_with_sni;
use super::kubeconfigs::{all, is_own_cluster, line};
use super::m010_root_ca::{file_of_issuer, is_strangers, serving};
use super::references::{leads_to, subject, subjects};
use super::remedy::Cure;
use super::{Answers, Check, Citation, Place, Rule, Severity};
use crate::audit::{Cert, NodeKind, Scene, Target};

pub(super) static RULE: Rule = Rule {
    id: "M014",
    name: "kubeconfig-authority",
    title: "A kubeconfig's CA does not verify the API server",
    severity: Severity::High,
    citations: &[
        Citation::page("kubernetes/kubeadm#2027", "https://github.com/kubernetes/kubeadm/issues/2027"),
        Citation::page(
            "Kubernetes: manual rotation of CA certificates",
            "https://kubernetes.io/docs/tasks/tls/manual-rotation-of-ca-certificates/",
        ),
    ],
    explanation: "The CA is copied into every kubeconfig. After the cluster's CA was replaced the copies are stale: the client refuses the API server \
                  (certificate signed by unknown authority), the controller manager and the scheduler lose their leases.",
    fix: "Write the CA that signed the API server's certificate into FILE: `kubectl --kubeconfig FILE config set-cluster`, with `--embed-certs` and `--certificate-authority`.",
    applies_to: "the clusters of kubeconfigs, beside an API server's certificate",
    check: Check::Node(check),
};

fn check(scene: &Scene<'_>, answers: &mut Answers) {
    let node = scene.node;
    if node.kubeconfigs.is_empty() || !matches!(node.kind, NodeKind::ControlPlane | NodeKind::Unknown) {
        return;
    }
    let Some(leaf) = serving(node) else {
        answers.skip(
            Place::nowhere(),
            "the API server's certificate was not given, to compare the CAs of kubeconfigs with",
        );
        return;
    };
    if is_strangers(leaf) {
        return;
    }
    let names = &names_with_sni(node, leaf);
    for (file, kubeconfig) in all(node) {
        for cluster in &kubeconfig.clusters {
            let authority = &cluster.authority;
            // Without a CA the system's are taken: they may well know the certificate of a load balancer.
            if !(authority.embedded || authority.file.is_some())
                || !is_own_cluster(node, file, cluster, names)
            {
                continue;
            }
            let place = line(file, authority.line);
            let anchors = node.kubeconfig_authorities(file, cluster);
            if anchors.is_empty() {
                let field = format!("clusters[{}].certificate-authority", cluster.name);
                let is_hidden = node
                    .references_in(file)
                    .any(|reference| reference.flag == field && !matches!(reference.target, Target::File(_)));
                if is_hidden {
                    answers
                        .skip(place, format!("the CA's file of the cluster {} was not found", cluster.name));
                } else if authority.embedded {
                    // M024 says what keeps clients from reading it.
                    answers.look();
                } else {
                    let message = format!("the CA of the cluster {} is none that can be read", cluster.name);
                    let fact = answers.fail(place, message);
                    if let Some(cure) = cure(file, &cluster.name, leaf) {
                        fact.fix(cure);
                    }
                }
                continue;
            }
            answers.look();
            if leads_to(leaf, &anchors) == Some(false) {
                let message = format!(
                    "the CA of the cluster {} ({}) does not verify the API server's certificate ({})",
                    cluster.name,
                    subjects(&anchors),
                    subject(leaf)
                );
                let fact = answers.fail(place, message);
                if let Some(cure) = cure(file, &cluster.name, leaf) {
                    fact.fix(cure);
                }
            }
        }
    }
}

/// The CA that has signed the API server's certificate is embedded.
fn cure(file: usize, cluster: &str, leaf: Cert<'_>) -> Option<Cure> {
    let ca = file_of_issuer(leaf).and_then(|ca| leaf.node.certs_in(ca).next())?;
    let first = "Let it trust the CA that signed the API server's certificate:";
    Some(Cure::words(first).trust_in_kubeconfig(file, cluster, ca))
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::tree::{PKI, Tree, kubeconfig, kubeconfig_of};
    use super::*;
    use crate::forge;

    #[test]
    fn a_stale_ca_fires() {
        let mut tree = Tree::control_plane();
        assert_eq!((tree.findings(RULE.id), tree.skipped(RULE.id)), (vec![], vec![]));
        let old = forge::ca("cn=kubernetes key=p256:old");
        tree.file("etc/kubernetes/scheduler.conf", 0o600, kubeconfig_of(&old, &old.leaf("cn=a")));
        let file = kubeconfig("a", "certificate-authority: pki/etcd/ca.crt", &[]);
        tree.file("etc/kubernetes/kubelet.conf", 0o600, file);
        assert_eq!(
            tree.findings(RULE.id),
            [
                "high etc/kubernetes/kubelet.conf:6: the CA of the cluster demo (CN=etcd-ca) does not verify the API server's certificate (CN=kube-apiserver)",
                "high etc/kubernetes/scheduler.conf:6: the CA of the cluster demo (CN=kubernetes) does not verify the API server's certificate (CN=kube-apiserver)",
            ]
        );
    }

    #[test]
    fn a_certificate_that_is_the_odd_one_out_is_told_once() {
        let mut tree = Tree::control_plane();
        let leaf = tree.ca("etcd/ca").leaf("cn=kube-apiserver sans=ip:10.0.0.10 eku=server");
        tree.file(&format!("{PKI}/apiserver.crt"), 0o644, leaf.pem());
        assert_eq!((tree.findings(RULE.id), tree.findings("M010")), (vec![], vec![]));
        assert_eq!(tree.findings("C001").len(), 1);
    }

    #[test]
    fn other_clusters_are_not_meant() {
        let mut tree = Tree::control_plane();
        let other = forge::ca("cn=other");
        let text = kubeconfig_of(&other, &other.leaf("cn=a"));
        tree.file("root/.kube/config", 0o600, text.replace("10.0.0.10", "192.0.2.1"));
        assert_eq!(tree.findings(RULE.id), [""; 0]);
        tree.file("root/.kube/config", 0o600, text);
        assert_eq!(tree.findings(RULE.id).len(), 1, "10.0.0.10 is this one");
    }

    #[test]
    fn without_the_certificate_it_is_skipped_and_on_a_worker_it_does_not_apply() {
        let mut tree = Tree::empty();
        tree.authority("ca", forge::ca("cn=kubernetes"));
        assert!(tree.not_applicable(&RULE));
        tree.kubeconfig("etc/kubernetes/admin.conf", "cn=kubernetes-admin");
        assert_eq!(
            tree.skipped(RULE.id),
            [": the API server's certificate was not given, to compare the CAs of kubeconfigs with"]
        );
        assert!(Tree::worker().not_applicable(&RULE));
        let mut tree = Tree::control_plane();
        let text = kubeconfig("a", "certificate-authority: /somewhere/ca.crt", &[]);
        tree.file("etc/kubernetes/admin.conf", 0o600, text);
        assert_eq!(
            tree.skipped(RULE.id),
            ["etc/kubernetes/admin.conf: the CA's file of the cluster demo was not found"]
        );
        tree.file(&format!("{PKI}/empty.crt"), 0o600, "");
        let text = kubeconfig("a", "certificate-authority: pki/empty.crt", &[]);
        tree.file("etc/kubernetes/admin.conf", 0o600, text);
        assert_eq!(
            tree.findings(RULE.id),
            ["high etc/kubernetes/admin.conf:6: the CA of the cluster demo is none that can be read"]
        );
    }
}
