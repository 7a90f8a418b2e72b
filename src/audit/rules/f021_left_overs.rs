//! F021: copies and requests that were left behind.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::files::{MOST_COPIES, has_extension, is_thing_of_pki, left_over, own};
use super::remedy::{ASIDE, Cure};
use super::{Check, Citation, Rule, Severity};
use crate::audit::backups::is_backup_of_kpki;
use crate::audit::{Answers, File, Node, Place, Scene};
use crate::inspect::{Content, Item};
use crate::layout::Promise;

pub(super) static RULE: Rule = Rule {
    id: "F021",
    name: "left-overs",
    title: "Copies of keys and certificates were left behind",
    severity: Severity::High,
    citations: &[
        Citation::page(
            "kubespray: kubeadm-backup",
            "https://github.com/kubernetes-sigs/kubespray/blob/master/roles/kubernetes/control-plane/tasks/kubeadm-backup.yml",
        ),
        Citation::page("k3s: certificate rotation", "https://docs.k3s.io/cli/certificate"),
        Citation::page(
            "kubeadm upgrade: backups in /etc/kubernetes/tmp",
            "https://kubernetes.io/docs/tasks/administer-cluster/kubeadm/kubeadm-upgrade/#recovering-from-a-failure-state",
        ),
    ],
    explanation: "A key in a backup is as good as the one in use, until its certificate ends, and nobody watches over the modes of a backup, puts it \
                  into a rotation or knows who has copied it. Certificates, requests and serial numbers that were left behind harm nobody, \
                  and mislead whoever looks at the wrong file. What kpki itself keeps of what it replaced (`NAME.TIMESTAMP.bak`) is told for information.",
    fix: "Move it where backups are kept and encrypted, or remove it: `shred -u FILE`.",
    applies_to: "files and directories with names of copies, and requests",
    check: Check::Node(check),
};

