//! E009: etcd can read the revocation list that it is given.

use super::super::{Answers, File, Place, Reference, Scene, Target};
use super::etcd::{Etcd, Side};
use super::references::hidden;
use super::remedy::{Command, Cure};
use super::{Check, Citation, Rule, Severity};
use crate::inspect::{Content, Encoding};
use crate::remedy::backup;
use crate::x509::shell_word;

pub(super) static RULE: Rule = Rule {
    id: "E009",
    name: "etcd-revocation-list-form",
    title: "etcd cannot read its revocation list",
    severity: Severity::Critical,
    citations: &[
        Citation::page(
            "etcd: client/pkg/transport/listener_tls.go",
            "https://github.com/etcd-io/etcd/blob/main/client/pkg/transport/listener_tls.go",
        ),
        Citation::page(
            "etcd: configuration options",
            "https://etcd.io/docs/v3.6/op-guide/configuration/#security",
        ),
    ],
    explanation: "etcd reads the file of --client-crl-file and --peer-crl-file anew at every connection, as one list in DER and \
                  nothing else. Where that fails, it refuses the connection, whoever calls: the API server loses etcd at the \
                  moment at which the file is put there, without any restart.",
    fix: "Put the list there in DER: `openssl crl -in FILE -outform DER -out etcd.crl`, then name etcd.crl in the flag.",
    applies_to: "etcd with a revocation list",
    check: Check::Node(check),
};

fn check(scene: &Scene<'_>, answers: &mut Answers) {
    let Some(etcd) = Etcd::of(scene, answers) else { return };
    for side in Side::BOTH {
        let Some(reference) = etcd.reference(side.list()) else { continue };
        judge(&etcd, reference, answers);
    }
}

fn judge(etcd: &Etcd<'_>, reference: &Reference, answers: &mut Answers) {
    let flag = &reference.flag;
    // What is not there at all is M001's.
    if let Some(reason) = hidden(etcd.node, reference) {
        return answers.skip(reference, reason);
    }
    let Target::File(file) = reference.target else { return };
    let Some(contents) = etcd.node.files.get(file).and_then(File::contents) else { return };
    answers.look();
    let list = contents.items.iter().find_map(|item| match &item.content {
        Content::RevocationList(list) => Some((list, Place::of_item(file, item), item.faults.first())),
        _ => None,
    });
    let Some((list, place, fault)) = list else {
        let message =
            format!("it holds no revocation list, and {flag} names it: every connection is refused");
        answers.fail(file, message);
        return;
    };
    if let Some(fault) = fault {
        answers.fail(
            place,
            format!("the revocation list cannot be read ({fault}): every connection is refused"),
        );
    } else if contents.encoding != Encoding::Der {
        let form = contents.encoding.name();
        let cure = || {
            let found = etcd.node.files.get(file).map(|file| file.command_path().to_owned())?;
            let to = shell_word(&found);
            let command = format!("{} && openssl crl -in \"$b\" -outform DER -out {to}", backup(&found));
            (contents.encoding == Encoding::Pem)
                .then(|| Cure::words("Write it as DER:").run(Command::written(command)))
        };
        let cure = cure().unwrap_or_else(|| "Put the list there in DER, and nothing else.".into());
        // Older releases called x509.ParseCRL, which takes PEM too.
        if etcd.version().is_some_and(|version| version < (3, 6, 0)) {
            let message = format!("the list of {flag} is {form}, and newer releases of etcd read DER only");
            answers.fail(place, message).severity(Severity::High).fix(cure);
        } else {
            let message =
                format!("the list of {flag} is {form}, and etcd reads DER only: every connection is refused");
            answers.fail(place, message).fix(cure);
        }
    } else if contents.text.bytes != list.der().len() {
        let more = contents.text.bytes.saturating_sub(list.der().len());
        answers.fail(place, format!("{more} bytes follow the list of {flag}: every connection is refused"));
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::tree::{PKI, Tree};
    use super::*;

    fn tree(list: Option<Vec<u8>>) -> Tree {
        let mut tree = Tree::control_plane();
        tree.flag("etcd", "--client-crl-file=/etc/kubernetes/pki/etcd/ca.crl");
        if let Some(list) = list {
            tree.file(&format!("{PKI}/etcd/ca.crl"), 0o644, list);
        }
        tree
    }

    fn list() -> (Vec<u8>, String) {
        let list = Tree::control_plane().ca("etcd/ca").crl("");
        (list.der().to_vec(), crate::pem::encode("X509 CRL", list.der()).to_string())
    }

    #[test]
    fn der_alone_is_read() {
        let place = "critical etc/kubernetes/pki/etcd/ca.crl";
        let (der, pem) = list();
        assert_eq!(tree(Some(der.clone())).findings("E009"), [""; 0]);
        assert!(!tree(Some(der.clone())).not_applicable(&RULE));
        let mut old = tree(Some(pem.clone().into()));
        assert_eq!(
            old.findings("E009"),
            [format!(
                "{place}:1: the list of --client-crl-file is PEM, and etcd reads DER only: every connection is refused"
            )]
        );
        old.replace("etc/kubernetes/manifests/etcd.yaml", "etcd:3.6.8-0", "etcd:3.5.21-0");
        assert_eq!(
            old.findings("E009"),
            [
                "high etc/kubernetes/pki/etcd/ca.crl:1: the list of --client-crl-file is PEM, and newer releases of etcd read DER \
              only"
            ]
        );
        assert_eq!(
            tree(Some(b"nothing of the kind\n".to_vec())).findings("E009"),
            [format!(
                "{place}: it holds no revocation list, and --client-crl-file names it: every connection is refused"
            )]
        );
    }

    #[test]
    fn what_cannot_be_looked_at_is_skipped() {
        let manifest = "etc/kubernetes/manifests/etcd.yaml";
        let names = "--client-crl-file names /etc/kubernetes/pki/etcd/ca.crl";
        assert_eq!(tree(None).findings("E009"), [""; 0]);
        assert_eq!(
            tree(None).findings("M001"),
            [format!("critical {manifest}:15: {names}, which is not there")]
        );
        assert_eq!(tree(None).skipped("E009"), [format!("{manifest}: {names}, which is not there")]);
        let mut tree = tree(None);
        tree.unread(&format!("{PKI}/etcd/ca.crl"), "it may not be read by this user");
        assert_eq!(
            tree.skipped("E009"),
            [format!("{manifest}: {names}, which could not be read: it may not be read by this user")]
        );
        assert!(Tree::control_plane().not_applicable(&RULE));
    }
}
