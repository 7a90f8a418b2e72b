//! M013: a kubeconfig's client certificate and its key.

use super::kubeconfigs::{all, line};
use super::references::{hidden, said, subject};
use super::remedy::Reissue;
use super::{Answers, Check, Citation, Place, Rule, Severity};
use crate::audit::{File, FoundKey, Node, Scene, Target};
use crate::inspect::{KubeUser, Reference};

pub(super) static RULE: Rule = Rule {
    id: "M013",
    name: "kubeconfig-pair",
    title: "A kubeconfig's client certificate and key do not belong together",
    severity: Severity::High,
    citations: &[
        Citation::page(
            "Kubernetes: kubeconfig (v1)",
            "https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/",
        ),
        Citation::page("Go: crypto/tls X509KeyPair", "https://pkg.go.dev/crypto/tls#X509KeyPair"),
    ],
    explanation: "The client reads both, finds that the key is not the certificate's or that one half is missing, and makes no connection. It happens \
                  where a certificate was renewed and only one of the two fields was replaced.",
    fix: "Put a certificate and its own key into FILE: `kpki issue PROFILE --kubeconfig FILE --force` writes both anew.",
    applies_to: "the users of kubeconfigs",
    check: Check::Node(check),
};

/// That a certificate has expired is T001's.
fn check(scene: &Scene<'_>, answers: &mut Answers) {
    let node = scene.node;
    for (file, kubeconfig) in all(node) {
        for user in &kubeconfig.users {
            let is_given = |half: &Reference| half.embedded || half.file.is_some();
            let place = line(file, user.line);
            match (is_given(&user.certificate), is_given(&user.key)) {
                (true, true) => pair(node, file, user, answers),
                (true, false) => {
                    let fact = answers
                        .fail(place, format!("the user {} has a client certificate and no key", user.name));
                    if let Some(leaf) = node.kubeconfig_client(file, user).first() {
                        fact.fix(Reissue::default().of(*leaf).with_new_key());
                    }
                }
                (false, true) => {
                    answers
                        .fail(place, format!("the user {} has a client key and no certificate", user.name));
                }
                (false, false) => {}
            }
        }
    }
}

