//! M019: a kubeconfig in which everything leads somewhere.

use std::collections::HashSet;

use super::files::left_over;
use super::kubeconfigs::{all, line};
use super::remedy::{Command, Cure};
use super::{Answers, Check, Citation, Rule, Severity};
use crate::audit::evidence::is_kubeconfig_of_kubeadm;
use crate::audit::{Node, Scene, Target, What};
use crate::layout::KUBECONFIGS;
use crate::remedy::backup;

pub(super) static RULE: Rule = Rule {
    id: "M019",
    name: "kubeconfig-loose-ends",
    title: "A kubeconfig names what is not there, or keeps what nobody uses",
    severity: Severity::Low,
    citations: &[Citation::page(
        "Kubernetes: organizing cluster access with kubeconfig files",
        "https://kubernetes.io/docs/concepts/configuration/organize-cluster-access-kubeconfig/",
    )],
    explanation: "With a current context that is not there kubectl fails, and where its cluster is not there it turns to localhost:8080; what is of \
                  the current context is therefore of severity high. A user whom no context names is forgotten, and its \
                  credential is good all the same for whoever finds the file.",
    fix: "`kubectl --kubeconfig FILE config use-context NAME`; for what is not used `config delete-user NAME`, and have the credential withdrawn.",
    applies_to: "kubeconfigs",
    check: Check::Node(check),
};

fn check(scene: &Scene<'_>, answers: &mut Answers) {
    let node = scene.node;
    for (file, kubeconfig) in all(node) {
        answers.look();
        let left = node.files.get(file).is_some_and(|own| left_over(node, own).is_some());
        // What is used unless another is named is broken now.
        let severity = |is_current: bool| if is_current && !left { Severity::High } else { Severity::Low };
        let contexts: HashSet<&str> =
            kubeconfig.contexts.iter().map(|context| context.name.as_str()).collect();
        let clusters: HashSet<&str> =
            kubeconfig.clusters.iter().map(|cluster| cluster.name.as_str()).collect();
        let users: HashSet<&str> = kubeconfig.users.iter().map(|user| user.name.as_str()).collect();
        let used: HashSet<&str> = kubeconfig.contexts.iter().map(|context| context.user.as_str()).collect();
        if let Some(current) = kubeconfig.current_context.as_deref().filter(|name| !contexts.contains(name)) {
            let fact = answers.fail(
                line(file, kubeconfig.current_context_line),
                format!("current-context is {current}, and there is no such context"),
            );
            fact.severity(severity(true));
            if let [only] = kubeconfig.contexts.as_slice() {
                let context = config(scene.node, file, "use-context", &only.name);
                fact.fix(Cure::words("Use the one that is there:").run_if(context));
            }
        }
        let has_none = kubeconfig.current_context.as_deref().is_none_or(str::is_empty);
        if has_none && !kubeconfig.contexts.is_empty() && !left && is_components(node, file) {
            let message =
                "it has no current-context, and a component asks for no other: it connects to nothing";
            let fact = answers.fail(file, message);
            fact.severity(Severity::High);
            if let [only] = kubeconfig.contexts.as_slice() {
                let context = config(scene.node, file, "use-context", &only.name);
                fact.fix(Cure::words("Use the one that is there:").run_if(context));
            }
        }
        for context in &kubeconfig.contexts {
            let (name, place) = (&context.name, line(file, context.line));
            let is_current = kubeconfig.current_context.as_ref() == Some(name);
            if !clusters.contains(context.cluster.as_str()) {
                let message =
                    format!("the context {name} names the cluster {}, which is not there", context.cluster);
                let fact = answers.fail(place, message);
                fact.severity(severity(is_current));
                fact.fix(dangling(scene.node, file, name));
            } else if !context.user.is_empty() && !users.contains(context.user.as_str()) {
                let message =
                    format!("the context {name} names the user {}, which is not there", context.user);
                let fact = answers.fail(place, message);
                fact.severity(severity(is_current));
                fact.fix(dangling(scene.node, file, name));
            }
        }
        for user in kubeconfig.users.iter().filter(|user| !used.contains(user.name.as_str())) {
            let is_live = user.key.embedded || user.key.file.is_some() || !user.others.is_empty();
            if is_live {
                let message = format!("no context names the user {}, who has a credential", user.name);
                let cure = Cure::words("Where nobody uses it, copy the file and take the user out; then the credential is in the copy alone, and is to be withdrawn:")
                    .run_if(scene.node.files.get(file).map(|file| Command::written(backup(file.command_path()))))
                    .run_if(config(scene.node, file, "delete-user", &user.name));
                answers.fail(line(file, user.line), message).fix(cure);
            }
        }
    }
}

