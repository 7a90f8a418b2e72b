//! M003: what a flag names can play the part for which it is named.

use super::m008_one_authority::is_one_authority;
use super::references::{hidden, said, subject};
use super::remedy::{Cure, Edit};
use super::{Answers, Check, Citation, Fact, Rule, Severity};
use crate::audit::{Cert, Holder, Node, Reference, Role, Scene, Target, What};
use crate::inspect::Content;
use crate::layout::Promise;
use crate::x509::ExtendedKeyUsage;

pub(super) static RULE: Rule = Rule {
    id: "M003",
    name: "named-for-another-part",
    title: "A flag names a file that is made for something else",
    severity: Severity::High,
    citations: &[
        Citation::page(
            "Kubernetes: PKI certificates and requirements",
            "https://kubernetes.io/docs/setup/best-practices/certificates/#certificate-paths",
        ),
        Citation::rfc("RFC 5280 section 4.2.1.12"),
    ],
    explanation: "A client's certificate does not serve, a leaf verifies nobody, and a component that uses another's certificate or \
                  kubeconfig acts with the other's rights. The files of a PKI have similar names, and a wrong one is often \
                  noticed only when the first connection fails.",
    fix: "Correct the flag in FILE; `kpki inspect` shows what a file holds.",
    applies_to: "files that static pods and the kubelet name",
    check: Check::Node(check),
};

/// A file in the right place with the wrong content is F023's: the flag is right then. This rule speaks where the flag leads elsewhere
/// than to the place of its part, and where a file holds nothing of the kind.
fn check(scene: &Scene<'_>, answers: &mut Answers) {
    let node = scene.node;
    let mut kubeconfigs: Vec<(usize, Target)> = Vec::new();
    for reference in node.references.iter().filter(|reference| reference.holder != Holder::Kubeconfig) {
        let Target::File(file) = reference.target else { continue };
        if let Some(reason) = hidden(node, reference) {
            answers.skip(reference, reason);
            continue;
        }
        match reference.what {
            What::Certificate => certificate(node, reference, file, answers),
            What::Trust | What::SigningCertificate => authority(node, reference, file, answers),
            What::Key | What::SigningKey | What::TokenSigning | What::TokenVerification => {
                key(node, reference, file, answers);
            }
            // The controller manager names one kubeconfig three times.
            What::Kubeconfig if !kubeconfigs.contains(&(reference.file, reference.target)) => {
                kubeconfigs.push((reference.file, reference.target));
                kubeconfig(node, reference, file, answers);
            }
            _ => {}
        }
    }
}

fn certificate(node: &Node, reference: &Reference, file: usize, answers: &mut Answers) {
    let Some(leaf) = node.certs_in(file).next() else {
        nothing_of_the_kind(node, reference, file, answers);
        return;
    };
    answers.look();
    if leaf.place_role().is_some() && leaf.place_role() == reference.role {
        return;
    }
    let is = format!("{} ({})", said(reference), subject(leaf));
    // etcd's gateway is a client of etcd itself; every other certificate without a role of its own serves.
    let is_client = reference.role.map_or(reference.flag == "--client-cert-file", Role::is_client);
    let is_server = reference.role.map_or(reference.flag != "--client-cert-file", Role::is_server);
    let problem = if leaf.is_ca() {
        Some("which is a CA's certificate".to_owned())
    } else if is_server && !may_be(leaf, &ExtendedKeyUsage::ServerAuth) {
        Some("whose purposes do not allow it to be a server's".to_owned())
    } else if is_client && !may_be(leaf, &ExtendedKeyUsage::ClientAuth) {
        Some("whose purposes do not allow it to be a client's".to_owned())
    } else {
        None
    };
    if let Some(problem) = problem {
        let fact = answers.fail(reference, format!("{is}, {problem}"));
        right_file(node, reference, fact);
        return;
    }
    let (Some(role), Some(own)) = (reference.role, leaf.own_role()) else { return };
    if own != role && !may_be_one(leaf, own, role) {
        let fact =
            answers.fail(reference, format!("{is}, which is the certificate of {own} and not of {role}"));
        right_file(node, reference, fact);
        // It works, with another's name.
        if own.authority() == role.authority() {
            fact.severity(Severity::Medium);
        }
    }
}

