//! F012: symbolic links that lead nowhere, and one that is none.

use std::cell::OnceCell;
use std::collections::HashSet;
use std::path::Path;

use super::remedy::Cure;
use super::{Check, Citation, Rule, Severity};
use crate::audit::evidence::is_read_by_kubeadms;
use crate::audit::{Answers, File, FileKind, Gap, Node, Scene, Target};
use crate::x509::Printable;

pub(super) static RULE: Rule = Rule {
    id: "F012",
    name: "links",
    title: "A symbolic link is broken, or a rotating file is no link",
    severity: Severity::Medium,
    citations: &[
        Citation::page("kubernetes/website#28312", "https://github.com/kubernetes/website/issues/28312"),
        Citation::page(
            "enix/x509-certificate-exporter#371",
            "https://github.com/enix/x509-certificate-exporter/issues/371",
        ),
        Citation::page(
            "Kubernetes: certificate rotation of the kubelet",
            "https://kubernetes.io/docs/tasks/tls/certificate-rotation/",
        ),
    ],
    explanation: "Who opens a link that leads nowhere or round in a circle gets nothing. The kubelet writes each new pair into a file with its \
                  date and points the link `…-current.pem` at it; where that is a file of its own, a copy say, what the kubelet rotates and \
                  what kubelet.conf names are two things.",
    fix: "`ls -l FILE` shows where it leads; point it at the file that is meant, `ln -sfn TARGET FILE`. For the kubelet: at the newest dated \
          file beside it, then `systemctl restart kubelet`.",
    applies_to: "symbolic links, and the kubelet's current pairs",
    check: Check::Node(check),
};

fn check(scene: &Scene<'_>, answers: &mut Answers) {
    let node = scene.node;
    let above = OnceCell::new();
    for (index, file) in node.files.iter().enumerate() {
        match &file.kind {
            FileKind::Link(target) => link(node, index, target, &above, answers),
            FileKind::Regular(_) if is_current(file.name()) => {
                let rotates = file.on_node.starts_with("/var/lib/kubelet/pki") && file.anchored
                    || dated_beside(node, index);
                if rotates {
                    let message = "it is a file of its own, and the kubelet makes it a link to its newest pair: it is not rotated";
                    answers.fail(index, message).fix(
                        Cure::words("Give it the name of its day, and let the link lead there:").dated_link(),
                    );
                }
            }
            _ => {}
        }
    }
}

/// The directories that something of a node was read in; made once it is asked for.
type Above<'a> = OnceCell<HashSet<&'a Path>>;

fn link<'a>(node: &'a Node, index: usize, target: &Path, above: &Above<'a>, answers: &mut Answers) {
    let Some(file) = node.files.get(index) else { return };
    let leads = target.to_string_lossy();
    let leads = Printable(&leads);
    match node.resolve(&file.on_node) {
        Target::File(_) => answers.look(),
        Target::Missing => {
            let fact = answers.fail(index, format!("it leads to {leads}, and there is nothing"));
            // The API server, etcd or a kubelet does not start without what belongs there.
            if is_read_by_kubeadms(&file.on_node) {
                fact.severity(Severity::High);
            }
            if let Some(newest) = is_current(file.name()).then(|| newest_beside(node, file)).flatten() {
                fact.fix(Cure::words("Point it at the newest that lies beside it:").link_to(newest));
            }
        }
        Target::Loop => {
            let fact = answers.fail(index, format!("it leads to {leads}, and so round in a circle"));
            if let Some(newest) = is_current(file.name()).then(|| newest_beside(node, file)).flatten() {
                fact.fix(Cure::words("Point it at the newest that lies beside it:").link_to(newest));
            }
        }
        // A part of a node was given, and its absolute path is not known.
        Target::Outside if beside(node, index, target) => answers.look(),
        // What of a whole system lies behind a directory was read as far as it matters, and no more.
        Target::Outside if is_above(node, index, target, above) => answers.look(),
        Target::Outside => {
            answers.leave(
                index,
                Gap::Unread,
                format!("it leads to {leads}, out of what was given: give that as well"),
            );
        }
    }
}

/// Whether the target is a directory of which a part was given.
fn is_above<'a>(node: &'a Node, index: usize, target: &Path, above: &Above<'a>) -> bool {
    let Some(file) = node.files.get(index).filter(|file| file.anchored) else { return false };
    let to = file.on_node.parent().map(|parent| parent.join(target)).unwrap_or_default();
    let above =
        above.get_or_init(|| node.files.iter().flat_map(|file| file.on_node.ancestors().skip(1)).collect());
    above.contains(&*to)
}

/// Whether a file of the target's name lies beside the link.
pub(in super::super) fn beside(node: &Node, index: usize, target: &Path) -> bool {
    let Some((file, name)) = node.files.get(index).zip(target.file_name()) else { return false };
    !file.anchored
        && node.entry_at(&file.on_node.with_file_name(name)).is_some_and(|(other, _)| other != index)
}

