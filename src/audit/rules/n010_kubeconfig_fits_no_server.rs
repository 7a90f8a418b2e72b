//! N010: a kubeconfig of a node without an API server, or of a user, fits one of the API servers.

use super::super::{Answers, Estate};
use super::between::{listed, name};
use super::sides::{Api, at};
use super::{Check, Citation, Rule, Severity};
use crate::x509::Printable;

pub(super) static RULE: Rule = Rule {
    id: "N010",
    name: "kubeconfig-fits-no-server",
    title: "A kubeconfig fits none of the API servers",
    severity: Severity::High,
    citations: &[Citation::page(
        "Kubernetes: PKI certificates and requirements",
        "https://kubernetes.io/docs/setup/best-practices/certificates/",
    )],
    explanation: "A kubelet without its API server keeps its pods and gets no others, and the node counts as lost. The server that its \
                  kubeconfig names is a name of none of the API servers whose certificates were given, or the CA in it verifies none of \
                  them: each is refused. The kubeconfigs of control planes are K003's and M014's.",
    fix: "Name a server in FILE that the API servers' certificates hold, and the CA that signed them.",
    applies_to: "kubeconfigs of workers and users, beside API servers' certificates",
    check: Check::Estate(check),
};

fn check(estate: &Estate<'_>, answers: &mut Answers) {
    let served: Vec<(&str, &Api)> = estate
        .nodes
        .iter()
        .filter_map(|node| Some((name(node), node.sides.api.as_deref().filter(|api| api.shown.is_some())?)))
        .collect();
    if served.is_empty() {
        return;
    }
    let names: Vec<&str> = served.iter().map(|(name, _)| *name).collect();
    for dial in estate.nodes.iter().flat_map(|node| &node.sides.dials) {
        let Some(host) = &dial.host else { continue };
        answers.look();
        let shown = served.iter().filter_map(|(name, api)| Some((*name, api.shown.as_ref()?)));
        let fitting: Vec<_> = shown.filter(|(_, shown)| shown.names.cover(host)).collect();
        if fitting.is_empty() {
            let message = format!(
                "its server is {}, which is a name of no API server ({})",
                Printable(host),
                listed(&names)
            );
            answers.fail(at(&dial.location), message);
            continue;
        }
        let Some(trusted) = &dial.trusted else { continue };
        if fitting.iter().all(|(_, shown)| shown.is_refused_by(trusted)) {
            let others: Vec<&str> = fitting.iter().map(|(name, _)| *name).collect();
            let message = format!(
                "it trusts {}, which verifies the certificate of no API server ({})",
                dial.subjects,
                listed(&others)
            );
            answers.fail(at(&dial.location), message);
        }
    }
}