/// Whether one certificate is usual for two parts: etcd's for clients and peers (kubespray, kpki's `layout: pem`) if it is for both
/// purposes, a kubelet's for both of its sides (the hard way, kubeasz), a node's for whoever calls etcd from there (kubespray), and the
/// API server's for whatever it calls where nothing names it `apiserver` (kubeasz, `MicroK8s`, the hard way, where it is etcd's too).
fn may_be_one(leaf: Cert<'_>, own: Role, role: Role) -> bool {
    const ETCD: [Role; 2] = [Role::EtcdServer, Role::EtcdPeer];
    const KUBELET: [Role; 2] = [Role::KubeletClient, Role::KubeletServing];
    const BOTH: [ExtendedKeyUsage; 2] = [ExtendedKeyUsage::ServerAuth, ExtendedKeyUsage::ClientAuth];
    let are = |pair: [Role; 2]| pair.contains(&own) && pair.contains(&role);
    let is_for_all =
        own == Role::Apiserver && leaf.file().on_node.file_stem().is_none_or(|stem| stem != "apiserver");
    let is_of_node = own == Role::EtcdClient
        && role == Role::ApiserverEtcdClient
        && leaf.file().name().starts_with("node-");
    are(ETCD) && BOTH.iter().all(|purpose| may_be(leaf, purpose)) || are(KUBELET) || is_of_node || is_for_all
}

/// The flag is to name what lies in the place of its part, where there is such a file.
fn right_file(node: &Node, reference: &Reference, fact: &mut Fact) {
    let (Holder::Component(component), Some(role)) = (reference.holder, reference.role) else { return };
    let in_place = |cert: &Cert<'_>| {
        cert.item().place.field.is_none() && cert.place_role() == Some(role) && cert.found().position == 0
    };
    let found = match reference.what {
        What::Kubeconfig => node.kubeconfigs.iter().copied().find(|file| {
            let file = node.files.get(*file);
            file.is_some_and(|file| file.on_node.ends_with(format!("etc/kubernetes/{role}.conf")))
        }),
        What::Certificate | What::Trust | What::SigningCertificate => {
            node.certs().find(in_place).map(|cert| cert.found().file)
        }
        What::Key | What::SigningKey => node
            .certs()
            .find(in_place)
            .and_then(|cert| node.key_file_beside(cert.file()))
            .map(|(file, _)| file),
        _ => None,
    };
    let found = found.filter(|file| reference.target != Target::File(*file));
    if let Some(file) = found {
        let edit = Edit::name(component, reference.flag.trim_start_matches('-'), file);
        fact.fix(Cure::words("Name the file of the part:").flags([edit]));
    }
}

fn may_be(leaf: Cert<'_>, purpose: &ExtendedKeyUsage) -> bool {
    let purposes = leaf.tbs().extensions.purposes();
    purposes.is_empty() || purposes.contains(purpose) || purposes.contains(&ExtendedKeyUsage::Any)
}

fn authority(node: &Node, reference: &Reference, file: usize, answers: &mut Answers) {
    let certs: Vec<Cert<'_>> = node.certs_in(file).collect();
    let Some(first) = certs.first() else {
        nothing_of_the_kind(node, reference, file, answers);
        return;
    };
    answers.look();
    if first.place_role().is_some() && first.place_role() == reference.role {
        return;
    }
    // What signed itself is an anchor whatever it says of itself.
    let Some(anchor) = certs.iter().find(|cert| cert.is_ca() || cert.is_self_signed()) else {
        let is = format!("{} ({})", said(reference), subject(*first));
        let fact = answers.fail(reference, format!("{is}, which is no CA's certificate and verifies nobody"));
        right_file(node, reference, fact);
        return;
    };
    let (Some(role), Some(own)) = (reference.role, anchor.own_role()) else { return };
    // One CA for etcd and Kubernetes is C013's, one for clients and the front proxy M008's.
    let said_elsewhere = role == Role::EtcdCa && own == Role::KubernetesCa
        || reference.flag.ends_with("client-ca-file") && is_one_authority(node, reference);
    if own != role && own.is_ca() && !said_elsewhere {
        let is = format!("{} ({})", said(reference), subject(*anchor));
        let fact = answers.fail(reference, format!("{is}, which is the {own} and not the {role}"));
        right_file(node, reference, fact);
    }
}