/// The newest dated pair of a kubelet beside its link.
fn newest_beside(node: &Node, link: &File) -> Option<usize> {
    let prefix = link.name().trim_end_matches("current.pem");
    let dated = |(_, file): &(usize, &File)| {
        file.on_node.parent() == link.on_node.parent()
            && file
                .name()
                .strip_prefix(prefix)
                .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
            && matches!(file.kind, FileKind::Regular(_))
    };
    node.files.iter().enumerate().filter(dated).last().map(|(index, _)| index)
}

fn is_current(name: &str) -> bool {
    ["kubelet-client-current.pem", "kubelet-server-current.pem"].contains(&name)
}

/// Whether a pair with a date in its name lies beside the current one. A node's files are in the order of their paths.
fn dated_beside(node: &Node, index: usize) -> bool {
    let Some(file) = node.files.get(index) else { return false };
    let prefix = file.name().trim_end_matches("current.pem");
    let is_dated = |other: &File| {
        other.on_node.parent() == file.on_node.parent()
            && other
                .name()
                .strip_prefix(prefix)
                .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
    };
    index.checked_sub(1).and_then(|before| node.files.get(before)).is_some_and(is_dated)
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::tree::Tree;
    use super::*;

    const CURRENT: &str = "var/lib/kubelet/pki/kubelet-client-current.pem";
    const DATED: &str = "var/lib/kubelet/pki/kubelet-client-2026-05-31-11-55-00.pem";

    #[test]
    fn the_links_of_the_kubelet_are_silent() {
        assert_eq!(Tree::worker().findings("F012"), [""; 0]);
        assert_eq!(Tree::worker().skipped("F012"), [""; 0]);
    }

    #[test]
    fn broken_links_fire() {
        for (target, finding) in [
            (
                "/var/lib/kubelet/pki/gone.pem",
                Some("it leads to /var/lib/kubelet/pki/gone.pem, and there is nothing"),
            ),
            (
                "kubelet-client-current.pem",
                Some("it leads to kubelet-client-current.pem, and so round in a circle"),
            ),
            ("../pki/kubelet-client-2026-05-31-11-55-00.pem", None),
        ] {
            let mut tree = Tree::worker();
            tree.link(CURRENT, target);
            let expected: Vec<String> =
                finding.into_iter().map(|text| format!("medium {CURRENT}: {text}")).collect();
            assert_eq!(tree.findings("F012"), expected, "{target}");
        }
    }

    #[test]
    fn where_a_component_reads_it_is_worse() {
        let mut tree = Tree::control_plane();
        for (link, severity) in [
            ("etc/kubernetes/pki/apiserver.crt", "high"),
            ("etc/kubernetes/pki/etcd/ca.crt", "high"),
            ("etc/kubernetes/scheduler.conf", "high"),
            ("etc/kubernetes/pki/old.crt", "medium"),
        ] {
            tree.link(link, "nowhere");
            let expected = format!("{severity} {link}: it leads to nowhere, and there is nothing");
            assert!(tree.findings("F012").contains(&expected), "{:?}", tree.findings("F012"));
        }
    }

    #[test]
    fn a_link_out_of_what_was_given_is_skipped() {
        let mut tree = Tree::empty();
        tree.link("pki/ca.crt", "/srv/ca.crt");
        assert_eq!(
            tree.skipped("F012"),
            ["pki/ca.crt: it leads to /srv/ca.crt, out of what was given: give that as well"]
        );
        // A directory of the system of which a part was read.
        let mut tree = Tree::worker();
        tree.link("lib", "usr/lib");
        assert_eq!(tree.skipped("F012").len(), 1);
        tree.file("usr/lib/systemd/system/kubelet.service", 0o644, "[Service]\nExecStart=/usr/bin/kubelet\n");
        assert_eq!((tree.skipped("F012"), tree.findings("F012")), (vec![], vec![]));
        // Of a copied directory, the file that is meant lies beside.
        let mut tree = Tree::empty();
        tree.file("copy/2026.pem", 0o600, Tree::worker().text(DATED));
        tree.link("copy/now.pem", "/var/lib/kubelet/pki/2026.pem");
        assert_eq!((tree.skipped("F012"), tree.findings("F012")), (vec![], vec![]));
    }

    #[test]
    fn a_current_pair_that_is_no_link_fires() {
        let mut tree = Tree::worker();
        let pair = tree.text(DATED);
        tree.file(CURRENT, 0o600, pair.clone());
        assert_eq!(
            tree.findings("F012"),
            [format!(
                "medium {CURRENT}: it is a file of its own, and the kubelet makes it a link to its newest pair: it is not rotated"
            )]
        );
        // Of a copied directory that is told by what lies beside it.
        let mut tree = Tree::empty();
        tree.file("a/kubelet-client-current.pem", 0o600, pair.clone());
        assert!(tree.not_applicable(&RULE));
        tree.file("a/kubelet-client-2026-05-31-11-55-00.pem", 0o600, pair);
        assert_eq!(tree.findings("F012").len(), 1);
    }
}
