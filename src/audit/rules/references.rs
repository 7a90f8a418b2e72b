//! What rules share that follow the files which somebody names.

use std::path::Path;

use super::Answers;
use crate::audit::{Cert, FileKind, Node, Reference, Role, Signing, Target};
use crate::manifest::Component;
use crate::x509::Printable;

/// The most certificates of one file that are trusted anchors here: the largest bundles of a system have some 150.
pub(super) const MOST_ANCHORS: usize = 1000;

/// A path, safe to show.
pub(super) fn shown(path: &Path) -> String {
    Printable(&path.to_string_lossy()).to_string()
}

/// `--etcd-cafile names /etc/kubernetes/pki/etcd/ca.crt`.
pub(super) fn said(reference: &Reference) -> String {
    format!("{} names {}", reference.written(), shown(&reference.path))
}

/// Why nothing is known of a file that lies out of what was given.
pub(super) fn outside(node: &Node, reference: &Reference) -> String {
    let link =
        reference.on_node.as_deref().and_then(|path| node.files.iter().find(|file| file.on_node == path));
    let link = link.map(|file| &file.kind);
    let said = said(reference);
    if let Some(FileKind::Link(to)) = link {
        return format!("{said}, a link to {}, which was not given", shown(to));
    }
    match reference.on_node.as_deref().and_then(Path::parent) {
        Some(directory) => {
            format!("{said}, which lies outside of what was given: give / or also {}", shown(directory))
        }
        None => format!("{said}, which is no file of the node"),
    }
}

/// Why the file that a reference names cannot be looked at; none where it can.
pub(super) fn hidden(node: &Node, reference: &Reference) -> Option<String> {
    let said = said(reference);
    match reference.target {
        Target::Outside => Some(outside(node, reference)),
        Target::Missing => Some(format!("{said}, which is not there")),
        Target::Loop => Some(format!("{said}, a link that leads round in a circle")),
        Target::File(file) => match node.files.get(file).map(|file| &file.kind) {
            Some(FileKind::Regular(Ok(_))) => None,
            Some(FileKind::Regular(Err(reason))) => {
                Some(format!("{said}, which could not be read: {reason}"))
            }
            _ => Some(format!("{said}, which is no file")),
        },
    }
}

/// The certificates of the file that a reference names. Where there are none to look at it is skipped, with the reason.
pub(super) fn certificates<'a>(
    node: &'a Node,
    reference: &Reference,
    answers: &mut Answers,
) -> Option<Vec<Cert<'a>>> {
    if let Some(reason) = hidden(node, reference) {
        answers.skip(reference, reason);
        return None;
    }
    let certificates = node.referenced_certs(reference);
    if certificates.is_empty() {
        answers.skip(reference, format!("{}, which holds no certificate", said(reference)));
        return None;
    }
    if certificates.len() > MOST_ANCHORS {
        answers
            .skip(reference, format!("{}, which holds {} certificates", said(reference), certificates.len()));
        return None;
    }
    Some(certificates)
}

/// Whether a chain leads from a certificate to one of some anchors; none where that could not be found out.
pub(super) fn leads_to(cert: Cert<'_>, anchors: &[Cert<'_>]) -> Option<bool> {
    let found = cert.leads_to(anchors);
    (found || !matches!(cert.found().signing, Signing::NotChecked)).then_some(found)
}

/// Whether whoever installed the cluster made one CA for everything: none lies in the place of etcd's or of the front proxy's, and what the
/// API server is told of etcd's names the file of the clients'. A second file with the same CA is somebody's mistake.
pub(super) fn has_one_authority(node: &Node) -> bool {
    let of = |flag| node.reference(Component::Apiserver, flag);
    let is_of_another = |cert: Cert<'_>| matches!(cert.place_role(), Some(Role::EtcdCa | Role::FrontProxyCa));
    let is_one = match (of("client-ca-file"), of("etcd-cafile")) {
        (Some(clients), Some(etcd)) => is_one_file(node, clients, etcd),
        _ => true,
    };
    is_one && !node.certs().any(is_of_another)
}

/// Whether two references lead to one file, or to files with the same bytes.
pub(super) fn is_one_file(node: &Node, a: &Reference, b: &Reference) -> bool {
    let digest = |reference: &Reference| {
        node.referenced_file(reference).and_then(|file| file.contents()).map(|contents| contents.digest)
    };
    a.on_node.is_some() && a.on_node == b.on_node
        || matches!(a.target, Target::File(_)) && a.target == b.target
        || digest(a).is_some() && digest(a) == digest(b)
}

/// The names of some certificates' holders, at most four of them.
pub(super) fn subjects(certificates: &[Cert<'_>]) -> String {
    let names: Vec<String> = certificates.iter().take(4).map(|cert| subject(*cert)).collect();
    let more = certificates.len().saturating_sub(4);
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    format!("{}{more}", names.join(", "))
}

/// The name of a certificate's holder.
pub(super) fn subject(cert: Cert<'_>) -> String {
    let subject = &cert.tbs().subject;
    if subject.is_empty() { "(empty)".to_owned() } else { subject.to_string() }
}
