//! Whom the API server dials beside etcd, and who looks at the metrics.

use super::apiserver::unknown;
use super::{Client, Connection, Server, Serves, component, said_in};
use crate::manifest::Component;
use crate::rehearse::Known;
use crate::rehearse::edge::Edge;
use crate::rehearse::files::Trouble;
use crate::rehearse::foreign::STAND_IN;
use crate::rehearse::judge::Rule;
use crate::rehearse::network::{Network, Origin, name};
use crate::rehearse::node::{Admission, Apiserver, Kubelet, KubeletServing, ServerTrust, Shows};
use crate::x509::{Printable, SubjectAltName};

/// Every API server to every kubelet.
pub(super) fn kubelets(network: &Network<'_>, plan: &mut Vec<Connection>) {
    for (from, node) in (0..).zip(network.nodes) {
        let Some(apiserver) = &node.apiserver else { continue };
        for (to, other) in (0..).zip(network.nodes) {
            let Some(kubelet) = &other.kubelet else { continue };
            plan.push(to_kubelet(network, (from, apiserver), (to, kubelet)));
        }
    }
}

fn to_kubelet(
    network: &Network<'_>,
    (from, apiserver): (usize, &Apiserver),
    (to, kubelet): (usize, &Kubelet),
) -> Connection {
    let (dialled, why) = kubelet_name(network, apiserver, (to, kubelet));
    let Verification { trusts, shows, notes, trouble } = verification(apiserver, kubelet);
    let manifest = apiserver.manifest.as_deref().unwrap_or_default();
    let (file, calls_with, trouble) = match (&apiserver.kubelet_client, &apiserver.doubt) {
        (Some(pair), _) => {
            (said_in(apiserver.manifest.as_ref(), &pair.certificate), Shows::Pair(pair.clone()), trouble)
        }
        (None, doubt) => {
            let why = format!("{manifest} has no --kubelet-client-certificate");
            (manifest.to_owned(), Shows::Nothing(why), doubt.clone().map(Trouble::Missing).or(trouble))
        }
    };
    Connection {
        edge: Edge::ApiserverKubelet,
        client: Client {
            node: Some(from),
            called: component(network, from, "the API server"),
            file,
            shows: calls_with,
            trusts,
        },
        server: Server {
            node: Some(to),
            shows,
            admits: kubelet.admission.clone(),
            mutual: true,
            rules: Vec::new(),
        },
        dialled: Some(dialled),
        why,
        notes,
        trouble: unknown(&kubelet.admission).or(trouble),
    }
}

/// Whether and how an API server verifies a kubelet.
struct Verification {
    trusts: ServerTrust,
    shows: Serves,
    notes: Vec<String>,
    trouble: Option<Trouble>,
}

fn verification(apiserver: &Apiserver, kubelet: &Kubelet) -> Verification {
    const FLAG: &str = "--kubelet-certificate-authority";
    let manifest = apiserver.manifest.as_deref().unwrap_or_default();
    let Some(trust) = &apiserver.kubelet_authority else {
        let flag = if apiserver.is_assumed {
            format!("without {FLAG}")
        } else {
            format!("{manifest} has no {FLAG}")
        };
        let why = match &apiserver.doubt {
            Some(doubt) => format!("{doubt}; it is taken to have no {FLAG}"),
            None => format!("{flag}: the API server takes whatever a kubelet shows"),
        };
        let mut notes = vec![why.clone()];
        let shows = match &kubelet.serving {
            KubeletServing::Pair(pair) => Serves::Pair(pair.clone()),
            KubeletServing::SelfMade { why, .. } => {
                notes.push(format!("{why}; one was made in its place"));
                Serves::StandIn
            }
        };
        return Verification {
            trusts: ServerTrust::Anyone { why, is_fault: false },
            shows,
            notes,
            trouble: None,
        };
    };
    let trusts = ServerTrust::Anchors(trust.clone());
    match &kubelet.serving {
        KubeletServing::Pair(pair) => {
            let note = format!(
                "verified as with {FLAG}; without that flag, the API server takes whatever a kubelet shows"
            );
            let notes = if apiserver.is_assumed { vec![note] } else { Vec::new() };
            Verification { trusts, shows: Serves::Pair(pair.clone()), notes, trouble: None }
        }
        KubeletServing::SelfMade { why, is_known } => {
            let reason = format!("{why}, and the API server verifies kubelets with {}", trust.name.short);
            let trouble = match (is_known, apiserver.is_assumed) {
                (true, false) => {
                    Trouble::Broken { code: "unverifiable", file: trust.name.path.clone(), reason }
                }
                _ => Trouble::Missing(reason),
            };
            Verification { trusts, shows: Serves::Unknown, notes: Vec::new(), trouble: Some(trouble) }
        }
    }
}

