//! What the rules about files ask of one.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use super::Severity;
use crate::audit::{Cert, File, Node, Target, What};
use crate::disk::Attributes;
use crate::inspect::{Content, Item};
use crate::layout::Promise;
use crate::x509::sha256;

/// What stands in a file itself, not within an object in it.
pub(super) fn own(file: &File) -> impl Iterator<Item = &Item> {
    file.items().iter().filter(|item| item.place.field.is_none())
}

/// Whether an item is a private key, of whatever kind and state.
pub(super) fn is_private(item: &Item) -> bool {
    match &item.content {
        Content::PrivateKey(_) => true,
        Content::Broken { what, .. } => what.starts_with("private key"),
        Content::Named { what, .. } => what == "private key of OpenSSH",
        _ => false,
    }
}

/// Whether a private key stands in the file itself.
pub(super) fn holds_private(file: &File) -> bool {
    own(file).any(is_private)
}

/// Whether a certificate stands in the file itself.
pub(super) fn holds_certificate(file: &File) -> bool {
    own(file).any(|item| matches!(item.content, Content::Certificate(_)))
}

/// A private key in words, with its algorithm where that is known.
pub(super) fn key_in_words(item: &Item) -> String {
    match &item.content {
        Content::PrivateKey(facts) if facts.encryption.is_some() => "an encrypted private key".to_owned(),
        Content::PrivateKey(facts) => match &facts.algorithm {
            Some(algorithm) => format!("a private key ({algorithm})"),
            None => "a private key".to_owned(),
        },
        Content::Named { .. } => "a private key of OpenSSH".to_owned(),
        _ => "a broken private key".to_owned(),
    }
}

/// Whether a file's name promises a certificate, alone or among others.
pub(super) fn is_named_as_certificate(file: &File) -> bool {
    matches!(file.promise(), Some(Promise::Certificate | Promise::CertificateOrPublicKey))
}

/// Whether a file holds a key beside its certificate by its writer's design: the kubelet's rotating pairs, and the bundle of
/// a projected `podCertificate` volume.
pub(super) fn is_combined_by_design(file: &File) -> bool {
    let name = file.name();
    let kubelet = ["kubelet-client-", "kubelet-server-"].iter().any(|prefix| name.starts_with(prefix))
        && has_extension(name, "pem");
    let bundle = ["credentialbundle.pem", "credential-bundle.pem"].contains(&name);
    kubelet || bundle || file.on_node.components().any(|part| part.as_os_str() == "kubernetes.io~projected")
}

/// Whether a name ends in a dot and these letters.
pub(super) fn has_extension(name: &str, extension: &str) -> bool {
    Path::new(name).extension().is_some_and(|own| own.eq_ignore_ascii_case(extension))
}

/// Whether a file belongs to a PKI: by its name, or by what stands in it.
pub(super) fn is_of_pki(file: &File) -> bool {
    file.promise().is_some() || own(file).any(is_thing_of_pki)
}

/// Whether an item is a certificate, a key, a request or a revocation list.
pub(super) fn is_thing_of_pki(item: &Item) -> bool {
    is_private(item)
        || matches!(
            item.content,
            Content::Certificate(_)
                | Content::PublicKey(_)
                | Content::Request(_)
                | Content::RevocationList(_)
        )
}

/// The subject of a certificate, safe to show.
pub(super) fn subject(cert: Cert<'_>) -> String {
    let subject = &cert.tbs().subject;
    if subject.is_empty() { "without a subject".to_owned() } else { subject.to_string() }
}

/// The files that somebody names.
pub(super) fn referenced(node: &Node) -> HashSet<usize> {
    let targets = node.references.iter().filter_map(|reference| match reference.target {
        Target::File(file) => Some(file),
        _ => None,
    });
    targets.collect()
}

/// The files that somebody names for something.
pub(super) fn referenced_for(node: &Node, what: What) -> HashSet<usize> {
    let references = node.references.iter().filter(|reference| reference.what == what);
    let targets = references.filter_map(|reference| match reference.target {
        Target::File(file) => Some(file),
        _ => None,
    });
    targets.collect()
}

/// Whether the private key that belongs to a public one, by its digest, is at hand. Of very many copies, the first tell enough.
pub(super) fn has_private_key(node: &Node, spki: &[u8; 32]) -> bool {
    node.keys_with(spki).take(MOST_COPIES).any(|key| key.private)
}

