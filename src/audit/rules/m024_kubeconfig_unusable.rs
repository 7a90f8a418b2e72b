//! M024: a kubeconfig that clients can use.

use super::files::left_over;
use super::kubeconfigs::{all, is_in_field_of_kubeconfig, line};
use super::m010_root_ca::{file_of_issuer, serving};
use super::remedy::{Command, Cure, Reissue};
use super::{Answers, Check, Citation, Place, Rule, Severity};
use crate::audit::{Cert, Node, Role, Scene, Use};
use crate::inspect::{Correction, KubePart, Kubeconfig, Unusable};
use crate::remedy::backup;
use crate::x509::shell_word;

pub(super) static RULE: Rule = Rule {
    id: "M024",
    name: "kubeconfig-unusable",
    title: "A kubeconfig is written so that clients cannot use it",
    severity: Severity::High,
    citations: &[
        Citation::page(
            "Kubernetes: kubeconfig (v1)",
            "https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/",
        ),
        Citation::page(
            "client-go: tools/clientcmd, validation.go",
            "https://github.com/kubernetes/client-go/blob/master/tools/clientcmd/validation.go",
        ),
        Citation::rfc("RFC 3986 section 3.2"),
    ],
    explanation: "kubectl, and every component that reads this file, refuses it or connects to nothing: a value of the wrong kind and base64 that cannot be \
                  decoded spoil the whole file; a certificate or key in another form than PEM, or encrypted, a file and its data in one place, and a URL \
                  that nobody can dial spoil the cluster or the user that they stand at. What is not of the current context is of severity medium.",
    fix: "Write that field of FILE anew; `kubectl --kubeconfig FILE config view` says whether kubectl reads it, `kpki inspect FILE` what is in it.",
    applies_to: "kubeconfigs",
    check: Check::Node(check),
};

fn check(scene: &Scene<'_>, answers: &mut Answers) {
    let node = scene.node;
    for (file, kubeconfig) in all(node) {
        answers.look();
        let Some(own) = node.files.get(file) else { continue };
        let severity = |is_used: bool| {
            if is_used && left_over(node, own).is_none() { Severity::High } else { Severity::Medium }
        };
        for unusable in &kubeconfig.unusable {
            let is_used = is_used(node, kubeconfig, &unusable.part);
            let fact =
                answers.fail(line(file, unusable.line), unusable.what.clone()).severity(severity(is_used));
            if let Some(cure) = cure(node, file, unusable) {
                fact.fix(cure);
            }
        }
        for item in own.items().iter().filter(|item| is_in_field_of_kubeconfig(item)) {
            let field = item.place.field.as_deref().unwrap_or_default();
            let is_used = is_used_field(node, kubeconfig, field);
            for fault in &item.faults {
                let fact = answers
                    .fail(Place::of_item(file, item), format!("{field}: {fault}"))
                    .severity(severity(is_used));
                if let Some(cure) = embedded_anew(node, file, kubeconfig, &part_of(kubeconfig, field)) {
                    fact.fix(cure);
                }
            }
        }
        for cluster in &kubeconfig.clusters {
            let authority = &cluster.authority;
            if authority.empty > 0 && authority.file.is_none() && !cluster.insecure {
                let message = format!(
                    "certificate-authority-data of the cluster {} is empty: the CAs of the system are trusted in its place",
                    cluster.name
                );
                answers.fail(line(file, authority.empty), message).severity(Severity::Medium);
            }
        }
    }
}

/// Whether a part is used by whoever names no context.
fn is_used(node: &Node, kubeconfig: &Kubeconfig, part: &KubePart) -> bool {
    let (context, cluster, user) = node.current_context(kubeconfig);
    match part {
        KubePart::Whole => true,
        // Without a context that is used, each is.
        KubePart::Cluster(name) => context.is_none() || cluster.is_some_and(|cluster| cluster.name == *name),
        KubePart::User(name) => context.is_none() || user.is_some_and(|user| user.name == *name),
    }
}

/// Whether a field is of a part that is used; base64 that cannot be decoded is everybody's.
fn is_used_field(node: &Node, kubeconfig: &Kubeconfig, field: &str) -> bool {
    is_used(node, kubeconfig, &part_of(kubeconfig, field))
}

/// The part that a field stands in.
fn part_of(kubeconfig: &Kubeconfig, field: &str) -> KubePart {
    let of = |list: &str, name: &str| field.starts_with(&format!("{list}[{name}]."));
    let cluster = kubeconfig.clusters.iter().find(|cluster| of("clusters", &cluster.name));
    let user = kubeconfig.users.iter().find(|user| of("users", &user.name));
    match (cluster, user) {
        (Some(cluster), _) => KubePart::Cluster(cluster.name.clone()),
        (_, Some(user)) => KubePart::User(user.name.clone()),
        _ => KubePart::Whole,
    }
}

/// What puts it right, where that can be told.
fn cure(node: &Node, file: usize, unusable: &Unusable) -> Option<Cure> {
    match &unusable.remedy {
        Correction::ByHand => None,
        Correction::WithoutField(field) => {
            let (path, line) = (node.files.get(file)?.command_path(), unusable.line);
            let take_out = format!(
                "{} && sed -i '{line}{{/^ *{field}: *[^{{}}]*$/d}}' {}",
                backup(path),
                shell_word(path)
            );
            let words =
                "Leave what is embedded, which clients prefer elsewhere, and take out the name of the file:";
            Some(Cure::words(words).run(Command::written(take_out)))
        }
        Correction::Server(url) => {
            let KubePart::Cluster(cluster) = &unusable.part else { return None };
            let command = Command::of("kubectl")
                .plain("--kubeconfig")
                .path(node.files.get(file)?.command_path())
                .plain("config set-cluster")
                .arg(cluster)
                .plain("--server")
                .arg(url);
            Some(Cure::words("Write it as it was meant:").run(command))
        }
    }
}