/// Whether a component uses a kubeconfig, as its flags say or by its place. People may name a context each time.
fn is_components(node: &Node, file: usize) -> bool {
    let is_named = node
        .references
        .iter()
        .any(|reference| reference.what == What::Kubeconfig && reference.target == Target::File(file));
    let is_by_place = || {
        let own = node.files.get(file).filter(|own| is_kubeconfig_of_kubeadm(&own.on_node));
        own.is_some_and(|own| {
            KUBECONFIGS.iter().any(|(name, profile)| own.name() == *name && !profile.ends_with("admin"))
        })
    };
    is_named || is_by_place()
}

/// `kubectl config`, for this file.
fn config(node: &Node, file: usize, what: &str, name: &str) -> Option<Command> {
    let path = node.files.get(file)?.command_path();
    Some(Command::of("kubectl").plain("--kubeconfig").path(path).plain("config").plain(what).arg(name))
}

/// A context that leads nowhere.
fn dangling(node: &Node, file: usize, context: &str) -> Cure {
    Cure::words("Where it is not needed, take it out:").run_if(config(node, file, "delete-context", context))
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::tree::{Tree, kubeconfig};
    use super::*;

    const ADMIN: &str = "etc/kubernetes/admin.conf";

    #[test]
    fn a_component_needs_a_current_context() {
        let conf = "etc/kubernetes/scheduler.conf";
        let mut tree = Tree::control_plane();
        let current =
            tree.text(conf).lines().find(|line| line.starts_with("current-context")).map(str::to_owned);
        tree.replace(conf, &current.expect("it has one"), "current-context: ''");
        assert_eq!(
            tree.findings(RULE.id),
            [format!(
                "high {conf}: it has no current-context, and a component asks for no other: it connects to nothing"
            )]
        );
    }

    #[test]
    fn every_loose_end_fires() {
        for (from, to, message) in [
            (
                "current-context: a@demo",
                "current-context: b",
                Some("13: current-context is b, and there is no such context"),
            ),
            ("current-context: a@demo", "current-context: ''", None),
            (
                "    cluster: demo",
                "    cluster: other",
                Some("9: the context a@demo names the cluster other, which is not there"),
            ),
            (
                "users:\n- name: a\n  user:\n    token: x\n",
                "users: []\n",
                Some("9: the context a@demo names the user a, which is not there"),
            ),
            (
                "users:\n",
                "users:\n- name: old\n  user:\n    token: x\n",
                Some("15: no context names the user old, who has a credential"),
            ),
            ("users:\n", "users:\n- name: old\n  user: {}\n", None),
        ] {
            let mut tree = Tree::empty();
            tree.file(
                ADMIN,
                0o600,
                kubeconfig("a", "insecure-skip-tls-verify: true", &["token: x".to_owned()]),
            );
            assert_eq!((tree.findings(RULE.id), tree.not_applicable(&RULE)), (vec![], false));
            tree.replace(ADMIN, from, to);
            let expected: Vec<String> = message.iter().map(|message| format!("{ADMIN}:{message}")).collect();
            let severity =
                if expected.iter().any(|one| one.contains("no context names")) { "low" } else { "high" };
            let expected: Vec<String> = expected.iter().map(|one| format!("{severity} {one}")).collect();
            assert_eq!(tree.findings(RULE.id), expected);
        }
        let mut tree = Tree::empty();
        tree.authority("ca", crate::forge::ca("cn=kubernetes"));
        assert!(tree.not_applicable(&RULE));
    }
}
