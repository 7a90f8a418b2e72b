//! F025: what cannot be read, or is nothing at all.

use std::collections::HashSet;

use super::files::{has_extension, is_about_the_label, is_thing_of_pki, left_over, own, referenced};
use super::kubeconfigs::is_in_field_of_kubeconfig;
use super::{Check, Citation, Rule, Severity};
use crate::audit::evidence::is_kubeconfig_of_kubeadm;
use crate::audit::{ATTRIBUTES_ONLY, Answers, Basis, Contents, File, FileKind, Gap, Node, Place, Scene};
use crate::disk::LEFT_OUT;
use crate::inspect::{Content, Encoding, Item, Oddity};
use crate::layout::profile_by_name;

pub(super) static RULE: Rule = Rule {
    id: "F025",
    name: "unreadable",
    title: "Something of the PKI is broken, empty or no regular file",
    severity: Severity::High,
    citations: &[
        Citation::rfc("RFC 5280 section 4.1"),
        Citation::rfc("RFC 7468 section 3"),
        Citation::page("ITU-T X.690", "https://www.itu.int/rec/T-REC-X.690"),
    ],
    explanation: "A component that is given a broken certificate or key does not start, and a bundle may lose the one that is broken without a word. \
                  What cannot be read has not been judged by any other rule either. In a file that a component names, or whose place tells \
                  its role, and in a field of an object, it is of severity high; elsewhere medium.",
    fix: "Bring the file back from a backup or issue it again; `kpki inspect FILE` shows what can still be read.",
    applies_to: "files of the PKI, and everything that is embedded in kubeconfigs and objects",
    check: Check::Node(check),
};

/// No bundle for a cluster's components is larger, in bytes: four times the one of all public CAs. A single certificate may
/// be as large as Go's TLS reads, 256 KiB.
const LARGE: usize = 1 << 20;

/// Extensions that promise something of a PKI beside those with a promise of their own (`layout::promise`).
const EXTENSIONS: [&str; 9] = ["csr", "crl", "der", "p7b", "p7c", "p8", "pk8", "p12", "pfx"];

fn check(scene: &Scene<'_>, answers: &mut Answers) {
    let node = scene.node;
    let referenced = referenced(node);
    for (index, file) in node.files.iter().enumerate() {
        let matters = referenced.contains(&index);
        let named = matters || is_named(file);
        match &file.kind {
            FileKind::Regular(Ok(contents)) => {
                if named || file.items().iter().any(|item| is_thing_of_pki(item) || !item.faults.is_empty()) {
                    answers.look();
                }
                regular(node, index, contents, &referenced, answers);
            }
            // Whatever its name is: it may be a manifest, or a key under another name.
            FileKind::Regular(Err(reason)) if !named || reason.contains("may not be read") => {
                answers.leave(index, Gap::Unread, format!("what is in it is not known: {reason}"));
            }
            FileKind::Regular(Err(reason)) => {
                answers.fail(index, format!("it was not read: {reason}")).severity(Severity::Medium);
            }
            FileKind::Directory(Err(reason)) if reason.contains("may not be read") => {
                answers.leave(index, Gap::Unread, format!("what is in it is not known: {reason}"));
            }
            FileKind::Directory(Err(reason)) if reason == ATTRIBUTES_ONLY || reason == LEFT_OUT => {}
            FileKind::Directory(Err(reason)) => {
                answers
                    .fail(index, format!("not all of it was looked at: {reason}"))
                    .severity(Severity::Medium);
            }
            FileKind::Special(what) => special(index, what, named, answers),
            _ => {}
        }
    }
}

/// Whether a file's name promises something of a PKI.
fn is_named(file: &File) -> bool {
    file.promise().is_some() || EXTENSIONS.iter().any(|extension| has_extension(file.name(), extension))
}

fn special(index: usize, what: &str, named: bool, answers: &mut Answers) {
    if named {
        answers.fail(index, format!("it is {what}, and a file is expected")).severity(Severity::Medium);
    } else if what != "a socket" {
        // Sockets are common beside a kubelet's files; a pipe or a device has no business in such a tree.
        answers.fail(index, format!("it is {what}")).severity(Severity::Low);
    }
}