/// A cluster's CA is embedded anew, a user's certificate issued again.
fn embedded_anew(node: &Node, file: usize, kubeconfig: &Kubeconfig, part: &KubePart) -> Option<Cure> {
    match part {
        KubePart::Whole => None,
        KubePart::Cluster(cluster) => {
            let alone =
                |ca: &Cert<'_>| ca.item().place.field.is_none() && ca.found().usage != Use::Old && ca.is_ca();
            let signer = serving(node).and_then(file_of_issuer).and_then(|ca| node.certs_in(ca).next());
            let ca = signer.or_else(|| node.with_role(Role::KubernetesCa).find(alone))?;
            let words = "Embed the cluster's CA anew:";
            Some(Cure::words(words).trust_in_kubeconfig(file, cluster, ca))
        }
        KubePart::User(name) => {
            let user = kubeconfig.users.iter().find(|user| user.name == *name)?;
            let leaf = node.kubeconfig_client(file, user).first().copied()?;
            Some(Reissue::default().of(leaf).with_new_key().into())
        }
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::prelude::BASE64_STANDARD;

    use super::super::super::testing::tree::{Tree, kubeconfig_of};
    use super::super::files::testing::ENCRYPTED;
    use super::*;
    use crate::forge;

    const ADMIN: &str = "etc/kubernetes/admin.conf";

    fn good() -> String {
        let ca = forge::ca("cn=kubernetes");
        kubeconfig_of(&ca, &ca.leaf("cn=admin eku=client"))
    }

    fn found(text: &str) -> Vec<String> {
        let mut tree = Tree::empty();
        tree.file(ADMIN, 0o600, text);
        tree.findings(RULE.id)
    }

    /// The value of a field of one line.
    fn value<'a>(text: &'a str, field: &str) -> &'a str {
        text.lines().find_map(|line| line.trim().strip_prefix(field)?.strip_prefix(": ")).unwrap()
    }

    #[test]
    fn what_clients_use_is_silent() {
        assert_eq!(found(&good()), [""; 0]);
        let mut tree = Tree::control_plane();
        assert_eq!((tree.findings(RULE.id), tree.not_applicable(&RULE)), (vec![], false));
        tree = Tree::empty();
        tree.authority("ca", forge::ca("cn=kubernetes"));
        assert!(tree.not_applicable(&RULE));
    }

    #[test]
    fn what_is_embedded_in_another_form_fires() {
        let good = good();
        let decode = |field| BASE64_STANDARD.decode(value(&good, field)).unwrap();
        let der = |field| crate::pem::parse(&decode(field)).unwrap().remove(0).der.to_vec();
        let with_mark = |field| [b"\xef\xbb\xbf".to_vec(), decode(field)].concat();
        for (field, contents, told) in [
            ("certificate-authority-data", der("certificate-authority-data"), "it is DER in base64"),
            ("client-certificate-data", der("client-certificate-data"), "it is DER in base64"),
            ("client-key-data", der("client-key-data"), "it is DER in base64"),
            (
                "client-key-data",
                value(&good, "client-key-data").as_bytes().to_vec(),
                "it is base64 in base64",
            ),
            (
                "certificate-authority-data",
                value(&good, "certificate-authority-data").as_bytes().to_vec(),
                "it is base64 in base64",
            ),
            (
                "client-certificate-data",
                with_mark("client-certificate-data"),
                "a byte order mark stands before BEGIN",
            ),
            ("client-key-data", ENCRYPTED.as_bytes().to_vec(), "it is encrypted, and no client asks"),
            (
                "client-key-data",
                decode("client-certificate-data"),
                "a private key belongs there, and it holds a certificate",
            ),
            (
                "client-certificate-data",
                decode("client-key-data"),
                "a certificate belongs there, and it holds a private key",
            ),
            ("client-certificate-data", b"hello".to_vec(), "holds 5 bytes that are nothing of a PKI"),
        ] {
            let text = good.replace(value(&good, field), &BASE64_STANDARD.encode(&contents));
            let found = found(&text);
            assert!(
                found.len() == 1 && found[0].starts_with(&format!("high {ADMIN}:")),
                "{field}: {found:?}"
            );
            assert!(found[0].contains(field) && found[0].contains(told), "{field}: {told}: {found:?}");
        }
    }

    #[test]
    fn what_is_not_of_the_current_context_is_milder() {
        let server = "https://10.0.0.10:6443";
        let text = good().replace(server, "https://10.0.0.10:99999");
        assert!(found(&text)[0].starts_with("high "), "{:?}", found(&text));
        let other = text
            .replace("current-context: ", "current-context: other #")
            .replace("contexts:\n", "contexts:\n- {name: other, context: {cluster: other, user: admin}}\n");
        let other =
            other.replace("clusters:\n", "clusters:\n- {name: other, cluster: {server: 'https://a:6443'}}\n");
        assert!(found(&other)[0].starts_with("medium "), "{:?}", found(&other));
        let mut tree = Tree::control_plane();
        tree.file("etc/kubernetes/admin.conf.bak", 0o600, text);
        assert!(tree.findings(RULE.id)[0].starts_with("medium "), "{:?}", tree.findings(RULE.id));
    }
}