/// By what an API server dials a kubelet: the first of its preferred kinds of addresses that the node has.
fn kubelet_name(
    network: &Network<'_>,
    apiserver: &Apiserver,
    (to, kubelet): (usize, &Kubelet),
) -> (SubjectAltName, String) {
    let internal = network.addresses(to).first();
    let own = network.nodes.get(to).map(|node| node.name.clone()).unwrap_or_default();
    let host_name = kubelet.host_name.clone().unwrap_or(own);
    for kind in &apiserver.address_types {
        match (kind.as_str(), internal) {
            ("InternalIP", Some((ip, origin))) => {
                let doubt = match origin {
                    Origin::Certificates => ", so that it is not asked whether they hold the right one",
                    _ => "",
                };
                return (
                    SubjectAltName::Ip(ip),
                    format!("the node's InternalIP, from {}{doubt}", origin.words()),
                );
            }
            ("Hostname", _) => return (name(&host_name), "the node's Hostname".to_owned()),
            _ => {}
        }
    }
    (name(&host_name), "the node's name, for none of its addresses is known".to_owned())
}

/// Every API server, as the front proxy, to an extension API server that knows it by what the API server publishes
/// (the `ConfigMap` extension-apiserver-authentication).
pub(super) fn extensions(network: &Network<'_>, plan: &mut Vec<Connection>) {
    for (at, node) in (0..).zip(network.nodes) {
        let Some(apiserver) = &node.apiserver else { continue };
        let Some(pair) = &apiserver.proxy_client else { continue };
        let manifest = apiserver.manifest.as_deref().unwrap_or_default();
        let admits = match &apiserver.proxy_authority {
            Some(trust) => Admission::Asked {
                trust: trust.clone(),
                without: "it is not taken for the front proxy, and needs a token",
            },
            None => Admission::NotAsked(format!(
                "{manifest} has no --requestheader-client-ca-file, so that no extension API server knows the front proxy"
            )),
        };
        let why = "the certificate of an extension API server, and the CA that its APIService names, are not here: both were made"
            .to_owned();
        plan.push(Connection {
            edge: Edge::FrontProxy,
            client: Client {
                node: Some(at),
                called: component(network, at, "the API server"),
                file: said_in(apiserver.manifest.as_ref(), &pair.certificate),
                shows: Shows::Pair(pair.clone()),
                trusts: ServerTrust::StandIn,
            },
            server: Server {
                node: None,
                shows: Serves::StandIn,
                admits,
                mutual: true,
                rules: vec![Rule::CommonName {
                    allowed: apiserver.proxy_names.clone(),
                    flag: "--requestheader-allowed-names",
                }],
            },
            dialled: Some(SubjectAltName::Dns(STAND_IN.to_owned())),
            why: "an extension API server's service, as an example".to_owned(),
            notes: vec![why],
            trouble: None,
        });
    }
}

/// Monitoring to the controller manager and the scheduler, where these serve with certificates that can be verified.
pub(super) fn metrics(network: &Network<'_>, plan: &mut Vec<Connection>) {
    for (at, node) in (0..).zip(network.nodes) {
        for serving in &node.serving {
            let edge = match serving.component {
                Component::ControllerManager => Edge::ControllerManagerMetrics,
                _ => Edge::SchedulerMetrics,
            };
            let (dialled, why) = match (serving.bind_address, network.addresses(at).first()) {
                (Some(ip), _) => (SubjectAltName::Ip(ip), "its --bind-address".to_owned()),
                (None, Some((ip, origin))) => {
                    (SubjectAltName::Ip(ip), format!("the node's address, from {}", origin.words()))
                }
                (None, None) => (name("localhost"), "no address of the node is known".to_owned()),
            };
            let token = "monitoring brings a token, no certificate".to_owned();
            plan.push(Connection {
                edge,
                client: Client {
                    node: Some(at),
                    called: component(network, at, "monitoring"),
                    file: serving.pair.certificate.path.clone(),
                    shows: Shows::Nothing(token.clone()),
                    trusts: ServerTrust::Anchors(serving.trust.clone()),
                },
                server: Server {
                    node: Some(at),
                    shows: Serves::Pair(serving.pair.clone()),
                    admits: Admission::NotAsked(token),
                    mutual: false,
                    rules: Vec::new(),
                },
                dialled: Some(dialled),
                why,
                notes: Vec::new(),
                trouble: None,
            });
        }
    }
}

/// What runs on nodes that the cluster's file names and that have no files here.
pub(super) fn absent(network: &Network<'_>, known: Option<&Known>, plan: &mut Vec<Connection>) {
    for (at, node) in (0..).zip(network.nodes).filter(|(_, node)| !node.present) {
        let listed = known.and_then(|known| known.nodes.iter().find(|known| known.name == node.name));
        let Some(listed) = listed else { continue };
        let edges = [
            (listed.control_plane, Edge::ControllerManager),
            (listed.control_plane, Edge::Scheduler),
            (listed.kubelet, Edge::Kubelet),
            (listed.control_plane, Edge::ApiserverKubelet),
            (listed.control_plane, Edge::ApiserverEtcd),
            (listed.etcd, Edge::EtcdPeer),
        ];
        for (_, edge) in edges.into_iter().filter(|(is, _)| *is) {
            let reason = format!("the files of {} are not here", Printable(&node.name));
            let client = Client {
                node: Some(at),
                called: Printable(&node.name).to_string(),
                file: String::new(),
                shows: Shows::Nothing(reason.clone()),
                trusts: ServerTrust::System,
            };
            plan.push(Connection::blocked(edge, client, Trouble::Missing(reason)));
        }
    }
}
