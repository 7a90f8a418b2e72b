//! M016: only its owner reads a kubeconfig.

use super::files::{exposure, who};
use super::kubeconfigs::all;
use super::remedy::Cure;
use super::{Answers, Check, Citation, Rule, Severity};
use crate::audit::Scene;
use crate::disk::Attributes;
use crate::inspect::Kubeconfig;

pub(super) static RULE: Rule = Rule {
    id: "M016",
    name: "kubeconfig-readable",
    title: "Others than its owner can reach a kubeconfig",
    severity: Severity::High,
    citations: &[
        Citation::page(
            "CIS Kubernetes Benchmark 1.1.13 to 1.1.18, 4.1.3 and 4.1.5",
            "https://www.cisecurity.org/benchmark/kubernetes",
        ),
        Citation::page(
            "Kubernetes: organizing cluster access with kubeconfig files",
            "https://kubernetes.io/docs/concepts/configuration/organize-cluster-access-kubeconfig/",
        ),
    ],
    explanation: "A kubeconfig with a key, a token or a password in it is the user that it names: whoever can read the file has all of that user's \
                  rights, and a certificate cannot be taken back. Whoever can write it sends the owner's credentials where he likes.",
    fix: "chmod 600 FILE.",
    applies_to: "kubeconfigs whose mode is known",
    check: Check::Node(check),
};

/// Owners are F009's. All benchmarks from 1.24 on, the oldest that can be asked for, want 600.
fn check(scene: &Scene<'_>, answers: &mut Answers) {
    let node = scene.node;
    for (file, kubeconfig) in all(node) {
        let Some(attributes) = node.files.get(file).and_then(|file| file.attributes) else {
            answers.skip(file, "nothing is known of its permissions");
            continue;
        };
        answers.look();
        let secret = secret(kubeconfig);
        // One that only points to files tells where to look, and no more.
        let reading = if secret.is_some() { Severity::High } else { Severity::Low };
        let thing = secret.map_or_else(|| "it".to_owned(), |secret| format!("the {secret} in it"));
        if let Some((severity, may)) = widest(&attributes, Severity::High, reading, &thing) {
            answers.fail(file, may).severity(severity).fix(Cure::default().narrow(0o600));
        }
    }
}

/// What others than the owner may do with a file, and how bad the worst of it is.
pub(super) fn widest(
    attributes: &Attributes,
    writing: Severity,
    reading: Severity,
    thing: &str,
) -> Option<(Severity, String)> {
    let written = exposure(attributes, 0o022, writing);
    let read = exposure(attributes, 0o044, reading);
    let (severity, bits, what) = if written >= read && written.is_some() {
        (written?, 0o022, "write it".to_owned())
    } else {
        (read?, 0o044, format!("read {thing}"))
    };
    let mode = attributes.mode & 0o7777;
    Some((severity, format!("mode {mode:04o}: {} may {what}", who(attributes, bits))))
}

/// What in it is worth stealing.
fn secret(kubeconfig: &Kubeconfig) -> Option<&'static str> {
    let users = || kubeconfig.users.iter();
    if users().any(|user| user.key.embedded) {
        Some("private key")
    } else if users().any(|user| user.others.contains(&"token")) {
        Some("token")
    } else if users().any(|user| user.others.contains(&"username")) {
        Some("password")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::tree::{Tree, kubeconfig};
    use super::*;

    const ADMIN: &str = "etc/kubernetes/admin.conf";

    #[test]
    fn modes_are_judged_by_what_is_in_it() {
        let with = |field: &str| kubeconfig("a", "insecure-skip-tls-verify: true", &[field.to_owned()]);
        for (text, mode, finding) in [
            (None, 0o600, None),
            (None, 0o400, None),
            (None, 0o640, Some("low mode 0640: group 0 may read the private key in it")),
            (None, 0o644, Some("high mode 0644: every user may read the private key in it")),
            (None, 0o602, Some("high mode 0602: every user may write it")),
            (Some(with("token: abc")), 0o644, Some("high mode 0644: every user may read the token in it")),
            (
                Some(with("username: abc")),
                0o644,
                Some("high mode 0644: every user may read the password in it"),
            ),
            (Some(with("tokenFile: /x")), 0o644, Some("low mode 0644: every user may read it")),
            (Some(with("tokenFile: /x")), 0o666, Some("high mode 0666: every user may write it")),
        ] {
            let mut tree = Tree::control_plane();
            if let Some(text) = text {
                tree.file(ADMIN, mode, text);
            }
            tree.mode(ADMIN, mode);
            let expected: Vec<String> = finding
                .and_then(|finding| finding.split_once(' '))
                .map(|(severity, message)| format!("{severity} {ADMIN}: {message}"))
                .into_iter()
                .collect();
            assert_eq!(tree.findings(RULE.id), expected, "{mode:o}");
        }
    }

    #[test]
    fn a_group_of_others_is_as_bad() {
        let mut tree = Tree::control_plane();
        tree.set_attributes(ADMIN, |attributes| (attributes.mode, attributes.gid) = (0o640, 50));
        assert_eq!(
            tree.findings(RULE.id),
            [format!("high {ADMIN}: mode 0640: group 50 may read the private key in it")]
        );
    }

    #[test]
    fn without_kubeconfigs_there_is_nothing_to_read() {
        let mut tree = Tree::empty();
        tree.authority("ca", crate::forge::ca("cn=kubernetes"));
        assert!(tree.not_applicable(&RULE));
    }
}