fn regular(
    node: &Node,
    index: usize,
    contents: &Contents,
    referenced: &HashSet<usize>,
    answers: &mut Answers,
) {
    let Some(file) = node.files.get(index) else { return };
    let alone = node.files.len() == 1;
    let kubeconfig = is_kubeconfig_of_kubeadm(&file.on_node);
    let named = referenced.contains(&index) || is_named(file) || kubeconfig;
    let role = || {
        let placed = node
            .certs_in(index)
            .any(|cert| cert.found().roles.iter().any(|(_, basis)| *basis != Basis::Content));
        placed || profile_by_name(&file.on_node.with_extension("")).is_some()
    };
    let important = left_over(node, file).is_none() && (referenced.contains(&index) || kubeconfig || role());
    let severity = if important { Severity::High } else { Severity::Medium };
    if contents.encoding == Encoding::Empty {
        if named || alone {
            answers.fail(index, "it is empty").severity(severity);
        }
        return;
    }
    if kubeconfig && own(file).all(|item| item.faults.is_empty()) {
        let lacks = match file.kubeconfig() {
            None => Some("no kubeconfig is in it"),
            Some(kubeconfig) if kubeconfig.users.is_empty() => Some("no user is in it"),
            Some(_) => None,
        };
        if let Some(lacks) = lacks {
            answers.fail(index, lacks).severity(severity);
            return;
        }
    }
    let unknown = own(file).all(|item| matches!(item.content, Content::Unknown { .. }));
    let credentials = contents.credentials.is_some() || contents.document.is_some();
    if unknown && !credentials && (is_named(file) || alone) {
        answers
            .fail(index, format!("there is nothing of a PKI in it ({} bytes)", contents.text.bytes))
            .severity(severity);
    }
    if is_named(file) || alone {
        let strange = own(file).filter(|item| matches!(&item.content, Content::Named { what, .. } if what.starts_with("block labelled ")));
        for item in strange {
            let message = format!("it holds a {}, which is nothing that is known", item.title());
            answers.fail(Place::of_item(index, item), message).severity(Severity::Medium);
        }
    }
    let list = own(file).any(|item| matches!(item.content, Content::RevocationList(_)));
    if contents.text.bytes > LARGE && !list && own(file).any(is_thing_of_pki) {
        let message =
            format!("it has {} bytes, and a component's bundle has less than {LARGE}", contents.text.bytes);
        answers.fail(index, message).severity(Severity::Low);
    }
    for item in file.items() {
        // Who is given a field that cannot be loaded has nothing else.
        let is_field = (item.place.field.is_some() || matches!(item.content, Content::Object(_)))
            && left_over(node, file).is_none();
        faults(index, item, contents, if is_field { Severity::High } else { severity }, answers);
    }
}

fn faults(index: usize, item: &Item, contents: &Contents, severity: Severity, answers: &mut Answers) {
    // Dangling names in kubeconfigs are M019's, what else keeps clients from them M024's.
    if matches!(item.content, Content::Kubeconfig(_)) {
        return;
    }
    if is_in_field_of_kubeconfig(item) {
        encoding(index, item, answers);
        return;
    }
    // Where blocks run together on a line, each side of it is broken: the one with the other's BEGIN behind its END, and the one without.
    let torn = |fault: &str| {
        let signs = ["----------BEGIN ", "a line of the form", "an END line without a BEGIN line"];
        contents.text.run_together.is_some() && signs.iter().any(|sign| fault.contains(sign))
    };
    for fault in item.faults.iter().filter(|fault| !is_about_the_label(fault)) {
        // F015 tells what became of these.
        if torn(fault) {
            continue;
        }
        let message = match &item.content {
            Content::Broken { what: "file", .. } => fault.clone(),
            Content::Broken { what, .. } => format!("broken {what}: {fault}"),
            _ => format!("the {} cannot be used: {fault}", item.title()),
        };
        answers.fail(Place::of_item(index, item), message).severity(severity);
    }
    encoding(index, item, answers);
}

