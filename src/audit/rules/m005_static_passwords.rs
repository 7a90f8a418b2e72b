//! M005: no passwords in a file.

use super::credentials::{judge, judge_stray, led_to, named};
use super::remedy::{ASIDE, Cure, Edit};
use super::{Answers, Check, Citation, Rule, Severity};
use crate::audit::Scene;
use crate::manifest::Component;
use crate::profile::KubernetesVersion;

/// The release without the flag.
const REMOVED: KubernetesVersion = KubernetesVersion::new(1, 19, 0);

/// What such files are called by kops, kubespray and GCE's scripts; `-` stands as `_`.
const NAMES: [&str; 6] =
    ["basic_auth.csv", "basic_auth", "known_users.csv", "users.csv", "passwords.csv", "password_auth.csv"];

pub(super) static RULE: Rule = Rule {
    id: "M005",
    name: "static-passwords",
    title: "Passwords of the API server's users stand in a file",
    severity: Severity::Critical,
    citations: &[
        Citation::page("kubernetes/kubernetes#89069", "https://github.com/kubernetes/kubernetes/pull/89069"),
        Citation::page(
            "Kubernetes 1.19: urgent upgrade notes",
            "https://github.com/kubernetes/kubernetes/blob/master/CHANGELOG/CHANGELOG-1.19.md",
        ),
    ],
    explanation: "`--basic-auth-file` was removed in Kubernetes 1.19: an API server of that release or a later one does not know the flag and \
                  does not start. Before, every request carried a password that stands in the clear on the node and never ends.",
    fix: "Remove `--basic-auth-file` from the manifest and shred the file; give its users client certificates (`kpki sign csr`) or OIDC.",
    applies_to: "the API server's flags, and files of static passwords",
    check: Check::Node(check),
};

fn check(scene: &Scene<'_>, answers: &mut Answers) {
    let node = scene.node;
    let reference = node.reference(Component::Apiserver, "basic-auth-file");
    let named_file = reference.and_then(|reference| led_to(node, reference));
    match reference {
        Some(reference) => {
            let message = named(node, reference, answers);
            match node.version.as_ref().filter(|version| **version < REMOVED) {
                Some(_) => answers.fail(reference, message).severity(Severity::High),
                None => {
                    answers.fail(reference, format!("{message}; since Kubernetes 1.19 there is no such flag"))
                }
            }
            .fix(cure(named_file));
            if let Some(file) = named_file {
                judge(node, file, "password", answers);
            }
        }
        None if node.whole_launch(Component::Apiserver).is_some() => answers.look(),
        None => {}
    }
    judge_stray(node, &NAMES, named_file, "passwords", answers);
}

/// The flag goes, and the file with it.
fn cure(file: Option<usize>) -> Cure {
    let cure = Cure::words("Give its users client certificates (`kpki sign csr`) or OIDC first: once the flag is gone, none of these passwords is taken.").flags([Edit::remove(Component::Apiserver, "basic-auth-file")]);
    match file {
        Some(file) => cure.aside_file(file).say(ASIDE),
        None => cure,
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::tree::{PKI, Tree};
    use super::*;

    const USERS: &str = "correct horse battery,admin,1,\"system:masters\"\nsecret,jane,2\n";

    #[test]
    fn the_flag_fires_by_the_version() {
        for (version, severity, rest) in [
            (None, "critical", "; since Kubernetes 1.19 there is no such flag"),
            (Some("v1.19.0"), "critical", "; since Kubernetes 1.19 there is no such flag"),
            (Some("v1.18.20"), "high", ""),
        ] {
            let mut tree = Tree::control_plane();
            assert_eq!((tree.findings(RULE.id), tree.not_applicable(&RULE)), (vec![], false));
            tree.file(&format!("{PKI}/users.csv"), 0o600, USERS);
            tree.flag("kube-apiserver", "--basic-auth-file=/etc/kubernetes/pki/users.csv");
            tree.policy.kubernetes_version = version.map(|version| version.parse().unwrap());
            assert_eq!(
                tree.findings(RULE.id),
                [
                    format!("{severity} etc/kubernetes/manifests/kube-apiserver.yaml:15: --basic-auth-file names \
                             /etc/kubernetes/pki/users.csv: 2 users, 1 of them in system:masters{rest}"),
                    "medium etc/kubernetes/pki/users.csv:2: line 2: a password of less than 16 characters can be guessed".into(),
                ]
            );
            assert!(!format!("{:?}", tree.report()).contains("horse"));
        }
    }

    #[test]
    fn a_file_that_nobody_names_fires_by_name_and_form() {
        let mut tree = Tree::empty();
        tree.authority("ca", crate::forge::ca("cn=kubernetes"));
        assert!(tree.not_applicable(&RULE));
        tree.file(&format!("{PKI}/basic-auth.csv"), 0o600, USERS);
        tree.file(&format!("{PKI}/htpasswd"), 0o600, "admin:{SHA}abc,def,ghi\n");
        assert_eq!(
            tree.findings(RULE.id),
            [
                "medium etc/kubernetes/pki/basic-auth.csv: it looks like a file of static passwords that no flag names: 2 users, 1 of \
              them in system:masters"
            ]
        );
    }
}