fn key(node: &Node, reference: &Reference, file: usize, answers: &mut Answers) {
    let verifies = reference.what == What::TokenVerification;
    let has_key = node.keys_in(file).any(|key| key.private || verifies);
    // Tokens may also be verified by the key within a certificate.
    if has_key || verifies && node.certs_in(file).next().is_some() {
        answers.look();
    } else {
        nothing_of_the_kind(node, reference, file, answers);
    }
}

/// A file that does not hold what its name promises is F001's or F002's, one with nothing of a PKI in it F025's.
fn nothing_of_the_kind(node: &Node, reference: &Reference, file: usize, answers: &mut Answers) {
    let Some(found) = node.files.get(file) else { return };
    let (wanted, promises, is_swapped) = match reference.what {
        What::Certificate | What::Trust | What::SigningCertificate => (
            "certificate",
            matches!(found.promise(), Some(Promise::Certificate | Promise::CertificateOrPublicKey)),
            found.holds_private_key(),
        ),
        What::TokenVerification => ("public key", found.promise() == Some(Promise::PublicKey), false),
        _ => (
            "private key",
            found.promise() == Some(Promise::PrivateKey),
            found.items().iter().any(|item| matches!(item.content, Content::Certificate(_))),
        ),
    };
    let is_nothing = found.items().iter().all(|item| matches!(item.content, Content::Unknown { .. }));
    let is_empty = found.contents().is_some_and(|contents| contents.text.bytes == 0);
    // F015 and F025 tell that nobody can read the blocks.
    let is_lost = found.contents().is_some_and(|contents| contents.text.run_together.is_some())
        || found.items().iter().any(|item| matches!(item.content, Content::Broken { .. }));
    if is_empty || is_lost || found.promise().is_some() && is_nothing || promises && is_swapped {
        answers.look();
    } else {
        let fact = answers.fail(reference, format!("{}, which holds no {wanted}", said(reference)));
        right_file(node, reference, fact);
    }
}

