//! Those who dial etcd: API servers, the members themselves, and on the node the gateway and the health check.

use super::apiserver::unknown;
use super::{Client, Connection, Server, Serves, component, node_name, said_in};
use crate::rehearse::edge::Edge;
use crate::rehearse::files::Trouble;
use crate::rehearse::judge::Rule;
use crate::rehearse::network::{Host, Network, Origin, bare, name};
use crate::rehearse::node::{Apiserver, Etcd, Listener, ServerTrust, Shows};
use crate::x509::SubjectAltName;

/// The loopback address, by which a member is reached on its own node.
const LOCAL: &str = "https://127.0.0.1:2379";

fn etcd<'n>(network: &Network<'n>, node: usize) -> Option<&'n Etcd> {
    network.nodes.get(node)?.etcd.as_ref()
}

fn server(node: usize, listener: &Listener, mut rules: Vec<Rule>) -> Server {
    if let Some(Ok(revoked)) = &listener.revoked {
        rules.push(Rule::NotRevoked(revoked.clone()));
    }
    Server {
        node: Some(node),
        shows: listener.pair.clone().map_or(Serves::Unknown, Serves::Pair),
        admits: listener.admission.clone(),
        mutual: true,
        rules,
    }
}

/// What is known to stand in the way of reaching a member.
fn trouble(listener: &Listener, etcd: &Etcd) -> Option<Trouble> {
    let list = listener.revoked.as_ref().and_then(|revoked| revoked.as_ref().err());
    let plain = listener.plain.as_ref().map(|why| {
        let reason = format!("the member speaks without TLS: {why}");
        Trouble::Broken { code: "not-tls", file: etcd.file.clone(), reason }
    });
    plain.or(unknown(&listener.admission)).or(list.cloned())
}

/// Whether a URL without TLS is that of members that speak without it: no connection of this kind then.
fn is_plain(network: &Network<'_>, node: usize, url: &str) -> bool {
    let Some(rest) = url.strip_prefix("http://") else { return false };
    let host = Host::of_url(&format!("https://{rest}"));
    let answering = host.ok().and_then(|host| network.members(&host, node).ok());
    let is_plain = |member: &usize| etcd(network, *member).is_some_and(|etcd| etcd.clients.plain.is_some());
    answering.is_some_and(|answering| answering.nodes.iter().all(is_plain))
}

/// The URLs by which an API server reaches etcd, and where they come from.
fn servers(network: &Network<'_>, node: usize, apiserver: &Apiserver) -> (Vec<String>, String) {
    if !apiserver.is_assumed {
        let manifest = apiserver.manifest.as_deref().unwrap_or_default();
        return (apiserver.etcd.servers.clone(), format!("--etcd-servers in {manifest}"));
    }
    if etcd(network, node).is_some() {
        return (vec![LOCAL.to_owned()], "kubeadm's --etcd-servers, for there is no manifest".to_owned());
    }
    let members = network.with(|node| node.etcd.is_some());
    let urls =
        members.into_iter().map(|member| format!("https://{}:2379", url_host(&address(network, member).0)));
    (urls.collect(), "the members' addresses, for there is no manifest".to_owned())
}

/// A host as it stands in a URL.
fn url_host(name: &SubjectAltName) -> String {
    match name {
        SubjectAltName::Ip(ip) if ip.is_ipv6() => format!("[{ip}]"),
        other => bare(other),
    }
}

/// The address of a member, or its name where none is known; and where it comes from.
fn address(network: &Network<'_>, node: usize) -> (SubjectAltName, String) {
    let name_of = node_name(network, node);
    if let Some((ip, origin)) = network.addresses(node).first() {
        return (SubjectAltName::Ip(ip), format!("the address of {name_of}, from {}", origin.words()));
    }
    let own = network.nodes.get(node).map(|node| node.name.clone()).unwrap_or_default();
    (name(&own), format!("the name of {name_of}, of which no address is known"))
}

