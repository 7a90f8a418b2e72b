//! F011: permissions that the mode's nine bits do not tell.

use super::files::{holds_private, is_of_pki};
use super::remedy::{Command, Cure};
use super::{Check, Citation, Rule, Severity};
use crate::audit::{Answers, FileKind, Scene};
use crate::layout::Promise;

pub(super) static RULE: Rule = Rule {
    id: "F011",
    name: "odd-permissions",
    title: "An access control list or an odd bit stands on a file of the PKI",
    severity: Severity::High,
    citations: &[
        Citation::page("platform9/ssh-provider#33", "https://github.com/platform9/ssh-provider/issues/33"),
        Citation::page("Linux: acl(5)", "https://man7.org/linux/man-pages/man5/acl.5.html"),
    ],
    explanation: "An access control list gives rights to users and groups beside those of the mode: `ls -l` shows a `+` and no more, and a \
                  check that reads modes passes a key that others may read. Set-id and sticky bits mean nothing on a key and show that its \
                  mode was written by mistake, 7644 for 644; an executable certificate comes from the same.",
    fix: "`setfacl -b FILE` takes the list away; `chmod 600 FILE` for a key, `chmod 644 FILE` for a certificate.",
    applies_to: "files of the PKI",
    check: Check::Node(check),
};

fn check(scene: &Scene<'_>, answers: &mut Answers) {
    for (index, file) in scene.node.files.iter().enumerate() {
        if !matches!(file.kind, FileKind::Regular(_)) || !is_of_pki(file) && file.kubeconfig().is_none() {
            continue;
        }
        let Some(attributes) = &file.attributes else {
            answers.skip(index, "nothing is known of its permissions");
            continue;
        };
        answers.look();
        let secret =
            holds_private(file) || file.holds_private_key() || file.promise() == Some(Promise::PrivateKey);
        let severity = if secret { Severity::High } else { Severity::Low };
        let kept = if secret { 0o600 } else { 0o644 };
        if attributes.acl {
            let message =
                "an access control list stands on it, so that its mode does not tell who has access";
            let list = Command::of("setfacl").plain("-b").path(file.command_path());
            answers.fail(index, message).severity(severity).fix(Cure::default().run(list).narrow(kept));
        }
        let odd: Vec<&str> = [(0o4000, "set-user-id"), (0o2000, "set-group-id"), (0o1000, "sticky")]
            .into_iter()
            .filter(|(bit, _)| attributes.mode & bit != 0)
            .map(|(_, name)| name)
            .collect();
        if !odd.is_empty() {
            let message = format!("mode {:04o}: the bits {} are set", attributes.mode, odd.join(", "));
            answers.fail(index, message).severity(severity).fix(Cure::default().narrow(kept));
        } else if attributes.mode & 0o111 != 0 {
            let message = format!("mode {:04o}: it is executable", attributes.mode);
            answers.fail(index, message).severity(Severity::Low).fix(Cure::default().narrow(kept));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::tree::{PKI, Tree};
    use super::*;

    #[test]
    fn what_kubeadm_writes_is_silent() {
        assert_eq!(Tree::control_plane().findings("F011"), [""; 0]);
    }

    #[test]
    fn what_the_mode_does_not_tell_fires() {
        let key = format!("{PKI}/ca.key");
        let mut tree = Tree::control_plane();
        tree.set_attributes(&key, |attributes| attributes.acl = true);
        assert_eq!(
            tree.findings("F011"),
            [
                "high etc/kubernetes/pki/ca.key: an access control list stands on it, so that its mode does not tell who has access"
            ]
        );
        for (file, mode, finding) in [
            (
                "ca.key",
                0o7600,
                "high etc/kubernetes/pki/ca.key: mode 7600: the bits set-user-id, set-group-id, sticky are set",
            ),
            ("ca.crt", 0o4644, "low etc/kubernetes/pki/ca.crt: mode 4644: the bits set-user-id are set"),
            ("ca.key", 0o700, "low etc/kubernetes/pki/ca.key: mode 0700: it is executable"),
        ] {
            let mut tree = Tree::control_plane();
            tree.mode(&format!("{PKI}/{file}"), mode);
            assert_eq!(tree.findings("F011"), [finding]);
        }
    }

    #[test]
    fn other_files_are_not_its_matter() {
        let mut tree = Tree::empty();
        tree.file("run.sh", 0o755, "#!/bin/sh\n");
        assert!(tree.not_applicable(&RULE));
    }
}