/// The most copies of one key that are looked at: a hostile tree has thousands.
pub(super) const MOST_COPIES: usize = 200;

/// The certificates that stand together: those of one file or of one field, in their order.
pub(super) fn groups(node: &Node) -> Vec<Vec<Cert<'_>>> {
    let mut groups: Vec<Vec<Cert<'_>>> = Vec::new();
    for cert in node.certs() {
        let belongs = |other: &Cert<'_>| {
            other.found().file == cert.found().file && other.item().place.field == cert.item().place.field
        };
        match groups.last_mut() {
            Some(group) if group.first().is_some_and(belongs) => group.push(cert),
            _ => groups.push(vec![cert]),
        }
    }
    groups
}

/// The file of the certificate that belongs beside a private key's by their names.
pub(super) fn certificate_file_beside<'a>(node: &'a Node, key: &File) -> Option<(usize, &'a File)> {
    let path = &key.on_node;
    let stem = path.file_stem()?.to_str()?;
    let names = match stem.strip_suffix("-key") {
        Some(base) if has_extension(key.name(), "pem") => vec![format!("{base}.pem")],
        _ => ["crt", "cert", "cer", "pem"].map(|extension| format!("{stem}.{extension}")).into(),
    };
    names.iter().find_map(|name| match node.resolve(&path.with_file_name(name)) {
        Target::File(index) => node.files.get(index).map(|file| (index, file)),
        _ => None,
    })
}

/// How bad it is that these bits of a mode are set for the group or for others. A group that only root or the owner is in,
/// as Linux distributions make one for each user, is nobody else.
pub(super) fn exposure(attributes: &Attributes, bits: u32, worst: Severity) -> Option<Severity> {
    let alone = attributes.gid == 0 || attributes.gid == attributes.uid;
    if attributes.mode & bits & 0o007 != 0 {
        Some(worst)
    } else if attributes.mode & bits & 0o070 == 0 {
        None
    } else if alone {
        Some(Severity::Low)
    } else {
        Some(worst)
    }
}

/// Who has these bits, in words.
pub(super) fn who(attributes: &Attributes, bits: u32) -> String {
    if attributes.mode & bits & 0o007 != 0 {
        "every user".to_owned()
    } else {
        format!("group {}", attributes.gid)
    }
}

/// The entry of a path by which it is known as a left-over of some change: a copy, a directory of copies, an editor's file.
pub(in super::super) fn left_over<'a>(node: &Node, file: &'a File) -> Option<&'a Path> {
    file.left_over.get_or_init(|| find_left_over(node, file).filter(|_| !is_in_use(node, file))).as_deref()
}

/// Whether somebody names a file who is no left-over himself: whatever it is called, it is in use.
fn is_in_use(node: &Node, file: &File) -> bool {
    let in_use = node.in_use.get_or_init(|| {
        let targets = node.references.iter().filter_map(|reference| {
            let Target::File(target) = reference.target else { return None };
            let holder = node.files.get(reference.file)?;
            find_left_over(node, holder).is_none().then_some(target)
        });
        targets.collect()
    });
    node.entry_at(&file.on_node).is_some_and(|(index, _)| in_use.contains(&index))
}

fn find_left_over(node: &Node, file: &File) -> Option<PathBuf> {
    const TEMPORARY: &str = "/etc/kubernetes/tmp";
    /// The directories in which nearly everything lies.
    const PLAIN: [&str; 7] = ["/", "etc", "kubernetes", "pki", "etcd", "var", "lib"];
    // Above the argument nothing is known: a whole backup may be what is to be looked at.
    let path = if file.anchored {
        file.on_node.clone()
    } else if node.files.len() == 1 {
        PathBuf::from(file.name())
    } else {
        PathBuf::from(file.shown.get(file.base..).unwrap_or_default())
    };
    let mut above = PathBuf::new();
    for part in path.components() {
        let in_temporary = above == Path::new(TEMPORARY);
        above.push(part);
        let name = part.as_os_str().to_str().unwrap_or_default();
        if !in_temporary && PLAIN.contains(&name) {
            continue;
        }
        if in_temporary || is_left_over(&name.to_ascii_lowercase()) {
            return Some(above);
        }
    }
    None
}

