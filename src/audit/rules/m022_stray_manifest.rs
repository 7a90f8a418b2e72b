//! M022: one manifest for each component, and nothing else beside them.

use super::references::shown;
use super::remedy::{ASIDE, Cure};
use super::{Answers, Check, Citation, Rule, Severity};
use crate::audit::{Contents, File, FileKind, Node, Scene, Target};
use crate::inspect::Content;
use crate::manifest::{Component, StaticPod};

pub(super) static RULE: Rule = Rule {
    id: "M022",
    name: "stray-manifest",
    title: "A file in the directory of manifests is a second pod of a component, or none",
    severity: Severity::High,
    citations: &[
        Citation::page(
            "Kubernetes: create static pods",
            "https://kubernetes.io/docs/tasks/configure-pod-container/static-pod/#configuration-files",
        ),
        Citation::page(
            "Kubernetes: pkg/kubelet/config/file.go",
            "https://github.com/kubernetes/kubernetes/blob/master/pkg/kubelet/config/file.go",
        ),
    ],
    explanation: "The kubelet reads every file there whose name does not begin with a dot, whatever its ending: a backup (kube-apiserver.yaml.bak) runs. \
                  Of two pods with one name the last in the order of the files' names counts, with its old certificates and flags; under \
                  two names both run, and fight for the port. What cannot be read does not run at all.",
    fix: "mv FILE to another directory (`/root`, for example); correct what should run and cannot be read.",
    applies_to: "the files in the kubelet's directory of manifests",
    check: Check::Node(check),
};

/// The catalogue's medium stands where the backup does nothing yet; where it counts, or a component does not run, it is high.
fn check(scene: &Scene<'_>, answers: &mut Answers) {
    let node = scene.node;
    let directory = node.manifest_directory();
    let mut pods: Vec<(usize, &File, &StaticPod)> = Vec::new();
    for (index, file) in node.files.iter().enumerate() {
        if file.on_node.parent() != Some(&directory) || file.name().starts_with('.') || file.is_directory() {
            continue;
        }
        match contents(node, file) {
            Ok(None) => {}
            Err(reason) => answers.skip(index, format!("it could not be read: {reason}")),
            Ok(Some(contents)) => match contents.pod() {
                Some(Ok(pod)) => pods.push((index, file, pod)),
                Some(Err(reason)) => {
                    no_pod(index, file, &format!("it cannot be read as a pod: {reason}"), answers);
                }
                None if is_pod(contents) => answers.look(),
                None => no_pod(index, file, "it holds no pod", answers),
            },
        }
    }
    for component in Component::CONTROL_PLANE {
        let own: Vec<_> = pods.iter().filter(|(_, _, pod)| pod.component == component).copied().collect();
        several(&own, answers);
    }
}

/// What the kubelet reads there, links followed; none where it reads nothing.
fn contents<'a>(node: &'a Node, file: &'a File) -> Result<Option<&'a Contents>, &'a str> {
    let file = match &file.kind {
        FileKind::Link(_) => match node.resolve(&file.on_node) {
            Target::File(target) => node.files.get(target),
            _ => None,
        },
        _ => Some(file),
    };
    match file.map(|file| &file.kind) {
        Some(FileKind::Regular(Ok(contents))) => Ok(Some(contents)),
        Some(FileKind::Regular(Err(reason))) => Err(reason),
        _ => Ok(None),
    }
}

/// Whether it is a pod of something else than the control plane.
fn is_pod(contents: &Contents) -> bool {
    contents.items.iter().any(|item| matches!(&item.content, Content::Object(object) if object.kind == "Pod"))
}

fn no_pod(index: usize, file: &File, reason: &str, answers: &mut Answers) {
    let stem = file.on_node.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    if let Some(component) = Component::ALL.into_iter().find(|component| component.program() == stem) {
        answers
            .fail(index, format!("{reason}, and so {component} does not run"))
            .fix("Correct FILE: the kubelet runs what it can read.");
    } else {
        let cure =
            Cure::words("Put it aside: the kubelet reads everything in this directory:").aside().say(ASIDE);
        answers.fail(index, reason).severity(Severity::Low).fix(cure);
    }
}

/// Several pods of one component, in the order of their files' names.
fn several(own: &[(usize, &File, &StaticPod)], answers: &mut Answers) {
    let is_usual = |(_, file, pod): &(usize, &File, &StaticPod)| {
        file.name() == format!("{}.yaml", pod.component.program())
    };
    let Some(usual) = own.iter().find(|pod| is_usual(pod)).or(own.first()) else { return };
    answers.look();
    for (index, file, pod) in own.iter().filter(|(index, _, _)| *index != usual.0) {
        let component = pod.component;
        let beside = shown(&usual.1.on_node);
        if pod.name != usual.2.name {
            let message =
                format!("it runs {component} a second time, beside {beside}: the pods fight for the port");
            answers.fail(*index, message).fix(moved());
            continue;
        }
        // filepath.Glob sorts, and of one name the later replaces the earlier.
        let counts =
            own.iter().filter(|(_, _, other)| other.name == pod.name).map(|(_, file, _)| &file.on_node).max();
        let message = format!("it runs {component} under the same name as {beside}");
        if counts == Some(&file.on_node) {
            let cure = moved().say("The other one runs then: see first which of the two is meant.");
            answers
                .fail(*index, format!("{message}, and the kubelet takes this one, the last by its name"))
                .fix(cure);
        } else {
            answers
                .fail(
                    *index,
                    format!(
                        "{message}; the kubelet takes the last by its name, {}",
                        counts.map(|path| shown(path)).unwrap_or_default()
                    ),
                )
                .severity(Severity::Medium)
                .fix(moved());
        }
    }
}