/// API servers to etcd.
pub(super) fn clients(network: &Network<'_>, plan: &mut Vec<Connection>) {
    for (at, node) in (0..).zip(network.nodes) {
        let Some(apiserver) = &node.apiserver else { continue };
        let manifest = apiserver.manifest.as_deref().unwrap_or_default();
        let client = Client {
            node: Some(at),
            called: component(network, at, "the API server"),
            file: match &apiserver.etcd.pair {
                Some(pair) => said_in(apiserver.manifest.as_ref(), &pair.certificate),
                None => manifest.to_owned(),
            },
            shows: match &apiserver.etcd.pair {
                Some(pair) => Shows::Pair(pair.clone()),
                None => Shows::Nothing(format!("{manifest} has no --etcd-certfile")),
            },
            trusts: apiserver.etcd.trust.clone().map_or(ServerTrust::System, ServerTrust::Anchors),
        };
        if apiserver.etcd.socket.is_some() {
            continue;
        }
        let (mut urls, origin) = servers(network, at, apiserver);
        let is_given = !urls.is_empty();
        urls.retain(|url| !is_plain(network, at, url));
        if is_given && urls.is_empty() {
            continue;
        }
        let is_named = apiserver.etcd.pair.is_some() && apiserver.etcd.trust.is_some() && is_given;
        if let (false, Some(doubt)) = (is_named, &apiserver.doubt) {
            let trouble = Trouble::Missing(doubt.clone());
            plan.push(Connection::blocked(Edge::ApiserverEtcd, client, trouble));
            continue;
        }
        if urls.is_empty() {
            let reason = if apiserver.is_assumed {
                "etcd's files are not here: it runs elsewhere".to_owned()
            } else {
                format!("{manifest} has no --etcd-servers")
            };
            plan.push(Connection::blocked(Edge::ApiserverEtcd, client, Trouble::Missing(reason)));
            continue;
        }
        for url in &urls {
            to_member(network, (at, url), &origin, &client, plan);
        }
    }
}

fn to_member(
    network: &Network<'_>,
    (at, url): (usize, &str),
    origin: &str,
    client: &Client,
    plan: &mut Vec<Connection>,
) {
    let host = match Host::of_url(url) {
        Ok(host) => host,
        Err(reason) => {
            let file = client.file.clone();
            let reason = format!("{}: {reason}", client.called);
            let trouble = Trouble::Broken { code: "not-tls", file, reason };
            return plan.push(Connection::blocked(Edge::ApiserverEtcd, client.clone(), trouble));
        }
    };
    let answering = match network.members(&host, at) {
        Ok(answering) => answering,
        Err(reason) => {
            let mut blocked =
                Connection::blocked(Edge::ApiserverEtcd, client.clone(), Trouble::Missing(reason));
            blocked.dialled = Some(host.name);
            return plan.push(blocked);
        }
    };
    for member in answering.nodes {
        let Some(etcd) = etcd(network, member) else { continue };
        plan.push(Connection {
            edge: Edge::ApiserverEtcd,
            client: client.clone(),
            server: server(member, &etcd.clients, Vec::new()),
            dialled: Some(host.name.clone()),
            why: format!("{origin}; {}", answering.why),
            notes: Vec::new(),
            trouble: trouble(&etcd.clients, etcd),
        });
    }
}

/// Every member to every other one.
pub(super) fn peers(network: &Network<'_>, plan: &mut Vec<Connection>) {
    let members = network.with(|node| node.etcd.is_some());
    for from in &members {
        let Some(own) = etcd(network, *from) else { continue };
        let client = peer(network, *from, own);
        for to in members.iter().filter(|to| *to != from || members.len() == 1) {
            let Some(other) = etcd(network, *to) else { continue };
            if own.peers.plain.is_some() && other.peers.plain.is_some() {
                continue;
            }
            plan.push(to_peer(network, (*from, own), (*to, other), &client));
        }
        for (name, url) in network.absent_members() {
            if own.peers.plain.is_some() && url.starts_with("http://") {
                continue;
            }
            let reason = format!(
                "the member {} ({}) is not here",
                crate::x509::Printable(&name),
                crate::x509::Printable(&url)
            );
            plan.push(Connection::blocked(Edge::EtcdPeer, client.clone(), Trouble::Missing(reason)));
        }
    }
}