/// What is read here, and not by every reader.
fn encoding(index: usize, item: &Item, answers: &mut Answers) {
    let certificate = matches!(item.content, Content::Certificate(_));
    if !(certificate || is_thing_of_pki(item)) || matches!(item.content, Content::Broken { .. }) {
        return;
    }
    let of_pem = |oddity: &Oddity| {
        ["RFC 7468", "RFC 1421"].iter().any(|source| oddity.source.starts_with(source))
            || oddity.what.starts_with("the label is ")
    };
    let odd: Vec<&Oddity> = item.oddities.iter().filter(|oddity| !of_pem(oddity)).collect();
    let Some(first) = odd.first() else { return };
    let more = if odd.len() > 1 { format!(", and {} more", odd.len() - 1) } else { String::new() };
    // What a standard says of certificates beyond their encoding, rules of their own judge.
    let encoded = odd.iter().any(|oddity| oddity.source.starts_with("X.690"));
    let severity = if certificate && !encoded { Severity::Info } else { Severity::Low };
    let message = format!("the {} is written otherwise than its standard says: {first}{more}", item.title());
    answers.fail(Place::of_item(index, item), message).severity(severity);
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::tree::{PKI, Tree};
    use super::*;

    #[test]
    fn what_kubeadm_writes_is_silent() {
        assert_eq!(Tree::control_plane().findings("F025"), [""; 0]);
        assert_eq!(Tree::control_plane().skipped("F025"), [""; 0]);
    }

    #[test]
    fn broken_things_are_named_with_line_and_reason() {
        let good = Tree::control_plane();
        let (certificate, key) = (good.ca("ca").pem(), good.ca("ca").key_pem());
        let list = good.ca("ca").crl("").pem();
        let lines = certificate.lines().count();
        let cut = |pem: &str| {
            let lines = pem.lines().filter(|line| !line.starts_with('-')).take(2);
            let body = lines.collect::<Vec<_>>().join(
                "
",
            );
            let mark = |what: &str| pem.lines().find(|line| line.contains(what)).unwrap().to_owned();
            format!("{}\n{body}\n{}\n", mark("BEGIN"), mark("END "))
        };
        for (name, text, finding) in [
            (
                "apiserver.crt",
                certificate.replace("-----END CERTIFICATE-----\n", ""),
                "high etc/kubernetes/pki/apiserver.crt:1: broken certificate: line 1: the block `CERTIFICATE` that begins here has no END line"
                    .to_owned(),
            ),
            (
                "web.pem",
                format!("{certificate}{}", cut(&certificate)),
                format!("medium etc/kubernetes/pki/web.pem:{}: broken certificate: ", lines + 1),
            ),
            ("web.key", cut(&key), "medium etc/kubernetes/pki/web.key:1: broken private key: ".to_owned()),
            ("web.crl", cut(&list), "medium etc/kubernetes/pki/web.crl:1: broken certificate revocation list: ".to_owned()),
            ("web.crt", "-----BEGIN CERTIFICATE-----\nAA*A\n-----END CERTIFICATE-----\n".to_owned(),
             "medium etc/kubernetes/pki/web.crt:1: broken certificate: line 2: '*' does not belong in base64".to_owned()),
            ("sa.pub", "random words\n".to_owned(), "high etc/kubernetes/pki/sa.pub: there is nothing of a PKI in it (13 bytes)".to_owned()),
            ("web.crt", String::new(), "medium etc/kubernetes/pki/web.crt: it is empty".to_owned()),
        ] {
            let mut tree = good.clone();
            tree.file(&format!("{PKI}/{name}"), 0o600, text);
            let found = tree.findings("F025");
            assert!(found.len() == 1 && found[0].starts_with(&finding), "{finding}\n{found:?}");
        }
    }

    #[test]
    fn what_is_cut_off_anywhere_is_named() {
        let good = Tree::control_plane();
        let key = crate::pem::parse(good.ca("ca").key_pem().as_bytes()).unwrap().remove(0).der.to_vec();
        for der in [good.ca("ca").der().to_vec(), good.ca("ca").crl("").der().to_vec(), key] {
            for length in (0..der.len()).step_by(29) {
                let mut tree = Tree::empty();
                tree.file("sample", 0o600, &der[..length]);
                assert_eq!(tree.findings("F025").len(), 1, "{length}");
                // In PEM, the block is named with its line.
                tree.file("sample", 0o600, crate::pem::encode("CERTIFICATE", &der[..length]).to_string());
                let found = tree.findings("F025");
                assert!(
                    found.len() == 1 && found[0].starts_with("medium sample:1: broken certificate: "),
                    "{length} {found:?}"
                );
            }
        }
    }

    #[test]
    fn what_f015_says_is_not_said_again() {
        let mut tree = Tree::control_plane();
        let pem = tree.ca("ca").pem();
        tree.file(&format!("{PKI}/bundle.pem"), 0o644, format!("{}{pem}{pem}", pem.trim_end()));
        assert_eq!(tree.findings("F015").len(), 1);
        assert_eq!(tree.findings("F025"), [""; 0]);
    }

    #[test]
    fn what_is_written_otherwise_is_named() {
        let mut tree = Tree::empty();
        let ca = crate::forge::ca("cn=a");
        tree.file("a.crt", 0o644, ca.leaf("cn=b ca=false-encoded").pem());
        tree.file("a.crl", 0o644, ca.crl("number=absent").pem());
        tree.file("b.pem", 0o644, "-----BEGIN SECRET-----\nAAAA\n-----END SECRET-----\n");
        let found = tree.findings("F025");
        assert!(
            found.len() == 3
                && found[0].starts_with("medium b.pem:1: it holds a block labelled SECRET, which")
                && found[1].starts_with("low a.crl:1: the certificate revocation list is written otherwise than its standard says: it has no CRL number")
                && found[2].starts_with("low a.crt:1: the certificate is written otherwise than its standard says: `cA` is FALSE"),
            "{found:?}"
        );
    }

    #[test]
    fn what_is_embedded_is_named_as_well() {
        let mut tree = Tree::control_plane();
        let text = tree.text("etc/kubernetes/admin.conf");
        let data = text.lines().find(|line| line.contains("client-certificate-data")).unwrap().to_owned();
        tree.replace("etc/kubernetes/admin.conf", &data, "    client-certificate-data: TUlJ");
        assert_eq!(tree.findings("F025"), [""; 0], "M024 says so");
        assert_eq!(tree.findings("M024").len(), 1);
        let secret =
            "apiVersion: v1\nkind: Secret\ntype: kubernetes.io/tls\ndata: {tls.crt: TUlJ, tls.key: TUlJ}\n";
        tree.file("etc/kubernetes/secret.yaml", 0o600, secret);
        let found = tree.findings("F025");
        assert!(
            found.len() == 2
                && found[0].starts_with("high etc/kubernetes/secret.yaml:1: the Secret cannot be used"),
            "{found:?}"
        );
    }

    #[test]
    fn a_key_that_nobody_can_use_is_named() {
        let good = Tree::control_plane();
        let [one, other] = ["ca", "etcd/ca"].map(|base| {
            crate::pem::parse(good.ca(base).key_pem().as_bytes()).unwrap().remove(0).der.to_vec()
        });
        // The public point of another key stands beside the scalar.
        let mut mixed = one.clone();
        let at = mixed.len() - 64;
        mixed.splice(at.., other[other.len() - 64..].iter().copied());
        let mut tree = good.clone();
        tree.file(&format!("{PKI}/web.key"), 0o600, crate::pem::encode("PRIVATE KEY", &mixed).to_string());
        let found = tree.findings("F025");
        assert!(
            found.len() == 1
                && found[0]
                    .starts_with("medium etc/kubernetes/pki/web.key:1: the private key cannot be used: "),
            "{found:?}"
        );
    }

    #[test]
    fn a_file_alone_is_named_whatever_its_name() {
        for (bytes, finding) in [
            (&b"\x30\x82\x10\x00\x02"[..], "medium sample: broken DER: "),
            (b"\x00\x01\x02", "medium sample: there is nothing of a PKI in it (3 bytes)"),
            (b"", "medium sample: it is empty"),
        ] {
            let mut tree = Tree::empty();
            tree.file("sample", 0o600, bytes);
            let found = tree.findings("F025");
            assert!(found.len() == 1 && found[0].starts_with(finding), "{finding}\n{found:?}");
        }
        let mut tree = Tree::control_plane();
        tree.file("etc/kubernetes/.keep", 0o600, "");
        tree.file("etc/kubernetes/notes.txt", 0o600, "nothing of a PKI\n");
        assert_eq!(tree.findings("F025"), [""; 0]);
    }

    #[test]
    fn what_is_no_file_fires_and_what_may_not_be_read_is_skipped() {
        let mut tree = Tree::control_plane();
        tree.special(&format!("{PKI}/web.crt"), "a pipe");
        tree.special("etc/kubernetes/x", "a device");
        tree.special("var/lib/kubelet/kubelet.sock", "a socket");
        tree.unread(&format!("{PKI}/web.key"), "it changed while it was read");
        tree.unread(&format!("{PKI}/old.key"), "it may not be read by this user");
        tree.unread("etc/kubernetes/manifests/other.yaml", "it may not be read by this user");
        tree.unread("etc/kubernetes/core", "it is larger than what is read");
        assert_eq!(
            tree.findings("F025"),
            [
                "medium etc/kubernetes/pki/web.crt: it is a pipe, and a file is expected",
                "medium etc/kubernetes/pki/web.key: it was not read: it changed while it was read",
                "low etc/kubernetes/x: it is a device",
            ]
        );
        assert_eq!(
            tree.skipped("F025"),
            [
                "etc/kubernetes/core: what is in it is not known: it is larger than what is read",
                "etc/kubernetes/manifests/other.yaml: what is in it is not known: it may not be read by this user",
                "etc/kubernetes/pki/old.key: what is in it is not known: it may not be read by this user",
            ]
        );
    }

    #[test]
    fn large_files_fire_unless_they_are_lists() {
        let good = Tree::control_plane();
        let mut tree = good.clone();
        let pem = good.ca("ca").pem();
        tree.file(&format!("{PKI}/trust.crt"), 0o644, pem.repeat(LARGE / pem.len() + 1));
        let found = tree.findings("F025");
        assert!(
            found.len() == 1 && found[0].starts_with("low etc/kubernetes/pki/trust.crt: it has "),
            "{found:?}"
        );
        let mut tree = Tree::empty();
        tree.file("notes.txt", 0o644, "nothing\n");
        tree.file("more.txt", 0o644, "nothing\n");
        assert!(tree.not_applicable(&RULE));
    }
}
