//! N010: a kubeconfig of a node without an API server, or of a user, fits one of the API servers.

use std::sync::Arc;

use super::super::{Answers, Cert, Estate, Location, Node, NodeKind, Place, Use};
use super::apiserver::names_with_sni;
use super::between::{listed, name};
use super::kubeconfigs::{all, is_own_cluster, line};
use super::m010_root_ca::serving;
use super::names::{Names, host_of};
use super::references::MOST_ANCHORS;
use super::{Check, Citation, Rule, Severity};
use crate::x509::{Printable, sha256};

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

/// The most kubeconfigs of one node that are kept: those of users in a store may be many.
const MOST: usize = 1000;

/// A name and a key that sign: the SHA-256 of both.
type Signer = [u8; 32];

/// What an API server shows.
#[derive(Debug, Clone, Default)]
pub(in super::super) struct Served {
    names: Arc<Names>,
    /// Who signed its certificate, one above the other; empty where that is not known.
    signers: Vec<Signer>,
}

/// Whom a kubeconfig calls.
#[derive(Debug, Clone)]
pub(in super::super) struct Dial {
    location: Location,
    /// By which name; none where it names no server.
    host: Option<Box<str>>,
    /// The CAs that it trusts; none where it has none of its own.
    trusted: Option<Vec<Signer>>,
    /// What these are called; safe to show.
    subjects: Box<str>,
}

/// What is kept of a node for this: what its API server shows, or whom its kubeconfigs call.
pub(in super::super) fn summary(node: &Node) -> (Option<Served>, Vec<Dial>) {
    if let Some(leaf) = serving(node) {
        let names = Arc::new(names_with_sni(node, leaf));
        return (Some(Served { names, signers: signers(leaf) }), Vec::new());
    }
    if !matches!(node.kind, NodeKind::Worker | NodeKind::Etcd | NodeKind::Store) {
        return (None, Vec::new());
    }
    let none = Names::default();
    let mut dials = Vec::new();
    for (file, kubeconfig) in all(node).take(MOST) {
        let (_, Some(cluster), _) = node.current_context(kubeconfig) else { continue };
        let is_its = node.kind == NodeKind::Store || is_own_cluster(node, file, cluster, &none);
        if cluster.insecure || !is_its {
            continue;
        }
        let anchors = node.kubeconfig_authorities(file, cluster);
        let host = cluster.tls_server_name.as_deref().or_else(|| host_of(cluster.server.as_deref()?));
        dials.push(Dial {
            location: node.location(&line(file, cluster.server_line)),
            host: host.map(Box::from),
            trusted: (!anchors.is_empty() && anchors.len() <= MOST_ANCHORS).then(|| {
                anchors
                    .iter()
                    .map(|anchor| signer(anchor.tbs().subject.der(), anchor.tbs().public_key.der()))
                    .collect()
            }),
            subjects: super::references::subjects(&anchors).into(),
        });
    }
    (None, dials)
}

fn signer(name: &[u8], key: &[u8]) -> Signer {
    let mut both = name.to_vec();
    both.extend_from_slice(key);
    sha256(&both)
}

/// Who signed a certificate, by the name that it gives itself.
fn signers(leaf: Cert<'_>) -> Vec<Signer> {
    let mut found = Vec::new();
    let mut names = vec![leaf.tbs().issuer.der()];
    for above in leaf.signers() {
        let name = names.last().copied().unwrap_or_default();
        found.push(signer(name, above.public_key.der()));
        names.push(above.issuer.der());
    }
    found
}

fn check(estate: &Estate<'_>, answers: &mut Answers) {
    let served: Vec<(&str, &Served)> =
        estate.nodes.iter().filter_map(|node| Some((name(node), node.served.as_ref()?))).collect();
    if served.is_empty() {
        return;
    }
    let names: Vec<&str> = served.iter().map(|(name, _)| *name).collect();
    for (number, node) in estate.nodes.iter().enumerate() {
        for dial in &node.dials {
            let Some(host) = &dial.host else { continue };
            answers.look();
            let place = || {
                let found = node.records.clone().find(|record| {
                    estate.records.get(*record).is_some_and(|record| {
                        record.usage != Use::Old && record.location.path == dial.location.path
                    })
                });
                found.map_or_else(|| Place::node(number), Place::record)
            };
            let shown = &dial.location.path;
            let fitting: Vec<&(&str, &Served)> =
                served.iter().filter(|(_, served)| served.names.cover(host)).collect();
            if fitting.is_empty() {
                let message = format!(
                    "{shown} calls {}, which is a name of no API server ({})",
                    Printable(host),
                    listed(&names)
                );
                answers.fail(place(), message);
                continue;
            }
            let Some(trusted) = &dial.trusted else { continue };
            let verifies = |served: &Served| {
                served.signers.is_empty() || served.signers.iter().any(|signer| trusted.contains(signer))
            };
            if !fitting.iter().any(|(_, served)| verifies(served)) {
                let others: Vec<&str> = fitting.iter().map(|(name, _)| *name).collect();
                let message = format!(
                    "{shown} trusts {}, which verifies the certificate of no API server ({})",
                    dial.subjects,
                    listed(&others)
                );
                answers.fail(place(), message);
            }
        }
    }
}