fn kubeconfig(node: &Node, reference: &Reference, file: usize, answers: &mut Answers) {
    let Some(kubeconfig) = node.kubeconfig(file) else {
        answers.fail(reference, format!("{}, which is no kubeconfig", said(reference)));
        return;
    };
    answers.look();
    let (_, _, Some(user)) = node.current_context(kubeconfig) else { return };
    let Some(leaf) = node.kubeconfig_client(file, user).first().copied() else { return };
    let own = super::super::evidence::role_by_content(leaf.tbs());
    let (Some(role), Some(own)) = (reference.role, own) else { return };
    // A kubeconfig in its own place with another's certificate is K013's.
    let is_own_place = node
        .referenced_file(reference)
        .is_some_and(|file| file.on_node.ends_with(format!("etc/kubernetes/{role}.conf")));
    if own != role && !is_own_place {
        let is = format!("{} ({})", said(reference), subject(leaf));
        let fact =
            answers.fail(reference, format!("{is}, which is the kubeconfig of {own} and not of {role}"));
        right_file(node, reference, fact);
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::tree::{PKI, Tree};
    use super::*;

    fn with_flag(component: &str, flag: &str) -> Vec<String> {
        let mut tree = Tree::control_plane();
        tree.flag(component, flag);
        tree.findings(RULE.id)
    }

    #[test]
    fn a_flag_makes_no_ca_of_a_leaf() {
        let mut tree = Tree::control_plane();
        tree.flag("kube-apiserver", "--client-ca-file=/etc/kubernetes/pki/apiserver.crt");
        assert_eq!(tree.findings(RULE.id).len(), 1);
        for rule in ["P011", "P013", "P021", "M009", "C016"] {
            let found = tree.findings(rule);
            assert!(!found.iter().any(|found| found.contains("apiserver.crt:")), "{found:?}");
        }
        assert_eq!(tree.findings("M009"), [""; 0]);
    }

    #[test]
    fn the_nodes_certificate_is_for_whoever_calls_etcd_from_there() {
        let mut tree = Tree::control_plane();
        for name in ["node-cp1", "admin-cp1"] {
            let base = format!("{PKI}/etcd/ssl/{name}");
            let leaf = tree.ca("etcd/ca").leaf(&format!("cn=etcd-{name} eku=client key=p256:{name}"));
            tree.file(&format!("{base}-key.pem"), 0o600, leaf.key_pem());
            tree.file(&format!("{base}.pem"), 0o644, leaf.pem());
            tree.flag("kube-apiserver", &format!("--etcd-certfile=/{base}.pem"));
            tree.flag("kube-apiserver", &format!("--etcd-keyfile=/{base}-key.pem"));
            assert_eq!(tree.findings(RULE.id).len(), usize::from(name != "node-cp1"), "{name}");
        }
    }

    #[test]
    fn what_follows_from_a_flag_for_etcd_is_not_told_again() {
        let mut tree = Tree::control_plane();
        tree.flag("kube-apiserver", "--etcd-certfile=/etc/kubernetes/pki/apiserver-kubelet-client.crt");
        assert_eq!(tree.findings(RULE.id).len(), 1);
        assert_eq!((tree.findings("M011"), tree.findings("C013")), (vec![], vec![]));
        let mut tree = Tree::control_plane();
        tree.flag("kube-apiserver", "--etcd-cafile=/etc/kubernetes/pki/ca.crt");
        assert_eq!((tree.findings("M011").len(), tree.findings("C013")), (1, vec![]));
    }

    #[test]
    fn what_cannot_be_read_is_another_rule_s() {
        for spoil in [
            |text: String| text.replace("\n-----END", "!\n-----END"),
            |text: String| format!("{}{}", text.trim_end(), text),
        ] {
            let mut tree = Tree::control_plane();
            let path = format!("{PKI}/apiserver.crt");
            let text = spoil(tree.text(&path));
            tree.file(&path, 0o644, text);
            assert_eq!(tree.findings(RULE.id), [""; 0]);
            assert_eq!(tree.findings("F015").len() + tree.findings("F025").len(), 1);
        }
    }

    #[test]
    fn a_file_for_another_part_fires() {
        for (component, flag, severity, message) in [
            (
                "kube-apiserver",
                "--etcd-certfile=/etc/kubernetes/pki/apiserver.crt",
                "high",
                "(CN=kube-apiserver), whose purposes do not allow it to be a client's",
            ),
            (
                "kube-apiserver",
                "--etcd-certfile=/etc/kubernetes/pki/etcd/server.crt",
                "medium",
                "(CN=cp1.example.com), which is the certificate of etcd-server and not of apiserver-etcd-client",
            ),
            (
                "kube-apiserver",
                "--etcd-certfile=/etc/kubernetes/pki/front-proxy-client.crt",
                "high",
                "(CN=front-proxy-client), which is the certificate of front-proxy-client and not of apiserver-etcd-client",
            ),
            (
                "kube-apiserver",
                "--tls-cert-file=/etc/kubernetes/pki/front-proxy-client.crt",
                "high",
                "(CN=front-proxy-client), whose purposes do not allow it to be a server's",
            ),
            (
                "kube-apiserver",
                "--kubelet-client-certificate=/etc/kubernetes/pki/ca.crt",
                "high",
                "(CN=kubernetes), which is a CA's certificate",
            ),
            (
                "kube-apiserver",
                "--client-ca-file=/etc/kubernetes/pki/apiserver.crt",
                "high",
                "(CN=kube-apiserver), which is no CA's certificate and verifies nobody",
            ),
            (
                "kube-apiserver",
                "--client-ca-file=/etc/kubernetes/pki/etcd/ca.crt",
                "high",
                "(CN=etcd-ca), which is the etcd-ca and not the kubernetes-ca",
            ),
            (
                "kube-apiserver",
                "--kubelet-certificate-authority=/etc/kubernetes/pki/apiserver-kubelet-client.crt",
                "high",
                "(CN=kube-apiserver-kubelet-client), which is no CA's certificate and verifies nobody",
            ),
            (
                "kube-apiserver",
                "--service-account-signing-key-file=/etc/kubernetes/pki/sa.pub",
                "high",
                ", which holds no private key",
            ),
            (
                "kube-scheduler",
                "--kubeconfig=/etc/kubernetes/admin.conf",
                "high",
                "(O=kubeadm:cluster-admins, CN=kubernetes-admin), which is the kubeconfig of admin and not of scheduler",
            ),
        ] {
            let mut tree = Tree::control_plane();
            let manifest = format!("etc/kubernetes/manifests/{component}.yaml");
            tree.flag(component, flag);
            if component == "kube-scheduler" {
                tree.replace(&manifest, "/etc/kubernetes/scheduler.conf", "/etc/kubernetes/admin.conf");
            }
            let name = flag.replace('=', " names ");
            let message = if message.starts_with('(') {
                format!("{name} {message}")
            } else {
                format!("{name}{message}")
            };
            let findings = tree.findings(RULE.id);
            assert_eq!(findings.len(), 1, "{findings:?}");
            let line = findings[0].split(": ").next().unwrap().rsplit(':').next().unwrap();
            assert_eq!(findings, [format!("{severity} {manifest}:{line}: {message}")]);
        }
    }

    #[test]
    fn files_of_other_kinds_fire() {
        let mut tree = Tree::control_plane();
        tree.file(&format!("{PKI}/notes.txt"), 0o600, "nothing\n");
        tree.flag("kube-apiserver", "--tls-cert-file=/etc/kubernetes/pki/notes.txt");
        tree.flag("kube-apiserver", "--tls-private-key-file=/etc/kubernetes/pki/notes.txt");
        tree.flag("kube-apiserver", "--service-account-key-file=/etc/kubernetes/pki/notes.txt");
        tree.file("etc/kubernetes/scheduler.conf", 0o600, "nothing\n");
        assert_eq!(
            tree.findings(RULE.id),
            [
                "high etc/kubernetes/manifests/kube-apiserver.yaml:15: --service-account-key-file names /etc/kubernetes/pki/notes.txt, which holds no public key",
                "high etc/kubernetes/manifests/kube-apiserver.yaml:16: --tls-private-key-file names /etc/kubernetes/pki/notes.txt, which holds no private key",
                "high etc/kubernetes/manifests/kube-apiserver.yaml:17: --tls-cert-file names /etc/kubernetes/pki/notes.txt, which holds no certificate",
                "high etc/kubernetes/manifests/kube-scheduler.yaml:16: --kubeconfig names /etc/kubernetes/scheduler.conf, which is no kubeconfig",
            ]
        );
    }

    #[test]
    fn what_other_rules_say_is_not_said_twice() {
        assert_eq!(Tree::control_plane().findings(RULE.id), [""; 0]);
        assert_eq!(with_flag("kube-apiserver", "--etcd-cafile=/etc/kubernetes/pki/ca.crt"), [""; 0]);
        assert_eq!(
            with_flag("kube-apiserver", "--requestheader-client-ca-file=/etc/kubernetes/pki/ca.crt"),
            [""; 0]
        );
        let mut tree = Tree::control_plane();
        tree.certificate(&format!("{PKI}/apiserver.crt"), "eku=client");
        let key = tree.text(&format!("{PKI}/front-proxy-client.key"));
        tree.file(&format!("{PKI}/front-proxy-client.crt"), 0o600, key);
        assert_eq!(tree.findings(RULE.id), [""; 0], "the flags are right");
    }

    #[test]
    fn what_cannot_be_read_is_skipped_and_nothing_is_said_of_kubeconfigs_alone() {
        let mut tree = Tree::control_plane();
        tree.unread(&format!("{PKI}/apiserver.crt"), "permission denied");
        assert_eq!(
            tree.skipped(RULE.id),
            [
                "etc/kubernetes/manifests/kube-apiserver.yaml: --tls-cert-file names /etc/kubernetes/pki/apiserver.crt, which could \
              not be read: permission denied"
            ]
        );
        let mut tree = Tree::empty();
        tree.authority("ca", crate::forge::ca("cn=kubernetes"));
        tree.kubeconfig("etc/kubernetes/admin.conf", "cn=kubernetes-admin");
        assert!(tree.not_applicable(&RULE));
    }
}