/// What was left behind under one name.
#[derive(Default)]
struct Found<'a> {
    files: Vec<(usize, &'a File)>,
    keys: Vec<(usize, &'a Item)>,
    unread: Option<(usize, &'a str)>,
}

fn check(scene: &Scene<'_>, answers: &mut Answers) {
    let node = scene.node;
    let mut found: BTreeMap<PathBuf, Found<'_>> = BTreeMap::new();
    for (index, file) in node.files.iter().enumerate() {
        let Some(mark) = left_over(node, file).map(std::path::Path::to_owned) else {
            request(node, index, file, answers);
            continue;
        };
        if let crate::audit::FileKind::Regular(Err(reason)) = &file.kind {
            let key =
                file.promise() == Some(Promise::PrivateKey) || file.on_node.to_string_lossy().contains("key");
            if key {
                found.entry(mark).or_default().unread.get_or_insert((index, reason));
            }
        } else if is_something(file) {
            let found = found.entry(mark).or_default();
            found.files.push((index, file));
            found.keys.extend(file.items().iter().filter(|item| is_key(item)).map(|item| (index, item)));
        }
    }
    for (mark, found) in &found {
        tell(node, mark, found, answers);
    }
}

fn is_key(item: &Item) -> bool {
    matches!(&item.content, Content::PrivateKey(_))
}

fn is_something(file: &File) -> bool {
    own(file).any(is_thing_of_pki)
        || file.holds_private_key()
        || file.kubeconfig().is_some()
        || has_extension(file.name(), "srl")
}

fn tell(node: &Node, mark: &std::path::Path, found: &Found<'_>, answers: &mut Answers) {
    if let Some((index, reason)) = found.unread {
        answers.skip(index, format!("whether a private key was left behind in it is not known: {reason}"));
    }
    let Some((first, file)) = found.files.first() else { return };
    // It stays so that a replacement can be taken back, under the old modes.
    let is_kpkis = found.files.iter().all(|(_, file)| is_backup_of_kpki(file.name()));
    let directory = node.entry_at(mark).filter(|(_, entry)| entry.is_directory()).map(|(index, _)| index);
    let Some((holder, key)) = found.keys.first() else {
        let what = match found.files.len() {
            1 => own(file).next().map_or_else(|| "a file".to_owned(), |item| format!("a {}", item.title())),
            count => format!("{count} files of a PKI, and no private key"),
        };
        let own = own(file).next().map_or_else(|| Place::file(*first), |item| Place::of_item(*first, item));
        let place = directory.map_or(own, Place::file);
        let cure = Cure::words("Put it aside where nobody needs it:").aside().say(ASIDE);
        answers.fail(place, format!("left behind: {what}")).severity(Severity::Info).fix(cure);
        return;
    };
    let mut message = match found.keys.len() {
        1 => "a private key was left behind".to_owned(),
        count => format!("{count} private keys were left behind"),
    };
    if let Some(directory) = directory {
        let shown = node.files.get(*holder).map(|file| &*file.shown).unwrap_or_default();
        let which = if found.keys.len() == 1 { "it" } else { "the first" };
        message = format!("{message}, {which} stands in {shown}");
        answers.fail(directory, message + &in_use(node, found)).fix(kept_elsewhere());
        return;
    }
    let fact =
        answers.fail(Place::of_item(*holder, key), message + &in_use(node, found)).fix(kept_elsewhere());
    if is_kpkis {
        fact.severity(Severity::Info);
    }
}

/// A copy goes where copies are kept.
fn kept_elsewhere() -> Cure {
    Cure::words("Put it aside, and from there where backups are kept and encrypted:").aside().say(ASIDE)
}

/// Where a key that was left behind is in use.
fn in_use(node: &Node, found: &Found<'_>) -> String {
    // A few tell enough.
    let mut spkis =
        found.keys.iter().take(20).filter_map(|(_, key)| key.public_key()).map(crate::x509::sha256);
    let elsewhere = spkis.find_map(|spki| {
        let mut keys = node.keys_with(&spki).take(MOST_COPIES).filter(|key| key.private);
        keys.find_map(|key| node.files.get(key.file).filter(|file| left_over(node, file).is_none()))
    });
    elsewhere.map(|file| format!("; the same key is in use in {}", file.shown)).unwrap_or_default()
}

/// A request whose certificate was issued.
fn request(node: &Node, index: usize, file: &File, answers: &mut Answers) {
    for item in own(file).filter(|item| matches!(item.content, Content::Request(_))) {
        answers.look();
        let issued = item.public_key().and_then(|key| node.certs_with_key(&crate::x509::sha256(key)).next());
        if let Some(cert) = issued {
            let message = format!("left behind: the request for the certificate in {}", cert.file().shown);
            let cure = Cure::words("Nobody needs it any more:").aside().say(ASIDE);
            answers.fail(Place::of_item(index, item), message).severity(Severity::Info).fix(cure);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::tree::{PKI, Tree};
    use super::*;
    use crate::forge;

    #[test]
    fn what_kubeadm_writes_is_nothing_to_tell() {
        assert!(Tree::control_plane().not_applicable(&RULE));
    }

    #[test]
    fn what_kpki_keeps_of_what_it_replaced_is_told_for_information() {
        for (name, is_kpkis) in [("ca.key.20260601T120000Z.bak", true), ("ca.key.2.bak", false)] {
            let mut tree = Tree::control_plane();
            tree.file(&format!("{PKI}/{name}"), 0o600, forge::ca("cn=old").key_pem());
            let severity = if is_kpkis { "info" } else { "high" };
            assert!(tree.findings("F021")[0].starts_with(severity), "{name}");
        }
    }

    #[test]
    fn keys_in_copies_fire() {
        let mut tree = Tree::control_plane();
        tree.file(&format!("{PKI}/ca.key.bak"), 0o600, forge::ca("cn=old").key_pem());
        tree.file(&format!("{PKI}/ca.crt.bak"), 0o600, forge::ca("cn=old").pem());
        tree.file(&format!("{PKI}/ca.srl"), 0o644, "0A\n");
        let admin = tree.text("etc/kubernetes/admin.conf");
        tree.file("etc/kubernetes/admin.conf.2026-01-01", 0o600, admin);
        let found = tree.findings("F021");
        assert!(
            found[0].starts_with("high etc/kubernetes/admin.conf.2026-01-01:")
                && found[0].ends_with(
                    ": a private key was left behind; the same key is in use in etc/kubernetes/admin.conf"
                ),
            "{found:?}"
        );
        assert_eq!(
            found[1..],
            [
                "high etc/kubernetes/pki/ca.key.bak:1: a private key was left behind",
                "info etc/kubernetes/pki/ca.crt.bak:1: left behind: a certificate",
                "info etc/kubernetes/pki/ca.srl: left behind: a serial number file of OpenSSL",
            ]
        );
    }

    #[test]
    fn a_directory_of_copies_is_one_finding() {
        let mut tree = Tree::control_plane();
        for name in ["ca.crt", "ca.key", "apiserver.crt", "apiserver.key"] {
            let text = tree.text(&format!("{PKI}/{name}"));
            tree.file(&format!("etc/kubernetes/tmp/kubeadm-backup-2026/pki/{name}"), 0o600, text);
        }
        tree.file("etc/kubernetes/pki.bak/ca.crt", 0o600, tree.ca("ca").pem());
        tree.file("etc/kubernetes/manifests.bak/notes.txt", 0o600, "nothing of a PKI\n");
        assert_eq!(
            tree.findings("F021"),
            [
                "high etc/kubernetes/tmp/kubeadm-backup-2026: 2 private keys were left behind, the first stands in \
                 etc/kubernetes/tmp/kubeadm-backup-2026/pki/apiserver.key; the same key is in use in etc/kubernetes/pki/apiserver.key",
                "info etc/kubernetes/pki.bak: left behind: a certificate",
            ]
        );
    }

    #[test]
    fn what_may_not_be_read_is_skipped() {
        let mut tree = Tree::control_plane();
        tree.unread(&format!("{PKI}/ca.key.old"), "it may not be read by this user");
        assert_eq!(
            tree.skipped("F021"),
            [
                "etc/kubernetes/pki/ca.key.old: whether a private key was left behind in it is not known: it may not be read by this user"
            ]
        );
    }
}