fn pair(node: &Node, file: usize, user: &KubeUser, answers: &mut Answers) {
    let named = |field: &str| {
        let field = format!("users[{}].{field}", user.name);
        node.references_in(file).find(|reference| reference.flag == field)
    };
    for (half, field) in [(&user.certificate, "client-certificate"), (&user.key, "client-key")] {
        if half.embedded {
            continue;
        }
        // Where a kubeconfig names very many files, the rest is left out.
        let Some(reference) = named(field) else { return };
        if let Some(reason) = hidden(node, reference) {
            answers.skip(reference, reason);
            return;
        }
    }
    // What is embedded and cannot be loaded is M024's.
    let is_told = |field: &str| {
        let field = format!("users[{}].{field}-data", user.name);
        let items = node.files.get(file).map(File::items).unwrap_or_default();
        let mut own = items.iter().filter(|item| item.place.field.as_deref() == Some(&field));
        own.any(|item| !item.faults.is_empty())
    };
    if user.certificate.embedded && is_told("client-certificate")
        || user.key.embedded && is_told("client-key")
    {
        answers.look();
        return;
    }
    let place: Place = line(file, user.certificate.line);
    let Some(leaf) = node.kubeconfig_client(file, user).first().copied() else {
        answers.fail(
            place,
            format!("the client certificate of the user {} is none that can be read", user.name),
        );
        return;
    };
    let keys: Vec<&FoundKey> = if user.key.embedded {
        let field = format!("users[{}].client-key-data", user.name);
        let is_it = |key: &&FoundKey| {
            let item = node.files.get(file).and_then(|file| file.items().get(key.item));
            item.is_some_and(|item| item.place.field.as_deref() == Some(&field))
        };
        node.keys_in(file).filter(is_it).collect()
    } else {
        match named("client-key").map(|reference| reference.target) {
            Some(Target::File(file)) => node.keys_in(file).collect(),
            _ => return,
        }
    };
    let keys: Vec<&FoundKey> = keys.into_iter().filter(|key| key.private).collect();
    let key_place = line(file, user.key.line);
    if keys.is_empty() {
        answers
            .fail(key_place, format!("the client key of the user {} is none that can be read", user.name))
            .fix(Reissue::default().of(leaf).with_new_key());
    } else if keys.iter().any(|key| key.spki.is_none()) {
        let reason = named("client-key").filter(|_| !user.key.embedded).map_or_else(
            || format!("the client key of the user {}, whose public key cannot be told", user.name),
            |reference| format!("{}, whose public key cannot be told", said(reference)),
        );
        answers.skip(key_place, reason);
    } else if keys.iter().any(|key| key.spki == Some(leaf.spki())) {
        answers.look();
    } else {
        answers
            .fail(
                key_place,
                format!(
                    "the client key of the user {} is not that of its certificate ({})",
                    user.name,
                    subject(leaf)
                ),
            )
            .fix(Reissue::default().of(leaf).with_new_key());
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::tree::{PKI, Tree, kubeconfig, kubeconfig_of};
    use super::*;

    const ADMIN: &str = "etc/kubernetes/admin.conf";

    #[test]
    fn a_key_of_another_certificate_fires() {
        let mut tree = Tree::control_plane();
        assert_eq!((tree.findings(RULE.id), tree.skipped(RULE.id)), (vec![], vec![]));
        let ca = tree.ca("ca").clone();
        let key_line =
            |text: &str| text.lines().find(|line| line.contains("client-key-data")).unwrap().to_owned();
        let other = key_line(&kubeconfig_of(&ca, &ca.leaf("cn=other")));
        let own = key_line(&tree.text(ADMIN));
        tree.replace(ADMIN, &own, &other);
        assert_eq!(
            tree.findings(RULE.id),
            [format!(
                "high {ADMIN}:18: the client key of the user admin is not that of its certificate (O=kubeadm:cluster-admins, \
                      CN=kubernetes-admin)"
            )]
        );
        tree.replace(ADMIN, &format!("{other}\n"), "");
        assert_eq!(
            tree.findings(RULE.id),
            [format!("high {ADMIN}:15: the user admin has a client certificate and no key")]
        );
    }

    #[test]
    fn files_that_are_named_are_compared_too() {
        let pki = "/etc/kubernetes/pki";
        let mut tree = Tree::control_plane();
        let text = |certificate: &str, key: &str| {
            kubeconfig(
                "a",
                "insecure-skip-tls-verify: true",
                &[format!("client-certificate: {pki}/{certificate}"), format!("client-key: {pki}/{key}")],
            )
        };
        tree.file(ADMIN, 0o600, text("front-proxy-client.crt", "front-proxy-client.key"));
        assert_eq!(tree.findings(RULE.id), [""; 0]);
        tree.file(ADMIN, 0o600, text("front-proxy-client.crt", "apiserver.key"));
        assert_eq!(
            tree.findings(RULE.id),
            [format!(
                "high {ADMIN}:18: the client key of the user a is not that of its certificate (CN=front-proxy-client)"
            )]
        );
        tree.file(ADMIN, 0o600, text("sa.pub", "apiserver.key"));
        assert_eq!(
            tree.findings(RULE.id),
            [format!("high {ADMIN}:17: the client certificate of the user a is none that can be read")]
        );
        tree.file(ADMIN, 0o600, text("apiserver.crt", "sa.pub"));
        assert_eq!(
            tree.findings(RULE.id),
            [format!("high {ADMIN}:18: the client key of the user a is none that can be read")]
        );
        tree.remove(&format!("{PKI}/sa.pub"));
        assert_eq!(
            tree.skipped(RULE.id),
            [format!("{ADMIN}: users[a].client-key names /etc/kubernetes/pki/sa.pub, which is not there")]
        );
    }

    #[test]
    fn users_without_a_certificate_are_not_meant() {
        let mut tree = Tree::empty();
        tree.file(
            ADMIN,
            0o600,
            kubeconfig("a", "insecure-skip-tls-verify: true", &["token: abc".to_owned()]),
        );
        assert!(tree.not_applicable(&RULE));
        tree.file(
            ADMIN,
            0o600,
            kubeconfig("a", "insecure-skip-tls-verify: true", &["client-key: a.key".to_owned()]),
        );
        assert_eq!(
            tree.findings(RULE.id),
            [format!("high {ADMIN}:15: the user a has a client key and no certificate")]
        );
    }
}
