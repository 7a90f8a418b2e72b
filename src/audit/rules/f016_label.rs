//! F016: a PEM label that is another thing's.

use super::files::is_about_the_label;
use super::remedy::{Command, Cure};
use super::{Check, Citation, Rule, Severity};
use crate::audit::{Answers, Basis, Cert, File, Place, Scene, Use};
use crate::inspect::Content;

pub(super) static RULE: Rule = Rule {
    id: "F016",
    name: "label",
    title: "A PEM block's label does not say what is in it",
    severity: Severity::High,
    citations: &[
        Citation::rfc("RFC 7468 section 5"),
        Citation::rfc("RFC 7468 section 10"),
        Citation::page(
            "client-go: ParsePrivateKeyPEM, ParseCertsPEM",
            "https://github.com/kubernetes/client-go/tree/master/util",
        ),
    ],
    explanation: "Readers go by the label: those of Kubernetes take certificates under CERTIFICATE alone, and read RSA PRIVATE KEY as PKCS#1 and EC \
                  PRIVATE KEY as SEC 1. A certificate in use that they pass over is of severity high. PKCS#8 under another label, or OpenSSL's TRUSTED CERTIFICATE, is read by one program and not \
                  by the next.",
    fix: "`kpki inspect -o pem FILE > FILE.new` writes the same things under their labels (with `--private-keys` keys as well: under \
          umask 077); put that in the place of FILE.",
    applies_to: "PEM blocks, those within kubeconfigs and Secrets among them",
    check: Check::Node(check),
};

fn check(scene: &Scene<'_>, answers: &mut Answers) {
    for (index, file) in scene.node.files.iter().enumerate() {
        // A certificate that its readers pass over is not there for them; a key is read under several labels.
        let is_placed = |cert: Cert<'_>| {
            let surest = cert.found().roles.iter().map(|(_, basis)| *basis).min();
            cert.found().usage == Use::Used && surest < Some(Basis::Content) && surest.is_some()
        };
        let in_use = scene.node.certs_in(index).any(is_placed);
        for item in file.items().iter().filter(|item| item.label.is_some()) {
            answers.look();
            let faults = item.faults.iter().filter(|fault| is_about_the_label(fault));
            let oddities = item
                .oddities
                .iter()
                .map(|oddity| &oddity.what)
                .filter(|what| what.starts_with("the label is "));
            for message in faults.chain(oddities) {
                let cure = match relabelled(item.label.as_deref(), message, file) {
                    Some(command) => Cure::words("Give it the label of what it is:").run(command),
                    None => Cure::words("Write the same things under their labels:").rewritten_as_pem(),
                };
                let fact = answers.fail(Place::of_item(index, item), message.clone()).fix(cure);
                if !(in_use && matches!(item.content, Content::Certificate(_))) {
                    fact.severity(Severity::Medium);
                }
            }
        }
    }
}

/// The command that puts the label that a message names in the place of the one that is there.
fn relabelled(label: Option<&str>, message: &str, file: &File) -> Option<Command> {
    let (_, right) = message.split_once("which belongs under `")?;
    let (right, label) = (right.split('`').next()?, label?);
    let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b' ');
    let lines = format!(r"sed -i 's/^-----\(BEGIN\|END\) {label}-----/-----\1 {right}-----/'");
    (plain(label) && plain(right)).then(|| Command::written(lines).path(file.command_path()))
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::tree::{PKI, Tree};
    use super::*;

    #[test]
    fn right_labels_are_silent() {
        assert_eq!(Tree::control_plane().findings("F016"), [""; 0]);
    }

    #[test]
    fn wrong_labels_fire() {
        let good = Tree::control_plane();
        let (certificate, key) = (good.ca("ca").pem(), good.ca("ca").key_pem());
        for (text, message) in [
            (
                key.replace("PRIVATE KEY", "RSA PRIVATE KEY"),
                "the block is labelled `RSA PRIVATE KEY` and holds a private key in PKCS#8, which belongs under `PRIVATE KEY` (RFC 7468 \
                 section 10)",
            ),
            (
                key.replace("PRIVATE KEY", "EC PRIVATE KEY"),
                "the block is labelled `EC PRIVATE KEY` and holds a private key in PKCS#8, which belongs under `PRIVATE KEY` (RFC 7468 \
                 section 10)",
            ),
            (
                certificate.replace("CERTIFICATE", "CERTIFICATE REQUEST"),
                "the block is labelled `CERTIFICATE REQUEST` and holds a certificate, which belongs under `CERTIFICATE` (RFC 7468 section 5.1)",
            ),
            (
                certificate.replace("CERTIFICATE", "TRUSTED CERTIFICATE"),
                "the label is OpenSSL's own, and programs written in Go do not read it",
            ),
            (
                certificate.replace("CERTIFICATE", "X509 CERTIFICATE"),
                "the label is an old one; `CERTIFICATE` is the one to write",
            ),
        ] {
            let mut tree = Tree::empty();
            tree.file(&format!("{PKI}/a.pem"), 0o600, text);
            assert_eq!(tree.findings("F016"), [format!("medium etc/kubernetes/pki/a.pem:1: {message}")]);
        }
    }

    #[test]
    fn a_certificate_in_use_that_is_passed_over_is_high() {
        let mut tree = Tree::control_plane();
        let text = tree.ca("ca").pem().replace("CERTIFICATE", "TRUSTED CERTIFICATE");
        tree.file(&format!("{PKI}/ca.crt"), 0o644, text);
        assert_eq!(
            tree.findings("F016"),
            [format!(
                "high {PKI}/ca.crt:1: the label is OpenSSL's own, and programs written in Go do not read it"
            )]
        );
    }

    #[test]
    fn what_has_no_label_is_not_its_matter() {
        let mut tree = Tree::empty();
        tree.file("ca.der", 0o644, Tree::control_plane().ca("ca").der().to_vec());
        assert!(tree.not_applicable(&RULE));
    }
}