fn is_left_over(name: &str) -> bool {
    const ENDINGS: [&str; 14] = [
        ".old",
        ".bak",
        ".backup",
        ".orig",
        ".save",
        ".saved",
        ".rpmsave",
        ".rpmorig",
        ".dpkg-old",
        ".dpkg-dist",
        ".swp",
        ".tmp",
        ".srl",
        "~",
    ];
    const ALONE: [&str; 4] = ["old", "bak", "backups", "backup"];
    /// Endings that may follow another one without being a copy's: `ca.key.pem`, `ca.key.gpg`.
    const USUAL: [&str; 16] = [
        "pem", "key", "crt", "cert", "cer", "der", "csr", "pub", "crl", "p12", "yaml", "json", "gpg", "age",
        "enc", "d",
    ];
    if name.starts_with(".kpki-") || name.ends_with(".ledger.jsonl") {
        return false;
    }
    let digits =
        |text: &str, least: usize| text.len() >= least && text.bytes().all(|byte| byte.is_ascii_digit());
    // k3s keeps what it rotates in `tls-` and the seconds.
    let of_k3s = name.strip_prefix("tls-").is_some_and(|rest| digits(rest, 9));
    let dated = name.strip_prefix("pki").is_some_and(|rest| {
        let rest: String = rest.chars().filter(char::is_ascii_digit).collect();
        digits(&rest, 8)
    });
    let behind = [".key.", ".crt.", ".pem.", ".conf."].iter().any(|middle| name.contains(middle))
        && name.rsplit_once('.').is_some_and(|(_, last)| !USUAL.contains(&last));
    ENDINGS.iter().any(|ending| name.ends_with(ending) && name.len() > ending.len())
        || ALONE.contains(&name)
        || name.contains("backup-")
        || name.contains("-backup")
        || of_k3s
        || dated
        || behind
}

/// Whether a fault of an item is that its label is another thing's.
pub(super) fn is_about_the_label(fault: &str) -> bool {
    fault.starts_with("the block is labelled `") && fault.contains("which belongs under")
}

/// The files with a request, by the SHA-256 of its public key.
pub(super) fn requests(node: &Node) -> HashMap<[u8; 32], usize> {
    let mut requests = HashMap::new();
    for (index, file) in node.files.iter().enumerate() {
        let found = file.items().iter().filter(|item| matches!(item.content, Content::Request(_)));
        for key in found.filter_map(Item::public_key) {
            requests.entry(sha256(key)).or_insert(index);
        }
    }
    requests
}

#[cfg(test)]
pub(super) mod testing {
    /// A private key that openssl encrypted; nobody needs the passphrase.
    pub(in super::super) const ENCRYPTED: &str = "\
-----BEGIN ENCRYPTED PRIVATE KEY-----
MIHrMFYGCSqGSIb3DQEFDTBJMCgGCSqGSIb3DQEFDDAbBAjVeLXqnW25hgIBATAM
BggqhkiG9w0CCQUAMB0GCWCGSAFlAwQBKgQQ0u7tgkgycQJX9Y2wCr2FxASBkE/n
hhhMA0UVnNMceyo4fh+6C50RZdfhsRfuCB+/CzBYaVrG1yt6KFeBXkyB/lQVVC1x
7LqXHfk14HWbeuI1uKs5irwTZytEQsQi2ULNvFVxW3WsgKQMt8M58GHgPb/z2fsO
pyLGaiPi03iThTDcZEa6VfMwtGol3tcOmyIWOtt9JuROv+aHcREW5dA7Q2VI8g==
-----END ENCRYPTED PRIVATE KEY-----
";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn left_overs_are_known_by_their_names() {
        for name in [
            "ca.key.old",
            "ca.crt.bak",
            "apiserver.key~",
            "admin.conf.2024-01-01",
            "apiserver.crt.1",
            "pki-20240101",
            "kubeadm-backup-etcd-2026-01-01-00-00-00",
            "backup",
            "tls-1699999999",
            "ca.srl",
            ".admin.conf.swp",
        ] {
            assert!(is_left_over(name), "{name}");
        }
        for name in [
            "ca.key",
            "ca.key.pem",
            "pki",
            "tls-server.crt",
            "ca.ledger.jsonl",
            ".kpki-lock.tmp",
            "admin.conf",
            "kubelet-client-2026-05-31-11-55-00.pem",
            "front-proxy-ca.crt",
            "threshold.crt",
            "~",
            "ca.key.gpg",
            "kubelet.conf.d",
        ] {
            assert!(!is_left_over(name), "{name}");
        }
    }
}
