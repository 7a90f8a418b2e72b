//! M004: no tokens in a file.

use super::credentials::{judge, judge_stray, led_to, named};
use super::remedy::{ASIDE, Cure, Edit};
use super::{Answers, Check, Citation, Rule, Severity};
use crate::audit::Scene;
use crate::manifest::Component;

/// What such files are called by kops, kubespray and the documents; `-` stands as `_`.
const NAMES: [&str; 6] = [
    "tokens.csv",
    "token.csv",
    "known_tokens.csv",
    "token_auth.csv",
    "token_auth_file.csv",
    "static_tokens.csv",
];

pub(super) static RULE: Rule = Rule {
    id: "M004",
    name: "static-tokens",
    title: "The API server takes tokens from a file",
    severity: Severity::High,
    citations: &[
        Citation::page(
            "Kubernetes authentication: static token file",
            "https://kubernetes.io/docs/reference/access-authn-authz/authentication/#static-token-file",
        ),
        Citation::page("CIS Kubernetes Benchmark 1.2.2", "https://www.cisecurity.org/benchmark/kubernetes"),
        Citation::page(
            "kubermatic/kubermatic#16160",
            "https://github.com/kubermatic/kubermatic/issues/16160",
        ),
    ],
    explanation: "A static token stands in the clear on the node, lasts for ever, and is taken back only by an edit and a restart of \
                  every API server. Whoever reads the file, a backup of it or a process list that shows a header is that user.",
    fix: "Give users short-lived client certificates (`kpki sign csr`), OIDC or service accounts, then remove `--token-auth-file` from the manifest and the file.",
    applies_to: "the API server's flags, and files of static tokens",
    check: Check::Node(check),
};

fn check(scene: &Scene<'_>, answers: &mut Answers) {
    let node = scene.node;
    let reference = node.reference(Component::Apiserver, "token-auth-file");
    let named_file = reference.and_then(|reference| led_to(node, reference));
    match reference {
        Some(reference) => {
            let message = named(node, reference, answers);
            answers.fail(reference, message).fix(cure(named_file));
            if let Some(file) = named_file {
                judge(node, file, "token", answers);
            }
        }
        None if node.whole_launch(Component::Apiserver).is_some() => answers.look(),
        None => {}
    }
    judge_stray(node, &NAMES, named_file, "tokens", answers);
}

/// The flag goes, and the file with it.
fn cure(file: Option<usize>) -> Cure {
    let cure = Cure::words("Give its users short-lived client certificates (`kpki sign csr`), OIDC or service accounts first: once the flag is gone, none of these tokens is taken.").flags([Edit::remove(Component::Apiserver, "token-auth-file")]);
    match file {
        Some(file) => cure.aside_file(file).say(ASIDE),
        None => cure,
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::tree::{PKI, Tree};
    use super::*;

    const TOKENS: &str = "0123456789abcdef0123,admin,1,\"ops,system:masters\"\n# a comment\nshort,jane,2\n0123456789abcdef0123,joe,3,dev\n";

    #[test]
    fn a_file_that_the_pod_does_not_see_is_the_one_that_is_meant() {
        let mut tree = Tree::control_plane();
        tree.file("etc/kubernetes/tokens.csv", 0o600, TOKENS);
        tree.flag("kube-apiserver", "--token-auth-file=/etc/kubernetes/tokens.csv");
        let found = tree.findings(RULE.id);
        assert!(
            found[0].ends_with("names /etc/kubernetes/tokens.csv: 3 users, 1 of them in system:masters"),
            "{found:?}"
        );
        assert!(found.iter().all(|found| !found.contains("no flag names")), "{found:?}");
        assert_eq!(tree.findings("M001").len(), 1);
    }

    #[test]
    fn the_flag_fires_with_the_numbers_and_without_the_secrets() {
        let mut tree = Tree::control_plane();
        assert_eq!((tree.findings(RULE.id), tree.not_applicable(&RULE)), (vec![], false));
        tree.file(&format!("{PKI}/tokens.csv"), 0o644, TOKENS);
        tree.flag("kube-apiserver", "--token-auth-file=/etc/kubernetes/pki/tokens.csv");
        let findings = tree.findings(RULE.id);
        assert_eq!(
            findings,
            [
                "high etc/kubernetes/manifests/kube-apiserver.yaml:15: --token-auth-file names /etc/kubernetes/pki/tokens.csv: 3 users, 1 of them in system:masters",
                "high etc/kubernetes/pki/tokens.csv: mode 0644: every user may read the tokens in it",
                "medium etc/kubernetes/pki/tokens.csv:3: line 3: a token of less than 16 characters can be guessed",
                "medium etc/kubernetes/pki/tokens.csv:4: line 4: the token of a line before",
            ]
        );
        assert!(!format!("{:?}", tree.report()).contains("0123456789abcdef0123"));
    }

    #[test]
    fn a_file_that_was_not_given_fires_and_is_skipped() {
        let mut tree = Tree::control_plane();
        tree.flag("kube-apiserver", "--token-auth-file=/etc/ssl/certs/t.csv");
        assert_eq!(
            tree.findings(RULE.id),
            [
                "high etc/kubernetes/manifests/kube-apiserver.yaml:15: --token-auth-file names /etc/ssl/certs/t.csv"
            ]
        );
        assert_eq!(tree.skipped(RULE.id).len(), 1);
    }

    #[test]
    fn a_file_that_nobody_names_fires_by_name_and_form() {
        for (name, text, count) in [
            ("known_tokens.csv", TOKENS, 1),
            ("known-tokens.csv", TOKENS, 1),
            ("inventory.csv", TOKENS, 0),
            ("known_tokens.csv", "admin:$2y$05$aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n", 0),
        ] {
            let mut tree = Tree::empty();
            tree.authority("ca", crate::forge::ca("cn=kubernetes"));
            tree.file(&format!("{PKI}/{name}"), 0o600, text);
            let findings = tree.findings(RULE.id);
            assert_eq!(findings.len(), count, "{name}: {findings:?}");
            assert_eq!(tree.not_applicable(&RULE), count == 0);
            let expected = format!(
                "medium etc/kubernetes/pki/{name}: it looks like a file of static tokens that no flag names: 3 users, 1 of them in system:masters"
            );
            assert!(findings.iter().all(|finding| *finding == expected), "{findings:?}");
        }
    }
}
