//! N010: a kubeconfig of a node without an API server, or of a user, fits one of the API servers.

use super::super::{Answers, Estate, NodeSummary, Role, Use};
use super::between::{listed, name};
use super::remedy::{Cure, path_of, set_cluster};
use super::sides::{Api, at};
use super::{Check, Citation, Rule, Severity};
use crate::x509::{Printable, shell_word};

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
    let served: Vec<(&NodeSummary, &Api)> = estate
        .nodes
        .iter()
        .filter_map(|node| Some((node, node.sides.api.as_deref().filter(|api| api.shown.is_some())?)))
        .collect();
    if served.is_empty() {
        return;
    }
    let names: Vec<&str> = served.iter().map(|(node, _)| name(node)).collect();
    for dial in estate.nodes.iter().flat_map(|node| &node.sides.dials) {
        let Some(host) = &dial.host else { continue };
        answers.look();
        let shown = served.iter().filter_map(|(node, api)| Some((*node, api.shown.as_ref()?)));
        let fitting: Vec<_> = shown.filter(|(_, shown)| shown.names.cover(host)).collect();
        if fitting.is_empty() {
            let message = format!(
                "its server is {}, which is a name of no API server ({})",
                Printable(host),
                listed(&names)
            );
            let file = shell_word(&*dial.file);
            answers.fail(at(&dial.location), message).fix(format!(
                "Where that is how the API servers are reached, as by a load balancer's name, issue their certificates again with it; where it is \
                 not, name one of their names in {file}, with `kubectl config set-cluster`."
            ));
            continue;
        }
        let Some(trusted) = &dial.trusted else { continue };
        if fitting.iter().all(|(_, shown)| shown.is_refused_by(trusted)) {
            let others: Vec<&str> = fitting.iter().map(|(node, _)| name(node)).collect();
            let message = format!(
                "it trusts {}, which verifies the certificate of no API server ({})",
                dial.subjects,
                listed(&others)
            );
            let fact = answers.fail(at(&dial.location), message);
            let authority = fitting.iter().find_map(|(node, _)| {
                estate.of(node).iter().find(|record| {
                    record.location.field.is_none()
                        && record.certificate.is_some()
                        && record.usage != Use::Old
                        && record.roles.contains(&Role::KubernetesCa)
                })
            });
            if let Some(authority) = authority {
                let command = set_cluster(&dial.file, &dial.cluster, &shell_word(path_of(authority)));
                fact.fix(Cure::words("Let it trust the CA of the API servers:").run(command));
            }
        }
    }
}
