//! M018: one credential for a user, and none that never ends.

use super::kubeconfigs::{all, line};
use super::{Answers, Check, Citation, Rule, Severity};
use crate::audit::Scene;
use crate::inspect::KubeUser;

pub(super) static RULE: Rule = Rule {
    id: "M018",
    name: "kubeconfig-secrets",
    title: "A kubeconfig's user has a static token, or several credentials",
    severity: Severity::Medium,
    citations: &[
        Citation::page(
            "Kubernetes: kubeconfig (v1)",
            "https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/",
        ),
        Citation::page(
            "CIS Kubernetes Benchmark 3.1.2 and 3.1.3",
            "https://www.cisecurity.org/benchmark/kubernetes",
        ),
    ],
    explanation: "A token that stands in a kubeconfig is good until somebody deletes what it belongs to, and is copied with the file. Of several \
                  credentials the client sends all, and the API server takes the first that it knows: after the certificate was \
                  withdrawn the token beside it still works, and nobody remembers it.",
    fix: "Leave one credential for each user in FILE: a short-lived client certificate (`kpki issue`), or a command (exec) or file that hands out tokens that end.",
    applies_to: "the users of kubeconfigs",
    check: Check::Node(check),
};

fn check(scene: &Scene<'_>, answers: &mut Answers) {
    let node = scene.node;
    for (file, kubeconfig) in all(node) {
        // A bootstrap token is meant to stand there, for a day; that it is left is K025's.
        let is_bootstrap =
            node.files.get(file).is_some_and(|file| file.name().starts_with("bootstrap-kubelet"));
        for user in kubeconfig.users.iter().filter(|_| !is_bootstrap) {
            answers.look();
            if let Some(message) = message(user) {
                let cure = format!(
                    "Leave one credential for the user {} in FILE: a short-lived client certificate (`kpki issue`), or a command (exec) or file that \
                     hands out tokens that end. Whoever has a copy has what stands there now: take it back in the cluster.",
                    user.name
                );
                answers.fail(line(file, user.line), format!("the user {} {message}", user.name)).fix(cure);
            }
        }
    }
}

fn message(user: &KubeUser) -> Option<String> {
    let has = |field: &str| user.others.contains(&field);
    let has_certificate = user.certificate.embedded || user.certificate.file.is_some();
    // `tokenFile` beside `token` is one credential: the file counts.
    let mut ways: Vec<&str> = Vec::new();
    for (field, what) in [
        ("token", "a token"),
        ("tokenFile", "a token file"),
        ("exec", "a command (exec)"),
        ("auth-provider", "an auth-provider"),
        ("username", "a password"),
    ] {
        if has(field) && !(field == "token" && has("tokenFile")) {
            ways.push(what);
        }
    }
    if has_certificate && !ways.is_empty() {
        return Some(format!("has a client certificate and also {}", ways.join(" and ")));
    }
    if ways.len() > 1 {
        return Some(format!("has {}", ways.join(" and ")));
    }
    match ways.first() {
        Some(&"a token") => Some("has a token that stands in the file".to_owned()),
        Some(&"a password") => {
            Some("has a password, which no API server since Kubernetes 1.19 takes".to_owned())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::tree::{Tree, kubeconfig};
    use super::*;

    #[test]
    fn credentials_are_counted_and_none_is_shown() {
        let fields = |fields: &[&str]| fields.iter().map(|field| (*field).to_owned()).collect::<Vec<_>>();
        let (certificate, key) = ("client-certificate: a.crt", "client-key: a.key");
        for (credentials, message) in [
            (fields(&[certificate, key]), None),
            (fields(&["tokenFile: /run/token"]), None),
            (fields(&["exec: {command: a}"]), None),
            (fields(&["token: s3cr3t"]), Some("has a token that stands in the file")),
            (fields(&["token: s3cr3t", "tokenFile: /run/token"]), None),
            (
                fields(&["username: a", "password: s3cr3t"]),
                Some("has a password, which no API server since Kubernetes 1.19 takes"),
            ),
            (fields(&[certificate, key, "token: s3cr3t"]), Some("has a client certificate and also a token")),
            (
                fields(&[certificate, key, "exec: {command: a}", "username: a"]),
                Some("has a client certificate and also a command (exec) and a password"),
            ),
            (fields(&["token: s3cr3t", "exec: {command: a}"]), Some("has a token and a command (exec)")),
        ] {
            for path in ["etc/kubernetes/admin.conf", "etc/kubernetes/bootstrap-kubelet.conf"] {
                let mut tree = Tree::empty();
                tree.file(path, 0o600, kubeconfig("a", "insecure-skip-tls-verify: true", &credentials));
                let is_bootstrap = path.contains("bootstrap");
                let expected: Vec<String> = message
                    .filter(|_| !is_bootstrap)
                    .map(|message| format!("medium {path}:15: the user a {message}"))
                    .into_iter()
                    .collect();
                assert_eq!(tree.findings(RULE.id), expected, "{credentials:?}");
                assert_eq!(tree.not_applicable(&RULE), is_bootstrap);
                assert!(!format!("{:?}", tree.report()).contains("s3cr3t"));
            }
        }
    }
}
