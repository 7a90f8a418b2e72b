//! Kubeconfigs and other objects of Kubernetes.

use kpki::inspect::{Kubeconfig, Object, Reference};

use super::super::view::ItemView;
use super::Lines;
use crate::cli::output::{BAD, FAINT, styled};

fn reference(reference: &Reference, what: &str) -> Option<String> {
    match (&reference.file, reference.embedded) {
        (Some(file), true) => Some(format!("{what} embedded (the file {file} is not read)")),
        (None, true) => Some(format!("{what} embedded")),
        (Some(file), false) => Some(format!("{what} in {file}")),
        (None, false) => None,
    }
}

pub(super) fn kubeconfig(lines: &mut Lines, kubeconfig: &Kubeconfig) {
    for context in &kubeconfig.contexts {
        let current = kubeconfig.current_context.as_ref() == Some(&context.name);
        let label = if current { "context *" } else { "context" };
        let namespace = context
            .namespace
            .as_ref()
            .map(|namespace| format!(", namespace {namespace}"))
            .unwrap_or_default();
        lines.push(
            label,
            format!("{}: user {} at cluster {}{namespace}", context.name, context.user, context.cluster),
        );
    }
    for cluster in &kubeconfig.clusters {
        let mut words = vec![cluster.server.clone().unwrap_or_else(|| "no server".into())];
        words.extend(reference(&cluster.authority, "CA"));
        words.extend(cluster.tls_server_name.as_ref().map(|name| format!("certificate checked for {name}")));
        words.extend(cluster.insecure.then(|| styled(BAD, "its certificate is not checked at all")));
        lines.push("cluster", format!("{}: {}", cluster.name, words.join(", ")));
    }
    for user in &kubeconfig.users {
        let mut words: Vec<String> = Vec::new();
        words.extend(reference(&user.certificate, "certificate"));
        words.extend(reference(&user.key, "key"));
        words.extend(user.others.iter().map(|other| match (*other, &user.command) {
            ("exec", Some(command)) => format!("exec {command}"),
            _ => (*other).to_owned(),
        }));
        if words.is_empty() {
            words.push("no credential".into());
        }
        lines.push("user", format!("{}: {}", user.name, words.join(", ")));
    }
}

pub(super) fn object(lines: &mut Lines, object: &Object, item: &ItemView) {
    if !object.api_version.is_empty() {
        lines.push("apiVersion", &object.api_version);
    }
    for setting in &object.settings {
        lines.push(setting.name, &setting.value);
    }
    let others: Vec<String> =
        object.other_data.iter().map(|(key, length)| format!("{key} ({length} bytes)")).collect();
    lines.list("other data", &others);
    if item.items.is_empty() {
        lines.push("holds", styled(FAINT, "nothing of a PKI"));
    }
}