fn moved() -> Cure {
    Cure::words("Put it aside; a copy belongs in another directory:").aside().say(ASIDE)
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::tree::Tree;
    use super::*;

    const MANIFESTS: &str = "etc/kubernetes/manifests";

    #[test]
    fn backups_run() {
        for (name, replaced, message) in [
            (
                "kube-apiserver.yaml.bak",
                "",
                Some(
                    "high: it runs kube-apiserver under the same name as /etc/kubernetes/manifests/kube-apiserver.yaml, and the kubelet takes this one, the last by its name",
                ),
            ),
            (
                "kube-apiserver-old.yaml",
                "",
                Some(
                    "medium: it runs kube-apiserver under the same name as /etc/kubernetes/manifests/kube-apiserver.yaml; the kubelet takes the last by its name, /etc/kubernetes/manifests/kube-apiserver.yaml",
                ),
            ),
            (
                "kube-apiserver-old.yaml",
                "old-apiserver",
                Some(
                    "high: it runs kube-apiserver a second time, beside /etc/kubernetes/manifests/kube-apiserver.yaml: the pods fight for the port",
                ),
            ),
            (".kube-apiserver.yaml.swp", "", None),
        ] {
            let mut tree = Tree::control_plane();
            assert_eq!((tree.findings(RULE.id), tree.not_applicable(&RULE)), (vec![], false));
            let mut text = tree.text(&format!("{MANIFESTS}/kube-apiserver.yaml"));
            if !replaced.is_empty() {
                text = text.replace(
                    "  name: kube-apiserver\n  namespace",
                    &format!("  name: {replaced}\n  namespace"),
                );
            }
            tree.file(&format!("{MANIFESTS}/{name}"), 0o600, text);
            let expected: Vec<String> = message
                .and_then(|message| message.split_once(": "))
                .map(|(severity, message)| format!("{severity} {MANIFESTS}/{name}: {message}"))
                .into_iter()
                .collect();
            assert_eq!(tree.findings(RULE.id), expected);
        }
    }

    #[test]
    fn what_is_no_pod_fires() {
        let mut tree = Tree::control_plane();
        tree.file(&format!("{MANIFESTS}/README"), 0o600, "do not touch\n");
        tree.file(
            &format!("{MANIFESTS}/vip.yaml"),
            0o600,
            "apiVersion: v1\nkind: Pod\nspec: {containers: [{image: vip}]}\n",
        );
        tree.file(&format!("{MANIFESTS}/kube-scheduler.yaml"), 0o600, "apiVersion: v1\nkind: Pod\nspec: 7\n");
        tree.file(&format!("{MANIFESTS}/etcd.yaml"), 0o600, "kind: [Pod\n");
        tree.unread(&format!("{MANIFESTS}/kube-apiserver.yaml"), "permission denied");
        let findings = tree.findings(RULE.id);
        let expected = [
            format!("high {MANIFESTS}/etcd.yaml: it holds no pod, and so etcd does not run"),
            format!("high {MANIFESTS}/kube-scheduler.yaml: it cannot be read as a pod: not a Pod: "),
            format!("low {MANIFESTS}/README: it holds no pod"),
        ];
        assert_eq!(findings.len(), expected.len(), "{findings:?}");
        for (finding, expected) in findings.iter().zip(expected) {
            assert!(finding.starts_with(&expected), "{finding}");
        }
        assert!(findings[1].ends_with(", and so kube-scheduler does not run"), "{findings:?}");
        assert_eq!(
            tree.skipped(RULE.id),
            [format!("{MANIFESTS}/kube-apiserver.yaml: it could not be read: permission denied")]
        );
    }

    #[test]
    fn a_link_is_followed_and_a_bomb_is_no_pod() {
        let mut tree = Tree::control_plane();
        tree.link(&format!("{MANIFESTS}/z.yaml"), "etcd.yaml");
        assert_eq!(tree.findings(RULE.id).len(), 1);
        let mut tree = Tree::control_plane();
        let mut bomb = String::from("kind: Pod\na0: &a0 [x, x, x, x, x, x, x, x, x]\n");
        for level in 1..9 {
            let aliases = vec![format!("*a{}", level - 1); 9].join(", ");
            bomb.extend([format!("a{level}: &a{level} [{aliases}]\n")]);
        }
        tree.file(&format!("{MANIFESTS}/etcd.yaml"), 0o600, bomb);
        let findings = tree.findings(RULE.id);
        assert!(findings[0].starts_with(&format!("high {MANIFESTS}/etcd.yaml: it ")), "{findings:?}");
        assert!(Tree::worker().not_applicable(&RULE));
    }
}