fn peer(network: &Network<'_>, node: usize, etcd: &Etcd) -> Client {
    Client {
        node: Some(node),
        called: component(network, node, "etcd"),
        file: etcd.peers.pair.as_ref().map_or(&etcd.file, |pair| &pair.certificate.path).clone(),
        shows: etcd
            .peers
            .pair
            .clone()
            .map_or_else(|| Shows::Nothing(format!("{} has no --peer-cert-file", etcd.file)), Shows::Pair),
        trusts: etcd.peer_trust.clone().map_or(ServerTrust::System, ServerTrust::Anchors),
    }
}

fn to_peer(
    network: &Network<'_>,
    (from, own): (usize, &Etcd),
    (to, other): (usize, &Etcd),
    client: &Client,
) -> Connection {
    let mut notes = Vec::new();
    if from == to {
        notes.push("there is no second member here: its own peer certificate is on both sides".to_owned());
    }
    // As its own list of members has it, or else as the other one announces itself.
    let listed = own.initial_cluster.iter().find(|(name, _)| *name == other.name);
    let announced = listed.map(|(_, url)| url).or_else(|| other.peers.urls.first());
    let (host, why) = if let Some(url) = announced {
        let (flag, of) = match listed {
            Some(_) => ("--initial-cluster", from),
            None => ("--initial-advertise-peer-urls", to),
        };
        (Host::of_url(url).map(|host| host.name), format!("{flag} of {}", node_name(network, of)))
    } else {
        let (name, why) = address(network, to);
        (Ok(name), why)
    };
    // The address that the other one sees is taken to be the one that the member announces.
    let source = network.addresses(from).first().filter(|(_, origin)| *origin != Origin::Certificates);
    let mut rules: Vec<Rule> = source.map(|(ip, _)| Rule::From(ip)).into_iter().collect();
    rules.push(Rule::CommonName { allowed: other.peer_names.clone(), flag: "--peer-cert-allowed-cn" });
    let (dialled, trouble) = match host {
        Ok(name) => (Some(name), trouble(&other.peers, other)),
        Err(reason) => (None, Some(Trouble::Broken { code: "not-tls", file: client.file.clone(), reason })),
    };
    Connection {
        edge: Edge::EtcdPeer,
        client: client.clone(),
        server: server(to, &other.peers, rules),
        dialled,
        why,
        notes,
        trouble,
    }
}

/// On the node itself: the gateway and the health check.
pub(super) fn local(network: &Network<'_>, plan: &mut Vec<Connection>) {
    let dialled = || Some(SubjectAltName::Ip([127, 0, 0, 1].into()));
    for (at, node) in (0..).zip(network.nodes) {
        let Some(etcd) = &node.etcd else { continue };
        if etcd.clients.plain.is_some() {
            continue;
        }
        let trouble = trouble(&etcd.clients, etcd);
        if let Some(pair) = etcd.clients.pair.clone().filter(|_| etcd.has_gateway) {
            // It shows what the member serves with, and takes whoever answers (embed, `serveCtx.registerGateway`).
            let why = "the gateway does not verify the member that it is part of".to_owned();
            plan.push(Connection {
                edge: Edge::EtcdGateway,
                client: Client {
                    node: Some(at),
                    called: component(network, at, "etcd's gateway"),
                    file: pair.certificate.path.clone(),
                    shows: Shows::Pair(pair),
                    trusts: ServerTrust::Anyone { why, is_fault: false },
                },
                server: server(at, &etcd.clients, Vec::new()),
                dialled: dialled(),
                why: "the member itself".to_owned(),
                notes: Vec::new(),
                trouble: trouble.clone(),
            });
        }
        let Some((pair, trust)) = &etcd.healthcheck else { continue };
        plan.push(Connection {
            edge: Edge::EtcdHealthcheck,
            client: Client {
                node: Some(at),
                called: component(network, at, "the health check"),
                file: pair.certificate.path.clone(),
                shows: Shows::Pair(pair.clone()),
                trusts: ServerTrust::Anchors(trust.clone()),
            },
            server: server(at, &etcd.clients, Vec::new()),
            dialled: dialled(),
            why: "etcdctl on the node".to_owned(),
            notes: Vec::new(),
            trouble,
        });
    }
}
